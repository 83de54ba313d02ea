//! Watching the log as it grows.
//!
//! A watcher keeps a fold whose settled part lags a quarter of an hour behind the clock; what is
//! newer is on a branch that is looked at again whenever something joins the log before its end.
//! Settled state is saved now and then, so that a restart, or a record that comes very late,
//! begins at the newest saved state that is old enough instead of at the beginning of the log.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arrow_array::Array as _;
use durward_model::Timestamp;
use durward_model::time::{DAY_MICROS, HOUR_MICROS, SECOND_MICROS};
use durward_store::{Store, View};
use parking_lot::{Condvar, Mutex};

use crate::book::{Book, BookError, Circumstances, Recorded};
use crate::fold::{Fold, FoldError};
use crate::profile::FORGET_MICROS;
use crate::risk::RiskWatchError;
use crate::rules::{LookError, Placeholders};
use crate::settings::Settings;

mod beside;
mod checkpoints;

use beside::Beside;
use checkpoints::Checkpoints;

/// How far the settled part lags behind: later than that few records come.
const LAG_MICROS: i64 = 15 * 60 * SECOND_MICROS;
/// How much of history is looked at before it is written down and saved.
const STEP_MICROS: i64 = 7 * DAY_MICROS;
/// How much settles before it is saved.
const SAVE_MICROS: i64 = HOUR_MICROS;
/// Records may become visible so long after they were received: an import waits for the disk.
const RECEIVED_MARGIN_MICROS: i64 = 600 * SECOND_MICROS;
/// How often the watcher looks whether there is something to do.
const PERIOD: Duration = Duration::from_secs(1);
/// The watcher rests so many times as long as it took to look, so that it leaves nearly all of the
/// machine to those who write and ask, however fast the log grows.
const REST: u32 = 4;
/// But no longer than this.
const REST_MAX: Duration = Duration::from_secs(120);
/// A branch moves on with the clock at least so often, for what is noticed by silence.
const IDLE_MICROS: i64 = 60 * SECOND_MICROS;
/// Very late records are looked for once so long nothing of the kind has come.
const LATE_PATIENCE: Duration = Duration::from_secs(3);
/// Or after so long at the latest.
const LATE_PATIENCE_MAX: Duration = Duration::from_secs(20);

/// Why the watcher could not look.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The log or the saved state.
    #[error(transparent)]
    Fold(#[from] FoldError),
    /// The book.
    #[error(transparent)]
    Book(#[from] BookError),
    /// Rules of one's own.
    #[error("the rules: {0}")]
    Rules(#[from] LookError),
    /// Risk.
    #[error("risk: {0}")]
    Risk(#[from] RiskWatchError),
    /// A detection or rule is broken.
    #[error("a detection or rule panicked: {0}")]
    Panicked(String),
    /// The saved states cannot be read or written.
    #[error("the saved states of the detections in {path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// How the watcher is doing.
#[derive(Clone, Debug, Default)]
pub struct WatchStatus {
    /// The log was looked at up to this instant, µs since 1970; `None` before the first look.
    pub at_micros: Option<i64>,
    /// Where it is in history while it catches up, and where that ends (µs).
    pub catching_up: Option<(i64, i64)>,
    /// Records older than what was settled have come and wait to be put in their place.
    pub has_late: bool,
    /// Sign-ins looked at since the start.
    pub seen: u64,
    /// Why the last look failed; empty if it did not.
    pub error: String,
    /// How long the last look took.
    pub took: Duration,
}

/// Looks at a log, from one thread.
pub struct Watcher {
    store: Arc<Store>,
    book: Arc<Book>,
    configured: Settings,
    settings: Arc<Settings>,
    fold: Fold,
    /// The settled part ends here, µs; the beginning of time before the first look.
    settled_micros: i64,
    has_branch: bool,
    /// A saved state was looked for. That reads a part of the log, so it waits for the first look.
    is_restored: bool,
    checkpoints: Checkpoints,
    beside: Beside,
    /// Records older than the settled part have come: since when, when last, and how old.
    late: Option<(Instant, Instant, i64)>,
    /// Told after this instant may not be told any more.
    doubtful_micros: Option<i64>,
    status: Arc<Mutex<WatchStatus>>,
    stop: Arc<AtomicBool>,
}

impl std::fmt::Debug for Watcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watcher").field("settled", &self.settled_micros).finish_non_exhaustive()
    }
}

impl Watcher {
    /// Takes up the work where it was left, or begins it.
    pub fn new(
        store: Arc<Store>,
        book: Arc<Book>,
        data_dir: &Path,
        configured: Settings,
        placeholders: Placeholders,
    ) -> Result<Watcher, WatchError> {
        let settings = Arc::new(book.settings(&configured)?);
        let checkpoints = Checkpoints::open(&data_dir.join("detect").join("states"))?;
        Ok(Watcher {
            fold: Fold::new(settings.clone()),
            beside: Beside::new(&book, placeholders)?,
            settled_micros: i64::MIN,
            has_branch: false,
            is_restored: false,
            late: None,
            doubtful_micros: None,
            status: Arc::default(),
            stop: Arc::default(),
            store,
            book,
            configured,
            settings,
            checkpoints,
        })
    }

    /// Looks at what is new. `now_micros` is the time; `patient` decides whether very late records
    /// may wait for more of their kind.
    pub fn look(&mut self, now_micros: i64, patient: bool) -> Result<Recorded, WatchError> {
        // A detection that panics must not end the watch without a word.
        let look = std::panic::AssertUnwindSafe(|| self.look_once(now_micros, patient));
        let outcome = std::panic::catch_unwind(look)
            .unwrap_or_else(|panic| Err(WatchError::Panicked(message_of(&*panic))));
        // What was found but could not be written down is found again from the last saved state,
        // which was saved after all before it was written down.
        self.is_restored = outcome.is_ok();
        outcome
    }

    fn look_once(&mut self, now_micros: i64, patient: bool) -> Result<Recorded, WatchError> {
        self.take_over_choices()?;
        if !self.is_restored {
            self.restore(i64::MAX)?;
        }
        // What is to be doubted is only known once the view is taken, never after.
        let (view, joined) = self.store.view_and_joined();
        self.beside.doubt(joined);
        if let Some(joined) = joined.sign_in_micros {
            self.doubt(joined);
        }
        if self.late_is_due(patient)
            && let Some((_, _, late)) = self.late.take()
        {
            self.roll_back();
            self.restore(late)?;
        }
        let mut recorded = Recorded::default();
        let target = now_micros - LAG_MICROS;
        if target.saturating_sub(self.settled_micros.max(0)) >= LAG_MICROS {
            self.roll_back();
            self.settle(&view, target, now_micros, &mut recorded)?;
        }
        if !self.has_branch {
            self.fold.branch();
            self.has_branch = true;
        }
        self.advance(&view, now_micros, now_micros, &mut recorded)?;
        if let Some(since) = self.doubtful_micros.take() {
            // What rests on days that are gone, or was told too long ago to be remembered, stays.
            let oldest = view.chunks.iter().map(|chunk| chunk.min_micros()).min();
            let since = since.max(oldest.unwrap_or(now_micros)).max(now_micros - FORGET_MICROS);
            let fold = &self.fold;
            let circumstances = Circumstances { settings: &self.settings, now_micros };
            let done = self.book.reconcile(since, |id| fold.told(id), &circumstances)?;
            recorded.changed += done.changed;
            recorded.withdrawn += done.withdrawn;
        }
        let circumstances = Circumstances { settings: &self.settings, now_micros };
        let done = self.beside.look(&self.book, &view, &circumstances)?;
        recorded.new += done.new;
        recorded.changed += done.changed;
        recorded.withdrawn += done.withdrawn;
        let mut status = self.status.lock();
        (status.at_micros, status.catching_up) = (Some(self.fold.at_micros()), None);
        status.has_late = self.late.is_some();
        Ok(recorded)
    }

    /// Something joined the log at an instant that may have been looked at already.
    fn doubt(&mut self, joined_micros: i64) {
        if joined_micros >= self.fold.at_micros() {
            return;
        }
        if joined_micros >= self.settled_micros {
            self.roll_back();
            return;
        }
        let now = Instant::now();
        let late = self.late.get_or_insert((now, now, joined_micros));
        (late.1, late.2) = (now, late.2.min(joined_micros));
    }

    fn late_is_due(&self, patient: bool) -> bool {
        self.late.is_some_and(|(first, last, _)| {
            !patient || last.elapsed() >= LATE_PATIENCE || first.elapsed() >= LATE_PATIENCE_MAX
        })
    }

    fn roll_back(&mut self) {
        if self.has_branch {
            self.fold.rollback();
            self.has_branch = false;
            self.doubt_since(self.settled_micros);
        }
    }

    fn doubt_since(&mut self, micros: i64) {
        self.doubtful_micros = Some(self.doubtful_micros.map_or(micros, |old| old.min(micros)));
    }

    /// Settles everything up to an instant, step by step, each of which is written down and saved.
    fn settle(
        &mut self,
        view: &View,
        to_micros: i64,
        now_micros: i64,
        recorded: &mut Recorded,
    ) -> Result<(), WatchError> {
        let oldest = view.chunks.iter().map(|chunk| chunk.min_micros()).min();
        let start = self.settled_micros.max(oldest.unwrap_or(to_micros).min(to_micros));
        self.status.lock().catching_up =
            (to_micros - start > HOUR_MICROS).then_some((start, to_micros));
        let mut at = start;
        while at < to_micros {
            at = at.saturating_add(STEP_MICROS).min(to_micros);
            self.advance(view, at, now_micros, recorded)?;
            self.settled_micros = at;
            if at - self.checkpoints.newest_micros() >= SAVE_MICROS {
                self.save(now_micros)?;
            }
        }
        Ok(())
    }

    fn advance(
        &mut self,
        view: &View,
        to_micros: i64,
        now_micros: i64,
        recorded: &mut Recorded,
    ) -> Result<(), WatchError> {
        let (status, stop) = (self.status.clone(), self.stop.clone());
        let before = self.fold.seen();
        let mut progress = |at: i64, seen: u64| {
            let mut status = status.lock();
            if let Some((start, _)) = &mut status.catching_up {
                *start = at;
            }
            status.seen += seen.saturating_sub(before);
            !stop.load(Ordering::Relaxed)
        };
        self.fold.advance(view, to_micros, &mut progress)?;
        let circumstances = Circumstances { settings: &self.settings, now_micros };
        let done = self.book.record(&self.fold.take_found(), &circumstances)?;
        recorded.new += done.new;
        recorded.changed += done.changed;
        Ok(())
    }

    /// Begins at the newest saved state before an instant that nothing has joined behind; at the
    /// beginning where there is none.
    fn restore(&mut self, before_micros: i64) -> Result<(), WatchError> {
        self.fold = Fold::new(self.settings.clone());
        (self.settled_micros, self.has_branch, self.is_restored) = (i64::MIN, false, true);
        let view = self.store.view();
        let fingerprint = self.settings.fingerprint();
        for saved in self.checkpoints.newest_first(fingerprint) {
            if saved.at_micros > before_micros {
                continue;
            }
            let since = saved.received_micros - RECEIVED_MARGIN_MICROS;
            if has_joined(&view, since, saved.at_micros)? {
                continue;
            }
            match self.checkpoints.load(&saved, &mut self.fold) {
                Ok(()) => {
                    self.settled_micros = saved.at_micros;
                    break;
                }
                // A saved state only saves time: without it the log is looked at from the start.
                Err(error) => {
                    tracing::warn!(%error, "a saved state of the detections cannot be used");
                    self.fold = Fold::new(self.settings.clone());
                }
            }
        }
        self.checkpoints.drop_after(self.settled_micros)?;
        self.doubt_since(self.settled_micros);
        Ok(())
    }

    fn save(&mut self, now_micros: i64) -> Result<(), WatchError> {
        let fingerprint = self.settings.fingerprint();
        let state = self.fold.save()?;
        self.checkpoints.save(self.settled_micros, now_micros, fingerprint, &state)
    }

    /// Other settings mean another judgement of the same history: all of it is looked at again.
    fn take_over_choices(&mut self) -> Result<(), WatchError> {
        let settings = self.book.settings(&self.configured)?;
        if settings == *self.settings {
            return Ok(());
        }
        let is_same_judgement = settings.fingerprint() == self.settings.fingerprint();
        self.settings = Arc::new(settings);
        if !is_same_judgement {
            self.roll_back();
            self.restore(i64::MAX)?;
        }
        Ok(())
    }
}

fn message_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}

/// Did sign-ins before an instant become visible that were received after another (µs)?
fn has_joined(view: &View, received_micros: i64, before_micros: i64) -> Result<bool, WatchError> {
    for chunk in &view.chunks {
        if !chunk.log().is_sign_in() || chunk.min_micros() >= before_micros {
            continue;
        }
        let received = chunk.received().map_err(FoldError::from)?;
        let created = chunk.created().map_err(FoldError::from)?;
        let joined = (0..received.len()).any(|row| {
            received.is_valid(row)
                && received.value(row) > received_micros
                && created.value(row) < before_micros
        });
        if joined {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A watcher in a thread of its own; stops when dropped.
pub struct Watch {
    status: Arc<Mutex<WatchStatus>>,
    stop: Arc<AtomicBool>,
    wake: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("status", &self.status()).finish_non_exhaustive()
    }
}

impl Watch {
    /// Begins to watch. `after` is called after every look that wrote something down.
    pub fn start(
        mut watcher: Watcher,
        mut after: impl FnMut(Recorded) + Send + 'static,
    ) -> std::io::Result<Watch> {
        let (status, stop) = (watcher.status.clone(), watcher.stop.clone());
        let wake: Arc<(Mutex<bool>, Condvar)> = Arc::default();
        let own = wake.clone();
        let name = std::thread::Builder::new().name("durward-detect".to_owned());
        let thread = name.spawn(move || {
            let (mut version, mut looked_micros) = (0, i64::MIN);
            let mut rested = Instant::now();
            while !watcher.stop.load(Ordering::Relaxed) {
                let now = Timestamp::now().micros;
                let current = watcher.store.view().version();
                let is_due = version != current
                    || watcher.late.is_some()
                    || now.saturating_sub(looked_micros) >= IDLE_MICROS;
                let asked = std::mem::take(&mut *own.0.lock());
                if asked || is_due && Instant::now() >= rested {
                    let begun = Instant::now();
                    let outcome = watcher.look(now, true);
                    watcher.note(&outcome, begun.elapsed());
                    rested = Instant::now() + (begun.elapsed() * REST).min(REST_MAX);
                    if let Ok(recorded) = outcome {
                        (version, looked_micros) = (current, now);
                        if recorded != Recorded::default() {
                            after(recorded);
                        }
                    }
                }
                let mut asked = own.0.lock();
                if !*asked {
                    own.1.wait_for(&mut asked, PERIOD);
                }
            }
        })?;
        Ok(Watch { status, stop, wake, thread: Some(thread) })
    }

    /// How it is doing.
    pub fn status(&self) -> WatchStatus {
        self.status.lock().clone()
    }

    /// Looks soon: something was decided that changes what is found.
    pub fn wake(&self) {
        *self.wake.0.lock() = true;
        self.wake.1.notify_one();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.wake();
        if let Some(thread) = self.thread.take() {
            // A watcher that panicked has said so; the log is as it was.
            let _ = thread.join();
        }
    }
}

impl Watcher {
    fn note(&self, outcome: &Result<Recorded, WatchError>, took: Duration) {
        let mut status = self.status.lock();
        status.took = took;
        status.error = match outcome {
            Ok(_) => String::new(),
            Err(WatchError::Fold(FoldError::Stopped)) => String::new(),
            Err(error) => {
                if status.error.is_empty() {
                    tracing::error!(%error, "the detections cannot look at the log");
                }
                error.to_string()
            }
        };
    }
}
