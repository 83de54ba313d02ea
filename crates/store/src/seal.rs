//! Sealing: what is in memory becomes sealed files, exactly once.
//!
//! The commit that adds the files to the `sign_ins` table also records the log position up to
//! which they hold everything (SEAL-3). A crash before the commit leaves files nobody refers to
//! and the write-ahead log as it was; a crash after it finds the position and skips those frames.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use arrow_array::RecordBatch;
use durward_model::field::Log;
use durward_model::time::{DAY_MICROS, Timestamp};

use crate::chunk::{Chunk, int64s};
use crate::delta::{AddFile, Commit, DeltaError, DeltaLog};
use crate::entities::EntitySnapshot;
use crate::error::StoreError;
use crate::merge::{self, Origin};
use crate::schema::{Column, PARTITION_DATE, PARTITION_LOG};
use crate::sealed::{ROW_GROUP_ROWS, SealedFile, Written, write_rows};
use crate::state::position_of;
use crate::store::{EntityFile, Shared, Tables};
use crate::{entity_file, rollup};

/// The application that commits log positions to the `sign_ins` table.
pub(crate) const LOG_APPLICATION: &str = "durward-log";

/// Files of the `sign_ins` table, in a data directory.
pub(crate) fn sign_ins_dir(dir: &Path) -> PathBuf {
    dir.join("tables").join("sign_ins")
}

/// Files of the `entities` table.
pub(crate) fn entities_dir(dir: &Path) -> PathBuf {
    dir.join("tables").join("entities")
}

/// The rollup of a sealed file.
pub(crate) fn rollup_path(dir: &Path, name: &str) -> PathBuf {
    dir.join("rollups").join(name)
}

/// Seals everything visible.
pub(crate) fn seal(shared: &Shared) -> Result<(), StoreError> {
    let mut tables = shared.tables.lock();
    shared.require_running()?;
    let (hot, entities) = {
        let mut state = shared.state.lock();
        let hot = state.hot.clone();
        state.sealing = hot.iter().map(|chunk| chunk.uid).collect();
        (hot, state.entities.snapshot())
    };
    let result = seal_chunks(shared, &mut tables, &hot, &entities);
    shared.state.lock().sealing.clear();
    let full = result.as_ref().is_err_and(StoreError::is_disk_full);
    shared.disk_full.store(full, Ordering::SeqCst);
    shared.room.notify_all();
    result
}

fn seal_chunks(
    shared: &Shared,
    tables: &mut Tables,
    hot: &[Arc<Chunk>],
    entities: &EntitySnapshot,
) -> Result<(), StoreError> {
    let Some(position) = hot.iter().map(|chunk| position_of(chunk)).max() else { return Ok(()) };
    seal_entities(shared, tables, entities)?;

    let (mut new, mut origins, mut adds) = (Vec::new(), Vec::new(), Vec::new());
    let mut unjoined = Unjoined::new(shared);
    for log in Log::ALL {
        let members: Vec<usize> = (0..hot.len()).filter(|&i| hot[i].log == log).collect();
        if members.is_empty() {
            continue;
        }
        let sources: Vec<&Chunk> = members.iter().map(|&index| &*hot[index]).collect();
        let order = merge::order(&sources)?;
        let batches: Result<Vec<_>, _> =
            sources.iter().map(|chunk| merge::batch_of(chunk)).collect();
        let merged = merge::gather(&batches?, &order)?;
        for (day, start, end) in days_of(&merged)? {
            let rows = merged.slice(start, end - start);
            let count = rows.num_rows();
            let (file, add) = write_file(&mut unjoined, entities, (log, day), count, [Ok(rows)])?;
            adds.push(add);
            push_chunks(
                &file,
                &order[start..end],
                |source| members[source],
                &mut new,
                &mut origins,
            );
        }
    }
    let commit = Commit {
        adds,
        txn: Some((LOG_APPLICATION.to_owned(), i64::try_from(position).unwrap_or(i64::MAX))),
        operation: "WRITE".to_owned(),
        timestamp_ms: now_ms(),
        data_change: true,
        ..Commit::default()
    };
    unjoined.join(&mut tables.sign_ins, commit)?;

    let mut state = shared.state.lock();
    let origins: Vec<&[Origin]> = origins.iter().map(Vec::as_slice).collect();
    let sealed = state.carry_marks(hot, new, &origins);
    for chunk in hot {
        state.forget_tail_ids(chunk);
        state.hot_bytes = state.hot_bytes.saturating_sub(crate::state::hot_bytes(chunk));
    }
    let gone: hashbrown::HashSet<u64> = hot.iter().map(|chunk| chunk.uid).collect();
    state.hot.retain(|chunk| !gone.contains(&chunk.uid));
    state.hot_since = (!state.hot.is_empty()).then(std::time::Instant::now);
    state.sealed.extend(sealed);
    shared.publish(&mut state);
    drop(state);
    shared.wal.remove_through(crate::wal::LogPosition(position))?;
    Ok(())
}

/// Files that are written but not in a table yet. They are removed when this is dropped, so that a
/// seal that fails and is tried again does not fill the disk.
pub(crate) struct Unjoined<'a> {
    shared: &'a Shared,
    paths: Vec<PathBuf>,
}

impl<'a> Unjoined<'a> {
    pub(crate) fn new(shared: &'a Shared) -> Unjoined<'a> {
        Unjoined { shared, paths: Vec::new() }
    }

    /// A file is about to be written.
    pub(crate) fn begin(&mut self, path: &Path) {
        self.paths.push(path.to_owned());
    }

    /// Commits. If it cannot be known whether that happened the files stay, and the store stops.
    pub(crate) fn join(mut self, table: &mut DeltaLog, commit: Commit) -> Result<(), StoreError> {
        let outcome = table.commit(commit);
        let unknown = matches!(outcome, Err(DeltaError::Unknown { .. }));
        if unknown {
            self.shared.failed.store(true, Ordering::SeqCst);
        }
        if unknown || outcome.is_ok() {
            self.paths.clear();
        }
        outcome.map(drop).map_err(StoreError::from)
    }
}

impl Drop for Unjoined<'_> {
    fn drop(&mut self) {
        // After a panic nobody knows whether they joined.
        if !std::thread::panicking() {
            for path in &self.paths {
                // Best effort: what stays is removed when the store is opened.
                let _ = self.shared.files.remove(path);
            }
        }
    }
}

/// The chunks of a new file, and where each of their rows was.
pub(crate) fn push_chunks(
    file: &Arc<SealedFile>,
    order: &[Origin],
    source: impl Fn(usize) -> usize,
    chunks: &mut Vec<Chunk>,
    origins: &mut Vec<Vec<Origin>>,
) {
    for (chunk, part) in Chunk::of_file(file).zip(order.chunks(ROW_GROUP_ROWS)) {
        assert_eq!(chunk.rows, part.len(), "a row group holds the rows it was given");
        chunks.push(chunk);
        origins.push(part.iter().map(|&(from, row)| (source(from), row)).collect());
    }
}

/// New entities reach the disk before any sealed row refers to them (ENT-2).
fn seal_entities(
    shared: &Shared,
    tables: &mut Tables,
    entities: &EntitySnapshot,
) -> Result<(), StoreError> {
    let from = shared.state.lock().entities_sealed;
    let name = entity_file_name(tables.entity_files.last().map(|file| file.name.as_str()));
    let path = entities_dir(&shared.dir).join(&name);
    let mut unjoined = Unjoined::new(shared);
    unjoined.begin(&path);
    let to = std::array::from_fn(|group| entities[group].len());
    let written = entity_file::write(&*shared.files, &path, entities, &from, &to)?;
    let Some((rows, bytes)) = written else { return Ok(()) };
    let commit = Commit {
        adds: vec![add_file(name.clone(), BTreeMap::new(), bytes, row_count(rows))],
        operation: "WRITE".to_owned(),
        timestamp_ms: now_ms(),
        data_change: true,
        ..Commit::default()
    };
    unjoined.join(&mut tables.entities, commit)?;
    tables.entity_files.push(EntityFile { name, from, to });
    shared.state.lock().entities_sealed = to;
    Ok(())
}

/// Names of entity files begin with the time, in microseconds and hexadecimal, and sort in the order
/// of their keys (ENT-1), even if the clock was set back since the last one.
fn entity_file_name(last: Option<&str>) -> String {
    let after = last.and_then(|name| u64::from_str_radix(name.get(..16)?, 16).ok());
    let now = Timestamp::now().micros.max(0).unsigned_abs();
    format!("{}.parquet", name_at(after.map_or(now, |after| now.max(after.saturating_add(1)))))
}

/// Delta's statistics where only the number of rows is known.
pub(crate) fn row_count(rows: usize) -> String {
    format!("{{\"numRecords\":{rows}}}")
}

/// Writes one sealed file with its rollup and opens it.
pub(crate) fn write_file(
    unjoined: &mut Unjoined<'_>,
    entities: &EntitySnapshot,
    (log, day): (Log, i32),
    rows: usize,
    batches: impl IntoIterator<Item = Result<RecordBatch, StoreError>>,
) -> Result<(Arc<SealedFile>, AddFile), StoreError> {
    let shared = unjoined.shared;
    let date = date_text(day);
    let name =
        format!("{PARTITION_DATE}={date}/{PARTITION_LOG}={}/{}.parquet", log.name(), unique_name());
    let path = sign_ins_dir(&shared.dir).join(&name);
    unjoined.begin(&path);
    let written = write_rows(&*shared.files, &path, rows, batches)?;
    let file = open_file(shared, &name, (log, day))?;
    assert_eq!(file.rows(), written.rows, "SEAL-2: the file holds every row");
    if log.is_sign_in() {
        let (rollup, path) = (file.rollup(entities)?, rollup_path(&shared.dir, &name));
        unjoined.begin(&path);
        rollup::write(&*shared.files, &path, &rollup)?;
    }
    let partition = BTreeMap::from([
        (PARTITION_DATE.to_owned(), Some(date)),
        (PARTITION_LOG.to_owned(), Some(log.name().to_owned())),
    ]);
    let add = add_file(name, partition, written.bytes, stats_of(&written));
    Ok((file, add))
}

/// Opens a sealed file by its name in the table.
pub(crate) fn open_file(
    shared: &Shared,
    name: &str,
    partition: (Log, i32),
) -> Result<Arc<SealedFile>, StoreError> {
    let path = sign_ins_dir(&shared.dir).join(name);
    let cache = shared.cache.clone();
    let file = SealedFile::open(&shared.handles, path, name.to_owned(), partition, cache)?;
    Ok(Arc::new(file))
}

pub(crate) fn add_file(
    path: String,
    partition_values: BTreeMap<String, Option<String>>,
    bytes: u64,
    stats: String,
) -> AddFile {
    AddFile {
        path,
        partition_values,
        size_bytes: bytes,
        modification_time_ms: now_ms(),
        stats: Some(stats),
    }
}

/// Delta's statistics; times in milliseconds, so that the maximum is rounded up.
fn stats_of(written: &Written) -> String {
    let shown = |micros: i64| Timestamp::from_micros(micros.clamp(FIRST_MICROS, LAST_MICROS));
    let min = shown(written.min_micros.div_euclid(1000).saturating_mul(1000));
    let max = shown((written.max_micros.div_euclid(1000) + 1).saturating_mul(1000));
    format!(
        "{{\"numRecords\":{},\"minValues\":{{\"createdDateTime\":\"{min}\"}},\
         \"maxValues\":{{\"createdDateTime\":\"{max}\"}},\"nullCount\":{{\"createdDateTime\":0}}}}",
        written.rows
    )
}

/// The days in a batch that is newest first: day, first row, row after the last.
fn days_of(batch: &RecordBatch) -> Result<Vec<(i32, usize, usize)>, StoreError> {
    let created = int64s(batch.column(Column::Created as usize))?;
    let times = created.values();
    let mut days = Vec::new();
    let mut start = 0;
    while start < times.len() {
        let day = day_of(times[start]);
        let end = start + times[start..].partition_point(|&time| day_of(time) >= day);
        days.push((day, start, end));
        start = end;
    }
    Ok(days)
}

/// 1600-01-01 and 9999-12-31 in days since 1970: dates that every engine can read.
const DAYS: (i64, i64) = (-135_140, 2_932_896);
const FIRST_MICROS: i64 = DAYS.0 * DAY_MICROS;
const LAST_MICROS: i64 = (DAYS.1 + 1) * DAY_MICROS - 1;

/// The partition of an instant (µs): its UTC day. Decoders refuse instants beyond the calendar; if
/// one comes nevertheless it lies with the first or the last day.
pub(crate) fn day_of(micros: i64) -> i32 {
    let day = micros.clamp(FIRST_MICROS, LAST_MICROS).div_euclid(DAY_MICROS);
    i32::try_from(day).unwrap_or(i32::MAX)
}

/// `2026-03-02` for a day since 1970.
pub(crate) fn date_text(day: i32) -> String {
    let text = Timestamp::from_micros(i64::from(day) * DAY_MICROS).to_string();
    text.split('T').next().unwrap_or_default().to_owned()
}

/// A file name that no other file of this directory has or had.
pub(crate) fn unique_name() -> String {
    name_at(Timestamp::now().micros.max(0).unsigned_abs())
}

fn name_at(micros: u64) -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!("{micros:016x}-{:x}-{count:x}", std::process::id())
}

/// Now, in milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    Timestamp::now().micros / 1000
}
