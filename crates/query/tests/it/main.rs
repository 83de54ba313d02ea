//! Queries over a real store, compared with plain evaluation over the same events in memory.

mod ask;
mod model;
mod paging;
mod sample;
mod semantics;
