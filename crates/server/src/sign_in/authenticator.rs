//! Codes of an authenticator app for accounts of our own: offered after a welcome, and under
//! `/account/authenticator` at any time.
//!
//! A session is enough to begin while the account has no app yet. To replace one takes a code of
//! the one there is: whoever finds an unlocked browser must not take the account over. Recovery
//! codes are shown once, when a new app is confirmed.

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use durward_access::{Person, TotpEnrolment};
use durward_journal::Action;
use durward_model::Timestamp;
use maud::{Markup, html};

use super::attempt::{Outcome, Subject, Way};
use super::page::{panel, problem};
use super::{Visit, actor, in_words, qr, retry_after};
use crate::access::gate;
use crate::error::ApiError;

const ROUTE: &str = "/account/authenticator";
const TITLE: &str = "Authenticator app";

/// What a form of this page asks for.
const BEGIN: &str = "begin";
const CONFIRM: &str = "confirm";

/// `GET /account/authenticator`
pub(crate) async fn show(visit: Visit) -> Result<Response, ApiError> {
    let person = person(&visit)?;
    Ok(visit.page(StatusCode::OK, TITLE, &start(&visit, &person, None)))
}

/// Whose app it is: only for accounts of our own, which have passwords.
fn person(visit: &Visit) -> Result<Person, ApiError> {
    let person = visit.viewer().and_then(|caller| caller.person());
    person.filter(|person| person.is_local()).cloned().ok_or_else(|| {
        let message = "only accounts of durward's own have an authenticator app here";
        ApiError::not_found(message)
    })
}

/// `POST /account/authenticator`
pub(crate) async fn change(
    visit: Visit,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let fields = gate::form(&headers, body).await?;
    let person = person(&visit)?;
    let code = fields.get("code").unwrap_or_default().to_owned();
    match fields.get("step") {
        Some(BEGIN) => begin(&visit, &person, code).await,
        Some(CONFIRM) => confirm(&visit, &person, code).await,
        _ => Err(ApiError::bad_request("the form says nothing to do")),
    }
}

/// Is it a code of the app there is? Guessing is slowed as at sign-in. `Err` is the answer to one
/// that is not.
async fn prove(
    visit: &Visit,
    person: &Person,
    code: String,
) -> Result<Result<(), Response>, ApiError> {
    let subject = Subject::person(person);
    let attempt = match visit.admit(&person.name, None, (subject.clone(), Way::Code)) {
        Ok(attempt) => attempt,
        Err(seconds) => {
            let what = format!("There were too many attempts. Try again {}.", in_words(seconds));
            let body = start(visit, person, Some(&what));
            let page = visit.page(StatusCode::TOO_MANY_REQUESTS, TITLE, &body);
            return Ok(Err(retry_after(page, seconds)));
        }
    };
    let id = person.id.clone();
    let checked = visit.ask(move |store| {
        let is_code = store.check_totp(&id, &code, Timestamp::now())?;
        Ok(is_code || store.take_recovery_code(&id, &code)?)
    });
    if checked.await?.map_err(|error| ApiError::internal(&error))? {
        visit.app.access.throttle.succeeded(attempt);
        return Ok(Ok(()));
    }
    visit.tell(subject, Way::Code, Outcome::WrongCode);
    let body = start(visit, person, Some("The code is wrong, or was used before."));
    Ok(Err(visit.page(StatusCode::FORBIDDEN, TITLE, &body)))
}

async fn begin(visit: &Visit, person: &Person, code: String) -> Result<Response, ApiError> {
    if person.has_totp
        && let Err(refused) = prove(visit, person, code).await?
    {
        return Ok(refused);
    }
    let id = person.id.clone();
    let enrolment = visit.ask(move |store| store.begin_totp(&id)).await?;
    let enrolment = enrolment.map_err(|error| ApiError::bad_request(error.to_string()))?;
    Ok(visit.page(StatusCode::OK, TITLE, &scan(visit, Some(&enrolment), None)))
}

async fn confirm(visit: &Visit, person: &Person, code: String) -> Result<Response, ApiError> {
    let id = person.id.clone();
    let confirmed = visit.ask(move |store| store.confirm_totp(&id, &code, Timestamp::now()));
    let confirmed = confirmed.await?.map_err(|error| ApiError::internal(&error))?;
    let Some(codes) = confirmed else {
        let what = "The code is not the one of this moment. Does the clock of the device agree?";
        let body = scan(visit, None, Some(what));
        return Ok(visit.page(StatusCode::FORBIDDEN, TITLE, &body));
    };
    visit.record(Action::Change, actor(person), ROUTE, Some(person.name.clone())).await?;
    Ok(visit.page(StatusCode::OK, TITLE, &recovery(&codes)))
}

/// Before anything is done.
fn start(visit: &Visit, person: &Person, what: Option<&str>) -> Markup {
    let described = what.map(|_| "problem");
    panel(
        TITLE,
        &html! {
            (problem(what))
            @if person.has_totp {
                p { "Signing in takes a code of your authenticator app. To use another app, type a \
                     code of the present one, or a recovery code." }
            } @else {
                p { "With an authenticator app, your password alone lets nobody in. Any app for \
                     one-time codes will do." }
            }
            form method="post" action=(ROUTE) {
                (visit.frame.csrf_field())
                input type="hidden" name="step" value=(BEGIN);
                @if person.has_totp {
                    label for="code" { "Code" }
                    input #code .code name="code" required maxlength="40" autocomplete="one-time-code"
                        autocapitalize="none" spellcheck="false" aria-describedby=[described];
                }
                button .button .primary .wide {
                    @if person.has_totp { "Use another app" } @else { "Set up an app" }
                }
            }
            p .links { a href="/" { @if person.has_totp { "Leave it" } @else { "Not now" } } }
        },
    )
}

/// The new secret, which is shown this once, and the form that confirms it.
fn scan(visit: &Visit, enrolment: Option<&TotpEnrolment>, what: Option<&str>) -> Markup {
    let described = what.map(|_| "problem");
    panel(
        TITLE,
        &html! {
            (problem(what))
            @if let Some(enrolment) = enrolment {
                p { "Scan this with the app, or type the key." }
                (qr::svg(&enrolment.url, "QR code with the key that is written below"))
                p .key { code { (grouped(&enrolment.secret)) } }
                p .links { a href=(enrolment.url) { "Open the app on this device" } }
            }
            form method="post" action=(ROUTE) {
                (visit.frame.csrf_field())
                input type="hidden" name="step" value=(CONFIRM);
                label for="code" { "Code that the app shows now" }
                input #code .code name="code" required inputmode="numeric" maxlength="9"
                    autocomplete="one-time-code" aria-describedby=[described] autofocus;
                button .button .primary .wide { "Confirm" }
            }
            p .links { a href=(ROUTE) { "Start again" } }
        },
    )
}

fn recovery(codes: &[String]) -> Markup {
    panel(
        "Recovery codes",
        &html! {
            p role="status" {
                "From now on, signing in takes a code. Keep these recovery codes where you find them \
                 without your phone: each lets you in once, and they are not shown again."
            }
            ul .codes { @for code in codes { li { code { (code) } } } }
            a .button .primary .wide href="/" { "I have kept them" }
        },
    )
}

/// `ABCD EFGH …`, easier to type.
fn grouped(secret: &str) -> String {
    let letters: Vec<char> = secret.chars().collect();
    let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
    groups.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_shown_in_groups() {
        assert_eq!(grouped("ABCDEFGHIJ"), "ABCD EFGH IJ");
        assert_eq!(grouped(""), "");
    }
}
