//! Attempts and sessions: sign-ins that belong together.
//!
//! An attempt is what one person did to get in once: all requests with one correlation identifier,
//! and those that name one of them as their original request, or are named by them. Requests of
//! the same user and application with another correlation identifier are not taken in: the client
//! chose to begin anew, and guessing would put a stranger's attempt into the user's story. They
//! are one link away instead.

mod lanes;
mod marks;
mod rows;
mod session;
mod story;
mod thread;
mod verdict;
mod view;

use std::sync::Arc;

use axum::extract::{Extension, Path, State as Shared};
use axum::http::{Method, Uri};
use axum::response::Response;
use axum::routing::get;
use durward_journal::Action;
use durward_model::time::HOUR_MICROS;
use durward_model::{Event, FieldId, Log, Timestamp};
use durward_query::{Filter, ListRequest, Op, Order, Reader, Value};
use maud::{Markup, html};

use crate::access::{Asking, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::openapi::Parameter;
use crate::params::Params;
use crate::routes::{Endpoint, endpoint, read_others};

use super::scope::{self, Scope, Zone};
use super::shell::Frame;
use super::{answer, page_of, scope_parameters};

pub(super) use rows::{Rows, look as rows, render};

/// Requests of one attempt at most; more share an identifier only where a client never changes it.
const REQUESTS_MAX: usize = 500;
/// Requests that are joined by their original request at most.
const JOINED_MAX: usize = 100;
/// How far from the others a request may be to be joined by its original request: renewals name
/// the request that began their session for weeks.
const NEAR_MICROS: i64 = HOUR_MICROS;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let attempt = page_of("One attempt to sign in")
        .parameters(&[Parameter::path(
            "id",
            "Correlation ID, or request ID of any of its requests",
        )])
        .parameters(&scope_parameters());
    let session = page_of("One session")
        .parameters(&[Parameter::path("sid", "Session ID")])
        .parameters(&scope_parameters());
    let need = read_others(Action::Read);
    vec![
        endpoint(Method::GET, "/attempts/{id}", need, get(attempt_page), attempt),
        endpoint(Method::GET, "/sessions/{sid}", need, get(session::page), session),
    ]
}

/// The scope of a page that is about one thing rather than a span of time.
fn scope_of(uri: &Uri) -> Result<Scope, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&scope::PARAMS)?;
    Scope::parse(&params, "all")
}

/// The switch between zones of a page at this path, about one thing.
pub(super) fn zone_switch(scope: &Scope, path: &str) -> Markup {
    let is_local = scope.zone == Zone::Local;
    let zone = if is_local { Zone::Utc } else { Zone::Local };
    let href = Scope { zone, ..scope.clone() }.href(path, &[]);
    html! {
        a #zone .button href=(href) data-local=(is_local) {
            @if is_local { "Local" } @else { "UTC" }
        }
    }
}

/// `GET /attempts/{id}`
async fn attempt_page(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let scope = scope_of(&uri)?;
    let (asked, wanted) = (scope.clone(), id.clone());
    let found = app.ask(&caller, move |reader| gather(reader, &asked, &wanted)).await?;
    let requests: Vec<story::Request> = found.events.iter().map(story::Request::of).collect();
    let Some(attempt) = story::fold(requests) else {
        let message = format!("no sign-in that you may see has the correlation ID '{id}'");
        return Err(ApiError::not_found(message));
    };
    let rows = attempt.requests.len();
    let page = view::page(&frame, &scope, &found, &attempt, Timestamp::now());
    Ok(Looked { target: Some(id), ..Looked::rows(rows) }.on(answer(page)))
}

/// The requests of an attempt.
struct Gathered {
    /// The correlation identifier; the request's own where it has none.
    id: String,
    events: Vec<Event>,
    /// There are more than are shown.
    is_cut: bool,
}

fn is(field: FieldId, value: &str) -> Filter {
    Filter::field(field, Op::Eq(Value::Text(value.to_owned())))
}

fn is_one_of(field: FieldId, values: &[String]) -> Filter {
    Filter::field(field, Op::In(values.iter().cloned().map(Value::Text).collect()))
}

/// Sign-ins that a filter finds, the newest first.
fn newest(reader: &Reader, filter: Filter, limit: usize) -> Result<(Vec<Event>, bool), ApiError> {
    let order = Order::NewestFirst;
    let logs = Log::SIGN_INS.to_vec();
    let page = reader.list(&ListRequest { filter, logs, order, limit, after: None })?;
    Ok((reader.events(&page.rows)?, page.next.is_some()))
}

fn gather(reader: &Reader, scope: &Scope, id: &str) -> Result<Gathered, ApiError> {
    let correlated = |id: &str| {
        newest(reader, is(FieldId::CorrelationId, id).and(scope.tenant_filter()), REQUESTS_MAX)
    };
    let (mut events, is_cut) = correlated(id)?;
    if !events.is_empty() {
        join(reader, scope, &mut events)?;
        return Ok(Gathered { id: id.to_owned(), events, is_cut });
    }
    // People paste the identifier of a request, too.
    let event = reader.get(scope.tenant.as_deref(), id)?;
    let event = event.filter(|event| event.row().log.is_sign_in());
    let Some(event) = event else {
        return Ok(Gathered { id: id.to_owned(), events, is_cut: false });
    };
    let correlation = event.cell(FieldId::CorrelationId).to_string();
    if correlation.is_empty() {
        return Ok(Gathered { id: id.to_owned(), events: vec![event], is_cut: false });
    }
    let (mut events, is_cut) = correlated(&correlation)?;
    join(reader, scope, &mut events)?;
    Ok(Gathered { id: correlation, events, is_cut })
}

/// Adds the user's requests that name one of these as their original, or are named by one.
fn join(reader: &Reader, scope: &Scope, events: &mut Vec<Event>) -> Result<(), ApiError> {
    let text = |event: &Event, field| event.cell(field).to_string();
    let ids: Vec<String> = events.iter().map(|event| text(event, FieldId::Id)).collect();
    let named = events.iter().map(|event| text(event, FieldId::OriginalRequestId));
    let named: Vec<String> = named.filter(|id| !id.is_empty() && !ids.contains(id)).collect();
    let users: Vec<String> = events.iter().map(|event| text(event, FieldId::UserId)).collect();
    let times = || events.iter().map(|event| event.row().created.micros);
    let (Some(first), Some(last)) = (times().min(), times().max()) else { return Ok(()) };
    let near = Filter::between(
        Timestamp::from_micros(first.saturating_sub(NEAR_MICROS)),
        Timestamp::from_micros(last.saturating_add(NEAR_MICROS)),
    );
    let naming = is_one_of(FieldId::OriginalRequestId, &ids);
    let related = match named.is_empty() {
        true => naming,
        false => Filter::any_of(vec![naming, is_one_of(FieldId::Id, &named)]),
    };
    let (more, _) = newest(reader, near.and(related).and(scope.tenant_filter()), JOINED_MAX)?;
    for event in more {
        let user = text(&event, FieldId::UserId);
        if !ids.contains(&text(&event, FieldId::Id)) && users.contains(&user) {
            events.push(event);
        }
    }
    Ok(())
}

/// A length of time in at most two units.
fn lasting(micros: i64) -> String {
    let seconds = micros / 1_000_000;
    let two = |big: i64, unit: &str, small: i64, part: &str| match small {
        0 => format!("{big} {unit}"),
        small => format!("{big} {unit} {small} {part}"),
    };
    match seconds {
        ..1 => format!("{} ms", micros / 1000),
        1..60 => format!("{seconds} s"),
        60..3600 => two(seconds / 60, "min", seconds % 60, "s"),
        3600..86_400 => two(seconds / 3600, "h", seconds % 3600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::lasting;

    #[test]
    fn lengths_are_short() {
        for (seconds, text) in [
            (0, "0 ms"),
            (59, "59 s"),
            (120, "2 min"),
            (125, "2 min 5 s"),
            (3700, "1 h 1 min"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(lasting(seconds * 1_000_000), text);
        }
    }
}
