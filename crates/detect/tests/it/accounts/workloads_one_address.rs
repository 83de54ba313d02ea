use durward_detect::{Level, SubjectKind};

use super::hourly;
use crate::story::{DAY, MINUTE, SignIn, Story, workload};

const ID: &str = "workloads-one-address";
const NAMES: [&str; 4] = ["sync", "export", "backup", "mailer"];

fn after_usual(days: i64, told: impl IntoIterator<Item = SignIn>) -> Story {
    let usual = NAMES.map(|name| hourly(days, |at| workload(name, at)));
    let mut all = usual.concat();
    all.extend(told);
    Story::new(&all)
}

fn elsewhere(number: usize, asn: u32) -> SignIn {
    let at = 20 * DAY + number as i64 * MINUTE;
    workload(NAMES[number % 4], at).from("203.0.113.9").asn(asn)
}

#[test]
fn several_workloads_at_one_new_address_are_found_once() {
    let found = after_usual(20, (0..12).map(|n| elsewhere(n, 64999))).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
    let subject = &found[0].subject;
    assert_eq!((subject.kind, subject.name.as_str()), (SubjectKind::Address, "203.0.113.9"));
    assert!(found[0].sentence.starts_with("3 workloads"), "{}", found[0].sentence);
}

#[test]
fn two_are_too_few_and_failures_count_too() {
    assert!(after_usual(20, (0..2).map(|n| elsewhere(n, 64999))).findings(ID).is_empty());
    let told = (0..3).map(|n| elsewhere(n, 64999).code(7_000_215));
    assert_eq!(after_usual(20, told).findings(ID).len(), 1);
}

#[test]
fn moving_within_a_provider_is_low_and_new_workloads_do_not_count() {
    let found = after_usual(20, (0..4).map(|n| elsewhere(n, 64500))).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
    assert!(found[0].against[0].contains("may have moved"));
    let told = (0..5).map(|n| workload(&format!("new {n}"), 20 * DAY + n).from("203.0.113.9"));
    assert!(after_usual(20, told).findings(ID).is_empty());
}
