//! Where a sign-in comes from: travel, countries, addresses, what is familiar.

use durward_model::time::HOUR_MICROS;

use crate::detection::{About, Make};

pub mod anonymous_address;
pub mod atypical_travel;
pub mod concurrent_networks;
pub mod impossible_travel;
mod journey;
pub mod malicious_address;
pub mod new_country;
mod run;
mod tally;
pub mod unexpected_country;
pub mod unfamiliar_properties;
mod words;

pub(super) const ALL: &[(&About, Make)] = &[
    (&impossible_travel::ABOUT, impossible_travel::make),
    (&atypical_travel::ABOUT, atypical_travel::make),
    (&new_country::ABOUT, new_country::make),
    (&unexpected_country::ABOUT, unexpected_country::make),
    (&unfamiliar_properties::ABOUT, unfamiliar_properties::make),
    (&anonymous_address::ABOUT, anonymous_address::make),
    (&malicious_address::ABOUT, malicious_address::make),
    (&concurrent_networks::ABOUT, concurrent_networks::make),
];

/// Users of whom something is remembered at a time.
const USERS_MAX: usize = 200_000;
/// Addresses of which something is remembered at a time.
const ADDRESSES_MAX: usize = 200_000;
/// A campaign that pauses for longer has ended.
const PAUSE_MICROS: i64 = 12 * HOUR_MICROS;
/// The same for what stays new for a day: longer than that day and the night after it.
const DAYS_MICROS: i64 = 36 * HOUR_MICROS;
