//! What became of an alert, line by line. Lines are added, never changed.

use rusqlite::{Connection, Transaction};

use crate::book::Result;

/// Lines that are listed of one alert, the newest.
const LINES_MAX: i64 = 500;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// The alert was made.
    Opened,
    /// A finding joined it.
    Joined,
    /// A finding was withdrawn.
    Left,
    /// Its severity changed.
    Severity,
    /// Its state changed.
    State,
    /// It was given to somebody.
    Assignee,
    /// Somebody wrote something.
    Note,
    /// A suggested check was ticked off, or again not.
    Check,
    /// It became part of another alert, or another one of it.
    Merged,
}

impl What {
    const ALL: [What; 9] = [
        What::Opened,
        What::Joined,
        What::Left,
        What::Severity,
        What::State,
        What::Assignee,
        What::Note,
        What::Check,
        What::Merged,
    ];

    /// As stored and in interfaces.
    pub fn name(self) -> &'static str {
        match self {
            What::Opened => "opened",
            What::Joined => "findingJoined",
            What::Left => "findingWithdrawn",
            What::Severity => "severity",
            What::State => "state",
            What::Assignee => "assignee",
            What::Note => "note",
            What::Check => "check",
            What::Merged => "merged",
        }
    }

    fn from_name(name: &str) -> What {
        What::ALL.into_iter().find(|what| what.name() == name).unwrap_or(What::Note)
    }
}

/// A line of history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When, µs since 1970.
    pub at_micros: i64,
    /// The identifier of who did it; [`super::SYSTEM`] for durward itself.
    pub by: String,
    /// Their name at the time.
    pub by_name: String,
    /// What happened.
    pub what: What,
    /// What it was before; empty where there is no before.
    pub old: String,
    /// What it is now: a state, a name, the text of a note.
    pub new: String,
}

impl Entry {
    /// Something that durward did itself.
    pub(super) fn own(what: What, old: impl Into<String>, new: impl Into<String>) -> Entry {
        Entry {
            at_micros: 0,
            by: super::SYSTEM.to_owned(),
            by_name: super::SYSTEM.to_owned(),
            what,
            old: old.into(),
            new: new.into(),
        }
    }
}

pub(super) fn add(db: &Transaction<'_>, alert: i64, entry: &Entry, now_micros: i64) -> Result<()> {
    let statement = "INSERT INTO alert_history (alert, at, by, by_name, what, old, new) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    db.prepare_cached(statement)?.execute((
        alert,
        now_micros,
        &entry.by,
        &entry.by_name,
        entry.what.name(),
        &entry.old,
        &entry.new,
    ))?;
    Ok(())
}

/// The lines of an alert, oldest first.
pub(super) fn of(db: &Connection, alert: i64) -> Result<Vec<Entry>> {
    let statement = "SELECT at, by, by_name, what, old, new FROM alert_history \
         WHERE alert = ?1 ORDER BY number DESC LIMIT ?2";
    let mut statement = db.prepare_cached(statement)?;
    let rows = statement.query_map((alert, LINES_MAX), |row| {
        Ok(Entry {
            at_micros: row.get(0)?,
            by: row.get(1)?,
            by_name: row.get(2)?,
            what: What::from_name(&row.get::<_, String>(3)?),
            old: row.get(4)?,
            new: row.get(5)?,
        })
    })?;
    let mut entries = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    entries.reverse();
    Ok(entries)
}
