//! Successes far apart, one of them where the user usually is not, faster than people ordinarily
//! travel though not impossible.

use durward_model::time::DAY_MICROS;

use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::finding::{Finding, Level, Subject};
use crate::keyed::{Keyed, State};
use crate::profile::{Profile, Stop, Trait};
use crate::settings::Values;
use crate::sighting::Sighting;

use super::journey::{Explained, KNOWN_MICROS, Leg, far_stops};
use super::run::Run;
use super::words::{span, thousands};
use super::{PAUSE_MICROS, USERS_MAX};

/// What it says about itself.
pub static ABOUT: About = About {
    id: "atypical-travel",
    title: "Atypical travel",
    summary: "One user signed in at two places far apart, one of them untypical of this user, in \
              less time than an ordinary journey takes.",
    risk_event_type: "unlikelyTravel",
    techniques: &["T1078.004"],
    level: Level::Low,
    timing: Timing::Offline,
    wants: Class::SUCCESS,
    inputs: &[
        "location/geoCoordinates/latitude",
        "location/geoCoordinates/longitude",
        "location/city",
        "location/countryOrRegion",
        "autonomousSystemNumber",
        "ipAddress",
        "deviceDetail/deviceId",
        "deviceDetail/operatingSystem",
        "deviceDetail/browser",
        "sessionId",
    ],
    learning: "14 days or 10 sign-ins of the user, whichever comes first; three days at least",
    method: &[
        "A success at a place that this user did not use before today is compared with where they \
         were lately.",
        "An ordinary journey takes `airport-time`, and the distance (less `error-radius` at each \
         end) at `speed`. Less than that, over at least `distance`, is atypical.",
        "What is faster than `impossible-speed` is left to impossible travel.",
        "What explains impossible travel explains this.",
        "It is low; a new device at a new network operator makes it medium.",
    ],
    against: &[
        "A direct flight, with a sign-in at the gate and another after landing.",
        "A VPN or carrier that nobody else of the tenant uses yet.",
    ],
    tuning: "Lower `airport-time` where people sign in at airports; list ways out of VPNs and \
             carriers under `shared-networks`.",
    response: &[
        "Ask the user whether they travelled, and whether they know the device.",
        "If not: revoke sessions and reset the password.",
    ],
    parameters: &[
        Parameter {
            name: "airport-time",
            meaning: "What a journey takes beside the way itself",
            default: 60.0,
            unit: Unit::Minutes,
            range: (0.0, 600.0),
        },
        Parameter {
            name: "speed",
            meaning: "How fast people ordinarily travel far",
            default: 800.0,
            unit: Unit::KilometresAnHour,
            range: (100.0, 1_000.0),
        },
        Parameter {
            name: "impossible-speed",
            meaning: "What is faster is impossible travel, and not told here",
            default: 900.0,
            unit: Unit::KilometresAnHour,
            range: (100.0, 10_000.0),
        },
        Parameter {
            name: "distance",
            meaning: "Places nearer to each other are not compared",
            default: 700.0,
            unit: Unit::Kilometres,
            range: (50.0, 20_000.0),
        },
        Parameter {
            name: "error-radius",
            meaning: "How far the place of an address may be off, at each end",
            default: 100.0,
            unit: Unit::Kilometres,
            range: (0.0, 2_000.0),
        },
    ],
    is_on: true,
    alerts: true,
};

/// A user is known after so long, or after so many successes.
const LEARNING_MICROS: i64 = 14 * DAY_MICROS;
const LEARNING_SIGN_INS: u64 = 10;
/// The longest journey takes less.
const WITHIN_MICROS: i64 = 2 * DAY_MICROS;

#[derive(Debug)]
struct AtypicalTravel {
    airport_hours: f64,
    speed: f64,
    impossible_speed: f64,
    distance_km: f64,
    error_km: f64,
    runs: Keyed<Run>,
}

/// Makes the detection.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(AtypicalTravel {
        airport_hours: values.number("airport-time") / 60.0,
        speed: values.number("speed"),
        impossible_speed: values.number("impossible-speed"),
        distance_km: values.number("distance"),
        error_km: values.number("error-radius"),
        runs: Keyed::new(USERS_MAX),
    })
}

impl Detection for AtypicalTravel {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let (at, place) = (sighting.at_micros, sighting.network.place);
        if !sighting.is_user_success() || place == 0 || sighting.actor.is_service {
            return;
        }
        let Some(profile) = context.profiles.user(sighting) else { return };
        let is_known =
            profile.successes >= LEARNING_SIGN_INS || profile.age_micros(at) >= LEARNING_MICROS;
        if !is_known
            || profile.age_micros(at) < KNOWN_MICROS
            || profile.knew(Trait::Place, place, at)
        {
            return;
        }
        let far = far_stops(profile, sighting, self.distance_km, WITHIN_MICROS);
        // From where they were last: an older stop says less.
        let Some(before) = far.first() else { return };
        let now = Stop::of(sighting);
        let Some(leg) = Leg::of(profile, before, &now, self.error_km) else { return };
        let is_atypical = leg.hours() < self.ordinary_hours(&leg)
            && leg.speed() <= self.impossible_speed
            && leg.strange.place == place;
        if is_atypical {
            self.judge(sighting, context, profile, leg);
        }
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.runs
    }
}

impl AtypicalTravel {
    fn ordinary_hours(&self, leg: &Leg<'_>) -> f64 {
        self.airport_hours + leg.certain_km() / self.speed
    }

    fn judge(
        &mut self,
        sighting: &Sighting<'_>,
        context: &mut Context<'_>,
        profile: &Profile,
        leg: Leg<'_>,
    ) {
        let (at, strange) = (sighting.at_micros, leg.strange);
        let explained = leg.explained(sighting.user, profile, context);
        let is_stranger = !profile.knew(Trait::Asn, u64::from(strange.asn), at)
            && !profile.knew_machine(strange.device, strange.client, at);
        let level = match explained {
            Explained::Surely => return,
            Explained::Not if is_stranger => Level::Medium,
            _ => Level::Low,
        };
        let run = self.runs.entry(sighting.user);
        if !run.add(strange.last, Some(leg.usual.last), level, at, PAUSE_MICROS) {
            return;
        }
        let ordinary = (leg.certain_km() / self.speed + self.airport_hours) * 3.6e9;
        let sentence = format!(
            "{} signed in from {}, where they usually are not, {} after {}, {} km away.",
            sighting.user_name(),
            strange.spot.name(),
            span(leg.micros),
            leg.usual.spot.name(),
            thousands(leg.km),
        );
        let journey = format!(
            "{}; an ordinary journey takes {} min and {} km at {} km/h = {}",
            leg.arithmetic(),
            thousands(self.airport_hours * 60.0),
            thousands(leg.certain_km()),
            thousands(self.speed),
            span(ordinary as i64),
        );
        let (subject, occurrence) = (Subject::user(sighting), run.occurrence());
        let finding = Finding::new(ABOUT.id, subject, level, sighting, &occurrence, sentence)
            .fact("Journey", journey);
        let mut finding = run.rest(leg.describe(profile, finding));
        if let Explained::Perhaps(why) = explained {
            finding = finding.against(why);
        }
        if !is_stranger {
            finding = finding.against("The user knows the device or the network operator.");
        }
        context.found(finding);
    }
}
