//! An account that was quiet for long signs in again.

use durward_model::time::DAY_MICROS;

use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::finding::{Finding, Level, Subject};
use crate::keyed::State;
use crate::profile::{Profile, Trait};
use crate::settings::Values;
use crate::sighting::Sighting;

/// What it says about itself.
pub static ABOUT: About = About {
    id: "dormant-account",
    title: "Dormant account wakes",
    summary: "An account that nobody had used for weeks signed in again. Forgotten accounts are \
              taken over because nobody misses them.",
    risk_event_type: "unfamiliarFeatures",
    techniques: &["T1078.004"],
    level: Level::Medium,
    timing: Timing::RealTime,
    wants: Class::SUCCESS,
    inputs: &["userId", "ipAddress", "autonomousSystemNumber", "deviceDetail/deviceId"],
    learning: "as long as `quiet` says: there must be a success at least that long ago",
    method: &[
        "Every success of a user, interactive or not, is compared with the one before it.",
        "It is found when at least `quiet` days lie between them.",
        "A network (autonomous system or country) or registered device that the user never had \
         makes it medium; with the old network and device it is recorded as low.",
        "From a trusted named location it is low: people come back from leave with a new computer.",
        "An account silent for more than 180 days is not remembered and counts as new.",
    ],
    against: &["Parental leave, illness, a sabbatical.", "Somebody who works by the season."],
    tuning: "Raise `quiet` where long leaves are common. Disable accounts that nobody needs: then \
             there is nothing to wake.",
    response: &[
        "Ask the person, or their manager, whether they are back.",
        "If not: disable the account, revoke its sessions, and look for new authentication methods \
         and devices.",
    ],
    parameters: &[Parameter {
        name: "quiet",
        meaning: "Days without any success that make an account dormant",
        default: 60.0,
        unit: Unit::Days,
        range: (7.0, 175.0),
    }],
    is_on: true,
    alerts: true,
};

#[derive(Debug)]
struct DormantAccount {
    quiet_micros: i64,
    state: (),
}

/// Makes the detection.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(DormantAccount { quiet_micros: values.micros("quiet"), state: () })
}

/// Was the value there before, however long ago? What is not known says nothing.
fn had(profile: &Profile, of: Trait, value: u64) -> bool {
    value == 0 || profile.values(of).any(|one| one.value == value)
}

impl Detection for DormantAccount {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        if sighting.user == 0 || !sighting.is(Class::USER) || sighting.actor.is_service {
            return;
        }
        let Some(profile) = context.profiles.user(sighting) else { return };
        let quiet = sighting.at_micros - profile.last_micros;
        if quiet < self.quiet_micros {
            return;
        }
        let network = sighting.network;
        let new_network = !had(profile, Trait::Asn, u64::from(network.asn))
            || !had(profile, Trait::Country, network.country);
        let new_device = !had(profile, Trait::Device, sighting.device.device)
            || !had(profile, Trait::Client, sighting.device.client);
        let is_odd = (new_network || new_device) && !network.is_trusted;
        let level = if is_odd { Level::Medium } else { Level::Low };
        let days = quiet / DAY_MICROS;
        let sentence = format!(
            "{} signed in from {} after {days} days without any sign-in.",
            sighting.user_name(),
            sighting.place(),
        );
        let word = |is_new| if is_new { "never used before" } else { "as before" };
        let least = self.quiet_micros / DAY_MICROS;
        let occurrence = sighting.id.0;
        let subject = Subject::user(sighting);
        let mut finding = Finding::new(ABOUT.id, subject, level, sighting, &occurrence, sentence)
            .fact("Quiet for", format!("{days} d; {least} d are enough"))
            .fact("Sign-ins before", profile.successes.to_string())
            .fact("Network", word(new_network))
            .fact("Device or browser", word(new_device));
        if network.is_trusted {
            finding = finding.against("The address is in a trusted named location.");
        }
        if !new_network && !new_device {
            finding = finding.against("Network and device are those of before.");
        }
        context.found(finding);
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.state
    }
}
