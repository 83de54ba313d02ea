//! One-time links.

use durward_access::{LinkPurpose, NewPerson, Role};
use durward_model::Timestamp;

use super::house::{House, PASSWORD, between};

#[test]
fn the_first_administrator_makes_an_account_once() {
    let house = House::open();
    let link = house.link(&LinkPurpose::FirstAdministrator);
    let mut browser = house.browser();
    for _ in 0..3 {
        let page = browser.get(&link);
        assert_eq!(page.status, 200, "looking does not use it up");
        assert!(page.text().contains("autocomplete=\"new-password\""));
    }
    let fill = |name, password, again| {
        [("name", name), ("display", "Ada"), ("password", password), ("again", again)]
    };
    let differ = browser.post(&link, &fill("ada", PASSWORD, "another horse battery"));
    assert_eq!(differ.status, 400);
    assert!(differ.text().contains("value=\"ada\""), "what was typed is kept");
    let weak = browser.post(&link, &fill("ada", "short", "short"));
    assert_eq!(weak.status, 400);
    assert!(weak.text().contains("fewer than"), "{}", weak.text());
    // A name that cannot be costs the link, and the page has another one.
    let odd = browser.post(&link, &fill("a d a", PASSWORD, PASSWORD));
    assert_eq!(odd.status, 400);
    let page = odd.text();
    let next = between(page, "action=\"", "\"").unwrap();
    assert_ne!(next, link);
    assert_eq!(browser.get(&link).status, 410);
    let answer = browser.post(next, &fill("ada", PASSWORD, PASSWORD));
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/account/authenticator")),
        "{}",
        answer.text()
    );
    assert_eq!(browser.get("/signins").status, 200, "signed in, as an administrator");
    let ada = house.people.person_by_name("ada").unwrap().unwrap();
    assert_eq!((ada.roles, ada.display_name.as_str()), (vec![Role::GlobalAdministrator], "Ada"));

    for link in [link.as_str(), next] {
        let mut other = house.browser();
        assert_eq!(other.get(link).status, 410);
        assert_eq!(other.post(link, &fill("eve", PASSWORD, PASSWORD)).status, 410);
    }
    assert!(house.people.person_by_name("eve").unwrap().is_none());
}

#[test]
fn a_link_sets_a_password_and_ends_what_the_old_one_began() {
    let house = House::open();
    let bob = house.person("bob", &[Role::SecurityReader]);
    let mut before = house.signed_in("bob");
    let link = house.link(&LinkPurpose::SetPassword(bob.id.clone()));
    let mut browser = house.browser();
    assert!(browser.get(&link).text().contains("<b>bob</b>"));
    let new = "a new sentence of mine";
    // The name in the form is for password managers; it changes nothing.
    let fields = [("name", "ada"), ("password", new), ("again", new)];
    assert_eq!(browser.post(&link, &fields).status, 303);
    assert_eq!(browser.get("/signins").status, 200);
    assert_eq!(before.get("/signins").status, 401);
    assert_eq!(house.browser().sign_in("bob", PASSWORD).status, 403);
    assert_eq!(house.browser().sign_in("bob", new).status, 303);
    assert_eq!(browser.post(&link, &fields).status, 410, "used twice");
}

#[test]
fn a_link_is_no_way_around_a_code() {
    let house = House::open();
    let new = NewPerson { name: "bob".to_owned(), ..NewPerson::default() };
    let bob = house.people.create_local(&new, Timestamp::now()).unwrap();
    let enrolment = house.people.begin_totp(&bob.id).unwrap();
    let app = totp_rs::Totp::from_url(&enrolment.url).unwrap();
    let now = Timestamp::now();
    let code = app.generate(u64::try_from(now.micros / 1_000_000).unwrap()).to_string();
    house.people.confirm_totp(&bob.id, &code, now).unwrap().unwrap();
    let link = house.link(&LinkPurpose::SetPassword(bob.id.clone()));
    let mut browser = house.browser();
    let answer = browser.post(&link, &[("password", PASSWORD), ("again", PASSWORD)]);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/sign-in")));
    assert_eq!(browser.cookie("session"), None);
    assert_eq!(browser.sign_in("bob", PASSWORD).header("location"), Some("/sign-in/code"));
}

#[test]
fn guessing_links_is_slowed() {
    let house = House::open();
    let mut browser = house.browser();
    let fields = [("password", PASSWORD), ("again", PASSWORD)];
    let statuses: Vec<u16> =
        (0..10).map(|number| browser.post(&format!("/welcome/{number}"), &fields).status).collect();
    assert_eq!(statuses[0], 410);
    assert!(statuses.contains(&429), "{statuses:?}");
}
