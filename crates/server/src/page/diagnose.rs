//! Why a sign-in failed: found by who, what and when, or by an identifier, and explained with
//! evidence, steps to take, and a text for the user.

mod bundle;
mod find;

use std::sync::Arc;

use axum::extract::{Extension, State as Shared};
use axum::http::{Method, Uri};
use axum::response::Response;
use axum::routing::get;
use durward_journal::Action;
use durward_model::errors::Status;
use durward_model::{Event, FieldId, Timestamp, graph};
use maud::{Markup, html};

use crate::access::{Asking, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::openapi::Parameter;
use crate::params::{Params, query_string};
use crate::routes::{Endpoint, endpoint, read_others};

use super::event::facts::Facts;
use super::event::{diagnosis, story};
use super::shell::{self, Frame};
use super::words::{self, pill};
use super::{answer, link, page_of};
use find::{Asked, Found, HOURS, HOURS_MAX};

pub(super) fn endpoints() -> Vec<Endpoint> {
    let tenant = Parameter::query("tenant", "Only this tenant's");
    let parameters = [
        Parameter::query("user", "Name, user name or identifier of the user"),
        Parameter::query("app", "Name or identifier of the application"),
        Parameter::query("id", "Request ID or correlation ID"),
        Parameter::query("at", "About when, such as 2026-03-02T07:41Z; now unless given"),
        Parameter::query("hours", "How many hours before and after (48)"),
        Parameter::query("pick", "Request ID of the one to explain"),
        tenant.clone(),
    ];
    let page = page_of("Diagnose a sign-in").parameters(&parameters);
    let file = page_of("What a support case needs to know of a sign-in")
        .parameters(&[Parameter::query("id", "Request ID"), tenant])
        .answer("application/json", "Any");
    let read = read_others(Action::Read);
    vec![
        endpoint(Method::GET, "/diagnose", read_others(Action::List), get(diagnose), page),
        endpoint(Method::GET, "/diagnose/bundle", read, get(bundle::bundle), file),
    ]
}

/// `GET /diagnose`
pub(crate) async fn diagnose(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&["user", "app", "id", "at", "hours", "pick", "tenant"])?;
    let now = Timestamp::now();
    let asked = Asked::parse(&params, now)?;
    let question = asked.clone();
    let found = match asked.is_empty() {
        true => None,
        false => Some(app.ask(&caller, move |reader| find::find(reader, &question)).await?),
    };
    let body = html! {
        main #main .diagnose {
            div .heading {
                div {
                    h1 { "Diagnose & solve" }
                    p .muted {
                        "Find a sign-in by who, what and when, or by an identifier from an error \
                         page."
                    }
                }
            }
            (form(&asked))
            @match &found {
                Some(found) if found.events.is_empty() => (nothing(&asked)),
                Some(found) => (results(&asked, found, now)),
                None => {},
            }
        }
    };
    let controls = html! { a #zone .button href="?" hidden data-local="false" { "UTC" } };
    let page = answer(shell::page(&frame, "Diagnose & solve", &body, &controls));
    let rows = found.map_or(0, |found| found.events.len());
    Ok(Looked { is_nothing: asked.is_empty(), ..Looked::rows(rows) }.on(page))
}

fn form(asked: &Asked) -> Markup {
    let fields = [
        ("user", "User", &asked.user, "Name, user name or ID"),
        ("app", "Application", &asked.app, "Name or ID"),
        ("id", "Request ID or correlation ID", &asked.id, "From the error page"),
        ("at", "Date and time (UTC)", &asked.at_text, "Now, or 2026-03-02T07:41Z"),
    ];
    html! {
        section .panel .ask {
            form action="/diagnose" method="get" {
                @if let Some(tenant) = &asked.tenant {
                    input type="hidden" name="tenant" value=(tenant);
                }
                div .ask-fields {
                    @for (name, label, value, hint) in fields {
                        label { (label)
                            input name=(name) value=(value) placeholder=(hint) autocomplete="off"
                                spellcheck="false";
                        }
                    }
                    label { "± hours"
                        input type="number" name="hours" min="1" max=(HOURS_MAX)
                            value=(asked.hours) placeholder=(HOURS);
                    }
                    button .button .primary type="submit" { "Diagnose" }
                }
            }
        }
    }
}

fn nothing(asked: &Asked) -> Markup {
    html! {
        section .panel .empty {
            h2 { "No sign-in found" }
            p .muted {
                @if asked.id.is_empty() {
                    "Nothing of that user and application within " (asked.hours) " hours before \
                     and after. Widen the time, or leave the application out."
                } @else {
                    "No request or attempt has that identifier among what you may see. New records \
                     can take some minutes to come in."
                }
            }
        }
    }
}

/// The same question about another of the events found.
fn pick_href(asked: &Asked, id: &str) -> String {
    let hours = asked.hours.to_string();
    let all = [
        ("user", asked.user.as_str()),
        ("app", &asked.app),
        ("id", &asked.id),
        ("at", &asked.at_text),
        ("hours", &hours),
        ("tenant", asked.tenant.as_deref().unwrap_or_default()),
        ("pick", id),
    ];
    let given = all.into_iter().filter(|(_, value)| !value.is_empty());
    format!("/diagnose?{}#results", query_string(given))
}

fn results(asked: &Asked, found: &Found, now: Timestamp) -> Markup {
    let picked = &found.events[found.picked.min(found.events.len() - 1)];
    html! {
        section .panel aria-label="Authentication summary" {
            h2 .panel-title { "Authentication summary" }
            div .scroll tabindex="0" role="region" aria-label="Events found" {
                table .list {
                    thead {
                        tr {
                            th scope="col" { "Date (" span .zone { "UTC" } ")" }
                            @for heading in ["User", "Application", "Status", "Code", "Reason",
                                "IP address", "Conditional Access"] {
                                th scope="col" { (heading) }
                            }
                        }
                    }
                    tbody {
                        @for event in &found.events { (row(asked, event, event_id(picked), now)) }
                    }
                }
            }
            @if found.has_more {
                p .absent { "Only the newest " (found.events.len()) " are shown: narrow the time." }
            }
        }
        (explained(asked, picked))
    }
}

fn event_id(event: &Event) -> String {
    event.cell(FieldId::Id).to_string()
}

fn row(asked: &Asked, event: &Event, picked: String, now: Timestamp) -> Markup {
    let facts = Facts::of(event);
    let id = event_id(event);
    let is_picked = id == picked;
    html! {
        tr .row .chosen[is_picked] data-id=(id) {
            td {
                a href=(pick_href(asked, &id)) aria-current=[is_picked.then_some("true")] {
                    (words::time(event.row().created, now))
                }
            }
            td { (facts.actor()) }
            td { (facts.target()) }
            td { @if let Some(status) = graph::status(event) { (pill(status)) } }
            td { @if let Some(code) = facts.code.filter(|code| *code != 0) {
                a href=(link::error(code)) { (code) }
            } }
            td { (facts.reason.as_deref().unwrap_or_default()) }
            td .mono { (facts.text("ipAddress")) }
            td { (facts.text("conditionalAccessStatus")) }
        }
    }
}

fn explained(asked: &Asked, event: &Event) -> Markup {
    let facts = Facts::of(event);
    let story = story::told(&facts);
    let id = event_id(event);
    let tenant = asked.tenant.as_deref().map(|tenant| ("tenant", tenant));
    let query = |id: &str| query_string([("id", id)].into_iter().chain(tenant));
    html! {
        section #results .panel .diagnosis aria-label="Diagnostic results" {
            h2 .panel-title { "Diagnostic results" }
            (diagnosis(&facts, &story, event.row().created))
            div .two {
                section {
                    h3 { "Steps to take" }
                    @if facts.status == Status::Success {
                        p { "It succeeded. " (story.advice) }
                    } @else {
                        ol { @for step in steps(&story.advice) { li { (step) } } }
                    }
                }
                @if !story.tell.is_empty() {
                    section {
                        h3 {
                            "Text for "
                            @if facts.is_workload() { "its owner" } @else { "the user" }
                        }
                        blockquote #tell { (story.tell) }
                        button .button type="button" hidden data-copy=(story.tell) { "Copy text" }
                    }
                }
            }
            p .choices-left {
                a .button href=(link::event(&id)) { "Open the sign-in" }
                a .button href={ "/diagnose/bundle?" (query(&id)) } download {
                    "Ticket bundle (JSON)"
                }
                @if let Some(code) = facts.code.filter(|code| *code != 0) {
                    a .button href=(link::error(code)) { "About " (code) }
                }
            }
        }
    }
}

/// A remedy, sentence by sentence.
fn steps(advice: &str) -> Vec<&str> {
    advice.split_inclusive(". ").map(str::trim).filter(|step| !step.is_empty()).collect()
}
