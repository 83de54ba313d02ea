//! What all handlers share, and the one way from them to the store.
//!
//! The store and the queries are blocking code. [`App::ask`] runs it on the blocking pool, with a
//! bound on how much runs at once and a deadline; when a client goes away its question is
//! cancelled.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use durward_model::{Id, Timestamp};
use durward_query::{Budget, Engine};
use durward_store::{Store, View};
use tokio::sync::Semaphore;

use crate::config::ServerConfig;
use crate::error::ApiError;
use crate::metrics::Metrics;

/// Bytes that one permit of [`App::bodies`] stands for.
pub(crate) const BODY_PERMIT_BYTES: u64 = 64 << 10;

/// Shared by all handlers.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) config: ServerConfig,
    pub(crate) store: Arc<Store>,
    pub(crate) engine: Arc<Engine>,
    pub(crate) metrics: Metrics,
    pub(crate) queries: Arc<Semaphore>,
    pub(crate) exports: Arc<Semaphore>,
    /// Memory for request bodies, in units of [`BODY_PERMIT_BYTES`].
    pub(crate) bodies: Arc<Semaphore>,
    /// Differs from one start to the next.
    boot: Id,
    requests: AtomicU64,
}

/// What a question is answered from.
pub(crate) struct Asked {
    pub(crate) engine: Arc<Engine>,
    pub(crate) view: Arc<View>,
    pub(crate) budget: Budget,
}

/// Tells a running question that nobody waits for it any more.
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl App {
    pub(crate) fn new(config: ServerConfig, store: Arc<Store>) -> App {
        let permits = usize::try_from(config.bodies_bytes_max / BODY_PERMIT_BYTES);
        let permits = permits.unwrap_or(usize::MAX).clamp(1, Semaphore::MAX_PERMITS);
        let start = format!("{} {}", Timestamp::now(), std::process::id());
        App {
            queries: Arc::new(Semaphore::new(config.queries_max.max(1))),
            exports: Arc::new(Semaphore::new(config.exports_max.max(1))),
            bodies: Arc::new(Semaphore::new(permits)),
            engine: Arc::new(Engine::new()),
            metrics: Metrics::default(),
            boot: Id::hash(start.as_bytes()),
            requests: AtomicU64::new(0),
            config,
            store,
        }
    }

    /// Runs a question on the blocking pool.
    pub(crate) async fn ask<T, F>(self: &Arc<Self>, question: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&Asked) -> Result<T, ApiError> + Send + 'static,
    {
        let timeout = self.config.query_timeout;
        let permit = tokio::time::timeout(timeout, self.queries.clone().acquire_owned());
        let permit = permit.await.map_err(|_| ApiError::busy())?;
        let permit = permit.map_err(|_| ApiError::busy())?;
        let cancelled = Arc::new(AtomicBool::new(false));
        let _cancel = CancelOnDrop(cancelled.clone());
        let app = self.clone();
        let work = tokio::task::spawn_blocking(move || {
            // The permit is held until the work ends, not until the client has gone.
            let _permit = permit;
            let mut budget = Budget::of_time(timeout);
            budget.cancelled = Some(cancelled);
            question(&app.asked(budget))
        });
        work.await.map_err(|error| ApiError::internal(&error))?
    }

    pub(crate) fn asked(&self, budget: Budget) -> Asked {
        Asked { view: self.store.view(), engine: self.engine.clone(), budget }
    }

    /// An identifier for a request, unique among starts and requests.
    pub(crate) fn new_request_id(&self) -> Id {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let mut bytes = self.boot.0.to_vec();
        bytes.extend(number.to_le_bytes());
        let Id(mut id) = Id::hash(&bytes);
        // The bits that say "made at random".
        id[6] = id[6] & 0x0f | 0x40;
        id[8] = id[8] & 0x3f | 0x80;
        Id(id)
    }

    /// Names what a view shows; the same text means that nothing has changed.
    pub(crate) fn version_of(&self, view: &View) -> String {
        let boot = self.boot.to_string();
        format!("{}-{:x}", &boot[..8], view.version())
    }
}
