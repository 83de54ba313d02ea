//! Alerts: which findings are one, what people do with them, and who is told when.

use std::sync::Arc;

use durward_detect::alerts::{
    Alert, AlertChange, AlertDetails, AlertQuery, AlertState, DeliveryKind, DeliveryQuery,
    DeliveryState, Due, Ended, FOLD_MICROS, NewSuppression, Quiet, Route, Routes, Verdict, What,
    Zone,
};
use durward_detect::book::Circumstances;
use durward_detect::finding::id_of;
use durward_detect::risk::{By, Reach, ReachPart};
use durward_detect::rules::{Rule, Source};
use durward_detect::{
    Book, BookError, Choice, EventRef, Finding, Level, Settings, Subject, SubjectKind,
};
use durward_model::Id;

use crate::story::{DAY, HOUR, MINUTE, MONDAY_MICROS};

const TENANT: &str = "11111111-2222-4333-8444-555555555555";
const SPRAY: &str = "password-spray";
const TRAVEL: &str = "impossible-travel";

/// A book at a moment, with two channels.
struct World {
    book: Book,
    settings: Settings,
    now: i64,
    dir: tempfile::TempDir,
}

impl World {
    fn new() -> World {
        let dir = tempfile::tempdir().unwrap();
        let team = Route { name: "team".into(), least: Level::Medium, ..Route::default() };
        let pager = Route { name: "pager".into(), least: Level::High, ..Route::default() };
        let routes = Routes { wait_micros: 0, channels: vec![team, pager] };
        let mut settings = Settings::default();
        settings.routes = Arc::new(routes);
        World { book: Book::open(dir.path()).unwrap(), settings, now: MONDAY_MICROS + HOUR, dir }
    }

    fn tell(&self, findings: &[Finding]) {
        let circumstances = Circumstances { settings: &self.settings, now_micros: self.now };
        self.book.record(findings, &circumstances).unwrap();
    }

    /// Nothing but these is told any more.
    fn only(&self, findings: &[Finding]) {
        let circumstances = Circumstances { settings: &self.settings, now_micros: self.now };
        let told = |id| findings.iter().find(|finding| finding.id == id);
        self.book.reconcile(0, told, &circumstances).unwrap();
    }

    fn all(&self) -> Vec<Alert> {
        let query =
            AlertQuery { reach: Reach::everything(), with_merged: true, ..AlertQuery::default() };
        let mut alerts = self.book.alerts(&query).unwrap();
        alerts.sort_by_key(|alert| alert.number);
        alerts
    }

    fn only_alert(&self) -> Alert {
        let [alert] = <[Alert; 1]>::try_from(self.all()).unwrap();
        alert
    }

    fn details(&self, number: i64) -> AlertDetails {
        self.book.alert(number, &Reach::everything()).unwrap().unwrap()
    }

    fn by(&self, note: &str) -> By {
        By {
            id: "ada".to_owned(),
            name: "Ada".to_owned(),
            note: note.to_owned(),
            at_micros: self.now,
        }
    }

    fn state(&self, number: i64, state: AlertState) -> Alert {
        let change = AlertChange { state: Some(state), ..AlertChange::default() };
        self.book.change_alert(number, &change, &self.by("")).unwrap()
    }

    fn due(&self, channel: &str) -> Vec<Due> {
        self.book.due_deliveries(channel, self.now, 100).unwrap()
    }

    /// Delivers what is due, and tells how much that was.
    fn deliver(&self, channel: &str) -> usize {
        let due = self.due(channel);
        for due in &due {
            let number = due.delivery.number;
            self.book.end_delivery(number, &Ended::Delivered, self.now).unwrap();
        }
        due.len()
    }
}

fn subject(name: &str) -> Subject {
    let id = Id::hash(name.as_bytes()).to_string();
    Subject { kind: SubjectKind::User, id, name: format!("{name}@contoso.example") }
}

fn event(name: &str, at_micros: i64) -> EventRef {
    EventRef { at_micros, id: Id::hash(format!("event {name}").as_bytes()) }
}

/// A finding of medium level an hour into Monday that rests on one sign-in, which has its name.
fn finding(detection: &str, about: &str, name: &str) -> Finding {
    let subject = subject(about);
    let at = MONDAY_MICROS + HOUR;
    let event = event(name, at);
    Finding {
        id: id_of(detection, TENANT, &subject, name.as_bytes()),
        detection: detection.to_owned(),
        tenant: TENANT.to_owned(),
        sentence: format!("{detection} of {about} ({name})."),
        subject,
        level: Level::Medium,
        first_micros: at,
        last_micros: at,
        found_micros: at,
        told_micros: at,
        events: vec![event],
        event_count: 1,
        risky: vec![event.id],
        facts: Vec::new(),
        against: Vec::new(),
        correlation: None,
        address: "192.0.2.10".to_owned(),
        location: ["Vigo".to_owned(), String::new(), "ES".to_owned()],
    }
}

fn high(finding: Finding) -> Finding {
    Finding { level: Level::High, ..finding }
}

/// The same, so much later.
fn later(mut finding: Finding, micros: i64) -> Finding {
    finding.last_micros += micros;
    for event in &mut finding.events {
        event.at_micros += micros;
    }
    finding
}

const CLOSED: AlertState = AlertState::Closed(Verdict::TruePositive);

#[test]
fn only_what_alerts_makes_alerts() {
    let mut world = World::new();
    let low = Finding { level: Level::Low, ..finding(SPRAY, "ana", "a") };
    world.tell(std::slice::from_ref(&low));
    assert_eq!(world.all(), []);
    // It gets serious later.
    world.tell(&[Finding { level: Level::Medium, ..low }]);
    let alert = world.only_alert();
    assert_eq!((alert.severity, alert.state, alert.sign_ins), (Level::Medium, AlertState::New, 1));
    assert_eq!(alert.title, "password-spray of ana (a).");
    // A detection that is told not to alert.
    let quiet = Choice { alerts: Some(false), ..Choice::default() };
    world.settings.choose(TRAVEL, quiet).unwrap();
    world.tell(&[high(finding(TRAVEL, "ben", "b"))]);
    assert_eq!(world.all().len(), 1);
}

#[test]
fn one_alert_for_one_sign_in_one_attempt_and_one_campaign() {
    let world = World::new();
    let spray = Finding {
        events: vec![event("a", MONDAY_MICROS), event("b", MONDAY_MICROS + MINUTE)],
        event_count: 37,
        ..finding(SPRAY, "the address", "spray")
    };
    world.tell(&[spray]);
    // The same sign-in, another detection, another subject.
    world.tell(&[high(finding(TRAVEL, "ana", "b"))]);
    // The same attempt.
    let attempt = Some(Id::hash(b"attempt"));
    world.tell(&[Finding { correlation: attempt, ..finding(TRAVEL, "ana", "c") }]);
    world.tell(&[Finding { correlation: attempt, ..finding("ropc", "cleo", "d") }]);
    // The same user within a day, and later.
    world.tell(&[later(finding("mfa-fatigue", "cleo", "e"), 20 * HOUR)]);
    let alert = world.only_alert();
    assert_eq!((alert.findings, alert.sign_ins, alert.severity), (5, 37, Level::High));
    assert_eq!(alert.title, "impossible-travel of ana (b).", "the most severe finding tells");
    assert_eq!(alert.subject.name, "ana@contoso.example");
    let late = Finding {
        first_micros: MONDAY_MICROS + 3 * DAY,
        last_micros: MONDAY_MICROS + 3 * DAY,
        ..finding("mfa-fatigue", "cleo", "f")
    };
    world.tell(std::slice::from_ref(&late));
    assert_eq!(world.all().len(), 2);
    // Another tenant has nothing to do with it.
    let other = Finding { tenant: "other".to_owned(), ..finding(SPRAY, "ana", "b") };
    world.tell(&[Finding { id: Id::hash(b"other"), ..other }]);
    assert_eq!(world.all().len(), 3);
}

#[test]
fn what_concerns_the_whole_tenant_is_one_by_detection() {
    let world = World::new();
    let tenant = |detection: &str, name: &str| {
        let subject = Subject::tenant_of(TENANT);
        Finding {
            id: id_of(detection, TENANT, &subject, name.as_bytes()),
            subject,
            ..finding(detection, "x", name)
        }
    };
    world.tell(&[tenant("volume-collapse", "a"), tenant("policy-block-surge", "b")]);
    assert_eq!(world.all().len(), 2);
    world.tell(&[tenant("volume-collapse", "c")]);
    assert_eq!(world.all().len(), 2);
}

#[test]
fn alerts_that_turn_out_to_be_one_are_merged_unless_somebody_is_at_them() {
    let world = World::new();
    world.tell(&[finding(TRAVEL, "ana", "a"), finding(TRAVEL, "ben", "b")]);
    world.tell(&[finding(TRAVEL, "cleo", "c")]);
    assert_eq!(world.deliver("team"), 3);
    let [_, _, touched] = <[Alert; 3]>::try_from(world.all()).unwrap();
    world.state(touched.number, AlertState::InProgress);
    let spray = Finding {
        events: ["a", "b", "c"].map(|name| event(name, MONDAY_MICROS)).to_vec(),
        ..finding(SPRAY, "the address", "spray")
    };
    world.tell(&[spray]);
    let [first, second, third] = <[Alert; 3]>::try_from(world.all()).unwrap();
    assert_eq!((first.findings, first.state), (3, AlertState::New));
    assert_eq!(second.state, AlertState::Closed(Verdict::Merged));
    assert_eq!(second.merged_into, Some(first.number));
    assert_eq!((third.findings, third.state), (1, AlertState::InProgress));
    let change = AlertChange { state: Some(CLOSED), ..AlertChange::default() };
    let refused = world.book.change_alert(second.number, &change, &world.by(""));
    assert!(matches!(refused, Err(BookError::Invalid(_))));
    let visible = AlertQuery { reach: Reach::everything(), ..AlertQuery::default() };
    assert_eq!(world.book.alerts(&visible).unwrap().len(), 2, "lists leave merged ones out");
    assert_eq!(world.deliver("team"), 0, "the channel knows of them already");
}

#[test]
fn an_alert_without_reasons_closes_itself_and_comes_back() {
    let mut world = World::new();
    let (one, other) = (finding(SPRAY, "ana", "a"), high(finding(TRAVEL, "ana", "b")));
    world.tell(&[one.clone(), other.clone()]);
    assert_eq!(world.deliver("team"), 1);
    world.now += MINUTE;
    world.only(std::slice::from_ref(&one));
    let alert = world.only_alert();
    assert_eq!((alert.findings, alert.severity), (1, Level::Medium));
    world.only(&[]);
    let alert = world.only_alert();
    assert_eq!(alert.state, AlertState::Closed(Verdict::Withdrawn));
    assert_eq!(alert.state.words(), "Closed: withdrawn by later records");
    assert_eq!(alert.closed_micros, Some(world.now));
    world.tell(&[one]);
    let alert = world.only_alert();
    assert_eq!((alert.state, alert.findings), (AlertState::New, 1));
    assert_eq!(world.deliver("team"), 0, "nobody hears the same again");
    let whats: Vec<What> =
        world.details(alert.number).history.iter().map(|entry| entry.what).collect();
    use What::{Joined, Left, Opened, Severity, State};
    let expected = [Opened, Joined, Joined, Severity, Left, Severity, Left, State, State, Joined];
    assert_eq!(whats, expected);
}

#[test]
fn a_closed_alert_stays_closed_until_there_is_more() {
    let mut world = World::new();
    let told = finding(SPRAY, "ana", "a");
    world.tell(std::slice::from_ref(&told));
    let first = world.only_alert().number;
    world.state(first, AlertState::Closed(Verdict::FalsePositive));
    // It grows a little, and another detection sees the same sign-in.
    world.tell(&[later(told.clone(), HOUR), finding(TRAVEL, "ben", "a")]);
    assert_eq!(world.only_alert().state, AlertState::Closed(Verdict::FalsePositive));
    // The same subject another time: somebody should look, and know of the other one.
    world.now += 2 * HOUR;
    world.tell(&[later(finding("ropc", "ana", "z"), HOUR)]);
    let [_, second] = <[Alert; 2]>::try_from(world.all()).unwrap();
    assert_eq!((second.previous, second.state), (Some(first), AlertState::New));
    // A day of quiet, and it goes on.
    world.state(second.number, CLOSED);
    world.now += 3 * DAY;
    world.tell(&[later(told.clone(), 3 * DAY)]);
    assert_eq!(world.all().len(), 3);
    assert_eq!(world.all()[2].previous, Some(first));
    // Its level rises.
    world.state(3, CLOSED);
    world.tell(&[high(later(told, 3 * DAY))]);
    assert_eq!(world.all()[3].previous, Some(3));
    assert_eq!(world.all()[3].severity, Level::High);
}

#[test]
fn people_work_on_alerts_and_every_step_is_kept() {
    let mut world = World::new();
    world.tell(&[finding(SPRAY, "ana", "a"), finding(TRAVEL, "ben", "b")]);
    let alert = world.all().remove(0);
    let change = AlertChange {
        seen_version: Some(alert.version),
        state: Some(AlertState::InProgress),
        assignee: Some("ada@contoso.example".to_owned()),
        check: Some(("Ask the user".to_owned(), true)),
    };
    let changed = world.book.change_alert(alert.number, &change, &world.by("On it.")).unwrap();
    assert_eq!(changed.state, AlertState::InProgress);
    assert_eq!(changed.assignee.as_deref(), Some("ada@contoso.example"));
    let late = world.book.change_alert(alert.number, &change, &world.by(""));
    assert!(matches!(late, Err(BookError::Conflict(_))), "{late:?}");
    world.now += MINUTE;
    world.state(alert.number, AlertState::Closed(Verdict::BenignPositive));
    let details = world.details(alert.number);
    let told: Vec<(What, &str, &str)> = details
        .history
        .iter()
        .filter(|entry| entry.by == "ada")
        .map(|entry| (entry.what, entry.old.as_str(), entry.new.as_str()))
        .collect();
    let expected = [
        (What::State, "New", "In progress"),
        (What::Assignee, "", "ada@contoso.example"),
        (What::Check, "Ask the user", "done"),
        (What::Note, "", "On it."),
        (What::State, "In progress", "Closed: benign positive"),
    ];
    assert_eq!(told, expected);
    assert_eq!(details.findings[0].finding.as_ref().unwrap().sentence, alert.title);
    // What it says to those who look at the next one.
    let similar = world.book.similar_alerts(SPRAY, Some(&subject("ana"))).unwrap();
    assert_eq!((similar.true_positives, similar.dismissed), (0, 1));
    assert_eq!(world.book.similar_alerts(SPRAY, Some(&subject("ben"))).unwrap().dismissed, 0);
    // Nothing at all, or what only durward says, is no change.
    let nothing = AlertChange::default();
    assert!(world.book.change_alert(alert.number, &nothing, &world.by(" ")).is_err());
    let state = Some(AlertState::Closed(Verdict::Withdrawn));
    let change = AlertChange { state, ..nothing };
    assert!(world.book.change_alert(alert.number, &change, &world.by("")).is_err());
    // All or none.
    let change = AlertChange { state: Some(CLOSED), ..AlertChange::default() };
    assert!(world.book.change_alerts(&[2, 77], &change, &world.by("")).is_err());
    assert_eq!(world.all()[1].state, AlertState::New);
    let query = AlertQuery { reach: Reach::everything(), ..AlertQuery::default() };
    let counts = world.book.count_alerts(&query).unwrap();
    assert_eq!((counts.new, counts.in_progress, counts.benign_positive), (1, 0, 1));
    assert_eq!(counts.open_by_level, [0, 1, 0]);
}

#[test]
fn lists_are_filtered_paged_and_limited_to_whom_one_may_see() {
    let world = World::new();
    for (index, name) in ["ana", "ben", "cleo", "dora"].into_iter().enumerate() {
        let told = later(finding(SPRAY, name, name), index as i64 * MINUTE);
        world.tell(&[if name == "ben" { high(told) } else { told }]);
    }
    let names = |query: AlertQuery| -> Vec<String> {
        let alerts = world.book.alerts(&query).unwrap();
        alerts.into_iter().map(|alert| alert.subject.name.replace("@contoso.example", "")).collect()
    };
    let all = || AlertQuery { reach: Reach::everything(), ..AlertQuery::default() };
    assert_eq!(names(AlertQuery::default()), [""; 0], "nobody's unless it says so");
    assert_eq!(names(all()), ["dora", "cleo", "ben", "ana"]);
    assert_eq!(names(AlertQuery { least: Some(Level::High), ..all() }), ["ben"]);
    assert_eq!(names(AlertQuery { text: Some("CLEO".into()), ..all() }), ["cleo"]);
    let dora = Some("DORA@contoso.example".to_owned());
    assert_eq!(names(AlertQuery { subject: dora, ..all() }), ["dora"]);
    assert_eq!(names(AlertQuery { detection: Some(TRAVEL.into()), ..all() }), [""; 0]);
    let page = world.book.alerts(&AlertQuery { limit: 2, ..all() }).unwrap();
    let after = Some((page[1].last_micros, page[1].number));
    assert_eq!(names(AlertQuery { after, ..all() }), ["ben", "ana"]);
    let part = ReachPart { tenants: vec![], users: vec!["ana@contoso.example".into()] };
    let narrow = Reach(vec![part]);
    assert_eq!(names(AlertQuery { reach: narrow.clone(), ..all() }), ["ana"]);
    assert!(world.book.alert(2, &narrow).unwrap().is_none());
    // Once a finding about somebody else joins, it is not hers alone.
    world.tell(&[finding(TRAVEL, "eve", "ana")]);
    assert_eq!(names(AlertQuery { reach: narrow, ..all() }), [""; 0]);
    let elsewhere = ReachPart { tenants: vec!["other".into()], users: vec![] };
    assert_eq!(names(AlertQuery { reach: Reach(vec![elsewhere]), ..all() }), [""; 0]);
}

#[test]
fn suppressed_findings_make_no_alert_and_are_counted() {
    let mut world = World::new();
    let by = world.by("");
    let reason = "known".to_owned();
    let ana = NewSuppression {
        detection: Some(SPRAY.into()),
        subject: Some("ana@contoso.example".into()),
        reason: reason.clone(),
        ..NewSuppression::default()
    };
    let until = world.now + 2 * HOUR;
    let number = world.book.suppress(&ana, Some(until), &by).unwrap().number;
    let egress = NewSuppression {
        networks: vec!["192.0.2.0/28".into()],
        detection: Some(TRAVEL.into()),
        reason,
        ..NewSuppression::default()
    };
    let egress = world.book.suppress(&egress, None, &by).unwrap();
    world.tell(&[finding(SPRAY, "ana", "a"), finding(TRAVEL, "ben", "b")]);
    assert_eq!(world.all(), []);
    let hits: Vec<u64> = world.book.suppressions().unwrap().iter().map(|one| one.hits).collect();
    assert_eq!(hits, [1, 1]);
    let elsewhere = Finding { address: "192.0.2.99".into(), ..finding(TRAVEL, "cleo", "c") };
    world.tell(&[elsewhere, finding(SPRAY, "dora", "d"), finding("ropc", "ana", "e")]);
    assert_eq!(world.all().len(), 3);
    // It ends: what goes on from then on is told.
    world.now += 3 * HOUR;
    assert!(!world.book.suppressions().unwrap()[1].holds(world.now));
    world.book.end_suppression(egress.number, &world.by("")).unwrap();
    world
        .tell(&[later(finding(SPRAY, "ana", "a"), HOUR), later(finding(TRAVEL, "ben", "b"), HOUR)]);
    assert_eq!(world.all().len(), 4, "ana's joins her open alert");
    assert!(world.book.end_suppression(number + 99, &world.by("")).is_err());
    for wrong in [
        NewSuppression { reason: "all".into(), ..NewSuppression::default() },
        NewSuppression { detection: Some(SPRAY.into()), ..NewSuppression::default() },
        NewSuppression { networks: vec!["office".into()], reason: "x".into(), ..ana.clone() },
    ] {
        assert!(world.book.suppress(&wrong, None, &by).is_err(), "{wrong:?}");
    }
    assert!(world.book.suppress(&ana, Some(world.now), &world.by("")).is_err(), "ends at once");
}

#[test]
fn each_channel_is_told_once_and_again_when_it_gets_worse() {
    let mut world = World::new();
    let told = finding(SPRAY, "ana", "a");
    world.tell(std::slice::from_ref(&told));
    world.tell(&[finding(TRAVEL, "ana", "b")]);
    let due = world.due("team");
    assert_eq!(due.len(), 1);
    assert_eq!((due[0].delivery.kind, due[0].findings.len()), (DeliveryKind::Opened, 2));
    assert_eq!(world.due("pager"), [], "not severe enough");
    assert_eq!(world.deliver("team"), 1);
    world.now += MINUTE;
    world.tell(&[high(told.clone())]);
    assert_eq!(world.due("team")[0].delivery.kind, DeliveryKind::Raised);
    assert_eq!(world.due("pager")[0].delivery.kind, DeliveryKind::Opened);
    assert_ne!(due[0].delivery.id, world.due("team")[0].delivery.id);
    assert_eq!((world.deliver("team"), world.deliver("pager")), (1, 1));
    world.tell(&[later(high(told), MINUTE)]);
    assert_eq!((world.deliver("team"), world.deliver("pager")), (0, 0));
    // What is closed before it was told is not told.
    world.tell(&[finding(SPRAY, "zoe", "z")]);
    let zoe = world.all()[1].number;
    world.state(zoe, CLOSED);
    assert_eq!(world.deliver("team"), 0);
    assert_eq!(world.details(zoe).deliveries[0].state, DeliveryState::Dropped);
}

#[test]
fn old_records_wake_nobody() {
    let mut world = World::new();
    world.now = MONDAY_MICROS + 5 * DAY;
    let old = finding(SPRAY, "ana", "a");
    world.tell(std::slice::from_ref(&old));
    let alert = world.only_alert();
    assert!(alert.is_history && alert.state == AlertState::New);
    assert_eq!(world.deliver("team"), 0);
    // It goes on today.
    world.tell(&[later(old, 4 * DAY)]);
    assert!(!world.only_alert().is_history);
    assert_eq!(world.deliver("team"), 1);
}

#[test]
fn rules_alert_and_say_who_is_told() {
    let world = World::new();
    let rule = Rule { deliver: vec!["pager".to_owned()], ..rule_of_name("Odd browsers") };
    world.book.put_rule(&rule, "ada", world.now).unwrap();
    world.tell(&[high(finding("rule:odd-browsers", "ana", "a"))]);
    assert_eq!(world.all().len(), 1);
    assert_eq!((world.deliver("team"), world.deliver("pager")), (0, 1));
    // A built-in detection joins: now it concerns the team as well.
    world.tell(&[finding(SPRAY, "ana", "a")]);
    assert_eq!((world.deliver("team"), world.deliver("pager")), (1, 0));
}

fn rule_of_name(name: &str) -> Rule {
    let source = Source::Filter {
        text: "status:failure".to_owned(),
        language: Default::default(),
        logs: Vec::new(),
    };
    let rule = Rule {
        id: String::new(),
        name: name.to_owned(),
        description: String::new(),
        severity: Level::High,
        enabled: true,
        source,
        shape: Default::default(),
        suppress: Default::default(),
        schedule: Default::default(),
        deliver: Vec::new(),
    };
    rule.check().unwrap()
}

#[test]
fn channels_sleep_and_severe_alerts_wake_them() {
    let mut world = World::new();
    let quiet =
        Quiet { from_minute: 0, to_minute: 12 * 60, zone: Zone::East(0), high_pierces: true };
    let team = Route { name: "team".into(), quiet: Some(quiet), ..Route::default() };
    world.settings.routes = Arc::new(Routes { wait_micros: 0, channels: vec![team] });
    // It is nine.
    world.tell(&[finding(SPRAY, "ana", "a"), finding(SPRAY, "ben", "b")]);
    assert_eq!(world.deliver("team"), 0);
    world.tell(&[high(finding(TRAVEL, "ana", "a"))]);
    assert_eq!(world.deliver("team"), 1, "hers got worse");
    world.now = MONDAY_MICROS + 4 * HOUR;
    assert_eq!(world.deliver("team"), 1);
}

#[test]
fn many_messages_become_one() {
    let mut world = World::new();
    let names: Vec<String> = (0..70).map(|number| format!("user{number}")).collect();
    let tell = |world: &World, range: std::ops::Range<usize>| {
        for name in &names[range] {
            world.tell(&[finding(SPRAY, name, name)]);
        }
    };
    tell(&world, 0..15);
    assert_eq!(world.deliver("team"), 15);
    world.now += MINUTE;
    tell(&world, 15..40);
    let due = world.due("team");
    assert_eq!(due.len(), 1);
    assert_eq!((due[0].delivery.kind, due[0].count), (DeliveryKind::Digest, 25));
    assert_eq!(due[0].alerts.len(), 25);
    assert_eq!(world.deliver("team"), 1);
    // More within ten minutes waits for the next summary.
    world.now += MINUTE;
    tell(&world, 40..60);
    assert_eq!(world.deliver("team"), 0);
    world.now += FOLD_MICROS;
    assert_eq!(world.due("team")[0].count, 20);
    assert_eq!(world.deliver("team"), 1);
    world.now += 2 * FOLD_MICROS;
    tell(&world, 60..61);
    assert_eq!(world.due("team")[0].delivery.kind, DeliveryKind::Opened);
    let folded = DeliveryQuery { state: Some(DeliveryState::Folded), channel: None };
    assert_eq!(world.book.deliveries(&folded).unwrap().len(), 45);
}

#[test]
fn what_came_of_deliveries_survives_and_is_shown() {
    let mut world = World::new();
    world.tell(&[finding(SPRAY, "ana", "a"), finding(SPRAY, "ben", "b")]);
    let due = world.due("team");
    let (one, other) = (&due[0].delivery, &due[1].delivery);
    let again = Ended::Again { at_micros: world.now + HOUR, error: "no answer".to_owned() };
    world.book.end_delivery(one.number, &again, world.now).unwrap();
    let refused = Ended::Refused("HTTP status 410".to_owned());
    world.book.end_delivery(other.number, &refused, world.now).unwrap();
    world.book = Book::open(world.dir.path()).unwrap();
    assert_eq!(world.due("team"), []);
    let status = world.book.channel_status("team").unwrap();
    assert_eq!((status.waiting, status.refused, status.failed), (1, 1, 0));
    assert_eq!(status.error, "HTTP status 410");
    world.book.hurry_deliveries("team", world.now).unwrap();
    assert_eq!(
        (world.due("team")[0].delivery.id, world.due("team")[0].delivery.attempts),
        (one.id, 1)
    );
    assert_eq!(world.deliver("team"), 1);
    world.book.retry_delivery(other.number, world.now).unwrap();
    assert!(world.book.retry_delivery(one.number, world.now).is_err(), "it has arrived");
    // The channel is taken out of the configuration.
    world.now += 4 * DAY;
    world.book.tidy_deliveries(&["pager".to_owned()], 3 * DAY, world.now).unwrap();
    let failed = DeliveryQuery { state: Some(DeliveryState::Failed), channel: None };
    assert_eq!(
        world.book.deliveries(&failed).unwrap()[0].error,
        "there is no such channel any more"
    );
    // Long after everything is over, nothing is left.
    for alert in world.all() {
        world.state(alert.number, CLOSED);
    }
    world.now += 200 * DAY;
    world.book.tidy_deliveries(&[], 3 * DAY, world.now).unwrap();
    assert_eq!(world.book.deliveries(&DeliveryQuery::default()).unwrap(), []);
}
