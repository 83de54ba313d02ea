//! Tests of the decoders through their public interface.

mod damage;
mod formats;
mod quirks;
mod real_data;
mod round_trip;
mod seeds;
mod support;
