//! Decoded columns, kept while memory allows.
//!
//! Filters and counts read a few integer columns of many row groups again and again; decoding
//! them once makes the second question a memory scan. The cache is bounded in bytes; what was not
//! used for longest goes first.

use arrow_array::ArrayRef;
use hashbrown::HashMap;
use parking_lot::Mutex;

/// A column of a row group of a file.
pub(crate) type ColumnKey = (u64, u16, u16);

#[derive(Debug)]
struct Slot {
    array: ArrayRef,
    bytes: usize,
    used: u64,
}

#[derive(Debug, Default)]
struct Inner {
    slots: HashMap<ColumnKey, Slot>,
    bytes: usize,
    clock: u64,
}

/// Decoded columns by file, row group and column.
#[derive(Debug)]
pub(crate) struct ColumnCache {
    inner: Mutex<Inner>,
    bytes_max: usize,
}

impl ColumnCache {
    pub(crate) fn new(bytes_max: usize) -> ColumnCache {
        ColumnCache { inner: Mutex::default(), bytes_max }
    }

    pub(crate) fn get(&self, key: ColumnKey) -> Option<ArrayRef> {
        let mut inner = self.inner.lock();
        inner.clock += 1;
        let now = inner.clock;
        let slot = inner.slots.get_mut(&key)?;
        slot.used = now;
        Some(slot.array.clone())
    }

    pub(crate) fn put(&self, key: ColumnKey, array: ArrayRef) {
        let bytes = array.get_array_memory_size();
        if bytes > self.bytes_max / 4 {
            return;
        }
        let mut inner = self.inner.lock();
        inner.clock += 1;
        let used = inner.clock;
        inner.bytes += bytes;
        if let Some(old) = inner.slots.insert(key, Slot { array, bytes, used }) {
            inner.bytes -= old.bytes;
        }
        if inner.bytes > self.bytes_max {
            inner.shrink(self.bytes_max / 4 * 3);
        }
        assert!(inner.bytes <= self.bytes_max, "the column cache stays within its bound");
    }

    /// Forgets the columns of a file that is no longer part of the table.
    pub(crate) fn forget(&self, file: u64) {
        let mut inner = self.inner.lock();
        let mut freed = 0;
        inner.slots.retain(|key, slot| {
            let keep = key.0 != file;
            freed += if keep { 0 } else { slot.bytes };
            keep
        });
        inner.bytes -= freed;
    }

    pub(crate) fn bytes(&self) -> usize {
        self.inner.lock().bytes
    }
}

impl Inner {
    /// Drops the least recently used columns until at most `target` bytes are held.
    fn shrink(&mut self, target: usize) {
        let mut by_age: Vec<_> = self.slots.iter().map(|(key, slot)| (slot.used, *key)).collect();
        by_age.sort_unstable();
        for (_, key) in by_age {
            if self.bytes <= target {
                break;
            }
            if let Some(slot) = self.slots.remove(&key) {
                self.bytes -= slot.bytes;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::Int64Array;

    use super::*;

    #[test]
    fn the_oldest_goes_first_and_the_bound_holds() {
        let column = || Arc::new(Int64Array::from(vec![7; 1000])) as ArrayRef;
        let cache = ColumnCache::new(10 * column().get_array_memory_size());
        for row_group in 0..10 {
            cache.put((1, row_group, 0), column());
        }
        assert!(cache.get((1, 0, 0)).is_some());
        cache.put((1, 10, 0), column());
        assert!(cache.get((1, 0, 0)).is_some(), "used last, kept");
        assert!(cache.get((1, 1, 0)).is_none(), "not used for longest");
        cache.forget(1);
        assert_eq!(cache.bytes(), 0);
    }
}
