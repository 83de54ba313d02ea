//! What error codes mean, and how often they occur here.

use crate::routes::Endpoint;

pub(super) fn endpoints() -> Vec<Endpoint> {
    Vec::new()
}
