//! Instants with the 100 ns resolution of the records, and their text.

/// Ticks of 100 ns in a second.
pub(crate) const SECOND: i64 = 10_000_000;
/// Ticks in a minute.
pub(crate) const MINUTE: i64 = 60 * SECOND;
/// Ticks in an hour.
pub(crate) const HOUR: i64 = 60 * MINUTE;
/// Ticks in a day.
pub(crate) const DAY: i64 = 24 * HOUR;

/// An instant: 100 ns ticks since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Moment(pub i64);

impl Moment {
    /// The end of the times that records can be made for.
    pub(crate) const YEAR_9999: Moment = Moment(253_370_764_800 * SECOND);

    /// The instant so many microseconds after 1970.
    pub fn from_micros(micros: i64) -> Moment {
        Moment(micros.saturating_mul(10))
    }

    /// Midnight UTC at the start of this day, counted from 1970-01-01.
    pub fn from_day(day: i64) -> Moment {
        Moment(day.saturating_mul(DAY))
    }

    /// Microseconds since 1970, rounded down.
    pub fn micros(self) -> i64 {
        self.0.div_euclid(10)
    }

    /// Days since 1970-01-01 in UTC.
    pub fn day(self) -> i64 {
        self.0.div_euclid(DAY)
    }

    /// The instant so many whole days later.
    pub fn plus_days(self, days: i64) -> Moment {
        Moment(self.0.saturating_add(days.saturating_mul(DAY)))
    }

    /// Hours since midnight UTC, 0 to 23.
    pub fn hour(self) -> i64 {
        self.0.rem_euclid(DAY) / HOUR
    }

    /// Year, month and day of month in UTC.
    pub fn date(self) -> (i64, u32, u32) {
        civil(self.day())
    }

    /// `2026-03-02T07:41:09.1234567` without a zone.
    pub(crate) fn text(self) -> [u8; 27] {
        let (year, month, day) = self.date();
        let within = self.0.rem_euclid(DAY);
        let mut text = *b"0000-00-00T00:00:00.0000000";
        digits(&mut text[0..4], year);
        digits(&mut text[5..7], i64::from(month));
        digits(&mut text[8..10], i64::from(day));
        digits(&mut text[11..13], within / HOUR);
        digits(&mut text[14..16], within / MINUTE % 60);
        digits(&mut text[17..19], within / SECOND % 60);
        digits(&mut text[20..27], within % SECOND);
        text
    }
}

impl std::fmt::Display for Moment {
    /// RFC 3339 in UTC with seven fractional digits.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}Z", std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

fn digits(slot: &mut [u8], mut value: i64) {
    for digit in slot.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

/// Year, month and day of a day number (proleptic Gregorian; years counted from March inside).
fn civil(day: i64) -> (i64, u32, u32) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month as u32, day as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_known_instants() {
        for (ticks, expect) in [
            (0, "1970-01-01T00:00:00.0000000Z"),
            (17_092_511_991_234_567, "2024-02-29T23:59:59.1234567Z"),
            (-1, "1969-12-31T23:59:59.9999999Z"),
        ] {
            assert_eq!(Moment(ticks).to_string(), expect);
        }
        assert_eq!(Moment::from_day(20_454).date(), (2026, 1, 1));
        assert_eq!(Moment(17_092_511_991_234_567).hour(), 23);
    }
}
