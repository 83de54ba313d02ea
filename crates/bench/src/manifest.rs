//! What was generated, and the parameters of the tasks: the same for every engine.

use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// Name of the file beside the events.
pub(crate) const FILE_NAME: &str = "manifest.json";

/// What was generated.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// Events.
    pub(crate) events: u64,
    /// Events of the four logs: interactive, non-interactive, service principal, managed identity.
    pub(crate) events_by_log: [u64; 4],
    /// Bytes of the files.
    pub(crate) bytes: u64,
    /// Seed of the tenant.
    pub(crate) seed: u64,
    /// People of the tenant.
    pub(crate) users: u32,
    /// Names of the files, relative to the manifest.
    pub(crate) files: Vec<String>,
    /// What the tasks ask for.
    pub(crate) tasks: Parameters,
}

/// What the tasks ask for.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Parameters {
    /// The end of every range of time, excluded: µs since 1970. A whole hour after the last event.
    pub(crate) end_micros: i64,
    /// The end of the windows of grouping, excluded: the last midnight, µs since 1970.
    pub(crate) midnight_micros: i64,
    /// A user's principal name.
    pub(crate) user: String,
    /// The first three octets of an address with a dot after each.
    pub(crate) address_prefix: String,
    /// A request identifier.
    pub(crate) request_id: String,
    /// A correlation identifier of several events.
    pub(crate) correlation_id: String,
    /// A part of a display name, in lower case.
    pub(crate) name_part: String,
    /// Codes of sign-ins that were interrupted.
    pub(crate) interrupted_codes: Vec<i64>,
}

impl Manifest {
    /// Reads the manifest of a folder that `prepare` wrote.
    pub(crate) fn read(dir: &Path) -> anyhow::Result<Manifest> {
        let path = dir.join(FILE_NAME);
        let text = std::fs::read(&path)
            .with_context(|| format!("no manifest in {}: run `prepare` first", dir.display()))?;
        Ok(serde_json::from_slice(&text)?)
    }

    /// Writes it into the folder.
    pub(crate) fn write(&self, dir: &Path) -> anyhow::Result<()> {
        std::fs::write(dir.join(FILE_NAME), serde_json::to_vec_pretty(self)?)?;
        Ok(())
    }
}
