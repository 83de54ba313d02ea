//! The data directory: where it is, and opening what is in it.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use durward_store::{OpenError, Store, StoreOptions};

/// The environment variable that names the data directory.
const VARIABLE: &str = "DURWARD_DATA";

/// Where data is kept unless told otherwise: the directory that the platform has for it.
fn default_dir() -> Result<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let absolute = |path: &PathBuf| path.is_absolute();
    let home = || variable("HOME").filter(absolute);
    let dir = if cfg!(target_os = "windows") {
        variable("LOCALAPPDATA").filter(absolute)
    } else if cfg!(target_os = "macos") {
        home().map(|home| home.join("Library/Application Support"))
    } else {
        // A relative value has to be ignored, as the XDG specification says.
        let xdg = variable("XDG_DATA_HOME").filter(absolute);
        xdg.or_else(|| home().map(|home| home.join(".local/share")))
    };
    match dir {
        Some(dir) => Ok(dir.join("durward")),
        None => bail!("there is no home directory to keep data in; say where with --data DIR"),
    }
}

/// The directory to use: the one that is named, else that of the environment, else the default.
pub(crate) fn dir(named: Option<&Path>) -> Result<PathBuf> {
    dir_or(named, None)
}

/// As [`dir`], with one that a configuration file names before the default.
pub(crate) fn dir_or(named: Option<&Path>, configured: Option<&Path>) -> Result<PathBuf> {
    let environment = || std::env::var_os(VARIABLE).filter(|dir| !dir.is_empty());
    let dir = named.map(Path::to_owned).or_else(|| environment().map(PathBuf::from));
    let dir = dir.or_else(|| configured.map(Path::to_owned));
    dir.map_or_else(default_dir, Ok)
}

/// Options for a command that works by itself and ends.
pub(crate) fn options() -> StoreOptions {
    StoreOptions { background: false, ..StoreOptions::default() }
}

/// Opens a directory that must have data in it, for reading.
pub(crate) fn open_existing(dir: &Path) -> Result<Store> {
    if !dir.join("wal").is_dir() {
        bail!(
            "{} holds no data; take some in with `durward import PATH…`, or name another \
             directory with --data",
            dir.display()
        );
    }
    open(dir, options())
}

/// Opens a directory, which is made if it is not there.
pub(crate) fn open(dir: &Path, options: StoreOptions) -> Result<Store> {
    Store::open(dir, options).map_err(|error| match error {
        OpenError::Locked { holder, .. } if holder.starts_with("http://") => anyhow!(
            "{} is being served at {holder}. Ask there: pages at {holder}, the same searches at \
             {holder}/api/security/sign-in-logs?filter=FILTER. Send files there: curl --data-binary \
             @FILE -H 'Content-Type: application/octet-stream' {holder}/api/ingest/diagnostic. \
             Or stop that durward first",
            dir.display()
        ),
        OpenError::Locked { holder, .. } => anyhow!(
            "{} is in use by another durward ({holder}); try again when it is done",
            dir.display()
        ),
        other => anyhow!(other).context(format!("opening {}", dir.display())),
    })
}
