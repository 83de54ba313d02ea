use durward_detect::{Level, Lists, Networks, SubjectKind};

use crate::story::{DAY, HOUR, MINUTE, SignIn, Story, habit, user};

const ID: &str = "anonymous-address";
const START: i64 = 20 * DAY;

fn lists() -> Lists {
    Lists { anonymous_networks: Networks::parse(&["203.0.113.9"]).unwrap(), ..Lists::default() }
}

fn hidden(at: i64) -> SignIn {
    user("ana", at).from("203.0.113.9").asn(64999)
}

#[test]
fn a_success_from_a_listed_address_is_medium_and_one_finding() {
    let mut told = habit("ana", 20);
    told.extend((0..3).map(|n| hidden(START + n * HOUR)));
    told.push(user("ana", START).from("203.0.113.10"));
    let story = Story::new(&told);
    let found = story.findings_listed(ID, lists());
    assert_eq!((found.len(), found[0].level, found[0].event_count), (1, Level::Medium, 3));
    assert!(story.findings(ID).is_empty(), "no list, no finding");
    told.push(hidden(START + 2 * DAY));
    assert_eq!(Story::new(&told).findings_listed(ID, lists()).len(), 2);
}

#[test]
fn a_known_device_keeps_it_low_and_shared_networks_are_silent() {
    let mut told = habit("ana", 20);
    told.push(hidden(START).device("laptop of ana"));
    let story = Story::new(&told);
    let found = story.findings_listed(ID, lists());
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
    assert!(found[0].against[0].contains("registered device"));
    let shared = Networks::parse(&["AS64999"]).unwrap();
    let quiet = Lists { shared_networks: shared, ..lists() };
    assert!(story.findings_listed(ID, quiet).is_empty());
}

#[test]
fn failures_are_told_in_bulk_about_the_address() {
    let failures = |count: i64| {
        let told: Vec<SignIn> = (0..count)
            .map(|n| hidden(START + n * MINUTE).code(50126))
            .chain([user("ana", START + 10 * HOUR)])
            .collect();
        Story::new(&told).findings_listed(ID, lists())
    };
    assert!(failures(9).is_empty());
    let found = failures(25);
    assert_eq!((found.len(), found[0].level, found[0].event_count), (1, Level::Low, 20));
    assert_eq!(
        (found[0].subject.kind, &*found[0].subject.name),
        (SubjectKind::Address, "203.0.113.9")
    );
}
