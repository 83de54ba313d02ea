//! Sign-ins as short tables, for the pages that show a few of them.

use durward_model::columns::{self, text};
use durward_model::errors::Status;
use durward_model::{Event, FieldId, Timestamp, graph};
use maud::{Markup, html};

use crate::page::{link, words};

/// The first of these fields that has a value.
pub(super) fn first_of(event: &Event, fields: &[FieldId]) -> String {
    let values = fields.iter().map(|field| event.cell(*field).to_string());
    values.into_iter().find(|value| !value.is_empty()).unwrap_or_default()
}

/// Application, or what stands for it.
pub(super) fn app_name(event: &Event) -> String {
    use FieldId::{AppDisplayName, AppId, ResourceDisplayName, ServicePrincipalName};
    first_of(event, &[AppDisplayName, ServicePrincipalName, ResourceDisplayName, AppId])
}

/// The value of a derived column, such as `location` and `actor`.
pub(super) fn derived(event: &Event, name: &str) -> String {
    columns::by_name(name).map(|column| text::short(column, event)).unwrap_or_default()
}

/// Device, system and browser, as far as they are known.
pub(super) fn client(event: &Event) -> String {
    use FieldId::{Browser, DeviceDisplayName, OperatingSystem};
    let parts = [DeviceDisplayName, OperatingSystem, Browser].map(|f| event.cell(f).to_string());
    let known: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    known.join(", ")
}

/// Why it ended as it did: `signed in`, or the reason.
pub(super) fn outcome(event: &Event) -> String {
    if graph::status(event) == Some(Status::Success) {
        return "signed in".to_owned();
    }
    let reason = graph::status_reason(event).unwrap_or_default();
    let reason = reason.trim_end_matches('.');
    if reason.is_empty() { "not signed in".to_owned() } else { reason.to_owned() }
}

/// The mark of a status, with its word for those who cannot see it.
pub(super) fn mark(status: Option<Status>) -> Markup {
    let Some(status) = status else { return html! {} };
    html! {
        span .mark .(words::status_class(status)) title=(status.name()) {
            span aria-hidden="true" { (words::icon(status)) }
            span .visually-hidden { (status.name()) }
        }
    }
}

/// A table of events, newest first as they come.
pub(in crate::page) fn table(events: &[Event], now: Timestamp) -> Markup {
    html! {
        div .scroll tabindex="0" role="group" aria-label="Sign-ins" {
            table .list {
                thead {
                    tr {
                        th scope="col" { "Date (" span .zone { "UTC" } ")" }
                        @for name in ["Actor", "Application", "Status", "Result", "IP address",
                            "Location", "Client"] {
                            th scope="col" { (name) }
                        }
                    }
                }
                tbody { @for event in events { (row(event, now)) } }
            }
        }
    }
}

fn row(event: &Event, now: Timestamp) -> Markup {
    let id = event.cell(FieldId::Id).to_string();
    let ip = event.cell(FieldId::IpAddress).to_string();
    let clip = |text: String| html! { span .clip title=(text) { (text) } };
    html! {
        tr .row data-id=(id) {
            td { a href=(link::event(&id)) { (words::time(event.row().created, now)) } }
            td { (clip(derived(event, "actor"))) }
            td { (clip(app_name(event))) }
            td { @if let Some(status) = graph::status(event) { (words::pill(status)) } }
            td { (clip(outcome(event))) }
            td .mono { @if !ip.is_empty() { a href=(link::ip(&ip)) { (ip) } } }
            td { (clip(derived(event, "location"))) }
            td { (clip(client(event))) }
        }
    }
}
