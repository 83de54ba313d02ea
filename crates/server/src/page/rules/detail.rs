//! One rule: its form, its back-test, what it found, its versions.

use std::sync::Arc;

use durward_detect::rules::{RuleChange, RuleError, StoredRule};
use durward_model::Timestamp;
use maud::{Markup, html};

use crate::access::Caller;
use crate::app::App;
use crate::backtest::Job;

use super::super::alerts::marks::{self, Seen};
use super::super::detections::{Tally, found_by_level};
use super::super::shell::{self, Frame};
use super::super::words;
use super::draft::Draft;
use super::form::{self, Form};
use super::{CHANGE, href, test};

/// What is known of a rule that there is.
pub(super) struct Known {
    pub(super) stored: StoredRule,
    pub(super) history: Vec<RuleChange>,
    pub(super) tally: Tally,
    pub(super) found: Vec<Seen>,
}

/// What the page shows.
pub(super) struct Page {
    pub(super) draft: Draft,
    pub(super) problem: Option<RuleError>,
    pub(super) job: Option<Arc<Job>>,
    /// `None` for a new rule.
    pub(super) known: Option<Known>,
    pub(super) channels: Vec<String>,
    pub(super) may_change: bool,
    pub(super) now: Timestamp,
}

impl Page {
    /// Of a new rule of which nothing is said yet.
    pub(super) fn empty(app: &App, caller: &Caller) -> Page {
        Page {
            draft: Draft::default(),
            problem: None,
            job: None,
            known: None,
            channels: app.deliver.names().map(str::to_owned).collect(),
            may_change: caller.may_any(CHANGE),
            now: Timestamp::now(),
        }
    }

    pub(super) fn render(mut self, frame: &Frame) -> Markup {
        if let Some(job) = &self.job {
            self.draft.name_test(&job.id);
        }
        let title = match &self.known {
            Some(known) => known.stored.rule.name.clone(),
            None => "New rule".to_owned(),
        };
        let body = html! {
            main #main .desk .rule {
                p .crumbs { a href="/rules" { "Rules" } " / " }
                div .heading {
                    div {
                        h1 { (title) }
                        @if self.known.is_none() {
                            p .muted {
                                "Sigma rules are added " a href="/rules/import" { "as files" } "."
                            }
                        }
                    }
                    (self.actions(frame))
                }
                @if let Some(known) = &self.known { (self.facts(known)) }
                div .two-parts .wide-first {
                    div {
                        section .panel .part aria-label="Rule" { (self.form().render(frame)) }
                    }
                    div {
                        @match &self.job {
                            Some(job) => (test::panel(frame, job, self.now)),
                            None => (not_tried()),
                        }
                        @if let Some(known) = &self.known {
                            (self.findings(known))
                            (self.history(known))
                        }
                    }
                }
            }
        };
        shell::page(frame, &title, &body, &marks::zone())
    }

    fn form(&self) -> Form<'_> {
        Form {
            draft: &self.draft,
            problem: self.problem.as_ref(),
            channels: &self.channels,
            may_change: self.may_change,
            is_tried: self.job.as_deref().and_then(test::tried).is_some(),
            is_kept: self.known.is_some(),
        }
    }

    fn actions(&self, frame: &Frame) -> Markup {
        let Some(known) = self.known.as_ref().filter(|_| self.may_change) else {
            return html! {};
        };
        let (rule, href) = (&known.stored.rule, href(&known.stored.rule.id));
        html! {
            div .actions {
                form method="post" action={ (href) "/switch" } {
                    (frame.csrf_field())
                    input type="hidden" name="on" value=(!rule.enabled);
                    button .button { (if rule.enabled { "Switch off" } else { "Switch on" }) }
                }
                details .menu-button {
                    summary .button { "Remove" }
                    form .menu .left method="post" action={ (href) "/remove" } {
                        (frame.csrf_field())
                        p { "Its findings and versions stay." }
                        button .button { "Remove this rule" }
                    }
                }
            }
        }
    }

    fn facts(&self, known: &Known) -> Markup {
        let rule = &known.stored.rule;
        let at = Timestamp::from_micros(known.stored.at_micros);
        html! {
            dl .facts-line {
                div { dt { "State" } dd { (if rule.enabled { "✔ On" } else { "Off" }) } }
                div { dt { "Severity" } dd { (marks::level(rule.severity)) } }
                div { dt { "Findings, 30 days" } dd { (found_by_level(known.tally.found)) } }
                div { dt { "Last fired" } dd {
                    @match known.tally.last {
                        Some(last) => (words::time(last, self.now)),
                        None => "never",
                    }
                } }
                div { dt { "Changed" } dd { (words::time(at, self.now)) " by " (known.stored.by) } }
                div { dt { "Identifier" } dd .mono { (rule.id) } }
            }
        }
    }

    fn findings(&self, known: &Known) -> Markup {
        html! {
            section .panel .part aria-labelledby="found-title" {
                h2 #found-title { "Newest findings" }
                @if known.found.is_empty() { p .muted { "None so far." } }
                @else { (marks::findings(&known.found, true, self.now)) }
            }
        }
    }

    fn history(&self, known: &Known) -> Markup {
        html! {
            section .panel .part aria-labelledby="history-title" {
                h2 #history-title { "Versions" }
                ol .log-lines {
                    @for (number, change) in known.history.iter().enumerate() {
                        li {
                            (words::time(Timestamp::from_micros(change.at_micros), self.now))
                            " · " b { (change.by) } ": "
                            @match &change.rule {
                                Some(rule) => {
                                    (form::words(rule)) " "
                                    @if number > 0 {
                                        @let query = format!("?version={}", change.at_micros);
                                        a href={ (href(&rule.id)) (query) } {
                                            "put it into the form"
                                        }
                                    }
                                }
                                None => "removed",
                            }
                        }
                    }
                }
            }
        }
    }
}

fn not_tried() -> Markup {
    html! {
        section #backtest .panel .part aria-labelledby="backtest-title" {
            h2 #backtest-title { "Back-test" }
            p .muted {
                "Shows what the rule would have found, day by day, before it is switched on."
            }
        }
    }
}
