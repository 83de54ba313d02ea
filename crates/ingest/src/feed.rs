//! A window onto a stream of bytes.
//!
//! Records are decoded in place, so the window holds whole records: it slides over the stream and
//! grows only when a record is larger than it, up to the largest record allowed. What is read
//! needs memory for a window, not for a file.

use std::io::{ErrorKind, Read};

use crate::limits::WINDOW_BYTES;

/// Buffered bytes of a stream, and the number of the line they begin on.
pub(crate) struct Feed<R> {
    reader: R,
    buffer: Vec<u8>,
    start: usize,
    /// The line of the first byte of the window, from 1.
    line: u64,
    /// Bytes between the beginning of that line and the window.
    column: usize,
    /// Why the stream ended early.
    fault: Option<std::io::Error>,
    ended: bool,
}

impl<R: Read> Feed<R> {
    pub(crate) fn new(reader: R) -> Self {
        Feed { reader, buffer: Vec::new(), start: 0, line: 1, column: 0, fault: None, ended: false }
    }

    /// The bytes that are here.
    pub(crate) fn window(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// The line on which the window begins.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// Bytes between the beginning of that line and the window.
    pub(crate) fn column(&self) -> usize {
        self.column
    }

    /// Has the stream ended? What is in the window is then the rest.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Why the stream ended early, if it did.
    pub(crate) fn take_fault(&mut self) -> Option<std::io::Error> {
        self.fault.take()
    }

    /// Moves the window's beginning forward.
    pub(crate) fn advance(&mut self, bytes: usize) {
        let passed = self.window().get(..bytes).unwrap_or_default();
        let lines = count_lines(passed);
        self.column = match passed.iter().rposition(|byte| *byte == b'\n') {
            Some(at) => passed.len() - at - 1,
            None => self.column + passed.len(),
        };
        self.line += lines;
        self.start = (self.start + bytes).min(self.buffer.len());
    }

    /// Reads more; false if nothing more came.
    pub(crate) fn more(&mut self) -> bool {
        if self.ended {
            return false;
        }
        self.buffer.drain(..self.start);
        self.start = 0;
        let before = self.buffer.len();
        self.buffer.resize(before + WINDOW_BYTES, 0);
        let mut filled = before;
        // Sources give little at a time; a full window keeps the cost of a refill small.
        while filled < self.buffer.len() {
            match self.reader.read(&mut self.buffer[filled..]) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.fault = Some(error);
                    self.ended = true;
                    break;
                }
            }
        }
        self.buffer.truncate(filled);
        filled > before
    }

    /// Fills the window to at least that many bytes, unless the stream ends before.
    pub(crate) fn fill(&mut self, bytes: usize) {
        while self.window().len() < bytes && self.more() {}
    }
}

/// What is left of the window and the stream, in order.
impl<R: Read> Read for Feed<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let window = self.window();
        if window.is_empty() {
            if let Some(fault) = self.fault.take() {
                return Err(fault);
            }
            return if self.ended { Ok(0) } else { self.reader.read(out) };
        }
        let count = window.len().min(out.len());
        out[..count].copy_from_slice(&window[..count]);
        self.start += count;
        Ok(count)
    }
}

pub(crate) fn count_lines(bytes: &[u8]) -> u64 {
    // Sums of bytes over short pieces are what a compiler can make many at a time of.
    let piece = |piece: &[u8]| piece.iter().map(|byte| u8::from(*byte == b'\n')).sum::<u8>();
    bytes.chunks(255).map(|bytes| u64::from(piece(bytes))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_slides_and_counts_lines() {
        let text = "a\nbb\nccc\n".repeat(200_000);
        let mut feed = Feed::new(text.as_bytes());
        feed.fill(10);
        assert_eq!(feed.window().len(), WINDOW_BYTES);
        feed.advance(5);
        assert_eq!((feed.line(), feed.window()[0]), (3, b'c'));
        let rest = WINDOW_BYTES - 5;
        feed.advance(rest);
        assert!(feed.more() && !feed.window().is_empty());
        let mut tail = Vec::new();
        feed.read_to_end(&mut tail).unwrap();
        assert_eq!(tail.len(), text.len() - WINDOW_BYTES);
        assert!(!feed.more());
    }
}
