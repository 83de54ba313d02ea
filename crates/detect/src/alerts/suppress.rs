//! What makes no alert for a while, though it is found and recorded.

use std::net::IpAddr;

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction};
use serde::{Deserialize, Serialize};

use crate::book::{Book, BookError, Result};
use crate::finding::{Finding, SubjectKind};
use crate::lists::Networks;
use crate::risk::By;

/// Suppressions that hold at once, at most.
const HOLDING_MAX: i64 = 1000;
/// Suppressions that are listed, the newest.
const LISTED_MAX: i64 = 1000;
/// Longest reason, in bytes, and most networks.
const REASON_BYTES_MAX: usize = 2000;
const NETWORKS_MAX: usize = 256;

/// What is to make no alert: findings to which everything applies that is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct NewSuppression {
    /// Of this tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Of this detection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detection: Option<String>,
    /// About this kind of subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_kind: Option<SubjectKind>,
    /// About the subject of this identifier or name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// From these networks: known egress.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<String>,
    /// Why.
    pub reason: String,
}

/// A suppression, and what it has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// Its number.
    pub number: i64,
    /// What makes no alert.
    pub what: NewSuppression,
    /// When it was made, µs since 1970.
    pub created_micros: i64,
    /// Who made it.
    pub by: String,
    /// Their name at the time.
    pub by_name: String,
    /// Until when it holds; `None` until somebody ends it.
    pub until_micros: Option<i64>,
    /// When somebody ended it.
    pub ended_micros: Option<i64>,
    /// Findings that made no alert because of it.
    pub hits: u64,
    /// When that happened last.
    pub last_hit_micros: Option<i64>,
}

impl Suppression {
    /// Does it hold at this moment?
    pub fn holds(&self, now_micros: i64) -> bool {
        self.ended_micros.is_none() && self.until_micros.is_none_or(|until| now_micros < until)
    }
}

impl NewSuppression {
    fn check(&self) -> Result<()> {
        let refuse = |why: &str| Err(BookError::Invalid(why.to_owned()));
        if self.detection.is_none() && self.subject.is_none() && self.networks.is_empty() {
            return refuse("a suppression names a detection, a subject or networks");
        }
        if self.reason.trim().is_empty() || self.reason.len() > REASON_BYTES_MAX {
            return refuse("a suppression has a reason of 1 to 2000 bytes");
        }
        if self.networks.len() > NETWORKS_MAX {
            return refuse("a suppression names at most 256 networks");
        }
        match Networks::parse(&self.networks) {
            Ok(_) => Ok(()),
            Err(error) => refuse(&error.to_string()),
        }
    }

    fn applies(&self, finding: &Finding) -> bool {
        let same = |wanted: &Option<String>, text: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(text))
        };
        let subject = &finding.subject;
        same(&self.tenant, &finding.tenant)
            && same(&self.detection, &finding.detection)
            && self.subject_kind.is_none_or(|kind| kind == subject.kind)
            && (same(&self.subject, &subject.id) || same(&self.subject, &subject.name))
            && (self.networks.is_empty() || self.covers(&finding.address))
    }

    fn covers(&self, address: &str) -> bool {
        let address: Option<IpAddr> = address.parse().ok();
        let networks = Networks::parse(&self.networks);
        address.is_some() && networks.is_ok_and(|networks| networks.contains(address, 0))
    }
}

/// Does a suppression keep this finding from making an alert? Counts that it did.
pub(super) fn holds(db: &Transaction<'_>, finding: &Finding, now_micros: i64) -> Result<bool> {
    for suppression in holding(db, now_micros)? {
        if suppression.what.applies(finding) {
            let statement =
                "UPDATE suppression SET hits = hits + 1, last_hit = ?2 WHERE number = ?1";
            db.prepare_cached(statement)?.execute((suppression.number, now_micros))?;
            return Ok(true);
        }
    }
    Ok(false)
}

fn holding(db: &Connection, now_micros: i64) -> Result<Vec<Suppression>> {
    let statement = format!(
        "SELECT {COLUMNS} FROM suppression WHERE ended IS NULL AND (until IS NULL OR until > ?1) \
         ORDER BY number LIMIT {HOLDING_MAX}"
    );
    let mut statement = db.prepare_cached(&statement)?;
    let rows = statement.query_map([now_micros], of_row)?;
    rows.map(|row| parse(row?)).collect()
}

const COLUMNS: &str = "number, body, created, by, by_name, until, ended, hits, last_hit";

fn of_row(row: &Row<'_>) -> rusqlite::Result<(String, Suppression)> {
    let suppression = Suppression {
        number: row.get(0)?,
        what: NewSuppression::default(),
        created_micros: row.get(2)?,
        by: row.get(3)?,
        by_name: row.get(4)?,
        until_micros: row.get(5)?,
        ended_micros: row.get(6)?,
        hits: row.get::<_, i64>(7)? as u64,
        last_hit_micros: row.get(8)?,
    };
    Ok((row.get(1)?, suppression))
}

fn parse((body, suppression): (String, Suppression)) -> Result<Suppression> {
    Ok(Suppression { what: serde_json::from_str(&body)?, ..suppression })
}

impl Book {
    /// Adds a suppression. It holds for findings that are told from now on; alerts that are open
    /// stay open.
    pub fn suppress(
        &self,
        what: &NewSuppression,
        until_micros: Option<i64>,
        by: &By,
    ) -> Result<Suppression> {
        what.check()?;
        if until_micros.is_some_and(|until| until <= by.at_micros) {
            return Err(BookError::Invalid("a suppression ends after it begins".to_owned()));
        }
        let body = serde_json::to_string(what)?;
        let number = self.write(|db| {
            if holding(db, by.at_micros)?.len() as i64 >= HOLDING_MAX {
                let why = format!("{HOLDING_MAX} suppressions hold already");
                return Err(BookError::Invalid(why));
            }
            let statement = "INSERT INTO suppression (body, created, by, by_name, until) \
                 VALUES (?1, ?2, ?3, ?4, ?5)";
            db.execute(statement, (body, by.at_micros, &by.id, &by.name, until_micros))?;
            Ok(db.last_insert_rowid())
        })?;
        self.suppression(number)
    }

    /// Ends a suppression.
    pub fn end_suppression(&self, number: i64, by: &By) -> Result<Suppression> {
        self.suppression(number)?;
        self.write(|db| {
            let statement = "UPDATE suppression SET ended = ?2, ended_by = ?3 \
                 WHERE number = ?1 AND ended IS NULL";
            db.execute(statement, (number, by.at_micros, &by.id))?;
            Ok(())
        })?;
        self.suppression(number)
    }

    /// All suppressions, newest first; with those that do not hold any more, at most a thousand.
    pub fn suppressions(&self) -> Result<Vec<Suppression>> {
        self.read(|db| {
            let statement = format!(
                "SELECT {COLUMNS} FROM suppression ORDER BY number DESC LIMIT {LISTED_MAX}"
            );
            let mut statement = db.prepare_cached(&statement)?;
            let rows = statement.query_map([], of_row)?;
            rows.map(|row| parse(row?)).collect()
        })
    }

    fn suppression(&self, number: i64) -> Result<Suppression> {
        let found = self.read(|db| {
            let statement = format!("SELECT {COLUMNS} FROM suppression WHERE number = ?1");
            Ok(db.prepare_cached(&statement)?.query_row([number], of_row).optional()?)
        })?;
        parse(found.ok_or_else(|| BookError::Missing(format!("suppression {number}")))?)
    }
}
