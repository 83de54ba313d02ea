//! Sessions of the pages: who is signed in, from where, and until when.
//!
//! The browser holds a secret, we its hash. A session ends when it is not used for a while, and
//! after its time in any case.

use std::fmt;
use std::time::Duration;

use durward_model::Timestamp;
use rusqlite::{OptionalExtension as _, Row};

use crate::error::Result;
use crate::people::{self, cut};
use crate::secret::{digest, random_id, random_secret};
use crate::store::{AccessStore, TOUCH, after, micros};

/// Most sessions of one person; the oldest go.
const SESSIONS_MAX: u32 = 20;
/// How much is kept of what a browser calls itself, in characters.
const USER_AGENT_CHARS_MAX: usize = 200;
/// Longest token of a provider that is kept for signing out there, in bytes.
const ID_TOKEN_BYTES_MAX: usize = 16 << 10;

/// How long sessions last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// Without being used.
    pub idle: Duration,
    /// In any case.
    pub absolute: Duration,
}

impl Default for SessionLimits {
    /// An hour without use, twelve in any case: a working day.
    fn default() -> SessionLimits {
        SessionLimits { idle: Duration::from_secs(3600), absolute: Duration::from_secs(12 * 3600) }
    }
}

/// Somebody is signed in with a browser.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// Identifier, which is no secret.
    pub id: String,
    /// Identifier of the person.
    pub person: String,
    /// When they signed in.
    pub created: Timestamp,
    /// When it was last used, to about a minute.
    pub last_seen: Timestamp,
    /// When it ends in any case.
    pub expires: Timestamp,
    /// What changes have to carry, so that they come from one of our pages.
    pub csrf: String,
    /// The token of the provider, for signing out there.
    pub id_token: Option<String>,
    /// Where the browser was at sign-in.
    pub address: String,
    /// What the browser called itself.
    pub user_agent: String,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Session { id, person, .. } = self;
        f.debug_struct("Session").field("id", id).field("person", person).finish_non_exhaustive()
    }
}

/// A session to be.
#[derive(Clone, Default)]
pub struct NewSession {
    /// Identifier of the person.
    pub person: String,
    /// The token of the provider, for signing out there.
    pub id_token: Option<String>,
    /// Where the browser is.
    pub address: String,
    /// What the browser calls itself.
    pub user_agent: String,
    /// Secret of the session that the browser had, which ends.
    pub replaces: Option<String>,
}

const COLUMNS: &str = "s.id, s.person, s.created, s.last_seen, s.expires, s.csrf, s.id_token, \
    s.address, s.user_agent";
/// Which sessions hold at the time `?1`.
const LIVE: &str = "s.expires > ?1 AND s.last_seen + s.idle > ?1 AND EXISTS (SELECT 1 FROM person \
    p WHERE p.id = s.person AND p.disabled = 0)";

fn session_at(row: &Row<'_>) -> rusqlite::Result<Session> {
    Ok(Session {
        id: row.get(0)?,
        person: row.get(1)?,
        created: Timestamp::from_micros(row.get(2)?),
        last_seen: Timestamp::from_micros(row.get(3)?),
        expires: Timestamp::from_micros(row.get(4)?),
        csrf: row.get(5)?,
        id_token: row.get(6)?,
        address: row.get(7)?,
        user_agent: row.get(8)?,
    })
}

impl AccessStore {
    /// Somebody has signed in: begins a session, ends the one that the browser had, and returns
    /// the new one with its secret.
    pub fn create_session(
        &self,
        new: &NewSession,
        limits: SessionLimits,
        now: Timestamp,
    ) -> Result<(Session, String)> {
        let secret = random_secret()?;
        let id_token = new.id_token.clone().filter(|token| token.len() <= ID_TOKEN_BYTES_MAX);
        let session = Session {
            id: random_id()?,
            person: new.person.clone(),
            created: now,
            last_seen: now,
            expires: Timestamp::from_micros(after(now, limits.absolute)),
            csrf: random_secret()?,
            id_token,
            address: cut(&new.address, USER_AGENT_CHARS_MAX),
            user_agent: cut(&new.user_agent, USER_AGENT_CHARS_MAX),
        };
        self.write(|db| {
            people::enabled_person(db, &new.person)?;
            if let Some(former) = &new.replaces {
                let end = "DELETE FROM session WHERE hash = ?1";
                db.prepare_cached(end)?.execute([digest(former)])?;
            }
            let oldest = "DELETE FROM session WHERE person = ?1 AND rowid NOT IN (SELECT rowid \
                 FROM session WHERE person = ?1 ORDER BY created DESC, rowid DESC LIMIT ?2)";
            db.prepare_cached(oldest)?.execute((&new.person, SESSIONS_MAX - 1))?;
            let insert = "INSERT INTO session (id, hash, person, csrf, id_token, address, \
                 user_agent, created, last_seen, idle, expires) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9, ?10)";
            db.prepare_cached(insert)?.execute(rusqlite::params![
                session.id,
                digest(&secret),
                session.person,
                session.csrf,
                session.id_token,
                session.address,
                session.user_agent,
                now.micros,
                micros(limits.idle),
                session.expires.micros,
            ])?;
            let signed_in = "UPDATE person SET last_sign_in = ?2 WHERE id = ?1";
            db.prepare_cached(signed_in)?.execute((&new.person, now.micros))?;
            Ok(())
        })?;
        Ok((session, secret))
    }

    /// The session with that secret, if it holds; being asked for keeps it from ending idly.
    pub fn check_session(&self, secret: &str, now: Timestamp) -> Result<Option<Session>> {
        let statement =
            format!("SELECT {COLUMNS}, s.idle FROM session s WHERE s.hash = ?2 AND {LIVE}");
        let found = self.read(|db| {
            let values = (now.micros, digest(secret));
            let read = |row: &Row<'_>| Ok((session_at(row)?, row.get::<_, i64>(9)?));
            Ok(db.prepare_cached(&statement)?.query_row(values, read).optional()?)
        })?;
        let Some((session, idle)) = found else { return Ok(None) };
        // Short limits need finer times.
        let step = micros(TOUCH).min(idle / 10);
        if now.micros - session.last_seen.micros >= step {
            self.touch(|db| {
                let touch = "UPDATE session SET last_seen = max(last_seen, ?2) WHERE id = ?1";
                db.prepare_cached(touch)?.execute((&session.id, now.micros))?;
                Ok(())
            });
        }
        Ok(Some(session))
    }

    /// Ends the session with that secret, and returns it if it held.
    pub fn end_session(&self, secret: &str, now: Timestamp) -> Result<Option<Session>> {
        let select = format!("SELECT {COLUMNS} FROM session s WHERE s.hash = ?2 AND {LIVE}");
        self.write(|db| {
            let hash = digest(secret);
            let mut select = db.prepare_cached(&select)?;
            let session = select.query_row((now.micros, hash), session_at).optional()?;
            db.prepare_cached("DELETE FROM session WHERE hash = ?1")?.execute([hash])?;
            Ok(session)
        })
    }

    /// Ends one of a person's sessions by its identifier; `false` if they have none like that.
    pub fn end_session_of(&self, person: &str, id: &str) -> Result<bool> {
        let statement = "DELETE FROM session WHERE person = ?1 AND id = ?2";
        self.write(|db| Ok(db.prepare_cached(statement)?.execute((person, id))? == 1))
    }

    /// Ends all sessions of a person, and says how many these were.
    pub fn end_sessions_of(&self, person: &str) -> Result<usize> {
        let statement = "DELETE FROM session WHERE person = ?1";
        self.write(|db| Ok(db.prepare_cached(statement)?.execute([person])?))
    }

    /// The sessions of a person that hold, the newest first.
    pub fn sessions_of(&self, person: &str, now: Timestamp) -> Result<Vec<Session>> {
        let statement = format!(
            "SELECT {COLUMNS} FROM session s WHERE s.person = ?2 AND {LIVE} \
             ORDER BY s.created DESC, s.rowid DESC"
        );
        self.read(|db| {
            let mut statement = db.prepare_cached(&statement)?;
            let sessions = statement.query_map((now.micros, person), session_at)?;
            Ok(sessions.collect::<rusqlite::Result<_>>()?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::AccessError;
    use crate::testing::{DAY, HOUR, at, person, store};

    fn begin(store: &AccessStore, person: &str, now: Timestamp) -> (Session, String) {
        let new = NewSession {
            person: person.to_owned(),
            user_agent: "Browser/1 ".repeat(50),
            address: "192.0.2.7".to_owned(),
            ..NewSession::default()
        };
        store.create_session(&new, SessionLimits::default(), now).unwrap()
    }

    #[test]
    fn a_session_ends_idly_and_in_any_case() {
        let (_dir, store) = store();
        let id = person(&store, "morgan").id;
        let (session, secret) = begin(&store, &id, at(0));
        assert_eq!(session.user_agent.chars().count(), 200);
        assert_eq!(store.person(&id).unwrap().unwrap().last_sign_in, Some(at(0)));
        let holds = |seconds| store.check_session(&secret, at(seconds)).unwrap().is_some();
        assert_eq!(store.check_session(&secret, at(0)).unwrap(), Some(session));
        assert!(holds(HOUR - 1), "used just in time");
        assert!(holds(2 * HOUR - 2), "and again");
        assert!(!holds(3 * HOUR - 2), "an hour without use");
        let (_, secret) = begin(&store, &id, at(0));
        let holds = |seconds| store.check_session(&secret, at(seconds)).unwrap().is_some();
        assert!((1..24).all(|half_hours| holds(half_hours * HOUR / 2)));
        assert!(holds(12 * HOUR - 1));
        assert!(!holds(12 * HOUR));
        assert!(store.check_session("", at(0)).unwrap().is_none());
    }

    #[test]
    fn use_is_written_down_once_a_minute() {
        let (_dir, store) = store();
        let id = person(&store, "morgan").id;
        let (_, secret) = begin(&store, &id, at(0));
        let seen = |seconds| store.check_session(&secret, at(seconds)).unwrap().unwrap().last_seen;
        assert_eq!((seen(59), seen(60), seen(61), seen(119)), (at(0), at(0), at(60), at(60)));
        assert_eq!(seen(30), at(60), "a clock that was put back");
    }

    #[test]
    fn signing_in_again_replaces_the_session() {
        let (_dir, store) = store();
        let id = person(&store, "morgan").id;
        let (_, first) = begin(&store, &id, at(0));
        let replaces = Some(first.clone());
        let new = NewSession { person: id.clone(), replaces, ..NewSession::default() };
        let (session, second) =
            store.create_session(&new, SessionLimits::default(), at(1)).unwrap();
        assert_ne!(first, second);
        assert!(store.check_session(&first, at(1)).unwrap().is_none());
        assert_eq!(store.sessions_of(&id, at(1)).unwrap(), [session]);
        assert!(store.end_session(&second, at(2)).unwrap().is_some());
        assert!(store.end_session(&second, at(2)).unwrap().is_none());
        assert!(store.check_session(&second, at(2)).unwrap().is_none());
    }

    #[test]
    fn the_oldest_of_too_many_sessions_goes() {
        let (_dir, store) = store();
        let (morgan, noor) = (person(&store, "morgan").id, person(&store, "noor").id);
        let (_, others) = begin(&store, &noor, at(0));
        let secrets: Vec<_> = (0..21).map(|second| begin(&store, &morgan, at(second)).1).collect();
        assert!(store.check_session(&secrets[0], at(30)).unwrap().is_none());
        assert!(store.check_session(&secrets[1], at(30)).unwrap().is_some());
        assert_eq!(store.sessions_of(&morgan, at(30)).unwrap().len(), SESSIONS_MAX as usize);
        let one = &store.sessions_of(&morgan, at(30)).unwrap()[3].id;
        assert!(!store.end_session_of(&noor, one).unwrap(), "not theirs");
        assert!(store.end_session_of(&morgan, one).unwrap());
        assert_eq!(store.end_sessions_of(&morgan).unwrap(), 19);
        assert!(store.check_session(&others, at(30)).unwrap().is_some());
    }

    #[test]
    fn whoever_is_disabled_has_no_session_and_gets_none() {
        let (_dir, store) = store();
        let id = person(&store, "morgan").id;
        let (_, secret) = begin(&store, &id, at(0));
        store.set_disabled(&id, true).unwrap();
        assert!(store.check_session(&secret, at(1)).unwrap().is_none());
        let new = NewSession { person: id.clone(), ..NewSession::default() };
        let refused = store.create_session(&new, SessionLimits::default(), at(1));
        assert!(matches!(refused, Err(AccessError::Disabled)));
        store.set_disabled(&id, false).unwrap();
        assert!(store.check_session(&secret, at(2)).unwrap().is_none(), "it stays ended");
    }

    #[test]
    fn what_is_over_is_pruned_and_what_holds_stays() {
        let (_dir, store) = store();
        let id = person(&store, "morgan").id;
        begin(&store, &id, at(0));
        let (_, holding) = begin(&store, &id, at(HOUR / 2));
        store.create_device(&id, at(0)).unwrap();
        assert_eq!(store.prune(at(HOUR)).unwrap(), 1);
        assert!(store.check_session(&holding, at(HOUR)).unwrap().is_some());
        assert_eq!(store.prune(at(DAY)).unwrap(), 1);
        assert_eq!(store.prune(at(400 * DAY)).unwrap(), 1, "the device");
        assert_eq!(store.prune(at(400 * DAY)).unwrap(), 0);
    }

    #[test]
    fn secrets_of_a_session_are_not_shown() {
        let (_dir, store) = store();
        let (session, _) = begin(&store, &person(&store, "morgan").id, at(0));
        assert!(!format!("{session:?}").contains(&session.csrf));
    }
}
