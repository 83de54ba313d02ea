//! A workload signs in from elsewhere, or otherwise than usual.

use durward_model::FieldId;
use durward_model::time::DAY_MICROS;
use serde::{Deserialize, Serialize};

use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::finding::{EventRef, Finding, Level, Subject};
use crate::keyed::{Keyed, State, Touched};
use crate::profile::{Profile, Trait};
use crate::settings::Values;
use crate::sighting::Sighting;

/// What it says about itself.
pub static ABOUT: About = About {
    id: "workload-suspicious-sign-in",
    title: "Suspicious sign-in of a workload",
    summary: "A service principal signed in from a country or network that is new for it, or with \
              another kind of credential, or for another resource. Programs rarely change their \
              ways; a stolen secret does.",
    risk_event_type: "suspiciousSignins",
    techniques: &["T1078.004", "T1098.001", "T1550.001"],
    level: Level::Medium,
    timing: Timing::Offline,
    wants: Class::PRINCIPAL,
    inputs: &[
        "servicePrincipalId",
        "autonomousSystemNumber",
        "location/countryOrRegion",
        "clientCredentialType",
        "servicePrincipalCredentialKeyId",
        "resourceId",
        "userAgent",
    ],
    learning: "`learning` days and `successes` successes of the service principal",
    method: &[
        "Each success is compared with what the service principal did before; of each property the \
         24 values used last are remembered.",
        "What is new adds points: country 2, autonomous system 2, kind of credential 2, credential \
         key 1, resource 1, user agent 1. New things of 24 hours are added up.",
        "A new country or autonomous system together with a new kind of credential, key or \
         resource is medium. A new country, system, kind of credential or resource alone is low.",
        "A new key or user agent alone is nothing: secrets are renewed and libraries updated. \
         Addresses are not compared, as hosting networks hand them out anew.",
        "New things less than 24 hours apart are one finding.",
    ],
    against: &["A move to another region or provider.", "A new version of the program."],
    tuning: "List your own networks under `trusted_networks`: from there everything is low.",
    response: &[
        "Ask the owner of the application whether it moved or got a new credential.",
        "If not: remove the credential, look in the audit log for who added it, and at what the \
         service principal did since.",
    ],
    parameters: &[
        Parameter {
            name: "learning",
            meaning: "A workload watched for so many days has usual ways",
            default: 3.0,
            unit: Unit::Days,
            range: (1.0, 60.0),
        },
        Parameter {
            name: "successes",
            meaning: "Successes after which it has",
            default: 20.0,
            unit: Unit::Count,
            range: (2.0, 10_000.0),
        },
    ],
    is_on: true,
    alerts: true,
};

/// Workloads with something new at a time.
const WORKLOADS_MAX: usize = 50_000;
/// Sign-ins with something new that are kept of one.
const EVENTS_MAX: usize = 50;

/// What can be new: the trait, its name, its points; whether it is a matter of the network or of
/// what the workload proves itself with and wants.
const NEWS: [(Trait, &str, u32, Kind); 6] = [
    (Trait::Country, "country", 2, Kind::Network),
    (Trait::Asn, "autonomous system", 2, Kind::Network),
    (Trait::Method, "kind of credential", 2, Kind::Purpose),
    (Trait::Credential, "credential key", 1, Kind::Key),
    (Trait::Resource, "resource", 1, Kind::Purpose),
    (Trait::UserAgent, "user agent", 1, Kind::Nothing),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Network,
    Purpose,
    /// Only together with a network.
    Key,
    /// Adds points only.
    Nothing,
}

/// What of a workload was new within a day.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct News {
    /// One bit for each of [`NEWS`].
    bits: u8,
    first: Option<EventRef>,
    last_micros: i64,
    /// Were they all from trusted networks?
    is_trusted: bool,
    events: Vec<EventRef>,
}

impl Touched for News {
    fn touched_micros(&self) -> i64 {
        self.last_micros
    }
}

impl News {
    fn has(&self, kind: Kind) -> bool {
        NEWS.iter().zip(0..).any(|((.., own), bit)| *own == kind && self.bits & 1 << bit != 0)
    }

    fn level(&self) -> Option<Level> {
        let (network, purpose) = (self.has(Kind::Network), self.has(Kind::Purpose));
        match (network, purpose || self.has(Kind::Key)) {
            (true, true) if !self.is_trusted => Some(Level::Medium),
            _ if network || purpose => Some(Level::Low),
            _ => None,
        }
    }
}

#[derive(Debug)]
struct WorkloadSuspicious {
    learning_micros: i64,
    successes: u64,
    workloads: Keyed<News>,
}

/// Makes the detection.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(WorkloadSuspicious {
        learning_micros: values.micros("learning"),
        successes: values.count("successes") as u64,
        workloads: Keyed::new(WORKLOADS_MAX),
    })
}

fn value(sighting: &Sighting<'_>, of: Trait) -> u64 {
    match of {
        Trait::Country => sighting.network.country,
        Trait::Asn => u64::from(sighting.network.asn),
        Trait::Method => sighting.workload.credential_type,
        Trait::Credential => sighting.workload.credential,
        Trait::Resource => sighting.resource.resource,
        Trait::UserAgent => sighting.device.user_agent,
        _ => 0,
    }
}

/// What of a sign-in is new, however long ago it was seen: some jobs run once a quarter. A trait
/// that the workload never had any value of says nothing.
fn news(sighting: &Sighting<'_>, profile: &Profile) -> u8 {
    let mut bits = 0;
    for ((of, ..), bit) in NEWS.iter().zip(0..) {
        let value = value(sighting, *of);
        let mut known = profile.values(*of).peekable();
        if value != 0 && known.peek().is_some() && !known.any(|one| one.value == value) {
            bits |= 1 << bit;
        }
    }
    bits
}

impl Detection for WorkloadSuspicious {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        if sighting.principal == 0 || !sighting.is(Class::SUCCESS) {
            return;
        }
        let at = sighting.at_micros;
        let Some(profile) = context.profiles.workload(sighting) else { return };
        if profile.successes < self.successes || profile.age_micros(at) < self.learning_micros {
            return;
        }
        let bits = news(sighting, profile);
        if bits == 0 {
            return;
        }
        let run = self.workloads.entry(sighting.principal);
        let event = EventRef::of(sighting);
        if run.first.is_none() || at - run.last_micros > DAY_MICROS {
            *run = News { first: Some(event), is_trusted: true, ..News::default() };
        }
        (run.bits, run.last_micros) = (run.bits | bits, at);
        run.is_trusted &= sighting.network.is_trusted;
        if run.events.len() < EVENTS_MAX {
            run.events.push(event);
        }
        if let Some(level) = run.level() {
            context.found(tell(run, level, sighting, profile.successes));
        }
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.workloads
    }
}

fn tell(run: &News, level: Level, sighting: &Sighting<'_>, successes: u64) -> Finding {
    let new = NEWS.iter().zip(0..).filter(|(_, bit)| run.bits & 1 << bit != 0);
    let new: Vec<(&str, u32)> = new.map(|((_, name, points, _), _)| (*name, *points)).collect();
    let names: Vec<&str> = new.iter().map(|(name, _)| *name).collect();
    let points: Vec<String> = new.iter().map(|(name, points)| format!("{name} {points}")).collect();
    let sum: u32 = new.iter().map(|(_, points)| points).sum();
    let sentence = format!(
        "The workload {} signed in from {} in a way that is new for it: {}.",
        sighting.principal_name(),
        sighting.place(),
        names.join(", "),
    );
    let first = run.first.map_or(sighting.id, |first| first.id);
    let subject = Subject::workload(sighting);
    let mut finding = Finding::new(ABOUT.id, subject, level, sighting, &first.0, sentence)
        .fact("New", format!("{} = {sum}", points.join(" + ")))
        .fact("Address", sighting.address_text())
        .fact("Resource", sighting.text(FieldId::ResourceDisplayName))
        .fact("Credential", sighting.text(FieldId::ClientCredentialType))
        .fact("Successes before", successes.to_string());
    if sighting.network.is_hosting {
        finding = finding.fact("Network", "of a hosting provider");
    }
    if sighting.network.is_trusted {
        finding = finding.against("The address is in a trusted named location.");
    }
    let risky = run.events.iter().map(|event| event.id).collect();
    let count = run.events.len() as u64;
    finding.resting_on(run.events.clone(), count, risky)
}
