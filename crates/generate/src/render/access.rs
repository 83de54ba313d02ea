//! `appliedConditionalAccessPolicies`: how the policies judged a sign-in, as text.

use super::Shape;
use crate::json::{Object, write_list};
use crate::plan::{Actor, Planned, Steps, device_of, flag};
use crate::policies::{
    AppScope, Context, Demands, Grant, Policies, Policy, State, condition, group,
};
use crate::tenant::Tenant;

/// What the text depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct EvaluationKey {
    context: Context,
    mfa: bool,
    /// Did the request get as far as the policies?
    judged: bool,
}

impl EvaluationKey {
    pub(crate) fn of(tenant: &Tenant, item: &Planned, person: u32) -> EvaluationKey {
        let device = device_of(tenant, Actor::Person(person), item.machine);
        let person = &tenant.people[person as usize];
        let risk = item.suspicion.during();
        let mut context = tenant.context(person, device, item.app, item.origin, risk);
        context.device_code = item.flags & flag::DEVICE_CODE != 0;
        EvaluationKey {
            context,
            mfa: item.steps.has_mfa() || item.flags & flag::INTERACTIVE == 0,
            judged: item.outcome.reaches_policies() && item.steps != Steps::Hello,
        }
    }
}

/// The judgement.
#[derive(Debug)]
pub(crate) struct Evaluated {
    pub(crate) json: Vec<u8>,
    pub(crate) status: &'static str,
    pub(crate) demands: Demands,
}

pub(crate) fn evaluate(policies: &Policies, key: &EvaluationKey, shape: Shape) -> Evaluated {
    if !key.judged {
        let (json, demands) = (b"[]".to_vec(), Demands::default());
        return Evaluated { json, status: "notApplied", demands };
    }
    let mut json = Vec::new();
    let (mut succeeded, mut failed) = (false, false);
    write_list(&mut json, policies.list.iter().enumerate(), |out, (number, policy)| {
        let (met, unmet) = policy.conditions(number, &key.context);
        let fulfilled = policy.is_met(&key.context, key.mfa);
        let result = result_of(policy, unmet == 0, fulfilled);
        succeeded |= result == "success";
        failed |= result == "failure";
        let mut object = Object::open(out);
        write_policy(&mut object, policy, result, (met, unmet), &key.context, shape);
        object.close();
    });
    let status = match (failed, succeeded) {
        (true, _) => "failure",
        (false, true) => "success",
        (false, false) => "notApplied",
    };
    Evaluated { json, status, demands: policies.demands(&key.context) }
}

fn result_of(policy: &Policy, applies: bool, fulfilled: bool) -> &'static str {
    match (policy.state, applies, fulfilled) {
        (State::Off, ..) => "notEnabled",
        (State::On, false, _) => "notApplied",
        (State::On, true, true) => "success",
        (State::On, true, false) => "failure",
        (State::ReportOnly, false, _) => "reportOnlyNotApplied",
        (State::ReportOnly, true, true) => "reportOnlySuccess",
        (State::ReportOnly, true, false) if policy.grant == Grant::Strength => {
            "reportOnlyInterrupted"
        }
        (State::ReportOnly, true, false) => "reportOnlyFailure",
    }
}

fn write_policy(
    object: &mut Object<'_>,
    policy: &Policy,
    result: &str,
    (met, unmet): (u32, u32),
    context: &Context,
    shape: Shape,
) {
    object.guid("id", policy.id);
    object.text("displayName", &policy.name);
    object.raw(
        "enforcedGrantControls",
        match policy.grant {
            Grant::Block => r#"["Block"]"#,
            Grant::Mfa => r#"["Mfa"]"#,
            Grant::Compliant => r#"["RequireCompliantDevice"]"#,
            Grant::ApprovedApp => r#"["RequireApprovedApp"]"#,
            Grant::Session | Grant::Strength => "[]",
        },
    );
    let session = if policy.frequency { r#"["SignInFrequency"]"# } else { "[]" };
    object.raw("enforcedSessionControls", session);
    object.text("result", result);
    match shape {
        Shape::Diagnostic => {
            object.int("conditionsSatisfied", i64::from(met));
            object.int("conditionsNotSatisfied", i64::from(unmet));
        }
        Shape::GraphBeta => {
            object.text("conditionsSatisfied", &names(met));
            object.text("conditionsNotSatisfied", &names(unmet));
        }
    }
    // Diagnostic records list rules only where a policy applied.
    let applied = unmet == 0 && policy.state != State::Off;
    if applied || shape == Shape::GraphBeta {
        write_rules(object, policy, (met, unmet), context);
    }
    if policy.grant == Grant::Strength {
        object.object("authenticationStrength", |strength| {
            strength.text("authenticationStrengthId", "00000000-0000-0000-0000-000000000004");
            strength.text("displayName", "Phishing-resistant MFA");
            let applies = unmet == 0;
            let outcome = if applies { "singleChallengeRequired" } else { "notSet" };
            strength.text("authenticationStrengthResult", outcome);
        });
    } else if shape == Shape::GraphBeta {
        object.raw("authenticationStrength", "null");
    }
    if shape == Shape::GraphBeta {
        object.raw("sessionControlsNotSatisfied", "[]");
    }
}

fn write_rules(
    object: &mut Object<'_>,
    policy: &Policy,
    (met, unmet): (u32, u32),
    context: &Context,
) {
    let mut include: Vec<(&str, &str)> = Vec::new();
    if met & condition::APPLICATION != 0 {
        include.push((
            "application",
            match policy.apps {
                AppScope::All => "allApps",
                AppScope::Office => "office365",
                AppScope::Admin => "microsoftAdminPortals",
                AppScope::Range(..) => "appId",
            },
        ));
    }
    if met & condition::USERS != 0 {
        include.push((
            "users",
            match policy.include {
                0 => "allUsers",
                group::GUEST => "b2bCollaborationGuest",
                group::ADMIN => "roleId",
                _ => "groupId",
            },
        ));
    }
    for (flag, name, rule) in [
        (condition::PLATFORM, "devicePlatform", "devicePlatform"),
        (
            condition::LOCATION,
            "location",
            if policy.untrusted_only { "allLocations" } else { "locationId" },
        ),
        (condition::FLOWS, "authenticationFlows", "deviceCodeFlow"),
    ] {
        if met & flag != 0 {
            include.push((name, rule));
        }
    }
    let mut exclude: Vec<(&str, &str)> = Vec::new();
    if unmet == condition::USERS && context.groups & policy.exclude != 0 {
        exclude.push(("users", "groupId"));
    }
    if unmet == condition::LOCATION && policy.untrusted_only {
        exclude.push(("location", "allTrustedLocations"));
    }
    for (key, rules) in [("includeRulesSatisfied", include), ("excludeRulesSatisfied", exclude)] {
        write_list(object.key(key), rules, |out, (condition, rule)| {
            let mut item = Object::open(out);
            item.text("conditionalAccessCondition", condition);
            item.text("ruleSatisfied", rule);
            item.close();
        });
    }
}

/// The names of condition flags, joined by commas.
fn names(flags: u32) -> String {
    const NAMES: [(u32, &str); 7] = [
        (condition::APPLICATION, "application"),
        (condition::USERS, "users"),
        (condition::PLATFORM, "devicePlatform"),
        (condition::LOCATION, "location"),
        (condition::CLIENT_TYPE, "clientType"),
        (condition::SIGN_IN_RISK, "signInRisk"),
        (condition::FLOWS, "authenticationFlows"),
    ];
    let names: Vec<&str> =
        NAMES.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, name)| *name).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(",") }
}
