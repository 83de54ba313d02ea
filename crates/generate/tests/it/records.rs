//! What single records contain.

use super::{MONDAY, bench, days, tenant};
use durward_generate::{Log, Shape};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};

fn parse(json: &[u8]) -> Value {
    serde_json::from_slice(json).unwrap()
}

#[test]
fn diagnostic_records_have_their_members() {
    let tenant = tenant(60);
    for event in days(&tenant, 3) {
        let record = parse(&event.json);
        let properties = &record["properties"];
        assert!(!event.json.contains(&b'\n'));
        assert_eq!(record["category"], event.info.log.category());
        assert_eq!(record["tenantId"], tenant.id());
        assert_eq!(record["operationName"], "Sign-in activity");
        assert_eq!(record["time"], event.info.published.to_string());
        let created = event.info.created.to_string().replace('Z', "+00:00");
        assert_eq!(properties["createdDateTime"], created);
        assert_eq!(properties["id"], event.info.id.to_string());
        assert_eq!(properties["correlationId"], record["correlationId"]);
        let code = properties["status"]["errorCode"].as_i64().unwrap();
        assert_eq!(record["resultType"], code.to_string());
        assert_eq!(record.get("resultDescription").is_some(), code != 0);
        assert_eq!(properties["isInteractive"], event.info.log == Log::Interactive);
        assert_eq!(properties["uniqueTokenIdentifier"].as_str().unwrap().len(), 22);
        assert!(properties["appliedConditionalAccessPolicies"].is_array());
        match event.info.log {
            Log::ManagedIdentity => {
                assert_eq!(properties["ipAddress"], "");
                assert!(
                    record.get("callerIpAddress").is_none() && record.get("location").is_none()
                );
                assert!(properties["managedServiceIdentity"]["associatedResourceId"].is_string());
            }
            Log::ServicePrincipal => {
                assert!(properties["servicePrincipalName"].is_string());
                assert_eq!(record["callerIpAddress"], properties["ipAddress"]);
            }
            Log::Interactive | Log::NonInteractive => {
                assert_eq!(properties["signInEventTypes"][0], event.info.log.event_type());
                assert_eq!(record["identity"], properties["userDisplayName"]);
                let upn = properties["userPrincipalName"].as_str().unwrap();
                assert!(upn.ends_with(".example") && upn.is_ascii() && upn == upn.to_lowercase());
                assert!(
                    properties["deviceDetail"].is_object() && properties["userAgent"].is_string()
                );
                assert!(properties["autonomousSystemNumber"].is_i64());
                assert_eq!(record["location"], properties["location"]["countryOrRegion"]);
            }
        }
    }
}

#[test]
fn graph_objects_tell_the_same_as_diagnostic_records() {
    let tenant = tenant(40);
    let range = MONDAY..MONDAY.plus_days(1);
    let graph = tenant.events(range.clone()).shape(Shape::GraphBeta);
    for (diagnostic, graph) in tenant.events(range).zip(graph) {
        assert_eq!(diagnostic.info, graph.info);
        let (record, object) = (parse(&diagnostic.json), parse(&graph.json));
        let properties = &record["properties"];
        assert!(object.get("category").is_none());
        assert_eq!(object["signInEventTypes"][0], graph.info.log.event_type());
        for key in [
            "id",
            "correlationId",
            "appId",
            "ipAddress",
            "resourceId",
            "conditionalAccessStatus",
            "sessionId",
            "uniqueTokenIdentifier",
            "riskState",
            "isInteractive",
        ] {
            assert_eq!(object[key], properties[key], "{key}");
        }
        assert_eq!(object["status"]["errorCode"], properties["status"]["errorCode"]);
        let created = object["createdDateTime"].as_str().unwrap();
        assert_eq!(created.len(), "2026-03-02T00:00:00Z".len());
        assert!(properties["createdDateTime"].as_str().unwrap().starts_with(&created[..19]));
        if let Some(policy) = object["appliedConditionalAccessPolicies"].get(0) {
            assert!(policy["conditionsSatisfied"].is_string());
            let same = &properties["appliedConditionalAccessPolicies"][0];
            assert!(same["conditionsSatisfied"].is_i64() && same["result"] == policy["result"]);
        }
    }
}

#[test]
fn results_and_policies_agree() {
    let mut statuses = BTreeMap::new();
    let mut results = BTreeSet::new();
    for event in days(&tenant(100), 5) {
        let record = parse(&event.json);
        let properties = &record["properties"];
        let policies = properties["appliedConditionalAccessPolicies"].as_array().unwrap();
        let has = |result: &str| policies.iter().any(|policy| policy["result"] == result);
        let status = properties["conditionalAccessStatus"].as_str().unwrap();
        let expect = match (has("failure"), has("success")) {
            (true, _) => "failure",
            (false, true) => "success",
            (false, false) => "notApplied",
        };
        assert_eq!(status, expect);
        let code = properties["status"]["errorCode"].as_i64().unwrap();
        if code == 0 {
            assert_ne!(status, "failure", "{record}");
        }
        if matches!(code, 53000 | 53003) {
            assert_eq!(status, "failure", "{record}");
        }
        *statuses.entry(status.to_owned()).or_insert(0) += 1;
        results.extend(policies.iter().map(|policy| policy["result"].as_str().unwrap().to_owned()));
    }
    assert_eq!(statuses.len(), 3, "{statuses:?}");
    for result in [
        "success",
        "failure",
        "notApplied",
        "notEnabled",
        "reportOnlyFailure",
        "reportOnlyNotApplied",
    ] {
        assert!(results.contains(result), "{result}");
    }
}

#[test]
fn interrupts_lead_to_a_success_with_the_same_correlation() {
    let events = days(&bench(200), 7);
    let mut later: HashMap<String, BTreeSet<i64>> = HashMap::new();
    let mut codes = BTreeMap::new();
    let (mut interrupts, mut resolved) = (0, 0);
    for event in events.iter().rev() {
        let record = parse(&event.json);
        let code = record["properties"]["status"]["errorCode"].as_i64().unwrap();
        *codes.entry(code).or_insert(0) += 1;
        let after = later.entry(record["correlationId"].as_str().unwrap().to_owned()).or_default();
        if code == 50140 {
            interrupts += 1;
            resolved += i32::from(after.contains(&0));
        }
        after.insert(code);
    }
    assert!(interrupts >= 20 && resolved == interrupts, "{resolved} of {interrupts}");
    for code in [0, 50126, 50055, 50058, 50074, 50140, 50173, 65001, 70043, 70044, 700_082, 500_121]
    {
        assert!(codes.contains_key(&code), "{code} is missing: {codes:?}");
    }
    let successes = f64::from(codes[&0]) / events.len() as f64;
    assert!((0.9..0.99).contains(&successes), "{successes}");
}

#[test]
fn sessions_live_on_and_devices_keep_their_description() {
    let mut per_session: HashMap<String, BTreeSet<String>> = HashMap::new();
    let mut devices: HashMap<String, BTreeSet<String>> = HashMap::new();
    let mut hits = 0;
    for event in days(&tenant(60), 3) {
        let record = parse(&event.json);
        let properties = &record["properties"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let session = text(&properties["sessionId"]);
        if event.info.log == Log::NonInteractive && !session.is_empty() {
            per_session.entry(session).or_default().insert(text(&properties["userId"]));
            hits += 1;
        }
        let device = text(&properties["deviceDetail"]["deviceId"]);
        if !device.is_empty() {
            let system = text(&properties["deviceDetail"]["operatingSystem"]);
            devices.entry(device).or_default().insert(system);
        }
    }
    assert!(per_session.values().all(|users| users.len() == 1));
    assert!(hits > per_session.len() * 20, "{hits} in {}", per_session.len());
    assert!(devices.values().all(|systems| systems.len() == 1));
}
