//! Watching and looking back are the same (FOLD-1): however late, often and changed records come,
//! and wherever the watcher is stopped and started again.

use std::sync::Arc;

use durward_detect::book::FindingQuery;
use durward_detect::rules::Placeholders;
use durward_detect::{Book, Finding, Settings, Watcher, history};
use durward_store::{Store, StoreOptions};
use proptest::prelude::*;
use proptest::test_runner::Config;

use crate::story::{
    DAY, HOUR, LAGOS, MINUTE, MONDAY_MICROS, OSAKA, SignIn, Teller, VIGO, user, workload,
};

/// A record on its way: when it happened (minutes), who, what, and how much later it arrives.
#[derive(Clone, Debug)]
struct Sent {
    minute: i64,
    who: usize,
    place: usize,
    code: i64,
    client: usize,
    delay_minutes: i64,
    /// Comes again so many minutes after its first arrival, with this code.
    again: Option<(i64, i64)>,
}

const NAMES: [&str; 4] = ["ana", "bo", "chi", "dov"];

fn sent() -> impl Strategy<Value = Sent> {
    let code =
        prop_oneof![3 => Just(0_i64), 4 => Just(50126), 1 => Just(50034), 1 => Just(500_121)];
    let delay = prop_oneof![6 => 0..8_i64, 2 => 10..40_i64, 1 => 100..1500_i64];
    let again = prop::option::weighted(0.3, (0..60_i64, prop_oneof![Just(0_i64), Just(50126)]));
    (0..1500_i64, 0..NAMES.len(), 0..3_usize, code, 0..3_usize, delay, again).prop_map(
        |(minute, who, place, code, client, delay_minutes, again)| Sent {
            minute,
            who,
            place,
            code,
            client,
            delay_minutes,
            again,
        },
    )
}

fn told(sent: &Sent, number: usize, code: i64) -> SignIn {
    let place = [VIGO, LAGOS, OSAKA][sent.place];
    let address = ["192.0.2.10", "198.51.100.7", "203.0.113.9"][sent.place];
    let at = 20 * DAY + sent.minute * MINUTE;
    let sign_in = if sent.client == 2 {
        workload(NAMES[sent.who], at)
    } else {
        user(NAMES[sent.who], at).client(["Browser", "IMAP4"][sent.client])
    };
    sign_in
        .at(place)
        .from(address)
        .asn(64500 + sent.place as u32)
        .code(code)
        .with("id", crate::story::guid(&format!("sent {number}")))
}

/// Everything in the book, in an order of its own.
fn written(book: &Book) -> Vec<Finding> {
    let stored = book.findings(&FindingQuery::default()).unwrap();
    let mut findings: Vec<Finding> = stored.into_iter().map(|one| one.finding).collect();
    findings.sort_by_key(|finding| finding.id);
    findings
}

/// What is wrong in a world where `events` of `[arrival minute, ...]` came one after the other.
fn check(sent: &[Sent], restarts: &[i64]) {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions { background: false, ..StoreOptions::default() };
    let store = Arc::new(Store::open(dir.path(), options).unwrap());
    let book = Arc::new(Book::open(dir.path()).unwrap());
    let mut teller = Teller::default();
    // Something to learn from, there from the start.
    let mut habits: Vec<SignIn> = Vec::new();
    for day in 0..20 {
        habits.extend(NAMES.map(|name| user(name, day * DAY).device(name)));
        habits.extend(NAMES.map(|name| workload(name, day * DAY + HOUR)));
    }
    teller.tell(&store, &habits, MONDAY_MICROS + 20 * DAY);
    let mut arrivals: Vec<(i64, SignIn)> = Vec::new();
    for (number, one) in sent.iter().enumerate() {
        let arrives = one.minute + one.delay_minutes;
        arrivals.push((arrives, told(one, number, one.code)));
        if let Some((later, code)) = one.again {
            arrivals.push((arrives + later, told(one, number, code)));
        }
    }
    arrivals.sort_by_key(|(minute, _)| *minute);
    let watcher = || {
        let none = Placeholders::default();
        Watcher::new(store.clone(), book.clone(), dir.path(), Settings::default(), none).unwrap()
    };
    let mut watching = watcher();
    let clock = |minute: i64| MONDAY_MICROS + 20 * DAY + minute * MINUTE;
    let mut next = 0;
    for minute in (0..3100_i64).step_by(5) {
        let due = arrivals[next..].iter().take_while(|(at, _)| *at <= minute).count();
        let batch: Vec<SignIn> =
            arrivals[next..next + due].iter().map(|(_, sign_in)| sign_in.clone()).collect();
        next += due;
        if !batch.is_empty() {
            teller.tell(&store, &batch, clock(minute));
        }
        if restarts.contains(&(minute / 5)) {
            watching = watcher();
        }
        if !batch.is_empty() || minute % 60 == 0 {
            watching.look(clock(minute), false).unwrap();
        }
        // At any moment, not only when all has settled.
        if !batch.is_empty() && next % 16 < batch.len() {
            assert_eq!(written(&book), looked_back(&store, clock(minute)), "minute {minute}");
        }
    }
    let end = clock(3100);
    watching.look(end, false).unwrap();
    assert_eq!(written(&book), looked_back(&store, end));
}

/// What one look over all of the log finds.
fn looked_back(store: &Store, to_micros: i64) -> Vec<Finding> {
    let settings = Arc::new(Settings::default());
    let mut found = history(&store.view(), settings, to_micros, &mut |_, _| true).unwrap();
    found.sort_by_key(|finding| finding.id);
    found
}

proptest! {
    #![proptest_config(Config { cases: cases(12), ..Config::default() })]

    #[test]
    fn fold_1_watching_and_looking_back_find_the_same(
        sent in prop::collection::vec(sent(), 20..120),
        restarts in prop::collection::vec(0..620_i64, 0..3),
    ) {
        check(&sent, &restarts);
    }
}

/// `PROPTEST_CASES` if it is set; few otherwise, as each case lives two days.
fn cases(few: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(few)
}

#[test]
fn a_finding_is_withdrawn_when_a_record_changes() {
    let sent = |code, again| Sent {
        minute: 100,
        who: 0,
        place: 1,
        code,
        client: 1,
        delay_minutes: 0,
        again,
    };
    // The success by a legacy protocol turns out to have been none.
    check(&[sent(0, Some((30, 50126)))], &[]);
    check(&[sent(50126, Some((30, 0)))], &[30]);
}

#[test]
fn what_could_not_be_written_down_is_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions { background: false, ..StoreOptions::default() };
    let store = Arc::new(Store::open(dir.path(), options).unwrap());
    let book = Arc::new(Book::open(dir.path()).unwrap());
    let mut told: Vec<SignIn> =
        (0..40).map(|day| user("ana", day * DAY).device("laptop")).collect();
    told.push(user("ana", 40 * DAY + HOUR).client("IMAP4"));
    Teller::default().tell(&store, &told, MONDAY_MICROS + 40 * DAY);
    let (settings, none) = (Settings::default(), Placeholders::default());
    let mut watching =
        Watcher::new(store.clone(), book.clone(), dir.path(), settings, none).unwrap();
    let full = rusqlite::Connection::open(dir.path().join("detect/detect.db")).unwrap();
    full.execute_batch(
        "CREATE TRIGGER is_full BEFORE INSERT ON finding \
         BEGIN SELECT RAISE (ABORT, 'disk full'); END;",
    )
    .unwrap();
    let now = MONDAY_MICROS + 41 * DAY;
    assert!(watching.look(now, false).is_err());
    assert!(written(&book).is_empty());
    full.execute_batch("DROP TRIGGER is_full;").unwrap();
    watching.look(now + MINUTE, false).unwrap();
    let found = written(&book);
    assert!(!found.is_empty());
    assert_eq!(found, looked_back(&store, now + MINUTE));
}
