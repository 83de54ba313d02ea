//! The log of a table, written, read back, cut and damaged.

use arrow_schema::{DataType, Field, TimeUnit};

use super::*;
use crate::files::testing::{CrashFiles, FullDisk, Survival};

mod crash;

const DIR: &str = "/table";
const HOUR_MS: i64 = 3_600_000;

fn spec(extra: &[&str]) -> TableSpec {
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let mut fields = vec![
        Field::new("date", DataType::Date32, true),
        Field::new("created", utc, false),
        Field::new("id", DataType::FixedSizeBinary(16), true),
    ];
    fields.extend(extra.iter().map(|name| Field::new(*name, DataType::Utf8, true)));
    TableSpec {
        id: "5a0f3a52-0000-4000-8000-000000000001".into(),
        name: "events".into(),
        schema: Arc::new(Schema::new(fields)),
        partition_columns: vec!["date".into()],
    }
}

fn options() -> DeltaOptions {
    DeltaOptions { checkpoint_every: 5, ..DeltaOptions::default() }
}

fn open_layer(files: Arc<dyn FileLayer>) -> Result<DeltaLog, DeltaError> {
    DeltaLog::open_or_create(files, Path::new(DIR), &spec(&[]), options(), 1_000)
}

fn open(files: &CrashFiles) -> Result<DeltaLog, DeltaError> {
    open_layer(Arc::new(files.clone()))
}

fn file(n: u64) -> AddFile {
    AddFile {
        path: format!("date=2026-08-01/{n:04}.parquet"),
        partition_values: BTreeMap::from([("date".into(), Some("2026-08-01".into()))]),
        size_bytes: 100 + n,
        modification_time_ms: 5,
        stats: Some(FileStats { num_records: n, ..FileStats::default() }.to_json()),
    }
}

/// The commit that adds file `n` with the application at `n`, and removes file `n - 3`.
fn step(n: u64) -> Commit {
    Commit {
        adds: vec![file(n)],
        removes: n.checked_sub(3).map(|old| file(old).path).into_iter().collect(),
        txn: Some(("wal".into(), n as i64)),
        data_change: true,
        operation: "WRITE".into(),
        timestamp_ms: 1_000 + n as i64 * HOUR_MS,
    }
}

fn paths(log: &DeltaLog) -> Vec<String> {
    log.files().map(|file| file.path.clone()).collect()
}

fn commit_path(version: u64) -> PathBuf {
    Path::new(DIR).join("_delta_log").join(format!("{version:020}.json"))
}

#[test]
fn a_table_reads_back_as_committed() {
    let files = CrashFiles::new();
    let mut log = open(&files).unwrap();
    assert_eq!((log.version(), log.files().len(), log.txn("wal")), (TableVersion(0), 0, None));
    for n in 0..4 {
        assert_eq!(log.commit(step(n)).unwrap(), TableVersion(n + 1));
    }
    let again = open(&files.after_crash(Survival::Synced)).unwrap();
    assert_eq!(again.snapshot, log.snapshot);
    assert_eq!(again.version(), TableVersion(4));
    assert_eq!(again.txn("wal"), Some(3));
    assert_eq!(paths(&again), [file(1).path, file(2).path, file(3).path]);
    assert_eq!(**again.file(&file(2).path).unwrap(), file(2));
    let gone: Vec<_> = again.tombstones().map(|gone| gone.path.clone()).collect();
    assert_eq!(gone, [file(0).path]);
    assert_eq!(again.table_id(), spec(&[]).id);
}

#[test]
fn a_checkpoint_is_enough_to_open_the_table() {
    let files = CrashFiles::new();
    let mut log = open(&files).unwrap();
    for n in 0..12 {
        log.commit(step(n)).unwrap();
    }
    assert_eq!(log.checkpoint_version(), Some(TableVersion(10)));
    for version in 0..=10 {
        files.remove(&commit_path(version)).unwrap();
    }
    let again = open(&files).unwrap();
    assert_eq!(again.snapshot, log.snapshot);
    assert_eq!(again.checkpoint_version(), Some(TableVersion(10)));
}

#[test]
fn a_damaged_checkpoint_is_passed_over_while_the_commits_are_there() {
    let files = CrashFiles::new();
    let mut log = open(&files).unwrap();
    for n in 0..12 {
        log.commit(step(n)).unwrap();
    }
    let newest = Path::new(DIR).join("_delta_log/00000000000000000010.checkpoint.parquet");
    files.damage(&newest, |bytes| bytes.truncate(bytes.len() / 2)).unwrap();
    let again = open(&files).unwrap();
    assert_eq!(again.snapshot, log.snapshot);
    assert_eq!(again.checkpoint_version(), Some(TableVersion(5)));

    files.remove(&commit_path(7)).unwrap();
    assert!(matches!(open(&files), Err(DeltaError::Missing { version: 7, .. })));
}

#[test]
fn checkpoints_forget_files_removed_long_ago() {
    let files = CrashFiles::new();
    let mut log = open(&files).unwrap();
    for n in 0..5 {
        log.commit(step(n)).unwrap();
    }
    assert_eq!(log.tombstones().len(), 2);
    let later = Commit { timestamp_ms: 1_000 + WEEK_MS + 4 * HOUR_MS, ..step(5) };
    log.commit(later).unwrap();
    log.checkpoint().unwrap();
    let gone: Vec<_> = log.tombstones().map(|gone| gone.path.as_str()).collect();
    assert_eq!(gone, [file(1).path, file(2).path], "file 0 left more than a week before");
    assert_eq!(open(&files).unwrap().tombstones().len(), 2);
}

#[test]
fn cleaning_keeps_what_an_old_enough_checkpoint_does_not_replace() {
    let files = CrashFiles::new();
    let mut log = open(&files).unwrap();
    for n in 0..22 {
        log.commit(step(n)).unwrap();
    }
    // Version v was committed at hour v - 1. Checkpoints: 5, 10, 15, 20.
    assert_eq!(log.clean(WEEK_MS + HOUR_MS).unwrap(), Cleaned::default());
    let cleaned = log.clean(1_000 + WEEK_MS + 12 * HOUR_MS).unwrap();
    assert_eq!(cleaned, Cleaned { commits: 10, checkpoints: 1 });
    let left = log_dir::LogDir::list(&files, &Path::new(DIR).join("_delta_log")).unwrap();
    assert_eq!(left.commits, (10..=22).collect::<Vec<_>>());
    assert_eq!(left.checkpoints, [10, 15, 20]);
    assert_eq!(open(&files.after_crash(Survival::Synced)).unwrap().snapshot, log.snapshot);
    log.commit(step(22)).unwrap();
}

#[test]
fn a_torn_newest_commit_is_reported_and_can_be_set_aside() {
    let files = CrashFiles::new();
    let mut log = open(&files).unwrap();
    for n in 0..3 {
        log.commit(step(n)).unwrap();
    }
    let newest = commit_path(3);
    let whole = files.read(&newest).unwrap();
    let lines: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] == b'\n').collect();
    // Empty, in the middle of a line, and between two lines.
    for len in [0, 40, lines[0] + 1, lines[1] + 1, whole.len() - 1] {
        let files = files.after_crash(Survival::Synced);
        files.damage(&newest, |bytes| bytes.truncate(len)).unwrap();
        let error = open(&files).unwrap_err();
        let DeltaError::Torn { version: 3, path, .. } = &error else { panic!("{len}: {error}") };
        assert_eq!(path, &newest);
        assert!(matches!(
            set_aside_torn(&files, Path::new(DIR), 2),
            Err(DeltaError::Invalid { .. })
        ));
        let aside = set_aside_torn(&files, Path::new(DIR), 3).unwrap();
        assert_eq!(aside, newest.with_extension("json.torn"));
        let mut log = open(&files.after_crash(Survival::Synced)).unwrap();
        assert_eq!((log.version(), log.txn("wal")), (TableVersion(2), Some(1)));
        assert_eq!(log.commit(step(2)).unwrap(), TableVersion(3));
    }
    let refused = set_aside_torn(&files, Path::new(DIR), 3);
    assert!(matches!(refused, Err(DeltaError::Invalid { .. })), "a whole commit stays");
    files.damage(&commit_path(2), Vec::clear).unwrap();
    assert!(matches!(open(&files), Err(DeltaError::Corrupt { .. })), "not the newest");
}

#[test]
fn new_columns_are_committed_once() {
    let files = CrashFiles::new();
    open(&files).unwrap().commit(step(0)).unwrap();
    let with_columns = |names: &[&str]| {
        let files = Arc::new(files.clone());
        DeltaLog::open_or_create(files, Path::new(DIR), &spec(names), options(), 2_000)
    };
    let log = with_columns(&["extra"]).unwrap();
    assert_eq!(log.version(), TableVersion(2));
    assert!(log.snapshot.metadata.schema.contains("extra"));
    assert_eq!(with_columns(&["extra"]).unwrap().version(), TableVersion(2));
    let without = open(&files).unwrap();
    assert_eq!(without.version(), TableVersion(2), "an unknown column stays");
    assert_eq!(without.snapshot, log.snapshot);
    let other = TableSpec { partition_columns: vec![], ..spec(&[]) };
    let outcome =
        DeltaLog::open_or_create(Arc::new(files.clone()), Path::new(DIR), &other, options(), 2_000);
    assert!(matches!(outcome, Err(DeltaError::Invalid { .. })));
}

#[test]
fn a_change_that_does_not_fit_is_refused_before_anything_is_written() {
    let files = CrashFiles::new();
    let mut log = open(&files).unwrap();
    log.commit(step(0)).unwrap();
    log.commit(Commit { adds: vec![], removes: vec![file(0).path], ..step(1) }).unwrap();
    log.commit(step(2)).unwrap();
    let operations = files.operations();
    let add = |add: AddFile| Commit { adds: vec![add], removes: vec![], ..step(3) };
    let unfit = [
        add(file(2)),
        add(file(0)),
        add(AddFile { path: "../x.parquet".into(), ..file(9) }),
        add(AddFile { partition_values: BTreeMap::new(), ..file(9) }),
        Commit { adds: vec![file(9), file(9)], removes: vec![], ..step(3) },
        Commit { removes: vec![file(7).path], ..step(3) },
        Commit { removes: vec![file(2).path, file(2).path], ..step(3) },
        Commit { txn: Some(("wal".into(), 1)), removes: vec![], ..step(3) },
    ];
    for commit in unfit {
        let outcome = log.commit(commit.clone());
        assert!(matches!(outcome, Err(DeltaError::Invalid { .. })), "{commit:?}: {outcome:?}");
    }
    assert_eq!(files.operations(), operations);
    assert_eq!(log.version(), TableVersion(3));
}

#[test]
fn the_commit_of_somebody_else_is_not_overwritten() {
    let files = CrashFiles::new();
    let mut log = open(&files).unwrap();
    let mut other = open(&files).unwrap();
    other.commit(step(0)).unwrap();
    let outcome = log.commit(step(1));
    assert!(matches!(outcome, Err(DeltaError::Conflict { version: 1 })), "{outcome:?}");
    assert_eq!(paths(&open(&files).unwrap()), [file(0).path]);
}

#[test]
fn a_table_of_newer_protocol_is_refused() {
    let files = CrashFiles::new();
    drop(open(&files).unwrap());
    let newer = br#"{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["deletionVectors"]}}"#;
    files.write_durably(&commit_path(1), newer).unwrap();
    let error = open(&files).unwrap_err();
    assert!(matches!(error, DeltaError::Unsupported { .. }), "{error}");
}

#[test]
fn a_full_disk_refuses_a_commit_and_the_next_one_goes_through() {
    let files = CrashFiles::new();
    let full = FullDisk::new(Arc::new(files.clone()), u64::MAX);
    let mut log = open_layer(Arc::new(full.clone())).unwrap();
    for n in 0..3 {
        log.commit(step(n)).unwrap();
    }
    for budget in [0, 1, 200] {
        full.set_budget(budget);
        let error = log.commit(step(3)).unwrap_err();
        assert!(error.is_disk_full(), "{error}");
    }
    // Room for commits, none for the checkpoint that is due with the second.
    full.set_budget(2_000);
    log.commit(step(3)).unwrap();
    log.commit(step(4)).unwrap();
    assert_eq!(log.checkpoint_version(), None);
    full.set_budget(u64::MAX);
    log.commit(step(5)).unwrap();
    assert_eq!(log.checkpoint_version(), Some(TableVersion(6)));
    assert_eq!(
        open(&files.after_crash(Survival::Synced)).unwrap().snapshot.files,
        log.snapshot.files
    );
}
