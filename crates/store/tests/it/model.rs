//! Any sequence of operations against the simplest model there is: a map.

use std::collections::BTreeMap;
use std::time::Duration;

use durward_model::{FieldId, Log};
use durward_store::{RowRef, Store, StoreOptions};
use proptest::prelude::*;

use crate::fixture::{NOON, Sample, batch};

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<(u32, usize)>),
    Seal,
    Compact,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop::collection::vec((0..40_u32, 0..3_usize), 1..12).prop_map(Step::Append),
        2 => Just(Step::Seal),
        1 => Just(Step::Compact),
        1 => Just(Step::Reopen),
    ]
}

/// Version `version` of event `id`: later versions are published later.
fn sample(id: u32, version: usize) -> Sample {
    Sample {
        risk: ["none", "atRisk", "remediated"][version],
        published_micros: Some(NOON + version as i64),
        log: Log::SIGN_INS[id as usize % 4],
        // Some events share an instant; some lie on the next day.
        ..Sample::at(id, i64::from(id / 3) * 5000)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_store_is_a_map_of_latest_revisions(steps in prop::collection::vec(step(), 1..24)) {
        let dir = tempfile::tempdir().unwrap();
        let options = || StoreOptions {
            background: false,
            keep_replaced: Duration::ZERO,
            ..StoreOptions::default()
        };
        let mut store = Store::open(dir.path(), options()).unwrap();
        let mut revisions: BTreeMap<u32, std::collections::BTreeSet<usize>> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Append(what) => {
                    let (mut new, mut known, mut revised) = (0, 0, 0);
                    for &(id, version) in &what {
                        let seen = revisions.entry(id).or_default();
                        match (seen.is_empty(), seen.insert(version)) {
                            (true, _) => new += 1,
                            (false, true) => revised += 1,
                            (false, false) => known += 1,
                        }
                    }
                    let samples: Vec<_> = what.iter().map(|&(id, v)| sample(id, v)).collect();
                    let done = store.append(&batch(&samples)).unwrap().total();
                    prop_assert_eq!((done.new, done.known, done.revised), (new, known, revised));
                }
                Step::Seal => store.seal().unwrap(),
                Step::Compact => { store.compact().unwrap(); }
                Step::Reopen => {
                    drop(store);
                    store = Store::open(dir.path(), options()).unwrap();
                }
            }
            let view = store.view();
            let mut shown = BTreeMap::new();
            let mut rows = 0;
            for (index, chunk) in view.chunks.iter().enumerate() {
                rows += chunk.rows();
                for row in 0..chunk.rows() as u32 {
                    if chunk.superseded().is_some_and(|gone| gone.contains(row)) {
                        continue;
                    }
                    let event = view.event(RowRef { chunk: index as u32, row }).unwrap();
                    let id = event.cell(FieldId::Id).to_string();
                    let risk = event.cell(FieldId::RiskState).to_string();
                    prop_assert!(shown.insert(id, risk).is_none(), "shown twice");
                }
            }
            let expected: BTreeMap<_, _> = revisions
                .iter()
                .filter_map(|(&id, versions)| {
                    let latest = sample(id, *versions.last()?);
                    Some((latest.request_id(), latest.risk.to_owned()))
                })
                .collect();
            prop_assert_eq!(shown, expected);
            prop_assert_eq!(rows, revisions.values().map(|versions| versions.len()).sum::<usize>());
        }
        prop_assert_eq!(store.rebuild_rollups().unwrap().1, 0);
    }
}
