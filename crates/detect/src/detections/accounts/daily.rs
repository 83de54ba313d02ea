//! What one subject did on a UTC day: for findings of which there is one a day.

use durward_model::time::DAY_MICROS;
use serde::{Deserialize, Serialize};

use crate::finding::{EVENTS_MAX, EventRef, Finding, Level};
use crate::keyed::Touched;
use crate::sighting::Sighting;
use crate::window::Recent;

/// The sign-ins of a day that count.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Daily {
    day: i64,
    /// The highest level of the day.
    pub(super) level: Level,
    /// Sign-ins that day.
    pub(super) count: u64,
    told: u64,
    events: Recent<EventRef>,
}

impl Touched for Daily {
    fn touched_micros(&self) -> i64 {
        self.events.last_micros()
    }
}

impl Daily {
    /// Counts a sign-in. `true` when the day is worth telling: at its first sign-in, when the
    /// level rises, and whenever their number has doubled.
    pub(super) fn count(&mut self, sighting: &Sighting<'_>, level: Level) -> bool {
        let day = sighting.at_micros.div_euclid(DAY_MICROS);
        if self.count == 0 || day != self.day {
            *self = Daily { day, ..Daily::default() };
        }
        self.count += 1;
        let event = EventRef::of(sighting);
        self.events.push(sighting.at_micros, event, DAY_MICROS, EVENTS_MAX);
        let is_news = self.told == 0 || level > self.level || self.count >= 2 * self.told;
        self.level = self.level.max(level);
        if is_news {
            self.told = self.count;
        }
        is_news
    }

    /// Sign-ins so far on the day of an instant.
    pub(super) fn count_on(&self, at_micros: i64) -> u64 {
        if at_micros.div_euclid(DAY_MICROS) == self.day { self.count } else { 0 }
    }

    /// What tells this day's finding from those of other days.
    pub(super) fn occurrence(&self) -> [u8; 8] {
        self.day.to_le_bytes()
    }

    /// The finding, resting on all sign-ins of the day.
    pub(super) fn rest(&self, finding: Finding) -> Finding {
        let events: Vec<EventRef> = self.events.iter().map(|(_, event)| *event).collect();
        let risky = events.iter().map(|event| event.id).collect();
        finding.resting_on(events, self.count, risky)
    }
}
