//! From rows to slots: what is counted by, as one integer.

use std::cmp::Ordering;
use std::hash::Hash;
use std::sync::Arc;

use durward_model::errors::Status;
use durward_model::field::Group;
use durward_model::time::DAY_MICROS;
use durward_model::{FieldId, Log, Timestamp};
use durward_store::View;
use hashbrown::HashMap;

use crate::aggregate::{CountBy, Dimension, DimensionValue};
use crate::error::QueryError;
use crate::fold::fold;
use crate::scan::{Block, bits};
use crate::seen::Seen;
use crate::values::{StatusTable, ValueSpec, ValueTable, text_of};

/// Spans of time in one result at most: 60 years of hours.
const SPANS_MAX: i64 = 600_000;
/// 1970-01-01 was a Thursday; weeks begin on Monday.
const WEEK_MICROS: i64 = 7 * DAY_MICROS;
const WEEK_SHIFT_MICROS: i64 = 3 * DAY_MICROS;

enum Source {
    Field {
        field: FieldId,
        table: Arc<ValueTable>,
        group: Group,
        /// Spellings other than the table's, by number.
        spellings: HashMap<u32, String>,
    },
    Status,
    Log,
    /// Spans from number `first` on; `shift` moves where they begin.
    Span {
        micros: i64,
        shift: i64,
        first: i64,
    },
}

struct OneDimension {
    source: Source,
    /// How many different numbers there are, at least one.
    count: u64,
    /// The product of the counts of all dimensions after this one.
    stride: u128,
}

/// A slot: small where the numbers of all dimensions fit.
pub(crate) trait Slot: Copy + Default + Eq + Ord + Hash + Send + Into<u128> {
    /// The slot with room for one more dimension of `count` numbers, and this number in it.
    fn with(self, count: u64, number: u64) -> Self;
    /// The slot with something added that there is room for.
    fn plus(self, stride: u128, number: u8) -> Self;
}

impl Slot for u64 {
    fn with(self, count: u64, number: u64) -> u64 {
        self * count + number
    }

    fn plus(self, stride: u128, number: u8) -> u64 {
        self + stride as u64 * u64::from(number)
    }
}

impl Slot for u128 {
    fn with(self, count: u64, number: u64) -> u128 {
        self * u128::from(count) + u128::from(number)
    }

    fn plus(self, stride: u128, number: u8) -> u128 {
        self + stride * u128::from(number)
    }
}

/// The dimensions of a request, and what distinct values are counted of.
pub(crate) struct Dimensions {
    these: Vec<OneDimension>,
    /// How many slots there are.
    slots: u128,
    statuses: Arc<StatusTable>,
    distinct: Option<(Arc<ValueTable>, Group)>,
    /// Are the times of the first and last row of each slot noted?
    with_times: bool,
    /// Are values spelled as the counted rows spell them? Of several spellings the first of all
    /// may stand where the caller may not look.
    own_spelling: bool,
}

/// The matching rows of a block: slot, status and distinct value of each.
#[derive(Default)]
pub(crate) struct Slots<S> {
    rows: Vec<u32>,
    pub(crate) slots: Vec<S>,
    pub(crate) statuses: Vec<u8>,
    /// Empty where no distinct values are counted.
    pub(crate) distinct: Vec<u32>,
    /// Empty where no times are noted.
    pub(crate) times: Vec<Timestamp>,
    /// For each dimension the keys in all blocks so far, as bits; empty where spelling is not
    /// looked at.
    keys: Vec<Vec<u64>>,
}

impl<S> Slots<S> {
    /// Adds the keys that another thread met.
    pub(crate) fn merge(&mut self, other: Slots<S>) {
        self.keys.resize(self.keys.len().max(other.keys.len()), Vec::new());
        for (own, more) in self.keys.iter_mut().zip(other.keys) {
            own.resize(own.len().max(more.len()), 0);
            own.iter_mut().zip(more).for_each(|(own, more)| *own |= more);
        }
    }
}

impl Dimensions {
    /// `times`: the first and last time that occurs, µs.
    pub(crate) fn new(
        seen: Seen<'_>,
        &CountBy { by, distinct, with_times }: &CountBy<'_>,
        times: (i64, i64),
    ) -> Result<Dimensions, QueryError> {
        let Seen { engine, view, limit } = seen;
        let values = |fields: &[FieldId]| {
            let spec = ValueSpec::new(fields).ok_or_else(|| {
                let names: Vec<&str> = fields.iter().map(|field| field.field().name).collect();
                QueryError::Invalid(format!("cannot count by {}", names.join(" and ")))
            })?;
            Ok::<_, QueryError>((engine.values(view, &spec), spec.group))
        };
        let mut these = Vec::with_capacity(by.len());
        for dimension in by {
            let (source, count) = match dimension {
                Dimension::Field(field) => {
                    let (table, group) = values(&[*field])?;
                    let count = table.len() as u64;
                    let spellings = HashMap::new();
                    (Source::Field { field: *field, table, group, spellings }, count)
                }
                Dimension::Status => (Source::Status, 3),
                Dimension::Log => (Source::Log, 8),
                Dimension::Span(micros) => spans(*micros, 0, times)?,
                Dimension::Week => spans(WEEK_MICROS, WEEK_SHIFT_MICROS, times)?,
            };
            these.push(OneDimension { source, count: count.max(1), stride: 1 });
        }
        let mut slots = 1_u128;
        for one in these.iter_mut().rev() {
            one.stride = slots;
            slots = slots
                .checked_mul(u128::from(one.count))
                .ok_or_else(|| QueryError::Invalid("too many dimensions to count by".to_owned()))?;
        }
        let distinct = if distinct.is_empty() { None } else { Some(values(distinct)?) };
        let (statuses, own_spelling) = (engine.statuses(view), limit.is_some());
        Ok(Dimensions { these, slots, statuses, distinct, with_times, own_spelling })
    }

    /// Spells values as the rows spell them that these slots were made from: of several spellings
    /// the first in byte order.
    pub(crate) fn spell<S>(&mut self, view: &View, slots: &Slots<S>) {
        for (one, keys) in self.these.iter_mut().zip(&slots.keys) {
            let Source::Field { field, table, group, spellings } = &mut one.source else {
                continue;
            };
            for key in bits(keys) {
                let text = text_of(*field, &view.entities(*group).cell(key as u32, *field));
                spellings
                    .entry(table.number(key as i32))
                    .and_modify(|first| {
                        if text < *first {
                            first.clone_from(&text);
                        }
                    })
                    .or_insert_with(|| text.clone());
            }
        }
    }

    /// How many slots there are.
    pub(crate) fn len(&self) -> u128 {
        self.slots
    }

    /// How many values can be distinct; 0 where they are not counted.
    pub(crate) fn distinct_len(&self) -> usize {
        self.distinct.as_ref().map_or(0, |(table, _)| table.len())
    }

    /// Works out the slots of a block's rows.
    pub(crate) fn slots<S: Slot>(
        &self,
        block: &Block<'_>,
        out: &mut Slots<S>,
    ) -> Result<(), QueryError> {
        out.rows.clear();
        out.rows.extend(block.rows().map(|row| row as u32));
        out.slots.clear();
        out.slots.resize(out.rows.len(), S::default());
        for one in &self.these {
            one.add(block, &out.rows, &mut out.slots)?;
        }
        if self.own_spelling {
            out.keys.resize(self.these.len(), Vec::new());
            for (one, met) in self.these.iter().zip(&mut out.keys) {
                one.note_keys(block, &out.rows, met)?;
            }
        }
        let outcomes = block.columns.keys(Group::Outcome)?;
        let status = |row: &u32| self.statuses.number(outcomes[*row as usize]);
        out.statuses.clear();
        out.statuses.extend(out.rows.iter().map(status));
        out.distinct.clear();
        if let Some((table, group)) = &self.distinct {
            let keys = block.columns.keys(*group)?;
            out.distinct.extend(out.rows.iter().map(|row| table.number(keys[*row as usize])));
        }
        out.times.clear();
        if self.with_times {
            for row in &out.rows {
                out.times.push(block.columns.time(*row as usize)?);
            }
        }
        // A status counted by is the status counted.
        for one in self.these.iter().filter(|one| matches!(one.source, Source::Status)) {
            for (slot, status) in out.slots.iter_mut().zip(&out.statuses) {
                *slot = slot.plus(one.stride, *status);
            }
        }
        Ok(())
    }

    /// The number of the first dimension's value for each matching row of a block.
    pub(crate) fn numbers(&self, block: &Block<'_>) -> Result<Vec<u32>, QueryError> {
        let log = block.columns.chunk.log() as u32;
        Ok(match self.number_of_key() {
            None => block.rows().map(|_| log).collect(),
            Some((group, number)) => {
                let keys = block.columns.keys(group)?;
                block.rows().map(|row| number(keys[row])).collect()
            }
        })
    }

    /// The group that the first dimension's value comes from, and its number for each key; `None`
    /// where it is the log.
    pub(crate) fn number_of_key(&self) -> Option<(Group, impl Fn(i32) -> u32)> {
        let (table, group) = match &self.these.first()?.source {
            Source::Field { table, group, .. } => (Some(table), *group),
            Source::Status => (None, Group::Outcome),
            Source::Log | Source::Span { .. } => return None,
        };
        let number = move |key| match table {
            Some(table) => table.number(key),
            None => u32::from(self.statuses.number(key)),
        };
        Some((group, number))
    }

    /// The values of a slot.
    pub(crate) fn values(&self, slot: u128) -> Vec<DimensionValue> {
        self.these.iter().map(|one| one.value(one.number(slot))).collect()
    }

    /// The order of two slots by their values: times ascending, texts as they fold.
    pub(crate) fn compare(&self, a: u128, b: u128) -> Ordering {
        for one in &self.these {
            let (a, b) = (one.number(a), one.number(b));
            if a == b {
                continue;
            }
            let Source::Field { table, .. } = &one.source else { return a.cmp(&b) };
            let (a, b) = (table.label(a as u32), table.label(b as u32));
            // The first bytes nearly always decide.
            let first = a.order.prefix.cmp(&b.order.prefix);
            let order = first.then_with(|| fold(&a.text).cmp(&fold(&b.text)));
            if order != Ordering::Equal {
                return order;
            }
        }
        Ordering::Equal
    }
}

fn spans(micros: i64, shift: i64, (from, to): (i64, i64)) -> Result<(Source, u64), QueryError> {
    if micros <= 0 {
        return Err(QueryError::Invalid("a span of time must be longer than nothing".to_owned()));
    }
    let first = from.saturating_add(shift).div_euclid(micros);
    let last = to.saturating_add(shift).div_euclid(micros);
    let count = last.saturating_sub(first).saturating_add(1);
    if count > SPANS_MAX {
        return Err(QueryError::Invalid(format!("more than {SPANS_MAX} spans of time")));
    }
    Ok((Source::Span { micros, shift, first }, count as u64))
}

impl OneDimension {
    /// The number of this dimension in a slot.
    fn number(&self, slot: u128) -> u64 {
        // Most slots are small, and division of small numbers is much faster.
        match (u64::try_from(slot), u64::try_from(self.stride)) {
            (Ok(slot), Ok(stride)) => slot / stride % self.count,
            _ => (slot / self.stride % u128::from(self.count)) as u64,
        }
    }

    /// Sets the bits of the keys of some rows.
    fn note_keys(
        &self,
        block: &Block<'_>,
        rows: &[u32],
        met: &mut Vec<u64>,
    ) -> Result<(), QueryError> {
        let Source::Field { table, group, .. } = &self.source else { return Ok(()) };
        met.resize(table.keys().div_ceil(64), 0);
        let keys = block.columns.keys(*group)?;
        for row in rows {
            let key = keys[*row as usize] as usize;
            if let Some(word) = met.get_mut(key / 64) {
                *word |= 1 << (key % 64);
            }
        }
        Ok(())
    }

    /// Makes room in each slot for this dimension and puts the rows' numbers there; statuses are
    /// put in later.
    fn add<S: Slot>(
        &self,
        block: &Block<'_>,
        rows: &[u32],
        slots: &mut [S],
    ) -> Result<(), QueryError> {
        let count = self.count;
        match &self.source {
            Source::Field { table, group, .. } => {
                let keys = block.columns.keys(*group)?;
                for (slot, row) in slots.iter_mut().zip(rows) {
                    *slot = slot.with(count, u64::from(table.number(keys[*row as usize])));
                }
            }
            Source::Status => slots.iter_mut().for_each(|slot| *slot = slot.with(count, 0)),
            Source::Log => {
                let log = block.columns.chunk.log() as u64;
                slots.iter_mut().for_each(|slot| *slot = slot.with(count, log));
            }
            Source::Span { micros, shift, first } => {
                let created = block.columns.created()?;
                // Neighbours are mostly of one span, which spares a division a row.
                let (mut start, mut number) = (i64::MAX, 0);
                for (slot, row) in slots.iter_mut().zip(rows) {
                    let time = created[*row as usize].saturating_add(*shift);
                    if time < start || time - start >= *micros {
                        let span = time.div_euclid(*micros);
                        start = span.saturating_mul(*micros);
                        number = (span - first) as u64;
                    }
                    *slot = slot.with(count, number);
                }
            }
        }
        Ok(())
    }

    fn value(&self, number: u64) -> DimensionValue {
        match &self.source {
            Source::Field { table, spellings, .. } => {
                let number = number as u32;
                let own = spellings.get(&number).cloned();
                DimensionValue::Text(own.unwrap_or_else(|| table.label(number).text.to_string()))
            }
            Source::Status => {
                DimensionValue::Status(Status::ALL[number as usize % Status::ALL.len()])
            }
            Source::Log => DimensionValue::Log(Log::ALL[number as usize % Log::ALL.len()]),
            Source::Span { micros, shift, first } => {
                let start = (first + number as i64).saturating_mul(*micros).saturating_sub(*shift);
                DimensionValue::Time(Timestamp::from_micros(start))
            }
        }
    }
}
