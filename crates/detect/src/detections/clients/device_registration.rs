//! Devices that join in a way their owners do not.

use durward_model::FieldId;
use durward_model::time::DAY_MICROS;
use serde::{Deserialize, Serialize};

use super::novelty::{Novelty, system};
use super::party::Party;
use super::run::Run;
use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::facts::{KnownApp, KnownResource};
use crate::finding::{Finding, Level, Subject};
use crate::keyed::{Keyed, State, Touched};
use crate::settings::Values;
use crate::sighting::Sighting;

/// What it says about itself.
pub static ABOUT: About = About {
    id: "device-registration",
    title: "Suspicious device registration",
    summary: "The device registration service was asked for without a second factor, by a session \
              that is used in two places, or from where the user never was. Whoever joins a device \
              gets tokens that outlive a new password.",
    risk_event_type: "generic",
    techniques: &["T1098.005", "T1550.001"],
    level: Level::Medium,
    timing: Timing::Offline,
    wants: Class::SUCCESS,
    inputs: &[
        "resourceId",
        "appId",
        "sessionId",
        "authenticationRequirement",
        "authenticationProcessingDetails",
        "incomingTokenType",
        "ipAddress",
        "autonomousSystemNumber",
        "deviceDetail/deviceId",
    ],
    learning: "7 days of the user; until then what needs it is recorded as low",
    method: &[
        "Successes of the authentication broker, and for the device registration service, count.",
        "Two of them in one session within `together`, at least one for device registration, from \
         two autonomous systems, with another client or faster than anybody travels: high.",
        "An interactive one for device registration with one factor, from a network new for the \
         user and without a registered device: medium.",
        "A renewal by the broker with a refresh token that asks to register a device \
         (adrs_access), from there: medium.",
        "What follows within a day is the same finding.",
    ],
    against: &["A new computer or phone that is being set up, at home or on a journey."],
    tuning: "Require a second factor for registering devices by Conditional Access.",
    response: &[
        "Look which devices of the user were registered since, and remove what is not theirs.",
        "Revoke all sessions after that, and reset the password.",
    ],
    parameters: &[Parameter {
        name: "together",
        meaning: "Within so many minutes two uses of a session belong together",
        default: 30.0,
        unit: Unit::Minutes,
        range: (1.0, 1440.0),
    }],
    is_on: true,
    alerts: true,
};

/// Users and sessions watched at a time.
const USERS_MAX: usize = 100_000;
const SESSIONS_MAX: usize = 200_000;

/// What a finding needs to go on.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Found {
    run: Run,
    novelty: Novelty,
}

impl Touched for Found {
    fn touched_micros(&self) -> i64 {
        self.run.last_micros()
    }
}

/// A session with the broker in it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Session {
    own: Option<Party>,
    /// When device registration was last asked for.
    registers_micros: Option<i64>,
}

impl Touched for Session {
    fn touched_micros(&self) -> i64 {
        self.own.as_ref().map_or(i64::MIN, |own| own.event.at_micros)
    }
}

#[derive(Debug)]
struct DeviceRegistration {
    together_micros: i64,
    /// Findings by user, and sessions.
    state: (Keyed<Found>, Keyed<Session>),
}

/// Makes the detection.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(DeviceRegistration {
        together_micros: values.micros("together"),
        state: (Keyed::new(USERS_MAX), Keyed::new(SESSIONS_MAX)),
    })
}

impl Detection for DeviceRegistration {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let is_broker = sighting.app.known == KnownApp::Broker;
        let registers = sighting.resource.known == KnownResource::DeviceRegistration;
        if !(is_broker || registers) || sighting.user == 0 || !sighting.is_user_success() {
            return;
        }
        let parted = self.compare(sighting, registers, context);
        let is_bare = registers && is_bare(sighting, is_broker);
        if let Some(own) = parted {
            let why = "one session in two places";
            self.found(sighting, Level::High, why, Some(&own), context);
        } else if is_bare {
            let novelty = Novelty::of(sighting, context);
            if novelty.is_stranger() {
                let level = if novelty.is_watched { Level::Medium } else { Level::Low };
                let why = if sighting.is(Class::INTERACTIVE) {
                    "one factor only"
                } else {
                    "by a refresh token that is not bound to a device"
                };
                self.found(sighting, level, why, None, context);
            }
        }
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.state
    }
}

impl DeviceRegistration {
    /// Who had the session before, if it is in two hands now and registers a device.
    fn compare(
        &mut self,
        sighting: &Sighting<'_>,
        registers: bool,
        context: &Context<'_>,
    ) -> Option<Party> {
        if sighting.session == 0 {
            return None;
        }
        let now = Party::of(sighting);
        let session = self.state.1.entry(sighting.session);
        if registers {
            session.registers_micros = Some(now.event.at_micros);
        }
        let is_near = |micros: i64| now.event.at_micros - micros <= self.together_micros;
        let own = *session.own.get_or_insert(now);
        let is_other = own.is_other_network(&now)
            && !own.is_same_device(&now)
            && (own.is_other_client(&now) || own.is_too_fast(&now) && !is_gateway(&own, &now));
        let is_both = is_other
            && is_near(own.event.at_micros)
            && session.registers_micros.is_some_and(is_near)
            && !super::novelty::is_shared(sighting, context);
        if is_both {
            return Some(own);
        }
        session.own = Some(now);
        None
    }

    fn found(
        &mut self,
        sighting: &Sighting<'_>,
        level: Level,
        why: &str,
        own: Option<&Party>,
        context: &mut Context<'_>,
    ) {
        let novelty = Novelty::of(sighting, context);
        let found = self.state.0.entry(sighting.user);
        found.run.add(sighting, DAY_MICROS);
        if found.run.count() == 1 {
            found.novelty = novelty;
        }
        if !found.run.is_due(level) {
            return;
        }
        let sentence = format!(
            "{} asked for device registration from {} ({}): {why}.",
            sighting.user_name(),
            sighting.place(),
            sighting.address_text(),
        );
        let subject = Subject::user(sighting);
        let (level, occurrence) = (found.run.worst(level), found.run.occurrence());
        let mut finding = Finding::new(ABOUT.id, subject, level, sighting, &occurrence, sentence)
            .fact("Why", why)
            .fact("Application", sighting.app_name())
            .fact("Resource", sighting.text(FieldId::ResourceDisplayName))
            .fact("Autonomous system", system(sighting.network.asn));
        if let Some(own) = own {
            let now = Party::of(sighting);
            finding = finding
                .fact("What changed", own.changes(&now))
                .fact("Time between", own.pause(&now));
        }
        let finding = found.novelty.speak(finding);
        let beside: Vec<_> = own.iter().map(|own| own.event).collect();
        context.found(found.run.tell(finding, &beside));
    }
}

/// A phone on the office's network and, a moment later, behind its carrier's gateway in another
/// city.
fn is_gateway(own: &Party, now: &Party) -> bool {
    !own.is_other_country(now) && !own.has_other_agent(now)
}

/// Without a second factor, or by a token anybody may hold.
fn is_bare(sighting: &Sighting<'_>, is_broker: bool) -> bool {
    let steps = sighting.authentication;
    if sighting.is(Class::INTERACTIVE) {
        return steps.is_single_factor && !steps.has_fresh_mfa && !steps.has_mfa_claim;
    }
    let token = sighting.token;
    is_broker
        && token.has_refresh_token
        && !token.has_primary_token
        && sighting.device.device == 0
        && sighting.text(FieldId::AuthenticationProcessingDetails).contains("adrs_access")
}
