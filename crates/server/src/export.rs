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
mod progress;
mod request;
mod shape;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use durward_journal::{Action, Entry};
use durward_model::{Event, Timestamp};
use durward_query::{Budget, Sight};
use tokio_stream::wrappers::ReceiverStream;

use crate::access::{Asking, Caller, Looked};
use crate::app::{App, check_sight};
use crate::edge::RequestIds;
use crate::error::ApiError;
use crate::guard;
use crate::params::Params;
use progress::{Download, Watched};
use request::Request;

pub(crate) use channel::ChannelWriter;
pub use format::{ExportWriter, Format};
pub(crate) use progress::Downloads;
pub(crate) use shape::FLAT_ELEMENTS;

/// Largest body of a request for an export, in bytes.
const REQUEST_BYTES_MAX: usize = 64 << 10;
/// Rows read at once.
const PAGE_ROWS: usize = 2000;

/// The longest question that goes into a header, in bytes.
const HEADER_BYTES_MAX: usize = 4 << 10;

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
    let request = Request::read(&params, Timestamp::now())?;
    let permit = app.exports.clone().try_acquire_owned().map_err(|_| {
        let message = "too many exports are running; try again in a moment";
        let status = StatusCode::TOO_MANY_REQUESTS;
        ApiError::new(status, "TooManyRequests", message).retry_after(5)
    })?;
    let watched = request.job.as_deref().map(|job| {
        let about = request.about(&caller.actor());
        app.downloads.start(caller.key(""), job, about)
    });
    let watched = watched.transpose()?;
    let (writer, receiver) = ChannelWriter::new();
    let query = request.query.clone();
    let disposition = format!("attachment; filename=\"{}\"", request.file_name());
    let kind = request.format.content_type();
    let mut entry = Entry {
        route: "export".to_owned(),
        query: query.clone(),
        request_id: ids.request,
        ..Entry::new(Action::ExportEnd, caller.actor())
    };
    tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let started = Instant::now();
        let (rows, done) = run(&app, sight, &request, watched.as_ref(), writer);
        if let Some(watched) = watched {
            watched.end(done);
        }
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
    let head = [(CONTENT_TYPE, kind.to_owned()), (CONTENT_DISPOSITION, disposition)];
    let mut response = (head, Body::from_stream(ReceiverStream::new(receiver))).into_response();
    if query.len() <= HEADER_BYTES_MAX
        && let Ok(query) = HeaderValue::from_str(&query)
    {
        response.headers_mut().insert(QUERY_HEADER, query);
    }
    Ok(Looked { query: Some(query), ..Looked::default() }.on(response))
}

/// Says what the file is of.
const QUERY_HEADER: HeaderName = HeaderName::from_static("x-durward-query");

/// How many bytes an export with these parameters has of these events.
pub(crate) fn bytes_of(params: &Params, events: &[Event]) -> Result<u64, ApiError> {
    let request = Request::read(params, Timestamp::now())?;
    let failed = |error: std::io::Error| ApiError::internal(&error);
    let counted = Arc::new(AtomicU64::new(0));
    let out = CountingSink(counted.clone());
    let mut out = request.format.writer_of(out, &[], &request.shape).map_err(failed)?;
    out.write(events).and_then(|()| out.finish()).map_err(failed)?;
    Ok(counted.load(Ordering::Relaxed))
}

/// Keeps nothing but how much it was given.
struct CountingSink(Arc<AtomicU64>);

impl std::io::Write for CountingSink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
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
    request: &Request,
    watched: Option<&Arc<Download>>,
    writer: ChannelWriter,
) -> (u64, bool) {
    let failing = writer.failing();
    let mut rows = 0;
    let Err(error) = write(app, sight, request, watched, writer, &mut rows) else {
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
    request: &Request,
    watched: Option<&Arc<Download>>,
    writer: ChannelWriter,
    rows: &mut u64,
) -> std::io::Result<()> {
    let other = |error: ApiError| std::io::Error::other(error.message);
    let reader = app.reader(sight, Budget::unlimited());
    if let Some(watched) = watched {
        let total = request.question.count(&reader).map_err(other)?;
        watched.total.store(total, Ordering::Relaxed);
    }
    let writer = Watched::new(writer, watched.cloned());
    let mut out = request.format.writer_of(writer, &request.asked, &request.shape)?;
    let mut after = None;
    loop {
        let (events, next) = request.question.events(&reader, after, PAGE_ROWS).map_err(other)?;
        out.write(&events)?;
        *rows += events.len() as u64;
        app.metrics.exported.fetch_add(events.len() as u64, Ordering::Relaxed);
        if let Some(watched) = watched {
            watched.rows.store(*rows, Ordering::Relaxed);
        }
        after = next;
        if after.is_none() {
            return out.finish();
        }
    }
}

/// What travels from the writer to the answer.
pub(crate) type Part = Result<Bytes, std::io::Error>;
