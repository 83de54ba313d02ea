//! What every page has around it.

use maud::{DOCTYPE, Markup, html};

use super::{ICON_PATH, SCRIPT_PATH, STYLE_PATH};

/// A whole page. `controls` go to the right of the bar at the top.
pub(super) fn page(title: &str, body: &Markup, controls: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · durward" }
                link rel="icon" href=(ICON_PATH) type="image/svg+xml";
                link rel="stylesheet" href=(STYLE_PATH);
                script src=(SCRIPT_PATH) defer {}
            }
            body {
                a .skip href="#main" { "Skip to the content" }
                header .bar {
                    a .brand href="/" {
                        img src=(ICON_PATH) alt="" width="18" height="18";
                        "durward"
                    }
                    span .crumb { "Sign-in logs" }
                    div .controls { (controls) }
                }
                (body)
            }
        }
    }
}
