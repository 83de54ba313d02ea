//! Sigma rules, as they are published, for the sign-in, audit and risk logs of Azure.
//!
//! Reading and matching is a library's work. What is done here: which log a rule means, which
//! field of the log each of the rule's many spellings means ([`names`]), lists for placeholders,
//! what a rule can never match and why ([`verdict`]), and a filter that finds a superset of what
//! the rule matches ([`prefilter`]), so that the library sees few of the log's records.
//!
//! Absent, null, `""`, `[]` and `{}` are the same to a rule here, as everywhere in durward.

mod event;
mod names;
mod prefilter;
mod record;
mod verdict;

use std::collections::BTreeMap;

use durward_model::Log;
use durward_query::Filter;
use durward_store::{RowRef, StoreError, View};
use hashbrown::HashMap;
use rsigma_eval::{CompiledRule, compile_rule, evaluate_rule};
use rsigma_parser::{
    Detection, DetectionItem, Modifier, SigmaCollection, SigmaRule, SigmaString, SigmaValue,
    parse_sigma_yaml,
};

use super::model::{Rule, RuleError, Schedule, Shape, Source, Suppress, slug};
use super::rows::Row;
use super::shipped::OPTIONAL_LISTS;
use crate::finding::Level;
pub(crate) use event::Shown;
pub(crate) use names::Name;
pub(crate) use record::text_at;

/// Values of one placeholder at most.
const VALUES_MAX: usize = 10_000;
/// Most documents of one file.
const DOCUMENTS_MAX: usize = 1_000;

/// Lists for the placeholders of Sigma rules (`%Known_Location%`), by name in any case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placeholders(BTreeMap<String, Vec<String>>);

impl Placeholders {
    /// From names, without the signs of percent, and their values.
    pub fn new(lists: impl IntoIterator<Item = (String, Vec<String>)>) -> Placeholders {
        Placeholders::default().with(lists)
    }

    /// With these as well, in the place of those of the same name.
    #[must_use]
    pub fn with(mut self, lists: impl IntoIterator<Item = (String, Vec<String>)>) -> Placeholders {
        for (name, mut values) in lists {
            values.truncate(VALUES_MAX);
            self.0.insert(name.to_lowercase(), values);
        }
        self
    }

    fn get(&self, name: &str) -> Option<&[String]> {
        self.0.get(&name.to_lowercase()).map(Vec::as_slice)
    }
}

/// What is to be expected of a rule that loads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It can match.
    CanFire,
    /// It can never match, for this reason.
    CannotFire(String),
}

/// A Sigma rule, ready to match.
#[derive(Debug)]
pub struct Sigma {
    title: String,
    logs: Vec<Log>,
    compiled: CompiledRule,
    names: HashMap<String, Name>,
    prefilter: Filter,
    verdict: Verdict,
    against: Vec<String>,
}

impl Sigma {
    /// Reads one rule.
    pub fn read_one(yaml: &str, placeholders: &Placeholders) -> Result<Sigma, String> {
        let mut rule = parse_one(yaml)?;
        let logs = logs_of(&rule)?;
        for detection in rule.detection.named.values_mut() {
            prepare(detection, placeholders)?;
        }
        let compiled = compile_rule(&rule).map_err(|error| error.to_string())?;
        let raw = !logs[0].is_sign_in();
        let names = names::of_rule(&rule, logs[0]);
        let prefilter = if raw { Filter::All } else { prefilter::of_rule(&rule, &names) };
        let verdict = verdict::of_rule(&rule, &names, logs[0]);
        let against = std::mem::take(&mut rule.falsepositives);
        let against = against.into_iter().filter(|text| !text.eq_ignore_ascii_case("unknown"));
        let (title, against) = (rule.title, against.collect());
        Ok(Sigma { title, logs: logs.to_vec(), compiled, names, prefilter, verdict, against })
    }

    /// Its title.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The logs that its log source means.
    pub fn logs(&self) -> &[Log] {
        &self.logs
    }

    /// Whether it can ever match.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// What its author says of false positives.
    pub fn against(&self) -> &[String] {
        &self.against
    }

    /// Every record that the rule matches fulfils this.
    pub fn prefilter(&self) -> &Filter {
        &self.prefilter
    }

    /// Does the rule match the record at a place of a view, whatever the prefilter says?
    pub fn matches_row(&self, view: &View, at: RowRef) -> Result<bool, StoreError> {
        Ok(self.matches(&Row::at(view, at)?))
    }

    /// Does the rule match a record?
    pub(crate) fn matches(&self, row: &Row<'_>) -> bool {
        evaluate_rule(&self.compiled, &Shown::new(row, &self.names)).is_some()
    }
}

/// The rules of a file, one a document; each with the text of its own document.
pub(crate) fn rules_of(yaml: &str) -> Vec<Result<Rule, RuleError>> {
    documents(yaml).into_iter().map(|document| rule_of(&document)).collect()
}

fn rule_of(yaml: &str) -> Result<Rule, RuleError> {
    let parsed = parse_one(yaml).map_err(|reason| RuleError::new("source.yaml", reason))?;
    let severity = match parsed.level {
        Some(rsigma_parser::Level::High | rsigma_parser::Level::Critical) => Level::High,
        Some(rsigma_parser::Level::Low | rsigma_parser::Level::Informational) => Level::Low,
        _ => Level::Medium,
    };
    let rule = Rule {
        id: parsed.id.unwrap_or_else(|| slug(&parsed.title)),
        name: parsed.title,
        description: parsed.description.unwrap_or_default(),
        severity,
        enabled: true,
        source: Source::Sigma { yaml: yaml.to_owned(), logs: Vec::new() },
        shape: Shape::AnyMatch,
        suppress: Suppress::default(),
        schedule: Schedule::Stream,
        deliver: Vec::new(),
    };
    rule.check()
}

/// The texts of a file's documents.
fn documents(yaml: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for line in yaml.lines() {
        if line.trim_end() == "---" && documents.len() < DOCUMENTS_MAX {
            documents.push(String::new());
        } else if let Some(document) = documents.last_mut() {
            document.push_str(line);
            document.push('\n');
        }
    }
    let says_something = |document: &String| {
        document.lines().any(|line| !line.trim().is_empty() && !line.trim().starts_with('#'))
    };
    documents.retain(says_something);
    documents
}

fn parse_one(yaml: &str) -> Result<SigmaRule, String> {
    let SigmaCollection { mut rules, correlations, filters, errors } =
        parse_sigma_yaml(yaml).map_err(|error| error.to_string())?;
    if let Some(error) = errors.into_iter().next() {
        return Err(match yaml.lines().any(is_old_aggregation) {
            true => "its condition counts (`| count`), which Sigma gave up: make it a rule with \
                     a shape"
                .to_owned(),
            false => error,
        });
    }
    if !correlations.is_empty() {
        return Err("it is a correlation of rules: make it a rule with a shape".to_owned());
    }
    if !filters.is_empty() {
        return Err("it is a filter for other rules, not a rule".to_owned());
    }
    match (rules.pop(), rules.is_empty()) {
        (Some(rule), true) => Ok(rule),
        (None, _) => Err("there is no rule in it".to_owned()),
        (Some(_), false) => Err("there are several rules in it".to_owned()),
    }
}

fn is_old_aggregation(line: &str) -> bool {
    let line = line.trim();
    line.starts_with("condition:") && line.contains('|')
}

/// The logs that a rule's log source means.
fn logs_of(rule: &SigmaRule) -> Result<&'static [Log], String> {
    let source = &rule.logsource;
    let lower = |text: &Option<String>| text.as_deref().unwrap_or_default().to_lowercase();
    let (product, service) = (lower(&source.product), lower(&source.service));
    match (product.as_str(), service.as_str()) {
        // The name of the interactive log in Azure; the others have names of their own there.
        ("azure", "signinlogs") => Ok(&[Log::InteractiveUser]),
        ("azure", "auditlogs") => Ok(&[Log::Audit]),
        ("azure", "riskdetection" | "pim") => Ok(&[Log::Risk]),
        ("azure", "activitylogs" | "azureactivity") => {
            Err("it is for Azure's log of resources (activitylogs), which is not kept here"
                .to_owned())
        }
        ("azure", "") => Err("its log source names no service".to_owned()),
        (product, service) => Err(format!("no log here is its log source ({product} {service})")),
    }
}

/// Puts lists in the place of placeholders, and the empty value in place of its spellings.
fn prepare(detection: &mut Detection, placeholders: &Placeholders) -> Result<(), String> {
    match detection {
        Detection::AllOf(items) => {
            items.iter_mut().try_for_each(|item| prepare_item(item, placeholders))
        }
        Detection::AnyOf(these) | Detection::And(these) => {
            these.iter_mut().try_for_each(|one| prepare(one, placeholders))
        }
        Detection::ArrayMatch { body, .. } => prepare(body, placeholders),
        Detection::Conditional { named, .. } => {
            named.values_mut().try_for_each(|one| prepare(one, placeholders))
        }
        Detection::Keywords(_) => Ok(()),
    }
}

fn prepare_item(item: &mut DetectionItem, placeholders: &Placeholders) -> Result<(), String> {
    if item.field.has_modifier(Modifier::Expand) {
        item.field.modifiers.retain(|modifier| *modifier != Modifier::Expand);
        let mut values = Vec::new();
        for value in &item.values {
            match value {
                SigmaValue::String(text) => expand(&text.original, placeholders, &mut values)?,
                other => values.push(other.clone()),
            }
        }
        item.values = values;
    }
    let whole = |modifier: &Modifier| matches!(modifier, Modifier::All | Modifier::Cased);
    if item.field.modifiers.iter().all(whole) {
        for value in &mut item.values {
            if let SigmaValue::String(text) = value
                && matches!(text.as_plain().as_deref(), Some("" | "[]" | "{}"))
            {
                *value = SigmaValue::Null;
            }
        }
    }
    Ok(())
}

/// `text` with every value of the list whose name stands in it between signs of percent.
fn expand(
    text: &str,
    placeholders: &Placeholders,
    values: &mut Vec<SigmaValue>,
) -> Result<(), String> {
    let mut parts = text.splitn(3, '%');
    let (Some(before), Some(name), Some(after)) = (parts.next(), parts.next(), parts.next()) else {
        values.push(SigmaValue::String(SigmaString::new(text)));
        return Ok(());
    };
    let list = placeholders.get(name).unwrap_or_default();
    let may_be_empty = OPTIONAL_LISTS.iter().any(|known| known.eq_ignore_ascii_case(name));
    if list.is_empty() && !may_be_empty {
        return Err(format!(
            "it needs a list for its placeholder %{name}%, and none is configured"
        ));
    }
    for value in list {
        let mut literal = String::new();
        for letter in value.chars() {
            if matches!(letter, '*' | '?' | '\\') {
                literal.push('\\');
            }
            literal.push(letter);
        }
        values.push(SigmaValue::String(SigmaString::new(&format!("{before}{literal}{after}"))));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_cut_into_its_documents() {
        let texts = documents("# a\n---\ntitle: a\n---\n\n---\ntitle: b\n");
        assert_eq!(texts, ["title: a\n", "title: b\n"]);
    }

    #[test]
    fn placeholders_need_a_list() {
        let lists = Placeholders::new([("Known".to_owned(), vec!["E*S".to_owned(), "PT".into()])]);
        let mut values = Vec::new();
        expand("x-%KNOWN%-y", &lists, &mut values).unwrap();
        let texts: Vec<_> = values
            .iter()
            .map(|value| match value {
                SigmaValue::String(text) => text.as_plain().unwrap(),
                _ => unreachable!(),
            })
            .collect();
        assert_eq!(texts, ["x-E*S-y", "x-PT-y"]);
        assert!(expand("%Other%", &lists, &mut values).unwrap_err().contains("%Other%"));
    }
}
