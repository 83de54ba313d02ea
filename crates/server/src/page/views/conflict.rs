//! Two versions of one view: both are shown, and whoever saves chooses.

use durward_access::SavedView;
use durward_model::Timestamp;
use maud::{Markup, html};

use crate::page::shell::{self, Frame};
use crate::page::words;

use super::{Form, href, manage, state_of};

/// The page. `kept` is what has the name, `form` what was to get it.
pub(super) fn page(frame: &Frame, kept: &SavedView, form: &Form, now: Timestamp) -> Markup {
    let facts =
        |query: &str| state_of(query).map(|state| manage::facts(&state)).unwrap_or_default();
    let (theirs, mine) = (facts(&kept.query), facts(&form.query));
    let mut names: Vec<&str> = theirs.iter().chain(&mine).map(|(name, _)| *name).collect();
    let mut seen = Vec::new();
    names.retain(|name| {
        !seen.contains(name) && {
            seen.push(*name);
            true
        }
    });
    let of = |facts: &[(&str, String)], name: &str| {
        let found = facts.iter().find(|(other, _)| *other == name);
        found.map_or_else(|| "–".to_owned(), |(_, text)| text.clone())
    };
    let was_changed = form.version.is_some();
    let body = html! {
        main #main .account {
            div .heading { h1 { "Which one shall “" (kept.name) "” be?" } }
            section .panel .part {
                p {
                    @if was_changed { "This view was changed after you opened it: " }
                    @else { "There is a view of yours with this name, from " }
                    (words::time(kept.changed, now)) ". Nothing is lost: choose what to keep."
                }
                div .scroll {
                    table .inner .versions {
                        thead {
                            tr {
                                td {}
                                th scope="col" { "As it is kept" }
                                th scope="col" { "As you want it" }
                            }
                        }
                        tbody {
                            @for name in &names {
                                @let (theirs, mine) = (of(&theirs, name), of(&mine, name));
                                tr .differs[theirs != mine] {
                                    th scope="row" { (name) @if theirs != mine { " ≠" } }
                                    td { (theirs) }
                                    td { (mine) }
                                }
                            }
                            tr .differs[kept.is_shared != form.is_shared] {
                                th scope="row" { "Seen by" }
                                td { (seen_by(kept.is_shared)) }
                                td { (seen_by(form.is_shared)) }
                            }
                        }
                    }
                }
                div .choices {
                    a .button href=(href(kept)) { "Keep it as it is" }
                    form method="post" action="/views" {
                        (hidden(frame, form))
                        input type="hidden" name="name" value=(kept.name);
                        input type="hidden" name="version" value=(kept.version);
                        button .button .primary { "Replace it with yours" }
                    }
                }
                form .narrow method="post" action="/views" {
                    (hidden(frame, form))
                    label {
                        span { "Or keep both: yours under the name" }
                        input type="text" name="name" maxlength="100" required
                            value={ (kept.name) " 2" };
                    }
                    button .button { "Save" }
                }
            }
        }
    };
    shell::page(frame, "Two versions", &body, &html! {})
}

fn seen_by(is_shared: bool) -> &'static str {
    if is_shared { "all who read the log" } else { "you" }
}

fn hidden(frame: &Frame, form: &Form) -> Markup {
    html! {
        (frame.csrf_field())
        input type="hidden" name="query" value=(form.query);
        input type="hidden" name="shared" value=(form.is_shared);
    }
}
