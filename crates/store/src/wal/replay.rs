//! The reading end: batches of a log, oldest first, each checked.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::format::{
    BadHeader, FORMAT_VERSION, FRAME_HEADER_BYTES, FrameHeader, SEGMENT_HEADER_BYTES, SegmentHeader,
};
use super::{LogPosition, WalError};
use crate::files::{FileLayer, ReadFile};

/// The batches after a position: an iterator of `(position, payload)`, oldest first.
///
/// It reads one batch at a time, stops at the first error, and finds the log as it was when
/// opened: batches appended since are not in it. Read it before removing segments.
#[derive(Debug)]
pub struct Replay {
    files: Arc<dyn FileLayer>,
    after: LogPosition,
    /// Segments still to be opened, newest first.
    segments: Vec<PathBuf>,
    /// Where the valid bytes of the newest segment end.
    newest_end: u64,
    reader: Option<SegmentReader>,
    /// Newest position read so far.
    previous: Option<LogPosition>,
}

impl Replay {
    /// `segments`: oldest first, beginning with the one that holds the batch after `after`.
    pub(super) fn new(
        files: Arc<dyn FileLayer>,
        after: LogPosition,
        mut segments: Vec<PathBuf>,
        newest_end: u64,
    ) -> Replay {
        segments.reverse();
        Replay { files, after, segments, newest_end, reader: None, previous: None }
    }

    fn step(&mut self) -> Result<Option<(LogPosition, Vec<u8>)>, WalError> {
        loop {
            let reader = match &mut self.reader {
                Some(reader) => reader,
                None => match self.next_segment()? {
                    Some(reader) => self.reader.insert(reader),
                    None => return Ok(None),
                },
            };
            match reader.next_frame()? {
                Step::Frame { header, .. } if header.position <= self.after => {}
                Step::Frame { header, payload } => return Ok(Some((header.position, payload))),
                Step::End => {
                    self.previous = Some(reader.previous);
                    self.reader = None;
                }
                Step::Bad(reason) => return Err(reader.corrupt(reason)),
            }
        }
    }

    fn next_segment(&mut self) -> Result<Option<SegmentReader>, WalError> {
        let Some(path) = self.segments.pop() else { return Ok(None) };
        let is_newest = self.segments.is_empty();
        let mut reader = SegmentReader::open(&*self.files, &path)?;
        if self.previous.is_some_and(|previous| previous != reader.previous) {
            return Err(
                reader.corrupt("batches between this segment and the one before are missing")
            );
        }
        if is_newest {
            reader.end = self.newest_end;
        }
        Ok(Some(reader))
    }
}

impl Iterator for Replay {
    type Item = Result<(LogPosition, Vec<u8>), WalError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step();
        if step.is_err() {
            self.segments.clear();
            self.reader = None;
        }
        step.transpose()
    }
}

/// Reads the frames of one segment.
#[derive(Debug)]
pub(super) struct SegmentReader {
    file: Arc<dyn ReadFile>,
    path: PathBuf,
    pub(super) header: SegmentHeader,
    /// Start of the next frame.
    pub(super) offset: u64,
    /// Where to stop.
    pub(super) end: u64,
    /// Position of the frame before `offset`.
    pub(super) previous: LogPosition,
}

/// What was found at the offset of a reader.
pub(super) enum Step {
    Frame {
        header: FrameHeader,
        payload: Vec<u8>,
    },
    /// The segment ends here, cleanly.
    End,
    /// There are bytes, but not those of a frame that belongs here. The reader stays.
    Bad(&'static str),
}

impl SegmentReader {
    /// Opens a segment and checks its header.
    pub(super) fn open(files: &dyn FileLayer, path: &Path) -> Result<SegmentReader, WalError> {
        let file = files.open(path).map_err(|error| WalError::io(path, error))?;
        let corrupt = |reason| WalError::Corrupt { path: path.to_path_buf(), offset: 0, reason };
        if file.len() < SEGMENT_HEADER_BYTES as u64 {
            return Err(corrupt("the segment header is cut off"));
        }
        let mut bytes = [0; SEGMENT_HEADER_BYTES];
        file.read_at(0, &mut bytes).map_err(|error| WalError::io(path, error))?;
        let header = match SegmentHeader::decode(&bytes) {
            Ok(header) => header,
            Err(BadHeader::Damaged) => return Err(corrupt("the segment header is damaged")),
            Err(BadHeader::Version(found)) => {
                let path = path.to_path_buf();
                return Err(WalError::Version { path, found, known: FORMAT_VERSION });
            }
        };
        if segment_position(path) != Some(header.first) || header.first.0 == 0 {
            return Err(corrupt("the file name does not fit its content"));
        }
        let previous = LogPosition(header.first.0 - 1);
        let (path, end) = (path.to_path_buf(), file.len());
        let offset = SEGMENT_HEADER_BYTES as u64;
        Ok(SegmentReader { file, path, header, offset, end, previous })
    }

    /// Reads the next frame and moves behind it.
    pub(super) fn next_frame(&mut self) -> Result<Step, WalError> {
        if self.offset == self.end {
            return Ok(Step::End);
        }
        match self.frame_at(self.offset)? {
            Ok((header, payload)) if header.follows(self.previous) => {
                self.offset += header.frame_bytes();
                self.previous = header.position;
                Ok(Step::Frame { header, payload })
            }
            Ok(_) => Ok(Step::Bad("the batch does not follow the one before")),
            Err(reason) => Ok(Step::Bad(reason)),
        }
    }

    /// The frame at `offset`, if there is one with the right checksum; else why not.
    pub(super) fn frame_at(
        &self,
        offset: u64,
    ) -> Result<Result<(FrameHeader, Vec<u8>), &'static str>, WalError> {
        let room = self.end.saturating_sub(offset);
        if room < FRAME_HEADER_BYTES as u64 {
            return Ok(Err("the head of a batch is cut off"));
        }
        let mut head = [0; FRAME_HEADER_BYTES];
        self.read(offset, &mut head)?;
        let Some(header) = FrameHeader::decode(&head) else {
            return Ok(Err("the head of a batch is damaged"));
        };
        if room < header.frame_bytes() {
            return Ok(Err("a batch is cut off"));
        }
        let mut payload = vec![0; header.payload_bytes];
        self.read(offset + FRAME_HEADER_BYTES as u64, &mut payload)?;
        if !header.matches(&head, &payload, self.header.salt) {
            return Ok(Err("the checksum of a batch is wrong"));
        }
        Ok(Ok((header, payload)))
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads bytes of the segment.
    pub(super) fn read(&self, offset: u64, buf: &mut [u8]) -> Result<(), WalError> {
        self.file.read_at(offset, buf).map_err(|error| WalError::io(&self.path, error))
    }

    /// The error for damage at the present offset.
    pub(super) fn corrupt(&self, reason: &'static str) -> WalError {
        WalError::Corrupt { path: self.path.clone(), offset: self.offset, reason }
    }
}

/// The first position of a segment as its file name says; `None` for other files.
pub(super) fn segment_position(path: &Path) -> Option<LogPosition> {
    let name = path.file_name()?.to_str()?;
    let digits = name.strip_suffix(".wal").filter(|digits| digits.len() == 20)?;
    digits.parse().ok().map(LogPosition)
}
