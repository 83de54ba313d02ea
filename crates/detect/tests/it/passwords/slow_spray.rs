use durward_detect::Level;

use super::{name, staff, strange};
use crate::story::{DAY, HOUR, MINUTE, SignIn, Story};

const ID: &str = "slow-spray";
const START: i64 = 8 * DAY;

/// One try an account and two hours.
fn drip(accounts: i64) -> Vec<SignIn> {
    (0..accounts).map(|n| strange(&name(n), START + n * 2 * HOUR, 50126)).collect()
}

#[test]
fn a_try_every_two_hours_is_found_once() {
    let told = [staff(30, 8), drip(30)].concat();
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
    assert!(found[0].event_count >= 24, "{}", found[0].event_count);
    assert!(found[0].facts[0].value.ends_with("15 within 3 d are enough"), "{:?}", found[0].facts);
}

#[test]
fn fourteen_accounts_are_too_few() {
    let told = [staff(14, 8), drip(14)].concat();
    assert!(Story::new(&told).findings(ID).is_empty());
    assert_eq!(Story::new(&told).findings_by(ID, &[("accounts", 14.0)]).len(), 1);
}

#[test]
fn who_gives_in_makes_it_high() {
    for at in [START + 10 * HOUR, START + 50 * HOUR] {
        let told = [staff(30, 8), drip(24), vec![strange("u1", at, 50076)]].concat();
        let found = Story::new(&told).findings(ID);
        assert_eq!((found.len(), found[0].level), (1, Level::High), "{at}");
        assert!(found[0].sentence.contains("u1@contoso.example"), "{}", found[0].sentence);
    }
}

#[test]
fn a_fast_spray_is_left_to_the_other_detection() {
    let mut told = staff(120, 8);
    for day in 0..3 {
        told.extend(
            (0..40)
                .map(|n| strange(&name(day * 40 + n), START + day * DAY + n * MINUTE / 2, 50126)),
        );
    }
    assert!(Story::new(&told).findings(ID).is_empty());
}

#[test]
fn a_hotel_where_people_get_in_after_all_is_none() {
    let mut told = staff(30, 8);
    for n in 0..30 {
        told.push(strange(&name(n), START + n * 2 * HOUR, 50126));
        told.push(strange(&name(n), START + n * 2 * HOUR + MINUTE, 0));
    }
    assert!(Story::new(&told).findings(ID).is_empty());
}

#[test]
fn many_tries_of_the_same_accounts_are_something_else() {
    let mut told = staff(30, 8);
    for round in 0..4 {
        told.extend(
            (0..16).map(|n| strange(&name(n), START + round * 16 * HOUR + n * HOUR, 50126)),
        );
    }
    let found = Story::new(&told).findings(ID);
    assert_eq!(found.len(), 1, "while there are only one or two tries an account");
    assert!(found[0].sentence.contains("16 accounts"), "{}", found[0].sentence);
    let story = Story::new(&told);
    assert!(story.findings_by(ID, &[("accounts", 17.0)]).is_empty());
}
