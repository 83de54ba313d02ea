//! The control for the range of time: ranges to choose from, any two times, and steps back,
//! forth and out.

use axum::http::{Method, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use durward_model::Timestamp;
use maud::{Markup, html};

use crate::access::Need;
use crate::access::READ_OTHERS;
use crate::error::ApiError;
use crate::openapi::{Operation, Parameter};
use crate::page::scope::{RANGES, Scope};
use crate::params::{self, Params, encode};
use crate::routes::{Endpoint, endpoint};

/// Stands for a range in the address of a page.
const PLACEHOLDER: &str = "FROM..TO";

pub(super) fn endpoints() -> Vec<Endpoint> {
    let operation = Operation::new("pages", "Leads to a page with a range of two times")
        .parameters(&[
            Parameter::query("page", "The page's address, FROM..TO where the range goes"),
            Parameter::query("from", "From, such as 2026-03-02T07:41, UTC"),
            Parameter::query("to", "To, not included"),
        ])
        .answer("text/html", "Any");
    vec![endpoint(Method::GET, "/range", (Need::Any(READ_OTHERS), None), get(chosen), operation)]
}

/// `GET /range`: two times of a form become one range.
async fn chosen(uri: Uri) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&["page", "from", "to"])?;
    let page = params.get("page").filter(|page| page.starts_with('/') && !page.starts_with("//"));
    let page = page.filter(|page| page.contains(PLACEHOLDER) && !page.contains('\\'));
    let page = page.ok_or_else(|| ApiError::bad_request("'page' must be one of durward's"))?;
    let time = |name: &str| {
        let text = params.get(name).unwrap_or_default();
        let text = if text.ends_with('Z') { text.to_owned() } else { format!("{text}Z") };
        params::instant(&text, Timestamp::now()).ok_or_else(|| {
            let message = format!("'{name}' must be a time such as 2026-03-02T07:41");
            ApiError::bad_request(message).parameter(name)
        })
    };
    let (from, to) = (time("from")?, time("to")?);
    let mut range = String::new();
    encode(&format!("{}..{}", from.min(to).to_rfc3339(), to.max(from).to_rfc3339()), &mut range);
    Ok(Redirect::to(&page.replace(PLACEHOLDER, &range)).into_response())
}

/// The control. `again`: it takes the place of the one that the page has.
pub(super) fn control(
    scope: &Scope,
    now: Timestamp,
    href: &dyn Fn(&Scope) -> String,
    again: bool,
) -> Markup {
    let known = RANGES.iter().any(|(name, ..)| *name == scope.range);
    html! {
        div #range .range role="group" aria-label="Range of time"
            hx-swap-oob=[again.then_some("true")] {
            @if let Some(before) = scope.moved(now, -1) {
                a #range-back .button href=(href(&before)) data-fixed aria-label="The span before"
                    title="The span before (B)" { "◀" }
            }
            details .menu-button {
                summary .button { (label(scope)) " ▾" }
                div .menu {
                    @for (name, label, _) in RANGES {
                        a href=(href(&scope.at(name))) data-fixed
                            aria-current=[(name == scope.range).then_some("true")] { (label) }
                    }
                    (custom(scope, now, href))
                    @if let Some(wide) = scope.widened(now) {
                        a #zoom-out href=(href(&wide)) data-fixed {
                            "Zoom out to twice the span " kbd { "Z" }
                        }
                    }
                }
            }
            @if let Some(after) = scope.moved(now, 1).filter(|_| !known) {
                a #range-next .button href=(href(&after)) data-fixed aria-label="The span after"
                    title="The span after (N)" { "▶" }
            }
        }
    }
}

/// Any two times.
fn custom(scope: &Scope, now: Timestamp, href: &dyn Fn(&Scope) -> String) -> Markup {
    let (from, to) = scope.ends(now, None);
    let [from, to] = [from, to].map(|micros| {
        let text = Timestamp::from_micros(micros).to_rfc3339();
        text.get(..16).unwrap_or_default().to_owned()
    });
    html! {
        form .custom action="/range" method="get" {
            input type="hidden" name="page" value=(href(&scope.at(PLACEHOLDER)));
            label { "From (UTC)" input type="datetime-local" name="from" value=(from) required; }
            label { "To (UTC)" input type="datetime-local" name="to" value=(to) required; }
            button .button .small type="submit" { "Show these times" }
        }
    }
}

/// The range in words; the day only once where both ends are of one.
fn label(scope: &Scope) -> String {
    let Some((from, to)) = scope.range.split_once("..") else { return scope.label() };
    let minute = |text: &str| {
        let read = params::instant(text, Timestamp::now()).map(Timestamp::to_rfc3339);
        let text = read.unwrap_or_else(|| text.to_owned()).replace('T', " ");
        text.get(..16).unwrap_or(&text).to_owned()
    };
    let (from, to) = (minute(from), minute(to));
    let same_day = from.get(..11).is_some_and(|day| to.starts_with(day));
    let short = if same_day { to.get(11..).unwrap_or(&to) } else { &to };
    format!("{from} – {short}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_one_day_says_it_once() {
        let say = |range: &str| label(&Scope { range: range.to_owned(), ..Scope::default() });
        assert_eq!(say("24h"), "Last 24 hours");
        let day = "2026-03-01T08:00:00Z..2026-03-01T09:30:00Z";
        assert_eq!(say(day), "2026-03-01 08:00 – 09:30");
        let days = "2026-03-01T08:00:00Z..2026-03-02T00:00:00Z";
        assert_eq!(say(days), "2026-03-01 08:00 – 2026-03-02 00:00");
    }
}
