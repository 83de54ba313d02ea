//! Queries over a real store, compared with plain evaluation over the same events in memory.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod ask;
mod browsing;
mod interference;
mod model;
mod paging;
mod redaction;
mod revisions;
mod sample;
mod semantics;
mod sight;
mod sight_cases;
