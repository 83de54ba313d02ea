//! Revisions as restricted callers are told of them, against plain evaluation.

use std::sync::Arc;

use durward_model::event::RowValues;
use durward_model::{Event, FieldId, Log, Timestamp};
use durward_query::{Budget, Engine, Filter, ListRequest, Mask, Order, Reader, Sight, SightGrant};
use durward_store::{RowRef, View};
use proptest::prelude::*;

use crate::model::{cases, open};
use crate::sample::*;
use crate::sight::{is, pseudonyms, reader};

/// A revision as a caller is told of it.
pub(crate) struct Told {
    /// As it is written.
    pub(crate) text: String,
    /// The records that it is made of.
    pub(crate) records: Vec<RowValues>,
}

/// The record without what only tells of its delivery.
fn content(event: &Event) -> (serde_json::Value, String, Vec<String>) {
    let mut json: serde_json::Value = serde_json::from_str(&crate::sight::written(event)).unwrap();
    for own in json.as_object_mut().unwrap().values_mut() {
        let Some(own) = own.as_object_mut() else { continue };
        for name in ["revision", "publishedDateTime", "receivedDateTime"] {
            own.remove(name);
        }
    }
    // Of other records than sign-ins only questions tell the fields.
    let delivery = [FieldId::PublishedDateTime, FieldId::ReceivedDateTime, FieldId::Shape];
    let fields = durward_model::field::FIELDS.iter().filter(|f| !delivery.contains(&f.id));
    let cells = fields.map(|field| event.cell(field.id).to_string()).collect();
    (json, event.original(), cells)
}

/// The revisions with this identifier, all of one event, the earliest first.
pub(crate) fn written(view: &View, sight: &Sight, id: &str) -> Vec<Told> {
    let mut events = Vec::new();
    for (index, chunk) in view.chunks.iter().enumerate() {
        let ids = chunk.ids(FieldId::Id).unwrap();
        let id = durward_model::Id::from_text(id).0;
        let rows = (0..chunk.rows()).filter(|row| ids.value(*row) == id.0);
        let row = |row| RowRef { chunk: index as u32, row: row as u32 };
        events.extend(view.events(&rows.map(row).collect::<Vec<_>>()).unwrap());
    }
    events.sort_by_key(|event| event.row().revision);
    let (mut told, mut last): (Vec<Told>, _) = (Vec::new(), None);
    for event in events {
        let own = event.row().clone();
        let Some(shown) = sight.show(event) else { continue };
        let own_shown = shown.row().clone();
        let content = content(&shown);
        if last.as_ref() != Some(&content) {
            let text = crate::sight::written(&shown);
            let (start, _) = text.rsplit_once("\"revision\":").unwrap();
            let text = format!("{start}\"revision\":{}}}}}", told.len());
            told.push(Told { text, records: Vec::new() });
            last = Some(content);
        }
        told.last_mut().unwrap().records.extend([own, own_shown]);
    }
    told
}

fn sight(mask: Mask, conditional_access: bool) -> Sight {
    let (logs, filter) = (Log::SIGN_INS.to_vec(), is(FieldId::TenantId, TENANTS[0]));
    Sight::new(vec![SightGrant { logs, filter, conditional_access, mask }], pseudonyms())
}

/// The same to a caller who sees neither details nor names.
fn differs_in_hidden(sample: &Sample, number: usize) -> Sample {
    let mut other = sample.clone();
    match number % 3 {
        0 => other.note += 1 + number as u32,
        1 => other.policies.push((number % POLICIES.len(), 0)),
        _ => other.step_hour = other.step_hour.map_or(Some(1), |_| None),
    }
    other
}

/// Not the same to them.
fn differs(sample: &Sample, number: usize) -> Sample {
    Sample { latency: Some(1000 + number as i64), ..sample.clone() }
}

/// What happens to an event after its first delivery.
#[derive(Clone, Copy, Debug)]
enum Delivery {
    Hidden(usize),
    Visible(usize),
    Seal,
}

fn deliveries() -> impl Strategy<Value = Vec<Delivery>> {
    let one = prop_oneof![
        3 => (0..40_usize).prop_map(Delivery::Hidden),
        2 => (0..40_usize).prop_map(Delivery::Visible),
        1 => Just(Delivery::Seal),
    ];
    proptest::collection::vec(one, 1..12)
}

/// What the caller is told of each event.
fn answers(reader: &Reader, view: &View, count: usize) -> Vec<String> {
    let request = ListRequest {
        filter: Filter::All,
        logs: Log::ALL.to_vec(),
        order: Order::NewestFirst,
        limit: 1000,
        after: None,
    };
    let rows = reader.list(&request).unwrap().rows;
    let mut out = Vec::new();
    for (event, row) in reader.events(&rows).unwrap().iter().zip(&rows) {
        let text = crate::sight::written(event);
        // The same by every door.
        let id = event.cell(FieldId::Id).to_string();
        let text_of = |event: &Event| crate::sight::written(event);
        assert_eq!(reader.get(None, &id).unwrap().as_ref().map(text_of), Some(text.clone()));
        assert_eq!(reader.revisions(&id).unwrap().first().map(text_of), Some(text.clone()));
        let raw = view.event(*row).unwrap();
        assert_eq!(reader.show(&raw).as_ref().map(text_of), Some(text.clone()));
        out.push(text);
    }
    for number in 0..count {
        let revisions = reader.revisions(&guid(number as u32)).unwrap();
        out.extend(revisions.iter().map(crate::sight::written));
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2 * cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sight_2_deliveries_that_show_nothing_new_are_none(
        pool in proptest::collection::vec(samples(), 1..40),
        deliveries in deliveries(),
    ) {
        let numbered: Vec<Sample> =
            (0..).zip(&pool).map(|(number, s)| Sample { number, ..s.clone() }).collect();
        let both = Mask { names: true, addresses: true };
        let told = |with_hidden: bool| {
            let dir = tempfile::tempdir().unwrap();
            let store = open(&dir);
            let mut now = numbered.clone();
            store.append(&batch(&now, hour(60))).unwrap();
            for (number, delivery) in deliveries.iter().enumerate() {
                let received = Timestamp::from_micros(hour(60).micros + number as i64 * 1_000_000);
                let (changed, pick) = match delivery {
                    Delivery::Hidden(pick) => (with_hidden, *pick % now.len()),
                    Delivery::Visible(pick) => (true, *pick % now.len()),
                    Delivery::Seal => {
                        store.seal().unwrap();
                        continue;
                    }
                };
                if changed {
                    now[pick] = match delivery {
                        Delivery::Hidden(_) => differs_in_hidden(&now[pick], number),
                        _ => differs(&now[pick], number),
                    };
                    store.append(&batch(&now[pick..=pick], received)).unwrap();
                }
            }
            let reader = reader(&store, &Arc::new(Engine::new()), &sight(both, false));
            answers(&reader, &store.view(), numbered.len())
        };
        prop_assert_eq!(told(true), told(false));
    }
}

/// The latest event of a store that these samples of one event were put into.
fn store_of(samples: &[&Sample]) -> Event {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    for sample in samples {
        store.append(&batch(std::slice::from_ref(*sample), hour(62))).unwrap();
    }
    let everything = reader(&store, &Arc::new(Engine::new()), &Sight::everything());
    everything.get(None, &samples[0].id()).unwrap().unwrap()
}

#[test]
fn revisions_are_numbered_by_what_a_caller_can_tell_apart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let tree = samples().new_tree(&mut proptest::test_runner::TestRunner::deterministic());
    let first = Sample {
        number: 1,
        tenant: 0,
        log: Log::InteractiveUser,
        user: 0,
        code: Some(0),
        ..proptest::strategy::ValueTree::current(&tree.unwrap())
    };
    let policies = Sample { policies: vec![(1, 1), (1, 1), (1, 1)], ..first.clone() };
    let failed = Sample { code: Some(50126), ..policies.clone() };
    let renamed = Sample { user: 1, ..failed.clone() };
    for (minutes, sample) in [&first, &policies, &failed, &renamed].into_iter().enumerate() {
        let received = Timestamp::from_micros(hour(60).micros + minutes as i64 * 60_000_000);
        store.append(&batch(std::slice::from_ref(sample), received)).unwrap();
    }
    let changed = Sample { code: Some(50053), ..renamed.clone() };
    let engine = Arc::new(Engine::new());
    let names = Mask { names: true, addresses: false };
    for (sight, wanted) in [
        (Sight::everything(), vec![(3, 3), (2, 2), (1, 1), (0, 0)]),
        (sight(Mask::NONE, true), vec![(3, 3), (2, 2), (1, 1), (0, 0)]),
        (sight(Mask::NONE, false), vec![(2, 3), (1, 2), (0, 0)]),
        (sight(names, true), vec![(2, 2), (1, 1), (0, 0)]),
        (sight(names, false), vec![(1, 2), (0, 0)]),
    ] {
        let reader = reader(&store, &engine, &sight);
        let told = |event: &Event| {
            let received = event.row().received.micros - hour(60).micros;
            (event.row().revision, received / 60_000_000)
        };
        let revisions = reader.revisions(&guid(1)).unwrap();
        assert_eq!(revisions.iter().map(told).collect::<Vec<_>>(), wanted);
        assert_eq!(reader.get(None, &guid(1)).unwrap().as_ref().map(told), Some(wanted[0]));
        // A record that came after the reader's view counts on.
        let later = store_of(&[&first, &policies, &failed, &renamed, &changed]);
        let shown = reader.show(&later).unwrap();
        assert_eq!(shown.row().revision, wanted[0].0 + 1);
    }
    // The latest revision decides whether an event is seen.
    let own = |user: &str| {
        let grant = SightGrant {
            logs: Log::ALL.to_vec(),
            filter: is(FieldId::UserDisplayName, user),
            conditional_access: true,
            mask: Mask::NONE,
        };
        Sight::new(vec![grant], pseudonyms())
    };
    let taken = Sample { user: 2, ..first.clone() };
    store.append(&batch(&[taken], hour(70))).unwrap();
    let before = reader(&store, &engine, &own(USERS[0][1]));
    assert!(before.get(None, &guid(1)).unwrap().is_none());
    assert!(before.revisions(&guid(1)).unwrap().is_empty());
    let after = reader(&store, &engine, &own(USERS[2][1]));
    let revisions = after.revisions(&guid(1)).unwrap();
    assert_eq!(revisions.iter().map(|event| event.row().revision).collect::<Vec<_>>(), [0]);
}

#[test]
fn looking_for_revisions_keeps_to_the_budget() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let tree = samples().new_tree(&mut proptest::test_runner::TestRunner::deterministic());
    let first = proptest::strategy::ValueTree::current(&tree.unwrap());
    let first = Sample { tenant: 0, log: Log::InteractiveUser, ..first };
    store.append(&batch(&[first.clone(), differs(&first, 1)], hour(60))).unwrap();
    let engine = Arc::new(Engine::new());
    let free = reader(&store, &engine, &sight(Mask::NONE, false));
    let request = ListRequest {
        filter: Filter::All,
        logs: Log::ALL.to_vec(),
        order: Order::NewestFirst,
        limit: 9,
        after: None,
    };
    let rows = free.list(&request).unwrap().rows;
    assert_eq!(free.events(&rows).unwrap()[0].row().revision, 1);
    let budget = Budget { rows: Some(1), ..Budget::default() };
    let bound = Reader::new(engine, store.view(), sight(Mask::NONE, false), budget);
    assert!(bound.events(&rows).is_err());
}
