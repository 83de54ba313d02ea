//! What the authentication steps say.

use durward_model::FieldId;
use durward_model::shape::{MARK, MARK_END};
use serde::Deserialize;

use super::{AuthenticationFacts, Entity};
use crate::class::Class;

/// A step, as far as it matters here. Sources spell members in either case.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Step {
    #[serde(rename = "authenticationMethod", alias = "AuthenticationMethod")]
    method: Option<String>,
    #[serde(rename = "authenticationStepResultDetail", alias = "AuthenticationStepResultDetail")]
    detail: Option<String>,
    succeeded: Option<bool>,
}

/// Words by which a source says that the user refused or reported a request.
const DENIED: [&str; 4] =
    ["user declined", "user denied", "reported fraud", "suspiciousactivityreported"];

/// Does a text say so?
pub(super) fn says_denied(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    DENIED.iter().any(|words| text.contains(words))
}

/// The steps of a list as it is stored: where values change with every event (the times) it has
/// marks in their place.
fn steps_of(stored: &str) -> Vec<Step> {
    let mut text = String::with_capacity(stored.len());
    let mut rest = stored;
    while let Some((before, marked)) = rest.split_once(MARK) {
        text.push_str(before);
        text.push_str("null");
        rest = marked.split_once(MARK_END).map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    serde_json::from_str(&text).unwrap_or_default()
}

/// Do the processing details say so? A list of objects with `key` and `value`.
fn has_legacy_tls(details: &str) -> bool {
    let Some(start) = details.find("Legacy TLS") else { return false };
    let rest = &details[start..];
    let one = rest.split('}').next().unwrap_or(rest).to_ascii_lowercase();
    one.contains(r#":"true""#) || one.contains(r#": "true""#)
}

pub(super) fn facts(entity: &Entity<'_>) -> AuthenticationFacts {
    let steps = steps_of(&entity.text(FieldId::AuthenticationDetails));
    let mut facts = AuthenticationFacts {
        is_single_factor: entity
            .text(FieldId::AuthenticationRequirement)
            .eq_ignore_ascii_case("singleFactorAuthentication"),
        ..AuthenticationFacts::default()
    };
    let method = entity.text(FieldId::MfaAuthMethod).to_ascii_lowercase();
    facts.is_passcode = method.contains("oath");
    facts.has_legacy_tls = has_legacy_tls(&entity.text(FieldId::AuthenticationProcessingDetails));
    let mut denied = says_denied(&entity.text(FieldId::MfaAuthDetail))
        || says_denied(&entity.text(FieldId::MfaResult));
    for step in steps {
        let detail = step.detail.unwrap_or_default().to_ascii_lowercase();
        let method = step.method.unwrap_or_default().to_ascii_lowercase();
        let is_password = method.contains("password") && !method.contains("passwordless");
        facts.has_password |= is_password;
        facts.has_mfa_claim |= detail.contains("satisfied by claim");
        facts.is_passcode |= method.contains("oath");
        facts.has_fresh_mfa |= !is_password
            && step.succeeded == Some(true)
            && !detail.contains("satisfied by claim")
            && !method.is_empty()
            && !method.contains("previously satisfied");
        denied |= says_denied(&detail);
    }
    facts.class.add_if(Class::USER_DENIED, denied);
    facts
}

#[cfg(test)]
mod tests {
    #[test]
    fn refusals_are_told_from_timeouts() {
        assert!(super::says_denied("MFA denied; user declined the authentication"));
        assert!(super::says_denied("Phone App Reported Fraud"));
        assert!(!super::says_denied("MFA denied; user did not respond to mobile app notification"));
    }

    #[test]
    fn steps_are_read_though_their_times_are_marks() {
        let stored = "[{\"authenticationStepDateTime\":\u{1}x0\u{2},\"succeeded\":true,\
                      \"authenticationMethod\":\"Password\"},{\"RequestSequence\":\u{1}x1\u{2}}]";
        let steps = super::steps_of(stored);
        assert_eq!((steps.len(), steps[0].succeeded), (2, Some(true)));
        assert_eq!(steps[0].method.as_deref(), Some("Password"));
        assert!(super::steps_of("").is_empty());
    }

    #[test]
    fn old_versions_of_tls_are_found_in_the_details() {
        let details = |value| {
            let legacy = format!(r#"{{"key":"Legacy TLS (TLS 1.0, 1.1)","value":"{value}"}}"#);
            format!(r#"[{{"key":"a","value":"True"}},{legacy},{{"key":"x","value":"True"}}]"#)
        };
        assert!(super::has_legacy_tls(&details("True")));
        assert!(!super::has_legacy_tls(&details("False")) && !super::has_legacy_tls("[]"));
    }
}
