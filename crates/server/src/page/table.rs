//! The list: one row a sign-in, a group of them, or a value that they have.
//!
//! The page has the rows of one block. Without script its links lead to the blocks around it; the
//! script fetches them while the list is scrolled (see [`block`]) and keeps a few of them, so that
//! lists of any length are one. The first page fixes what had been received by then, and blocks
//! are asked for as of that moment, so that new sign-ins move no row.

mod block;
mod by;
mod cell;
mod choose;
mod controls;
mod events;
mod groups;
mod head;
mod menu;
mod rhythm;
mod row;

use axum::http::Method;
use axum::routing::get;
use durward_journal::Action;
use durward_model::columns::Column;
use durward_model::{Event, Log, Timestamp};
use durward_query::Reader;
use maud::{Markup, html};

use crate::error::ApiError;
use crate::openapi::Parameter;
use crate::question::Question;
use crate::routes::{Endpoint, endpoint, read_others};

use super::risk::marks::{self, Marks};
use super::state::State;
use super::{explorer_parameters, page_of};
use row::Frame;

pub(super) use choose::columns_button;
pub(super) use controls::group_controls;

/// Rows of a block, and of a page.
const BLOCK_ROWS: usize = 100;

/// Columns that say something only where home and resource tenant differ.
const CROSS_TENANT: [&str; 3] = ["crossTenantAccessType", "homeTenantId", "resourceTenantId"];

pub(super) fn endpoints() -> Vec<Endpoint> {
    let with_state = |more: &[(&'static str, &'static str)]| {
        let mut all = explorer_parameters();
        all.extend(more.iter().map(|(name, what)| Parameter::query(name, what)));
        all
    };
    let show = ("show", "Columns of the list that the rows belong to, by commas");
    let frozen = ("frozen", "true: links in the rows keep asof");
    let rows = page_of("Rows of the explorer's list").parameters(&with_state(&[show, frozen]));
    let members = page_of("The sign-ins that a group or a value stands for");
    let key = ("key", "A group");
    let value = ("value", "A value of the column in 'by'");
    let choose = [
        ("choose", "A column; as often as there are"),
        ("up", "A column to move up"),
        ("down", "A column to move down"),
        ("apply", "1: to the list with these columns"),
    ];
    let columns = page_of("Columns of the explorer's list").parameters(&with_state(&choose));
    let cell = [
        ("id", "Request ID"),
        ("column", "Name of the column"),
        ("with", "Request ID of a sign-in to compare with"),
    ];
    let cell = page_of("What can be done with one value").parameters(&with_state(&cell));
    vec![
        endpoint(Method::GET, "/signins/rows", read_others(Action::List), get(block::rows), rows),
        endpoint(
            Method::GET,
            "/signins/members",
            read_others(Action::List),
            get(block::members),
            members.parameters(&with_state(&[show, frozen, key, value])),
        ),
        endpoint(
            Method::GET,
            "/signins/columns",
            (read_others(Action::List).0, None),
            get(choose::show),
            columns,
        ),
        endpoint(Method::GET, "/signins/cell", read_others(Action::Read), get(menu::show), cell),
    ]
}

/// Why there is no list, where another question would have one.
#[derive(Clone, Debug)]
struct Refused(String);

impl Refused {
    fn new(message: String) -> Refused {
        Refused(message)
    }

    fn message(&self) -> String {
        format!("{}; narrow the range or the filter, or list by date", self.0)
    }
}

/// What the rows are.
#[derive(Clone, Debug)]
enum What {
    Events(Vec<Event>),
    Groups(groups::Found),
    Values(by::Found),
}

impl What {
    fn len(&self) -> usize {
        match self {
            What::Events(events) => events.len(),
            What::Groups(found) => found.len(),
            What::Values(found) => found.len(),
        }
    }

    /// What was found about the sign-ins that rows stand for.
    fn found(&self, marks: &Marks) -> Result<marks::Found, ApiError> {
        match self {
            What::Events(events) => marks.look(events),
            _ => Ok(marks::Found::new()),
        }
    }

    /// Where the next page of groups begins.
    fn next(&self) -> Option<&str> {
        match self {
            What::Groups(found) => found.next.as_deref(),
            _ => None,
        }
    }

    /// Are there more of what has no known number?
    fn has_more(&self) -> bool {
        match self {
            What::Events(_) => false,
            What::Groups(found) => found.has_more || found.next.is_some(),
            What::Values(found) => found.has_more,
        }
    }
}

/// One page of the list.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    what: Result<What, Refused>,
    columns: Vec<&'static Column>,
    /// How many sign-ins there are in all.
    total: u64,
    /// What had been received by then is in the list.
    as_of: Timestamp,
    /// What was found about its sign-ins.
    found: marks::Found,
}

impl Rows {
    /// How many rows the page has.
    pub(super) fn len(&self) -> usize {
        self.what.as_ref().map_or(0, What::len)
    }

    /// How many rows the list has, where that is known.
    fn known(&self) -> Option<u64> {
        match self.what.as_ref().ok()? {
            What::Events(_) => Some(self.total),
            _ => None,
        }
    }
}

/// The columns to show: those that are chosen, or of those that are usual the ones that say
/// something. `crosses`: is any of the sign-ins about another tenant?
fn shown(state: &State, crosses: bool) -> Vec<&'static Column> {
    let mut columns = state.columns();
    let is_grouped = groups::grouping(state).is_some();
    if state.columns.is_none() {
        columns.retain(|column| {
            (crosses || !CROSS_TENANT.contains(&column.name))
                && (is_grouped || column.name != "count")
        });
    }
    if is_grouped { groups::with_count(columns) } else { columns }
}

/// Looks up one page of the list.
pub(super) fn look(
    reader: &Reader,
    state: &State,
    question: &Question,
    total: u64,
    now: Timestamp,
    marks: &Marks,
) -> Result<Rows, ApiError> {
    let what = find(reader, state, question)?;
    let found = match &what {
        Ok(what) => what.found(marks)?,
        Err(_) => marks::Found::new(),
    };
    let by_default = state.columns.is_none() && state.by.is_none();
    let may_cross = by_default && state.tab.0 == Some(Log::InteractiveUser);
    let crosses = match &what {
        Ok(What::Events(events)) if may_cross => {
            events.iter().any(row::crosses_tenants) || events::crosses_tenants(reader, question)?
        }
        _ => false,
    };
    let columns = shown(state, crosses);
    Ok(Rows { what, columns, total, as_of: state.as_of.unwrap_or(now), found })
}

/// One block of rows, as the state asks for them.
fn find(
    reader: &Reader,
    state: &State,
    question: &Question,
) -> Result<Result<What, Refused>, ApiError> {
    if let Some(column) = state.by {
        let found = by::look(reader, state, question, column, BLOCK_ROWS)?;
        return Ok(found.map(What::Values));
    }
    if let Some(grouping) = groups::grouping(state) {
        let found = groups::look(reader, state, question, grouping, BLOCK_ROWS)?;
        return Ok(found.map(What::Groups));
    }
    Ok(events::look(reader, state, question, BLOCK_ROWS)?.map(What::Events))
}

/// The table.
pub(super) fn render(state: &State, rows: &Rows, now: Timestamp) -> Markup {
    let what = match &rows.what {
        Ok(what) => what,
        Err(refused) => return refusal(state, refused),
    };
    let frame = Frame { state, columns: &rows.columns, now, found: &rows.found };
    let known = rows.known();
    // −1 stands for a number that is not known.
    let count = known.map_or_else(|| "-1".to_owned(), |known| (known + 1).to_string());
    let kind = match what {
        What::Events(_) => "events",
        What::Groups(_) => "groups",
        What::Values(_) => "values",
    };
    html! {
        div #rows .scroll tabindex="-1" data-href=(rows.blocks_href(state)) data-kind=(kind)
            data-asof=(rows.as_of.to_rfc3339()) data-total=[known] data-block=(BLOCK_ROWS) {
            table .list .roomy[rows.columns.len() <= 8] .usual[state.columns.is_none()]
                role="grid" aria-label="Sign-ins"
                aria-rowcount=(count) aria-multiselectable=[(kind == "events").then_some("true")] {
                @match what {
                    What::Values(found) => @if let Some(column) = state.by {
                        (by::head(state, column, found))
                    },
                    _ => (head::head(&frame)),
                }
                (block::body(&frame, what))
            }
        }
        (controls::selection(state))
    }
}

/// Rows of these events, for the top of a list with these columns.
pub(super) fn rows_of(
    state: &State,
    columns: Option<&[&'static Column]>,
    events: &[Event],
    now: Timestamp,
) -> Markup {
    let usual = || shown(state, events.iter().any(row::crosses_tenants));
    let columns = columns.map_or_else(usual, <[_]>::to_vec);
    // What has only just come was not looked at yet.
    let found = marks::Found::new();
    let frame = Frame { state, columns: &columns, now, found: &found };
    html! { @for event in events { (row::row(&frame, event, None)) } }
}

/// What stands in the place of a list that there is none of.
fn refusal(state: &State, refused: &Refused) -> Markup {
    let plain = state.with(|state| (state.sort, state.by) = (None, None));
    html! {
        div .empty role="alert" {
            h2 { (refused.0) }
            p .muted { "Narrow the range or the filter so that fewer sign-ins match." }
            p .choices { a .button href=(plain.href()) { "List by date" } }
        }
    }
}

/// Links to the pages around this one.
pub(super) fn pages(state: &State, rows: &Rows) -> Markup {
    let Ok(what) = &rows.what else { return html! {} };
    let len = rows.len() as u64;
    let block = BLOCK_ROWS as u64;
    // All pages are of one moment, so that none has a row of another.
    let page = |at: u64, after: Option<&str>| {
        let change = |state: &mut State| {
            (state.at, state.after) = (at, after.map(str::to_owned));
            state.as_of = Some(rows.as_of);
        };
        state.with(change).href()
    };
    let newest = state.with(|state| state.as_of = None).href();
    let by_number = what.next().is_none() && state.after.is_none();
    let is_last = match rows.known() {
        Some(total) => state.at + len >= total,
        None => !what.has_more(),
    };
    let last = rows.known().map(|total| total.saturating_sub(1) / block * block);
    html! {
        nav .pages aria-label="Pages" {
            @if state.at > 0 {
                a .button rel="first" href=(newest) { "Newest" }
                @if by_number {
                    a .button rel="prev" href=(page(state.at.saturating_sub(block), None)) {
                        "◀ Newer"
                    }
                }
            }
            @if !is_last {
                a .button rel="next" href=(page(state.at + len, what.next())) { "Older ▶" }
                @if let Some(last) = last {
                    a .button rel="last" href=(page(last, None)) { "Oldest" }
                }
            }
        }
    }
}
