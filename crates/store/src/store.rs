//! The store: one data directory, one process, many threads.
//!
//! `append` takes a batch in and returns once it is durable in the write-ahead log and visible to
//! readers. Sealing, compaction and retention run one at a time, from a thread of the store's own
//! or when asked; readers never wait for them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use durward_model::batch::EventBatch;
use durward_model::field::GROUP_COUNT;
use parking_lot::{Condvar, Mutex};

use crate::append::Appended;
use crate::cache::ColumnCache;
use crate::delta::DeltaLog;
use crate::error::{AppendError, OpenError, StoreError};
use crate::files::FileLayer;
use crate::frame;
use crate::handles::Handles;
use crate::lock::DirectoryLock;
use crate::options::StoreOptions;
use crate::sealed::SealedFile;
use crate::state::{Joined, State};
use crate::view::View;
use crate::wal::{Wal, WalAppendError};

/// A log store in one directory.
#[derive(Debug)]
pub struct Store {
    shared: Arc<Shared>,
    worker: Mutex<Option<std::thread::JoinHandle<()>>>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) dir: PathBuf,
    pub(crate) options: StoreOptions,
    pub(crate) files: Arc<dyn FileLayer>,
    pub(crate) wal: Wal,
    pub(crate) state: Mutex<State>,
    pub(crate) view: ArcSwap<View>,
    pub(crate) tables: Mutex<Tables>,
    pub(crate) cache: Arc<ColumnCache>,
    pub(crate) handles: Arc<Handles>,
    /// What the last maintenance run failed on.
    pub(crate) last_error: Mutex<Option<String>>,
    /// The last seal failed because the disk was full.
    pub(crate) disk_full: AtomicBool,
    /// A failure after which only opening again can tell what is on disk.
    pub(crate) failed: AtomicBool,
    /// Woken when a batch was settled.
    settled: Condvar,
    /// Woken when rows were sealed and there is room again.
    pub(crate) room: Condvar,
    /// Wakes the worker early; holds whether it was asked to.
    wake: (Mutex<bool>, Condvar),
    stop: AtomicBool,
    _lock: Option<DirectoryLock>,
}

/// The tables on disk. Whoever seals, compacts or removes holds the lock on this.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(crate) sign_ins: DeltaLog,
    pub(crate) entities: DeltaLog,
    /// The files of the `entities` table, in the order of their keys.
    pub(crate) entity_files: Vec<EntityFile>,
    /// Files that compaction or retention replaced.
    pub(crate) replaced: Vec<Replaced>,
    pub(crate) last_retention_day: i32,
}

/// A file that no table refers to any more.
#[derive(Debug)]
pub(crate) struct Replaced {
    pub(crate) path: PathBuf,
    pub(crate) since: Instant,
    /// Views that show it keep this alive.
    pub(crate) file: Weak<SealedFile>,
}

impl Replaced {
    /// A file that no view shows.
    pub(crate) fn unseen(path: PathBuf) -> Replaced {
        Replaced { path, since: Instant::now(), file: Weak::new() }
    }

    /// A sealed file and its rollup.
    pub(crate) fn sealed(dir: &Path, file: &Arc<SealedFile>) -> [Replaced; 2] {
        [file.path.clone(), crate::seal::rollup_path(dir, &file.name)].map(|path| Replaced {
            path,
            since: Instant::now(),
            file: Arc::downgrade(file),
        })
    }
}

/// A file of the `entities` table and the keys it holds, by group.
#[derive(Debug)]
pub(crate) struct EntityFile {
    pub(crate) name: String,
    pub(crate) from: [usize; GROUP_COUNT],
    pub(crate) to: [usize; GROUP_COUNT],
}

impl EntityFile {
    /// How many entities it holds.
    pub(crate) fn rows(&self) -> usize {
        self.from.iter().zip(&self.to).map(|(from, to)| to - from).sum()
    }
}

impl Store {
    /// Opens the directory, which is made if it is not there, and reads the write-ahead log back.
    pub fn open(dir: &Path, options: StoreOptions) -> Result<Store, OpenError> {
        let background = options.background;
        let shared = Arc::new(crate::open::open(dir, options)?);
        let worker = if background {
            let shared = shared.clone();
            let thread = std::thread::Builder::new().name("durward-store".to_owned());
            Some(thread.spawn(move || work(&shared))?)
        } else {
            None
        };
        Ok(Store { shared, worker: Mutex::new(worker) })
    }

    /// Takes a batch in. On return every event of it is durable and visible: the ones that are
    /// new, and the ones that were known already. On error nothing is promised, and the same
    /// batch can be sent again.
    pub fn append(&self, batch: &EventBatch) -> Result<Appended, AppendError> {
        self.append_in_parts(batch, &|batch| self.append_whole(batch))
    }

    /// Appends a batch, or its halves if it is too large for one frame of the write-ahead log.
    fn append_in_parts(
        &self,
        batch: &EventBatch,
        append: &dyn Fn(&EventBatch) -> Result<Appended, AppendError>,
    ) -> Result<Appended, AppendError> {
        match append(batch) {
            Err(AppendError::TooLarge { .. }) if batch.len() > 1 => {
                let rows: Vec<u32> = (0..batch.len() as u32).collect();
                let (first, second) = rows.split_at(rows.len() / 2);
                let mut done = self.append_in_parts(&batch.select(first), append)?;
                done.add(&self.append_in_parts(&batch.select(second), append)?);
                Ok(done)
            }
            outcome => outcome,
        }
    }

    fn append_whole(&self, batch: &EventBatch) -> Result<Appended, AppendError> {
        let shared = &self.shared;
        let bytes = batch.size_bytes();
        if bytes > BATCH_BYTES_MAX {
            return Err(AppendError::TooLarge { bytes });
        }
        if shared.failed.load(Ordering::SeqCst) {
            return Err(AppendError::Poisoned);
        }
        let mut state = shared.state.lock();
        if state.hot_bytes > shared.options.hot_bytes_max {
            let waiting_bytes = state.hot_bytes as u64;
            drop(state);
            shared.wake_worker();
            return match shared.disk_full.load(Ordering::SeqCst) {
                true => Err(AppendError::DiskFull),
                false => Err(AppendError::Backpressure { waiting_bytes }),
            };
        }
        let absorbed = state.absorb(batch)?;
        let nothing_to_wait_for = absorbed.accepted.is_empty() && absorbed.relies_on.is_empty();
        if nothing_to_wait_for {
            return Ok(absorbed.counts);
        }
        // Known rows may rely on a batch that is still on its way: an empty frame behind it is
        // durable only after it.
        let payload = frame::encode(batch, &absorbed.accepted)?;
        let ticket = shared.wal.submit(payload).map_err(append_error)?;
        let _undecided = Undecided(shared);
        let position = ticket.position().get();
        let counts = absorbed.counts;
        state.queue(position, absorbed);
        let full = state.hot_rows() >= shared.options.seal_rows;
        drop(state);

        let outcome = ticket.wait();
        let mut state = shared.state.lock();
        if state.settle(position, outcome.is_ok()) {
            shared.publish(&mut state);
        }
        shared.settled.notify_all();
        while outcome.is_ok() && state.pending.iter().any(|p| p.position == position) {
            // An earlier batch is not settled yet; its thread is about to do so.
            if shared.failed.load(Ordering::SeqCst) {
                return Err(AppendError::Poisoned);
            }
            shared.settled.wait(&mut state);
        }
        let refused = state.failed.contains(&position);
        drop(state);
        if full {
            shared.wake_worker();
        }
        outcome.map_err(append_error)?;
        // Durable, but a batch it was compared with is not; only a full disk refuses batches.
        if refused { Err(AppendError::DiskFull) } else { Ok(counts) }
    }

    /// Like [`Store::append`], but waits up to `patience` while the store catches up instead of
    /// refusing. For imports, which have nobody to tell to come back.
    pub fn append_patiently(
        &self,
        batch: &EventBatch,
        patience: Duration,
    ) -> Result<Appended, AppendError> {
        let deadline = Instant::now() + patience;
        self.append_in_parts(batch, &|batch| {
            loop {
                match self.append_whole(batch) {
                    Err(AppendError::Backpressure { .. }) if Instant::now() < deadline => {
                        self.wait_for_room()?;
                    }
                    other => return other,
                }
            }
        })
    }

    fn wait_for_room(&self) -> Result<(), StoreError> {
        if self.worker.lock().is_none() {
            self.seal()?;
        }
        let mut state = self.shared.state.lock();
        // Else it is the write-ahead log that is busy, which is a matter of milliseconds.
        let full = state.hot_bytes > self.shared.options.hot_bytes_max;
        let wait = if full { ROOM_WAIT } else { LOG_WAIT };
        self.shared.room.wait_for(&mut state, wait);
        Ok(())
    }

    /// Everything readable now.
    pub fn view(&self) -> Arc<View> {
        self.shared.view.load_full()
    }

    /// Everything readable now, and what joined it since this was last asked. For the one who
    /// watches the log: what was looked at before those instants is as it was. Rows that were here
    /// when the store was opened do not count.
    pub fn view_and_joined(&self) -> (Arc<View>, Joined) {
        let mut state = self.shared.state.lock();
        let joined = std::mem::take(&mut state.joined);
        (self.shared.view.load_full(), joined)
    }

    /// Writes what is in memory to sealed files and commits them.
    pub fn seal(&self) -> Result<(), StoreError> {
        crate::seal::seal(&self.shared)
    }

    /// Merges small files of a log and day, all there are.
    pub fn compact(&self) -> Result<crate::compact::Compacted, StoreError> {
        crate::compact::compact(&self.shared, 2, || Ok(true))
    }

    /// Computes every rollup again and writes those that differ. Gives how many files were looked
    /// at and how many rollups were wrong or missing.
    pub fn rebuild_rollups(&self) -> Result<(usize, usize), StoreError> {
        crate::maintain::rebuild_rollups(&self.shared)
    }

    /// Removes the days that retention no longer keeps. `today` in days since 1970, UTC.
    pub fn retain(&self, today: i32) -> Result<Vec<crate::maintain::RemovedDay>, StoreError> {
        crate::maintain::retain(&self.shared, today)
    }

    /// How much is here, and how it is doing.
    pub fn status(&self) -> crate::status::Status {
        crate::status::status(&self.shared)
    }

    /// Seals what is in memory and lets go of the directory.
    pub fn close(self) -> Result<(), StoreError> {
        self.stop_worker();
        self.seal()
    }

    fn stop_worker(&self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.shared.wake_worker();
        if let Some(worker) = self.worker.lock().take() {
            // A worker that panicked has said so; there is nothing left to do for it here.
            let _ = worker.join();
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.stop_worker();
    }
}

impl Shared {
    pub(crate) fn new(
        dir: &Path,
        options: StoreOptions,
        wal: Wal,
        mut state: State,
        tables: Tables,
        cache: Arc<ColumnCache>,
        lock: Option<DirectoryLock>,
    ) -> Shared {
        let view = ArcSwap::from_pointee(state.view());
        Shared {
            dir: dir.to_owned(),
            handles: Arc::new(Handles::new(options.files.clone())),
            files: options.files.clone(),
            options,
            wal,
            state: Mutex::new(state),
            view,
            tables: Mutex::new(tables),
            cache,
            last_error: Mutex::new(None),
            disk_full: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            settled: Condvar::new(),
            room: Condvar::new(),
            wake: (Mutex::new(false), Condvar::new()),
            stop: AtomicBool::new(false),
            _lock: lock,
        }
    }

    /// Swaps in a new view (VIEW-1).
    pub(crate) fn publish(&self, state: &mut State) {
        self.view.store(Arc::new(state.view()));
    }

    /// Fails after a failure that only opening again can repair: nothing more is written then.
    pub(crate) fn require_running(&self) -> Result<(), StoreError> {
        if self.failed.load(Ordering::SeqCst) { Err(StoreError::Stopped) } else { Ok(()) }
    }

    fn wake_worker(&self) {
        *self.wake.0.lock() = true;
        self.wake.1.notify_one();
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

/// Between submit and settle: whoever panics here leaves a batch that nobody decides about, and
/// others would wait for it for ever.
struct Undecided<'a>(&'a Shared);

impl Drop for Undecided<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.failed.store(true, Ordering::SeqCst);
            self.0.settled.notify_all();
        }
    }
}

fn append_error(error: WalAppendError) -> AppendError {
    match error {
        WalAppendError::Backpressure { backlog_bytes } => {
            AppendError::Backpressure { waiting_bytes: backlog_bytes as u64 }
        }
        WalAppendError::TooLarge { bytes } => AppendError::TooLarge { bytes },
        WalAppendError::DiskFull => AppendError::DiskFull,
        WalAppendError::Poisoned { .. } => AppendError::Poisoned,
    }
}

/// A larger batch is taken in parts. Keeps what is in memory far below the 2 GiB that a column of
/// texts can hold, and a frame below what can be read back.
const BATCH_BYTES_MAX: usize = 256 << 20;
/// How long an import waits for a seal before it looks again.
const ROOM_WAIT: Duration = Duration::from_millis(200);
/// How long an import waits for the write-ahead log.
const LOG_WAIT: Duration = Duration::from_millis(5);
/// How often the worker looks whether there is something to do.
const WORKER_PERIOD: Duration = Duration::from_millis(500);
/// How long it leaves a failed task alone.
const WORKER_PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);
/// Small files of one log and day that make the worker merge them.
const COMPACT_FAN_IN: usize = 8;

fn work(shared: &Shared) {
    let mut resume = Instant::now();
    while !shared.stopping() {
        {
            let mut asked = shared.wake.0.lock();
            if !*asked {
                shared.wake.1.wait_for(&mut asked, WORKER_PERIOD);
            }
            *asked = false;
        }
        if shared.stopping() || Instant::now() < resume {
            continue;
        }
        let run = std::panic::AssertUnwindSafe(|| work_once(shared));
        let error = match std::panic::catch_unwind(run) {
            Ok(Ok(())) => {
                *shared.last_error.lock() = None;
                continue;
            }
            Ok(Err(error)) => error.to_string(),
            Err(panic) => {
                // How far it got is unknown: nothing more may be written on top of it.
                shared.failed.store(true, Ordering::SeqCst);
                shared.settled.notify_all();
                format!("maintenance panicked: {}", panic_message(&*panic))
            }
        };
        tracing::error!(error, "maintenance failed; it will be tried again");
        *shared.last_error.lock() = Some(error);
        if shared.failed.load(Ordering::SeqCst) {
            tracing::error!("the store stopped; restart durward");
            return;
        }
        resume = Instant::now() + WORKER_PAUSE_AFTER_FAILURE;
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

/// Everything that is due. One task failing keeps none from its turn: on a full disk it is
/// retention and the removal of replaced files that make room for the next seal. Gives the first
/// failure.
fn work_once(shared: &Shared) -> Result<(), StoreError> {
    let seal_if_due = || if seal_is_due(shared) { crate::seal::seal(shared) } else { Ok(()) };
    let mut outcome = Ok(());
    if seal_is_due(shared) {
        outcome = crate::seal::seal(shared).and_then(|()| {
            // A long compaction must not keep new rows in memory.
            let between = || seal_if_due().map(|()| !shared.stopping());
            crate::compact::compact(shared, COMPACT_FAN_IN, between).map(drop)
        });
    }
    let today = durward_model::Timestamp::now().day();
    if shared.tables.lock().last_retention_day != today {
        let retained = crate::maintain::retain(shared, today).map(drop);
        outcome = outcome.and(retained.and_then(|()| crate::maintain::clean_logs(shared)));
    }
    outcome.and(crate::maintain::remove_replaced(shared))
}

fn seal_is_due(shared: &Shared) -> bool {
    let state = shared.state.lock();
    let options = &shared.options;
    let old = state.hot_since.is_some_and(|since| since.elapsed() >= options.seal_after);
    old || state.hot_rows() >= options.seal_rows || state.hot_bytes > options.hot_bytes_max / 2
}
