//! Two sign-ins side by side: only what differs, unless all is asked for.

use std::sync::Arc;

use axum::extract::{Extension, State as Shared};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use durward_journal::Action;
use durward_model::columns::{self, Column, Topic, text};
use durward_model::errors::Status;
use durward_model::time::DAY_MICROS;
use durward_model::{Event, FieldId, Kind, Log, Timestamp};
use durward_query::{Filter, ListRequest, Op, Order, Property, Reader, Value};
use maud::{Markup, html};

use crate::access::{Asking, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::openapi::Parameter;
use crate::params::Params;
use crate::routes::{Endpoint, endpoint, read_others};

use super::super::shell::{self, Frame};
use super::super::{answer, link, page_of};
use super::facts::Facts;
use super::{fields, href_with, story, title, verdict};

/// In place of the second identifier: the last success of the same user and application.
pub(in crate::page) const LAST_SUCCESS: &str = "last-success";

/// How far back a success is looked for.
const BACK_MICROS: i64 = 90 * DAY_MICROS;

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

/// Columns that say nothing of their own: parts of others, or different in any two records.
const SKIPPED: [&str; 6] = ["shape", "actor", "location", "count", "statusReason", "errorName"];

pub(super) fn endpoint_of() -> Endpoint {
    let parameters = [
        Parameter::query("a", "Request ID"),
        Parameter::query("b", "Another one, or last-success"),
        Parameter::query("equal", "true: also what is equal"),
        Parameter::query("tenant", "Only this tenant's"),
    ];
    let page = page_of("Two sign-ins side by side").parameters(&parameters);
    endpoint(Method::GET, "/compare", read_others(Action::Read), get(compare), page)
}

/// What is compared, or what is missing.
struct Sides {
    a: Option<Event>,
    b: Option<Event>,
    problem: Option<String>,
}

/// `GET /compare`
pub(crate) async fn compare(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&["a", "b", "equal", "tenant"])?;
    let with_equal = params.flag("equal")?;
    let text = |name: &str| params.get(name).map(str::to_owned);
    let (a, b, tenant) = (text("a"), text("b"), text("tenant"));
    let asked = (a.clone(), b.clone(), tenant.clone());
    let sides = app
        .ask(&caller, move |reader| {
            let (a, b, tenant) = asked;
            sides(reader, a.as_deref(), b.as_deref(), tenant.as_deref())
        })
        .await?;
    let form = (a.as_deref(), b.as_deref(), tenant.as_deref());
    let (status, content) = match (&sides.a, &sides.b) {
        (Some(a), Some(b)) => (StatusCode::OK, table(a, b, tenant.as_deref(), with_equal)),
        (found, _) => {
            // That there was no success is an answer; that there is no such event is none.
            let is_answer = found.is_some() && b.as_deref() == Some(LAST_SUCCESS);
            let status = match &sides.problem {
                Some(_) if !is_answer => StatusCode::NOT_FOUND,
                _ => StatusCode::OK,
            };
            (status, ask(form, sides.problem.as_deref()))
        }
    };
    let body = html! {
        main #main .compare {
            div .heading { h1 { "Compare two sign-ins" } }
            (content)
        }
    };
    let controls = html! { a #zone .button href="?" hidden data-local="false" { "UTC" } };
    let page = answer(shell::page(&frame, "Compare", &body, &controls));
    let shown: Vec<String> = [&sides.a, &sides.b].into_iter().flatten().map(id_of).collect();
    let looked = Looked {
        rows: Some(shown.len() as u64),
        target: (!shown.is_empty()).then(|| shown.join(" ")),
        ..Looked::default()
    };
    Ok(looked.on((status, page).into_response()))
}

fn id_of(event: &Event) -> String {
    event.cell(FieldId::Id).to_string()
}

fn sides(
    reader: &Reader,
    a: Option<&str>,
    b: Option<&str>,
    tenant: Option<&str>,
) -> Result<Sides, ApiError> {
    let find = |id: Option<&str>| -> Result<Option<Event>, ApiError> {
        Ok(id.map(|id| reader.get(tenant, id)).transpose()?.flatten())
    };
    let found_a = find(a)?;
    let found_b = match (b, &found_a) {
        (Some(LAST_SUCCESS), Some(event)) => last_success(reader, event)?,
        (Some(LAST_SUCCESS), None) => None,
        (id, _) => find(id)?,
    };
    let missing = |id: Option<&str>, found: &Option<Event>| {
        id.filter(|_| found.is_none()).map(|id| {
            let shown: String = id.chars().take(100).collect();
            match id {
                LAST_SUCCESS => "The same user and application have no success before it, within \
                                 90 days."
                    .to_owned(),
                _ => format!("There is no sign-in {shown} that you may see."),
            }
        })
    };
    let problems = [missing(a, &found_a), missing(b, &found_b)];
    // Without the first the last success of its user is nobody's.
    let known = problems
        .into_iter()
        .flatten()
        .filter(|text| found_a.is_some() || !text.starts_with("The same user"));
    let problem = known.collect::<Vec<_>>().join(" ");
    let problem = (!problem.is_empty()).then_some(problem);
    Ok(Sides { a: found_a, b: found_b, problem })
}

/// The last success of the same user and application before an event.
fn last_success(reader: &Reader, event: &Event) -> Result<Option<Event>, ApiError> {
    let created = event.row().created;
    let same = |field: FieldId| {
        let value = event.cell(field).to_string();
        (!value.is_empty()).then(|| Filter::field(field, Op::Eq(Value::Text(value))))
    };
    let who = match event.row().log {
        Log::ServicePrincipal | Log::ManagedIdentity => same(FieldId::ServicePrincipalId),
        _ => same(FieldId::UserId).or_else(|| same(FieldId::UserPrincipalName)),
    };
    let Some(who) = who else { return Ok(None) };
    let success = Op::Eq(Value::Text(Status::Success.name().to_owned()));
    let from = Timestamp::from_micros(created.micros - BACK_MICROS);
    let mut filter =
        who.and(Filter::test(Property::Status, success)).and(Filter::between(from, created));
    for field in [FieldId::TenantId, FieldId::AppId] {
        filter = filter.and(same(field).unwrap_or(Filter::All));
    }
    let request = ListRequest {
        filter,
        logs: Log::SIGN_INS.to_vec(),
        order: Order::NewestFirst,
        limit: 1,
        after: None,
    };
    Ok(reader.events(&reader.list(&request)?.rows)?.pop())
}

/// The form, and what was wrong with what was asked.
fn ask(
    (a, b, tenant): (Option<&str>, Option<&str>, Option<&str>),
    problem: Option<&str>,
) -> Markup {
    let b_text = b.filter(|b| *b != LAST_SUCCESS).unwrap_or_default();
    html! {
        @if let Some(problem) = problem { p .problem role="alert" { (problem) } }
        section .panel .ask {
            p .muted {
                "Paste two request IDs. Rows of a list lead here too: choose two, then press =."
            }
            form action="/compare" method="get" {
                @if let Some(tenant) = tenant { input type="hidden" name="tenant" value=(tenant); }
                label { "First request ID"
                    input name="a" value=(a.unwrap_or_default()) required autocomplete="off"
                        spellcheck="false";
                }
                label { "Second request ID"
                    input name="b" value=(b_text) required autocomplete="off" spellcheck="false";
                }
                div .choices {
                    button .button .primary type="submit" { "Compare" }
                }
            }
        }
    }
}

/// One row: label, both values, and whether they are equal.
struct Row {
    label: String,
    a: String,
    b: String,
}

impl Row {
    fn is_equal(&self) -> bool {
        self.a == self.b
    }
}

fn table(a: &Event, b: &Event, tenant: Option<&str>, with_equal: bool) -> Markup {
    let groups: Vec<(Topic, Vec<Row>)> =
        TOPICS.into_iter().map(|topic| (topic, rows(topic, a, b))).collect();
    let all: usize = groups.iter().map(|(_, rows)| rows.len()).sum();
    let equal = groups.iter().flat_map(|(_, rows)| rows).filter(|row| row.is_equal()).count();
    let (a_id, b_id) = (id_of(a), id_of(b));
    let pairs = [("a", a_id.as_str()), ("b", b_id.as_str())].into_iter();
    let pairs = pairs.chain(tenant.map(|tenant| ("tenant", tenant)));
    let other = (!with_equal).then_some(("equal", "true"));
    let switch = href_with("/compare".to_owned(), pairs.chain(other));
    html! {
        p .compare-switch {
            b { (all - equal) } " differ, " (equal) " are equal. "
            a .button href=(switch) aria-current=[with_equal.then_some("true")] {
                @if with_equal { "Show only what differs" } @else { "Show equal ones too" }
            }
        }
        section .panel .scroll tabindex="0" role="region" aria-label="Comparison" {
            table .list .comparison .with-equal[with_equal] {
                thead {
                    tr {
                        th scope="col" { span .visually-hidden { "Field" } }
                        th scope="col" { (head(a, &a_id)) }
                        th scope="col" { (head(b, &b_id)) }
                    }
                }
                @for (topic, rows) in &groups {
                    @if rows.iter().any(|row| with_equal || !row.is_equal()) {
                        tbody {
                            tr { th colspan="3" scope="rowgroup" { (topic.label()) } }
                            @for row in rows {
                                @if with_equal || !row.is_equal() { (row_markup(row)) }
                            }
                        }
                    }
                }
            }
        }
        @if all == equal { p .absent { "Not one field differs." } }
    }
}

fn head(event: &Event, id: &str) -> Markup {
    let facts = Facts::of(event);
    let whole = event.row().created.to_rfc3339();
    html! {
        a href=(link::event(id)) { (title(&facts)) }
        div .muted { time datetime=(whole) title=(whole) { (fields::long_time(&whole)) } }
        div .side-verdict { (verdict::headline(facts.status, &story::told(&facts))) }
    }
}

fn row_markup(row: &Row) -> Markup {
    let shown = |text: &str| if text.is_empty() { "–".to_owned() } else { text.to_owned() };
    html! {
        tr .differs[!row.is_equal()] {
            th scope="row" { (row.label) }
            td { (shown(&row.a)) }
            td { (shown(&row.b)) }
        }
    }
}

/// What there is to compare of a topic; what neither has is left out.
fn rows(topic: Topic, a: &Event, b: &Event) -> Vec<Row> {
    let of_topic = columns::all()
        .iter()
        .filter(|column| column.topic == topic && !SKIPPED.contains(&column.name));
    let mut rows = Vec::new();
    for column in of_topic {
        match column.kind {
            Kind::ObjectList => rows.extend(list_rows(column, a, b)),
            _ => rows.push(Row {
                label: column.label.to_owned(),
                a: plain(column, a),
                b: plain(column, b),
            }),
        }
    }
    rows.retain(|row| !row.a.is_empty() || !row.b.is_empty());
    rows
}

fn plain(column: &Column, event: &Event) -> String {
    match column.kind {
        Kind::Bool | Kind::Enum(_) => text::short(column, event),
        _ => match text::complete(column, event).as_ref() {
            "[]" | "{}" | "null" => String::new(),
            text => text.to_owned(),
        },
    }
}

/// A list of objects, one row for each thing in it: policies by name, steps and others by number.
fn list_rows(column: &Column, a: &Event, b: &Event) -> Vec<Row> {
    let (a, b) = (items(column, a), items(column, b));
    let mut names: Vec<&String> = Vec::new();
    for (name, _) in a.iter().chain(&b) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let text = |all: &[(String, String)], name: &String| {
        let found = all.iter().find(|(other, _)| other == name);
        found.map(|(_, text)| text.clone()).unwrap_or_default()
    };
    let row = |name: &&String| Row {
        label: format!("{}: {name}", column.label),
        a: text(&a, name),
        b: text(&b, name),
    };
    names.iter().map(row).collect()
}

/// Names and texts of the things in a list.
fn items(column: &Column, event: &Event) -> Vec<(String, String)> {
    let facts = Facts::of(event);
    match column.name {
        "appliedConditionalAccessPolicies" => {
            let policies = facts.policies.iter().flatten();
            policies.map(|policy| (policy.name.clone(), policy.result.clone())).collect()
        }
        "authenticationDetails" => {
            let line = |(index, step): (usize, &super::facts::Step)| {
                let became = match step.succeeded {
                    Some(true) => "succeeded",
                    Some(false) => "failed",
                    None => "",
                };
                let parts = [step.method.as_str(), became, step.result.as_str()];
                let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
                (format!("step {}", index + 1), parts.join(" · "))
            };
            facts.steps.iter().enumerate().map(line).collect()
        }
        "authenticationProcessingDetails" => {
            let text = |item: &serde_json::Value, name: &str| {
                item[name].as_str().unwrap_or_default().to_owned()
            };
            let list = facts.list(column.name).iter();
            list.map(|item| (text(item, "key"), text(item, "value"))).collect()
        }
        _ => {
            let flat = super::revision::flatten(facts.at(column.name));
            flat.into_iter().collect()
        }
    }
}
