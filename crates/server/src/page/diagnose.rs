//! Why a sign-in failed, and how two sign-ins differ.

use crate::routes::Endpoint;

pub(super) fn endpoints() -> Vec<Endpoint> {
    Vec::new()
}
