//! Connections: how many, how long, and what they carry.
//!
//! Nobody who can only connect gets far: there are so many connections at once, one address has
//! a quarter of them at most, and a connection has a few seconds to agree on TLS and then to
//! bring the head of a request. Where the server speaks plain HTTP off loopback, only its
//! proxies are listened to, so that no password ever comes by in the clear.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tower::ServiceExt as _;

use crate::client::{Client, Connection, address_key};
use crate::config::ServerConfig;
use crate::tls::Tls;
use crate::{guard, path};

/// Agreeing on TLS has to be done within this time.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait after the system could not give us a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);
/// Most of a request that is held before it is handled: its head, or a piece of its body.
const BUFFER_BYTES_MAX: usize = 128 << 10;

/// Everything that answers on connections.
pub(crate) struct Connections {
    config: Arc<ServerConfig>,
    tls: Option<Arc<Tls>>,
    router: Router,
    open: Arc<Semaphore>,
    by_address: Arc<Mutex<HashMap<String, usize>>>,
    /// Has a refusal been logged? Whoever scans the network would fill the log otherwise.
    told: AtomicBool,
}

/// Place of a connection among the others of its address.
struct Place {
    key: String,
    by_address: Arc<Mutex<HashMap<String, usize>>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by_address = self.by_address.lock();
        if let Some(count) = by_address.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&self.key);
            }
        }
    }
}

impl Connections {
    pub(crate) fn new(
        config: Arc<ServerConfig>,
        tls: Option<Arc<Tls>>,
        router: Router,
    ) -> Connections {
        let open = Semaphore::new(config.connections_max.clamp(1, Semaphore::MAX_PERMITS));
        Connections {
            config,
            tls,
            router,
            open: Arc::new(open),
            by_address: Arc::default(),
            told: AtomicBool::new(false),
        }
    }

    /// Answers until `shutdown` completes, then ends what is under way or, when its time is up,
    /// cuts it off.
    pub(crate) async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send,
    ) {
        let own = Arc::new(self);
        let (stop, stopping) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let mut shutdown = pin!(shutdown);
        let mut following = pin!(own.follow_certificate());
        loop {
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                never = &mut following => match never {},
                // What comes of a connection concerns nobody else.
                Some(_) = tasks.join_next() => {}
                (stream, peer, permit) = own.accept(&listener) => {
                    let Some(place) = own.place_for(peer.ip()) else { continue };
                    let held = (permit, place);
                    let (own, stopping) = (own.clone(), stopping.clone());
                    tasks.spawn(async move {
                        own.connection(stream, peer, stopping).await;
                        drop(held);
                    });
                }
            }
        }
        drop(listener);
        // Connections that have ended need not be told.
        let _ = stop.send(true);
        let patience = own.config.shutdown_timeout;
        let ended = timeout(patience, async { while tasks.join_next().await.is_some() {} }).await;
        if ended.is_err() {
            tracing::warn!("requests did not end in {patience:?} and are cut off");
            tasks.shutdown().await;
        }
    }

    async fn follow_certificate(&self) -> Infallible {
        match &self.tls {
            Some(tls) => tls.clone().follow(self.config.tls_poll).await,
            None => std::future::pending().await,
        }
    }

    /// The next connection, once there is room for it.
    async fn accept(
        &self,
        listener: &TcpListener,
    ) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
        loop {
            let Ok(permit) = self.open.clone().acquire_owned().await else {
                // Nobody closes the semaphore.
                std::future::pending().await
            };
            match listener.accept().await {
                Ok((stream, peer)) => return (stream, peer, permit),
                Err(error) if is_the_peers(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "a connection could not be taken");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// A place for a connection from this address; none if it may not have one.
    fn place_for(&self, peer: IpAddr) -> Option<Place> {
        let peer = peer.to_canonical();
        let is_trusted = peer.is_loopback() || self.config.is_proxy(peer);
        let is_open = self.tls.is_none() && !guard::is_local(self.config.listen);
        if is_open && !is_trusted {
            if !self.told.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    %peer,
                    "refused: without TLS only the proxies in server.proxies are listened to \
                     (this is said once)"
                );
            }
            return None;
        }
        let most = if is_trusted { usize::MAX } else { (self.config.connections_max / 4).max(1) };
        let key = address_key(peer);
        let mut by_address = self.by_address.lock();
        let count = by_address.entry(key.clone()).or_default();
        if *count >= most {
            tracing::debug!(%peer, "an address with too many connections");
            return None;
        }
        *count += 1;
        Some(Place { key, by_address: self.by_address.clone() })
    }

    async fn connection(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        mut stopping: watch::Receiver<bool>,
    ) {
        // Without, an answer is a little slower.
        let _ = stream.set_nodelay(true);
        let Some(tls) = &self.tls else {
            return self.answer(stream, Connection { peer, is_tls: false }, stopping).await;
        };
        let handshake = timeout(HANDSHAKE_TIMEOUT, tls.acceptor().accept(stream));
        let stream = tokio::select! {
            () = told(&mut stopping) => return,
            stream = handshake => stream,
        };
        match stream {
            Ok(Ok(stream)) => {
                self.answer(stream, Connection { peer, is_tls: true }, stopping).await
            }
            Ok(Err(error)) => tracing::debug!(%peer, %error, "no agreement on TLS"),
            Err(_) => tracing::debug!(%peer, "no agreement on TLS in time"),
        }
    }

    async fn answer(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        connection: Connection,
        mut stopping: watch::Receiver<bool>,
    ) {
        let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
            let mut request = path::normalise(request.map(Body::new));
            Client::attach(&self.config, connection, &mut request);
            self.router.clone().oneshot(request)
        });
        let mut serving = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(self.config.header_timeout)
                .max_buf_size(BUFFER_BYTES_MAX)
                .serve_connection(TokioIo::new(stream), service)
        );
        let ended = tokio::select! {
            ended = serving.as_mut() => ended,
            () = told(&mut stopping) => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(peer = %connection.peer, %error, "a connection broke");
        }
    }
}

/// Completes when the server is to stop.
async fn told(stopping: &mut watch::Receiver<bool>) {
    // An error means that the sender has gone, which is the same message.
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// Is it a matter of the one connection that could not be taken?
fn is_the_peers(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests;
