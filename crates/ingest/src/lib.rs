//! Decoders: every format a sign-in record comes in.
//!
//! A [`Decoder`] reads a file, a stream or a request body and hands batches of events to a
//! [`Sink`]. Formats are recognised by content, never by name, and may be mixed:
//!
//! - Graph pages, single objects, arrays and JSON Lines;
//! - diagnostic records as JSON Lines, as `{"records":[…]}` and in blob folders;
//! - Log Analytics rows as JSON, as the query API's answer and as CSV of query results;
//! - downloads of the portal, CSV and JSON;
//! - any of these in UTF-8 or UTF-16, gzip or zip.
//!
//! Each record becomes a row with typed values and a *shape* from which its text can be put
//! together again (see [`durward_model::shape`]). Records of other logs are kept whole. What cannot
//! be read is rejected with file, line and reason, and reading goes on (INGEST-1): only a source
//! that fails or a sink that refuses ends a file early.
//!
//! Everything is bounded ([`limits`]): memory does not grow with the size of a file (INGEST-2).

pub mod limits;

mod decoder;
mod feed;
mod files;
mod formats;
mod reading;
mod record;
mod scan;
mod sink;
mod table;

pub use decoder::{Decoder, Options};
pub use files::{split_lines, tenant_of, walk};
pub use sink::{
    Collected, DecodeError, Problem, Rejection, RejectsWriter, Sink, SinkError, Summary,
};
