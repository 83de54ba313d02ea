//! Compiled tests of single values: texts, numbers, truth values, instants, identifiers.

use std::net::IpAddr;

use durward_model::{Cell, Id, Kind, Timestamp};
use hashbrown::HashSet;
use ipnet::IpNet;

use crate::filter::{Op, Value};
use crate::fold::{fold, guid};
use crate::matcher::is_flags;

/// A test of one value.
#[derive(Clone, Debug)]
pub(crate) enum Scalar {
    Text(TextTest),
    /// A text whose members are joined by commas.
    Flags(TextTest),
    Ids(HashSet<Id>),
    /// The beginning of the usual spelling of a GUID.
    IdPrefix(String),
    /// In any of these ranges, both ends included.
    Ints(Vec<(i64, i64)>),
    Floats(Vec<FloatRange>),
    /// Is false; is true.
    Bools(bool, bool),
    /// In any of these ranges, both ends included.
    Times(Vec<(Timestamp, Timestamp)>),
    Empty,
}

/// A range of floats; `None` where it has no end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FloatRange {
    from: Option<(f64, bool)>,
    to: Option<(f64, bool)>,
}

/// A test of a folded text.
#[derive(Clone, Debug)]
pub(crate) enum TextTest {
    OneOf(HashSet<String>),
    Contains(String),
    StartsWith(String),
    EndsWith(String),
    /// Less than, or equal if the flag says so.
    Less(String, bool),
    Greater(String, bool),
    InNet(IpNet),
}

impl TextTest {
    /// `None` for an operator that is no test of a text, or whose value is no text.
    pub(crate) fn new(op: &Op) -> Option<TextTest> {
        let text = |value: &Value| match value {
            Value::Text(text) => Some(fold(text).into_owned()),
            _ => None,
        };
        Some(match op {
            Op::Eq(value) => TextTest::OneOf(spellings(std::slice::from_ref(value))),
            Op::In(values) => TextTest::OneOf(spellings(values)),
            Op::Contains(part) => TextTest::Contains(fold(part).into_owned()),
            Op::StartsWith(part) => TextTest::StartsWith(fold(part).into_owned()),
            Op::EndsWith(part) => TextTest::EndsWith(fold(part).into_owned()),
            Op::Lt(value) => TextTest::Less(text(value)?, false),
            Op::Le(value) => TextTest::Less(text(value)?, true),
            Op::Gt(value) => TextTest::Greater(text(value)?, false),
            Op::Ge(value) => TextTest::Greater(text(value)?, true),
            Op::Cidr(net) => TextTest::InNet(*net),
            Op::Ne(_) | Op::Any(_) | Op::Every(_) | Op::Empty => return None,
        })
    }

    /// Never holds for an empty text.
    pub(crate) fn matches(&self, text: &str) -> bool {
        if text.is_empty() {
            return false;
        }
        if let TextTest::InNet(net) = self {
            return address(text).is_some_and(|address| in_net(net, address));
        }
        let text = fold(text);
        match self {
            TextTest::OneOf(these) => these.contains(&*text),
            TextTest::Contains(part) => text.contains(part.as_str()),
            TextTest::StartsWith(part) => text.starts_with(part.as_str()),
            TextTest::EndsWith(part) => text.ends_with(part.as_str()),
            TextTest::Less(than, or_equal) => *text < **than || (*or_equal && *text == **than),
            TextTest::Greater(than, or_equal) => *text > **than || (*or_equal && *text == **than),
            TextTest::InNet(_) => false,
        }
    }
}

/// The texts, folded, and those that are GUIDs also in the usual spelling.
fn spellings(values: &[Value]) -> HashSet<String> {
    let mut all = HashSet::new();
    for value in values {
        if let Value::Text(text) = value {
            all.insert(fold(text).into_owned());
            all.extend(guid(text));
        }
    }
    all
}

/// The address a text holds, without port or zone.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    if let Ok(socket) = text.parse::<std::net::SocketAddr>() {
        return Some(socket.ip());
    }
    text.split_once('%').and_then(|(address, _)| address.parse().ok())
}

/// Is the address in the network? IPv4 addresses written as IPv6 count as IPv4.
fn in_net(net: &IpNet, address: IpAddr) -> bool {
    net.contains(&address) || net.contains(&address.to_canonical())
}

impl Scalar {
    /// `None` for an operator or a value that does not fit the kind.
    pub(crate) fn new(kind: Kind, op: &Op) -> Option<Scalar> {
        if *op == Op::Empty {
            return Some(Scalar::Empty);
        }
        match kind {
            Kind::Text => TextTest::new(op).map(Scalar::Text),
            Kind::Enum(_) if is_flags(kind) => TextTest::new(op).map(Scalar::Flags),
            Kind::Enum(_) => TextTest::new(op).map(Scalar::Text),
            Kind::Id => ids(op),
            Kind::Int => int_ranges(op).map(Scalar::Ints),
            Kind::Float => float_ranges(op).map(Scalar::Floats),
            Kind::Bool => bools(op),
            Kind::Time => time_ranges(op).map(Scalar::Times),
            Kind::Object | Kind::TextList | Kind::ObjectList => None,
        }
    }

    pub(crate) fn matches(&self, cell: &Cell<'_>) -> bool {
        match (self, cell) {
            (Scalar::Empty, cell) => match cell {
                Cell::Null => true,
                Cell::Text(text) => text.is_empty(),
                _ => false,
            },
            (Scalar::Text(test), Cell::Text(text)) => test.matches(text),
            (Scalar::Flags(test), Cell::Text(text)) => {
                test.matches(text) || text.split(',').any(|member| test.matches(member.trim()))
            }
            (Scalar::Ids(these), Cell::Text(text)) => these.contains(&Id::from_text(text).0),
            (Scalar::IdPrefix(prefix), Cell::Text(text)) => {
                guid(text).is_some_and(|guid| guid.starts_with(prefix.as_str()))
            }
            (Scalar::Ints(ranges), Cell::Int(value)) => in_ranges(ranges, value),
            (Scalar::Floats(ranges), Cell::Float(value)) => in_floats(ranges, *value),
            (Scalar::Floats(ranges), Cell::Int(value)) => in_floats(ranges, *value as f64),
            (Scalar::Bools(no, yes), Cell::Bool(value)) => {
                if *value {
                    *yes
                } else {
                    *no
                }
            }
            (Scalar::Times(ranges), Cell::Time(time)) => in_ranges(ranges, time),
            _ => false,
        }
    }
}

pub(crate) fn in_ranges<T: PartialOrd>(ranges: &[(T, T)], value: &T) -> bool {
    ranges.iter().any(|(from, to)| from <= value && value <= to)
}

pub(crate) fn in_floats(ranges: &[FloatRange], value: f64) -> bool {
    ranges.iter().any(|range| {
        range.from.is_none_or(|(from, included)| value > from || (included && value == from))
            && range.to.is_none_or(|(to, included)| value < to || (included && value == to))
    })
}

fn ids(op: &Op) -> Option<Scalar> {
    let values = match op {
        Op::Eq(value) => std::slice::from_ref(value),
        Op::In(values) => values,
        Op::StartsWith(prefix) => return Some(Scalar::IdPrefix(prefix.to_ascii_lowercase())),
        _ => return None,
    };
    let mut these = HashSet::new();
    for value in values {
        let Value::Text(text) = value else { return None };
        these.insert(Id::from_text(text).0);
        these.extend(guid(text).map(|guid| Id::from_text(&guid).0));
    }
    Some(Scalar::Ids(these))
}

pub(crate) fn int_ranges(op: &Op) -> Option<Vec<(i64, i64)>> {
    let int = |value: &Value| match value {
        Value::Int(int) => Some(*int),
        _ => None,
    };
    Some(match op {
        Op::Eq(value) => vec![(int(value)?, int(value)?)],
        Op::In(values) => values.iter().map(|v| Some((int(v)?, int(v)?))).collect::<Option<_>>()?,
        // Less than the least number: an empty range.
        Op::Lt(value) => int(value)?.checked_sub(1).map(|to| (i64::MIN, to)).into_iter().collect(),
        Op::Le(value) => vec![(i64::MIN, int(value)?)],
        Op::Gt(value) => {
            int(value)?.checked_add(1).map(|from| (from, i64::MAX)).into_iter().collect()
        }
        Op::Ge(value) => vec![(int(value)?, i64::MAX)],
        _ => return None,
    })
}

pub(crate) fn float_ranges(op: &Op) -> Option<Vec<FloatRange>> {
    let float = |value: &Value| match value {
        Value::Float(float) => Some(*float),
        Value::Int(int) => Some(*int as f64),
        _ => None,
    };
    let range = |from, to| vec![FloatRange { from, to }];
    Some(match op {
        Op::Eq(value) => range(Some((float(value)?, true)), Some((float(value)?, true))),
        Op::In(values) => values
            .iter()
            .map(|value| {
                let end = Some((float(value)?, true));
                Some(FloatRange { from: end, to: end })
            })
            .collect::<Option<_>>()?,
        Op::Lt(value) => range(None, Some((float(value)?, false))),
        Op::Le(value) => range(None, Some((float(value)?, true))),
        Op::Gt(value) => range(Some((float(value)?, false)), None),
        Op::Ge(value) => range(Some((float(value)?, true)), None),
        _ => return None,
    })
}

fn bools(op: &Op) -> Option<Scalar> {
    let values = match op {
        Op::Eq(value) => std::slice::from_ref(value),
        Op::In(values) => values,
        _ => return None,
    };
    let has = |truth| values.contains(&Value::Bool(truth));
    Some(Scalar::Bools(has(false), has(true)))
}

/// The first and the last instant there are.
const FIRST: Timestamp = Timestamp { micros: i64::MIN, nanos: 0 };
const LAST: Timestamp = Timestamp { micros: i64::MAX, nanos: 999 };

pub(crate) fn time_ranges(op: &Op) -> Option<Vec<(Timestamp, Timestamp)>> {
    let time = |value: &Value| match value {
        Value::Time(time) => Some(*time),
        _ => None,
    };
    Some(match op {
        Op::Eq(value) => vec![(time(value)?, time(value)?)],
        Op::In(values) => {
            values.iter().map(|v| Some((time(v)?, time(v)?))).collect::<Option<_>>()?
        }
        Op::Lt(value) => before(time(value)?).map(|to| (FIRST, to)).into_iter().collect(),
        Op::Le(value) => vec![(FIRST, time(value)?)],
        Op::Gt(value) => after(time(value)?).map(|from| (from, LAST)).into_iter().collect(),
        Op::Ge(value) => vec![(time(value)?, LAST)],
        _ => return None,
    })
}

fn before(time: Timestamp) -> Option<Timestamp> {
    match time.nanos.checked_sub(1) {
        Some(nanos) => Some(Timestamp { nanos, ..time }),
        None => Some(Timestamp { micros: time.micros.checked_sub(1)?, nanos: 999 }),
    }
}

fn after(time: Timestamp) -> Option<Timestamp> {
    match time.nanos {
        999.. => Some(Timestamp { micros: time.micros.checked_add(1)?, nanos: 0 }),
        nanos => Some(Timestamp { nanos: nanos + 1, ..time }),
    }
}
