use durward_model::{Cell, EventBatch, FieldId, Log, Row, Timestamp};
use durward_store::{Store, StoreOptions};
use proptest::prelude::*;

use super::*;
use crate::filter::{Filter, Op, Value};

#[test]
fn spans_cover_all_of_a_time_once() {
    for (from, to) in [(5, 5), (0, 1999), (0, 2000), (-7, 100_003), (i64::MIN, i64::MAX)] {
        let spans = Spans::of((from, to));
        assert!(spans.count <= SPANS as usize);
        let mut next = from;
        for number in 0..spans.count {
            let (start, end) = spans.span(number);
            assert_eq!(start, next, "{from} to {to}");
            assert_eq!((spans.number(start), spans.number(end)), (Some(number), Some(number)));
            next = end.wrapping_add(1);
        }
        assert_eq!(next, to.wrapping_add(1));
        assert_eq!(spans.number(from.wrapping_sub(1)).filter(|_| from > i64::MIN), None);
    }
}

fn batch(times: &[(i64, u16, u8)], first: usize) -> EventBatch {
    let mut batch = EventBatch::default();
    for (number, (micros, nanos, app)) in (first..).zip(times) {
        let mut row = Row::default();
        row.log = Log::ALL[usize::from(*app) % 2];
        row.set(FieldId::Id, Cell::Text(format!("{}-{number}", number * 7919 % 101).into()));
        row.set(FieldId::AppDisplayName, Cell::Text(format!("app {app}").into()));
        let created = Timestamp { micros: 1_700_000_000_000_000 + micros, nanos: *nanos };
        row.set(FieldId::CreatedDateTime, Cell::Time(created));
        batch.push(&row, Timestamp::from_micros(1_800_000_000_000_000));
    }
    batch
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_page_at_an_offset_is_what_skipping_leaves(
        times in proptest::collection::vec(
            (prop_oneof![0..3_i64, 0..5_000_i64, 0..1_000_000_000_000_i64], 0..3_u16, 0..4_u8),
            1..150,
        ),
        sealed in 0..150_usize,
        app in proptest::option::of(0..4_u8),
        (skip, limit) in (0..12_u64, 1..40_usize),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let options = StoreOptions { background: false, ..StoreOptions::default() };
        let store = Store::open(dir.path(), options).unwrap();
        let (one, other) = times.split_at(sealed.min(times.len()));
        store.append(&batch(one, 0)).unwrap();
        store.seal().unwrap();
        store.append(&batch(other, one.len())).unwrap();
        let (engine, view) = (Engine::new(), store.view());
        let budget = Budget::unlimited();
        let filter = app.map_or(Filter::All, |app| {
            Filter::field(FieldId::AppDisplayName, Op::Eq(Value::Text(format!("app {app}"))))
        });
        for order in [Order::NewestFirst, Order::OldestFirst] {
            let (filter, logs) = (filter.clone(), Log::ALL.to_vec());
            let request = ListRequest { filter, logs, order, limit, after: None };
            let every = ListRequest { limit: 1000, ..request.clone() };
            let all = engine.list(&view, &every, &budget).unwrap().rows;
            for offset in 0..all.len() + 3 {
                let seen = Seen::all(&engine, &view);
                let page = seen.page_skipping(&request, offset as u64, skip, &budget).unwrap();
                let rest = &all[offset.min(all.len())..];
                prop_assert_eq!(&page.rows, &rest[..limit.min(rest.len())], "at {}", offset);
                prop_assert_eq!(page.next.is_some(), rest.len() > limit);
                if let Some(after) = page.next {
                    let next = ListRequest { after: Some(after), ..request.clone() };
                    let next = engine.list(&view, &next, &budget).unwrap().rows;
                    let rest = &rest[limit..];
                    prop_assert_eq!(next, &rest[..limit.min(rest.len())]);
                }
            }
        }
    }
}

#[test]
fn far_pages_of_many_events() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions { background: false, ..StoreOptions::default() };
    let store = Store::open(dir.path(), options).unwrap();
    // 30,000 events of one microsecond, and 30,000 over a month.
    let times: Vec<(i64, u16, u8)> = (0..60_000_i64)
        .map(|n| (if n % 2 == 0 { 777_000_000 } else { n * 43_000_000 }, 0, (n % 3) as u8))
        .collect();
    store.append(&batch(&times, 0)).unwrap();
    let (engine, view) = (Engine::new(), store.view());
    let request = ListRequest {
        filter: Filter::All,
        logs: Log::ALL.to_vec(),
        order: Order::NewestFirst,
        limit: 50,
        after: None,
    };
    let every = ListRequest { limit: 60_000, ..request.clone() };
    let all = engine.list(&view, &every, &Budget::unlimited()).unwrap().rows;
    for offset in [20_001_usize, 29_990, 45_000, 59_990, 60_000, 70_000] {
        let page = engine.page_at(&view, &request, offset as u64, &Budget::unlimited()).unwrap();
        let rest = &all[offset.min(all.len())..];
        assert_eq!(page.rows, &rest[..50.min(rest.len())], "at {offset}");
    }
}
