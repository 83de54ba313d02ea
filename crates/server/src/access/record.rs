//! Each look is written down before its answer is given.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use durward_journal::{Action, Entry};
use durward_model::Timestamp;

use super::caller::Caller;
use crate::app::App;
use crate::client::Client;
use crate::edge::RequestIds;
use crate::error::ApiError;

/// What a handler knows about the look it answered; goes into the answer's extensions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Looked {
    /// Rows that were given.
    pub(crate) rows: Option<u64>,
    /// Whom or what it was about.
    pub(crate) target: Option<String>,
    /// What was asked, where the address does not say it.
    pub(crate) query: Option<String>,
    /// Nothing was shown, so there is nothing to write down.
    pub(crate) is_nothing: bool,
}

impl Looked {
    /// So many rows.
    pub(crate) fn rows(rows: usize) -> Looked {
        Looked { rows: Some(rows as u64), ..Looked::default() }
    }

    /// One event.
    pub(crate) fn event(id: &str) -> Looked {
        Looked { rows: Some(1), target: Some(id.to_owned()), ..Looked::default() }
    }

    /// Puts it into an answer.
    pub(crate) fn on(self, mut response: Response) -> Response {
        response.extensions_mut().insert(self);
        response
    }
}

/// A look that has begun.
pub(crate) struct Look {
    action: Option<Action>,
    started: Instant,
    entry: Entry,
}

impl Look {
    pub(crate) fn of(request: &Request, caller: Arc<Caller>, action: Option<Action>) -> Look {
        let extensions = request.extensions();
        let client = extensions.get::<Client>();
        let ids = extensions.get::<RequestIds>();
        let route = extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let entry = Entry {
            at: Timestamp::now(),
            action: action.unwrap_or(Action::Read),
            actor: caller.actor(),
            address: client.map(|client| client.address.to_string()),
            route: route.to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            target: None,
            rows: None,
            status: 0,
            request_id: ids.map(|ids| ids.request.clone()).unwrap_or_default(),
            took_ms: 0,
        };
        Look { action, started: Instant::now(), entry }
    }

    /// Writes down that somebody was refused.
    pub(crate) async fn denied(mut self, app: &App, error: ApiError) -> Response {
        self.entry.action = Action::Denied;
        self.entry.status = error.status.as_u16();
        // A stranger's knocking is counted, not written down: anybody could fill the disk.
        if self.entry.status == StatusCode::UNAUTHORIZED.as_u16() {
            return error.into_response();
        }
        let response = error.into_response();
        self.write(app, response).await
    }

    /// Writes down what was given.
    pub(crate) async fn record(mut self, app: &App, mut response: Response) -> Response {
        let looked = response.extensions_mut().remove::<Looked>().unwrap_or_default();
        if self.action.is_none() || looked.is_nothing {
            return response;
        }
        self.entry.rows = looked.rows;
        self.entry.target = looked.target;
        if let Some(query) = looked.query {
            self.entry.query = query;
        }
        self.entry.status = response.status().as_u16();
        self.write(app, response).await
    }

    async fn write(mut self, app: &App, response: Response) -> Response {
        self.entry.took_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        match app.access.journal.record(self.entry).await {
            Ok(_) => response,
            Err(error) => {
                tracing::error!(%error, "the access log cannot be written; answers are withheld");
                let status = StatusCode::SERVICE_UNAVAILABLE;
                let message = "the access log cannot be written, so nothing is shown";
                ApiError::new(status, "ServiceUnavailable", message).into_response()
            }
        }
    }
}
