//! From append to sealed file and back.

use std::time::Duration;

use durward_model::{FieldId, Log};
use durward_store::{Store, StoreOptions, View};

use crate::fixture::{NOON, Sample, batch};

fn options() -> StoreOptions {
    StoreOptions { background: false, keep_replaced: Duration::ZERO, ..StoreOptions::default() }
}

/// Request identifiers of all latest revisions, newest first within each chunk, sorted.
fn live_ids(view: &View) -> Vec<String> {
    let mut ids = Vec::new();
    for (index, chunk) in view.chunks.iter().enumerate() {
        for row in 0..chunk.rows() as u32 {
            if chunk.superseded().is_none_or(|gone| !gone.contains(row)) {
                let event = view.event(durward_store::RowRef { chunk: index as u32, row }).unwrap();
                ids.push(format!("{} {}", event.cell(FieldId::Id), event.cell(FieldId::RiskState)));
            }
        }
    }
    ids.sort();
    ids
}

fn expected(samples: &[Sample]) -> Vec<String> {
    let mut ids: Vec<_> =
        samples.iter().map(|s| format!("{} {}", s.request_id(), s.risk)).collect();
    ids.sort();
    ids
}

#[test]
fn events_are_there_in_every_state() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), options()).unwrap();
    let mut samples: Vec<Sample> = (0..500).map(|id| Sample::at(id, i64::from(id) * 400)).collect();
    for (number, part) in samples.chunks(7).enumerate() {
        let done = store.append(&batch(part)).unwrap().total();
        assert_eq!((done.new, done.known, done.revised), (part.len() as u64, 0, 0));
        if number % 20 == 19 {
            store.seal().unwrap();
        }
    }
    assert_eq!(live_ids(&store.view()), expected(&samples));
    let again = store.append(&batch(&samples)).unwrap().total();
    assert_eq!((again.new, again.known, again.revised), (0, 500, 0));

    // A changed record becomes a revision, wherever the first version is by now.
    samples[3].risk = "atRisk";
    samples[450].risk = "remediated";
    let revised = store.append(&batch(&samples)).unwrap().total();
    assert_eq!((revised.new, revised.known, revised.revised), (0, 498, 2));
    assert_eq!(live_ids(&store.view()), expected(&samples));
    store.seal().unwrap();
    assert_eq!(live_ids(&store.view()), expected(&samples));
    drop(store);

    let store = Store::open(dir.path(), options()).unwrap();
    assert_eq!(live_ids(&store.view()), expected(&samples));
    let before = store.status();
    let compacted = store.compact().unwrap();
    assert!(compacted.files_after < compacted.files_before, "{compacted:?}");
    assert_eq!(live_ids(&store.view()), expected(&samples));
    assert_eq!(store.status().logs, before.logs);
    let again = store.append(&batch(&samples)).unwrap().total();
    assert_eq!((again.new, again.known, again.revised), (0, 500, 0));
    store.close().unwrap();

    let store = Store::open(dir.path(), options()).unwrap();
    assert_eq!(live_ids(&store.view()), expected(&samples));
    assert_eq!(store.rebuild_rollups().unwrap().1, 0, "ROLL-1: rollups are a function of the file");
}

#[test]
fn rev_2_the_record_published_last_is_shown_whatever_comes_first() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), options()).unwrap();
    let version = |risk, published| Sample {
        risk,
        published_micros: Some(NOON + published),
        ..Sample::at(1, 0)
    };
    store.append(&batch(&[version("new", 20)])).unwrap();
    store.append(&batch(&[version("old", 10)])).unwrap();
    assert_eq!(live_ids(&store.view()), expected(&[version("new", 20)]));
    store.close().unwrap();
    let store = Store::open(dir.path(), options()).unwrap();
    assert_eq!(live_ids(&store.view()), expected(&[version("new", 20)]));
    assert_eq!(store.view().live_rows(&Log::SIGN_INS), 1);
    assert_eq!(store.status().logs[0].earlier_revisions, 1);
}

#[test]
fn a_second_process_is_told_who_has_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let first = StoreOptions { holder: "http://127.0.0.1:7400".to_owned(), ..options() };
    let _store = Store::open(dir.path(), first).unwrap();
    let refused = Store::open(dir.path(), options()).unwrap_err().to_string();
    assert!(refused.contains("http://127.0.0.1:7400"), "{refused}");
}

#[test]
fn retention_removes_whole_days_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let day = 86_400;
    let samples: Vec<Sample> = (0..10).map(|id| Sample::at(id, -i64::from(id) * day)).collect();
    let today = (NOON / 86_400_000_000) as i32;
    let options = StoreOptions {
        retention_days: [(Log::InteractiveUser, 5)].into(),
        holds: vec![(today - 8, today - 8)],
        ..options()
    };
    let store = Store::open(dir.path(), options).unwrap();
    store.append(&batch(&samples)).unwrap();
    store.seal().unwrap();
    let removed = store.retain(today).unwrap();
    assert_eq!(removed.iter().map(|r| today - r.day).collect::<Vec<_>>(), [9, 7, 6]);
    assert_eq!(store.view().live_rows(&[Log::InteractiveUser]), 7);
    assert!(store.retain(today).unwrap().is_empty());
    let said = std::fs::read_to_string(dir.path().join("retention.jsonl")).unwrap();
    assert_eq!(said.lines().count(), 3);
}
