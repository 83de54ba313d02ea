//! Entities: each distinct combination of a group's values, stored once and numbered for good.
//!
//! Keys count up from 0 in each group. Once given, a key means the same entity for ever (ENT-1),
//! so whatever was computed for a range of keys stays true. New entities reach the disk before
//! the first sealed row that refers to them (ENT-2); rows in the write-ahead log carry their
//! entities with them.

use std::sync::Arc;

use durward_model::batch::EntityList;
use durward_model::cell::{self, Cell};
use durward_model::field::{FieldId, GROUP_COUNT, Group};
use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

/// Entities in one block. Growing copies at most the last block of a group.
const BLOCK_ENTITIES: usize = 1024;

/// The entities of one group at one moment. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct EntityTable {
    blocks: Vec<Arc<Vec<Arc<[u8]>>>>,
    len: usize,
}

impl EntityTable {
    /// How many there are; keys are below that.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The encoded entity of a key (see `durward_model::cell`); empty for a key that is not here.
    pub fn get(&self, key: u32) -> &[u8] {
        self.shared(key).map_or(&[], |entity| entity)
    }

    /// One field of an entity.
    pub fn cell(&self, key: u32, field: FieldId) -> Cell<'_> {
        cell::find(self.get(key), field)
    }

    /// Extends a table that stands in for another, under the same keys, by what the other has
    /// more. `change` gives the entity that stands in for one; `None` for that one itself.
    pub fn extend_from(
        &mut self,
        other: &EntityTable,
        mut change: impl FnMut(&[u8]) -> Option<Vec<u8>>,
    ) {
        for key in self.len..other.len {
            let Some(entity) = other.shared(key as u32) else { return };
            self.push(change(entity).map_or_else(|| entity.clone(), Arc::from));
        }
    }

    pub(crate) fn shared(&self, key: u32) -> Option<&Arc<[u8]>> {
        let key = key as usize;
        self.blocks.get(key / BLOCK_ENTITIES)?.get(key % BLOCK_ENTITIES)
    }

    fn push(&mut self, entity: Arc<[u8]>) {
        if self.len.is_multiple_of(BLOCK_ENTITIES) {
            self.blocks.push(Arc::new(Vec::with_capacity(BLOCK_ENTITIES)));
        }
        if let Some(last) = self.blocks.last_mut() {
            Arc::make_mut(last).push(entity);
            self.len += 1;
        }
    }
}

/// All groups at one moment.
pub(crate) type EntitySnapshot = [Arc<EntityTable>; GROUP_COUNT];

#[derive(Debug, Default)]
struct GroupWriter {
    table: EntityTable,
    index: HashTable<u32>,
    /// What readers were given last; renewed only when the group has grown since.
    published: Arc<EntityTable>,
}

/// The writer's side: numbers entities.
#[derive(Debug, Default)]
pub(crate) struct Entities {
    groups: [GroupWriter; GROUP_COUNT],
    bytes: usize,
}

impl Entities {
    /// The key of an entity, which is numbered if it is new.
    pub(crate) fn intern(&mut self, group: Group, entity: &[u8]) -> u32 {
        let GroupWriter { table, index, .. } = &mut self.groups[group as usize];
        let hash = xxh3_64(entity);
        if let Some(&key) = index.find(hash, |&key| table.get(key) == entity) {
            return key;
        }
        let key = table.len as u32;
        table.push(Arc::from(entity));
        index.insert_unique(hash, key, |&key| xxh3_64(table.get(key)));
        self.bytes += entity.len() + 32;
        key
    }

    /// The lasting keys of a batch's entities, by their numbers within the batch.
    pub(crate) fn intern_all(&mut self, group: Group, list: &EntityList) -> Vec<i32> {
        (0..list.len() as u32).map(|number| self.intern(group, list.get(number)) as i32).collect()
    }

    /// How many entities a group has.
    pub(crate) fn len(&self, group: Group) -> usize {
        self.groups[group as usize].table.len
    }

    /// Approximate memory, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// A snapshot for readers.
    pub(crate) fn snapshot(&mut self) -> EntitySnapshot {
        std::array::from_fn(|group| {
            let writer = &mut self.groups[group];
            if writer.published.len != writer.table.len {
                writer.published = Arc::new(writer.table.clone());
            }
            writer.published.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ent_1_a_key_means_the_same_entity_for_ever() {
        let mut entities = Entities::default();
        let name = |number: usize| format!("entity {number}").into_bytes();
        let early = entities.snapshot();
        for number in 0..3 * BLOCK_ENTITIES {
            assert_eq!(entities.intern(Group::Actor, &name(number)), number as u32);
        }
        let half = entities.snapshot();
        assert_eq!(entities.intern(Group::Actor, &name(7)), 7);
        assert_eq!(entities.intern(Group::Actor, b"new"), 3 * BLOCK_ENTITIES as u32);
        let actors = &half[Group::Actor as usize];
        assert_eq!((early[Group::Actor as usize].len(), actors.len()), (0, 3 * BLOCK_ENTITIES));
        assert!((0..actors.len()).all(|number| actors.get(number as u32) == name(number)));
        assert_eq!(actors.get(actors.len() as u32), b"");
    }

    #[test]
    fn a_table_that_stands_in_for_another_keeps_its_keys_while_it_grows() {
        let mut entities = Entities::default();
        let mut other = EntityTable::default();
        for round in 0..3_usize {
            for number in 0..700 * (round + 1) {
                entities.intern(Group::Actor, format!("entity {number}").as_bytes());
            }
            let table = &entities.snapshot()[Group::Actor as usize];
            let mut changed = 0;
            other.extend_from(table, |entity| {
                changed += 1;
                entity.ends_with(b"7").then(|| b"seven".to_vec())
            });
            assert_eq!((other.len(), changed), (table.len(), 700), "each is changed once");
            for key in 0..table.len() as u32 {
                let own = table.get(key);
                let wanted = if own.ends_with(b"7") { b"seven" } else { own };
                assert_eq!(other.get(key), wanted);
            }
        }
    }
}
