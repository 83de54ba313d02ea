//! Lists sorted by something other than time.
//!
//! Values that are stored with entities are counted first: the counts tell which values the page
//! shows, and only events that have one of these are looked for. Values that are stored with the
//! events themselves are sorted; see [`crate::sorted_rows`].

use std::cmp::{Ordering, Reverse};
use std::sync::Arc;

use durward_model::field::Group;
use durward_model::{FieldId, Kind, Log};
use durward_store::{RowRef, View};
use hashbrown::HashMap;

use crate::aggregate::{CountBy, Dimension, DimensionValue};
use crate::budget::{Budget, Meter};
use crate::cursor::{Order, Position};
use crate::dimensions::Dimensions;
use crate::engine::Engine;
use crate::error::QueryError;
use crate::filter::Filter;
use crate::fold::fold;
use crate::keyset::KeySet;
use crate::list::PAGE_ROWS_MAX;
use crate::matcher::Predicate;
use crate::offset::SKIP;
use crate::plan::{Node, Plan};
use crate::scan::Scan;
use crate::seen::Seen;
use crate::values::ValueSpec;

/// What to sort by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKey {
    /// The value of a field; no lists of objects.
    Field(FieldId),
    /// Success, failure or interrupted, by name.
    Status,
    /// The log, by name.
    Log,
}

/// Which events to list, and in what order.
///
/// Texts are ordered by their folded form, numbers and times as such, identifiers by their 16
/// bytes. Events without a value come last in both directions. Events of one value are ordered
/// like a list, the newest first; a list by `createdDateTime` is [`crate::ListRequest`]'s.
#[derive(Clone, Debug)]
pub struct SortedRequest {
    /// What they must fulfil.
    pub filter: Filter,
    /// The logs to look in.
    pub logs: Vec<Log>,
    /// What to sort by.
    pub by: SortKey,
    /// The greatest value first?
    pub descending: bool,
    /// Most rows to give back.
    pub limit: usize,
    /// Rows to leave out before the first that is given back.
    pub offset: u64,
}

impl Engine {
    /// The rows of a sorted list from an offset on.
    pub fn sorted(
        &self,
        view: &View,
        request: &SortedRequest,
        budget: &Budget,
    ) -> Result<Vec<RowRef>, QueryError> {
        Seen::all(self, view).sorted(request, budget)
    }
}

/// A value, and how many events have it.
struct Counted {
    /// What it is sorted by; `None` where there is no value.
    key: Option<ValueKey>,
    number: u32,
    count: u64,
}

#[derive(PartialEq)]
enum ValueKey {
    Int(i64),
    Float(f64),
    Text(String),
}

impl Seen<'_> {
    pub(crate) fn sorted(
        self,
        request: &SortedRequest,
        budget: &Budget,
    ) -> Result<Vec<RowRef>, QueryError> {
        let meter = Meter::start(budget);
        let plan = Plan::new(self, &request.filter, &request.logs, &meter)?;
        let window = (request.offset, request.limit.clamp(1, PAGE_ROWS_MAX));
        let dimension = match request.by {
            SortKey::Field(FieldId::CreatedDateTime) => {
                let order = match request.descending {
                    true => Order::NewestFirst,
                    false => Order::OldestFirst,
                };
                return Ok(self.page_of(plan, order, window, SKIP, &meter)?.rows);
            }
            SortKey::Field(field) if field.group().is_none() => {
                let scan = Scan { view: self.view, plan: &plan, meter: &meter };
                return scan.sorted(field, request.descending, window, self.engine.options);
            }
            SortKey::Field(field) => {
                let refused =
                    || QueryError::Invalid(format!("cannot sort by {}", field.field().name));
                ValueSpec::new(&[field]).ok_or_else(refused)?;
                Dimension::Field(field)
            }
            SortKey::Status => Dimension::Status,
            SortKey::Log => Dimension::Log,
        };
        let every: Vec<usize> = (0..self.view.chunks.len()).collect();
        let by = CountBy { by: &[dimension], ..CountBy::default() };
        let (dimensions, tallies) = self.tallies(&plan, &by, &every, &meter)?;
        let counted = |tally: crate::tally::Tally| Counted {
            key: key_of(&dimensions, request.by, tally.slot),
            // Of one dimension, the slot is the number.
            number: tally.slot as u32,
            count: tally.count(),
        };
        let mut values: Vec<Counted> = tallies.into_iter().map(counted).collect();
        values.sort_unstable_by(|a, b| compare(a, b, request.descending));
        let sorted = SortedValues { seen: self, request, meter: &meter, dimensions: &dimensions };
        sorted.window(&values, window)
    }
}

/// What a value is sorted by; `None` for no value.
fn key_of(dimensions: &Dimensions, by: SortKey, slot: u128) -> Option<ValueKey> {
    let text = match dimensions.values(slot).pop()? {
        DimensionValue::Text(text) => text,
        DimensionValue::Status(status) => status.name().to_owned(),
        DimensionValue::Log(log) => log.name().to_owned(),
        DimensionValue::Time(time) => return Some(ValueKey::Int(time.micros)),
    };
    if text.is_empty() {
        return None;
    }
    let kind = match by {
        SortKey::Field(field) => field.field().kind,
        SortKey::Status | SortKey::Log => Kind::Text,
    };
    let number = match kind {
        Kind::Int => text.parse().ok().map(ValueKey::Int),
        Kind::Float => text.parse().ok().map(ValueKey::Float),
        _ => None,
    };
    Some(number.unwrap_or_else(|| ValueKey::Text(fold(&text).into_owned())))
}

fn compare(a: &Counted, b: &Counted, descending: bool) -> Ordering {
    let order = match (&a.key, &b.key) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => return Ordering::Greater,
        (Some(_), None) => return Ordering::Less,
        (Some(ValueKey::Int(a)), Some(ValueKey::Int(b))) => a.cmp(b),
        (Some(ValueKey::Float(a)), Some(ValueKey::Float(b))) => a.total_cmp(b),
        (Some(ValueKey::Text(a)), Some(ValueKey::Text(b))) => a.cmp(b),
        // Values of a field are of one kind.
        (Some(ValueKey::Text(_)), _) => Ordering::Greater,
        (_, Some(ValueKey::Text(_))) => Ordering::Less,
        _ => Ordering::Equal,
    };
    let order = if descending { order.reverse() } else { order };
    order.then_with(|| a.number.cmp(&b.number))
}

/// A list sorted by values that were counted.
struct SortedValues<'a> {
    seen: Seen<'a>,
    request: &'a SortedRequest,
    meter: &'a Meter<'a>,
    dimensions: &'a Dimensions,
}

impl<'a> SortedValues<'a> {
    /// The rows from an offset on: the rest of one value, values as a whole, the beginning of one.
    fn window(
        &self,
        values: &[Counted],
        (offset, limit): (u64, usize),
    ) -> Result<Vec<RowRef>, QueryError> {
        let (mut skip, mut rows, mut whole) = (offset, Vec::new(), Vec::new());
        let mut left = limit as u64;
        for value in values {
            if left == 0 {
                break;
            }
            if skip >= value.count {
                skip -= value.count;
                continue;
            }
            let take = left.min(value.count - skip);
            left -= take;
            if take == value.count {
                whole.push(value.number);
                continue;
            }
            rows.extend(self.whole(&whole)?);
            whole.clear();
            let plan = self.plan(&[value.number])?;
            let window = (skip, take as usize);
            let page = self.seen.page_of(plan, Order::NewestFirst, window, SKIP, self.meter)?;
            rows.extend(page.rows);
            skip = 0;
        }
        rows.extend(self.whole(&whole)?);
        Ok(rows)
    }

    /// All rows of some values, which are no more than a page.
    fn whole(&self, numbers: &[u32]) -> Result<Vec<RowRef>, QueryError> {
        if numbers.is_empty() {
            return Ok(Vec::new());
        }
        let ranks: HashMap<u32, usize> = numbers.iter().copied().zip(0..).collect();
        let plan = self.plan(numbers)?;
        let scan = Scan { view: self.seen.view, plan: &plan, meter: self.meter };
        let sources = self.seen.view.entities(Group::Source);
        let every: Vec<usize> = (0..self.seen.view.chunks.len()).collect();
        type Found = Vec<(usize, Reverse<Position>, RowRef)>;
        let options = self.seen.engine.options;
        let found = scan.parallel(&every, options, Found::new, |found, block| {
            let numbers = self.dimensions.numbers(block)?;
            for (row, number) in block.rows().zip(numbers) {
                let rank = ranks.get(&number).copied().unwrap_or(usize::MAX);
                let position = block.columns.position(row, sources)?;
                found.push((rank, Reverse(position), block.columns.row_ref(row)));
            }
            Ok(())
        })?;
        let mut found: Found = found.into_iter().flatten().collect();
        found.sort_unstable();
        Ok(found.into_iter().map(|(.., row)| row).collect())
    }

    /// The request's plan, only for rows with one of some values.
    fn plan(&self, numbers: &[u32]) -> Result<Plan<'a>, QueryError> {
        let (view, request) = (self.seen.view, self.request);
        let plan = Plan::new(self.seen, &request.filter, &request.logs, self.meter)?;
        let wanted: hashbrown::HashSet<u32> = numbers.iter().copied().collect();
        Ok(match self.dimensions.number_of_key() {
            None => {
                let logs = numbers.iter().fold(0, |bits, number| bits | 1_u8 << (number % 8));
                plan.only(Node::Log(logs))
            }
            Some((group, number_of)) => {
                let len = view.entities(group).len();
                let set = KeySet::of(len, |key| wanted.contains(&number_of(key as i32)));
                let (set, predicate) = (Arc::new(set), Predicate::Const(true));
                plan.only(Node::Keys { view, group, set, predicate })
            }
        })
    }
}
