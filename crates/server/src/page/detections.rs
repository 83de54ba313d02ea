//! The detections that are built in: which are on, with which numbers, what they found, and what
//! they would find with others.

mod backtest;
mod detail;
mod form;
mod list;

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, Path, State as Shared};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use durward_access::Right;
use durward_detect::book::FindingQuery;
use durward_detect::risk::Reach;
use durward_detect::{About, Book, Level, Settings, detections};
use durward_journal::Action;
use durward_model::Timestamp;
use durward_model::time::DAY_MICROS;

use crate::access::gate::{self, redirect};
use crate::access::{Asking, Caller, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::openapi::Parameter;
use crate::params::Params;
use crate::risk::{RiskSight, refused, run};
use crate::routes::{Endpoint, endpoint, right};

use super::alerts::marks::changed;
use super::shell::Frame;
use super::{answer, page_of};
use form::Entered;

pub(in crate::page) use backtest::{days, findings, gone, to_test, unfinished};
pub(in crate::page) use detail::with_code;
pub(in crate::page) use list::found as found_by_level;

/// Findings are counted over so many days.
const COUNTED_MICROS: i64 = 30 * DAY_MICROS;
/// Findings that the page of a detection lists.
const LISTED: usize = 10;

pub(super) const READ: &[Right] = &[Right::ReadRisk];
pub(super) const CHANGE: &[Right] = &[Right::ChangeDetections];
const FORM: &str = "application/x-www-form-urlencoded";

pub(super) fn endpoints() -> Vec<Endpoint> {
    let id = || Parameter::path("id", "Identifier of a detection");
    let test = || Parameter::query("test", "A back-test of one's own");
    let form = |what: &'static str| page_of(what).parameters(&[id()]).body(FORM, "Any");
    vec![
        endpoint(
            Method::GET,
            "/detections",
            right(READ, Action::List),
            get(list_page),
            page_of("Detections").parameters(&[Parameter::query("q", "Part of a name")]),
        ),
        endpoint(
            Method::GET,
            "/detections/{id}",
            right(READ, Action::Read),
            get(detail_page),
            page_of("A detection").parameters(&[id(), test()]),
        ),
        endpoint(
            Method::POST,
            "/detections/{id}",
            right(CHANGE, Action::Change),
            post(save),
            form("Changes a detection"),
        ),
        endpoint(
            Method::POST,
            "/detections/{id}/switch",
            right(CHANGE, Action::Change),
            post(switch),
            form("Switches a detection, or its alerts, on or off"),
        ),
        endpoint(
            Method::POST,
            "/detections/{id}/reset",
            right(CHANGE, Action::Change),
            post(reset),
            form("Back to what the configuration says of a detection"),
        ),
        endpoint(
            Method::GET,
            "/detections/{id}/backtest",
            right(CHANGE, Action::Read),
            get(backtest::watch),
            page_of("How far a back-test is, and what came of it").parameters(&[id(), test()]),
        ),
        endpoint(
            Method::POST,
            "/detections/{id}/backtest",
            right(CHANGE, Action::Read),
            post(backtest::begin),
            form("Begins a back-test of a detection with other numbers"),
        ),
        endpoint(
            Method::POST,
            "/detections/{id}/backtest/cancel",
            right(CHANGE, Action::Read),
            post(backtest::cancel),
            form("Stops a back-test"),
        ),
    ]
}

/// What one detection has found.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::page) struct Tally {
    /// When its newest finding was.
    pub(in crate::page) last: Option<Timestamp>,
    /// Findings of the last 30 days by level.
    pub(in crate::page) found: [u64; 3],
}

/// The tenants whose findings somebody may see all of; `None` if they only see those of some
/// users, of whom the book keeps no counts.
pub(in crate::page) fn tenants_of(reach: &Reach) -> Option<Option<Vec<String>>> {
    if reach.is_everything() {
        return Some(None);
    }
    if reach.0.iter().any(|part| !part.users.is_empty()) {
        return None;
    }
    Some(Some(reach.0.iter().flat_map(|part| part.tenants.clone()).collect()))
}

/// What each detection found; nothing where the caller may not see all of it.
pub(in crate::page) fn tallies<'a>(
    book: &Book,
    reach: &Reach,
    ids: impl Iterator<Item = &'a str>,
    now: Timestamp,
) -> Result<HashMap<String, Tally>, ApiError> {
    let Some(tenants) = tenants_of(reach) else { return Ok(HashMap::new()) };
    let all = FindingQuery { tenants, ..FindingQuery::default() };
    let since = FindingQuery { from_micros: Some(now.micros - COUNTED_MICROS), ..all.clone() };
    let counts = book.count_findings(&since).map_err(refused)?;
    let mut tallies = HashMap::new();
    for id in ids {
        let newest = FindingQuery { detection: Some(id.to_owned()), limit: 1, ..all.clone() };
        let newest = book.findings(&newest).map_err(refused)?;
        let found = Level::ALL
            .map(|level| counts.get(&(id.to_owned(), level)).copied().unwrap_or_default());
        let newest = newest.first().map(|stored| stored.finding.last_micros);
        let last = newest.map(Timestamp::from_micros);
        tallies.insert(id.to_owned(), Tally { last, found });
    }
    Ok(tallies)
}

/// Fails unless somebody may change what is found in all of the log, and see names.
pub(in crate::page) fn whole(caller: &Caller) -> Result<(), ApiError> {
    let sight = RiskSight::by(caller, Right::ChangeDetections);
    if sight.reach().is_everything() && !sight.masks_names() {
        return Ok(());
    }
    let message = "detections and rules look at the whole log, so changing them takes the right \
                   to all of it";
    Err(ApiError::new(StatusCode::FORBIDDEN, "Forbidden", message))
}

fn about_of(id: &str) -> Result<&'static About, ApiError> {
    detections::about(id).ok_or_else(|| ApiError::not_found("there is no such detection"))
}

/// The settings that hold.
async fn in_force(app: &Arc<App>) -> Result<Settings, ApiError> {
    let configured = app.detect.configured.clone();
    run(app, move |book| book.settings(&configured).map_err(refused)).await
}

/// `GET /detections`
async fn list_page(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&["q"])?;
    let now = Timestamp::now();
    let reach = RiskSight::of(&caller).reach();
    let configured = app.detect.configured.clone();
    let (settings, tallies) = run(&app, move |book| {
        let ids = detections::all().map(|about| about.id);
        let settings = book.settings(&configured).map_err(refused)?;
        Ok((settings, tallies(book, &reach, ids, now)?))
    })
    .await?;
    let page = list::Page {
        text: params.get("q").unwrap_or_default(),
        settings: &settings,
        tallies: &tallies,
        status: app.detect.status(),
        may_change: caller.may_any(CHANGE),
        now,
    };
    Ok(Looked::rows(detections::all().count()).on(answer(page.render(&frame))))
}

/// `GET /detections/{id}`
async fn detail_page(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&["test"])?;
    let about = about_of(&id)?;
    let settings = in_force(&app).await?;
    let job = params.get("test").and_then(|test| app.backtests.get(test, &caller));
    let tried = job.as_deref().and_then(|job| backtest::tried(job, about));
    let entered = match &tried {
        Some((choice, days)) => Entered { days: *days, ..Entered::of(about, choice) },
        None => Entered::in_force(about, &settings),
    };
    let mut page = detail::look(&app, &caller, about, settings, &entered).await?;
    page.job = job.as_deref();
    Ok(Looked { target: Some(id), ..Looked::rows(1) }.on(answer(page.render(&frame))))
}

/// `POST /detections/{id}`
async fn save(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    whole(&caller)?;
    let about = about_of(&id)?;
    let entered = Entered::read(about, &gate::form(&headers, body).await?)?;
    let Some(choice) = entered.choice() else {
        return wrong(&app, &caller, &frame, about, &entered).await;
    };
    let (by, detection, written) = (caller.name(), id.clone(), choice.clone());
    run(&app, move |book| {
        book.choose(&detection, Some(&written), &by, Timestamp::now().micros).map_err(refused)
    })
    .await?;
    app.detect.wake();
    let what = form::words(about, &choice);
    Ok(changed(&id, what, redirect(&format!("/detections/{id}"))))
}

/// The form again, with what is wrong.
async fn wrong(
    app: &Arc<App>,
    caller: &Arc<Caller>,
    frame: &Frame,
    about: &'static About,
    entered: &Entered,
) -> Result<Response, ApiError> {
    let settings = in_force(app).await?;
    let page = detail::look(app, caller, about, settings, entered).await?;
    Ok((StatusCode::BAD_REQUEST, answer(page.render(frame))).into_response())
}

/// `POST /detections/{id}/switch`
async fn switch(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    whole(&caller)?;
    let about = about_of(&id)?;
    let form = gate::form(&headers, body).await?;
    form.only(&["csrf", "on", "alerts"])?;
    let mut choice = in_force(&app).await?.choice(about.id);
    if form.get("on").is_some() {
        choice.is_on = Some(form.flag("on")?);
    }
    if form.get("alerts").is_some() {
        choice.alerts = Some(form.flag("alerts")?);
    }
    let (by, detection, written) = (caller.name(), id.clone(), choice.clone());
    run(&app, move |book| {
        book.choose(&detection, Some(&written), &by, Timestamp::now().micros).map_err(refused)
    })
    .await?;
    app.detect.wake();
    let what = form::words(about, &choice);
    Ok(changed(&id, what, redirect(&format!("/detections#{id}"))))
}

/// `POST /detections/{id}/reset`
async fn reset(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    whole(&caller)?;
    about_of(&id)?;
    gate::form(&headers, body).await?.only(&["csrf"])?;
    let (by, detection) = (caller.name(), id.clone());
    run(&app, move |book| {
        book.choose(&detection, None, &by, Timestamp::now().micros).map_err(refused)
    })
    .await?;
    app.detect.wake();
    Ok(changed(&id, "back to the configuration".to_owned(), redirect(&format!("/detections/{id}"))))
}
