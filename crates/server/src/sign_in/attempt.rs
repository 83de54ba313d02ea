//! Attempts to sign in to durward, as sign-in records.
//!
//! They take the shape that Graph gives sign-ins, so that everything that reads the logs of others
//! reads durward's own as well:
//!
//! | what happened | log | `errorCode` |
//! | --- | --- | --- |
//! | signed in, by password, code or provider | interactive | 0 |
//! | the password was right, a code is asked for | interactive | 50074 |
//! | wrong name or password, which nobody outside can tell apart | interactive | 50126 |
//! | wrong code, or one that was used before | interactive | 500121 |
//! | the account is disabled; the password was right | interactive | 50057 |
//! | refused unseen after too many failures; one record per address and minute | interactive | 50053 |
//! | the provider refused, or what it sent did not hold | interactive | 50000 |
//! | wrong secret at the token endpoint | service principal | 7000215 |
//!
//! The tenant is durward itself: an identifier made from a key of the installation, so that these
//! records never mix with those of the tenants whose logs are kept here. `userId` is the person's
//! object identifier in Entra where it is known, so that they find both in one place.

use std::net::IpAddr;

use durward_model::{Id, Timestamp, errors};
use serde_json::{Value, json};

/// durward as an application and as a resource. Never changes.
pub(crate) const APP_ID: &str = "d0a7d000-5195-4e1f-9c1c-0d0a7d5161a5";
/// Longest name that is kept: longer user principal names do not exist.
pub(crate) const NAME_CHARS_MAX: usize = 113;
/// Most that is kept of other texts that strangers send.
const TEXT_CHARS_MAX: usize = 300;

/// Who tried: as much as is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Subject {
    /// What was typed, or what the provider calls them.
    pub(crate) name: String,
    /// What they are called.
    pub(crate) display_name: String,
    /// Their object identifier, or ours.
    pub(crate) id: String,
}

impl Subject {
    /// Somebody of whom only a name is known, which may be anything.
    pub(crate) fn named(name: &str) -> Subject {
        Subject { name: clean(name, NAME_CHARS_MAX), ..Subject::default() }
    }

    /// Somebody with an account.
    pub(crate) fn person(person: &durward_access::Person) -> Subject {
        Subject {
            name: clean(&person.name, NAME_CHARS_MAX),
            display_name: person.display_name.clone(),
            id: person.object_id.clone().unwrap_or_else(|| person.id.clone()),
        }
    }
}

/// How somebody tried to show who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// By a password.
    Password,
    /// By a code of an authenticator app, after a password.
    Code,
    /// By a recovery code, after a password.
    RecoveryCode,
    /// By a one-time link.
    Link,
    /// At the provider.
    Provider,
    /// A program, by a secret.
    Secret,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Signed in.
    Success,
    /// Half way: a code is asked for.
    CodeNeeded,
    /// The name or the password is wrong.
    WrongPassword,
    /// The code is wrong.
    WrongCode,
    /// The account is disabled.
    Disabled,
    /// A program's secret is wrong.
    WrongSecret,
    /// So many attempts were refused unseen.
    Refused(u64),
    /// What the provider said, or what was wrong with it.
    Provider(String),
}

impl Outcome {
    fn code(&self) -> i64 {
        match self {
            Outcome::Success => 0,
            Outcome::CodeNeeded => 50_074,
            Outcome::WrongPassword => 50_126,
            Outcome::WrongCode => 500_121,
            Outcome::Disabled => 50_057,
            Outcome::WrongSecret => 7_000_215,
            Outcome::Refused(_) => 50_053,
            Outcome::Provider(_) => 50_000,
        }
    }

    fn status(&self) -> Value {
        let code = self.code();
        let reason = match self {
            Outcome::Success => "Other.",
            Outcome::Provider(why) => why,
            _ => errors::lookup(code).map_or("", |known| known.reason),
        };
        let details = match self {
            Outcome::Refused(1) => "1 attempt was refused unseen".to_owned(),
            Outcome::Refused(count) => format!("{count} attempts were refused unseen"),
            _ => String::new(),
        };
        json!({
            "errorCode": code,
            "failureReason": clean(reason, TEXT_CHARS_MAX),
            "additionalDetails": details,
        })
    }
}

/// One attempt.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    /// When.
    pub(crate) at: Timestamp,
    /// Identifier of the request.
    pub(crate) id: String,
    /// What the steps of one sign-in have in common.
    pub(crate) correlation: String,
    /// Who.
    pub(crate) subject: Subject,
    /// From where.
    pub(crate) address: IpAddr,
    /// With what.
    pub(crate) user_agent: String,
    /// How.
    pub(crate) way: Way,
    /// What came of it.
    pub(crate) outcome: Outcome,
}

impl Attempt {
    /// The record.
    pub(crate) fn to_json(&self, tenant: &str) -> Value {
        let mut record = json!({
            "id": self.id,
            "createdDateTime": self.at.to_rfc3339(),
            "correlationId": self.correlation,
            "tenantId": tenant,
            "homeTenantId": tenant,
            "homeTenantName": "durward",
            "resourceTenantId": tenant,
            "appDisplayName": "durward",
            "resourceDisplayName": "durward",
            "resourceId": APP_ID,
            "ipAddress": self.address.to_string(),
            "userAgent": clean(&self.user_agent, TEXT_CHARS_MAX),
            "conditionalAccessStatus": "notApplied",
            "status": self.outcome.status(),
        });
        let more = match self.way {
            Way::Secret => json!({
                "signInEventTypes": ["servicePrincipal"],
                "appId": self.subject.id,
                "servicePrincipalId": self.subject.id,
                "servicePrincipalName": self.subject.name,
                "isInteractive": false,
            }),
            _ => json!({
                "signInEventTypes": ["interactiveUser"],
                "appId": APP_ID,
                "userPrincipalName": self.subject.name,
                "userDisplayName": self.subject.display_name,
                "userId": self.subject.id,
                "userType": "member",
                "isInteractive": true,
                "clientAppUsed": "Browser",
                "deviceDetail": {
                    "browser": browser(&self.user_agent),
                    "operatingSystem": system(&self.user_agent),
                },
                "authenticationRequirement": match self.way {
                    Way::Code | Way::RecoveryCode => "multiFactorAuthentication",
                    _ if self.outcome == Outcome::CodeNeeded => "multiFactorAuthentication",
                    _ => "singleFactorAuthentication",
                },
                "authenticationDetails": self.steps(),
            }),
        };
        if let (Value::Object(record), Value::Object(more)) = (&mut record, more) {
            record.extend(more);
        }
        record
    }

    fn steps(&self) -> Value {
        let at = self.at.to_rfc3339();
        let step = |method: &str, succeeded: bool| {
            json!({
                "authenticationStepDateTime": at,
                "authenticationMethod": method,
                "succeeded": succeeded,
                "authenticationStepResultDetail": if succeeded { "Right" } else { "Wrong" },
            })
        };
        let is_right = self.outcome == Outcome::Success;
        match (self.way, &self.outcome) {
            (_, Outcome::Refused(_)) => json!([]),
            (Way::Password, Outcome::CodeNeeded | Outcome::Disabled) => {
                json!([step("Password", true)])
            }
            (Way::Password, _) => json!([step("Password", is_right)]),
            (Way::Code, _) => {
                json!([step("Password", true), step("Authenticator app code", is_right)])
            }
            (Way::RecoveryCode, _) => {
                json!([step("Password", true), step("Recovery code", is_right)])
            }
            (Way::Link, _) => json!([step("One-time link", is_right)]),
            (Way::Provider, _) => json!([step("Federated", is_right)]),
            (Way::Secret, _) => json!([]),
        }
    }
}

/// A text of strangers on one line, and not too long.
pub(crate) fn clean(text: &str, chars_max: usize) -> String {
    let shown = text.chars().map(|char| if char.is_control() { ' ' } else { char });
    shown.take(chars_max).collect::<String>().trim().to_owned()
}

/// An identifier in the form of a GUID, made from what identifies something.
pub(crate) fn guid_of(bytes: &[u8]) -> String {
    let Id(mut id) = Id::hash(bytes);
    // The bits that say "in a way of our own" (RFC 9562, version 8).
    id[6] = id[6] & 0x0f | 0x80;
    id[8] = id[8] & 0x3f | 0x80;
    Id(id).to_string()
}

/// Marks of browsers in what they call themselves, the more telling ones first, and their names.
const BROWSERS: [(&str, &str); 7] = [
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Version/", "Safari"),
];
/// As [`BROWSERS`], of systems.
const SYSTEMS: [(&str, &str); 7] = [
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iOS"),
    ("Mac OS X", "MacOs"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
];

/// `Firefox 140`; for what is no browser, its first word.
fn browser(user_agent: &str) -> String {
    for (mark, name) in BROWSERS {
        if let Some((_, rest)) = user_agent.split_once(mark) {
            let version = rest.split(|char: char| !char.is_ascii_digit()).next();
            return format!("{name} {}", clean(version.unwrap_or_default(), 10)).trim().to_owned();
        }
    }
    let word = user_agent.split(['/', ' ']).next();
    clean(word.unwrap_or_default(), 40)
}

fn system(user_agent: &str) -> &'static str {
    let found = SYSTEMS.iter().find(|(mark, _)| user_agent.contains(mark));
    found.map_or("", |(_, name)| name)
}

#[cfg(test)]
pub(super) mod tests {
    use durward_ingest::{Collected, Decoder, Options};
    use durward_model::{Event, FieldId, Log};

    use super::*;

    pub(in super::super) fn attempt(name: &str, outcome: Outcome) -> Attempt {
        Attempt {
            at: Timestamp::from_micros(1_772_437_269_000_000),
            id: guid_of(name.as_bytes()),
            correlation: guid_of(b"correlation"),
            subject: Subject::named(name),
            address: "192.0.2.7".parse().unwrap(),
            user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
                .to_owned(),
            way: Way::Password,
            outcome,
        }
    }

    fn decode(attempt: &Attempt) -> (Log, Event) {
        let line = attempt.to_json("11111111-2222-4333-8444-555555555555").to_string();
        let mut found = Collected::default();
        let mut decoder = Decoder::new(Options::new(attempt.at));
        let summary = decoder.decode_bytes("own", line.as_bytes(), &mut found).unwrap();
        assert_eq!((summary.rejected, summary.records()), (0, 1), "{line}");
        let log = Log::ALL.into_iter().find(|log| summary.by_log[*log as usize] == 1).unwrap();
        (log, Event::of_batch(&found.batches[0], 0))
    }

    #[test]
    fn an_attempt_is_a_sign_in_like_any_other() {
        let (log, event) = decode(&attempt("maria@x.example", Outcome::WrongPassword));
        assert_eq!(log, Log::InteractiveUser);
        for (field, wanted) in [
            (FieldId::UserPrincipalName, "maria@x.example"),
            (FieldId::IpAddress, "192.0.2.7"),
            (FieldId::TenantId, "11111111-2222-4333-8444-555555555555"),
            (FieldId::HomeTenantName, "durward"),
            (FieldId::AppDisplayName, "durward"),
            (FieldId::Browser, "Firefox 140"),
            (FieldId::OperatingSystem, "Linux"),
            (FieldId::ClientAppUsed, "Browser"),
            (FieldId::FailureReason, errors::lookup(50_126).unwrap().reason),
        ] {
            assert_eq!(event.cell(field).as_text(), Some(wanted), "{field:?}");
        }
    }

    #[test]
    fn programs_go_to_the_log_of_programs() {
        let subject = Subject { id: guid_of(b"x"), ..Subject::named("worker") };
        let way = Way::Secret;
        let outcome = Outcome::WrongSecret;
        let (log, event) = decode(&Attempt { subject, way, ..attempt("", outcome) });
        assert_eq!(log, Log::ServicePrincipal);
        assert_eq!(event.cell(FieldId::ServicePrincipalName).as_text(), Some("worker"));
    }

    #[test]
    fn every_outcome_has_its_code() {
        for (outcome, code) in [
            (Outcome::Success, 0),
            (Outcome::CodeNeeded, 50_074),
            (Outcome::WrongPassword, 50_126),
            (Outcome::WrongCode, 500_121),
            (Outcome::Disabled, 50_057),
            (Outcome::Refused(7), 50_053),
            (Outcome::Provider("access_denied: no".to_owned()), 50_000),
        ] {
            let record = attempt("a", outcome.clone()).to_json("t");
            assert_eq!(record["status"]["errorCode"], code);
            let reason = record["status"]["failureReason"].as_str().unwrap();
            assert!(!reason.is_empty(), "{outcome:?}");
        }
        let refused = attempt("a", Outcome::Refused(7)).to_json("t");
        assert_eq!(refused["status"]["additionalDetails"], "7 attempts were refused unseen");
    }

    #[test]
    fn what_strangers_type_is_cut_and_kept_on_one_line() {
        let name = format!(" a\r\n\u{0}{}", "é".repeat(500));
        let subject = Subject::named(&name);
        assert!(subject.name.starts_with("a") && subject.name.ends_with('é'), "{}", subject.name);
        assert!(subject.name.chars().count() <= NAME_CHARS_MAX);
        assert!(!subject.name.chars().any(char::is_control));
    }

    #[test]
    fn browsers_and_systems_by_their_marks() {
        for (text, wanted) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0",
                ("Edge 141", "Windows"),
            ),
            (
                "Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/141.0.0.0 Mobile Safari/537.36",
                ("Chrome 141", "Android"),
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 \
                 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1",
                ("Safari 19", "iOS"),
            ),
            ("curl/8.14.1", ("curl", "")),
            ("", ("", "")),
        ] {
            assert_eq!((browser(text).as_str(), system(text)), wanted, "{text}");
        }
    }
}
