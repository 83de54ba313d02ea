//! Tokens for programs: lasting ones, and short-lived ones that a program gets for one.
//!
//! A token is shown once and kept as a hash. One that belongs to somebody allows what both it and
//! its owner may do, and stops with the owner; one that belongs to nobody allows what it says.

use std::time::Duration;

use durward_model::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row};

use crate::error::{AccessError, Result};
use crate::grant::{Grant, Mask, Rules, Scope};
use crate::people::{self, Person, check_text, json, json_at};
use crate::permission::{PERMISSIONS, rights_of_all};
use crate::right::{Right, Rights};
use crate::secret::{checksum, digest, random_id, random_secret};
use crate::store::{AccessStore, TOUCH, after, before, fold};

/// How a lasting token begins.
const LASTING: &str = "dwd_";
/// How a short-lived token begins.
const SHORT_LIVED: &str = "dwa_";
/// How long a short-lived token holds.
const SHORT_LIFE: Duration = Duration::from_secs(3600);
/// Most short-lived tokens of one lasting token; the oldest go.
const SHORT_LIVED_MAX: usize = 100;
/// Longest name, in characters.
const NAME_CHARS_MAX: usize = 100;
/// Most tokens that hold at once, of one owner or of nobody.
const LIVE_MAX: usize = 1000;

/// A token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Identifier, a GUID of ours.
    pub id: String,
    /// What its maker calls it.
    pub name: String,
    /// Names from [`PERMISSIONS`].
    pub permissions: Vec<String>,
    /// What part of the log it is for.
    pub scope: Scope,
    /// Identifier of the person it belongs to.
    pub owner: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// When it stops by itself.
    pub expires: Option<Timestamp>,
    /// When it was last used, to about a minute.
    pub last_used: Option<Timestamp>,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
}

impl Token {
    /// What it allows. For a token that belongs to somebody, `owner` has to be that person.
    pub fn grants(&self, rules: &Rules, owner: Option<&Person>) -> Vec<Grant> {
        let rights = rights_of_all(self.permissions.iter().map(String::as_str));
        let scope = || Some(self.scope.clone()).filter(|scope| !scope.is_whole());
        match (&self.owner, owner) {
            (None, _) => {
                // Nobody has no sign-ins of their own.
                let rights = rights.without(Rights::of(&[Right::ReadOwn]));
                let scopes = scope().into_iter().collect();
                vec![Grant { role: None, rights, scopes, mask: Mask::NONE }]
            }
            (Some(id), Some(owner)) if *id == owner.id && !owner.disabled => {
                let mut grants = owner.grants(rules);
                for grant in &mut grants {
                    grant.rights = grant.rights.both(rights);
                    grant.scopes.extend(scope());
                }
                grants.retain(|grant| !grant.rights.is_empty());
                grants
            }
            (Some(_), _) => Vec::new(),
        }
    }

    /// Does it hold at that time, as far as the token itself goes?
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|expires| now < expires)
    }
}

/// A token to be.
#[derive(Clone, Debug, Default)]
pub struct NewToken {
    /// What to call it: different from all tokens that hold.
    pub name: String,
    /// Names from [`PERMISSIONS`].
    pub permissions: Vec<String>,
    /// What part of the log it is for.
    pub scope: Scope,
    /// Identifier of the person it belongs to.
    pub owner: Option<String>,
    /// When it stops by itself.
    pub expires: Option<Timestamp>,
}

/// Does this look like a token of ours? Whether it holds is another question.
pub fn is_own_token(secret: &str) -> bool {
    kind_of(secret).is_some()
}

fn kind_of(secret: &str) -> Option<&'static str> {
    [LASTING, SHORT_LIVED].into_iter().find(|start| secret.starts_with(start))
}

fn new_secret(start: &str) -> Result<String> {
    let text = format!("{start}{}", random_secret()?);
    let sum = checksum(&text);
    Ok(text + &sum)
}

/// Is it whole? Most of what is not ours ends here, without a look-up.
fn is_whole(secret: &str) -> bool {
    let split = secret.len().checked_sub(6).and_then(|at| secret.split_at_checked(at));
    split.is_some_and(|(text, sum)| checksum(text) == sum)
}

/// The columns of a token, for [`token_at`]; the table goes by the name `t`.
const COLUMNS: &str = "t.id, t.name, t.permissions, t.scope, t.owner, t.created, t.expires, \
    t.last_used, t.revoked";
/// Which tokens hold at the time `?1`.
const LIVE: &str = "t.revoked IS NULL AND (t.expires IS NULL OR t.expires > ?1) AND (t.owner IS \
    NULL OR EXISTS (SELECT 1 FROM person p WHERE p.id = t.owner AND p.disabled = 0))";

fn token_at(row: &Row<'_>) -> rusqlite::Result<Token> {
    let time = |index| -> rusqlite::Result<Option<Timestamp>> {
        Ok(row.get::<_, Option<i64>>(index)?.map(Timestamp::from_micros))
    };
    Ok(Token {
        id: row.get(0)?,
        name: row.get(1)?,
        permissions: json_at(row, 2)?,
        scope: json_at(row, 3)?,
        owner: row.get(4)?,
        created: Timestamp::from_micros(row.get(5)?),
        expires: time(6)?,
        last_used: time(7)?,
        revoked: time(8)?,
    })
}

/// The lasting token with that secret, or that the short-lived one with that secret is of.
fn live_token(db: &Connection, secret: &str, now: Timestamp) -> Result<Option<Token>> {
    if !is_whole(secret) {
        return Ok(None);
    }
    let statement = match kind_of(secret) {
        Some(LASTING) => format!("SELECT {COLUMNS} FROM token t WHERE t.hash = ?2 AND {LIVE}"),
        Some(_) => format!(
            "SELECT {COLUMNS} FROM access_token a JOIN token t ON t.id = a.token \
             WHERE a.hash = ?2 AND a.expires > ?1 AND {LIVE}"
        ),
        None => return Ok(None),
    };
    let values = (now.micros, digest(secret));
    Ok(db.prepare_cached(&statement)?.query_row(values, token_at).optional()?)
}

/// Permissions as they are spelt in the table, each once.
fn known_permissions(names: &[String]) -> Result<Vec<String>> {
    let mut known: Vec<String> = Vec::new();
    for name in names {
        let found = PERMISSIONS.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name.trim()));
        let Some((name, ..)) = found else {
            let names = PERMISSIONS.map(|(name, ..)| name).join(", ");
            let message = format!("`{}` is no permission; there are: {names}", name.trim());
            return Err(AccessError::Invalid(message));
        };
        if !known.iter().any(|known| known == name) {
            known.push((*name).to_owned());
        }
    }
    if known.is_empty() {
        return Err(AccessError::Invalid("a token needs a permission".to_owned()));
    }
    Ok(known)
}

impl AccessStore {
    /// Makes a token and returns it with its secret, which cannot be had again.
    pub fn create_token(&self, new: &NewToken, now: Timestamp) -> Result<(Token, String)> {
        let name = new.name.trim();
        check_text("the name of a token", name, NAME_CHARS_MAX)?;
        let token = Token {
            id: random_id()?,
            name: name.to_owned(),
            permissions: known_permissions(&new.permissions)?,
            scope: new.scope.clone(),
            owner: new.owner.clone(),
            created: now,
            expires: new.expires,
            last_used: None,
            revoked: None,
        };
        if !token.is_live(now) {
            return Err(AccessError::Invalid("the token would have expired already".to_owned()));
        }
        let secret = new_secret(LASTING)?;
        self.write(|db| {
            if let Some(owner) = &token.owner {
                people::enabled_person(db, owner)?;
            }
            check_room(db, &token, now)?;
            let insert = "INSERT INTO token (id, hash, name, folded_name, permissions, scope, \
                 owner, created, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
            db.prepare_cached(insert)?.execute(rusqlite::params![
                token.id,
                digest(&secret),
                token.name,
                fold(&token.name),
                json(&token.permissions)?,
                json(&token.scope)?,
                token.owner,
                now.micros,
                token.expires.map(|expires| expires.micros),
            ])?;
            Ok(())
        })?;
        Ok((token, secret))
    }

    /// All tokens of an owner, or of everybody and nobody; the newest first, and with those that
    /// hold no longer, for as long as these are kept.
    pub fn tokens(&self, owner: Option<&str>) -> Result<Vec<Token>> {
        let statement = format!(
            "SELECT {COLUMNS} FROM token t WHERE ?1 IS NULL OR t.owner = ?1 \
             ORDER BY t.created DESC, t.rowid DESC"
        );
        self.read(|db| {
            let mut statement = db.prepare_cached(&statement)?;
            let tokens = statement.query_map([owner], token_at)?;
            Ok(tokens.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// The token with that identifier, or else the one that holds and has that name.
    pub fn token(&self, id_or_name: &str, now: Timestamp) -> Result<Option<Token>> {
        self.read(|db| find(db, id_or_name, now))
    }

    /// Revokes a token by its identifier or name: it and the short-lived tokens of it stop at once.
    /// `false` if there is none, or it was revoked before.
    pub fn revoke_token(&self, id_or_name: &str, now: Timestamp) -> Result<bool> {
        self.write(|db| {
            let found = find(db, id_or_name, now)?;
            let Some(token) = found.filter(|token| token.revoked.is_none()) else {
                return Ok(false);
            };
            let revoke = "UPDATE token SET revoked = ?2 WHERE id = ?1";
            db.prepare_cached(revoke)?.execute((&token.id, now.micros))?;
            let delete = "DELETE FROM access_token WHERE token = ?1";
            db.prepare_cached(delete)?.execute([&token.id])?;
            Ok(true)
        })
    }

    /// The token with that secret, lasting or short-lived, if it holds and its owner may do
    /// anything.
    pub fn check_token(&self, secret: &str, now: Timestamp) -> Result<Option<Token>> {
        let token = self.read(|db| live_token(db, secret, now))?;
        if let Some(token) = &token {
            let stale = before(now, TOUCH);
            if token.last_used.is_none_or(|last| last.micros <= stale) {
                self.touch(|db| {
                    let touch = "UPDATE token SET last_used = ?2 WHERE id = ?1 \
                         AND coalesce(last_used, 0) <= ?3";
                    db.prepare_cached(touch)?.execute((&token.id, now.micros, stale))?;
                    Ok(())
                });
            }
        }
        Ok(token)
    }

    /// A short-lived token for a program that presents a lasting one as its secret, and the
    /// identifier or name of it as its own; and for how many seconds it holds. `None` if these
    /// are not right.
    pub fn issue_access_token(
        &self,
        client_id: &str,
        client_secret: &str,
        now: Timestamp,
    ) -> Result<Option<(String, u64)>> {
        let is_client = |token: &Token| {
            token.id.eq_ignore_ascii_case(client_id) || fold(&token.name) == fold(client_id)
        };
        // A short-lived token must not live for ever by renewing itself.
        let parent = match kind_of(client_secret) {
            Some(LASTING) => self.read(|db| live_token(db, client_secret, now))?,
            _ => None,
        };
        let Some(parent) = parent.filter(is_client) else { return Ok(None) };
        let secret = new_secret(SHORT_LIVED)?;
        let end = after(now, SHORT_LIFE);
        let end = parent.expires.map_or(end, |expires| end.min(expires.micros));
        self.write(|db| {
            // It may have been revoked meanwhile.
            if live_token(db, client_secret, now)?.is_none() {
                return Ok(None);
            }
            let over = "DELETE FROM access_token WHERE token = ?1 AND expires <= ?2";
            db.prepare_cached(over)?.execute((&parent.id, now.micros))?;
            let oldest = "DELETE FROM access_token WHERE token = ?1 AND rowid NOT IN (SELECT rowid \
                 FROM access_token WHERE token = ?1 ORDER BY issued DESC, rowid DESC LIMIT ?2)";
            db.prepare_cached(oldest)?.execute((&parent.id, SHORT_LIVED_MAX as u32 - 1))?;
            let insert = "INSERT INTO access_token (hash, token, issued, expires) \
                 VALUES (?1, ?2, ?3, ?4)";
            db.prepare_cached(insert)?.execute((digest(&secret), &parent.id, now.micros, end))?;
            let touch = "UPDATE token SET last_used = ?2 WHERE id = ?1";
            db.prepare_cached(touch)?.execute((&parent.id, now.micros))?;
            let seconds = u64::try_from((end - now.micros) / 1_000_000).unwrap_or_default();
            Ok(Some((secret, seconds)))
        })
    }
}

fn find(db: &Connection, id_or_name: &str, now: Timestamp) -> Result<Option<Token>> {
    let by_id = format!("SELECT {COLUMNS} FROM token t WHERE t.id = ?1");
    let id = id_or_name.trim().to_ascii_lowercase();
    let found = db.prepare_cached(&by_id)?.query_row([id], token_at).optional()?;
    if found.is_some() {
        return Ok(found);
    }
    let by_name = format!(
        "SELECT {COLUMNS} FROM token t WHERE t.folded_name = ?2 AND t.revoked IS NULL \
         AND (t.expires IS NULL OR t.expires > ?1)"
    );
    let values = (now.micros, fold(id_or_name));
    Ok(db.prepare_cached(&by_name)?.query_row(values, token_at).optional()?)
}

/// Is the name free, and are there not too many?
fn check_room(db: &Connection, token: &Token, now: Timestamp) -> Result<()> {
    if find(db, &token.name, now)?.is_some() {
        return Err(AccessError::NameTaken(token.name.clone()));
    }
    let count = format!("SELECT count(*) FROM token t WHERE t.owner IS ?2 AND {LIVE}");
    let count: u32 =
        db.prepare_cached(&count)?.query_row((now.micros, &token.owner), |row| row.get(0))?;
    if count as usize >= LIVE_MAX {
        let message = format!("there are {LIVE_MAX} tokens already; revoke some");
        return Err(AccessError::Invalid(message));
    }
    Ok(())
}

#[cfg(test)]
#[path = "tokens_tests.rs"]
mod tests;
