//! Pages of users, applications, resources, networks, devices and workload identities.

use crate::routes::Endpoint;

pub(super) fn endpoints() -> Vec<Endpoint> {
    Vec::new()
}
