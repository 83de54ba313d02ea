//! The database of accounts, tokens and sessions, as several processes use it at once.
//!
//! Nothing is cached: what another process changes (the command line revokes a token) holds for
//! the next question. Reads take one of a few connections and do not wait for writes (write-ahead
//! log); writes go one after the other and are on the disk when they return, so that a revoked
//! token stays revoked after a power cut.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use durward_model::Timestamp;
use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::error::Result;
use crate::schema;

/// Connections that answer reads. Each read takes some tens of microseconds.
const READERS: usize = 4;
/// How long a statement waits for another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Prepared statements that each connection keeps.
const STATEMENTS_KEPT: usize = 64;
/// How often writing down that something was used is worth it.
pub(crate) const TOUCH: Duration = Duration::from_secs(60);

const TOKENS_LONG_OVER: &str =
    "DELETE FROM token WHERE coalesce(min(expires, revoked), expires, revoked) <= ?1";

/// People, tokens, sessions and what else has to do with access, in `access/access.db` of the
/// data directory.
///
/// Methods block, but briefly; none of them needs the network or hashes a password unless it says
/// so. Times are given by the caller.
pub struct AccessStore {
    path: PathBuf,
    writer: Mutex<Connection>,
    readers: [Mutex<Connection>; READERS],
    next_reader: AtomicUsize,
}

impl fmt::Debug for AccessStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessStore").field("path", &self.path).finish_non_exhaustive()
    }
}

impl AccessStore {
    /// Opens the database in that data directory, and creates it if it is not there.
    pub fn open(data_dir: &Path) -> Result<AccessStore> {
        let directory = data_dir.join("access");
        let path = directory.join("access.db");
        files::protect(&directory, &path)?;
        let mut writer = connect(&path)?;
        // Concurrent first openings may find the file locked in a way SQLite does not wait for.
        let mut tries = 50;
        while let Err(error) = writer.pragma_update(None, "journal_mode", "wal") {
            tries -= 1;
            let is_busy = error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy);
            if !is_busy || tries == 0 {
                return Err(error.into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        writer.pragma_update(None, "synchronous", "full")?;
        schema::migrate(&mut writer)?;
        let reader = || -> Result<Mutex<Connection>> {
            let connection = connect(&path)?;
            connection.pragma_update(None, "query_only", true)?;
            Ok(Mutex::new(connection))
        };
        Ok(AccessStore {
            writer: Mutex::new(writer),
            readers: [reader()?, reader()?, reader()?, reader()?],
            next_reader: AtomicUsize::new(0),
            path,
        })
    }

    /// Asks without changing anything.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        if let Some(reader) = self.readers.iter().find_map(Mutex::try_lock) {
            return work(&reader);
        }
        let next = self.next_reader.fetch_add(1, Ordering::Relaxed) % READERS;
        work(&self.readers[next].lock())
    }

    /// Changes everything that the work changes, or nothing if it fails.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let mut writer = self.writer.lock();
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }

    /// Writes down that something was used. Not worth failing for: the disk may be full.
    pub(crate) fn touch(&self, work: impl FnOnce(&Transaction<'_>) -> Result<()>) {
        if let Err(error) = self.write(work) {
            tracing::warn!(%error, "cannot write down when a session or token was last used");
        }
    }

    /// Removes what can never hold again: sessions, links, devices and short-lived tokens that are
    /// over, and tokens that were over for 90 days. Returns how many rows went. To be called now
    /// and then.
    pub fn prune(&self, now: Timestamp) -> Result<usize> {
        let long_ago = before(now, Duration::from_secs(90 * 86_400));
        self.write(|db| {
            let now = now.micros;
            let mut gone = 0;
            for (statement, bound) in [
                ("DELETE FROM session WHERE expires <= ?1 OR last_seen + idle <= ?1", now),
                ("DELETE FROM link WHERE expires <= ?1", now),
                ("DELETE FROM access_token WHERE expires <= ?1", now),
                ("DELETE FROM device WHERE last_used <= ?1", crate::devices::oldest(now)),
                (TOKENS_LONG_OVER, long_ago),
            ] {
                gone += db.prepare_cached(statement)?.execute([bound])?;
            }
            Ok(gone)
        })
    }

    /// Can anybody get in: is there a local account with a password, or a token that holds?
    pub fn has_way_in(&self, now: Timestamp) -> Result<bool> {
        self.read(|db| {
            let statement = "SELECT EXISTS (SELECT 1 FROM person WHERE issuer = 'local' \
                 AND disabled = 0 AND password IS NOT NULL) OR EXISTS (SELECT 1 FROM token t \
                 LEFT JOIN person p ON p.id = t.owner WHERE t.revoked IS NULL \
                 AND (t.expires IS NULL OR t.expires > ?1) \
                 AND (t.owner IS NULL OR p.disabled = 0))";
            Ok(db.prepare_cached(statement)?.query_row([now.micros], |row| row.get(0))?)
        })
    }
}

fn connect(path: &Path) -> Result<Connection> {
    // No URI in the path, and no further mutex: ours is around each connection.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    Ok(connection)
}

/// A length of time in microseconds.
pub(crate) fn micros(length: Duration) -> i64 {
    i64::try_from(length.as_micros()).unwrap_or(i64::MAX)
}

/// So long after an instant, in microseconds since 1970.
pub(crate) fn after(now: Timestamp, length: Duration) -> i64 {
    now.micros.saturating_add(micros(length))
}

/// So long before an instant, in microseconds since 1970.
pub(crate) fn before(now: Timestamp, length: Duration) -> i64 {
    now.micros.saturating_sub(micros(length))
}

/// A text as it is compared where case does not matter.
pub(crate) fn fold(name: &str) -> String {
    name.trim().to_lowercase()
}

mod files {
    use std::fs;
    use std::path::Path;

    use crate::error::{AccessError, Result};

    /// Sees to it that directory and file are there and nobody else's business. SQLite gives the
    /// files beside the database the mode of the database.
    pub(super) fn protect(directory: &Path, file: &Path) -> Result<()> {
        create_directory(directory).map_err(|source| failed(directory, source))?;
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        // Never opened where it is there: closing any descriptor of a file drops the locks that
        // SQLite holds on it in this process.
        match options.open(file) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(failed(file, error));
            }
            _ => {}
        }
        for (path, mode) in [(directory, 0o700), (file, 0o600)] {
            restrict(path, mode).map_err(|source| failed(path, source))?;
        }
        Ok(())
    }

    fn failed(path: &Path, source: std::io::Error) -> AccessError {
        AccessError::Io { path: path.to_owned(), source }
    }

    fn create_directory(directory: &Path) -> std::io::Result<()> {
        if let Some(parent) = directory.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        match builder.create(directory) {
            Err(_) if directory.is_dir() => Ok(()),
            done => done,
        }
    }

    #[cfg(unix)]
    fn restrict(path: &Path, mode: u32) -> std::io::Result<()> {
        use std::os::unix::fs::PermissionsExt as _;
        let is_open = fs::metadata(path)?.permissions().mode() & 0o077 != 0;
        if is_open { fs::set_permissions(path, fs::Permissions::from_mode(mode)) } else { Ok(()) }
    }

    #[cfg(not(unix))]
    fn restrict(_: &Path, _: u32) -> std::io::Result<()> {
        Ok(())
    }
}
