//! Limits of one query.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::error::QueryError;

/// What one query may take. Checked with every block of rows, so a query ends within a few
/// milliseconds of running over.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    /// How long it may run, from the start of the call.
    pub time: Option<Duration>,
    /// How many rows it may look at.
    pub rows: Option<u64>,
    /// Set by whoever asked when the answer is no longer wanted.
    pub cancelled: Option<Arc<AtomicBool>>,
}

impl Budget {
    /// No limits.
    pub fn unlimited() -> Budget {
        Budget::default()
    }

    /// A limit of time only.
    pub fn of_time(time: Duration) -> Budget {
        Budget { time: Some(time), ..Budget::default() }
    }
}

/// A budget while it is being used up, shared by the threads of one query.
pub(crate) struct Meter<'a> {
    budget: &'a Budget,
    started: Instant,
    rows: AtomicU64,
}

impl<'a> Meter<'a> {
    pub(crate) fn start(budget: &'a Budget) -> Meter<'a> {
        Meter { budget, started: Instant::now(), rows: AtomicU64::new(0) }
    }

    /// Takes note of rows about to be looked at.
    pub(crate) fn spend(&self, rows: usize) -> Result<(), QueryError> {
        let spent = self.rows.fetch_add(rows as u64, Ordering::Relaxed) + rows as u64;
        if let Some(most) = self.budget.rows.filter(|&most| spent > most) {
            return Err(QueryError::Rows(most));
        }
        self.check()
    }

    /// Is there time left, and does anybody still want the answer?
    pub(crate) fn check(&self) -> Result<(), QueryError> {
        let cancelled = self.budget.cancelled.as_ref();
        if cancelled.is_some_and(|flag| flag.load(Ordering::Relaxed)) {
            return Err(QueryError::Cancelled);
        }
        match self.budget.time {
            Some(time) if self.started.elapsed() > time => Err(QueryError::Deadline(time)),
            _ => Ok(()),
        }
    }
}
