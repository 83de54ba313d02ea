//! The access log: every look-up, export, use of a token and change of settings, by whom, when,
//! with what filter and how many rows.
//!
//! It is `access/journal.db` in the data directory, an SQLite database of one table that only
//! grows: triggers refuse changes and removals, and each entry carries a SHA-256 over itself and
//! the entry before it ([`Chain`]). [`Journal::verify`] recomputes them and so finds an entry
//! that was edited, removed or put in between. What it cannot find by itself is entries cut off
//! at the end, or a file written anew from some entry on by somebody who can write it; for that,
//! note the chain of the last entry elsewhere now and then and give it to `verify`.
//!
//! Whoever answers a question records it first, and does not answer if that fails:
//! [`Journal::record`] completes when the entry is on disk. One thread writes, and commits
//! together what has arrived meanwhile. Several processes may append to one file: number and
//! chain of an entry are made inside the transaction that adds it.
//!
//! Entries never hold secrets; that is up to those who record. Nothing is ever removed: to archive
//! is to copy the file (`sqlite3 journal.db ".backup copy.db"` while it is in use, any copy while
//! it is not).

mod chain;
mod database;
mod entry;
mod error;
mod journal;
mod query;
mod verify;
mod write;

pub use chain::Chain;
pub use entry::{Action, Actor, ActorKind, Entry, QUERY_BYTES_MAX, Recorded, TEXT_BYTES_MAX};
pub use error::JournalError;
pub use journal::Journal;
pub use query::{LIST_MAX, Query};
pub use verify::Verified;
pub use write::{json, write_csv, write_csv_header, write_json};
