//! Lists of the most frequent: applications, error codes, failing users, legacy protocols.

use std::collections::HashMap;

use durward_model::errors::{self, Status};
use durward_model::time::DAY_MICROS;
use durward_model::{FieldId, Timestamp};
use durward_query::aggregate::{ResultOrder, USERS};
use durward_query::{AggregateRequest, AggregateRow, Dimension, DimensionValue, Filter, Reader};
use maud::{Markup, html};

use super::state_of;
use super::tiles::question_of;
use crate::error::ApiError;
use crate::page::entity::spark;
use crate::page::link;
use crate::page::scope::Scope;
use crate::page::state::grouped;

/// Lines of a list.
const LINES: usize = 7;
/// Applications shown at once, and when asked for more.
const APPS: usize = 3;
const APPS_MAX: usize = 10;
/// Weeks of bars of an application.
const WEEKS: usize = 5;
const WEEK_MICROS: i64 = 7 * DAY_MICROS;
/// Combinations of application and week that are looked at.
const COMBINATIONS_MAX: usize = 100_000;

pub(super) fn text(row: &AggregateRow, index: usize) -> &str {
    match row.keys.get(index) {
        Some(DimensionValue::Text(text)) => text,
        _ => "",
    }
}

/// What the explorer finds with some terms.
pub(super) fn filter_of(scope: &Scope, terms: &[&str], now: Timestamp) -> Result<Filter, ApiError> {
    Ok(question_of(&state_of(scope, terms)?, now)?.full_filter())
}

/// A line of a list: what, how many, and where those are.
struct Line {
    name: Markup,
    note: String,
    count: u64,
    href: String,
}

fn list(lines: &[Line], none: &str) -> Markup {
    let most = lines.iter().map(|line| line.count).max().unwrap_or(0);
    html! {
        @if lines.is_empty() { p .none .muted { (none) } }
        ol .top {
            @for line in lines {
                li {
                    span .name { (line.name) @if !line.note.is_empty() {
                        " " span .muted { (line.note) }
                    } }
                    a .number href=(line.href) { (grouped(line.count)) }
                    (spark::share(line.count, most))
                }
            }
        }
    }
}

/// The applications with most sign-ins in thirty days, with their weeks.
pub(super) fn apps(reader: &Reader, scope: &Scope, now: Timestamp) -> Result<Markup, ApiError> {
    let month = scope.at("30d");
    let request = AggregateRequest {
        filter: filter_of(&month, &[], now)?,
        by: vec![
            Dimension::Field(FieldId::AppId),
            Dimension::Field(FieldId::AppDisplayName),
            Dimension::Week,
        ],
        order: ResultOrder::Keys,
        limit: COMBINATIONS_MAX,
        ..AggregateRequest::default()
    };
    let apps = by_app(&reader.aggregate(&request)?, now);
    let most = apps.iter().flat_map(|app| app.weeks).max().unwrap_or(0);
    let (first, more) = apps.split_at(apps.len().min(APPS));
    Ok(html! {
        p .muted .small { "Last 30 days, by week" }
        @if apps.is_empty() { p .none .muted { "No sign-ins in the last 30 days." } }
        ol .top .apps { @for app in first { (app.line(&month, most)) } }
        @if !more.is_empty() {
            details .more {
                summary { (more.len()) " more" }
                ol .top .apps { @for app in more { (app.line(&month, most)) } }
            }
        }
        p .rest { a href=(month.href("/apps", &[])) { "All applications" } }
    })
}

struct App {
    id: String,
    name: String,
    weeks: [u64; WEEKS],
    by_status: [u64; 3],
}

/// Rows by identifier, name and week, put together by identifier; the most frequent ones.
fn by_app(rows: &[AggregateRow], now: Timestamp) -> Vec<App> {
    let mut apps: HashMap<&str, App> = HashMap::new();
    for row in rows.iter().filter(|row| !text(row, 0).is_empty()) {
        let id = text(row, 0);
        let new =
            || App { id: id.to_owned(), name: String::new(), weeks: [0; WEEKS], by_status: [0; 3] };
        let app = apps.entry(id).or_insert_with(new);
        if app.name.is_empty() {
            text(row, 1).clone_into(&mut app.name);
        }
        app.by_status.iter_mut().zip(row.by_status).for_each(|(own, more)| *own += more);
        if let Some(DimensionValue::Time(week)) = row.keys.get(2) {
            // Monday before now is the last week's.
            let back = (now.micros - week.micros).div_euclid(WEEK_MICROS).max(0);
            let back = usize::try_from(back).unwrap_or(WEEKS).min(WEEKS - 1);
            app.weeks[WEEKS - 1 - back] += row.count();
        }
    }
    let mut apps: Vec<App> = apps.into_values().collect();
    apps.sort_by(|a, b| b.total().cmp(&a.total()).then_with(|| a.id.cmp(&b.id)));
    apps.truncate(APPS_MAX);
    apps
}

impl App {
    fn total(&self) -> u64 {
        self.by_status.iter().sum()
    }

    fn line(&self, scope: &Scope, most: u64) -> Markup {
        let failures = self.by_status[Status::Failure as usize];
        let name = if self.name.is_empty() { &self.id } else { &self.name };
        let href = link::signins(scope, None, &[link::is("appId", &self.id)]);
        let weeks = self.weeks.map(|count| spark_height(count, most));
        html! {
            li {
                span .name {
                    a href=(scope.href(&link::app(&self.id), &[])) { (name) }
                    " " span .muted { (spark::percent(failures, self.total())) " failed" }
                }
                span .weeks title=(weeks_in_words(&self.weeks)) { (spark::bars(&weeks)) }
                a .number href=(href) { (grouped(self.total())) }
            }
        }
    }
}

/// Of 1000, so that applications can be compared with each other.
fn spark_height(count: u64, most: u64) -> u64 {
    (count * 1000).checked_div(most).unwrap_or(0)
}

fn weeks_in_words(weeks: &[u64]) -> String {
    let counts: Vec<String> = weeks.iter().map(|count| grouped(*count)).collect();
    format!("By week, the latest last: {}", counts.join(", "))
}

/// The codes that sign-ins did not succeed with.
pub(super) fn codes(reader: &Reader, scope: &Scope, now: Timestamp) -> Result<Markup, ApiError> {
    let request = AggregateRequest {
        filter: filter_of(scope, &["status=failure,interrupted"], now)?,
        by: vec![Dimension::Field(FieldId::ErrorCode)],
        limit: LINES,
        ..AggregateRequest::default()
    };
    let rows = reader.aggregate(&request)?;
    let line = |row: &AggregateRow| {
        let code: i64 = text(row, 0).parse().ok()?;
        let known = errors::lookup(code);
        Some(Line {
            name: html! { a .mono href=(link::error(code)) { (code) } },
            note: known.map_or("not in the list of codes", |known| known.reason).to_owned(),
            count: row.count(),
            href: link::signins(scope, None, &[link::is("status/errorCode", text(row, 0))]),
        })
    };
    let lines: Vec<Line> = rows.iter().filter_map(line).collect();
    Ok(list(&lines, "Nothing failed or was interrupted in this range."))
}

/// Who failed most.
pub(super) fn users(reader: &Reader, scope: &Scope, now: Timestamp) -> Result<Markup, ApiError> {
    let request = AggregateRequest {
        filter: filter_of(scope, &["status=failure", "userId!=\"\""], now)?,
        by: vec![
            Dimension::Field(FieldId::UserId),
            Dimension::Field(FieldId::UserDisplayName),
            Dimension::Field(FieldId::UserPrincipalName),
        ],
        limit: LINES,
        ..AggregateRequest::default()
    };
    let rows = reader.aggregate(&request)?;
    let line = |row: &AggregateRow| {
        let [id, name, upn] = [0, 1, 2].map(|index| text(row, index));
        let shown = [name, upn, id].into_iter().find(|text| !text.is_empty()).unwrap_or(id);
        Line {
            name: html! { a href=(scope.href(&link::user(id), &[])) { (shown) } },
            note: if shown == upn { String::new() } else { upn.to_owned() },
            count: row.count(),
            href: link::signins(
                scope,
                None,
                &["status=failure".to_owned(), link::is("userId", id)],
            ),
        }
    };
    let lines: Vec<Line> = rows.iter().map(line).collect();
    Ok(list(&lines, "No user failed to sign in in this range."))
}

fn users_of(count: u64) -> String {
    format!("{} {}", grouped(count), if count == 1 { "user" } else { "users" })
}

/// Sign-ins by protocols that know no second factor.
pub(super) fn legacy(reader: &Reader, scope: &Scope, now: Timestamp) -> Result<Markup, ApiError> {
    let request = AggregateRequest {
        filter: filter_of(scope, &["client:legacy"], now)?,
        by: vec![Dimension::Field(FieldId::ClientAppUsed)],
        distinct: USERS.to_vec(),
        limit: LINES,
        ..AggregateRequest::default()
    };
    let rows = reader.aggregate(&request)?;
    let line = |row: &AggregateRow| {
        let client = text(row, 0);
        let succeeded = row.by_status[Status::Success as usize];
        Line {
            name: html! { (client) },
            note: format!("{} succeeded · {}", grouped(succeeded), users_of(row.distinct)),
            count: row.count(),
            href: link::signins(scope, None, &[link::is("clientAppUsed", client)]),
        }
    };
    let lines: Vec<Line> = rows.iter().map(line).collect();
    Ok(html! {
        (list(&lines, "No sign-ins by legacy protocols in this range."))
        @if !lines.is_empty() {
            p .rest {
                a href=(link::signins(scope, None, &["client:legacy".to_owned()])) { "All of them" }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_of_an_application_are_put_together() {
        let now = Timestamp::from_micros(1_772_452_800_000_000);
        let row = |id: &str, weeks_ago: i64, count: u64| AggregateRow {
            keys: vec![
                DimensionValue::Text(id.to_owned()),
                DimensionValue::Text(format!("App {id}")),
                DimensionValue::Time(Timestamp::from_micros(now.micros - weeks_ago * WEEK_MICROS)),
            ],
            by_status: [count, 1, 0],
            distinct: 0,
            first: None,
            last: None,
        };
        let rows = [row("a", 0, 4), row("a", 3, 9), row("b", 1, 99), row("", 0, 1000)];
        let apps = by_app(&rows, now);
        let ids: Vec<&str> = apps.iter().map(|app| app.id.as_str()).collect();
        assert_eq!(ids, ["b", "a"], "those without an identifier are none");
        assert_eq!(apps[1].weeks, [0, 10, 0, 0, 5]);
        assert_eq!((apps[1].name.as_str(), apps[1].total()), ("App a", 15));
    }
}
