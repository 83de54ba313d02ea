//! Sign-ins that Conditional Access stopped or held up.

use super::super::facts::{Facts, Policy};
use super::{Story, begin, first_evidence, lead, remedy};

/// Something between a policy and a sign-in: what it is in words, what to do, what to tell.
struct Why {
    clause: String,
    advice: String,
    tell: String,
}

/// Blocked, or not what a policy needs.
pub(super) fn blocked(facts: &Facts) -> Story {
    let blocking = facts.blocking();
    let Some(policy) = blocking.first() else { return unnamed(facts) };
    let Why { clause, advice, tell } = why(facts, policy);
    let (words, is_first) = lead(facts);
    let mut what =
        words.and(begin("policy ", is_first)).name(&policy.name).and(format!(" {clause}"));
    if blocking.len() > 1 {
        let others: Vec<&str> = blocking[1..].iter().map(|policy| policy.name.as_str()).collect();
        what = what.and(format!(" Also in the way: {}.", others.join(", ")));
    }
    let mut evidence = first_evidence(facts);
    evidence.extend(blocking.iter().map(|policy| ("Policy", policy_evidence(policy))));
    evidence.extend(client_evidence(facts));
    Story { verdict: "Blocked", what, advice, tell, evidence }
}

fn unnamed(facts: &Facts) -> Story {
    let (words, is_first) = lead(facts);
    let device = match facts.code {
        Some(53_000) => Some(device_state(facts)),
        Some(53_001) => Some("the device is not joined to the domain".to_owned()),
        _ => None,
    };
    let clause = match &device {
        Some(device) => format!("Conditional Access stopped it: {device}."),
        None => "Conditional Access stopped it.".to_owned(),
    };
    let why = match facts.policies {
        None => " Which policy it was, only roles see that read Conditional Access details.",
        Some(_) => " The record does not name the policy.",
    };
    let tell = match device {
        Some(_) => DEVICE.to_owned(),
        None => {
            "A rule of our organisation stopped this sign-in. Try from a device and a place you \
                 usually work from; if that does not help, reply to this message."
                .to_owned()
        }
    };
    let mut evidence = first_evidence(facts);
    evidence.push(("Conditional Access", ca_status(facts)));
    let what = words.and(begin(&clause, is_first)).and(why);
    Story { verdict: "Blocked", what, advice: remedy(facts), tell, evidence }
}

fn ca_status(facts: &Facts) -> String {
    format!("conditionalAccessStatus = {}", facts.text("conditionalAccessStatus"))
}

const DEVICE: &str = "Your sign-in needs a device that our organisation manages and that meets its \
                      rules. Open the Company Portal (or Settings > Accounts > Access work or \
                      school), follow what it asks for, and sign in again.";
const LEGACY: &str = "Your mail app signs in the old way, which is not allowed any more. Remove \
                      the account from that app, and add it again in a current one, as Outlook.";

fn why(facts: &Facts, policy: &Policy) -> Why {
    let met = |condition: &str| policy.met.iter().any(|met| met.eq_ignore_ascii_case(condition));
    let made = |clause: String, advice: &str, tell: &str| Why {
        clause,
        advice: advice.to_owned(),
        tell: tell.to_owned(),
    };
    let place = match facts.place() {
        place if place.is_empty() => "that place".to_owned(),
        place => place,
    };
    if let Some(client) = facts.legacy_client() {
        let advice = "Have the user remove the account from the old mail app and add it again in a \
                      current one; find other users of this client before they call.";
        return made(
            format!("stopped it: the client uses {client}, which cannot do MFA."),
            advice,
            LEGACY,
        );
    }
    if policy.asks("RequireCompliantDevice") || policy.asks("RequireDomainJoinedDevice") {
        let clause = format!("was not met: {}.", device_state(facts));
        return made(clause, &remedy(facts), DEVICE);
    }
    if policy.asks("Block") {
        return if met("signInRisk") || met("userRisk") {
            let level = facts.text("riskLevelDuringSignIn");
            let level = if level.is_empty() { "not supplied" } else { level };
            let clause = format!("blocks sign-ins at this risk (real-time risk: {level}).");
            let advice = "Treat it as an attack until shown otherwise: look at the user's other \
                          sign-ins from this address, reset the password, then dismiss the risk.";
            made(
                clause,
                advice,
                "This sign-in looked unlike you, so it was stopped. If it was you, \
                                  reply to this message; if not, change your password now.",
            )
        } else if met("authenticationFlows") {
            made(
                "blocks the device code flow.".to_owned(),
                "Find out what asked for the code: device code flow is a favourite of phishing. \
                 Exclude only devices that cannot show a browser.",
                "Signing in by a code that you type on another device is not allowed. Sign in on \
                 the device itself, and never type a code that somebody sent you.",
            )
        } else if met("location") {
            made(
                format!("blocks sign-ins from {place}."),
                "Is the user travelling? Then have them excluded for that time. If not, check for \
                 a success from the same address, and reset the password if it was right.",
                "Signing in from where you are is not allowed. If you are travelling, tell us \
                 where and until when; if this was not you, change your password now.",
            )
        } else if met("devicePlatform") {
            let system = facts.text("deviceDetail/operatingSystem");
            made(format!("blocks this platform ({system})."), &remedy(facts), DEVICE)
        } else {
            made("blocks it.".to_owned(), &remedy(facts), PLAIN)
        };
    }
    if policy.asks("RequireApprovedApp") || policy.asks("RequireCompliantApp") {
        let app = facts.text("appDisplayName");
        return made(
            format!("needs an approved app, which {app} here was not."),
            "Have the user sign in with an app on the list of approved ones, kept up to date.",
            "Use the company's apps (such as Outlook or Teams from the app store) on this phone \
             instead of the built-in ones.",
        );
    }
    if let Some((strength, result)) = &policy.strength {
        return made(
            format!("asks for {strength}, and the method used was not enough ({result})."),
            "Check that the user has registered a method of that strength.",
            "This application needs a stronger way to sign in, such as a security key or passkey. \
             Register one under My security info, then sign in again.",
        );
    }
    if policy.asks("Mfa") {
        return made(
            "asks for multifactor authentication, which was not done.".to_owned(),
            &remedy(facts),
            MFA,
        );
    }
    made("was not met.".to_owned(), &remedy(facts), PLAIN)
}

const PLAIN: &str = "A rule of our organisation stopped this sign-in. Reply to this message with \
                     what you wanted to do, and we will look into it.";
const MFA: &str = "Your password was accepted, but signing in also needs a second step. Sign in \
                   again and finish the step on your phone or security key; if you did not start \
                   this sign-in, change your password now.";

/// What is missing in the device.
fn device_state(facts: &Facts) -> String {
    let id = facts.text("deviceDetail/deviceId");
    let compliant = facts.flag("deviceDetail/isCompliant");
    let managed = facts.flag("deviceDetail/isManaged");
    match (id.is_empty(), managed, compliant) {
        (true, _, _) => "the device is not known to the directory".to_owned(),
        (_, Some(false), _) => "the device is not managed".to_owned(),
        (_, _, Some(false)) => "the device is managed, but not compliant".to_owned(),
        _ => "the device was not seen as compliant".to_owned(),
    }
}

fn policy_evidence(policy: &Policy) -> String {
    let grants = match policy.grants.as_slice() {
        [] => "no grant control".to_owned(),
        grants => grants.join(", "),
    };
    let met = match policy.met.as_slice() {
        [] => String::new(),
        met => format!("; conditions met: {}", met.join(", ")),
    };
    format!("{}: result = {}, asks for {grants}{met}", policy.name, policy.result)
}

fn client_evidence(facts: &Facts) -> Option<(&'static str, String)> {
    let client = facts.legacy_client()?;
    Some(("Client", format!("clientAppUsed = {client}: legacy authentication")))
}

/// MFA was asked for, and not done in this request.
pub(super) fn needs_mfa(facts: &Facts) -> Story {
    let asking: Vec<&Policy> =
        facts.blocking().into_iter().filter(|p| p.asks("Mfa") || p.strength.is_some()).collect();
    let (words, is_first) = lead(facts);
    let what = match asking.first() {
        Some(policy) => words
            .and(begin("policy ", is_first))
            .name(&policy.name)
            .and(" asks for multifactor authentication, which was not done in this request."),
        None => words.and(begin(
            "multifactor authentication was asked for and not done in this request.",
            is_first,
        )),
    };
    let mut evidence = first_evidence(facts);
    evidence.extend(asking.iter().map(|policy| ("Policy", policy_evidence(policy))));
    evidence.push(("Requirement", requirement(facts)));
    Story {
        verdict: "MFA needed",
        what: what.and(" Often the next request of the attempt completes it."),
        advice: remedy(facts),
        tell: MFA.to_owned(),
        evidence,
    }
}

fn requirement(facts: &Facts) -> String {
    format!("authenticationRequirement = {}", facts.text("authenticationRequirement"))
}

/// A control of somebody else's was asked for.
pub(super) fn external(facts: &Facts) -> Story {
    let (words, is_first) = lead(facts);
    let what = match facts.blocking().first() {
        Some(policy) => words
            .and(begin("policy ", is_first))
            .name(&policy.name)
            .and(" sent the user to an external provider, which did not confirm them."),
        None => words.and(begin(
            "an external provider was asked to confirm the user, and did not.",
            is_first,
        )),
    };
    let mut evidence = first_evidence(facts);
    evidence.push(("Conditional Access", ca_status(facts)));
    Story {
        verdict: "External check not passed",
        what,
        advice: remedy(facts),
        tell:
            "Your password was accepted, but the extra check was not finished. Sign in again and \
               complete it; if you did not start this sign-in, change your password now."
                .to_owned(),
        evidence,
    }
}
