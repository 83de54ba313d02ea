//! Tables of the database, and how an older database becomes a newer one.
//!
//! Times are microseconds since 1970, UTC. Secrets that are presented to us (tokens, sessions,
//! links, devices, recovery codes) are kept as SHA-256: they are random and long, so nothing
//! slower is needed. Lists and scopes are JSON.

use rusqlite::{Connection, TransactionBehavior};

use crate::error::{AccessError, Result};

/// What leads from each layout to the next. Never change one that was released: add another.
const MIGRATIONS: [&str; 2] = [FIRST, SAVED_VIEWS];

const FIRST: &str = "
CREATE TABLE person (
    id TEXT PRIMARY KEY,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    name TEXT NOT NULL,
    folded_name TEXT NOT NULL,
    display_name TEXT NOT NULL,
    object_id TEXT,
    tenant_id TEXT,
    roles TEXT NOT NULL,
    scope TEXT NOT NULL,
    claims TEXT NOT NULL,
    disabled INTEGER NOT NULL DEFAULT 0,
    created INTEGER NOT NULL,
    last_sign_in INTEGER,
    password TEXT,
    totp_secret BLOB,
    totp_pending BLOB,
    totp_step INTEGER NOT NULL DEFAULT 0,
    UNIQUE (issuer, subject)
) STRICT;
CREATE UNIQUE INDEX person_local_name ON person (folded_name) WHERE issuer = 'local';

CREATE TABLE recovery_code (
    person TEXT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    hash BLOB NOT NULL,
    PRIMARY KEY (person, hash)
) STRICT, WITHOUT ROWID;

-- No reference from owner to person: a token must outlive its owner as a revoked one, and must
-- never become a token of nobody.
CREATE TABLE token (
    id TEXT PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    folded_name TEXT NOT NULL,
    permissions TEXT NOT NULL,
    scope TEXT NOT NULL,
    owner TEXT,
    created INTEGER NOT NULL,
    expires INTEGER,
    last_used INTEGER,
    revoked INTEGER
) STRICT;
CREATE INDEX token_name ON token (folded_name);
CREATE INDEX token_owner ON token (owner);

CREATE TABLE access_token (
    hash BLOB PRIMARY KEY,
    token TEXT NOT NULL REFERENCES token (id) ON DELETE CASCADE,
    issued INTEGER NOT NULL,
    expires INTEGER NOT NULL
) STRICT;
CREATE INDEX access_token_token ON access_token (token);

CREATE TABLE session (
    id TEXT PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    person TEXT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    csrf TEXT NOT NULL,
    id_token TEXT,
    address TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    created INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    idle INTEGER NOT NULL,
    expires INTEGER NOT NULL
) STRICT;
CREATE INDEX session_person ON session (person);

CREATE TABLE device (
    id TEXT PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    person TEXT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    last_used INTEGER NOT NULL
) STRICT;
CREATE INDEX device_person ON device (person);

CREATE TABLE link (
    hash BLOB PRIMARY KEY,
    person TEXT REFERENCES person (id) ON DELETE CASCADE,
    expires INTEGER NOT NULL
) STRICT;

CREATE TABLE feedback (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    person TEXT NOT NULL,
    tenant TEXT NOT NULL,
    event_id TEXT NOT NULL,
    is_mine INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX feedback_event ON feedback (event_id, tenant, person);
CREATE TRIGGER feedback_stays BEFORE UPDATE ON feedback
    BEGIN SELECT RAISE (ABORT, 'feedback is append-only'); END;
CREATE TRIGGER feedback_is_kept BEFORE DELETE ON feedback
    BEGIN SELECT RAISE (ABORT, 'feedback is append-only'); END;

CREATE TABLE key (
    name TEXT PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT;
";

// No reference from owner to person: the administrator of a demo is no person.
const SAVED_VIEWS: &str = "
CREATE TABLE saved_view (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    folded_name TEXT NOT NULL,
    query TEXT NOT NULL,
    is_shared INTEGER NOT NULL,
    version INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    UNIQUE (owner, folded_name)
) STRICT;
CREATE INDEX saved_view_shared ON saved_view (folded_name) WHERE is_shared = 1;
CREATE TRIGGER saved_view_goes_with_its_owner AFTER DELETE ON person
    BEGIN DELETE FROM saved_view WHERE owner = old.id; END;
";

/// Brings the database to the newest layout, whoever else may be opening it.
pub(crate) fn migrate(connection: &mut Connection) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let found = found as usize;
    let known = MIGRATIONS.len();
    let missing = MIGRATIONS.get(found..).ok_or(AccessError::TooNew { found, known })?;
    if missing.is_empty() {
        return Ok(());
    }
    for step in missing {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", known as u32)?;
    Ok(transaction.commit()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{at, store};
    use crate::{NewView, Saved};

    #[test]
    fn a_database_of_the_first_layout_becomes_one_of_the_newest() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.db");
        let mut old = Connection::open(&path).unwrap();
        old.execute_batch(FIRST).unwrap();
        old.pragma_update(None, "user_version", 1).unwrap();
        let row = "INSERT INTO feedback (person, tenant, event_id, is_mine, at) \
             VALUES ('p', 't', 'e', 1, 5)";
        old.execute(row, []).unwrap();
        migrate(&mut old).unwrap();
        let version = |db: &Connection| -> u32 {
            db.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
        };
        assert_eq!(version(&old) as usize, MIGRATIONS.len());
        let count = |table: &str| -> u32 {
            let statement = format!("SELECT count(*) FROM {table}");
            old.query_row(&statement, [], |row| row.get(0)).unwrap()
        };
        assert_eq!((count("feedback"), count("saved_view")), (1, 0), "what was there stays");
        migrate(&mut Connection::open(&path).unwrap()).unwrap();
        old.pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(migrate(&mut old), Err(AccessError::TooNew { found: 99, .. })));
    }

    #[test]
    fn views_go_with_the_person_whose_they_are() {
        let (_dir, store) = store();
        let owner = crate::testing::person(&store, "maria").id;
        for owner in [owner.as_str(), "demo"] {
            let new = NewView { owner, name: "a", query: "t=7d", is_shared: true };
            assert!(matches!(store.save_view(&new, None, at(0)).unwrap(), Saved::Done(_)));
        }
        store.write(|db| Ok(db.execute("DELETE FROM person WHERE id = ?1", [&owner])?)).unwrap();
        assert!(store.views_of(&owner, false).unwrap().is_empty());
        assert_eq!(store.views_of("demo", false).unwrap().len(), 1);
    }
}
