//! Distinct values of fields, numbered densely, for grouping and counting.
//!
//! Two entities can have the same application and differ in something else, so keys of entities
//! cannot be grouped by. A value table maps each key of a group to the number of its value;
//! grouping and counting then work on small integers, and texts are looked up for the few that
//! are shown. Like key sets, tables are kept and extended as entities are added.

use std::sync::Arc;

use durward_model::errors::{Status, status_of};
use durward_model::field::Group;
use durward_model::{Cell, FieldId, Kind};
use durward_store::EntityTable;
use hashbrown::HashMap;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::fold::fold;

/// What a value is taken from: the first of these fields (all of one group) that has one.
/// Several are for "identifier, or name where there is none".
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ValueSpec {
    pub(crate) group: Group,
    pub(crate) fields: Vec<FieldId>,
}

impl ValueSpec {
    /// `None` where the fields are not of one group, or hold lists of objects.
    pub(crate) fn new(fields: &[FieldId]) -> Option<ValueSpec> {
        let group = fields.first()?.group()?;
        let usable = fields.iter().all(|field| {
            field.group() == Some(group)
                && !matches!(field.field().kind, Kind::Object | Kind::ObjectList)
        });
        usable.then(|| ValueSpec { group, fields: fields.to_vec() })
    }
}

/// A value: which of the spec's fields it was taken from, and its text as first spelled in byte
/// order (spellings that fold to the same text are one value).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) field: FieldId,
    pub(crate) text: Arc<str>,
    /// What values are ordered by; see [`ValueOrder`].
    pub(crate) order: ValueOrder,
}

/// A stand-in for a value that orders and compares fast: the first 32 bytes of its folded text,
/// big-endian, and a hash of the field and the folded text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ValueOrder {
    pub(crate) prefix: [u64; 4],
    pub(crate) hash: u64,
}

impl ValueOrder {
    pub(crate) fn new(field: FieldId, folded: &str) -> ValueOrder {
        let mut bytes = [0; 32];
        let length = folded.len().min(bytes.len());
        bytes[..length].copy_from_slice(&folded.as_bytes()[..length]);
        let (words, _) = bytes.as_chunks::<8>();
        let prefix = std::array::from_fn(|index| u64::from_be_bytes(words[index]));
        ValueOrder { prefix, hash: xxh3_64_with_seed(folded.as_bytes(), field as u64) }
    }
}

/// The number of "no value" in every table.
pub(crate) const NO_VALUE: u32 = 0;

/// What sources write where an identifier is not known.
pub(crate) const ZERO_GUID: &str = "00000000-0000-0000-0000-000000000000";

/// The value of each entity of a group.
#[derive(Clone, Debug)]
pub(crate) struct ValueTable {
    numbers: Vec<u32>,
    labels: Vec<Label>,
    by_text: HashMap<(FieldId, Box<str>), u32>,
}

impl ValueTable {
    pub(crate) fn new(spec: &ValueSpec) -> ValueTable {
        let field = spec.fields[0];
        let none = Label { field, text: Arc::from(""), order: ValueOrder::new(field, "") };
        ValueTable { numbers: Vec::new(), labels: vec![none], by_text: HashMap::new() }
    }

    /// Extends it to all entities of the table.
    pub(crate) fn extend(this: &mut Arc<ValueTable>, spec: &ValueSpec, entities: &EntityTable) {
        if this.numbers.len() >= entities.len() {
            return;
        }
        let table = Arc::make_mut(this);
        for key in table.numbers.len()..entities.len() {
            let number = table.number_of(spec, entities, key as u32);
            table.numbers.push(number);
        }
    }

    fn number_of(&mut self, spec: &ValueSpec, entities: &EntityTable, key: u32) -> u32 {
        for &field in &spec.fields {
            let cell = entities.cell(key, field);
            let text = text_of(field, &cell);
            if text.is_empty() || (spec.fields.len() > 1 && text == ZERO_GUID) {
                continue;
            }
            let folded: Box<str> = fold(&text).into();
            let order = ValueOrder::new(field, &folded);
            let next = self.labels.len() as u32;
            let number = *self.by_text.entry((field, folded)).or_insert(next);
            match self.labels.get_mut(number as usize) {
                None => self.labels.push(Label { field, text: text.into(), order }),
                Some(label) if *text < *label.text => label.text = text.into(),
                Some(_) => {}
            }
            return number;
        }
        NO_VALUE
    }

    /// The number of a key's value.
    pub(crate) fn number(&self, key: i32) -> u32 {
        self.numbers.get(key as usize).copied().unwrap_or(NO_VALUE)
    }

    /// How many keys it knows the value of.
    pub(crate) fn keys(&self) -> usize {
        self.numbers.len()
    }

    /// How many values there are, "no value" included.
    pub(crate) fn len(&self) -> usize {
        self.labels.len()
    }

    /// The value with that number.
    pub(crate) fn label(&self, number: u32) -> &Label {
        self.labels.get(number as usize).unwrap_or(&self.labels[0])
    }
}

/// A cell as the text it is grouped and shown by.
pub(crate) fn text_of(field: FieldId, cell: &Cell<'_>) -> String {
    match cell {
        Cell::Text(json) if field.field().kind == Kind::TextList => {
            let texts: Vec<String> = serde_json::from_str(json).unwrap_or_default();
            texts.join(", ")
        }
        cell => cell.to_string(),
    }
}

/// The status of each outcome.
#[derive(Clone, Debug, Default)]
pub(crate) struct StatusTable(Vec<u8>);

impl StatusTable {
    pub(crate) fn extend(this: &mut Arc<StatusTable>, entities: &EntityTable) {
        if this.0.len() >= entities.len() {
            return;
        }
        let table = Arc::make_mut(this);
        for key in table.0.len()..entities.len() {
            let code = entities.cell(key as u32, FieldId::ErrorCode).as_int();
            table.0.push(status_of(code) as u8);
        }
    }

    /// The number of a key's status.
    pub(crate) fn number(&self, key: i32) -> u8 {
        self.0.get(key as usize).copied().unwrap_or(Status::Failure as u8)
    }
}
