//! Durations and sizes as people write them: `30s`, `64MiB`.

use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

/// An amount of memory or disk, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) u64);

/// Units of time, the longest first, in milliseconds.
const SPANS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
/// Units of size, the largest first, in bytes.
const SIZES: [(&str, u64); 5] =
    [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// A whole number and one of the units behind it.
fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.checked_mul(*factor)
}

/// A length of time as people write it: `12h`, `90d`.
pub(crate) fn span(text: &str) -> Option<Duration> {
    parse(text, &SPANS).map(Duration::from_millis)
}

/// The number in the largest unit that gives a whole one.
fn write(value: u64, units: &[(&str, u64)]) -> String {
    let fits = |(_, factor): &&(&str, u64)| value >= *factor && value.is_multiple_of(*factor);
    match units.iter().find(fits).or(units.last()) {
        Some((name, factor)) => format!("{}{name}", value / factor),
        None => value.to_string(),
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Span, D::Error> {
        let text = String::deserialize(from)?;
        let millis = parse(&text, &SPANS).ok_or_else(|| {
            D::Error::custom(format!("`{text}` is not a length of time such as 30s, 5m, 1h or 7d"))
        })?;
        Ok(Span(Duration::from_millis(millis)))
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        to.serialize_str(&write(millis, &SPANS))
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Size, D::Error> {
        let text = String::deserialize(from)?;
        let bytes = parse(&text, &SIZES).ok_or_else(|| {
            D::Error::custom(format!("`{text}` is not a size such as 512KiB, 64MiB or 2GiB"))
        })?;
        Ok(Size(bytes))
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&write(self.0, &SIZES))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_and_written() {
        for (text, millis) in [("30s", 30_000), ("1h", 3_600_000), ("0s", 0), ("250 ms", 250)] {
            assert_eq!(parse(text, &SPANS), Some(millis), "{text}");
        }
        for text in ["", "30", "s", "-1s", "1.5h", "1 year", "99999999999999999999d", "1S"] {
            assert_eq!(parse(text, &SPANS), None, "{text}");
        }
        assert_eq!(parse("64MiB", &SIZES), Some(64 << 20));
        assert_eq!(parse("64MB", &SIZES), None, "ambiguous units are refused");
        assert_eq!(parse("99999999999TiB", &SIZES), None, "too large to count");
        for text in ["30s", "90s", "1h", "0ms", "7d", "1500ms"] {
            let value = parse(text, &SPANS).unwrap();
            assert_eq!(parse(&write(value, &SPANS), &SPANS), Some(value));
        }
        assert_eq!(write(90_000, &SPANS), "90s");
        assert_eq!(write(384 << 20, &SIZES), "384MiB");
        assert_eq!(write(0, &SIZES), "0B");
    }
}
