//! From one record's JSON text to a row: its values, and the shape to write it again.
//!
//! The text is read once, front to back. Everything that is not a value stays where it is: the
//! shape is made of slices of the record with marks between them. Two things need the whole record
//! and are settled at its end: members that repeat another one (an envelope's `correlationId`
//! comes before the one it repeats), and instants inside JSON fields that equal the sign-in's own.
//!
//! Which layout a record has is known only at its end too. Records of one file nearly always have
//! one layout, so the last one's is assumed, and a record that turns out otherwise is read again.

mod finish;
mod json;
mod log;
mod walk;

use durward_model::batch::Row;
use durward_model::field::{FieldId, Log};

use crate::reading::Habits;
use crate::scan::{Fault, Scanner};
use crate::table::{Node, TABLES, facts};

pub(crate) use json::JsonCache;
pub(crate) use walk::MarkTexts;

/// What is known of a file and holds for all its records.
#[derive(Debug, Default)]
pub(crate) struct FileContext {
    /// The tenant, where records do not name theirs: from the folder or the caller.
    pub(crate) tenant: Option<String>,
    /// The log of all records, where the file as a whole says so.
    pub(crate) log: Option<Log>,
    /// The log of sign-ins that do not say which.
    pub(crate) log_hint: Option<Log>,
    /// How values are written.
    pub(crate) habits: Habits,
    /// The meaning of a CSV file's columns.
    pub(crate) columns: Option<Node>,
}

/// What a piece of JSON text turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A record of that many bytes; the row is filled.
    Record {
        /// Its length.
        length: usize,
    },
    /// An object around a list of records, which opens at `list`.
    Container {
        /// The place of the opening bracket.
        list: usize,
        /// Is it a list of tables with columns and rows, not of records?
        tables: bool,
    },
}

/// Why a piece of JSON text gave no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It is no JSON, or not all of it is here.
    Text(Fault),
    /// It is JSON of that many bytes, but no record.
    Record {
        /// Its length.
        length: usize,
        /// The member that is missing or wrong, if one is to blame.
        field: Option<&'static str>,
        /// Why not.
        reason: &'static str,
    },
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Trouble {
        Trouble::Text(fault)
    }
}

/// Fills rows from records; keeps what helps with the next record.
#[derive(Debug)]
pub(crate) struct RecordDecoder {
    cache: JsonCache,
    marks: MarkTexts,
    /// The table of the last record's layout.
    layout: u8,
    shape_bytes: usize,
}

impl RecordDecoder {
    pub(crate) fn new() -> RecordDecoder {
        RecordDecoder {
            cache: JsonCache::default(),
            marks: MarkTexts::default(),
            layout: TABLES.graph,
            shape_bytes: 2048,
        }
    }

    /// Reads the object that begins `text`; more may follow it. The row must be empty.
    pub(crate) fn decode<'a>(
        &mut self,
        text: &'a str,
        file: &FileContext,
        row: &mut Row<'a>,
    ) -> Result<Verdict, Trouble> {
        for last_try in [false, true] {
            let root = match &file.columns {
                Some(columns) => columns,
                None => TABLES.node(self.layout),
            };
            let shape = String::with_capacity(self.shape_bytes);
            let mut walk =
                walk::Walk::new(row, shape, file.habits, &mut self.cache, &mut self.marks);
            let length = match walk.record(text, root) {
                Ok(length) => length,
                Err(walk::Stop::Fault(fault)) => return Err(fault.into()),
                Err(walk::Stop::Container { list, tables }) => {
                    return Ok(Verdict::Container { list, tables });
                }
            };
            let layout = layout_of(walk.facts);
            if file.columns.is_none() && layout != self.layout && !last_try {
                self.layout = layout;
                row.clear();
                continue;
            }
            let record = Scanner::new(text).slice(0, length);
            walk.finish(record, layout, file)
                .map_err(|(field, reason)| Trouble::Record { length, field, reason })?;
            if let Some(shape) = row.get(FieldId::Shape).as_text() {
                self.shape_bytes = shape.len().clamp(256, 1 << 16) * 2;
            }
            return Ok(Verdict::Record { length });
        }
        Err(Trouble::Record { length: 0, field: None, reason: "the layout is not clear" })
    }
}

/// The table for records with these facts.
fn layout_of(seen: u16) -> u8 {
    if seen & facts::PROPERTIES != 0 {
        TABLES.diagnostic
    } else if seen & facts::LOG_ANALYTICS != 0 {
        TABLES.log_analytics
    } else if seen & facts::ENVELOPE != 0 {
        TABLES.diagnostic
    } else if seen & facts::PASCAL != 0 {
        TABLES.log_analytics
    } else {
        TABLES.graph
    }
}

#[cfg(test)]
mod tests;
