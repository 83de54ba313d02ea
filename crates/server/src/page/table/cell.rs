//! One value of one event: how a list shows it, what it is in a filter, where it leads.

use durward_model::columns::{self, Column, Derived, Source, text};
use durward_model::{Cell, Event, FieldId, Kind, Log, Timestamp};
use maud::{Markup, html};

use super::super::{link, words};

/// Values of a list that are named on hover at most.
const NAMED_MAX: usize = 20;

/// Is the value one whose characters are compared one by one?
pub(super) fn is_code(column: &Column) -> bool {
    matches!(column.kind, Kind::Id)
        || matches!(column.name, "ipAddress" | "ipAddressFromResourceProvider" | "userAgent")
        || (column.name.ends_with("Id") && matches!(column.kind, Kind::Text))
}

/// A number, which stands to the right.
pub(super) fn is_number(column: &Column) -> bool {
    matches!(column.kind, Kind::Int | Kind::Float) && column.name != "status/errorCode"
}

/// The value as a list shows it.
pub(super) fn show(column: &Column, event: &Event, now: Timestamp) -> Markup {
    if let Cell::Time(time) = text::value(column, event) {
        return words::time(time, now);
    }
    match column.name {
        "status" => match durward_model::graph::status(event) {
            Some(status) => words::pill(status),
            None => html! {},
        },
        "log" => html! { (short_log(event.row().log)) },
        // An event by itself.
        "count" => html! { "1" },
        "authenticationRequirement" => {
            let value = text::short(column, event);
            clipped(requirement(&value), &value)
        }
        "userDisplayName" => {
            let name = text::short(column, event);
            let principal = event.cell(FieldId::UserPrincipalName).to_string();
            clipped(if name.is_empty() { &principal } else { &name }, &principal)
        }
        _ => clipped(&text::short(column, event), &whole(column, event)),
    }
}

fn clipped(shown: &str, title: &str) -> Markup {
    html! { @if !shown.is_empty() { span .clip title=(title) { (shown) } } }
}

/// The whole value in words: all members of a list, one a line.
pub(super) fn whole(column: &Column, event: &Event) -> String {
    let cell = text::value(column, event);
    let json = match (&cell, column.kind.is_json()) {
        (Cell::Text(json), true) => json,
        _ => return text::short(column, event),
    };
    match serde_json::from_str::<serde_json::Value>(json) {
        Ok(serde_json::Value::Array(items)) => {
            let mut lines: Vec<String> = items.iter().take(NAMED_MAX).map(plain).collect();
            if items.len() > NAMED_MAX {
                lines.push(format!("and {} more", items.len() - NAMED_MAX));
            }
            lines.join("\n")
        }
        Ok(value) => plain(&value),
        Err(_) => json.to_string(),
    }
}

/// JSON in one line, without its marks.
fn plain(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(members) => {
            let filled = members.iter().map(|(name, value)| (name, plain(value)));
            let filled = filled.filter(|(_, value)| !value.is_empty());
            let members = filled.map(|(name, value)| format!("{name}: {value}"));
            members.collect::<Vec<_>>().join("; ")
        }
        other => other.to_string(),
    }
}

/// A requirement in words.
fn requirement(value: &str) -> &str {
    match value {
        "singleFactorAuthentication" => "Single-factor",
        "multiFactorAuthentication" => "Multifactor",
        other => other,
    }
}

fn short_log(log: Log) -> &'static str {
    match log {
        Log::InteractiveUser => "Interactive",
        Log::NonInteractiveUser => "Non-interactive",
        Log::ServicePrincipal => "Service principal",
        Log::ManagedIdentity => "Managed identity",
        other => text::log_label(other),
    }
}

/// Terms of a filter for one value, by commas, and for all others.
pub(super) struct Terms {
    pub(super) is: String,
    pub(super) is_not: String,
}

impl Terms {
    /// Those of a column whose values are told apart by their whole text.
    pub(super) fn of(name: &str, value: &str) -> Terms {
        Terms { is: link::is(name, value), is_not: link::is_not(name, value) }
    }
}

/// The terms for what an event has in a column; `None` where nobody filters for that.
pub(super) fn terms(column: &Column, event: &Event) -> Option<Terms> {
    let field = |field: FieldId| Terms::of(field.field().name, &event.cell(field).to_string());
    let derived = match column.source {
        Source::Derived(derived) => derived,
        Source::Field(id) => return field_terms(column, id, event),
    };
    match derived {
        Derived::Status => {
            let status = durward_model::graph::status(event)?;
            Some(Terms::of("status", status.name()))
        }
        Derived::Log => Some(Terms::of("type", event.row().log.name())),
        Derived::StatusReason | Derived::ErrorName | Derived::ErrorCategory => {
            Some(field(FieldId::ErrorCode))
        }
        Derived::Location => {
            let places = [FieldId::City, FieldId::State, FieldId::CountryOrRegion];
            let known: Vec<FieldId> =
                places.into_iter().filter(|place| !is_empty(&event.cell(*place))).collect();
            let Some(first) = known.first() else { return Some(field(FieldId::CountryOrRegion)) };
            let all: Vec<String> = known.iter().map(|place| field(*place).is).collect();
            Some(Terms { is: all.join(","), is_not: field(*first).is_not })
        }
        Derived::Actor => Some(field(actor_field(event))),
        Derived::Count | Derived::Member(..) => None,
    }
}

fn field_terms(column: &Column, id: FieldId, event: &Event) -> Option<Terms> {
    if column.operators().is_empty() || matches!(column.kind, Kind::Time) {
        return None;
    }
    // In a filter that name stands for the log.
    if id == FieldId::SignInEventTypes {
        return Some(Terms::of("type", event.row().log.name()));
    }
    let cell = event.cell(id);
    if is_empty(&cell) {
        return Some(Terms::of(column.name, ""));
    }
    if !column.kind.is_json() {
        return Some(Terms::of(column.name, &cell.to_string()));
    }
    // Of several values the one that is shown.
    let shown = text::short(column, event);
    let first = shown.rsplit_once(" +").map_or(shown.as_str(), |(first, _)| first);
    let value = link::quoted(first);
    let name = column.name;
    Some(Terms { is: format!("{name}:{value}"), is_not: format!("-{name}:{value}") })
}

/// The field that a sign-in's actor is known by.
fn actor_field(event: &Event) -> FieldId {
    match event.row().log {
        Log::InteractiveUser | Log::NonInteractiveUser => {
            first_of(event, FieldId::UserId, FieldId::UserPrincipalName)
        }
        _ => first_of(event, FieldId::ServicePrincipalId, FieldId::ServicePrincipalName),
    }
}

fn first_of(event: &Event, id: FieldId, name: FieldId) -> FieldId {
    if is_empty(&event.cell(id)) { name } else { id }
}

pub(super) fn is_empty(cell: &Cell<'_>) -> bool {
    match cell {
        Cell::Null => true,
        Cell::Text(text) => text.is_empty() || text == "[]" || text == "{}",
        _ => false,
    }
}

/// What a value is a part of: what that is called, and its page.
pub(super) fn entity(column: &Column, event: &Event) -> Option<(&'static str, String)> {
    use FieldId::{
        AppDisplayName, AppId, AutonomousSystemNumber, CorrelationId, DeviceId, ErrorCode, Id,
        IpAddress, ResourceDisplayName, ResourceId, ServicePrincipalId, ServicePrincipalName,
        SessionId, UserId, UserPrincipalName,
    };
    let text = |field: FieldId| event.cell(field).to_string();
    let known = |id: FieldId, name: FieldId| text(first_of(event, id, name));
    let (label, value, page): (_, _, fn(&str) -> String) = match column.name {
        "actor" if matches!(event.row().log, Log::ServicePrincipal | Log::ManagedIdentity) => {
            ("workload", known(ServicePrincipalId, ServicePrincipalName), link::workload)
        }
        "actor" | "userDisplayName" | "userPrincipalName" | "userId" => {
            ("user", known(UserId, UserPrincipalName), link::user)
        }
        "servicePrincipalName" | "servicePrincipalId" => {
            ("workload", known(ServicePrincipalId, ServicePrincipalName), link::workload)
        }
        "appDisplayName" | "appId" => ("application", known(AppId, AppDisplayName), link::app),
        "resourceDisplayName" | "resourceId" => {
            ("resource", known(ResourceId, ResourceDisplayName), link::resource)
        }
        "ipAddress" => ("address", text(IpAddress), link::ip),
        "autonomousSystemNumber" => ("network", text(AutonomousSystemNumber), link::asn),
        name if name.starts_with("deviceDetail/") => ("device", text(DeviceId), link::device),
        "correlationId" => ("attempt", text(CorrelationId), link::attempt),
        "sessionId" => ("session", text(SessionId), link::session),
        "id" => ("sign-in", text(Id), link::event),
        "status/errorCode" | "status" | "statusReason" | "errorName" | "errorCategory" => {
            let code = event.cell(ErrorCode).as_int().filter(|code| *code != 0)?;
            return Some(("error code", link::error(code)));
        }
        _ => return None,
    };
    (!value.is_empty()).then(|| (label, page(&value)))
}

/// Can a list be ordered by the column? By what, then.
pub(super) fn sort_key(column: &Column) -> Option<durward_query::SortKey> {
    use durward_query::SortKey;
    match column.source {
        Source::Field(_) if matches!(column.kind, Kind::Object | Kind::ObjectList) => None,
        Source::Field(field) => Some(SortKey::Field(field)),
        Source::Derived(Derived::Status) => Some(SortKey::Status),
        Source::Derived(Derived::Log) => Some(SortKey::Log),
        // By what stands first in it.
        Source::Derived(Derived::Location) => Some(SortKey::Field(FieldId::City)),
        Source::Derived(Derived::StatusReason | Derived::ErrorName | Derived::ErrorCategory) => {
            Some(SortKey::Field(FieldId::ErrorCode))
        }
        Source::Derived(Derived::Actor | Derived::Count | Derived::Member(..)) => None,
    }
}

/// Columns that can be chosen for a tab, in the catalogue's order.
pub(super) fn choosable() -> &'static [Column] {
    columns::all()
}
