//! What makes no alert for a while.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, State as Shared};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use durward_detect::alerts::Suppression;
use durward_detect::risk::SubjectKey;
use durward_model::Timestamp;
use maud::{Markup, html};

use crate::access::gate::{self, redirect};
use crate::access::{Asking, Caller, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::params::Params;
use crate::risk::{RiskSight, refused, run};

use super::super::shell::{self, Frame};
use super::super::state::grouped;
use super::super::{answer, words};
use super::{WORK, marks, work};

/// Is it about somebody whom the sight shows by name?
fn is_shown(suppression: &Suppression, sight: &RiskSight) -> bool {
    if sight.reach().is_everything() && !sight.masks_names() {
        return true;
    }
    let what = &suppression.what;
    let (Some(tenant), Some(kind), Some(subject)) =
        (&what.tenant, what.subject_kind, &what.subject)
    else {
        return false;
    };
    let key = SubjectKey::new(tenant, kind, subject);
    sight.mask(&key, subject).is_some_and(|mask| !mask.names && !mask.addresses)
}

/// `GET /alerts/suppressions`
pub(super) async fn show(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    uri: Uri,
) -> Result<Response, ApiError> {
    Params::parse(uri.query())?.only(&["tz"])?;
    let sight = RiskSight::of(&caller);
    let mut all = run(&app, |book| book.suppressions().map_err(refused)).await?;
    all.retain(|one| is_shown(one, &sight));
    Ok(Looked::rows(all.len()).on(answer(render(&frame, &caller, &all, Timestamp::now()))))
}

/// `POST /alerts/suppressions/end`
pub(super) async fn end(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let form = gate::form(&headers, body).await?;
    form.only(&["csrf", "number"])?;
    let number = form.number("number", 0, usize::MAX)? as i64;
    let (by, sight) = (work::by(&caller, ""), RiskSight::of(&caller));
    run(&app, move |book| {
        let all = book.suppressions().map_err(refused)?;
        let own = all.iter().find(|one| one.number == number && is_shown(one, &sight));
        own.ok_or_else(|| ApiError::not_found("there is no such suppression"))?;
        book.end_suppression(number, &by).map_err(refused)
    })
    .await?;
    let target = format!("suppression {number}");
    Ok(marks::changed(&target, "ended".to_owned(), redirect("/alerts/suppressions")))
}

fn render(frame: &Frame, caller: &Caller, all: &[Suppression], now: Timestamp) -> Markup {
    let may_work = caller.may_any(WORK);
    let body = html! {
        main #main .desk .alerts {
            p .crumbs { a href="/alerts" { "Alerts" } " / " }
            div .heading {
                div {
                    h1 { "Suppressions" }
                    p .muted { "What is found and recorded, and makes no alert for a while." }
                }
            }
            @if all.is_empty() {
                section .panel .empty {
                    h2 { "Nothing is suppressed" }
                    p .muted { "An alert’s page has a form for it." }
                }
            } @else {
                section .panel aria-label="Suppressions" {
                    div .scroll tabindex="0" role="group" aria-label="Suppressions" {
                        table .list .cards {
                            thead {
                                tr {
                                    th scope="col" { "What" }
                                    th scope="col" { "State" }
                                    th scope="col" { "Until (" span .zone { "UTC" } ")" }
                                    th scope="col" { "Reason" }
                                    th scope="col" { "By" }
                                    th scope="col" .number { "Kept back" }
                                    th scope="col" { span .visually-hidden { "End" } }
                                }
                            }
                            tbody { @for one in all { (row(frame, one, may_work, now)) } }
                        }
                    }
                }
            }
        }
    };
    shell::page(frame, "Suppressions", &body, &marks::zone())
}

fn row(frame: &Frame, one: &Suppression, may_work: bool, now: Timestamp) -> Markup {
    let holds = one.holds(now.micros);
    let what = &one.what;
    html! {
        tr .row .off[!holds] {
            td .name {
                @match &what.detection {
                    Some(id) => a href=(marks::detection_href(id)) { (marks::detection_name(id)) },
                    None => "Everything",
                }
                @if let Some(subject) = &what.subject { " about " (subject) }
                @if !what.networks.is_empty() { " from " (what.networks.join(", ")) }
            }
            td data-label="State" { (if holds { "Holds" } else { "Ended" }) }
            td data-label="Until" {
                @match one.ended_micros.or(one.until_micros) {
                    Some(until) => (words::time(Timestamp::from_micros(until), now)),
                    None => "ended by hand",
                }
            }
            td data-label="Reason" .told { (what.reason) }
            td data-label="By" { (one.by_name) }
            td data-label="Kept back" .number { (grouped(one.hits)) }
            td {
                @if holds && may_work {
                    form method="post" action="/alerts/suppressions/end" {
                        (frame.csrf_field())
                        input type="hidden" name="number" value=(one.number);
                        button .button .small { "End" }
                    }
                }
            }
        }
    }
}
