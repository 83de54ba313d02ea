//! Signing in to durward, and out.
//!
//! - [`local`]: accounts of durward's own, by password and code, for places without a provider.
//! - [`provider`]: OpenID Connect.
//! - [`welcome`]: one-time links, for the first administrator and for a new password.
//! - [`authenticator`]: codes of an authenticator app, for accounts of our own.
//! - [`token`]: short-lived tokens for programs, in the shape of Entra's token endpoint.
//! - [`session`]: what all ways of signing in end in, and signing out.
//!
//! Every attempt becomes a sign-in record in durward's own log ([`own_log`]). The access log has
//! those that succeeded, and what was changed: a stranger's knocking must not fill it.
//!
//! Steps that follow each other keep nothing here in between ([`pending`]); what is kept is a
//! count of failures ([`durward_access::Throttle`]), asked before anything else is done.

mod attempt;
mod authenticator;
mod local;
mod own_log;
mod page;
mod pending;
mod provider;
mod qr;
mod return_to;
mod session;
mod token;
mod welcome;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use axum::http::header::{RETRY_AFTER, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use durward_access::{AccessError, AccessStore, Decision, Person};
use durward_journal::{Action, Actor, ActorKind, Entry};
use durward_model::Timestamp;
use maud::Markup;

use crate::access::cookies::{self, Purpose};
use crate::access::{Caller, Who};
use crate::app::App;
use crate::client::Client;
use crate::edge::RequestIds;
use crate::error::ApiError;
use crate::page::{Frame, answer, shell};
use attempt::{Attempt, Outcome, Subject, Way};

pub(crate) use attempt::guid_of;
pub(crate) use authenticator::{change as change_authenticator, show as authenticator};
pub(crate) use local::{code, code_page, sign_in, sign_in_page};
pub(crate) use own_log::{Counters, OwnLog};
pub(crate) use provider::{begin as provider, callback};
pub(crate) use session::{sign_out, signed_out};
pub(crate) use token::{discovery, keys, token_v1, token_v2};
pub(crate) use welcome::{accept as accept_welcome, show as welcome};

/// Longest secret of a cookie that is looked up, in bytes.
const SECRET_BYTES_MAX: usize = 256;

/// Somebody at the door: what every step needs to know of their request.
pub(crate) struct Visit {
    app: Arc<App>,
    client: Client,
    ids: RequestIds,
    frame: Frame,
    headers: HeaderMap,
}

impl FromRequestParts<Arc<App>> for Visit {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Visit, ApiError> {
        let missing = || ApiError::internal(&"a handler is outside of the layers");
        Ok(Visit {
            app: app.clone(),
            client: parts.extensions.get().cloned().ok_or_else(missing)?,
            ids: parts.extensions.get().cloned().ok_or_else(missing)?,
            frame: parts.extensions.get().cloned().ok_or_else(missing)?,
            headers: parts.headers.clone(),
        })
    }
}

impl Visit {
    /// Who has a session already, or needs none.
    fn viewer(&self) -> Option<&Arc<Caller>> {
        self.frame.viewer.as_ref().filter(|caller| !matches!(caller.who, Who::Nobody))
    }

    fn user_agent(&self) -> &str {
        self.headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn cookie(&self, purpose: Purpose) -> Option<String> {
        let value = cookies::get(&self.headers, &self.client, purpose)?;
        // The cookie of a sign-in under way holds more than a secret.
        let is_fit = purpose == Purpose::SigningIn || value.len() <= SECRET_BYTES_MAX;
        Some(value).filter(|_| is_fit)
    }

    /// Scheme, host and port by which browsers know us.
    fn origin(&self) -> String {
        match &self.app.config.public_url {
            Some(url) => url.to_string(),
            None => self.client.origin(),
        }
    }

    /// A page.
    fn page(&self, status: StatusCode, title: &str, body: &Markup) -> Response {
        let page = shell::page(&self.frame, title, body, &maud::html! {});
        (status, answer(page)).into_response()
    }

    /// Asks the store of accounts; what it refuses is for the caller to say.
    async fn ask<T, F>(&self, question: F) -> Result<Result<T, AccessError>, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&AccessStore) -> Result<T, AccessError> + Send + 'static,
    {
        let asked = self.app.access.run(move |access| match question(&access.store) {
            Err(error) if !error.is_refusal() => Err(error),
            answer => Ok(answer),
        });
        asked.await
    }

    fn attempt(&self, subject: Subject, way: Way, outcome: Outcome) -> Attempt {
        Attempt {
            at: Timestamp::now(),
            id: self.ids.request.clone(),
            correlation: self.ids.request.clone(),
            subject,
            address: self.client.address,
            user_agent: self.user_agent().to_owned(),
            way,
            outcome,
        }
    }

    /// Into durward's own log.
    fn tell(&self, subject: Subject, way: Way, outcome: Outcome) {
        self.app.own_log.take(self.attempt(subject, way, outcome));
    }

    /// May they try? Else how many seconds to wait, which is also written down.
    fn admit(
        &self,
        account: &str,
        known_device: Option<&str>,
        (subject, way): (Subject, Way),
    ) -> Result<durward_access::Attempt, u64> {
        let throttle = &self.app.access.throttle;
        match throttle.check(account, self.client.address, known_device, Instant::now()) {
            Decision::Allowed(attempt) => Ok(attempt),
            Decision::Wait(wait) => {
                self.app.own_log.refused(self.attempt(subject, way, Outcome::Refused(1)));
                Err(seconds(wait))
            }
        }
    }

    /// Into the access log; nothing is done for somebody without it.
    async fn record(
        &self,
        action: Action,
        actor: Actor,
        route: &str,
        target: Option<String>,
    ) -> Result<(), ApiError> {
        let entry = Entry {
            address: Some(self.client.address.to_string()),
            route: route.to_owned(),
            request_id: self.ids.request.clone(),
            target,
            ..Entry::new(action, actor)
        };
        self.app.access.journal.record(entry).await.map_err(|error| {
            tracing::error!(%error, "the access log cannot be written; nobody is let in");
            let message = "the access log cannot be written, so nothing is done";
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", message)
        })
    }
}

/// A person in the access log.
fn actor(person: &Person) -> Actor {
    let name = match person.display_name.is_empty() {
        true => person.name.clone(),
        false => person.display_name.clone(),
    };
    Actor { kind: ActorKind::Person, id: person.id.clone(), name, token: None }
}

/// Whole seconds that are not fewer.
fn seconds(wait: Duration) -> u64 {
    wait.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
}

/// `in 40 seconds`, `in 15 minutes`.
fn in_words(seconds: u64) -> String {
    match seconds {
        0..=1 => "in a second".to_owned(),
        2..=90 => format!("in {seconds} seconds"),
        _ => format!("in {} minutes", seconds.div_ceil(60)),
    }
}

/// Has the answer say when to come back.
fn retry_after(mut response: Response, seconds: u64) -> Response {
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// The value of a field as it was typed; blanks belong to a password.
fn typed<'f>(form: &'f crate::params::Params, name: &str) -> &'f str {
    let found = form.0.iter().find(|(other, _)| other == name);
    found.map_or("", |(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_whole_and_never_too_short() {
        assert_eq!(seconds(Duration::from_millis(1)), 1);
        assert_eq!(seconds(Duration::from_millis(1001)), 2);
        assert_eq!(seconds(Duration::from_secs(900)), 900);
        assert_eq!(in_words(1), "in a second");
        assert_eq!(in_words(90), "in 90 seconds");
        assert_eq!(in_words(91), "in 2 minutes");
    }
}
