//! The table of everything the server answers.
//!
//! The router, OpenAPI's description and the gates are all made from [`endpoints`], so an endpoint
//! cannot be served without being described, described without being served, or either without
//! saying what it needs of its caller and how it is written down in the access log.

use std::sync::Arc;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Extensions, HeaderMap, Method, StatusCode, Uri, Version};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use durward_access::Right;
use durward_journal::Action;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

use crate::access::gate::gate;
use crate::access::{Need, READ, READ_OTHERS};
use crate::app::App;
use crate::error::ApiError;
use crate::openapi::{Operation, Parameter};
use crate::{
    access_log, alerts, edge, export, graph, health, openapi, page, push, reported, rest, sign_in,
};

/// One method of one path.
pub(crate) struct Endpoint {
    pub(crate) method: Method,
    /// As the router has it.
    pub(crate) path: &'static str,
    handler: MethodRouter<Arc<App>>,
    pub(crate) operation: Operation,
    /// What a caller has to have.
    pub(crate) need: Need,
    /// What it is in the access log; `None` for what shows nothing of anybody.
    action: Option<Action>,
}

pub(crate) fn endpoint(
    method: Method,
    path: &'static str,
    (need, action): (Need, Option<Action>),
    handler: MethodRouter<Arc<App>>,
    operation: Operation,
) -> Endpoint {
    Endpoint { method, path, handler, operation, need, action }
}

/// For everybody: gives nothing away.
pub(crate) const OPEN: (Need, Option<Action>) = (Need::Nothing, None);

/// For those who may read any log, written down as this.
pub(crate) const fn read(action: Action) -> (Need, Option<Action>) {
    (Need::Any(READ), Some(action))
}

/// For those who may read the sign-ins of others, written down as this.
pub(crate) const fn read_others(action: Action) -> (Need, Option<Action>) {
    (Need::Any(READ_OTHERS), Some(action))
}

/// For those with a right, written down as this.
pub(crate) const fn right(right: &'static [Right], action: Action) -> (Need, Option<Action>) {
    (Need::Any(right), Some(action))
}

/// Everything there is.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    let mut all = graph_endpoints();
    all.extend(graph::risk_endpoints());
    all.extend(rest_endpoints());
    all.extend(other_endpoints());
    all.extend(alerts::endpoints());
    all.extend(page::endpoints());
    all.extend(sign_in_endpoints());
    all.extend(person_endpoints());
    all.extend(watch_endpoints());
    all
}

const GET: Method = Method::GET;
const LIST: (Need, Option<Action>) = read(Action::List);
const ONE: (Need, Option<Action>) = read(Action::Read);

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
        endpoint(GET, "/v1.0/auditLogs/signIns", LIST, get(graph::list), list("v1.0")),
        endpoint(GET, "/v1.0/auditLogs/signIns/{id}", ONE, get(graph::one), one("v1.0")),
        endpoint(GET, "/beta/auditLogs/signIns", LIST, get(graph::list), list("beta")),
        endpoint(GET, "/beta/auditLogs/signIns/{id}", ONE, get(graph::one), one("beta")),
        endpoint(
            GET,
            "/beta/auditLogs/{function}",
            read(Action::Group),
            get(graph::summarized),
            summarized,
        ),
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
    // Everybody may take their own sign-ins away; an export of others' takes the right to.
    const EXPORT: &[Right] = &[Right::Export, Right::ReadOwn];
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
        Parameter::query("of", "Rows of an explorer's address: what it has after the ?"),
        Parameter::query("rows", "filtered (default), selected, or all: without of's filter"),
        Parameter::query("ids", "Request IDs of the selected rows, by commas"),
        Parameter::query("columns", "all (default), or names by commas, in this order"),
        Parameter::query("nested", "Lists and objects: json (default), flat or none"),
        Parameter::query("offset", "Times once more, so many minutes from UTC"),
        Parameter::query("safe", "true keeps spreadsheets from taking cells of CSV for formulas"),
        Parameter::query("name", "Of the file"),
        Parameter::query("job", "A name of your own to watch progress by"),
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
        endpoint(GET, LOGS, LIST, get(rest::list), list),
        endpoint(
            GET,
            "/api/security/sign-in-logs/summary",
            read(Action::Count),
            get(rest::summary),
            summary,
        ),
        endpoint(
            GET,
            "/api/security/sign-in-logs/export",
            right(EXPORT, Action::Export),
            get(export::get),
            export_get,
        ),
        endpoint(
            Method::POST,
            "/api/security/sign-in-logs/export",
            right(EXPORT, Action::Export),
            post(export::post),
            export_post,
        ),
        endpoint(GET, "/api/security/sign-in-logs/{id}", ONE, get(rest::one), one),
        endpoint(
            GET,
            "/api/security/sign-in-logs/{id}/original",
            ONE,
            get(rest::original),
            original,
        ),
        endpoint(
            GET,
            "/api/security/sign-in-logs/{id}/revisions",
            ONE,
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
    vec![
        endpoint(
            Method::POST,
            "/api/ingest/diagnostic",
            right(&[Right::Ingest], Action::Push),
            post(push::diagnostic),
            push("Push records of diagnostic settings; gzip accepted"),
        ),
        endpoint(
            Method::POST,
            "/api/ingest/graph",
            right(&[Right::Ingest], Action::Push),
            post(push::graph),
            push("Push sign-ins as Microsoft Graph gives them; gzip accepted"),
        ),
        endpoint(
            GET,
            "/api/openapi.json",
            OPEN,
            get(openapi::serve),
            health("This description", "application/json"),
        ),
        endpoint(
            GET,
            "/healthz",
            OPEN,
            get(health::healthz),
            health("Does the process answer?", "application/json"),
        ),
        endpoint(
            GET,
            "/readyz",
            OPEN,
            get(health::readyz),
            health("Does the store take data?", "application/json"),
        ),
        endpoint(
            GET,
            "/metrics",
            (Need::Any(&[Right::ReadMetrics]), None),
            get(health::metrics),
            health("Counters for Prometheus", "text/plain"),
        ),
    ]
}

/// Signing in and out: for everybody, as nobody has shown who they are yet. What is worth it is
/// written down by the handlers, who know what came of it.
fn sign_in_endpoints() -> Vec<Endpoint> {
    const FORM: &str = "application/x-www-form-urlencoded";
    let page = |what: &'static str| Operation::new("sign-in", what).answer("text/html", "Any");
    let form = |what: &'static str| page(what).body(FORM, "Any");
    let back = Parameter::query("return", "Page of durward to go to afterwards");
    let link = Parameter::path("link", "Secret of the link");
    let tenant = Parameter::path("tenant", "Any");
    let token = || {
        Operation::new("sign-in", "A short-lived token, in the shape of Entra's token endpoint")
            .parameters(std::slice::from_ref(&tenant))
            .body(FORM, "Any")
            .answer("application/json", "Any")
    };
    let about_tokens = |what: &'static str| {
        Operation::new("sign-in", what)
            .parameters(std::slice::from_ref(&tenant))
            .answer("application/json", "Any")
    };
    const POST: Method = Method::POST;
    const OWN: (Need, Option<Action>) = (Need::Session, None);
    vec![
        endpoint(
            GET,
            "/sign-in",
            OPEN,
            get(sign_in::sign_in_page),
            page("Sign in").parameters(std::slice::from_ref(&back)),
        ),
        endpoint(POST, "/sign-in", OPEN, post(sign_in::sign_in), form("Name and password")),
        endpoint(GET, "/sign-in/code", OPEN, get(sign_in::code_page), page("The second step")),
        endpoint(POST, "/sign-in/code", OPEN, post(sign_in::code), form("Code after a password")),
        endpoint(
            GET,
            "/sign-in/provider",
            OPEN,
            get(sign_in::provider),
            page("To the provider").parameters(&[back]).status(StatusCode::SEE_OTHER),
        ),
        endpoint(
            GET,
            "/sign-in/callback",
            OPEN,
            get(sign_in::callback),
            page("Back from the provider").parameters(&[
                Parameter::query("code", "From the provider"),
                Parameter::query("state", "From the provider"),
                Parameter::query("iss", "From the provider"),
                Parameter::query("error", "From the provider"),
            ]),
        ),
        endpoint(
            POST,
            "/sign-out",
            (Need::Nothing, Some(Action::SignOut)),
            post(sign_in::sign_out),
            form("Sign out").status(StatusCode::SEE_OTHER),
        ),
        endpoint(GET, "/signed-out", OPEN, get(sign_in::signed_out), page("Signed out")),
        endpoint(
            GET,
            "/welcome/{link}",
            OPEN,
            get(sign_in::welcome),
            page("One-time link").parameters(std::slice::from_ref(&link)),
        ),
        endpoint(
            POST,
            "/welcome/{link}",
            OPEN,
            post(sign_in::accept_welcome),
            form("Use a one-time link").parameters(&[link]),
        ),
        endpoint(
            GET,
            "/account/authenticator",
            OWN,
            get(sign_in::authenticator),
            page("Authenticator app"),
        ),
        endpoint(
            POST,
            "/account/authenticator",
            OWN,
            post(sign_in::change_authenticator),
            form("Set up an authenticator app"),
        ),
        endpoint(POST, "/{tenant}/oauth2/v2.0/token", OPEN, post(sign_in::token_v2), token()),
        endpoint(POST, "/{tenant}/oauth2/token", OPEN, post(sign_in::token_v1), token()),
        endpoint(
            GET,
            "/{tenant}/v2.0/.well-known/openid-configuration",
            OPEN,
            get(sign_in::discovery),
            about_tokens("Where the token endpoint is"),
        ),
        endpoint(
            GET,
            "/{tenant}/discovery/v2.0/keys",
            OPEN,
            get(sign_in::keys),
            about_tokens("Keys of signed tokens: none"),
        ),
    ]
}

/// What is about the caller.
fn person_endpoints() -> Vec<Endpoint> {
    const CHANGE: (Need, Option<Action>) = (Need::Session, Some(Action::Change));
    let page = |what: &'static str| Operation::new("pages", what).answer("text/html", "Any");
    let me = page("One's own sign-ins").parameters(&[
        Parameter::query("show", "all (default), successful or unsuccessful"),
        Parameter::query("q", "Words that cards show"),
        Parameter::query("background", "true: with non-interactive sign-ins"),
        Parameter::query("older", "Cursor of the page before"),
    ]);
    let whoami = Operation::new("access", "What the caller is taken for, and what they may do")
        .answer("application/json", "Any");
    let account = page("One's own account: roles, sessions, tokens, password");
    let form = |what: &'static str| page(what).body("application/x-www-form-urlencoded", "Any");
    let change = |path: &'static str, handler: MethodRouter<Arc<App>>, what: &'static str| {
        endpoint(Method::POST, path, CHANGE, handler, form(what))
    };
    vec![
        endpoint(GET, "/me", right(&[Right::ReadOwn], Action::List), get(page::me), me),
        endpoint(
            Method::POST,
            "/me/feedback",
            (Need::Session, Some(Action::Report)),
            post(page::feedback),
            form("Says of one's own sign-in whether it was oneself"),
        ),
        endpoint(GET, "/api/me", OPEN, get(rest::me), whoami),
        endpoint(GET, "/account", (Need::Session, None), get(page::account), account),
        change(
            "/account/sessions/end",
            post(page::end_sessions),
            "Ends one session, or all others",
        ),
        change(
            "/account/tokens",
            post(page::create_token),
            "Makes a personal access token, shown once",
        ),
        change(
            "/account/tokens/revoke",
            post(page::revoke_token),
            "Revokes a personal access token",
        ),
        change("/account/password", post(page::change_password), "Changes one's password"),
    ]
}

/// What those look at who look after others: what people report, and who looked at what.
fn watch_endpoints() -> Vec<Endpoint> {
    const REPORTS: (Need, Option<Action>) = right(&[Right::ReadUserSignIns], Action::List);
    const JOURNAL: (Need, Option<Action>) = right(&[Right::ReadAccessLog], Action::AccessLog);
    let page = |what: &'static str| Operation::new("pages", what).answer("text/html", "Any");
    let entries = [
        Parameter::query("who", "In the name, identifier or token of who looked"),
        Parameter::query("action", "What they did: list, read, export, change, denied, …"),
        Parameter::query("target", "What it was about, exactly"),
        Parameter::query("text", "In the filter, route, target or address"),
        Parameter::query("from", "First instant: 2026-03-02T07:41:09Z, 2026-03-02 or -24h"),
        Parameter::query("to", "Instant after the last"),
    ];
    let reported = page("Sign-ins that their users say were not theirs")
        .parameters(&[Parameter::query("cursor", "Where the page begins")]);
    let reports = Operation::new("sign-ins", "Sign-ins that their users say were not theirs")
        .parameters(&[
            Parameter::query("limit", "Rows of a page, 1 to 200 (default 50)"),
            Parameter::query("cursor", "nextCursor of the page before"),
        ])
        .answer("application/json", "Any");
    let log_page = page("Who looked at what").parameters(&entries).parameters(&[
        Parameter::query("before", "Number of the last entry of the page before"),
        Parameter::query("verify", "true checks that no entry was changed or removed"),
    ]);
    let log_list = Operation::new("access log", "Who looked at what, newest first")
        .parameters(&entries)
        .parameters(&[
            Parameter::query("limit", "Entries of a page, 1 to 1000 (default 100)"),
            Parameter::query("cursor", "nextCursor of the page before"),
        ])
        .answer("application/json", "Any");
    let log_export = Operation::new("access log", "Who looked at what, all of it, oldest first")
        .parameters(&entries)
        .parameters(&[Parameter::query("format", "csv (default) or ndjson")])
        .answer("text/csv", "Any");
    vec![
        endpoint(GET, "/reported", REPORTS, get(page::reported), reported),
        endpoint(GET, "/api/security/reported", REPORTS, get(reported::list), reports),
        endpoint(GET, "/access-log", JOURNAL, get(page::access_log), log_page),
        endpoint(GET, "/api/access-log", JOURNAL, get(access_log::list), log_list),
        endpoint(GET, "/api/access-log/export", JOURNAL, get(access_log::export), log_export),
    ]
}

/// Answers everything there is.
pub(crate) fn router(app: Arc<App>) -> Router {
    let mut router = Router::new();
    for Endpoint { path, handler, need, action, .. } in endpoints() {
        let gate =
            axum::middleware::from_fn(move |request, next| gate(need, action, request, next));
        router = router.route(path, handler.route_layer(gate));
    }
    router
        .fallback(nothing_here)
        .method_not_allowed_fallback(not_that_way)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(CompressionLayer::new().compress_when(is_page))
        .layer(axum::middleware::from_fn_with_state(app.clone(), edge::layer))
        .with_state(app)
}

/// Pages are worth compressing; exports are up to whoever asks, and streams must not wait.
fn is_page(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/html"))
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
