//! One sign-in: every tab of each log, revisions, comparison, diagnosis, and who may see what.

use durward_access::{Role, Scope};
use serde_json::{Value, json};

use crate::client;
use crate::fixture::{
    INTERACTIVE, NON_INTERACTIVE, SERVICE_PRINCIPAL, Server, id, interactive, record,
};
use crate::page::page;

const MANAGED_IDENTITY: &str = "ManagedIdentitySignInLogs";

/// What a script of the page asks for.
fn part(server: &Server, target: &str) -> String {
    let headers = [("Accept", "text/html"), ("HX-Request", "true")];
    let answer = client::request(server.address, "GET", target, &headers, &[]);
    assert_eq!(answer.status, 200, "{target}: {}", answer.text());
    for inline in ["<style", " style=", " onclick=", "javascript:", "<script>", "<html"] {
        assert!(!answer.text().contains(inline), "{inline} in {target}");
    }
    answer.text().to_owned()
}

fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

/// A user who was stopped by a policy: everything that the tabs show is in it.
fn blocked(number: u32, seconds: i64) -> Value {
    let mut record = record(number, seconds, INTERACTIVE);
    record["resultType"] = "53003".into();
    let own = json!({
        "status": { "errorCode": 53003 },
        "clientAppUsed": "IMAP4",
        "conditionalAccessStatus": "failure",
        "ipAddress": "203.0.113.XXX",
        "sessionId": id(4000),
        "riskLevelDuringSignIn": "hidden",
        "autonomousSystemNumber": 3243,
        "location": { "city": "Porto", "state": "Porto", "countryOrRegion": "PT",
            "geoCoordinates": { "latitude": 41.15, "longitude": -8.61 } },
        "deviceDetail": { "deviceId": id(3000), "browser": "PII Removed",
            "operatingSystem": "Windows10", "isCompliant": false, "isManaged": true,
            "trustType": "Azure AD joined" },
        "authenticationDetails": [
            { "authenticationStepDateTime": "2026-03-02T12:00:00Z", "authenticationMethod":
              "Password", "authenticationMethodDetail": "Password Hash Sync", "succeeded": true,
              "authenticationStepResultDetail": "Correct password",
              "authenticationStepRequirement": "Primary authentication" },
        ],
        "authenticationRequirementPolicies": [
            { "requirementProvider": "multiConditionalAccess", "detail": "Conditional Access" },
        ],
        "sessionLifetimePolicies": [
            { "expirationRequirement": "signInFrequencyPeriodicReauthentication",
              "detail": "Sign-in frequency (24h)" },
        ],
        "authenticationProcessingDetails": [
            { "key": "Is CAE Token", "value": "True" },
            { "key": "Legacy TLS (TLS 1.0, 1.1, 3DES)", "value": "True" },
        ],
        "networkLocationDetails": [
            { "networkType": "namedNetwork", "networkNames": ["Branch offices"] },
        ],
        "appliedConditionalAccessPolicies": [
            { "id": id(1), "displayName": "Everybody MFA", "result": "notApplied",
              "enforcedGrantControls": ["Mfa"], "conditionsSatisfied": 1,
              "conditionsNotSatisfied": 2 },
            { "id": id(2), "displayName": "Block legacy authentication", "result": "failure",
              "enforcedGrantControls": ["Block"], "conditionsSatisfied": 19,
              "conditionsNotSatisfied": 0 },
            { "id": id(3), "displayName": "Watch only", "result": "reportOnlySuccess",
              "enforcedGrantControls": ["Mfa"] },
        ],
    });
    for (name, value) in own.as_object().unwrap() {
        record["properties"][name] = value.clone();
    }
    record
}

#[test]
fn the_first_line_says_why() {
    let server = Server::start();
    server.push(&[blocked(2, 0)]);
    let text = page(&server, &format!("/signins/{}", id(2)), 200);
    has(
        &text,
        &[
            "Blocked.",
            "The password was right, but policy <b>Block legacy authentication</b> stopped it: \
             the client uses IMAP4, which cannot do MFA.",
            "What to do: ",
            "How this was derived",
            "status/errorCode = 53003",
            "≈ 11:00 there",
            "2 Mar 2026 12:00:00",
        ],
    );
}

#[test]
fn every_tab_of_a_user_shows_its_fields() {
    let server = Server::start();
    server.push(&[blocked(2, 0)]);
    let tab = |name: &str| page(&server, &format!("/signins/{}?tab={name}", id(2)), 200);
    has(
        &tab("basic"),
        &[
            "<h3>Who</h3>",
            "<h3>How</h3>",
            "<h3>What</h3>",
            "<h3>Identifiers</h3>",
            "href=\"/errors/53003\"",
            "<dt>Continuous access evaluation</dt><dd>Yes</dd>",
            "legacy</span>",
            "needs Microsoft Entra ID P2",
            "Not supplied by this source: ",
            "This attempt",
            "No token issued. Verdict: <b>blocked</b>",
            "f=clientAppUsed%3DIMAP4",
            "f=clientAppUsed%21%3DIMAP4",
            "data-copy=\"IMAP4\"",
            &format!("href=\"/users/{}\"", id(9002)),
            &format!("href=\"/sessions/{}\"", id(4000)),
            "aria-current=\"page\"",
        ],
    );
    has(
        &tab("location"),
        &[
            "/assets/world.svg#land",
            "cx=\"-8.61\" cy=\"-41.15\"",
            "Branch offices (namedNetwork)",
            "redacted by Microsoft",
            "Microsoft hides part of this address",
            "good guess",
            "href=\"/asn/3243\"",
        ],
    );
    has(
        &tab("device"),
        &[
            "<dt>Compliant</dt>",
            "Azure AD joined",
            "PII Removed",
            &format!("href=\"/devices/{}\"", id(3000)),
        ],
    );
    has(
        &tab("auth"),
        &[
            "<th scope=\"col\">Authentication method</th>",
            "Password Hash Sync",
            "Correct password",
            "Primary authentication",
            "Sign-in frequency (24h)",
            "Password accepted",
        ],
    );
    let policies = tab("ca");
    has(&policies, &["<b>1 of 2 policies applied</b>", "Client app", "Require MFA"]);
    let at = |name: &str| policies.rfind(name).unwrap();
    assert!(at("<b>Block legacy authentication</b>") < at("<b>Everybody MFA</b>"), "failing first");
    assert!(!policies.contains("<b>Watch only</b>"));
    let watched = tab("reportonly");
    has(&watched, &["<b>Watch only</b>", "Report-only: Success"]);
    assert!(!watched.contains("<b>Everybody MFA</b>"));
    has(&tab("more"), &["Legacy TLS", "update it", "Branch offices"]);
    has(
        &tab("json"),
        &[
            "As received",
            "&quot;operationName&quot;: &quot;Sign-in activity&quot;",
            "As Microsoft Graph gives it",
            "Revision 0",
        ],
    );
}

#[test]
fn each_log_has_its_tabs() {
    let server = Server::start();
    let logs = [
        (1, INTERACTIVE, 8),
        (2, NON_INTERACTIVE, 8),
        (3, SERVICE_PRINCIPAL, 5),
        (4, MANAGED_IDENTITY, 5),
    ];
    server.push(&logs.map(|(number, log, _)| record(number, 0, log)));
    let names = ["basic", "location", "device", "auth", "ca", "reportonly", "more", "json"];
    for (number, log, tabs) in logs {
        for name in names {
            let text = page(&server, &format!("/signins/{}?tab={name}", id(number)), 200);
            assert_eq!(text.matches("data-key=").count(), tabs, "{log} {name}");
            assert!(text.contains("aria-current=\"page\""), "{log} {name}");
        }
    }
    let workload = page(&server, &format!("/signins/{}", id(3)), 200);
    has(&workload, &["worker → Microsoft Graph", "Open workload"]);
    page(&server, &format!("/signins/{}", id(99)), 404);
    page(&server, &format!("/signins/{}?tpyo=1", id(3)), 400);
}

#[test]
fn beside_the_list_links_keep_the_list() {
    let server = Server::start();
    server.push(&interactive(1..5));
    let state = "type=i&t=all&f=user%3Auser";
    let text = part(&server, &format!("/signins/{}?pane=true&{state}&tab=device", id(2)));
    has(
        &text,
        &[
            "<aside",
            "User &quot;2&quot;, ü → App 2",
            &format!("row={}&amp;tab=auth", id(2)),
            "f=user:user",
            "id=\"event-close\"",
            "aria-label=\"Row after (J)\"",
        ],
    );
    let close = text.split("id=\"event-close\"").nth(1).unwrap().split('>').next().unwrap();
    assert!(close.contains("f=user") && !close.contains("row="), "{close}");
    let whole = page(&server, &format!("/signins?{state}&row={}&tab=device", id(2)), 200);
    has(&whole, &["id=\"pane\"", "<aside", "Device info"]);
    let to = |from: u32, to: &str| {
        let target = format!("/signins/{}/step?{state}&to={to}", id(from));
        let answer = server.get(&target);
        assert_eq!(answer.status, 303, "{}", answer.text());
        answer.header("location").unwrap().to_owned()
    };
    assert!(to(2, "older").contains(&format!("row={}", id(1))));
    assert!(to(2, "newer").contains(&format!("row={}", id(3))));
    assert!(to(1, "older").contains(&format!("row={}", id(1))), "nothing is older");
}

#[test]
fn what_belongs_together_is_counted() {
    let server = Server::start();
    let mut first = record(7, -3600, INTERACTIVE);
    first["properties"]["userId"] = id(9002).into();
    first["properties"]["status"] = json!({ "errorCode": 0 });
    first["properties"]["correlationId"] = id(5002).into();
    let other = blocked(3, 30);
    server.push(&[first, blocked(2, 0), other]);
    let text = part(&server, &format!("/signins/{}/related", id(2)));
    has(
        &text,
        &[
            "Attempt <b>2 requests</b>",
            "Session <b>2</b>",
            "Same user that day <b>2</b>",
            "Same device <b>2 users</b>",
            "succeeded",
            "1 h earlier",
            "1 other person",
            "hit this policy",
            "hx-swap-oob",
        ],
    );
    let people = text.split("other person").next().unwrap().rsplit("href=\"").next().unwrap();
    let listed = people.split('"').next().unwrap().replace("&amp;", "&");
    assert_eq!(page(&server, &listed, 200).matches("data-id=").count(), 2, "{listed}");
    let usual = part(&server, &format!("/signins/{}/related?about=usual", id(2)));
    has(&usual, &["Country PT", "<b>new</b>", "Application App 2"]);
    let device = part(&server, &format!("/signins/{}/related?about=device", id(2)));
    has(&device, &["Last seen before", "1 in 30 days"]);
    let place = part(&server, &format!("/signins/{}/related?about=place", id(2)));
    has(&place, &["Address, for this user", "Country, for the tenant"]);
    page(&server, &format!("/signins/{}/related", id(2)), 200);
    page(&server, &format!("/signins/{}/related?about=love", id(2)), 400);
}

#[test]
fn revisions_show_what_changed() {
    let server = Server::start();
    let mut record = blocked(2, 0);
    server.push(&[record.clone()]);
    let steps = record["properties"]["authenticationDetails"].as_array_mut().unwrap();
    steps.push(json!({ "authenticationMethod": "Previously satisfied", "succeeded": true,
        "authenticationStepResultDetail": "MFA requirement satisfied by claim in the token",
        "authenticationStepRequirement": "Multi-factor authentication" }));
    server.push(&[record]);
    let text = page(&server, &format!("/signins/{}?tab=json", id(2)), 200);
    has(
        &text,
        &[
            "2 revisions",
            "Revision 1 (latest)",
            "Revision 0",
            "authenticationDetails/2/authenticationMethod",
            "<del>–</del>",
            "<ins>Previously satisfied</ins>",
        ],
    );
    assert!(!text.contains("<ins>Password</ins>"), "only what differs");
    let steps = page(&server, &format!("/signins/{}?tab=auth", id(2)), 200);
    has(&steps, &["Δ Revised"]);
    assert_eq!(steps.matches("Not in the first record").count(), 1);
}

#[test]
fn comparison_shows_what_differs() {
    let server = Server::start();
    let mut success = blocked(1, -3600);
    success["properties"]["userId"] = id(9002).into();
    success["properties"]["appId"] = id(7002).into();
    success["properties"]["status"] = json!({ "errorCode": 0 });
    success["properties"]["clientAppUsed"] = "Browser".into();
    success["properties"]["appliedConditionalAccessPolicies"][1]["result"] = "notApplied".into();
    server.push(&[success, blocked(2, 0)]);
    let target = format!("/compare?a={}&b=last-success", id(2));
    let text = page(&server, &target, 200);
    has(
        &text,
        &[
            "Blocked.",
            "Signed in.",
            ">Client app</th><td>IMAP4</td><td>Browser</td>",
            "Conditional Access policies: Block legacy authentication</th><td>failure</td>\
             <td>notApplied</td>",
            "Show equal ones too",
        ],
    );
    assert!(!text.contains(">Operating System</th>"), "it is equal");
    let all = page(&server, &format!("{target}&equal=true"), 200);
    has(&all, &[">Operating System</th><td>Windows10</td><td>Windows10</td>"]);
    has(&page(&server, "/compare", 200), &["name=\"a\"", "name=\"b\""]);
    let missing = page(&server, &format!("/compare?a={}&b={}", id(2), id(77)), 404);
    has(&missing, &[&format!("There is no sign-in {}", id(77)), "role=\"alert\""]);
    has(
        &page(&server, &format!("/compare?a={}&b=last-success", id(1)), 200),
        &["no success before it"],
    );
}

#[test]
fn a_diagnosis_names_cause_steps_and_a_text_to_send() {
    let server = Server::start();
    server.push(&[blocked(2, 0), record(4, 60, INTERACTIVE)]);
    has(&page(&server, "/diagnose", 200), &["name=\"user\"", "name=\"id\"", "± hours"]);
    let by_id = page(&server, &format!("/diagnose?id={}", id(2)), 200);
    has(
        &by_id,
        &[
            "Authentication summary",
            "Diagnostic results",
            "Block legacy authentication",
            "Evidence",
            "Steps to take",
            "Text for the user",
            "Outlook",
            "/diagnose/bundle?id=",
        ],
    );
    let by_attempt = page(&server, &format!("/diagnose?id={}", id(5002)), 200);
    assert_eq!(by_attempt.matches("data-id=").count(), 1);
    let by_user = page(&server, "/diagnose?user=user2&at=2026-03-02T13:00Z&hours=2", 200);
    has(&by_user, &[&format!("data-id=\"{}\"", id(2))]);
    let off = page(&server, "/diagnose?user=user2&at=2026-03-05T13:00Z&hours=2", 200);
    has(&off, &["No sign-in found"]);
    page(&server, "/diagnose?user=a&at=yesterday", 400);
    let bundle = server.json(&format!("/diagnose/bundle?id={}", id(2)));
    assert_eq!(bundle["requestId"], id(2));
    assert_eq!(bundle["errorCode"], 53003);
    assert_eq!(bundle["attempt"][0]["requestId"], id(2));
    assert!(bundle["cause"].as_str().unwrap().contains("Block legacy authentication"));
    assert_eq!(server.error("/diagnose/bundle").0, 400);
}

#[test]
fn who_may_not_see_policies_hears_what_role_it_takes() {
    let server = Server::guarded();
    server.fill(&[blocked(2, 0), blocked(10, 60)]);
    let reports = server.visitor("reports", &[Role::ReportsReader], Scope::WHOLE, None);
    let security = server.visitor("security", &[Role::SecurityReader], Scope::WHOLE, None);
    for tab in ["basic", "ca", "reportonly", "json"] {
        let target = format!("/signins/{}?tab={tab}", id(2));
        let text = reports.page(&target);
        assert!(!text.contains("Block legacy") && !text.contains("Watch only"), "{tab}");
        assert_eq!(
            text.contains("Needs a role that reads Conditional Access details"),
            tab == "ca" || tab == "reportonly"
        );
        assert!(security.page(&target).contains("Block legacy") || tab == "reportonly", "{tab}");
    }
    let related = reports.page(&format!("/signins/{}/related", id(2)));
    assert!(related.contains("hit this code") && !related.contains("Block legacy"));
    for target in [
        format!("/compare?a={}&b={}&equal=true", id(2), id(10)),
        format!("/diagnose?id={}", id(2)),
        format!("/diagnose/bundle?id={}", id(2)),
    ] {
        let answer = reports.get(&target);
        assert_eq!(answer.status, 200, "{target}");
        assert!(!answer.text().contains("Block legacy"), "{target}");
    }
    let help = server.visitor("help", &[Role::HelpdeskAdministrator], Scope::WHOLE, None);
    assert!(help.page(&format!("/signins/{}", id(2))).contains("Blocked."));
}
