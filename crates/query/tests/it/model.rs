//! Lists, counts, groups and sums of a real store against plain evaluation in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use durward_model::errors::{Status, status_of};
use durward_model::time::{DAY_MICROS, HOUR_MICROS};
use durward_model::{FieldId, Id, Log, Timestamp};
use durward_query::aggregate::{Having, ResultOrder, USERS as BY_USER};
use durward_query::{
    AggregateRequest, Budget, Dimension, DimensionValue, Engine, EngineOptions, Filter,
    GroupRequest, Grouping, ListRequest, Order, Predicate, SummaryRequest, Window,
};
use durward_store::{Store, StoreOptions, View};
use proptest::prelude::*;

use crate::ask::{Ask, asks, plain};
use crate::sample::*;

pub(crate) const NO_LIMIT: Budget = Budget { time: None, rows: None, cancelled: None };

pub(crate) fn open(dir: &tempfile::TempDir) -> Store {
    let options = StoreOptions { background: false, ..StoreOptions::default() };
    Store::open(dir.path(), options).unwrap()
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Append(usize),
    Revise(usize),
    Seal,
    Compact,
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1..60_usize).prop_map(Step::Append),
        2 => (1..10_usize).prop_map(Step::Revise),
        2 => Just(Step::Seal),
        1 => Just(Step::Compact),
    ];
    proptest::collection::vec(step, 1..8)
}

/// Lets a store and a plain list of the latest revisions go through the same steps; the first of
/// them is the `number`th of all.
pub(crate) fn run(
    store: &Store,
    pool: &[Sample],
    number: usize,
    steps: &[Step],
    live: &mut Vec<Sample>,
) {
    for (number, step) in (number..).zip(steps) {
        let received = Timestamp::from_micros(hour(60).micros + number as i64 * 1_000_000);
        match step {
            Step::Append(count) => {
                let from = live.len();
                for (offset, sample) in pool.iter().skip(from).take(*count).enumerate() {
                    live.push(Sample { number: (from + offset) as u32, ..sample.clone() });
                }
                store.append(&batch(&live[from..], received)).unwrap();
            }
            Step::Revise(count) => {
                let every = live.len() / count + 1;
                let mut revised = Vec::new();
                for sample in live.iter_mut().step_by(every) {
                    sample.note = number as u32 + 1;
                    sample.code = CODES[(sample.note as usize) % CODES.len()];
                    revised.push(sample.clone());
                }
                store.append(&batch(&revised, received)).unwrap();
            }
            Step::Seal => store.seal().unwrap(),
            Step::Compact => drop(store.compact().unwrap()),
        }
    }
}

fn place(sample: &Sample) -> (Timestamp, Id) {
    (sample.at, Id::from_text(&sample.id()).0)
}

fn numbers(view: &View, rows: &[durward_store::RowRef]) -> Vec<u32> {
    let id = |event: durward_model::Event| event.row().id.to_string();
    let events = view.events(rows).unwrap();
    events.into_iter().map(|e| u32::from_str_radix(&id(e)[..8], 16).unwrap()).collect()
}

fn check_list(engine: &Engine, view: &View, filter: &Filter, expected: &[&Sample], logs: &[Log]) {
    for order in [Order::NewestFirst, Order::OldestFirst] {
        let mut wanted: Vec<&&Sample> = expected.iter().collect();
        wanted.sort_by_key(|sample| place(sample));
        if order == Order::NewestFirst {
            wanted.reverse();
        }
        let wanted: Vec<u32> = wanted.into_iter().map(|sample| sample.number).collect();
        for limit in [1000, 7] {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let logs = logs.to_vec();
                let request = ListRequest { filter: filter.clone(), logs, order, limit, after };
                let page = engine.list(view, &request, &NO_LIMIT).unwrap();
                assert!(page.rows.len() <= limit);
                found.extend(numbers(view, &page.rows));
                after = page.next;
                if after.is_none() {
                    break;
                }
                assert_eq!(page.rows.len(), limit, "only the last page is short");
            }
            assert_eq!(found, wanted, "{order:?}, {limit} a page");
        }
    }
    let count = engine.count(view, filter, logs, &NO_LIMIT).unwrap();
    assert_eq!(count, expected.len() as u64);
}

fn first_of(values: &[&str]) -> (u8, String) {
    let zero = "00000000-0000-0000-0000-000000000000";
    let found =
        values.iter().position(|value| !value.is_empty() && (values.len() == 1 || *value != zero));
    found.map_or((0, String::new()), |index| (index as u8, plain(values[index])))
}

type PlainGroup = (i64, Vec<(u8, String)>, u8);

/// What groups a sample by; `None` where its log is another.
fn plain_group(grouping: Grouping, window: Window, s: &Sample) -> Option<PlainGroup> {
    if s.log != grouping.log() {
        return None;
    }
    let [id, name, upn] = USERS[s.user];
    let resource = first_of(&RESOURCES[s.resource]);
    let (address, tenant) = (first_of(&[ADDRESSES[s.address]]), first_of(&[TENANTS[s.tenant]]));
    // Applications have no identifier here: field 1 of that part is the name.
    let app = first_of(&["", APPS[s.app]]);
    let values = match grouping {
        Grouping::NonInteractive => vec![first_of(&[id, upn]), app, resource, address, tenant],
        Grouping::ServicePrincipal => vec![first_of(&[id, name]), resource, address, tenant],
        Grouping::ManagedIdentity => vec![first_of(&[id, name]), resource, tenant],
    };
    Some((s.at.micros.div_euclid(window.micros()), values, status_of(s.code) as u8))
}

fn check_groups(engine: &Engine, view: &View, filter: &Filter, expected: &[&Sample]) {
    for grouping in
        [Grouping::NonInteractive, Grouping::ServicePrincipal, Grouping::ManagedIdentity]
    {
        for window in [Window::H1, Window::H6, Window::D1] {
            let mut wanted: BTreeMap<PlainGroup, (u64, i64, i64)> = BTreeMap::new();
            for sample in expected {
                let Some(key) = plain_group(grouping, window, sample) else { continue };
                let micros = sample.at.micros;
                let group = wanted.entry(key).or_insert((0, i64::MAX, i64::MIN));
                *group = (group.0 + 1, group.1.min(micros), group.2.max(micros));
            }
            for limit in [100_000, 5] {
                let (mut rows, mut after) = (Vec::new(), None);
                loop {
                    let filter = filter.clone();
                    let request = GroupRequest { grouping, window, filter, limit, after };
                    let page = engine.groups(view, &request, &NO_LIMIT).unwrap();
                    rows.extend(page.rows);
                    after = page.next;
                    if after.is_none() {
                        break;
                    }
                }
                assert!(
                    rows.windows(2).all(|two| two[0].key.start_micros >= two[1].key.start_micros)
                );
                assert_eq!(rows.len(), wanted.len(), "{grouping:?} {window:?}, {limit} a page");
                for row in rows.iter().take(40) {
                    let newest = view.event(row.newest).unwrap();
                    let key = wanted.iter().find(|(key, _)| {
                        key.0 * window.micros() == row.key.start_micros
                            && key.2 == row.key.status as u8
                            && key.1.iter().map(|(_, text)| text.clone()).collect::<Vec<_>>()
                                == row.key.values.iter().map(|v| plain(&v.text)).collect::<Vec<_>>()
                            && fields_agree(key, row)
                    });
                    let (_, &(count, first, last)) = key.expect("a group that should be");
                    assert_eq!(
                        (row.count, row.first.micros, row.last.micros),
                        (count, first, last)
                    );
                    assert_eq!(newest.row().created.micros, last);
                    let members = row.key.members().and(filter.clone());
                    let found = engine.count(view, &members, &[row.key.log], &NO_LIMIT).unwrap();
                    assert_eq!(found, count, "members of {:?}", row.key);
                }
            }
        }
    }
}

/// Are the values of a group taken from the fields they should be taken from?
fn fields_agree(key: &PlainGroup, row: &durward_query::GroupRow) -> bool {
    const ID_FIRST: [[FieldId; 2]; 4] = [
        [FieldId::UserId, FieldId::UserPrincipalName],
        [FieldId::ServicePrincipalId, FieldId::ServicePrincipalName],
        [FieldId::AppId, FieldId::AppDisplayName],
        [FieldId::ResourceId, FieldId::ResourceDisplayName],
    ];
    key.1.iter().zip(&row.key.values).all(|((index, text), value)| {
        text.is_empty()
            || ID_FIRST
                .iter()
                .find(|pair| pair.contains(&value.field))
                .is_none_or(|pair| pair[usize::from(*index)] == value.field)
    })
}

type Users = BTreeSet<(u8, String)>;

fn user_key(s: &Sample) -> Option<(u8, String)> {
    let workload = matches!(s.log, Log::ServicePrincipal | Log::ManagedIdentity);
    let key = first_of(&[USERS[s.user][0], USERS[s.user][2]]);
    (!workload && !key.1.is_empty()).then_some(key)
}

fn check_sums(engine: &Engine, view: &View, filter: &Filter, expected: &[&Sample]) {
    type Key = (i64, String);
    for (by_hour, by_app) in [(true, true), (false, true), (true, false), (false, false)] {
        let mut wanted: BTreeMap<Key, ([u64; 3], Users)> = BTreeMap::new();
        for sample in expected.iter().filter(|sample| sample.log.is_sign_in()) {
            let hour = if by_hour { sample.at.micros.div_euclid(HOUR_MICROS) } else { 0 };
            let app = if by_app { plain(APPS[sample.app]) } else { String::new() };
            let sum = wanted.entry((hour, app)).or_default();
            sum.0[status_of(sample.code) as usize] += 1;
            sum.1.extend(user_key(sample));
        }
        let mut by = Vec::new();
        by.extend(by_hour.then_some(Dimension::HOUR));
        by.extend(by_app.then_some(Dimension::Field(FieldId::AppDisplayName)));
        let request = AggregateRequest {
            filter: filter.clone(),
            by,
            distinct: BY_USER.to_vec(),
            order: ResultOrder::Keys,
            limit: usize::MAX,
            ..AggregateRequest::default()
        };
        let rows = engine.aggregate(view, &request, &NO_LIMIT).unwrap();
        let found: Vec<(Key, ([u64; 3], u64))> = rows
            .iter()
            .map(|row| {
                let mut key = (0, String::new());
                for value in &row.keys {
                    match value {
                        DimensionValue::Time(time) => key.0 = time.micros / HOUR_MICROS,
                        DimensionValue::Text(text) => key.1 = plain(text),
                        other => panic!("unexpected {other:?}"),
                    }
                }
                (key, (row.by_status, row.distinct))
            })
            .collect();
        let wanted: Vec<_> =
            wanted.into_iter().map(|(key, (n, users))| (key, (n, users.len() as u64))).collect();
        assert_eq!(found, wanted);
    }
    check_spray(engine, view, filter, expected);
}

/// Addresses with at least two failures of at least two users, most users first; by status too.
fn check_spray(engine: &Engine, view: &View, filter: &Filter, expected: &[&Sample]) {
    let mut wanted: BTreeMap<(usize, i64), (u64, Users)> = BTreeMap::new();
    for sample in expected.iter().filter(|sample| sample.log.is_sign_in()) {
        let week = (sample.at.micros.div_euclid(DAY_MICROS) + 3).div_euclid(7);
        let sum = wanted.entry((sample.address, week)).or_default();
        sum.0 += u64::from(status_of(sample.code) == Status::Failure);
        sum.1.extend(user_key(sample));
    }
    wanted.retain(|_, (failures, users)| *failures >= 2 && users.len() >= 2);
    let request = AggregateRequest {
        filter: filter.clone(),
        by: vec![Dimension::Field(FieldId::IpAddress), Dimension::Week],
        distinct: BY_USER.to_vec(),
        having: Having { failures: 2, distinct: 2, count: 0 },
        order: ResultOrder::Distinct,
        ..AggregateRequest::default()
    };
    let rows = engine.aggregate(view, &request, &NO_LIMIT).unwrap();
    assert!(rows.windows(2).all(|two| two[0].distinct >= two[1].distinct));
    assert_eq!(rows.len(), wanted.len());
    for row in rows {
        let [DimensionValue::Text(address), DimensionValue::Time(week)] = &row.keys[..] else {
            panic!("unexpected {:?}", row.keys)
        };
        let address = ADDRESSES.iter().position(|known| known == address).unwrap();
        let week = (week.micros.div_euclid(DAY_MICROS) + 3).div_euclid(7);
        let (failures, users) = &wanted[&(address, week)];
        assert_eq!((row.failures(), row.distinct), (*failures, users.len() as u64));
    }
}

fn check_summary(engine: &Engine, view: &View, live: &[Sample]) {
    for (from, to) in [(0, 60 * HOUR_MICROS), (HOUR_MICROS / 2, 30 * HOUR_MICROS + 1), (5, 9)] {
        let request = SummaryRequest {
            filter: Filter::All,
            logs: Log::SIGN_INS.to_vec(),
            from_micros: START_MICROS - HOUR_MICROS + from,
            to_micros: START_MICROS + to,
            fields: vec![FieldId::ErrorCode, FieldId::AppDisplayName, FieldId::CountryOrRegion],
            top: 10,
        };
        let from_rollups = engine.summary(view, &request, &NO_LIMIT).unwrap();
        let by_row = engine.summary_of_rows(view, &request, &NO_LIMIT).unwrap();
        let folded = |summary: &durward_query::Summary| {
            let mut summary = summary.clone();
            for (_, values) in &mut summary.top {
                values.iter_mut().for_each(|(text, _)| *text = plain(text));
            }
            summary
        };
        assert_eq!(folded(&from_rollups), folded(&by_row));
        let within = |sample: &&Sample| {
            sample.log.is_sign_in()
                && (request.from_micros..request.to_micros).contains(&sample.at.micros)
        };
        let mut total = [0; 3];
        for sample in live.iter().filter(within) {
            total[status_of(sample.code) as usize] += 1;
        }
        assert_eq!(from_rollups.total, total);
    }
}

fn check_lookups(engine: &Engine, view: &View, live: &[Sample]) {
    for sample in live.iter().step_by(7) {
        let tenant = Some(TENANTS[sample.tenant]);
        let id = sample.id().to_uppercase();
        let row = engine.get(view, tenant, &id, &NO_LIMIT).unwrap().expect("the event");
        let event = view.event(row).unwrap();
        assert_eq!(
            event.cell(FieldId::AdditionalDetails).as_text(),
            Some(&*format!("note {}", sample.note))
        );
        assert_eq!(
            engine.get(view, Some(TENANTS[1 - sample.tenant]), &id, &NO_LIMIT).unwrap(),
            None
        );
        let revisions = engine.revisions(view, &id, &NO_LIMIT).unwrap();
        assert_eq!(revisions.first(), Some(&row));
    }
    assert_eq!(engine.get(view, None, "nothing", &NO_LIMIT).unwrap(), None);
}

fn check_all(engine: &Engine, view: &Arc<View>, live: &[Sample], questions: &[Ask]) {
    check_list(engine, view, &Filter::All, &live.iter().collect::<Vec<_>>(), &Log::ALL);
    check_summary(engine, view, live);
    check_lookups(engine, view, live);
    for ask in questions {
        let filter = ask.filter();
        let expected: Vec<&Sample> = live.iter().filter(|sample| ask.holds(sample)).collect();
        check_list(engine, view, &filter, &expected, &Log::ALL);
        let signs: Vec<&Sample> =
            expected.iter().copied().filter(|sample| sample.log.is_sign_in()).collect();
        check_list(engine, view, &filter, &signs, &Log::SIGN_INS);
        check_groups(engine, view, &filter, &expected);
        check_sums(engine, view, &filter, &expected);
        // A whole event answers like its row.
        let predicate = Predicate::new(&filter);
        for sample in live.iter().take(30) {
            let event =
                durward_model::Event::of_batch(&batch(std::slice::from_ref(sample), hour(60)), 0);
            assert_eq!(predicate.matches(&event), ask.holds(sample), "{sample:?}");
        }
    }
}

/// Each case opens a store and syncs it many times, so the usual number would take minutes.
pub(crate) fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(16)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn answers_are_those_of_plain_evaluation(
        pool in proptest::collection::vec(samples(), 200),
        steps in steps(),
        questions in proptest::collection::vec(asks(), 4),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        // Several threads even for the few rows that there are here.
        let engine = Engine::with_options(EngineOptions { threads: 3, rows_a_thread: 1 });
        // Half-way first, so that what the engine keeps has to grow.
        let (before, after) = steps.split_at(steps.len() / 2);
        let mut live = Vec::new();
        run(&store, &pool, 0, before, &mut live);
        check_all(&engine, &store.view(), &live, &questions);
        run(&store, &pool, before.len(), after, &mut live);
        check_all(&engine, &store.view(), &live, &questions);
    }
}
