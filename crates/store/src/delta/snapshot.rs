//! What the table is after a number of commits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::action::{Action, Metadata, Protocol};
use super::path::is_inside;
use super::{AddFile, Commit, DeltaError, Tombstone};

/// The last commit of an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Txn {
    pub(super) version: i64,
    pub(super) last_updated_ms: Option<i64>,
}

/// The state of the table at one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Snapshot {
    pub(super) version: u64,
    /// Time of the newest commit, as far as known.
    pub(super) timestamp_ms: i64,
    pub(super) protocol: Protocol,
    pub(super) metadata: Metadata,
    pub(super) files: BTreeMap<String, Arc<AddFile>>,
    pub(super) tombstones: BTreeMap<String, Tombstone>,
    pub(super) txns: BTreeMap<String, Txn>,
}

impl Snapshot {
    /// A table without files, at version 0.
    pub(super) fn new(metadata: Metadata) -> Snapshot {
        Snapshot {
            version: 0,
            timestamp_ms: 0,
            protocol: Protocol::OURS,
            metadata,
            files: BTreeMap::new(),
            tombstones: BTreeMap::new(),
            txns: BTreeMap::new(),
        }
    }

    /// Whether a commit can be applied; nothing is changed.
    pub(super) fn check(&self, commit: &Commit) -> Result<(), DeltaError> {
        let invalid = |reason: String| Err(DeltaError::Invalid { reason });
        let mut removed = BTreeSet::new();
        for path in &commit.removes {
            if !self.files.contains_key(path) {
                return invalid(format!("{path} does not belong to the table"));
            }
            if !removed.insert(path) {
                return invalid(format!("{path} is to leave twice"));
            }
        }
        let mut added = BTreeSet::new();
        for file in &commit.adds {
            // A path never comes back: a reader could mix up the two files.
            if self.files.contains_key(&file.path) || self.tombstones.contains_key(&file.path) {
                return invalid(format!("{} was in the table already", file.path));
            }
            if !added.insert(&file.path) {
                return invalid(format!("{} is to join twice", file.path));
            }
            if !is_inside(&file.path) {
                return invalid(format!("{:?} is not a path inside the table", file.path));
            }
            let partitions = &self.metadata.partition_columns;
            let values = &file.partition_values;
            if values.len() != partitions.len()
                || !partitions.iter().all(|p| values.contains_key(p))
            {
                return invalid(format!("{} needs a value for each of {partitions:?}", file.path));
            }
        }
        if let Some((app_id, version)) = &commit.txn
            && let Some(last) = self.txns.get(app_id)
            && *version < last.version
        {
            let last = last.version;
            return invalid(format!("{app_id} has committed {last} and cannot go to {version}"));
        }
        Ok(())
    }

    /// Applies a checked commit that has become durable.
    pub(super) fn apply(&mut self, version: u64, commit: Commit) {
        assert_eq!(version, self.version + 1, "commits are applied one after the other");
        for path in commit.removes {
            if let Some(file) = self.files.remove(&path) {
                let tombstone = Tombstone {
                    path: path.clone(),
                    deletion_time_ms: commit.timestamp_ms,
                    partition_values: file.partition_values.clone(),
                    size_bytes: Some(file.size_bytes),
                };
                self.tombstones.insert(path, tombstone);
            }
        }
        for file in commit.adds {
            self.files.insert(file.path.clone(), Arc::new(file));
        }
        if let Some((app_id, version)) = commit.txn {
            let txn = Txn { version, last_updated_ms: Some(commit.timestamp_ms) };
            self.txns.insert(app_id, txn);
        }
        self.version = version;
        self.timestamp_ms = commit.timestamp_ms;
    }

    /// Applies one action read from a commit or checkpoint.
    pub(super) fn replay(&mut self, action: Action) {
        match action {
            Action::Protocol(protocol) => self.protocol = protocol,
            Action::Metadata(metadata) => self.metadata = metadata,
            Action::Add(file) => {
                self.tombstones.remove(&file.path);
                self.files.insert(file.path.clone(), Arc::new(file));
            }
            Action::Remove(tombstone) => {
                self.files.remove(&tombstone.path);
                self.tombstones.insert(tombstone.path.clone(), tombstone);
            }
            Action::Txn(app_id, txn) => {
                self.txns.insert(app_id, txn);
            }
            Action::Info { timestamp_ms } => self.timestamp_ms = timestamp_ms,
        }
    }
}
