//! Accounts that should be quiet, workloads, and the tenant as a whole.

use crate::detection::{About, Make};

mod agent;
pub mod agent_failed_access;
pub mod agent_risky_user;
pub mod agent_sign_in_spike;
pub mod agent_unfamiliar_resource;
pub mod break_glass;
mod daily;
pub mod dormant_account;
pub mod failure_surge;
mod hours;
mod log_volume;
pub mod policy_block_surge;
pub mod privileged_outside_controls;
pub mod privileged_sign_in;
pub mod service_account_interactive;
pub mod silent_source;
mod surge;
pub mod token_issuer_change;
pub mod volume_collapse;
pub mod workload_failures;
pub mod workload_suspicious_sign_in;
pub mod workloads_one_address;

pub(super) const ALL: &[(&About, Make)] = &[
    (&dormant_account::ABOUT, dormant_account::make),
    (&break_glass::ABOUT, break_glass::make),
    (&privileged_outside_controls::ABOUT, privileged_outside_controls::make),
    (&privileged_sign_in::ABOUT, privileged_sign_in::make),
    (&service_account_interactive::ABOUT, service_account_interactive::make),
    (&workload_suspicious_sign_in::ABOUT, workload_suspicious_sign_in::make),
    (&workload_failures::ABOUT, workload_failures::make),
    (&workloads_one_address::ABOUT, workloads_one_address::make),
    (&agent_unfamiliar_resource::ABOUT, agent_unfamiliar_resource::make),
    (&agent_sign_in_spike::ABOUT, agent_sign_in_spike::make),
    (&agent_failed_access::ABOUT, agent_failed_access::make),
    (&agent_risky_user::ABOUT, agent_risky_user::make),
    (&token_issuer_change::ABOUT, token_issuer_change::make),
    (&policy_block_surge::ABOUT, policy_block_surge::make),
    (&failure_surge::ABOUT, failure_surge::make),
    (&volume_collapse::ABOUT, volume_collapse::make),
    (&silent_source::ABOUT, silent_source::make),
];
