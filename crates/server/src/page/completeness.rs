//! How complete the log is: up to when, how long events take to come, and hours without any.
//!
//! Nobody tells durward that everything has come. What it can say is how long events have lately
//! taken to arrive, and in which hours there is nothing although there always was something at
//! that hour of the week.

mod hours;
mod tenants;

use std::sync::Arc;

use axum::extract::{Extension, State as Shared};
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use axum::routing::get;
use durward_journal::Action;
use durward_model::time::{HOUR_MICROS, SECOND_MICROS};
use durward_model::{FieldId, Log, Timestamp};

use durward_query::{Filter, ListRequest, Op, Order, Reader, Value};
use maud::{Markup, html};

use crate::access::Asking;
use crate::app::App;
use crate::error::ApiError;
use crate::params::Params;
use crate::routes::{Endpoint, endpoint, read_others};

use super::scope::{self, Scope};
use super::shell::{self, Frame};
use super::state::{Tab, ago, grouped};
use super::{answer, page_of, scope_parameters, words};
use hours::Hours;

/// Events of one log whose delay is looked at: the newest of the last hour.
const SAMPLE: usize = 100;

pub(super) fn endpoints() -> Vec<Endpoint> {
    // Written down nowhere: it tells of no one, and every page asks it.
    let need = (read_others(Action::Count).0, None);
    let chip_page =
        page_of("Up to when the log is complete, and its tenants").parameters(&scope_parameters());
    let whole = page_of("How complete the log is").parameters(&scope_parameters());
    vec![
        endpoint(Method::GET, "/completeness", need, get(completeness), whole),
        endpoint(Method::GET, "/completeness/chip", need, get(chip), chip_page),
    ]
}

/// What is known of one log, or of all.
#[derive(Clone, Debug)]
pub(super) struct Health {
    /// `None` for all logs.
    log: Option<Log>,
    /// Created last; `None` without any event.
    newest: Option<Timestamp>,
    /// Median and 95th percentile of how long the last hour's events took to come, µs.
    delay: Option<(i64, i64)>,
    /// Events of the last hour looked at for that.
    sampled: usize,
    /// Events that came within the last hour, more than an hour late.
    late: u64,
    hours: Hours,
}

impl Health {
    /// Up to when most events have come: nothing says that more.
    fn complete_to(&self, now: Timestamp) -> Option<Timestamp> {
        let usual = self.delay.map_or(now.micros, |(_, most)| now.micros - most);
        self.newest.map(|newest| Timestamp::from_micros(newest.micros.min(usual)))
    }
}

/// Looks at some logs of a tenant. Without `late` what came late is not counted.
pub(super) fn look(
    reader: &Reader,
    scope: &Scope,
    log: Option<Log>,
    now: Timestamp,
    with_late: bool,
) -> Result<Health, ApiError> {
    let logs = Tab(log).logs();
    let created = |op| Filter::field(FieldId::CreatedDateTime, op);
    let time = |micros| Value::Time(Timestamp::from_micros(micros));
    let hour_ago = now.micros - HOUR_MICROS;
    let newest = |from: Filter, limit| -> Result<Vec<durward_model::Event>, ApiError> {
        let filter = scope.tenant_filter().and(from);
        let request = ListRequest {
            filter,
            logs: logs.clone(),
            order: Order::NewestFirst,
            limit,
            after: None,
        };
        Ok(reader.events(&reader.list(&request)?.rows)?)
    };
    let recent = newest(created(Op::Ge(time(hour_ago))), SAMPLE)?;
    let mut delays: Vec<i64> = recent.iter().map(delay_of).collect();
    delays.sort_unstable();
    let at = |share: usize| delays.get((delays.len() * share / 100).min(delays.len() - 1)).copied();
    let delay = if delays.is_empty() { None } else { at(50).zip(at(95)) };
    let newest = match recent.first() {
        Some(event) => Some(event.row().created),
        None => newest(Filter::All, 1)?.first().map(|event| event.row().created),
    };
    let late = if with_late {
        let received = Filter::field(FieldId::ReceivedDateTime, Op::Ge(time(hour_ago)));
        let old = created(Op::Lt(time(hour_ago - HOUR_MICROS)));
        reader.count(&scope.tenant_filter().and(received).and(old), &logs)?
    } else {
        0
    };
    let hours = Hours::look(reader, scope, &logs, now)?;
    Ok(Health { log, newest, delay, sampled: delays.len(), late, hours })
}

fn delay_of(event: &durward_model::Event) -> i64 {
    (event.row().received.micros - event.row().created.micros).max(0)
}

/// `GET /completeness/chip`: what the bar at the top says.
async fn chip(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&scope::PARAMS)?;
    let scope = Scope::parse(&params, "24h")?;
    let now = Timestamp::now();
    let asked = scope.clone();
    let (health, tenants) = app
        .ask(&caller, move |reader| {
            let health = look(reader, &asked, None, now, false)?;
            Ok((health, tenants::look(reader)?))
        })
        .await?;
    let page = html! {
        (chip_of(&health, &scope, now))
        (tenants::picker(&tenants, &scope, &headers))
    };
    Ok(answer(page))
}

fn chip_of(health: &Health, scope: &Scope, now: Timestamp) -> Markup {
    let complete = health.complete_to(now);
    let gap = health.hours.last_gap(now);
    let kind = match (complete, gap) {
        (Some(_), None) => "success",
        _ => "interrupted",
    };
    html! {
        details #completeness .menu-button .completeness
            data-complete=[complete.map(Timestamp::to_rfc3339)] {
            summary .chip .button {
                span .{ "dot " (kind) } aria-hidden="true" {}
                span {
                    @if let Some((from, to)) = gap {
                        "Gap " (clock(from)) "–" (clock(to))
                    } @else if let Some(complete) = complete {
                        "Complete to " (clock_or_day(complete, now))
                    } @else {
                        "No data"
                    }
                }
            }
            div .menu .left .wide hx-get=(scope.href("/completeness", &[])) data-quiet
                hx-trigger="toggle from:closest details once" {
                p .waiting { a href=(scope.href("/completeness", &[])) { "Data health" } " …" }
            }
        }
    }
}

/// Hours and minutes.
fn clock(at: Timestamp) -> Markup {
    let whole = at.to_rfc3339();
    html! { time datetime=(whole) data-short { (whole.get(11..16).unwrap_or_default()) } }
}

/// The time of today, the day and time of another.
fn clock_or_day(at: Timestamp, now: Timestamp) -> Markup {
    if at.day() == now.day() {
        let whole = at.to_rfc3339();
        html! { time datetime=(whole) data-short { (whole.get(11..19).unwrap_or_default()) } }
    } else {
        words::time(at, now)
    }
}

/// `GET /completeness`: the chip's popover, and a page of its own.
async fn completeness(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&scope::PARAMS)?;
    let scope = Scope::parse(&params, "24h")?;
    let now = Timestamp::now();
    let asked = scope.clone();
    let (all, each, tenants) = app
        .ask(&caller, move |reader| {
            let all = look(reader, &asked, None, now, true)?;
            let each: Result<Vec<Health>, ApiError> = Log::SIGN_INS
                .iter()
                .map(|log| look(reader, &asked, Some(*log), now, true))
                .collect();
            Ok((all, each?, tenants::look(reader)?))
        })
        .await?;
    let body = html! {
        (sentence(&all, now))
        (hours::strip(&all.hours, &scope, all.complete_to(now), now))
        (logs(&all, &each, now))
    };
    if headers.contains_key("hx-request") {
        return Ok(answer(body));
    }
    let page = html! {
        main #main .completeness-page {
            div .heading { h1 { "Data health" } }
            section .panel .part { (body) }
            (tenants::list(&tenants, &scope))
        }
    };
    let href = |scope: &Scope| scope.href("/completeness", &[]);
    let controls = shell::controls(&scope, now, &href);
    Ok(answer(shell::page(&frame, "Data health", &page, &controls)))
}

/// What to make of it.
fn sentence(all: &Health, now: Timestamp) -> Markup {
    let Some(complete) = all.complete_to(now) else {
        return html! { p { "There are no sign-ins yet." } };
    };
    let gaps = all.hours.gaps();
    html! {
        p .verdict .interrupted[!gaps.is_empty()] {
            b { "Complete to " (words::time(complete, now)) " " span .zone { "UTC" } }
            " (" (ago(complete, now)) "). "
            @if gaps.is_empty() {
                "No gaps in the last 7 days: in no hour was there nothing where the weeks before \
                 had sign-ins."
            } @else {
                @for (from, to) in &gaps {
                    "Gap " (words::time(*from, now)) " – " (clock(*to)) ". "
                }
                "In these hours there is nothing, though the weeks before had sign-ins then."
            }
            @if all.late > 0 {
                " " (grouped(all.late)) " came within the last hour that had happened more than \
                 an hour before they came."
            }
        }
    }
}

/// One line a log.
fn logs(all: &Health, each: &[Health], now: Timestamp) -> Markup {
    html! {
        div .scroll {
            table .inner .health {
                caption .visually-hidden { "How complete each log is" }
                thead {
                    tr {
                        th scope="col" { "Log" }
                        th scope="col" { "Newest event" }
                        th scope="col" title="How long half of the last hour's events took" {
                            "Delay, median"
                        }
                        th scope="col" title="How long 95 of 100 took at most" { "95 %" }
                        th scope="col" title="Came within the last hour, more than an hour late" {
                            "Late, last hour"
                        }
                        th scope="col" { "Gaps, 7 days" }
                    }
                }
                tbody {
                    @for health in std::iter::once(all).chain(each) { (log_row(health, now)) }
                }
            }
        }
        p .muted .small {
            "Delay: of the newest " (grouped(all.sampled as u64)) " events of the last hour."
        }
    }
}

fn log_row(health: &Health, now: Timestamp) -> Markup {
    html! {
        tr {
            th scope="row" { (health.log.map_or("All", |log| Tab(Some(log)).label())) }
            td {
                @match health.newest {
                    Some(newest) => (words::time(newest, now)),
                    None => span .muted { "none" },
                }
            }
            td { (delay(health.delay.map(|delay| delay.0))) }
            td { (delay(health.delay.map(|delay| delay.1))) }
            td { (grouped(health.late)) }
            td { (health.hours.gaps().len()) }
        }
    }
}

/// A length of time in one unit; `–` where there is none.
pub(super) fn delay(micros: Option<i64>) -> String {
    let Some(micros) = micros else { return "–".to_owned() };
    match micros / SECOND_MICROS {
        0 => format!("{} ms", micros / 1000),
        seconds @ 1..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

/// The strip of the overview: each log's newest event and delay.
pub(super) fn health_strip(each: &[Health], scope: &Scope, now: Timestamp) -> Markup {
    html! {
        ul .sources {
            @for health in each {
                @let is_quiet = health.hours.last_gap(now).is_some();
                li {
                    span .{ "dot " (if is_quiet { "interrupted" } else { "success" }) }
                        aria-hidden="true" {}
                    b { (health.log.map_or("All", |log| Tab(Some(log)).label())) }
                    @match health.newest {
                        Some(newest) => span .muted {
                            "newest " (ago(newest, now)) " · delay " (delay(health.delay.map(|d| d.0)))
                            @if is_quiet { " · a gap today" }
                        },
                        None => span .muted { "no events" },
                    }
                }
            }
        }
        p .rest { a href=(scope.href("/completeness", &[])) { "Hour by hour" } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_short() {
        for (micros, text) in
            [(0, "0 ms"), (250_000, "250 ms"), (59_000_000, "59 s"), (600_000_000, "10 min")]
        {
            assert_eq!(delay(Some(micros)), text);
        }
        assert_eq!(delay(None), "–");
        assert_eq!(delay(Some(3 * 86_400_000_000)), "3 days");
    }
}
