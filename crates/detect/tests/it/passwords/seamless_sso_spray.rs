use durward_detect::Level;

use super::{name, staff, strange};
use crate::story::{DAY, HOUR, MINUTE, SignIn, Story, user};

const ID: &str = "seamless-sso-spray";
const START: i64 = 8 * DAY;

fn spray(users: i64, pause: i64) -> Vec<SignIn> {
    (0..users).map(|n| strange(&name(n), START + n * pause, 81016).silent()).collect()
}

#[test]
fn many_users_from_one_network_are_found_once() {
    let found = Story::new(&[staff(20, 8), spray(20, MINUTE)].concat()).findings(ID);
    assert_eq!((found.len(), found[0].level), (1, Level::Medium));
    assert!(found[0].event_count >= 16, "{}", found[0].event_count);
    assert!(found[0].facts[0].value.ends_with("6 within 1 h are enough"), "{:?}", found[0].facts);
}

#[test]
fn five_users_or_six_in_a_day_are_too_few() {
    assert!(Story::new(&[staff(20, 8), spray(5, MINUTE)].concat()).findings(ID).is_empty());
    assert!(Story::new(&[staff(20, 8), spray(6, 4 * HOUR)].concat()).findings(ID).is_empty());
}

#[test]
fn trouble_with_kerberos_in_the_office_is_low() {
    let trouble: Vec<SignIn> =
        (0..20).map(|n| user(&name(n), START + n * MINUTE).silent().code(81010)).collect();
    let found = Story::new(&[staff(20, 8), trouble].concat()).findings(ID);
    assert_eq!((found.len(), found[0].level, found[0].against.len()), (1, Level::Low, 1));
}
