//! A filter prepared for one view.
//!
//! Whatever the filter asks of one group becomes a key set; what it asks of times, identifiers
//! and numbers that are stored with the event becomes a test of a column. What all rows must
//! fulfil is also kept apart (range of time, logs, identifiers), so that most chunks are never
//! looked at. Where a caller may not see everything, what limits them is one more part of the
//! plan, about the events as they are; the filter is about the events as the caller sees them.

use std::sync::Arc;

use durward_model::field::Group;
use durward_model::{FieldId, Id, Kind, Log};
use durward_store::{Chunk, StoreError, View};
use hashbrown::HashSet;

use crate::budget::Meter;
use crate::engine::Engine;
use crate::error::QueryError;
use crate::filter::{Expr, Filter, Op, Property, Test};
use crate::keyset::KeySet;
use crate::matcher::{Predicate, log_bits};
use crate::property::fields_of_whole;
use crate::scalar::{Scalar, time_ranges};
use crate::seen::Seen;

/// A test of rows.
pub(crate) enum Node<'a> {
    Const(bool),
    Keys {
        /// The view whose entities the set is about.
        view: &'a View,
        group: Group,
        set: Arc<KeySet>,
        predicate: Predicate,
    },
    /// Bit n for the log numbered n.
    Log(u8),
    Row {
        field: FieldId,
        test: Scalar,
    },
    And(Vec<Node<'a>>),
    Or(Vec<Node<'a>>),
    Not(Box<Node<'a>>),
}

/// A filter prepared for one view, and what follows from it for every row.
pub(crate) struct Plan<'a> {
    pub(crate) root: Node<'a>,
    /// The logs rows can be of: bit n for the log numbered n.
    pub(crate) logs: u8,
    /// Bounds of `createdDateTime`, µs, both included.
    pub(crate) from: i64,
    pub(crate) to: i64,
    /// Each row has one of these identifiers in this field.
    pub(crate) ids: Vec<(FieldId, HashSet<Id>)>,
}

impl<'a> Plan<'a> {
    /// Prepares a filter of the events of some logs.
    pub(crate) fn new(
        seen: Seen<'a>,
        filter: &Filter,
        logs: &[Log],
        meter: &Meter<'_>,
    ) -> Result<Plan<'a>, QueryError> {
        let mut plan = Plan {
            root: Node::Const(true),
            logs: logs
                .iter()
                .filter(|log| seen.shows(**log))
                .fold(0, |bits, log| bits | 1 << *log as u8),
            from: i64::MIN,
            to: i64::MAX,
            ids: Vec::new(),
        };
        let Seen { engine, view, limit } = seen;
        let asked = plan.prepare(Builder { engine, view, meter }, filter)?;
        plan.root = match limit {
            None => asked,
            Some(limit) => {
                let builder = Builder { engine: limit.engine, view: limit.view, meter };
                both(plan.prepare(builder, limit.filter)?, asked)
            }
        };
        Ok(plan)
    }

    /// Takes what all rows must fulfil out of a filter, and prepares the rest.
    fn prepare(&mut self, by: Builder<'a, '_>, filter: &Filter) -> Result<Node<'a>, QueryError> {
        let mut rest = Vec::new();
        self.take(filter, &mut rest);
        by.and(&rest)
    }

    /// Only rows that something more holds for.
    pub(crate) fn only(mut self, more: Node<'a>) -> Plan<'a> {
        self.root = both(self.root, more);
        self
    }

    /// Does only the range of time and the log decide?
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self.root, Node::Const(true))
    }

    /// Takes what all rows must fulfil out of the filter; what is left goes to `rest`.
    fn take<'f>(&mut self, filter: &'f Filter, rest: &mut Vec<&'f Filter>) {
        let Test { of, op } = match filter {
            Expr::All => return,
            Expr::And(these) => return these.iter().for_each(|one| self.take(one, rest)),
            Expr::Or(_) | Expr::Not(_) => return rest.push(filter),
            Expr::Test(test) => test,
        };
        match of {
            Property::Log if matches!(op, Op::Eq(_) | Op::In(_)) => self.logs &= log_bits(op),
            Property::Field(FieldId::CreatedDateTime) => match time_ranges(op).as_deref() {
                Some([(from, to)]) => {
                    self.from = self.from.max(from.micros);
                    self.to = self.to.min(to.micros);
                    // Whole microseconds are decided by the bounds alone.
                    if from.nanos != 0 || to.nanos != 999 {
                        rest.push(filter);
                    }
                }
                _ => rest.push(filter),
            },
            Property::Field(field @ (FieldId::Id | FieldId::CorrelationId)) => {
                if let Some(Scalar::Ids(ids)) = Scalar::new(Kind::Id, op) {
                    self.ids.push((*field, ids));
                }
                rest.push(filter);
            }
            _ => rest.push(filter),
        }
    }

    /// Can rows of this chunk match?
    pub(crate) fn may_match(&self, chunk: &Chunk) -> Result<bool, StoreError> {
        let outside = self.logs & (1 << chunk.log() as u8) == 0
            || chunk.max_micros() < self.from
            || chunk.min_micros() > self.to
            || matches!(self.root, Node::Const(false));
        if outside || chunk.rows() == 0 {
            return Ok(false);
        }
        for (field, ids) in &self.ids {
            let mut possible = false;
            for id in ids {
                possible = possible || chunk.may_contain(*field, id)?;
            }
            if !possible {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

struct Builder<'a, 'm> {
    engine: &'a Engine,
    view: &'a View,
    meter: &'m Meter<'m>,
}

impl<'a> Builder<'a, '_> {
    fn node(&self, filter: &Filter) -> Result<Node<'a>, QueryError> {
        if let Touches::Group(group) = touches(filter) {
            return self.keys(group, filter);
        }
        Ok(match filter {
            Expr::All => Node::Const(true),
            Expr::And(these) => self.and(&these.iter().collect::<Vec<_>>())?,
            Expr::Or(these) => self.or(&these.iter().collect::<Vec<_>>())?,
            Expr::Not(inner) => not(self.node(inner)?),
            Expr::Test(Test { of: Property::Log, op: Op::Ne(value) }) => {
                Node::Log(!log_bits(&Op::Eq(value.clone())))
            }
            Expr::Test(Test { of: Property::Log, op }) => Node::Log(log_bits(op)),
            Expr::Test(Test { of, op: Op::Ne(value) }) => {
                not(self.node(&Filter::test(of.clone(), Op::Eq(value.clone())))?)
            }
            Expr::Test(Test { of: Property::Field(field), op }) => {
                match Scalar::new(field.field().kind, op) {
                    Some(test) => Node::Row { field: *field, test },
                    None => Node::Const(false),
                }
            }
            Expr::Test(_) => Node::Const(false),
        })
    }

    fn keys(&self, group: Group, filter: &Filter) -> Result<Node<'a>, QueryError> {
        let predicate = Predicate::new(filter);
        let set = self.engine.key_set(self.view, group, filter, &predicate, self.meter)?;
        Ok(if set.is_none() {
            Node::Const(false)
        } else if set.is_all() {
            Node::Const(true)
        } else {
            Node::Keys { view: self.view, group, set, predicate }
        })
    }

    fn and(&self, these: &[&Filter]) -> Result<Node<'a>, QueryError> {
        let mut nodes = Vec::new();
        for filter in by_group(these, Expr::And) {
            match self.node(&filter)? {
                Node::Const(true) => {}
                Node::Const(false) => return Ok(Node::Const(false)),
                node => nodes.push(node),
            }
        }
        // What is cheap and leaves little goes first.
        nodes.sort_by(|a, b| cost(a).total_cmp(&cost(b)));
        Ok(match nodes.len() {
            0 => Node::Const(true),
            1 => nodes.remove(0),
            _ => Node::And(nodes),
        })
    }

    fn or(&self, these: &[&Filter]) -> Result<Node<'a>, QueryError> {
        let mut nodes = Vec::new();
        for filter in by_group(these, Expr::Or) {
            match self.node(&filter)? {
                Node::Const(false) => {}
                Node::Const(true) => return Ok(Node::Const(true)),
                node => nodes.push(node),
            }
        }
        Ok(match nodes.len() {
            0 => Node::Const(false),
            1 => nodes.remove(0),
            _ => Node::Or(nodes),
        })
    }
}

/// Both hold; the one that limits rows goes first.
fn both<'a>(limit: Node<'a>, asked: Node<'a>) -> Node<'a> {
    match (limit, asked) {
        (Node::Const(true), node) | (node, Node::Const(true)) => node,
        (Node::Const(false), _) | (_, Node::Const(false)) => Node::Const(false),
        (limit, asked) => Node::And(vec![limit, asked]),
    }
}

fn not(node: Node<'_>) -> Node<'_> {
    match node {
        Node::Const(truth) => Node::Const(!truth),
        Node::Not(inner) => *inner,
        node => Node::Not(Box::new(node)),
    }
}

fn cost(node: &Node<'_>) -> f64 {
    match node {
        Node::Const(_) | Node::Log(_) => 0.0,
        Node::Keys { set, .. } => set.share() + if set.has_unknown() { 8.0 } else { 0.0 },
        Node::Row { field: FieldId::UniqueTokenIdentifier, .. } => 4.0,
        Node::Row { .. } => 0.5,
        Node::And(these) | Node::Or(these) => these.iter().map(cost).sum(),
        Node::Not(inner) => cost(inner),
    }
}

/// What a filter looks at.
#[derive(Clone, Copy, PartialEq)]
enum Touches {
    Nothing,
    Group(Group),
    More,
}

fn touches(filter: &Filter) -> Touches {
    let mut all = Touches::Nothing;
    filter.each_test(&mut |test| {
        let group = match &test.of {
            Property::Field(field) | Property::Member(field, _) => field.group(),
            Property::Whole(prefix) => fields_of_whole(prefix).next().and_then(|f| f.id.group()),
            Property::Status => Some(Group::Outcome),
            Property::Log => None,
        };
        all = match (all, group) {
            (Touches::Nothing, Some(group)) => Touches::Group(group),
            (Touches::Group(one), Some(other)) if one == other => all,
            _ => Touches::More,
        };
    });
    all
}

/// The filters, those that look at one and the same group joined to one.
fn by_group(these: &[&Filter], join: fn(Vec<Filter>) -> Filter) -> Vec<Filter> {
    let mut groups: Vec<(Group, Vec<Filter>)> = Vec::new();
    let mut rest = Vec::new();
    for filter in these {
        let Touches::Group(group) = touches(filter) else {
            rest.push((*filter).clone());
            continue;
        };
        match groups.iter_mut().find(|(other, _)| *other == group) {
            Some((_, joined)) => joined.push((*filter).clone()),
            None => groups.push((group, vec![(*filter).clone()])),
        }
    }
    rest.extend(
        groups.into_iter().map(
            |(_, mut joined)| {
                if joined.len() == 1 { joined.remove(0) } else { join(joined) }
            },
        ),
    );
    rest
}
