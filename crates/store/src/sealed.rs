//! Sealed files: rows of one log and one UTC day as Parquet, newest first.
//!
//! A sealed file never changes (SEAL-1). Columns are read a row group at a time and kept decoded
//! in the column cache; a few rows of rarely read columns are read page by page instead.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::{
    ArrayRef, Int8Array, Int16Array, Int32Array, Int64Array, RecordBatch, UInt32Array,
};
use arrow_schema::{DataType, SchemaRef};
use bytes::Bytes;
use durward_model::field::{GROUP_COUNT, Log};
use parking_lot::Mutex;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection,
    RowSelector,
};
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::bloom_filter::Sbbf;
use parquet::file::metadata::{ColumnChunkMetaData, PageIndexPolicy};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnPath;

use crate::cache::ColumnCache;
use crate::error::StoreError;
use crate::files::{FileLayer, ReadFile, temporary_name};
use crate::handles::{Handles, LazyFile};
use crate::schema::{COLUMN_COUNT, Column, rows_schema};

/// Rows in a row group. Large enough that an integer column of one compresses well, small enough
/// that a list of fifty rows decodes little.
pub(crate) const ROW_GROUP_ROWS: usize = 131_072;
/// Rows in a page: what reading a single row decodes.
const PAGE_ROWS: usize = 8_192;

/// A file of the layer as Parquet wants to read it.
#[derive(Clone)]
pub(crate) struct Source(pub(crate) Arc<dyn ReadFile>);

struct SourceReader {
    file: Arc<dyn ReadFile>,
    offset: u64,
}

impl Length for Source {
    fn len(&self) -> u64 {
        self.0.len()
    }
}

impl ChunkReader for Source {
    type T = io::BufReader<Box<dyn Read + Send>>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        let reader = SourceReader { file: self.0.clone(), offset: start };
        Ok(io::BufReader::new(Box::new(reader)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        if start.checked_add(length as u64).is_none_or(|end| end > self.0.len()) {
            return Err(parquet::errors::ParquetError::EOF("file is shorter than it says".into()));
        }
        let mut buffer = vec![0; length];
        self.0.read_at(start, &mut buffer)?;
        Ok(buffer.into())
    }
}

impl Read for SourceReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.file.len().saturating_sub(self.offset);
        let count = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.file.read_at(self.offset, &mut buffer[..count])?;
        self.offset += count as u64;
        Ok(count)
    }
}

/// Columns that zstd makes much smaller: identifiers that repeat, and texts.
const COMPRESSED: [&str; 7] = [
    "correlationId",
    "sessionId",
    "originalRequestId",
    "clientSessionId",
    "uniqueTokenIdentifier",
    "idTexts",
    "extra",
];

fn zstd() -> Compression {
    Compression::ZSTD(ZstdLevel::try_new(3).unwrap_or_default())
}

/// How sealed files are written: delta-coded time, plain identifiers with bloom filters for the
/// two that are searched for, dictionaries for entity keys, zstd where it helps.
fn row_properties(rows: usize) -> WriterProperties {
    let mut builder = common_properties()
        .set_column_encoding(path("createdDateTime"), Encoding::DELTA_BINARY_PACKED)
        .set_column_dictionary_enabled(path("createdDateTime"), false)
        .set_column_dictionary_enabled(path("publishedDateTime"), false)
        .set_column_encoding(path("publishedDateTime"), Encoding::DELTA_BINARY_PACKED);
    for name in ["id", "correlationId", "originalRequestId", "extra", "idTexts"] {
        builder = builder.set_column_dictionary_enabled(path(name), false);
    }
    for name in ["id", "correlationId"] {
        builder = builder
            .set_column_bloom_filter_enabled(path(name), true)
            .set_column_bloom_filter_fpp(path(name), 0.02)
            .set_column_bloom_filter_max_ndv(path(name), rows.clamp(64, ROW_GROUP_ROWS) as u64);
    }
    // Times and keys are small already: compressing them again gains two bytes an event in all,
    // and a reader would set up a decompressor for every page it touches (tens of microseconds
    // on a virtual machine).
    builder = builder.set_compression(Compression::UNCOMPRESSED);
    for name in COMPRESSED {
        builder = builder.set_column_compression(path(name), zstd());
    }
    builder.build()
}

/// What all table files share.
pub(crate) fn common_properties() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_compression(zstd())
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(PAGE_ROWS)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_dictionary_page_size_limit(4 << 20)
        .set_created_by(concat!("durward ", env!("CARGO_PKG_VERSION")).to_owned())
}

fn path(name: &str) -> ColumnPath {
    ColumnPath::from(name)
}

/// What was written.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) rows: usize,
    pub(crate) bytes: u64,
    pub(crate) min_micros: i64,
    pub(crate) max_micros: i64,
}

/// Writes rows, already in order, as one durable file: complete and synced, or not there.
/// `rows` is how many the batches hold together.
pub(crate) fn write_rows(
    files: &dyn FileLayer,
    to: &std::path::Path,
    rows: usize,
    batches: impl IntoIterator<Item = Result<RecordBatch, StoreError>>,
) -> Result<Written, StoreError> {
    let (mut min_micros, mut max_micros) = (i64::MAX, i64::MIN);
    let watched = batches.into_iter().map(|batch| {
        let batch = batch?;
        let created = crate::chunk::int64s(batch.column(Column::Created as usize))?;
        if let (Some(&newest), Some(&oldest)) = (created.values().first(), created.values().last())
        {
            (min_micros, max_micros) = (min_micros.min(oldest), max_micros.max(newest));
        }
        Ok(batch)
    });
    let bytes = write_table(files, to, rows_schema(), watched, row_properties(rows))?;
    Ok(Written { rows, bytes, min_micros, max_micros })
}

/// Writes batches of one schema as one durable Parquet file; gives its size in bytes.
pub(crate) fn write_table(
    files: &dyn FileLayer,
    to: &std::path::Path,
    schema: SchemaRef,
    batches: impl IntoIterator<Item = Result<RecordBatch, StoreError>>,
    properties: WriterProperties,
) -> Result<u64, StoreError> {
    let parent = to.parent().unwrap_or(to);
    files.create_dir_durably(parent)?;
    let temporary = temporary_name(to);
    let write = || {
        let bytes = write_synced(files, &temporary, schema, batches, properties)?;
        files.rename(&temporary, to)?;
        Ok(bytes)
    };
    let bytes = write().inspect_err(|_: &StoreError| {
        // Best effort: on a full disk the space is wanted back at once.
        let _ = files.remove(&temporary);
    })?;
    files.sync_dir(parent)?;
    Ok(bytes)
}

fn write_synced(
    files: &dyn FileLayer,
    to: &std::path::Path,
    schema: SchemaRef,
    batches: impl IntoIterator<Item = Result<RecordBatch, StoreError>>,
    properties: WriterProperties,
) -> Result<u64, StoreError> {
    let mut file = files.create(to)?;
    let mut counted = Counted { inner: &mut file, bytes: 0 };
    let mut writer = ArrowWriter::try_new(&mut counted, schema, Some(properties))?;
    for batch in batches {
        writer.write(&batch?)?;
    }
    writer.close()?;
    let bytes = counted.bytes;
    file.sync()?;
    Ok(bytes)
}

struct Counted<'a, W: ?Sized> {
    inner: &'a mut W,
    bytes: u64,
}

impl<W: Write + ?Sized> Write for Counted<'_, W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(buffer)?;
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Facts of one row group, from the footer.
#[derive(Clone, Debug)]
pub(crate) struct RowGroupFacts {
    pub(crate) rows: usize,
    pub(crate) min_micros: i64,
    pub(crate) max_micros: i64,
    pub(crate) max_revision: i32,
}

/// Bloom filters by row group and column; `None` where a column has none.
type Blooms = hashbrown::HashMap<(u16, u16), Option<Arc<Sbbf>>>;

/// An open sealed file.
pub(crate) struct SealedFile {
    /// Unique while the process lives: what the column cache knows it by.
    pub(crate) number: u64,
    /// Relative to the table's directory; what the table log calls it.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) log: Log,
    /// Days since 1970, UTC.
    pub(crate) day: i32,
    pub(crate) bytes: u64,
    /// Bytes of its pages before compression.
    pub(crate) plain_bytes: u64,
    pub(crate) row_groups: Vec<RowGroupFacts>,
    /// The greatest key of each group, -1 where the footer does not say.
    pub(crate) greatest_keys: [i32; GROUP_COUNT],
    source: Source,
    footer: ArrowReaderMetadata,
    cache: Arc<ColumnCache>,
    blooms: Mutex<Blooms>,
    pub(crate) rollup: std::sync::OnceLock<Arc<crate::rollup::Rollup>>,
}

impl std::fmt::Debug for SealedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealedFile").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Drop for SealedFile {
    fn drop(&mut self) {
        self.cache.forget(self.number);
    }
}

impl SealedFile {
    /// Opens a file and reads its footer.
    pub(crate) fn open(
        handles: &Arc<Handles>,
        path: PathBuf,
        name: String,
        (log, day): (Log, i32),
        cache: Arc<ColumnCache>,
    ) -> Result<SealedFile, StoreError> {
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let source = Source(LazyFile::open(handles, number, &path)?);
        let options = ArrowReaderOptions::new()
            .with_offset_index_policy(PageIndexPolicy::Optional)
            .with_schema(rows_schema())
            .with_skip_arrow_metadata(true);
        let footer = ArrowReaderMetadata::load(&source, options)?;
        let mut row_groups = Vec::with_capacity(footer.metadata().num_row_groups());
        let (mut plain_bytes, mut greatest_keys) = (0, [-1; GROUP_COUNT]);
        for facts in footer.metadata().row_groups() {
            let created = facts.column(Column::Created as usize).statistics();
            let revision = facts.column(Column::Revision as usize).statistics();
            let (Some(Statistics::Int64(created)), Some(Statistics::Int32(revision))) =
                (created, revision)
            else {
                return Err(StoreError::Corrupt {
                    what: "no statistics for createdDateTime or revision".to_owned(),
                    path,
                    advice: "the file was not written by durward; move it out of the table".into(),
                });
            };
            plain_bytes += u64::try_from(facts.total_byte_size()).unwrap_or(0);
            for (group, greatest) in greatest_keys.iter_mut().enumerate() {
                let keys = facts.column(Column::FirstKey as usize + group).statistics();
                if let Some(Statistics::Int32(keys)) = keys {
                    *greatest = keys.max_opt().copied().unwrap_or(-1).max(*greatest);
                }
            }
            row_groups.push(RowGroupFacts {
                rows: usize::try_from(facts.num_rows()).unwrap_or(0),
                min_micros: created.min_opt().copied().unwrap_or(i64::MIN),
                max_micros: created.max_opt().copied().unwrap_or(i64::MAX),
                max_revision: revision.max_opt().copied().unwrap_or(0),
            });
        }
        let bytes = source.len();
        Ok(SealedFile {
            number,
            name,
            path,
            log,
            day,
            bytes,
            plain_bytes,
            row_groups,
            greatest_keys,
            source,
            footer,
            cache,
            blooms: Mutex::default(),
            rollup: std::sync::OnceLock::new(),
        })
    }

    /// How many rows it holds.
    pub(crate) fn rows(&self) -> usize {
        self.row_groups.iter().map(|facts| facts.rows).sum()
    }

    /// One column of one row group, from the cache if it is there.
    pub(crate) fn column(&self, row_group: usize, column: usize) -> Result<ArrayRef, StoreError> {
        let key = (self.number, row_group as u16, column as u16);
        if let Some(array) = self.cache.get(key) {
            return Ok(array);
        }
        let batch = self.read(row_group, &[column], None)?;
        let array = batch.column(0).clone();
        self.cache.put(key, array.clone());
        Ok(array)
    }

    /// Several columns of one row group, not kept; of all rows, or of some (ascending).
    pub(crate) fn read(
        &self,
        row_group: usize,
        columns: &[usize],
        rows: Option<&[u32]>,
    ) -> Result<RecordBatch, StoreError> {
        debug_assert!(columns.is_sorted() && columns.iter().all(|&c| c < COLUMN_COUNT));
        let mask = ProjectionMask::leaves(
            self.footer.metadata().file_metadata().schema_descr(),
            columns.iter().copied(),
        );
        let total = self.row_groups[row_group].rows;
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(
            self.source.clone(),
            self.footer.clone(),
        )
        .with_row_groups(vec![row_group])
        .with_projection(mask)
        .with_batch_size(total.max(1));
        if let Some(rows) = rows {
            builder = builder.with_row_selection(selection(rows, total));
        }
        let mut reader = builder.build()?;
        let batch = reader.next().transpose()?;
        let expected = rows.map_or(total, <[u32]>::len);
        match batch {
            Some(batch) if batch.num_rows() == expected => Ok(batch),
            _ => Err(StoreError::Corrupt {
                what: format!("row group {row_group} does not hold the {expected} rows it should"),
                path: self.path.clone(),
                advice: "restore the file from a copy, then start durward again".to_owned(),
            }),
        }
    }

    /// Every column of some rows (ascending) of one row group. Reading a page costs a decompressor
    /// of its own, whatever its size, so nothing is read for columns that are in the cache or that
    /// hold one value throughout the row group.
    pub(crate) fn rows_of(
        &self,
        row_group: usize,
        rows: &[u32],
    ) -> Result<RecordBatch, StoreError> {
        let schema = rows_schema();
        let facts = self.footer.metadata().row_group(row_group);
        let indices = UInt32Array::from(rows.to_vec());
        let mut arrays: Vec<Option<ArrayRef>> = Vec::with_capacity(COLUMN_COUNT);
        for (column, field) in schema.fields().iter().enumerate() {
            let cached = self.cache.get((self.number, row_group as u16, column as u16));
            arrays.push(match cached {
                Some(array) => Some(arrow_select::take::take(&array, &indices, None)?),
                None => same_throughout(field.data_type(), facts.column(column), rows.len()),
            });
        }
        let missing: Vec<usize> = (0..COLUMN_COUNT).filter(|&c| arrays[c].is_none()).collect();
        if !missing.is_empty() {
            let read = self.read(row_group, &missing, Some(rows))?;
            for (column, array) in missing.into_iter().zip(read.columns()) {
                arrays[column] = Some(array.clone());
            }
        }
        Ok(RecordBatch::try_new(schema, arrays.into_iter().flatten().collect())?)
    }

    /// Can this identifier be in this row group? `true` where there is no bloom filter.
    pub(crate) fn may_contain(
        &self,
        row_group: usize,
        column: Column,
        id: &[u8; 16],
    ) -> Result<bool, StoreError> {
        let key = (row_group as u16, column as u16);
        let known = self.blooms.lock().get(&key).cloned();
        let bloom = match known {
            Some(bloom) => bloom,
            None => {
                let facts = self.footer.metadata().row_group(row_group);
                let bloom =
                    Sbbf::read_from_column_chunk(facts.column(column as usize), &self.source)?
                        .map(Arc::new);
                self.blooms.lock().insert(key, bloom.clone());
                bloom
            }
        };
        Ok(bloom.is_none_or(|bloom| bloom.check(&id[..])))
    }
}

/// A column chunk's value, `rows` times, if the footer says that it is the same in every row.
fn same_throughout(kind: &DataType, facts: &ColumnChunkMetaData, rows: usize) -> Option<ArrayRef> {
    let statistics = facts.statistics()?;
    let nulls = statistics.null_count_opt()?;
    if nulls == u64::try_from(facts.num_values()).ok()? {
        return Some(arrow_array::new_null_array(kind, rows));
    }
    if nulls > 0 {
        return None;
    }
    match (statistics, kind) {
        (Statistics::Int32(values), kind) => {
            let (min, max) = (*values.min_opt()?, *values.max_opt()?);
            let all: ArrayRef = match kind {
                _ if min != max => return None,
                DataType::Int8 => Arc::new(Int8Array::from_value(i8::try_from(min).ok()?, rows)),
                DataType::Int16 => Arc::new(Int16Array::from_value(i16::try_from(min).ok()?, rows)),
                DataType::Int32 => Arc::new(Int32Array::from_value(min, rows)),
                _ => return None,
            };
            Some(all)
        }
        (Statistics::Int64(values), DataType::Int64) if values.min_opt() == values.max_opt() => {
            Some(Arc::new(Int64Array::from_value(*values.min_opt()?, rows)))
        }
        _ => None,
    }
}

/// The ascending rows as runs to read and to skip.
fn selection(rows: &[u32], total: usize) -> RowSelection {
    let mut runs = Vec::new();
    let mut at = 0;
    for &row in rows {
        let row = row as usize;
        debug_assert!(row >= at && row < total);
        if row > at {
            runs.push(RowSelector::skip(row - at));
        }
        runs.push(RowSelector::select(1));
        at = row + 1;
    }
    if at < total {
        runs.push(RowSelector::skip(total - at));
    }
    runs.into()
}

const _: () = assert!(COLUMN_COUNT == Column::FirstKey as usize + GROUP_COUNT);
