//! Working on alerts: `PATCH /api/alerts/{number}`, and several at once.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use durward_access::Right;
use durward_detect::Book;
use durward_detect::alerts::{AlertChange, AlertState};
use durward_detect::risk::Reach;
use serde_json::{Map, Value, json};

use super::{alert_json, by, no_such, number_of, object, reach_of};
use crate::access::{Asking, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::{rest, risk};

const MEMBERS: [&str; 6] = ["state", "verdict", "assignee", "note", "check", "version"];

/// `PATCH /api/alerts/{number}`
pub(super) async fn one(
    State(app): State<Arc<App>>,
    Asking(caller): Asking,
    Path(number): Path<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let (number, reach) = (number_of(&number)?, reach_of(&caller, Right::WorkAlerts)?);
    let asked = object(body, &MEMBERS).await?;
    let (change, note) = change_of(&asked)?;
    let (by, query) = (by(&caller, note), Value::Object(asked).to_string());
    let alert = risk::run(&app, move |book| {
        check_reach(book, number, &reach)?;
        book.change_alert(number, &change, &by).map_err(risk::refused)
    })
    .await?;
    let looked = Looked { query: Some(query), ..Looked::event(&format!("alert {number}")) };
    Ok(looked.on(rest::json(alert_json(&alert).to_string())))
}

/// `PATCH /api/alerts`
pub(super) async fn several(
    State(app): State<Arc<App>>,
    Asking(caller): Asking,
    body: Body,
) -> Result<Response, ApiError> {
    let reach = reach_of(&caller, Right::WorkAlerts)?;
    let asked = object(body, &[&MEMBERS[..5], &["alerts"]].concat()).await?;
    let numbers = asked.get("alerts").and_then(Value::as_array);
    let numbers: Option<Vec<i64>> =
        numbers.map(|list| list.iter().map(Value::as_i64).collect()).unwrap_or_default();
    let Some(numbers) = numbers.filter(|numbers| !numbers.is_empty()) else {
        let message = "'alerts' must be a list of numbers of alerts";
        return Err(ApiError::bad_request(message).parameter("alerts"));
    };
    let (change, note) = change_of(&asked)?;
    let (by, query) = (by(&caller, note), Value::Object(asked).to_string());
    let alerts = risk::run(&app, move |book| {
        numbers.iter().try_for_each(|number| check_reach(book, *number, &reach))?;
        book.change_alerts(&numbers, &change, &by).map_err(risk::refused)
    })
    .await?;
    let looked = Looked { query: Some(query), ..Looked::rows(alerts.len()) };
    let value: Vec<Value> = alerts.iter().map(alert_json).collect();
    Ok(looked.on(rest::json(json!({ "value": value }).to_string())))
}

/// What they may not see they cannot change.
fn check_reach(book: &Book, number: i64, reach: &Reach) -> Result<(), ApiError> {
    match book.alert(number, reach).map_err(risk::refused)? {
        Some(_) => Ok(()),
        None => Err(no_such(number)),
    }
}

/// What is to change, and the note.
fn change_of(asked: &Map<String, Value>) -> Result<(AlertChange, String), ApiError> {
    let wrong = |name: &str, what: &str| {
        ApiError::bad_request(format!("'{name}' must be {what}")).parameter(name)
    };
    let text = |name: &str| match asked.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(wrong(name, "a text")),
    };
    let (state, verdict) = (text("state")?, text("verdict")?);
    let state = match state {
        Some(state) => {
            let known = AlertState::from_names(&state, verdict.as_deref());
            let what = "new, inProgress, or closed with a verdict of truePositive, \
                        falsePositive or benignPositive";
            Some(known.ok_or_else(|| wrong("state", what))?)
        }
        None if verdict.is_some() => return Err(wrong("verdict", "beside a state of closed")),
        None => None,
    };
    let assignee = match asked.get("assignee") {
        Some(Value::Null) => Some(String::new()),
        _ => text("assignee")?,
    };
    let check = match asked.get("check") {
        None | Some(Value::Null) => None,
        Some(check) => {
            let parts = (check["text"].as_str(), check["done"].as_bool());
            let (Some(text), Some(done)) = parts else {
                return Err(wrong("check", "an object with text and done"));
            };
            Some((text.to_owned(), done))
        }
    };
    let seen_version = match asked.get("version") {
        None | Some(Value::Null) => None,
        Some(version) => Some(version.as_i64().ok_or_else(|| wrong("version", "a number"))?),
    };
    let change = AlertChange { seen_version, state, assignee, check };
    Ok((change, text("note")?.unwrap_or_default()))
}
