//! A rule as a form has it: texts, of which some may make no rule yet.

use durward_detect::Level;
use durward_detect::rules::{Language, Rule, RuleError, Schedule, Shape, Source, Span, Suppress};
use durward_model::Timestamp;
use durward_query::odata;

use crate::error::ApiError;
use crate::page::filter;
use crate::page::state::State;
use crate::params::Params;

/// Names of the form's fields; those of logs and channels are `l.NAME` and `d.NAME`.
const FIELDS: [&str; 23] = [
    "csrf",
    "id",
    "name",
    "description",
    "severity",
    "enabled",
    "source",
    "language",
    "text",
    "yaml",
    "shape",
    "per",
    "of",
    "at_least",
    "window",
    "first",
    "then",
    "same_attempt",
    "hours",
    "minutes",
    "days",
    "test",
    "shown",
];

/// Shapes: their names in forms and rules, what they are called, and the fields they need.
pub(super) const SHAPES: [(&str, &str, &str); 6] = [
    ("any-match", "Any match", ""),
    ("count", "Count of an entity within a window", "per at_least window"),
    ("distinct", "Different values of an entity within a window", "per of at_least window"),
    ("new-value", "A value that is new for an entity", "per of window"),
    ("sequence", "One after the other, of an entity", "per first then window"),
    ("absence", "Nothing of an entity for a time", "per window"),
];

/// What the form says.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft(Params);

impl Draft {
    /// Reads a form.
    pub(super) fn read(form: Params) -> Result<Draft, ApiError> {
        let more = form.0.iter().map(|(name, _)| name.as_str());
        let more = more.filter(|name| name.starts_with("l.") || name.starts_with("d."));
        form.only(&FIELDS.iter().copied().chain(more).collect::<Vec<_>>())?;
        Ok(Draft(form))
    }

    /// A rule that there is.
    pub(super) fn of(rule: &Rule) -> Draft {
        let mut pairs: Vec<(String, String)> = Vec::new();
        let mut put = |name: &str, value: &str| pairs.push((name.to_owned(), value.to_owned()));
        put("id", &rule.id);
        put("name", &rule.name);
        put("description", &rule.description);
        put("severity", rule.severity.name());
        put("enabled", if rule.enabled { "true" } else { "" });
        let logs = match &rule.source {
            Source::Filter { text, language, logs } => {
                put("source", "filter");
                put("text", text);
                put("language", if *language == Language::OData { "odata" } else { "search" });
                logs.as_slice()
            }
            Source::Sigma { yaml, logs } => {
                put("source", "sigma");
                put("yaml", yaml);
                logs.as_slice()
            }
            Source::Kql { .. } => &[],
        };
        logs.iter().for_each(|log| put(&format!("l.{log}"), "true"));
        put("shape", name_of(&rule.shape));
        put("per", &rule.shape.per().join(", "));
        put("of", rule.shape.of().unwrap_or_default());
        if let Some(least) = at_least(&rule.shape) {
            put("at_least", &least.to_string());
        }
        put("window", &window(&rule.shape).map(|span| span.to_string()).unwrap_or_default());
        if let Shape::Sequence { first, then, .. } = &rule.shape {
            put("first", first);
            put("then", then);
        }
        put("same_attempt", if rule.suppress.same_attempt { "true" } else { "" });
        let hours = rule.suppress.same_entity_hours.map(|hours| hours.to_string());
        put("hours", &hours.unwrap_or_default());
        if let Schedule::Every { minutes } = rule.schedule {
            put("minutes", &minutes.to_string());
        }
        rule.deliver.iter().for_each(|channel| put(&format!("d.{channel}"), "true"));
        Draft(Params(pairs))
    }

    /// What the explorer shows, as the filter of a new rule.
    pub(super) fn of_state(state: &State, now: Timestamp) -> Result<Draft, ApiError> {
        let filter = state.filter(now).map_err(|error| ApiError::bad_request(error.to_string()))?;
        let (language, text) = match filter::short_form(state, now) {
            Some(text) => ("search", text),
            None => ("odata", odata::print(&filter).unwrap_or_default()),
        };
        let mut pairs = vec![
            ("severity", "medium".to_owned()),
            ("enabled", "true".to_owned()),
            ("source", "filter".to_owned()),
            ("language", language.to_owned()),
            ("text", text),
            ("shape", "any-match".to_owned()),
            ("same_attempt", "true".to_owned()),
        ];
        let log = state.tab.0.map(|log| format!("l.{}", log.name()));
        if let Some(log) = &log {
            pairs.push((log, "true".to_owned()));
        }
        Ok(Draft(Params(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())))
    }

    /// A field's text; empty where there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.get(name).unwrap_or_default()
    }

    pub(super) fn is_set(&self, name: &str) -> bool {
        self.get(name) == "true"
    }

    pub(super) fn id(&self) -> &str {
        self.get("id")
    }

    /// The back-test that the form names.
    pub(super) fn test(&self) -> &str {
        self.get("test")
    }

    /// Names a back-test in the place of the one that was named.
    pub(super) fn name_test(&mut self, test: &str) {
        self.0.0.retain(|(name, _)| name != "test");
        self.0.0.push(("test".to_owned(), test.to_owned()));
    }

    /// Days of a back-test.
    pub(super) fn days(&self) -> Result<u32, ApiError> {
        Ok(self.0.number("days", 90, 400)? as u32)
    }

    fn names(&self, prefix: &str) -> Vec<String> {
        let set = self.0.0.iter().filter(|(_, value)| value == "true");
        set.filter_map(|(name, _)| name.strip_prefix(prefix)).map(str::to_owned).collect()
    }

    /// Channels that the form names.
    pub(super) fn channels(&self) -> Vec<String> {
        self.names("d.")
    }

    /// The rule, if it is one.
    pub(super) fn rule(&self) -> Result<Rule, RuleError> {
        let logs = self.names("l.");
        let text = |name: &str| {
            // Blanks at the ends matter in YAML.
            let found = self.0.0.iter().find(|(other, _)| other == name);
            found.map(|(_, text)| text.replace("\r\n", "\n")).unwrap_or_default()
        };
        let source = match self.get("source") {
            "sigma" => Source::Sigma { yaml: text("yaml"), logs },
            _ => Source::Filter {
                text: self.get("text").to_owned(),
                language: match self.get("language") {
                    "odata" => Language::OData,
                    _ => Language::Search,
                },
                logs,
            },
        };
        let hours = self.number::<u32>("hours", "suppress.same_entity_hours")?;
        let schedule = match self.number::<u32>("minutes", "schedule.minutes")? {
            Some(minutes) => Schedule::Every { minutes },
            None => Schedule::Stream,
        };
        let rule = Rule {
            id: self.id().to_owned(),
            name: self.get("name").to_owned(),
            description: self.get("description").to_owned(),
            severity: Level::from_name(self.get("severity")).unwrap_or(Level::Medium),
            enabled: self.is_set("enabled"),
            source,
            shape: self.shape()?,
            suppress: Suppress {
                same_attempt: self.is_set("same_attempt"),
                same_entity_hours: hours,
            },
            schedule,
            deliver: self.channels(),
        };
        rule.check()
    }

    fn number<T: std::str::FromStr>(
        &self,
        name: &str,
        field: &str,
    ) -> Result<Option<T>, RuleError> {
        let text = self.get(name);
        if text.is_empty() {
            return Ok(None);
        }
        let wrong = |_| problem(field, "this must be a whole number");
        text.parse().map(Some).map_err(wrong)
    }

    fn shape(&self) -> Result<Shape, RuleError> {
        let per: Vec<String> =
            self.get("per").split(',').map(str::trim).map(str::to_owned).collect();
        let per: Vec<String> = per.into_iter().filter(|name| !name.is_empty()).collect();
        let of = self.get("of").to_owned();
        let least = || {
            let least = self.number("at_least", "shape.at_least")?;
            least.ok_or_else(|| problem("shape.at_least", "say how many are enough"))
        };
        let window = |field: &str| {
            self.get("window").parse::<Span>().map_err(|reason| problem(field, &reason))
        };
        Ok(match self.get("shape") {
            "count" => Shape::Count { per, at_least: least()?, window: window("shape.window")? },
            "distinct" => {
                Shape::Distinct { of, per, at_least: least()?, window: window("shape.window")? }
            }
            "new-value" => Shape::NewValue { of, per, learning: window("shape.learning")? },
            "sequence" => Shape::Sequence {
                first: self.get("first").to_owned(),
                then: self.get("then").to_owned(),
                per,
                within: window("shape.within")?,
            },
            "absence" => Shape::Absence { per, lasting: window("shape.for")? },
            _ => Shape::AnyMatch,
        })
    }
}

fn problem(field: &str, reason: &str) -> RuleError {
    RuleError { field: field.to_owned(), reason: reason.to_owned() }
}

/// A shape's name in forms.
pub(super) fn name_of(shape: &Shape) -> &'static str {
    match shape {
        Shape::AnyMatch => "any-match",
        Shape::Count { .. } => "count",
        Shape::Distinct { .. } => "distinct",
        Shape::NewValue { .. } => "new-value",
        Shape::Sequence { .. } => "sequence",
        Shape::Absence { .. } => "absence",
    }
}

fn at_least(shape: &Shape) -> Option<usize> {
    match shape {
        Shape::Count { at_least, .. } | Shape::Distinct { at_least, .. } => Some(*at_least),
        _ => None,
    }
}

fn window(shape: &Shape) -> Option<Span> {
    match shape {
        Shape::AnyMatch => None,
        Shape::Count { window, .. } | Shape::Distinct { window, .. } => Some(*window),
        Shape::NewValue { learning, .. } => Some(*learning),
        Shape::Sequence { within, .. } => Some(*within),
        Shape::Absence { lasting, .. } => Some(*lasting),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(query: &str) -> Draft {
        Draft::read(Params::parse(Some(query)).unwrap()).unwrap()
    }

    #[test]
    fn a_rule_survives_the_form() {
        for shape in [
            "shape=any-match",
            "shape=count&per=user&at_least=5&window=1h",
            "shape=distinct&per=ip&of=user&at_least=8&window=30m",
            "shape=new-value&per=user&of=country&window=30d",
            "shape=sequence&per=user&first=status:failure&then=status:success&window=2h",
            "shape=absence&per=app&window=6h",
        ] {
            let more = "name=Mine&source=filter&text=app:exchange&l.interactiveUser=true\
                        &same_attempt=true&hours=24&minutes=15&enabled=true&d.team=true";
            let rule = draft(&format!("{more}&{shape}")).rule().unwrap();
            assert_eq!(Draft::of(&rule).rule().unwrap(), rule, "{shape}");
            assert_eq!(rule.deliver, ["team"]);
            assert!(SHAPES.iter().any(|(name, ..)| *name == name_of(&rule.shape)));
        }
    }

    #[test]
    fn what_is_wrong_names_its_field() {
        for (query, field) in [
            ("name=x&shape=count&per=user&window=1h", "shape.at_least"),
            ("name=x&shape=count&per=user&at_least=many&window=1h", "shape.at_least"),
            ("name=x&shape=count&per=user&at_least=5&window=soon", "shape.window"),
            ("name=x&shape=count&per=shoe&at_least=5&window=1h", "shape.per"),
            ("name=x&minutes=often", "schedule.minutes"),
            ("shape=any-match", "id"),
        ] {
            assert_eq!(draft(query).rule().unwrap_err().field, field, "{query}");
        }
        assert!(Draft::read(Params::parse(Some("colour=1")).unwrap()).is_err());
    }

    #[test]
    fn a_view_of_the_explorer_becomes_a_filter() {
        let query = "type=i&q=exchange&f=status%3Dfailure";
        let state = State::parse(&Params::parse(Some(query)).unwrap()).unwrap();
        let draft = Draft::of_state(&state, Timestamp::from_micros(0)).unwrap();
        assert_eq!(draft.get("language"), "search");
        assert!(draft.get("text").contains("exchange"), "{}", draft.get("text"));
        assert!(draft.get("text").contains("status"), "{}", draft.get("text"));
        assert!(draft.is_set("l.interactiveUser"));
    }
}
