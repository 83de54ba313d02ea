//! What the writer knows: entities, chunks, and batches on their way to the disk.

use std::collections::VecDeque;
use std::sync::Arc;

use durward_model::Id;
use hashbrown::{HashMap, HashSet};

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

/// A batch that is in the write-ahead log's queue but not yet durable, so not yet visible.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) position: u64,
    pub(crate) chunks: Vec<Arc<Chunk>>,
    /// Rows, here or in visible chunks, that rows of this batch replace.
    pub(crate) marks: Vec<Mark>,
    /// What became of it, once that is known.
    pub(crate) durable: Option<bool>,
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
    /// Positions of batches that the write-ahead log refused after they were queued.
    pub(crate) failed: VecDeque<u64>,
    pub(crate) hot_bytes: usize,
    /// When the oldest visible hot chunk became visible.
    pub(crate) hot_since: Option<std::time::Instant>,
    /// Chunks that are being sealed: they stay as they are until that is done.
    pub(crate) sealing: HashSet<u64>,
    pub(crate) version: u64,
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

    /// Queues an accepted batch at the position the log gave it.
    pub(crate) fn queue(&mut self, position: u64, chunks: Vec<Chunk>, marks: Vec<Mark>) {
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
        self.pending.push_back(Pending { position, chunks: queued, marks, durable: None });
    }

    /// Notes what became of a queued batch, and makes every batch visible that has no undecided
    /// one before it. Gives whether anything became visible.
    pub(crate) fn settle(&mut self, position: u64, durable: bool) -> Result<bool, StoreError> {
        if let Some(pending) = self.pending.iter_mut().find(|p| p.position == position) {
            pending.durable = Some(durable);
        }
        let mut changed = false;
        while let Some(durable) = self.pending.front().and_then(|pending| pending.durable) {
            let Some(pending) = self.pending.pop_front() else { break };
            for mark in &pending.marks {
                self.pending_marks.remove(mark);
            }
            if durable {
                changed = true;
                self.hot_since.get_or_insert_with(std::time::Instant::now);
                self.hot.extend(pending.chunks);
                self.mark(&pending.marks);
            } else {
                self.discard(&pending);
            }
        }
        if changed {
            self.merge_small_hot()?;
        }
        Ok(changed)
    }

    /// Forgets a batch that the log refused, and marks of later batches on its rows.
    fn discard(&mut self, refused: &Pending) {
        for chunk in &refused.chunks {
            self.forget_tail_ids(chunk);
            self.hot_bytes = self.hot_bytes.saturating_sub(hot_bytes(chunk));
            self.pending_marks.retain(|(uid, _)| *uid != chunk.uid);
            for pending in &mut self.pending {
                pending.marks.retain(|(uid, _)| *uid != chunk.uid);
            }
        }
        self.failed.push_back(refused.position);
        // Whoever relied on it asks within moments; a thousand refusals later nobody does.
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
        let current: HashMap<u64, Arc<Chunk>> =
            self.all_chunks().map(|chunk| (chunk.uid, chunk.clone())).collect();
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
