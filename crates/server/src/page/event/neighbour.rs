//! From one sign-in to the one before or after it in the list.

use std::sync::Arc;

use axum::extract::{Path, State as Shared};
use axum::http::Uri;
use axum::response::{IntoResponse, Redirect, Response};
use durward_model::{FieldId, Timestamp};
use durward_query::{Filter, ListRequest, Op, Order, Reader, Value};

use crate::access::{Asking, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::question::Question;

use super::super::state::State;
use super::asked;

/// `GET /signins/{id}/step`: to the explorer with the neighbour open, or with the same event where
/// it is the last. A list in another order than by time is walked by time.
pub(crate) async fn step(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let (params, state) = asked(&uri, &["to"])?;
    let is_older = match params.get("to") {
        Some("older") => true,
        Some("newer") => false,
        _ => return Err(ApiError::bad_request("'to' must be older or newer").parameter("to")),
    };
    let (wanted, from) = (state.clone(), id.clone());
    let found = app.ask(&caller, move |reader| neighbour(reader, &wanted, &from, is_older)).await?;
    let row = found.unwrap_or(id);
    let href = State { row: Some(row.clone()), ..state }.href();
    Ok(Looked::event(&row).on(Redirect::to(&href).into_response()))
}

fn neighbour(
    reader: &Reader,
    state: &State,
    id: &str,
    is_older: bool,
) -> Result<Option<String>, ApiError> {
    let question = state.question(Timestamp::now());
    let question = question.map_err(|error| ApiError::bad_request(error.to_string()))?;
    let is = Filter::field(FieldId::Id, Op::Eq(Value::Text(id.to_owned())));
    let own = ListRequest {
        filter: is.and(state.scope.tenant_filter()),
        logs: question.logs.clone(),
        order: Order::NewestFirst,
        limit: 1,
        after: None,
    };
    let Some(row) = reader.list(&own)?.rows.first().copied() else { return Ok(None) };
    let order = if is_older { Order::NewestFirst } else { Order::OldestFirst };
    let question = Question { order, ..question };
    let page = question.page(reader, Some(reader.position(row)?), 1)?;
    let found = reader.events(&page.rows)?.pop();
    Ok(found.map(|event| event.cell(FieldId::Id).to_string()))
}
