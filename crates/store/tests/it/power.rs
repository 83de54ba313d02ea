//! Power cuts at every operation, and a disk that fills up.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use durward_model::FieldId;
use durward_store::files::testing::{CrashFiles, FullDisk, Survival};
use durward_store::files::{FileLayer, RealFiles};
use durward_store::{AppendError, RowRef, Store, StoreOptions};

use crate::fixture::{Sample, batch};

fn options(files: Arc<dyn FileLayer>) -> StoreOptions {
    StoreOptions {
        files,
        background: false,
        lock: false,
        keep_replaced: Duration::ZERO,
        ..StoreOptions::default()
    }
}

/// The risk state of the latest revision of each event, by identifier; panics if an event is
/// shown twice.
fn shown(store: &Store) -> BTreeMap<String, String> {
    let view = store.view();
    let mut events = BTreeMap::new();
    for (index, chunk) in view.chunks.iter().enumerate() {
        let live = (0..chunk.rows() as u32)
            .filter(|row| chunk.superseded().is_none_or(|gone| !gone.contains(*row)));
        for row in live {
            let event = view.event(RowRef { chunk: index as u32, row }).unwrap();
            let id = event.cell(FieldId::Id).to_string();
            let risk = event.cell(FieldId::RiskState).to_string();
            assert_eq!(events.insert(id.clone(), risk), None, "{id} is shown twice");
        }
    }
    events
}

/// A short life of a store: appends, revisions, known records, seals and a compaction, with a
/// restart in between. Notes what was acknowledged; stops at the first failure.
fn live(files: &CrashFiles, acknowledged: &mut BTreeMap<String, String>) -> Result<(), String> {
    let open = || {
        Store::open(Path::new("/data"), options(Arc::new(files.clone()))).map_err(|e| e.to_string())
    };
    let mut append = |store: &Store, samples: &[Sample]| {
        store.append(&batch(samples)).map_err(|error| error.to_string())?;
        for sample in samples {
            acknowledged.insert(sample.request_id(), sample.risk.to_owned());
        }
        Ok::<(), String>(())
    };
    let revised = |id: u32| Sample { risk: "atRisk", ..Sample::at(id, i64::from(id)) };
    let fresh = |from: u32, to: u32| -> Vec<Sample> {
        (from..to).map(|id| Sample::at(id, i64::from(id))).collect()
    };
    let store = open()?;
    append(&store, &fresh(0, 4))?;
    append(&store, &fresh(4, 6))?;
    store.seal().map_err(|error| error.to_string())?;
    append(&store, &[revised(1)])?;
    append(&store, &fresh(4, 9))?;
    store.seal().map_err(|error| error.to_string())?;
    drop(store);
    let store = open()?;
    append(&store, &[revised(5), revised(8)])?;
    store.compact().map_err(|error| error.to_string())?;
    append(&store, &fresh(9, 11))?;
    store.close().map_err(|error| error.to_string())
}

#[test]
fn log_1_every_acknowledged_event_is_there_once_after_a_cut_at_any_operation() {
    let whole = CrashFiles::new();
    let mut all = BTreeMap::new();
    live(&whole, &mut all).unwrap();
    let operations = whole.operations();
    assert!(operations > 100, "the workload does something: {operations} operations");

    for cut in 0..operations {
        let survivals = [Survival::Synced, Survival::Everything, Survival::Random(cut)];
        for survival in survivals {
            let files = CrashFiles::new();
            files.cut_after(cut);
            let mut acknowledged = BTreeMap::new();
            let outcome = live(&files, &mut acknowledged);
            assert!(outcome.is_err(), "cut {cut} must be felt");
            let found = files.after_crash(survival);
            let store = Store::open(Path::new("/data"), options(Arc::new(found)))
                .unwrap_or_else(|error| panic!("cut {cut}, {survival:?}: {error}"));
            let shown = shown(&store);
            for (id, risk) in &acknowledged {
                // What came after the last acknowledgement may have survived too.
                let later = shown.get(id).is_some_and(|shown| shown == "atRisk");
                assert!(
                    shown.get(id) == Some(risk) || later,
                    "cut {cut}, {survival:?}: {id} is {:?}, acknowledged as {risk}",
                    shown.get(id)
                );
            }
            assert!(shown.keys().all(|id| all.contains_key(id)), "cut {cut}: nothing is made up");
            // And it goes on from there.
            store.append(&batch(&[Sample::at(99, 99)])).unwrap();
            store.seal().unwrap();
        }
    }
}

#[test]
fn a_full_disk_refuses_clearly_loses_nothing_and_resumes() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(FullDisk::new(Arc::new(RealFiles), 300_000));
    let store = Store::open(dir.path(), options(disk.clone())).unwrap();
    let mut acknowledged = Vec::new();
    let mut refused = None;
    for round in 0..2000_u32 {
        let samples: Vec<Sample> =
            (0..20).map(|n| Sample::at(round * 20 + n, i64::from(round))).collect();
        match store.append(&batch(&samples)) {
            Ok(_) => acknowledged.extend(samples.iter().map(Sample::request_id)),
            Err(error) => {
                refused = Some((error, samples));
                break;
            }
        }
        if round % 50 == 49 {
            // Sealing may find the disk full too; what is in the log stays there.
            if let Err(error) = store.seal() {
                assert!(error.is_disk_full(), "{error}");
            }
        }
    }
    let (error, samples) = refused.expect("the disk fills up");
    assert!(matches!(error, AppendError::DiskFull), "{error}");
    assert_eq!(shown(&store).len(), acknowledged.len(), "nothing refused is shown");

    disk.set_budget(100_000_000);
    let done = store.append(&batch(&samples)).unwrap().total();
    assert_eq!(done.new, 20, "service resumes when space returns");
    acknowledged.extend(samples.iter().map(Sample::request_id));
    store.seal().unwrap();
    drop(store);
    let store = Store::open(dir.path(), options(Arc::new(RealFiles))).unwrap();
    let shown = shown(&store);
    assert_eq!(shown.len(), acknowledged.len());
    assert!(acknowledged.iter().all(|id| shown.contains_key(id)));
}
