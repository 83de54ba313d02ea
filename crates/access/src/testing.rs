//! What tests of several modules need.

use std::time::Duration;

use durward_model::Timestamp;

use crate::people::{NewPerson, Person};
use crate::store::AccessStore;

/// So many seconds after noon of a day in 2026.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros((1_780_315_200 + seconds) * 1_000_000)
}

pub(crate) const HOUR: i64 = 3600;
pub(crate) const DAY: i64 = 24 * HOUR;

/// A store that is gone with the directory.
pub(crate) fn store() -> (tempfile::TempDir, AccessStore) {
    let dir = tempfile::tempdir().unwrap();
    let store = AccessStore::open(dir.path()).unwrap();
    (dir, store)
}

/// A local account without roles and password.
pub(crate) fn person(store: &AccessStore, name: &str) -> Person {
    let new = NewPerson { name: name.to_owned(), ..NewPerson::default() };
    store.create_local(&new, at(0)).unwrap()
}

pub(crate) fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}
