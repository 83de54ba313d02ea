//! The page of one session.

use std::sync::Arc;

use axum::extract::{Extension, Path, State as Shared};
use axum::http::Uri;
use axum::response::Response;
use durward_access::Right;
use durward_model::{Event, FieldId, Log, Timestamp};
use durward_query::{ListRequest, Order, Reader};
use maud::{Markup, html};

use crate::access::{Asking, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::params::query_string;

use super::super::scope::Scope;
use super::super::shell::{self, Frame};
use super::super::state::grouped;
use super::super::{answer, link, words};
use super::story::{self, Named};
use super::thread::{self, Change, Judgement, Stop};
use super::{is, lanes, lasting, newest, scope_of, zone_switch};

/// Sign-ins of a session that are looked at: its newest.
const STOPS_MAX: usize = 2000;
/// Changes listed at most.
const CHANGES_MAX: usize = 200;
/// Identifiers of each kind that are listed at most.
const IDENTIFIERS_MAX: usize = 20;
/// Resources named at most.
const RESOURCES_MAX: usize = 12;

/// A session as it was found.
struct Session {
    id: String,
    /// In order of time.
    stops: Vec<Stop>,
    /// Its first sign-in, which may be older than those looked at.
    root: Option<Stop>,
    is_cut: bool,
    changes: Vec<Change>,
    judgement: Judgement,
}

/// `GET /sessions/{sid}`
pub(super) async fn page(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    Path(sid): Path<String>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let scope = scope_of(&uri)?;
    let asked = scope.clone();
    let session = app.ask(&caller, move |reader| look(reader, &asked, sid)).await?;
    let looked = Looked { target: Some(session.id.clone()), ..Looked::rows(session.stops.len()) };
    let may_export = caller.may(Right::Export);
    Ok(looked.on(answer(render(&frame, &scope, &session, may_export, Timestamp::now()))))
}

fn look(reader: &Reader, scope: &Scope, id: String) -> Result<Session, ApiError> {
    let filter = is(FieldId::SessionId, &id).and(scope.tenant_filter());
    let (mut events, is_cut) = newest(reader, filter.clone(), STOPS_MAX)?;
    if events.is_empty() {
        let message = format!("no sign-in that you may see has the session ID '{id}'");
        return Err(ApiError::not_found(message));
    }
    events.reverse();
    let oldest = ListRequest {
        filter,
        logs: Log::SIGN_INS.to_vec(),
        order: Order::OldestFirst,
        limit: 1,
        after: None,
    };
    let root: Vec<Event> = match is_cut {
        true => reader.events(&reader.list(&oldest)?.rows)?,
        false => events.iter().take(1).cloned().collect(),
    };
    let stops: Vec<Stop> = events.iter().map(Stop::of).collect();
    let changes = thread::changes(&stops);
    let judgement = thread::judge(&stops, &changes);
    Ok(Session { id, stops, root: root.first().map(Stop::of), is_cut, changes, judgement })
}

fn render(
    frame: &Frame,
    scope: &Scope,
    session: &Session,
    may_export: bool,
    now: Timestamp,
) -> Markup {
    let users = users(session);
    let who = users.first().map_or("an unknown user", Named::label);
    let title = format!("Session of {who}");
    let all = link::signins(&scope.at("all"), None, &[link::is("sessionId", &session.id)]);
    let odata = format!("sessionId eq '{}'", session.id.replace('\'', "''"));
    let export = [("odata", odata.as_str()), ("type", "all"), ("format", "csv")];
    let export = format!("/api/security/sign-in-logs/export?{}", query_string(export));
    let body = html! {
        main #main .session {
            div .heading {
                div {
                    h1 { (title) }
                    p .muted { "Session ID " code .copy { (session.id) } }
                }
                div .actions {
                    a .button href=(all) { "Show in the log" }
                    @if may_export { a .button href=(export) download { "Export CSV" } }
                }
            }
            (judgement(session))
            @if session.is_cut {
                p .muted .remark {
                    "The session is longer than what is drawn: these are its newest "
                    (grouped(session.stops.len() as u64)) " sign-ins. The root is the true one."
                }
            }
            (header(session, &users, now))
            section .panel .part aria-label="Sign-ins over time" {
                h2 { "Sign-ins by application" }
                p .muted .legend {
                    span { "● the user took part" } span { "○ silent" }
                    span { "▏ something changed" }
                }
                (lanes::render(scope, &session.id, &session.stops, &session.changes))
            }
            (changes(session, now))
            (identifiers(session))
        }
    };
    shell::page(frame, &title, &body, &zone_switch(scope, &link::session(&session.id)))
}

fn users(session: &Session) -> Vec<Named> {
    story::distinct(session.stops.iter().map(|stop| &stop.request.user))
}

fn judgement(session: &Session) -> Markup {
    let Judgement { level, evidence, counter, steps } = &session.judgement;
    let list = |title: &str, lines: &[String]| {
        html! {
            @if !lines.is_empty() {
                div { h2 { (title) } ul { @for line in lines { li { (line) } } } }
            }
        }
    };
    html! {
        section .verdict .(words::status_class(level.status())) aria-label="Verdict" {
            p .reason {
                span aria-hidden="true" { (words::icon(level.status())) } " " (level.title())
            }
            p { (level.sentence()) }
            div .evidence {
                (list("What speaks for a token in other hands", evidence))
                (list("What speaks against it", counter))
            }
            @if let Some(at) = steps.first() {
                @let href = link::event(&session.stops[*at].request.id);
                p { a href=(href) { "Open the first such step" } }
            }
        }
    }
}

fn header(session: &Session, users: &[Named], now: Timestamp) -> Markup {
    let tokens = story::distinct(
        session.stops.iter().map(|stop| &stop.token).filter(|token| !token.is_empty()),
    );
    let named = |named: &&Named| !named.label().is_empty();
    let resources =
        story::distinct(session.stops.iter().map(|stop| &stop.request.resource).filter(named));
    let first = session.root.as_ref().map(|root| root.request.created);
    let last = session.stops.last().map(|stop| stop.request.created);
    html! {
        section .panel .part .facts aria-label="Facts" {
            dl {
                dt { (if users.len() > 1 { "Users" } else { "User" }) }
                dd {
                    @for user in users.iter().take(IDENTIFIERS_MAX) {
                        div {
                            @if user.id.is_empty() { (user.label()) } @else {
                                a href=(link::user(&user.id)) { (user.label()) }
                            }
                        }
                    }
                }
                @if let Some(root) = &session.root {
                    dt { "Root sign-in" } dd { (start(root, now)) }
                }
            }
            dl {
                @if let Some(last) = last { dt { "Last activity" } dd { (words::time(last, now)) } }
                @if let (Some(first), Some(last)) = (first, last) {
                    dt { "Duration" } dd { (lasting(last.micros - first.micros)) }
                }
                dt { "Sign-ins" } dd { (grouped(session.stops.len() as u64)) }
                dt { "Unique tokens" } dd { (grouped(tokens.len() as u64)) }
            }
            dl {
                dt { "Resources" }
                dd {
                    @for resource in resources.iter().take(RESOURCES_MAX) {
                        @let by_name = resource.id.is_empty();
                        @let id = if by_name { &resource.name } else { &resource.id };
                        div { a href=(link::resource(id)) { (resource.label()) } }
                    }
                    @if resources.len() > RESOURCES_MAX {
                        div .muted { "and " (resources.len() - RESOURCES_MAX) " more" }
                    }
                }
            }
        }
    }
}

/// How the session began.
fn start(root: &Stop, now: Timestamp) -> Markup {
    let methods: Vec<String> = {
        let done =
            root.request.steps.iter().filter(|step| {
                step.succeeded == Some(true) && step.method != "Previously satisfied"
            });
        story::distinct(done.map(|step| &step.method).filter(|method| !method.is_empty()))
    };
    html! {
        div { a href=(link::event(&root.request.id)) { (words::time(root.request.created, now)) } }
        @if !methods.is_empty() { div { (methods.join(" + ")) } }
        div { (lanes::device(root)) }
        @if !root.request.ip.is_empty() {
            div { a .mono href=(link::ip(&root.request.ip)) { (root.request.ip) } }
        }
        @if root.request.is_silent() {
            div .muted { "silent: the sign-in that began it is not in the log" }
        }
    }
}

fn changes(session: &Session, now: Timestamp) -> Markup {
    let shown = &session.changes[..session.changes.len().min(CHANGES_MAX)];
    html! {
        section .panel .part aria-label="Changes" {
            h2 { "Where it changed" }
            @if shown.is_empty() {
                p .muted {
                    "IP address, ASN, country, device and user agent are the same at every step."
                }
            } @else {
                div .scroll tabindex="0" role="region" aria-label="Changes" {
                    table .inner {
                        thead {
                            tr {
                                th scope="col" { "Step (" span .zone { "UTC" } ")" }
                                th scope="col" { "Changed" }
                                th scope="col" { "From" }
                                th scope="col" { "To" }
                                th scope="col" { "Application" }
                                th scope="col" { "Kind" }
                            }
                        }
                        tbody { @for change in shown { (change_row(session, change, now)) } }
                    }
                }
                @if shown.len() < session.changes.len() {
                    p .muted {
                        "and " (grouped((session.changes.len() - shown.len()) as u64)) " more"
                    }
                }
            }
        }
    }
}

fn change_row(session: &Session, change: &Change, now: Timestamp) -> Markup {
    let stop = &session.stops[change.at];
    let value = |at: usize| lanes::value_of(change.aspect, &session.stops[at]);
    html! {
        tr .fresh-value[change.is_new] {
            td {
                a href=(link::event(&stop.request.id)) {
                    (words::time(stop.request.created, now))
                }
            }
            td { (change.aspect.label()) @if change.is_new { " " span .small-tag { "new" } } }
            td { (value(change.from)) }
            td { (value(change.at)) }
            td { (stop.request.app.label()) }
            td { (if stop.request.is_silent() { "silent" } else { "interactive" }) }
        }
    }
}

/// Identifiers to look for in other logs.
fn identifiers(session: &Session) -> Markup {
    let of = |get: &dyn Fn(&Stop) -> &String| {
        let all = session.stops.iter().rev().map(get).filter(|text| !text.is_empty());
        let mut all = story::distinct(all);
        all.truncate(IDENTIFIERS_MAX);
        all
    };
    let kinds = [
        ("User object ID", of(&|stop| &stop.request.user.id)),
        ("Unique token identifiers (newest)", of(&|stop| &stop.token)),
        ("Device IDs", of(&|stop| &stop.device_id)),
        ("IP addresses", of(&|stop| &stop.request.ip)),
    ];
    html! {
        section .panel .part aria-label="Identifiers" {
            h2 { "Identifiers for other logs" }
            p .muted {
                "Exchange and SharePoint audit records carry the session as AADSessionId and the
                 token as UniqueTokenId, Microsoft Graph activity logs as SessionId and
                 SignInActivityId. A click selects all of a box."
            }
            h3 { "Session ID" }
            pre .secret { (session.id) }
            @for (label, values) in &kinds {
                @if !values.is_empty() { h3 { (label) } pre .secret { (values.join("\n")) } }
            }
        }
    }
}
