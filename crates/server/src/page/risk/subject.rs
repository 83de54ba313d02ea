//! The risk of one user, workload identity or agent: how it stands, by what, and how it came so.

use std::sync::Arc;

use axum::extract::{Extension, Path, State as Shared};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use durward_detect::risk::{
    DecisionRecord, DetectionOrder, DetectionQuery, HistoryItem, RiskDetection, RiskySubject,
};
use durward_detect::{Book, SubjectKind};
use durward_model::Timestamp;
use maud::{Markup, html};

use crate::access::{Asking, Caller, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::graph;
use crate::page::shell::{self, Frame};
use crate::page::state::grouped;
use crate::page::{answer, link, words};
use crate::risk::{RiskSight, Shown, refused};

use super::detections::source;
use super::list::{self, Asked};
use super::marks::Told;
use super::sign_ins::{self, Line};
use super::{act, labels, subjects};

/// Risky sign-ins and detections listed at most.
const LISTED_MAX: usize = 50;
/// Lines of history listed at most.
const HISTORY_MAX: usize = 100;

/// What is known of one subject.
struct Known {
    subject: RiskySubject,
    shown: Shown,
    sign_ins: Vec<Line>,
    /// Detections that sign-ins belong to, and others.
    linked: Vec<One>,
    unlinked: Vec<One>,
    history: Vec<HistoryItem>,
    decisions: Vec<DecisionRecord>,
}

/// A risk detection, and what its finding says.
struct One {
    detection: RiskDetection,
    told: Option<Told>,
    title: String,
    id: String,
}

/// `GET /protection/users/{id}`
pub(super) async fn user(
    app: Shared<Arc<App>>,
    asking: Asking,
    frame: Extension<Frame>,
    id: Path<String>,
    uri: Uri,
) -> Result<Response, ApiError> {
    page(app, asking, frame, id, uri, &[SubjectKind::User]).await
}

/// `GET /protection/workloads/{id}`
pub(super) async fn workload(
    app: Shared<Arc<App>>,
    asking: Asking,
    frame: Extension<Frame>,
    id: Path<String>,
    uri: Uri,
) -> Result<Response, ApiError> {
    page(app, asking, frame, id, uri, &[SubjectKind::Workload, SubjectKind::Agent]).await
}

async fn page(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    Path(id): Path<String>,
    uri: Uri,
    kinds: &'static [SubjectKind],
) -> Result<Response, ApiError> {
    let asked = Asked::read(&uri, "all")?;
    let (shared, sight, wanted) = (app.clone(), RiskSight::of(&caller), id.clone());
    let known = app
        .ask(&caller, move |reader| {
            let book = &shared.detect.book;
            let mut found = None;
            for kind in kinds {
                found = graph::find_risky_subject(book, &sight, *kind, &wanted)?;
                if found.is_some() {
                    break;
                }
            }
            let Some(subject) = found else { return Ok(None) };
            let Some(mut known) = ask(book, &sight, subject)? else { return Ok(None) };
            let query = DetectionQuery {
                reach: sight.reach(),
                subject: Some(known.subject.key.clone()),
                order: DetectionOrder::Activity,
                ..DetectionQuery::default()
            };
            let ids = book.risky_events(&query, LISTED_MAX).map_err(refused)?;
            let mut events = Vec::new();
            for event in ids {
                events.extend(reader.get(Some(&known.subject.key.tenant), &event.to_string())?);
            }
            events.sort_by_key(|event| std::cmp::Reverse(event.row().created));
            known.sign_ins = sign_ins::with_risk(book, events)?;
            Ok(Some(known))
        })
        .await?;
    let is_user = kinds == [SubjectKind::User];
    let looked = Looked::event(&id);
    let zone = html! { a #zone .button href="?" hidden data-local="false" { "UTC" } };
    let Some(known) = known else {
        let page = shell::page(&frame, "Not here", &unknown(&id, is_user), &zone);
        return Ok(looked.on((StatusCode::NOT_FOUND, answer(page)).into_response()));
    };
    let title = known.shown.display_name.clone();
    let body = html! { main #main .risk .proof { (render(&caller, &asked, &known)) } };
    Ok(looked.on(answer(shell::page(&frame, &title, &body, &zone))))
}

fn unknown(id: &str, is_user: bool) -> Markup {
    let (page, list) = match is_user {
        true => (link::user(id), "/protection/users"),
        false => (link::workload(id), "/protection/workloads"),
    };
    html! {
        main #main .single {
            section .panel .empty {
                h1 { "No risk" }
                p { "Nothing that you may see was ever found about " code { (id) } "." }
                p .choices {
                    a .button .primary href=(page) { "Its sign-ins" }
                    a .button href=(list) { "All that are at risk" }
                }
            }
        }
    }
}

fn ask(book: &Book, sight: &RiskSight, subject: RiskySubject) -> Result<Option<Known>, ApiError> {
    let Some(mask) = sight.mask(&subject.key, &subject.name) else { return Ok(None) };
    let shown = sight.show(&subject.key, &subject.name, &subject.facts.display_name, mask);
    let of = |has_sign_in| -> Result<Vec<One>, ApiError> {
        let query = DetectionQuery {
            reach: sight.reach(),
            subject: Some(subject.key.clone()),
            has_sign_in: Some(has_sign_in),
            limit: LISTED_MAX,
            ..DetectionQuery::default()
        };
        let mut all = Vec::new();
        for detection in book.risk_detections(&query).map_err(refused)? {
            let finding = match detection.finding {
                Some(id) => book.finding(id).map_err(refused)?,
                None => None,
            };
            let title = match &finding {
                Some(stored) => labels::detection(&stored.finding.detection),
                None => labels::event_type(&detection.event_type),
            };
            let told = finding.and_then(|stored| Told::of(sight, &stored));
            let id = sight.show_id(&detection.id, mask);
            all.push(One { detection, told, title, id });
        }
        Ok(all)
    };
    let (linked, unlinked) = (of(true)?, of(false)?);
    let mut history = book.risk_history(&subject.key).map_err(refused)?;
    history.truncate(HISTORY_MAX);
    let decisions = book.risk_decisions(&subject.key).map_err(refused)?;
    let sign_ins = Vec::new();
    Ok(Some(Known { subject, shown, sign_ins, linked, unlinked, history, decisions }))
}

fn render(caller: &Caller, asked: &Asked, known: &Known) -> Markup {
    let Known { subject, shown, .. } = known;
    let kind = subject.key.kind;
    let is_user = kind == SubjectKind::User;
    let (list, label) = match is_user {
        true => ("/protection/users", "Risky users"),
        false => ("/protection/workloads", "Risky workload identities"),
    };
    let own = if is_user { link::user(&shown.id) } else { link::workload(&shown.id) };
    html! {
        p .trail { a href=(list) { (label) } " / " (shown.display_name) }
        div .heading {
            h1 { (shown.display_name) " " (labels::level(subject.level)) }
            div .actions {
                a .button .primary href=(own) {
                    (if is_user { "User’s sign-ins" } else { "Its sign-ins" })
                }
                @if act::may(caller, kind.name()) {
                    (act::form_of_one(kind.name(), subjects::decisions(kind), &shown.id,
                        &link::risky(kind, &shown.id)))
                }
            }
        }
        (list::done(asked))
        (basic(asked, known))
        section .panel .wide aria-label="Recent risky sign-ins" {
            h2 { "Recent risky sign-ins" }
            @if known.sign_ins.is_empty() {
                p .muted { "None that you may see." }
            } @else if is_user {
                (sign_ins::table_of(&known.sign_ins, asked.now, false))
            } @else { (plain(&known.sign_ins, asked.now)) }
        }
        (detections("Detections linked to a sign-in", &known.linked, asked.now))
        (detections("Detections not linked to a sign-in", &known.unlinked, asked.now))
        div .two-columns {
            (history(known, asked.now))
            (decisions(known, asked.now))
        }
    }
}

fn basic(asked: &Asked, known: &Known) -> Markup {
    let Known { subject, shown, .. } = known;
    let yes = |answer: bool| html! { (if answer { "Yes" } else { "No" }) };
    let facts = [
        ("Risk state", labels::state(subject.state)),
        ("Risk detail", html! { (labels::detail(&subject.detail)) }),
        (
            "Risk last updated",
            words::time(Timestamp::from_micros(subject.updated_micros), asked.now),
        ),
        (
            "Detections",
            html! {
                (grouped(subject.detections)) " (" (grouped(subject.active)) " open)"
            },
        ),
        ("Name", html! { (shown.name) }),
        ("Object ID", html! { code { (shown.id) } }),
        (
            "Application ID",
            html! {
                @if !subject.facts.app_id.is_empty() {
                    a href=(link::app(&subject.facts.app_id)) { (subject.facts.app_id) }
                }
            },
        ),
        ("Tenant", html! { code { (subject.key.tenant) } }),
        ("Deleted", subject.facts.is_deleted.map_or_else(Markup::default, yes)),
        ("Enabled", subject.facts.is_enabled.map_or_else(Markup::default, yes)),
    ];
    html! {
        section .panel .part aria-label="Basic info" {
            h2 { "Basic info" }
            dl .facts .in-two {
                @for (name, value) in &facts {
                    @if !value.0.is_empty() { dt { (name) } dd { (value) } }
                }
            }
        }
    }
}

/// Sign-ins of workloads, which have less to tell.
fn plain(lines: &[Line], now: Timestamp) -> Markup {
    html! {
        div .scroll tabindex="0" role="group" aria-label="Sign-ins" {
            table .list {
                thead {
                    tr {
                        th scope="col" { "Date (" span .zone { "UTC" } ")" }
                        @for name in ["Resource", "Status", "IP address", "Location"] {
                            th scope="col" { (name) }
                        }
                    }
                }
                tbody {
                    @for line in lines {
                        @let event = &line.event;
                        tr .row {
                            td {
                                a href=(link::event(&super::shown(event, "id"))) {
                                    (words::time(event.row().created, now))
                                }
                            }
                            td { (super::shown(event, "resourceDisplayName")) }
                            td {
                                @if let Some(status) = durward_model::graph::status(event) {
                                    (words::pill(status))
                                }
                            }
                            td .mono { (super::shown(event, "ipAddress")) }
                            td { (super::shown(event, "location")) }
                        }
                    }
                }
            }
        }
    }
}

fn detections(title: &str, these: &[One], now: Timestamp) -> Markup {
    html! {
        @if !these.is_empty() {
            section .panel .wide aria-label=(title) {
                h2 { (title) }
                div .scroll tabindex="0" role="group" aria-label=(title) {
                    table .list .told-rows {
                        thead {
                            tr {
                                th scope="col" { "Detection time (" span .zone { "UTC" } ")" }
                                @for name in ["Detection type", "Risk state", "Risk level",
                                    "Risk detail", "Source", "Timing"] {
                                    th scope="col" { (name) }
                                }
                            }
                        }
                        tbody { @for one in these { (detection(one, now)) } }
                    }
                }
            }
        }
    }
}

fn detection(one: &One, now: Timestamp) -> Markup {
    let found = &one.detection;
    let href = one.told.as_ref().map_or_else(|| link::finding(&one.id), Told::href);
    html! {
        tr .row .has-words[one.told.is_some()] {
            td { (words::time(Timestamp::from_micros(found.detected_micros), now)) }
            td .type {
                a href=(href) { (one.title) }
                @if let Some(told) = &one.told { p .muted title=(told.words) { (told.words) } }
            }
            td { (labels::state(found.state)) }
            td { (labels::level(found.level)) }
            td { (labels::detail(&found.detail)) }
            td { (source(found.origin)) }
            td { (labels::timing(&found.timing)) }
        }
    }
}

/// How it stood, the newest first.
fn history(known: &Known, now: Timestamp) -> Markup {
    html! {
        section .panel .part aria-label="Risk history" {
            h2 { "Risk history" }
            ol .risk-history {
                @for item in &known.history {
                    li {
                        (words::time(Timestamp::from_micros(item.at_micros), now)) " "
                        (labels::level(item.level)) " " (labels::state(item.state))
                        @let why = labels::detail(&item.detail);
                        @let types: Vec<String> =
                            item.event_types.iter().map(|one| labels::event_type(one)).collect();
                        @if !why.is_empty() { p { (why) } }
                        @if !types.is_empty() { p .muted { (types.join(", ")) } }
                    }
                }
            }
        }
    }
}

/// What was decided, by whom and why.
fn decisions(known: &Known, now: Timestamp) -> Markup {
    html! {
        section .panel .part aria-label="Decisions" {
            h2 { "Decisions" }
            @if known.decisions.is_empty() { p .muted { "Nobody has decided anything yet." } }
            ol .risk-history {
                @for one in &known.decisions {
                    li { (super::decision(one, known.subject.key.kind, now)) }
                }
            }
        }
    }
}
