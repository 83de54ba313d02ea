//! What happened in a sign-in, in words for the person whose sign-in it is: no codes, no terms of
//! administrators, and what to do if it was somebody else.

use durward_model::errors::{self, Category, Status};
use durward_model::{Event, FieldId, graph};
use serde_json::Value;

/// What to do if a password is known to somebody else.
const KNOWN: &str = "If that was not you, somebody knows your password: change it now.";
/// What to do if somebody got in.
const INSIDE: &str = "If that was not you, somebody got in: change your password now.";
/// What to do if somebody stood at the door.
const OUTSIDE: &str = "Nobody got in. If that was not you, somebody may be trying passwords: a long \
                       one that you use nowhere else keeps them out.";
/// What to do if nothing of it tells of a stranger.
const HARMLESS: &str = "Nobody got in.";

/// What is said of a sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// What happened.
    pub(super) what: String,
    /// What to do if it was somebody else.
    pub(super) if_not_you: &'static str,
    /// Would a stranger's attempt have had the right password?
    pub(super) is_serious: bool,
}

/// How a sign-in ended, in a word.
pub(super) fn outcome(status: Status) -> &'static str {
    match status {
        Status::Success => "Successful",
        Status::Failure => "Unsuccessful",
        Status::Interrupted => "Not finished",
    }
}

/// What happened, and what it means.
pub(super) fn told(event: &Event) -> Told {
    let steps = Steps::of(event);
    let code = event.cell(FieldId::ErrorCode).as_int();
    if graph::status(event) == Some(Status::Success) {
        return Told { what: success(&steps), if_not_you: INSIDE, is_serious: false };
    }
    let category = code.and_then(errors::lookup).map(|known| known.category);
    // The second step is asked for when the first was right.
    let was_right = steps.password_was_right || code == Some(500_121);
    let clause = clause(code, category, &steps);
    if was_right {
        let what = format!("Your password was right, but {clause}.");
        return Told { what, if_not_you: KNOWN, is_serious: true };
    }
    let if_not_you = match category {
        Some(Category::Credentials | Category::AccountState | Category::Mfa | Category::Risk) => {
            OUTSIDE
        }
        _ => HARMLESS,
    };
    Told { what: sentence(&clause), if_not_you, is_serious: false }
}

fn success(steps: &Steps) -> String {
    match &steps.second {
        Second::Done(method) if method.is_empty() => {
            "You signed in, and confirmed it with a second step.".to_owned()
        }
        Second::Done(method) => format!("You signed in, and confirmed it with: {method}."),
        Second::Remembered => "You signed in. The second step was not asked for again, as this \
                               device had done it before."
            .to_owned(),
        _ if steps.password_was_right => "You signed in with your password.".to_owned(),
        _ => "You signed in.".to_owned(),
    }
}

/// What stood in the way, as a clause that begins in lower case.
fn clause(code: Option<i64>, category: Option<Category>, steps: &Steps) -> String {
    if let Some(why) = steps.why_refused().filter(|_| category == Some(Category::Mfa)) {
        return why.to_owned();
    }
    let of_code = match code {
        Some(50_126) => "the password was wrong",
        Some(50_053) => "too many attempts had failed, so signing in was blocked for a while",
        Some(50_055 | 50_144) => "the password has expired and has to be changed",
        Some(50_057) => "the account is switched off",
        Some(50_072 | 50_079 | 50_203) => {
            "you were asked to set up a second step, such as an app on your phone"
        }
        _ => "",
    };
    let clause = match of_code {
        "" => category.map_or("the sign-in did not succeed", of_category),
        known => known,
    };
    clause.to_owned()
}

fn of_category(category: Category) -> &'static str {
    match category {
        Category::Success => "nothing stood in the way",
        Category::Credentials => "the password, code or certificate was not accepted",
        Category::Mfa => "a second step was asked for and not completed",
        Category::ConditionalAccess => {
            "the rules of your organisation do not allow it from that device, place or application"
        }
        Category::AccountState => "the account cannot sign in at the moment",
        Category::Consent => "the application asked for a permission that was not given",
        Category::Token | Category::Session => {
            "an earlier sign-in had run out, so signing in again was needed"
        }
        Category::Interrupt => {
            "the page asked something on the way, such as whether to stay signed in, which is usual"
        }
        Category::Device => "the device was not known, or not set up for it",
        Category::ExternalUser | Category::TenantRestriction => {
            "the account may not be used in that organisation"
        }
        Category::PasswordChange => "changing the password did not work",
        Category::Passwordless | Category::Certificate => {
            "the security key, phone or certificate was not accepted"
        }
        Category::Risk => "it looked unusual and was stopped",
        Category::AppConfig
        | Category::Federation
        | Category::Saml
        | Category::KerberosSso
        | Category::OnpremAgent
        | Category::Tenant
        | Category::Request
        | Category::Service => "the application or the service had a problem of its own",
    }
}

/// A clause as a sentence.
fn sentence(clause: &str) -> String {
    let mut letters = clause.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}

/// How it was confirmed that it was them.
pub(super) fn second_step(event: &Event) -> Option<String> {
    let steps = Steps::of(event);
    let words = match &steps.second {
        Second::Done(method) if method.is_empty() => "Done".to_owned(),
        Second::Done(method) => format!("Done: {method}"),
        Second::Remembered => "Done before on this device, and remembered".to_owned(),
        Second::Failed { .. } => "Asked for, and not completed".to_owned(),
        Second::None => {
            let required = event.cell(FieldId::AuthenticationRequirement).to_string();
            match required.as_str() {
                "singleFactorAuthentication" => "Not asked for".to_owned(),
                "multiFactorAuthentication" => "Asked for".to_owned(),
                _ => return None,
            }
        }
    };
    Some(words)
}

/// Did the sign-in fulfil what the organisation demands?
pub(super) fn rules(event: &Event) -> Option<&'static str> {
    let status = event.cell(FieldId::ConditionalAccessStatus).to_string();
    match status.as_str() {
        "success" => Some("Met"),
        "failure" => Some("Not met"),
        "notApplied" => Some("None applied"),
        _ => None,
    }
}

/// What `authenticationDetails` tell.
struct Steps {
    password_was_right: bool,
    second: Second,
}

enum Second {
    /// No second step is known of.
    None,
    /// Done just then, in this way.
    Done(String),
    /// Done in an earlier sign-in.
    Remembered,
    /// Asked for, in this way, and with this result, in the words of the source.
    Failed { method: String, result: String },
}

impl Steps {
    fn of(event: &Event) -> Steps {
        let cell = event.cell(FieldId::AuthenticationDetails);
        let list = cell.as_text().and_then(|json| serde_json::from_str(json).ok());
        let list: Vec<Value> = list.unwrap_or_default();
        let mut steps = Steps { password_was_right: false, second: Second::None };
        for (index, step) in list.iter().enumerate() {
            let text = |name: &str| step[name].as_str().unwrap_or_default();
            let method = text("authenticationMethod");
            let succeeded = step["succeeded"].as_bool();
            if method == "Password" && succeeded == Some(true) {
                steps.password_was_right = true;
            }
            let is_second = match text("authenticationStepRequirement") {
                "" => index > 0 && method != "Password",
                requirement => requirement.to_ascii_lowercase().contains("multi"),
            };
            if !is_second {
                continue;
            }
            let result = text("authenticationStepResultDetail").to_ascii_lowercase();
            let is_remembered = method == "Previously satisfied" || result.contains("by claim");
            steps.second = match succeeded {
                Some(true) if is_remembered => Second::Remembered,
                Some(true) => Second::Done(method.to_owned()),
                // What was not answered yet has no method, or no result.
                _ => Second::Failed { method: method.to_owned(), result },
            };
        }
        steps
    }

    /// What went wrong in the second step, as a clause.
    fn why_refused(&self) -> Option<&'static str> {
        let Second::Failed { method, result } = &self.second else { return None };
        let says = |words: &[&str]| words.iter().any(|word| result.contains(word));
        let is_code = method.to_ascii_lowercase().contains("code");
        if says(&["declined", "denied", "fraud"]) {
            Some("the request to confirm it was declined")
        } else if says(&["timed out", "timeout", "no response", "did not respond", "expired"]) {
            Some("the second step was not done in time")
        } else if says(&["invalid code", "wrong code", "incorrect code"])
            || is_code && says(&["invalid", "wrong", "incorrect"])
        {
            Some("the code was wrong")
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use durward_ingest::{Collected, Decoder, Options};
    use durward_model::Timestamp;
    use serde_json::json;

    use super::*;

    fn event(code: i64, steps: Value) -> Event {
        let record = json!({
            "id": "00000001-0000-4000-8000-000000000000",
            "createdDateTime": "2026-03-02T12:00:00Z",
            "userPrincipalName": "maria@x.example",
            "signInEventTypes": ["interactiveUser"],
            "isInteractive": true,
            "conditionalAccessStatus": "failure",
            "status": { "errorCode": code },
            "authenticationDetails": steps,
        });
        let mut found = Collected::default();
        let mut decoder = Decoder::new(Options::new(Timestamp::from_micros(0)));
        let text = record.to_string();
        decoder.decode_bytes("test", text.as_bytes(), &mut found).unwrap();
        Event::of_batch(&found.batches[0], 0)
    }

    fn step(method: &str, requirement: &str, succeeded: bool, result: &str) -> Value {
        json!({
            "authenticationMethod": method,
            "authenticationStepRequirement": requirement,
            "succeeded": succeeded,
            "authenticationStepResultDetail": result,
        })
    }

    const FIRST: &str = "Primary authentication";
    const SECOND: &str = "Multi-factor authentication";

    #[test]
    fn a_right_password_and_a_wrong_second_step_are_told_apart_from_guessing() {
        let right = || step("Password", FIRST, true, "Correct password");
        for (code, steps, what, if_not_you) in [
            (
                500_121,
                json!([right(), step("OATH verification code", SECOND, false, "Invalid code")]),
                "Your password was right, but the code was wrong.",
                KNOWN,
            ),
            (
                500_121,
                json!([right(), step("Mobile app notification", SECOND, false, "MFA denied")]),
                "Your password was right, but the request to confirm it was declined.",
                KNOWN,
            ),
            (
                500_121,
                json!([]),
                "Your password was right, but a second step was asked for and not completed.",
                KNOWN,
            ),
            (
                53_003,
                json!([right()]),
                "Your password was right, but the rules of your organisation do not allow it from \
                 that device, place or application.",
                KNOWN,
            ),
            (
                50_126,
                json!([step("Password", FIRST, false, "Invalid username or password")]),
                "The password was wrong.",
                OUTSIDE,
            ),
            (
                50_140,
                json!([]),
                "The page asked something on the way, such as whether to stay signed in, which is \
                 usual.",
                HARMLESS,
            ),
            (1, json!([]), "The sign-in did not succeed.", HARMLESS),
        ] {
            let told = told(&event(code, steps));
            assert_eq!(told.what, what);
            assert_eq!(told.if_not_you, if_not_you, "{code}");
            assert_eq!(told.is_serious, if_not_you == KNOWN, "{code}");
        }
    }

    #[test]
    fn success_says_how_it_was_confirmed() {
        let right = || step("Password", FIRST, true, "Correct password");
        let claim = "MFA requirement satisfied by claim in the token";
        for (steps, what, second) in [
            (json!([]), "You signed in.", None),
            (json!([right()]), "You signed in with your password.", None),
            (
                json!([right(), step("Text message", SECOND, true, "")]),
                "You signed in, and confirmed it with: Text message.",
                Some("Done: Text message"),
            ),
            (
                json!([step("Previously satisfied", SECOND, true, claim)]),
                "You signed in. The second step was not asked for again, as this device had done \
                 it before.",
                Some("Done before on this device, and remembered"),
            ),
            // As durward records its own sign-ins.
            (
                json!([right(), step("Authenticator app code", "", true, "Right")]),
                "You signed in, and confirmed it with: Authenticator app code.",
                Some("Done: Authenticator app code"),
            ),
        ] {
            let event = event(0, steps);
            assert_eq!(told(&event).what, what);
            assert_eq!(told(&event).if_not_you, INSIDE);
            assert_eq!(second_step(&event).as_deref(), second);
            assert_eq!(rules(&event), Some("Not met"));
        }
    }

    #[test]
    fn no_code_of_the_table_is_told_in_terms_of_administrators() {
        for known in errors::all() {
            let Told { what, .. } = told(&event(known.code, json!([])));
            for term in ["Conditional Access", "MFA", "tenant", "AADSTS", "token", "policy"] {
                assert!(!what.contains(term), "{}: {what}", known.code);
            }
            assert!(what.ends_with('.') && what.starts_with(char::is_uppercase), "{what}");
        }
    }
}
