use durward_detect::Level;

use super::{name, staff, strange};
use crate::story::{DAY, MINUTE, SignIn, Story, user};

const ID: &str = "user-enumeration";
const START: i64 = 8 * DAY;

/// Names that do not exist, one a minute.
fn guesses(count: i64) -> Vec<SignIn> {
    let one = |n: i64| strange(&format!("guess{n}"), START + n * MINUTE, 50034).with("userId", "");
    (0..count).map(one).collect()
}

#[test]
fn a_list_of_names_is_found_once_and_rises_with_its_length() {
    let found = Story::new(&guesses(12)).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
    let found = Story::new(&guesses(50)).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
    assert!(found[0].event_count >= 40, "{}", found[0].event_count);
    assert!(found[0].sentence.contains("203.0.113.7"), "{}", found[0].sentence);
}

#[test]
fn nine_names_or_one_name_often_are_none() {
    assert!(Story::new(&guesses(9)).findings(ID).is_empty());
    let told: Vec<SignIn> = (0..40).map(|n| strange("leaver", START + n * MINUTE, 50034)).collect();
    assert!(Story::new(&told).findings(ID).is_empty());
}

#[test]
fn a_kiosk_in_the_office_is_low_however_many_there_are() {
    let mut told = staff(12, 8);
    told.extend((0..50).map(|n| user(&format!("guess{n}"), START + n * MINUTE).code(50034)));
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level, found[0].against.len()), (1, Level::Low, 1));
}

#[test]
fn where_many_of_the_names_exist_it_is_a_spray() {
    let story = |names: i64| {
        let mut told = staff(8, 8);
        told.push(guesses(1).remove(0));
        told.extend((0..8).map(|n| strange(&name(n), START + n * MINUTE + 1, 50126)));
        told.extend(guesses(names).into_iter().skip(1));
        Story::new(&told).findings(ID)
    };
    assert!(story(24).is_empty(), "a third exists");
    assert_eq!(story(50).len(), 1, "few exist");
}
