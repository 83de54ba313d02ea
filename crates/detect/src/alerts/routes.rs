//! Who is told of which alerts, and when they want to sleep.
//!
//! How a channel is reached is the server's business; here it has a name.

use chrono::{FixedOffset, Local, NaiveDateTime, Offset as _, TimeZone, Utc};
use durward_model::time::{DAY_MICROS, SECOND_MICROS};

use crate::finding::Level;

const MINUTE_MICROS: i64 = 60 * SECOND_MICROS;

/// All channels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routes {
    /// A delivery waits so long for what belongs to the same alert, µs.
    pub wait_micros: i64,
    /// The channels.
    pub channels: Vec<Route>,
}

/// What a channel is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// Its name.
    pub name: String,
    /// Alerts of at least this level.
    pub least: Level,
    /// Only those of these tenants; none for all.
    pub tenants: Vec<String>,
    /// Only those of these detections, and those of rules named here (`rule:name`, `rule:*`).
    /// None for all detections. Rules that name the channel themselves always reach it.
    pub detections: Vec<String>,
    /// When it is left alone.
    pub quiet: Option<Quiet>,
}

/// A time of day at which a channel is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quiet {
    /// It begins, in minutes after midnight.
    pub from_minute: u16,
    /// It ends; before `from_minute` on the next day.
    pub to_minute: u16,
    /// In the time of which place.
    pub zone: Zone,
    /// High severity is delivered all the same.
    pub high_pierces: bool,
}

/// The time of which place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Zone {
    /// That of the machine, summer time included.
    #[default]
    Machine,
    /// So many seconds east of Greenwich.
    East(i32),
}

impl Route {
    /// Does it want alerts of this detection? `told_by_rule` are the channels that the finding's
    /// rule names.
    pub fn takes(&self, detection: &str, told_by_rule: &[String]) -> bool {
        let named = self.detections.iter().any(|one| one == detection);
        match detection.starts_with("rule:") {
            true => {
                told_by_rule.contains(&self.name)
                    || named
                    || self.detections.iter().any(|one| one == "rule:*")
            }
            false => self.detections.is_empty() || named,
        }
    }

    /// Does it want to hear of this tenant?
    pub fn is_of_tenant(&self, tenant: &str) -> bool {
        self.tenants.is_empty() || self.tenants.iter().any(|one| one.eq_ignore_ascii_case(tenant))
    }

    /// The first moment from this one on at which it may be told, µs since 1970.
    pub fn free_from(&self, at_micros: i64, level: Level) -> i64 {
        match self.quiet {
            Some(quiet) if !(quiet.high_pierces && level == Level::High) => quiet.end(at_micros),
            _ => at_micros,
        }
    }
}

impl Quiet {
    /// When the quiet time ends that this moment is in; the moment itself if it is in none.
    fn end(&self, at_micros: i64) -> i64 {
        let local = at_micros + self.zone.offset_micros(at_micros);
        let midnight = local.div_euclid(DAY_MICROS) * DAY_MICROS;
        let minute = (local - midnight) / MINUTE_MICROS;
        let (from, to) = (i64::from(self.from_minute), i64::from(self.to_minute));
        let is_over_midnight = from > to;
        let is_quiet = match is_over_midnight {
            true => minute >= from || minute < to,
            false => minute >= from && minute < to,
        };
        if !is_quiet {
            return at_micros;
        }
        let day = if is_over_midnight && minute >= from { DAY_MICROS } else { 0 };
        self.zone.to_utc(midnight + day + to * MINUTE_MICROS)
    }
}

impl Zone {
    /// `local`, or an offset such as `+02:00`.
    pub fn parse(text: &str) -> Option<Zone> {
        if text == "local" {
            return Some(Zone::Machine);
        }
        if text == "UTC" || text == "Z" {
            return Some(Zone::East(0));
        }
        let (sign, rest) = match text.split_at_checked(1)? {
            ("+", rest) => (1, rest),
            ("-", rest) => (-1, rest),
            _ => return None,
        };
        let (hours, minutes) = rest.split_once(':')?;
        let two = |part: &str, most: i32| {
            let number: i32 = part.parse().ok()?;
            (part.len() == 2 && number <= most).then_some(number)
        };
        Some(Zone::East(sign * (two(hours, 14)? * 3600 + two(minutes, 59)? * 60)))
    }

    /// µs east of Greenwich at a moment.
    fn offset_micros(self, at_micros: i64) -> i64 {
        let seconds = match self {
            Zone::East(seconds) => seconds,
            Zone::Machine => {
                let at = Utc.timestamp_micros(at_micros).single();
                at.map_or(0, |at| at.with_timezone(&Local).offset().fix().local_minus_utc())
            }
        };
        i64::from(seconds) * SECOND_MICROS
    }

    /// The moment at which clocks there show this.
    fn to_utc(self, local_micros: i64) -> i64 {
        let shown = chrono::DateTime::from_timestamp_micros(local_micros);
        let Some(shown) = shown.map(|shown| shown.naive_utc()) else { return local_micros };
        let at = |shown: &NaiveDateTime| match self {
            Zone::East(seconds) => {
                let zone = FixedOffset::east_opt(seconds)?;
                Some(zone.from_local_datetime(shown).earliest()?.timestamp_micros())
            }
            Zone::Machine => Some(Local.from_local_datetime(shown).earliest()?.timestamp_micros()),
        };
        // A time that the change to summer time leaves out is taken as if it were not.
        at(&shown).unwrap_or_else(|| local_micros - self.offset_micros(local_micros))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-03-02T00:00:00Z.
    const MIDNIGHT: i64 = 1_772_409_600_000_000;

    fn at(hour: i64, minute: i64) -> i64 {
        MIDNIGHT + (hour * 60 + minute) * MINUTE_MICROS
    }

    fn route(from_hour: u16, to_hour: u16, zone: &str) -> Route {
        let zone = Zone::parse(zone).unwrap();
        let quiet = Quiet {
            from_minute: from_hour * 60,
            to_minute: to_hour * 60,
            zone,
            high_pierces: true,
        };
        Route { quiet: Some(quiet), ..Route::default() }
    }

    #[test]
    fn quiet_hours_end_where_the_channel_is() {
        let night = route(22, 7, "UTC");
        let free = |at| night.free_from(at, Level::Medium);
        assert_eq!(free(at(12, 0)), at(12, 0));
        assert_eq!(free(at(21, 59)), at(21, 59));
        assert_eq!(free(at(22, 0)), at(24 + 7, 0));
        assert_eq!(free(at(3, 30)), at(7, 0));
        assert_eq!(free(at(7, 0)), at(7, 0));
        assert_eq!(night.free_from(at(3, 30), Level::High), at(3, 30), "high pierces");
        let mut deaf = night;
        if let Some(quiet) = deaf.quiet.as_mut() {
            quiet.high_pierces = false;
        }
        assert_eq!(deaf.free_from(at(3, 30), Level::High), at(7, 0));
        // 22:00 to 07:00 in UTC+9 is 13:00 to 22:00 in UTC.
        let tokyo = route(22, 7, "+09:00");
        assert_eq!(tokyo.free_from(at(12, 59), Level::Low), at(12, 59));
        assert_eq!(tokyo.free_from(at(13, 0), Level::Low), at(22, 0));
        let noon = route(12, 14, "-03:30");
        assert_eq!(noon.free_from(at(16, 0), Level::Low), at(17, 30));
        assert_eq!(noon.free_from(at(12, 0), Level::Low), at(12, 0));
    }

    #[test]
    fn zones_are_local_or_offsets() {
        assert_eq!(Zone::parse("local"), Some(Zone::Machine));
        assert_eq!(Zone::parse("-03:30"), Some(Zone::East(-12_600)));
        for wrong in ["", "+1:00", "+15:00", "+01:60", "01:00", "Europe/Madrid", "é1:00"] {
            assert_eq!(Zone::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn channels_take_what_they_name() {
        let any = Route { name: "team".into(), ..Route::default() };
        assert!(any.takes("password-spray", &[]));
        assert!(!any.takes("rule:mine", &[]), "rules say themselves who is told");
        assert!(any.takes("rule:mine", &["team".to_owned()]));
        let one = Route { detections: vec!["rule:*".into(), "ropc".into()], ..any };
        assert!(one.takes("ropc", &[]) && one.takes("rule:mine", &[]));
        assert!(!one.takes("password-spray", &[]));
    }
}
