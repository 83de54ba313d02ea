//! The explorer: tabs, filter, chart, list, and the event that is open beside them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Extension, State as Shared};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use durward_access::SavedView;
use durward_model::errors::Status;
use durward_model::time::{DAY_MICROS, HOUR_MICROS};
use durward_model::{Log, Timestamp};
use durward_query::aggregate::{AggregateRequest, Dimension, DimensionValue, ResultOrder};
use durward_query::summary::ByStatus;
use durward_query::{Filter, Reader};
use maud::{Markup, html};

use crate::access::{Asking, Looked};
use crate::app::App;
use crate::client::Client;
use crate::error::ApiError;
use crate::params::Params;
use crate::question::Question;
use crate::rest;

use super::charts::{self, Series, Shape, TimeChart};
use super::filter::Relaxed;
use super::risk::marks::Marks;
use super::scope::Scope;
use super::shell::{self, Frame};
use super::state::{FilterError, State, Tab, View, grouped};
use super::{answer, attempt, download, event, filter, live, map, table, views, words};

/// Bars of the chart at most.
const BARS_MAX: i64 = 100;

/// What the list has rows of.
enum List {
    /// Events, or groups of them.
    Events(table::Rows),
    Attempts(attempt::Rows),
    Map(map::Places),
}

impl List {
    fn len(&self) -> usize {
        match self {
            List::Events(rows) => rows.len(),
            List::Attempts(rows) => rows.len(),
            List::Map(places) => places.len(),
        }
    }
}

/// What an explorer shows.
struct Shown {
    /// Sign-ins in the whole store.
    stored: u64,
    newest: Option<Timestamp>,
    /// Matches in each tab.
    tabs: Vec<(Tab, u64)>,
    chart: Option<(TimeChart, &'static str)>,
    total: ByStatus,
    list: List,
    pane: Option<event::Pane>,
    /// What the filter finds without one of its parts, where it finds nothing.
    relaxed: Vec<Relaxed>,
    took: Duration,
    version: String,
}

impl Shown {
    fn count(&self) -> u64 {
        self.total.iter().sum()
    }
}

/// `GET /signins`
pub(crate) async fn explorer(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(client): Extension<Client>,
    Extension(frame): Extension<Frame>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&State::params())?;
    let state = State::parse(&params)?;
    let now = Timestamp::now();
    let is_part =
        headers.contains_key("hx-request") && !headers.contains_key("hx-history-restore-request");
    // The script puts the address of what is shown into the bar.
    let state = filter::normalised(&state, now).unwrap_or(state);
    let views = views::load(&app, &caller).await?;
    let question = match state.question(now) {
        Ok(question) => question,
        Err(error) => return Ok(bad_filter(&frame, &state, &views, &error, is_part, now)),
    };
    let (shared, asked, marks) = (app.clone(), state.clone(), Marks::of(&app, &caller));
    let shown = app
        .ask(&caller, move |reader| {
            let version = shared.version_of(reader);
            let pane = asked.row.as_deref();
            let pane =
                pane.map(|id| event::look(&shared, reader, &asked, id, &marks)).transpose()?;
            look(reader, &asked, &question, now, version, pane.flatten(), &marks)
        })
        .await?;
    let rows = shown.list.len();
    let page = match is_part {
        // The range in the bar at the top is the address's too.
        true => html! {
            (view(&frame, &state, &shown, &views, now))
            (shell::range_again(&state.scope, now, &|scope| in_scope(&state, scope)))
        },
        false => whole(&frame, &state, &shown, &views, now, &client.origin()),
    };
    Ok(Looked::rows(rows).on(answer(page)))
}

/// Looks up everything the page shows, in one view of the store.
fn look(
    reader: &Reader,
    state: &State,
    question: &Question,
    now: Timestamp,
    version: String,
    pane: Option<event::Pane>,
    marks: &Marks,
) -> Result<Shown, ApiError> {
    let started = Instant::now();
    let bounds = reader.bounds(&Log::SIGN_INS)?;
    let newest = bounds.map(|(_, newest)| Timestamp::from_micros(newest));
    let counted = chart(reader, state, question, now)?;
    let tabs = count_tabs(reader, state, question, &counted, now)?;
    let Counted { chart, total, .. } = counted;
    let relaxed = match total.iter().sum::<u64>() {
        0 => filter::relaxations(reader, state, now)?,
        _ => Vec::new(),
    };
    let list = match state.view {
        View::Attempts => List::Attempts(attempt::rows(reader, state, question, now)?),
        View::Map => List::Map(map::look(reader, question)?),
        _ => {
            let total = total.iter().sum();
            List::Events(table::look(reader, state, question, total, now, marks)?)
        }
    };
    let stored = reader.total(&Log::SIGN_INS)?;
    let took = started.elapsed();
    Ok(Shown { stored, newest, tabs, chart, total, list, pane, relaxed, took, version })
}

/// How many sign-ins each tab has for this filter; `counted` is the tab that is open. What
/// of the filter a log has no field for asks nothing of it.
fn count_tabs(
    reader: &Reader,
    state: &State,
    question: &Question,
    counted: &Counted,
    now: Timestamp,
) -> Result<Vec<(Tab, u64)>, ApiError> {
    let mut tabs = Vec::with_capacity(Tab::ALL.len());
    let mut differ = false;
    for tab in Tab::ALL {
        let other = State { tab, ..state.clone() }.question(now).unwrap_or(question.clone());
        differ |= other.filter != question.filter;
        let count = match tab.0 {
            _ if tab == state.tab => counted.total.iter().sum(),
            Some(log) if other.filter == question.filter && counted.by_log.is_some() => {
                let of_log = counted.by_log.iter().flatten().find(|(other, _)| *other == log);
                of_log.map_or(0, |(_, count)| *count)
            }
            // The sum of the others, which come before it.
            None if !differ => tabs.iter().map(|(_, count)| count).sum(),
            _ => Question { from: question.from, to: question.to, ..other }.count(reader)?,
        };
        tabs.push((tab, count));
    }
    Ok(tabs)
}

/// Sign-ins over time.
#[derive(Default)]
pub(super) struct Counted {
    /// The chart, and the name of its bins.
    pub(super) chart: Option<(TimeChart, &'static str)>,
    pub(super) total: ByStatus,
    /// Of each log, where all were counted in one go.
    by_log: Option<Vec<(Log, u64)>>,
}

pub(super) fn chart(
    reader: &Reader,
    state: &State,
    question: &Question,
    now: Timestamp,
) -> Result<Counted, ApiError> {
    let Some((oldest, newest)) = reader.bounds(&question.logs)? else {
        return Ok(Counted::default());
    };
    // A range shows as it was asked for, empty ends included; without ends, what there is.
    let from = question.from.map_or(oldest, |from| from.micros.max(oldest - DAY_MICROS));
    let to = question.to.map_or(newest.max(now.micros.min(newest + DAY_MICROS)), |to| to.micros);
    let (bin_micros, bin) = charts::bin_of(to.saturating_sub(from).max(1), BARS_MAX);
    let first = from.div_euclid(bin_micros);
    let bins = (to.div_euclid(bin_micros) - first + 1).clamp(1, BARS_MAX + 1);
    let mut bars = vec![ByStatus::default(); usize::try_from(bins).unwrap_or(1)];
    let mut total = ByStatus::default();
    let mut by_log: Option<Vec<(Log, u64)>> = None;
    for (log, time, by_status) in counts(reader, question, bin_micros)? {
        if let Some(log) = log {
            let logs = by_log.get_or_insert_default();
            let count = by_status.iter().sum::<u64>();
            match logs.iter_mut().find(|(other, _)| *other == log) {
                Some((_, sum)) => *sum += count,
                None => logs.push((log, count)),
            }
        }
        let number = (time.micros - first * bin_micros).div_euclid(bin_micros);
        let bar = usize::try_from(number).unwrap_or(0).min(bars.len() - 1);
        for (index, count) in by_status.iter().enumerate() {
            bars[bar][index] += count;
            total[index] += count;
        }
    }
    let series = |status: Status| Series {
        name: status.name().to_owned(),
        class: words::status_class(status),
        values: bars.iter().map(|bar| bar[status as usize]).collect(),
    };
    let chart = TimeChart {
        id: "histogram",
        title: format!("{} sign-ins by status, {}", state.tab.label(), state.range_label()),
        shape: Shape::Bars,
        first_micros: first * bin_micros,
        bin_micros,
        series: [Status::Failure, Status::Interrupted, Status::Success].map(series).into(),
    };
    Ok(Counted { chart: Some((chart, bin)), total, by_log })
}

/// A count of one span of time, and of one log where logs were told apart.
type Bar = (Option<Log>, Timestamp, ByStatus);

/// Counts by spans of time. Whole hours come from rollups where there is no filter. With one, all
/// logs are told apart in the one pass over them, as the tabs want to know.
fn counts(reader: &Reader, question: &Question, bin_micros: i64) -> Result<Vec<Bar>, ApiError> {
    let tells_logs_apart = question.logs.len() > 1 && question.filter != Filter::All;
    if bin_micros % HOUR_MICROS == 0 && !tells_logs_apart {
        let hours = rest::sum_up(reader, question, Vec::new(), 0)?.hours;
        return Ok(hours.into_iter().map(|(time, by_status)| (None, time, by_status)).collect());
    }
    let mut by = vec![Dimension::Span(bin_micros)];
    if tells_logs_apart {
        by.push(Dimension::Log);
    }
    let request = AggregateRequest {
        filter: question.full_filter(),
        logs: question.logs.clone(),
        by,
        order: ResultOrder::Keys,
        limit: usize::MAX,
        ..AggregateRequest::default()
    };
    let bar = |row: durward_query::AggregateRow| match row.keys.as_slice() {
        [DimensionValue::Time(time)] => Some((None, *time, row.by_status)),
        [DimensionValue::Time(time), DimensionValue::Log(log)] => {
            Some((Some(*log), *time, row.by_status))
        }
        _ => None,
    };
    Ok(reader.aggregate(&request)?.into_iter().filter_map(bar).collect())
}

fn whole(
    frame: &Frame,
    state: &State,
    shown: &Shown,
    views: &[SavedView],
    now: Timestamp,
    origin: &str,
) -> Markup {
    if shown.stored == 0 {
        return shell::page(frame, "No data yet", &shell::welcome(origin), &html! {});
    }
    let body = html! { main #main .explorer { (view(frame, state, shown, views, now)) } };
    shell::page(frame, "Sign-in logs", &body, &controls(state, now))
}

/// Everything that a change of the filter changes.
fn view(
    frame: &Frame,
    state: &State,
    shown: &Shown,
    views: &[SavedView],
    now: Timestamp,
) -> Markup {
    let newest = shown.newest.map(Timestamp::to_rfc3339);
    html! {
        div #view .with-pane[shown.pane.is_some()] data-version=(shown.version)
            data-newest=[newest] data-now=(now.to_rfc3339())
            data-href=(state.href()) data-total=(shown.count()) {
            div .work {
                (heading(frame, state, views, now))
                (tabs(state, &shown.tabs))
                (filter::bar(state, None, &shown.relaxed))
                @if shown.count() == 0 {
                    (nothing_found(state, shown, now))
                } @else {
                    @if let Some((chart, bin)) = &shown.chart {
                        section .panel .histogram aria-label="Sign-ins over time" {
                            (legend(shown, bin))
                            (chart.render(&state.scope, &|scope| in_scope(state, scope)))
                        }
                    }
                    div .columns {
                        (filter::fields_panel(state))
                        section #list .panel aria-label="Sign-ins" {
                            @match &shown.list {
                                List::Events(rows) => (table::render(state, rows, now)),
                                List::Attempts(rows) => (attempt::render(state, rows, now)),
                                List::Map(places) => (map::render(state, places, &[])),
                            }
                            (footer(state, shown))
                        }
                    }
                }
            }
            div #pane {
                @if let Some(pane) = &shown.pane {
                    (event::pane(state, pane, now))
                }
            }
        }
    }
}

fn heading(frame: &Frame, state: &State, saved: &[SavedView], now: Timestamp) -> Markup {
    html! {
        div .heading {
            h1 { "Sign-in logs" }
            div .actions {
                (table::columns_button(state))
                (views::menu(frame, state, saved))
                (download::button(state))
                (views::share(state, now))
            }
        }
    }
}

/// The same in another scope.
fn in_scope(state: &State, scope: &Scope) -> String {
    state.with(|state| state.scope = scope.clone()).href()
}

/// What stands to the right of the bar at the top.
fn controls(state: &State, now: Timestamp) -> Markup {
    html! {
        (shell::controls(&state.scope, now, &|scope| in_scope(state, scope)))
        (live::button())
    }
}

fn tabs(state: &State, counts: &[(Tab, u64)]) -> Markup {
    html! {
        nav #tabs .tabs aria-label="Type of sign-in" {
            @for (tab, count) in counts {
                @let href = state.with(|state| state.tab = *tab).href();
                @let lacking = filter::unusable(state, *tab);
                a .partly[lacking.is_some()] href=(href) title=[lacking]
                    aria-current=[(*tab == state.tab).then_some("page")] {
                    (tab.label()) span .count { (grouped(*count)) }
                }
            }
        }
    }
}

fn legend(shown: &Shown, bin: &str) -> Markup {
    html! {
        div .legend {
            b { (grouped(shown.count())) (if shown.count() == 1 { " event" } else { " events" }) }
            @for status in [Status::Failure, Status::Interrupted, Status::Success] {
                span {
                    i .(words::status_class(status)) {}
                    (status.name()) " " (grouped(shown.total[status as usize]))
                }
            }
            span .right .muted { (bin) " bins · drag to zoom · click a bar to filter" }
        }
    }
}

fn footer(state: &State, shown: &Shown) -> Markup {
    let millis = shown.took.as_secs_f64() * 1000.0;
    html! {
        footer .foot {
            span {
                b { (grouped(shown.count())) } " of " (grouped(shown.stored)) " events · exact · "
                (if millis < 10.0 { format!("{millis:.1}") } else { format!("{millis:.0}") }) " ms"
            }
            (table::group_controls(state))
            @if let List::Events(rows) = &shown.list { (table::pages(state, rows)) }
            nav .views aria-label="View" {
                @for view in View::ALL {
                    @let href = state.with(|state| state.view = view).href();
                    a href=(href) aria-current=[(view == state.view).then_some("true")] {
                        (view.name())
                    }
                }
            }
        }
    }
}

/// A filter that cannot be read: where, and what is wrong.
fn bad_filter(
    frame: &Frame,
    state: &State,
    views: &[SavedView],
    error: &FilterError,
    is_part: bool,
    now: Timestamp,
) -> Response {
    let view = html! {
            div #view data-href=(state.href()) {
                (heading(frame, state, views, now))
                (filter::bar(state, Some(error), &[]))
            }
    };
    if is_part {
        // What scripts swap in is a good answer; what is wrong is said in it.
        return answer(view);
    }
    let body = html! { main #main .explorer { (view) } };
    let page = shell::page(frame, "Filter", &body, &controls(state, now));
    (StatusCode::BAD_REQUEST, answer(page)).into_response()
}

fn nothing_found(state: &State, shown: &Shown, now: Timestamp) -> Markup {
    let elsewhere = shown.tabs.iter().find(|(tab, count)| tab.0.is_some() && *count > 0);
    let is_filtered = state.with(|s| s.text.clear()).href() != state.with(|_| ()).href()
        || !state.pills.0.is_empty()
        || !state.odata.is_empty();
    let unfiltered = state.with(|state| {
        state.text.clear();
        state.pills.0.clear();
        state.odata.clear();
    });
    html! {
        section .panel .empty {
            h2 { "No sign-ins match" }
            p .muted {
                "Nothing in " (state.tab.label()) ", " (state.range_label())
                @if is_filtered { ", with this filter" }
                "."
                @if let Some(newest) = shown.newest {
                    " The newest sign-in of all is from " (words::time(newest, now)) " UTC."
                }
            }
            @if !shown.relaxed.is_empty() {
                ul .relaxed aria-label="Without a part of the filter" {
                    @for relaxed in &shown.relaxed {
                        li {
                            a href=(relaxed.href) { "Without " b { (relaxed.label) } }
                            " " span .count {
                                (grouped(relaxed.count))
                                (if relaxed.count == 1 { " event" } else { " events" })
                            }
                        }
                    }
                }
            }
            p .choices {
                @if state.scope.range != "all" {
                    a .button href=(state.with(|state| state.scope = state.scope.at("all")).href()) {
                        "Search all time"
                    }
                }
                @if is_filtered {
                    a .button href=(unfiltered.href()) { "Remove the filter" }
                }
                @if let Some((tab, count)) = elsewhere {
                    a .button href=(state.with(|state| state.tab = *tab).href()) {
                        (tab.label()) " (" (grouped(*count)) ")"
                    }
                }
            }
        }
    }
}
