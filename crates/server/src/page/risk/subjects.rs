//! Risky users, and risky workload identities: lists to decide from.

use std::sync::Arc;

use axum::extract::{Extension, State as Shared};
use axum::http::Uri;
use axum::response::Response;
use durward_access::Right;
use durward_detect::SubjectKind;
use durward_detect::risk::{Decision, RiskDashboard, RiskLevel, RiskySubject, SubjectQuery};
use durward_model::Timestamp;
use durward_model::time::DAY_MICROS;
use maud::{Markup, html};

use crate::access::{Asking, Caller, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::page::charts::{Series, Shape, TimeChart};
use crate::page::entity::spark::{percent, share};
use crate::page::scope::Scope;
use crate::page::shell::{self, Frame};
use crate::page::state::grouped;
use crate::page::{answer, link, words};
use crate::risk::{RiskSight, Shown, refused, run};

use super::list::{self, Asked, PAGE_ROWS};
use super::{act, labels};

/// Days of the chart.
const DAYS: i64 = 90;
/// Rows looked at for one page of one tenant's.
const LOOKED_AT_MAX: usize = 20_000;

/// A subject as the caller sees it.
pub(super) struct Line {
    pub(super) subject: RiskySubject,
    pub(super) shown: Shown,
}

struct Found {
    lines: Vec<Line>,
    next: Option<String>,
    board: Option<RiskDashboard>,
}

/// `GET /protection/users`
pub(super) async fn users(
    app: Shared<Arc<App>>,
    asking: Asking,
    frame: Extension<Frame>,
    uri: Uri,
) -> Result<Response, ApiError> {
    page(app, asking, frame, uri, vec![SubjectKind::User]).await
}

/// `GET /protection/workloads`
pub(super) async fn workloads(
    app: Shared<Arc<App>>,
    asking: Asking,
    frame: Extension<Frame>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let is_agents = Asked::read(&uri, "all")?.get("kind") == Some("agent");
    let kind = if is_agents { SubjectKind::Agent } else { SubjectKind::Workload };
    page(app, asking, frame, uri, vec![kind]).await
}

async fn page(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    uri: Uri,
    kinds: Vec<SubjectKind>,
) -> Result<Response, ApiError> {
    let asked = Asked::read(&uri, "all")?;
    let sight = RiskSight::of(&caller);
    if sight.masks_names() && asked.get("q").is_some() {
        let message = "names are masked for you, so nobody can be looked for by name";
        return Err(ApiError::bad_request(message).parameter("q"));
    }
    let query = query(&asked, &sight, &kinds)?;
    let (kept, of_users) = (asked.clone(), kinds == [SubjectKind::User]);
    let found = run(&app, move |book| {
        let (lines, next) =
            look(&kept, &sight, query, |query| book.risky_subjects(query).map_err(refused))?;
        let board = match of_users {
            true => Some(book.risk_dashboard(&sight.reach(), kept.now.micros).map_err(refused)?),
            false => None,
        };
        Ok(Found { lines, next, board })
    })
    .await?;
    let title = if of_users { "Risky users" } else { "Risky workload identities" };
    let body = html! {
        main #main .risk {
            div .heading { h1 { (title) } }
            (list::done(&asked))
            @if let Some(board) = &found.board { (charts(&asked, board)) }
            @else { (kind_tabs(&asked, kinds[0])) }
            (list::filters(&asked, &[list::states(), list::levels()], !caller_is_masked(&caller)))
            section .panel aria-label=(title) { (table(&caller, &asked, &found, kinds[0])) }
        }
    };
    let page = shell::page(&frame, title, &body, &asked.controls());
    Ok(Looked::rows(found.lines.len()).on(answer(page)))
}

fn caller_is_masked(caller: &Caller) -> bool {
    RiskSight::of(caller).masks_names()
}

fn query(
    asked: &Asked,
    sight: &RiskSight,
    kinds: &[SubjectKind],
) -> Result<SubjectQuery, ApiError> {
    let (from_micros, to_micros) = asked.span();
    Ok(SubjectQuery {
        reach: sight.reach(),
        kinds: kinds.to_vec(),
        states: asked.state()?.into_iter().collect(),
        levels: asked.level()?.into_iter().collect(),
        text: asked.get("q").map(str::to_owned),
        from_micros,
        to_micros,
        after: asked.after_number()?,
        limit: PAGE_ROWS + 1,
        ..SubjectQuery::default()
    })
}

/// One page of subjects, and where the next begins.
fn look(
    asked: &Asked,
    sight: &RiskSight,
    mut query: SubjectQuery,
    ask: impl Fn(&SubjectQuery) -> Result<Vec<RiskySubject>, ApiError>,
) -> Result<(Vec<Line>, Option<String>), ApiError> {
    let mut lines = Vec::new();
    let mut looked_at = 0;
    loop {
        let batch = ask(&query)?;
        let is_last = batch.len() < query.limit;
        looked_at += batch.len();
        for subject in batch {
            query.after = Some((subject.updated_micros, subject.number));
            if !asked.is_of_tenant(&subject.key.tenant) {
                continue;
            }
            let display = subject.facts.display_name.clone();
            let mask = sight.mask(&subject.key, &subject.name);
            let shown = mask.map(|mask| sight.show(&subject.key, &subject.name, &display, mask));
            lines.extend(shown.map(|shown| Line { subject, shown }));
        }
        if is_last || lines.len() > PAGE_ROWS || looked_at > LOOKED_AT_MAX {
            break;
        }
    }
    let has_more = lines.len() > PAGE_ROWS;
    lines.truncate(PAGE_ROWS);
    let last = lines.last().filter(|_| has_more);
    let next = last.map(|line| format!("{}.{}", line.subject.updated_micros, line.subject.number));
    Ok((lines, next))
}

/// Of the risky users, how many are at each level; and how many are new, day by day.
fn charts(asked: &Asked, board: &RiskDashboard) -> Markup {
    let whole: u64 = board.by_level.iter().map(|(_, count)| count).sum();
    html! {
        div .risk-charts {
            section .panel .part aria-label="Risky users by level" {
                h2 { "Percentage of risky users at each risk level" }
                @if whole == 0 { p .muted { "Nobody is at risk." } }
                @else {
                    table .shares {
                        @for (level, count) in &board.by_level {
                            tr {
                                th scope="row" {
                                    a href=(asked.href(&asked.scope, &[
                                        ("level", level.name()), ("state", "atRisk")
                                    ])) { (labels::level(*level)) }
                                }
                                td .shared { (share(*count, whole)) }
                                td .number { (grouped(*count)) }
                                td .number .muted { (percent(*count, whole)) }
                            }
                        }
                    }
                }
            }
            section .panel .part aria-label="New risky users" {
                h2 { "New risky users per day" }
                (new_users(asked, board))
            }
        }
    }
}

fn new_users(asked: &Asked, board: &RiskDashboard) -> Markup {
    let days = |counts: &[durward_detect::risk::DayCount], first: i64, bins: usize| {
        let mut values = vec![0; bins];
        for day in counts {
            let bin = usize::try_from((day.day_micros - first) / DAY_MICROS).unwrap_or(0);
            if let Some(value) = values.get_mut(bin) {
                *value += day.count;
            }
        }
        values
    };
    let today = asked.now.micros.div_euclid(DAY_MICROS) * DAY_MICROS;
    let earliest = board.new_risky_by_day.first().map_or(today, |day| day.day_micros);
    // A month at least, so that few days are not wide bars.
    let first = earliest.min(today - 29 * DAY_MICROS).max(today - (DAYS - 1) * DAY_MICROS);
    let bins = usize::try_from((today - first) / DAY_MICROS + 1).unwrap_or(1);
    let all = days(&board.new_risky_by_day, first, bins);
    if all.iter().all(|count| *count == 0) {
        return html! { p .muted { "None in the last " (bins) " days." } };
    }
    let high = days(&board.new_high_risk_by_day, first, bins);
    let other = all.iter().zip(&high).map(|(all, high)| all.saturating_sub(*high)).collect();
    let chart = TimeChart {
        id: "new-risky",
        title: "New risky users per day".to_owned(),
        shape: Shape::Bars,
        first_micros: first,
        bin_micros: DAY_MICROS,
        series: vec![
            Series { name: "High risk".to_owned(), class: "failure", values: high },
            Series { name: "Other".to_owned(), class: "interrupted", values: other },
        ],
    };
    chart.render(&asked.scope, &|scope: &Scope| asked.href(scope, &[]))
}

fn kind_tabs(asked: &Asked, chosen: SubjectKind) -> Markup {
    let tabs = [
        (SubjectKind::Workload, "", "Service principals"),
        (SubjectKind::Agent, "agent", "Agents"),
    ];
    html! {
        nav .tabs aria-label="Kind" {
            @for (kind, value, label) in tabs {
                @let pair = (!value.is_empty()).then_some(("kind", value));
                a href=(asked.scope.href(&asked.path, pair.as_slice()))
                    aria-current=[(kind == chosen).then_some("page")] { (label) }
            }
        }
    }
}

fn table(caller: &Caller, asked: &Asked, found: &Found, kind: SubjectKind) -> Markup {
    let is_user = kind == SubjectKind::User;
    if found.lines.is_empty() {
        let what = if is_user { "No risky users" } else { "None at risk" };
        let why = "Whoever a detection finds, or the source of the log calls risky, appears here.";
        return list::nothing(asked, what, why, true);
    }
    let right = if is_user { Right::DecideUserRisk } else { Right::DecideWorkloadRisk };
    let may_decide = caller.may(right);
    let rows = rows(asked, found, is_user, may_decide);
    html! {
        @if may_decide {
            form method="get" action="/protection/decide" data-dialog="Confirm" {
                (act::buttons(kind.name(), decisions(kind), &asked.href(&asked.scope, &[])))
                (rows)
            }
        } @else { (rows) }
        (list::pages(asked, found.lines.len(), found.next.clone()))
    }
}

fn rows(asked: &Asked, found: &Found, is_user: bool, may_decide: bool) -> Markup {
    html! {
        div .scroll tabindex="0" role="group" aria-label="Subjects" {
            table .list {
                thead {
                    tr {
                        @if may_decide {
                            th scope="col" { span .visually-hidden { "Select" } }
                        }
                        th scope="col" { (if is_user { "User" } else { "Name" }) }
                        th scope="col" { "Risk state" }
                        th scope="col" { "Risk level" }
                        th scope="col" { "Risk detail" }
                        th scope="col" { "Risk last updated (" span .zone { "UTC" } ")" }
                        th scope="col" .number { "Detections" }
                        th scope="col" { "Recent risky sign-in" }
                    }
                }
                tbody { @for line in &found.lines { (row(asked, line, may_decide)) } }
            }
        }
    }
}

/// What can be decided about subjects of a kind.
pub(super) fn decisions(kind: SubjectKind) -> &'static [Decision] {
    match kind {
        SubjectKind::Workload => &[Decision::ConfirmCompromised, Decision::Dismiss],
        _ => &Decision::ALL,
    }
}

fn row(asked: &Asked, line: &Line, may_decide: bool) -> Markup {
    let Line { subject, shown } = line;
    let name = if shown.display_name.is_empty() { &shown.id } else { &shown.display_name };
    let page = link::risky(subject.key.kind, &shown.id);
    html! {
        tr .row .(edge(subject.level)) {
            @if may_decide { td .pick-one { (act::tick(&shown.id, name)) } }
            td {
                a .clip href=(page) title=(shown.name) { (name) }
                @if subject.facts.is_deleted == Some(true) { " " span .muted { "(deleted)" } }
            }
            td { (labels::state(subject.state)) }
            td { (labels::level(subject.level)) }
            td { (labels::detail(&subject.detail)) }
            td { (words::time(Timestamp::from_micros(subject.updated_micros), asked.now)) }
            td .number {
                (grouped(subject.detections))
                @if subject.active != subject.detections {
                    span .muted { ", " (grouped(subject.active)) " open" }
                }
            }
            td {
                @if let Some((at, id)) = subject.recent {
                    a href=(link::event(&id.to_string())) {
                        (words::time(Timestamp::from_micros(at), asked.now))
                    }
                }
            }
        }
    }
}

fn edge(level: RiskLevel) -> &'static str {
    if level == RiskLevel::High { "grave" } else { "plain" }
}
