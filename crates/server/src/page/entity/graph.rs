//! Sign-ins by day, by week or, in short ranges, by hour.

use durward_model::errors::Status;
use durward_model::time::{DAY_MICROS, HOUR_MICROS};
use maud::{Markup, html};

use super::count::Hour;
use super::subject::{Asked, Subject};
use crate::page::charts::{Series, Shape, TimeChart};

const WEEK_MICROS: i64 = 7 * DAY_MICROS;
/// 1970-01-01 was a Thursday; weeks begin on Monday.
const WEEK_SHIFT_MICROS: i64 = 3 * DAY_MICROS;
/// Bars of one graph at most; what is older is left out.
const BARS_MAX: i64 = 400;

/// The bars of a graph: where the first begins, how long each is, and how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bars {
    pub(super) first: i64,
    pub(super) length: i64,
    pub(super) count: usize,
}

impl Bars {
    /// The bars of a range, µs. Ranges of at most two days have hours, very long ones weeks.
    pub(super) fn of((from, to): (i64, i64), weekly: bool) -> Bars {
        let span = to.saturating_sub(from);
        let length = match span {
            _ if weekly => WEEK_MICROS,
            ..=172_800_000_000 => HOUR_MICROS,
            _ if span / DAY_MICROS >= BARS_MAX => WEEK_MICROS,
            _ => DAY_MICROS,
        };
        let shift = if length == WEEK_MICROS { WEEK_SHIFT_MICROS } else { 0 };
        let number = |at: i64| at.saturating_add(shift).div_euclid(length);
        let last = number(to.saturating_sub(1).max(from));
        let first = number(from).max(last - BARS_MAX + 1);
        let count = usize::try_from(last - first + 1).unwrap_or(1);
        Bars { first: first * length - shift, length, count }
    }

    /// The number of the bar that an instant falls in.
    pub(super) fn index(&self, at: i64) -> Option<usize> {
        let number = usize::try_from((at - self.first).div_euclid(self.length)).ok()?;
        (number < self.count).then_some(number)
    }

    pub(super) fn name(&self) -> &'static str {
        match self.length {
            HOUR_MICROS => "hour",
            DAY_MICROS => "day",
            _ => "week",
        }
    }
}

/// A graph of sign-ins by status. `hours`: counts of whole hours.
pub(super) fn of_subject(asked: &Asked, subject: &Subject, hours: &[Hour], title: &str) -> Markup {
    let bars = bars_of(asked, hours);
    let mut series = [
        (Status::Success, "success"),
        (Status::Interrupted, "interrupted"),
        (Status::Failure, "failure"),
    ]
    .map(|(status, class)| Series {
        name: status.name().to_owned(),
        class,
        values: vec![0; bars.count],
    });
    let places = [Status::Success, Status::Interrupted, Status::Failure];
    for (at, _, sums) in hours {
        let Some(bar) = bars.index(*at) else { continue };
        for (one, status) in series.iter_mut().zip(places) {
            one.values[bar] += sums.by_status[status as usize];
        }
    }
    let href = |scope: &_| subject.events(scope, &[]);
    panel(asked, title, bars, series.to_vec(), &href)
}

/// The bars for counts of whole hours.
pub(super) fn bars_of(asked: &Asked, hours: &[Hour]) -> Bars {
    let bounds = hours.first().zip(hours.last()).map(|(first, last)| (first.0, last.0));
    Bars::of(asked.scope.ends(asked.now, bounds), asked.is_weekly())
}

/// A graph with its heading and the choice between days and weeks.
pub(super) fn panel(
    asked: &Asked,
    title: &str,
    bars: Bars,
    series: Vec<Series>,
    href: &dyn Fn(&crate::page::scope::Scope) -> String,
) -> Markup {
    let name = bars.name();
    let chart = TimeChart {
        id: "usage",
        title: format!("{title} by {name}"),
        shape: Shape::Bars,
        first_micros: bars.first,
        bin_micros: bars.length,
        series,
    };
    let per = |value: &'static str| asked.href_with(&asked.scope, &[("per", value)]);
    html! {
        section .panel .graph {
            header {
                h2 { (title) }
                span .muted { "by " (name) " · a bar leads to its events" }
                nav .segments aria-label="Length of the bars" {
                    a href=(per("day")) aria-current=[(!asked.is_weekly()).then_some("true")] {
                        "Day"
                    }
                    a href=(per("week")) aria-current=[asked.is_weekly().then_some("true")] {
                        "Week"
                    }
                }
            }
            (chart.render(&asked.scope, href))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_begin_on_whole_days_and_mondays() {
        // 2026-03-02 was a Monday.
        let monday = 1_772_409_600_000_000;
        let month = (monday - 30 * DAY_MICROS + 5, monday + 5);
        let days = Bars::of(month, false);
        assert_eq!((days.first, days.count, days.name()), (monday - 30 * DAY_MICROS, 31, "day"));
        assert_eq!(days.index(monday + 1), Some(30));
        assert_eq!(days.index(monday + DAY_MICROS), None);
        assert_eq!(days.index(monday - 31 * DAY_MICROS), None);
        let weeks = Bars::of(month, true);
        assert_eq!((weeks.first, weeks.count), (monday - 35 * DAY_MICROS, 6));
        let hours = Bars::of((monday, monday + DAY_MICROS), false);
        assert_eq!((hours.count, hours.name()), (24, "hour"));
        let ages = Bars::of((0, monday), false);
        assert_eq!((ages.count, ages.name()), (400, "week"), "bounded, and the newest");
        assert_eq!(ages.index(monday - 1), Some(399));
    }
}
