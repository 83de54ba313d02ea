//! How each kind of attack goes.

mod passwords;

use super::attacks::{Attack, Story};
use super::flow::Attempt;
use super::{Actor, Machine, Planned, Steps, Suspicion, flag, people, workloads};
use crate::apps::{app, resource};
use crate::dice::Dice;
use crate::moment::{DAY, HOUR, MINUTE, SECOND};
use crate::networks::{HOSTILE_HOSTS, NetworkKind, Origin};
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
        Attack::SlowSpray => teller.slow_spray(),
        Attack::DistributedSpray => teller.distributed_spray(),
        Attack::UserEnumeration => teller.enumeration(),
        Attack::WorkloadCredential => teller.workload(),
        Attack::AdversaryInTheMiddle => teller.adversary_in_the_middle(),
    }
    teller.story
}

/// Draws until something suits.
const TRIES: u32 = 50;

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
        self.story.victim = number.map(Actor::Person);
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
        Origin { kind: NetworkKind::Hostile, city, host: self.dice.below(HOSTILE_HOSTS) }
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
        self.story.victim = Some(Actor::Person(victim));
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

    /// Somebody has given a service principal a further secret, and uses it.
    fn workload(&mut self) {
        let count = self.tenant.principals.len() as u32;
        let number = self.dice.below(count) as u16;
        let Some(principal) = self.tenant.principals.get(usize::from(number)) else { return };
        let actor = Actor::Principal(number);
        let Some(usual) = principal.egress.first() else { return };
        let abroad = |origin: &Origin| origin.city().country != usual.city().country;
        let Some(origin) = (0..TRIES).map(|_| self.lair(usual.city, 2000.0)).find(abroad) else {
            return;
        };
        let mut at = self.day * DAY + self.dice.between(HOUR, 20 * HOUR);
        let session = self.dice.bits() | 1;
        for _ in 0..self.dice.between(6, 14) {
            let to = *self.dice.pick(&[resource::GRAPH, resource::EXCHANGE, resource::GRAPH]);
            let success = Outcome::Success;
            let mut record = workloads::record(self.dice, actor, at, origin, to, success, session);
            record.flags |= flag::STOLEN_CREDENTIAL;
            self.story.hostile.push(record);
            at += self.dice.between(20 * SECOND, 8 * MINUTE);
        }
        self.story.victim = Some(actor);
    }

    /// The victim signs in through the attacker's server, which keeps the session and hands it on.
    fn adversary_in_the_middle(&mut self) {
        let Some(victim) = self.victim() else { return };
        let at = self.office_hours(victim);
        let city = self.tenant.people[victim as usize].city;
        let relay = self.lair(city, 300.0);
        let mut attempt = self.attempt(victim, app::OFFICE_HOME, relay, at);
        let asked = self.hostile(&attempt, Outcome::MfaInterrupt, Steps::Pending).correlation;
        attempt.at += self.dice.between(12 * SECOND, 50 * SECOND);
        // One attempt: its parts have one correlation identifier.
        self.hostile(&attempt, Outcome::Success, Steps::PasswordMfa).correlation = asked;
        let mut thief = attempt;
        let elsewhere = |origin: &Origin| origin.autonomous_system() != relay.autonomous_system();
        let lairs = (0..TRIES).map(|_| self.lair(city, 1500.0));
        thief.origin = { lairs }.find(elsewhere).unwrap_or(relay);
        thief.at += self.dice.between(2 * MINUTE, 40 * MINUTE);
        self.harvest(thief, app::OUTLOOK_WEB, 6);
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
