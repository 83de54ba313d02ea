//! Tests of the decoders through their public interface.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests may fail loudly")]

mod damage;
mod formats;
mod quirks;
mod real_data;
mod round_trip;
mod seeds;
mod support;
