//! The file: its table, and adding to it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use durward_model::Timestamp;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension as _, Row, TransactionBehavior,
};

use crate::chain::Chain;
use crate::entry::{
    Action, Actor, ActorKind, Entry, QUERY_BYTES_MAX, Recorded, TEXT_BYTES_MAX, bounded,
};
use crate::error::JournalError;

/// Version of the table, in the file's `user_version`.
const VERSION: i64 = 1;
/// How long to wait for another process to finish its transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How often to try within that time to have the file write ahead.
const WAL_TRIES: u32 = 500;
/// Size to which SQLite's own log is cut back after a checkpoint, in bytes.
const WAL_BYTES: i64 = 16 << 20;

const TABLE: &str = "
    CREATE TABLE entry (
        seq INTEGER PRIMARY KEY,
        at_micros INTEGER NOT NULL,
        action TEXT NOT NULL,
        actor_kind TEXT NOT NULL,
        actor_id TEXT NOT NULL,
        actor_name TEXT NOT NULL,
        token TEXT,
        address TEXT,
        route TEXT NOT NULL,
        query TEXT NOT NULL,
        target TEXT,
        row_count INTEGER,
        status INTEGER NOT NULL,
        request_id TEXT NOT NULL,
        took_ms INTEGER NOT NULL,
        chain BLOB NOT NULL
    ) STRICT;
    CREATE INDEX entry_at ON entry (at_micros);
    CREATE TRIGGER entry_is_not_changed BEFORE UPDATE ON entry BEGIN
        SELECT RAISE(ABORT, 'the access log is append-only: entries cannot be changed');
    END;
    CREATE TRIGGER entry_is_not_removed BEFORE DELETE ON entry BEGIN
        SELECT RAISE(ABORT, 'the access log is append-only: entries cannot be removed');
    END;
    -- An insert that replaces would remove without the trigger above.
    CREATE TRIGGER entry_is_appended BEFORE INSERT ON entry
    WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM entry) BEGIN
        SELECT RAISE(ABORT, 'the access log is append-only: entries are added at its end');
    END;
    PRAGMA user_version = 1;";

/// Columns that the chain covers; `chain` follows them.
pub(crate) const COLUMNS: usize = 15;

/// Where the log of a data directory is.
pub(crate) fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("access").join("journal.db")
}

/// Makes the file and its table, unless they are there.
pub(crate) fn create(path: &Path) -> Result<(), JournalError> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
        restrict(dir, 0o700)?;
    }
    // SQLite alone opens the file: closing it would drop the locks that other connections of
    // this process have on it. The files beside it get its mode.
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_CREATE)?;
    restrict(path, 0o600)?;
    // Another process that makes the file has it locked in a way that SQLite does not wait for.
    let mut tries = WAL_TRIES;
    while let Err(error) = connection.pragma_update(None, "journal_mode", "wal") {
        tries -= 1;
        if tries == 0 || error.sqlite_error_code() != Some(ErrorCode::DatabaseBusy) {
            return Err(error.into());
        }
        std::thread::sleep(BUSY_TIMEOUT / WAL_TRIES);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if transaction.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))? == 0 {
        transaction.execute_batch(TABLE)?;
    }
    transaction.commit()?;
    Ok(())
}

/// A connection that can add, to a file that is there.
pub(crate) fn open(path: &Path) -> Result<Connection, JournalError> {
    let connection = connect(path, OpenFlags::empty())?;
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version > VERSION {
        return Err(JournalError::Newer(version));
    }
    // With NORMAL a commit would survive the end of the process, but a power cut could lose the
    // last ones. FULL survives both for one sync a commit, which many entries share.
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update_and_check(None, "journal_size_limit", WAL_BYTES, |_| Ok(()))?;
    Ok(connection)
}

/// A connection that can only read.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, JournalError> {
    let connection = open(path)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn connect(path: &Path, more: OpenFlags) -> Result<Connection, JournalError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

/// Sees to it that only its owner can read it.
fn restrict(path: &Path, mode: u32) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if std::fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
        }
    }
    #[cfg(not(unix))]
    let _ = (path, mode);
    Ok(())
}

/// Adds entries in one transaction: all of them, or none.
pub(crate) fn append<'e>(
    connection: &mut Connection,
    entries: impl IntoIterator<Item = &'e Entry>,
) -> Result<(), JournalError> {
    // Immediate: nobody else adds between reading the last entry and adding the next.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let last = transaction
        .query_row("SELECT seq, chain FROM entry ORDER BY seq DESC LIMIT 1", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get(1)?))
        })
        .optional()?;
    let (mut seq, mut chain) =
        last.map_or((0, Chain::default()), |(seq, chain)| (seq, Chain(chain)));
    {
        let places = "?, ".repeat(COLUMNS);
        let mut insert = transaction.prepare(&format!("INSERT INTO entry VALUES ({places}?)"))?;
        for entry in entries {
            seq += 1;
            let columns = columns(seq, entry);
            chain = chain.followed_by(columns.iter().map(ValueRef::from));
            let chain = Value::Blob(chain.0.to_vec());
            insert.execute(rusqlite::params_from_iter(columns.iter().chain([&chain])))?;
        }
    }
    Ok(transaction.commit()?)
}

/// The columns of an entry in the order of the table, without its chain.
fn columns(seq: i64, entry: &Entry) -> [Value; COLUMNS] {
    let text = |text: &str| Value::Text(bounded(text, TEXT_BYTES_MAX).into_owned());
    let optional = |of: &Option<String>| of.as_deref().map_or(Value::Null, text);
    let number = |number: u64| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
    let actor = &entry.actor;
    [
        Value::Integer(seq),
        Value::Integer(entry.at.micros),
        text(entry.action.name()),
        text(actor.kind.name()),
        text(&actor.id),
        text(&actor.name),
        optional(&actor.token),
        optional(&entry.address),
        text(&entry.route),
        Value::Text(bounded(&entry.query, QUERY_BYTES_MAX).into_owned()),
        optional(&entry.target),
        entry.rows.map_or(Value::Null, number),
        Value::Integer(entry.status.into()),
        text(&entry.request_id),
        number(entry.took_ms),
    ]
}

/// The entry of a row of all columns. A file that was tampered with is still shown; finding out
/// is up to the chain.
pub(crate) fn recorded(row: &Row<'_>) -> rusqlite::Result<Recorded> {
    let optional = |column| -> rusqlite::Result<Option<String>> {
        Ok(match row.get_ref(column)? {
            ValueRef::Null => None,
            value => Some(String::from_utf8_lossy(value.as_bytes()?).into_owned()),
        })
    };
    let text = |column| Ok::<_, rusqlite::Error>(optional(column)?.unwrap_or_default());
    let number = |number: i64| u64::try_from(number).unwrap_or(0);
    let entry = Entry {
        at: Timestamp::from_micros(row.get(1)?),
        action: Action::from_name(&text(2)?).unwrap_or(Action::Unknown),
        actor: Actor {
            kind: ActorKind::from_name(&text(3)?).unwrap_or(ActorKind::Unknown),
            id: text(4)?,
            name: text(5)?,
            token: optional(6)?,
        },
        address: optional(7)?,
        route: text(8)?,
        query: text(9)?,
        target: optional(10)?,
        rows: row.get::<_, Option<i64>>(11)?.map(number),
        status: u16::try_from(row.get::<_, i64>(12)?).unwrap_or(0),
        request_id: text(13)?,
        took_ms: number(row.get(14)?),
    };
    let chain = Chain(row.get(COLUMNS).unwrap_or_default());
    Ok(Recorded { seq: row.get(0)?, entry, chain })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_an_error_and_the_log_goes_on_when_there_is_room() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(dir.path());
        create(&path).unwrap();
        let mut connection = open(&path).unwrap();
        // A file that may not grow fails as on a disk without room.
        connection.pragma_update_and_check(None, "max_page_count", 8, |_| Ok(())).unwrap();
        let actor =
            Actor { kind: ActorKind::Nobody, id: String::new(), name: String::new(), token: None };
        let entry = Entry { query: "x".repeat(QUERY_BYTES_MAX), ..Entry::new(Action::List, actor) };
        let mut written = 0;
        let error = loop {
            match append(&mut connection, [&entry]) {
                Ok(()) => written += 1,
                Err(error) => break error,
            }
            assert!(written < 100);
        };
        assert!(matches!(error, JournalError::DiskFull), "{error}");
        connection.pragma_update_and_check(None, "max_page_count", 99, |_| Ok(())).unwrap();
        append(&mut connection, [&entry, &entry]).unwrap();
        let verified = crate::verify::verify(&connection, None).unwrap();
        assert_eq!(verified.entries, written + 2);
    }
}
