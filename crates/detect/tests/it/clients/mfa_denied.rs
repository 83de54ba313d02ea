use durward_detect::Level;

use crate::story::{DAY, HOUR, LAGOS, MINUTE, SignIn, Story, habit, user};

const ID: &str = "mfa-denied";

fn refusal(at: i64, details: &str) -> SignIn {
    user("ana", at).code(500_121).with("status/additionalDetails", details)
}

fn abroad(sign_in: SignIn) -> SignIn {
    sign_in.from("203.0.113.7").asn(64510).at(LAGOS)
}

const DECLINED: &str = "MFA denied; user declined the authentication";

#[test]
fn a_refusal_is_medium_from_an_unknown_network_and_a_report_is_high() {
    let mut told = habit("ana", 40);
    told.push(abroad(refusal(40 * DAY, DECLINED)));
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
    told.push(abroad(refusal(40 * DAY + MINUTE, "Phone App Reported Fraud")));
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level, found[0].event_count), (1, Level::High, 2));
    assert!(found[0].sentence.contains("reported"), "{}", found[0].sentence);
}

#[test]
fn refusals_of_a_day_are_one_finding() {
    let mut told = habit("ana", 40);
    told.extend((0..16).map(|n| abroad(refusal(40 * DAY + n * HOUR, DECLINED))));
    told.push(abroad(refusal(45 * DAY, DECLINED)));
    let found = Story::new(&told).findings(ID);
    assert_eq!(found.iter().map(|one| one.event_count).collect::<Vec<_>>(), [16, 1]);
}

#[test]
fn nobody_is_blamed_for_the_own_device_or_for_not_answering() {
    let mut told = habit("ana", 40);
    told.push(refusal(40 * DAY, DECLINED).device("laptop of ana"));
    let timeout = "MFA denied; user did not respond to mobile app notification";
    told.push(abroad(refusal(40 * DAY + MINUTE, timeout)));
    assert!(Story::new(&told).findings(ID).is_empty());
    told.push(refusal(40 * DAY + HOUR, DECLINED));
    assert!(Story::new(&told).findings(ID).is_empty(), "the usual network and client");
    told.push(refusal(40 * DAY + HOUR, DECLINED).with("deviceDetail/browser", "Firefox 149.0"));
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Low), "another client");
}
