//! The log as others use it: recording and reading.

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::database;
use crate::entry::{Entry, Recorded};
use crate::error::JournalError;
use crate::query::Query;
use crate::verify::Verified;
use crate::{Chain, query, verify};

/// Entries that wait to be written before those who record have to wait for a place.
const QUEUE_ENTRIES: usize = 1024;
/// Entries written in one commit.
const COMMIT_ENTRIES: usize = 256;

/// An entry and who wants to know that it is on disk.
type Job = (Entry, oneshot::Sender<Result<(), JournalError>>);

/// The access log of a data directory.
///
/// Dropping it waits until what was queued is written.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    /// Gone only while being dropped.
    queue: Option<mpsc::Sender<Job>>,
    writer: Option<JoinHandle<()>>,
}

impl Journal {
    /// Opens the log of a data directory, which is made if it is not there.
    ///
    /// # Errors
    /// When the file cannot be made, opened or is of a newer version.
    pub fn open(data_dir: &Path) -> Result<Journal, JournalError> {
        let path = database::path(data_dir);
        database::create(&path)?;
        let connection = database::open(&path)?;
        let (queue, jobs) = mpsc::channel(QUEUE_ENTRIES);
        let writer = std::thread::Builder::new().name("journal".to_owned());
        let writer = writer.spawn(move || write(connection, jobs))?;
        Ok(Journal { path, queue: Some(queue), writer: Some(writer) })
    }

    /// As [`Journal::open`], but `None` where there is no log.
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub fn open_existing(data_dir: &Path) -> Result<Option<Journal>, JournalError> {
        match database::path(data_dir).try_exists()? {
            true => Journal::open(data_dir).map(Some),
            false => Ok(None),
        }
    }

    /// Adds an entry; done when it is on disk. Waits while too many others wait. An entry that
    /// was queued is written even if nobody waits for it any more.
    ///
    /// # Errors
    /// When it could not be written; then nothing must be shown.
    pub async fn record(&self, entry: Entry) -> Result<(), JournalError> {
        let queue = self.queue.as_ref().ok_or(JournalError::Closed)?;
        let (done, written) = oneshot::channel();
        queue.send((entry, done)).await.map_err(|_| JournalError::Closed)?;
        written.await.map_err(|_| JournalError::Closed)?
    }

    /// Adds an entry from code that is not asynchronous, in a commit of its own.
    ///
    /// # Errors
    /// As [`Journal::record`].
    pub fn record_blocking(&self, entry: Entry) -> Result<(), JournalError> {
        database::append(&mut database::open(&self.path)?, [&entry])
    }

    /// The newest entries that a query finds, newest first, at most [`Query::limit`]. Blocks.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn list(&self, query: &Query) -> Result<Vec<Recorded>, JournalError> {
        query::list(&database::open_reader(&self.path)?, query)
    }

    /// Hands over every entry that a query finds, oldest first, without holding more than one;
    /// [`Query::limit`] does not count. Blocks.
    ///
    /// # Errors
    /// When the file cannot be read, and those of `take`, which end it.
    pub fn for_each<E: From<JournalError>>(
        &self,
        query: &Query,
        take: impl FnMut(Recorded) -> Result<(), E>,
    ) -> Result<(), E> {
        query::for_each(&database::open_reader(&self.path)?, query, take)
    }

    /// How many entries a query finds; [`Query::limit`] does not count. Blocks.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn count(&self, query: &Query) -> Result<u64, JournalError> {
        query::count(&database::open_reader(&self.path)?, query)
    }

    /// Reads all entries and checks that they agree with their chain, and that it goes through
    /// `noted`, a chain that was noted elsewhere. Blocks.
    ///
    /// # Errors
    /// [`JournalError::Broken`] when they do not; others when the file cannot be read.
    pub fn verify(&self, noted: Option<Chain>) -> Result<Verified, JournalError> {
        verify::verify(&database::open_reader(&self.path)?, noted)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the thread that writes the access log panicked");
        }
    }
}

/// The thread that writes: whatever has arrived during one commit goes into the next.
fn write(mut connection: Connection, mut jobs: mpsc::Receiver<Job>) {
    let mut batch: Vec<Job> = Vec::with_capacity(COMMIT_ENTRIES);
    while jobs.blocking_recv_many(&mut batch, COMMIT_ENTRIES) > 0 {
        let written = database::append(&mut connection, batch.iter().map(|(entry, _)| entry));
        if let Err(error) = &written {
            tracing::error!(%error, entries = batch.len(), "the access log could not be written");
        }
        for (_, done) in batch.drain(..) {
            // Whoever has stopped waiting does not mind.
            let _ = done.send(written.clone());
        }
    }
}
