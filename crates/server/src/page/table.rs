//! The list: one row a sign-in, and for those that did not succeed a line that says why.

use durward_model::columns::{self, Column, text};
use durward_model::errors::Status;
use durward_model::{Cell, Event, FieldId, Log, Timestamp};
use durward_query::Reader;
use maud::{Markup, html};

use crate::error::ApiError;
use crate::question::Question;

use crate::routes::Endpoint;

use super::state::State;
use super::{link, words};

/// Columns that say something only where home and resource tenant differ.
const CROSS_TENANT: [&str; 3] = ["crossTenantAccessType", "homeTenantId", "resourceTenantId"];

/// The columns of a tab. Those about other tenants are left out where no row is about one, and
/// the count of grouped sign-ins, since rows are not grouped here.
fn shown(log: Option<Log>, events: &[Event]) -> Vec<&'static Column> {
    let crosses = events.iter().any(crosses_tenants);
    columns::defaults(log)
        .into_iter()
        .filter(|column| column.name != "count")
        .filter(|column| crosses || !CROSS_TENANT.contains(&column.name))
        .collect()
}

fn crosses_tenants(event: &Event) -> bool {
    let access = event.cell(FieldId::CrossTenantAccessType);
    if access.as_text().is_some_and(|access| !access.is_empty() && access != "none") {
        return true;
    }
    let (home, resource) =
        (event.cell(FieldId::HomeTenantId), event.cell(FieldId::ResourceTenantId));
    match (home.as_text(), resource.as_text()) {
        (Some(home), Some(resource)) => {
            !home.is_empty() && !resource.is_empty() && home != resource
        }
        _ => false,
    }
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    Vec::new()
}

/// One page of the list.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    events: Vec<Event>,
    /// How many there are in all.
    total: u64,
}

impl Rows {
    /// How many rows the page has.
    pub(super) fn len(&self) -> usize {
        self.events.len()
    }
}

/// Rows of a page.
const PAGE_ROWS: usize = 50;

/// Looks up one page of the list.
pub(super) fn look(
    reader: &Reader,
    _state: &State,
    question: &Question,
    total: u64,
    _now: Timestamp,
) -> Result<Rows, ApiError> {
    let page = question.page(reader, None, PAGE_ROWS)?;
    Ok(Rows { events: reader.events(&page.rows)?, total })
}

/// Links to the pages around this one.
pub(super) fn pages(state: &State, rows: &Rows) -> Markup {
    let last = state.at + rows.len() as u64;
    html! {
        nav aria-label="Pages" {
            @if last < rows.total {
                a .button rel="next" href=(state.with(|state| state.at = last).href()) { "Older ▶" }
            }
        }
    }
}

/// The table.
pub(super) fn render(state: &State, rows: &Rows, now: Timestamp) -> Markup {
    let events = &rows.events;
    let log = state.tab.0;
    let columns = shown(log, events);
    html! {
        div .scroll tabindex="-1" {
            table .list .roomy[columns.len() <= 8] {
                thead {
                    tr {
                        @for column in &columns {
                            th scope="col" {
                                (column.label_in(log))
                                @if column.name == "createdDateTime" {
                                    " (" span .zone { "UTC" } ") ▾"
                                }
                            }
                        }
                    }
                }
                tbody {
                    @for event in events { (row(&columns, event, now)) }
                }
            }
        }
    }
}

fn row(columns: &[&Column], event: &Event, now: Timestamp) -> Markup {
    let id = event.cell(FieldId::Id).to_string();
    let why = why(event);
    let class = durward_model::graph::status(event).map_or("", words::status_class);
    html! {
        tr .row .(class) .has-why[why.is_some()] data-id=(id) {
            @for column in columns {
                td .mono[is_code(column)] { (cell(column, event, &id, now)) }
            }
        }
        @if let Some(why) = why {
            tr .why .(class) {
                td {}
                td colspan=(columns.len() - 1) { span .clip { "↳ " (why) } }
            }
        }
    }
}

fn is_code(column: &Column) -> bool {
    matches!(column.name, "ipAddress" | "resourceId" | "homeTenantId" | "resourceTenantId")
}

fn cell(column: &Column, event: &Event, id: &str, now: Timestamp) -> Markup {
    match column.name {
        "createdDateTime" => {
            let href = link::event(id);
            html! { a href=(href) { (words::time(event.row().created, now)) } }
        }
        "status" => match durward_model::graph::status(event) {
            Some(status) => words::pill(status),
            None => html! {},
        },
        "authenticationRequirement" => {
            let value = text::short(column, event);
            html! { span title=(value) { (requirement(&value)) } }
        }
        "log" => html! { (short_log(event.row().log)) },
        "userDisplayName" => {
            let name = text::short(column, event);
            let principal = event.cell(FieldId::UserPrincipalName).to_string();
            let shown = if name.is_empty() { &principal } else { &name };
            html! { span .clip title=(principal) { (shown) } }
        }
        _ => {
            let value = text::short(column, event);
            html! { @if !value.is_empty() { span .clip title=(value) { (value) } } }
        }
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

/// Code, reason and the policy that blocked, of a sign-in that did not succeed.
fn why(event: &Event) -> Option<String> {
    let reason = durward_model::graph::status_reason(event);
    let status = durward_model::graph::status(event)?;
    if status == Status::Success {
        return None;
    }
    let code = event.cell(FieldId::ErrorCode);
    let code = match &code {
        Cell::Null => None,
        code => Some(code.to_string()),
    };
    let client = event.cell(FieldId::ClientAppUsed);
    let usual = ["Browser", "Mobile Apps and Desktop clients", "Unknown", ""];
    let legacy = client.as_text().filter(|client| !usual.contains(client));
    let policy = blocking_policy(event).map(|policy| format!("“{policy}”"));
    let reason = reason.map(|reason| reason.trim_end_matches('.').to_owned());
    let parts = [code, reason, policy, legacy.map(str::to_owned)];
    let text: Vec<String> = parts.into_iter().flatten().collect();
    (!text.is_empty()).then(|| text.join(" · "))
}

/// The first policy that failed.
fn blocking_policy(event: &Event) -> Option<String> {
    let policies = event.cell(FieldId::AppliedConditionalAccessPolicies);
    let policies: serde_json::Value = serde_json::from_str(policies.as_text()?).ok()?;
    let failed = policies.as_array()?.iter().find(|policy| {
        policy.get("result").and_then(|result| result.as_str()) == Some("failure")
    })?;
    failed.get("displayName")?.as_str().map(str::to_owned)
}
