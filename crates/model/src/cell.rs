//! One value of one field.

use std::borrow::Cow;

use crate::field::FieldId;
use crate::time::Timestamp;

/// A value, borrowed from where it was read or owned. JSON values are carried as minified text.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Cell<'a> {
    /// No value.
    #[default]
    Null,
    /// Text, a member of an enumeration, an identifier, or JSON text (see the field's kind).
    Text(Cow<'a, str>),
    /// A whole number.
    Int(i64),
    /// A floating-point number.
    Float(f64),
    /// true or false.
    Bool(bool),
    /// An instant.
    Time(Timestamp),
}

/// A value that borrows nothing.
pub type OwnedCell = Cell<'static>;

impl<'a> Cell<'a> {
    /// Borrowed text.
    pub fn text(text: &'a str) -> Cell<'a> {
        Cell::Text(Cow::Borrowed(text))
    }

    /// Is there no value?
    pub fn is_null(&self) -> bool {
        matches!(self, Cell::Null)
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Cell::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number, if it is one.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Cell::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// The truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Cell::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The instant, if it is one.
    pub fn as_time(&self) -> Option<Timestamp> {
        match self {
            Cell::Time(time) => Some(*time),
            _ => None,
        }
    }

    /// The same value, owning its text.
    pub fn into_owned(self) -> OwnedCell {
        match self {
            Cell::Text(text) => Cell::Text(Cow::Owned(text.into_owned())),
            Cell::Null => Cell::Null,
            Cell::Int(value) => Cell::Int(value),
            Cell::Float(value) => Cell::Float(value),
            Cell::Bool(value) => Cell::Bool(value),
            Cell::Time(time) => Cell::Time(time),
        }
    }
}

impl std::fmt::Display for Cell<'_> {
    /// The value as plain text: nothing for null, `true`/`false`, times in RFC 3339 UTC.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Cell::Null => Ok(()),
            Cell::Text(text) => f.write_str(text),
            Cell::Int(value) => write!(f, "{value}"),
            Cell::Float(value) => write!(f, "{value:?}"),
            Cell::Bool(value) => write!(f, "{value}"),
            Cell::Time(time) => write!(f, "{time}"),
        }
    }
}

// An entity is written as `(field number, tag, value)*` for its non-null fields in the order of
// their numbers. Two entities are the same exactly when these bytes are the same (CELL-1), and a
// field added to the catalogue later leaves older bytes valid.
const TAG_TEXT: u8 = 1;
const TAG_INT: u8 = 2;
const TAG_FALSE: u8 = 3;
const TAG_TRUE: u8 = 4;
const TAG_FLOAT: u8 = 5;

/// Appends one field of an entity. Null appends nothing; an instant is no entity value.
pub fn encode(field: FieldId, cell: &Cell<'_>, out: &mut Vec<u8>) {
    match cell {
        Cell::Null => {}
        Cell::Text(text) => {
            out.extend([field as u8, TAG_TEXT]);
            write_varint(text.len() as u64, out);
            out.extend_from_slice(text.as_bytes());
        }
        Cell::Int(value) => {
            out.extend([field as u8, TAG_INT]);
            out.extend_from_slice(&value.to_le_bytes());
        }
        Cell::Float(value) => {
            out.extend([field as u8, TAG_FLOAT]);
            out.extend_from_slice(&value.to_bits().to_le_bytes());
        }
        Cell::Bool(value) => out.extend([field as u8, if *value { TAG_TRUE } else { TAG_FALSE }]),
        Cell::Time(_) => debug_assert!(false, "instants are stored with the event"),
    }
}

/// The value of `field` in an encoded entity; null where it has none.
pub fn find(entity: &[u8], field: FieldId) -> Cell<'_> {
    for (number, cell) in decode(entity) {
        if number == field as u8 {
            return cell;
        }
        if number > field as u8 {
            break;
        }
    }
    Cell::Null
}

/// The fields of an encoded entity, by number. Stops at the first byte that makes no sense.
pub fn decode(entity: &[u8]) -> impl Iterator<Item = (u8, Cell<'_>)> {
    let mut rest = entity;
    std::iter::from_fn(move || {
        let (&[number, tag], tail) = rest.split_first_chunk::<2>()?;
        let (cell, tail) = match tag {
            TAG_TEXT => {
                let (length, tail) = read_varint(tail)?;
                let (text, tail) = tail.split_at_checked(usize::try_from(length).ok()?)?;
                (Cell::text(std::str::from_utf8(text).ok()?), tail)
            }
            TAG_INT => {
                let (bytes, tail) = tail.split_first_chunk::<8>()?;
                (Cell::Int(i64::from_le_bytes(*bytes)), tail)
            }
            TAG_FLOAT => {
                let (bytes, tail) = tail.split_first_chunk::<8>()?;
                (Cell::Float(f64::from_bits(u64::from_le_bytes(*bytes))), tail)
            }
            TAG_TRUE => (Cell::Bool(true), tail),
            TAG_FALSE => (Cell::Bool(false), tail),
            _ => return None,
        };
        rest = tail;
        Some((number, cell))
    })
}

fn write_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn read_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (index, &byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_reads_back() {
        let mut bytes = Vec::new();
        encode(FieldId::IpAddress, &Cell::text("203.0.113.7"), &mut bytes);
        encode(FieldId::IsTenantRestricted, &Cell::Bool(false), &mut bytes);
        encode(FieldId::AutonomousSystemNumber, &Cell::Int(64500), &mut bytes);
        encode(FieldId::City, &Cell::Null, &mut bytes);
        encode(FieldId::Latitude, &Cell::Float(-8.72), &mut bytes);
        assert_eq!(find(&bytes, FieldId::IpAddress), Cell::text("203.0.113.7"));
        assert_eq!(find(&bytes, FieldId::IsTenantRestricted), Cell::Bool(false));
        assert_eq!(find(&bytes, FieldId::AutonomousSystemNumber), Cell::Int(64500));
        assert_eq!(find(&bytes, FieldId::City), Cell::Null);
        assert_eq!(find(&bytes, FieldId::Latitude), Cell::Float(-8.72));
        for cut in 0..bytes.len() {
            assert!(decode(&bytes[..cut]).count() <= 4);
        }
    }
}
