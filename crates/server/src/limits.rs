//! What one caller may take, so that others get their share.
//!
//! Every caller has a rate, with a burst that a page full of pictures or a script starting up may
//! spend, and a number of requests that may be under way at once. A request is under way until
//! its body has been sent or the client has gone, so an export that nobody reads counts. Who has
//! not said who they are is counted by address; one household or office has many addresses of
//! IPv6, so there it is the network that counts.
//!
//! Callers are remembered only while it matters. If there are more of them at once than can be
//! remembered, the newest share one allowance and those that were known keep their own.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::Response;
use governor::clock::{Clock, MonotonicClock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::CallerLimits;
use crate::error::ApiError;

/// Callers remembered at once, of each kind.
const CALLERS_MAX: usize = 16_384;
/// Forgetting looks at every caller, so it is not done more often.
const FORGET_EVERY: Duration = Duration::from_secs(1);
/// The allowance that callers share who cannot be remembered. No key of a caller is empty.
const SHARED: &str = "";
/// How keys of those begin who have not said who they are.
const UNKNOWN: &str = "address ";
/// How paths begin that take records.
const PUSH: &str = "/api/ingest/";

/// The limits of all callers.
pub(crate) struct Limits<C: Clock = MonotonicClock> {
    /// Those who have said who they are.
    callers: Pool<C>,
    /// Those who have not.
    addresses: Pool<C>,
}

impl<C: Clock> fmt::Debug for Limits<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limits").field("limits", &self.callers.limits).finish_non_exhaustive()
    }
}

impl Limits {
    pub(crate) fn new(limits: &CallerLimits) -> Limits {
        Limits::with_clock(*limits, &MonotonicClock, CALLERS_MAX)
    }
}

impl<C: Clock + Clone> Limits<C> {
    fn with_clock(limits: CallerLimits, clock: &C, callers_max: usize) -> Limits<C> {
        let pool = || Pool::new(limits, clock.clone(), callers_max);
        Limits { callers: pool(), addresses: pool() }
    }

    /// A request for this path. How often records are pushed is up to the store, which says so
    /// when it has had enough; everything else counts.
    ///
    /// # Errors
    /// 429 if the caller has come too often, or has too much under way.
    pub(crate) fn enter(&self, caller: &str, path: &str) -> Result<InFlight, ApiError> {
        let is_known = !caller.starts_with(UNKNOWN);
        let pool = if is_known { &self.callers } else { &self.addresses };
        pool.enter(caller, !(is_known && path.starts_with(PUSH)))
    }
}

/// Callers of one kind.
struct Pool<C: Clock> {
    limits: CallerLimits,
    quota: Quota,
    clock: C,
    callers_max: usize,
    known: Mutex<Known<C>>,
}

struct Known<C: Clock> {
    callers: HashMap<String, Caller<C>>,
    forgotten: C::Instant,
}

/// What one caller has taken.
struct Caller<C: Clock> {
    rate: RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<C::Instant>>,
    slots: Arc<Semaphore>,
    last: C::Instant,
}

impl<C: Clock + Clone> Pool<C> {
    fn new(limits: CallerLimits, clock: C, callers_max: usize) -> Pool<C> {
        let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(at_least_one(limits.requests_per_second))
            .allow_burst(at_least_one(limits.requests_burst));
        let known = Known { callers: HashMap::new(), forgotten: clock.now() };
        Pool { limits, quota, clock, callers_max, known: Mutex::new(known) }
    }

    fn enter(&self, key: &str, is_rated: bool) -> Result<InFlight, ApiError> {
        let now = self.clock.now();
        let mut known = self.known.lock();
        let caller = self.caller(&mut known, key, now);
        caller.last = now;
        if is_rated && let Err(early) = caller.rate.check() {
            let wait = early.wait_time_from(now);
            let message =
                format!("more than {} requests a second", self.limits.requests_per_second);
            return Err(too_many(&message, wait));
        }
        let slot = caller.slots.clone().try_acquire_owned();
        let slot = slot.map_err(|_| {
            let at_once = self.limits.requests_at_once;
            too_many(&format!("more than {at_once} requests at once"), Duration::ZERO)
        })?;
        Ok(InFlight { _slot: slot })
    }

    fn caller<'k>(&self, known: &'k mut Known<C>, key: &str, now: C::Instant) -> &'k mut Caller<C> {
        if !known.callers.contains_key(key) && known.callers.len() >= self.callers_max {
            self.forget(known, now);
        }
        let is_full = known.callers.len() >= self.callers_max;
        let key = if is_full && !known.callers.contains_key(key) { SHARED } else { key };
        known.callers.entry(key.to_owned()).or_insert_with(|| Caller {
            rate: RateLimiter::direct_with_clock(self.quota, self.clock.clone()),
            slots: Arc::new(Semaphore::new(self.at_once())),
            last: now,
        })
    }

    /// Forgets the callers who would be allowed the same if they had never come.
    fn forget(&self, known: &mut Known<C>, now: C::Instant) {
        let since = |then: C::Instant| Duration::from(now.duration_since(then));
        if since(known.forgotten) < FORGET_EVERY {
            return;
        }
        known.forgotten = now;
        let whole = self.quota.burst_size_replenished_in();
        let idle = self.at_once();
        known.callers.retain(|_, caller| {
            caller.slots.available_permits() < idle || since(caller.last) < whole
        });
    }

    fn at_once(&self) -> usize {
        self.limits.requests_at_once.clamp(1, Semaphore::MAX_PERMITS)
    }
}

fn too_many(what: &str, wait: Duration) -> ApiError {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let seconds = u32::try_from(seconds).unwrap_or(u32::MAX).max(1);
    let message = format!("{what}; try again in {seconds} s");
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message).retry_after(seconds)
}

/// A request under way. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct InFlight {
    _slot: OwnedSemaphorePermit,
}

impl InFlight {
    /// Keeps the request under way until the answer has been sent, or cannot be.
    pub(crate) fn until_sent(self, response: Response) -> Response {
        response.map(|body| Body::new(Held { body, _in_flight: self }))
    }
}

/// A body that a request under way goes with.
struct Held {
    body: Body,
    _in_flight: InFlight,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    const LIMITS: CallerLimits =
        CallerLimits { requests_per_second: 2, requests_burst: 4, requests_at_once: 3 };

    fn limits(callers_max: usize) -> (Limits<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (Limits::with_clock(LIMITS, &clock, callers_max), clock)
    }

    /// How many requests in a row are let in, and what the next is told.
    fn spend(mut enter: impl FnMut() -> Result<InFlight, ApiError>) -> (usize, ApiError) {
        for count in 0..1000 {
            if let Err(error) = enter() {
                return (count, error);
            }
        }
        panic!("no limit");
    }

    #[test]
    fn a_burst_then_the_rate_and_others_are_served_meanwhile() {
        let (limits, clock) = limits(100);
        let (count, error) = spend(|| limits.enter("a", "/"));
        assert_eq!((count, error.status.as_u16(), error.code), (4, 429, "TooManyRequests"));
        assert_eq!(error.retry_after, Some(1));
        assert!(limits.enter("b", "/").is_ok());
        assert!(limits.enter("a", "/api/ingest/graph").is_ok(), "pushes are not counted");
        clock.advance(Duration::from_millis(500));
        assert_eq!(spend(|| limits.enter("a", "/")).0, 1, "two a second");
        clock.advance(Duration::from_secs(60));
        assert_eq!(spend(|| limits.enter("a", "/")).0, 4, "no more than the burst is saved up");
    }

    #[test]
    fn how_long_to_wait_is_told_in_whole_seconds() {
        let slow = CallerLimits { requests_per_second: 1, requests_burst: 1, requests_at_once: 9 };
        let clock = FakeRelativeClock::default();
        let limits = Limits::with_clock(slow, &clock, 9);
        assert!(limits.enter("a", "/").is_ok());
        assert_eq!(limits.enter("a", "/").unwrap_err().retry_after, Some(1));
        assert_eq!(too_many("x", Duration::from_millis(1001)).retry_after, Some(2));
    }

    #[test]
    fn requests_at_once_are_bounded_and_come_free() {
        let (limits, _) = limits(100);
        let push = "/api/ingest/diagnostic";
        let mut held: Vec<_> = (0..3).map(|_| limits.enter("a", push).unwrap()).collect();
        let refused = limits.enter("a", "/").unwrap_err();
        assert_eq!((refused.status.as_u16(), refused.retry_after), (429, Some(1)));
        assert!(limits.enter("a", push).is_err());
        assert!(limits.enter("b", "/").is_ok());
        held.pop();
        assert!(limits.enter("a", "/").is_ok());
    }

    #[test]
    fn a_request_is_under_way_until_its_body_is_dropped() {
        let (limits, _) = limits(100);
        let hold = || {
            let slot = limits.enter("a", "/api/ingest/graph");
            slot.map(|slot| slot.until_sent(Response::new("x".into())))
        };
        let answers: Vec<_> = (0..3).map(|_| hold().unwrap()).collect();
        assert_eq!(answers[0].body().size_hint().exact(), Some(1), "the length stays known");
        assert!(hold().is_err());
        drop(answers);
        assert!(hold().is_ok());
    }

    #[test]
    fn the_unknown_cannot_use_up_the_room_of_callers() {
        let (limits, _) = limits(2);
        let from = |address: &str| limits.enter(&format!("address {address}"), "/");
        let held: Vec<_> = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(from).into();
        assert!(held.iter().all(Result::is_ok));
        assert_eq!(spend(|| from("192.0.2.9")).0, 3, "what 192.0.2.3 has left of the shared room");
        assert_eq!(spend(|| limits.enter("a", "/")).0, 4);
        let push = || limits.enter("address 192.0.2.1", "/api/ingest/graph");
        assert_eq!(spend(push).0, 3, "of the unknown, pushes count");
    }

    #[test]
    fn as_many_callers_are_remembered_as_there_is_room_for() {
        let (limits, clock) = limits(3);
        assert_eq!(spend(|| limits.enter("a", "/")).0, 4);
        let held = limits.enter("b", "/").unwrap();
        limits.enter("c", "/").unwrap();
        // No room: the newest share what there is for one.
        let mut number = 0;
        let newest = || {
            number += 1;
            limits.enter(&format!("new {number}"), "/")
        };
        assert_eq!(spend(newest).0, 4);
        assert!(limits.enter("a", "/").is_err(), "not forgotten what it took");
        clock.advance(Duration::from_secs(10));
        assert_eq!(spend(|| limits.enter("d", "/")).0, 4, "an allowance of its own");
        let known = limits.callers.known.lock();
        assert!(known.callers.contains_key("b"), "still under way");
        assert!(!known.callers.contains_key("c"));
        drop(known);
        drop(held);
    }
}
