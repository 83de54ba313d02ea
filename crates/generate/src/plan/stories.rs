//! How each kind of attack goes.

use super::attacks::{Attack, Story};
use super::flow::Attempt;
use super::{Machine, Planned, Steps, Suspicion, flag, people};
use crate::apps::{app, resource};
use crate::dice::Dice;
use crate::moment::{DAY, HOUR, MINUTE, SECOND};
use crate::networks::{NetworkKind, Origin};
use crate::outcomes::Outcome;
use crate::people::PersonKind;
use crate::places::CITIES;
use crate::policies::{Where, group};
use crate::tenant::{Stay, Tenant};

/// Plans one attack. Empty where the tenant has nobody to attack that way.
pub(crate) fn tell(tenant: &Tenant, dice: &mut Dice, attack: Attack, day: i64) -> Story {
    let mut teller = Teller { tenant, dice, day, story: Story::default() };
    match attack {
        Attack::PasswordSpray => teller.spray(),
        Attack::BruteForce => teller.brute_force(),
        Attack::ImpossibleTravel => teller.impossible_travel(),
        Attack::MfaFatigue => teller.fatigue(),
        Attack::LegacyProtocol => teller.legacy_protocol(),
        Attack::DeviceCode => teller.device_code(),
        Attack::TokenReplay => teller.token_replay(),
    }
    teller.story
}

struct Teller<'t> {
    tenant: &'t Tenant,
    dice: &'t mut Dice,
    day: i64,
    story: Story,
}

impl Teller<'_> {
    /// A person at home on that day, whose usual place policies do not block.
    fn victim(&mut self) -> Option<u32> {
        let (tenant, day) = (self.tenant, self.day);
        let number = tenant.victim(self.dice, |number, person| {
            tenant.stay(number, person, day) == Stay::Home && person.groups & group::ADMIN == 0
        });
        self.story.victim = number;
        number
    }

    /// A time during the victim's working day.
    fn office_hours(&mut self, victim: u32) -> i64 {
        let city = self.tenant.people[victim as usize].city;
        let local = self.dice.between(10 * HOUR, 15 * HOUR);
        self.day * DAY - CITIES[usize::from(city)].offset_minutes * MINUTE + local
    }

    /// A network of an attacker, at least so far from the victim.
    fn lair(&mut self, from: u8, km: f64) -> Origin {
        let city = self.tenant.far_city(self.dice, from, km);
        Origin { kind: NetworkKind::Hostile, city, host: self.dice.below(500) }
    }

    /// The attacker's attempt against somebody.
    fn attempt(&mut self, person: u32, app: u16, origin: Origin, at: i64) -> Attempt {
        let session = self.dice.bits() | 1;
        Attempt {
            person,
            machine: Machine::Stranger,
            app,
            origin,
            session,
            at,
            fresh: true,
            suspicion: Suspicion::None,
        }
    }

    /// Adds a hostile record with a correlation of its own.
    fn hostile(&mut self, attempt: &Attempt, outcome: Outcome, steps: Steps) -> &mut Planned {
        let correlation = self.dice.bits();
        let record = attempt.record(self.tenant, self.dice, correlation, outcome, steps);
        let at = self.story.hostile.len();
        self.story.hostile.push(record);
        &mut self.story.hostile[at]
    }

    /// Adds a success of the rightful person on the first device, at home, in today's session.
    fn rightful(&mut self, person: u32, app: u16, at: i64) -> Attempt {
        let (session, _) = people::session(self.tenant, person, 0, self.day);
        let origin = self.tenant.people[person as usize].home;
        let mut attempt = self.attempt(person, app, origin, at);
        (attempt.session, attempt.machine, attempt.fresh) = (session, Machine::Own(0), false);
        let correlation = self.dice.bits();
        let (success, claim) = (Outcome::Success, Steps::Claim);
        let record = attempt.record(self.tenant, self.dice, correlation, success, claim);
        self.story.rightful.push(record);
        attempt
    }

    fn spray(&mut self) {
        let members = self.tenant.options.users;
        let targets = members.min(self.dice.between(60, 140) as u32);
        let origin = self.lair(self.tenant.offices[0], 3000.0);
        let mut at = self.day * DAY + self.dice.between(HOUR, 20 * HOUR);
        let first = self.dice.below(members);
        let hit = self.dice.chance(600).then(|| self.dice.below(targets));
        for number in 0..targets {
            let person = (first + number) % members;
            let source = Origin { host: origin.host + number % 4, ..origin };
            let attempt = self.attempt(person, app::OFFICE_HOME, source, at);
            let outcome = match self.dice.below(100) {
                _ if hit == Some(number) => Outcome::MfaInterrupt,
                0..3 => Outcome::Locked,
                3..5 => Outcome::Disabled,
                _ => Outcome::WrongPassword,
            };
            let guessed = outcome == Outcome::MfaInterrupt;
            let asks = attempt.demands(self.tenant);
            let (outcome, steps) = match (guessed, asks.block) {
                (true, false) => (outcome, Steps::Pending),
                (true, true) => (Outcome::Blocked, Steps::Password),
                (false, _) => (outcome, Steps::Wrong),
            };
            let attempt = Attempt {
                suspicion: if guessed { Suspicion::Spray } else { Suspicion::None },
                ..attempt
            };
            self.hostile(&attempt, outcome, steps);
            if guessed {
                self.story.victim = Some(person);
            }
            at += self.dice.between(6 * SECOND, 30 * SECOND);
        }
    }

    fn brute_force(&mut self) {
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

    fn impossible_travel(&mut self) {
        let Some(victim) = self.victim() else { return };
        let at = self.office_hours(victim);
        self.rightful(victim, app::OFFICE_HOME, at);
        let origin = self.lair(self.tenant.people[victim as usize].city, 3000.0);
        let later = at + self.dice.between(8 * MINUTE, 35 * MINUTE);
        let attempt = self.attempt(victim, app::OFFICE_HOME, origin, later);
        let attempt = Attempt { suspicion: Suspicion::Travel, ..attempt };
        self.hostile(&attempt, Outcome::Success, Steps::PasswordMfa);
        self.harvest(attempt, app::OUTLOOK_WEB, 4);
    }

    fn fatigue(&mut self) {
        let Some(victim) = self.victim() else { return };
        let city = self.tenant.people[victim as usize].city;
        let origin = self.lair(city, 1500.0);
        let local = self.dice.between(20 * HOUR, 22 * HOUR);
        let at = self.day * DAY - CITIES[usize::from(city)].offset_minutes * MINUTE + local;
        let mut attempt = self.attempt(victim, app::OFFICE_HOME, origin, at);
        for _ in 0..self.dice.between(12, 18) {
            let silent = self.dice.chance(200);
            let outcome = if silent { Outcome::MfaTimeout } else { Outcome::MfaDenied };
            self.hostile(&attempt, outcome, Steps::Refused);
            attempt.at += self.dice.between(9 * SECOND, 20 * SECOND);
        }
        self.hostile(&attempt, Outcome::Success, Steps::PasswordMfa);
        self.harvest(attempt, app::OUTLOOK_WEB, 3);
    }

    fn legacy_protocol(&mut self) {
        let tenant = self.tenant;
        let service: Vec<u32> = tenant.accounts_of(PersonKind::Service).collect();
        let origin = self.lair(tenant.offices[0], 2000.0);
        let mut at = self.day * DAY + self.dice.between(HOUR, 20 * HOUR);
        for _ in 0..self.dice.between(15, 30) {
            let person = self.dice.below(tenant.options.users);
            let attempt = self.attempt(person, app::MAIL, origin, at);
            let attempt = Attempt { machine: Machine::Mail, session: 0, ..attempt };
            self.hostile(&attempt, Outcome::WrongPassword, Steps::Wrong);
            at += self.dice.between(4 * SECOND, 40 * SECOND);
        }
        let excepted: Vec<u32> = service
            .into_iter()
            .filter(|&number| tenant.people[number as usize].groups & group::LEGACY_EXCEPTION != 0)
            .collect();
        let victim = *self.dice.pick(&excepted);
        self.story.victim = Some(victim);
        for _ in 0..3 {
            let attempt = self.attempt(victim, app::MAIL, origin, at);
            let attempt = Attempt { machine: Machine::Mail, session: 0, ..attempt };
            self.hostile(&attempt, Outcome::Success, Steps::Password);
            at += self.dice.between(MINUTE, 6 * MINUTE);
        }
    }

    fn device_code(&mut self) {
        let Some(victim) = self.victim() else { return };
        let at = self.office_hours(victim);
        let person = &self.tenant.people[victim as usize];
        let mut attempt = self.attempt(victim, app::BROKER, person.home, at);
        (attempt.machine, attempt.fresh) = (Machine::Own(0), false);
        for (outcome, seconds) in [(Outcome::ConfirmApp, 0), (Outcome::Success, 12)] {
            attempt.at += seconds * SECOND;
            let record = self.hostile(&attempt, outcome, Steps::Claim);
            record.flags |= flag::DEVICE_CODE | flag::FROM_DEVICE_CODE;
            record.resource = resource::GRAPH;
        }
        let origin = self.lair(person.city, 2500.0);
        let mut thief = Attempt { origin, machine: Machine::Script, ..attempt };
        for round in 0..self.dice.between(5, 9) {
            thief.at += self.dice.between(20 * SECOND, 4 * MINUTE);
            let to = if round % 3 == 1 { resource::EXCHANGE } else { resource::GRAPH };
            let to = if round == 0 { resource::DEVICE_REGISTRATION } else { to };
            let record = self.hostile(&thief, Outcome::Success, Steps::Claim);
            record.flags = flag::FROM_DEVICE_CODE;
            record.resource = to;
        }
    }

    fn token_replay(&mut self) {
        let Some(victim) = self.victim() else { return };
        let at = self.office_hours(victim);
        let own = self.rightful(victim, app::OFFICE_HOME, at);
        let origin = self.lair(own.origin.city, 2500.0);
        let suspicion = Suspicion::Token;
        let mut thief = Attempt { origin, machine: Machine::Stranger, suspicion, ..own };
        for _ in 0..self.dice.between(6, 14) {
            thief.at += self.dice.between(30 * SECOND, 5 * MINUTE);
            let apps = [app::OFFICE_HOME, app::OUTLOOK_WEB, app::OUTLOOK_WEB, app::AZURE_PORTAL];
            thief.app = *self.dice.pick(&apps);
            let record = self.hostile(&thief, Outcome::Success, Steps::Claim);
            record.flags = 0;
        }
    }

    /// What the attacker does with a session just won.
    fn harvest(&mut self, attempt: Attempt, app: u16, count: u32) {
        debug_assert_ne!(self.tenant.place(attempt.origin), Where::BlockedCountry);
        let mut attempt = Attempt { app, suspicion: Suspicion::None, ..attempt };
        for _ in 0..count {
            attempt.at += self.dice.between(10 * SECOND, 3 * MINUTE);
            let record = self.hostile(&attempt, Outcome::Success, Steps::Claim);
            record.flags = 0;
        }
    }
}
