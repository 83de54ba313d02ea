use durward_detect::{Level, Lists, Names, Networks, SubjectKind};

use crate::story::{DAY, HOUR, LAGOS, MINUTE, SignIn, Story, habit, user};

const ID: &str = "unexpected-country";
const START: i64 = 20 * DAY;

fn lists() -> Lists {
    Lists { countries: Names::parse(&["es", "PT"]).unwrap(), ..Lists::default() }
}

fn abroad(at: i64) -> SignIn {
    user("ana", at).at(LAGOS).from("203.0.113.9").asn(64999)
}

#[test]
fn a_success_from_elsewhere_is_medium_and_stays_one_finding() {
    let mut told = habit("ana", 20);
    told.extend((0..20).map(|n| abroad(START + n * 10 * MINUTE)));
    let story = Story::new(&told);
    let found = story.findings_listed(ID, lists());
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
    assert!(found[0].event_count >= 16);
    assert!(story.findings(ID).is_empty(), "without a list every country is expected");
}

#[test]
fn a_journey_with_the_known_device_is_low_and_listed_networks_are_silent() {
    let mut told = habit("ana", 20);
    told.push(abroad(START).device("laptop of ana"));
    let story = Story::new(&told);
    let found = story.findings_listed(ID, lists());
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
    let shared = Networks::parse(&["AS64999"]).unwrap();
    let quiet = Lists { shared_networks: shared, ..lists() };
    assert!(story.findings_listed(ID, quiet).is_empty());
}

#[test]
fn failures_are_counted_by_country_and_low() {
    let failures = |count: i64| {
        let mut told: Vec<SignIn> =
            (0..count).map(|n| abroad(START + n * MINUTE).code(50126)).collect();
        told.push(user("ana", START + HOUR));
        Story::new(&told).findings_listed(ID, lists())
    };
    assert!(failures(9).is_empty());
    let found = failures(40);
    assert_eq!((found.len(), found[0].level, found[0].event_count), (1, Level::Low, 40));
    assert_eq!(found[0].subject.kind, SubjectKind::Tenant);
    assert!(found[0].sentence.contains("NG"), "{}", found[0].sentence);
}

#[test]
fn an_unknown_country_is_not_unexpected() {
    let told = [user("ana", 0).at(("", "", 0.0, 0.0))];
    assert!(Story::new(&told).findings_listed(ID, lists()).is_empty());
}
