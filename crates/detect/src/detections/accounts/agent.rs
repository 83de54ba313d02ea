//! Agents: programs that act on their own, for themselves or on behalf of people.
//!
//! Their sign-ins are in every log, so what is usual for an agent is kept here and not in the
//! profiles of people and workloads.

use serde::{Deserialize, Serialize};

use crate::facts::key_within;
use crate::finding::Subject;
use crate::keyed::Touched;
use crate::sighting::Sighting;

/// Agents watched at a time.
pub(super) const AGENTS_MAX: usize = 50_000;
/// Resources remembered of an agent; the one unused longest goes.
const RESOURCES_MAX: usize = 64;

/// The agent of a sign-in, within its tenant: its service principal, or its application where
/// it acts as a user; 0 for none.
pub(super) fn key_of(sighting: &Sighting<'_>) -> u64 {
    match sighting.principal {
        0 => key_within(sighting.app.app, sighting.tenant),
        principal => principal,
    }
}

/// The agent as the subject of a finding.
pub(super) fn subject_of(sighting: &Sighting<'_>) -> Subject {
    let mut subject = Subject::workload(sighting);
    if sighting.principal == 0 {
        subject.id = sighting.text(durward_model::FieldId::AppId).into_owned();
        subject.name = sighting.app_name();
    }
    subject
}

/// On whose behalf, as the end of a clause; empty where the agent acts for itself.
pub(super) fn on_behalf(sighting: &Sighting<'_>) -> String {
    if sighting.user == 0 {
        String::new()
    } else {
        format!(" on behalf of {}", sighting.user_name())
    }
}

/// The resources that an agent gets into.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Habit {
    first_micros: i64,
    last_micros: i64,
    pub(super) successes: u64,
    /// With the time of the last success.
    resources: Vec<(u64, i64)>,
}

impl Touched for Habit {
    fn touched_micros(&self) -> i64 {
        self.last_micros
    }
}

impl Habit {
    /// Is it known long enough to have ways of its own?
    pub(super) fn is_settled(&self, at_micros: i64, learning_micros: i64) -> bool {
        self.successes >= SUCCESSES_MIN && at_micros - self.first_micros >= learning_micros
    }

    /// Did it get into the resource before? One that is not named always counts as known.
    pub(super) fn knows(&self, resource: u64) -> bool {
        resource == 0 || self.resources.iter().any(|(known, _)| *known == resource)
    }

    /// How many resources it gets into.
    pub(super) fn resources(&self) -> usize {
        self.resources.len()
    }

    /// Learns a success.
    pub(super) fn learn(&mut self, sighting: &Sighting<'_>) {
        let (at, resource) = (sighting.at_micros, sighting.resource.resource);
        if self.successes == 0 {
            self.first_micros = at;
        }
        self.last_micros = at;
        self.successes += 1;
        if resource == 0 {
            return;
        }
        if let Some(known) = self.resources.iter_mut().find(|(known, _)| *known == resource) {
            known.1 = at;
            return;
        }
        if self.resources.len() >= RESOURCES_MAX {
            let ages = self.resources.iter().enumerate();
            if let Some((oldest, _)) = ages.min_by_key(|(_, (key, at))| (*at, *key)) {
                self.resources.swap_remove(oldest);
            }
        }
        self.resources.push((resource, at));
    }
}

/// Successes after which an agent has ways of its own.
pub(super) const SUCCESSES_MIN: u64 = 20;
