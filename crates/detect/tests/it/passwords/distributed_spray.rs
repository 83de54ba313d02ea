use durward_detect::Level;

use super::{name, staff};
use crate::story::{DAY, LAGOS, MINUTE, SignIn, Story, user};

const ID: &str = "distributed-spray";
const START: i64 = 8 * DAY;

/// Each account from a network of its own, with one tool.
fn from_everywhere(accounts: i64, start: i64) -> Vec<SignIn> {
    let one = |n: i64| {
        user(&name(n), start + n * MINUTE / 4)
            .from(&format!("10.{}.{}.9", n / 8, n))
            .asn(64000 + n as u32)
            .at(LAGOS)
            .with("userAgent", "spraytool/1.0")
            .code(50126)
    };
    (0..accounts).map(one).collect()
}

#[test]
fn many_accounts_from_many_networks_are_one_campaign() {
    let told = [staff(60, 8), from_everywhere(60, START)].concat();
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
    assert_eq!(found[0].subject.name, "the tenant");
    assert!(found[0].event_count >= 48, "{}", found[0].event_count);
    let common = found[0].facts.iter().find(|fact| fact.label == "In common").unwrap();
    assert_eq!(common.value, "user agent: spraytool/1.0");
}

#[test]
fn fewer_are_not() {
    let told = [staff(19, 8), from_everywhere(19, START)].concat();
    assert!(Story::new(&told).findings(ID).is_empty());
    assert_eq!(Story::new(&told).findings_by(ID, &[("accounts", 19.0)]).len(), 1);
    let told = [staff(60, 8), from_everywhere(60, START)].concat();
    assert!(Story::new(&told).findings_by(ID, &[("networks", 61.0)]).is_empty());
}

#[test]
fn a_password_that_was_right_makes_it_high() {
    let mut told = [staff(60, 8), from_everywhere(60, START)].concat();
    let hit = from_everywhere(31, START + 20 * MINUTE).pop().unwrap().code(50074);
    told.push(hit);
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::High));
    assert!(found[0].sentence.contains("u30@contoso.example"), "{}", found[0].sentence);
}

#[test]
fn a_broken_app_on_familiar_devices_is_none() {
    let mut told = Vec::new();
    for n in 0..60 {
        let home = format!("10.{}.{}.9", n / 8, n);
        let one = |at: i64| user(&name(n), at).from(&home).asn(64000 + n as u32);
        told.extend((0..8).map(|day| one(day * DAY)));
        told.push(one(START + n * MINUTE / 4).code(50126));
    }
    assert!(Story::new(&told).findings(ID).is_empty());
}

#[test]
fn what_happens_on_other_days_too_is_usual() {
    let mut told = staff(60, 8);
    // A campaign every day, below the threshold, in the same client.
    (0..5).for_each(|day| told.extend(from_everywhere(15, START + day * DAY)));
    told.extend(from_everywhere(30, START + 5 * DAY));
    assert!(Story::new(&told).findings(ID).is_empty());
    told.extend(from_everywhere(60, START + 6 * DAY));
    let found = Story::new(&told).findings_by(ID, &[("growth", 2.0)]);
    assert_eq!(found.len(), 2, "with a lower bar both large ones are found, each once");
}
