//! Addresses of pages, in one place.

use durward_detect::SubjectKind;
use durward_model::Log;

use super::scope::Scope;
use super::state::Tab;
use crate::params::encode;

/// A term of the explorer's filter: the whole value of a field, or no value.
pub(super) fn is(name: &str, value: &str) -> String {
    format!("{name}={}", quoted(value))
}

/// A term of the explorer's filter: any other value of a field.
pub(super) fn is_not(name: &str, value: &str) -> String {
    format!("{name}!={}", quoted(value))
}

/// A value as it is written in a term: in quotes where it could be misread.
pub(super) fn quoted(value: &str) -> String {
    let belongs = |c: char| c.is_alphanumeric() || "._-@".contains(c);
    if !value.is_empty() && value.chars().all(belongs) && !value.starts_with('-') {
        return value.to_owned();
    }
    format!("\"{}\"", value.replace('"', "\"\""))
}

/// The explorer with terms such as [`is`] gives them, in one log or in all (`None`).
pub(super) fn signins(scope: &Scope, log: Option<Log>, terms: &[String]) -> String {
    let terms = terms.join(",");
    let mut pairs = vec![("type", Tab(log).letter())];
    if !terms.is_empty() {
        pairs.push(("f", &terms));
    }
    scope.href("/signins", &pairs)
}

fn page(place: &str, id: &str) -> String {
    let mut href = format!("/{place}/");
    encode(id, &mut href);
    href
}

/// One sign-in.
pub(super) fn event(id: &str) -> String {
    page("signins", id)
}

/// A user, by object identifier or user principal name.
pub(super) fn user(id: &str) -> String {
    page("users", id)
}

/// An application, by identifier or name.
pub(super) fn app(id: &str) -> String {
    page("apps", id)
}

/// A resource, by identifier or name.
pub(super) fn resource(id: &str) -> String {
    page("resources", id)
}

/// An address or a network.
pub(super) fn ip(net: &str) -> String {
    let (address, length) = net.split_once('/').unwrap_or((net, ""));
    let mut href = page("ips", address);
    if !length.is_empty() {
        href.push('/');
        href.push_str(length);
    }
    href
}

/// A network by its autonomous system number.
pub(super) fn asn(number: &str) -> String {
    page("asn", number)
}

/// A device, by identifier.
pub(super) fn device(id: &str) -> String {
    page("devices", id)
}

/// A service principal or managed identity.
pub(super) fn workload(id: &str) -> String {
    page("workloads", id)
}

/// An attempt, by correlation identifier.
pub(super) fn attempt(id: &str) -> String {
    page("attempts", id)
}

/// A session.
pub(super) fn session(id: &str) -> String {
    page("sessions", id)
}

/// A finding, or a risk detection.
pub(super) fn finding(id: &str) -> String {
    page("protection/detections", id)
}

/// The risk of a user, a workload identity or an agent.
pub(super) fn risky(kind: SubjectKind, id: &str) -> String {
    page(if kind == SubjectKind::User { "protection/users" } else { "protection/workloads" }, id)
}

/// What an error code means.
pub(super) fn error(code: i64) -> String {
    format!("/errors/{code}")
}
