//! How texts are compared: without case, accents and compatibility forms.
//!
//! `Müller`, `muller` and `MÜLLER` are one name to whoever searches for it. A text is folded by
//! compatibility decomposition (NFKD), dropping the combining marks and lower-casing the rest.
//! Letters that are no decorated letters (`ø`, `ß`) stay themselves.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// The folded form of a text; two texts are equal to a filter when these are.
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Cow::Owned(text.to_ascii_lowercase());
        }
        return Cow::Borrowed(text);
    }
    let plain = text.nfkd().filter(|letter| !is_combining_mark(*letter));
    Cow::Owned(plain.flat_map(char::to_lowercase).collect())
}

/// A GUID in its usual spelling, from any of `{…}`, upper case, or 32 digits without hyphens;
/// `None` for what is no GUID.
pub fn guid(text: &str) -> Option<String> {
    let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
    let hyphens_right = match inner.len() {
        32 => !inner.contains('-'),
        36 => [8, 13, 18, 23].iter().all(|&at| inner.as_bytes()[at] == b'-'),
        _ => false,
    };
    if !hyphens_right {
        return None;
    }
    let digits: String = inner.chars().filter(|&c| c != '-').collect();
    if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let d = digits.to_ascii_lowercase();
    Some(format!("{}-{}-{}-{}-{}", &d[..8], &d[8..12], &d[12..16], &d[16..20], &d[20..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_accents_and_compatibility_forms_do_not_matter() {
        for (text, folded) in [
            ("maria", "maria"),
            ("MARÍA", "maria"),
            ("Jürgen Müller", "jurgen muller"),
            ("İstanbul", "istanbul"),
            ("Ａｎａ", "ana"),
            ("ﬁnance", "finance"),
            ("Σίσυφος", "σισυφος"),
            ("Søren", "søren"),
            ("東京", "東京"),
        ] {
            assert_eq!(fold(text), folded, "{text}");
        }
    }

    #[test]
    fn every_spelling_of_a_guid_is_one() {
        let usual = "4b1d0c5e-9a77-4c1f-8a51-6f2f3a9c12ab";
        for text in [
            usual,
            "4B1D0C5E-9A77-4C1F-8A51-6F2F3A9C12AB",
            "{4b1d0c5e-9a77-4c1f-8a51-6f2f3a9c12ab}",
            "4b1d0c5e9a774c1f8a516f2f3a9c12ab",
        ] {
            assert_eq!(guid(text).as_deref(), Some(usual), "{text}");
        }
        for text in
            ["", "4b1d0c5e", "4b1d0c5e-9a77-4c1f-8a51-6f2f3a9c12ag", "é".repeat(18).as_str()]
        {
            assert_eq!(guid(text), None, "{text}");
        }
    }
}
