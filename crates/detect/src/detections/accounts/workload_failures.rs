//! A workload's secret, certificate or assertion is refused.

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
    id: "workload-failures",
    title: "Credentials of a workload refused",
    summary: "The secret or certificate of a service principal was refused: expired, replaced, or \
              guessed by somebody else.",
    risk_event_type: "",
    techniques: &["T1110", "T1078.004"],
    level: Level::Medium,
    timing: Timing::Offline,
    wants: Class::PRINCIPAL,
    inputs: &["servicePrincipalId", "status/errorCode", "ipAddress", "autonomousSystemNumber"],
    learning: "a network is new only for a service principal that has signed in for 14 days",
    method: &[
        "Refused credentials (7000215 wrong secret, 7000222 expired secret, 700027 and the like) \
         are counted per service principal.",
        "`guesses` from an autonomous system or country that it never signed in from, within a \
         day, are medium: somebody else tries. A success from there afterwards makes it high.",
        "An expired secret is low, from its first refusal: a job stands still.",
        "`refusals` within an hour from its usual networks are low: a secret was replaced in one \
         place only.",
        "Refusals less than a day apart are one finding.",
    ],
    against: &["A secret that nobody renewed.", "A program that moved and has an old secret."],
    tuning: "Raise `guesses` if jobs move between networks; watch expiry dates, and the expired \
             ones will be few.",
    response: &[
        "Expired or replaced: give the program its new secret.",
        "From a foreign network: block it, look who had the application's identifier, and replace \
         the secret.",
    ],
    parameters: &[
        Parameter {
            name: "guesses",
            meaning: "Refusals from a new network within a day",
            default: 5.0,
            unit: Unit::Count,
            range: (1.0, 1000.0),
        },
        Parameter {
            name: "refusals",
            meaning: "Refusals from a usual network within an hour",
            default: 10.0,
            unit: Unit::Count,
            range: (2.0, 10_000.0),
        },
    ],
    is_on: true,
    alerts: true,
};

/// Workloads with refusals at a time.
const WORKLOADS_MAX: usize = 50_000;
/// Refusals remembered of one.
const REFUSALS_MAX: usize = 256;
/// The secret has expired.
const EXPIRED: i64 = 7_000_222;
const HOUR_MICROS: i64 = DAY_MICROS / 24;
/// A service principal watched for so long has usual networks.
const LEARNING_MICROS: i64 = 14 * DAY_MICROS;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    /// From a network that is new for the workload.
    Foreign,
    Expired,
    Usual,
}

/// Refusals of a workload that belong together.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Run {
    first: Option<EventRef>,
    last_micros: i64,
    count: u64,
    refusals: Recent<(EventRef, Kind)>,
    level: Level,
    /// How many there were when it was told last; 0 for not yet.
    told: u64,
    /// The autonomous system that guesses came from.
    foreign_asn: u32,
}

impl Touched for Run {
    fn touched_micros(&self) -> i64 {
        self.last_micros
    }
}

#[derive(Debug)]
struct WorkloadFailures {
    guesses: usize,
    refusals: usize,
    workloads: Keyed<Run>,
}

/// Makes the detection.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(WorkloadFailures {
        guesses: values.count("guesses"),
        refusals: values.count("refusals"),
        workloads: Keyed::new(WORKLOADS_MAX),
    })
}

/// From a network that the workload, known for long, never signed in from?
fn is_foreign(sighting: &Sighting<'_>, context: &Context<'_>) -> bool {
    let (at, network) = (sighting.at_micros, sighting.network);
    let profile = context.profiles.workload(sighting);
    let known = profile.filter(|profile| profile.age_micros(at) >= LEARNING_MICROS);
    !network.is_trusted
        && known.is_some_and(|profile| {
            !profile.knows(Trait::Asn, u64::from(network.asn), at)
                || !profile.knows(Trait::Country, network.country, at)
        })
}

impl Detection for WorkloadFailures {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        if sighting.principal == 0 {
            return;
        }
        if sighting.is(Class::BAD_SECRET) {
            self.refused(sighting, context);
        } else if sighting.is(Class::SUCCESS) {
            self.succeeded(sighting, context);
        }
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.workloads
    }
}

impl WorkloadFailures {
    fn refused(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let at = sighting.at_micros;
        let kind = match sighting.outcome.code {
            _ if is_foreign(sighting, context) => Kind::Foreign,
            EXPIRED => Kind::Expired,
            _ => Kind::Usual,
        };
        let event = EventRef::of(sighting);
        let run = self.workloads.entry(sighting.principal);
        if run.first.is_none() || at - run.last_micros > DAY_MICROS {
            *run = Run { first: Some(event), ..Run::default() };
        }
        (run.last_micros, run.count) = (at, run.count + 1);
        run.refusals.push(at, (event, kind), DAY_MICROS, REFUSALS_MAX);
        let since = |micros| run.refusals.since(micros).map(|(_, (_, kind))| *kind);
        let foreign = since(at - DAY_MICROS).filter(|kind| *kind == Kind::Foreign).count();
        let usual = since(at - HOUR_MICROS).filter(|kind| *kind == Kind::Usual).count();
        let name = sighting.principal_name();
        let (level, sentence) = if foreign >= self.guesses {
            run.foreign_asn = sighting.network.asn;
            let text = format!(
                "Somebody tries credentials of the workload {name} from a network that it never \
                 used, in {}.",
                sighting.place(),
            );
            (Level::Medium, text)
        } else if kind == Kind::Expired {
            (Level::Low, format!("The secret of the workload {name} has expired."))
        } else if usual >= self.refusals {
            let text =
                format!("The workload {name} keeps presenting a credential that is refused.");
            (Level::Low, text)
        } else {
            return;
        };
        if level <= run.level && run.told > 0 && run.count < 2 * run.told {
            return;
        }
        (run.level, run.told) = (run.level.max(level), run.count);
        let from_new = format!("{foreign} in a day; {} are enough", self.guesses);
        let from_usual = format!("{usual} in an hour; {} are enough", self.refusals);
        let finding = tell(run, sighting, sentence, &[], foreign > 0)
            .fact("Refused from new networks", from_new)
            .fact("Refused from usual networks", from_usual);
        context.found(finding);
    }

    /// A success from where guesses came from.
    fn succeeded(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let asn = sighting.network.asn;
        let is_guessed = self.workloads.get(sighting.principal).is_some_and(|run| {
            run.level == Level::Medium
                && run.foreign_asn == asn
                && asn != 0
                && sighting.at_micros - run.last_micros <= DAY_MICROS
        });
        if !is_guessed {
            return;
        }
        let run = self.workloads.entry(sighting.principal);
        run.level = Level::High;
        let sentence = format!(
            "Somebody guessed a credential of the workload {}: after {} refusals it signed in from \
             {}, a network that it never used.",
            sighting.principal_name(),
            run.count,
            sighting.place(),
        );
        context.found(tell(run, sighting, sentence, &[EventRef::of(sighting)], true));
    }
}

/// The finding about a run, resting on its refusals and what came `after` them.
fn tell(
    run: &Run,
    sighting: &Sighting<'_>,
    sentence: String,
    after: &[EventRef],
    is_foreign: bool,
) -> Finding {
    let refusals = || run.refusals.iter().map(|(_, refusal)| *refusal);
    let foreign = refusals().filter(|(_, kind)| *kind == Kind::Foreign);
    let risky = foreign.map(|(event, _)| event.id).chain(after.iter().map(|event| event.id));
    let risky = risky.collect();
    let events = refusals().map(|(event, _)| event).chain(after.iter().copied()).collect();
    let first = run.first.map_or(sighting.id, |first| first.id);
    let subject = Subject::workload(sighting);
    let mut finding = Finding::new(ABOUT.id, subject, run.level, sighting, &first.0, sentence)
        .fact("Refusals", run.count.to_string())
        .fact("Newest error code", sighting.outcome.code.to_string())
        .fact("Address", sighting.address_text());
    if !is_foreign {
        finding = finding.against("It comes from networks that the workload is used to.");
    }
    finding.resting_on(events, run.count + after.len() as u64, risky)
}
