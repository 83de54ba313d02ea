//! `authenticationDetails` and what belongs to it.

use super::{Shape, write_time};
use crate::json::{Object, write_list};
use crate::moment::{Moment, SECOND};
use crate::people::Factor;
use crate::plan::Steps;

/// One authentication step.
struct Step {
    /// Seconds before the sign-in.
    earlier_s: i64,
    method: &'static str,
    detail: Option<&'static str>,
    succeeded: bool,
    result: &'static str,
    requirement: &'static str,
}

const PRIMARY: &str = "Primary authentication";
const SECOND_FACTOR: &str = "Multi-factor authentication";

/// The second factor's name in the steps.
pub(crate) fn method(factor: Factor) -> &'static str {
    match factor {
        Factor::AppNotification => "Mobile app notification",
        Factor::AppCode => "OATH verification code",
        Factor::Text => "Text message",
        Factor::Fido => "FIDO2 security key",
    }
}

fn password(succeeded: bool) -> Step {
    Step {
        earlier_s: 14,
        method: "Password",
        detail: Some("Password Hash Sync"),
        succeeded,
        result: if succeeded { "Correct password" } else { "Invalid username or password" },
        requirement: PRIMARY,
    }
}

fn list(steps: Steps, factor: Factor) -> Vec<Step> {
    let second = |succeeded, result| Step {
        earlier_s: 3,
        method: method(factor),
        detail: None,
        succeeded,
        result,
        requirement: SECOND_FACTOR,
    };
    let claim = |result, requirement| Step {
        earlier_s: 0,
        method: "Previously satisfied",
        detail: None,
        succeeded: true,
        result,
        requirement,
    };
    match steps {
        Steps::None => Vec::new(),
        Steps::Claim => {
            vec![claim("First factor requirement satisfied by claim in the token", PRIMARY)]
        }
        Steps::Password => vec![password(true)],
        Steps::PasswordMfa => vec![password(true), second(true, "MFA successfully completed")],
        Steps::Hello => vec![Step {
            earlier_s: 0,
            method: "Windows Hello for Business",
            detail: None,
            succeeded: true,
            result: "",
            requirement: PRIMARY,
        }],
        Steps::Wrong => vec![password(false)],
        Steps::Pending => {
            vec![password(true), Step { method: "", ..second(false, "MFA required in Azure AD") }]
        }
        Steps::Refused => {
            vec![password(true), second(false, "MFA denied; user declined the authentication")]
        }
    }
}

/// The member `authenticationDetails`. `revised` adds the step that was missing at first.
pub(crate) fn write(
    object: &mut Object<'_>,
    steps: Steps,
    factor: Factor,
    created: Moment,
    revised: bool,
    shape: Shape,
) {
    let mut rows = list(steps, factor);
    if revised {
        rows.push(Step {
            earlier_s: 0,
            method: "Previously satisfied",
            detail: None,
            succeeded: true,
            result: "MFA requirement satisfied by claim in the token",
            requirement: SECOND_FACTOR,
        });
    }
    write_list(object.key("authenticationDetails"), rows.iter().enumerate(), |out, (at, row)| {
        let mut step = Object::open(out);
        let time = Moment(created.0 - row.earlier_s * SECOND);
        match shape {
            Shape::Diagnostic => {
                write_time(step.key("authenticationStepDateTime"), time, "+00:00\"");
            }
            Shape::GraphBeta => {
                let out = step.key("authenticationStepDateTime");
                out.push(b'"');
                out.extend_from_slice(&time.text()[..19]);
                out.extend_from_slice(b"Z\"");
            }
        }
        if !row.method.is_empty() {
            step.text("authenticationMethod", row.method);
        }
        if row.detail.is_some() || shape == Shape::GraphBeta {
            step.text_or_null("authenticationMethodDetail", row.detail);
        }
        step.bool("succeeded", row.succeeded);
        if !row.result.is_empty() {
            step.text("authenticationStepResultDetail", row.result);
        }
        step.text("authenticationStepRequirement", row.requirement);
        if shape == Shape::Diagnostic {
            let sequence = if at == 0 { 0 } else { time.0 / 10_000 };
            step.int("StatusSequence", sequence);
            step.int("RequestSequence", if at == 0 { 1 } else { sequence });
        }
        step.close();
    });
}
