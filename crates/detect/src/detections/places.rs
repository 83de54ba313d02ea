//! Where a sign-in comes from: travel, countries, addresses, what is familiar.

use crate::detection::{About, Make};

pub(super) const ALL: &[(&About, Make)] = &[];
