use durward_detect::Level;

use crate::story::{DAY, HOUR, LAGOS, SignIn, Story, habit, user};

const ID: &str = "single-factor";

fn one(sign_in: SignIn) -> SignIn {
    sign_in.with("authenticationRequirement", "singleFactorAuthentication")
}

fn abroad(at: i64) -> SignIn {
    user("ana", at).from("203.0.113.7").asn(64510).at(LAGOS)
}

#[test]
fn one_factor_from_elsewhere_where_two_are_usual_is_found_once_a_day() {
    let mut told = habit("ana", 40);
    told.push(one(abroad(40 * DAY)));
    told.push(one(abroad(40 * DAY + HOUR)));
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
    assert!(found[0].sentence.contains("the last 40 times"), "{}", found[0].sentence);
    let found = Story::new(&told).findings_by(ID, &[("usual-after", 41.0)]);
    assert!(found.is_empty(), "not usual yet");
}

#[test]
fn a_registered_device_makes_it_low() {
    let mut told = habit("ana", 40);
    told.push(one(abroad(40 * DAY)).device("laptop of ana"));
    let found = Story::new(&told).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Low));
}

#[test]
fn known_networks_claims_and_lax_applications_explain_it() {
    let mut told = habit("ana", 40);
    told.push(one(user("ana", 40 * DAY)));
    let claim = [("Previously satisfied", true, "MFA requirement satisfied by claim in the token")];
    told.push(one(abroad(41 * DAY)).steps(&claim));
    assert!(Story::new(&told).findings(ID).is_empty());

    let mut told = habit("ana", 40);
    told.extend((0..5).map(|day| one(user("bo", day * DAY + HOUR))));
    told.push(one(abroad(40 * DAY)));
    assert!(Story::new(&told).findings(ID).is_empty(), "others sign in there with one");
}
