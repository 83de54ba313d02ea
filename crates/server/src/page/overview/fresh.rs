//! Countries and networks that are seen in the range and were not in the thirty days before.

use std::collections::{HashMap, HashSet};

use durward_model::time::DAY_MICROS;
use durward_model::{FieldId, Log, Timestamp};
use durward_query::{AggregateRequest, Dimension, Reader};
use maud::{Markup, html};

use super::panels::{filter_of, text};
use crate::error::ApiError;
use crate::page::link;
use crate::page::scope::Scope;
use crate::page::state::grouped;
use crate::page::words;

/// How far back something is not new any more.
const BEFORE_MICROS: i64 = 30 * DAY_MICROS;
/// That much must be known to call anything new.
const KNOWN_MICROS_MIN: i64 = DAY_MICROS;
const LINES: usize = 6;
/// Combinations of country and network that are looked at.
const COMBINATIONS_MAX: usize = 100_000;

/// A value that is new: how often, and since when.
struct New {
    value: String,
    count: u64,
    first: Option<Timestamp>,
}

pub(super) fn look(reader: &Reader, scope: &Scope, now: Timestamp) -> Result<Markup, ApiError> {
    let (from, _) = scope.span(now)?;
    let oldest = reader.bounds(&Log::SIGN_INS)?.map_or(now.micros, |(oldest, _)| oldest);
    let Some(from) = from.filter(|from| from.micros - oldest >= KNOWN_MICROS_MIN) else {
        return Ok(html! {
            p .none .muted {
                "To tell what is new it takes a day of sign-ins before the range. "
                "Choose a shorter range, or wait."
            }
        });
    };
    let before = scope.between(from.micros - BEFORE_MICROS, from.micros);
    let [known, seen] = [&before, scope].map(|scope| by_network(reader, scope, now));
    let (known, seen) = (known?, seen?);
    let fresh = |which: fn(&Row) -> &str| news(&known, &seen, which);
    let (countries, asns) = (fresh(|row| &row.country), fresh(|row| &row.asn));
    let none = countries.is_empty() && asns.is_empty();
    Ok(html! {
        p .muted .small { "In this range, and not in the 30 days before" }
        @if none { p .none .muted { "Nothing new: every country and network was seen before." } }
        ol .top {
            @for new in countries.iter().take(LINES) {
                (line(new, scope, &new.value, None, "location/countryOrRegion", now))
            }
            @for new in asns.iter().take(LINES) {
                @let page = scope.href(&link::asn(&new.value), &[]);
                @let name = format!("AS{}", new.value);
                (line(new, scope, &name, Some(page), "autonomousSystemNumber", now))
            }
        }
        @if countries.len().max(asns.len()) > LINES {
            p .muted .rest {
                (countries.len()) " countries and " (asns.len()) " networks in all"
            }
        }
    })
}

fn line(
    new: &New,
    scope: &Scope,
    name: &str,
    page: Option<String>,
    field: &str,
    now: Timestamp,
) -> Markup {
    let href = link::signins(scope, None, &[link::is(field, &new.value)]);
    html! {
        li {
            span .name {
                @match page { Some(page) => a href=(page) { (name) }, None => b { (name) } }
                @if let Some(first) = new.first {
                    " " span .muted { "first " (words::time(first, now)) }
                }
            }
            a .number href=(href) { (grouped(new.count)) }
        }
    }
}

struct Row {
    country: String,
    asn: String,
    count: u64,
    first: Option<Timestamp>,
}

fn by_network(reader: &Reader, scope: &Scope, now: Timestamp) -> Result<Vec<Row>, ApiError> {
    let request = AggregateRequest {
        filter: filter_of(scope, &[], now)?,
        by: vec![
            Dimension::Field(FieldId::CountryOrRegion),
            Dimension::Field(FieldId::AutonomousSystemNumber),
        ],
        times: true,
        limit: COMBINATIONS_MAX,
        ..AggregateRequest::default()
    };
    let rows = reader.aggregate(&request)?;
    let read = |row: &durward_query::AggregateRow| Row {
        country: text(row, 0).to_owned(),
        asn: text(row, 1).to_owned(),
        count: row.count(),
        first: row.first,
    };
    Ok(rows.iter().map(read).collect())
}

/// Values that are seen and were not known, the most frequent first.
fn news(known: &[Row], seen: &[Row], which: fn(&Row) -> &str) -> Vec<New> {
    let known: HashSet<&str> = known.iter().map(which).collect();
    let mut fresh: HashMap<&str, New> = HashMap::new();
    for row in seen.iter().filter(|row| !which(row).is_empty() && !known.contains(which(row))) {
        let value = which(row);
        let new = || New { value: value.to_owned(), count: 0, first: row.first };
        let entry = fresh.entry(value).or_insert_with(new);
        entry.count += row.count;
        entry.first = [entry.first, row.first].into_iter().flatten().min();
    }
    let mut fresh: Vec<New> = fresh.into_values().collect();
    fresh.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
    fresh
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_is_what_was_not_there_before() {
        let row = |country: &str, asn: &str, count, first| Row {
            country: country.to_owned(),
            asn: asn.to_owned(),
            count,
            first: Some(Timestamp::from_micros(first)),
        };
        let known = [row("DE", "3320", 10, 1)];
        let seen = [
            row("DE", "3320", 3, 9),
            row("NG", "37148", 2, 8),
            row("NG", "", 5, 7),
            row("", "1", 1, 6),
        ];
        let countries = news(&known, &seen, |row| &row.country);
        assert_eq!(countries.len(), 1);
        assert_eq!((countries[0].value.as_str(), countries[0].count), ("NG", 7));
        assert_eq!(countries[0].first, Some(Timestamp::from_micros(7)));
        let asns = news(&known, &seen, |row| &row.asn);
        assert_eq!(asns.iter().map(|new| new.value.as_str()).collect::<Vec<_>>(), ["37148", "1"]);
    }
}
