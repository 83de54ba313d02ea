//! The rows of a checkpoint as actions. Columns are found by name; those that other writers add
//! are passed over, those they leave out are null.

use std::collections::BTreeMap;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch, StructArray};

use super::super::action::{Action, Metadata, Protocol};
use super::super::snapshot::Txn;
use super::super::{AddFile, Tombstone, path};

/// Appends the actions of one batch to `actions`.
pub(super) fn actions(batch: &RecordBatch, actions: &mut Vec<Action>) -> Result<(), String> {
    type Decode = fn(&Row<'_>) -> Result<Action, String>;
    let kinds: [(&str, Decode); 5] = [
        ("protocol", protocol),
        ("metaData", metadata),
        ("txn", txn),
        ("add", add),
        ("remove", remove),
    ];
    for (name, decode) in kinds {
        let Some(column) = batch.column_by_name(name) else { continue };
        let column = column.as_struct_opt().ok_or_else(|| format!("{name} is not a struct"))?;
        for row in (0..column.len()).filter(|row| column.is_valid(*row)) {
            let row = Row { column, row };
            actions.push(decode(&row).map_err(|reason| format!("{name}: {reason}"))?);
        }
    }
    Ok(())
}

fn protocol(row: &Row<'_>) -> Result<Action, String> {
    Ok(Action::Protocol(Protocol {
        min_reader_version: row.int("minReaderVersion")?,
        min_writer_version: row.int("minWriterVersion")?,
    }))
}

fn metadata(row: &Row<'_>) -> Result<Action, String> {
    let set = row.map("configuration").into_iter();
    Ok(Action::Metadata(Metadata {
        id: row.text("id")?,
        name: row.text_or_null("name"),
        schema: row.text("schemaString")?,
        partition_columns: row.list("partitionColumns"),
        configuration: set.filter_map(|(key, value)| Some((key, value?))).collect(),
        created_time_ms: row.long_or_null("createdTime"),
    }))
}

fn txn(row: &Row<'_>) -> Result<Action, String> {
    let txn =
        Txn { version: row.long("version")?, last_updated_ms: row.long_or_null("lastUpdated") };
    Ok(Action::Txn(row.text("appId")?, txn))
}

fn add(row: &Row<'_>) -> Result<Action, String> {
    Ok(Action::Add(AddFile {
        path: path::decode(&row.text("path")?)?,
        partition_values: row.map("partitionValues"),
        size_bytes: size(row.long("size")?)?,
        modification_time_ms: row.long("modificationTime")?,
        stats: row.text_or_null("stats"),
    }))
}

fn remove(row: &Row<'_>) -> Result<Action, String> {
    Ok(Action::Remove(Tombstone {
        path: path::decode(&row.text("path")?)?,
        deletion_time_ms: row.long_or_null("deletionTimestamp").unwrap_or(0),
        partition_values: row.map("partitionValues"),
        size_bytes: row.long_or_null("size").map(size).transpose()?,
    }))
}

fn size(size: i64) -> Result<u64, String> {
    u64::try_from(size).map_err(|_| format!("a size of {size} bytes"))
}

/// One set row of a struct column.
struct Row<'a> {
    column: &'a StructArray,
    row: usize,
}

impl Row<'_> {
    fn field(&self, name: &str) -> Option<&ArrayRef> {
        self.column.column_by_name(name).filter(|array| array.is_valid(self.row))
    }

    fn text_or_null(&self, name: &str) -> Option<String> {
        let array = self.field(name)?.as_string_opt::<i32>()?;
        Some(array.value(self.row).to_owned())
    }

    fn text(&self, name: &str) -> Result<String, String> {
        self.text_or_null(name).ok_or_else(|| format!("{name} is missing"))
    }

    fn long_or_null(&self, name: &str) -> Option<i64> {
        let array = self.field(name)?.as_primitive_opt::<Int64Type>()?;
        Some(array.value(self.row))
    }

    fn long(&self, name: &str) -> Result<i64, String> {
        self.long_or_null(name).ok_or_else(|| format!("{name} is missing"))
    }

    fn int(&self, name: &str) -> Result<i32, String> {
        let array = self.field(name).and_then(|array| array.as_primitive_opt::<Int32Type>());
        array.map(|array| array.value(self.row)).ok_or_else(|| format!("{name} is missing"))
    }

    fn map(&self, name: &str) -> BTreeMap<String, Option<String>> {
        let Some(map) = self.field(name).and_then(|array| array.as_map_opt()) else {
            return BTreeMap::new();
        };
        let entries = map.value(self.row);
        let texts = |at: usize| entries.column(at).as_string_opt::<i32>();
        let (Some(keys), Some(values)) = (texts(0), texts(1)) else { return BTreeMap::new() };
        keys.iter()
            .zip(values)
            .filter_map(|(key, value)| Some((key?.to_owned(), value.map(str::to_owned))))
            .collect()
    }

    fn list(&self, name: &str) -> Vec<String> {
        let Some(list) = self.field(name).and_then(|array| array.as_list_opt::<i32>()) else {
            return Vec::new();
        };
        let values = list.value(self.row);
        let texts = values.as_string_opt::<i32>();
        texts.into_iter().flatten().flatten().map(str::to_owned).collect()
    }
}
