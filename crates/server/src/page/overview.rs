//! The front page: is anything wrong now? Every number leads to the events behind it.
//!
//! The page itself has what is cheap to know: the tiles and the chart. Each panel below is asked
//! for by itself once the page is there, so that a slow one holds up nothing.

mod changed;
mod fresh;
mod panels;
mod tiles;

use std::sync::Arc;

use axum::extract::{Extension, Path, State as Shared};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::Response;
use axum::routing::get;
use durward_journal::Action;
use durward_model::errors::Status;
use durward_model::{Log, Timestamp};
use durward_query::Reader;
use maud::{Markup, html};

use crate::access::{Asking, Looked};
use crate::app::App;
use crate::client::Client;
use crate::error::ApiError;
use crate::openapi::Parameter;
use crate::params::Params;
use crate::routes::{Endpoint, endpoint, read_others};

use super::charts::{Shape, TimeChart};
use super::scope::{self, Scope};
use super::shell::{self, Frame};
use super::state::{State, grouped};
use super::{answer, completeness, explorer, map, page_of, scope_parameters, words};
use tiles::Tile;

/// Looks up what a panel shows.
type Look = fn(&Reader, &Scope, Timestamp) -> Result<Markup, ApiError>;

/// A part of the page that is asked for by itself: its name in addresses, what it is called, and
/// whether it is a wide one.
struct Panel {
    name: &'static str,
    title: &'static str,
    class: &'static str,
    look: Look,
}

const PANELS: [Panel; 8] = [
    Panel { name: "map", title: "Where sign-ins come from", class: "beside", look: map::panel },
    Panel { name: "changed", title: "What changed", class: "wide", look: changed::look },
    Panel { name: "apps", title: "Top applications", class: "", look: panels::apps },
    Panel { name: "codes", title: "Top error codes", class: "", look: panels::codes },
    Panel { name: "users", title: "Users with most failures", class: "", look: panels::users },
    Panel { name: "new", title: "New countries and networks", class: "", look: fresh::look },
    Panel { name: "legacy", title: "Legacy authentication", class: "", look: panels::legacy },
    Panel { name: "health", title: "Data health", class: "", look: health },
];

pub(super) fn endpoints() -> Vec<Endpoint> {
    let need = read_others(Action::Count);
    let whole = page_of("Overview").parameters(&scope_parameters());
    let name = Parameter::path("panel", "map, changed, apps, codes, users, new, legacy or health");
    let part = page_of("A panel of the overview").parameters(&[name]);
    let part = part.parameters(&scope_parameters());
    vec![
        endpoint(Method::GET, "/", need, get(overview), whole),
        endpoint(Method::GET, "/overview/{panel}", need, get(panel), part),
    ]
}

/// What the page shows before its panels have come.
struct Shown {
    tiles: Vec<Tile>,
    chart: Option<(TimeChart, &'static str)>,
    total: [u64; 3],
}

/// `GET /`
async fn overview(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(client): Extension<Client>,
    Extension(frame): Extension<Frame>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let (scope, now) = asked(&uri)?;
    let within = scope.clone();
    let shown = app.ask(&caller, move |reader| look(reader, &within, now)).await?;
    let Some(shown) = shown else {
        let page = shell::page(&frame, "Overview", &shell::welcome(&client.origin()), &html! {});
        return Ok(Looked::rows(0).on(answer(page)));
    };
    let href = |scope: &Scope| scope.href("/", &[]);
    let controls = shell::controls(&scope, now, &href);
    let page = shell::page(&frame, "Overview", &body(&scope, &shown), &controls);
    Ok(Looked::rows(0).on(answer(page)))
}

fn asked(uri: &Uri) -> Result<(Scope, Timestamp), ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&scope::PARAMS)?;
    Ok((Scope::parse(&params, "24h")?, Timestamp::now()))
}

/// The explorer on all sign-ins of a scope that fulfil some terms.
fn state_of(scope: &Scope, terms: &[&str]) -> Result<State, ApiError> {
    let own = scope.pairs().into_iter().map(|(name, value)| (name.to_owned(), value));
    let more = [("type", "all".to_owned()), ("f", terms.join(","))];
    let more = more.map(|(name, value)| (name.to_owned(), value));
    State::parse(&Params(own.chain(more).collect()))
}

/// `None` for a store without sign-ins.
fn look(reader: &Reader, scope: &Scope, now: Timestamp) -> Result<Option<Shown>, ApiError> {
    if reader.bounds(&Log::SIGN_INS)?.is_none() {
        return Ok(None);
    }
    let state = state_of(scope, &[])?;
    let question = tiles::question_of(&state, now)?;
    let explorer::Counted { chart, total, .. } = explorer::chart(reader, &state, &question, now)?;
    let chart = chart.map(|(chart, bin)| {
        let chart = TimeChart {
            id: "over-time",
            title: format!("Sign-ins by status, {}", state.range_label()),
            shape: Shape::Area,
            ..chart
        };
        (chart, bin)
    });
    let tiles = tiles::look(reader, scope, total, now)?;
    Ok(Some(Shown { tiles, chart, total }))
}

fn body(scope: &Scope, shown: &Shown) -> Markup {
    html! {
        main #main .overview {
            div .heading {
                h1 { "Overview" }
                p .muted { (scope.label()) }
            }
            section .tiles aria-label="Key figures" {
                @for tile in &shown.tiles { (tile.render()) }
            }
            div .grid {
                @if let Some((chart, bin)) = &shown.chart {
                    section .panel .over-time aria-labelledby="over-time-title" {
                        header {
                            h2 #over-time-title { "Sign-ins over time" }
                            span .muted .small { (bin) " bins · drag to zoom" }
                        }
                        div .legend {
                            @for status in [Status::Failure, Status::Interrupted, Status::Success] {
                                span {
                                    i .(words::status_class(status)) {}
                                    (status.name()) " " (grouped(shown.total[status as usize]))
                                }
                            }
                        }
                        (chart.render(scope, &|scope: &Scope| scope.href("/", &[])))
                    }
                }
                @for panel in &PANELS { (waiting(panel, scope)) }
            }
        }
    }
}

/// A panel's place until it has come.
fn waiting(panel: &Panel, scope: &Scope) -> Markup {
    let href = scope.href(&format!("/overview/{}", panel.name), &[]);
    html! {
        section .{ "panel slot " (panel.class) } id={ "panel-" (panel.name) } data-panel
            aria-label=(panel.title) hx-get=(href) hx-trigger="load, retry" {
            header { h2 { (panel.title) } }
            p .waiting { a href=(href) { "Show" } }
        }
    }
}

/// `GET /overview/{panel}`
async fn panel(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    Path(name): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, ApiError> {
    let (scope, now) = asked(&uri)?;
    let panel = PANELS.iter().find(|panel| panel.name == name);
    let panel = panel.ok_or_else(|| ApiError::not_found("the overview has no such panel"))?;
    let (within, look) = (scope.clone(), panel.look);
    let is_part = headers.contains_key("hx-request");
    let content = match app.ask(&caller, move |reader| look(reader, &within, now)).await {
        // What the viewer may not see is not there, rather than wrong.
        Err(error) if error.status == StatusCode::FORBIDDEN && is_part => {
            return Ok(absent());
        }
        content => content?,
    };
    let content = html! { header { h2 { (panel.title) } } (content) };
    let target = Some(panel.name.to_owned());
    let looked = Looked { rows: Some(0), target, ..Looked::default() };
    if is_part {
        return Ok(looked.on(answer(content)));
    }
    let body = html! {
        main #main .overview { section .panel .slot { (content) } }
    };
    let href = |scope: &Scope| scope.href(&format!("/overview/{name}"), &[]);
    let page = shell::page(&frame, panel.title, &body, &shell::controls(&scope, now, &href));
    Ok(looked.on(answer(page)))
}

/// Takes the panel's place away.
fn absent() -> Response {
    let mut response = Looked::rows(0).on(answer(html! {}));
    response.headers_mut().insert("hx-reswap", HeaderValue::from_static("delete"));
    response
}

fn health(reader: &Reader, scope: &Scope, now: Timestamp) -> Result<Markup, ApiError> {
    let each: Result<Vec<_>, ApiError> = Log::SIGN_INS
        .iter()
        .map(|log| completeness::look(reader, scope, Some(*log), now, false))
        .collect();
    Ok(completeness::health_strip(&each?, scope, now))
}
