//! Merging sorted chunks into one, remembering where each row came from.

use std::cmp::Reverse;

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use arrow_select::interleave::interleave_record_batch;

use crate::chunk::{Body, Chunk};
use crate::error::StoreError;
use crate::schema::{COLUMN_COUNT, Column};

/// Where a merged row was: index of the source chunk, row within it.
pub(crate) type Origin = (usize, usize);

/// The order in which the rows of several chunks are newest first (SORT-1).
pub(crate) fn order(chunks: &[&Chunk]) -> Result<Vec<Origin>, StoreError> {
    let mut keyed: Vec<(i64, i16, [u8; 16], u32, u32)> =
        Vec::with_capacity(chunks.iter().map(|chunk| chunk.rows).sum());
    for (source, chunk) in chunks.iter().enumerate() {
        let created = chunk.created()?;
        let nanos = chunk.created_nanos()?;
        let ids = chunk.column(Column::Id as usize)?;
        let ids = ids.as_fixed_size_binary();
        for row in 0..chunk.rows {
            let id = ids.value(row).try_into().unwrap_or([0; 16]);
            keyed.push((created.value(row), nanos.value(row), id, source as u32, row as u32));
        }
    }
    // Stable, as it is fast on runs that are sorted already.
    keyed.sort_by_key(|&(created, nanos, id, ..)| Reverse((created, nanos, id)));
    Ok(keyed.into_iter().map(|(.., source, row)| (source as usize, row as usize)).collect())
}

/// All columns of a chunk.
pub(crate) fn batch_of(chunk: &Chunk) -> Result<RecordBatch, StoreError> {
    match &chunk.body {
        Body::Hot { batch, .. } => Ok(batch.clone()),
        Body::Sealed { file, row_group } => {
            file.read(*row_group, &(0..COLUMN_COUNT).collect::<Vec<_>>(), None)
        }
    }
}

/// The rows at `order` of these batches as one batch.
pub(crate) fn gather(batches: &[RecordBatch], order: &[Origin]) -> Result<RecordBatch, StoreError> {
    let sources: Vec<&RecordBatch> = batches.iter().collect();
    let merged = interleave_record_batch(&sources, order)?;
    debug_assert_eq!(merged.column(Column::Id as usize).len(), order.len());
    Ok(merged)
}
