//! Attempts and sessions.

use serde_json::{Value, json};

use crate::fixture::{INTERACTIVE, NON_INTERACTIVE, SERVICE_PRINCIPAL, Server, id, record};
use crate::page::page;

/// A correlation identifier.
const ATTEMPT: &str = "c0ffee00-0000-4000-8000-000000000001";
const SESSION: &str = "5e55100a-0000-4000-8000-000000000001";

/// A request of user 1 with this result.
fn request(number: u32, seconds: i64, category: &str, code: i64) -> Value {
    let mut record = record(number, seconds, category);
    record["resultType"] = code.to_string().into();
    let properties = &mut record["properties"];
    properties["status"] = json!({ "errorCode": code });
    properties["correlationId"] = ATTEMPT.into();
    properties["userId"] = id(9001).into();
    properties["userDisplayName"] = "Maria Silva".into();
    properties["userPrincipalName"] = "maria@x.example".into();
    properties["appDisplayName"] = "Outlook".into();
    properties["appId"] = id(7000).into();
    properties["authenticationDetails"] = json!([]);
    record
}

fn with_steps(mut record: Value, steps: &[(&str, &str, bool)]) -> Value {
    let step = |(requirement, method, succeeded): &(&str, &str, bool)| {
        json!({
            "authenticationMethod": method, "succeeded": succeeded,
            "authenticationStepRequirement": requirement,
        })
    };
    record["properties"]["authenticationDetails"] = steps.iter().map(step).collect();
    record
}

const PASSWORD: (&str, &str, bool) = ("Primary authentication", "Password", true);

fn refused_then_in() -> Vec<Value> {
    let second = |succeeded| ("Multi-factor authentication", "Mobile app notification", succeeded);
    vec![
        with_steps(request(1, 0, INTERACTIVE, 500_121), &[PASSWORD, second(false)]),
        with_steps(request(2, 90, INTERACTIVE, 0), &[PASSWORD, second(true)]),
        request(3, 95, NON_INTERACTIVE, 0),
    ]
}

#[test]
fn an_attempt_is_told_in_order_with_one_verdict() {
    let server = Server::start();
    server.push(&refused_then_in());
    let text = page(&server, &format!("/attempts/{ATTEMPT}"), 200);
    for part in [
        "Attempt: Maria Silva → Outlook",
        "<b>Signed in</b>",
        "Maria Silva signed in to Outlook after 1 refused second factor.",
        "A second factor was given.",
        "aria-label=\"Password accepted\"",
        "aria-label=\"Second factor refused (Mobile app notification)\"",
        "aria-label=\"Second factor accepted (Mobile app notification)\"",
        "aria-label=\"Token issued for Outlook\"",
        "Nothing for 1 min 30 s",
        "<span class=\"small-tag\">silent</span>",
        "href=\"/errors/500121\"",
        "1 min 35 s",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let places: Vec<usize> = (1..=3)
        .map(|number| text.find(&format!("href=\"/signins/{}\"", id(number))).unwrap())
        .collect();
    assert!(places.is_sorted(), "in order of time: {places:?}");
    // The identifier of any of its requests leads to the same attempt.
    let by_request = page(&server, &format!("/attempts/{}", id(2)), 200);
    assert!(by_request.contains(ATTEMPT) && by_request.contains("500121"));
}

#[test]
fn an_attempt_takes_in_what_names_its_requests_as_original() {
    let server = Server::start();
    let mut later = request(9, 30, INTERACTIVE, 0);
    later["properties"]["correlationId"] = id(5555).into();
    later["properties"]["originalRequestId"] = id(1).into();
    // Somebody else's, and one of the next week.
    let mut foreign = later.clone();
    foreign["properties"]["id"] = id(10).into();
    foreign["properties"]["userId"] = id(9002).into();
    let mut renewal = request(11, 7 * 86_400, NON_INTERACTIVE, 0);
    renewal["properties"]["correlationId"] = id(5556).into();
    renewal["properties"]["originalRequestId"] = id(1).into();
    server.push(&[request(1, 0, INTERACTIVE, 50074), later, foreign, renewal]);
    let text = page(&server, &format!("/attempts/{ATTEMPT}"), 200);
    assert!(text.contains(&id(9)) && text.contains("<b>Signed in</b>"), "{text}");
    assert!(!text.contains(&id(10)) && !text.contains(&id(11)), "{text}");
}

#[test]
fn verdicts_name_the_policy_and_say_what_to_do() {
    let server = Server::start();
    let mut blocked = request(1, 0, INTERACTIVE, 53003);
    blocked["properties"]["appliedConditionalAccessPolicies"] = json!([
        { "id": id(1), "displayName": "Require compliant device", "result": "success" },
        { "id": id(2), "displayName": "Block <legacy>", "result": "failure" },
    ]);
    server.push(&[blocked]);
    let text = page(&server, &format!("/attempts/{ATTEMPT}"), 200);
    assert!(text.contains("<b>Blocked by Block &lt;legacy&gt;</b>"), "{text}");
    assert!(text.contains("What to do: ") && text.contains("Open the Conditional Access result"));
    let missing = page(&server, "/attempts/nothing", 404);
    assert!(missing.contains("correlation ID"));
    page(&server, &format!("/attempts/{ATTEMPT}?typo=1"), 400);
}

#[test]
fn the_explorer_lists_attempts() {
    let server = Server::start();
    let mut all = refused_then_in();
    // Alone, and older.
    all.push(record(20, -600, INTERACTIVE));
    all.push(record(21, -900, SERVICE_PRINCIPAL));
    server.push(&all);
    let text = page(&server, "/signins?type=all&t=all&view=attempts", 200);
    assert_eq!(text.matches("href=\"/attempts/").count(), 3);
    let first = text.find(ATTEMPT).unwrap();
    assert!(first < text.find(&id(5020)).unwrap() && first < text.find(&id(5021)).unwrap());
    for part in ["<td class=\"number\">3</td>", "1 min 35 s", "Second factor refused"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    // The filter finds one request; its story has all of them.
    let found = page(&server, "/signins?type=i&t=all&view=attempts&f=code:500121", 200);
    assert_eq!(found.matches("href=\"/attempts/").count(), 1);
    assert!(found.contains("Token issued for Outlook"), "{found}");
}

#[test]
fn attempts_go_on_from_page_to_page_and_stand_on_one() {
    let server = Server::start();
    let mut all: Vec<Value> =
        (0..120).map(|number| record(number, i64::from(number) * 60, INTERACTIVE)).collect();
    // One that is spread over pages.
    for number in [3, 60, 118] {
        all[number]["properties"]["correlationId"] = ATTEMPT.into();
    }
    server.push(&all);
    let mut target = "/signins?type=i&t=all&view=attempts".to_owned();
    let (mut attempts, mut pages) = (Vec::new(), 0);
    loop {
        pages += 1;
        let text = page(&server, &target, 200);
        let ids = text.split("href=\"/attempts/").skip(1);
        attempts.extend(ids.map(|rest| rest.split('"').next().unwrap().to_owned()));
        let Some(next) = text.split("rel=\"next\" href=\"").nth(1) else { break };
        target = next.split('"').next().unwrap().replace("&amp;", "&");
        assert!(pages < 5);
    }
    assert_eq!((pages, attempts.len()), (3, 118));
    assert_eq!(attempts.iter().filter(|id| *id == ATTEMPT).count(), 1, "where its newest match is");
    attempts.sort();
    attempts.dedup();
    assert_eq!(attempts.len(), 118);
}

/// A renewal in the session, from one of two places.
fn renewal(number: u32, seconds: i64, stolen: bool) -> Value {
    let mut record = request(number, seconds, NON_INTERACTIVE, 0);
    let properties = &mut record["properties"];
    properties["sessionId"] = SESSION.into();
    properties["uniqueTokenIdentifier"] = format!("token{number}").into();
    properties["autonomousSystemNumber"] = if stolen { 14061 } else { 3320 }.into();
    properties["ipAddress"] = if stolen { "198.51.100.9" } else { "203.0.113.9" }.into();
    properties["userAgent"] = if stolen { "python-requests/2.31" } else { "Edge" }.into();
    properties["deviceDetail"] = match stolen {
        true => json!({ "deviceId": "" }),
        false => json!({ "deviceId": id(4000), "displayName": "WS-114", "isCompliant": true }),
    };
    record
}

#[test]
fn a_session_shows_the_step_where_it_changed_hands() {
    let server = Server::start();
    let mut root = renewal(1, 0, false);
    root["category"] = INTERACTIVE.into();
    root["properties"]["isInteractive"] = true.into();
    let root = with_steps(root, &[PASSWORD]);
    server.push(&[root, renewal(2, 600, false), renewal(3, 900, true), renewal(4, 1200, false)]);
    let text = page(&server, &format!("/sessions/{SESSION}"), 200);
    for part in [
        "Session of Maria Silva",
        "Looks like a token used elsewhere",
        "Network and client changed together at one step",
        "A registered device was followed by one without identifier",
        "Two networks took turns within half an hour",
        "Same country throughout",
        "ASN changed: 3320 → 14061 +3",
        "WS-114 (compliant)",
        "python-requests/2.31",
        "<div>Password</div>",
        "Unique tokens</dt><dd>4</dd>",
        "odata=sessionId%20eq%20",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    // The table twin names the step, both ways.
    let changes = text.split("Where it changed").nth(1).unwrap();
    assert_eq!(changes.matches(&format!("href=\"/signins/{}\"", id(3))).count(), 4);
    assert_eq!(changes.matches(&format!("href=\"/signins/{}\"", id(4))).count(), 4);
    // Silent ones are hollow.
    assert_eq!(text.matches("<circle").count() - text.matches("hollow").count(), 1);
    page(&server, "/sessions/none", 404);
}

#[test]
fn a_calm_session_says_what_did_not_change() {
    let server = Server::start();
    server.push(&[renewal(1, 0, false), renewal(2, 600, false)]);
    let text = page(&server, &format!("/sessions/{SESSION}?tz=local"), 200);
    assert!(text.contains("Nothing changed hands"), "{text}");
    assert!(text.contains("Same compliant device throughout"));
    assert!(text.contains("silent: the sign-in that began it is not in the log"));
    assert!(text.contains("data-local"));
}
