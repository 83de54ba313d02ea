//! Finding entries again.

use durward_journal::{
    Action, Actor, ActorKind, Entry, Journal, JournalError, QUERY_BYTES_MAX, Query, TEXT_BYTES_MAX,
};
use durward_model::Timestamp;
use proptest::prelude::*;

use crate::{entry, filled};

/// Numbers of the entries that a query finds, newest first; every way to ask agrees.
fn found(journal: &Journal, query: &Query) -> Vec<i64> {
    let list = journal.list(query).unwrap();
    let mut all = Vec::new();
    let each = journal.for_each(query, |one| {
        all.push(one);
        Ok::<_, JournalError>(())
    });
    each.unwrap();
    assert_eq!(journal.count(query).unwrap(), all.len() as u64);
    all.reverse();
    all.truncate(query.limit.unwrap_or(usize::MAX));
    assert_eq!(list, all);
    list.iter().map(|one| one.seq).collect()
}

#[test]
fn conditions_narrow_and_all_must_hold() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path()).unwrap();
    let token = Actor { token: Some("Nightly".to_owned()), ..entry("Zoë Ünal", 0).actor };
    for entry in [
        entry("Iben Holt", 100),
        Entry { action: Action::Export, query: "filter=Maria".to_owned(), ..entry("Noor", 200) },
        Entry { target: Some("e-1".to_owned()), ..entry("Iben Holt", 300) },
        Entry { actor: token, route: "/Pushed/{kind}".to_owned(), ..entry("", 400) },
        Entry { address: Some("203.0.113.9".to_owned()), ..entry("100%_\\", 500) },
    ] {
        journal.record_blocking(entry).unwrap();
    }
    let any = Query::default;
    let at = |seconds: i64| Some(Timestamp::from_micros(seconds * 1_000_000));
    let after = |time: Option<Timestamp>| time.map(|time| Timestamp { nanos: 1, ..time });
    let some = |text: &str| Some(text.to_owned());
    for (query, expected) in [
        (any(), &[5, 4, 3, 2, 1][..]),
        (Query { limit: Some(2), ..any() }, &[5, 4]),
        (Query { limit: Some(2), before_seq: Some(4), ..any() }, &[3, 2]),
        (Query { from: at(200), to: at(400), ..any() }, &[3, 2]),
        (Query { from: after(at(200)), to: after(at(400)), ..any() }, &[4, 3]),
        (Query { action: Some(Action::Export), ..any() }, &[2]),
        (Query { action: Some(Action::Denied), ..any() }, &[]),
        (Query { target: some("e-1"), ..any() }, &[3]),
        (Query { target: some("e-"), ..any() }, &[]),
        (Query { actor: some("HOLT"), ..any() }, &[3, 1]),
        (Query { actor: some("ZOË ÜN"), ..any() }, &[4]),
        (Query { actor: some("nightly"), ..any() }, &[4]),
        (Query { actor: some("id-noor"), ..any() }, &[2]),
        (Query { actor: some("%_\\"), ..any() }, &[5]),
        (Query { actor: some("%"), before_seq: Some(5), ..any() }, &[]),
        (Query { text: some("maria"), ..any() }, &[2]),
        (Query { text: some("pushed/"), ..any() }, &[4]),
        (Query { text: some("0.113."), ..any() }, &[5]),
        (Query { text: some("E-1"), ..any() }, &[3]),
        (Query { actor: some("holt"), from: at(200), ..any() }, &[3]),
        (Query { actor: some("'; DROP TABLE entry"), ..any() }, &[]),
    ] {
        assert_eq!(found(&journal, &query), expected, "{query:?}");
    }
}

#[test]
fn lists_are_bounded_and_exports_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let all = (0..1100).map(|number| journal.record(entry("Iben", number)));
        for record in all {
            record.await.unwrap();
        }
    });
    let list = journal.list(&Query { limit: Some(5000), ..Query::default() }).unwrap();
    assert_eq!((list.len(), list[0].seq, list[999].seq), (1000, 1100, 101));
    let rest = Query { before_seq: Some(101), ..Query::default() };
    assert_eq!(journal.list(&rest).unwrap().len(), 100);
    let mut next = 1;
    let each = journal.for_each(&Query::default(), |one| {
        assert_eq!(one.seq, next);
        next += 1;
        Ok::<_, JournalError>(())
    });
    each.unwrap();
    assert_eq!(next, 1101);
}

#[test]
fn an_export_ends_with_the_error_of_its_output() {
    let dir = tempfile::tempdir().unwrap();
    let journal = filled(dir.path(), 3);
    let mut taken = 0;
    let ended = journal.for_each(&Query::default(), |_| {
        taken += 1;
        if taken < 2 { Ok(()) } else { Err(std::io::Error::other("gone")) }
    });
    assert_eq!((taken, ended.unwrap_err().to_string().as_str()), (2, "gone"));
}

#[test]
fn too_long_texts_are_cut() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path()).unwrap();
    let long = "x".repeat(QUERY_BYTES_MAX + 1);
    let entry = Entry { query: long.clone(), target: Some(long), ..entry("Iben", 1) };
    journal.record_blocking(entry).unwrap();
    let one = journal.list(&Query::default()).unwrap().remove(0).entry;
    let target = one.target.unwrap();
    assert_eq!((one.query.len(), target.len()), (QUERY_BYTES_MAX, TEXT_BYTES_MAX));
    for text in [one.query, target] {
        assert!(text.starts_with("xxx") && text.ends_with("… [cut, was 4097 bytes]"), "{text}");
    }
}

fn text() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(vec![
        "\0",
        "a\0b",
        "'",
        "\"; --",
        "\u{feff}",
        "\u{202e}x",
        "=1+1",
        "\r\n",
        "🦉",
        "\u{10ffff}",
    ]);
    prop_oneof![odd.prop_map(str::to_owned), any::<String>(), "[ -~]{0,40}"]
}

prop_compose! {
    fn any_entry()(
        (at, action, kind) in (
            any::<i64>(),
            prop::sample::select(Action::ALL),
            prop::sample::select(ActorKind::ALL),
        ),
        (id, name, token) in (text(), text(), prop::option::of(text())),
        (address, route, query) in (prop::option::of(text()), text(), text()),
        (target, rows) in (prop::option::of(text()), prop::option::of(0..=i64::MAX as u64)),
        (status, request_id, took_ms) in (any::<u16>(), text(), 0..=i64::MAX as u64),
    ) -> Entry {
        let at = Timestamp::from_micros(at);
        let actor = Actor { kind, id, name, token };
        Entry {
            at, action, actor, address, route, query, target, rows, status, request_id, took_ms,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn what_was_written_is_read(entries in prop::collection::vec(any_entry(), 1..8)) {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path()).unwrap();
        for entry in &entries {
            journal.record_blocking(entry.clone()).unwrap();
        }
        let mut list = journal.list(&Query::default()).unwrap();
        list.reverse();
        let seqs: Vec<i64> = list.iter().map(|one| one.seq).collect();
        prop_assert_eq!(seqs, (1..=entries.len() as i64).collect::<Vec<_>>());
        let verified = journal.verify(list.first().map(|one| one.chain)).unwrap();
        prop_assert_eq!(verified.head, list[list.len() - 1].chain);
        let read: Vec<Entry> = list.into_iter().map(|one| one.entry).collect();
        prop_assert_eq!(read, entries);
    }
}
