use durward_detect::{Level, Lists, detections};

use super::names;
use crate::story::{DAY, HOUR, Story, user};

const ID: &str = "privileged-sign-in";

#[test]
fn a_day_of_a_privileged_account_is_one_record() {
    let told = [
        user("root", 0),
        user("root", HOUR),
        user("root", 2 * HOUR).silent(),
        user("root", 3 * HOUR).code(50126),
        user("ana", 4 * HOUR),
        user("root", DAY),
    ];
    let lists = Lists { privileged: names(&["root@contoso.example"]), ..Lists::default() };
    let found = Story::new(&told).findings_listed(ID, lists);
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].event_count, found[0].level), (2, Level::Low));
}

#[test]
fn it_is_off_and_never_alerts_unless_wanted() {
    let about = detections::about(ID).unwrap();
    assert!(!about.is_on && !about.alerts);
}
