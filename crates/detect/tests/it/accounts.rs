//! Accounts that should be quiet, workloads, agents, and the tenant as a whole.

mod agent_failed_access;
mod agent_risky_user;
mod agent_sign_in_spike;
mod agent_unfamiliar_resource;
mod break_glass;
mod dormant_account;
mod failure_surge;
mod policy_block_surge;
mod privileged_outside_controls;
mod privileged_sign_in;
mod service_account_interactive;
mod silent_source;
mod token_issuer_change;
mod volume_collapse;
mod workload_failures;
mod workload_suspicious_sign_in;
mod workloads_one_address;

use durward_detect::Names;
use serde_json::json;

use crate::story::{DAY, HOUR, SignIn, guid, workload};

/// A list of accounts.
fn names(names: &[&str]) -> Names {
    Names::parse(names).unwrap()
}

/// An agent's sign-in on its own.
fn agent(name: &str, at_micros: i64) -> SignIn {
    workload(name, at_micros).with("agent", json!({"agentType": "agenticApp"}))
}

/// The same for a named resource.
fn to(sign_in: SignIn, resource: &str) -> SignIn {
    sign_in
        .with("resourceDisplayName", resource)
        .with("resourceId", guid(&format!("resource {resource}")))
}

/// A life of so many days, with something every hour.
fn hourly(days: i64, of: impl Fn(i64) -> SignIn) -> Vec<SignIn> {
    (0..days * DAY / HOUR).map(|hour| of(hour * HOUR)).collect()
}
