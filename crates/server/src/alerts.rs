//! Alerts for programs: `/api/alerts`, and what is said of them in JSON.
//!
//! An alert tells of people and addresses in sentences, so it is shown to those only who see
//! everybody in it without a mask. What goes for all alerts (suppressions, channels) is for those
//! whose right has no limits.

mod change;
mod channels;
mod routes;
mod suppressions;

use std::collections::HashSet;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use durward_access::Right;
use durward_detect::alerts::{
    Alert, AlertCounts, AlertDetails, AlertQuery, Attached, Delivery, Entry, Similar, Verdict,
};
use durward_detect::risk::{By, Reach};
use durward_detect::{Level, SubjectKind, detections};
use durward_model::{FieldId, Timestamp};
use durward_query::Reader;
use serde_json::{Map, Value, json};

use crate::access::{Asking, Caller, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::params::{self, Params};
use crate::rest;
use crate::risk::{self, RiskSight};

pub(crate) use routes::endpoints;

/// Alerts of a page unless asked for, and the most there can be.
const PAGE_ROWS: usize = 100;
const PAGE_ROWS_MAX: usize = 1000;
/// Largest body of a change, in bytes.
const BODY_BYTES_MAX: usize = 64 << 10;
/// Sign-ins that are looked up to count the attempts of one alert.
const LOOKED_UP_MAX: usize = 200;
/// Parameters of lists.
const PARAMS: [&str; 15] = [
    "state",
    "verdict",
    "severity",
    "tenant",
    "detection",
    "kind",
    "subject",
    "assignee",
    "q",
    "from",
    "to",
    "history",
    "count",
    "limit",
    "cursor",
];

/// Whose alerts a caller may read.
pub(crate) fn reach_of(caller: &Caller, right: Right) -> Result<Reach, ApiError> {
    let reach = RiskSight::by(caller, right).clear_reach();
    if reach == Reach::nothing() {
        let message = "alerts tell of people and addresses in words, and your role is limited to \
                       some applications, or sees names or addresses masked";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "Forbidden", message));
    }
    Ok(reach)
}

/// What goes for all alerts is for those without limits.
fn needs_everything(caller: &Caller, right: Right) -> Result<(), ApiError> {
    if reach_of(caller, right)?.is_everything() {
        return Ok(());
    }
    let message = "this goes for all alerts, and your role is limited to some of them";
    Err(ApiError::new(StatusCode::FORBIDDEN, "Forbidden", message))
}

/// Who changes something, for the history.
pub(crate) fn by(caller: &Caller, note: String) -> By {
    let actor = caller.actor();
    By { id: actor.id, name: actor.name, note, at_micros: Timestamp::now().micros }
}

/// `GET /api/alerts`
async fn list(
    State(app): State<Arc<App>>,
    Asking(caller): Asking,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&PARAMS)?;
    let query = query_of(&params, reach_of(&caller, Right::ReadRisk)?)?;
    let count = params.flag("count")?;
    let limit = query.limit;
    let (alerts, counts) = risk::run(&app, move |book| {
        // One more, to know whether there are more.
        let alerts = book.alerts(&AlertQuery { limit: limit + 1, ..query.clone() });
        let alerts = alerts.map_err(risk::refused)?;
        let counts = count.then(|| book.count_alerts(&query)).transpose();
        Ok((alerts, counts.map_err(risk::refused)?))
    })
    .await?;
    let shown = &alerts[..alerts.len().min(limit)];
    let next = (alerts.len() > limit).then(|| shown.last()).flatten();
    let next = next.map(|last| format!("{}.{}", last.last_micros, last.number));
    let mut body =
        json!({ "nextCursor": next, "value": shown.iter().map(alert_json).collect::<Vec<_>>() });
    if let Some(counts) = counts {
        body["counts"] = counts_json(&counts);
    }
    Ok(Looked::rows(shown.len()).on(rest::json(body.to_string())))
}

/// `GET /api/alerts/{number}`
async fn one(
    State(app): State<Arc<App>>,
    Asking(caller): Asking,
    Path(number): Path<String>,
    uri: Uri,
) -> Result<Response, ApiError> {
    Params::parse(uri.query())?.only(&[])?;
    let (number, reach) = (number_of(&number)?, reach_of(&caller, Right::ReadRisk)?);
    let details = risk::run(&app, move |book| {
        book.alert(number, &reach).map_err(risk::refused)?.ok_or_else(|| no_such(number))
    })
    .await?;
    let looked = Looked::event(&format!("alert {number}"));
    let body = app
        .ask(&caller, move |reader| {
            let attempts = attempts(reader, &details)?;
            let mut body = details_json(&details);
            body["attempts"] = json!(attempts);
            Ok(body)
        })
        .await?;
    Ok(looked.on(rest::json(body.to_string())))
}

/// How many attempts the sign-ins of an alert are, as far as they are named and seen.
pub(crate) fn attempts(reader: &Reader, details: &AlertDetails) -> Result<usize, ApiError> {
    let findings = details.findings.iter().filter_map(|attached| attached.finding.as_ref());
    let events = findings.flat_map(|finding| finding.events.iter().map(|event| event.id));
    let events: HashSet<_> = events.take(LOOKED_UP_MAX).collect();
    let mut attempts = HashSet::new();
    for id in events {
        let id = id.to_string();
        if let Some(event) = reader.get(Some(&details.alert.tenant), &id)? {
            let correlation = event.cell(FieldId::CorrelationId).to_string();
            attempts.insert(if correlation.is_empty() { id } else { correlation });
        }
    }
    Ok(attempts.len())
}

/// What is asked for, from the parameters of an address.
pub(crate) fn query_of(params: &Params, reach: Reach) -> Result<AlertQuery, ApiError> {
    let wrong = |name: &str, what: &str| {
        Err(ApiError::bad_request(format!("'{name}' must be {what}")).parameter(name))
    };
    let owned = |name: &str| params.get(name).map(str::to_owned);
    let states: Vec<String> = match params.get("state") {
        Some(text) => text.split(',').map(|state| state.trim().to_owned()).collect(),
        None => Vec::new(),
    };
    if states.iter().any(|state| !["new", "inProgress", "closed"].contains(&state.as_str())) {
        return wrong("state", "new, inProgress or closed, or several by commas");
    }
    let verdict = params.get("verdict").map(Verdict::from_name);
    if verdict == Some(None) {
        return wrong("verdict", "truePositive, falsePositive, benignPositive or withdrawn");
    }
    let least = params.get("severity").map(Level::from_name);
    if least == Some(None) {
        return wrong("severity", "low, medium or high");
    }
    let kind = params.get("kind").map(SubjectKind::from_name);
    if kind == Some(None) {
        return wrong("kind", "user, workload, agent, address or tenant");
    }
    let mut times = [None; 2];
    for (time, name) in times.iter_mut().zip(["from", "to"]) {
        if let Some(text) = params.get(name) {
            match params::instant(text, Timestamp::now()) {
                Some(instant) => *time = Some(instant.micros),
                None => return wrong(name, "a time such as 2026-03-02T07:41:09Z or -24h"),
            }
        }
    }
    let cursor = |text: &str| {
        let (last, number) = text.split_once('.')?;
        Some((last.parse().ok()?, number.parse().ok()?))
    };
    let after = params.get("cursor").map(cursor);
    if after == Some(None) {
        return wrong("cursor", "the nextCursor of a page");
    }
    Ok(AlertQuery {
        reach,
        states,
        verdict: verdict.flatten(),
        least: least.flatten(),
        tenant: owned("tenant"),
        detection: owned("detection"),
        kind: kind.flatten(),
        subject: owned("subject"),
        assignee: match params.get("assignee") {
            Some("nobody") => Some(String::new()),
            other => other.map(str::to_owned),
        },
        text: owned("q"),
        from_micros: times[0],
        to_micros: times[1],
        without_history: params.get("history").is_some() && !params.flag("history")?,
        with_merged: false,
        after: after.flatten(),
        limit: params.number("limit", PAGE_ROWS, PAGE_ROWS_MAX)?,
    })
}

fn number_of(text: &str) -> Result<i64, ApiError> {
    text.parse().map_err(|_| {
        let shown: String = text.chars().take(100).collect();
        ApiError::not_found(format!("there is no number '{shown}'"))
    })
}

fn no_such(number: i64) -> ApiError {
    ApiError::not_found(format!("there is no alert #{number}"))
}

/// Reads an object, of which only these members are known.
async fn object(body: Body, known: &[&str]) -> Result<Map<String, Value>, ApiError> {
    let bytes = axum::body::to_bytes(body, BODY_BYTES_MAX).await.map_err(|_| {
        let message = format!("the body is larger than {BODY_BYTES_MAX} bytes");
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLarge", message)
    })?;
    let object: Map<String, Value> = serde_json::from_slice(&bytes)
        .map_err(|error| ApiError::bad_request(format!("the body is no JSON object: {error}")))?;
    match object.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(object),
        Some(name) => {
            let known = known.join(", ");
            let message = format!("there is no member '{name}'; there are: {known}");
            Err(ApiError::bad_request(message).parameter(name))
        }
    }
}

fn time(micros: i64) -> String {
    Timestamp::from_micros(micros).to_rfc3339()
}

/// An alert, as lists have it.
pub(crate) fn alert_json(alert: &Alert) -> Value {
    let subject = &alert.subject;
    let title = detections::about(&alert.detection).map(|about| about.title);
    json!({
        "number": alert.number,
        "tenantId": alert.tenant,
        "state": alert.state.name(),
        "verdict": alert.state.verdict().map(Verdict::name),
        "severity": alert.severity.name(),
        "title": alert.title,
        "detection": alert.detection,
        "detectionTitle": title.unwrap_or(&alert.detection),
        "subject": { "type": subject.kind.name(), "id": subject.id, "name": subject.name },
        "firstDateTime": time(alert.first_micros),
        "lastDateTime": time(alert.last_micros),
        "signIns": alert.sign_ins,
        "findings": alert.findings,
        "openedDateTime": time(alert.opened_micros),
        "updatedDateTime": time(alert.updated_micros),
        "closedDateTime": alert.closed_micros.map(time),
        "assignee": alert.assignee,
        "version": alert.version,
        "fromHistory": alert.is_history,
        "previous": alert.previous,
        "mergedInto": alert.merged_into,
    })
}

fn details_json(details: &AlertDetails) -> Value {
    let AlertDetails { alert, findings, history, deliveries, similar, similar_about_subject } =
        details;
    let about = detections::about(&alert.detection);
    let mut body = alert_json(alert);
    body["findings"] = findings.iter().map(attached_json).collect();
    body["history"] = history.iter().map(entry_json).collect();
    body["deliveries"] = deliveries.iter().map(delivery_json).collect();
    body["suggestedChecks"] = json!(about.map(|about| about.response).unwrap_or_default());
    body["similar"] = json!({
        "detection": similar_json(similar),
        "detectionAndSubject": similar_json(similar_about_subject),
    });
    body
}

fn similar_json(similar: &Similar) -> Value {
    json!({ "truePositives": similar.true_positives, "dismissed": similar.dismissed })
}

fn attached_json(attached: &Attached) -> Value {
    let mut body = json!({
        "detection": attached.detection,
        "severity": attached.level.name(),
        "sentence": attached.sentence,
        "joinedDateTime": time(attached.attached_micros),
        "withdrawnDateTime": attached.detached_micros.map(time),
    });
    if let Some(finding) = &attached.finding {
        body["id"] = json!(finding.id.to_string());
        body["facts"] = json!(finding.facts);
        body["against"] = json!(finding.against);
        let risky = |id| finding.risky.contains(&id);
        body["signIns"] = finding
            .events
            .iter()
            .map(|event| {
                json!({
                    "id": event.id.to_string(),
                    "createdDateTime": time(event.at_micros),
                    "isRisky": risky(event.id),
                })
            })
            .collect();
        body["signInCount"] = json!(finding.event_count);
    }
    body
}

fn entry_json(entry: &Entry) -> Value {
    json!({
        "dateTime": time(entry.at_micros),
        "by": { "id": entry.by, "name": entry.by_name },
        "what": entry.what.name(),
        "old": entry.old,
        "new": entry.new,
    })
}

pub(crate) fn delivery_json(delivery: &Delivery) -> Value {
    json!({
        "number": delivery.number,
        "id": delivery.id.to_string(),
        "channel": delivery.channel,
        "alert": delivery.alert,
        "kind": delivery.kind.name(),
        "state": delivery.state.name(),
        "createdDateTime": time(delivery.created_micros),
        "dueDateTime": time(delivery.due_micros),
        "endedDateTime": delivery.ended_micros.map(time),
        "failedTries": delivery.attempts,
        "error": delivery.error,
    })
}

fn counts_json(counts: &AlertCounts) -> Value {
    let [low, medium, high] = counts.open_by_level;
    json!({
        "new": counts.new,
        "inProgress": counts.in_progress,
        "truePositive": counts.true_positive,
        "falsePositive": counts.false_positive,
        "benignPositive": counts.benign_positive,
        "withdrawn": counts.withdrawn,
        "openBySeverity": { "low": low, "medium": medium, "high": high },
    })
}
