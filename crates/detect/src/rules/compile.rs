//! A rule made ready: its texts read, its names resolved.

use durward_model::{FieldId, Kind, Log, Timestamp};
use durward_query::odata::{Dialect, parse_filter};
use durward_query::{Filter, Property, parse_search};

use super::key::Key;
use super::model::{Language, Rule, RuleError, Shape, Source};
use super::rows::Row;
use super::sigma::{Placeholders, Sigma};

/// A rule that can be run.
#[derive(Debug)]
pub struct Compiled {
    pub(crate) rule: Rule,
    /// The logs to look in.
    pub(crate) logs: Vec<Log>,
    /// What every matching record fulfils.
    pub(crate) filter: Filter,
    /// What decides about those; `None` where the filter does.
    pub(crate) sigma: Option<Sigma>,
    /// Of a sequence, what comes first and what then.
    pub(crate) steps: Option<(Filter, Filter)>,
    pub(crate) per: Vec<Key>,
    pub(crate) of: Option<Key>,
    /// What speaks against a finding, as the rule itself says.
    pub(crate) against: Vec<String>,
}

impl Compiled {
    /// Makes a rule ready, with the values of the placeholders that Sigma rules may name.
    pub fn new(rule: Rule, placeholders: &Placeholders) -> Result<Compiled, RuleError> {
        let rule = rule.check()?;
        let named = rule.source.logs()?;
        let (mut logs, mut sigma) = (Log::SIGN_INS.to_vec(), None);
        let filter = match &rule.source {
            Source::Filter { text, language, .. } => read("source.text", text, *language)?,
            Source::Sigma { yaml, .. } => {
                let read = Sigma::read_one(yaml, placeholders)
                    .map_err(|reason| RuleError::new("source.yaml", reason))?;
                logs = read.logs().to_vec();
                let raw = named.iter().any(|log| log.is_sign_in() != logs[0].is_sign_in());
                if raw {
                    let reason = "sign-in logs and other logs have other fields";
                    return Err(RuleError::new("source.logs", reason));
                }
                let filter = read.prefilter().clone();
                sigma = Some(read);
                filter
            }
            // `check` has refused it.
            Source::Kql { .. } => {
                return Err(RuleError::new("source.query", "KQL is not there yet"));
            }
        };
        if !named.is_empty() {
            logs = named;
        }
        let language = match &rule.source {
            Source::Filter { language, .. } => *language,
            _ => Language::Search,
        };
        let steps = match &rule.shape {
            Shape::Sequence { first, then, .. } => {
                let first = read("shape.first", first, language)?;
                Some((first, read("shape.then", then, language)?))
            }
            _ => None,
        };
        let key = |part: &str, name: &str| Key::new(name).map_err(|why| RuleError::new(part, why));
        let per = rule.shape.per().iter().map(|name| key("shape.per", name));
        let per = per.collect::<Result<Vec<_>, _>>()?;
        let of = rule.shape.of().map(|name| key("shape.of", name)).transpose()?;
        let against = sigma.as_ref().map(|sigma| sigma.against().to_vec()).unwrap_or_default();
        Ok(Compiled { rule, logs, filter, sigma, steps, per, of, against })
    }

    /// The rule itself.
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// The Sigma rule behind it, if there is one.
    pub fn sigma(&self) -> Option<&Sigma> {
        self.sigma.as_ref()
    }

    /// Does the rule read records of other logs than sign-ins, all of them?
    pub(crate) fn reads_all(&self) -> bool {
        self.sigma.is_some() && self.filter == Filter::All && self.steps.is_none()
    }

    /// Does a record that the filter found match?
    pub(crate) fn matches(&self, row: &Row<'_>) -> bool {
        self.sigma.as_ref().is_none_or(|sigma| sigma.matches(row))
    }
}

/// Reads a filter of a rule. The range of time is the rule's own, so none may be named.
fn read(part: &str, text: &str, language: Language) -> Result<Filter, RuleError> {
    let filter = match language {
        Language::Search => parse_search(text, Timestamp::from_micros(0))
            .map_err(|error| RuleError::new(part, error.to_string()))?,
        Language::OData => parse_filter(text, Dialect::Own)
            .map_err(|error| RuleError::new(part, error.to_string()))?,
    };
    let mut timed = None;
    filter.each_test(&mut |test| {
        let Property::Field(field) = &test.of else { return };
        let is_time = field.field().kind == Kind::Time && *field != FieldId::PublishedDateTime;
        if is_time {
            timed = Some(test.of.name());
        }
    });
    match timed {
        Some(name) => Err(RuleError::new(
            part,
            format!("a rule looks at all times: leave out the test of {name}"),
        )),
        None => Ok(filter),
    }
}
