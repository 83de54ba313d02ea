use durward_detect::Level;

use crate::story::{DAY, HOUR, LAGOS, MADRID, MINUTE, SignIn, Story, habit, user};

const ID: &str = "code-theft";
const CLI: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";

fn begun(at: i64) -> SignIn {
    user("ana", at).app_id(CLI).device("laptop of ana")
}

fn redeemed(at: i64) -> SignIn {
    user("ana", at).app_id(CLI).from("203.0.113.7").asn(64510).at(LAGOS).silent()
}

fn story(more: Vec<SignIn>) -> Story {
    let mut told = habit("ana", 40);
    told.extend(more);
    Story::new(&told)
}

#[test]
fn a_token_used_elsewhere_is_one_finding() {
    let at = 40 * DAY;
    let mut told = vec![begun(at)];
    told.extend((1..5).map(|n| redeemed(at + n * MINUTE)));
    let found = story(told).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::High));
    assert_eq!((found[0].events.len(), found[0].risky.len()), (5, 4));
    let near = redeemed(at + HOUR).at(MADRID);
    let found = story(vec![begun(at), near]).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium), "within the country");
}

#[test]
fn known_networks_devices_and_a_day_between_explain_it() {
    let at = 40 * DAY;
    let none = |more| assert!(story(more).findings(ID).is_empty());
    none(vec![begun(at).from("198.51.100.1").asn(64499), begun(at + MINUTE).silent()]);
    none(vec![begun(at), redeemed(at + MINUTE).device("laptop of ana")]);
    none(vec![begun(at), redeemed(at + 25 * HOUR)]);
    none(vec![redeemed(at)]);
    none(vec![begun(at), redeemed(at + MINUTE).app("Office")]);
    none(vec![begun(at).with("authenticationProtocol", "ropc"), redeemed(at + MINUTE)]);
}
