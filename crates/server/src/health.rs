//! `/healthz`, `/readyz` and `/metrics`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use durward_store::Status;
use serde_json::json;

use crate::app::App;
use crate::error::ApiError;
use crate::metrics;

/// `GET /healthz`: the process answers.
pub(crate) async fn healthz() -> Response {
    answer(StatusCode::OK, &json!({ "status": "ok" }))
}

/// `GET /readyz`: the store is open and takes data.
pub(crate) async fn readyz(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    let status = store_status(&app).await?;
    let (code, word) = match status.stopped {
        false => (StatusCode::OK, "ready"),
        true => (StatusCode::SERVICE_UNAVAILABLE, "stopped"),
    };
    // No more than a load balancer needs: everybody may ask.
    let body = json!({ "status": word });
    Ok(answer(code, &body))
}

/// `GET /metrics`: Prometheus' text format.
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    let status = store_status(&app).await?;
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    let mut text = app.metrics.write(&status);
    if let Some(watched) = app.detect.status() {
        metrics::write_watch(&watched, &mut text);
    }
    Ok(([(CONTENT_TYPE, kind)], text).into_response())
}

/// The store's status. Takes its locks, so it is blocking, but never long: it does not queue
/// behind questions.
async fn store_status(app: &Arc<App>) -> Result<Status, ApiError> {
    let store = app.store.clone();
    let status = tokio::task::spawn_blocking(move || store.status());
    status.await.map_err(|error| ApiError::internal(&error))
}

fn answer(status: StatusCode, body: &serde_json::Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
