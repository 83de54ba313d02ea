//! The transaction log of a Delta table: which Parquet files are the table.
//!
//! A small writer and reader of our own for the part of the protocol that the store needs
//! (reader version 1, writer version 2: no deletion vectors, no column mapping), so that a
//! commit is what it says. A commit counts after the data files, its JSON file and the folder of
//! the log are synced; the JSON file appears under its name complete or not at all. Other
//! engines (Spark, DuckDB, delta-rs, Trino…) read the table as any other.
//!
//! - One writer: the store holds a lock on its folder. A commit of somebody else under the next
//!   number is nevertheless never overwritten ([`DeltaError::Conflict`]).
//! - When the outcome of a commit is unknown ([`DeltaError::Unknown`]) the log refuses work until
//!   it is opened again, and no data file of that commit may be removed before.
//! - A newest commit that is empty or torn is never read as an empty one: opening fails with
//!   [`DeltaError::Torn`], and whoever knows that its events are still in the write-ahead log
//!   may call [`set_aside_torn`].
//! - Every 50 commits a checkpoint is written, read back and only then announced. A checkpoint
//!   that fails costs nothing but time: the commit stands, and the next one tries again.
//!
//! Deliberately absent: conflict resolution, deletion vectors, reading old versions.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_schema::Schema;

use crate::files::{FileLayer, is_disk_full};

mod action;
mod checkpoint;
mod clean;
mod log_dir;
mod open;
mod path;
mod schema;
mod snapshot;
mod stats;

#[cfg(test)]
mod tests;

pub use clean::Cleaned;
pub use open::set_aside_torn;
pub use stats::FileStats;

use action::{CommitText, Metadata};
use snapshot::Snapshot;

/// The number of a commit. A new table begins with 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableVersion(pub u64);

impl std::fmt::Display for TableVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What the table should be like.
#[derive(Debug, Clone)]
pub struct TableSpec {
    /// Unique id of the table, a UUID in text form; used when it is created.
    pub id: String,
    /// Name of the table; used when it is created.
    pub name: String,
    /// All columns, those that files are partitioned by among them. Integers (signed), strings,
    /// booleans, floats, binary, dates and UTC timestamps in microseconds.
    pub schema: Arc<Schema>,
    /// Names of the partition columns, in the order of the folders.
    pub partition_columns: Vec<String>,
}

/// Settings of the log.
#[derive(Debug, Clone)]
pub struct DeltaOptions {
    /// Commits from one checkpoint to the next.
    pub checkpoint_every: u64,
    /// How long commits are kept after a checkpoint made them unnecessary, in milliseconds.
    pub log_retention_ms: i64,
    /// How long a removed file is remembered in checkpoints, in milliseconds.
    pub tombstone_retention_ms: i64,
    /// Table properties written when the table is created.
    pub configuration: BTreeMap<String, String>,
}

/// Milliseconds of seven days.
const WEEK_MS: i64 = 7 * 24 * 3600 * 1000;

impl Default for DeltaOptions {
    fn default() -> DeltaOptions {
        DeltaOptions {
            checkpoint_every: 50,
            log_retention_ms: WEEK_MS,
            tombstone_retention_ms: WEEK_MS,
            configuration: BTreeMap::new(),
        }
    }
}

/// A data file of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddFile {
    /// Path relative to the table folder, with `/` between folders, as on the disk (the log
    /// holds it percent-encoded).
    pub path: String,
    /// Value of each partition column as text; `None` is null.
    pub partition_values: BTreeMap<String, Option<String>>,
    /// Length of the file.
    pub size_bytes: u64,
    /// When it was written, milliseconds since 1970.
    pub modification_time_ms: i64,
    /// Statistics in JSON, see [`FileStats`].
    pub stats: Option<String>,
}

/// A file that has left the table but may still be read by somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// As [`AddFile::path`].
    pub path: String,
    /// When it left, milliseconds since 1970.
    pub deletion_time_ms: i64,
    /// As [`AddFile::partition_values`].
    pub partition_values: BTreeMap<String, Option<String>>,
    /// As [`AddFile::size_bytes`], if known.
    pub size_bytes: Option<u64>,
}

/// One change of the table.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    /// Files that join; already durable on the disk, names included.
    pub adds: Vec<AddFile>,
    /// Paths of files that leave.
    pub removes: Vec<String>,
    /// Progress of an application that comes with this change: its id and a number.
    pub txn: Option<(String, i64)>,
    /// Whether the set of rows changes; `false` when rows only move between files.
    pub data_change: bool,
    /// What kind of change it is, for people: `WRITE`, `OPTIMIZE`, `DELETE`.
    pub operation: String,
    /// Time of the commit, milliseconds since 1970.
    pub timestamp_ms: i64,
}

/// Why the log could not be read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeltaError {
    /// The disk said no. A commit that fails with this has not happened.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system reported.
        source: io::Error,
    },
    /// The newest commit is empty or cut off, as a power cut leaves it.
    #[error("commit {version} of the table is empty or cut off ({}): {reason}", path.display())]
    Torn {
        /// Its number.
        version: u64,
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file of the log is not what was written.
    #[error("{}: {reason}. Restore the file from a backup", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Commits between the newest checkpoint and the newest commit are not there.
    #[error("commit {version} of the table is missing in {}. Restore it from a backup", dir.display())]
    Missing {
        /// The first one missing.
        version: u64,
        /// The folder of the log.
        dir: PathBuf,
    },
    /// The table uses something this program does not know.
    #[error("the table {} cannot be used: {reason}", dir.display())]
    Unsupported {
        /// The folder of the table.
        dir: PathBuf,
        /// What it uses.
        reason: String,
    },
    /// The columns do not fit those of the table, or cannot be columns of a table.
    #[error("column {column}: {reason}")]
    Schema {
        /// Name of the column.
        column: String,
        /// What does not fit.
        reason: String,
    },
    /// The change makes no sense for this table; nothing was written.
    #[error("the change does not fit the table: {reason}")]
    Invalid {
        /// What does not fit.
        reason: String,
    },
    /// Somebody else committed under this number; open the log again.
    #[error("somebody else wrote commit {version} of the table")]
    Conflict {
        /// The number.
        version: u64,
    },
    /// It is not known whether the commit is durable; open the log again to learn it.
    #[error("it is unknown whether commit {version} of the table is durable: {reason}")]
    Unknown {
        /// The number.
        version: u64,
        /// What failed.
        reason: String,
    },
}

impl DeltaError {
    fn io(path: &Path, source: io::Error) -> DeltaError {
        DeltaError::Io { path: path.to_path_buf(), source }
    }

    /// Whether the reason is a full disk: nothing has happened, and it can be tried again.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, DeltaError::Io { source, .. } if is_disk_full(source))
    }
}

/// The open log of one table.
#[derive(Debug)]
pub struct DeltaLog {
    files: Arc<dyn FileLayer>,
    table_dir: PathBuf,
    log_dir: PathBuf,
    options: DeltaOptions,
    snapshot: Snapshot,
    /// Version of the newest checkpoint.
    checkpoint: Option<u64>,
    /// The commit whose outcome is unknown, and why.
    unknown: Option<(u64, String)>,
}

impl DeltaLog {
    /// Opens the table in `table_dir`, or creates it. Columns of `table` that the table lacks are
    /// added to it if they are nullable; columns it has beyond `table` stay.
    pub fn open_or_create(
        files: Arc<dyn FileLayer>,
        table_dir: &Path,
        table: &TableSpec,
        options: DeltaOptions,
        now_ms: i64,
    ) -> Result<DeltaLog, DeltaError> {
        let fields = schema::fields(&table.schema)?;
        schema::check_partitions(&fields, &table.partition_columns)?;
        let log_dir = table_dir.join(log_dir::NAME);
        files.create_dir_durably(&log_dir).map_err(|error| DeltaError::io(&log_dir, error))?;
        files.remove_temporary(&log_dir).map_err(|error| DeltaError::io(&log_dir, error))?;
        // A commit may have been seen by a process that died before it could sync the folder.
        files.sync_dir(&log_dir).map_err(|error| DeltaError::io(&log_dir, error))?;

        let found = open::open(&*files, table_dir, &log_dir)?;
        let is_new = found.is_none();
        let (snapshot, checkpoint) = match found {
            Some(found) => found,
            None => {
                let metadata = Metadata {
                    id: table.id.clone(),
                    name: Some(table.name.clone()),
                    schema: schema::encode(&fields),
                    partition_columns: table.partition_columns.clone(),
                    configuration: options.configuration.clone(),
                    created_time_ms: Some(now_ms),
                };
                (Snapshot::new(metadata), None)
            }
        };
        let table_dir = table_dir.to_path_buf();
        let mut log =
            DeltaLog { files, table_dir, log_dir, options, snapshot, checkpoint, unknown: None };
        if is_new {
            log.create(now_ms)?;
        } else {
            log.evolve(&fields, &table.partition_columns, now_ms)?;
        }
        Ok(log)
    }

    /// The newest version.
    pub fn version(&self) -> TableVersion {
        TableVersion(self.snapshot.version)
    }

    /// The version of the newest checkpoint.
    pub fn checkpoint_version(&self) -> Option<TableVersion> {
        self.checkpoint.map(TableVersion)
    }

    /// The folder of the table; paths of files are relative to it.
    pub fn table_dir(&self) -> &Path {
        &self.table_dir
    }

    /// The id of the table.
    pub fn table_id(&self) -> &str {
        &self.snapshot.metadata.id
    }

    /// The files of the table, by path.
    pub fn files(&self) -> impl ExactSizeIterator<Item = &Arc<AddFile>> {
        self.snapshot.files.values()
    }

    /// The file of this path, if it belongs to the table.
    pub fn file(&self, path: &str) -> Option<&Arc<AddFile>> {
        self.snapshot.files.get(path)
    }

    /// The files that have left the table and are still remembered, by path.
    pub fn tombstones(&self) -> impl ExactSizeIterator<Item = &Tombstone> {
        self.snapshot.tombstones.values()
    }

    /// The number an application committed last.
    pub fn txn(&self, app_id: &str) -> Option<i64> {
        self.snapshot.txns.get(app_id).map(|txn| txn.version)
    }

    /// Changes the table: durable when this returns. After an error of the kind
    /// [`DeltaError::Unknown`] it may be durable or not, and the log must be opened again; after
    /// any other error nothing has happened.
    pub fn commit(&mut self, commit: Commit) -> Result<TableVersion, DeltaError> {
        self.snapshot.check(&commit)?;
        let mut text = CommitText::new(&commit.operation, commit.timestamp_ms);
        if let Some((app_id, version)) = &commit.txn {
            text.txn(app_id, *version, commit.timestamp_ms);
        }
        for path in &commit.removes {
            if let Some(file) = self.snapshot.files.get(path) {
                text.remove(file, commit.timestamp_ms, commit.data_change);
            }
        }
        for file in &commit.adds {
            text.add(file, commit.data_change);
        }
        let version = self.write_commit(self.snapshot.version + 1, text)?;
        self.snapshot.apply(version, commit);
        self.checkpoint_if_due();
        Ok(TableVersion(version))
    }

    /// Writes a checkpoint of the present version, now.
    pub fn checkpoint(&mut self) -> Result<(), DeltaError> {
        self.require_known()?;
        let oldest_tombstone_ms =
            self.snapshot.timestamp_ms.saturating_sub(self.options.tombstone_retention_ms);
        self.snapshot.tombstones.retain(|_, file| file.deletion_time_ms >= oldest_tombstone_ms);
        checkpoint::write(&*self.files, &self.log_dir, &self.snapshot)?;
        self.checkpoint = Some(self.snapshot.version);
        Ok(())
    }

    /// Removes commits and checkpoints that a checkpoint older than the retention makes
    /// unnecessary.
    pub fn clean(&mut self, now_ms: i64) -> Result<Cleaned, DeltaError> {
        self.require_known()?;
        clean::clean(&*self.files, &self.log_dir, now_ms - self.options.log_retention_ms)
    }

    fn create(&mut self, now_ms: i64) -> Result<(), DeltaError> {
        let mut text = CommitText::new("CREATE TABLE", now_ms);
        text.protocol();
        text.metadata(&self.snapshot.metadata);
        self.write_commit(0, text)?;
        self.snapshot.timestamp_ms = now_ms;
        Ok(())
    }

    /// Adds the columns that the table lacks.
    fn evolve(
        &mut self,
        wanted: &[schema::Field],
        partition_columns: &[String],
        now_ms: i64,
    ) -> Result<(), DeltaError> {
        let metadata = &self.snapshot.metadata;
        if metadata.partition_columns != partition_columns {
            let reason = format!("the table is partitioned by {:?}", metadata.partition_columns);
            return Err(DeltaError::Invalid { reason });
        }
        let table = schema::decode(&metadata.schema)
            .map_err(|reason| DeltaError::Unsupported { dir: self.table_dir.clone(), reason })?;
        let Some(merged) = schema::merge(table, wanted)? else { return Ok(()) };
        let metadata = Metadata { schema: schema::encode(&merged), ..metadata.clone() };
        let mut text = CommitText::new("ADD COLUMNS", now_ms);
        text.metadata(&metadata);
        let version = self.write_commit(self.snapshot.version + 1, text)?;
        self.snapshot.metadata = metadata;
        self.snapshot.version = version;
        self.snapshot.timestamp_ms = now_ms;
        Ok(())
    }

    /// Puts a commit in place, if its number is free, and makes it durable.
    fn write_commit(&mut self, version: u64, text: CommitText) -> Result<u64, DeltaError> {
        self.require_known()?;
        let path = self.log_dir.join(log_dir::commit_name(version));
        let not_done = |error| DeltaError::io(&path, error);
        let temporary =
            self.files.write_temporary(&path, text.finish().as_bytes()).map_err(not_done)?;
        if let Err(error) = self.files.rename_new(&temporary, &path) {
            // Best effort: what stays is removed when the log is opened.
            let _ = self.files.remove(&temporary);
            if error.kind() == io::ErrorKind::AlreadyExists {
                return Err(DeltaError::Conflict { version });
            }
            // A full disk can refuse the new name, and then there is none.
            if is_disk_full(&error) && matches!(self.files.exists(&path), Ok(false)) {
                return Err(DeltaError::io(&path, error));
            }
            return Err(self.outcome_unknown(version, &error));
        }
        match self.files.sync_dir(&self.log_dir) {
            Ok(()) => Ok(version),
            Err(error) => Err(self.outcome_unknown(version, &error)),
        }
    }

    fn outcome_unknown(&mut self, version: u64, error: &io::Error) -> DeltaError {
        let reason = error.to_string();
        self.unknown = Some((version, reason.clone()));
        DeltaError::Unknown { version, reason }
    }

    fn require_known(&self) -> Result<(), DeltaError> {
        match &self.unknown {
            Some((version, reason)) => {
                Err(DeltaError::Unknown { version: *version, reason: reason.clone() })
            }
            None => Ok(()),
        }
    }

    fn checkpoint_if_due(&mut self) {
        let since = self.snapshot.version - self.checkpoint.unwrap_or(0);
        if since < self.options.checkpoint_every.max(1) {
            return;
        }
        if let Err(error) = self.checkpoint() {
            tracing::warn!(%error, "no checkpoint of the table could be written; trying again");
        }
    }
}
