//! Sign-in and bearer tokens against a provider made for it, and against a real one.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

mod bearer;
mod fetching;
mod issuer;
mod keys;
mod real;
mod sign_in;
mod tls;
