//! Rules in the book: every version of each, with who wrote it and when.

use rusqlite::OptionalExtension as _;

use super::model::Rule;
use crate::book::{Book, BookError, Module, Result};

pub(crate) const SCHEMA: Module = Module { name: "rules", steps: &[FIRST] };

// Every change is a row; the newest of a rule holds. `body` is NULL where it was removed. Times
// are µs since 1970.
const FIRST: &str = "
CREATE TABLE rule (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    body TEXT,
    by TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX rule_id ON rule (id, number);
";

/// Rules kept at most; enough for every public one.
const RULES_MAX: i64 = 5_000;
/// Versions of a rule that are listed.
const HISTORY_MAX: i64 = 100;

/// A rule as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRule {
    /// The rule.
    pub rule: Rule,
    /// Who changed it last.
    pub by: String,
    /// When, µs since 1970.
    pub at_micros: i64,
}

/// A version of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleChange {
    /// What it was changed to; `None` where it was removed.
    pub rule: Option<Rule>,
    /// Who did it.
    pub by: String,
    /// When, µs since 1970.
    pub at_micros: i64,
}

impl Book {
    /// All rules, by name.
    pub fn rules(&self) -> Result<Vec<StoredRule>> {
        let statement = "SELECT body, by, at FROM rule WHERE number IN \
             (SELECT max(number) FROM rule GROUP BY id) AND body IS NOT NULL LIMIT ?1";
        let mut rules = self.read(|db| {
            let mut statement = db.prepare_cached(statement)?;
            let rows = statement.query_map([RULES_MAX], columns)?;
            let rules = rows.map(|row| stored(row?));
            rules.collect::<Result<Vec<_>>>()
        })?;
        rules.sort_by(|one, other| {
            (&one.rule.name, &one.rule.id).cmp(&(&other.rule.name, &other.rule.id))
        });
        Ok(rules)
    }

    /// The rule of that identifier, as it stands.
    pub fn rule(&self, id: &str) -> Result<Option<StoredRule>> {
        let newest = self.read(|db| {
            let statement =
                "SELECT body, by, at FROM rule WHERE id = ?1 ORDER BY number DESC LIMIT 1";
            let row = |row: &rusqlite::Row<'_>| {
                Ok((row.get::<_, Option<String>>(0)?, row.get(1)?, row.get(2)?))
            };
            Ok(db.prepare_cached(statement)?.query_row([id], row).optional()?)
        })?;
        match newest {
            Some((Some(body), by, at)) => stored((body, by, at)).map(Some),
            _ => Ok(None),
        }
    }

    /// Counts up with every change to any rule.
    pub fn rules_version(&self) -> Result<i64> {
        self.read(|db| {
            let statement = "SELECT coalesce(max(number), 0) FROM rule";
            Ok(db.prepare_cached(statement)?.query_row([], |row| row.get(0))?)
        })
    }

    /// Adds a rule, or changes the one with its identifier. Its check must have passed (see
    /// [`super::Compiled`] for what takes the lists of placeholders to know).
    pub fn put_rule(&self, rule: &Rule, by: &str, now_micros: i64) -> Result<()> {
        let rule = rule.clone().check().map_err(|error| BookError::Invalid(error.to_string()))?;
        let body = serde_json::to_string(&rule)?;
        self.write(|db| {
            let count = "SELECT count(*) FROM rule WHERE number IN \
                 (SELECT max(number) FROM rule GROUP BY id) AND body IS NOT NULL AND id != ?1";
            let others: i64 = db.query_row(count, [&rule.id], |row| row.get(0))?;
            if others >= RULES_MAX {
                return Err(BookError::Invalid(format!("there are {RULES_MAX} rules already")));
            }
            let statement = "INSERT INTO rule (id, body, by, at) VALUES (?1, ?2, ?3, ?4)";
            db.execute(statement, (&rule.id, body, by, now_micros))?;
            Ok(())
        })
    }

    /// Switches a rule on or off.
    pub fn enable_rule(&self, id: &str, enabled: bool, by: &str, now_micros: i64) -> Result<()> {
        let stored = self.rule(id)?.ok_or_else(|| BookError::Missing(format!("rule {id:?}")))?;
        if stored.rule.enabled == enabled {
            return Ok(());
        }
        self.put_rule(&Rule { enabled, ..stored.rule }, by, now_micros)
    }

    /// Removes a rule. Its versions stay.
    pub fn remove_rule(&self, id: &str, by: &str, now_micros: i64) -> Result<()> {
        if self.rule(id)?.is_none() {
            return Err(BookError::Missing(format!("rule {id:?}")));
        }
        self.write(|db| {
            let statement = "INSERT INTO rule (id, body, by, at) VALUES (?1, NULL, ?2, ?3)";
            db.execute(statement, (id, by, now_micros))?;
            Ok(())
        })
    }

    /// The versions of a rule, newest first; at most a hundred.
    pub fn rule_history(&self, id: &str) -> Result<Vec<RuleChange>> {
        self.read(|db| {
            let statement = "SELECT body, by, at FROM rule WHERE id = ?1 \
                 ORDER BY number DESC LIMIT ?2";
            let mut statement = db.prepare_cached(statement)?;
            let rows = statement.query_map((id, HISTORY_MAX), |row| {
                Ok((row.get::<_, Option<String>>(0)?, row.get(1)?, row.get(2)?))
            })?;
            let changes = rows.map(|row| {
                let (body, by, at_micros) = row?;
                let rule = body.map(|body| serde_json::from_str(&body)).transpose()?;
                Ok(RuleChange { rule, by, at_micros })
            });
            changes.collect()
        })
    }
}

fn columns(row: &rusqlite::Row<'_>) -> rusqlite::Result<(String, String, i64)> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
}

fn stored((body, by, at_micros): (String, String, i64)) -> Result<StoredRule> {
    Ok(StoredRule { rule: serde_json::from_str(&body)?, by, at_micros })
}
