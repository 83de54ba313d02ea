//! Counts by any fields and spans of time, with distinct users and failures.
//!
//! Each dimension gives a row a small number; the numbers make a slot, and slots are counted: in
//! a plain array where there are few enough, else in a hash table. Distinct values are bits in a
//! matrix of slots and values, or pairs in a hash set. Texts are looked up at the end, for what
//! is given back.

use durward_model::errors::Status;
use durward_model::time::{DAY_MICROS, HOUR_MICROS};
use durward_model::{FieldId, Log, Timestamp};
use durward_store::View;

use crate::budget::{Budget, Meter};
use crate::dimensions::{Dimensions, Slot, Slots};
use crate::engine::{Engine, EngineOptions};
use crate::error::QueryError;
use crate::filter::Filter;
use crate::plan::Plan;
use crate::scan::Scan;
use crate::seen::Seen;
use crate::tally::{Tallies, Tally};

/// What to count by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// The value of a field that is stored with an entity; no lists of objects.
    Field(FieldId),
    /// Success, failure or interrupted.
    Status,
    /// The log.
    Log,
    /// Spans of `createdDateTime` of that many microseconds, counted from 1970 in UTC.
    Span(i64),
    /// Weeks of UTC that begin on Monday.
    Week,
}

impl Dimension {
    /// Whole hours.
    pub const HOUR: Dimension = Dimension::Span(HOUR_MICROS);
    /// Whole days of UTC.
    pub const DAY: Dimension = Dimension::Span(DAY_MICROS);
}

/// What to order results by. Equal ones are ordered by their keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResultOrder {
    /// Times ascending, then texts as they fold.
    Keys,
    /// Most events first.
    #[default]
    Count,
    /// Most failures first.
    Failures,
    /// Most distinct values first.
    Distinct,
    /// Most recent event first.
    Last,
}

/// What a result must have to be given back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Having {
    /// At least so many events.
    pub count: u64,
    /// At least so many failures.
    pub failures: u64,
    /// At least so many distinct values.
    pub distinct: u64,
}

/// What to count.
#[derive(Clone, Debug)]
pub struct AggregateRequest {
    /// Which events.
    pub filter: Filter,
    /// Of which logs.
    pub logs: Vec<Log>,
    /// By what; may be empty for one total.
    pub by: Vec<Dimension>,
    /// Distinct values of what to count: the first of these fields (of one group) that has one.
    /// [`USERS`] counts users.
    pub distinct: Vec<FieldId>,
    /// Which results to leave out.
    pub having: Having,
    /// Their order.
    pub order: ResultOrder,
    /// Most results to give back.
    pub limit: usize,
    /// Results to leave out before the first that is given back.
    pub offset: usize,
    /// With the times of the first and the last event of each result?
    pub times: bool,
}

impl Default for AggregateRequest {
    fn default() -> Self {
        AggregateRequest {
            filter: Filter::All,
            logs: Log::SIGN_INS.to_vec(),
            by: Vec::new(),
            distinct: Vec::new(),
            having: Having::default(),
            order: ResultOrder::default(),
            limit: 1000,
            offset: 0,
            times: false,
        }
    }
}

/// A user is known by identifier, or by name where there is none.
pub const USERS: [FieldId; 2] = [FieldId::UserId, FieldId::UserPrincipalName];

/// One value of one dimension.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DimensionValue {
    /// The value of a field; empty where there is none. Of several spellings the first in byte
    /// order.
    Text(String),
    /// A status.
    Status(Status),
    /// A log.
    Log(Log),
    /// The beginning of a span of time.
    Time(Timestamp),
}

/// One result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AggregateRow {
    /// The values counted by, in the order of the request.
    pub keys: Vec<DimensionValue>,
    /// Events by status, in the order of [`Status::ALL`].
    pub by_status: [u64; 3],
    /// Distinct values; 0 where none were asked for.
    pub distinct: u64,
    /// `createdDateTime` of the earliest event; `None` where times were not asked for.
    pub first: Option<Timestamp>,
    /// `createdDateTime` of the latest event; `None` where times were not asked for.
    pub last: Option<Timestamp>,
}

impl AggregateRow {
    /// All events.
    pub fn count(&self) -> u64 {
        self.by_status.iter().sum()
    }

    /// Events that failed.
    pub fn failures(&self) -> u64 {
        self.by_status[Status::Failure as usize]
    }
}

/// Most different results while counting.
pub const RESULTS_MAX: usize = 5_000_000;

impl Engine {
    /// Counts events. Exact; replaced revisions are left out.
    pub fn aggregate(
        &self,
        view: &View,
        request: &AggregateRequest,
        budget: &Budget,
    ) -> Result<Vec<AggregateRow>, QueryError> {
        Seen::all(self, view).aggregate(request, budget)
    }
}

impl Seen<'_> {
    pub(crate) fn aggregate(
        self,
        request: &AggregateRequest,
        budget: &Budget,
    ) -> Result<Vec<AggregateRow>, QueryError> {
        let every: Vec<usize> = (0..self.view.chunks.len()).collect();
        self.aggregate_chunks(request, &every, &Meter::start(budget))
    }

    /// Counts the events of some chunks.
    pub(crate) fn aggregate_chunks(
        self,
        request: &AggregateRequest,
        chunks: &[usize],
        meter: &Meter<'_>,
    ) -> Result<Vec<AggregateRow>, QueryError> {
        let with_times = request.times || request.order == ResultOrder::Last;
        let plan = Plan::new(self, &request.filter, &request.logs, meter)?;
        let by = CountBy { by: &request.by, distinct: &request.distinct, with_times };
        let (dimensions, tallies) = self.tallies(&plan, &by, chunks, meter)?;
        meter.check()?;
        Ok(results(&dimensions, tallies, request))
    }

    /// Counts the rows of some chunks that a plan finds.
    pub(crate) fn tallies(
        self,
        plan: &Plan<'_>,
        by: &CountBy<'_>,
        chunks: &[usize],
        meter: &Meter<'_>,
    ) -> Result<(Dimensions, Vec<Tally>), QueryError> {
        let view = self.view;
        let mut wanted = Vec::new();
        for &index in chunks {
            if plan.may_match(&view.chunks[index])? {
                wanted.push(index);
            }
        }
        let times = times(view, plan, &wanted);
        let mut dimensions = Dimensions::new(self, by, times)?;
        let scan = Scan { view, plan, meter };
        let tallies = if u64::try_from(dimensions.len()).is_ok() {
            count::<u64>(&scan, &mut dimensions, &wanted, self.engine.options)?
        } else {
            count::<u128>(&scan, &mut dimensions, &wanted, self.engine.options)?
        };
        Ok((dimensions, tallies))
    }
}

/// What to count rows by, and what of them.
#[derive(Clone, Copy, Default)]
pub(crate) struct CountBy<'a> {
    pub(crate) by: &'a [Dimension],
    pub(crate) distinct: &'a [FieldId],
    /// Note the times of the first and last row?
    pub(crate) with_times: bool,
}

/// Counts the rows of some chunks, and settles how values are spelled.
fn count<S: Slot>(
    scan: &Scan<'_>,
    dimensions: &mut Dimensions,
    chunks: &[usize],
    options: EngineOptions,
) -> Result<Vec<Tally>, QueryError> {
    let counted = &*dimensions;
    let new = || (Tallies::<S>::new(counted), Slots::default());
    let states = scan.parallel(chunks, options, new, |(tallies, slots), block| {
        counted.slots(block, slots)?;
        tallies.add(slots);
        if tallies.len() > RESULTS_MAX {
            return Err(QueryError::Results(RESULTS_MAX));
        }
        Ok(())
    })?;
    let mut states = states.into_iter();
    let (mut all, mut met) = states.next().unwrap_or_else(new);
    for (tallies, slots) in states {
        all.merge(tallies);
        met.merge(slots);
    }
    dimensions.spell(scan.view, &met);
    Ok(all.into_tallies())
}

/// The first and last time that rows can have, µs.
fn times(view: &View, plan: &Plan<'_>, chunks: &[usize]) -> (i64, i64) {
    let chunks = || chunks.iter().map(|&index| &view.chunks[index]);
    let from = chunks().map(|chunk| chunk.min_micros()).min().unwrap_or(0).max(plan.from);
    let to = chunks().map(|chunk| chunk.max_micros()).max().unwrap_or(0).min(plan.to);
    (from, to.max(from))
}

/// The results that are wanted, in order.
fn results(
    dimensions: &Dimensions,
    mut found: Vec<Tally>,
    request: &AggregateRequest,
) -> Vec<AggregateRow> {
    let having = request.having;
    let failures = |tally: &Tally| tally.by_status[Status::Failure as usize];
    found.retain(|tally| {
        tally.count() >= having.count.max(1)
            && failures(tally) >= having.failures
            && tally.distinct >= having.distinct
    });
    let rank = |tally: &Tally| match request.order {
        ResultOrder::Keys => 0,
        ResultOrder::Count => i128::from(tally.count()),
        ResultOrder::Failures => i128::from(failures(tally)),
        ResultOrder::Distinct => i128::from(tally.distinct),
        ResultOrder::Last => tally.times.map_or(i128::MIN, |(_, last)| nanos(last)),
    };
    // What comes before the first that is given back has to be known too.
    let wanted = request.offset.saturating_add(request.limit);
    if let Some(last) = wanted.checked_sub(1).filter(|&last| last < found.len()) {
        // First by number alone: comparing values is only worth it among those that may stay.
        let mut ranks: Vec<i128> = found.iter().map(rank).collect();
        let least = *ranks.select_nth_unstable_by(last, |a, b| b.cmp(a)).1;
        found.retain(|tally| rank(tally) >= least);
    }
    let order = |a: &Tally, b: &Tally| {
        rank(b).cmp(&rank(a)).then_with(|| dimensions.compare(a.slot, b.slot))
    };
    if let Some(last) = wanted.checked_sub(1).filter(|&last| last < found.len()) {
        found.select_nth_unstable_by(last, order);
    }
    found.truncate(wanted);
    found.sort_unstable_by(order);
    let row = |tally: Tally| {
        let times = tally.times.filter(|_| request.times);
        AggregateRow {
            keys: dimensions.values(tally.slot),
            by_status: tally.by_status,
            distinct: tally.distinct,
            first: times.map(|(first, _)| first),
            last: times.map(|(_, last)| last),
        }
    };
    found.into_iter().skip(request.offset).map(row).collect()
}

fn nanos(time: Timestamp) -> i128 {
    i128::from(time.micros) * 1000 + i128::from(time.nanos)
}
