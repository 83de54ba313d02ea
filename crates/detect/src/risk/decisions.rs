//! What administrators decide about risk. Decisions are only ever added.

use durward_model::Id;
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::detections::{self, DetectionFacts, Origin, Put};
use super::subjects::{self, Risk, SubjectFacts};
use super::{RiskLevel, RiskState, SubjectKey, detail};
use crate::book::{Book, BookError, Result};
use crate::finding::SubjectKind;

/// What somebody decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It was an attack.
    ConfirmCompromised,
    /// It was none.
    ConfirmSafe,
    /// It does not matter.
    Dismiss,
}

impl Decision {
    /// All of them.
    pub const ALL: [Decision; 3] =
        [Decision::ConfirmCompromised, Decision::ConfirmSafe, Decision::Dismiss];

    /// As Graph's actions are named.
    pub fn name(self) -> &'static str {
        match self {
            Decision::ConfirmCompromised => "confirmCompromised",
            Decision::ConfirmSafe => "confirmSafe",
            Decision::Dismiss => "dismiss",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Decision> {
        Decision::ALL.into_iter().find(|decision| decision.name() == name)
    }

    /// The state that follows.
    pub fn state(self) -> RiskState {
        match self {
            Decision::ConfirmCompromised => RiskState::ConfirmedCompromised,
            Decision::ConfirmSafe => RiskState::ConfirmedSafe,
            Decision::Dismiss => RiskState::Dismissed,
        }
    }

    /// Graph's `riskDetail` for it; `None` where there is no such decision.
    pub fn detail(self, kind: SubjectKind) -> Option<&'static str> {
        match (kind, self) {
            (SubjectKind::User, Decision::ConfirmCompromised) => Some(detail::USER_COMPROMISED),
            (SubjectKind::User, Decision::ConfirmSafe) => Some(detail::USER_SAFE),
            (SubjectKind::User, Decision::Dismiss) => Some(detail::USER_DISMISSED),
            (SubjectKind::Workload, Decision::ConfirmCompromised) => {
                Some(detail::WORKLOAD_COMPROMISED)
            }
            (SubjectKind::Workload, Decision::Dismiss) => Some(detail::WORKLOAD_DISMISSED),
            (SubjectKind::Agent, Decision::ConfirmCompromised) => Some(detail::AGENT_COMPROMISED),
            (SubjectKind::Agent, Decision::ConfirmSafe) => Some(detail::AGENT_SAFE),
            (SubjectKind::Agent, Decision::Dismiss) => Some(detail::AGENT_DISMISSED),
            _ => None,
        }
    }

    fn detail_of_sign_in(self) -> &'static str {
        match self {
            Decision::ConfirmCompromised => detail::SIGN_IN_COMPROMISED,
            Decision::ConfirmSafe => detail::SIGN_IN_SAFE,
            Decision::Dismiss => detail::SIGN_IN_DISMISSED,
        }
    }
}

/// Who decides, when, and why.
#[derive(Clone, Debug)]
pub struct By {
    /// Their identifier.
    pub id: String,
    /// Their name at the time.
    pub name: String,
    /// Why; may be empty.
    pub note: String,
    /// The time, µs since 1970.
    pub at_micros: i64,
}

/// Longest note, in bytes.
const NOTE_BYTES_MAX: usize = 2000;

/// How it stands with a subject after a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its level.
    pub level: RiskLevel,
    /// Its state.
    pub state: RiskState,
}

/// A decision that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionRecord {
    /// Counts up.
    pub number: i64,
    /// About this sign-in; `None` for the subject as a whole.
    pub event: Option<Id>,
    /// What was decided.
    pub decision: Decision,
    /// Who did: identifier and name.
    pub by: (String, String),
    /// Why.
    pub note: String,
    /// When, µs since 1970.
    pub at_micros: i64,
    /// How it stood with the subject before.
    pub before: Standing,
    /// And after.
    pub after: Standing,
}

/// A sign-in that is decided about, as the log has it.
#[derive(Clone, Debug)]
pub struct RiskySignIn {
    /// Its request identifier.
    pub event: Id,
    /// Who signed in.
    pub subject: SubjectKey,
    /// Their principal name.
    pub name: String,
    /// Their name for people.
    pub display_name: String,
    /// When, µs since 1970.
    pub at_micros: i64,
    /// Its place and address and identifiers.
    pub facts: DetectionFacts,
}

impl Book {
    /// Decides about subjects, all or none. A subject that has no risk yet has a name here.
    pub fn decide_on_subjects(
        &self,
        subjects: &[(SubjectKey, String)],
        decision: Decision,
        by: &By,
    ) -> Result<Vec<Standing>> {
        check_note(by)?;
        self.write(|db| {
            let decide =
                |(key, name): &(SubjectKey, String)| on_subject(db, key, name, decision, by);
            subjects.iter().map(decide).collect()
        })
    }

    /// Decides about sign-ins, all or none.
    pub fn decide_on_sign_ins(
        &self,
        sign_ins: &[RiskySignIn],
        decision: Decision,
        by: &By,
    ) -> Result<Vec<Standing>> {
        check_note(by)?;
        self.write(|db| {
            sign_ins.iter().map(|sign_in| on_sign_in(db, sign_in, decision, by)).collect()
        })
    }

    /// What was decided about a subject and its sign-ins, newest first; at most a hundred.
    pub fn risk_decisions(&self, key: &SubjectKey) -> Result<Vec<DecisionRecord>> {
        self.read(|db| {
            let Some(subject) = subjects::known(db, key)? else { return Ok(Vec::new()) };
            let statement = "SELECT number, event, decision, by, by_name, note, at, old_level, \
                 old_state, new_level, new_state FROM risk_decision WHERE subject = ?1 \
                 ORDER BY number DESC LIMIT 100";
            let mut find = db.prepare_cached(statement)?;
            let rows = find.query_map([subject], record_of)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

/// A decision from the columns that [`Book::risk_decisions`] names.
pub(super) fn record_of(row: &Row<'_>) -> rusqlite::Result<DecisionRecord> {
    let standing = |first: usize| -> rusqlite::Result<Standing> {
        let level = RiskLevel::of_number(row.get(first)?);
        let state = RiskState::of_text(row.get_ref(first + 1)?.as_str()?);
        Ok(Standing { level, state })
    };
    let decision = Decision::from_name(row.get_ref(2)?.as_str()?);
    Ok(DecisionRecord {
        number: row.get(0)?,
        event: row.get::<_, Option<[u8; 16]>>(1)?.map(Id),
        decision: decision.unwrap_or(Decision::Dismiss),
        by: (row.get(3)?, row.get(4)?),
        note: row.get(5)?,
        at_micros: row.get(6)?,
        before: standing(7)?,
        after: standing(9)?,
    })
}

fn check_note(by: &By) -> Result<()> {
    if by.note.len() <= NOTE_BYTES_MAX {
        return Ok(());
    }
    Err(BookError::Invalid(format!("a note has at most {NOTE_BYTES_MAX} bytes")))
}

fn on_subject(
    db: &Connection,
    key: &SubjectKey,
    name: &str,
    decision: Decision,
    by: &By,
) -> Result<Standing> {
    let refused = || {
        let what = key.kind.name();
        BookError::Invalid(format!("there is no {} for a {what}", decision.name()))
    };
    let detail = decision.detail(key.kind).ok_or_else(refused)?;
    let subject = subjects::number_of(db, key, name, SubjectFacts::default())?;
    let before = standing(db, subject)?;
    let now = by.at_micros;
    let level = match decision {
        Decision::ConfirmCompromised => RiskLevel::High,
        _ => RiskLevel::None,
    };
    let word = Risk { level, state: decision.state(), detail: detail.to_owned() };
    if decision == Decision::ConfirmCompromised {
        // The detection that Graph shows for it; confirming twice makes no second one.
        if before.state != RiskState::ConfirmedCompromised {
            let id = confirmation_id(&[b"subject", &subject.to_le_bytes(), &now.to_le_bytes()]);
            let facts = facts_of_confirmation(key.kind, by);
            let event_type = detail.to_owned();
            let mut put = confirmation(subject, id, event_type, word.clone(), now);
            put.facts = facts;
            detections::put(db, put, now)?;
        }
    } else {
        detections::settle_all(db, subject, (decision.state(), detail), i64::MAX, now, false)?;
    }
    subjects::set_word(db, subject, &word, now)?;
    finish(db, subject, None, decision, by, before)
}

fn on_sign_in(
    db: &Connection,
    sign_in: &RiskySignIn,
    decision: Decision,
    by: &By,
) -> Result<Standing> {
    let display_name = sign_in.display_name.clone();
    let facts = SubjectFacts { display_name, ..SubjectFacts::default() };
    let subject = subjects::number_of(db, &sign_in.subject, &sign_in.name, facts)?;
    let before = standing(db, subject)?;
    let (now, detail, Id(event)) = (by.at_micros, decision.detail_of_sign_in(), sign_in.event);
    let statement = "INSERT INTO risk_sign_in VALUES (?1, ?2, ?3, ?4) ON CONFLICT (event) \
         DO UPDATE SET state = excluded.state, detail = excluded.detail, at = excluded.at";
    let values = (&event[..], decision.state().name(), detail, now);
    db.prepare_cached(statement)?.execute(values)?;
    if decision == Decision::ConfirmCompromised {
        let id = confirmation_id(&[b"sign-in", &event]);
        let word = Risk {
            level: RiskLevel::High,
            state: RiskState::ConfirmedCompromised,
            detail: detail.to_owned(),
        };
        let event_type = detail::USER_COMPROMISED.to_owned();
        let mut put = confirmation(subject, id, event_type, word, now);
        put.activity_micros = sign_in.at_micros;
        put.events = vec![sign_in.event];
        put.facts = DetectionFacts {
            source: "durward".to_owned(),
            activity: "signin".to_owned(),
            ..sign_in.facts.clone()
        };
        reopen(db, &put.id)?;
        detections::put(db, put, now)?;
    }
    let statement = "SELECT detection FROM risk_event WHERE event = ?1";
    let mut find = db.prepare_cached(statement)?;
    let rows = find.query_map([&event[..]], |row| row.get(0))?;
    let of_sign_in: Vec<i64> = rows.collect::<rusqlite::Result<_>>()?;
    for number in of_sign_in {
        detections::settle_by_sign_ins(db, number, now)?;
        // A campaign has sign-ins of several people.
        let statement = "SELECT subject FROM risk_detection WHERE number = ?1";
        let other: i64 = db.prepare_cached(statement)?.query_row([number], |row| row.get(0))?;
        if other != subject {
            subjects::reassess(db, other, now, Some(&by.id), now)?;
        }
    }
    finish(db, subject, Some(sign_in.event), decision, by, before)
}

/// A confirmation that was settled counts again when it is repeated.
fn reopen(db: &Connection, id: &str) -> Result<()> {
    let statement = "UPDATE risk_detection SET settled_level = NULL, settled_at = NULL, \
         state = 'atRisk' WHERE id = ?1";
    db.prepare_cached(statement)?.execute([id])?;
    Ok(())
}

fn confirmation(subject: i64, id: String, event_type: String, risk: Risk, now: i64) -> Put {
    Put {
        id,
        subject,
        finding: None,
        origin: Origin::Administrator,
        event_type,
        risk,
        timing: "offline".to_owned(),
        activity_micros: now,
        detected_micros: now,
        updated_micros: now,
        events: Vec::new(),
        facts: DetectionFacts::default(),
    }
}

fn facts_of_confirmation(kind: SubjectKind, by: &By) -> DetectionFacts {
    let activity = if kind == SubjectKind::User { "user" } else { "servicePrincipal" };
    let info = match by.note.as_str() {
        "" => String::new(),
        note => serde_json::json!([{ "Key": "riskReasons", "Value": [note] }]).to_string(),
    };
    DetectionFacts {
        source: "durward".to_owned(),
        activity: activity.to_owned(),
        additional_info: info,
        ..DetectionFacts::default()
    }
}

fn confirmation_id(parts: &[&[u8]]) -> String {
    let mut bytes = b"confirmation".to_vec();
    for part in parts {
        bytes.push(0);
        bytes.extend(*part);
    }
    Id::hash(&bytes).to_string()
}

fn standing(db: &Connection, subject: i64) -> Result<Standing> {
    let statement = "SELECT level, state FROM risk_subject WHERE number = ?1";
    let mut find = db.prepare_cached(statement)?;
    let found = find.query_row([subject], |row| {
        let state = RiskState::of_text(row.get_ref(1)?.as_str()?);
        Ok(Standing { level: RiskLevel::of_number(row.get(0)?), state })
    });
    Ok(found.optional()?.unwrap_or(Standing { level: RiskLevel::None, state: RiskState::None }))
}

/// Works out the risk anew, and writes the decision down.
fn finish(
    db: &Connection,
    subject: i64,
    event: Option<Id>,
    decision: Decision,
    by: &By,
    before: Standing,
) -> Result<Standing> {
    let risk = subjects::reassess(db, subject, by.at_micros, Some(&by.id), by.at_micros)?;
    let statement = "INSERT INTO risk_decision (subject, event, decision, by, by_name, note, at, \
         old_level, old_state, new_level, new_state) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    db.prepare_cached(statement)?.execute(rusqlite::params![
        subject,
        event.map(|Id(bytes)| bytes.to_vec()),
        decision.name(),
        by.id,
        by.name,
        by.note,
        by.at_micros,
        before.level.number(),
        before.state.name(),
        risk.level.number(),
        risk.state.name(),
    ])?;
    Ok(Standing { level: risk.level, state: risk.state })
}
