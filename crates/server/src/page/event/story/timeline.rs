//! The steps of one request in order: authentication, policies, and what came of it.

use durward_model::Timestamp;
use durward_model::errors::Status;
use durward_model::time::DateOrder;

use super::super::facts::{Facts, Step, control};
use super::{Words, told};

/// How a moment went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::page) enum Tone {
    Good,
    Bad,
    Waiting,
    Plain,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::page) struct Moment {
    pub(in crate::page) at: Timestamp,
    pub(in crate::page) tone: Tone,
    pub(in crate::page) what: Words,
}

/// Steps shown at most; records have a handful.
const STEPS_MAX: usize = 50;

/// Everything the record tells, in order.
pub(in crate::page) fn timeline(facts: &Facts, created: Timestamp) -> Vec<Moment> {
    let mut moments: Vec<Moment> =
        facts.steps.iter().take(STEPS_MAX).map(|step| of_step(step, facts, created)).collect();
    moments.sort_by_key(|moment| moment.at.micros);
    for policy in facts.policies_that(false).into_iter().filter(|policy| policy.failed()) {
        let asks = match policy.grants.as_slice() {
            [] => "not met".to_owned(),
            [only] if only.eq_ignore_ascii_case("block") => "block".to_owned(),
            grants => {
                let names: Vec<&str> = grants.iter().map(|name| control(name)).collect();
                format!("not met ({})", names.join(", "))
            }
        };
        let what = Words::of("Policy ").name(&policy.name).and(format!(": {asks}"));
        let tone = if facts.status == Status::Failure { Tone::Bad } else { Tone::Waiting };
        moments.push(Moment { at: created, tone, what });
    }
    let verdict = told(facts).verdict.to_lowercase().replace("mfa", "MFA");
    let (tone, what) = match facts.status {
        Status::Success => (Tone::Good, Words::of("Token issued. Verdict: ").name("success")),
        Status::Failure => (Tone::Plain, Words::of("No token issued. Verdict: ").name(verdict)),
        Status::Interrupted => {
            (Tone::Waiting, Words::of("Waiting for the user. Verdict: ").name(verdict))
        }
    };
    moments.push(Moment { at: created, tone, what });
    moments
}

fn of_step(step: &Step, facts: &Facts, created: Timestamp) -> Moment {
    let at = Timestamp::parse(&step.at, DateOrder::default()).unwrap_or(created);
    let method = match (step.method.as_str(), step.is_second()) {
        ("", true) => "Second factor",
        ("", false) => "First factor",
        (method, _) => method,
    };
    let (tone, became) = match step.succeeded {
        _ if step.is_by_claim() => (Tone::Good, "satisfied by an earlier sign-in"),
        Some(true) => (Tone::Good, "accepted"),
        Some(false) if step.is_second() && facts.status == Status::Interrupted => {
            (Tone::Waiting, "asked for")
        }
        Some(false) => (Tone::Bad, "not accepted"),
        None => (Tone::Plain, "result not supplied"),
    };
    let method = if step.is_by_claim() && !step.is_second() { "First factor" } else { method };
    let method = if step.is_by_claim() && step.is_second() { "MFA" } else { method };
    Moment { at, tone, what: Words::of(format!("{method} {became}")) }
}
