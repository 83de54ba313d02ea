//! Hours of the last seven days: how many sign-ins each has, and where there should be some.

use std::collections::HashMap;

use durward_model::time::{DAY_MICROS, HOUR_MICROS};
use durward_model::{Log, Timestamp};
use durward_query::{Reader, SummaryRequest};
use maud::{Markup, html};

use crate::error::ApiError;
use crate::page::link;
use crate::page::scope::Scope;
use crate::page::state::grouped;

const DAYS: i64 = 7;
const WEEK_MICROS: i64 = 7 * DAY_MICROS;
/// Weeks before the last seven days that say what is usual at an hour of the week.
const WEEKS_BEFORE: i64 = 2;
/// That many sign-ins at the same hour of another week, and an hour without any is a gap: fewer
/// could be none by chance.
const USUAL_MIN: u64 = 5;

/// Sign-ins by hour, with the weeks before.
#[derive(Clone, Debug, Default)]
pub(super) struct Hours {
    counts: HashMap<i64, u64>,
    /// When the last full hour ends, µs.
    end_micros: i64,
}

/// What an hour looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Complete,
    /// More may come.
    Settling,
    /// Nothing, though the weeks before had sign-ins then.
    Gap,
    /// Nothing, as usual.
    Quiet,
    /// Has not been yet.
    Ahead,
}

impl Look {
    /// Class, sign and word.
    fn said(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Look::Complete => ("complete", "", "complete"),
            Look::Settling => ("settling", "◔", "more may come"),
            Look::Gap => ("gap", "✖", "gap"),
            Look::Quiet => ("quiet", "·", "nothing, as usual"),
            Look::Ahead => ("ahead", "", "not yet"),
        }
    }
}

impl Hours {
    pub(super) fn look(
        reader: &Reader,
        scope: &Scope,
        logs: &[Log],
        now: Timestamp,
    ) -> Result<Hours, ApiError> {
        let end = now.micros.div_euclid(HOUR_MICROS) * HOUR_MICROS;
        let request = SummaryRequest {
            filter: scope.tenant_filter(),
            logs: logs.to_vec(),
            from_micros: end - (1 + WEEKS_BEFORE) * WEEK_MICROS,
            to_micros: now.micros + 1,
            fields: Vec::new(),
            top: 0,
        };
        let counts = reader.summary(&request)?.hours;
        let counts = counts.into_iter().map(|(at, sums)| (at.micros, sums.iter().sum()));
        Ok(Hours { counts: counts.collect(), end_micros: end })
    }

    fn count(&self, hour: i64) -> u64 {
        self.counts.get(&hour).copied().unwrap_or(0)
    }

    fn is_gap(&self, hour: i64) -> bool {
        let usual = (1..=WEEKS_BEFORE).map(|weeks| self.count(hour - weeks * WEEK_MICROS)).max();
        hour < self.end_micros && self.count(hour) == 0 && usual >= Some(USUAL_MIN)
    }

    /// Gaps of the last seven days, each from when to when; the latest last.
    pub(super) fn gaps(&self) -> Vec<(Timestamp, Timestamp)> {
        let mut gaps: Vec<(i64, i64)> = Vec::new();
        for number in (1..=DAYS * 24).rev() {
            let hour = self.end_micros - number * HOUR_MICROS;
            match gaps.last_mut() {
                _ if !self.is_gap(hour) => {}
                Some((_, to)) if *to == hour => *to += HOUR_MICROS,
                _ => gaps.push((hour, hour + HOUR_MICROS)),
            }
        }
        let times = |(from, to)| (Timestamp::from_micros(from), Timestamp::from_micros(to));
        gaps.into_iter().map(times).collect()
    }

    /// The latest gap that reaches into the last day.
    pub(super) fn last_gap(&self, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        self.gaps().pop().filter(|(_, to)| to.micros > now.micros - DAY_MICROS)
    }

    fn shows(&self, hour: i64, complete_micros: i64, now: Timestamp) -> Look {
        match self.count(hour) {
            _ if hour > now.micros => Look::Ahead,
            0 if self.is_gap(hour) => Look::Gap,
            _ if hour + HOUR_MICROS > complete_micros && hour >= self.end_micros - HOUR_MICROS => {
                Look::Settling
            }
            0 => Look::Quiet,
            _ => Look::Complete,
        }
    }
}

/// The hours of seven days, a row a day, each leading to its events.
pub(super) fn strip(
    hours: &Hours,
    scope: &Scope,
    complete: Option<Timestamp>,
    now: Timestamp,
) -> Markup {
    let complete = complete.map_or(i64::MIN, |complete| complete.micros);
    let today = now.micros.div_euclid(DAY_MICROS) * DAY_MICROS;
    html! {
        div .scroll {
            table .hours-strip {
                caption .muted { "Hour by hour, UTC; each leads to its sign-ins" }
                thead {
                    tr {
                        th scope="col" { span .visually-hidden { "Day" } }
                        @for hour in 0..24 { th scope="col" { (format!("{hour:02}")) } }
                    }
                }
                tbody {
                    @for day in (0..DAYS).map(|back| today - back * DAY_MICROS) {
                        tr {
                            th scope="row" { (day_of(day)) }
                            @for hour in (0..24).map(|hour| day + hour * HOUR_MICROS) {
                                (cell(hours, scope, hour, complete, now))
                            }
                        }
                    }
                }
            }
        }
        p .keys-of .muted .small {
            @for look in [Look::Complete, Look::Settling, Look::Gap, Look::Quiet] {
                @let (class, sign, word) = look.said();
                span { i .(class) aria-hidden="true" { (sign) } " " (word) }
            }
        }
    }
}

fn cell(hours: &Hours, scope: &Scope, hour: i64, complete: i64, now: Timestamp) -> Markup {
    let look = hours.shows(hour, complete, now);
    let (class, sign, word) = look.said();
    let clock = |micros| {
        let whole = Timestamp::from_micros(micros).to_rfc3339();
        whole.get(11..16).unwrap_or_default().to_owned()
    };
    let (from, to) = (clock(hour), clock(hour + HOUR_MICROS));
    let count = grouped(hours.count(hour));
    let said = format!("{} {from}–{to} UTC: {word}, {count} sign-ins", day_of(hour));
    let href = link::signins(&scope.between(hour, hour + HOUR_MICROS), None, &[]);
    html! {
        td .(class) {
            @if look != Look::Ahead {
                a href=(href) title=(said) aria-label=(said) { (sign) }
            }
        }
    }
}

fn day_of(micros: i64) -> String {
    let whole = Timestamp::from_micros(micros).to_rfc3339();
    whole.get(..10).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_nothing_where_there_was_something_a_week_before() {
        let end = 1_772_409_600_000_000;
        let now = Timestamp::from_micros(end + HOUR_MICROS / 2);
        let mut hours = Hours { end_micros: end, ..Hours::default() };
        for number in 1..=3 * 7 * 24 {
            hours.counts.insert(end - number * HOUR_MICROS, 9);
        }
        assert!(hours.gaps().is_empty() && hours.last_gap(now).is_none());
        for number in [30, 31, 100] {
            hours.counts.remove(&(end - number * HOUR_MICROS));
        }
        let at = |number: i64| Timestamp::from_micros(end - number * HOUR_MICROS);
        assert_eq!(hours.gaps(), [(at(100), at(99)), (at(31), at(29))]);
        assert_eq!(hours.last_gap(now), None, "neither is of the last day");
        hours.counts.remove(&(end - HOUR_MICROS));
        assert_eq!(hours.last_gap(now), Some((at(1), at(0))));
        assert_eq!(hours.shows(at(31).micros, end, now), Look::Gap);
        assert_eq!(hours.shows(at(2).micros, end, now), Look::Complete);
        assert_eq!(hours.shows(end, end, now), Look::Settling);
        assert_eq!(hours.shows(end + HOUR_MICROS, end, now), Look::Ahead);
        // A week that had next to nothing says nothing.
        for weeks in 1..=2 {
            hours.counts.insert(at(1).micros - weeks * WEEK_MICROS, 1);
        }
        assert_eq!(hours.shows(at(1).micros, end, now), Look::Quiet);
    }
}
