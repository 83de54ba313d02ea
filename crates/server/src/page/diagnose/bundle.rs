//! What a support case needs to know of a sign-in, as one file.

use std::sync::Arc;

use axum::extract::State as Shared;
use axum::http::header::CONTENT_DISPOSITION;
use axum::http::{HeaderValue, Uri};
use axum::response::Response;
use durward_model::graph::{self, GraphOptions, Version};
use durward_model::{Event, FieldId, Log, Timestamp};
use durward_query::{Filter, ListRequest, Op, Order, Reader, Value};
use serde_json::{Value as Json, json};

use crate::access::{Asking, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::params::Params;
use crate::rest;

use super::super::event::facts::Facts;
use super::super::event::story;

/// Requests of one attempt that are listed at most.
const ATTEMPT_MAX: usize = 200;

/// `GET /diagnose/bundle`
pub(crate) async fn bundle(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&["id", "tenant"])?;
    let Some(id) = params.get("id").map(str::to_owned) else {
        return Err(ApiError::bad_request("'id' must be a request ID").parameter("id"));
    };
    let tenant = params.get("tenant").map(str::to_owned);
    let looked = Looked::event(&id);
    let found = app.ask(&caller, move |reader| {
        let event = rest::find(reader, tenant.as_deref(), &id)?;
        let attempt = attempt(reader, &event)?;
        Ok((event, attempt))
    });
    let (event, attempt) = found.await?;
    let body = serde_json::to_string_pretty(&contents(&event, &attempt, Timestamp::now()));
    let body = body.map_err(|error| ApiError::internal(&error))?;
    let mut response = rest::json(body);
    let name = HeaderValue::from_static("attachment; filename=\"sign-in-bundle.json\"");
    response.headers_mut().insert(CONTENT_DISPOSITION, name);
    Ok(looked.on(response))
}

/// All requests of the same attempt, oldest first.
fn attempt(reader: &Reader, event: &Event) -> Result<Vec<Event>, ApiError> {
    let correlation = event.cell(FieldId::CorrelationId).to_string();
    if correlation.is_empty() {
        return Ok(Vec::new());
    }
    let is = |field, text: String| Filter::field(field, Op::Eq(Value::Text(text)));
    let tenant = event.cell(FieldId::TenantId).to_string();
    let mut filter = is(FieldId::CorrelationId, correlation);
    if !tenant.is_empty() {
        filter = filter.and(is(FieldId::TenantId, tenant));
    }
    let request = ListRequest {
        filter,
        logs: Log::SIGN_INS.to_vec(),
        order: Order::OldestFirst,
        limit: ATTEMPT_MAX,
        after: None,
    };
    Ok(reader.events(&reader.list(&request)?.rows)?)
}

fn contents(event: &Event, attempt: &[Event], now: Timestamp) -> Json {
    let facts = Facts::of(event);
    let story = story::told(&facts);
    let text = |field: FieldId| event.cell(field).to_string();
    let request = |event: &Event| {
        json!({
            "requestId": event.cell(FieldId::Id).to_string(),
            "createdDateTime": event.row().created.to_rfc3339(),
            "errorCode": event.cell(FieldId::ErrorCode).as_int(),
        })
    };
    let evidence = story.evidence.iter().map(|(claim, field)| json!({ *claim: field }));
    let mut own = String::new();
    graph::write_event(event, &GraphOptions::new(Version::Beta), &mut own);
    json!({
        "made": now.to_rfc3339(),
        "requestId": text(FieldId::Id),
        "correlationId": text(FieldId::CorrelationId),
        "tenantId": text(FieldId::TenantId),
        "createdDateTime": event.row().created.to_rfc3339(),
        "receivedDateTime": event.row().received.to_rfc3339(),
        "who": facts.actor(),
        "what": facts.target(),
        "ipAddress": text(FieldId::IpAddress),
        "errorCode": facts.code,
        "failureReason": facts.reason,
        "verdict": story.verdict,
        "cause": story.what.plain(),
        "evidence": evidence.collect::<Vec<Json>>(),
        "advice": story.advice,
        "attempt": attempt.iter().map(request).collect::<Vec<Json>>(),
        "signIn": serde_json::from_str::<Json>(&own).unwrap_or_default(),
    })
}
