//! What every page has around it.

mod places;
mod range;

use std::sync::Arc;

use maud::{DOCTYPE, Markup, html};

use super::assets;
use super::scope::{Scope, Zone};
use crate::access::{Caller, READ_OTHERS, Who, csrf};
use crate::routes::Endpoint;
use durward_access::Right;
use durward_model::Timestamp;

pub(super) fn endpoints() -> Vec<Endpoint> {
    range::endpoints()
}

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

    /// Has the viewer this right?
    pub(crate) fn may(&self, right: Right) -> bool {
        self.viewer().is_some_and(|viewer| viewer.may(right))
    }

    /// What changes carry, under a pad of this page's own.
    pub(crate) fn csrf(&self) -> Option<String> {
        self.viewer()?.csrf.as_deref().map(csrf::masked)
    }

    /// The field that a form of a session carries.
    pub(crate) fn csrf_field(&self) -> Markup {
        let token = self.csrf();
        html! { @if let Some(token) = token { input type="hidden" name="csrf" value=(token); } }
    }
}

/// A whole page. `controls` go to the right of the bar at the top; see [`controls`].
pub(crate) fn page(frame: &Frame, title: &str, body: &Markup, controls: &Markup) -> Markup {
    let csrf = frame.csrf();
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
                // Not deferred: what it sets decides how the page is drawn at first.
                script src=(assets::THEME_PATH) nonce=(frame.nonce) {}
                @for path in assets::SCRIPTS { script src=(path) nonce=(frame.nonce) defer {} }
            }
            body {
                a .skip href="#main" { "Skip to the content" }
                header .bar {
                    @if frame.viewer().is_some() {
                        button #nav-button .icon-button type="button" aria-expanded="false"
                            aria-controls="nav" aria-label="Navigation" title="Navigation ( [ )" {
                            "☰"
                        }
                    }
                    a .brand href="/" {
                        img src=(assets::ICON_PATH) alt="" width="18" height="18";
                        "durward"
                    }
                    // Filled by the fragment that [`controls`] asks for.
                    div #tenant {}
                    (search_box(frame))
                    div .controls { (controls) }
                    (viewer(frame))
                }
                @if frame.viewer().is_some_and(|caller| matches!(caller.who, Who::Demo)) {
                    p .notice role="note" {
                        "Demo: everybody on this machine is signed in as a demo administrator, and
                         everything shown is invented."
                    }
                }
                div .frame {
                    (places::places(frame, title))
                    (body)
                }
                div #announce .visually-hidden aria-live="polite" {}
                div #strips {}
            }
        }
    }
}

/// No code from texts, no styles of its own, and no pages kept in the browser's storage.
const HTMX_CONFIG: &str = r#"{"includeIndicatorStyles":false,"allowEval":false,"historyCacheSize":0,"refreshOnHistoryMiss":true,"selfRequestsOnly":true,"scrollIntoViewOnBoost":false,"attributesToSettle":["class"]}"#;

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

/// Range and zone of a page, and how complete the log is. `href` gives the page's address in
/// another scope.
pub(super) fn controls(scope: &Scope, now: Timestamp, href: &dyn Fn(&Scope) -> String) -> Markup {
    html! {
        (range::control(scope, now, href, false))
        (zone(scope, href))
        a #completeness .chip .button href=(scope.href("/completeness", &[]))
            hx-get=(scope.href("/completeness/chip", &[])) hx-trigger="load" hx-swap="outerHTML" {
            span .dot aria-hidden="true" {} "Data health"
        }
    }
}

fn zone(scope: &Scope, href: &dyn Fn(&Scope) -> String) -> Markup {
    let is_local = scope.zone == Zone::Local;
    let other = Scope { zone: if is_local { Zone::Utc } else { Zone::Local }, ..scope.clone() };
    html! {
        a #zone .button href=(href(&other)) data-local=(is_local)
            title=(if is_local { "Times of this browser; U for UTC" } else { "UTC; U for local times" }) {
            (if is_local { "Local" } else { "UTC" })
        }
    }
}

/// The range of a page whose address has changed under it: takes the place of the one in the bar.
pub(super) fn range_again(
    scope: &Scope,
    now: Timestamp,
    href: &dyn Fn(&Scope) -> String,
) -> Markup {
    range::control(scope, now, href, true)
}

/// Who is signed in, and what they can do about it and about how pages look.
fn viewer(frame: &Frame) -> Markup {
    let Some(caller) = frame.viewer() else { return html! {} };
    let name = caller.name();
    let roles: Vec<&str> = caller.role_names();
    html! {
        details .menu-button .viewer {
            summary .initials aria-label={ (initials(&name)) ": signed in as " (name) } title=(name) {
                (initials(&name))
            }
            div .menu .left {
                p { b { (name) } br; span .muted { (roles.join(", ")) } }
                hr;
                h2 { "Theme" }
                div #themes .themes role="group" aria-label="Theme" hidden {
                    @for (value, label) in [("system", "System"), ("light", "Light"), ("dark", "Dark")] {
                        button .button .small type="button" data-theme-choice=(value) { (label) }
                    }
                }
                button #help-button type="button" hidden { "Keys and help " kbd { "?" } }
                @if caller.person().is_some() {
                    hr;
                    a href="/account" { "Account and tokens" }
                    form method="post" action="/sign-out" {
                        (frame.csrf_field())
                        button { "Sign out" }
                    }
                }
            }
        }
    }
}

/// The first letters of the first and the last word of a name.
fn initials(name: &str) -> String {
    let words: Vec<&str> =
        name.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
    let ends = [words.first(), words.last().filter(|_| words.len() > 1)];
    let first = |word: &&str| word.chars().next();
    ends.into_iter().flatten().filter_map(first).flat_map(char::to_uppercase).collect()
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
