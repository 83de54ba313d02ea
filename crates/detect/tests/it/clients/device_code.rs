use durward_detect::Level;

use crate::story::{DAY, HOUR, LAGOS, MADRID, MINUTE, SignIn, Story, habit, user};

const ID: &str = "device-code";
const BROKER: &str = "29d9ed98-a469-4536-ade2-f981bc1d605e";
const DEVICE_REGISTRATION: &str = "01cb2876-7ebd-4aa4-9cc9-d28bd4d359a9";

/// The code is entered at home.
fn code(at: i64, session: &str) -> SignIn {
    user("ana", at)
        .with("authenticationProtocol", "deviceCode")
        .with("originalTransferMethod", "deviceCodeFlow")
        .session(session)
}

/// The session goes on.
fn after(at: i64, session: &str) -> SignIn {
    user("ana", at).with("originalTransferMethod", "deviceCodeFlow").session(session).silent()
}

fn abroad(sign_in: SignIn) -> SignIn {
    sign_in.from("203.0.113.7").asn(64510).at(LAGOS)
}

fn story(more: Vec<SignIn>) -> Story {
    let mut told = habit("ana", 40);
    told.extend(more);
    Story::new(&told)
}

#[test]
fn a_session_that_goes_on_abroad_is_one_high_finding() {
    let at = 40 * DAY;
    let mut told = vec![code(at, "s").code(50199), code(at + MINUTE, "s")];
    let thief = (2..9).map(|n| abroad(after(at + n * MINUTE, "s")).agent("python-requests/2.32"));
    told.extend(thief);
    let found = story(told).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::High));
    let finding = &found[0];
    assert!(finding.sentence.contains("went on from Lagos, NG"), "{}", finding.sentence);
    assert_eq!(finding.risky.len(), 8, "told anew when there are twice as many");
    assert!(finding.against.is_empty(), "{:?}", finding.against);
    let changed = finding.facts.iter().find(|fact| fact.label == "What changed").unwrap();
    assert!(changed.value.contains("autonomous system, country"), "{}", changed.value);
}

#[test]
fn within_the_country_it_is_medium() {
    let at = 40 * DAY;
    let moved = after(at + HOUR, "s").from("198.51.100.9").asn(64511).at(MADRID);
    let found = story(vec![code(at, "s"), moved]).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
}

#[test]
fn a_first_code_at_home_is_low_and_abroad_medium() {
    let found = story(vec![code(40 * DAY, "s")]).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
    let found = story(vec![abroad(code(40 * DAY, "s"))]).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
}

#[test]
fn joining_a_device_by_the_broker_is_medium_at_home_and_high_elsewhere() {
    let join = |sign_in: SignIn| sign_in.app_id(BROKER).resource(DEVICE_REGISTRATION);
    let found = story(vec![join(code(40 * DAY, "s"))]).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
    let found = story(vec![join(abroad(code(40 * DAY, "s")))]).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::High));
}

#[test]
fn who_does_it_every_week_is_left_alone() {
    let told = (0..8).map(|n| code(40 * DAY + n * 7 * DAY, &format!("s{n}")));
    let found = story(told.collect()).findings(ID);
    assert_eq!(found.len(), 1, "the first only");
    let told = vec![code(40 * DAY, "s1"), code(75 * DAY, "s2")];
    assert_eq!(story(told).findings(ID).len(), 2, "after 35 days it is news again");
    assert!(story(vec![code(40 * DAY, "s").code(50126)]).findings(ID).is_empty());
}

#[test]
fn a_trusted_network_explains_the_move() {
    let at = 40 * DAY;
    let office = r#"[{"networkType":"trustedNamedLocation","networkNames":["Office"]}]"#;
    let office: serde_json::Value = serde_json::from_str(office).unwrap();
    let moved = abroad(after(at + HOUR, "s")).with("networkLocationDetails", office);
    let found = story(vec![code(at, "s"), moved]).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
}
