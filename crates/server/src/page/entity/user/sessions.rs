//! Sessions of a user: when each began and was seen last, from where and with what.

use durward_model::{Event, FieldId};
use durward_query::{Order, Reader};
use maud::{Markup, html};
use std::collections::HashMap;

use super::USER_LOGS;
use crate::error::ApiError;
use crate::page::entity::rows::app_name;
use crate::page::entity::subject::{self, Asked, Subject};
use crate::page::state::grouped;
use crate::page::{link, words};

/// Events that sessions are made from at most, the newest.
const EVENTS_MAX: usize = 1000;
/// Sessions listed at most.
const SESSIONS_MAX: usize = 50;
/// Values of one kind listed at most.
const VALUES_MAX: usize = 3;

/// Events of one session, newest first.
type Session<'e> = (String, Vec<&'e Event>);

fn sessions(events: &[Event]) -> Vec<Session<'_>> {
    let mut all: Vec<Session<'_>> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for event in events {
        let id = event.cell(FieldId::SessionId).to_string();
        if id.is_empty() {
            continue;
        }
        let index = *known.entry(id.clone()).or_insert_with(|| {
            all.push((id, Vec::new()));
            all.len() - 1
        });
        all[index].1.push(event);
    }
    all
}

/// Different values, the most recent first, and how many more there are.
fn values(events: &[&Event], value: &dyn Fn(&Event) -> String) -> String {
    let mut found: Vec<String> = Vec::new();
    for event in events {
        let text = value(event);
        if !text.is_empty() && !found.contains(&text) {
            found.push(text);
        }
    }
    let rest = found.len().saturating_sub(VALUES_MAX);
    found.truncate(VALUES_MAX);
    let text = found.join(", ");
    if rest > 0 { format!("{text} +{rest}") } else { text }
}

pub(super) fn list(reader: &Reader, asked: &Asked, subject: &Subject) -> Result<Markup, ApiError> {
    let filter = &subject.filter;
    let events = subject::events(reader, filter, &USER_LOGS, Order::NewestFirst, EVENTS_MAX)?;
    let sessions = sessions(&events);
    Ok(html! {
        @if sessions.is_empty() {
            p .muted .rest { "None of these sign-ins names its session." }
        } @else {
            table .list {
                thead {
                    tr {
                        @for name in ["First", "Last", "Sign-ins", "Applications", "IP addresses",
                            "Session"] {
                            th scope="col" { (name) }
                        }
                    }
                }
                tbody {
                    @for session in sessions.iter().take(SESSIONS_MAX) { (row(asked, session)) }
                }
            }
        }
        p .muted .rest {
            "From the newest " (grouped(events.len() as u64)) " sign-ins of the range"
            @if sessions.len() > SESSIONS_MAX {
                "; and " (sessions.len() - SESSIONS_MAX) " sessions more"
            }
            "."
        }
    })
}

fn row(asked: &Asked, (id, events): &Session<'_>) -> Markup {
    let ends = events.last().zip(events.first());
    html! {
        tr .row {
            @if let Some((first, last)) = ends {
                td { (words::time(first.row().created, asked.now)) }
                td { (words::time(last.row().created, asked.now)) }
            }
            td { (grouped(events.len() as u64)) }
            td { span .clip { (values(events, &app_name)) } }
            td .mono { (values(events, &|event| event.cell(FieldId::IpAddress).to_string())) }
            td .mono { a href=(link::session(id)) { (id) } }
        }
    }
}
