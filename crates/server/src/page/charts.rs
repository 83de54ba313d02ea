//! Charts over time, and the table that says the same.
//!
//! The page carries the numbers in a table; a script draws them above it. Without script, and for
//! those who cannot see a chart, the table is the chart: every row leads to its events.

use durward_model::Timestamp;
use durward_model::time::{DAY_MICROS, HOUR_MICROS, SECOND_MICROS};
use maud::{Markup, html};
use serde_json::json;

use super::scope::Scope;
use super::state::grouped;

const MINUTE: i64 = 60 * SECOND_MICROS;

/// Lengths of bins to choose from, and what they are called.
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

/// The shortest bin, µs, of which at most so many cover a span; and its name.
pub(super) fn bin_of(length_micros: i64, bins_max: i64) -> (i64, &'static str) {
    let fits = |(bin, _): &&(i64, &str)| length_micros / bin < bins_max;
    *BINS.iter().find(fits).unwrap_or(&BINS[BINS.len() - 1])
}

/// How a chart is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Bars on top of each other.
    Bars,
    /// Areas on top of each other.
    Area,
}

/// One row of numbers, one for each bin.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) name: String,
    /// `success`, `failure`, `interrupted`, or `c0` … `c9` for others.
    pub(super) class: &'static str,
    pub(super) values: Vec<u64>,
}

/// Numbers over time.
#[derive(Clone, Debug)]
pub(super) struct TimeChart {
    /// Of the element; unique on its page.
    pub(super) id: &'static str,
    /// What a screen reader says it is.
    pub(super) title: String,
    pub(super) shape: Shape,
    /// Where the first bin begins, µs.
    pub(super) first_micros: i64,
    pub(super) bin_micros: i64,
    pub(super) series: Vec<Series>,
}

impl TimeChart {
    /// The chart. `href` gives the address of a span of time: a brush and each row lead there.
    pub(super) fn render(&self, scope: &Scope, href: &dyn Fn(&Scope) -> String) -> Markup {
        let shape = match self.shape {
            Shape::Bars => "bars",
            Shape::Area => "area",
        };
        let data = json!({
            "shape": shape,
            "first": self.first_micros / 1000,
            "bin": self.bin_micros / 1000,
            "series": self.series.iter().map(|series| {
                json!({ "name": series.name, "class": series.class, "values": series.values })
            }).collect::<Vec<_>>(),
            // The script puts the ends of a brush in the place of these.
            "href": href(&scope.at("FROM..TO")),
        });
        html! {
            figure .{ "chart " (shape) } id=(self.id) data-chart=(data.to_string()) {
                div .canvas role="img" aria-label=(self.title) {}
                details .twin {
                    summary { "Table" }
                    (self.table(scope, href))
                }
            }
        }
    }

    fn table(&self, scope: &Scope, href: &dyn Fn(&Scope) -> String) -> Markup {
        let bins = self.series.first().map_or(0, |series| series.values.len());
        html! {
            table {
                caption { (self.title) }
                thead {
                    tr {
                        th scope="col" { "From (" span .zone { "UTC" } ")" }
                        @for series in &self.series { th scope="col" { (series.name) } }
                    }
                }
                tbody {
                    @for bin in 0..bins {
                        @if self.series.iter().any(|series| series.values[bin] > 0) {
                            @let from = self.first_micros + bin as i64 * self.bin_micros;
                            @let span = scope.between(from, from + self.bin_micros);
                            @let whole = Timestamp::from_micros(from).to_rfc3339();
                            tr {
                                th scope="row" {
                                    a href=(href(&span)) {
                                        time datetime=(whole) { (label(from, self.bin_micros)) }
                                    }
                                }
                                @for series in &self.series {
                                    td { (grouped(series.values[bin])) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// An instant as precise as the bins are.
fn label(micros: i64, bin_micros: i64) -> String {
    let text = Timestamp::from_micros(micros).to_rfc3339();
    let length = if bin_micros >= DAY_MICROS { 10 } else { 16 };
    text.get(..length).unwrap_or(&text).replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_as_short_as_fits() {
        assert_eq!(bin_of(HOUR_MICROS, 100), (MINUTE, "1-minute"));
        assert_eq!(bin_of(DAY_MICROS, 100), (15 * MINUTE, "15-minute"));
        assert_eq!(bin_of(30 * DAY_MICROS, 100), (8 * HOUR_MICROS, "8-hour"));
        assert_eq!(bin_of(i64::MAX, 100).1, "365-day");
    }
}
