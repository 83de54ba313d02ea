//! Counts of an entity's sign-ins, asked for once and read off in several ways.
//!
//! Fields that are stored together are counted together: one pass over an entity's sign-ins by
//! country, city and network answers for each of them alone.

use std::collections::HashMap;

use durward_model::errors::Status;
use durward_model::{FieldId, Log, Timestamp};
use durward_query::aggregate::ResultOrder;
use durward_query::{AggregateRequest, AggregateRow, Dimension, DimensionValue, Filter, Reader};

use crate::error::ApiError;

/// Most combinations of values that one pass gives back, the most frequent ones.
const COMBINATIONS_MAX: usize = 50_000;

/// How often, how it ended, and when first and last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    /// In the order of [`Status::ALL`].
    pub(super) by_status: [u64; 3],
    pub(super) first: Option<Timestamp>,
    pub(super) last: Option<Timestamp>,
}

impl Sums {
    pub(super) fn of(row: &AggregateRow) -> Sums {
        Sums { by_status: row.by_status, first: row.first, last: row.last }
    }

    pub(super) fn total(&self) -> u64 {
        self.by_status.iter().sum()
    }

    pub(super) fn failures(&self) -> u64 {
        self.by_status[Status::Failure as usize]
    }

    pub(super) fn successes(&self) -> u64 {
        self.by_status[Status::Success as usize]
    }

    pub(super) fn add(&mut self, more: &Sums) {
        self.by_status.iter_mut().zip(more.by_status).for_each(|(own, more)| *own += more);
        self.first = [self.first, more.first].into_iter().flatten().min();
        self.last = self.last.max(more.last);
    }
}

/// A value, or several that belong together, and its counts.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) values: Vec<String>,
    pub(super) sums: Sums,
}

impl Entry {
    pub(super) fn value(&self, index: usize) -> &str {
        self.values.get(index).map_or("", String::as_str)
    }
}

/// Counts by fields.
pub(super) fn by_fields(
    reader: &Reader,
    filter: &Filter,
    fields: &[FieldId],
) -> Result<Vec<Entry>, ApiError> {
    let by: Vec<Dimension> = fields.iter().map(|field| Dimension::Field(*field)).collect();
    let rows = by_dimensions(reader, filter, &by)?;
    Ok(rows.iter().map(entry).collect())
}

/// Counts by anything, with times.
pub(super) fn by_dimensions(
    reader: &Reader,
    filter: &Filter,
    by: &[Dimension],
) -> Result<Vec<AggregateRow>, ApiError> {
    let request = AggregateRequest {
        filter: filter.clone(),
        by: by.to_vec(),
        times: true,
        limit: COMBINATIONS_MAX,
        ..AggregateRequest::default()
    };
    Ok(reader.aggregate(&request)?)
}

/// Counts by hour and log: all of them, in order. First and last are as exact as hours are.
pub(super) fn by_hour(reader: &Reader, filter: &Filter) -> Result<Vec<Hour>, ApiError> {
    let request = AggregateRequest {
        filter: filter.clone(),
        by: vec![Dimension::HOUR, Dimension::Log],
        order: ResultOrder::Keys,
        limit: HOURS_MAX,
        ..AggregateRequest::default()
    };
    let rows = reader.aggregate(&request)?;
    let read = |row: &AggregateRow| match row.keys.as_slice() {
        [DimensionValue::Time(time), DimensionValue::Log(log)] => {
            let (first, last) = (Some(*time), Some(*time));
            Some((time.micros, *log, Sums { by_status: row.by_status, first, last }))
        }
        _ => None,
    };
    Ok(rows.iter().filter_map(read).collect())
}

/// Hours of one answer at most: thirty years of them.
pub(super) const HOURS_MAX: usize = 300_000;

/// When an hour begins, µs, one of the logs, and what it has of that hour.
pub(super) type Hour = (i64, Log, Sums);

/// Everything that a filter finds, and how many different values a field has in it.
pub(super) fn total(
    reader: &Reader,
    filter: &Filter,
    distinct: &[FieldId],
) -> Result<(Sums, u64), ApiError> {
    let request = AggregateRequest {
        filter: filter.clone(),
        distinct: distinct.to_vec(),
        ..AggregateRequest::default()
    };
    let rows = reader.aggregate(&request)?;
    Ok(rows.first().map_or((Sums::default(), 0), |row| (Sums::of(row), row.distinct)))
}

/// The counts by some of the values only, the most frequent first; events without the first of
/// them are left out.
pub(super) fn roll_up(entries: &[Entry], by: &[usize]) -> Vec<Entry> {
    let mut sums: HashMap<Vec<String>, Sums> = HashMap::new();
    for entry in entries {
        let values: Vec<String> = by.iter().map(|index| entry.value(*index).to_owned()).collect();
        if values.first().is_some_and(|first| !first.is_empty()) {
            sums.entry(values).or_default().add(&entry.sums);
        }
    }
    let mut rolled: Vec<Entry> =
        sums.into_iter().map(|(values, sums)| Entry { values, sums }).collect();
    rolled
        .sort_by(|a, b| b.sums.total().cmp(&a.sums.total()).then_with(|| a.values.cmp(&b.values)));
    rolled
}

/// As [`roll_up`] by the first value, with the other values of its most frequent combination:
/// one line for an identifier, whatever names it had.
pub(super) fn named(entries: &[Entry], by: &[usize]) -> Vec<Entry> {
    let Some(first) = by.first() else { return Vec::new() };
    let combinations = roll_up(entries, by);
    let mut lines = roll_up(entries, &[*first]);
    for line in &mut lines {
        let same = combinations.iter().find(|other| other.values.first() == line.values.first());
        if let Some(same) = same {
            line.values.clone_from(&same.values);
        }
    }
    lines
}

fn entry(row: &AggregateRow) -> Entry {
    Entry { values: row.keys.iter().map(text).collect(), sums: Sums::of(row) }
}

pub(super) fn text(value: &DimensionValue) -> String {
    match value {
        DimensionValue::Text(text) => text.clone(),
        DimensionValue::Status(status) => status.name().to_owned(),
        DimensionValue::Log(log) => log.name().to_owned(),
        DimensionValue::Time(time) => time.to_rfc3339(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(values: &[&str], count: u64, at: i64) -> Entry {
        let time = Some(Timestamp::from_micros(at));
        let sums = Sums { by_status: [count, 1, 0], first: time, last: time };
        Entry { values: values.iter().map(|value| (*value).to_owned()).collect(), sums }
    }

    #[test]
    fn counts_roll_up() {
        let all = [
            entry(&["DE", "Berlin"], 5, 10),
            entry(&["DE", "Hamburg"], 7, 5),
            entry(&["", ""], 50, 1),
            entry(&["SG", "Singapore"], 2, 20),
        ];
        let countries = roll_up(&all, &[0]);
        assert_eq!(countries.len(), 2, "none without a country");
        assert_eq!((countries[0].value(0), countries[0].sums.total()), ("DE", 14));
        assert_eq!(countries[0].sums.failures(), 2);
        let times = (countries[0].sums.first, countries[0].sums.last);
        assert_eq!(times, (Some(Timestamp::from_micros(5)), Some(Timestamp::from_micros(10))));
        let named = named(&all, &[0, 1]);
        assert_eq!(named[0].values, ["DE", "Hamburg"], "by its most frequent name");
        assert_eq!(named[0].sums.total(), 14, "with all its events");
    }
}
