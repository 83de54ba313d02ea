//! What every page has around it.

use std::sync::Arc;

use maud::{DOCTYPE, Markup, html};

use super::assets;
use super::scope::{RANGES, Scope, Zone};
use crate::access::{Caller, READ_OTHERS, Who};
use durward_access::Right;
use durward_model::Timestamp;

/// What a page's frame says of its viewer; goes with every request.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// Lets our own style sheet and script in, past the policy of the page.
    pub(crate) nonce: String,
    /// Who looks; `None` where that is not known, or nobody.
    pub(crate) viewer: Option<Arc<Caller>>,
}

impl Frame {
    fn viewer(&self) -> Option<&Caller> {
        self.viewer.as_deref().filter(|caller| !matches!(caller.who, Who::Nobody))
    }

    /// The field that a form of a session carries.
    pub(crate) fn csrf_field(&self) -> Markup {
        let token = self.viewer().and_then(|caller| caller.csrf.as_deref());
        html! { @if let Some(token) = token { input type="hidden" name="csrf" value=(token); } }
    }
}

/// Sections of the way through the pages: what they are called, and their places.
type Section = (&'static str, &'static [Entry]);
/// Path, label, and who is shown the way there.
type Entry = (&'static str, &'static str, &'static [Right]);

const PLACES: [Section; 5] = [
    ("", &[("/", "Overview", READ_OTHERS)]),
    (
        "Monitoring",
        &[
            ("/signins", "Sign-in logs", READ_OTHERS),
            ("/audit", "Audit logs", &[Right::ReadAudit]),
            ("/provisioning", "Provisioning logs", &[Right::ReadProvisioning]),
            ("/map", "Map", READ_OTHERS),
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

/// A whole page. `controls` go to the right of the bar at the top; see [`controls`].
pub(crate) fn page(frame: &Frame, title: &str, body: &Markup, controls: &Markup) -> Markup {
    let csrf = frame.viewer().and_then(|caller| caller.csrf.as_deref());
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                @if let Some(csrf) = csrf { meta name="csrf" content=(csrf); }
                meta name="htmx-config" content=(HTMX_CONFIG);
                title { (title) " · durward" }
                link rel="icon" href=(assets::ICON_PATH) type="image/svg+xml";
                link rel="stylesheet" href=(assets::STYLE_PATH) nonce=(frame.nonce);
                @for path in assets::SCRIPTS { script src=(path) nonce=(frame.nonce) defer {} }
            }
            body {
                a .skip href="#main" { "Skip to the content" }
                header .bar {
                    @if frame.viewer().is_some() {
                        button #nav-button .icon-button type="button" aria-expanded="false"
                            aria-controls="nav" aria-label="Navigation" { "☰" }
                    }
                    a .brand href="/" {
                        img src=(assets::ICON_PATH) alt="" width="18" height="18";
                        "durward"
                    }
                    (search_box(frame))
                    div .controls { (controls) (viewer(frame)) }
                }
                @if frame.viewer().is_some_and(|caller| matches!(caller.who, Who::Demo)) {
                    p .notice role="note" {
                        "Demo: everybody on this machine is signed in as a demo administrator, and
                         everything shown is invented."
                    }
                }
                div .frame {
                    (places(frame, title))
                    (body)
                }
                div #announce .visually-hidden aria-live="polite" {}
            }
        }
    }
}

/// No code from texts, no styles of its own, and no pages kept in the browser's storage.
const HTMX_CONFIG: &str = r#"{"includeIndicatorStyles":false,"allowEval":false,"historyCacheSize":0,"refreshOnHistoryMiss":true,"selfRequestsOnly":true,"scrollIntoViewOnBoost":false}"#;

/// The box that finds whatever is put into it.
fn search_box(frame: &Frame) -> Markup {
    let Some(caller) = frame.viewer() else { return html! {} };
    html! {
        @if caller.may_any(READ_OTHERS) {
            form .search action="/search" method="get" role="search" {
                span .glass aria-hidden="true" { "⌕" }
                input #search type="search" name="q" autocomplete="off" spellcheck="false"
                    aria-label="Search users, apps, IPs, request IDs, error codes"
                    placeholder="Search users, apps, IPs, request IDs, error codes";
                kbd aria-hidden="true" { "Ctrl K" }
            }
        }
    }
}

/// Range, zone and tenant of a page. `href` gives the page's address in another scope.
pub(super) fn controls(scope: &Scope, now: Timestamp, href: &dyn Fn(&Scope) -> String) -> Markup {
    let known = RANGES.iter().any(|(name, ..)| *name == scope.range);
    let zone = Scope {
        zone: if scope.zone == Zone::Utc { Zone::Local } else { Zone::Utc },
        ..scope.clone()
    };
    html! {
        div .range role="group" aria-label="Range of time" {
            @if let Some(before) = scope.moved(now, -1) {
                a .button href=(href(&before)) aria-label="The span before" { "◀" }
            }
            details .menu-button {
                summary .button { (scope.label()) " ▾" }
                div .menu {
                    @for (name, label, _) in RANGES {
                        a href=(href(&scope.at(name)))
                            aria-current=[(name == scope.range).then_some("true")] { (label) }
                    }
                    @if !known { span aria-current="true" { (scope.label()) } }
                }
            }
            @if let Some(after) = scope.moved(now, 1).filter(|_| !known) {
                a .button href=(href(&after)) aria-label="The span after" { "▶" }
            }
            @if let Some(wide) = scope.widened(now) {
                a #zoom-out .button href=(href(&wide)) aria-label="Zoom out" { "−" }
            }
        }
        a #zone .button href=(href(&zone)) data-local=(scope.zone == Zone::Local) {
            @if scope.zone == Zone::Local { "Local" } @else { "UTC" }
        }
    }
}

fn places(frame: &Frame, title: &str) -> Markup {
    let Some(caller) = frame.viewer() else { return html! {} };
    html! {
        nav #nav .places aria-label="Places" {
            @for (section, entries) in PLACES {
                @if entries.iter().any(|(_, _, rights)| caller.may_any(rights)) {
                    @if !section.is_empty() { h2 { (section) } }
                    @for (href, label, rights) in entries {
                        @if caller.may_any(rights) {
                            a href=(href) aria-current=[(*label == title).then_some("page")] {
                                (label)
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Who is signed in, and what they can do about it.
fn viewer(frame: &Frame) -> Markup {
    let Some(caller) = frame.viewer() else { return html! {} };
    let roles: Vec<&str> = caller.role_names();
    html! {
        details .viewer {
            summary .button { (caller.name()) }
            div .menu {
                p .muted { (roles.join(", ")) }
                @if caller.person().is_some() {
                    a href="/account" { "Account and tokens" }
                    form method="post" action="/sign-out" {
                        (frame.csrf_field())
                        button .button { "Sign out" }
                    }
                }
            }
        }
    }
}
/// A store without sign-ins. `host` is where the reader found this server.
pub(super) fn welcome(origin: &str) -> Markup {
    let push = format!(
        "durward token create --name push --scope ingest\n\
         curl --data-binary @records.json \\\n  -H 'Content-Type: application/json' \\\n  \
         -H 'Authorization: Bearer TOKEN' \\\n  {origin}/api/ingest/diagnostic"
    );
    html! {
        main #main {
            section .panel .empty .welcome {
                h1 { "No data yet" }
                p .muted {
                    "Three ways to get sign-ins in. This page fills as soon as there are any."
                }
                div .ways {
                    div {
                        h2 { "Import files" }
                        p { "Downloads of the portal, exports of Log Analytics, blobs of diagnostic
                             settings, Graph pages; zipped or not, mixed in one folder." }
                        pre { "durward import FOLDER…" }
                    }
                    div {
                        h2 { "Push records" }
                        p { "Whatever a diagnostic setting or Graph gives you." }
                        pre { (push) }
                    }
                    div {
                        h2 { "Look around" }
                        p { "An invented tenant with a month of sign-ins and live traffic." }
                        pre { "durward demo" }
                    }
                }
            }
            div #live data-version="" {}
        }
    }
}
