//! A new password for an account of durward's own, from somebody who knows the old one.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Extension, State as Shared};
use axum::http::header::USER_AGENT;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use durward_access::{
    AccessError, Attempt, Decision, NewSession, PASSWORD_CHARS_MIN, PasswordCheck, Permit, Person,
};
use durward_model::Timestamp;
use maud::{Markup, html};

use super::{Note, session_of, show};
use crate::access::cookies::{self, Purpose};
use crate::access::gate::{self, redirect};
use crate::access::{Access, Asking, Looked};
use crate::app::App;
use crate::client::Client;
use crate::error::ApiError;
use crate::page::Frame;
use crate::params::Params;

/// The form.
pub(super) fn section(frame: &Frame, person: &Person) -> Markup {
    html! {
        section .panel .part {
            h2 { "Password and authenticator app" }
            form .narrow method="post" action="/account/password" {
                (frame.csrf_field())
                // For password managers.
                input type="text" name="username" value=(person.name) autocomplete="username"
                    hidden;
                label { span { "Password as it is" }
                    input type="password" name="old" required autocomplete="current-password";
                }
                label { span { "New password" }
                    input type="password" name="password" required
                        minlength=(PASSWORD_CHARS_MIN) autocomplete="new-password";
                }
                label { span { "New password again" }
                    input type="password" name="again" required autocomplete="new-password";
                }
                button .button { "Change password" }
            }
            p {
                @if person.has_totp { "Signing in takes a code of your authenticator app. " }
                @else { "Signing in takes the password only. " }
                a href="/account/authenticator" { "Authenticator app" }
            }
        }
    }
}

/// `POST /account/password`
pub(crate) async fn change(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(client): Extension<Client>,
    Extension(frame): Extension<Frame>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let form = gate::form(&headers, body).await?;
    let (person, session) = session_of(&caller)?;
    let looked = Looked { target: Some("password".to_owned()), ..Looked::default() };
    let refuse = async |status, why: &str| {
        let note = Note::Problem(status, why.to_owned());
        show(&app, &caller, &frame, &note).await
    };
    let (old, new) = (typed(&form, "old"), typed(&form, "password"));
    if new != typed(&form, "again") {
        return Ok(looked.on(refuse(StatusCode::BAD_REQUEST, "The new passwords differ.").await?));
    }
    let throttle = &app.access.throttle;
    // Guessing within a session counts for the session alone: it must not keep anybody else out.
    let key = format!("session {}", session.id);
    let attempt = match throttle.check(&person.name, client.address, Some(&key), Instant::now()) {
        Decision::Allowed(attempt) => attempt,
        Decision::Wait(wait) => {
            let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
            let message = "there were too many attempts to change the password";
            let status = StatusCode::TOO_MANY_REQUESTS;
            return Err(ApiError::new(status, "TooManyRequests", message).retry_after(seconds));
        }
    };
    let Some(permit) = app.access.hasher.try_enter(true) else {
        throttle.withdrawn(attempt);
        return Err(ApiError::busy());
    };
    let change = Change {
        name: person.name.clone(),
        old,
        new,
        next: NewSession {
            person: person.id.clone(),
            id_token: None,
            address: client.address.to_string(),
            user_agent: user_agent(&headers),
            replaces: None,
        },
    };
    let made = app.access.try_run(move |access| change.make(access, &permit, attempt)).await?;
    let response = match made {
        Ok(Some(secret)) => {
            let mut response = redirect("/account?done=password");
            cookies::set(response.headers_mut(), &client, Purpose::Session, &secret, None);
            response
        }
        Ok(None) => refuse(StatusCode::FORBIDDEN, "The password as it is was wrong.").await?,
        Err(refused) => {
            refuse(StatusCode::BAD_REQUEST, &format!("Not changed: {refused}.")).await?
        }
    };
    Ok(looked.on(response))
}

/// A change to be made.
struct Change {
    name: String,
    old: String,
    new: String,
    /// The session after it, as a new password ends all there were.
    next: NewSession,
}

impl Change {
    /// Compares the old password, keeps the new one, and begins a new session, whose secret is
    /// returned; `None` if the old one was wrong.
    fn make(
        self,
        access: &Access,
        permit: &Permit,
        attempt: Attempt,
    ) -> Result<Option<String>, AccessError> {
        let store = &access.store;
        let PasswordCheck::Right(person) = store.check_password(permit, &self.name, &self.old)?
        else {
            return Ok(None);
        };
        access.throttle.succeeded(attempt);
        let hash = permit.hash(&self.name, &self.new)?;
        store.set_password(&person.id, Some(&hash))?;
        let (_, secret) = store.create_session(&self.next, access.sessions, Timestamp::now())?;
        Ok(Some(secret))
    }
}

/// The value of a field as it was typed; blanks belong to a password.
fn typed(form: &Params, name: &str) -> String {
    let found = form.0.iter().find(|(other, _)| other == name);
    found.map(|(_, value)| value.clone()).unwrap_or_default()
}

fn user_agent(headers: &HeaderMap) -> String {
    let value = headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}
