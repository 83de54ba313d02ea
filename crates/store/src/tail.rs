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

/// Do two logs share their identifiers? Sign-ins do; records of other logs may well repeat the
/// identifier of the sign-in they are about.
pub(crate) fn same_namespace(a: Log, b: Log) -> bool {
    a == b || (a.is_sign_in() && b.is_sign_in())
}

/// Rows of `chunk` with this identifier and about this time.
pub(crate) fn find_in(
    chunk: &Arc<Chunk>,
    id: &Id,
    created_micros: i64,
    found: &mut Vec<u32>,
) -> Result<(), StoreError> {
    let (from, to) = (created_micros - SECOND_MICROS, created_micros + SECOND_MICROS);
    if chunk.max_micros < from || chunk.min_micros > to || !chunk.may_contain(FieldId::Id, id)? {
        return Ok(());
    }
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
