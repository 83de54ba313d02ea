//! Which attack happens when, and the labels that tell.
//!
//! Every day has at least one attack; the kinds take turns, so any twelve days hold all of them.

use super::{Actor, Planned, stories};
use crate::dice::{Dice, Topic};
use crate::moment::Moment;
use crate::tenant::Tenant;
use std::ops::Range;

/// A kind of attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Attack {
    /// A few passwords tried on many accounts.
    PasswordSpray,
    /// Many passwords tried on one account until it locks.
    BruteForce,
    /// Two successes of one person too far apart for the time between.
    ImpossibleTravel,
    /// Second-factor requests until the person gives in.
    MfaFatigue,
    /// Guessing through a mail protocol that knows no second factor.
    LegacyProtocol,
    /// A person enters a device code that an attacker sent.
    DeviceCode,
    /// A stolen session used from elsewhere.
    TokenReplay,
    /// One address that tries one password on each account, over two days.
    SlowSpray,
    /// Many addresses with one program that try one password on each account, within minutes.
    DistributedSpray,
    /// Names of accounts tried from one address to learn which exist.
    UserEnumeration,
    /// A service principal used from a new country with a new secret.
    WorkloadCredential,
    /// A person signs in through an attacker's server, and the session is used from elsewhere.
    AdversaryInTheMiddle,
}

impl Attack {
    /// All kinds, in the order in which they take turns.
    pub const ALL: [Attack; 12] = [
        Attack::PasswordSpray,
        Attack::BruteForce,
        Attack::ImpossibleTravel,
        Attack::MfaFatigue,
        Attack::LegacyProtocol,
        Attack::DeviceCode,
        Attack::TokenReplay,
        Attack::SlowSpray,
        Attack::DistributedSpray,
        Attack::UserEnumeration,
        Attack::WorkloadCredential,
        Attack::AdversaryInTheMiddle,
    ];
}

/// What is known of an attack among the events; never part of the records.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Label {
    /// The kind.
    pub attack: Attack,
    /// Identifiers of the attacker's requests, in order of time.
    pub request_ids: Vec<String>,
    /// Identifiers of requests by the rightful person that the attack shows against (the sign-in
    /// at home of an impossible journey, the session that was stolen).
    pub context_ids: Vec<String>,
    /// Principal name of the victim, or the name of the service principal; absent where there are
    /// many and none gave in.
    pub user: Option<String>,
    /// Time of the first request, the rightful ones included.
    pub from: Moment,
    /// Time of the last.
    pub to: Moment,
}

impl serde::Serialize for Moment {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An attack as planned.
#[derive(Default)]
pub(crate) struct Story {
    pub(crate) hostile: Vec<Planned>,
    pub(crate) rightful: Vec<Planned>,
    pub(crate) victim: Option<Actor>,
}

/// Adds the records of the attacks of a day.
pub(crate) fn day(tenant: &Tenant, day: i64, out: &mut Vec<Planned>) {
    for (_, story) in stories_of(tenant, day) {
        out.extend(story.hostile);
        out.extend(story.rightful);
    }
}

/// The labels of the attacks with requests in `range`, only of those requests, in order of time.
pub(crate) fn labels(tenant: &Tenant, range: &Range<Moment>) -> Vec<Label> {
    if range.is_empty() {
        return Vec::new();
    }
    let ids = |records: &[Planned]| -> Vec<String> {
        let mut inside: Vec<&Planned> =
            records.iter().filter(|record| range.contains(&Moment(record.at))).collect();
        inside.sort_by_key(|record| record.order());
        inside.iter().map(|record| record.id(tenant.seed).to_string()).collect()
    };
    let mut labels = Vec::new();
    for day in range.start.day() - 1..=range.end.day() + 1 {
        for (attack, story) in stories_of(tenant, day) {
            let request_ids = ids(&story.hostile);
            let inside = story.hostile.iter().chain(&story.rightful).map(|r| Moment(r.at));
            let inside: Vec<Moment> = inside.filter(|at| range.contains(at)).collect();
            let (Some(from), Some(to)) = (inside.iter().min(), inside.iter().max()) else {
                continue;
            };
            if request_ids.is_empty() {
                continue;
            }
            let name = |actor: Actor| match actor {
                Actor::Person(number) => tenant.people[number as usize].principal_name.clone(),
                Actor::Principal(number) => tenant.principals[usize::from(number)].name.clone(),
                Actor::Identity(number) => tenant.identities[usize::from(number)].name.clone(),
            };
            labels.push(Label {
                attack,
                request_ids,
                context_ids: ids(&story.rightful),
                user: story.victim.map(name),
                from: *from,
                to: *to,
            });
        }
    }
    labels.sort_by_key(|label| (label.from, label.attack));
    labels
}

fn stories_of(tenant: &Tenant, day: i64) -> impl Iterator<Item = (Attack, Story)> + '_ {
    /// A tenant has one attack a day, and one more for every so many people.
    const PEOPLE_PER_ATTACK: u32 = 2500;
    /// No kind twice a day: without a common factor with the number of kinds.
    const STEP: i64 = 5;
    let count = (1 + tenant.options.users / PEOPLE_PER_ATTACK).min(8);
    (0..i64::from(count)).map(move |turn| {
        let kinds = Attack::ALL.len() as i64;
        let turns = (day + turn * STEP).rem_euclid(kinds) as usize;
        let attack = match Attack::ALL[turns] {
            Attack::WorkloadCredential if tenant.principals.is_empty() => Attack::PasswordSpray,
            attack => attack,
        };
        let mut dice = Dice::new(tenant.seed, Topic::Attack, day as u64, turn as u64);
        (attack, stories::tell(tenant, &mut dice, attack, day))
    })
}
