//! One factor was enough where there always were two.

use durward_model::time::DAY_MICROS;
use serde::{Deserialize, Serialize};

use super::novelty::{Novelty, system};
use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::finding::{Finding, Level, Subject};
use crate::keyed::{Keyed, State, Touched};
use crate::settings::Values;
use crate::sighting::Sighting;

/// What it says about itself.
pub static ABOUT: About = About {
    id: "single-factor",
    title: "Single-factor success where MFA is usual",
    summary: "A user signed in from a new network with one factor, though this user always gave \
              two and the application asks for two: a policy does not reach this sign-in.",
    risk_event_type: "generic",
    techniques: &["T1556.006", "T1556.009", "T1078.004"],
    level: Level::Low,
    timing: Timing::RealTime,
    wants: Class::INTERACTIVE,
    inputs: &[
        "authenticationRequirement",
        "authenticationDetails",
        "status/errorCode",
        "userId",
        "appId",
        "autonomousSystemNumber",
        "deviceDetail/deviceId",
    ],
    learning: "so many successes with two factors of the user, and of all for the application, as \
               `usual-after` says",
    method: &[
        "Interactive successes count. One has a single factor when its requirement says so and no \
         second factor was given, neither now nor by a claim.",
        "The user must have had at least so many successes with two factors as `usual-after` says \
         since the last with one.",
        "At least 19 of 20 successes at the application must have two factors, and there must be \
         enough of them.",
        "The autonomous system must be new for the user. It is low; when the device is new too and \
         the user well known, medium.",
        "At most one finding a user and day.",
    ],
    against: &[
        "A policy was changed, or the user was excluded from one on purpose.",
        "A trusted location was added whose sign-ins do not yet say so.",
    ],
    tuning: "Raise `usual-after` where policies change often.",
    response: &[
        "Look at the Conditional Access policies of the sign-in: which one did not apply, and why.",
        "Ask the user whether the sign-in was theirs.",
    ],
    parameters: &[Parameter {
        name: "usual-after",
        meaning: "Successes with two factors that make it usual",
        default: 20.0,
        unit: Unit::Count,
        range: (5.0, 1000.0),
    }],
    is_on: true,
    alerts: true,
};

/// Users and applications watched at a time.
const MOST: usize = 300_000;
/// Of 20 successes at an application, how many may have one factor.
const EXCEPTIONS: u32 = 20;

/// How somebody signs in, or at something.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Factors {
    two: u32,
    one: u32,
    last_micros: i64,
    told_day: i64,
}

impl Touched for Factors {
    fn touched_micros(&self) -> i64 {
        self.last_micros
    }
}

#[derive(Debug)]
struct SingleFactor {
    least: u32,
    /// By user and by application.
    state: (Keyed<Factors>, Keyed<Factors>),
}

/// Makes the detection.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(SingleFactor {
        least: values.count("usual-after") as u32,
        state: (Keyed::new(MOST), Keyed::new(MOST)),
    })
}

impl Detection for SingleFactor {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        if !sighting.is_user_success() || sighting.user == 0 || sighting.app.app == 0 {
            return;
        }
        let steps = sighting.authentication;
        let is_one = steps.is_single_factor && !steps.has_fresh_mfa && !steps.has_mfa_claim;
        let app_key = crate::facts::key_within(sighting.app.app, sighting.tenant);
        let user = self.state.0.entry(sighting.user);
        let app = self.state.1.entry(app_key);
        (user.last_micros, app.last_micros) = (sighting.at_micros, sighting.at_micros);
        if !is_one {
            user.two = user.two.saturating_add(1);
            app.two = app.two.saturating_add(1);
            return;
        }
        let day = sighting.at_micros.div_euclid(DAY_MICROS);
        let before = (user.two, app.two, app.one);
        let is_unusual = user.two >= self.least
            && app.two >= self.least
            && app.one.saturating_mul(EXCEPTIONS) <= app.two
            && user.told_day != day
            && !sighting.is(Class::LEGACY.and(Class::ROPC));
        // One that was let through makes the next one usual.
        user.two = 0;
        app.one = app.one.saturating_add(1);
        if !is_unusual {
            return;
        }
        let novelty = Novelty::of(sighting, context);
        if novelty.network {
            user.told_day = day;
            context.found(finding(sighting, novelty, before));
        }
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.state
    }
}

fn finding(
    sighting: &Sighting<'_>,
    novelty: Novelty,
    (user_two, app_two, app_one): (u32, u32, u32),
) -> Finding {
    let is_medium = novelty.device && novelty.is_watched;
    let level = if is_medium { Level::Medium } else { Level::Low };
    let app = sighting.app_name();
    let sentence = format!(
        "{} signed in to {app} from {} ({}) with one factor; the last {user_two} times it was two.",
        sighting.user_name(),
        sighting.place(),
        sighting.address_text(),
    );
    let day = sighting.at_micros.div_euclid(DAY_MICROS).to_le_bytes();
    let usual = format!("{app_two} of {} successes with two factors", app_two + app_one);
    let subject = Subject::user(sighting);
    let finding = Finding::new(ABOUT.id, subject, level, sighting, &day, sentence)
        .fact("Successes of the user with two factors before", user_two.to_string())
        .fact(&format!("At {app}"), usual)
        .fact("Autonomous system, new for the user", system(sighting.network.asn));
    novelty.speak(finding)
}
