//! Sign-ins over TLS 1.0 or 1.1.

use durward_model::time::DAY_MICROS;
use serde::{Deserialize, Serialize};

use crate::class::Class;
use crate::detection::{About, Context, Detection, Timing};
use crate::finding::{Finding, Level, Subject};
use crate::keyed::{Keyed, State, Touched};
use crate::settings::Values;
use crate::sighting::Sighting;

/// What it says about itself.
pub static ABOUT: About = About {
    id: "legacy-tls",
    title: "Legacy TLS",
    summary: "A client signed in over TLS 1.0, TLS 1.1 or 3DES, which are no longer safe: an old \
              system, seldom an attack.",
    risk_event_type: "",
    techniques: &["T1557"],
    level: Level::Low,
    timing: Timing::RealTime,
    wants: Class::SUCCESS,
    inputs: &["authenticationProcessingDetails", "userId"],
    learning: "",
    method: &[
        "A success counts when its processing details say so.",
        "At most one finding a user and day; it makes no alert unless told to.",
    ],
    against: &["Nothing: it is an inventory, not an accusation."],
    tuning: "It has no numbers.",
    response: &["Find the system by address and user agent, and update it."],
    parameters: &[],
    is_on: true,
    alerts: false,
};

/// Users watched at a time.
const USERS_MAX: usize = 100_000;

/// The day on which it was last told of a user.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Told(i64);

impl Touched for Told {
    fn touched_micros(&self) -> i64 {
        self.0.saturating_mul(DAY_MICROS)
    }
}

#[derive(Debug)]
struct LegacyTls(Keyed<Told>);

/// Makes the detection.
pub fn make(_: &Values<'_>) -> Box<dyn Detection> {
    Box::new(LegacyTls(Keyed::new(USERS_MAX)))
}

impl Detection for LegacyTls {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        if !sighting.authentication.has_legacy_tls || sighting.user == 0 {
            return;
        }
        let day = sighting.at_micros.div_euclid(DAY_MICROS);
        let told = self.0.entry(sighting.user);
        if !sighting.is_user_success() || told.0 == day {
            return;
        }
        told.0 = day;
        let sentence = format!(
            "{} signed in to {} over an old version of TLS from {}.",
            sighting.user_name(),
            sighting.app_name(),
            sighting.place(),
        );
        let subject = Subject::user(sighting);
        let occurrence = day.to_le_bytes();
        let finding = Finding::new(ABOUT.id, subject, Level::Low, sighting, &occurrence, sentence);
        context.found(finding.fact("Address", sighting.address_text()));
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.0
    }
}
