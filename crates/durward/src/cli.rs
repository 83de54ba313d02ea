//! The command line: what there is, and which module does it.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use crate::commands::{
    access_log, compact, demo, error, export, generate, import, rules, search, serve, status,
    token, user, verify,
};
use crate::logging;

/// Keep and search the sign-in logs of your Microsoft Entra tenant.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, propagate_version = true)]
#[command(after_help = "\
Start with `durward demo`, or bring your own: `durward import FOLDER`, then `durward serve`.
Exit codes: 0 done, 1 failed, 2 bad usage. DURWARD_LOG sets what is logged (info, debug, …).")]
pub(crate) struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What all commands take.
#[derive(Args, Clone, Debug)]
pub(crate) struct Common {
    /// Directory of the data [default: $DURWARD_DATA, else the user's data directory]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Write what a program can read
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show durward with an invented tenant: 30 days of sign-ins and live traffic
    Demo(demo::Args),
    /// Serve the pages and interfaces of the data directory
    Serve(serve::Args),
    /// Take in files: Graph JSON, diagnostic records, Log Analytics exports, portal downloads
    Import(import::Args),
    /// List sign-ins
    Search(search::Args),
    /// Write sign-ins to a file
    Export(export::Args),
    /// Write the files of an invented tenant
    Generate(generate::Args),
    /// Explain a sign-in error code
    Error(error::Args),
    /// Make, list and revoke tokens for programs
    #[command(subcommand)]
    Token(token::Command),
    /// Make and manage accounts of people
    #[command(subcommand)]
    User(user::Command),
    /// List, try, add and switch rules of one's own and Sigma rules
    #[command(subcommand)]
    Rules(rules::Command),
    /// Show what is in the data directory
    Status,
    /// Merge small files
    Compact(compact::Args),
    /// Show who looked at what, or check that nobody has changed the record of it
    AccessLog(access_log::Args),
    /// Read everything back and check that it agrees
    Verify,
}

impl Cli {
    /// Does what was asked for.
    pub(crate) fn run(self) -> Result<()> {
        let common = self.common;
        let talkative = matches!(self.command, Command::Serve(_));
        logging::start(if talkative { "info" } else { "warn" })?;
        match self.command {
            Command::Demo(args) => demo::run(&args, &common),
            Command::Serve(args) => serve::run(&args, &common),
            Command::Import(args) => import::run(&args, &common),
            Command::Search(args) => search::run(&args, &common),
            Command::Export(args) => export::run(&args, &common),
            Command::Generate(args) => generate::run(&args, &common),
            Command::Error(args) => error::run(&args, &common),
            Command::Token(command) => token::run(&command, &common),
            Command::User(command) => user::run(&command, &common),
            Command::Rules(command) => rules::run(&command, &common),
            Command::Status => status::run(&common),
            Command::AccessLog(args) => access_log::run(&args, &common),
            Command::Compact(args) => compact::run(&args, &common),
            Command::Verify => verify::run(&common),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }
}
