//! The names of files in the folder of a log.

use std::io;
use std::path::Path;

use crate::files::FileLayer;

/// Name of the folder, inside that of the table.
pub(super) const NAME: &str = "_delta_log";

/// The file that tells readers where the newest checkpoint is.
pub(super) const LAST_CHECKPOINT: &str = "_last_checkpoint";

/// Added to the name of a torn commit.
pub(super) const TORN_SUFFIX: &str = ".torn";

pub(super) fn commit_name(version: u64) -> String {
    format!("{version:020}.json")
}

pub(super) fn checkpoint_name(version: u64) -> String {
    format!("{version:020}.checkpoint.parquet")
}

/// What the folder holds, each list in ascending order.
#[derive(Debug, Default)]
pub(super) struct LogDir {
    pub(super) commits: Vec<u64>,
    /// Checkpoints in one file; those in several parts are not ours and left to others.
    pub(super) checkpoints: Vec<u64>,
}

impl LogDir {
    pub(super) fn list(files: &dyn FileLayer, dir: &Path) -> io::Result<LogDir> {
        let mut found = LogDir::default();
        for entry in files.list(dir)? {
            let Some(name) = entry.path.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            if let Some(version) = version_of(name, ".json") {
                found.commits.push(version);
            } else if let Some(version) = version_of(name, ".checkpoint.parquet") {
                found.checkpoints.push(version);
            }
        }
        found.commits.sort_unstable();
        found.checkpoints.sort_unstable();
        Ok(found)
    }
}

fn version_of(name: &str, suffix: &str) -> Option<u64> {
    let digits = name.strip_suffix(suffix)?;
    let is_number = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_commits_and_checkpoints_are_recognised() {
        assert_eq!(version_of(&commit_name(17), ".json"), Some(17));
        assert_eq!(version_of(&checkpoint_name(50), ".checkpoint.parquet"), Some(50));
        for other in ["17.json", "0000000000000000017x.json", "00000000000000000017.json.torn"] {
            assert_eq!(version_of(other, ".json"), None, "{other}");
        }
    }
}
