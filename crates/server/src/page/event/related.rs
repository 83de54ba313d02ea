//! What one sign-in has to do with others: looked up by a second request, so that the sign-in
//! itself is there at once.

mod look;

use std::sync::Arc;

use axum::extract::{Extension, Path, State as Shared};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use durward_model::{FieldId, Timestamp};
use maud::{Markup, html};

use crate::access::{Asking, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::rest;

use super::super::shell::{self, Frame};
use super::super::state::{ago, grouped};
use super::super::{answer, link, words};
use super::{Pane, Shown, asked, title};
use look::{Context, Found, Others, Seen};

/// Where the strip of counts will be.
pub(super) fn strip_placeholder(shown: Shown<'_>) -> Markup {
    placeholder_at(shown, "context", "Related sign-ins", "kindred")
}

/// Where what the verdict says of others will be.
pub(super) fn context_placeholder() -> Markup {
    html! { div #event-context {} }
}

/// Where the baseline will be.
pub(super) fn usual_placeholder(shown: Shown<'_>) -> Markup {
    html! {
        h3 { "Usual for " (whom(shown)) "?" }
        (placeholder_at(shown, "usual", "What was seen before", "usual"))
    }
}

fn whom(shown: Shown<'_>) -> &'static str {
    if shown.pane.facts.is_workload() { "this workload" } else { "this user" }
}

/// A place that fills itself; without script a link to what would be there.
pub(super) fn placeholder(shown: Shown<'_>, about: &str, label: &str) -> Markup {
    placeholder_at(shown, about, label, "seen")
}

fn placeholder_at(shown: Shown<'_>, about: &str, label: &str, class: &str) -> Markup {
    let href = shown.part_href("/related", &[("about", about)]);
    html! {
        div .lazy .(class) hx-get=(href) hx-trigger="load" hx-swap="innerHTML" {
            a href=(href) { (label) }
        }
    }
}

/// `GET /signins/{id}/related`
pub(crate) async fn related(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    Path(id): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, ApiError> {
    let (params, state) = asked(&uri, &["about"])?;
    let about = params.get("about").unwrap_or("context").to_owned();
    if !["context", "usual", "place", "device"].contains(&about.as_str()) {
        let message = "'about' must be context, usual, place or device";
        return Err(ApiError::bad_request(message).parameter("about"));
    }
    let looked = Looked::event(&id);
    let tenant = state.scope.tenant.clone();
    let found = app.ask(&caller, move |reader| {
        let event = rest::find(reader, tenant.as_deref(), &id)?;
        let found = look::look(reader, &event, &about)?;
        Ok((event, found))
    });
    let (event, found) = found.await?;
    let facts = super::facts::Facts::of(&event);
    let (revisions, said, told) = (Vec::new(), Vec::new(), Vec::new());
    let pane = Pane { event, facts, revisions, said, told };
    let now = Timestamp::now();
    let is_part = headers.contains_key("hx-request");
    let shown = Shown { pane: &pane, state: &state, is_beside: is_part, now };
    let content = match &found {
        Found::Context(context) => html! {
            (strip(shown, context))
            div #event-context hx-swap-oob=[is_part.then_some("true")] {
                (sentences(shown, context))
            }
        },
        Found::Seen(lines) => seen(shown, lines),
    };
    Ok(looked.on(answer(match is_part {
        true => content,
        false => whole(&frame, shown, &content),
    })))
}

/// For browsers without script.
fn whole(frame: &Frame, shown: Shown<'_>, content: &Markup) -> Markup {
    let title = title(&shown.pane.facts);
    let body = html! {
        main #main .event-page {
            article .event {
                h1 { (title) }
                (content)
                p { a href=(shown.page_href(super::tabs::Tab::Basic)) { "Back to the sign-in" } }
            }
        }
    };
    shell::page(frame, &title, &body, &html! {})
}

/// Links to what belongs together, with counts.
fn strip(shown: Shown<'_>, context: &Context) -> Markup {
    let facts = &shown.pane.facts;
    let day = look::day_of(shown.pane.event.row().created);
    let today = shown.state.scope.between(day.0, day.1);
    let recent = look::recent(&shown.pane.event);
    let recent = shown.state.scope.between(recent.0, recent.1);
    let count = |count: u64, one: &str, many: &str| {
        format!("{} {}", grouped(count), if count == 1 { one } else { many })
    };
    let value = |name: &str| facts.text(name).to_owned();
    let mut links: Vec<(&str, String, String)> = Vec::new();
    if let Some(requests) = context.attempt {
        let href = link::attempt(&value("correlationId"));
        links.push(("Attempt", count(requests, "request", "requests"), href));
    }
    if let Some(requests) = context.session {
        links.push(("Session", grouped(requests), link::session(&value("sessionId"))));
    }
    if let Some(users) = context.address_users {
        let terms = [link::is("ipAddress", &value("ipAddress"))];
        let href = link::signins(&recent, None, &terms);
        links.push(("Same IP", count(users, "user", "users"), href));
    }
    if let Some(users) = context.device_users {
        let terms = [link::is("deviceDetail/deviceId", &value("deviceDetail/deviceId"))];
        let href = link::signins(&recent, None, &terms);
        links.push(("Same device", count(users, "user", "users"), href));
    }
    if let (Some(requests), Some((field, id))) = (context.actor_day, &context.actor) {
        let href = link::signins(&today, None, &[link::is(field.field().name, id)]);
        let label =
            if facts.is_workload() { "Same workload that day" } else { "Same user that day" };
        links.push((label, grouped(requests), href));
    }
    html! {
        nav .related aria-label="Related sign-ins" {
            @for (label, count, href) in &links {
                a href=(href) { (label) " " b { (count) } }
            }
        }
    }
}

/// The last success, and who else met the same.
fn sentences(shown: Shown<'_>, context: &Context) -> Markup {
    let created = shown.pane.event.row().created;
    let same = if shown.pane.facts.is_workload() { "Same workload" } else { "Same user" };
    let day = look::day_of(created);
    let is_today = (day.0..day.1).contains(&shown.now.micros);
    let when = if is_today { "today" } else { "that day" };
    html! {
        @if let Some(success) = &context.last_success {
            @let id = success.cell(FieldId::Id).to_string();
            @let device = success.cell(FieldId::DeviceDisplayName).to_string();
            @let address = success.cell(FieldId::IpAddress).to_string();
            @let from = if device.is_empty() { &address } else { &device };
            p {
                (same) " " a href=(link::event(&id)) { "succeeded" } " "
                (ago(success.row().created, created).replace(" ago", " earlier"))
                @if !from.is_empty() { " from " (from) }
                "."
            }
        } @else if context.looked_for_success {
            p { (same) " had no success in the 30 days before." }
        }
        @if let Some(Others { people, terms }) = &context.others {
            @let href = link::signins(&shown.state.scope.between(day.0, day.1), None, terms);
            p {
                @if *people == 0 { "Nobody else met this " (when) "." }
                @else {
                    a href=(href) {
                        (grouped(*people))
                        @if *people == 1 { " other person" } @else { " other people" }
                    }
                    " hit this " (if terms.len() > 1 { "policy" } else { "code" }) " " (when) "."
                }
            }
        }
    }
}

/// Lines of a baseline.
fn seen(shown: Shown<'_>, lines: &[Seen]) -> Markup {
    html! {
        @if lines.is_empty() {
            p .absent { "The record does not say enough to compare with what was before." }
        } @else {
            dl .baseline {
                @for line in lines {
                    dt { (line.label) }
                    dd { (seen_value(shown, line)) }
                }
            }
        }
    }
}

fn seen_value(shown: Shown<'_>, line: &Seen) -> Markup {
    let created = shown.pane.event.row().created;
    html! {
        @match (&line.text, line.at) {
            (Some(text), _) => {
                @if let Some(href) = &line.href { a href=(href) { (text) } } @else { (text) }
            },
            (None, Some(at)) if at.micros < created.micros => {
                @if line.is_last { (words::time(at, shown.now)) " · " (ago(at, shown.now)) }
                @else { "yes, since " (words::time(at, shown.now)) }
            }
            (None, _) => {
                span .new { b { "new" } ", first seen with this sign-in" }
            }
        }
    }
}
