//! Identifiers as 16 bytes.
//!
//! Nearly every identifier is a GUID; 16 bytes compare, index and compress better than 36
//! characters. Text that is no GUID is known by a 128-bit hash of itself and kept beside the
//! event (ID-1), so nothing is lost and equality still works; two spellings of one GUID are one.

/// An identifier: the bytes of a GUID in the order they are written, or a hash of other text.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct Id(pub [u8; 16]);

/// How well an [`Id`] stands for the text it was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// A lower-case GUID: the bytes give the text back.
    Canonical,
    /// A GUID written otherwise (upper case).
    Variant,
    /// Not a GUID: the bytes are a hash of the text.
    Other,
}

impl Id {
    /// The identifier for this text.
    pub fn from_text(text: &str) -> (Id, Spelling) {
        match parse_guid(text.as_bytes()) {
            Some((bytes, true)) => (Id(bytes), Spelling::Canonical),
            Some((bytes, false)) => (Id(bytes), Spelling::Variant),
            None => (Id::hash(text.as_bytes()), Spelling::Other),
        }
    }

    /// A 128-bit hash of these bytes.
    pub fn hash(bytes: &[u8]) -> Id {
        Id(xxhash_rust::xxh3::xxh3_128(bytes).to_be_bytes())
    }
}

impl std::fmt::Display for Id {
    /// The bytes as a lower-case GUID.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b'-'; 36];
        let mut at = 0;
        for (index, byte) in self.0.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                at += 1;
            }
            text[at] = HEX[usize::from(byte >> 4)];
            text[at + 1] = HEX[usize::from(byte & 15)];
            at += 2;
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl std::fmt::Debug for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// The bytes of `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`, and whether all letters are lower case.
fn parse_guid(text: &[u8]) -> Option<([u8; 16], bool)> {
    let text: &[u8; 36] = text.try_into().ok()?;
    let (mut bytes, mut lower) = ([0_u8; 16], true);
    let (mut at, mut index) = (0, 0);
    while index < 16 {
        if matches!(at, 8 | 13 | 18 | 23) {
            if text[at] != b'-' {
                return None;
            }
            at += 1;
        }
        let mut byte = 0;
        for &digit in &text[at..at + 2] {
            lower &= !digit.is_ascii_uppercase();
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                b'A'..=b'F' => digit - b'A' + 10,
                _ => return None,
            };
            byte = byte << 4 | value;
        }
        bytes[index] = byte;
        (at, index) = (at + 2, index + 1);
    }
    Some((bytes, lower))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guids_read_back_and_other_text_is_hashed() {
        let text = "4b1d0c5e-9a77-4c1f-8a51-6f2f3a9c1200";
        let (id, spelling) = Id::from_text(text);
        assert_eq!((id.to_string().as_str(), spelling), (text, Spelling::Canonical));
        assert_eq!(Id::from_text(&text.to_uppercase()), (id, Spelling::Variant));
        assert_eq!(Id::from_text("sign-in-1").1, Spelling::Other);
        assert_ne!(Id::from_text("sign-in-1").0, Id::from_text("sign-in-2").0);
        assert_eq!(Id::from_text("4b1d0c5e-9a77-4c1f-8a51-6f2f3a9c120g").1, Spelling::Other);
        assert_eq!(Id::from_text("4b1d0c5e9a774c1f8a516f2f3a9c12000000").1, Spelling::Other);
    }
}
