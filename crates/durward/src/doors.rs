//! Who may look, put together: the configuration, the accounts and the access log.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use durward_access::{AccessStore, LinkPurpose};
use durward_journal::Journal;
use durward_model::Timestamp;
use durward_server::AccessOptions;

use crate::config::Config;

/// Opens the accounts and the access log of a data directory.
pub(crate) fn open(config: &Config, dir: &Path, is_demo: bool) -> Result<AccessOptions> {
    let store = AccessStore::open(dir).context("opening accounts and tokens")?;
    let journal = Journal::open(dir).context("opening the access log")?;
    let now = Timestamp::now();
    store.prune(now).context("removing sessions that are over")?;
    let has_way_in = config.access.has_issuers() || store.has_way_in(now)?;
    Ok(AccessOptions {
        store: Arc::new(store),
        journal: Arc::new(journal),
        rules: config.access.rules(),
        provider: config.access.provider()?,
        bearers: config.access.bearers()?,
        sessions: config.access.sessions(),
        has_way_in,
        is_demo,
    })
}

/// Where the first administrator makes an account, if there is no other way in yet.
pub(crate) fn first_link(
    store: &AccessStore,
    has_way_in: bool,
    url: &str,
) -> Result<Option<String>> {
    if has_way_in {
        return Ok(None);
    }
    let secret = store.create_link(&LinkPurpose::FirstAdministrator, Timestamp::now())?;
    Ok(Some(format!("{url}/welcome/{secret}")))
}
