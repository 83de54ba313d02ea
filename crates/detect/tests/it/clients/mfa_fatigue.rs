use durward_detect::Level;

use crate::story::{DAY, HOUR, LAGOS, MINUTE, SignIn, Story, habit, user};

const ID: &str = "mfa-fatigue";
const SECOND: i64 = MINUTE / 60;

/// A sign-in from an attacker's network.
fn abroad(at: i64) -> SignIn {
    user("ana", at).from("203.0.113.7").asn(64510).at(LAGOS)
}

fn refused(at: i64) -> SignIn {
    let details = "MFA denied; user declined the authentication";
    abroad(at).code(500_121).with("status/additionalDetails", details)
}

/// An ordinary life, and so many refusals 20 s apart on its 41st day.
fn story(count: i64) -> Vec<SignIn> {
    let mut told = habit("ana", 40);
    told.extend((0..count).map(|n| refused(40 * DAY + n * 20 * SECOND)));
    told
}

#[test]
fn requests_again_and_again_are_one_medium_finding() {
    let found = Story::new(&story(12)).findings(ID);
    assert_eq!(found.len(), 1);
    let finding = &found[0];
    assert_eq!((finding.level, finding.event_count), (Level::Medium, 10));
    assert_eq!(finding.risky.len(), 10, "told at five and at ten");
    assert!(finding.sentence.contains("10 times"), "{}", finding.sentence);
    assert!(finding.facts[0].value.contains("5 within 15 min are enough"));
}

#[test]
fn four_are_not_enough_and_five_slow_ones_neither() {
    assert!(Story::new(&story(4)).findings(ID).is_empty());
    let slow = (0..8).map(|n| refused(40 * DAY + n * 5 * MINUTE));
    let told: Vec<SignIn> = habit("ana", 40).into_iter().chain(slow).collect();
    assert!(Story::new(&told).findings(ID).is_empty(), "at most four within 15 minutes");
}

#[test]
fn a_success_from_there_makes_it_high_and_one_from_home_does_not() {
    let gave_in = abroad(40 * DAY + 3 * MINUTE);
    let mut told = story(8);
    told.push(gave_in.clone());
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level, found[0].event_count), (1, Level::High, 9));
    assert!(found[0].sentence.contains("succeeded"));

    let mut told = story(8);
    told.push(user("ana", 40 * DAY + 3 * MINUTE).device("laptop of ana"));
    told.push(gave_in.with("createdDateTime", "").silent());
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
}

#[test]
fn a_later_campaign_is_another_finding() {
    let mut told = story(6);
    told.extend((0..6).map(|n| refused(40 * DAY + 3 * HOUR + n * 20 * SECOND)));
    assert_eq!(Story::new(&told).findings(ID).len(), 2);
}

#[test]
fn the_own_broken_phone_is_low() {
    let mut told = habit("ana", 40);
    let broken = |n| user("ana", 40 * DAY + n * MINUTE).device("laptop of ana").code(500_121);
    told.extend((0..8).map(broken));
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
    assert!(!found[0].against.is_empty());
}

#[test]
fn typed_codes_are_left_to_the_other_detection() {
    let mut told = habit("ana", 40);
    let wrong = |n| abroad(40 * DAY + n * MINUTE).code(500_121);
    let code = [("OATH verification code", false, "wrong")];
    told.extend((0..8).map(|n| wrong(n).steps(&code)));
    assert!(Story::new(&told).findings(ID).is_empty());
}
