//! Logs go to standard error, so that standard output stays what was asked for.

use std::io::IsTerminal as _;

use anyhow::{Result, anyhow};
use tracing_subscriber::EnvFilter;

/// The environment variable that sets what is logged.
const VARIABLE: &str = "DURWARD_LOG";

/// Starts logging. `level` holds unless the environment says otherwise.
pub(crate) fn start(level: &str) -> Result<()> {
    let wanted = std::env::var(VARIABLE).ok().filter(|text| !text.is_empty());
    let filter = EnvFilter::try_new(wanted.as_deref().unwrap_or(level))
        .map_err(|error| crate::bad_usage(format!("{VARIABLE}: {error}")))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .try_init()
        .map_err(|error| anyhow!("logging cannot be started: {error}"))
}
