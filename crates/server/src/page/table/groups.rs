//! Identical sign-ins of a window of time as one row, with when they were.

use std::collections::HashMap;

use durward_model::columns::{self, Column};
use durward_model::{Cell, Event, FieldId, Log, Timestamp};
use durward_query::group::GroupRow;
use durward_query::{
    Filter, GroupPosition, GroupRequest, Grouping, ListRequest, Op, QueryError, Reader, Value,
    Window, cursor, fold,
};
use maud::{Markup, html};

use super::super::state::{State, grouped};
use super::super::words;
use super::row::{self, Frame};
use super::{Refused, cell, rhythm};
use crate::error::ApiError;
use crate::question::Question;

/// Groups that are sorted by their number of sign-ins at most.
const SORTED_MAX: usize = 20_000;
/// Members of one group, and of all groups of a page, whose times are drawn at most.
const MEMBERS_DRAWN_MAX: u64 = 200;
const DRAWN_MAX: usize = 5000;

/// A group as it is shown.
#[derive(Clone, Debug)]
struct Group {
    row: GroupRow,
    /// The latest member.
    newest: Event,
    /// When its members were, µs, where there are few enough to draw.
    times: Vec<i64>,
}

/// One page of groups.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    groups: Vec<Group>,
    /// Where the next page begins.
    pub(super) next: Option<String>,
    /// The same, where pages begin at a number.
    pub(super) has_more: bool,
}

impl Found {
    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }
}

/// The grouping of a state; `None` where sign-ins are shown one by one.
pub(super) fn grouping(state: &State) -> Option<(Grouping, Window)> {
    Some((Grouping::of_log(state.tab.0?)?, state.window?))
}

/// Tells one list of groups from another.
fn question_of(state: &State) -> u64 {
    let question = state.with(|state| {
        state.as_of = None;
        state.columns = None;
    });
    cursor::question(&["groups", &question.href()])
}

/// Looks up so many groups from the state's place on.
pub(super) fn look(
    reader: &Reader,
    state: &State,
    question: &Question,
    (grouping, window): (Grouping, Window),
    limit: usize,
) -> Result<Result<Found, Refused>, ApiError> {
    let hash = question_of(state);
    let after = state.after.as_deref().map(|token| GroupPosition::from_token(token, hash));
    let after = after.transpose().map_err(QueryError::from)?;
    let filter = question.full_filter();
    let mut request = GroupRequest { grouping, window, filter, limit, after };
    let mut found = Found::default();
    let rows = if state.sort.is_some_and(|sort| sort.column.name == "count") {
        (request.limit, request.after) = (SORTED_MAX, None);
        let page = reader.groups(&request)?;
        if page.next.is_some() {
            return Ok(Err(Refused::new(format!(
                "At most {} groups are sorted by their number of sign-ins, and there are more",
                grouped(SORTED_MAX as u64)
            ))));
        }
        let mut rows = page.rows;
        let descending = state.sort.is_some_and(|sort| sort.descending);
        // Equal ones keep their order.
        rows.sort_by_key(|row| if descending { -(row.count as i64) } else { row.count as i64 });
        let first = usize::try_from(state.at).unwrap_or(usize::MAX).min(rows.len());
        found.has_more = rows.len() - first > limit;
        rows.into_iter().skip(first).take(limit).collect()
    } else {
        let page = reader.groups(&request)?;
        found.next = page.next.map(|next| next.to_token(hash));
        page.rows
    };
    let newest: Vec<_> = rows.iter().map(|row| row.newest).collect();
    let times = times(reader, question, &rows)?;
    let events = reader.events(&newest)?;
    let groups = rows.into_iter().zip(events).zip(times);
    found.groups = groups.map(|((row, newest), times)| Group { row, newest, times }).collect();
    Ok(Ok(found))
}

/// When the members of groups were. One list of all that may be members, taken apart by the
/// values that groups have in common; empty for groups that it does not have all members of.
fn times(
    reader: &Reader,
    question: &Question,
    rows: &[GroupRow],
) -> Result<Vec<Vec<i64>>, ApiError> {
    let mut times: Vec<Vec<i64>> = vec![Vec::new(); rows.len()];
    let mut budget = DRAWN_MAX as u64;
    let drawn: Vec<usize> = (0..rows.len())
        .filter(|&index| {
            let count = rows[index].count;
            let fits = (2..=MEMBERS_DRAWN_MAX).contains(&count) && count <= budget;
            if fits {
                budget -= count;
            }
            fits
        })
        .collect();
    let Some(filter) = superset(rows, &drawn) else { return Ok(times) };
    let request = ListRequest {
        filter: question.full_filter().and(filter),
        logs: question.logs.clone(),
        order: question.order,
        limit: 2 * DRAWN_MAX,
        after: None,
    };
    let page = reader.list(&request)?;
    let mut by_first: HashMap<(FieldId, String), Vec<usize>> = HashMap::new();
    for &index in &drawn {
        if let Some(first) = rows[index].key.values.first() {
            let text = fold::fold(&first.text).into_owned();
            by_first.entry((first.field, text)).or_default().push(index);
        }
    }
    let mut fields: Vec<FieldId> = by_first.keys().map(|(field, _)| *field).collect();
    fields.sort_unstable();
    fields.dedup();
    for event in reader.events(&page.rows)? {
        let candidates = fields.iter().filter_map(|&field| {
            let cell = event.cell(field);
            let text = if is_zeros(&cell) { "" } else { cell.as_text().unwrap_or_default() };
            by_first.get(&(field, fold::fold(text).into_owned()))
        });
        if let Some(&index) = candidates.flatten().find(|&&index| is_member(&rows[index], &event)) {
            times[index].push(event.row().created.micros);
        }
    }
    for (row, times) in rows.iter().zip(&mut times) {
        if times.len() as u64 != row.count {
            times.clear();
        }
    }
    Ok(times)
}

/// What members of some groups fulfil, and not many others.
fn superset(rows: &[GroupRow], drawn: &[usize]) -> Option<Filter> {
    let groups = || drawn.iter().map(|&index| &rows[index]);
    let first = groups().map(|row| row.first).min()?;
    let last = groups().map(|row| row.last.micros).max()?;
    let mut filter = Filter::between(first, Timestamp::from_micros(last.saturating_add(1)));
    let parts = groups().map(|row| row.key.values.len()).max().unwrap_or(0);
    for part in 0..parts {
        let values: Vec<_> = groups().filter_map(|row| row.key.values.get(part)).collect();
        let field = values.first()?.field;
        if values.iter().any(|value| value.field != field || value.text.is_empty()) {
            continue;
        }
        let mut texts: Vec<&str> = values.iter().map(|value| &*value.text).collect();
        texts.sort_unstable();
        texts.dedup();
        let texts = texts.into_iter().map(|text| Value::Text(text.to_owned())).collect();
        filter = filter.and(Filter::field(field, Op::In(texts)));
    }
    Some(filter)
}

fn is_member(row: &GroupRow, event: &Event) -> bool {
    let start = row.key.start_micros;
    let window = start..start.saturating_add(row.key.window_micros);
    window.contains(&event.row().created.micros)
        && durward_model::graph::status(event) == Some(row.key.status)
        && row.key.values.iter().all(|value| is_same(event, value.field, &value.text))
}

fn is_same(event: &Event, field: FieldId, text: &str) -> bool {
    let cell = event.cell(field);
    let own = cell.as_text().unwrap_or_default();
    // An identifier of zeros stands for none.
    own == text || fold::fold(own) == fold::fold(text) || (text.is_empty() && is_zeros(&cell))
}

fn is_zeros(cell: &Cell<'_>) -> bool {
    cell.as_text().is_some_and(|text| text.bytes().all(|byte| byte == b'0' || byte == b'-'))
}

/// The columns of a list of groups: those of the list, and how many sign-ins there are.
pub(super) fn with_count(mut shown: Vec<&'static Column>) -> Vec<&'static Column> {
    let count = columns::by_name("count");
    if !shown.iter().any(|column| column.name == "count") {
        shown.extend(count);
    }
    shown
}

/// The rows of groups, the first one's number given.
pub(super) fn body(frame: &Frame<'_>, found: &Found, first: u64) -> Markup {
    html! {
        @for (group, index) in found.groups.iter().zip(first..) { (group_row(frame, group, index)) }
    }
}

fn group_row(frame: &Frame<'_>, group: &Group, index: u64) -> Markup {
    if group.row.count == 1 {
        return row::row(frame, &group.newest, Some(index));
    }
    let class = words::status_class(group.row.key.status);
    let key = group.row.key.to_token();
    html! {
        tr .row .group .(class) aria-rowindex=(index + 2) aria-selected="false"
            data-id=(group.newest.cell(FieldId::Id)) {
            td .pick {}
            @for (number, column) in frame.columns.iter().enumerate() {
                @let class = frame.class(number);
                td class=[(!class.is_empty()).then_some(class)] {
                    @if number == 0 { (expander(frame, group, &key)) }
                    @match column.name {
                        "createdDateTime" => (span_of(group, frame.now)),
                        "count" => b { (grouped(group.row.count)) },
                        _ => (cell::show(column, &group.newest, frame.now)),
                    }
                }
            }
        }
    }
}

/// What shows the members: below the group, or on a page of their own.
fn expander(frame: &Frame<'_>, group: &Group, key: &str) -> Markup {
    let state = frame.state.with(|_| ());
    let href = state.href_of("/signins/members", &[("key", key)]);
    html! {
        a .expand href=(href) aria-expanded="false"
            aria-label=(format!("{} sign-ins of this group", grouped(group.row.count))) { "▸" }
        " "
    }
}

/// First and last, and how the members lie between the ends of the window.
fn span_of(group: &Group, now: Timestamp) -> Markup {
    let key = &group.row.key;
    html! {
        span .span {
            (words::time(group.row.first, now)) " – " (last_of(group, now))
        }
        (rhythm::strip(&group.times, key.start_micros, key.window_micros))
    }
}

/// The last member's time, without the day where it is the first one's.
fn last_of(group: &Group, now: Timestamp) -> Markup {
    let [first, last] = [group.row.first, group.row.last].map(Timestamp::to_rfc3339);
    if first.get(..10) != last.get(..10) {
        return words::time(group.row.last, now);
    }
    let short = last.get(11..19).unwrap_or(&last);
    html! { time datetime=(last) title=(last) data-short="true" { (short) } }
}

/// Does the tab have groups? Why not, then.
pub(super) fn reason_without(log: Option<Log>) -> Option<&'static str> {
    match log {
        None => Some("Sign-ins are aggregated within one type: choose a tab"),
        Some(log) if Grouping::of_log(log).is_none() => {
            Some("Interactive sign-ins are not aggregated")
        }
        Some(_) => None,
    }
}
