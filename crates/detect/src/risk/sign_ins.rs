//! The risk of single sign-ins.

use durward_model::Id;
use hashbrown::HashMap;
use rusqlite::OptionalExtension as _;

use super::subjects::Risk;
use super::{RiskLevel, RiskState, detail};
use crate::book::{Book, Result};

/// The risk of a sign-in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignInRisk {
    /// Known with the sign-in itself.
    pub real_time: RiskLevel,
    /// After everything that was found later and decided.
    pub aggregate: RiskLevel,
    /// What became of it.
    pub state: RiskState,
    /// Why, as Graph's `riskDetail` has it.
    pub detail: String,
    /// The `riskEventType`s of its detections.
    pub event_types: Vec<String>,
    /// Was it decided here, whatever the source says?
    pub is_decided: bool,
}

impl SignInRisk {
    /// With what the source itself says of the sign-in: the higher level holds, and the source's
    /// state where nothing is known here. What was decided here holds.
    #[must_use]
    pub fn with_source(
        mut self,
        (during, aggregated): (RiskLevel, RiskLevel),
        state: RiskState,
        detail: &str,
    ) -> SignInRisk {
        self.real_time = self.real_time.max(during);
        if self.is_decided {
            return self;
        }
        if self.state == RiskState::None || state == RiskState::ConfirmedCompromised {
            (self.state, self.detail) = (state, detail.to_owned());
        }
        let own = if state.is_active() { aggregated.max(during) } else { RiskLevel::None };
        self.aggregate = self.aggregate.max(own);
        if self.aggregate > RiskLevel::None && !self.state.is_active() {
            (self.state, self.detail) = (RiskState::AtRisk, detail::NONE.to_owned());
        }
        self
    }
}

impl Book {
    /// The risk of those of these sign-ins that have any, or had. What the source itself says of
    /// a sign-in is for the caller to add: [`SignInRisk::with_source`].
    pub fn risk_of_events(&self, events: &[Id]) -> Result<HashMap<Id, SignInRisk>> {
        self.read(|db| {
            let statement = "SELECT d.level, d.state, d.detail, d.timing, d.event_type \
                 FROM risk_event e JOIN risk_detection d ON d.number = e.detection \
                 WHERE e.event = ?1 AND d.withdrawn IS NULL ORDER BY d.updated, d.number";
            let mut of_event = db.prepare_cached(statement)?;
            let statement = "SELECT state, detail FROM risk_sign_in WHERE event = ?1";
            let mut decided = db.prepare_cached(statement)?;
            let mut found = HashMap::new();
            for event in events {
                let rows = of_event.query_map([&event.0[..]], |row| {
                    Ok((Risk::of(row, 0)?, row.get::<_, String>(3)?, row.get::<_, String>(4)?))
                })?;
                let detections: Vec<_> = rows.collect::<rusqlite::Result<_>>()?;
                let decision = decided.query_row([&event.0[..]], |row| {
                    Ok((RiskState::of_text(row.get_ref(0)?.as_str()?), row.get(1)?))
                });
                let decision = decision.optional()?;
                if !detections.is_empty() || decision.is_some() {
                    found.insert(*event, sign_in_risk(detections, decision));
                }
            }
            Ok(found)
        })
    }
}

/// From the detections of a sign-in (level, timing, type), the latest last, and what was decided.
fn sign_in_risk(
    detections: Vec<(Risk, String, String)>,
    decision: Option<(RiskState, String)>,
) -> SignInRisk {
    let mut own = SignInRisk::default();
    for (risk, timing, event_type) in detections {
        if timing.eq_ignore_ascii_case("realtime") {
            own.real_time = own.real_time.max(risk.level);
        }
        if !own.event_types.contains(&event_type) {
            own.event_types.push(event_type);
        }
        if risk.state.is_active() {
            own.aggregate = own.aggregate.max(risk.level);
            (own.state, own.detail) = (RiskState::AtRisk, risk.detail);
        } else if !own.state.is_active() {
            (own.state, own.detail) = (risk.state, risk.detail);
        }
    }
    if let Some((state, detail)) = decision {
        let level = if state.is_active() { RiskLevel::High } else { RiskLevel::None };
        // The decision is about the sign-in, whichever detections name it.
        (own.aggregate, own.state, own.detail) = (level, state, detail);
        own.is_decided = true;
    }
    own
}
