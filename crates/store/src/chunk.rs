//! A chunk: rows of one log, newest first. Either a batch still in memory or a row group of a
//! sealed file; readers see no difference.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, Int16Type, Int32Type};
use arrow_array::{
    Array, ArrayRef, FixedSizeBinaryArray, Int16Array, Int32Array, Int64Array, RecordBatch,
    TimestampMicrosecondArray,
};
use durward_model::batch::refs;
use durward_model::field::{GROUP_COUNT, Group, Log};
use durward_model::time::Timestamp;
use durward_model::{Event, FieldId, Id};
use roaring::RoaringBitmap;

use crate::entities::EntitySnapshot;
use crate::error::StoreError;
use crate::schema::{COLUMN_COUNT, Column};
use crate::sealed::SealedFile;

/// Where a chunk's rows are.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// In memory, and in the write-ahead log up to this position.
    Hot { batch: RecordBatch, position: u64 },
    /// In a sealed file.
    Sealed { file: Arc<SealedFile>, row_group: usize },
}

/// Rows of one log, newest first by (`createdDateTime`, `id`).
#[derive(Clone, Debug)]
pub struct Chunk {
    /// Unique while the process lives; the same for a chunk and its copies with more rows marked
    /// as superseded.
    pub(crate) uid: u64,
    pub(crate) log: Log,
    pub(crate) rows: usize,
    pub(crate) min_micros: i64,
    pub(crate) max_micros: i64,
    pub(crate) superseded: Option<Arc<RoaringBitmap>>,
    pub(crate) body: Body,
}

impl Chunk {
    /// Rows in memory, already in order.
    pub(crate) fn hot(log: Log, batch: RecordBatch, position: u64) -> Result<Chunk, StoreError> {
        let created = int64s(batch.column(Column::Created as usize))?;
        let newest = created.values().first().copied().unwrap_or(i64::MIN);
        let oldest = created.values().last().copied().unwrap_or(i64::MAX);
        assert!(oldest <= newest || batch.num_rows() == 0, "SORT-1: newest first");
        Ok(Chunk {
            uid: next_uid(),
            log,
            rows: batch.num_rows(),
            min_micros: oldest,
            max_micros: newest,
            superseded: None,
            body: Body::Hot { batch, position },
        })
    }

    /// The row groups of a sealed file.
    pub(crate) fn of_file(file: &Arc<SealedFile>) -> impl Iterator<Item = Chunk> {
        file.row_groups.iter().enumerate().map(|(row_group, facts)| Chunk {
            uid: next_uid(),
            log: file.log,
            rows: facts.rows,
            min_micros: facts.min_micros,
            max_micros: facts.max_micros,
            superseded: None,
            body: Body::Sealed { file: file.clone(), row_group },
        })
    }

    /// The log all its rows belong to.
    pub fn log(&self) -> Log {
        self.log
    }

    /// How many rows it has, superseded ones included.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many rows are the latest revision of their event.
    pub fn live_rows(&self) -> usize {
        self.rows - self.superseded.as_ref().map_or(0, |rows| rows.len() as usize)
    }

    /// The oldest `createdDateTime`, µs since 1970.
    pub fn min_micros(&self) -> i64 {
        self.min_micros
    }

    /// The newest `createdDateTime`, µs since 1970.
    pub fn max_micros(&self) -> i64 {
        self.max_micros
    }

    /// Rows that a later revision of the same event has replaced.
    pub fn superseded(&self) -> Option<&RoaringBitmap> {
        self.superseded.as_deref()
    }

    /// Is it still in memory only (and in the write-ahead log)?
    pub fn is_hot(&self) -> bool {
        matches!(self.body, Body::Hot { .. })
    }

    /// `createdDateTime`, µs since 1970.
    pub fn created(&self) -> Result<Int64Array, StoreError> {
        int64s(&self.column(Column::Created as usize)?)
    }

    /// The nanoseconds of `createdDateTime` within its microsecond.
    pub fn created_nanos(&self) -> Result<Int16Array, StoreError> {
        Ok(self.column(Column::CreatedNanos as usize)?.as_primitive::<Int16Type>().clone())
    }

    /// When the source published the record, µs since 1970; null where it did not say.
    pub fn published(&self) -> Result<Int64Array, StoreError> {
        int64s(&self.column(Column::Published as usize)?)
    }

    /// When durward received the record, µs since 1970.
    pub fn received(&self) -> Result<Int64Array, StoreError> {
        int64s(&self.column(Column::Received as usize)?)
    }

    /// The key of each row's entity in a group.
    pub fn keys(&self, group: Group) -> Result<Int32Array, StoreError> {
        Ok(self.column(Column::of_key(group))?.as_primitive::<Int32Type>().clone())
    }

    /// An identifier of each row: `Id`, `CorrelationId`, `SessionId`, `OriginalRequestId` or
    /// `ClientSessionId`, 16 bytes each.
    pub fn ids(&self, field: FieldId) -> Result<FixedSizeBinaryArray, StoreError> {
        let Some(column) = Column::of_id(field) else {
            return Err(arrow_schema::ArrowError::SchemaError(format!(
                "{} is not stored as an identifier",
                field.field().name
            ))
            .into());
        };
        let ids = self.column(column as usize)?.as_fixed_size_binary().clone();
        if field != FieldId::OriginalRequestId {
            return Ok(ids);
        }
        // Where it equals the request's own identifier it is not stored twice.
        let own = self.column(Column::Id as usize)?;
        let own = own.as_fixed_size_binary();
        let derived = self.column(Column::Derived as usize)?;
        let derived = derived.as_primitive::<Int8Type>();
        let resolved = (0..ids.len()).map(|row| {
            if derived.value(row) & refs::ORIGINAL_REQUEST_IS_ID != 0 {
                Some(own.value(row))
            } else {
                ids.is_valid(row).then(|| ids.value(row))
            }
        });
        Ok(FixedSizeBinaryArray::try_from_sparse_iter_with_size(resolved, 16)?)
    }

    /// `ProcessingTimeInMilliseconds` or `DurationMs` of each row.
    pub fn ints(&self, field: FieldId) -> Result<Int64Array, StoreError> {
        let column = match field {
            FieldId::DurationMs => Column::Duration,
            _ => Column::ProcessingTime,
        };
        int64s(&self.column(column as usize)?)
    }

    /// Which values of each row follow from its `id`: bits of `durward_model::batch::refs`.
    pub fn derived(&self) -> Result<arrow_array::Int8Array, StoreError> {
        Ok(self.column(Column::Derived as usize)?.as_primitive::<Int8Type>().clone())
    }

    /// `UniqueTokenIdentifier` of each row where it does not follow from `id` (see `derived`).
    pub fn token_texts(&self) -> Result<arrow_array::StringArray, StoreError> {
        Ok(self.column(Column::UniqueTokenIdentifier as usize)?.as_string::<i32>().clone())
    }

    /// The revision of each row: 0 for the first version of an event.
    pub fn revisions(&self) -> Result<Int32Array, StoreError> {
        Ok(self.column(Column::Revision as usize)?.as_primitive::<Int32Type>().clone())
    }

    /// Can a row have this `Id` or `CorrelationId`? `false` is certain, `true` is not.
    pub fn may_contain(&self, field: FieldId, id: &Id) -> Result<bool, StoreError> {
        match (&self.body, field) {
            (Body::Sealed { file, row_group }, FieldId::Id | FieldId::CorrelationId) => {
                let column = Column::of_id(field).unwrap_or(Column::Id);
                file.may_contain(*row_group, column, &id.0)
            }
            _ => Ok(true),
        }
    }

    /// A copy with more rows marked as superseded.
    pub(crate) fn with_superseded(&self, rows: impl IntoIterator<Item = u32>) -> Chunk {
        let mut marked = self.superseded.as_deref().cloned().unwrap_or_default();
        marked.extend(rows);
        let superseded = (!marked.is_empty()).then(|| Arc::new(marked));
        Chunk { superseded, ..self.clone() }
    }

    pub(crate) fn column(&self, column: usize) -> Result<ArrayRef, StoreError> {
        match &self.body {
            Body::Hot { batch, .. } => Ok(batch.column(column).clone()),
            Body::Sealed { file, row_group } => file.column(*row_group, column),
        }
    }

    /// Events at these ascending rows.
    pub(crate) fn events(
        &self,
        rows: &[u32],
        entities: &EntitySnapshot,
    ) -> Result<Vec<Event>, StoreError> {
        debug_assert!(rows.is_sorted());
        let every: Vec<usize> = (0..COLUMN_COUNT).collect();
        let (batch, first) = match &self.body {
            Body::Hot { batch, .. } => (batch.clone(), None),
            // Few rows: decode their pages only. Many: the whole columns, which is faster.
            Body::Sealed { file, row_group } => {
                let some = (rows.len() * 8 < self.rows).then_some(rows);
                let batch = match some {
                    Some(rows) => file.rows_of(*row_group, rows)?,
                    None => file.read(*row_group, &every, None)?,
                };
                (batch, some)
            }
        };
        let rows: Vec<usize> = match first {
            Some(rows) => (0..rows.len()).collect(),
            None => rows.iter().map(|&row| row as usize).collect(),
        };
        events_of(&batch, self.log, rows, entities)
    }
}

fn next_uid() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Rows of a batch with all columns as events.
pub(crate) fn events_of(
    batch: &RecordBatch,
    log: Log,
    rows: impl IntoIterator<Item = usize>,
    entities: &EntitySnapshot,
) -> Result<Vec<Event>, StoreError> {
    let time = |column: Column| int64s(batch.column(column as usize));
    let nanos = |column: Column| batch.column(column as usize).as_primitive::<Int16Type>();
    let id = |column: Column, row: usize| {
        let array = batch.column(column as usize).as_fixed_size_binary();
        let bytes = array.is_valid(row).then(|| array.value(row))?;
        bytes.try_into().ok().map(Id)
    };
    let text = |column: Column, row: usize| {
        let array = batch.column(column as usize).as_string::<i32>();
        array.is_valid(row).then(|| Box::from(array.value(row)))
    };
    let (created, published, received) =
        (time(Column::Created)?, time(Column::Published)?, time(Column::Received)?);
    let (processing, duration) = (time(Column::ProcessingTime)?, time(Column::Duration)?);
    let int = |array: &Int64Array, row: usize| array.is_valid(row).then(|| array.value(row));
    let event = |row: usize| {
        let values = durward_model::event::RowValues {
            log,
            created: Timestamp {
                micros: created.value(row),
                nanos: nanos(Column::CreatedNanos).value(row) as u16,
            },
            published: int(&published, row).map(|micros| Timestamp {
                micros,
                nanos: nanos(Column::PublishedNanos).value(row) as u16,
            }),
            received: Timestamp::from_micros(received.value(row)),
            id: id(Column::Id, row).unwrap_or(Id([0; 16])),
            correlation_id: id(Column::CorrelationId, row),
            session_id: id(Column::SessionId, row),
            original_request_id: id(Column::OriginalRequestId, row),
            client_session_id: id(Column::ClientSessionId, row),
            unique_token_identifier: text(Column::UniqueTokenIdentifier, row),
            processing_time_ms: int(&processing, row),
            duration_ms: int(&duration, row),
            refs: batch.column(Column::Derived as usize).as_primitive::<Int8Type>().value(row),
            id_texts: text(Column::IdTexts, row),
            extra: text(Column::Extra, row),
            revision: batch
                .column(Column::Revision as usize)
                .as_primitive::<Int32Type>()
                .value(row),
        };
        let keys: [i32; GROUP_COUNT] = std::array::from_fn(|group| {
            batch.column(Column::FirstKey as usize + group).as_primitive::<Int32Type>().value(row)
        });
        let parts = std::array::from_fn(|group| {
            entities[group].shared(keys[group] as u32).cloned().unwrap_or_default()
        });
        Event::new(values, parts)
    };
    Ok(rows.into_iter().map(event).collect())
}

/// An integer column, or the microseconds of a time column, sharing its memory.
pub(crate) fn int64s(array: &ArrayRef) -> Result<Int64Array, StoreError> {
    if let Some(times) = array.as_any().downcast_ref::<TimestampMicrosecondArray>() {
        return Ok(times.reinterpret_cast());
    }
    match array.as_primitive_opt::<arrow_array::types::Int64Type>() {
        Some(values) => Ok(values.clone()),
        None => Err(arrow_schema::ArrowError::SchemaError(format!(
            "expected whole numbers, found {}",
            array.data_type()
        ))
        .into()),
    }
}
