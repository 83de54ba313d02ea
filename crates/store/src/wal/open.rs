//! Opening a log: what to read, and where to go on.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::format::{FRAME_MAGIC, SEGMENT_HEADER_BYTES};
use super::replay::{Replay, SegmentReader, Step, segment_position};
use super::writer::{Current, Segment, Writer};
use super::{LogPosition, WalError};
use crate::files::{FileLayer, WriteFile};

/// Bytes searched at a time for a frame behind damage.
const SEARCH_BYTES: usize = 1 << 20;

/// See [`super::Wal::open`].
pub(super) fn open(
    files: Arc<dyn FileLayer>,
    dir: &Path,
    after: LogPosition,
) -> Result<(Writer, Replay), WalError> {
    files.create_dir_durably(dir).map_err(|error| WalError::io(dir, error))?;
    let mut segments = list_segments(&*files, dir)?;
    let unfinished = remove_unfinished(&*files, &mut segments)?;
    let tail = match segments.last() {
        Some(newest) => Some(Tail::find(&*files, &newest.path)?),
        None => None,
    };
    if let (Some(tail), Some(first)) = (&tail, unfinished)
        && tail.last.0 + 1 != first.0
    {
        // The segment after this one was begun, so all of this one had been synced.
        return Err(tail.reader.corrupt("the end of a complete segment is missing"));
    }
    let replay = replay(&files, after, &segments, tail.as_ref())?;

    let mut current = None;
    let mut last = after;
    if let (Some(tail), Some(newest)) = (tail, segments.last_mut()) {
        newest.bytes = tail.end;
        let file = tail.secure(&*files)?;
        if tail.last >= after {
            last = tail.last;
            current = Some(Current { file, salt: tail.reader.header.salt });
        }
    }
    // Names may have been seen by a process that died before it could sync them.
    files.sync_dir(dir).map_err(|error| WalError::io(dir, error))?;
    Ok((Writer::new(files, dir, segments, current, last), replay))
}

/// All segments, oldest first.
fn list_segments(files: &dyn FileLayer, dir: &Path) -> Result<Vec<Segment>, WalError> {
    let mut segments = Vec::new();
    for entry in files.list(dir).map_err(|error| WalError::io(dir, error))? {
        if let (false, Some(first)) = (entry.is_dir, segment_position(&entry.path)) {
            let file = files.open(&entry.path).map_err(|error| WalError::io(&entry.path, error))?;
            segments.push(Segment { path: entry.path, first, bytes: file.len() });
        }
    }
    segments.sort_by_key(|segment| segment.first);
    Ok(segments)
}

/// Removes a newest segment whose header never became durable: no batch was written to it.
/// Returns the position in its name.
fn remove_unfinished(
    files: &dyn FileLayer,
    segments: &mut Vec<Segment>,
) -> Result<Option<LogPosition>, WalError> {
    let Some(newest) = segments.last() else { return Ok(None) };
    if newest.bytes > SEGMENT_HEADER_BYTES as u64 {
        return Ok(None);
    }
    match SegmentReader::open(files, &newest.path) {
        Ok(_) => return Ok(None),
        Err(WalError::Corrupt { .. }) => {}
        Err(error) => return Err(error),
    }
    let path: PathBuf = newest.path.clone();
    files.remove(&path).map_err(|error| WalError::io(&path, error))?;
    Ok(segments.pop().map(|segment| segment.first))
}

fn replay(
    files: &Arc<dyn FileLayer>,
    after: LogPosition,
    segments: &[Segment],
    tail: Option<&Tail>,
) -> Result<Replay, WalError> {
    let wanted = LogPosition(after.0 + 1);
    let start = segments.iter().rposition(|segment| segment.first <= wanted);
    let paths = match (start, segments.first()) {
        (Some(start), _) => segments[start..].iter().map(|s| s.path.clone()).collect(),
        (None, None) => Vec::new(),
        (None, Some(oldest)) => {
            let path = oldest.path.clone();
            return Err(WalError::Missing { wanted, first: oldest.first, path });
        }
    };
    let end = tail.map_or(0, |tail| tail.end);
    Ok(Replay::new(Arc::clone(files), after, paths, end))
}

/// The end of the newest segment.
struct Tail {
    reader: SegmentReader,
    /// Newest position that can be read.
    last: LogPosition,
    /// Where the last group begins: these bytes are read, but perhaps not durable.
    group_start: u64,
    /// Behind the last frame.
    end: u64,
}

impl Tail {
    fn find(files: &dyn FileLayer, path: &Path) -> Result<Tail, WalError> {
        let mut reader = SegmentReader::open(files, path)?;
        let mut group_start = 0;
        let mut group_after = None;
        loop {
            let start = reader.offset;
            match reader.next_frame()? {
                // All frames of one group name the same position as durable.
                Step::Frame { header, .. } if group_after != Some(header.durable_before) => {
                    group_after = Some(header.durable_before);
                    group_start = start;
                }
                Step::Frame { .. } => {}
                Step::End => break,
                Step::Bad(reason) if was_durable(&reader)? => return Err(reader.corrupt(reason)),
                Step::Bad(reason) => {
                    let cut = reader.end - reader.offset;
                    tracing::warn!(path = %path.display(), offset = reader.offset, cut, reason,
                        "cutting off an unfinished end of the log");
                    break;
                }
            }
        }
        Ok(Tail { last: reader.previous, group_start, end: reader.offset, reader })
    }

    /// Cuts off what is behind the last frame and makes durable what is in front of it.
    ///
    /// A plain sync would not do: if the sync of the last run failed, the system may hold these
    /// pages as clean although they never reached the disk. Writing the same bytes over them
    /// again makes them dirty, and cannot harm them if they are durable already.
    fn secure(&self, files: &dyn FileLayer) -> Result<Box<dyn WriteFile>, WalError> {
        let path = self.reader.path();
        let mut group = vec![0; (self.end - self.group_start) as usize];
        self.reader.read(self.group_start, &mut group)?;
        let secure = || {
            let mut file = files.open_to_write(path, self.group_start)?;
            file.write_all(&group)?;
            file.truncate(self.end)?;
            file.sync()?;
            Ok(file)
        };
        secure().map_err(|error| WalError::io(path, error))
    }
}

/// Whether the frame that should be at the reader's offset, but is not, had been durable: a
/// later frame in the file says so.
fn was_durable(reader: &SegmentReader) -> Result<bool, WalError> {
    let magic_bytes = FRAME_MAGIC.len();
    let mut offset = reader.offset + 1;
    while offset + magic_bytes as u64 <= reader.end {
        let room = (reader.end - offset).min(SEARCH_BYTES as u64) as usize;
        let mut bytes = vec![0; room];
        reader.read(offset, &mut bytes)?;
        let magics = bytes.windows(magic_bytes).enumerate();
        for (at, _) in magics.filter(|(_, window)| *window == FRAME_MAGIC) {
            let frame = reader.frame_at(offset + at as u64)?;
            if frame.is_ok_and(|(header, _)| header.durable_before > reader.previous) {
                return Ok(true);
            }
        }
        // The next block begins early enough to hold a magic that this one cuts.
        offset += (room - magic_bytes + 1) as u64;
    }
    Ok(false)
}
