//! Back-tests: what a detection or a rule would have found, worked out while its author waits.
//!
//! One runs at a time in the whole server, in a thread of its own, for as long as [`TIME_MAX`].
//! What came of the last few is kept in memory, each for whoever asked for it: it was filtered by
//! what they may see. A rule is saved with the name of its back-test, so that nobody enables what
//! was never tried.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use durward_detect::rules::{Backtest, Rule};
use durward_detect::{Choice, Finding, Level};
use durward_model::Id;
use parking_lot::Mutex;

use crate::access::Caller;
use crate::error::ApiError;

/// How long a back-test may take.
pub(crate) const TIME_MAX: Duration = Duration::from_secs(120);
/// Back-tests that are kept, with their results.
const KEPT_MAX: usize = 16;
/// Progress is told in parts of this.
pub(crate) const WHOLE: u32 = 1000;

/// What is tried.
#[derive(Clone, Debug)]
pub(crate) enum Tried {
    /// A detection with other settings, over so many days.
    Detection { id: String, choice: Choice, days: u32 },
    /// Rules as they would be saved.
    Rules(Vec<Rule>),
}

/// What one set of numbers finds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fired {
    /// By day of the range, and level.
    pub(crate) per_day: Vec<[u64; 3]>,
    /// All of them.
    pub(crate) ids: BTreeSet<Id>,
    /// The newest, newest first.
    pub(crate) samples: Vec<Finding>,
}

impl Fired {
    /// How many there were at a level.
    pub(crate) fn at(&self, level: Level) -> u64 {
        self.per_day.iter().map(|day| day[level as usize]).sum()
    }

    /// How many there were.
    pub(crate) fn total(&self) -> u64 {
        Level::ALL.iter().map(|level| self.at(*level)).sum()
    }
}

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) enum Came {
    /// With the numbers as entered, and with those in force where they are others. The first day
    /// is counted from 1970.
    Detection { first_day: i64, entered: Fired, in_force: Option<Fired>, seen: u64 },
    /// Of each rule, in their order; or why it could not be run.
    Rules(Vec<Result<Backtest, String>>),
}

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// Somebody stopped it.
    Cancelled,
    /// It took longer than it may.
    TooSlow,
    /// It could not be done.
    Failed(String),
}

/// A back-test that runs, or has run.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: String,
    /// Who asked for it.
    owner: String,
    pub(crate) tried: Tried,
    begun: Instant,
    progress: AtomicU32,
    is_cancelled: AtomicBool,
    came: Mutex<Option<Result<Came, Stopped>>>,
}

impl Job {
    /// What came of it; `None` while somebody may wait for it. What was stopped has ended for
    /// its author, even where its thread takes a while to notice.
    pub(crate) fn came(&self) -> Option<Result<Came, Stopped>> {
        self.came.lock().clone().or_else(|| self.stop().map(Err))
    }

    /// How far it is, of [`WHOLE`].
    pub(crate) fn progress(&self) -> u32 {
        self.progress.load(Ordering::Relaxed).min(WHOLE)
    }

    /// Says how far it is.
    pub(crate) fn advance(&self, progress: u32) {
        self.progress.store(progress, Ordering::Relaxed);
    }

    /// Why it must stop, if it must.
    pub(crate) fn stop(&self) -> Option<Stopped> {
        if self.is_cancelled.load(Ordering::Relaxed) {
            return Some(Stopped::Cancelled);
        }
        (self.begun.elapsed() > TIME_MAX).then_some(Stopped::TooSlow)
    }

    fn is_running(&self) -> bool {
        self.came.lock().is_none()
    }
}

/// All that run or have run lately; at most one runs.
#[derive(Debug, Default)]
pub(crate) struct Backtests {
    jobs: Mutex<VecDeque<Arc<Job>>>,
}

impl Backtests {
    /// Begins a back-test.
    pub(crate) fn start(
        &self,
        caller: &Caller,
        tried: Tried,
        work: impl FnOnce(&Job) -> Result<Came, Stopped> + Send + 'static,
    ) -> Result<String, ApiError> {
        let mut jobs = self.jobs.lock();
        if jobs.iter().any(|job| job.is_running()) {
            return Err(busy());
        }
        let id = durward_access::random_secret().map_err(|error| ApiError::internal(&error))?;
        let job = Arc::new(Job {
            id: id.clone(),
            owner: caller.key(""),
            tried,
            begun: Instant::now(),
            progress: AtomicU32::new(0),
            is_cancelled: AtomicBool::new(false),
            came: Mutex::new(None),
        });
        let own = job.clone();
        let name = std::thread::Builder::new().name("durward-backtest".to_owned());
        let begun = name.spawn(move || {
            let work = std::panic::AssertUnwindSafe(|| work(&own));
            let came = std::panic::catch_unwind(work)
                .unwrap_or_else(|_| Err(Stopped::Failed("the server's log says why".to_owned())));
            *own.came.lock() = Some(came);
        });
        begun.map_err(|error| ApiError::internal(&error))?;
        jobs.push_back(job);
        while jobs.len() > KEPT_MAX {
            jobs.pop_front();
        }
        Ok(id)
    }

    /// A back-test of this caller's.
    pub(crate) fn get(&self, id: &str, caller: &Caller) -> Option<Arc<Job>> {
        let owner = caller.key("");
        let jobs = self.jobs.lock();
        jobs.iter().find(|job| job.id == id && job.owner == owner).cloned()
    }

    /// Stops one; true if there is such a one of this caller's.
    pub(crate) fn cancel(&self, id: &str, caller: &Caller) -> bool {
        let job = self.get(id, caller);
        if let Some(job) = &job {
            job.is_cancelled.store(true, Ordering::Relaxed);
        }
        job.is_some()
    }
}

impl Drop for Backtests {
    fn drop(&mut self) {
        for job in self.jobs.lock().iter() {
            job.is_cancelled.store(true, Ordering::Relaxed);
        }
    }
}

fn busy() -> ApiError {
    ApiError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "ServiceBusy",
        "another back-test is running, and one runs at a time: try again when it has ended",
    )
    .retry_after(10)
}
