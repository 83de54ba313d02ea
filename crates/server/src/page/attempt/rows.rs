//! The explorer's list by attempts: one row for what one person did to get in once.
//!
//! A page is made from the newest events that the filter finds, so it takes as long whatever the
//! size of the log. An attempt stands where its newest match stands; its story is told with all
//! of its requests, also those that the filter does not find.

use durward_model::time::HOUR_MICROS;
use durward_model::{Event, FieldId, Timestamp};
use durward_query::{Filter, ListRequest, Op, Order, Reader, Value};
use maud::{Markup, html};

use crate::error::ApiError;
use crate::question::Question;

use super::super::state::State;
use super::super::{link, words};
use super::story::{self, Attempt, Request};
use super::{is_one_of, lasting, marks};

/// Rows of a page.
const PAGE_ROWS: usize = 50;
/// Events looked at in one go, and for one page at most.
const BATCH: usize = 200;
const SCANNED_MAX: usize = 2000;
/// Requests of all attempts of a page at most.
const REQUESTS_MAX: usize = 3000;
/// Values of a cell that are named on hover at most.
const NAMED_MAX: usize = 20;
/// How far from the page's events other requests of their attempts are looked for.
const NEAR_MICROS: i64 = HOUR_MICROS;

/// One page of attempts.
#[derive(Clone, Debug, Default)]
pub(in crate::page) struct Rows {
    attempts: Vec<(String, Attempt)>,
    /// Where the next page begins: so many matches come before it.
    next: Option<u64>,
    /// Some stories are told without all of their requests.
    is_cut: bool,
}

impl Rows {
    /// How many rows the page has.
    pub(in crate::page) fn len(&self) -> usize {
        self.attempts.len()
    }
}

/// What holds an attempt together: the correlation identifier, or where there is none the
/// request's own.
fn key(event: &Event) -> String {
    let correlation = event.cell(FieldId::CorrelationId).to_string();
    if correlation.is_empty() { event.cell(FieldId::Id).to_string() } else { correlation }
}

/// Looks up one page.
pub(in crate::page) fn look(
    reader: &Reader,
    state: &State,
    question: &Question,
    _now: Timestamp,
) -> Result<Rows, ApiError> {
    let (found, next) = matches(reader, question, state.at)?;
    let (Some(first), Some(last)) = (found.first(), found.last()) else {
        return Ok(Rows { next, ..Rows::default() });
    };
    let mut keys: Vec<String> = Vec::new();
    for key in found.iter().map(key) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    if state.at > 0 {
        let earlier = already_shown(reader, question, &found, &keys)?;
        keys.retain(|key| !earlier.contains(key));
    }
    let micros = |event: &Event| event.row().created.micros;
    let near = Filter::between(
        Timestamp::from_micros(micros(last).saturating_sub(NEAR_MICROS)),
        Timestamp::from_micros(micros(first).saturating_add(NEAR_MICROS)),
    );
    let filter =
        near.and(is_one_of(FieldId::CorrelationId, &keys)).and(state.scope.tenant_filter());
    let (mut events, is_cut) = super::newest(reader, filter, REQUESTS_MAX)?;
    let ids = |event: &Event| event.cell(FieldId::Id).to_string();
    let have: std::collections::HashSet<String> = events.iter().map(ids).collect();
    events.extend(found.into_iter().filter(|event| !have.contains(&ids(event))));
    let mut by_key: std::collections::HashMap<String, Vec<Request>> = Default::default();
    for event in &events {
        by_key.entry(key(event)).or_default().push(Request::of(event));
    }
    let fold = |key: String| story::fold(by_key.remove(&key)?).map(|attempt| (key, attempt));
    Ok(Rows { attempts: keys.into_iter().filter_map(fold).collect(), next, is_cut })
}

/// The matches of one page from so many on, and where the next page begins.
fn matches(
    reader: &Reader,
    question: &Question,
    offset: u64,
) -> Result<(Vec<Event>, Option<u64>), ApiError> {
    let mut request = ListRequest {
        filter: question.full_filter(),
        logs: question.logs.clone(),
        order: Order::NewestFirst,
        limit: BATCH,
        after: None,
    };
    let mut page = reader.page_at(&request, offset)?;
    let mut keys: Vec<String> = Vec::new();
    let mut found = Vec::new();
    loop {
        for event in reader.events(&page.rows)? {
            let key = key(&event);
            if !keys.contains(&key) {
                if keys.len() == PAGE_ROWS {
                    let next = offset + found.len() as u64;
                    return Ok((found, Some(next)));
                }
                keys.push(key);
            }
            found.push(event);
        }
        let Some(next) = page.next else { return Ok((found, None)) };
        if found.len() >= SCANNED_MAX {
            let next = offset + found.len() as u64;
            return Ok((found, Some(next)));
        }
        request.after = Some(next);
        page = reader.list(&request)?;
    }
}

/// Attempts of the page that have a newer match, which stands on an earlier page.
fn already_shown(
    reader: &Reader,
    question: &Question,
    found: &[Event],
    keys: &[String],
) -> Result<Vec<String>, ApiError> {
    let Some(first) = found.first() else { return Ok(Vec::new()) };
    let since = Op::Ge(Value::Time(first.row().created));
    let request = ListRequest {
        filter: question
            .full_filter()
            .and(is_one_of(FieldId::CorrelationId, keys))
            .and(Filter::field(FieldId::CreatedDateTime, since)),
        logs: question.logs.clone(),
        order: Order::OldestFirst,
        limit: SCANNED_MAX,
        after: None,
    };
    let newer = reader.events(&reader.list(&request)?.rows)?;
    let same = |a: &Event, b: &Event| a.row().id == b.row().id && a.row().log == b.row().log;
    let is_earlier = |event: &&Event| !found.iter().any(|other| same(event, other));
    Ok(newer.iter().filter(is_earlier).map(key).collect())
}

/// The table.
pub(in crate::page) fn render(state: &State, rows: &Rows, now: Timestamp) -> Markup {
    html! {
        div .scroll tabindex="-1" {
            table .list .attempts {
                thead {
                    tr {
                        th scope="col" { "Started (" span .zone { "UTC" } ")" }
                        th scope="col" { "User" }
                        th scope="col" { "Application" }
                        th scope="col" { "Story" }
                        th scope="col" { "Final status" }
                        th scope="col" .number { "Requests" }
                        th scope="col" .number { "Duration" }
                        th scope="col" { "IP address" }
                    }
                }
                tbody {
                    @for (key, attempt) in &rows.attempts { (row(key, attempt, now)) }
                }
            }
        }
        @if rows.is_cut {
            p .muted .remark {
                "Some of these attempts have more requests than fit here; their pages have all."
            }
        }
        @if state.at > 0 || rows.next.is_some() {
            nav .attempts-pages aria-label="Pages" {
                @if state.at > 0 {
                    a .button href=(state.with(|_| ()).href()) { "Newest" }
                }
                @if let Some(next) = rows.next {
                    a .button rel="next" href=(state.with(|state| state.at = next).href()) {
                        "Older ▶"
                    }
                }
            }
        }
    }
}

fn row(key: &str, attempt: &Attempt, now: Timestamp) -> Markup {
    let status = words::status_class(attempt.verdict.status);
    html! {
        tr .row .(status) {
            td { a href=(link::attempt(key)) { (words::time(attempt.started(), now)) } }
            td { (first(attempt.users.iter().map(|user| user.named.label()))) }
            td { (first(attempt.apps.iter().map(story::Named::label))) }
            td { (marks::render(&attempt.story)) }
            td {
                (words::pill(attempt.verdict.status))
                " " span .muted { (attempt.verdict.title) }
            }
            td .number { (attempt.requests.len()) }
            td .number {
                @match attempt.requests.len() {
                    1 => "–",
                    _ => (lasting(attempt.duration_micros())),
                }
            }
            td .mono { (first(attempt.ips.iter().map(String::as_str))) }
        }
    }
}

/// The first of several, and how many more there are.
fn first<'t>(all: impl Iterator<Item = &'t str>) -> Markup {
    let all: Vec<&str> = all.collect();
    let title = all[..all.len().min(NAMED_MAX)].join(", ");
    html! {
        @if let Some((first, rest)) = all.split_first() {
            span .clip title=(title) { (first) }
            @if !rest.is_empty() { span .muted { " +" (rest.len()) } }
        }
    }
}
