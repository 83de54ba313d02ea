//! Where decoded events and rejected records go.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use durward_model::batch::{EventBatch, Row};
use durward_model::field::{FieldId, Log};
use durward_model::time::Timestamp;

use crate::feed::Feed;
use crate::limits::{BATCH_BYTES_MAX, EXCERPT_BYTES_MAX};

/// What a sink answers when it cannot take any more.
pub type SinkError = Box<dyn std::error::Error + Send + Sync>;

/// Takes what a decoder finds.
pub trait Sink {
    /// Takes decoded events.
    ///
    /// # Errors
    /// Decoding stops and hands the error on.
    fn batch(&mut self, batch: EventBatch) -> Result<(), SinkError>;

    /// Takes note of something that could not be read.
    ///
    /// # Errors
    /// Decoding stops and hands the error on.
    fn reject(&mut self, rejection: Rejection) -> Result<(), SinkError>;
}

/// Something that could not be read, and why.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Rejection {
    /// The file, as it was named to the decoder; entries of an archive follow after a `!`.
    pub file: String,
    /// The line on which the record begins, from 1; `None` where a whole file is meant.
    pub line: Option<u64>,
    /// The member or column to blame, if it is one.
    pub field: Option<String>,
    /// Why.
    pub reason: String,
    /// The first characters of the record.
    pub excerpt: String,
}

/// The beginning of a record, as text that is fit to be shown.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    let head = bytes.get(..EXCERPT_BYTES_MAX.min(bytes.len())).unwrap_or_default();
    let text = String::from_utf8_lossy(head);
    text.trim_end_matches(char::REPLACEMENT_CHARACTER).trim().to_owned()
}

/// What became of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Records read, by the number of their log.
    pub by_log: [u64; 8],
    /// Records and files rejected.
    pub rejected: u64,
    /// What was wrong with the file as a whole, if anything; it was also rejected.
    pub problem: Option<Problem>,
}

impl Summary {
    /// Records read, of all logs.
    pub fn records(&self) -> u64 {
        self.by_log.iter().sum()
    }

    /// Records of the four sign-in logs.
    pub fn sign_ins(&self) -> u64 {
        Log::SIGN_INS.iter().map(|log| self.by_log[*log as usize]).sum()
    }

    /// Adds what became of another file; the first problem stays.
    pub fn add(&mut self, other: &Summary) {
        for (sum, count) in self.by_log.iter_mut().zip(other.by_log) {
            *sum += count;
        }
        self.rejected += other.rejected;
        self.problem = self.problem.clone().or_else(|| other.problem.clone());
    }
}

/// What can be wrong with a file as a whole. What was read before it showed is kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// No known format.
    #[error("the format is not known: neither JSON nor a CSV with known columns")]
    UnknownFormat,
    /// A file of the portal that has no sign-ins in it.
    #[error("authentication details in a file of their own are not read; download JSON instead")]
    AuthenticationDetails,
    /// Compressed data that ends early or is damaged.
    #[error("the compressed data is cut off or damaged: {0}")]
    Compression(String),
    /// Compressed data that unpacks to far more than logs do.
    #[error(
        "the compressed data unpacks to more than {} times its size",
        crate::limits::COMPRESSION_RATIO_MAX
    )]
    CompressionBomb,
    /// An archive in an archive in an archive, or one too large to be held in memory.
    #[error("archives are nested too deep or an inner archive is too large")]
    NestedArchive,
    /// Too many entries in an archive.
    #[error("the archive has more than {} entries", crate::limits::ZIP_ENTRIES_MAX)]
    TooManyEntries,
    /// An entry that needs a password.
    #[error("the archive is encrypted")]
    Encrypted,
    /// Lists of records inside lists of records, too deep.
    #[error("lists of records are nested too deep")]
    NestedContainers,
    /// A quoted cell that does not end.
    #[error("a row is larger than {} bytes: is a quote missing?", crate::limits::RECORD_BYTES_MAX)]
    EndlessRow,
}

/// Why decoding stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The file could not be opened or read.
    #[error("{file}: {source}")]
    Io {
        /// Its name.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The sink refused.
    #[error("{0}")]
    Sink(SinkError),
}

/// Collects rows into batches of bounded size, counts, and hands them to a sink.
pub(crate) struct Batcher<'s> {
    sink: &'s mut dyn Sink,
    batch: EventBatch,
    rows_max: usize,
    received: Timestamp,
    /// The part of a file before the one that is read, whose lines are not counted yet.
    before: Option<(PathBuf, u64)>,
    lines_before: u64,
    /// The name of what is being read.
    pub(crate) file: String,
    pub(crate) summary: Summary,
}

impl<'s> Batcher<'s> {
    pub(crate) fn new(
        sink: &'s mut dyn Sink,
        rows_max: usize,
        received: Timestamp,
        file: &str,
    ) -> Self {
        let (batch, summary) = (EventBatch::default(), Summary::default());
        Batcher {
            sink,
            batch,
            rows_max: rows_max.max(1),
            received,
            before: None,
            lines_before: 0,
            file: file.to_owned(),
            summary,
        }
    }

    /// Says that reading begins that many bytes into a file. Their lines are counted when the
    /// first number of a line is needed, which is seldom.
    pub(crate) fn begin_at(&mut self, path: &Path, bytes: u64) {
        self.before = (bytes > 0).then(|| (path.to_owned(), bytes));
    }

    fn lines_before(&mut self) -> u64 {
        if let Some((path, bytes)) = self.before.take() {
            let mut feed = File::open(path).map(|file| Feed::new(file.take(bytes)));
            while let Ok(feed) = &mut feed
                && feed.more()
            {
                feed.advance(feed.window().len());
            }
            self.lines_before = feed.map_or(0, |feed| feed.line() - 1);
        }
        self.lines_before
    }

    /// When the records were received.
    pub(crate) fn received(&self) -> Timestamp {
        self.received
    }

    pub(crate) fn push(&mut self, row: &Row<'_>) -> Result<(), DecodeError> {
        assert!(!row.get(FieldId::Id).is_null(), "a decoder gives every row an identifier");
        self.batch.push(row, self.received);
        self.summary.by_log[row.log as usize] += 1;
        let rows = self.batch.len();
        // Sizing a batch walks it, so it is done now and then.
        let large = rows.is_multiple_of(64) && self.batch.size_bytes() >= BATCH_BYTES_MAX;
        if rows >= self.rows_max || large { self.flush() } else { Ok(()) }
    }

    pub(crate) fn flush(&mut self) -> Result<(), DecodeError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        self.sink.batch(std::mem::take(&mut self.batch)).map_err(DecodeError::Sink)
    }

    pub(crate) fn reject(
        &mut self,
        line: Option<u64>,
        field: Option<&str>,
        reason: &str,
        record: &[u8],
    ) -> Result<(), DecodeError> {
        self.summary.rejected += 1;
        let line = line.map(|line| line + self.lines_before());
        let rejection = Rejection {
            file: self.file.clone(),
            line,
            field: field.map(str::to_owned),
            reason: reason.to_owned(),
            excerpt: excerpt(record),
        };
        self.sink.reject(rejection).map_err(DecodeError::Sink)
    }

    /// Rejects the file as a whole, or what is left of it.
    pub(crate) fn problem(&mut self, problem: Problem) -> Result<(), DecodeError> {
        self.reject(None, None, &problem.to_string(), &[])?;
        self.summary.problem.get_or_insert(problem);
        Ok(())
    }
}

/// A sink that keeps everything in memory, for request bodies and tests.
#[derive(Debug, Default)]
pub struct Collected {
    /// The events.
    pub batches: Vec<EventBatch>,
    /// What could not be read.
    pub rejections: Vec<Rejection>,
}

impl Sink for Collected {
    fn batch(&mut self, batch: EventBatch) -> Result<(), SinkError> {
        self.batches.push(batch);
        Ok(())
    }

    fn reject(&mut self, rejection: Rejection) -> Result<(), SinkError> {
        self.rejections.push(rejection);
        Ok(())
    }
}

/// Writes rejections as JSON Lines.
#[derive(Debug)]
pub struct RejectsWriter<W: Write> {
    out: W,
}

impl<W: Write> RejectsWriter<W> {
    /// A writer onto `out`, which should be buffered.
    pub fn new(out: W) -> Self {
        RejectsWriter { out }
    }

    /// Writes one rejection as a line.
    ///
    /// # Errors
    /// Those of the output.
    pub fn write(&mut self, rejection: &Rejection) -> std::io::Result<()> {
        serde_json::to_writer(&mut self.out, rejection)?;
        self.out.write_all(b"\n")
    }

    /// Hands back the output.
    pub fn into_inner(self) -> W {
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejections_are_written_as_lines() {
        let mut writer = RejectsWriter::new(Vec::new());
        let rejection = Rejection {
            file: "a.json".to_owned(),
            line: Some(3),
            field: Some("createdDateTime".to_owned()),
            reason: "a sign-in without a time".to_owned(),
            excerpt: "{\"id\":\n".to_owned(),
        };
        writer.write(&rejection).unwrap();
        assert_eq!(
            String::from_utf8(writer.into_inner()).unwrap(),
            "{\"file\":\"a.json\",\"line\":3,\"field\":\"createdDateTime\",\
             \"reason\":\"a sign-in without a time\",\"excerpt\":\"{\\\"id\\\":\\n\"}\n"
        );
    }

    #[test]
    fn an_excerpt_is_bounded_and_ends_at_a_character() {
        let text = "é".repeat(EXCERPT_BYTES_MAX);
        let shown = excerpt(&text.as_bytes()[1..]);
        assert!(shown.len() <= EXCERPT_BYTES_MAX + 3, "{}", shown.len());
        assert!(shown.ends_with('é'));
    }
}
