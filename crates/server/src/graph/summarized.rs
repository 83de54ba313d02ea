//! `/beta/auditLogs/getSummarized…SignIns(aggregationWindow='h1')`: grouped sign-ins.

use std::sync::Arc;

use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use durward_model::Timestamp;
use durward_model::graph::{SummarizedSignIn, Version};
use durward_query::{Dialect, GroupPosition, GroupRequest, Grouping, Window, cursor, odata};

use crate::access::{Asking, Looked};
use crate::app::App;
use crate::client::Client;
use crate::error::ApiError;

use super::options::Options;
use super::{PAGE_ROWS, answer, base, invalid_token, next_query, string, wants_unknown};

/// The functions and what they group.
const FUNCTIONS: [(&str, Grouping); 3] = [
    ("getSummarizedNonInteractiveSignIns", Grouping::NonInteractive),
    ("getSummarizedServicePrincipalSignIns", Grouping::ServicePrincipal),
    ("getSummarizedMSISignIns", Grouping::ManagedIdentity),
];

/// A call such as `getSummarizedMSISignIns(aggregationWindow='h6')`.
fn parse_call(call: &str) -> Result<(&'static str, Grouping, Window), ApiError> {
    let (name, rest) = call.split_once('(').unwrap_or((call, ""));
    let found = FUNCTIONS.iter().find(|(known, _)| *known == name);
    let Some((name, grouping)) = found else {
        return Err(ApiError::not_found(format!("Resource not found for the segment '{name}'.")));
    };
    let argument = rest.strip_suffix(')').and_then(|argument| argument.split_once('='));
    let window = argument
        .filter(|(parameter, _)| parameter.trim().eq_ignore_ascii_case("aggregationWindow"))
        .and_then(|(_, value)| value.trim().strip_prefix('\'')?.strip_suffix('\''))
        .and_then(|value| match value {
            "h1" | "h6" | "d1" => Window::from_name(value),
            _ => None,
        });
    match window {
        Some(window) => Ok((name, *grouping, window)),
        None => Err(ApiError::bad_request(format!(
            "{name} takes aggregationWindow='h1', 'h6' or 'd1'."
        ))),
    }
}

/// `GET /beta/auditLogs/getSummarized…SignIns(aggregationWindow='…')`
pub(crate) async fn summarized(
    State(app): State<Arc<App>>,
    Asking(caller): Asking,
    Extension(client): Extension<Client>,
    Path(call): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (name, grouping, window) = parse_call(&call)?;
    let options = Options::parse(uri.query(), &["$filter", "$top", "$skiptoken"])?;
    let limit = options.top(PAGE_ROWS)?;
    let text = options.get("$filter").unwrap_or_default();
    let filter = odata::parse_filter(text, Dialect::Beta)?;
    let hash = cursor::question(&["summarized", &call, text]);
    let after = options.get("$skiptoken").map(|token| GroupPosition::from_token(token, hash));
    let after = after.transpose().map_err(invalid_token)?;
    let include_unknown = wants_unknown(&headers);
    let base = base(&client, Version::Beta);

    let mut body = String::from("{\"@odata.context\":");
    let kind = "Collection(microsoft.graph.summarizedSignIn)";
    string(&format!("{base}/$metadata#{kind}"), &mut body);
    let (body, rows) = app
        .ask(&caller, move |reader| {
            let request = GroupRequest { grouping, window, filter, limit, after };
            let page = reader.groups(&request)?;
            if let Some(next) = page.next {
                let query = next_query(&options, &next.to_token(hash));
                let call = call.get(name.len()..).unwrap_or_default();
                body.push_str(",\"@odata.nextLink\":");
                string(&format!("{base}/auditLogs/{name}{call}?{query}"), &mut body);
            }
            let newest: Vec<_> = page.rows.iter().map(|row| row.newest).collect();
            let events = reader.events(&newest)?;
            body.push_str(",\"value\":[");
            for (index, (row, event)) in page.rows.iter().zip(&events).enumerate() {
                if index > 0 {
                    body.push(',');
                }
                let start = Timestamp::from_micros(row.key.start_micros);
                let group = SummarizedSignIn::of_member(event, row.count, start, row.first);
                group.write(include_unknown, &mut body);
            }
            body.push_str("]}");
            Ok((body, events.len()))
        })
        .await?;
    Ok(Looked::rows(rows).on(answer(body, &headers)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_name_a_function_and_a_window() {
        let call = |text: &str| parse_call(text).map(|(_, grouping, window)| (grouping, window));
        assert_eq!(
            call("getSummarizedMSISignIns(aggregationWindow='h6')").unwrap(),
            (Grouping::ManagedIdentity, Window::H6)
        );
        for (text, status) in [
            ("getSummarizedMSISignIns", 400),
            ("getSummarizedMSISignIns(aggregationWindow='h2')", 400),
            ("getSummarizedMSISignIns(aggregationWindow=h1)", 400),
            ("getSummarizedMSISignIns(window='h1')", 400),
            ("directoryAudits", 404),
        ] {
            assert_eq!(call(text).unwrap_err().status.as_u16(), status, "{text}");
        }
    }
}
