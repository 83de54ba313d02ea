//! Pages: the explorer (`/`, `/signins`), one sign-in (`/signins/{id}`), a person's own (`/me`,
//! `/account`), and for those who look after others `/reported` and `/access-log`.
//!
//! Rendered here, complete without script: every state is an address, every control a link or a
//! form. A small script adds keys, a live view and local times. Styles and script are files of
//! this binary; nothing is fetched from elsewhere, and the policy on the answer says so.

mod access_log;
mod account;
mod alerts;
mod assets;
mod attempt;
mod charts;
mod completeness;
mod detections;
mod diagnose;
mod download;
mod entity;
mod errors;
mod event;
mod explorer;
mod filter;
mod link;
mod live;
mod map;
mod me;
mod overview;
mod records;
mod reported;
mod risk;
mod rules;
mod scope;
mod search;
pub(crate) mod shell;
mod state;
mod table;
mod views;
pub(in crate::page) mod words;

use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use durward_journal::Action;
use maud::{Markup, html};

use crate::edge::RequestIds;
use crate::error::ApiError;
use crate::openapi::{Operation, Parameter};
use crate::routes::{Endpoint, OPEN, endpoint, read_others};

pub(crate) use access_log::access_log;
pub(crate) use account::{account, change_password, create_token, end_sessions, revoke_token};
pub(crate) use download::question_of;
pub(crate) use me::{feedback, me};
pub(crate) use reported::reported;
pub(crate) use shell::Frame;

/// What pages answer that are about the log.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    let mut all = vec![
        endpoint(
            Method::GET,
            "/signins",
            read_others(Action::List),
            get(explorer::explorer),
            page_of("The explorer").parameters(&explorer_parameters()),
        ),
        endpoint(
            Method::GET,
            "/assets/{name}",
            OPEN,
            get(assets::asset),
            Operation::new("pages", "Style sheet, script or picture")
                .parameters(&[Parameter::path("name", "Name of the file")])
                .answer("text/plain", "Any"),
        ),
    ];
    all.extend(shell::endpoints());
    all.extend(overview::endpoints());
    all.extend(completeness::endpoints());
    all.extend(filter::endpoints());
    all.extend(table::endpoints());
    all.extend(event::endpoints());
    all.extend(attempt::endpoints());
    all.extend(entity::endpoints());
    all.extend(map::endpoints());
    all.extend(risk::endpoints());
    all.extend(errors::endpoints());
    all.extend(diagnose::endpoints());
    all.extend(records::endpoints());
    all.extend(search::endpoints());
    all.extend(views::endpoints());
    all.extend(download::endpoints());
    all.extend(live::endpoints());
    all.extend(alerts::endpoints());
    all.extend(detections::endpoints());
    all.extend(rules::endpoints());
    all
}

/// The description of a page.
pub(in crate::page) fn page_of(what: &'static str) -> Operation {
    Operation::new("pages", what).answer("text/html", "Any")
}

/// Parameters of every page about many sign-ins.
pub(in crate::page) fn scope_parameters() -> Vec<Parameter> {
    vec![
        Parameter::query("t", "15m, 1h, 4h, 24h (default), 7d, 30d, 90d, 1y, all, or from..to"),
        Parameter::query("tz", "utc (default) or local"),
        Parameter::query("tenant", "Only this tenant's"),
    ]
}

/// Parameters that [`state::State`] reads.
pub(in crate::page) fn explorer_parameters() -> Vec<Parameter> {
    let mut all = scope_parameters();
    all.extend([
        Parameter::query("type", "i (default), n, s, m or all"),
        Parameter::query("q", "Free text, in the short form"),
        Parameter::query("f", "Filters by commas: status=failure,-app:Teams,ip:10.0.0.0/8"),
        Parameter::query("odata", "More of the filter, in OData"),
        Parameter::query("cols", "Columns by commas"),
        Parameter::query("pin", "How many of the first columns stay in sight"),
        Parameter::query("sort", "Column, with - before it for descending; -date (default)"),
        Parameter::query("group", "off (default), 1h, 6h or 24h: identical sign-ins as one row"),
        Parameter::query("by", "Column: one row a value"),
        Parameter::query("view", "rows (default), attempts or map"),
        Parameter::query("at", "Number of the first row, from 0"),
        Parameter::query("after", "Where the page of groups before this one ended"),
        Parameter::query("asof", "Only what had been received by then"),
        Parameter::query("row", "Request ID of the event that is open"),
        Parameter::query("tab", "Tab of the event that is open"),
    ]);
    all
}

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
