//! Developer tasks: `cargo xtask TASK`.
//!
//! Kept apart from the product so that its needs never become the product's dependencies.
#![expect(clippy::print_stdout, reason = "a command line tool talks on standard output")]

use anyhow::{Result, bail};

mod docs;

const USAGE: &str = "\
usage: cargo xtask TASK

tasks:
  docs           write the generated pages under docs/
  docs --check   fail if a generated page is stale";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["docs"] => docs::write(),
        ["docs", "--check"] => docs::check(),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        [] => bail!("no task given\n{USAGE}"),
        [task, ..] => bail!("unknown task or option: {task}\n{USAGE}"),
    }
}
