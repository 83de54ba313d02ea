//! Error codes.

use durward_model::Timestamp;
use serde_json::{Value, json};

use crate::fixture::{INTERACTIVE, Server, record};
use crate::page::page;

/// A sign-in with this result, so many minutes ago.
fn failed(number: u32, code: i64, minutes: i64) -> Value {
    let mut record = record(number, 0, INTERACTIVE);
    let time = Timestamp::from_micros(Timestamp::now().micros - minutes * 60_000_000);
    record["resultType"] = code.to_string().into();
    record["properties"]["createdDateTime"] = time.to_rfc3339().into();
    record["properties"]["status"] = json!({ "errorCode": code, "failureReason": "As logged." });
    record
}

/// Codes of the list, in order.
fn codes(text: &str) -> Vec<i64> {
    let table = text.split("<tbody>").nth(1).unwrap_or_default();
    let links = table.split("<tr class=\"row\"><td><a href=\"/errors/").skip(1);
    links.map(|rest| rest.split(['?', '"']).next().unwrap().parse().unwrap()).collect()
}

#[test]
fn the_most_frequent_here_come_first() {
    let server = Server::start();
    server.push(&[
        failed(1, 50126, 5),
        failed(2, 53003, 6),
        failed(8, 53003, 7),
        failed(3, 987_654, 8),
        failed(4, 0, 9),
        // Before the range.
        failed(5, 50057, 60 * 24 * 40),
    ]);
    let text = page(&server, "/errors", 200);
    assert_eq!(codes(&text)[..2], [53003, 50126], "{text}");
    assert_eq!(codes(&text).len(), 100);
    assert!(!codes(&text).contains(&0));
    assert!(text.contains("Met here, but not in the table") && text.contains(">987654</a>"));
    let counts = text.split(">53003</a>").nth(1).unwrap();
    assert!(counts[..700].contains(">2</a>"), "{}", &counts[..700]);
    let all = page(&server, "/errors?t=all", 200);
    assert!(codes(&all)[..3].contains(&50057));
}

#[test]
fn codes_are_found_by_words_category_and_number() {
    let server = Server::start();
    let found = page(&server, "/errors?q=expired+password", 200);
    assert!(codes(&found).contains(&50055) && !codes(&found).contains(&53003));
    let risk = page(&server, "/errors?category=risk", 200);
    assert_eq!(codes(&risk).len(), 4);
    let none = page(&server, "/errors?q=%3Cnothing%3E+whatsoever", 200);
    assert!(none.contains("No code has all these words") && none.contains("&lt;nothing&gt;"));
    page(&server, "/errors?category=weather", 400);
    for text in ["50126", "AADSTS50126:+Error+validating+credentials", "0xC3CE"] {
        let answer = server.get(&format!("/errors?q={text}"));
        assert_eq!(answer.status, 303);
        assert_eq!(answer.header("location"), Some("/errors/50126?t=30d"));
    }
}

#[test]
fn a_code_says_what_it_means_and_for_whom() {
    let server = Server::start();
    let mut blocked = failed(1, 53003, 5);
    blocked["properties"]["appliedConditionalAccessPolicies"] = json!([
        { "displayName": "Not this one", "result": "success" },
        { "displayName": "Block everybody", "result": "failure" },
    ]);
    server.push(&[blocked, failed(8, 53003, 90), failed(2, 50126, 5)]);
    let text = page(&server, "/errors/AADSTS53003", 200);
    for part in [
        "Conditional Access",
        "✖",
        "The user sees",
        "What to do",
        "“As logged.”",
        "2 sign-ins here",
        "user1@x.example",
        "App 1",
        "Block everybody",
        "Policies that were not met",
        "Related codes",
        "data-chart=",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("Not this one"));
    // Each number opens the sign-ins behind it.
    let events = "/signins?t=30d&amp;type=all&amp;f=status%2FerrorCode%3D53003";
    let href = text.split("href=\"").find(|rest| rest.starts_with(events)).unwrap();
    let href = href.split('"').next().unwrap().replace("&amp;", "&");
    let list = page(&server, &href, 200);
    assert_eq!(list.matches("data-id").count(), 2, "{href}");
}

#[test]
fn codes_that_nobody_knows_show_what_the_log_says() {
    let server = Server::start();
    server.push(&[failed(1, 987_654, 5)]);
    let text = page(&server, "/errors/987654", 200);
    assert!(text.contains("not in durward's table") && text.contains("“As logged.”"), "{text}");
    assert!(text.contains("1 sign-in here"));
    let unmet = page(&server, "/errors/50057?t=1h", 200);
    assert!(unmet.contains("Not met in this range") && unmet.contains("Look at all time"));
    let none = page(&server, "/errors/hello", 404);
    assert!(none.contains("no error code"));
}
