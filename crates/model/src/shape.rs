//! The shape of a record: how it was written, apart from its values.
//!
//! A decoder turns a record into values and a *shape*: the record's JSON text with its values
//! taken out and marks put in their place. Records of one source share few shapes, so a shape is
//! stored once and an event refers to it; filling the marks gives the original record back, its
//! member order, absent members and nulls included (SHAPE-1). Values that no field holds (unknown
//! members, a second spelling that disagrees) are kept in the event's list of extras.
//!
//! A mark is `U+0001`, a letter, its argument, `U+0002`. Neither character can occur in JSON text,
//! where control characters are escaped.
//!
//! | mark | stands for |
//! | --- | --- |
//! | `v` field | the value as JSON: text quoted, numbers and truth values bare, JSON as it is |
//! | `s` field | the value as a JSON string, whatever its kind; JSON text quoted |
//! | `t` field `,` style | an instant as a JSON string in that style |
//! | `x` n | the n-th extra, JSON text |
//! | `j` … `k` | what lies between the two, filled, as a JSON string |
//!
//! JSON fields may hold marks themselves, for members whose values change with every event. Their
//! `x` marks count through the extras that belong to that field.

use crate::cell::Cell;
use crate::field::FieldId;
use crate::time::Style;

/// Begins a mark.
pub const MARK: char = '\u{1}';
/// Ends a mark.
pub const MARK_END: char = '\u{2}';

/// What a mark stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The value of a field as JSON.
    Value(FieldId),
    /// The value of a field as a JSON string.
    Quoted(FieldId),
    /// An instant in a style, as a JSON string.
    Time(FieldId, Style),
    /// The n-th extra.
    Extra(usize),
    /// From here to [`Mark::TextEnd`]: a JSON string whose text is filled like the rest.
    TextStart,
    /// The end of what [`Mark::TextStart`] began. They do not nest.
    TextEnd,
}

/// [`Mark::TextEnd`] as it is written.
const TEXT_END: &str = "\u{1}k\u{2}";

impl Mark {
    /// Appends the mark to a shape.
    pub fn write(self, out: &mut String) {
        out.push(MARK);
        match self {
            Mark::Value(field) => out.push_str(&format!("v{}", field as u8)),
            Mark::Quoted(field) => out.push_str(&format!("s{}", field as u8)),
            Mark::Time(field, style) => out.push_str(&format!("t{},{}", field as u8, style.code())),
            Mark::Extra(index) => out.push_str(&format!("x{index}")),
            Mark::TextStart => out.push('j'),
            Mark::TextEnd => out.push('k'),
        }
        out.push(MARK_END);
    }

    fn parse(text: &str) -> Option<Mark> {
        let (letter, argument) = text.split_at_checked(1)?;
        let field = |text: &str| FieldId::from_number(text.parse().ok()?);
        match letter {
            "v" => Some(Mark::Value(field(argument)?)),
            "s" => Some(Mark::Quoted(field(argument)?)),
            "t" => {
                let (number, code) = argument.split_once(',')?;
                Some(Mark::Time(field(number)?, Style::from_code(code)?))
            }
            "x" => Some(Mark::Extra(argument.parse().ok()?)),
            "j" => Some(Mark::TextStart),
            "k" => Some(Mark::TextEnd),
            _ => None,
        }
    }
}

/// Where the values for a shape come from.
pub trait Values {
    /// The value of a field; JSON fields as stored, marks and all.
    fn value(&self, field: FieldId) -> Cell<'_>;
    /// The n-th extra (JSON text) of the record itself (`None`) or of one of its JSON fields.
    fn extra(&self, owner: Option<FieldId>, index: usize) -> Option<&str>;
}

/// Appends `shape` to `out` with every mark filled in from `values`. `owner` is the JSON field the
/// shape is the value of, if it is not a whole record.
pub fn fill(shape: &str, owner: Option<FieldId>, values: &dyn Values, out: &mut String) {
    let mut rest = shape;
    while let Some((before, tail)) = rest.split_once(MARK) {
        out.push_str(before);
        let Some((mark, tail)) = tail.split_once(MARK_END) else { break };
        rest = tail;
        match Mark::parse(mark) {
            Some(Mark::Value(field)) => write_value(field, owner, values, out),
            Some(Mark::Quoted(field)) => {
                let mut text = String::new();
                match values.value(field) {
                    Cell::Text(json) if field.field().kind.is_json() && owner.is_none() => {
                        fill(&json, Some(field), values, &mut text);
                    }
                    cell => text = cell.to_string(),
                }
                write_string(&text, out);
            }
            Some(Mark::Time(field, style)) => {
                out.push('"');
                if let Cell::Time(time) = values.value(field) {
                    time.write(style, out);
                }
                out.push('"');
            }
            Some(Mark::Extra(index)) => {
                out.push_str(values.extra(owner, index).unwrap_or("null"));
            }
            Some(Mark::TextStart) => {
                // Without its end the shape is damaged. Going on would let starts nest, and each
                // level doubles the backslashes of the next.
                let Some((inner, tail)) = rest.split_once(TEXT_END) else { return };
                let mut text = String::with_capacity(inner.len() * 2);
                fill(inner, owner, values, &mut text);
                write_string(&text, out);
                rest = tail;
            }
            Some(Mark::TextEnd) => {}
            None => out.push_str("null"),
        }
    }
    out.push_str(rest);
}

fn write_value(field: FieldId, owner: Option<FieldId>, values: &dyn Values, out: &mut String) {
    match values.value(field) {
        Cell::Null => out.push_str("null"),
        // A JSON field inside a JSON field would be a decoder's mistake; it must not recurse.
        Cell::Text(json) if field.field().kind.is_json() => match owner {
            None => fill(&json, Some(field), values, out),
            Some(_) => out.push_str("null"),
        },
        Cell::Text(text) => write_string(&text, out),
        Cell::Time(time) => write_string(&time.to_string(), out),
        cell => out.push_str(&cell.to_string()),
    }
}

/// Appends `text` as a JSON string.
pub fn write_string(text: &str, out: &mut String) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 => "",
            _ => continue,
        };
        out.push_str(&text[plain..at]);
        if escape.is_empty() {
            out.push_str(&format!("\\u{byte:04x}"));
        } else {
            out.push_str(escape);
        }
        plain = at + 1;
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{DateOrder, Timestamp};

    struct Sample;
    impl Values for Sample {
        fn value(&self, field: FieldId) -> Cell<'_> {
            match field {
                FieldId::UserDisplayName => Cell::text("Ana \"A\" Ruiz\n"),
                FieldId::ErrorCode => Cell::Int(50126),
                FieldId::IsCompliant => Cell::Bool(true),
                FieldId::AuthenticationDetails => Cell::text("[{\"at\":\u{1}x0\u{2}}]"),
                FieldId::CreatedDateTime => Cell::Time(
                    Timestamp::parse("2026-03-02T07:41:09.5Z", DateOrder::MonthFirst).unwrap(),
                ),
                _ => Cell::Null,
            }
        }
        fn extra(&self, owner: Option<FieldId>, index: usize) -> Option<&str> {
            match (owner, index) {
                (None, 0) => Some("17"),
                (Some(FieldId::AuthenticationDetails), 0) => Some("\"noon\""),
                _ => None,
            }
        }
    }

    #[test]
    fn filling_gives_the_record_back() {
        let mut shape = String::from("{\"user\":");
        Mark::Value(FieldId::UserDisplayName).write(&mut shape);
        shape.push_str(",\"resultType\":");
        Mark::Quoted(FieldId::ErrorCode).write(&mut shape);
        shape.push_str(",\"code\":");
        Mark::Value(FieldId::ErrorCode).write(&mut shape);
        shape.push_str(",\"ok\":");
        Mark::Value(FieldId::IsCompliant).write(&mut shape);
        shape.push_str(",\"steps\":");
        Mark::Value(FieldId::AuthenticationDetails).write(&mut shape);
        shape.push_str(",\"text\":");
        Mark::Quoted(FieldId::AuthenticationDetails).write(&mut shape);
        shape.push_str(",\"at\":");
        let style = Style::Iso { separator: b'T', digits: 7, zone: b'o' };
        Mark::Time(FieldId::CreatedDateTime, style).write(&mut shape);
        shape.push_str(",\"n\":");
        Mark::Extra(0).write(&mut shape);
        shape.push_str(",\"status\":");
        Mark::TextStart.write(&mut shape);
        shape.push_str("{\"code\":");
        Mark::Value(FieldId::ErrorCode).write(&mut shape);
        shape.push('}');
        Mark::TextEnd.write(&mut shape);
        shape.push('}');
        let mut out = String::new();
        fill(&shape, None, &Sample, &mut out);
        assert_eq!(
            out,
            r#"{"user":"Ana \"A\" Ruiz\n","resultType":"50126","code":50126,"ok":true,"steps":[{"at":"noon"}],"text":"[{\"at\":\"noon\"}]","at":"2026-03-02T07:41:09.5000000+00:00","n":17,"status":"{\"code\":50126}"}"#
        );
    }

    #[test]
    fn a_damaged_shape_does_not_grow_without_bound() {
        for end in ["", TEXT_END] {
            let mut out = String::new();
            fill(&("\u{1}j\u{2}".repeat(60) + end), None, &Sample, &mut out);
            assert!(out.len() < 1000, "{}", out.len());
        }
    }
}
