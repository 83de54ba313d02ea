//! Failures counted over a UTC day.

use durward_model::time::DAY_MICROS;
use serde::{Deserialize, Serialize};

use crate::finding::{EVENTS_MAX, EventRef, Finding};
use crate::keyed::Touched;
use crate::sighting::Sighting;
use crate::window::Recent;

/// Users told apart on a day.
const USERS_MAX: usize = 200;

/// Failures of a day.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Tally {
    day: i64,
    events: u64,
    users: Vec<u64>,
    latest: Recent<EventRef>,
}

impl Touched for Tally {
    fn touched_micros(&self) -> i64 {
        self.latest.last_micros()
    }
}

impl Tally {
    /// Counts a failure. `true` when `least` are reached, and at each doubling of it.
    pub(super) fn count(&mut self, sighting: &Sighting<'_>, least: u64) -> bool {
        let day = sighting.at_micros.div_euclid(DAY_MICROS);
        if self.day != day {
            *self = Tally { day, ..Tally::default() };
        }
        self.events += 1;
        if self.users.len() < USERS_MAX && !self.users.contains(&sighting.user) {
            self.users.push(sighting.user);
        }
        self.latest.push(sighting.at_micros, EventRef::of(sighting), DAY_MICROS, EVENTS_MAX);
        let least = least.max(1);
        self.events.is_multiple_of(least) && (self.events / least).is_power_of_two()
    }

    pub(super) fn events(&self) -> u64 {
        self.events
    }

    /// `12 users`, as far as they are told apart.
    pub(super) fn users_in_words(&self) -> String {
        match self.users.len() {
            1 => "1 user".to_owned(),
            USERS_MAX => format!("{USERS_MAX} users or more"),
            many => format!("{many} users"),
        }
    }

    /// The finding, resting on the failures of the day.
    pub(super) fn rest(&self, finding: Finding) -> Finding {
        let events: Vec<EventRef> = self.latest.iter().map(|(_, event)| *event).collect();
        let risky = events.iter().map(|event| event.id).collect();
        finding.resting_on(events, self.events, risky)
    }
}
