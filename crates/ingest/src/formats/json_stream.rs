//! JSON in all its arrangements: one object, many after each other (JSON Lines, also printed over
//! several lines), arrays, Graph pages (`value`), Event Hubs batches (`records`) and query results
//! (`tables`), in any mixture.
//!
//! Lists are read item by item, so a file of any size needs memory for a window only. An object
//! that cannot be read is rejected, and reading goes on behind it (see [`super::extent`]).

use std::io::Read;

use durward_model::batch::Row;

use crate::feed::{Feed, count_lines};
use crate::formats::extent::{Extent, Follower, next_object};
use crate::formats::query_result::{self, Columns};
use crate::limits::{CONTAINER_DEPTH_MAX, RECORD_BYTES_MAX};
use crate::record::{FileContext, RecordDecoder, Trouble, Verdict};
use crate::scan::{Fault, Scanner};
use crate::sink::{Batcher, DecodeError, Problem};

/// What surrounds the place in the file.
enum Level {
    /// A list of records.
    Records,
    /// A list of tables.
    Tables,
    /// The rows of a table with these columns.
    Rows(Columns),
    /// An object whose list has been read.
    Rest,
}

/// Why a pass over the window ended.
enum Need {
    /// What is left is not a whole record.
    More,
    /// What begins here cannot be read.
    Skip(&'static str),
    /// Nothing more is to be read.
    Stop,
}

/// Counts lines as far as they are asked for.
struct Lines<'t> {
    bytes: &'t [u8],
    counted_to: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of this place, which lies behind the last one asked for.
    fn line_of(&mut self, at: usize) -> u64 {
        self.line += count_lines(self.bytes.get(self.counted_to..at).unwrap_or_default());
        self.counted_to = at;
        self.line
    }
}

/// Reads JSON from a stream.
pub(crate) struct JsonStream<'d, 's> {
    records: &'d mut RecordDecoder,
    file: &'d FileContext,
    out: &'d mut Batcher<'s>,
    levels: Vec<Level>,
}

impl<'d, 's> JsonStream<'d, 's> {
    pub(crate) fn new(
        records: &'d mut RecordDecoder,
        file: &'d FileContext,
        out: &'d mut Batcher<'s>,
    ) -> Self {
        JsonStream { records, file, out, levels: Vec::new() }
    }

    /// Reads to the end of the stream.
    pub(crate) fn run<R: Read>(&mut self, feed: &mut Feed<R>) -> Result<(), DecodeError> {
        loop {
            let window = feed.window();
            let (text, valid) = match std::str::from_utf8(window) {
                Ok(text) => (text, true),
                Err(error) => {
                    let text = window.get(..error.valid_up_to()).unwrap_or_default();
                    // A character that is cut by the end of the window will be whole later.
                    let cut = error.error_len().is_none() && !feed.ended();
                    (std::str::from_utf8(text).unwrap_or_default(), cut)
                }
            };
            let (passed, need) = self.pass(text, feed.line())?;
            feed.advance(passed);
            match need {
                Need::Stop => return Ok(()),
                Need::Skip(reason) => self.skip(feed, reason)?,
                Need::More if !valid => self.skip(feed, "the text is not valid UTF-8")?,
                Need::More if feed.window().len() > RECORD_BYTES_MAX => {
                    self.skip(feed, "a record of more than 1 MiB")?;
                }
                Need::More if feed.more() => {}
                Need::More if feed.window().is_empty() => return self.end(feed.line()),
                Need::More => self.skip(feed, "the record is cut off")?,
            }
        }
    }

    fn end(&mut self, line: u64) -> Result<(), DecodeError> {
        if self.levels.is_empty() {
            return Ok(());
        }
        self.out.reject(Some(line), None, "the file ends inside a list", &[])
    }

    /// Reads all whole records of the text; gives how far it came and why it ended.
    fn pass(&mut self, text: &str, first_line: u64) -> Result<(usize, Need), DecodeError> {
        let mut row = Row::default();
        let mut lines = Lines { bytes: text.as_bytes(), counted_to: 0, line: first_line };
        let mut at = 0;
        loop {
            let blanks = lines.bytes.get(at..).unwrap_or_default().iter();
            at += blanks.take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
            let Some(&byte) = lines.bytes.get(at) else { return Ok((at, Need::More)) };
            let scanner = Scanner { text, at };
            let step = match (self.levels.last(), byte) {
                (Some(Level::Rest), _) => {
                    // Whatever follows, the object's list has been read.
                    let end = end_of_object(scanner);
                    if end != Err(Fault::End) {
                        self.levels.pop();
                    }
                    end
                }
                (Some(_), b']') => {
                    self.levels.pop();
                    Ok(at + 1)
                }
                (_, b',') => Ok(at + 1),
                (Some(Level::Tables), b'{') => query_result::head(scanner).map(|(end, columns)| {
                    let inner = columns.map(|columns| [Level::Rest, Level::Rows(columns)]);
                    self.levels.extend(inner.into_iter().flatten());
                    end
                }),
                (Some(Level::Rows(columns)), b'[') => match columns.record(scanner) {
                    Ok((end, record)) => {
                        self.row_of_table(record, lines.line_of(at))?;
                        Ok(end)
                    }
                    Err(fault) => Err(fault),
                },
                (None | Some(Level::Records), b'[') => {
                    self.levels.push(Level::Records);
                    Ok(at + 1)
                }
                (None | Some(Level::Records), b'{') => {
                    let rest = text.get(at..).unwrap_or_default();
                    let step = self.record(rest, at, &mut row, &mut lines)?;
                    row.clear();
                    step
                }
                _ => Err(Fault::Syntax(at, "an object is expected")),
            };
            match step {
                Ok(end) => at = end,
                Err(Fault::End) => return Ok((at, Need::More)),
                Err(fault) => return Ok((at, Need::Skip(reason_of(fault)))),
            }
            if self.levels.len() > CONTAINER_DEPTH_MAX * 2 {
                self.out.problem(Problem::NestedContainers)?;
                return Ok((at, Need::Stop));
            }
        }
    }

    /// Reads the object that begins `rest`, which lies at `at`; gives the place behind it or
    /// behind the bracket of the list that it holds.
    fn record<'t>(
        &mut self,
        rest: &'t str,
        at: usize,
        row: &mut Row<'t>,
        lines: &mut Lines<'_>,
    ) -> Result<Result<usize, Fault>, DecodeError> {
        match self.records.decode(rest, self.file, row) {
            Ok(Verdict::Record { length }) => {
                self.out.push(row)?;
                Ok(Ok(at + length))
            }
            Ok(Verdict::Container { list, tables }) => {
                let inner = if tables { Level::Tables } else { Level::Records };
                self.levels.extend([Level::Rest, inner]);
                Ok(Ok(at + list + 1))
            }
            Err(Trouble::Text(fault)) => Ok(Err(fault)),
            Err(Trouble::Record { length, field, reason }) => {
                let record = rest.get(..length).unwrap_or(rest).as_bytes();
                self.out.reject(Some(lines.line_of(at)), field, reason, record)?;
                Ok(Ok(at + length.max(1)))
            }
        }
    }

    /// Reads a row of a table, which was made an object.
    fn row_of_table(&mut self, record: Option<String>, line: u64) -> Result<(), DecodeError> {
        let Some(record) = record else {
            let reason = "a row with fewer or more values than columns";
            return self.out.reject(Some(line), None, reason, &[]);
        };
        let mut row = Row::default();
        match self.records.decode(&record, self.file, &mut row) {
            Ok(Verdict::Record { .. }) => self.out.push(&row),
            Ok(Verdict::Container { .. }) => {
                self.out.reject(Some(line), None, "a table in a table", record.as_bytes())
            }
            Err(Trouble::Text(fault)) => {
                self.out.reject(Some(line), None, reason_of(fault), record.as_bytes())
            }
            Err(Trouble::Record { field, reason, .. }) => {
                self.out.reject(Some(line), field, reason, record.as_bytes())
            }
        }
    }

    /// Rejects what begins at the window and moves behind it.
    fn skip<R: Read>(
        &mut self,
        feed: &mut Feed<R>,
        reason: &'static str,
    ) -> Result<(), DecodeError> {
        self.out.reject(Some(feed.line()), None, reason, feed.window())?;
        let is_value = matches!(feed.window().first(), Some(b'{' | b'['));
        let column = feed.column();
        let mut follower = Follower::new();
        // Bytes of the window that the follower has seen.
        let mut seen = 0;
        loop {
            let fresh = feed.window().get(seen..).unwrap_or_default();
            match follower.follow(fresh) {
                Extent::Ends(length) => {
                    feed.advance(seen + length);
                    return Ok(());
                }
                Extent::Open => seen = feed.window().len(),
                Extent::Broken if is_value => break,
                Extent::Broken => {
                    match scalar(feed.window()) {
                        Some(length) => feed.advance(length),
                        None => skip_line(feed),
                    }
                    return Ok(());
                }
            }
            if seen > RECORD_BYTES_MAX {
                feed.advance(seen);
                seen = 0;
            }
            if !feed.more() {
                break;
            }
        }
        loop {
            if let Some(next) = next_object(feed.window(), column) {
                feed.advance(next);
                return Ok(());
            }
            // The last line may go on behind the window: it stays.
            let lines = feed.window().iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
            let long = feed.window().len() - lines > RECORD_BYTES_MAX;
            feed.advance(if long { feed.window().len() } else { lines });
            if !feed.more() {
                feed.advance(feed.window().len());
                return Ok(());
            }
        }
    }
}

/// The length of the text, number or word that begins here, if one does.
fn scalar(bytes: &[u8]) -> Option<usize> {
    let text = bytes.utf8_chunks().next()?.valid();
    let mut scanner = Scanner::new(text);
    scanner.token().ok().map(|_| scanner.at)
}

/// Moves behind the end of the line.
fn skip_line<R: Read>(feed: &mut Feed<R>) {
    loop {
        if let Some(newline) = feed.window().iter().position(|byte| *byte == b'\n') {
            feed.advance(newline + 1);
            return;
        }
        feed.advance(feed.window().len());
        if !feed.more() {
            return;
        }
    }
}

/// Skips what follows the list in an object.
fn end_of_object(mut scanner: Scanner<'_>) -> Result<usize, Fault> {
    while scanner.more(b'}')? {
        scanner.name()?;
        scanner.skip(1)?;
    }
    Ok(scanner.at)
}

fn reason_of(fault: Fault) -> &'static str {
    match fault {
        Fault::End => "the record is cut off",
        Fault::Syntax(_, what) => what,
        Fault::TooDeep => "the record is nested deeper than 64",
    }
}
