//! Microsoft Graph's sign-ins: `/v1.0` and `/beta` `/auditLogs/signIns`.
//!
//! Clients written for Graph work unchanged: paths, options, paging, errors and headers are
//! Graph's. What durward adds is accepted where Graph would refuse it (all operators, both
//! orders, counts); what Graph refuses with a reason (`$skip`, quoted dates, pages over 1000) is
//! refused the same way. Differences between the versions:
//!
//! - Both list interactive sign-ins only, unless the filter asks for `signInEventTypes`.
//! - `/v1.0` shows and filters the properties of v1.0.

mod options;
mod risk;
mod summarized;

use std::sync::Arc;

use axum::extract::{Extension, Path, State};
use axum::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use durward_model::Log;
use durward_model::graph::{self, GraphOptions, Version};
use durward_query::filter::event_types_mentioned;
use durward_query::{Dialect, Order, Position, cursor, odata};

use crate::access::{Asking, Looked};
use crate::app::App;
use crate::client::Client;
use crate::error::ApiError;
use crate::params::query_string;
use crate::question::Question;

use options::Options;
pub(crate) use risk::endpoints as risk_endpoints;
pub(crate) use risk::{decide_about, decide_about_sign_ins, find_subject as find_risky_subject};
pub(crate) use summarized::summarized;

/// Rows of a page, and the most there can be.
const PAGE_ROWS: usize = 1000;

const JSON: &str = "application/json;odata.metadata=minimal;odata.streaming=true;\
     IEEE754Compatible=false;charset=utf-8";

/// `GET /{version}/auditLogs/signIns`
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Asking(caller): Asking,
    Extension(client): Extension<Client>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let version = version_of(&uri);
    let known = ["$filter", "$top", "$orderby", "$select", "$count", "$skiptoken"];
    let options = Options::parse(uri.query(), &known)?;
    let shown = shown(version, &options, &headers)?;
    let top = options.top(PAGE_ROWS)?;
    let count = options.flag("$count")?;
    let question = question(version, &options)?;
    let after = options.get("$skiptoken").map(|token| Position::from_token(token, question.hash));
    let after = after.transpose().map_err(invalid_token)?;
    let base = base(&client, version);
    let selected = options.get("$select").map(|names| format!("({names})")).unwrap_or_default();

    let mut body = String::from("{\"@odata.context\":");
    string(&format!("{base}/$metadata#auditLogs/signIns{selected}"), &mut body);
    let (body, rows) = app
        .ask(&caller, move |reader| {
            if count {
                body.push_str(&format!(",\"@odata.count\":{}", question.count(reader)?));
            }
            let (events, next) = question.events(reader, after, top)?;
            if let Some(next) = next {
                let token = next.to_token(question.hash);
                let query = next_query(&options, &token);
                body.push_str(",\"@odata.nextLink\":");
                string(&format!("{base}/auditLogs/signIns?{query}"), &mut body);
            }
            body.push_str(",\"value\":[");
            for (index, event) in events.iter().enumerate() {
                if index > 0 {
                    body.push(',');
                }
                graph::write_sign_in(event, &shown, &mut body);
            }
            body.push_str("]}");
            Ok((body, events.len()))
        })
        .await?;
    Ok(Looked::rows(rows).on(answer(body, &headers)))
}

/// `GET /{version}/auditLogs/signIns/{id}`
pub(crate) async fn one(
    State(app): State<Arc<App>>,
    Asking(caller): Asking,
    Extension(client): Extension<Client>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let version = version_of(&uri);
    let options = Options::parse(uri.query(), &["$select"])?;
    let shown = shown(version, &options, &headers)?;
    let base = base(&client, version);
    let looked = Looked::event(&id);
    let event = app
        .ask(&caller, move |reader| {
            let event = reader.get(None, &id)?;
            let event = event.filter(|event| event.row().log.is_sign_in());
            event.ok_or_else(|| ApiError::not_found(format!("there is no sign-in '{id}'")))
        })
        .await?;
    let mut body = String::from("{\"@odata.context\":");
    string(&format!("{base}/$metadata#auditLogs/signIns/$entity"), &mut body);
    let mut object = String::new();
    graph::write_sign_in(&event, &shown, &mut object);
    // `{` and `}` at least; an empty selection has no members.
    if object.len() > 2 {
        body.push(',');
    }
    body.push_str(object.get(1..).unwrap_or("}"));
    Ok(looked.on(answer(body, &headers)))
}

/// The version of a Graph address; its route has made sure that it has one.
fn version_of(uri: &Uri) -> Version {
    let first = uri.path().split('/').nth(1).unwrap_or_default();
    Version::from_name(first).unwrap_or(Version::V1)
}

fn question(version: Version, options: &Options) -> Result<Question, ApiError> {
    let dialect = match version {
        Version::V1 => Dialect::V1,
        Version::Beta => Dialect::Beta,
    };
    let text = options.get("$filter").unwrap_or_default();
    let filter = odata::parse_filter(text, dialect)?;
    let logs = match event_types_mentioned(&filter) {
        true => Log::SIGN_INS.to_vec(),
        false => vec![Log::InteractiveUser],
    };
    let orderby = options.get("$orderby");
    let order = orderby.map(odata::parse_orderby).transpose()?.unwrap_or(Order::NewestFirst);
    let newest_first = if order == Order::NewestFirst { "desc" } else { "asc" };
    let hash = cursor::question(&["graph", version.name(), text, newest_first]);
    Ok(Question { logs, filter, from: None, to: None, order, hash })
}

fn shown(
    version: Version,
    options: &Options,
    headers: &HeaderMap,
) -> Result<GraphOptions, ApiError> {
    let shown = GraphOptions::new(version).include_unknown_members(wants_unknown(headers));
    match options.get("$select") {
        None => Ok(shown),
        Some(names) => shown.select(names.split(',')).map_err(|error| {
            ApiError::bad_request(format!("Parsing OData Select and Expand failed: {error}"))
        }),
    }
}

/// `Prefer: include-unknown-enum-members`
fn wants_unknown(headers: &HeaderMap) -> bool {
    let values = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split([',', ';']))
        .any(|wish| wish.trim().eq_ignore_ascii_case("include-unknown-enum-members"))
}

/// `https://host/version`, as the client addressed this server. The guard has seen to it that the
/// host is a name of this server.
fn base(client: &Client, version: Version) -> String {
    format!("{}/{}", client.origin(), version.name())
}

/// The query string of the next page: all that was asked, and the token.
fn next_query(options: &Options, token: &str) -> String {
    let given = options.pairs().filter(|(name, _)| !name.eq_ignore_ascii_case("$skiptoken"));
    query_string(given.chain([("$skiptoken", token)]))
}

fn invalid_token(error: cursor::CursorError) -> ApiError {
    ApiError::bad_request(format!("Invalid Skip Token: {error}"))
}

fn string(text: &str, out: &mut String) {
    durward_model::shape::write_string(text, out);
}

fn answer(body: String, headers: &HeaderMap) -> Response {
    let mut response = body.into_response();
    let own = response.headers_mut();
    own.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    own.insert(HeaderName::from_static("odata-version"), HeaderValue::from_static("4.0"));
    if wants_unknown(headers) {
        let applied = HeaderValue::from_static("include-unknown-enum-members");
        own.insert(HeaderName::from_static("preference-applied"), applied);
    }
    response
}
