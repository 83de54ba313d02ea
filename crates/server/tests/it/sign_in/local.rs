//! Names and passwords.

use durward_access::Role;
use durward_journal::{Action, Query};

use super::house::{House, PASSWORD};

const ADMIN: &[Role] = &[Role::GlobalAdministrator];

#[test]
fn somebody_signs_in_looks_and_signs_out() {
    let house = House::open();
    let ada = house.person("ada", ADMIN);
    let mut browser = house.browser();
    let away = browser.send("GET", "/signins?type=n", &[("Accept", "text/html")], b"");
    let page = away.header("location").unwrap().to_owned();
    assert_eq!((away.status, page.as_str()), (303, "/sign-in?return=%2Fsignins%3Ftype%3Dn"));
    let page = browser.get(&page).text().to_owned();
    for part in [
        "autocomplete=\"username\"",
        "autocomplete=\"current-password\"",
        "name=\"return\" value=\"/signins?type=n\"",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let fields = [("name", " ADA "), ("password", PASSWORD), ("return", "/signins?type=n")];
    let answer = browser.post_as_is("/sign-in", &fields);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/signins?type=n")));
    let session = answer
        .headers
        .iter()
        .find(|(_, value)| value.starts_with("durward-session-"))
        .map(|(_, value)| value.clone())
        .unwrap();
    for part in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(session.contains(part), "{session}");
    }
    assert_eq!(browser.get("/signins").status, 200);
    let again = browser.get("/sign-in?return=/me");
    assert_eq!((again.status, again.header("location")), (303, Some("/me")));
    assert!(house.people.person(&ada.id).unwrap().unwrap().last_sign_in.is_some());

    let out = browser.post("/sign-out", &[]);
    assert_eq!((out.status, out.header("location")), (303, Some("/signed-out")));
    assert_eq!(browser.cookie("session"), None);
    assert_eq!(browser.get("/api/security/sign-in-logs").status, 401);

    let all = house.journal.list(&Query::default()).unwrap();
    let of = |action: Action| all.iter().filter(|one| one.entry.action == action).count();
    assert_eq!((of(Action::SignIn), of(Action::SignOut)), (1, 1));
    assert!(all.iter().all(|one| one.entry.actor.id == ada.id), "{all:?}");
}

#[test]
fn whatever_is_wrong_reads_the_same() {
    let house = House::open();
    house.person("ada", ADMIN);
    let gone = house.person("bob", &[]);
    house.people.set_disabled(&gone.id, true).unwrap();
    let mut pages = Vec::new();
    for (name, password) in
        [("ada", "wrong horse battery"), ("nobody", PASSWORD), ("bob", PASSWORD), ("bob", "zqxj")]
    {
        let mut browser = house.browser();
        let answer = browser.sign_in(name, password);
        assert_eq!(answer.status, 403, "{name}");
        assert!(browser.cookies.is_empty(), "{name}: {:?}", browser.cookies);
        let page = answer.text().to_owned();
        assert!(page.contains(&format!("value=\"{name}\"")), "the name is kept: {page}");
        assert!(!page.contains(password), "the password is not");
        assert!(page.contains("role=\"alert\""), "{page}");
        // What differs is what was typed, and the page's own nonce.
        let start = page.find("role=\"alert\"").unwrap();
        let part = page[start..].split("</p>").next().unwrap();
        pages.push(part.to_owned());
    }
    assert!(pages[0].contains("The name or the password is wrong."), "{}", pages[0]);
    assert!(pages.iter().all(|page| *page == pages[0]), "{pages:?}");
    assert_eq!(house.browser().sign_in("", "").status, 400);
}

#[test]
fn guessing_is_slowed_and_who_is_known_gets_in() {
    let house = House::open();
    house.person("ada", ADMIN);
    let mut known = house.signed_in("ada");
    known.cookies.retain(|name, _| name.contains("device"));
    let mut guesser = house.browser_at("198.51.100.9");
    // Each wait is twice the one before, so no machine is slow enough to get around this.
    let slowed = (0..12)
        .map(|_| guesser.sign_in("ada", "wrong horse battery"))
        .find(|answer| answer.status == 429)
        .unwrap();
    let wait: u64 = slowed.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=900).contains(&wait), "{wait}");
    assert!(slowed.text().contains("too many attempts"), "{}", slowed.text());
    assert!(slowed.text().contains("role=\"alert\""));
    assert_eq!(known.sign_in("ada", PASSWORD).status, 303, "a browser that is known gets in");
}

#[test]
fn a_session_that_was_there_before_does_not_hold_after() {
    let house = House::open();
    house.person("ada", ADMIN);
    let mut browser = house.signed_in("ada");
    let before = browser.cookie("session").unwrap().to_owned();
    let csrf = browser.csrf().unwrap();
    let answer =
        browser.post_as_is("/sign-in", &[("name", "ada"), ("password", PASSWORD), ("csrf", &csrf)]);
    assert_eq!(answer.status, 303);
    assert_ne!(browser.cookie("session").unwrap(), before);
    assert_eq!(browser.get("/signins").status, 200);
    browser.set_cookie("session", &before);
    assert_eq!(browser.get("/signins").status, 401);
    // Nor is a session one that somebody made up.
    browser.set_cookie("session", "chosen by somebody else");
    assert_eq!(browser.get("/signins").status, 401);
}

#[test]
fn signing_out_takes_a_page_of_the_session() {
    let house = House::open();
    house.person("ada", ADMIN);
    let mut browser = house.signed_in("ada");
    for fields in [&[][..], &[("csrf", "x")]] {
        let answer = browser.post_as_is("/sign-out", fields);
        assert_eq!(answer.error(), (403, "InvalidCsrfToken".to_owned()));
    }
    let foreign =
        [("Origin", "https://evil.example"), ("Content-Type", "application/x-www-form-urlencoded")];
    assert_eq!(browser.send("POST", "/sign-in", &foreign, b"name=a&password=b").status, 403);
    assert_eq!(browser.get("/signins").status, 200, "still signed in");
    assert_eq!(house.browser().post_as_is("/sign-out", &[]).status, 303, "nothing to end");
}

#[test]
fn nothing_leads_away_from_here() {
    let house = House::open();
    house.person("ada", ADMIN);
    for (wanted, gone_to) in [
        ("/signins?type=n", "/signins?type=n"),
        ("//evil.example", "/"),
        ("https://evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("/\r\nX: y", "/"),
        ("javascript:alert(1)", "/"),
    ] {
        let mut browser = house.browser();
        let fields = [("name", "ada"), ("password", PASSWORD), ("return", wanted)];
        let answer = browser.post_as_is("/sign-in", &fields);
        assert_eq!(answer.header("location"), Some(gone_to), "{wanted:?}");
        let answer = browser.get(&format!("/sign-in?return={}", super::house::encoded(wanted)));
        assert_eq!(answer.header("location"), Some(gone_to), "{wanted:?}");
    }
}

#[test]
fn somebody_disabled_is_out_at_once() {
    let house = House::open();
    let ada = house.person("ada", ADMIN);
    let mut browser = house.signed_in("ada");
    house.people.set_disabled(&ada.id, true).unwrap();
    assert_eq!(browser.get("/signins").status, 401);
    assert_eq!(house.browser().sign_in("ada", PASSWORD).status, 403);
}

#[test]
fn attempts_are_sign_ins_like_any_others() {
    let mut house = House::open();
    let ada = house.person("ada", ADMIN);
    let gone = house.person("bob", &[]);
    house.people.set_disabled(&gone.id, true).unwrap();
    let mut browser = house.browser_at("198.51.100.7");
    browser.sign_in("ada", "wrong horse battery");
    browser.sign_in("nobody\u{7}@x.example", PASSWORD);
    browser.sign_in("bob", PASSWORD);
    let agent = [
        ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
        ("Content-Type", "application/x-www-form-urlencoded"),
    ];
    let body = format!("name=ada&password={}", super::house::encoded(PASSWORD));
    assert_eq!(browser.send("POST", "/sign-in", &agent, body.as_bytes()).status, 303);
    house.reopen();

    let events = house.own_events("ip:198.51.100.7");
    let of = |event: &serde_json::Value| {
        let name = event["userPrincipalName"].as_str().unwrap().to_owned();
        (name, event["status"]["errorCode"].as_i64().unwrap())
    };
    let mut seen: Vec<_> = events.iter().map(of).collect();
    seen.sort();
    let wanted = [("ada", 0), ("ada", 50126), ("bob", 50057), ("nobody@x.example", 50126)];
    let wanted = wanted.map(|(name, code)| (name.to_owned(), code));
    let seen: Vec<_> =
        seen.into_iter().map(|(name, code)| (name.replace("nobody @", "nobody@"), code)).collect();
    assert_eq!(seen, wanted);
    let success = house.own_events("ip:198.51.100.7 status:success");
    assert_eq!(success.len(), 1);
    let success = &success[0];
    assert_eq!(success["userId"], ada.id.as_str());
    assert_eq!(success["appDisplayName"], "durward");
    assert_eq!(success["deviceDetail"]["browser"], "Firefox 140");
    assert_eq!(success["clientAppUsed"], "Browser");
}
