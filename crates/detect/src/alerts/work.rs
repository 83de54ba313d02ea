//! What people do with alerts.

use rusqlite::Transaction;

use super::history::{self, Entry, What};
use super::query::{self};
use super::{Alert, AlertState, Verdict, outbox};
use crate::book::{Book, BookError, Result};
use crate::risk::By;

/// Longest note, in bytes.
const NOTE_BYTES_MAX: usize = 10_000;
/// Longest name of an assignee, or text of a check, in bytes.
const NAME_BYTES_MAX: usize = 300;
/// Alerts that are changed at once, at most.
const AT_ONCE_MAX: usize = 500;

/// What is to change. The note is that of [`By`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertChange {
    /// The version that whoever asks has seen; the change is refused if it is another by now.
    pub seen_version: Option<i64>,
    /// To this state.
    pub state: Option<AlertState>,
    /// Given to this person; to nobody if empty.
    pub assignee: Option<String>,
    /// A suggested check, and whether it is done.
    pub check: Option<(String, bool)>,
}

impl AlertChange {
    fn check(&self, by: &By) -> Result<()> {
        let refuse = |why: String| Err(BookError::Invalid(why));
        if let Some(AlertState::Closed(Verdict::Withdrawn | Verdict::Merged)) = self.state {
            let names = Verdict::OF_PEOPLE.map(Verdict::name).join(", ");
            return refuse(format!("an alert is closed as one of {names}"));
        }
        if by.note.len() > NOTE_BYTES_MAX {
            return refuse(format!("a note has at most {NOTE_BYTES_MAX} bytes"));
        }
        let texts = [self.assignee.as_ref(), self.check.as_ref().map(|(text, _)| text)];
        if texts.into_iter().flatten().any(|text| text.len() > NAME_BYTES_MAX) {
            return refuse(format!("a name has at most {NAME_BYTES_MAX} bytes"));
        }
        let is_nothing = self.state.is_none() && self.assignee.is_none() && self.check.is_none();
        if is_nothing && by.note.trim().is_empty() {
            return refuse("nothing is to change: give a state, an assignee or a note".to_owned());
        }
        Ok(())
    }
}

impl Book {
    /// Changes an alert, and gives it back as it is then.
    ///
    /// # Errors
    /// [`BookError::Conflict`] if somebody else was faster.
    pub fn change_alert(&self, number: i64, change: &AlertChange, by: &By) -> Result<Alert> {
        change.check(by)?;
        self.write(|db| change_one(db, number, change, by))
    }

    /// Changes several alerts in the same way; all of them, or none if one cannot be.
    pub fn change_alerts(
        &self,
        numbers: &[i64],
        change: &AlertChange,
        by: &By,
    ) -> Result<Vec<Alert>> {
        change.check(by)?;
        if numbers.len() > AT_ONCE_MAX {
            return Err(BookError::Invalid(format!("at most {AT_ONCE_MAX} alerts at once")));
        }
        self.write(|db| {
            let changed = numbers.iter().map(|number| change_one(db, *number, change, by));
            changed.collect()
        })
    }
}

fn change_one(db: &Transaction<'_>, number: i64, change: &AlertChange, by: &By) -> Result<Alert> {
    let missing = || BookError::Missing(format!("alert #{number}"));
    let alert = query::one(db, number)?.ok_or_else(missing)?;
    if change.seen_version.is_some_and(|seen| seen != alert.version) {
        let why = format!("alert #{number} has changed meanwhile; load it again");
        return Err(BookError::Conflict(why));
    }
    if let Some(into) = alert.merged_into {
        return Err(BookError::Invalid(format!("alert #{number} became part of #{into}")));
    }
    let note = |what: What, old: String, new: String| {
        let (at_micros, by_id, by_name) = (by.at_micros, by.id.clone(), by.name.clone());
        let entry = Entry { at_micros, by: by_id, by_name, what, old, new };
        history::add(db, number, &entry, by.at_micros)
    };
    if let Some(state) = change.state.filter(|state| *state != alert.state) {
        let closed = state.is_closed().then_some(by.at_micros);
        let statement = "UPDATE alert SET state = ?2, verdict = ?3, closed = ?4 WHERE number = ?1";
        let verdict = state.verdict().map(Verdict::name);
        db.prepare_cached(statement)?.execute((number, state.name(), verdict, closed))?;
        note(What::State, alert.state.words(), state.words())?;
        if state.is_closed() {
            outbox::drop_waiting(db, number, "closed before it was due", by.at_micros)?;
        }
    }
    let old = alert.assignee.unwrap_or_default();
    if let Some(assignee) = change.assignee.as_ref().map(|name| name.trim())
        && assignee != old
    {
        let statement = "UPDATE alert SET assignee = ?2 WHERE number = ?1";
        let name = Some(assignee).filter(|name| !name.is_empty());
        db.prepare_cached(statement)?.execute((number, name))?;
        note(What::Assignee, old, assignee.to_owned())?;
    }
    if let Some((text, is_done)) = &change.check {
        let done = if *is_done { "done" } else { "not done" };
        note(What::Check, text.clone(), done.to_owned())?;
    }
    if !by.note.trim().is_empty() {
        note(What::Note, String::new(), by.note.trim().to_owned())?;
    }
    let statement = "UPDATE alert SET is_touched = 1, updated = ?2, version = version + 1 \
         WHERE number = ?1";
    db.prepare_cached(statement)?.execute((number, by.at_micros))?;
    query::one(db, number)?.ok_or_else(missing)
}
