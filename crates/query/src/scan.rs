//! Running a plan over the chunks of a view.
//!
//! Rows are looked at in blocks. A block is a bit mask with one bit a row, narrowed by one test
//! after the other; tests later in the plan only look at rows that are still in. Replaced
//! revisions are never in.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::Array;
use durward_model::{FieldId, Id, Timestamp};
use durward_store::View;

use crate::budget::Meter;
use crate::columns::Columns;
use crate::engine::EngineOptions;
use crate::error::QueryError;
use crate::keyset::{KeySet, narrow_by};
use crate::matcher::Predicate;
use crate::plan::{Node, Plan};
use crate::scalar::{Scalar, in_ranges};

/// Rows looked at in one go.
pub(crate) const BLOCK_ROWS: usize = 8192;
/// Events read in one go where only whole events tell.
const EVENTS_AT_ONCE: usize = 1024;

/// All of time, µs.
const EVER: (i64, i64) = (i64::MIN, i64::MAX);

/// One block of one chunk, and which of its rows match.
pub(crate) struct Block<'a> {
    pub(crate) columns: &'a Columns<'a>,
    /// The row of the chunk that bit 0 stands for.
    pub(crate) start: usize,
    pub(crate) mask: &'a [u64],
}

impl Block<'_> {
    /// The matching rows, by their numbers in the chunk, ascending.
    pub(crate) fn rows(&self) -> impl Iterator<Item = usize> {
        bits(self.mask).map(|bit| self.start + bit)
    }

    /// How many rows match.
    pub(crate) fn count(&self) -> usize {
        self.mask.iter().map(|word| word.count_ones() as usize).sum()
    }
}

/// The numbers of the set bits, ascending.
pub(crate) fn bits(mask: &[u64]) -> impl Iterator<Item = usize> {
    mask.iter().enumerate().flat_map(|(index, &word)| {
        let mut rest = word;
        std::iter::from_fn(move || {
            let bit = (rest != 0).then(|| rest.trailing_zeros() as usize)?;
            rest &= rest - 1;
            Some(index * 64 + bit)
        })
    })
}

/// A plan at work on a view.
pub(crate) struct Scan<'a> {
    pub(crate) view: &'a View,
    pub(crate) plan: &'a Plan<'a>,
    pub(crate) meter: &'a Meter<'a>,
}

impl Scan<'_> {
    /// The rows of a chunk within the plan's range of time.
    pub(crate) fn range(&self, columns: &Columns<'_>) -> Result<Range<usize>, QueryError> {
        self.range_within(columns, EVER)
    }

    /// The rows of a chunk within the plan's range of time and another (µs, both ends included).
    fn range_within(
        &self,
        columns: &Columns<'_>,
        (from, to): (i64, i64),
    ) -> Result<Range<usize>, QueryError> {
        let (from, to) = (from.max(self.plan.from), to.min(self.plan.to));
        let chunk = columns.chunk;
        let (mut start, mut end) = (0, chunk.rows());
        if chunk.max_micros() > to {
            start = columns.created()?.partition_point(|&micros| micros > to);
        }
        if chunk.min_micros() < from {
            end = columns.created()?.partition_point(|&micros| micros >= from);
        }
        Ok(start..end.max(start))
    }

    /// Which of the rows from `rows.start` on match: at most [`BLOCK_ROWS`].
    pub(crate) fn mask(
        &self,
        columns: &Columns<'_>,
        rows: Range<usize>,
    ) -> Result<Vec<u64>, QueryError> {
        debug_assert!(rows.len() <= BLOCK_ROWS);
        self.meter.spend(rows.len())?;
        let mut mask = vec![u64::MAX; rows.len().div_ceil(64)];
        if let (Some(last), tail @ 1..) = (mask.last_mut(), rows.len() % 64) {
            *last = (1 << tail) - 1;
        }
        if let Some(superseded) = columns.chunk.superseded() {
            for row in superseded.range(rows.start as u32..rows.end as u32) {
                let bit = row as usize - rows.start;
                mask[bit / 64] &= !(1 << (bit % 64));
            }
        }
        self.narrow(&self.plan.root, columns, &rows, &mut mask)?;
        Ok(mask)
    }

    /// Calls `visit` with every block of a chunk in which rows match, newest first; only rows
    /// within a range of time (µs, both ends included).
    pub(crate) fn chunk(
        &self,
        index: usize,
        within: (i64, i64),
        visit: &mut dyn FnMut(&Block<'_>) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let chunk = &self.view.chunks[index];
        if !self.plan.may_match(chunk)? {
            return Ok(());
        }
        let columns = Columns::new(chunk, index as u32);
        let range = self.range_within(&columns, within)?;
        for start in range.clone().step_by(BLOCK_ROWS) {
            let rows = start..range.end.min(start + BLOCK_ROWS);
            let mask = self.mask(&columns, rows)?;
            if mask.iter().any(|&word| word != 0) {
                visit(&Block { columns: &columns, start, mask: &mask })?;
            }
        }
        Ok(())
    }

    /// Visits every block of the given chunks with matching rows, on several threads if there is
    /// enough to do. Each thread has a state of its own; all of them are given back.
    pub(crate) fn parallel<S: Send>(
        &self,
        chunks: &[usize],
        options: EngineOptions,
        make: impl Fn() -> S + Sync,
        visit: impl Fn(&mut S, &Block<'_>) -> Result<(), QueryError> + Sync,
    ) -> Result<Vec<S>, QueryError> {
        self.parallel_within(chunks, EVER, options, make, visit)
    }

    /// Like [`Scan::parallel`], only rows within a range of time (µs, both ends included).
    pub(crate) fn parallel_within<S: Send>(
        &self,
        chunks: &[usize],
        within: (i64, i64),
        options: EngineOptions,
        make: impl Fn() -> S + Sync,
        visit: impl Fn(&mut S, &Block<'_>) -> Result<(), QueryError> + Sync,
    ) -> Result<Vec<S>, QueryError> {
        let rows = chunks.iter().map(|&index| self.view.chunks[index].rows()).sum();
        in_parallel(chunks.len(), rows, options, make, |state, number| {
            self.chunk(chunks[number], within, &mut |block| visit(state, block))
        })
    }

    fn narrow(
        &self,
        node: &Node<'_>,
        columns: &Columns<'_>,
        rows: &Range<usize>,
        mask: &mut [u64],
    ) -> Result<(), QueryError> {
        if mask.iter().all(|&word| word == 0) {
            return Ok(());
        }
        match node {
            Node::Const(true) => {}
            Node::Const(false) => mask.fill(0),
            Node::Log(bits) => {
                if bits & (1 << columns.chunk.log() as u8) == 0 {
                    mask.fill(0);
                }
            }
            Node::And(these) => {
                for one in these {
                    self.narrow(one, columns, rows, mask)?;
                }
            }
            Node::Or(these) => {
                let mut rest = mask.to_vec();
                for one in these {
                    let mut found = rest.clone();
                    self.narrow(one, columns, rows, &mut found)?;
                    rest.iter_mut().zip(&found).for_each(|(rest, found)| *rest &= !found);
                }
                mask.iter_mut().zip(&rest).for_each(|(mask, rest)| *mask &= !rest);
            }
            Node::Not(inner) => {
                let mut found = mask.to_vec();
                self.narrow(inner, columns, rows, &mut found)?;
                mask.iter_mut().zip(&found).for_each(|(mask, found)| *mask &= !found);
            }
            Node::Keys { view, group, set, predicate } => {
                let keys = &columns.keys(*group)?[rows.clone()];
                if set.has_unknown() {
                    self.ask_events((*view, set, predicate), keys, columns, rows, mask)?;
                } else {
                    set.narrow(keys, mask, false);
                }
            }
            Node::Row { field, test } => narrow_row(*field, test, columns, rows, mask)?,
        }
        Ok(())
    }

    /// Like `KeySet::narrow`, reading the events where the entity alone does not tell.
    fn ask_events(
        &self,
        (view, set, predicate): (&View, &KeySet, &Predicate),
        keys: &[i32],
        columns: &Columns<'_>,
        rows: &Range<usize>,
        mask: &mut [u64],
    ) -> Result<(), QueryError> {
        set.narrow(keys, mask, true);
        let mut certain = mask.to_vec();
        set.narrow(keys, &mut certain, false);
        let open: Vec<u64> = mask.iter().zip(&certain).map(|(all, yes)| all & !yes).collect();
        let open: Vec<usize> = bits(&open).collect();
        for some in open.chunks(EVENTS_AT_ONCE) {
            self.meter.check()?;
            let refs: Vec<_> = some.iter().map(|bit| columns.row_ref(rows.start + bit)).collect();
            for (event, bit) in view.events(&refs)?.iter().zip(some) {
                if !predicate.matches(event) {
                    mask[bit / 64] &= !(1 << (bit % 64));
                }
            }
        }
        Ok(())
    }
}

/// Does numbered pieces of work, on several threads if the rows they look at are worth it. Each
/// thread has a state of its own; all of them are given back.
pub(crate) fn in_parallel<S: Send>(
    pieces: usize,
    rows: usize,
    options: EngineOptions,
    make: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize) -> Result<(), QueryError> + Sync,
) -> Result<Vec<S>, QueryError> {
    let worth = rows.div_ceil(options.rows_a_thread.max(1));
    let threads = options.threads.min(pieces).min(worth).max(1);
    let next = AtomicUsize::new(0);
    let run = || {
        let mut state = make();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= pieces {
                return Ok(state);
            }
            work(&mut state, number)?;
        }
    };
    if threads == 1 {
        return run().map(|state| vec![state]);
    }
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        let mut states = vec![run()];
        for other in others {
            // A panic is a bug and goes on in the thread that asked.
            states.push(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        states.into_iter().collect()
    })
}

/// Tests a value that is stored with the event.
fn narrow_row(
    field: FieldId,
    test: &Scalar,
    columns: &Columns<'_>,
    rows: &Range<usize>,
    mask: &mut [u64],
) -> Result<(), QueryError> {
    match field {
        FieldId::CreatedDateTime => {
            let created = columns.created()?;
            let nanos = columns.nanos()?;
            narrow_rows(mask, |bit| {
                let row = rows.start + bit;
                let time = Timestamp { micros: created[row], nanos: nanos[row] as u16 };
                Ok(time_matches(test, Some(time)))
            })
        }
        FieldId::PublishedDateTime | FieldId::ReceivedDateTime => {
            let published = field == FieldId::PublishedDateTime;
            let chunk = columns.chunk;
            let times = if published { chunk.published()? } else { chunk.received()? };
            narrow_rows(mask, |bit| {
                let row = rows.start + bit;
                let time = times.is_valid(row).then(|| Timestamp::from_micros(times.value(row)));
                Ok(time_matches(test, time))
            })
        }
        FieldId::UniqueTokenIdentifier => narrow_rows(mask, |bit| {
            let token = columns.token(rows.start + bit)?;
            Ok(test.matches(
                &token.map_or(durward_model::Cell::Null, |t| durward_model::Cell::Text(t.into())),
            ))
        }),
        FieldId::ProcessingTimeInMilliseconds | FieldId::DurationMs => {
            let ints = columns.chunk.ints(field)?;
            narrow_rows(mask, |bit| {
                let row = rows.start + bit;
                let int = ints.is_valid(row).then(|| ints.value(row));
                Ok(match test {
                    Scalar::Empty => int.is_none(),
                    Scalar::Ints(ranges) => int.is_some_and(|int| in_ranges(ranges, &int)),
                    _ => false,
                })
            })
        }
        _ => narrow_ids(field, test, columns, rows, mask),
    }
}

fn narrow_ids(
    field: FieldId,
    test: &Scalar,
    columns: &Columns<'_>,
    rows: &Range<usize>,
    mask: &mut [u64],
) -> Result<(), QueryError> {
    let ids = columns.chunk.ids(field)?;
    let id = |row: usize| -> Option<Id> {
        ids.is_valid(row).then(|| ids.value(row).try_into().ok().map(Id)).flatten()
    };
    if let Scalar::Ids(these) = test
        && let (1, Some(only)) = (these.len(), these.iter().next())
    {
        // One identifier is the usual question, and a comparison of 16 bytes the answer.
        let range: Vec<[u8; 16]> = ids
            .value_data()
            .chunks_exact(16)
            .skip(rows.start)
            .take(rows.len())
            .map(|bytes| bytes.try_into().unwrap_or([0; 16]))
            .collect();
        narrow_by(&range, mask, |bytes| bytes == only.0);
        return narrow_rows(mask, |bit| Ok(ids.is_valid(rows.start + bit)));
    }
    let empty = Id::hash(b"");
    narrow_rows(mask, |bit| {
        let id = id(rows.start + bit);
        Ok(match test {
            Scalar::Empty => id.is_none_or(|id| id == empty),
            Scalar::Ids(these) => id.is_some_and(|id| these.contains(&id)),
            Scalar::IdPrefix(prefix) => {
                id.is_some_and(|id| id.to_string().starts_with(prefix.as_str()))
            }
            _ => false,
        })
    })
}

fn time_matches(test: &Scalar, time: Option<Timestamp>) -> bool {
    match test {
        Scalar::Empty => time.is_none(),
        Scalar::Times(ranges) => time.is_some_and(|time| in_ranges(ranges, &time)),
        _ => false,
    }
}

/// Keeps the bits for which the test holds; only looks at those that are set.
fn narrow_rows(
    mask: &mut [u64],
    test: impl Fn(usize) -> Result<bool, QueryError>,
) -> Result<(), QueryError> {
    for (index, word) in mask.iter_mut().enumerate() {
        let mut rest = *word;
        while rest != 0 {
            let bit = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            if !test(index * 64 + bit)? {
                *word &= !(1 << bit);
            }
        }
    }
    Ok(())
}
