//! Which entities of a group a predicate holds for.
//!
//! A predicate about one group is evaluated once for each of the group's entities, not for each
//! row; a row is then tested by looking its key up. Entities never change (ENT-1), so a set stays
//! right for ever and only grows: it is kept and extended by the entities that are new.

use std::sync::Arc;

use durward_store::EntityTable;

use crate::budget::Meter;
use crate::error::QueryError;
use crate::matcher::{EntityCells, Predicate, Truth};

/// The answer for the first `len` keys of a group.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeySet {
    len: usize,
    yes: Vec<u64>,
    yes_count: usize,
    /// The last key that was added to `yes`; the only one where `yes_count` is 1.
    last_yes: u32,
    /// Keys for which only the whole event tells. Empty where there is none.
    unknown: Vec<u64>,
    unknown_count: usize,
}

/// Entities between two looks at the clock.
const CHECK_EVERY: usize = 512;

impl KeySet {
    /// The first `len` keys, those of them that something holds for.
    pub(crate) fn of(len: usize, holds: impl Fn(u32) -> bool) -> KeySet {
        let mut set = KeySet { len, ..KeySet::default() };
        for key in (0..len as u32).filter(|key| holds(*key)) {
            put(&mut set.yes, key);
            set.yes_count += 1;
            set.last_yes = key;
        }
        set
    }

    /// Extends the set to all entities of the table.
    pub(crate) fn extend(
        this: &mut Arc<KeySet>,
        predicate: &Predicate,
        table: &EntityTable,
        meter: &Meter<'_>,
    ) -> Result<(), QueryError> {
        if this.len >= table.len() {
            return Ok(());
        }
        let set = Arc::make_mut(this);
        while set.len < table.len() {
            if set.len.is_multiple_of(CHECK_EVERY) {
                meter.check()?;
            }
            let key = set.len as u32;
            match predicate.truth(&EntityCells(table.get(key))) {
                Truth::No => {}
                Truth::Unknown => {
                    put(&mut set.unknown, key);
                    set.unknown_count += 1;
                }
                Truth::Yes => {
                    put(&mut set.yes, key);
                    set.yes_count += 1;
                    set.last_yes = key;
                }
            }
            set.len += 1;
        }
        Ok(())
    }

    /// Does the predicate hold for no entity at all?
    pub(crate) fn is_none(&self) -> bool {
        self.yes_count == 0 && self.unknown_count == 0
    }

    /// Does it hold for every one?
    pub(crate) fn is_all(&self) -> bool {
        self.yes_count == self.len
    }

    /// The share of entities it may hold for, 0 to 1: a guess at the share of rows.
    pub(crate) fn share(&self) -> f64 {
        (self.yes_count + self.unknown_count) as f64 / self.len.max(1) as f64
    }

    pub(crate) fn has_unknown(&self) -> bool {
        self.unknown_count > 0
    }

    /// Clears the bits of the rows whose key is not in the set; with the unknown ones among those
    /// that stay if `or_unknown`. Bit n of `mask` is row n of `keys`.
    pub(crate) fn narrow(&self, keys: &[i32], mask: &mut [u64], or_unknown: bool) {
        if self.yes_count == 1 && !(or_unknown && self.has_unknown()) {
            let only = self.last_yes as i32;
            return narrow_by(keys, mask, |key| key == only);
        }
        if or_unknown && self.has_unknown() {
            return narrow_by(keys, mask, |key| has(&self.yes, key) || has(&self.unknown, key));
        }
        narrow_by(keys, mask, |key| has(&self.yes, key));
    }
}

fn put(bits: &mut Vec<u64>, key: u32) {
    let word = key as usize / 64;
    if bits.len() <= word {
        bits.resize(word + 1, 0);
    }
    bits[word] |= 1 << (key % 64);
}

fn has(bits: &[u64], key: i32) -> bool {
    let key = key as u32;
    bits.get(key as usize / 64).is_some_and(|word| word >> (key % 64) & 1 != 0)
}

/// Keeps the bits of the values that pass the test.
pub(crate) fn narrow_by<T: Copy>(values: &[T], mask: &mut [u64], test: impl Fn(T) -> bool) {
    for (word, values) in mask.iter_mut().zip(values.chunks(64)) {
        if word.count_ones() > 12 {
            let mut passed = 0_u64;
            for (bit, &value) in values.iter().enumerate() {
                passed |= u64::from(test(value)) << bit;
            }
            *word &= passed;
        } else {
            let mut rest = *word;
            while rest != 0 {
                let bit = rest.trailing_zeros();
                rest &= rest - 1;
                if !values.get(bit as usize).is_some_and(|&value| test(value)) {
                    *word &= !(1 << bit);
                }
            }
        }
    }
}
