//! Export: `POST /api/security/sign-in-logs/export`, and the same as a plain link by `GET`.
//!
//! All rows that a question finds, however many, in constant memory: a thread of the blocking
//! pool reads page after page from one view of the store and writes into a short channel, from
//! which the answer is sent as fast as the client takes it. The export shows one moment; events
//! that arrive meanwhile are not in it.
//!
//! An export that fails midway cuts the connection, so that no client takes a part for the whole.

mod channel;
mod format;
mod parquet;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use durward_journal::{Action, Entry};
use durward_model::Timestamp;
use durward_query::{Budget, Sight};
use tokio_stream::wrappers::ReceiverStream;

use crate::access::{Asking, Caller, Looked};
use crate::app::{App, check_sight};
use crate::edge::RequestIds;
use crate::error::ApiError;
use crate::guard;
use crate::params::{self, Params};
use crate::question::{self, Question};

pub(crate) use channel::ChannelWriter;
pub use format::{ExportWriter, Format};

/// Largest body of a request for an export, in bytes.
const REQUEST_BYTES_MAX: usize = 64 << 10;
/// Rows read at once.
const PAGE_ROWS: usize = 2000;

/// Parameters besides those of the question.
const PARAMS: [&str; 2] = ["format", "layout"];

/// `POST /api/security/sign-in-logs/export`: the parameters as a JSON object.
pub(crate) async fn post(
    State(app): State<Arc<App>>,
    Asking(caller): Asking,
    Extension(ids): Extension<RequestIds>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    guard::check_content_type(&headers, &["application/json"])?;
    let bytes = axum::body::to_bytes(body, REQUEST_BYTES_MAX).await.map_err(|_| {
        let message = format!("the request is larger than {REQUEST_BYTES_MAX} bytes");
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLarge", message)
    })?;
    let read = serde_json::from_slice::<std::collections::BTreeMap<String, String>>(&bytes);
    let pairs = read.map_err(|error| {
        ApiError::bad_request(format!("the body must be a JSON object of texts: {error}"))
    })?;
    export(app, &caller, ids, Params(pairs.into_iter().collect()))
}

/// `GET /api/security/sign-in-logs/export`: the parameters in the address.
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    Asking(caller): Asking,
    Extension(ids): Extension<RequestIds>,
    uri: Uri,
) -> Result<Response, ApiError> {
    export(app, &caller, ids, Params::parse(uri.query())?)
}

fn export(
    app: Arc<App>,
    caller: &Caller,
    ids: RequestIds,
    params: Params,
) -> Result<Response, ApiError> {
    let sight = caller.sight_of_exports();
    check_sight(caller, &sight)?;
    params.only(&[question::PARAMS, &PARAMS].concat())?;
    let question = Question::from_params(&params, Timestamp::now())?;
    let format = Format::from_params(&params, &question)?;
    let asked: Vec<(String, String)> = params.0;
    let permit = app.exports.clone().try_acquire_owned().map_err(|_| {
        let message = "too many exports are running; try again in a moment";
        let status = StatusCode::TOO_MANY_REQUESTS;
        ApiError::new(status, "TooManyRequests", message).retry_after(5)
    })?;
    let (writer, receiver) = ChannelWriter::new();
    let file = format!("sign-ins-{}.{}", file_time(), format.extension());
    let kind = format.content_type();
    let query = params::query_string(asked.iter().map(|(name, value)| (&**name, &**value)));
    let mut entry = Entry {
        route: "export".to_owned(),
        query: query.clone(),
        request_id: ids.request,
        ..Entry::new(Action::ExportEnd, caller.actor())
    };
    tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let started = Instant::now();
        let (rows, done) = run(&app, sight, &question, format, &asked, writer);
        // That the export began is written down already, by the gate; this says how far it went.
        entry.at = Timestamp::now();
        entry.rows = Some(rows);
        entry.took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        if !done {
            entry.status = 499;
        }
        if let Err(error) = app.access.journal.record_blocking(entry) {
            tracing::error!(%error, "the end of an export could not be written to the access log");
        }
    });
    let disposition = format!("attachment; filename=\"{file}\"");
    let head = [(CONTENT_TYPE, kind.to_owned()), (CONTENT_DISPOSITION, disposition)];
    let response = (head, Body::from_stream(ReceiverStream::new(receiver))).into_response();
    Ok(Looked { query: Some(query), ..Looked::default() }.on(response))
}

/// `20260302T074109Z`
pub(crate) fn file_time() -> String {
    let now = Timestamp::now().to_rfc3339();
    let digits = now.get(..19).unwrap_or(&now).replace(['-', ':'], "");
    format!("{digits}Z")
}

/// Writes an export to its end, or to the first error. How many rows, and whether that is all.
fn run(
    app: &App,
    sight: Sight,
    question: &Question,
    format: Format,
    asked: &[(String, String)],
    writer: ChannelWriter,
) -> (u64, bool) {
    let failing = writer.failing();
    let mut rows = 0;
    let Err(error) = write(app, sight, question, format, asked, writer, &mut rows) else {
        return (rows, true);
    };
    // A client that has gone is no fault of ours.
    if error.kind() == std::io::ErrorKind::BrokenPipe {
        tracing::debug!("the client left before the export was complete");
    } else {
        tracing::error!(%error, "an export failed");
    }
    failing.fail(error);
    (rows, false)
}

fn write(
    app: &App,
    sight: Sight,
    question: &Question,
    format: Format,
    asked: &[(String, String)],
    writer: ChannelWriter,
    rows: &mut u64,
) -> std::io::Result<()> {
    let other = |error: ApiError| std::io::Error::other(error.message);
    let reader = app.reader(sight, Budget::unlimited());
    let mut out = format.writer(writer, asked)?;
    let mut after = None;
    loop {
        let (events, next) = question.events(&reader, after, PAGE_ROWS).map_err(other)?;
        out.write(&events)?;
        *rows += events.len() as u64;
        app.metrics.exported.fetch_add(events.len() as u64, Ordering::Relaxed);
        after = next;
        if after.is_none() {
            return out.finish();
        }
    }
}

/// What travels from the writer to the answer.
pub(crate) type Part = Result<Bytes, std::io::Error>;
