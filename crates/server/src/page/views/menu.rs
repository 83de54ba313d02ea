//! What the heading of the explorer offers for its views: choose, save, share.

use durward_access::{Right, SavedView};
use durward_model::Timestamp;
use maud::{Markup, html};

use crate::page::shell::Frame;
use crate::page::state::State;

use super::{builtin, href, query_of};

/// The most views of each kind that the menu has; the page of views has all.
const LISTED_MAX: usize = 20;

/// The menu of views, named after the one that is shown.
pub(in crate::page) fn menu(frame: &Frame, state: &State, views: &[SavedView]) -> Markup {
    let query = query_of(state);
    let (layouts, filters) = (builtin::layouts(state), builtin::filters(state));
    let is_shown = |other: &State| query_of(other) == query;
    let saved = views.iter().find(|view| view.query == query).map(|view| view.name.as_str());
    let known = |of: &[(&'static str, State)]| {
        of.iter().find(|(_, other)| is_shown(other)).map(|(name, _)| *name)
    };
    let name = saved.or_else(|| known(&filters)).or_else(|| known(&layouts)).unwrap_or("custom");
    let own = frame.viewer.as_deref().and_then(super::owner_of);
    let (own, shared): (Vec<_>, Vec<_>) =
        views.iter().partition(|view| Some(&view.owner) == own.as_ref());
    html! {
        details #views .menu-button {
            summary .button { "View: " span .clip { (name) } " ▾" }
            div .menu {
                (section("Columns", &layouts, &is_shown))
                (saved_section("Yours", &own, &query))
                (saved_section("Shared", &shared, &query))
                (section("Filters", &filters, &is_shown))
                @if frame.may(Right::ChangeDetections) {
                    a .last href=(state.href_of("/rules/new", &[])) { "Make a rule of this view" }
                }
                a #save-view .last href=(state.href_of("/views", &[])) data-dialog="Views" {
                    "Save or remove views…" kbd aria-hidden="true" { "S" }
                }
            }
        }
    }
}

fn section(title: &str, of: &[(&'static str, State)], is_shown: &dyn Fn(&State) -> bool) -> Markup {
    html! {
        h3 { (title) }
        @for (name, other) in of {
            a href=(other.href()) aria-current=[is_shown(other).then_some("true")] { (name) }
        }
    }
}

fn saved_section(title: &str, of: &[&SavedView], query: &str) -> Markup {
    html! {
        @if !of.is_empty() {
            h3 { (title) }
            @for view in of.iter().take(LISTED_MAX) {
                a href=(href(view)) aria-current=[(view.query == query).then_some("true")]
                    title=[view.owner_name.as_ref()] { (view.name) }
            }
        }
    }
}

/// Ways to hand on what is shown.
pub(in crate::page) fn share(state: &State, now: Timestamp) -> Markup {
    html! {
        details #share .menu-button {
            summary .button { "Share" }
            div .menu .to-the-left {
                a href=(state.href()) data-share="link" {
                    "Link" span .muted { "shows what there is when it is opened" }
                }
                a href=(frozen(state, now).href()) data-share="link" {
                    "Frozen link" span .muted { "shows these rows, whenever it is opened" }
                }
                button #copy-rows type="button" hidden {
                    "Rows as a table" span .muted { "the loaded rows, in Markdown" }
                }
            }
        }
    }
}

/// The same at this moment: of the same range, with nothing that came in later.
fn frozen(state: &State, now: Timestamp) -> State {
    let (from, to) = state.scope.span(now).unwrap_or_default();
    let mut frozen = state.clone();
    frozen.as_of = Some(state.as_of.unwrap_or(now));
    if let Some(from) = from {
        frozen.scope = frozen.scope.between(from.micros, to.unwrap_or(now).micros);
    }
    frozen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Params;

    #[test]
    fn a_frozen_link_names_its_range_and_its_moment() {
        let now = Timestamp::from_micros(1_772_452_800_000_000);
        let state = |query: &str| State::parse(&Params::parse(Some(query)).unwrap()).unwrap();
        let href = |query: &str| frozen(&state(query), now).href();
        let day = href("t=24h&f=status%3Dfailure&row=x");
        for part in [
            "t=2026-03-01T12:00:00Z..2026-03-02T12:00:00Z",
            "asof=2026-03-02T12:00:00Z",
            "f=status%3Dfailure",
            "row=x",
        ] {
            assert!(day.contains(part), "{part} in {day}");
        }
        assert!(href("t=all").contains("t=all&asof=2026-03-02T12:00:00Z"));
        assert!(href("t=all&asof=2026-03-01").contains("asof=2026-03-01T00:00:00Z"));
    }
}
