//! A view: everything readable at one moment.
//!
//! Readers take one view and work on it to the end. Appending, sealing and compacting make a new
//! view and swap it in whole, so that no event is ever in neither place or in both (VIEW-1).

use std::sync::Arc;

use durward_model::Event;
use durward_model::field::{GROUP_COUNT, Group, Log};
use hashbrown::HashSet;

use crate::chunk::{Body, Chunk};
use crate::entities::{EntitySnapshot, EntityTable};
use crate::error::StoreError;
use crate::rollup::Rollup;

/// A row of a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowRef {
    /// Position in [`View::chunks`].
    pub chunk: u32,
    /// Row within the chunk.
    pub row: u32,
}

/// Rollups with their log, and the positions of chunks that have to be counted row by row.
pub type RollupParts = (Vec<(Log, Arc<Rollup>)>, Vec<u32>);

/// Everything readable at one moment.
#[derive(Debug, Default)]
pub struct View {
    /// Newest `max_micros` first.
    pub chunks: Vec<Arc<Chunk>>,
    pub(crate) entities: EntitySnapshot,
    /// Counts up with every change.
    pub(crate) version: u64,
}

impl View {
    /// Puts chunks in order. `version` must be larger than that of the view it replaces.
    pub(crate) fn new(mut chunks: Vec<Arc<Chunk>>, entities: EntitySnapshot, version: u64) -> View {
        chunks.sort_by_key(|chunk| std::cmp::Reverse(chunk.max_micros));
        View { chunks, entities, version }
    }

    /// The entities of a group; every key in this view is among them.
    pub fn entities(&self, group: Group) -> &Arc<EntityTable> {
        &self.entities[group as usize]
    }

    /// The same rows with tables of other entities under the same keys, in the order of the
    /// groups. None of them may have fewer entities than the view's own.
    #[must_use]
    pub fn with_entities(&self, entities: [Arc<EntityTable>; GROUP_COUNT]) -> View {
        debug_assert!(entities.iter().zip(&self.entities).all(|(new, own)| new.len() >= own.len()));
        View { chunks: self.chunks.clone(), entities, version: self.version }
    }

    /// Counts up with every change to what a view shows.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Latest revisions in these logs.
    pub fn live_rows(&self, logs: &[Log]) -> u64 {
        let chunks = self.chunks.iter().filter(|chunk| logs.contains(&chunk.log));
        chunks.map(|chunk| chunk.live_rows() as u64).sum()
    }

    /// One event.
    pub fn event(&self, at: RowRef) -> Result<Event, StoreError> {
        let chunk = &self.chunks[at.chunk as usize];
        let mut events = chunk.events(&[at.row], &self.entities)?;
        assert_eq!(events.len(), 1, "one row is one event");
        Ok(events.remove(0))
    }

    /// Several events, in the order asked for.
    pub fn events(&self, at: &[RowRef]) -> Result<Vec<Event>, StoreError> {
        let mut order: Vec<usize> = (0..at.len()).collect();
        order.sort_unstable_by_key(|&index| at[index]);
        let mut found: Vec<Option<Event>> = vec![None; at.len()];
        for group in order.chunk_by(|&a, &b| at[a].chunk == at[b].chunk) {
            let chunk = &self.chunks[at[group[0]].chunk as usize];
            let mut rows: Vec<u32> = group.iter().map(|&index| at[index].row).collect();
            rows.dedup();
            let events = chunk.events(&rows, &self.entities)?;
            for &index in group {
                let place = rows.partition_point(|&row| row < at[index].row);
                found[index] = events.get(place).cloned();
            }
        }
        Ok(found.into_iter().flatten().collect())
    }

    /// Hourly counts of the sealed files of these logs that lie wholly or partly between two
    /// instants (µs), and the chunks that rollups do not cover, by position: these have to be
    /// counted row by row.
    pub fn rollups(
        &self,
        logs: &[Log],
        from_micros: i64,
        to_micros: i64,
    ) -> Result<RollupParts, StoreError> {
        // Files of which a row was replaced by a later revision: their rollup counts too much.
        let revised: HashSet<u64> = self
            .chunks
            .iter()
            .filter(|chunk| chunk.superseded.is_some())
            .filter_map(|chunk| match &chunk.body {
                Body::Sealed { file, .. } => Some(file.number),
                Body::Hot { .. } => None,
            })
            .collect();
        let (mut rollups, mut rest) = (Vec::new(), Vec::new());
        let mut seen: HashSet<u64> = HashSet::new();
        for (index, chunk) in self.chunks.iter().enumerate() {
            let outside = chunk.max_micros < from_micros || chunk.min_micros >= to_micros;
            if outside || !logs.contains(&chunk.log) {
                continue;
            }
            match &chunk.body {
                Body::Sealed { file, .. } if !revised.contains(&file.number) => {
                    if seen.insert(file.number) {
                        rollups.push((chunk.log, file.rollup(&self.entities)?));
                    }
                }
                _ => rest.push(index as u32),
            }
        }
        Ok((rollups, rest))
    }
}
