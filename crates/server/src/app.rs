//! What all handlers share, and the one way from them to the store.
//!
//! The store and the queries are blocking code. [`App::ask`] runs it on the blocking pool, with a
//! bound on how much runs at once and a deadline; when a client goes away its question is
//! cancelled. Whoever asks gets a [`Reader`], which shows what its caller may see and no more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use durward_model::{Id, Timestamp};
use durward_query::{Budget, Engine, Reader, Sight};
use durward_store::Store;
use tokio::sync::Semaphore;

use crate::access::gate::unsupported_role;
use crate::access::{Access, AccessOptions, Caller, READ, gate};
use crate::backtest::Backtests;
use crate::config::ServerConfig;
use crate::deliver::Deliver;
use crate::detect::{Detect, DetectOptions, StartError};
use crate::error::ApiError;
use crate::export::Downloads;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::sign_in::OwnLog;

/// Bytes that one permit of [`App::bodies`] stands for.
pub(crate) const BODY_PERMIT_BYTES: u64 = 64 << 10;

/// Shared by all handlers.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) config: ServerConfig,
    pub(crate) store: Arc<Store>,
    pub(crate) engine: Arc<Engine>,
    pub(crate) access: Arc<Access>,
    pub(crate) limits: Limits,
    pub(crate) metrics: Metrics,
    /// What is found in the log.
    pub(crate) detect: Detect,
    /// What detections and rules would find.
    pub(crate) backtests: Backtests,
    /// Who tells people of alerts.
    pub(crate) deliver: Deliver,
    /// durward's own sign-ins.
    pub(crate) own_log: OwnLog,
    pub(crate) queries: Arc<Semaphore>,
    pub(crate) exports: Arc<Semaphore>,
    /// How far exports are that somebody watches.
    pub(crate) downloads: Downloads,
    /// Live lists that are open.
    pub(crate) live: Arc<Semaphore>,
    /// Memory for request bodies, in units of [`BODY_PERMIT_BYTES`].
    pub(crate) bodies: Arc<Semaphore>,
    /// Differs from one start to the next.
    boot: Id,
    requests: AtomicU64,
}

/// Tells a running question that nobody waits for it any more.
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl App {
    pub(crate) fn new(
        config: ServerConfig,
        store: Arc<Store>,
        access: AccessOptions,
        watched: DetectOptions,
    ) -> Result<App, StartError> {
        let permits = usize::try_from(config.bodies_bytes_max / BODY_PERMIT_BYTES);
        let permits = permits.unwrap_or(usize::MAX).clamp(1, Semaphore::MAX_PERMITS);
        let start = format!("{} {}", Timestamp::now(), std::process::id());
        let access = Access::new(access)?;
        let metrics = Metrics::default();
        let counters = metrics.sign_ins.clone();
        let deliver = Deliver::start(&watched.book, &watched.deliver, config.pages_url())?;
        Ok(App {
            deliver,
            detect: Detect::start(store.clone(), watched)?,
            backtests: Backtests::default(),
            own_log: OwnLog::start(store.clone(), access.own_tenant.clone(), counters),
            access: Arc::new(access),
            limits: Limits::new(&config.limits),
            queries: Arc::new(Semaphore::new(config.queries_max.max(1))),
            exports: Arc::new(Semaphore::new(config.exports_max.max(1))),
            downloads: Downloads::default(),
            live: Arc::new(Semaphore::new(config.live_max.max(1))),
            bodies: Arc::new(Semaphore::new(permits)),
            engine: Arc::new(Engine::new()),
            metrics,
            boot: Id::hash(start.as_bytes()),
            requests: AtomicU64::new(0),
            config,
            store,
        })
    }

    /// Runs a caller's question on the blocking pool.
    pub(crate) async fn ask<T, F>(
        self: &Arc<Self>,
        caller: &Caller,
        question: F,
    ) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&Reader) -> Result<T, ApiError> + Send + 'static,
    {
        self.ask_as(caller, caller.sight().clone(), question).await
    }

    /// Runs a question of a caller who sees less than they might.
    pub(crate) async fn ask_as<T, F>(
        self: &Arc<Self>,
        caller: &Caller,
        sight: Sight,
        question: F,
    ) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&Reader) -> Result<T, ApiError> + Send + 'static,
    {
        check_sight(caller, &sight)?;
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
            question(&app.reader(sight, budget))
        });
        work.await.map_err(|error| ApiError::internal(&error))?
    }

    /// What shows a sight of the log as it is now.
    pub(crate) fn reader(&self, sight: Sight, budget: Budget) -> Reader {
        Reader::new(self.engine.clone(), self.store.view(), sight, budget)
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

    /// A number used once: names the style sheet and script that one page lets in.
    pub(crate) fn new_nonce(&self) -> String {
        durward_access::random_secret().unwrap_or_else(|error| {
            // Without randomness a page goes without style and script rather than unprotected.
            tracing::error!(%error, "the system gives no random numbers");
            "none".to_owned()
        })
    }

    /// Names what a reader shows; the same text means that nothing has changed.
    pub(crate) fn version_of(&self, reader: &Reader) -> String {
        let boot = self.boot.to_string();
        format!("{}-{:x}", &boot[..8], reader.version())
    }
}

/// Refuses a caller who would see nothing at all, whatever is in the log.
pub(crate) fn check_sight(caller: &Caller, sight: &Sight) -> Result<(), ApiError> {
    if !sight.logs().is_empty() {
        return Ok(());
    }
    if caller.is_program() {
        return Err(gate::permission_missing(READ));
    }
    Err(unsupported_role(
        "User is not in the allowed roles, and durward does not know which user of the directory \
         this is, so there are no sign-ins of their own to show.",
    ))
}
