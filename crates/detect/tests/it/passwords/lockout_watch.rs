use durward_detect::{Level, SubjectKind};

use super::{name, strange};
use crate::story::{HOUR, MINUTE, SignIn, Story};

const ID: &str = "lockout-watch";

fn wave(users: i64) -> Vec<SignIn> {
    (0..users).map(|n| strange(&name(n), n * MINUTE, 50053)).collect()
}

#[test]
fn a_wave_of_lockouts_is_one_finding_about_the_tenant() {
    let found = Story::new(&wave(28)).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
    assert_eq!(found[0].subject.kind, SubjectKind::Tenant);
    assert!(found[0].facts[0].value.ends_with("15 within 30 min are enough"));
    assert!(Story::new(&wave(14)).findings(ID).is_empty());
}

#[test]
fn one_user_again_and_again_is_low() {
    let again = |count: i64| -> Vec<SignIn> {
        (0..count).map(|n| strange("ana", n * MINUTE, 50053)).collect()
    };
    let found = Story::new(&again(30)).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
    assert_eq!(found[0].subject.name, "ana@contoso.example");
    assert!(found[0].event_count >= 24);
    assert!(Story::new(&again(9)).findings(ID).is_empty());
}

#[test]
fn a_block_by_built_in_protection_is_no_lockout() {
    let reason = "Sign-in was blocked because it came from an IP address with malicious activity";
    let blocked: Vec<SignIn> =
        wave(28).into_iter().map(|one| one.with("status/failureReason", reason)).collect();
    assert!(Story::new(&blocked).findings(ID).is_empty());
    let shifted = (0..28).map(|n| strange(&name(n), HOUR + n * MINUTE, 50053)).collect();
    let found = Story::new(&[blocked, shifted].concat()).findings(ID);
    let fact = found[0].facts.last().unwrap();
    assert_eq!(fact.value, "28", "{fact:?}");
}

#[test]
fn a_few_lockouts_all_day_are_ordinary() {
    let told: Vec<SignIn> = (0..40).map(|n| strange(&name(n), n * 10 * MINUTE, 50053)).collect();
    assert!(Story::new(&told).findings(ID).is_empty());
}
