use durward_detect::{Level, Lists, Names};

use crate::story::{DAY, HOUR, LAGOS, SignIn, Story, habit, user};

const ID: &str = "ropc";

fn ropc(name: &str, at: i64) -> SignIn {
    user(name, at).with("authenticationProtocol", "ropc")
}

fn abroad(sign_in: SignIn) -> SignIn {
    sign_in.from("203.0.113.7").asn(64510).at(LAGOS)
}

#[test]
fn a_first_password_grant_is_low_and_from_elsewhere_medium() {
    let told = [habit("ana", 40), vec![ropc("ana", 40 * DAY)]].concat();
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
    let told = [habit("ana", 40), vec![abroad(ropc("ana", 40 * DAY))]].concat();
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
    let told = [habit("ana", 40), vec![abroad(ropc("ana", 40 * DAY)).code(50126)]].concat();
    assert!(Story::new(&told).findings(ID).is_empty(), "it must succeed");
}

#[test]
fn scripts_become_usual_and_a_day_is_one_finding() {
    let mut told: Vec<SignIn> = (0..200).map(|n| ropc("report", n * 4 * HOUR)).collect();
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Low), "the first only");
    told.extend((0..6).map(|n| abroad(ropc("report", 35 * DAY + n * HOUR))));
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[1].level), (2, Level::Medium));
}

#[test]
fn listed_service_accounts_may_begin() {
    let lists = || Lists {
        service_accounts: Names::parse(&["report@contoso.example"]).unwrap(),
        ..Lists::default()
    };
    let mut told = [habit("report", 40), vec![ropc("report", 40 * DAY)]].concat();
    assert!(Story::new(&told).findings_listed(ID, lists()).is_empty());
    told.push(abroad(ropc("report", 41 * DAY)));
    assert_eq!(Story::new(&told).findings_listed(ID, lists()).len(), 1);
}
