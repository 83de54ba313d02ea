//! Options of the store and their defaults.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use durward_model::Log;

use crate::files::{FileLayer, RealFiles};

/// How the store behaves. The defaults suit a server on one disk.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Through what files are read and written.
    pub files: Arc<dyn FileLayer>,
    /// Rows in memory are sealed once the oldest is this old.
    pub seal_after: Duration,
    /// Rows in memory are sealed once there are this many.
    pub seal_rows: usize,
    /// No more is accepted while this many bytes of rows wait to be sealed.
    pub hot_bytes_max: usize,
    /// Decoded columns kept in memory, in bytes.
    pub cache_bytes: usize,
    /// Files with fewer rows are merged with their neighbours of the same log and day; a merged
    /// file is complete once it has that many rows.
    pub file_rows: usize,
    /// Files replaced by compaction stay on disk that long, for other engines that still read
    /// them.
    pub keep_replaced: Duration,
    /// Days of each log to keep; a log that is not here is kept for ever.
    pub retention_days: BTreeMap<Log, u32>,
    /// Days exempt from retention (legal hold), first and last, days since 1970.
    pub holds: Vec<(i32, i32)>,
    /// Seal, compact and apply retention from a thread of the store's own.
    pub background: bool,
    /// Take the directory's lock, so that no other process uses it. Off only where files are not
    /// the operating system's.
    pub lock: bool,
    /// What this process says of itself to another that finds the directory locked.
    pub holder: String,
}

impl Default for StoreOptions {
    fn default() -> Self {
        StoreOptions {
            files: Arc::new(RealFiles),
            seal_after: Duration::from_secs(30),
            seal_rows: 400_000,
            hot_bytes_max: 384 << 20,
            cache_bytes: 384 << 20,
            file_rows: 1_000_000,
            keep_replaced: Duration::from_secs(3600),
            retention_days: BTreeMap::new(),
            holds: Vec::new(),
            background: true,
            lock: true,
            holder: format!("process {}", std::process::id()),
        }
    }
}
