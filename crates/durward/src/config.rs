//! The configuration file.
//!
//! One TOML file; everything in it has a default, and `docs/configuration.md` lists them all. A
//! key that is not known is refused with its place, because a setting that is silently without
//! effect is worse than none. What is hard-coded elsewhere is so until somebody needs the knob.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use durward_model::time::DateOrder;
use durward_model::{Log, Timestamp};
use durward_server::ServerConfig;
use durward_store::StoreOptions;
use serde::{Deserialize, Serialize};

mod access;
mod alerts;
mod detections;
mod server;
mod units;

pub(crate) use units::span as parse_span;

use access::Access;
use alerts::Alerts;
use detections::Detections;
use server::Server;
use units::{Size, Span};

/// Everything that can be set.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// The data directory; `--data` goes before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<PathBuf>,
    pub(crate) server: Server,
    pub(crate) access: Access,
    pub(crate) store: Storage,
    pub(crate) retention: Retention,
    pub(crate) detections: Detections,
    pub(crate) alerts: Alerts,
}

/// What keeps.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Storage {
    seal_after: Span,
    seal_rows: usize,
    unsealed_max: Size,
    cache_max: Size,
    file_rows: usize,
    keep_replaced: Span,
}

/// How many days each log is kept; a log that is not set is kept for ever.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Retention {
    #[serde(skip_serializing_if = "Option::is_none")]
    interactive_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    non_interactive_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_principal_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    managed_identity_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audit_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provisioning_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    risk_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    other_days: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    holds: Vec<Hold>,
}

/// Days that are kept whatever their age, for a legal hold.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hold {
    from: String,
    to: String,
}

impl Default for Storage {
    fn default() -> Storage {
        let theirs = StoreOptions::default();
        Storage {
            seal_after: Span(theirs.seal_after),
            seal_rows: theirs.seal_rows,
            unsealed_max: Size(theirs.hot_bytes_max as u64),
            cache_max: Size(theirs.cache_bytes as u64),
            file_rows: theirs.file_rows,
            keep_replaced: Span(theirs.keep_replaced),
        }
    }
}

impl Config {
    /// Reads a file, or gives the defaults where there is none.
    pub(crate) fn read(path: Option<&Path>) -> Result<Config> {
        let Some(path) = path else { return Ok(Config::default()) };
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("reading the configuration {}", path.display()))?;
        Config::parse(&text, &path.to_string_lossy())
    }

    fn parse(text: &str, file: &str) -> Result<Config> {
        let config: Config = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let line = text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
            let message = error.message().replace("unknown field", "unknown key");
            anyhow!("{file}, line {line}: {message}")
        })?;
        config.check().with_context(|| file.to_owned())?;
        Ok(config)
    }

    /// Refuses what cannot work. The bounds are far from anything useful.
    pub(crate) fn check(&self) -> Result<()> {
        const MIB: u64 = 1 << 20;
        let store = &self.store;
        for (key, size) in
            [("store.unsealed_max", store.unsealed_max), ("store.cache_max", store.cache_max)]
        {
            if size.0 < MIB {
                bail!("{key}: at least 1MiB");
            }
        }
        for (key, number, least) in
            [("store.seal_rows", store.seal_rows, 100), ("store.file_rows", store.file_rows, 1000)]
        {
            if number < least {
                bail!("{key}: at least {least}");
            }
        }
        if store.seal_after.0.is_zero() {
            bail!("store.seal_after: more than no time at all");
        }
        self.server.check()?;
        self.access.check()?;
        self.retention.holds()?;
        self.detections.settings()?;
        self.alerts.routes()?;
        self.alerts.deliver()?;
        Ok(())
    }

    /// The effective configuration as TOML.
    pub(crate) fn to_toml(&self) -> Result<String> {
        Ok(toml::to_string(self)?)
    }

    /// What the server is told.
    pub(crate) fn server(&self) -> ServerConfig {
        self.server.config()
    }

    /// What the store is told.
    pub(crate) fn store(&self) -> Result<StoreOptions> {
        let store = &self.store;
        let bytes = |size: Size| usize::try_from(size.0).unwrap_or(usize::MAX);
        Ok(StoreOptions {
            seal_after: store.seal_after.0,
            seal_rows: store.seal_rows,
            hot_bytes_max: bytes(store.unsealed_max),
            cache_bytes: bytes(store.cache_max),
            file_rows: store.file_rows,
            keep_replaced: store.keep_replaced.0,
            retention_days: self.retention.days(),
            holds: self.retention.holds()?,
            ..StoreOptions::default()
        })
    }
}

impl Retention {
    fn days(&self) -> std::collections::BTreeMap<Log, u32> {
        let by_log = [
            (Log::InteractiveUser, self.interactive_days),
            (Log::NonInteractiveUser, self.non_interactive_days),
            (Log::ServicePrincipal, self.service_principal_days),
            (Log::ManagedIdentity, self.managed_identity_days),
            (Log::Audit, self.audit_days),
            (Log::Provisioning, self.provisioning_days),
            (Log::Risk, self.risk_days),
            (Log::Other, self.other_days),
        ];
        by_log.into_iter().filter_map(|(log, days)| Some((log, days?))).collect()
    }

    /// First and last day of each hold, days since 1970.
    fn holds(&self) -> Result<Vec<(i32, i32)>> {
        let day = |text: &str| {
            let time = Timestamp::parse(&format!("{text}T00:00:00Z"), DateOrder::default());
            let time = time.filter(|_| text.len() == 10);
            time.map(Timestamp::day).with_context(|| {
                format!("retention.holds: `{text}` is not a day such as 2026-03-01")
            })
        };
        let mut holds = Vec::new();
        for hold in &self.holds {
            let (from, to) = (day(&hold.from)?, day(&hold.to)?);
            if from > to {
                bail!("retention.holds: {} is after {}", hold.from, hold.to);
            }
            holds.push((from, to));
        }
        Ok(holds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        format!("{:#}", Config::parse(text, "durward.toml").unwrap_err())
    }

    #[test]
    fn the_page_lists_the_defaults() {
        let page = include_str!("../../../docs/configuration.md");
        let block = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
        let listed: Config = toml::from_str(block).unwrap();
        assert_eq!(listed, Config::default());
        // Every key is there, not only those that happen to be listed.
        let named: toml::Table = toml::from_str(block).unwrap();
        let all: toml::Table = toml::from_str(&Config::default().to_toml().unwrap()).unwrap();
        for section in ["server", "access", "store"] {
            let keys = |table: &toml::Table| -> Vec<String> {
                table[section].as_table().unwrap().keys().cloned().collect()
            };
            assert_eq!(keys(&named), keys(&all), "{section}");
        }
    }

    #[test]
    fn what_is_printed_can_be_read_again() {
        let text = "data = \"/srv/d\"\n[server]\nlisten = \"127.0.0.1:81\"\n[retention]\n\
                    interactive_days = 90\nholds = [{ from = \"2026-01-01\", to = \"2026-02-01\" }]\n";
        let config = Config::parse(text, "x").unwrap();
        assert_eq!(Config::parse(&config.to_toml().unwrap(), "y").unwrap(), config);
        let store = config.store().unwrap();
        assert_eq!(store.retention_days, [(Log::InteractiveUser, 90)].into());
        assert_eq!(store.holds, [(20_454, 20_485)]);
        assert_eq!(config.server().listen.port(), 81);
    }

    #[test]
    fn an_unknown_key_is_refused_with_file_line_and_key() {
        let said = refused("[server]\nlisten = \"127.0.0.1:1\"\n\nqueries = 4\n");
        assert!(said.starts_with("durward.toml, line 4: unknown key `queries`"), "{said}");
        let said = refused("[servers]\n");
        assert!(said.starts_with("durward.toml, line 1: unknown key `servers`"), "{said}");
    }

    #[test]
    fn values_that_cannot_work_are_refused() {
        for (text, expected) in [
            ("[store]\nseal_after = \"30\"", "line 2: `30` is not a length of time"),
            ("[store]\nseal_after = \"0s\"", "store.seal_after"),
            ("[store]\nseal_rows = -1", "line 2"),
            ("[store]\ncache_max = \"1KiB\"", "store.cache_max: at least 1MiB"),
            ("[server]\nlisten = \"0.0.0.0:7400\"", "server.listen: 0.0.0.0:7400 can be reached"),
            ("[server]\nqueries_max = 0", "server.queries_max: at least 1"),
            ("[server\n", "line 1"),
            (
                "[retention]\nholds = [{ from = \"2026-02-31\", to = \"2026-03-01\" }]",
                "`2026-02-31` is not a day",
            ),
            (
                "[retention]\nholds = [{ from = \"2026-03-02\", to = \"2026-03-01\" }]",
                "2026-03-02 is after 2026-03-01",
            ),
        ] {
            let said = refused(text);
            assert!(said.contains(expected), "{text}: {said}");
        }
    }
}
