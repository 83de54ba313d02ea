//! Findings in the book.

use durward_model::Id;
use hashbrown::HashMap;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params_from_iter};

use super::{Book, CONSEQUENCES, Change, Circumstances, Module, Result};
use crate::finding::{Finding, Level, SubjectKind};

pub(super) const SCHEMA: Module = Module { name: "findings", steps: &[FIRST] };

// Times are µs since 1970, identifiers 16 bytes. `told` is the moment of the log at which the
// finding was told last; `withdrawn` when later records took its reason away.
const FIRST: &str = "
CREATE TABLE finding (
    id BLOB PRIMARY KEY,
    detection TEXT NOT NULL,
    tenant TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    level INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    told INTEGER NOT NULL,
    recorded INTEGER NOT NULL,
    withdrawn INTEGER,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX finding_last ON finding (last DESC);
CREATE INDEX finding_subject ON finding (subject_kind, subject_id, last DESC);
CREATE INDEX finding_detection ON finding (detection, last DESC);
CREATE INDEX finding_told ON finding (told) WHERE withdrawn IS NULL;

CREATE TABLE finding_event (
    event BLOB NOT NULL,
    finding BLOB NOT NULL REFERENCES finding (id) ON DELETE CASCADE,
    is_risky INTEGER NOT NULL,
    PRIMARY KEY (event, finding)
) STRICT, WITHOUT ROWID;
CREATE INDEX finding_event_finding ON finding_event (finding);
";

/// Findings of one answer at most.
pub(crate) const LIMIT_MAX: usize = 1000;

/// A finding, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFinding {
    /// The finding as told last.
    pub finding: Finding,
    /// When it was written down first, µs since 1970.
    pub recorded_micros: i64,
    /// When later records took its reason away.
    pub withdrawn_micros: Option<i64>,
}

/// Which findings are asked for; newest first. Everything that is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingQuery {
    /// Only of these tenants.
    pub tenants: Option<Vec<String>>,
    /// Only of this detection.
    pub detection: Option<String>,
    /// Only about this kind of subject.
    pub kind: Option<SubjectKind>,
    /// Only about the subject of this identifier.
    pub subject: Option<String>,
    /// Only of at least this level.
    pub least: Option<Level>,
    /// Only those whose last sign-in is at or after this instant, µs.
    pub from_micros: Option<i64>,
    /// Only those whose last sign-in is before this instant, µs.
    pub to_micros: Option<i64>,
    /// With those that were withdrawn.
    pub with_withdrawn: bool,
    /// Goes on after the finding of this last sign-in and identifier.
    pub after: Option<(i64, Id)>,
    /// At most so many; 0 for the most there are ([`LIMIT_MAX`]).
    pub limit: usize,
}

/// What a list shows of the findings about one sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Badge {
    /// The finding.
    pub finding: Id,
    /// Its detection.
    pub detection: String,
    /// How sure it is.
    pub level: Level,
    /// The sign-in is the attacker's, not one that it is compared with.
    pub is_risky: bool,
}

/// What became of findings that were told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Not known before.
    pub new: usize,
    /// Told again with other content.
    pub changed: usize,
    /// Withdrawn.
    pub withdrawn: usize,
}

impl Book {
    /// Writes down what was told, and what follows from it. A finding that is known and says the
    /// same is left as it is.
    pub fn record(
        &self,
        findings: &[Finding],
        circumstances: &Circumstances<'_>,
    ) -> Result<Recorded> {
        if findings.is_empty() {
            return Ok(Recorded::default());
        }
        self.write(|db| {
            let mut recorded = Recorded::default();
            for finding in findings {
                match stored(db, finding.id)? {
                    Some(old) if old.withdrawn_micros.is_none() && old.finding == *finding => {}
                    Some(old) if old.withdrawn_micros.is_none() => {
                        recorded.changed += 1;
                        put(db, finding, old.recorded_micros)?;
                        follow(
                            db,
                            &Change::Changed { before: &old.finding, now: finding },
                            circumstances,
                        )?;
                    }
                    old => {
                        recorded.new += 1;
                        let first = old.map_or(circumstances.now_micros, |old| old.recorded_micros);
                        put(db, finding, first)?;
                        follow(db, &Change::New(finding), circumstances)?;
                    }
                }
            }
            Ok(recorded)
        })
    }

    /// After the log was looked at again from an instant on: what was told since then by
    /// detections and is not told any more is put back to what was told before, or withdrawn.
    pub fn reconcile<'a>(
        &self,
        since_micros: i64,
        told: impl Fn(Id) -> Option<&'a Finding>,
        circumstances: &Circumstances<'_>,
    ) -> Result<Recorded> {
        let since = self.read(|db| {
            let statement = "SELECT body, recorded, withdrawn FROM finding \
                 WHERE told > ?1 AND withdrawn IS NULL AND detection NOT LIKE 'rule:%'";
            let mut statement = db.prepare_cached(statement)?;
            let rows = statement.query_map([since_micros], of_row)?;
            rows.map(|row| row?.parse()).collect::<Result<Vec<StoredFinding>>>()
        })?;
        let mut recorded = Recorded::default();
        for old in since {
            match told(old.finding.id) {
                Some(finding) if *finding == old.finding => {}
                Some(finding) => {
                    let done = self.record(std::slice::from_ref(finding), circumstances)?;
                    recorded.changed += done.changed;
                }
                None => {
                    self.withdraw(&old.finding, circumstances)?;
                    recorded.withdrawn += 1;
                }
            }
        }
        Ok(recorded)
    }

    /// What rules told from an instant on and what was not withdrawn.
    pub(crate) fn told_by_rules(&self, since_micros: i64) -> Result<Vec<StoredFinding>> {
        self.read(|db| {
            let statement = "SELECT body, recorded, withdrawn FROM finding \
                 WHERE told >= ?1 AND withdrawn IS NULL AND detection LIKE 'rule:%'";
            let mut statement = db.prepare_cached(statement)?;
            let rows = statement.query_map([since_micros], of_row)?;
            rows.map(|row| row?.parse()).collect()
        })
    }

    /// Takes a finding back.
    pub(crate) fn withdraw(
        &self,
        finding: &Finding,
        circumstances: &Circumstances<'_>,
    ) -> Result<()> {
        self.write(|db| {
            let statement = "UPDATE finding SET withdrawn = ?2 WHERE id = ?1";
            db.execute(statement, (&finding.id.0[..], circumstances.now_micros))?;
            follow(db, &Change::Withdrawn(finding), circumstances)
        })
    }

    /// One finding.
    pub fn finding(&self, id: Id) -> Result<Option<StoredFinding>> {
        self.read(|db| stored(db, id))
    }

    /// Findings, newest last sign-in first.
    pub fn findings(&self, query: &FindingQuery) -> Result<Vec<StoredFinding>> {
        self.read(|db| {
            let (clause, values) = query.clause();
            let statement = format!(
                "SELECT body, recorded, withdrawn FROM finding WHERE {clause} \
                 ORDER BY last DESC, id DESC LIMIT {}",
                if query.limit == 0 { LIMIT_MAX } else { query.limit.min(LIMIT_MAX) }
            );
            let mut statement = db.prepare_cached(&statement)?;
            let rows = statement.query_map(params_from_iter(values), of_row)?;
            rows.map(|row| row?.parse()).collect()
        })
    }

    /// How many findings there are, by detection and level.
    pub fn count_findings(&self, query: &FindingQuery) -> Result<HashMap<(String, Level), u64>> {
        self.read(|db| {
            let (clause, values) = query.clause();
            let statement = format!(
                "SELECT detection, level, count(*) FROM finding WHERE {clause} GROUP BY 1, 2"
            );
            let mut statement = db.prepare_cached(&statement)?;
            let rows = statement.query_map(params_from_iter(values), |row| {
                let level: i64 = row.get(1)?;
                let count: i64 = row.get(2)?;
                Ok(((row.get(0)?, level_of(level)), count as u64))
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// The findings that name each of these sign-ins.
    pub fn badges(&self, events: &[Id]) -> Result<HashMap<Id, Vec<Badge>>> {
        self.read(|db| {
            let statement = "SELECT f.id, f.detection, f.level, e.is_risky FROM finding_event e \
                 JOIN finding f ON f.id = e.finding \
                 WHERE e.event = ?1 AND f.withdrawn IS NULL ORDER BY f.level DESC, f.id";
            let mut statement = db.prepare_cached(statement)?;
            let mut badges = HashMap::new();
            for event in events {
                let rows = statement.query_map([&event.0[..]], |row| {
                    Ok(Badge {
                        finding: id_of(row, 0)?,
                        detection: row.get(1)?,
                        level: level_of(row.get(2)?),
                        is_risky: row.get(3)?,
                    })
                })?;
                let found: Vec<Badge> = rows.collect::<rusqlite::Result<_>>()?;
                if !found.is_empty() {
                    badges.insert(*event, found);
                }
            }
            Ok(badges)
        })
    }
}

impl FindingQuery {
    /// The condition, and the values for its places.
    fn clause(&self) -> (String, Vec<rusqlite::types::Value>) {
        use rusqlite::types::Value;
        let mut clause = "1".to_owned();
        let mut values: Vec<Value> = Vec::new();
        let mut add = |text: &str, these: Vec<Value>| {
            clause.push_str(" AND ");
            clause.push_str(text);
            values.extend(these);
        };
        if !self.with_withdrawn {
            add("withdrawn IS NULL", vec![]);
        }
        if let Some(tenants) = &self.tenants {
            let places = vec!["?"; tenants.len()].join(", ");
            add(
                &format!("tenant IN ({places})"),
                tenants.iter().cloned().map(Value::from).collect(),
            );
        }
        if let Some(detection) = &self.detection {
            add("detection = ?", vec![detection.clone().into()]);
        }
        if let Some(kind) = self.kind {
            add("subject_kind = ?", vec![kind.name().to_owned().into()]);
        }
        if let Some(subject) = &self.subject {
            add("subject_id = ?", vec![subject.clone().into()]);
        }
        if let Some(level) = self.least {
            add("level >= ?", vec![(level as i64).into()]);
        }
        if let Some(from) = self.from_micros {
            add("last >= ?", vec![from.into()]);
        }
        if let Some(to) = self.to_micros {
            add("last < ?", vec![to.into()]);
        }
        if let Some((last, id)) = self.after {
            add("(last, id) < (?, ?)", vec![last.into(), id.0.to_vec().into()]);
        }
        (clause, values)
    }
}

fn follow(
    db: &Transaction<'_>,
    change: &Change<'_>,
    circumstances: &Circumstances<'_>,
) -> Result<()> {
    CONSEQUENCES.iter().try_for_each(|consequence| consequence(db, change, circumstances))
}

fn put(db: &Transaction<'_>, finding: &Finding, recorded_micros: i64) -> Result<()> {
    let id = &finding.id.0[..];
    let statement = "INSERT INTO finding (id, detection, tenant, subject_kind, subject_id, level, \
         first, last, told, recorded, withdrawn, body) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, NULL, ?11) \
         ON CONFLICT (id) DO UPDATE SET level = excluded.level, first = excluded.first, \
         last = excluded.last, told = excluded.told, withdrawn = NULL, body = excluded.body";
    db.prepare_cached(statement)?.execute((
        id,
        &finding.detection,
        &finding.tenant,
        finding.subject.kind.name(),
        &finding.subject.id,
        finding.level as i64,
        finding.first_micros,
        finding.last_micros,
        finding.told_micros,
        recorded_micros,
        serde_json::to_string(finding)?,
    ))?;
    db.prepare_cached("DELETE FROM finding_event WHERE finding = ?1")?.execute([id])?;
    let mut add = db.prepare_cached("INSERT OR REPLACE INTO finding_event VALUES (?1, ?2, ?3)")?;
    for event in &finding.events {
        add.execute((&event.id.0[..], id, finding.risky.contains(&event.id)))?;
    }
    Ok(())
}

/// A row before its JSON is read.
struct Raw {
    body: String,
    recorded_micros: i64,
    withdrawn_micros: Option<i64>,
}

impl Raw {
    fn parse(self) -> Result<StoredFinding> {
        let finding = serde_json::from_str(&self.body)?;
        let Raw { recorded_micros, withdrawn_micros, .. } = self;
        Ok(StoredFinding { finding, recorded_micros, withdrawn_micros })
    }
}

fn of_row(row: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok(Raw { body: row.get(0)?, recorded_micros: row.get(1)?, withdrawn_micros: row.get(2)? })
}

fn stored(db: &Connection, id: Id) -> Result<Option<StoredFinding>> {
    let statement = "SELECT body, recorded, withdrawn FROM finding WHERE id = ?1";
    let raw = db.prepare_cached(statement)?.query_row([&id.0[..]], of_row).optional()?;
    raw.map(Raw::parse).transpose()
}

fn id_of(row: &Row<'_>, column: usize) -> rusqlite::Result<Id> {
    row.get::<_, [u8; 16]>(column).map(Id)
}

fn level_of(number: i64) -> Level {
    Level::ALL.get(number as usize).copied().unwrap_or_default()
}
