//! A record as the Sigma library sees it: values by the names that a rule uses.

use std::borrow::Cow;

use durward_model::errors::{Status, status_of};
use durward_model::field::FIELDS;
use durward_model::{Cell, FieldId};
use durward_query::property::fields_of_whole;
use hashbrown::HashMap;
use rsigma_eval::{Event, EventValue};
use serde_json::{Map, Value};

use super::names::Name;
use super::record;
use crate::rules::rows::Row;

/// A record, and what the names of a rule mean.
pub(crate) struct Shown<'e, 'a> {
    row: &'e Row<'a>,
    names: &'e HashMap<String, Name>,
}

impl<'e, 'a> Shown<'e, 'a> {
    pub(crate) fn new(row: &'e Row<'a>, names: &'e HashMap<String, Name>) -> Shown<'e, 'a> {
        Shown { row, names }
    }

    fn value(&self, name: &Name) -> EventValue<'_> {
        match name {
            Name::Field(field) => self.field(*field),
            Name::Fields(fields) => several(fields.iter().map(|field| self.field(*field))),
            Name::Member(field, path) => self.member(*field, path),
            Name::Whole(prefix) => self.whole(prefix),
            Name::Status => self.status(),
            Name::Constant(text) => text_value(text),
            Name::Paths(paths) => self.first_of(paths),
            Name::Result(paths) => self.result(paths),
            Name::Changed { added, path } => {
                let texts = record::changed(self.row.json(), path, *added);
                several(texts.into_iter().map(|text| EventValue::Str(text.into())))
            }
            Name::Unknown => EventValue::Null,
        }
    }

    fn field(&self, field: FieldId) -> EventValue<'_> {
        match self.row.cell(field) {
            Cell::Text(json) if field.field().kind.is_json() => json_value(&json),
            Cell::Text(text) if text.is_empty() => EventValue::Null,
            Cell::Text(text) => EventValue::Str(text),
            Cell::Int(number) => EventValue::Int(number),
            Cell::Float(number) => EventValue::Float(number),
            Cell::Bool(truth) => EventValue::Bool(truth),
            Cell::Time(time) => EventValue::Str(time.to_string().into()),
            Cell::Null => EventValue::Null,
        }
    }

    fn member(&self, field: FieldId, path: &[String]) -> EventValue<'_> {
        let cell = self.row.cell(field);
        let json: Value =
            cell.as_text().and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null);
        let lower: Vec<String> = path.iter().map(|part| part.to_lowercase()).collect();
        let mut found = Vec::new();
        record::at(&json, &lower, &mut found);
        let texts = found.into_iter().map(|value| match value.as_str() {
            Some(text) => EventValue::Str(Cow::Owned(text.into_owned())),
            None => EventValue::Null,
        });
        several(texts)
    }

    fn whole(&self, prefix: &'static str) -> EventValue<'_> {
        let mut members = Map::new();
        for field in fields_of_whole(prefix) {
            let value = match self.row.cell(field.id) {
                Cell::Null => continue,
                Cell::Text(text) if text.is_empty() => continue,
                Cell::Text(text) => Value::String(text.into_owned()),
                Cell::Int(number) => number.into(),
                Cell::Bool(truth) => truth.into(),
                other => Value::String(other.to_string()),
            };
            let name = field.name.get(prefix.len() + 1..).unwrap_or(field.name);
            members.insert(name.to_owned(), value);
        }
        match members.is_empty() {
            true => EventValue::Null,
            false => EventValue::Str(Value::Object(members).to_string().into()),
        }
    }

    /// The word for the result, and the texts of the status object.
    fn status(&self) -> EventValue<'_> {
        let words: &[&'static str] = match status_of(self.row.cell(FieldId::ErrorCode).as_int()) {
            Status::Success => SUCCESS_WORDS,
            Status::Failure => &["Failure"],
            Status::Interrupted => &["Interrupted"],
        };
        let texts = [
            self.field(FieldId::FailureReason),
            self.field(FieldId::AdditionalDetails),
            self.whole("status"),
        ];
        several(words.iter().map(|word| text_value(word)).chain(texts))
    }

    fn first_of(&self, paths: &[Vec<String>]) -> EventValue<'_> {
        let mut found = Vec::new();
        for path in paths {
            record::at(self.row.json(), path, &mut found);
            if !found.is_empty() {
                break;
            }
        }
        // Portal and documents write the kinds of targets as words: `Service Principal`.
        if paths.iter().any(|path| path.last().is_some_and(|last| last == "type")) {
            let is_it = |value: &EventValue<'_>| {
                value.as_str().is_some_and(|text| text.eq_ignore_ascii_case("ServicePrincipal"))
            };
            if found.iter().any(is_it) {
                found.push(text_value("Service Principal"));
            }
        }
        several(found)
    }

    fn result(&self, paths: &[Vec<String>]) -> EventValue<'_> {
        let mut found = Vec::new();
        for path in paths {
            let mut values = Vec::new();
            record::at(self.row.json(), path, &mut values);
            found.append(&mut values);
        }
        let is_success = |value: &EventValue<'_>| {
            value.as_str().is_some_and(|text| text.eq_ignore_ascii_case("success"))
        };
        if found.iter().any(is_success) {
            found.extend(SUCCESS_WORDS.iter().map(|word| text_value(word)));
        }
        several(found)
    }
}

/// As rules write it; some of the public ones have the second spelling.
pub(super) const SUCCESS_WORDS: &[&str] = &["Success", "Sucess"];

fn text_value(text: &'static str) -> EventValue<'static> {
    EventValue::Str(Cow::Borrowed(text))
}

/// The values that are there; nothing where none is.
fn several<'v>(values: impl IntoIterator<Item = EventValue<'v>>) -> EventValue<'v> {
    let mut values: Vec<EventValue<'v>> =
        values.into_iter().filter(|value| !value.is_null()).collect();
    match values.len() {
        0 => EventValue::Null,
        1 => values.remove(0),
        _ => EventValue::Array(values),
    }
}

/// The text of a JSON field, and the texts that are its elements.
fn json_value(json: &str) -> EventValue<'static> {
    let Ok(value) = serde_json::from_str::<Value>(json) else { return EventValue::Null };
    let whole = |value: &Value| EventValue::Str(Cow::Owned(value.to_string()));
    match &value {
        Value::Array(items) if !items.is_empty() => {
            let texts = items.iter().filter_map(Value::as_str);
            let texts = texts.map(|text| EventValue::Str(Cow::Owned(text.to_owned())));
            several(texts.chain([whole(&value)]))
        }
        Value::Object(members) if !members.is_empty() => whole(&value),
        _ => EventValue::Null,
    }
}

impl Event for Shown<'_, '_> {
    /// Nothing is ever absent, only empty: so rules treat both alike.
    fn get_field(&self, path: &str) -> Option<EventValue<'_>> {
        match self.names.get(path) {
            Some(name) => Some(self.value(name)),
            None => Some(EventValue::Null),
        }
    }

    fn any_string_value(&self, holds: &dyn Fn(&str) -> bool) -> bool {
        if !self.row.log.is_sign_in() {
            return record::any_text(self.row.json(), holds);
        }
        FIELDS.iter().filter(|field| field.id != FieldId::Shape).any(|field| {
            match self.row.cell(field.id) {
                Cell::Null => false,
                Cell::Text(text) => holds(&text),
                other => holds(&other.to_string()),
            }
        })
    }

    fn all_string_values(&self) -> Vec<Cow<'_, str>> {
        let texts = std::cell::RefCell::new(Vec::new());
        self.any_string_value(&|text| {
            texts.borrow_mut().push(Cow::Owned(text.to_owned()));
            false
        });
        texts.into_inner()
    }

    fn to_json(&self) -> Value {
        self.row.json().clone()
    }
}
