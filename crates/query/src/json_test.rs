//! Tests of values that are JSON: lists, objects, and members inside them.

use durward_model::Timestamp;
use durward_model::shape::{MARK, MARK_END};
use durward_model::time::DateOrder;
use serde_json::Value as Json;

use crate::filter::{ElementFilter, Expr, Op, Test, Value};
use crate::matcher::Truth;
use crate::scalar::{self, TextTest};

/// What stands in for a member whose value is kept with the event.
const HOLE: &str = "\u{1}";

/// How deep tests look into a value.
const DEPTH_MAX: usize = 32;

/// A compiled test of a JSON value.
#[derive(Clone, Debug)]
pub(crate) enum JsonTest {
    /// A test of the texts, numbers, truth values and instants in it.
    Leaf(Box<JsonLeaf>),
    Any(Box<ElementTest>),
    Every(Box<ElementTest>),
    Empty,
}

/// The operator for each kind of JSON value; `None` where it does not apply.
#[derive(Clone, Debug)]
pub(crate) struct JsonLeaf {
    text: Option<TextTest>,
    floats: Option<Vec<scalar::FloatRange>>,
    times: Option<Vec<(Timestamp, Timestamp)>>,
    truths: Vec<bool>,
}

/// A compiled [`ElementFilter`].
#[derive(Clone, Debug)]
pub(crate) enum ElementTest {
    Const(bool),
    And(Vec<ElementTest>),
    Or(Vec<ElementTest>),
    Not(Box<ElementTest>),
    Leaf(Vec<String>, JsonTest),
}

impl JsonTest {
    pub(crate) fn new(op: &Op) -> JsonTest {
        match op {
            Op::Empty => JsonTest::Empty,
            Op::Any(filter) => JsonTest::Any(Box::new(ElementTest::new(filter))),
            Op::Every(filter) => JsonTest::Every(Box::new(ElementTest::new(filter))),
            op => JsonTest::Leaf(Box::new(JsonLeaf::new(op))),
        }
    }

    /// The answer where the field has no value at all.
    pub(crate) fn truth_of_absent(&self) -> Truth {
        Truth::of(matches!(self, JsonTest::Empty | JsonTest::Every(_)))
    }

    fn truth(&self, value: Option<&Json>, depth: usize) -> Truth {
        let Some(value) = value else { return self.truth_of_absent() };
        if is_hole(value) {
            return Truth::Unknown;
        }
        match self {
            JsonTest::Empty => Truth::of(is_empty(value)),
            JsonTest::Any(test) => {
                elements(value).map(|one| test.truth(one, depth + 1)).max().unwrap_or(Truth::No)
            }
            JsonTest::Every(test) => {
                elements(value).map(|one| test.truth(one, depth + 1)).min().unwrap_or(Truth::Yes)
            }
            JsonTest::Leaf(leaf) => leaf.truth(value, depth),
        }
    }
}

impl JsonLeaf {
    fn new(op: &Op) -> JsonLeaf {
        let values = match op {
            Op::Eq(value) => std::slice::from_ref(value),
            Op::In(values) => values,
            _ => &[],
        };
        let truths = values
            .iter()
            .filter_map(|value| match value {
                Value::Bool(truth) => Some(*truth),
                Value::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
                Value::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
                _ => None,
            })
            .collect();
        // Numbers and truth values are often written as texts in these records.
        let as_text = |value: &Value| match value {
            Value::Int(int) => Value::Text(int.to_string()),
            Value::Bool(truth) => Value::Text(truth.to_string()),
            value => value.clone(),
        };
        let text = match op {
            Op::Eq(value) => TextTest::new(&Op::Eq(as_text(value))),
            Op::In(values) => TextTest::new(&Op::In(values.iter().map(as_text).collect())),
            op => TextTest::new(op),
        };
        JsonLeaf { text, floats: scalar::float_ranges(op), times: scalar::time_ranges(op), truths }
    }

    fn truth(&self, value: &Json, depth: usize) -> Truth {
        if depth > DEPTH_MAX {
            return Truth::No;
        }
        match value {
            Json::Null => Truth::No,
            Json::String(text) if text == HOLE => Truth::Unknown,
            Json::String(text) => Truth::of(self.text_matches(text)),
            Json::Bool(truth) => Truth::of(self.truths.contains(truth)),
            Json::Number(number) => {
                let in_range = number
                    .as_f64()
                    .zip(self.floats.as_ref())
                    .is_some_and(|(value, ranges)| scalar::in_floats(ranges, value));
                Truth::of(
                    in_range
                        || self.text.as_ref().is_some_and(|test| test.matches(&number.to_string())),
                )
            }
            Json::Array(values) => {
                values.iter().map(|one| self.truth(one, depth + 1)).max().unwrap_or(Truth::No)
            }
            Json::Object(members) => {
                members.values().map(|one| self.truth(one, depth + 1)).max().unwrap_or(Truth::No)
            }
        }
    }

    fn text_matches(&self, text: &str) -> bool {
        if self.text.as_ref().is_some_and(|test| test.matches(text)) {
            return true;
        }
        self.times.as_ref().is_some_and(|ranges| {
            Timestamp::parse(text, DateOrder::MonthFirst)
                .is_some_and(|time| scalar::in_ranges(ranges, &time))
        })
    }
}

impl ElementTest {
    pub(crate) fn new(filter: &ElementFilter) -> ElementTest {
        match filter {
            Expr::All => ElementTest::Const(true),
            Expr::And(these) => ElementTest::And(these.iter().map(ElementTest::new).collect()),
            Expr::Or(these) => ElementTest::Or(these.iter().map(ElementTest::new).collect()),
            Expr::Not(inner) => ElementTest::Not(Box::new(ElementTest::new(inner))),
            Expr::Test(Test { of, op: Op::Ne(value) }) => {
                let equal = JsonTest::new(&Op::Eq(value.clone()));
                ElementTest::Not(Box::new(ElementTest::Leaf(of.clone(), equal)))
            }
            Expr::Test(Test { of, op }) => ElementTest::Leaf(of.clone(), JsonTest::new(op)),
        }
    }

    pub(crate) fn truth(&self, element: &Json, depth: usize) -> Truth {
        match self {
            ElementTest::Const(truth) => Truth::of(*truth),
            ElementTest::And(these) => {
                these.iter().map(|one| one.truth(element, depth)).min().unwrap_or(Truth::Yes)
            }
            ElementTest::Or(these) => {
                these.iter().map(|one| one.truth(element, depth)).max().unwrap_or(Truth::No)
            }
            ElementTest::Not(inner) => inner.truth(element, depth).not(),
            ElementTest::Leaf(path, test) => at_path(test, path, element, depth),
        }
    }
}

/// The answer for JSON text, perhaps with marks in it.
pub(crate) fn truth(test: &JsonTest, path: &[String], json: &str) -> Truth {
    at_path(test, path, &parse(json), 0)
}

fn parse(json: &str) -> Json {
    let parsed: Result<Json, _> = if json.contains(MARK) {
        serde_json::from_str(&with_holes(json))
    } else {
        serde_json::from_str(json)
    };
    // Not JSON: whatever it is, it is one text.
    parsed.unwrap_or_else(|_| Json::String(json.to_owned()))
}

/// The texts, numbers and truth values that a path leads to, as texts, empty ones left out; `None`
/// where one of them is kept with the event.
pub(crate) fn texts_at(path: &[&str], json: &str) -> Option<Vec<String>> {
    let mut out = Vec::new();
    collect(path, &parse(json), 0, &mut out).then_some(out)
}

/// Are all values that the path leads to in `value` itself?
fn collect(path: &[&str], value: &Json, depth: usize, out: &mut Vec<String>) -> bool {
    if is_hole(value) {
        return false;
    }
    match (value, path.split_first()) {
        (Json::Array(values), _) if depth < DEPTH_MAX => {
            values.iter().all(|one| collect(path, one, depth + 1, out))
        }
        (Json::Object(members), Some((name, rest))) => {
            let named = members.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
            named.is_none_or(|(_, member)| collect(rest, member, depth + 1, out))
        }
        (Json::String(text), None) => {
            out.extend((!text.is_empty()).then(|| text.clone()));
            true
        }
        (Json::Number(_) | Json::Bool(_), None) => {
            out.push(value.to_string());
            true
        }
        _ => true,
    }
}

/// Follows member names from `value` on; where a list is on the way, any element will do.
fn at_path(test: &JsonTest, path: &[String], value: &Json, depth: usize) -> Truth {
    let Some((name, rest)) = path.split_first() else { return test.truth(Some(value), depth) };
    if is_hole(value) {
        return Truth::Unknown;
    }
    match value {
        Json::Object(members) => {
            let member = members.get(name).or_else(|| {
                members.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|m| m.1)
            });
            match member {
                Some(member) => at_path(test, rest, member, depth + 1),
                None => test.truth(None, depth),
            }
        }
        Json::Array(values) if depth < DEPTH_MAX && matches!(test, JsonTest::Empty) => {
            // Empty means that no element has a value there.
            let all = values.iter().map(|one| at_path(test, path, one, depth + 1)).min();
            all.unwrap_or(Truth::Yes)
        }
        Json::Array(values) if depth < DEPTH_MAX => {
            let any = values.iter().map(|one| at_path(test, path, one, depth + 1)).max();
            any.unwrap_or_else(|| test.truth(None, depth))
        }
        _ => test.truth(None, depth),
    }
}

/// The values that `any` and `all` range over: those of a list, or the value itself.
fn elements(value: &Json) -> impl Iterator<Item = &Json> {
    match value {
        Json::Array(values) => values.iter(),
        Json::Null => [].iter(),
        value => std::slice::from_ref(value).iter(),
    }
}

fn is_empty(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::String(text) => text.is_empty(),
        Json::Array(values) => values.is_empty(),
        Json::Object(members) => members.is_empty(),
        Json::Bool(_) | Json::Number(_) => false,
    }
}

fn is_hole(value: &Json) -> bool {
    matches!(value, Json::String(text) if text == HOLE)
}

/// The JSON text with a recognisable string in place of every mark.
fn with_holes(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + 32);
    let mut rest = json;
    while let Some((before, tail)) = rest.split_once(MARK) {
        out.push_str(before);
        out.push_str("\"\\u0001\"");
        rest = tail.split_once(MARK_END).map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    out
}
