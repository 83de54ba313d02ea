//! The way through the pages, on the left.

use durward_access::Right;
use maud::{Markup, html};

use super::Frame;
use crate::access::READ_OTHERS;

/// Path, label, and who is shown the way there.
type Entry = (&'static str, &'static str, &'static [Right]);
/// Sections: what they are called, and their places.
type Section = (&'static str, &'static [Entry]);

const PLACES: [Section; 6] = [
    ("", &[("/", "Overview", READ_OTHERS)]),
    (
        "Monitoring",
        &[
            ("/signins", "Sign-in logs", READ_OTHERS),
            ("/audit", "Audit logs", &[Right::ReadAudit]),
            ("/provisioning", "Provisioning logs", &[Right::ReadProvisioning]),
            ("/map", "Map", READ_OTHERS),
            ("/completeness", "Data health", READ_OTHERS),
        ],
    ),
    (
        "Protection",
        &[
            ("/alerts", "Alerts", &[Right::ReadRisk]),
            ("/protection", "ID Protection", &[Right::ReadRisk]),
            ("/protection/users", "Risky users", &[Right::ReadRisk]),
            ("/protection/sign-ins", "Risky sign-ins", &[Right::ReadRisk]),
            ("/protection/detections", "Risk detections", &[Right::ReadRisk]),
            ("/protection/workloads", "Risky workload identities", &[Right::ReadRisk]),
            ("/detections", "Detections", &[Right::ReadRisk]),
            ("/rules", "Rules", &[Right::ReadRisk]),
        ],
    ),
    (
        "Entities",
        &[
            ("/users", "Users", &[Right::ReadUserSignIns]),
            ("/apps", "Applications", READ_OTHERS),
            ("/workloads", "Workload identities", &[Right::ReadWorkloadSignIns]),
            ("/ips", "Networks", READ_OTHERS),
        ],
    ),
    (
        "Investigate",
        &[
            ("/diagnose", "Diagnose & solve", READ_OTHERS),
            ("/errors", "Error codes", READ_OTHERS),
            ("/reported", "Reported", &[Right::ReadUserSignIns]),
            ("/access-log", "Access log", &[Right::ReadAccessLog]),
        ],
    ),
    ("Me", &[("/me", "My sign-ins", &[Right::ReadOwn])]),
];

/// Places that take the zone and the tenant of the page one comes from.
const SCOPED: [&str; 16] = [
    "/",
    "/alerts",
    "/signins",
    "/audit",
    "/provisioning",
    "/map",
    "/completeness",
    "/users",
    "/apps",
    "/workloads",
    "/ips",
    "/protection",
    "/protection/users",
    "/protection/sign-ins",
    "/protection/detections",
    "/protection/workloads",
];

/// The places that the viewer may go to. `title` is that of the page that is open.
pub(super) fn places(frame: &Frame, title: &str) -> Markup {
    let Some(caller) = frame.viewer() else { return html! {} };
    html! {
        nav #nav .places aria-label="Places" {
            @for (section, entries) in PLACES {
                @if entries.iter().any(|(_, _, rights)| caller.may_any(rights)) {
                    @if !section.is_empty() { h2 { (section) } }
                    @for (href, label, rights) in entries {
                        @if caller.may_any(rights) {
                            a href=(href) title=(label) data-scoped[SCOPED.contains(href)]
                                aria-current=[(*label == title).then_some("page")] {
                                (icon(href)) span { (label) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The drawing of a place, named after its path.
fn icon(href: &str) -> Markup {
    let name = href.trim_start_matches('/').replace('/', "-");
    let name = if name.is_empty() { "overview" } else { &name };
    html! {
        svg viewBox="0 0 16 16" aria-hidden="true" focusable="false" {
            use href={ "/assets/icons.svg#" (name) } {}
        }
    }
}
