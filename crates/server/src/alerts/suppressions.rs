//! What makes no alert for a while: `/api/alerts/suppressions`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;
use durward_access::Right;
use durward_detect::alerts::{NewSuppression, Suppression};
use durward_model::Timestamp;
use durward_model::time::HOUR_MICROS;
use serde_json::{Map, Value, json};

use super::{by, needs_everything, number_of, object, time};
use crate::access::{Asking, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::params::{self, Params};
use crate::{rest, risk};

/// Hours that a suppression lasts at most: a year.
const HOURS_MAX: i64 = 366 * 24;
const MEMBERS: [&str; 8] =
    ["tenant", "detection", "subjectKind", "subject", "networks", "reason", "hours", "until"];

/// `GET /api/alerts/suppressions`
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Asking(caller): Asking,
    uri: Uri,
) -> Result<Response, ApiError> {
    Params::parse(uri.query())?.only(&[])?;
    needs_everything(&caller, Right::ReadRisk)?;
    let found = risk::run(&app, |book| book.suppressions().map_err(risk::refused)).await?;
    let value: Vec<Value> = found.iter().map(as_json).collect();
    Ok(Looked::rows(value.len()).on(rest::json(json!({ "value": value }).to_string())))
}

/// `POST /api/alerts/suppressions`
pub(super) async fn add(
    State(app): State<Arc<App>>,
    Asking(caller): Asking,
    body: Body,
) -> Result<Response, ApiError> {
    needs_everything(&caller, Right::WorkAlerts)?;
    let mut asked = object(body, &MEMBERS).await?;
    let looked =
        Looked { query: Some(Value::Object(asked.clone()).to_string()), ..Looked::default() };
    let by = by(&caller, String::new());
    let until = until_of(&mut asked, by.at_micros)?;
    let what: NewSuppression = serde_json::from_value(Value::Object(asked))
        .map_err(|error| ApiError::bad_request(format!("this is no suppression: {error}")))?;
    let made = risk::run(&app, move |book| book.suppress(&what, until, &by).map_err(risk::refused))
        .await?;
    Ok(looked.on(rest::json(as_json(&made).to_string())))
}

/// `DELETE /api/alerts/suppressions/{number}`
pub(super) async fn end(
    State(app): State<Arc<App>>,
    Asking(caller): Asking,
    Path(number): Path<String>,
) -> Result<Response, ApiError> {
    needs_everything(&caller, Right::WorkAlerts)?;
    let number = number_of(&number)?;
    let by = by(&caller, String::new());
    let ended =
        risk::run(&app, move |book| book.end_suppression(number, &by).map_err(risk::refused))
            .await?;
    let looked = Looked { target: Some(format!("suppression {number}")), ..Looked::default() };
    Ok(looked.on(rest::json(as_json(&ended).to_string())))
}

/// Takes out until when it lasts: for some hours, until a time, or until somebody ends it.
fn until_of(asked: &mut Map<String, Value>, now_micros: i64) -> Result<Option<i64>, ApiError> {
    let wrong = |name: &str, what: &str| {
        ApiError::bad_request(format!("'{name}' must be {what}")).parameter(name)
    };
    let (hours, until) = (asked.remove("hours"), asked.remove("until"));
    let hours = hours.filter(|value| !value.is_null());
    let until = until.filter(|value| !value.is_null());
    match (hours, until) {
        (None, None) => Ok(None),
        (Some(hours), None) => {
            let hours = hours.as_i64().filter(|hours| (1..=HOURS_MAX).contains(hours));
            let what = format!("a whole number from 1 to {HOURS_MAX}");
            let hours = hours.ok_or_else(|| wrong("hours", &what))?;
            Ok(Some(now_micros + hours * HOUR_MICROS))
        }
        (None, Some(until)) => {
            let until = until.as_str().and_then(|text| params::instant(text, Timestamp::now()));
            let until = until.ok_or_else(|| wrong("until", "a time such as 2026-03-02"))?;
            Ok(Some(until.micros))
        }
        (Some(_), Some(_)) => Err(wrong("until", "left out where 'hours' is given")),
    }
}

fn as_json(suppression: &Suppression) -> Value {
    let mut body = json!(suppression.what);
    body["number"] = json!(suppression.number);
    body["holds"] = json!(suppression.holds(Timestamp::now().micros));
    body["createdDateTime"] = json!(time(suppression.created_micros));
    body["by"] = json!({ "id": suppression.by, "name": suppression.by_name });
    body["untilDateTime"] = json!(suppression.until_micros.map(time));
    body["endedDateTime"] = json!(suppression.ended_micros.map(time));
    body["findingsKept"] = json!(suppression.hits);
    body["lastDateTime"] = json!(suppression.last_hit_micros.map(time));
    body
}
