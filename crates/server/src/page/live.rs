//! New events as they come, as Server-Sent Events: rendered rows for the top of the list, and now
//! and then the counts of the tabs.
//!
//! The stream asks the same questions as the page, through the same sight, when the log has
//! changed; nothing of its own watches what is stored. What is new is what was received since;
//! requests become visible a moment after they are received, so each question reaches back a
//! little and rows that were sent are remembered. Who the caller is and what they may see is
//! looked up again every half minute.

mod feed;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, State as Shared};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use durward_journal::Action;
use durward_model::Timestamp;
use maud::{Markup, html};
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_stream::wrappers::ReceiverStream;

use crate::access::{Asking, Caller, Need, READ_OTHERS, Who, authenticate};
use crate::app::App;
use crate::client::Client;
use crate::error::ApiError;
use crate::openapi::{Operation, Parameter};
use crate::params::{self, Params};
use crate::routes::{Endpoint, endpoint, read_others};

use super::explorer_parameters;
use super::state::State;
use feed::Feed;

/// How often the log is looked at. A look that finds it unchanged costs nothing.
const TICK: Duration = Duration::from_secs(1);
/// How often it is checked that the caller may still see what they see.
const CHECK_EVERY: Duration = Duration::from_secs(30);
/// How often something is sent even if there is nothing to say, so that no proxy hangs up.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Messages that may wait for a slow reader.
const WAITING_MAX: usize = 4;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let operation = Operation::new("pages", "New rows of the explorer, as Server-Sent Events")
        .parameters(&explorer_parameters())
        .parameters(&[
            Parameter::query("since", "Only what was received after (default: now)"),
            Parameter::query("show", "Columns of the list that the rows go into, by commas"),
        ])
        .answer("text/event-stream", "Any");
    vec![endpoint(Method::GET, "/signins/live", read_others(Action::List), get(live), operation)]
}

/// What turns the live list on and off; shown where there is a script to do it.
pub(super) fn button() -> Markup {
    html! {
        button #live-button .button type="button" aria-pressed="false" hidden {
            span .dot aria-hidden="true" {}
            span .label { "Live" }
            span .rate {}
        }
    }
}

/// A live list that is open.
struct Stream {
    app: Arc<App>,
    caller: Arc<Caller>,
    client: Client,
    headers: HeaderMap,
    sender: mpsc::Sender<Result<Event, Infallible>>,
    _permit: OwnedSemaphorePermit,
}

/// `GET /signins/live`
async fn live(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&[State::params(), vec!["since", "show"]].concat())?;
    let state = State::parse(&params)?;
    let columns = params.get("show").map(|names| {
        let own = Params(vec![("cols".to_owned(), names.to_owned())]);
        State::parse(&own).map(|state| state.columns())
    });
    let now = Timestamp::now();
    // A browser that connects again says by itself where it was.
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let since = match last.or_else(|| params.get("since")) {
        None => now,
        Some(text) => params::instant(text, now)
            .ok_or_else(|| ApiError::bad_request("'since' must be a time").parameter("since"))?,
    };
    let permit = app.live.clone().try_acquire_owned().map_err(|_| {
        let message = "too many live lists are open; close one, or load the list again instead";
        let status = StatusCode::SERVICE_UNAVAILABLE;
        ApiError::new(status, "ServiceBusy", message).retry_after(30)
    })?;
    let feed = Feed::new(state, columns.transpose()?, since);
    feed.check(now)?;
    // The first look tells what is wrong with the question, as an answer rather than in the stream.
    let asked = app.ask(&caller, move |reader| feed.look(reader, Timestamp::now()));
    let (feed, first) = asked.await?;
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    let stream = Stream { app, caller, client, headers, sender, _permit: permit };
    tokio::spawn(stream.run(feed, first));
    let events = Sse::new(ReceiverStream::new(receiver));
    Ok(events.keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response())
}

impl Stream {
    /// Sends until the reader has gone, the caller may see no more, or the server stops.
    async fn run(mut self, mut feed: Feed, first: Option<Event>) {
        let hello =
            Event::default().event("open").data(json!({ "since": feed.since() }).to_string());
        if self.send(hello).await.is_err() {
            return;
        }
        if let Some(first) = first
            && self.send(first).await.is_err()
        {
            return;
        }
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut checked = Instant::now();
        loop {
            tokio::select! {
                () = self.sender.closed() => return,
                _ = ticks.tick() => {}
            }
            if self.app.live.is_closed() {
                return;
            }
            if checked.elapsed() >= CHECK_EVERY {
                checked = Instant::now();
                let Some(caller) = self.caller_now().await else {
                    return self.end("You are signed out, or may not see this any more.").await;
                };
                self.caller = caller;
            }
            if !feed.is_due(self.app.store.view().version()) {
                continue;
            }
            let asked =
                self.app.ask(&self.caller, move |reader| feed.look(reader, Timestamp::now()));
            let (next, event) = match asked.await {
                Ok(found) => found,
                Err(error) => return self.end(&error.message).await,
            };
            feed = next;
            if let Some(event) = event
                && self.send(event).await.is_err()
            {
                return;
            }
        }
    }

    async fn send(&self, event: Event) -> Result<(), ()> {
        self.sender.send(Ok(event)).await.map_err(|_| ())
    }

    /// The last that is sent: the reader needs not try again.
    async fn end(&self, why: &str) {
        let event = Event::default().event("end").data(json!({ "why": why }).to_string());
        // Whoever has gone needs not be told.
        let _ = self.send(event).await;
    }

    /// The caller as they are by now; `None` if they may not look any more. Watching keeps no
    /// session from ending idly.
    async fn caller_now(&self) -> Option<Arc<Caller>> {
        let caller = match &self.caller.who {
            Who::Person(person, session) => {
                let (person, session) = (person.id.clone(), session.clone());
                let found = self.app.access.run(move |access| {
                    let now = Timestamp::now();
                    let sessions = access.store.sessions_of(&person, now)?;
                    let holds = sessions.iter().any(|other| other.id == session.id);
                    let person = access.store.person(&person)?.filter(|person| !person.disabled);
                    Ok(person.filter(|_| holds).map(|person| (person, session)))
                });
                let (person, session) = found.await.ok()??;
                let access = &self.app.access;
                let grants = person.grants(&access.rules);
                let who = Who::Person(Box::new(person), session);
                Caller::new(who, grants, access.pseudonyms.clone())
            }
            _ => authenticate(&self.app, &self.client, &self.headers).await.ok()?,
        };
        Need::Any(READ_OTHERS).is_met(&caller).then(|| Arc::new(caller))
    }
}
