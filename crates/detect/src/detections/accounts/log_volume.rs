//! The logs of a tenant with their hourly counts: for what is missing.

use durward_model::FieldId;
use durward_model::field::Log;
use durward_model::time::HOUR_MICROS;
use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Level, Subject};
use crate::keyed::{Keyed, Touched};
use crate::sighting::Sighting;

use super::hours::Hours;

/// Logs of tenants watched at a time.
const LOGS_MAX: usize = 4000;
/// A log is broken off, and does not fade, if the hour before had so many hundredths of what it
/// usually has.
const BROKEN_OFF_PERCENT: u32 = 25;

/// A log of a tenant.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct LogVolume {
    pub(super) hours: Hours,
    /// The tenant's identifier.
    pub(super) tenant: String,
    /// The log's number.
    log: u8,
    /// When what is missing began to be missing, µs since 1970; 0 while nothing is.
    pub(super) since_micros: i64,
    /// Hours since then that count.
    pub(super) missing_hours: u32,
    /// What these hours usually have altogether, and what they have on days off.
    pub(super) usual_sum: u64,
    pub(super) day_off_sum: u64,
    /// What they had.
    pub(super) had_sum: u64,
    /// Did it break off in the midst of a busy time?
    pub(super) is_broken_off: bool,
    level: Level,
    /// How many hours were missing when it was told last.
    told_hours: u32,
}

impl Touched for LogVolume {
    fn touched_micros(&self) -> i64 {
        self.hours.last_micros
    }
}

impl LogVolume {
    /// Nothing is missing any more.
    pub(super) fn recover(&mut self) {
        self.since_micros = 0;
    }

    /// Another hour lacks most of what it usually has. `back` is how many hours ago it was, seen
    /// at `at_micros`.
    pub(super) fn miss(&mut self, at_micros: i64, back: usize, usual: u32, least: u32) {
        if self.since_micros == 0 {
            let before = self.hours.ago(back + 1).unwrap_or(0);
            let usual_before = self.hours.usual(back + 1).unwrap_or(0);
            self.is_broken_off = usual_before >= least
                && u64::from(before) * 100
                    >= u64::from(usual_before) * u64::from(BROKEN_OFF_PERCENT);
            self.since_micros = start_of(at_micros, back);
            (self.missing_hours, self.told_hours, self.level) = (0, 0, Level::Low);
            (self.usual_sum, self.day_off_sum, self.had_sum) = (0, 0, 0);
        }
        self.missing_hours += 1;
        self.usual_sum += u64::from(usual);
        self.day_off_sum += u64::from(self.hours.day_off(back));
        self.had_sum += u64::from(self.hours.ago(back).unwrap_or(0));
    }

    /// What is missing, in words.
    pub(super) fn name(&self) -> &'static str {
        match Log::ALL.get(usize::from(self.log)) {
            Some(Log::InteractiveUser) => "interactive user sign-in log",
            Some(Log::NonInteractiveUser) => "non-interactive user sign-in log",
            Some(Log::ServicePrincipal) => "service principal sign-in log",
            Some(Log::ManagedIdentity) => "managed identity sign-in log",
            _ => "log",
        }
    }

    /// Is it worth telling? The first time, when it looks worse, and when the hours have doubled.
    pub(super) fn is_news(&mut self, level: Level) -> bool {
        let is_news = level > self.level || self.missing_hours >= 2 * self.told_hours;
        self.level = self.level.max(level);
        if is_news {
            self.told_hours = self.missing_hours;
        }
        is_news
    }

    /// The finding about it.
    pub(super) fn finding(&self, detection: &str, at_micros: i64, sentence: String) -> Finding {
        let mut occurrence = [self.log; 9];
        occurrence[1..].copy_from_slice(&self.since_micros.to_le_bytes());
        let (tenant, level) = (&self.tenant, self.level);
        let subject = Subject::tenant_of(tenant);
        Finding::of_time(detection, subject, level, tenant, at_micros, &occurrence, sentence)
    }
}

/// When the hour began that was `back` hours ago.
pub(super) fn start_of(at_micros: i64, back: usize) -> i64 {
    at_micros - (back as i64 + 1) * HOUR_MICROS
}

/// The logs of all tenants.
#[derive(Debug)]
pub(super) struct LogVolumes(pub(super) Keyed<LogVolume>);

impl LogVolumes {
    pub(super) fn new() -> LogVolumes {
        LogVolumes(Keyed::new(LOGS_MAX))
    }

    /// Counts a sign-in: on every one, so it is an increment and no more.
    pub(super) fn count(&mut self, sighting: &Sighting<'_>) {
        // Tenants' keys are hashes, so their lowest bits are free to tell logs apart.
        let volume = self.0.entry(sighting.tenant ^ (sighting.log as u64 + 1));
        if volume.hours.last_micros == 0 {
            volume.tenant = sighting.text(FieldId::TenantId).into_owned();
            volume.log = sighting.log as u8;
        }
        volume.hours.count(sighting.at_micros);
    }

    /// Closes the hour of each, and shows it to `judge`, always in the same order.
    pub(super) fn close(&mut self, mut judge: impl FnMut(&mut LogVolume)) {
        let mut keys: Vec<u64> = self.0.iter().map(|(key, _)| key).collect();
        keys.sort_unstable();
        for key in keys {
            let volume = self.0.entry(key);
            volume.hours.close(u32::MAX);
            judge(volume);
        }
    }
}
