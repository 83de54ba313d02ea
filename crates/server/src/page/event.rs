//! One sign-in: what happened and why, every field, and the record as it came.

use std::sync::Arc;

use axum::extract::{Extension, Path, State as Shared};
use axum::http::Method;
use axum::http::Uri;
use axum::response::Response;
use axum::routing::get;
use durward_access::Feedback;
use durward_journal::Action;
use durward_model::columns::{self, Column, Source, Topic, text};
use durward_model::errors::{self, Status};
use durward_model::{Cell, Event, FieldId, Kind, Timestamp, graph};
use durward_query::Reader;
use maud::{Markup, html};
use serde_json::Value;

use crate::access::{Asking, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::openapi::Parameter;
use crate::params::Params;
use crate::reported::said_of;
use crate::rest;
use crate::routes::{Endpoint, endpoint, read_others};

use super::scope::Scope;
use super::shell::Frame;
use super::state::{ago, filter_href};
use super::words::{self, pill, status_class};
use super::{answer, page_of, reported, shell};

/// Sections in order.
const TOPICS: [Topic; 12] = [
    Topic::Result,
    Topic::Who,
    Topic::How,
    Topic::What,
    Topic::Where,
    Topic::Device,
    Topic::Authentication,
    Topic::ConditionalAccess,
    Topic::Risk,
    Topic::TokenAndSession,
    Topic::Identifiers,
    Topic::Record,
];

/// Columns of a table of objects at most; further members are joined in the last.
const MEMBERS_MAX: usize = 8;

/// Derived columns that put together what other fields of the page say.
const SAID_ELSEWHERE: [&str; 3] = ["actor", "location", "statusReason"];

pub(super) fn endpoints() -> Vec<Endpoint> {
    let page = page_of("One sign-in").parameters(&[Parameter::path("id", "Request ID")]);
    vec![endpoint(Method::GET, "/signins/{id}", read_others(Action::Read), get(detail), page)]
}

/// What is shown of one event beside the list.
#[derive(Clone, Debug)]
pub(super) struct Pane {
    event: Event,
}

/// Looks up what the pane shows; `None` where there is no such event.
pub(super) fn look(
    _app: &App,
    reader: &Reader,
    scope: &Scope,
    id: &str,
) -> Result<Option<Pane>, ApiError> {
    Ok(reader.get(scope.tenant.as_deref(), id)?.map(|event| Pane { event }))
}

/// The pane beside the list, at one of its tabs.
pub(super) fn pane(_scope: &Scope, pane: &Pane, _tab: Option<&str>, _now: Timestamp) -> Markup {
    html! { aside .panel { h2 { (title(&pane.event)) } (verdict(&pane.event)) } }
}

/// `GET /signins/{id}`
pub(crate) async fn detail(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&["tenant"])?;
    let tenant = params.get("tenant").map(str::to_owned);
    let looked = Looked::event(&id);
    let shared = app.clone();
    let found = app.ask(&caller, move |reader| {
        let event = rest::find(reader, tenant.as_deref(), &id)?;
        let said = said_of(&shared, &event)?;
        Ok((event, said))
    });
    let (event, said) = found.await?;
    Ok(looked.on(answer(render(&frame, &event, &said, Timestamp::now()))))
}

fn render(frame: &Frame, event: &Event, said: &[Feedback], now: Timestamp) -> Markup {
    let title = title(event);
    let created = event.row().created;
    let original = event.original();
    let pretty = serde_json::from_str::<Value>(&original)
        .ok()
        .and_then(|value| serde_json::to_string_pretty(&value).ok())
        .unwrap_or(original);
    let id = event.cell(FieldId::Id).to_string();
    let mut api = String::from("/api/security/sign-in-logs/");
    crate::params::encode(&id, &mut api);
    let body = html! {
        main #main .detail {
            div .heading {
                div {
                    h1 { (title) }
                    p .muted {
                        (text::log_label(event.row().log)) " · "
                        (words::time(created, now)) " UTC · " (ago(created, now))
                        @if event.row().revision > 0 {
                            " · " a href={ (api) "/revisions" } {
                                "revision " (event.row().revision)
                            }
                        }
                    }
                }
                div .actions { (related(event)) }
            }
            (verdict(event))
            (reported::panel(said, now))
            div .sections {
                @for topic in TOPICS { (section(topic, event)) }
            }
            @if event.has_original() {
                details .panel .original {
                    summary { "Original record" }
                    pre { (pretty) }
                }
            }
            p .muted .links {
                @if event.has_original() { a href={ (api) "/original" } { "Original" } " · " }
                a href=(api) { "JSON" } " · "
                a href={ "/beta/auditLogs/signIns/" (id) } { "As Graph gives it" }
            }
        }
    };
    let controls = html! {
        a .button #back href="/signins" { "◀ Sign-in logs" }
        a #zone .button href="?" hidden data-local="false" { "UTC" }
    };
    shell::page(frame, &title, &body, &controls)
}

/// Who went where.
fn title(event: &Event) -> String {
    let column = |name: &str| columns::by_name(name).map(|column| text::short(column, event));
    let actor = column("actor").filter(|actor| !actor.is_empty());
    let actor = actor.unwrap_or_else(|| "Somebody".to_owned());
    let target = [FieldId::AppDisplayName, FieldId::ResourceDisplayName];
    let target = target.map(|field| event.cell(field).to_string());
    match target.into_iter().find(|name| !name.is_empty() && *name != actor) {
        Some(target) => format!("{actor} → {target}"),
        None => actor,
    }
}

/// Links to other sign-ins that share something with this one.
fn related(event: &Event) -> Markup {
    let pairs = [
        ("Same user", FieldId::UserId),
        ("Same principal", FieldId::ServicePrincipalId),
        ("Same address", FieldId::IpAddress),
        ("Same attempt", FieldId::CorrelationId),
        ("Same session", FieldId::SessionId),
    ];
    let links = pairs.map(|(label, field)| {
        let value = event.cell(field).to_string();
        filter_href(field.field().name, &value).map(|href| (label, href))
    });
    html! {
        @for (label, href) in links.into_iter().flatten() { a .button href=(href) { (label) } }
    }
}

/// What happened, in a sentence, and what to do about it.
fn verdict(event: &Event) -> Markup {
    let Some(status) = graph::status(event) else { return html! {} };
    let code = event.cell(FieldId::ErrorCode).as_int();
    let known = code.and_then(errors::lookup);
    let reason = graph::status_reason(event);
    let details = event.cell(FieldId::AdditionalDetails).to_string();
    html! {
        section .verdict .(status_class(status)) {
            p {
                (pill(status))
                @if let Some(code) = code.filter(|code| *code != 0) { " " b { (code) } }
                @if let Some(known) = known.filter(|known| !known.name.is_empty()) {
                    " " span .muted { (known.name) }
                }
            }
            @if let Some(reason) = reason { p .reason { (reason) } }
            @if !details.is_empty() { p .muted { (details) } }
            @if status != Status::Success && let Some(known) = known {
                p .muted { b { "What to do: " } (known.remedy()) }
            }
        }
    }
}

/// All fields of a topic that have a value.
fn section(topic: Topic, event: &Event) -> Markup {
    let of_topic = columns::all().iter().filter(|column| column.topic == topic);
    let of_topic = of_topic.filter(|column| !SAID_ELSEWHERE.contains(&column.name));
    let shown: Vec<(&Column, Cell<'_>)> = of_topic
        .map(|column| (column, text::value(column, event)))
        .filter(|(_, cell)| !is_empty(cell))
        .collect();
    let wide = shown.iter().any(|(column, _)| matches!(column.kind, Kind::ObjectList));
    html! {
        @if !shown.is_empty() {
            section .panel .wide[wide] {
                h2 { (topic.label()) }
                dl {
                    @for (column, cell) in &shown {
                        @let table = column.kind == Kind::ObjectList;
                        dt .above[table] {
                            span title=(column.name) { (column.label_in(Some(event.row().log))) }
                        }
                        dd .above[table] { (value(column, cell, event)) }
                    }
                }
            }
        }
    }
}

fn is_empty(cell: &Cell<'_>) -> bool {
    match cell {
        Cell::Null => true,
        Cell::Text(text) => text.is_empty() || text == "[]" || text == "{}",
        _ => false,
    }
}

fn value(column: &Column, cell: &Cell<'_>, event: &Event) -> Markup {
    if column.name == "status" {
        return graph::status(event).map_or(html! {}, pill);
    }
    let Cell::Text(json) = cell else {
        let short = text::short(column, event);
        return match (cell, filterable(column)) {
            (Cell::Time(time), _) => html! {
                time datetime=(time.to_rfc3339()) data-long="true" { (time.to_rfc3339()) }
            },
            (Cell::Int(_), true) => linked(column, &cell.to_string(), &short),
            _ => html! { (short) },
        };
    };
    if column.kind.is_json() {
        return match serde_json::from_str::<Value>(json) {
            Ok(value) => structured(&value),
            Err(_) => html! { code { (json) } },
        };
    }
    if filterable(column) {
        return linked(column, json, &text::short(column, event));
    }
    html! { (text::short(column, event)) }
}

fn filterable(column: &Column) -> bool {
    matches!(column.source, Source::Field(_)) && !column.operators().is_empty()
}

/// A value that leads to all sign-ins that have it.
fn linked(column: &Column, value: &str, shown: &str) -> Markup {
    let mono = matches!(column.kind, Kind::Id) || column.name.to_lowercase().ends_with("id");
    match filter_href(column.name, value) {
        Some(href) => html! {
            a .value .mono[mono] href=(href) title="All sign-ins with this value" { (shown) }
        },
        None => html! { (shown) },
    }
}

/// JSON for people: lists of objects as tables, the rest as text.
fn structured(value: &Value) -> Markup {
    match value {
        Value::Array(items) if items.iter().any(Value::is_object) => table(items),
        Value::Array(items) => html! { (items.iter().map(plain).collect::<Vec<_>>().join(", ")) },
        Value::Object(members) => html! {
            @for (name, value) in members {
                div .member { span .muted { (name) ": " } (plain(value)) }
            }
        },
        other => html! { (plain(other)) },
    }
}

fn table(items: &[Value]) -> Markup {
    let mut names: Vec<&str> = Vec::new();
    for name in items.iter().filter_map(Value::as_object).flat_map(|object| object.keys()) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let filled = |name: &&str| items.iter().any(|item| !plain(&item[*name]).is_empty());
    names.retain(filled);
    // What a list is read for comes first.
    names.sort_by_key(|name| match *name {
        "displayName" => 0,
        "result" => 1,
        _ => 2,
    });
    let rest = names.split_off(names.len().min(MEMBERS_MAX));
    let others = |item: &Value| {
        let member = |name: &&str| Some(format!("{name}: {}", plain(item.get(*name)?)));
        rest.iter().filter_map(member).collect::<Vec<_>>().join("; ")
    };
    html! {
        div .scroll {
            table .inner {
                thead {
                    tr {
                        @for name in &names { th scope="col" { (name) } }
                        @if !rest.is_empty() { th scope="col" { "more" } }
                    }
                }
                tbody {
                    @for item in items {
                        tr {
                            @for name in &names { td { (plain(&item[*name])) } }
                            @if !rest.is_empty() { td { (others(item)) } }
                        }
                    }
                }
            }
        }
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| format!("{name}: {}", plain(value));
            members.iter().map(member).collect::<Vec<_>>().join("; ")
        }
        other => other.to_string(),
    }
}
