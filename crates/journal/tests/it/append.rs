//! Adding entries.

use std::collections::HashSet;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Barrier};

use durward_journal::{Journal, JournalError, Query};

use crate::{entry, filled, raw};

#[test]
fn a_thousand_at_once_are_all_there_once() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Arc::new(Journal::open(dir.path()).unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..1000)
            .map(|number| {
                let journal = journal.clone();
                tokio::spawn(
                    async move { journal.record(entry(&format!("p{number}"), number)).await },
                )
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
    });
    let list = journal.list(&Query::default()).unwrap();
    assert_eq!(list.len(), 1000);
    let names: HashSet<_> = list.iter().map(|one| &one.entry.actor.name).collect();
    assert_eq!(names.len(), 1000);
    assert_eq!(journal.verify(None).unwrap().entries, 1000);
}

#[test]
fn what_was_queued_is_written_though_nobody_waits() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        for number in 0..50 {
            let mut record = Box::pin(journal.record(entry("Noor", number)));
            // Polled once, which queues the entry; then the caller goes away.
            std::future::poll_fn(|context| {
                let _ = record.as_mut().poll(context);
                std::task::Poll::Ready(())
            })
            .await;
        }
    });
    drop(journal);
    assert_eq!(Journal::open(dir.path()).unwrap().count(&Query::default()).unwrap(), 50);
}

/// Names the directory to the test below when it runs as another process.
const VARIABLE: &str = "JOURNAL_TEST_DIR";
/// Entries of each process.
const ENTRIES: i64 = 200;

/// Does nothing unless another test starts it as a process of its own.
#[test]
fn another_process() {
    let Some(dir) = std::env::var_os(VARIABLE).map(PathBuf::from) else { return };
    let name = std::process::id().to_string();
    let journal = Journal::open(&dir).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for number in 0..ENTRIES {
        match number % 2 {
            0 => journal.record_blocking(entry(&name, number)).unwrap(),
            _ => runtime.block_on(journal.record(entry(&name, number))).unwrap(),
        }
    }
}

#[test]
fn processes_append_to_one_chain() {
    let dir = tempfile::tempdir().unwrap();
    let itself = std::env::current_exe().unwrap();
    let start = |_| {
        let mut command = Command::new(&itself);
        command.args(["--exact", "append::another_process"]).env(VARIABLE, dir.path());
        command.spawn().unwrap()
    };
    // The first to come makes the file.
    let children: Vec<_> = (0..3).map(start).collect();
    let names: Vec<String> = children.iter().map(|child| child.id().to_string()).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let journal = Journal::open(dir.path()).unwrap();
    assert_eq!(journal.verify(None).unwrap().entries, 3 * ENTRIES as u64);
    let list = journal.list(&Query::default()).unwrap();
    for name in &names {
        let theirs = list.iter().rev().filter(|one| one.entry.actor.name == *name);
        let seconds: Vec<i64> = theirs.map(|one| one.entry.at.micros / 1_000_000).collect();
        assert_eq!(seconds, (0..ENTRIES).collect::<Vec<_>>());
    }
}

#[test]
fn several_may_make_the_file_at_once() {
    for _ in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let barrier = Barrier::new(6);
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    barrier.wait();
                    let journal = Journal::open(dir.path()).unwrap();
                    journal.record_blocking(entry("Tamsin", 1)).unwrap();
                });
            }
        });
        assert_eq!(Journal::open(dir.path()).unwrap().verify(None).unwrap().entries, 6);
    }
}

#[test]
fn a_log_that_cannot_be_written_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let journal = filled(dir.path(), 1);
    // A trigger stands in for whatever a disk may do.
    raw(dir.path())
        .execute_batch(
            "CREATE TRIGGER no BEFORE INSERT ON entry BEGIN SELECT RAISE(ABORT, 'no'); END",
        )
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let refused = runtime.block_on(journal.record(entry("Iben", 2)));
    assert!(matches!(&refused, Err(JournalError::Sqlite(error)) if error.to_string() == "no"));
    raw(dir.path()).execute_batch("DROP TRIGGER no").unwrap();
    runtime.block_on(journal.record(entry("Iben", 3))).unwrap();
    assert_eq!(journal.verify(None).unwrap().entries, 2);
}

#[test]
fn a_file_of_a_newer_version_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(filled(dir.path(), 1));
    raw(dir.path()).pragma_update(None, "user_version", 2).unwrap();
    assert!(matches!(Journal::open(dir.path()), Err(JournalError::Newer(2))));
}

#[cfg(unix)]
#[test]
fn only_its_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(journal.record(entry("Iben", 1))).unwrap();
    let mode = |name: &str| {
        let metadata = std::fs::metadata(dir.path().join("access").join(name)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode(""), 0o700);
    for name in ["journal.db", "journal.db-wal", "journal.db-shm"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
}

#[test]
fn looking_for_a_log_does_not_make_one() {
    let dir = tempfile::tempdir().unwrap();
    assert!(Journal::open_existing(dir.path()).unwrap().is_none());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    drop(filled(dir.path(), 0));
    assert!(Journal::open_existing(dir.path()).unwrap().is_some());
}
