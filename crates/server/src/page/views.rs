//! Views of the explorer that have a name: those that everybody has, a person's own, and those
//! that others share.
//!
//! A view is the explorer's address without what belongs to one look at it (the open event, the
//! place in the list, the moment). Names are a person's own; whoever replaces a view that changed
//! since they saw it is shown both and chooses.

mod builtin;
mod conflict;
mod manage;
mod menu;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, State as Shared};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use durward_access::{AccessError, NewView, Saved, SavedView};
use durward_journal::Action;
use durward_model::Timestamp;
use serde_json::json;

use crate::access::gate::{self, redirect};
use crate::access::{Asking, Caller, Looked, Need, READ_OTHERS, Who};
use crate::app::App;
use crate::error::ApiError;
use crate::openapi::Operation;
use crate::params::Params;
use crate::rest;
use crate::routes::{Endpoint, endpoint, read_others};

use super::shell::Frame;
use super::state::State;
use super::{answer, explorer_parameters, page_of};

pub(super) use menu::{menu, share};

/// Whose views those of a demo are.
const DEMO: &str = "demo";

pub(super) fn endpoints() -> Vec<Endpoint> {
    const CHANGE: (Need, Option<Action>) = (Need::Session, Some(Action::Change));
    const FORM: &str = "application/x-www-form-urlencoded";
    let list = Operation::new("sign-ins", "Saved views: one's own, and those that others share")
        .answer("application/json", "Any");
    vec![
        endpoint(
            Method::GET,
            "/views",
            (read_others(Action::List).0, None),
            get(show),
            page_of("Saved views").parameters(&explorer_parameters()),
        ),
        endpoint(
            Method::POST,
            "/views",
            CHANGE,
            post(save),
            page_of("Saves a view").body(FORM, "Any"),
        ),
        endpoint(
            Method::POST,
            "/views/delete",
            CHANGE,
            post(delete),
            page_of("Removes a view").body(FORM, "Any"),
        ),
        endpoint(Method::GET, "/api/views", (Need::Session, None), get(api), list),
    ]
}

/// Whose views a caller's are; programs have none.
fn owner_of(caller: &Caller) -> Option<String> {
    match &caller.who {
        Who::Demo => Some(DEMO.to_owned()),
        _ => caller.person().map(|person| person.id.clone()),
    }
}

/// May they see what others share? Its filters name people and addresses in clear.
fn sees_shared(caller: &Caller) -> bool {
    let is_clear = |mask: durward_access::Mask| !mask.names && !mask.addresses;
    caller.may_any(READ_OTHERS) && caller.grants.iter().all(|grant| is_clear(grant.mask))
}

/// The views that a caller can choose from.
pub(super) async fn load(app: &Arc<App>, caller: &Caller) -> Result<Vec<SavedView>, ApiError> {
    let Some(owner) = owner_of(caller) else { return Ok(Vec::new()) };
    let with_shared = sees_shared(caller);
    app.access.run(move |access| access.store.views_of(&owner, with_shared)).await
}

/// What is kept of an address.
fn query_of(state: &State) -> String {
    let kept = state.with(|state| state.as_of = None).href();
    kept.split_once('?').map_or_else(String::new, |(_, query)| query.to_owned())
}

fn state_of(query: &str) -> Result<State, ApiError> {
    let params = Params::parse(Some(query))?;
    params.only(&State::params())?;
    State::parse(&params)
}

/// Where a view leads.
fn href(view: &SavedView) -> String {
    format!("/signins?{}", view.query)
}

/// `GET /views`: to save what the explorer shows, and to remove what was saved.
async fn show(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, ApiError> {
    let state = state_of(uri.query().unwrap_or_default())?;
    let views = load(&app, &caller).await?;
    let page = manage::Page { owner: owner_of(&caller), state: &state, views: &views };
    Ok(answer(match headers.contains_key("hx-request") {
        true => page.form(&frame, None),
        false => page.whole(&frame, None),
    }))
}

/// `GET /api/views`
async fn api(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    uri: Uri,
) -> Result<Response, ApiError> {
    Params::parse(uri.query())?.only(&[])?;
    let owner = owner_of(&caller);
    let view = |view: &SavedView| {
        json!({
            "id": view.id,
            "name": view.name,
            "href": href(view),
            "isOwn": Some(&view.owner) == owner.as_ref(),
            "ownerName": view.owner_name,
            "isShared": view.is_shared,
            "version": view.version,
            "changed": view.changed.to_rfc3339(),
        })
    };
    let views: Vec<_> = load(&app, &caller).await?.iter().map(view).collect();
    Ok(rest::json(json!({ "value": views }).to_string()))
}

/// What the form of a view says.
#[derive(Debug)]
struct Form {
    name: String,
    query: String,
    is_shared: bool,
    /// The version that is replaced.
    version: Option<u32>,
}

impl Form {
    /// `replace` is a view's version, a colon and its name, or empty for a new one.
    fn read(params: &Params) -> Result<Form, ApiError> {
        params.only(&["csrf", "name", "query", "shared", "replace", "version"])?;
        let number = |text: &str| {
            let read = text.parse::<u32>();
            read.map_err(|_| ApiError::bad_request("the version of a view is a whole number"))
        };
        let (mut name, mut version) = (params.get("name").unwrap_or_default(), None);
        if let Some((of, replaced)) = params.get("replace").and_then(|text| text.split_once(':')) {
            (name, version) = (replaced, Some(number(of)?));
        }
        if let Some(text) = params.get("version") {
            version = Some(number(text)?);
        }
        Ok(Form {
            name: name.to_owned(),
            query: query_of(&state_of(params.get("query").unwrap_or_default())?),
            is_shared: params.flag("shared")?,
            version,
        })
    }
}

/// `POST /views`
async fn save(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let form = Arc::new(Form::read(&gate::form(&headers, body).await?)?);
    let owner = owner_of(&caller).ok_or_else(|| ApiError::not_found("programs have no views"))?;
    let looked = Looked {
        target: Some(form.name.clone()),
        query: Some(form.query.clone()),
        ..Looked::default()
    };
    let (asked, of) = (form.clone(), owner.clone());
    let saved = app.access.try_run(move |access| {
        let Form { name, query, is_shared, version } = &*asked;
        let new = NewView { owner: &of, name, query, is_shared: *is_shared };
        access.store.save_view(&new, *version, Timestamp::now())
    });
    match saved.await? {
        Ok(Saved::Done(view)) => Ok(looked.on(redirect(&href(&view)))),
        Ok(Saved::Conflict(kept)) => {
            let page = conflict::page(&frame, &kept, &form, Timestamp::now());
            let response = (StatusCode::CONFLICT, answer(page)).into_response();
            Ok(looked.on(response))
        }
        Err(error) => refused(&app, &caller, &frame, &form, &error).await,
    }
}

/// The form again, with what is wrong.
async fn refused(
    app: &Arc<App>,
    caller: &Caller,
    frame: &Frame,
    form: &Form,
    error: &AccessError,
) -> Result<Response, ApiError> {
    let state = state_of(&form.query)?;
    let views = load(app, caller).await?;
    let page = manage::Page { owner: owner_of(caller), state: &state, views: &views };
    let page = page.whole(frame, Some(&error.to_string()));
    Ok((StatusCode::BAD_REQUEST, answer(page)).into_response())
}

/// `POST /views/delete`
async fn delete(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let form = gate::form(&headers, body).await?;
    form.only(&["csrf", "id", "query"])?;
    let back = state_of(form.get("query").unwrap_or_default())?.href_of("/views", &[]);
    let id = form.get("id").unwrap_or_default().to_owned();
    let looked = Looked { target: Some(id.clone()), ..Looked::default() };
    let none = || ApiError::not_found("you have no such view; it may be removed already");
    let owner = owner_of(&caller).ok_or_else(none)?;
    match app.access.run(move |access| access.store.delete_view(&owner, &id)).await? {
        true => Ok(looked.on(redirect(&back))),
        false => Err(none()),
    }
}
