//! Guessing passwords: sprays, brute force, lockouts, user enumeration.

use crate::detection::{About, Make};

pub(super) const ALL: &[(&About, Make)] = &[];
