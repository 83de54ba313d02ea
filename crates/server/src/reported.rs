//! Sign-ins of which somebody said that they were not theirs: `GET /api/security/reported`, and
//! what the page shows.
//!
//! What was said is kept beside the log, without knowing who may see what. So each event is asked
//! for with the sight of whoever looks, and what they do not see is left out, uncounted.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use durward_access::Feedback;
use durward_model::graph::{self, GraphOptions, Version};
use durward_model::{Event, FieldId};
use durward_query::Reader;
use serde_json::{Value, json};

use crate::access::{Asking, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::params::Params;
use crate::rest;

/// Reports of a page unless asked for, and the most there can be.
pub(crate) const PAGE_ROWS: usize = 50;
const PAGE_ROWS_MAX: usize = 200;
/// Reports looked at for one page; a viewer who sees few of them gets a shorter page, and the way
/// to the next.
const LOOKED_AT_MAX: usize = 1000;
/// Reports read at once.
const BATCH: usize = 100;

/// An event, and what somebody said of it.
pub(crate) struct Report {
    pub(crate) feedback: Feedback,
    pub(crate) event: Event,
}

/// A page of reports, the newest first, and before which number the next one begins.
pub(crate) struct Reports {
    pub(crate) reports: Vec<Report>,
    pub(crate) next: Option<i64>,
}

/// Finds the reports that a reader's caller sees. Blocks.
pub(crate) fn find(
    app: &App,
    reader: &Reader,
    mut before: Option<i64>,
    limit: usize,
) -> Result<Reports, ApiError> {
    let mut reports = Vec::new();
    for _ in 0..LOOKED_AT_MAX / BATCH {
        let batch = app.access.store.feedback_list(true, BATCH, before);
        let batch = batch.map_err(|error| ApiError::internal(&error))?;
        let is_last = batch.len() < BATCH;
        for feedback in batch {
            if reports.len() == limit {
                return Ok(Reports { reports, next: before });
            }
            before = Some(feedback.number);
            if let Some(event) = event_of(reader, &feedback)? {
                reports.push(Report { feedback, event });
            }
        }
        if is_last {
            return Ok(Reports { reports, next: None });
        }
    }
    Ok(Reports { reports, next: before })
}

fn event_of(reader: &Reader, feedback: &Feedback) -> Result<Option<Event>, ApiError> {
    let tenant = Some(feedback.tenant.as_str()).filter(|tenant| !tenant.is_empty());
    Ok(reader.get(tenant, &feedback.event_id)?)
}

/// What people said last of this event. Blocks.
pub(crate) fn said_of(app: &App, event: &Event) -> Result<Vec<Feedback>, ApiError> {
    let id = event.cell(FieldId::Id).to_string();
    let tenant = event.cell(FieldId::TenantId).to_string();
    let said = app.access.store.feedback_of(&[&id]);
    let mut said = said.map_err(|error| ApiError::internal(&error))?;
    said.retain(|feedback| feedback.tenant == tenant);
    Ok(said)
}

/// Before which number a page begins.
pub(crate) fn cursor(params: &Params) -> Result<Option<i64>, ApiError> {
    let Some(text) = params.get("cursor") else { return Ok(None) };
    text.parse().map(Some).map_err(|_| {
        ApiError::bad_request("'cursor' must be the nextCursor of a page").parameter("cursor")
    })
}

/// `GET /api/security/reported`
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Asking(caller): Asking,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&["cursor", "limit"])?;
    let before = cursor(&params)?;
    let limit = params.number("limit", PAGE_ROWS, PAGE_ROWS_MAX)?;
    let shared = app.clone();
    let found = app.ask(&caller, move |reader| find(&shared, reader, before, limit)).await?;
    let value: Result<Vec<Value>, ApiError> = found.reports.iter().map(as_json).collect();
    let body = json!({ "nextCursor": found.next.map(|next| next.to_string()), "value": value? });
    Ok(Looked::rows(found.reports.len()).on(rest::json(body.to_string())))
}

fn as_json(report: &Report) -> Result<Value, ApiError> {
    let mut event = String::new();
    graph::write_event(&report.event, &GraphOptions::new(Version::Beta), &mut event);
    let event: Value = serde_json::from_str(&event).map_err(|error| ApiError::internal(&error))?;
    Ok(json!({ "reportedDateTime": report.feedback.at.to_rfc3339(), "signIn": event }))
}
