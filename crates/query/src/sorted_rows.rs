//! Lists sorted by what is stored with each event: times, identifiers, tokens, durations.
//!
//! The keys of all matches are collected, in a few bytes each, and only as far put in order as the
//! page needs. Rows whose places in the list of newest events are needed to tell them apart are
//! those at the ends of the page only.

use std::cmp::{Ordering, Reverse};
use std::sync::atomic::{AtomicUsize, Ordering as Memory};

use arrow_array::{Array, FixedSizeBinaryArray, Int64Array};
use durward_model::field::Group;
use durward_model::{FieldId, Id};
use durward_store::RowRef;

use crate::columns::Columns;
use crate::cursor::Position;
use crate::engine::EngineOptions;
use crate::error::QueryError;
use crate::fold::fold;
use crate::scan::{Block, Scan};

/// Most matches that are sorted.
const ROWS_MAX: usize = 1_000_000;

/// A match and what it is sorted by: value, then the newest first, then as in a list.
struct Entry<K> {
    /// `None` where there is no value.
    key: Option<K>,
    created: i64,
    row: RowRef,
}

impl<K: Ord> Entry<K> {
    /// The order of two matches as far as the entries tell.
    fn compare(&self, other: &Entry<K>, descending: bool) -> Ordering {
        let by_key = match (&self.key, &other.key) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(own), Some(other)) if descending => other.cmp(own),
            (Some(own), Some(other)) => own.cmp(other),
        };
        by_key.then_with(|| other.created.cmp(&self.created))
    }
}

/// What one thread found.
struct Found<K> {
    entries: Vec<Entry<K>>,
    /// Of the chunk last looked at.
    column: Option<Column>,
}

/// What a chunk's rows are sorted by.
struct Column {
    chunk: u32,
    values: Values,
}

enum Values {
    Ints(Int64Array),
    Ids(FixedSizeBinaryArray),
}

impl Scan<'_> {
    /// The matches from an offset on, sorted by a field that is stored with the event.
    pub(crate) fn sorted(
        &self,
        field: FieldId,
        descending: bool,
        window: (u64, usize),
        options: EngineOptions,
    ) -> Result<Vec<RowRef>, QueryError> {
        let work = Sorting { scan: self, field, descending, window, options, most: ROWS_MAX };
        match field {
            FieldId::UniqueTokenIdentifier => work.rows(|_, block, row| {
                let token = block.columns.token(row)?.filter(|token| !token.is_empty());
                Ok(token.map(|token| fold(&token).into_owned()))
            }),
            _ => work.rows(|column, block, row| {
                Ok(Column::of(field, column, block)?.and_then(|values| values.number(row)))
            }),
        }
    }
}

/// One sorted list.
struct Sorting<'a> {
    scan: &'a Scan<'a>,
    field: FieldId,
    descending: bool,
    window: (u64, usize),
    options: EngineOptions,
    /// Most matches that are sorted.
    most: usize,
}

impl Sorting<'_> {
    fn rows<K: Ord + Send>(
        &self,
        key: impl Fn(&mut Option<Column>, &Block<'_>, usize) -> Result<Option<K>, QueryError> + Sync,
    ) -> Result<Vec<RowRef>, QueryError> {
        let every: Vec<usize> = (0..self.scan.view.chunks.len()).collect();
        let total = AtomicUsize::new(0);
        let new = || Found { entries: Vec::new(), column: None };
        let states = self.scan.parallel(&every, self.options, new, |found, block| {
            let count = block.count();
            if total.fetch_add(count, Memory::Relaxed) + count > self.most {
                let name = self.field.field().name;
                return Err(QueryError::Invalid(format!(
                    "narrow the time range or the filter to {} events to sort by '{name}'",
                    self.most
                )));
            }
            let created = block.columns.created()?;
            for row in block.rows() {
                let key = key(&mut found.column, block, row)?;
                let row_ref = block.columns.row_ref(row);
                found.entries.push(Entry { key, created: created[row], row: row_ref });
            }
            Ok(())
        })?;
        let entries = states.into_iter().flat_map(|found| found.entries).collect();
        self.scan.meter.check()?;
        self.window_of(entries)
    }

    /// The rows that the page shows, in order.
    fn window_of<K: Ord>(&self, mut all: Vec<Entry<K>>) -> Result<Vec<RowRef>, QueryError> {
        let compare = |a: &Entry<K>, b: &Entry<K>| a.compare(b, self.descending);
        let Some(offset) = usize::try_from(self.window.0).ok().filter(|at| *at < all.len()) else {
            return Ok(Vec::new());
        };
        let last = offset.saturating_add(self.window.1).min(all.len()) - 1;
        all.select_nth_unstable_by(last, compare);
        if offset < last {
            // Only before the last, which must stay where it is.
            all[..last].select_nth_unstable_by(offset, compare);
        }
        // Rows like the first or the last of the page may stand on either side of its ends.
        let (first, end) = (&all[offset], &all[last]);
        let before = all.iter().filter(|one| compare(one, first).is_lt()).count();
        let near: Vec<&Entry<K>> = all
            .iter()
            .filter(|one| compare(one, first).is_ge() && compare(one, end).is_le())
            .collect();
        let positions = self.positions(&near)?;
        let mut order: Vec<usize> = (0..near.len()).collect();
        order.sort_unstable_by(|&a, &b| {
            compare(near[a], near[b]).then_with(|| positions[a].cmp(&positions[b]))
        });
        let page = order.into_iter().skip(offset - before).take(last - offset + 1);
        Ok(page.map(|index| near[index].row).collect())
    }

    /// The places of rows in a list, the newest first.
    fn positions<K>(&self, rows: &[&Entry<K>]) -> Result<Vec<Reverse<Position>>, QueryError> {
        let view = self.scan.view;
        let sources = view.entities(Group::Source);
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_unstable_by_key(|&index| rows[index].row);
        let mut found = vec![None; rows.len()];
        for group in order.chunk_by(|&a, &b| rows[a].row.chunk == rows[b].row.chunk) {
            self.scan.meter.check()?;
            let chunk = rows[group[0]].row.chunk;
            let columns = Columns::new(&view.chunks[chunk as usize], chunk);
            for &index in group {
                let position = columns.position(rows[index].row.row as usize, sources)?;
                found[index] = Some(Reverse(position));
            }
        }
        Ok(found.into_iter().flatten().collect())
    }
}

impl Column {
    /// The column of a block's chunk, read unless it was read last.
    fn of<'c>(
        field: FieldId,
        last: &'c mut Option<Column>,
        block: &Block<'_>,
    ) -> Result<Option<&'c Values>, QueryError> {
        let (index, chunk) = (block.columns.index, block.columns.chunk);
        if last.as_ref().is_none_or(|column| column.chunk != index) {
            let values = match field {
                FieldId::PublishedDateTime => Values::Ints(chunk.published()?),
                FieldId::ReceivedDateTime => Values::Ints(chunk.received()?),
                FieldId::ProcessingTimeInMilliseconds | FieldId::DurationMs => {
                    Values::Ints(chunk.ints(field)?)
                }
                _ => Values::Ids(chunk.ids(field)?),
            };
            *last = Some(Column { chunk: index, values });
        }
        Ok(last.as_ref().map(|column| &column.values))
    }
}

impl Values {
    /// The value of a row as a number that sorts like it.
    fn number(&self, row: usize) -> Option<u128> {
        match self {
            Values::Ints(ints) => {
                let above_zero = |int: i64| u128::from(int.cast_unsigned() ^ (1 << 63));
                ints.is_valid(row).then(|| above_zero(ints.value(row)))
            }
            Values::Ids(ids) => {
                let id = ids.is_valid(row).then(|| ids.value(row).try_into().ok()).flatten();
                id.filter(|id| *id != Id::hash(b"").0).map(u128::from_be_bytes)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use durward_model::{Cell, EventBatch, Log, Row, Timestamp};
    use durward_store::{Store, StoreOptions};

    use super::*;
    use crate::budget::{Budget, Meter};
    use crate::engine::Engine;
    use crate::filter::Filter;
    use crate::plan::Plan;
    use crate::seen::Seen;

    #[test]
    fn more_matches_than_can_be_sorted_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let options = StoreOptions { background: false, ..StoreOptions::default() };
        let store = Store::open(dir.path(), options).unwrap();
        let mut batch = EventBatch::default();
        for number in 0..10_i64 {
            let mut row = Row::default();
            row.set(FieldId::Id, Cell::Text(format!("{number}").into()));
            row.set(FieldId::CreatedDateTime, Cell::Time(Timestamp::from_micros(number)));
            row.set(FieldId::DurationMs, Cell::Int(-number));
            batch.push(&row, Timestamp::from_micros(0));
        }
        store.append(&batch).unwrap();
        let (engine, view, budget) = (Engine::new(), store.view(), Budget::unlimited());
        let meter = Meter::start(&budget);
        let seen = Seen::all(&engine, &view);
        let plan = Plan::new(seen, &Filter::All, &Log::ALL, &meter).unwrap();
        let scan = Scan { view: &view, plan: &plan, meter: &meter };
        let sorted = |most| {
            let (field, window, options) = (FieldId::DurationMs, (0, 3), engine.options);
            let work = Sorting { scan: &scan, field, descending: false, window, options, most };
            work.rows(|column, block, row| {
                Ok(Column::of(field, column, block)?.and_then(|values| values.number(row)))
            })
        };
        let created = |row: &RowRef| view.event(*row).unwrap().row().created.micros;
        let rows: Vec<i64> = sorted(10).unwrap().iter().map(created).collect();
        assert_eq!(rows, [9, 8, 7]);
        assert_eq!(
            sorted(9).unwrap_err().to_string(),
            "narrow the time range or the filter to 9 events to sort by 'durationMs'"
        );
    }
}
