use durward_detect::{Level, Lists, Networks};

use crate::story::{DAY, HOUR, MINUTE, OSAKA, SignIn, Story, habit, user};

const ID: &str = "concurrent-networks";
const START: i64 = 20 * DAY;

fn own(at: i64) -> SignIn {
    user("ana", at).device("laptop of ana").silent()
}

fn other(at: i64) -> SignIn {
    user("ana", at).at(OSAKA).from("203.0.113.9").asn(64999).silent()
}

/// Both sides in turns, so many minutes apart.
fn turns(count: i64, minutes: i64) -> Vec<SignIn> {
    let at = |turn: i64| START + turn * minutes * MINUTE;
    (0..count).map(|turn| if turn % 2 == 0 { own(at(turn)) } else { other(at(turn)) }).collect()
}

fn story(then: Vec<SignIn>) -> Story {
    Story::new(&[habit("ana", 20), then].concat())
}

#[test]
fn turns_that_go_on_are_one_finding() {
    let found = story(turns(10, 10)).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
    assert!(found[0].sentence.contains("in turns from Vigo, ES and Osaka, JP"));
    assert_eq!(found[0].risky.len(), 5, "all of the stranger's");
}

#[test]
fn a_visit_is_not_and_neither_is_what_is_far_apart_in_time() {
    assert!(story(turns(3, 10)).findings(ID).is_empty(), "there and back: two changes");
    assert_eq!(story(turns(4, 10)).findings(ID).len(), 1);
    assert!(story(turns(10, 31)).findings(ID).is_empty());
    assert_eq!(story(turns(10, 31)).findings_by(ID, &[("window", 60.0)]).len(), 1);
}

#[test]
fn a_known_machine_on_the_other_side_is_low() {
    let mut told = habit("ana", 20);
    told.extend((0..20).map(|day| user("ana", day * DAY + HOUR)));
    told.extend(turns(10, 10));
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
}

#[test]
fn own_devices_shared_networks_and_beginners_are_silent() {
    let vpn = turns(10, 10).into_iter().map(|one| one.device("laptop of ana")).collect();
    assert!(story(vpn).findings(ID).is_empty());
    let shared = Networks::parse(&["AS64999"]).unwrap();
    let lists = Lists { shared_networks: shared, ..Lists::default() };
    assert!(story(turns(10, 10)).findings_listed(ID, lists).is_empty());
    assert!(Story::new(&turns(10, 10)).findings(ID).is_empty());
}
