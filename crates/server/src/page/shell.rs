//! What every page has around it.

use std::sync::Arc;

use maud::{DOCTYPE, Markup, html};

use super::{ICON_PATH, SCRIPT_PATH, STYLE_PATH};
use crate::access::{Caller, READ_OTHERS, Who};
use durward_access::Right;

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

/// Places, and who is shown the way to them.
const PLACES: [(&str, &str, &[Right]); 4] = [
    ("/signins", "Sign-in logs", READ_OTHERS),
    ("/reported", "Reported", &[Right::ReadUserSignIns]),
    ("/me", "My sign-ins", &[Right::ReadOwn]),
    ("/access-log", "Access log", &[Right::ReadAccessLog]),
];

/// A whole page. `controls` go to the right of the bar at the top.
pub(crate) fn page(frame: &Frame, title: &str, body: &Markup, controls: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · durward" }
                link rel="icon" href=(ICON_PATH) type="image/svg+xml";
                link rel="stylesheet" href=(STYLE_PATH) nonce=(frame.nonce);
                script src=(SCRIPT_PATH) nonce=(frame.nonce) defer {}
            }
            body {
                a .skip href="#main" { "Skip to the content" }
                header .bar {
                    a .brand href="/" {
                        img src=(ICON_PATH) alt="" width="18" height="18";
                        "durward"
                    }
                    (places(frame, title))
                    div .controls { (controls) (viewer(frame)) }
                }
                @if frame.viewer().is_some_and(|caller| matches!(caller.who, Who::Demo)) {
                    p .notice role="note" {
                        "Demo: everybody on this machine is signed in as a demo administrator, and
                         everything shown is invented."
                    }
                }
                (body)
            }
        }
    }
}

fn places(frame: &Frame, title: &str) -> Markup {
    let Some(caller) = frame.viewer() else { return html! {} };
    html! {
        nav .places aria-label="Places" {
            @for (href, label, rights) in PLACES {
                @if caller.may_any(rights) {
                    a href=(href) aria-current=[(label == title).then_some("page")] { (label) }
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
