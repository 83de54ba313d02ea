//! The risk of a subject: what follows from its detections and from the newest word about it.

use rusqlite::{Connection, OptionalExtension as _, Row};
use serde::{Deserialize, Serialize};

use super::{LOW_LIFE_MICROS, RiskLevel, RiskState, SubjectKey, detail};
use crate::book::Result;
use crate::finding::SubjectKind;

/// What is known of a subject besides its risk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SubjectFacts {
    /// Its name for people; empty where it is not known.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub display_name: String,
    /// Application of a workload.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub app_id: String,
    /// As the source has it: `Application`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub principal_type: String,
    /// Is it gone, as far as the source has said?
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_deleted: Option<bool>,
    /// Can it sign in, as far as the source has said?
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_enabled: Option<bool>,
}

impl SubjectFacts {
    /// What the newer facts say, and where they are silent, what these say.
    fn updated_by(self, newer: SubjectFacts) -> SubjectFacts {
        let text = |old: String, new: String| if new.is_empty() { old } else { new };
        SubjectFacts {
            display_name: text(self.display_name, newer.display_name),
            app_id: text(self.app_id, newer.app_id),
            principal_type: text(self.principal_type, newer.principal_type),
            is_deleted: newer.is_deleted.or(self.is_deleted),
            is_enabled: newer.is_enabled.or(self.is_enabled),
        }
    }
}

/// How it stands with a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Risk {
    pub(super) level: RiskLevel,
    pub(super) state: RiskState,
    pub(super) detail: String,
}

impl Risk {
    fn none() -> Risk {
        Risk { level: RiskLevel::None, state: RiskState::None, detail: detail::NONE.to_owned() }
    }

    /// From three columns beginning at this one.
    pub(super) fn of(row: &Row<'_>, first: usize) -> rusqlite::Result<Risk> {
        Ok(Risk {
            level: RiskLevel::of_number(row.get(first)?),
            state: RiskState::of_text(row.get_ref(first + 1)?.as_str()?),
            detail: row.get(first + 2)?,
        })
    }
}

/// The number of a subject, which is written down if it is new. A name that is known is kept
/// where the new one is empty.
pub(super) fn number_of(
    db: &Connection,
    key: &SubjectKey,
    name: &str,
    facts: SubjectFacts,
) -> Result<i64> {
    let statement = "SELECT number, name, body FROM risk_subject \
         WHERE kind = ?1 AND id = ?2 AND tenant = ?3";
    let mut find = db.prepare_cached(statement)?;
    let found = find.query_row((key.kind.name(), &key.id, &key.tenant), |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
    });
    let Some((number, old_name, body)) = found.optional()? else {
        let statement = "INSERT INTO risk_subject (tenant, kind, id, name, body) \
             VALUES (?1, ?2, ?3, ?4, ?5)";
        let body = serde_json::to_string(&facts)?;
        let values = (&key.tenant, key.kind.name(), &key.id, name, body);
        db.prepare_cached(statement)?.execute(values)?;
        return Ok(db.last_insert_rowid());
    };
    let updated = serde_json::from_str::<SubjectFacts>(&body)?.updated_by(facts);
    let updated = serde_json::to_string(&updated)?;
    let name = if name.is_empty() { &old_name } else { name };
    if name != old_name || updated != body {
        let statement = "UPDATE risk_subject SET name = ?2, body = ?3 WHERE number = ?1";
        db.prepare_cached(statement)?.execute((number, name, updated))?;
    }
    Ok(number)
}

/// The number of a subject that is known.
pub(super) fn known(db: &Connection, key: &SubjectKey) -> Result<Option<i64>> {
    let statement = "SELECT number FROM risk_subject WHERE kind = ?1 AND id = ?2 AND tenant = ?3";
    let mut find = db.prepare_cached(statement)?;
    Ok(find.query_row((key.kind.name(), &key.id, &key.tenant), |row| row.get(0)).optional()?)
}

/// Who a subject is.
pub(super) fn key_of(row: &Row<'_>, first: usize) -> rusqlite::Result<SubjectKey> {
    let kind = SubjectKind::from_name(row.get_ref(first + 1)?.as_str()?);
    Ok(SubjectKey {
        tenant: row.get(first)?,
        kind: kind.unwrap_or(SubjectKind::User),
        id: row.get(first + 2)?,
    })
}

/// The newest word about a subject as a whole, and when it was said.
pub(super) fn word(db: &Connection, subject: i64) -> Result<(Risk, i64)> {
    let statement =
        "SELECT word_level, word_state, word_detail, word_at FROM risk_subject WHERE number = ?1";
    let mut find = db.prepare_cached(statement)?;
    Ok(find.query_row([subject], |row| Ok((Risk::of(row, 0)?, row.get(3)?)))?)
}

/// Takes down a word about a subject as a whole.
pub(super) fn set_word(db: &Connection, subject: i64, risk: &Risk, at_micros: i64) -> Result<()> {
    let statement = "UPDATE risk_subject SET word_level = ?2, word_state = ?3, \
         word_detail = ?4, word_at = ?5 WHERE number = ?1";
    let (level, state) = (risk.level.number(), risk.state.name());
    db.prepare_cached(statement)?.execute((subject, level, state, &risk.detail, at_micros))?;
    Ok(())
}

/// A detection as [`risk_of`] needs it.
struct One {
    risk: Risk,
    event_type: String,
    updated_micros: i64,
    is_old: bool,
}

fn detections_of(db: &Connection, subject: i64, now_micros: i64) -> Result<Vec<One>> {
    let statement = "SELECT level, state, detail, event_type, activity, updated \
         FROM risk_detection WHERE subject = ?1 AND withdrawn IS NULL ORDER BY updated, number";
    let mut find = db.prepare_cached(statement)?;
    let rows = find.query_map([subject], |row| {
        Ok(One {
            risk: Risk::of(row, 0)?,
            event_type: row.get(3)?,
            is_old: row.get::<_, i64>(4)? < now_micros - LOW_LIFE_MICROS,
            updated_micros: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// What follows from the detections of a subject and the newest word about it, and the types of
/// the detections that count.
fn risk_of(mut all: Vec<One>, (word, word_at): (Risk, i64)) -> (Risk, Vec<String>) {
    let counts =
        |one: &One| one.risk.state.is_active() && !(one.is_old && one.risk.level <= RiskLevel::Low);
    let mut types: Vec<String> = Vec::new();
    let mut level = RiskLevel::None;
    let mut is_confirmed_sign_in = false;
    for one in all.iter().filter(|one| counts(one)) {
        level = level.max(one.risk.level);
        is_confirmed_sign_in |= one.risk.detail == detail::SIGN_IN_COMPROMISED;
        if !types.contains(&one.event_type) {
            types.push(one.event_type.clone());
        }
    }
    if word.state == RiskState::ConfirmedCompromised {
        return (Risk { level: level.max(word.level), ..word }, types);
    }
    if !types.is_empty() || word.state == RiskState::AtRisk {
        let of_word = if word.state == RiskState::AtRisk { word.level } else { RiskLevel::None };
        let detail = if is_confirmed_sign_in { detail::SIGN_IN_COMPROMISED } else { detail::NONE };
        let level = level.max(of_word);
        let risk = Risk { level, state: RiskState::AtRisk, detail: detail.to_owned() };
        return (risk, types);
    }
    // Nothing counts: what was settled last says why.
    let last = all.pop().filter(|last| word_at == 0 || last.updated_micros > word_at);
    let settled = match last {
        Some(last) if last.risk.state.is_active() => Risk::none(),
        Some(last) => last.risk,
        None => word,
    };
    (Risk { level: RiskLevel::None, ..settled }, types)
}

/// Works out the risk of a subject anew, and writes down what has changed.
pub(super) fn reassess(
    db: &Connection,
    subject: i64,
    at_micros: i64,
    by: Option<&str>,
    now_micros: i64,
) -> Result<Risk> {
    let all = detections_of(db, subject, now_micros)?;
    let (risk, types) = risk_of(all, word(db, subject)?);
    let statement = "SELECT level, state, detail, updated FROM risk_subject WHERE number = ?1";
    let mut find = db.prepare_cached(statement)?;
    let (old, updated) =
        find.query_row([subject], |row| Ok((Risk::of(row, 0)?, row.get::<_, i64>(3)?)))?;
    if old == risk {
        return Ok(risk);
    }
    let at = at_micros.max(updated);
    let (level, state) = (risk.level.number(), risk.state.name());
    let statement = "UPDATE risk_subject SET level = ?2, state = ?3, detail = ?4, updated = ?5 \
         WHERE number = ?1";
    db.prepare_cached(statement)?.execute((subject, level, state, &risk.detail, at))?;
    let statement = "INSERT INTO risk_history (subject, level, state, detail, at, by, event_types) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let types = serde_json::to_string(&types)?;
    let values = (subject, level, state, &risk.detail, at, by, types);
    db.prepare_cached(statement)?.execute(values)?;
    Ok(risk)
}

/// Lets low risks go that nothing has added to for long; gives how many.
pub(super) fn age(db: &Connection, now_micros: i64) -> Result<usize> {
    let statement = "SELECT number FROM risk_subject s WHERE level IN (?1, ?2) AND word_level < ?1 \
         AND NOT EXISTS (SELECT 1 FROM risk_detection d WHERE d.subject = s.number \
             AND d.withdrawn IS NULL AND d.activity >= ?3)";
    let (hidden, low) = (RiskLevel::Hidden.number(), RiskLevel::Low.number());
    let mut find = db.prepare_cached(statement)?;
    let rows = find.query_map((hidden, low, now_micros - LOW_LIFE_MICROS), |row| row.get(0))?;
    let old: Vec<i64> = rows.collect::<rusqlite::Result<_>>()?;
    for subject in &old {
        reassess(db, *subject, now_micros, None, now_micros)?;
    }
    Ok(old.len())
}
