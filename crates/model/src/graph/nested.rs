//! The types inside a sign-in's lists and objects.
//!
//! A value is rewritten from its JSON text to Graph's declared members, one pass a level, without
//! building a tree: members are found as slices of the text and mostly copied as they are.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::enums::{self, Enum};
use crate::field::{FieldId, Kind};
use crate::shape::write_string;
use crate::time::{DateOrder, Timestamp};

/// How to write.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    /// Write the members that only beta has?
    pub(super) beta: bool,
    /// Show members after `unknownFutureValue`?
    pub(super) include_unknown: bool,
}

/// A type.
#[derive(Debug)]
pub(super) enum Nested {
    /// Text; anything else becomes the text of its JSON.
    Text,
    Bool,
    /// An instant, written in UTC with `Z`.
    Time,
    Enum(&'static Enum),
    /// Not described: copied.
    Any,
    /// An identifier, or in diagnostic records an object that holds it as `applicationId`.
    Audience,
    List(&'static Nested),
    Object(&'static [Member]),
}

/// A member of an object.
#[derive(Debug)]
pub(super) struct Member {
    name: &'static str,
    beta_only: bool,
    value: Nested,
}

const fn v1(name: &'static str, value: Nested) -> Member {
    Member { name, beta_only: false, value }
}

const fn beta(name: &'static str, value: Nested) -> Member {
    Member { name, beta_only: true, value }
}

use Nested::{Any, Audience, Bool, List, Object, Text, Time};

static TEXTS: Nested = List(&Text);
static ANY: Nested = Any;
static AUDIENCES: Nested = List(&Audience);
static RISK_EVENT_TYPES: Nested = List(&Nested::Enum(&enums::RISK_EVENT_TYPE));

static RULE: Nested = Object(&[
    v1("conditionalAccessCondition", Nested::Enum(&enums::CONDITIONS)),
    v1("ruleSatisfied", Nested::Enum(&enums::RULE)),
]);

static POLICY: Nested = Object(&[
    v1("id", Text),
    v1("displayName", Text),
    v1("enforcedGrantControls", List(&Text)),
    v1("enforcedSessionControls", List(&Text)),
    v1("result", Nested::Enum(&enums::POLICY_RESULT)),
    beta("conditionsSatisfied", Nested::Enum(&enums::CONDITIONS)),
    beta("conditionsNotSatisfied", Nested::Enum(&enums::CONDITIONS)),
    beta("includeRulesSatisfied", List(&RULE)),
    beta("excludeRulesSatisfied", List(&RULE)),
    beta(
        "authenticationStrength",
        Object(&[
            v1("authenticationStrengthId", Text),
            v1("displayName", Text),
            v1("authenticationStrengthResult", Nested::Enum(&enums::STRENGTH_RESULT)),
        ]),
    ),
    beta("sessionControlsNotSatisfied", List(&Text)),
]);

static STEP: Nested = Object(&[
    v1("authenticationStepDateTime", Time),
    v1("authenticationMethod", Text),
    v1("authenticationMethodDetail", Text),
    v1("succeeded", Bool),
    v1("authenticationStepResultDetail", Text),
    v1("authenticationStepRequirement", Text),
]);

static REQUIREMENT_POLICY: Nested = Object(&[
    v1("requirementProvider", Nested::Enum(&enums::REQUIREMENT_PROVIDER)),
    v1("detail", Text),
]);

static LIFETIME_POLICY: Nested = Object(&[
    v1("expirationRequirement", Nested::Enum(&enums::EXPIRATION_REQUIREMENT)),
    v1("detail", Text),
]);

static NETWORK_LOCATION: Nested = Object(&[
    v1("networkType", Nested::Enum(&enums::NETWORK_TYPE)),
    v1("networkNames", List(&Text)),
]);

static CONTEXT: Nested =
    Object(&[v1("id", Text), v1("detail", Nested::Enum(&enums::CONTEXT_DETAIL))]);

static KEY_VALUE: Nested = Object(&[v1("key", Text), v1("value", Text)]);

static MANAGED_IDENTITY: Nested = Object(&[
    v1("msiType", Nested::Enum(&enums::MSI_TYPE)),
    v1("associatedResourceId", Text),
    v1("federatedTokenId", Text),
    v1("federatedTokenIssuer", Text),
]);

static PRIVATE_LINK: Nested = Object(&[
    v1("policyId", Text),
    v1("policyName", Text),
    v1("policyTenantId", Text),
    v1("resourceId", Text),
]);

static LISTENER: Nested = Object(&[
    v1("eventType", Nested::Enum(&enums::LISTENER_EVENT_TYPE)),
    v1("executedListenerId", Text),
    v1("handlerResult", Any),
]);

static APP_DEVICE: Nested = Object(&[
    v1("deviceId", Text),
    v1("operatingSystem", Text),
    v1("clientApp", Text),
    v1("appVersion", Text),
]);

static APP_POLICY: Nested = Object(&[
    v1("policyName", Text),
    v1("adminConfiguration", Nested::Enum(&enums::APP_POLICY_ADMIN)),
    v1("authenticationEvaluation", Nested::Enum(&enums::APP_POLICY_EVALUATION)),
    v1("status", Nested::Enum(&enums::APP_POLICY_STATUS)),
]);

static AGENT: Nested = Object(&[
    v1("agentType", Nested::Enum(&enums::AGENT_TYPE)),
    v1("agentSubjectType", Text),
    v1("agentSubjectParentId", Text),
    v1("parentAppId", Text),
]);

static POLICIES: Nested = List(&POLICY);
static STEPS: Nested = List(&STEP);
static REQUIREMENT_POLICIES: Nested = List(&REQUIREMENT_POLICY);
static LIFETIME_POLICIES: Nested = List(&LIFETIME_POLICY);
static NETWORK_LOCATIONS: Nested = List(&NETWORK_LOCATION);
static CONTEXTS: Nested = List(&CONTEXT);
static KEY_VALUES: Nested = List(&KEY_VALUE);
static LISTENERS: Nested = List(&LISTENER);
static APP_POLICIES: Nested = List(&APP_POLICY);

/// The type of a JSON field.
pub(super) fn of_field(field: FieldId) -> &'static Nested {
    match field {
        FieldId::AppliedConditionalAccessPolicies => &POLICIES,
        FieldId::ConditionalAccessAudiences => &AUDIENCES,
        FieldId::AuthenticationDetails => &STEPS,
        FieldId::AuthenticationRequirementPolicies => &REQUIREMENT_POLICIES,
        FieldId::SessionLifetimePolicies => &LIFETIME_POLICIES,
        FieldId::NetworkLocationDetails => &NETWORK_LOCATIONS,
        FieldId::AuthenticationContextClassReferences => &CONTEXTS,
        FieldId::AuthenticationProcessingDetails => &KEY_VALUES,
        FieldId::AppliedEventListeners => &LISTENERS,
        FieldId::AuthenticationAppPolicyEvaluationDetails => &APP_POLICIES,
        FieldId::ManagedServiceIdentity => &MANAGED_IDENTITY,
        FieldId::PrivateLinkDetails => &PRIVATE_LINK,
        FieldId::AuthenticationAppDeviceDetails => &APP_DEVICE,
        FieldId::Agent => &AGENT,
        FieldId::RiskEventTypes => &RISK_EVENT_TYPES,
        _ if field.field().kind == Kind::TextList => &TEXTS,
        _ => &ANY,
    }
}

/// The names of the members that the field's object, or each element of its list, has in Graph;
/// empty where it has no objects, or none that are described.
pub fn member_names(field: FieldId) -> Vec<&'static str> {
    match of_field(field) {
        Object(members) | List(Object(members)) => {
            members.iter().map(|member| member.name).collect()
        }
        _ => Vec::new(),
    }
}

/// Appends `json` as a value of that type. What does not fit the type becomes `null`; a list's
/// type given one item becomes a list of it.
pub(super) fn write(json: &str, nested: &Nested, rules: Rules, out: &mut String) {
    if json == "null" {
        out.push_str(if matches!(nested, List(_)) { "[]" } else { "null" });
        return;
    }
    match nested {
        Any => out.push_str(json),
        Text if json.starts_with('"') => out.push_str(json),
        Text => write_string(json, out),
        Bool => match unquoted(json).to_ascii_lowercase().as_str() {
            word @ ("true" | "false") => out.push_str(word),
            _ => out.push_str("null"),
        },
        Time => match Timestamp::parse(&unquoted(json), DateOrder::MonthFirst) {
            Some(time) => push_display(format_args!("\"{time}\""), out),
            None => out.push_str("null"),
        },
        Nested::Enum(members) => write_enum(json, members, rules, out),
        Audience => match members_of(json) {
            Some(object) => match object.get("applicationId") {
                Some(id) => write(id, &Text, rules, out),
                None => write_string(json, out),
            },
            None => write(json, &Text, rules, out),
        },
        List(item) => write_list(json, item, rules, out),
        Object(_) if json == "{}" => out.push_str(json),
        Object(members) => match members_of(json) {
            Some(object) => write_object(&object, members, rules, out),
            None => out.push_str("null"),
        },
    }
}

fn write_list(json: &str, item: &Nested, rules: Rules, out: &mut String) {
    if json == "[]" || (matches!(item, Text | Audience) && is_plain_text_list(json)) {
        out.push_str(json);
        return;
    }
    let text = if json.starts_with('"') { unquoted(json) } else { Cow::Borrowed(json) };
    let items: Vec<&RawValue> = match serde_json::from_str(&text) {
        Ok(items) => items,
        Err(_) if text.is_empty() => Vec::new(),
        Err(_) => {
            out.push('[');
            write(json, item, rules, out);
            out.push(']');
            return;
        }
    };
    out.push('[');
    for (index, value) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(value.get(), item, rules, out);
    }
    out.push(']');
}

/// Is this a list that holds texts only? May say no to one whose texts contain brackets.
fn is_plain_text_list(json: &str) -> bool {
    let inner = json.strip_prefix("[\"").and_then(|rest| rest.strip_suffix("\"]"));
    inner.is_some_and(|inner| {
        !inner.contains(['{', '[', '\\'])
            && inner.split('"').skip(1).step_by(2).all(|between| between == ",")
    })
}

fn write_object(object: &Members<'_>, members: &[Member], rules: Rules, out: &mut String) {
    out.push('{');
    let mut first = true;
    for member in members.iter().filter(|member| rules.beta || !member.beta_only) {
        if !std::mem::take(&mut first) {
            out.push(',');
        }
        out.push('"');
        out.push_str(member.name);
        out.push_str("\":");
        write(object.get(member.name).unwrap_or("null"), &member.value, rules, out);
    }
    out.push('}');
}

fn write_enum(json: &str, members: &Enum, rules: Rules, out: &mut String) {
    let text = unquoted(json);
    match text.parse::<i64>() {
        Ok(number) => write_string(&members.shown_number(number, rules.include_unknown), out),
        Err(_) if text.is_empty() || !json.starts_with('"') => out.push_str("null"),
        Err(_) => write_string(&members.shown(&text, rules.include_unknown), out),
    }
}

fn push_display(value: impl std::fmt::Display, out: &mut String) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{value}");
}

/// The text of a JSON string; anything else as it is.
fn unquoted(json: &str) -> Cow<'_, str> {
    match serde_json::from_str::<Key<'_>>(json) {
        Ok(Key(text)) => text,
        Err(_) => Cow::Borrowed(json),
    }
}

/// The members of a JSON object, or of one that is given as text in a JSON string.
pub(super) fn members_of(json: &str) -> Option<Members<'_>> {
    if !json.starts_with('"') {
        return serde_json::from_str(json).ok();
    }
    let text: String = serde_json::from_str(json).ok()?;
    let object: Members<'_> = serde_json::from_str(&text).ok()?;
    let owned = |(name, value): (Cow<'_, str>, Cow<'_, str>)| {
        (Cow::Owned(name.into_owned()), Cow::Owned(value.into_owned()))
    };
    Some(Members(object.0.into_iter().map(owned).collect()))
}

/// Members of an object: names and JSON texts.
#[derive(Debug)]
pub(super) struct Members<'j>(Vec<(Cow<'j, str>, Cow<'j, str>)>);

impl Members<'_> {
    /// The JSON text of a member; the name in any case if it does not occur as given.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let exact = self.0.iter().find(|(other, _)| other == name);
        let found = exact.or_else(|| self.0.iter().find(|(o, _)| o.eq_ignore_ascii_case(name)));
        found.map(|(_, value)| value.as_ref())
    }
}

#[derive(Deserialize)]
struct Key<'j>(#[serde(borrow)] Cow<'j, str>);

impl<'j> Deserialize<'j> for Members<'j> {
    fn deserialize<D: serde::Deserializer<'j>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'j> Visitor<'j> for Object {
            type Value = Members<'j>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'j>>(self, mut map: A) -> Result<Members<'j>, A::Error> {
                let mut members = Vec::with_capacity(12);
                while let Some((Key(name), value)) = map.next_entry::<Key<'j>, &'j RawValue>()? {
                    members.push((name, Cow::Borrowed(value.get())));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(field: FieldId, json: &str, beta: bool, include_unknown: bool) -> String {
        let mut out = String::new();
        write(json, of_field(field), Rules { beta, include_unknown }, &mut out);
        serde_json::from_str::<&RawValue>(&out).expect("what is written is JSON");
        out
    }

    #[test]
    fn graph_1_policies_of_a_diagnostic_record_become_graphs() {
        let source = r#"[{"id":"p1","displayName":"Require \"MFA\"","enforcedGrantControls":["Mfa"],"enforcedSessionControls":[],"result":"reportOnlyFailure","conditionsSatisfied":19,"conditionsNotSatisfied":0,"includeRulesSatisfied":["{\"conditionalAccessCondition\":\"users\",\"ruleSatisfied\":\"allUsers\"}",{"conditionalAccessCondition":1,"ruleSatisfied":"allApps"}],"invented":1}]"#;
        assert_eq!(
            rewritten(FieldId::AppliedConditionalAccessPolicies, source, true, true),
            r#"[{"id":"p1","displayName":"Require \"MFA\"","enforcedGrantControls":["Mfa"],"enforcedSessionControls":[],"result":"reportOnlyFailure","conditionsSatisfied":"application,users,clientType","conditionsNotSatisfied":"none","includeRulesSatisfied":[{"conditionalAccessCondition":"users","ruleSatisfied":"allUsers"},{"conditionalAccessCondition":"application","ruleSatisfied":"allApps"}],"excludeRulesSatisfied":[],"authenticationStrength":null,"sessionControlsNotSatisfied":[]}]"#
        );
        assert_eq!(
            rewritten(FieldId::AppliedConditionalAccessPolicies, source, false, false),
            r#"[{"id":"p1","displayName":"Require \"MFA\"","enforcedGrantControls":["Mfa"],"enforcedSessionControls":[],"result":"unknownFutureValue"}]"#
        );
    }

    #[test]
    fn graph_1_nested_values_take_graphs_form() {
        use FieldId as F;
        let cases = [
            (
                F::AuthenticationDetails,
                r#"[{"authenticationStepDateTime":"2022-03-30T16:52:21.7062186+02:00","authenticationMethod":"Password","succeeded":true,"RequestSequence":1}]"#,
                r#"[{"authenticationStepDateTime":"2022-03-30T14:52:21.7062186Z","authenticationMethod":"Password","authenticationMethodDetail":null,"succeeded":true,"authenticationStepResultDetail":null,"authenticationStepRequirement":null}]"#,
            ),
            (
                F::NetworkLocationDetails,
                r#"[{"networkType":"trustedNamedLocation","networkNames":["Lab, \"B\""]}]"#,
                r#"[{"networkType":"unknownFutureValue","networkNames":["Lab, \"B\""]}]"#,
            ),
            (F::ConditionalAccessAudiences, r#"[{"applicationId":"a1"},"a2"]"#, r#"["a1","a2"]"#),
            (F::ConditionalAccessAudiences, r#"["a1","a2"]"#, r#"["a1","a2"]"#),
            (F::AuthenticationMethodsUsed, r#"["a",1]"#, r#"["a","1"]"#),
            (F::AuthenticationMethodsUsed, r#""[\"a\"]""#, r#"["a"]"#),
            (
                F::RiskEventTypes,
                r#"["unfamiliarFeatures","novel"]"#,
                r#"["unfamiliarFeatures","unknownFutureValue"]"#,
            ),
            (
                F::AuthenticationProcessingDetails,
                r#"[{"Key":"Is CAE Token","Value":"False"}]"#,
                r#"[{"key":"Is CAE Token","value":"False"}]"#,
            ),
            (F::PrivateLinkDetails, "{}", "{}"),
            (
                F::Agent,
                r#"{"agentType":"agenticAppBuilder","parentAppId":""}"#,
                r#"{"agentType":"unknownFutureValue","agentSubjectType":null,"agentSubjectParentId":null,"parentAppId":""}"#,
            ),
            (
                F::ManagedServiceIdentity,
                r#"{"msiType":2}"#,
                r#"{"msiType":"systemAssigned","associatedResourceId":null,"federatedTokenId":null,"federatedTokenIssuer":null}"#,
            ),
            (F::ManagedServiceIdentity, r#""userAssigned""#, "null"),
            (
                F::AuthenticationDetails,
                r#"{"succeeded":"True"}"#,
                r#"[{"authenticationStepDateTime":null,"authenticationMethod":null,"authenticationMethodDetail":null,"succeeded":true,"authenticationStepResultDetail":null,"authenticationStepRequirement":null}]"#,
            ),
        ];
        for (field, source, expected) in cases {
            assert_eq!(rewritten(field, source, true, false), expected, "{field:?}");
        }
    }
}
