//! What the log promises, tried on disks that fail. The cuts at every operation are in
//! [`crash`].

use std::sync::Barrier;

use super::*;
use crate::files::testing::{CrashFiles, FullDisk, Survival};

mod crash;
mod damage;

const DIR: &str = "/wal";

/// Small sizes, so that a short test rolls segments and fills groups.
fn small() -> WalOptions {
    WalOptions { segment_bytes: 600, group_bytes: 200, backlog_bytes: 4_000 }
}

fn open(files: &CrashFiles, after: u64) -> Result<(Wal, Replay), WalError> {
    Wal::open(Arc::new(files.clone()), Path::new(DIR), LogPosition(after), small())
}

/// Opens a log that must be whole and reads it.
fn open_all(files: &CrashFiles, after: u64) -> (Wal, Vec<(u64, Vec<u8>)>) {
    let (wal, replay) = open(files, after).unwrap();
    let found = replay.map(|batch| batch.map(|(position, payload)| (position.0, payload)));
    (wal, found.collect::<Result<_, _>>().unwrap())
}

fn positions(found: &[(u64, Vec<u8>)]) -> Vec<u64> {
    found.iter().map(|(position, _)| *position).collect()
}

#[test]
fn batches_come_back_in_order_after_the_position_asked_for() {
    let files = CrashFiles::new();
    let (wal, found) = open_all(&files, 0);
    assert_eq!(found, []);
    for n in 1..=20u8 {
        assert_eq!(wal.append(vec![n; 50]).unwrap(), LogPosition(n.into()));
    }
    assert!(wal.segments() > 2, "the log has rolled");
    assert_eq!(wal.durable(), LogPosition(20));
    drop(wal);
    for after in 0..=20 {
        let (_, found) = open_all(&files, after);
        let expected: Vec<_> = (after + 1..=20).map(|n| (n, vec![n as u8; 50])).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn log_2_waiting_batches_share_one_sync() {
    let files = CrashFiles::new();
    let (wal, _) = open_all(&files, 0);
    wal.append(b"first".to_vec()).unwrap();
    let before = files.file_syncs();
    let all_submitted = Barrier::new(8);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let ticket = wal.submit(vec![7; 10]).unwrap();
                all_submitted.wait();
                ticket.wait().unwrap();
            });
        }
    });
    assert_eq!(files.file_syncs() - before, 1, "8 batches of 10 bytes are one group");
    assert_eq!(wal.durable(), LogPosition(9));
    assert_eq!(wal.backlog_bytes(), 0);
}

#[test]
fn log_2_a_group_ends_at_its_size_and_a_lone_batch_does_not_wait() {
    let files = CrashFiles::new();
    let (wal, _) = open_all(&files, 0);
    wal.append(b"first".to_vec()).unwrap();
    let before = files.file_syncs();
    let tickets: Vec<_> = (0..6).map(|_| wal.submit(vec![7; 100]).unwrap()).collect();
    for ticket in tickets {
        ticket.wait().unwrap();
    }
    // Two batches of 100 bytes fill a group; one new segment on the way has a sync of its own.
    assert_eq!(files.file_syncs() - before, 3 + 1);
    let before = files.file_syncs();
    wal.append(vec![1]).unwrap();
    assert_eq!(files.file_syncs() - before, 1);
}

#[test]
fn log_3_positions_follow_the_order_of_submits_under_load() {
    let files = CrashFiles::new();
    let (wal, _) = open_all(&files, 0);
    let acknowledged = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for thread in 0..4u8 {
            let (wal, acknowledged) = (&wal, &acknowledged);
            scope.spawn(move || {
                let mut last = LogPosition::START;
                for n in 0..50u8 {
                    let payload = vec![thread, n];
                    let position = wal.append(payload.clone()).unwrap();
                    assert!(position > last, "LOG-3");
                    last = position;
                    acknowledged.lock().push((position.0, payload));
                }
            });
        }
    });
    let mut acknowledged = acknowledged.into_inner();
    acknowledged.sort();
    assert_eq!(positions(&acknowledged), (1..=200).collect::<Vec<_>>());
    assert_eq!(open_all(&files.after_crash(Survival::Synced), 0).1, acknowledged);
}

#[test]
fn log_4_after_a_failed_sync_the_log_refuses_work_until_opened_again() {
    let files = CrashFiles::new();
    let (wal, _) = open_all(&files, 0);
    wal.append(b"a".to_vec()).unwrap();
    files.fail_syncs(1);
    let refused = wal.submit(b"b".to_vec()).unwrap();
    let behind = wal.submit(vec![0; 300]).unwrap();
    assert!(matches!(refused.wait(), Err(WalAppendError::Poisoned { .. })));
    assert!(matches!(behind.wait(), Err(WalAppendError::Poisoned { .. })));
    assert!(matches!(wal.append(b"c".to_vec()), Err(WalAppendError::Poisoned { .. })));
    assert!(wal.poisoned().is_some_and(|reason| reason.contains("sync")));
    drop(wal);

    // The batch is seen though it never reached the disk; once handed out, it must be there.
    let (wal, found) = open_all(&files, 0);
    let handed_out = [(1, b"a".to_vec()), (2, b"b".to_vec())];
    assert_eq!(found[..2], handed_out);
    drop(wal);
    let (_, found) = open_all(&files.after_crash(Survival::Synced), 0);
    assert_eq!(found[..2], handed_out);
}

#[test]
fn a_full_disk_refuses_the_batch_and_the_log_goes_on_when_space_returns() {
    // From no room for a segment to room for all but the last byte of the batch.
    for budget in 0..SEGMENT_AND_FRAME_BYTES {
        let crash = CrashFiles::new();
        let full = FullDisk::new(Arc::new(crash.clone()), budget);
        let (wal, _) =
            Wal::open(Arc::new(full.clone()), Path::new(DIR), LogPosition(0), small()).unwrap();
        let refused = wal.submit(b"refused".to_vec()).unwrap();
        let behind = wal.submit(vec![0; 300]).unwrap();
        assert_eq!(refused.wait(), Err(WalAppendError::DiskFull), "budget={budget}");
        assert_eq!(behind.wait(), Err(WalAppendError::DiskFull), "budget={budget}");
        assert_eq!(wal.append(vec![1; 100]), Err(WalAppendError::DiskFull));
        assert_eq!(wal.backlog_bytes(), 0);
        full.set_budget(u64::MAX);
        let position = wal.append(b"taken".to_vec()).unwrap();
        drop(wal);
        for survival in [Survival::Synced, Survival::Everything] {
            let (_, found) = open_all(&crash.after_crash(survival), 0);
            assert_eq!(found, [(position.0, b"taken".to_vec())], "budget={budget}");
        }
    }
}

/// Bytes of a first segment with one group of 7 bytes of payload.
const SEGMENT_AND_FRAME_BYTES: u64 = 32 + 32 + 7;

#[test]
fn too_much_waiting_is_refused_and_taken_later() {
    let (wal, _) = open_all(&CrashFiles::new(), 0);
    let tickets: Vec<_> = (0..4).map(|_| wal.submit(vec![0; 1_000]).unwrap()).collect();
    let refused = wal.submit(vec![0; 1]).unwrap_err();
    assert_eq!(refused, WalAppendError::Backpressure { backlog_bytes: 4_000 });
    for ticket in tickets {
        ticket.wait().unwrap();
    }
    assert_eq!(wal.append(vec![0; 1]).unwrap(), LogPosition(5));
    let huge = wal.submit(vec![0; PAYLOAD_BYTES_MAX + 1]).unwrap_err();
    assert_eq!(huge, WalAppendError::TooLarge { bytes: PAYLOAD_BYTES_MAX + 1 });
    assert_eq!(wal.append(vec![0; 5_000]).unwrap(), LogPosition(6), "fits an empty queue");
}

#[test]
fn removal_takes_whole_segments_and_never_the_newest() {
    let files = CrashFiles::new();
    let (wal, _) = open_all(&files, 0);
    for n in 1..=20u8 {
        wal.append(vec![n; 50]).unwrap();
    }
    let segments = wal.segments();
    assert_eq!(wal.remove_through(LogPosition(0)).unwrap(), 0);
    let removed = wal.remove_through(LogPosition(12)).unwrap();
    assert!(removed > 0 && removed < segments);
    assert_eq!(wal.segments(), segments - removed);
    assert_eq!(
        positions(&open_all(&files.after_crash(Survival::Synced), 12).1),
        [13, 14, 15, 16, 17, 18, 19, 20]
    );
    wal.remove_through(LogPosition(20)).unwrap();
    assert_eq!(wal.segments(), 1);
    assert_eq!(wal.append(vec![1]).unwrap(), LogPosition(21));
    drop(wal);
    let (wal, found) = open_all(&files, 20);
    assert_eq!(positions(&found), [21]);
    assert!(wal.bytes() < 600);
}

#[test]
fn a_log_behind_its_table_goes_on_after_the_table() {
    let files = CrashFiles::new();
    let (wal, _) = open_all(&files, 0);
    wal.append(b"old".to_vec()).unwrap();
    drop(wal);
    let (wal, found) = open_all(&files, 100);
    assert_eq!(found, []);
    assert_eq!(wal.append(b"new".to_vec()).unwrap(), LogPosition(101));
    drop(wal);
    assert_eq!(open_all(&files, 100).1, [(101, b"new".to_vec())]);
    let (wal, _) = open_all(&files, 101);
    assert_eq!(wal.remove_through(LogPosition(101)).unwrap(), 1);
}

#[test]
fn an_empty_folder_goes_on_after_the_table() {
    let (wal, found) = open_all(&CrashFiles::new(), 41);
    assert_eq!(found, []);
    assert_eq!(wal.segments(), 0, "no file before the first batch");
    assert_eq!(wal.append(vec![1]).unwrap(), LogPosition(42));
}

#[test]
fn a_real_disk_behaves_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deep/wal");
    let files: Arc<dyn FileLayer> = Arc::new(crate::files::RealFiles);
    let (wal, _) = Wal::open(Arc::clone(&files), &path, LogPosition(0), small()).unwrap();
    for n in 1..=20u8 {
        wal.append(vec![n; 50]).unwrap();
    }
    wal.remove_through(LogPosition(10)).unwrap();
    drop(wal);
    let newest = files.list(&path).unwrap().pop().unwrap().path;
    let torn = files.read(&newest).unwrap();
    std::fs::write(&newest, &torn[..torn.len() - 1]).unwrap();
    let (wal, replay) = Wal::open(Arc::clone(&files), &path, LogPosition(10), small()).unwrap();
    let found: Vec<_> = replay.map(|batch| batch.unwrap().0.0).collect();
    assert_eq!(found, (11..=19).collect::<Vec<_>>());
    assert_eq!(wal.append(b"next".to_vec()).unwrap(), LogPosition(20));
}
