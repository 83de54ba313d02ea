//! The stored tables: their columns, and rows in Arrow form.
//!
//! `sign_ins` holds an event a row: times, identifiers, and the key of its entity in each group.
//! `entities` holds the entities. Both are described in `docs/format.md`.

use std::sync::{Arc, LazyLock};

use arrow_array::builder::{FixedSizeBinaryBuilder, StringBuilder};
use arrow_array::{
    ArrayRef, FixedSizeBinaryArray, Int8Array, Int16Array, Int32Array, Int64Array, RecordBatch,
    TimestampMicrosecondArray,
};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use durward_model::batch::Columns;
use durward_model::field::{GROUP_COUNT, Group};
use durward_model::{FieldId, Id};

use crate::error::StoreError;

/// Columns of the `sign_ins` table, by position in [`rows_schema`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Column {
    /// `createdDateTime`, µs.
    Created = 0,
    /// Nanoseconds within that microsecond.
    CreatedNanos,
    /// When the source published the record, µs.
    Published,
    /// Nanoseconds within that microsecond.
    PublishedNanos,
    /// When durward received it, µs.
    Received,
    /// Request identifier, 16 bytes.
    Id,
    /// Correlation identifier, 16 bytes.
    CorrelationId,
    /// Session identifier, 16 bytes.
    SessionId,
    /// Original request identifier, 16 bytes; null where it equals `id` (see `derived`).
    OriginalRequestId,
    /// Client session identifier, 16 bytes.
    ClientSessionId,
    /// Token identifier; null where it follows from `id`.
    UniqueTokenIdentifier,
    /// Processing time, ms.
    ProcessingTime,
    /// Duration, ms.
    Duration,
    /// Which values follow from `id`: bits of `durward_model::batch::refs`.
    Derived,
    /// Identifiers that are no GUIDs, JSON.
    IdTexts,
    /// Values that no field holds, JSON.
    Extra,
    /// 0 for the first version of an event, counting up.
    Revision,
    /// The first of the twelve entity keys.
    FirstKey,
}

/// How many columns a row has.
pub(crate) const COLUMN_COUNT: usize = Column::FirstKey as usize + GROUP_COUNT;

impl Column {
    /// The position of a group's key column.
    pub(crate) fn of_key(group: Group) -> usize {
        Column::FirstKey as usize + group as usize
    }

    /// The column of an identifier field, if it has one.
    pub(crate) fn of_id(field: FieldId) -> Option<Column> {
        match field {
            FieldId::Id => Some(Column::Id),
            FieldId::CorrelationId => Some(Column::CorrelationId),
            FieldId::SessionId => Some(Column::SessionId),
            FieldId::OriginalRequestId => Some(Column::OriginalRequestId),
            FieldId::ClientSessionId => Some(Column::ClientSessionId),
            _ => None,
        }
    }
}

/// Name of the partition column that holds the UTC day of `createdDateTime`.
pub(crate) const PARTITION_DATE: &str = "date";
/// Name of the partition column that holds the log.
pub(crate) const PARTITION_LOG: &str = "log";

fn micros() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// The schema of the rows of one `sign_ins` file, without the partition columns.
pub(crate) fn rows_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let id = DataType::FixedSizeBinary(16);
        let mut fields = vec![
            Field::new("createdDateTime", micros(), false),
            Field::new("createdNanos", DataType::Int16, false),
            Field::new("publishedDateTime", micros(), true),
            Field::new("publishedNanos", DataType::Int16, true),
            Field::new("receivedDateTime", micros(), false),
            Field::new("id", id.clone(), false),
            Field::new("correlationId", id.clone(), true),
            Field::new("sessionId", id.clone(), true),
            Field::new("originalRequestId", id.clone(), true),
            Field::new("clientSessionId", id, true),
            Field::new("uniqueTokenIdentifier", DataType::Utf8, true),
            Field::new("processingTimeInMilliseconds", DataType::Int64, true),
            Field::new("durationMs", DataType::Int64, true),
            Field::new("derived", DataType::Int8, false),
            Field::new("idTexts", DataType::Utf8, true),
            Field::new("extra", DataType::Utf8, true),
            Field::new("revision", DataType::Int32, false),
        ];
        let keys = Group::ALL
            .map(|group| Field::new(format!("{}Key", group.column()), DataType::Int32, false));
        fields.extend(keys);
        assert_eq!(fields.len(), COLUMN_COUNT);
        Arc::new(Schema::new(fields))
    });
    SCHEMA.clone()
}

/// The schema of the whole `sign_ins` table, partition columns included.
pub fn table_schema() -> Schema {
    let mut fields: Vec<_> = rows_schema().fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new(PARTITION_DATE, DataType::Date32, false)));
    fields.push(Arc::new(Field::new(PARTITION_LOG, DataType::Utf8, false)));
    Schema::new(fields)
}

/// Orders rows newest first: by time, then by identifier, both descending (SORT-1).
pub(crate) fn newest_first(columns: &Columns, rows: &mut [u32]) {
    rows.sort_unstable_by(|&a, &b| {
        let key = |row: u32| (columns.created[row as usize], columns.id[row as usize]);
        key(b).cmp(&key(a))
    });
}

/// The chosen rows of decoded columns as a record batch. `keys[group][local]` is the lasting key
/// of a batch's entity, `revisions` one number a row of `columns`.
pub(crate) fn rows_of(
    columns: &Columns,
    rows: &[u32],
    keys: &[Vec<i32>; GROUP_COUNT],
    revisions: &[i32],
) -> Result<RecordBatch, StoreError> {
    fn pick<'a, T: 'a, U>(rows: &'a [u32], of: &'a [T], map: impl Fn(&T) -> U + 'a) -> Vec<U> {
        rows.iter().map(|&row| map(&of[row as usize])).collect()
    }
    let utc = |values: TimestampMicrosecondArray| Arc::new(values.with_timezone("UTC")) as ArrayRef;
    let c = columns;
    let mut arrays: Vec<ArrayRef> = vec![
        utc(TimestampMicrosecondArray::from(pick(rows, &c.created, |t| t.micros))),
        Arc::new(Int16Array::from(pick(rows, &c.created, |t| t.nanos as i16))),
        utc(TimestampMicrosecondArray::from(pick(rows, &c.published, |t| t.map(|t| t.micros)))),
        Arc::new(Int16Array::from(pick(rows, &c.published, |t| t.map(|t| t.nanos as i16)))),
        utc(TimestampMicrosecondArray::from(pick(rows, &c.received_micros, |t| *t))),
        Arc::new(id_array(rows.iter().map(|&row| Some(c.id[row as usize])), rows.len())?),
    ];
    for ids in [&c.correlation_id, &c.session_id, &c.original_request_id, &c.client_session_id] {
        arrays.push(Arc::new(id_array(rows.iter().map(|&row| ids[row as usize]), rows.len())?));
    }
    arrays.push(texts(rows, &c.unique_token_identifier));
    arrays.push(Arc::new(Int64Array::from(pick(rows, &c.processing_time_ms, |v| *v))));
    arrays.push(Arc::new(Int64Array::from(pick(rows, &c.duration_ms, |v| *v))));
    arrays.push(Arc::new(Int8Array::from(pick(rows, &c.refs, |v| *v))));
    arrays.push(texts(rows, &c.id_texts));
    arrays.push(texts(rows, &c.extra));
    arrays.push(Arc::new(Int32Array::from(pick(rows, revisions, |v| *v))));
    for group in Group::ALL {
        let lasting = &keys[group as usize];
        arrays.push(Arc::new(Int32Array::from(pick(rows, &c.keys[group as usize], |local| {
            lasting[*local as usize]
        }))));
    }
    Ok(RecordBatch::try_new(rows_schema(), arrays)?)
}

fn id_array(
    ids: impl Iterator<Item = Option<Id>>,
    capacity: usize,
) -> Result<FixedSizeBinaryArray, StoreError> {
    let mut builder = FixedSizeBinaryBuilder::with_capacity(capacity, 16);
    for id in ids {
        match id {
            Some(id) => builder.append_value(id.0)?,
            None => builder.append_null(),
        }
    }
    Ok(builder.finish())
}

fn texts(rows: &[u32], of: &[Option<Box<str>>]) -> ArrayRef {
    let mut builder = StringBuilder::new();
    for &row in rows {
        builder.append_option(of[row as usize].as_deref());
    }
    Arc::new(builder.finish())
}
