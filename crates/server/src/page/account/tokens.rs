//! Personal access tokens: what a person may do, or less of it, for a program of theirs.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use durward_access::permission::PERMISSIONS;
use durward_access::{NewToken, Scope, Token};
use durward_model::Timestamp;
use durward_model::time::DAY_MICROS;
use maud::{Markup, html};

use super::{Note, Shown, session_of, show};
use crate::access::gate::{self, redirect};
use crate::access::{Asking, Caller, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::page::Frame;
use crate::page::state::ago;
use crate::page::words;
use crate::params::Params;

/// Days that a token may last, the usual number first.
const DAYS: [(&str, i64); 4] = [("30", 30), ("7", 7), ("90", 90), ("365", 365)];

/// Permissions to choose from: our own, as far as the person may do any of it themselves.
fn offered(caller: &Caller) -> impl Iterator<Item = (&'static str, &'static str)> {
    const OWN: [(&str, &str); 4] = [
        ("read", "read what you may read"),
        ("ingest", "push records"),
        ("metrics", "read the counters of the server"),
        ("access-log", "read the access log"),
    ];
    OWN.into_iter().filter(|(name, _)| {
        let of = PERMISSIONS.iter().find(|(known, ..)| known == name);
        of.is_some_and(|(_, rights, _)| rights.iter().any(|right| caller.may(right)))
    })
}

/// The tokens, and the form for a new one.
pub(super) fn section(frame: &Frame, shown: &Shown<'_>, now: Timestamp) -> Markup {
    html! {
        section .panel .part {
            h2 { "Personal access tokens" }
            p .muted {
                "For scripts of yours. A token may do no more than you may, and stops when your
                 account does."
            }
            @if !shown.tokens.is_empty() { (table(frame, &shown.tokens, now)) }
            form .narrow method="post" action="/account/tokens" {
                (frame.csrf_field())
                label { span { "Name" }
                    input name="name" required maxlength="100" autocomplete="off"
                        placeholder="nightly report";
                }
                fieldset {
                    legend { "May" }
                    @for (name, words) in offered(shown.caller) {
                        label .check {
                            input type="checkbox" name=(name) value="true" checked[name == "read"];
                            " " (words)
                        }
                    }
                }
                label { span { "For" }
                    select name="days" {
                        @for (value, days) in DAYS { option value=(value) { (days) " days" } }
                    }
                }
                button .button .primary { "Make a token" }
            }
        }
    }
}

fn table(frame: &Frame, tokens: &[Token], now: Timestamp) -> Markup {
    let time = |time: Option<Timestamp>, without: &'static str| match time {
        Some(time) => words::time(time, now),
        None => html! { span .muted { (without) } },
    };
    html! {
        div .scroll {
            table .inner .tokens {
                thead {
                    tr {
                        th scope="col" { "Name" }
                        th scope="col" { "May" }
                        th scope="col" { "Made" }
                        th scope="col" { "Expires" }
                        th scope="col" { "Last used" }
                        th scope="col" { "" }
                    }
                }
                tbody {
                    @for token in tokens {
                        tr {
                            td { (token.name) }
                            td { (token.permissions.join(", ")) }
                            td { (words::time(token.created, now)) }
                            td { (time(token.expires, "never")) }
                            td {
                                @match token.last_used {
                                    Some(last) => (ago(last, now)),
                                    None => span .muted { "never" },
                                }
                            }
                            td { (end(frame, token, now)) }
                        }
                    }
                }
            }
        }
    }
}

fn end(frame: &Frame, token: &Token, now: Timestamp) -> Markup {
    html! {
        @if let Some(revoked) = token.revoked {
            span .muted { "revoked " (ago(revoked, now)) }
        } @else if !token.is_live(now) {
            span .muted { "expired" }
        } @else {
            form method="post" action="/account/tokens/revoke" {
                (frame.csrf_field())
                input type="hidden" name="token" value=(token.id);
                button .button .small { "Revoke" }
            }
        }
    }
}

/// `POST /account/tokens`
pub(crate) async fn create(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let form = gate::form(&headers, body).await?;
    let (person, _) = session_of(&caller)?;
    let now = Timestamp::now();
    let new = new_token(&caller, person.id.clone(), &form, now)?;
    let looked = Looked {
        target: Some(format!("token {}", new.name)),
        query: Some(format!(
            "permissions={}&days={}",
            new.permissions.join(","),
            form.get("days").unwrap_or_default()
        )),
        ..Looked::default()
    };
    let made = app.access.try_run(move |access| access.store.create_token(&new, now)).await?;
    let response = match &made {
        Ok((token, secret)) => {
            show(&app, &caller, &frame, &Note::Token(&token.name, secret)).await?
        }
        Err(refused) => {
            let note = Note::Problem(StatusCode::BAD_REQUEST, format!("{refused}."));
            show(&app, &caller, &frame, &note).await?
        }
    };
    Ok(looked.on(response))
}

/// What the form asks for.
fn new_token(
    caller: &Caller,
    owner: String,
    form: &Params,
    now: Timestamp,
) -> Result<NewToken, ApiError> {
    let mut permissions = Vec::new();
    for (name, _) in offered(caller) {
        if form.flag(name)? {
            permissions.push(name.to_owned());
        }
    }
    let days = DAYS.iter().find(|(value, _)| form.get("days") == Some(*value));
    let Some((_, days)) = days else {
        let message = "'days' must be 7, 30, 90 or 365";
        return Err(ApiError::bad_request(message).parameter("days"));
    };
    let expires = Timestamp::from_micros(now.micros + days * DAY_MICROS);
    Ok(NewToken {
        name: form.get("name").unwrap_or_default().to_owned(),
        permissions,
        scope: Scope::WHOLE,
        owner: Some(owner),
        expires: Some(expires),
    })
}

/// `POST /account/tokens/revoke`
pub(crate) async fn revoke(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let form = gate::form(&headers, body).await?;
    let person = session_of(&caller)?.0.id.clone();
    let id = form.get("token").unwrap_or_default().to_owned();
    let now = Timestamp::now();
    let revoked = app.access.run(move |access| {
        // Only one's own, and by identifier only: a name may be that of somebody else's.
        let own = access.store.tokens(Some(&person))?.into_iter().find(|token| token.id == id);
        let Some(token) = own else { return Ok(None) };
        access.store.revoke_token(&token.id, now)?;
        Ok(Some(token.name))
    });
    let name = revoked.await?.ok_or_else(|| ApiError::not_found("you have no such token"))?;
    let looked = Looked { target: Some(format!("token {name}")), ..Looked::default() };
    Ok(looked.on(redirect("/account?done=revoked")))
}
