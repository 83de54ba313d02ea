//! Attempts and sessions: sign-ins that belong together.

use crate::routes::Endpoint;

pub(super) fn endpoints() -> Vec<Endpoint> {
    Vec::new()
}
