//! What the rows of an export look like: which columns, what of lists and objects, which times.
//!
//! Flattened, an object has one column a member (`agent/agentType`), a list of texts is one column
//! with `; ` between them, and of a list of objects the first [`FLAT_ELEMENTS`] have one column a
//! member each (`authenticationDetails/0/succeeded`), after a column that says how many there are
//! (`authenticationDetails/count`), so that a file never hides that there are more.

use std::borrow::Cow;

use durward_model::columns::{self, Column, text};
use durward_model::{Cell, Event, Kind, Timestamp, columns::Source, graph};
use serde_json::Value;

use crate::error::ApiError;
use crate::params::Params;

/// Elements of a list that have columns of their own.
pub(crate) const FLAT_ELEMENTS: usize = 3;
/// Offsets of zones, in minutes: UTC-12:00 to UTC+14:00.
const OFFSETS: std::ops::RangeInclusive<i32> = -720..=840;

/// Parameters that say what rows look like.
pub(super) const PARAMS: [&str; 4] = ["columns", "nested", "offset", "safe"];

/// What rows look like.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    /// `None` for everything as the format has it.
    pub(super) columns: Option<Vec<FileColumn>>,
    /// Are cells kept from being taken for formulas?
    pub(super) is_safe: bool,
}

/// A column of a file.
#[derive(Clone, Debug)]
pub(super) struct FileColumn {
    pub(super) header: String,
    column: &'static Column,
    part: Part,
}

/// What of a value a column has.
#[derive(Clone, Copy, Debug)]
enum Part {
    Whole,
    /// The time in a zone so many minutes from UTC.
    Local(i32),
    /// Texts with `; ` between them.
    Joined,
    Member(&'static str),
    /// How many elements.
    Count,
    /// An element, or a member of it.
    Element(usize, Option<&'static str>),
}

/// What becomes of lists and objects.
#[derive(Clone, Copy, PartialEq)]
enum Nested {
    Json,
    Flat,
    LeftOut,
}

impl Shape {
    pub(super) fn from_params(params: &Params) -> Result<Shape, ApiError> {
        let bad = |name: &str, message: String| ApiError::bad_request(message).parameter(name);
        let nested = match params.get("nested").unwrap_or("json") {
            "json" => Nested::Json,
            "flat" => Nested::Flat,
            "none" => Nested::LeftOut,
            _ => return Err(bad("nested", "'nested' must be json, flat or none".to_owned())),
        };
        let offset = params.get("offset").map(|text| {
            let minutes = text.parse::<i32>().ok().filter(|minutes| OFFSETS.contains(minutes));
            let message = "'offset' is in minutes from UTC, from -720 to 840";
            minutes.ok_or_else(|| bad("offset", message.to_owned()))
        });
        let offset = offset.transpose()?;
        let chosen = match params.get("columns") {
            None | Some("all") => None,
            Some(names) => Some(named(names)?),
        };
        let is_safe = params.flag("safe")?;
        if chosen.is_none() && nested == Nested::Json && offset.is_none() {
            return Ok(Shape { columns: None, is_safe });
        }
        let chosen = chosen.unwrap_or_else(|| columns::export_columns().collect());
        let columns = chosen.into_iter().flat_map(|column| of_column(column, nested, offset));
        let columns: Vec<FileColumn> = columns.collect();
        if columns.is_empty() {
            let message = "no column is left: all that are chosen are lists or objects";
            return Err(bad("nested", message.to_owned()));
        }
        Ok(Shape { columns: Some(columns), is_safe })
    }

    /// The columns of a table: those chosen, or all that there are.
    pub(super) fn table(&self) -> Vec<FileColumn> {
        let all = || columns::export_columns().map(whole).collect();
        self.columns.clone().unwrap_or_else(all)
    }
}

fn named(names: &str) -> Result<Vec<&'static Column>, ApiError> {
    let mut found: Vec<&'static Column> = Vec::new();
    for name in names.split(',').map(str::trim) {
        let column = columns::by_name(name).ok_or_else(|| {
            ApiError::bad_request(format!("there is no column '{name}'")).parameter("columns")
        })?;
        if !found.iter().any(|other| other.name == column.name) {
            found.push(column);
        }
    }
    Ok(found)
}

fn whole(column: &'static Column) -> FileColumn {
    FileColumn { header: column.name.to_owned(), column, part: Part::Whole }
}

/// The columns of a file that stand for one column.
fn of_column(column: &'static Column, nested: Nested, offset: Option<i32>) -> Vec<FileColumn> {
    let part = |end: &str, part: Part| FileColumn {
        header: format!("{}{end}", column.name),
        column,
        part,
    };
    let mut all = Vec::new();
    match (nested, column.kind) {
        (Nested::LeftOut, kind) if kind.is_json() => {}
        (Nested::Flat, Kind::TextList) => all.push(part("", Part::Joined)),
        (Nested::Flat, Kind::Object) => {
            let members = members_of(column).into_iter();
            all.extend(members.map(|name| part(&format!("/{name}"), Part::Member(name))));
        }
        (Nested::Flat, Kind::ObjectList) => {
            all.push(part("/count", Part::Count));
            for index in 0..FLAT_ELEMENTS {
                let members = members_of(column);
                if members.is_empty() {
                    all.push(part(&format!("/{index}"), Part::Element(index, None)));
                }
                all.extend(members.into_iter().map(|name| {
                    part(&format!("/{index}/{name}"), Part::Element(index, Some(name)))
                }));
            }
        }
        _ => all.push(whole(column)),
    }
    if let (Some(offset), Kind::Time) = (offset, column.kind) {
        all.push(part(&format!(" ({})", zone(offset, "UTC")), Part::Local(offset)));
    }
    if all.is_empty() && nested == Nested::Flat {
        all.push(whole(column));
    }
    all
}

fn members_of(column: &Column) -> Vec<&'static str> {
    match column.source {
        Source::Field(field) => graph::member_names(field),
        Source::Derived(_) => Vec::new(),
    }
}

/// `UTC+02:00` for `UTC`.
fn zone(offset: i32, before: &str) -> String {
    let sign = if offset < 0 { '-' } else { '+' };
    format!("{before}{sign}{:02}:{:02}", offset.abs() / 60, offset.abs() % 60)
}

impl FileColumn {
    /// What its cells are.
    pub(super) fn kind(&self) -> Kind {
        match self.part {
            Part::Whole => self.column.kind,
            Part::Count => Kind::Int,
            _ => Kind::Text,
        }
    }

    fn is_nested(&self) -> bool {
        !matches!(self.part, Part::Whole | Part::Local(_))
    }
}

/// The cells of an event. Lists and objects are read once, however many columns they have.
pub(super) fn row<'e>(columns: &[FileColumn], event: &'e Event) -> Vec<Cell<'e>> {
    let mut read: (&str, Value) = ("", Value::Null);
    let mut cell = |of: &FileColumn| {
        if !of.is_nested() {
            let value = text::value(of.column, event);
            return match (of.part, value) {
                (Part::Local(offset), Cell::Time(time)) => {
                    Cell::Text(Cow::Owned(local(time, offset)))
                }
                (_, value) => value,
            };
        }
        if read.0 != of.column.name {
            let value = text::value(of.column, event);
            let json = value.as_text().and_then(|json| serde_json::from_str(json).ok());
            read = (of.column.name, json.unwrap_or(Value::Null));
        }
        part_of(&read.1, of.part)
    };
    columns.iter().map(&mut cell).collect()
}

fn local(time: Timestamp, offset: i32) -> String {
    let micros = time.micros.saturating_add(i64::from(offset) * 60_000_000);
    let text = Timestamp { micros, ..time }.to_rfc3339();
    zone(offset, text.trim_end_matches('Z'))
}

fn part_of<'e>(value: &Value, part: Part) -> Cell<'e> {
    let element = |index: usize| value.as_array().and_then(|items| items.get(index));
    let found = match part {
        Part::Joined => Some(value),
        Part::Count => {
            let count = value.as_array().map(Vec::len);
            return count.and_then(|count| i64::try_from(count).ok()).map_or(Cell::Null, Cell::Int);
        }
        Part::Member(name) => value.get(name),
        Part::Element(index, None) => element(index),
        Part::Element(index, Some(name)) => element(index).and_then(|item| item.get(name)),
        Part::Whole | Part::Local(_) => None,
    };
    match found {
        None | Some(Value::Null) => Cell::Null,
        Some(Value::String(text)) => Cell::Text(Cow::Owned(text.clone())),
        Some(Value::Array(items)) if items.iter().all(Value::is_string) => {
            let texts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            Cell::Text(Cow::Owned(texts.join("; ")))
        }
        Some(other) => Cell::Text(Cow::Owned(other.to_string())),
    }
}

/// A cell as text.
pub(super) fn text_of(cell: Cell<'_>) -> Cow<'_, str> {
    match cell {
        Cell::Text(text) => text,
        cell => Cow::Owned(cell.to_string()),
    }
}

/// A cell that spreadsheets do not take for a formula.
pub(super) fn safe(cell: Cow<'_, str>) -> Cow<'_, str> {
    match cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => Cow::Owned(format!("'{cell}")),
        false => cell,
    }
}

/// Appends a row as a JSON object.
pub(super) fn write_object(columns: &[FileColumn], event: &Event, out: &mut String) {
    use durward_model::shape::write_string;
    out.push('{');
    for (index, (column, cell)) in columns.iter().zip(row(columns, event)).enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_string(&column.header, out);
        out.push(':');
        match cell {
            Cell::Null => out.push_str("null"),
            Cell::Float(value) if !value.is_finite() => out.push_str("null"),
            Cell::Text(json) if column.kind().is_json() => out.push_str(&json),
            Cell::Text(text) => write_string(&text, out),
            Cell::Time(time) => write_string(&time.to_rfc3339(), out),
            cell => out.push_str(&cell.to_string()),
        }
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(query: &str) -> Shape {
        Shape::from_params(&Params::parse(Some(query)).unwrap()).unwrap()
    }

    fn headers(query: &str) -> Vec<String> {
        shape(query).table().into_iter().map(|column| column.header).collect()
    }

    #[test]
    fn columns_come_in_the_order_asked_for() {
        assert_eq!(headers("columns=ipAddress,status,ipAddress"), ["ipAddress", "status"]);
        assert!(shape("columns=all").columns.is_none() && headers("").len() > 100);
        let local = headers("columns=status,createdDateTime&offset=-210");
        assert_eq!(local, ["status", "createdDateTime", "createdDateTime (UTC-03:30)"]);
        for wrong in ["columns=nonsense", "nested=yes", "offset=900", "offset=x", "safe=maybe"] {
            let params = Params::parse(Some(wrong)).unwrap();
            assert!(Shape::from_params(&params).is_err(), "{wrong}");
        }
    }

    #[test]
    fn lists_and_objects_are_json_flattened_or_left_out() {
        let query = "columns=id,authenticationDetails,riskEventTypes_v2,agent";
        assert_eq!(headers(&format!("{query}&nested=none")), ["id"]);
        assert_eq!(headers(query).len(), 4);
        let flat = headers(&format!("{query}&nested=flat"));
        assert_eq!(flat[..2], ["id", "authenticationDetails/count"]);
        for header in [
            "authenticationDetails/0/authenticationMethod",
            "authenticationDetails/2/succeeded",
            "riskEventTypes_v2",
            "agent/agentType",
        ] {
            assert!(flat.iter().any(|other| other == header), "{header}");
        }
        assert!(!flat.iter().any(|header| header.contains("/3/")));
    }

    #[test]
    fn parts_of_values() {
        let list: Value =
            serde_json::from_str(r#"[{"a":"x","b":true,"c":["p","q"]},{"b":null}]"#).unwrap();
        let text = |part| text_of(part_of(&list, part)).into_owned();
        assert_eq!(text(Part::Count), "2");
        assert_eq!(text(Part::Element(0, Some("a"))), "x");
        assert_eq!(text(Part::Element(0, Some("b"))), "true");
        assert_eq!(text(Part::Element(0, Some("c"))), "p; q");
        assert_eq!(text(Part::Element(1, Some("b"))), "");
        assert_eq!(text(Part::Element(2, None)), "");
        let time = Timestamp::from_micros(1_772_452_800_000_000);
        assert_eq!(local(time, 330), "2026-03-02T17:30:00+05:30");
        assert_eq!(local(time, -60), "2026-03-02T11:00:00-01:00");
        for (cell, kept) in [("=1+1", "'=1+1"), ("-5", "'-5"), ("a=1", "a=1"), ("", "")] {
            assert_eq!(safe(Cow::Borrowed(cell)), kept);
        }
    }
}
