//! One process a data directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use crate::error::OpenError;

/// Holds the directory until dropped; the operating system lets go when the process ends, however
/// it ends.
#[derive(Debug)]
pub(crate) struct DirectoryLock(#[expect(dead_code, reason = "held, not read")] File);

impl DirectoryLock {
    /// Takes the directory or says who has it.
    pub(crate) fn take(dir: &Path, holder: &str) -> Result<DirectoryLock, OpenError> {
        std::fs::create_dir_all(dir)?;
        let path = dir.join("lock");
        let mut file =
            OpenOptions::new().create(true).read(true).write(true).truncate(false).open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::Error(error)) => return Err(error.into()),
            Err(TryLockError::WouldBlock) => {
                let mut other = String::new();
                file.take(1024).read_to_string(&mut other)?;
                let holder = other.trim().to_owned();
                return Err(OpenError::Locked { path: dir.to_owned(), holder });
            }
        }
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(holder.as_bytes())?;
        Ok(DirectoryLock(file))
    }
}
