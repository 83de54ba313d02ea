//! Many threads on one store: what is acknowledged is seen, once, by whoever looks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use durward_model::{FieldId, Id};
use durward_store::{Store, StoreOptions, View};

use crate::fixture::{NOON, Sample, batch};

const APPENDERS: u64 = 4;
const RUN: Duration = Duration::from_millis(2500);
const RISKS: [&str; 4] = ["none", "atRisk", "confirmedCompromised", "remediated"];

/// Version `version` of event `id`; later versions are published later.
fn sample(id: u32, version: usize) -> Sample {
    Sample {
        risk: RISKS[version],
        published_micros: Some(NOON + version as i64),
        log: durward_model::Log::SIGN_INS[id as usize % 4],
        ..Sample::at(id, i64::from(id / 5) * 600)
    }
}

/// A small generator of numbers (SplitMix64), so that a run can be repeated.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// The published time of the row shown of each event; panics if one is shown twice.
fn shown(view: &View) -> BTreeMap<Id, i64> {
    let mut events = BTreeMap::new();
    for chunk in &view.chunks {
        let (ids, published) = (chunk.ids(FieldId::Id).unwrap(), chunk.published().unwrap());
        for row in 0..chunk.rows() {
            if chunk.superseded().is_none_or(|gone| !gone.contains(row as u32)) {
                let id = Id(ids.value(row).try_into().unwrap());
                let twice = events.insert(id, published.value(row));
                assert_eq!(twice, None, "{id} is shown twice in view {}", view.version());
            }
        }
    }
    events
}

/// What appenders were told, by event: the latest version acknowledged.
type Acknowledged = Mutex<BTreeMap<u32, usize>>;

fn append(store: &Store, seed: u64, acknowledged: &Acknowledged) {
    let mut numbers = Numbers(seed);
    let begun = Instant::now();
    let mut newest = 0;
    while begun.elapsed() < RUN {
        newest += 1;
        // Ids overlap between threads; most are recent, some old; a batch may repeat one.
        let what: Vec<(u32, usize)> = (0..=numbers.below(12))
            .map(|_| {
                let back = if numbers.below(4) == 0 { 4000 } else { 40 };
                let id = (newest * 3_u64 + numbers.below(40)).saturating_sub(numbers.below(back));
                (id as u32, numbers.below(RISKS.len() as u64) as usize)
            })
            .collect();
        let samples: Vec<Sample> = what.iter().map(|&(id, version)| sample(id, version)).collect();
        store.append(&batch(&samples)).unwrap();
        let mut acknowledged = acknowledged.lock().unwrap();
        for (id, version) in what {
            let latest = acknowledged.entry(id).or_insert(version);
            *latest = version.max(*latest);
        }
    }
}

fn read(store: &Store, acknowledged: &Acknowledged, done: &AtomicBool) -> usize {
    let mut seen: BTreeSet<Id> = BTreeSet::new();
    let mut views = 0;
    while !done.load(Ordering::SeqCst) {
        let promised: Vec<(u32, usize)> =
            acknowledged.lock().unwrap().iter().map(|(&id, &version)| (id, version)).collect();
        let view = store.view();
        let events = shown(&view);
        for (id, version) in promised {
            let (key, _) = Id::from_text(&sample(id, version).request_id());
            let published = events.get(&key).copied();
            // Another thread may have added a later version since.
            let least = NOON + version as i64;
            assert!(published >= Some(least), "{id}: {published:?}, acknowledged {least}");
        }
        assert!(seen.iter().all(|id| events.contains_key(id)), "what was seen stays in sight");
        seen = events.into_keys().collect();
        views += 1;
    }
    views
}

fn run(options: StoreOptions, seed: u64) {
    let dir = tempfile::tempdir().unwrap();
    let by_hand = !options.background;
    let store = Store::open(dir.path(), options.clone()).unwrap();
    let acknowledged = Acknowledged::default();
    let done = AtomicBool::new(false);
    let views = std::thread::scope(|scope| {
        let appenders: Vec<_> = (0..APPENDERS)
            .map(|thread| {
                let (store, acknowledged) = (&store, &acknowledged);
                scope.spawn(move || append(store, seed * 100 + thread, acknowledged))
            })
            .collect();
        let reader = scope.spawn(|| read(&store, &acknowledged, &done));
        let keeper = scope.spawn(|| {
            let mut numbers = Numbers(seed);
            while by_hand && !done.load(Ordering::SeqCst) {
                match numbers.below(4) {
                    0 => drop(store.compact().unwrap()),
                    1 => drop(store.retain(0).unwrap()),
                    _ => store.seal().unwrap(),
                }
            }
        });
        let outcomes: Vec<_> = appenders.into_iter().map(|thread| thread.join()).collect();
        done.store(true, Ordering::SeqCst);
        keeper.join().unwrap();
        outcomes.into_iter().for_each(|outcome| outcome.unwrap());
        reader.join().unwrap()
    });
    assert!(views > 2, "the reader looked {views} times");
    assert_eq!(store.status().last_error, None);

    let expected: BTreeMap<Id, i64> = (acknowledged.into_inner().unwrap().into_iter())
        .map(|(id, version)| {
            (Id::from_text(&sample(id, version).request_id()).0, NOON + version as i64)
        })
        .collect();
    assert!(expected.len() > 100, "{} events", expected.len());
    assert_eq!(shown(&store.view()), expected);
    let logs = store.status().logs;
    store.close().unwrap();
    let store = Store::open(dir.path(), options).unwrap();
    assert_eq!(shown(&store.view()), expected, "after a restart");
    assert_eq!(store.status().logs, logs);
    assert_eq!(store.rebuild_rollups().unwrap().1, 0);
}

fn options(background: bool) -> StoreOptions {
    StoreOptions { background, keep_replaced: Duration::ZERO, ..StoreOptions::default() }
}

#[test]
fn view_1_no_event_is_in_neither_place_or_in_both_while_sealed_and_compacted_by_hand() {
    run(options(false), 7);
}

#[test]
fn view_1_no_event_is_in_neither_place_or_in_both_with_the_background_worker() {
    let busy = StoreOptions { seal_after: Duration::ZERO, seal_rows: 20, ..options(true) };
    run(busy, 11);
}
