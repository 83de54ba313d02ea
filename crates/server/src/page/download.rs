//! The download dialog: which rows, in what shape; how far the file is, and what proves it.
//!
//! The dialog is a form for the export of [`crate::export`], so that what it makes is a link that
//! anybody may put into a script. It counts with the sight of exports: what it promises is what
//! the file has.

mod dialog;

use std::sync::Arc;

use axum::extract::{Extension, State as Shared};
use axum::http::header::CONTENT_DISPOSITION;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use durward_access::Right;
use durward_journal::Action;
use durward_model::{Log, Timestamp};
use durward_query::Reader;
use maud::{Markup, html};

use crate::access::{Asking, Looked, Need, READ_OTHERS};
use crate::app::App;
use crate::error::ApiError;
use crate::openapi::{Operation, Parameter};
use crate::params::{Params, query_string};
use crate::question::Question;
use crate::routes::{Endpoint, endpoint, read_others};
use crate::{export, rest};

use super::shell::Frame;
use super::state::{State, Tab};
use super::{answer, explorer_parameters, page_of};

/// Events that sizes are estimated from.
const SAMPLE_ROWS: usize = 50;
/// Formats whose size is told beforehand.
const SIZED: [&str; 3] = ["csv", "json", "ndjson"];

pub(super) fn endpoints() -> Vec<Endpoint> {
    const WATCH: (Need, Option<Action>) = (Need::Any(READ_OTHERS), None);
    let job = Parameter::query("job", "What the export was asked for with");
    let data = |what: &'static str| {
        let operation = Operation::new("sign-ins", what).parameters(std::slice::from_ref(&job));
        operation.answer("application/json", "Any")
    };
    vec![
        endpoint(
            Method::GET,
            "/download",
            read_others(Action::Count),
            get(show),
            page_of("Download of what the explorer shows").parameters(&explorer_parameters()),
        ),
        endpoint(
            Method::GET,
            "/download/progress",
            WATCH,
            get(progress),
            data("How far an export of one's own is"),
        ),
        endpoint(
            Method::GET,
            "/download/manifest",
            WATCH,
            get(manifest),
            data("What an export of one's own was: query, rows, SHA-256"),
        ),
    ]
}

/// The way to the dialog.
pub(super) fn button(state: &State) -> Markup {
    html! {
        a #download .button href=(state.href_of("/download", &[])) data-dialog="Download" {
            "Download"
        }
    }
}

/// What an explorer's address asks for, with its filter or without.
pub(crate) fn question_of(
    query: &str,
    is_filtered: bool,
    now: Timestamp,
) -> Result<Question, ApiError> {
    let params = Params::parse(Some(query))?;
    params.only(&State::params())?;
    question(&State::parse(&params)?, is_filtered, now)
}

fn question(state: &State, is_filtered: bool, now: Timestamp) -> Result<Question, ApiError> {
    let asked = match is_filtered {
        true => state.clone(),
        false => state.with(|state| {
            state.text.clear();
            state.pills.0.clear();
            state.odata.clear();
        }),
    };
    asked.question(now).map_err(|error| ApiError::bad_request(error.to_string()))
}

/// What the dialog tells.
struct Found {
    /// Rows of each log, with the filter and without.
    counts: Vec<(Log, u64, u64)>,
    /// Bytes of a row by format, with the displayed columns and with all.
    sizes: Vec<(&'static str, u64, u64)>,
}

/// `GET /download`
async fn show(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&State::params())?;
    let state = State::parse(&params)?;
    let (now, asked) = (Timestamp::now(), state.clone());
    let sight = caller.sight_of_exports();
    let looked = app.ask_as(&caller, sight, move |reader| look(reader, &asked, now));
    let found = looked.await?;
    let job = durward_access::random_secret().map_err(|error| ApiError::internal(&error))?;
    let is_limited = !caller.may(Right::Export);
    let dialog = dialog::Dialog { state: &state, found: &found, job: &job, is_limited };
    let page = match headers.contains_key("hx-request") {
        true => dialog.form(),
        false => dialog.whole(&frame),
    };
    Ok(Looked::default().on(answer(page)))
}

fn look(reader: &Reader, state: &State, now: Timestamp) -> Result<Found, ApiError> {
    let (filtered, all) = (question(state, true, now)?, question(state, false, now)?);
    let mut counts = Vec::with_capacity(Log::SIGN_INS.len());
    for log in Log::SIGN_INS {
        let of =
            |question: &Question| Question { logs: vec![log], ..question.clone() }.count(reader);
        counts.push((log, of(&filtered)?, of(&all)?));
    }
    let (events, _) = filtered.events(reader, None, SAMPLE_ROWS)?;
    let mut sizes = Vec::with_capacity(SIZED.len());
    let rows = events.len().max(1) as u64;
    for format in SIZED {
        let size = |columns: &str| {
            let pairs = [("type", "i"), ("format", format), ("columns", columns)];
            let params = Params::parse(Some(&query_string(pairs)))?;
            Ok::<u64, ApiError>(export::bytes_of(&params, &events)?.div_ceil(rows))
        };
        sizes.push((format, size(&displayed(state))?, size("all")?));
    }
    Ok(Found { counts, sizes })
}

/// The displayed columns by name; the number of grouped sign-ins is none of a single one.
fn displayed(state: &State) -> String {
    let columns = state.columns().into_iter().map(|column| column.name);
    columns.filter(|name| *name != "count").collect::<Vec<_>>().join(",")
}

fn job_of(uri: &Uri) -> Result<String, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&["job"])?;
    Ok(params.get("job").unwrap_or_default().to_owned())
}

/// `GET /download/progress`
async fn progress(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    uri: Uri,
) -> Result<Response, ApiError> {
    let job = job_of(&uri)?;
    let found = app.downloads.find(&caller.key(""), &job);
    let found = found.ok_or_else(|| ApiError::not_found("there is no such export of yours"))?;
    Ok(rest::json(found.progress().to_string()))
}

/// `GET /download/manifest`
async fn manifest(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    uri: Uri,
) -> Result<Response, ApiError> {
    let job = job_of(&uri)?;
    let found = app.downloads.find(&caller.key(""), &job);
    let manifest = found.and_then(|download| download.manifest()).ok_or_else(|| {
        let message = "the manifest is there for an hour once the file is whole: download it first";
        ApiError::not_found(message)
    })?;
    let text = serde_json::to_string_pretty(&manifest).map_err(|e| ApiError::internal(&e))?;
    let file = manifest["file"].as_str().unwrap_or("sign-ins").to_owned();
    let disposition = format!("attachment; filename=\"{file}.manifest.json\"");
    Ok(([(CONTENT_DISPOSITION, disposition)], rest::json(text)).into_response())
}

/// Does the tab have this log?
fn has(tab: Tab, log: Log) -> bool {
    tab.logs().contains(&log)
}
