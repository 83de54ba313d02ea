//! Single stages of taking events in: decoding, and acknowledging.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use durward_ingest::{Collected, Decoder, Options, Rejection, Sink, SinkError};
use durward_model::Timestamp;
use durward_model::batch::EventBatch;
use durward_store::{Store, StoreOptions};
use serde_json::json;

use crate::manifest::Manifest;
use crate::measure::peak_memory_bytes;

/// Decoding repeats this.
const DECODE_RUNS: usize = 5;
/// Events of one request of the burst and of the steady stream.
const BURST_EVENTS: usize = 500;
const STEADY_EVENTS: usize = 50;
/// Threads that send a steady stream: more than one, so that syncs can be shared.
const SENDERS: usize = 4;
/// How long one append may wait.
const PATIENCE: Duration = Duration::from_secs(60);

/// Counts and drops what it is given.
#[derive(Default)]
struct Dropped {
    events: usize,
    rejected: usize,
}

impl Sink for Dropped {
    fn batch(&mut self, batch: EventBatch) -> Result<(), SinkError> {
        self.events += batch.len();
        Ok(())
    }

    fn reject(&mut self, _: Rejection) -> Result<(), SinkError> {
        self.rejected += 1;
        Ok(())
    }
}

/// The first lines of the files, in bodies of so many events each.
fn bodies(files: &Path, events: usize, each: usize) -> anyhow::Result<Vec<Vec<u8>>> {
    let manifest = Manifest::read(files)?;
    let mut bodies = vec![Vec::new()];
    let (mut in_last, mut left) = (0, events);
    for name in &manifest.files {
        let mut reader = BufReader::new(std::fs::File::open(files.join(name))?);
        while left > 0 {
            if in_last == each {
                bodies.push(Vec::new());
                in_last = 0;
            }
            let Some(body) = bodies.last_mut() else { break };
            if reader.read_until(b'\n', body)? == 0 {
                break;
            }
            in_last += 1;
            left -= 1;
        }
    }
    bodies.retain(|body| !body.is_empty());
    Ok(bodies)
}

/// Decodes events that are in memory, on one thread.
pub(crate) fn decode(files: &Path, events: usize) -> anyhow::Result<serde_json::Value> {
    let bodies = bodies(files, events, BURST_EVENTS)?;
    let bytes: usize = bodies.iter().map(Vec::len).sum();
    let mut best = Duration::MAX;
    let mut sink = Dropped::default();
    for _ in 0..DECODE_RUNS {
        let mut decoder = Decoder::new(Options::new(Timestamp::now()));
        sink = Dropped::default();
        let started = Instant::now();
        for body in &bodies {
            decoder.decode_bytes("memory", body, &mut sink)?;
        }
        best = best.min(started.elapsed());
    }
    anyhow::ensure!(sink.rejected == 0, "a generated record was rejected");
    let seconds = best.as_secs_f64();
    Ok(json!({
        "events": sink.events,
        "us_per_event": seconds * 1e6 / sink.events as f64,
        "megabytes_per_second": bytes as f64 / 1e6 / seconds,
    }))
}

/// Sends bodies as fast as two threads can, from JSON in memory to the acknowledgement.
pub(crate) fn burst(files: &Path, data: &Path, events: usize) -> anyhow::Result<serde_json::Value> {
    let bodies = bodies(files, events, BURST_EVENTS)?;
    let bytes: usize = bodies.iter().map(Vec::len).sum();
    let store = Store::open(data, StoreOptions::default())?;
    let started = Instant::now();
    let latencies = send(&store, &bodies, 2, None)?;
    let seconds = started.elapsed().as_secs_f64();
    store.close()?;
    Ok(json!({
        "events": events,
        "events_per_second": events as f64 / seconds,
        "megabytes_per_second": bytes as f64 / 1e6 / seconds,
        "ack": quantiles(latencies),
        "peak_memory_bytes": peak_memory_bytes()?,
    }))
}

/// Sends a steady stream and measures from when each body was due to its acknowledgement.
pub(crate) fn steady(
    files: &Path,
    data: &Path,
    per_second: usize,
    seconds: usize,
) -> anyhow::Result<serde_json::Value> {
    let bodies = bodies(files, per_second * seconds, STEADY_EVENTS)?;
    let store = Store::open(data, StoreOptions::default())?;
    let gap = Duration::from_secs_f64(STEADY_EVENTS as f64 / per_second as f64);
    let latencies = send(&store, &bodies, SENDERS, Some(gap))?;
    store.close()?;
    Ok(json!({ "events_per_second": per_second, "ack": quantiles(latencies) }))
}

/// Sends each body at its time (or at once), gives how long each took from then.
fn send(
    store: &Store,
    bodies: &[Vec<u8>],
    threads: usize,
    gap: Option<Duration>,
) -> anyhow::Result<Vec<Duration>> {
    let next = AtomicUsize::new(0);
    let started = Instant::now();
    let work = || -> anyhow::Result<Vec<Duration>> {
        let mut decoder = Decoder::new(Options::new(Timestamp::now()));
        let mut latencies = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(body) = bodies.get(number) else { return Ok(latencies) };
            let due = gap.map_or_else(Instant::now, |gap| started + gap * number as u32);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let mut collected = Collected::default();
            decoder.decode_bytes("memory", body, &mut collected)?;
            for batch in &collected.batches {
                store.append_patiently(batch, PATIENCE)?;
            }
            latencies.push(due.elapsed());
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut all = Vec::new();
        for thread in threads {
            match thread.join() {
                Ok(latencies) => all.extend(latencies?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(all)
    })
}

fn quantiles(mut latencies: Vec<Duration>) -> serde_json::Value {
    latencies.sort_unstable();
    let at = |share: f64| {
        let index = (latencies.len() as f64 * share) as usize;
        let latency = latencies.get(index.min(latencies.len().saturating_sub(1)));
        latency.copied().unwrap_or_default().as_secs_f64() * 1000.0
    };
    json!({
        "requests": latencies.len(),
        "p50_ms": at(0.5),
        "p99_ms": at(0.99),
        "max_ms": at(1.0),
    })
}
