//! What a text can be.

use std::net::IpAddr;

use durward_model::errors;
use ipnet::IpNet;

/// Things that one text can name at most: a pasted message has a few.
const THINGS_MAX: usize = 8;
/// Codes have at most so many digits.
const CODE_DIGITS: std::ops::RangeInclusive<usize> = 4..=9;

/// Something that a text names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Thing {
    /// An identifier of anything.
    Guid(String),
    Net(IpNet),
    Asn(u32),
    Code(i64),
    Upn(String),
    /// Parts of names.
    Words(String),
}

impl Thing {
    /// What the text was taken for.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Thing::Guid(_) => "an identifier",
            Thing::Net(_) => "an address or network",
            Thing::Asn(_) => "an autonomous system number",
            Thing::Code(_) => "an error code",
            Thing::Upn(_) => "a user principal name",
            Thing::Words(_) => "part of a name",
        }
    }
}

/// What a text names. Nothing for an empty one.
pub(super) fn recognise(text: &str) -> Vec<Thing> {
    let text = text.trim();
    if text.is_empty() {
        return Vec::new();
    }
    if let Some(thing) = one(text) {
        // Digits can be part of a name as well.
        let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let words = is_digits.then(|| Thing::Words(text.to_owned()));
        return std::iter::once(thing).chain(words).collect();
    }
    let parts: Vec<Thing> = parts(text).take(THINGS_MAX).collect();
    if parts.is_empty() { vec![Thing::Words(text.to_owned())] } else { parts }
}

/// The one thing that the whole text is.
fn one(text: &str) -> Option<Thing> {
    let bare = text.trim_matches(|c: char| "{}[]()\"'<>,;".contains(c));
    if let Some(guid) = guid(bare) {
        return Some(Thing::Guid(guid));
    }
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Some(Thing::Net(IpNet::from(address)));
    }
    if let Ok(net) = bare.parse::<IpNet>() {
        return Some(Thing::Net(net.trunc()));
    }
    if let Some(number) = asn(bare) {
        return Some(Thing::Asn(number));
    }
    let digits = bare.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    if CODE_DIGITS.contains(&digits.len())
        && let Some(code) = errors::parse_code(bare)
    {
        return Some(Thing::Code(code));
    }
    let (name, domain) = bare.split_once('@')?;
    let is_upn = !name.is_empty() && domain.contains('.') && !bare.contains(char::is_whitespace);
    is_upn.then(|| Thing::Upn(bare.to_owned()))
}

/// Identifiers and codes within a longer text, such as a message that a user was shown.
fn parts(text: &str) -> impl Iterator<Item = Thing> {
    let belongs = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let mut seen: Vec<Thing> = Vec::new();
    for word in text.split(|c: char| !belongs(c)) {
        let is_code = word.get(..6).is_some_and(|begin| begin.eq_ignore_ascii_case("AADSTS"));
        let thing = match guid(word) {
            Some(guid) => Some(Thing::Guid(guid)),
            None if is_code => errors::parse_code(word).map(Thing::Code),
            None => None,
        };
        if let Some(thing) = thing.filter(|thing| !seen.contains(thing)) {
            seen.push(thing);
        }
    }
    seen.into_iter()
}

/// An identifier as sources write it: lower case, with dashes.
fn guid(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    let dashes: Vec<usize> = text.match_indices('-').map(|(at, _)| at).collect();
    let is_spelled = dashes.is_empty() || dashes == [8, 13, 18, 23];
    if digits.len() != 32 || !is_spelled || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let digits = digits.to_ascii_lowercase();
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    let parts = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)];
    Some(parts.join("-"))
}

/// `AS3320`, `ASN 3320`
fn asn(text: &str) -> Option<u32> {
    let upper = text.to_ascii_uppercase();
    let rest = upper.strip_prefix("ASN").or_else(|| upper.strip_prefix("AS"))?;
    rest.trim_start_matches([' ', ':', '#']).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUID: &str = "4b1d0c5e-9a77-4c1f-8a51-6f2f00112233";

    #[test]
    fn one_thing_is_recognised() {
        let only = |text: &str| recognise(text).remove(0);
        for text in
            [GUID, "{4B1D0C5E-9A77-4C1F-8A51-6F2F00112233}", "4b1d0c5e9a774c1f8a516f2f00112233"]
        {
            assert_eq!(only(text), Thing::Guid(GUID.to_owned()), "{text}");
        }
        assert_eq!(only(" 203.0.113.9 "), Thing::Net("203.0.113.9/32".parse().unwrap()));
        assert_eq!(only("203.0.113.9/24"), Thing::Net("203.0.113.0/24".parse().unwrap()));
        assert_eq!(only("2001:db8::1"), Thing::Net("2001:db8::1/128".parse().unwrap()));
        for text in ["AS3320", "asn 3320", "ASN3320"] {
            assert_eq!(only(text), Thing::Asn(3320), "{text}");
        }
        for text in ["AADSTS50126", "50126", "aadsts50126"] {
            assert_eq!(only(text), Thing::Code(50126), "{text}");
        }
        assert_eq!(only("maria@fabrikam.example"), Thing::Upn("maria@fabrikam.example".to_owned()));
        for text in ["maria silva", "@", "a@b", "assets", "12", "as"] {
            assert_eq!(only(text), Thing::Words(text.to_owned()), "{text}");
        }
        assert_eq!(recognise("50126").len(), 2, "a number can be part of a name");
        assert!(recognise("  ").is_empty());
    }

    #[test]
    fn a_pasted_message_is_taken_apart() {
        let text = format!(
            "AADSTS50126: Error validating credentials due to invalid username or password. Trace \
             ID: {GUID} Correlation ID: c0ffee12-7d0a-4e55-b0d1-92aa00112233 Timestamp: 2026-03-02"
        );
        let things = recognise(&text);
        assert_eq!(things.len(), 3, "{things:?}");
        assert_eq!(things[0], Thing::Code(50126));
        assert_eq!(things[1], Thing::Guid(GUID.to_owned()));
    }
}
