//! Formats of exports, for answers and for files.

use std::io::{self, Write};

use durward_model::columns::csv::{self, CsvColumn, Layout};
use durward_model::graph::{self, GraphOptions, Version};
use durward_model::{Event, Log};

use crate::error::ApiError;
use crate::params::Params;
use crate::question::Question;

use super::parquet::ParquetExport;
use super::shape::{self, FileColumn, Shape};

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// CSV with the columns that one log has in a layout.
    Csv(Layout, Log),
    /// One array of events.
    Json,
    /// One event a line.
    Ndjson,
    /// The records as their sources wrote them, one a line.
    Original,
    /// Flat typed columns.
    Parquet,
}

impl Format {
    pub(super) fn from_params(params: &Params, question: &Question) -> Result<Format, ApiError> {
        let layout = match params.get("layout") {
            None | Some("all") => Layout::AllFields,
            Some("portal") => Layout::Portal,
            Some(_) => {
                let message = "'layout' must be all or portal";
                return Err(ApiError::bad_request(message).parameter("layout"));
            }
        };
        let format = match params.get("format").unwrap_or("csv") {
            "csv" => {
                let log = match (layout, question.logs.as_slice()) {
                    (_, [log]) => *log,
                    (Layout::AllFields, _) => Log::InteractiveUser,
                    (Layout::Portal, _) => {
                        let message = "the portal's layout is for one log: add 'type'";
                        return Err(ApiError::bad_request(message).parameter("layout"));
                    }
                };
                return Ok(Format::Csv(layout, log));
            }
            "json" => Format::Json,
            "ndjson" => Format::Ndjson,
            "original" => Format::Original,
            "parquet" => Format::Parquet,
            _ => {
                let message = "'format' must be csv, json, ndjson, original or parquet";
                return Err(ApiError::bad_request(message).parameter("format"));
            }
        };
        match layout {
            Layout::AllFields => Ok(format),
            Layout::Portal => {
                Err(ApiError::bad_request("'layout' is for CSV only").parameter("layout"))
            }
        }
    }

    /// Of the file's name.
    pub(super) fn extension(self) -> &'static str {
        match self {
            Format::Csv(..) => "csv",
            Format::Json => "json",
            Format::Ndjson | Format::Original => "ndjson",
            Format::Parquet => "parquet",
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Format::Csv(..) => "text/csv; charset=utf-8; header=present",
            Format::Json => "application/json; charset=utf-8",
            Format::Ndjson | Format::Original => "application/x-ndjson; charset=utf-8",
            Format::Parquet => "application/vnd.apache.parquet",
        }
    }

    /// What writes the format, with everything. `asked` are the parameters, for formats that can
    /// carry them.
    ///
    /// # Errors
    /// Those of the output, onto which the head is written.
    pub fn writer<W: Write + Send + 'static>(
        self,
        out: W,
        asked: &[(String, String)],
    ) -> io::Result<Box<dyn ExportWriter>> {
        self.writer_of(out, asked, &Shape::default())
    }

    /// What writes the format with rows of that shape.
    pub(super) fn writer_of<W: Write + Send + 'static>(
        self,
        out: W,
        asked: &[(String, String)],
        shape: &Shape,
    ) -> io::Result<Box<dyn ExportWriter>> {
        let lines = |columns| EventLines { text: String::new(), columns };
        Ok(match self {
            Format::Csv(Layout::Portal, log) => {
                let columns = csv::columns(Layout::Portal, log);
                let headers: Vec<_> = columns.iter().map(|column| column.header.into()).collect();
                let cells = CsvCells::Portal(columns);
                Box::new(CsvExport::new(out, &headers, cells, shape.is_safe)?)
            }
            Format::Csv(Layout::AllFields, _) => {
                let columns = shape.table();
                let headers: Vec<_> = columns.iter().map(|column| column.header.clone()).collect();
                let cells = CsvCells::Shaped(columns);
                Box::new(CsvExport::new(out, &headers, cells, shape.is_safe)?)
            }
            Format::Json => {
                Box::new(JsonExport { out, lines: lines(Columns::of(shape)), first: true })
            }
            Format::Ndjson => Box::new(NdjsonExport { out, lines: lines(Columns::of(shape)) }),
            Format::Original => Box::new(NdjsonExport { out, lines: lines(Columns::Original) }),
            Format::Parquet => Box::new(ParquetExport::new(out, asked, shape.table())?),
        })
    }
}

/// Writes events to an export.
pub trait ExportWriter {
    /// Writes some more.
    ///
    /// # Errors
    /// Those of the output.
    fn write(&mut self, events: &[Event]) -> io::Result<()>;
    /// Writes the end.
    ///
    /// # Errors
    /// Those of the output.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// What fills the cells of a line.
enum CsvCells {
    Portal(Vec<CsvColumn>),
    Shaped(Vec<FileColumn>),
}

struct CsvExport<W> {
    out: W,
    cells: CsvCells,
    is_safe: bool,
    line: String,
}

impl<W: Write> CsvExport<W> {
    fn new(
        mut out: W,
        headers: &[String],
        cells: CsvCells,
        is_safe: bool,
    ) -> io::Result<CsvExport<W>> {
        let mut line = String::new();
        csv::write_line(headers, &mut line);
        out.write_all(line.as_bytes())?;
        Ok(CsvExport { out, cells, is_safe, line })
    }
}

impl<W: Write + Send> ExportWriter for CsvExport<W> {
    fn write(&mut self, events: &[Event]) -> io::Result<()> {
        let safe = |cell| if self.is_safe { shape::safe(cell) } else { cell };
        for event in events {
            self.line.clear();
            match &self.cells {
                CsvCells::Portal(columns) => {
                    let cells = columns.iter().map(|column| safe(column.cell(event)));
                    csv::write_line(cells, &mut self.line);
                }
                CsvCells::Shaped(columns) => {
                    let cells = shape::row(columns, event).into_iter();
                    csv::write_line(cells.map(shape::text_of).map(safe), &mut self.line);
                }
            }
            self.out.write_all(self.line.as_bytes())?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.out.flush()
    }
}

/// What an event becomes.
enum Columns {
    /// Graph's object.
    Everything,
    /// The record as its source wrote it.
    Original,
    /// A flat object.
    These(Vec<FileColumn>),
}

impl Columns {
    fn of(shape: &Shape) -> Columns {
        shape.columns.clone().map_or(Columns::Everything, Columns::These)
    }
}

/// Events as JSON, one at a time.
struct EventLines {
    text: String,
    columns: Columns,
}

impl EventLines {
    fn append(&mut self, event: &Event) {
        match &self.columns {
            Columns::Everything => {
                graph::write_event(event, &GraphOptions::new(Version::Beta), &mut self.text);
            }
            Columns::Original => self.text.push_str(&event.original()),
            Columns::These(columns) => shape::write_object(columns, event, &mut self.text),
        }
    }
}

struct JsonExport<W> {
    out: W,
    lines: EventLines,
    first: bool,
}

impl<W: Write + Send> ExportWriter for JsonExport<W> {
    fn write(&mut self, events: &[Event]) -> io::Result<()> {
        for event in events {
            self.lines.text.clear();
            let before = if std::mem::take(&mut self.first) { "[\n" } else { ",\n" };
            self.lines.text.push_str(before);
            self.lines.append(event);
            self.out.write_all(self.lines.text.as_bytes())?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.out.write_all(if self.first { b"[]\n" } else { b"\n]\n" })?;
        self.out.flush()
    }
}

struct NdjsonExport<W> {
    out: W,
    lines: EventLines,
}

impl<W: Write + Send> ExportWriter for NdjsonExport<W> {
    fn write(&mut self, events: &[Event]) -> io::Result<()> {
        for event in events {
            self.lines.text.clear();
            self.lines.append(event);
            self.lines.text.push('\n');
            self.out.write_all(self.lines.text.as_bytes())?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.out.flush()
    }
}
