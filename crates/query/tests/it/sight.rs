//! What restricted and masked callers are told, against plain evaluation over the events that
//! they see, each redacted first.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use durward_model::errors::status_of;
use durward_model::graph::{GraphOptions, Version, write_event};
use durward_model::time::HOUR_MICROS;
use durward_model::{Event, FieldId, Log};
use durward_query::aggregate::USERS as BY_USER;
use durward_query::fold::fold;
use durward_query::{
    AggregateRequest, Budget, Dimension, DimensionValue, Engine, EngineOptions, Filter,
    GroupRequest, Grouping, ListRequest, Mask, Op, Order, Predicate, Property, Pseudonyms,
    QueryError, Reader, Sight, SightGrant, SummaryRequest, Value, Window, parse_search,
};
use durward_store::{Store, View};
use proptest::prelude::*;

use crate::ask::{Ask, asks};
use crate::model::{NO_LIMIT, cases, open, run, steps};
use crate::revisions;
use crate::sample::*;

const ZERO: &str = "00000000-0000-0000-0000-000000000000";

pub(crate) fn is(field: FieldId, text: &str) -> Filter {
    Filter::field(field, Op::Eq(Value::Text(text.to_owned())))
}

pub(crate) fn reader(store: &Store, engine: &Arc<Engine>, sight: &Sight) -> Reader {
    Reader::new(engine.clone(), store.view(), sight.clone(), Budget::unlimited())
}

pub(crate) fn pseudonyms() -> Arc<Pseudonyms> {
    Arc::new(Pseudonyms::new(&[5; 32]))
}

pub(crate) fn grants() -> impl Strategy<Value = Vec<SightGrant>> {
    let filter = prop_oneof![
        3 => Just(Filter::All),
        2 => (0..2_usize).prop_map(|tenant| is(FieldId::TenantId, TENANTS[tenant])),
        2 => (0..USERS.len()).prop_map(|user| is(FieldId::UserId, USERS[user][0])),
        1 => (0..3_usize).prop_map(|app| is(FieldId::AppDisplayName, APPS[app])),
        1 => (0..40_i64).prop_map(|from| Filter::between(hour(from), hour(from + 15))),
        // Looks into what is kept with the event.
        1 => (0..3_i64).prop_map(|at| Filter::test(
            Property::Member(
                FieldId::AuthenticationDetails,
                vec!["authenticationStepDateTime".to_owned()],
            ),
            Op::Ge(Value::Time(hour(at))),
        )),
    ];
    let logs = prop_oneof![
        Just(Log::ALL.to_vec()),
        Just(Log::SIGN_INS.to_vec()),
        Just(vec![Log::InteractiveUser, Log::NonInteractiveUser, Log::Audit]),
        Just(vec![Log::ServicePrincipal]),
    ];
    let grant = (logs, filter, any::<bool>(), any::<(bool, bool)>(), any::<bool>()).prop_map(
        |(logs, filter, conditional_access, (names, addresses), plain)| {
            let mask = if plain { Mask::NONE } else { Mask { names, addresses } };
            SightGrant { logs, filter, conditional_access, mask }
        },
    );
    proptest::collection::vec(grant, 0..4)
}

/// Everything there is, and what a caller makes of it.
struct Case {
    reader: Reader,
    view: Arc<View>,
    /// The events the caller sees, as they see them, and as their questions see them.
    seen: Vec<(Event, Event)>,
    /// By identifier, how they are written.
    texts: HashMap<String, String>,
}

impl Case {
    fn new(engine: &Arc<Engine>, store: &Store, grants: &[SightGrant], sight: &Sight) -> Case {
        let view = store.view();
        let request = ListRequest {
            filter: Filter::All,
            logs: Log::ALL.to_vec(),
            order: Order::NewestFirst,
            limit: 100_000,
            after: None,
        };
        let rows = engine.list(&view, &request, &NO_LIMIT).unwrap().rows;
        let covered = |event: &Event| {
            grants.iter().any(|grant| {
                grant.logs.contains(&event.row().log)
                    && (grant.mask.is_none() || event.row().log.is_sign_in())
                    && Predicate::new(&grant.filter).matches(event)
            })
        };
        let mixed = grants.iter().any(|grant| grant.mask != sight.mask());
        let mut seen = Vec::new();
        for event in view.events(&rows).unwrap() {
            let shown = sight.show(event.clone());
            assert_eq!(shown.is_some(), covered(&event));
            let Some(shown) = shown else { continue };
            let asked = if mixed { sight.as_asked(event).unwrap() } else { shown.clone() };
            seen.push((shown, asked));
        }
        let reader = reader(store, engine, sight);
        let mut texts = HashMap::new();
        for (shown, _) in &seen {
            let id = text(shown, FieldId::Id);
            let own = revisions::written(&view, sight, &id);
            let latest = own.into_iter().find(|one| one.records.contains(shown.row()));
            texts.insert(id, latest.unwrap().text);
        }
        Case { reader, view, seen, texts }
    }

    /// An event as the reader should give it.
    fn written(&self, shown: &Event) -> &String {
        &self.texts[&text(shown, FieldId::Id)]
    }

    fn found(&self, filter: &Filter, logs: &[Log]) -> Vec<&(Event, Event)> {
        let predicate = Predicate::new(filter);
        let holds = |(_, asked): &&(Event, Event)| {
            logs.contains(&asked.row().log) && predicate.matches(asked)
        };
        self.seen.iter().filter(holds).collect()
    }
}

pub(crate) fn written(event: &Event) -> String {
    let mut out = String::new();
    write_event(event, &GraphOptions::new(Version::Beta), &mut out);
    out
}

fn check_list(case: &Case, filter: &Filter, logs: &[Log]) {
    let found = case.found(filter, logs);
    let mut wanted: Vec<&Event> = found.iter().map(|(shown, _)| shown).collect();
    wanted.sort_by_key(|event| (event.row().created, event.row().id));
    assert_eq!(case.reader.count(filter, logs).unwrap(), wanted.len() as u64);
    for (order, limit) in [(Order::OldestFirst, 1000), (Order::NewestFirst, 7)] {
        if order == Order::NewestFirst {
            wanted.reverse();
        }
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let (filter, logs) = (filter.clone(), logs.to_vec());
            let request = ListRequest { filter, logs, order, limit, after };
            let page = case.reader.list(&request).unwrap();
            listed.extend(case.reader.events(&page.rows).unwrap());
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let listed: Vec<String> = listed.iter().map(written).collect();
        let wanted: Vec<&String> = wanted.iter().map(|event| case.written(event)).collect();
        assert_eq!(listed.len(), wanted.len());
        for (listed, wanted) in listed.iter().zip(wanted) {
            assert_eq!(listed, wanted);
        }
    }
}

fn text(event: &Event, field: FieldId) -> String {
    event.cell(field).to_string()
}

/// The first of these fields that has a value; one of several identifiers may be zero.
pub(crate) fn first_of(event: &Event, fields: &[FieldId]) -> (FieldId, String) {
    let value = |field: &FieldId| {
        let text = text(event, *field);
        let none = text.is_empty() || (fields.len() > 1 && text == ZERO);
        (!none).then_some((*field, text))
    };
    fields.iter().find_map(value).unwrap_or((fields[0], String::new()))
}

fn check_groups(case: &Case, filter: &Filter) {
    use FieldId::{
        AppDisplayName, AppId, IpAddress, ResourceDisplayName, ResourceId, ServicePrincipalId,
        ServicePrincipalName, TenantId, UserId, UserPrincipalName,
    };
    let resource = &[ResourceId, ResourceDisplayName][..];
    let principal = &[ServicePrincipalId, ServicePrincipalName][..];
    let (user, app) = (&[UserId, UserPrincipalName][..], &[AppId, AppDisplayName][..]);
    for (grouping, parts) in [
        (Grouping::NonInteractive, &[user, app, resource, &[IpAddress], &[TenantId]][..]),
        (Grouping::ServicePrincipal, &[principal, resource, &[IpAddress], &[TenantId]][..]),
    ] {
        type Key = (i64, usize, Vec<(FieldId, String)>);
        let mut wanted: BTreeMap<Key, (u64, i64, i64)> = BTreeMap::new();
        for (_, event) in case.found(filter, &[grouping.log()]) {
            let micros = event.row().created.micros;
            let folded = |(field, text): (FieldId, String)| (field, fold(&text).into_owned());
            let values = parts.iter().map(|fields| folded(first_of(event, fields))).collect();
            let status = status_of(event.cell(FieldId::ErrorCode).as_int()) as usize;
            let start = micros.div_euclid(6 * HOUR_MICROS) * 6 * HOUR_MICROS;
            let group = wanted.entry((start, status, values)).or_insert((0, i64::MAX, i64::MIN));
            *group = (group.0 + 1, group.1.min(micros), group.2.max(micros));
        }
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let (filter, window) = (filter.clone(), Window::H6);
            let request = GroupRequest { grouping, window, filter, limit: 5, after };
            let page = case.reader.groups(&request).unwrap();
            found.extend(page.rows);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found.len(), wanted.len(), "{grouping:?}");
        for row in found {
            let values = row.key.values.iter();
            let values = values.map(|v| (v.field, fold(&v.text).into_owned())).collect();
            let key = (row.key.start_micros, row.key.status as usize, values);
            let tally = (row.count, row.first.micros, row.last.micros);
            assert_eq!(wanted.get(&key), Some(&tally), "{key:?}");
            let newest = &case.view.event(row.newest).unwrap().row().id.to_string();
            let mut seen = case.seen.iter().map(|(_, asked)| asked);
            let newest = seen.find(|event| text(event, FieldId::Id) == *newest).unwrap();
            let spelled: Vec<String> =
                parts.iter().map(|fields| first_of(newest, fields).1).collect();
            let shown: Vec<String> = row.key.values.iter().map(|v| v.text.to_string()).collect();
            assert_eq!(shown, spelled, "spelled as the newest member spells it");
            let members = row.key.members().and(filter.clone());
            assert_eq!(case.reader.count(&members, &[row.key.log]).unwrap(), row.count);
        }
    }
}

fn check_counts(case: &Case, filter: &Filter) {
    for by in [
        &[FieldId::UserDisplayName][..],
        &[FieldId::IpAddress, FieldId::AppDisplayName],
        &[FieldId::City, FieldId::TenantId],
        &[FieldId::UserId],
    ] {
        type Sum = (Vec<String>, [u64; 3], BTreeSet<(FieldId, String)>);
        let mut wanted: BTreeMap<Vec<String>, Sum> = BTreeMap::new();
        for (_, event) in case.found(filter, &Log::SIGN_INS) {
            let own: Vec<String> = by.iter().map(|field| text(event, *field)).collect();
            let folded = own.iter().map(|text| fold(text).into_owned()).collect();
            let sum: &mut Sum =
                wanted.entry(folded).or_insert_with(|| (own.clone(), [0; 3], BTreeSet::new()));
            for (first, own) in sum.0.iter_mut().zip(own) {
                *first = own.min(std::mem::take(first));
            }
            sum.1[status_of(event.cell(FieldId::ErrorCode).as_int()) as usize] += 1;
            let (field, user) = first_of(event, &BY_USER);
            sum.2.extend((!user.is_empty()).then(|| (field, fold(&user).into_owned())));
        }
        // Of several spellings of a value the first among all events counted.
        let mut first: BTreeMap<(usize, String), String> = BTreeMap::new();
        for (folded, (own, ..)) in &wanted {
            for (index, (folded, own)) in folded.iter().zip(own).enumerate() {
                let first = first.entry((index, folded.clone())).or_insert_with(|| own.clone());
                *first = own.clone().min(std::mem::take(first));
            }
        }
        let request = AggregateRequest {
            filter: filter.clone(),
            by: by.iter().map(|field| Dimension::Field(*field)).collect(),
            distinct: BY_USER.to_vec(),
            limit: usize::MAX,
            ..AggregateRequest::default()
        };
        let rows = case.reader.aggregate(&request).unwrap();
        assert_eq!(rows.len(), wanted.len());
        for row in rows {
            let texts: Vec<String> = row
                .keys
                .iter()
                .map(|key| match key {
                    DimensionValue::Text(text) => text.clone(),
                    other => panic!("unexpected {other:?}"),
                })
                .collect();
            let folded: Vec<String> = texts.iter().map(|text| fold(text).into_owned()).collect();
            let (_, by_status, users) = &wanted[&folded];
            assert_eq!((row.by_status, row.distinct), (*by_status, users.len() as u64));
            for (index, (folded, text)) in folded.into_iter().zip(texts).enumerate() {
                assert_eq!(first[&(index, folded)], text);
            }
        }
    }
}

fn check_summary(case: &Case, filter: &Filter) {
    for fields in [
        vec![FieldId::AppDisplayName, FieldId::CountryOrRegion],
        vec![FieldId::UserPrincipalName, FieldId::AppDisplayName],
    ] {
        let request = SummaryRequest {
            filter: filter.clone(),
            logs: Log::ALL.to_vec(),
            from_micros: hour(0).micros + 7,
            to_micros: hour(40).micros + 7,
            fields: fields.clone(),
            top: 100,
        };
        let within = Filter::between(
            durward_model::Timestamp::from_micros(request.from_micros),
            durward_model::Timestamp::from_micros(request.to_micros),
        );
        let (mut total, mut hours) = ([0; 3], BTreeMap::new());
        let mut top: Vec<BTreeMap<String, (String, [u64; 3])>> =
            vec![BTreeMap::new(); fields.len()];
        for (_, event) in case.found(&filter.clone().and(within), &Log::ALL) {
            let status = status_of(event.cell(FieldId::ErrorCode).as_int()) as usize;
            total[status] += 1;
            let hour = event.row().created.micros.div_euclid(HOUR_MICROS) * HOUR_MICROS;
            hours.entry(hour).or_insert([0; 3])[status] += 1;
            for (values, field) in top.iter_mut().zip(&fields) {
                let own = text(event, *field);
                let value = values.entry(fold(&own).into_owned());
                let value = value.or_insert_with(|| (own.clone(), [0; 3]));
                value.0 = own.min(std::mem::take(&mut value.0));
                value.1[status] += 1;
            }
        }
        let found = case.reader.summary(&request).unwrap();
        assert_eq!(found.total, total);
        let found_hours: BTreeMap<i64, [u64; 3]> =
            found.hours.iter().map(|(time, by_status)| (time.micros, *by_status)).collect();
        assert_eq!(found_hours, hours);
        for ((field, values), wanted) in found.top.iter().zip(top) {
            let found: BTreeMap<String, (String, [u64; 3])> = values
                .iter()
                .map(|(text, n)| (fold(text).into_owned(), (text.clone(), *n)))
                .collect();
            assert_eq!(found, wanted, "{field:?}");
        }
    }
}

/// Each event is found by its identifier exactly if it is seen.
fn check_lookups(case: &Case, pool: &[Sample]) {
    for sample in pool.iter().step_by(9) {
        let id = sample.id();
        let seen = case.seen.iter().find(|(shown, _)| text(shown, FieldId::Id) == id);
        let found = case.reader.get(None, &id).unwrap();
        let wanted = seen.map(|(shown, _)| case.written(shown).clone());
        assert_eq!(found.as_ref().map(written), wanted);
        let of_tenant = case.reader.get(Some(TENANTS[sample.tenant]), &id).unwrap();
        assert_eq!(of_tenant.is_some(), seen.is_some());
        assert!(case.reader.get(Some(TENANTS[1 - sample.tenant]), &id).unwrap().is_none());
        let revisions = case.reader.revisions(&id).unwrap();
        assert_eq!(revisions.first().map(written), wanted, "the latest first");
        let mut wanted: Vec<String> = Vec::new();
        if found.is_some() {
            let all = revisions::written(&case.view, case.reader.sight(), &id);
            wanted = all.into_iter().map(|one| one.text).collect();
        }
        let mut texts: Vec<String> = revisions.iter().map(written).collect();
        texts.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(texts, wanted);
    }
}

fn check_bounds(case: &Case) {
    for logs in [&Log::ALL[..], &[Log::InteractiveUser]] {
        let seen = case.seen.iter().filter(|(shown, _)| logs.contains(&shown.row().log));
        let times: Vec<i64> = seen.map(|(shown, _)| shown.row().created.micros).collect();
        let wanted = times.iter().min().copied().zip(times.iter().max().copied());
        assert_eq!(case.reader.bounds(logs).unwrap(), wanted);
    }
}

/// Filters by values that the caller saw, and by values that are hidden.
fn by_values(case: &Case, pick: usize) -> Vec<Filter> {
    let mut filters = Vec::new();
    let some = case.seen.iter().cycle().skip(pick).take(case.seen.len().min(3));
    for (_, asked) in some {
        for field in [FieldId::UserPrincipalName, FieldId::IpAddress, FieldId::UserId] {
            let value = Value::Text(text(asked, field));
            if value == Value::Text(String::new()) {
                continue;
            }
            filters.push(Filter::field(field, Op::Eq(value.clone())));
            filters.push(Filter::field(field, Op::Ne(value)));
        }
    }
    let user = USERS[pick % USERS.len()];
    filters.push(is(FieldId::UserDisplayName, user[1]).not());
    filters.push(Filter::field(FieldId::UserPrincipalName, Op::Contains("an".to_owned())));
    filters.push(parse_search(user[1].split(' ').next().unwrap_or("x"), hour(48)).unwrap());
    filters.push(parse_search("10.0.0.0/8", hour(48)).unwrap());
    filters
}

/// Does a question ask about Conditional Access details?
pub(crate) fn asks_details(filter: &Filter) -> bool {
    let mut asks = false;
    filter.each_test(&mut |test| {
        let field = test.of.catalogue_field().map(|field| field.id);
        asks |= field == Some(FieldId::AppliedConditionalAccessPolicies);
    });
    asks
}

fn check_refused(case: &Case, filter: &Filter) {
    let count = case.reader.count(filter, &Log::ALL);
    assert!(matches!(count, Err(QueryError::Hidden { .. })), "{count:?}");
    let error = count.unwrap_err().to_string();
    assert!(error.starts_with("'appliedConditionalAccessPolicies"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3 * cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sight_2_answers_are_those_of_a_log_of_what_is_seen(
        pool in proptest::collection::vec(samples(), 120),
        steps in steps(),
        grants in grants(),
        questions in proptest::collection::vec(asks(), 4),
        pick in 0..100_usize,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        let options = EngineOptions { threads: 3, rows_a_thread: 1 };
        let engine = Arc::new(Engine::with_options(options));
        let sight = Sight::new(grants.clone(), pseudonyms());
        prop_assume!(!sight.is_everything());
        let (before, after) = steps.split_at(steps.len() / 2);
        let mut live = Vec::new();
        for (number, steps) in [(0, before), (before.len(), after)] {
            run(&store, &pool, number, steps, &mut live);
            let case = Case::new(&engine, &store, &grants, &sight);
            check_lookups(&case, &live);
            check_bounds(&case);
            let filters = questions.iter().map(Ask::filter).chain([Filter::All]);
            for filter in filters.chain(by_values(&case, pick)) {
                if asks_details(&filter) && !sight.shows_conditional_access_everywhere() {
                    check_refused(&case, &filter);
                    continue;
                }
                check_list(&case, &filter, &Log::ALL);
                check_list(&case, &filter, &[Log::InteractiveUser, Log::Audit]);
                check_groups(&case, &filter);
                check_counts(&case, &filter);
                check_summary(&case, &filter);
            }
        }
    }
}
