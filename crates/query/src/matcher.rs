//! Filters compiled for evaluation against values.
//!
//! The same compiled tests run over an encoded entity (the store evaluates a filter once for
//! each entity) and over a whole [`Event`] (the live tail, and the few values that only a whole
//! event has).
//!
//! JSON values of entities can have holes: members that change with every event are kept with
//! the event. A test that looks into a hole answers [`Truth::Unknown`], and the scan asks the
//! whole event instead.

use durward_model::cell;
use durward_model::{Cell, Event, FieldId, Kind, Log};

use crate::filter::{Expr, Filter, Op, Property, Test};
use crate::json_test::{self, JsonTest};
use crate::property::fields_of_whole;
use crate::scalar::Scalar;
use durward_model::errors::{Status, status_of};

/// The answer of a test. The order is that of `and` (least) and `or` (greatest).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Truth {
    /// It does not hold.
    No,
    /// Only the whole event tells.
    Unknown,
    /// It holds.
    Yes,
}

impl Truth {
    pub(crate) fn of(truth: bool) -> Truth {
        if truth { Truth::Yes } else { Truth::No }
    }

    pub(crate) fn not(self) -> Truth {
        match self {
            Truth::No => Truth::Yes,
            Truth::Unknown => Truth::Unknown,
            Truth::Yes => Truth::No,
        }
    }
}

/// Where values come from.
pub(crate) trait Cells {
    fn cell(&self, field: FieldId) -> Cell<'_>;
    fn log(&self) -> Option<Log>;
}

/// An encoded entity: has the fields of its group.
pub(crate) struct EntityCells<'a>(pub(crate) &'a [u8]);

impl Cells for EntityCells<'_> {
    fn cell(&self, field: FieldId) -> Cell<'_> {
        cell::find(self.0, field)
    }

    fn log(&self) -> Option<Log> {
        None
    }
}

impl Cells for Event {
    fn cell(&self, field: FieldId) -> Cell<'_> {
        Event::cell(self, field)
    }

    fn log(&self) -> Option<Log> {
        Some(self.row().log)
    }
}

/// A compiled filter.
#[derive(Clone, Debug)]
pub enum Predicate {
    /// Holds for nothing or for everything.
    Const(bool),
    /// All hold.
    And(Vec<Predicate>),
    /// Any holds.
    Or(Vec<Predicate>),
    /// The opposite.
    Not(Box<Predicate>),
    /// One test.
    #[expect(private_interfaces, reason = "how a test looks inside is nobody's business")]
    Leaf(Leaf),
}

#[derive(Clone, Debug)]
pub(crate) enum Leaf {
    Scalar(FieldId, Scalar),
    Json(FieldId, Vec<String>, JsonTest),
    /// Bit n for the status numbered n.
    Status(u8),
    /// Bit n for the log numbered n.
    Log(u8),
    /// None of these fields has a value.
    AllEmpty(Vec<FieldId>),
}

impl Predicate {
    /// Compiles a filter. Tests that make no sense for their property (see `Filter::checked`)
    /// hold for nothing.
    pub fn new(filter: &Filter) -> Predicate {
        match filter {
            Expr::All => Predicate::Const(true),
            Expr::And(these) => Predicate::And(these.iter().map(Predicate::new).collect()),
            Expr::Or(these) => Predicate::Or(these.iter().map(Predicate::new).collect()),
            Expr::Not(inner) => Predicate::Not(Box::new(Predicate::new(inner))),
            Expr::Test(Test { of, op: Op::Ne(value) }) => {
                let equal = Test { of: of.clone(), op: Op::Eq(value.clone()) };
                Predicate::Not(Box::new(leaf(&equal)))
            }
            Expr::Test(test) => leaf(test),
        }
    }

    /// Does it hold for this event?
    pub fn matches(&self, event: &Event) -> bool {
        self.truth(event) == Truth::Yes
    }

    pub(crate) fn truth(&self, cells: &impl Cells) -> Truth {
        match self {
            Predicate::Const(truth) => Truth::of(*truth),
            Predicate::And(these) => {
                let mut all = Truth::Yes;
                for one in these {
                    all = all.min(one.truth(cells));
                    if all == Truth::No {
                        break;
                    }
                }
                all
            }
            Predicate::Or(these) => {
                let mut any = Truth::No;
                for one in these {
                    any = any.max(one.truth(cells));
                    if any == Truth::Yes {
                        break;
                    }
                }
                any
            }
            Predicate::Not(inner) => inner.truth(cells).not(),
            Predicate::Leaf(leaf) => leaf.truth(cells),
        }
    }
}

impl Leaf {
    fn truth(&self, cells: &impl Cells) -> Truth {
        match self {
            Leaf::Scalar(field, test) => Truth::of(test.matches(&cells.cell(*field))),
            Leaf::Json(field, path, test) => match cells.cell(*field) {
                Cell::Text(json) => json_test::truth(test, path, &json),
                _ => test.truth_of_absent(),
            },
            Leaf::Status(bits) => {
                let status = status_of(cells.cell(FieldId::ErrorCode).as_int());
                Truth::of(bits & (1 << status as u8) != 0)
            }
            Leaf::Log(bits) => {
                Truth::of(cells.log().is_some_and(|log| bits & (1 << log as u8) != 0))
            }
            Leaf::AllEmpty(fields) => {
                Truth::of(fields.iter().all(|field| match cells.cell(*field) {
                    Cell::Null => true,
                    Cell::Text(text) => text.is_empty(),
                    _ => false,
                }))
            }
        }
    }
}

fn leaf(test: &Test<Property>) -> Predicate {
    Predicate::Leaf(match &test.of {
        Property::Status => Leaf::Status(word_bits(&test.op, |word| {
            Status::from_name(word).map(|status| status as u8)
        })),
        Property::Log => Leaf::Log(log_bits(&test.op)),
        Property::Whole(prefix) => match test.op {
            Op::Empty => Leaf::AllEmpty(fields_of_whole(prefix).map(|field| field.id).collect()),
            _ => return Predicate::Const(false),
        },
        Property::Member(field, path) => Leaf::Json(*field, path.clone(), JsonTest::new(&test.op)),
        Property::Field(field) if field.field().kind.is_json() => {
            Leaf::Json(*field, Vec::new(), JsonTest::new(&test.op))
        }
        Property::Field(field) => match Scalar::new(field.field().kind, &test.op) {
            Some(scalar) => Leaf::Scalar(*field, scalar),
            None => return Predicate::Const(false),
        },
    })
}

/// The logs a test of the log holds for: bit n for the log numbered n.
pub(crate) fn log_bits(op: &Op) -> u8 {
    word_bits(op, |word| Log::from_name(word).map(|log| log as u8))
}

/// The words an `eq` or `in` names, as bits; other operators name none.
fn word_bits(op: &Op, number: impl Fn(&str) -> Option<u8>) -> u8 {
    let values = match op {
        Op::Eq(value) => std::slice::from_ref(value),
        Op::In(values) => values,
        _ => return 0,
    };
    values
        .iter()
        .filter_map(|value| match value {
            crate::filter::Value::Text(word) => number(word),
            _ => None,
        })
        .fold(0, |bits, number| bits | 1 << number)
}

/// Does the field's kind hold several values joined by commas?
pub(crate) fn is_flags(kind: Kind) -> bool {
    matches!(kind, Kind::Enum(members) if members.flags)
}
