//! The filter as a query: in OData and in the short form, both to read and to write.

use axum::extract::Extension;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use durward_access::Right;
use durward_model::{FieldId, Log, Timestamp};
use durward_query::{Dialect, Expr, Filter, Op, Property, Value, filter::Test, odata, search};
use maud::{Markup, html};

use super::asked::{Asked, dialog, go, hidden};
use super::pills::{Pill, Pills};
use crate::access::Looked;
use crate::client::Client;
use crate::error::ApiError;
use crate::page::shell::Frame;
use crate::page::state::State;
use crate::params::query_string;

/// `GET /signins/query`: the query; with `text`, the state that it asks for.
pub(super) async fn query(
    Extension(client): Extension<Client>,
    Extension(frame): Extension<Frame>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, ApiError> {
    let Asked { state, own } = Asked::parse(&uri)?;
    let now = Timestamp::now();
    let is_short = own.get("op") == Some("short");
    let written = own.get("op").map(|_| own.get("text").unwrap_or_default());
    let mut problem = None;
    if let Some(text) = written {
        let read = if is_short { of_short(&state, text, now) } else { of_odata(&state, text, now) };
        match read {
            Ok(state) => return Ok(Looked::default().on(go(&headers, &state))),
            Err(message) => problem = Some((is_short, text, message)),
        }
    }
    let status = if problem.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let content = html! {
        (content(&state, &client.origin(), problem.as_ref(), now))
        @if frame.may(Right::ChangeDetections) {
            p { a .button href=(state.href_of("/rules/new", &[])) { "Make a rule of this" } }
        }
    };
    let page = dialog(&frame, &headers, &state, "Query", &content, status);
    Ok(Looked::default().on(page))
}

/// What was written in which form, and what is wrong with it.
type Problem<'a> = (bool, &'a str, String);

fn content(state: &State, origin: &str, problem: Option<&Problem<'_>>, now: Timestamp) -> Markup {
    let filter = state.filter(now);
    let printed = filter.as_ref().ok().and_then(odata::print);
    let short = short_form(state, now);
    let graph = filter.as_ref().ok().and_then(|filter| graph(state, filter, now));
    html! {
        div .filter-form .query {
            h2 { "Query" }
            @if let Err(error) = &filter { p .problem .short role="alert" { (error) } }
            (editor(state, false, "OData $filter", printed.as_deref(), problem))
            (editor(state, true, "Short form", short.as_deref(), problem))
            @if let Some(graph) = graph {
                section {
                    h3 { "Microsoft Graph" }
                    p .muted .small {
                        "The same question to the Graph endpoint of this durward. Graph itself
                         takes eq, startsWith, le and ge joined by and."
                    }
                    p { a .graph href=(graph) { code { (origin) (graph) } } }
                }
            }
        }
    }
}

fn editor(
    state: &State,
    is_short: bool,
    label: &str,
    text: Option<&str>,
    problem: Option<&Problem<'_>>,
) -> Markup {
    let problem = problem.filter(|problem| problem.0 == is_short);
    let text = problem.map(|problem| problem.1).or(text);
    let base = state.with(|_| ());
    html! {
        form action="/signins/query" method="get" data-set {
            h3 { (label) }
            (hidden(&base))
            input type="hidden" name="op" value=(if is_short { "short" } else { "odata" });
            @if text.is_none() {
                p .muted .small { "The filter as it is cannot be written in this form." }
            }
            textarea name="text" rows="4" spellcheck="false" aria-label=(label)
                aria-invalid=[problem.map(|_| "true")] { (text.unwrap_or_default()) }
            @if let Some((.., message)) = problem {
                p .problem .short role="alert" { (message) }
            }
            button .button type="submit" { "Apply" }
        }
    }
}

/// The filter in the short form, if it has one.
pub(in crate::page) fn short_form(state: &State, now: Timestamp) -> Option<String> {
    let mut parts = vec![state.text.clone()];
    parts.push(state.pills.search()?);
    if !state.odata.is_empty() {
        let filter = odata::parse_filter(&state.odata, Dialect::Own).ok()?;
        parts.push(search::print(&filter, now)?);
    }
    parts.retain(|part| !part.is_empty());
    // `OR` binds less than a blank.
    let alone = parts.len() <= 1 || !parts.iter().any(|part| has_or(part, now));
    alone.then(|| parts.join(" "))
}

fn has_or(text: &str, now: Timestamp) -> bool {
    search::terms(text, now).map_or(true, |alternatives| alternatives.len() > 1)
}

/// The address that asks Graph the same, range and log included.
fn graph(state: &State, filter: &Filter, now: Timestamp) -> Option<String> {
    let mut all = filter.clone().and(state.scope.filter(now));
    let logs = state.tab.logs().iter().map(|log| Value::Text(log.name().to_owned())).collect();
    all = Filter::test(Property::Log, log_test(state.tab.0, logs)).and(all);
    let text = odata::print(&all)?;
    Some(format!("/beta/auditLogs/signIns?{}", query_string([("$filter", text.as_str())])))
}

fn log_test(log: Option<Log>, all: Vec<Value>) -> Op {
    match log {
        Some(log) => Op::Eq(Value::Text(log.name().to_owned())),
        None => Op::In(all),
    }
}

/// The state with what a search says.
fn of_short(state: &State, text: &str, now: Timestamp) -> Result<State, String> {
    search::parse_search(text, now).map_err(|error| error.to_string())?;
    let (pills, rest) = Pills::from_search(text, now);
    Ok(state.with(|state| {
        state.odata.clear();
        (state.pills, state.text) = (pills, rest);
    }))
}

/// The state with what a `$filter` says: as pills as far as they go, the range of time as range,
/// the log as tab.
fn of_odata(state: &State, text: &str, now: Timestamp) -> Result<State, String> {
    let filter = odata::parse_filter(text, Dialect::Own).map_err(|error| error.to_string())?;
    let parts = match filter {
        Filter::All => Vec::new(),
        Expr::And(parts) => parts,
        one => vec![one],
    };
    let (range, parts) = range(parts, now);
    let mut pills = Pills::default();
    let mut rest = Vec::new();
    for part in parts {
        match pill(&part, now) {
            Some(pill) => pills.0.push(pill),
            None => rest.push(part),
        }
    }
    let rest = match rest.len() {
        0 => String::new(),
        _ => odata::print(&Expr::And(rest)).unwrap_or_else(|| text.to_owned()),
    };
    Ok(state.with(|state| {
        if let Some((from, to)) = range {
            state.scope = state.scope.between(from, to);
        }
        state.text.clear();
        (state.pills, state.odata) = (pills, rest);
    }))
}

/// A part of a filter as a pill: a term, or terms of which any will do.
fn pill(filter: &Filter, now: Timestamp) -> Option<Pill> {
    let read = |filter: &Filter| {
        let text = search::print(filter, now)?;
        let (pills, rest) = Pills::from_search(&text, now);
        let only = pills.0.into_iter().next().filter(|_| rest.is_empty())?;
        only.terms.into_iter().next()
    };
    if let Some(term) = read(filter) {
        return Some(Pill::of(term));
    }
    let Expr::Or(parts) = filter else { return None };
    let terms: Option<Vec<_>> = parts.iter().map(read).collect();
    Some(Pill { disabled: false, terms: terms? })
}

/// Both ends of the range of time that parts of a filter ask for (µs), and the other parts. A
/// range without an end ends now.
fn range(parts: Vec<Filter>, now: Timestamp) -> (Option<(i64, i64)>, Vec<Filter>) {
    let (mut from, mut to) = (None, None);
    let end = |part: &Filter| match part {
        Expr::Test(Test { of: Property::Field(FieldId::CreatedDateTime), op }) => match op {
            Op::Ge(Value::Time(time)) => Some((true, time.micros)),
            Op::Gt(Value::Time(time)) => Some((true, time.micros + 1)),
            Op::Lt(Value::Time(time)) => Some((false, time.micros)),
            Op::Le(Value::Time(time)) => Some((false, time.micros + 1)),
            _ => None,
        },
        _ => None,
    };
    let mut rest = Vec::new();
    for part in &parts {
        match end(part) {
            Some((true, micros)) if from.is_none() => from = Some(micros),
            Some((false, micros)) if to.is_none() => to = Some(micros),
            _ => rest.push(part.clone()),
        }
    }
    match from {
        Some(from) if from <= to.unwrap_or(now.micros) => {
            (Some((from, to.unwrap_or(now.micros))), rest)
        }
        _ => (None, parts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Params;

    const NOW: Timestamp = Timestamp { micros: 1_772_900_000_000_000, nanos: 0 };

    fn state(query: &str) -> State {
        State::parse(&Params::parse(Some(query)).unwrap()).unwrap()
    }

    #[test]
    fn what_pills_can_say_becomes_pills() {
        for (text, pills, rest) in [
            ("", "", ""),
            (
                "status/errorCode eq 50126 and ipAddress eq '203.0.113.9'",
                "code=50126,ip:203.0.113.9",
                "",
            ),
            (
                "startsWith(userPrincipalName,'maria') or appDisplayName eq 'a b'",
                "(userPrincipalName:\"maria\"*|appDisplayName=\"a b\")",
                "",
            ),
            (
                "status eq 'failure' and \
                 appliedConditionalAccessPolicies/any(p: p/result eq 'failure')",
                "status=Failure",
                "appliedConditionalAccessPolicies/any(x0: x0/result eq 'failure')",
            ),
            ("not (a eq 1 and b eq 2)", "", "?"),
        ] {
            let read = of_odata(&state("t=24h&q=gone"), text, NOW);
            if rest == "?" {
                assert!(read.unwrap_err().contains("no property 'a'"));
                continue;
            }
            let read = read.unwrap();
            assert_eq!((read.pills.text().as_str(), read.odata.as_str()), (pills, rest), "{text}");
        }
    }

    #[test]
    fn the_range_of_a_query_is_the_range() {
        let text = "createdDateTime ge 2026-03-01T00:00:00Z and status/errorCode eq 5 \
                    and createdDateTime lt 2026-03-02T00:00:00Z";
        let read = of_odata(&state("t=24h"), text, NOW).unwrap();
        assert_eq!(read.scope.range, "2026-03-01T00:00:00Z..2026-03-02T00:00:00Z");
        assert_eq!(read.pills.text(), "code=5");
    }

    #[test]
    fn the_short_form_of_a_state() {
        for (query, short) in [
            ("q=maria&f=status%3Dfailure,-app:Teams", Some("maria status=failure -app:Teams")),
            ("f=(a:1|b:2)", Some("a:1 OR b:2")),
            ("q=x&f=(a:1|b:2)", None),
            ("f=(city:1|code:2),user:a", None),
            ("f=(city:1|code:2)&q=a", None),
            ("odata=status/errorCode%20eq%205", Some("code=5")),
        ] {
            assert_eq!(short_form(&state(query), NOW).as_deref(), short, "{query}");
        }
    }
}
