//! Risky sign-ins: those that a risk detection rests on, and those that their source calls risky.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Extension, State as Shared};
use axum::http::Uri;
use axum::response::Response;
use durward_access::Right;
use durward_detect::risk::{
    Decision, DetectionOrder, DetectionQuery, RiskLevel, RiskState, SignInRisk,
};
use durward_detect::{Book, SubjectKind};
use durward_model::time::DAY_MICROS;
use durward_model::{Event, FieldId, Id, Log, Timestamp};
use durward_query::{Filter, ListRequest, Op, Order, Reader, Value};
use maud::{Markup, html};

use crate::access::{Asking, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::page::shell::{self, Frame};
use crate::page::{answer, link, words};
use crate::risk::{RiskSight, refused};

use super::list::{self, Asked, PAGE_ROWS};
use super::{act, labels, shown};

const TITLE: &str = "Risky sign-ins";
/// Sign-ins of risk detections that are looked for at most, those of the newest detections.
const EVENTS_MAX: usize = 3000;
/// A detection may be dated so long before or after a sign-in that it rests on.
const SLACK_MICROS: i64 = 7 * DAY_MICROS;
const LOGS: [Log; 2] = [Log::InteractiveUser, Log::NonInteractiveUser];

/// A risky sign-in.
pub(super) struct Line {
    pub(super) event: Event,
    pub(super) risk: SignInRisk,
}

/// A page of them.
#[derive(Default)]
pub(super) struct Found {
    pub(super) lines: Vec<Line>,
    /// Where the next page begins.
    next: Option<usize>,
    /// There are more in the range than are looked for.
    is_cut: bool,
}

/// The sign-ins of risk detections in a range, as far as the caller may see their risk.
fn of_detections(
    book: &Book,
    sight: &RiskSight,
    (from, to): (Option<i64>, Option<i64>),
) -> Result<Vec<Id>, ApiError> {
    let query = DetectionQuery {
        reach: sight.reach(),
        kinds: vec![SubjectKind::User],
        has_sign_in: Some(true),
        order: DetectionOrder::Activity,
        from_micros: from.map(|from| from.saturating_sub(SLACK_MICROS)),
        to_micros: to.map(|to| to.saturating_add(SLACK_MICROS)),
        ..DetectionQuery::default()
    };
    book.risky_events(&query, EVENTS_MAX).map_err(refused)
}

/// Sign-ins whose source gives them one of these states.
fn by_source(states: &[RiskState]) -> Filter {
    let names = states.iter().map(|state| Value::Text(state.name().to_owned()));
    Filter::field(FieldId::RiskState, Op::In(names.collect()))
}

fn among(ids: &[Id]) -> Filter {
    let ids = ids.iter().map(|id| Value::Text(id.to_string()));
    Filter::field(FieldId::Id, Op::In(ids.collect()))
}

/// Looks up a page of risky sign-ins from one on, newest first.
pub(super) fn look(
    reader: &Reader,
    book: &Book,
    sight: &RiskSight,
    asked: &Asked,
    (at, limit): (usize, usize),
) -> Result<Found, ApiError> {
    let (state, level) = (asked.state()?, asked.level()?);
    let mut ids = of_detections(book, sight, asked.span())?;
    let is_cut = ids.len() == EVENTS_MAX;
    if state.is_some() || level.is_some() {
        let known = book.risk_of_events(&ids).map_err(refused)?;
        let is = |risk: &SignInRisk| fits(risk, state, level);
        ids.retain(|id| known.get(id).is_some_and(is));
    }
    let states: Vec<RiskState> = match state {
        Some(state) => vec![state],
        None => RiskState::ALL.into_iter().filter(|state| *state != RiskState::None).collect(),
    };
    let mut risky = vec![by_source(&states)];
    if !ids.is_empty() {
        risky.push(among(&ids));
    }
    let request = ListRequest {
        filter: asked.scope.filter(asked.now).and(Filter::Or(risky)),
        logs: LOGS.to_vec(),
        order: Order::NewestFirst,
        limit,
        after: None,
    };
    let page = reader.page_at(&request, at as u64)?;
    let events = reader.events(&page.rows)?;
    let next = (events.len() == limit).then_some(at + limit);
    let lines = with_risk(book, events)?;
    let lines = lines.into_iter().filter(|line| fits(&line.risk, state, level)).collect();
    Ok(Found { lines, next, is_cut })
}

fn fits(risk: &SignInRisk, state: Option<RiskState>, level: Option<RiskLevel>) -> bool {
    let highest = risk.aggregate.max(risk.real_time);
    state.is_none_or(|state| risk.state == state) && level.is_none_or(|level| highest == level)
}

/// Sign-ins with their risk: what is known here, and what their source says.
pub(super) fn with_risk(book: &Book, events: Vec<Event>) -> Result<Vec<Line>, ApiError> {
    let ids: Vec<Id> = events.iter().map(|event| event.row().id).collect();
    let known = book.risk_of_events(&ids).map_err(refused)?;
    let mut known: HashMap<Id, SignInRisk> = known.into_iter().collect();
    let line = |event: Event| {
        let text = |field| event.cell(field).to_string();
        let level = |field| RiskLevel::from_name(&text(field)).unwrap_or_default();
        let during = level(FieldId::RiskLevelDuringSignIn);
        let aggregated = level(FieldId::RiskLevelAggregated);
        let state = RiskState::from_name(&text(FieldId::RiskState)).unwrap_or_default();
        let own = known.remove(&event.row().id).unwrap_or_default();
        let risk = own.with_source((during, aggregated), state, &text(FieldId::RiskDetail));
        Line { event, risk }
    };
    Ok(events.into_iter().map(line).collect())
}

/// `GET /protection/sign-ins`
pub(super) async fn page(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let asked = Asked::read(&uri, "30d")?;
    let at = asked.after_number()?.and_then(|(_, at)| usize::try_from(at).ok()).unwrap_or(0);
    let (kept, sight, shared) = (asked.clone(), RiskSight::of(&caller), app.clone());
    let found = app
        .ask(&caller, move |reader| {
            look(reader, &shared.detect.book, &sight, &kept, (at, PAGE_ROWS))
        })
        .await?;
    // Who is seen by pseudonym only cannot be decided about by their sign-ins.
    let may_decide = caller.may(Right::DecideUserRisk) && !caller.sight().mask().names;
    let body = html! {
        main #main .risk {
            div .heading { h1 { (TITLE) } }
            (list::done(&asked))
            (list::filters(&asked, &[list::states(), list::levels()], false))
            @if found.is_cut {
                p .muted { "Of the sign-ins that detections here rest on, the "
                    (EVENTS_MAX) " latest are looked for: narrow the range for older ones." }
            }
            section .panel aria-label=(TITLE) {
                @if found.lines.is_empty() {
                    (list::nothing(&asked, "No risky sign-ins",
                        "None in this range that you may see.", true))
                } @else {
                    (table(&asked, &found.lines, may_decide))
                }
                @if !found.lines.is_empty() || found.next.is_some() || at > 0 {
                    (list::pages(&asked, found.lines.len(),
                        found.next.map(|next| format!("0.{next}"))))
                }
            }
        }
    };
    let page = shell::page(&frame, TITLE, &body, &asked.controls());
    Ok(Looked::rows(found.lines.len()).on(answer(page)))
}

fn table(asked: &Asked, lines: &[Line], may_decide: bool) -> Markup {
    let rows = table_of(lines, asked.now, may_decide);
    if !may_decide {
        return rows;
    }
    html! {
        form method="get" action="/protection/decide" data-dialog="Confirm" {
            (act::buttons(act::SIGN_IN, &Decision::ALL, &asked.href(&asked.scope, &[])))
            (rows)
        }
    }
}

/// The sign-ins with their risk.
pub(super) fn table_of(lines: &[Line], now: Timestamp, may_decide: bool) -> Markup {
    html! {
        div .scroll tabindex="0" role="group" aria-label=(TITLE) {
            table .list {
                thead {
                    tr {
                        @if may_decide {
                            th scope="col" { span .visually-hidden { "Select" } }
                        }
                        th scope="col" { "Date (" span .zone { "UTC" } ")" }
                        @for name in ["User", "IP address", "Location", "Risk state",
                            "Risk level (aggregate)", "Risk level (real-time)",
                            "Conditional Access", "MFA", "Detection types", "Sign-in type"] {
                            th scope="col" { (name) }
                        }
                    }
                }
                tbody { @for line in lines { (row(line, now, may_decide)) } }
            }
        }
    }
}

fn row(line: &Line, now: Timestamp, may_decide: bool) -> Markup {
    let Line { event, risk } = line;
    let text = |field: FieldId| event.cell(field).to_string();
    let (id, ip, user) = (text(FieldId::Id), text(FieldId::IpAddress), text(FieldId::UserId));
    let who = shown(event, "actor");
    let types: Vec<String> = risk.event_types.iter().map(|one| labels::event_type(one)).collect();
    let types = match types.is_empty() {
        true => shown(event, "riskEventTypes_v2"),
        false => types.join(", "),
    };
    let mfa = match shown(event, "mfaResult") {
        empty if empty.is_empty() => match text(FieldId::AuthenticationRequirement).as_str() {
            "multiFactorAuthentication" => "Multifactor".to_owned(),
            "singleFactorAuthentication" => "Single-factor".to_owned(),
            other => other.to_owned(),
        },
        result => result,
    };
    html! {
        tr .row data-id=(id) {
            @if may_decide { td .pick-one { (act::tick(&id, &format!("the sign-in of {who}"))) } }
            td { a href=(link::event(&id)) { (words::time(event.row().created, now)) } }
            td {
                @if user.is_empty() { (who) }
                @else {
                    a .clip href=(link::risky(SubjectKind::User, &user))
                        title=(text(FieldId::UserPrincipalName)) { (who) }
                }
            }
            td .mono { @if !ip.is_empty() { a href=(link::ip(&ip)) { (ip) } } }
            td { span .clip { (shown(event, "location")) } }
            td { (labels::state(risk.state)) }
            td { (labels::level(risk.aggregate)) }
            td { (labels::level(risk.real_time)) }
            td { (shown(event, "conditionalAccessStatus")) }
            td { span .clip title=(mfa) { (mfa) } }
            td { span .clip title=(types) { (types) } }
            td {
                (if event.row().log == Log::InteractiveUser { "Interactive" }
                 else { "Non-interactive" })
            }
        }
    }
}
