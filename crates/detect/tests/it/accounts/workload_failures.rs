use durward_detect::Level;

use super::hourly;
use crate::story::{DAY, HOUR, MINUTE, OSAKA, SignIn, Story, workload};

const ID: &str = "workload-failures";

fn after_usual(told: impl IntoIterator<Item = SignIn>) -> Story {
    let mut all = hourly(20, |at| workload("sync", at));
    all.extend(told);
    Story::new(&all)
}

fn guess(n: i64) -> SignIn {
    let at = 20 * DAY + n * MINUTE;
    workload("sync", at).code(7_000_215).from("203.0.113.9").asn(64999).at(OSAKA)
}

#[test]
fn guessing_from_a_new_network_is_medium_and_a_success_high() {
    assert!(after_usual((0..4).map(guess)).findings(ID).is_empty());
    let found = after_usual((0..5).map(guess)).findings(ID);
    assert_eq!((found.len(), found[0].level, found[0].event_count), (1, Level::Medium, 5));
    assert!(found[0].sentence.contains("in Osaka, JP"), "{}", found[0].sentence);
    let told = (0..6).map(|n| if n == 5 { guess(n).code(0) } else { guess(n) });
    let found = after_usual(told).findings(ID);
    assert_eq!((found.len(), found[0].level, found[0].event_count), (1, Level::High, 6));
}

#[test]
fn an_expired_secret_is_explained_and_low() {
    let told = (0..48).map(|n| workload("sync", 20 * DAY + n * HOUR).code(7_000_222));
    let found = after_usual(told).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
    assert_eq!(found[0].sentence, "The secret of the workload sync has expired.");
    assert_eq!(found[0].event_count, 32, "told at 1, 2, 4 and so on");
}

#[test]
fn a_wrong_secret_now_and_then_is_nothing_and_a_stream_of_them_low() {
    let wrong = |at| workload("sync", 20 * DAY + at).code(7_000_215);
    assert!(after_usual((0..30).map(|n| wrong(n * 10 * MINUTE))).findings(ID).is_empty());
    let found = after_usual((0..30).map(|n| wrong(n * MINUTE))).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
    assert!(found[0].against[0].contains("used to"));
}

#[test]
fn a_new_workload_has_no_usual_network() {
    let told = (0..8).map(|n| workload("fresh", n * MINUTE).code(7_000_215));
    assert!(after_usual(told).findings(ID).is_empty());
}
