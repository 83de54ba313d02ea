//! Where a page of a list ended.
//!
//! A list is ordered by (`createdDateTime`, `id`) and pages by that key, not by counting rows: a
//! row that was there when page one was read is on exactly one page, however many rows arrive
//! meanwhile (PAGE-1). Rows that arrive later with a time that was already passed are not shown;
//! those with a time that is still to come are.
//!
//! To a caller a cursor is opaque text. It carries the hash of the question it belongs to and a
//! check value, so that one that was changed, cut or taken from another question is refused. It
//! is no secret and gives no rights: whatever it says, only rows that the question itself finds
//! are listed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use durward_model::{Id, Timestamp};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// Which end a list begins at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// The latest `createdDateTime` first.
    #[default]
    NewestFirst,
    /// The earliest `createdDateTime` first.
    OldestFirst,
}

/// The place of a row in a list. The last two members tell apart records that share an identifier
/// (one of each tenant, or of different logs).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// `createdDateTime`.
    pub created: Timestamp,
    /// `id`.
    pub id: Id,
    /// Number of the log.
    pub log: u8,
    /// The beginning of a hash of the tenant's identifier.
    pub tenant: u32,
}

/// A text that is no cursor of this question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// Not made by durward, or changed since.
    #[error("the skip token is not valid")]
    Invalid,
    /// Made for another filter, order or grouping.
    #[error("the skip token belongs to another query")]
    Foreign,
}

/// Marks the layout of the bytes; changed when they change.
const LAYOUT: u8 = 2;
/// Longest text that can be a cursor.
const TEXT_MAX: usize = 512;
/// Seeds the check value, so that hashes of other things never pass for one.
const CHECK_SEED: u64 = 0x6475_7277_6172_6401;

/// The hash of a question, from anything that tells one question from another.
pub fn question(parts: &[&str]) -> u64 {
    let mut text = String::new();
    for part in parts {
        text.push_str(part);
        text.push('\0');
    }
    xxh3_64(text.as_bytes())
}

/// `body` as an opaque token for this question.
pub(crate) fn seal(body: &[u8], question: u64) -> String {
    let mut bytes = vec![LAYOUT];
    bytes.extend_from_slice(&question.to_le_bytes());
    bytes.extend_from_slice(body);
    let check = xxh3_64_with_seed(&bytes, CHECK_SEED);
    bytes.extend_from_slice(&check.to_le_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The body of a token that [`seal`] made for this question.
pub(crate) fn open(token: &str, question: u64) -> Result<Vec<u8>, CursorError> {
    if token.len() > TEXT_MAX {
        return Err(CursorError::Invalid);
    }
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| CursorError::Invalid)?;
    let (signed, check) = bytes.split_last_chunk::<8>().ok_or(CursorError::Invalid)?;
    if u64::from_le_bytes(*check) != xxh3_64_with_seed(signed, CHECK_SEED) {
        return Err(CursorError::Invalid);
    }
    let (&layout, rest) = signed.split_first().ok_or(CursorError::Invalid)?;
    let (owner, body) = rest.split_first_chunk::<8>().ok_or(CursorError::Invalid)?;
    if layout != LAYOUT {
        return Err(CursorError::Invalid);
    }
    if u64::from_le_bytes(*owner) != question {
        return Err(CursorError::Foreign);
    }
    Ok(body.to_vec())
}

impl Position {
    /// The position as a token for this question.
    pub fn to_token(self, question: u64) -> String {
        let mut body = Vec::with_capacity(31);
        body.extend_from_slice(&self.created.micros.to_le_bytes());
        body.extend_from_slice(&self.created.nanos.to_le_bytes());
        body.extend_from_slice(&self.id.0);
        body.push(self.log);
        body.extend_from_slice(&self.tenant.to_le_bytes());
        seal(&body, question)
    }

    /// The position that a token for this question holds.
    pub fn from_token(token: &str, question: u64) -> Result<Position, CursorError> {
        let body = open(token, question)?;
        let body: &[u8; 31] = body.as_slice().try_into().map_err(|_| CursorError::Invalid)?;
        let (micros, rest) = body.split_first_chunk::<8>().ok_or(CursorError::Invalid)?;
        let (nanos, rest) = rest.split_first_chunk::<2>().ok_or(CursorError::Invalid)?;
        let (id, rest) = rest.split_first_chunk::<16>().ok_or(CursorError::Invalid)?;
        let (log, rest) = rest.split_first_chunk::<1>().ok_or(CursorError::Invalid)?;
        let tenant = rest.first_chunk::<4>().ok_or(CursorError::Invalid)?;
        Ok(Position {
            created: Timestamp {
                micros: i64::from_le_bytes(*micros),
                nanos: u16::from_le_bytes(*nanos),
            },
            id: Id(*id),
            log: log[0],
            tenant: u32::from_le_bytes(*tenant),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_text_for_the_same_question_is_taken() {
        let position = Position {
            created: Timestamp { micros: -5, nanos: 7 },
            id: Id([9; 16]),
            log: 3,
            tenant: 70_000,
        };
        let here = question(&["filter", "desc"]);
        let token = position.to_token(here);
        assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        assert_eq!(Position::from_token(&token, here), Ok(position));
        let elsewhere = question(&["filter", "asc"]);
        assert_eq!(Position::from_token(&token, elsewhere), Err(CursorError::Foreign));
        assert_ne!(question(&["ab", "c"]), question(&["a", "bc"]));
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(Position::from_token(&changed, here), Err(CursorError::Invalid), "{at}");
            assert_eq!(Position::from_token(&token[..at], here), Err(CursorError::Invalid));
        }
        assert_eq!(Position::from_token(&"A".repeat(10_000), here), Err(CursorError::Invalid));
    }
}
