//! One detection: how it works, its settings, what it found, and what it would find.

use std::collections::HashMap;
use std::sync::Arc;

use durward_detect::book::{ChoiceChange, FindingQuery};
use durward_detect::{About, Settings};
use durward_model::Timestamp;
use maud::{Markup, html};

use crate::access::Caller;
use crate::app::App;
use crate::backtest::Job;
use crate::error::ApiError;
use crate::risk::{RiskSight, refused, run};

use super::super::alerts::marks::{self, Seen};
use super::super::scope::Scope;
use super::super::shell::{self, Frame};
use super::super::state::column;
use super::super::words;
use super::form::{self, Entered};
use super::{CHANGE, LISTED, Tally, backtest, list, tallies, tenants_of};

/// What the page shows.
pub(super) struct Page<'p> {
    pub(super) about: &'static About,
    pub(super) settings: Settings,
    pub(super) entered: &'p Entered,
    pub(super) history: Vec<ChoiceChange>,
    pub(super) tally: Tally,
    /// The newest findings; `None` where the caller may not see all of them.
    pub(super) found: Option<Vec<Seen>>,
    pub(super) job: Option<&'p Job>,
    pub(super) may_change: bool,
    pub(super) now: Timestamp,
}

/// Looks up what is known of a detection.
pub(super) async fn look<'p>(
    app: &Arc<App>,
    caller: &Arc<Caller>,
    about: &'static About,
    settings: Settings,
    entered: &'p Entered,
) -> Result<Page<'p>, ApiError> {
    let now = Timestamp::now();
    let sight = RiskSight::of(caller);
    let (history, tally, found) = run(app, move |book| {
        let history = book.choice_history(about.id).map_err(refused)?;
        let reach = sight.reach();
        let tallies: HashMap<String, Tally> =
            tallies(book, &reach, std::iter::once(about.id), now)?;
        let Some(tenants) = tenants_of(&reach) else {
            return Ok((history, Tally::default(), None));
        };
        let detection = Some(about.id.to_owned());
        let query = FindingQuery { tenants, detection, limit: LISTED, ..FindingQuery::default() };
        let found = book.findings(&query).map_err(refused)?;
        let seen = found.iter().filter_map(|stored| Seen::of(&stored.finding, &sight));
        let tally = tallies.get(about.id).copied().unwrap_or_default();
        Ok((history, tally, Some(seen.collect::<Vec<_>>())))
    })
    .await?;
    let may_change = caller.may_any(CHANGE);
    Ok(Page { about, settings, entered, history, tally, found, job: None, may_change, now })
}

impl Page<'_> {
    pub(super) fn render(&self, frame: &Frame) -> Markup {
        let about = self.about;
        let body = html! {
            main #main .desk .detection {
                p .crumbs { a href="/detections" { "Detections" } " / " }
                div .heading {
                    div {
                        h1 { (about.title) }
                        p .summary { (about.summary) }
                    }
                }
                (self.facts())
                div .two-parts {
                    div {
                        section .panel .part aria-labelledby="settings-title" {
                            h2 #settings-title { "Settings" }
                            (self.entered.render(frame, self.may_change, self.is_chosen()))
                            @if !self.may_change {
                                p .muted .small {
                                    "A Security Administrator can change them."
                                }
                            }
                        }
                        (history(about, &self.history, self.now))
                    }
                    div {
                        @if let Some(job) = self.job {
                            (backtest::panel(
                                frame,
                                job,
                                &format!("/detections/{}/backtest", about.id),
                                self.now,
                            ))
                        }
                        (self.findings())
                        (explained(about))
                    }
                }
            }
        };
        shell::page(frame, about.title, &body, &marks::zone())
    }

    fn is_chosen(&self) -> bool {
        self.history.first().is_some_and(|newest| newest.choice.is_some())
    }

    fn facts(&self) -> Markup {
        let about = self.about;
        html! {
            dl .facts-line {
                div { dt { "State" } dd {
                    @if self.settings.is_on(about) { "✔ On" } @else { "Off" }
                    @if self.settings.alerts(about) { ", makes alerts" }
                    @else { ", only recorded" }
                } }
                div { dt { "Level" } dd { (marks::level(about.level)) } }
                div { dt { "Detection timing" } dd { (list::when(about.timing)) } }
                @if !about.techniques.is_empty() {
                    div { dt { "MITRE ATT&CK" } dd .mono { (about.techniques.join(", ")) } }
                }
                @if !about.risk_event_type.is_empty() {
                    div { dt { "Risk event type" } dd .mono { (about.risk_event_type) } }
                }
                div { dt { "Findings, 30 days" } dd { (list::found(self.tally.found)) } }
                div { dt { "Last fired" } dd {
                    @match self.tally.last {
                        Some(last) => (words::time(last, self.now)),
                        None => "never",
                    }
                } }
            }
        }
    }

    fn findings(&self) -> Markup {
        let Some(found) = &self.found else { return html! {} };
        html! {
            section .panel .part aria-labelledby="found-title" {
                h2 #found-title { "Newest findings" }
                @if found.is_empty() {
                    p .muted {
                        "None so far."
                        @if !self.settings.is_on(self.about) { " It is off." }
                    }
                } @else { (marks::findings(found, true, self.now)) }
            }
        }
    }
}

/// How it works and what to do.
fn explained(about: &About) -> Markup {
    let scope = Scope::default().at("7d");
    html! {
        section .panel .part .explained aria-labelledby="how-title" {
            h2 #how-title { "How it decides" }
            ol { @for step in about.method { li { (with_code(step)) } } }
            @if !about.learning.is_empty() {
                h3 { "Learning" }
                p { (with_code(about.learning)) }
            }
            h3 { "Reads" }
            p .inputs {
                @for name in about.inputs {
                    @match column(name) {
                        Some(known) => a href=(scope.href("/signins",
                            &[("type", "all"), ("by", known.name)])) { code { (name) } },
                        None => code { (name) },
                    }
                    " "
                }
            }
            h3 { "What speaks against it" }
            ul { @for reason in about.against { li { (with_code(reason)) } } }
            h3 { "Tuning" }
            p { (with_code(about.tuning)) }
            h3 { "What to look at and to do" }
            ol { @for step in about.response { li { (with_code(step)) } } }
        }
    }
}

/// A text in which what stands between backticks is code.
pub(in crate::page) fn with_code(text: &str) -> Markup {
    html! {
        @for (number, part) in text.split('`').enumerate() {
            @if number % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

fn history(about: &About, changes: &[ChoiceChange], now: Timestamp) -> Markup {
    html! {
        section .panel .part aria-labelledby="history-title" {
            h2 #history-title { "History" }
            @if changes.is_empty() {
                p .muted { "Nobody has changed it: what the configuration says holds." }
            }
            ol .log-lines {
                @for change in changes {
                    li {
                        (words::time(Timestamp::from_micros(change.at_micros), now))
                        " · " b { (change.by) } ": "
                        @match &change.choice {
                            Some(choice) => (form::words(about, choice)),
                            None => "back to the configuration",
                        }
                    }
                }
            }
        }
    }
}
