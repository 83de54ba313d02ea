//! Error codes: what each means, and how often it is met here.

mod code;
mod seen;

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Extension, State as Shared};
use axum::http::{Method, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use durward_journal::Action;
use durward_model::errors::{self, Category, ErrorCode, Status};
use durward_model::{FieldId, Log, Timestamp};
use durward_query::aggregate::{AggregateRequest, Dimension, DimensionValue};
use durward_query::{Filter, Reader, aggregate};
use maud::{Markup, html};

use crate::access::{Asking, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::openapi::Parameter;
use crate::params::Params;
use crate::routes::{Endpoint, endpoint, read_others};

use super::scope::{self, Scope};
use super::shell::{self, Frame};
use super::state::grouped;
use super::{answer, link, page_of, scope_parameters, words};

/// What the page is called; also its entry in the navigation.
const TITLE: &str = "Error codes";
/// How far back "here" looks, unless the address says otherwise.
const RANGE: &str = "30d";
/// Codes listed at most.
const LISTED_MAX: usize = 100;
/// Different codes counted at most; a log has far fewer.
const COUNTED_MAX: usize = 2000;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let search = page_of("Error codes and how often they are met")
        .parameters(&[
            Parameter::query("q", "A number, AADSTS code, message or words"),
            Parameter::query("category", "Only codes of this category"),
        ])
        .parameters(&scope_parameters());
    let one = page_of("What an error code means, and for whom it happened")
        .parameters(&[Parameter::path("code", "50126 or AADSTS50126")])
        .parameters(&scope_parameters());
    let need = read_others(Action::Count);
    vec![
        endpoint(Method::GET, "/errors", need, get(list), search),
        endpoint(Method::GET, "/errors/{code}", need, get(code::page), one),
    ]
}

/// How often a code was met, and by how many users.
#[derive(Clone, Copy, Debug, Default)]
struct Met {
    events: u64,
    users: u64,
}

/// Codes that events of a filter have, and how often.
fn met(reader: &Reader, filter: Filter) -> Result<HashMap<i64, Met>, ApiError> {
    let request = AggregateRequest {
        filter,
        logs: Log::SIGN_INS.to_vec(),
        by: vec![Dimension::Field(FieldId::ErrorCode)],
        distinct: aggregate::USERS.to_vec(),
        limit: COUNTED_MAX,
        ..AggregateRequest::default()
    };
    let code = |row: aggregate::AggregateRow| match row.keys.first()? {
        DimensionValue::Text(code) => {
            let met = Met { events: row.count(), users: row.distinct };
            Some((code.parse().ok()?, met))
        }
        _ => None,
    };
    Ok(reader.aggregate(&request)?.into_iter().filter_map(code).collect())
}

/// What is looked for.
struct Search {
    scope: Scope,
    text: String,
    category: Option<Category>,
}

impl Search {
    fn href(&self, scope: &Scope, category: Option<Category>) -> String {
        let mut more = Vec::new();
        if !self.text.is_empty() {
            more.push(("q", self.text.as_str()));
        }
        if let Some(category) = category {
            more.push(("category", category.name()));
        }
        scope.href("/errors", &more)
    }
}

/// `GET /errors`
async fn list(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&[&scope::PARAMS[..], &["q", "category"]].concat())?;
    let scope = Scope::parse(&params, RANGE)?;
    let text = params.get("q").unwrap_or_default().to_owned();
    if let Some(code) = errors::code_in(&text) {
        return Ok(Redirect::to(&scope.href(&link::error(code), &[])).into_response());
    }
    let category = params.get("category").map(|name| {
        let unknown = || ApiError::bad_request(format!("there is no category '{name}'"));
        Category::from_name(name).ok_or_else(|| unknown().parameter("category"))
    });
    let search = Search { category: category.transpose()?, text, scope };
    let now = Timestamp::now();
    let filter = search.scope.filter(now);
    let met = app.ask(&caller, move |reader| met(reader, filter)).await?;
    let page = render(&frame, &search, &met, now);
    Ok(Looked::rows(met.len()).on(answer(page)))
}

fn render(frame: &Frame, search: &Search, met: &HashMap<i64, Met>, now: Timestamp) -> Markup {
    let mut found = errors::search(&search.text, search.category);
    let here = |entry: &ErrorCode| met.get(&entry.code).map_or(0, |met| met.events);
    if search.text.is_empty() {
        found.retain(|entry| entry.code != 0);
        found.sort_by_key(|entry| std::cmp::Reverse(here(entry)));
    }
    let is_unknown = |(code, _): &(&i64, &Met)| errors::lookup(**code).is_none();
    let mut unknown: Vec<(&i64, &Met)> = met.iter().filter(is_unknown).collect();
    unknown.sort_by_key(|(code, met)| (std::cmp::Reverse(met.events), **code));
    let body = html! {
        main #main .errors {
            div .heading {
                div {
                    h1 { (TITLE) }
                    p .muted {
                        "What a sign-in error means, and how often it was met here ("
                        (search.scope.label().to_lowercase()) ")."
                    }
                }
            }
            (form(search))
            (categories(search))
            section .panel aria-label="Codes" {
                @if found.is_empty() {
                    div .empty {
                        h2 { "No code has all these words" }
                        p .muted { "Try fewer or other words, or the number from the message." }
                        a .button href=(search.href(&search.scope.at(RANGE), None)) {
                            "All categories"
                        }
                    }
                } @else {
                    (table(search, &found, met))
                }
            }
            @if search.text.is_empty() && search.category.is_none() && !unknown.is_empty() {
                (strangers(search, &unknown))
            }
        }
    };
    let controls =
        shell::controls(&search.scope, now, &|scope| search.href(scope, search.category));
    shell::page(frame, TITLE, &body, &controls)
}

fn form(search: &Search) -> Markup {
    html! {
        form .narrow action="/errors" method="get" role="search" {
            @for (name, value) in search.scope.pairs() {
                input type="hidden" name=(name) value=(value);
            }
            label .grow {
                span { "Number, AADSTS code, message or words" }
                input type="search" name="q" value=(search.text) autocomplete="off"
                    spellcheck="false" placeholder="50126, AADSTS700016: …, expired password";
            }
            @if let Some(category) = search.category {
                input type="hidden" name="category" value=(category.name());
            }
            button .button .primary type="submit" { "Search" }
            @if !search.text.is_empty() || search.category.is_some() {
                a .quiet href=(search.scope.href("/errors", &[])) { "Reset" }
            }
        }
    }
}

/// Categories to narrow by, with how many codes each has among those found.
fn categories(search: &Search) -> Markup {
    let found = errors::search(&search.text, None);
    html! {
        nav .category-links aria-label="Categories" {
            @for category in Category::ALL.iter().filter(|c| **c != Category::Success) {
                @let count = found.iter().filter(|entry| entry.category == *category).count();
                @let is_chosen = search.category == Some(*category);
                @if count > 0 || is_chosen {
                    @let next = (!is_chosen).then_some(*category);
                    a .pill-link href=(search.href(&search.scope, next)) title=(category.summary())
                        aria-current=[is_chosen.then_some("true")] {
                        (label(*category)) " " span .muted { (count) }
                    }
                }
            }
        }
    }
}

/// A category as people write it.
fn label(category: Category) -> String {
    match category {
        Category::Mfa => "MFA".to_owned(),
        Category::AppConfig => "Application settings".to_owned(),
        Category::Saml => "SAML".to_owned(),
        Category::KerberosSso => "Kerberos SSO".to_owned(),
        Category::OnpremAgent => "On-premises agent".to_owned(),
        Category::ConditionalAccess => "Conditional Access".to_owned(),
        other => {
            let words = other.name().replace('_', " ");
            let mut letters = words.chars();
            let first = letters.next().map(|first| first.to_ascii_uppercase());
            first.into_iter().chain(letters).collect()
        }
    }
}

fn table(search: &Search, found: &[&ErrorCode], met: &HashMap<i64, Met>) -> Markup {
    html! {
        div .scroll tabindex="-1" {
            table .list .codes {
                thead {
                    tr {
                        th scope="col" { "Code" }
                        th scope="col" { "Meaning" }
                        th scope="col" { "Category" }
                        th scope="col" { "Status" }
                        th scope="col" .number { "Sign-ins here" }
                        th scope="col" .number { "Users" }
                    }
                }
                tbody {
                    @for entry in found.iter().take(LISTED_MAX) { (row(&search.scope, entry, met)) }
                }
            }
        }
        @if found.len() > LISTED_MAX {
            p .muted .remark {
                (found.len() - LISTED_MAX) " more codes: search, or choose a category."
            }
        }
    }
}

fn row(scope: &Scope, entry: &ErrorCode, met: &HashMap<i64, Met>) -> Markup {
    html! {
        tr .row {
            td { a href=(scope.href(&link::error(entry.code), &[])) { (entry.code) } }
            td {
                (entry.reason)
                @if !entry.name.is_empty() { div .muted .small { (entry.name) } }
            }
            td { (label(entry.category)) }
            td { (words::pill(entry.status)) }
            (counts(scope, entry.code, met.get(&entry.code)))
        }
    }
}

fn counts(scope: &Scope, code: i64, met: Option<&Met>) -> Markup {
    html! {
        @match met {
            Some(met) => {
                td .number { a href=(events_of(scope, code)) { (grouped(met.events)) } }
                td .number { (grouped(met.users)) }
            }
            None => {
                td .number .muted { "–" }
                td .number .muted { "–" }
            }
        }
    }
}

/// The sign-ins with a code.
fn events_of(scope: &Scope, code: i64) -> String {
    link::signins(scope, None, &[link::is("status/errorCode", &code.to_string())])
}

/// Codes of the log that the table does not know.
fn strangers(search: &Search, unknown: &[(&i64, &Met)]) -> Markup {
    html! {
        section .panel .part aria-label="Codes that are not in the table" {
            h2 { "Met here, but not in the table" }
            p .muted {
                "The publisher adds codes without notice. Sign-ins with these count as "
                (Status::Failure.name()) "; the page of a code shows what the log says of it."
            }
            ul .plain {
                @for (code, met) in unknown.iter().take(LISTED_MAX) {
                    li {
                        a href=(search.scope.href(&link::error(**code), &[])) { (code) }
                        span .muted { " " (grouped(met.events)) " sign-ins" }
                    }
                }
            }
        }
    }
}
