use durward_detect::{Finding, Level};

use super::{STRANGER, name, staff, strange};
use crate::story::{DAY, HOUR, LAGOS, MINUTE, SignIn, Story, user};

const ID: &str = "password-spray";
const START: i64 = 8 * DAY;

/// One try an account and minute.
fn spray(accounts: i64) -> Vec<SignIn> {
    (0..accounts).map(|n| strange(&name(n), START + n * MINUTE, 50126)).collect()
}

fn found(parts: &[Vec<SignIn>]) -> Vec<Finding> {
    Story::new(&parts.concat()).findings(ID)
}

fn fact<'a>(finding: &'a Finding, label: &str) -> &'a str {
    &finding.facts.iter().find(|fact| fact.label == label).unwrap().value
}

#[test]
fn a_failed_spray_is_found_and_stays_one_finding() {
    let findings = found(&[staff(40, 8), spray(40)]);
    assert_eq!(findings.len(), 1);
    let finding = &findings[0];
    assert_eq!(finding.level, Level::Medium);
    assert_eq!(finding.subject.id, STRANGER);
    assert!(finding.event_count >= 36, "{}", finding.event_count);
    assert_eq!(finding.risky.len(), finding.events.len());
    assert!(finding.sentence.contains("203.0.113.7 (Lagos, NG)"), "{}", finding.sentence);
    let tried = fact(finding, "Accounts tried");
    assert!(tried.ends_with("10 within 30 min are enough"), "{tried}");
    assert_eq!(finding.first_micros, crate::story::MONDAY_MICROS + START);
}

#[test]
fn nine_accounts_are_too_few_and_so_are_ten_in_an_hour() {
    assert!(found(&[staff(9, 8), spray(9)]).is_empty());
    assert_eq!(found(&[staff(10, 8), spray(10)]).len(), 1);
    let slow = (0..10).map(|n| strange(&name(n), START + n * 6 * MINUTE, 50126)).collect();
    assert!(found(&[staff(10, 8), slow]).is_empty());
    let story = Story::new(&[staff(9, 8), spray(9)].concat());
    assert_eq!(story.findings_by(ID, &[("accounts", 9.0)]).len(), 1);
}

#[test]
fn an_account_that_gives_in_is_named_and_makes_it_high() {
    // Second factor asked for: in the middle, and long after.
    for (at, code) in
        [(START + 4 * MINUTE + 1, 50074), (START + 10 * HOUR, 50074), (START + HOUR, 0)]
    {
        let findings = found(&[staff(30, 8), spray(30), vec![strange("u3", at, code)]]);
        assert_eq!((findings.len(), findings[0].level), (1, Level::High), "{at} {code}");
        assert!(findings[0].sentence.contains("u3@contoso.example"), "{}", findings[0].sentence);
        assert!(fact(&findings[0], "Gave in").contains(&format!("({code})")));
    }
    // Somebody else, much later or from a neighbouring address, is another story.
    for other in [
        strange("other", START + 10 * HOUR, 0),
        strange("other", START + 20 * MINUTE, 0).from("203.0.113.99"),
    ] {
        assert_eq!(found(&[staff(30, 8), spray(30), vec![other]])[0].level, Level::Medium);
    }
    let other = vec![strange("other", START + 20 * MINUTE, 0)];
    assert_eq!(found(&[staff(30, 8), spray(30), other])[0].level, Level::High);
}

#[test]
fn conditional_access_that_blocks_shows_that_the_password_was_right() {
    let steps = r#"[{"authenticationMethod":"Password","succeeded":true}]"#;
    let steps: serde_json::Value = serde_json::from_str(steps).unwrap();
    let blocked = strange("u3", START + 20 * MINUTE + 1, 53003);
    let without = found(&[staff(30, 8), spray(30), vec![blocked.clone()]]);
    assert_eq!(without[0].level, Level::Medium);
    let with = vec![blocked.with("authenticationDetails", steps)];
    assert_eq!(found(&[staff(30, 8), spray(30), with])[0].level, Level::High);
}

#[test]
fn neighbouring_addresses_and_networks_of_one_attacker_are_one_campaign() {
    let mut told = staff(60, 8);
    for n in 0..60 {
        let address = ["203.0.113.7", "198.51.100.7", "203.0.113.8"][n as usize % 3];
        told.push(strange(&name(n), START + n * MINUTE / 3, 50126).from(address));
    }
    let findings = Story::new(&told).findings(ID);
    assert_eq!(findings.len(), 1);
    assert!(fact(&findings[0], "Accounts tried").starts_with("5"), "{:?}", findings[0].facts);
    assert!(findings[0].sentence.contains("3 addresses"));
    assert!(findings[0].address.is_empty());
}

#[test]
fn typing_errors_on_monday_morning_are_none() {
    let mut told = staff(80, 7);
    for n in 0..80 {
        let at = 7 * DAY + n * 20_000_000;
        if n % 4 == 0 {
            told.push(user(&name(n), at).code(50126));
        }
        told.push(user(&name(n), at + MINUTE / 2));
    }
    assert!(Story::new(&told).findings(ID).is_empty());
}

#[test]
fn a_new_office_of_strangers_is_none_while_they_get_in() {
    let mut told = Vec::new();
    for n in 0..60 {
        let at = n * 20_000_000;
        told.push(user(&name(n), at).code(50126));
        told.push(user(&name(n), at + MINUTE / 2));
    }
    assert!(Story::new(&told).findings(ID).is_empty());
}

#[test]
fn failures_of_those_who_usually_sign_in_there_are_low_unless_there_are_very_many() {
    let night = |accounts: i64| -> Vec<SignIn> {
        (0..accounts)
            .map(|n| user(&name(n), START - 6 * HOUR + n * MINUTE / 2).code(50126))
            .collect()
    };
    let low = found(&[staff(40, 8), night(20)]);
    assert_eq!((low.len(), low[0].level, low[0].against.len()), (1, Level::Low, 1));
    assert_eq!(found(&[staff(40, 8), night(40)])[0].level, Level::Medium);
}

#[test]
fn two_sprays_on_two_days_are_two() {
    let again = (0..12).map(|n| strange(&name(n), START + 5 * HOUR + n * MINUTE, 50126)).collect();
    let findings = found(&[staff(12, 8), spray(12), again]);
    assert_eq!(findings.len(), 2);
    let legacy: Vec<SignIn> = (0..12)
        .map(|n| user(&name(n), START + n * MINUTE).client("IMAP4").from("198.51.100.9").at(LAGOS))
        .map(|one| one.code(50053))
        .collect();
    assert_eq!(found(&[staff(12, 8), legacy]).len(), 1, "any client, any such code");
}
