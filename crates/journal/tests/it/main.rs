//! The access log as its users meet it: files, threads, processes.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

mod append;
mod read;
mod tamper;

use std::path::Path;

use durward_journal::{Action, Actor, ActorKind, Entry, Journal};
use durward_model::Timestamp;
use rusqlite::Connection;

/// An entry of somebody, so many seconds after 1970.
fn entry(name: &str, seconds: i64) -> Entry {
    let actor = Actor {
        kind: ActorKind::Person,
        id: format!("id-{name}"),
        name: name.to_owned(),
        token: None,
    };
    let at = Timestamp::from_micros(seconds * 1_000_000);
    Entry { at, ..Entry::new(Action::List, actor) }
}

/// A log with so many entries.
fn filled(dir: &Path, entries: i64) -> Journal {
    let journal = Journal::open(dir).unwrap();
    for number in 1..=entries {
        journal.record_blocking(entry("Iben", number)).unwrap();
    }
    journal
}

/// The file, opened as somebody would who does not use durward.
fn raw(dir: &Path) -> Connection {
    Connection::open(dir.join("access/journal.db")).unwrap()
}
