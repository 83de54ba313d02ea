//! Channels that alerts are delivered to: how they do, and a test of each.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, State as Shared};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use durward_detect::alerts::{ChannelStatus, Route};
use durward_model::Timestamp;
use maud::{Markup, html};

use crate::access::gate;
use crate::access::{Asking, Caller, Looked};
use crate::app::App;
use crate::deliver::{Outcome, Tested};
use crate::error::ApiError;
use crate::params::Params;
use crate::risk::{refused, run};

use super::super::shell::{self, Frame};
use super::super::state::grouped;
use super::super::{answer, words};
use super::{CHANGE, marks};

/// A channel as the page shows it.
struct Channel {
    name: String,
    kind: &'static str,
    receiver: String,
    /// It does not answer, and is left alone for the moment.
    is_open: bool,
    route: Option<Route>,
    status: ChannelStatus,
}

async fn look(app: &Arc<App>) -> Result<Vec<Channel>, ApiError> {
    let names: Vec<String> = app.deliver.names().map(str::to_owned).collect();
    let asked = names.clone();
    let statuses = run(app, move |book| {
        let statuses = asked.iter().map(|name| book.channel_status(name).map_err(refused));
        statuses.collect::<Result<Vec<_>, _>>()
    })
    .await?;
    let routes = &app.detect.configured.routes.channels;
    let channel = |(name, status): (String, ChannelStatus)| {
        let (kind, receiver, is_open) = app.deliver.describe(&name)?;
        let route = routes.iter().find(|route| route.name == name).cloned();
        Some(Channel { name, kind, receiver, is_open, route, status })
    };
    Ok(names.into_iter().zip(statuses).filter_map(channel).collect())
}

/// `GET /alerts/channels`
pub(super) async fn show(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    uri: Uri,
) -> Result<Response, ApiError> {
    Params::parse(uri.query())?.only(&["tz"])?;
    let channels = look(&app).await?;
    let page = render(&frame, &caller, &channels, None, Timestamp::now());
    Ok(Looked::rows(channels.len()).on(answer(page)))
}

/// `POST /alerts/channels/test`
pub(super) async fn test(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let form = gate::form(&headers, body).await?;
    form.only(&["csrf", "channel"])?;
    let name = form.get("channel").unwrap_or_default().to_owned();
    let tested = app.deliver.send_test(&name).await;
    let tested = tested.ok_or_else(|| ApiError::not_found("there is no such channel"))?;
    let channels = look(&app).await?;
    let page = render(&frame, &caller, &channels, Some((&name, &tested)), Timestamp::now());
    Ok(marks::changed(&name, format!("test: {}", outcome(&tested)), answer(page)))
}

fn outcome(tested: &Tested) -> String {
    match &tested.outcome {
        Outcome::Delivered => "delivered".to_owned(),
        Outcome::Refused(why) => format!("refused: {why}"),
        Outcome::Failed { error, .. } => format!("failed: {error}"),
    }
}

fn render(
    frame: &Frame,
    caller: &Caller,
    channels: &[Channel],
    tested: Option<(&str, &Tested)>,
    now: Timestamp,
) -> Markup {
    let may_test = caller.may_any(CHANGE);
    let body = html! {
        main #main .desk .alerts {
            p .crumbs { a href="/alerts" { "Alerts" } " / " }
            div .heading {
                div {
                    h1 { "Channels" }
                    p .muted { "Whom alerts are delivered to. The configuration names them." }
                }
            }
            @if channels.is_empty() {
                section .panel .empty {
                    h2 { "No channels" }
                    p .muted {
                        "Nobody is told of alerts but those who look here. Name webhooks, e-mail "
                        "or syslog receivers under " code { "[[alerts.channels]]" }
                        " in the configuration."
                    }
                }
            }
            @for channel in channels {
                @let tested = tested.filter(|(name, _)| *name == channel.name);
                (card(frame, channel, tested.map(|(_, tested)| tested), may_test, now))
            }
        }
    };
    shell::page(frame, "Channels", &body, &marks::zone())
}

fn card(
    frame: &Frame,
    channel: &Channel,
    tested: Option<&Tested>,
    may_test: bool,
    now: Timestamp,
) -> Markup {
    let status = &channel.status;
    html! {
        section .panel .part .channel aria-label=(channel.name) {
            div .heading {
                h2 { (channel.name) }
                @if may_test {
                    form .actions method="post" action="/alerts/channels/test" {
                        (frame.csrf_field())
                        input type="hidden" name="channel" value=(channel.name);
                        button .button { "Send a test" }
                    }
                }
            }
            @if let Some(tested) = tested {
                @match &tested.outcome {
                    Outcome::Delivered => p .said role="status" {
                        "✔ The test was delivered in " (tested.took.as_millis()) " ms."
                    },
                    _ => p .problem role="alert" {
                        b { "✖ The test was not delivered. " } (outcome(tested))
                    },
                }
            }
            dl .facts-line {
                div { dt { "Kind" } dd { (channel.kind) } }
                div { dt { "Receiver" } dd { (channel.receiver) } }
                div { dt { "State" } dd {
                    @if channel.is_open { span .failed { "✖ Does not answer; waits" } }
                    @else if status.error.is_empty() { "✔ Works" }
                    @else { span .failed { "✖ Has errors" } }
                } }
                div { dt { "Last delivered" } dd {
                    @match status.delivered_micros {
                        Some(at) => (words::time(Timestamp::from_micros(at), now)),
                        None => "never",
                    }
                } }
                div { dt { "Waiting" } dd { (grouped(status.waiting)) } }
                div { dt { "Refused" } dd { (grouped(status.refused)) } }
                div { dt { "Given up" } dd { (grouped(status.failed)) } }
                @if let Some(route) = &channel.route { (told(route)) }
            }
            @if !status.error.is_empty() { p .problem { b { "Last error: " } (status.error) } }
        }
    }
}

fn told(route: &Route) -> Markup {
    let names: Vec<String> = route.detections.iter().map(|id| marks::detection_name(id)).collect();
    html! {
        div { dt { "Is told of" } dd {
            (route.least.name()) " and above"
            @if !names.is_empty() { ", only: " (names.join(", ")) }
            @if !route.tenants.is_empty() { ", only " (route.tenants.len()) " tenants" }
            @if route.quiet.is_some() { ", not in quiet hours" }
        } }
    }
}
