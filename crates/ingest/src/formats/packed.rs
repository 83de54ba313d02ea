//! Compressed files: gzip and zip, one in the other, with bounds on what they unpack to.

use std::cell::Cell;
use std::io::{Read, Seek, SeekFrom};
use std::rc::Rc;

use crate::limits::{COMPRESSION_FREE_BYTES, COMPRESSION_RATIO_MAX, ZIP_ENTRIES_MAX};
use crate::sink::Problem;

/// Is this the beginning of gzip data?
pub(crate) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// Is this the beginning of a zip archive, also of an empty one?
pub(crate) fn is_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

/// Compares what came out of compressed data with what went in.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    packed: Rc<Cell<u64>>,
    unpacked: Rc<Cell<u64>>,
}

#[derive(Debug, thiserror::Error)]
#[error("the compressed data unpacks to too much")]
struct Bomb;

impl Meter {
    /// A meter for that many compressed bytes; more can be added by reading through
    /// [`Meter::packed`].
    pub(crate) fn new(packed: u64) -> Meter {
        Meter { packed: Rc::new(Cell::new(packed)), unpacked: Rc::new(Cell::new(0)) }
    }

    /// Counts compressed bytes.
    pub(crate) fn packed<R: Read>(&self, reader: R) -> Packed<R> {
        Packed { reader, meter: self.clone() }
    }

    /// Counts unpacked bytes and fails when they are too many.
    pub(crate) fn unpacked<R: Read>(&self, reader: R) -> Unpacked<R> {
        Unpacked { reader, meter: self.clone() }
    }
}

/// See [`Meter::packed`].
pub(crate) struct Packed<R> {
    reader: R,
    meter: Meter,
}

impl<R: Read> Read for Packed<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = self.reader.read(out)?;
        self.meter.packed.set(self.meter.packed.get() + count as u64);
        Ok(count)
    }
}

/// See [`Meter::unpacked`].
pub(crate) struct Unpacked<R> {
    reader: R,
    meter: Meter,
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = self.reader.read(out)?;
        let unpacked = self.meter.unpacked.get() + count as u64;
        self.meter.unpacked.set(unpacked);
        let allowed = self.meter.packed.get().saturating_mul(COMPRESSION_RATIO_MAX);
        if unpacked > allowed.saturating_add(COMPRESSION_FREE_BYTES) {
            return Err(std::io::Error::other(Bomb));
        }
        Ok(count)
    }
}

/// What an error from compressed data means.
pub(crate) fn problem_of(error: &std::io::Error) -> Problem {
    if error.get_ref().is_some_and(|inner| inner.is::<Bomb>()) {
        return Problem::CompressionBomb;
    }
    Problem::Compression(error.to_string())
}

/// Refuses archives with too many entries before their directory is read into memory.
pub(crate) fn check_entry_count(archive: &mut (impl Read + Seek)) -> Result<(), Problem> {
    let count = entry_count(archive).map_err(|error| Problem::Compression(error.to_string()))?;
    match count {
        Some(count) if count > ZIP_ENTRIES_MAX => Err(Problem::TooManyEntries),
        _ => Ok(()),
    }
}

/// The number of entries that the end of the archive tells; the larger one where it tells two.
fn entry_count(archive: &mut (impl Read + Seek)) -> std::io::Result<Option<u64>> {
    const END: usize = 22;
    const COMMENT_MAX: u64 = 65_535;
    let length = archive.seek(SeekFrom::End(0))?;
    let tail_length = length.min(COMMENT_MAX + END as u64);
    archive.seek(SeekFrom::Start(length - tail_length))?;
    let mut tail = Vec::new();
    archive.take(tail_length).read_to_end(&mut tail)?;
    let Some(at) = tail.windows(4).rposition(|bytes| bytes == b"PK\x05\x06") else {
        return Ok(None);
    };
    let small =
        tail.get(at + 10..at + 12).map_or(0, |b| u64::from(u16::from_le_bytes([b[0], b[1]])));
    // The larger form is announced in the twenty bytes before.
    let locator = at.checked_sub(20).and_then(|from| tail.get(from..at));
    let Some(locator) = locator.filter(|bytes| bytes.starts_with(b"PK\x06\x07")) else {
        return Ok(Some(small));
    };
    let offset =
        locator.get(8..).and_then(<[u8]>::first_chunk::<8>).map(|b| u64::from_le_bytes(*b));
    archive.seek(SeekFrom::Start(offset.unwrap_or(0).saturating_add(32)))?;
    let mut count = [0; 8];
    archive.read_exact(&mut count)?;
    Ok(Some(small.max(u64::from_le_bytes(count))))
}

/// Is an entry of that name no data: a folder, or what a system adds of its own?
pub(crate) fn is_clutter(name: &str) -> bool {
    let mut parts = name.split(['/', '\\']);
    name.ends_with('/') || parts.any(|part| part.starts_with('.') || part == "__MACOSX")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_unpacks_to_too_much_is_stopped() {
        let meter = Meter::new(1000);
        let mut reader = meter.unpacked(std::io::repeat(b' '));
        let mut total = 0_u64;
        let mut bytes = [0; 65536];
        let error = loop {
            match reader.read(&mut bytes) {
                Ok(count) => total += count as u64,
                Err(error) => break error,
            }
        };
        assert_eq!(problem_of(&error), Problem::CompressionBomb);
        assert!(total <= COMPRESSION_FREE_BYTES + 1000 * COMPRESSION_RATIO_MAX);
        let cut = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
        assert!(matches!(problem_of(&cut), Problem::Compression(_)));
    }

    #[test]
    fn names_of_no_data_are_known() {
        for name in ["a/", "__MACOSX/a.json", "a/.DS_Store", ".hidden"] {
            assert!(is_clutter(name), "{name}");
        }
        assert!(!is_clutter("tenantId=x/y=2026/PT1H.json"));
    }
}
