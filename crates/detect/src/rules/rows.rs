//! Matching records one after the other, oldest first.
//!
//! The query engine finds them, a page at a time, by its vectorised scan. Values are read from
//! columns and entities; a whole event is only put together where nothing less has the value.

use std::cell::OnceCell;
use std::collections::VecDeque;
use std::rc::Rc;

use arrow_array::{Array as _, FixedSizeBinaryArray, Int16Array, Int32Array, Int64Array};
use durward_model::field::GROUP_COUNT;
use durward_model::{Cell, Event, FieldId, Id, Kind, Log, Timestamp};
use durward_query::{Budget, Engine, Filter, ListRequest, Order, Position, QueryError};
use durward_store::{Chunk, RowRef, StoreError, View};
use hashbrown::HashMap;
use serde_json::Value;

/// Rows of one page.
const PAGE_ROWS: usize = 20_000;
/// Chunks whose columns are at hand at most.
const CHUNKS_MAX: usize = 256;

/// The log, and what answers questions about it.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// Answers questions; belongs to the store of the view.
    pub engine: &'a Engine,
    /// The log as it stands.
    pub view: &'a View,
}

/// The columns of a chunk that were needed so far.
#[derive(Default)]
struct Columns {
    created: OnceCell<Int64Array>,
    nanos: OnceCell<Int16Array>,
    ids: OnceCell<FixedSizeBinaryArray>,
    keys: [OnceCell<Int32Array>; GROUP_COUNT],
}

fn once<T>(
    cell: &OnceCell<T>,
    read: impl FnOnce() -> Result<T, StoreError>,
) -> Result<&T, StoreError> {
    if let Some(value) = cell.get() {
        return Ok(value);
    }
    let value = read()?;
    Ok(cell.get_or_init(|| value))
}

/// One record.
pub(crate) struct Row<'a> {
    pub(crate) at: RowRef,
    pub(crate) at_micros: i64,
    nanos: i16,
    pub(crate) id: Id,
    pub(crate) log: Log,
    view: &'a View,
    columns: Rc<Columns>,
    event: OnceCell<Option<Event>>,
    json: OnceCell<Value>,
}

impl<'a> Row<'a> {
    /// The record at a place of a view.
    pub(crate) fn at(view: &'a View, at: RowRef) -> Result<Row<'a>, StoreError> {
        Row::with(view, at, Rc::default())
    }

    fn with(view: &'a View, at: RowRef, columns: Rc<Columns>) -> Result<Row<'a>, StoreError> {
        let chunk: &Chunk = &view.chunks[at.chunk as usize];
        let row = at.row as usize;
        let at_micros = once(&columns.created, || chunk.created())?.value(row);
        let nanos = once(&columns.nanos, || chunk.created_nanos())?.value(row);
        let ids = once(&columns.ids, || chunk.ids(FieldId::Id))?;
        let id = Id(ids.value(row).try_into().unwrap_or([0; 16]));
        let (event, json) = (OnceCell::new(), OnceCell::new());
        Ok(Row { at, at_micros, nanos, id, log: chunk.log(), view, columns, event, json })
    }

    /// What rows are ordered by.
    pub(crate) fn order(&self) -> (i64, i16, Id, u8) {
        (self.at_micros, self.nanos, self.id, self.log as u8)
    }

    /// A field; null for none, and where it cannot be read.
    pub(crate) fn cell(&self, field: FieldId) -> Cell<'_> {
        if field.field().kind.is_json() {
            // Parts of such a value may be kept with the event.
            return self.event().map_or(Cell::Null, |event| event.cell(field));
        }
        let Some(group) = field.group() else {
            return match field {
                FieldId::CreatedDateTime => Cell::Time(Timestamp::from_micros(self.at_micros)),
                _ => self.event().map_or(Cell::Null, |event| event.cell(field)),
            };
        };
        let chunk = &self.view.chunks[self.at.chunk as usize];
        match once(&self.columns.keys[group as usize], || chunk.keys(group)) {
            Ok(keys) => {
                let key = keys.value(self.at.row as usize) as u32;
                self.view.entities(group).cell(key, field)
            }
            Err(_) => Cell::Null,
        }
    }

    /// An identifier of the row itself.
    pub(crate) fn identifier(&self, field: FieldId) -> Option<Id> {
        if field == FieldId::Id {
            return Some(self.id);
        }
        debug_assert!(field.field().kind == Kind::Id);
        let ids = self.view.chunks[self.at.chunk as usize].ids(field).ok()?;
        let row = self.at.row as usize;
        ids.is_valid(row).then(|| ids.value(row).try_into().ok().map(Id)).flatten()
    }

    /// A field as text; empty for none.
    pub(crate) fn text(&self, field: FieldId) -> String {
        match self.cell(field) {
            Cell::Text(text) => text.into_owned(),
            other => other.to_string(),
        }
    }

    /// The whole event; `None` where it cannot be read.
    pub(crate) fn event(&self) -> Option<&Event> {
        self.event.get_or_init(|| self.view.event(self.at).ok()).as_ref()
    }

    /// The record as its source wrote it.
    pub(crate) fn json(&self) -> &Value {
        self.json.get_or_init(|| {
            let original = self.event().map(Event::original).unwrap_or_default();
            serde_json::from_str(&original).unwrap_or(Value::Null)
        })
    }
}

/// The records that a filter finds, oldest first.
pub(crate) struct Rows<'a> {
    ground: Ground<'a>,
    request: ListRequest,
    page: VecDeque<RowRef>,
    has_more: bool,
    columns: HashMap<u32, Rc<Columns>>,
}

impl<'a> Rows<'a> {
    /// Those of some logs from one instant up to another (µs, excluded).
    pub(crate) fn new(
        ground: Ground<'a>,
        logs: &[Log],
        filter: &Filter,
        from_micros: i64,
        to_micros: i64,
    ) -> Rows<'a> {
        let (from, to) = (Timestamp::from_micros(from_micros), Timestamp::from_micros(to_micros));
        let request = ListRequest {
            filter: Filter::between(from, to).and(filter.clone()),
            logs: logs.to_vec(),
            order: Order::OldestFirst,
            limit: PAGE_ROWS,
            after: None,
        };
        let has_more = from_micros < to_micros && !logs.is_empty();
        Rows { ground, request, page: VecDeque::new(), has_more, columns: HashMap::new() }
    }

    /// The next one.
    pub(crate) fn next(&mut self) -> Result<Option<Row<'a>>, QueryError> {
        while self.page.is_empty() {
            if !self.has_more {
                return Ok(None);
            }
            let Ground { engine, view } = self.ground;
            let page = engine.list(view, &self.request, &Budget::unlimited())?;
            self.page = page.rows.into();
            let next: Option<Position> = page.next;
            self.has_more = next.is_some();
            self.request.after = next;
        }
        let Some(at) = self.page.pop_front() else { return Ok(None) };
        if self.columns.len() >= CHUNKS_MAX && !self.columns.contains_key(&at.chunk) {
            self.columns.clear();
        }
        let columns = self.columns.entry(at.chunk).or_default().clone();
        Ok(Some(Row::with(self.ground.view, at, columns)?))
    }
}
