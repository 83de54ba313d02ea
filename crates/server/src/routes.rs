//! The table of everything the server answers.
//!
//! The router and OpenAPI's description are both made from [`endpoints`], so an endpoint cannot be
//! served without being described, or described without being served.

use std::sync::Arc;

use axum::Router;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::App;
use crate::error::ApiError;
use crate::openapi::{Operation, Parameter};
use crate::{edge, export, graph, health, openapi, page, push, rest};

/// One method of one path.
pub(crate) struct Endpoint {
    pub(crate) method: Method,
    /// As the router has it.
    pub(crate) path: &'static str,
    handler: MethodRouter<Arc<App>>,
    pub(crate) operation: Operation,
}

fn endpoint(
    method: Method,
    path: &'static str,
    handler: MethodRouter<Arc<App>>,
    operation: Operation,
) -> Endpoint {
    Endpoint { method, path, handler, operation }
}

/// Everything there is.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    let mut all = graph_endpoints();
    all.extend(rest_endpoints());
    all.extend(other_endpoints());
    all
}

fn graph_endpoints() -> Vec<Endpoint> {
    let list = |version: &'static str| {
        Operation::new("graph", format!("List sign-ins as Microsoft Graph {version} does"))
            .parameters(&[
                Parameter::query(
                    "$filter",
                    "OData filter; interactive sign-ins only, unless it asks for signInEventTypes",
                ),
                Parameter::query("$top", "Rows of a page, 1 to 1000 (default 1000)"),
                Parameter::query("$orderby", "createdDateTime asc or desc (default)"),
                Parameter::query("$select", "Properties to give"),
                Parameter::query("$count", "true adds @odata.count, the exact number of matches"),
                Parameter::query("$skiptoken", "From @odata.nextLink"),
            ])
            .answer("application/json", "SignInPage")
    };
    let one = |version: &'static str| {
        Operation::new("graph", format!("One sign-in as Microsoft Graph {version} gives it"))
            .parameters(&[
                Parameter::path("id", "Request ID"),
                Parameter::query("$select", "Properties to give"),
            ])
            .answer("application/json", "SignIn")
    };
    let summarized = Operation::new("graph", "Grouped sign-ins as Microsoft Graph gives them")
        .parameters(&[
            Parameter::path(
                "function",
                "getSummarizedNonInteractiveSignIns, getSummarizedServicePrincipalSignIns or \
                 getSummarizedMSISignIns, with (aggregationWindow='h1'), 'h6' or 'd1'",
            ),
            Parameter::query("$filter", "OData filter of the members"),
            Parameter::query("$top", "Groups of a page, 1 to 1000 (default 1000)"),
            Parameter::query("$skiptoken", "From @odata.nextLink"),
        ])
        .answer("application/json", "SummarizedSignInPage");
    vec![
        endpoint(Method::GET, "/v1.0/auditLogs/signIns", get(graph::list), list("v1.0")),
        endpoint(Method::GET, "/v1.0/auditLogs/signIns/{id}", get(graph::one), one("v1.0")),
        endpoint(Method::GET, "/beta/auditLogs/signIns", get(graph::list), list("beta")),
        endpoint(Method::GET, "/beta/auditLogs/signIns/{id}", get(graph::one), one("beta")),
        endpoint(Method::GET, "/beta/auditLogs/{function}", get(graph::summarized), summarized),
    ]
}

/// Parameters that say which sign-ins are meant.
fn question() -> Vec<Parameter> {
    vec![
        Parameter::query("filter", "In the short form: status:failure user:maria ip:10.0.0.0/8"),
        Parameter::query("odata", "In OData, with every field of the catalogue"),
        Parameter::query("from", "First instant: 2026-03-02T07:41:09Z, 2026-03-02 or -24h"),
        Parameter::query("to", "Instant after the last"),
        Parameter::query("type", "i, n, s, m, names of logs, by commas; or all (default)"),
        Parameter::query("sort", "-createdDateTime (default) or createdDateTime"),
    ]
}

fn rest_endpoints() -> Vec<Endpoint> {
    const LOGS: &str = "/api/security/sign-in-logs";
    let id = Parameter::path("id", "Request ID");
    let tenant = Parameter::query("tenant", "Tenant, where several have the identifier");
    let list = Operation::new("sign-ins", "List sign-ins")
        .parameters(&question())
        .parameters(&[
            Parameter::query("limit", "Rows of a page, 1 to 1000 (default 100)"),
            Parameter::query("cursor", "nextCursor of the page before"),
            Parameter::query("columns", "Flat objects of these columns instead of whole events"),
            Parameter::query("count", "true adds count, the exact number of matches"),
        ])
        .answer("application/json", "EventPage");
    let summary = Operation::new("sign-ins", "Count sign-ins by status, hour and fields")
        .parameters(&question()[..5])
        .parameters(&[
            Parameter::query(
                "by",
                "status, hour, code, application, resource, country, client, os, browser, ca, \
                 risk, riskState, requirement, or fields of the catalogue, by commas",
            ),
            Parameter::query("top", "Values of each field, 1 to 1000 (default 10)"),
        ])
        .answer("application/json", "Summary");
    let layouts = [
        Parameter::query("format", "csv (default), json, ndjson, original or parquet"),
        Parameter::query("layout", "Of CSV: all (default) or portal, for one type"),
    ];
    let export_get = Operation::new("sign-ins", "Export all sign-ins that match, as a link")
        .parameters(&question())
        .parameters(&layouts)
        .answer_binary();
    let export_post = Operation::new("sign-ins", "Export all sign-ins that match")
        .body("application/json", "ExportRequest")
        .answer_binary();
    let one = Operation::new("sign-ins", "One event")
        .parameters(&[id.clone(), tenant.clone()])
        .answer("application/json", "Event");
    let original = Operation::new("sign-ins", "The record as its source wrote it")
        .parameters(&[id.clone(), tenant])
        .answer("application/json", "Record");
    let revisions = Operation::new("sign-ins", "All revisions of an event, the latest first")
        .parameters(&[id])
        .answer("application/json", "EventPage");
    vec![
        endpoint(Method::GET, LOGS, get(rest::list), list),
        endpoint(Method::GET, "/api/security/sign-in-logs/summary", get(rest::summary), summary),
        endpoint(Method::GET, "/api/security/sign-in-logs/export", get(export::get), export_get),
        endpoint(
            Method::POST,
            "/api/security/sign-in-logs/export",
            post(export::post),
            export_post,
        ),
        endpoint(Method::GET, "/api/security/sign-in-logs/{id}", get(rest::one), one),
        endpoint(
            Method::GET,
            "/api/security/sign-in-logs/{id}/original",
            get(rest::original),
            original,
        ),
        endpoint(
            Method::GET,
            "/api/security/sign-in-logs/{id}/revisions",
            get(rest::revisions),
            revisions,
        ),
    ]
}

fn other_endpoints() -> Vec<Endpoint> {
    let push = |what: &'static str| {
        Operation::new("push", what)
            .body("application/json", "Records")
            .status(StatusCode::ACCEPTED)
            .answer("application/json", "Accepted")
    };
    let health =
        |what: &'static str, kind: &'static str| Operation::new("health", what).answer(kind, "Any");
    let page = |what: &'static str| Operation::new("pages", what).answer("text/html", "Any");
    let explorer = || {
        page("The explorer").parameters(&[
            Parameter::query("type", "i (default), n, s, m or all"),
            Parameter::query("t", "24h (default), 1h, 7d, 30d, all, or from..to"),
            Parameter::query("q", "Filter in the short form"),
            Parameter::query("tz", "utc (default) or local"),
            Parameter::query("older", "Cursor of the page before"),
            Parameter::query("newer", "Cursor of the page after"),
            Parameter::query("fragment", "rows: only the list, for the live view"),
            Parameter::query("after", "Version of the list that the live view has"),
        ])
    };
    let asset = |kind: &'static str| Operation::new("pages", "Asset").answer(kind, "Any");
    let detail = page("One sign-in").parameters(&[Parameter::path("id", "Request ID")]);
    vec![
        endpoint(
            Method::POST,
            "/api/ingest/diagnostic",
            post(push::diagnostic),
            push("Push records of diagnostic settings; gzip accepted"),
        ),
        endpoint(
            Method::POST,
            "/api/ingest/graph",
            post(push::graph),
            push("Push sign-ins as Microsoft Graph gives them; gzip accepted"),
        ),
        endpoint(
            Method::GET,
            "/api/openapi.json",
            get(openapi::serve),
            health("This description", "application/json"),
        ),
        endpoint(
            Method::GET,
            "/healthz",
            get(health::healthz),
            health("Does the process answer?", "application/json"),
        ),
        endpoint(
            Method::GET,
            "/readyz",
            get(health::readyz),
            health("Does the store take data?", "application/json"),
        ),
        endpoint(
            Method::GET,
            "/metrics",
            get(health::metrics),
            health("Counters for Prometheus", "text/plain"),
        ),
        endpoint(Method::GET, "/", get(page::explorer), explorer()),
        endpoint(Method::GET, "/signins", get(page::explorer), explorer()),
        endpoint(Method::GET, "/signins/{id}", get(page::detail), detail),
        endpoint(Method::GET, page::STYLE_PATH, get(page::style), asset("text/css")),
        endpoint(Method::GET, page::SCRIPT_PATH, get(page::script), asset("text/javascript")),
        endpoint(Method::GET, page::ICON_PATH, get(page::icon), asset("image/svg+xml")),
    ]
}

/// Answers everything there is.
pub(crate) fn router(app: Arc<App>) -> Router {
    let mut router = Router::new();
    for endpoint in endpoints() {
        router = router.route(endpoint.path, endpoint.handler);
    }
    router
        .fallback(nothing_here)
        .method_not_allowed_fallback(not_that_way)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(axum::middleware::from_fn_with_state(app.clone(), edge::layer))
        .with_state(app)
}

async fn nothing_here(uri: Uri) -> ApiError {
    let path: String = uri.path().chars().take(200).collect();
    ApiError::not_found(format!("there is nothing at '{path}'"))
}

async fn not_that_way(method: Method) -> ApiError {
    let message = format!("{method} is not allowed here: entries are never changed");
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message)
}

fn panicked(cause: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let text = cause.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| cause.downcast_ref::<String>().cloned()).unwrap_or_default();
    ApiError::internal(&text).into_response()
}
