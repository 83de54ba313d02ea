//! `durward serve`: the pages and interfaces of a data directory.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use durward_detect::Book;
use durward_server::{AccessOptions, DetectOptions};
use durward_store::{Store, StoreOptions};
use serde_json::json;

use crate::cli::Common;
use crate::config::Config;
use crate::{data, doors, output};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Address and port to listen on; port 0 takes any that is free [default: 127.0.0.1:7400]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// Configuration file; docs/configuration.md lists what can be in it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Check the configuration, print what is in effect, and end
    #[arg(long)]
    check: bool,
}

/// Serves until told to stop.
pub(crate) fn run(args: &Args, common: &Common) -> Result<()> {
    let mut config = Config::read(args.config.as_deref())?;
    if let Some(listen) = args.listen {
        config.server.listen = listen;
    }
    let dir = data::dir_or(common.data.as_deref(), config.data.as_deref())?;
    config.data = Some(dir.clone());
    config.check()?;
    if args.check {
        return output::line(config.to_toml()?.trim_end());
    }
    let options = StoreOptions { holder: holder(config.server.listen), ..config.store()? };
    let store = Arc::new(data::open(&dir, options)?);
    let doors = doors::open(&config, &dir, false)?;
    let (is_json, has_way_in, people) = (common.json, doors.has_way_in, doors.store.clone());
    let watched = watched(&config, &dir)?;
    serve(&config, &store, doors, watched, |url, _| {
        let link = doors::first_link(&people, has_way_in, url)?;
        if is_json {
            return output::json(&json!({ "url": url, "data": dir, "firstLink": link }));
        }
        output::line(format_args!("durward serves {} at {url}", dir.display()))?;
        match link {
            Some(link) => output::line(format_args!(
                "Nobody can sign in yet. Make the first administrator, once, within a day:\n{link}"
            )),
            None => Ok(()),
        }
    })?;
    close(store)
}

/// What is watched for in a data directory.
pub(crate) fn watched(config: &Config, dir: &Path) -> Result<DetectOptions> {
    let book = Book::open(dir).context("opening the findings")?;
    let mut settings = config.detections.settings()?;
    settings.routes = config.alerts.routes()?;
    Ok(DetectOptions {
        book: Arc::new(book),
        settings,
        deliver: config.alerts.deliver()?,
        placeholders: config.detections.placeholders(),
        watch: config.detections.watch.then(|| dir.to_owned()),
    })
}

/// What another durward is told that finds the directory in use.
pub(crate) fn holder(listen: SocketAddr) -> String {
    match listen.port() {
        0 => format!("durward serve, process {}", std::process::id()),
        _ => format!("http://{listen}"),
    }
}

/// Serves until the process is told to stop. `ready` learns the address before requests are
/// answered; while it runs, the flag becomes true if the process is told to stop.
pub(crate) fn serve(
    config: &Config,
    store: &Arc<Store>,
    doors: AccessOptions,
    watched: DetectOptions,
    ready: impl FnOnce(&str, &AtomicBool) -> Result<()>,
) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?;
    runtime.block_on(async {
        // Listened for before anybody can know that the server is there.
        let signal = stop_signal().context("listening for signals")?;
        let stopping = Arc::new(AtomicBool::new(false));
        let flag = stopping.clone();
        let told = tokio::spawn(async move {
            signal.await;
            flag.store(true, Ordering::SeqCst);
        });
        let bound = durward_server::bind(config.server(), store.clone(), doors, watched)
            .await
            .with_context(
                || "the address cannot be used; name another with --listen, such as 127.0.0.1:7401",
            )?;
        ready(&bound.url(), &stopping)?;
        let told = async {
            // The task ends only when there was a signal.
            let _ = told.await;
        };
        bound.serve(told).await;
        Ok(())
    })
}

/// Completes when the process is asked to stop.
fn stop_signal() -> std::io::Result<impl Future<Output = ()> + Send> {
    #[cfg(unix)]
    let mut signals = {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let [interrupt, terminate, hangup] = kinds.map(signal);
        (interrupt?, terminate?, hangup?)
    };
    Ok(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = signals.0.recv() => {}
            _ = signals.1.recv() => {}
            _ = signals.2.recv() => {}
        }
        #[cfg(not(unix))]
        // Without a way to hear of Ctrl-C there is nothing to wait for but the end.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}

/// Writes what is in memory to files.
pub(crate) fn close(store: Arc<Store>) -> Result<()> {
    match Arc::into_inner(store) {
        Some(store) => store.close().context("writing the last rows to files"),
        // A request that was cut off still holds it. Nothing is lost: the log has every row.
        None => Ok(()),
    }
}
