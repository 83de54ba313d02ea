//! Guessing: sprays, brute force, enumeration.

use super::Teller;
use crate::apps::app;
use crate::moment::{DAY, HOUR, MINUTE, SECOND};
use crate::networks::{NetworkKind, Origin};
use crate::outcomes::Outcome;
use crate::people::PHANTOMS;
use crate::places::CITIES;
use crate::plan::flow::Attempt;
use crate::plan::{Actor, Machine, Steps, Suspicion};

impl Teller<'_> {
    pub(super) fn spray(&mut self) {
        let members = self.tenant.options.users;
        let targets = members.min(self.dice.between(60, 140) as u32);
        let origin = self.lair(self.tenant.offices[0], 3000.0);
        let mut at = self.day * DAY + self.dice.between(HOUR, 20 * HOUR);
        let first = self.dice.below(members);
        let hit = self.dice.chance(600).then(|| self.dice.below(targets));
        for number in 0..targets {
            let source = Origin { host: origin.host + number % 4, ..origin };
            let attempt = self.attempt((first + number) % members, app::OFFICE_HOME, source, at);
            self.guess(attempt, hit == Some(number));
            at += self.dice.between(6 * SECOND, 30 * SECOND);
        }
    }

    /// One try an account and only a few an hour, over two days.
    pub(super) fn slow_spray(&mut self) {
        let members = self.tenant.options.users;
        let targets = members.min(self.dice.between(130, 220) as u32);
        let origin = self.lair(self.tenant.offices[0], 2000.0);
        let pause = 44 * HOUR / i64::from(targets);
        let mut at = self.day * DAY + self.dice.between(MINUTE, HOUR);
        let first = self.dice.below(members);
        let hit = self.dice.chance(500).then(|| self.dice.below(targets));
        for number in 0..targets {
            let attempt = self.attempt((first + number) % members, app::OFFICE_HOME, origin, at);
            self.guess(attempt, hit == Some(number));
            at += self.dice.between(pause * 3 / 4, pause);
        }
    }

    /// Each try from another captured computer, all with one program, within minutes.
    pub(super) fn distributed_spray(&mut self) {
        let members = self.tenant.options.users;
        let targets = members.min(self.dice.between(60, 140) as u32);
        let mut at = self.day * DAY + self.dice.between(HOUR, 20 * HOUR);
        let first = self.dice.below(members);
        let first_host = self.dice.below(16_000);
        let hit = self.dice.chance(500).then(|| self.dice.below(targets));
        let scripted = self.dice.chance(500);
        for number in 0..targets {
            let host = first_host + number * 11;
            // An address stays where it is.
            let city = (host % CITIES.len() as u32) as u8;
            let origin = Origin { kind: NetworkKind::Captured, city, host };
            let person = (first + number) % members;
            let attempt = self.attempt(person, app::OFFICE_HOME, origin, at);
            let machine = if scripted { Machine::Script } else { Machine::Stranger };
            self.guess(Attempt { machine, ..attempt }, hit == Some(number));
            at += self.dice.between(SECOND, 8 * SECOND);
        }
    }

    /// Names that might exist, from one address; a few do.
    pub(super) fn enumeration(&mut self) {
        let people = self.tenant.people.len() as u32;
        let origin = self.lair(self.tenant.offices[0], 1500.0);
        let mut at = self.day * DAY + self.dice.between(HOUR, 20 * HOUR);
        let first = self.dice.below(PHANTOMS);
        for number in 0..self.dice.between(70, 150) as u32 {
            let exists = self.dice.chance(100);
            let phantom = people - PHANTOMS + (first + number) % PHANTOMS;
            let member = self.dice.below(self.tenant.options.users);
            let person = if exists { member } else { phantom };
            let attempt = self.attempt(person, app::OFFICE_HOME, origin, at);
            if exists {
                self.hostile(&attempt, Outcome::WrongPassword, Steps::Wrong);
            } else {
                self.hostile(&attempt, Outcome::UnknownUser, Steps::None);
            }
            at += self.dice.between(2 * SECOND, 15 * SECOND);
        }
    }

    /// One password tried; is it the `right` one?
    fn guess(&mut self, attempt: Attempt, right: bool) {
        if !right {
            let outcome = match self.dice.below(100) {
                0..3 => Outcome::Locked,
                3..5 => Outcome::Disabled,
                _ => Outcome::WrongPassword,
            };
            self.hostile(&attempt, outcome, Steps::Wrong);
            return;
        }
        let asks = attempt.demands(self.tenant);
        let (outcome, steps) = if asks.block {
            (Outcome::Blocked, Steps::Password)
        } else {
            (Outcome::MfaInterrupt, Steps::Pending)
        };
        let attempt = Attempt { suspicion: Suspicion::Spray, ..attempt };
        self.hostile(&attempt, outcome, steps);
        self.story.victim = Some(Actor::Person(attempt.person));
    }

    pub(super) fn brute_force(&mut self) {
        let Some(victim) = self.victim() else { return };
        let city = self.tenant.people[victim as usize].city;
        let origin = self.lair(city, 1500.0);
        let at = self.day * DAY + self.dice.between(HOUR, 21 * HOUR);
        let mut attempt = self.attempt(victim, app::OUTLOOK_WEB, origin, at);
        for _ in 0..self.dice.between(35, 60) {
            self.hostile(&attempt, Outcome::WrongPassword, Steps::Wrong);
            attempt.at += self.dice.between(3 * SECOND, 9 * SECOND);
        }
        for _ in 0..self.dice.between(10, 20) {
            self.hostile(&attempt, Outcome::Locked, Steps::Wrong);
            attempt.at += self.dice.between(5 * SECOND, 20 * SECOND);
        }
    }
}
