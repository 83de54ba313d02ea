//! The access log for programs: `GET /api/access-log` and `/api/access-log/export`.
//!
//! Who reads the access log is written into it, too.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use durward_journal::{Action, Entry, Journal, JournalError, Query};
use durward_model::Timestamp;
use serde_json::json;
use tokio_stream::wrappers::ReceiverStream;

use crate::access::{Asking, Looked};
use crate::app::App;
use crate::edge::RequestIds;
use crate::error::ApiError;
use crate::export::{ChannelWriter, file_time};
use crate::params::{self, Params};
use crate::rest;

/// Entries of a page unless asked for, and the most there can be.
const PAGE_ROWS: usize = 100;
const PAGE_ROWS_MAX: usize = durward_journal::LIST_MAX;

/// Parameters that say which entries are meant.
pub(crate) const PARAMS: &[&str] = &["who", "action", "target", "text", "from", "to"];

/// Which entries the parameters mean.
pub(crate) fn query(params: &Params, now: Timestamp) -> Result<Query, ApiError> {
    let text = |name: &str| params.get(name).map(str::to_owned);
    let instant = |name: &str| match params.get(name) {
        None => Ok(None),
        Some(text) => params::instant(text, now).map(Some).ok_or_else(|| {
            let message =
                format!("'{name}' must be a time such as 2026-03-02T07:41:09Z, 2026-03-02 or -24h");
            ApiError::bad_request(message).parameter(name)
        }),
    };
    let action = |name: &str| {
        Action::from_name(name).ok_or_else(|| {
            let names: Vec<&str> = Action::ALL.iter().map(|action| action.name()).collect();
            let message = format!("'action' must be one of: {}", names.join(", "));
            ApiError::bad_request(message).parameter("action")
        })
    };
    Ok(Query {
        from: instant("from")?,
        to: instant("to")?,
        actor: text("who"),
        action: params.get("action").map(action).transpose()?,
        target: text("target"),
        text: text("text"),
        before_seq: None,
        limit: None,
    })
}

/// Before which entry a page begins.
pub(crate) fn cursor(params: &Params, name: &str) -> Result<Option<i64>, ApiError> {
    let Some(text) = params.get(name) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| {
        let message = format!("'{name}' must be the number of an entry");
        ApiError::bad_request(message).parameter(name)
    })
}

/// Reads the journal, which is blocking code, among as many questions at once as there may be.
pub(crate) async fn read<T, F>(app: &Arc<App>, question: F) -> Result<T, ApiError>
where
    T: Send + 'static,
    F: FnOnce(&Journal) -> Result<T, JournalError> + Send + 'static,
{
    let permit =
        tokio::time::timeout(app.config.query_timeout, app.queries.clone().acquire_owned());
    let permit = permit.await.map_err(|_| ApiError::busy())?.map_err(|_| ApiError::busy())?;
    let journal = app.access.journal.clone();
    let read = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        question(&journal)
    });
    read.await
        .map_err(|error| ApiError::internal(&error))?
        .map_err(|error| ApiError::internal(&error))
}

/// `GET /api/access-log`
pub(crate) async fn list(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&[PARAMS, &["limit", "cursor"]].concat())?;
    let limit = params.number("limit", PAGE_ROWS, PAGE_ROWS_MAX)?;
    let before_seq = cursor(&params, "cursor")?;
    let query = Query { limit: Some(limit), before_seq, ..query(&params, Timestamp::now())? };
    let entries = read(&app, move |journal| journal.list(&query)).await?;
    let next = entries.last().filter(|_| entries.len() == limit);
    let next = next.map(|entry| entry.seq.to_string());
    let value: Vec<_> = entries.iter().map(durward_journal::json).collect();
    let body = json!({ "nextCursor": next, "value": value });
    Ok(Looked::rows(entries.len()).on(rest::json(body.to_string())))
}

/// How entries are written.
#[derive(Clone, Copy, Debug)]
enum Format {
    Csv,
    NdJson,
}

/// `GET /api/access-log/export`: all entries that are meant, oldest first, in constant memory.
pub(crate) async fn export(
    State(app): State<Arc<App>>,
    Asking(caller): Asking,
    Extension(ids): Extension<RequestIds>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&[PARAMS, &["format"]].concat())?;
    let query = query(&params, Timestamp::now())?;
    let (format, extension, kind) = match params.get("format").unwrap_or("csv") {
        "csv" => (Format::Csv, "csv", "text/csv; charset=utf-8"),
        "ndjson" => (Format::NdJson, "ndjson", "application/x-ndjson"),
        _ => {
            return Err(ApiError::bad_request("'format' must be csv or ndjson").parameter("format"));
        }
    };
    let permit = app.exports.clone().try_acquire_owned().map_err(|_| {
        let message = "too many exports are running; try again in a moment";
        let status = StatusCode::TOO_MANY_REQUESTS;
        ApiError::new(status, "TooManyRequests", message).retry_after(5)
    })?;
    let end = Entry {
        route: "export of the access log completed".to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        request_id: ids.request,
        ..Entry::new(Action::ExportEnd, caller.actor())
    };
    let (writer, receiver) = ChannelWriter::new();
    tokio::task::spawn_blocking(move || {
        let _permit = permit;
        run(&app, &query, format, writer, end);
    });
    let file = format!("attachment; filename=\"access-log-{}.{extension}\"", file_time());
    let head = [(CONTENT_TYPE, kind.to_owned()), (CONTENT_DISPOSITION, file)];
    Ok((head, Body::from_stream(ReceiverStream::new(receiver))).into_response())
}

/// Writes an export to its end, or to the first error, and says in the log how far it went.
fn run(app: &App, query: &Query, format: Format, writer: ChannelWriter, mut end: Entry) {
    let started = Instant::now();
    let failing = writer.failing();
    let mut rows = 0;
    if let Err(error) = write(&app.access.journal, query, format, writer, &mut rows) {
        "export of the access log cut off".clone_into(&mut end.route);
        end.status = 499;
        // A client that has gone is no fault of ours.
        if error.kind() != io::ErrorKind::BrokenPipe {
            tracing::error!(%error, "an export of the access log failed");
        }
        failing.fail(error);
    }
    end.at = Timestamp::now();
    end.rows = Some(rows);
    end.took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    if let Err(error) = app.access.journal.record_blocking(end) {
        tracing::error!(%error, "the end of an export could not be written to the access log");
    }
}

fn write(
    journal: &Journal,
    query: &Query,
    format: Format,
    mut writer: ChannelWriter,
    rows: &mut u64,
) -> io::Result<()> {
    let mut line = String::new();
    if matches!(format, Format::Csv) {
        durward_journal::write_csv_header(&mut line);
    }
    writer.write_all(line.as_bytes())?;
    journal.for_each(query, |recorded| {
        line.clear();
        match format {
            Format::Csv => durward_journal::write_csv(&recorded, &mut line),
            Format::NdJson => {
                durward_journal::write_json(&recorded, &mut line);
                line.push('\n');
            }
        }
        *rows += 1;
        writer.write_all(line.as_bytes())
    })?;
    writer.flush()
}
