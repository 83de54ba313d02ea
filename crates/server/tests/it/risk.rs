//! Risk by Microsoft Graph's interface: shapes, paging, decisions, and who may see and do what.

use std::collections::BTreeSet;

use durward_access::{Role, Rules, Scope};
use durward_detect::book::Circumstances;
use durward_detect::finding::id_of;
use durward_detect::{EventRef, Finding, Level, Settings, Subject, SubjectKind};
use durward_journal::{Action, Query};
use durward_model::Id;
use serde_json::{Value, json};

use crate::client::{self, Answer};
use crate::fixture::{NOON, Server, config, id, ids, interactive, store_options};
use crate::visitor::{TENANT, Visitor};

const USERS: &str = "/v1.0/identityProtection/riskyUsers";
const DETECTIONS: &str = "/v1.0/identityProtection/riskDetections";
const PRINCIPALS: &str = "/v1.0/identityProtection/riskyServicePrincipals";

/// A finding of impossible travel about the user with this number, in a tenant.
fn finding(tenant: &str, number: u32, level: Level) -> Finding {
    let name = format!("user{number}@x.example");
    let subject = Subject { kind: SubjectKind::User, id: id(9000 + number), name };
    about(tenant, subject, number, level)
}

fn about(tenant: &str, subject: Subject, number: u32, level: Level) -> Finding {
    let at_micros = (NOON + i64::from(number) * 60) * 1_000_000;
    let event = EventRef { at_micros, id: Id::from_text(&id(number)).0 };
    let name = subject.name.clone();
    Finding {
        id: id_of("impossible-travel", tenant, &subject, b"once"),
        detection: "impossible-travel".to_owned(),
        tenant: tenant.to_owned(),
        subject,
        level,
        sentence: format!("{name} was in two places at once."),
        first_micros: at_micros,
        last_micros: at_micros,
        found_micros: at_micros,
        told_micros: at_micros,
        events: vec![event],
        event_count: 1,
        risky: vec![event.id],
        facts: Vec::new(),
        against: Vec::new(),
        correlation: Some(Id::from_text(&id(5000 + number)).0),
        address: format!("203.0.113.{}", number % 5),
        location: ["Vigo".to_owned(), String::new(), "ES".to_owned()],
    }
}

fn tell(server: &Server, findings: &[Finding]) {
    let settings = Settings::default();
    let circumstances = Circumstances { settings: &settings, now_micros: NOON * 1_000_000 };
    server.book.record(findings, &circumstances).unwrap();
}

/// Users 0 to 6, at all levels.
fn seven(server: &Server) {
    let findings: Vec<Finding> =
        (0..7).map(|number| finding(TENANT, number, Level::ALL[number as usize % 3])).collect();
    tell(server, &findings);
}

fn post_as(server: &Server, token: &str, target: &str, body: &Value) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    client::request(server.address, "POST", target, &headers, body.to_string().as_bytes())
}

fn post(server: &Server, target: &str, body: &Value) -> Answer {
    client::post_json(server.address, target, body.to_string().as_bytes())
}

fn next_of(server: &Server, page: &Value) -> Option<String> {
    let link = page["@odata.nextLink"].as_str()?;
    Some(link.strip_prefix(&format!("http://{}", server.address)).unwrap().to_owned())
}

#[test]
fn risky_users_have_graphs_shape_and_go_page_by_page() {
    let server = Server::start();
    seven(&server);
    let page = server.json(USERS);
    assert_eq!(ids(&page), [6, 5, 4, 3, 2, 1, 0].map(|number| id(9000 + number)));
    let context = page["@odata.context"].as_str().unwrap();
    assert!(context.ends_with("/v1.0/$metadata#identityProtection/riskyUsers"), "{context}");
    let expected = json!({
        "id": id(9005), "isDeleted": false, "isProcessing": false, "riskLevel": "high",
        "riskState": "atRisk", "riskDetail": "none",
        "riskLastUpdatedDateTime": crate::fixture::time(300),
        "userDisplayName": "user5@x.example", "userPrincipalName": "user5@x.example",
    });
    assert_eq!(page["value"][1].to_string(), expected.to_string(), "members in Graph's order");
    for target in [
        format!("{USERS}/{}", id(9005)),
        format!("/BETA/identityprotection/riskyusers('{}')", id(9005)),
    ] {
        let mut one = server.json(&target);
        one.as_object_mut().unwrap().remove("@odata.context");
        assert_eq!(one, expected, "{target}");
    }
    let (mut next, mut found) = (Some(format!("{USERS}?$top=3&$select=id&$count=true")), vec![]);
    while let Some(target) = next {
        let page = server.json(&target);
        assert_eq!(page["@odata.count"], 7);
        assert_eq!(page["value"][0].as_object().unwrap().len(), 1);
        found.extend(ids(&page));
        next = next_of(&server, &page);
    }
    assert_eq!((found.len(), found.iter().collect::<BTreeSet<_>>().len()), (7, 7));
    let filtered = |filter: &str| {
        ids(&server.json(&format!("{USERS}?$filter={}", filter.replace(' ', "%20"))))
    };
    assert_eq!(filtered("riskLevel eq 'high'"), [id(9005), id(9002)]);
    assert_eq!(filtered("riskLevel eq 'low' and userPrincipalName ne 'USER0@x.example'").len(), 2);
    assert_eq!(filtered("riskLastUpdatedDateTime ge 2026-03-02T12:05:00Z").len(), 2);
    let oldest = format!("{USERS}?$orderby=riskLastUpdatedDateTime%20asc&$top=1");
    assert_eq!(ids(&server.json(&oldest)), [id(9000)]);
    for query in [
        "$filter=secret%20eq%201",
        "$filter=riskLastUpdatedDateTime%20ge%20'2026-03-02'",
        "$top=501",
        "$orderby=userDisplayName",
        "$select=riskEventType",
        "$skiptoken=x",
        "$skip=1",
    ] {
        assert_eq!(
            server.error(&format!("{USERS}?{query}")),
            (400, "BadRequest".into()),
            "{query}"
        );
    }
    let missing = (404, "ResourceNotFound".to_owned());
    assert_eq!(server.error(&format!("{USERS}/{}", id(1))), missing);
    assert_eq!(server.error(&format!("{USERS}/{}/history", id(1))), missing);
    assert_eq!(server.error("/v1.0/identityProtection/riskyAgents"), missing, "beta only");
}

#[test]
fn risk_detections_tell_what_they_rest_on() {
    let server = Server::start();
    seven(&server);
    let page = server.json(&format!("{DETECTIONS}?$filter=userId%20eq%20'{}'", id(9005)));
    let one = &page["value"][0];
    for (name, wanted) in [
        ("requestId", json!(id(5))),
        ("correlationId", json!(id(5005))),
        ("riskEventType", json!("mcasImpossibleTravel")),
        ("riskState", json!("atRisk")),
        ("riskLevel", json!("high")),
        ("source", json!("durward")),
        ("detectionTimingType", json!("offline")),
        ("activity", json!("signin")),
        ("ipAddress", json!("203.0.113.0")),
        ("activityDateTime", json!(crate::fixture::time(300))),
        ("userPrincipalName", json!("user5@x.example")),
    ] {
        assert_eq!(one[name], wanted, "{name}");
    }
    assert_eq!(one["location"]["city"], "Vigo");
    let info: Value = serde_json::from_str(one["additionalInfo"].as_str().unwrap()).unwrap();
    assert_eq!(info[0]["Key"], "riskReasons");
    assert!(one.get("mitreTechniqueId").is_none(), "beta only");
    let beta = DETECTIONS.replace("v1.0", "beta");
    let one = server.json(&format!("{beta}/{}", one["id"].as_str().unwrap()));
    assert!(one["mitreTechniqueId"].as_str().unwrap().starts_with('T'), "{one}");
    assert_eq!(one["riskType"], "mcasImpossibleTravel");
    let newest = server.json(&format!("{DETECTIONS}?$orderby=activityDateTime%20desc&$top=2"));
    assert_eq!(newest["value"][0]["userId"], id(9006));
    assert!(next_of(&server, &newest).is_some());
    assert_eq!(server.error(&format!("{DETECTIONS}/nothing")).0, 404);
}

#[test]
fn decisions_change_risk_and_are_written_down() {
    let server = Server::start();
    seven(&server);
    let body = json!({ "userIds": [id(9001), id(9002)], "note": "on a journey" });
    let answer = post(&server, &format!("{USERS}/dismiss"), &body);
    assert_eq!((answer.status, answer.text()), (204, ""));
    let state = |number: u32| {
        let one = server.json(&format!("{USERS}/{}", id(9000 + number)));
        ["riskLevel", "riskState", "riskDetail"].map(|name| one[name].as_str().unwrap().to_owned())
    };
    assert_eq!(state(1), ["none", "dismissed", "adminDismissedAllRiskForUser"]);
    let of_user = format!("{DETECTIONS}?$filter=userId%20eq%20'{}'", id(9001));
    assert_eq!(server.json(&of_user)["value"][0]["riskState"], "dismissed");
    assert_eq!(
        post(&server, &format!("{USERS}/confirmCompromised"), &json!({"userIds": [id(9001)]}))
            .status,
        204
    );
    assert_eq!(state(1), ["high", "confirmedCompromised", "adminConfirmedUserCompromised"]);
    assert_eq!(ids(&server.json(&of_user)).len(), 2, "the confirmation is a detection");
    assert_eq!(
        post(&server, &format!("{USERS}/confirmSafe"), &json!({"userIds": [id(9001)]})).status,
        204
    );
    // A later member of the enumeration goes by another name unless it is asked for.
    assert_eq!(state(1), ["none", "confirmedSafe", "unknownFutureValue"]);
    let wish = [("Prefer", "include-unknown-enum-members")];
    let target = format!("{USERS}/{}", id(9001));
    let whole = client::request(server.address, "GET", &target, &wish, b"").json();
    assert_eq!(whole["riskDetail"], "adminConfirmedAccountSafe");

    let history = server.json(&format!("{USERS}/{}/history", id(9001)));
    let lines = history["value"].as_array().unwrap();
    let states: Vec<&str> = lines.iter().map(|line| line["riskState"].as_str().unwrap()).collect();
    assert_eq!(states, ["confirmedSafe", "confirmedCompromised", "dismissed", "atRisk"]);
    assert_eq!(lines[3]["activity"]["riskEventTypes"], json!(["mcasImpossibleTravel"]));
    assert_eq!(
        (&lines[3]["initiatedBy"], &lines[2]["initiatedBy"]),
        (&Value::Null, &json!("demo"))
    );
    assert_eq!(lines[0]["userId"], id(9001));
    let item = format!("{USERS}/{}/history/{}", id(9001), lines[2]["id"].as_str().unwrap());
    assert_eq!(server.json(&item)["riskState"], "dismissed");

    let wanted = Query { action: Some(Action::Change), ..Query::default() };
    let entries = server.journal.list(&wanted).unwrap();
    let dismissal = entries.iter().find(|one| one.entry.query.starts_with("dismiss ")).unwrap();
    assert!(dismissal.entry.query.contains(&id(9002)), "{}", dismissal.entry.query);
    assert!(dismissal.entry.query.ends_with("note=on a journey"), "{}", dismissal.entry.query);
    assert_eq!((dismissal.entry.status, dismissal.entry.rows), (204, Some(2)));
    assert!(dismissal.entry.route.ends_with("/riskyUsers/dismiss"));

    for (body, status) in [
        (json!({}), 400),
        (json!({ "userIds": [] }), 400),
        (json!({ "userIds": id(9001) }), 400),
        (json!({ "userIds": [1] }), 400),
        (json!({ "servicePrincipalIds": [id(9001)] }), 400),
        (json!({ "userIds": [id(9001)], "more": 1 }), 400),
        (json!({ "userIds": [id(9003), "nobody"] }), 404),
    ] {
        assert_eq!(post(&server, &format!("{USERS}/dismiss"), &body).status, status, "{body}");
    }
    assert_eq!(state(3)[1], "atRisk", "all or nothing");
}

#[test]
fn who_was_at_no_risk_is_found_by_their_sign_ins() {
    let server = Server::start();
    server.push(&interactive(0..7));
    let target = format!("{USERS}/confirmCompromised");
    assert_eq!(post(&server, &target, &json!({"userIds": [id(9004)]})).status, 204);
    let one = server.json(&format!("{USERS}/{}", id(9004)));
    assert_eq!(
        (&one["riskLevel"], &one["userPrincipalName"]),
        (&json!("high"), &json!("user4@x.example"))
    );
    assert_eq!(post(&server, &target, &json!({"userIds": [id(9999)]})).status, 404);
}

#[test]
fn sign_ins_are_decided_about_by_request() {
    let server = Server::start();
    server.push(&interactive(0..7));
    seven(&server);
    let decide = |version: &str, decision: &str, number: u32| {
        let target = format!("/{version}/auditLogs/signIns/{decision}");
        post(&server, &target, &json!({ "requestIds": [id(number)] })).status
    };
    let risk = |number: u32| {
        let one = server.json(&format!("{USERS}/{}", id(9000 + number)));
        ["riskLevel", "riskState", "riskDetail"].map(|name| one[name].as_str().unwrap().to_owned())
    };
    assert_eq!(decide("beta", "confirmSafe", 5), 204);
    assert_eq!(risk(5), ["none", "confirmedSafe", "adminConfirmedSigninSafe"]);
    assert_eq!(decide("v1.0", "confirmCompromised", 0), 204);
    assert_eq!(risk(0), ["high", "atRisk", "adminConfirmedSigninCompromised"]);
    let detections = server.json(&format!("{DETECTIONS}?$filter=userId%20eq%20'{}'", id(9000)));
    let one = &detections["value"][0];
    assert_eq!((&one["requestId"], &one["ipAddress"]), (&json!(id(0)), &json!("203.0.113.0")));
    assert_eq!(decide("v1.0", "dismiss", 0), 204);
    assert_eq!(risk(0)[1], "dismissed");
    assert_eq!(decide("v1.0", "dismiss", 99), 404);
    assert_eq!(server.get("/beta/auditLogs/signIns/dismiss").status, 405);
}

#[test]
fn service_principals_and_agents_are_collections_of_their_own() {
    let server = Server::start();
    let subject =
        |kind, number: u32, name: &str| Subject { kind, id: id(number), name: name.to_owned() };
    tell(
        &server,
        &[
            about(TENANT, subject(SubjectKind::Workload, 8000, "worker"), 1, Level::Medium),
            about(TENANT, subject(SubjectKind::Agent, 8001, "helper"), 2, Level::High),
        ],
    );
    assert!(ids(&server.json(USERS)).is_empty());
    let page = server.json(PRINCIPALS);
    assert_eq!(ids(&page), [id(8000)]);
    let one = &page["value"][0];
    assert_eq!((&one["displayName"], &one["riskLevel"]), (&json!("worker"), &json!("medium")));
    assert!(one.get("accountEnabled").is_none() && one.get("userPrincipalName").is_none());
    let detections = server.json("/v1.0/identityProtection/servicePrincipalRiskDetections");
    let one = &detections["value"][0];
    assert_eq!(
        (&one["servicePrincipalId"], &one["activity"]),
        (&json!(id(8000)), &json!("servicePrincipal"))
    );
    assert_eq!(one["keyIds"], json!([]));
    let agents = server.json("/beta/identityProtection/riskyAgents");
    assert_eq!(agents["value"][0]["agentDisplayName"], "helper");
    let detections = server.json("/beta/identityProtection/agentRiskDetections");
    assert_eq!(detections["value"][0]["agentId"], id(8001));

    let body = json!({ "servicePrincipalIds": [id(8000)] });
    assert_eq!(post(&server, &format!("{PRINCIPALS}/confirmCompromised"), &body).status, 204);
    let wish = [("Prefer", "include-unknown-enum-members")];
    let target = format!("{PRINCIPALS}/{}", id(8000));
    let one = client::request(server.address, "GET", &target, &wish, b"").json();
    assert_eq!(one["riskDetail"], "adminConfirmedServicePrincipalCompromised");
    assert_eq!(post(&server, &format!("{PRINCIPALS}/dismiss"), &body).status, 204);
    assert_eq!(server.json(&target)["riskState"], "dismissed");
    assert_eq!(post(&server, &format!("{PRINCIPALS}/confirmSafe"), &body).status, 405);
    let body = json!({ "agentIds": [id(8001)] });
    assert_eq!(
        post(&server, "/beta/identityProtection/riskyAgents/confirmSafe", &body).status,
        204
    );
    assert_eq!(
        server.json(&format!("{}/{}", "/beta/identityProtection/riskyAgents", id(8001)))["riskState"],
        "confirmedSafe"
    );
}

#[test]
fn permissions_are_those_of_graph() {
    let server = Server::guarded();
    server.fill(&interactive(0..7));
    seven(&server);
    let missing = (403, "Authentication_MSGraphPermissionMissing".to_owned());
    let users = json!({ "userIds": [id(9001)] });
    let principals = json!({ "servicePrincipalIds": [id(9001)] });
    let plain = server.token("AuditLog.Read.All");
    assert_eq!(server.get_as(&plain, USERS).error(), missing);
    for name in ["IdentityRiskyUser.Read.All", "IdentityRiskEvent.Read.All", "read"] {
        let reader = server.token(name);
        assert_eq!(ids(&server.get_as(&reader, USERS).json()).len(), 7, "{name}");
        let refused = post_as(&server, &reader, &format!("{USERS}/dismiss"), &users);
        assert_eq!(refused.error(), missing, "{name}");
        assert!(refused.text().contains("IdentityRiskyUser.ReadWrite.All"), "{}", refused.text());
    }
    let writer = server.token("IdentityRiskyUser.ReadWrite.All");
    assert_eq!(post_as(&server, &writer, &format!("{USERS}/dismiss"), &users).status, 204);
    let refused = post_as(&server, &writer, &format!("{PRINCIPALS}/dismiss"), &principals);
    assert_eq!(refused.error(), missing, "users are no service principals");
    let sign_in = json!({ "requestIds": [id(2)] });
    let target = "/v1.0/auditLogs/signIns/confirmSafe";
    assert_eq!(post_as(&server, &writer, target, &sign_in).status, 404, "it does not see it");
    let both = server.token("IdentityRiskyUser.ReadWrite.All,AuditLog.Read.All");
    assert_eq!(post_as(&server, &both, target, &sign_in).status, 204);
    let denied = Query { action: Some(Action::Denied), ..Query::default() };
    assert!(server.journal.list(&denied).unwrap().len() >= 5, "refusals are written down");
}

fn listed(visitor: &Visitor<'_>) -> Vec<String> {
    ids(&visitor.ask("GET", USERS).json())
}

#[test]
fn nobody_sees_or_decides_beyond_their_scope() {
    let server = Server::guarded();
    seven(&server);
    tell(&server, &[finding("22222222-2222-4333-8444-555555555555", 20, Level::High)]);
    let scope = |users: &[&str]| Scope {
        users: users.iter().map(|&user| user.to_owned()).collect(),
        ..Scope::WHOLE
    };
    let of_tenant = Scope { tenants: vec![TENANT.to_owned()], ..Scope::WHOLE };
    let of_app = Scope { applications: vec![id(7000)], ..Scope::WHOLE };
    let operator =
        |name: &str, scope: Scope| server.visitor(name, &[Role::SecurityOperator], scope, None);
    assert_eq!(listed(&operator("whole", Scope::WHOLE)).len(), 8);
    assert_eq!(listed(&operator("tenant", of_tenant)).len(), 7);
    assert_eq!(listed(&operator("app", of_app)), [""; 0]);
    let two = id(9002);
    let few = operator("few", scope(&["user1@x.example", &two]));
    assert_eq!(listed(&few), [id(9002), id(9001)]);
    let detections = few.ask("GET", &format!("{DETECTIONS}?$count=true")).json();
    assert_eq!(detections["@odata.count"], 2);
    for (number, status) in [(1, 200), (3, 404), (20, 404)] {
        for end in ["", "/history"] {
            let target = format!("{USERS}/{}{end}", id(9000 + number));
            assert_eq!(few.ask("GET", &target).status, status, "{target}");
        }
    }
    let whole = server.token("read");
    let all = server.get_as(&whole, &format!("{DETECTIONS}?$filter=userId%20eq%20'{}'", id(9003)));
    let target = format!("{DETECTIONS}/{}", all.json()["value"][0]["id"].as_str().unwrap());
    assert_eq!((server.get_as(&whole, &target).status, few.ask("GET", &target).status), (200, 404));
    // Deciding, too.
    let scoped = server.token_for("IdentityRiskyUser.ReadWrite.All", scope(&[&id(9002)]));
    let target = format!("{USERS}/dismiss");
    let other = json!({ "userIds": [id(9002), id(9003)] });
    assert_eq!(post_as(&server, &scoped, &target, &other).status, 404);
    let own = json!({ "userIds": [id(9002)] });
    assert_eq!(post_as(&server, &scoped, &target, &own).status, 204);
    let state = |number: u32| {
        let target = format!("{USERS}/{}", id(9000 + number));
        server.get_as(&whole, &target).json()["riskState"].clone()
    };
    assert_eq!((state(2), state(3)), (json!("dismissed"), json!("atRisk")));
}

#[test]
fn masked_names_stay_masked() {
    let masked = durward_access::Mask { names: true, addresses: true };
    let server = Server::with_access(store_options(), config(), |access| {
        access.rules = Rules {
            masks: vec![(Role::SecurityReader, masked), (Role::SecurityOperator, masked)],
            ..Rules::default()
        };
    });
    server.fill(&interactive(0..7));
    seven(&server);
    let reader = server.visitor("reader", &[Role::SecurityReader], Scope::WHOLE, None);
    let ask = |target: &str| reader.ask("GET", target);
    let users = ask(USERS);
    assert_eq!(ids(&users.json()).len(), 7);
    let detections = ask(&DETECTIONS.replace("v1.0", "beta"));
    let pseudonym = ids(&users.json())[1].clone();
    let history = ask(&format!("{USERS}/{pseudonym}/history"));
    let detection = detections.json()["value"][0].clone();
    let one = ask(&format!("{DETECTIONS}/{}", detection["id"].as_str().unwrap()));
    for answer in [&users, &detections, &history, &one] {
        assert_eq!(answer.status, 200, "{}", answer.text());
        for secret in ["@x.example", "203.0.113", "Vigo", "00002329", "0000232d", "two places"] {
            assert!(!answer.text().contains(secret), "{secret} in {}", answer.text());
        }
    }
    assert_eq!(detection["additionalInfo"], Value::Null);
    assert!(detection["ipAddress"].as_str().unwrap().starts_with("ip-"));
    // The same pseudonym as in the log, to be asked for by it and by nothing else.
    let name = users.json()["value"][1]["userPrincipalName"].as_str().unwrap().to_owned();
    let log = ask("/v1.0/auditLogs/signIns?$select=userId,userPrincipalName").json();
    let pair = json!({ "userId": pseudonym, "userPrincipalName": name });
    assert!(log["value"].as_array().unwrap().contains(&pair), "{pair} in {log}");
    let filter = |text: &str| {
        ids(&ask(&format!("{USERS}?$filter={}", text.replace(' ', "%20"))).json()).len()
    };
    assert_eq!(filter(&format!("userPrincipalName eq '{name}'")), 1);
    assert_eq!(filter("userPrincipalName eq 'user5@x.example'"), 0);
    assert_eq!(ask(&format!("{USERS}/{}", id(9005))).status, 404);
    assert_eq!(ask(&format!("{USERS}/{pseudonym}")).status, 200);
    let operator = server.visitor("operator", &[Role::SecurityOperator], Scope::WHOLE, None);
    let answer = operator.ask("POST", "/v1.0/auditLogs/signIns/dismiss");
    assert_eq!(answer.status, 400, "the body comes first: {}", answer.text());
}

#[test]
fn risk_records_that_are_pushed_are_taken_over() {
    let server = Server::start();
    server.push(&[json!({
        "time": crate::fixture::time(0), "category": "RiskyUsers", "tenantId": TENANT,
        "properties": {
            "id": id(9001), "riskLevel": "medium", "riskState": "atRisk", "riskDetail": "none",
            "riskLastUpdatedDateTime": crate::fixture::time(0), "isDeleted": true,
            "userDisplayName": "One", "userPrincipalName": "user1@x.example",
        },
    })]);
    let watch = durward_detect::risk::RiskWatch::default();
    let now = durward_model::Timestamp::now().micros;
    assert_eq!(watch.refresh(&server.book, &server.store.view(), now).unwrap().records, 1);
    let one = server.json(&format!("{USERS}/{}", id(9001)));
    assert_eq!((&one["riskLevel"], &one["isDeleted"]), (&json!("medium"), &json!(true)));
    assert_eq!(one["userDisplayName"], "One");
}
