use durward_model::{Log, Timestamp, time::DateOrder};
use serde_json::{Value, json};

use super::super::facts::Facts;
use super::{First, Second, Tone, first, second, timeline, told, would_change};

fn facts(log: Log, code: i64, more: Value) -> Facts {
    let mut graph = json!({
        "userDisplayName": "Maria Silva",
        "appDisplayName": "Exchange Online",
        "clientAppUsed": "Browser",
        "conditionalAccessStatus": "failure",
        "status": { "errorCode": code },
        "location": { "city": "Lagos", "countryOrRegion": "NG" },
    });
    for (name, value) in more.as_object().unwrap() {
        graph[name] = value.clone();
    }
    Facts::of_graph(log, graph)
}

fn user(code: i64, more: Value) -> Facts {
    facts(Log::InteractiveUser, code, more)
}

fn step(method: &str, succeeded: bool, result: &str, requirement: &str) -> Value {
    json!({ "authenticationStepDateTime": "2026-03-02T11:59:50Z", "authenticationMethod": method,
        "succeeded": succeeded, "authenticationStepResultDetail": result,
        "authenticationStepRequirement": requirement })
}

fn password(right: bool) -> Value {
    let result = if right { "Correct password" } else { "Invalid username or password" };
    step("Password", right, result, "Primary authentication")
}

fn policy(name: &str, grant: &str, result: &str, met: &str) -> Value {
    json!({ "displayName": name, "enforcedGrantControls": [grant], "result": result,
        "conditionsSatisfied": met, "conditionsNotSatisfied": "none" })
}

fn blocked(policy: Value, more: Value) -> Facts {
    let mut all = json!({
        "authenticationDetails": [password(true)],
        "appliedConditionalAccessPolicies": [
            { "displayName": "Other", "result": "notApplied" }, policy,
        ],
    });
    for (name, value) in more.as_object().unwrap() {
        all[name] = value.clone();
    }
    user(53_003, all)
}

fn said(facts: &Facts) -> String {
    let story = told(facts);
    format!("{}. {}", story.verdict, story.what.plain())
}

#[test]
fn credentials() {
    let wrong = user(50_126, json!({ "authenticationDetails": [password(false)] }));
    assert_eq!(said(&wrong), "Wrong password. The user exists; the password was wrong.");
    assert_eq!(first(&wrong), First::Wrong);
    assert!(told(&wrong).tell.contains("reset it") && told(&wrong).advice.contains("spray"));
    let bare = user(50_126, json!({}));
    assert_eq!(said(&bare), "Wrong password. The user name or the password was wrong.");
    for (code, starts) in [
        (50_053, "Locked. The account was locked for a while"),
        (50_055, "Password expired. The password was right but has expired."),
        (50_057, "Account disabled. The account is disabled"),
        (50_034, "No such user. "),
        (50_140, "Interrupted. The user was asked whether to stay signed in"),
        (70_043, "Session expired. "),
        (
            65_001,
            "Consent needed. Neither the user nor an administrator has consented to what \
                  Exchange Online asks for.",
        ),
        (50_105, "Not assigned. The user is not assigned to Exchange Online"),
        (700_016, "Unknown application. "),
    ] {
        let text = said(&user(code, json!({})));
        assert!(text.starts_with(starts), "{code}: {text}");
    }
}

#[test]
fn a_policy_that_blocks_is_named_with_its_reason() {
    let legacy = blocked(
        policy("Block legacy authentication", "Block", "failure", "application,users,clientType"),
        json!({ "clientAppUsed": "IMAP4" }),
    );
    assert_eq!(
        said(&legacy),
        "Blocked. The password was right, but policy Block legacy authentication stopped it: the \
         client uses IMAP4, which cannot do MFA."
    );
    let story = told(&legacy);
    assert!(story.what.0.contains(&("Block legacy authentication".to_owned(), true)));
    assert!(story.tell.contains("Outlook"));
    let evidence = story.evidence.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>();
    assert_eq!(evidence[0], "status/errorCode = 53003: Conditional Access blocked token issuance");
    assert!(evidence[1].starts_with("authenticationDetails: Password, succeeded = true"));
    assert!(evidence[2].contains("result = failure, asks for Block"), "{evidence:?}");
    assert!(evidence[3].contains("IMAP4"));

    for (met, more, ends) in [
        ("users,location", json!({}), "policy P blocks sign-ins from Lagos, NG."),
        (
            "users,signInRisk",
            json!({ "riskLevelDuringSignIn": "high" }),
            "policy P blocks sign-ins at this risk (real-time risk: high).",
        ),
        ("authenticationFlows", json!({}), "policy P blocks the device code flow."),
        ("users", json!({}), "policy P blocks it."),
    ] {
        let text = said(&blocked(policy("P", "Block", "failure", met), more));
        assert!(text.ends_with(ends), "{text}");
    }
}

#[test]
fn a_device_that_is_not_good_enough() {
    let of = |device: Value| {
        let policy = policy("Compliant only", "RequireCompliantDevice", "failure", "users");
        said(&blocked(policy, json!({ "deviceDetail": device })))
    };
    let start =
        "Blocked. The password was right, but policy Compliant only was not met: the device";
    for (device, ends) in [
        (json!({ "deviceId": "" }), "is not known to the directory."),
        (json!({ "deviceId": "d", "isManaged": false }), "is not managed."),
        (
            json!({ "deviceId": "d", "isManaged": true, "isCompliant": false }),
            "is managed, but not compliant.",
        ),
    ] {
        assert_eq!(of(device), format!("{start} {ends}"));
    }
    let unnamed = user(53_000, json!({ "deviceDetail": { "deviceId": "d", "isManaged": false } }));
    let text = said(&unnamed);
    assert_eq!(
        text,
        "Blocked. Conditional Access stopped it: the device is not managed. The record does not \
         name the policy."
    );
}

#[test]
fn who_may_not_see_policies_is_not_told_of_them() {
    let mut facts = blocked(policy("Secret", "Block", "failure", "users"), json!({}));
    facts.policies = None;
    let story = told(&facts);
    assert!(story.what.plain().contains("only roles see"), "{}", story.what.plain());
    assert!(!format!("{story:?}").contains("Secret"));
}

#[test]
fn mfa_that_was_not_done() {
    let pending = step("", false, "MFA required in Azure AD", "Multi-factor authentication");
    let steps = json!([password(true), pending]);
    let policies = json!([policy("MFA outside", "Mfa", "failure", "users")]);
    let more =
        json!({ "authenticationDetails": steps, "appliedConditionalAccessPolicies": policies });
    for code in [50_074, 50_076] {
        assert_eq!(
            said(&user(code, more.clone())),
            "MFA needed. The password was right, but policy MFA outside asks for multifactor \
             authentication, which was not done in this request. Often the next request of the \
             attempt completes it."
        );
    }
    let bare = said(&user(50_074, json!({})));
    assert!(bare.starts_with("MFA needed. Multifactor authentication was asked for"), "{bare}");
    let external = said(&user(50_158, json!({ "authenticationDetails": [password(true)] })));
    assert!(external.contains("an external provider was asked to confirm the user, and did not"));
    for code in [50_072, 50_079] {
        assert!(said(&user(code, json!({}))).starts_with("MFA registration. "));
    }
}

#[test]
fn mfa_that_failed() {
    for (detail, verdict, how) in [
        ("MFA denied; user declined the authentication", "MFA denied", "the user declined"),
        (
            "MFA denied; user did not respond to mobile app notification",
            "MFA not answered",
            "nobody answered",
        ),
        ("MFA denied; invalid verification code", "MFA failed", "the code was wrong"),
        ("", "MFA failed", "the second factor was not given"),
    ] {
        let second = step("Mobile app notification", false, detail, "Multi-factor authentication");
        let failed = user(500_121, json!({ "authenticationDetails": [password(true), second] }));
        let story = told(&failed);
        assert_eq!(story.verdict, verdict);
        let start = format!("The password was right, but {how}");
        assert!(story.what.plain().starts_with(&start), "{}", story.what.plain());
        assert!(story.what.plain().ends_with("(Mobile app notification)."));
    }
    let bare = user(
        500_121,
        json!({ "status": { "errorCode": 500_121,
        "additionalDetails": "MFA denied; user declined the authentication" } }),
    );
    assert_eq!(
        said(&bare),
        "MFA denied. The first factor was accepted, but the user declined the \
                             request."
    );
}

#[test]
fn successes_say_how() {
    let claim = step(
        "Previously satisfied",
        true,
        "MFA requirement satisfied by claim in the token",
        "Multi-factor authentication",
    );
    let done = step(
        "Mobile app notification",
        true,
        "MFA successfully completed",
        "Multi-factor authentication",
    );
    for (steps, text) in [
        (json!([password(true)]), "With the password alone; MFA was not asked for."),
        (json!([password(true), done]), "With password and MFA: Mobile app notification."),
        (
            json!([password(true), claim.clone()]),
            "With the password; MFA was satisfied by a claim \
            in the token, from an earlier sign-in.",
        ),
        (
            json!([claim]),
            "Nothing was asked: MFA was satisfied by a claim in the token, from an \
            earlier sign-in.",
        ),
        (
            json!([step("Windows Hello for Business", true, "", "")]),
            "With Windows Hello for Business.",
        ),
        (json!([]), "Every requirement was met."),
    ] {
        let facts = user(0, json!({ "authenticationDetails": steps }));
        assert_eq!(said(&facts), format!("Signed in. {text}"));
        assert_eq!(told(&facts).tell, "");
    }
    let by_details = user(
        0,
        json!({ "status": { "errorCode": 0,
        "additionalDetails": "MFA requirement satisfied by claim in the token" } }),
    );
    assert_eq!(second(&by_details), Second::ByClaim);
    let legacy = user(0, json!({ "clientAppUsed": "POP3" }));
    assert!(told(&legacy).what.plain().contains("The client uses POP3"));
}

#[test]
fn report_only_policies_that_would_have_changed_it() {
    let policies = json!([
        policy("Would block", "Block", "reportOnlyFailure", "users"),
        policy("Would ask", "Mfa", "reportOnlyInterrupted", "users"),
        policy("Fine", "Mfa", "reportOnlySuccess", "users"),
    ]);
    let more = json!({ "appliedConditionalAccessPolicies": policies });
    let facts = user(0, more.clone());
    assert_eq!(would_change(&facts).len(), 2);
    assert!(
        said(&facts).ends_with(
            "Report-only policy Would block would have blocked it, as would 1 \
                                more."
        ),
        "{}",
        said(&facts)
    );
    assert!(would_change(&user(50_126, more)).is_empty(), "it failed anyway");
}

#[test]
fn workloads() {
    let secret = json!({ "servicePrincipalName": "backup-job", "clientCredentialType":
        "clientSecret", "servicePrincipalCredentialKeyId": "k1", "clientAppUsed": "" });
    let wrong = facts(Log::ServicePrincipal, 7_000_215, secret.clone());
    let story = told(&wrong);
    assert_eq!(story.verdict, "Wrong secret");
    assert!(story.what.plain().starts_with("The client secret that backup-job presented is wrong"));
    let key = ("Key", "servicePrincipalCredentialKeyId = k1".to_owned());
    assert!(story.evidence.contains(&key));
    let fine = facts(Log::ServicePrincipal, 0, secret);
    assert_eq!(said(&fine), "Signed in. With a client secret.");
    let managed = facts(Log::ManagedIdentity, 0, json!({ "clientAppUsed": "" }));
    assert!(said(&managed).contains("managed identity"));
}

#[test]
fn what_nobody_knows_is_said_in_the_words_of_the_source() {
    let odd = user(1, json!({ "status": { "errorCode": 1, "failureReason": "It rained" } }));
    assert_eq!(said(&odd), "Failed. It rained.");
    let silent = user(1, json!({ "status": {} }));
    assert_eq!(said(&silent), "Failed. The record does not say why.");
    assert!(told(&silent).evidence[0].1.contains("missing"));
}

#[test]
fn steps_come_in_order_with_the_verdict_last() {
    let facts = blocked(
        policy("Block legacy", "Block", "failure", "clientType"),
        json!({ "clientAppUsed": "IMAP4" }),
    );
    let noon = Timestamp::parse("2026-03-02T12:00:00Z", DateOrder::default()).unwrap();
    let moments = timeline(&facts, noon);
    let lines: Vec<String> = moments.iter().map(|moment| moment.what.plain()).collect();
    assert_eq!(
        lines,
        ["Password accepted", "Policy Block legacy: block", "No token issued. Verdict: blocked"]
    );
    assert_eq!(moments[0].at.to_rfc3339(), "2026-03-02T11:59:50Z");
    assert_eq!([moments[0].tone, moments[1].tone], [Tone::Good, Tone::Bad]);
}
