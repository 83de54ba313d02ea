//! Instants, and the many ways sources write them.
//!
//! An instant is UTC with nanoseconds (TIME-1). Parsing also says how it was written ([`Style`]),
//! so that the same characters can be given back without storing them.

use chrono::{DateTime, Datelike, NaiveDate, Timelike};

/// An instant: microseconds since 1970-01-01 UTC, and the nanoseconds within that microsecond.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct Timestamp {
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub micros: i64,
    /// 0 to 999.
    pub nanos: u16,
}

/// Microseconds in a second.
pub const SECOND_MICROS: i64 = 1_000_000;
/// Microseconds in an hour.
pub const HOUR_MICROS: i64 = 3600 * SECOND_MICROS;
/// Microseconds in a day.
pub const DAY_MICROS: i64 = 24 * HOUR_MICROS;

/// Which number comes first in `1/9/2007`. Portal and Azure files are month first; what a
/// spreadsheet or PowerShell wrote follows the culture of its machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DateOrder {
    /// 1/9/2007 is 9 January.
    #[default]
    MonthFirst,
    /// 1/9/2007 is 1 September.
    DayFirst,
}

/// How an instant was written. Only spellings that [`Timestamp::write`] can repeat have a style.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `2026-03-02T07:41:09.1234567Z` and its relatives.
    Iso {
        /// Between date and time: `T` or a blank.
        separator: u8,
        /// Digits after the second, 0 to 9.
        digits: u8,
        /// `z` for `Z`, `o` for `+00:00`, `n` for nothing.
        zone: u8,
    },
    /// `8/22/2022 6:07:16 PM`.
    Us,
    /// `4/28/2021, 2:08:45.221 PM`.
    UsMillis,
}

impl Style {
    /// `2026-03-02T07:41:09Z`.
    pub const SECONDS: Style = Style::Iso { separator: b'T', digits: 0, zone: b'z' };

    /// A short code for [`Style::from_code`].
    pub fn code(self) -> String {
        match self {
            Style::Iso { separator, digits, zone } => {
                let separator = if separator == b'T' { 'T' } else { '_' };
                format!("{separator}{}{digits}", zone as char)
            }
            Style::Us => "us".to_owned(),
            Style::UsMillis => "um".to_owned(),
        }
    }

    /// The style of that code.
    pub fn from_code(code: &str) -> Option<Style> {
        match code.as_bytes() {
            b"us" => Some(Style::Us),
            b"um" => Some(Style::UsMillis),
            &[separator @ (b'T' | b'_'), zone @ (b'z' | b'o' | b'n'), digit @ b'0'..=b'9'] => {
                let separator = if separator == b'T' { b'T' } else { b' ' };
                Some(Style::Iso { separator, digits: digit - b'0', zone })
            }
            _ => None,
        }
    }
}

impl Timestamp {
    /// The instant that many microseconds after 1970.
    pub fn from_micros(micros: i64) -> Timestamp {
        Timestamp { micros, nanos: 0 }
    }

    /// Now, by the system's clock.
    pub fn now() -> Timestamp {
        Timestamp::from_micros(chrono::Utc::now().timestamp_micros())
    }

    /// Reads any spelling known from sign-in records: ISO 8601 with `T` or a blank, 0 to 9
    /// fractional digits, `Z`, an offset or nothing (then UTC), an hour without leading zero; and
    /// `1/9/2007 10:41:00 AM +01:00` with its relatives. Years 1600 to 9999.
    pub fn parse(text: &str, order: DateOrder) -> Option<Timestamp> {
        let bytes = text.trim().as_bytes();
        if bytes.get(4) == Some(&b'-') { parse_iso(bytes) } else { parse_slashed(bytes, order) }
    }

    /// Like [`Timestamp::parse`], and how to write it the same way again, where that is possible.
    pub fn parse_styled(text: &str, order: DateOrder) -> Option<(Timestamp, Option<Style>)> {
        let time = Timestamp::parse(text, order)?;
        let style = guess_style(text.as_bytes()).filter(|style| {
            // The guess is checked by writing: the only proof that the text comes back.
            let mut again = String::with_capacity(text.len());
            time.write(*style, &mut again);
            again == text
        });
        Some((time, style))
    }

    /// Appends the instant in that style. Digits the style has no room for are cut.
    pub fn write(self, style: Style, out: &mut String) {
        let Some(utc) = DateTime::from_timestamp_micros(self.micros) else { return };
        let (date, time) = (utc.date_naive(), utc.time());
        match style {
            Style::Iso { separator, digits, zone } => {
                push_number(out, date.year().unsigned_abs(), 4);
                out.push('-');
                push_number(out, date.month(), 2);
                out.push('-');
                push_number(out, date.day(), 2);
                out.push(separator as char);
                push_number(out, time.hour(), 2);
                out.push(':');
                push_number(out, time.minute(), 2);
                out.push(':');
                push_number(out, time.second(), 2);
                if digits > 0 {
                    let nanos = time.nanosecond() + u32::from(self.nanos);
                    out.push('.');
                    push_number(out, nanos / 10_u32.pow(9 - u32::from(digits)), digits.into());
                }
                match zone {
                    b'z' => out.push('Z'),
                    b'o' => out.push_str("+00:00"),
                    _ => {}
                }
            }
            Style::Us | Style::UsMillis => {
                let (pm, hour) = time.hour12();
                let (month, day, year) = (date.month(), date.day(), date.year());
                let comma = if style == Style::UsMillis { "," } else { "" };
                out.push_str(&format!("{month}/{day}/{year}{comma} {hour}:"));
                push_number(out, time.minute(), 2);
                out.push(':');
                push_number(out, time.second(), 2);
                if style == Style::UsMillis {
                    out.push('.');
                    push_number(out, time.nanosecond() / 1_000_000, 3);
                }
                out.push_str(if pm { " PM" } else { " AM" });
            }
        }
    }

    /// `2026-03-02T07:41:09.1234567Z` with as many digits as needed.
    pub fn to_rfc3339(self) -> String {
        self.to_string()
    }

    /// Days since 1970-01-01, UTC.
    pub fn day(self) -> i32 {
        i32::try_from(self.micros.div_euclid(DAY_MICROS)).unwrap_or(i32::MAX)
    }
}

impl std::fmt::Display for Timestamp {
    /// RFC 3339 in UTC, without insignificant zeros.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = String::with_capacity(30);
        self.write(Style::Iso { separator: b'T', digits: 9, zone: b'n' }, &mut text);
        write!(f, "{}Z", text.trim_end_matches('0').trim_end_matches('.'))
    }
}

fn push_number(out: &mut String, value: u32, width: usize) {
    let mut digits = [b'0'; 10];
    let mut rest = value;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.push_str(std::str::from_utf8(&digits[10 - width.min(10)..]).unwrap_or_default());
}

fn guess_style(text: &[u8]) -> Option<Style> {
    if text.get(4) != Some(&b'-') {
        return Some(if text.contains(&b',') { Style::UsMillis } else { Style::Us });
    }
    let separator = *text.get(10)?;
    let rest = text.get(19..)?;
    let digits = rest.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count();
    let digits = if rest.first() == Some(&b'.') { digits } else { 0 };
    let zone = match &rest[if digits > 0 { digits + 1 } else { 0 }..] {
        b"Z" => b'z',
        b"+00:00" => b'o',
        b"" => b'n',
        _ => return None,
    };
    (digits <= 9 && matches!(separator, b'T' | b' ')).then_some(Style::Iso {
        separator,
        digits: digits as u8,
        zone,
    })
}

/// Reads a run of 1 to `most` digits; gives the number, how many, and the rest.
fn number(bytes: &[u8], most: usize) -> Option<(u32, usize, &[u8])> {
    let count = bytes.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
    let value = bytes[..count].iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    (count > 0).then_some((value, count, &bytes[count..]))
}

fn skip(bytes: &[u8], expected: u8) -> Option<&[u8]> {
    match bytes.split_first() {
        Some((&byte, rest)) if byte == expected => Some(rest),
        _ => None,
    }
}

fn parse_iso(bytes: &[u8]) -> Option<Timestamp> {
    let (year, _, rest) = number(bytes, 4)?;
    let (month, _, rest) = number(skip(rest, b'-')?, 2)?;
    let (day, _, rest) = number(skip(rest, b'-')?, 2)?;
    let date = (year, month, day);
    match rest.split_first() {
        None => instant(date, (0, 0, 0), 0, 0),
        Some((b'T' | b't' | b' ', rest)) => parse_clock(date, rest),
        Some(_) => None,
    }
}

fn parse_slashed(bytes: &[u8], order: DateOrder) -> Option<Timestamp> {
    let (first, _, rest) = number(bytes, 2)?;
    let separator = *rest.first().filter(|byte| matches!(byte, b'/' | b'.'))?;
    let (second, _, rest) = number(skip(rest, separator)?, 2)?;
    let (year, digits, rest) = number(skip(rest, separator)?, 4)?;
    if digits != 4 {
        return None;
    }
    // A number above 12 can only be a day; otherwise the file's order decides.
    let day_first = first > 12 || (order == DateOrder::DayFirst && second <= 12);
    let (month, day) = if day_first { (second, first) } else { (first, second) };
    let rest = rest.strip_prefix(b",").unwrap_or(rest);
    match rest.split_first() {
        None => instant((year, month, day), (0, 0, 0), 0, 0),
        Some((b' ', rest)) => parse_clock((year, month, day), rest),
        Some(_) => None,
    }
}

fn parse_clock(date: (u32, u32, u32), bytes: &[u8]) -> Option<Timestamp> {
    let (mut hour, _, rest) = number(bytes, 2)?;
    let (minute, _, mut rest) = number(skip(rest, b':')?, 2)?;
    let mut second = 0;
    if let Some(tail) = skip(rest, b':') {
        (second, _, rest) = number(tail, 2)?;
    }
    let mut nanos = 0;
    if let Some(tail) = skip(rest, b'.') {
        let (value, count, tail) = number(tail, 9)?;
        nanos = value * 10_u32.pow(9 - count as u32);
        // Digits past the ninth are below what anything here measures.
        rest = &tail[tail.iter().take_while(|byte| byte.is_ascii_digit()).count()..];
    }
    for (mark, noon) in [("AM", 0), ("PM", 12)] {
        let tail = rest.strip_prefix(b" ").unwrap_or(rest);
        let tail = tail.strip_prefix("\u{202f}".as_bytes()).unwrap_or(tail);
        if tail.len() >= 2 && tail[..2].eq_ignore_ascii_case(mark.as_bytes()) {
            if hour == 0 || hour > 12 {
                // 24-hour clocks with a mark exist (`01/09/2007 09:41:00 AM` does not differ).
                hour = if hour == 0 { 0 } else { hour - 12 };
            }
            hour = hour % 12 + noon;
            rest = &tail[2..];
            break;
        }
    }
    let offset_minutes = parse_zone(rest.strip_prefix(b" ").unwrap_or(rest))?;
    instant(date, (hour, minute, second), nanos, offset_minutes)
}

fn parse_zone(bytes: &[u8]) -> Option<i64> {
    let (sign, rest) = match bytes {
        b"" | b"Z" | b"z" | b"UTC" => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, _, rest) = number(rest, 2)?;
    let rest = rest.strip_prefix(b":").unwrap_or(rest);
    let (minutes, _, rest) = if rest.is_empty() { (0, 0, rest) } else { number(rest, 2)? };
    (rest.is_empty() && hours <= 14 && minutes < 60)
        .then_some(sign * (i64::from(hours) * 60 + i64::from(minutes)))
}

fn instant(
    (year, month, day): (u32, u32, u32),
    (hour, minute, second): (u32, u32, u32),
    nanos: u32,
    offset_minutes: i64,
) -> Option<Timestamp> {
    let year = i32::try_from(year).ok().filter(|year| (1600..=9999).contains(year))?;
    let time = NaiveDate::from_ymd_opt(year, month, day)?.and_hms_opt(hour, minute, second)?;
    let seconds = time.and_utc().timestamp() - offset_minutes * 60;
    // An offset can move the first or the last day out of the range: in UTC the year has to fit.
    DateTime::from_timestamp(seconds, 0).filter(|utc| (1600..=9999).contains(&utc.year()))?;
    Some(Timestamp {
        micros: seconds * SECOND_MICROS + i64::from(nanos / 1000),
        nanos: (nanos % 1000) as u16,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        Timestamp::parse(text, DateOrder::MonthFirst).map(|t| t.to_string()).unwrap_or_default()
    }

    #[test]
    fn every_known_spelling_is_the_same_instant() {
        for text in [
            "01/09/2007 09:41:00",
            "1/9/2007 09:41:00",
            "01/09/2007 09:41:00 AM",
            "1/9/2007 9:41:00 AM",
            "1/9/2007 10:41:00 AM +01:00",
            "2007-01-09T09:41:00",
            "2007-01-09 09:41:00",
            "2007-01-09T9:41:00Z",
            "2007-01-09T11:41:00+02:00",
            "2007-01-09T04:41:00.000-05:00",
            "1/9/2007, 9:41:00.000 AM",
        ] {
            assert_eq!(shown(text), "2007-01-09T09:41:00Z", "{text}");
        }
        assert_eq!(shown("2007-01-09T09:41:00.6816663Z"), "2007-01-09T09:41:00.6816663Z");
        assert_eq!(shown("2007-01-09T09:41:00.535404056Z"), "2007-01-09T09:41:00.535404056Z");
        assert_eq!(shown("8/22/2022 6:07:16 PM"), "2022-08-22T18:07:16Z");
        assert_eq!(shown("12/1/2022 12:00:00 AM"), "2022-12-01T00:00:00Z");
        assert_eq!(shown("2026-01-31"), "2026-01-31T00:00:00Z");
    }

    #[test]
    fn day_first_is_a_property_of_the_file() {
        let parse = |text| Timestamp::parse(text, DateOrder::DayFirst).map(|t| t.to_string());
        assert_eq!(parse("1/9/2007 09:41").as_deref(), Some("2007-09-01T09:41:00Z"));
        assert_eq!(shown("25.12.2025 00:00:00"), "2025-12-25T00:00:00Z");
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for text in ["", "2026", "2026-13-01T00:00:00Z", "31/31/2026", "2026-01-01T25:00:00Z", "x"]
        {
            assert_eq!(shown(text), "", "{text}");
        }
        // In UTC these are of the years 10000 and 1599.
        for text in ["9999-12-31T23:59:59-00:01", "1600-01-01T00:00:00+14:00"] {
            assert_eq!(shown(text), "", "{text}");
        }
        assert_eq!(shown("9999-12-31T23:59:59.999999999Z"), "9999-12-31T23:59:59.999999999Z");
        assert_eq!(shown("1600-01-01T00:00:00Z"), "1600-01-01T00:00:00Z");
    }

    #[test]
    fn styles_write_the_same_characters() {
        for text in [
            "2026-03-02T07:41:09Z",
            "2026-03-02T07:41:09.1234567Z",
            "2026-03-02T07:41:09.1234560+00:00",
            "2026-03-02T07:41:09.123",
            "2026-03-02 07:41:09.1",
            "8/22/2022 6:07:16 PM",
            "4/28/2021, 2:08:45.221 PM",
        ] {
            let (time, style) = Timestamp::parse_styled(text, DateOrder::MonthFirst).unwrap();
            let style = style.expect(text);
            assert_eq!(Style::from_code(&style.code()), Some(style), "{text}");
            let mut again = String::new();
            time.write(style, &mut again);
            assert_eq!(again, text);
        }
        for text in ["2026-03-02T09:41:09+02:00", "01/09/2007 09:41:00 AM", "2026-03-02"] {
            let (_, style) = Timestamp::parse_styled(text, DateOrder::MonthFirst).unwrap();
            assert_eq!(style, None, "{text}");
        }
    }
}
