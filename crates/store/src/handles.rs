//! Open files, within a bound.
//!
//! A table of some years has thousands of files, and a process may often have no more than 1024
//! open. So a sealed file is opened when something is read from it, and closed again when others
//! were read since. That is safe because a file neither changes (SEAL-1) nor goes while a view
//! shows it (see `maintain::remove_replaced`).

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::Mutex;

use crate::files::{FileLayer, ReadFile};

/// Files kept open; a quarter of what systems commonly allow, the rest is for connections.
const HANDLES_MAX: usize = 256;

/// Handles of sealed files by the files' numbers.
#[derive(Debug)]
pub(crate) struct Handles {
    files: Arc<dyn FileLayer>,
    most: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    by_number: HashMap<u64, (Arc<dyn ReadFile>, u64)>,
    clock: u64,
}

impl Handles {
    pub(crate) fn new(files: Arc<dyn FileLayer>) -> Handles {
        Handles { files, most: HANDLES_MAX, open: Mutex::default() }
    }

    fn get(&self, number: u64, path: &Path) -> io::Result<Arc<dyn ReadFile>> {
        {
            let mut open = self.open.lock();
            open.clock += 1;
            let now = open.clock;
            if let Some((file, used)) = open.by_number.get_mut(&number) {
                *used = now;
                return Ok(file.clone());
            }
        }
        let file = self.files.open(path)?;
        let mut open = self.open.lock();
        if open.by_number.len() >= self.most {
            let mut ages: Vec<u64> = open.by_number.values().map(|(_, used)| *used).collect();
            ages.sort_unstable();
            // A quarter at a time, so that sorting is rare.
            let oldest_kept = ages[(self.most / 4).min(ages.len() - 1)];
            open.by_number.retain(|_, (_, used)| *used >= oldest_kept);
        }
        let now = open.clock;
        open.by_number.insert(number, (file.clone(), now));
        Ok(file)
    }

    fn forget(&self, number: u64) {
        self.open.lock().by_number.remove(&number);
    }
}

/// A sealed file that is opened as needed.
#[derive(Debug)]
pub(crate) struct LazyFile {
    handles: Arc<Handles>,
    number: u64,
    path: PathBuf,
    len: u64,
}

impl LazyFile {
    /// `number` is the file's own, while the process lives.
    pub(crate) fn open(
        handles: &Arc<Handles>,
        number: u64,
        path: &Path,
    ) -> io::Result<Arc<LazyFile>> {
        let len = handles.get(number, path)?.len();
        Ok(Arc::new(LazyFile { handles: handles.clone(), number, path: path.to_owned(), len }))
    }
}

impl ReadFile for LazyFile {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.handles.get(self.number, &self.path)?.read_at(offset, buf)
    }
}

impl Drop for LazyFile {
    fn drop(&mut self) {
        self.handles.forget(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::RealFiles;

    #[test]
    fn more_files_than_handles_can_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let handles = Handles { files: Arc::new(RealFiles), most: 8, open: Mutex::default() };
        let handles = Arc::new(handles);
        let files: Vec<Arc<LazyFile>> = (0..50_u8)
            .map(|number| {
                let path = dir.path().join(number.to_string());
                std::fs::write(&path, [number; 100]).unwrap();
                LazyFile::open(&handles, number.into(), &path).unwrap()
            })
            .collect();
        for number in (0..50_u8).chain((0..50).rev()) {
            let mut bytes = [0; 10];
            files[usize::from(number)].read_at(90, &mut bytes).unwrap();
            assert_eq!(bytes, [number; 10]);
            assert!(handles.open.lock().by_number.len() <= 8);
        }
        drop(files);
        assert!(handles.open.lock().by_number.is_empty(), "closed with the last reader");
    }
}
