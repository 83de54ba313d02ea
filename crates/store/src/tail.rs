//! Looking an event up by its identity, where it can be.
//!
//! An event is known by tenant and identifier. All its revisions carry the same sign-in time, give
//! or take the second to which some exports cut it, so it is searched only where rows of that
//! time are: by bisection in chunks whose bloom filter does not rule it out.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use durward_model::time::SECOND_MICROS;
use durward_model::{FieldId, Id, Log};

use crate::chunk::Chunk;
use crate::error::StoreError;
use crate::schema::Column;

/// Logs of one namespace share their identifiers. Sign-ins do; records of other logs may well
/// repeat the identifier of the sign-in they are about. Gives one log of the namespace.
pub(crate) fn namespace(log: Log) -> Log {
    if log.is_sign_in() { Log::InteractiveUser } else { log }
}

/// Are two instants (µs) the same, but for the second to which some exports cut it?
pub(crate) fn same_time(a_micros: i64, b_micros: i64) -> bool {
    a_micros.abs_diff(b_micros) <= SECOND_MICROS.unsigned_abs()
}

/// Can the chunk have rows at about the time of something between two instants (µs)?
pub(crate) fn about(chunk: &Chunk, oldest_micros: i64, newest_micros: i64) -> bool {
    chunk.max_micros >= oldest_micros.saturating_sub(SECOND_MICROS)
        && chunk.min_micros <= newest_micros.saturating_add(SECOND_MICROS)
}

/// Rows of `chunk` with this identifier and about the time of something between two instants (µs).
pub(crate) fn find_in(
    chunk: &Arc<Chunk>,
    id: &Id,
    (oldest_micros, newest_micros): (i64, i64),
    found: &mut Vec<u32>,
) -> Result<(), StoreError> {
    let possible = about(chunk, oldest_micros, newest_micros);
    if !possible || !chunk.may_contain(FieldId::Id, id)? {
        return Ok(());
    }
    let from = oldest_micros.saturating_sub(SECOND_MICROS);
    let to = newest_micros.saturating_add(SECOND_MICROS);
    let created = chunk.created()?;
    let times = created.values();
    // Newest first: rows later than `to` come first.
    let start = times.partition_point(|&time| time > to);
    let ids = chunk.column(Column::Id as usize)?;
    let ids = ids.as_fixed_size_binary();
    for row in (start..times.len()).take_while(|&row| times[row] >= from) {
        if ids.value(row) == id.0 {
            found.push(row as u32);
        }
    }
    Ok(())
}
