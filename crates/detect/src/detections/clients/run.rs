//! Sign-ins that belong together, so that a campaign is one finding however long it goes on.

use std::collections::VecDeque;

use durward_model::Id;
use serde::{Deserialize, Serialize};

use crate::finding::{EVENTS_MAX, EventRef, Finding, Level};
use crate::keyed::Touched;
use crate::sighting::Sighting;

/// The first and the latest sign-ins of a run, how many there were, and what was told of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Run {
    first: Option<EventRef>,
    latest: VecDeque<EventRef>,
    count: u64,
    told_count: u64,
    told_level: Option<Level>,
}

impl Touched for Run {
    fn touched_micros(&self) -> i64 {
        self.last_micros()
    }
}

impl Run {
    /// Adds a sign-in. After a pause longer than `pause_micros` it begins another run.
    pub(super) fn add(&mut self, sighting: &Sighting<'_>, pause_micros: i64) {
        let event = EventRef::of(sighting);
        if self.first.is_some() && event.at_micros - self.last_micros() > pause_micros {
            *self = Run::default();
        }
        self.first.get_or_insert(event);
        self.count += 1;
        // The first is kept apart.
        if self.latest.len() >= EVENTS_MAX - 1 {
            self.latest.pop_front();
        }
        self.latest.push_back(event);
    }

    /// When its last sign-in was; the beginning of time for an empty run.
    pub(super) fn last_micros(&self) -> i64 {
        self.latest.back().map_or(i64::MIN, |event| event.at_micros)
    }

    /// When its first sign-in was.
    pub(super) fn first_micros(&self) -> i64 {
        self.first.map_or(i64::MAX, |event| event.at_micros)
    }

    /// How many sign-ins it has.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// How many of them were at or after an instant, as far as they are remembered.
    pub(super) fn since(&self, micros: i64) -> usize {
        self.latest.iter().filter(|event| event.at_micros >= micros).count()
    }

    /// Was anything told of it?
    pub(super) fn is_told(&self) -> bool {
        self.told_level.is_some()
    }

    /// Is there something new to tell: nothing was told yet, it became worse, or twice as long?
    pub(super) fn is_due(&self, level: Level) -> bool {
        self.told_level.is_none_or(|told| level > told) || self.count >= self.told_count * 2
    }

    /// The worst of what was told and this.
    pub(super) fn worst(&self, level: Level) -> Level {
        self.told_level.map_or(level, |told| told.max(level))
    }

    /// What tells this run from others about the same subject.
    pub(super) fn occurrence(&self) -> [u8; 16] {
        self.first.map_or([0; 16], |event| event.id.0)
    }

    /// Its sign-ins as far as they are remembered, the first among them.
    pub(super) fn events(&self) -> Vec<EventRef> {
        let rest = self.latest.iter().filter(|event| Some(**event) != self.first);
        self.first.iter().chain(rest).copied().collect()
    }

    /// The finding about it: rests on all its sign-ins, all of them the attacker's, beside which
    /// `beside` are evidence.
    pub(super) fn tell(&mut self, finding: Finding, beside: &[EventRef]) -> Finding {
        self.told_count = self.count;
        self.told_level = Some(self.worst(finding.level));
        let mut events = self.events();
        let risky: Vec<Id> = events.iter().map(|event| event.id).collect();
        events.extend(beside);
        finding.resting_on(events, self.count + beside.len() as u64, risky)
    }
}
