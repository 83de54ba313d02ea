//! Saved states of the fold: one file each, `<instant>.state`, compressed.
//!
//! They only save time: each can be made again from the log. So a file that cannot be read is
//! passed over, and nothing is synced.

use std::fs;
use std::path::{Path, PathBuf};

use durward_model::time::HOUR_MICROS;

use super::WatchError;
use crate::fold::{Fold, FoldError};

/// The newest ones that are always kept.
const NEWEST_KEPT: usize = 2;
/// How large a state is at most once it is unpacked: guards against a broken file.
const STATE_BYTES_MAX: usize = 4 << 30;
/// How hard it is compressed: states are written often and read rarely.
const COMPRESSION: i32 = 1;

/// A saved state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Saved {
    /// The log was looked at up to here, µs.
    pub(super) at_micros: i64,
    /// The clock when the state was saved, µs.
    pub(super) received_micros: i64,
    fingerprint: u64,
}

/// The directory of saved states.
#[derive(Debug)]
pub(super) struct Checkpoints {
    dir: PathBuf,
    /// Newest first.
    saved: Vec<Saved>,
}

impl Checkpoints {
    pub(super) fn open(dir: &Path) -> Result<Checkpoints, WatchError> {
        let failed = |source| WatchError::Io { path: dir.to_owned(), source };
        fs::create_dir_all(dir).map_err(failed)?;
        let mut saved = Vec::new();
        for entry in fs::read_dir(dir).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            saved.extend(parse(&name.to_string_lossy()));
        }
        saved.sort_unstable_by_key(|one| std::cmp::Reverse(one.at_micros));
        Ok(Checkpoints { dir: dir.to_owned(), saved })
    }

    /// The states of a fold with these settings.
    pub(super) fn newest_first(&self, fingerprint: u64) -> Vec<Saved> {
        let own = self.saved.iter().filter(|one| one.fingerprint == fingerprint);
        own.copied().collect()
    }

    /// The newest state's instant; the beginning of time where there is none.
    pub(super) fn newest_micros(&self) -> i64 {
        self.saved.first().map_or(i64::MIN / 2, |one| one.at_micros)
    }

    pub(super) fn load(&self, saved: &Saved, fold: &mut Fold) -> Result<(), WatchError> {
        let path = self.dir.join(name(saved));
        let bytes = fs::read(&path).map_err(|source| WatchError::Io { path, source })?;
        let unpacked = zstd::bulk::decompress(&bytes, size_of_content(&bytes));
        let unpacked = unpacked.map_err(|source| self.failed(source))?;
        fold.load(&unpacked)?;
        if fold.at_micros() == saved.at_micros {
            return Ok(());
        }
        // The name says otherwise than the content.
        Err(FoldError::State(postcard::Error::DeserializeBadEncoding).into())
    }

    /// Saves a state, and removes those that are not worth their place any more.
    pub(super) fn save(
        &mut self,
        at_micros: i64,
        received_micros: i64,
        fingerprint: u64,
        state: &[u8],
    ) -> Result<(), WatchError> {
        let saved = Saved { at_micros, received_micros, fingerprint };
        let packed =
            zstd::bulk::compress(state, COMPRESSION).map_err(|source| self.failed(source))?;
        // Under another name until it is whole.
        let (path, part) = (self.dir.join(name(&saved)), self.dir.join("new.part"));
        fs::write(&part, packed).map_err(|source| self.failed(source))?;
        fs::rename(&part, &path).map_err(|source| self.failed(source))?;
        self.saved.retain(|one| one.at_micros != at_micros);
        self.saved.push(saved);
        self.saved.sort_unstable_by_key(|one| std::cmp::Reverse(one.at_micros));
        self.thin(fingerprint)
    }

    /// Removes states after an instant: the log behind them has changed.
    pub(super) fn drop_after(&mut self, at_micros: i64) -> Result<(), WatchError> {
        self.remove(|one| one.at_micros > at_micros)
    }

    /// Keeps one for each doubling of the age, so that records however late find one not much
    /// older than themselves.
    fn thin(&mut self, fingerprint: u64) -> Result<(), WatchError> {
        let newest = self.newest_micros();
        let mut kept = Vec::new();
        let mut last_class = u32::MAX;
        // The oldest of each class stays: it is the one that grows into the next.
        for (place, one) in self.saved.iter().enumerate().rev() {
            let hours = (newest - one.at_micros) / HOUR_MICROS;
            let class = hours.max(1).ilog2();
            let is_worth = place < NEWEST_KEPT || class != last_class;
            if is_worth && one.fingerprint == fingerprint {
                kept.push(*one);
                last_class = class;
            }
        }
        self.remove(|one| !kept.contains(one))
    }

    fn remove(&mut self, is_gone: impl Fn(&Saved) -> bool) -> Result<(), WatchError> {
        for one in self.saved.iter().filter(|one| is_gone(one)) {
            match fs::remove_file(self.dir.join(name(one))) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(self.failed(error));
                }
                _ => {}
            }
        }
        self.saved.retain(|one| !is_gone(one));
        Ok(())
    }

    fn failed(&self, source: std::io::Error) -> WatchError {
        WatchError::Io { path: self.dir.clone(), source }
    }
}

fn size_of_content(packed: &[u8]) -> usize {
    let size = zstd::zstd_safe::get_frame_content_size(packed).ok().flatten();
    size.map_or(0, |size| usize::try_from(size).unwrap_or(usize::MAX)).min(STATE_BYTES_MAX)
}

fn name(saved: &Saved) -> String {
    let Saved { at_micros, received_micros, fingerprint } = saved;
    format!("{at_micros}-{received_micros}-{fingerprint:016x}.state")
}

fn parse(name: &str) -> Option<Saved> {
    let mut parts = name.strip_suffix(".state")?.splitn(3, '-');
    Some(Saved {
        at_micros: parts.next()?.parse().ok()?,
        received_micros: parts.next()?.parse().ok()?,
        fingerprint: u64::from_str_radix(parts.next()?, 16).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_is_inside() {
        let saved = Saved { at_micros: 12, received_micros: 34, fingerprint: 0xabc };
        assert_eq!(parse(&name(&saved)), Some(saved));
        assert_eq!(parse("new.part"), None);
    }

    #[test]
    fn old_states_are_thinned_by_age() {
        let dir = tempfile::tempdir().unwrap();
        let mut checkpoints = Checkpoints::open(dir.path()).unwrap();
        for hour in 0..400 {
            checkpoints.save(hour * HOUR_MICROS, 0, 7, b"state").unwrap();
        }
        let ages: Vec<i64> =
            checkpoints.saved.iter().map(|one| 399 - one.at_micros / HOUR_MICROS).collect();
        assert!(ages.len() <= 12, "{ages:?}");
        assert_eq!(&ages[..2], [0, 1]);
        assert!(ages.last().unwrap() > &100, "{ages:?}");
        assert_eq!(Checkpoints::open(dir.path()).unwrap().saved, checkpoints.saved);
        checkpoints.drop_after(398 * HOUR_MICROS).unwrap();
        assert_eq!(checkpoints.newest_micros(), 398 * HOUR_MICROS);
    }
}
