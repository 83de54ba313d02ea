//! Two logs that differ only in what a caller may not see give that caller the same answers, byte
//! for byte, by every door.

use std::fmt::Write as _;
use std::sync::Arc;

use durward_model::columns::csv;
use durward_model::graph::{GraphOptions, SummarizedSignIn, Version, write_sign_in};
use durward_model::{Event, FieldId, Log};
use durward_query::aggregate::{ResultOrder, USERS as BY_USER};
use durward_query::{
    AggregateRequest, Dimension, Engine, Filter, GroupRequest, Grouping, ListRequest, Mask, Op,
    Order, Reader, Sight, SightGrant, SortKey, SortedRequest, SummaryRequest, Value, Window,
};
use durward_store::Store;
use proptest::prelude::*;

use crate::ask::{Ask, asks};
use crate::model::{cases, open};
use crate::sample::*;
use crate::sight::{is, pseudonyms, reader, written};

const SEEN_LOGS: [Log; 3] = [Log::InteractiveUser, Log::NonInteractiveUser, Log::ServicePrincipal];

/// The first tenant's sign-ins, without Conditional Access details, all masked.
fn sight() -> Sight {
    let grant = SightGrant {
        logs: SEEN_LOGS.to_vec(),
        filter: is(FieldId::TenantId, TENANTS[0]),
        conditional_access: false,
        mask: Mask { names: true, addresses: true },
    };
    Sight::new(vec![grant], pseudonyms())
}

/// The sample with other values where the caller sees none.
fn varied(sample: &Sample) -> Sample {
    let mut other = sample.clone();
    // Names and spellings of one person; without an identifier the name is the person.
    other.user = [1, 0, 3, 2, 4, 5, 6][sample.user];
    let workload = matches!(sample.log, Log::ServicePrincipal | Log::ManagedIdentity);
    if workload {
        // Names of service principals are no names of people.
        other.user = sample.user;
    }
    other.place = [4, 1, 2, 3, 0][sample.place];
    other.policies = sample.policies.iter().map(|(name, result)| (2 - *name, *result)).collect();
    other.policies.push((0, 0));
    other.step_hour = sample.step_hour.map_or(Some(1), |_| None);
    other.note = 1 - sample.note.min(1);
    other
}

/// Does the store take both for records of one event?
fn is_same_event(one: &Sample, other: &Sample) -> bool {
    let near = one.at.micros.abs_diff(other.at.micros) <= 1_000_000;
    let same = (one.number, one.tenant) == (other.number, other.tenant);
    near && same && one.log.is_sign_in() && other.log.is_sign_in()
}

/// Stores samples as `store` would have got them at one time.
fn fill(store: &Store, samples: &[Sample], seal: bool) {
    store.append(&batch(samples, hour(60))).unwrap();
    if seal {
        store.seal().unwrap();
    }
}

fn csv_line(event: &Event) -> String {
    let columns = csv::columns(csv::Layout::AllFields, event.row().log);
    columns.iter().map(|column| column.cell(event).into_owned() + ";").collect()
}

fn filters(questions: &[Ask]) -> Vec<Filter> {
    let field = |field, op| Filter::field(field, op);
    let text = |text: &str| Value::Text(text.to_owned());
    let mut all: Vec<Filter> = questions.iter().map(Ask::filter).collect();
    all.push(Filter::All);
    for user in USERS {
        all.push(is(FieldId::UserDisplayName, user[1]));
        all.push(is(FieldId::UserPrincipalName, user[2]).not());
        all.push(field(FieldId::UserDisplayName, Op::Lt(text(user[1]))));
    }
    all.push(field(FieldId::UserDisplayName, Op::Contains("a".to_owned())));
    all.push(field(FieldId::City, Op::Ne(text("Vigo"))));
    all.push(field(FieldId::City, Op::Empty));
    all.push(field(FieldId::AdditionalDetails, Op::Contains("note 1".to_owned())));
    all.push(field(FieldId::AuthenticationDetails, Op::Empty));
    all.push(field(FieldId::AppliedConditionalAccessPolicies, Op::Empty));
    all
}

/// Everything the caller can find out.
fn all_answers(reader: &Reader, questions: &[Ask], count: u32) -> String {
    let mut out = String::new();
    for filter in filters(questions) {
        writeln!(out, "count {:?}", reader.count(&filter, &Log::ALL)).unwrap();
        list(reader, &filter, &mut out);
        groups(reader, &filter, &mut out);
        sums(reader, &filter, &mut out);
        browse(reader, &filter, &mut out);
    }
    for number in 0..count {
        let id = guid(number);
        for tenant in [None, Some(TENANTS[0]), Some(TENANTS[1])] {
            let found = reader.get(tenant, &id).unwrap();
            writeln!(out, "get {id} {:?}", found.as_ref().map(written)).unwrap();
        }
        let revisions = reader.revisions(&id).unwrap();
        writeln!(out, "revisions {:?}", revisions.iter().map(written).collect::<Vec<_>>()).unwrap();
    }
    for logs in [&Log::ALL[..], &[Log::InteractiveUser], &[Log::Audit]] {
        writeln!(out, "bounds {:?}", reader.bounds(logs)).unwrap();
    }
    out
}

fn list(reader: &Reader, filter: &Filter, out: &mut String) {
    for order in [Order::NewestFirst, Order::OldestFirst] {
        let mut after = None;
        loop {
            let (filter, logs) = (filter.clone(), Log::ALL.to_vec());
            let request = ListRequest { filter, logs, order, limit: 9, after };
            let page = match reader.list(&request) {
                Ok(page) => page,
                Err(error) => return writeln!(out, "list {error}").unwrap(),
            };
            for event in reader.events(&page.rows).unwrap() {
                for version in [Version::V1, Version::Beta] {
                    write_sign_in(&event, &GraphOptions::new(version), out);
                }
                let (own, line) = (written(&event), csv_line(&event));
                writeln!(out, "{own} {line} {:?} {:?}", event.original(), event.row().extra)
                    .unwrap();
            }
            after = page.next;
            let Some(next) = after else { break };
            writeln!(out, "next {}", next.to_token(1)).unwrap();
        }
    }
}

fn groups(reader: &Reader, filter: &Filter, out: &mut String) {
    for grouping in [Grouping::NonInteractive, Grouping::ServicePrincipal] {
        let mut after = None;
        loop {
            let (filter, window) = (filter.clone(), Window::D1);
            let request = GroupRequest { grouping, window, filter, limit: 4, after };
            let page = match reader.groups(&request) {
                Ok(page) => page,
                Err(error) => return writeln!(out, "groups {error}").unwrap(),
            };
            let newest: Vec<_> = page.rows.iter().map(|row| row.newest).collect();
            let newest = reader.events(&newest).unwrap();
            for (row, event) in page.rows.iter().zip(newest) {
                writeln!(out, "{:?} {} {:?}", row.key, row.key.to_token(), row.last).unwrap();
                SummarizedSignIn::of_member(&event, row.count, row.first, row.first)
                    .write(true, out);
            }
            after = page.next;
            let Some(next) = after else { break };
            writeln!(out, "next {}", next.to_token(1)).unwrap();
        }
    }
}

fn sums(reader: &Reader, filter: &Filter, out: &mut String) {
    let by = [
        FieldId::UserDisplayName,
        FieldId::UserPrincipalName,
        FieldId::IpAddress,
        FieldId::AppDisplayName,
        FieldId::ServicePrincipalName,
        FieldId::City,
        FieldId::AppliedConditionalAccessPolicies,
    ];
    for field in by {
        let request = AggregateRequest {
            filter: filter.clone(),
            by: vec![Dimension::Field(field), Dimension::Log],
            distinct: BY_USER.to_vec(),
            order: ResultOrder::Last,
            times: true,
            ..AggregateRequest::default()
        };
        match reader.aggregate(&request) {
            Ok(rows) => writeln!(out, "aggregate {rows:?}").unwrap(),
            Err(error) => writeln!(out, "aggregate {error}").unwrap(),
        }
    }
    for fields in [
        vec![FieldId::AppDisplayName, FieldId::ErrorCode],
        vec![FieldId::UserPrincipalName, FieldId::IpAddress],
    ] {
        let request = SummaryRequest {
            filter: filter.clone(),
            logs: Log::ALL.to_vec(),
            from_micros: hour(-1).micros,
            to_micros: hour(100).micros,
            fields,
            top: 3,
        };
        match reader.summary(&request) {
            Ok(summary) => writeln!(out, "summary {summary:?}").unwrap(),
            Err(error) => writeln!(out, "summary {error}").unwrap(),
        }
    }
}

fn browse(reader: &Reader, filter: &Filter, out: &mut String) {
    let logs = Log::ALL.to_vec();
    let events = |rows: Result<Vec<_>, _>| {
        let told = |row: Vec<_>| reader.events(&row).map(|all| all.iter().map(written).collect());
        rows.and_then(told).map_err(|error| error.to_string())
    };
    let (filter, order) = (filter.clone(), Order::OldestFirst);
    let request = ListRequest { filter, logs, order, limit: 5, after: None };
    let page = reader.page_at(&request, 3).map(|page| page.rows);
    let page: Result<Vec<String>, String> = events(page);
    writeln!(out, "page {page:?}").unwrap();
    let ListRequest { filter, logs, .. } = request;
    for field in [
        FieldId::UserDisplayName,
        FieldId::IpAddress,
        FieldId::City,
        FieldId::ErrorCode,
        FieldId::Id,
        FieldId::UniqueTokenIdentifier,
        FieldId::ConditionalAccessAudiences,
    ] {
        let by = SortKey::Field(field);
        let (filter, logs) = (filter.clone(), logs.clone());
        let request = SortedRequest { filter, logs, by, descending: true, limit: 7, offset: 2 };
        let sorted: Result<Vec<String>, String> = events(reader.sorted(&request));
        writeln!(out, "sorted {sorted:?}").unwrap();
        let facet = reader.facet(field, &request.filter, &request.logs, 3, Some("a"));
        writeln!(out, "facet {:?}", facet.map_err(|error| error.to_string())).unwrap();
    }
    for (field, member) in [
        (FieldId::AppliedConditionalAccessPolicies, "displayName"),
        (FieldId::AuthenticationDetails, "authenticationMethod"),
        (FieldId::RiskEventTypesV2, ""),
    ] {
        let facet = reader.facet_member(field, member, &filter, &logs, 3, None);
        writeln!(out, "facet {:?}", facet.map_err(|error| error.to_string())).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2 * cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sight_2_what_is_hidden_changes_no_answer(
        pool in proptest::collection::vec(samples(), 1..90),
        hidden in proptest::collection::vec(samples(), 0..90),
        questions in proptest::collection::vec(asks(), 3),
        seal in any::<bool>(),
    ) {
        let sees = |sample: &Sample| sample.tenant == 0 && SEEN_LOGS.contains(&sample.log);
        let numbered = |samples: &[Sample]| -> Vec<Sample> {
            let number = |(number, sample): (u32, &Sample)| Sample { number, ..sample.clone() };
            (0..).zip(samples).map(number).collect()
        };
        let pool = numbered(&pool);
        // The other log has the same visible events, other values in them, and other events in
        // between, some of which have the identifiers of visible ones.
        let mut others = numbered(&hidden);
        others.retain(|sample| !sees(sample));
        let seen = pool.iter().filter(|sample| sees(sample)).map(varied);
        let mut rest = others.split_off(others.len() / 2);
        // An event is seen if its latest revision is. A later record that the caller may not see
        // would take it out of sight; an earlier one changes nothing.
        rest.retain(|hidden| !pool.iter().any(|own| sees(own) && is_same_event(own, hidden)));
        let other: Vec<Sample> = others.into_iter().chain(seen).chain(rest).collect();

        let answers = |samples: &[Sample]| {
            let dir = tempfile::tempdir().unwrap();
            let store = open(&dir);
            fill(&store, samples, seal);
            let engine = Arc::new(Engine::new());
            all_answers(&reader(&store, &engine, &sight()), &questions, 90)
        };
        let (one, two) = (answers(&pool), answers(&other));
        for (one, two) in one.lines().zip(two.lines()) {
            prop_assert_eq!(one, two);
        }
        prop_assert_eq!(one.len(), two.len());
        for word in ["Ruíz", "RUIZ", "fabrikam", "contoso", "10.0.0.1", "2001:db8", "Vigo", "legacy"] {
            // Names of service principals are shown.
            let service = word.starts_with('R');
            prop_assert!(service || !one.contains(word), "{}", word);
        }
    }
}
