//! Sign-ins that their users say were not theirs, for those who look into it.

use std::sync::Arc;

use axum::extract::{Extension, State as Shared};
use axum::http::Uri;
use axum::response::Response;
use durward_access::{Feedback, Verdict};
use durward_model::columns::{self, text};
use durward_model::{Event, FieldId, Timestamp, graph};
use maud::{Markup, html};

use crate::access::{Asking, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::params::Params;
use crate::reported::{self, PAGE_ROWS, Report, Reports};

use super::shell::Frame;
use super::state::ago;
use super::words::{self, pill};
use super::{answer, shell};

/// What the page is called.
const TITLE: &str = "Reported";

/// `GET /reported`
pub(crate) async fn reported(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&["cursor"])?;
    let before = reported::cursor(&params)?;
    let shared = app.clone();
    let found =
        app.ask(&caller, move |reader| reported::find(&shared, reader, before, PAGE_ROWS)).await?;
    let page = render(&frame, &found, before.is_some(), Timestamp::now());
    Ok(Looked::rows(found.reports.len()).on(answer(page)))
}

fn render(frame: &Frame, found: &Reports, is_later_page: bool, now: Timestamp) -> Markup {
    let body = html! {
        main #main {
            div .heading {
                div {
                    h1 { (TITLE) }
                    p .muted { "Sign-ins of which their users say: this wasn’t me." }
                }
            }
            @if found.reports.is_empty() {
                section .panel .empty {
                    h2 { "Nothing reported" @if found.next.is_some() { " here" } }
                    p .muted {
                        "People report a sign-in on their page My sign-ins; it appears here at
                         once."
                    }
                }
            } @else {
                section .panel aria-label=(TITLE) {
                    div .scroll tabindex="-1" { (table(&found.reports, now)) }
                }
            }
            footer .ends {
                @if is_later_page { a .button href="/reported" { "Newest" } }
                @if let Some(next) = found.next {
                    a .button rel="next" href={ "/reported?cursor=" (next) } { "Older" }
                }
            }
        }
    };
    let zone = html! { a #zone .button href="?" hidden data-local="false" { "UTC" } };
    shell::page(frame, TITLE, &body, &zone)
}

fn table(reports: &[Report], now: Timestamp) -> Markup {
    html! {
        table .list .roomy {
            thead {
                tr {
                    th scope="col" { "Reported (" span .zone { "UTC" } ")" }
                    th scope="col" { "User" }
                    th scope="col" { "Sign-in" }
                    th scope="col" { "Outcome" }
                    th scope="col" { "Application" }
                    th scope="col" { "Place" }
                    th scope="col" { "IP address" }
                }
            }
            tbody { @for report in reports { (row(report, now)) } }
        }
    }
}

fn row(report: &Report, now: Timestamp) -> Markup {
    let event = &report.event;
    let id = event.cell(FieldId::Id).to_string();
    let column = |name: &str| columns::by_name(name).map(|column| text::short(column, event));
    let principal = event.cell(FieldId::UserPrincipalName).to_string();
    html! {
        tr .row data-id=(id) {
            td { (words::time(report.feedback.at, now)) }
            td { span .clip title=(principal) { (column("actor").unwrap_or_default()) } }
            td { a href=(href(event, &id)) { (words::time(event.row().created, now)) } }
            td { @if let Some(status) = graph::status(event) { (pill(status)) } }
            td { span .clip { (event.cell(FieldId::AppDisplayName).to_string()) } }
            td { span .clip { (column("location").unwrap_or_default()) } }
            td .mono { (event.cell(FieldId::IpAddress).to_string()) }
        }
    }
}

/// The page of the event, in its tenant.
fn href(event: &Event, id: &str) -> String {
    let mut href = super::link::event(id);
    let tenant = event.cell(FieldId::TenantId).to_string();
    if !tenant.is_empty() {
        href.push('?');
        href.push_str(&crate::params::query_string([("tenant", tenant.as_str())]));
    }
    href
}

/// What its user said of an event, for the page of the event.
pub(super) fn panel(said: &[Feedback], now: Timestamp) -> Markup {
    html! {
        @for feedback in said {
            @let is_mine = feedback.verdict == Verdict::Mine;
            p .said .alarm[!is_mine] {
                @if is_mine { "✔ The user says: this was me." }
                @else { b { "✖ The user says: this wasn’t me." } }
                " " span .muted { (ago(feedback.at, now)) " · " (words::time(feedback.at, now)) }
            }
        }
    }
}
