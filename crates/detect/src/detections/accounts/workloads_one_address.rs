//! One new address used by several workloads.

use durward_model::time::DAY_MICROS;
use serde::{Deserialize, Serialize};

use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::finding::{EventRef, Finding, Level, Subject};
use crate::keyed::{Keyed, State, Touched};
use crate::profile::Trait;
use crate::settings::Values;
use crate::sighting::Sighting;
use crate::window::Recent;

/// What it says about itself.
pub static ABOUT: About = About {
    id: "workloads-one-address",
    title: "Several workloads from one new address",
    summary: "An address that none of them had used before was used by several service principals: \
              somebody found a place where their secrets are kept.",
    risk_event_type: "suspiciousSignins",
    techniques: &["T1078.004", "T1552"],
    level: Level::Medium,
    timing: Timing::Offline,
    wants: Class::PRINCIPAL,
    inputs: &["servicePrincipalId", "ipAddress", "autonomousSystemNumber", "status/errorCode"],
    learning: "service principals known for less than 14 days do not count",
    method: &[
        "A sign-in of a service principal, successful or not, counts when its network (/24 or /48) \
         is new for that service principal.",
        "`workloads` different ones from one address within `window` are found.",
        "When the autonomous system is new for so many of them it is medium, else low: programs of \
         one provider move together.",
        "All sign-ins of one address less than `window` apart are one finding.",
    ],
    against: &["New build machines.", "A new gateway through which all programs go."],
    tuning: "List your own networks under `trusted_networks`.",
    response: &[
        "Ask the owners of the applications whether they moved.",
        "If not: replace the secrets of all of them, and look for the place that held them all.",
    ],
    parameters: &[
        Parameter {
            name: "workloads",
            meaning: "Service principals new at the address",
            default: 3.0,
            unit: Unit::Count,
            range: (2.0, 100.0),
        },
        Parameter {
            name: "window",
            meaning: "How far apart they may be",
            default: 24.0,
            unit: Unit::Hours,
            range: (1.0, 168.0),
        },
    ],
    is_on: true,
    alerts: true,
};

/// Addresses that are new for somebody, at a time.
const ADDRESSES_MAX: usize = 50_000;
/// Sign-ins remembered of an address, and workloads told apart.
const EVENTS_MAX: usize = 50;
const WORKLOADS_MAX: usize = 200;
/// A service principal watched for so long has usual networks.
const LEARNING_MICROS: i64 = 14 * DAY_MICROS;

/// A service principal at an address that is new for it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Newcomer {
    principal: u64,
    is_new_system: bool,
}

/// An address that is new for somebody.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Address {
    first: Option<EventRef>,
    last_micros: i64,
    newcomers: Vec<Newcomer>,
    events: Recent<EventRef>,
    count: u64,
    told: usize,
    level: Level,
}

impl Touched for Address {
    fn touched_micros(&self) -> i64 {
        self.last_micros
    }
}

#[derive(Debug)]
struct OneAddress {
    workloads: usize,
    window_micros: i64,
    addresses: Keyed<Address>,
}

/// Makes the detection.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(OneAddress {
        workloads: values.count("workloads"),
        window_micros: values.micros("window"),
        addresses: Keyed::new(ADDRESSES_MAX),
    })
}

impl Detection for OneAddress {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let (at, network) = (sighting.at_micros, sighting.network);
        if sighting.principal == 0 || sighting.address == 0 || network.is_trusted {
            return;
        }
        let Some(profile) = context.profiles.workload(sighting) else { return };
        if profile.age_micros(at) < LEARNING_MICROS
            || profile.knows(Trait::Prefix, network.prefix, at)
        {
            return;
        }
        let is_new_system = !profile.knows(Trait::Asn, u64::from(network.asn), at);
        let address = self.addresses.entry(sighting.address);
        let event = EventRef::of(sighting);
        if address.first.is_none() || at - address.last_micros > self.window_micros {
            *address = Address { first: Some(event), ..Address::default() };
        }
        (address.last_micros, address.count) = (at, address.count + 1);
        address.events.push(at, event, self.window_micros, EVENTS_MAX);
        let is_known = address.newcomers.iter().any(|one| one.principal == sighting.principal);
        if is_known || address.newcomers.len() >= WORKLOADS_MAX {
            return;
        }
        let principal = sighting.principal;
        address.newcomers.push(Newcomer { principal, is_new_system });
        self.judge(sighting, context);
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.addresses
    }
}

impl OneAddress {
    fn judge(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let least = self.workloads;
        let address = self.addresses.entry(sighting.address);
        let count = address.newcomers.len();
        let foreign = address.newcomers.iter().filter(|one| one.is_new_system).count();
        let level = if foreign >= least { Level::Medium } else { Level::Low };
        let is_news = level > address.level || count >= 2 * address.told;
        if count < least || !is_news {
            return;
        }
        (address.told, address.level) = (count, address.level.max(level));
        let sentence = format!(
            "{count} workloads signed in from {} in {}, which none of them had used before; {} is \
             the newest.",
            sighting.address_text(),
            sighting.place(),
            sighting.principal_name(),
        );
        let first = address.first.map_or(sighting.id, |first| first.id);
        let subject = Subject::address(sighting);
        let level = address.level;
        let mut finding = Finding::new(ABOUT.id, subject, level, sighting, &first.0, sentence)
            .fact("Workloads new at the address", format!("{count}; {least} are enough"))
            .fact("To which its autonomous system is new", foreign.to_string());
        if level == Level::Low {
            finding = finding.against("Most know this autonomous system: they may have moved.");
        }
        let events: Vec<EventRef> = address.events.iter().map(|(_, event)| *event).collect();
        let risky = events.iter().map(|event| event.id).collect();
        context.found(finding.resting_on(events, address.count, risky));
    }
}
