//! A filter that finds every sign-in a Sigma rule matches, and few others.
//!
//! The store evaluates it over interned entities, so that the library only sees what is left. What
//! cannot be said in a filter is left out, which finds more, never less: tests under `not`, texts
//! beyond ASCII (where lower case and folding differ), and everything rarer than equality and
//! parts of texts.

use durward_model::{FieldId, Kind};
use durward_query::{Expr, Filter, Op, Property, Value};
use hashbrown::HashMap;
use rsigma_parser::value::StringPart;
use rsigma_parser::{
    ConditionExpr, Detection, DetectionItem, Modifier, Quantifier, SigmaRule, SigmaString,
    SigmaValue,
};

use super::event::SUCCESS_WORDS;
use super::names::Name;

type Names = HashMap<String, Name>;
type Named = std::collections::HashMap<String, Detection>;

pub(super) fn of_rule(rule: &SigmaRule, names: &Names) -> Filter {
    let conditions = rule.detection.conditions.iter();
    any(conditions.map(|condition| of_condition(condition, &rule.detection.named, names)))
}

/// Any of these; everything where one of them is everything or there is none.
fn any(filters: impl Iterator<Item = Filter>) -> Filter {
    let filters: Vec<Filter> = filters.collect();
    if filters.is_empty() || filters.contains(&Filter::All) {
        return Filter::All;
    }
    Expr::any_of(filters)
}

fn all(filters: impl Iterator<Item = Filter>) -> Filter {
    filters.fold(Filter::All, Filter::and)
}

fn of_condition(condition: &ConditionExpr, named: &Named, names: &Names) -> Filter {
    let of = |condition| of_condition(condition, named, names);
    match condition {
        ConditionExpr::And(these) => all(these.iter().map(of)),
        ConditionExpr::Or(these) => any(these.iter().map(of)),
        ConditionExpr::Not(_) => Filter::All,
        ConditionExpr::Identifier(name) => {
            named.get(name).map_or(Filter::All, |detection| of_detection(detection, names))
        }
        ConditionExpr::Selector { quantifier, pattern } => {
            let chosen = named.iter().filter(|(name, _)| pattern.matches_detection_name(name));
            let filters = chosen.map(|(_, detection)| of_detection(detection, names));
            match quantifier {
                Quantifier::All => all(filters),
                // At least one of them holds, however many are asked for.
                Quantifier::Any | Quantifier::Count(1..) => any(filters),
                Quantifier::Count(0) => Filter::All,
            }
        }
    }
}

fn of_detection(detection: &Detection, names: &Names) -> Filter {
    match detection {
        Detection::AllOf(items) => all(items.iter().map(|item| of_item(item, names))),
        Detection::And(these) => all(these.iter().map(|one| of_detection(one, names))),
        Detection::AnyOf(these) => any(these.iter().map(|one| of_detection(one, names))),
        Detection::Keywords(_) | Detection::ArrayMatch { .. } | Detection::Conditional { .. } => {
            Filter::All
        }
    }
}

/// How a value is compared.
#[derive(Clone, Copy, PartialEq)]
enum How {
    Equal,
    Contains,
    Starts,
    Ends,
}

fn of_item(item: &DetectionItem, names: &Names) -> Filter {
    let Some(name) = item.field.name.as_ref().and_then(|name| names.get(name)) else {
        return Filter::All;
    };
    let (mut how, mut every) = (How::Equal, false);
    for modifier in &item.field.modifiers {
        match modifier {
            Modifier::Contains => how = How::Contains,
            Modifier::StartsWith => how = How::Starts,
            Modifier::EndsWith => how = How::Ends,
            Modifier::All => every = true,
            Modifier::Cased => {}
            _ => return Filter::All,
        }
    }
    let filters = item.values.iter().map(|value| of_value(name, how, value));
    if every { all(filters) } else { any(filters) }
}

fn of_value(name: &Name, how: How, value: &SigmaValue) -> Filter {
    match name {
        Name::Field(field) => of_field(*field, how, value),
        Name::Fields(fields) if *value == SigmaValue::Null => {
            all(fields.iter().map(|field| of_field(*field, how, value)))
        }
        Name::Fields(fields) => any(fields.iter().map(|field| of_field(*field, how, value))),
        Name::Status => of_status(how, value),
        _ => Filter::All,
    }
}

fn of_field(field: FieldId, how: How, value: &SigmaValue) -> Filter {
    let kind = field.field().kind;
    // Values of the row itself are not interned; testing them costs as much as the library does.
    if field.group().is_none() || kind.is_json() {
        return Filter::All;
    }
    let equal = |value| Filter::field(field, Op::Eq(value));
    match (kind, value) {
        (_, SigmaValue::Null) if how == How::Equal => Filter::field(field, Op::Empty),
        (Kind::Text | Kind::Enum(_), SigmaValue::String(text)) => of_text(field, how, text),
        (Kind::Int, SigmaValue::Integer(number)) if how == How::Equal => equal(Value::Int(*number)),
        (Kind::Int, SigmaValue::String(text)) if how == How::Equal => {
            let number = text.as_plain().and_then(|text| text.parse::<i64>().ok());
            number.map_or(Filter::All, |number| equal(Value::Int(number)))
        }
        (Kind::Bool, SigmaValue::Bool(truth)) if how == How::Equal => equal(Value::Bool(*truth)),
        (Kind::Bool, SigmaValue::String(text)) if how == How::Equal => {
            match text.as_plain().map(|text| text.to_lowercase()).as_deref() {
                Some("true") => equal(Value::Bool(true)),
                Some("false") => equal(Value::Bool(false)),
                _ => Filter::All,
            }
        }
        _ => Filter::All,
    }
}

fn of_text(field: FieldId, how: How, text: &SigmaString) -> Filter {
    if let Some(plain) = text.as_plain() {
        if !plain.is_ascii() || plain.is_empty() {
            return Filter::All;
        }
        return Filter::field(
            field,
            match how {
                How::Equal => Op::Eq(Value::Text(plain)),
                How::Contains => Op::Contains(plain),
                How::Starts => Op::StartsWith(plain),
                How::Ends => Op::EndsWith(plain),
            },
        );
    }
    let plain = text.parts.iter().filter_map(|part| match part {
        StringPart::Plain(text) if text.is_ascii() => Some(text),
        _ => None,
    });
    let longest = plain.max_by_key(|text| text.len());
    longest.map_or(Filter::All, |part| Filter::field(field, Op::Contains(part.clone())))
}

/// A word for the result may be a text of the status object as well.
fn of_status(how: How, value: &SigmaValue) -> Filter {
    let SigmaValue::String(text) = value else { return Filter::All };
    let Some(plain) = text.as_plain().filter(|plain| how == How::Equal && plain.is_ascii()) else {
        return Filter::All;
    };
    let is = |word: &&str| word.eq_ignore_ascii_case(&plain);
    let word = match SUCCESS_WORDS.iter().any(is) {
        true => "success",
        false if is(&"failure") => "failure",
        false if is(&"interrupted") => "interrupted",
        // The status object as JSON, perhaps.
        false => return Filter::All,
    };
    let texts = [FieldId::FailureReason, FieldId::AdditionalDetails];
    let texts = texts.map(|field| Filter::field(field, Op::Eq(Value::Text(plain.clone()))));
    let word = Filter::test(Property::Status, Op::Eq(Value::Text(word.to_owned())));
    any(std::iter::once(word).chain(texts))
}
