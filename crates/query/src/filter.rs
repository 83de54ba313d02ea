//! One filter algebra for every way to ask: OData, the page's filter box, the command line, KQL.
//!
//! A filter is a tree of typed tests. It says what is asked, not how it is evaluated; see
//! [`crate::matcher`] for one event and [`crate::plan`] for the store.
//!
//! What the operators mean, for every front end:
//!
//! - Texts and members of enumerations are compared folded ([`crate::fold`]): case and accents
//!   never matter. That is a superset of Graph, which documents no rule for sign-ins.
//! - Identifiers are compared as 16 bytes, so every spelling of one GUID matches. Text that is no
//!   GUID matches exactly.
//! - A value that is absent, null, `""`, `[]` or `{}` is *empty*. `eq null` and `eq ''` both ask
//!   for that. No other test matches an empty value, but `ne` does: it is the opposite of `eq`.
//! - A test of a list holds if it holds for any of its values; `ne` if `eq` holds for none.
//!   Enumerations whose members combine (`b2bCollaboration,passthrough`) are such lists.
//! - Order of texts is the order of their folded form.

use durward_model::{FieldId, Timestamp};
use ipnet::IpNet;

pub use crate::property::{Property, TypeError};

/// What is asked of a `P`.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr<P> {
    /// Everything.
    All,
    /// What all of these hold for; everything if there is none.
    And(Vec<Expr<P>>),
    /// What any of these holds for; nothing if there is none.
    Or(Vec<Expr<P>>),
    /// What this does not hold for.
    Not(Box<Expr<P>>),
    /// A single test.
    Test(Test<P>),
}

/// One test of one property.
#[derive(Clone, Debug, PartialEq)]
pub struct Test<P> {
    /// What is tested.
    pub of: P,
    /// How.
    pub op: Op,
}

/// A filter of events.
pub type Filter = Expr<Property>;

/// A filter of the elements of a list; the path leads from the element to one of its members.
pub type ElementFilter = Expr<MemberPath>;

/// Names of members from outside in; empty for the value itself.
pub type MemberPath = Vec<String>;

/// How a property is tested.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Equal.
    Eq(Value),
    /// Not equal, or empty.
    Ne(Value),
    /// Equal to any of these.
    In(Vec<Value>),
    /// Less.
    Lt(Value),
    /// Less or equal.
    Le(Value),
    /// Greater.
    Gt(Value),
    /// Greater or equal.
    Ge(Value),
    /// Contains this text.
    Contains(String),
    /// Starts with this text.
    StartsWith(String),
    /// Ends with this text.
    EndsWith(String),
    /// Is an address in this network.
    Cidr(IpNet),
    /// Any element of the list is such.
    Any(Box<ElementFilter>),
    /// All elements of the list are such; holds for an empty list.
    Every(Box<ElementFilter>),
    /// Absent, null, `""`, `[]` or `{}`.
    Empty,
}

/// A value to compare with.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A floating-point number.
    Float(f64),
    /// true or false.
    Bool(bool),
    /// An instant.
    Time(Timestamp),
    /// Nothing.
    Null,
}

impl Value {
    /// Is it null or `''`?
    fn is_empty(&self) -> bool {
        match self {
            Value::Null => true,
            Value::Text(text) => text.is_empty(),
            _ => false,
        }
    }

    /// What kind of value this is, in words.
    pub fn kind_name(&self) -> &'static str {
        match self {
            Value::Text(_) => "a text in quotes",
            Value::Int(_) => "a whole number",
            Value::Float(_) => "a number",
            Value::Bool(_) => "true or false",
            Value::Time(_) => "a date and time",
            Value::Null => "null",
        }
    }
}

impl<P> Expr<P> {
    /// The opposite.
    #[expect(clippy::should_implement_trait, reason = "`!filter` would be less clear than a name")]
    pub fn not(self) -> Expr<P> {
        match self {
            Expr::Not(inner) => *inner,
            other => Expr::Not(Box::new(other)),
        }
    }

    /// Both hold.
    pub fn and(self, other: Expr<P>) -> Expr<P> {
        match (self, other) {
            (Expr::All, other) | (other, Expr::All) => other,
            (Expr::And(mut all), Expr::And(more)) => {
                all.extend(more);
                Expr::And(all)
            }
            (Expr::And(mut all), other) => {
                all.push(other);
                Expr::And(all)
            }
            (one, other) => Expr::And(vec![one, other]),
        }
    }

    /// Any of these holds.
    pub fn any_of(mut these: Vec<Expr<P>>) -> Expr<P> {
        match (these.len(), these.pop()) {
            (1, Some(only)) => only,
            (_, last) => {
                these.extend(last);
                Expr::Or(these)
            }
        }
    }

    /// A test, with comparisons to null or `''` made [`Op::Empty`].
    pub fn test_or_empty(of: P, op: Op) -> Expr<P>
    where
        P: Clone,
    {
        let empty = |of| Expr::Test(Test { of, op: Op::Empty });
        match op {
            Op::Eq(value) if value.is_empty() => empty(of),
            Op::Ne(value) if value.is_empty() => empty(of).not(),
            Op::In(values) if values.iter().any(Value::is_empty) => {
                let rest: Vec<_> = values.into_iter().filter(|value| !value.is_empty()).collect();
                if rest.is_empty() {
                    return empty(of);
                }
                Expr::Or(vec![empty(of.clone()), Expr::Test(Test { of, op: Op::In(rest) })])
            }
            op => Expr::Test(Test { of, op }),
        }
    }

    /// Calls `visit` with every test, those of list elements not included.
    pub fn each_test<'a>(&'a self, visit: &mut dyn FnMut(&'a Test<P>)) {
        match self {
            Expr::All => {}
            Expr::And(these) | Expr::Or(these) => {
                these.iter().for_each(|inner| inner.each_test(visit));
            }
            Expr::Not(inner) => inner.each_test(visit),
            Expr::Test(test) => visit(test),
        }
    }
}

impl Filter {
    /// A test without a check of its types, for filters built in code.
    pub fn test(of: Property, op: Op) -> Filter {
        Expr::Test(Test { of, op })
    }

    /// A test of a field without a check of its types, for filters built in code.
    pub fn field(field: FieldId, op: Op) -> Filter {
        Filter::test(Property::Field(field), op)
    }

    /// `createdDateTime` from `from` on and before `to`.
    pub fn between(from: Timestamp, to: Timestamp) -> Filter {
        Filter::field(FieldId::CreatedDateTime, Op::Ge(Value::Time(from)))
            .and(Filter::field(FieldId::CreatedDateTime, Op::Lt(Value::Time(to))))
    }

    /// A test whose operator and values fit the property; values of a kind that converts without
    /// loss are converted, and tests for an empty value are made [`Op::Empty`].
    pub fn checked(of: Property, op: Op) -> Result<Filter, TypeError> {
        let op = of.check(op)?;
        Ok(Expr::test_or_empty(of, op))
    }
}

/// Does the filter say which logs it asks for? Graph lists interactive sign-ins only where the
/// filter does not.
pub fn event_types_mentioned(filter: &Filter) -> bool {
    let mut mentioned = false;
    filter.each_test(&mut |test| mentioned |= test.of == Property::Log);
    mentioned
}
