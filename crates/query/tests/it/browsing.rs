//! What a page that lets people browse asks: places in a list, other orders, first and last times,
//! values to choose from. Against plain evaluation, for callers who see everything and others.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;
use std::sync::Arc;

use durward_model::errors::status_of;
use durward_model::{Cell, Event, EventBatch, FieldId, Id, Kind, Log, Row, Timestamp};
use durward_query::aggregate::ResultOrder;
use durward_query::fold::fold;
use durward_query::{
    AggregateRequest, Dimension, DimensionValue, Engine, EngineOptions, Facet, Filter, ListRequest,
    Order, Predicate, QueryError, Reader, Sight, SortKey, SortedRequest,
};
use durward_store::{RowRef, Store};
use proptest::prelude::*;

use crate::ask::{Ask, asks};
use crate::model::{cases, open, run, steps};
use crate::sample::*;
use crate::sight::{asks_details, grants, pseudonyms, reader};

/// What a caller sees, the newest first, as their questions see it.
struct Case {
    reader: Reader,
    seen: Vec<(RowRef, Event)>,
}

/// The events that a question finds.
struct Found<'a> {
    reader: &'a Reader,
    filter: &'a Filter,
    logs: &'a [Log],
    these: Vec<&'a (RowRef, Event)>,
}

impl Case {
    fn new(store: &Store, engine: &Arc<Engine>, sight: &Sight) -> Case {
        let (reader, view) = (reader(store, engine, sight), store.view());
        let all = list(&Filter::All, &Log::ALL, Order::NewestFirst, 100_000);
        let rows = reader.list(&all).unwrap().rows;
        let asked = |row: RowRef| (row, sight.as_asked(view.event(row).unwrap()).unwrap());
        let seen = rows.into_iter().map(asked).collect();
        Case { reader, seen }
    }

    fn find<'a>(&'a self, filter: &'a Filter, logs: &'a [Log]) -> Found<'a> {
        let predicate = Predicate::new(filter);
        let holds = |(_, event): &&(RowRef, Event)| {
            logs.contains(&event.row().log) && predicate.matches(event)
        };
        let these = self.seen.iter().filter(holds).collect();
        Found { reader: &self.reader, filter, logs, these }
    }
}

fn list(filter: &Filter, logs: &[Log], order: Order, limit: usize) -> ListRequest {
    ListRequest { filter: filter.clone(), logs: logs.to_vec(), order, limit, after: None }
}

fn part<T: Clone>(all: &[T], offset: usize, limit: usize) -> Vec<T> {
    all.iter().skip(offset).take(limit).cloned().collect()
}

/// Places worth looking at in a list of that length.
fn places(length: usize, pick: usize) -> [usize; 5] {
    [0, pick % (length + 1), length / 2, length.saturating_sub(1), length + pick]
}

fn check_pages(found: &Found<'_>, pick: usize) {
    let mut rows: Vec<RowRef> = found.these.iter().map(|(row, _)| *row).collect();
    for order in [Order::NewestFirst, Order::OldestFirst] {
        for place in places(rows.len(), pick) {
            let request = list(found.filter, found.logs, order, 7);
            let page = found.reader.page_at(&request, place as u64).unwrap();
            assert_eq!(page.rows, part(&rows, place, 7), "{order:?} from {place}");
            assert_eq!(page.next.is_some(), place + 7 < rows.len());
        }
        rows.reverse();
    }
}

#[derive(Clone, Debug, PartialEq, PartialOrd)]
enum Plain {
    Int(i64),
    Float(f64),
    Time(Timestamp),
    Id([u8; 16]),
    Text(String),
}

/// What an event is sorted by.
fn plain_key(by: SortKey, event: &Event) -> Option<Plain> {
    let field = match by {
        SortKey::Status => {
            let status = status_of(event.cell(FieldId::ErrorCode).as_int());
            return Some(Plain::Text(status.name().to_lowercase()));
        }
        SortKey::Log => return Some(Plain::Text(event.row().log.name().to_lowercase())),
        SortKey::Field(field) => field,
    };
    Some(match event.cell(field) {
        Cell::Null => return None,
        Cell::Text(text) if text.is_empty() || text == "[]" => return None,
        Cell::Text(text) if field.field().kind == Kind::Id => Plain::Id(Id::from_text(&text).0.0),
        Cell::Text(text) if field.field().kind == Kind::TextList => {
            let texts: Vec<String> = serde_json::from_str(&text).unwrap();
            Plain::Text(fold(&texts.join(", ")).into_owned())
        }
        Cell::Text(text) => Plain::Text(fold(&text).into_owned()),
        Cell::Int(int) => Plain::Int(int),
        Cell::Float(float) => Plain::Float(float),
        Cell::Bool(truth) => Plain::Text(truth.to_string()),
        Cell::Time(time) => Plain::Time(time),
    })
}

fn plainly_sorted(found: &Found<'_>, by: SortKey, descending: bool) -> Vec<RowRef> {
    let mut keyed: Vec<(Option<Plain>, RowRef)> =
        found.these.iter().map(|(row, event)| (plain_key(by, event), *row)).collect();
    if by == SortKey::Field(FieldId::CreatedDateTime) {
        if !descending {
            keyed.reverse();
        }
    } else {
        // Stable: equal ones stay the newest first.
        keyed.sort_by(|(a, _), (b, _)| match (a, b) {
            (Some(a), Some(b)) if descending => b.partial_cmp(a).unwrap(),
            (Some(a), Some(b)) => a.partial_cmp(b).unwrap(),
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
        });
    }
    keyed.into_iter().map(|(_, row)| row).collect()
}

const SORTED_BY: [SortKey; 20] = [
    SortKey::Status,
    SortKey::Log,
    SortKey::Field(FieldId::UserDisplayName),
    SortKey::Field(FieldId::UserPrincipalName),
    SortKey::Field(FieldId::UserId),
    SortKey::Field(FieldId::AppDisplayName),
    SortKey::Field(FieldId::IpAddress),
    SortKey::Field(FieldId::City),
    SortKey::Field(FieldId::ErrorCode),
    SortKey::Field(FieldId::IsCompliant),
    SortKey::Field(FieldId::RiskEventTypesV2),
    SortKey::Field(FieldId::CreatedDateTime),
    SortKey::Field(FieldId::ReceivedDateTime),
    SortKey::Field(FieldId::PublishedDateTime),
    SortKey::Field(FieldId::Id),
    SortKey::Field(FieldId::CorrelationId),
    SortKey::Field(FieldId::SessionId),
    SortKey::Field(FieldId::OriginalRequestId),
    SortKey::Field(FieldId::UniqueTokenIdentifier),
    SortKey::Field(FieldId::ProcessingTimeInMilliseconds),
];

fn check_sorted(found: &Found<'_>, pick: usize) {
    for by in SORTED_BY {
        for descending in [false, true] {
            let rows = plainly_sorted(found, by, descending);
            for (place, limit) in places(rows.len(), pick).into_iter().zip([9, 1, 30, 5, 5]) {
                let request = SortedRequest {
                    filter: found.filter.clone(),
                    logs: found.logs.to_vec(),
                    by,
                    descending,
                    limit,
                    offset: place as u64,
                };
                let sorted = found.reader.sorted(&request).unwrap();
                let wanted = part(&rows, place, limit);
                assert_eq!(sorted, wanted, "{by:?}, {descending}, {limit} from {place}");
            }
        }
    }
}

fn check_times(found: &Found<'_>, pick: usize) {
    type Key = (String, String);
    let mut wanted: BTreeMap<Key, (u64, Timestamp, Timestamp)> = BTreeMap::new();
    let folded = |event: &Event, field| fold(&event.cell(field).to_string()).into_owned();
    for (_, event) in &found.these {
        let key =
            (folded(event, FieldId::UserPrincipalName), folded(event, FieldId::AppDisplayName));
        let created = event.row().created;
        let sum = wanted.entry(key).or_insert((0, created, created));
        *sum = (sum.0 + 1, sum.1.min(created), sum.2.max(created));
    }
    let mut wanted: Vec<(Key, (u64, Timestamp, Timestamp))> = wanted.into_iter().collect();
    wanted.sort_by(|(a, (.., x)), (b, (.., y))| y.cmp(x).then_with(|| a.cmp(b)));
    let request = |order, offset, limit, times| AggregateRequest {
        filter: found.filter.clone(),
        logs: found.logs.to_vec(),
        by: [FieldId::UserPrincipalName, FieldId::AppDisplayName].map(Dimension::Field).to_vec(),
        order,
        offset,
        limit,
        times,
        ..AggregateRequest::default()
    };
    let ask = |request: &AggregateRequest| found.reader.aggregate(request).unwrap();
    for place in places(wanted.len(), pick) {
        let rows = ask(&request(ResultOrder::Last, place, 4, true));
        let told = rows.iter().map(|row| {
            let key = |index: usize| match &row.keys[index] {
                DimensionValue::Text(text) => fold(text).into_owned(),
                other => panic!("unexpected {other:?}"),
            };
            ((key(0), key(1)), (row.count(), row.first.unwrap(), row.last.unwrap()))
        });
        assert_eq!(told.collect::<Vec<_>>(), part(&wanted, place, 4));
        let untimed = ask(&request(ResultOrder::Last, place, 4, false));
        assert!(untimed.iter().all(|row| row.first.is_none() && row.last.is_none()));
        let keys = |rows: Vec<durward_query::AggregateRow>| {
            rows.into_iter().map(|row| (row.keys, row.by_status)).collect::<Vec<_>>()
        };
        assert_eq!(keys(untimed), keys(rows));
        for order in [ResultOrder::Keys, ResultOrder::Count, ResultOrder::Failures] {
            let all = keys(ask(&request(order, 0, usize::MAX, false)));
            assert_eq!(keys(ask(&request(order, place, 3, true))), part(&all, place, 3));
        }
    }
    let total = AggregateRequest { by: Vec::new(), ..request(ResultOrder::Count, 0, 1, true) };
    let total: Vec<_> = ask(&total).iter().map(|row| (row.first, row.last)).collect();
    let times = || found.these.iter().map(|(_, event)| event.row().created);
    let first_last = (times().min(), times().max());
    assert_eq!(total, if found.these.is_empty() { vec![] } else { vec![first_last] });
}

/// The facet of values that are taken from each event by `texts`.
fn plain_facet(
    found: &Found<'_>,
    (top, part): (usize, Option<&str>),
    texts: impl Fn(&Event) -> Vec<String>,
) -> Facet {
    let mut facet = Facet::default();
    let mut values: BTreeMap<String, (String, [u64; 3])> = BTreeMap::new();
    for (_, event) in &found.these {
        let mut own = texts(event);
        own.retain(|text| !text.is_empty());
        facet.total += 1;
        facet.empty += u64::from(own.is_empty());
        let mut counted = Vec::new();
        for text in own {
            let folded = fold(&text).into_owned();
            let value = values.entry(folded.clone()).or_insert_with(|| (text.clone(), [0; 3]));
            value.0 = text.min(std::mem::take(&mut value.0));
            if !counted.contains(&folded) {
                value.1[status_of(event.cell(FieldId::ErrorCode).as_int()) as usize] += 1;
                counted.push(folded);
            }
        }
    }
    let part = part.map(|part| fold(part).into_owned());
    values.retain(|folded, _| part.as_ref().is_none_or(|part| folded.contains(part)));
    facet.distinct = values.len() as u64;
    let mut values: Vec<(String, [u64; 3])> = values.into_values().collect();
    values.sort_by_key(|(_, by_status)| Reverse(by_status.iter().sum::<u64>()));
    values.truncate(top);
    facet.values = values;
    facet
}

fn check_facets(found: &Found<'_>) {
    for (top, part) in [(2, None), (100, Some("A")), (3, Some("")), (0, Some("nowhere"))] {
        for field in [
            FieldId::UserDisplayName,
            FieldId::AppDisplayName,
            FieldId::IpAddress,
            FieldId::ErrorCode,
            FieldId::CountryOrRegion,
        ] {
            let ask = found.reader.facet(field, found.filter, found.logs, top, part);
            let mut facet = ask.unwrap();
            let mut wanted =
                plain_facet(found, (top, part), |event| vec![event.cell(field).to_string()]);
            if found.reader.sight().is_everything() {
                // To whom the first of all spellings is shown, counted or not.
                for (text, _) in facet.values.iter_mut().chain(&mut wanted.values) {
                    *text = fold(text).into_owned();
                }
            }
            assert_eq!(facet, wanted, "{field:?}");
        }
        for (field, member) in [
            (FieldId::AppliedConditionalAccessPolicies, "displayName"),
            (FieldId::AppliedConditionalAccessPolicies, "RESULT"),
            (FieldId::RiskEventTypesV2, ""),
        ] {
            let facet =
                found.reader.facet_member(field, member, found.filter, found.logs, top, part);
            if found.reader.sight().hides(field) {
                assert!(matches!(facet, Err(QueryError::Hidden { .. })), "{facet:?}");
                continue;
            }
            let wanted = plain_facet(found, (top, part), |event| {
                let json = event.cell(field).to_string();
                let values: Vec<serde_json::Value> =
                    serde_json::from_str(&json).unwrap_or_default();
                let text = |value: &serde_json::Value| match member {
                    "" => value.as_str().unwrap().to_owned(),
                    "RESULT" => value["result"].as_str().unwrap().to_owned(),
                    member => value[member].as_str().unwrap().to_owned(),
                };
                values.iter().map(text).collect()
            });
            assert_eq!(facet.unwrap(), wanted, "{field:?} {member}");
        }
    }
}

/// Whether a sight hides a field, from outside.
trait Hides {
    fn hides(&self, field: FieldId) -> bool;
}

impl Hides for Sight {
    fn hides(&self, field: FieldId) -> bool {
        let details = durward_model::field::CONDITIONAL_ACCESS_DETAILS;
        !self.shows_conditional_access_everywhere() && details.contains(&field)
    }
}

fn check_refused(reader: &Reader) {
    for field in [FieldId::ConditionalAccessAudiences, FieldId::AppliedConditionalAccessPolicies] {
        let by = SortKey::Field(field);
        let (filter, logs) = (Filter::All, Log::ALL.to_vec());
        let request = SortedRequest { filter, logs, by, descending: true, limit: 5, offset: 0 };
        let answer = reader.sorted(&request);
        if reader.sight().hides(field) {
            assert!(matches!(answer, Err(QueryError::Hidden { .. })), "{answer:?}");
        } else if field == FieldId::AppliedConditionalAccessPolicies {
            assert!(matches!(answer, Err(QueryError::Invalid(_))), "{answer:?}");
        } else {
            answer.unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2 * cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sight_2_browsing_shows_what_plain_evaluation_does(
        pool in proptest::collection::vec(samples(), 120),
        steps in steps(),
        grants in proptest::option::of(grants()),
        questions in proptest::collection::vec(asks(), 2),
        pick in 0..100_usize,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        let options = EngineOptions { threads: 3, rows_a_thread: 1 };
        let engine = Arc::new(Engine::with_options(options));
        let sight = match grants {
            None => Sight::everything(),
            Some(grants) => Sight::new(grants, pseudonyms()),
        };
        let (before, after) = steps.split_at(steps.len() / 2);
        let mut live = Vec::new();
        for (number, steps) in [(0, before), (before.len(), after)] {
            run(&store, &pool, number, steps, &mut live);
            let case = Case::new(&store, &engine, &sight);
            check_refused(&case.reader);
            for filter in questions.iter().map(Ask::filter).chain([Filter::All]) {
                if asks_details(&filter) && !sight.shows_conditional_access_everywhere() {
                    continue;
                }
                for logs in [&Log::ALL[..], &[Log::InteractiveUser, Log::Audit]] {
                    let found = case.find(&filter, logs);
                    check_pages(&found, pick);
                    check_sorted(&found, pick);
                    check_times(&found, pick);
                    check_facets(&found);
                }
            }
        }
    }
}

#[test]
fn numbers_sort_as_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let mut batch = EventBatch::default();
    let latitudes = [Some(10.5), Some(-8.7), None, Some(9.25), Some(-80.0), Some(0.0)];
    let systems = [Some(100), Some(9), Some(3215), None, Some(20), Some(9)];
    for (number, (latitude, system)) in latitudes.into_iter().zip(systems).enumerate() {
        let mut row = Row::default();
        row.set(FieldId::Id, Cell::Text(guid(number as u32).into()));
        row.set(FieldId::CreatedDateTime, Cell::Time(hour(number as i64)));
        if let Some(latitude) = latitude {
            row.set(FieldId::Latitude, Cell::Float(latitude));
        }
        if let Some(system) = system {
            row.set(FieldId::AutonomousSystemNumber, Cell::Int(system));
        }
        batch.push(&row, hour(60));
    }
    store.append(&batch).unwrap();
    let reader = reader(&store, &Arc::new(Engine::new()), &Sight::everything());
    for (field, descending, wanted) in [
        (FieldId::Latitude, false, [4, 1, 5, 3, 0, 2]),
        (FieldId::Latitude, true, [0, 3, 5, 1, 4, 2]),
        (FieldId::AutonomousSystemNumber, false, [5, 1, 4, 0, 2, 3]),
        (FieldId::AutonomousSystemNumber, true, [2, 0, 4, 5, 1, 3]),
    ] {
        let (filter, logs, by) = (Filter::All, Log::ALL.to_vec(), SortKey::Field(field));
        let request = SortedRequest { filter, logs, by, descending, limit: 10, offset: 0 };
        let events = reader.events(&reader.sorted(&request).unwrap()).unwrap();
        let hours: Vec<i64> = events
            .iter()
            .map(|event| (event.row().created.micros - START_MICROS) / 3_600_000_000)
            .collect();
        assert_eq!(hours, wanted, "{field:?}");
    }
}

#[test]
fn members_that_are_no_values_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let tree = samples().new_tree(&mut proptest::test_runner::TestRunner::deterministic());
    let one = proptest::strategy::ValueTree::current(&tree.unwrap());
    let one = Sample { log: Log::InteractiveUser, step_hour: Some(1), ..one };
    store.append(&batch(&[one], hour(60))).unwrap();
    let reader = reader(&store, &Arc::new(Engine::new()), &Sight::everything());
    let ask = |field, member| reader.facet_member(field, member, &Filter::All, &Log::ALL, 5, None);
    for (field, member) in [
        (FieldId::AuthenticationDetails, "authenticationStepDateTime"),
        (FieldId::AuthenticationDetails, ""),
        (FieldId::UserDisplayName, "displayName"),
        (FieldId::Id, "x"),
    ] {
        let answer = ask(field, member);
        assert!(matches!(answer, Err(QueryError::Invalid(_))), "{answer:?}");
    }
    let facet = ask(FieldId::AuthenticationDetails, "nothing").unwrap();
    assert_eq!((facet.empty, facet.total, facet.distinct), (1, 1, 0));
    let answer = reader.facet(FieldId::Id, &Filter::All, &Log::ALL, 5, None);
    assert!(matches!(answer, Err(QueryError::Invalid(_))), "{answer:?}");
}
