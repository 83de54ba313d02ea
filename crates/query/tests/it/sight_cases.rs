//! Corners of what callers see that random cases seldom meet.

use std::sync::Arc;

use durward_model::{FieldId, Log};
use durward_query::{
    Engine, Filter, ListRequest, Mask, Op, Order, Property, QueryError, Sight, SightGrant,
    SummaryRequest, Value, parse_search,
};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::model::open;
use crate::sample::*;
use crate::sight::{is, pseudonyms, reader};

/// Samples that differ in user and log only.
fn sample(number: u32, log: Log, user: usize) -> Sample {
    let tree = samples().new_tree(&mut TestRunner::deterministic()).unwrap();
    Sample {
        number,
        log,
        user,
        tenant: 0,
        at: hour(i64::from(number)),
        address: 0,
        policies: vec![(0, 0)],
        step_hour: Some(1),
        ..tree.current()
    }
}

fn grant(logs: &[Log], filter: Filter) -> SightGrant {
    SightGrant { logs: logs.to_vec(), filter, conditional_access: true, mask: Mask::NONE }
}

fn sight(grants: Vec<SightGrant>) -> Sight {
    Sight::new(grants, pseudonyms())
}

const NAMES: Mask = Mask { names: true, addresses: false };

#[test]
fn sight_2_rollups_of_hidden_logs_are_not_counted() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let logs = [Log::InteractiveUser, Log::ServicePrincipal, Log::Audit];
    let all: Vec<Sample> = (0..9).map(|n| sample(n, logs[n as usize % 3], 0)).collect();
    store.append(&batch(&all, hour(60))).unwrap();
    store.seal().unwrap();
    let engine = Arc::new(Engine::new());
    let request = SummaryRequest {
        filter: Filter::All,
        logs: Log::ALL.to_vec(),
        from_micros: hour(0).micros,
        to_micros: hour(24).micros,
        fields: vec![FieldId::AppDisplayName],
        top: 9,
    };
    let total = |sight: Sight| -> u64 {
        let summary = reader(&store, &engine, &sight).summary(&request).unwrap();
        summary.total.iter().sum()
    };
    assert_eq!(total(sight(vec![grant(&logs[..1], Filter::All)])), 3);
    assert_eq!(total(sight(vec![grant(&logs[..2], Filter::All)])), 6);
    assert_eq!(total(Sight::everything()), 9);
    assert_eq!(total(sight(Vec::new())), 0);
}

#[test]
fn a_grant_may_ask_what_a_mask_hides() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    // The time of a step is kept with the event, and steps are left out where names are masked.
    let early = sample(1, Log::InteractiveUser, 0);
    let late = Sample { step_hour: Some(2), number: 2, ..early.clone() };
    store.append(&batch(&[early, late], hour(60))).unwrap();
    let step = vec!["authenticationStepDateTime".to_owned()];
    let step = Property::Member(FieldId::AuthenticationDetails, step);
    let after = Filter::test(step, Op::Ge(Value::Time(hour(2))));
    let masked = SightGrant { mask: NAMES, ..grant(&Log::SIGN_INS, after.clone()) };
    let reader = reader(&store, &Arc::new(Engine::new()), &sight(vec![masked]));
    assert_eq!(reader.count(&Filter::All, &Log::ALL).unwrap(), 1);
    assert!(reader.get(None, &guid(2)).unwrap().is_some());
    assert!(reader.get(None, &guid(1)).unwrap().is_none());
    assert_eq!(reader.count(&after, &Log::ALL).unwrap(), 0, "the caller sees no step");
}

#[test]
fn grants_that_add_up_to_everything_are_everything() {
    let others = [Log::Audit, Log::Provisioning, Log::Risk, Log::Other];
    let whole = || vec![grant(&Log::SIGN_INS, Filter::All), grant(&others, Filter::All)];
    assert!(sight(whole()).is_everything());
    let mut more = whole();
    more.push(SightGrant {
        conditional_access: false,
        mask: NAMES,
        ..grant(&Log::ALL, is(FieldId::UserId, USERS[0][0]))
    });
    assert!(sight(more).is_everything(), "what a grant lacks another gives");
    let mut less = whole();
    less[0].conditional_access = false;
    assert!(!sight(less).is_everything());
    let audit = vec![SightGrant { mask: NAMES, ..grant(&Log::ALL, Filter::All) }];
    assert_eq!(sight(audit).logs(), Log::SIGN_INS, "other logs have names all over");
    let none = sight(Vec::new());
    assert!(none.logs().is_empty() && !none.is_everything() && none.mask().is_none());
}

#[test]
fn details_that_another_grant_shows_in_the_same_events_are_shown() {
    let own = SightGrant {
        conditional_access: false,
        ..grant(&[Log::InteractiveUser], is(FieldId::UserId, USERS[0][0]))
    };
    let whole = grant(&Log::SIGN_INS, Filter::All);
    assert!(sight(vec![own.clone(), whole]).shows_conditional_access_everywhere());
    let elsewhere = grant(&[Log::ServicePrincipal], Filter::All);
    assert!(!sight(vec![own.clone(), elsewhere]).shows_conditional_access_everywhere());
    let other = grant(&Log::SIGN_INS, is(FieldId::UserId, USERS[2][0]));
    assert!(!sight(vec![own, other]).shows_conditional_access_everywhere());
}

#[test]
fn whoever_sees_their_own_clearly_sees_others_masked() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let all = [sample(1, Log::InteractiveUser, 0), sample(2, Log::InteractiveUser, 2)];
    store.append(&batch(&all, hour(60))).unwrap();
    let own = grant(&[Log::InteractiveUser], is(FieldId::UserId, USERS[0][0]));
    let helpdesk = SightGrant { mask: NAMES, ..grant(&Log::SIGN_INS, Filter::All) };
    let reader = reader(&store, &Arc::new(Engine::new()), &sight(vec![own, helpdesk]));
    let name = |number| {
        let event = reader.get(None, &guid(number)).unwrap().unwrap();
        (event.cell(FieldId::UserDisplayName).to_string(), event.has_original())
    };
    assert_eq!(name(1), (USERS[0][1].to_owned(), true));
    let (masked, original) = name(2);
    assert!(masked.starts_with("user-") && !original);
    // Questions know pseudonyms only.
    let count = |filter: &Filter| reader.count(filter, &Log::ALL).unwrap();
    assert_eq!(count(&is(FieldId::UserDisplayName, &masked)), 1);
    for user in [USERS[0], USERS[2]] {
        assert_eq!(count(&is(FieldId::UserDisplayName, user[1])), 0);
        assert_eq!(count(&is(FieldId::UserId, user[0])), 0);
        let word = user[1].split(' ').next().unwrap();
        assert_eq!(count(&parse_search(word, hour(48)).unwrap()), 0);
    }
    assert_eq!(count(&parse_search(&masked, hour(48)).unwrap()), 1);
}

#[test]
fn searches_never_look_into_details_unasked() {
    let sight =
        sight(vec![SightGrant { conditional_access: false, ..grant(&Log::ALL, Filter::All) }]);
    for search in ["legacy", "\"Require MFA\"", "-legacy", "10.0.0.1", "ca:failure", &guid(1)] {
        let filter = parse_search(search, hour(48)).unwrap();
        assert!(sight.tail(&filter).is_ok(), "{search}");
    }
    for search in ["policy:legacy", "-policy:legacy", "a OR policyresult:failure"] {
        let filter = parse_search(search, hour(48)).unwrap();
        let error = sight.tail(&filter).unwrap_err();
        assert!(matches!(error, QueryError::Hidden { .. }), "{search}");
        assert!(error.to_string().contains("Conditional Access details"), "{error}");
    }
}

#[test]
fn a_tail_takes_what_a_list_would_find() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let logs = [Log::InteractiveUser, Log::ServicePrincipal, Log::Audit];
    let all: Vec<Sample> =
        (0..21).map(|n| sample(n, logs[n as usize % 3], n as usize % 7)).collect();
    store.append(&batch(&all, hour(60))).unwrap();
    let mut masked = grant(&logs, Filter::All);
    (masked.mask, masked.conditional_access) = (NAMES, false);
    let sight = sight(vec![masked, grant(&logs, is(FieldId::UserId, USERS[2][0]))]);
    let engine = Arc::new(Engine::new());
    let reader = reader(&store, &engine, &sight);
    for filter in [
        Filter::All,
        is(FieldId::UserDisplayName, USERS[2][1]).not(),
        Filter::field(FieldId::UserPrincipalName, Op::EndsWith("@masked.invalid".to_owned())),
    ] {
        let tail = sight.tail(&filter).unwrap();
        let view = store.view();
        let (logs, order) = (Log::ALL.to_vec(), Order::NewestFirst);
        let request = ListRequest { filter, logs, order, limit: 100, after: None };
        let found = reader.events(&reader.list(&request).unwrap().rows).unwrap();
        let everything = ListRequest { filter: Filter::All, ..request };
        let rows = engine.list(&view, &everything, &Default::default()).unwrap().rows;
        let taken: Vec<String> = view
            .events(&rows)
            .unwrap()
            .iter()
            .filter_map(|e| tail.take(e))
            .map(|e| crate::sight::written(&e))
            .collect();
        assert_eq!(taken, found.iter().map(crate::sight::written).collect::<Vec<_>>());
        assert!(!taken.is_empty());
    }
}
