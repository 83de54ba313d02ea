//! The line that is read first: how it ended, why, and what to do.

use durward_model::errors::Status;
use maud::{Markup, html};

use super::super::words::{icon, status_class};
use super::story::{self, Story, Words};
use super::{Shown, related};

/// Text with the names in it marked.
pub(in crate::page) fn words(words: &Words) -> Markup {
    html! {
        @for (text, is_name) in &words.0 {
            @if *is_name { b { (text) } } @else { (text) }
        }
    }
}

pub(super) fn panel(shown: Shown<'_>) -> Markup {
    let facts = &shown.pane.facts;
    let story = story::told(facts);
    html! {
        section .verdict .(status_class(facts.status)) aria-label="What happened" {
            (headline(facts.status, &story))
            @if facts.status != Status::Success && !story.advice.is_empty() {
                p .advice { "What to do: " (story.advice) }
            } @else if !story.advice.is_empty() {
                p .advice { (story.advice) }
            }
            (related::context_placeholder())
            @if !story.evidence.is_empty() { (derived(&story)) }
        }
    }
}

/// Icon, verdict, reason.
pub(in crate::page) fn headline(status: Status, story: &Story) -> Markup {
    html! {
        p .reason {
            b .verdict-word {
                span aria-hidden="true" { (icon(status)) }
                span .visually-hidden { (status.name()) ": " }
                " " (story.verdict) "."
            }
            " " (words(&story.what))
        }
    }
}

/// The fields that each claim rests on.
pub(in crate::page) fn derived(story: &Story) -> Markup {
    html! {
        details .derived {
            summary { "How this was derived" }
            dl {
                @for (claim, field) in &story.evidence {
                    dt { (claim) }
                    dd { (field) }
                }
            }
        }
    }
}
