//! Pages: the explorer (`/`, `/signins`), one sign-in (`/signins/{id}`), a person's own (`/me`,
//! `/account`), and for those who look after others `/reported` and `/access-log`.
//!
//! Rendered here, complete without script: every state is an address, every control a link or a
//! form. A small script adds keys, a live view and local times. Styles and script are files of
//! this binary; nothing is fetched from elsewhere, and the policy on the answer says so.

mod access_log;
mod account;
mod assets;
mod chart;
mod detail;
mod explorer;
mod list;
mod me;
mod reported;
pub(crate) mod shell;
mod state;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use crate::edge::RequestIds;
use crate::error::ApiError;

pub(crate) use access_log::access_log;
pub(crate) use account::{account, change_password, create_token, end_sessions, revoke_token};
pub(crate) use assets::{ICON_PATH, SCRIPT_PATH, STYLE_PATH, icon, script, style};
pub(crate) use detail::detail;
pub(crate) use explorer::explorer;
pub(crate) use me::{feedback, me};
pub(crate) use reported::reported;
pub(crate) use shell::Frame;

/// A page as an answer.
pub(crate) fn answer(page: Markup) -> Response {
    ([(CONTENT_TYPE, "text/html; charset=utf-8")], page.into_string()).into_response()
}

/// An error as a page.
pub(crate) fn error(error: &ApiError, ids: &RequestIds, frame: &Frame) -> String {
    let title = match error.status.as_u16() {
        401 => "Not signed in",
        403 => "No access",
        404 => "Not here",
        503 | 504 => "Not now",
        400..=499 => "That cannot be answered",
        _ => "That went wrong",
    };
    let body = html! {
        main #main .single {
            section .panel .empty {
                h1 { (title) }
                p { (error.message) }
                p .muted { "Error " (error.status.as_u16()) " · request " code { (ids.request) } }
                p { a .button href="/" { "Back to the front page" } }
            }
        }
    };
    shell::page(frame, title, &body, &html! {}).into_string()
}
