use durward_detect::{Level, Lists};

use super::names;
use crate::story::{DAY, MINUTE, OSAKA, SignIn, Story, user};

const ID: &str = "service-account-interactive";

fn lists() -> Lists {
    Lists { service_accounts: names(&["svc-scan@contoso.example"]), ..Lists::default() }
}

fn program(day: i64) -> SignIn {
    user("svc-scan", day * DAY)
        .client("Mobile Apps and Desktop clients")
        .with("userAgent", "python-requests/2.32.3")
}

#[test]
fn a_browser_is_found_and_the_program_is_not() {
    let mut told: Vec<_> = (0..20).map(program).collect();
    assert!(Story::new(&told).findings_listed(ID, lists()).is_empty());
    told.push(user("svc-scan", 20 * DAY).at(OSAKA).asn(64999));
    told.push(user("ana", 20 * DAY));
    let found = Story::new(&told).findings_listed(ID, lists());
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
    assert!(found[0].sentence.contains("with a browser from Osaka, JP"));
}

#[test]
fn a_failure_or_a_token_renewed_in_silence_is_none() {
    let told = [user("svc-scan", 0).code(50126), user("svc-scan", MINUTE).silent()];
    assert!(Story::new(&told).findings_listed(ID, lists()).is_empty());
}

#[test]
fn a_day_is_one_finding_and_what_is_usual_is_low() {
    let told = (0..3).flat_map(|day| (0..4).map(move |n| user("svc-scan", day * DAY + n * MINUTE)));
    let found = Story::new(&told.collect::<Vec<_>>()).findings_listed(ID, lists());
    assert_eq!(found.len(), 3);
    let levels: Vec<_> = found.iter().map(|one| one.level).collect();
    assert_eq!(levels, [Level::Medium, Level::Low, Level::Low]);
    assert_eq!(found[0].event_count, 4);
}
