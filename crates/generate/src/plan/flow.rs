//! Interactive sign-ins: from the first prompt to the token, with what goes wrong on the way.

use super::{Actor, Machine, Planned, Steps, Suspicion, device_of, flag};
use crate::apps::AppKind;
use crate::dice::Dice;
use crate::moment::SECOND;
use crate::networks::Origin;
use crate::outcomes::Outcome;
use crate::people::PHANTOMS;
use crate::policies::Demands;
use crate::tenant::Tenant;

/// A person's attempt to sign in.
#[derive(Clone, Copy)]
pub(crate) struct Attempt {
    pub(crate) person: u32,
    pub(crate) machine: Machine,
    pub(crate) app: u16,
    pub(crate) origin: Origin,
    pub(crate) session: u64,
    pub(crate) at: i64,
    /// No earlier session can be used: password and, where asked, second factor.
    pub(crate) fresh: bool,
    pub(crate) suspicion: Suspicion,
}

impl Attempt {
    /// A record of this attempt at `at`.
    pub(crate) fn record(
        &self,
        tenant: &Tenant,
        dice: &mut Dice,
        correlation: u64,
        outcome: Outcome,
        steps: Steps,
    ) -> Planned {
        let resources = &tenant.apps[usize::from(self.app)].resources;
        let first = dice.chance(700);
        let resource = if first { resources[0] } else { *dice.pick(resources) };
        let nonce = dice.bits();
        Planned {
            at: self.at,
            nonce,
            original: (self.at, nonce),
            correlation,
            session: self.session,
            actor: Actor::Person(self.person),
            origin: self.origin,
            app: self.app,
            resource,
            machine: self.machine,
            outcome,
            steps,
            suspicion: self.suspicion,
            flags: flag::INTERACTIVE,
        }
    }

    /// What the policies ask of it.
    pub(crate) fn demands(&self, tenant: &Tenant) -> Demands {
        let person = &tenant.people[self.person as usize];
        let device = device_of(tenant, Actor::Person(self.person), self.machine);
        let risk = self.suspicion.during();
        tenant.policies.demands(&tenant.context(person, device, self.app, self.origin, risk))
    }
}

/// Adds the records of an attempt. Returns the time and correlation of the success, if it was one.
pub(crate) fn sign_in(
    tenant: &Tenant,
    dice: &mut Dice,
    mut attempt: Attempt,
    out: &mut Vec<Planned>,
) -> Option<(i64, u64)> {
    let correlation = dice.bits();
    let demands = attempt.demands(tenant);
    let first = out.len();
    let mut add = |dice: &mut Dice, attempt: &Attempt, outcome, steps| {
        out.push(attempt.record(tenant, dice, correlation, outcome, steps));
    };

    if attempt.fresh && dice.chance(25) {
        add(dice, &attempt, Outcome::NoSession, Steps::None);
        attempt.at += dice.between(SECOND, 4 * SECOND);
    }
    if dice.chance(if attempt.fresh { 90 } else { 15 }) {
        for _ in 0..=dice.below(2) {
            add(dice, &attempt, Outcome::WrongPassword, Steps::Wrong);
            attempt.at += dice.between(6 * SECOND, 25 * SECOND);
        }
    }
    if attempt.fresh && dice.chance(5) {
        // The name has a typing error.
        let person = tenant.people.len() as u32 - 1 - dice.below(PHANTOMS);
        let typo = Attempt { person, machine: Machine::Own(0), session: 0, ..attempt };
        add(dice, &typo, Outcome::UnknownUser, Steps::None);
        attempt.at += dice.between(6 * SECOND, 25 * SECOND);
    }
    if attempt.fresh && dice.chance(6) {
        add(dice, &attempt, Outcome::ExpiredPassword, Steps::Password);
        attempt.at += dice.between(60 * SECOND, 240 * SECOND);
    }
    let done = if attempt.fresh { Steps::PasswordMfa } else { Steps::Claim };
    if demands.block {
        add(dice, &attempt, Outcome::Blocked, done);
        return None;
    }
    if demands.compliant && !is_compliant(tenant, &attempt) {
        add(dice, &attempt, Outcome::DeviceNotCompliant, done);
        return None;
    }
    if attempt.fresh && demands.mfa {
        second_factor(dice, &mut attempt, &mut add);
    }
    if let Some(failure) = application_trouble(tenant, dice, attempt.app) {
        add(dice, &attempt, failure, done);
        if failure != Outcome::NoConsent || dice.chance(500) {
            return None;
        }
        attempt.at += dice.between(10 * SECOND, 60 * SECOND);
    }
    if attempt.fresh && dice.chance(110) {
        add(dice, &attempt, Outcome::StaySignedIn, done);
        attempt.at += dice.between(2 * SECOND, 9 * SECOND);
    }
    let steps = match (attempt.fresh, demands.mfa) {
        (true, false) => Steps::Password,
        _ => done,
    };
    add(dice, &attempt, Outcome::Success, steps);
    name_original(dice, &mut out[first..]);
    Some((attempt.at, correlation))
}

/// In a few flows the last request names the first as its original.
fn name_original(dice: &mut Dice, records: &mut [Planned]) {
    if let [first, .., last] = records
        && dice.chance(300)
    {
        last.original = (first.at, first.nonce);
    }
}

/// The interrupts on the way to the second factor; the success that follows is the caller's.
fn second_factor(
    dice: &mut Dice,
    attempt: &mut Attempt,
    add: &mut impl FnMut(&mut Dice, &Attempt, Outcome, Steps),
) {
    if dice.chance(350) {
        let asked = if dice.chance(750) { Outcome::MfaInterrupt } else { Outcome::MfaRequired };
        add(dice, attempt, asked, Steps::Pending);
        attempt.at += dice.between(8 * SECOND, 45 * SECOND);
    }
    if dice.chance(30) {
        add(dice, attempt, Outcome::MfaTimeout, Steps::Refused);
        attempt.at += dice.between(30 * SECOND, 90 * SECOND);
    }
}

fn is_compliant(tenant: &Tenant, attempt: &Attempt) -> bool {
    device_of(tenant, Actor::Person(attempt.person), attempt.machine)
        .is_some_and(|device| device.compliant)
}

fn application_trouble(tenant: &Tenant, dice: &mut Dice, app: u16) -> Option<Outcome> {
    let app = &tenant.apps[usize::from(app)];
    if app.kind != AppKind::Web || app.owner == crate::apps::Owner::Microsoft {
        return None;
    }
    match dice.below(1000) {
        0..8 => Some(Outcome::NoConsent),
        8..11 => Some(Outcome::DeclinedConsent),
        11..25 => Some(Outcome::NotAssigned),
        _ => None,
    }
}
