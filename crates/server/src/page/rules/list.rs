//! All rules.

use std::collections::HashMap;

use durward_detect::rules::{Rule, Schedule, Source, StoredRule};
use durward_model::Timestamp;
use maud::{Markup, html};

use super::super::alerts::marks;
use super::super::detections::Tally;
use super::super::shell::{self, Frame};
use super::super::words;
use super::draft::{SHAPES, name_of};
use super::href;
use super::test::per_week;

/// What the page shows.
pub(super) struct Page<'p> {
    pub(super) rules: &'p [StoredRule],
    pub(super) tallies: &'p HashMap<String, Tally>,
    /// Why rules cannot be run, by identifier.
    pub(super) broken: &'p HashMap<String, String>,
    pub(super) may_change: bool,
    pub(super) now: Timestamp,
}

impl Page<'_> {
    pub(super) fn render(&self, frame: &Frame) -> Markup {
        let body = html! {
            main #main .desk .rules {
                div .heading {
                    div {
                        h1 { "Rules" }
                        p .muted { "Detections of your own: a filter with a shape, or Sigma." }
                    }
                    div .actions {
                        @if self.may_change {
                            a .button .primary href="/rules/new" { "New rule" }
                            a .button href="/rules/import" { "Add Sigma rules" }
                        }
                        a .button href="/detections" { "Built-in detections" }
                    }
                }
                @if self.rules.is_empty() {
                    section .panel .empty {
                        h2 { "No rules yet" }
                        p .muted {
                            "Filter the sign-in logs as you like, and choose Make a rule under "
                            "View; or begin with an empty one."
                        }
                        @if self.may_change {
                            div .choices {
                                a .button href="/signins" { "Sign-in logs" }
                                a .button href="/rules/new" { "New rule" }
                                a .button href="/rules/import" { "Add Sigma rules" }
                            }
                        } @else {
                            p .muted { "A Security Administrator can add them." }
                        }
                    }
                } @else {
                    section .panel aria-label="Rules" {
                        div .scroll tabindex="0" role="group" aria-label="Rules" {
                            (self.table(frame))
                        }
                    }
                }
            }
        };
        shell::page(frame, "Rules", &body, &marks::zone())
    }

    fn table(&self, frame: &Frame) -> Markup {
        html! {
            table .list .cards {
                thead {
                    tr {
                        th scope="col" { "Rule" }
                        th scope="col" { "On" }
                        th scope="col" { "Severity" }
                        th scope="col" { "From" }
                        th scope="col" { "Shape" }
                        th scope="col" { "Looked at" }
                        th scope="col" { "Told" }
                        th scope="col" { "Last fired" }
                        th scope="col" .number { "Findings a week" }
                    }
                }
                tbody { @for stored in self.rules { (self.row(frame, &stored.rule)) } }
            }
        }
    }

    fn row(&self, frame: &Frame, rule: &Rule) -> Markup {
        let shape = name_of(&rule.shape);
        let shape =
            SHAPES.iter().find(|(name, ..)| *name == shape).map_or("", |(_, label, _)| label);
        let tally = self.tallies.get(&rule.detection()).copied().unwrap_or_default();
        let found: u64 = tally.found.iter().sum();
        html! {
            tr .row .off[!rule.enabled] id=(rule.id) {
                td .name {
                    a href=(href(&rule.id)) title=[Some(&rule.description).filter(|t| !t.is_empty())] {
                        (rule.name)
                    }
                    @if let Some(why) = self.broken.get(&rule.id) {
                        span .says .failed { "✖ Cannot be run: " (why) }
                    }
                }
                td data-label="On" { (self.switch(frame, rule)) }
                td data-label="Severity" { (marks::level(rule.severity)) }
                td data-label="From" {
                    @match rule.source {
                        Source::Sigma { .. } => "Sigma",
                        Source::Filter { .. } => "Filter",
                        Source::Kql { .. } => "KQL",
                    }
                }
                td data-label="Shape" { (shape) }
                td data-label="Looked at" {
                    @match rule.schedule {
                        Schedule::Stream => "as they come",
                        Schedule::Every { minutes } => { "every " (minutes) " min" }
                    }
                }
                td data-label="Told" {
                    @if rule.deliver.is_empty() { span .muted { "–" } }
                    @else { (rule.deliver.join(", ")) }
                }
                td data-label="Last fired" {
                    @match tally.last {
                        Some(last) => (words::time(last, self.now)),
                        None => span .muted { "–" },
                    }
                }
                td data-label="Findings a week" .number { (per_week(found as f64 * 7.0 / 30.0)) }
            }
        }
    }

    fn switch(&self, frame: &Frame, rule: &Rule) -> Markup {
        let is_on = rule.enabled;
        if !self.may_change {
            return html! { (if is_on { "Yes" } else { "No" }) };
        }
        html! {
            form method="post" action={ (href(&rule.id)) "/switch" } {
                (frame.csrf_field())
                button .switch role="switch" aria-checked=(is_on.to_string()) name="on"
                    value=((!is_on).to_string()) aria-label={ "On: " (rule.name) } {
                    span aria-hidden="true" { (if is_on { "Yes" } else { "No" }) }
                }
            }
        }
    }
}
