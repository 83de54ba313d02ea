use durward_detect::{Level, Lists, Networks};

use crate::story::{DAY, HOUR, LAGOS, MADRID, MINUTE, SignIn, Story, habit, user};

const ID: &str = "unfamiliar-properties";
const START: i64 = 20 * DAY;

fn elsewhere(at: i64) -> SignIn {
    user("ana", at).at(MADRID).from("203.0.113.9").asn(64999)
}

fn story(then: Vec<SignIn>) -> Story {
    Story::new(&[habit("ana", 20), then].concat())
}

#[test]
fn a_new_network_with_a_new_client_is_low_and_a_new_country_makes_it_medium() {
    let found = story(vec![elsewhere(START)]).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
    let fact =
        |label: &str| found[0].facts.iter().find(|fact| fact.label == label).unwrap().value.clone();
    assert_eq!(fact("Network of the address"), "203.0.113.9: new");
    assert_eq!(fact("Country"), "ES: seen 20 times since 2026-03-02");
    let found = story(vec![elsewhere(START).at(LAGOS)]).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
}

#[test]
fn a_registered_device_and_a_known_application_keep_it_low() {
    let found = story(vec![elsewhere(START).at(LAGOS).device("new")]).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
    assert!(found[0].against[0].contains("registered"));
    let found = story(vec![elsewhere(START).client("IMAP4")]).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
}

#[test]
fn a_new_laptop_at_the_office_and_the_known_one_in_a_hotel_are_silent() {
    let office = user("ana", START).device("new laptop");
    let hotel = elsewhere(START + DAY).device("laptop of ana");
    assert!(story(vec![office, hotel]).findings(ID).is_empty());
    // At an office of the organisation where Ana never was.
    let other_office = || vec![elsewhere(START).device("new laptop")];
    assert_eq!(story(other_office()).findings(ID).len(), 1);
    let trusted = Networks::parse(&["203.0.113.0/24"]).unwrap();
    let lists = Lists { trusted_networks: trusted, ..Lists::default() };
    assert!(story(other_office()).findings_listed(ID, lists).is_empty());
    let mut told = habit("ana", 20);
    for name in ["bob", "eve", "ida"] {
        let there = habit(name, 20).into_iter();
        told.extend(there.map(|one| one.at(MADRID).from("203.0.113.9").asn(64999)));
    }
    told.extend(other_office());
    assert!(Story::new(&told).findings(ID).is_empty(), "where colleagues work");
}

#[test]
fn learning_takes_five_days_and_ten_sign_ins_and_begins_again_after_a_pause() {
    let after = |days: i64, each: i64, pause: i64| {
        let mut told = Vec::new();
        for day in 0..days {
            let times = (0..each).map(|n| user("ana", day * DAY + n * HOUR).device("laptop"));
            told.extend(times);
        }
        told.push(elsewhere((days + pause) * DAY));
        Story::new(&told).findings(ID).len()
    };
    assert_eq!(after(4, 9, 0), 0, "too few days");
    assert_eq!(after(6, 1, 0), 0, "too few sign-ins");
    assert_eq!(after(6, 2, 0), 1);
    assert_eq!(after(20, 2, 29), 1);
    assert_eq!(after(20, 2, 31), 0, "learned anew");
}

#[test]
fn a_vpn_on_a_private_computer_is_low() {
    let own = user("ana", START).session("private");
    let vpn = elsewhere(START + HOUR).at(LAGOS).session("private");
    let found = story(vec![own, vpn]).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
    assert!(found[0].against[0].contains("VPN"));
}

#[test]
fn everything_that_follows_is_one_finding() {
    let then = (0..30).map(|n| elsewhere(START + n * MINUTE).silent()).collect();
    let found = story(then).findings(ID);
    assert_eq!((found.len(), found[0].event_count), (1, 16));
}

#[test]
fn a_private_computer_that_is_used_often_is_familiar() {
    let mut told = habit("ana", 20);
    told.extend((0..5).map(|day| user("ana", day * DAY + HOUR)));
    told.push(elsewhere(START));
    assert!(Story::new(&told).findings(ID).is_empty());
}
