use durward_detect::{Level, Lists, Networks};

use crate::story::{DAY, HOUR, LAGOS, MADRID, MINUTE, OSAKA, SignIn, Story, habit, user};

const ID: &str = "adversary-in-the-middle";
const OFFICE_HOME: &str = "4765445b-32c6-49b0-83e6-1d93765276ca";

/// A sign-in through a proxy, second factor included.
fn proxied(at: i64) -> SignIn {
    let steps = [("Password", true, "Correct password"), ("Text message", true, "MFA completed")];
    user("ana", at).session("s").from("203.0.113.7").asn(64510).at(MADRID).steps(&steps)
}

/// The session in other hands.
fn used(at: i64) -> SignIn {
    let agent = "Mozilla/5.0 (X11; Linux x86_64) Firefox/149.0";
    let used = user("ana", at).session("s").from("198.51.100.9").asn(64511).at(LAGOS);
    used.agent(agent).with("deviceDetail/operatingSystem", "Linux").silent()
}

fn story(more: Vec<SignIn>) -> Story {
    let mut told = habit("ana", 40);
    told.extend(more);
    Story::new(&told)
}

#[test]
fn a_kit_gives_itself_away() {
    let kit = |at| user("ana", at).app_id(OFFICE_HOME).agent("axios/1.7.9");
    let at = 40 * DAY;
    let found = story(vec![kit(at).code(50074), kit(at + MINUTE), kit(at + HOUR)]).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::High));
    assert_eq!(found[0].risky.len(), 2, "told at the password and at the success");
    let found = story(vec![kit(at).code(50074)]).findings(ID);
    assert_eq!(found[0].level, Level::Medium, "stopped by the second factor");
    assert!(story(vec![kit(at).code(50126)]).findings(ID).is_empty());
    assert!(story(vec![user("ana", at).agent("axios/1.7.9")]).findings(ID).is_empty());
}

#[test]
fn a_session_won_by_a_proxy_and_used_elsewhere_is_one_finding() {
    let at = 40 * DAY;
    let mut told = vec![proxied(at)];
    told.extend((1..5).map(|n| used(at + n * 10 * MINUTE)));
    let found = story(told).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::High));
    assert_eq!((found[0].events.len(), found[0].risky.len()), (5, 5));
    assert!(found[0].sentence.contains("10 min later from Lagos, NG"), "{}", found[0].sentence);
}

#[test]
fn without_the_second_factor_the_device_or_the_new_network_it_is_none() {
    let at = 40 * DAY;
    let after = |first: SignIn| story(vec![first, used(at + MINUTE)]).findings(ID).len();
    assert_eq!(after(proxied(at)), 1);
    assert_eq!(after(proxied(at).steps(&[("Password", true, "Correct password")])), 0);
    assert_eq!(after(proxied(at).device("laptop of ana")), 0);
    assert_eq!(after(proxied(at).from("192.0.2.10").asn(64500)), 0, "home");
    let late = used(at + 25 * HOUR);
    assert!(story(vec![proxied(at), late]).findings(ID).is_empty());
}

#[test]
fn a_traveller_with_one_phone_is_none() {
    let at = 40 * DAY;
    let phone = |sign_in: SignIn| sign_in.at(OSAKA).agent("Dalvik/2.1.0 (Linux; Android 15)");
    let carrier = phone(user("ana", at + HOUR)).session("s").from("198.51.100.9").asn(64511);
    assert!(story(vec![phone(proxied(at)), carrier.silent()]).findings(ID).is_empty());
}

#[test]
fn a_hosting_provider_is_high_from_the_first_day() {
    let told = vec![proxied(DAY), used(DAY + HOUR)];
    let found = Story::new(&told).findings(ID);
    assert_eq!(found[0].level, Level::Low, "nothing is known of the user");
    let lists =
        Lists { hosting_networks: Networks::parse(&["AS64510"]).unwrap(), ..Lists::default() };
    assert_eq!(Story::new(&told).findings_listed(ID, lists)[0].level, Level::High);
}
