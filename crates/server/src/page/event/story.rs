//! What happened in a sign-in, why, and what to do: in one or two sentences for administrators,
//! with the fields each claim rests on. Pure: from facts to words.

mod policy;
mod simple;
#[cfg(test)]
mod tests;
mod timeline;

use durward_model::errors::{Category, Status};

use super::facts::{Facts, Step};

pub(in crate::page) use timeline::{Tone, timeline};

/// Text, with the names in it marked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::page) struct Words(pub(in crate::page) Vec<(String, bool)>);

impl Words {
    pub(in crate::page) fn of(text: impl Into<String>) -> Words {
        Words(vec![(text.into(), false)])
    }

    pub(in crate::page) fn and(mut self, text: impl Into<String>) -> Words {
        self.0.push((text.into(), false));
        self
    }

    /// A name.
    pub(in crate::page) fn name(mut self, text: impl Into<String>) -> Words {
        self.0.push((text.into(), true));
        self
    }

    pub(in crate::page) fn plain(&self) -> String {
        self.0.iter().map(|(text, _)| text.as_str()).collect()
    }
}

/// What is told of a sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::page) struct Story {
    /// One or two words: `Blocked`.
    pub(in crate::page) verdict: &'static str,
    /// What happened and why.
    pub(in crate::page) what: Words,
    /// What an administrator does next; empty where there is nothing to do.
    pub(in crate::page) advice: String,
    /// What can be sent to the user, or for workloads to whoever runs them.
    pub(in crate::page) tell: String,
    /// Claims, and the field and value each rests on.
    pub(in crate::page) evidence: Vec<(&'static str, String)>,
}

/// What became of the first step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::page) enum First {
    Right,
    Wrong,
    /// Taken over from an earlier sign-in.
    ByClaim,
    /// Accepted, without a password.
    Other(String),
    Unknown,
}

/// What became of the second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::page) enum Second {
    Done(String),
    ByClaim,
    Failed { method: String, result: String },
    None,
}

/// What happened.
pub(in crate::page) fn told(facts: &Facts) -> Story {
    let mut story = match facts.status {
        Status::Success => success(facts),
        _ => unsuccessful(facts),
    };
    story.evidence.splice(0..0, result_evidence(facts));
    story
}

fn unsuccessful(facts: &Facts) -> Story {
    let is_block = facts.category() == Some(Category::ConditionalAccess);
    match facts.code {
        _ if is_block => policy::blocked(facts),
        Some(50_074 | 50_076) => policy::needs_mfa(facts),
        Some(50_158) => policy::external(facts),
        Some(500_121) => mfa_failed(facts),
        _ => simple::told(facts),
    }
}

/// The first step, from the steps of the record.
pub(in crate::page) fn first(facts: &Facts) -> First {
    let primary = |step: &&Step| !step.is_second();
    let Some(step) = facts.steps.iter().find(primary) else { return First::Unknown };
    match step.succeeded {
        _ if step.is_by_claim() => First::ByClaim,
        Some(true) if step.is_password() => First::Right,
        Some(false) if step.is_password() => First::Wrong,
        Some(true) if !step.method.is_empty() => First::Other(step.method.clone()),
        _ => First::Unknown,
    }
}

/// The second step, from the steps and the details of the result.
pub(in crate::page) fn second(facts: &Facts) -> Second {
    let second = |step: &&Step| step.is_second();
    if let Some(step) = facts.steps.iter().rev().find(second) {
        return match step.succeeded {
            _ if step.is_by_claim() => Second::ByClaim,
            Some(true) => Second::Done(step.method.clone()),
            _ => Second::Failed { method: step.method.clone(), result: step.result.clone() },
        };
    }
    match facts.text("status/additionalDetails") {
        details if details.contains("satisfied by claim in the token") => Second::ByClaim,
        details if details.starts_with("MFA completed") => Second::Done(String::new()),
        _ => Second::None,
    }
}

/// The beginning of a sentence that goes on with what stood in the way.
pub(super) fn lead(facts: &Facts) -> (Words, bool) {
    let text = match first(facts) {
        First::Right => "The password was right, but ".to_owned(),
        First::ByClaim => "The user was signed in already, but ".to_owned(),
        First::Other(method) => format!("{method} was accepted, but "),
        First::Wrong | First::Unknown => return (Words::default(), true),
    };
    (Words::of(text), false)
}

/// With a capital where it begins a sentence.
pub(super) fn begin(text: &str, is_first: bool) -> String {
    let mut letters = text.chars();
    match letters.next().filter(|_| is_first) {
        Some(letter) => letter.to_uppercase().chain(letters).collect(),
        None => text.to_owned(),
    }
}

fn success(facts: &Facts) -> Story {
    let what = match (first(facts), second(facts)) {
        (_, Second::Done(method)) if method.is_empty() => "With multifactor authentication.".into(),
        (First::Right, Second::Done(method)) => format!("With password and MFA: {method}."),
        (_, Second::Done(method)) => format!("With MFA: {method}."),
        (First::Right, Second::ByClaim) => {
            "With the password; MFA was satisfied by a claim in the token, from an earlier sign-in."
                .to_owned()
        }
        (_, Second::ByClaim) => "Nothing was asked: MFA was satisfied by a claim in the token, \
                                 from an earlier sign-in."
            .to_owned(),
        (First::Right, _) => "With the password alone; MFA was not asked for.".to_owned(),
        (First::Other(method), _) => format!("With {method}."),
        (First::ByClaim, _) => {
            "Without a prompt, from an earlier sign-in; MFA was not asked for.".to_owned()
        }
        _ if facts.is_workload() => workload_success(facts),
        _ => "Every requirement was met.".to_owned(),
    };
    let mut what = Words::of(what);
    let mut advice = String::new();
    if let Some(client) = facts.legacy_client().filter(|_| !facts.is_workload()) {
        what = what.and(format!(" The client uses {client}, which cannot do MFA."));
        advice =
            "Move this client to modern authentication, or block legacy authentication.".to_owned();
    }
    let would = would_change(facts);
    if let Some(policy) = would.first() {
        let does = match policy.result.as_str() {
            "reportOnlyInterrupted" => " would have asked for more",
            _ if policy.asks("block") => " would have blocked it",
            _ => " would not have let it through as it was",
        };
        what =
            what.and(" Report-only policy ").name(&policy.name).and(does).and(match would.len() {
                1 => ".".to_owned(),
                count => format!(", as would {} more.", count - 1),
            });
    }
    let evidence = would
        .iter()
        .map(|policy| {
            ("Report-only policy", format!("{}: result = {}", policy.name, policy.result))
        })
        .collect();
    Story { verdict: "Signed in", what, advice, tell: String::new(), evidence }
}

/// Report-only policies that would have changed the outcome.
pub(in crate::page) fn would_change(facts: &Facts) -> Vec<&super::facts::Policy> {
    let changes = |policy: &&super::facts::Policy| {
        facts.status == Status::Success
            && matches!(policy.result.as_str(), "reportOnlyFailure" | "reportOnlyInterrupted")
    };
    facts.policies.iter().flatten().filter(changes).collect()
}

fn workload_success(facts: &Facts) -> String {
    match facts.text("clientCredentialType") {
        "clientSecret" => "With a client secret.".to_owned(),
        "clientAssertion" | "certificate" => "With a certificate.".to_owned(),
        "federatedIdentityCredential" => "With a federated credential.".to_owned(),
        _ if facts.log == durward_model::Log::ManagedIdentity => {
            "As a managed identity; there is no secret to steal.".to_owned()
        }
        _ => "Every requirement was met.".to_owned(),
    }
}

fn mfa_failed(facts: &Facts) -> Story {
    let details = facts.text("status/additionalDetails");
    let (method, result) = match second(facts) {
        Second::Failed { method, result } => (method, result),
        _ => (String::new(), String::new()),
    };
    let result = if result.is_empty() { details.to_owned() } else { result };
    let lower = result.to_ascii_lowercase();
    let (verdict, how, tell) = if lower.contains("declined") || lower.contains("denied the") {
        ("MFA denied", "the user declined the request", DENIED)
    } else if lower.contains("did not respond") || lower.contains("timed out") {
        ("MFA not answered", "nobody answered the request in time", UNANSWERED)
    } else if lower.contains("code") || lower.contains("incorrect") {
        ("MFA failed", "the code was wrong", WRONG_CODE)
    } else if lower.contains("fraud") {
        ("Fraud reported", "the user reported the request as fraud", DENIED)
    } else {
        ("MFA failed", "the second factor was not given", UNANSWERED)
    };
    let (words, is_first) = match lead(facts) {
        // The second step is asked for when the first was accepted.
        (_, true) => (Words::of("The first factor was accepted, but "), false),
        known => known,
    };
    let with = if method.is_empty() { String::new() } else { format!(" ({method})") };
    let what = words.and(format!("{}{with}.", begin(how, is_first)));
    let mut evidence = first_evidence(facts);
    evidence.push(("Second factor", format!("authenticationDetails: {method} – {result}")));
    Story { verdict, what, advice: remedy(facts), tell: tell.to_owned(), evidence }
}

const DENIED: &str = "Somebody signed in with your password, and the request on your phone was \
                      declined. If it was not you who started it, change your password now and \
                      tell                       us; if it was you, try again and approve it.";
const UNANSWERED: &str = "Your password was accepted, but the request on your phone was not \
                          answered in time. Try again with the phone at hand; if you did not start \
                          this sign-in, change your password now and tell us.";
const WRONG_CODE: &str = "Your password was accepted, but the code was wrong or had expired. Try \
                          again with a fresh code, and check that your phone's clock is right.";

/// What to do, from the table of codes.
pub(super) fn remedy(facts: &Facts) -> String {
    facts.known().map_or(UNKNOWN_CODE, |known| known.remedy()).to_owned()
}

const UNKNOWN_CODE: &str = "The code is not in the table of known codes: read the failure reason, \
                            and compare with the last success of the same user and application.";

fn result_evidence(facts: &Facts) -> Vec<(&'static str, String)> {
    let Some(code) = facts.code else {
        return vec![("Result", "status/errorCode is missing: counted as a failure".to_owned())];
    };
    let meaning = facts.known().map_or("a code that is not in the table", |known| known.reason);
    vec![("Result", format!("status/errorCode = {code}: {meaning}"))]
}

/// What says how the first step went.
pub(super) fn first_evidence(facts: &Facts) -> Vec<(&'static str, String)> {
    let Some(step) = facts.steps.iter().find(|step| !step.is_second()) else { return Vec::new() };
    let succeeded = step.succeeded.map_or("not said".to_owned(), |yes| yes.to_string());
    let text = format!("authenticationDetails: {}, succeeded = {succeeded}", step.method);
    vec![("First factor", text)]
}
