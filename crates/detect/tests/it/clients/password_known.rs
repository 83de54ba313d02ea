use durward_detect::Level;

use crate::story::{DAY, HOUR, LAGOS, MADRID, MINUTE, SignIn, Story, habit, user};

const ID: &str = "password-known";

fn abroad(at: i64) -> SignIn {
    user("ana", at).from("203.0.113.7").asn(64510).at(LAGOS)
}

fn story(more: Vec<SignIn>) -> Story {
    let mut told = habit("ana", 40);
    told.extend(more);
    Story::new(&told)
}

#[test]
fn a_right_password_without_the_second_factor_is_told_after_the_wait() {
    let at = 40 * DAY;
    let told = vec![abroad(at).code(50074), abroad(at + MINUTE).code(500_121)];
    let stopped = told[1].at_micros();
    let found = story(told).findings(ID);
    assert_eq!((found.len(), found[0].level, found[0].event_count), (1, Level::Medium, 2));
    assert!(found[0].found_micros >= stopped + 29 * MINUTE, "not before the wait is over");
    assert!(found[0].against.is_empty(), "{:?}", found[0].against);
    let found = story(vec![abroad(at).code(50074).at(MADRID)]).findings(ID);
    assert_eq!(found[0].level, Level::Low, "the country is no news");
}

#[test]
fn a_success_from_there_explains_it_and_one_from_home_does_not() {
    let at = 40 * DAY;
    let later = |sign_in: SignIn| story(vec![abroad(at).code(50074), sign_in]).findings(ID);
    assert!(later(abroad(at + 20 * MINUTE)).is_empty());
    assert_eq!(later(abroad(at + 50 * MINUTE)).len(), 1, "too late");
    assert_eq!(later(user("ana", at + 20 * MINUTE).device("laptop of ana")).len(), 1);
}

#[test]
fn the_own_network_or_device_and_renewals_are_left_alone() {
    let at = 40 * DAY;
    assert!(story(vec![user("ana", at).code(50074)]).findings(ID).is_empty());
    assert!(story(vec![abroad(at).code(50074).device("laptop of ana")]).findings(ID).is_empty());
    assert!(story(vec![abroad(at).code(50076).silent()]).findings(ID).is_empty());
    assert!(story(vec![abroad(at).code(50126)]).findings(ID).is_empty());
}

#[test]
fn blocked_after_the_password_counts_and_a_day_of_attempts_is_one_finding() {
    let password = [("Password", true, "Correct password")];
    let blocked = |n| abroad(40 * DAY + n * HOUR).code(53003).steps(&password);
    let found = story((0..8).map(blocked).collect()).findings(ID);
    assert_eq!((found.len(), found[0].event_count), (1, 8));
    assert!(story(vec![abroad(40 * DAY).code(53003)]).findings(ID).is_empty());
}
