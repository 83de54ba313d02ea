//! Whoever uses the command line, in the access log.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};
use durward_journal::{Action, Actor, ActorKind, Entry, Journal};
use durward_model::Timestamp;

/// What one command shows, for the access log. Nothing is shown before it is recorded.
pub(crate) struct Look {
    journal: Journal,
    route: String,
    query: String,
    request_id: String,
    started: Instant,
}

impl Look {
    /// Opens the access log for what a command is about to show; what it was asked is the command
    /// line.
    pub(crate) fn begin(dir: &Path, command: &str) -> Result<Look> {
        Look::of(dir, command, command_line(std::env::args_os().skip(1)))
    }

    fn of(dir: &Path, command: &str, query: String) -> Result<Look> {
        let journal = Journal::open(dir).context("opening the access log")?;
        Ok(Look {
            journal,
            route: format!("durward {command}"),
            query,
            // Enough to tell which entries belong to one run.
            request_id: format!("{}-{}", std::process::id(), Timestamp::now().micros),
            started: Instant::now(),
        })
    }

    /// Records that so many rows are shown, or an unknown number.
    pub(crate) fn record(&self, action: Action, rows: Option<usize>, status: u16) -> Result<()> {
        let entry = Entry {
            route: self.route.clone(),
            query: self.query.clone(),
            rows: rows.map(|rows| rows as u64),
            status,
            request_id: self.request_id.clone(),
            took_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            ..Entry::new(action, actor())
        };
        self.journal.record_blocking(entry).context("nothing is shown that cannot be recorded")
    }

    /// The access log itself.
    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }
}

/// Records one thing that a command did, in words that hold no secrets.
pub(crate) fn record(
    dir: &Path,
    action: Action,
    command: &str,
    what: &str,
    rows: Option<usize>,
) -> Result<()> {
    Look::of(dir, command, what.to_owned())?.record(action, rows, 200)
}

/// The user of the operating system.
fn actor() -> Actor {
    let (id, name) = user();
    Actor { kind: ActorKind::Operator, id, name, token: None }
}

/// The number of the user, which cannot be made up, and their name: by the system's list of
/// users, or as the environment has it.
#[cfg(unix)]
fn user() -> (String, String) {
    let uid = rustix::process::getuid().as_raw();
    let listed = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = name_in(&listed, uid).or_else(|| variable("USER")).or_else(|| variable("LOGNAME"));
    let mut name = name.unwrap_or_else(|| uid.to_string());
    // Only the administrator could have set this otherwise.
    if let Some(behind) = variable("SUDO_USER").filter(|_| uid == 0) {
        name = format!("{name} (sudo by {behind})");
    }
    (format!("uid:{uid}"), name)
}

/// The name of the user.
#[cfg(not(unix))]
fn user() -> (String, String) {
    let name = variable("USERNAME").unwrap_or_else(|| "unknown".to_owned());
    (name.clone(), name)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The name of the user with that number, in the form of `/etc/passwd`.
#[cfg(unix)]
fn name_in(listed: &str, uid: u32) -> Option<String> {
    listed.lines().find_map(|line| {
        let mut parts = line.split(':');
        let name = parts.next()?;
        (parts.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

/// Arguments as a shell would take them.
fn command_line(arguments: impl Iterator<Item = std::ffi::OsString>) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "-_./:,=@+%".contains(letter);
    let quoted = arguments.map(|argument| {
        let argument = argument.to_string_lossy();
        match !argument.is_empty() && argument.chars().all(plain) {
            true => argument.into_owned(),
            false => format!("'{}'", argument.replace('\'', r"'\''")),
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_can_be_run_again() {
        let of = |arguments: &[&str]| command_line(arguments.iter().map(Into::into));
        assert_eq!(
            of(&["search", "status:failure user:o'neil", "--from", "-7d", ""]),
            r"search 'status:failure user:o'\''neil' --from -7d ''"
        );
    }

    #[cfg(unix)]
    #[test]
    fn users_are_found_by_their_number() {
        let listed = "root:x:0:0::/root:/bin/sh\n+\niben:x:1000:1000:Iben,1:/home/iben:/bin/sh\n";
        assert_eq!(name_in(listed, 1000).as_deref(), Some("iben"));
        assert_eq!(name_in(listed, 1), None);
    }
}
