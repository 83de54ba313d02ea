//! Removing what no reader needs any more from the folder of the log.

use std::path::Path;

use super::DeltaError;
use super::action::{self, Action};
use super::log_dir::{LogDir, checkpoint_name, commit_name};
use crate::files::FileLayer;

/// What [`super::DeltaLog::clean`] removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// Number of commit files.
    pub commits: usize,
    /// Number of checkpoints.
    pub checkpoints: usize,
}

/// Removes everything before the newest checkpoint whose commit is older than `oldest_ms`.
///
/// So a reader finds, for every version that is still there, a checkpoint at or before it. The
/// age of a commit is what it says itself; one that says nothing counts as new.
pub(super) fn clean(
    files: &dyn FileLayer,
    log_dir: &Path,
    oldest_ms: i64,
) -> Result<Cleaned, DeltaError> {
    let found = LogDir::list(files, log_dir).map_err(|error| DeltaError::io(log_dir, error))?;
    let mut base = None;
    for version in found.checkpoints.iter().rev() {
        let time_ms = commit_time_ms(files, &log_dir.join(commit_name(*version)))?;
        if time_ms.is_some_and(|time_ms| time_ms < oldest_ms) {
            base = Some(*version);
            break;
        }
    }
    let Some(base) = base else { return Ok(Cleaned::default()) };
    let mut cleaned = Cleaned::default();
    // Oldest first: if this stops half-way, what is left is still a log.
    for version in found.commits.iter().take_while(|version| **version < base) {
        remove(files, &log_dir.join(commit_name(*version)))?;
        cleaned.commits += 1;
    }
    for version in found.checkpoints.iter().take_while(|version| **version < base) {
        remove(files, &log_dir.join(checkpoint_name(*version)))?;
        cleaned.checkpoints += 1;
    }
    if cleaned != Cleaned::default() {
        files.sync_dir(log_dir).map_err(|error| DeltaError::io(log_dir, error))?;
    }
    Ok(cleaned)
}

fn remove(files: &dyn FileLayer, path: &Path) -> Result<(), DeltaError> {
    files.remove(path).map_err(|error| DeltaError::io(path, error))
}

fn commit_time_ms(files: &dyn FileLayer, path: &Path) -> Result<Option<i64>, DeltaError> {
    let bytes = match files.read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(DeltaError::io(path, error)),
    };
    let actions = action::parse(&bytes).unwrap_or_default();
    Ok(actions.iter().find_map(|action| match action {
        Action::Info { timestamp_ms } => Some(*timestamp_ms),
        _ => None,
    }))
}
