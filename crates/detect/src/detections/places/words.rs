//! Numbers and times as people write them.

use durward_model::Timestamp;
use durward_model::time::DAY_MICROS;

use crate::profile::{Familiar, Stop};

/// `9,700`.
pub(super) fn thousands(number: f64) -> String {
    let digits = format!("{:.0}", number.abs().min(1e15));
    let mut text = String::with_capacity(digits.len() + 4);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `45 s`, `42 min`, `3 h 20 min`, `2 d 4 h`.
pub(super) fn span(micros: i64) -> String {
    let seconds = micros.max(0) / 1_000_000;
    let pair = |whole: i64, unit: &str, rest: i64, small: &str| match rest {
        0 => format!("{whole} {unit}"),
        _ => format!("{whole} {unit} {rest} {small}"),
    };
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => pair(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => pair(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

/// `2026-03-02`.
pub(super) fn date(micros: i64) -> String {
    Timestamp::from_micros(micros).to_rfc3339().chars().take(10).collect()
}

/// `new`, with when it came first if that is less than a day ago, or how often it was seen since
/// when.
pub(super) fn familiarity(seen: Option<&Familiar>, at_micros: i64) -> String {
    let Some(seen) = seen else { return "new".to_owned() };
    let first = Timestamp::from_micros(seen.first_micros).to_rfc3339();
    let (day, time) = (first.get(..10).unwrap_or_default(), first.get(11..16).unwrap_or_default());
    match at_micros - seen.first_micros < DAY_MICROS {
        true => format!("new: first on {day} at {time} UTC, {} times by now", seen.count),
        false => format!("seen {} times since {day}", seen.count),
    }
}

/// Place, address and autonomous system.
pub(super) fn whereabouts(stop: &Stop) -> String {
    let network = if stop.asn == 0 { String::new() } else { format!(", AS{}", stop.asn) };
    format!("{} ({}{network})", stop.spot.name(), stop.spot.address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_read_well() {
        let cases = [(0.4, "0"), (999.0, "999"), (9_700.2, "9,700"), (1_234_567.0, "1,234,567")];
        for (number, text) in cases {
            assert_eq!(thousands(number), text);
        }
        let cases = [(45, "45 s"), (2_520, "42 min"), (12_000, "3 h 20 min"), (86_400, "1 d")];
        for (seconds, text) in cases {
            assert_eq!(span(seconds * 1_000_000), text);
        }
    }
}
