//! The addresses of alerts.

use axum::http::Method;
use axum::routing::{delete, get, patch, post};
use durward_access::Right;
use durward_journal::Action;

use super::{change, channels, list, one, suppressions};
use crate::openapi::{Operation, Parameter};
use crate::routes::{Endpoint, endpoint, right};

const READ: &[Right] = &[Right::ReadRisk];
const WORK: &[Right] = &[Right::WorkAlerts];
const JSON: &str = "application/json";

/// Everything about alerts.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    const ALERTS: &str = "/api/alerts";
    const ALERT: &str = "/api/alerts/{number}";
    let op = |what: &'static str| Operation::new("alerts", what).answer(JSON, "Any");
    let number = || [Parameter::path("number", "Its number")];
    let change = "state, verdict, assignee, note, check, version";
    vec![
        endpoint(
            Method::GET,
            ALERTS,
            right(READ, Action::List),
            get(list),
            op("List alerts, newest last sign-in first").parameters(&filters()),
        ),
        endpoint(
            Method::PATCH,
            ALERTS,
            right(WORK, Action::Change),
            patch(change::several),
            op("Change several alerts in the same way, all or none").body(JSON, "AlertChange"),
        ),
        endpoint(
            Method::GET,
            ALERT,
            right(READ, Action::Read),
            get(one),
            op("One alert with findings, history, deliveries and what became of similar ones")
                .parameters(&number()),
        ),
        endpoint(
            Method::PATCH,
            ALERT,
            right(WORK, Action::Change),
            patch(change::one),
            Operation::new("alerts", format!("Work on an alert: {change}"))
                .answer(JSON, "Any")
                .parameters(&number())
                .body(JSON, "AlertChange"),
        ),
        endpoint(
            Method::GET,
            "/api/alerts/suppressions",
            right(READ, Action::List),
            get(suppressions::list),
            op("What makes no alert for a while"),
        ),
        endpoint(
            Method::POST,
            "/api/alerts/suppressions",
            right(WORK, Action::Change),
            post(suppressions::add),
            op("Have something make no alert").body(JSON, "Any"),
        ),
        endpoint(
            Method::DELETE,
            "/api/alerts/suppressions/{number}",
            right(WORK, Action::Change),
            delete(suppressions::end),
            op("End a suppression").parameters(&number()),
        ),
        endpoint(
            Method::GET,
            "/api/alerts/channels",
            right(READ, Action::List),
            get(channels::list),
            op("Channels that alerts are delivered to, and how they do"),
        ),
        endpoint(
            Method::POST,
            "/api/alerts/channels/{name}/test",
            right(WORK, Action::Change),
            post(channels::test),
            op("Send a test message").parameters(&[Parameter::path("name", "Of the channel")]),
        ),
        endpoint(
            Method::GET,
            "/api/alerts/deliveries",
            right(READ, Action::List),
            get(channels::deliveries),
            op("What became of deliveries, newest first").parameters(&[
                Parameter::query("channel", "Only to this channel"),
                Parameter::query("state", "waiting, delivered, refused, failed, folded or dropped"),
            ]),
        ),
        endpoint(
            Method::POST,
            "/api/alerts/deliveries/{number}/retry",
            right(WORK, Action::Change),
            post(channels::retry),
            op("Try a delivery again that was refused or given up").parameters(&number()),
        ),
    ]
}

fn filters() -> Vec<Parameter> {
    vec![
        Parameter::query("state", "new, inProgress, closed, by commas"),
        Parameter::query("verdict", "truePositive, falsePositive, benignPositive, withdrawn"),
        Parameter::query("severity", "At least low, medium or high"),
        Parameter::query("tenant", "Only of this tenant"),
        Parameter::query("detection", "With a finding of this detection; rules as rule:name"),
        Parameter::query("kind", "About a user, workload, agent, address or tenant"),
        Parameter::query("subject", "About the one of this identifier or name"),
        Parameter::query("assignee", "Given to this person, or to nobody"),
        Parameter::query("q", "With this in the title or the subject's name"),
        Parameter::query("from", "Last sign-in at or after: 2026-03-02T07:41:09Z or -24h"),
        Parameter::query("to", "Last sign-in before"),
        Parameter::query("history", "false leaves out what was old when it was found"),
        Parameter::query("count", "true adds counts of each state"),
        Parameter::query("limit", "Alerts of a page, 1 to 1000 (default 100)"),
        Parameter::query("cursor", "nextCursor of the page before"),
    ]
}
