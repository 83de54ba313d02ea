//! The list of alerts.

use durward_detect::alerts::{Alert, AlertCounts};
use durward_detect::risk::SubjectKey;
use durward_detect::rules::StoredRule;
use durward_detect::{SubjectKind, detections};
use durward_model::Timestamp;
use maud::{Markup, html};

use crate::risk::RiskSight;

use super::super::shell::{self, Frame};
use super::super::state::grouped;
use super::super::words;
use super::work::CHOICES;
use super::{Asked, STATES, marks};

/// What the page shows.
pub(super) struct Page<'p> {
    pub(super) asked: &'p Asked,
    pub(super) sight: &'p RiskSight,
    pub(super) alerts: &'p [Alert],
    pub(super) has_more: bool,
    pub(super) counts: AlertCounts,
    pub(super) rules: &'p [StoredRule],
    pub(super) may_work: bool,
    /// The caller's name.
    pub(super) me: String,
    pub(super) now: Timestamp,
}

/// Whom an alert is about and what it says, as far as somebody sees it.
pub(super) struct Told {
    pub(super) subject: String,
    pub(super) href: Option<String>,
    pub(super) title: String,
    /// Names and addresses are as they are.
    pub(super) is_clear: bool,
}

impl Told {
    pub(super) fn of(alert: &Alert, sight: &RiskSight) -> Told {
        let subject = &alert.subject;
        let key = SubjectKey::new(&alert.tenant, subject.kind, &subject.id);
        // The alert as a whole may be seen, so whom it is about may be.
        let mask = sight.mask(&key, &subject.name).unwrap_or_default();
        let is_clear = !mask.names && !mask.addresses;
        let name = match subject.kind {
            SubjectKind::Address => sight.show_address(&subject.name, mask),
            _ => sight.show(&key, &subject.name, "", mask).name,
        };
        let title = match is_clear {
            true => alert.title.clone(),
            false => format!("{}: {name}", marks::detection_name(&alert.detection)),
        };
        let href = marks::subject_href(subject.kind, &subject.id).filter(|_| is_clear);
        Told { subject: name, href, title, is_clear }
    }
}

impl Page<'_> {
    pub(super) fn render(&self, frame: &Frame) -> Markup {
        let asked = self.asked;
        let body = html! {
            main #main .desk .alerts {
                div .heading {
                    div {
                        h1 { "Alerts" }
                        p .muted { "One for each attempt or campaign that somebody should look at." }
                    }
                    div .actions {
                        a .button href="/alerts/channels" { "Channels" }
                        a .button href="/alerts/suppressions" { "Suppressions" }
                        a .button href="/detections" { "Detections" }
                    }
                }
                nav .tabs aria-label="State" {
                    @for (name, label) in STATES {
                        a href=(asked.href(&asked.scope, &[("state", name)]))
                            aria-current=[(name == asked.state).then_some("page")] {
                            (label) span .count { (grouped(self.count(name))) }
                        }
                    }
                }
                (self.filters())
                @if self.alerts.is_empty() { (self.nothing()) } @else { (self.table(frame)) }
            }
        };
        let href = |scope: &super::Scope| asked.href(scope, &[]);
        let controls = shell::controls(&asked.scope, self.now, &href);
        shell::page(frame, "Alerts", &body, &controls)
    }

    fn count(&self, state: &str) -> u64 {
        let counts = &self.counts;
        match state {
            "new" => counts.new,
            "inProgress" => counts.in_progress,
            _ => {
                counts.true_positive
                    + counts.false_positive
                    + counts.benign_positive
                    + counts.withdrawn
            }
        }
    }

    fn filters(&self) -> Markup {
        let asked = self.asked;
        let severity = asked.get("severity");
        html! {
            form .narrow action="/alerts" method="get" role="search" {
                @for (name, value) in asked.scope.pairs() {
                    input type="hidden" name=(name) value=(value);
                }
                input type="hidden" name="state" value=(asked.state);
                label { span { "Severity" }
                    select name="severity" {
                        option value="" { "Any" }
                        option value="medium" selected[severity == "medium"] { "Medium or high" }
                        option value="high" selected[severity == "high"] { "High" }
                    }
                }
                label { span { "Detection" } (self.detections()) }
                @if !self.sight.masks_names() {
                    label { span { "Text or name" }
                        input type="search" name="q" value=(asked.get("q")) autocomplete="off";
                    }
                }
                label { span { "Assignee" }
                    input name="assignee" value=(asked.get("assignee")) autocomplete="off"
                        placeholder="Name, or - for nobody";
                }
                button .button type="submit" { "Filter" }
                @if asked.is_filtered() {
                    a .quiet href=(asked.scope.href("/alerts", &[("state", asked.state)])) {
                        "Reset"
                    }
                }
            }
        }
    }

    fn detections(&self) -> Markup {
        let chosen = self.asked.get("detection");
        html! {
            select name="detection" {
                option value="" { "Any" }
                @for (title, all) in detections::groups() {
                    optgroup label=(title) {
                        @for about in all {
                            option value=(about.id) selected[about.id == chosen] { (about.title) }
                        }
                    }
                }
                @if !self.rules.is_empty() {
                    optgroup label="Rules" {
                        @for stored in self.rules {
                            @let id = stored.rule.detection();
                            option value=(id) selected[id == chosen] { (stored.rule.name) }
                        }
                    }
                }
            }
        }
    }

    fn nothing(&self) -> Markup {
        let asked = self.asked;
        html! {
            section .panel .empty {
                h2 {
                    @match asked.state {
                        "new" => "No new alerts",
                        "inProgress" => "Nobody is working on an alert",
                        _ => "No closed alerts",
                    }
                    @if asked.is_filtered() || asked.scope.range != "all" { " match" }
                }
                p .muted {
                    "Findings of medium and high level become alerts here; low ones are listed "
                    "with their " a href="/detections" { "detections" } "."
                }
                div .choices {
                    @if asked.is_filtered() || asked.scope.range != "all" {
                        a .button href={ "/alerts?state=" (asked.state) } { "Without filters" }
                    }
                    @for (name, label) in STATES {
                        @if name != asked.state && self.count(name) > 0 {
                            a .button href=(asked.href(&asked.scope, &[("state", name)])) {
                                (label) " " (grouped(self.count(name)))
                            }
                        }
                    }
                }
            }
        }
    }

    fn table(&self, frame: &Frame) -> Markup {
        html! {
            form #alerts-form method="post" action="/alerts" {
                (frame.csrf_field())
                input type="hidden" name="back"
                    value=(self.asked.href(&self.asked.scope, &[]));
                @if self.may_work { (self.bulk()) }
                section .panel aria-label="Alerts" {
                    div .scroll tabindex="0" role="group" aria-label="Alerts" {
                        table .list .cards .alert-rows {
                            thead { (self.head()) }
                            tbody { @for alert in self.alerts { (self.row(alert)) } }
                        }
                    }
                    (self.pages())
                }
            }
        }
    }

    fn bulk(&self) -> Markup {
        html! {
            div .bulk .narrow role="group" aria-label="Change the selected alerts" {
                label .check #select-all hidden {
                    input type="checkbox"; "All on this page"
                }
                label { span { "Selected alerts" }
                    select name="do" {
                        option value="me" { "Assign to me" }
                        @for (value, label, _) in CHOICES { option value=(value) { (label) } }
                    }
                }
                label { span { "Note" } input name="note" maxlength="1000" autocomplete="off"; }
                button .button { "Apply" }
                span #selected-count .muted aria-live="polite" {}
            }
        }
    }

    fn head(&self) -> Markup {
        html! {
            tr {
                @if self.may_work {
                    th scope="col" .pick-of { span .visually-hidden { "Select" } }
                }
                th scope="col" { "State" }
                th scope="col" { "Severity" }
                th scope="col" { "Rule" }
                th scope="col" { "Entity" }
                th scope="col" { "First (" span .zone { "UTC" } ")" }
                th scope="col" { "Last" }
                th scope="col" .number { "Sign-ins" }
                th scope="col" { "Assignee" }
            }
        }
    }

    fn row(&self, alert: &Alert) -> Markup {
        let told = Told::of(alert, self.sight);
        let href = format!("/alerts/{}", alert.number);
        html! {
            tr .row .{ "row-" (alert.severity.name()) } data-href=(href) {
                @if self.may_work {
                    td .pick-of {
                        label {
                            input type="checkbox" name={ "n." (alert.number) } value="true"
                                aria-label={ "Select alert " (alert.number) };
                        }
                    }
                }
                td data-label="State" {
                    (alert.state.words())
                    @if alert.is_history { " " span .chip-of { "history" } }
                }
                td data-label="Severity" { (marks::level(alert.severity)) }
                td .name {
                    a .open href=(href) { (marks::detection_name(&alert.detection)) }
                    @if alert.findings > 1 {
                        " " span .muted { "+" (alert.findings - 1) }
                    }
                    span .says { (told.title) }
                }
                td data-label="Entity" .entity-of {
                    @if let Some(href) = &told.href { a href=(href) { (told.subject) } }
                    @else { (told.subject) }
                }
                td data-label="First" {
                    (words::time(Timestamp::from_micros(alert.first_micros), self.now))
                }
                td data-label="Last" {
                    (words::time(Timestamp::from_micros(alert.last_micros), self.now))
                }
                td data-label="Sign-ins" .number { (grouped(alert.sign_ins)) }
                td data-label="Assignee" {
                    @match &alert.assignee {
                        Some(name) if *name == self.me => b { "You" },
                        Some(name) => (name),
                        None => span .muted { "–" },
                    }
                }
            }
        }
    }

    fn pages(&self) -> Markup {
        let (asked, is_later) = (self.asked, self.asked.params.get("after").is_some());
        html! {
            @if is_later || self.has_more {
                footer .foot {
                    nav aria-label="Pages" {
                        @if is_later {
                            a .button href=(asked.href(&asked.scope, &[])) { "Newest" }
                        }
                        @if let Some(last) = self.alerts.last().filter(|_| self.has_more) {
                            @let after = format!("{}.{}", last.last_micros, last.number);
                            a .button rel="next"
                                href=(asked.href(&asked.scope, &[("after", &after)])) { "Older" }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use durward_detect::Level;

    #[test]
    fn every_level_has_a_name_of_its_own_in_the_style_sheet() {
        let sheet = include_str!("../../../assets/css/alerts.css");
        for level in Level::ALL {
            assert!(sheet.contains(&format!(".sev.{}", level.name())), "{level:?}");
        }
    }
}
