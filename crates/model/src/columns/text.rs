//! Values as text: short for lists, complete for files.

use std::borrow::Cow;

use serde_json::Value;

use super::{Column, Derived, Source};
use crate::cell::{Cell, OwnedCell};
use crate::enums::{CONDITIONAL_ACCESS_STATUS, Enum};
use crate::errors;
use crate::event::Event;
use crate::field::{FieldId, Kind, Log};
use crate::graph::{status, status_reason};

/// The value of a column: a field's cell, or what is computed.
pub fn value<'e>(column: &Column, event: &'e Event) -> Cell<'e> {
    let derived = match column.source {
        Source::Field(field) => return event.cell(field),
        Source::Derived(derived) => derived,
    };
    let code = || event.cell(FieldId::ErrorCode).as_int();
    match derived {
        Derived::Status => status(event).map_or(Cell::Null, |status| Cell::text(status.name())),
        Derived::StatusReason => owned(status_reason(event)),
        Derived::ErrorName => match code().and_then(errors::lookup) {
            Some(entry) if !entry.name.is_empty() => Cell::text(entry.name),
            _ => Cell::Null,
        },
        Derived::ErrorCategory => match code().and_then(errors::lookup) {
            Some(entry) => Cell::text(entry.category.name()),
            None => Cell::Null,
        },
        Derived::Location => owned(Some(location(event)).filter(|text| !text.is_empty())),
        Derived::Log => Cell::text(event.row().log.name()),
        Derived::Actor => actor(event),
        Derived::Count => Cell::Null,
        Derived::Member(field, name) => owned(member(&event.cell(field), name)),
    }
}

/// A value as a list shows it: one short text. Of several values the first, and how many more.
pub fn short(column: &Column, event: &Event) -> String {
    let cell = value(column, event);
    match (column.source, column.kind, &cell) {
        (Source::Derived(Derived::Log), _, _) => log_label(event.row().log).to_owned(),
        (_, Kind::Bool, Cell::Bool(answer)) => (if *answer { "Yes" } else { "No" }).to_owned(),
        (_, Kind::Enum(members), Cell::Text(value)) => member_label(members, value),
        (_, kind, Cell::Text(json)) if kind.is_json() => short_json(json),
        _ => cell.to_string(),
    }
}

/// A value as a file has it: complete, lists and objects as JSON, times in RFC 3339.
pub fn complete<'e>(column: &Column, event: &'e Event) -> Cow<'e, str> {
    match value(column, event) {
        Cell::Text(text) => text,
        cell => Cow::Owned(cell.to_string()),
    }
}

/// The name of a log as its tab has it.
pub fn log_label(log: Log) -> &'static str {
    match log {
        Log::InteractiveUser => "User sign-ins (interactive)",
        Log::NonInteractiveUser => "User sign-ins (non-interactive)",
        Log::ServicePrincipal => "Service principal sign-ins",
        Log::ManagedIdentity => "Managed identity sign-ins",
        Log::Audit => "Audit logs",
        Log::Provisioning => "Provisioning logs",
        Log::Risk => "Risk events",
        Log::Other => "Other records",
    }
}

/// A member in words where that is safe (`notApplied` → `Not applied`), else as it is: names of
/// protocols and products do not split into words.
pub fn member_label(members: &Enum, value: &str) -> String {
    let member = members.canonical(value).unwrap_or(value);
    match member {
        "atRisk" => "At risk".to_owned(),
        "confirmedSafe" => "Confirmed safe".to_owned(),
        "confirmedCompromised" => "Confirmed compromised".to_owned(),
        "notApplied" => "Not applied".to_owned(),
        _ if *members == CONDITIONAL_ACCESS_STATUS => capitalised(member),
        _ => member.to_owned(),
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

/// `City, State, CC`, without the parts that are missing.
fn location(event: &Event) -> String {
    let parts = [FieldId::City, FieldId::State, FieldId::CountryOrRegion];
    let mut text = String::new();
    for part in parts.map(|field| event.cell(field)) {
        if let Some(part) = part.as_text().map(str::trim).filter(|part| !part.is_empty()) {
            if !text.is_empty() {
                text.push_str(", ");
            }
            text.push_str(part);
        }
    }
    text
}

fn actor(event: &Event) -> Cell<'_> {
    let user = [FieldId::UserDisplayName, FieldId::UserPrincipalName, FieldId::UserId];
    let workload = [FieldId::ServicePrincipalName, FieldId::ServicePrincipalId];
    let is_user = matches!(event.row().log, Log::InteractiveUser | Log::NonInteractiveUser);
    let fields: &[FieldId] = if is_user { &user } else { &workload };
    let named = fields.iter().map(|field| event.cell(*field));
    named
        .into_iter()
        .find(|cell| cell.as_text().is_some_and(|text| !text.is_empty()))
        .unwrap_or(Cell::Null)
}

fn member(object: &Cell<'_>, name: &str) -> Option<String> {
    let object: Value = serde_json::from_str(object.as_text()?).ok()?;
    let member = object.get(name)?.as_str()?;
    (!member.is_empty()).then(|| member.to_owned())
}

fn owned(text: Option<String>) -> OwnedCell {
    text.map_or(Cell::Null, |text| Cell::Text(Cow::Owned(text)))
}

/// The first value of a list and how many more there are; an object by its telling member.
fn short_json(json: &str) -> String {
    let Ok(value) = serde_json::from_str::<Value>(json) else { return json.to_owned() };
    match &value {
        Value::Array(items) => {
            let first = items.first().map(telling).unwrap_or_default();
            match items.len() {
                0 | 1 => first,
                count => format!("{first} +{}", count - 1),
            }
        }
        value => telling(value),
    }
}

/// Members that tell one item of a list from another, the most telling first.
const TELLING: &[&str] = &[
    "displayName",
    "authenticationMethod",
    "detail",
    "networkNames",
    "policyName",
    "agentType",
    "msiType",
    "eventType",
    "networkType",
    "id",
    "deviceId",
];

fn telling(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.first().map(telling).unwrap_or_default(),
        Value::Object(members) => {
            let text = |name: &str| members.get(name).map(telling).filter(|text| !text.is_empty());
            if let (Some(key), Some(value)) = (text("key"), text("value")) {
                return format!("{key}: {value}");
            }
            TELLING.iter().find_map(|name| text(name)).unwrap_or_else(|| match members.len() {
                0 => String::new(),
                _ => value.to_string(),
            })
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::by_name;
    use super::*;
    use crate::graph::sample;

    fn shown(event: &Event, name: &str) -> String {
        short(by_name(name).expect(name), event)
    }

    #[test]
    fn lists_show_short_texts() {
        let event = sample::interactive();
        for (name, text) in [
            ("status", "Failure"),
            ("statusReason", "Conditional Access blocked token issuance"),
            ("errorName", "BlockedByConditionalAccess"),
            ("errorCategory", "conditional_access"),
            ("location", "Vigo, Galicia, ES"),
            ("log", "User sign-ins (interactive)"),
            ("actor", "Ana \"A\" Ruiz"),
            ("count", ""),
            ("createdDateTime", "2026-03-02T07:41:09.12345Z"),
            ("deviceDetail/isCompliant", "Yes"),
            ("deviceDetail/isManaged", ""),
            ("conditionalAccessStatus", "Failure"),
            ("userType", "member"),
            ("appliedConditionalAccessPolicies", "Block"),
            ("riskEventTypes_v2", "unfamiliarFeatures"),
            ("agent/agentType", ""),
        ] {
            assert_eq!(shown(&event, name), text, "{name}");
        }
        let event = sample::managed_identity();
        assert_eq!(shown(&event, "actor"), "vm-build");
        assert_eq!(shown(&event, "managedServiceIdentity/msiType"), "systemAssigned");
        assert_eq!(shown(&event, "managedServiceIdentity"), "systemAssigned");
        assert_eq!(shown(&event, "status"), "Success");
        assert_eq!(shown(&event, "location"), "");
    }

    #[test]
    fn of_several_values_the_first_is_shown_and_how_many_more() {
        for (json, text) in [
            (r#"["a","b","c"]"#, "a +2"),
            (r#"[{"networkType":"namedNetwork","networkNames":["Lab","HQ"]}]"#, "Lab"),
            (
                r#"[{"key":"Is CAE Token","value":"False"},{"key":"x","value":"y"}]"#,
                "Is CAE Token: False +1",
            ),
            (r#"[{"novel":1}]"#, r#"{"novel":1}"#),
            ("[]", ""),
            ("{}", ""),
            ("broken", "broken"),
        ] {
            assert_eq!(short_json(json), text);
        }
    }

    #[test]
    fn files_have_complete_values() {
        let event = sample::interactive();
        let text = |name: &str| complete(by_name(name).expect(name), &event);
        assert!(text("appliedConditionalAccessPolicies").starts_with(r#"[{"id":"p1","#));
        assert_eq!(text("deviceDetail/isCompliant"), "true");
        assert_eq!(text("log"), "interactiveUser");
        assert_eq!(text("status/errorCode"), "53003");
        assert_eq!(text("userAgent"), "");
    }
}
