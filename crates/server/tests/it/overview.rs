//! The overview, the map, and how complete the log is.

use durward_model::Timestamp;
use serde_json::{Value, json};

use crate::client;
use crate::fixture::{INTERACTIVE, NON_INTERACTIVE, SERVICE_PRINCIPAL, Server, id, record};
use crate::page::page;

const DAY_MINUTES: i64 = 24 * 60;

/// A record of so many minutes ago.
fn ago(number: u32, minutes: i64, category: &str) -> Value {
    let mut record = record(number, 0, category);
    let time = Timestamp::from_micros(Timestamp::now().micros - minutes * 60_000_000);
    record["properties"]["createdDateTime"] = time.to_rfc3339().into();
    record
}

fn with(mut record: Value, name: &str, value: Value) -> Value {
    record["properties"][name] = value;
    record
}

/// A failure of an application with a code.
fn failure(number: u32, minutes: i64, app: u32, code: i64) -> Value {
    let mut record = ago(number, minutes, INTERACTIVE);
    record["resultType"] = code.to_string().into();
    for (name, value) in [
        ("status", json!({ "errorCode": code })),
        ("appId", id(app).into()),
        ("appDisplayName", format!("App of {app}").into()),
    ] {
        record = with(record, name, value);
    }
    record
}

/// A fragment as a script asks for it.
fn fragment(server: &Server, target: &str) -> String {
    let answer = client::request(server.address, "GET", target, &[("HX-Request", "true")], &[]);
    assert_eq!(answer.status, 200, "{target}: {}", answer.text());
    assert!(!answer.text().contains("<html"), "{target}");
    answer.text().to_owned()
}

fn attribute<'a>(text: &'a str, name: &str) -> &'a str {
    let rest = text.split(&format!("{name}=\"")).nth(1).unwrap_or_else(|| panic!("{name}: {text}"));
    rest.split('"').next().unwrap()
}

/// How many events the explorer finds at an address.
fn total(server: &Server, href: &str) -> u64 {
    attribute(&page(server, &href.replace("&amp;", "&"), 200), "data-total").parse().unwrap()
}

fn fill(server: &Server) {
    let mut records: Vec<Value> = (0..40).map(|n| ago(n, i64::from(n) * 20, INTERACTIVE)).collect();
    records.extend((100..120).map(|n| ago(n, i64::from(n), NON_INTERACTIVE)));
    records.extend((200..205).map(|n| ago(n, i64::from(n), SERVICE_PRINCIPAL)));
    let mfa = json!("multiFactorAuthentication");
    records.extend((300..306).map(|n| {
        with(ago(n, i64::from(n), INTERACTIVE), "authenticationRequirement", mfa.clone())
    }));
    records.push(with(ago(400, 30, INTERACTIVE), "riskState", json!("atRisk")));
    records.push(with(ago(401, 31, INTERACTIVE), "riskState", json!("confirmedCompromised")));
    records.push(with(ago(402, 32, INTERACTIVE), "riskState", json!("dismissed")));
    // Just outside of the range.
    records.extend((500..504).map(|n| ago(n, DAY_MINUTES + i64::from(n), INTERACTIVE)));
    server.push(&records);
}

#[test]
fn every_figure_is_what_the_explorer_counts() {
    let server = Server::start();
    fill(&server);
    let text = page(&server, "/", 200);
    let tiles: Vec<&str> = text.split("class=\"panel tile\"").skip(1).collect();
    assert_eq!(tiles.len(), 5);
    let mut counts = Vec::new();
    for tile in tiles {
        let count: u64 = attribute(tile, "data-count").parse().unwrap();
        assert_eq!(total(&server, attribute(tile, "href")), count, "{}", &tile[..200]);
        counts.push(count);
    }
    assert_eq!(counts[0], 74, "all of the last day, of all logs");
    assert_eq!(counts[4], 2, "dismissed risk is none");
    assert_eq!(counts[3], 4, "success with MFA: {counts:?}");
    assert!(counts[1] > 0 && counts[2] > 0);
    let week = page(&server, "/?t=7d", 200);
    let first = week.split("class=\"panel tile\"").nth(1).unwrap();
    assert_eq!(attribute(first, "data-count"), "78");
    assert_eq!(total(&server, attribute(first, "href")), 78);
}

#[test]
fn every_panel_comes_as_a_part_and_as_a_page() {
    let server = Server::start();
    fill(&server);
    let text = page(&server, "/?t=7d", 200);
    let parts: Vec<String> = text
        .split("hx-get=\"/overview/")
        .skip(1)
        .map(|rest| format!("/overview/{}", rest.split('"').next().unwrap()))
        .collect();
    assert_eq!(parts.len(), 8, "{parts:?}");
    for part in parts {
        let target = part.replace("&amp;", "&");
        assert!(target.contains("t=7d"), "{target}");
        let content = fragment(&server, &target);
        assert!(content.contains("<h2>"), "{target}");
        assert!(page(&server, &target, 200).contains("<h2>"), "{target}");
    }
    page(&server, "/overview/weather", 404);
    page(&server, "/?t=nonsense", 400);
}

#[test]
fn lists_lead_to_what_they_count() {
    let server = Server::start();
    fill(&server);
    server.push(&[
        with(ago(600, 3, INTERACTIVE), "clientAppUsed", json!("IMAP4")),
        with(ago(604, 4, INTERACTIVE), "clientAppUsed", json!("IMAP4")),
    ]);
    for (panel, least) in [("codes", 2), ("users", 1), ("legacy", 1), ("apps", 3), ("map", 1)] {
        let text = fragment(&server, &format!("/overview/{panel}"));
        let lines: Vec<&str> = text.split("class=\"number\" href=\"").skip(1).collect();
        assert!(lines.len() >= least, "{panel}: {text}");
        for line in lines {
            let (href, rest) = line.split_once("\">").unwrap();
            let count: u64 = rest.split('<').next().unwrap().replace(',', "").parse().unwrap();
            assert_eq!(total(&server, href), count, "{panel}: {href}");
        }
    }
    let legacy = fragment(&server, "/overview/legacy");
    assert!(legacy.contains("IMAP4") && legacy.contains("2 succeeded"), "{legacy}");
    let codes = fragment(&server, "/overview/codes");
    assert!(codes.contains("/errors/50126") && codes.contains("password is wrong"), "{codes}");
}

#[test]
fn what_changed_says_what_grew_and_how_it_was_reckoned() {
    let server = Server::start();
    let week = 7 * DAY_MINUTES;
    let mut records: Vec<Value> =
        (0..30).map(|n| failure(n, 5 + i64::from(n), 7001, 53003)).collect();
    records.extend((30..60).map(|n| failure(n, 5 + i64::from(n), 7002, 50126)));
    records.extend((60..65).map(|n| failure(n, week + i64::from(n), 7001, 53003)));
    records.extend((70..98).map(|n| failure(n, week + i64::from(n), 7002, 50126)));
    let early = fragment(&server, "/overview/changed");
    assert!(early.contains("nothing to compare with"), "{early}");
    records.push(ago(99, 2 * week, INTERACTIVE));
    server.push(&records);
    let text = fragment(&server, "/overview/changed");
    let sentences: Vec<&str> = text.split("<li>").skip(1).collect();
    assert_eq!(sentences.len(), 2, "one application, one code: {text}");
    assert!(sentences[0].contains("App of 7001") && sentences[0].contains("up 6.0×, to 30"));
    assert!(sentences[0].contains("mostly <a href=\"/errors/53003\">53003</a>"), "{text}");
    assert!(sentences[0].contains("30 ÷ 5 = 6.0"), "{text}");
    assert!(!text.contains("7002"), "as many as ever: {text}");
}

#[test]
fn new_is_what_the_month_before_did_not_have() {
    let server = Server::start();
    let from = |number, minutes, country: &str, asn: i64| {
        let place = json!({ "city": "X", "countryOrRegion": country });
        let record = with(ago(number, minutes, INTERACTIVE), "location", place);
        with(record, "autonomousSystemNumber", asn.into())
    };
    server.push(&[from(1, 5, "NG", 37148), from(2, 6, "DE", 3320), from(3, 7, "NG", 37148)]);
    assert!(fragment(&server, "/overview/new").contains("takes a day of sign-ins before"));
    server.push(&[from(4, 5 * DAY_MINUTES, "DE", 3320)]);
    let text = fragment(&server, "/overview/new");
    assert!(text.contains("<b>NG</b>") && text.contains("AS37148"), "{text}");
    assert!(!text.contains("<b>DE</b>") && !text.contains("AS3320"), "{text}");
}

#[test]
fn the_map_and_its_list_say_the_same() {
    let server = Server::start();
    let at = |number, city: &str, place: Value| {
        let mut location = place;
        location["city"] = city.into();
        with(ago(number, i64::from(number), INTERACTIVE), "location", location)
    };
    let berlin = json!({ "countryOrRegion": "DE",
        "geoCoordinates": { "latitude": 52.5, "longitude": 13.4 } });
    server.push(&[
        at(0, "Berlin", berlin.clone()),
        at(1, "Berlin", berlin.clone()),
        at(2, "Berlin", berlin),
        at(3, "Vigo", json!({ "countryOrRegion": "ES" })),
        with(ago(4, 4, INTERACTIVE), "location", json!({})),
    ]);
    let text = page(&server, "/map", 200);
    assert_eq!(text.matches("<circle").count(), 1, "one city has coordinates");
    assert!(text.contains("/assets/world.svg#land"));
    assert!(text.contains(">1 without a place</a>"), "{text}");
    assert!(text.contains("1 with a place but no coordinates"), "{text}");
    let row = text.split("<tr>").skip(1).find(|row| row.contains("Berlin, DE")).unwrap();
    let href = attribute(row, "href");
    assert_eq!(total(&server, href), 3);
    assert!(row.contains("<td class=\"number\">3</td>"), "{row}");
    let failed = page(&server, "/map?f=status%3Dfailure", 200);
    assert!(failed.contains("Berlin, DE") && !failed.contains("Vigo"), "{failed}");
    assert!(page(&server, "/map?t=1h&type=s", 200).contains("No sign-ins match"));
    assert!(page(&server, "/signins?view=map", 200).contains("Berlin, DE"));
    page(&server, "/map?f=code:x", 400);
}

#[test]
fn the_log_says_how_complete_it_is() {
    let server = Server::start();
    let week = 7 * DAY_MINUTES;
    // Every hour of two weeks has six sign-ins, but one.
    let hour = |number: u32| i64::from(number / 6) * 60 + 61;
    let missing = 5 * 60 + 61;
    let all: Vec<Value> = (0..6 * 24 * 15)
        .filter(|number| hour(*number) != missing)
        .map(|number| ago(number, hour(number), INTERACTIVE))
        .collect();
    for part in all.chunks(500) {
        server.push(part);
    }
    server.push(&[ago(90_000, 1, INTERACTIVE)]);
    let chip = fragment(&server, "/completeness/chip?t=24h");
    assert!(chip.contains("Gap "), "{chip}");
    assert!(!attribute(&chip, "data-complete").is_empty());
    let text = page(&server, "/completeness", 200);
    assert!(text.contains("Hour by hour") && text.contains("Complete to "), "{text}");
    let gap = Timestamp::from_micros(Timestamp::now().micros - missing * 60_000_000);
    let from = gap.to_rfc3339();
    let said = format!("{} {}:00–", &from[..10], &from[11..13]);
    let cell = text.split("<td").find(|cell| cell.contains(&said)).unwrap();
    assert!(cell.contains("class=\"gap\"") && cell.contains("UTC: gap, 0 sign-ins"), "{cell}");
    let before = Timestamp::from_micros(gap.micros - 3_600_000_000).to_rfc3339();
    let said = format!("{} {}:00–", &before[..10], &before[11..13]);
    let cell = text.split("<td").find(|cell| cell.contains(&said)).unwrap();
    assert!(cell.contains("UTC: complete, 6 sign-ins"), "{cell}");
    assert_eq!(total(&server, attribute(cell, "href")), 6);
    assert!(week > missing);
}

#[test]
fn tenants_can_be_picked_where_there_are_several() {
    let server = Server::start();
    server.push(&[ago(1, 1, INTERACTIVE)]);
    assert!(!fragment(&server, "/completeness/chip").contains("All tenants"));
    let other = "99999999-2222-4333-8444-555555555555";
    let mut record = ago(2, 2, INTERACTIVE);
    record["tenantId"] = other.into();
    server.push(&[record]);
    let headers =
        [("HX-Request", "true"), ("HX-Current-URL", "http://x.example/signins?type=all&row=1")];
    let answer = client::request(server.address, "GET", "/completeness/chip", &headers, &[]);
    let href = format!("/signins?type=all&amp;tenant={other}");
    assert!(answer.text().contains(&href), "{}", answer.text());
    assert_eq!(total(&server, &href), 1);
    assert!(page(&server, "/completeness", 200).contains("<h2>Tenants</h2>"));
    let tile = page(&server, &format!("/?tenant={other}"), 200);
    assert_eq!(attribute(tile.split("class=\"panel tile\"").nth(1).unwrap(), "data-count"), "1");
}

#[test]
fn two_times_make_a_range() {
    let server = Server::start();
    let target =
        "/range?page=%2Fmap%3Ft%3DFROM..TO%26tz%3Dutc&from=2026-03-02T01:00&to=2026-03-02T02:00";
    let answer = server.get(target);
    assert_eq!(answer.status, 303);
    let range = "2026-03-02T01:00:00Z..2026-03-02T02:00:00Z";
    assert_eq!(answer.header("location"), Some(format!("/map?t={range}&tz=utc").as_str()));
    for page in
        ["%2F%2Fother.example%2FFROM..TO", "https:%2F%2Fx%2FFROM..TO", "%2Fmap", "%2F%5CxFROM..TO"]
    {
        let target = format!("/range?page={page}&from=2026-03-02T01:00&to=2026-03-02T02:00");
        assert_eq!(server.get(&target).status, 400, "{page}");
    }
}
