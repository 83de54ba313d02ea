//! What one value of a record means for one field, and how it can be written again.
//!
//! Sources write the same value in many ways (quirk 2): numbers in strings, truth values as words,
//! enumerations by their labels. The cell gets what is meant; the spelling says what the shape
//! needs so that the same characters come back.

use std::borrow::Cow;

use durward_model::cell::Cell;
use durward_model::enums::Enum;
use durward_model::field::{Field, FieldId, Kind};
use durward_model::id::{Id, Spelling as IdSpelling};
use durward_model::time::{DateOrder, Style, Timestamp};

use crate::scan::Token;

/// How a value was written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Spelling {
    /// As the cell is written: mark `v`.
    Value,
    /// As the cell is written, in quotes: mark `s`.
    Quoted,
    /// An instant in a style: mark `t`.
    Time(Style),
    /// One of few spellings: stays in the shape.
    Literal,
    /// Any other way: kept beside the event.
    Kept,
}

/// A value and its spelling.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reading<'a> {
    pub(crate) cell: Cell<'a>,
    pub(crate) spelling: Spelling,
}

impl<'a> Reading<'a> {
    fn new(cell: Cell<'a>, spelling: Spelling) -> Self {
        Reading { cell, spelling }
    }

    fn nothing(spelling: Spelling) -> Self {
        Reading::new(Cell::Null, spelling)
    }
}

/// What of a file decides how its values are read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Habits {
    /// Which number comes first in `1/9/2007`.
    pub(crate) order: DateOrder,
    /// Does an empty text stand for no value, as in CSV?
    pub(crate) empty_is_null: bool,
}

/// Texts longer than this are no member of an enumeration and no word for a truth value.
const WORD_BYTES_MAX: usize = 64;

/// Reads a value that has no members for a field of a kind other than JSON. `text` is what a
/// string token stands for, and whether that is exact.
pub(crate) fn read<'a>(
    field: &Field,
    token: Token<'_>,
    text: Option<(Cow<'a, str>, bool)>,
    habits: Habits,
) -> Reading<'a> {
    let Some((text, exact)) = text else { return read_bare(field.kind, token) };
    if text.is_empty() && empty_means_nothing(field, habits) {
        return Reading::nothing(Spelling::Literal);
    }
    let reading = match field.kind {
        Kind::Text => read_text(field.id, text),
        Kind::Enum(members) => read_enum(members, text),
        Kind::Id => read_id(text),
        Kind::Int => read_int(&text),
        Kind::Float => match text.trim().parse::<f64>() {
            Ok(value) if value.is_finite() => {
                let canonical = format!("{value:?}") == text;
                let spelling = if canonical { Spelling::Quoted } else { Spelling::Kept };
                Reading::new(Cell::Float(value), spelling)
            }
            _ => Reading::nothing(Spelling::Kept),
        },
        Kind::Bool => match truth(&text) {
            Some(value) if text == "true" || text == "false" => {
                Reading::new(Cell::Bool(value), Spelling::Quoted)
            }
            Some(value) => Reading::new(Cell::Bool(value), Spelling::Literal),
            None => Reading::nothing(Spelling::Kept),
        },
        Kind::Time => match Timestamp::parse_styled(&text, habits.order) {
            Some((time, style)) => {
                Reading::new(Cell::Time(time), style.map_or(Spelling::Kept, Spelling::Time))
            }
            None => Reading::nothing(Spelling::Kept),
        },
        Kind::Object | Kind::TextList | Kind::ObjectList => Reading::nothing(Spelling::Kept),
    };
    // What cannot be decoded exactly cannot be written again either.
    if exact { reading } else { Reading { spelling: Spelling::Kept, ..reading } }
}

fn empty_means_nothing(field: &Field, habits: Habits) -> bool {
    habits.empty_is_null
        || !matches!(field.kind, Kind::Text | Kind::Enum(_))
        || field.id == FieldId::UniqueTokenIdentifier
}

fn read_bare<'a>(kind: Kind, token: Token<'_>) -> Reading<'a> {
    match (token, kind) {
        (Token::Null | Token::Text(_), _) => Reading::nothing(Spelling::Literal),
        (Token::Bool(value), Kind::Bool) => Reading::new(Cell::Bool(value), Spelling::Value),
        (Token::Bool(value), Kind::Text | Kind::Enum(_)) => {
            Reading::new(Cell::Text(value.to_string().into()), Spelling::Literal)
        }
        (Token::Bool(_), _) => Reading::nothing(Spelling::Literal),
        (Token::Number(raw), Kind::Int) => {
            let reading = read_int(raw);
            match reading.spelling {
                Spelling::Quoted => Reading { spelling: Spelling::Value, ..reading },
                _ => reading,
            }
        }
        (Token::Number(raw), Kind::Float) => match raw.parse::<f64>() {
            Ok(value) if value.is_finite() => {
                let canonical = format!("{value:?}") == raw;
                // A missing place is 0/0 (quirk 4), a spelling worth a shape of its own.
                let other = if raw == "0" { Spelling::Literal } else { Spelling::Kept };
                Reading::new(Cell::Float(value), if canonical { Spelling::Value } else { other })
            }
            _ => Reading::nothing(Spelling::Kept),
        },
        (Token::Number("0" | "1"), Kind::Bool) => {
            Reading::new(Cell::Bool(token.raw() == "1"), Spelling::Literal)
        }
        (Token::Number(raw), Kind::Text | Kind::Enum(_) | Kind::Id) => {
            Reading::new(Cell::Text(raw.to_owned().into()), Spelling::Kept)
        }
        (Token::Number(_), _) => Reading::nothing(Spelling::Kept),
    }
}

fn read_text<'a>(field: FieldId, text: Cow<'a, str>) -> Reading<'a> {
    if field == FieldId::AuthenticationRequirement {
        return read_enum(&AUTHENTICATION_REQUIREMENT, text);
    }
    Reading::new(Cell::Text(text), Spelling::Value)
}

/// Graph has it as text, the portal writes labels of the same members.
static AUTHENTICATION_REQUIREMENT: Enum = Enum {
    name: "authenticationRequirement",
    members: &["singleFactorAuthentication", "multiFactorAuthentication"],
    flags: false,
};

fn read_enum<'a>(members: &'static Enum, text: Cow<'a, str>) -> Reading<'a> {
    if text.len() > WORD_BYTES_MAX {
        return Reading::new(Cell::Text(text), Spelling::Value);
    }
    match members.canonical(&text) {
        Some(member) if member != text => Reading::new(Cell::text(member), Spelling::Literal),
        _ => Reading::new(Cell::Text(text), Spelling::Value),
    }
}

fn read_id<'a>(text: Cow<'a, str>) -> Reading<'a> {
    if !text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Reading::new(Cell::Text(text), Spelling::Value);
    }
    match Id::from_text(&text) {
        (id, IdSpelling::Variant) => {
            Reading::new(Cell::Text(id.to_string().into()), Spelling::Kept)
        }
        _ => Reading::new(Cell::Text(text), Spelling::Value),
    }
}

/// Whole numbers, also as `1.0`.
fn read_int<'a>(text: &str) -> Reading<'a> {
    let trimmed = text.trim();
    if let Ok(value) = trimmed.parse::<i64>() {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let plain = text == "0"
            || (!digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit()));
        return Reading::new(
            Cell::Int(value),
            if plain { Spelling::Quoted } else { Spelling::Kept },
        );
    }
    match trimmed.parse::<f64>() {
        // Beyond 2^53 a float no longer says which whole number was meant.
        Ok(value) if value.fract() == 0.0 && value.abs() < 9.0e15 => {
            Reading::new(Cell::Int(value as i64), Spelling::Kept)
        }
        _ => Reading::nothing(Spelling::Kept),
    }
}

/// What the portal, spreadsheets and scripts write for true and false.
fn truth(text: &str) -> Option<bool> {
    const TRUE: [&str; 6] = ["true", "yes", "1", "oui", "sí", "vrai"];
    const FALSE: [&str; 5] = ["false", "no", "0", "non", "faux"];
    let text = text.trim();
    let is = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    if is(&TRUE) {
        Some(true)
    } else if is(&FALSE) {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::Scanner;

    fn reading(field: FieldId, json: &str) -> Reading<'static> {
        let token = Scanner::new(json).token().unwrap();
        let text = match token {
            Token::Text(quoted) => {
                let (text, exact) = quoted.decode();
                Some((Cow::Owned(text.into_owned()), exact))
            }
            _ => None,
        };
        read(field.field(), token, text, Habits::default())
    }

    #[test]
    fn quirk_2_types_are_understood_and_spelled_again() {
        use Spelling::{Kept, Literal, Quoted, Value};
        let text = |text: &'static str| Cell::text(text);
        for (field, json, cell, spelling) in [
            (FieldId::ErrorCode, "50158", Cell::Int(50158), Value),
            (FieldId::ErrorCode, "\"50158\"", Cell::Int(50158), Quoted),
            (FieldId::ErrorCode, "\"0\"", Cell::Int(0), Quoted),
            (FieldId::ErrorCode, "-0", Cell::Int(0), Kept),
            (FieldId::ErrorCode, "\"007\"", Cell::Int(7), Kept),
            (FieldId::ErrorCode, "\"-7\"", Cell::Int(-7), Quoted),
            (FieldId::ErrorCode, "\" 7\"", Cell::Int(7), Kept),
            (FieldId::ErrorCode, "7.0", Cell::Int(7), Kept),
            (FieldId::ErrorCode, "7.5", Cell::Null, Kept),
            (FieldId::ErrorCode, "\"Success\"", Cell::Null, Kept),
            (FieldId::ErrorCode, "\"\"", Cell::Null, Literal),
            (FieldId::ErrorCode, "null", Cell::Null, Literal),
            (FieldId::ErrorCode, "99999999999999999999", Cell::Null, Kept),
            (FieldId::Latitude, "47.68050003051758", Cell::Float(47.68050003051758), Value),
            (FieldId::Latitude, "0", Cell::Float(0.0), Literal),
            (FieldId::Latitude, "0.0", Cell::Float(0.0), Value),
            (FieldId::Latitude, "\"-0.000000\"", Cell::Float(-0.0), Kept),
            (FieldId::Latitude, "1e999", Cell::Null, Kept),
            (FieldId::IsCompliant, "true", Cell::Bool(true), Value),
            (FieldId::IsCompliant, "\"true\"", Cell::Bool(true), Quoted),
            (FieldId::IsCompliant, "\"TRUE\"", Cell::Bool(true), Literal),
            (FieldId::IsCompliant, "\"No\"", Cell::Bool(false), Literal),
            (FieldId::IsCompliant, "\"maybe\"", Cell::Null, Kept),
            (FieldId::UserType, "\"member\"", text("member"), Value),
            (FieldId::UserType, "\"Member\"", text("member"), Literal),
            (FieldId::UserType, "\"robot\"", text("robot"), Value),
            (FieldId::UserId, "\"\"", text(""), Value),
            (FieldId::UserId, "17", text("17"), Kept),
            (FieldId::CorrelationId, "\"\"", Cell::Null, Literal),
            (FieldId::CorrelationId, "\"x-1\"", text("x-1"), Value),
        ] {
            let found = reading(field, json);
            assert_eq!(found, Reading::new(cell, spelling), "{field:?} {json}");
        }
    }

    #[test]
    fn quirk_6_labels_and_members_are_the_same_value() {
        for json in ["\"deviceCodeFlow\"", "\"Device code flow\""] {
            assert_eq!(
                reading(FieldId::OriginalTransferMethod, json).cell,
                Cell::text("deviceCodeFlow")
            );
        }
        let label = reading(FieldId::AuthenticationRequirement, "\"Single-factor authentication\"");
        assert_eq!(label.cell, Cell::text("singleFactorAuthentication"));
    }

    #[test]
    fn an_upper_case_guid_is_the_same_identifier_and_keeps_its_spelling() {
        let found = reading(FieldId::CorrelationId, "\"4B1D0C5E-9A77-4C1F-8A51-6F2F3A9C1200\"");
        assert_eq!(found.cell, Cell::text("4b1d0c5e-9a77-4c1f-8a51-6f2f3a9c1200"));
        assert_eq!(found.spelling, Spelling::Kept);
    }

    #[test]
    fn a_lone_surrogate_is_read_as_well_as_it_goes() {
        let found = reading(FieldId::UserDisplayName, r#""a\ud800""#);
        assert_eq!(found, Reading::new(Cell::text("a\u{fffd}"), Spelling::Kept));
    }
}
