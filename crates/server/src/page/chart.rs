//! The bars above the list: sign-ins over time by status.
//!
//! Each bar is a link to its span of time, so the chart zooms without script.

use durward_model::Timestamp;
use durward_model::errors::Status;
use durward_model::time::{DAY_MICROS, HOUR_MICROS, SECOND_MICROS};
use durward_query::Reader;
use durward_query::aggregate::{AggregateRequest, Dimension, DimensionValue, ResultOrder};
use durward_query::summary::ByStatus;
use maud::{Markup, html};

use crate::error::ApiError;
use crate::question::Question;
use crate::rest;

use super::state::{State, grouped};

/// Bars at most.
const BARS_MAX: i64 = 100;
const MINUTE: i64 = 60 * SECOND_MICROS;
/// Lengths of bars to choose from, and what they are called.
const BINS: [(i64, &str); 13] = [
    (MINUTE, "1-minute"),
    (5 * MINUTE, "5-minute"),
    (15 * MINUTE, "15-minute"),
    (30 * MINUTE, "30-minute"),
    (HOUR_MICROS, "1-hour"),
    (2 * HOUR_MICROS, "2-hour"),
    (4 * HOUR_MICROS, "4-hour"),
    (8 * HOUR_MICROS, "8-hour"),
    (DAY_MICROS, "1-day"),
    (2 * DAY_MICROS, "2-day"),
    (7 * DAY_MICROS, "7-day"),
    (30 * DAY_MICROS, "30-day"),
    (365 * DAY_MICROS, "365-day"),
];

/// Counts over time.
#[derive(Clone, Debug, Default)]
pub(super) struct Chart {
    pub(super) total: ByStatus,
    bin: &'static str,
    bin_micros: i64,
    first: i64,
    bars: Vec<ByStatus>,
}

impl Chart {
    pub(super) fn count(&self) -> u64 {
        self.total.iter().sum()
    }

    /// Counts what a question is about.
    pub(super) fn new(
        reader: &Reader,
        question: &Question,
        now: Timestamp,
    ) -> Result<Chart, ApiError> {
        let Some((oldest, newest)) = reader.bounds(&question.logs)? else {
            return Ok(Chart::default());
        };
        // A range shows as it was asked for, empty ends included; without ends, what there is.
        let from = question.from.map_or(oldest, |from| from.micros.max(oldest - DAY_MICROS));
        let to = question.to.map_or(newest.max(now.micros.min(newest + DAY_MICROS)), |t| t.micros);
        let length = to.saturating_sub(from).max(1);
        let fits = |(bin, _): &&(i64, &str)| length / bin < BARS_MAX;
        let (bin_micros, bin) = *BINS.iter().find(fits).unwrap_or(&BINS[BINS.len() - 1]);
        let first = from.div_euclid(bin_micros);
        let bars = (to.div_euclid(bin_micros) - first + 1).clamp(1, BARS_MAX + 1);
        let bars = vec![ByStatus::default(); usize::try_from(bars).unwrap_or(1)];
        let mut chart = Chart { total: [0; 3], bin, bin_micros, first: first * bin_micros, bars };
        for (time, by_status) in counts(reader, question, bin_micros)? {
            let number = (time.micros - chart.first).div_euclid(bin_micros);
            let last = chart.bars.len() - 1;
            let bar = usize::try_from(number).unwrap_or(0).min(last);
            for (index, count) in by_status.iter().enumerate() {
                chart.bars[bar][index] += count;
                chart.total[index] += count;
            }
        }
        Ok(chart)
    }

    /// Bars and legend.
    pub(super) fn render(&self, state: &State) -> Markup {
        let count = self.count();
        let highest = self.bars.iter().map(|bar| bar.iter().sum::<u64>()).max().unwrap_or(0);
        let word = if count == 1 { "event" } else { "events" };
        html! {
            section .panel .chart aria-label="Sign-ins over time" {
                div .legend {
                    b { (grouped(count)) " " (word) }
                    @for status in [Status::Failure, Status::Interrupted, Status::Success] {
                        span {
                            i .(class(status)) {}
                            (status.name()) " " (grouped(self.total[status as usize]))
                        }
                    }
                    span .right .muted { (self.bin) " bins, UTC · click a bar to zoom" }
                }
                svg viewBox={ "0 0 " (self.bars.len() * 10) " 70" } preserveAspectRatio="none"
                    role="img" aria-label={ (grouped(count)) " sign-ins, stacked by status" } {
                    @for (number, bar) in self.bars.iter().enumerate() {
                        @if bar.iter().sum::<u64>() > 0 {
                            (self.bar(state, number, *bar, highest.max(1)))
                        }
                    }
                }
                div .axis .muted {
                    span { (label(self.first, self.bin_micros)) }
                    span { (label(self.end(), self.bin_micros)) }
                }
            }
        }
    }

    fn end(&self) -> i64 {
        self.first + self.bars.len() as i64 * self.bin_micros
    }

    fn bar(&self, state: &State, number: usize, bar: ByStatus, highest: u64) -> Markup {
        let start = self.first + number as i64 * self.bin_micros;
        let end = start + self.bin_micros;
        let [from, to] = [start, end].map(|micros| Timestamp::from_micros(micros).to_rfc3339());
        let href = state.with(|state| state.range = format!("{from}..{to}")).href();
        let mut bottom = 70.0;
        let parts = [Status::Failure, Status::Interrupted, Status::Success].map(|status| {
            let share = bar[status as usize] as f64 / highest as f64;
            // What is there can be seen, however little it is.
            let height = if share > 0.0 { (share * 66.0).max(0.8) } else { 0.0 };
            bottom -= height;
            (class(status), bottom, height)
        });
        let x = number * 10 + 1;
        html! {
            a href=(href) tabindex="-1" {
                title {
                    (label(start, self.bin_micros)) ": "
                    (bar[Status::Failure as usize]) " failed, "
                    (bar[Status::Interrupted as usize]) " interrupted, "
                    (bar[Status::Success as usize]) " succeeded"
                }
                rect .hit x=(x - 1) y="0" width="10" height="70" {}
                @for (class, y, height) in parts {
                    @if height > 0.0 {
                        rect .(class) x=(x) y={ (format!("{y:.2}")) } width="8"
                            height={ (format!("{height:.2}")) } {}
                    }
                }
            }
        }
    }
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

fn class(status: Status) -> &'static str {
    match status {
        Status::Success => "success",
        Status::Failure => "failure",
        Status::Interrupted => "interrupted",
    }
}

/// An instant as precise as the bars are.
fn label(micros: i64, bin_micros: i64) -> String {
    let text = Timestamp::from_micros(micros).to_rfc3339();
    let length = if bin_micros >= DAY_MICROS { 10 } else { 16 };
    text.get(..length).unwrap_or(&text).replace('T', " ")
}
