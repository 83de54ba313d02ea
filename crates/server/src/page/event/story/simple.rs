//! Results whose code says it all.

use durward_model::errors::{Category, Status};

use super::super::facts::Facts;
use super::{First, Story, Words, first, first_evidence, remedy};

/// Code, verdict, what happened, what to tell. `{app}` and `{actor}` stand for names; an empty
/// text to tell means that there is nothing for the user to do.
type Row = (i64, &'static str, &'static str, &'static str);

const RESET: &str = "The password you typed was wrong. Check the keyboard's language and Caps \
                     Lock; if you have forgotten it, reset it with Forgot my password.";
const REGISTER: &str = "Your account needs a second way to confirm it is you. Sign in in a browser \
                        and follow the steps to register one, such as an app on your phone.";
const AGAIN: &str = "Your session had run out. Sign in again; nothing else is needed.";
const CONSENT: &str = "The application asks for a permission nobody has granted yet. Tell us which \
                       application it is and what you need it for.";
const SECRET: &str = "Your application's client secret is not accepted. Create a new one (or \
                      better a certificate or federated credential) in its registration.";

/// By code.
const ROWS: &[Row] = &[
    (16_000, "Interrupted", "The user has to pick or add an account of this tenant.", AGAIN),
    (
        50_011,
        "Bad reply address",
        "{app} asked to be answered at an address that its registration does not list.",
        "",
    ),
    (
        50_034,
        "No such user",
        "There is no account of that name in the directory.",
        "There is no account of the name you typed. Check its spelling, after the @ too.",
    ),
    (
        50_053,
        "Locked",
        "The account was locked for a while after repeated wrong passwords, or the address is \
         known for attacks.",
        "Your account was locked for a short time after several wrong passwords. Wait a few \
         minutes; if the attempts were not yours, tell us.",
    ),
    (
        50_055,
        "Password expired",
        "The password was right but has expired.",
        "Your password has expired. Choose a new one when asked, or with Forgot my password.",
    ),
    (50_056, "No password", "The account has no password here, so it cannot be checked.", ""),
    (
        50_057,
        "Account disabled",
        "The account is disabled, so it cannot sign in whatever the password.",
        "Your account is switched off. Reply to this message if it should not be.",
    ),
    (
        50_058,
        "Interrupted",
        "A silent sign-in found no session to use; the application then shows a sign-in page.",
        "",
    ),
    (
        50_072,
        "MFA registration",
        "The user has to register a second factor before going on.",
        REGISTER,
    ),
    (
        50_079,
        "MFA registration",
        "The user has to register a second factor before going on.",
        REGISTER,
    ),
    (
        50_105,
        "Not assigned",
        "The user is not assigned to {app}, and it lets in only who is.",
        "You are not on the list of users of this application. Reply with what you need it for.",
    ),
    (50_126, "Wrong password", "The user name or the password was wrong.", RESET),
    (
        50_140,
        "Interrupted",
        "The user was asked whether to stay signed in; this is usual, and nothing was refused.",
        "",
    ),
    (
        50_173,
        "Session revoked",
        "The session was ended, by a password change or an administrator, so the user has to sign \
         in again.",
        AGAIN,
    ),
    (50_199, "Interrupted", "The user has to confirm that they want to sign in to {app}.", ""),
    (
        65_001,
        "Consent needed",
        "Neither the user nor an administrator has consented to what {app} asks for.",
        CONSENT,
    ),
    (65_004, "Consent declined", "The user declined what {app} asked for.", CONSENT),
    (
        70_043,
        "Session expired",
        "The token is older than the sign-in frequency of a policy allows.",
        AGAIN,
    ),
    (
        70_044,
        "Session expired",
        "The session is older than the sign-in frequency of a policy allows.",
        AGAIN,
    ),
    (
        90_095,
        "Approval needed",
        "{app} needs the consent of an administrator, and the user asked for it.",
        CONSENT,
    ),
    (
        500_011,
        "Unknown resource",
        "The resource that was asked for does not exist in this tenant.",
        "",
    ),
    (
        700_016,
        "Unknown application",
        "There is no application of that identifier in this tenant.",
        "The application is not set up in our organisation, or it asked the wrong one. Check its \
         tenant and client ID.",
    ),
    (
        700_082,
        "Token expired",
        "The refresh token lapsed because it was not used for too long.",
        AGAIN,
    ),
    (
        7_000_215,
        "Wrong secret",
        "The client secret that {actor} presented is wrong: mistyped, replaced, or its ID instead \
         of its value.",
        SECRET,
    ),
    (7_000_222, "Secret expired", "The client secrets of {actor} have expired.", SECRET),
];

/// What a code says, or else its category.
pub(super) fn told(facts: &Facts) -> Story {
    let row = ROWS.iter().find(|row| Some(row.0) == facts.code);
    let (verdict, what, tell) = match row {
        Some((_, verdict, what, tell)) => (*verdict, filled(what, facts), *tell),
        None => (of_category(facts), reason(facts), ""),
    };
    let mut words = Words::of(what);
    if facts.code == Some(50_126) && first(facts) == First::Wrong {
        words = Words::of("The user exists; the password was wrong.");
    }
    let mut evidence = first_evidence(facts);
    let details = facts.text("status/additionalDetails");
    if !details.is_empty() {
        evidence.push(("Details", format!("status/additionalDetails = {details}")));
    }
    for (claim, name) in
        [("Credential", "clientCredentialType"), ("Key", "servicePrincipalCredentialKeyId")]
    {
        let value = facts.text(name);
        if facts.is_workload() && !value.is_empty() {
            evidence.push((claim, format!("{name} = {value}")));
        }
    }
    Story { verdict, what: words, advice: remedy(facts), tell: tell.to_owned(), evidence }
}

fn filled(text: &str, facts: &Facts) -> String {
    let named = |name: &'static str, or: &'static str| match facts.text(name) {
        "" => or.to_owned(),
        name => name.to_owned(),
    };
    text.replace("{app}", &named("appDisplayName", "the application"))
        .replace("{actor}", facts.actor())
}

/// The source's reason as a sentence.
fn reason(facts: &Facts) -> String {
    match facts.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty()) {
        Some(reason) if reason.ends_with(['.', '!', '?']) => reason.to_owned(),
        Some(reason) => format!("{reason}."),
        None => "The record does not say why.".to_owned(),
    }
}

fn of_category(facts: &Facts) -> &'static str {
    if facts.status == Status::Interrupted {
        return "Interrupted";
    }
    match facts.category() {
        Some(Category::Credentials) => "Credential refused",
        Some(Category::Mfa) => "MFA not completed",
        Some(Category::AccountState) => "Account refused",
        Some(Category::Consent) => "Consent missing",
        Some(Category::Token | Category::Session) => "Session expired",
        Some(Category::Risk) => "Blocked for risk",
        Some(Category::Device) => "Device refused",
        Some(Category::Service) => "Service fault",
        _ => "Failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use durward_model::errors;

    #[test]
    fn rows_are_in_order_and_of_codes_that_are_known() {
        assert!(ROWS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (code, ..) in ROWS {
            assert!(errors::lookup(*code).is_some(), "{code}");
        }
    }
}
