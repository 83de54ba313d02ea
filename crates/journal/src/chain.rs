//! The chain: each entry's hash covers the entry before it.

use std::fmt;
use std::str::FromStr;

use rusqlite::types::ValueRef;
use sha2::{Digest as _, Sha256};

/// SHA-256 over the chain of the entry before (32 zero bytes before the first) and the columns of
/// the entry in the order of the table. A column is one byte for its type and its value: `i` and
/// eight bytes, least significant first, for a number; `t`, eight such bytes for the length, and
/// UTF-8 for a text; `n` for nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Chain(pub [u8; 32]);

impl Chain {
    /// The chain of an entry with these columns that follows an entry with this chain.
    pub(crate) fn followed_by<'v>(self, columns: impl IntoIterator<Item = ValueRef<'v>>) -> Chain {
        let mut hash = Sha256::new().chain_update(self.0);
        for column in columns {
            hash = match column {
                ValueRef::Null => hash.chain_update(b"n"),
                ValueRef::Integer(number) => {
                    hash.chain_update(b"i").chain_update(number.to_le_bytes())
                }
                ValueRef::Text(text) => with_length(hash.chain_update(b"t"), text),
                // The table has no such columns, but a file may have been tampered with.
                ValueRef::Real(real) => hash.chain_update(b"r").chain_update(real.to_le_bytes()),
                ValueRef::Blob(blob) => with_length(hash.chain_update(b"b"), blob),
            };
        }
        Chain(hash.finalize().into())
    }
}

fn with_length(hash: Sha256, bytes: &[u8]) -> Sha256 {
    hash.chain_update((bytes.len() as u64).to_le_bytes()).chain_update(bytes)
}

impl fmt::Display for Chain {
    /// 64 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Chain {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Chain, &'static str> {
        const WANTED: &str = "a chain is 64 hexadecimal digits";
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(WANTED);
        }
        let mut chain = Chain::default();
        for (byte, digits) in chain.0.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| WANTED)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| WANTED)?;
        }
        Ok(chain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_the_hash_that_is_documented() {
        let columns = [ValueRef::Integer(1), ValueRef::Text(b"ab"), ValueRef::Null];
        let mut bytes = vec![0; 32];
        bytes.extend(b"i\x01\0\0\0\0\0\0\0t\x02\0\0\0\0\0\0\0abn");
        let first = Chain::default().followed_by(columns);
        assert_eq!(first.0, <[u8; 32]>::from(Sha256::digest(&bytes)));
        bytes[..32].copy_from_slice(&first.0);
        assert_eq!(first.followed_by(columns).0, <[u8; 32]>::from(Sha256::digest(&bytes)));
    }

    #[test]
    fn where_a_column_ends_matters() {
        let of = |columns: [&'static str; 2]| {
            Chain::default().followed_by(columns.map(|text| ValueRef::Text(text.as_bytes())))
        };
        assert_ne!(of(["ab", "c"]), of(["a", "bc"]));
    }

    #[test]
    fn chains_are_read_as_they_are_written() {
        let chain = Chain::default().followed_by([ValueRef::Null]);
        assert_eq!(chain.to_string().parse(), Ok(chain));
        assert_eq!(chain.to_string().to_uppercase().parse(), Ok(chain));
        for text in ["", "00", &"g".repeat(64), &"+1".repeat(32), &"é".repeat(32)] {
            assert!(text.parse::<Chain>().is_err(), "{text}");
        }
    }
}
