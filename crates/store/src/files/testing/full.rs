//! A disk that fills up.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::files::{DirEntry, FileLayer, ReadFile, WriteFile};

/// Wraps another layer and fails writes with [`io::ErrorKind::StorageFull`] once a budget of
/// bytes is used up. As on a real disk the last write that fits does so in part. Removing files
/// gives nothing back: the test sets the budget.
#[derive(Debug, Clone)]
pub struct FullDisk {
    inner: Arc<dyn FileLayer>,
    budget_bytes: Arc<AtomicU64>,
}

impl FullDisk {
    /// A layer that takes `budget_bytes` more bytes.
    pub fn new(inner: Arc<dyn FileLayer>, budget_bytes: u64) -> FullDisk {
        FullDisk { inner, budget_bytes: Arc::new(AtomicU64::new(budget_bytes)) }
    }

    /// Sets how many bytes can be written from now on, in files open already too.
    pub fn set_budget(&self, budget_bytes: u64) {
        self.budget_bytes.store(budget_bytes, Ordering::SeqCst);
    }

    /// How many bytes can still be written.
    pub fn budget(&self) -> u64 {
        self.budget_bytes.load(Ordering::SeqCst)
    }

    fn wrap(&self, file: Box<dyn WriteFile>) -> Box<dyn WriteFile> {
        Box::new(FullWrite { inner: file, budget_bytes: Arc::clone(&self.budget_bytes) })
    }
}

impl FileLayer for FullDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        Ok(self.wrap(self.inner.create(path)?))
    }

    fn open_to_write(&self, path: &Path, offset: u64) -> io::Result<Box<dyn WriteFile>> {
        Ok(self.wrap(self.inner.open_to_write(path, offset)?))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn ReadFile>> {
        self.inner.open(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.inner.rename(from, to)
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.inner.rename_new(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.inner.remove(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.inner.remove_dir(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        self.inner.list(dir)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.inner.create_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.inner.sync_dir(dir)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        self.inner.exists(path)
    }

    fn free_bytes(&self, _dir: &Path) -> io::Result<u64> {
        Ok(self.budget())
    }
}

struct FullWrite {
    inner: Box<dyn WriteFile>,
    budget_bytes: Arc<AtomicU64>,
}

impl Write for FullWrite {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let wanted = buf.len() as u64;
        let take = |left: u64| Some(left - left.min(wanted));
        // `fetch_update` hands back the budget as it was before this write.
        let before = self
            .budget_bytes
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, take)
            .unwrap_or_default();
        let granted = before.min(wanted) as usize;
        if granted == 0 {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "the test disk is full"));
        }
        let written = self.inner.write(&buf[..granted])?;
        self.budget_bytes.fetch_add((granted - written) as u64, Ordering::SeqCst);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl WriteFile for FullWrite {
    fn sync(&mut self) -> io::Result<()> {
        self.inner.sync()
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.inner.truncate(len)
    }
}
