//! One sign-in on a card: outcome, application, place and device; the rest when it is opened.

use durward_access::{Feedback, Verdict};
use durward_model::columns::{self, text};
use durward_model::errors::Status;
use durward_model::{Event, FieldId, Log, Timestamp, graph};
use maud::{Markup, html};

use super::address::{self, Address};
use super::{key, words};
use crate::access::Caller;
use crate::page::Frame;
use crate::page::state::ago;
use crate::page::words::{icon, status_class, time};

/// The card, with what the viewer said of it.
pub(super) fn card(
    frame: &Frame,
    caller: &Caller,
    address: &Address,
    event: &Event,
    said: &[Feedback],
    now: Timestamp,
) -> Markup {
    let (id, tenant) = key(event);
    let status = graph::status(event).unwrap_or(Status::Failure);
    let created = event.row().created;
    let told = words::told(event);
    let said = said.iter().find(|it| it.event_id == id && it.tenant == tenant);
    html! {
        article .panel .card .(status_class(status)) id=(id) data-id=(id) {
            div .top {
                span .pill .(status_class(status)) {
                    span aria-hidden="true" { (icon(status)) } " " (words::outcome(status))
                }
                @if event.row().log == Log::NonInteractiveUser {
                    span .muted { "in the background" }
                }
                span .when .muted { (ago(created, now)) " · " (time(created, now)) }
            }
            h2 { (application(event)) }
            p { (place(event)) " · " (device(event)) }
            @if told.is_serious || status != Status::Success {
                p .told .serious[told.is_serious] { (told.what) }
            }
            details {
                summary { "Details" }
                (more(event, &told, &id))
            }
            @if caller.person().is_some() {
                (answer_form(frame, address, (&id, &tenant), said))
            }
        }
    }
}

fn more(event: &Event, told: &words::Told, id: &str) -> Markup {
    let whole = event.row().created.to_rfc3339();
    let address = event.cell(FieldId::IpAddress).to_string();
    html! {
        p { (told.what) " " (told.if_not_you) }
        dl {
            dt { "Time (" span .zone { "UTC" } ")" }
            dd { time datetime=(whole) { (whole) } }
            @if !address.is_empty() { dt { "IP address" } dd .mono { (address) } }
            dt { "Place" } dd { (place(event)) }
            dt { "Browser and system" } dd { (device(event)) }
            @if let Some(step) = words::second_step(event) {
                dt { "Second step" } dd { (step) }
            }
            @if let Some(rules) = words::rules(event) {
                dt { "Rules of your organisation" } dd { (rules) }
            }
            dt { "For the help desk" } dd .mono { (id) }
        }
    }
}

/// What was said of it, and the buttons to say something, or something else.
fn answer_form(
    frame: &Frame,
    address: &Address,
    (id, tenant): (&str, &str),
    said: Option<&Feedback>,
) -> Markup {
    let verdict = said.map(|said| said.verdict);
    html! {
        @match verdict {
            Some(Verdict::Mine) => p .said role="status" { "✔ You said: this was me." },
            Some(Verdict::NotMine) => div .said .alarm role="status" {
                p { b { "✖ You said: this wasn’t me." } " What to do now:" }
                ol {
                    li { "Change your password." }
                    li {
                        "Review your security info, and remove phones, keys and apps that are not
                         yours."
                    }
                    li { "Tell the help desk, with the number from the details." }
                }
            },
            None => {},
        }
        form .answers method="post" action="/me/feedback" {
            (frame.csrf_field())
            (address.fields(&address::PARAMS))
            input type="hidden" name="id" value=(id);
            @if !tenant.is_empty() { input type="hidden" name="tenant" value=(tenant); }
            @if verdict != Some(Verdict::Mine) {
                button .button name="verdict" value="mine" { "This was me" }
            }
            @if verdict != Some(Verdict::NotMine) {
                button .button name="verdict" value="not-mine" { "This wasn’t me" }
            }
        }
    }
}

fn application(event: &Event) -> String {
    let names = [FieldId::AppDisplayName, FieldId::ResourceDisplayName];
    let names = names.map(|field| event.cell(field).to_string());
    let known = names.into_iter().find(|name| !name.is_empty());
    known.unwrap_or_else(|| "An application without a name".to_owned())
}

fn place(event: &Event) -> String {
    let place = columns::by_name("location").map(|column| text::short(column, event));
    place.filter(|place| !place.is_empty()).unwrap_or_else(|| "Place unknown".to_owned())
}

fn device(event: &Event) -> String {
    let of = |field| Some(event.cell(field).to_string()).filter(|text| !text.is_empty());
    match (of(FieldId::Browser), of(FieldId::OperatingSystem)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => "Unknown browser".to_owned(),
    }
}
