//! One alert: why, by what evidence, what to check, and what became of it.

use std::collections::BTreeMap;

use durward_detect::alerts::{
    Alert, AlertDetails, AlertState, Attached, Delivery, DeliveryState, Entry, SYSTEM, What,
};
use durward_detect::{SubjectKind, detections};
use durward_model::Timestamp;
use maud::{Markup, html};

use crate::risk::RiskSight;

use super::super::detections::with_code;
use super::super::entity::rows;
use super::super::shell::{self, Frame};
use super::super::state::grouped;
use super::super::words;
use super::evidence::Evidence;
use super::list::Told;
use super::marks;
use super::work::{CHOICES, HOURS};

/// Longest text of a check that is written down, in bytes.
const CHECK_BYTES_MAX: usize = 300;

/// What the page shows.
pub(super) struct Page<'p> {
    pub(super) details: &'p AlertDetails,
    pub(super) evidence: &'p Evidence,
    pub(super) sight: &'p RiskSight,
    pub(super) may_work: bool,
    /// The caller's name.
    pub(super) me: String,
    pub(super) now: Timestamp,
}

impl Page<'_> {
    pub(super) fn render(&self, frame: &Frame) -> Markup {
        let alert = &self.details.alert;
        let told = Told::of(alert, self.sight);
        let title = format!("Alert #{}", alert.number);
        let body = html! {
            main #main .desk .alert {
                p .crumbs { a href="/alerts" { "Alerts" } " / #" (alert.number) }
                div .heading {
                    div {
                        h1 { (marks::detection_name(&alert.detection)) }
                        p .summary { (told.title) }
                    }
                }
                (self.facts(&told))
                (self.links())
                div .two-parts .wide-first {
                    div {
                        (self.why(&told))
                        (self.evidence())
                        (self.timeline(&told))
                    }
                    div {
                        (self.work(frame))
                        (self.checks(frame))
                        (self.notes(frame))
                        (self.suppress(frame, &told))
                        (self.deliveries(frame))
                    }
                }
            }
        };
        shell::page(frame, &title, &body, &marks::zone())
    }

    fn time(&self, micros: i64) -> Markup {
        words::time(Timestamp::from_micros(micros), self.now)
    }

    fn facts(&self, told: &Told) -> Markup {
        let alert = &self.details.alert;
        html! {
            dl .facts-line {
                div { dt { "Severity" } dd { (marks::level(alert.severity)) } }
                div { dt { "State" } dd { b { (alert.state.words()) } } }
                div { dt { "Entity" } dd {
                    @if let Some(href) = &told.href { a href=(href) { (told.subject) } }
                    @else { (told.subject) }
                } }
                div { dt { "First" } dd { (self.time(alert.first_micros)) } }
                div { dt { "Last" } dd { (self.time(alert.last_micros)) } }
                div { dt { "Sign-ins" } dd { (grouped(alert.sign_ins)) } }
                div { dt { "Findings" } dd { (grouped(alert.findings)) } }
                div { dt { "Assignee" } dd {
                    (alert.assignee.as_deref().unwrap_or("nobody"))
                } }
                (self.similar())
            }
        }
    }

    /// What became of earlier ones of the kind.
    fn similar(&self) -> Markup {
        let (all, own) = (self.details.similar, self.details.similar_about_subject);
        let none = all.true_positives + all.dismissed == 0;
        html! {
            div { dt { "Similar past alerts" } dd {
                @if none { "none closed yet" }
                @else {
                    (grouped(all.true_positives)) " true, " (grouped(all.dismissed)) " dismissed"
                    @if own.true_positives + own.dismissed > 0 {
                        "; about this entity " (grouped(own.true_positives)) " true, "
                        (grouped(own.dismissed)) " dismissed"
                    }
                }
            } }
        }
    }

    fn links(&self) -> Markup {
        let alert = &self.details.alert;
        let other = |number: i64| html! { a href={ "/alerts/" (number) } { "#" (number) } };
        html! {
            @if let Some(into) = alert.merged_into {
                p .said { "It became part of alert " (other(into)) "." }
            }
            @if let Some(previous) = alert.previous {
                p .said { "It goes on from alert " (other(previous)) ", which is closed." }
            }
            @if alert.is_history {
                p .said {
                    "It was over for days when it was found, so nobody was told of it."
                }
            }
        }
    }

    fn why(&self, told: &Told) -> Markup {
        html! {
            section .panel .part aria-labelledby="why-title" {
                h2 #why-title { "Why" }
                @for attached in &self.details.findings { (self.finding(attached, told)) }
            }
        }
    }

    fn finding(&self, attached: &Attached, told: &Told) -> Markup {
        let finding = attached.finding.as_ref().filter(|_| told.is_clear);
        html! {
            article .reason .withdrawn[attached.detached_micros.is_some()] {
                h3 {
                    (marks::level(attached.level)) " "
                    a href=(marks::detection_href(&attached.detection)) {
                        (marks::detection_name(&attached.detection))
                    }
                    @if attached.detached_micros.is_some() {
                        " " span .muted { "withdrawn by later records" }
                    }
                }
                @if told.is_clear { p { (attached.sentence) } }
                @else { p .muted { "Names are masked for you, so what it says is not shown." } }
                @if let Some(finding) = finding {
                    @if !finding.facts.is_empty() {
                        dl .facts {
                            @for fact in &finding.facts { dt { (fact.label) } dd { (fact.value) } }
                        }
                    }
                    @if !finding.against.is_empty() {
                        h4 { "What speaks against it" }
                        ul { @for reason in &finding.against { li { (reason) } } }
                    }
                }
                @if let Some(finding) = &attached.finding {
                    p { a href={ "/protection/detections/" (finding.id) } { "Evidence of this finding" } }
                }
            }
        }
    }

    fn evidence(&self) -> Markup {
        let Evidence { events, named } = self.evidence;
        html! {
            section .panel .part aria-labelledby="evidence-title" {
                h2 #evidence-title { "Sign-ins" }
                @if events.is_empty() {
                    p .muted {
                        @if *named == 0 { "It rests on what did not happen, so there are none." }
                        @else { "None of them is kept any more, or you may not see them." }
                    }
                } @else {
                    @if events.len() < *named {
                        p .muted .small {
                            "The newest " (events.len()) " of " (named) " that the findings name."
                        }
                    }
                    (rows::table(events, self.now))
                }
            }
        }
    }

    fn timeline(&self, told: &Told) -> Markup {
        let mut lines: Vec<(i64, Markup)> = Vec::new();
        let alert = &self.details.alert;
        lines.push((alert.first_micros, html! { "First sign-in" }));
        lines.push((alert.last_micros, html! { "Last sign-in" }));
        for attached in &self.details.findings {
            if let Some(finding) = &attached.finding {
                let name = marks::detection_name(&attached.detection);
                lines.push((finding.found_micros, html! { "Threshold reached: " (name) }));
            }
        }
        for entry in &self.details.history {
            lines.push((entry.at_micros, said(entry, told.is_clear)));
        }
        for delivery in &self.details.deliveries {
            if let Some(ended) = delivery.ended_micros {
                let what = html! { (delivery.channel) ": " (delivery.state.name()) };
                lines.push((ended, what));
            }
        }
        lines.sort_by_key(|(at, _)| *at);
        html! {
            section .panel .part aria-labelledby="timeline-title" {
                h2 #timeline-title { "Timeline and history" }
                ol .log-lines {
                    @for (at, what) in &lines { li { (self.time(*at)) " · " (what) } }
                }
            }
        }
    }

    fn work(&self, frame: &Frame) -> Markup {
        let alert = &self.details.alert;
        let (id, state) = (alert.number, alert.state);
        if !self.may_work || alert.merged_into.is_some() {
            return html! {};
        }
        let version = html! { input type="hidden" name="version" value=(alert.version); };
        html! {
            section .panel .part aria-labelledby="work-title" {
                h2 #work-title { "State" }
                form .narrow method="post" action={ "/alerts/" (id) } {
                    (frame.csrf_field()) (version)
                    label { span { "State" }
                        select name="state" {
                            @if !CHOICES.iter().any(|(.., known)| *known == state) {
                                option value="" selected { (state.words()) }
                            }
                            @for (value, label, known) in CHOICES {
                                option value=(value) selected[known == state] { (label) }
                            }
                        }
                    }
                    label { span { "Assignee" }
                        input name="assignee" maxlength="200" autocomplete="off"
                            value=(alert.assignee.as_deref().unwrap_or_default());
                    }
                    label .grow { span { "Note" }
                        input name="note" maxlength="2000" autocomplete="off";
                    }
                    button .button .primary { "Save" }
                }
                div .ends {
                    @if alert.assignee.as_deref() != Some(&self.me) {
                        (button(frame, alert, &[("me", "true")], "Assign to me"))
                    }
                    @if state == AlertState::New {
                        (button(frame, alert, &[("me", "true"), ("state", "inProgress")],
                            "Start: assign to me, in progress"))
                    }
                }
            }
        }
    }

    fn checks(&self, frame: &Frame) -> Markup {
        let done = ticks(&self.details.history);
        let mut seen: Vec<&str> = Vec::new();
        for attached in &self.details.findings {
            if !seen.contains(&attached.detection.as_str()) {
                seen.push(&attached.detection);
            }
        }
        let known = seen.iter().filter_map(|id| detections::about(id));
        let known: Vec<_> = known.filter(|about| !about.response.is_empty()).collect();
        html! {
            section .panel .part aria-labelledby="checks-title" {
                h2 #checks-title { "Suggested checks" }
                @if known.is_empty() {
                    p .muted { "The rule suggests none." }
                }
                @for about in &known {
                    @if known.len() > 1 { h3 { (about.title) } }
                    ul .checks {
                        @for check in about.response {
                            (self.one_check(frame, check, done.get(short(check)).copied()))
                        }
                    }
                }
            }
        }
    }

    fn one_check(&self, frame: &Frame, check: &str, entry: Option<&Entry>) -> Markup {
        let is_done = entry.is_some_and(|entry| entry.new == "done");
        html! {
            li .done[is_done] {
                @if self.may_work {
                    form method="post" action={ "/alerts/" (self.details.alert.number) "/check" } {
                        (frame.csrf_field())
                        input type="hidden" name="check" value=(short(check));
                        input type="hidden" name="done" value=(!is_done);
                        button .tick role="checkbox" aria-checked=(is_done.to_string())
                            aria-label=(check) {
                            span aria-hidden="true" { (if is_done { "✔" } else { "" }) }
                        }
                    }
                } @else { span .tick { (if is_done { "✔" } else { "–" }) } }
                div {
                    (with_code(check))
                    @if let Some(entry) = entry.filter(|_| is_done) {
                        p .muted .small { (entry.by_name) ", " (self.time(entry.at_micros)) }
                    }
                }
            }
        }
    }

    fn notes(&self, frame: &Frame) -> Markup {
        let notes = self.details.history.iter().filter(|entry| entry.what == What::Note);
        let notes: Vec<&Entry> = notes.collect();
        html! {
            section #notes .panel .part aria-labelledby="notes-title" {
                h2 #notes-title { "Notes" }
                @if notes.is_empty() { p .muted { "None yet." } }
                ol .notes {
                    @for note in &notes {
                        li {
                            p .muted .small { b { (note.by_name) } ", " (self.time(note.at_micros)) }
                            p .text { (note.new) }
                        }
                    }
                }
                @if self.may_work && self.details.alert.merged_into.is_none() {
                    form method="post" action={ "/alerts/" (self.details.alert.number) } {
                        (frame.csrf_field())
                        label { span .visually-hidden { "A note" }
                            textarea name="note" rows="3" required maxlength="4000"
                                placeholder="What you found, whom you asked" {}
                        }
                        button .button { "Add the note" }
                    }
                }
            }
        }
    }

    fn suppress(&self, frame: &Frame, told: &Told) -> Markup {
        let alert = &self.details.alert;
        if !self.may_work {
            return html! {};
        }
        let name = marks::detection_name(&alert.detection);
        html! {
            details .panel .part .suppress {
                summary { h2 { "Suppress more of this kind" } }
                p .muted .small {
                    "Findings go on being recorded; they make no alert. This alert stays as it is."
                }
                form method="post" action={ "/alerts/" (alert.number) "/suppress" } {
                    (frame.csrf_field())
                    fieldset .choices-of {
                        legend .visually-hidden { "What" }
                        label .check {
                            input type="radio" name="what" value="both" checked;
                            span { (name) " about " (told.subject) }
                        }
                        @if alert.subject.kind != SubjectKind::Tenant {
                            label .check {
                                input type="radio" name="what" value="subject";
                                span { "Everything about " (told.subject) }
                            }
                        }
                    }
                    div .narrow {
                        label { span { "For" }
                            select name="hours" {
                                @for (hours, label) in HOURS {
                                    option value=(hours) selected[hours == 24] { (label) }
                                }
                            }
                        }
                        label .grow { span { "Reason" }
                            input name="reason" required maxlength="500" autocomplete="off";
                        }
                        button .button { "Suppress" }
                    }
                }
            }
        }
    }

    fn deliveries(&self, frame: &Frame) -> Markup {
        html! {
            section #deliveries .panel .part aria-labelledby="deliveries-title" {
                h2 #deliveries-title { "Deliveries" }
                @if self.details.deliveries.is_empty() {
                    p .muted {
                        "Nobody was told. " a href="/alerts/channels" { "Channels" }
                        " say who is told of what."
                    }
                }
                ul .deliveries {
                    @for delivery in &self.details.deliveries { (self.delivery(frame, delivery)) }
                }
            }
        }
    }

    fn delivery(&self, frame: &Frame, delivery: &Delivery) -> Markup {
        let has_failed = matches!(delivery.state, DeliveryState::Failed | DeliveryState::Refused);
        html! {
            li {
                b { (delivery.channel) } " · " (delivery.kind.name()) " · "
                span .failed[has_failed] { (delivery.state.name()) } " · "
                (self.time(delivery.ended_micros.unwrap_or(delivery.due_micros)))
                @if delivery.attempts > 0 { " · " (delivery.attempts) " failed tries" }
                @if !delivery.error.is_empty() { p .small { (delivery.error) } }
                @if has_failed && self.may_work {
                    form method="post" action="/alerts/deliveries/retry" {
                        (frame.csrf_field())
                        input type="hidden" name="alert" value=(self.details.alert.number);
                        input type="hidden" name="delivery" value=(delivery.number);
                        button .button .small { "Try again" }
                    }
                }
            }
        }
    }
}

/// A form that is a button.
fn button(frame: &Frame, alert: &Alert, fields: &[(&str, &str)], label: &str) -> Markup {
    html! {
        form method="post" action={ "/alerts/" (alert.number) } {
            (frame.csrf_field())
            input type="hidden" name="version" value=(alert.version);
            @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
            button .button .small { (label) }
        }
    }
}

/// The newest word on each check.
fn ticks(history: &[Entry]) -> BTreeMap<&str, &Entry> {
    let checks = history.iter().filter(|entry| entry.what == What::Check);
    checks.map(|entry| (entry.old.as_str(), entry)).collect()
}

/// A check as it is written down.
fn short(text: &str) -> &str {
    let fits = |(at, letter): (usize, char)| at + letter.len_utf8() <= CHECK_BYTES_MAX;
    let length = text.char_indices().take_while(|one| fits(*one)).map(|(_, one)| one.len_utf8());
    &text[..length.sum()]
}

/// A line of history; without what it says where names are masked.
fn said(entry: &Entry, is_clear: bool) -> Markup {
    let who = (entry.by != SYSTEM).then_some(entry.by_name.as_str());
    let text = |text: &str| if is_clear { text.to_owned() } else { "(masked)".to_owned() };
    html! {
        @if let Some(who) = who { b { (who) } ": " }
        @match entry.what {
            What::Opened => "Alert opened",
            What::Joined => { "Joined: " (text(&entry.new)) }
            What::Left => { "Withdrawn: " (text(&entry.new)) }
            What::Severity => { "Severity " (entry.old) " → " (entry.new) }
            What::State => { (entry.old) " → " (entry.new) }
            What::Assignee => @if entry.new.is_empty() { "no assignee" }
                @else { "assigned to " (entry.new) },
            What::Note => { "note: " (entry.new) }
            What::Check => { (entry.new) ": " (entry.old) }
            What::Merged => { "Merged: " (entry.old) " " (entry.new) }
        }
    }
}

#[cfg(test)]
mod tests {
    use durward_detect::alerts::Verdict;

    use super::*;

    #[test]
    fn the_newest_word_on_a_check_holds() {
        let entry = |new: &str| Entry {
            at_micros: 0,
            by: "1".to_owned(),
            by_name: "Ana".to_owned(),
            what: What::Check,
            old: "Ask".to_owned(),
            new: new.to_owned(),
        };
        let history = [entry("done"), entry("not done")];
        assert_eq!(ticks(&history)["Ask"].new, "not done");
        assert_eq!(short(&"é".repeat(200)).len(), 300);
        assert!(CHOICES.iter().all(|(.., state)| {
            state.verdict().is_none_or(|verdict| Verdict::OF_PEOPLE.contains(&verdict))
        }));
    }
}
