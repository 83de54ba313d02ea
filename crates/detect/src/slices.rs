//! The log in the order of time: sign-ins of a range, oldest first, each in its latest revision.
//!
//! Chunks are newest first and overlap; a slice is short enough to be collected and sorted in
//! memory. While one slice is looked at the next one is read by another thread.

use arrow_array::Array as _;
use durward_model::FieldId;
use durward_model::Id;
use durward_model::field::Log;
use durward_store::{Chunk, StoreError, View};

use crate::sighting::{GROUPS, Row};

/// Rows that a slice is meant to have: 120 bytes each.
const SLICE_ROWS: u64 = 200_000;
/// The shortest slice, µs.
const SLICE_MICROS_MIN: i64 = 60_000_000;

/// Bounds of slices that cover a range (µs, end excluded), each with about as many rows as fit.
pub(crate) fn slices_of(view: &View, from_micros: i64, to_micros: i64) -> Vec<(i64, i64)> {
    let inside = view.chunks.iter().filter(|chunk| {
        chunk.log().is_sign_in()
            && chunk.max_micros() >= from_micros
            && chunk.min_micros() < to_micros
    });
    let (mut rows, mut first, mut last) = (0, i64::MAX, i64::MIN);
    for chunk in inside {
        rows += chunk.rows() as u64;
        first = first.min(chunk.min_micros());
        last = last.max(chunk.max_micros());
    }
    if rows == 0 {
        return Vec::new();
    }
    let (first, last) = (first.max(from_micros), last.saturating_add(1).min(to_micros));
    let count = (rows.div_ceil(SLICE_ROWS) as i64).max(1);
    let length = ((last - first) / count + 1).max(SLICE_MICROS_MIN);
    let mut slices = Vec::new();
    let mut start = first;
    while start < last {
        let end = start.saturating_add(length).min(last);
        slices.push((start, end));
        start = end;
    }
    slices
}

/// The sign-ins of a range (µs, end excluded), in order.
pub(crate) fn rows_of(
    view: &View,
    from_micros: i64,
    to_micros: i64,
) -> Result<Vec<Row>, StoreError> {
    let mut rows = Vec::new();
    for chunk in &view.chunks {
        let outside = chunk.max_micros() < from_micros || chunk.min_micros() >= to_micros;
        if outside || !chunk.log().is_sign_in() {
            continue;
        }
        collect(chunk, chunk.log(), from_micros, to_micros, &mut rows)?;
    }
    rows.sort_unstable();
    Ok(rows)
}

fn collect(
    chunk: &Chunk,
    log: Log,
    from_micros: i64,
    to_micros: i64,
    out: &mut Vec<Row>,
) -> Result<(), StoreError> {
    let created = chunk.created()?;
    let times = created.values();
    // Newest first (SORT-1).
    let start = times.partition_point(|&at| at >= to_micros);
    let end = times.partition_point(|&at| at >= from_micros);
    if start >= end {
        return Ok(());
    }
    let ids = chunk.ids(FieldId::Id)?;
    let correlations = chunk.ids(FieldId::CorrelationId)?;
    let sessions = chunk.ids(FieldId::SessionId)?;
    let keys: Vec<_> = GROUPS.iter().map(|&group| chunk.keys(group)).collect::<Result<_, _>>()?;
    let id_at = |ids: &arrow_array::FixedSizeBinaryArray, row: usize| {
        let known = ids.is_valid(row).then(|| ids.value(row).try_into().ok()).flatten();
        known.map(Id).unwrap_or(Id([0; 16]))
    };
    let superseded = chunk.superseded();
    for row in start..end {
        if superseded.is_some_and(|rows| rows.contains(row as u32)) {
            continue;
        }
        let session = id_at(&sessions, row);
        out.push(Row {
            at_micros: times[row],
            id: id_at(&ids, row),
            log,
            correlation: id_at(&correlations, row),
            session: key_of_id(session),
            keys: std::array::from_fn(|group| keys[group].value(row) as u32),
        });
    }
    Ok(())
}

/// A stable key of an identifier; 0 for none.
fn key_of_id(id: Id) -> u64 {
    let Id(bytes) = id;
    if bytes == [0; 16] { 0 } else { xxhash_rust::xxh3::xxh3_64(&bytes).max(1) }
}
