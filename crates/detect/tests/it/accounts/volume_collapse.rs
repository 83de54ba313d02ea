use durward_detect::{Level, SubjectKind};

use crate::story::{DAY, HOUR, MINUTE, SignIn, Story, user, workload};

const ID: &str = "volume-collapse";
/// Small numbers, so that stories stay short.
const SMALL: &[(&str, f64)] = &[("usual", 10.0)];

/// Busy from 8 to 17 on working days, and so many an hour at other times.
fn life(days: i64, otherwise: i64, cut: impl Fn(i64) -> bool) -> Vec<SignIn> {
    let mut told = Vec::new();
    for hour in 0..days * 24 {
        // The story begins on a Monday at 8.
        let is_busy = hour % 24 < 9 && hour / 24 % 7 < 5;
        let count = if is_busy { 20 } else { otherwise };
        let at = hour * HOUR;
        if !cut(at) {
            told.extend((0..count).map(|n| user(&format!("user{n}"), at + n * MINUTE)));
        }
        // Another log, so that time goes on.
        told.push(workload("clock", at));
    }
    told
}

#[test]
fn a_log_that_breaks_off_is_found_an_hour_later() {
    let start = 21 * DAY + 3 * HOUR;
    let told = life(22, 0, |at| at >= start);
    let found = Story::new(&told).findings_by(ID, SMALL);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
    let finding = &found[0];
    assert_eq!(finding.subject.kind, SubjectKind::Tenant);
    let begin = crate::story::MONDAY_MICROS + start;
    assert_eq!((finding.first_micros, finding.found_micros), (begin, begin + 2 * HOUR));
    assert!(finding.sentence.contains("interactive user sign-in log has almost stopped"));
    assert_eq!(finding.facts[0].value, "0 of 20 = 0.0 %; below 10 % is found");
}

#[test]
fn nights_weekends_and_ordinary_weeks_are_silent() {
    let told = life(28, 1, |_| false);
    assert!(Story::new(&told).findings_by(ID, SMALL).is_empty());
    // A quarter of the usual is no collapse.
    let mut told = life(21, 1, |_| false);
    told.extend((0..9).flat_map(|hour| {
        (0..5).map(move |n| user(&format!("user{n}"), 21 * DAY + hour * HOUR + n * MINUTE))
    }));
    told.push(workload("clock", 22 * DAY));
    assert!(Story::new(&told).findings_by(ID, SMALL).is_empty());
}

#[test]
fn a_holiday_is_low_and_an_outage_over_night_is_not() {
    // Some work at weekends, so that a day off has one sign-in an hour.
    let holiday = |at: i64| at / DAY == 22;
    let mut told = life(24, 1, holiday);
    told.extend((0..24).map(|hour| user("user0", 22 * DAY + hour * HOUR)));
    let found = Story::new(&told).findings_by(ID, SMALL);
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
    assert!(found[0].against[0].contains("holiday"));
    // Days off have four an hour: nothing at all is less than that.
    let told = life(24, 4, |at| at >= 21 * DAY + 14 * HOUR);
    let found = Story::new(&told).findings_by(ID, SMALL);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
}

#[test]
fn recovery_ends_it_and_the_next_one_is_another() {
    let told = life(24, 0, |at| {
        let hour = at % DAY / HOUR;
        at >= 21 * DAY && (3..5).contains(&hour)
    });
    let found = Story::new(&told).findings_by(ID, SMALL);
    assert_eq!(found.len(), 3);
    let told = life(22, 0, |at| at >= 21 * DAY + 3 * HOUR);
    let late = Story::new(&told).findings_by(ID, &[("usual", 10.0), ("patience", 3.0)]);
    assert_eq!(late[0].found_micros - late[0].first_micros, 4 * HOUR);
}
