//! Reading a log: the newest checkpoint and the commits after it.

use std::path::{Path, PathBuf};

use super::action::{self, Action, Metadata};
use super::log_dir::{LogDir, TORN_SUFFIX, checkpoint_name, commit_name};
use super::snapshot::Snapshot;
use super::{DeltaError, checkpoint, log_dir};
use crate::files::FileLayer;

/// The newest state of the table and the version of the checkpoint it was read from; `None` if
/// there is no table.
pub(super) fn open(
    files: &dyn FileLayer,
    table_dir: &Path,
    log_dir: &Path,
) -> Result<Option<(Snapshot, Option<u64>)>, DeltaError> {
    let found = LogDir::list(files, log_dir).map_err(|error| DeltaError::io(log_dir, error))?;
    let mut checkpoint = None;
    for version in found.checkpoints.iter().rev() {
        let path = log_dir.join(checkpoint_name(*version));
        match checkpoint::read(files, &path, *version) {
            Ok(snapshot) => {
                checkpoint = Some(snapshot);
                break;
            }
            // A checkpoint repeats what the commits say: an older one does, with more of them.
            Err(error) => tracing::warn!(%error, "passing over a checkpoint of the table"),
        }
    }
    let version = checkpoint.as_ref().map(|snapshot| snapshot.version);
    let first = version.map_or(0, |version| version + 1);
    let after: Vec<u64> = found.commits.into_iter().filter(|version| *version >= first).collect();
    let snapshot = replay(files, log_dir, checkpoint, &after)?;
    if let Some(snapshot) = &snapshot
        && !snapshot.protocol.is_supported()
    {
        let needs = snapshot.protocol;
        let reason = format!(
            "it needs reader version {} and writer version {} of the Delta protocol",
            needs.min_reader_version, needs.min_writer_version
        );
        return Err(DeltaError::Unsupported { dir: table_dir.to_path_buf(), reason });
    }
    Ok(snapshot.map(|snapshot| (snapshot, version)))
}

/// Sets the newest commit aside, as `….json.torn`, so that the table ends with the one before.
/// Returns where it is now.
///
/// Call it only when everything in that commit can be committed again. It refuses to set aside a
/// commit that is whole, or not the newest.
pub fn set_aside_torn(
    files: &dyn FileLayer,
    table_dir: &Path,
    version: u64,
) -> Result<PathBuf, DeltaError> {
    let dir = table_dir.join(log_dir::NAME);
    let found = LogDir::list(files, &dir).map_err(|error| DeltaError::io(&dir, error))?;
    let path = dir.join(commit_name(version));
    let bytes = files.read(&path).map_err(|error| DeltaError::io(&path, error))?;
    if found.commits.last() != Some(&version) || action::parse(&bytes).is_ok() {
        let reason = format!("commit {version} is whole or not the newest");
        return Err(DeltaError::Invalid { reason });
    }
    let mut name = commit_name(version);
    name.push_str(TORN_SUFFIX);
    let aside = dir.join(name);
    files.rename(&path, &aside).map_err(|error| DeltaError::io(&path, error))?;
    files.sync_dir(&dir).map_err(|error| DeltaError::io(&dir, error))?;
    Ok(aside)
}

fn replay(
    files: &dyn FileLayer,
    log_dir: &Path,
    checkpoint: Option<Snapshot>,
    versions: &[u64],
) -> Result<Option<Snapshot>, DeltaError> {
    let mut snapshot = checkpoint;
    for version in versions {
        let expected = snapshot.as_ref().map_or(0, |snapshot| snapshot.version + 1);
        if *version != expected {
            return Err(DeltaError::Missing { version: expected, dir: log_dir.to_path_buf() });
        }
        let path = log_dir.join(commit_name(*version));
        let bytes = files.read(&path).map_err(|error| DeltaError::io(&path, error))?;
        let actions = action::parse(&bytes).map_err(|reason| {
            if Some(version) == versions.last() {
                DeltaError::Torn { version: *version, path: path.clone(), reason }
            } else {
                DeltaError::Corrupt { path: path.clone(), reason }
            }
        })?;
        match &mut snapshot {
            Some(snapshot) => snapshot.version = *version,
            None => {
                let metadata = first_metadata(&actions).ok_or_else(|| DeltaError::Corrupt {
                    path: path.clone(),
                    reason: "the first commit does not describe the table".into(),
                })?;
                snapshot = Some(Snapshot::new(metadata));
            }
        }
        if let Some(snapshot) = &mut snapshot {
            actions.into_iter().for_each(|action| snapshot.replay(action));
        }
    }
    Ok(snapshot)
}

/// The description of the table among the actions of its first commit.
pub(super) fn first_metadata(actions: &[Action]) -> Option<Metadata> {
    actions.iter().find_map(|action| match action {
        Action::Metadata(metadata) => Some(metadata.clone()),
        _ => None,
    })
}
