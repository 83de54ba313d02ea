//! Columns: what lists, filters and exports can show, derived from the field catalogue.
//!
//! Every field is a column. A few more are derived: the status word, one text for the location,
//! the number of grouped sign-ins, members of objects that people ask for by name. [`text`] turns
//! values into what a person reads, [`csv`] lays out downloads.

use std::sync::LazyLock;

use crate::enums::Enum;
use crate::errors::{Category, Status};
use crate::field::{FIELDS, Field, FieldId, Group, Kind, Log, Place};

pub mod csv;
pub mod text;

/// Where a column's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A field of the catalogue.
    Field(FieldId),
    /// Computed.
    Derived(Derived),
}

/// Values that no field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Derived {
    /// Success, Failure or Interrupted, from the error code.
    Status,
    /// Why it did not succeed, in the source's words or else ours.
    StatusReason,
    /// The published name of the error code.
    ErrorName,
    /// The category of the error code.
    ErrorCategory,
    /// `City, State, CC`.
    Location,
    /// Which log.
    Log,
    /// Who signed in, whatever the log: user name, user principal name, service principal.
    Actor,
    /// How many sign-ins a group stands for. An event by itself has no value.
    Count,
    /// A text member of a JSON object.
    Member(FieldId, &'static str),
}

/// What a filter menu lists a column under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum Topic {
    Who,
    How,
    What,
    Where,
    Device,
    Result,
    ConditionalAccess,
    Authentication,
    Risk,
    TokenAndSession,
    Identifiers,
    Record,
}

impl Topic {
    /// The heading.
    pub fn label(self) -> &'static str {
        match self {
            Topic::Who => "Who",
            Topic::How => "How",
            Topic::What => "What",
            Topic::Where => "Where",
            Topic::Device => "Device",
            Topic::Result => "Result",
            Topic::ConditionalAccess => "Conditional Access",
            Topic::Authentication => "Authentication",
            Topic::Risk => "Risk",
            Topic::TokenAndSession => "Token & session",
            Topic::Identifiers => "Identifiers",
            Topic::Record => "Record",
        }
    }

    fn of_field(field: &Field) -> Topic {
        match (field.id, field.place) {
            (FieldId::ProcessingTimeInMilliseconds, _) => Topic::TokenAndSession,
            (FieldId::ClientAppUsed | FieldId::UserAgent, _) => Topic::How,
            (FieldId::ConditionalAccessStatus, _) => Topic::ConditionalAccess,
            (_, Place::Row) if field.kind == Kind::Id => Topic::Identifiers,
            (FieldId::UniqueTokenIdentifier, _) => Topic::Identifiers,
            (_, Place::Row) => Topic::Record,
            (_, Place::Entity(group)) => match group {
                Group::Source => Topic::Record,
                Group::Actor | Group::ServicePrincipal => Topic::Who,
                Group::Application => Topic::How,
                Group::Resource => Topic::What,
                Group::Device => Topic::Device,
                Group::Network => Topic::Where,
                Group::Outcome => Topic::Result,
                Group::ConditionalAccess => Topic::ConditionalAccess,
                Group::Authentication => Topic::Authentication,
                Group::Token => Topic::TokenAndSession,
                Group::Risk => Topic::Risk,
            },
        }
    }
}

/// What a filter can ask of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum Operator {
    Equal,
    NotEqual,
    /// Equal to any of several values.
    In,
    Contains,
    StartsWith,
    EndsWith,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// Within a network in CIDR notation.
    InNetwork,
    IsEmpty,
}

impl Operator {
    /// The name in addresses and in our own interface, after OData where OData has one.
    pub fn name(self) -> &'static str {
        match self {
            Operator::Equal => "eq",
            Operator::NotEqual => "ne",
            Operator::In => "in",
            Operator::Contains => "contains",
            Operator::StartsWith => "startsWith",
            Operator::EndsWith => "endsWith",
            Operator::Less => "lt",
            Operator::LessOrEqual => "le",
            Operator::Greater => "gt",
            Operator::GreaterOrEqual => "ge",
            Operator::InNetwork => "cidr",
            Operator::IsEmpty => "empty",
        }
    }

    /// The words in a filter.
    pub fn label(self) -> &'static str {
        match self {
            Operator::Equal => "is",
            Operator::NotEqual => "is not",
            Operator::In => "any of",
            Operator::Contains => "contains",
            Operator::StartsWith => "starts with",
            Operator::EndsWith => "ends with",
            Operator::Less => "<",
            Operator::LessOrEqual => "≤",
            Operator::Greater => ">",
            Operator::GreaterOrEqual => "≥",
            Operator::InNetwork => "in network",
            Operator::IsEmpty => "is empty",
        }
    }
}

/// One column.
#[derive(Debug)]
pub struct Column {
    /// Unique; for fields the field's name.
    pub name: &'static str,
    /// The heading. See also [`Column::label_in`].
    pub label: &'static str,
    /// Where its value comes from.
    pub source: Source,
    /// What its value is.
    pub kind: Kind,
    /// What a filter menu lists it under.
    pub topic: Topic,
    /// Which sign-in logs have it: bit n for the log numbered n.
    logs: u8,
}

impl Column {
    /// Does this log have it? `None` stands for all sign-in logs in one list.
    pub fn in_log(&self, log: Option<Log>) -> bool {
        log.is_none_or(|log| log.is_sign_in() && self.logs & (1 << log as u8) != 0)
    }

    /// The heading in the list of one log.
    pub fn label_in(&self, log: Option<Log>) -> &'static str {
        match (self.name, log) {
            ("servicePrincipalName", Some(Log::ManagedIdentity)) => "Managed identity name",
            ("servicePrincipalId", Some(Log::ManagedIdentity)) => "Managed identity ID",
            _ => self.label,
        }
    }

    /// What a filter can ask; nothing where the column cannot be filtered by itself.
    pub fn operators(&self) -> &'static [Operator] {
        use Operator::{
            Contains, EndsWith, Equal, Greater, GreaterOrEqual, In, InNetwork, IsEmpty, Less,
            LessOrEqual, NotEqual, StartsWith,
        };
        match (self.source, self.kind) {
            (Source::Derived(Derived::Status | Derived::Log | Derived::ErrorCategory), _) => {
                &[Equal, NotEqual, In]
            }
            (Source::Derived(_), _) => &[],
            (Source::Field(field), _) if is_address(field) => {
                &[Equal, NotEqual, In, InNetwork, StartsWith, IsEmpty]
            }
            (_, Kind::Text) => &[Equal, NotEqual, In, Contains, StartsWith, EndsWith, IsEmpty],
            (_, Kind::Enum(_) | Kind::Id) => &[Equal, NotEqual, In, IsEmpty],
            (_, Kind::Int | Kind::Float) => {
                &[Equal, NotEqual, In, Less, LessOrEqual, Greater, GreaterOrEqual, IsEmpty]
            }
            (_, Kind::Time) => &[Equal, Less, LessOrEqual, Greater, GreaterOrEqual],
            (_, Kind::Bool) => &[Equal, NotEqual, IsEmpty],
            (_, Kind::TextList) => &[Equal, NotEqual, In, Contains, StartsWith, IsEmpty],
            (_, Kind::Object | Kind::ObjectList) => &[Contains, IsEmpty],
        }
    }

    /// The values it can have, where they are a known set.
    pub fn members(&self) -> Vec<&'static str> {
        match (self.source, self.kind) {
            (Source::Derived(Derived::Status), _) => Status::ALL.map(Status::name).into(),
            (Source::Derived(Derived::Log), _) => Log::SIGN_INS.map(Log::name).into(),
            (Source::Derived(Derived::ErrorCategory), _) => {
                Category::ALL.iter().map(|category| category.name()).collect()
            }
            (_, Kind::Enum(Enum { members, .. })) => members
                .iter()
                .copied()
                .filter(|member| !member.eq_ignore_ascii_case("unknownFutureValue"))
                .collect(),
            _ => Vec::new(),
        }
    }
}

/// Does the field hold network addresses?
fn is_address(field: FieldId) -> bool {
    matches!(
        field,
        FieldId::IpAddress
            | FieldId::IpAddressFromResourceProvider
            | FieldId::GlobalSecureAccessIpAddress
    )
}

/// The logs of users, of service principals and of managed identities, and all of them.
const USERS: u8 = 0b0011;
const SERVICE_PRINCIPALS: u8 = 0b0100;
const MANAGED_IDENTITIES: u8 = 0b1000;
const ALL_LOGS: u8 = USERS | SERVICE_PRINCIPALS | MANAGED_IDENTITIES;

const MSI: FieldId = FieldId::ManagedServiceIdentity;

/// name, label, source, kind, topic, logs
type DerivedRow = (&'static str, &'static str, Derived, Kind, Topic, u8);

static DERIVED: &[DerivedRow] = &[
    ("status", "Status", Derived::Status, Kind::Text, Topic::Result, ALL_LOGS),
    ("statusReason", "Reason", Derived::StatusReason, Kind::Text, Topic::Result, ALL_LOGS),
    ("errorName", "Error name", Derived::ErrorName, Kind::Text, Topic::Result, ALL_LOGS),
    (
        "errorCategory",
        "Error category",
        Derived::ErrorCategory,
        Kind::Text,
        Topic::Result,
        ALL_LOGS,
    ),
    ("location", "Location", Derived::Location, Kind::Text, Topic::Where, ALL_LOGS),
    ("log", "Type", Derived::Log, Kind::Text, Topic::Record, ALL_LOGS),
    ("actor", "Actor", Derived::Actor, Kind::Text, Topic::Who, ALL_LOGS),
    ("count", "# sign-ins", Derived::Count, Kind::Int, Topic::Record, ALL_LOGS & !1),
    (
        "managedServiceIdentity/msiType",
        "Managed Identity type",
        Derived::Member(MSI, "msiType"),
        Kind::Text,
        Topic::Who,
        MANAGED_IDENTITIES,
    ),
    (
        "managedServiceIdentity/associatedResourceId",
        "Associated Resource Id",
        Derived::Member(MSI, "associatedResourceId"),
        Kind::Text,
        Topic::Who,
        MANAGED_IDENTITIES,
    ),
    (
        "managedServiceIdentity/federatedTokenId",
        "Federated Token Id",
        Derived::Member(MSI, "federatedTokenId"),
        Kind::Text,
        Topic::Who,
        MANAGED_IDENTITIES,
    ),
    (
        "managedServiceIdentity/federatedTokenIssuer",
        "Federated Token Issuer",
        Derived::Member(MSI, "federatedTokenIssuer"),
        Kind::Text,
        Topic::Who,
        MANAGED_IDENTITIES,
    ),
    (
        "agent/agentType",
        "Agent type",
        Derived::Member(FieldId::Agent, "agentType"),
        Kind::Text,
        Topic::Who,
        USERS | SERVICE_PRINCIPALS,
    ),
];

static COLUMNS: LazyLock<Vec<Column>> = LazyLock::new(|| {
    let fields = FIELDS.iter().filter(|field| field.id != FieldId::Shape).map(|field| Column {
        name: field.name,
        label: field.label,
        source: Source::Field(field.id),
        kind: field.kind,
        topic: Topic::of_field(field),
        logs: field.logs,
    });
    let derived = DERIVED.iter().map(|&(name, label, derived, kind, topic, logs)| Column {
        name,
        label,
        source: Source::Derived(derived),
        kind,
        topic,
        logs,
    });
    fields.chain(derived).collect()
});

/// Every column: the fields in the catalogue's order, then the derived ones.
pub fn all() -> &'static [Column] {
    &COLUMNS
}

/// The column of that name, in any case; parts may be joined by `/` or `.`.
pub fn by_name(name: &str) -> Option<&'static Column> {
    static BY_NAME: LazyLock<hashbrown::HashMap<String, &'static Column>> = LazyLock::new(|| {
        COLUMNS.iter().map(|column| (column.name.to_ascii_lowercase(), column)).collect()
    });
    BY_NAME.get(&name.to_ascii_lowercase().replace('.', "/")).copied()
}

/// The columns a list shows first, in order; `None` stands for all sign-in logs in one list.
pub fn defaults(log: Option<Log>) -> Vec<&'static Column> {
    let names: &[&str] = match log {
        Some(Log::InteractiveUser) => &[
            "createdDateTime",
            "userDisplayName",
            "appDisplayName",
            "status",
            "ipAddress",
            "location",
            "conditionalAccessStatus",
            "authenticationRequirement",
            "riskState",
            "crossTenantAccessType",
            "homeTenantId",
            "resourceTenantId",
        ],
        Some(Log::NonInteractiveUser) => &[
            "createdDateTime",
            "userDisplayName",
            "appDisplayName",
            "resourceDisplayName",
            "resourceId",
            "status",
            "ipAddress",
            "conditionalAccessStatus",
            "count",
        ],
        Some(Log::ServicePrincipal) => &[
            "createdDateTime",
            "servicePrincipalName",
            "resourceDisplayName",
            "status",
            "ipAddress",
            "location",
            "conditionalAccessStatus",
            "count",
        ],
        Some(Log::ManagedIdentity) => {
            &["createdDateTime", "servicePrincipalName", "resourceDisplayName", "status", "count"]
        }
        Some(_) => &["createdDateTime", "category", "id", "correlationId"],
        None => &[
            "createdDateTime",
            "log",
            "actor",
            "appDisplayName",
            "resourceDisplayName",
            "status",
            "ipAddress",
            "location",
            "count",
        ],
    };
    names.iter().filter_map(|name| by_name(name)).collect()
}

/// The columns of a flat export (Parquet, CSV with all fields): log and status, then every field.
pub fn export_columns() -> impl Iterator<Item = &'static Column> {
    let first = ["log", "status"].into_iter().filter_map(by_name);
    first.chain(COLUMNS.iter().filter(|column| matches!(column.source, Source::Field(_))))
}

/// Names and kinds of [`export_columns`]; kinds that [`Kind::is_json`] are exported as JSON text.
pub fn export_schema() -> Vec<(&'static str, Kind)> {
    export_columns().map(|column| (column.name, column.kind)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_every_default_exists_in_its_log() {
        let mut names: Vec<_> = all().iter().map(|column| column.name.to_lowercase()).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
        for (log, count) in Log::SIGN_INS.map(Some).into_iter().zip([12, 9, 8, 5]) {
            let columns = defaults(log);
            assert_eq!(columns.len(), count, "{log:?}");
            for column in columns {
                assert!(column.in_log(log), "{} in {log:?}", column.name);
            }
        }
        assert_eq!(defaults(None).len(), 9);
        assert!(!by_name("userId").is_some_and(|column| column.in_log(Some(Log::ManagedIdentity))));
    }

    #[test]
    fn columns_say_what_can_be_asked_of_them() {
        let operators = |name: &str| by_name(name).map(Column::operators).unwrap_or_default();
        assert!(operators("ipAddress").contains(&Operator::InNetwork));
        assert!(!operators("ipaddress").contains(&Operator::Contains));
        assert!(operators("location.city").contains(&Operator::Contains));
        assert!(operators("status/errorCode").contains(&Operator::GreaterOrEqual));
        assert!(operators("count").is_empty());
        let members = |name: &str| by_name(name).map(Column::members).unwrap_or_default();
        assert_eq!(members("status"), ["Success", "Failure", "Interrupted"]);
        assert_eq!(members("conditionalAccessStatus"), ["success", "failure", "notApplied"]);
        let label = |name: &str, log| by_name(name).map(|column| column.label_in(log));
        assert_eq!(
            label("servicePrincipalName", Some(Log::ManagedIdentity)),
            Some("Managed identity name")
        );
    }

    #[test]
    fn the_export_has_every_field_but_the_shape() {
        let schema = export_schema();
        assert_eq!(schema.len(), FIELDS.len() - 1 + 2);
        assert_eq!(schema[0].0, "log");
        assert!(schema.contains(&("status/errorCode", Kind::Int)));
        assert!(!schema.iter().any(|(name, _)| *name == "shape"));
    }
}
