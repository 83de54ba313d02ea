use durward_detect::{Level, detections};
use serde_json::json;

use crate::story::{DAY, HOUR, SignIn, Story, user};

const ID: &str = "legacy-tls";

fn over(at: i64, is_legacy: &str) -> SignIn {
    let details = json!([{"key": "Legacy TLS (TLS 1.0, 1.1, 3DES)", "value": is_legacy}]);
    user("ana", at).with("authenticationProcessingDetails", details)
}

#[test]
fn old_versions_are_told_once_a_day_and_never_alert() {
    let told: Vec<SignIn> = (0..48).map(|n| over(n * HOUR, "True")).collect();
    let found = Story::new(&told).findings(ID);
    // The story begins at eight in the morning: parts of three days.
    assert_eq!((found.len(), found[0].level), (3, Level::Low));
    assert!(!detections::about(ID).unwrap().alerts);
}

#[test]
fn new_versions_and_failures_are_not_told() {
    let told = [over(0, "False"), over(DAY, "True").code(50126), user("ana", 2 * DAY)];
    assert!(Story::new(&told).findings(ID).is_empty());
}
