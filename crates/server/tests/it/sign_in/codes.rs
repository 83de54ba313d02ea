//! Codes of an authenticator app.

use durward_access::{Person, Role};
use durward_model::Timestamp;
use totp_rs::Totp;

use super::house::{Browser, House, PASSWORD, between};

/// Enrols through the pages; gives the app and the recovery codes.
fn enrol(browser: &mut Browser) -> (Totp, Vec<String>) {
    let start = browser.get("/account/authenticator");
    assert_eq!(start.status, 200, "{}", start.text());
    let answer = browser.post("/account/authenticator", &[("step", "begin")]);
    let page = answer.text();
    assert!(page.contains("<svg class=\"qr\""), "{page}");
    let url = between(page, "href=\"otpauth:", "\"").unwrap().replace("&amp;", "&");
    let app = Totp::from_url(format!("otpauth:{url}")).unwrap();
    let key = between(page, "class=\"key\"><code>", "<").unwrap().replace(' ', "");
    assert!(url.contains(&key), "the key is the one in the code");
    let wrong = [("step", "confirm"), ("code", "000000x")];
    assert_eq!(browser.post("/account/authenticator", &wrong).status, 403);
    let code = code(&app, 0);
    let page = browser.post("/account/authenticator", &[("step", "confirm"), ("code", &code)]);
    let page = page.text();
    let list = between(page, "class=\"codes\">", "</ul>").unwrap();
    let codes = list.split("<code>").skip(1).map(|part| part.split('<').next().unwrap());
    (app, codes.map(str::to_owned).collect())
}

/// The code of so many half minutes from now.
fn code(app: &Totp, steps: i64) -> String {
    let seconds = Timestamp::now().micros / 1_000_000 + 30 * steps;
    app.generate(u64::try_from(seconds).unwrap()).to_string()
}

fn enrolled(house: &House) -> (Person, Totp, Vec<String>) {
    let ada = house.person("ada", &[Role::GlobalAdministrator]);
    let mut browser = house.signed_in("ada");
    let (app, codes) = enrol(&mut browser);
    assert_eq!(codes.len(), durward_access::RECOVERY_CODES);
    (ada, app, codes)
}

#[test]
fn a_password_alone_lets_nobody_in() {
    let mut house = House::open();
    let (_, app, recovery) = enrolled(&house);
    let mut browser = house.browser();
    let answer = browser.sign_in("ada", PASSWORD);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/sign-in/code")));
    assert_eq!(browser.cookie("session"), None);
    assert_eq!(browser.get("/signins").status, 401);
    let page = browser.get("/sign-in/code");
    assert!(page.text().contains("autocomplete=\"one-time-code\""), "{}", page.text());
    assert_eq!(browser.post("/sign-in/code", &[("code", "000000")]).status, 403);
    assert_eq!(browser.cookie("session"), None);
    let mut elsewhere = browser.clone();

    // The code that confirmed the app is used up; a clock may be half a minute ahead.
    let next = code(&app, 1);
    let answer = browser.post("/sign-in/code", &[("code", &next)]);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/me")), "{}", answer.text());
    assert!(browser.cookie("session").is_some() && browser.cookie("signing-in").is_none());
    assert_eq!(browser.get("/signins").status, 200);

    let replay = elsewhere.post("/sign-in/code", &[("code", &next)]);
    assert_eq!(replay.status, 403, "each code counts once");
    let shouted = recovery[0].to_uppercase();
    assert_eq!(elsewhere.post("/sign-in/code", &[("recovery", &shouted)]).status, 303);
    let mut third = house.browser();
    third.sign_in("ada", PASSWORD);
    assert_eq!(third.post("/sign-in/code", &[("recovery", &recovery[0])]).status, 403);

    house.people.remove_totp(&house.people.person_by_name("ada").unwrap().unwrap().id).unwrap();
    house.reopen();
    let count = |filter: &str| house.own_events(filter).len();
    assert_eq!(count("code:50074"), 2, "half way");
    assert_eq!(count("code:500121"), 3, "wrong codes");
}

#[test]
fn the_second_step_needs_the_first() {
    let house = House::open();
    let (_, app, recovery) = enrolled(&house);
    let mut browser = house.browser();
    assert_eq!(browser.get("/sign-in/code").header("location"), Some("/sign-in"));
    let fields = [("code", code(&app, 1))];
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(browser.post("/sign-in/code", &fields).status, 400);
    browser.set_cookie("signing-in", "made up");
    assert_eq!(browser.post("/sign-in/code", &[("recovery", &recovery[0])]).status, 400);
    assert_eq!(browser.cookie("session"), None);
}

#[test]
fn an_app_is_replaced_only_by_who_has_it() {
    let house = House::open();
    let (_, app, recovery) = enrolled(&house);
    let mut browser = house.browser();
    browser.sign_in("ada", PASSWORD);
    assert_eq!(browser.post("/sign-in/code", &[("code", &code(&app, 1))]).status, 303);
    for wrong in ["", "123456", "not-a-code"] {
        let fields = [("step", "begin"), ("code", wrong)];
        let page = browser.post("/account/authenticator", &fields);
        assert_eq!(page.status, 403);
        assert!(!page.text().contains("otpauth:"));
    }
    let fields = [("step", "begin"), ("code", recovery[1].as_str())];
    let page = browser.post("/account/authenticator", &fields);
    assert_eq!(page.status, 200);
    assert!(page.text().contains("otpauth:"));
    assert_eq!(house.browser().get("/account/authenticator").status, 401);
}
