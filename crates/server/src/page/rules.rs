//! Rules of one's own: written from a filter of the explorer or in Sigma, tried over the past,
//! and then switched on.
//!
//! A rule finds in the whole log, so writing one takes the right for all of it. What a rule would
//! find must have been looked at before it is saved: the form names the back-test, and the server
//! compares what was tried with what is to be saved.

mod detail;
mod draft;
mod form;
mod import;
mod list;
mod test;

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, Path, State as Shared};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use durward_detect::book::FindingQuery;
use durward_detect::rules::{Compiled, Rule, RuleError};
use durward_journal::Action;
use durward_model::Timestamp;

use crate::access::gate::{self, redirect};
use crate::access::{Asking, Caller, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::openapi::Parameter;
use crate::params::{Params, query_string};
use crate::risk::{RiskSight, refused, run};
use crate::routes::{Endpoint, endpoint, right};

use super::alerts::marks::{Seen, changed};
use super::detections::{CHANGE, READ, tallies, tenants_of, whole};
use super::shell::Frame;
use super::state::State;
use super::{answer, explorer_parameters, page_of};
use draft::Draft;

const FORM: &str = "application/x-www-form-urlencoded";
/// Findings that the page of a rule lists.
const LISTED: usize = 10;
/// Names of pages below `/rules/`, which no rule can have.
const TAKEN: [&str; 5] = ["new", "import", "backtest", "test", "save"];

pub(super) fn endpoints() -> Vec<Endpoint> {
    let mut all = reading();
    all.extend(changing());
    all
}

fn reading() -> Vec<Endpoint> {
    let test = Parameter::query("test", "A back-test of one's own");
    let id = Parameter::path("id", "Identifier of a rule");
    let version = Parameter::query("version", "Of which version the form is, by its time");
    vec![
        endpoint(
            Method::GET,
            "/rules",
            right(READ, Action::List),
            get(list_page),
            page_of("Rules"),
        ),
        endpoint(
            Method::GET,
            "/rules/{id}",
            right(READ, Action::Read),
            get(detail_page),
            page_of("A rule").parameters(&[id, test.clone(), version]),
        ),
        endpoint(
            Method::GET,
            "/rules/new",
            right(CHANGE, Action::Read),
            get(new_page),
            page_of("A new rule, from a view of the explorer")
                .parameters(&explorer_parameters())
                .parameters(std::slice::from_ref(&test)),
        ),
        endpoint(
            Method::GET,
            "/rules/import",
            right(CHANGE, Action::Read),
            get(import::show),
            page_of("Adds Sigma rules").parameters(std::slice::from_ref(&test)),
        ),
        endpoint(
            Method::GET,
            "/rules/backtest",
            right(CHANGE, Action::Read),
            get(test::watch),
            page_of("How far a back-test of rules is").parameters(&[test]),
        ),
    ]
}

fn changing() -> Vec<Endpoint> {
    let id = Parameter::path("id", "Identifier of a rule");
    let form = |what: &'static str| page_of(what).body(FORM, "Any");
    let one = |what: &'static str| form(what).parameters(std::slice::from_ref(&id));
    let change = right(CHANGE, Action::Change);
    let read = right(CHANGE, Action::Read);
    vec![
        endpoint(Method::POST, "/rules", change, post(save), form("Saves a rule")),
        endpoint(
            Method::POST,
            "/rules/backtest",
            read,
            post(test::begin),
            form("Begins a back-test of a rule"),
        ),
        endpoint(
            Method::POST,
            "/rules/backtest/cancel",
            read,
            post(test::cancel),
            form("Stops a back-test"),
        ),
        endpoint(
            Method::POST,
            "/rules/{id}/switch",
            change,
            post(switch),
            one("Switches a rule on or off"),
        ),
        endpoint(Method::POST, "/rules/{id}/remove", change, post(remove), one("Removes a rule")),
        endpoint(
            Method::POST,
            "/rules/import",
            read,
            post(import::report),
            form("Says of each Sigma rule whether it can be used"),
        ),
        endpoint(
            Method::POST,
            "/rules/import/backtest",
            read,
            post(import::begin),
            form("Begins a back-test of Sigma rules"),
        ),
        endpoint(
            Method::POST,
            "/rules/import/save",
            change,
            post(import::save),
            form("Adds Sigma rules that were tried"),
        ),
    ]
}

/// Makes a rule ready, or says what is wrong with it.
fn compiled(app: &App, rule: &Rule) -> Result<Compiled, RuleError> {
    Compiled::new(rule.clone(), &app.detect.placeholders)
}

fn missing() -> ApiError {
    ApiError::not_found("there is no such rule")
}

fn href(id: &str) -> String {
    super::alerts::marks::detection_href(&format!("rule:{id}"))
}

/// `GET /rules`
async fn list_page(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    uri: Uri,
) -> Result<Response, ApiError> {
    Params::parse(uri.query())?.only(&["tz"])?;
    let now = Timestamp::now();
    let reach = RiskSight::of(&caller).reach();
    let (rules, tallies) = run(&app, move |book| {
        let rules = book.rules().map_err(refused)?;
        let ids: Vec<String> = rules.iter().map(|stored| stored.rule.detection()).collect();
        let tallies = tallies(book, &reach, ids.iter().map(String::as_str), now)?;
        Ok((rules, tallies))
    })
    .await?;
    let broken: HashMap<String, String> = rules
        .iter()
        .filter_map(|stored| {
            let error = compiled(&app, &stored.rule).err()?;
            Some((stored.rule.id.clone(), error.to_string()))
        })
        .collect();
    let page = list::Page {
        rules: &rules,
        tallies: &tallies,
        broken: &broken,
        may_change: caller.may_any(CHANGE),
        now,
    };
    Ok(Looked::rows(rules.len()).on(answer(page.render(&frame))))
}

/// `GET /rules/new`
async fn new_page(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&[State::params(), vec!["test"]].concat())?;
    let job = params.get("test").and_then(|test| app.backtests.get(test, &caller));
    let draft = match job.as_deref().and_then(test::rule_of) {
        Some(rule) => Draft::of(&rule),
        None => Draft::of_state(&State::parse(&params)?, Timestamp::now())?,
    };
    let page = detail::Page { draft, job, ..detail::Page::empty(&app, &caller) };
    Ok(Looked::default().on(answer(page.render(&frame))))
}

/// `GET /rules/{id}`
async fn detail_page(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&["test", "version"])?;
    let job = params.get("test").and_then(|test| app.backtests.get(test, &caller));
    let known = look(&app, &caller, &id).await?;
    let version = params.get("version").and_then(|at| at.parse::<i64>().ok());
    let old = known.history.iter().find(|one| Some(one.at_micros) == version);
    let tried = job.as_deref().and_then(test::rule_of).filter(|rule| rule.id == id);
    let shown = tried.or_else(|| old.and_then(|one| one.rule.clone()));
    let draft = Draft::of(shown.as_ref().unwrap_or(&known.stored.rule));
    let empty = detail::Page::empty(&app, &caller);
    let page = detail::Page { draft, job, known: Some(known), ..empty };
    Ok(Looked { target: Some(id), ..Looked::rows(1) }.on(answer(page.render(&frame))))
}

/// Looks up a rule that there is.
async fn look(app: &Arc<App>, caller: &Arc<Caller>, id: &str) -> Result<detail::Known, ApiError> {
    let (id, now) = (id.to_owned(), Timestamp::now());
    let sight = RiskSight::of(caller);
    run(app, move |book| {
        let stored = book.rule(&id).map_err(refused)?.ok_or_else(missing)?;
        let history = book.rule_history(&id).map_err(refused)?;
        let (reach, detection) = (sight.reach(), stored.rule.detection());
        let tallies = tallies(book, &reach, std::iter::once(detection.as_str()), now)?;
        let tally = tallies.get(&detection).copied().unwrap_or_default();
        let found = match tenants_of(&reach) {
            None => Vec::new(),
            Some(tenants) => {
                let detection = Some(detection);
                let query =
                    FindingQuery { tenants, detection, limit: LISTED, ..FindingQuery::default() };
                book.findings(&query).map_err(refused)?
            }
        };
        let found = found.iter().filter_map(|one| Seen::of(&one.finding, &sight)).collect();
        Ok(detail::Known { stored, history, tally, found })
    })
    .await
}

/// The form again, with what is wrong.
async fn wrong(
    app: &Arc<App>,
    caller: &Arc<Caller>,
    frame: &Frame,
    draft: Draft,
    problem: RuleError,
) -> Result<Response, ApiError> {
    let known = match draft.id() {
        "" => None,
        id => Some(look(app, caller, id).await?),
    };
    let page =
        detail::Page { draft, problem: Some(problem), known, ..detail::Page::empty(app, caller) };
    Ok((StatusCode::BAD_REQUEST, answer(page.render(frame))).into_response())
}

/// Do two rules find the same?
fn finds_the_same(one: &Rule, other: &Rule) -> bool {
    one.source == other.source && one.shape == other.shape && one.suppress == other.suppress
}

/// `POST /rules`
async fn save(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    whole(&caller)?;
    let form = gate::large_form(&headers, body).await?;
    let draft = Draft::read(form)?;
    let rule = match draft.rule().and_then(|rule| compiled(&app, &rule).map(|_| rule)) {
        Ok(rule) => rule,
        Err(problem) => return wrong(&app, &caller, &frame, draft, problem).await,
    };
    let id = rule.id.clone();
    let kept = run(&app, move |book| book.rule(&id).map_err(refused)).await?;
    if let Some(problem) = obstacle(&app, &caller, &draft, &rule, kept.as_ref().map(|k| &k.rule)) {
        return wrong(&app, &caller, &frame, draft, problem).await;
    }
    let (id, by, what) = (rule.id.clone(), caller.name(), form::words(&rule));
    run(&app, move |book| book.put_rule(&rule, &by, Timestamp::now().micros).map_err(refused))
        .await?;
    app.detect.wake();
    Ok(changed(&format!("rule:{id}"), what, redirect(&href(&id))))
}

/// What keeps a rule from being saved.
fn obstacle(
    app: &App,
    caller: &Caller,
    draft: &Draft,
    rule: &Rule,
    kept: Option<&Rule>,
) -> Option<RuleError> {
    let of = |field: &str, reason: &str| {
        Some(RuleError { field: field.to_owned(), reason: reason.to_owned() })
    };
    if draft.id().is_empty() && kept.is_some() {
        return of("name", "there is a rule of this name already; open it to change it");
    }
    if TAKEN.contains(&rule.id.as_str()) {
        return of("name", "this name is taken by a page; choose another");
    }
    // What is found stays as it was tried when it was saved.
    if kept.is_some_and(|kept| finds_the_same(kept, rule)) {
        return None;
    }
    let job = app.backtests.get(draft.test(), caller);
    match job.as_deref().and_then(test::tried) {
        None => of("backtest", "run a back-test first: it shows what the rule would have found"),
        Some(tried) if !finds_the_same(&tried, rule) => {
            of("backtest", "the rule was changed since its back-test: run it again")
        }
        Some(_) => None,
    }
}

/// `POST /rules/{id}/switch`
async fn switch(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    whole(&caller)?;
    let form = gate::form(&headers, body).await?;
    form.only(&["csrf", "on"])?;
    let (is_on, by, rule) = (form.flag("on")?, caller.name(), id.clone());
    run(&app, move |book| {
        book.enable_rule(&rule, is_on, &by, Timestamp::now().micros).map_err(refused)
    })
    .await?;
    app.detect.wake();
    let what = if is_on { "on" } else { "off" };
    let back = format!("/rules#{}", query_string([("", id.as_str())]).trim_start_matches('='));
    Ok(changed(&format!("rule:{id}"), what.to_owned(), redirect(&back)))
}

/// `POST /rules/{id}/remove`
async fn remove(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    whole(&caller)?;
    gate::form(&headers, body).await?.only(&["csrf"])?;
    let (by, rule) = (caller.name(), id.clone());
    run(&app, move |book| book.remove_rule(&rule, &by, Timestamp::now().micros).map_err(refused))
        .await?;
    app.detect.wake();
    Ok(changed(&format!("rule:{id}"), "removed".to_owned(), redirect("/rules")))
}
