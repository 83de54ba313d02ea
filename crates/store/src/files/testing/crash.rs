//! A disk in memory that loses power at a chosen operation.
//!
//! [`CrashFiles`] keeps what a running program sees (*live*) apart from what a disk guarantees
//! (*durable*): bytes become durable with the sync of their file, names with the sync of their
//! folder. A test runs its work once to count the operations, then once per operation with
//! [`CrashFiles::cut_after`], and opens what [`CrashFiles::after_crash`] leaves. Between the two
//! extremes (only what was synced, or everything) lies what real disks do: some pages of unsynced
//! bytes and some unsynced names have made it. [`Survival::Random`] draws one such outcome from a
//! seed, the same for the same seed.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::disk::{Disk, NameChange, Node};
use crate::files::{DirEntry, FileLayer, ReadFile, WriteFile, parent_of};

/// What is found on the disk after the power comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Survival {
    /// Only what was synced: the least that a disk must keep.
    Synced,
    /// All of it is seen, and what was not durable still is not: the process was killed, the
    /// machine went on.
    Everything,
    /// What was synced, and of the rest a part drawn from this seed: a prefix of the unsynced
    /// bytes or scattered pages of them, and each unsynced name or not.
    Random(u64),
}

/// [`FileLayer`] in memory with separate live and durable state. Clones share the disk.
#[derive(Debug, Clone, Default)]
pub struct CrashFiles {
    disk: Arc<Mutex<Disk>>,
}

impl CrashFiles {
    /// An empty disk. The folder `/` exists.
    pub fn new() -> CrashFiles {
        CrashFiles::default()
    }

    /// Lets `operations` more changes (writes, syncs, renames…) succeed; after that everything
    /// fails, reads too.
    pub fn cut_after(&self, operations: u64) {
        let mut disk = self.disk.lock();
        disk.cut_at = Some(disk.operations + operations);
    }

    /// Lets the next `count` syncs of files fail, the way Linux fails them: the bytes stay
    /// visible, but count as written, so that no later sync makes them durable.
    pub fn fail_syncs(&self, count: u64) {
        self.disk.lock().failing_syncs = count;
    }

    /// How many changing operations have been done.
    pub fn operations(&self) -> u64 {
        self.disk.lock().operations
    }

    /// How many of the operations were syncs of a file (not of a folder).
    pub fn file_syncs(&self) -> u64 {
        self.disk.lock().file_syncs
    }

    /// The disk as found after power loss or a kill: a new one, independent of this.
    pub fn after_crash(&self, survival: Survival) -> CrashFiles {
        let found = self.disk.lock().after_crash(survival);
        CrashFiles { disk: Arc::new(Mutex::new(found)) }
    }

    /// Changes bytes of a file behind the program's back, live and durable: damage of the disk.
    /// `change` gets the whole content.
    pub fn damage(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let mut disk = self.disk.lock();
        let inode = disk.file(path)?;
        let content = &mut disk.inodes[inode];
        let mut bytes = content.live.clone();
        change(&mut bytes);
        content.set_durable(bytes);
        Ok(())
    }

    /// Takes the disk for one changing operation, unless the power is off.
    fn change(&self) -> io::Result<MutexGuard<'_, Disk>> {
        let mut disk = self.alive()?;
        if disk.cut_at.is_some_and(|at| disk.operations >= at) {
            disk.dark = true;
            return Err(power_off());
        }
        disk.operations += 1;
        Ok(disk)
    }

    fn alive(&self) -> io::Result<MutexGuard<'_, Disk>> {
        let disk = self.disk.lock();
        if disk.dark { Err(power_off()) } else { Ok(disk) }
    }

    fn writer(&self, inode: usize, offset: u64) -> Box<dyn WriteFile> {
        Box::new(CrashWrite { files: self.clone(), inode, offset })
    }
}

fn power_off() -> io::Error {
    io::Error::other("the test cut the power")
}

impl FileLayer for CrashFiles {
    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        let mut disk = self.change()?;
        let inode = match disk.live.get(path) {
            Some(Node::Dir) => return Err(io::ErrorKind::IsADirectory.into()),
            Some(Node::File(inode)) => {
                let inode = *inode;
                disk.inodes[inode].truncate(0);
                inode
            }
            None => {
                disk.require_dir(parent_of(path))?;
                let inode = disk.new_inode();
                disk.change_name(NameChange::Link { path: path.to_path_buf(), inode });
                inode
            }
        };
        drop(disk);
        Ok(self.writer(inode, 0))
    }

    fn open_to_write(&self, path: &Path, offset: u64) -> io::Result<Box<dyn WriteFile>> {
        let inode = self.alive()?.file(path)?;
        Ok(self.writer(inode, offset))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn ReadFile>> {
        let disk = self.alive()?;
        let inode = disk.file(path)?;
        let len = disk.inodes[inode].live.len() as u64;
        Ok(Arc::new(CrashRead { files: self.clone(), inode, len }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut disk = self.change()?;
        let inode = disk.file(from)?;
        disk.require_dir(parent_of(to))?;
        let (from, to) = (from.to_path_buf(), to.to_path_buf());
        disk.change_name(NameChange::Rename { from, to, inode });
        Ok(())
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        // Two operations, as on the real disk: link, then remove.
        let mut disk = self.change()?;
        let inode = disk.file(from)?;
        disk.require_dir(parent_of(to))?;
        if disk.live.contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        disk.change_name(NameChange::Link { path: to.to_path_buf(), inode });
        drop(disk);
        self.remove(from)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut disk = self.change()?;
        let inode = disk.file(path)?;
        disk.change_name(NameChange::Unlink { path: path.to_path_buf(), node: Node::File(inode) });
        Ok(())
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let mut disk = self.change()?;
        disk.require_dir(path)?;
        if disk.live.keys().any(|p| p.parent() == Some(path)) {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        disk.change_name(NameChange::Unlink { path: path.to_path_buf(), node: Node::Dir });
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let disk = self.alive()?;
        disk.require_dir(dir)?;
        let inside = disk.live.iter().filter(|(path, _)| path.parent() == Some(dir));
        Ok(inside
            .map(|(path, node)| DirEntry { path: path.clone(), is_dir: *node == Node::Dir })
            .collect())
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        let mut disk = self.change()?;
        match disk.live.get(dir) {
            Some(Node::Dir) => Ok(()),
            Some(Node::File(_)) => Err(io::ErrorKind::AlreadyExists.into()),
            None => {
                disk.require_dir(parent_of(dir))?;
                disk.change_name(NameChange::MakeDir { path: dir.to_path_buf() });
                Ok(())
            }
        }
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut disk = self.change()?;
        disk.require_dir(dir)?;
        disk.sync_names(dir);
        Ok(())
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        let disk = self.alive()?;
        Ok(disk.require_dir(path).is_ok() || disk.live.contains_key(path))
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        self.alive()?.require_dir(dir)?;
        Ok(u64::MAX)
    }
}

struct CrashWrite {
    files: CrashFiles,
    inode: usize,
    offset: u64,
}

impl Write for CrashWrite {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let mut disk = self.files.change()?;
        disk.inodes[self.inode].write(self.offset as usize, buf);
        self.offset += buf.len() as u64;
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl WriteFile for CrashWrite {
    fn sync(&mut self) -> io::Result<()> {
        let mut disk = self.files.change()?;
        disk.file_syncs += 1;
        let inode = self.inode;
        if disk.failing_syncs > 0 {
            disk.failing_syncs -= 1;
            disk.inodes[inode].fail_sync();
            return Err(io::Error::other("the test failed this sync"));
        }
        disk.inodes[inode].sync();
        Ok(())
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        let mut disk = self.files.change()?;
        disk.inodes[self.inode].truncate(len as usize);
        self.offset = len;
        Ok(())
    }
}

#[derive(Debug)]
struct CrashRead {
    files: CrashFiles,
    inode: usize,
    len: u64,
}

impl ReadFile for CrashRead {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let disk = self.files.alive()?;
        let start = offset as usize;
        let found = disk.inodes[self.inode].live.get(start..start + buf.len());
        buf.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn path(name: &str) -> PathBuf {
        Path::new("/d").join(name)
    }

    /// A disk with the durable folder `/d`.
    fn disk() -> CrashFiles {
        let files = CrashFiles::new();
        files.create_dir_durably(Path::new("/d")).unwrap();
        files
    }

    #[test]
    fn bytes_are_durable_after_sync_and_names_after_sync_of_the_folder() {
        let files = disk();
        let mut file = files.create(&path("a")).unwrap();
        file.write_all(b"one").unwrap();
        file.sync().unwrap();
        assert!(!files.after_crash(Survival::Synced).exists(&path("a")).unwrap());
        files.sync_dir(Path::new("/d")).unwrap();
        file.write_all(b"two").unwrap();
        assert_eq!(files.after_crash(Survival::Synced).read(&path("a")).unwrap(), b"one");
        assert_eq!(files.after_crash(Survival::Everything).read(&path("a")).unwrap(), b"onetwo");
        assert_eq!(files.read(&path("a")).unwrap(), b"onetwo");
    }

    #[test]
    fn an_unsynced_rename_and_removal_come_back() {
        let files = disk();
        files.write_durably(&path("a"), b"old").unwrap();
        files.write_durably(&path("b"), b"new").unwrap();
        files.rename(&path("b"), &path("a")).unwrap();
        let found = files.after_crash(Survival::Synced);
        assert_eq!(found.read(&path("a")).unwrap(), b"old");
        assert_eq!(found.read(&path("b")).unwrap(), b"new");
        let kept = files.after_crash(Survival::Everything);
        assert_eq!(kept.read(&path("a")).unwrap(), b"new");
        assert!(!kept.exists(&path("b")).unwrap());
    }

    #[test]
    fn write_durably_leaves_the_old_or_the_new_content_at_every_cut() {
        for survival in [Survival::Synced, Survival::Everything].into_iter().chain(randoms()) {
            for cut in 0..10 {
                let files = disk();
                files.write_durably(&path("a"), b"old").unwrap();
                files.cut_after(cut);
                let done = files.write_durably(&path("a"), b"the new content").is_ok();
                let found = files.after_crash(survival).read(&path("a")).unwrap();
                assert!(found == b"the new content" || (!done && found == b"old"), "cut={cut}");
            }
        }
    }

    #[test]
    fn random_survival_repeats_by_seed_and_tears_files() {
        let files = disk();
        let mut file = files.create(&path("a")).unwrap();
        files.sync_dir(Path::new("/d")).unwrap();
        file.write_all(&[7; 20_000]).unwrap();
        let found = |seed| files.after_crash(Survival::Random(seed)).read(&path("a")).unwrap();
        let outcomes: Vec<_> = (0..64).map(found).collect();
        assert_eq!(outcomes, (0..64).map(found).collect::<Vec<_>>());
        assert!(outcomes.iter().any(|o| o.is_empty()));
        assert!(outcomes.iter().any(|o| !o.is_empty() && o.len() < 20_000));
        assert!(outcomes.iter().any(|o| o.len() == 20_000 && o.contains(&0)), "holes occur");
    }

    #[test]
    fn after_the_cut_everything_fails() {
        let files = disk();
        files.write_durably(&path("a"), b"x").unwrap();
        files.cut_after(1);
        let mut file = files.create(&path("b")).unwrap();
        assert!(file.write_all(b"y").is_err());
        assert!(file.sync().is_err());
        assert!(files.read(&path("a")).is_err());
        assert!(files.rename(&path("a"), &path("c")).is_err());
    }

    fn randoms() -> impl Iterator<Item = Survival> {
        (0..40).map(Survival::Random)
    }
}
