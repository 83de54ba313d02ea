//! What can be done with one value of the list: a menu that is fetched when it is opened, so that
//! rows need not carry addresses for every one of their cells.

use std::sync::Arc;

use axum::extract::{Extension, State as Shared};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use durward_model::columns::Column;
use durward_model::time::SECOND_MICROS;
use durward_model::{Event, FieldId};
use maud::{Markup, html};

use super::super::shell::{self, Frame};
use super::super::state::{State, column};
use super::super::{answer, link};
use super::cell;
use crate::access::{Asking, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::params::{Params, encode, query_string};
use crate::rest;

/// How far around an event its neighbours are, µs.
const AROUND_MICROS: i64 = 300 * SECOND_MICROS;

/// `GET /signins/cell`
pub(super) async fn show(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&[&State::params()[..], &["id", "column", "with"]].concat())?;
    let state = State::parse(&params)?;
    let named = |name: &str| {
        let missing = || ApiError::bad_request(format!("'{name}' is missing")).parameter(name);
        params.get(name).map(str::to_owned).ok_or_else(missing)
    };
    let (id, name) = (named("id")?, named("column")?);
    let unknown = || ApiError::bad_request(format!("there is no column '{name}'"));
    let column = column(&name).ok_or_else(unknown)?;
    let (tenant, wanted) = (state.scope.tenant.clone(), id.clone());
    let ask = app.ask(&caller, move |reader| rest::find(reader, tenant.as_deref(), &wanted));
    let event = ask.await?;
    let menu = menu(&state, column, &event, params.get("with"));
    let page = match headers.contains_key("hx-request") {
        true => menu,
        false => {
            let back = state.href();
            let body = html! {
                main #main .single {
                    section .panel .part .cell-menu { (menu) }
                    p .links { a href=(back) { "◀ Back to the sign-ins" } }
                }
            };
            shell::page(&frame, column.label, &body, &html! {})
        }
    };
    Ok(Looked::event(&id).on(answer(page)))
}

/// The menu. `with` is another event, that was selected.
fn menu(state: &State, column: &Column, event: &Event, with: Option<&str>) -> Markup {
    let log = Some(event.row().log);
    let whole = cell::whole(column, event);
    let exact = durward_model::columns::text::complete(column, event);
    let id = event.cell(FieldId::Id).to_string();
    let mut json = String::from("/api/security/sign-in-logs/");
    encode(&id, &mut json);
    // The open event stays open.
    let with_term = |term: &str| {
        let (row, pane) = (state.row.clone(), state.pane.clone());
        State { row, pane, ..state.and(term) }.href()
    };
    html! {
        p .cell-value { span .muted { (column.label_in(state.tab.0)) }
            @if whole.is_empty() { i { "(empty)" } } @else { span .value-text { (whole) } } }
        @if let Some(terms) = cell::terms(column, event).filter(|_| column.in_log(log)) {
            a href=(with_term(&terms.is)) data-act="for" {
                "⊕ Filter for" kbd aria-hidden="true" { "+" }
            }
            a href=(with_term(&terms.is_not)) data-act="out" {
                "⊖ Filter out" kbd aria-hidden="true" { "−" }
            }
        }
        button type="button" hidden data-copy=(exact) data-act="copy" {
            "⧉ Copy" kbd aria-hidden="true" { "Y" }
        }
        button type="button" hidden data-copy-from=(json) data-act="json" {
            "⧉ Copy row as JSON" kbd aria-hidden="true" { "⇧Y" }
        }
        @if let Some((what, href)) = cell::entity(column, event) {
            a href=(href) data-act="open" { "↗ Open " (what) }
        }
        hr;
        (related(state, event))
        @if let Some(with) = with.filter(|with| *with != id) {
            @let query = query_string([("a", with), ("b", &id)]);
            a href={ "/compare?" (query) } { "⇆ Compare with the selected one" }
        }
    }
}

/// Other sign-ins that this one has to do with.
fn related(state: &State, event: &Event) -> Markup {
    let text = |field: FieldId| event.cell(field).to_string();
    let created = event.row().created.micros;
    let around = state
        .scope
        .between(created.saturating_sub(AROUND_MICROS), created.saturating_add(AROUND_MICROS));
    let (session, address) = (text(FieldId::SessionId), text(FieldId::IpAddress));
    let everything = state.scope.at("all");
    html! {
        a href=(link::signins(&around, None, &[])) { "◷ Around this event, ± 5 min" }
        @if !session.is_empty() {
            a href=(link::signins(&everything, None, &[link::is("sessionId", &session)])) {
                "⛓ Same session"
            }
        }
        @if !address.is_empty() {
            a href=(link::signins(&state.scope, None, &[link::is("ipAddress", &address)])) {
                "◎ Same IP address, all users"
            }
        }
    }
}
