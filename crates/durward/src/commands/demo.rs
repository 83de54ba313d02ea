//! `durward demo`: an invented tenant in a throw-away directory, alive.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use durward_generate::{Tenant, TenantOptions};
use durward_store::{Store, StoreOptions};
use serde_json::json;

use super::serve;
use crate::cli::Common;
use crate::config::Config;
use crate::{data, doors, output};

mod traffic;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Address and port to listen on [default: 127.0.0.1:7400, or another port if that is taken]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// Days of sign-ins to begin with
    #[arg(long, default_value_t = 30, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=365))]
    days: u32,
    /// Which tenant: the same seed gives the same people and applications
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
}

/// How long to wait for the days before serving what is there and loading on.
const OPEN_AFTER: Duration = Duration::from_secs(8);

/// Serves the demo until told to stop, and removes its directory. `--data` has no effect.
pub(crate) fn run(args: &Args, common: &Common) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("durward-demo-").tempdir();
    let folder = folder.context("making a directory for the demo")?;
    let mut config = Config::default();
    config.server.listen = args.listen.unwrap_or_else(|| free_address(config.server.listen));
    let holder = serve::holder(config.server.listen);
    let store = data::open(folder.path(), StoreOptions { holder, ..config.store()? })?;
    let store = Arc::new(store);

    let tenant = Arc::new(Tenant::new(args.seed, TenantOptions::demo()));
    let traffic = traffic::Traffic::start(&store, &tenant, args.days, common.json)?;
    let doors = doors::open(&config, folder.path(), true)?;
    let watched = serve::watched(&config, folder.path())?;
    let served = serve::serve(&config, &store, doors, watched, |url, stopping| {
        let is_loaded = traffic.wait_until_loaded(OPEN_AFTER, stopping);
        announce(&store, &tenant, args.days, url, is_loaded, common.json)
    });
    let ended = traffic.stop();
    // The directory goes with everything in it, so there is nothing to write to files first.
    drop(store);
    folder.close().context("removing the demo's directory")?;
    served.and(ended)
}

fn announce(
    store: &Store,
    tenant: &Tenant,
    days: u32,
    url: &str,
    is_loaded: bool,
    is_json: bool,
) -> Result<()> {
    let events = store.view().live_rows(&durward_model::Log::SIGN_INS);
    if is_json {
        return output::json(&json!({ "url": url, "events": events, "complete": is_loaded }));
    }
    let so_far = if is_loaded { "" } else { " so far, more is being loaded" };
    output::line(format_args!(
        "\n  {url}\n\n{} sign-ins of {days} days at {}{so_far}; new ones arrive as you watch.\n\
         You are signed in as a demo administrator, as is everybody on this machine.\n\
         Everything is invented, and removed when you stop this with Ctrl-C.",
        output::count(events),
        tenant.domain(),
    ))
}

/// The usual address, or one with a free port if somebody has that.
fn free_address(usual: SocketAddr) -> SocketAddr {
    match TcpListener::bind(usual) {
        Ok(_) => usual,
        Err(_) => SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
    }
}
