//! Writes a tenant's events to files, as exports would lie in a folder.

use crate::moment::Moment;
use crate::render::{Log, Shape};
use crate::stream::{Delivery, Events};
use crate::tenant::Tenant;
use crate::{Label, Noise};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How files are laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// `SignInLogs-2026-03-02.jsonl`: one file a log and UTC day.
    #[default]
    Days,
    /// `insights-logs-signinlogs/tenantId=…/y=2026/m=03/d=02/h=07/m=00/PT1H.json`, as diagnostic
    /// settings write to a storage account: one file a log and hour, lines ending in CR LF.
    BlobFolders,
}

/// What to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileOptions {
    /// Times of creation.
    pub range: Range<Moment>,
    /// Stop after so many records; `None` is no limit.
    pub records_max: Option<u64>,
    /// The layout.
    pub layout: Layout,
    /// The shape of the records.
    pub shape: Shape,
    /// Compress each file (`.gz` is added to its name).
    pub gzip: bool,
    /// Duplicates, revisions and late records.
    pub noise: Noise,
}

impl FileOptions {
    /// Day files of diagnostic records, not compressed, without noise.
    pub fn new(range: Range<Moment>) -> FileOptions {
        FileOptions {
            range,
            records_max: None,
            layout: Layout::Days,
            shape: Shape::Diagnostic,
            gzip: false,
            noise: Noise::default(),
        }
    }
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Records by log, in the order of [`Log::ALL`], copies included.
    pub records_by_log: [u64; 4],
    /// Copies among them: duplicates and revisions.
    pub copies: u64,
    /// Bytes of JSON and line ends, before compression.
    pub bytes: u64,
    /// Times of creation of the earliest and the latest record.
    pub span: Option<(Moment, Moment)>,
    /// The files, in the order in which they were begun.
    pub files: Vec<PathBuf>,
    /// The attacks of the range. With `records_max` some may lie after the last record.
    pub labels: Vec<Label>,
}

impl Summary {
    /// All records.
    pub fn records(&self) -> u64 {
        self.records_by_log.iter().sum()
    }
}

/// A file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("failed to write {}", path.display())]
pub struct WriteError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// Writes the events of `options.range` under `dir`, which is made if it is not there. Files of
/// the same names are replaced. Labels are returned, not written, so that the folder holds records
/// only.
///
/// # Errors
/// [`WriteError`] with the file at fault; what was written before stays.
pub fn write_files(
    tenant: &Arc<Tenant>,
    dir: &Path,
    options: &FileOptions,
) -> Result<Summary, WriteError> {
    let mut events: Events =
        tenant.events(options.range.clone()).shape(options.shape).noise(options.noise);
    let mut folder = Folder {
        dir,
        tenant: tenant.id(),
        options,
        open: [None, None, None, None],
        begun: HashSet::new(),
    };
    let mut summary = Summary { labels: events.labels(), ..Summary::default() };
    let line_end: &[u8] = if options.layout == Layout::BlobFolders { b"\r\n" } else { b"\n" };
    let mut buffer = Vec::with_capacity(16 * 1024);
    while options.records_max.is_none_or(|max| summary.records() < max) {
        buffer.clear();
        let Some(info) = events.write_next(&mut buffer) else { break };
        buffer.extend_from_slice(line_end);
        folder.append(info.log, info.created, &buffer, &mut summary.files)?;
        summary.records_by_log[info.log as usize] += 1;
        summary.copies +=
            u64::from(matches!(info.delivery, Delivery::Duplicate | Delivery::Revised));
        summary.bytes += buffer.len() as u64;
        let (from, to) = summary.span.unwrap_or((info.created, info.created));
        summary.span = Some((from.min(info.created), to.max(info.created)));
    }
    folder.close()?;
    Ok(summary)
}

/// The files of one run; one a log is open at a time.
struct Folder<'o> {
    dir: &'o Path,
    tenant: &'o str,
    options: &'o FileOptions,
    open: [Option<(PathBuf, Sink)>; 4],
    /// Paths written in this run: these are appended to, others replaced.
    begun: HashSet<PathBuf>,
}

enum Sink {
    Plain(BufWriter<File>),
    Gzip(Box<GzEncoder<BufWriter<File>>>),
}

impl Sink {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Sink::Plain(file) => file.write_all(bytes),
            Sink::Gzip(encoder) => encoder.write_all(bytes),
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Sink::Plain(mut file) => file.flush(),
            Sink::Gzip(encoder) => encoder.finish()?.flush(),
        }
    }
}

impl Folder<'_> {
    fn append(
        &mut self,
        log: Log,
        created: Moment,
        line: &[u8],
        files: &mut Vec<PathBuf>,
    ) -> Result<(), WriteError> {
        let path = self.path(log, created);
        let fail = |path: &Path, source| WriteError { path: path.to_owned(), source };
        let slot = &mut self.open[log as usize];
        if slot.as_ref().is_none_or(|(open, _)| *open != path) {
            if let Some((old, sink)) = slot.take() {
                sink.finish().map_err(|error| fail(&old, error))?;
            }
            let again = !self.begun.insert(path.clone());
            let sink = open(&path, again, self.options.gzip).map_err(|error| fail(&path, error))?;
            if !again {
                files.push(path.clone());
            }
            *slot = Some((path.clone(), sink));
        }
        match slot {
            Some((_, sink)) => sink.append(line).map_err(|error| fail(&path, error)),
            None => Ok(()),
        }
    }

    fn path(&self, log: Log, created: Moment) -> PathBuf {
        let (year, month, day) = created.date();
        let category = log.category();
        let mut path = match self.options.layout {
            Layout::Days => {
                self.dir.join(format!("{category}-{year:04}-{month:02}-{day:02}.jsonl"))
            }
            Layout::BlobFolders => self
                .dir
                .join(format!("insights-logs-{}", category.to_ascii_lowercase()))
                .join(format!("tenantId={}", self.tenant))
                .join(format!("y={year:04}"))
                .join(format!("m={month:02}"))
                .join(format!("d={day:02}"))
                .join(format!("h={:02}", created.hour()))
                .join("m=00")
                .join("PT1H.json"),
        };
        if self.options.gzip {
            path.as_mut_os_string().push(".gz");
        }
        path
    }

    fn close(&mut self) -> Result<(), WriteError> {
        for slot in &mut self.open {
            if let Some((path, sink)) = slot.take() {
                sink.finish().map_err(|source| WriteError { path, source })?;
            }
        }
        Ok(())
    }
}

/// Opens a file anew or, `again`, at its end. A compressed file grows by a further gzip member.
fn open(path: &Path, again: bool, gzip: bool) -> io::Result<Sink> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut options = OpenOptions::new();
    options.create(true).write(true);
    if again {
        options.append(true);
    } else {
        options.truncate(true);
    }
    let file = BufWriter::with_capacity(256 * 1024, options.open(path)?);
    Ok(if gzip {
        Sink::Gzip(Box::new(GzEncoder::new(file, Compression::fast())))
    } else {
        Sink::Plain(file)
    })
}
