//! The search that recognises what is put into it.

use serde_json::Value;

use crate::fixture::{INTERACTIVE, SERVICE_PRINCIPAL, Server, id, interactive, record};
use crate::page::page;
use crate::visitor::TENANT;

/// Where a search leads by itself.
fn leads_to(server: &Server, text: &str) -> Option<String> {
    let answer = server.get(&format!("/search?q={text}"));
    (answer.status == 303).then(|| answer.header("location").unwrap().to_owned())
}

fn fill(server: &Server) {
    let mut records: Vec<Value> = interactive(0..12);
    records.push(record(20, 0, SERVICE_PRINCIPAL));
    let mut device = record(21, 0, INTERACTIVE);
    device["properties"]["deviceDetail"] =
        serde_json::json!({ "deviceId": id(4000), "displayName": "LAPTOP-TB" });
    device["properties"]["sessionId"] = id(4100).into();
    device["properties"]["autonomousSystemNumber"] = 3320.into();
    records.push(device);
    server.push(&records);
}

#[test]
fn the_only_thing_that_a_text_can_be_is_opened() {
    let server = Server::start();
    fill(&server);
    for (text, place) in [
        (id(3), format!("/signins/{}", id(3))),
        (id(5003), format!("/attempts/{}", id(5003))),
        (id(4100), format!("/sessions/{}", id(4100))),
        (id(9001), format!("/users/{}", id(9001))),
        (id(7001), format!("/apps/{}", id(7001))),
        (id(8000), format!("/workloads/{}", id(8000))),
        (id(6000), format!("/resources/{}", id(6000))),
        (id(4000), format!("/devices/{}", id(4000))),
        (id(3).to_uppercase().replace('-', ""), format!("/signins/{}", id(3))),
        ("203.0.113.3".to_owned(), "/ips/203.0.113.3".to_owned()),
        ("203.0.113.0/24".to_owned(), "/ips/203.0.113.0/24".to_owned()),
        ("AS3320".to_owned(), "/asn/3320".to_owned()),
        ("AADSTS50126".to_owned(), "/errors/50126".to_owned()),
        ("user3@x.example".to_owned(), "/users/user3@x.example".to_owned()),
    ] {
        let found = leads_to(&server, &text.replace('@', "%40"));
        let found = found.map(|place| place.replace("%40", "@"));
        assert_eq!(found.as_deref(), Some(place.as_str()), "{text}");
    }
}

#[test]
fn several_hits_are_listed_with_counts_and_ways_on() {
    let server = Server::start();
    fill(&server);
    let text = page(&server, "/search?q=App", 200);
    assert!(text.contains("App 0") && text.contains("App 2"), "{text}");
    assert!(text.contains(&format!("/apps/{}", id(7001))) && text.contains("Filter</a>"));
    let filter = text.split("href=\"/signins?").nth(1).unwrap().split('"').next().unwrap();
    let target = format!("/signins?{}", filter.replace("&amp;", "&"));
    let explorer = page(&server, &target, 200);
    let total = explorer.split("data-total=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(text.contains(&format!("{total} sign-ins")), "{total}: {text}");
    // A tenant has no page of its own.
    let tenant = page(&server, &format!("/search?q={TENANT}"), 200);
    assert!(tenant.contains("Tenant") || tenant.contains("Nothing found"), "{tenant}");
    // A number can be a code and part of a name.
    assert_eq!(leads_to(&server, "50126").as_deref(), Some("/errors/50126"));
    let mut named = record(22, 0, INTERACTIVE);
    named["properties"]["appId"] = id(7050).into();
    named["properties"]["appDisplayName"] = "Line 50126".into();
    server.push(&[named]);
    let number = page(&server, "/search?q=50126", 200);
    assert!(number.contains("Line 50126"));
    assert!(number.contains("/errors/50126"), "{number}");
}

#[test]
fn a_whole_message_names_its_parts() {
    let server = Server::start();
    fill(&server);
    let message = format!("AADSTS50126:+Error.+Trace+ID:+{}+Correlation+ID:+{}", id(2), id(5002));
    let text = page(&server, &format!("/search?q={message}"), 200);
    for place in [
        "/errors/50126".to_owned(),
        format!("/signins/{}", id(2)),
        format!("/attempts/{}", id(5002)),
    ] {
        assert!(text.contains(&place), "{place}: {text}");
    }
}

#[test]
fn nothing_found_says_what_was_looked_for() {
    let server = Server::start();
    fill(&server);
    let text = page(&server, "/search?q=%3Cnobody%3E", 200);
    assert!(text.contains("Nothing found") && text.contains("&lt;nobody&gt;"), "{text}");
    assert!(text.contains("part of a name"));
    let other = id(123_456);
    assert!(page(&server, &format!("/search?q={other}"), 200).contains("an identifier"));
    assert!(page(&server, "/search", 200).contains("What it recognises"));
    page(&server, "/search?q=x&colour=red", 400);
}

#[test]
fn the_box_suggests_a_few() {
    let server = Server::start();
    fill(&server);
    let text = server.get("/search/suggest?q=user").text().to_owned();
    let options = text.matches("role=\"option\"").count();
    assert!((2..=8).contains(&options), "{options}: {text}");
    assert!(!text.contains("<html") && text.contains("/users/"));
    assert!(text.contains("in any text"));
    let one = server.get(&format!("/search/suggest?q={}", id(9001))).text().to_owned();
    assert!(one.contains(&format!("href=\"/users/{}\"", id(9001))), "{one}");
    assert_eq!(server.get("/search/suggest?q=").text(), "");
}
