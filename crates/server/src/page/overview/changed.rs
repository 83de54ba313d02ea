//! What changed: applications and error codes that fail much more than a week earlier, in
//! sentences, each with its arithmetic.

use std::collections::HashMap;

use durward_model::errors;
use durward_model::{FieldId, Timestamp};
use durward_query::{AggregateRequest, Dimension, Reader};
use maud::{Markup, html};

use super::panels::{filter_of, text};
use super::tiles::earlier;
use crate::error::ApiError;
use crate::page::link;
use crate::page::scope::Scope;
use crate::page::state::grouped;
use crate::page::words;

/// Fewer failures are no change worth a sentence.
const FAILURES_MIN: u64 = 20;
/// How many times as many as a week earlier.
const RATIO_MIN: u64 = 3;
const SENTENCES: usize = 6;
/// Combinations of application and code that are looked at.
const COMBINATIONS_MAX: usize = 100_000;

/// Failures of one application with one code.
struct Row {
    app_id: String,
    app: String,
    code: String,
    failures: u64,
}

/// Something that fails more than it did.
#[derive(Debug, PartialEq)]
struct Change {
    /// Application identifier or code.
    id: String,
    name: String,
    now: u64,
    before: u64,
    /// What most of it has: the code of an application, the application of a code.
    mostly: String,
    mostly_count: u64,
}

pub(super) fn look(reader: &Reader, scope: &Scope, now: Timestamp) -> Result<Markup, ApiError> {
    let Some(before) = earlier(reader, scope, now)? else {
        return Ok(html! {
            p .none .muted {
                "There is nothing to compare with: the log does not reach back to a week before "
                "this range."
            }
        });
    };
    let [old, new] = [&before, scope].map(|scope| failures(reader, scope, now));
    let (old, new) = (old?, new?);
    let mut apps = changes(&old, &new, |row| (&row.app_id, &row.app), |row| &row.code);
    let mut codes = changes(&old, &new, |row| (&row.code, &row.code), |row| &row.app);
    apps.truncate(SENTENCES);
    codes.truncate(SENTENCES);
    Ok(html! {
        @if apps.is_empty() && codes.is_empty() {
            p .none .muted {
                "Nothing stands out: no application and no error code has " (FAILURES_MIN)
                " failures or more that are " (RATIO_MIN) " times those of a week earlier."
            }
        }
        ol .changes {
            @for change in &apps { (app_sentence(change, scope, &before, now)) }
            @for change in &codes { (code_sentence(change, scope, &before, now)) }
        }
    })
}

fn failures(reader: &Reader, scope: &Scope, now: Timestamp) -> Result<Vec<Row>, ApiError> {
    let fields = [FieldId::AppId, FieldId::AppDisplayName, FieldId::ErrorCode];
    let request = AggregateRequest {
        filter: filter_of(scope, &["status=failure"], now)?,
        by: fields.map(Dimension::Field).to_vec(),
        limit: COMBINATIONS_MAX,
        ..AggregateRequest::default()
    };
    let rows = reader.aggregate(&request)?;
    let read = |row: &durward_query::AggregateRow| Row {
        app_id: text(row, 0).to_owned(),
        app: text(row, 1).to_owned(),
        code: text(row, 2).to_owned(),
        failures: row.count(),
    };
    Ok(rows.iter().map(read).collect())
}

/// What failed more, what grew most first. `of` gives identifier and name of what is compared.
fn changes(
    old: &[Row],
    new: &[Row],
    of: fn(&Row) -> (&str, &str),
    other: fn(&Row) -> &str,
) -> Vec<Change> {
    let mut before: HashMap<&str, u64> = HashMap::new();
    for row in old {
        *before.entry(of(row).0).or_default() += row.failures;
    }
    let mut found: HashMap<&str, Change> = HashMap::new();
    // Rows come with the most frequent first, so the first other value is the main one.
    for row in new.iter().filter(|row| !of(row).0.is_empty()) {
        let (id, name) = of(row);
        let change = found.entry(id).or_insert_with(|| Change {
            id: id.to_owned(),
            name: if name.is_empty() { id } else { name }.to_owned(),
            now: 0,
            before: before.get(id).copied().unwrap_or(0),
            mostly: other(row).to_owned(),
            mostly_count: row.failures,
        });
        change.now += row.failures;
    }
    let stands_out =
        |change: &Change| change.now >= FAILURES_MIN && change.now >= RATIO_MIN * change.before;
    let mut found: Vec<Change> = found.into_values().filter(stands_out).collect();
    let grown = |change: &Change| change.now - change.before;
    found.sort_by(|a, b| grown(b).cmp(&grown(a)).then_with(|| a.id.cmp(&b.id)));
    found
}

/// `up 8×`, or that there were none.
fn up(change: &Change) -> String {
    match change.before {
        0 => format!("{}, none a week earlier", grouped(change.now)),
        before => {
            format!("up {:.1}×, to {}", change.now as f64 / before as f64, grouped(change.now))
        }
    }
}

/// What stands between a name and how it changed.
fn joint(change: &Change) -> &'static str {
    if change.before == 0 { ": " } else { " " }
}

fn meaning(code: &str) -> &'static str {
    code.parse().ok().and_then(errors::lookup).map_or("", |known| known.reason)
}

fn app_sentence(change: &Change, scope: &Scope, before: &Scope, now: Timestamp) -> Markup {
    let terms = ["status=failure".to_owned(), link::is("appId", &change.id)];
    html! {
        li {
            p {
                "Failures of " a href=(scope.href(&link::app(&change.id), &[])) { (change.name) }
                (joint(change)) a href=(link::signins(scope, None, &terms)) { (up(change)) }
                @if let Ok(code) = change.mostly.parse::<i64>() {
                    ", mostly " a href=(link::error(code)) { (code) }
                    " " span .muted { (meaning(&change.mostly)) }
                }
            }
            (arithmetic(change, scope, before, &terms, now))
        }
    }
}

fn code_sentence(change: &Change, scope: &Scope, before: &Scope, now: Timestamp) -> Markup {
    let terms = ["status=failure".to_owned(), link::is("status/errorCode", &change.id)];
    let code = change.id.parse::<i64>().unwrap_or_default();
    html! {
        li {
            p {
                "Error " a href=(link::error(code)) { (code) } " "
                span .muted { (meaning(&change.id)) } (joint(change))
                a href=(link::signins(scope, None, &terms)) { (up(change)) }
                @if !change.mostly.is_empty() { ", mostly at " (change.mostly) }
            }
            (arithmetic(change, scope, before, &terms, now))
        }
    }
}

/// Where the numbers are from.
fn arithmetic(
    change: &Change,
    scope: &Scope,
    before: &Scope,
    terms: &[String],
    now: Timestamp,
) -> Markup {
    let span = |scope: &Scope| {
        let (from, to) = scope.span(now).unwrap_or_default();
        html! {
            @if let Some(from) = from { (words::time(from, now)) }
            " – " (words::time(to.unwrap_or(now), now))
        }
    };
    html! {
        details {
            summary { "How this was reckoned" }
            p .small {
                (grouped(change.now)) " failures " (span(scope)) "; "
                a href=(link::signins(before, None, terms)) { (grouped(change.before)) }
                " in the same span a week earlier, " (span(before)) ". "
                @if change.before > 0 {
                    (grouped(change.now)) " ÷ " (grouped(change.before)) " = "
                    (format!("{:.1}", change.now as f64 / change.before as f64)) ". "
                }
                "Most of one kind: " (grouped(change.mostly_count)) "."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_grew_much_is_said() {
        let row = |app: &str, code: &str, failures| Row {
            app_id: app.to_owned(),
            app: app.to_uppercase(),
            code: code.to_owned(),
            failures,
        };
        let old = [row("payroll", "53003", 10), row("mail", "50126", 30), row("few", "1", 0)];
        let new = [
            row("payroll", "53003", 60),
            row("mail", "50126", 50),
            row("payroll", "50126", 20),
            row("new", "50053", 20),
            row("few", "1", 19),
        ];
        let apps = changes(&old, &new, |row| (&row.app_id, &row.app), |row| &row.code);
        let names: Vec<(&str, u64, u64)> =
            apps.iter().map(|change| (change.name.as_str(), change.now, change.before)).collect();
        assert_eq!(names, [("PAYROLL", 80, 10), ("NEW", 20, 0)]);
        assert_eq!((apps[0].mostly.as_str(), apps[0].mostly_count), ("53003", 60));
        assert_eq!(up(&apps[0]), "up 8.0×, to 80");
        assert_eq!(up(&apps[1]), "20, none a week earlier");
        let codes = changes(&old, &new, |row| (&row.code, &row.code), |row| &row.app);
        assert_eq!(codes.len(), 2, "{codes:?}");
        assert_eq!((codes[0].id.as_str(), codes[0].mostly.as_str()), ("53003", "PAYROLL"));
    }
}
