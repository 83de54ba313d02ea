use durward_detect::Level;

use super::{agent, hourly, to};
use crate::story::{DAY, MINUTE, SignIn, Story};

const ID: &str = "agent-failed-access";

fn after_usual(told: impl IntoIterator<Item = SignIn>) -> Story {
    let mut all = hourly(3, |at| agent("helper", at));
    all.extend(told);
    Story::new(&all)
}

fn refused(n: i64) -> SignIn {
    agent("helper", 3 * DAY + n * MINUTE).code(53003)
}

#[test]
fn failures_for_strange_resources_are_medium() {
    let strange = |n: i64| to(refused(n), &format!("Vault {n}"));
    assert!(after_usual((0..4).map(strange)).findings(ID).is_empty());
    let found = after_usual((0..10).map(strange)).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
    assert!(found[0].sentence.contains("the newest is Vault"), "{}", found[0].sentence);
}

#[test]
fn failures_for_its_own_resource_must_be_many_and_are_low() {
    assert!(after_usual((0..19).map(refused)).findings(ID).is_empty());
    let found = after_usual((0..40).map(refused)).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
    // The same over two days is nothing.
    let slow = (0..40).map(|n| refused(n * 60));
    assert!(after_usual(slow).findings(ID).is_empty());
}
