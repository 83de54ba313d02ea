//! The page of one attempt.

use durward_model::Timestamp;
use durward_model::time::SECOND_MICROS;
use maud::{Markup, html};

use super::super::scope::Scope;
use super::super::shell::{self, Frame};
use super::super::state::ago;
use super::super::{link, words};
use super::marks::{self, Mark};
use super::story::{Attempt, Named, Request, User};
use super::verdict::Verdict;
use super::{Gathered, lasting, zone_switch};

/// A pause of this length or more is drawn as one.
const PAUSE_MICROS: i64 = 60 * SECOND_MICROS;
/// While the last request is younger, more may come.
const YOUNG_MICROS: i64 = 10 * 60 * SECOND_MICROS;
/// How far around an attempt its user's other sign-ins are looked for.
const AROUND_MICROS: i64 = 10 * 60 * SECOND_MICROS;
/// Users, applications and addresses listed of each at most.
const LISTED_MAX: usize = 8;

pub(super) fn page(
    frame: &Frame,
    scope: &Scope,
    found: &Gathered,
    attempt: &Attempt,
    now: Timestamp,
) -> Markup {
    let who = attempt.users.first().map_or("Somebody", |user| user.named.label());
    let app = attempt.apps.first().map_or("an unnamed application", Named::label);
    let title = format!("Attempt: {who} → {app}");
    let body = html! {
        main #main .attempt {
            div .heading {
                div {
                    h1 { (title) }
                    p .muted {
                        (words::time(attempt.started(), now)) " " span .zone { "UTC" } " · "
                        (ago(attempt.started(), now)) " · correlation ID "
                        code .copy { (found.id) }
                    }
                }
                div .actions { (actions(scope, found, attempt)) }
            }
            (verdict_box(&attempt.verdict, attempt, now))
            div .split {
                section .panel .part aria-label="Requests in order" {
                    h2 { "What happened" }
                    p { (marks::render(&attempt.story)) }
                    @if found.is_cut {
                        p .muted {
                            "Only the newest requests are shown: the client uses this correlation
                             ID again and again."
                        }
                    }
                    (timeline(attempt, now))
                }
                aside .panel .part aria-label="Facts" { (facts(attempt, now)) }
            }
        }
    };
    let path = link::attempt(&found.id);
    shell::page(frame, &title, &body, &zone_switch(scope, &path))
}

fn actions(scope: &Scope, found: &Gathered, attempt: &Attempt) -> Markup {
    let all = scope.at("all");
    let user = attempt.users.first().map(|user| user.named.id.as_str()).unwrap_or_default();
    let around = scope.between(
        attempt.started().micros.saturating_sub(AROUND_MICROS),
        attempt.ended().micros.saturating_add(AROUND_MICROS),
    );
    html! {
        a .button href=(link::signins(&all, None, &[link::is("correlationId", &found.id)])) {
            "Show in the log"
        }
        @if !user.is_empty() {
            a .button href=(link::signins(&around, None, &[link::is("userId", user)]))
                title="Other attempts of the user, ten minutes before to ten minutes after" {
                "Same user ± 10 min"
            }
        }
    }
}

/// The verdict in a box.
fn verdict_box(verdict: &Verdict, attempt: &Attempt, now: Timestamp) -> Markup {
    let is_young = now.micros - attempt.ended().micros < YOUNG_MICROS;
    let may_go_on = is_young && verdict.status != durward_model::errors::Status::Success;
    html! {
        section .verdict .(words::status_class(verdict.status)) aria-label="Verdict" {
            p { (words::pill(verdict.status)) " " b { (verdict.title) } }
            p .reason { (verdict.sentence) }
            @if let Some(todo) = &verdict.todo {
                p .muted { b { "What to do: " } (todo) }
            }
            @if may_go_on {
                p .muted { "The last request is a few minutes old: the attempt may still go on." }
            }
        }
    }
}

fn timeline(attempt: &Attempt, now: Timestamp) -> Markup {
    let mut before: Option<Timestamp> = None;
    html! {
        ol .timeline {
            @for (request, marks) in attempt.requests.iter().zip(&attempt.told) {
                @let gap = before.map(|before| request.created.micros - before.micros);
                @if let Some(gap) = gap.filter(|gap| *gap >= PAUSE_MICROS) {
                    li .pause { "Nothing for " (lasting(gap)) }
                }
                (entry(request, marks, gap.filter(|gap| *gap < PAUSE_MICROS), now))
                ({ before = Some(request.created); html! {} })
            }
        }
    }
}

fn entry(request: &Request, marks: &[Mark], gap: Option<i64>, now: Timestamp) -> Markup {
    html! {
        li .entry .(words::status_class(request.status)) {
            div .when {
                a href=(link::event(&request.id)) title="Open this sign-in" {
                    (words::time(request.created, now))
                }
                @if let Some(gap) = gap { span .muted { "+" (lasting(gap)) } }
            }
            div .what {
                p {
                    (words::pill(request.status))
                    @if let Some(code) = request.code.filter(|code| *code != 0) {
                        " " a href=(link::error(code)) { (code) }
                    }
                    @if request.is_silent() { " " span .small-tag { "silent" } }
                    " " b { (request.app.label()) }
                    @if !request.resource.label().is_empty() {
                        span .muted { " to " (request.resource.label()) }
                    }
                }
                ul .marks {
                    @for mark in marks { li { (mark.render()) " " (mark.words) } }
                }
                p .muted .small {
                    @if !request.ip.is_empty() { code { (request.ip) } }
                    @if !request.place.is_empty() { " · " (request.place) }
                    @if !request.protocol.is_empty() && request.protocol != "none" {
                        " · " (request.protocol)
                    }
                }
            }
        }
    }
}

fn facts(attempt: &Attempt, now: Timestamp) -> Markup {
    let silent = attempt.requests.iter().filter(|request| request.is_silent()).count();
    html! {
        h2 { "Facts" }
        dl {
            dt { "Final status" } dd { (words::pill(attempt.verdict.status)) }
            dt { "Started" } dd { (words::time(attempt.started(), now)) }
            dt { "Duration" } dd { (lasting(attempt.duration_micros())) }
            dt { "Requests" }
            dd {
                (attempt.requests.len())
                @if silent > 0 { span .muted { " (" (silent) " silent)" } }
            }
            dt { (if attempt.users.len() > 1 { "Users" } else { "User" }) }
            dd {
                @for user in attempt.users.iter().take(LISTED_MAX) {
                    div { (user_link(user)) (verdict_of(attempt, user)) }
                }
                (more(attempt.users.len()))
            }
            dt { "Applications" }
            dd {
                @for app in attempt.apps.iter().take(LISTED_MAX) { div { (app_link(app)) } }
                (more(attempt.apps.len()))
            }
            dt { "IP addresses" }
            dd {
                @for ip in attempt.ips.iter().take(LISTED_MAX) {
                    div { a .mono href=(link::ip(ip)) { (ip) } }
                }
                (more(attempt.ips.len()))
            }
        }
    }
}

fn more(count: usize) -> Markup {
    html! {
        @if count > LISTED_MAX { div .muted { "and " (count - LISTED_MAX) " more" } }
    }
}

fn user_link(user: &User) -> Markup {
    let id = if user.named.id.is_empty() { &user.principal } else { &user.named.id };
    html! {
        @if id.is_empty() { (user.named.label()) } @else {
            a href=(link::user(id)) title=(user.principal) { (user.named.label()) }
        }
    }
}

/// How it ended for a user, where there are several.
fn verdict_of(attempt: &Attempt, user: &User) -> Markup {
    let found = attempt.by_user.iter().find(|(other, _)| other == user);
    html! {
        @if let Some((_, verdict)) = found { span .muted { ": " (verdict.title.to_lowercase()) } }
    }
}

fn app_link(app: &Named) -> Markup {
    let id = if app.id.is_empty() { &app.name } else { &app.id };
    html! { a href=(link::app(id)) { (app.label()) } }
}
