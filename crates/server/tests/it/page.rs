//! Pages.

use durward_model::Timestamp;
use serde_json::Value;

use crate::fixture::{INTERACTIVE, NON_INTERACTIVE, Server, id, interactive, record};

/// The text of a page that answers with this status; checks what holds for every page.
pub(crate) fn page(server: &Server, target: &str, status: u16) -> String {
    let accept = [("Accept", "text/html")];
    let answer = crate::client::request(server.address, "GET", target, &accept, &[]);
    assert_eq!(answer.status, status, "{target}");
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{target}");
    let text = answer.text().to_owned();
    // The policy forbids these, so they would only be dead.
    for inline in ["<style", " style=", " onclick=", "javascript:", "<script>"] {
        assert!(!text.contains(inline), "{inline} in {target}");
    }
    for attribute in ["src=\"", "href=\""] {
        for address in text.split(attribute).skip(1) {
            let local =
                address.starts_with('/') || address.starts_with('#') || address.starts_with('?');
            assert!(local, "{target} leads elsewhere: {}", &address[..address.len().min(60)]);
        }
    }
    text
}

/// Rows of a page, by request identifier.
fn rows(text: &str) -> Vec<String> {
    text.split("data-id=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect()
}

/// Where a link with this text leads.
fn link(text: &str, label: &str) -> Option<String> {
    let before =
        text.split(&format!(">{label}</a>")).next().filter(|part| part.len() < text.len())?;
    let href = before.rsplit("href=\"").next()?.split('"').next()?;
    Some(href.replace("&amp;", "&"))
}

/// The first link whose address has this in it.
fn link_to(text: &str, part: &str) -> Option<String> {
    let mut links = text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    links.find(|href| href.contains(part)).map(|href| href.replace("&amp;", "&"))
}

/// Records that happened so many minutes ago.
fn recent(numbers: std::ops::Range<u32>, category: &str) -> Vec<Value> {
    let now = Timestamp::now();
    let record = |number: u32| {
        let minutes = i64::from(number % 1000);
        let time = Timestamp::from_micros(now.micros - minutes * 60_000_000).to_rfc3339();
        let mut record = record(number, 0, category);
        record["properties"]["createdDateTime"] = time.into();
        record
    };
    numbers.map(record).collect()
}

#[test]
fn an_empty_store_says_how_to_fill_it() {
    let server = Server::start();
    let text = page(&server, "/", 200);
    assert!(text.contains("No data yet") && text.contains("durward import"));
    assert!(text.contains(&format!("http://{}/api/ingest/diagnostic", server.address)));
    assert!(page(&server, "/signins", 200).contains("No data yet"));
    server.push(&interactive(0..1));
    assert!(!page(&server, "/", 200).contains("No data yet"));
}

#[test]
fn the_explorer_lists_counts_and_explains() {
    let server = Server::start();
    server.push(&recent(0..120, INTERACTIVE));
    server.push(&recent(1000..1030, NON_INTERACTIVE));
    let text = page(&server, "/signins", 200);
    assert_eq!(rows(&text), (0..100).map(id).collect::<Vec<_>>());
    assert_eq!(rows(&page(&server, "/signins?type=i&t=24h", 200)), rows(&text), "as usual");
    for part in [
        "User sign-ins (interactive)<span class=\"count\">120</span>",
        "User sign-ins (non-interactive)<span class=\"count\">30</span>",
        "All<span class=\"count\">150</span>",
        "<b>120</b> of 150 events · exact",
        "User &quot;1&quot;, ü",
        "↳ 50126 · ",
        "<span class=\"pill failure\"><span aria-hidden=\"true\">✖</span> Failure</span>",
        "aria-current=\"page\"",
        "href=\"#main\"",
    ] {
        assert!(text.contains(part), "{part}");
    }
    let found = page(&server, "/signins?type=n&q=status:failure+user:user0&t=all", 200);
    assert_eq!(rows(&found), [1022].map(id));
}

#[test]
fn pages_lead_on_and_back() {
    let server = Server::start();
    server.push(&recent(0..220, INTERACTIVE));
    let first = page(&server, "/signins?type=all&t=7d", 200);
    assert_eq!(rows(&first), (0..100).map(id).collect::<Vec<_>>());
    assert!(link(&first, "◀ Newer").is_none());
    let second = page(&server, &link(&first, "Older ▶").unwrap(), 200);
    assert_eq!(rows(&second), (100..200).map(id).collect::<Vec<_>>());
    let third = page(&server, &link(&second, "Older ▶").unwrap(), 200);
    assert_eq!(rows(&third), (200..220).map(id).collect::<Vec<_>>());
    assert!(link(&third, "Older ▶").is_none());
    let back = page(&server, &link(&third, "◀ Newer").unwrap(), 200);
    assert_eq!(rows(&back), rows(&second));
    let start = page(&server, &link(&back, "◀ Newer").unwrap(), 200);
    assert_eq!(rows(&start), rows(&first));
    page(&server, "/signins?at=nonsense", 400);
}

#[test]
fn a_filter_that_cannot_be_read_is_shown_with_the_place() {
    let server = Server::start();
    server.push(&interactive(0..1));
    let text = page(&server, "/signins?q=user:a+cod:%3Cb%3E", 400);
    assert!(text.contains("<pre>user:a <mark>cod:&lt;b&gt;</mark></pre>"), "{text}");
    assert!(text.contains("role=\"alert\"") && text.contains("aria-invalid=\"true\""));
    assert!(text.contains("value=\"user:a cod:&lt;b&gt;\""), "the filter is still there");
}

#[test]
fn nothing_found_says_where_there_is_something() {
    let server = Server::start();
    server.push(&interactive(0..3));
    let text = page(&server, "/signins?type=i&t=1h", 200);
    assert!(text.contains("No sign-ins match") && text.contains("The newest sign-in of all"));
    let all = page(&server, &link(&text, "Search all time").unwrap(), 200);
    assert_eq!(rows(&all).len(), 3);
    for target in ["/signins?type=x", "/signins?t=yesterday", "/signins?typo=1"] {
        page(&server, target, 400);
    }
}

#[test]
fn one_sign_in_has_everything() {
    let server = Server::start();
    let mut record = record(2, 0, INTERACTIVE);
    record["properties"]["userDisplayName"] = "<script>alert(1)</script>".into();
    server.push(&[record]);
    let text = page(&server, &format!("/signins/{}", id(2)), 200);
    for part in [
        "&lt;script&gt;alert(1)&lt;/script&gt; → App 2",
        "InvalidUserNameOrPassword",
        "What to do: ",
        "<h3>Identifiers</h3>",
        "Password not accepted",
        "title=\"Only this value\"",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let only = link_to(&text, "correlationId%3D").unwrap();
    assert_eq!(rows(&page(&server, &only, 200)), [id(2)]);
    page(&server, &format!("/signins/{}", id(3)), 404);
}

#[test]
fn assets_are_kept_until_they_change() {
    let server = Server::start();
    let script = server.get("/assets/durward.js");
    let tag = script.header("etag").unwrap().to_owned();
    let headers = [("If-None-Match", tag.as_str())];
    let again = crate::client::request(server.address, "GET", "/assets/durward.js", &headers, &[]);
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(
        server.get("/assets/durward.css").header("content-type"),
        Some("text/css; charset=utf-8")
    );
}
