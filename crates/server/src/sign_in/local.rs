//! Accounts of durward's own: name and password, then a code if the account has one.
//!
//! The order of things is what keeps a flood of attempts cheap: the throttle is asked before
//! anything is looked up, then there must be room to compare a password, and only then is it
//! compared, off the threads that answer requests. Whatever is wrong reads the same and takes as
//! long, so that nobody learns which accounts there are.

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use durward_access::{PasswordCheck, Person};
use durward_model::Timestamp;

use super::attempt::{NAME_CHARS_MAX, Outcome, Subject, Way};
use super::page::{self, SignIn};
use super::pending::Pending;
use super::return_to::local_path;
use super::session::{self, Arrival};
use super::{Visit, in_words, retry_after, typed};
use crate::access::cookies::{self, Purpose};
use crate::access::gate::{self, redirect};
use crate::error::ApiError;
use crate::params::Params;

const WRONG: &str = "The name or the password is wrong.";
const WRONG_CODE: &str = "The code is wrong, or was used before. Wait for the next one.";
const BUSY: &str = "Too many people are signing in at this moment. Try again in a few seconds.";
/// When to come back while passwords of others are compared, in seconds.
const BUSY_SECONDS: u64 = 3;

/// `GET /sign-in`
pub(crate) async fn sign_in_page(visit: Visit, uri: Uri) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    let return_to = local_path(params.get("return"));
    if visit.viewer().is_some() {
        return Ok(redirect(return_to));
    }
    Ok(form(&visit, StatusCode::OK, return_to, "", None))
}

fn form(
    visit: &Visit,
    status: StatusCode,
    return_to: &str,
    name: &str,
    problem: Option<&str>,
) -> Response {
    let provider = visit.app.access.provider.as_ref();
    let content = SignIn {
        provider: provider.map(|provider| provider.name.as_str()),
        return_to,
        name,
        problem,
    };
    visit.page(status, page::TITLE, &page::sign_in(&visit.frame, &content))
}

/// `POST /sign-in`
pub(crate) async fn sign_in(
    visit: Visit,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let fields = gate::form(&headers, body).await?;
    let return_to = local_path(fields.get("return"));
    let name = fields.get("name").unwrap_or_default();
    let password = typed(&fields, "password");
    let refuse = |status, problem: &str| form(&visit, status, return_to, name, Some(problem));
    if name.is_empty() || password.is_empty() || name.chars().count() > NAME_CHARS_MAX {
        return Ok(refuse(StatusCode::BAD_REQUEST, "Type your name and your password."));
    }
    let device = known_device(&visit, name).await?;
    let subject = Subject::named(name);
    let attempt = match visit.admit(name, device.as_deref(), (subject.clone(), Way::Password)) {
        Ok(attempt) => attempt,
        Err(seconds) => return Ok(too_often(refuse, seconds)),
    };
    let throttle = &visit.app.access.throttle;
    let Some(permit) = visit.app.access.hasher.try_enter(device.is_some()) else {
        throttle.withdrawn(attempt);
        visit.app.own_log.busy(visit.attempt(subject, Way::Password, Outcome::Refused(1)));
        let response = refuse(StatusCode::SERVICE_UNAVAILABLE, BUSY);
        return Ok(retry_after(response, BUSY_SECONDS));
    };
    let (given_name, given_password) = (name.to_owned(), password.to_owned());
    let compared = visit
        .ask(move |store| store.check_password(&permit, &given_name, &given_password))
        .await?
        .map_err(|error| ApiError::internal(&error))?;
    let (subject, outcome) = match compared {
        PasswordCheck::Right(person) if person.has_totp => {
            throttle.withdrawn(attempt);
            return Ok(ask_for_code(&visit, &person, return_to));
        }
        PasswordCheck::Right(person) => {
            throttle.succeeded(attempt);
            let arrival = Arrival {
                person: &person,
                way: Way::Password,
                id_token: None,
                correlation: visit.ids.request.clone(),
                route: "/sign-in",
            };
            return session::begin(&visit, arrival, redirect(return_to)).await;
        }
        PasswordCheck::Disabled(person) => (Subject::person(&person), Outcome::Disabled),
        PasswordCheck::Wrong(person) => (Subject::person(&person), Outcome::WrongPassword),
        PasswordCheck::Unknown => (subject, Outcome::WrongPassword),
    };
    visit.tell(subject, Way::Password, outcome);
    Ok(refuse(StatusCode::FORBIDDEN, WRONG))
}

/// The browser's identifier, if this account has signed in with it before. Asks nothing for
/// browsers that do not claim to be known.
async fn known_device(visit: &Visit, name: &str) -> Result<Option<String>, ApiError> {
    let Some(secret) = visit.cookie(Purpose::Device) else { return Ok(None) };
    let name = name.to_owned();
    let known = visit.ask(move |store| store.check_device(&name, &secret, Timestamp::now()));
    known.await?.map_err(|error| ApiError::internal(&error))
}

fn too_often(refuse: impl Fn(StatusCode, &str) -> Response, seconds: u64) -> Response {
    let problem = format!("There were too many attempts. Try again {}.", in_words(seconds));
    retry_after(refuse(StatusCode::TOO_MANY_REQUESTS, &problem), seconds)
}

/// The password was right: on to the second step, which only this browser can take.
fn ask_for_code(visit: &Visit, person: &Person, return_to: &str) -> Response {
    visit.tell(Subject::person(person), Way::Password, Outcome::CodeNeeded);
    let pending = Pending::Code {
        person: person.id.clone(),
        return_to: return_to.to_owned(),
        correlation: visit.ids.request.clone(),
    };
    let sealed = pending.seal(&visit.app.access.cookie_key, Timestamp::now());
    let mut response = redirect("/sign-in/code");
    let seconds = Some(pending.seconds());
    cookies::set(response.headers_mut(), &visit.client, Purpose::SigningIn, &sealed, seconds);
    response
}

/// What the first step left, if it is not too long ago.
fn pending_code(visit: &Visit) -> Option<(String, String, String)> {
    let sealed = visit.cookie(Purpose::SigningIn)?;
    match Pending::open(sealed, &visit.app.access.cookie_key, Timestamp::now())? {
        Pending::Code { person, return_to, correlation } => Some((person, return_to, correlation)),
        Pending::Provider { .. } => None,
    }
}

/// `GET /sign-in/code`
pub(crate) async fn code_page(visit: Visit) -> Response {
    match pending_code(&visit) {
        Some(_) => visit.page(StatusCode::OK, page::TITLE, &page::code(&visit.frame, None)),
        None => redirect("/sign-in"),
    }
}

/// `POST /sign-in/code`
pub(crate) async fn code(
    visit: Visit,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let fields = gate::form(&headers, body).await?;
    let Some((person, return_to, correlation)) = pending_code(&visit) else {
        let problem = "That took too long. Sign in again.";
        return Ok(form(&visit, StatusCode::BAD_REQUEST, "/", "", Some(problem)));
    };
    let person = visit.ask(move |store| store.person(&person)).await?;
    let person = person.map_err(|error| ApiError::internal(&error))?;
    let Some(person) = person.filter(|person| person.has_totp && !person.disabled) else {
        return Ok(redirect("/sign-in"));
    };
    let refuse = |status, problem: &str| {
        visit.page(status, page::TITLE, &page::code(&visit.frame, Some(problem)))
    };
    let (way, typed) = match fields.get("recovery") {
        Some(recovery) => (Way::RecoveryCode, recovery.to_owned()),
        None => (Way::Code, fields.get("code").unwrap_or_default().to_owned()),
    };
    let device = known_device(&visit, &person.name).await?;
    let subject = Subject::person(&person);
    let attempt = match visit.admit(&person.name, device.as_deref(), (subject.clone(), way)) {
        Ok(attempt) => attempt,
        Err(seconds) => return Ok(too_often(refuse, seconds)),
    };
    let id = person.id.clone();
    let is_right = visit.ask(move |store| match way {
        Way::RecoveryCode => store.take_recovery_code(&id, &typed),
        _ => store.check_totp(&id, &typed, Timestamp::now()),
    });
    if !is_right.await?.map_err(|error| ApiError::internal(&error))? {
        let mut wrong = visit.attempt(subject, way, Outcome::WrongCode);
        wrong.correlation = correlation;
        visit.app.own_log.take(wrong);
        return Ok(refuse(StatusCode::FORBIDDEN, WRONG_CODE));
    }
    visit.app.access.throttle.succeeded(attempt);
    let route = "/sign-in/code";
    let arrival = Arrival { person: &person, way, id_token: None, correlation, route };
    session::begin(&visit, arrival, redirect(&return_to)).await
}
