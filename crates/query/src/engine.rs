//! What queries keep from one to the next.
//!
//! An engine belongs to one store: what it keeps is about that store's entity keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use durward_model::field::Group;
use durward_store::View;
use hashbrown::HashMap;
use parking_lot::Mutex;
use xxhash_rust::xxh3::xxh3_128;

use crate::budget::Meter;
use crate::error::QueryError;
use crate::filter::Filter;
use crate::keyset::KeySet;
use crate::matcher::Predicate;
use crate::values::{StatusTable, ValueSpec, ValueTable};

/// Key sets kept. One takes an eighth of a byte an entity.
const KEY_SETS_MAX: usize = 256;
/// Value tables kept. There are about that many fields.
const VALUE_TABLES_MAX: usize = 128;

/// How an engine works. The defaults suit a server.
#[derive(Clone, Copy, Debug)]
pub struct EngineOptions {
    /// Threads that one query scans with at most.
    pub threads: usize,
    /// Rows that are worth another thread.
    pub rows_a_thread: usize,
}

impl Default for EngineOptions {
    /// One thread a core, four at most, so that one query leaves room for others.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        EngineOptions { threads: cores.min(4), rows_a_thread: 64 * 1024 }
    }
}

/// Something kept, when it was last used, and a lock that only those who want it wait for.
struct Kept<T> {
    value: Arc<Mutex<Arc<T>>>,
    used: AtomicU64,
}

/// Answers questions about the views of one store. Shared by all threads.
#[derive(Default)]
pub struct Engine {
    pub(crate) options: EngineOptions,
    clock: AtomicU64,
    key_sets: Mutex<HashMap<(Group, u128), Kept<KeySet>>>,
    value_tables: Mutex<HashMap<ValueSpec, Kept<ValueTable>>>,
    statuses: Mutex<Arc<StatusTable>>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine for one store.
    pub fn new() -> Engine {
        Engine::default()
    }

    /// An engine for one store that works as told.
    pub fn with_options(options: EngineOptions) -> Engine {
        Engine { options, ..Engine::default() }
    }

    /// The entities of a group for which a filter holds that is about this group only.
    pub(crate) fn key_set(
        &self,
        view: &View,
        group: Group,
        filter: &Filter,
        predicate: &Predicate,
        meter: &Meter<'_>,
    ) -> Result<Arc<KeySet>, QueryError> {
        // The text of a filter's tree tells it from every other filter.
        let hash = xxh3_128(format!("{filter:?}").as_bytes());
        let slot = self.keep(&self.key_sets, (group, hash), KEY_SETS_MAX, KeySet::default);
        let mut set = slot.lock();
        KeySet::extend(&mut set, predicate, view.entities(group), meter)?;
        Ok(set.clone())
    }

    /// The values of a spec for all entities of a view.
    pub(crate) fn values(&self, view: &View, spec: &ValueSpec) -> Arc<ValueTable> {
        let make = || ValueTable::new(spec);
        let slot = self.keep(&self.value_tables, spec.clone(), VALUE_TABLES_MAX, make);
        let mut table = slot.lock();
        ValueTable::extend(&mut table, spec, view.entities(spec.group));
        table.clone()
    }

    /// The status of every outcome of a view.
    pub(crate) fn statuses(&self, view: &View) -> Arc<StatusTable> {
        let mut table = self.statuses.lock();
        StatusTable::extend(&mut table, view.entities(Group::Outcome));
        table.clone()
    }

    fn keep<K: std::hash::Hash + Eq + Clone, T>(
        &self,
        kept: &Mutex<HashMap<K, Kept<T>>>,
        key: K,
        most: usize,
        make: impl FnOnce() -> T,
    ) -> Arc<Mutex<Arc<T>>> {
        let now = self.clock.fetch_add(1, Ordering::Relaxed);
        let mut kept = kept.lock();
        if let Some(found) = kept.get(&key) {
            found.used.store(now, Ordering::Relaxed);
            return found.value.clone();
        }
        if kept.len() >= most {
            let oldest = kept.iter().min_by_key(|(_, one)| one.used.load(Ordering::Relaxed));
            let oldest = oldest.map(|(key, _)| key.clone());
            oldest.map(|key| kept.remove(&key));
        }
        let value = Arc::new(Mutex::new(Arc::new(make())));
        kept.insert(key, Kept { value: value.clone(), used: AtomicU64::new(now) });
        value
    }
}
