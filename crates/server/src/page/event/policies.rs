//! Conditional Access, and the policies that only report.

use durward_access::{Right, Role};
use maud::{Markup, html};

use super::Shown;
use super::facts::{Policy, control};
use super::story;

/// Policies shown at most; tenants can have a few hundred.
const POLICIES_MAX: usize = 500;

pub(super) fn tab(shown: Shown<'_>, report_only: bool) -> Markup {
    let facts = &shown.pane.facts;
    if facts.policies.is_none() {
        return needs_role();
    }
    let mut all = facts.policies_that(report_only);
    all.truncate(POLICIES_MAX);
    all.sort_by_key(|policy| rank(policy));
    let applied = all.iter().filter(|policy| policy.applied()).count();
    let would: Vec<&str> =
        story::would_change(facts).iter().map(|policy| policy.name.as_str()).collect();
    html! {
        @if all.is_empty() {
            p .absent { (nothing(shown, report_only)) }
        } @else {
            div .policy-filter {
                b { (applied) " of " (all.len()) " policies applied" }
                label hidden data-enhanced="true" {
                    "Result "
                    select data-filter-policies="true" {
                        option value="" { "All" }
                        @for result in results(&all) { option value=(result) { (label(result)) } }
                    }
                }
            }
            @if report_only && !would.is_empty() {
                p .notice-line role="note" {
                    "⚑ Would have changed the outcome: " b { (would.join(", ")) }
                }
            }
            div .policy-head aria-hidden="true" {
                @for heading in ["Policy name", "Grant controls", "Session controls", "Result"] {
                    span { (heading) }
                }
            }
            ul .policies aria-label="Policies" {
                @for policy in &all { (row(policy, would.contains(&policy.name.as_str()))) }
            }
            p .absent { "Names are those that the policies had when this sign-in happened." }
        }
    }
}

fn nothing(shown: Shown<'_>, report_only: bool) -> String {
    let status = shown.pane.facts.text("conditionalAccessStatus");
    match (report_only, status) {
        (true, _) => "No policy in report-only mode was evaluated.".to_owned(),
        (false, "notApplied") => {
            "No policy applied: none matches the user and the application, or the sign-in ended \
             before policies were evaluated."
                .to_owned()
        }
        (false, "") => "Not supplied by this source.".to_owned(),
        (false, status) => {
            format!("The record lists no policies; Conditional Access as a whole: {status}.")
        }
    }
}

/// For those who may see the sign-in, and not its policies.
fn needs_role() -> Markup {
    let roles: Vec<&str> = Role::ALL
        .into_iter()
        .filter(|role| role.allows(Right::ReadConditionalAccess))
        .map(Role::name)
        .collect();
    html! {
        div .locked {
            p { b { "Needs a role that reads Conditional Access details" } }
            p .muted {
                "Any of these: " (roles.join(", ")) ". Whoever manages access to durward can grant \
                 one."
            }
        }
    }
}

/// Failing ones first, then what took part, then the rest.
fn rank(policy: &Policy) -> u8 {
    match policy.result.as_str() {
        "failure" | "reportOnlyFailure" => 0,
        "reportOnlyInterrupted" => 1,
        "success" | "reportOnlySuccess" => 2,
        "notApplied" | "reportOnlyNotApplied" => 3,
        _ => 4,
    }
}

/// The results that occur, each once.
fn results<'p>(all: &[&'p Policy]) -> Vec<&'p str> {
    let mut found: Vec<&str> = Vec::new();
    for policy in all {
        if !found.contains(&policy.result.as_str()) {
            found.push(&policy.result);
        }
    }
    found
}

/// A result in the portal's words.
fn label(result: &str) -> &str {
    match result {
        "success" => "Success",
        "failure" => "Failure",
        "notApplied" => "Not applied",
        "notEnabled" => "Disabled",
        "reportOnlySuccess" => "Report-only: Success",
        "reportOnlyFailure" => "Report-only: Failure",
        "reportOnlyInterrupted" => "Report-only: User action required",
        "reportOnlyNotApplied" => "Report-only: Not applied",
        "" => "Not supplied",
        other => other,
    }
}

fn mark(result: &str) -> (&'static str, &'static str) {
    match rank(&Policy { result: result.to_owned(), ..Policy::default() }) {
        0 => ("✖", "failure"),
        1 => ("◐", "interrupted"),
        2 => ("✔", "success"),
        _ => ("☰", "plain"),
    }
}

fn row(policy: &Policy, would_change: bool) -> Markup {
    let (icon, class) = mark(&policy.result);
    html! {
        li .policy data-result=(policy.result) {
            details {
                summary {
                    span {
                        b { (policy.name) }
                        @if would_change {
                            " " span .tag { "⚑ would change" }
                        }
                    }
                    span {
                        span .visually-hidden { "Grant controls: " }
                        (controls(&policy.grants, policy.strength.as_ref()))
                    }
                    span {
                        span .visually-hidden { "Session controls: " }
                        (controls(&policy.sessions, None))
                    }
                    span {
                        span .pill .(class) {
                            span aria-hidden="true" { (icon) } " " (label(&policy.result))
                        }
                    }
                }
                (conditions(policy))
            }
        }
    }
}

fn controls(controls: &[String], strength: Option<&(String, String)>) -> String {
    let mut all: Vec<String> = controls.iter().map(|name| control(name).to_owned()).collect();
    all.extend(strength.map(|(name, _)| name.clone()));
    if all.is_empty() { "–".to_owned() } else { all.join(", ") }
}

/// What matched and what did not.
fn conditions(policy: &Policy) -> Markup {
    let rule = |rules: &[(String, String)], of: &str| {
        let of_it = rules.iter().filter(|(condition, _)| condition.eq_ignore_ascii_case(of));
        of_it.map(|(_, rule)| rule.clone()).collect::<Vec<_>>().join(", ")
    };
    let lines = |names: &[String]| -> Vec<(String, String)> {
        let line = |name: &String| {
            let (met, left_out) = (rule(&policy.included, name), rule(&policy.excluded, name));
            let why = match (met.as_str(), left_out.as_str()) {
                ("", "") => String::new(),
                (met, "") => format!(" · matches {met}"),
                (_, left_out) => format!(" · left out by {left_out}"),
            };
            (condition(name).to_owned(), why)
        };
        names.iter().map(line).collect()
    };
    let (met, unmet) = (lines(&policy.met), lines(&policy.unmet));
    html! {
        div .conditions {
            @if met.is_empty() && unmet.is_empty() {
                p .muted { "The record does not say which conditions matched." }
            }
            @for (mark, class, word, lines) in [
                ("✔", "good", "Satisfied", &met),
                ("✖", "bad", "Not satisfied", &unmet),
            ] {
                @for (condition, why) in lines {
                    p {
                        span .(class) { span aria-hidden="true" { (mark) } " " (word) ": " }
                        (condition) span .muted { (why) }
                    }
                }
            }
            @if let Some((name, result)) = &policy.strength {
                p { "Authentication strength: " (name) span .muted { " · " (result) } }
            }
            @if !policy.sessions_unmet.is_empty() {
                p { "Session controls not satisfied: " (controls(&policy.sessions_unmet, None)) }
            }
            @if !policy.id.is_empty() { p .muted { "Policy ID " code { (policy.id) } } }
        }
    }
}

fn condition(name: &str) -> &str {
    match name {
        "application" => "Applications",
        "users" => "Users",
        "devicePlatform" => "Device platform",
        "location" => "Location",
        "clientType" => "Client app",
        "signInRisk" => "Sign-in risk",
        "userRisk" => "User risk",
        "deviceState" | "client" => "Device",
        "authenticationFlows" => "Authentication flows",
        "servicePrincipals" => "Workload identities",
        "servicePrincipalRisk" => "Workload identity risk",
        "insiderRisk" => "Insider risk",
        other => other,
    }
}
