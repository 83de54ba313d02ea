//! A person's own account in durward: roles, sessions, tokens, password.
//!
//! Only a person with a session comes here: tokens cannot make tokens. Every change is written
//! into the access log by the gate; secrets are in the answer that makes them and nowhere else.

mod password;
mod tokens;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, State as Shared};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use durward_access::{Person, Right, Rights, Scope, Session, Token};
use durward_model::Timestamp;
use maud::{Markup, html};

use crate::access::gate::{self, redirect};
use crate::access::{Asking, Caller, Looked, Who};
use crate::app::App;
use crate::error::ApiError;
use crate::params::Params;

use super::shell::Frame;
use super::state::ago;
use super::words;
use super::{answer, shell};

pub(crate) use password::change as change_password;
pub(crate) use tokens::{create as create_token, revoke as revoke_token};

/// What the page is called.
const TITLE: &str = "Account";

/// What was done, in addresses and in words.
const DONE: [(&str, &str); 4] = [
    ("password", "Your password is changed, and all your other sessions have ended."),
    ("revoked", "The token is revoked. It does not work any more."),
    ("session", "The session has ended."),
    ("sessions", "All your other sessions have ended."),
];

/// `GET /account`
pub(crate) async fn account(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&["done"])?;
    let done = DONE.iter().find(|(name, _)| params.get("done") == Some(*name));
    let note = match done {
        Some((_, words)) => Note::Done(words),
        None => Note::None,
    };
    show(&app, &caller, &frame, &note).await
}

/// What the page says about the change before it.
enum Note<'n> {
    None,
    /// It was made.
    Done(&'n str),
    /// It was not made, for this reason.
    Problem(StatusCode, String),
    /// A token was made: its name and its secret.
    Token(&'n str, &'n str),
}

/// The person and session behind a caller.
fn session_of(caller: &Caller) -> Result<(&Person, &Session), ApiError> {
    match &caller.who {
        Who::Person(person, session) => Ok((person, session)),
        _ => {
            let message = "there is no account here to change";
            Err(ApiError::new(StatusCode::FORBIDDEN, "Forbidden", message))
        }
    }
}

/// The page.
async fn show(
    app: &Arc<App>,
    caller: &Caller,
    frame: &Frame,
    note: &Note<'_>,
) -> Result<Response, ApiError> {
    let Ok((person, session)) = session_of(caller) else {
        return Ok(answer(shell::page(frame, TITLE, &nothing(), &html! {})));
    };
    let id = person.id.clone();
    let now = Timestamp::now();
    let found = app.access.run(move |access| {
        Ok((access.store.sessions_of(&id, now)?, access.store.tokens(Some(&id))?))
    });
    let (sessions, tokens) = found.await?;
    let shown = Shown { caller, person, session, sessions, tokens };
    let status = match note {
        Note::Problem(status, _) => *status,
        _ => StatusCode::OK,
    };
    Ok((status, answer(render(frame, &shown, note, now))).into_response())
}

/// What the page shows.
struct Shown<'s> {
    caller: &'s Caller,
    person: &'s Person,
    session: &'s Session,
    sessions: Vec<Session>,
    tokens: Vec<Token>,
}

fn render(frame: &Frame, shown: &Shown<'_>, note: &Note<'_>, now: Timestamp) -> Markup {
    let body = html! {
        main #main .account {
            div .heading {
                div {
                    h1 { (shown.caller.name()) }
                    p .muted {
                        (shown.person.name) " · "
                        @if shown.person.is_local() { "an account of durward's own" }
                        @else { "signed in by " (shown.person.issuer) }
                    }
                }
            }
            (told(note))
            (roles(shown.caller))
            (tokens::section(frame, shown, now))
            (sessions(frame, shown, now))
            @if shown.person.is_local() { (password::section(frame, shown.person)) }
        }
    };
    let zone = html! { a #zone .button href="?" hidden data-local="false" { "UTC" } };
    shell::page(frame, TITLE, &body, &zone)
}

fn told(note: &Note<'_>) -> Markup {
    match note {
        Note::None => html! {},
        Note::Done(words) => html! { p .verdict role="status" { "✔ " (words) } },
        Note::Problem(_, why) => html! { p .problem role="alert" { b { "✖ " } (why) } },
        Note::Token(name, secret) => html! {
            section .verdict role="status" aria-label="New token" {
                p { b { "✔ The token “" (name) "” is made." }
                    " Copy it now: it is shown this once, and kept as a hash only." }
                pre .secret { (secret) }
                p .muted { "Programs send it as " code { "Authorization: Bearer …" } }
            }
        },
    }
}

/// What each role allows, in words.
fn roles(caller: &Caller) -> Markup {
    html! {
        section .panel .part {
            h2 { "Roles" }
            div .scroll {
                table .inner {
                    thead { tr { th scope="col" { "Role" } th scope="col" { "May" }
                                 th scope="col" { "Over" } } }
                    tbody {
                        @for grant in &caller.grants {
                            tr {
                                td { @if let Some(role) = grant.role { (role.name()) } }
                                td { (may(grant.rights)) }
                                td {
                                    (over(grant.rights, &grant.scopes))
                                    @if grant.mask.names { ", names as pseudonyms" }
                                    @if grant.mask.addresses { ", addresses as pseudonyms" }
                                }
                            }
                        }
                    }
                }
            }
            p .muted { "A Global Administrator of durward gives and takes roles." }
        }
    }
}

fn may(rights: Rights) -> String {
    rights.iter().map(Right::words).collect::<Vec<_>>().join(", ")
}

/// The part of the log that rights are over.
fn over(rights: Rights, scopes: &[Scope]) -> String {
    if rights == Rights::of(&[Right::ReadOwn]) {
        return "their own sign-ins".to_owned();
    }
    if scopes.is_empty() {
        return "the whole log".to_owned();
    }
    let part = |name: &str, values: &[String]| match values {
        [] => None,
        values => Some(format!("{name} {}", values.join(" or "))),
    };
    let scope = |scope: &Scope| {
        let parts = [
            part("tenant", &scope.tenants),
            part("application", &scope.applications),
            part("user", &scope.users),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" and ")
    };
    scopes.iter().map(scope).collect::<Vec<_>>().join(" and ")
}

fn sessions(frame: &Frame, shown: &Shown<'_>, now: Timestamp) -> Markup {
    html! {
        section .panel .part {
            h2 { "Sessions" }
            div .scroll {
                table .inner {
                    thead {
                        tr {
                            th scope="col" { "Signed in" }
                            th scope="col" { "Last used" }
                            th scope="col" { "From" }
                            th scope="col" { "Browser" }
                            th scope="col" { "" }
                        }
                    }
                    tbody {
                        @for session in &shown.sessions {
                            tr {
                                td { (words::time(session.created, now)) }
                                td { (ago(session.last_seen, now)) }
                                td .mono { (session.address) }
                                td { (session.user_agent) }
                                td {
                                    @if session.id == shown.session.id { "this one" }
                                    @else {
                                        form method="post" action="/account/sessions/end" {
                                            (frame.csrf_field())
                                            input type="hidden" name="session" value=(session.id);
                                            button .button .small { "End" }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
            @if shown.sessions.len() > 1 {
                form method="post" action="/account/sessions/end" {
                    (frame.csrf_field())
                    button .button { "End all others" }
                }
            }
        }
    }
}

/// `POST /account/sessions/end`: one session, or all but this.
pub(crate) async fn end_sessions(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let form = gate::form(&headers, body).await?;
    let (person, own) = session_of(&caller)?;
    let (person, own) = (person.id.clone(), own.id.clone());
    let one = form.get("session").map(str::to_owned);
    let looked = Looked {
        target: Some(one.clone().unwrap_or_else(|| "all other sessions".to_owned())),
        ..Looked::default()
    };
    let done = if one.is_some() { "/account?done=session" } else { "/account?done=sessions" };
    let ended = app.access.run(move |access| {
        let Some(one) = one else {
            for other in access.store.sessions_of(&person, Timestamp::now())? {
                if other.id != own {
                    access.store.end_session_of(&person, &other.id)?;
                }
            }
            return Ok(true);
        };
        access.store.end_session_of(&person, &one)
    });
    match ended.await? {
        true => Ok(looked.on(redirect(done))),
        false => Err(ApiError::not_found("you have no such session; it may have ended already")),
    }
}

/// For the visitors of a demo.
fn nothing() -> Markup {
    html! {
        main #main .single {
            section .panel .empty {
                h1 { "There is nothing to manage here" }
                p .muted {
                    "In a demo, everybody on this machine is its administrator, without an
                     account: no password, no sessions, no tokens."
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use durward_access::Role;

    use super::*;

    #[test]
    fn scopes_in_words() {
        let text = |text: &str| vec![text.to_owned()];
        let scope = Scope {
            tenants: vec!["t1".to_owned(), "t2".to_owned()],
            applications: text("a"),
            users: Vec::new(),
        };
        let rights = Role::ReportsReader.rights();
        assert_eq!(over(rights, &[scope]), "tenant t1 or t2 and application a");
        assert_eq!(over(rights, &[]), "the whole log");
        assert_eq!(over(Role::User.rights(), &[]), "their own sign-ins");
        assert_eq!(
            may(Role::HelpdeskAdministrator.rights()),
            "read their own sign-ins, read the sign-ins of users"
        );
    }
}
