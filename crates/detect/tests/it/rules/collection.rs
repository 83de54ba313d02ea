//! The public collection of Sigma rules, where `DURWARD_SIGMA_DIR` says where it is.
//!
//! The records are made here from what Entra's documents say of its logs, not from the rules: so
//! the rules that stay silent are those that ask for something that the logs do not say.

use std::path::Path;

use durward_detect::rules::{Compiled, Ground, Placeholders, Source, Verdict, read_file, run_all};
use durward_query::Engine;
use serde_json::{Value, json};

use crate::story::{DAY, LAGOS, MONDAY_MICROS, SignIn, Story, guid, record_of, user};

/// Folders of the collection whose rules durward is to load.
const FOLDERS: [&str; 5] =
    ["rules", "rules-placeholder", "rules-threat-hunting", "deprecated", "unsupported"];
const SERVICES: [&str; 4] = ["signinlogs", "auditlogs", "riskdetection", "pim"];

fn placeholders() -> Placeholders {
    let list = |name: &str, values: &[&str]| {
        (name.to_owned(), values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>())
    };
    Placeholders::new([
        list("Important_AppIds", &[&guid("app Payroll")]),
        list("Known_Location", &["ES"]),
        list("UnLegitCountries", &["NG"]),
        list("UnApprovedIp", &["192.0.2.66"]),
        list("UnApprovedDevice", &[&guid("device kiosk")]),
        list("HomeTenantID", &["11111111-2222-4333-8444-555555555555"]),
        list("LegitCountries", &["ES"]),
        list("ClosingTime", &["18:00"]),
        list("ApprovedUserUpn", &["admin@contoso.example"]),
        list("Approved_Inviters", &["admin@contoso.example"]),
    ])
}

/// Every kind of sign-in that the rules are about.
fn sign_ins() -> Vec<SignIn> {
    let home = "11111111-2222-4333-8444-555555555555";
    let failure =
        |code: i64, text: &str| user("ana", code).code(code).with("status/failureReason", text);
    let single =
        |at| user("ben", at).with("authenticationRequirement", "singleFactorAuthentication");
    vec![
        failure(50053, "The account is locked"),
        failure(
            50057,
            "User account is disabled. The account has been disabled by an administrator.",
        ),
        failure(53003, "Access has been blocked by Conditional Access policies."),
        failure(50074, "Strong Authentication is required."),
        failure(500121, "Authentication failed during strong authentication request."),
        failure(50126, "Error validating credentials due to invalid username or password."),
        failure(50097, "Device authentication is required."),
        failure(50158, "External security challenge was not satisfied."),
        failure(500122, "x")
            .with("status/additionalDetails", "MFA denied; user declined the authentication"),
        user("ana", 1).with("userAgent", "azurehound/v2.1"),
        user("ana", 2).with("userAgent", "axios/1.7"),
        user("ana", 3).with("userAgent", "BAV2ROPC"),
        single(4).with("riskState", "atRisk"),
        single(5).app("Payroll"),
        user("ana", 6).with("deviceDetail/isCompliant", false),
        user("ana", 7)
            .with("resourceDisplayName", "Device Registration Service")
            .with("conditionalAccessStatus", "success")
            .with("authenticationRequirement", "singleFactorAuthentication"),
        user("ana", 8).at(LAGOS),
        user("ana", 9).code(50126).at(LAGOS),
        user("ana", 10).code(50126).at(LAGOS).from("192.0.2.66").device("kiosk"),
        user("ana", 11).with("homeTenantId", home).with("resourceTenantId", guid("other")),
    ]
}

/// Operations with their category and service, as the audit log has them.
const OPERATIONS: &[(&str, &str, &str)] = &[
    ("Add member to role", "RoleManagement", "Core Directory"),
    ("Add eligible member to role", "RoleManagement", "Core Directory"),
    ("Add eligible member (permanent)", "RoleManagement", "PIM"),
    ("Remove eligible member (permanent)", "RoleManagement", "PIM"),
    ("Add owner to application", "ApplicationManagement", "Core Directory"),
    ("User registered security info", "UserManagement", "Authentication Methods"),
    ("Admin registered security info", "UserManagement", "Authentication Methods"),
    ("Set device registration policies", "Policy", "Device Registration Service"),
    ("Disable PIM alert", "RoleManagement", "PIM"),
    ("Authentication Methods Policy Update", "Policy", "Authentication Methods"),
    (
        "Update application \u{2013} Certificates and secrets management ",
        "ApplicationManagement",
        "Core Directory",
    ),
    ("Assigns the caller to user access admin", "Administrative", "Azure RBAC (Elevated Access)"),
    ("Delete conditional access policy", "Policy", "Conditional Access"),
    ("Add conditional access policy", "Policy", "Conditional Access"),
    ("Update conditional access policy", "Policy", "Conditional Access"),
    ("Add service principal", "ApplicationManagement", "Core Directory"),
    ("Remove service principal", "ApplicationManagement", "Core Directory"),
    ("Add delegated permission grant", "ApplicationManagement", "Core Directory"),
    ("Add app role assignment to service principal", "ApplicationManagement", "Core Directory"),
    ("Remove member from group", "GroupManagement", "Core Directory"),
    ("Recover device local administrator password", "Device", "Device Registration Service"),
    ("Invite external user", "UserManagement", "Invited Users"),
    ("Update User Risk and MFA Registration Policy", "Policy", "AAD Management UX"),
    ("Update application", "ApplicationManagement", "Core Directory"),
    ("Update service principal", "ApplicationManagement", "Core Directory"),
    ("Remove owner from service principal", "ApplicationManagement", "Core Directory"),
    ("Disable Strong Authentication", "UserManagement", "Core Directory"),
    ("Update user", "UserManagement", "Core Directory"),
    ("Update role setting in PIM", "RoleManagement", "PIM"),
    ("Consent to application", "ApplicationManagement", "Core Directory"),
    ("Set federation settings on domain", "DirectoryManagement", "Core Directory"),
    ("Delete application", "ApplicationManagement", "Core Directory"),
    ("Add user", "UserManagement", "Core Directory"),
    ("Delete user", "UserManagement", "Core Directory"),
    ("Read BitLocker key", "KeyManagement", "Device Registration Service"),
    ("Set Company Information", "DirectoryManagement", "Core Directory"),
    ("Device no longer compliant", "Device", "Device Registration Service"),
];

fn audits() -> Vec<SignIn> {
    let changes = json!([
        {"displayName": "StrongAuthenticationRequirement", "newValue": "[{\"State\":0}]"},
        {"displayName": "ConsentContext.IsAdminConsent", "newValue": "\"False\""},
        {"displayName": "CA", "newValue": "\"TrustedCAsForPasswordlessAuth\""},
        {"displayName": "AuthenticationMethodsPolicy", "newValue": "\"{}\""},
        {"displayName": "Role.TemplateId", "newValue": "\"62e90394-69f5-4237-9190-012177145e10\""},
        {"displayName": "Role.DisplayName", "newValue": "\"Global Administrator\""}]);
    let record = |(index, (operation, category, service)): (usize, &(&str, &str, &str)),
                  result: &str| {
        let properties = json!({
            "id": guid(&format!("audit {index} {result}")), "activityDisplayName": operation,
            "category": category, "loggedByService": service, "result": result,
            "resultReason": if result == "failure" {
                "Microsoft.Online.Security.UserConsentBlockedForRiskyAppsException"
            } else {
                "Admin registered temporary access pass method for user"
            },
            "initiatedBy":
                {"user": {"id": guid("ana"), "userPrincipalName": "ana@contoso.example"}},
            "targetResources": [{"type": "ServicePrincipal", "displayName": "x",
                "modifiedProperties": changes.clone()}],
            "additionalDetails": [{"key": "additionalInfo",
                "value": "Successfully recovered local credential by device id"}]});
        record_of("AuditLogs", index as i64, properties)
    };
    let all = OPERATIONS.iter().enumerate();
    all.flat_map(|one| [record(one, "success"), record(one, "failure")]).collect()
}

/// Risk event types of the log, by their names in Graph.
const RISKS: &[&str] = &[
    "anomalousToken",
    "anomalousUserActivity",
    "anonymizedIPAddress",
    "attemptedPrtAccess",
    "impossibleTravel",
    "investigationsThreatIntelligence",
    "leakedCredentials",
    "maliciousIPAddress",
    "malwareInfectedIPAddress",
    "mcasSuspiciousInboxManipulationRules",
    "newCountry",
    "passwordSpray",
    "riskyIPAddress",
    "suspiciousBrowser",
    "suspiciousIPAddress",
    "suspiciousInboxForwarding",
    "tokenIssuerAnomaly",
    "unfamiliarFeatures",
    "unlikelyTravel",
];

fn risks() -> Vec<SignIn> {
    let record = |kind: &&str| -> Value {
        json!({"id": guid(kind), "riskEventType": kind, "userId": guid("ana")})
    };
    RISKS.iter().map(|kind| record_of("UserRiskEvents", 0, record(kind))).collect()
}

#[test]
fn every_azure_rule_of_the_public_collection_loads() {
    let Some(dir) = std::env::var_os("DURWARD_SIGMA_DIR") else { return };
    let placeholders = placeholders();
    let (mut loaded, mut mute, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for folder in FOLDERS {
        for file in read_file(&Path::new(&dir).join(folder)).unwrap() {
            let text = std::fs::read_to_string(&file.file).unwrap();
            let is_ours = text.contains("product: azure")
                && SERVICES.iter().any(|service| text.contains(&format!("service: {service}")));
            if !is_ours {
                continue;
            }
            let name = file.file.file_name().unwrap().to_string_lossy().into_owned();
            let rule = file.rule.and_then(|rule| {
                assert!(
                    matches!(&rule.source, Source::Sigma { yaml, .. } if text.contains(yaml.trim()))
                );
                Compiled::new(rule, &placeholders)
            });
            match rule {
                Err(error) => refused.push(format!("{name}: {error}")),
                Ok(rule) => match rule.sigma().unwrap().verdict() {
                    Verdict::CanFire => loaded.push((name, rule)),
                    Verdict::CannotFire(reason) => mute.push(format!("{name}: {reason}")),
                },
            }
        }
    }
    mute.sort();
    println!("{} can fire, {} cannot, {} refused", loaded.len(), mute.len(), refused.len());
    println!("{}\n--\n{}", mute.join("\n"), refused.join("\n"));
    assert!(refused.len() <= 1, "only the one that counts in its condition: {refused:?}");
    assert!(loaded.len() >= 80, "{}", loaded.len());

    let story = Story::new(&[sign_ins(), audits(), risks()].concat());
    let (engine, view) = (Engine::new(), story.store().view());
    let rules: Vec<&Compiled> = loaded.iter().map(|(_, rule)| rule).collect();
    let ground = Ground { engine: &engine, view: &view };
    let found = run_all(ground, &rules, MONDAY_MICROS - DAY, MONDAY_MICROS + DAY).unwrap();
    let fired = loaded.iter().zip(&found).filter(|(_, found)| !found.is_empty()).count();
    let silent: Vec<&str> = loaded
        .iter()
        .zip(&found)
        .filter(|(_, found)| found.is_empty())
        .map(|((name, _), _)| name.as_str())
        .collect();
    println!("{fired} fired; silent:\n{}", silent.join("\n"));
    assert!(fired >= 75, "{fired}");
}
