//! The write-ahead log: a batch is acknowledged once it is in here, synced.
//!
//! **Group commit without a thread.** [`Wal::submit`] puts a batch in a queue and gives it the
//! next position. The first caller that waits for its [`Ticket`] becomes the leader: it takes
//! what is in the queue (about 1 MiB), appends it with one write, makes it durable with one sync
//! and wakes everybody whose batch it covered; meanwhile the next group gathers. An idle log
//! therefore acknowledges a single batch at once, and a busy one syncs once for many, with no
//! timer in between.
//!
//! **Segments** of about 128 MiB are named after the first position they can hold,
//! `{position:020}.wal`, and removed when everything in them is in the sealed table. The bytes
//! are described in `wal/format.rs`.
//!
//! **What survives.**
//! - LOG-1: every acknowledged batch is found again after power loss at any moment.
//! - LOG-2: a sync covers at least one batch.
//! - LOG-3: positions only grow. A refused one is not given again while the log is open.
//! - LOG-4: after a failed sync the writer refuses work until the log is opened again, since
//!   the system may have dropped the unsynced bytes and call the next sync good.
//!
//! A batch that was *not* acknowledged may nevertheless be found after a crash; the store tells
//! known events by their id. A full disk is no reason to stop for good: the group is refused,
//! its bytes are cut off again, and the next submit tries anew.
//!
//! Deliberately absent: retries of a sync, and preallocation of segments (it would save the
//! journal write of the new length, and cost a rule for what zeros at the end mean).

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use parking_lot::{Condvar, Mutex};

use crate::files::FileLayer;

mod format;
mod open;
mod replay;
mod writer;

#[cfg(test)]
mod tests;

pub use replay::Replay;

use writer::{GroupFailure, Writer};

/// The place of a batch in the log. Positions start at 1; 0 is "before everything".
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct LogPosition(pub u64);

impl LogPosition {
    /// Before the first batch.
    pub const START: LogPosition = LogPosition(0);

    /// The number.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl std::fmt::Display for LogPosition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Sizes of the log. The defaults are what the program runs with; tests make them small.
#[derive(Debug, Clone)]
pub struct WalOptions {
    /// A segment that would grow beyond this is ended and a new one begun.
    pub segment_bytes: u64,
    /// Bytes after which a group takes no further batch. 1 MiB syncs in about 4 ms.
    pub group_bytes: usize,
    /// Bytes that may wait for their sync; more are refused with
    /// [`WalAppendError::Backpressure`].
    pub backlog_bytes: usize,
}

impl Default for WalOptions {
    fn default() -> WalOptions {
        WalOptions { segment_bytes: 128 << 20, group_bytes: 1 << 20, backlog_bytes: 64 << 20 }
    }
}

/// The largest batch the log takes, in bytes as submitted. Below the backlog, so that one
/// batch always fits an empty queue, and small enough to be read whole at replay.
pub const PAYLOAD_BYTES_MAX: usize = 32 << 20;

/// Why a batch was not appended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WalAppendError {
    /// Too much waits already; try again shortly.
    #[error("the log is busy: {backlog_bytes} bytes wait to be made durable")]
    Backpressure {
        /// Bytes in the queue.
        backlog_bytes: usize,
    },
    /// The batch is larger than [`PAYLOAD_BYTES_MAX`].
    #[error("a batch of {bytes} bytes is larger than the log takes ({PAYLOAD_BYTES_MAX})")]
    TooLarge {
        /// Size of the batch.
        bytes: usize,
    },
    /// The disk is full. Nothing of the batch was kept; it can be sent again later.
    #[error("the disk of the log is full")]
    DiskFull,
    /// An earlier write or sync failed; the log must be opened again.
    #[error("the log stopped after an earlier failure: {reason}")]
    Poisoned {
        /// The first failure.
        reason: Arc<str>,
    },
}

/// Why the log could not be opened, read or trimmed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WalError {
    /// The disk said no.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system reported.
        source: io::Error,
    },
    /// Bytes that were once made durable are not what was written.
    #[error(
        "the log is damaged at byte {offset} of {}: {reason}. Batches from there on cannot be \
         read. Restore the file from a backup, or, to go on without them, move this file and \
         all later ones out of the folder and start again", path.display()
    )]
    Corrupt {
        /// The segment.
        path: PathBuf,
        /// Byte in the segment.
        offset: u64,
        /// What is wrong there.
        reason: &'static str,
    },
    /// The oldest segment begins after the position that is needed first.
    #[error(
        "the log begins at position {first} ({}), but the table needs it from position {wanted} \
         on: a segment is missing. Restore it from a backup", path.display()
    )]
    Missing {
        /// First position needed.
        wanted: LogPosition,
        /// First position there is.
        first: LogPosition,
        /// The oldest segment.
        path: PathBuf,
    },
    /// A later program wrote this file.
    #[error("{}: log format {found} is newer than this program reads ({known})", path.display())]
    Version {
        /// The segment.
        path: PathBuf,
        /// Version in the file.
        found: u32,
        /// Version of this program.
        known: u32,
    },
}

impl WalError {
    fn io(path: &Path, source: io::Error) -> WalError {
        WalError::Io { path: path.to_path_buf(), source }
    }
}

/// An open log. Shared between threads by reference or `Arc`; one per folder.
#[derive(Debug)]
pub struct Wal {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: WalOptions,
    queue: Mutex<Queue>,
    /// Woken when a group is done, whatever became of it.
    group_done: Condvar,
    /// Locked by the leader for the length of a group, and by trimming.
    writer: Mutex<Writer>,
}

#[derive(Debug)]
struct Queue {
    waiting: Vec<Waiting>,
    /// Payload bytes waiting or being written.
    backlog_bytes: usize,
    next: LogPosition,
    durable: LogPosition,
    leading: bool,
    poisoned: Option<Arc<str>>,
}

#[derive(Debug)]
struct Waiting {
    position: LogPosition,
    payload: Vec<u8>,
    fate: Arc<Fate>,
}

/// What became of one submitted batch; written once.
#[derive(Debug, Default)]
struct Fate(AtomicU8);

const FATE_DURABLE: u8 = 1;
const FATE_DISK_FULL: u8 = 2;
const FATE_POISONED: u8 = 3;

/// The right to learn what became of a submitted batch.
///
/// A batch is only written when somebody waits, for it or for another one; a dropped ticket
/// does not take its batch back.
#[derive(Debug)]
#[must_use = "the batch is durable only after `wait`"]
pub struct Ticket {
    shared: Arc<Shared>,
    position: LogPosition,
    fate: Arc<Fate>,
}

impl Wal {
    /// Opens the log in folder `dir` (created if missing) and hands back the batches after
    /// position `after`, oldest first.
    ///
    /// What a crash left unfinished at the end of the newest segment was never acknowledged and
    /// is cut off. The [`Replay`] reads on demand and checks each batch; it must be read to its
    /// end, without error, before the log is trusted.
    pub fn open(
        files: Arc<dyn FileLayer>,
        dir: &Path,
        after: LogPosition,
        options: WalOptions,
    ) -> Result<(Wal, Replay), WalError> {
        let (writer, replay) = open::open(files, dir, after)?;
        let durable = writer.last();
        let queue = Queue {
            waiting: Vec::new(),
            backlog_bytes: 0,
            next: LogPosition(durable.0 + 1),
            durable,
            leading: false,
            poisoned: None,
        };
        let shared = Arc::new(Shared {
            options,
            queue: Mutex::new(queue),
            group_done: Condvar::new(),
            writer: Mutex::new(writer),
        });
        Ok((Wal { shared }, replay))
    }

    /// Queues a batch and gives it its position, in the order of the calls.
    pub fn submit(&self, payload: Vec<u8>) -> Result<Ticket, WalAppendError> {
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(WalAppendError::TooLarge { bytes: payload.len() });
        }
        let mut queue = self.shared.queue.lock();
        if let Some(reason) = &queue.poisoned {
            return Err(WalAppendError::Poisoned { reason: Arc::clone(reason) });
        }
        let backlog_bytes = queue.backlog_bytes;
        if backlog_bytes > 0 && backlog_bytes + payload.len() > self.shared.options.backlog_bytes {
            return Err(WalAppendError::Backpressure { backlog_bytes });
        }
        let position = queue.next;
        let fate = Arc::new(Fate::default());
        queue.next = LogPosition(position.0 + 1);
        queue.backlog_bytes += payload.len();
        queue.waiting.push(Waiting { position, payload, fate: Arc::clone(&fate) });
        Ok(Ticket { shared: Arc::clone(&self.shared), position, fate })
    }

    /// Submits one batch and waits until it is durable.
    pub fn append(&self, payload: Vec<u8>) -> Result<LogPosition, WalAppendError> {
        self.submit(payload)?.wait()
    }

    /// The newest durable position.
    pub fn durable(&self) -> LogPosition {
        self.shared.queue.lock().durable
    }

    /// Payload bytes that wait for their sync.
    pub fn backlog_bytes(&self) -> usize {
        self.shared.queue.lock().backlog_bytes
    }

    /// Why the log refuses work, if it does.
    pub fn poisoned(&self) -> Option<Arc<str>> {
        self.shared.queue.lock().poisoned.clone()
    }

    /// Bytes of all segments. Waits for the group being written.
    pub fn bytes(&self) -> u64 {
        self.shared.writer.lock().bytes()
    }

    /// Number of segments. Waits for the group being written.
    pub fn segments(&self) -> usize {
        self.shared.writer.lock().segments()
    }

    /// Removes the segments in which every batch is at `position` or before. The newest
    /// segment stays. Returns how many went.
    ///
    /// Call it only when those batches are durable elsewhere.
    pub fn remove_through(&self, position: LogPosition) -> Result<usize, WalError> {
        self.shared.writer.lock().remove_through(position)
    }
}

impl Ticket {
    /// The position of the batch, if it becomes durable.
    pub fn position(&self) -> LogPosition {
        self.position
    }

    /// Blocks until the batch is durable or refused. Does the writing itself if nobody is.
    pub fn wait(self) -> Result<LogPosition, WalAppendError> {
        let shared = &self.shared;
        let mut queue = shared.queue.lock();
        loop {
            match self.fate.0.load(Ordering::Acquire) {
                FATE_DURABLE => return Ok(self.position),
                FATE_DISK_FULL => return Err(WalAppendError::DiskFull),
                FATE_POISONED => {
                    let reason = queue.poisoned.clone().unwrap_or_else(|| "unknown".into());
                    return Err(WalAppendError::Poisoned { reason });
                }
                _ if queue.leading => shared.group_done.wait(&mut queue),
                _ => {
                    drop(queue);
                    shared.lead_one_group();
                    queue = shared.queue.lock();
                }
            }
        }
    }
}

impl Shared {
    /// Takes one group from the queue, makes it durable and tells everybody. Does nothing if
    /// another caller leads or nothing waits.
    fn lead_one_group(&self) {
        let mut queue = self.queue.lock();
        if queue.leading || queue.waiting.is_empty() {
            return;
        }
        queue.leading = true;
        let group = queue.take_group(self.options.group_bytes);
        drop(queue);

        // Whatever happens below, panics included, nobody may wait for ever.
        let mut leader = Leader { shared: self, group, outcome: None };
        let outcome = self.writer.lock().append_group(&leader.group, self.options.segment_bytes);
        leader.outcome = Some(outcome);
    }
}

/// Ends the lead when dropped.
struct Leader<'a> {
    shared: &'a Shared,
    group: Vec<Waiting>,
    outcome: Option<Result<(), GroupFailure>>,
}

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        let mut queue = self.shared.queue.lock();
        queue.leading = false;
        queue.backlog_bytes -= payload_bytes(&self.group);
        match self.outcome.take() {
            Some(Ok(())) => {
                let last = self.group.last().map_or(queue.durable, |batch| batch.position);
                debug_assert!(last > queue.durable, "LOG-3: positions only grow");
                queue.durable = last;
                settle(&self.group, FATE_DURABLE);
            }
            Some(Err(GroupFailure::DiskFull)) => {
                // What waits behind would meet the same full disk; refusing it now gives every
                // caller the same clear answer.
                let behind = std::mem::take(&mut queue.waiting);
                queue.backlog_bytes -= payload_bytes(&behind);
                settle(&self.group, FATE_DISK_FULL);
                settle(&behind, FATE_DISK_FULL);
            }
            Some(Err(GroupFailure::Broken(reason))) => queue.poison(&self.group, reason.into()),
            None => queue.poison(&self.group, "the writer panicked".into()),
        }
        self.shared.group_done.notify_all();
    }
}

impl Queue {
    fn take_group(&mut self, group_bytes: usize) -> Vec<Waiting> {
        let mut bytes = 0;
        let fits = |batch: &Waiting| {
            let room = bytes < group_bytes;
            bytes += batch.payload.len();
            room
        };
        // The first batch always goes, however large: `bytes` is 0 there.
        let count = self.waiting.iter().map(fits).take_while(|fits| *fits).count().max(1);
        self.waiting.drain(..count).collect()
    }

    fn poison(&mut self, group: &[Waiting], reason: Arc<str>) {
        tracing::error!(%reason, "the log stops: it must be opened again");
        let behind = std::mem::take(&mut self.waiting);
        self.backlog_bytes -= payload_bytes(&behind);
        self.poisoned = Some(reason);
        settle(group, FATE_POISONED);
        settle(&behind, FATE_POISONED);
    }
}

fn payload_bytes(batches: &[Waiting]) -> usize {
    batches.iter().map(|batch| batch.payload.len()).sum()
}

fn settle(batches: &[Waiting], fate: u8) {
    for batch in batches {
        batch.fate.0.store(fate, Ordering::Release);
    }
}
