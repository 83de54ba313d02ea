//! Questions about risk: lists for pages and Graph.

use durward_model::Id;
use hashbrown::HashMap;
use rusqlite::types::Value;
use rusqlite::{OptionalExtension as _, Row, params_from_iter};

use super::subjects::{self, Risk, SubjectFacts};
use super::{DetectionFacts, Origin, Reach, RiskLevel, RiskState, SubjectKey};
use crate::book::{Book, Result};
use crate::finding::SubjectKind;

/// Rows of one answer at most.
const LIMIT_MAX: usize = 1000;
/// Lines of history that an answer has at most.
const HISTORY_MAX: usize = 1000;

/// Which subjects are asked for; what changed last comes first. What is `None` does not matter.
#[derive(Clone, Debug, Default)]
pub struct SubjectQuery {
    /// Whose risk may be seen.
    pub reach: Reach,
    /// Users, workloads or agents; empty for all.
    pub kinds: Vec<SubjectKind>,
    /// Only in these states; empty for all but [`RiskState::None`].
    pub states: Vec<RiskState>,
    /// Only of these levels; empty for all.
    pub levels: Vec<RiskLevel>,
    /// Only with this text in a name or identifier.
    pub text: Option<String>,
    /// Only those that changed at or after this instant, µs.
    pub from_micros: Option<i64>,
    /// Only those that changed before this instant, µs.
    pub to_micros: Option<i64>,
    /// The earliest change first?
    pub oldest_first: bool,
    /// Goes on after the subject of this change and number.
    pub after: Option<(i64, i64)>,
    /// At most so many; 0 for the most there can be.
    pub limit: usize,
}

/// A subject and its risk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RiskySubject {
    /// Counts up with subjects.
    pub number: i64,
    /// Who.
    pub key: SubjectKey,
    /// The principal name, or the workload's name.
    pub name: String,
    /// What else is known of them.
    pub facts: SubjectFacts,
    /// How much risk.
    pub level: RiskLevel,
    /// What became of it.
    pub state: RiskState,
    /// Why, as Graph's `riskDetail` has it.
    pub detail: String,
    /// When this changed last, µs since 1970.
    pub updated_micros: i64,
    /// Detections that were not withdrawn, and of them those that count.
    pub detections: u64,
    /// See `detections`.
    pub active: u64,
    /// The risky sign-in of the latest detection: when that was, and its request identifier.
    pub recent: Option<(i64, Id)>,
}

/// What Graph's `history` has: how it stood with a subject from a moment on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryItem {
    /// Counts up.
    pub number: i64,
    /// How much risk.
    pub level: RiskLevel,
    /// What became of it.
    pub state: RiskState,
    /// Why.
    pub detail: String,
    /// From when on, µs since 1970.
    pub at_micros: i64,
    /// Who brought it about; `None` for nobody.
    pub by: Option<String>,
    /// The `riskEventType`s of the detections that counted.
    pub event_types: Vec<String>,
}

/// By what time detections are put in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DetectionOrder {
    /// When it was found.
    #[default]
    Detected,
    /// When it happened.
    Activity,
    /// When it changed.
    Updated,
}

impl DetectionOrder {
    pub(super) fn column(self) -> &'static str {
        match self {
            DetectionOrder::Detected => "d.detected",
            DetectionOrder::Activity => "d.activity",
            DetectionOrder::Updated => "d.updated",
        }
    }

    /// The time of a detection that decides.
    pub fn of(self, detection: &RiskDetection) -> i64 {
        match self {
            DetectionOrder::Detected => detection.detected_micros,
            DetectionOrder::Activity => detection.activity_micros,
            DetectionOrder::Updated => detection.updated_micros,
        }
    }
}

/// Which risk detections are asked for; the newest first. What is `None` does not matter.
#[derive(Clone, Debug, Default)]
pub struct DetectionQuery {
    /// Whose risk may be seen.
    pub reach: Reach,
    /// Of users, workloads or agents; empty for all.
    pub kinds: Vec<SubjectKind>,
    /// Only of this subject.
    pub subject: Option<SubjectKey>,
    /// Only in these states; empty for all.
    pub states: Vec<RiskState>,
    /// Only of these levels; empty for all.
    pub levels: Vec<RiskLevel>,
    /// Only of this `riskEventType`.
    pub event_type: Option<String>,
    /// Only from there.
    pub origin: Option<Origin>,
    /// Only those that no sign-in belongs to, or only others.
    pub has_sign_in: Option<bool>,
    /// By what time they are put in order and limited.
    pub order: DetectionOrder,
    /// Only from this instant on, µs.
    pub from_micros: Option<i64>,
    /// Only before this instant, µs.
    pub to_micros: Option<i64>,
    /// The earliest first?
    pub oldest_first: bool,
    /// Goes on after the detection of this time and number.
    pub after: Option<(i64, i64)>,
    /// At most so many; 0 for the most there can be.
    pub limit: usize,
}

/// A risk detection.
#[derive(Clone, Debug, PartialEq)]
pub struct RiskDetection {
    /// Counts up with detections.
    pub number: i64,
    /// Its identifier.
    pub id: String,
    /// Whom it is about.
    pub subject: SubjectKey,
    /// Their principal name, or the workload's name.
    pub name: String,
    /// What else is known of them.
    pub subject_facts: SubjectFacts,
    /// The finding it is of.
    pub finding: Option<Id>,
    /// Where it comes from.
    pub origin: Origin,
    /// Graph's `riskEventType`.
    pub event_type: String,
    /// How much risk.
    pub level: RiskLevel,
    /// What became of it.
    pub state: RiskState,
    /// Why.
    pub detail: String,
    /// `realtime`, `nearRealtime`, `offline`, `notDefined`.
    pub timing: String,
    /// When it happened, µs since 1970.
    pub activity_micros: i64,
    /// When it was found.
    pub detected_micros: i64,
    /// When it changed last.
    pub updated_micros: i64,
    /// What else Graph tells.
    pub facts: DetectionFacts,
}

/// A condition that grows.
pub(super) struct Clause {
    pub(super) text: String,
    pub(super) values: Vec<Value>,
}

impl Clause {
    fn of(reach: &Reach) -> Clause {
        let (text, values) = reach.clause();
        Clause { text, values }
    }

    fn and(&mut self, text: &str, values: impl IntoIterator<Item = Value>) {
        self.text.push_str(" AND ");
        self.text.push_str(text);
        self.values.extend(values);
    }

    fn among<V: Into<Value>>(&mut self, column: &str, list: impl IntoIterator<Item = V>) {
        let list: Vec<Value> = list.into_iter().map(Into::into).collect();
        if !list.is_empty() {
            let places = vec!["?"; list.len()].join(", ");
            self.and(&format!("{column} IN ({places})"), list);
        }
    }

    fn between(&mut self, column: &str, from: Option<i64>, to: Option<i64>) {
        if let Some(from) = from {
            self.and(&format!("{column} >= ?"), [from.into()]);
        }
        if let Some(to) = to {
            self.and(&format!("{column} < ?"), [to.into()]);
        }
    }

    fn levels(&mut self, column: &str, levels: &[RiskLevel]) {
        self.among(column, levels.iter().map(|level| level.number()));
    }
}

const SUBJECT_COLUMNS: &str = "s.number, s.tenant, s.kind, s.id, s.name, s.body, s.level, \
     s.state, s.detail, s.updated, \
     (SELECT count(*) FROM risk_detection d WHERE d.subject = s.number AND d.withdrawn IS NULL), \
     (SELECT count(*) FROM risk_detection d WHERE d.subject = s.number AND d.withdrawn IS NULL \
         AND d.state IN ('atRisk', 'confirmedCompromised')), \
     (SELECT json_array(d.activity, hex(e.event)) FROM risk_detection d \
         JOIN risk_event e ON e.detection = d.number WHERE d.subject = s.number \
         AND d.withdrawn IS NULL ORDER BY d.activity DESC LIMIT 1)";

fn subject_of(row: &Row<'_>) -> rusqlite::Result<(RiskySubject, String)> {
    let Risk { level, state, detail } = Risk::of(row, 6)?;
    let count = |column| row.get::<_, i64>(column).map(|count| count as u64);
    let recent: Option<String> = row.get(12)?;
    let subject = RiskySubject {
        number: row.get(0)?,
        key: subjects::key_of(row, 1)?,
        name: row.get(4)?,
        facts: SubjectFacts::default(),
        level,
        state,
        detail,
        updated_micros: row.get(9)?,
        detections: count(10)?,
        active: count(11)?,
        recent: recent
            .and_then(|text| serde_json::from_str::<(i64, String)>(&text).ok())
            .map(|(at, hex)| (at, Id::from_text(&hyphenated(&hex)).0)),
    };
    Ok((subject, row.get(5)?))
}

/// 32 digits as a GUID.
fn hyphenated(hex: &str) -> String {
    let part = |from, to| hex.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

fn with_facts((mut subject, body): (RiskySubject, String)) -> Result<RiskySubject> {
    subject.facts = serde_json::from_str(&body)?;
    Ok(subject)
}

impl SubjectQuery {
    fn clause(&self) -> Clause {
        let mut clause = Clause::of(&self.reach);
        clause.among("s.kind", self.kinds.iter().map(|kind| kind.name().to_owned()));
        if self.states.is_empty() {
            clause.and("s.state <> 'none'", []);
        }
        clause.among("s.state", self.states.iter().map(|state| state.name().to_owned()));
        clause.levels("s.level", &self.levels);
        if let Some(text) = &self.text {
            // `instr` knows case; names and identifiers are asked for in any.
            let values = [text, text, text].map(|text| text.to_lowercase().into());
            let any = "(instr(lower(s.name), ?) OR instr(lower(s.id), ?) \
                 OR instr(lower(s.body ->> 'display_name'), ?))";
            clause.and(any, values);
        }
        clause.between("s.updated", self.from_micros, self.to_micros);
        clause
    }
}

impl DetectionQuery {
    pub(super) fn clause(&self) -> Clause {
        let mut clause = Clause::of(&self.reach);
        clause.and("d.withdrawn IS NULL", []);
        clause.among("s.kind", self.kinds.iter().map(|kind| kind.name().to_owned()));
        if let Some(key) = &self.subject {
            let values = [key.kind.name(), &key.id, &key.tenant].map(|text| text.to_owned().into());
            clause.and("s.kind = ? AND s.id = ? AND s.tenant = ?", values);
        }
        clause.among("d.state", self.states.iter().map(|state| state.name().to_owned()));
        clause.levels("d.level", &self.levels);
        clause.among("d.event_type", self.event_type.clone());
        clause.among("d.origin", self.origin.map(|origin| origin.name().to_owned()));
        if let Some(has) = self.has_sign_in {
            let not = if has { "" } else { "NOT " };
            let exists = "EXISTS (SELECT 1 FROM risk_event e WHERE e.detection = d.number)";
            clause.and(&format!("{not}{exists}"), []);
        }
        clause.between(self.order.column(), self.from_micros, self.to_micros);
        clause
    }
}

/// ` ORDER BY … LIMIT …`, after the condition to go on behind a row.
fn page(
    clause: &mut Clause,
    (column, number): (&str, &str),
    after: Option<(i64, i64)>,
    oldest_first: bool,
    limit: usize,
) -> String {
    let (compare, direction) = if oldest_first { (">", "ASC") } else { ("<", "DESC") };
    if let Some((at, after)) = after {
        clause.and(&format!("({column}, {number}) {compare} (?, ?)"), [at.into(), after.into()]);
    }
    let limit = if limit == 0 { LIMIT_MAX } else { limit.min(LIMIT_MAX) };
    format!(" ORDER BY {column} {direction}, {number} {direction} LIMIT {limit}")
}

const DETECTION_COLUMNS: &str = "d.number, d.id, s.tenant, s.kind, s.id, s.name, s.body, \
     d.finding, d.origin, d.event_type, d.level, d.state, d.detail, d.timing, d.activity, \
     d.detected, d.updated, d.body";

fn detection_of(row: &Row<'_>) -> rusqlite::Result<(RiskDetection, String, String)> {
    let Risk { level, state, detail } = Risk::of(row, 10)?;
    let origin = Origin::from_name(row.get_ref(8)?.as_str()?);
    let detection = RiskDetection {
        number: row.get(0)?,
        id: row.get(1)?,
        subject: subjects::key_of(row, 2)?,
        name: row.get(5)?,
        subject_facts: SubjectFacts::default(),
        finding: row.get::<_, Option<[u8; 16]>>(7)?.map(Id),
        origin: origin.unwrap_or(Origin::Source),
        event_type: row.get(9)?,
        level,
        state,
        detail,
        timing: row.get(13)?,
        activity_micros: row.get(14)?,
        detected_micros: row.get(15)?,
        updated_micros: row.get(16)?,
        facts: DetectionFacts::default(),
    };
    Ok((detection, row.get(6)?, row.get(17)?))
}

fn with_bodies(
    (mut detection, subject, body): (RiskDetection, String, String),
) -> Result<RiskDetection> {
    detection.subject_facts = serde_json::from_str(&subject)?;
    detection.facts = serde_json::from_str(&body)?;
    Ok(detection)
}

impl Book {
    /// Subjects at risk, or that were.
    pub fn risky_subjects(&self, query: &SubjectQuery) -> Result<Vec<RiskySubject>> {
        self.read(|db| {
            let mut clause = query.clause();
            let columns = ("s.updated", "s.number");
            let page = page(&mut clause, columns, query.after, query.oldest_first, query.limit);
            let text = &clause.text;
            // What is counted is counted for the rows of the page only.
            let rows = format!("SELECT * FROM risk_subject s WHERE {text}{page}");
            let order = if query.oldest_first { "ASC" } else { "DESC" };
            let statement = format!(
                "SELECT {SUBJECT_COLUMNS} FROM ({rows}) s ORDER BY s.updated {order}, \
                 s.number {order}"
            );
            let mut find = db.prepare_cached(&statement)?;
            let rows = find.query_map(params_from_iter(clause.values), subject_of)?;
            rows.map(|row| with_facts(row?)).collect()
        })
    }

    /// How many subjects there are, by state and level. Where a page begins and ends, plays no
    /// part.
    pub fn count_risky_subjects(
        &self,
        query: &SubjectQuery,
    ) -> Result<HashMap<(RiskState, RiskLevel), u64>> {
        self.read(|db| {
            let clause = query.clause();
            let statement = format!(
                "SELECT s.state, s.level, count(*) FROM risk_subject s WHERE {} GROUP BY 1, 2",
                clause.text
            );
            let mut find = db.prepare_cached(&statement)?;
            let rows = find.query_map(params_from_iter(clause.values), |row| {
                let state = RiskState::of_text(row.get_ref(0)?.as_str()?);
                let level = RiskLevel::of_number(row.get(1)?);
                Ok(((state, level), row.get::<_, i64>(2)? as u64))
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// The subjects of this kind and identifier, at risk or not; several tenants can have one.
    pub fn risk_of(&self, kind: SubjectKind, id: &str) -> Result<Vec<RiskySubject>> {
        self.read(|db| {
            let statement = format!(
                "SELECT {SUBJECT_COLUMNS} FROM risk_subject s WHERE s.kind = ?1 AND s.id = ?2 \
                 ORDER BY s.updated DESC"
            );
            let mut find = db.prepare_cached(&statement)?;
            let rows = find.query_map((kind.name(), super::canonical(id)), subject_of)?;
            rows.map(|row| with_facts(row?)).collect()
        })
    }

    /// The risk of one subject; `None` if nothing was ever known of it.
    pub fn risk_of_subject(&self, key: &SubjectKey) -> Result<Option<RiskySubject>> {
        let found = self.risk_of(key.kind, &key.id)?;
        Ok(found.into_iter().find(|one| one.key.tenant.eq_ignore_ascii_case(&key.tenant)))
    }

    /// How it stood with a subject, the newest first; at most a thousand lines.
    pub fn risk_history(&self, key: &SubjectKey) -> Result<Vec<HistoryItem>> {
        self.read(|db| {
            let Some(subject) = subjects::known(db, key)? else { return Ok(Vec::new()) };
            let statement = format!(
                "SELECT number, level, state, detail, at, by, event_types FROM risk_history \
                 WHERE subject = ?1 ORDER BY number DESC LIMIT {HISTORY_MAX}"
            );
            let mut find = db.prepare_cached(&statement)?;
            let rows = find.query_map([subject], |row| {
                let Risk { level, state, detail } = Risk::of(row, 1)?;
                let item = HistoryItem {
                    number: row.get(0)?,
                    level,
                    state,
                    detail,
                    at_micros: row.get(4)?,
                    by: row.get(5)?,
                    event_types: Vec::new(),
                };
                Ok((item, row.get::<_, String>(6)?))
            })?;
            let parsed = rows.map(|row| {
                let (mut item, types) = row?;
                item.event_types = serde_json::from_str(&types)?;
                Ok(item)
            });
            parsed.collect()
        })
    }

    /// Risk detections.
    pub fn risk_detections(&self, query: &DetectionQuery) -> Result<Vec<RiskDetection>> {
        self.read(|db| {
            let mut clause = query.clause();
            let columns = (query.order.column(), "d.number");
            let page = page(&mut clause, columns, query.after, query.oldest_first, query.limit);
            let statement = format!(
                "SELECT {DETECTION_COLUMNS} FROM risk_detection d \
                 JOIN risk_subject s ON s.number = d.subject WHERE {}{page}",
                clause.text
            );
            let mut find = db.prepare_cached(&statement)?;
            let rows = find.query_map(params_from_iter(clause.values), detection_of)?;
            rows.map(|row| with_bodies(row?)).collect()
        })
    }

    /// How many risk detections there are, by `riskEventType` and level.
    pub fn count_risk_detections(
        &self,
        query: &DetectionQuery,
    ) -> Result<HashMap<(String, RiskLevel), u64>> {
        self.read(|db| {
            let clause = query.clause();
            let statement = format!(
                "SELECT d.event_type, d.level, count(*) FROM risk_detection d \
                 JOIN risk_subject s ON s.number = d.subject WHERE {} GROUP BY 1, 2",
                clause.text
            );
            let mut find = db.prepare_cached(&statement)?;
            let rows = find.query_map(params_from_iter(clause.values), |row| {
                let level = RiskLevel::of_number(row.get(1)?);
                Ok(((row.get(0)?, level), row.get::<_, i64>(2)? as u64))
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// One risk detection, unless it was withdrawn.
    pub fn risk_detection(&self, id: &str) -> Result<Option<RiskDetection>> {
        self.read(|db| {
            let statement = format!(
                "SELECT {DETECTION_COLUMNS} FROM risk_detection d \
                 JOIN risk_subject s ON s.number = d.subject \
                 WHERE d.id = ?1 AND d.withdrawn IS NULL"
            );
            let found = db.prepare_cached(&statement)?.query_row([id], detection_of).optional()?;
            found.map(with_bodies).transpose()
        })
    }
}
