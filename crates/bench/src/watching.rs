//! What watching costs those who write: the same import with and without a watcher beside it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use durward_detect::rules::Placeholders;
use durward_detect::{Book, Settings, Watch, Watcher};
use durward_model::Timestamp;
use durward_store::{Store, StoreOptions};
use serde_json::json;

use crate::load::{Counts, import, pieces};
use crate::manifest::Manifest;

/// How often it is looked whether the watcher has caught up.
const POLL: Duration = Duration::from_millis(50);
/// No import takes longer to be looked at.
const PATIENCE: Duration = Duration::from_secs(1800);

/// One import.
struct Round {
    import: Duration,
    /// From the end of the import until everything was looked at.
    after: Duration,
    findings: usize,
}

/// Imports the files again and again, with and without a watcher in turns.
pub(crate) fn run(files: &Path, data: &Path, rounds: usize) -> anyhow::Result<serde_json::Value> {
    let manifest = Manifest::read(files)?;
    let (mut alone, mut watched) = (Vec::new(), Vec::new());
    for number in 0..rounds {
        for with_watcher in [false, true] {
            let dir = data.join(format!("{number}-{with_watcher}"));
            let round = one(files, &manifest, &dir, with_watcher)?;
            std::fs::remove_dir_all(&dir)?;
            if with_watcher { &mut watched } else { &mut alone }.push(round);
        }
    }
    let median = |rounds: &[Round], of: fn(&Round) -> f64| {
        let mut values: Vec<f64> = rounds.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let rate = |rounds: &[Round]| {
        manifest.events as f64 / median(rounds, |round| round.import.as_secs_f64())
    };
    Ok(json!({
        "events": manifest.events,
        "rounds": rounds,
        "alone_per_s": rate(&alone),
        "watched_per_s": rate(&watched),
        "ratio": rate(&watched) / rate(&alone),
        "looked_at_after_s": median(&watched, |round| round.after.as_secs_f64()),
        "findings": watched.first().map(|round| round.findings),
    }))
}

fn one(files: &Path, manifest: &Manifest, dir: &Path, watched: bool) -> anyhow::Result<Round> {
    let store = Arc::new(Store::open(dir, StoreOptions::default())?);
    let book = Arc::new(Book::open(dir)?);
    let watch = match watched {
        true => {
            let (settings, none) = (Settings::default(), Placeholders::default());
            let watcher = Watcher::new(store.clone(), book.clone(), dir, settings, none)?;
            Some(Watch::start(watcher, |_| {})?)
        }
        false => None,
    };
    let counts = Counts::default();
    let pieces = pieces(files, manifest)?;
    let begun = Instant::now();
    import(&pieces, &store, &counts)?;
    let import = begun.elapsed();
    let new = counts.new.load(Ordering::Relaxed);
    anyhow::ensure!(new == manifest.events, "{new} of {} were new", manifest.events);
    let ended = (Instant::now(), Timestamp::now().micros);
    if let Some(watch) = &watch {
        loop {
            let status = watch.status();
            anyhow::ensure!(status.error.is_empty(), "{}", status.error);
            anyhow::ensure!(ended.0.elapsed() < PATIENCE, "the watcher does not catch up");
            let is_past = status.at_micros.is_some_and(|at| at > ended.1);
            if is_past && !status.has_late && status.catching_up.is_none() {
                break;
            }
            std::thread::sleep(POLL);
        }
    }
    let after = ended.0.elapsed();
    drop(watch);
    let query = durward_detect::book::FindingQuery::default();
    let findings = book.count_findings(&query)?.values().sum::<u64>() as usize;
    Ok(Round { import, after, findings })
}
