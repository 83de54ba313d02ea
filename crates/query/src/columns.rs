//! The columns of one chunk, read when first asked for.

use std::cell::OnceCell;

use arrow_array::{
    FixedSizeBinaryArray, Int8Array, Int16Array, Int32Array, Int64Array, StringArray,
};
use durward_model::batch::{refs, token_of_bytes, token_of_text};
use durward_model::field::{GROUP_COUNT, Group};
use durward_model::{FieldId, Id, Timestamp};
use durward_store::{Chunk, EntityTable, RowRef, StoreError};
use xxhash_rust::xxh3::xxh3_64;

use crate::cursor::Position;

/// A chunk and those of its columns that were needed so far.
pub(crate) struct Columns<'a> {
    pub(crate) chunk: &'a Chunk,
    /// Position in the view.
    pub(crate) index: u32,
    keys: [OnceCell<Int32Array>; GROUP_COUNT],
    created: OnceCell<Int64Array>,
    nanos: OnceCell<Int16Array>,
    ids: OnceCell<FixedSizeBinaryArray>,
    derived: OnceCell<Int8Array>,
    tokens: OnceCell<StringArray>,
}

fn once<T>(
    cell: &OnceCell<T>,
    read: impl FnOnce() -> Result<T, StoreError>,
) -> Result<&T, StoreError> {
    if let Some(value) = cell.get() {
        return Ok(value);
    }
    let value = read()?;
    Ok(cell.get_or_init(|| value))
}

impl<'a> Columns<'a> {
    pub(crate) fn new(chunk: &'a Chunk, index: u32) -> Columns<'a> {
        Columns {
            chunk,
            index,
            keys: Default::default(),
            created: OnceCell::new(),
            nanos: OnceCell::new(),
            ids: OnceCell::new(),
            derived: OnceCell::new(),
            tokens: OnceCell::new(),
        }
    }

    /// Keys of a group, one a row.
    pub(crate) fn keys(&self, group: Group) -> Result<&[i32], StoreError> {
        once(&self.keys[group as usize], || self.chunk.keys(group)).map(|keys| &**keys.values())
    }

    /// `createdDateTime`, µs, descending.
    pub(crate) fn created(&self) -> Result<&[i64], StoreError> {
        once(&self.created, || self.chunk.created()).map(|created| &**created.values())
    }

    pub(crate) fn nanos(&self) -> Result<&[i16], StoreError> {
        once(&self.nanos, || self.chunk.created_nanos()).map(|nanos| &**nanos.values())
    }

    pub(crate) fn ids(&self) -> Result<&FixedSizeBinaryArray, StoreError> {
        once(&self.ids, || self.chunk.ids(FieldId::Id))
    }

    pub(crate) fn row_ref(&self, row: usize) -> RowRef {
        RowRef { chunk: self.index, row: row as u32 }
    }

    /// `createdDateTime` of a row.
    pub(crate) fn time(&self, row: usize) -> Result<Timestamp, StoreError> {
        Ok(Timestamp { micros: self.created()?[row], nanos: self.nanos()?[row] as u16 })
    }

    /// The place of a row in a list.
    pub(crate) fn position(
        &self,
        row: usize,
        sources: &EntityTable,
    ) -> Result<Position, StoreError> {
        let id = self.ids()?.value(row);
        let source = self.keys(Group::Source)?[row] as u32;
        let tenant = sources.cell(source, FieldId::TenantId);
        let tenant = xxh3_64(tenant.as_text().unwrap_or_default().as_bytes());
        Ok(Position {
            created: self.time(row)?,
            id: Id(id.try_into().unwrap_or([0; 16])),
            log: self.chunk.log() as u8,
            tenant: tenant as u32,
        })
    }

    /// `uniqueTokenIdentifier` of a row.
    pub(crate) fn token(&self, row: usize) -> Result<Option<String>, StoreError> {
        let derived = once(&self.derived, || self.chunk.derived())?.value(row);
        if derived & (refs::TOKEN_IS_ID_BYTES | refs::TOKEN_IS_ID_TEXT) != 0 {
            let id = Id(self.ids()?.value(row).try_into().unwrap_or([0; 16]));
            let bytes = derived & refs::TOKEN_IS_ID_BYTES != 0;
            return Ok(Some(if bytes { token_of_bytes(id) } else { token_of_text(id) }));
        }
        let tokens = once(&self.tokens, || self.chunk.token_texts())?;
        let valid = arrow_array::Array::is_valid(tokens, row);
        Ok(valid.then(|| tokens.value(row).to_owned()))
    }
}
