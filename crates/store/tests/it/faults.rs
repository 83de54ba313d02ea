//! A file layer that fails, or panics, where a test wants it to.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use durward_store::files::{DirEntry, FileLayer, ReadFile, RealFiles, WriteFile};
use parking_lot::Mutex;

/// Decides before each change: the operation's name and the path it is about.
type Rule = Box<dyn Fn(&str, &Path) -> io::Result<()> + Send>;

/// The real disk, with a rule in front.
#[derive(Clone)]
pub(crate) struct Faults(Arc<Mutex<Rule>>);

impl Faults {
    pub(crate) fn none() -> Faults {
        Faults(Arc::new(Mutex::new(Box::new(|_, _| Ok(())))))
    }

    pub(crate) fn set(&self, rule: impl Fn(&str, &Path) -> io::Result<()> + Send + 'static) {
        *self.0.lock() = Box::new(rule);
    }

    fn ask(&self, operation: &str, path: &Path) -> io::Result<()> {
        self.0.lock()(operation, path)
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faults")
    }
}

impl FileLayer for Faults {
    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        self.ask("create", path)?;
        RealFiles.create(path)
    }

    fn open_to_write(&self, path: &Path, offset: u64) -> io::Result<Box<dyn WriteFile>> {
        RealFiles.open_to_write(path, offset)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn ReadFile>> {
        RealFiles.open(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.ask("rename", to)?;
        RealFiles.rename(from, to)
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.ask("rename_new", to)?;
        RealFiles.rename_new(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.ask("remove", path)?;
        RealFiles.remove(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        RealFiles.remove_dir(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        RealFiles.list(dir)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        RealFiles.create_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.ask("sync_dir", dir)?;
        RealFiles.sync_dir(dir)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        RealFiles.exists(path)
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        RealFiles.free_bytes(dir)
    }
}

/// Parquet files below a data directory, temporary ones too, sorted.
pub(crate) fn parquet_files(dir: &Path) -> Vec<PathBuf> {
    let all = RealFiles.list_files(dir).unwrap();
    let is_data = |path: &PathBuf| {
        let path = path.to_string_lossy();
        (path.ends_with(".parquet") || path.ends_with(".parquet.tmp"))
            && !path.contains("_delta_log")
    };
    all.into_iter().filter(is_data).collect()
}
