use durward_detect::{Level, Lists};

use super::names;
use crate::story::{DAY, HOUR, OSAKA, Story, habit, user};

const ID: &str = "dormant-account";

#[test]
fn an_account_that_wakes_on_a_new_network_is_medium() {
    let mut told = habit("ana", 10);
    let wakes = user("ana", 80 * DAY).from("203.0.113.9").asn(64999).at(OSAKA);
    told.push(wakes.device("laptop of ana"));
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
    assert!(found[0].sentence.contains("after 71 days"), "{}", found[0].sentence);
}

#[test]
fn below_the_limit_and_without_history_there_is_nothing() {
    let mut told = habit("ana", 10);
    told.push(user("ana", 68 * DAY).asn(64999));
    // Somebody new was never quiet.
    told.push(user("ben", 90 * DAY).asn(64999));
    // Failures wake nobody.
    told.push(user("ana", 200 * DAY).code(50126));
    assert!(Story::new(&told).findings(ID).is_empty());
    assert_eq!(Story::new(&told).findings_by(ID, &[("quiet", 50.0)]).len(), 1);
}

#[test]
fn the_same_place_and_device_or_a_trusted_one_is_low() {
    let mut told = habit("ana", 10);
    told.push(user("ana", 130 * DAY).device("laptop of ana"));
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Low), "back from leave");
    assert!(found[0].against[0].contains("those of before"));
    let mut told = habit("ana", 10);
    told.push(user("ana", 130 * DAY).device("new laptop"));
    let trusted = durward_detect::Networks::parse(&["192.0.2.0/24"]).unwrap();
    let lists = Lists { trusted_networks: trusted, ..Lists::default() };
    assert_eq!(Story::new(&told).findings(ID)[0].level, Level::Medium);
    assert_eq!(Story::new(&told).findings_listed(ID, lists)[0].level, Level::Low);
}

#[test]
fn waking_is_one_finding_and_service_accounts_are_none() {
    let mut told = habit("ana", 10);
    told.extend((0..20).map(|n| user("ana", 90 * DAY + n * HOUR).asn(64999)));
    assert_eq!(Story::new(&told).findings(ID).len(), 1);
    let lists = Lists { service_accounts: names(&["ana@contoso.example"]), ..Lists::default() };
    assert!(Story::new(&told).findings_listed(ID, lists).is_empty());
}
