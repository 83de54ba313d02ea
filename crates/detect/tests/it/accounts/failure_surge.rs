use durward_detect::Level;

use crate::story::{DAY, HOUR, SignIn, Story, user};

const ID: &str = "failure-surge";

fn failures(at: i64, count: i64, code: i64) -> impl Iterator<Item = SignIn> {
    (0..count).map(move |n| {
        let name = format!("user{}", n % 40);
        user(&name, at + n * HOUR / 1000).code(code).from(&format!("192.0.2.{}", n % 40))
    })
}

fn ordinary(days: i64) -> Vec<SignIn> {
    (0..days).flat_map(|day| failures(day * DAY, if day % 7 < 5 { 20 } else { 2 }, 50126)).collect()
}

fn after_usual(told: impl IntoIterator<Item = SignIn>) -> Story {
    let mut all = ordinary(21);
    all.extend(told);
    Story::new(&all)
}

#[test]
fn an_outage_is_found_with_its_code() {
    let found = after_usual(failures(21 * DAY, 150, 90033)).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
    assert!(found[0].sentence.contains("most with code 90033"), "{}", found[0].sentence);
}

#[test]
fn fifty_blocks_and_interruptions_do_not_count() {
    assert!(after_usual(failures(21 * DAY, 50, 50126)).findings(ID).is_empty());
    assert!(after_usual(failures(21 * DAY, 500, 53003)).findings(ID).is_empty());
    assert!(after_usual(failures(21 * DAY, 500, 50074)).findings(ID).is_empty());
    let told = after_usual(failures(21 * DAY, 49, 50126));
    assert_eq!(told.findings_by(ID, &[("least", 40.0)]).len(), 1);
}

#[test]
fn one_address_that_fails_is_left_to_others() {
    let spray = |n: i64| {
        user(&format!("victim{n}"), 21 * DAY + n * HOUR / 1000).code(50126).from("203.0.113.9")
    };
    let found = after_usual((0..140).map(spray)).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
    assert!(found[0].against[0].contains("one address"));
}

#[test]
fn guessing_from_everywhere_is_left_to_others() {
    let found = after_usual(failures(21 * DAY, 150, 50126)).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
    assert!(found[0].against[0].contains("guesses"));
}
