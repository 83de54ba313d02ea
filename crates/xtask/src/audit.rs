//! Known weaknesses of dependencies, their licences, and where they come from:
//! `cargo xtask audit`.
//!
//! The work is `cargo-deny`'s; `deny.toml` says what is allowed. Weaknesses are looked up in
//! RustSec's database, which has to be fetched: where it cannot be, and where the tool is missing,
//! one line says so and nothing fails. The tool takes long to build, so it is only installed
//! where `DURWARD_INSTALL_AUDIT=1` asks for that.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::process::{Tally, cargo, exists, run};

const TOOL: &str = "cargo-deny";
const DATABASE: &str = "https://github.com/RustSec/advisory-db";
/// How long the database may take to answer at all.
const PATIENCE: Duration = Duration::from_secs(10);
/// The variable that asks for the tool to be installed.
const INSTALL: &str = "DURWARD_INSTALL_AUDIT";

/// Runs what can be run here.
pub(crate) fn run_all(tally: &mut Tally, root: &Path) {
    let is_reachable = answers(DATABASE);
    if !exists(TOOL) && is_reachable && std::env::var_os(INSTALL).is_some_and(|text| text == "1") {
        tally.step("installing cargo-deny", |_| run(cargo().args(["install", TOOL, "--locked"])));
    }
    let has_tool = exists(TOOL);
    if has_tool {
        tally.step("licences and sources of dependencies", |_| {
            check(root, &["bans", "licenses", "sources"])
        });
    }
    if has_tool && is_reachable {
        tally.step("known weaknesses of dependencies", |_| check(root, &["advisories"]));
    } else {
        println!("\nskipped: {}", skipped(has_tool, is_reachable));
    }
}

fn check(root: &Path, what: &[&str]) -> Result<()> {
    let mut command = Command::new(TOOL);
    command.current_dir(root).args(["--locked", "check"]).args(what);
    run(command.stdin(Stdio::null()))
}

/// What is left out, and why.
fn skipped(has_tool: bool, is_reachable: bool) -> String {
    let unreachable = format!("RustSec's database of them ({DATABASE}) cannot be reached");
    if has_tool {
        return format!("known weaknesses of dependencies: {unreachable}");
    }
    let missing =
        format!("cargo-deny is not installed (`cargo install {TOOL} --locked`, or {INSTALL}=1)");
    let both = if is_reachable { missing } else { format!("{missing}, and {unreachable}") };
    format!("known weaknesses, licences and sources of dependencies: {both}")
}

/// Does this repository answer?
fn answers(url: &str) -> bool {
    let mut command = Command::new("git");
    command.args(["ls-remote", "--quiet", "--exit-code", url, "HEAD"]);
    // Nobody is there to type a password.
    command.env("GIT_TERMINAL_PROMPT", "0");
    ends_well(&mut command, PATIENCE)
}

/// Runs a program that says nothing; false if it fails or has not ended by then.
fn ends_well(command: &mut Command, patience: Duration) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else { return false };
    let until = Instant::now() + patience;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) if Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(50));
            }
            _ => {
                // If it cannot be stopped there is nothing else to do about it.
                let _ = child.kill();
                let _ = child.wait();
                return false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_skipped_is_said_with_the_reason() {
        let missing = "cargo install cargo-deny --locked";
        let unreachable = "cannot be reached";
        for (has_tool, is_reachable) in [(false, true), (true, false), (false, false)] {
            let said = skipped(has_tool, is_reachable);
            assert_eq!(said.contains(missing), !has_tool, "{said}");
            assert_eq!(said.contains(unreachable), !is_reachable, "{said}");
            assert!(!said.contains('\n'), "{said}");
        }
    }

    #[test]
    fn a_program_that_does_not_end_is_not_waited_for() {
        assert!(ends_well(cargo().arg("--version"), PATIENCE));
        assert!(!ends_well(cargo().arg("--no-such-option"), PATIENCE));
        assert!(!ends_well(&mut Command::new("no-such-program"), PATIENCE));
        if exists("sleep") {
            assert!(!ends_well(Command::new("sleep").arg("1000"), Duration::ZERO));
        }
    }
}
