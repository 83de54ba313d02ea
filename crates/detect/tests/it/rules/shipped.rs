//! The rules that come with durward: each on records that it is for, and on their neighbours that
//! it is not for.

use std::collections::BTreeSet;
use std::path::Path;

use durward_detect::rules::{Compiled, Placeholders, Verdict, shipped};
use serde_json::{Value, json};

use super::found;
use crate::story::{SignIn, Story, guid, record_of, user, workload};

const BROKER: &str = "29d9ed98-a469-4536-ade2-f981bc1d605e";

fn ready(name: &str, lists: &[(&str, &str)]) -> Compiled {
    let lists = lists.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()]));
    let one = shipped().iter().find(|shipped| shipped.name == name).unwrap();
    Compiled::new(one.rule().unwrap(), &Placeholders::new(lists)).unwrap()
}

/// A rule finds each of some records by itself, and none of others.
fn tells_apart(rule: &Compiled, these: &[SignIn], others: &[SignIn]) {
    for (records, expected) in [(these, 1), (others, 0)] {
        for record in records {
            let story = Story::new(std::slice::from_ref(record));
            let findings = found(&story, rule);
            assert_eq!(findings.len(), expected, "{}: {record:?}", rule.rule().id);
        }
    }
}

#[test]
fn all_files_are_shipped_and_sound() {
    let folder = Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("rules");
    let files = std::fs::read_dir(folder).unwrap();
    let files: BTreeSet<String> =
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    let known: BTreeSet<String> = shipped().iter().map(|one| one.file.to_owned()).collect();
    assert_eq!(files, known);
    for one in shipped() {
        let rule = one.rule().unwrap();
        assert_eq!(rule.id, one.name);
        assert!(!rule.description.trim().is_empty() && rule.deliver.is_empty(), "{}", one.name);
        let rule = ready(one.name, &[]);
        if let Some(sigma) = rule.sigma() {
            assert_eq!(sigma.verdict(), &Verdict::CanFire, "{}", one.name);
        }
    }
}

#[test]
fn device_codes_for_the_broker() {
    let code = user("ana", 0).with("authenticationProtocol", "deviceCode");
    tells_apart(
        &ready("device-code-broker", &[]),
        &[code.clone().app_id(BROKER), code.clone().app_id(BROKER).silent()],
        &[code.clone(), user("ana", 0).app_id(BROKER), code.app_id(BROKER).code(50126)],
    );
}

#[test]
fn service_principals_that_fail() {
    let rule = ready("workload-sign-in-failed", &[]);
    let failed = workload("backup", 0).code(7_000_215);
    let others = [workload("backup", 0), user("ana", 0).code(50126)];
    tells_apart(&rule, std::slice::from_ref(&failed), &others);
    // However often in a day, it is one finding.
    let again = workload("backup", 1_000_000).code(7_000_222);
    let other = workload("report", 2_000_000).code(7_000_215);
    let findings = found(&Story::new(&[failed, again, other]), &rule);
    let mut counts: Vec<u64> = findings.iter().map(|finding| finding.event_count).collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 2]);
}

#[test]
fn agents_that_pass_passwords_on_but_for_exceptions() {
    let printer = user("printer", 0).agent("BAV2ROPC");
    let ana = user("ana", 0).agent("bav2ropc");
    let ordinary = user("ana", 0);
    let failed = ana.clone().code(50126);
    // Without a list nobody is an exception.
    let rule = ready("legacy-agent-sign-in", &[]);
    tells_apart(&rule, &[printer.clone(), ana.clone()], &[ordinary.clone(), failed.clone()]);
    let lists = [("LEGACY_sign_in_exceptions", "printer@contoso.example")];
    let rule = ready("legacy-agent-sign-in", &lists);
    tells_apart(&rule, &[ana], &[printer, ordinary, failed]);
}

#[test]
fn high_risk_that_nobody_has_settled() {
    let risky = |level: &str, state: &str| {
        user("ana", 0).with("riskLevelDuringSignIn", level).with("riskState", state)
    };
    tells_apart(
        &ready("high-risk-sign-in", &[]),
        &[risky("high", "atRisk"), risky("high", "none")],
        &[
            risky("high", "dismissed"),
            risky("high", "confirmedSafe"),
            risky("high", "remediated"),
            risky("medium", "atRisk"),
            risky("high", "atRisk").code(53003),
        ],
    );
}

/// A record of the audit log.
fn audit(activity: &str, service: &str, more: Value) -> SignIn {
    let mut properties = json!({
        "id": guid(&format!("audit {activity} {more}")),
        "activityDisplayName": activity, "loggedByService": service, "result": "success",
        "initiatedBy":
            {"user": {"id": guid("user ana"), "userPrincipalName": "ana@contoso.example"}},
    });
    let members = properties.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    record_of("AuditLogs", 0, properties)
}

/// What an operation changed: the property's name, and its values as JSON in a text.
fn changing(name: &str, old: &Value, new: &Value) -> Value {
    let text = |value: &Value| match value {
        Value::Null => Value::Null,
        other => other.to_string().into(),
    };
    json!({"targetResources": [{"type": "Policy", "displayName": "All users",
        "modifiedProperties":
            [{"displayName": name, "oldValue": text(old), "newValue": text(new)}]}]})
}

#[test]
fn policies_that_lose_their_mfa() {
    let grant = |controls: Value| {
        json!({"displayName": "All users", "state": "enabled",
               "conditions": {"clientAppTypes": ["all"]}, "grantControls": controls})
    };
    let built_in = |these: Value| grant(json!({"operator": "OR", "builtInControls": these}));
    let strength = |id: &str| grant(json!({"authenticationStrength": {"id": guid(id)}}));
    let change = |activity: &str, old: &Value, new: &Value| {
        audit(activity, "Conditional Access", changing("ConditionalAccessPolicy", old, new))
    };
    let update = |old: &Value, new: &Value| change("Update conditional access policy", old, new);
    let (mfa, device) = (built_in(json!(["mfa"])), built_in(json!(["compliantDevice"])));
    let both = built_in(json!(["compliantDevice", "mfa"]));
    let none = grant(Value::Null);
    let gone = Value::Null;
    tells_apart(
        &ready("mfa-requirement-removed", &[]),
        &[
            update(&mfa, &none),
            update(&both, &device),
            update(&strength("a"), &device),
            change("Delete conditional access policy", &mfa, &gone),
        ],
        &[
            update(&none, &mfa),
            update(&mfa, &both),
            update(&mfa, &strength("a")),
            update(&strength("a"), &strength("b")),
            update(&device, &none),
            change("Add conditional access policy", &gone, &mfa),
            audit(
                "Update policy",
                "Core Directory",
                changing("PolicyDetail", &json!([mfa.to_string()]), &json!([none.to_string()])),
            ),
        ],
    );
}

#[test]
fn guests_of_others() {
    let invite = |activity: &str, address: &str, result: &str| {
        let details = json!([{"key": "invitedUserEmailAddress", "value": address}]);
        let more = json!({"additionalDetails": details, "result": result});
        audit(activity, "Invited Users", more)
    };
    let guest = |address: &str| invite("Invite external user", address, "success");
    let own = guest("bo@Contoso.example");
    let sister = guest("bo@contoso.test");
    let other = guest("bo@fabrikam.example");
    let refused = invite("Invite external user", "bo@fabrikam.example", "failure");
    let internal =
        invite("Invite internal user to B2B collaboration", "bo@fabrikam.example", "success");
    let app = json!({"initiatedBy": {"app": {"displayName": "Onboarding"}}, "additionalDetails":
        [{"key": "invitedUserEmailAddress", "value": "bo@fabrikam.example"}]});
    let by_app = audit("Invite external user", "Invited Users", app);
    let rule = ready("guest-invited", &[]);
    let others = [own.clone(), refused, internal];
    tells_apart(&rule, &[other.clone(), sister.clone(), by_app], &others);
    let rule = ready("guest-invited", &[("Own_Domains", "contoso.test")]);
    tells_apart(&rule, &[other], &[own, sister]);
}

#[test]
fn roles_without_an_end() {
    let role = |activity: &str, service: &str, result: &str| {
        audit(activity, service, json!({"result": result}))
    };
    let given = "Add member to role in PIM completed (permanent)";
    tells_apart(
        &ready("permanent-role-in-pim", &[]),
        &[role(given, "PIM", "success")],
        &[
            role(given, "PIM", "failure"),
            role("Add member to role in PIM requested (permanent)", "PIM", "success"),
            role("Add member to role in PIM completed (timebound)", "PIM", "success"),
            role("Add member to role", "Core Directory", "success"),
        ],
    );
}

#[test]
fn discovery_addresses() {
    let policy = |methods: &[(&str, &str)], days: u32| {
        let methods = methods.iter().map(|(name, host)| {
            let url = format!("https://{host}/.well-known/openid-configuration");
            json!({"displayName": name, "openIdConnectSetting": {"discoveryUrl": url}})
        });
        let methods: Value = methods.collect();
        json!({"reconfirmationInDays": days, "authenticationMethodConfigurations": methods})
    };
    let update = |old: &Value, new: &Value| {
        let change = changing("AuthenticationMethodsPolicy", old, new);
        audit("Authentication Methods Policy Update", "Authentication Methods", change)
    };
    let (one, two) = (("A", "idp.contoso.example"), ("B", "mfa.fabrikam.example"));
    let before = policy(&[one, two], 30);
    tells_apart(
        &ready("identity-provider-changed", &[]),
        &[
            update(&before, &policy(&[one, ("B", "idp.attacker.example")], 30)),
            update(&policy(&[], 30), &policy(&[one], 30)),
        ],
        &[
            update(&before, &policy(&[one, two], 60)),
            update(&before, &policy(&[two, one], 30)),
            update(&before, &policy(&[one], 30)),
        ],
    );
}
