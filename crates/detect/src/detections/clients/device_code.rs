//! Sign-ins by a device code: who enters the code need not be who gets the session.

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
    id: "device-code",
    title: "Device code sign-in",
    summary: "A user entered a device code, which is unusual for them, or the session that came of \
              it went on somewhere else. In device code phishing the attacker sends the code and \
              gets the session.",
    risk_event_type: "generic",
    techniques: &["T1528", "T1566.002", "T1550.001"],
    level: Level::Medium,
    timing: Timing::RealTime,
    wants: Class::DEVICE_CODE,
    inputs: &[
        "authenticationProtocol",
        "originalTransferMethod",
        "sessionId",
        "appId",
        "resourceId",
        "userId",
        "ipAddress",
        "autonomousSystemNumber",
        "location/countryOrRegion",
        "deviceDetail/deviceId",
        "userAgent",
    ],
    learning: "7 days of the user before a first code from elsewhere is more than low; none for \
               sessions that go on elsewhere",
    method: &[
        "All sign-ins of a session that began with a device code are one run.",
        "A first code within the time that makes it usual is low, and medium when it is used from \
         an autonomous system and device that are new for the user.",
        "When the session goes on from another autonomous system, new for the user, it is medium; \
         from another country, or by a script, high.",
        "When the authentication broker then asks for the device registration service, it is high: \
         a device is being joined that can get sessions of its own.",
        "One finding a session.",
    ],
    against: &[
        "A meeting room, a television, a command line on a server: their users do it again and \
         again.",
        "A developer signs in from a laptop for a tool that runs in a data centre.",
    ],
    tuning: "Lower `usual-after` to hear of more first uses. Better, block the device code flow by \
             Conditional Access for everybody who does not need it.",
    response: &[
        "Ask the user who gave them the code.",
        "If it came with a message or call: revoke all sessions, remove devices that were \
         registered since, and reset the password.",
    ],
    parameters: &[Parameter {
        name: "usual-after",
        meaning: "A user who entered a code within so many days usually does",
        default: 30.0,
        unit: Unit::Days,
        range: (1.0, 90.0),
    }],
    is_on: true,
    alerts: true,
};

/// Users and sessions watched at a time.
const USERS_MAX: usize = 200_000;
const SESSIONS_MAX: usize = 100_000;
/// Sign-ins without a session belong together for so long.
const PAUSE_MICROS: i64 = 30 * DAY_MICROS;

/// When a user last began a session with a code.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct LastCode(i64);

impl Default for LastCode {
    fn default() -> LastCode {
        LastCode(i64::MIN)
    }
}

impl Touched for LastCode {
    fn touched_micros(&self) -> i64 {
        self.0
    }
}

/// A session that began with a code.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Session {
    run: Run,
    began: Option<Party>,
    /// What it went on with, elsewhere.
    moved: Option<Party>,
    /// The user does this.
    is_usual: bool,
    /// What was new where it began, or where it went on.
    novelty: Novelty,
    registers: bool,
}

impl Touched for Session {
    fn touched_micros(&self) -> i64 {
        self.run.last_micros()
    }
}

#[derive(Debug)]
struct DeviceCode {
    usual_micros: i64,
    state: (Keyed<LastCode>, Keyed<Session>),
}

/// Makes the detection.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(DeviceCode {
        usual_micros: values.micros("usual-after"),
        state: (Keyed::new(USERS_MAX), Keyed::new(SESSIONS_MAX)),
    })
}

impl Detection for DeviceCode {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        if sighting.user == 0 || sighting.is(Class::FAILED) {
            return;
        }
        let novelty = Novelty::of(sighting, context);
        let now = Party::of(sighting);
        let key = if sighting.session == 0 { sighting.user } else { sighting.session };
        let session = self.state.1.entry(key);
        session.run.add(sighting, PAUSE_MICROS);
        if session.run.count() == 1 {
            let user = self.state.0.entry(sighting.user);
            let is_usual = user.0 != i64::MIN && sighting.at_micros - user.0 <= self.usual_micros;
            *session = Session {
                run: std::mem::take(&mut session.run),
                is_usual,
                novelty,
                ..Session::default()
            };
        }
        let began = *session.began.get_or_insert(now);
        let goes_on = session.moved.is_some_and(|moved| !moved.is_other_network(&now));
        let is_elsewhere = began.is_other_network(&now) && !began.is_same_device(&now);
        if session.moved.is_none() && is_elsewhere && novelty.network {
            (session.moved, session.novelty) = (Some(now), novelty);
        }
        let is_broker = sighting.app.known == KnownApp::Broker;
        let is_joining = sighting.resource.known == KnownResource::DeviceRegistration;
        session.registers |= is_broker && is_joining;
        if !sighting.is(Class::SUCCESS) {
            return;
        }
        self.state.0.entry(sighting.user).0 = sighting.at_micros;
        let session = self.state.1.entry(key);
        let Some(level) = session.level(&began) else { return };
        if session.run.is_due(level) || (session.moved.is_some() && !goes_on && level > Level::Low)
        {
            let finding = session.finding(sighting, level, &began);
            context.found(session.run.tell(session.novelty.speak(finding), &[]));
        }
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.state
    }
}

impl Session {
    fn level(&self, began: &Party) -> Option<Level> {
        if let Some(moved) = &self.moved {
            let is_far = began.is_other_country(moved) || (moved.is_tool() && !began.is_tool());
            return match (is_far || self.registers, self.is_usual) {
                (true, false) => Some(Level::High),
                (true, true) | (false, false) => Some(Level::Medium),
                (false, true) => Some(Level::Low),
            };
        }
        let is_strange = self.novelty.is_stranger();
        match (self.is_usual, self.registers, is_strange) {
            (_, true, true) => Some(Level::High),
            (false, true, false) => Some(Level::Medium),
            (false, false, true) if self.novelty.is_watched => Some(Level::Medium),
            (false, false, _) => Some(Level::Low),
            (true, _, _) => None,
        }
    }

    fn finding(&self, sighting: &Sighting<'_>, level: Level, began: &Party) -> Finding {
        let name = sighting.user_name();
        let (app, place) = (sighting.app_name(), sighting.place());
        let address = sighting.address_text();
        let sentence = match &self.moved {
            Some(moved) => format!(
                "{name} entered a device code for {app}; {} later the session went on from {place} \
                 ({address}).",
                began.pause(moved),
            ),
            None => format!(
                "{name} signed in to {app} by a device code from {place} ({address}), which they \
                 do not usually do."
            ),
        };
        let subject = Subject::user(sighting);
        let level = self.run.worst(level);
        let mut finding =
            Finding::new(ABOUT.id, subject, level, sighting, &self.run.occurrence(), sentence)
                .fact("Application", app)
                .fact("Autonomous system", system(sighting.network.asn))
                .fact("Sign-ins of the session", self.run.count().to_string());
        if let Some(moved) = &self.moved {
            finding = finding.fact("What changed", began.changes(moved));
            if let Some(km) = began.km(moved) {
                let pause = began.pause(moved);
                finding = finding.fact("Distance", format!("{km:.0} km in {pause}"));
            }
        }
        if self.registers {
            finding = finding.fact("Device registration", "asked for by the broker");
        }
        if self.is_usual {
            finding = finding.against("The user has entered device codes before.");
        }
        finding
    }
}
