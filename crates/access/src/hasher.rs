//! A bound on how many passwords are hashed at once, as each costs memory and a core.
//!
//! The bound has two parts: so many hash at a time, so many wait, and whoever comes then hears
//! "busy" before any thread was taken for them. Places are kept for browsers from which somebody
//! has signed in before, so that a flood of strangers does not keep them out.

use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

/// How many hash at once.
const RUNNING_MAX: usize = 2;
/// How many may have entered, running or waiting.
const ENTERED_MAX: usize = 18;
/// How many strangers may have entered.
const STRANGERS_MAX: usize = 12;

/// Lets some in at a time to hash a password.
#[derive(Clone, Debug, Default)]
pub struct Hasher {
    gate: Arc<Gate>,
}

#[derive(Debug, Default)]
struct Gate {
    counts: Mutex<Counts>,
    one_done: Condvar,
}

#[derive(Debug, Default)]
struct Counts {
    entered: usize,
    running: usize,
}

/// Leave to hash passwords, one after the other, until it is dropped.
#[derive(Debug)]
pub struct Permit {
    gate: Arc<Gate>,
}

impl Hasher {
    /// Enters, without waiting; `None` if there are too many. For somebody with a known device
    /// there is room for longer.
    pub fn try_enter(&self, is_known_device: bool) -> Option<Permit> {
        let most = if is_known_device { ENTERED_MAX } else { STRANGERS_MAX };
        let mut counts = self.gate.counts.lock();
        if counts.entered >= most {
            return None;
        }
        counts.entered += 1;
        Some(Permit { gate: self.gate.clone() })
    }
}

impl Permit {
    /// Waits for its turn, which comes soon as few have entered, and works.
    pub(crate) fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        let mut counts = self.gate.counts.lock();
        while counts.running >= RUNNING_MAX {
            self.gate.one_done.wait(&mut counts);
        }
        counts.running += 1;
        drop(counts);
        let _turn = Turn(&self.gate);
        work()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gate.counts.lock().entered -= 1;
    }
}

/// Gives the turn back even if the work panics.
struct Turn<'g>(&'g Gate);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.counts.lock().running -= 1;
        self.0.one_done.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn strangers_leave_room_for_those_who_are_known() {
        let hasher = Hasher::default();
        let strangers: Vec<_> = (0..100).filter_map(|_| hasher.try_enter(false)).collect();
        assert_eq!(strangers.len(), STRANGERS_MAX);
        let known: Vec<_> = (0..100).filter_map(|_| hasher.try_enter(true)).collect();
        assert_eq!(known.len(), ENTERED_MAX - STRANGERS_MAX);
        drop(strangers);
        assert!(hasher.try_enter(false).is_some());
    }

    #[test]
    fn no_more_than_two_work_at_once_and_all_get_their_turn() {
        let hasher = Hasher::default();
        let (now, most, done) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..STRANGERS_MAX {
                let permit = hasher.try_enter(false).unwrap();
                let (now, most, done) = (&now, &most, &done);
                scope.spawn(move || {
                    permit.run(|| {
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        std::thread::yield_now();
                        now.fetch_sub(1, Ordering::SeqCst);
                        done.fetch_add(1, Ordering::SeqCst);
                    });
                });
            }
        });
        assert_eq!(done.load(Ordering::SeqCst), STRANGERS_MAX);
        assert!(most.load(Ordering::SeqCst) <= RUNNING_MAX);
        assert!(hasher.try_enter(false).is_some());
    }
}
