//! Pages of users, applications, resources, networks, devices and workload identities, and the
//! lists that lead to them.
//!
//! Each page begins with a sentence that says what there is to say, and every number on it leads
//! to the events it counts. A page asks for few counts, each restricted to the entity and the
//! range, and shows so many lines at most; what is left out is in the explorer.

mod application;
mod baseline;
mod count;
mod device;
mod graph;
mod heat;
mod list;
mod listed;
mod network;
mod panel;
pub(super) mod rows;
pub(super) mod spark;
mod subject;
mod user;
mod workload;
pub(super) mod world;

use std::sync::Arc;

use axum::extract::{Extension, RawPathParams, State as Shared};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use durward_journal::Action;
use durward_query::Reader;
use maud::{Markup, html};

use crate::access::{Asking, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::openapi::Parameter;
use crate::params::query_string;
use crate::routes::{Endpoint, endpoint, read_others};

use super::risk::marks::Marks;
use super::shell::{self, Frame};
use super::{answer, page_of, scope_parameters};
use subject::Asked;

/// What a page shows of the log.
struct Shown {
    title: String,
    body: Markup,
    /// How many events or entities it is about.
    rows: u64,
}

/// Looks up a page's content; `None` where there is no such entity.
type Look = fn(&Reader, &Asked) -> Result<Option<Shown>, ApiError>;

/// A page of one entity: its path, what it is about, the list it belongs to.
type Page = (&'static str, &'static str, &'static str, Look);

const LISTS: [(&str, Look); 6] = [
    ("/users", |reader, asked| list::look(reader, asked, &listed::USERS)),
    ("/apps", |reader, asked| list::look(reader, asked, &listed::APPS)),
    ("/resources", |reader, asked| list::look(reader, asked, &listed::RESOURCES)),
    ("/ips", |reader, asked| list::look(reader, asked, &listed::ADDRESSES)),
    ("/devices", |reader, asked| list::look(reader, asked, &listed::DEVICES)),
    ("/workloads", |reader, asked| list::look(reader, asked, &listed::WORKLOADS)),
];

const PAGES: [Page; 8] = [
    ("/users/{id}", "user", "/users", user::look),
    ("/apps/{id}", "application", "/apps", application::look_app),
    ("/resources/{id}", "resource", "/resources", application::look_resource),
    ("/workloads/{id}", "workload identity", "/workloads", workload::look),
    ("/ips/{id}", "address", "/ips", network::look),
    ("/ips/{id}/{length}", "network", "/ips", network::look),
    ("/asn/{id}", "autonomous system", "/ips", network::look_asn),
    ("/devices/{id}", "device", "/devices", device::look),
];

pub(super) fn endpoints() -> Vec<Endpoint> {
    let lists = LISTS.map(|(path, look)| {
        let what = page_of(listed::title(path)).parameters(&scope_parameters()).parameters(&[
            Parameter::query("q", "Part of a name or identifier"),
            Parameter::query("sort", "count (default), failures, users or last"),
            Parameter::query("at", "Number of the first line, from 0"),
            Parameter::query("app", "Of applications: only this one in the graph"),
            Parameter::query("type", "Of workload identities: s or m"),
        ]);
        let page = (path, listed::title(path), path, look);
        let serve =
            move |app, asking, frame, parts, uri| serve(app, asking, frame, parts, uri, page);
        endpoint(Method::GET, path, read_others(Action::List), get(serve), what)
    });
    let pages = PAGES.map(|page| {
        let (path, what, ..) = page;
        let mut operation = page_of(described(what)).parameters(&[Parameter::path("id", "Which")]);
        if path.ends_with("{length}") {
            operation = operation.parameters(&[Parameter::path("length", "Of its prefix, bits")]);
        }
        let operation = operation.parameters(&scope_parameters()).parameters(&[
            Parameter::query("tab", "What is shown in detail"),
            Parameter::query("per", "week: bars of weeks in graphs"),
        ]);
        let serve =
            move |app, asking, frame, parts, uri| serve(app, asking, frame, parts, uri, page);
        endpoint(Method::GET, path, read_others(Action::Read), get(serve), operation)
    });
    lists.into_iter().chain(pages).collect()
}

fn described(what: &'static str) -> &'static str {
    match what {
        "user" => "One user",
        "application" => "One application",
        "resource" => "One resource",
        "workload identity" => "One workload identity",
        "device" => "One device",
        _ => "One address or network",
    }
}

async fn serve(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    parts: RawPathParams,
    uri: Uri,
    (_, what, list, look): Page,
) -> Result<Response, ApiError> {
    let parts = parts.iter().map(|(_, value)| value.to_owned()).collect();
    let asked = Asked::new(&uri, parts)?.with(Marks::of(&app, &caller));
    let kept = asked.clone();
    let shown = app.ask(&caller, move |reader| look(reader, &kept)).await?;
    let target = Some(asked.id().to_owned()).filter(|id| !id.is_empty());
    let controls = panel::controls(&asked);
    let Some(Shown { title, body, rows }) = shown else {
        let looked = Looked { rows: Some(0), target, ..Looked::default() };
        let page = shell::page(&frame, "Not here", &missing(&asked, what, list), &controls);
        return Ok(looked.on((StatusCode::NOT_FOUND, answer(page)).into_response()));
    };
    let looked = Looked { rows: Some(rows), target, ..Looked::default() };
    let body = html! { main #main .entity { (body) } };
    Ok(looked.on(answer(shell::page(&frame, &title, &body, &controls))))
}

/// Nothing in the log has this value.
fn missing(asked: &Asked, what: &str, list: &str) -> Markup {
    let id = asked.parts.join("/");
    html! {
        main #main .single {
            section .panel .empty {
                h1 { "No such " (what) }
                p { "No sign-in that you can see, at any time, has " code { (id) } "." }
                p .choices {
                    a .button .primary href=(format!("/search?{}", query_string([("q", &*id)]))) {
                        "Search for it"
                    }
                    a .button href=(asked.scope.href(list, &[])) { (listed::title(list)) }
                }
            }
        }
    }
}
