use durward_detect::Level;
use serde_json::json;

use crate::story::{DAY, HOUR, LAGOS, MINUTE, SignIn, Story, habit, user};

const ID: &str = "device-registration";
const BROKER: &str = "29d9ed98-a469-4536-ade2-f981bc1d605e";
const DEVICE_REGISTRATION: &str = "01cb2876-7ebd-4aa4-9cc9-d28bd4d359a9";

fn broker(at: i64) -> SignIn {
    user("ana", at).session("s").app_id(BROKER)
}

fn joins(sign_in: SignIn) -> SignIn {
    sign_in.resource(DEVICE_REGISTRATION)
}

fn abroad(sign_in: SignIn) -> SignIn {
    sign_in.from("203.0.113.7").asn(64510).at(LAGOS)
}

fn story(more: Vec<SignIn>) -> Story {
    let mut told = habit("ana", 40);
    told.extend(more);
    Story::new(&told)
}

#[test]
fn one_session_in_two_places_is_one_high_finding() {
    let at = 40 * DAY;
    let own = broker(at).device("laptop of ana");
    let thief = |n| joins(abroad(broker(at + n * MINUTE).silent()));
    let found = story(vec![own.clone(), thief(5), thief(6), thief(7), thief(8)]).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::High));
    assert_eq!((found[0].events.len(), found[0].risky.len()), (5, 4));
    assert!(story(vec![own.clone(), thief(31)]).findings(ID).is_empty(), "too late");
    let elsewhere = abroad(broker(at + MINUTE).silent());
    assert!(story(vec![own, elsewhere]).findings(ID).is_empty(), "no device is registered");
}

#[test]
fn one_factor_from_elsewhere_is_medium() {
    let bare = |at| user("ana", at).with("authenticationRequirement", "singleFactorAuthentication");
    let at = 40 * DAY;
    let found = story(vec![joins(abroad(bare(at))), joins(abroad(bare(at + HOUR)))]).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
    assert!(story(vec![joins(bare(at))]).findings(ID).is_empty(), "at home");
    assert!(story(vec![joins(abroad(user("ana", at)))]).findings(ID).is_empty(), "two factors");
    assert!(story(vec![abroad(bare(at))]).findings(ID).is_empty(), "another resource");
}

#[test]
fn a_refresh_token_that_asks_to_join_is_medium() {
    let at = 40 * DAY;
    let renewal = |scope: &str| {
        let details = json!([{"key": "Oauth Scope Info", "value": format!("[\"{scope}\"]")}]);
        let renewal = joins(abroad(broker(at).silent())).with("incomingTokenType", "refreshToken");
        story(vec![renewal.with("authenticationProcessingDetails", details)]).findings(ID)
    };
    let found = renewal("adrs_access");
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
    assert!(renewal("self_service_device_delete").is_empty());
}

#[test]
fn a_laptop_that_moves_is_left_alone() {
    let own = |at| joins(broker(at).device("laptop of ana").silent());
    let at = 40 * DAY;
    assert!(story(vec![own(at), abroad(own(at + MINUTE)), own(at + HOUR)]).findings(ID).is_empty());
}
