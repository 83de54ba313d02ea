//! Parquet exports: one typed column a field.
//!
//! Lists and objects are JSON text. Instants are nanoseconds in UTC, because sources write down
//! to 100 ns; the few years that this type cannot hold (before 1678, after 2261) are null. The
//! question that was asked is kept in the file's metadata under `durward.question`.

use std::io::{self, Write};
use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampNanosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use durward_model::{Cell, Event, Kind, Timestamp};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::format::ExportWriter;
use super::shape::{self, FileColumn};

/// Rows of a row group. It is held in memory, encoded, until it is full.
const GROUP_ROWS: usize = 32 << 10;

pub(super) struct ParquetExport<W: Write + Send> {
    writer: ArrowWriter<W>,
    schema: Arc<Schema>,
    columns: Vec<FileColumn>,
}

impl<W: Write + Send> ParquetExport<W> {
    pub(super) fn new(
        out: W,
        asked: &[(String, String)],
        columns: Vec<FileColumn>,
    ) -> io::Result<ParquetExport<W>> {
        let field = |of: &FileColumn| Field::new(&*of.header, data_type(of.kind()), true);
        let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        let asked: std::collections::BTreeMap<_, _> = asked.iter().cloned().collect();
        let asked = serde_json::to_string(&asked).map_err(io::Error::other)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(Default::default()))
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_created_by("durward".to_owned())
            .set_key_value_metadata(Some(vec![KeyValue::new("durward.question".to_owned(), asked)]))
            .build();
        let writer = ArrowWriter::try_new(out, schema.clone(), Some(properties)).map_err(failed)?;
        Ok(ParquetExport { writer, schema, columns })
    }
}

impl<W: Write + Send> ExportWriter for ParquetExport<W> {
    fn write(&mut self, events: &[Event]) -> io::Result<()> {
        let mut cells: Vec<Vec<Cell<'_>>> =
            self.columns.iter().map(|_| Vec::with_capacity(events.len())).collect();
        for event in events {
            let row = shape::row(&self.columns, event);
            cells.iter_mut().zip(row).for_each(|(cells, cell)| cells.push(cell));
        }
        let arrays = self.columns.iter().zip(cells).map(|(of, cells)| array(of.kind(), cells));
        let arrays = arrays.collect();
        let batch = RecordBatch::try_new(self.schema.clone(), arrays).map_err(io::Error::other)?;
        self.writer.write(&batch).map_err(failed)
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        let mut out = self.writer.into_inner().map_err(failed)?;
        out.flush()
    }
}

/// Parquet wraps what the channel says; a client that has gone must stay recognisable.
fn failed(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(source) => io::Error::other(source),
        },
        error => io::Error::other(error),
    }
}

fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Int => DataType::Int64,
        Kind::Float => DataType::Float64,
        Kind::Bool => DataType::Boolean,
        Kind::Time => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
        Kind::Text
        | Kind::Enum(_)
        | Kind::Id
        | Kind::Object
        | Kind::TextList
        | Kind::ObjectList => DataType::Utf8,
    }
}

fn array(kind: Kind, cells: Vec<Cell<'_>>) -> ArrayRef {
    let count = cells.len();
    let cells = cells.into_iter();
    match data_type(kind) {
        DataType::Int64 => {
            let mut builder = Int64Builder::with_capacity(count);
            cells.for_each(|cell| builder.append_option(cell.as_int()));
            Arc::new(builder.finish())
        }
        DataType::Float64 => {
            let mut builder = Float64Builder::with_capacity(count);
            cells.for_each(|cell| match cell {
                Cell::Float(value) => builder.append_value(value),
                _ => builder.append_null(),
            });
            Arc::new(builder.finish())
        }
        DataType::Boolean => {
            let mut builder = BooleanBuilder::with_capacity(count);
            cells.for_each(|cell| builder.append_option(cell.as_bool()));
            Arc::new(builder.finish())
        }
        DataType::Timestamp(..) => {
            let builder = TimestampNanosecondBuilder::with_capacity(count);
            let mut builder = builder.with_timezone("UTC");
            cells.for_each(|cell| builder.append_option(cell.as_time().and_then(nanos)));
            Arc::new(builder.finish())
        }
        _ => {
            let mut builder = StringBuilder::new();
            cells.for_each(|cell| builder.append_option(cell.as_text()));
            Arc::new(builder.finish())
        }
    }
}

fn nanos(time: Timestamp) -> Option<i64> {
    time.micros.checked_mul(1000)?.checked_add(time.nanos.into())
}
