//! Guessing passwords: sprays, brute force, lockouts, user enumeration.

use crate::detection::{About, Make};

pub mod brute_force;
mod campaign;
pub mod disabled_account;
pub mod distributed_guessing;
pub mod distributed_spray;
pub mod lockout_watch;
pub mod password_spray;
pub mod revoked_token_reuse;
pub mod seamless_sso_spray;
pub mod slow_spray;
pub mod success_after_failures;
pub mod user_enumeration;

pub(super) const ALL: &[(&About, Make)] = &[
    (&password_spray::ABOUT, password_spray::make),
    (&slow_spray::ABOUT, slow_spray::make),
    (&distributed_spray::ABOUT, distributed_spray::make),
    (&brute_force::ABOUT, brute_force::make),
    (&distributed_guessing::ABOUT, distributed_guessing::make),
    (&lockout_watch::ABOUT, lockout_watch::make),
    (&user_enumeration::ABOUT, user_enumeration::make),
    (&success_after_failures::ABOUT, success_after_failures::make),
    (&disabled_account::ABOUT, disabled_account::make),
    (&seamless_sso_spray::ABOUT, seamless_sso_spray::make),
    (&revoked_token_reuse::ABOUT, revoked_token_reuse::make),
];
