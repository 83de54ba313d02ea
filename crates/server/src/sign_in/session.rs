//! The beginning of a session, however somebody signed in, and its end.

use axum::extract::Extension;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use durward_access::{AccessError, DEVICE_LIFE, NewSession, Person};
use durward_journal::Action;
use durward_model::Timestamp;

use super::attempt::{Outcome, Subject, Way};
use super::{Visit, actor, page};
use crate::access::Looked;
use crate::access::cookies::{self, Purpose};
use crate::access::gate::redirect;
use crate::edge::RequestIds;
use crate::error::ApiError;

/// Somebody who has shown who they are.
pub(super) struct Arrival<'a> {
    pub(super) person: &'a Person,
    pub(super) way: Way,
    /// The token of the provider, for signing out there.
    pub(super) id_token: Option<String>,
    /// What the records of the steps have in common.
    pub(super) correlation: String,
    /// As the table of routes has it.
    pub(super) route: &'static str,
}

/// Begins a session: the one that the browser had ends, so that nobody who knew it before knows
/// the new one. `answer` is what they see, with the cookies on it.
pub(super) async fn begin(
    visit: &Visit,
    arrival: Arrival<'_>,
    answer: Response,
) -> Result<Response, ApiError> {
    let Arrival { person, way, id_token, correlation, route } = arrival;
    let new = NewSession {
        person: person.id.clone(),
        id_token,
        address: visit.client.address.to_string(),
        user_agent: visit.user_agent().to_owned(),
        replaces: visit.cookie(Purpose::Session),
    };
    // The access log comes first: without it nobody is let in.
    visit.record(Action::SignIn, actor(person), route, None).await?;
    let (now, limits) = (Timestamp::now(), visit.app.access.sessions);
    let (is_local, name) = (person.is_local(), person.name.clone());
    let device = visit.cookie(Purpose::Device);
    let begun = visit.ask(move |store| {
        let (_, secret) = store.create_session(&new, limits, now)?;
        let device = match is_local {
            true => Some(keep_device(store, &new.person, &name, device, now)?),
            false => None,
        };
        Ok((secret, device))
    });
    let (secret, device) = match begun.await? {
        Ok(begun) => begun,
        Err(AccessError::Disabled | AccessError::NoSuchPerson) => {
            visit.tell(Subject::person(person), way, Outcome::Disabled);
            return Ok(visit.page(StatusCode::FORBIDDEN, page::TITLE, &page::disabled()));
        }
        Err(error) => return Err(ApiError::internal(&error)),
    };
    let mut attempt = visit.attempt(Subject::person(person), way, Outcome::Success);
    attempt.correlation = correlation;
    visit.app.own_log.take(attempt);
    let mut response = answer;
    let headers = response.headers_mut();
    cookies::set(headers, &visit.client, Purpose::Session, &secret, None);
    cookies::clear(headers, &visit.client, Purpose::SigningIn);
    if let Some(device) = device {
        let seconds = i64::try_from(DEVICE_LIFE.as_secs()).unwrap_or(i64::MAX);
        cookies::set(headers, &visit.client, Purpose::Device, &device, Some(seconds));
    }
    Ok(response)
}

/// The secret by which the browser is known from now on: the one it has, if it is one of theirs.
fn keep_device(
    store: &durward_access::AccessStore,
    person: &str,
    name: &str,
    secret: Option<String>,
    now: Timestamp,
) -> Result<String, AccessError> {
    if let Some(secret) = secret
        && let Some(device) = store.check_device(name, &secret, now)?
    {
        store.device_used(&device, now);
        return Ok(secret);
    }
    store.create_device(person, now)
}

/// `POST /sign-out`: ends the session here, and at the provider if it came from there.
pub(crate) async fn sign_out(
    visit: Visit,
    Extension(ids): Extension<RequestIds>,
) -> Result<Response, ApiError> {
    let ended = match visit.cookie(Purpose::Session) {
        Some(secret) => {
            let ended = visit.ask(move |store| store.end_session(&secret, Timestamp::now()));
            ended.await?.map_err(|error| ApiError::internal(&error))?
        }
        None => None,
    };
    let mut elsewhere = None;
    let hint = ended.as_ref().and_then(|session| session.id_token.as_deref());
    if let (Some(hint), Some(configured)) = (hint, &visit.app.access.provider) {
        let back = format!("{}/signed-out", visit.origin());
        elsewhere = configured.provider.logout_url(Some(hint), &back, &ids.request).await;
    }
    let mut response = match elsewhere {
        // Not a redirect: the page's policy lets forms lead nowhere but here, and browsers hold
        // the redirects that follow a form to it.
        Some(to) => {
            let page = page::to_provider(&to);
            let mut response = visit.page(StatusCode::OK, "Signing out", &page).into_response();
            if let Ok(refresh) = HeaderValue::from_str(&format!("0; url={to}")) {
                response.headers_mut().insert(HeaderName::from_static("refresh"), refresh);
            }
            response
        }
        None => redirect("/signed-out"),
    };
    cookies::clear(response.headers_mut(), &visit.client, Purpose::Session);
    cookies::clear(response.headers_mut(), &visit.client, Purpose::SigningIn);
    // Who had no session has done nothing worth writing down.
    Ok(Looked { is_nothing: ended.is_none(), ..Looked::default() }.on(response))
}

/// `GET /signed-out`
pub(crate) async fn signed_out(visit: Visit) -> Response {
    visit.page(StatusCode::OK, "Signed out", &page::signed_out()).into_response()
}
