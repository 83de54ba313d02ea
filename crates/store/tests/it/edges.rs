//! Odd but legal input, and disks that fail at bad moments.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use durward_model::{FieldId, Log};
use durward_store::files::testing::FullDisk;
use durward_store::files::{FileLayer, RealFiles};
use durward_store::{AppendError, RowRef, Store, StoreError, StoreOptions};

use crate::faults::{Faults, parquet_files};
use crate::fixture::{NOON, Sample, batch};

const SECOND: i64 = 1_000_000;
/// 1600-01-01T00:00:00Z and 9999-12-31T23:59:59.999999Z, µs since 1970.
const FIRST_INSTANT: i64 = -11_676_096_000_000_000;
const LAST_INSTANT: i64 = 253_402_300_799_999_999;

fn options() -> StoreOptions {
    StoreOptions { background: false, keep_replaced: Duration::ZERO, ..StoreOptions::default() }
}

/// Identifier, time and risk state of every event shown, sorted; an event shown twice is there
/// twice.
fn shown(store: &Store) -> Vec<(String, String, String)> {
    let view = store.view();
    let mut events = Vec::new();
    for (index, chunk) in view.chunks.iter().enumerate() {
        for row in 0..chunk.rows() as u32 {
            if chunk.superseded().is_none_or(|gone| !gone.contains(row)) {
                let event = view.event(RowRef { chunk: index as u32, row }).unwrap();
                let text = |field| event.cell(field).to_string();
                let time = text(FieldId::CreatedDateTime);
                events.push((text(FieldId::Id), time, text(FieldId::RiskState)));
            }
        }
    }
    events.sort();
    events
}

#[test]
fn the_first_and_the_last_instant_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let at = |id, created_micros| Sample { created_micros, ..Sample::at(id, 0) };
    let samples = [at(1, FIRST_INSTANT), at(2, LAST_INSTANT), at(3, -1), at(4, 0), at(5, NOON)];
    let store = Store::open(dir.path(), options()).unwrap();
    store.append(&batch(&samples)).unwrap();
    let before = shown(&store);
    assert_eq!(before.len(), 5);
    store.close().unwrap();
    let store = Store::open(dir.path(), options()).unwrap();
    assert_eq!(shown(&store), before);
    assert_eq!(store.append(&batch(&samples)).unwrap().total().known, 5);
}

#[test]
fn instants_that_no_calendar_shows_do_not_lock_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let at = |id, created_micros| Sample { created_micros, ..Sample::at(id, 0) };
    let samples =
        [at(1, i64::MIN), at(2, i64::MAX), at(3, FIRST_INSTANT - 1), at(4, LAST_INSTANT + 1)];
    let store = Store::open(dir.path(), options()).unwrap();
    store.append(&batch(&samples)).unwrap();
    store.close().unwrap();
    let store = Store::open(dir.path(), options()).unwrap();
    assert_eq!(shown(&store).len(), 4);
    store.append(&batch(&[Sample::at(9, 0)])).unwrap();
    store.close().unwrap();
}

#[test]
fn one_identifier_at_two_times_is_two_events_however_they_arrive() {
    let version = |second: i64, risk| Sample { risk, ..Sample::at(1, second) };
    let records = [
        version(0, "none"),
        version(0, "atRisk"),
        version(3600, "none"),
        version(3600, "remediated"),
    ];
    let mut seen: Vec<Vec<(String, String, String)>> = Vec::new();
    for batches in [vec![&records[..]], records.chunks(1).collect(), records.chunks(2).collect()] {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), options()).unwrap();
        for part in batches {
            store.append(&batch(part)).unwrap();
        }
        seen.push(shown(&store));
        store.close().unwrap();
        let store = Store::open(dir.path(), options()).unwrap();
        seen.push(shown(&store));
        store.compact().unwrap();
        seen.push(shown(&store));
    }
    for events in &seen {
        let risks: Vec<&str> = events.iter().map(|(_, _, risk)| risk.as_str()).collect();
        assert_eq!(risks, ["atRisk", "remediated"], "{seen:#?}");
    }
}

#[test]
fn an_identifier_repeated_thousands_of_times_costs_no_more_than_its_rows() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), options()).unwrap();
    let rows = |from: i64| -> Vec<Sample> {
        (from..from + 4096).map(|code| Sample { code, ..Sample::at(1, 0) }).collect()
    };
    // Three batches, so that rows of the batch, rows in memory and sealed rows all count.
    let first = store.append(&batch(&rows(0))).unwrap().total();
    assert_eq!((first.new, first.revised, first.known), (1, 4095, 0));
    let second = store.append(&batch(&rows(4096))).unwrap().total();
    assert_eq!((second.new, second.revised, second.known), (0, 4096, 0));
    store.seal().unwrap();
    let again = store.append(&batch(&rows(2048))).unwrap().total();
    assert_eq!((again.new, again.revised, again.known), (0, 0, 4096));
    assert_eq!(shown(&store).len(), 1);
    store.close().unwrap();
    let store = Store::open(dir.path(), options()).unwrap();
    assert_eq!(shown(&store).len(), 1);
    assert_eq!(store.status().logs[0].earlier_revisions, 8191);
}

#[test]
fn a_clock_that_goes_back_does_not_lock_the_entities() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), options()).unwrap();
    store.append(&batch(&[Sample::at(1, 0)])).unwrap();
    store.close().unwrap();
    // As if the clock had been far ahead when the first entities were written.
    let entities = dir.path().join("tables/entities");
    let [old] = &parquet_files(&entities)[..] else { panic!("one file of entities") };
    let old_name = old.file_name().unwrap().to_str().unwrap().to_owned();
    let new_name = format!("0fffffffffffffff{}", &old_name[16..]);
    std::fs::rename(old, entities.join(&new_name)).unwrap();
    let commit = entities.join("_delta_log/00000000000000000001.json");
    let text = std::fs::read_to_string(&commit).unwrap();
    assert!(text.contains(&old_name));
    // Without its checksum the changed commit counts as one of another program.
    let text = text.replace(&old_name, &new_name).replace("durwardCrc32c", "checksumBefore");
    std::fs::write(&commit, text).unwrap();

    let store = Store::open(dir.path(), options()).unwrap();
    let more = Sample { user: 100, risk: "atRisk", ..Sample::at(2, 1) };
    store.append(&batch(std::slice::from_ref(&more))).unwrap();
    let before = shown(&store);
    store.close().unwrap();
    let store = Store::open(dir.path(), options()).unwrap();
    assert_eq!(shown(&store), before);
    store.append(&batch(&[Sample { user: 200, ..Sample::at(3, 1) }])).unwrap();
    store.seal().unwrap();
    store.compact().unwrap();
    let before = shown(&store);
    store.close().unwrap();
    assert_eq!(shown(&Store::open(dir.path(), options()).unwrap()), before);
}

#[test]
fn a_full_disk_is_given_back_what_a_failed_seal_or_compaction_wrote() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(FullDisk::new(Arc::new(RealFiles), 100_000_000));
    let store = Store::open(dir.path(), StoreOptions { files: disk.clone(), ..options() }).unwrap();
    let day = 86_400;
    let samples = |from: u32| -> Vec<Sample> {
        let at = |n: u32| Sample::at(from + n, i64::from(n % 5) * day);
        (0..50).map(at).collect()
    };
    for round in 0..3 {
        store.append(&batch(&samples(round * 50))).unwrap();
        store.seal().unwrap();
    }
    store.append(&batch(&samples(150))).unwrap();
    let (files, events) = (parquet_files(dir.path()), shown(&store));
    let mut failures = [0, 0];
    for budget in (0..80_000).step_by(1777) {
        disk.set_budget(budget);
        let outcomes = [store.compact().map(drop), store.seal()];
        for (count, outcome) in failures.iter_mut().zip(&outcomes) {
            if let Err(error) = outcome {
                assert!(error.is_disk_full(), "{error}");
                *count += 1;
            }
        }
        if outcomes.iter().all(Result::is_err) {
            // A compaction that did some of its groups leaves these, and only these.
            disk.set_budget(100_000_000);
            let known: Vec<PathBuf> = parquet_files(dir.path());
            let listed = listed_files(dir.path());
            let orphans: Vec<_> = known
                .iter()
                .filter(|path| !listed.contains(path) && !files.contains(path))
                .collect();
            assert!(orphans.is_empty(), "budget {budget}: {orphans:?}");
        }
        assert_eq!(shown(&store), events, "budget {budget}");
    }
    assert!(failures.iter().all(|&count| count > 3), "{failures:?}");
    disk.set_budget(100_000_000);
    store.seal().unwrap();
    drop(store);
    assert_eq!(shown(&Store::open(dir.path(), options()).unwrap()), events);
}

/// Files that some commit of the tables names, and their rollups.
fn listed_files(dir: &Path) -> Vec<PathBuf> {
    let mut listed = Vec::new();
    for table in ["sign_ins", "entities"] {
        let table = dir.join("tables").join(table);
        for commit in RealFiles.list_files(&table.join("_delta_log")).unwrap() {
            let text = std::fs::read_to_string(&commit).unwrap_or_default();
            for line in text.lines() {
                let action: serde_json::Value = serde_json::from_str(line).unwrap();
                if let Some(path) = action["add"]["path"].as_str() {
                    let path = path.replace("%3D", "=").replace("%7E", "~");
                    listed.push(table.join(&path));
                    listed.push(dir.join("rollups").join(&path));
                }
            }
        }
    }
    listed
}

#[test]
fn a_commit_of_unknown_outcome_stops_the_store_and_writes_nothing_more() {
    let dir = tempfile::tempdir().unwrap();
    let faults = Faults::none();
    let with_faults = StoreOptions { files: Arc::new(faults.clone()), ..options() };
    let store = Store::open(dir.path(), with_faults).unwrap();
    store.append(&batch(&[Sample::at(1, 0), Sample::at(2, 1)])).unwrap();
    let log = dir.path().join("tables/sign_ins/_delta_log");
    faults.set(move |operation, path| match operation == "sync_dir" && path == log {
        true => Err(io::Error::other("the disk went away")),
        false => Ok(()),
    });
    assert!(store.seal().is_err());
    faults.set(|_, _| Ok(()));
    let files = parquet_files(dir.path());
    for _ in 0..3 {
        assert!(matches!(store.seal(), Err(StoreError::Stopped)));
        assert!(matches!(store.compact(), Err(StoreError::Stopped)));
        assert!(matches!(store.retain(0), Err(StoreError::Stopped)));
    }
    assert_eq!(parquet_files(dir.path()), files, "nothing is written, nothing removed");
    let refused = store.append(&batch(&[Sample::at(3, 0)]));
    assert!(matches!(refused, Err(AppendError::Poisoned)), "{refused:?}");
    assert!(store.status().stopped);
    assert_eq!(shown(&store).len(), 2, "what is here can still be read");
    drop(store);
    let store = Store::open(dir.path(), options()).unwrap();
    assert_eq!(shown(&store).len(), 2);
    store.append(&batch(&[Sample::at(3, 0)])).unwrap();
    store.close().unwrap();
}

#[test]
fn a_compaction_of_unknown_outcome_stops_the_store_too() {
    let dir = tempfile::tempdir().unwrap();
    let faults = Faults::none();
    let with_faults = StoreOptions { files: Arc::new(faults.clone()), ..options() };
    let store = Store::open(dir.path(), with_faults).unwrap();
    for id in 0..3 {
        store.append(&batch(&[Sample::at(id, 0)])).unwrap();
        store.seal().unwrap();
    }
    faults.set(|operation, path| {
        match operation == "rename_new" && path.to_string_lossy().contains("sign_ins/_delta_log") {
            true => Err(io::Error::other("the disk went away")),
            false => Ok(()),
        }
    });
    assert!(store.compact().is_err());
    faults.set(|_, _| Ok(()));
    assert!(matches!(store.append(&batch(&[Sample::at(9, 0)])), Err(AppendError::Poisoned)));
    drop(store);
    assert_eq!(shown(&Store::open(dir.path(), options()).unwrap()).len(), 3);
}

/// Waits until `condition` holds; panics after ten seconds.
fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(10), "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn a_panic_in_the_background_is_seen_and_stops_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let faults = Faults::none();
    let with_faults = StoreOptions {
        files: Arc::new(faults.clone()),
        background: true,
        seal_after: Duration::ZERO,
        ..options()
    };
    let store = Store::open(dir.path(), with_faults).unwrap();
    faults.set(|operation, path| {
        let sealed = path.to_string_lossy().contains("tables/sign_ins/date=");
        assert!(!(sealed && operation == "create"), "a fault of the test");
        Ok(())
    });
    store.append(&batch(&[Sample::at(1, 0)])).unwrap();
    wait_until("the panic is noticed", || store.status().stopped);
    let said = store.status().last_error.unwrap_or_default();
    assert!(said.contains("a fault of the test"), "{said}");
    assert!(matches!(store.append(&batch(&[Sample::at(2, 0)])), Err(AppendError::Poisoned)));
    drop(store);
    assert_eq!(shown(&Store::open(dir.path(), options()).unwrap()).len(), 1);
}

#[test]
fn retention_makes_room_on_a_disk_too_full_to_seal() {
    let dir = tempfile::tempdir().unwrap();
    let faults = Faults::none();
    let store = Store::open(dir.path(), options()).unwrap();
    store.append(&batch(&[Sample::at(1, 0)])).unwrap();
    store.close().unwrap();
    assert!(!parquet_files(&dir.path().join("tables/sign_ins")).is_empty());
    faults.set(|operation, path| {
        match operation == "create" && path.to_string_lossy().contains("tables/sign_ins/date=") {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => Ok(()),
        }
    });
    let with_faults = StoreOptions {
        files: Arc::new(faults.clone()),
        seal_rows: 1,
        retention_days: [(Log::InteractiveUser, 1)].into(),
        ..options()
    };
    // Something to seal is there before the worker first runs.
    let store = Store::open(dir.path(), StoreOptions { ..with_faults.clone() }).unwrap();
    store.append(&batch(&[Sample::at(2, 0)])).unwrap();
    drop(store);
    let background = StoreOptions { background: true, ..with_faults };
    let store = Store::open(dir.path(), background).unwrap();
    wait_until("the expired day leaves the disk", || {
        parquet_files(&dir.path().join("tables/sign_ins")).is_empty()
    });
    assert_eq!(shown(&store).len(), 1, "what cannot be sealed is still here");
}

#[test]
fn a_torn_commit_of_entities_that_rows_refer_to_is_not_set_aside_silently() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), options()).unwrap();
    store.append(&batch(&[Sample::at(1, 0)])).unwrap();
    store.close().unwrap();
    let before = parquet_files(dir.path());
    let commit = dir.path().join("tables/entities/_delta_log/00000000000000000001.json");
    let whole = std::fs::read(&commit).unwrap();
    std::fs::write(&commit, &whole[..whole.len() / 2]).unwrap();
    let refused = Store::open(dir.path(), options()).unwrap_err().to_string();
    assert!(refused.contains("entities"), "{refused}");
    assert_eq!(parquet_files(dir.path()), before, "nothing that may be needed is removed");
    // With the commit restored all is well.
    std::fs::write(&commit, &whole).unwrap();
    assert_eq!(shown(&Store::open(dir.path(), options()).unwrap()).len(), 1);
}

#[test]
fn data_files_without_a_table_log_are_not_taken_for_rubbish() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), options()).unwrap();
    store.append(&batch(&[Sample::at(1, 0)])).unwrap();
    store.close().unwrap();
    let files = parquet_files(&dir.path().join("tables"));
    for lost in ["tables/sign_ins/_delta_log", "tables/entities/_delta_log", "wal"] {
        std::fs::remove_dir_all(dir.path().join(lost)).unwrap();
    }
    let refused = Store::open(dir.path(), options()).unwrap_err().to_string();
    assert!(refused.contains("_delta_log"), "{refused}");
    assert_eq!(parquet_files(&dir.path().join("tables")), files);
}

#[test]
fn a_replaced_file_stays_while_a_view_that_shows_it_is_held() {
    let dir = tempfile::tempdir().unwrap();
    let with_worker = StoreOptions { background: true, ..options() };
    let store = Store::open(dir.path(), with_worker).unwrap();
    for id in 0..3 {
        store.append(&batch(&[Sample::at(id, 0)])).unwrap();
        store.seal().unwrap();
    }
    let view = store.view();
    let table = dir.path().join("tables/sign_ins");
    store.compact().unwrap();
    // No view shows files of entities: once these are gone the worker has been here.
    let entities = dir.path().join("tables/entities");
    wait_until("replaced entities go", || parquet_files(&entities).len() == 1);
    assert_eq!(parquet_files(&table).len(), 4, "three replaced files and the one they became");
    let mut ids = BTreeMap::new();
    for (index, _) in view.chunks.iter().enumerate() {
        let event = view.event(RowRef { chunk: index as u32, row: 0 }).unwrap();
        ids.insert(event.cell(FieldId::Id).to_string(), ());
    }
    assert_eq!(ids.len(), 3);
    drop(view);
    wait_until("the replaced files go", || parquet_files(&table).len() == 1);
}

#[test]
fn more_rows_than_memory_allows_are_refused_not_kept() {
    let dir = tempfile::tempdir().unwrap();
    let small = StoreOptions { hot_bytes_max: 60_000, ..options() };
    let store = Store::open(dir.path(), small).unwrap();
    let part = |round: u32| -> Vec<Sample> {
        (0..60).map(|n| Sample::at(round * 60 + n, i64::from(round))).collect()
    };
    let refused = (0..100).find_map(|round| store.append(&batch(&part(round))).err());
    assert!(matches!(refused, Some(AppendError::Backpressure { .. })), "{refused:?}");
    let held = store.status().hot_bytes;
    assert!(held <= 120_000, "{held}");
    store.seal().unwrap();
    assert_eq!(store.status().hot_bytes, 0, "all of it is accounted for");
    store.append(&batch(&part(200))).unwrap();
    // And a batch larger than the whole room is taken when nothing else is there.
    store.seal().unwrap();
    let large: Vec<Sample> = (20_000..20_600).map(|id| Sample::at(id, 0)).collect();
    assert_eq!(store.append(&batch(&large)).unwrap().total().new, 600);
}

#[test]
fn a_batch_too_large_for_one_frame_is_taken_in_parts() {
    use durward_model::{Cell, EventBatch, Row, Timestamp};
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), options()).unwrap();
    // 48 MiB that do not compress: numbers of a simple generator as text.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut noise = || {
        let mut text = String::with_capacity(1 << 20);
        while text.len() < 1 << 20 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let bits = state >> 28;
            for shift in (0..36).step_by(6) {
                text.push((b'0' + (bits >> shift & 63) as u8) as char);
            }
        }
        text.replace(['"', '\\'], "x")
    };
    let mut large = EventBatch::default();
    for id in 0..60_u32 {
        let mut row = Row::default();
        row.log = Log::InteractiveUser;
        row.set(FieldId::Id, Cell::Text(format!("{id:08x}-0000-4000-8000-000000000000").into()));
        row.set(FieldId::CreatedDateTime, Cell::Time(Timestamp::from_micros(NOON)));
        row.set(FieldId::UserAgent, Cell::Text(noise().into()));
        large.push(&row, Timestamp::from_micros(NOON + SECOND));
    }
    assert_eq!(store.append(&large).unwrap().total().new, 60);
    drop(store);
    let store = Store::open(dir.path(), options()).unwrap();
    assert_eq!(shown(&store).len(), 60);
}
