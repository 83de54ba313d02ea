//! How somebody signs in: protocols, flows, second factors, sessions, tools.

use crate::detection::{About, Make};

pub mod legacy_protocol;

pub(super) const ALL: &[(&About, Make)] = &[(&legacy_protocol::ABOUT, legacy_protocol::make)];
