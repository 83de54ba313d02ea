//! Signing in, over HTTP.

mod codes;
mod flood;
mod house;
mod issuer;
mod local;
mod provider;
mod token;
mod welcome;
