//! Client apps as a tree: modern and legacy authentication, and the clients of each.

use maud::{Markup, html};

use super::form::choice;
use super::say::BRANCHES;
use super::subject::Subject;
use super::values::Counted;
use crate::page::state::grouped;

/// Clients of legacy authentication that Entra lists by name; the rest are shown where they occur.
const LISTED: usize = 13;

/// Check boxes for both branches and their clients.
pub(super) fn clients(chosen: &[String], counted: &Counted) -> Markup {
    let Some(subject) = Subject::of("clientAppUsed") else { return html! {} };
    let count_of = |name: &str| {
        let found = counted.values.iter().find(|(value, _)| value.eq_ignore_ascii_case(name));
        found.map_or(0, |(_, count)| *count)
    };
    let is_chosen = |name: &str| chosen.iter().any(|value| value.eq_ignore_ascii_case(name));
    let in_tree = |value: &str| {
        BRANCHES.iter().any(|(_, _, names)| names.iter().any(|n| n.eq_ignore_ascii_case(value)))
    };
    html! {
        @for (branch, _, names) in BRANCHES {
            fieldset .branch {
                legend {
                    label .check {
                        input type="checkbox" name="value" value=(branch)
                            checked[is_chosen(branch)];
                        span .name { (heading(branch)) }
                        span .count {
                            (grouped(names.iter().map(|name| count_of(name)).sum::<u64>()))
                        }
                    }
                }
                ul .choices-of-values {
                    @for (index, name) in names.iter().enumerate() {
                        @if is_listed(branch, index) || count_of(name) > 0 || is_chosen(name) {
                            (choice(&subject, name, count_of(name), is_chosen(name)))
                        }
                    }
                }
            }
        }
        ul .choices-of-values {
            @for (value, count) in counted.values.iter().filter(|(value, _)| !in_tree(value)) {
                (choice(&subject, value, *count, is_chosen(value)))
            }
        }
    }
}

fn heading(branch: &str) -> &'static str {
    match branch {
        "modern" => "Modern authentication clients",
        _ => "Legacy authentication clients",
    }
}

/// Is it listed even where no sign-in used it?
fn is_listed(branch: &str, index: usize) -> bool {
    index < if branch == "modern" { 2 } else { LISTED }
}
