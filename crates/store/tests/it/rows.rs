//! A few rows of a sealed file read the same whatever is cached and whatever the footer spares.

use durward_model::field::{FIELDS, Group};
use durward_store::{RowRef, Store, StoreOptions, View};

use crate::fixture::{NOON, Sample, batch};

/// Every value of these events, as text.
fn values(view: &View, rows: &[RowRef]) -> Vec<Vec<String>> {
    let events = view.events(rows).unwrap();
    let all = events.iter().map(|event| FIELDS.iter().map(|f| event.cell(f.id).to_string()));
    all.map(Iterator::collect).collect()
}

#[test]
fn cached_and_constant_columns_read_as_if_from_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions { background: false, ..StoreOptions::default() };
    let store = Store::open(dir.path(), options).unwrap();
    // The published time is null in some rows, the risk the same in all, the codes differ.
    let samples: Vec<Sample> = (0..400)
        .map(|id| Sample {
            published_micros: (id % 3 > 0).then_some(NOON + 7),
            ..Sample::at(id, i64::from(id))
        })
        .collect();
    store.append(&batch(&samples)).unwrap();
    let few: Vec<RowRef> = [0, 1, 57, 399].map(|row| RowRef { chunk: 0, row }).to_vec();
    let hot = values(&store.view(), &few);
    store.seal().unwrap();
    let view = store.view();
    assert!(!view.chunks[0].is_hot());
    assert_eq!(values(&view, &few), hot, "nothing cached");
    // More than an eighth of the rows: whole columns are read.
    let many: Vec<RowRef> = (0..400).map(|row| RowRef { chunk: 0, row }).collect();
    let whole = values(&view, &many);
    view.chunks[0].created().unwrap();
    view.chunks[0].published().unwrap();
    view.chunks[0].keys(Group::Outcome).unwrap();
    view.chunks[0].ids(durward_model::FieldId::CorrelationId).unwrap();
    assert_eq!(values(&view, &few), hot, "some columns cached");
    for (values, row) in hot.iter().zip(&few) {
        assert_eq!(*values, whole[row.row as usize]);
    }
}
