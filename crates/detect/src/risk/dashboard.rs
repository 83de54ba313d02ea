//! The numbers of the ID Protection dashboard.

use durward_model::time::DAY_MICROS;
use hashbrown::HashMap;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::subjects::Risk;
use super::{Reach, RiskLevel, RiskState, detail};
use crate::book::{Book, Result};
use crate::finding::SubjectKind;

/// What the cards look back on: twelve months.
const CARDS_MICROS: i64 = 365 * DAY_MICROS;
/// What the picture of attacks looks back on.
const ATTACKS_MICROS: i64 = 30 * DAY_MICROS;
/// Days of the chart of users who are new at high risk.
const DAYS: i64 = 90;

/// Findings of one detection in the last thirty days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttackCount {
    /// The detection's identifier.
    pub detection: String,
    /// Its MITRE ATT&CK techniques.
    pub techniques: &'static [&'static str],
    /// Attacks none of whose sign-ins succeeded.
    pub blocked: u64,
    /// Attacks with a success whose risk was settled since.
    pub settled: u64,
    /// Attacks with a success whose risk is open.
    pub open: u64,
}

/// A number of a UTC day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayCount {
    /// When the day begins, µs since 1970.
    pub day_micros: i64,
    /// How many.
    pub count: u64,
}

/// What the dashboard shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RiskDashboard {
    /// Attacks of the last twelve months none of whose sign-ins succeeded.
    pub attacks_blocked: u64,
    /// Users of the last twelve months whose risk was remediated or settled by somebody.
    pub users_protected: u64,
    /// How long it took users of the last twelve months from being at risk to remediating it
    /// themselves, on average, µs; `None` where nobody did.
    pub mean_remediation_micros: Option<i64>,
    /// Users who came to high risk in the last twelve months.
    pub new_high_risk_users: u64,
    /// The same by day, for the last ninety days; days without any are left out.
    pub new_high_risk_by_day: Vec<DayCount>,
    /// Users who came to be at risk at all by day, for the last ninety days.
    pub new_risky_by_day: Vec<DayCount>,
    /// Users at risk now, by level.
    pub by_level: Vec<(RiskLevel, u64)>,
    /// Attacks of the last thirty days, the most frequent first.
    pub attacks: Vec<AttackCount>,
}

impl Book {
    /// The numbers of the dashboard, for what somebody may see. Findings that are about no user or
    /// workload are counted for those who see everything in their tenants.
    pub fn risk_dashboard(&self, reach: &Reach, now_micros: i64) -> Result<RiskDashboard> {
        self.read(|db| {
            let mut board = RiskDashboard::default();
            transitions(db, reach, now_micros, &mut board)?;
            board.by_level = by_level(db, reach)?;
            attacks(db, reach, now_micros, &mut board)?;
            Ok(board)
        })
    }
}

fn transitions(
    db: &Connection,
    reach: &Reach,
    now_micros: i64,
    board: &mut RiskDashboard,
) -> Result<()> {
    let (clause, mut values) = reach.clause();
    let statement = format!(
        "SELECT h.subject, h.level, h.state, h.detail, h.at FROM risk_history h \
         JOIN risk_subject s ON s.number = h.subject \
         WHERE {clause} AND s.kind = 'user' AND h.at >= ? ORDER BY h.subject, h.number"
    );
    values.push(Value::from(now_micros - CARDS_MICROS));
    let mut find = db.prepare_cached(&statement)?;
    let mut rows = find.query(params_from_iter(values))?;
    let (mut high, mut risky) = (HashMap::new(), HashMap::new());
    let (mut subject, mut at_risk_since, mut was_high, mut is_protected) = (-1, None, false, false);
    let (mut sum, mut count) = (0_i128, 0_i128);
    while let Some(row) = rows.next()? {
        let next: i64 = row.get(0)?;
        if next != subject {
            (subject, at_risk_since, was_high, is_protected) = (next, None, false, false);
        }
        let Risk { level, state, detail: why } = Risk::of(row, 1)?;
        let at: i64 = row.get(4)?;
        let day = at.div_euclid(DAY_MICROS) * DAY_MICROS;
        if state.is_active() && at_risk_since.is_none() {
            at_risk_since = Some(at);
            *risky.entry(day).or_insert(0_u64) += 1;
        }
        let is_high = state.is_active() && level == RiskLevel::High;
        if is_high && !was_high {
            board.new_high_risk_users += 1;
            *high.entry(day).or_insert(0_u64) += 1;
        }
        was_high = is_high;
        if !state.is_active() {
            let since = at_risk_since.take();
            let by_user = state == RiskState::Remediated && why != detail::NONE;
            if let Some(since) = since.filter(|_| by_user) {
                sum += i128::from(at - since);
                count += 1;
            }
            if state != RiskState::None && since.is_some() && !is_protected {
                is_protected = true;
                board.users_protected += 1;
            }
        }
    }
    board.mean_remediation_micros = (count > 0).then(|| (sum / count) as i64);
    let from = now_micros - DAYS * DAY_MICROS;
    board.new_high_risk_by_day = days(high, from);
    board.new_risky_by_day = days(risky, from);
    Ok(())
}

fn days(counts: HashMap<i64, u64>, from_micros: i64) -> Vec<DayCount> {
    let recent = counts.into_iter().filter(|(day, _)| *day >= from_micros);
    let mut days: Vec<DayCount> =
        recent.map(|(day_micros, count)| DayCount { day_micros, count }).collect();
    days.sort_by_key(|day| day.day_micros);
    days
}

fn by_level(db: &Connection, reach: &Reach) -> Result<Vec<(RiskLevel, u64)>> {
    let (clause, values) = reach.clause();
    let statement = format!(
        "SELECT s.level, count(*) FROM risk_subject s WHERE {clause} AND s.kind = 'user' \
         AND s.state IN ('atRisk', 'confirmedCompromised') GROUP BY 1 ORDER BY 1 DESC"
    );
    let mut find = db.prepare_cached(&statement)?;
    let rows = find.query_map(params_from_iter(values), |row| {
        Ok((RiskLevel::of_number(row.get(0)?), row.get::<_, i64>(1)? as u64))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn attacks(
    db: &Connection,
    reach: &Reach,
    now_micros: i64,
    board: &mut RiskDashboard,
) -> Result<()> {
    let (clause, mut values) = finding_clause(reach);
    let statement = format!(
        "SELECT f.detection, f.last >= ?, l.succeeded, EXISTS (SELECT 1 FROM risk_detection d \
             WHERE d.finding = f.id AND d.withdrawn IS NULL AND d.state = 'atRisk'), count(*) \
         FROM finding f JOIN risk_look l ON l.finding = f.id \
         WHERE f.withdrawn IS NULL AND f.last >= ? AND {clause} GROUP BY 1, 2, 3, 4"
    );
    let limits = [now_micros - ATTACKS_MICROS, now_micros - CARDS_MICROS].map(Value::from);
    values.splice(0..0, limits);
    let mut find = db.prepare_cached(&statement)?;
    let mut rows = find.query(params_from_iter(values))?;
    let mut by_detection: HashMap<String, AttackCount> = HashMap::new();
    while let Some(row) = rows.next()? {
        let detection: String = row.get(0)?;
        let about = crate::detections::about(&detection);
        let Some(about) = about.filter(|about| !about.risk_event_type.is_empty()) else { continue };
        let (is_recent, succeeded, is_open): (bool, bool, bool) =
            (row.get(1)?, row.get(2)?, row.get(3)?);
        let count = row.get::<_, i64>(4)? as u64;
        if !succeeded {
            board.attacks_blocked += count;
        }
        if !is_recent {
            continue;
        }
        let counts = by_detection.entry(detection.clone()).or_insert(AttackCount {
            detection,
            techniques: about.techniques,
            blocked: 0,
            settled: 0,
            open: 0,
        });
        match (succeeded, is_open) {
            (false, _) => counts.blocked += count,
            (true, true) => counts.open += count,
            (true, false) => counts.settled += count,
        }
    }
    board.attacks = by_detection.into_values().collect();
    board.attacks.sort_by(|a, b| {
        let sum = |one: &AttackCount| one.blocked + one.settled + one.open;
        sum(b).cmp(&sum(a)).then_with(|| a.detection.cmp(&b.detection))
    });
    Ok(())
}

/// A condition on `finding f`.
fn finding_clause(reach: &Reach) -> (String, Vec<Value>) {
    if reach.is_everything() {
        return ("1".to_owned(), Vec::new());
    }
    let mut values = Vec::new();
    let mut parts = vec!["0".to_owned()];
    for part in &reach.0 {
        let mut among = |column: &str, list: &[String]| {
            values.extend(list.iter().cloned().map(Value::from));
            let places = vec!["?"; list.len()].join(", ");
            format!("{column} COLLATE NOCASE IN ({places})")
        };
        let mut all = vec!["1".to_owned()];
        if !part.tenants.is_empty() {
            all.push(among("f.tenant", &part.tenants));
        }
        if !part.users.is_empty() {
            let name = "json_extract(f.body, '$.subject.name')";
            let (id, name) = (among("f.subject_id", &part.users), among(name, &part.users));
            let user = SubjectKind::User.name();
            all.push(format!("f.subject_kind = '{user}' AND ({id} OR {name})"));
        }
        parts.push(format!("({})", all.join(" AND ")));
    }
    (format!("({})", parts.join(" OR ")), values)
}
