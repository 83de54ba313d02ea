//! What can go wrong with the access log.

use std::io;
use std::sync::Arc;

use rusqlite::ErrorCode;

/// The access log could not be written or read. Clones, as all entries of one commit share a fate.
#[derive(Clone, Debug, thiserror::Error)]
pub enum JournalError {
    /// There is no room on the disk.
    #[error("the disk is full, so the access log cannot be written")]
    DiskFull,
    /// Another process has kept it locked.
    #[error("the access log is locked by another process")]
    Locked,
    /// The thread that writes has ended.
    #[error("the access log is closed")]
    Closed,
    /// Made by a version that came after this one.
    #[error("the access log was made by a newer durward (its version is {0})")]
    Newer(i64),
    /// The entries do not agree with their chain.
    #[error("the access log was tampered with at entry {seq}: {why}")]
    Broken {
        /// The first entry that does not agree.
        seq: i64,
        /// In what way.
        why: String,
    },
    /// Its directory or file cannot be made or opened.
    #[error("opening the access log: {0}")]
    Open(Arc<io::Error>),
    /// SQLite cannot do it.
    #[error("the access log: {0}")]
    Sqlite(Arc<rusqlite::Error>),
}

impl From<rusqlite::Error> for JournalError {
    fn from(error: rusqlite::Error) -> JournalError {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => JournalError::DiskFull,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => JournalError::Locked,
            _ => JournalError::Sqlite(Arc::new(error)),
        }
    }
}

impl From<io::Error> for JournalError {
    fn from(error: io::Error) -> JournalError {
        JournalError::Open(Arc::new(error))
    }
}

impl From<JournalError> for io::Error {
    /// For exports, which end in an output.
    fn from(error: JournalError) -> io::Error {
        io::Error::other(error)
    }
}
