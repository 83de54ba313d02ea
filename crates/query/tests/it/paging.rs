//! Pages while new data arrives, and limits.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use durward_model::{FieldId, Log, Timestamp};
use durward_query::cursor::question;
use durward_query::{
    AggregateRequest, Budget, CursorError, Dialect, Dimension, Engine, Filter, GroupKey,
    GroupPosition, GroupRequest, Grouping, ListRequest, Order, Position, QueryError, Window,
};
use durward_store::{Store, View};

use crate::model::{NO_LIMIT, open};
use crate::sample::*;

fn sample(number: u32, hours: i64) -> Sample {
    Sample {
        number,
        log: Log::NonInteractiveUser,
        tenant: 0,
        at: hour(hours),
        user: number as usize % 4,
        app: 0,
        resource: 0,
        address: number as usize % 3,
        place: 0,
        system: 0,
        code: Some(0),
        policies: Vec::new(),
        step_hour: None,
        risks: Vec::new(),
        compliant: None,
        latency: None,
        correlation: None,
        token: 0,
        note: 0,
    }
}

fn append(store: &Store, samples: &[Sample]) {
    store.append(&batch(samples, hour(100))).unwrap();
}

fn ids(view: &View, rows: &[durward_store::RowRef]) -> Vec<String> {
    view.events(rows).unwrap().iter().map(|event| event.row().id.to_string()).collect()
}

#[test]
fn page_1_a_row_of_page_one_s_time_is_on_exactly_one_page() {
    for order in [Order::NewestFirst, Order::OldestFirst] {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        let engine = Engine::new();
        // Ten rows an hour, so that pages of seven break between rows of one time.
        let first: Vec<Sample> = (0..100).map(|n| sample(n, i64::from(n / 10))).collect();
        append(&store, &first);
        let here = question(&["nothing", "newest first"]);
        let (mut seen, mut token, mut number) = (Vec::new(), None::<String>, 1000);
        loop {
            let after = token.as_deref().map(|text| Position::from_token(text, here).unwrap());
            let request = ListRequest {
                filter: Filter::All,
                logs: Log::SIGN_INS.to_vec(),
                order,
                limit: 7,
                after,
            };
            let view = store.view();
            let page = engine.list(&view, &request, &NO_LIMIT).unwrap();
            seen.extend(ids(&view, &page.rows));
            match page.next {
                Some(next) => token = Some(next.to_token(here)),
                None => break,
            }
            // Meanwhile rows arrive before, within and after what was shown; and things move.
            let late: Vec<Sample> = [0, 3, 5, 9, 20]
                .iter()
                .map(|&hours| sample(number + hours as u32, hours))
                .collect();
            append(&store, &late);
            number += 100;
            match number % 300 {
                0 => store.seal().unwrap(),
                100 => drop(store.compact().unwrap()),
                _ => {}
            }
            assert!(number < 20_000, "the list ends");
        }
        let distinct: BTreeSet<&String> = seen.iter().collect();
        assert_eq!(distinct.len(), seen.len(), "nothing twice");
        assert!(first.iter().all(|sample| distinct.contains(&sample.id())), "nothing left out");
    }
}

#[test]
fn page_2_groups_stay_in_place_while_members_arrive() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let engine = Engine::new();
    let first: Vec<Sample> = (0..200).map(|n| sample(n, i64::from(n / 20))).collect();
    append(&store, &first);
    let here = question(&["groups"]);
    let request = |limit, after| GroupRequest {
        grouping: Grouping::NonInteractive,
        window: Window::H6,
        filter: Filter::All,
        limit,
        after,
    };
    let all = engine.groups(&store.view(), &request(1000, None), &NO_LIMIT).unwrap();
    assert!(all.rows.len() >= 12 && all.next.is_none());
    let (mut seen, mut token, mut number) = (Vec::new(), None::<String>, 1000);
    loop {
        let after = token.as_deref().map(|text| GroupPosition::from_token(text, here).unwrap());
        let page = engine.groups(&store.view(), &request(4, after), &NO_LIMIT).unwrap();
        seen.extend(page.rows.into_iter().map(|row| row.key));
        match page.next {
            Some(next) => token = Some(next.to_token(here)),
            None => break,
        }
        let more: Vec<Sample> = (0..9).map(|hours| sample(number + hours as u32, hours)).collect();
        append(&store, &more);
        number += 100;
    }
    let before: Vec<GroupKey> = all.rows.into_iter().map(|row| row.key).collect();
    // Members of new groups may come in between; those of before keep their order.
    let kept: Vec<GroupKey> = seen.iter().filter(|key| before.contains(key)).cloned().collect();
    assert_eq!(kept, before);
    let key = &before[0];
    assert_eq!(GroupKey::from_token(&key.to_token()).as_ref(), Ok(key));
    assert_eq!(GroupKey::from_token("AAAA"), Err(CursorError::Invalid));
}

#[test]
fn a_query_ends_when_its_budget_is_used_up() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let engine = Engine::new();
    append(&store, &(0..50).map(|n| sample(n, 0)).collect::<Vec<_>>());
    let view = store.view();
    let filter = Filter::between(Timestamp::from_micros(0), hour(5));
    let failure = durward_query::parse_search("user:ana OR city:x", hour(0)).unwrap();
    let request = AggregateRequest { by: vec![Dimension::Status], ..AggregateRequest::default() };
    let answers = |budget: &Budget| {
        let list = ListRequest {
            filter: failure.clone(),
            logs: Log::ALL.to_vec(),
            order: Order::NewestFirst,
            limit: 10,
            after: None,
        };
        let groups = GroupRequest {
            grouping: Grouping::NonInteractive,
            window: Window::D1,
            filter: filter.clone(),
            limit: 10,
            after: None,
        };
        [
            engine.list(&view, &list, budget).map(drop),
            engine.count(&view, &failure, &Log::ALL, budget).map(drop),
            engine.groups(&view, &groups, budget).map(drop),
            engine.aggregate(&view, &request, budget).map(drop),
            engine.get(&view, None, &guid(3), budget).map(drop),
        ]
    };
    assert!(answers(&NO_LIMIT).iter().all(Result::is_ok));
    let few = Budget { rows: Some(49), ..Budget::default() };
    assert!(answers(&few).iter().all(|a| matches!(a, Err(QueryError::Rows(49)))));
    let short = Budget::of_time(Duration::ZERO);
    assert!(answers(&short).iter().all(|a| matches!(a, Err(QueryError::Deadline(_)))));
    let gone = Budget { cancelled: Some(Arc::new(AtomicBool::new(true))), ..Budget::default() };
    assert!(answers(&gone).iter().all(|a| matches!(a, Err(QueryError::Cancelled))));
}

#[test]
fn what_cannot_be_counted_by_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let engine = Engine::new();
    append(&store, &[sample(1, 0), sample(2, 500_000)]);
    let view = store.view();
    for by in [
        Dimension::Field(FieldId::Id),
        Dimension::Field(FieldId::AuthenticationDetails),
        Dimension::Span(0),
        Dimension::Span(1),
    ] {
        let request = AggregateRequest { by: vec![by], ..AggregateRequest::default() };
        let answer = engine.aggregate(&view, &request, &NO_LIMIT);
        assert!(matches!(answer, Err(QueryError::Invalid(_))), "{by:?}: {answer:?}");
    }
}

#[test]
fn bounds_of_time_are_exact_to_the_nanosecond() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let engine = Engine::new();
    let at = |nanos| Timestamp { nanos, ..hour(0) };
    let samples: Vec<Sample> = [0, 100, 999]
        .into_iter()
        .zip(1..)
        .map(|(nanos, number)| Sample { at: at(nanos), ..sample(number, 0) })
        .collect();
    append(&store, &samples);
    for sealed in [false, true] {
        if sealed {
            store.seal().unwrap();
        }
        for (operator, nanos, count) in [
            ("eq", 0, 1),
            ("eq", 100, 1),
            ("eq", 200, 0),
            ("ne", 100, 2),
            ("ge", 0, 3),
            ("ge", 100, 2),
            ("gt", 100, 1),
            ("gt", 999, 0),
            ("le", 100, 2),
            ("lt", 100, 1),
            ("lt", 0, 0),
        ] {
            let filter = format!("createdDateTime {operator} {}", at(nanos));
            let parsed = durward_query::parse_filter(&filter, Dialect::V1).unwrap();
            let found = engine.count(&store.view(), &parsed, &Log::SIGN_INS, &NO_LIMIT).unwrap();
            assert_eq!(found, count, "{filter}");
        }
    }
}
