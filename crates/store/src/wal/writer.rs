//! The writing end: the newest segment, and the list of all of them.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::format::{FRAME_HEADER_BYTES, SEGMENT_HEADER_BYTES, SegmentHeader, encode_frame};
use super::{LogPosition, Waiting, WalError};
use crate::files::{FileLayer, WriteFile, is_disk_full};

/// The encode buffer is given back above this size; groups are usually about 1 MiB.
const BUFFER_BYTES_KEPT: usize = 4 << 20;
/// A smaller newest segment is not worth replacing when all of it could go.
const REPLACE_BYTES_MIN: u64 = 1 << 20;

/// Why a group is not durable.
#[derive(Debug)]
pub(super) enum GroupFailure {
    /// No space. Its bytes are gone again; the next group may be tried.
    DiskFull,
    /// The state of the disk is unknown; nothing more may be written.
    Broken(String),
}

/// One segment file.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    /// One above the newest position of all earlier segments.
    pub(super) first: LogPosition,
    pub(super) bytes: u64,
}

/// The segment being written, always the newest of the list.
pub(super) struct Current {
    pub(super) file: Box<dyn WriteFile>,
    pub(super) salt: u64,
}

pub(super) struct Writer {
    files: Arc<dyn FileLayer>,
    dir: PathBuf,
    /// Oldest first.
    segments: Vec<Segment>,
    current: Option<Current>,
    /// Newest durable position.
    last: LogPosition,
    buffer: Vec<u8>,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let writer = &mut f.debug_struct("Writer");
        writer.field("dir", &self.dir).field("segments", &self.segments).field("last", &self.last);
        writer.finish_non_exhaustive()
    }
}

impl Writer {
    /// A writer that goes on in `current`, or begins a segment with the next group.
    pub(super) fn new(
        files: Arc<dyn FileLayer>,
        dir: &Path,
        segments: Vec<Segment>,
        current: Option<Current>,
        last: LogPosition,
    ) -> Writer {
        assert!(current.is_none() || !segments.is_empty(), "the current segment is listed");
        Writer { files, dir: dir.to_path_buf(), segments, current, last, buffer: Vec::new() }
    }

    pub(super) fn last(&self) -> LogPosition {
        self.last
    }

    pub(super) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    pub(super) fn segments(&self) -> usize {
        self.segments.len()
    }

    /// Appends a group with one write and makes it durable with one sync.
    pub(super) fn append_group(
        &mut self,
        group: &[Waiting],
        segment_bytes: u64,
    ) -> Result<(), GroupFailure> {
        let (Some(first), Some(last)) = (group.first(), group.last()) else {
            panic!("LOG-2: a sync covers at least one batch");
        };
        assert!(first.position > self.last, "LOG-3: positions only grow");
        let payload: usize = group.iter().map(|batch| batch.payload.len()).sum();
        let group_bytes = (payload + group.len() * FRAME_HEADER_BYTES) as u64;

        let (mut current, start) = self.current_with_room(group_bytes, segment_bytes)?;
        self.buffer.clear();
        for batch in group {
            let salt = current.salt;
            encode_frame(&mut self.buffer, salt, batch.position, self.last, &batch.payload);
        }
        assert_eq!(self.buffer.len() as u64, group_bytes);

        // While `self.current` is empty no other group can reach this file; it is put back only
        // when the end of the file is known again.
        let written = current.file.write_all(&self.buffer);
        self.buffer.shrink_to(BUFFER_BYTES_KEPT);
        if let Err(error) = written {
            return Err(self.cut_back(current, start, &error));
        }
        current.file.sync().map_err(|error| broken("sync a segment", &error))?;

        assert!(last.position > self.last, "LOG-3: positions only grow");
        self.last = last.position;
        self.current = Some(current);
        if let Some(segment) = self.segments.last_mut() {
            segment.bytes = start + group_bytes;
        }
        Ok(())
    }

    /// Removes segments that hold nothing after `position`. The newest stays unless it is large
    /// and all of it can go: then an empty one takes its place.
    pub(super) fn remove_through(&mut self, position: LogPosition) -> Result<usize, WalError> {
        let large = self.segments.last().is_some_and(|newest| newest.bytes > REPLACE_BYTES_MIN);
        if large && position >= self.last {
            match self.begin_segment() {
                Ok(current) => self.current = Some(current),
                // Space is all that is lost; the old segment goes when it has rolled.
                Err(GroupFailure::DiskFull) => {}
                Err(GroupFailure::Broken(reason)) => {
                    tracing::warn!(%reason, "the log's newest segment could not be replaced");
                }
            }
        }
        let done = |pair: &[Segment]| pair[1].first.0 <= position.0.saturating_add(1);
        let count = self.segments.windows(2).take_while(|pair| done(pair)).count();
        for _ in 0..count {
            let path = &self.segments[0].path;
            self.files.remove(path).map_err(|error| WalError::io(path, error))?;
            self.segments.remove(0);
        }
        if count > 0 {
            self.files.sync_dir(&self.dir).map_err(|error| WalError::io(&self.dir, error))?;
        }
        Ok(count)
    }

    /// Takes the current segment, begun anew if this group would make it too large, and the
    /// length it has.
    fn current_with_room(
        &mut self,
        group_bytes: u64,
        segment_bytes: u64,
    ) -> Result<(Current, u64), GroupFailure> {
        if let (Some(current), Some(segment)) = (self.current.take(), self.segments.last()) {
            let is_empty = segment.bytes == SEGMENT_HEADER_BYTES as u64;
            if is_empty || segment.bytes + group_bytes <= segment_bytes {
                return Ok((current, segment.bytes));
            }
        }
        // Everything in the segment that ends here was synced with its group, so a damaged
        // frame anywhere but in the newest segment is damage, not a torn end.
        Ok((self.begin_segment()?, SEGMENT_HEADER_BYTES as u64))
    }

    fn begin_segment(&mut self) -> Result<Current, GroupFailure> {
        let first = LogPosition(self.last.0 + 1);
        let path = self.dir.join(segment_name(first));
        let salt = RandomState::new().build_hasher().finish();
        let header = SegmentHeader { first, salt }.encode();
        let begin = || -> io::Result<Box<dyn WriteFile>> {
            let mut file = self.files.create(&path)?;
            file.write_all(&header)?;
            Ok(file)
        };
        let mut file = match begin() {
            Ok(file) => file,
            Err(error) if is_disk_full(&error) => return Err(self.abandon_segment(&path)),
            Err(error) => return Err(broken("begin a segment", &error)),
        };
        file.sync().map_err(|error| broken("sync a new segment", &error))?;
        self.files.sync_dir(&self.dir).map_err(|error| broken("sync the folder", &error))?;
        self.segments.push(Segment { path, first, bytes: SEGMENT_HEADER_BYTES as u64 });
        Ok(Current { file, salt })
    }

    /// Removes the unfinished file of a segment for which there was no space.
    fn abandon_segment(&self, path: &Path) -> GroupFailure {
        match self.files.remove(path) {
            Ok(()) => GroupFailure::DiskFull,
            Err(error) if error.kind() == io::ErrorKind::NotFound => GroupFailure::DiskFull,
            Err(error) => broken("remove an unfinished segment", &error),
        }
    }

    /// After a failed write: if the disk was full, removes what was written of the group, so
    /// that no refused batch comes back and the next group finds a clean end.
    fn cut_back(&mut self, mut current: Current, end: u64, error: &io::Error) -> GroupFailure {
        if !is_disk_full(error) {
            return broken("write to a segment", error);
        }
        let cut = current.file.truncate(end).and_then(|()| current.file.sync());
        if let Err(error) = cut {
            return broken("cut off a refused group", &error);
        }
        self.current = Some(current);
        GroupFailure::DiskFull
    }
}

/// The file name of the segment whose first possible position is `first`.
pub(super) fn segment_name(first: LogPosition) -> String {
    format!("{:020}.wal", first.0)
}

fn broken(action: &str, error: &io::Error) -> GroupFailure {
    GroupFailure::Broken(format!("could not {action}: {error}"))
}
