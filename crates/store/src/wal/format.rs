//! The bytes of a segment. All numbers are little-endian.
//!
//! ```text
//! segment header, 32 bytes
//!   0  8  "durw-wal"
//!   8  4  format version, 1
//!  12  8  first position this segment can hold, as in its name
//!  20  8  salt, random
//!  28  4  crc32c of bytes 0..28
//!
//! frame, 32 bytes and the payload
//!   0  4  "frme"
//!   4  4  crc32c of salt, bytes 8..32 and payload
//!   8  8  payload length in bytes
//!  16  8  position of this batch
//!  24  8  newest position that was durable before this frame was written
//! ```
//!
//! The last number of a frame serves twice. It proves that no frame is missing in between: a
//! frame follows its predecessor if its position is one higher, or if it names the predecessor
//! as durable (the positions in between were refused). And it tells damage from a torn end: if
//! a frame cannot be read, but a later one says that this position had been durable, then
//! acknowledged bytes are lost.
//!
//! The salt keeps bytes inside a payload, or left from another file, from passing as a frame.

use super::{LogPosition, PAYLOAD_BYTES_MAX};

pub(super) const SEGMENT_HEADER_BYTES: usize = 32;
pub(super) const FRAME_HEADER_BYTES: usize = 32;
pub(super) const FORMAT_VERSION: u32 = 1;
pub(super) const FRAME_MAGIC: [u8; 4] = *b"frme";
const SEGMENT_MAGIC: [u8; 8] = *b"durw-wal";

/// The head of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) first: LogPosition,
    pub(super) salt: u64,
}

/// Why a segment header cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BadHeader {
    Damaged,
    Version(u32),
}

impl SegmentHeader {
    pub(super) fn encode(self) -> [u8; SEGMENT_HEADER_BYTES] {
        let mut bytes = [0; SEGMENT_HEADER_BYTES];
        bytes[0..8].copy_from_slice(&SEGMENT_MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes[12..20].copy_from_slice(&self.first.0.to_le_bytes());
        bytes[20..28].copy_from_slice(&self.salt.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[0..28]);
        bytes[28..32].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8; SEGMENT_HEADER_BYTES]) -> Result<SegmentHeader, BadHeader> {
        if bytes[0..8] != SEGMENT_MAGIC || u32_at(bytes, 28) != crc32c::crc32c(&bytes[0..28]) {
            return Err(BadHeader::Damaged);
        }
        match u32_at(bytes, 8) {
            FORMAT_VERSION => {
                Ok(SegmentHeader { first: LogPosition(u64_at(bytes, 12)), salt: u64_at(bytes, 20) })
            }
            version => Err(BadHeader::Version(version)),
        }
    }
}

/// The head of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameHeader {
    pub(super) crc: u32,
    pub(super) payload_bytes: usize,
    pub(super) position: LogPosition,
    pub(super) durable_before: LogPosition,
}

impl FrameHeader {
    /// Reads the head; `None` if it cannot be one. The payload is still to be checked.
    pub(super) fn decode(bytes: &[u8; FRAME_HEADER_BYTES]) -> Option<FrameHeader> {
        let payload_bytes = usize::try_from(u64_at(bytes, 8)).ok()?;
        let header = FrameHeader {
            crc: u32_at(bytes, 4),
            payload_bytes,
            position: LogPosition(u64_at(bytes, 16)),
            durable_before: LogPosition(u64_at(bytes, 24)),
        };
        let plausible = bytes[0..4] == FRAME_MAGIC
            && payload_bytes <= PAYLOAD_BYTES_MAX
            && header.durable_before < header.position;
        plausible.then_some(header)
    }

    /// Whether head and payload are what was written to a segment of this salt.
    pub(super) fn matches(
        self,
        head: &[u8; FRAME_HEADER_BYTES],
        payload: &[u8],
        salt: u64,
    ) -> bool {
        self.crc == frame_crc(salt, &head[8..], payload)
    }

    /// Whether this frame comes right after the one at `previous`.
    pub(super) fn follows(self, previous: LogPosition) -> bool {
        self.position > previous
            && (self.position.0 == previous.0 + 1 || self.durable_before == previous)
    }

    /// Bytes of head and payload.
    pub(super) fn frame_bytes(self) -> u64 {
        (FRAME_HEADER_BYTES + self.payload_bytes) as u64
    }
}

/// Appends one frame to `out`.
pub(super) fn encode_frame(
    out: &mut Vec<u8>,
    salt: u64,
    position: LogPosition,
    durable_before: LogPosition,
    payload: &[u8],
) {
    let mut head = [0; FRAME_HEADER_BYTES];
    head[0..4].copy_from_slice(&FRAME_MAGIC);
    head[8..16].copy_from_slice(&(payload.len() as u64).to_le_bytes());
    head[16..24].copy_from_slice(&position.0.to_le_bytes());
    head[24..32].copy_from_slice(&durable_before.0.to_le_bytes());
    let crc = frame_crc(salt, &head[8..], payload);
    head[4..8].copy_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(&head);
    out.extend_from_slice(payload);
}

fn frame_crc(salt: u64, head: &[u8], payload: &[u8]) -> u32 {
    let crc = crc32c::crc32c(&salt.to_le_bytes());
    crc32c::crc32c_append(crc32c::crc32c_append(crc, head), payload)
}

fn u32_at(bytes: &[u8; 32], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(number)
}

fn u64_at(bytes: &[u8; 32], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_a_segment_header_are_fixed() {
        let header = SegmentHeader { first: LogPosition(258), salt: 0x0807_0605_0403_0201 };
        let bytes = header.encode();
        assert_eq!(&bytes[..8], b"durw-wal");
        assert_eq!(&bytes[8..20], &[1, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(&bytes[20..28], &[1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(SegmentHeader::decode(&bytes), Ok(header));
    }

    #[test]
    fn any_flipped_bit_of_a_frame_is_noticed() {
        let mut frame = Vec::new();
        encode_frame(&mut frame, 42, LogPosition(7), LogPosition(5), b"payload");
        let read = |frame: &[u8], salt| {
            let head: &[u8; FRAME_HEADER_BYTES] = frame[..FRAME_HEADER_BYTES].try_into().unwrap();
            let payload = &frame[FRAME_HEADER_BYTES..];
            FrameHeader::decode(head)
                .filter(|h| h.payload_bytes == payload.len() && h.matches(head, payload, salt))
        };
        let header = read(&frame, 42).unwrap();
        assert_eq!((header.position, header.durable_before), (LogPosition(7), LogPosition(5)));
        assert_eq!(read(&frame, 43), None, "another segment's salt");
        for bit in 0..frame.len() * 8 {
            let mut damaged = frame.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read(&damaged, 42), None, "bit {bit}");
        }
    }

    #[test]
    fn a_newer_format_is_told_from_damage() {
        let mut bytes = SegmentHeader { first: LogPosition(1), salt: 1 }.encode();
        bytes[8] = 2;
        assert_eq!(SegmentHeader::decode(&bytes), Err(BadHeader::Damaged));
        let crc = crc32c::crc32c(&bytes[0..28]);
        bytes[28..32].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(SegmentHeader::decode(&bytes), Err(BadHeader::Version(2)));
    }
}
