//! A document of an issuer that is kept and renewed.
//!
//! Old documents are not used for ever, so that a withdrawn key stops working; they are used a
//! while longer than they are fresh, so that an issuer may be away for a moment. Who asks never
//! waits for a renewal that somebody else is busy with, unless there is nothing yet.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::RwLock;
use tokio::sync::{Mutex, MutexGuard};

use crate::clock::Clock;
use crate::http::HttpError;

/// A document is renewed when it is older.
pub(crate) const FRESH_FOR: Duration = Duration::from_secs(60 * 60);
/// A document that cannot be renewed is good for this long.
pub(crate) const USABLE_FOR: Duration = Duration::from_secs(4 * 60 * 60);
/// A document that seems to lack something is not fetched again sooner: anybody can ask for a key
/// that does not exist.
pub(crate) const RELOAD_AFTER: Duration = Duration::from_secs(10);
/// After a failure, doubled with each further one.
const FIRST_RETRY: Duration = Duration::from_secs(2);
const LAST_RETRY: Duration = Duration::from_secs(60);

/// A document, fetched when first asked for.
pub(crate) struct Cached<T> {
    clock: Clock,
    current: RwLock<Option<Entry<T>>>,
    /// Held while fetching, so that one fetch at a time is under way.
    failures: Mutex<Option<Failures>>,
}

struct Entry<T> {
    value: Arc<T>,
    loaded: SystemTime,
}

// Derived, it would ask for `T: Clone`.
impl<T> Clone for Entry<T> {
    fn clone(&self) -> Self {
        Entry { value: Arc::clone(&self.value), loaded: self.loaded }
    }
}

/// Failures since the last success.
struct Failures {
    last: SystemTime,
    wait: Duration,
    error: HttpError,
}

impl<T> Cached<T> {
    pub(crate) fn new(clock: Clock) -> Cached<T> {
        Cached { clock, current: RwLock::new(None), failures: Mutex::new(None) }
    }

    /// The document. `fetch` runs only where it is needed.
    pub(crate) async fn get(
        &self,
        fetch: impl Future<Output = Result<T, HttpError>>,
    ) -> Result<Arc<T>, HttpError> {
        if let Some(entry) = self.younger_than(FRESH_FOR) {
            return Ok(entry.value);
        }
        let usable = self.younger_than(USABLE_FOR);
        let turn = match (self.failures.try_lock(), &usable) {
            (Ok(turn), _) => turn,
            (Err(_), Some(entry)) => return Ok(Arc::clone(&entry.value)),
            (Err(_), None) => self.failures.lock().await,
        };
        // Somebody else may have been faster.
        if let Some(entry) = self.younger_than(FRESH_FOR) {
            return Ok(entry.value);
        }
        let fetched = self.fetch(turn, fetch).await;
        fetched.or_else(|error| usable.map(|entry| entry.value).ok_or(error))
    }

    /// Another one than `known`, which lacks something; nothing if there is none to be had yet.
    pub(crate) async fn newer_than(
        &self,
        known: &Arc<T>,
        fetch: impl Future<Output = Result<T, HttpError>>,
    ) -> Result<Option<Arc<T>>, HttpError> {
        let other = |entry: Entry<T>| Some(entry.value).filter(|value| !Arc::ptr_eq(value, known));
        if let Some(entry) = self.younger_than(RELOAD_AFTER) {
            return Ok(other(entry));
        }
        let turn = self.failures.lock().await;
        if let Some(entry) = self.younger_than(RELOAD_AFTER) {
            return Ok(other(entry));
        }
        self.fetch(turn, fetch).await.map(Some)
    }

    fn younger_than(&self, age: Duration) -> Option<Entry<T>> {
        let current = self.current.read().clone();
        current.filter(|entry| self.clock.age_of(entry.loaded) < age)
    }

    async fn fetch(
        &self,
        mut turn: MutexGuard<'_, Option<Failures>>,
        fetch: impl Future<Output = Result<T, HttpError>>,
    ) -> Result<Arc<T>, HttpError> {
        if let Some(before) = turn.as_ref()
            && self.clock.age_of(before.last) < before.wait
        {
            return Err(before.error.clone());
        }
        match fetch.await {
            Ok(value) => {
                *turn = None;
                let value = Arc::new(value);
                let loaded = self.clock.now();
                *self.current.write() = Some(Entry { value: Arc::clone(&value), loaded });
                Ok(value)
            }
            Err(error) => {
                let longer = |before: &Failures| (before.wait * 2).min(LAST_RETRY);
                let wait = turn.as_ref().map_or(FIRST_RETRY, longer);
                tracing::warn!(%error, retry_seconds = wait.as_secs(), "identity provider");
                *turn = Some(Failures { last: self.clock.now(), wait, error: error.clone() });
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    struct Stage {
        cached: Cached<u32>,
        seconds: Arc<AtomicU64>,
    }

    impl Stage {
        fn new() -> Stage {
            let seconds = Arc::new(AtomicU64::new(1_000_000));
            let hand = Arc::clone(&seconds);
            let clock = Clock::new(move || {
                SystemTime::UNIX_EPOCH + Duration::from_secs(hand.load(Ordering::Relaxed))
            });
            Stage { cached: Cached::new(clock), seconds }
        }

        fn wait(&self, time: Duration) {
            self.seconds.fetch_add(time.as_secs(), Ordering::Relaxed);
        }

        async fn get(&self, fetched: Result<u32, &str>) -> Result<u32, HttpError> {
            let fetched = fetched.map_err(|why| HttpError::new("there", why));
            self.cached.get(async { fetched }).await.map(|value| *value)
        }
    }

    #[tokio::test]
    async fn a_document_is_renewed_after_an_hour_and_dropped_after_four() {
        let stage = Stage::new();
        assert_eq!(stage.get(Ok(1)).await, Ok(1));
        stage.wait(FRESH_FOR - Duration::from_secs(1));
        assert_eq!(stage.get(Ok(2)).await, Ok(1), "fresh");
        stage.wait(Duration::from_secs(1));
        assert_eq!(stage.get(Err("down")).await, Ok(1), "usable");
        stage.wait(LAST_RETRY);
        assert_eq!(stage.get(Ok(3)).await, Ok(3));
        stage.wait(USABLE_FOR);
        assert!(stage.get(Err("down")).await.is_err(), "too old");
    }

    #[tokio::test]
    async fn failures_are_not_repeated_at_once() {
        let stage = Stage::new();
        assert!(stage.get(Err("first")).await.is_err());
        let error = stage.get(Ok(1)).await.unwrap_err();
        assert_eq!(error.to_string(), "there: first", "not asked again");
        stage.wait(FIRST_RETRY);
        assert!(stage.get(Err("second")).await.is_err());
        stage.wait(FIRST_RETRY);
        assert!(stage.get(Ok(1)).await.is_err(), "waits longer than the first time");
        stage.wait(FIRST_RETRY);
        assert_eq!(stage.get(Ok(1)).await, Ok(1));
    }

    #[tokio::test]
    async fn a_newer_one_is_fetched_once_in_a_while() {
        let stage = Stage::new();
        let first = stage.cached.get(async { Ok(1) }).await.unwrap();
        let newer = |value: u32| stage.cached.newer_than(&first, async move { Ok(value) });
        assert_eq!(newer(2).await, Ok(None), "too soon");
        stage.wait(RELOAD_AFTER);
        assert_eq!(newer(3).await, Ok(Some(Arc::new(3))));
        assert_eq!(newer(4).await, Ok(Some(Arc::new(3))), "somebody else fetched it");
    }

    #[tokio::test]
    async fn a_clock_set_back_makes_it_old() {
        let stage = Stage::new();
        assert_eq!(stage.get(Ok(1)).await, Ok(1));
        stage.seconds.fetch_sub(1000, Ordering::Relaxed);
        assert_eq!(stage.get(Ok(2)).await, Ok(2));
        assert_eq!(stage.get(Ok(3)).await, Ok(2));
    }
}
