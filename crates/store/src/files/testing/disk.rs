//! The state behind [`super::CrashFiles`]: names, contents and what of them is durable.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::Survival;
use crate::files::parent_of;

/// Unit in which unsynced bytes reach a disk on their own.
const PAGE_BYTES: usize = 4096;

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    Dir,
    File(usize),
}

type Names = BTreeMap<PathBuf, Node>;

/// A change of names that is not durable yet.
#[derive(Debug, Clone)]
pub(super) enum NameChange {
    MakeDir { path: PathBuf },
    Link { path: PathBuf, inode: usize },
    Rename { from: PathBuf, to: PathBuf, inode: usize },
    Unlink { path: PathBuf, node: Node },
}

impl NameChange {
    fn apply(&self, names: &mut Names) {
        match self {
            NameChange::MakeDir { path } => {
                names.insert(path.clone(), Node::Dir);
            }
            NameChange::Link { path, inode } => {
                names.insert(path.clone(), Node::File(*inode));
            }
            NameChange::Rename { from, to, inode } => {
                if names.get(from) == Some(&Node::File(*inode)) {
                    names.remove(from);
                }
                names.insert(to.clone(), Node::File(*inode));
            }
            NameChange::Unlink { path, node } => {
                if names.get(path) == Some(node) {
                    names.remove(path);
                }
            }
        }
    }

    fn is_in(&self, dir: &Path) -> bool {
        match self {
            NameChange::MakeDir { path }
            | NameChange::Link { path, .. }
            | NameChange::Unlink { path, .. } => parent_of(path) == dir,
            NameChange::Rename { from, to, .. } => parent_of(from) == dir || parent_of(to) == dir,
        }
    }
}

/// A change of content that is not durable yet.
#[derive(Debug, Clone)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Truncate(usize),
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Change::Write { offset, bytes } => {
                let end = offset + bytes.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[*offset..end].copy_from_slice(bytes);
            }
            Change::Truncate(len) => content.resize(*len, 0),
        }
    }
}

/// The content of one file, whatever its names.
#[derive(Debug, Clone, Default)]
pub(super) struct Inode {
    pub(super) live: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Change>,
}

impl Inode {
    pub(super) fn write(&mut self, offset: usize, bytes: &[u8]) {
        self.change(Change::Write { offset, bytes: bytes.to_vec() });
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.change(Change::Truncate(len));
    }

    pub(super) fn sync(&mut self) {
        for change in self.pending.drain(..) {
            change.apply(&mut self.durable);
        }
    }

    /// What a failed sync does: the system takes the pages for written, and never tries again.
    pub(super) fn fail_sync(&mut self) {
        self.pending.clear();
    }

    /// Makes `content` what is both seen and safe.
    pub(super) fn set_durable(&mut self, content: Vec<u8>) {
        self.durable.clone_from(&content);
        self.live = content;
        self.pending.clear();
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.live);
        self.pending.push(change);
    }

    fn survivor(&self, survival: Survival, random: &mut Random) -> Vec<u8> {
        match survival {
            Survival::Random(_) if random.one_in(2) => self.prefix(random),
            Survival::Random(_) => self.scattered_pages(random),
            Survival::Synced | Survival::Everything => self.durable.clone(),
        }
    }

    /// The first few changes, the last of them perhaps in part.
    fn prefix(&self, random: &mut Random) -> Vec<u8> {
        let mut content = self.durable.clone();
        let whole = random.below(self.pending.len() + 1);
        for change in &self.pending[..whole] {
            change.apply(&mut content);
        }
        if let Some(Change::Write { offset, bytes }) = self.pending.get(whole)
            && random.one_in(2)
        {
            let bytes = bytes[..random.below(bytes.len() + 1)].to_vec();
            Change::Write { offset: *offset, bytes }.apply(&mut content);
        }
        content
    }

    /// The final length, but of the changed pages only some: the others are old or zero.
    fn scattered_pages(&self, random: &mut Random) -> Vec<u8> {
        let mut content = self.durable.clone();
        content.resize(self.live.len(), 0);
        let pages = content.chunks_mut(PAGE_BYTES).zip(self.live.chunks(PAGE_BYTES));
        for (found, live) in pages {
            if random.one_in(2) {
                found.copy_from_slice(live);
            }
        }
        content
    }
}

/// The whole disk.
#[derive(Debug, Clone, Default)]
pub(super) struct Disk {
    pub(super) live: Names,
    pub(super) inodes: Vec<Inode>,
    pub(super) operations: u64,
    pub(super) file_syncs: u64,
    /// How many of the next syncs of files fail.
    pub(super) failing_syncs: u64,
    /// Count of operations from which on everything fails.
    pub(super) cut_at: Option<u64>,
    /// Whether the cut has happened.
    pub(super) dark: bool,
    durable: Names,
    pending: Vec<NameChange>,
}

impl Disk {
    pub(super) fn new_inode(&mut self) -> usize {
        self.inodes.push(Inode::default());
        self.inodes.len() - 1
    }

    pub(super) fn file(&self, path: &Path) -> io::Result<usize> {
        match self.live.get(path) {
            Some(Node::File(inode)) => Ok(*inode),
            Some(Node::Dir) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::Error::new(io::ErrorKind::NotFound, path.display().to_string())),
        }
    }

    pub(super) fn require_dir(&self, dir: &Path) -> io::Result<()> {
        let found = is_root(dir) || self.live.get(dir) == Some(&Node::Dir);
        let missing = || io::Error::new(io::ErrorKind::NotFound, dir.display().to_string());
        if found { Ok(()) } else { Err(missing()) }
    }

    pub(super) fn change_name(&mut self, change: NameChange) {
        change.apply(&mut self.live);
        self.pending.push(change);
    }

    pub(super) fn sync_names(&mut self, dir: &Path) {
        for change in std::mem::take(&mut self.pending) {
            if change.is_in(dir) {
                change.apply(&mut self.durable);
            } else {
                self.pending.push(change);
            }
        }
    }

    pub(super) fn after_crash(&self, survival: Survival) -> Disk {
        if survival == Survival::Everything {
            // Seen, but no more durable than before: the power may still go.
            let mut found = self.clone();
            (found.cut_at, found.dark) = (None, false);
            (found.operations, found.file_syncs) = (0, 0);
            return found;
        }
        let mut random = Random(match survival {
            Survival::Random(seed) => seed,
            Survival::Synced | Survival::Everything => 0,
        });
        let mut names = self.durable.clone();
        for change in &self.pending {
            let survives = match survival {
                Survival::Random(_) => random.one_in(2),
                Survival::Synced | Survival::Everything => false,
            };
            if survives {
                change.apply(&mut names);
            }
        }
        // A name is found only if every folder above it is.
        let reachable = |path: &Path, names: &Names| {
            let mut folders = path.ancestors().skip(1).filter(|folder| !is_root(folder));
            folders.all(|folder| names.get(folder) == Some(&Node::Dir))
        };
        let found: Names = names
            .iter()
            .filter(|(path, _)| reachable(path, &names))
            .map(|(path, node)| (path.clone(), *node))
            .collect();
        let mut inodes = vec![Inode::default(); self.inodes.len()];
        for node in found.values() {
            if let Node::File(inode) = node {
                let content = self.inodes[*inode].survivor(survival, &mut random);
                inodes[*inode].set_durable(content);
            }
        }
        Disk { live: found.clone(), durable: found, inodes, ..Disk::default() }
    }
}

fn is_root(dir: &Path) -> bool {
    dir.parent().is_none() || dir == Path::new(".")
}

/// SplitMix64: enough randomness for a test, without a dependency.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}
