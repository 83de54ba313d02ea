//! The explorer: tabs, filter, chart, list, and the event that is open beside them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Extension, State as Shared};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use durward_model::errors::Status;
use durward_model::time::{DAY_MICROS, HOUR_MICROS};
use durward_model::{Log, Timestamp};
use durward_query::Reader;
use durward_query::aggregate::{AggregateRequest, Dimension, DimensionValue, ResultOrder};
use durward_query::summary::ByStatus;
use maud::{Markup, html};

use crate::access::{Asking, Looked};
use crate::app::App;
use crate::client::Client;
use crate::error::ApiError;
use crate::params::Params;
use crate::question::Question;
use crate::rest;

use super::charts::{self, Series, Shape, TimeChart};
use super::shell::{self, Frame};
use super::state::{FilterError, State, Tab, View, grouped};
use super::{answer, event, filter, table, words};

/// Bars of the chart at most.
const BARS_MAX: i64 = 100;

/// What an explorer shows.
struct Shown {
    /// Sign-ins in the whole store.
    stored: u64,
    newest: Option<Timestamp>,
    /// Matches in each tab.
    tabs: Vec<(Tab, u64)>,
    chart: Option<(TimeChart, &'static str)>,
    total: ByStatus,
    table: table::Rows,
    pane: Option<event::Pane>,
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
    let question = match state.question(now) {
        Ok(question) => question,
        Err(error) => return Ok(bad_filter(&frame, &state, &error, now)),
    };
    let (shared, asked) = (app.clone(), state.clone());
    let shown = app
        .ask(&caller, move |reader| {
            let version = shared.version_of(reader);
            let pane = asked.row.as_deref();
            let pane = pane.map(|id| event::look(&shared, reader, &asked.scope, id)).transpose()?;
            look(reader, &asked, &question, now, version, pane.flatten())
        })
        .await?;
    let rows = shown.table.len();
    let is_part =
        headers.contains_key("hx-request") && !headers.contains_key("hx-history-restore-request");
    let page = match is_part {
        true => view(&state, &shown, now),
        false => whole(&frame, &state, &shown, now, &client.origin()),
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
) -> Result<Shown, ApiError> {
    let started = Instant::now();
    let bounds = reader.bounds(&Log::SIGN_INS)?;
    let newest = bounds.map(|(_, newest)| Timestamp::from_micros(newest));
    let (chart, total) = chart(reader, state, question, now)?;
    let mut tabs = Vec::with_capacity(Tab::ALL.len());
    for tab in Tab::ALL {
        let count = match tab.0 {
            _ if tab == state.tab => total.iter().sum(),
            Some(_) => Question { logs: tab.logs(), ..question.clone() }.count(reader)?,
            // The sum of the others, which come before it.
            None => tabs.iter().map(|(_, count)| count).sum(),
        };
        tabs.push((tab, count));
    }
    let table = table::look(reader, state, question, total.iter().sum(), now)?;
    let stored = reader.total(&Log::SIGN_INS)?;
    let took = started.elapsed();
    Ok(Shown { stored, newest, tabs, chart, total, table, pane, took, version })
}

/// Sign-ins over time by status, and the name of its bins.
type Counted = (Option<(TimeChart, &'static str)>, ByStatus);

fn chart(
    reader: &Reader,
    state: &State,
    question: &Question,
    now: Timestamp,
) -> Result<Counted, ApiError> {
    let Some((oldest, newest)) = reader.bounds(&question.logs)? else {
        return Ok((None, ByStatus::default()));
    };
    // A range shows as it was asked for, empty ends included; without ends, what there is.
    let from = question.from.map_or(oldest, |from| from.micros.max(oldest - DAY_MICROS));
    let to = question.to.map_or(newest.max(now.micros.min(newest + DAY_MICROS)), |to| to.micros);
    let (bin_micros, bin) = charts::bin_of(to.saturating_sub(from).max(1), BARS_MAX);
    let first = from.div_euclid(bin_micros);
    let bins = (to.div_euclid(bin_micros) - first + 1).clamp(1, BARS_MAX + 1);
    let mut bars = vec![ByStatus::default(); usize::try_from(bins).unwrap_or(1)];
    let mut total = ByStatus::default();
    for (time, by_status) in counts(reader, question, bin_micros)? {
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
    Ok((Some((chart, bin)), total))
}

/// Counts by spans of time. Whole hours come from rollups where there is no filter.
fn counts(
    reader: &Reader,
    question: &Question,
    bin_micros: i64,
) -> Result<Vec<(Timestamp, ByStatus)>, ApiError> {
    if bin_micros % HOUR_MICROS == 0 {
        return Ok(rest::sum_up(reader, question, Vec::new(), 0)?.hours);
    }
    let request = AggregateRequest {
        filter: question.full_filter(),
        logs: question.logs.clone(),
        by: vec![Dimension::Span(bin_micros)],
        order: ResultOrder::Keys,
        limit: usize::MAX,
        ..AggregateRequest::default()
    };
    let rows = reader.aggregate(&request)?;
    let bar = |row: durward_query::AggregateRow| match row.keys.first() {
        Some(DimensionValue::Time(time)) => Some((*time, row.by_status)),
        _ => None,
    };
    Ok(rows.into_iter().filter_map(bar).collect())
}

fn whole(frame: &Frame, state: &State, shown: &Shown, now: Timestamp, origin: &str) -> Markup {
    if shown.stored == 0 {
        return shell::page(frame, "No data yet", &shell::welcome(origin), &html! {});
    }
    let body = html! { main #main .explorer { (view(state, shown, now)) } };
    shell::page(frame, "Sign-in logs", &body, &controls(state, now))
}

/// Everything that a change of the filter changes.
fn view(state: &State, shown: &Shown, now: Timestamp) -> Markup {
    let newest = shown.newest.map(Timestamp::to_rfc3339);
    html! {
        div #view .with-pane[shown.pane.is_some()] data-version=(shown.version)
            data-newest=[newest] data-href=(state.href()) data-total=(shown.count()) {
            div .work {
                (heading(state))
                (tabs(state, &shown.tabs))
                (filter::bar(state, None))
                @if shown.count() == 0 {
                    (nothing_found(state, shown, now))
                } @else {
                    @if let Some((chart, bin)) = &shown.chart {
                        section .panel .histogram aria-label="Sign-ins over time" {
                            (legend(shown, bin))
                            (chart.render(&state.scope, &|scope: &_| {
                                state.with(|state| state.scope = scope.clone()).href()
                            }))
                        }
                    }
                    div .columns {
                        (filter::fields_panel(state))
                        section #list .panel aria-label="Sign-ins" {
                            (table::render(state, &shown.table, now))
                            (footer(state, shown))
                        }
                    }
                }
            }
            div #pane {
                @if let Some(pane) = &shown.pane {
                    (event::pane(&state.scope, pane, state.pane.as_deref(), now))
                }
            }
        }
    }
}

fn heading(_state: &State) -> Markup {
    html! {
        div .heading {
            h1 { "Sign-in logs" }
            div .actions {}
        }
    }
}

/// What stands to the right of the bar at the top.
fn controls(state: &State, now: Timestamp) -> Markup {
    let href = |scope: &super::scope::Scope| state.with(|state| state.scope = scope.clone()).href();
    shell::controls(&state.scope, now, &href)
}

fn tabs(state: &State, counts: &[(Tab, u64)]) -> Markup {
    html! {
        nav #tabs .tabs aria-label="Type of sign-in" {
            @for (tab, count) in counts {
                @let href = state.with(|state| state.tab = *tab).href();
                a href=(href) aria-current=[(*tab == state.tab).then_some("page")] {
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
            (table::pages(state, &shown.table))
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
fn bad_filter(frame: &Frame, state: &State, error: &FilterError, now: Timestamp) -> Response {
    let body = html! {
        main #main .explorer {
            div #view {
                (heading(state))
                (filter::bar(state, Some(error)))
            }
        }
    };
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
