//! Risk in words and marks, Entra's where there are any.

use durward_detect::risk::{RiskLevel, RiskState};
use durward_detect::{Level, SubjectKind, detections};
use maud::{Markup, html};

/// Words of identifiers that are written in capitals.
const CAPITALS: [(&str, &str); 5] =
    [("Mfa", "MFA"), ("Ai", "AI"), ("Ip", "IP"), ("Api", "API"), ("M365", "M365")];

/// Types of risk that Microsoft finds, as the portal calls them.
const TYPES: [(&str, &str); 16] = [
    ("unlikelyTravel", "Atypical travel"),
    ("mcasImpossibleTravel", "Impossible travel"),
    ("anonymizedIPAddress", "Anonymous IP address"),
    ("maliciousIPAddress", "Malicious IP address"),
    ("maliciousIPAddressValidCredentialsBlockedIP", "Malicious IP address, valid credentials"),
    ("unfamiliarFeatures", "Unfamiliar sign-in properties"),
    ("malwareInfectedIPAddress", "Malware-linked IP address"),
    ("suspiciousIPAddress", "Suspicious IP address"),
    ("leakedCredentials", "Leaked credentials"),
    ("investigationsThreatIntelligence", "Microsoft Entra threat intelligence"),
    ("investigationsThreatIntelligenceSigninLinked", "Microsoft Entra threat intelligence"),
    ("generic", "Additional risk detected"),
    ("attackerinTheMiddle", "Attacker in the middle"),
    ("mcasSuspiciousInboxManipulationRules", "Suspicious inbox manipulation rules"),
    ("adminConfirmedUserCompromised", "Admin confirmed user compromised"),
    ("userReportedSuspiciousActivity", "User reported suspicious activity"),
];

/// MITRE ATT&CK techniques that detections name.
const TECHNIQUES: [(&str, &str); 30] = [
    ("T1036", "Masquerading"),
    ("T1078", "Valid Accounts"),
    ("T1078.004", "Valid Accounts: Cloud Accounts"),
    ("T1087.004", "Account Discovery: Cloud Account"),
    ("T1090", "Proxy"),
    ("T1090.003", "Proxy: Multi-hop Proxy"),
    ("T1098", "Account Manipulation"),
    ("T1098.001", "Account Manipulation: Additional Cloud Credentials"),
    ("T1098.005", "Account Manipulation: Device Registration"),
    ("T1110", "Brute Force"),
    ("T1110.001", "Brute Force: Password Guessing"),
    ("T1110.003", "Brute Force: Password Spraying"),
    ("T1110.004", "Brute Force: Credential Stuffing"),
    ("T1114.003", "Email Collection: Email Forwarding Rule"),
    ("T1484.002", "Domain or Tenant Policy Modification: Trust Modification"),
    ("T1499", "Endpoint Denial of Service"),
    ("T1528", "Steal Application Access Token"),
    ("T1539", "Steal Web Session Cookie"),
    ("T1550.001", "Use Alternate Authentication Material: Application Access Token"),
    ("T1550.004", "Use Alternate Authentication Material: Web Session Cookie"),
    ("T1552", "Unsecured Credentials"),
    ("T1556.006", "Modify Authentication Process: Multi-Factor Authentication"),
    ("T1556.009", "Modify Authentication Process: Conditional Access Policies"),
    ("T1557", "Adversary-in-the-Middle"),
    ("T1562.008", "Impair Defenses: Disable or Modify Cloud Logs"),
    ("T1566", "Phishing"),
    ("T1566.002", "Phishing: Spearphishing Link"),
    ("T1589.002", "Gather Victim Identity Information: Email Addresses"),
    ("T1606.002", "Forge Web Credentials: SAML Tokens"),
    ("T1621", "Multi-Factor Authentication Request Generation"),
];

/// Mark, word and tint of a level.
pub(super) fn level(level: RiskLevel) -> Markup {
    let (mark, word) = match level {
        RiskLevel::None => ("–", "None"),
        RiskLevel::Hidden => ("?", "Hidden"),
        RiskLevel::Low => ("▂", "Low"),
        RiskLevel::Medium => ("▅", "Medium"),
        RiskLevel::High => ("█", "High"),
    };
    html! {
        span .level .(level.name()) { span aria-hidden="true" { (mark) } " " (word) }
    }
}

/// The same of a finding.
pub(in crate::page) fn finding_level(of: Level) -> Markup {
    level(of.into())
}

/// A state in the portal's words.
pub(super) fn state_name(state: RiskState) -> &'static str {
    match state {
        RiskState::None => "None",
        RiskState::AtRisk => "At risk",
        RiskState::ConfirmedSafe => "Confirmed safe",
        RiskState::Remediated => "Remediated",
        RiskState::Dismissed => "Dismissed",
        RiskState::ConfirmedCompromised => "Confirmed compromised",
    }
}

/// Mark, word and tint of a state.
pub(super) fn state(state: RiskState) -> Markup {
    let (mark, tint) = match state {
        RiskState::None => ("–", "quiet"),
        RiskState::AtRisk => ("◐", "interrupted"),
        RiskState::ConfirmedCompromised => ("✖", "failure"),
        RiskState::ConfirmedSafe | RiskState::Remediated => ("✔", "success"),
        RiskState::Dismissed => ("☰", "quiet"),
    };
    html! {
        span .pill .(tint) { span aria-hidden="true" { (mark) } " " (state_name(state)) }
    }
}

/// Why a risk is as it is; empty for no reason.
pub(super) fn detail(detail: &str) -> String {
    match detail {
        "" | "none" => String::new(),
        other => spaced(other),
    }
}

/// What a type of risk is called.
pub(super) fn event_type(name: &str) -> String {
    let known = TYPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    known.map_or_else(|| spaced(name), |(_, label)| (*label).to_owned())
}

/// What a detection, or a rule of one's own, is called.
pub(in crate::page) fn detection(id: &str) -> String {
    match (detections::about(id), id.strip_prefix("rule:")) {
        (Some(about), _) => about.title.to_owned(),
        (None, Some(rule)) => format!("Rule {rule}"),
        (None, None) => id.to_owned(),
    }
}

/// What a technique is called; empty where that is not known.
pub(super) fn technique(id: &str) -> &'static str {
    TECHNIQUES.iter().find(|(known, _)| *known == id).map_or("", |(_, name)| name)
}

/// Techniques with their names.
pub(super) fn techniques<'a>(ids: impl IntoIterator<Item = &'a str>) -> Markup {
    html! {
        @for (index, id) in ids.into_iter().enumerate() {
            @if index > 0 { ", " }
            span title=(technique(id)) { (id) }
        }
    }
}

/// What subjects of a kind are called: one of them, in a sentence.
pub(super) fn kind(kind: SubjectKind) -> &'static str {
    match kind {
        SubjectKind::User => "user",
        SubjectKind::Workload => "workload identity",
        SubjectKind::Agent => "agent",
        SubjectKind::Address => "network",
        SubjectKind::Tenant => "tenant",
    }
}

/// When a detection could know.
pub(super) fn timing(name: &str) -> &'static str {
    match name.to_ascii_lowercase().as_str() {
        "realtime" => "Real-time",
        "nearrealtime" => "Near real-time",
        "offline" => "Offline",
        _ => "Not defined",
    }
}

/// A text in which names of parameters stand between backticks.
pub(super) fn marked(text: &str) -> Markup {
    html! {
        @for (index, part) in text.split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// `adminConfirmedUserCompromised` as words.
fn spaced(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut words: Vec<String> = Vec::new();
    for (index, letter) in letters.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|index| letters.get(index));
        let is_lower = |letter: Option<&char>| letter.is_some_and(|letter| letter.is_lowercase());
        // Of letters in capitals the last begins a word, if it goes on.
        let begins =
            letter.is_uppercase() && (is_lower(before) || is_lower(letters.get(index + 1)));
        match words.last_mut() {
            Some(word) if !begins => word.push(*letter),
            _ => words.push(letter.to_string()),
        }
    }
    let spelled = |(index, word): (usize, String)| {
        let capital = CAPITALS.iter().find(|(known, _)| known.eq_ignore_ascii_case(&word));
        match (capital, index) {
            (Some((_, capital)), _) => (*capital).to_owned(),
            (None, 0) => {
                let mut letters = word.chars();
                let first = letters.next().map(|first| first.to_ascii_uppercase());
                first.into_iter().chain(letters).collect()
            }
            (None, _) => word.to_lowercase(),
        }
    };
    words.into_iter().enumerate().map(spelled).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_words() {
        for (name, words) in [
            ("none", ""),
            ("adminConfirmedUserCompromised", "Admin confirmed user compromised"),
            ("userPassedMFADrivenByRiskBasedPolicy", "User passed MFA driven by risk based policy"),
            ("aiConfirmedSigninSafe", "AI confirmed signin safe"),
            ("hidden", "Hidden"),
        ] {
            assert_eq!(detail(name), words);
        }
        assert_eq!(event_type("unlikelyTravel"), "Atypical travel");
        assert_eq!(event_type("newCountry"), "New country");
    }

    #[test]
    fn every_technique_of_a_detection_has_a_name() {
        for about in detections::all() {
            for id in about.techniques {
                assert!(!technique(id).is_empty(), "{} names {id}", about.id);
            }
        }
    }
}
