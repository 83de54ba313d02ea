use durward_detect::{Level, Lists, Networks};

use super::names;
use crate::story::{DAY, HOUR, OSAKA, SignIn, Story, habit, user};

const ID: &str = "privileged-outside-controls";

fn lists() -> Lists {
    Lists { privileged: names(&["root@contoso.example"]), ..Lists::default() }
}

fn single(sign_in: SignIn) -> SignIn {
    sign_in.with("authenticationRequirement", "singleFactorAuthentication")
}

fn abroad(sign_in: SignIn) -> SignIn {
    sign_in.from("203.0.113.9").asn(64999).at(OSAKA)
}

fn levels(told: &[SignIn]) -> Vec<Level> {
    let found = Story::new(told).findings_listed(ID, lists());
    found.into_iter().map(|one| one.level).collect()
}

#[test]
fn one_factor_or_a_strange_place_is_medium_and_both_are_high() {
    let usual = habit("root", 30);
    let with = |sign_in| [usual.clone(), vec![sign_in]].concat();
    let at = 30 * DAY;
    assert_eq!(levels(&with(single(user("root", at)))), [Level::Medium]);
    assert_eq!(levels(&with(abroad(user("root", at)))), [Level::Medium]);
    assert_eq!(levels(&with(single(abroad(user("root", at))))), [Level::High]);
}

#[test]
fn travel_with_the_own_device_and_refreshed_tokens_are_ordinary() {
    let mut told = habit("root", 30);
    told.push(abroad(user("root", 30 * DAY)).device("laptop of root"));
    told.push(single(user("root", 30 * DAY + HOUR)).silent());
    told.push(single(user("ana", 30 * DAY)));
    assert!(levels(&told).is_empty());
    // Not watched long enough to know a strange place.
    let told = [habit("root", 13), vec![abroad(user("root", 13 * DAY))]].concat();
    assert!(levels(&told).is_empty());
}

#[test]
fn a_trusted_place_explains_one_factor() {
    let told = [single(user("root", 0))];
    let trusted = Networks::parse(&["192.0.2.0/24"]).unwrap();
    let found =
        Story::new(&told).findings_listed(ID, Lists { trusted_networks: trusted, ..lists() });
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
    assert!(found[0].against[0].contains("trusted"));
}

#[test]
fn a_day_is_one_finding_of_its_highest_level() {
    let mut told = habit("root", 30);
    let at = 30 * DAY;
    told.push(single(abroad(user("root", at))));
    told.extend((1..6).map(|n| single(user("root", at + n * HOUR))));
    let found = Story::new(&told).findings_listed(ID, lists());
    assert_eq!((found.len(), found[0].level, found[0].event_count), (1, Level::High, 4));
}
