//! Sign-ins through anonymous networks, by the administrator's list.

use durward_model::time::DAY_MICROS;

use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::finding::{EventRef, Finding, Level, Subject};
use crate::keyed::{Keyed, State};
use crate::profile::Stop;
use crate::settings::Values;
use crate::sighting::Sighting;

use super::run::Run;
use super::tally::Tally;
use super::words::whereabouts;
use super::{ADDRESSES_MAX, PAUSE_MICROS, USERS_MAX};

/// What it says about itself.
pub static ABOUT: About = About {
    id: "anonymous-address",
    title: "Anonymous IP address",
    summary: "A sign-in came from an address on the administrator's list of anonymous networks: \
              Tor, anonymous proxies and VPNs.",
    risk_event_type: "anonymizedIPAddress",
    techniques: &["T1090.003", "T1078.004"],
    level: Level::Medium,
    timing: Timing::RealTime,
    wants: Class::LISTED_NETWORK,
    inputs: &["ipAddress", "autonomousSystemNumber", "status/errorCode", "deviceDetail/deviceId"],
    learning: "none; it does nothing without the list `anonymous-networks`",
    method: &[
        "A success from an address on the list is medium; with a registered device that the user \
         had before it is low.",
        "Failures are counted for each address and day; from `failures` on they are one low \
         finding about the address.",
        "What a user does so with pauses of less than twelve hours is one finding.",
    ],
    against: &["Somebody who values privacy.", "An address that is no longer what the list says."],
    tuning: "Keep the list current; take VPNs that people may use off it, and list them under \
             `shared-networks`.",
    response: &[
        "Ask the user whether they use such a service.",
        "If not: revoke sessions and reset the password; else block the network by Conditional \
         Access.",
    ],
    parameters: &[Parameter {
        name: "failures",
        meaning: "Failures from one address on a day that are worth a finding",
        default: 10.0,
        unit: Unit::Count,
        range: (1.0, 1_000_000.0),
    }],
    is_on: true,
    alerts: true,
};

#[derive(Debug)]
struct AnonymousAddress {
    failures: u64,
    state: (Keyed<Run>, Keyed<Tally>),
}

/// Makes the detection.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(AnonymousAddress {
        failures: values.count("failures") as u64,
        state: (Keyed::new(USERS_MAX), Keyed::new(ADDRESSES_MAX)),
    })
}

impl Detection for AnonymousAddress {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let network = sighting.network;
        if !network.is_anonymous || network.is_shared || !sighting.is(Class::USER) {
            return;
        }
        if sighting.is(Class::SUCCESS) {
            self.success(sighting, context);
        } else if sighting.is(Class::FAILED) {
            let tally = self.state.1.entry(sighting.address);
            if tally.count(sighting, self.failures) {
                context.found(bulk(ABOUT.id, tally, sighting, self.failures, "anonymous"));
            }
        }
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.state
    }
}

/// Many failures from a listed address: recorded, as what they try is told by other detections.
pub(super) fn bulk(
    id: &str,
    tally: &Tally,
    sighting: &Sighting<'_>,
    least: u64,
    list: &str,
) -> Finding {
    let sentence = format!(
        "{} sign-ins of {} failed from {}, which is on the list of {list} networks.",
        tally.events(),
        tally.users_in_words(),
        sighting.address_text(),
    );
    let occurrence = sighting.at_micros.div_euclid(DAY_MICROS).to_le_bytes();
    let subject = Subject::address(sighting);
    let finding = Finding::new(id, subject, Level::Low, sighting, &occurrence, sentence)
        .fact("Failures", format!("{} today; {least} are enough", tally.events()))
        .fact("Users", tally.users_in_words());
    tally.rest(finding)
}

impl AnonymousAddress {
    fn success(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let (at, stop) = (sighting.at_micros, Stop::of(sighting));
        let profile = context.profiles.user(sighting);
        let has_own_device = stop.device != 0
            && profile.is_some_and(|one| one.knew_machine(stop.device, stop.client, at));
        let level = if has_own_device { Level::Low } else { Level::Medium };
        let run = self.state.0.entry(sighting.user);
        if !run.add(EventRef::of(sighting), None, level, at, PAUSE_MICROS) {
            return;
        }
        let sentence = format!(
            "{} signed in from {}, an address on the list of anonymous networks.",
            sighting.user_name(),
            sighting.address_text(),
        );
        let (subject, occurrence) = (Subject::user(sighting), run.occurrence());
        let finding = Finding::new(ABOUT.id, subject, level, sighting, &occurrence, sentence)
            .fact("Where", whereabouts(&stop))
            .fact("Successes there", run.risky_count().to_string());
        let mut finding = run.rest(finding);
        if has_own_device {
            finding = finding.against("The registered device is one that this user had before.");
        }
        if sighting.network.is_trusted {
            finding = finding.against("The address is in a trusted named location too.");
        }
        context.found(finding);
    }
}
