//! Rollups: hourly counts of a sealed file by the values that pages and reports show.
//!
//! A rollup is a pure function of its file (ROLL-1), so it is exact, small, and can be computed
//! again at any time. It is kept beside the file and read instead of its rows.

use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{Int8Builder, Int64Builder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, Int64Type};
use arrow_array::{Array, RecordBatch, TimestampMicrosecondArray};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use durward_model::FieldId;
use durward_model::errors::{Status, status_of};
use durward_model::field::Group;
use durward_model::time::HOUR_MICROS;
use hashbrown::HashMap;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::chunk::{Chunk, int64s};
use crate::entities::EntitySnapshot;
use crate::error::StoreError;
use crate::files::FileLayer;
use crate::sealed::{SealedFile, Source, common_properties, write_table};

/// The fields that are counted, besides the total.
pub const DIMENSIONS: [FieldId; 11] = [
    FieldId::ErrorCode,
    FieldId::AppDisplayName,
    FieldId::ResourceDisplayName,
    FieldId::CountryOrRegion,
    FieldId::ClientAppUsed,
    FieldId::OperatingSystem,
    FieldId::Browser,
    FieldId::ConditionalAccessStatus,
    FieldId::RiskLevelDuringSignIn,
    FieldId::RiskState,
    FieldId::AuthenticationRequirement,
];

/// One count.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count {
    /// Start of the hour, µs since 1970.
    pub hour_micros: i64,
    /// What is counted by; `None` for the total.
    pub dimension: Option<FieldId>,
    /// The value as text; empty where the event has none.
    pub value: Arc<str>,
    /// Outcome.
    pub status: Status,
    /// Events.
    pub count: u64,
}

/// All counts of a file, in order.
pub type Rollup = Vec<Count>;

/// Counts the rows of chunks, replaced revisions left out.
pub(crate) fn count_chunks<'a>(
    chunks: impl IntoIterator<Item = &'a Chunk>,
    entities: &EntitySnapshot,
) -> Result<Rollup, StoreError> {
    let mut counts: HashMap<(i64, usize, Arc<str>, Status), u64> = HashMap::new();
    for chunk in chunks {
        let created = chunk.created()?;
        let outcomes = chunk.keys(Group::Outcome)?;
        let statuses = Statuses::new(entities);
        let live = |row: usize| chunk.superseded().is_none_or(|gone| !gone.contains(row as u32));
        let mut total: HashMap<(i64, Status), u64> = HashMap::new();
        for row in (0..chunk.rows()).filter(|&row| live(row)) {
            let hour = hour_of(created.value(row));
            *total.entry((hour, statuses.of(outcomes.value(row)))).or_default() += 1;
        }
        for ((hour, status), count) in total {
            *counts.entry((hour, 0, Arc::from(""), status)).or_default() += count;
        }
        for (number, field) in DIMENSIONS.into_iter().enumerate() {
            let group = field.group().unwrap_or(Group::Outcome);
            let keys = chunk.keys(group)?;
            let mut by_key: HashMap<(i64, i32, Status), u64> = HashMap::new();
            for row in (0..chunk.rows()).filter(|&row| live(row)) {
                let hour = hour_of(created.value(row));
                let status = statuses.of(outcomes.value(row));
                *by_key.entry((hour, keys.value(row), status)).or_default() += 1;
            }
            let mut values: HashMap<i32, Arc<str>> = HashMap::new();
            for ((hour, key, status), count) in by_key {
                let table = &entities[group as usize];
                let value = values
                    .entry(key)
                    .or_insert_with(|| table.cell(key as u32, field).to_string().into());
                *counts.entry((hour, number + 1, value.clone(), status)).or_default() += count;
            }
        }
    }
    let mut rollup: Rollup = counts
        .into_iter()
        .map(|((hour_micros, number, value, status), count)| Count {
            hour_micros,
            dimension: number.checked_sub(1).map(|index| DIMENSIONS[index]),
            value,
            status,
            count,
        })
        .collect();
    rollup.sort_unstable();
    Ok(rollup)
}

/// The start of an instant's hour, both µs since 1970.
fn hour_of(micros: i64) -> i64 {
    micros.div_euclid(HOUR_MICROS).saturating_mul(HOUR_MICROS)
}

/// The status of every outcome, worked out once.
struct Statuses(Vec<Status>);

impl Statuses {
    fn new(entities: &EntitySnapshot) -> Statuses {
        let table = &entities[Group::Outcome as usize];
        let status = |key| status_of(table.cell(key, FieldId::ErrorCode).as_int());
        Statuses((0..table.len() as u32).map(status).collect())
    }

    fn of(&self, key: i32) -> Status {
        self.0.get(key as usize).copied().unwrap_or(Status::Failure)
    }
}

impl SealedFile {
    /// The counts of all rows of the file, replaced revisions included.
    pub(crate) fn rollup(
        self: &Arc<Self>,
        entities: &EntitySnapshot,
    ) -> Result<Arc<Rollup>, StoreError> {
        if let Some(rollup) = self.rollup.get() {
            return Ok(rollup.clone());
        }
        let chunks: Vec<Chunk> = Chunk::of_file(self).collect();
        let rollup = Arc::new(count_chunks(&chunks, entities)?);
        Ok(self.rollup.get_or_init(|| rollup).clone())
    }
}

fn schema() -> Arc<Schema> {
    Arc::new(Schema::new(vec![
        Field::new("hour", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false),
        Field::new("dimension", DataType::Utf8, true),
        Field::new("value", DataType::Utf8, false),
        Field::new("status", DataType::Int8, false),
        Field::new("count", DataType::Int64, false),
    ]))
}

/// Writes a rollup as a durable Parquet file.
pub(crate) fn write(files: &dyn FileLayer, to: &Path, rollup: &Rollup) -> Result<(), StoreError> {
    let (mut dimensions, mut values) = (StringBuilder::new(), StringBuilder::new());
    let (mut statuses, mut counts) = (Int8Builder::new(), Int64Builder::new());
    for count in rollup {
        dimensions.append_option(count.dimension.map(|field| field.field().name));
        values.append_value(&count.value);
        statuses.append_value(count.status as i8);
        counts.append_value(i64::try_from(count.count).unwrap_or(i64::MAX));
    }
    let hours = TimestampMicrosecondArray::from_iter_values(rollup.iter().map(|c| c.hour_micros));
    let batch = RecordBatch::try_new(
        schema(),
        vec![
            Arc::new(hours.with_timezone("UTC")),
            Arc::new(dimensions.finish()),
            Arc::new(values.finish()),
            Arc::new(statuses.finish()),
            Arc::new(counts.finish()),
        ],
    )?;
    write_table(files, to, schema(), [Ok(batch)], common_properties().build())?;
    Ok(())
}

/// Reads a rollup; `None` if there is none or it cannot be read, since it can be computed again.
pub(crate) fn read(files: &dyn FileLayer, from: &Path) -> Option<Rollup> {
    let source = Source(files.open(from).ok()?);
    let reader = ParquetRecordBatchReaderBuilder::try_new(source).ok()?.build().ok()?;
    let mut rollup = Rollup::new();
    for batch in reader {
        let batch = batch.ok().filter(|batch| batch.schema().fields().len() == 5)?;
        let hours = int64s(batch.column(0)).ok()?;
        let dimensions = batch.column(1).as_string_opt::<i32>()?;
        let values = batch.column(2).as_string_opt::<i32>()?;
        let statuses = batch.column(3).as_primitive_opt::<Int8Type>()?;
        let counts = batch.column(4).as_primitive_opt::<Int64Type>()?;
        for row in 0..batch.num_rows() {
            let dimension = match dimensions.is_valid(row) {
                true => Some(durward_model::field::by_name(dimensions.value(row))?.id),
                false => None,
            };
            rollup.push(Count {
                hour_micros: hours.value(row),
                dimension,
                value: values.value(row).into(),
                status: *Status::ALL.get(usize::try_from(statuses.value(row)).ok()?)?,
                count: u64::try_from(counts.value(row)).ok()?,
            });
        }
    }
    Some(rollup)
}
