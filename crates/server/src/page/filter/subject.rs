//! What a filter can be about: a field of the catalogue, or several under one name.

use durward_model::columns::{self, Column, Derived, Operator, Source, Topic};
use durward_model::{FieldId, Kind, Log, Timestamp};
use durward_query::{Op, Property, search};

use super::pills::Term;

/// What a filter is about.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    /// In addresses.
    pub(super) name: String,
    pub(super) label: &'static str,
    pub(super) topic: Topic,
    pub(super) kind: Kind,
    pub(super) operators: &'static [Operator],
    /// What values to choose from are those of.
    pub(super) values: Values,
    /// The column that shows it.
    pub(super) column: Option<&'static Column>,
}

/// Where values to choose from come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Values {
    Status,
    Log,
    Field(FieldId),
    /// A member of a list.
    Member(FieldId, &'static str),
    /// There are as many as events, or they are no texts.
    None,
}

/// Names that stand for several fields or for a member of a list: name, label, the column that
/// values are suggested from, and which member of it.
const FAMILIES: &[(&str, &str, &str, &str)] = &[
    ("user", "User", "userDisplayName", ""),
    ("who", "User", "userDisplayName", ""),
    ("app", "Application", "appDisplayName", ""),
    ("application", "Application", "appDisplayName", ""),
    ("resource", "Resource", "resourceDisplayName", ""),
    ("sp", "Service principal", "servicePrincipalName", ""),
    ("principal", "Service principal", "servicePrincipalName", ""),
    ("reason", "Failure reason", "status/failureReason", ""),
    ("location", "Location", "location/city", ""),
    ("place", "Location", "location/city", ""),
    ("device", "Device", "deviceDetail/displayName", ""),
    ("risk", "Risk", "riskLevelAggregated", ""),
    ("riskevent", "Risk event type", "riskEventTypes_v2", ""),
    ("tenant", "Tenant", "tenantId", ""),
    ("policy", "Policy", "appliedConditionalAccessPolicies", "displayName"),
    ("policyresult", "Policy result", "appliedConditionalAccessPolicies", "result"),
    ("method", "Authentication method", "authenticationDetails", "authenticationMethod"),
    ("network", "Named location", "networkLocationDetails", "networkNames"),
];

const TEXT: &[Operator] = &[
    Operator::Equal,
    Operator::NotEqual,
    Operator::In,
    Operator::Contains,
    Operator::StartsWith,
    Operator::EndsWith,
    Operator::IsEmpty,
];

impl Subject {
    /// By any name that a term can have. `None` for what is no field, or cannot be filtered.
    pub(super) fn of(name: &str) -> Option<Subject> {
        let family = FAMILIES.iter().find(|family| family.0.eq_ignore_ascii_case(name));
        if let Some((_, label, column, member)) = family {
            let mut subject = Subject::of_column(columns::by_name(column)?, name)?;
            subject.label = label;
            if let (Values::Field(field), false) = (subject.values, member.is_empty()) {
                subject.values = Values::Member(field, member);
            }
            if subject.kind.is_json() {
                (subject.kind, subject.operators) = (Kind::Text, TEXT);
            }
            return Some(subject);
        }
        let properties = search::properties(name);
        let column = match properties.as_slice() {
            [Property::Status] => columns::by_name("status"),
            [Property::Log] => columns::by_name("log"),
            [only] => columns::by_name(&only.name()),
            _ => None,
        };
        Subject::of_column(column?, name)
    }

    fn of_column(column: &'static Column, name: &str) -> Option<Subject> {
        let (values, operators) = match column.source {
            Source::Derived(Derived::Status) => (Values::Status, column.operators()),
            Source::Derived(Derived::Log) => (Values::Log, column.operators()),
            Source::Derived(Derived::Member(field, member)) => {
                (Values::Member(field, member), TEXT)
            }
            Source::Derived(_) => return None,
            Source::Field(field) => (Values::of_field(field), column.operators()),
        };
        Some(Subject {
            name: name.to_owned(),
            label: short_label(column),
            topic: column.topic,
            kind: column.kind,
            operators,
            values,
            column: Some(column),
        })
    }

    /// Does this log have it? `None` stands for all of them.
    pub(super) fn is_in(&self, log: Option<Log>) -> bool {
        self.equal_to("x").is_in(log)
    }

    /// Does `name:text` look for a part of the value?
    pub(super) fn finds_parts(&self) -> bool {
        let now = Timestamp::from_micros(0);
        let mut found = false;
        if let Ok(filter) = search::parse_search(&format!("{}:x", self.name), now) {
            filter.each_test(&mut |test| found |= matches!(test.op, Op::Contains(_)));
        }
        found
    }

    pub(super) fn is_address(&self) -> bool {
        self.operators.contains(&Operator::InNetwork)
    }

    /// Is there a smaller and a greater?
    pub(super) fn has_order(&self) -> bool {
        matches!(self.kind, Kind::Int | Kind::Float | Kind::Time)
    }

    /// The term for one value.
    pub(super) fn equal_to(&self, value: &str) -> Term {
        let values = vec![super::super::link::quoted(value)];
        Term { negated: false, name: self.name.clone(), symbol: "=", values }
    }

    /// The term for every other value.
    pub(super) fn other_than(&self, value: &str) -> Term {
        Term { symbol: "!=", ..self.equal_to(value) }
    }
}

impl Values {
    fn of_field(field: FieldId) -> Values {
        match field.field().kind {
            Kind::Object | Kind::ObjectList | Kind::Time => Values::None,
            Kind::TextList => Values::Member(field, ""),
            // With the event itself: nearly every event has another.
            _ if field.group().is_none() => Values::None,
            _ => Values::Field(field),
        }
    }
}

/// A heading that fits a narrow panel and a pill.
fn short_label(column: &Column) -> &'static str {
    match column.name {
        "status/errorCode" => "Error code",
        "location/countryOrRegion" => "Country",
        "location/state" => "State",
        "autonomousSystemNumber" => "ASN",
        "deviceDetail/operatingSystem" => "Operating system",
        _ => column.label,
    }
}
