//! Asking for alerts.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row, params_from_iter};

use super::grouping::kind_of;
use super::history::{self, Entry};
use super::outbox::{self, Delivery};
use super::{Alert, AlertState, Verdict, level_of};
use crate::book::{Book, Result};
use crate::finding::{Finding, Level, Subject, SubjectKind};
use crate::risk::Reach;

/// Alerts of one answer at most.
const LIMIT_MAX: usize = 1000;
/// Findings that are given with an alert, the most severe.
const FINDINGS_SHOWN: i64 = 100;

pub(super) const COLUMNS: &str = "number, tenant, state, verdict, severity, title, detection, \
     subject_kind, subject_id, subject_name, first, last, sign_ins, findings, opened, updated, \
     closed, version, assignee, is_history, previous, merged_into";

pub(super) fn alert_of(row: &Row<'_>) -> rusqlite::Result<Alert> {
    let (state, verdict): (String, Option<String>) = (row.get(2)?, row.get(3)?);
    let kind: String = row.get(7)?;
    Ok(Alert {
        number: row.get(0)?,
        tenant: row.get(1)?,
        state: AlertState::from_names(&state, verdict.as_deref()).unwrap_or_default(),
        severity: level_of(row.get(4)?),
        title: row.get(5)?,
        detection: row.get(6)?,
        subject: Subject { kind: kind_of(&kind), id: row.get(8)?, name: row.get(9)? },
        first_micros: row.get(10)?,
        last_micros: row.get(11)?,
        sign_ins: row.get::<_, i64>(12)? as u64,
        findings: row.get::<_, i64>(13)? as u64,
        opened_micros: row.get(14)?,
        updated_micros: row.get(15)?,
        closed_micros: row.get(16)?,
        version: row.get(17)?,
        assignee: row.get(18)?,
        is_history: row.get(19)?,
        previous: row.get(20)?,
        merged_into: row.get(21)?,
    })
}

/// Which alerts are asked for; newest last sign-in first. Everything that is `None` or empty does
/// not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertQuery {
    /// Whose alerts may be seen; nobody's unless it says so.
    pub reach: Reach,
    /// In any of these states, by name: `new`, `inProgress`, `closed`.
    pub states: Vec<String>,
    /// With this verdict.
    pub verdict: Option<Verdict>,
    /// Of at least this severity.
    pub least: Option<Level>,
    /// Of this tenant.
    pub tenant: Option<String>,
    /// With a finding of this detection.
    pub detection: Option<String>,
    /// With a finding about this kind of subject.
    pub kind: Option<SubjectKind>,
    /// With a finding about the subject of this identifier or name.
    pub subject: Option<String>,
    /// Given to this person; empty for those given to nobody.
    pub assignee: Option<String>,
    /// With this in the title or the name of the subject.
    pub text: Option<String>,
    /// Whose last sign-in is at or after this instant, µs.
    pub from_micros: Option<i64>,
    /// Whose last sign-in is before this instant, µs.
    pub to_micros: Option<i64>,
    /// Without those that were old when they were found.
    pub without_history: bool,
    /// With those that became part of others.
    pub with_merged: bool,
    /// Goes on after the alert of this last sign-in and number.
    pub after: Option<(i64, i64)>,
    /// At most so many; 0 for the most there are.
    pub limit: usize,
}

/// How many alerts there are in each state, whatever state the question asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlertCounts {
    /// New.
    pub new: u64,
    /// In progress.
    pub in_progress: u64,
    /// Closed as true positives.
    pub true_positive: u64,
    /// Closed as false positives.
    pub false_positive: u64,
    /// Closed as benign.
    pub benign_positive: u64,
    /// Closed by durward, as later records took their reasons away.
    pub withdrawn: u64,
    /// Neither closed nor low: by level.
    pub open_by_level: [u64; 3],
}

/// A finding of an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// The finding as it stands now; `None` where it is not kept any more.
    pub finding: Option<Finding>,
    /// As it was told to this alert.
    pub sentence: String,
    /// Its detection.
    pub detection: String,
    /// Its level, as told to this alert.
    pub level: Level,
    /// When it joined, µs since 1970.
    pub attached_micros: i64,
    /// When it was withdrawn.
    pub detached_micros: Option<i64>,
}

/// What became of earlier alerts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Similar {
    /// They were attacks.
    pub true_positives: u64,
    /// They were not: false and benign positives.
    pub dismissed: u64,
}

/// Everything about an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertDetails {
    /// The alert.
    pub alert: Alert,
    /// Its findings, the most severe first.
    pub findings: Vec<Attached>,
    /// What became of it, oldest first; notes are in it.
    pub history: Vec<Entry>,
    /// Who was told of it, newest first.
    pub deliveries: Vec<Delivery>,
    /// Closed alerts of the same detection.
    pub similar: Similar,
    /// Closed alerts of the same detection about the same subject.
    pub similar_about_subject: Similar,
}

impl Book {
    /// Alerts, newest last sign-in first.
    pub fn alerts(&self, query: &AlertQuery) -> Result<Vec<Alert>> {
        self.read(|db| {
            let (clause, values) = query.clause(true);
            let limit = if query.limit == 0 { LIMIT_MAX } else { query.limit.min(LIMIT_MAX) };
            let statement = format!(
                "SELECT {COLUMNS} FROM alert a WHERE {clause} \
                 ORDER BY last DESC, number DESC LIMIT {limit}"
            );
            let mut statement = db.prepare_cached(&statement)?;
            let rows = statement.query_map(params_from_iter(values), alert_of)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// How many alerts there are in each state; the states of the question do not matter.
    pub fn count_alerts(&self, query: &AlertQuery) -> Result<AlertCounts> {
        self.read(|db| {
            let query = AlertQuery { after: None, ..query.clone() };
            let (clause, values) = query.clause(false);
            let statement = format!(
                "SELECT state, verdict, severity, count(*) FROM alert a \
                 WHERE {clause} GROUP BY 1, 2, 3"
            );
            let mut statement = db.prepare_cached(&statement)?;
            let mut rows = statement.query(params_from_iter(values))?;
            let mut counts = AlertCounts::default();
            while let Some(row) = rows.next()? {
                let (state, verdict): (String, Option<String>) = (row.get(0)?, row.get(1)?);
                let state = AlertState::from_names(&state, verdict.as_deref());
                let count = row.get::<_, i64>(3)? as u64;
                let state = state.unwrap_or_default();
                *counts.place(state) += count;
                if !state.is_closed() {
                    counts.open_by_level[level_of(row.get(2)?) as usize] += count;
                }
            }
            Ok(counts)
        })
    }

    /// One alert, if it may be seen.
    pub fn alert(&self, number: i64, reach: &Reach) -> Result<Option<AlertDetails>> {
        self.read(|db| {
            let query =
                AlertQuery { reach: reach.clone(), with_merged: true, ..AlertQuery::default() };
            let (clause, mut values) = query.clause(true);
            values.push(number.into());
            let statement = format!("SELECT {COLUMNS} FROM alert a WHERE {clause} AND number = ?");
            let mut statement = db.prepare_cached(&statement)?;
            let alert = statement.query_row(params_from_iter(values), alert_of).optional()?;
            let Some(alert) = alert else { return Ok(None) };
            Ok(Some(AlertDetails {
                findings: findings(db, number)?,
                history: history::of(db, number)?,
                deliveries: outbox::of_alert(db, number)?,
                similar: similar(db, &alert.detection, None)?,
                similar_about_subject: similar(db, &alert.detection, Some(&alert.subject))?,
                alert,
            }))
        })
    }

    /// What became of closed alerts with findings of a detection, about anybody or about one
    /// subject.
    pub fn similar_alerts(&self, detection: &str, subject: Option<&Subject>) -> Result<Similar> {
        self.read(|db| similar(db, detection, subject))
    }
}

fn similar(db: &Connection, detection: &str, subject: Option<&Subject>) -> Result<Similar> {
    let statement = "SELECT a.verdict, count(DISTINCT a.number) FROM alert a \
         JOIN alert_finding f ON f.alert = a.number \
         WHERE a.state = 'closed' AND f.detection = ?1 \
         AND (?2 IS NULL OR (f.kind = ?2 AND f.id = ?3)) GROUP BY 1";
    let mut statement = db.prepare_cached(statement)?;
    let (kind, id) = match subject {
        Some(subject) => (Some(subject.kind.name()), subject.id.as_str()),
        None => (None, ""),
    };
    let mut similar = Similar::default();
    let rows = statement.query_map((detection, kind, id), |row| {
        Ok((row.get::<_, Option<String>>(0)?, row.get::<_, i64>(1)?))
    })?;
    for row in rows {
        let (verdict, count) = row?;
        match verdict.as_deref().and_then(Verdict::from_name) {
            Some(Verdict::TruePositive) => similar.true_positives += count as u64,
            Some(Verdict::FalsePositive | Verdict::BenignPositive) => {
                similar.dismissed += count as u64;
            }
            _ => {}
        }
    }
    Ok(similar)
}

/// The findings of an alert, the most severe first; those that were withdrawn last.
pub(super) fn findings(db: &Connection, alert: i64) -> Result<Vec<Attached>> {
    let statement = "SELECT b.body, a.sentence, a.detection, a.level, a.attached, a.detached \
         FROM alert_finding a LEFT JOIN finding b ON b.id = a.finding WHERE a.alert = ?1 \
         ORDER BY a.detached IS NOT NULL, a.level DESC, a.attached, a.rowid LIMIT ?2";
    let mut statement = db.prepare_cached(statement)?;
    let rows = statement.query_map((alert, FINDINGS_SHOWN), |row| {
        let attached = Attached {
            finding: None,
            sentence: row.get(1)?,
            detection: row.get(2)?,
            level: level_of(row.get(3)?),
            attached_micros: row.get(4)?,
            detached_micros: row.get(5)?,
        };
        Ok((row.get::<_, Option<String>>(0)?, attached))
    })?;
    let parsed = rows.map(|row| {
        let (body, attached) = row?;
        let finding = body.map(|body| serde_json::from_str(&body)).transpose()?;
        Ok(Attached { finding, ..attached })
    });
    parsed.collect()
}

impl AlertCounts {
    fn place(&mut self, state: AlertState) -> &mut u64 {
        match state {
            AlertState::New => &mut self.new,
            AlertState::InProgress => &mut self.in_progress,
            AlertState::Closed(Verdict::TruePositive) => &mut self.true_positive,
            AlertState::Closed(Verdict::FalsePositive) => &mut self.false_positive,
            AlertState::Closed(Verdict::BenignPositive) => &mut self.benign_positive,
            AlertState::Closed(Verdict::Withdrawn | Verdict::Merged) => &mut self.withdrawn,
        }
    }
}

impl AlertQuery {
    /// The condition, and the values for its places.
    fn clause(&self, with_state: bool) -> (String, Vec<Value>) {
        let mut clause = "1".to_owned();
        let mut values: Vec<Value> = Vec::new();
        let mut add = |text: &str, these: Vec<Value>| {
            clause.push_str(" AND ");
            clause.push_str(text);
            values.extend(these);
        };
        if !self.reach.is_everything() {
            let (part, these) = self.reach.clause();
            add("EXISTS (SELECT 1 FROM alert_finding s WHERE s.alert = a.number)", vec![]);
            let none = format!(
                "NOT EXISTS (SELECT 1 FROM alert_finding s WHERE s.alert = a.number AND NOT {part})"
            );
            add(&none, these);
        }
        if with_state && !self.states.is_empty() {
            let places = vec!["?"; self.states.len()].join(", ");
            let states = self.states.iter().cloned().map(Value::from).collect();
            add(&format!("a.state IN ({places})"), states);
        }
        if let Some(verdict) = self.verdict.filter(|_| with_state) {
            add("a.verdict = ?", vec![verdict.name().to_owned().into()]);
        }
        if let Some(level) = self.least {
            add("a.severity >= ?", vec![(level as i64).into()]);
        }
        if let Some(tenant) = &self.tenant {
            add("a.tenant = ?", vec![tenant.clone().into()]);
        }
        let mut with_finding = |part: &str, these: Vec<Value>| {
            let part = format!(
                "EXISTS (SELECT 1 FROM alert_finding f WHERE f.alert = a.number AND {part})"
            );
            add(&part, these);
        };
        if let Some(detection) = &self.detection {
            with_finding("f.detection = ?", vec![detection.clone().into()]);
        }
        if let Some(kind) = self.kind {
            with_finding("f.kind = ?", vec![kind.name().to_owned().into()]);
        }
        if let Some(subject) = &self.subject {
            let subject = Value::from(subject.clone());
            with_finding("(f.id = ? OR f.name = ?)", vec![subject.clone(), subject]);
        }
        if let Some(assignee) = &self.assignee {
            add("coalesce(a.assignee, '') = ?", vec![assignee.clone().into()]);
        }
        if let Some(text) = &self.text {
            let text = Value::from(text.to_lowercase());
            let part = "(instr(lower(a.title), ?) OR instr(lower(a.subject_name), ?))";
            add(part, vec![text.clone(), text]);
        }
        if let Some(from) = self.from_micros {
            add("a.last >= ?", vec![from.into()]);
        }
        if let Some(to) = self.to_micros {
            add("a.last < ?", vec![to.into()]);
        }
        if self.without_history {
            add("a.is_history = 0", vec![]);
        }
        if !self.with_merged {
            add("a.merged_into IS NULL", vec![]);
        }
        if let Some((last, number)) = self.after {
            add("(a.last, a.number) < (?, ?)", vec![last.into(), number.into()]);
        }
        (clause, values)
    }
}

/// The alerts of deliveries that became part of one.
pub(super) fn folded(db: &Connection, digest: i64, most: usize) -> Result<Vec<Alert>> {
    let statement = format!(
        "SELECT {COLUMNS} FROM alert a WHERE number IN \
         (SELECT alert FROM delivery WHERE folded_into = ?1) \
         ORDER BY severity DESC, last DESC LIMIT ?2"
    );
    let mut statement = db.prepare_cached(&statement)?;
    let rows = statement.query_map((digest, most as i64), alert_of)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// One alert by its number.
pub(super) fn one(db: &Connection, number: i64) -> Result<Option<Alert>> {
    let statement = format!("SELECT {COLUMNS} FROM alert WHERE number = ?1");
    Ok(db.prepare_cached(&statement)?.query_row([number], alert_of).optional()?)
}
