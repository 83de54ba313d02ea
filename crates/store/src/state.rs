//! What the writer knows: entities, chunks, and batches on their way to the disk.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use durward_model::Id;
use durward_model::time::SECOND_MICROS;
use hashbrown::{HashMap, HashSet};

use crate::append::Absorbed;
use crate::chunk::{Body, Chunk};
use crate::entities::Entities;
use crate::error::StoreError;
use crate::merge::{self, Origin};
use crate::view::View;

/// A row, by the chunk's uid.
pub(crate) type Mark = (u64, u32);

/// Hot chunks of one log and size class are merged once there are this many, so that a view stays
/// short however small the batches are.
const MERGE_FAN_IN: usize = 12;
/// Hot chunks with more rows are left alone.
const MERGE_ROWS_MAX: usize = 65_536;

/// How old the oldest record is (`createdDateTime`, µs) that joined the view or changed in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Joined {
    /// Of the four sign-in logs.
    pub sign_in_micros: Option<i64>,
    /// Of the other logs.
    pub other_micros: Option<i64>,
}

/// A batch that is in the write-ahead log's queue but not yet durable, so not yet visible.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) position: u64,
    pub(crate) chunks: Vec<Arc<Chunk>>,
    /// Rows, here or in visible chunks, that rows of this batch replace.
    pub(crate) marks: Vec<Mark>,
    /// Positions of batches before it that were still on their way when it was compared with them.
    pub(crate) relies_on: BTreeSet<u64>,
    /// What became of it, once that is known.
    pub(crate) durable: Option<bool>,
    /// A batch it relies on was refused: what it was compared with is not there.
    pub(crate) baseless: bool,
}

/// The writer's state; one lock protects all of it.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) entities: Entities,
    /// Keys below these are in the `entities` table.
    pub(crate) entities_sealed: [usize; durward_model::field::GROUP_COUNT],
    pub(crate) hot: Vec<Arc<Chunk>>,
    pub(crate) sealed: Vec<Arc<Chunk>>,
    pub(crate) pending: VecDeque<Pending>,
    /// Marks of pending batches, for quick look-up.
    pub(crate) pending_marks: HashSet<Mark>,
    /// How many rows that are not sealed have each identifier.
    pub(crate) tail_ids: HashMap<Id, u32>,
    /// Positions of batches that were refused after they were queued.
    pub(crate) failed: VecDeque<u64>,
    pub(crate) hot_bytes: usize,
    /// When the oldest visible hot chunk became visible.
    pub(crate) hot_since: Option<std::time::Instant>,
    /// Chunks that are being sealed: they stay as they are until that is done.
    pub(crate) sealing: HashSet<u64>,
    pub(crate) version: u64,
    /// What became visible since somebody last asked.
    pub(crate) joined: Joined,
}

impl State {
    /// Rows that are not sealed yet and visible.
    pub(crate) fn hot_rows(&self) -> usize {
        self.hot.iter().map(|chunk| chunk.rows).sum()
    }

    /// All chunks, visible or not.
    pub(crate) fn all_chunks(&self) -> impl Iterator<Item = &Arc<Chunk>> {
        let pending = self.pending.iter().flat_map(|pending| &pending.chunks);
        self.hot.iter().chain(&self.sealed).chain(pending)
    }

    /// Is the row the latest of its event, as far as is known?
    pub(crate) fn is_live(&self, chunk: &Chunk, row: u32) -> bool {
        chunk.superseded().is_none_or(|gone| !gone.contains(row))
            && !self.pending_marks.contains(&(chunk.uid, row))
    }

    /// Queues a batch at the position the log gave it.
    pub(crate) fn queue(&mut self, position: u64, absorbed: Absorbed) {
        let Absorbed { chunks, marks, relies_on, .. } = absorbed;
        let mut queued = Vec::with_capacity(chunks.len());
        for mut chunk in chunks {
            if let Body::Hot { position: place, .. } = &mut chunk.body {
                *place = position;
            }
            self.add_tail_ids(&chunk);
            self.hot_bytes += hot_bytes(&chunk);
            queued.push(Arc::new(chunk));
        }
        self.pending_marks.extend(marks.iter().copied());
        let (durable, baseless) = (None, false);
        let pending = Pending { position, chunks: queued, marks, relies_on, durable, baseless };
        self.pending.push_back(pending);
    }

    /// Notes what became of a queued batch, and makes every batch visible that has no undecided
    /// one before it. Gives whether anything became visible.
    ///
    /// A batch that was compared with rows of a refused one is refused with it, durable or not: it
    /// may call known what is not here, or leave two rows of one event in sight. If it is found
    /// again in the log, it is compared anew.
    pub(crate) fn settle(&mut self, position: u64, durable: bool) -> bool {
        if let Some(pending) = self.pending.iter_mut().find(|p| p.position == position) {
            pending.durable = Some(durable);
        }
        let mut changed = false;
        while let Some(durable) = self.pending.front().and_then(|pending| pending.durable) {
            let Some(pending) = self.pending.pop_front() else { break };
            for mark in &pending.marks {
                self.pending_marks.remove(mark);
            }
            if durable && !pending.baseless {
                changed = true;
                self.hot_since.get_or_insert_with(std::time::Instant::now);
                self.note_joined(&pending.chunks);
                self.hot.extend(pending.chunks);
                self.mark(&pending.marks);
            } else {
                self.discard(&pending);
            }
        }
        if changed && let Err(error) = self.merge_small_hot() {
            // The rows are durable and visible; only the view is longer than it could be.
            tracing::error!(%error, "rows in memory cannot be merged");
        }
        changed
    }

    /// A row that a new one replaces may be a second older (see [`crate::tail::same_time`]).
    fn note_joined(&mut self, chunks: &[Arc<Chunk>]) {
        for chunk in chunks.iter().filter(|chunk| chunk.rows > 0) {
            let joined = match chunk.log.is_sign_in() {
                true => &mut self.joined.sign_in_micros,
                false => &mut self.joined.other_micros,
            };
            let oldest = chunk.min_micros.saturating_sub(SECOND_MICROS);
            *joined = Some(joined.map_or(oldest, |known| known.min(oldest)));
        }
    }

    /// Forgets a refused batch, and marks of later batches on its rows.
    fn discard(&mut self, refused: &Pending) {
        for pending in &mut self.pending {
            pending.baseless |= pending.relies_on.contains(&refused.position);
        }
        for chunk in &refused.chunks {
            self.forget_tail_ids(chunk);
            self.hot_bytes = self.hot_bytes.saturating_sub(hot_bytes(chunk));
            self.pending_marks.retain(|(uid, _)| *uid != chunk.uid);
            for pending in &mut self.pending {
                pending.marks.retain(|(uid, _)| *uid != chunk.uid);
            }
        }
        self.failed.push_back(refused.position);
        // Whoever sent it asks within moments; a thousand refusals later nobody does.
        if self.failed.len() > 1000 {
            self.failed.pop_front();
        }
    }

    /// Marks visible rows as superseded.
    pub(crate) fn mark(&mut self, marks: &[Mark]) {
        let mut by_chunk: HashMap<u64, Vec<u32>> = HashMap::new();
        for &(uid, row) in marks {
            by_chunk.entry(uid).or_default().push(row);
        }
        for chunk in self.hot.iter_mut().chain(&mut self.sealed) {
            if let Some(rows) = by_chunk.remove(&chunk.uid) {
                *chunk = Arc::new(chunk.with_superseded(rows));
            }
        }
        assert!(by_chunk.is_empty(), "REV-1: a replaced row is in a chunk that readers see");
    }

    /// Removes sealed chunks, and what pending batches were about to mark in them.
    pub(crate) fn remove_sealed(&mut self, gone: impl Fn(&Chunk) -> bool) {
        let uids: HashSet<u64> =
            self.sealed.iter().filter(|chunk| gone(chunk)).map(|chunk| chunk.uid).collect();
        self.sealed.retain(|chunk| !uids.contains(&chunk.uid));
        self.pending_marks.retain(|(uid, _)| !uids.contains(uid));
        for pending in &mut self.pending {
            pending.marks.retain(|(uid, _)| !uids.contains(uid));
        }
    }

    /// A new view of everything visible.
    pub(crate) fn view(&mut self) -> View {
        self.version += 1;
        let chunks = self.hot.iter().chain(&self.sealed).cloned().collect();
        View::new(chunks, self.entities.snapshot(), self.version)
    }

    pub(crate) fn add_tail_ids(&mut self, chunk: &Chunk) {
        for id in ids_of(chunk) {
            *self.tail_ids.entry(id).or_default() += 1;
        }
    }

    pub(crate) fn forget_tail_ids(&mut self, chunk: &Chunk) {
        for id in ids_of(chunk) {
            if let hashbrown::hash_map::Entry::Occupied(mut entry) = self.tail_ids.entry(id) {
                *entry.get_mut() -= 1;
                if *entry.get() == 0 {
                    entry.remove();
                }
            }
        }
    }

    /// Rows that replaced chunks had marked, by their place among the replacing chunks.
    /// `origins[i]` says where each row of the i-th new chunk was: index into `old`, row.
    pub(crate) fn carry_marks(
        &mut self,
        old: &[Arc<Chunk>],
        new: Vec<Chunk>,
        origins: &[&[Origin]],
    ) -> Vec<Arc<Chunk>> {
        // Marks may have come while the new chunks were written: take the current copies.
        let uids: HashSet<u64> = old.iter().map(|chunk| chunk.uid).collect();
        let current: HashMap<u64, Arc<Chunk>> = self
            .all_chunks()
            .filter(|chunk| uids.contains(&chunk.uid))
            .map(|chunk| (chunk.uid, chunk.clone()))
            .collect();
        let old: Vec<Arc<Chunk>> =
            old.iter().map(|chunk| current.get(&chunk.uid).unwrap_or(chunk).clone()).collect();
        let any = old.iter().any(|chunk| {
            chunk.superseded.is_some()
                || self.pending_marks.iter().any(|(uid, _)| *uid == chunk.uid)
        });
        if !any {
            return new.into_iter().map(Arc::new).collect();
        }
        let mut moved: HashMap<Mark, Mark> = HashMap::new();
        let mut carried = Vec::with_capacity(new.len());
        for (chunk, origins) in new.into_iter().zip(origins) {
            let mut marked = Vec::new();
            for (row, &(source, old_row)) in origins.iter().enumerate() {
                let source = &old[source];
                if source.superseded().is_some_and(|gone| gone.contains(old_row as u32)) {
                    marked.push(row as u32);
                }
                if self.pending_marks.contains(&(source.uid, old_row as u32)) {
                    moved.insert((source.uid, old_row as u32), (chunk.uid, row as u32));
                }
            }
            carried.push(Arc::new(chunk.with_superseded(marked)));
        }
        for pending in &mut self.pending {
            for mark in &mut pending.marks {
                if let Some(place) = moved.get(mark) {
                    *mark = *place;
                }
            }
        }
        for (from, to) in moved {
            self.pending_marks.remove(&from);
            self.pending_marks.insert(to);
        }
        carried
    }

    /// Merges small hot chunks, a size class at a time.
    fn merge_small_hot(&mut self) -> Result<(), StoreError> {
        loop {
            let mut classes: HashMap<(u8, u32), Vec<usize>> = HashMap::new();
            for (index, chunk) in self.hot.iter().enumerate() {
                if chunk.rows <= MERGE_ROWS_MAX && !self.sealing.contains(&chunk.uid) {
                    let class = chunk.rows.max(1).ilog2() / 3;
                    classes.entry((chunk.log as u8, class)).or_default().push(index);
                }
            }
            let Some(members) = classes.into_values().find(|m| m.len() >= MERGE_FAN_IN) else {
                return Ok(());
            };
            let old: Vec<Arc<Chunk>> = members.iter().map(|&i| self.hot[i].clone()).collect();
            let sources: Vec<&Chunk> = old.iter().map(|chunk| &**chunk).collect();
            let origins = merge::order(&sources)?;
            let batches: Result<Vec<_>, _> = sources.iter().map(|c| merge::batch_of(c)).collect();
            let merged = merge::gather(&batches?, &origins)?;
            let position = old.iter().map(|chunk| position_of(chunk)).max().unwrap_or(0);
            let chunk = Chunk::hot(old[0].log, merged, position)?;
            let freed: usize = old.iter().map(|chunk| hot_bytes(chunk)).sum();
            self.hot_bytes = (self.hot_bytes + hot_bytes(&chunk)).saturating_sub(freed);
            let new = self.carry_marks(&old, vec![chunk], &[&origins]);
            let gone: HashSet<u64> = old.iter().map(|chunk| chunk.uid).collect();
            self.hot.retain(|chunk| !gone.contains(&chunk.uid));
            self.hot.extend(new);
        }
    }
}

/// The log position up to which a hot chunk's rows are in the write-ahead log.
pub(crate) fn position_of(chunk: &Chunk) -> u64 {
    match &chunk.body {
        Body::Hot { position, .. } => *position,
        Body::Sealed { .. } => 0,
    }
}

/// Memory of a hot chunk, in bytes.
pub(crate) fn hot_bytes(chunk: &Chunk) -> usize {
    match &chunk.body {
        // The identifiers' index is part of what a hot row costs.
        Body::Hot { batch, .. } => batch.get_array_memory_size() + 40 * batch.num_rows(),
        Body::Sealed { .. } => 0,
    }
}

fn ids_of(chunk: &Chunk) -> Vec<Id> {
    use arrow_array::cast::AsArray;
    let Body::Hot { batch, .. } = &chunk.body else { return Vec::new() };
    let ids = batch.column(crate::schema::Column::Id as usize).as_fixed_size_binary();
    ids.iter().flatten().filter_map(|bytes| bytes.try_into().ok().map(Id)).collect()
}

#[cfg(test)]
mod tests {
    use durward_model::batch::EventBatch;
    use durward_model::{Cell, FieldId, Row, Timestamp};

    use super::*;

    /// One record of one event: `code` is its content, `published` decides what is latest.
    fn record(code: i64, published_micros: i64) -> EventBatch {
        let mut row = Row::default();
        row.set(FieldId::Id, Cell::text("event"));
        row.set(FieldId::CreatedDateTime, Cell::Time(Timestamp::from_micros(1_000_000)));
        let published = Cell::Time(Timestamp::from_micros(published_micros));
        row.set(FieldId::PublishedDateTime, published);
        row.set(FieldId::ErrorCode, Cell::Int(code));
        let mut batch = EventBatch::default();
        batch.push(&row, Timestamp::default());
        batch
    }

    fn queue(state: &mut State, position: u64, batch: &EventBatch) -> (u64, u64, u64) {
        let absorbed = state.absorb(batch).expect("nothing is read from a disk");
        let total = absorbed.counts.total();
        state.queue(position, absorbed);
        (total.new, total.known, total.revised)
    }

    /// Positions of the batches in sight, and how many rows are the latest of their event.
    fn in_sight(state: &State) -> (Vec<u64>, usize) {
        let positions = state.hot.iter().map(|chunk| position_of(chunk)).collect();
        (positions, state.hot.iter().map(|chunk| chunk.live_rows()).sum())
    }

    #[test]
    fn what_was_compared_with_a_refused_batch_is_refused_with_it() {
        let mut state = State::default();
        assert_eq!(queue(&mut state, 1, &record(1, 10)), (1, 0, 0));
        assert!(state.settle(1, true));
        // A revision on its way, a later and an earlier one compared with it, and the same again.
        assert_eq!(queue(&mut state, 2, &record(2, 20)), (0, 0, 1));
        assert_eq!(queue(&mut state, 3, &record(3, 30)), (0, 0, 1));
        assert_eq!(queue(&mut state, 4, &record(4, 15)), (0, 0, 1));
        assert_eq!(queue(&mut state, 5, &record(2, 20)), (0, 1, 0));
        assert!(!state.settle(5, true), "batches become visible in order");
        assert!(!state.settle(2, false));
        for position in [3, 4] {
            assert!(!state.settle(position, true), "batch {position} rests on nothing");
        }
        assert_eq!(in_sight(&state), (vec![1], 1));
        assert_eq!(state.failed, [2, 3, 4, 5]);
        assert!(state.pending.is_empty() && state.pending_marks.is_empty());
        assert_eq!(state.tail_ids.values().sum::<u32>(), 1);
        let held: usize = state.hot.iter().map(|chunk| hot_bytes(chunk)).sum();
        assert_eq!(state.hot_bytes, held);
        // Sent again they are compared with what is there.
        assert_eq!(queue(&mut state, 6, &record(3, 30)), (0, 0, 1));
        assert!(state.settle(6, true));
        assert_eq!(in_sight(&state), (vec![1, 6], 1));
    }

    #[test]
    fn a_batch_that_was_compared_with_durable_rows_only_does_not_mind_a_refusal() {
        let mut state = State::default();
        queue(&mut state, 1, &record(1, 10));
        state.settle(1, true);
        let mut other = record(2, 20);
        other.columns.created[0] = Timestamp::from_micros(10_000_000);
        queue(&mut state, 2, &other);
        assert_eq!(queue(&mut state, 3, &record(1, 40)), (0, 1, 0), "as batch 1 says");
        assert_eq!(queue(&mut state, 4, &record(5, 50)), (0, 0, 1));
        assert!(!state.settle(2, false));
        state.settle(3, true);
        assert!(state.settle(4, true));
        assert_eq!(in_sight(&state), (vec![1, 4], 1));
        assert_eq!(state.failed, [2]);
    }
}
