//! The outermost layer: every request passes it on the way in, every answer on the way out.
//!
//! It gives the request its identifiers, refuses what [`crate::guard`] refuses, finds out who
//! asks, holds them to their limits, writes the body of errors, puts the security headers on, and
//! counts.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Extension, MatchedPath, Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, Method, Response, StatusCode};
use axum::middleware::Next;
use axum::response::IntoResponse;
use durward_model::Timestamp;
use serde_json::{Value, json};

use crate::access::{Caller, Known, authenticate};
use crate::app::App;
use crate::client::Client;
use crate::error::ApiError;
use crate::guard;
use crate::page::{self, Frame};

const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");

/// Longest `client-request-id` that is given back.
const CLIENT_ID_BYTES_MAX: usize = 128;

/// For everything else: nothing at all.
const DATA_POLICY: &str = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'";

/// For pages: nothing but the style sheet and the script that the page names, and our own data.
fn page_policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; \
         img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'"
    )
}

/// The identifiers of a request.
#[derive(Clone, Debug)]
pub(crate) struct RequestIds {
    /// Ours.
    pub(crate) request: String,
    /// The caller's, or ours where it gave none.
    pub(crate) client: String,
}

/// The layer.
pub(crate) async fn layer(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
    mut request: Request,
    next: Next,
) -> Response<Body> {
    let started = Instant::now();
    let ids = ids_of(&app, request.headers());
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let matched = request.extensions().get::<MatchedPath>();
    let route = matched.map_or("other", MatchedPath::as_str).to_owned();
    let html = prefers_html(&method, &path, request.headers());
    let checked = guard::check_request(&app.config, &client, &request);
    let mut frame = Frame { nonce: app.new_nonce(), viewer: None };

    let answered = match checked {
        Ok(()) => {
            let known = authenticate(&app, &client, request.headers()).await.map(Arc::new);
            frame.viewer = known.as_ref().ok().cloned();
            request.extensions_mut().insert(app.clone());
            request.extensions_mut().insert(ids.clone());
            request.extensions_mut().insert(frame.clone());
            request.extensions_mut().insert(Known(known));
            answer(&app, &client, frame.viewer.as_deref(), request, next).await
        }
        Err(error) => Err(error),
    };
    let mut response = answered.unwrap_or_else(IntoResponse::into_response);
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        write_error(&error, &ids, html.then_some(&frame), &mut response);
    }
    put_headers(&client, &ids, &frame, response.headers_mut());
    let status = response.status();
    let took = started.elapsed();
    app.metrics.request(&route, method.as_str(), status.as_u16(), took);
    // The route, as the path may hold the secret of a link.
    tracing::debug!(%method, %route, status = status.as_u16(), ?took, "answered");
    response
}

/// The handler's answer, within what one caller may ask at once.
async fn answer(
    app: &App,
    client: &Client,
    caller: Option<&Caller>,
    request: Request,
    next: Next,
) -> Result<Response<Body>, ApiError> {
    let address = client.address_key();
    let key = caller.map_or_else(|| format!("address {address}"), |caller| caller.key(&address));
    let in_flight = app.limits.enter(&key, request.uri().path())?;
    Ok(in_flight.until_sent(next.run(request).await))
}

fn ids_of(app: &App, headers: &HeaderMap) -> RequestIds {
    let request = app.new_request_id().to_string();
    let client = headers.get(CLIENT_REQUEST_ID).and_then(|value| value.to_str().ok());
    let client = client.filter(|text| !text.is_empty() && text.len() <= CLIENT_ID_BYTES_MAX);
    let client = client.unwrap_or(&request).to_owned();
    RequestIds { request, client }
}

/// Is it a person with a browser who would read an error?
pub(crate) fn prefers_html(method: &Method, path: &str, headers: &HeaderMap) -> bool {
    let is_interface =
        ["/api/", "/v1.0/", "/beta/", "/metrics"].iter().any(|start| path.starts_with(start));
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    // Forms of pages are posted, and what is wrong with them is for people to read too.
    let is_of_a_page = [Method::GET, Method::POST].contains(method);
    is_of_a_page && !is_interface && accept.is_some_and(|list| list.contains("text/html"))
}

/// Graph's shape of errors, with the details of our own.
fn error_body(error: &ApiError, ids: &RequestIds) -> Value {
    let now = Timestamp::now().to_rfc3339();
    let mut body = json!({
        "code": error.code,
        "message": error.message,
        "innerError": {
            "date": now.get(..19).unwrap_or(&now),
            "request-id": ids.request,
            "client-request-id": ids.client,
        },
    });
    if let Value::Object(members) = &mut body {
        members.extend(error.details.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    json!({ "error": body })
}

fn write_error(
    error: &ApiError,
    ids: &RequestIds,
    frame: Option<&Frame>,
    response: &mut Response<Body>,
) {
    let (text, kind) = match frame {
        Some(frame) => (page::error(error, ids, frame), "text/html; charset=utf-8"),
        None => (error_body(error, ids).to_string(), "application/json; charset=utf-8"),
    };
    *response.body_mut() = Body::from(text);
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if error.status == StatusCode::UNAUTHORIZED {
        let scheme = HeaderValue::from_static("Bearer realm=\"durward\"");
        headers.insert(header::WWW_AUTHENTICATE, scheme);
    }
    if let Some(seconds) = error.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if matches!(error.status, StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT) {
        // What is left of the body is not read, so the connection is of no further use.
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}

fn put_headers(client: &Client, ids: &RequestIds, frame: &Frame, headers: &mut HeaderMap) {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_page = kind.is_some_and(|kind| kind.starts_with("text/html"));
    let policy = match is_page {
        true => page_policy(&frame.nonce),
        false => DATA_POLICY.to_owned(),
    };
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    if let Some(value) = client.strict_transport_security() {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, value);
    }
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Not `no-referrer`: browsers would then call the origin of our own forms `null`.
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("x-frame-options"), "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // What handlers do not declare fit to keep is not kept.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    for (name, value) in [(REQUEST_ID, &ids.request), (CLIENT_REQUEST_ID, &ids.client)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
}
