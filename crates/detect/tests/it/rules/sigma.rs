//! Sigma rules: every feature, on records that match and on records that do not.

use durward_detect::rules::{Compiled, Placeholders, Source, Verdict, read_text};
use durward_query::{Budget, Engine, Filter, ListRequest, Order};
use serde_json::{Value, json};

use super::found;
use crate::story::{LAGOS, SignIn, Story, guid, record_of, user};

fn lists() -> Placeholders {
    let list = |name: &str, values: &[&str]| {
        (name.to_owned(), values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>())
    };
    Placeholders::new([list("Home", &["ES", "PT"]), list("Bad_Ip", &["192.0.2.66"])])
}

/// A rule for a service with this detection.
fn sigma_for(service: &str, detection: &str) -> Result<Compiled, String> {
    let yaml = format!(
        "title: Sample\nid: 1f5f0a3e-0000-4000-8000-000000000001\nlevel: high\n\
         logsource:\n    product: azure\n    service: {service}\ndetection:\n{detection}\n\
         falsepositives:\n    - Tests\n"
    );
    let mut rules = read_text("sample.yml".as_ref(), &yaml);
    assert_eq!(rules.len(), 1);
    let rule = rules.remove(0).map_err(|error| error.to_string())?;
    Compiled::new(rule, &lists()).map_err(|error| error.to_string())
}

fn sigma(detection: &str) -> Compiled {
    sigma_for("signinlogs", detection).unwrap()
}

/// How many of these records a detection finds.
fn count(detection: &str, told: &[SignIn]) -> usize {
    found(&Story::new(told), &sigma(detection)).len()
}

/// A record that a detection matches, and one that it does not.
fn tells_apart(detection: &str, yes: SignIn, no: SignIn) {
    assert_eq!(count(detection, std::slice::from_ref(&yes)), 1, "is to match: {detection}");
    assert_eq!(count(detection, std::slice::from_ref(&no)), 0, "is not to match: {detection}");
}

fn ana() -> SignIn {
    user("ana", 0)
}

#[test]
fn names_values_and_types_of_sign_ins() {
    let one = |test: &str| format!("    s:\n        {test}\n    condition: s");
    for (test, yes, no) in [
        ("ResultType: 50053", ana().code(50053), ana()),
        ("resulttype: '50053'", ana().code(50053), ana()),
        ("Status: Success", ana(), ana().code(50126)),
        ("Status: Sucess", ana(), ana().code(50126)),
        ("Status: failure", ana().code(50126), ana()),
        (
            "Status|contains: 'MFA Denied'",
            ana().code(500121).with("status/additionalDetails", "MFA denied; declined"),
            ana().code(500121),
        ),
        (
            "Resultdescription|contains: strong auth",
            ana().code(500121).with("status/failureReason", "Failed during strong authentication"),
            ana().code(500121),
        ),
        (
            "properties.authenticationRequirement: singleFactorAuthentication",
            ana().with("authenticationRequirement", "singleFactorAuthentication"),
            ana(),
        ),
        (
            "DeviceDetail.isCompliant: 'false'",
            ana().with("deviceDetail/isCompliant", false),
            ana().with("deviceDetail/isCompliant", true),
        ),
        ("DeviceDetail.trusttype: ''", ana(), ana().with("deviceDetail/trustType", "Hybrid")),
        ("DeviceDetail.trusttype: null", ana(), ana().with("deviceDetail/trustType", "Hybrid")),
        (
            "NetworkLocationDetails: '[]'",
            ana(),
            ana().with("networkLocationDetails", json!([{"networkType": "trustedNamedLocation"}])),
        ),
        ("Location: NG", ana().at(LAGOS), ana()),
        ("LocationDetails.city: lagos", ana().at(LAGOS), ana()),
        ("callerIpAddress: 192.0.2.66", ana().from("192.0.2.66"), ana()),
        ("ClientApp: IMAP4", ana().client("IMAP4"), ana()),
        ("userAgent|contains: axios", ana().with("userAgent", "Axios/1.6"), ana()),
        (
            "RiskEventTypes_V2: unfamiliarFeatures",
            ana().with("riskEventTypes_v2", json!(["unfamiliarFeatures", "other"])),
            ana(),
        ),
        (
            "appliedConditionalAccessPolicies.displayName: Block",
            ana().with("appliedConditionalAccessPolicies", json!([{"displayName": "Block"}])),
            ana(),
        ),
    ] {
        tells_apart(&one(test), yes, no);
    }
}

#[test]
fn modifiers_and_wildcards() {
    let agent = |text: &str| ana().with("userAgent", text);
    let one = |test: &str| format!("    s:\n        {test}\n    condition: s");
    for (test, yes, no) in [
        ("userAgent: 'azure*/?.1'", agent("AzureHound/v.1"), agent("AzureHound/v12")),
        ("userAgent|startswith: pyth", agent("Python-requests"), agent("a python")),
        ("userAgent|endswith: '2.31'", agent("python-requests/2.31"), agent("2.31 x")),
        ("userAgent|contains|all: [py, req]", agent("python-requests"), agent("python")),
        ("userAgent|re: '^py.*[0-9]$'", agent("python3"), agent("python")),
        ("userAgent|cased: Python", agent("Python"), agent("python")),
        ("userAgent|contains|cased: Pyth", agent("a Python"), agent("a python")),
        ("ipAddress|cidr: 198.51.100.0/24", ana().from("198.51.100.7"), ana()),
        ("ResultType|gte: 50000", ana().code(50126), ana()),
        ("ResultType|lt: 100", ana(), ana().code(50126)),
        (
            "DeviceDetail.deviceId|exists: true",
            ana().with("deviceDetail/deviceId", guid("d")),
            ana(),
        ),
        (
            "homeTenantId|fieldref: resourceTenantId",
            ana().with("homeTenantId", "a").with("resourceTenantId", "a"),
            ana().with("homeTenantId", "a").with("resourceTenantId", "b"),
        ),
        ("location|expand: '%Home%'", ana(), ana().at(LAGOS)),
        ("ipAddress|expand: '%BAD_IP%'", ana().from("192.0.2.66"), ana()),
    ] {
        tells_apart(&one(test), yes, no);
    }
}

#[test]
fn conditions() {
    let body = "    sel_a:\n        ResultType: 50126\n    sel_b:\n        location: NG\n    \
                flt:\n        userAgent|contains: friend\n    condition: ";
    let (plain, fails) = (ana(), ana().code(50126));
    let (far, both) = (ana().at(LAGOS), ana().code(50126).at(LAGOS));
    let friend = both.clone().with("userAgent", "a friend");
    let all = [plain, fails, far, both, friend];
    for (condition, expected) in [
        ("sel_a", [false, true, false, true, true]),
        ("sel_a and sel_b", [false, false, false, true, true]),
        ("sel_a or sel_b", [false, true, true, true, true]),
        ("1 of sel_*", [false, true, true, true, true]),
        ("all of sel_*", [false, false, false, true, true]),
        ("all of them", [false, false, false, false, true]),
        ("1 of them and not flt", [false, true, true, true, false]),
        ("not sel_a", [true, false, true, false, false]),
        ("not 1 of sel_*", [true, false, false, false, false]),
        ("(sel_a or sel_b) and not (sel_a and sel_b)", [false, true, true, false, false]),
    ] {
        for (record, wanted) in all.iter().zip(expected) {
            let found = count(&format!("{body}{condition}"), std::slice::from_ref(record));
            assert_eq!(found == 1, wanted, "{condition}: {record:?}");
        }
    }
}

#[test]
fn lists_of_maps_and_keywords() {
    let either = "    s:\n        - ResultType: 50126\n        - location: NG\n    condition: s";
    assert_eq!(count(either, &[ana().code(50126), ana().at(LAGOS), ana()]), 2);
    let keywords = "    s:\n        - hound\n        - 'lag*s'\n    condition: s";
    let hound = ana().with("userAgent", "azurehound");
    // A keyword is a part of a value, a pattern the whole of it.
    let found = count(keywords, &[ana().with("userAgent", "hound"), ana().at(LAGOS), ana()]);
    assert_eq!(found, 2);
    assert!(count(keywords, &[hound]) <= 1);
}

fn audit(properties: Value) -> SignIn {
    record_of("AuditLogs", 0, properties)
}

#[test]
fn audit_records() {
    let record = || {
        audit(json!({
            "id": guid("audit 1"),
            "activityDisplayName":
                "Update application \u{2013} Certificates and secrets management ",
            "category": "ApplicationManagement",
            "result": "success",
            "resultReason": "All went well",
            "loggedByService": "Core Directory",
            "initiatedBy": {"user": {"id": guid("ana"), "userPrincipalName": "ana@contoso.example",
                "ipAddress": "192.0.2.10"}},
            "targetResources": [{"type": "ServicePrincipal", "displayName": "Global Administrator",
                "modifiedProperties": [
                    {"displayName": "StrongAuthenticationRequirement", "oldValue": "[]",
                     "newValue": "[{\"RelyingParty\":\"*\",\"State\":0}]"},
                    {"displayName": "ConsentContext.IsAdminConsent", "newValue": "\"False\""}]}],
            "additionalDetails": [{"key": "additionalInfo", "value": "Recovered by device id"}],
        }))
    };
    let one = |test: &str| format!("    s:\n        {test}\n    condition: s");
    let story = Story::new(&[record()]);
    for test in [
        "properties.message: Update application \u{2013} Certificates and secrets management",
        "OperationName|startswith: update application",
        "ActivityDisplayName|contains: certificates",
        "Category: ApplicationManagement",
        "LoggedByService: core directory",
        "Status: Success",
        "Status: Sucess",
        "Status: All went well",
        "properties.result: success",
        "properties.targetResources|contains: administrator",
        "Target|contains: administrator",
        "TargetResources.displayName: Global Administrator",
        "targetResources.type: Service Principal",
        "TargetResources.ModifiedProperties.DisplayName: StrongAuthenticationRequirement",
        "TargetResources.ModifiedProperties.NewValue|contains: \"State\\\":0\"",
        "TargetResources.modifiedProperties|contains: ConsentContext",
        "ConsentContext.IsAdminConsent: 'false'",
        "additionalDetails.additionalInfo|contains: recovered",
        "properties.initiatedBy|contains: ana@contoso",
        "Initiatied.By|contains: ANA",
        "failure_status_reason: all went well",
    ] {
        let rule = sigma_for("auditlogs", &one(test)).unwrap();
        let findings = found(&story, &rule);
        assert_eq!(findings.len(), 1, "{test}");
        assert_eq!(findings[0].subject.name, "ana@contoso.example", "{test}");
        assert_eq!(findings[0].address, "192.0.2.10", "{test}");
        assert!(findings[0].risky.is_empty());
    }
    for test in [
        "properties.message: Update application",
        "Status: failure",
        "Category: AuditLogs",
        "shoe: x",
    ] {
        let rule = sigma_for("auditlogs", &one(test)).unwrap();
        assert!(found(&story, &rule).is_empty(), "{test}");
    }
}

#[test]
fn risk_records() {
    let story = Story::new(&[record_of(
        "UserRiskEvents",
        0,
        json!({
        "id": guid("risk 1"), "riskEventType": "tokenIssuerAnomaly", "riskLevel": "high",
        "userId": guid("ana"), "userPrincipalName": "ana@contoso.example",
        "ipAddress": "198.51.100.9"}),
    )]);
    let one = |value: &str| format!("    s:\n        riskEventType: '{value}'\n    condition: s");
    let findings = found(&story, &sigma_for("riskdetection", &one("tokenIssuerAnomaly")).unwrap());
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].subject.name, "ana@contoso.example");
    assert_eq!(findings[0].against, ["Tests"]);
    let other = sigma_for("riskdetection", &one("anonymizedIPAddress")).unwrap();
    assert!(found(&story, &other).is_empty());
}

#[test]
fn a_rule_says_when_it_cannot_load_or_fire() {
    let one = |test: &str| format!("    s:\n        {test}\n    condition: s");
    let verdict = |service: &str, detection: &str| {
        let rule = sigma_for(service, detection).unwrap();
        rule.sigma().unwrap().verdict().clone()
    };
    let mute = |reason: &str| Verdict::CannotFire(reason.to_owned());
    assert_eq!(
        verdict("signinlogs", &one("properties.message: Device Code")),
        mute("the sign-in log has no field properties.message")
    );
    let either = "    a:\n        shoe: 1\n    b:\n        ResultType: 0\n    condition: a or b";
    assert_eq!(verdict("signinlogs", either), Verdict::CanFire);
    let without =
        "    a:\n        shoe: 1\n    b:\n        ResultType: 0\n    condition: b and not a";
    assert_eq!(verdict("signinlogs", without), Verdict::CanFire);
    assert_eq!(verdict("signinlogs", &one("shoe: null")), Verdict::CanFire);
    let Verdict::CannotFire(reason) = verdict("pim", &one("riskEventType: x")) else { panic!() };
    assert!(reason.contains("Privileged Identity Management"));

    let refused = |service: &str, detection: &str| sigma_for(service, detection).unwrap_err();
    for (service, detection, complaint) in [
        ("activitylogs", one("a: b"), "activitylogs"),
        ("sysmon", one("a: b"), "sysmon"),
        ("signinlogs", one("location|expand: '%Nowhere%'"), "%Nowhere%"),
        ("signinlogs", one("location|frobnicate: x"), "frobnicate"),
        ("signinlogs", one("userAgent|re: '('"), "regex"),
        (
            "signinlogs",
            "    s:\n        ResultType: 1\n    condition: s | count(user) by ip > 10".to_owned(),
            "shape",
        ),
        ("signinlogs", "    s:\n        ResultType: 1".to_owned(), "condition"),
    ] {
        let said = refused(service, &detection);
        assert!(said.to_lowercase().contains(&complaint.to_lowercase()), "{complaint}: {said}");
    }
    let broken = read_text("x.yml".as_ref(), "title: [\n");
    assert!(broken[0].is_err());
    let correlation = "title: c\ncorrelation:\n    type: event_count\n    rules: [a]\n    \
        group-by: [u]\n    timespan: 1h\n    condition:\n        gte: 10\n";
    let correlated = read_text("x.yml".as_ref(), correlation);
    assert!(correlated[0].as_ref().unwrap_err().to_string().contains("correlation"));
}

#[test]
fn a_file_may_hold_several_rules() {
    let rule = |title: &str| {
        format!(
            "title: {title}\nlogsource: {{product: azure, service: signinlogs}}\n\
             detection:\n    s:\n        ResultType: 0\n    condition: s\n"
        )
    };
    let text = format!("{}---\n{}", rule("One two"), rule("Three"));
    let rules = read_text("x.yaml".as_ref(), &text);
    let ids: Vec<_> = rules.iter().map(|rule| rule.as_ref().unwrap().id.as_str()).collect();
    assert_eq!(ids, ["one-two", "three"]);
    let Source::Sigma { yaml, .. } = &rules[1].as_ref().unwrap().source else { panic!() };
    assert_eq!(*yaml, rule("Three"));
}

/// What a rule finds when the library sees every record.
#[test]
fn the_prefilter_never_loses_a_match() {
    let agents = ["azurehound/1", "Axios", "", "\u{c4}rger", "STRASSE", "a*b"];
    let mut told = Vec::new();
    for (index, agent) in agents.iter().enumerate() {
        for code in [0, 50126, 50053] {
            for requirement in ["singleFactorAuthentication", "multiFactorAuthentication"] {
                told.push(
                    user("ana", index as i64)
                        .code(code)
                        .with("userAgent", *agent)
                        .with("authenticationRequirement", requirement)
                        .with("deviceDetail/isCompliant", index % 2 == 0),
                );
            }
        }
    }
    let story = Story::new(&told);
    let (engine, view) = (Engine::new(), story.store().view());
    let tests = [
        "userAgent|contains: hound",
        "userAgent: ''",
        "userAgent: [axios, null]",
        "userAgent: 'a\\*b'",
        "userAgent: 'a?b'",
        "userAgent: '*zure*'",
        "userAgent|re: 'x'",
        "userAgent|contains: \u{e4}rg",
        "userAgent|neq: axios",
        "userAgent|contains|all: [a, x]",
        "ResultType: 50126",
        "ResultType: [0, '50053']",
        "ResultType|gt: 0",
        "ResultType|neq: 0",
        "Status: Success",
        "Status: [Failure, x]",
        "Status|contains: e",
        "DeviceDetail.isCompliant: 'false'",
        "DeviceDetail.isCompliant: true",
        "DeviceDetail.isCompliant: 'no'",
        "AuthenticationRequirement|startswith: single",
        "AuthenticationRequirement|endswith: Authentication",
        "ResultDescription: ''",
    ];
    let mut narrowed = 0;
    for first in tests {
        for second in tests {
            for condition in ["a", "a and b", "a or b", "a and not b", "1 of *", "not a"] {
                let rule = sigma(&format!(
                    "    a:\n        {first}\n    b:\n        {second}\n    condition: {condition}"
                ));
                let prefilter = rule.sigma().unwrap().prefilter().clone();
                narrowed += usize::from(prefilter != Filter::All);
                let rows = |filter| {
                    let request = ListRequest {
                        filter,
                        logs: rule.sigma().unwrap().logs().to_vec(),
                        order: Order::OldestFirst,
                        limit: 1000,
                        after: None,
                    };
                    engine.list(&view, &request, &Budget::unlimited()).unwrap().rows
                };
                let kept = rows(prefilter.clone());
                for row in rows(Filter::All) {
                    if rule.sigma().unwrap().matches_row(&view, row).unwrap() {
                        assert!(kept.contains(&row), "{first} {condition} {second}: {prefilter:?}");
                    }
                }
            }
        }
    }
    assert!(narrowed > 1000, "the filters say something: {narrowed}");
}
