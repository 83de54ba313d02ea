use durward_detect::Level;

use super::strange;
use crate::story::{DAY, HOUR, MINUTE, SignIn, Story, habit, user};

const ID: &str = "revoked-token-reuse";
const START: i64 = 8 * DAY;

/// A revoked token from elsewhere, and the end of the day so that time passes.
fn reuse(count: i64) -> Vec<SignIn> {
    let mut told = habit("ana", 8);
    told.extend((0..count).map(|n| strange("ana", START + n * MINUTE, 50173).silent()));
    told.extend(habit("bob", 1));
    told.push(user("bob", START + 12 * HOUR));
    told
}

#[test]
fn a_revoked_token_from_a_new_network_is_recorded_once() {
    let found = Story::new(&reuse(5)).findings(ID);
    assert_eq!((found.len(), found[0].level, found[0].event_count), (1, Level::Low, 5));
    assert!(found[0].sentence.contains("ana@contoso.example"), "{}", found[0].sentence);
    assert!(found[0].found_micros >= found[0].last_micros + 3 * HOUR, "only after the wait");
}

#[test]
fn whoever_signs_in_afterwards_is_the_user() {
    let mut told = reuse(5);
    told.push(strange("ana", START + HOUR, 0));
    assert!(Story::new(&told).findings(ID).is_empty());
    let mut told = reuse(5);
    told.push(strange("ana", START + 5 * HOUR, 0));
    assert_eq!(Story::new(&told).findings(ID).len(), 1, "too late to explain it");
    let story = Story::new(&told);
    assert!(story.findings_by(ID, &[("wait", 6.0)]).is_empty());
}

#[test]
fn the_own_network_device_or_provider_is_none() {
    let at_home = |one: SignIn| one.from("192.0.2.99");
    let own = |one: SignIn| one.device("laptop of ana");
    let provider = |one: SignIn| one.asn(64500);
    let changes: [&dyn Fn(SignIn) -> SignIn; 3] = [&at_home, &own, &provider];
    for (number, change) in changes.into_iter().enumerate() {
        let mut told = habit("ana", 8);
        told.push(change(strange("ana", START, 50132).silent()));
        told.push(user("bob", START + 12 * HOUR));
        assert!(Story::new(&told).findings(ID).is_empty(), "{number}");
    }
}

#[test]
fn a_new_user_is_not_known_well_enough() {
    let told =
        [habit("ana", 3), vec![strange("ana", 3 * DAY, 50173), user("bob", 4 * DAY)]].concat();
    assert!(Story::new(&told).findings(ID).is_empty());
}
