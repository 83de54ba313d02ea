//! CSV: downloads of the portal and results of Log Analytics queries.
//!
//! A row becomes a JSON object of headers and cells, which is the record's original, and is read
//! like any other record with a table made from the header.

use std::cell::Cell;
use std::io::Read;
use std::rc::Rc;

use csv::{ByteRecord, ErrorKind};
use durward_model::batch::Row;
use durward_model::shape::write_string;

use crate::feed::Feed;
use crate::formats::dates::OrderScan;
use crate::formats::headers::{Layout, Plan, plan};
use crate::limits::{DATE_SCAN_BYTES_MAX, RECORD_BYTES_MAX};
use crate::record::{FileContext, RecordDecoder, Trouble};
use crate::sink::{Batcher, DecodeError, Problem};

/// Bytes the CSV reader reads ahead.
const BUFFER_BYTES: usize = 64 << 10;

/// Refuses to give more bytes than one row may have: a quote that does not end would otherwise
/// take in the rest of the file.
struct RowLimit<R> {
    reader: R,
    left: Rc<Cell<usize>>,
}

#[derive(Debug, thiserror::Error)]
#[error("a row is too large")]
struct RowTooLarge;

impl<R: Read> Read for RowLimit<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let left = self.left.get();
        if left == 0 {
            return Err(std::io::Error::other(RowTooLarge));
        }
        let length = out.len().min(left);
        let count = self.reader.read(&mut out[..length])?;
        self.left.set(left - count);
        Ok(count)
    }
}

/// The separator and the header's cells, if the window begins with a header of a known kind.
pub(crate) fn recognise(window: &[u8]) -> Option<(u8, Vec<String>)> {
    let separators = [b',', b';', b'\t'];
    let header = |separator: u8| {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(separator)
            .from_reader(window);
        let mut record = csv::StringRecord::new();
        let read = reader.read_record(&mut record).ok()?;
        read.then(|| record.iter().map(str::to_owned).collect::<Vec<_>>())
    };
    separators.into_iter().find_map(|separator| {
        let cells = header(separator)?;
        let borrowed: Vec<&str> = cells.iter().map(String::as_str).collect();
        plan(&borrowed, None).map(|_| (separator, cells))
    })
}

/// Reads the rows of a CSV file.
pub(crate) struct CsvFile<'d, 's> {
    records: &'d mut RecordDecoder,
    file: FileContext,
    out: &'d mut Batcher<'s>,
    names: Vec<String>,
    instants: Vec<usize>,
    text: String,
}

impl<'d, 's> CsvFile<'d, 's> {
    /// Reads to the end of the stream, whose header has been [`recognise`]d. Gives what the
    /// stream itself failed with, if it did.
    pub(crate) fn run<R: Read>(
        feed: &mut Feed<R>,
        (separator, header): (u8, Vec<String>),
        records: &'d mut RecordDecoder,
        mut file: FileContext,
        out: &'d mut Batcher<'s>,
    ) -> Result<Option<std::io::Error>, DecodeError> {
        let borrowed: Vec<&str> = header.iter().map(String::as_str).collect();
        let Some(plan) = plan(&borrowed, file.log_hint) else {
            out.problem(Problem::UnknownFormat)?;
            return Ok(None);
        };
        if plan.layout == Layout::AuthenticationDetails {
            out.problem(Problem::AuthenticationDetails)?;
            return Ok(None);
        }
        let Plan { names, node, log, instants, .. } = plan;
        let names = names.iter().map(|name| member(name)).collect();
        file.columns = Some(node);
        file.log = log;
        file.habits.empty_is_null = true;
        let left = Rc::new(Cell::new(RECORD_BYTES_MAX + BUFFER_BYTES));
        let limited = RowLimit { reader: feed, left: Rc::clone(&left) };
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(separator)
            .buffer_capacity(BUFFER_BYTES)
            .from_reader(limited);
        CsvFile { records, file, out, names, instants, text: String::new() }.rows(reader, &left)
    }

    fn rows<R: Read>(
        mut self,
        mut reader: csv::Reader<R>,
        left: &Cell<usize>,
    ) -> Result<Option<std::io::Error>, DecodeError> {
        let mut scan = OrderScan::default();
        let mut settled = self.instants.is_empty();
        let mut held: Vec<ByteRecord> = Vec::new();
        let mut held_bytes = 0;
        let mut record = ByteRecord::new();
        let mut is_header = true;
        let fault = loop {
            left.set(RECORD_BYTES_MAX + BUFFER_BYTES);
            match reader.read_byte_record(&mut record) {
                Ok(true) => {}
                Ok(false) => break None,
                Err(error) => match error.into_kind() {
                    ErrorKind::Io(error) => break Some(error),
                    _ => break Some(std::io::Error::other("the CSV is damaged")),
                },
            }
            if std::mem::take(&mut is_header) {
                continue;
            }
            if settled {
                self.row(&record)?;
                continue;
            }
            for at in &self.instants {
                let cell = record.get(*at).map(String::from_utf8_lossy);
                settled |= cell.is_some_and(|cell| scan.note(&cell));
            }
            // Rows of empty cells take memory too.
            held_bytes += record.as_slice().len() + record.len() * size_of::<usize>() + 128;
            held.push(std::mem::take(&mut record));
            settled |= held_bytes > DATE_SCAN_BYTES_MAX;
            if settled {
                self.release(&scan, &mut held)?;
            }
        };
        self.release(&scan, &mut held)?;
        match fault {
            Some(error) if error.get_ref().is_some_and(|inner| inner.is::<RowTooLarge>()) => {
                self.out.problem(Problem::EndlessRow)?;
                Ok(None)
            }
            fault => Ok(fault),
        }
    }

    /// Reads the rows that waited for the order of day and month.
    fn release(&mut self, scan: &OrderScan, held: &mut Vec<ByteRecord>) -> Result<(), DecodeError> {
        if !held.is_empty() {
            self.file.habits.order = scan.settle(self.out.received());
        }
        held.drain(..).try_for_each(|record| self.row(&record))
    }

    fn row(&mut self, record: &ByteRecord) -> Result<(), DecodeError> {
        let line = record.position().map(csv::Position::line);
        if record.as_slice().len() > RECORD_BYTES_MAX / 2 {
            return self.out.reject(line, None, "a row of more than 512 KiB", record.as_slice());
        }
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        for (at, cell) in record.iter().enumerate() {
            text.push(if at == 0 { '{' } else { ',' });
            let Ok(cell) = std::str::from_utf8(cell) else {
                self.text = text;
                let name = self.names.get(at).map(|name| name.trim_matches([':', '"']).to_owned());
                let reason = "the text is not valid UTF-8";
                return self.out.reject(line, name.as_deref(), reason, record.as_slice());
            };
            match self.names.get(at) {
                Some(name) => text.push_str(name),
                None => text.push_str(&member(&format!("column {}", at + 1))),
            }
            write_string(cell, &mut text);
        }
        text.push('}');
        let mut row = Row::default();
        match self.records.decode(&text, &self.file, &mut row) {
            Ok(_) => self.out.push(&row)?,
            Err(Trouble::Record { field, reason, .. }) => {
                self.out.reject(line, field, reason, text.as_bytes())?;
            }
            Err(Trouble::Text(_)) => {
                self.out.reject(line, None, "the row cannot be read", text.as_bytes())?;
            }
        }
        drop(row);
        self.text = text;
        Ok(())
    }
}

/// A member's name as JSON with its colon.
fn member(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 3);
    write_string(name.trim_start_matches('\u{feff}'), &mut out);
    out.push(':');
    out
}
