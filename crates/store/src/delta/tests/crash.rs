//! The log of a table cut after every operation of a workload with checkpoints and cleaning.

use super::*;

const SEEDS: u64 = 4;
const COMMITS: u64 = 13;

/// Runs until done or until the power goes. Returns how many commits are known to be durable,
/// and whether the outcome of one more is unknown.
fn workload(files: &CrashFiles) -> (u64, bool) {
    let Ok(mut log) = open(files) else { return (0, false) };
    for n in 0..COMMITS {
        if n == 7 {
            drop(log);
            log = match open(files) {
                Ok(log) => log,
                Err(_) => return (n, false),
            };
            assert_eq!(log.txn("wal"), Some(6));
        }
        match log.commit(step(n)) {
            Ok(version) => assert_eq!(version, TableVersion(n + 1)),
            Err(DeltaError::Unknown { .. }) => {
                let again = log.commit(step(n));
                assert!(matches!(again, Err(DeltaError::Unknown { .. })), "refuses work");
                return (n, true);
            }
            Err(_) => return (n, false),
        }
        if n == 11 {
            // May fail half-way; the table is the same.
            let _ = log.clean(1_000 + WEEK_MS + 7 * HOUR_MS);
        }
    }
    (COMMITS, false)
}

fn check(files: &CrashFiles, durable: u64, unknown: bool, goes_on: bool, context: &str) {
    let mut log = open(files).unwrap_or_else(|error| panic!("{context}: {error}"));
    let found = log.version().0;
    assert!(found >= durable, "{context}: commit {durable} lost, found {found}");
    // A commit that failed for certain is not there, one of unknown outcome may be.
    assert!(found <= durable + u64::from(unknown), "{context}: found {found}");
    let first = found.saturating_sub(3);
    assert_eq!(paths(&log), (first..found).map(|n| file(n).path).collect::<Vec<_>>(), "{context}");
    assert_eq!(log.txn("wal"), found.checked_sub(1).map(|n| n as i64), "{context}");
    // What was seen is durable, and the table goes on.
    let again = open(&files.after_crash(Survival::Synced)).unwrap();
    assert_eq!(again.version().0, found, "{context}");
    if !goes_on {
        return;
    }
    for n in found..found + 6 {
        log.commit(step(n)).unwrap();
    }
    let again = open(&files.after_crash(Survival::Synced)).unwrap();
    assert_eq!(paths(&again), paths(&log), "{context}");
}

#[test]
fn every_commit_survives_a_cut_at_any_write_or_sync_whole_or_not_at_all() {
    let whole = CrashFiles::new();
    assert_eq!(workload(&whole), (COMMITS, false));
    let operations = whole.operations();
    let mut unknown_seen = 0;
    for cut in 0..=operations {
        let files = CrashFiles::new();
        files.cut_after(cut);
        let (durable, unknown) = workload(&files);
        unknown_seen += u64::from(unknown);
        let random = (0..SEEDS).map(|seed| Survival::Random(cut * SEEDS + seed));
        for survival in [Survival::Synced, Survival::Everything].into_iter().chain(random) {
            let context = format!("cut={cut} {survival:?}");
            // Six more commits with their checkpoint take time: in one outcome of each cut.
            let goes_on = survival == Survival::Everything;
            check(&files.after_crash(survival), durable, unknown, goes_on, &context);
        }
    }
    assert!(unknown_seen >= COMMITS, "each commit has moments of unknown outcome");
}
