//! One sign-in as a row: its values, marks for what is unusual, and why it did not succeed.

use durward_model::columns::Column;
use durward_model::errors::Status;
use durward_model::time::HOUR_MICROS;
use durward_model::{Cell, Event, FieldId, Log, Timestamp, graph};
use maud::{Markup, html};

use super::super::risk::marks;
use super::super::state::State;
use super::super::words;
use super::cell;

/// Columns that stay in sight at most.
pub(super) const PINNED_MAX: usize = 6;

/// What all rows of a list have in common.
pub(super) struct Frame<'a> {
    pub(super) state: &'a State,
    pub(super) columns: &'a [&'static Column],
    pub(super) now: Timestamp,
    /// What was found about the rows.
    pub(super) found: &'a marks::Found,
}

impl Frame<'_> {
    /// The class of a column's cells, its number counted from 0.
    pub(super) fn class(&self, number: usize) -> String {
        let column = self.columns[number];
        let mut class = String::new();
        let mut add = |word: &str| {
            if !class.is_empty() {
                class.push(' ');
            }
            class.push_str(word);
        };
        if cell::is_code(column) {
            add("mono");
        }
        if cell::is_number(column) {
            add("number");
        }
        if let Some(place) = card_class(column) {
            add(place);
        }
        if number < self.state.pinned.min(PINNED_MAX) {
            add("pinned");
            add(["p1", "p2", "p3", "p4", "p5", "p6"][number]);
        }
        class
    }

    /// The address that shows the list with an event beside it.
    fn open_href(&self, id: &str) -> String {
        State { row: Some(id.to_owned()), pane: None, ..self.state.clone() }.href()
    }
}

/// Where the value stands on the card that a row is on small screens.
fn card_class(column: &Column) -> Option<&'static str> {
    match column.name {
        "createdDateTime" => Some("c-date"),
        "userDisplayName" | "servicePrincipalName" | "actor" => Some("c-user"),
        "appDisplayName" | "resourceDisplayName" => Some("c-app"),
        "status" => Some("c-status"),
        "ipAddress" => Some("c-ip"),
        "location" => Some("c-place"),
        "count" => Some("c-count"),
        _ => None,
    }
}

/// The row; `index` is its number in the list, counted from 0, where that is known.
pub(super) fn row(frame: &Frame<'_>, event: &Event, index: Option<u64>) -> Markup {
    let id = event.cell(FieldId::Id).to_string();
    let why = why(event);
    let class = graph::status(event).map_or("", words::status_class);
    let is_open = frame.state.row.as_deref() == Some(&id);
    // The line below stands under the second column, as the first has the time only.
    let host = usize::from(frame.columns.len() > 1);
    html! {
        tr .row .(class) .has-why[why.is_some()] .chosen[is_open] data-id=(id)
            aria-rowindex=[index.map(|index| index + 2)] aria-selected="false"
            aria-current=[is_open.then_some("true")] {
            (pick(event))
            @for (number, column) in frame.columns.iter().enumerate() {
                @let class = frame.class(number);
                td class=[(!class.is_empty()).then_some(class)] {
                    @if number == 0 {
                        a .open href=(frame.open_href(&id)) {
                            (first(column, event, frame.now))
                        }
                        (badges(event))
                        @if let Some(found) = frame.found.get(&event.row().id) {
                            (marks::badge(found))
                        }
                    } @else {
                        (cell::show(column, event, frame.now))
                    }
                    @if number == host && let Some(why) = &why {
                        span .why { "↳ " (why) }
                    }
                }
            }
        }
    }
}

/// The value that the link to the event is made of; never nothing.
fn first(column: &Column, event: &Event, now: Timestamp) -> Markup {
    let shown = cell::show(column, event, now);
    match shown.0.is_empty() {
        true => html! { span .muted { "(empty)" } },
        false => shown,
    }
}

/// The box that selects a row; works with the script only, which shows it.
fn pick(event: &Event) -> Markup {
    let who = event.cell(match event.row().log {
        Log::InteractiveUser | Log::NonInteractiveUser => FieldId::UserPrincipalName,
        _ => FieldId::ServicePrincipalName,
    });
    html! {
        td .pick { label { input type="checkbox" tabindex="-1" aria-label={ "Select " (who) }; } }
    }
}

/// Marks that many fonts have no sign for, drawn in a square of 16.
const SHIELD: &str = "M8 1 2.5 3v4.5c0 3.5 2.3 6 5.5 7.5 3.2-1.5 5.5-4 5.5-7.5V3z";
const CLOCK: &str = "M6.5 1h3M8 3.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM8 6v3l2 1.5";

/// A mark for something unusual, and what it means.
fn badges(event: &Event) -> Markup {
    let row = event.row();
    // What is imported from the past arrives long after it was published, and that is no delay.
    let arrived = row.published.unwrap_or(row.received);
    let is_late = arrived.micros.saturating_sub(row.created.micros) > HOUR_MICROS;
    let known = [
        (is_yes(event, FieldId::FlaggedForReview), "⚑", "Flagged for review"),
        (uses_cae(event), SHIELD, "Continuous access evaluation"),
        (crosses_tenants(event), "⇄", "Cross-tenant"),
        (is_late, CLOCK, "Arrived more than an hour after it happened"),
        (row.revision > 0, "Δ", "Revised since it first arrived"),
        (is_confidential(event), "⚠", "The IP address is that of the original token issuance"),
    ];
    html! {
        @for (holds, mark, meaning) in known {
            @if holds {
                span .badge title=(meaning) {
                    @if mark.starts_with('M') {
                        svg viewBox="0 0 16 16" aria-hidden="true" focusable="false" {
                            path d=(mark) {}
                        }
                    } @else {
                        span aria-hidden="true" { (mark) }
                    }
                    span .visually-hidden { (meaning) }
                }
            }
        }
    }
}

fn is_yes(event: &Event, field: FieldId) -> bool {
    event.cell(field).as_bool() == Some(true)
}

/// Does a processing detail say that the token was made for continuous access evaluation?
fn uses_cae(event: &Event) -> bool {
    let details = event.cell(FieldId::AuthenticationProcessingDetails);
    let Some(json) = details.as_text().filter(|json| json.contains("CAE")) else { return false };
    let Ok(serde_json::Value::Array(items)) = serde_json::from_str(json) else { return false };
    let says = |item: &serde_json::Value, name: &str, text: &str| {
        item.get(name)
            .and_then(|value| value.as_str())
            .is_some_and(|value| value.eq_ignore_ascii_case(text))
    };
    items.iter().any(|item| says(item, "key", "Is CAE Token") && says(item, "value", "true"))
}

/// Was the token asked for by an application that keeps a secret? The address of such a silent
/// sign-in is where the user was when the first token was issued.
fn is_confidential(event: &Event) -> bool {
    let kind = event.cell(FieldId::ClientCredentialType);
    event.row().log == Log::NonInteractiveUser
        && kind.as_text().is_some_and(|kind| !kind.is_empty() && kind != "none")
}

pub(super) fn crosses_tenants(event: &Event) -> bool {
    let access = event.cell(FieldId::CrossTenantAccessType);
    if access.as_text().is_some_and(|access| !access.is_empty() && access != "none") {
        return true;
    }
    let ends = [FieldId::HomeTenantId, FieldId::ResourceTenantId].map(|field| event.cell(field));
    match ends.each_ref().map(|end| end.as_text()) {
        [Some(home), Some(resource)] => {
            !home.is_empty() && !resource.is_empty() && !home.eq_ignore_ascii_case(resource)
        }
        _ => false,
    }
}

/// Code, reason, the policy that blocked and the legacy client, of a sign-in that did not succeed.
fn why(event: &Event) -> Option<String> {
    let reason = graph::status_reason(event);
    if graph::status(event)? == Status::Success {
        return None;
    }
    let code = event.cell(FieldId::ErrorCode);
    let code = match &code {
        Cell::Null => None,
        code => Some(code.to_string()),
    };
    let client = event.cell(FieldId::ClientAppUsed);
    let is_legacy = |client: &&str| {
        durward_query::search::LEGACY_CLIENTS.iter().any(|known| known.eq_ignore_ascii_case(client))
    };
    let legacy = client.as_text().filter(is_legacy).map(|client| format!("Legacy: {client}"));
    let policy = blocking_policy(event).map(|policy| format!("“{policy}”"));
    let reason = reason.map(|reason| reason.trim_end_matches('.').to_owned());
    let text: Vec<String> = [code, reason, policy, legacy].into_iter().flatten().collect();
    (!text.is_empty()).then(|| text.join(" · "))
}

/// The first policy that failed.
fn blocking_policy(event: &Event) -> Option<String> {
    let policies = event.cell(FieldId::AppliedConditionalAccessPolicies);
    let json = policies.as_text().filter(|json| json.contains("failure"))?;
    let policies: serde_json::Value = serde_json::from_str(json).ok()?;
    let failed = policies.as_array()?.iter().find(|policy| {
        policy.get("result").and_then(|result| result.as_str()) == Some("failure")
    })?;
    failed.get("displayName")?.as_str().map(str::to_owned)
}
