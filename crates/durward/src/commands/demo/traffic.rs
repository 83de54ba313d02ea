//! The demo's events: past days first, the newest before the older, then what happens now.
//!
//! Records take the way of every other record, as diagnostic JSON through the decoder, so that
//! the demo shows what real files would.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use durward_generate::{Live, Moment, Tenant};
use durward_ingest::{Decoder, Options, Rejection, Sink, SinkError};
use durward_model::{EventBatch, Timestamp};
use durward_store::Store;
use parking_lot::{Condvar, Mutex};

use crate::progress::{Progress, Unit};

/// Threads that load past days.
const THREADS: usize = 2;
/// Days that a thread loads at once. Planning a span looks a day to either side, so single days
/// would be planned three times.
const SPAN_DAYS: i64 = 3;
/// JSON that is decoded at once, in bytes.
const PIECE_BYTES: usize = 4 << 20;
/// How long the store may take to catch up.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long to sleep at most while nothing is due.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Threads that feed the store.
pub(super) struct Traffic {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    /// Dropped to end the live thread's pause.
    stop: Sender<()>,
}

struct Shared {
    store: Arc<Store>,
    tenant: Arc<Tenant>,
    /// Spans of time still to load, the newest first.
    spans: Mutex<VecDeque<(Moment, Moment)>>,
    /// Loading threads still at work.
    loading: Mutex<usize>,
    loaded: Condvar,
    stopping: AtomicBool,
    failed: Mutex<Option<anyhow::Error>>,
    progress: Progress,
}

impl Traffic {
    /// Starts loading `days` up to now, and going on from there.
    pub(super) fn start(
        store: &Arc<Store>,
        tenant: &Arc<Tenant>,
        days: u32,
        silent: bool,
    ) -> Result<Traffic> {
        let now = Moment::from_micros(Timestamp::now().micros);
        let shared = Arc::new(Shared {
            store: store.clone(),
            tenant: tenant.clone(),
            spans: Mutex::new(spans(now, i64::from(days))),
            loading: Mutex::new(THREADS),
            loaded: Condvar::new(),
            stopping: AtomicBool::new(false),
            failed: Mutex::default(),
            progress: Progress::new("inventing", Unit::Days, u64::from(days), silent),
        });
        let (stop, stopped) = channel();
        let mut threads = Vec::new();
        let start = |name: &str, work: Box<dyn FnOnce() + Send>| {
            let thread = std::thread::Builder::new().name(name.to_owned());
            thread.spawn(work).context("starting a thread")
        };
        for _ in 0..THREADS {
            let shared = shared.clone();
            threads.push(start("demo-days", Box::new(move || shared.note(shared.load())))?);
        }
        let live = shared.clone();
        threads.push(start(
            "demo-live",
            Box::new(move || {
                if let Err(error) = live.live(now, &stopped) {
                    live.fail(error);
                }
            }),
        )?);
        Ok(Traffic { shared, threads, stop })
    }

    /// Waits until all past days are there; false if that takes longer than `patience`, or if
    /// `stopping` becomes true.
    pub(super) fn wait_until_loaded(&self, patience: Duration, stopping: &AtomicBool) -> bool {
        /// How soon a wish to stop is noticed.
        const NOTICED_WITHIN: Duration = Duration::from_millis(100);
        let deadline = Instant::now() + patience;
        let mut loading = self.shared.loading.lock();
        while *loading > 0 && Instant::now() < deadline && !stopping.load(Ordering::SeqCst) {
            self.shared.loaded.wait_for(&mut loading, NOTICED_WITHIN);
        }
        *loading == 0
    }

    /// Stops all threads; fails if one of them had failed.
    pub(super) fn stop(self) -> Result<()> {
        self.shared.stopping.store(true, Ordering::SeqCst);
        drop(self.stop);
        for thread in self.threads {
            thread.join().map_err(|_| anyhow!("the demo's traffic broke down"))?;
        }
        match self.shared.failed.lock().take() {
            Some(error) => Err(error.context("the demo's traffic stopped")),
            None => Ok(()),
        }
    }
}

/// The days before `now` in spans, the newest first.
fn spans(now: Moment, days: i64) -> VecDeque<(Moment, Moment)> {
    let mut spans = VecDeque::new();
    let mut left = days;
    let mut end = now;
    // The newest day comes alone, so that there is something to see at once.
    let mut length = 1;
    while left > 0 {
        let start = end.plus_days(-length.min(left));
        spans.push_back((start, end));
        left -= length;
        (end, length) = (start, SPAN_DAYS);
    }
    spans
}

impl Shared {
    fn fail(&self, error: anyhow::Error) {
        tracing::error!(error = format!("{error:#}"), "the demo's traffic stopped");
        self.failed.lock().get_or_insert(error);
    }

    /// Takes note that a loading thread ended.
    fn note(&self, result: Result<()>) {
        if let Err(error) = result {
            self.fail(error);
        }
        let mut loading = self.loading.lock();
        *loading -= 1;
        if *loading == 0 {
            self.progress.finish();
        }
        self.loaded.notify_all();
    }

    /// Loads span after span.
    fn load(&self) -> Result<()> {
        let mut decoder = Decoder::new(Options::new(Timestamp::now()));
        let mut piece = Vec::with_capacity(PIECE_BYTES + (64 << 10));
        loop {
            let Some((from, to)) = self.spans.lock().pop_front() else { return Ok(()) };
            let mut events = self.tenant.events(from..to);
            loop {
                if self.stopping.load(Ordering::SeqCst) {
                    return Ok(());
                }
                piece.clear();
                while piece.len() < PIECE_BYTES && events.write_next(&mut piece).is_some() {
                    piece.push(b'\n');
                }
                if piece.is_empty() {
                    break;
                }
                decoder.decode_bytes("demo", &piece, &mut Feeding(self))?;
            }
            let days = (to.micros() - from.micros()) / durward_model::time::DAY_MICROS;
            let rows = self.store.view().live_rows(&durward_model::Log::SIGN_INS);
            self.progress.add(days.unsigned_abs(), rows);
        }
    }

    /// Goes on from `from` as time goes by, until nobody holds the other end of `stopped`.
    fn live(&self, from: Moment, stopped: &Receiver<()>) -> Result<()> {
        let mut decoder = Decoder::new(Options::new(Timestamp::now()));
        let mut live = Live::new(&self.tenant, from);
        let mut piece = Vec::new();
        loop {
            let now = Timestamp::now();
            let moment = Moment::from_micros(now.micros);
            piece.clear();
            while piece.len() < PIECE_BYTES && live.write_due(moment, &mut piece).is_some() {
                piece.push(b'\n');
            }
            if !piece.is_empty() {
                decoder.set_received(now);
                decoder.decode_bytes("demo", &piece, &mut Feeding(self))?;
                continue;
            }
            let due = live.next_due().map_or(i64::MAX, Moment::micros);
            let micros = due.saturating_sub(now.micros).unsigned_abs();
            match stopped.recv_timeout(Duration::from_micros(micros).min(PAUSE_MAX)) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }
}

/// Hands decoded events to the store.
struct Feeding<'s>(&'s Shared);

impl Sink for Feeding<'_> {
    fn batch(&mut self, batch: EventBatch) -> Result<(), SinkError> {
        self.0.store.append_patiently(&batch, PATIENCE)?;
        Ok(())
    }

    fn reject(&mut self, rejection: Rejection) -> Result<(), SinkError> {
        Err(format!("an invented record was rejected: {}", rejection.reason).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_cover_the_days_once() {
        for days in [1, 2, 3, 7, 30] {
            let now = Moment::from_day(20_000);
            let spans = spans(now, days);
            assert_eq!(spans.front().map(|span| span.1), Some(now));
            assert_eq!(spans.back().map(|span| span.0), Some(now.plus_days(-days)));
            let ends: Vec<_> = spans.iter().skip(1).map(|span| span.1).collect();
            let starts: Vec<_> = spans.iter().map(|span| span.0).collect();
            assert_eq!(ends, starts[..starts.len() - 1], "{days}");
        }
    }
}
