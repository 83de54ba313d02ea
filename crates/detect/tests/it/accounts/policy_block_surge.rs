use durward_detect::{Level, SubjectKind};

use crate::story::{DAY, HOUR, SignIn, Story, user};

const ID: &str = "policy-block-surge";

/// So many blocks within an hour, of many people at many addresses.
fn blocks(at: i64, count: i64) -> impl Iterator<Item = SignIn> {
    (0..count).map(move |n| {
        let name = format!("user{}", n % 40);
        user(&name, at + n * HOUR / 1000).code(53003).from(&format!("192.0.2.{}", n % 40))
    })
}

fn ordinary(days: i64) -> Vec<SignIn> {
    (0..days).flat_map(|day| blocks(day * DAY, if day % 7 < 5 { 20 } else { 2 })).collect()
}

#[test]
fn a_policy_that_shuts_people_out_is_found_and_named() {
    let mut told = ordinary(21);
    told.extend(blocks(21 * DAY, 130));
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
    assert_eq!(found[0].subject.kind, SubjectKind::Tenant);
    assert!(found[0].sentence.contains("with code 53003, for Office"), "{}", found[0].sentence);
    assert!(found[0].risky.is_empty(), "nobody's sign-in is risky by it");
}

#[test]
fn ordinary_weeks_and_a_busy_hour_are_silent() {
    let mut told = ordinary(28);
    told.extend(blocks(28 * DAY, 50));
    assert!(Story::new(&told).findings(ID).is_empty());
    // Without two weeks before it nothing is known.
    let told: Vec<_> = ordinary(13).into_iter().chain(blocks(13 * DAY, 200)).collect();
    assert!(Story::new(&told).findings(ID).is_empty());
}

#[test]
fn a_policy_that_fails_every_day_is_one_finding() {
    let mut told = ordinary(21);
    told.extend((21..25).flat_map(|day| blocks(day * DAY, 200)));
    assert_eq!(Story::new(&told).findings(ID).len(), 1);
}

#[test]
fn one_program_that_is_blocked_is_low() {
    let mut told = ordinary(21);
    let robot = |n| user("robot", 21 * DAY + n * HOUR / 1000).code(53000).from("192.0.2.77");
    told.extend((0..130).map(robot));
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
    assert_eq!(found[0].against.len(), 2);
}
