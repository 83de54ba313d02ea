//! Push: `POST /api/ingest/diagnostic` and `POST /api/ingest/graph`.
//!
//! Both take every format that `import` takes, recognised by content: JSON Lines, arrays,
//! Event Hubs bodies (`{"records":[…]}`), Graph pages (`{"value":[…]}`), gzip of these (with or
//! without `Content-Encoding`). The two addresses say what a sender means to send and let it be
//! told apart later.
//!
//! **202 means durable**: the counts come only after the store has synced them. Sending the same
//! body again is safe; it counts as known. A body of which some records cannot be read is
//! accepted with the reasons for those; the answers to one that cannot be read at all:
//!
//! | answer | when |
//! | --- | --- |
//! | 400 `BadRequest` | empty; no JSON or CSV; every record rejected (with the reasons) |
//! | 400 `TruncatedBody` | compressed data cut off or damaged; `kept` says what came before |
//! | 408 `RequestTimeout` | the body did not arrive in time |
//! | 413 `RequestTooLarge` | larger than the limit; told before the body is read where it can be |
//! | 413 `CompressionBomb` | unpacks to far more than logs do; `kept` says what came before |
//! | 415 `UnsupportedMediaType` | a content type that HTML forms can send, an unknown encoding |
//! | 429 `TooManyRequests` | too much waits to be written; `Retry-After` |
//! | 503 `ServiceUnavailable` | the store stopped after a failure |
//! | 507 `InsufficientStorage` | the disk is full; what was acknowledged before is safe |
//!
//! Bodies are received into memory, within a budget for all of them together: who comes when it
//! is spent is told 429.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use durward_ingest::{DecodeError, Decoder, Options, Problem, Rejection, Sink, SinkError};
use durward_model::{EventBatch, Log, Timestamp};
use durward_store::{AppendError, Appended, Store};
use serde_json::{Map, Value, json};
use tokio::sync::OwnedSemaphorePermit;
use tokio_stream::StreamExt as _;

use crate::access::{Asking, Caller, Looked};
use crate::app::{App, BODY_PERMIT_BYTES};
use crate::error::ApiError;
use crate::guard;

/// Reasons given back of rejected records; the rest is counted.
const REJECTIONS_MAX: usize = 100;
/// How long a body waits for memory.
const MEMORY_PATIENCE: Duration = Duration::from_secs(2);
/// How long a batch waits for the store to catch up before the sender is told to come back.
const STORE_PATIENCE: Duration = Duration::from_secs(2);

/// `POST /api/ingest/diagnostic`
pub(crate) async fn diagnostic(
    State(app): State<Arc<App>>,
    Asking(caller): Asking,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    push(app, &caller, "diagnostic", headers, body).await
}

/// `POST /api/ingest/graph`
pub(crate) async fn graph(
    State(app): State<Arc<App>>,
    Asking(caller): Asking,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    push(app, &caller, "graph", headers, body).await
}

async fn push(
    app: Arc<App>,
    caller: &Caller,
    source: &'static str,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    guard::check_content_type(&headers, guard::RECORD_TYPES)?;
    let packed = is_packed(&headers)?;
    let (bytes, memory) = receive(&app, &headers, body).await?;
    app.metrics.pushed_bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    if packed && !bytes.starts_with(&[0x1f, 0x8b]) {
        let message = "Content-Encoding says gzip, but the body is not gzip";
        return Err(ApiError::bad_request(message));
    }
    let options = options(caller)?;
    // Not `ask`: what has been received is taken in even if the sender has gone.
    let work = tokio::task::spawn_blocking(move || {
        let _memory = memory;
        take_in(&app, options, source, &bytes)
    });
    work.await.map_err(|error| ApiError::internal(&error))?
}

/// A sender who may only push for some tenants has other tenants' records rejected; if it is one
/// tenant, records that name none are its.
fn options(caller: &Caller) -> Result<Options, ApiError> {
    let tenants = caller.tenants_pushed_for()?;
    let default_tenant = match tenants.as_slice() {
        [only] => Some(only.clone()),
        _ => None,
    };
    Ok(Options { default_tenant, only_tenants: tenants, ..Options::new(Timestamp::now()) })
}

fn is_packed(headers: &HeaderMap) -> Result<bool, ApiError> {
    let encoding = headers.get(CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?"));
    match encoding.map(str::to_ascii_lowercase).as_deref() {
        None | Some("" | "identity") => Ok(false),
        Some("gzip" | "x-gzip") => Ok(true),
        Some(_) => Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UnsupportedMediaType",
            "the Content-Encoding must be gzip or none",
        )),
    }
}

fn too_large(most: u64) -> ApiError {
    let message = format!("the body is larger than {most} bytes; send it in parts, or compressed");
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLarge", message)
}

/// Receives a body into memory, within the limits.
async fn receive(
    app: &App,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Vec<u8>, OwnedSemaphorePermit), ApiError> {
    let most = app.config.body_bytes_max;
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: u64| length > most) {
        return Err(too_large(most));
    }
    let expected = length.unwrap_or(most).max(1);
    let all = app.config.bodies_bytes_max.max(BODY_PERMIT_BYTES) / BODY_PERMIT_BYTES;
    let permits = expected.div_ceil(BODY_PERMIT_BYTES).min(all);
    let permits = u32::try_from(permits).unwrap_or(u32::MAX);
    let memory = app.bodies.clone().acquire_many_owned(permits);
    let memory = tokio::time::timeout(MEMORY_PATIENCE, memory).await;
    let Ok(Ok(memory)) = memory else {
        let message = "too many bodies are being received; try again in a moment";
        let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message);
        return Err(error.retry_after(1));
    };
    let receiving = async {
        let mut bytes = Vec::new();
        let mut parts = body.into_data_stream();
        while let Some(part) = parts.next().await {
            let part = part.map_err(|error| {
                ApiError::bad_request(format!("the body could not be received: {error}"))
            })?;
            if bytes.len() as u64 + part.len() as u64 > most {
                return Err(too_large(most));
            }
            bytes.extend_from_slice(&part);
        }
        Ok(bytes)
    };
    match tokio::time::timeout(app.config.body_timeout, receiving).await {
        Ok(bytes) => Ok((bytes?, memory)),
        Err(_) => Err(ApiError::new(
            StatusCode::REQUEST_TIMEOUT,
            "RequestTimeout",
            "the body did not arrive in time",
        )),
    }
}

/// Puts what a decoder finds into the store, and counts.
struct StoreSink<'s> {
    store: &'s Store,
    done: Appended,
    rejected: u64,
    rejections: Vec<Rejection>,
    refused: Option<AppendError>,
}

impl Sink for StoreSink<'_> {
    fn batch(&mut self, batch: EventBatch) -> Result<(), SinkError> {
        match self.store.append_patiently(&batch, STORE_PATIENCE) {
            Ok(done) => {
                self.done.add(&done);
                Ok(())
            }
            Err(error) => {
                let told = error.to_string();
                self.refused = Some(error);
                Err(told.into())
            }
        }
    }

    fn reject(&mut self, rejection: Rejection) -> Result<(), SinkError> {
        self.rejected += 1;
        if self.rejections.len() < REJECTIONS_MAX {
            self.rejections.push(rejection);
        }
        Ok(())
    }
}

/// Decodes a body and stores what is in it.
fn take_in(app: &App, options: Options, source: &str, bytes: &[u8]) -> Result<Response, ApiError> {
    let mut sink = StoreSink {
        store: &app.store,
        done: Appended::default(),
        rejected: 0,
        rejections: Vec::new(),
        refused: None,
    };
    let mut decoder = Decoder::new(options);
    let decoded = decoder.decode_bytes(source, bytes, &mut sink);
    app.metrics.appended(&sink.done);
    app.metrics.rejected.fetch_add(sink.rejected, Ordering::Relaxed);
    let kept = counts(&sink);
    if let Some(error) = sink.refused {
        return Err(ApiError::from(error).with("kept", kept));
    }
    let summary = match decoded {
        Ok(summary) => summary,
        Err(DecodeError::Sink(error)) => return Err(ApiError::internal(&error)),
        Err(error) => return Err(ApiError::bad_request(error.to_string()).with("kept", kept)),
    };
    match &summary.problem {
        Some(problem @ Problem::CompressionBomb) => {
            let status = StatusCode::PAYLOAD_TOO_LARGE;
            return Err(
                ApiError::new(status, "CompressionBomb", problem.to_string()).with("kept", kept)
            );
        }
        Some(problem @ Problem::Compression(_)) => {
            let status = StatusCode::BAD_REQUEST;
            return Err(
                ApiError::new(status, "TruncatedBody", problem.to_string()).with("kept", kept)
            );
        }
        _ => {}
    }
    if summary.records() == 0 && !holds_no_records(bytes, sink.rejected) {
        let reason = sink.rejections.first().map_or("the body is empty", |first| &first.reason);
        let message = format!("nothing in the body could be read: {reason}");
        return Err(ApiError::bad_request(message).with("rejected", reasons(&sink.rejections)));
    }
    let body = Value::Object(kept).to_string();
    let kind = [(CONTENT_TYPE, "application/json; charset=utf-8")];
    let looked = Looked { rows: Some(summary.records()), ..Looked::default() };
    Ok(looked.on((StatusCode::ACCEPTED, kind, body).into_response()))
}

/// Is it a body that is fine but empty, such as `{"records":[]}`?
fn holds_no_records(bytes: &[u8], rejected: u64) -> bool {
    rejected == 0 && !bytes.trim_ascii().is_empty()
}

/// What was kept, and what was not. The first three count sign-ins.
fn counts(sink: &StoreSink<'_>) -> Map<String, Value> {
    let mut counts = Map::new();
    let sum = |of: fn(&durward_store::LogCounts) -> u64| -> u64 {
        Log::SIGN_INS.iter().map(|log| of(&sink.done.by_log[*log as usize])).sum()
    };
    let all = sink.done.total();
    let (new, known, revised) = (sum(|log| log.new), sum(|log| log.known), sum(|log| log.revised));
    let other = all.new + all.known + all.revised - new - known - revised;
    for (name, count) in [("new", new), ("known", known), ("revised", revised), ("other", other)] {
        counts.insert(name.to_owned(), count.into());
    }
    counts.insert("rejectedCount".to_owned(), sink.rejected.into());
    counts.insert("rejected".to_owned(), reasons(&sink.rejections));
    counts
}

fn reasons(rejections: &[Rejection]) -> Value {
    let reason = |one: &Rejection| json!({ "line": one.line, "field": one.field, "reason": one.reason, "excerpt": one.excerpt });
    rejections.iter().map(reason).collect()
}
