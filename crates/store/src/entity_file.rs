//! Entities on disk: the `entities` table, one typed column a field, so that any engine can join
//! them to the rows.

use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use arrow_array::builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int8Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, Int8Array, Int32Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use durward_model::cell::{self, Cell};
use durward_model::field::{self, FIELDS, FieldId, GROUP_COUNT, Group, Kind, Place};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::entities::{Entities, EntityTable};
use crate::error::StoreError;
use crate::files::FileLayer;
use crate::sealed::{Source, common_properties, write_table};

/// Rows in a batch when writing.
const BATCH_ROWS: usize = 16_384;
/// Encoded entities in a batch when writing, in bytes. A column of texts holds 2 GiB.
const BATCH_BYTES: usize = 256 << 20;
/// Rows in a batch when reading: at a record's limit of 1 MiB the texts still fit a column.
const READ_ROWS: usize = 1024;

/// Column of a field in the `entities` table: its name with `_` for `/`.
pub fn column_name(field: FieldId) -> String {
    field.field().name.replace('/', "_")
}

fn entity_fields() -> impl Iterator<Item = &'static field::Field> {
    FIELDS.iter().filter(|field| matches!(field.place, Place::Entity(_)))
}

/// The schema of the `entities` table: `group` (the group's number), `key`, and every field that
/// is stored with an entity.
pub fn entities_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let mut fields = vec![
            Field::new("group", DataType::Int8, false),
            Field::new("key", DataType::Int32, false),
        ];
        fields.extend(entity_fields().map(|field| {
            let kind = match field.kind {
                Kind::Int => DataType::Int64,
                Kind::Float => DataType::Float64,
                Kind::Bool => DataType::Boolean,
                _ => DataType::Utf8,
            };
            Field::new(column_name(field.id), kind, true)
        }));
        Arc::new(Schema::new(fields))
    });
    SCHEMA.clone()
}

/// Writes entities `from[group]..to[group]` of every group as one durable file. Gives how many
/// there were and the size in bytes, or `None` if there was nothing to write.
pub(crate) fn write(
    files: &dyn FileLayer,
    to: &Path,
    tables: &[Arc<EntityTable>],
    from: &[usize; GROUP_COUNT],
    to_keys: &[usize; GROUP_COUNT],
) -> Result<Option<(usize, u64)>, StoreError> {
    let mut wanted: Vec<(Group, u32)> = Vec::new();
    for group in Group::ALL {
        let range = from[group as usize]..to_keys[group as usize];
        wanted.extend(range.map(|key| (group, key as u32)));
    }
    if wanted.is_empty() {
        return Ok(None);
    }
    let mut parts: Vec<Range<usize>> = Vec::new();
    let mut bytes = 0;
    for (index, &(group, key)) in wanted.iter().enumerate() {
        bytes += tables[group as usize].get(key).len();
        match parts.last_mut() {
            Some(part) if part.len() < BATCH_ROWS && bytes <= BATCH_BYTES => part.end = index + 1,
            _ => {
                parts.push(index..index + 1);
                bytes = tables[group as usize].get(key).len();
            }
        }
    }
    let batches = parts.into_iter().map(|part| batch_of(&wanted[part], tables));
    let bytes = write_table(files, to, entities_schema(), batches, common_properties().build())?;
    Ok(Some((wanted.len(), bytes)))
}

fn batch_of(
    wanted: &[(Group, u32)],
    tables: &[Arc<EntityTable>],
) -> Result<RecordBatch, StoreError> {
    let cell = |group: Group, key: u32, field: FieldId| match field.group() == Some(group) {
        true => tables[group as usize].cell(key, field),
        false => Cell::Null,
    };
    let mut arrays: Vec<ArrayRef> = vec![
        Arc::new(Int8Array::from_iter_values(wanted.iter().map(|(group, _)| *group as i8))),
        Arc::new(Int32Array::from_iter_values(wanted.iter().map(|(_, key)| *key as i32))),
    ];
    for field in entity_fields() {
        let cells = wanted.iter().map(|&(group, key)| cell(group, key, field.id));
        arrays.push(match field.kind {
            Kind::Int => {
                let mut builder = Int64Builder::with_capacity(wanted.len());
                cells.for_each(|cell| builder.append_option(cell.as_int()));
                Arc::new(builder.finish())
            }
            Kind::Float => {
                let mut builder = Float64Builder::with_capacity(wanted.len());
                cells.for_each(|cell| match cell {
                    Cell::Float(value) => builder.append_value(value),
                    _ => builder.append_null(),
                });
                Arc::new(builder.finish())
            }
            Kind::Bool => {
                let mut builder = BooleanBuilder::with_capacity(wanted.len());
                cells.for_each(|cell| builder.append_option(cell.as_bool()));
                Arc::new(builder.finish())
            }
            _ => {
                let mut builder = StringBuilder::new();
                cells.for_each(|cell| builder.append_option(cell.as_text()));
                Arc::new(builder.finish())
            }
        });
    }
    Ok(RecordBatch::try_new(entities_schema(), arrays)?)
}

/// Reads a file's entities back. Files must be read in the order in which they were written, and
/// each entity must get the key it had (ENT-1); anything else is corruption.
pub(crate) fn load(
    files: &dyn FileLayer,
    from: &Path,
    entities: &mut Entities,
) -> Result<usize, StoreError> {
    let corrupt = |what: String| StoreError::Corrupt {
        what,
        path: from.to_owned(),
        advice: "restore the entities table from a copy, then start durward again".to_owned(),
    };
    let source = Source(files.open(from)?);
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(source)?.with_batch_size(READ_ROWS).build()?;
    let mut count = 0;
    let mut entity = Vec::new();
    for batch in reader {
        let batch = batch?;
        let groups = batch.column_by_name("group").and_then(|a| a.as_primitive_opt::<Int8Type>());
        let keys = batch.column_by_name("key").and_then(|a| a.as_primitive_opt::<Int32Type>());
        let (Some(groups), Some(keys)) = (groups, keys) else {
            return Err(corrupt("no group and key columns".to_owned()));
        };
        // Columns of fields by name: files written before a field existed lack its column.
        let columns: Vec<Vec<(FieldId, &ArrayRef)>> = Group::ALL
            .iter()
            .map(|&group| {
                let named =
                    |field: FieldId| Some((field, batch.column_by_name(&column_name(field))?));
                field::of_group(group).iter().filter_map(|&field| named(field)).collect()
            })
            .collect();
        for row in 0..batch.num_rows() {
            let Some(&group) = Group::ALL.get(groups.value(row) as usize) else {
                return Err(corrupt(format!("group {} is unknown", groups.value(row))));
            };
            entity.clear();
            for &(field, array) in &columns[group as usize] {
                cell::encode(field, &cell_at(array, row), &mut entity);
            }
            let key = entities.intern(group, &entity);
            if key as i32 != keys.value(row) {
                return Err(corrupt(format!(
                    "{} entity {} reads back as {key}",
                    group.column(),
                    keys.value(row)
                )));
            }
            count += 1;
        }
    }
    Ok(count)
}

fn cell_at(array: &ArrayRef, row: usize) -> Cell<'_> {
    if array.is_null(row) {
        return Cell::Null;
    }
    match array.data_type() {
        DataType::Int64 => Cell::Int(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => Cell::Float(array.as_primitive::<Float64Type>().value(row)),
        DataType::Boolean => Cell::Bool(array.as_boolean().value(row)),
        DataType::Utf8 => Cell::text(array.as_string::<i32>().value(row)),
        _ => Cell::Null,
    }
}
