//! The search that recognises what is put into it: identifiers, addresses, networks, error codes,
//! user names, whole error messages, and words.

mod find;
mod recognise;

use std::sync::Arc;

use axum::extract::{Extension, State as Shared};
use axum::http::{Method, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use durward_journal::Action;
use maud::{Markup, html};

use crate::access::{Asking, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::openapi::Parameter;
use crate::params::Params;
use crate::routes::{Endpoint, endpoint, read_others};

use super::scope::Scope;
use super::shell::{self, Frame};
use super::state::grouped;
use super::{answer, page_of, scope_parameters};
use find::{Found, Hit};

/// Longest text that is looked at, in characters.
const TEXT_MAX: usize = 2000;
/// Hits of each kind on the page, and of all kinds while somebody types.
const HITS_OF_KIND: usize = 10;
const SUGGESTIONS: usize = 8;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let need = read_others(Action::List);
    let text = Parameter::query("q", "Anything: an identifier, an address, a code, a name");
    let page =
        page_of("Search").parameters(std::slice::from_ref(&text)).parameters(&scope_parameters());
    let part = page_of("What the search box suggests").parameters(&[text]);
    let part = part.parameters(&scope_parameters());
    vec![
        endpoint(Method::GET, "/search", need, get(search), page),
        endpoint(Method::GET, "/search/suggest", need, get(suggest), part),
    ]
}

fn asked(uri: &Uri) -> Result<(String, Scope), ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&["q", "t", "tz", "tenant"])?;
    let text = params.get("q").unwrap_or_default().chars().take(TEXT_MAX).collect();
    Ok((text, Scope::parse(&params, "all")?))
}

/// `GET /search`: what there is, or straight to the only thing that it can be.
async fn search(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let (text, scope) = asked(&uri)?;
    let (wanted, within) = (text.clone(), scope.clone());
    let find = move |reader: &_| find::find(reader, &wanted, &within, HITS_OF_KIND);
    let found = app.ask(&caller, find).await?;
    if let [Hit { open: Some(open), is_exact: true, .. }] = found.hits.as_slice() {
        return Ok(Looked::rows(1).on(Redirect::to(open).into_response()));
    }
    let page = shell::page(&frame, "Search", &body(&text, &scope, &found), &html! {});
    Ok(Looked::rows(found.hits.len()).on(answer(page)))
}

/// `GET /search/suggest`: options of the box's list.
async fn suggest(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    uri: Uri,
) -> Result<Response, ApiError> {
    let (text, scope) = asked(&uri)?;
    let (wanted, within) = (text.clone(), scope.clone());
    let find = move |reader: &_| find::find(reader, &wanted, &within, SUGGESTIONS);
    let mut found = app.ask(&caller, find).await?;
    found.hits.sort_by_key(|hit| (!hit.is_exact, std::cmp::Reverse(hit.count)));
    found.hits.truncate(SUGGESTIONS - 1);
    let options = html! {
        @for hit in &found.hits {
            a role="option" aria-selected="false" tabindex="-1"
                href=(hit.open.as_ref().unwrap_or(&hit.filter)) {
                span .kind { (hit.kind) }
                span .name { (hit.name) @if !hit.note.is_empty() { " " span .muted { (hit.note) } } }
                @if hit.count > 0 { span .count { (grouped(hit.count)) } }
            }
        }
        @if let Some(filter) = &found.everything {
            a role="option" aria-selected="false" tabindex="-1" href=(filter) {
                span .kind { "Sign-ins" }
                span .name { "with “" (text) "” in any text" }
            }
        }
    };
    Ok(Looked::rows(found.hits.len()).on(answer(options)))
}

fn body(text: &str, scope: &Scope, found: &Found) -> Markup {
    let mut kinds: Vec<&str> = found.hits.iter().map(|hit| hit.kind).collect();
    kinds.dedup();
    html! {
        main #main .found {
            div .heading { h1 { "Search" } }
            form .search-again action="/search" method="get" {
                input type="search" name="q" value=(text) aria-label="Search" autocomplete="off"
                    spellcheck="false";
                @for (name, value) in scope.pairs().into_iter().filter(|(name, _)| *name != "t") {
                    input type="hidden" name=(name) value=(value);
                }
                button .button .primary type="submit" { "Search" }
            }
            @if text.is_empty() {
                (what_to_search())
            } @else if found.hits.is_empty() {
                (nothing(text, found))
            } @else {
                @for kind in kinds {
                    section .panel aria-label=(kind) {
                        h2 { (kind) }
                        ul { @for hit in found.hits.iter().filter(|hit| hit.kind == kind) { (line(hit)) } }
                    }
                }
                @if let Some(filter) = &found.everything {
                    p { a .button href=(filter) { "All sign-ins with “" (text) "” in any text" } }
                }
            }
        }
    }
}

fn line(hit: &Hit) -> Markup {
    html! {
        li {
            span .name {
                a href=(hit.open.as_ref().unwrap_or(&hit.filter)) { (hit.name) }
                @if !hit.note.is_empty() { " " span .muted { (hit.note) } }
            }
            span .count {
                (grouped(hit.count)) (if hit.count == 1 { " sign-in" } else { " sign-ins" })
            }
            span .ways-on {
                @if let Some(open) = &hit.open { a .button .small href=(open) { "Open" } }
                a .button .small href=(hit.filter) { "Filter" }
            }
        }
    }
}

fn nothing(text: &str, found: &Found) -> Markup {
    html! {
        section .panel .empty {
            h2 { "Nothing found" }
            p .muted {
                "Looked for “" (text) "” as " (found.taken_for) ", at all times, in what you may see."
            }
            p .choices {
                @if let Some(filter) = &found.everything {
                    a .button href=(filter) { "Look in every text of sign-ins" }
                }
                a .button href=(format!("/errors?{}", crate::params::query_string([("q", text)]))) {
                    "Look in the error codes"
                }
            }
        }
    }
}

fn what_to_search() -> Markup {
    html! {
        section .panel .empty {
            h2 { "What it recognises" }
            p .muted {
                "Request, correlation, session, user, application, resource, device and tenant \
                 identifiers; addresses and networks (203.0.113.9, 203.0.113.0/24, AS3320); error \
                 codes (50126, AADSTS50126) and whole error messages; user names; and parts of names."
            }
        }
    }
}
