//! How channels do, what became of deliveries, and the test button.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;
use durward_access::Right;
use durward_detect::alerts::{ChannelStatus, DeliveryQuery, DeliveryState, Route};
use durward_model::Timestamp;
use serde_json::{Value, json};

use super::{delivery_json, needs_everything, number_of, time};
use crate::access::{Asking, Looked};
use crate::app::App;
use crate::deliver::{Outcome, Tested};
use crate::error::ApiError;
use crate::params::Params;
use crate::{rest, risk};

/// `GET /api/alerts/channels`
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Asking(caller): Asking,
    uri: Uri,
) -> Result<Response, ApiError> {
    Params::parse(uri.query())?.only(&[])?;
    needs_everything(&caller, Right::ReadRisk)?;
    let names: Vec<String> = app.deliver.names().map(str::to_owned).collect();
    let asked = names.clone();
    let statuses = risk::run(&app, move |book| {
        let statuses = asked.iter().map(|name| book.channel_status(name).map_err(risk::refused));
        statuses.collect::<Result<Vec<ChannelStatus>, ApiError>>()
    })
    .await?;
    let routes = &app.detect.configured.routes.channels;
    let value: Vec<Value> = names
        .iter()
        .zip(&statuses)
        .map(|(name, status)| {
            let route = routes.iter().find(|route| route.name == *name);
            channel_json(&app, name, route, status)
        })
        .collect();
    Ok(Looked::rows(value.len()).on(rest::json(json!({ "value": value }).to_string())))
}

fn channel_json(app: &App, name: &str, route: Option<&Route>, status: &ChannelStatus) -> Value {
    let (kind, receiver, is_open) = app.deliver.describe(name).unwrap_or_default();
    json!({
        "name": name,
        "kind": kind,
        "receiver": receiver,
        "severity": route.map(|route| route.least.name()),
        "answers": !is_open,
        "waiting": status.waiting,
        "failed": status.failed,
        "refused": status.refused,
        "lastDeliveredDateTime": status.delivered_micros.map(time),
        "error": status.error,
    })
}

/// `POST /api/alerts/channels/{name}/test`
pub(super) async fn test(
    State(app): State<Arc<App>>,
    Asking(caller): Asking,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    needs_everything(&caller, Right::WorkAlerts)?;
    let shown: String = name.chars().take(100).collect();
    let Some(Tested { outcome, took }) = app.deliver.send_test(&name).await else {
        return Err(ApiError::not_found(format!("there is no channel '{shown}'")));
    };
    let (outcome, error) = match outcome {
        Outcome::Delivered => ("delivered", String::new()),
        Outcome::Refused(error) => ("refused", error),
        Outcome::Failed { error, .. } => ("failed", error),
    };
    let body = json!({ "outcome": outcome, "error": error, "tookMs": took.as_millis() as u64 });
    let looked = Looked { target: Some(format!("channel {shown}")), ..Looked::default() };
    Ok(looked.on(rest::json(body.to_string())))
}

/// `GET /api/alerts/deliveries`
pub(super) async fn deliveries(
    State(app): State<Arc<App>>,
    Asking(caller): Asking,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&["channel", "state"])?;
    needs_everything(&caller, Right::ReadRisk)?;
    let state = params.get("state").map(DeliveryState::from_name);
    if state == Some(None) {
        let names = DeliveryState::ALL.map(DeliveryState::name).join(", ");
        let message = format!("'state' must be one of {names}");
        return Err(ApiError::bad_request(message).parameter("state"));
    }
    let channel = params.get("channel").map(str::to_owned);
    let query = DeliveryQuery { channel, state: state.flatten() };
    let found = risk::run(&app, move |book| book.deliveries(&query).map_err(risk::refused)).await?;
    let value: Vec<Value> = found.iter().map(delivery_json).collect();
    Ok(Looked::rows(value.len()).on(rest::json(json!({ "value": value }).to_string())))
}

/// `POST /api/alerts/deliveries/{number}/retry`
pub(super) async fn retry(
    State(app): State<Arc<App>>,
    Asking(caller): Asking,
    Path(number): Path<String>,
) -> Result<Response, ApiError> {
    needs_everything(&caller, Right::WorkAlerts)?;
    let number = number_of(&number)?;
    let now = Timestamp::now().micros;
    risk::run(&app, move |book| book.retry_delivery(number, now).map_err(risk::refused)).await?;
    let looked = Looked { target: Some(format!("delivery {number}")), ..Looked::default() };
    Ok(looked.on(rest::json(json!({ "number": number, "state": "waiting" }).to_string())))
}
