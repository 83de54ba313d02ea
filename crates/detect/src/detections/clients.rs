//! How somebody signs in: protocols, flows, second factors, sessions, tools.

use crate::detection::{About, Make};

mod novelty;
mod party;
mod run;
mod second_factor;

pub mod adversary_in_the_middle;
pub mod code_theft;
pub mod device_code;
pub mod device_registration;
pub mod legacy_protocol;
pub mod legacy_tls;
pub mod mfa_denied;
pub mod mfa_fatigue;
pub mod passcode_guessing;
pub mod password_known;
pub mod ropc;
pub mod session_replay;
pub mod single_factor;
pub mod suspicious_client;

pub(super) const ALL: &[(&About, Make)] = &[
    (&legacy_protocol::ABOUT, legacy_protocol::make),
    (&mfa_fatigue::ABOUT, mfa_fatigue::make),
    (&mfa_denied::ABOUT, mfa_denied::make),
    (&passcode_guessing::ABOUT, passcode_guessing::make),
    (&password_known::ABOUT, password_known::make),
    (&single_factor::ABOUT, single_factor::make),
    (&device_code::ABOUT, device_code::make),
    (&ropc::ABOUT, ropc::make),
    (&session_replay::ABOUT, session_replay::make),
    (&adversary_in_the_middle::ABOUT, adversary_in_the_middle::make),
    (&code_theft::ABOUT, code_theft::make),
    (&suspicious_client::ABOUT, suspicious_client::make),
    (&device_registration::ABOUT, device_registration::make),
    (&legacy_tls::ABOUT, legacy_tls::make),
];
