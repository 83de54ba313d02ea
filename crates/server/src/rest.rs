//! Our own interface: `/api/security/sign-in-logs`.
//!
//! Events are Graph beta's `signIn` objects with a member `durward` for what Graph has no place
//! for (status, log, revision, times of publication and receipt). Parameters that are not known
//! are refused, so that a misspelt filter is never a list of everything.

mod me;
mod summary;

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use durward_model::columns::{self, Column, text};
use durward_model::graph::{self, GraphOptions, Version};
use durward_model::shape::write_string;
use durward_model::{Cell, Event, Timestamp};
use durward_query::Reader;

use crate::access::{Asking, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::params::Params;
use crate::question::{self, Question};

pub(crate) use me::me;
pub(crate) use summary::{sum_up, summary};

/// Rows of a page unless asked for, and the most there can be.
const PAGE_ROWS: usize = 100;
const PAGE_ROWS_MAX: usize = 1000;

/// `GET /api/security/sign-in-logs`
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Asking(caller): Asking,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&[question::PARAMS, &["limit", "cursor", "columns", "count"]].concat())?;
    let question = Question::from_params(&params, Timestamp::now())?;
    let limit = params.number("limit", PAGE_ROWS, PAGE_ROWS_MAX)?;
    let after = question.position(params.get("cursor"))?;
    let columns = columns_of(&params)?;
    let count = params.flag("count")?;
    let (body, rows) = app
        .ask(&caller, move |reader| {
            let (events, next) = question.events(reader, after, limit)?;
            let mut body = String::from("{");
            if count {
                body.push_str(&format!("\"count\":{},", question.count(reader)?));
            }
            body.push_str("\"nextCursor\":");
            match next {
                Some(next) => write_string(&next.to_token(question.hash), &mut body),
                None => body.push_str("null"),
            }
            body.push_str(",\"value\":");
            write_events(&events, columns.as_deref(), &mut body);
            body.push('}');
            Ok((body, events.len()))
        })
        .await?;
    Ok(Looked::rows(rows).on(json(body)))
}

/// `GET /api/security/sign-in-logs/{id}`
pub(crate) async fn one(
    State(app): State<Arc<App>>,
    Asking(caller): Asking,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let tenant = tenant_of(&uri)?;
    let looked = Looked::event(&id);
    let body = app
        .ask(&caller, move |reader| {
            let event = find(reader, tenant.as_deref(), &id)?;
            let mut body = String::new();
            graph::write_event(&event, &GraphOptions::new(Version::Beta), &mut body);
            Ok(body)
        })
        .await?;
    Ok(looked.on(json(body)))
}

/// `GET /api/security/sign-in-logs/{id}/original`
pub(crate) async fn original(
    State(app): State<Arc<App>>,
    Asking(caller): Asking,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let tenant = tenant_of(&uri)?;
    let looked = Looked::event(&id);
    let body = app
        .ask(&caller, move |reader| {
            let event = find(reader, tenant.as_deref(), &id)?;
            if !event.has_original() {
                let message = "names or addresses are masked for you, and the record as it came \
                               has them in clear";
                return Err(ApiError::new(StatusCode::FORBIDDEN, "Forbidden", message));
            }
            Ok(event.original())
        })
        .await?;
    Ok(looked.on(json(body)))
}

/// `GET /api/security/sign-in-logs/{id}/revisions`
pub(crate) async fn revisions(
    State(app): State<Arc<App>>,
    Asking(caller): Asking,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, ApiError> {
    Params::parse(uri.query())?.only(&[])?;
    let looked = Looked::event(&id);
    let body = app
        .ask(&caller, move |reader| {
            let events = reader.revisions(&id)?;
            if events.is_empty() {
                return Err(no_such(&id));
            }
            let mut body = String::from("{\"value\":");
            write_events(&events, None, &mut body);
            body.push('}');
            Ok(body)
        })
        .await?;
    Ok(looked.on(json(body)))
}

fn tenant_of(uri: &Uri) -> Result<Option<String>, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&["tenant"])?;
    Ok(params.get("tenant").map(str::to_owned))
}

/// The latest revision of an event.
pub(crate) fn find(reader: &Reader, tenant: Option<&str>, id: &str) -> Result<Event, ApiError> {
    reader.get(tenant, id)?.ok_or_else(|| no_such(id))
}

pub(crate) fn no_such(id: &str) -> ApiError {
    // Identifiers are short; what is not one need not be repeated whole.
    let shown: String = id.chars().take(100).collect();
    ApiError::not_found(format!("there is no event '{shown}'"))
}

/// The columns asked for; `None` for whole events.
fn columns_of(params: &Params) -> Result<Option<Vec<&'static Column>>, ApiError> {
    let Some(names) = params.get("columns") else { return Ok(None) };
    let mut found: Vec<&'static Column> = Vec::new();
    for name in names.split(',').map(str::trim) {
        let column = columns::by_name(name).ok_or_else(|| {
            ApiError::bad_request(format!("there is no column '{name}'")).parameter("columns")
        })?;
        if !found.iter().any(|other| other.name == column.name) {
            found.push(column);
        }
    }
    Ok(Some(found))
}

/// Appends events as a JSON array: whole, or flat objects of columns.
pub(crate) fn write_events(events: &[Event], columns: Option<&[&Column]>, out: &mut String) {
    let options = GraphOptions::new(Version::Beta);
    out.push('[');
    for (index, event) in events.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        match columns {
            None => graph::write_event(event, &options, out),
            Some(columns) => write_columns(event, columns, out),
        }
    }
    out.push(']');
}

fn write_columns(event: &Event, columns: &[&Column], out: &mut String) {
    out.push('{');
    for (index, column) in columns.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_string(column.name, out);
        out.push(':');
        match text::value(column, event) {
            Cell::Null => out.push_str("null"),
            Cell::Float(value) if !value.is_finite() => out.push_str("null"),
            Cell::Text(json) if column.kind.is_json() => out.push_str(&json),
            Cell::Text(text) => write_string(&text, out),
            Cell::Time(time) => write_string(&time.to_rfc3339(), out),
            cell => out.push_str(&cell.to_string()),
        }
    }
    out.push('}');
}

/// An answer in JSON.
pub(crate) fn json(body: String) -> Response {
    ([(CONTENT_TYPE, "application/json; charset=utf-8")], body).into_response()
}
