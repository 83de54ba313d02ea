//! Questions across subjects: which sign-ins are risky, and what was decided lately.

use durward_model::Id;
use rusqlite::params_from_iter;

use super::decisions::record_of;
use super::query::DetectionQuery;
use super::{DecisionRecord, Reach, SubjectKey, subjects};
use crate::book::{Book, Result};

/// Decisions of one answer at most.
const DECISIONS_MAX: usize = 100;

impl Book {
    /// The sign-ins that these risk detections rest on, those of the newest detections first; at
    /// most so many.
    pub fn risky_events(&self, query: &DetectionQuery, most: usize) -> Result<Vec<Id>> {
        self.read(|db| {
            let clause = query.clause();
            let statement = format!(
                "SELECT e.event FROM risk_detection d JOIN risk_subject s ON s.number = d.subject \
                 JOIN risk_event e ON e.detection = d.number WHERE {} \
                 GROUP BY e.event ORDER BY max({}) DESC LIMIT {most}",
                clause.text,
                query.order.column(),
            );
            let mut find = db.prepare_cached(&statement)?;
            let rows = find.query_map(params_from_iter(clause.values), |row| {
                row.get::<_, [u8; 16]>(0).map(Id)
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// What was decided lately about subjects and their sign-ins, newest first: about whom, their
    /// name, and the decision.
    pub fn recent_decisions(
        &self,
        reach: &Reach,
        most: usize,
    ) -> Result<Vec<(SubjectKey, String, DecisionRecord)>> {
        self.read(|db| {
            let (clause, values) = reach.clause();
            let statement = format!(
                "SELECT c.number, c.event, c.decision, c.by, c.by_name, c.note, c.at, \
                 c.old_level, c.old_state, c.new_level, c.new_state, s.tenant, s.kind, s.id, s.name \
                 FROM risk_decision c JOIN risk_subject s ON s.number = c.subject \
                 WHERE {clause} ORDER BY c.number DESC LIMIT {}",
                most.min(DECISIONS_MAX)
            );
            let mut find = db.prepare_cached(&statement)?;
            let rows = find.query_map(params_from_iter(values), |row| {
                Ok((subjects::key_of(row, 11)?, row.get(14)?, record_of(row)?))
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}
