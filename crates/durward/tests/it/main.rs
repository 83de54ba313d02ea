//! The binary as its users meet it.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests may fail loudly")]

mod access_log;
mod cli;
mod import;
mod kill;
mod rules;
mod shared_data;
mod support;
