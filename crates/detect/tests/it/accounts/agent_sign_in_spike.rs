use durward_detect::Level;

use super::{agent, hourly};
use crate::story::{DAY, HOUR, MINUTE, SignIn, Story};

const ID: &str = "agent-sign-in-spike";

fn burst(count: i64, at: i64) -> impl Iterator<Item = SignIn> {
    (0..count).map(move |n| agent("helper", at + n * MINUTE / 60))
}

#[test]
fn far_more_than_usual_is_found_once() {
    let mut told = hourly(10, |at| agent("helper", at));
    told.extend(burst(60, 10 * DAY));
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level, found[0].event_count), (1, Level::Low, 51));
    told.extend(burst(120, 10 * DAY + HOUR));
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium), "an attack goes on");
    assert!(found[0].sentence.contains("where 1."), "{}", found[0].sentence);
}

#[test]
fn few_or_early_or_nightly_bursts_are_ordinary() {
    let mut told = hourly(10, |at| agent("helper", at));
    told.extend(burst(49, 10 * DAY));
    assert!(Story::new(&told).findings(ID).is_empty(), "not more than 50");
    let mut told = hourly(6, |at| agent("helper", at));
    told.extend(burst(200, 6 * DAY));
    assert!(Story::new(&told).findings(ID).is_empty(), "still learning");
    let nightly = (0..12).flat_map(|day| burst(80, day * DAY));
    assert!(Story::new(&nightly.collect::<Vec<_>>()).findings(ID).is_empty());
}
