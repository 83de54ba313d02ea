use durward_detect::Level;
use serde_json::json;

use super::strange;
use crate::story::{DAY, HOUR, MINUTE, SignIn, Story, habit, user};

const ID: &str = "success-after-failures";
const START: i64 = 8 * DAY;

/// Some wrong passwords of a stranger, and a success.
fn break_in(failures: i64) -> Vec<SignIn> {
    let mut told = habit("ana", 8);
    told.extend((0..failures).map(|n| strange("ana", START + n * MINUTE, 50126)));
    told.push(strange("ana", START + 30 * MINUTE, 0));
    told
}

#[test]
fn some_failures_then_a_success_from_a_new_network_are_found() {
    let mut told = break_in(6);
    told.push(strange("ana", START + 31 * MINUTE, 0));
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level, found[0].event_count), (1, Level::Medium, 7));
    assert!(found[0].sentence.contains("6 wrong passwords in 30 min"), "{}", found[0].sentence);
    assert!(found[0].facts[0].value.ends_with("5 within 1 h are enough"));
}

#[test]
fn four_failures_are_too_few_and_twenty_are_brute_force() {
    assert!(Story::new(&break_in(4)).findings(ID).is_empty());
    assert!(Story::new(&break_in(20)).findings(ID).is_empty());
    assert_eq!(Story::new(&break_in(19)).findings(ID).len(), 1);
    let mut told = break_in(6);
    told.pop();
    told.push(strange("ana", START + 2 * HOUR, 0));
    assert!(Story::new(&told).findings(ID).is_empty(), "too late");
}

#[test]
fn typing_errors_at_home_or_on_the_own_laptop_are_none() {
    for is_home in [true, false] {
        let place = |at: i64, code: i64| match is_home {
            true => user("ana", at).code(code),
            false => strange("ana", at, code).device("laptop of ana"),
        };
        let mut told = habit("ana", 8);
        told.extend((0..8).map(|n| place(START + n * MINUTE, 50126)));
        told.push(place(START + 10 * MINUTE, 0));
        assert!(Story::new(&told).findings(ID).is_empty(), "{is_home}");
    }
}

#[test]
fn a_second_factor_or_a_known_provider_or_a_new_user_make_it_low() {
    let factor = json!([{"authenticationMethod": "Mobile app notification", "succeeded": true,
                         "authenticationStepResultDetail": "MFA successfully completed"}]);
    let mut told = break_in(6);
    let last = told.pop().unwrap();
    told.push(last.clone().with("authenticationDetails", factor));
    assert_eq!(Story::new(&told).findings(ID)[0].level, Level::Low);
    told.pop();
    told.push(last.asn(64500));
    assert_eq!(Story::new(&told).findings(ID)[0].level, Level::Low);
    let new: Vec<SignIn> = break_in(6).split_off(8);
    let found = Story::new(&new).findings(ID);
    assert_eq!((found[0].level, found[0].against.len()), (Level::Low, 1));
}

#[test]
fn two_break_ins_are_two_findings() {
    let mut told = break_in(6);
    told.extend((0..6).map(|n| strange("ana", START + 5 * HOUR + n * MINUTE, 50126)));
    told.push(strange("ana", START + 5 * HOUR + 10 * MINUTE, 0));
    assert_eq!(Story::new(&told).findings(ID).len(), 2);
}
