use durward_detect::Level;

use super::hourly;
use crate::story::{DAY, HOUR, MINUTE, MONDAY_MICROS, SignIn, Story, user, workload};

const ID: &str = "silent-source";

/// So many jobs around the clock, until some time; another log goes on.
fn jobs(count: i64, until: i64, days: i64) -> Vec<SignIn> {
    let mut told = hourly(days, |at| user("clock", at));
    for job in 0..count {
        let name = format!("job {job}");
        told.extend((0..until / HOUR).map(|hour| workload(&name, hour * HOUR + job * MINUTE)));
    }
    told
}

#[test]
fn a_log_that_never_was_silent_is_missed_after_four_hours() {
    let start = 21 * DAY + 5 * HOUR;
    let found = Story::new(&jobs(6, start, 23)).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
    let begin = MONDAY_MICROS + start;
    assert_eq!((found[0].first_micros, found[0].found_micros), (begin, begin + 5 * HOUR));
    assert!(found[0].sentence.contains("service principal sign-in log has been silent since"));
}

#[test]
fn three_hours_are_nothing() {
    let mut told = jobs(6, 21 * DAY, 22);
    told.extend((3..24).map(|hour| workload("job 0", 21 * DAY + hour * HOUR)));
    assert!(Story::new(&told).findings(ID).is_empty());
}

#[test]
fn quiet_nights_weekends_and_busy_logs_are_left_alone() {
    // An office: 9 hours on working days, nobody otherwise.
    let office = |days: i64| -> Vec<SignIn> {
        let hours = (0..days * 24).filter(|hour| hour % 24 < 9 && hour / 24 % 7 < 5);
        hours.flat_map(|hour| (0..8).map(move |n| user(&format!("user{n}"), hour * HOUR))).collect()
    };
    let mut told = office(28);
    told.extend(hourly(28, |at| workload("clock", at)));
    assert!(Story::new(&told).findings(ID).is_empty());
    // A holiday is low: it began as every night does.
    let mut told = office(21);
    told.extend(hourly(23, |at| workload("clock", at)));
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
    // Busy logs are watched by volume.
    let busy = Story::new(&jobs(12, 21 * DAY, 23));
    assert!(busy.findings_by(ID, &[("busy", 10.0)]).is_empty());
    assert_eq!(busy.findings(ID).len(), 1);
}
