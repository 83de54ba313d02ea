//! Lists of events, page by page, and exact counts.

use std::cmp::Reverse;

use durward_model::Log;
use durward_model::field::Group;
use durward_store::{RowRef, View};

use crate::budget::{Budget, Meter};
use crate::columns::Columns;
use crate::cursor::{Order, Position};
use crate::engine::Engine;
use crate::error::QueryError;
use crate::filter::Filter;
use crate::plan::Plan;
use crate::scan::{BLOCK_ROWS, Scan, bits};
use crate::seen::Seen;

/// Which events to list.
#[derive(Clone, Debug)]
pub struct ListRequest {
    /// What they must fulfil.
    pub filter: Filter,
    /// The logs to look in.
    pub logs: Vec<Log>,
    /// Which end to begin at.
    pub order: Order,
    /// Most rows of a page.
    pub limit: usize,
    /// Where the page before ended; see [`Position::from_token`].
    pub after: Option<Position>,
}

/// One page of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The rows, in order. They belong to the view the list was made from.
    pub rows: Vec<RowRef>,
    /// Where to continue; `None` where this is all.
    pub next: Option<Position>,
}

/// Most rows of one page, whatever is asked for.
pub const PAGE_ROWS_MAX: usize = 100_000;

impl Engine {
    /// One page of the events a filter finds, replaced revisions left out (PAGE-1, see
    /// [`crate::cursor`]). Without a filter this reads little more than the page.
    pub fn list(
        &self,
        view: &View,
        request: &ListRequest,
        budget: &Budget,
    ) -> Result<Page, QueryError> {
        Seen::all(self, view).list(request, budget)
    }

    /// How many events a filter finds, replaced revisions left out. Exact.
    pub fn count(
        &self,
        view: &View,
        filter: &Filter,
        logs: &[Log],
        budget: &Budget,
    ) -> Result<u64, QueryError> {
        Seen::all(self, view).count(filter, logs, budget)
    }
}

impl Seen<'_> {
    pub(crate) fn list(self, request: &ListRequest, budget: &Budget) -> Result<Page, QueryError> {
        let meter = Meter::start(budget);
        let mut plan = Plan::new(self, &request.filter, &request.logs, &meter)?;
        if let Some(after) = request.after {
            match request.order {
                Order::NewestFirst => plan.to = plan.to.min(after.created.micros),
                Order::OldestFirst => plan.from = plan.from.max(after.created.micros),
            }
        }
        let scan = Scan { view: self.view, plan: &plan, meter: &meter };
        scan.list(request.order, request.after, 0, request.limit)
    }

    pub(crate) fn count(
        self,
        filter: &Filter,
        logs: &[Log],
        budget: &Budget,
    ) -> Result<u64, QueryError> {
        let (view, meter) = (self.view, Meter::start(budget));
        let plan = Plan::new(self, filter, logs, &meter)?;
        let scan = Scan { view, plan: &plan, meter: &meter };
        let (mut whole, mut partial) = (0, Vec::new());
        for (index, chunk) in view.chunks.iter().enumerate() {
            if !plan.may_match(chunk)? {
                continue;
            }
            let inside = plan.from <= chunk.min_micros() && chunk.max_micros() <= plan.to;
            if plan.is_plain() && inside {
                whole += chunk.live_rows() as u64;
            } else {
                partial.push(index);
            }
        }
        let counts = scan.parallel(
            &partial,
            self.engine.options,
            || 0_u64,
            |sum, block| {
                *sum += block.count() as u64;
                Ok(())
            },
        )?;
        Ok(whole + counts.iter().sum::<u64>())
    }
}

impl Scan<'_> {
    /// The first rows of a list, some of them skipped.
    pub(crate) fn list(
        &self,
        order: Order,
        after: Option<Position>,
        skip: usize,
        limit: usize,
    ) -> Result<Page, QueryError> {
        let limit = limit.clamp(1, PAGE_ROWS_MAX).saturating_add(skip);
        let mut best = Best { order, after, limit, found: Vec::new(), worst_micros: None };
        let chunks = &self.view.chunks;
        let mut indexes: Vec<usize> = (0..chunks.len()).collect();
        if order == Order::OldestFirst {
            indexes.sort_by_key(|&index| chunks[index].min_micros());
        }
        for index in indexes {
            let chunk = &chunks[index];
            let first = match order {
                Order::NewestFirst => chunk.max_micros(),
                Order::OldestFirst => chunk.min_micros(),
            };
            // Chunks come in the order of their first row: no later one can be better either.
            if best.is_beaten_by(first) {
                break;
            }
            if self.plan.may_match(chunk)? {
                let columns = Columns::new(chunk, index as u32);
                best.take_chunk(self, &columns)?;
            }
            self.meter.check()?;
        }
        Ok(best.page(skip))
    }
}

/// The best rows found so far: one more than the page, to know whether there is another.
struct Best {
    order: Order,
    after: Option<Position>,
    limit: usize,
    found: Vec<(Position, RowRef)>,
    /// The time of the last row, once there are enough.
    worst_micros: Option<i64>,
}

impl Best {
    /// Is a row at this time, or one further on, too late for the page?
    fn is_beaten_by(&self, micros: i64) -> bool {
        self.worst_micros.is_some_and(|worst| match self.order {
            Order::NewestFirst => micros < worst,
            Order::OldestFirst => micros > worst,
        })
    }

    /// Takes the rows of a chunk that are good enough.
    fn take_chunk(&mut self, scan: &Scan<'_>, columns: &Columns<'_>) -> Result<(), QueryError> {
        let range = scan.range(columns)?;
        let blocks: Vec<usize> = range.clone().step_by(BLOCK_ROWS).collect();
        let mut taken = Taken::default();
        for number in 0..blocks.len() {
            let start = match self.order {
                Order::NewestFirst => blocks[number],
                Order::OldestFirst => blocks[blocks.len() - 1 - number],
            };
            let end = range.end.min(start + BLOCK_ROWS);
            let created = columns.created()?;
            let first = match self.order {
                Order::NewestFirst => created[start],
                Order::OldestFirst => created[end - 1],
            };
            if self.is_beaten_by(first) || taken.is_enough(self.limit, first) {
                break;
            }
            let mask = scan.mask(columns, start..end)?;
            match self.order {
                Order::NewestFirst => {
                    let rows = bits(&mask).map(|bit| start + bit);
                    self.take_rows(scan.view, columns, &mut taken, rows)?;
                }
                Order::OldestFirst => {
                    let rows: Vec<usize> = bits(&mask).map(|bit| start + bit).collect();
                    self.take_rows(scan.view, columns, &mut taken, rows.into_iter().rev())?;
                }
            }
        }
        match self.order {
            Order::NewestFirst => self.found.sort_unstable_by_key(|found| Reverse(found.0)),
            Order::OldestFirst => self.found.sort_unstable_by_key(|found| found.0),
        }
        self.found.truncate(self.limit + 1);
        let worst = self.found.get(self.limit);
        self.worst_micros = worst.map(|(position, _)| position.created.micros);
        Ok(())
    }

    fn take_rows(
        &mut self,
        view: &View,
        columns: &Columns<'_>,
        taken: &mut Taken,
        rows: impl Iterator<Item = usize>,
    ) -> Result<(), QueryError> {
        let created = columns.created()?;
        for row in rows {
            let micros = created[row];
            if taken.is_enough(self.limit, micros) || self.is_beaten_by(micros) {
                break;
            }
            let position = columns.position(row, view.entities(Group::Source))?;
            let passed = self.after.is_some_and(|after| match self.order {
                Order::NewestFirst => position >= after,
                Order::OldestFirst => position <= after,
            });
            if !passed {
                self.found.push((position, columns.row_ref(row)));
                taken.count += 1;
                taken.last_micros = micros;
            }
        }
        Ok(())
    }

    fn page(mut self, skip: usize) -> Page {
        let more = self.found.len() > self.limit;
        self.found.truncate(self.limit);
        let next = self.found.last().filter(|_| more).map(|(position, _)| *position);
        Page { rows: self.found.into_iter().skip(skip).map(|(_, row)| row).collect(), next }
    }
}

/// Rows taken from one chunk.
#[derive(Default)]
struct Taken {
    count: usize,
    last_micros: i64,
}

impl Taken {
    /// Rows of a chunk are in order of time, so a full page of them is enough; but rows of one
    /// microsecond may be out of the order of the list, so these are taken together.
    fn is_enough(&self, limit: usize, micros: i64) -> bool {
        self.count > limit && micros != self.last_micros
    }
}
