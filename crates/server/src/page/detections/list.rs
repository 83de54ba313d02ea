//! All detections.

use std::collections::HashMap;

use durward_detect::{About, Level, Settings, Timing, WatchStatus, detections};
use durward_model::Timestamp;
use maud::{Markup, html};

use super::super::alerts::marks;
use super::super::shell::{self, Frame};
use super::super::state::{ago, grouped};
use super::super::words;
use super::Tally;

/// What the page shows.
pub(super) struct Page<'p> {
    /// Part of a name.
    pub(super) text: &'p str,
    pub(super) settings: &'p Settings,
    pub(super) tallies: &'p HashMap<String, Tally>,
    pub(super) status: Option<WatchStatus>,
    pub(super) may_change: bool,
    pub(super) now: Timestamp,
}

impl Page<'_> {
    pub(super) fn render(&self, frame: &Frame) -> Markup {
        let on = detections::all().filter(|about| self.settings.is_on(about)).count();
        let groups = detections::groups();
        let groups = groups.iter().map(|(title, all)| {
            let all = all.iter().copied().filter(|about| self.is_shown(about));
            (*title, all.collect::<Vec<_>>())
        });
        let groups: Vec<_> = groups.filter(|(_, all)| !all.is_empty()).collect();
        let body = html! {
            main #main .desk .detections {
                div .heading {
                    div {
                        h1 { "Detections" }
                        p .muted {
                            (on) " of " (detections::all().count()) " are on. What they find is "
                            "worked out from the sign-ins alone, and needs no licence."
                        }
                    }
                    div .actions {
                        a .button href="/rules" { "Rules of your own" }
                        a .button href="/alerts" { "Alerts" }
                    }
                }
                (watching(self.status.as_ref(), self.now))
                form .narrow action="/detections" method="get" role="search" {
                    label { span { "Name, technique or text" }
                        input type="search" name="q" value=(self.text) autocomplete="off";
                    }
                    button .button { "Filter" }
                    @if !self.text.is_empty() { a .quiet href="/detections" { "Reset" } }
                }
                @if groups.is_empty() {
                    section .panel .empty {
                        h2 { "No detection matches" }
                        p .muted { "Nothing in names, texts or techniques has “" (self.text) "”." }
                    }
                }
                @for (title, all) in &groups { (self.group(frame, title, all)) }
            }
        };
        shell::page(frame, "Detections", &body, &marks::zone())
    }

    fn is_shown(&self, about: &About) -> bool {
        let text = self.text.to_lowercase();
        let has = |of: &str| of.to_lowercase().contains(&text);
        let texts = [about.id, about.title, about.summary, about.risk_event_type];
        text.is_empty() || texts.into_iter().chain(about.techniques.iter().copied()).any(has)
    }

    fn group(&self, frame: &Frame, title: &str, all: &[&'static About]) -> Markup {
        html! {
            section .panel .group aria-label=(title) {
                h2 { (title) " " span .muted { (all.len()) } }
                div .scroll tabindex="0" role="group" aria-label=(title) {
                    table .list .cards {
                        thead {
                            tr {
                                th scope="col" { "Detection" }
                                th scope="col" { "On" }
                                th scope="col" { "Alerts" }
                                th scope="col" { "Level" }
                                th scope="col" { "Technique" }
                                th scope="col" { "When" }
                                th scope="col" { "Last fired" }
                                th scope="col" { "Findings, 30 days" }
                            }
                        }
                        tbody { @for about in all { (self.row(frame, about)) } }
                    }
                }
            }
        }
    }

    fn row(&self, frame: &Frame, about: &'static About) -> Markup {
        let (is_on, alerts) = (self.settings.is_on(about), self.settings.alerts(about));
        let chosen = self.settings.choice(about.id);
        html! {
            tr .row .off[!is_on] id=(about.id) {
                td .name {
                    a href={ "/detections/" (about.id) } title=(about.summary) { (about.title) }
                    @if !chosen.values.is_empty() {
                        span .chip-of title="Some numbers are not the defaults" { "changed" }
                    }
                }
                td data-label="On" { (self.switch(frame, about, "on", "On", is_on)) }
                td data-label="Alerts" { (self.switch(frame, about, "alerts", "Alerts", alerts)) }
                td data-label="Level" { (marks::level(about.level)) }
                td data-label="Technique" .mono { (about.techniques.join(" ")) }
                td data-label="When" { (when(about.timing)) }
                @let tally = self.tallies.get(about.id).copied().unwrap_or_default();
                td data-label="Last fired" {
                    @match tally.last {
                        Some(last) => (words::time(last, self.now)),
                        None => span .muted { "–" },
                    }
                }
                td data-label="Findings, 30 days" { (found(tally.found)) }
            }
        }
    }

    fn switch(&self, frame: &Frame, about: &About, name: &str, label: &str, is_on: bool) -> Markup {
        if !self.may_change {
            return html! { (if is_on { "Yes" } else { "No" }) };
        }
        html! {
            form method="post" action={ "/detections/" (about.id) "/switch" } {
                (frame.csrf_field())
                button .switch role="switch" aria-checked=(is_on.to_string()) name=(name)
                    value=((!is_on).to_string()) aria-label={ (label) ": " (about.title) } {
                    span aria-hidden="true" { (if is_on { "Yes" } else { "No" }) }
                }
            }
        }
    }
}

pub(super) fn when(timing: Timing) -> &'static str {
    match timing {
        Timing::RealTime => "Real-time",
        Timing::Offline => "Offline",
    }
}

/// Findings by level, the highest first.
pub(in crate::page) fn found(found: [u64; 3]) -> Markup {
    if found.iter().all(|count| *count == 0) {
        return html! { span .muted { "–" } };
    }
    html! {
        span .by-level {
            @for level in Level::ALL.into_iter().rev() {
                @let count = found[level as usize];
                @if count > 0 {
                    span .{ "sev " (level.name()) }
                        title={ (grouped(count)) " " (level.name()) } {
                        (grouped(count)) " " (level.name())
                    }
                }
            }
        }
    }
}

/// How far the log was looked at.
fn watching(status: Option<&WatchStatus>, now: Timestamp) -> Markup {
    let Some(status) = status else {
        return html! {
            p .problem role="status" {
                b { "Nobody watches. " }
                "This server does not look for attacks; nothing new is found."
            }
        };
    };
    html! {
        @if !status.error.is_empty() {
            p .problem role="alert" {
                b { "✖ The last look failed: " } (status.error)
                " It is tried again; the server’s log has more."
            }
        }
        @if let Some((at, to)) = status.catching_up {
            p .said role="status" {
                "Looking at history: at " (words::time(Timestamp::from_micros(at), now)) " of "
                (words::time(Timestamp::from_micros(to), now)) ". Findings grow until then."
            }
        } @else if let Some(at) = status.at_micros {
            p .muted .watching {
                "Looked at " (ago(Timestamp::from_micros(at), now)) ", at "
                (grouped(status.seen)) " sign-ins since the start."
            }
        } @else if status.error.is_empty() {
            p .muted .watching { "The first look at the log has begun." }
        }
    }
}
