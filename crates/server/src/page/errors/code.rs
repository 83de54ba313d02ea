//! The page of one error code.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Extension, Path, State as Shared};
use axum::http::Uri;
use axum::response::Response;
use durward_model::errors::{self, Category, ErrorCode, Status};
use durward_model::{Event, FieldId, Log, Timestamp};
use durward_query::aggregate::{AggregateRequest, Dimension, DimensionValue, ResultOrder};
use durward_query::{Filter, ListRequest, Op, Order, Reader, Value};
use maud::{Markup, html};

use crate::access::{Asking, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::params::Params;

use super::super::charts::{self, Series, Shape, TimeChart};
use super::super::scope::{self, Scope};
use super::super::shell::{self, Frame};
use super::super::state::grouped;
use super::super::{answer, link, words};
use super::{Met, RANGE, events_of, label, met, seen};

/// Bars of the chart at most.
const BARS_MAX: i64 = 60;
/// Values of a list.
const TOP: usize = 8;
/// Newest sign-ins whose policies are read.
const READ_MAX: usize = 500;
/// Related codes shown.
const RELATED_MAX: usize = 8;

/// Lists of values: the field, what they are called, where a value leads.
type Facet = (FieldId, &'static str, Option<fn(&str) -> String>);
const FACETS: [Facet; 6] = [
    (FieldId::UserPrincipalName, "Users", Some(link::user)),
    (FieldId::ServicePrincipalName, "Service principals", None),
    (FieldId::AppDisplayName, "Applications", Some(link::app)),
    (FieldId::ClientAppUsed, "Client apps", None),
    (FieldId::CountryOrRegion, "Countries", None),
    (FieldId::IpAddress, "IP addresses", Some(link::ip)),
];

/// Values with counts, the most frequent first.
struct Top {
    field: FieldId,
    title: &'static str,
    leads: Option<fn(&str) -> String>,
    values: Vec<(String, u64)>,
    distinct: u64,
}

/// How a code is met here.
struct Here {
    met: Met,
    chart: Option<TimeChart>,
    tops: Vec<Top>,
    /// Policies that failed in the newest of these sign-ins.
    policies: Vec<(String, u64)>,
    /// How many sign-ins the policies are from.
    read: usize,
    /// What the records themselves give as the reason.
    reasons: Vec<(String, u64)>,
    /// How often other codes are met.
    others: HashMap<i64, Met>,
}

/// `GET /errors/{code}`
pub(super) async fn page(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    Path(text): Path<String>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&scope::PARAMS)?;
    let scope = Scope::parse(&params, RANGE)?;
    let Some(code) = errors::code_in(&text) else {
        let message = format!("'{text}' is no error code; they look like 50126 or AADSTS50126");
        return Err(ApiError::not_found(message));
    };
    let now = Timestamp::now();
    let asked = scope.clone();
    let here = app.ask(&caller, move |reader| look(reader, &asked, code, now)).await?;
    Ok(Looked::rows(here.tops.len()).on(answer(render(&frame, &scope, code, &here, now))))
}

fn look(reader: &Reader, scope: &Scope, code: i64, now: Timestamp) -> Result<Here, ApiError> {
    let filter = scope.filter(now).and(Filter::field(FieldId::ErrorCode, Op::Eq(Value::Int(code))));
    let others = met(reader, scope.filter(now))?;
    let mut tops = Vec::new();
    for (field, title, leads) in FACETS {
        let facet = reader.facet(field, &filter, &Log::SIGN_INS, TOP, None)?;
        let count = |(value, by_status): (String, [u64; 3])| (value, by_status.iter().sum());
        let values: Vec<(String, u64)> = facet.values.into_iter().map(count).collect();
        if !values.is_empty() {
            tops.push(Top { field, title, leads, values, distinct: facet.distinct });
        }
    }
    let reasons = reader.facet(FieldId::FailureReason, &filter, &Log::SIGN_INS, 3, None)?;
    let reasons = reasons.values.into_iter().map(|(text, counts)| (text, counts.iter().sum()));
    let request = ListRequest {
        filter: filter.clone(),
        logs: Log::SIGN_INS.to_vec(),
        order: Order::NewestFirst,
        limit: READ_MAX,
        after: None,
    };
    let is_about_policies = errors::lookup(code).is_some_and(|entry| {
        matches!(entry.category, Category::ConditionalAccess | Category::Mfa | Category::Device)
    });
    let newest = match is_about_policies {
        true => reader.events(&reader.list(&request)?.rows)?,
        false => Vec::new(),
    };
    Ok(Here {
        met: others.get(&code).copied().unwrap_or_default(),
        chart: chart(reader, scope, &filter, code, now)?,
        tops,
        policies: failed_policies(&newest),
        read: newest.len(),
        reasons: reasons.collect(),
        others,
    })
}

fn failed_policies(events: &[Event]) -> Vec<(String, u64)> {
    let mut counted: HashMap<String, u64> = HashMap::new();
    for event in events {
        let policies = event.cell(FieldId::AppliedConditionalAccessPolicies);
        let Some(text) = policies.as_text() else { continue };
        let policies: Vec<serde_json::Value> = serde_json::from_str(text).unwrap_or_default();
        let failed = policies.iter().filter(|policy| policy["result"].as_str() == Some("failure"));
        for name in failed.filter_map(|policy| policy["displayName"].as_str()) {
            *counted.entry(name.to_owned()).or_default() += 1;
        }
    }
    let mut counted: Vec<(String, u64)> = counted.into_iter().collect();
    counted.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counted.truncate(TOP);
    counted
}

fn chart(
    reader: &Reader,
    scope: &Scope,
    filter: &Filter,
    code: i64,
    now: Timestamp,
) -> Result<Option<TimeChart>, ApiError> {
    let Some(bounds) = reader.bounds(&Log::SIGN_INS)? else { return Ok(None) };
    let (from, to) = scope.ends(now, Some(bounds));
    let (bin_micros, _) = charts::bin_of((to - from).max(1), BARS_MAX);
    let first = from.div_euclid(bin_micros);
    let bins = (to.div_euclid(bin_micros) - first + 1).clamp(1, BARS_MAX + 1);
    let mut values = vec![0; usize::try_from(bins).unwrap_or(1)];
    let request = AggregateRequest {
        filter: filter.clone(),
        logs: Log::SIGN_INS.to_vec(),
        by: vec![Dimension::Span(bin_micros)],
        order: ResultOrder::Keys,
        limit: usize::MAX,
        ..AggregateRequest::default()
    };
    for row in reader.aggregate(&request)? {
        let Some(DimensionValue::Time(time)) = row.keys.first() else { continue };
        let bin = usize::try_from(time.micros.div_euclid(bin_micros) - first).unwrap_or(0);
        let last = values.len() - 1;
        values[bin.min(last)] += row.count();
    }
    let status = errors::status_of(Some(code));
    Ok(Some(TimeChart {
        id: "trend",
        title: format!("Sign-ins with {code}, {}", scope.label().to_lowercase()),
        shape: Shape::Bars,
        first_micros: first * bin_micros,
        bin_micros,
        series: vec![Series {
            name: "Sign-ins".to_owned(),
            class: words::status_class(status),
            values,
        }],
    }))
}

fn render(frame: &Frame, scope: &Scope, code: i64, here: &Here, now: Timestamp) -> Markup {
    let known = errors::lookup(code);
    let title = match known {
        Some(entry) if !entry.name.is_empty() => format!("{code} {}", entry.name),
        _ => format!("Error {code}"),
    };
    let path = link::error(code);
    let body = html! {
        main #main .error-code {
            p .trail { a href=(scope.href("/errors", &[])) { "Error codes" } " / " (code) }
            div .heading {
                h1 { (title) }
                div .actions {
                    a .button href=(events_of(scope, code)) { "Show the sign-ins" }
                }
            }
            (meaning(code, known, here))
            section .panel .part aria-label="How often here" {
                h2 {
                    (grouped(here.met.events))
                    (if here.met.events == 1 { " sign-in" } else { " sign-ins" })
                    " here, " (scope.label().to_lowercase())
                    @if here.met.users > 0 {
                        span .muted { " · " (grouped(here.met.users)) " users" }
                    }
                }
                @if here.met.events == 0 {
                    p .muted {
                        "Not met in this range."
                        @if scope.range != "all" {
                            " " a href=(scope.at("all").href(&path, &[])) { "Look at all time" }
                        }
                    }
                } @else if let Some(chart) = &here.chart {
                    (chart.render(scope, &|scope| events_of(scope, code)))
                }
            }
            @if here.met.events > 0 { (tops(scope, code, here)) }
            (related(scope, known, &here.others))
        }
    };
    let controls = shell::controls(scope, now, &|scope| scope.href(&path, &[]));
    shell::page(frame, &title, &body, &controls)
}

fn meaning(code: i64, known: Option<&ErrorCode>, here: &Here) -> Markup {
    let status = errors::status_of(Some(code));
    html! {
        section .panel .part aria-label="Meaning" {
            @match known {
                Some(entry) => p .reason { (entry.reason) "." },
                None => p .reason {
                    "This code is not in durward's table. Sign-ins with it count as "
                    (Status::Failure.name()) "."
                }
            }
            dl {
                dt { "Status" } dd { (words::pill(status)) }
                @if let Some(entry) = known {
                    dt { "Category" }
                    dd {
                        a href={ "/errors?category=" (entry.category.name()) } {
                            (label(entry.category))
                        }
                        span .muted { " " (entry.category.summary()) }
                    }
                    dt { "The user sees" } dd { (seen::by_user(entry)) }
                    dt { "What to do" } dd { (entry.remedy()) }
                }
                @if !here.reasons.is_empty() {
                    dt { "The log says" }
                    dd { @for (reason, _) in &here.reasons { div { "“" (reason) "”" } } }
                }
            }
        }
    }
}

fn tops(scope: &Scope, code: i64, here: &Here) -> Markup {
    let term = link::is("status/errorCode", &code.to_string());
    html! {
        div .tops {
            @for top in &here.tops {
                @let name = top.field.field().name;
                section .panel .part aria-label=(top.title) {
                    h2 { (top.title) " " span .muted { (grouped(top.distinct)) } }
                    ul .plain {
                        @for (value, count) in &top.values {
                            li {
                                @let terms = [term.clone(), link::is(name, value)];
                                span .clip title=(value) {
                                    @match top.leads {
                                        Some(leads) => a href=(leads(value)) { (value) },
                                        None => (value),
                                    }
                                }
                                (meter(*count, here.met.events))
                                a .number href=(link::signins(scope, None, &terms)) {
                                    (grouped(*count))
                                }
                            }
                        }
                    }
                }
            }
            @if !here.policies.is_empty() {
                section .panel .part aria-label="Policies" {
                    h2 { "Policies that were not met" }
                    ul .plain {
                        @for (policy, count) in &here.policies {
                            li {
                                span .clip title=(policy) { (policy) }
                                (meter(*count, here.read as u64))
                                span .number { (grouped(*count)) }
                            }
                        }
                    }
                    @if (here.read as u64) < here.met.events {
                        p .muted .small {
                            "In the newest " (grouped(here.read as u64)) " sign-ins."
                        }
                    }
                }
            }
        }
    }
}

/// A share as a bar; its number stands beside it.
fn meter(count: u64, of: u64) -> Markup {
    html! { meter min="0" max=(of.max(1)) value=(count) aria-hidden="true" {} }
}

/// Codes of the same category: those met here first, then those with the nearest numbers.
fn related(scope: &Scope, known: Option<&ErrorCode>, others: &HashMap<i64, Met>) -> Markup {
    let Some(entry) = known else { return html! {} };
    let mut same: Vec<&ErrorCode> = errors::search("", Some(entry.category));
    same.retain(|other| other.code != entry.code);
    same.sort_by_key(|other| {
        let events = others.get(&other.code).map_or(0, |met| met.events);
        (std::cmp::Reverse(events), (other.code - entry.code).abs())
    });
    same.truncate(RELATED_MAX);
    html! {
        @if !same.is_empty() {
            section .panel .part aria-label="Related codes" {
                h2 { "Related codes" }
                ul .plain .kin {
                    @for other in &same {
                        li {
                            a href=(scope.href(&link::error(other.code), &[])) { (other.code) }
                            " " (other.reason)
                            @if let Some(met) = others.get(&other.code) {
                                span .muted { " · " (grouped(met.events)) " here" }
                            }
                        }
                    }
                }
            }
        }
    }
}
