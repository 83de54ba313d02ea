//! Accounts that should be quiet, workloads, and the tenant as a whole.

use crate::detection::{About, Make};

pub(super) const ALL: &[(&About, Make)] = &[];
