//! Writes a candidate.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{FixedSizeBinaryBuilder, StringBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, DictionaryArray, Int8Array, Int16Array, Int32Array, Int64Array, RecordBatch,
    StringArray,
};
use durward_model::field::{self, Group, Log};
use durward_model::time::DAY_MICROS;
use durward_model::{Id, cell};
use hashbrown::HashMap;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::Candidate;
use super::collect::Events;

/// Rows handed to the writer at once.
const BATCH_ROWS: usize = 65_536;
/// Rows of a page.
const PAGE_ROWS: usize = 8_192;

/// The texts of one field, for a candidate that stores texts.
struct Texts {
    name: &'static str,
    group: Group,
    values: Arc<StringArray>,
    /// For each entity of the group the number of its value.
    numbers: Vec<Option<i32>>,
}

/// Writes one file a day and log, named `{day}-{log}.parquet`, and the entities if they are used.
pub(super) fn write(events: &Events, candidate: &Candidate, to: &Path) -> anyhow::Result<()> {
    let mut files: BTreeMap<(i64, u8), Vec<u32>> = BTreeMap::new();
    for row in 0..events.len() {
        let day = events.columns.created[row].micros.div_euclid(DAY_MICROS);
        files.entry((day, events.columns.log[row])).or_default().push(row as u32);
    }
    let texts = if candidate.text_values { all_texts(events) } else { Vec::new() };
    for ((day, log), mut rows) in files {
        sort(events, candidate, &mut rows);
        let file = File::create(to.join(format!("{day}-{log}.parquet")))?;
        let mut writer: Option<ArrowWriter<File>> = None;
        for some in rows.chunks(BATCH_ROWS) {
            let batch = batch(events, candidate, &texts, some)?;
            let writer = match &mut writer {
                Some(writer) => writer,
                None => writer.insert(ArrowWriter::try_new(
                    file.try_clone()?,
                    batch.schema(),
                    Some(properties(candidate)),
                )?),
            };
            writer.write(&batch)?;
        }
        if let Some(writer) = writer {
            writer.close()?;
        }
    }
    if !candidate.text_values {
        write_entities(events, to)?;
    }
    Ok(())
}

fn sort(events: &Events, candidate: &Candidate, rows: &mut [u32]) {
    let c = &events.columns;
    let time = |row: u32| (c.created[row as usize], c.id[row as usize]);
    rows.sort_unstable_by_key(|&row| std::cmp::Reverse(time(row)));
    if candidate.by_actor {
        let key = |group: Group, row: u32| c.keys[group as usize][row as usize];
        rows.sort_by_key(|&row| (key(Group::Actor, row), key(Group::ServicePrincipal, row)));
    }
}

fn properties(candidate: &Candidate) -> WriterProperties {
    let path = |name: &str| ColumnPath::from(name);
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).unwrap_or_default()))
        .set_max_row_group_row_count(Some(candidate.row_group_rows))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(PAGE_ROWS)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_dictionary_page_size_limit(4 << 20)
        .set_column_dictionary_enabled(path("created"), false)
        .set_column_encoding(path("created"), Encoding::DELTA_BINARY_PACKED)
        .set_column_dictionary_enabled(path("published"), false)
        .set_column_encoding(path("published"), Encoding::DELTA_BINARY_PACKED)
        .set_column_statistics_enabled(path("actor"), EnabledStatistics::Page);
    for name in ["id", "correlationId", "originalRequestId", "extra"] {
        builder = builder.set_column_dictionary_enabled(path(name), false);
    }
    if candidate.bloom {
        for name in ["id", "correlationId"] {
            builder = builder
                .set_column_bloom_filter_enabled(path(name), true)
                .set_column_bloom_filter_fpp(path(name), 0.02)
                .set_column_bloom_filter_max_ndv(path(name), candidate.row_group_rows as u64);
        }
    }
    if !candidate.text_ids {
        builder = builder.set_column_compression(path("id"), Compression::UNCOMPRESSED);
    }
    builder.build()
}

fn batch(
    events: &Events,
    candidate: &Candidate,
    texts: &[Texts],
    rows: &[u32],
) -> anyhow::Result<RecordBatch> {
    let c = &events.columns;
    let pick = |of: &dyn Fn(usize) -> Option<i64>| -> ArrayRef {
        Arc::new(Int64Array::from_iter(rows.iter().map(|&row| of(row as usize))))
    };
    let ids = |of: &dyn Fn(usize) -> Option<Id>| ids_of(candidate, rows, of);
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("created", pick(&|row| Some(c.created[row].micros))),
        ("id", ids(&|row| Some(c.id[row]))?),
        (
            "nanos",
            Arc::new(Int16Array::from_iter_values(
                rows.iter().map(|&row| c.created[row as usize].nanos as i16),
            )),
        ),
        ("published", pick(&|row| c.published[row].map(|time| time.micros))),
        ("correlationId", ids(&|row| c.correlation_id[row])?),
        ("sessionId", ids(&|row| c.session_id[row])?),
        ("originalRequestId", ids(&|row| c.original_request_id[row])?),
        ("processingTime", pick(&|row| c.processing_time_ms[row])),
        ("duration", pick(&|row| c.duration_ms[row])),
        (
            "derived",
            Arc::new(Int8Array::from_iter_values(rows.iter().map(|&row| c.refs[row as usize]))),
        ),
    ];
    let mut extra = StringBuilder::new();
    rows.iter().for_each(|&row| extra.append_option(c.extra[row as usize].as_deref()));
    columns.push(("extra", Arc::new(extra.finish())));
    if candidate.text_values {
        for field in texts {
            let keys = &c.keys[field.group as usize];
            let numbers = rows.iter().map(|&row| field.numbers[keys[row as usize] as usize]);
            let numbers = Int32Array::from_iter(numbers);
            let array = DictionaryArray::<Int32Type>::try_new(numbers, field.values.clone())?;
            columns.push((field.name, Arc::new(array)));
        }
    } else {
        for group in Group::ALL {
            let keys = &c.keys[group as usize];
            let keys = Int32Array::from_iter_values(rows.iter().map(|&r| keys[r as usize] as i32));
            columns.push((group.column(), Arc::new(keys)));
        }
    }
    Ok(RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )?)
}

fn ids_of(
    candidate: &Candidate,
    rows: &[u32],
    of: &dyn Fn(usize) -> Option<Id>,
) -> anyhow::Result<ArrayRef> {
    let ids = rows.iter().map(|&row| of(row as usize));
    if candidate.text_ids {
        let mut builder = StringBuilder::new();
        ids.for_each(|id| builder.append_option(id.map(|id| id.to_string())));
        return Ok(Arc::new(builder.finish()));
    }
    let mut builder = FixedSizeBinaryBuilder::with_capacity(rows.len(), 16);
    for id in ids {
        match id {
            Some(id) => builder.append_value(id.0)?,
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// The distinct texts of every field that has any.
fn all_texts(events: &Events) -> Vec<Texts> {
    let mut all = Vec::new();
    for group in Group::ALL {
        let list = &events.entities[group as usize];
        for &field in field::of_group(group) {
            let mut known: HashMap<String, i32> = HashMap::new();
            let mut values = StringBuilder::new();
            let numbers: Vec<Option<i32>> = (0..list.len() as u32)
                .map(|key| {
                    let cell = cell::find(list.get(key), field);
                    let text = (!cell.is_null()).then(|| cell.to_string())?;
                    let next = known.len() as i32;
                    Some(*known.entry(text).or_insert_with_key(|text| {
                        values.append_value(text);
                        next
                    }))
                })
                .collect();
            if !known.is_empty() {
                let values = Arc::new(values.finish());
                all.push(Texts { name: field.field().name, group, values, numbers });
            }
        }
    }
    all
}

fn write_entities(events: &Events, to: &Path) -> anyhow::Result<()> {
    let mut builder = arrow_array::builder::BinaryBuilder::new();
    for list in &events.entities {
        (0..list.len() as u32).for_each(|key| builder.append_value(list.get(key)));
    }
    let column: ArrayRef = Arc::new(builder.finish());
    let batch = RecordBatch::try_from_iter([("entity", column)])?;
    let level = ZstdLevel::try_new(3).unwrap_or_default();
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_dictionary_enabled(false)
        .build();
    let file = File::create(to.join("entities"))?;
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties))?;
    writer.write(&batch)?;
    writer.close()?;
    Ok(())
}

/// Is this the name of a file of user sign-ins?
pub(super) fn is_of_users(path: &Path) -> bool {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let log = stem.and_then(|stem| stem.rsplit('-').next()?.parse::<u8>().ok());
    log.is_some_and(|log| log <= Log::NonInteractiveUser as u8)
}
