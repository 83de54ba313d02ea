//! A privileged account signs in without what protects it.

use durward_model::time::DAY_MICROS;

use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::finding::{Finding, Level, Subject};
use crate::keyed::{Keyed, State};
use crate::profile::Trait;
use crate::settings::Values;
use crate::sighting::Sighting;

use super::daily::Daily;

/// What it says about itself.
pub static ABOUT: About = About {
    id: "privileged-outside-controls",
    title: "Privileged account outside its controls",
    summary: "A privileged account signed in with a single factor, or from a network or country \
              that is new for it on a device that it never used.",
    risk_event_type: "unfamiliarFeatures",
    techniques: &["T1078.004", "T1556.006"],
    level: Level::Medium,
    timing: Timing::RealTime,
    wants: Class::SUCCESS,
    inputs: &[
        "userId",
        "authenticationRequirement",
        "authenticationDetails",
        "autonomousSystemNumber",
        "location/countryOrRegion",
        "deviceDetail/deviceId",
    ],
    learning: "`learning` days and 20 successes of the account before a place or device can be \
               new; none for a single factor",
    method: &[
        "Successes of accounts on the list `privileged` are looked at.",
        "Single factor: an interactive success for which one factor was enough, and none of its \
         steps was a second one, now or by an earlier claim.",
        "New place: an autonomous system or country that the account did not have in 90 days, on a \
         device that is unknown or new.",
        "Either is medium, both on one sign-in are high. From a trusted named location a single \
         factor is recorded as low.",
        "All of an account on one UTC day are one finding.",
    ],
    against: &[
        "A policy that asks for no second factor in the office.",
        "Travel with a new device.",
    ],
    tuning: "Ask for a second factor and a compliant device from every administrator by \
             Conditional Access; then this stays silent. Take accounts without rights off the \
             list.",
    response: &[
        "Ask the administrator. If they did not: revoke sessions, reset credentials, and look at \
         the directory's audit log since then.",
        "Find out which Conditional Access policy should have asked for more, and why it did not.",
    ],
    parameters: &[Parameter {
        name: "learning",
        meaning: "An account watched for so many days has a usual place",
        default: 14.0,
        unit: Unit::Days,
        range: (1.0, 90.0),
    }],
    is_on: true,
    alerts: true,
};

/// Privileged accounts watched at a time.
const ACCOUNTS_MAX: usize = 100_000;
/// Successes after which a usual place is known.
const SUCCESSES_MIN: u64 = 20;

#[derive(Debug)]
struct PrivilegedOutside {
    learning_micros: i64,
    accounts: Keyed<Daily>,
}

/// Makes the detection.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(PrivilegedOutside {
        learning_micros: values.micros("learning"),
        accounts: Keyed::new(ACCOUNTS_MAX),
    })
}

impl Detection for PrivilegedOutside {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        if !sighting.actor.is_privileged || sighting.user == 0 || !sighting.is(Class::USER) {
            return;
        }
        let steps = sighting.authentication;
        let is_single = sighting.is(Class::INTERACTIVE)
            && steps.is_single_factor
            && !steps.has_fresh_mfa
            && !steps.has_mfa_claim;
        let is_elsewhere = self.is_elsewhere(sighting, context);
        let is_trusted = sighting.network.is_trusted;
        let level = match (is_single, is_elsewhere) {
            (true, true) => Level::High,
            (true, false) if is_trusted => Level::Low,
            (true, false) | (false, true) => Level::Medium,
            (false, false) => return,
        };
        let today = self.accounts.entry(sighting.user);
        if !today.count(sighting, level) {
            return;
        }
        let how = match (is_single, is_elsewhere) {
            (true, true) => "with a single factor, from a new network and a device it never used",
            (true, false) => "with a single factor",
            _ => "from a new network and a device it never used",
        };
        let sentence = format!(
            "The privileged account {} signed in {how}: to {} from {}.",
            sighting.user_name(),
            sighting.app_name(),
            sighting.place(),
        );
        let subject = Subject::user(sighting);
        let day = today.occurrence();
        let mut finding = Finding::new(ABOUT.id, subject, today.level, sighting, &day, sentence)
            .fact("Factors", if is_single { "one was enough" } else { "more than one" })
            .fact("Place and device", if is_elsewhere { "new for the account" } else { "usual" })
            .fact("Sign-ins that day", today.count.to_string());
        if is_trusted {
            finding = finding.against("The address is in a trusted named location.");
        }
        context.found(today.rest(finding));
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.accounts
    }
}

impl PrivilegedOutside {
    /// A new network or country on an unknown device, of an account whose ways are known?
    fn is_elsewhere(&self, sighting: &Sighting<'_>, context: &Context<'_>) -> bool {
        let at = sighting.at_micros;
        let Some(profile) = context.profiles.user(sighting) else { return false };
        let is_known = profile.age_micros(at) >= self.learning_micros
            && profile.successes >= SUCCESSES_MIN
            && at - profile.last_micros <= 90 * DAY_MICROS;
        let network = sighting.network;
        let new_network = !profile.knows(Trait::Asn, u64::from(network.asn), at)
            || !profile.knows(Trait::Country, network.country, at);
        let device = sighting.device.device;
        let new_device = device == 0 || !profile.knows(Trait::Device, device, at);
        is_known && new_network && new_device && !network.is_trusted
    }
}
