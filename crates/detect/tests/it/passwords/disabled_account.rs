use durward_detect::Level;

use super::{name, staff, strange};
use crate::story::{DAY, HOUR, MINUTE, SignIn, Story, user};

const ID: &str = "disabled-account";
const START: i64 = 8 * DAY;

#[test]
fn disabled_accounts_of_several_users_are_found_once() {
    let tried = |accounts: i64| -> Vec<SignIn> {
        (0..accounts).map(|n| strange(&name(n), START + n * HOUR, 50057)).collect()
    };
    let found = Story::new(&tried(8)).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
    assert!(found[0].facts[0].value.ends_with("3 are enough"), "{:?}", found[0].facts);
    assert!(found[0].sentence.contains("from 203.0.113.7 (Lagos, NG)"), "{}", found[0].sentence);
    assert!(Story::new(&tried(2)).findings(ID).is_empty());
}

#[test]
fn a_program_left_behind_is_low_and_one_finding_for_as_long_as_it_runs() {
    let told: Vec<SignIn> = (0..100).map(|n| strange("leaver", START + n * HOUR, 50057)).collect();
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
    assert!(found[0].event_count >= 80);
    assert!(found[0].sentence.contains("leaver@contoso.example"), "{}", found[0].sentence);
    assert!(Story::new(&told[..9]).findings(ID).is_empty());
}

#[test]
fn former_colleagues_in_the_office_are_low() {
    let mut told = staff(6, 8);
    told.extend((0..5).map(|n| user(&name(n), START + n * HOUR).code(50057)));
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level, found[0].against.len()), (1, Level::Low, 1));
}

#[test]
fn within_a_spray_they_are_part_of_it() {
    let mut told: Vec<SignIn> =
        (0..30).map(|n| strange(&name(n), START + n * MINUTE, 50126)).collect();
    told.extend((0..4).map(|n| strange(&name(40 + n), START + (12 + n) * MINUTE + 1, 50057)));
    assert!(Story::new(&told).findings(ID).is_empty());
}
