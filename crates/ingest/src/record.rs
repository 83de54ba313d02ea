//! From one record's JSON text to a row: its values, and the shape to write it again.
//!
//! The text is read once, front to back. Everything that is not a value stays where it is: the
//! shape is made of slices of the record with marks between them. Two things need the whole record
//! and are settled at its end: members that repeat another one (an envelope's `correlationId`
//! comes before the one it repeats), and instants inside JSON fields that equal the sign-in's own.
//!
//! Which layout a record has is known only at its end too. Records of one file nearly always have
//! one layout, so the last one's is assumed, and a record that turns out otherwise is read again.
//! A fourth layout is the original of a CSV row: an object with the headers as names.

mod finish;
mod json;
mod log;
mod parts;
mod walk;

use durward_model::batch::Row;
use durward_model::field::{FieldId, Log};

use crate::formats::headers::{Layout, Plan, plan};
use crate::reading::Habits;
use crate::scan::{Fault, Scanner};
use crate::table::{Node, TABLES, facts};

/// What is known of a file and holds for all its records.
#[derive(Debug, Default)]
pub(crate) struct FileContext {
    /// The tenant, where records do not name theirs: from the folder or the caller.
    pub(crate) tenant: Option<String>,
    /// The only tenants whose records are taken; none means all.
    pub(crate) only_tenants: Vec<String>,
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
    memory: parts::Memory,
    /// The table of the last record's layout.
    layout: u8,
    shape_bytes: usize,
    /// The names of the last object that may have been a row of CSV, and what they mean.
    header: Option<(Vec<String>, Option<Plan>)>,
}

impl RecordDecoder {
    pub(crate) fn new() -> RecordDecoder {
        RecordDecoder {
            memory: parts::Memory::default(),
            layout: TABLES.graph,
            shape_bytes: 2048,
            header: None,
        }
    }

    /// Reads the object that begins `text`; more may follow it. The row must be empty.
    pub(crate) fn decode<'a>(
        &mut self,
        text: &'a str,
        file: &FileContext,
        row: &mut Row<'a>,
    ) -> Result<Verdict, Trouble> {
        let rules = Rules { log: file.log, habits: file.habits, settled: true };
        if let Some(columns) = &file.columns {
            return self.attempt(text, columns, rules, file, row).map(Attempt::verdict);
        }
        let rules = Rules { settled: false, ..rules };
        for _ in 0..2 {
            let root = TABLES.node(self.layout);
            match self.attempt(text, root, rules, file, row)? {
                Attempt::Done(verdict) => return Ok(verdict),
                Attempt::Layout(layout) => self.layout = layout,
                Attempt::Header => {
                    row.clear();
                    if let Some(verdict) = self.exported_row(text, file, row) {
                        return verdict;
                    }
                }
            }
            row.clear();
        }
        let root = TABLES.node(self.layout);
        let rules = Rules { settled: true, ..rules };
        self.attempt(text, root, rules, file, row).map(Attempt::verdict)
    }

    /// Reads the original of a CSV row, which is an object with the headers as names. `None` if
    /// the names are no headers.
    fn exported_row<'a>(
        &mut self,
        text: &'a str,
        file: &FileContext,
        row: &mut Row<'a>,
    ) -> Option<Result<Verdict, Trouble>> {
        let names = names_of(text)?;
        let header = match self.header.take() {
            Some(header) if header.0 == names => header,
            _ => {
                let borrowed: Vec<&str> = names.iter().map(String::as_str).collect();
                let plan = plan(&borrowed, file.log_hint);
                (names, plan.filter(|plan| plan.layout != Layout::AuthenticationDetails))
            }
        };
        let verdict = header.1.as_ref().map(|plan| {
            let habits = Habits { empty_is_null: true, ..file.habits };
            let rules = Rules { log: file.log.or(plan.log), habits, settled: true };
            self.attempt(text, &plan.node, rules, file, row).map(Attempt::verdict)
        });
        self.header = Some(header);
        verdict
    }

    /// Reads the object with this table. A layout that turns out to be another one is told unless
    /// it is settled.
    fn attempt<'a>(
        &mut self,
        text: &'a str,
        root: &Node,
        rules: Rules,
        file: &FileContext,
        row: &mut Row<'a>,
    ) -> Result<Attempt, Trouble> {
        let shape = String::with_capacity(self.shape_bytes);
        let mut walk = walk::Walk::new(row, shape, rules.habits, &mut self.memory);
        let length = match walk.record(text, root) {
            Ok(length) => length,
            Err(walk::Stop::Fault(fault)) => return Err(fault.into()),
            Err(walk::Stop::Container { list, tables }) => {
                return Ok(Attempt::Done(Verdict::Container { list, tables }));
            }
        };
        let layout = layout_of(walk.facts);
        if !rules.settled && layout != self.layout {
            return Ok(Attempt::Layout(layout));
        }
        let record = Scanner::new(text).slice(0, length);
        if !rules.settled && walk.only_text && has_header_names(record, layout) {
            return Ok(Attempt::Header);
        }
        walk.finish(record, layout, rules.log, file)
            .map_err(|(field, reason)| Trouble::Record { length, field, reason })?;
        if let Some(shape) = row.get(FieldId::Shape).as_text() {
            self.shape_bytes = shape.len().clamp(256, 1 << 16) * 2;
        }
        Ok(Attempt::Done(Verdict::Record { length }))
    }
}

/// How one attempt at a record is made.
#[derive(Clone, Copy)]
struct Rules {
    /// The log, if the file says so for all records.
    log: Option<Log>,
    habits: Habits,
    /// Is the layout settled, whatever the record looks like?
    settled: bool,
}

/// What an attempt came to.
enum Attempt {
    Done(Verdict),
    /// The record has that layout.
    Layout(u8),
    /// Its names may be the headers of a CSV file.
    Header,
}

impl Attempt {
    fn verdict(self) -> Verdict {
        match self {
            Attempt::Done(verdict) => verdict,
            // Attempts with a settled layout are always done.
            Attempt::Layout(_) | Attempt::Header => Verdict::Record { length: 1 },
        }
    }
}

/// Does an object of nothing but texts look like a row of CSV?
fn has_header_names(record: &str, layout: u8) -> bool {
    layout != TABLES.diagnostic
        && (layout == TABLES.log_analytics
            || names_of(record).is_some_and(|names| names.iter().any(|name| name.contains(' '))))
}

/// The names of an object's members.
fn names_of(text: &str) -> Option<Vec<String>> {
    let mut scanner = Scanner::new(text);
    let mut names = Vec::new();
    let mut another = scanner.first(b'}').ok()?;
    while another {
        names.push(scanner.name().ok()?.decode().0.into_owned());
        scanner.skip(1).ok()?;
        another = scanner.more(b'}').ok()?;
    }
    Some(names)
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
