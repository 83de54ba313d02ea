//! Pages of a list by their place in it.
//!
//! A page that begins at the n-th match is found without making the list up to there: matches are
//! counted by spans of time, the span that the n-th match lies in is divided into finer ones while
//! it holds many, and the list begins with what is left of it.

use durward_store::View;

use crate::budget::{Budget, Meter};
use crate::cursor::Order;
use crate::engine::{Engine, EngineOptions};
use crate::error::QueryError;
use crate::list::{ListRequest, Page};
use crate::plan::Plan;
use crate::scan::Scan;
use crate::seen::Seen;

/// Spans that matches are counted by in one go.
const SPANS: i64 = 2000;
/// So many matches may be skipped in a list; to skip more, they are counted first.
pub(crate) const SKIP: u64 = 20_000;
/// As many events of one microsecond, which no span divides, can be skipped at most.
const SKIP_MAX: u64 = 5_000_000;

impl Engine {
    /// The page that begins at a place of the list, counted from 0; see
    /// [`crate::Reader::page_at`].
    pub fn page_at(
        &self,
        view: &View,
        request: &ListRequest,
        offset: u64,
        budget: &Budget,
    ) -> Result<Page, QueryError> {
        Seen::all(self, view).page_at(request, offset, budget)
    }
}

impl Seen<'_> {
    pub(crate) fn page_at(
        self,
        request: &ListRequest,
        offset: u64,
        budget: &Budget,
    ) -> Result<Page, QueryError> {
        self.page_skipping(request, offset, SKIP, budget)
    }

    /// [`Seen::page_at`], skipping at most so many matches that are not of one microsecond.
    fn page_skipping(
        self,
        request: &ListRequest,
        offset: u64,
        skip: u64,
        budget: &Budget,
    ) -> Result<Page, QueryError> {
        let meter = Meter::start(budget);
        let plan = Plan::new(self, &request.filter, &request.logs, &meter)?;
        self.page_of(plan, request.order, (offset, request.limit), skip, &meter)
    }

    /// The page of a plan's matches that begins at an offset.
    pub(crate) fn page_of(
        self,
        mut plan: Plan<'_>,
        order: Order,
        (offset, limit): (u64, usize),
        skip: u64,
        meter: &Meter<'_>,
    ) -> Result<Page, QueryError> {
        let (view, mut rest) = (self.view, offset);
        if rest > skip {
            let scan = Scan { view, plan: &plan, meter };
            match scan.span_of(order, &mut rest, skip, self.engine.options)? {
                None => return Ok(Page::default()),
                Some((from, to)) => match order {
                    Order::NewestFirst => plan.to = plan.to.min(to),
                    Order::OldestFirst => plan.from = plan.from.max(from),
                },
            }
        }
        if rest > SKIP_MAX {
            return Err(QueryError::Results(SKIP_MAX as usize));
        }
        Scan { view, plan: &plan, meter }.list(order, None, rest as usize, limit)
    }
}

impl Scan<'_> {
    /// The span of time (µs, both ends included) that a match lies in, and its offset there;
    /// `None` if there are not so many.
    fn span_of(
        &self,
        order: Order,
        offset: &mut u64,
        skip: u64,
        options: EngineOptions,
    ) -> Result<Option<(i64, i64)>, QueryError> {
        let mut chunks = Vec::new();
        for (index, chunk) in self.view.chunks.iter().enumerate() {
            if self.plan.may_match(chunk)? {
                chunks.push(index);
            }
        }
        let each = || chunks.iter().map(|&index| &self.view.chunks[index]);
        let (Some(first), Some(last)) =
            (each().map(|c| c.min_micros()).min(), each().map(|c| c.max_micros()).max())
        else {
            return Ok(None);
        };
        let mut span = (first.max(self.plan.from), last.min(self.plan.to));
        // Each round divides the span by 2000; six are enough for all of time.
        loop {
            let spans = Spans::of(span);
            let counts = self.count_spans(&spans, &chunks, options)?;
            let numbers: Vec<usize> = match order {
                Order::NewestFirst => (0..counts.len()).rev().collect(),
                Order::OldestFirst => (0..counts.len()).collect(),
            };
            let mut found = None;
            for number in numbers {
                if *offset < counts[number] {
                    found = Some(number);
                    break;
                }
                *offset -= counts[number];
            }
            let Some(number) = found else { return Ok(None) };
            span = spans.span(number);
            if *offset <= skip || span.0 >= span.1 {
                return Ok(Some(span));
            }
            chunks.retain(|&index| {
                let chunk = &self.view.chunks[index];
                chunk.max_micros() >= span.0 && chunk.min_micros() <= span.1
            });
        }
    }

    fn count_spans(
        &self,
        spans: &Spans,
        chunks: &[usize],
        options: EngineOptions,
    ) -> Result<Vec<u64>, QueryError> {
        let mut counts = vec![0; spans.count];
        let mut partial = Vec::new();
        for &index in chunks {
            let chunk = &self.view.chunks[index];
            let (first, last) = (chunk.min_micros(), chunk.max_micros());
            let inside = self.plan.from <= first && last <= self.plan.to;
            match (spans.number(first), spans.number(last)) {
                (Some(one), Some(other)) if one == other && inside && self.plan.is_plain() => {
                    counts[one] += chunk.live_rows() as u64;
                }
                _ => partial.push(index),
            }
        }
        let within = (spans.from, spans.to);
        let new = || vec![0_u64; spans.count];
        let states = self.parallel_within(&partial, within, options, new, |counts, block| {
            let created = block.columns.created()?;
            for row in block.rows() {
                if let Some(number) = spans.number(created[row]) {
                    counts[number] += 1;
                }
            }
            Ok(())
        })?;
        for state in states {
            counts.iter_mut().zip(state).for_each(|(all, more)| *all += more);
        }
        Ok(counts)
    }
}

/// A span of time divided into equal ones.
struct Spans {
    from: i64,
    to: i64,
    micros: u64,
    count: usize,
}

impl Spans {
    fn of((from, to): (i64, i64)) -> Spans {
        let to = to.max(from);
        let length = to.abs_diff(from).saturating_add(1);
        let micros = length.div_ceil(SPANS.unsigned_abs());
        Spans { from, to, micros, count: length.div_ceil(micros) as usize }
    }

    /// The span an instant lies in.
    fn number(&self, micros: i64) -> Option<usize> {
        let within = self.from <= micros && micros <= self.to;
        within.then(|| (micros.abs_diff(self.from) / self.micros) as usize)
    }

    /// First and last microsecond of a span.
    fn span(&self, number: usize) -> (i64, i64) {
        let start = self.from.saturating_add_unsigned(self.micros.saturating_mul(number as u64));
        (start, start.saturating_add_unsigned(self.micros - 1).min(self.to))
    }
}

#[cfg(test)]
#[path = "offset_tests.rs"]
mod tests;
