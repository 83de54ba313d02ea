//! How many sign-ins an hour usually has: for what must be noticed because of its number.
//!
//! Life has a rhythm of days and weeks, so an hour is compared with the same hour of earlier
//! weeks or days. Counting costs one increment; everything else happens once an hour.

use std::collections::VecDeque;

use durward_model::Timestamp;
use durward_model::time::{HOUR_MICROS, SECOND_MICROS};
use serde::{Deserialize, Serialize};

/// Hours remembered: four weeks, and what a detection may look behind the newest.
const HOURS_MAX: usize = 24 * 30;
const WEEK: usize = 24 * 7;
/// Weeks compared with at most, and at least.
const WEEKS: std::ops::RangeInclusive<usize> = 2..=4;
/// Days compared with.
pub(super) const DAYS: usize = 14;

/// Counts of the last hours.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Hours {
    /// Of the hour that is still open.
    pub(super) open: u32,
    /// When something was counted last, µs since 1970.
    pub(super) last_micros: i64,
    /// Of the hours before, the newest last.
    closed: VecDeque<u32>,
}

impl Hours {
    /// Counts something.
    pub(super) fn count(&mut self, at_micros: i64) {
        self.open = self.open.saturating_add(1);
        self.last_micros = at_micros;
    }

    /// The hour is over. What it is remembered with is at most `most`.
    pub(super) fn close(&mut self, most: u32) {
        if self.closed.len() >= HOURS_MAX {
            self.closed.pop_front();
        }
        self.closed.push_back(self.open.min(most));
        self.open = 0;
    }

    /// The count of an hour; 0 is the newest that is over.
    pub(super) fn ago(&self, hours: usize) -> Option<u32> {
        let index = self.closed.len().checked_sub(hours + 1)?;
        self.closed.get(index).copied()
    }

    /// What an hour usually has: the median over the same hour of earlier weeks; of an even
    /// number the smaller middle. Of each hour and its neighbours the least counts, so that
    /// summer time and a slow morning do not matter. None before two weeks were watched.
    pub(super) fn usual(&self, hours: usize) -> Option<u32> {
        let mut weeks = self.weeks(hours);
        weeks.sort_unstable();
        (weeks.len() >= *WEEKS.start()).then(|| weeks[(weeks.len() - 1) / 2])
    }

    /// The least that the same hour of earlier weeks had. None before two weeks were watched.
    pub(super) fn least(&self, hours: usize) -> Option<u32> {
        let weeks = self.weeks(hours);
        (weeks.len() >= *WEEKS.start()).then(|| weeks.into_iter().min()).flatten()
    }

    fn weeks(&self, hours: usize) -> Vec<u32> {
        let around = |hours: usize| {
            let near = [hours.checked_sub(1), Some(hours), Some(hours + 1)];
            near.into_iter().flatten().filter_map(|hours| self.ago(hours)).min()
        };
        let weeks = (1..=*WEEKS.end()).filter(|week| self.ago(hours + week * WEEK).is_some());
        weeks.filter_map(|week| around(hours + week * WEEK)).collect()
    }

    /// What the same hour has on a day off: the second least of the last 14 days, as these have
    /// two weekends.
    pub(super) fn day_off(&self, hours: usize) -> u32 {
        let mut days = self.days(hours);
        days.sort_unstable();
        days.get(1).copied().unwrap_or(0)
    }

    /// The same hour of the last 14 days; fewer where less was watched.
    pub(super) fn days(&self, hours: usize) -> Vec<u32> {
        (1..=DAYS).filter_map(|day| self.ago(hours + day * 24)).collect()
    }

    /// The same hour as the one that is open now, of the last 14 days.
    pub(super) fn days_before_open(&self) -> Vec<u32> {
        (1..=DAYS).filter_map(|day| self.ago(day * 24 - 1)).collect()
    }
}

/// Does a full hour begin at an instant?
pub(super) fn is_full_hour(at_micros: i64) -> bool {
    at_micros.rem_euclid(HOUR_MICROS) == 0
}

/// `2026-03-04 10:00 UTC`.
pub(super) fn text_of(at_micros: i64) -> String {
    let text = Timestamp::from_micros(at_micros.div_euclid(SECOND_MICROS) * SECOND_MICROS);
    let text = text.to_rfc3339();
    let (day, time) = text.split_once('T').unwrap_or((&text, ""));
    format!("{day} {} UTC", time.get(..5).unwrap_or(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(weeks: usize, of: impl Fn(usize) -> u32) -> Hours {
        let mut hours = Hours::default();
        for hour in 0..weeks * WEEK {
            hours.open = of(hour);
            hours.close(u32::MAX);
        }
        hours
    }

    #[test]
    fn an_hour_is_compared_with_itself_in_other_weeks() {
        // A working week: busy from 8 to 17, nobody at weekends.
        let is_work = |hour: usize| (8..17).contains(&(hour % 24)) && hour / 24 % 7 < 5;
        let life = hours(4, |hour| if is_work(hour) { 100 + hour as u32 / 168 } else { 1 });
        // The newest hour is Sunday 23:00; 23 + 24 + 12 hours before it is Friday 11:00.
        let friday_noon = 24 + 24 + 12;
        assert_eq!(life.ago(friday_noon), Some(103));
        assert_eq!(life.usual(friday_noon), Some(101), "of 100, 101, 102");
        assert_eq!((life.least(friday_noon), life.day_off(friday_noon)), (Some(100), 1));
        assert_eq!(life.usual(friday_noon - 24), Some(1), "Saturday");
        let short = hours(2, |_| 5);
        assert_eq!(short.usual(0), None, "one earlier week only");
        assert_eq!(short.days_before_open().len(), DAYS);
    }

    #[test]
    fn an_instant_is_told_in_utc() {
        assert_eq!(text_of(1_772_438_400_000_000), "2026-03-02 08:00 UTC");
    }
}
