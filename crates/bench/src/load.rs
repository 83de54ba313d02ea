//! Imports files the way `durward import` does: decoder threads, each handing its batches to the
//! store, which answers when a batch is durable and visible.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use durward_ingest::{Decoder, Options, Rejection, Sink, SinkError, split_lines};
use durward_model::Timestamp;
use durward_model::batch::EventBatch;
use durward_store::{Store, StoreOptions};
use serde_json::json;

use crate::manifest::Manifest;
use crate::measure::{bytes_under, peak_memory_bytes};

/// Decoder threads: as many as the peers get.
const THREADS: usize = 2;
/// How long an import waits for a store that is catching up.
const PATIENCE: Duration = Duration::from_secs(120);

/// Hands batches to the store and counts.
struct ToStore<'a> {
    store: &'a Store,
    counts: &'a Counts,
}

#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) new: AtomicU64,
    known: AtomicU64,
    revised: AtomicU64,
    rejected: AtomicU64,
}

impl Sink for ToStore<'_> {
    fn batch(&mut self, batch: EventBatch) -> Result<(), SinkError> {
        let total = self.store.append_patiently(&batch, PATIENCE)?.total();
        self.counts.new.fetch_add(total.new, Ordering::Relaxed);
        self.counts.known.fetch_add(total.known, Ordering::Relaxed);
        self.counts.revised.fetch_add(total.revised, Ordering::Relaxed);
        Ok(())
    }

    fn reject(&mut self, rejection: Rejection) -> Result<(), SinkError> {
        if self.counts.rejected.fetch_add(1, Ordering::Relaxed) == 0 {
            eprintln_once(&rejection);
        }
        Ok(())
    }
}

#[expect(clippy::print_stderr, reason = "generated records are never rejected: say which was")]
fn eprintln_once(rejection: &Rejection) {
    eprintln!("rejected: {rejection:?}");
}

/// Loads the files of a manifest into a store in `data` and gives the figures.
pub(crate) fn run(files: &Path, data: &Path) -> anyhow::Result<serde_json::Value> {
    let manifest = Manifest::read(files)?;
    let started = Instant::now();
    let store = Store::open(data, StoreOptions::default())?;
    let counts = Counts::default();
    let pieces = pieces(files, &manifest)?;
    import(&pieces, &store, &counts)?;
    let durable = started.elapsed();
    let memory_durable = peak_memory_bytes()?;
    store.seal()?;
    let sealed = started.elapsed();
    let compacted_files = store.compact()?;
    let compacted = started.elapsed();
    let status = store.status();
    store.close()?;
    let new = counts.new.into_inner();
    anyhow::ensure!(new == manifest.events, "{new} events of {} were new", manifest.events);
    Ok(json!({
        "events": new,
        "known": counts.known.into_inner(),
        "revised": counts.revised.into_inner(),
        "rejected": counts.rejected.into_inner(),
        "durable_s": durable.as_secs_f64(),
        "sealed_s": sealed.as_secs_f64(),
        "compacted_s": compacted.as_secs_f64(),
        "compacted": format!("{compacted_files:?}"),
        "peak_memory_durable_bytes": memory_durable,
        "peak_memory_bytes": peak_memory_bytes()?,
        "files": status.files,
        "entities": status.entities,
        "entity_bytes_in_memory": status.entity_bytes,
    }))
}

/// The pieces of all files, in their order.
pub(crate) fn pieces(
    dir: &Path,
    manifest: &Manifest,
) -> anyhow::Result<Vec<(PathBuf, Range<u64>)>> {
    let mut pieces = Vec::new();
    for name in &manifest.files {
        let path = dir.join(name);
        for range in split_lines(&path, THREADS)? {
            pieces.push((path.clone(), range));
        }
    }
    Ok(pieces)
}

pub(crate) fn import(
    pieces: &[(PathBuf, Range<u64>)],
    store: &Store,
    counts: &Counts,
) -> anyhow::Result<()> {
    let next = AtomicUsize::new(0);
    let work = || -> anyhow::Result<()> {
        let mut decoder = Decoder::new(Options::new(Timestamp::now()));
        let mut sink = ToStore { store, counts };
        while let Some((path, range)) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
            decoder.set_received(Timestamp::now());
            decoder.decode_range(path, range.clone(), &mut sink)?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| match thread.join() {
            Ok(outcome) => outcome,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })
}

/// Bytes of the parts of a data directory, by the name of its entries, and of all together.
pub(crate) fn bytes_on_disk(data: &Path) -> anyhow::Result<serde_json::Value> {
    let mut parts = serde_json::Map::new();
    let mut all = 0;
    for entry in std::fs::read_dir(data)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let bytes = if entry.path().is_dir() {
            bytes_under(&entry.path())?
        } else {
            entry.metadata()?.len()
        };
        all += bytes;
        let log = bytes_under(&entry.path().join("_delta_log"))?;
        if log > 0 {
            parts.insert(format!("{name}/_delta_log"), log.into());
        }
        parts.insert(name, (bytes - log).into());
    }
    parts.insert("all".to_owned(), all.into());
    Ok(parts.into())
}
