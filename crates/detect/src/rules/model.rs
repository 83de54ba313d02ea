//! What a rule is. It is written as TOML or JSON, and kept as JSON.
//!
//! A rule has a source (which records match), a shape (what matching records must look like
//! together), and says what is done with what it finds. [`Rule::check`] names the part of a rule
//! that cannot be.

use std::fmt;
use std::str::FromStr;

use durward_model::Log;
use durward_model::time::{DAY_MICROS, HOUR_MICROS, SECOND_MICROS};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::key::Key;
use crate::finding::Level;

/// Longest identifier, name, and any other text of a rule, in bytes.
const ID_MAX: usize = 80;
const NAME_MAX: usize = 200;
const TEXT_MAX: usize = 64 * 1024;
/// Channels that a rule delivers to, and values that make up an entity, at most.
const LIST_MAX: usize = 16;
/// Longest window; what is looked back over with every look.
const WINDOW_MAX: Span = Span(30 * DAY_MICROS);
/// Longest learning period.
const LEARNING_MAX: Span = Span(90 * DAY_MICROS);
/// Most records, and most different values, that a rule can ask for.
pub(crate) const COUNT_MAX: usize = 10_000;
pub(crate) const DISTINCT_MAX: usize = 1_000;
/// Longest quiet time about one entity: 30 days.
const QUIET_HOURS_MAX: u32 = 720;
/// Longest time between two runs: a day.
const EVERY_MINUTES_MAX: u32 = 1_440;

/// A rule cannot be: which part of it, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct RuleError {
    /// The part, as it is written in the rule: `shape.window`.
    pub field: String,
    /// Why.
    pub reason: String,
}

impl RuleError {
    pub(crate) fn new(field: impl Into<String>, reason: impl Into<String>) -> RuleError {
        RuleError { field: field.into(), reason: reason.into() }
    }
}

/// A length of time, written `90s`, `30m`, `2h` or `14d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(
    /// µs.
    pub i64,
);

const UNITS: [(char, i64); 4] =
    [('d', DAY_MICROS), ('h', HOUR_MICROS), ('m', 60 * SECOND_MICROS), ('s', SECOND_MICROS)];

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS.iter().find(|(_, unit)| self.0 % unit == 0 && self.0 != 0);
        let (letter, unit) = whole.unwrap_or(&UNITS[3]);
        write!(f, "{}{letter}", self.0 / unit)
    }
}

impl Span {
    /// In whole units of the largest kind of which there are at least two.
    pub(crate) fn rounded(self) -> Span {
        let unit = UNITS.iter().map(|(_, unit)| *unit).find(|unit| self.0 >= 2 * unit);
        let unit = unit.unwrap_or(SECOND_MICROS);
        Span(self.0 / unit * unit)
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Span, String> {
        let wrong = || format!("{text:?} is no length of time such as 90s, 30m, 2h or 14d");
        let letter = text.chars().next_back().ok_or_else(wrong)?;
        let (_, unit) = UNITS.iter().find(|(known, _)| *known == letter).ok_or_else(wrong)?;
        let number: u32 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
        i64::from(number).checked_mul(*unit).map(Span).ok_or_else(wrong)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// How a filter is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// As in the explorer's filter box: `status:failure app:exchange`.
    #[default]
    Search,
    /// OData, as in Graph: `status/errorCode eq 50126`.
    OData,
}

/// Which records match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum Source {
    /// What the explorer shows for a filter.
    Filter {
        /// The filter; empty for every record.
        #[serde(default)]
        text: String,
        /// How it is written.
        #[serde(default)]
        language: Language,
        /// The logs, by their names in the interface; none for the four sign-in logs.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        logs: Vec<String>,
    },
    /// What a Sigma rule matches.
    Sigma {
        /// The rule as published: one YAML document.
        yaml: String,
        /// The logs to look in instead of those that its log source means.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        logs: Vec<String>,
    },
    /// What a KQL query gives. Refused until durward speaks KQL.
    Kql {
        /// The query.
        query: String,
    },
}

/// What matching records must look like together. Entities are named as in the filter box
/// (`user`, `ip`, `app`) or as in the field catalogue; none means the tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Shape {
    /// Every one is a finding.
    #[default]
    AnyMatch,
    /// So many of one entity within a window.
    Count {
        /// The entity.
        #[serde(default)]
        per: Vec<String>,
        /// How many are enough.
        at_least: usize,
        /// The window.
        window: Span,
    },
    /// So many different values with one entity within a window: users of an address.
    Distinct {
        /// What is counted.
        of: String,
        /// The entity.
        #[serde(default)]
        per: Vec<String>,
        /// How many different values are enough.
        at_least: usize,
        /// The window.
        window: Span,
    },
    /// A value that the entity did not have in the learning period before. Entities that were
    /// not there yet when the learning period began are not judged.
    NewValue {
        /// What is new.
        of: String,
        /// The entity.
        #[serde(default)]
        per: Vec<String>,
        /// How long what is known is remembered.
        learning: Span,
    },
    /// Of one entity, a record of the first kind and then one of the second.
    Sequence {
        /// What comes first: a filter beside the rule's own.
        first: String,
        /// What comes then.
        then: String,
        /// The entity.
        #[serde(default)]
        per: Vec<String>,
        /// How soon after.
        within: Span,
    },
    /// Nothing of an entity that was there, for so long.
    Absence {
        /// The entity.
        #[serde(default)]
        per: Vec<String>,
        /// How long.
        #[serde(rename = "for")]
        lasting: Span,
    },
}

/// What is one finding, and not several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suppress {
    /// Records of one attempt (one correlation identifier) are one finding, for
    /// [`Shape::AnyMatch`].
    #[serde(default = "yes")]
    pub same_attempt: bool,
    /// One finding at most about an entity in so many hours, counted from the beginning of the
    /// day for 24, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_entity_hours: Option<u32>,
}

fn yes() -> bool {
    true
}

impl Default for Suppress {
    fn default() -> Suppress {
        Suppress { same_attempt: true, same_entity_hours: None }
    }
}

/// When a rule is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum Schedule {
    /// As records come in.
    #[default]
    Stream,
    /// Every so many minutes.
    Every {
        /// Minutes.
        minutes: u32,
    },
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its identifier; made from the name where it is empty.
    #[serde(default)]
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// The level of its findings.
    #[serde(default = "medium")]
    pub severity: Level,
    /// Is it looked at?
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Which records match.
    pub source: Source,
    /// What they must look like together.
    #[serde(default)]
    pub shape: Shape,
    /// What is one finding.
    #[serde(default)]
    pub suppress: Suppress,
    /// When it is looked at.
    #[serde(default)]
    pub schedule: Schedule,
    /// Names of the channels that are told.
    #[serde(default)]
    pub deliver: Vec<String>,
}

fn medium() -> Level {
    Level::Medium
}

impl Rule {
    /// What findings of it have as their detection.
    pub fn detection(&self) -> String {
        format!("rule:{}", self.id)
    }

    /// Fills in the identifier where there is none, and checks everything that can be checked
    /// without the administrator's lists (see [`super::Compiled`]).
    pub fn check(mut self) -> Result<Rule, RuleError> {
        self.name = self.name.trim().to_owned();
        if self.id.is_empty() {
            self.id = slug(&self.name);
        }
        let named = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        if self.id.is_empty() || self.id.len() > ID_MAX || !self.id.chars().all(named) {
            let reason = format!("letters, digits, '-', '_' and '.', at most {ID_MAX}");
            return Err(RuleError::new("id", reason));
        }
        if self.name.is_empty() || self.name.len() > NAME_MAX {
            return Err(RuleError::new("name", format!("1 to {NAME_MAX} bytes")));
        }
        if self.description.len() > TEXT_MAX {
            return Err(RuleError::new("description", format!("at most {TEXT_MAX} bytes")));
        }
        self.source.check()?;
        self.shape.check()?;
        let hours = self.suppress.same_entity_hours.unwrap_or(1);
        if hours == 0 || hours > QUIET_HOURS_MAX {
            let reason = format!("1 to {QUIET_HOURS_MAX}, not {hours}");
            return Err(RuleError::new("suppress.same_entity_hours", reason));
        }
        if let Schedule::Every { minutes } = self.schedule
            && (minutes == 0 || minutes > EVERY_MINUTES_MAX)
        {
            let reason = format!("1 to {EVERY_MINUTES_MAX}, not {minutes}");
            return Err(RuleError::new("schedule.minutes", reason));
        }
        let fits = |channel: &String| !channel.is_empty() && channel.len() <= NAME_MAX;
        if self.deliver.len() > LIST_MAX || !self.deliver.iter().all(fits) {
            return Err(RuleError::new("deliver", format!("at most {LIST_MAX} names of channels")));
        }
        Ok(self)
    }
}

impl Source {
    fn check(&self) -> Result<(), RuleError> {
        let (part, text) = match self {
            Source::Filter { text, .. } => ("source.text", text),
            Source::Sigma { yaml, .. } => ("source.yaml", yaml),
            Source::Kql { .. } => {
                let reason = "KQL is not there yet; write the rule as a filter or in Sigma";
                return Err(RuleError::new("source.query", reason));
            }
        };
        if text.len() > TEXT_MAX {
            return Err(RuleError::new(part, format!("at most {TEXT_MAX} bytes")));
        }
        self.logs().map(|_| ())
    }

    /// The logs that are named; none for the usual ones.
    pub(crate) fn logs(&self) -> Result<Vec<Log>, RuleError> {
        let (Source::Filter { logs, .. } | Source::Sigma { logs, .. }) = self else {
            return Ok(Vec::new());
        };
        let known = Log::ALL.map(Log::name).join(", ");
        let read = |name: &String| {
            Log::from_name(name).ok_or_else(|| {
                RuleError::new("source.logs", format!("there is no log {name:?}, but {known}"))
            })
        };
        logs.iter().map(read).collect()
    }
}

impl Shape {
    /// What makes up the entity.
    pub fn per(&self) -> &[String] {
        match self {
            Shape::AnyMatch => &[],
            Shape::Count { per, .. }
            | Shape::Distinct { per, .. }
            | Shape::NewValue { per, .. }
            | Shape::Sequence { per, .. }
            | Shape::Absence { per, .. } => per,
        }
    }

    /// What is counted or new.
    pub fn of(&self) -> Option<&str> {
        match self {
            Shape::Distinct { of, .. } | Shape::NewValue { of, .. } => Some(of),
            _ => None,
        }
    }

    fn check(&self) -> Result<(), RuleError> {
        if self.per().len() > LIST_MAX {
            return Err(RuleError::new("shape.per", format!("at most {LIST_MAX} fields")));
        }
        for name in self.per() {
            Key::new(name).map_err(|reason| RuleError::new("shape.per", reason))?;
        }
        if let Some(of) = self.of() {
            Key::new(of).map_err(|reason| RuleError::new("shape.of", reason))?;
        }
        match self {
            Shape::AnyMatch => Ok(()),
            Shape::Count { at_least, window, .. } => {
                at_least_between(*at_least, 1, COUNT_MAX)?;
                span_between("shape.window", *window, WINDOW_MAX)
            }
            Shape::Distinct { at_least, window, .. } => {
                at_least_between(*at_least, 2, DISTINCT_MAX)?;
                span_between("shape.window", *window, WINDOW_MAX)
            }
            Shape::NewValue { learning, .. } => {
                if learning.0 < DAY_MICROS {
                    return Err(RuleError::new("shape.learning", "at least 1d"));
                }
                span_between("shape.learning", *learning, LEARNING_MAX)
            }
            Shape::Sequence { within, .. } => span_between("shape.within", *within, WINDOW_MAX),
            Shape::Absence { lasting, .. } => span_between("shape.for", *lasting, WINDOW_MAX),
        }
    }
}

fn at_least_between(value: usize, least: usize, most: usize) -> Result<(), RuleError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(RuleError::new("shape.at_least", format!("{least} to {most}, not {value}")))
}

fn span_between(part: &str, span: Span, most: Span) -> Result<(), RuleError> {
    if span.0 >= SECOND_MICROS && span <= most {
        return Ok(());
    }
    Err(RuleError::new(part, format!("1s to {most}, not {span}")))
}

/// An identifier made from a name: `Many countries!` is `many-countries`.
pub(crate) fn slug(name: &str) -> String {
    let mut slug = String::new();
    for letter in durward_query::fold::fold(name).chars() {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() >= ID_MAX {
            break;
        }
    }
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Result<Rule, String> {
        let rule: Rule = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        rule.check().map_err(|error| error.to_string())
    }

    #[test]
    fn a_rule_is_read_and_written_alike() {
        let text = "name = 'Many countries!'\nseverity = 'high'\n\
            source = { type = 'filter', text = 'status:success', logs = ['interactiveUser'] }\n\
            shape = { type = 'distinct', of = 'country', per = ['user'], at_least = 3, \
            window = '2h' }\n\
            suppress = { same_entity_hours = 24 }\nschedule = { type = 'every', minutes = 15 }";
        let rule = rule(text).unwrap();
        assert_eq!((rule.id.as_str(), rule.enabled), ("many-countries", true));
        let json = serde_json::to_string(&rule).unwrap();
        assert_eq!(serde_json::from_str::<Rule>(&json).unwrap(), rule);
        assert!(json.contains(r#""window":"2h""#), "{json}");
    }

    #[test]
    fn mistakes_name_the_part() {
        let with = |shape: &str| {
            rule(&format!("name = 'x'\nsource = {{ type = 'filter' }}\nshape = {{ {shape} }}"))
        };
        for (shape, complaint) in [
            ("type = 'count', at_least = 0, window = '1h'", "shape.at_least"),
            ("type = 'count', at_least = 5, window = '99d'", "shape.window"),
            ("type = 'count', at_least = 5, window = '1h', per = ['shoe']", "shape.per"),
            ("type = 'distinct', of = 'policy', at_least = 5, window = '1h'", "shape.of"),
            ("type = 'new-value', of = 'country', learning = '1h'", "shape.learning"),
            ("type = 'absence', for = '0s'", "shape.for"),
            ("type = 'sequence', first = '', then = '', within = '31d'", "shape.within"),
            ("type = 'count', at_least = 5, window = 'soon'", "soon"),
            ("type = 'heptagon'", "heptagon"),
        ] {
            let said = with(shape).unwrap_err();
            assert!(said.contains(complaint), "{shape}: {said}");
        }
        let kql = rule("name = 'x'\nsource = { type = 'kql', query = 'SigninLogs' }");
        assert!(kql.unwrap_err().starts_with("source.query: KQL"));
        let log = rule("name = 'x'\nsource = { type = 'filter', logs = ['tree'] }").unwrap_err();
        assert!(log.starts_with("source.logs") && log.contains("interactiveUser"), "{log}");
        assert!(rule("name = '  '\nsource = { type = 'filter' }").is_err());
        assert!(rule("name = 'x'\nsource = { type = 'filter' }\ncolour = 1").is_err());
    }

    #[test]
    fn spans_are_written_in_the_largest_unit() {
        for (text, again) in [("90s", "90s"), ("120m", "2h"), ("48h", "2d"), ("30m", "30m")] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), again);
        }
        assert!("".parse::<Span>().is_err() && "5é".parse::<Span>().is_err());
    }
}
