//! Formats of exports, for answers and for files.

use std::io::{self, Write};

use durward_model::columns::csv::{self, CsvColumn, Layout};
use durward_model::graph::{self, GraphOptions, Version};
use durward_model::{Event, Log};

use crate::error::ApiError;
use crate::params::Params;
use crate::question::Question;

use super::parquet::ParquetExport;

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

    /// What writes the format. `asked` are the parameters, for formats that can carry them.
    ///
    /// # Errors
    /// Those of the output, onto which the head is written.
    pub fn writer<W: Write + Send + 'static>(
        self,
        out: W,
        asked: &[(String, String)],
    ) -> io::Result<Box<dyn ExportWriter>> {
        Ok(match self {
            Format::Csv(layout, log) => Box::new(CsvExport::new(out, layout, log)?),
            Format::Json => Box::new(JsonExport { out, text: String::new(), first: true }),
            Format::Ndjson => Box::new(LinesExport { out, text: String::new(), original: false }),
            Format::Original => Box::new(LinesExport { out, text: String::new(), original: true }),
            Format::Parquet => Box::new(ParquetExport::new(out, asked)?),
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

struct CsvExport<W> {
    out: W,
    columns: Vec<CsvColumn>,
    line: String,
}

impl<W: Write> CsvExport<W> {
    fn new(mut out: W, layout: Layout, log: Log) -> io::Result<CsvExport<W>> {
        let columns = csv::columns(layout, log);
        let mut line = String::new();
        csv::write_line(columns.iter().map(|column| column.header), &mut line);
        out.write_all(line.as_bytes())?;
        Ok(CsvExport { out, columns, line })
    }
}

impl<W: Write + Send> ExportWriter for CsvExport<W> {
    fn write(&mut self, events: &[Event]) -> io::Result<()> {
        for event in events {
            self.line.clear();
            csv::write_line(self.columns.iter().map(|column| column.cell(event)), &mut self.line);
            self.out.write_all(self.line.as_bytes())?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.out.flush()
    }
}

struct JsonExport<W> {
    out: W,
    text: String,
    first: bool,
}

impl<W: Write + Send> ExportWriter for JsonExport<W> {
    fn write(&mut self, events: &[Event]) -> io::Result<()> {
        let options = GraphOptions::new(Version::Beta);
        for event in events {
            self.text.clear();
            self.text.push_str(if std::mem::take(&mut self.first) { "[\n" } else { ",\n" });
            graph::write_event(event, &options, &mut self.text);
            self.out.write_all(self.text.as_bytes())?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.out.write_all(if self.first { b"[]\n" } else { b"\n]\n" })?;
        self.out.flush()
    }
}

struct LinesExport<W> {
    out: W,
    text: String,
    original: bool,
}

impl<W: Write + Send> ExportWriter for LinesExport<W> {
    fn write(&mut self, events: &[Event]) -> io::Result<()> {
        let options = GraphOptions::new(Version::Beta);
        for event in events {
            self.text.clear();
            match self.original {
                true => self.text.push_str(&event.original()),
                false => graph::write_event(event, &options, &mut self.text),
            }
            self.text.push('\n');
            self.out.write_all(self.text.as_bytes())?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.out.flush()
    }
}
