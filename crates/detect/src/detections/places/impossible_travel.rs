//! Successes at two places that nobody can go between in the time.

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
    id: "impossible-travel",
    title: "Impossible travel",
    summary: "One user signed in successfully at two places, and nobody can travel from one to \
              the other in the time between.",
    risk_event_type: "mcasImpossibleTravel",
    techniques: &["T1078.004", "T1550.004"],
    level: Level::High,
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
        "sessionId",
        "networkLocationDetails",
        "isThroughGlobalSecureAccess",
    ],
    learning: "none between countries, though medium at most for the first three days of a user; \
               three days within one country",
    method: &[
        "Successes of a user in both logs, interactive and non-interactive, are compared with the \
         last eight places, networks and machines of that user, so that sign-ins of a thief and \
         of the rightful user may come in turns.",
        "The great-circle distance, less what both places may be off (`error-radius` for a city, \
         400 km more where only the country is known), is divided by the time between. Faster \
         than `speed`, over at least `distance`, is impossible.",
        "The end that is less familiar to the user is the risky one, whichever came first.",
        "Nothing is found where it is explained: the unfamiliar end is in a trusted named \
         location, on the list of shared networks, behind Global Secure Access or a way out that \
         several people of the tenant use with devices of theirs; or it shows a registered device \
         of this user; or the familiar end is a device that a VPN moves about; or both ends have \
         one operator in one country or in neighbouring cities; or both are in one country and \
         the user knows the operator, or has the same session there; or both places have been \
         used on five days or more; or the same session of the same unregistered client comes \
         from a network that somebody else of the tenant uses with a device of theirs.",
        "The same session of the same unregistered client in two countries, a place used on \
         five days or more, or a registered device of a user who is not known yet, make it low.",
        "The first three days of the log make it low: ways out of VPNs are learned then.",
        "Otherwise it is high when the device and the country or operator are new for the user, \
         and medium else.",
        "Everything that goes on with pauses of less than twelve hours is one finding.",
    ],
    against: &[
        "A VPN, proxy or cloud desktop that nobody else of the tenant uses yet.",
        "A mobile carrier whose gateway is in another country.",
        "An account that several people use.",
        "A wrong entry in the database of addresses.",
    ],
    tuning: "List ways out of VPNs, proxies and carriers under `shared-networks`, offices under \
             `trusted-networks`, accounts of programs under `service-accounts`; raise `distance` \
             or `error-radius` where places of addresses are poor.",
    response: &[
        "Ask the user where they were, and whether they know the device and the address.",
        "If not: revoke sessions, reset the password, and look at what else came from there.",
    ],
    parameters: &[
        Parameter {
            name: "speed",
            meaning: "Nobody travels faster",
            default: 900.0,
            unit: Unit::KilometresAnHour,
            range: (100.0, 10_000.0),
        },
        Parameter {
            name: "distance",
            meaning: "Places nearer to each other are not compared",
            default: 500.0,
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

/// No two places are farther apart.
const FARTHEST_KM: f64 = 20_040.0;

/// What is explained must not swallow what is not, so both have runs of their own.
fn run_key(user: u64, is_explained: bool) -> u64 {
    user ^ u64::from(is_explained)
}

#[derive(Debug)]
struct ImpossibleTravel {
    speed: f64,
    distance_km: f64,
    error_km: f64,
    within_micros: i64,
    runs: Keyed<Run>,
}

/// Makes the detection.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    let speed = values.number("speed");
    Box::new(ImpossibleTravel {
        speed,
        distance_km: values.number("distance"),
        error_km: values.number("error-radius"),
        within_micros: (FARTHEST_KM / speed * 3.6e9) as i64,
        runs: Keyed::new(USERS_MAX),
    })
}

impl Detection for ImpossibleTravel {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        if !sighting.is_user_success() || sighting.actor.is_service {
            return;
        }
        let Some(profile) = context.profiles.user(sighting) else { return };
        let far = far_stops(profile, sighting, self.distance_km, self.within_micros);
        if far.is_empty() {
            return;
        }
        let now = Stop::of(sighting);
        let legs = far.iter().filter_map(|stop| Leg::of(profile, stop, &now, self.error_km));
        let impossible = legs.filter(|leg| leg.speed() > self.speed);
        let mut best: Option<(Leg<'_>, Explained)> = None;
        for leg in impossible {
            match leg.explained(sighting.user, profile, context) {
                Explained::Surely => {}
                Explained::Not => {
                    best = Some((leg, Explained::Not));
                    break;
                }
                perhaps => {
                    best.get_or_insert((leg, perhaps));
                }
            }
        }
        if let Some((leg, explained)) = best {
            self.judge(sighting, context, profile, leg, &explained);
        }
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.runs
    }
}

impl ImpossibleTravel {
    fn judge(
        &mut self,
        sighting: &Sighting<'_>,
        context: &mut Context<'_>,
        profile: &Profile,
        leg: Leg<'_>,
        explained: &Explained,
    ) {
        let (at, strange) = (sighting.at_micros, leg.strange);
        let is_new = !profile.knew(Trait::Country, strange.country, at)
            || !profile.knew(Trait::Asn, u64::from(strange.asn), at);
        let is_stranger = is_new && !profile.knew_machine(strange.device, strange.client, at);
        let is_known = profile.age_micros(at) >= KNOWN_MICROS;
        let is_settled = context.profiles.tenant_age_micros(sighting) >= KNOWN_MICROS;
        let level = match explained {
            Explained::Not if is_stranger && is_known => Level::High,
            Explained::Not if !is_settled => Level::Low,
            Explained::Not => Level::Medium,
            _ => Level::Low,
        };
        let run = self.runs.entry(run_key(sighting.user, *explained != Explained::Not));
        if !run.add(strange.last, Some(leg.usual.last), level, at, PAUSE_MICROS) {
            return;
        }
        let (from, to) = leg.in_order();
        let sentence = format!(
            "{} signed in from {} and {} later from {}, {} km away.",
            sighting.user_name(),
            from.spot.name(),
            span(leg.micros),
            to.spot.name(),
            thousands(leg.km),
        );
        let speed = format!(
            "{} = {} km/h; an airliner flies {} km/h",
            leg.arithmetic(),
            thousands(leg.speed()),
            thousands(self.speed)
        );
        let (subject, occurrence) = (Subject::user(sighting), run.occurrence());
        let finding = Finding::new(ABOUT.id, subject, level, sighting, &occurrence, sentence);
        let finding = leg
            .describe(profile, finding.fact("Speed", speed))
            .fact("Sign-ins at the less familiar end", run.risky_count().to_string());
        let mut finding = run.rest(finding);
        if let Explained::Perhaps(why) = explained {
            finding = finding.against(*why);
        }
        if !is_settled {
            finding = finding.against(
                "The log has been watched for less than three days; ways out of VPNs that people \
                 share are not known yet.",
            );
        } else if !is_known {
            finding = finding.against("This user has been watched for less than three days.");
        }
        if leg.usual.is_trusted {
            finding = finding.against(
                "The other end is in a trusted named location; a traveller whose other device \
                 uses the organisation's VPN looks like this.",
            );
        }
        context.found(finding);
    }
}
