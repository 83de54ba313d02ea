//! Tables of the database, and how an older database becomes a newer one.
//!
//! Times are microseconds since 1970, UTC. Secrets that are presented to us (tokens, sessions,
//! links, devices, recovery codes) are kept as SHA-256: they are random and long, so nothing
//! slower is needed. Lists and scopes are JSON.

use rusqlite::{Connection, TransactionBehavior};

use crate::error::{AccessError, Result};

/// What leads from each layout to the next. Never change one that was released: add another.
const MIGRATIONS: [&str; 1] = [FIRST];

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
