//! Developer tasks: `cargo xtask TASK`.
//!
//! Kept apart from the product so that its needs never become the product's dependencies.
#![expect(clippy::print_stdout, reason = "a command line tool talks on standard output")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

use crate::process::Tally;
use crate::test::Parts;

mod audit;
mod dependencies;
mod docs;
mod external;
mod process;
mod test;

const USAGE: &str = "\
usage: cargo xtask TASK

tasks:
  test             everything: format, lints, pages, tests, other programs against a live server
  test --rust      without what needs Python, Node.js and a browser
  test --external  only that
  audit            known weaknesses, licences and sources of dependencies, with cargo-deny
  dependencies     check the lock file and docs/dependencies.md
  docs             write the generated pages under docs/
  docs --check     fail if a generated page is stale";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        // What failed has been said.
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a task; false if it ran and found something wrong.
fn run(arguments: &[&str]) -> Result<bool> {
    match arguments {
        ["test"] => return Ok(test::run_parts(Parts::All, &root()?)),
        ["test", "--rust"] => return Ok(test::run_parts(Parts::Rust, &root()?)),
        ["test", "--external"] => return Ok(test::run_parts(Parts::External, &root()?)),
        ["audit"] => {
            let mut tally = Tally::default();
            audit::run_all(&mut tally, &root()?);
            return Ok(tally.finish());
        }
        ["dependencies"] => {
            dependencies::check_lock_file(&root()?)?;
            dependencies::check_page(&root()?)?;
        }
        ["docs"] => docs::write()?,
        ["docs", "--check"] => docs::check()?,
        ["help" | "--help" | "-h"] => println!("{USAGE}"),
        [] => bail!("no task given\n{USAGE}"),
        [task, ..] => bail!("unknown task or option: {task}\n{USAGE}"),
    }
    Ok(true)
}

/// The root of the repository.
fn root() -> Result<PathBuf> {
    // At run time: builds of several checkouts may share one target directory.
    let here = std::env::var_os("CARGO_MANIFEST_DIR");
    let here = here.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let here = Path::new(&here);
    let root = here.ancestors().nth(2).context("xtask is not two folders below the root")?;
    Ok(root.to_owned())
}
