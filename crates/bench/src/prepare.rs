//! Writes the events and picks what the tasks ask for.
//!
//! The parameters are picked by fixed rules from the events themselves, so that they are neither
//! favourable nor empty: a user of median activity, an address that failures came from, and an
//! event from the middle of the range.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use durward_generate::{FileOptions, Moment, Tenant, TenantOptions, write_files};
use durward_model::Timestamp;
use durward_model::errors::{Status, interrupted_codes, status_of};
use durward_model::time::{DAY_MICROS, DateOrder, HOUR_MICROS};
use serde::Deserialize;

use crate::manifest::{Manifest, Parameters};

/// First day of the range, days since 1970: 1 March 2026.
pub(crate) const FIRST_DAY: i64 = 20_513;
/// Days of the range.
const DAYS: i64 = 30;
/// People of the tenant; their activity is chosen so that the events fill the range.
const USERS: u32 = 10_000;

/// Writes `events` events of 30 days and the manifest into a folder.
pub(crate) fn run(dir: &Path, events: u64, seed: u64) -> anyhow::Result<Manifest> {
    std::fs::create_dir_all(dir)?;
    let options = options(events);
    let tenant = Arc::new(Tenant::new(seed, options));
    let range = Moment::from_day(FIRST_DAY)..Moment::from_day(FIRST_DAY + DAYS);
    let files = FileOptions { records_max: Some(events), ..FileOptions::new(range) };
    let summary = write_files(&tenant, dir, &files)?;
    let names = summary.files.iter().filter_map(|path| path.file_name());
    let files: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    let (from, to) = summary.span.context("no event")?;
    let middle = (micros_of(from) + micros_of(to)) / 2;
    let tasks = pick(dir, &files, middle..middle + 12 * HOUR_MICROS)?;
    let manifest = Manifest {
        events: summary.records(),
        events_by_log: summary.records_by_log,
        bytes: summary.bytes,
        seed,
        users: options.users,
        files,
        tasks,
    };
    manifest.write(dir)?;
    Ok(manifest)
}

/// Ten thousand people, more or less active or, for more events than they can make, more people.
fn options(events: u64) -> TenantOptions {
    // Measured: events that one person makes in 30 days at full activity, and the workloads make.
    const PERSON_MONTH: u64 = 830;
    const WORKLOADS_MONTH: u64 = 129_000;
    let full = u64::from(USERS) * PERSON_MONTH;
    let bench = TenantOptions::bench();
    let of_people = events.saturating_sub(WORKLOADS_MONTH);
    if of_people >= full {
        return TenantOptions::for_events(events + events / 5, DAYS as u32);
    }
    // A little more than needed: the rest is cut off, so that the number is exact.
    let activity = (of_people * 985 / full).clamp(1, 1000) as u32;
    TenantOptions { users: USERS, activity_per_mille: activity, ..bench }
}

/// The members of a record that parameters are picked from.
#[derive(Deserialize)]
struct Record {
    properties: Properties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    id: String,
    created_date_time: String,
    correlation_id: String,
    ip_address: Option<String>,
    user_principal_name: Option<String>,
    user_display_name: Option<String>,
    status: RecordStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RecordStatus {
    error_code: i64,
}

#[derive(Default)]
struct Seen {
    newest_micros: i64,
    users: BTreeMap<String, u64>,
    failing_prefixes: BTreeMap<String, u64>,
    /// From the middle on: request and correlation.
    middle: Vec<(String, String)>,
    surnames: BTreeMap<String, u64>,
}

fn micros_of(moment: Moment) -> i64 {
    moment.0 / 10
}

fn pick(dir: &Path, files: &[String], middle: Range<i64>) -> anyhow::Result<Parameters> {
    let mut seen = Seen::default();
    for name in files {
        let mut reader = BufReader::with_capacity(1 << 20, std::fs::File::open(dir.join(name))?);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            let record: Record = serde_json::from_slice(&line)?;
            seen.note(record.properties, &middle)?;
            line.clear();
        }
    }
    seen.parameters()
}

impl Seen {
    fn note(&mut self, event: Properties, middle: &Range<i64>) -> anyhow::Result<()> {
        let time = Timestamp::parse(&event.created_date_time, DateOrder::MonthFirst)
            .context("a time that cannot be read")?
            .micros;
        self.newest_micros = self.newest_micros.max(time);
        if let Some(user) = event.user_principal_name {
            *self.users.entry(user).or_default() += 1;
        }
        let name = event.user_display_name.unwrap_or_default();
        if let Some(surname) = name.split(' ').next_back().filter(|part| part.len() >= 4) {
            *self.surnames.entry(surname.to_lowercase()).or_default() += 1;
        }
        let failed = status_of(Some(event.status.error_code)) == Status::Failure;
        let address = event.ip_address.unwrap_or_default();
        if let Some((prefix, _)) = address.rsplit_once('.').filter(|_| failed) {
            *self.failing_prefixes.entry(format!("{prefix}.")).or_default() += 1;
        }
        if middle.contains(&time) {
            self.middle.push((event.id, event.correlation_id));
        }
        Ok(())
    }

    fn parameters(self) -> anyhow::Result<Parameters> {
        let median = |counts: &BTreeMap<String, u64>| -> Option<String> {
            let mut by_count: Vec<_> = counts.iter().collect();
            by_count.sort_by_key(|(name, count)| (**count, (*name).clone()));
            by_count.get(by_count.len() / 2).map(|(name, _)| (*name).clone())
        };
        let busiest = |counts: &BTreeMap<String, u64>| -> Option<String> {
            counts.iter().max_by_key(|(_, count)| **count).map(|(name, _)| name.clone())
        };
        let mut correlations: BTreeMap<&str, u64> = BTreeMap::new();
        for (_, correlation) in &self.middle {
            *correlations.entry(correlation).or_default() += 1;
        }
        let repeated = correlations.iter().find(|(_, count)| (3..=20).contains(*count));
        let any = correlations.keys().next();
        let correlation_id = repeated.map(|(id, _)| id).or(any).context("no event")?.to_string();
        let request_id = self.middle.get(self.middle.len() / 2).context("no event")?.0.clone();
        let end_micros = (self.newest_micros / HOUR_MICROS + 1) * HOUR_MICROS;
        Ok(Parameters {
            end_micros,
            midnight_micros: end_micros / DAY_MICROS * DAY_MICROS,
            user: median(&self.users).context("no user")?,
            address_prefix: busiest(&self.failing_prefixes).context("no failure")?,
            request_id,
            correlation_id,
            name_part: median(&self.surnames).context("no name")?,
            interrupted_codes: interrupted_codes().to_vec(),
        })
    }
}
