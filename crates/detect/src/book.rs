//! The book: what was found, and what people decided about it.
//!
//! One SQLite database beside the log, `detect/detect.db`. A finding is written once however often
//! it is told; what follows from it (risk, alerts) is written in the same transaction, so that
//! nothing is told twice or forgotten by a crash in between.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::settings::Settings;

mod choices;
mod findings;

pub use choices::ChoiceChange;
pub use findings::{Badge, FindingQuery, Recorded, StoredFinding};

/// How long a statement waits for another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Prepared statements kept by each connection.
const STATEMENTS_KEPT: usize = 64;

/// The book could not be read or written, or what was asked for cannot be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BookError {
    /// The directory or file cannot be made.
    #[error("cannot use {path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The database cannot be read or written.
    #[error("cannot read or write the database of findings: {0}")]
    Database(#[from] rusqlite::Error),
    /// What is in it cannot be understood.
    #[error("the database of findings holds something that cannot be read: {0}")]
    Content(#[from] serde_json::Error),
    /// A newer durward wrote it.
    #[error(
        "the part `{part}` of the database of findings has layout {found}, and this version of \
         durward knows layouts up to {known}: use the newer version"
    )]
    TooNew {
        /// Which part.
        part: &'static str,
        /// The layout found.
        found: usize,
        /// The newest known.
        known: usize,
    },
    /// What was asked for cannot be, for the reason given in words.
    #[error("{0}")]
    Invalid(String),
    /// There is nothing of that identifier.
    #[error("there is no {0}")]
    Missing(String),
    /// Somebody else has changed it meanwhile.
    #[error("{0}")]
    Conflict(String),
}

/// Result of everything here.
pub type Result<T> = std::result::Result<T, BookError>;

/// The tables of one part, and how an older layout becomes a newer one. Never change a step that
/// was released: add another.
pub(crate) struct Module {
    pub(crate) name: &'static str,
    pub(crate) steps: &'static [&'static str],
}

/// All parts.
const MODULES: &[&Module] = &[
    &findings::SCHEMA,
    &choices::SCHEMA,
    &crate::rules::SCHEMA,
    &crate::risk::SCHEMA,
    &crate::alerts::SCHEMA,
];

/// What happened to a finding.
#[derive(Debug)]
pub enum Change<'a> {
    /// It was not known.
    New(&'a crate::Finding),
    /// It was told again, with other content.
    Changed {
        /// As it was.
        before: &'a crate::Finding,
        /// As it is.
        now: &'a crate::Finding,
    },
    /// Records that came later took its reason away.
    Withdrawn(&'a crate::Finding),
}

/// What decides about consequences.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// Which detections make alerts, and the lists.
    pub settings: &'a Settings,
    /// The time, µs since 1970.
    pub now_micros: i64,
}

/// What follows from a change, within its transaction.
type Consequence = fn(&Transaction<'_>, &Change<'_>, &Circumstances<'_>) -> Result<()>;

/// All consequences, in order.
const CONSEQUENCES: &[Consequence] = &[crate::risk::follow, crate::alerts::follow];

/// The database. Methods block, but briefly.
pub struct Book {
    path: PathBuf,
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
}

impl std::fmt::Debug for Book {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Book").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Book {
    /// Opens the database in that data directory, and creates it if it is not there.
    pub fn open(data_dir: &Path) -> Result<Book> {
        let directory = data_dir.join("detect");
        let path = directory.join("detect.db");
        protect(&directory).map_err(|source| BookError::Io { path: directory, source })?;
        let mut writer = connect(&path)?;
        writer.pragma_update(None, "journal_mode", "wal")?;
        writer.pragma_update(None, "synchronous", "full")?;
        for module in MODULES {
            migrate(&mut writer, module)?;
        }
        let reader = connect(&path)?;
        reader.pragma_update(None, "query_only", true)?;
        Ok(Book { path, writer: Mutex::new(writer), reader: Mutex::new(reader) })
    }

    /// Asks without changing anything.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        work(&self.reader.lock())
    }

    /// Changes everything that the work changes, or nothing if it fails.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let mut writer = self.writer.lock();
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }
}

fn connect(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    Ok(connection)
}

/// Makes the directory nobody else's business; SQLite's files in it are behind it.
fn protect(directory: &Path) -> std::io::Result<()> {
    fs::create_dir_all(directory)?;
    #[cfg(unix)]
    fs::set_permissions(directory, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    Ok(())
}

/// Brings a part to its newest layout, whoever else may be opening the database.
fn migrate(connection: &mut Connection, module: &Module) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS layout (part TEXT PRIMARY KEY, step INTEGER NOT NULL) STRICT;",
    )?;
    let found: usize = transaction.query_row(
        "SELECT coalesce((SELECT step FROM layout WHERE part = ?1), 0)",
        [module.name],
        |row| row.get::<_, i64>(0).map(|step| step as usize),
    )?;
    let known = module.steps.len();
    let missing =
        module.steps.get(found..).ok_or(BookError::TooNew { part: module.name, found, known })?;
    for step in missing {
        transaction.execute_batch(step)?;
    }
    transaction.execute(
        "INSERT INTO layout VALUES (?1, ?2) ON CONFLICT DO UPDATE SET step = excluded.step",
        (module.name, known as i64),
    )?;
    transaction.commit()?;
    Ok(())
}
