//! Raw records of other logs.

use durward_access::{Role, Scope};
use serde_json::{Value, json};

use crate::fixture::{INTERACTIVE, Server, id, record, time};
use crate::page::page;

/// A directory audit.
fn audit(number: u32, seconds: i64, activity: &str) -> Value {
    json!({
        "time": time(seconds), "category": "AuditLogs", "operationName": activity,
        "tenantId": "11111111-2222-4333-8444-555555555555",
        "properties": {
            "id": format!("Directory_{number}"), "activityDateTime": time(seconds),
            "category": "UserManagement", "loggedByService": "Core Directory",
            "activityDisplayName": activity, "result": "success", "correlationId": id(77),
            "initiatedBy": { "user": { "id": id(9001), "userPrincipalName": "admin@x.example" } },
            "targetResources": [{
                "id": id(9002), "displayName": "Maria <b>", "type": "User",
                "modifiedProperties": [{
                    "displayName": "AccountEnabled", "oldValue": "[true]", "newValue": "[false]",
                }],
            }],
        },
    })
}

fn provisioning() -> Value {
    json!({
        "time": time(0), "category": "ProvisioningLogs",
        "tenantId": "11111111-2222-4333-8444-555555555555",
        "properties": {
            "id": id(600), "activityDateTime": time(0), "provisioningAction": "create",
            "sourceIdentity": { "displayName": "Ines" }, "sourceSystem": { "displayName": "HR" },
            "targetSystem": { "displayName": "CRM" },
            "provisioningStatusInfo": { "status": "failure" },
        },
    })
}

/// Rows of a list.
fn rows(text: &str) -> usize {
    text.matches("<tr class=\"row\">").count()
}

fn next(text: &str) -> Option<String> {
    let rest = text.split("rel=\"next\" href=\"").nth(1)?;
    Some(rest.split('"').next().unwrap().replace("&amp;", "&"))
}

#[test]
fn empty_logs_say_how_records_get_in() {
    let server = Server::start();
    let text = page(&server, "/audit", 200);
    assert!(text.contains("No directory audits yet") && text.contains("AuditLogs"));
    let text = page(&server, "/provisioning", 200);
    assert!(text.contains("ProvisioningLogs") && text.contains("durward import"));
}

#[test]
fn audits_are_listed_and_opened() {
    let server = Server::start();
    server.push(&[audit(1, 0, "Disable account"), audit(2, 60, "Add user")]);
    let text = page(&server, "/audit?t=all", 200);
    assert_eq!(rows(&text), 2);
    assert!(text.find("Add user").unwrap() < text.find("Disable account").unwrap());
    for part in [
        "Initiated by (actor)",
        "Core Directory",
        "UserManagement",
        "Maria &lt;b&gt;",
        "admin@x.example",
        "<span aria-hidden=\"true\">✔</span> Success",
        "href=\"/audit/Directory_1\"",
        "<b>2</b> records, all time",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let one = page(&server, "/audit/Directory_1", 200);
    for part in [
        "<h1>Disable account</h1>",
        "<td>AccountEnabled</td>",
        "<del>[true]</del>",
        "<ins>[false]</ins>",
        "Sign-ins around this record ± 1 h",
        "2026-03-02T11:00:00Z..2026-03-02T13:00:00Z",
        "Original record",
        "&quot;activityDisplayName&quot;: &quot;Disable account&quot;",
        "properties/initiatedBy/user/id",
    ] {
        let text = one.replace("%3A", ":");
        assert!(text.contains(part), "{part} in {text}");
    }
    page(&server, "/audit/Directory_9", 404);
    page(&server, "/audit?log=provisioning", 400);
    page(&server, "/audit?after=nonsense", 400);
}

#[test]
fn a_sign_in_is_no_audit_record() {
    let server = Server::start();
    server.push(&[record(1, 0, INTERACTIVE), provisioning()]);
    page(&server, &format!("/audit/{}", id(1)), 404);
    page(&server, &format!("/audit/{}", id(600)), 404);
    let one = page(&server, &format!("/provisioning/{}", id(600)), 200);
    assert!(one.contains("<h1>Create Ines</h1>"), "{one}");
}

#[test]
fn provisioning_has_its_columns() {
    let server = Server::start();
    server.push(&[provisioning()]);
    let text = page(&server, "/provisioning?t=all", 200);
    for part in ["Source System", "Ines", "HR", "CRM", "Create", "✖</span> Failure"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn pages_and_text_go_through_all_records() {
    let server = Server::start();
    let all: Vec<Value> = (0..120)
        .map(|number| {
            let activity = if number % 40 == 0 { "Rare thing" } else { "Common thing" };
            audit(number, i64::from(number), activity)
        })
        .collect();
    server.push(&all);
    let first = page(&server, "/audit?t=all", 200);
    let second = page(&server, &next(&first).unwrap(), 200);
    let third = page(&server, &next(&second).unwrap(), 200);
    assert_eq!([&first, &second, &third].map(|text| rows(text)), [50, 50, 20]);
    assert!(next(&third).is_none() && third.contains(">Newest</a>"));
    let found = page(&server, "/audit?t=all&q=RARE+thing", 200);
    assert_eq!(rows(&found), 3);
    assert!(found.contains("3</b> found in the 120 records looked through"), "{found}");
    let none = page(&server, "/audit?t=all&q=never", 200);
    assert!(none.contains("None of the 120 records of this range has this text"), "{none}");
    let exactly = page(&server, "/audit?t=all&q=common", 200);
    assert_eq!(rows(&exactly), 50);
    assert_eq!(rows(&page(&server, &next(&exactly).unwrap(), 200)), 50);
}

#[test]
fn other_logs_stand_beside() {
    let server = Server::start();
    let risk = json!({
        "time": time(0), "category": "UserRiskEvents",
        "properties": {
            "id": id(700), "activityDateTime": time(0), "riskEventType": "anonymizedIPAddress",
            "riskState": "atRisk", "userPrincipalName": "ines@x.example",
        },
    });
    server.push(&[audit(1, 0, "Add user"), risk]);
    let text = page(&server, "/audit?t=all", 200);
    assert!(text.contains("Risk events<span class=\"count\">1</span>"), "{text}");
    let text = page(&server, "/audit?t=all&log=risk", 200);
    assert!(text.contains("anonymizedIPAddress") && text.contains("ines@x.example"), "{text}");
}

#[test]
fn records_take_their_right() {
    let server = Server::guarded();
    server.fill(&[audit(1, 0, "Add user"), provisioning()]);
    for (role, status) in [(Role::ReportsReader, 200), (Role::HelpdeskAdministrator, 403)] {
        let name = role.name().replace(' ', "-");
        let visitor = server.visitor(&name, &[role], Scope::WHOLE, None);
        for target in ["/audit?t=all", "/audit/Directory_1", "/provisioning?t=all"] {
            assert_eq!(visitor.get(target).status, status, "{target} as {role}");
        }
    }
}
