//! Listening, and stopping.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::Request;
use axum::{Router, ServiceExt};
use durward_store::Store;
use tokio::net::TcpListener;
use tower::Layer;
use tower::util::MapRequestLayer;

use crate::app::App;
use crate::config::ServerConfig;
use crate::guard::{self, NotLoopback};
use crate::{path, routes};

/// The server cannot listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// Other machines could reach the address.
    #[error(transparent)]
    NotLoopback(#[from] NotLoopback),
    /// The system refuses the address.
    #[error("cannot listen on {listen}: {source}")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
}

/// A server that listens, but does not answer yet.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    local: SocketAddr,
    app: Arc<App>,
}

/// Listens on the configured address. Only loopback addresses are taken: anybody who reaches the
/// server can read and push everything, since there is no access control yet.
///
/// # Errors
/// [`BindError`] if the address is not loopback or cannot be listened on.
pub async fn bind(config: ServerConfig, store: Arc<Store>) -> Result<Bound, BindError> {
    guard::check_listen(config.listen)?;
    let listen = config.listen;
    let failed = |source| BindError::Listen { listen, source };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let local = listener.local_addr().map_err(failed)?;
    Ok(Bound { listener, local, app: Arc::new(App::new(config, store)) })
}

impl Bound {
    /// Where it listens, with the port that was taken.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Answers requests until `shutdown` completes; then takes no new ones and waits for those
    /// under way, up to [`ServerConfig::shutdown_timeout`].
    ///
    /// # Errors
    /// Those of the listener.
    pub async fn serve(self, shutdown: impl Future<Output = ()> + Send) -> std::io::Result<()> {
        let timeout = self.app.config.shutdown_timeout;
        let (stop, stopping) = tokio::sync::watch::channel(false);
        let mut told = stopping.clone();
        let told = async move {
            // An error means that the sender has gone, which is the same message.
            let _ = told.wait_for(|stop| *stop).await;
        };
        let service = service(self.app);
        let make = ServiceExt::<Request>::into_make_service(service);
        let server = axum::serve(self.listener, make).with_graceful_shutdown(told).into_future();
        let mut server = std::pin::pin!(server);
        tokio::select! {
            done = &mut server => return done,
            () = shutdown => {}
        }
        // Nobody listens only if the server has ended, which is what is wanted.
        let _ = stop.send(true);
        match tokio::time::timeout(timeout, server).await {
            Ok(done) => done,
            Err(_) => {
                tracing::warn!("requests did not end in {timeout:?} and are cut off");
                Ok(())
            }
        }
    }
}

type Service = tower::util::MapRequest<Router, fn(Request) -> Request>;

/// The router, behind the step that brings addresses into one spelling.
fn service(app: Arc<App>) -> Service {
    MapRequestLayer::new(path::normalise as fn(Request) -> Request).layer(routes::router(app))
}
