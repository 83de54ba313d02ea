//! A snapshot as the columns of a checkpoint: one struct column per kind of action, and in each
//! row one of them set.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, MapBuilder, MapFieldNames, StringBuilder};
use arrow_array::{
    ArrayRef, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray, StructArray,
};
use arrow_buffer::NullBuffer;
use arrow_schema::{ArrowError, Field, Fields};

use super::super::path;
use super::super::snapshot::Snapshot;

/// Number of rows of the checkpoint of a snapshot.
pub(super) fn row_count(snapshot: &Snapshot) -> usize {
    2 + snapshot.txns.len() + snapshot.files.len() + snapshot.tombstones.len()
}

/// The rows: protocol, metadata, applications, files, removed files.
pub(super) fn batch(snapshot: &Snapshot) -> Result<RecordBatch, ArrowError> {
    let total = row_count(snapshot);
    let txns = 2..2 + snapshot.txns.len();
    let adds = txns.end..txns.end + snapshot.files.len();
    let removes = adds.end..adds.end + snapshot.tombstones.len();
    assert_eq!(removes.end, total);
    let columns = [
        ("txn", txn_column(snapshot, &Rows { total, range: txns })?),
        ("add", add_column(snapshot, &Rows { total, range: adds })?),
        ("remove", remove_column(snapshot, &Rows { total, range: removes })?),
        ("metaData", metadata_column(snapshot, &Rows { total, range: 1..2 })?),
        ("protocol", protocol_column(snapshot, &Rows { total, range: 0..1 })?),
    ];
    RecordBatch::try_from_iter_with_nullable(
        columns.map(|(name, column)| (name, Arc::new(column) as ArrayRef, true)),
    )
}

/// The rows in which one struct column is set; in the others it and its fields are null.
struct Rows {
    total: usize,
    range: Range<usize>,
}

impl Rows {
    /// The values of one field, one per row of the range, with nulls around them.
    fn spread<T>(
        &self,
        values: impl Iterator<Item = Option<T>>,
    ) -> impl Iterator<Item = Option<T>> {
        let nulls = |count| std::iter::repeat_with(|| None).take(count);
        let after = self.total - self.range.end;
        nulls(self.range.start).chain(values).chain(nulls(after))
    }

    fn texts<'a>(&self, values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
        Arc::new(self.spread(values).collect::<StringArray>())
    }

    fn longs(&self, values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
        Arc::new(self.spread(values).collect::<Int64Array>())
    }

    fn ints(&self, value: i32) -> ArrayRef {
        Arc::new(self.spread(self.range.clone().map(|_| Some(value))).collect::<Int32Array>())
    }

    fn bools(&self, value: bool) -> ArrayRef {
        Arc::new(self.spread(self.range.clone().map(|_| Some(value))).collect::<BooleanArray>())
    }

    fn maps<'a, I>(&self, values: impl Iterator<Item = I>) -> Result<ArrayRef, ArrowError>
    where
        I: Iterator<Item = (&'a str, Option<&'a str>)>,
    {
        let names =
            MapFieldNames { entry: "key_value".into(), key: "key".into(), value: "value".into() };
        let mut maps = MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new());
        for map in self.spread(values.map(Some)) {
            let is_set = map.is_some();
            for (key, value) in map.into_iter().flatten() {
                maps.keys().append_value(key);
                maps.values().append_option(value);
            }
            maps.append(is_set)?;
        }
        Ok(Arc::new(maps.finish()))
    }

    fn column(&self, fields: Vec<(&str, ArrayRef)>) -> Result<StructArray, ArrowError> {
        let is_set: NullBuffer = (0..self.total).map(|row| self.range.contains(&row)).collect();
        let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = fields
            .into_iter()
            .map(|(name, array)| (Field::new(name, array.data_type().clone(), true), array))
            .unzip();
        StructArray::try_new(Fields::from(fields), arrays, Some(is_set))
    }
}

fn protocol_column(snapshot: &Snapshot, rows: &Rows) -> Result<StructArray, ArrowError> {
    rows.column(vec![
        ("minReaderVersion", rows.ints(snapshot.protocol.min_reader_version)),
        ("minWriterVersion", rows.ints(snapshot.protocol.min_writer_version)),
    ])
}

fn metadata_column(snapshot: &Snapshot, rows: &Rows) -> Result<StructArray, ArrowError> {
    let metadata = &snapshot.metadata;
    let one = |value| rows.texts(std::iter::once(value));
    let format = rows.column(vec![
        ("provider", one(Some("parquet"))),
        ("options", rows.maps(std::iter::once(std::iter::empty()))?),
    ])?;
    let mut partitions = ListBuilder::new(StringBuilder::new());
    for names in rows.spread(std::iter::once(Some(&metadata.partition_columns))) {
        names.into_iter().flatten().for_each(|name| partitions.values().append_value(name));
        partitions.append(names.is_some());
    }
    let configuration = metadata.configuration.iter().map(|(k, v)| (k.as_str(), Some(v.as_str())));
    rows.column(vec![
        ("id", one(Some(&metadata.id))),
        ("name", one(metadata.name.as_deref())),
        ("description", one(None)),
        ("format", Arc::new(format)),
        ("schemaString", one(Some(&metadata.schema))),
        ("partitionColumns", Arc::new(partitions.finish())),
        ("configuration", rows.maps(std::iter::once(configuration))?),
        ("createdTime", rows.longs(std::iter::once(metadata.created_time_ms))),
    ])
}

fn txn_column(snapshot: &Snapshot, rows: &Rows) -> Result<StructArray, ArrowError> {
    let txns = || snapshot.txns.iter();
    rows.column(vec![
        ("appId", rows.texts(txns().map(|(app_id, _)| Some(app_id.as_str())))),
        ("version", rows.longs(txns().map(|(_, txn)| Some(txn.version)))),
        ("lastUpdated", rows.longs(txns().map(|(_, txn)| txn.last_updated_ms))),
    ])
}

fn add_column(snapshot: &Snapshot, rows: &Rows) -> Result<StructArray, ArrowError> {
    let files = || snapshot.files.values();
    let paths: Vec<String> = files().map(|file| path::encode(&file.path)).collect();
    rows.column(vec![
        ("path", rows.texts(paths.iter().map(|path| Some(path.as_str())))),
        ("partitionValues", rows.maps(files().map(|file| pairs(&file.partition_values)))?),
        ("size", rows.longs(files().map(|file| Some(file.size_bytes as i64)))),
        ("modificationTime", rows.longs(files().map(|file| Some(file.modification_time_ms)))),
        ("dataChange", rows.bools(false)),
        ("stats", rows.texts(files().map(|file| file.stats.as_deref()))),
    ])
}

fn remove_column(snapshot: &Snapshot, rows: &Rows) -> Result<StructArray, ArrowError> {
    let gone = || snapshot.tombstones.values();
    let paths: Vec<String> = gone().map(|file| path::encode(&file.path)).collect();
    rows.column(vec![
        ("path", rows.texts(paths.iter().map(|path| Some(path.as_str())))),
        ("deletionTimestamp", rows.longs(gone().map(|file| Some(file.deletion_time_ms)))),
        ("dataChange", rows.bools(false)),
        ("extendedFileMetadata", rows.bools(true)),
        ("partitionValues", rows.maps(gone().map(|file| pairs(&file.partition_values)))?),
        ("size", rows.longs(gone().map(|file| file.size_bytes.map(|size| size as i64)))),
    ])
}

fn pairs(values: &BTreeMap<String, Option<String>>) -> impl Iterator<Item = (&str, Option<&str>)> {
    values.iter().map(|(name, value)| (name.as_str(), value.as_deref()))
}
