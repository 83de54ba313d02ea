//! The pages of detections: what they say, who changes what, and back-tests.

use std::time::{Duration, Instant};

use durward_access::{Role, Scope};
use durward_detect::book::Circumstances;
use durward_detect::finding::id_of;
use durward_detect::{EventRef, Finding, Level, Settings, Subject, SubjectKind, detections};
use durward_journal::{Action, Query};
use durward_model::{Id, Timestamp};

use crate::client::Answer;
use crate::fixture::{Server, id, interactive};
use crate::page::page;
use crate::visitor::{TENANT, Visitor};

/// A finding about the user with this number, so many minutes ago.
pub(crate) fn finding(detection: &str, number: u32, level: Level, minutes: i64) -> Finding {
    let name = format!("user{number}@x.example");
    let subject = Subject { kind: SubjectKind::User, id: id(9000 + number), name };
    let at_micros = Timestamp::now().micros - minutes * 60_000_000;
    let event = EventRef { at_micros, id: Id::from_text(&id(number)).0 };
    Finding {
        id: id_of(detection, TENANT, &subject, &minutes.to_le_bytes()),
        detection: detection.to_owned(),
        tenant: TENANT.to_owned(),
        level,
        sentence: format!("{} did something odd.", subject.name),
        first_micros: at_micros,
        last_micros: at_micros,
        found_micros: at_micros,
        told_micros: at_micros,
        events: vec![event],
        event_count: 1,
        risky: vec![event.id],
        facts: Vec::new(),
        against: Vec::new(),
        correlation: None,
        address: "203.0.113.7".to_owned(),
        location: ["Vigo".to_owned(), String::new(), "ES".to_owned()],
        subject,
    }
    .fact("Distance", "5,900 km in 40 min")
    .against("A VPN")
}

/// Writes findings down, and what follows from them.
pub(crate) fn tell(server: &Server, findings: &[Finding]) {
    let settings = Settings::default();
    let now_micros = Timestamp::now().micros;
    let circumstances = Circumstances { settings: &settings, now_micros };
    server.book.record(findings, &circumstances).unwrap();
}

/// Where an answer leads.
pub(crate) fn to(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.text());
    answer.header("location").unwrap().to_owned()
}

/// Changes that the access log has, the newest first: target and what was asked.
pub(crate) fn changes(server: &Server) -> Vec<(String, String)> {
    let query = Query { action: Some(Action::Change), ..Query::default() };
    let entries = server.journal.list(&query).unwrap();
    let done = entries.into_iter().filter(|recorded| recorded.entry.status < 400);
    done.map(|recorded| (recorded.entry.target.unwrap_or_default(), recorded.entry.query)).collect()
}

/// Waits until the back-test on a page has ended, and gives the page.
pub(crate) fn wait_for_test(visitor: &Visitor<'_>, target: &str) -> String {
    let target = target.split('#').next().unwrap();
    let begun = Instant::now();
    loop {
        let text = visitor.page(target);
        if !text.contains("aria-busy=\"true\"") {
            return text;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{text}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn administrator(server: &Server) -> Visitor<'_> {
    server.visitor("ana", &[Role::SecurityAdministrator], Scope::WHOLE, None)
}

#[test]
fn all_detections_are_listed_with_what_they_found() {
    let server = Server::start();
    let found = [
        finding("impossible-travel", 1, Level::High, 5),
        finding("impossible-travel", 2, Level::Low, 7),
        finding("impossible-travel", 3, Level::High, 60 * 24 * 40),
    ];
    tell(&server, &found);
    let text = page(&server, "/detections", 200);
    for about in detections::all() {
        assert!(text.contains(&format!("href=\"/detections/{}\"", about.id)), "{}", about.id);
    }
    assert!(text.contains("1 high") && text.contains("1 low") && !text.contains("2 high"));
    let text = page(&server, "/detections?q=T1110.003", 200);
    assert!(text.contains("/detections/password-spray") && !text.contains("/detections/ropc\""));
    assert!(page(&server, "/detections?q=zebra", 200).contains("No detection matches"));
}

#[test]
fn every_detection_explains_itself() {
    let server = Server::start();
    tell(&server, &[finding("impossible-travel", 1, Level::High, 5)]);
    for about in detections::all() {
        let text = page(&server, &format!("/detections/{}", about.id), 200);
        for parameter in about.parameters {
            assert!(text.contains(&format!("name=\"p.{}\"", parameter.name)), "{}", about.id);
        }
        assert!(!text.contains('`'), "{}", about.id);
    }
    let text = page(&server, "/detections/impossible-travel", 200);
    assert!(text.contains("user1@x.example did something odd."));
    assert!(text.contains("/protection/detections/") && text.contains("by=ipAddress"));
    page(&server, "/detections/no-such", 404);
}

#[test]
fn settings_are_checked_saved_told_and_taken_back() {
    let server = Server::guarded();
    let ana = administrator(&server);
    let form = |speed: &str| format!("on=true&p.speed={speed}&p.distance=500&p.error-radius=100");
    let target = "/detections/impossible-travel";
    let wrong = ana.post(target, &form("1"));
    assert_eq!(wrong.status, 400);
    assert!(wrong.text().contains("aria-invalid=\"true\""));
    assert!(wrong.text().contains("1 is not between"), "said at the field");
    assert!(server.book.choices().unwrap().is_empty());
    assert_eq!(to(&ana.post(target, &form("1200"))), target);
    let choice = server.book.choices().unwrap().remove("impossible-travel").unwrap();
    assert_eq!(choice.values.get("speed"), Some(&1200.0));
    assert_eq!((choice.is_on, choice.alerts), (Some(true), Some(false)));
    assert_eq!(choice.values.len(), 1, "defaults are not written down");
    let text = ana.page(target);
    assert!(text.contains("value=\"1200\"") && text.contains("speed 1200"), "form and history");
    let (of, what) = changes(&server).remove(0);
    assert_eq!((of.as_str(), what.as_str()), ("impossible-travel", "on, no alerts, speed 1200"));
    to(&ana.post("/detections/impossible-travel/switch", "on=false"));
    let choice = server.book.choices().unwrap().remove("impossible-travel").unwrap();
    assert_eq!((choice.is_on, choice.values.len()), (Some(false), 1), "the rest stays");
    to(&ana.post("/detections/impossible-travel/reset", ""));
    assert!(server.book.choices().unwrap().is_empty());
    assert_eq!(ana.post_without_token(target, &form("1200")).status, 403);
}

#[test]
fn readers_read_and_administrators_change() {
    let server = Server::guarded();
    let reader = server.visitor("rita", &[Role::SecurityReader], Scope::WHOLE, None);
    let text = reader.page("/detections");
    assert!(!text.contains("role=\"switch\""));
    assert!(reader.page("/detections/ropc").contains("disabled"));
    for path in ["", "/switch", "/reset", "/backtest"] {
        let answer = reader.post(&format!("/detections/ropc{path}"), "on=false");
        assert_eq!(answer.status, 403, "{path}");
    }
    let limited = Scope { users: vec!["user1@x.example".to_owned()], ..Scope::WHOLE };
    let limited = server.visitor("lea", &[Role::SecurityReader], limited, None);
    let part = Scope { tenants: vec![TENANT.to_owned()], ..Scope::WHOLE };
    let part = server.visitor("pia", &[Role::SecurityAdministrator], part, None);
    assert_eq!(part.post("/detections/ropc/switch", "on=false").status, 403, "for all tenants");
    tell(&server, &[finding("ropc", 2, Level::High, 5)]);
    assert!(part.page("/detections/ropc").contains("1 high"), "all of their tenant");
    let text = limited.page("/detections/ropc");
    assert!(!text.contains("user2@x.example") && !text.contains("1 high"));
}

#[test]
fn a_back_test_says_what_other_numbers_would_find() {
    let server = Server::guarded();
    server.fill(&interactive(0..50));
    let ana = administrator(&server);
    let form = "on=true&alerts=true&days=7&p.speed=1000&p.distance=500&p.error-radius=100";
    let target = to(&ana.post("/detections/impossible-travel/backtest", form));
    assert!(target.starts_with("/detections/impossible-travel?test="), "{target}");
    let text = wait_for_test(&ana, &target);
    assert!(text.contains("the last 7 days") && text.contains("With those in force"), "{text}");
    assert!(text.contains("value=\"1000\""), "what was entered stays in the form");
    assert!(server.book.choices().unwrap().is_empty(), "nothing is saved");
    let bea = server.visitor("bea", &[Role::SecurityAdministrator], Scope::WHOLE, None);
    let theirs = bea.page(target.split('#').next().unwrap());
    assert!(!theirs.contains("the last 7 days"), "a back-test is its owner's");
}
