//! What is to be delivered, to whom, and what came of it.
//!
//! A delivery is a row. It is written in the transaction of what it tells, and its text is made
//! when it is sent, so that it says how things are then. When a channel would get too many, they
//! are folded into one summary.

use durward_model::Id;
use durward_model::time::{DAY_MICROS, SECOND_MICROS};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params_from_iter};

use super::{Alert, Attached, HISTORY_MICROS, id_of, level_of, query};
use crate::book::{Book, BookError, Circumstances, Result};
use crate::finding::Level;
use crate::rules::Rule;

/// More messages than this …
pub const FOLD_OVER: u64 = 20;
/// … to one channel within this time become one.
pub const FOLD_MICROS: i64 = 600 * SECOND_MICROS;
/// Alerts that a summary names.
const FOLDED_SHOWN: usize = 50;
/// What came of deliveries is kept so long once their alert is closed.
const KEEP_MICROS: i64 = 90 * DAY_MICROS;
/// Deliveries of one answer at most.
const LISTED_MAX: i64 = 500;

/// What a delivery tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryKind {
    /// There is an alert.
    Opened,
    /// Its severity has risen.
    Raised,
    /// There are many.
    Digest,
}

impl DeliveryKind {
    /// As stored and in interfaces.
    pub fn name(self) -> &'static str {
        match self {
            DeliveryKind::Opened => "opened",
            DeliveryKind::Raised => "raised",
            DeliveryKind::Digest => "digest",
        }
    }

    fn from_name(name: &str) -> DeliveryKind {
        let all = [DeliveryKind::Opened, DeliveryKind::Raised, DeliveryKind::Digest];
        all.into_iter().find(|kind| kind.name() == name).unwrap_or(DeliveryKind::Opened)
    }
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryState {
    /// It is to be sent, perhaps again.
    Waiting,
    /// The receiver has taken it.
    Delivered,
    /// The receiver does not want it, and will not.
    Refused,
    /// It was tried for so long that it was given up.
    Failed,
    /// It became part of a summary.
    Folded,
    /// There is nothing to tell any more.
    Dropped,
}

impl DeliveryState {
    /// All of them.
    pub const ALL: [DeliveryState; 6] = [
        DeliveryState::Waiting,
        DeliveryState::Delivered,
        DeliveryState::Refused,
        DeliveryState::Failed,
        DeliveryState::Folded,
        DeliveryState::Dropped,
    ];

    /// As stored and in interfaces.
    pub fn name(self) -> &'static str {
        match self {
            DeliveryState::Waiting => "waiting",
            DeliveryState::Delivered => "delivered",
            DeliveryState::Refused => "refused",
            DeliveryState::Failed => "failed",
            DeliveryState::Folded => "folded",
            DeliveryState::Dropped => "dropped",
        }
    }

    /// The state of that name.
    pub fn from_name(name: &str) -> Option<DeliveryState> {
        DeliveryState::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// A delivery, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its number.
    pub number: i64,
    /// Its identifier, by which a receiver knows it again.
    pub id: Id,
    /// The channel.
    pub channel: String,
    /// The alert; `None` for a summary.
    pub alert: Option<i64>,
    /// What it tells.
    pub kind: DeliveryKind,
    /// When it was written down, µs since 1970.
    pub created_micros: i64,
    /// When it is tried next, or was.
    pub due_micros: i64,
    /// How often it was tried without success.
    pub attempts: u32,
    /// What became of it.
    pub state: DeliveryState,
    /// When that was.
    pub ended_micros: Option<i64>,
    /// Why the last try failed.
    pub error: String,
}

/// Which deliveries are asked for, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryQuery {
    /// To this channel.
    pub channel: Option<String>,
    /// In this state.
    pub state: Option<DeliveryState>,
}

/// A delivery that is to be sent now, with what it tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The delivery.
    pub delivery: Delivery,
    /// Its alert; of a summary those it names, the most severe first.
    pub alerts: Vec<Alert>,
    /// How many alerts it tells of.
    pub count: u64,
    /// The findings of the alert.
    pub findings: Vec<Attached>,
}

/// What came of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The receiver has taken it.
    Delivered,
    /// The receiver does not want it, for this reason.
    Refused(String),
    /// It is tried again.
    Again {
        /// When, µs since 1970.
        at_micros: i64,
        /// Why it failed.
        error: String,
    },
    /// It is not tried again.
    Failed(String),
}

/// How a channel does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelStatus {
    /// Deliveries that wait.
    pub waiting: u64,
    /// Those that were given up.
    pub failed: u64,
    /// Those that the receiver did not want.
    pub refused: u64,
    /// When something was delivered last, µs since 1970.
    pub delivered_micros: Option<i64>,
    /// Why the last try of what waits or has failed was none; empty where there is none.
    pub error: String,
}

/// Writes down who is to be told of an alert, or of its rise.
pub(super) fn enqueue(
    db: &Transaction<'_>,
    alert: &Alert,
    circumstances: &Circumstances<'_>,
) -> Result<()> {
    let (routes, now) = (&circumstances.settings.routes, circumstances.now_micros);
    // Alerts that are looked at again, by other settings, are no news to a channel that is new.
    let is_old = alert.is_history || alert.last_micros < now - HISTORY_MICROS;
    if is_old || alert.state.is_closed() || routes.channels.is_empty() {
        return Ok(());
    }
    let told = told_of(db, alert.number)?;
    for route in &routes.channels {
        let is_meant = alert.severity >= route.least
            && route.is_of_tenant(&alert.tenant)
            && told.iter().any(|(detection, by_rule)| route.takes(detection, by_rule));
        if !is_meant {
            continue;
        }
        let due = route.free_from(now.saturating_add(routes.wait_micros), alert.severity);
        match newest(db, alert.number, &route.name)? {
            None => add(db, alert, &route.name, DeliveryKind::Opened, (now, due))?,
            Some((_, level, _)) if level >= alert.severity => {}
            Some((number, _, DeliveryState::Waiting)) => {
                let statement =
                    "UPDATE delivery SET level = ?2, due = min(due, ?3) WHERE number = ?1";
                db.prepare_cached(statement)?.execute((number, alert.severity as i64, due))?;
            }
            Some(_) => add(db, alert, &route.name, DeliveryKind::Raised, (now, due))?,
        }
    }
    Ok(())
}

/// The detections of an alert's findings, and the channels that their rules name.
fn told_of(db: &Transaction<'_>, alert: i64) -> Result<Vec<(String, Vec<String>)>> {
    let statement =
        "SELECT DISTINCT detection FROM alert_finding WHERE alert = ?1 AND detached IS NULL";
    let mut statement = db.prepare_cached(statement)?;
    let rows = statement.query_map([alert], |row| row.get::<_, String>(0))?;
    let with_channels = rows.map(|detection| {
        let detection = detection?;
        let channels = match detection.strip_prefix("rule:") {
            Some(rule) => channels_of_rule(db, rule)?,
            None => Vec::new(),
        };
        Ok((detection, channels))
    });
    with_channels.collect()
}

fn channels_of_rule(db: &Transaction<'_>, rule: &str) -> Result<Vec<String>> {
    let statement = "SELECT body FROM rule WHERE id = ?1 ORDER BY number DESC LIMIT 1";
    let body: Option<Option<String>> =
        db.prepare_cached(statement)?.query_row([rule], |row| row.get(0)).optional()?;
    let Some(body) = body.flatten() else { return Ok(Vec::new()) };
    Ok(serde_json::from_str::<Rule>(&body)?.deliver)
}

type Newest = (i64, Level, DeliveryState);

fn newest(db: &Transaction<'_>, alert: i64, channel: &str) -> Result<Option<Newest>> {
    let statement = "SELECT number, level, state FROM delivery \
         WHERE alert = ?1 AND channel = ?2 ORDER BY number DESC LIMIT 1";
    let mut statement = db.prepare_cached(statement)?;
    let row = statement.query_row((alert, channel), |row| {
        let state: String = row.get(2)?;
        let state = DeliveryState::from_name(&state).unwrap_or(DeliveryState::Dropped);
        Ok((row.get(0)?, level_of(row.get(1)?), state))
    });
    Ok(row.optional()?)
}

fn add(
    db: &Transaction<'_>,
    alert: &Alert,
    channel: &str,
    kind: DeliveryKind,
    (now_micros, due_micros): (i64, i64),
) -> Result<()> {
    let level = alert.severity;
    let name = format!(
        "{} {} {} {channel} {} {}",
        alert.tenant,
        alert.number,
        alert.opened_micros,
        kind.name(),
        level.name()
    );
    insert(db, &name, channel, Some(alert.number), kind, level, (now_micros, due_micros))?;
    Ok(())
}

fn insert(
    db: &Transaction<'_>,
    name: &str,
    channel: &str,
    alert: Option<i64>,
    kind: DeliveryKind,
    level: Level,
    (now_micros, due_micros): (i64, i64),
) -> Result<i64> {
    let Id(mut id) = Id::hash(name.as_bytes());
    // A valid GUID: the bits that say "a hash of a name".
    id[6] = id[6] & 0x0f | 0x80;
    id[8] = id[8] & 0x3f | 0x80;
    let statement = "INSERT INTO delivery (id, channel, alert, kind, level, created, due, state) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'waiting')";
    let values = (&id[..], channel, alert, kind.name(), level as i64, now_micros, due_micros);
    db.prepare_cached(statement)?.execute(values)?;
    Ok(db.last_insert_rowid())
}

/// There is nothing to tell of an alert any more.
pub(super) fn drop_waiting(
    db: &Transaction<'_>,
    alert: i64,
    why: &str,
    now_micros: i64,
) -> Result<()> {
    let statement = "UPDATE delivery SET state = 'dropped', ended = ?2, error = ?3 \
         WHERE alert = ?1 AND state = 'waiting'";
    db.prepare_cached(statement)?.execute((alert, now_micros, why))?;
    Ok(())
}

/// An alert became part of another one, of which the channels hear.
pub(super) fn hand_over(db: &Transaction<'_>, from: i64, into: i64, now_micros: i64) -> Result<()> {
    drop_waiting(db, from, &format!("became part of #{into}"), now_micros)
}

const COLUMNS: &str =
    "number, id, channel, alert, kind, created, due, attempts, state, ended, error";

fn delivery_of(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    let (kind, state): (String, String) = (row.get(4)?, row.get(8)?);
    Ok(Delivery {
        number: row.get(0)?,
        id: id_of(row, 1)?,
        channel: row.get(2)?,
        alert: row.get(3)?,
        kind: DeliveryKind::from_name(&kind),
        created_micros: row.get(5)?,
        due_micros: row.get(6)?,
        attempts: row.get::<_, i64>(7)? as u32,
        state: DeliveryState::from_name(&state).unwrap_or(DeliveryState::Dropped),
        ended_micros: row.get(9)?,
        error: row.get(10)?,
    })
}

/// Who was told of an alert, newest first.
pub(super) fn of_alert(db: &Connection, alert: i64) -> Result<Vec<Delivery>> {
    let statement = format!(
        "SELECT {COLUMNS} FROM delivery WHERE alert = ?1 ORDER BY number DESC LIMIT {LISTED_MAX}"
    );
    let mut statement = db.prepare_cached(&statement)?;
    let rows = statement.query_map([alert], delivery_of)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Folds what is due into a summary if a channel would get too many.
fn fold(db: &Transaction<'_>, channel: &str, now_micros: i64) -> Result<()> {
    const DUE: &str = "channel = ?1 AND state = 'waiting' AND due <= ?2 AND kind != 'digest'";
    let count = |statement: &str, at: i64| -> Result<u64> {
        let count = db.prepare_cached(statement)?.query_row((channel, at), |row| row.get(0));
        Ok(count.map(|count: i64| count as u64)?)
    };
    let due = count(&format!("SELECT count(*) FROM delivery WHERE {DUE}"), now_micros)?;
    let sent = "SELECT count(*) FROM delivery \
         WHERE channel = ?1 AND state = 'delivered' AND ended > ?2";
    let sent = count(sent, now_micros - FOLD_MICROS)?;
    if due < 2 || due + sent <= FOLD_OVER {
        return Ok(());
    }
    // What was tried already may have arrived, so it does not change any more.
    let waiting = "SELECT number FROM delivery \
         WHERE channel = ?1 AND state = 'waiting' AND kind = 'digest' AND attempts = 0";
    let waiting: Option<i64> =
        db.prepare_cached(waiting)?.query_row([channel], |row| row.get(0)).optional()?;
    let digest = match waiting {
        Some(number) => number,
        None => {
            let last = "SELECT coalesce(max(ended), 0) FROM delivery \
                 WHERE channel = ?1 AND state = 'delivered' AND kind = 'digest'";
            let last: i64 = db.prepare_cached(last)?.query_row([channel], |row| row.get(0))?;
            let name = format!("digest {channel} {now_micros} {due}");
            let due = now_micros.max(last + FOLD_MICROS);
            let kind = DeliveryKind::Digest;
            insert(db, &name, channel, None, kind, Level::Low, (now_micros, due))?
        }
    };
    let statement =
        format!("UPDATE delivery SET state = 'folded', folded_into = ?3, ended = ?2 WHERE {DUE}");
    db.prepare_cached(&statement)?.execute((channel, now_micros, digest))?;
    let statement = "UPDATE delivery SET level = \
         (SELECT max(level) FROM delivery WHERE folded_into = ?1) WHERE number = ?1";
    db.prepare_cached(statement)?.execute([digest])?;
    Ok(())
}

fn with_contents(db: &Connection, delivery: Delivery) -> Result<Due> {
    let Some(number) = delivery.alert else {
        let alerts = query::folded(db, delivery.number, FOLDED_SHOWN)?;
        let count = "SELECT count(DISTINCT alert) FROM delivery WHERE folded_into = ?1";
        let count: i64 =
            db.prepare_cached(count)?.query_row([delivery.number], |row| row.get(0))?;
        return Ok(Due { delivery, alerts, count: count as u64, findings: Vec::new() });
    };
    let alerts: Vec<Alert> = query::one(db, number)?.into_iter().collect();
    let mut findings = query::findings(db, number)?;
    findings.retain(|finding| finding.detached_micros.is_none());
    Ok(Due { delivery, alerts, count: 1, findings })
}

impl Book {
    /// What is to be sent to a channel now, the longest overdue first.
    pub fn due_deliveries(&self, channel: &str, now_micros: i64, most: usize) -> Result<Vec<Due>> {
        let is_any = self.read(|db| {
            let statement = "SELECT 1 FROM delivery \
                 WHERE channel = ?1 AND state = 'waiting' AND due <= ?2";
            Ok(db.prepare_cached(statement)?.exists((channel, now_micros))?)
        })?;
        if !is_any {
            return Ok(Vec::new());
        }
        self.write(|db| {
            fold(db, channel, now_micros)?;
            let statement = format!(
                "SELECT {COLUMNS} FROM delivery \
                 WHERE channel = ?1 AND state = 'waiting' AND due <= ?2 \
                 ORDER BY due, number LIMIT ?3"
            );
            let mut statement = db.prepare_cached(&statement)?;
            let rows = statement.query_map((channel, now_micros, most as i64), delivery_of)?;
            rows.map(|row| with_contents(db, row?)).collect()
        })
    }

    /// Writes down what came of a try.
    pub fn end_delivery(&self, number: i64, ended: &Ended, now_micros: i64) -> Result<()> {
        let (state, due, error) = match ended {
            Ended::Delivered => (DeliveryState::Delivered, None, ""),
            Ended::Refused(why) => (DeliveryState::Refused, None, why.as_str()),
            Ended::Failed(why) => (DeliveryState::Failed, None, why.as_str()),
            Ended::Again { at_micros, error } => {
                (DeliveryState::Waiting, Some(*at_micros), error.as_str())
            }
        };
        let has_ended = due.is_none().then_some(now_micros);
        let failed = i64::from(state != DeliveryState::Delivered);
        self.write(|db| {
            let statement = "UPDATE delivery SET state = ?2, due = coalesce(?3, due), ended = ?4, \
                 error = ?5, attempts = attempts + ?6 WHERE number = ?1 AND state = 'waiting'";
            let values = (number, state.name(), due, has_ended, error, failed);
            db.prepare_cached(statement)?.execute(values)?;
            Ok(())
        })
    }

    /// A channel works again: what waited for another try is due at once.
    pub fn hurry_deliveries(&self, channel: &str, now_micros: i64) -> Result<()> {
        self.write(|db| {
            let statement = "UPDATE delivery SET due = ?2 \
                 WHERE channel = ?1 AND state = 'waiting' AND attempts > 0 AND due > ?2";
            db.prepare_cached(statement)?.execute((channel, now_micros))?;
            Ok(())
        })
    }

    /// Tries a delivery again that was refused or given up.
    pub fn retry_delivery(&self, number: i64, now_micros: i64) -> Result<()> {
        let changed = self.write(|db| {
            let statement = "UPDATE delivery SET state = 'waiting', ended = NULL, attempts = 0, \
                 created = ?2, due = ?2 WHERE number = ?1 AND state IN ('refused', 'failed')";
            Ok(db.prepare_cached(statement)?.execute((number, now_micros))?)
        })?;
        match changed {
            0 => Err(BookError::Missing(format!("delivery {number} that failed"))),
            _ => Ok(()),
        }
    }

    /// Gives up what waits for channels that are gone, and forgets what is long over.
    pub fn tidy_deliveries(
        &self,
        channels: &[String],
        give_up_micros: i64,
        now_micros: i64,
    ) -> Result<()> {
        self.write(|db| {
            let places = vec!["?"; channels.len()].join(", ");
            let statement = format!(
                "UPDATE delivery SET state = 'failed', ended = ?1, \
                 error = 'there is no such channel any more' \
                 WHERE state = 'waiting' AND created < ?2 AND channel NOT IN ({places})"
            );
            let mut values: Vec<rusqlite::types::Value> =
                vec![now_micros.into(), (now_micros - give_up_micros).into()];
            values.extend(channels.iter().cloned().map(Into::into));
            db.execute(&statement, params_from_iter(values))?;
            for part in ["folded_into IS NOT NULL", "folded_into IS NULL"] {
                let statement = format!(
                    "DELETE FROM delivery WHERE ended < ?1 AND {part} AND (alert IS NULL \
                     OR alert IN (SELECT number FROM alert WHERE closed < ?1)) \
                     AND number NOT IN (SELECT folded_into FROM delivery \
                     WHERE folded_into IS NOT NULL)"
                );
                db.execute(&statement, [now_micros - KEEP_MICROS])?;
            }
            Ok(())
        })
    }

    /// Deliveries, newest first; at most five hundred.
    pub fn deliveries(&self, query: &DeliveryQuery) -> Result<Vec<Delivery>> {
        self.read(|db| {
            let statement = format!(
                "SELECT {COLUMNS} FROM delivery WHERE (?1 IS NULL OR channel = ?1) \
                 AND (?2 IS NULL OR state = ?2) ORDER BY number DESC LIMIT {LISTED_MAX}"
            );
            let mut statement = db.prepare_cached(&statement)?;
            let state = query.state.map(DeliveryState::name);
            let rows = statement.query_map((&query.channel, state), delivery_of)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// How a channel does.
    pub fn channel_status(&self, channel: &str) -> Result<ChannelStatus> {
        self.read(|db| {
            let statement = "SELECT state, count(*), max(ended) FROM delivery \
                 WHERE channel = ?1 GROUP BY state";
            let mut statement = db.prepare_cached(statement)?;
            let mut rows = statement.query([channel])?;
            let mut status = ChannelStatus::default();
            while let Some(row) = rows.next()? {
                let state: String = row.get(0)?;
                let count = row.get::<_, i64>(1)? as u64;
                match DeliveryState::from_name(&state) {
                    Some(DeliveryState::Waiting) => status.waiting = count,
                    Some(DeliveryState::Failed) => status.failed = count,
                    Some(DeliveryState::Refused) => status.refused = count,
                    Some(DeliveryState::Delivered) => status.delivered_micros = row.get(2)?,
                    _ => {}
                }
            }
            let error = "SELECT error FROM delivery WHERE channel = ?1 AND error != '' \
                 AND state IN ('waiting', 'failed', 'refused') ORDER BY number DESC LIMIT 1";
            let error = db.prepare_cached(error)?.query_row([channel], |row| row.get(0));
            status.error = error.optional()?.unwrap_or_default();
            Ok(status)
        })
    }
}
