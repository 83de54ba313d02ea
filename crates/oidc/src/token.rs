//! What a token says before anybody has verified it, and the checks of time.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};

/// No token that is accepted here is longer. Entra's have 2 to 4 KiB.
pub(crate) const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// The header of a token.
#[derive(Debug, Deserialize)]
pub(crate) struct Header {
    pub(crate) alg: String,
    pub(crate) kid: Option<String>,
    pub(crate) typ: Option<String>,
    /// Extensions that must be understood; none is.
    pub(crate) crit: Option<Value>,
}

/// A token taken apart. Nothing of it may be believed.
pub(crate) struct Unverified {
    pub(crate) header: Header,
    pub(crate) claims: Map<String, Value>,
}

impl Unverified {
    /// Takes a token apart; nothing if it is none.
    pub(crate) fn read(token: &str) -> Option<Unverified> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let mut parts = token.split('.');
        let (header, claims, _signature) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        Some(Unverified {
            header: serde_json::from_slice(&decode(header)?).ok()?,
            claims: serde_json::from_slice(&decode(claims)?).ok()?,
        })
    }
}

/// A claim that is a text.
pub(crate) fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

/// A claim that is a text or several, or several in one text with spaces between.
pub(crate) fn words(claims: &Map<String, Value>, name: &str) -> Vec<String> {
    match claims.get(name) {
        Some(Value::String(one)) => one.split_whitespace().map(str::to_owned).collect(),
        Some(other) => texts(other),
        None => Vec::new(),
    }
}

/// A text, or the texts of a list.
pub(crate) fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(one) => vec![one.clone()],
        Value::Array(all) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// A time in seconds since 1970; a fraction is dropped. `Err` if it is there but is no time.
pub(crate) fn seconds(claims: &Map<String, Value>, name: &str) -> Result<Option<u64>, ()> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let whole = || value.as_f64().filter(|number| (0.0..9e15).contains(number));
    value.as_u64().or_else(|| whole().map(|number| number as u64)).map(Some).ok_or(())
}

/// A time of a claim as the system tells time.
pub(crate) fn instant(seconds: u64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// Has this passed, even for a clock that is `skew` behind?
pub(crate) fn is_over(end: u64, now: u64, skew: Duration) -> bool {
    now >= end.saturating_add(skew.as_secs())
}

/// Is this still to come, even for a clock that is `skew` ahead?
pub(crate) fn is_ahead(start: u64, now: u64, skew: Duration) -> bool {
    start > now.saturating_add(skew.as_secs())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn times_may_have_fractions_but_must_be_times() {
        let claims = claims(json!({
            "whole": 1700000000, "fraction": 1700000000.9, "text": "1700000000", "before": -1,
            "far": 1e300, "null": null,
        }));
        assert_eq!(seconds(&claims, "whole"), Ok(Some(1_700_000_000)));
        assert_eq!(seconds(&claims, "fraction"), Ok(Some(1_700_000_000)));
        assert_eq!(seconds(&claims, "none"), Ok(None));
        for wrong in ["text", "before", "far", "null"] {
            assert_eq!(seconds(&claims, wrong), Err(()), "{wrong}");
        }
    }

    #[test]
    fn edges_of_time() {
        let skew = Duration::from_secs(120);
        assert!(!is_over(1000, 1119, skew) && is_over(1000, 1120, skew));
        assert!(!is_ahead(1120, 1000, skew) && is_ahead(1121, 1000, skew));
        assert!(!is_over(u64::MAX, u64::MAX - 1, skew), "no overflow");
        assert_eq!(instant(u64::MAX), None);
    }

    #[test]
    fn lists_and_texts() {
        let claims = claims(json!({ "scp": "a  b", "list": ["a", 7, "b c"], "number": 7 }));
        assert_eq!(words(&claims, "scp"), ["a", "b"]);
        assert_eq!(words(&claims, "list"), ["a", "b c"]);
        assert!(words(&claims, "number").is_empty() && words(&claims, "none").is_empty());
    }

    #[test]
    fn what_is_no_token() {
        for text in ["", ".", "..", "a.b", "e30.e30.", "e30.e30.x.y", "not a token"] {
            assert!(Unverified::read(text).is_none(), "{text}");
        }
        // {"alg":"none"}
        let bare = format!("eyJhbGciOiJub25lIn0.e30.{}", "A".repeat(MAX_TOKEN_BYTES));
        assert!(Unverified::read(&bare[..100]).is_some());
        assert!(Unverified::read(&bare).is_none(), "too long");
    }
}
