//! What can go wrong in the store.

use std::io;
use std::path::PathBuf;

/// Reading or maintaining the store failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file layer failed.
    #[error("cannot access the data directory: {0}")]
    Io(#[from] io::Error),
    /// A Parquet file cannot be read or written.
    #[error("cannot read or write a table file: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// Columns do not have the types they must have.
    #[error("table file has an unexpected layout: {0}")]
    Arrow(#[from] arrow_schema::ArrowError),
    /// The transaction log of a table cannot be read or written.
    #[error("table log: {0}")]
    Delta(#[from] crate::delta::DeltaError),
    /// The write-ahead log cannot be read or written.
    #[error("write-ahead log: {0}")]
    Wal(#[from] crate::wal::WalError),
    /// Data on disk contradicts itself.
    #[error("{what} in {path}: {advice}")]
    Corrupt {
        /// What was found.
        what: String,
        /// Where.
        path: PathBuf,
        /// What to do about it.
        advice: String,
    },
    /// An earlier failure left the store read-only until it is opened again.
    #[error("the store stopped accepting data after an earlier failure; restart durward")]
    Stopped,
}

impl StoreError {
    /// Is the reason a full disk? Then nothing has happened, and it can be tried again.
    pub fn is_disk_full(&self) -> bool {
        use std::error::Error;
        if let StoreError::Delta(error) = self {
            return error.is_disk_full();
        }
        let mut cause: Option<&(dyn Error + 'static)> = Some(self);
        while let Some(error) = cause {
            if error.downcast_ref::<io::Error>().is_some_and(crate::files::is_disk_full) {
                return true;
            }
            cause = error.source();
        }
        // Parquet wraps an I/O error into text only when it passes through its own writer.
        matches!(self, StoreError::Parquet(error) if error.to_string().contains("space left"))
    }
}

/// The store cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has the directory.
    #[error("{path} is in use by another durward ({holder}); stop it, or send data to its address")]
    Locked {
        /// The data directory.
        path: PathBuf,
        /// What the holder wrote about itself.
        holder: String,
    },
    /// Reading what is there failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A batch was not accepted. Nothing of it is promised; sending it again is safe.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// Too much waits to be written; try again soon.
    #[error("{waiting_bytes} bytes wait to be written; try again in a moment")]
    Backpressure {
        /// Bytes in memory that wait for a seal or a sync.
        waiting_bytes: u64,
    },
    /// The batch is larger than the write-ahead log takes in one piece; send it in parts.
    #[error("a batch of {bytes} bytes is too large; send it in parts")]
    TooLarge {
        /// Its encoded size.
        bytes: usize,
    },
    /// The disk is full. What was acknowledged is safe; free space and send again.
    #[error("the disk is full; free space, then send again")]
    DiskFull,
    /// The store stopped after a failure.
    #[error("the store stopped accepting data after an earlier failure; restart durward")]
    Poisoned,
    /// Looking up known events failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        OpenError::Store(StoreError::Io(error))
    }
}
