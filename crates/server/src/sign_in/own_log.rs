//! durward's own sign-ins, in the log with all the others.
//!
//! Attempts go through a bounded queue to one thread, which decodes them like records from
//! anywhere else and puts them into the store, many at a time. What [`super::attempt`] says of
//! them is what is kept.
//!
//! Nobody waits for this: when attempts come faster than they can be written, some are dropped
//! and counted. Those refused unseen are not written one by one, because strangers can make any
//! number of them: they become one record per address and minute that says how many there were.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use durward_ingest::{Decoder, Options, Rejection, Sink, SinkError};
use durward_model::time::SECOND_MICROS;
use durward_model::{EventBatch, Timestamp};
use durward_store::Store;
use parking_lot::Mutex;

use super::attempt::{Attempt, Outcome, guid_of};

/// Attempts that wait to be written.
const QUEUE_ATTEMPTS: usize = 1024;
/// Attempts written at once.
const BATCH_ATTEMPTS: usize = 256;
/// Addresses whose refusals are told apart in one minute; others are counted together.
const ADDRESSES_MAX: usize = 1024;
/// How often to look whether a minute is over.
const TICK: Duration = Duration::from_secs(5);
/// How long the store may take to catch up before attempts are dropped.
const STORE_PATIENCE: Duration = Duration::from_secs(2);
const MINUTE_MICROS: i64 = 60 * SECOND_MICROS;

/// What became of attempts.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Signed in.
    pub(crate) succeeded: AtomicU64,
    /// Looked at, and wrong.
    pub(crate) failed: AtomicU64,
    /// Refused unseen.
    pub(crate) refused: AtomicU64,
    /// Refused because too many passwords were being compared.
    pub(crate) busy: AtomicU64,
    /// Not written into the log.
    pub(crate) dropped: AtomicU64,
}

impl Counters {
    fn count(&self, outcome: &Outcome) {
        let counter = match outcome {
            Outcome::Success | Outcome::CodeNeeded => &self.succeeded,
            _ => &self.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// Takes attempts in. Dropping it writes what was taken in before.
#[derive(Debug)]
pub(crate) struct OwnLog {
    /// Gone only while being dropped.
    queue: Option<SyncSender<Attempt>>,
    refusals: Arc<Mutex<Refusals>>,
    counters: Arc<Counters>,
    thread: Option<JoinHandle<()>>,
}

impl OwnLog {
    /// Starts the thread. `tenant` stands for durward itself.
    pub(crate) fn start(store: Arc<Store>, tenant: String, counters: Arc<Counters>) -> OwnLog {
        let (queue, attempts) = sync_channel(QUEUE_ATTEMPTS);
        let refusals = Arc::new(Mutex::new(Refusals::default()));
        let writer = Writer { store, tenant, counters: counters.clone() };
        let thread = std::thread::Builder::new().name("own sign-ins".to_owned()).spawn({
            let refusals = refusals.clone();
            move || writer.run(&attempts, &refusals)
        });
        if let Err(error) = &thread {
            // Without the thread nobody takes from the queue: attempts count as dropped.
            tracing::error!(%error, "durward's own sign-ins cannot be written");
        }
        OwnLog { queue: Some(queue), refusals, counters, thread: thread.ok() }
    }

    /// Takes an attempt in. Never waits.
    pub(crate) fn take(&self, attempt: Attempt) {
        self.counters.count(&attempt.outcome);
        let is_taken = match &self.queue {
            Some(queue) => queue.try_send(attempt).is_ok(),
            None => false,
        };
        if !is_taken {
            self.counters.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes note of an attempt that was refused unseen.
    pub(crate) fn refused(&self, attempt: Attempt) {
        self.counters.refused.fetch_add(1, Ordering::Relaxed);
        self.refusals.lock().add(attempt);
    }

    /// Takes note of an attempt that came while too many others were looked at.
    pub(crate) fn busy(&self, attempt: Attempt) {
        self.counters.busy.fetch_add(1, Ordering::Relaxed);
        self.refusals.lock().add(attempt);
    }
}

impl Drop for OwnLog {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that writes durward's own sign-ins panicked");
        }
    }
}

/// Attempts that were refused unseen, by address and minute.
#[derive(Debug, Default)]
struct Refusals {
    /// The first attempt of each, and how many there were.
    by_address: HashMap<(i64, Option<IpAddr>), (Attempt, u64)>,
}

impl Refusals {
    fn add(&mut self, attempt: Attempt) {
        let minute = attempt.at.micros.div_euclid(MINUTE_MICROS);
        let mut key = (minute, Some(attempt.address));
        if self.by_address.len() >= ADDRESSES_MAX && !self.by_address.contains_key(&key) {
            key.1 = None;
        }
        self.by_address.entry(key).or_insert((attempt, 0)).1 += 1;
    }

    /// Takes out what was before that minute.
    fn before(&mut self, minute: i64) -> Vec<Attempt> {
        let over = self.by_address.extract_if(|(of, _), _| *of < minute);
        over.map(|((_, address), (mut attempt, count))| {
            attempt.id = guid_of(format!("{} {count}", attempt.id).as_bytes());
            attempt.outcome = Outcome::Refused(count);
            if address.is_none() {
                attempt.subject.name = "(several, from several addresses)".to_owned();
            }
            attempt
        })
        .collect()
    }
}

/// The thread.
struct Writer {
    store: Arc<Store>,
    tenant: String,
    counters: Arc<Counters>,
}

impl Writer {
    fn run(&self, attempts: &Receiver<Attempt>, refusals: &Mutex<Refusals>) {
        loop {
            let next = attempts.recv_timeout(TICK);
            let is_over = matches!(next, Err(RecvTimeoutError::Disconnected));
            let minute = match is_over {
                true => i64::MAX,
                false => Timestamp::now().micros.div_euclid(MINUTE_MICROS),
            };
            let mut batch: Vec<Attempt> = next.into_iter().collect();
            batch.extend(attempts.try_iter().take(BATCH_ATTEMPTS - 1));
            batch.extend(refusals.lock().before(minute));
            if !batch.is_empty() {
                self.write(&batch);
            }
            if is_over {
                return;
            }
        }
    }

    fn write(&self, batch: &[Attempt]) {
        let mut lines = String::new();
        for attempt in batch {
            lines.push_str(&attempt.to_json(&self.tenant).to_string());
            lines.push('\n');
        }
        let mut sink = Into { store: &self.store };
        let mut decoder = Decoder::new(Options::new(Timestamp::now()));
        let written = decoder.decode_bytes("durward", lines.as_bytes(), &mut sink);
        let lost = match written {
            Ok(summary) => summary.rejected,
            Err(error) => {
                tracing::warn!(%error, attempts = batch.len(), "durward's own sign-ins are lost");
                batch.len() as u64
            }
        };
        self.counters.dropped.fetch_add(lost, Ordering::Relaxed);
    }
}

/// Puts what the decoder finds into the store.
struct Into<'s> {
    store: &'s Store,
}

impl Sink for Into<'_> {
    fn batch(&mut self, batch: EventBatch) -> Result<(), SinkError> {
        self.store.append_patiently(&batch, STORE_PATIENCE)?;
        Ok(())
    }

    fn reject(&mut self, rejection: Rejection) -> Result<(), SinkError> {
        tracing::error!(reason = rejection.reason, "a record of durward's own is not readable");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use durward_model::Log;
    use durward_store::StoreOptions;

    use super::super::attempt::tests::attempt;
    use super::*;

    fn store() -> (tempfile::TempDir, Arc<Store>) {
        let dir = tempfile::tempdir().unwrap();
        let options = StoreOptions { background: false, ..StoreOptions::default() };
        let store = Store::open(dir.path(), options).unwrap();
        (dir, Arc::new(store))
    }

    fn rows(store: &Store) -> u64 {
        store.view().live_rows(&[Log::InteractiveUser])
    }

    #[test]
    fn attempts_are_in_the_store_when_the_log_is_closed() {
        let (_dir, store) = store();
        let counters = Arc::new(Counters::default());
        let log = OwnLog::start(store.clone(), guid_of(b"t"), counters.clone());
        log.take(attempt("a", Outcome::WrongPassword));
        log.take(attempt("b", Outcome::Success));
        // A minute that is not over before the log is closed.
        let soon = Timestamp::from_micros(Timestamp::now().micros + 60 * MINUTE_MICROS);
        for _ in 0..10_000 {
            log.refused(Attempt { at: soon, ..attempt("c", Outcome::Refused(1)) });
        }
        drop(log);
        assert_eq!(rows(&store), 3, "ten thousand refusals are one record");
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counts = [&counters.succeeded, &counters.failed, &counters.refused, &counters.dropped];
        assert_eq!(counts.map(count), [1, 1, 10_000, 0]);
    }

    #[test]
    fn refusals_are_one_record_for_each_address_and_minute() {
        let mut refusals = Refusals::default();
        let from = |address: [u8; 4], minute: i64| Attempt {
            address: address.into(),
            at: Timestamp::from_micros(minute * MINUTE_MICROS + 5),
            ..attempt("a", Outcome::Refused(1))
        };
        for _ in 0..3 {
            refusals.add(from([192, 0, 2, 1], 10));
        }
        refusals.add(from([192, 0, 2, 2], 10));
        refusals.add(from([192, 0, 2, 1], 11));
        assert!(refusals.before(10).is_empty(), "the minute is not over");
        let mut counts: Vec<Outcome> =
            refusals.before(11).into_iter().map(|attempt| attempt.outcome).collect();
        counts.sort_by_key(|outcome| format!("{outcome:?}"));
        assert_eq!(counts, [Outcome::Refused(1), Outcome::Refused(3)]);
        assert_eq!(refusals.before(i64::MAX).len(), 1);
    }

    #[test]
    fn addresses_told_apart_are_bounded() {
        let mut refusals = Refusals::default();
        for number in 0..5000_u32 {
            let address = IpAddr::from(number.to_be_bytes());
            refusals.add(Attempt { address, ..attempt("a", Outcome::Refused(1)) });
        }
        let records = refusals.before(i64::MAX);
        assert_eq!(records.len(), ADDRESSES_MAX + 1);
        let sum: u64 = records
            .iter()
            .map(|attempt| match attempt.outcome {
                Outcome::Refused(count) => count,
                _ => 0,
            })
            .sum();
        assert_eq!(sum, 5000, "all are counted");
    }
}
