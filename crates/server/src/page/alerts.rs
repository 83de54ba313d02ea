//! Alerts: what somebody should look at, what speaks for and against it, and what became of it.
//!
//! Alerts are about whole users, workloads and addresses, so who sees them follows the scopes of
//! risk ([`RiskSight`]); the sign-ins that are evidence are shown by the caller's own reader.

mod channels;
mod detail;
mod evidence;
mod list;
pub(in crate::page) mod marks;
mod suppressions;
mod work;

use std::sync::Arc;

use axum::extract::{Extension, Path, State as Shared};
use axum::http::{Method, Uri};
use axum::response::Response;
use axum::routing::{get, post};
use durward_access::Right;
use durward_detect::Level;
use durward_detect::alerts::{AlertDetails, AlertQuery};
use durward_journal::Action;
use durward_model::Timestamp;

use crate::access::{Asking, Caller, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::openapi::Parameter;
use crate::params::Params;
use crate::risk::{RiskSight, refused, run};
use crate::routes::{Endpoint, endpoint, right};

use super::detections::{CHANGE, READ};
use super::scope::{self, Scope};
use super::shell::Frame;
use super::{answer, page_of, scope_parameters};

/// Rows of a page.
const PAGE_ROWS: usize = 50;

const WORK: &[Right] = &[Right::WorkAlerts];
const FORM: &str = "application/x-www-form-urlencoded";

/// Parameters of the list besides those of the scope.
const PARAMS: [&str; 6] = ["state", "severity", "detection", "q", "assignee", "after"];

pub(super) fn endpoints() -> Vec<Endpoint> {
    let mut all = reading();
    all.extend(working());
    all
}

fn reading() -> Vec<Endpoint> {
    let number = Parameter::path("id", "Number of an alert");
    let list = page_of("Alerts").parameters(&scope_parameters()).parameters(&[
        Parameter::query("state", "new (default), inProgress or closed"),
        Parameter::query("severity", "low, medium or high: at least"),
        Parameter::query("detection", "Identifier of a detection, or rule:…"),
        Parameter::query("q", "Part of what it says, or of a name"),
        Parameter::query("assignee", "A name; - for nobody"),
        Parameter::query("after", "Where the page before ended"),
    ]);
    vec![
        endpoint(Method::GET, "/alerts", right(READ, Action::List), get(list_page), list),
        endpoint(
            Method::GET,
            "/alerts/{id}",
            right(READ, Action::Read),
            get(detail_page),
            page_of("An alert").parameters(&[number]),
        ),
        endpoint(
            Method::GET,
            "/alerts/channels",
            right(READ, Action::List),
            get(channels::show),
            page_of("Channels that alerts are delivered to"),
        ),
        endpoint(
            Method::GET,
            "/alerts/suppressions",
            right(READ, Action::List),
            get(suppressions::show),
            page_of("What makes no alert for a while"),
        ),
    ]
}

fn working() -> Vec<Endpoint> {
    let number = Parameter::path("id", "Number of an alert");
    let form = |what: &'static str| page_of(what).body(FORM, "Any");
    let one = |what| form(what).parameters(std::slice::from_ref(&number));
    let need = right(WORK, Action::Change);
    vec![
        endpoint(
            Method::POST,
            "/alerts",
            need,
            post(work::change_many),
            form("Changes several alerts"),
        ),
        endpoint(
            Method::POST,
            "/alerts/{id}",
            need,
            post(work::change_one),
            one("State, assignee or a note of an alert"),
        ),
        endpoint(
            Method::POST,
            "/alerts/{id}/check",
            need,
            post(work::check),
            one("Ticks a suggested check, or takes the tick away"),
        ),
        endpoint(
            Method::POST,
            "/alerts/{id}/suppress",
            need,
            post(work::suppress),
            one("Keeps more of the kind from making alerts for a while"),
        ),
        endpoint(
            Method::POST,
            "/alerts/suppressions/end",
            need,
            post(suppressions::end),
            form("Ends a suppression"),
        ),
        endpoint(
            Method::POST,
            "/alerts/deliveries/retry",
            need,
            post(work::retry),
            form("Tries a delivery again"),
        ),
        endpoint(
            Method::POST,
            "/alerts/channels/test",
            right(CHANGE, Action::Change),
            post(channels::test),
            form("Sends a test message to a channel"),
        ),
    ]
}

/// What the list is asked.
#[derive(Clone, Debug)]
struct Asked {
    scope: Scope,
    params: Params,
    /// The state whose tab is open, by name.
    state: &'static str,
}

/// States in the order of the tabs, and what they are called.
const STATES: [(&str, &str); 3] =
    [("new", "New"), ("inProgress", "In progress"), ("closed", "Closed")];

impl Asked {
    fn parse(query: Option<&str>) -> Result<Asked, ApiError> {
        let params = Params::parse(query)?;
        params.only(&[&scope::PARAMS[..], &PARAMS].concat())?;
        // What is open is not hidden by its age.
        let scope = Scope::parse(&params, "all")?;
        let state = params.get("state").unwrap_or("new");
        let state = STATES.iter().map(|(name, _)| *name).find(|name| *name == state);
        let state = state.ok_or_else(|| {
            ApiError::bad_request("'state' must be new, inProgress or closed").parameter("state")
        })?;
        Ok(Asked { scope, params, state })
    }

    fn get(&self, name: &str) -> &str {
        self.params.get(name).unwrap_or_default()
    }

    /// The list in another scope, with some parameters changed; empty ones are left out.
    fn href(&self, scope: &Scope, changes: &[(&'static str, &str)]) -> String {
        let kept =
            PARAMS.iter().filter(|name| **name != "after").map(|name| (*name, self.get(name)));
        let kept = kept.filter(|(name, _)| !changes.iter().any(|(other, _)| other == name));
        let all = kept.chain(changes.iter().copied()).filter(|(_, value)| !value.is_empty());
        scope.href("/alerts", &all.collect::<Vec<_>>())
    }

    fn is_filtered(&self) -> bool {
        ["severity", "detection", "q", "assignee"]
            .iter()
            .any(|name| self.params.get(name).is_some())
    }

    fn query(&self, sight: &RiskSight, now: Timestamp) -> Result<AlertQuery, ApiError> {
        let (from, to) = self.scope.span(now)?;
        let least = self.params.get("severity").map(|name| {
            Level::from_name(name).ok_or_else(|| {
                ApiError::bad_request("'severity' must be low, medium or high")
                    .parameter("severity")
            })
        });
        let after = self.params.get("after").map(|text| {
            let (last, number) = text.split_once('.')?;
            Some((last.parse().ok()?, number.parse().ok()?))
        });
        let after = match after {
            Some(None) => return Err(ApiError::bad_request("'after' is no place in the list")),
            after => after.flatten(),
        };
        let assignee = self.params.get("assignee");
        Ok(AlertQuery {
            reach: sight.reach(),
            states: vec![self.state.to_owned()],
            least: least.transpose()?,
            tenant: self.scope.tenant.clone(),
            detection: self.params.get("detection").map(str::to_owned),
            assignee: assignee.map(|name| if name == "-" { "" } else { name }.to_owned()),
            // Under a mask a search would tell whose name it is.
            text: self.params.get("q").filter(|_| !sight.masks_names()).map(str::to_owned),
            from_micros: from.map(|from| from.micros),
            to_micros: to.map(|to| to.micros),
            after,
            limit: PAGE_ROWS + 1,
            ..AlertQuery::default()
        })
    }
}

/// `GET /alerts`
async fn list_page(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let asked = Asked::parse(uri.query())?;
    let now = Timestamp::now();
    let sight = RiskSight::of(&caller);
    let query = asked.query(&sight, now)?;
    let (mut alerts, counts, rules) = run(&app, move |book| {
        let alerts = book.alerts(&query).map_err(refused)?;
        let counts = book.count_alerts(&query).map_err(refused)?;
        Ok((alerts, counts, book.rules().map_err(refused)?))
    })
    .await?;
    let has_more = alerts.len() > PAGE_ROWS;
    alerts.truncate(PAGE_ROWS);
    let page = list::Page {
        asked: &asked,
        sight: &sight,
        alerts: &alerts,
        has_more,
        counts,
        rules: &rules,
        may_work: caller.may_any(WORK),
        me: caller.name(),
        now,
    };
    Ok(Looked::rows(alerts.len()).on(answer(page.render(&frame))))
}

/// The number in an address.
fn number_of(text: &str) -> Result<i64, ApiError> {
    text.parse().map_err(|_| missing())
}

fn missing() -> ApiError {
    ApiError::not_found("there is no such alert, or it is about somebody you may not see")
}

/// An alert, if the sight shows it.
async fn details(app: &Arc<App>, sight: &RiskSight, number: i64) -> Result<AlertDetails, ApiError> {
    let reach = sight.reach();
    run(app, move |book| book.alert(number, &reach).map_err(refused)).await?.ok_or_else(missing)
}

/// `GET /alerts/{id}`
async fn detail_page(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, ApiError> {
    Params::parse(uri.query())?.only(&["tz"])?;
    let number = number_of(&id)?;
    let sight = RiskSight::of(&caller);
    let details = details(&app, &sight, number).await?;
    let evidence = evidence_of(&app, &caller, &details).await?;
    let page = detail::Page {
        details: &details,
        evidence: &evidence,
        sight: &sight,
        may_work: caller.may_any(WORK),
        me: caller.name(),
        now: Timestamp::now(),
    };
    let rows = evidence.events.len();
    Ok(Looked { target: Some(id), ..Looked::rows(rows) }.on(answer(page.render(&frame))))
}

async fn evidence_of(
    app: &Arc<App>,
    caller: &Caller,
    details: &AlertDetails,
) -> Result<evidence::Evidence, ApiError> {
    let wanted = evidence::Wanted::of(details);
    app.ask(caller, move |reader| evidence::look(reader, &wanted)).await
}
