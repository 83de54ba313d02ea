//! Every route with every role, against a table written down here once more; and every way into
//! the log, for callers who may see a part of it.

use durward_access::{Role, Scope};
use serde_json::{Value, json};

use crate::client::{self, Answer};
use crate::fixture::{INTERACTIVE, NON_INTERACTIVE, Server, id, ids, interactive, record};
use crate::visitor::TENANT;

/// Who is let in: GA, SA, SO, SR, GR, RR, CA, HD, user.
const EVERYBODY: &str = "yyyyyyyyy";
const READERS: &str = "yyyyyy-y-";
const RECORDS: &str = "yyyyyy---";
const SECURITY: &str = "yy-------";
const METRICS: &str = "yyyyy----";
const RISK: &str = "yyyyy----";
const DECIDERS: &str = "yyy------";
/// Also for those who are not signed in.
const OPEN: &str = "open";

/// What the documentation says of each route. A route that is not here fails the test.
const ROUTES: &[(&str, &str)] = &[
    ("GET /v1.0/auditLogs/signIns", EVERYBODY),
    ("GET /v1.0/auditLogs/signIns/{id}", EVERYBODY),
    ("GET /beta/auditLogs/signIns", EVERYBODY),
    ("GET /beta/auditLogs/signIns/{id}", EVERYBODY),
    ("GET /beta/auditLogs/{function}", EVERYBODY),
    ("GET /v1.0/identityProtection/riskyUsers", RISK),
    ("GET /v1.0/identityProtection/riskyUsers/{id}", RISK),
    ("GET /v1.0/identityProtection/riskyUsers/{id}/history", RISK),
    ("GET /v1.0/identityProtection/riskyUsers/{id}/history/{item}", RISK),
    ("POST /v1.0/identityProtection/riskyUsers/confirmCompromised", DECIDERS),
    ("POST /v1.0/identityProtection/riskyUsers/confirmSafe", DECIDERS),
    ("POST /v1.0/identityProtection/riskyUsers/dismiss", DECIDERS),
    ("GET /v1.0/identityProtection/riskyServicePrincipals", RISK),
    ("GET /v1.0/identityProtection/riskyServicePrincipals/{id}", RISK),
    ("GET /v1.0/identityProtection/riskyServicePrincipals/{id}/history", RISK),
    ("GET /v1.0/identityProtection/riskyServicePrincipals/{id}/history/{item}", RISK),
    ("POST /v1.0/identityProtection/riskyServicePrincipals/confirmCompromised", DECIDERS),
    ("POST /v1.0/identityProtection/riskyServicePrincipals/dismiss", DECIDERS),
    ("GET /v1.0/identityProtection/riskDetections", RISK),
    ("GET /v1.0/identityProtection/riskDetections/{id}", RISK),
    ("GET /v1.0/identityProtection/servicePrincipalRiskDetections", RISK),
    ("GET /v1.0/identityProtection/servicePrincipalRiskDetections/{id}", RISK),
    ("POST /v1.0/auditLogs/signIns/confirmCompromised", DECIDERS),
    ("POST /v1.0/auditLogs/signIns/confirmSafe", DECIDERS),
    ("POST /v1.0/auditLogs/signIns/dismiss", DECIDERS),
    ("GET /beta/identityProtection/riskyUsers", RISK),
    ("GET /beta/identityProtection/riskyUsers/{id}", RISK),
    ("GET /beta/identityProtection/riskyUsers/{id}/history", RISK),
    ("GET /beta/identityProtection/riskyUsers/{id}/history/{item}", RISK),
    ("POST /beta/identityProtection/riskyUsers/confirmCompromised", DECIDERS),
    ("POST /beta/identityProtection/riskyUsers/confirmSafe", DECIDERS),
    ("POST /beta/identityProtection/riskyUsers/dismiss", DECIDERS),
    ("GET /beta/identityProtection/riskyServicePrincipals", RISK),
    ("GET /beta/identityProtection/riskyServicePrincipals/{id}", RISK),
    ("GET /beta/identityProtection/riskyServicePrincipals/{id}/history", RISK),
    ("GET /beta/identityProtection/riskyServicePrincipals/{id}/history/{item}", RISK),
    ("POST /beta/identityProtection/riskyServicePrincipals/confirmCompromised", DECIDERS),
    ("POST /beta/identityProtection/riskyServicePrincipals/dismiss", DECIDERS),
    ("GET /beta/identityProtection/riskDetections", RISK),
    ("GET /beta/identityProtection/riskDetections/{id}", RISK),
    ("GET /beta/identityProtection/servicePrincipalRiskDetections", RISK),
    ("GET /beta/identityProtection/servicePrincipalRiskDetections/{id}", RISK),
    ("POST /beta/auditLogs/signIns/confirmCompromised", DECIDERS),
    ("POST /beta/auditLogs/signIns/confirmSafe", DECIDERS),
    ("POST /beta/auditLogs/signIns/dismiss", DECIDERS),
    ("GET /beta/identityProtection/riskyAgents", RISK),
    ("GET /beta/identityProtection/riskyAgents/{id}", RISK),
    ("GET /beta/identityProtection/riskyAgents/{id}/history", RISK),
    ("GET /beta/identityProtection/riskyAgents/{id}/history/{item}", RISK),
    ("POST /beta/identityProtection/riskyAgents/confirmCompromised", DECIDERS),
    ("POST /beta/identityProtection/riskyAgents/confirmSafe", DECIDERS),
    ("POST /beta/identityProtection/riskyAgents/dismiss", DECIDERS),
    ("GET /beta/identityProtection/agentRiskDetections", RISK),
    ("GET /beta/identityProtection/agentRiskDetections/{id}", RISK),
    ("GET /api/security/sign-in-logs", EVERYBODY),
    ("GET /api/security/sign-in-logs/summary", EVERYBODY),
    ("GET /api/security/sign-in-logs/export", EVERYBODY),
    ("POST /api/security/sign-in-logs/export", EVERYBODY),
    ("GET /api/security/sign-in-logs/{id}", EVERYBODY),
    ("GET /api/security/sign-in-logs/{id}/original", EVERYBODY),
    ("GET /api/security/sign-in-logs/{id}/revisions", EVERYBODY),
    ("GET /api/security/reported", READERS),
    ("GET /api/alerts", RISK),
    ("PATCH /api/alerts", DECIDERS),
    ("GET /api/alerts/{number}", RISK),
    ("PATCH /api/alerts/{number}", DECIDERS),
    ("GET /api/alerts/suppressions", RISK),
    ("POST /api/alerts/suppressions", DECIDERS),
    ("DELETE /api/alerts/suppressions/{number}", DECIDERS),
    ("GET /api/alerts/channels", RISK),
    ("POST /api/alerts/channels/{name}/test", DECIDERS),
    ("GET /api/alerts/deliveries", RISK),
    ("POST /api/alerts/deliveries/{number}/retry", DECIDERS),
    ("POST /api/ingest/diagnostic", SECURITY),
    ("POST /api/ingest/graph", SECURITY),
    ("GET /api/access-log", SECURITY),
    ("GET /api/access-log/export", SECURITY),
    ("GET /access-log", SECURITY),
    ("GET /metrics", METRICS),
    ("GET /", READERS),
    ("GET /overview/{panel}", READERS),
    ("GET /completeness", READERS),
    ("GET /completeness/chip", READERS),
    ("GET /range", READERS),
    ("GET /map", READERS),
    ("GET /protection", RISK),
    ("GET /protection/users", RISK),
    ("GET /protection/users/{id}", RISK),
    ("GET /protection/workloads", RISK),
    ("GET /protection/workloads/{id}", RISK),
    ("GET /protection/sign-ins", RISK),
    ("GET /protection/detections", RISK),
    ("GET /protection/detections/{id}", RISK),
    ("GET /protection/decide", DECIDERS),
    ("POST /protection/decide", DECIDERS),
    ("GET /search", READERS),
    ("GET /search/suggest", READERS),
    ("GET /signins", READERS),
    ("GET /signins/cell", READERS),
    ("GET /signins/columns", READERS),
    ("GET /signins/facet", READERS),
    ("GET /signins/filter", READERS),
    ("GET /signins/filter/set", READERS),
    ("GET /signins/members", READERS),
    ("GET /signins/query", READERS),
    ("GET /signins/rows", READERS),
    ("GET /signins/values", READERS),
    ("GET /signins/{id}", READERS),
    ("GET /signins/{id}/related", READERS),
    ("GET /signins/{id}/step", READERS),
    ("GET /compare", READERS),
    ("GET /diagnose", READERS),
    ("GET /diagnose/bundle", READERS),
    ("GET /attempts/{id}", READERS),
    ("GET /sessions/{sid}", READERS),
    ("GET /errors", READERS),
    ("GET /errors/{code}", READERS),
    ("GET /audit", RECORDS),
    ("GET /audit/{id}", RECORDS),
    ("GET /provisioning", RECORDS),
    ("GET /provisioning/{id}", RECORDS),
    ("GET /users", READERS),
    ("GET /users/{id}", READERS),
    ("GET /apps", READERS),
    ("GET /apps/{id}", READERS),
    ("GET /resources", READERS),
    ("GET /resources/{id}", READERS),
    ("GET /workloads", READERS),
    ("GET /workloads/{id}", READERS),
    ("GET /ips", READERS),
    ("GET /ips/{id}", READERS),
    ("GET /ips/{id}/{length}", READERS),
    ("GET /asn/{id}", READERS),
    ("GET /devices", READERS),
    ("GET /devices/{id}", READERS),
    ("GET /signins/live", READERS),
    ("GET /detections", RISK),
    ("GET /detections/{id}", RISK),
    ("POST /detections/{id}", SECURITY),
    ("POST /detections/{id}/switch", SECURITY),
    ("POST /detections/{id}/reset", SECURITY),
    ("GET /detections/{id}/backtest", SECURITY),
    ("POST /detections/{id}/backtest", SECURITY),
    ("POST /detections/{id}/backtest/cancel", SECURITY),
    ("GET /alerts", RISK),
    ("POST /alerts", DECIDERS),
    ("GET /alerts/{id}", RISK),
    ("POST /alerts/{id}", DECIDERS),
    ("POST /alerts/{id}/check", DECIDERS),
    ("POST /alerts/{id}/suppress", DECIDERS),
    ("GET /alerts/channels", RISK),
    ("POST /alerts/channels/test", SECURITY),
    ("GET /alerts/suppressions", RISK),
    ("POST /alerts/suppressions/end", DECIDERS),
    ("POST /alerts/deliveries/retry", DECIDERS),
    ("GET /rules", RISK),
    ("POST /rules", SECURITY),
    ("GET /rules/{id}", RISK),
    ("GET /rules/new", SECURITY),
    ("GET /rules/import", SECURITY),
    ("POST /rules/import", SECURITY),
    ("POST /rules/import/backtest", SECURITY),
    ("POST /rules/import/save", SECURITY),
    ("GET /rules/backtest", SECURITY),
    ("POST /rules/backtest", SECURITY),
    ("POST /rules/backtest/cancel", SECURITY),
    ("POST /rules/{id}/switch", SECURITY),
    ("POST /rules/{id}/remove", SECURITY),
    ("GET /views", READERS),
    ("POST /views", EVERYBODY),
    ("POST /views/delete", EVERYBODY),
    ("GET /api/views", EVERYBODY),
    ("GET /download", READERS),
    ("GET /download/progress", READERS),
    ("GET /download/manifest", READERS),
    ("GET /reported", READERS),
    ("GET /me", EVERYBODY),
    ("POST /me/feedback", EVERYBODY),
    ("GET /account", EVERYBODY),
    ("POST /account/sessions/end", EVERYBODY),
    ("POST /account/tokens", EVERYBODY),
    ("POST /account/tokens/revoke", EVERYBODY),
    ("POST /account/password", EVERYBODY),
    ("GET /account/authenticator", EVERYBODY),
    ("POST /account/authenticator", EVERYBODY),
    ("GET /api/me", EVERYBODY),
    ("GET /api/openapi.json", OPEN),
    ("GET /healthz", OPEN),
    ("GET /readyz", OPEN),
    ("GET /assets/{name}", OPEN),
    ("GET /sign-in", OPEN),
    ("POST /sign-in", OPEN),
    ("GET /sign-in/code", OPEN),
    ("POST /sign-in/code", OPEN),
    ("GET /sign-in/provider", OPEN),
    ("GET /sign-in/callback", OPEN),
    ("POST /sign-out", OPEN),
    ("GET /signed-out", OPEN),
    ("GET /welcome/{link}", OPEN),
    ("POST /welcome/{link}", OPEN),
    ("POST /{tenant}/oauth2/v2.0/token", OPEN),
    ("POST /{tenant}/oauth2/token", OPEN),
    ("GET /{tenant}/v2.0/.well-known/openid-configuration", OPEN),
    ("GET /{tenant}/discovery/v2.0/keys", OPEN),
];

/// An address of a route.
fn target(path: &str) -> String {
    path.replace("{id}", &id(3))
        .replace("{function}", "getSummarizedNonInteractiveSignIns(aggregationWindow='h1')")
        .replace("{item}", "x")
        .replace("{length}", "24")
        .replace("{link}", "x")
        // A stream that is given never ends; a question that cannot be asked is answered.
        .replace("/signins/live", "/signins/live?t=never")
        .replace("{name}", "durward.js")
        .replace("{number}", "1")
        .replace("{panel}", "apps")
        .replace("{sid}", "x")
        .replace("{code}", "50126")
        .replace("{tenant}", TENANT)
}

/// Are they let in? What the route then says of the request does not matter.
fn is_let_in(answer: &Answer) -> bool {
    !matches!(answer.status, 401 | 403)
}

#[test]
fn every_route_lets_in_whom_the_table_says() {
    let server = Server::guarded();
    server.fill(&interactive(0..20));
    let people = Role::ALL.map(|role| {
        let name = role.name().replace(' ', "-");
        (role, server.visitor(&name, &[role], Scope::WHOLE, Some(3)).person)
    });
    let document = durward_server::openapi_document();
    let mut walked = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let method = method.to_uppercase();
            let route = format!("{method} {path}");
            let expected = ROUTES.iter().find(|(known, _)| *known == route);
            let (_, expected) = expected.unwrap_or_else(|| panic!("{route} is not in the table"));
            walked += 1;
            if *expected == OPEN {
                continue;
            }
            for ((role, person), admitted) in people.iter().zip(expected.chars()) {
                // A session of its own: some routes end sessions.
                let visitor = server.session_of(person.clone());
                let answer = visitor.ask(&method, &target(path));
                assert_eq!(
                    is_let_in(&answer),
                    admitted == 'y',
                    "{route} as {role}: {} {}",
                    answer.status,
                    answer.text()
                );
                if admitted != 'y' {
                    let code = "Authentication_RequestFromUnsupportedUserRole".to_owned();
                    assert_eq!(answer.error(), (403, code), "{route} as {role}");
                }
            }
            let json = [("Content-Type", "application/json")];
            let stranger = client::request(server.address, &method, &target(path), &json, b"{}");
            assert_eq!(stranger.status, 401, "{route}: {}", stranger.text());
            assert_eq!(stranger.error().1, "InvalidAuthenticationToken", "{route}");
            assert!(stranger.header("www-authenticate").unwrap().starts_with("Bearer"), "{route}");
        }
    }
    assert_eq!(walked, ROUTES.len(), "the table has routes that are gone");
}

/// Everything that ways into the log give a caller, as one text, and the identifiers of lists.
fn everything(ask: &dyn Fn(&str) -> Answer) -> (String, Vec<String>) {
    let (mut text, mut found) = (String::new(), Vec::new());
    for target in [
        "/v1.0/auditLogs/signIns",
        "/beta/auditLogs/signIns?$count=true",
        "/api/security/sign-in-logs?limit=1000&type=all&count=true",
    ] {
        let answer = ask(target);
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        found.extend(ids(&answer.json()));
        text.push_str(answer.text());
    }
    for number in 0..70 {
        for path in ["/beta/auditLogs/signIns/", "/api/security/sign-in-logs/"] {
            for end in ["", "/original", "/revisions"] {
                if end.is_empty() || path.starts_with("/api") {
                    text.push_str(ask(&format!("{path}{}{end}", id(number))).text());
                }
            }
        }
    }
    for target in [
        "/beta/auditLogs/getSummarizedNonInteractiveSignIns(aggregationWindow='d1')",
        "/api/security/sign-in-logs/summary?by=hour,userPrincipalName,userId,ipAddress&top=1000",
    ] {
        text.push_str(ask(target).text());
    }
    for format in ["csv", "json", "ndjson", "original"] {
        let answer = ask(&format!("/api/security/sign-in-logs/export?format={format}"));
        assert!(matches!(answer.status, 200 | 403), "{}", answer.text());
        text.push_str(answer.text());
    }
    (text, found)
}

fn count(ask: &dyn Fn(&str) -> Answer, odata: &str) -> (u16, Value) {
    let mut target = String::from("/beta/auditLogs/signIns?$count=true&$top=1&$filter=");
    for byte in odata.bytes() {
        target.push_str(&format!("%{byte:02X}"));
    }
    let answer = ask(&target);
    (answer.status, answer.json()["@odata.count"].clone())
}

/// Sign-ins of seven users, with a policy in each.
fn records() -> Vec<Value> {
    let numbers = (0..70).map(|number| {
        let log = if number % 2 == 0 { INTERACTIVE } else { NON_INTERACTIVE };
        let mut record = record(number, i64::from(number), log);
        record["properties"]["appliedConditionalAccessPolicies"] = json!([
            { "id": id(4000), "displayName": "Quokka policy", "result": "success" }
        ]);
        record
    });
    numbers.collect()
}

#[test]
fn a_plain_user_gets_their_own_rows_by_every_door() {
    let server = Server::guarded();
    server.fill(&records());
    let visitor = server.visitor("plain", &[], Scope::WHOLE, Some(2));
    let ask = |target: &str| visitor.ask("GET", target);
    let (text, found) = everything(&ask);
    assert!(!found.is_empty());
    for number in 0..70 {
        let (own, event) = (number % 7 == 2, id(number));
        assert_eq!(found.contains(&event), own, "{number}");
        // An identifier that is asked for is repeated in the answer that there is none.
        let given = text.matches(&format!("\"{event}\"")).count();
        assert_eq!(given > 0, own, "{number} is in {given} answers");
    }
    for other in [0, 1, 3, 4, 5, 6] {
        assert!(!text.contains(&format!("user{other}@x.example")), "user {other} shows");
        assert!(!text.contains(&id(9000 + other)), "user {other} shows");
    }
    assert!(text.contains("user2@x.example") && !text.contains("Quokka"));
    assert_eq!(count(&ask, "userPrincipalName eq 'user3@x.example'"), (200, 0.into()));
    assert_eq!(count(&ask, "not (userPrincipalName eq 'user2@x.example')"), (200, 0.into()));
    assert_eq!(count(&ask, "userPrincipalName ne 'user3@x.example'"), (200, 5.into()));
    assert_eq!(count(&ask, "signInEventTypes/any(t: t ne 'managedIdentity')"), (200, 10.into()));
    let policy = "appliedConditionalAccessPolicies/any(p: p/displayName eq 'Quokka policy')";
    assert_eq!(count(&ask, policy).0, 403, "counting would tell");
}

#[test]
fn conditional_access_details_take_the_right_to_them() {
    let server = Server::guarded();
    server.fill(&records());
    let policy = "appliedConditionalAccessPolicies/any(p: p/displayName eq 'Quokka policy')";
    for (role, sees) in [
        (Role::ReportsReader, false),
        (Role::SecurityOperator, false),
        (Role::HelpdeskAdministrator, false),
        (Role::SecurityReader, true),
    ] {
        let name = role.name().replace(' ', "-");
        let visitor = server.visitor(&name, &[role], Scope::WHOLE, None);
        let ask = |target: &str| visitor.ask("GET", target);
        let (text, found) = everything(&ask);
        assert!(found.len() > 70, "{role}");
        assert_eq!(text.contains("Quokka"), sees, "{role}");
        assert_eq!(text.contains("appliedConditionalAccessPolicies\":"), sees, "omitted, not null");
        assert!(text.contains("conditionalAccessStatus"), "{role}");
        assert_eq!(count(&ask, policy).0, if sees { 200 } else { 403 }, "{role}");
        let page = visitor.get(&format!("/signins/{}?tab=ca", id(4)));
        assert_eq!((page.status, page.text().contains("Quokka")), (200, sees), "{role}");
    }
    // Two roles together: one shows the sign-ins, the other the policies.
    let both = [Role::ReportsReader, Role::ConditionalAccessAdministrator];
    let visitor = server.visitor("both", &both, Scope::WHOLE, None);
    let one = visitor.ask("GET", &format!("/beta/auditLogs/signIns/{}", id(4)));
    assert!(one.text().contains("Quokka"), "{}", one.text());
}

#[test]
fn a_token_of_one_tenant_never_sees_another() {
    const OTHER: &str = "99999999-2222-4333-8444-555555555555";
    let server = Server::guarded();
    let mut all = records();
    for (number, record) in all.iter_mut().enumerate().filter(|(number, _)| number % 3 == 0) {
        record["tenantId"] = OTHER.into();
        record["resourceId"] = format!("/tenants/{OTHER}/providers/Microsoft.aadiam").into();
        record["properties"]["userPrincipalName"] = format!("other{number}@y.example").into();
    }
    server.fill(&all);
    let scope = Scope { tenants: vec![TENANT.to_owned()], ..Scope::WHOLE };
    let token = server.token_for("read", scope.clone());
    let ask = |target: &str| server.get_as(&token, target);
    let (text, found) = everything(&ask);
    for number in 0..70 {
        assert_eq!(found.contains(&id(number)), number % 3 != 0, "{number}");
    }
    assert!(!text.contains("y.example") && !text.contains(OTHER));
    assert_eq!(count(&ask, "startsWith(userPrincipalName,'other')"), (200, 0.into()));
    // It may push for its tenant only.
    let bearer = format!("Bearer {}", server.token_for("ingest", scope));
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let body = crate::fixture::lines(&all[..6]);
    let answer = client::request(server.address, "POST", "/api/ingest/diagnostic", &headers, &body);
    let counts = answer.json();
    assert_eq!(
        (answer.status, &counts["known"], &counts["rejectedCount"]),
        (202, &4.into(), &2.into())
    );
    assert_eq!(counts["rejected"][0]["field"], "tenantId");
}

#[test]
fn programs_hear_what_permission_they_lack() {
    let server = Server::guarded();
    server.fill(&records());
    let missing = "Authentication_MSGraphPermissionMissing".to_owned();
    let refused = server.get_as(&server.token("ingest"), "/v1.0/auditLogs/signIns");
    assert_eq!(refused.error(), (403, missing.clone()));
    assert!(refused.text().contains("AuditLog.Read.All"), "{}", refused.text());
    let plain = server.get_as(&server.token("AuditLog.Read.All"), "/v1.0/auditLogs/signIns");
    assert!(plain.status == 200 && !plain.text().contains("Quokka"));
    let more = server.token("AuditLog.Read.All,Policy.Read.ConditionalAccess");
    assert!(server.get_as(&more, "/v1.0/auditLogs/signIns").text().contains("Quokka"));
    let reader = format!("Bearer {}", server.token("read"));
    let headers = [("Authorization", reader.as_str()), ("Content-Type", "application/json")];
    let pushed = client::request(server.address, "POST", "/api/ingest/graph", &headers, b"[]");
    assert_eq!(pushed.error(), (403, missing));
    for wrong in ["Bearer dwd_unknown", "Bearer eyJhbGciOiJub25lIn0.e30.", "Basic eDp5", "Bearer "]
    {
        let headers = [("Authorization", wrong)];
        let answer =
            client::request(server.address, "GET", "/v1.0/auditLogs/signIns", &headers, b"");
        assert_eq!(answer.error(), (401, "InvalidAuthenticationToken".to_owned()), "{wrong}");
    }
}

#[test]
fn sessions_survive_a_restart_and_revoked_tokens_do_not_wait_for_one() {
    let server = Server::guarded();
    let token = server.token("read");
    assert_eq!(server.get_as(&token, "/api/me").status, 200);
    // Another process on the same data directory, such as the command line.
    let beside = server.beside();
    let named = beside.tokens(None).unwrap().into_iter().find(|one| one.permissions == ["read"]);
    assert!(beside.revoke_token(&named.unwrap().id, durward_model::Timestamp::now()).unwrap());
    assert_eq!(server.get_as(&token, "/api/me").status, 401);

    let visitor = server.visitor("lasting", &[Role::GlobalReader], Scope::WHOLE, None);
    let cookie = visitor.cookie_value().to_owned();
    let found = beside.check_session(&cookie, durward_model::Timestamp::now()).unwrap();
    assert_eq!(found.unwrap().person, visitor.person.id, "it is on disk, not in the process");
    beside.set_disabled(&visitor.person.id, true).unwrap();
    assert_eq!(visitor.ask("GET", "/api/me").status, 401);
}
