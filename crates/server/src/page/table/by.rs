//! One line a value of a field: how many sign-ins, by how many users, how they went, and when.

use std::collections::HashMap;

use durward_model::columns::{Column, Derived, Source, text};
use durward_model::errors::Status;
use durward_model::time::DAY_MICROS;
use durward_model::{FieldId, Kind, Log, Timestamp};
use durward_query::aggregate::USERS;
use durward_query::{
    AggregateRequest, AggregateRow, Dimension, DimensionValue, Expr, Filter, Op, Property,
    QueryError, Reader, Value,
};
use maud::{Markup, html};

use super::super::charts;
use super::super::entity::spark::{bars, percent};
use super::super::state::{State, grouped};
use super::super::words;
use super::{Refused, cell};
use crate::error::ApiError;
use crate::question::Question;

/// Bars of a drawing at most.
const BARS_MAX: i64 = 48;

/// One value.
#[derive(Clone, Debug)]
struct Line {
    value: DimensionValue,
    row: AggregateRow,
    /// Sign-ins by spans of time.
    bars: Vec<u64>,
}

/// One page of values.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    lines: Vec<Line>,
    pub(super) has_more: bool,
    /// What a bar stands for.
    bin: &'static str,
}

impl Found {
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }
}

/// What sign-ins are counted by; `None` where they cannot be.
pub(super) fn dimension(column: &Column) -> Option<Dimension> {
    match column.source {
        Source::Derived(Derived::Status) => Some(Dimension::Status),
        Source::Derived(Derived::Log) => Some(Dimension::Log),
        Source::Derived(_) => None,
        Source::Field(FieldId::CreatedDateTime) => Some(Dimension::DAY),
        Source::Field(field) => {
            (field.group().is_some() && !column.kind.is_json()).then_some(Dimension::Field(field))
        }
    }
}

/// Whose different ones are counted, and what they are called.
fn whom(log: Option<Log>) -> (Vec<FieldId>, &'static str) {
    match log {
        Some(Log::ServicePrincipal | Log::ManagedIdentity) => {
            (vec![FieldId::ServicePrincipalId, FieldId::ServicePrincipalName], "Principals")
        }
        _ => (USERS.to_vec(), "Users"),
    }
}

/// Looks up so many values from the state's first on.
pub(super) fn look(
    reader: &Reader,
    state: &State,
    question: &Question,
    column: &Column,
    limit: usize,
) -> Result<Result<Found, Refused>, ApiError> {
    let Some(by) = dimension(column) else {
        return Ok(Err(Refused::new(format!(
            "Sign-ins cannot be grouped by {}: it has a value of its own for almost every one",
            column.label
        ))));
    };
    let request = AggregateRequest {
        filter: question.full_filter(),
        logs: question.logs.clone(),
        by: vec![by],
        distinct: whom(state.tab.0).0,
        limit: limit + 1,
        offset: usize::try_from(state.at).unwrap_or(usize::MAX),
        times: true,
        ..AggregateRequest::default()
    };
    let mut rows = match reader.aggregate(&request) {
        Ok(rows) => rows,
        Err(QueryError::Hidden { right, .. }) => {
            let message = format!("Grouping by {} needs the right to see {right}", column.label);
            return Ok(Err(Refused::new(message)));
        }
        Err(error) => return Err(error.into()),
    };
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let (bars, bin) = bars_of(reader, question, by, column.kind, &rows)?;
    let line = |(mut row, bars): (AggregateRow, Vec<u64>)| {
        let value = row.keys.pop()?;
        Some(Line { value, row, bars })
    };
    let lines = rows.into_iter().zip(bars).filter_map(line).collect();
    Ok(Ok(Found { lines, has_more, bin }))
}

/// Sign-ins of each row by spans of time, and what a span is called.
fn bars_of(
    reader: &Reader,
    question: &Question,
    by: Dimension,
    kind: Kind,
    rows: &[AggregateRow],
) -> Result<(Vec<Vec<u64>>, &'static str), ApiError> {
    let first = rows.iter().filter_map(|row| row.first).min();
    let last = rows.iter().filter_map(|row| row.last).max();
    let (Some(first), Some(last)) = (first, last) else { return Ok((Vec::new(), "")) };
    let from = question.from.unwrap_or(first).micros.max(first.micros - DAY_MICROS);
    let to = last.micros.max(from);
    let (bin_micros, bin) = charts::bin_of(to - from + 1, BARS_MAX);
    let start = from.div_euclid(bin_micros);
    let bins = usize::try_from(to.div_euclid(bin_micros) - start + 1).unwrap_or(1);
    let keys = || rows.iter().filter_map(|row| row.keys.first());
    let request = AggregateRequest {
        filter: question.full_filter().and(any_of(by, kind, keys())),
        logs: question.logs.clone(),
        by: vec![by, Dimension::Span(bin_micros)],
        limit: rows.len().saturating_mul(bins),
        ..AggregateRequest::default()
    };
    let numbers: HashMap<String, usize> = keys().map(name_of).zip(0..).collect();
    let mut bars = vec![vec![0; bins]; rows.len()];
    for row in reader.aggregate(&request)? {
        let [value, DimensionValue::Time(time)] = row.keys.as_slice() else { continue };
        let bar = usize::try_from(time.micros.div_euclid(bin_micros) - start).unwrap_or(0);
        if let Some(&number) = numbers.get(&name_of(value))
            && let Some(bar) = bars[number].get_mut(bar)
        {
            *bar += row.count();
        }
    }
    Ok((bars, bin))
}

/// Only sign-ins with one of some values.
fn any_of<'a>(
    by: Dimension,
    kind: Kind,
    values: impl Iterator<Item = &'a DimensionValue>,
) -> Filter {
    let property = match by {
        Dimension::Field(field) => Property::Field(field),
        // There are few of the others.
        _ => return Filter::All,
    };
    let mut wanted = Vec::new();
    for value in values {
        let text = name_of(value);
        wanted.push(match kind {
            _ if text.is_empty() => Value::Null,
            Kind::Int => text.parse().map_or(Value::Null, Value::Int),
            Kind::Float => text.parse().map_or(Value::Null, Value::Float),
            Kind::Bool => Value::Bool(text == "true"),
            _ => Value::Text(text),
        });
    }
    Expr::test_or_empty(property, Op::In(wanted))
}

/// The value as a filter writes it.
fn name_of(value: &DimensionValue) -> String {
    match value {
        DimensionValue::Text(text) => text.clone(),
        DimensionValue::Status(status) => status.name().to_owned(),
        DimensionValue::Log(log) => log.name().to_owned(),
        DimensionValue::Time(time) => time.to_rfc3339(),
    }
}

/// The list of the sign-ins with a value.
pub(super) fn narrowed(state: &State, column: &Column, value: &str) -> State {
    let mut narrow = match day_of(column, value) {
        Some(from) => state.with(|state| {
            state.scope = state.scope.between(from, from.saturating_add(DAY_MICROS));
        }),
        None => {
            let name = if column.name == "log" { "type" } else { column.name };
            state.and(&cell::Terms::of(name, value).is)
        }
    };
    (narrow.by, narrow.sort) = (None, None);
    narrow
}

/// The beginning of the day that a line of a list by days stands for, µs.
fn day_of(column: &Column, value: &str) -> Option<i64> {
    let is_time = matches!(column.source, Source::Field(FieldId::CreatedDateTime));
    let time = crate::params::instant(value, Timestamp::default()).filter(|_| is_time)?;
    Some(time.micros)
}

/// The headings.
pub(super) fn head(state: &State, column: &Column, found: &Found) -> Markup {
    html! {
        thead {
            tr aria-rowindex="1" {
                th scope="col" data-column="value" { (column.label_in(state.tab.0)) }
                th .number scope="col" aria-sort="descending" data-column="count" {
                    "# sign-ins ▾"
                }
                th .number scope="col" data-column="users" { (whom(state.tab.0).1) }
                th .number scope="col" data-column="success" { "Success" }
                th scope="col" data-column="first" { "First (" span .zone { "UTC" } ")" }
                th scope="col" data-column="last" { "Last (" span .zone { "UTC" } ")" }
                th scope="col" data-column="over-time" {
                    "Over time" @if !found.bin.is_empty() { span .muted { " · " (found.bin) } }
                }
            }
        }
    }
}

/// The lines, the first one's number given.
pub(super) fn body(
    state: &State,
    column: &Column,
    found: &Found,
    first: u64,
    now: Timestamp,
) -> Markup {
    html! {
        @for (line, index) in found.lines.iter().zip(first..) {
            @let value = name_of(&line.value);
            @let count = line.row.count();
            @let narrow = narrowed(state, column, &value);
            @let shown = shown(column, &line.value);
            @let events = state.with(|_| ()).href_of("/signins/members", &[("value", &value)]);
            tr .row .line aria-rowindex=(index + 2) {
                td {
                    a .expand aria-expanded="false" aria-label=(format!("Sign-ins: {shown}"))
                        href=(events) { "▸" }
                    " "
                    a .open-list href=(narrow.href()) .clip title=(shown) { (shown) }
                }
                td .number { b { (grouped(count)) } }
                td .number { (grouped(line.row.distinct)) }
                td .number { (percent(line.row.by_status[Status::Success as usize], count)) }
                td { (time(line.row.first, now)) }
                td { (time(line.row.last, now)) }
                td { (bars(&line.bars)) }
            }
        }
    }
}

fn time(time: Option<Timestamp>, now: Timestamp) -> Markup {
    html! { @if let Some(time) = time { (words::time(time, now)) } }
}

/// The value in words.
fn shown(column: &Column, value: &DimensionValue) -> String {
    match value {
        DimensionValue::Text(text) if text.is_empty() => "(no value)".to_owned(),
        DimensionValue::Text(text) => match column.kind {
            Kind::Enum(members) => text::member_label(members, text),
            Kind::Bool => (if text == "true" { "Yes" } else { "No" }).to_owned(),
            _ => match text.parse().ok().filter(|_| column.name == "status/errorCode") {
                Some(code) => coded(code),
                None => text.clone(),
            },
        },
        DimensionValue::Status(status) => status.name().to_owned(),
        DimensionValue::Log(log) => text::log_label(*log).to_owned(),
        DimensionValue::Time(time) => time.to_rfc3339().get(..10).unwrap_or_default().to_owned(),
    }
}

/// An error code and what it means.
fn coded(code: i64) -> String {
    match durward_model::errors::lookup(code) {
        Some(known) if code != 0 && !known.name.is_empty() => format!("{code} {}", known.name),
        _ => code.to_string(),
    }
}
