//! UTF-16, which spreadsheets and PowerShell write, as UTF-8.

use std::io::Read;

/// Reads UTF-16 with the byte order mark already passed, and gives UTF-8. Lone surrogates become
/// U+FFFD.
pub(crate) struct Utf16Reader<R> {
    reader: R,
    little_endian: bool,
    /// Bytes that wait for the rest of their character.
    waiting: Vec<u8>,
    out: Vec<u8>,
    given: usize,
}

impl<R: Read> Utf16Reader<R> {
    pub(crate) fn new(reader: R, little_endian: bool) -> Self {
        Utf16Reader { reader, little_endian, waiting: Vec::new(), out: Vec::new(), given: 0 }
    }

    fn refill(&mut self) -> std::io::Result<()> {
        let mut bytes = [0; 8192];
        let count = self.reader.read(&mut bytes)?;
        let ended = count == 0;
        self.waiting.extend_from_slice(bytes.get(..count).unwrap_or_default());
        let units: Vec<u16> = self
            .waiting
            .chunks_exact(2)
            .map(|pair| match self.little_endian {
                true => u16::from_le_bytes([pair[0], pair[1]]),
                false => u16::from_be_bytes([pair[0], pair[1]]),
            })
            .collect();
        // The first half of a pair waits for the second.
        let half = units.last().is_some_and(|unit| (0xd800..0xdc00).contains(unit)) && !ended;
        let whole = units.len() - usize::from(half);
        let text: String = char::decode_utf16(units.iter().take(whole).copied())
            .map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect();
        self.waiting.drain(..whole * 2);
        if ended {
            self.waiting.clear();
        }
        self.out = text.into_bytes();
        self.given = 0;
        Ok(())
    }
}

impl<R: Read> Read for Utf16Reader<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        while self.given == self.out.len() {
            let waited = self.waiting.len();
            self.refill()?;
            // An empty refill that took nothing in is the end; one that waits for a half is not.
            if self.out.is_empty() && self.waiting.len() <= waited {
                return Ok(0);
            }
        }
        let rest = self.out.get(self.given..).unwrap_or_default();
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        self.given += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time.
    struct Slow<'t>(&'t [u8]);
    impl Read for Slow<'_> {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            out[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    #[test]
    fn both_byte_orders_read_in_any_pieces() {
        let text = "{\"a\":\"é😀\"}\n";
        for little_endian in [true, false] {
            let bytes: Vec<u8> = text
                .encode_utf16()
                .flat_map(|unit| match little_endian {
                    true => unit.to_le_bytes(),
                    false => unit.to_be_bytes(),
                })
                .collect();
            for source in [Box::new(&bytes[..]) as Box<dyn Read>, Box::new(Slow(&bytes))] {
                let mut found = String::new();
                Utf16Reader::new(source, little_endian).read_to_string(&mut found).unwrap();
                assert_eq!(found, text);
            }
        }
    }
}
