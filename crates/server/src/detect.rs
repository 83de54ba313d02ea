//! What is found in the log while the server runs.

use std::path::PathBuf;
use std::sync::Arc;

use durward_access::AccessError;
use durward_detect::rules::Placeholders;
use durward_detect::{Book, Settings, Watch, WatchError, WatchStatus, Watcher};
use durward_store::Store;

use crate::deliver::{ChannelError, DeliverOptions};

/// What to watch for.
#[derive(Debug)]
pub struct DetectOptions {
    /// Where findings, risk, rules and alerts are.
    pub book: Arc<Book>,
    /// What the configuration says of detections.
    pub settings: Settings,
    /// Values of the placeholders that Sigma rules may name.
    pub placeholders: Placeholders,
    /// The data directory, if the log is to be watched; saved states are kept there.
    pub watch: Option<PathBuf>,
    /// How alerts are delivered; to whom is in the settings.
    pub deliver: DeliverOptions,
}

/// The server cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// The accounts.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The detections.
    #[error(transparent)]
    Watch(#[from] WatchError),
    /// No thread could be started.
    #[error("starting a thread: {0}")]
    Thread(std::io::Error),
    /// A channel of alerts.
    #[error(transparent)]
    Channel(#[from] ChannelError),
}

/// Findings, and the one who finds them.
#[derive(Debug)]
pub(crate) struct Detect {
    pub(crate) book: Arc<Book>,
    /// What the configuration says; what was chosen in pages goes over it.
    pub(crate) configured: Settings,
    /// Values of the placeholders that Sigma rules may name.
    pub(crate) placeholders: Placeholders,
    watch: Option<Watch>,
}

impl Detect {
    pub(crate) fn start(store: Arc<Store>, options: DetectOptions) -> Result<Detect, StartError> {
        let DetectOptions { book, settings, placeholders, watch, .. } = options;
        let watch = match watch {
            Some(dir) => {
                let watcher = Watcher::new(
                    store,
                    book.clone(),
                    &dir,
                    settings.clone(),
                    placeholders.clone(),
                )?;
                Some(Watch::start(watcher, |_| {}).map_err(StartError::Thread)?)
            }
            None => None,
        };
        Ok(Detect { book, configured: settings, placeholders, watch })
    }

    /// How watching goes; `None` where nobody watches.
    pub(crate) fn status(&self) -> Option<WatchStatus> {
        self.watch.as_ref().map(Watch::status)
    }

    /// Something was decided that changes what is found.
    pub(crate) fn wake(&self) {
        if let Some(watch) = &self.watch {
            watch.wake();
        }
    }
}
