//! The days of service principals and managed identities: the same rhythm around the clock.

use super::{Actor, Machine, Planned, Steps, Suspicion};
use crate::dice::{Dice, Topic};
use crate::moment::{DAY, MINUTE, SECOND};
use crate::networks::Origin;
use crate::outcomes::Outcome;
use crate::tenant::Tenant;

/// Every so many days, a secret that nobody renewed fails for two days.
const EXPIRY_CYCLE_DAYS: i64 = 23;

/// Adds a service principal's day (UTC).
pub(crate) fn principal_day(tenant: &Tenant, number: u16, day: i64, out: &mut Vec<Planned>) {
    let principal = &tenant.principals[usize::from(number)];
    let mut dice = Dice::new(tenant.seed, Topic::WorkloadDay, u64::from(number), day as u64);
    let secret = principal.credential == crate::workloads::Credential::Secret;
    let expired = secret
        && (day + i64::from(number) * 7).rem_euclid(EXPIRY_CYCLE_DAYS) < 2
        && number.is_multiple_of(5);
    let session = dice.bits() | 1;
    let mut at = day * DAY + i64::from(number) * 13 * SECOND;
    while at < (day + 1) * DAY {
        let outcome = match dice.below(10_000) {
            _ if expired => Outcome::ExpiredSecret,
            0..8 if secret => Outcome::WrongSecret,
            8..12 => Outcome::NoResource,
            _ => Outcome::Success,
        };
        let origin = *dice.pick(&principal.egress);
        for resource in &principal.resources {
            let at = at + dice.between(0, 3 * SECOND);
            let actor = Actor::Principal(number);
            out.push(record(&mut dice, actor, at, origin, *resource, outcome, session));
        }
        at += principal.period_minutes * MINUTE + dice.between(-2 * SECOND, 2 * SECOND);
    }
}

/// Adds a managed identity's day (UTC).
pub(crate) fn identity_day(tenant: &Tenant, number: u16, day: i64, out: &mut Vec<Planned>) {
    let identity = &tenant.identities[usize::from(number)];
    let mut dice =
        Dice::new(tenant.seed, Topic::WorkloadDay, 1 << 32 | u64::from(number), day as u64);
    let mut at = day * DAY + i64::from(number) * 41 * SECOND;
    while at < (day + 1) * DAY {
        for resource in &identity.resources {
            let at = at + dice.between(0, 5 * SECOND);
            let actor = Actor::Identity(number);
            let origin = Origin::NOWHERE;
            out.push(record(&mut dice, actor, at, origin, *resource, Outcome::Success, 0));
        }
        at += identity.period_minutes * MINUTE + dice.between(0, 20 * SECOND);
    }
}

/// A record of a workload.
pub(crate) fn record(
    dice: &mut Dice,
    actor: Actor,
    at: i64,
    origin: Origin,
    resource: u16,
    outcome: Outcome,
    session: u64,
) -> Planned {
    let nonce = dice.bits();
    Planned {
        at,
        nonce,
        original: (at, nonce),
        correlation: dice.bits(),
        session,
        actor,
        origin,
        app: 0,
        resource,
        machine: Machine::Script,
        outcome,
        steps: Steps::None,
        suspicion: Suspicion::None,
        flags: 0,
    }
}
