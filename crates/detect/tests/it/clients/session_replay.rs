use durward_detect::{Level, Lists, Networks};

use crate::story::{DAY, HOUR, LAGOS, MADRID, MINUTE, OSAKA, SignIn, Story, habit, user};

const ID: &str = "session-replay";

/// The session's owner at home, on a registered laptop.
fn own(at: i64) -> SignIn {
    user("ana", at).session("s").device("laptop of ana")
}

/// The session on a computer nobody knows, far away.
fn thief(at: i64) -> SignIn {
    user("ana", at).session("s").from("203.0.113.7").asn(64510).at(LAGOS).silent()
}

fn story(more: Vec<SignIn>) -> Story {
    let mut told = habit("ana", 40);
    told.extend(more);
    Story::new(&told)
}

#[test]
fn a_stolen_session_is_one_high_finding_that_shows_where_it_changed_hands() {
    let at = 40 * DAY;
    let mut told = vec![own(at)];
    told.extend((1..9).map(|n| thief(at + n * 2 * MINUTE)));
    told.push(own(at + 5 * MINUTE));
    let last = told[0].at_micros();
    let found = story(told).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::High));
    let finding = &found[0];
    assert_eq!(finding.first_micros, last, "the owner's sign-in before it is evidence");
    assert_eq!((finding.events.len(), finding.risky.len()), (9, 8));
    let changed = finding.facts.iter().find(|fact| fact.label == "What changed").unwrap();
    assert_eq!(changed.value, "address, autonomous system, country, registered device");
    assert!(finding.sentence.contains("2 min later from Lagos, NG"), "{}", finding.sentence);
    assert!(finding.against.is_empty(), "{:?}", finding.against);
}

#[test]
fn the_same_registered_device_on_a_vpn_is_explained() {
    let at = 40 * DAY;
    let vpn = thief(at + MINUTE).device("laptop of ana");
    assert!(story(vec![own(at), vpn, own(at + HOUR)]).findings(ID).is_empty());
}

#[test]
fn a_phone_between_home_and_carrier_is_explained() {
    let at = 40 * DAY;
    let phone =
        |at| user("ana", at).session("p").silent().agent("Dalvik/2.1.0 (Linux; Android 15)");
    let carrier = |at| phone(at).from("198.51.100.9").asn(64511).at(MADRID);
    let told =
        (0..6).map(|n| if n % 2 == 0 { phone(at + n * MINUTE) } else { carrier(at + n * MINUTE) });
    assert!(story(told.collect()).findings(ID).is_empty());
}

#[test]
fn a_journey_with_the_same_client_is_explained_and_one_too_fast_is_not() {
    let at = 40 * DAY;
    let here = user("ana", at).session("p");
    let there = |at| user("ana", at).session("p").from("203.0.113.9").asn(64509).at(OSAKA);
    assert!(story(vec![here.clone(), there(at + 30 * HOUR)]).findings(ID).is_empty());
    let fast = there(at + HOUR);
    let found = story(vec![here.clone(), fast.clone()]).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Low), "a VPN looks like that");
    let found = story(vec![here, fast.agent("Mozilla/5.0 (Windows NT 10.0) Firefox/149.0")]);
    assert_eq!(found.findings(ID)[0].level, Level::Medium);
}

#[test]
fn shared_networks_explain_it() {
    let told = vec![own(40 * DAY), thief(40 * DAY + MINUTE)];
    let lists = Lists {
        shared_networks: Networks::parse(&["203.0.113.0/24"]).unwrap(),
        ..Lists::default()
    };
    assert!(story(told).findings_listed(ID, lists).is_empty());
}

#[test]
fn failures_and_other_sessions_do_not_count() {
    let at = 40 * DAY;
    let told = vec![own(at), thief(at + MINUTE).code(50173), thief(at + MINUTE).session("other")];
    assert!(story(told).findings(ID).is_empty());
}
