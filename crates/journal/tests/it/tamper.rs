//! Those who change the file without asking.

use durward_journal::{Chain, Journal, JournalError};

use crate::{entry, filled, raw};

/// Runs SQL on the file of a log of nine entries, the triggers gone.
fn tampered(sql: &str) -> (tempfile::TempDir, Journal) {
    let dir = tempfile::tempdir().unwrap();
    let journal = filled(dir.path(), 9);
    assert_eq!(journal.verify(None).unwrap().entries, 9);
    let raw = raw(dir.path());
    for trigger in ["changed", "removed"] {
        raw.execute_batch(&format!("DROP TRIGGER entry_is_not_{trigger}")).unwrap();
    }
    raw.execute_batch("DROP TRIGGER entry_is_appended").unwrap();
    raw.execute_batch(sql).unwrap();
    (dir, journal)
}

/// The entry at which a log is found to be broken.
fn broken_at(journal: &Journal, noted: Option<Chain>) -> Option<i64> {
    match journal.verify(noted) {
        Ok(_) => None,
        Err(JournalError::Broken { seq, .. }) => Some(seq),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn entries_cannot_be_changed_removed_or_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let journal = filled(dir.path(), 3);
    let copy = "action, actor_kind, actor_id, actor_name, token, address, route, query, target, \
                row_count, status, request_id, took_ms, chain FROM entry WHERE seq = 1";
    for sql in [
        "UPDATE entry SET actor_name = 'x' WHERE seq = 2",
        "DELETE FROM entry WHERE seq = 3",
        "DELETE FROM entry",
        &format!("INSERT OR REPLACE INTO entry SELECT 2, 0, {copy}"),
        &format!("INSERT INTO entry SELECT 5, 0, {copy}"),
        &format!("INSERT INTO entry SELECT NULL, 0, {copy}"),
    ] {
        let error = raw(dir.path()).execute_batch(sql).unwrap_err().to_string();
        assert!(error.contains("append-only"), "{sql}: {error}");
    }
    assert_eq!(journal.verify(None).unwrap().entries, 3);
}

#[test]
fn what_was_changed_shows() {
    for (sql, seq) in [
        ("UPDATE entry SET actor_name = 'x' WHERE seq = 4", 4),
        ("UPDATE entry SET row_count = 0 WHERE seq = 5", 5),
        ("UPDATE entry SET token = '' WHERE seq = 6", 6),
        ("UPDATE entry SET at_micros = at_micros + 1 WHERE seq = 9", 9),
        ("UPDATE entry SET chain = zeroblob(32) WHERE seq = 7", 7),
        ("UPDATE entry SET chain = x'00' WHERE seq = 7", 7),
        ("DELETE FROM entry WHERE seq = 1", 1),
        ("DELETE FROM entry WHERE seq = 4", 4),
        // Closing the gap does not help, and neither does putting two in each other's place.
        ("DELETE FROM entry WHERE seq = 4; UPDATE entry SET seq = seq - 1 WHERE seq > 4", 4),
        (
            "UPDATE entry SET seq = 99 WHERE seq = 2; UPDATE entry SET seq = 2 WHERE seq = 3; \
             UPDATE entry SET seq = 3 WHERE seq = 99",
            2,
        ),
        (
            "INSERT INTO entry SELECT 10, at_micros, action, actor_kind, actor_id, actor_name, \
             token, address, route, query, target, row_count, status, request_id, took_ms, chain \
             FROM entry WHERE seq = 9",
            10,
        ),
    ] {
        let (_dir, journal) = tampered(sql);
        assert_eq!(broken_at(&journal, None), Some(seq), "{sql}");
        // What follows does not make it good again.
        journal.record_blocking(entry("Iben", 10)).unwrap_or_default();
        assert_eq!(broken_at(&journal, None), Some(seq), "{sql}");
    }
}

#[test]
fn a_tail_cut_off_shows_only_to_those_who_noted_the_head() {
    let dir = tempfile::tempdir().unwrap();
    let noted = filled(dir.path(), 9).verify(None).unwrap().head;
    let (_dir, journal) = tampered("");
    assert_eq!(broken_at(&journal, None), None);

    let (_cut, journal) = tampered("DELETE FROM entry WHERE seq > 6");
    assert_eq!(broken_at(&journal, None), None);
    assert_eq!(broken_at(&journal, Some(noted)), Some(6));
    journal.record_blocking(entry("Iben", 7)).unwrap();
    assert_eq!(broken_at(&journal, Some(noted)), Some(7));
}

#[test]
fn a_log_goes_on_from_a_head_that_was_noted() {
    let dir = tempfile::tempdir().unwrap();
    let journal = filled(dir.path(), 0);
    let mut noted = vec![journal.verify(None).unwrap().head];
    assert_eq!(noted[0], Chain::default());
    for number in 1..=5 {
        journal.record_blocking(entry("Iben", number)).unwrap();
        noted.push(journal.verify(None).unwrap().head);
    }
    for head in noted {
        let verified = journal.verify(Some(head)).unwrap();
        assert_eq!(verified.entries, 5);
        assert_eq!(verified.first.unwrap().micros, 1_000_000);
        assert_eq!(verified.last.unwrap().micros, 5_000_000);
    }
    assert_eq!(broken_at(&journal, Some(Chain([7; 32]))), Some(5));
}
