//! Risk: what follows from findings, records of the source, sign-ins and decisions.

use durward_detect::book::Circumstances;
use durward_detect::finding::id_of;
use durward_detect::risk::{
    By, Decision, DetectionFacts, DetectionQuery, LOW_LIFE_MICROS, Reach, ReachPart, RiskLevel,
    RiskState, RiskWatch, RiskySignIn, SubjectKey, SubjectQuery,
};
use durward_detect::{Book, EventRef, Finding, Level, Settings, Subject, SubjectKind};
use durward_ingest::{Decoder, Options, Rejection, Sink, SinkError};
use durward_model::{EventBatch, Id, Timestamp};
use durward_store::{Store, StoreOptions};
use serde_json::{Value, json};

use crate::story::{DAY, HOUR, MINUTE, MONDAY_MICROS, SignIn, Teller, guid, user};

const TENANT: &str = "11111111-2222-4333-8444-555555555555";
const TRAVEL: &str = "impossible-travel";

/// A book, and a log beside it.
struct World {
    book: Book,
    store: Store,
    teller: Teller,
    watch: RiskWatch,
    now: i64,
    _dir: tempfile::TempDir,
}

struct Taker<'a>(&'a Store);

impl Sink for Taker<'_> {
    fn batch(&mut self, batch: EventBatch) -> Result<(), SinkError> {
        self.0.append(&batch)?;
        Ok(())
    }

    fn reject(&mut self, rejection: Rejection) -> Result<(), SinkError> {
        panic!("{rejection:?}")
    }
}

impl World {
    fn new() -> World {
        let dir = tempfile::tempdir().unwrap();
        let options = StoreOptions { background: false, ..StoreOptions::default() };
        World {
            book: Book::open(dir.path()).unwrap(),
            store: Store::open(dir.path(), options).unwrap(),
            teller: Teller::default(),
            watch: RiskWatch::default(),
            now: MONDAY_MICROS,
            _dir: dir,
        }
    }

    fn told(&self, findings: &[Finding]) {
        let settings = Settings::default();
        let circumstances = Circumstances { settings: &settings, now_micros: self.now };
        self.book.record(findings, &circumstances).unwrap();
    }

    /// Takes back everything told since an instant but these.
    fn told_only(&self, since: i64, findings: &[Finding]) {
        let settings = Settings::default();
        let circumstances = Circumstances { settings: &settings, now_micros: self.now };
        let told = |id| findings.iter().find(|finding| finding.id == id);
        self.book.reconcile(since, told, &circumstances).unwrap();
    }

    fn sign_ins(&mut self, sign_ins: &[SignIn]) {
        self.teller.tell(&self.store, sign_ins, self.now);
    }

    fn records(&self, records: &[Value]) {
        let lines: Vec<String> = records.iter().map(Value::to_string).collect();
        let received = Timestamp::from_micros(self.now);
        let mut taker = Taker(&self.store);
        let mut decoder = Decoder::new(Options::new(received));
        decoder.decode_bytes("risk", lines.join("\n").as_bytes(), &mut taker).unwrap();
    }

    fn refresh(&mut self) -> durward_detect::risk::Refreshed {
        self.watch.refresh(&self.book, &self.store.view(), self.now).unwrap()
    }

    fn decide(&mut self, name: &str, decision: Decision) {
        self.now += MINUTE;
        let subject = (key(name), format!("{name}@contoso.example"));
        self.book.decide_on_subjects(&[subject], decision, &self.by()).unwrap();
    }

    fn decide_on_sign_in(&mut self, name: &str, event: Id, decision: Decision) {
        self.now += MINUTE;
        let sign_in = RiskySignIn {
            event,
            subject: key(name),
            name: format!("{name}@contoso.example"),
            display_name: name.to_owned(),
            at_micros: self.now - HOUR,
            facts: DetectionFacts::default(),
        };
        self.book.decide_on_sign_ins(&[sign_in], decision, &self.by()).unwrap();
    }

    fn by(&self) -> By {
        By {
            id: "admin-1".to_owned(),
            name: "Admin".to_owned(),
            note: "looked at it".to_owned(),
            at_micros: self.now,
        }
    }

    /// Level, state and detail of a user.
    fn risk(&self, name: &str) -> (RiskLevel, RiskState, String) {
        let found = self.book.risk_of_subject(&key(name)).unwrap();
        found.map_or((RiskLevel::None, RiskState::None, "unknown".to_owned()), |risk| {
            (risk.level, risk.state, risk.detail)
        })
    }

    fn detections(&self, name: &str) -> Vec<durward_detect::risk::RiskDetection> {
        let query = DetectionQuery {
            reach: Reach::everything(),
            subject: Some(key(name)),
            ..DetectionQuery::default()
        };
        self.book.risk_detections(&query).unwrap()
    }
}

fn key(name: &str) -> SubjectKey {
    SubjectKey::new(TENANT, SubjectKind::User, &guid(&format!("user {name}")))
}

fn event(text: &str) -> Id {
    Id::from_text(&guid(text)).0
}

fn is(level: RiskLevel, state: RiskState, detail: &str) -> (RiskLevel, RiskState, String) {
    (level, state, detail.to_owned())
}

/// A finding of impossible travel about a user, an hour after the story begins.
fn finding(name: &str, occurrence: &str, level: Level) -> Finding {
    let subject = Subject {
        kind: SubjectKind::User,
        id: guid(&format!("user {name}")).to_uppercase(),
        name: format!("{name}@contoso.example"),
    };
    about(TRAVEL, subject, occurrence, level)
}

fn about(detection: &str, subject: Subject, occurrence: &str, level: Level) -> Finding {
    let at = MONDAY_MICROS + HOUR;
    let id = id_of(detection, TENANT, &subject, occurrence.as_bytes());
    let event = EventRef { at_micros: at, id: event(occurrence) };
    Finding {
        id,
        detection: detection.to_owned(),
        tenant: TENANT.to_owned(),
        subject,
        level,
        sentence: "Something was found.".to_owned(),
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

const HIGH: RiskLevel = RiskLevel::High;
const MEDIUM: RiskLevel = RiskLevel::Medium;
const LOW: RiskLevel = RiskLevel::Low;
const NONE: RiskLevel = RiskLevel::None;

#[test]
fn the_level_is_the_highest_of_what_counts_and_a_withdrawn_finding_takes_its_risk_back() {
    let mut world = World::new();
    world.now += DAY;
    let low = finding("ana", "one", Level::Low);
    let high = finding("ana", "two", Level::High);
    world.told(&[low.clone(), high.clone()]);
    assert_eq!(world.risk("ana"), is(HIGH, RiskState::AtRisk, "none"));
    let subject = world.book.risk_of_subject(&key("ana")).unwrap().unwrap();
    assert_eq!((subject.detections, subject.active), (2, 2));
    assert_eq!(subject.name, "ana@contoso.example");
    let recent = subject.recent.unwrap();
    assert!(recent.0 == MONDAY_MICROS + HOUR && [event("one"), event("two")].contains(&recent.1));
    world.told_only(MONDAY_MICROS, &[low]);
    assert_eq!(world.risk("ana"), is(LOW, RiskState::AtRisk, "none"));
    world.told_only(MONDAY_MICROS, &[]);
    assert_eq!(world.risk("ana"), is(NONE, RiskState::None, "none"));
    assert!(world.detections("ana").is_empty());
    let levels: Vec<RiskLevel> =
        world.book.risk_history(&key("ana")).unwrap().iter().map(|item| item.level).collect();
    assert_eq!(levels, [NONE, LOW, HIGH, LOW], "the newest first, nothing is taken out of history");
    // Told once more: the risk is back.
    world.told(&[high]);
    assert_eq!(world.risk("ana"), is(HIGH, RiskState::AtRisk, "none"));
    assert_eq!(world.detections("ana").len(), 1);
}

#[test]
fn a_dismissal_survives_telling_again_and_a_new_finding_ends_it() {
    let mut world = World::new();
    let one = finding("ana", "one", Level::Medium);
    world.told(std::slice::from_ref(&one));
    world.decide("ana", Decision::Dismiss);
    let dismissed = is(NONE, RiskState::Dismissed, "adminDismissedAllRiskForUser");
    assert_eq!(world.risk("ana"), dismissed);
    assert_eq!(world.detections("ana")[0].state, RiskState::Dismissed);
    let risk = world.book.risk_of_events(&[event("one")]).unwrap();
    assert_eq!(
        (risk[&event("one")].aggregate, risk[&event("one")].state),
        (NONE, RiskState::Dismissed)
    );
    // Withdrawn and told again by another look at the log; then told with more evidence.
    world.told_only(MONDAY_MICROS, &[]);
    world.told(std::slice::from_ref(&one));
    let mut more = one.clone();
    (more.event_count, more.last_micros) = (7, more.last_micros + HOUR);
    world.told(&[more.clone()]);
    assert_eq!(world.risk("ana"), dismissed);
    // It becomes more than what was dismissed.
    more.level = Level::High;
    world.told(&[more]);
    assert_eq!(world.risk("ana"), is(HIGH, RiskState::AtRisk, "none"));
    world.decide("ana", Decision::ConfirmSafe);
    assert_eq!(world.risk("ana"), is(NONE, RiskState::ConfirmedSafe, "adminConfirmedAccountSafe"));
    world.told(&[finding("ana", "another", Level::Low)]);
    assert_eq!(world.risk("ana"), is(LOW, RiskState::AtRisk, "none"));

    let decisions = world.book.risk_decisions(&key("ana")).unwrap();
    assert_eq!(decisions.len(), 2);
    let first = &decisions[1];
    assert_eq!(
        (first.decision, first.before.level, first.after.state),
        (Decision::Dismiss, MEDIUM, RiskState::Dismissed)
    );
    assert_eq!((first.by.0.as_str(), first.note.as_str()), ("admin-1", "looked at it"));
}

#[test]
fn a_confirmed_user_is_high_until_somebody_says_otherwise() {
    let mut world = World::new();
    world.now += DAY;
    world.told(&[finding("ana", "one", Level::Low)]);
    world.decide("ana", Decision::ConfirmCompromised);
    world.decide("ana", Decision::ConfirmCompromised);
    let confirmed = is(HIGH, RiskState::ConfirmedCompromised, "adminConfirmedUserCompromised");
    assert_eq!(world.risk("ana"), confirmed);
    let types: Vec<String> =
        world.detections("ana").into_iter().map(|detection| detection.event_type).collect();
    assert_eq!(types, ["adminConfirmedUserCompromised", "mcasImpossibleTravel"]);
    world.told_only(MONDAY_MICROS, &[]);
    assert_eq!(world.risk("ana"), confirmed, "the decision does not rest on the finding");
    let history = world.book.risk_history(&key("ana")).unwrap();
    assert_eq!(history[0].by.as_deref(), Some("admin-1"));
    world.decide("ana", Decision::Dismiss);
    assert_eq!(world.risk("ana").1, RiskState::Dismissed);
    // Somebody of whom nothing was found.
    world.decide("bo", Decision::ConfirmCompromised);
    assert_eq!(world.risk("bo"), confirmed);
}

#[test]
fn sign_ins_are_decided_one_by_one() {
    let mut world = World::new();
    let mut two = finding("ana", "first", Level::Medium);
    let second = EventRef { at_micros: two.last_micros, id: event("second") };
    two.events.push(second);
    two.risky.push(second.id);
    world.told(&[two.clone()]);
    world.decide_on_sign_in("ana", event("first"), Decision::ConfirmSafe);
    let states = |world: &World| {
        let events = [event("first"), event("second")];
        let risk = world.book.risk_of_events(&events).unwrap();
        events.map(|event| (risk[&event].aggregate, risk[&event].state))
    };
    let safe = (NONE, RiskState::ConfirmedSafe);
    assert_eq!(states(&world), [safe, (MEDIUM, RiskState::AtRisk)]);
    assert_eq!(world.risk("ana").0, MEDIUM, "the other one still counts");
    world.decide_on_sign_in("ana", event("second"), Decision::Dismiss);
    assert_eq!(world.risk("ana"), is(NONE, RiskState::Dismissed, "adminDismissedRiskForSignIn"));
    // It goes on with a third.
    let third = EventRef { at_micros: two.last_micros + MINUTE, id: event("third") };
    two.events.push(third);
    two.risky.push(third.id);
    world.told(&[two]);
    assert_eq!(world.risk("ana"), is(MEDIUM, RiskState::AtRisk, "none"));
    // One that nothing was found about.
    world.decide_on_sign_in("bo", event("quiet"), Decision::ConfirmCompromised);
    assert_eq!(world.risk("bo"), is(HIGH, RiskState::AtRisk, "adminConfirmedSigninCompromised"));
    let risk = world.book.risk_of_events(&[event("quiet")]).unwrap();
    let quiet = &risk[&event("quiet")];
    assert_eq!((quiet.aggregate, quiet.state), (HIGH, RiskState::ConfirmedCompromised));
    world.decide_on_sign_in("bo", event("quiet"), Decision::ConfirmSafe);
    assert_eq!(world.risk("bo"), is(NONE, RiskState::ConfirmedSafe, "adminConfirmedSigninSafe"));
    world.decide_on_sign_in("bo", event("quiet"), Decision::ConfirmCompromised);
    assert_eq!(world.risk("bo").0, HIGH, "a decision can be taken back by another");
}

#[test]
fn low_risk_ages_out_and_more_does_not() {
    let mut world = World::new();
    world.told(&[finding("ana", "one", Level::Low), finding("bo", "two", Level::Medium)]);
    world.now = MONDAY_MICROS + LOW_LIFE_MICROS - DAY;
    assert_eq!(world.refresh().aged, 0);
    world.now = MONDAY_MICROS + LOW_LIFE_MICROS + DAY;
    assert_eq!(world.refresh().aged, 1);
    assert_eq!(world.risk("ana"), is(NONE, RiskState::None, "none"));
    assert_eq!(world.risk("bo").0, MEDIUM);
}

/// A risk detection as diagnostic settings deliver it.
fn risk_event(id: &str, name: &str, level: &str, state: &str, updated: i64) -> Value {
    let time = |micros| Timestamp::from_micros(micros).to_rfc3339();
    json!({
        "time": time(updated), "category": "UserRiskEvents", "tenantId": TENANT,
        "properties": {
            "id": id, "requestId": guid("request of the source"), "riskEventType": "anonymizedIPAddress",
            "riskState": state, "riskLevel": level, "riskDetail": "none",
            "source": "IdentityProtection", "detectionTimingType": "realtime", "activity": "signin",
            "ipAddress": "203.0.113.9", "location": {"city": "Osaka", "countryOrRegion": "JP",
                "geoCoordinates": {"latitude": 34.7, "longitude": 135.5}},
            "activityDateTime": time(MONDAY_MICROS), "detectedDateTime": time(MONDAY_MICROS),
            "lastUpdatedDateTime": time(updated),
            "userId": guid(&format!("user {name}")), "userDisplayName": "Somebody",
            "userPrincipalName": format!("{name}@contoso.example"),
            "additionalInfo": "[{\"Key\":\"userAgent\",\"Value\":\"x\"}]",
        },
    })
}

fn risky_user(name: &str, level: &str, state: &str, detail: &str, updated: i64) -> Value {
    let time = Timestamp::from_micros(updated).to_rfc3339();
    json!({
        "time": time, "category": "RiskyUsers", "tenantId": TENANT,
        "properties": {
            "id": guid(&format!("user {name}")), "isDeleted": false, "isProcessing": false,
            "riskLevel": level, "riskState": state, "riskDetail": detail,
            "riskLastUpdatedDateTime": time, "userDisplayName": "Somebody",
            "userPrincipalName": format!("{name}@contoso.example"),
        },
    })
}

#[test]
fn records_of_the_source_are_taken_over_once_and_the_latest_holds() {
    let mut world = World::new();
    world.records(&[risk_event("d-1", "ana", "medium", "atRisk", MONDAY_MICROS + HOUR)]);
    assert_eq!(world.refresh().records, 1);
    assert_eq!(world.risk("ana"), is(MEDIUM, RiskState::AtRisk, "none"));
    let detection = &world.detections("ana")[0];
    assert_eq!((detection.id.as_str(), detection.timing.as_str()), ("d-1", "realtime"));
    assert_eq!(detection.facts.location[0], "Osaka");
    let request = event("request of the source");
    let risk = world.book.risk_of_events(&[request]).unwrap();
    assert_eq!((risk[&request].real_time, risk[&request].aggregate), (MEDIUM, MEDIUM));
    world.refresh();
    assert_eq!(world.book.risk_history(&key("ana")).unwrap().len(), 1, "nothing is new");

    world.now += HOUR;
    world.records(&[risky_user("ana", "high", "atRisk", "none", MONDAY_MICROS + 2 * HOUR)]);
    world.refresh();
    assert_eq!(world.risk("ana"), is(HIGH, RiskState::AtRisk, "none"));
    let subject = world.book.risk_of_subject(&key("ana")).unwrap().unwrap();
    assert_eq!(
        (subject.facts.display_name.as_str(), subject.facts.is_deleted),
        ("Somebody", Some(false))
    );

    // Dismissed here; what the source said before does not come back.
    world.now += 3 * HOUR;
    world.decide("ana", Decision::Dismiss);
    world.records(&[risk_event("d-1", "ana", "high", "atRisk", MONDAY_MICROS + 3 * HOUR)]);
    world.refresh();
    assert_eq!(world.risk("ana").1, RiskState::Dismissed);
    // What it says afterwards does.
    world.now += 3 * HOUR;
    world.records(&[risk_event("d-1", "ana", "high", "atRisk", world.now)]);
    world.refresh();
    assert_eq!(world.risk("ana"), is(HIGH, RiskState::AtRisk, "none"));
}

#[test]
fn a_new_password_remediates_what_was_found_before_it() {
    let mut world = World::new();
    world.told(&[finding("ana", "one", Level::High), finding("bo", "two", Level::High)]);
    world.now = MONDAY_MICROS + 3 * HOUR;
    // In Entra somebody dismissed the source's risk of Bo, and knew nothing of ours.
    let dismissed = "adminDismissedAllRiskForUser";
    let reset = "userPerformedSecuredPasswordReset";
    world.records(&[
        risky_user("ana", "none", "remediated", reset, MONDAY_MICROS + 2 * HOUR),
        risky_user("bo", "none", "dismissed", dismissed, MONDAY_MICROS + 2 * HOUR),
    ]);
    world.refresh();
    assert_eq!(world.risk("ana"), is(NONE, RiskState::Remediated, reset));
    assert_eq!(world.risk("bo"), is(HIGH, RiskState::AtRisk, "none"));
    // A sign-in says the same of Bo.
    let change = "userPerformedSecuredPasswordChange";
    world.sign_ins(&[user("bo", 3 * HOUR)
        .with("riskState", "remediated")
        .with("riskDetail", change)]);
    assert_eq!(world.refresh().remediations, 1);
    assert_eq!(world.risk("bo"), is(NONE, RiskState::Remediated, change));
    // The attack goes on after the reset: a new risk, though the same finding.
    let mut later = finding("ana", "one", Level::High);
    later.last_micros = MONDAY_MICROS + 5 * HOUR;
    world.told(&[later]);
    assert_eq!(world.risk("ana"), is(HIGH, RiskState::AtRisk, "none"));
    let board = world.book.risk_dashboard(&Reach::everything(), world.now).unwrap();
    assert_eq!((board.users_protected, board.new_high_risk_users), (2, 3));
    assert_eq!(board.by_level, [(HIGH, 1)]);
    // From 09:00 to 10:00 and to 11:00.
    assert_eq!(board.mean_remediation_micros, Some(HOUR + HOUR / 2));
}

#[test]
fn mfa_that_risk_demanded_remediates_its_sign_in_only() {
    let mut world = World::new();
    world.told(&[finding("ana", "one", Level::Medium), finding("ana", "two", Level::Low)]);
    world.sign_ins(&[user("ana", HOUR)
        .with("id", guid("one"))
        .with("riskState", "remediated")
        .with("riskDetail", "userPassedMFADrivenByRiskBasedPolicy")]);
    world.refresh();
    assert_eq!(world.risk("ana"), is(LOW, RiskState::AtRisk, "none"));
    let risk = world.book.risk_of_events(&[event("one")]).unwrap();
    assert_eq!(risk[&event("one")].state, RiskState::Remediated);
}

#[test]
fn a_spray_is_a_risk_of_those_whose_passwords_were_right() {
    let mut world = World::new();
    let address = Subject {
        kind: SubjectKind::Address,
        id: "192.0.2.66".to_owned(),
        name: "192.0.2.66".to_owned(),
    };
    let mut spray = about("password-spray", address, "wrong", Level::High);
    let right = EventRef { at_micros: spray.last_micros, id: event("right") };
    spray.events.push(right);
    spray.risky.push(right.id);
    world.sign_ins(&[
        user("ana", HOUR).with("id", guid("wrong")).code(50126),
        user("bo", HOUR).with("id", guid("right")).code(50074),
    ]);
    world.told(&[spray.clone()]);
    let refreshed = world.refresh();
    assert_eq!((refreshed.looks, refreshed.has_more), (1, false));
    assert_eq!(world.risk("ana").1, RiskState::None);
    assert_eq!(world.risk("bo"), is(HIGH, RiskState::AtRisk, "none"));
    let detection = &world.detections("bo")[0];
    assert_eq!(
        (detection.event_type.as_str(), detection.finding),
        ("passwordSpray", Some(spray.id))
    );
    assert_eq!(detection.facts.request_id, guid("right"));
    let board = world.book.risk_dashboard(&Reach::everything(), world.now + HOUR).unwrap();
    assert_eq!((board.attacks_blocked, board.attacks.len()), (1, 1), "nobody got in");
    assert_eq!(world.refresh().looks, 0, "once");
    world.told_only(MONDAY_MICROS, &[]);
    assert_eq!(world.risk("bo").1, RiskState::None);
}

#[test]
fn lists_go_page_by_page_and_show_what_somebody_may_see() {
    let world = World::new();
    let names: Vec<String> = (0..25).map(|number| format!("user{number}")).collect();
    let findings: Vec<Finding> = names
        .iter()
        .enumerate()
        .map(|(number, name)| {
            let level = Level::ALL[number % 3];
            let mut finding = finding(name, name, level);
            finding.told_micros += number as i64 / 5;
            finding
        })
        .collect();
    world.told(&findings);
    let mut query =
        SubjectQuery { reach: Reach::everything(), limit: 7, ..SubjectQuery::default() };
    let mut found = Vec::new();
    loop {
        let page = world.book.risky_subjects(&query).unwrap();
        let Some(last) = page.last() else { break };
        query.after = Some((last.updated_micros, last.number));
        found.extend(page.into_iter().map(|one| one.name));
    }
    let mut distinct = found.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!((found.len(), distinct.len()), (25, 25));
    assert_eq!(found[0], "user24@contoso.example", "the latest first");

    let names = |query: &SubjectQuery| {
        let page = world.book.risky_subjects(query).unwrap();
        page.into_iter().map(|one| one.name).collect::<Vec<String>>()
    };
    let everything = SubjectQuery { reach: Reach::everything(), ..SubjectQuery::default() };
    let high = SubjectQuery { levels: vec![HIGH], ..everything.clone() };
    assert_eq!(names(&high).len(), 8);
    assert_eq!(world.book.count_risky_subjects(&high).unwrap()[&(RiskState::AtRisk, HIGH)], 8);
    let text = SubjectQuery { text: Some("USER2@".to_owned()), ..everything.clone() };
    assert_eq!(names(&text), ["user2@contoso.example"]);
    let part = |tenants: &[&str], users: &[&str]| {
        let owned = |list: &[&str]| list.iter().map(|&one| one.to_owned()).collect();
        Reach(vec![ReachPart { tenants: owned(tenants), users: owned(users) }])
    };
    for (reach, count) in [
        (part(&[TENANT], &[]), 25),
        (part(&["other"], &[]), 0),
        (part(&[], &["USER3@contoso.example"]), 1),
        (part(&[], &[&key("user4").id]), 1),
        (Reach::nothing(), 0),
    ] {
        assert_eq!(
            names(&SubjectQuery { reach: reach.clone(), ..everything.clone() }).len(),
            count
        );
        let detections = DetectionQuery { reach: reach.clone(), ..DetectionQuery::default() };
        assert_eq!(world.book.risk_detections(&detections).unwrap().len(), count);
        let board = world.book.risk_dashboard(&reach, world.now).unwrap();
        assert_eq!(board.by_level.iter().map(|(_, count)| *count as usize).sum::<usize>(), count);
    }
}
