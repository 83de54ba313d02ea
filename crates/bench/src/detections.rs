//! How good the detections are: recall, precision and cost on generated tenants whose attacks are
//! labelled.
//!
//! For each seed a tenant's events go through the decoder into a store; all detections look at
//! them with default settings, as a back-test does; what they find is compared with the labels.

mod judge;
mod report;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use durward_detect::{Finding, Settings, history};
use durward_generate::{Moment, Noise, Tenant, TenantOptions};
use durward_ingest::{Decoder, Options, Rejection, Sink, SinkError};
use durward_model::field::Log;
use durward_model::{EventBatch, Timestamp};
use durward_store::{Store, StoreOptions};

use crate::measure::{peak_memory_bytes, processor_seconds};
use crate::prepare::FIRST_DAY;
use judge::{Judge, Known};

/// Bytes of JSON that are decoded at a time.
const PIECE_BYTES: usize = 8 << 20;
/// Pieces that wait for the decoder.
const PIECES_WAITING: usize = 4;
/// How long an append waits for a store that is catching up.
const PATIENCE: Duration = Duration::from_secs(300);

/// What to evaluate on.
#[derive(Debug)]
pub(crate) struct Setting {
    /// People of each tenant.
    pub(crate) users: u32,
    /// Days of sign-ins.
    pub(crate) days: u32,
    /// Seeds of the tenants; those the tuning did not use.
    pub(crate) seeds: Vec<u64>,
    /// Where stores are kept from one run to the next; none keeps nothing.
    pub(crate) work: Option<PathBuf>,
}

/// What looking at one tenant's history took.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub(crate) struct Cost {
    seed: u64,
    events: u64,
    /// Generating, decoding and storing; 0 where the store was there already.
    load_seconds: f64,
    /// The back-test, by the clock and of all processors together.
    history_seconds: f64,
    history_processor_seconds: f64,
    peak_memory_bytes: u64,
}

/// Evaluates; gives the report as Markdown and as JSON.
pub(crate) fn run(setting: &Setting) -> Result<(String, serde_json::Value)> {
    let mut judge = Judge::default();
    let mut costs = Vec::new();
    for &seed in &setting.seeds {
        let options = TenantOptions { users: setting.users, ..TenantOptions::demo() };
        let tenant = Arc::new(Tenant::new(seed, options));
        let range = Moment::from_day(FIRST_DAY)
            ..Moment::from_day(FIRST_DAY).plus_days(i64::from(setting.days));
        let (findings, cost) = findings_of(setting, seed, &tenant, &range)?;
        costs.push(cost);
        let known = Known {
            labels: tenant.events(range.clone()).labels(),
            hops: tenant.hops(range.clone()),
            from_micros: range.start.micros(),
        };
        judge.judge(&known, &findings);
    }
    Ok((report::markdown(setting, &judge, &costs), report::json(setting, &judge, &costs)))
}

fn findings_of(
    setting: &Setting,
    seed: u64,
    tenant: &Arc<Tenant>,
    range: &std::ops::Range<Moment>,
) -> Result<(Vec<Finding>, Cost)> {
    let name = format!("durward-detections-{}-{}-{seed}", setting.users, setting.days);
    let parent = setting.work.clone().unwrap_or_else(std::env::temp_dir);
    std::fs::create_dir_all(&parent)?;
    let dir = Folder { path: parent.join(name), is_kept: setting.work.is_some() };
    let complete = dir.path.join("complete");
    let started = Instant::now();
    let is_new = !complete.exists();
    if is_new {
        if dir.path.exists() {
            std::fs::remove_dir_all(&dir.path)?;
        }
        fill(tenant, range.clone(), &dir.path.join("store"))?;
        std::fs::write(&complete, b"")?;
    }
    let loaded = started.elapsed();
    // Nothing but the back-test runs while it is timed.
    let options = StoreOptions { background: false, ..StoreOptions::default() };
    let store = Store::open(&dir.path.join("store"), options)?;
    let view = store.view();
    let (started, processor) = (Instant::now(), processor_seconds()?);
    let findings =
        history(&view, Arc::new(Settings::default()), range.end.micros(), &mut |_, _| true)?;
    let looked = started.elapsed();
    let cost = Cost {
        seed,
        events: view.live_rows(&Log::SIGN_INS),
        load_seconds: if is_new { loaded.as_secs_f64() } else { 0.0 },
        history_seconds: looked.as_secs_f64(),
        history_processor_seconds: processor_seconds()? - processor,
        peak_memory_bytes: peak_memory_bytes()?,
    };
    drop(view);
    store.close()?;
    Ok((findings, cost))
}

/// A folder that goes away unless it is to be kept.
struct Folder {
    path: PathBuf,
    is_kept: bool,
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.is_kept {
            // It is in the folder for temporary files: what is left there goes away by itself.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// Hands batches to the store.
struct ToStore<'a>(&'a Store);

impl Sink for ToStore<'_> {
    fn batch(&mut self, batch: EventBatch) -> Result<(), SinkError> {
        self.0.append_patiently(&batch, PATIENCE)?;
        Ok(())
    }

    fn reject(&mut self, rejection: Rejection) -> Result<(), SinkError> {
        Err(SinkError::from(format!("a generated record was rejected: {rejection:?}")))
    }
}

/// Generates on one thread while another one decodes and stores.
fn fill(tenant: &Arc<Tenant>, range: std::ops::Range<Moment>, data: &Path) -> Result<()> {
    let store = Store::open(data, StoreOptions::default())?;
    let (give, take) = mpsc::sync_channel::<Vec<u8>>(PIECES_WAITING);
    std::thread::scope(|scope| -> Result<()> {
        // Moved in here, so that the generator ends when decoding has failed.
        let take = take;
        scope.spawn(move || {
            let mut events = tenant.events(range).noise(Noise::realistic());
            loop {
                let mut piece = Vec::with_capacity(PIECE_BYTES + (64 << 10));
                while piece.len() < PIECE_BYTES && events.write_next(&mut piece).is_some() {
                    piece.push(b'\n');
                }
                if piece.is_empty() || give.send(piece).is_err() {
                    return;
                }
            }
        });
        let mut decoder = Decoder::new(Options::new(Timestamp::now()));
        for piece in take {
            decoder.decode_bytes("generated", &piece, &mut ToStore(&store))?;
        }
        Ok(())
    })?;
    store.seal()?;
    store.compact()?;
    ensure!(store.view().live_rows(&Log::SIGN_INS) > 0, "nothing was generated");
    store.close()?;
    Ok(())
}
