//! What people say of their own sign-ins: this was me, this was not me. Nothing is ever taken
//! back; what somebody said last of a sign-in counts.

use durward_model::Timestamp;
use rusqlite::{OptionalExtension as _, Row};

use crate::error::{AccessError, Result};
use crate::people::json;
use crate::store::AccessStore;

/// Longest identifier of an event or tenant, in bytes.
const ID_BYTES_MAX: usize = 256;
/// Most events asked about at once.
const EVENTS_MAX: usize = 1000;
/// Most that one person can say of one sign-in, so that nobody fills the disk by changing their
/// mind.
const CHANGES_MAX: u32 = 100;

/// What somebody says of a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// This was me.
    Mine,
    /// This was not me.
    NotMine,
}

/// What somebody said of a sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feedback {
    /// Grows; for the page after this one.
    pub number: i64,
    /// Identifier of the person.
    pub person: String,
    /// Tenant of the event.
    pub tenant: String,
    /// Identifier of the event.
    pub event_id: String,
    /// What they said.
    pub verdict: Verdict,
    /// When.
    pub at: Timestamp,
}

const COLUMNS: &str = "f.number, f.person, f.tenant, f.event_id, f.is_mine, f.at";
/// What each person said last.
const LAST: &str = "f.number = (SELECT max(number) FROM feedback l WHERE l.event_id = f.event_id \
    AND l.tenant = f.tenant AND l.person = f.person)";

fn feedback_at(row: &Row<'_>) -> rusqlite::Result<Feedback> {
    Ok(Feedback {
        number: row.get(0)?,
        person: row.get(1)?,
        tenant: row.get(2)?,
        event_id: row.get(3)?,
        verdict: if row.get(4)? { Verdict::Mine } else { Verdict::NotMine },
        at: Timestamp::from_micros(row.get(5)?),
    })
}

impl AccessStore {
    /// Writes down what somebody says of a sign-in; that it is one of theirs, the caller knows.
    /// Saying the same again changes nothing.
    pub fn record_feedback(
        &self,
        person: &str,
        tenant: &str,
        event_id: &str,
        verdict: Verdict,
        now: Timestamp,
    ) -> Result<()> {
        if tenant.len().max(event_id.len()) > ID_BYTES_MAX {
            return Err(AccessError::Invalid("this is no identifier of an event".to_owned()));
        }
        let is_mine = verdict == Verdict::Mine;
        self.write(|db| {
            let said = "SELECT is_mine, count(*) OVER () FROM feedback WHERE event_id = ?1 \
                 AND tenant = ?2 AND person = ?3 ORDER BY number DESC LIMIT 1";
            let mut said = db.prepare_cached(said)?;
            let values = (event_id, tenant, person);
            let read = |row: &Row<'_>| Ok((row.get::<_, bool>(0)?, row.get::<_, u32>(1)?));
            match said.query_row(values, read).optional()? {
                Some((last, _)) if last == is_mine => return Ok(()),
                Some((_, CHANGES_MAX..)) => {
                    let message = "this was changed too often; please ask an administrator";
                    return Err(AccessError::Invalid(message.to_owned()));
                }
                _ => {}
            }
            let insert = "INSERT INTO feedback (person, tenant, event_id, is_mine, at) \
                 VALUES (?1, ?2, ?3, ?4, ?5)";
            db.prepare_cached(insert)?.execute((person, tenant, event_id, is_mine, now.micros))?;
            Ok(())
        })
    }

    /// What was said last, by each person, of these events (the first thousand of them).
    pub fn feedback_of(&self, event_ids: &[&str]) -> Result<Vec<Feedback>> {
        let ids = json(&&event_ids[..event_ids.len().min(EVENTS_MAX)])?;
        let statement = format!(
            "SELECT {COLUMNS} FROM feedback f WHERE f.event_id IN (SELECT value FROM \
             json_each(?1)) AND {LAST} ORDER BY f.number"
        );
        self.read(|db| {
            let mut statement = db.prepare_cached(&statement)?;
            let found = statement.query_map([ids], feedback_at)?;
            Ok(found.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// What was said last of any sign-in, the newest first; before a number, if one is given, and
    /// only of those that were not theirs, if so wanted.
    pub fn feedback_list(
        &self,
        not_mine_only: bool,
        limit: usize,
        before: Option<i64>,
    ) -> Result<Vec<Feedback>> {
        let statement = format!(
            "SELECT {COLUMNS} FROM feedback f WHERE f.number < ?1 AND (f.is_mine = 0 OR NOT ?2) \
             AND {LAST} ORDER BY f.number DESC LIMIT ?3"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(|db| {
            let mut statement = db.prepare_cached(&statement)?;
            let values = (before.unwrap_or(i64::MAX), not_mine_only, limit);
            let found = statement.query_map(values, feedback_at)?;
            Ok(found.collect::<rusqlite::Result<_>>()?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{at, store};

    #[test]
    fn what_was_said_last_counts_and_all_is_kept() {
        let (_dir, store) = store();
        let say = |person: &str, event: &str, verdict, second| {
            store.record_feedback(person, "t1", event, verdict, at(second)).unwrap();
        };
        say("p1", "e1", Verdict::NotMine, 1);
        say("p1", "e2", Verdict::NotMine, 2);
        say("p2", "e2", Verdict::Mine, 3);
        say("p1", "e1", Verdict::Mine, 4);
        say("p1", "e1", Verdict::Mine, 5);
        store.record_feedback("p1", "t2", "e1", Verdict::NotMine, at(6)).unwrap();
        let short = |found: Vec<Feedback>| -> Vec<(String, String, String, bool)> {
            let row =
                |of: Feedback| (of.person, of.tenant, of.event_id, of.verdict == Verdict::Mine);
            found.into_iter().map(row).collect()
        };
        let row = |person: &str, tenant: &str, event: &str, is_mine| {
            (person.to_owned(), tenant.to_owned(), event.to_owned(), is_mine)
        };
        let of_first = short(store.feedback_of(&["e1", "e9"]).unwrap());
        assert_eq!(of_first, [row("p1", "t1", "e1", true), row("p1", "t2", "e1", false)]);
        let all = store.feedback_list(false, 10, None).unwrap();
        assert_eq!(all[1].at, at(4), "said again, but not written down again");
        let before = all[1].number;
        assert_eq!(all.len(), 4);
        let rest = short(store.feedback_list(false, 1, Some(before)).unwrap());
        assert_eq!(rest, [row("p2", "t1", "e2", true)]);
        let not_mine = short(store.feedback_list(true, 10, None).unwrap());
        assert_eq!(not_mine, [row("p1", "t2", "e1", false), row("p1", "t1", "e2", false)]);

        let count = "SELECT count(*) FROM feedback";
        let count: u32 = store.read(|db| Ok(db.query_row(count, [], |row| row.get(0))?)).unwrap();
        assert_eq!(count, 5);
        for change in ["DELETE FROM feedback", "UPDATE feedback SET is_mine = 1"] {
            let refused = store.write(|db| Ok(db.execute(change, [])?));
            assert!(refused.unwrap_err().to_string().contains("append-only"), "{change}");
        }
    }

    #[test]
    fn changing_ones_mind_has_an_end() {
        let (_dir, store) = store();
        let verdict =
            |turn: u32| if turn.is_multiple_of(2) { Verdict::Mine } else { Verdict::NotMine };
        let say = |turn| store.record_feedback("p", "t", "e", verdict(turn), at(0));
        assert!((0..CHANGES_MAX).all(|turn| say(turn).is_ok()));
        assert!(matches!(say(CHANGES_MAX), Err(AccessError::Invalid(_))));
        let long = "x".repeat(ID_BYTES_MAX + 1);
        assert!(store.record_feedback("p", "t", &long, Verdict::Mine, at(0)).is_err());
    }
}
