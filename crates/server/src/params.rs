//! The query string of a request.

use durward_model::time::{DAY_MICROS, DateOrder, HOUR_MICROS, SECOND_MICROS};
use durward_model::{Log, Timestamp};

use crate::error::ApiError;

/// Names and values in the order given, decoded.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Params(pub(crate) Vec<(String, String)>);

impl Params {
    /// Reads a query string. Empty pairs are skipped; a blank may be written `+` or `%20`.
    pub(crate) fn parse(query: Option<&str>) -> Result<Params, ApiError> {
        let mut pairs = Vec::new();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            pairs.push((decode(name)?, decode(value)?));
        }
        Ok(Params(pairs))
    }

    /// The value of a name; `None` where it is missing or blank.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// Refuses names that are not among these, and names that come twice.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), ApiError> {
        for (index, (name, _)) in self.0.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let known = known.join(", ");
                let message = format!("there is no parameter '{name}'; there are: {known}");
                return Err(ApiError::bad_request(message).parameter(name));
            }
            if self.0[..index].iter().any(|(other, _)| other == name) {
                let message = format!("'{name}' is given more than once");
                return Err(ApiError::bad_request(message).parameter(name));
            }
        }
        Ok(())
    }

    /// A whole number within bounds.
    pub(crate) fn number(
        &self,
        name: &str,
        default: usize,
        most: usize,
    ) -> Result<usize, ApiError> {
        let Some(text) = self.get(name) else { return Ok(default) };
        match text.parse() {
            Ok(number) if (1..=most).contains(&number) => Ok(number),
            _ => {
                let message = format!("'{name}' must be a whole number from 1 to {most}");
                Err(ApiError::bad_request(message).parameter(name))
            }
        }
    }

    /// `true` or `false`.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.get(name).unwrap_or("false").to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => {
                let message = format!("'{name}' must be true or false");
                Err(ApiError::bad_request(message).parameter(name))
            }
        }
    }
}

fn decode(text: &str) -> Result<String, ApiError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let pair = rest.split_first_chunk::<2>();
                let hex = pair.and_then(|(pair, tail)| {
                    let text = std::str::from_utf8(pair).ok()?;
                    let plain = pair.iter().all(u8::is_ascii_hexdigit);
                    plain.then(|| u8::from_str_radix(text, 16).ok().map(|hex| (hex, tail)))?
                });
                let Some((hex, tail)) = hex else {
                    let message = "the address has a % without two hexadecimal digits after it";
                    return Err(ApiError::bad_request(message));
                };
                bytes.push(hex);
                rest = tail;
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).map_err(|_| ApiError::bad_request("the address is not UTF-8"))
}

/// Appends text so that it is safe as a name or value of a query string.
pub(crate) fn encode(text: &str, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'$' | b':' => {
                out.push(byte as char);
            }
            byte => {
                out.push('%');
                out.push(HEX[usize::from(byte >> 4)] as char);
                out.push(HEX[usize::from(byte & 15)] as char);
            }
        }
    }
}

/// Names and values as a query string, without the `?`.
pub(crate) fn query_string<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = String::new();
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        encode(name, &mut out);
        out.push('=');
        encode(value, &mut out);
    }
    out
}

/// An instant: `2026-03-02T07:41:09Z`, `2026-03-02`, or back from `now`: `-24h`, `-30m`, `-7d`.
pub(crate) fn instant(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Some(span) = text.strip_prefix('-') {
        return Some(Timestamp::from_micros(now.micros.saturating_sub(duration(span)?)));
    }
    let is_date = text.len() == 10 && text.as_bytes().get(4) == Some(&b'-');
    let whole = if is_date { format!("{text}T00:00:00Z") } else { text.to_owned() };
    // Slashed dates depend on the country; an address should not.
    if !whole.contains('-') || !whole.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    // A `+` in an address stands for a blank.
    Timestamp::parse(&whole.replace(' ', "+"), DateOrder::default())
        .or_else(|| Timestamp::parse(&whole, DateOrder::default()))
}

/// A number of minutes, hours, days or weeks, in microseconds.
pub(crate) fn duration(text: &str) -> Option<i64> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "m" => 60 * SECOND_MICROS,
        "h" => HOUR_MICROS,
        "d" => DAY_MICROS,
        "w" => 7 * DAY_MICROS,
        _ => return None,
    };
    digits.parse::<u32>().ok().map(|number| i64::from(number).saturating_mul(unit))
}

/// Sign-in logs by their letters (`i`, `n`, `s`, `m`) or names, separated by commas; `all` is all.
pub(crate) fn logs(text: &str) -> Option<Vec<Log>> {
    let mut logs = Vec::new();
    for name in text.split(',').map(str::trim) {
        let found = match name.to_ascii_lowercase().as_str() {
            "all" => Log::SIGN_INS.to_vec(),
            "i" => vec![Log::InteractiveUser],
            "n" => vec![Log::NonInteractiveUser],
            "s" | "sp" => vec![Log::ServicePrincipal],
            "m" | "mi" => vec![Log::ManagedIdentity],
            name => vec![Log::from_name(name)?],
        };
        logs.extend(found);
    }
    logs.sort_unstable();
    logs.dedup();
    Some(logs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded() {
        let pairs = [("$filter", "a eq 'x & y+z' / %é"), ("b", "")];
        let text = query_string(pairs);
        let back = Params::parse(Some(&text)).unwrap();
        assert_eq!(back.0, pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert!(text.starts_with("$filter=a%20eq"), "{text}");
        let params = Params::parse(Some("&$top=5&&x=a+b&flag")).unwrap();
        assert_eq!(params.get("x"), Some("a b"));
        assert_eq!(params.get("flag"), None);
        for broken in ["a=%", "a=%4", "a=%zz", "a=%+1", "a=%ff"] {
            assert!(Params::parse(Some(broken)).is_err(), "{broken}");
        }
    }

    #[test]
    fn instants() {
        let now = Timestamp::parse("2026-03-02T12:00:00Z", DateOrder::default()).unwrap();
        for (text, wanted) in [
            ("-24h", Some("2026-03-01T12:00:00Z")),
            ("-2w", Some("2026-02-16T12:00:00Z")),
            ("2026-03-01", Some("2026-03-01T00:00:00Z")),
            ("2026-03-01T10:00:00 02:00", Some("2026-03-01T08:00:00Z")),
            ("2026-03-01T10:00Z", Some("2026-03-01T10:00:00Z")),
            ("3/2/2026 1:00:00 AM", None),
            ("-h", None),
            ("yesterday", None),
        ] {
            let read = instant(text, now).map(Timestamp::to_rfc3339);
            assert_eq!(read.as_deref(), wanted, "{text}");
        }
    }

    #[test]
    fn logs_by_letter_and_name() {
        assert_eq!(logs("n,i"), Some(vec![Log::InteractiveUser, Log::NonInteractiveUser]));
        assert_eq!(logs("all"), Some(Log::SIGN_INS.to_vec()));
        assert_eq!(logs("managedidentity"), Some(vec![Log::ManagedIdentity]));
        assert_eq!(logs("x"), None);
    }
}
