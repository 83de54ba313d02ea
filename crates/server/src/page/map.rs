//! Where sign-ins came from.

use crate::routes::Endpoint;

pub(super) fn endpoints() -> Vec<Endpoint> {
    Vec::new()
}
