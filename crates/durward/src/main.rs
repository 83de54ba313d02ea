//! durward: sign-in logs that an organisation owns.
//!
//! This binary is the command line and the wiring; what it does is in the other crates. A command
//! is a module of [`commands`]. Exit codes: 0 done, 1 failed, 2 bad usage.

use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

use clap::Parser as _;

mod cli;
mod commands;
mod config;
mod data;
mod doors;
mod logging;
mod logs;
mod operator;
mod output;
mod progress;
mod question;

/// The command line asks for something that cannot be understood: exit code 2.
#[derive(Debug)]
struct BadUsage(String);

impl std::fmt::Display for BadUsage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadUsage {}

/// An error that ends with exit code 2.
fn bad_usage(message: impl Into<String>) -> anyhow::Error {
    BadUsage(message.into()).into()
}

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has seen enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "durward: {error:#}");
            if error.is::<BadUsage>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    causes.any(|cause| cause.kind() == ErrorKind::BrokenPipe)
}
