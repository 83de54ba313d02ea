//! Retention, rollup repair, and removing what compaction replaced.

use std::collections::BTreeMap;

use durward_model::Log;
use hashbrown::HashSet;

use crate::chunk::{Body, Chunk};
use crate::delta::Commit;
use crate::error::StoreError;
use crate::rollup;
use crate::seal::{Unjoined, date_text, now_ms, rollup_path};
use crate::store::{Replaced, Shared};

/// A day of a log that retention removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovedDay {
    /// Which log.
    pub log: Log,
    /// Days since 1970, UTC.
    pub day: i32,
    /// How many rows were removed.
    pub rows: u64,
}

/// Removes whole days that are older than their log is kept and not on hold. The act is recorded
/// in `retention.jsonl` before the table is changed.
pub(crate) fn retain(shared: &Shared, today: i32) -> Result<Vec<RemovedDay>, StoreError> {
    let mut tables = shared.tables.lock();
    shared.require_running()?;
    let options = &shared.options;
    let expired = |log: Log, day: i32| {
        let held = options.holds.iter().any(|(first, last)| (*first..=*last).contains(&day));
        let days = options.retention_days.get(&log);
        !held && days.is_some_and(|days| i64::from(day) < i64::from(today) - i64::from(*days))
    };
    let mut days: BTreeMap<(Log, i32), u64> = BTreeMap::new();
    let (mut files, mut numbers) = (Vec::new(), HashSet::new());
    for chunk in &shared.state.lock().sealed {
        let Body::Sealed { file, .. } = &chunk.body else { continue };
        if expired(file.log, file.day) {
            *days.entry((file.log, file.day)).or_default() += chunk.rows as u64;
            if numbers.insert(file.number) {
                files.push(file.clone());
            }
        }
    }
    if files.is_empty() {
        tables.last_retention_day = today;
        return Ok(Vec::new());
    }
    let removed: Vec<RemovedDay> =
        days.into_iter().map(|((log, day), rows)| RemovedDay { log, day, rows }).collect();
    record(shared, today, &removed)?;
    let commit = Commit {
        removes: files.iter().map(|file| file.name.clone()).collect(),
        operation: "DELETE".to_owned(),
        timestamp_ms: now_ms(),
        data_change: true,
        ..Commit::default()
    };
    Unjoined::new(shared).join(&mut tables.sign_ins, commit)?;
    tables.last_retention_day = today;
    let mut state = shared.state.lock();
    state.remove_sealed(|chunk| match &chunk.body {
        Body::Sealed { file, .. } => numbers.contains(&file.number),
        Body::Hot { .. } => false,
    });
    shared.publish(&mut state);
    drop(state);
    for file in files {
        tables.replaced.extend(Replaced::sealed(&shared.dir, &file));
    }
    Ok(removed)
}

fn record(shared: &Shared, today: i32, removed: &[RemovedDay]) -> Result<(), StoreError> {
    let path = shared.dir.join("retention.jsonl");
    let mut text = match shared.files.exists(&path)? {
        true => shared.files.read(&path)?,
        false => Vec::new(),
    };
    for day in removed {
        let line = serde_json::json!({
            "on": date_text(today), "log": day.log.name(), "day": date_text(day.day), "rows": day.rows,
        });
        tracing::info!(
            log = day.log.name(),
            day = date_text(day.day),
            rows = day.rows,
            "retention removed a day"
        );
        text.extend(line.to_string().bytes());
        text.push(b'\n');
    }
    Ok(shared.files.write_durably(&path, &text)?)
}

/// Removes commits of the tables that a checkpoint made unnecessary long ago.
pub(crate) fn clean_logs(shared: &Shared) -> Result<(), StoreError> {
    let mut tables = shared.tables.lock();
    tables.sign_ins.clean(now_ms())?;
    tables.entities.clean(now_ms())?;
    Ok(())
}

/// Removes files that compaction or retention replaced long enough ago and that no view shows any
/// more. What cannot be removed stays listed.
pub(crate) fn remove_replaced(shared: &Shared) -> Result<(), StoreError> {
    let mut tables = shared.tables.lock();
    let keep = shared.options.keep_replaced;
    let mut outcome = Ok(());
    tables.replaced.retain(|Replaced { path, since, file }| {
        if since.elapsed() < keep || file.strong_count() > 0 {
            return true;
        }
        match shared.files.remove(path) {
            // Logs that are kept whole have no rollups.
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                outcome = Err(error.into());
                true
            }
            _ => false,
        }
    });
    outcome
}

/// See [`crate::Store::rebuild_rollups`].
pub(crate) fn rebuild_rollups(shared: &Shared) -> Result<(usize, usize), StoreError> {
    let _tables = shared.tables.lock();
    let (mut sealed, entities) = {
        let mut state = shared.state.lock();
        let files = state.sealed.iter().filter_map(|chunk| match &chunk.body {
            Body::Sealed { file, .. } if file.log.is_sign_in() => Some(file.clone()),
            _ => None,
        });
        (files.collect::<Vec<_>>(), state.entities.snapshot())
    };
    sealed.sort_by_key(|file| file.number);
    sealed.dedup_by_key(|file| file.number);
    let mut wrong = 0;
    for file in &sealed {
        let chunks: Vec<Chunk> = Chunk::of_file(file).collect();
        let counts = rollup::count_chunks(&chunks, &entities)?;
        let path = rollup_path(&shared.dir, &file.name);
        if rollup::read(&*shared.files, &path).as_ref() != Some(&counts) {
            rollup::write(&*shared.files, &path, &counts)?;
            wrong += 1;
        }
    }
    Ok((sealed.len(), wrong))
}
