//! The page of one record: what was changed, every field, and the record as it came.

use std::sync::Arc;

use axum::extract::{Extension, Path, State as Shared};
use axum::http::Uri;
use axum::response::Response;
use durward_model::Timestamp;
use durward_model::time::HOUR_MICROS;
use maud::{Markup, html};
use serde_json::Value;

use crate::access::{Asking, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::params::Params;

use super::super::attempt::zone_switch;
use super::super::scope::{self, Scope};
use super::super::shell::{self, Frame};
use super::super::state::ago;
use super::super::{answer, link, words};
use super::read::{self, Record, member, plain};
use super::{Place, record, status, tenant};

/// Fields shown at most.
const FIELDS_MAX: usize = 300;
/// How deep objects are opened into fields.
const DEPTH_MAX: usize = 6;
/// How far around a record sign-ins are looked for.
const AROUND_MICROS: i64 = HOUR_MICROS;

/// `GET /audit/{id}`
pub(super) async fn audit(
    app: Shared<Arc<App>>,
    asking: Asking,
    frame: Extension<Frame>,
    id: Path<String>,
    uri: Uri,
) -> Result<Response, ApiError> {
    page(Place::Audit, app, asking, frame, id, uri).await
}

/// `GET /provisioning/{id}`
pub(super) async fn provisioning(
    app: Shared<Arc<App>>,
    asking: Asking,
    frame: Extension<Frame>,
    id: Path<String>,
    uri: Uri,
) -> Result<Response, ApiError> {
    page(Place::Provisioning, app, asking, frame, id, uri).await
}

async fn page(
    place: Place,
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&scope::PARAMS)?;
    let scope = Scope::parse(&params, super::RANGE)?;
    let (wanted, by_tenant) = (id.clone(), scope.tenant.clone());
    let found = app.ask(&caller, move |reader| Ok(reader.get(by_tenant.as_deref(), &wanted)?));
    let found = found.await?.and_then(|event| Some((record(&event, place)?, tenant(&event))));
    let Some((record, tenant)) = found else {
        return Err(ApiError::not_found(format!("no record that you may see has the ID '{id}'")));
    };
    let page = render(&frame, place, &scope, &record, &tenant, Timestamp::now());
    Ok(Looked::event(&id).on(answer(page)))
}

fn render(
    frame: &Frame,
    place: Place,
    scope: &Scope,
    record: &Record,
    tenant: &str,
    now: Timestamp,
) -> Markup {
    let title = record.title();
    let pretty = serde_json::to_string_pretty(&record.whole).unwrap_or_default();
    let body = html! {
        main #main .record {
            p .trail { a href=(scope.href(place.path(), &[])) { (place.title()) } }
            div .heading {
                div {
                    h1 { (title) }
                    p .muted {
                        (words::time(record.created, now)) " " span .zone { "UTC" } " · "
                        (ago(record.created, now))
                    }
                }
                div .actions { (around(scope, record)) }
            }
            section .panel .part aria-label="Record" {
                dl {
                    @for (label, value) in read::columns(record.log) {
                        @let value = value(record);
                        @if !value.is_empty() {
                            dt { (label) }
                            dd { @if *label == "Status" { (status(&value)) } @else { (value) } }
                        }
                    }
                    dt { "ID" } dd { code { (record.id) } }
                    @if !tenant.is_empty() { dt { "Tenant ID" } dd { code { (tenant) } } }
                }
            }
            (changes(record))
            (fields(record))
            details .panel .original open {
                summary { "Original record" }
                pre { (pretty) }
            }
        }
    };
    shell::page(frame, &title, &body, &zone_switch(scope, &place.href(&record.id)))
}

/// Links to sign-ins near the record.
fn around(scope: &Scope, record: &Record) -> Markup {
    let at = record.created.micros;
    let near = scope.between(at.saturating_sub(AROUND_MICROS), at.saturating_add(AROUND_MICROS));
    let user = record.text(&[&["initiatedBy", "user", "id"], &["userId"]]);
    let correlation = record.text(&[&["correlationId"]]);
    html! {
        a .button href=(link::signins(&near, None, &[])) { "Sign-ins around this record ± 1 h" }
        @if !user.is_empty() {
            a .button href=(link::signins(&near, None, &[link::is("userId", &user)])) {
                "Sign-ins of the actor ± 1 h"
            }
        }
        @if !correlation.is_empty() {
            @let all = scope.at("all");
            a .button href=(link::signins(&all, None, &[link::is("correlationId", &correlation)])) {
                "Same correlation ID"
            }
        }
    }
}

/// What was changed: old and new values, of the record itself and of each target.
fn changes(record: &Record) -> Markup {
    let mut rows: Vec<(String, Value)> = Vec::new();
    let mut add = |target: &str, list: Option<Value>| {
        let list = list.as_ref().and_then(Value::as_array).cloned().unwrap_or_default();
        let left = FIELDS_MAX.saturating_sub(rows.len());
        rows.extend(list.into_iter().take(left).map(|change| (target.to_owned(), change)));
    };
    add("", Some(record.member(&["modifiedProperties"])));
    if let Value::Array(targets) = record.member(&["targetResources"]) {
        for target in &targets {
            let names = ["displayName", "userPrincipalName", "id"];
            let name = names.iter().filter_map(|name| member(target, name)).map(|n| plain(&n));
            let name = name.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
            add(&name, member(target, "modifiedProperties"));
        }
    }
    let value = |change: &Value, name: &str| plain(&member(change, name).unwrap_or_default());
    html! {
        @if !rows.is_empty() {
            section .panel .part aria-label="Modified properties" {
                h2 { "Modified properties" }
                div .scroll tabindex="0" role="region" aria-label="Modified properties" {
                    table .inner {
                        thead {
                            tr {
                                th scope="col" { "Target" }
                                th scope="col" { "Property" }
                                th scope="col" { "Old value" }
                                th scope="col" { "New value" }
                            }
                        }
                        tbody {
                            @for (target, change) in &rows {
                                tr {
                                    td { (target) }
                                    td { (value(change, "displayName")) }
                                    td { del { (value(change, "oldValue")) } }
                                    td { ins { (value(change, "newValue")) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// All values of a record with their paths.
fn fields(record: &Record) -> Markup {
    let mut all = Vec::new();
    flatten("", &record.whole, 0, &mut all);
    html! {
        @if !all.is_empty() {
            details .panel .original {
                summary { "Fields (" (all.len()) @if all.len() == FIELDS_MAX { " or more" } ")" }
                dl { @for (path, value) in &all { dt { (path) } dd { (value) } } }
            }
        }
    }
}

fn flatten(path: &str, value: &Value, depth: usize, out: &mut Vec<(String, String)>) {
    if out.len() >= FIELDS_MAX {
        return;
    }
    let below = |name: &str| match path {
        "" => name.to_owned(),
        path => format!("{path}/{name}"),
    };
    match value {
        Value::Object(members) if depth < DEPTH_MAX => {
            members.iter().for_each(|(name, value)| flatten(&below(name), value, depth + 1, out));
        }
        Value::Array(items) if depth < DEPTH_MAX => {
            for (number, item) in items.iter().enumerate() {
                flatten(&below(&number.to_string()), item, depth + 1, out);
            }
        }
        value => {
            let text = plain(value);
            if !text.is_empty() {
                out.push((path.to_owned(), text));
            }
        }
    }
}
