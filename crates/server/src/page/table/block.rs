//! Parts of the list that are fetched later: rows further down, and what a line stands for.

use std::sync::Arc;

use axum::extract::{Extension, State as Shared};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use durward_model::columns::Column;
use durward_model::{Event, Timestamp};
use durward_query::group::GroupKey;
use durward_query::{ListRequest, Order, QueryError, Reader};
use maud::{Markup, html};

use super::super::answer;
use super::super::risk::marks::{Found, Marks};
use super::super::shell::{self, Frame as Page};
use super::super::state::{State, grouped};
use super::row::{self, Frame};
use super::{Rows, What, by, groups, head};
use crate::access::{Asking, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::params::Params;
use crate::question::Question;

/// Parameters of a block, besides the state: the columns of the list it belongs to, and whether
/// the list's own address fixes what had been received.
pub(super) const BLOCK_PARAMS: [&str; 2] = ["show", "frozen"];

/// Members of a group, and events of a value, that are shown in place at most.
const GROUP_MEMBERS_MAX: usize = 200;
const VALUE_EVENTS_MAX: usize = 20;

/// What a list's address asks, at the moment that the list stands for.
fn question(state: &State, now: Timestamp) -> Result<Question, ApiError> {
    state.question(now).map_err(|error| ApiError::bad_request(format!("Invalid filter: {error}")))
}

/// `GET /signins/rows`
pub(super) async fn rows(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&[&State::params()[..], &BLOCK_PARAMS].concat())?;
    let state = State::parse(&params)?;
    let columns = columns(&params, &state)?;
    let now = Timestamp::now();
    let question = question(&state, now)?;
    let asked = state.clone();
    let own = Marks::of(&app, &caller);
    let (what, found) = app
        .ask(&caller, move |reader| {
            let what = super::find(reader, &asked, &question)?;
            let what = what.map_err(|refused| ApiError::bad_request(refused.message()))?;
            let found = what.found(&own)?;
            Ok((what, found))
        })
        .await?;
    let len = what.len();
    // Links in the rows are those of the list, which goes on with time unless it says otherwise.
    let as_of = state.as_of.filter(|_| params.flag("frozen").unwrap_or(false));
    let shown = State { as_of, ..state };
    let frame = Frame { state: &shown, columns: &columns, now, found: &found };
    Ok(Looked::rows(len).on(answer(body(&frame, &what))))
}

/// The columns of the list that a block belongs to.
fn columns(params: &Params, state: &State) -> Result<Vec<&'static Column>, ApiError> {
    match params.get("show") {
        None => Ok(super::shown(state, true)),
        Some(names) => {
            let own = Params(vec![("cols".to_owned(), names.to_owned())]);
            Ok(State::parse(&own)?.columns())
        }
    }
}

/// One block of rows, and where the next begins.
pub(super) fn body(frame: &Frame<'_>, found: &What) -> Markup {
    let (state, now) = (frame.state, frame.now);
    let (next, more) = (found.next(), found.has_more());
    html! {
        tbody .block data-at=(state.at) data-rows=(found.len()) data-next=[next]
            data-more=[more.then_some("true")] {
            @match found {
                What::Events(events) => @for (event, index) in events.iter().zip(state.at..) {
                    (row::row(frame, event, Some(index)))
                },
                What::Groups(found) => (groups::body(frame, found, state.at)),
                What::Values(found) => @if let Some(column) = state.by {
                    (by::body(state, column, found, state.at, now))
                },
            }
        }
    }
}

/// `GET /signins/members`
pub(super) async fn members(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(page): Extension<Page>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    let more = ["key", "value"];
    params.only(&[&State::params()[..], &BLOCK_PARAMS, &more].concat())?;
    let state = State::parse(&params)?;
    let now = Timestamp::now();
    let of = Of::read(&params, &state)?;
    let columns = match &of {
        Of::Group(_) => groups::with_count(columns(&params, &state)?),
        Of::Value(_) => State { columns: None, by: None, ..state.clone() }.columns(),
    };
    let asked = of.clone();
    let question = question(of.state(&state), now)?;
    let own = Marks::of(&app, &caller);
    let (found, marked) = app
        .ask(&caller, move |reader| {
            let found = asked.look(reader, &question)?;
            let marked = own.look(&found.0)?;
            Ok((found, marked))
        })
        .await?;
    let len = found.0.len();
    let part = headers.contains_key("hx-request");
    let list =
        Members { of: &of, state: &state, columns: &columns, found: &found, now, marked: &marked };
    let answered = match part {
        true => list.part(),
        false => list.page(&page),
    };
    Ok(Looked::rows(len).on(answer(answered)))
}

/// What the members are of.
#[derive(Clone)]
enum Of {
    Group(GroupKey),
    /// The list narrowed to a value.
    Value(Box<State>),
}

impl Of {
    fn read(params: &Params, state: &State) -> Result<Of, ApiError> {
        if let Some(key) = params.get("key") {
            let key = GroupKey::from_token(key).map_err(QueryError::from)?;
            return Ok(Of::Group(key));
        }
        let Some(column) = state.by else {
            return Err(ApiError::bad_request("'key' or 'by' and 'value' are missing"));
        };
        // No value is a value too.
        let value = params.get("value").unwrap_or_default();
        Ok(Of::Value(Box::new(by::narrowed(state, column, value))))
    }

    fn state<'a>(&'a self, state: &'a State) -> &'a State {
        match self {
            Of::Group(_) => state,
            Of::Value(narrowed) => narrowed,
        }
    }

    /// The newest members, and how many there are.
    fn look(&self, reader: &Reader, question: &Question) -> Result<(Vec<Event>, u64), ApiError> {
        let (filter, logs, limit) = match self {
            Of::Group(key) => {
                (question.full_filter().and(key.members()), vec![key.log], GROUP_MEMBERS_MAX)
            }
            Of::Value(_) => (question.full_filter(), question.logs.clone(), VALUE_EVENTS_MAX),
        };
        let count = reader.count(&filter, &logs)?;
        let order = Order::NewestFirst;
        let page = reader.list(&ListRequest { filter, logs, order, limit, after: None })?;
        Ok((reader.events(&page.rows)?, count))
    }
}

struct Members<'a> {
    of: &'a Of,
    state: &'a State,
    columns: &'a [&'static Column],
    found: &'a (Vec<Event>, u64),
    now: Timestamp,
    /// What was found about them.
    marked: &'a Found,
}

impl Members<'_> {
    fn frame<'a>(&'a self, state: &'a State) -> Frame<'a> {
        Frame { state, columns: self.columns, now: self.now, found: self.marked }
    }

    fn rows(&self) -> Markup {
        // An event that is opened is opened beside the list of lines.
        let frame = self.frame(self.state);
        html! { @for event in &self.found.0 { (row::row(&frame, event, None)) } }
    }

    fn is_cut(&self) -> bool {
        (self.found.0.len() as u64) < self.found.1
    }

    /// Below the line: rows of the same columns for a group, a list of its own for a value.
    fn part(&self) -> Markup {
        match self.of {
            Of::Group(_) => html! {
                tbody .members {
                    (self.rows())
                    @if self.is_cut() {
                        tr .note { td colspan=(self.columns.len() + 1) { (self.rest()) } }
                    }
                }
            },
            Of::Value(narrowed) => html! {
                div .inner-list {
                    table .list { (head::head(&self.frame(narrowed))) tbody { (self.rows()) } }
                    p .note { a href=(narrowed.href()) {
                        "All " (grouped(self.found.1)) " in the explorer"
                    } }
                }
            },
        }
    }

    fn rest(&self) -> Markup {
        html! {
            span .muted {
                "The newest " (self.found.0.len()) " of " (grouped(self.found.1))
                "; a shorter window or a filter shows the others."
            }
        }
    }

    fn page(&self, page: &Page) -> Markup {
        let count = self.found.1;
        let ungrouped = self.of.state(self.state).with(|state| state.window = None);
        let title = format!("{} sign-ins", grouped(count));
        let body = html! {
            main #main {
                div .heading { h1 { (title) } }
                section .panel {
                    div .scroll {
                        table .list {
                            (head::head(&self.frame(&ungrouped)))
                            tbody { (self.rows()) }
                        }
                    }
                    @if self.is_cut() { p .note { (self.rest()) } }
                }
                p .links {
                    a href=(self.state.href()) { "◀ Back to the list" } " · "
                    a href=(ungrouped.href()) { "Show in the explorer" }
                }
            }
        };
        shell::page(page, &title, &body, &html! {})
    }
}

impl Rows {
    /// The address that blocks of the same list are fetched from.
    pub(super) fn blocks_href(&self, state: &State) -> String {
        let names: Vec<&str> = self.columns.iter().map(|column| column.name).collect();
        let names = names.join(",");
        let mut more = vec![("show", names.as_str())];
        if state.as_of.is_some() {
            more.push(("frozen", "true"));
        }
        let state = State {
            at: 0,
            after: None,
            as_of: Some(self.as_of),
            row: None,
            pane: None,
            ..state.clone()
        };
        state.href_of("/signins/rows", &more)
    }
}
