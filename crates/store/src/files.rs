//! The file layer: every byte the store writes goes through [`FileLayer`].
//!
//! The promise of the store is that an acknowledged event survives power loss, and that promise
//! is only worth what a test can show. So nothing in this crate calls `std::fs` for writing:
//! [`RealFiles`] does it for the program, and [`testing`] has twins that keep live and durable
//! bytes apart or run out of space on demand.
//!
//! The rules of a POSIX disk, which all code here is written against:
//! - bytes are durable after [`WriteFile::sync`] of their file, not before, and may reach the
//!   disk in any order until then;
//! - a name (create, rename, link, remove) is durable after [`FileLayer::sync_dir`] of its folder;
//! - a rename is atomic: one sees the old file or the new one, never a mixture.

use std::fmt::Debug;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

mod real;
pub mod testing;

pub use real::RealFiles;

/// Upper bound for a file read whole by [`FileLayer::read`]. Small files only (commits,
/// checkpoints, settings); a larger one is damaged or not ours.
pub const READ_WHOLE_BYTES_MAX: u64 = 4 << 30;

/// The operations of a file system that the store uses. All paths are used as given.
pub trait FileLayer: Send + Sync + Debug {
    /// Creates a file for writing, or empties an existing one. The folder must exist.
    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>>;

    /// Opens an existing file for writing from byte `offset` on; what is there stays until
    /// it is overwritten or cut off.
    fn open_to_write(&self, path: &Path, offset: u64) -> io::Result<Box<dyn WriteFile>>;

    /// Opens an existing file for reading.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn ReadFile>>;

    /// Gives a file another name, replacing a file that has this name already.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Gives a file another name unless that name is taken: then it fails with
    /// [`io::ErrorKind::AlreadyExists`] and changes nothing.
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Removes an empty folder.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;

    /// The entries of one folder, sorted by path, each with the folder as prefix.
    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>>;

    /// Creates one folder; its parent must exist. An existing folder is no error.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Whether a file or folder of this name exists.
    fn exists(&self, path: &Path) -> io::Result<bool>;

    /// Bytes that an ordinary user can still write to the disk of this folder.
    fn free_bytes(&self, dir: &Path) -> io::Result<u64>;

    /// Reads a whole file of at most [`READ_WHOLE_BYTES_MAX`] bytes.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = self.open(path)?;
        let too_large = || io::Error::new(io::ErrorKind::FileTooLarge, "file is too large to read");
        if file.len() > READ_WHOLE_BYTES_MAX {
            return Err(too_large());
        }
        let mut bytes = vec![0; usize::try_from(file.len()).map_err(|_| too_large())?];
        file.read_at(0, &mut bytes)?;
        Ok(bytes)
    }

    /// Every file below a folder, at most [`LIST_DEPTH_MAX`] folders deep, sorted by path.
    fn list_files(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        let mut folders = vec![(dir.to_path_buf(), 0)];
        while let Some((folder, depth)) = folders.pop() {
            for entry in self.list(&folder)? {
                match entry.is_dir {
                    false => files.push(entry.path),
                    true if depth < LIST_DEPTH_MAX => folders.push((entry.path, depth + 1)),
                    true => {}
                }
            }
        }
        files.sort();
        Ok(files)
    }

    /// Creates a folder and those above it, and makes each new name durable before the next.
    fn create_dir_durably(&self, dir: &Path) -> io::Result<()> {
        let mut missing = Vec::new();
        let mut at = Some(dir);
        while let Some(folder) = at.filter(|f| !f.as_os_str().is_empty()) {
            if self.exists(folder)? {
                // An earlier run may have made it and died before it could sync the name.
                match self.sync_dir(parent_of(folder)) {
                    // Then we cannot have made it either.
                    Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                    outcome => outcome?,
                }
                break;
            }
            missing.push(folder);
            at = folder.parent();
        }
        for folder in missing.into_iter().rev() {
            self.create_dir(folder)?;
            self.sync_dir(folder)?;
            self.sync_dir(parent_of(folder))?;
        }
        Ok(())
    }

    /// Replaces or creates a file so that after power loss either the old content or the whole
    /// new one is found, and the new one once this has returned.
    fn write_durably(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let temporary = self.write_temporary(path, bytes)?;
        self.rename(&temporary, path)?;
        self.sync_dir(parent_of(path))
    }

    /// Writes and syncs `bytes` under the temporary name that belongs to `path`
    /// (see [`temporary_name`]); on failure tries to leave nothing behind.
    fn write_temporary(&self, path: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
        let temporary = temporary_name(path);
        let write = || {
            let mut file = self.create(&temporary)?;
            file.write_all(bytes)?;
            file.sync()
        };
        match write() {
            Ok(()) => Ok(temporary),
            Err(error) => {
                // The first error is the one worth reporting; leftovers are removed at open.
                let _ = self.remove(&temporary);
                Err(error)
            }
        }
    }

    /// Removes temporary files that an earlier run left in one folder. Returns how many.
    fn remove_temporary(&self, dir: &Path) -> io::Result<usize> {
        let mut removed = 0;
        for entry in self.list(dir)? {
            if !entry.is_dir && is_temporary(&entry.path) {
                self.remove(&entry.path)?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

/// Depth that [`FileLayer::list_files`] follows; the store nests three folders.
pub const LIST_DEPTH_MAX: usize = 8;

/// An open file to write to; see the module about what is durable when.
pub trait WriteFile: Write + Send {
    /// Makes all bytes written so far, and the length, durable (`fdatasync`).
    fn sync(&mut self) -> io::Result<()>;

    /// Cuts the file off after `len` bytes and goes on writing there.
    fn truncate(&mut self, len: u64) -> io::Result<()>;
}

/// An open file to read from at any offset, from any thread.
pub trait ReadFile: Send + Sync + Debug {
    /// The length in bytes when the file was opened.
    fn len(&self) -> u64;

    /// Whether the file had no bytes when it was opened.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `buf` from byte `offset` on; [`io::ErrorKind::UnexpectedEof`] if the file ends
    /// before it is full.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()>;
}

/// One name in a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirEntry {
    /// The folder as given to [`FileLayer::list`], joined with the name.
    pub path: PathBuf,
    /// Whether it is a folder.
    pub is_dir: bool,
}

/// The folder of a path: `.` for a bare name.
pub fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) => Path::new("."),
        None => path,
    }
}

/// The hidden name in the same folder under which a file is written before it gets its own.
pub fn temporary_name(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.tmp"))
}

/// Whether a path has the form that [`temporary_name`] makes.
pub fn is_temporary(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with('.') && name.ends_with(".tmp")
}

/// Whether an error means that the disk, or this user's share of it, is full.
pub fn is_disk_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
