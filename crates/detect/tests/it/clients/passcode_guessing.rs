use durward_detect::Level;

use crate::story::{DAY, LAGOS, MINUTE, SignIn, Story, habit, user};

const ID: &str = "passcode-guessing";

fn abroad(at: i64) -> SignIn {
    user("ana", at).from("203.0.113.7").asn(64510).at(LAGOS)
}

fn wrong(at: i64) -> SignIn {
    abroad(at).code(500_121).steps(&[("OATH verification code", false, "Wrong code")])
}

fn story(count: i64) -> Vec<SignIn> {
    let guesses = (0..count).map(|n| wrong(40 * DAY + n * MINUTE));
    habit("ana", 40).into_iter().chain(guesses).collect()
}

#[test]
fn ten_wrong_codes_in_half_an_hour_are_found_and_nine_are_not() {
    let found = Story::new(&story(10)).findings(ID);
    assert_eq!((found.len(), found[0].level, found[0].event_count), (1, Level::Medium, 10));
    assert!(found[0].sentence.starts_with("10 wrong codes in 9 min"), "{}", found[0].sentence);
    assert!(Story::new(&story(9)).findings(ID).is_empty());
}

#[test]
fn a_code_that_fits_in_the_end_makes_it_high() {
    let mut told = story(12);
    told.push(abroad(40 * DAY + 13 * MINUTE));
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::High));
}

#[test]
fn a_drifting_token_on_the_own_device_is_low_and_refusals_are_not_codes() {
    let own = |n| wrong(40 * DAY + n * MINUTE).device("laptop of ana");
    let told: Vec<SignIn> = habit("ana", 40).into_iter().chain((0..12).map(own)).collect();
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Low));

    let details = "MFA denied; user declined the authentication";
    let refused = |n| wrong(40 * DAY + n * MINUTE).with("status/additionalDetails", details);
    let told: Vec<SignIn> = (0..12).map(refused).collect();
    assert!(Story::new(&told).findings(ID).is_empty());
}
