//! Parts of the page of one finding.

use durward_detect::alerts::Similar;
use durward_detect::detection::{Parameter, Unit};
use durward_detect::risk::{Origin, RiskDetection};
use durward_detect::{About, Finding, Settings, SubjectKind};
use durward_model::errors::Status;
use durward_model::time::HOUR_MICROS;
use durward_model::{Event, FieldId, Timestamp, graph};
use durward_query::Mask;
use maud::{Markup, html};

use crate::page::scope::Scope;
use crate::page::state::grouped;
use crate::page::{link, words};
use crate::risk::RiskSight;

use crate::page::risk::detections::{place, source};
use crate::page::risk::list::Asked;
use crate::page::risk::{labels, link_of, shown};

/// Sizes of the strip, in units of the drawing.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 44.0;
const MARGIN: f64 = 12.0;

/// The explorer with everything that whom a finding is about did, from an hour before it to an
/// hour after it.
pub(super) fn all_sign_ins(finding: &Finding, id: &str) -> String {
    let (first, last) = (finding.first_micros - HOUR_MICROS, finding.last_micros + HOUR_MICROS);
    let term = match finding.subject.kind {
        SubjectKind::User if id.contains('@') => Some(link::is("userPrincipalName", id)),
        SubjectKind::User => Some(link::is("userId", id)),
        SubjectKind::Workload | SubjectKind::Agent => Some(link::is("servicePrincipalId", id)),
        SubjectKind::Address => Some(link::is("ipAddress", id)),
        SubjectKind::Tenant => None,
    };
    let scope = Scope { tenant: Some(finding.tenant.clone()), ..Scope::default() };
    link::signins(&scope.between(first, last), None, term.as_slice())
}

/// The sign-ins along time.
pub(super) fn strip(finding: &Finding, events: &[Event]) -> Markup {
    let (first, last) = (finding.first_micros, finding.last_micros);
    let x = |micros: i64| {
        let part = (micros - first) as f64 / (last - first).max(1) as f64;
        MARGIN + part.clamp(0.0, 1.0) * (WIDTH - 2.0 * MARGIN)
    };
    let found = finding.found_micros;
    html! {
        svg .strip-of-time viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="group"
            aria-label="The sign-ins along time" {
            line .axis x1="0" x2=(WIDTH) y1=(HEIGHT / 2.0) y2=(HEIGHT / 2.0) {}
            @if found > first && found < last {
                line .known x1=(format!("{:.1}", x(found))) x2=(format!("{:.1}", x(found)))
                    y1="2" y2=(HEIGHT - 2.0) {
                    title { "Could be known from here on" }
                }
            }
            @for event in events {
                @let row = event.row();
                @let is_risky = finding.risky.contains(&row.id);
                @let status = graph::status(event);
                @let part = if is_risky { "the attacker’s" } else { "compared with" };
                @let status_name = status.map_or("", Status::name);
                @let label = format!("{} · {status_name} · {part}", row.created.to_rfc3339());
                a href=(link::event(&event.cell(FieldId::Id).to_string())) aria-label=(label) {
                    circle .risky[is_risky] .failed[status == Some(Status::Failure)]
                        cx=(format!("{:.1}", x(row.created.micros))) cy=(HEIGHT / 2.0)
                        r=(if is_risky { 8 } else { 6 }) { title { (label) } }
                }
            }
        }
        p .strip-key .muted .small {
            span { i .risky {} " the attacker’s" }
            span { i {} " compared with" }
            span { i .risky .failed {} " failed" }
            @if found > first && found < last { span { i .known {} " could be known" } }
        }
    }
}

/// The sign-ins in words.
pub(super) fn table(finding: &Finding, events: &[Event], now: Timestamp) -> Markup {
    html! {
        div .scroll tabindex="0" role="group" aria-label="Sign-ins of the evidence" {
            table .list {
                thead {
                    tr {
                        th scope="col" { "Date (" span .zone { "UTC" } ")" }
                        @for name in ["Part", "Actor", "Application", "Status", "Result",
                            "IP address", "Location", "Client app"] {
                            th scope="col" { (name) }
                        }
                    }
                }
                tbody { @for event in events { (row(finding, event, now)) } }
            }
        }
    }
}

fn row(finding: &Finding, event: &Event, now: Timestamp) -> Markup {
    let text = |field: FieldId| event.cell(field).to_string();
    let (id, ip) = (text(FieldId::Id), text(FieldId::IpAddress));
    let clip = |text: String| html! { span .clip title=(text) { (text) } };
    let target = match text(FieldId::AppDisplayName) {
        empty if empty.is_empty() => text(FieldId::ResourceDisplayName),
        name => name,
    };
    let status = graph::status(event);
    let reason = match status {
        Some(Status::Success) => String::new(),
        _ => graph::status_reason(event).unwrap_or_default().to_owned(),
    };
    html! {
        tr .row data-id=(id) {
            td { a href=(link::event(&id)) { (words::time(event.row().created, now)) } }
            td {
                @if finding.risky.contains(&event.row().id) { b .part-risky { "◉ Attacker’s" } }
                @else { span .muted { "Compared with" } }
            }
            td { (clip(shown(event, "actor"))) }
            td { (clip(target)) }
            td { @if let Some(status) = status { (words::pill(status)) } }
            td { (clip(reason)) }
            td .mono { @if !ip.is_empty() { a href=(link::ip(&ip)) { (ip) } } }
            td { (clip(shown(event, "location"))) }
            td { (clip(text(FieldId::ClientAppUsed))) }
        }
    }
}

/// What speaks against it: in this case, and in general.
pub(super) fn against(finding: &Finding, about: Option<&About>, is_clear: bool) -> Markup {
    let general = about.map_or(&[][..], |about| about.against);
    let own = if is_clear { finding.against.as_slice() } else { &[] };
    html! {
        @if !own.is_empty() || !general.is_empty() {
            section .panel .part aria-label="What speaks against it" {
                h2 { "What speaks against it" }
                @if own.is_empty() { p .muted { "Nothing in this case that durward knows of." } }
                @else { ul .here { @for one in own { li { (one) } } } }
                @if !general.is_empty() {
                    h3 { "Such findings are no attack when" }
                    ul { @for one in general { li { (labels::marked(one)) } } }
                }
            }
        }
    }
}

/// What to do next, to be ticked off.
pub(super) fn response(about: &About) -> Markup {
    html! {
        @if !about.response.is_empty() {
            section .panel .part aria-label="What to do next" {
                h2 { "What to do next" }
                ul .next-steps {
                    @for step in about.response {
                        li { label { input type="checkbox"; span { (labels::marked(step)) } } }
                    }
                }
            }
        }
    }
}

/// What became of alerts like this one.
pub(super) fn past(similar: Option<Similar>) -> Markup {
    html! {
        @if let Some(Similar { true_positives, dismissed }) = similar {
            section .panel .part aria-label="Similar past findings" {
                h2 { "Similar past findings" }
                @if true_positives + dismissed == 0 {
                    p .muted { "No alert of this detection was closed yet." }
                } @else {
                    p { b { (grouped(true_positives)) } " true, " b { (grouped(dismissed)) }
                        " dismissed." }
                }
            }
        }
    }
}

/// How the detection decides, and by which numbers here.
pub(super) fn method(about: &'static About, settings: &Settings) -> Markup {
    let values = settings.values(about);
    html! {
        section .panel .part aria-label="How it decides" {
            h2 { "How it decides" }
            p { (labels::marked(about.summary)) }
            div .two-columns {
                ol { @for step in about.method { li { (labels::marked(step)) } } }
                @if !about.parameters.is_empty() {
                    table .facts-table {
                        caption .visually-hidden { "Parameters as they are here" }
                        @for parameter in about.parameters {
                            (value(parameter, values.number(parameter.name)))
                        }
                    }
                }
            }
            @if !about.learning.is_empty() {
                p .muted { "Learning: " (labels::marked(about.learning)) }
            }
            @if !about.tuning.is_empty() { p .muted { "Tuning: " (labels::marked(about.tuning)) } }
        }
    }
}

fn value(parameter: &Parameter, value: f64) -> Markup {
    let unit = |number: f64| match parameter.unit {
        Unit::Count => number.to_string(),
        unit => format!("{number} {}", unit.name()),
    };
    html! {
        tr {
            th scope="row" { code { (parameter.name) } br; span .muted { (parameter.meaning) } }
            td {
                b { (unit(value)) }
                @if (value - parameter.default).abs() > f64::EPSILON {
                    " " span .muted { "(usually " (unit(parameter.default)) ")" }
                }
            }
        }
    }
}

/// The page of a risk detection that the source tells of, or an administrator.
pub(super) fn detection(
    sight: &RiskSight,
    asked: &Asked,
    one: &RiskDetection,
    mask: Mask,
) -> Markup {
    let who = sight.show(&one.subject, &one.name, &one.subject_facts.display_name, mask);
    let time = |micros| words::time(Timestamp::from_micros(micros), asked.now);
    let facts = &one.facts;
    let title = labels::event_type(&one.event_type);
    // What is told besides names people and addresses.
    let info = super::is_clear(mask).then(|| additional(&facts.additional_info));
    let rows: Vec<(&str, Markup)> = vec![
        ("About", link_of(one.subject.kind, &who.id, &who.display_name)),
        ("Risk state", labels::state(one.state)),
        ("Risk detail", html! { (labels::detail(&one.detail)) }),
        ("Source", html! { (source(one.origin)) }),
        ("Detection timing", html! { (labels::timing(&one.timing)) }),
        ("Activity", time(one.activity_micros)),
        ("Detected", time(one.detected_micros)),
        ("Last updated", time(one.updated_micros)),
        ("IP address", html! { (sight.show_address(&facts.address, mask)) }),
        ("Location", html! { (place(&facts.location, mask)) }),
        (
            "Sign-in",
            html! {
                @if !facts.request_id.is_empty() {
                    a href=(link::event(&facts.request_id)) { (facts.request_id) }
                }
            },
        ),
        ("Attack type", html! { (facts.techniques) }),
    ];
    html! {
        p .trail { a href=(asked.scope.href("/protection/detections", &[])) { "Risk detections" }
            " / " (title) }
        div .heading { h1 { (title) " " (labels::level(one.level)) } }
        p .summary {
            @match one.origin {
                Origin::Administrator => "An administrator confirmed it.",
                Origin::Finding => "It is a part of a finding that is about more than you may see.",
                Origin::Source => "The source of the log found it; its evidence is not in the log.",
            }
        }
        section .panel .part aria-label="Details" {
            h2 { "Details" }
            dl .facts {
                @for (name, value) in &rows {
                    @if !value.0.is_empty() { dt { (name) } dd { (value) } }
                }
                @for (name, value) in info.unwrap_or_default() { dt { (name) } dd { (value) } }
            }
        }
    }
}

/// Graph's list of keys and values as facts.
fn additional(json: &str) -> Vec<(String, String)> {
    let items: Vec<serde_json::Value> = serde_json::from_str(json).unwrap_or_default();
    let fact = |item: &serde_json::Value| {
        let value = match &item["Value"] {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Null => return None,
            other => other.to_string(),
        };
        Some((item["Key"].as_str()?.to_owned(), value))
    };
    items.iter().filter_map(fact).take(30).collect()
}
