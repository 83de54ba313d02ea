//! The numbers at the top of a page: totals, hours, and the most frequent values.
//!
//! Without a filter, whole hours of sealed files are read from their rollups, and only what is
//! not sealed yet, was revised, or lies in the first or last broken hour is counted row by row.
//! The result is the same either way (ROLL-1); a test compares the two.

use durward_model::errors::Status;
use durward_model::time::HOUR_MICROS;
use durward_model::{FieldId, Log, Timestamp};
use durward_store::{DIMENSIONS, View};
use hashbrown::HashMap;

use crate::aggregate::{AggregateRequest, AggregateRow, Dimension, DimensionValue, ResultOrder};
use crate::budget::{Budget, Meter};
use crate::engine::Engine;
use crate::error::QueryError;
use crate::filter::Filter;
use crate::fold::fold;
use crate::seen::Seen;

/// Which events to sum up.
#[derive(Clone, Debug)]
pub struct SummaryRequest {
    /// What they must fulfil, apart from the time.
    pub filter: Filter,
    /// Of which logs.
    pub logs: Vec<Log>,
    /// From here on, µs since 1970.
    pub from_micros: i64,
    /// Up to, not including, µs since 1970.
    pub to_micros: i64,
    /// Fields to give the most frequent values of.
    pub fields: Vec<FieldId>,
    /// How many values of each.
    pub top: usize,
}

/// Counts by status, in the order of [`Status::ALL`].
pub type ByStatus = [u64; 3];

/// A summary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// All events.
    pub total: ByStatus,
    /// By the hour they happened in; hours without events are left out. Ascending.
    pub hours: Vec<(Timestamp, ByStatus)>,
    /// For each field asked for: its most frequent values (empty for events without one), most
    /// frequent first, equal ones in the order of their folded text.
    pub top: Vec<(FieldId, Vec<(String, ByStatus)>)>,
}

/// Most values of one field that are counted.
const VALUES_MAX: usize = 1_000_000;

/// Counts of one field: by folded text, the first spelling in byte order and the counts.
type Values = HashMap<String, (String, ByStatus)>;

#[derive(Default)]
struct Sums {
    hours: HashMap<i64, ByStatus>,
    fields: Vec<Values>,
}

impl Engine {
    /// Sums up; from rollups where that is possible.
    pub fn summary(
        &self,
        view: &View,
        request: &SummaryRequest,
        budget: &Budget,
    ) -> Result<Summary, QueryError> {
        Seen::all(self, view).sum_up(request, true, budget)
    }

    /// Sums up row by row, to check rollups against.
    pub fn summary_of_rows(
        &self,
        view: &View,
        request: &SummaryRequest,
        budget: &Budget,
    ) -> Result<Summary, QueryError> {
        Seen::all(self, view).sum_up(request, false, budget)
    }
}

impl Seen<'_> {
    pub(crate) fn sum_up(
        self,
        request: &SummaryRequest,
        rollups: bool,
        budget: &Budget,
    ) -> Result<Summary, QueryError> {
        let (view, meter) = (self.rows(), Meter::start(budget));
        let fields = vec![Values::default(); request.fields.len()];
        let mut sums = Sums { hours: HashMap::default(), fields };
        let (from, to) = (request.from_micros, request.to_micros);
        let whole_from = hour_of(from.saturating_add(HOUR_MICROS - 1));
        let whole_to = hour_of(to);
        let covered = request.fields.iter().all(|field| DIMENSIONS.contains(field));
        let every: Vec<usize> = (0..view.chunks.len()).collect();
        let plain = request.filter == Filter::All && self.shows_whole_logs();
        if !rollups || !covered || !plain || whole_from >= whole_to {
            self.count_rows(request, (from, to), &every, &meter, &mut sums)?;
            return Ok(sums.summary(request));
        }
        let mut logs = request.logs.clone();
        logs.retain(|log| self.shows(*log));
        let (files, rest) = view.rollups(&logs, whole_from, whole_to)?;
        for (_, counts) in files {
            meter.spend(counts.len())?;
            for count in counts.iter() {
                if (whole_from..whole_to).contains(&count.hour_micros) {
                    sums.add_rollup(request, count);
                }
            }
        }
        let rest: Vec<usize> = rest.into_iter().map(|index| index as usize).collect();
        self.count_rows(request, (whole_from, whole_to), &rest, &meter, &mut sums)?;
        self.count_rows(request, (from, whole_from), &every, &meter, &mut sums)?;
        self.count_rows(request, (whole_to, to), &every, &meter, &mut sums)?;
        Ok(sums.summary(request))
    }

    fn count_rows(
        self,
        request: &SummaryRequest,
        (from, to): (i64, i64),
        chunks: &[usize],
        meter: &Meter<'_>,
        sums: &mut Sums,
    ) -> Result<(), QueryError> {
        if from >= to || chunks.is_empty() {
            return Ok(());
        }
        let span = Filter::between(Timestamp::from_micros(from), Timestamp::from_micros(to));
        let mut count = AggregateRequest {
            filter: request.filter.clone().and(span),
            logs: request.logs.clone(),
            by: vec![Dimension::HOUR],
            order: ResultOrder::Keys,
            limit: usize::MAX,
            ..AggregateRequest::default()
        };
        for row in self.aggregate_chunks(&count, chunks, meter)? {
            if let Some(DimensionValue::Time(hour)) = row.keys.first() {
                add(sums.hours.entry(hour.micros).or_default(), row.by_status);
            }
        }
        for (index, field) in request.fields.iter().enumerate() {
            count.by = vec![Dimension::Field(*field)];
            for row in self.aggregate_chunks(&count, chunks, meter)? {
                sums.add_row(index, row)?;
            }
        }
        Ok(())
    }
}

impl Sums {
    fn add_rollup(&mut self, request: &SummaryRequest, count: &durward_store::Count) {
        let mut by_status = [0; 3];
        by_status[count.status as usize] = count.count;
        let Some(dimension) = count.dimension else {
            add(self.hours.entry(count.hour_micros).or_default(), by_status);
            return;
        };
        for (values, field) in self.fields.iter_mut().zip(&request.fields) {
            if *field == dimension {
                add_value(values, &count.value, by_status);
            }
        }
    }

    fn add_row(&mut self, index: usize, row: AggregateRow) -> Result<(), QueryError> {
        if let (Some(values), Some(DimensionValue::Text(text))) =
            (self.fields.get_mut(index), row.keys.first())
        {
            add_value(values, text, row.by_status);
            if values.len() > VALUES_MAX {
                return Err(QueryError::Results(VALUES_MAX));
            }
        }
        Ok(())
    }

    fn summary(self, request: &SummaryRequest) -> Summary {
        let mut summary = Summary::default();
        let mut hours: Vec<_> = self.hours.into_iter().collect();
        hours.sort_unstable();
        for (hour, by_status) in hours {
            add(&mut summary.total, by_status);
            summary.hours.push((Timestamp::from_micros(hour), by_status));
        }
        for (field, values) in request.fields.iter().zip(self.fields) {
            let mut values: Vec<(String, (String, ByStatus))> = values.into_iter().collect();
            let count = |by_status: &ByStatus| by_status.iter().sum::<u64>();
            values.sort_unstable_by(|(a_fold, (_, a)), (b_fold, (_, b))| {
                count(b).cmp(&count(a)).then_with(|| a_fold.cmp(b_fold))
            });
            values.truncate(request.top);
            summary.top.push((*field, values.into_iter().map(|(_, value)| value).collect()));
        }
        summary
    }
}

fn add_value(values: &mut Values, text: &str, by_status: ByStatus) {
    let folded = fold(text);
    match values.get_mut(&*folded) {
        Some((spelling, counts)) => {
            if text < spelling.as_str() {
                *spelling = text.to_owned();
            }
            add(counts, by_status);
        }
        None => {
            values.insert(folded.into_owned(), (text.to_owned(), by_status));
        }
    }
}

fn add(own: &mut ByStatus, more: ByStatus) {
    own.iter_mut().zip(more).for_each(|(own, more)| *own += more);
}

fn hour_of(micros: i64) -> i64 {
    micros.div_euclid(HOUR_MICROS).saturating_mul(HOUR_MICROS)
}

const _: () = assert!(Status::ALL.len() == 3);
