//! The record as it came, as Graph gives it, and how it changed.

use durward_model::graph::{self, GraphOptions, Version};
use durward_model::{Event, FieldId};
use maud::{Markup, html};
use serde_json::Value;

use super::super::state::ago;
use super::revision::{Difference, differences};
use super::{Shown, fields};

/// Revisions shown at most; more than a few are rare.
const REVISIONS_MAX: usize = 50;
/// Differences of one revision shown at most.
const DIFFERENCES_MAX: usize = 300;

pub(super) fn tab(shown: Shown<'_>) -> Markup {
    let own = std::slice::from_ref(&shown.pane.event);
    let all = match shown.pane.revisions.as_slice() {
        [] => own,
        all => all,
    };
    html! {
        @if all.len() > 1 {
            p .notice-line role="note" {
                "Δ " (all.len()) " revisions: the source delivered this sign-in more than once, \
                 with differences. The latest is first."
            }
        }
        @for (index, event) in all.iter().take(REVISIONS_MAX).enumerate() {
            (revision(shown, event, all.get(index + 1), index == 0))
        }
        @if all.len() > REVISIONS_MAX {
            p .absent { (all.len() - REVISIONS_MAX) " earlier revisions are not shown." }
        }
    }
}

fn revision(shown: Shown<'_>, event: &Event, earlier: Option<&Event>, is_latest: bool) -> Markup {
    let row = event.row();
    let received = row.received.to_rfc3339();
    let source = event.cell(FieldId::Category).to_string();
    html! {
        section .revision {
            h3 { "Revision " (row.revision) @if is_latest { " (latest)" } }
            p .muted {
                "Received " time datetime=(received) title=(received) {
                    (fields::long_time(&received))
                }
                " · " (ago(row.received, shown.now))
                @if let Some(published) = row.published {
                    @let published = published.to_rfc3339();
                    " · published " time datetime=(published) { (fields::long_time(&published)) }
                }
                " · source " (if source.is_empty() { "not supplied" } else { &source })
            }
            @if let Some(earlier) = earlier { (changes(earlier, event)) }
            (json("As received", original(event), is_latest))
            @if row.log.is_sign_in() {
                (json("As Microsoft Graph gives it", Some(canonical(event)), false))
            }
        }
    }
}

fn json(heading: &str, text: Option<String>, is_open: bool) -> Markup {
    html! {
        @if let Some(text) = text {
            details .json open[is_open] {
                summary { (heading) }
                button .button type="button" hidden data-copy-next="true" { "Copy" }
                pre tabindex="0" { (text) }
            }
        } @else {
            p .absent {
                (heading) ": hidden, as names or addresses are masked for you and the record has \
                 them in clear."
            }
        }
    }
}

/// The record as its source wrote it, laid out; `None` where it may not be shown.
fn original(event: &Event) -> Option<String> {
    event.has_original().then(|| pretty(&event.original()))
}

fn canonical(event: &Event) -> String {
    let mut text = String::new();
    graph::write_event(event, &GraphOptions::new(Version::Beta), &mut text);
    pretty(&text)
}

fn pretty(json: &str) -> String {
    let value = serde_json::from_str::<Value>(json);
    value.and_then(|value| serde_json::to_string_pretty(&value)).unwrap_or_else(|_| json.to_owned())
}

/// What a revision changed, in Graph's form: whatever the sources, like is compared with like.
fn changes(earlier: &Event, later: &Event) -> Markup {
    let value = |event: &Event| -> Value {
        let mut text = String::new();
        graph::write_sign_in(event, &GraphOptions::new(Version::Beta), &mut text);
        serde_json::from_str(&text).unwrap_or_default()
    };
    let found = differences(&value(earlier), &value(later));
    html! {
        @if found.is_empty() {
            p .absent { "Nothing that Graph shows differs from the revision before." }
        } @else {
            table .inner .changes {
                thead {
                    tr {
                        th scope="col" { "Field" }
                        th scope="col" { "Before" }
                        th scope="col" { "After" }
                    }
                }
                tbody { @for change in found.iter().take(DIFFERENCES_MAX) { (change_row(change)) } }
            }
        }
    }
}

fn change_row(change: &Difference) -> Markup {
    let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".to_owned());
    html! {
        tr {
            td .mono { (change.path) }
            td { del { (shown(&change.before)) } }
            td { ins { (shown(&change.after)) } }
        }
    }
}
