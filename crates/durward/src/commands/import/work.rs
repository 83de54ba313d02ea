//! Decoding on two threads.
//!
//! Files are cut into pieces where their format allows it, and two threads take one piece after
//! the other. The store orders and deduplicates whatever comes in whatever order.

use std::collections::VecDeque;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use durward_ingest::{
    DecodeError, Decoder, Options, Problem, Rejection, Sink, SinkError, split_lines, walk,
};
use durward_model::{EventBatch, Timestamp};
use durward_store::{Appended, Store};
use parking_lot::Mutex;

use super::Report;
use super::rejects::Rejects;
use crate::bad_usage;
use crate::progress::{Progress, Unit};

/// Threads that decode. Decoding is the most of the work; the store's own part runs in the same
/// threads and, for sealing, in one of its own.
const THREADS: usize = 2;
/// Size of a piece. Small enough that both threads end at about the same time.
const PIECE_BYTES: u64 = 32 << 20;
/// How long the store may take to catch up before the import gives up.
const PATIENCE: Duration = Duration::from_secs(300);
/// Files with these endings are expected to be logs wherever they are found.
const LOG_ENDINGS: [&str; 8] = ["json", "jsonl", "ndjson", "csv", "log", "gz", "zip", "txt"];

/// A file to import.
#[derive(Debug)]
pub(super) struct Found {
    path: PathBuf,
    bytes: u64,
    /// Was it named itself, or found in a folder?
    is_named: bool,
}

/// The files of these paths.
pub(super) fn find(paths: &[PathBuf]) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for path in paths {
        if !path.exists() {
            return Err(bad_usage(format!("{} is not there", path.display())));
        }
        let is_named = path.is_file();
        for path in walk(&[path])? {
            let bytes = std::fs::metadata(&path).map_or(0, |data| data.len());
            found.push(Found { path, bytes, is_named });
        }
    }
    Ok(found)
}

/// A piece of a file.
struct Piece<'f> {
    file: &'f Found,
    range: Range<u64>,
}

/// What the threads share.
struct Shared<'s> {
    store: &'s Store,
    queue: Mutex<VecDeque<Piece<'s>>>,
    rejects: Mutex<Rejects>,
    counts: Mutex<Appended>,
    skipped: Mutex<Vec<PathBuf>>,
    unreadable: Mutex<Vec<String>>,
    failed: Mutex<Option<anyhow::Error>>,
    progress: Progress,
}

/// Imports the files.
pub(super) fn import(
    store: &Store,
    files: &[Found],
    rejects: Rejects,
    tenant: Option<&str>,
    silent: bool,
) -> Result<Report> {
    let bytes = files.iter().map(|file| file.bytes).sum();
    let mut unreadable = Vec::new();
    let shared = Shared {
        store,
        queue: Mutex::new(pieces(files, &mut unreadable)),
        rejects: Mutex::new(rejects),
        counts: Mutex::default(),
        skipped: Mutex::default(),
        unreadable: Mutex::new(unreadable),
        failed: Mutex::default(),
        progress: Progress::new("importing", Unit::Bytes, bytes, silent),
    };
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                if let Err(error) = work(&shared, tenant) {
                    // The other thread stops at its next piece.
                    shared.queue.lock().clear();
                    shared.failed.lock().get_or_insert(error);
                }
            });
        }
    });
    shared.progress.finish();
    let (rejected, rejects) = shared.rejects.into_inner().finish()?;
    if let Some(error) = shared.failed.into_inner() {
        return Err(error.context(
            "the import stopped; what was taken in before is safe, and importing the same files \
             again goes on from there",
        ));
    }
    Ok(Report {
        counts: shared.counts.into_inner(),
        rejected,
        rejects,
        skipped: shared.skipped.into_inner(),
        unreadable: shared.unreadable.into_inner(),
        files: files.len(),
        bytes,
        seconds: 0.0,
    })
}

fn pieces<'f>(files: &'f [Found], unreadable: &mut Vec<String>) -> VecDeque<Piece<'f>> {
    let mut pieces = VecDeque::new();
    for file in files {
        let parts = usize::try_from(file.bytes / PIECE_BYTES).unwrap_or(usize::MAX);
        match split_lines(&file.path, parts.max(1)) {
            Ok(ranges) => pieces.extend(ranges.into_iter().map(|range| Piece { file, range })),
            Err(error) => unreadable.push(format!("{}: {error}", file.path.display())),
        }
    }
    pieces
}

fn work(shared: &Shared<'_>, tenant: Option<&str>) -> Result<()> {
    let mut options = Options::new(Timestamp::now());
    options.default_tenant = tenant.map(str::to_owned);
    let mut decoder = Decoder::new(options);
    loop {
        let Some(piece) = shared.queue.lock().pop_front() else { return Ok(()) };
        decoder.set_received(Timestamp::now());
        let Piece { file, range } = piece;
        let bytes = range.end - range.start;
        let mut sink = StoreSink { shared, file };
        match decoder.decode_range(&file.path, range, &mut sink) {
            Ok(_) => {}
            Err(DecodeError::Io { file, source }) => {
                shared.unreadable.lock().push(format!("{file}: {source}"));
            }
            Err(DecodeError::Sink(error)) => return Err(anyhow!(error)),
            Err(other) => return Err(other.into()),
        }
        let sum = shared.counts.lock().total();
        shared.progress.add(bytes, sum.new + sum.known + sum.revised);
    }
}

/// Takes what a decoder finds in one piece.
struct StoreSink<'s, 'f> {
    shared: &'s Shared<'f>,
    file: &'s Found,
}

impl Sink for StoreSink<'_, '_> {
    fn batch(&mut self, batch: EventBatch) -> Result<(), SinkError> {
        let done = self.shared.store.append_patiently(&batch, PATIENCE)?;
        self.shared.counts.lock().add(&done);
        Ok(())
    }

    fn reject(&mut self, rejection: Rejection) -> Result<(), SinkError> {
        if is_no_log(self.file, &rejection) {
            self.shared.skipped.lock().push(self.file.path.clone());
            return Ok(());
        }
        let written = self.shared.rejects.lock().write(&rejection);
        Ok(written.context("writing the rejects file")?)
    }
}

/// Is this a file that merely lies in the same folder, such as a page about the logs? One that
/// was named itself, or is called like a log, is rejected instead.
fn is_no_log(file: &Found, rejection: &Rejection) -> bool {
    !file.is_named
        && rejection.line.is_none()
        && rejection.reason == Problem::UnknownFormat.to_string()
        && !is_called_like_a_log(&file.path)
}

fn is_called_like_a_log(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_none_or(|ending| LOG_ENDINGS.iter().any(|log| log.eq_ignore_ascii_case(ending)))
}
