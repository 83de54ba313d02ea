//! What the authentication steps say.

use durward_model::FieldId;
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

pub(super) fn facts(entity: &Entity<'_>) -> AuthenticationFacts {
    let steps = entity.text(FieldId::AuthenticationDetails);
    let steps: Vec<Step> = serde_json::from_str(&steps).unwrap_or_default();
    let mut facts = AuthenticationFacts {
        is_single_factor: entity
            .text(FieldId::AuthenticationRequirement)
            .eq_ignore_ascii_case("singleFactorAuthentication"),
        ..AuthenticationFacts::default()
    };
    let method = entity.text(FieldId::MfaAuthMethod).to_ascii_lowercase();
    facts.is_passcode = method.contains("oath");
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
}
