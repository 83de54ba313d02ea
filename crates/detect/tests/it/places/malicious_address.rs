use durward_detect::{Level, Lists, Networks, SubjectKind};

use crate::story::{DAY, HOUR, MINUTE, SignIn, Story, habit, user};

const ID: &str = "malicious-address";
const START: i64 = 20 * DAY;

fn bad(name: &str, at: i64) -> SignIn {
    user(name, at).from("203.0.113.9").asn(64999)
}

/// So many users fail, one after the other.
fn failing(users: i64) -> Vec<SignIn> {
    (0..users).map(|n| bad(&format!("user {n}"), START + n * MINUTE).code(50126)).collect()
}

fn story(parts: Vec<Vec<SignIn>>) -> Story {
    Story::new(&[vec![habit("ana", 20)], parts].concat().concat())
}

#[test]
fn a_success_where_many_failed_is_high_with_the_arithmetic() {
    let found = story(vec![failing(12), vec![bad("ana", START + HOUR)]]).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::High));
    let fact =
        |label: &str| found[0].facts.iter().find(|fact| fact.label == label).unwrap().value.clone();
    assert_eq!(fact("Failing users"), "12; 10 are enough");
    assert_eq!(fact("Failure share"), "12 of 12 = 100 %; 90 % are enough");
}

#[test]
fn too_few_users_too_few_failures_and_too_long_ago_are_not() {
    let success = |at| vec![bad("ana", at)];
    assert!(story(vec![failing(9), success(START + HOUR)]).findings(ID).is_empty());
    assert_eq!(story(vec![failing(10), success(START + HOUR)]).findings(ID).len(), 1);
    assert!(story(vec![failing(10), success(START + 8 * DAY)]).findings(ID).is_empty());
    // An office: people succeed there too.
    let others =
        (0..5).map(|n| bad(&format!("other {n}"), START + 5 * MINUTE + n)).collect::<Vec<_>>();
    let office = story(vec![failing(12), others, success(START + HOUR)]).findings(ID);
    assert!(office.iter().all(|one| !one.subject.name.starts_with("ana")), "{office:?}");
}

#[test]
fn a_right_password_is_medium_until_it_gets_in() {
    let asked = bad("ana", START + HOUR).code(50074);
    let found = story(vec![failing(12), vec![asked.clone()]]).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
    let found = story(vec![failing(12), vec![asked, bad("ana", START + 2 * HOUR)]]).findings(ID);
    assert_eq!((found.len(), found[0].level, found[0].event_count), (1, Level::High, 2));
}

#[test]
fn the_own_networks_are_left_alone() {
    let told = || vec![failing(12), vec![bad("ana", START + HOUR)]];
    let networks = || Networks::parse(&["203.0.113.0/24"]).unwrap();
    let trusted = Lists { trusted_networks: networks(), ..Lists::default() };
    assert!(story(told()).findings_listed(ID, trusted).is_empty());
    let shared = Lists { shared_networks: networks(), ..Lists::default() };
    assert!(story(told()).findings_listed(ID, shared).is_empty());
}

#[test]
fn a_listed_address_is_high_at_once_and_low_while_it_only_fails() {
    let lists = || Lists {
        malicious_networks: Networks::parse(&["203.0.113.9"]).unwrap(),
        ..Lists::default()
    };
    let found = story(vec![vec![bad("ana", START)]]).findings_listed(ID, lists());
    assert_eq!((found.len(), found[0].level), (1, Level::High));
    let found = story(vec![failing(12)]).findings_listed(ID, lists());
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
    assert_eq!(found[0].subject.kind, SubjectKind::Address);
}
