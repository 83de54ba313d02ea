//! Non-interactive sign-ins: programs that renew their tokens, a burst at a time.

use super::{Actor, Machine, Planned, Steps, Suspicion, device_of, flag};
use crate::apps::app;
use crate::dice::Dice;
use crate::moment::SECOND;
use crate::networks::Origin;
use crate::outcomes::Outcome;
use crate::policies::Risk;
use crate::tenant::Tenant;

/// A device whose programs hold tokens of one session.
#[derive(Clone, Copy)]
pub(crate) struct Holder {
    pub(crate) person: u32,
    pub(crate) device: u8,
    pub(crate) origin: Origin,
    pub(crate) session: u64,
}

const ON_COMPUTERS: &[u16] = &[
    app::TEAMS,
    app::TEAMS,
    app::TEAMS,
    app::OFFICE,
    app::OFFICE,
    app::ONEDRIVE,
    app::ONEDRIVE,
    app::BROKER,
    22,
];
const ON_PHONES: &[u16] = &[app::OUTLOOK_MOBILE, app::OUTLOOK_MOBILE, app::TEAMS, app::BROKER, 23];

/// Adds a burst of renewals that begins at `at`.
pub(crate) fn renew(
    tenant: &Tenant,
    dice: &mut Dice,
    holder: Holder,
    at: i64,
    count: u32,
    out: &mut Vec<Planned>,
) {
    let person = &tenant.people[holder.person as usize];
    let machine = Machine::Own(holder.device);
    let device = device_of(tenant, Actor::Person(holder.person), machine);
    let phone = device.is_some_and(|device| device.platform.is_phone());
    let joined = device.is_some_and(|device| device.is_known());
    let shared = dice.bits();
    let mut at = at;
    for _ in 0..count {
        let app = *dice.pick(if phone { ON_PHONES } else { ON_COMPUTERS });
        let context = tenant.context(person, device, app, holder.origin, Risk::None);
        let demands = tenant.policies.demands(&context);
        let outcome =
            if demands.block { Outcome::Blocked } else { ending(dice, demands.frequency) };
        let recorded = outcome == Outcome::Success && dice.chance(80);
        let nonce = dice.bits();
        let primary = if joined && dice.chance(700) { flag::PRIMARY_TOKEN } else { 0 };
        let cae = if dice.chance(250) { flag::CAE } else { 0 };
        out.push(Planned {
            at,
            nonce,
            original: (at, nonce),
            correlation: if dice.chance(600) { shared } else { dice.bits() },
            session: holder.session,
            actor: Actor::Person(holder.person),
            origin: holder.origin,
            app,
            resource: *dice.pick(&tenant.apps[usize::from(app)].resources),
            machine,
            outcome,
            steps: if recorded { Steps::Claim } else { Steps::None },
            suspicion: Suspicion::None,
            flags: primary | cae,
        });
        at += dice.between(SECOND / 5, 20 * SECOND);
    }
}

/// How a renewal ends: nearly always well.
fn ending(dice: &mut Dice, frequency: bool) -> Outcome {
    if frequency && dice.chance(90) {
        return if dice.chance(600) { Outcome::FrequencySession } else { Outcome::FrequencyToken };
    }
    match dice.below(1000) {
        0..6 => Outcome::RevokedToken,
        6..10 => Outcome::InactiveToken,
        10..15 => Outcome::FrequencyToken,
        15..19 => Outcome::NoConsent,
        19..23 => Outcome::MfaRequired,
        23..26 => Outcome::NoSession,
        _ => Outcome::Success,
    }
}
