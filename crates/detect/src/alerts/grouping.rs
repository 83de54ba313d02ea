//! Which findings are one alert.

use std::collections::BTreeSet;

use durward_model::Id;
use rusqlite::{OptionalExtension as _, Transaction};

use super::history::{self, Entry, What};
use super::query::{COLUMNS, alert_of};
use super::{
    Alert, AlertState, FINDINGS_MAX, GROWTH_MICROS, HISTORY_MICROS, JOIN_MICROS, Verdict, outbox,
    suppress,
};
use crate::book::{Circumstances, Result};
use crate::detections;
use crate::finding::{Finding, Level, SubjectKind};

/// Alerts looked at for one finding at most.
const CANDIDATES_MAX: usize = 20;
/// What records without a correlation identifier have.
const NO_CORRELATION: Id = Id([0; 16]);

/// Where a finding belongs.
enum Place {
    /// Into this alert, which is open; the others are the same campaign.
    Open(i64, Vec<i64>),
    /// Into this one, which is closed: nobody is told again.
    Settled(i64),
    /// Into a new one, which may go on from a closed one.
    New(Option<i64>),
}

/// Puts a finding, or what is new about it, where it belongs.
pub(super) fn place(
    db: &Transaction<'_>,
    finding: &Finding,
    circumstances: &Circumstances<'_>,
) -> Result<()> {
    let now = circumstances.now_micros;
    let place = match current(db, finding.id)? {
        Some(alert) => match alert.state {
            AlertState::Closed(Verdict::Withdrawn) => {
                reopen(db, alert.number, now)?;
                Place::Open(alert.number, Vec::new())
            }
            // It was withdrawn before the alert was merged.
            AlertState::Closed(Verdict::Merged) => find(db, finding)?,
            AlertState::Closed(_) if has_grown(&alert, finding) => Place::New(Some(alert.number)),
            AlertState::Closed(_) => return Ok(()),
            _ => Place::Open(alert.number, Vec::new()),
        },
        None if !makes_alerts(finding, circumstances) => return Ok(()),
        None if suppress::holds(db, finding, now)? => return Ok(()),
        None => find(db, finding)?,
    };
    let number = match place {
        Place::Open(number, others) => {
            attach(db, number, finding, now)?;
            for other in others {
                merge(db, other, number, now)?;
            }
            number
        }
        Place::Settled(number) => return attach(db, number, finding, now),
        Place::New(previous) => open(db, finding, previous, now)?,
    };
    let is_history = finding.last_micros < now - HISTORY_MICROS;
    if !is_history {
        let statement = "UPDATE alert SET is_history = 0 WHERE number = ?1";
        db.prepare_cached(statement)?.execute([number])?;
    }
    let alert = refresh(db, number, now)?;
    outbox::enqueue(db, &alert, circumstances)
}

/// Does a finding like this make an alert?
fn makes_alerts(finding: &Finding, circumstances: &Circumstances<'_>) -> bool {
    if finding.level < Level::Medium {
        return false;
    }
    match detections::about(&finding.detection) {
        Some(about) => circumstances.settings.alerts(about),
        // Rules are their author's decision; what is recorded only has the level low.
        None => true,
    }
}

/// The newest alert that a finding is or was in.
fn current(db: &Transaction<'_>, finding: Id) -> Result<Option<Alert>> {
    let statement = format!(
        "SELECT {COLUMNS} FROM alert WHERE number = \
         (SELECT max(alert) FROM alert_finding WHERE finding = ?1)"
    );
    let mut statement = db.prepare_cached(&statement)?;
    Ok(statement.query_row([&finding.0[..]], alert_of).optional()?)
}

/// Is there more to it than what was looked at when the alert was closed?
fn has_grown(alert: &Alert, finding: &Finding) -> bool {
    finding.level > alert.severity || finding.last_micros > alert.last_micros + GROWTH_MICROS
}

fn find(db: &Transaction<'_>, finding: &Finding) -> Result<Place> {
    let mut related = sharing_sign_ins(db, finding)?;
    related.extend(sharing_correlation(db, finding)?);
    let mut closed: Option<Alert> = None;
    let mut open: Vec<Alert> = Vec::new();
    for number in related.into_iter().take(CANDIDATES_MAX) {
        let alert = one(db, number)?;
        match alert.state {
            AlertState::Closed(Verdict::Merged | Verdict::Withdrawn) => {}
            AlertState::Closed(_) => closed = Some(alert),
            _ => open.push(alert),
        }
    }
    open.retain(|alert| alert.findings < FINDINGS_MAX as u64);
    if let Some(first) = open.first() {
        let others = open[1..].iter().map(|alert| alert.number).collect();
        return Ok(Place::Open(first.number, others));
    }
    if let Some(alert) = closed {
        let is_more = has_grown(&alert, finding);
        return Ok(if is_more {
            Place::New(Some(alert.number))
        } else {
            Place::Settled(alert.number)
        });
    }
    match about_the_same(db, finding)? {
        Some(alert) if !alert.state.is_closed() => Ok(Place::Open(alert.number, Vec::new())),
        other => Ok(Place::New(other.map(|alert| alert.number))),
    }
}

/// Alerts with a finding that names one of the same sign-ins, oldest first.
fn sharing_sign_ins(db: &Transaction<'_>, finding: &Finding) -> Result<BTreeSet<i64>> {
    let statement = "SELECT DISTINCT f.alert FROM finding_event e \
         JOIN alert_finding f ON f.finding = e.finding \
         WHERE e.event = ?1 AND e.finding != ?2 AND f.tenant = ?3 AND f.detached IS NULL \
         ORDER BY f.alert DESC LIMIT 20";
    let mut statement = db.prepare_cached(statement)?;
    let mut alerts = BTreeSet::new();
    for event in &finding.events {
        let values = (&event.id.0[..], &finding.id.0[..], &finding.tenant);
        for number in statement.query_map(values, |row| row.get(0))? {
            alerts.insert(number?);
        }
    }
    Ok(alerts)
}

fn sharing_correlation(db: &Transaction<'_>, finding: &Finding) -> Result<Vec<i64>> {
    let Some(correlation) = finding.correlation.filter(|id| *id != NO_CORRELATION) else {
        return Ok(Vec::new());
    };
    let statement = "SELECT DISTINCT alert FROM alert_finding \
         WHERE correlation = ?1 AND tenant = ?2 AND detached IS NULL ORDER BY alert DESC LIMIT 20";
    let mut statement = db.prepare_cached(statement)?;
    let rows = statement.query_map((&correlation.0[..], &finding.tenant), |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The newest alert about the same subject at about the same time. What concerns a whole tenant
/// is one campaign only if the same detection says so.
fn about_the_same(db: &Transaction<'_>, finding: &Finding) -> Result<Option<Alert>> {
    let statement = format!(
        "SELECT {COLUMNS} FROM alert WHERE number = (
            SELECT f.alert FROM alert_finding f JOIN alert a ON a.number = f.alert
            WHERE f.kind = ?1 AND f.id = ?2 AND f.tenant = ?3 AND f.detached IS NULL
            AND (f.kind != 'tenant' OR f.detection = ?4) AND a.findings < ?5
            AND coalesce(a.verdict, '') NOT IN ('merged', 'withdrawn')
            AND a.last >= ?6 AND a.first <= ?7
            ORDER BY a.state = 'closed', a.last DESC LIMIT 1)"
    );
    let mut statement = db.prepare_cached(&statement)?;
    let values = (
        finding.subject.kind.name(),
        &finding.subject.id,
        &finding.tenant,
        &finding.detection,
        FINDINGS_MAX,
        finding.first_micros.saturating_sub(JOIN_MICROS),
        finding.last_micros.saturating_add(JOIN_MICROS),
    );
    Ok(statement.query_row(values, alert_of).optional()?)
}

fn open(
    db: &Transaction<'_>,
    finding: &Finding,
    previous: Option<i64>,
    now_micros: i64,
) -> Result<i64> {
    let statement = "INSERT INTO alert (tenant, state, severity, title, detection, subject_kind, \
         subject_id, subject_name, first, last, sign_ins, findings, opened, updated, version, \
         is_history, previous) \
         VALUES (?1, 'new', ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, 0, ?10, ?10, 0, 1, ?11)";
    db.prepare_cached(statement)?.execute((
        &finding.tenant,
        finding.level as i64,
        &finding.sentence,
        &finding.detection,
        finding.subject.kind.name(),
        &finding.subject.id,
        &finding.subject.name,
        finding.first_micros,
        finding.last_micros,
        now_micros,
        previous,
    ))?;
    let number = db.last_insert_rowid();
    let before = previous.map(|previous| format!("goes on from #{previous}")).unwrap_or_default();
    history::add(db, number, &Entry::own(What::Opened, before, &*finding.sentence), now_micros)?;
    attach(db, number, finding, now_micros)?;
    Ok(number)
}

/// Writes down that a finding is part of an alert, as it is told now.
fn attach(db: &Transaction<'_>, alert: i64, finding: &Finding, now_micros: i64) -> Result<()> {
    let id = &finding.id.0[..];
    let known =
        "SELECT 1 FROM alert_finding WHERE alert = ?1 AND finding = ?2 AND detached IS NULL";
    let is_known = db.prepare_cached(known)?.exists((alert, id))?;
    let statement = "INSERT INTO alert_finding (alert, finding, detection, tenant, kind, id, name, \
         level, sentence, first, last, events, correlation, attached) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) \
         ON CONFLICT (alert, finding) DO UPDATE SET level = excluded.level, \
         name = excluded.name, sentence = excluded.sentence, first = excluded.first, \
         last = excluded.last, events = excluded.events, correlation = excluded.correlation, \
         detached = NULL";
    let correlation = finding.correlation.filter(|id| *id != NO_CORRELATION);
    db.prepare_cached(statement)?.execute((
        alert,
        id,
        &finding.detection,
        &finding.tenant,
        finding.subject.kind.name(),
        &finding.subject.id,
        &finding.subject.name,
        finding.level as i64,
        &finding.sentence,
        finding.first_micros,
        finding.last_micros,
        finding.event_count as i64,
        correlation.map(|id| id.0.to_vec()),
        now_micros,
    ))?;
    if !is_known {
        let entry = Entry::own(What::Joined, "", &*finding.sentence);
        history::add(db, alert, &entry, now_micros)?;
    }
    Ok(())
}

/// An alert takes another one in that nobody has touched.
fn merge(db: &Transaction<'_>, from: i64, into: i64, now_micros: i64) -> Result<()> {
    let touched = "SELECT is_touched FROM alert WHERE number = ?1";
    if db.prepare_cached(touched)?.query_row([from], |row| row.get::<_, bool>(0))? {
        return Ok(());
    }
    db.prepare_cached(
        "UPDATE OR IGNORE alert_finding SET alert = ?2 WHERE alert = ?1 AND detached IS NULL",
    )?
    .execute((from, into))?;
    db.prepare_cached(
        "UPDATE alert SET state = 'closed', verdict = 'merged', merged_into = ?2, closed = ?3, \
         updated = ?3, version = version + 1, findings = 0 WHERE number = ?1",
    )?
    .execute((from, into, now_micros))?;
    let entry = |new: String| Entry::own(What::Merged, "", new);
    history::add(db, from, &entry(format!("became part of #{into}")), now_micros)?;
    history::add(db, into, &entry(format!("took in #{from}")), now_micros)?;
    outbox::hand_over(db, from, into, now_micros)
}

fn reopen(db: &Transaction<'_>, alert: i64, now_micros: i64) -> Result<()> {
    let statement =
        "UPDATE alert SET state = 'new', verdict = NULL, closed = NULL WHERE number = ?1";
    db.prepare_cached(statement)?.execute([alert])?;
    let state = |state: AlertState| state.words();
    let (old, new) = (AlertState::Closed(Verdict::Withdrawn), AlertState::New);
    history::add(db, alert, &Entry::own(What::State, state(old), state(new)), now_micros)
}

/// Takes a finding out of the alert it is in.
pub(super) fn withdraw(db: &Transaction<'_>, finding: Id, now_micros: i64) -> Result<()> {
    let Some(alert) = current(db, finding)? else { return Ok(()) };
    if alert.state.is_closed() {
        return Ok(());
    }
    let statement = "UPDATE alert_finding SET detached = ?3 \
         WHERE alert = ?1 AND finding = ?2 AND detached IS NULL RETURNING sentence";
    let mut statement = db.prepare_cached(statement)?;
    let values = (alert.number, &finding.0[..], now_micros);
    let sentence: Option<String> = statement.query_row(values, |row| row.get(0)).optional()?;
    let Some(sentence) = sentence else { return Ok(()) };
    history::add(db, alert.number, &Entry::own(What::Left, sentence, ""), now_micros)?;
    let left = refresh(db, alert.number, now_micros)?;
    if left.findings > 0 {
        return Ok(());
    }
    let closed = AlertState::Closed(Verdict::Withdrawn);
    let statement = "UPDATE alert SET state = 'closed', verdict = 'withdrawn', closed = ?2 \
         WHERE number = ?1";
    db.prepare_cached(statement)?.execute((alert.number, now_micros))?;
    let entry = Entry::own(What::State, alert.state.words(), closed.words());
    history::add(db, alert.number, &entry, now_micros)?;
    outbox::drop_waiting(db, alert.number, closed.words().as_str(), now_micros)
}

fn one(db: &Transaction<'_>, number: i64) -> Result<Alert> {
    let statement = format!("SELECT {COLUMNS} FROM alert WHERE number = ?1");
    Ok(db.prepare_cached(&statement)?.query_row([number], alert_of)?)
}

/// Makes an alert say what its findings say.
fn refresh(db: &Transaction<'_>, number: i64, now_micros: i64) -> Result<Alert> {
    let before = one(db, number)?;
    let statement = "UPDATE alert SET (findings, severity, first, last, sign_ins) = (
            SELECT count(*), coalesce(max(f.level), alert.severity),
                coalesce(min(f.first), alert.first), coalesce(max(f.last), alert.last),
                max(coalesce(max(f.events), 0), (
                    SELECT count(DISTINCT e.event) FROM alert_finding g
                    JOIN finding_event e ON e.finding = g.finding
                    WHERE g.alert = ?1 AND g.detached IS NULL))
            FROM alert_finding f WHERE f.alert = ?1 AND f.detached IS NULL)
         WHERE number = ?1";
    db.prepare_cached(statement)?.execute([number])?;
    // The first of several that are equally severe, so that the title does not change for nothing.
    let main = "SELECT sentence, detection, kind, id, name FROM alert_finding \
         WHERE alert = ?1 AND detached IS NULL ORDER BY level DESC, attached, rowid LIMIT 1";
    type Main = (String, String, String, String, String);
    let main: Option<Main> = db
        .prepare_cached(main)?
        .query_row([number], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
        })
        .optional()?;
    if let Some((title, detection, kind, id, name)) = main {
        let statement = "UPDATE alert SET title = ?2, detection = ?3, subject_kind = ?4, \
             subject_id = ?5, subject_name = ?6 WHERE number = ?1";
        db.prepare_cached(statement)?.execute((number, title, detection, kind, id, name))?;
    }
    let after = one(db, number)?;
    if after == before {
        return Ok(after);
    }
    if after.severity != before.severity && before.findings > 0 {
        let (old, new) = (before.severity.name(), after.severity.name());
        history::add(db, number, &Entry::own(What::Severity, old, new), now_micros)?;
    }
    let statement = "UPDATE alert SET updated = ?2, version = version + 1 WHERE number = ?1";
    db.prepare_cached(statement)?.execute((number, now_micros))?;
    Ok(Alert { updated_micros: now_micros, version: after.version + 1, ..after })
}

/// The kind of a subject as stored.
pub(super) fn kind_of(name: &str) -> SubjectKind {
    SubjectKind::from_name(name).unwrap_or(SubjectKind::Tenant)
}
