//! One user active in two countries at the same time, again and again: not a journey, but two
//! who share an account or a session.

use durward_model::time::{DAY_MICROS, HOUR_MICROS};
use serde::{Deserialize, Serialize};

use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::finding::{Finding, Level, Subject};
use crate::keyed::{Keyed, State, Touched};
use crate::profile::{Profile, Stop, Trait};
use crate::settings::Values;
use crate::sighting::Sighting;
use crate::window::Recent;

use super::journey::{Explained, Leg, far_stops};
use super::run::Run;
use super::words::span;
use super::{PAUSE_MICROS, USERS_MAX};

/// What it says about itself.
pub static ABOUT: About = About {
    id: "concurrent-networks",
    title: "Active in two countries at once",
    summary: "Sign-ins of one user come in turns from two countries within minutes, and this goes \
              on.",
    risk_event_type: "generic",
    techniques: &["T1550.004", "T1078.004"],
    level: Level::Low,
    timing: Timing::Offline,
    wants: Class::SUCCESS,
    inputs: &[
        "location/countryOrRegion",
        "location/geoCoordinates/latitude",
        "location/geoCoordinates/longitude",
        "autonomousSystemNumber",
        "deviceDetail/deviceId",
        "sessionId",
    ],
    learning: "five days for each user",
    method: &[
        "A success counts as a change when this user was active within `window` in another \
         country, by another network operator, at least 300 km away, and the last change was \
         to the other side.",
        "From `changes` within two hours on it is found.",
        "What explains impossible travel explains this.",
        "It is low; when the country and the device of one side are new it is medium.",
    ],
    against: &["An account that several people use.", "A VPN on one of two devices."],
    tuning: "Raise `changes`; list ways out of VPNs under `shared-networks`.",
    response: &[
        "Ask the user which of the two sides is theirs.",
        "If one is not: revoke sessions and reset the password.",
    ],
    parameters: &[
        Parameter {
            name: "window",
            meaning: "Sign-ins so close together are at the same time",
            default: 30.0,
            unit: Unit::Minutes,
            range: (1.0, 240.0),
        },
        Parameter {
            name: "changes",
            meaning: "Changes between the sides within two hours that are worth a finding",
            default: 3.0,
            unit: Unit::Count,
            range: (2.0, 50.0),
        },
    ],
    is_on: true,
    alerts: true,
};

/// Changes are counted within this time.
const CHANGES_MICROS: i64 = 2 * HOUR_MICROS;
/// Nearer places are one, on both sides of a border.
const LEAST_KM: f64 = 300.0;
/// Users watched for less are not judged.
const LEARNING_MICROS: i64 = 5 * DAY_MICROS;
/// Changes remembered.
const CHANGES_MAX: usize = 64;

/// Changes between countries: to which one.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Turns {
    changes: Recent<u64>,
    run: Run,
    /// The run that was told.
    told: [u8; 16],
}

impl Touched for Turns {
    fn touched_micros(&self) -> i64 {
        self.changes.last_micros()
    }
}

#[derive(Debug)]
struct ConcurrentNetworks {
    window_micros: i64,
    changes: usize,
    users: Keyed<Turns>,
}

/// Makes the detection.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(ConcurrentNetworks {
        window_micros: values.micros("window"),
        changes: values.count("changes"),
        users: Keyed::new(USERS_MAX),
    })
}

impl Detection for ConcurrentNetworks {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let (at, network) = (sighting.at_micros, sighting.network);
        if !sighting.is_user_success() || network.country == 0 || sighting.actor.is_service {
            return;
        }
        let Some(profile) = context.profiles.user(sighting) else { return };
        if profile.age_micros(at) < LEARNING_MICROS {
            return;
        }
        let far = far_stops(profile, sighting, LEAST_KM, self.window_micros);
        let other = far.iter().find(|stop| {
            stop.country != 0 && stop.country != network.country && stop.asn != network.asn
        });
        let Some(before) = other else { return };
        let now = Stop::of(sighting);
        let Some(leg) = Leg::of(profile, before, &now, 0.0) else { return };
        if leg.explained(sighting.user, profile, context) == Explained::Not {
            self.judge(sighting, context, profile, leg);
        }
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.users
    }
}

impl ConcurrentNetworks {
    fn judge(
        &mut self,
        sighting: &Sighting<'_>,
        context: &mut Context<'_>,
        profile: &Profile,
        leg: Leg<'_>,
    ) {
        let (at, strange) = (sighting.at_micros, leg.strange);
        let turns = self.users.entry(sighting.user);
        let here = sighting.network.country;
        let last = turns.changes.iter().next_back().map(|(_, country)| *country);
        if last != Some(here) {
            turns.changes.push(at, here, CHANGES_MICROS, CHANGES_MAX);
        }
        let changes = turns.changes.since(at - CHANGES_MICROS).count();
        let is_stranger = !profile.knew(Trait::Country, strange.country, at)
            && !profile.knew_machine(strange.device, strange.client, at);
        let level = if is_stranger { Level::Medium } else { Level::Low };
        let beside = Some(leg.usual.last);
        let is_news = turns.run.add(strange.last, beside, level, at, PAUSE_MICROS);
        let is_told = turns.told == turns.run.occurrence();
        if changes < self.changes || (is_told && !is_news) {
            return;
        }
        turns.told = turns.run.occurrence();
        let sentence = format!(
            "{} is active in turns from {} and {}, {} apart.",
            sighting.user_name(),
            leg.usual.spot.name(),
            strange.spot.name(),
            span(leg.micros),
        );
        let (subject, occurrence) = (Subject::user(sighting), turns.run.occurrence());
        let counted = format!("{changes} within two hours; {} are enough", self.changes);
        let finding = Finding::new(ABOUT.id, subject, level, sighting, &occurrence, sentence)
            .fact("Changes of country", counted);
        let finding = leg.describe(profile, finding);
        let mut finding = turns.run.rest(finding);
        if !is_stranger {
            finding = finding.against("The user knows the country or the device of both sides.");
        }
        context.found(finding);
    }
}
