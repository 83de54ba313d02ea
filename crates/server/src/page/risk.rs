//! ID Protection: who and what is at risk, what was found, and decisions about it.
//!
//! All pages ask for the right to read risk, and show what [`crate::risk::RiskSight`] lets
//! through: subjects within the caller's reach, by pseudonym where names are masked. Sentences and
//! facts of findings name people and addresses, so under a mask they are left out.

mod act;
mod dashboard;
mod detections;
mod evidence;
mod labels;
mod list;
pub(super) mod marks;
mod sign_ins;
mod subject;
mod subjects;
pub(super) mod travel;

use axum::http::{Method, StatusCode};
use axum::routing::{get, post};
use durward_access::Right;
use durward_detect::SubjectKind;
use durward_detect::risk::DecisionRecord;
use durward_journal::Action;
use durward_model::columns::{self, text};
use durward_model::{Event, Timestamp};
use maud::{Markup, html};

use crate::openapi::Parameter;
use crate::routes::{Endpoint, endpoint, right};

use super::{link, page_of, scope_parameters, words};

const READ: &[Right] = &[Right::ReadRisk];
const DECIDE: &[Right] = &[Right::DecideUserRisk, Right::DecideWorkloadRisk];
const FORM: &str = "application/x-www-form-urlencoded";

pub(super) fn endpoints() -> Vec<Endpoint> {
    let listed = |what: &'static str, more: &[(&'static str, &'static str)]| {
        let own = more.iter().map(|(name, what)| Parameter::query(name, what));
        let after = Parameter::query("after", "Where the page before this one ended");
        let all: Vec<Parameter> = own.chain([after]).collect();
        page_of(what).parameters(&scope_parameters()).parameters(&all)
    };
    let state = ("state", "Only in this risk state");
    let level = ("level", "Only of this risk level: low, medium or high");
    let text = ("q", "Part of a name or identifier");
    let agents = ("kind", "agent: agents instead of service principals");
    let kinds = ("kind", "workload, agent, network or all; users unless given");
    let found = ("detection", "Only of this detection, or type of risk");
    let source = ("source", "finding (local rule), source (Microsoft) or administrator");
    let list = right(READ, Action::List);
    let one = right(READ, Action::Read);
    let id = [Parameter::path("id", "Object identifier")];
    let finding = [Parameter::path("id", "Identifier of a finding or risk detection")];
    let ask = [
        Parameter::query("kind", "user, workload, agent or signIn"),
        Parameter::query("decision", "confirmCompromised, confirmSafe or dismiss"),
        Parameter::query("id", "Whom or what about; as often as needed"),
        Parameter::query("back", "The page to return to"),
    ];
    let front = page_of("ID Protection").parameters(&scope_parameters());
    vec![
        endpoint(
            Method::GET,
            "/protection",
            right(READ, Action::Count),
            get(dashboard::page),
            front,
        ),
        endpoint(
            Method::GET,
            "/protection/users",
            list,
            get(subjects::users),
            listed("Risky users", &[state, level, text]),
        ),
        endpoint(
            Method::GET,
            "/protection/users/{id}",
            one,
            get(subject::user),
            page_of("The risk of one user").parameters(&id),
        ),
        endpoint(
            Method::GET,
            "/protection/workloads",
            list,
            get(subjects::workloads),
            listed("Risky workload identities", &[agents, state, level, text]),
        ),
        endpoint(
            Method::GET,
            "/protection/workloads/{id}",
            one,
            get(subject::workload),
            page_of("The risk of one workload identity or agent").parameters(&id),
        ),
        endpoint(
            Method::GET,
            "/protection/sign-ins",
            list,
            get(sign_ins::page),
            listed("Risky sign-ins", &[state, level]),
        ),
        endpoint(
            Method::GET,
            "/protection/detections",
            list,
            get(detections::page),
            listed("Risk detections", &[kinds, found, state, level, source]),
        ),
        endpoint(
            Method::GET,
            "/protection/detections/{id}",
            one,
            get(evidence::page),
            page_of("One finding and its evidence").parameters(&finding),
        ),
        endpoint(
            Method::GET,
            "/protection/decide",
            right(DECIDE, Action::Read),
            get(act::confirm),
            page_of("Asks whether a decision is meant").parameters(&ask),
        ),
        endpoint(
            Method::POST,
            "/protection/decide",
            right(DECIDE, Action::Change),
            post(act::decide),
            page_of("Decides about risk").body(FORM, "Any").status(StatusCode::SEE_OTHER),
        ),
    ]
}

/// The value of a column, as a list shows it.
fn shown(event: &Event, column: &str) -> String {
    columns::by_name(column).map(|column| text::short(column, event)).unwrap_or_default()
}

/// The name of whom something is about, leading to its risk, or to its own page.
fn link_of(kind: SubjectKind, id: &str, name: &str) -> Markup {
    let name = if name.is_empty() { id } else { name };
    let href = match kind {
        kind if dashboard::has_page(kind) => Some(link::risky(kind, id)),
        SubjectKind::Address => Some(link::ip(id)),
        _ => None,
    };
    html! {
        @if let Some(href) = href { a .clip href=(href) title=(name) { (name) } }
        @else { span .clip title=(id) { (name) } }
    }
}

/// A decision in words: what, by whom, when and why.
fn decision(one: &DecisionRecord, kind: SubjectKind, now: Timestamp) -> Markup {
    let kind = if one.event.is_some() { act::SIGN_IN } else { kind.name() };
    html! {
        b { (act::label(one.decision, kind)) }
        @if let Some(event) = one.event {
            " " a href=(link::event(&event.to_string())) { "this sign-in" }
        }
        " by " (one.by.1) " "
        span .muted { (words::time(Timestamp::from_micros(one.at_micros), now)) }
        p .muted {
            (labels::state_name(one.before.state)) " (" (one.before.level.name()) ") → "
            (labels::state_name(one.after.state)) " (" (one.after.level.name()) ")"
        }
        @if !one.note.is_empty() { p { "“" (one.note) "”" } }
    }
}
