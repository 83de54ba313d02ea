//! From rows to slots: what is counted by, as one integer.

use std::cmp::Ordering;
use std::sync::Arc;

use durward_model::errors::Status;
use durward_model::field::Group;
use durward_model::time::DAY_MICROS;
use durward_model::{FieldId, Log, Timestamp};
use durward_store::View;

use crate::aggregate::{Dimension, DimensionValue};
use crate::engine::Engine;
use crate::error::QueryError;
use crate::fold::fold;
use crate::scan::Block;
use crate::values::{StatusTable, ValueSpec, ValueTable};

/// Spans of time in one result at most: 60 years of hours.
const SPANS_MAX: i64 = 600_000;
/// 1970-01-01 was a Thursday; weeks begin on Monday.
const WEEK_MICROS: i64 = 7 * DAY_MICROS;
const WEEK_SHIFT_MICROS: i64 = 3 * DAY_MICROS;

enum Source {
    Field {
        table: Arc<ValueTable>,
        group: Group,
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
    /// How many different numbers there are.
    count: u64,
}

/// The dimensions of a request, and what distinct values are counted of.
pub(crate) struct Dimensions {
    these: Vec<OneDimension>,
    statuses: Arc<StatusTable>,
    distinct: Option<(Arc<ValueTable>, Group)>,
}

/// The matching rows of a block: slot, status and distinct value of each.
#[derive(Default)]
pub(crate) struct Slots {
    rows: Vec<u32>,
    pub(crate) slots: Vec<u64>,
    pub(crate) statuses: Vec<u8>,
    /// Empty where no distinct values are counted.
    pub(crate) distinct: Vec<u32>,
}

impl Dimensions {
    /// `times`: the first and last time that occurs, µs.
    pub(crate) fn new(
        engine: &Engine,
        view: &View,
        by: &[Dimension],
        distinct: &[FieldId],
        times: (i64, i64),
    ) -> Result<Dimensions, QueryError> {
        let values = |fields: &[FieldId]| {
            let spec = ValueSpec::new(fields).ok_or_else(|| {
                let names: Vec<&str> = fields.iter().map(|field| field.field().name).collect();
                QueryError::Invalid(format!("cannot count by {}", names.join(" and ")))
            })?;
            Ok::<_, QueryError>((engine.values(view, &spec), spec.group))
        };
        let mut these = Vec::with_capacity(by.len());
        for dimension in by {
            these.push(match dimension {
                Dimension::Field(field) => {
                    let (table, group) = values(&[*field])?;
                    let count = table.len() as u64;
                    OneDimension { source: Source::Field { table, group }, count }
                }
                Dimension::Status => OneDimension { source: Source::Status, count: 3 },
                Dimension::Log => OneDimension { source: Source::Log, count: 8 },
                Dimension::Span(micros) => spans(*micros, 0, times)?,
                Dimension::Week => spans(WEEK_MICROS, WEEK_SHIFT_MICROS, times)?,
            });
        }
        let slots = these.iter().try_fold(1_u64, |all, one| all.checked_mul(one.count.max(1)));
        if slots.is_none() {
            return Err(QueryError::Invalid("too many dimensions to count by".to_owned()));
        }
        let distinct = if distinct.is_empty() { None } else { Some(values(distinct)?) };
        Ok(Dimensions { these, statuses: engine.statuses(view), distinct })
    }

    /// How many slots there are.
    pub(crate) fn len(&self) -> u64 {
        self.these.iter().map(|one| one.count.max(1)).product()
    }

    /// How many values can be distinct; 0 where they are not counted.
    pub(crate) fn distinct_len(&self) -> usize {
        self.distinct.as_ref().map_or(0, |(table, _)| table.len())
    }

    /// Works out the slots of a block's rows.
    pub(crate) fn slots(&self, block: &Block<'_>, out: &mut Slots) -> Result<(), QueryError> {
        out.rows.clear();
        out.rows.extend(block.rows().map(|row| row as u32));
        out.slots.clear();
        out.slots.resize(out.rows.len(), 0);
        for one in &self.these {
            one.add(block, &out.rows, &mut out.slots)?;
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
        // A status counted by is the status counted.
        let at = self.these.iter().position(|one| matches!(one.source, Source::Status));
        if let Some(at) = at {
            let after: u64 = self.these[at + 1..].iter().map(|one| one.count.max(1)).product();
            for (slot, status) in out.slots.iter_mut().zip(&out.statuses) {
                *slot += u64::from(*status) * after;
            }
        }
        Ok(())
    }

    /// The numbers of the dimensions of a slot.
    fn numbers(&self, slot: u64) -> Vec<u64> {
        let mut rest = slot;
        let mut numbers: Vec<u64> = self
            .these
            .iter()
            .rev()
            .map(|one| {
                let number = rest % one.count.max(1);
                rest /= one.count.max(1);
                number
            })
            .collect();
        numbers.reverse();
        numbers
    }

    /// The values of a slot.
    pub(crate) fn values(&self, slot: u64) -> Vec<DimensionValue> {
        let numbers = self.numbers(slot);
        self.these.iter().zip(numbers).map(|(one, number)| one.value(number)).collect()
    }

    /// The order of two slots by their values: times ascending, texts as they fold.
    pub(crate) fn compare(&self, a: u64, b: u64) -> Ordering {
        let (a, b) = (self.numbers(a), self.numbers(b));
        for ((one, a), b) in self.these.iter().zip(a).zip(b) {
            let order = match &one.source {
                Source::Field { table, .. } => {
                    let (a, b) = (table.label(a as u32), table.label(b as u32));
                    fold(&a.text).cmp(&fold(&b.text))
                }
                _ => a.cmp(&b),
            };
            if order != Ordering::Equal {
                return order;
            }
        }
        Ordering::Equal
    }
}

fn spans(micros: i64, shift: i64, (from, to): (i64, i64)) -> Result<OneDimension, QueryError> {
    if micros <= 0 {
        return Err(QueryError::Invalid("a span of time must be longer than nothing".to_owned()));
    }
    let first = from.saturating_add(shift).div_euclid(micros);
    let last = to.saturating_add(shift).div_euclid(micros);
    let count = last.saturating_sub(first).saturating_add(1);
    if count > SPANS_MAX {
        return Err(QueryError::Invalid(format!("more than {SPANS_MAX} spans of time")));
    }
    Ok(OneDimension { source: Source::Span { micros, shift, first }, count: count as u64 })
}

impl OneDimension {
    /// Makes room in each slot for this dimension and puts the rows' numbers there; statuses are
    /// put in later.
    fn add(&self, block: &Block<'_>, rows: &[u32], slots: &mut [u64]) -> Result<(), QueryError> {
        let count = self.count.max(1);
        match &self.source {
            Source::Field { table, group } => {
                let keys = block.columns.keys(*group)?;
                for (slot, row) in slots.iter_mut().zip(rows) {
                    *slot = *slot * count + u64::from(table.number(keys[*row as usize]));
                }
            }
            Source::Status => slots.iter_mut().for_each(|slot| *slot *= count),
            Source::Log => {
                let log = block.columns.chunk.log() as u64;
                slots.iter_mut().for_each(|slot| *slot = *slot * count + log);
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
                    *slot = *slot * count + number;
                }
            }
        }
        Ok(())
    }

    fn value(&self, number: u64) -> DimensionValue {
        match &self.source {
            Source::Field { table, .. } => {
                DimensionValue::Text(table.label(number as u32).text.to_string())
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
