//! Authentication Details: policies, session lifetimes, and the steps, as a table and in order.

use durward_model::Timestamp;
use durward_model::time::{DateOrder, HOUR_MICROS};
use maud::{Markup, html};
use serde_json::Value;

use super::Shown;
use super::basic::moments;
use super::facts::{Facts, Step};
use super::fields::{self, Grid};

/// So long after it came in a record may still change: the publisher completes steps later.
const SETTLING_MICROS: i64 = 2 * HOUR_MICROS;

pub(super) fn tab(shown: Shown<'_>) -> Markup {
    let facts = &shown.pane.facts;
    let before = first_steps(shown);
    let row = shown.pane.event.row();
    let is_young = shown.now.micros - row.received.micros < SETTLING_MICROS
        && shown.now.micros - row.created.micros < SETTLING_MICROS;
    let is_revised = row.revision > 0;
    html! {
        @if is_young {
            p .notice-line role="note" {
                "This record came in less than two hours ago and may still change: steps are \
                 completed later, and “satisfied by claim” can be wrong at first."
            }
        }
        @if is_revised {
            p .notice-line role="note" {
                "Δ Revised: steps marked Δ were not in the first record. The tab JSON has every \
                 difference."
            }
        }
        (Grid::new(shown)
            .fields(&["authenticationRequirement"])
            .row_if("Policies applied", pairs(facts, "authenticationRequirementPolicies",
                "requirementProvider"))
            .row_if("Session lifetime policies", pairs(facts, "sessionLifetimePolicies",
                "expirationRequirement"))
            .row_if("Authentication contexts", pairs(facts, "authenticationContextClassReferences",
                "id"))
            .fields(&["mfaDetail/authMethod", "mfaDetail/authDetail", "mfaResult"])
            .render(""))
        @if facts.steps.is_empty() {
            p .absent { "The record has no authentication steps." }
        } @else {
            h3 { "Steps" }
            (table(&facts.steps, before.as_deref()))
            h3 { "In order" }
            (moments(facts, row.created))
        }
    }
}

/// The steps of the first revision, where there was another one since.
fn first_steps(shown: Shown<'_>) -> Option<Vec<Step>> {
    let first = shown.pane.revisions.last().filter(|_| shown.pane.revisions.len() > 1)?;
    Some(Facts::of(first).steps)
}

fn table(steps: &[Step], before: Option<&[Step]>) -> Markup {
    let is_new = |step: &Step| before.is_some_and(|before| !before.contains(step));
    html! {
        div .scroll tabindex="0" role="region" aria-label="Authentication steps" {
            table .inner {
                thead {
                    tr {
                        @for heading in ["Date", "Authentication method", "Method detail",
                            "Succeeded", "Result detail", "Requirement"] {
                            th scope="col" { (heading) }
                        }
                    }
                }
                tbody { @for step in steps { (table_row(step, is_new(step))) } }
            }
        }
    }
}

fn table_row(step: &Step, is_new: bool) -> Markup {
    let or_none = |text: &str| match text {
        "" => "–".to_owned(),
        text => text.to_owned(),
    };
    html! {
        tr .revised[is_new] {
            td {
                @if is_new { b title="Not in the first record" { "Δ " } }
                @match Timestamp::parse(&step.at, DateOrder::default()) {
                    Some(at) => (fields::clock(at)),
                    None => (or_none(&step.at)),
                }
            }
            td { (or_none(&step.method)) }
            td { (or_none(&step.detail)) }
            td {
                @match step.succeeded {
                    Some(true) => span .good { "✔ Yes" },
                    Some(false) => span .bad { "✖ No" },
                    None => "–",
                }
            }
            td { (or_none(&step.result)) }
            td { (or_none(&step.requirement)) }
        }
    }
}

/// Objects of a list as lines: what they are, and their detail.
fn pairs(facts: &Facts, list: &str, name: &str) -> Option<Markup> {
    let items = facts.list(list);
    let text = |item: &Value, name: &str| item[name].as_str().unwrap_or_default().to_owned();
    (!items.is_empty()).then(|| {
        html! {
            @for item in items {
                div {
                    (in_words(&text(item, name)))
                    @let detail = text(item, "detail");
                    @if !detail.is_empty() { span .muted { " · " (detail) } }
                }
            }
        }
    })
}

/// What the portal calls a provider of requirements; others as they are.
fn in_words(member: &str) -> &str {
    match member {
        "user" => "Per-user MFA",
        "multiConditionalAccess" | "v1ConditionalAccess" => "Conditional Access",
        "securityDefaults" => "Security defaults",
        "riskBasedPolicy" => "Risk-based policy",
        "authenticationStrengths" => "Authentication strength",
        "rememberMultifactorAuthenticationOnTrustedDevices" => "Remember MFA on trusted devices",
        "signInFrequencyPeriodicReauthentication" => "Sign-in frequency",
        "signInFrequencyEveryTime" => "Sign-in frequency: every time",
        "tenantTokenLifetimePolicy" => "Token lifetime of the tenant",
        "audienceTokenLifetimePolicy" => "Token lifetime of the application",
        other => other,
    }
}
