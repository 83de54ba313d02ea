//! What is in the store, for `durward status`, readiness and metrics.

use durward_model::Log;
use hashbrown::HashSet;

use crate::chunk::Body;
use crate::store::Shared;

/// One log.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct LogStatus {
    /// Which.
    pub log: Log,
    /// Events (latest revisions).
    pub events: u64,
    /// Rows of earlier revisions.
    pub earlier_revisions: u64,
    /// Oldest `createdDateTime`, µs since 1970.
    pub oldest_micros: i64,
    /// Newest `createdDateTime`, µs since 1970.
    pub newest_micros: i64,
}

/// The whole store.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Status {
    /// Logs that have events.
    pub logs: Vec<LogStatus>,
    /// Sealed files.
    pub files: usize,
    /// Bytes of sealed files, without entities and rollups.
    pub sealed_bytes: u64,
    /// Bytes of the write-ahead log.
    pub wal_bytes: u64,
    /// Rows in memory that are not sealed yet.
    pub hot_rows: usize,
    /// Their memory, in bytes.
    pub hot_bytes: usize,
    /// Distinct entities, all groups.
    pub entities: usize,
    /// Memory of entities, in bytes.
    pub entity_bytes: usize,
    /// Memory of decoded columns, in bytes.
    pub cache_bytes: usize,
    /// What the last maintenance run failed on, if it did.
    pub last_error: Option<String>,
    /// Has the write-ahead log stopped accepting data?
    pub stopped: bool,
}

pub(crate) fn status(shared: &Shared) -> Status {
    let last_error = shared.last_error.lock().clone();
    let wal_bytes = shared.wal.bytes();
    let stopped =
        shared.wal.poisoned().is_some() || shared.failed.load(std::sync::atomic::Ordering::SeqCst);
    let state = shared.state.lock();
    let mut logs = Vec::new();
    for log in Log::ALL {
        let chunks = || state.hot.iter().chain(&state.sealed).filter(|chunk| chunk.log == log);
        let rows: u64 = chunks().map(|chunk| chunk.rows as u64).sum();
        let events: u64 = chunks().map(|chunk| chunk.live_rows() as u64).sum();
        if rows > 0 {
            logs.push(LogStatus {
                log,
                events,
                earlier_revisions: rows - events,
                oldest_micros: chunks().map(|chunk| chunk.min_micros).min().unwrap_or(0),
                newest_micros: chunks().map(|chunk| chunk.max_micros).max().unwrap_or(0),
            });
        }
    }
    let mut seen = HashSet::new();
    let sealed_bytes = state
        .sealed
        .iter()
        .filter_map(|chunk| match &chunk.body {
            Body::Sealed { file, .. } => seen.insert(file.number).then_some(file.bytes),
            Body::Hot { .. } => None,
        })
        .sum();
    Status {
        logs,
        files: seen.len(),
        sealed_bytes,
        wal_bytes,
        hot_rows: state.hot_rows(),
        hot_bytes: state.hot_bytes,
        entities: durward_model::field::Group::ALL.iter().map(|g| state.entities.len(*g)).sum(),
        entity_bytes: state.entities.bytes(),
        cache_bytes: shared.cache.bytes(),
        last_error,
        stopped,
    }
}
