//! Listening, and stopping.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use durward_access::AccessError;
use durward_detect::WatchError;
use durward_store::Store;
use tokio::net::TcpListener;

use crate::access::AccessOptions;
use crate::app::App;
use crate::config::ServerConfig;
use crate::connections::Connections;
use crate::deliver::ChannelError;
use crate::detect::{DetectOptions, StartError};
use crate::guard::{self, Admission, ListenRefused};
use crate::routes;
use crate::tls::{Tls, TlsError};

/// The server cannot listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// Other machines could reach the address, and it is not protected.
    #[error(transparent)]
    Refused(#[from] ListenRefused),
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// What is known of people and tokens cannot be used.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The log cannot be watched.
    #[error("watching the log: {0}")]
    Watch(#[from] WatchError),
    /// The system gives no thread.
    #[error("starting a thread: {0}")]
    Thread(std::io::Error),
    /// A channel that alerts are delivered to cannot be.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// The system refuses the address.
    #[error("cannot listen on {listen}: {source}")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
}

impl From<StartError> for BindError {
    fn from(error: StartError) -> BindError {
        match error {
            StartError::Access(error) => BindError::Access(error),
            StartError::Watch(error) => BindError::Watch(error),
            StartError::Thread(error) => BindError::Thread(error),
            StartError::Channel(error) => BindError::Channel(error),
        }
    }
}

/// A server that listens, but does not answer yet.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    local: SocketAddr,
    tls: Option<Arc<Tls>>,
    app: Arc<App>,
}

/// Listens on the configured address. One that other machines can reach is taken only if what is
/// sent cannot be read on the way, and callers can prove who they are.
///
/// # Errors
/// [`BindError`] if the address is refused, the certificate cannot be used, or the address cannot
/// be listened on.
pub async fn bind(
    config: ServerConfig,
    store: Arc<Store>,
    access: AccessOptions,
    watched: DetectOptions,
) -> Result<Bound, BindError> {
    let admission = match access.has_way_in {
        _ if access.is_demo => Admission::Everybody,
        true => Admission::Callers,
        false => Admission::Nobody,
    };
    guard::check_listen(&config, admission)?;
    let tls = config.tls.clone().map(Tls::open).transpose()?.map(Arc::new);
    let listen = config.listen;
    let failed = |source| BindError::Listen { listen, source };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let local = listener.local_addr().map_err(failed)?;
    let app = Arc::new(App::new(config, store, access, watched)?);
    Ok(Bound { listener, local, tls, app })
}

impl Bound {
    /// Where it listens, with the port that was taken.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The address for people: the public one, or that of this machine.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        match &self.app.config.public_url {
            Some(url) => url.to_string(),
            None => format!("{scheme}://{}", self.local),
        }
    }

    /// Answers requests until `shutdown` completes; then takes no new ones and waits for those
    /// under way, up to [`ServerConfig::shutdown_timeout`].
    pub async fn serve(self, shutdown: impl Future<Output = ()> + Send) {
        let config = Arc::new(self.app.config.clone());
        let app = self.app.clone();
        let shutdown = async move {
            shutdown.await;
            // Live lists never end by themselves.
            app.live.close();
        };
        let (served, within) = (self.app.clone(), config.shutdown_timeout);
        let connections = Connections::new(config, self.tls, routes::router(self.app));
        connections.serve(self.listener, shutdown).await;
        served.deliver.stop(within).await;
    }
}
