//! Sign-ins of one campaign, so that it stays one finding however long it goes on.

use durward_model::Id;
use serde::{Deserialize, Serialize};

use crate::finding::{EVENTS_MAX, EventRef, Finding, Level};
use crate::keyed::Touched;

/// So many risky sign-ins are told one by one; beyond that, at each doubling.
const TOLD_SINGLY: u64 = 8;

/// The sign-ins of a run: risky ones, and those that they are compared with.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Run {
    first: Option<Id>,
    last_micros: i64,
    events: Vec<EventRef>,
    risky: Vec<Id>,
    count: u64,
    risky_count: u64,
    level: Level,
}

impl Touched for Run {
    fn touched_micros(&self) -> i64 {
        self.last_micros
    }
}

impl Run {
    /// Adds a risky sign-in and what it is compared with; after a pause longer than
    /// `pause_micros` another run begins. `true` when there is something new worth telling.
    pub(super) fn add(
        &mut self,
        risky: EventRef,
        beside: Option<EventRef>,
        level: Level,
        at_micros: i64,
        pause_micros: i64,
    ) -> bool {
        if self.first.is_none() || at_micros - self.last_micros > pause_micros {
            *self = Run { first: Some(risky.id), level, ..Run::default() };
        }
        self.last_micros = at_micros;
        if let Some(event) = beside {
            self.keep(event);
        }
        let is_new = self.keep(risky);
        if !self.risky.contains(&risky.id) {
            drop_first(&mut self.risky);
            self.risky.push(risky.id);
            self.risky_count += 1;
        }
        let is_worse = level > self.level;
        let is_milestone = self.risky_count <= TOLD_SINGLY || self.risky_count.is_power_of_two();
        let is_as_bad = level == self.level;
        self.level = self.level.max(level);
        is_worse || (is_new && is_as_bad && is_milestone)
    }

    fn keep(&mut self, event: EventRef) -> bool {
        let is_new = !self.events.contains(&event);
        if is_new {
            drop_first(&mut self.events);
            self.events.push(event);
            self.count += 1;
        }
        is_new
    }

    /// Risky sign-ins so far.
    pub(super) fn risky_count(&self) -> u64 {
        self.risky_count
    }

    /// What tells this run from others about the same subject.
    pub(super) fn occurrence(&self) -> [u8; 16] {
        self.first.map_or([0; 16], |Id(id)| id)
    }

    /// The finding, resting on all sign-ins of the run.
    pub(super) fn rest(&self, finding: Finding) -> Finding {
        let mut events = self.events.clone();
        events.sort_unstable();
        let is_kept = |id: &&Id| events.iter().any(|event| event.id == **id);
        let risky = self.risky.iter().filter(is_kept).copied().collect();
        finding.resting_on(events, self.count, risky)
    }
}

fn drop_first<T>(list: &mut Vec<T>) {
    if list.len() >= EVENTS_MAX {
        list.remove(0);
    }
}
