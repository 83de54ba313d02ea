//! A proxy between the user and the sign-in page, which keeps the session.

use durward_model::time::DAY_MICROS;
use serde::{Deserialize, Serialize};

use super::novelty::{Novelty, system};
use super::party::Party;
use super::run::Run;
use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::facts::KnownApp;
use crate::finding::{Finding, Level, Subject};
use crate::keyed::{Keyed, State, Touched};
use crate::settings::Values;
use crate::sighting::Sighting;

/// What it says about itself.
pub static ABOUT: About = About {
    id: "adversary-in-the-middle",
    title: "Suspected adversary in the middle",
    summary: "A user seems to have signed in through a phishing proxy, which passes on password \
              and second factor and keeps the session.",
    risk_event_type: "attackerinTheMiddle",
    techniques: &["T1557", "T1539", "T1566"],
    level: Level::High,
    timing: Timing::Offline,
    wants: Class::SUCCESS.and(Class::TOOL),
    inputs: &[
        "appId",
        "userAgent",
        "status/errorCode",
        "authenticationDetails",
        "sessionId",
        "ipAddress",
        "autonomousSystemNumber",
        "location/countryOrRegion",
        "deviceDetail/deviceId",
    ],
    learning: "none for kits that give themselves away; 7 days for sessions that change hands, \
               which are low until then",
    method: &[
        "A kit gives itself away when the sign-in to OfficeHome or to the authentication broker \
         has the user agent of a script. A success is high; a right password alone is medium. \
         Device code sign-ins are left to Device code sign-in.",
        "Otherwise, a session is watched that begins with a fresh second factor, without a \
         registered device, from a network new for the user, a hosting provider, or a listed \
         network.",
        "It is found when a renewal of that session comes from another autonomous system within \
         `watch`, with another client, faster than anybody travels, or from a new network in \
         another country. It is high when the session \
         began at a hosting provider or on a listed network, or both networks are new; else \
         medium.",
        "One finding a session.",
    ],
    against: &[
        "A cloud desktop or a browser that is isolated in a data centre.",
        "A program of one's own that signs in to the portal page for tests.",
    ],
    tuning: "List hosting providers under `hosting-networks`, and your cloud desktops under \
             `trusted-networks`.",
    response: &[
        "Revoke all sessions of the user at once, then reset the password.",
        "Look for new authentication methods, devices and inbox rules since then.",
        "Find the message that led there, and who else got it.",
    ],
    parameters: &[Parameter {
        name: "watch",
        meaning: "How long a session is watched after it began",
        default: 24.0,
        unit: Unit::Hours,
        range: (1.0, 168.0),
    }],
    is_on: true,
    alerts: true,
};

/// Users and sessions watched at a time.
const USERS_MAX: usize = 50_000;
const SESSIONS_MAX: usize = 100_000;

/// A session that may have begun at a proxy.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Session {
    began: Option<Party>,
    /// Its first use by somebody else.
    used: Option<Party>,
    novelty: Novelty,
    /// Began at a hosting provider or on a listed network.
    is_hosted: bool,
    run: Run,
}

impl Touched for Session {
    fn touched_micros(&self) -> i64 {
        let began = self.began.as_ref().map_or(i64::MIN, |party| party.event.at_micros);
        began.max(self.run.last_micros())
    }
}

#[derive(Debug)]
struct AdversaryInTheMiddle {
    watch_micros: i64,
    /// Kits by user, and sessions.
    state: (Keyed<Run>, Keyed<Session>),
}

/// Makes the detection.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(AdversaryInTheMiddle {
        watch_micros: values.micros("watch"),
        state: (Keyed::new(USERS_MAX), Keyed::new(SESSIONS_MAX)),
    })
}

impl Detection for AdversaryInTheMiddle {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        if sighting.user == 0 || sighting.is(Class::DEVICE_CODE) {
            return;
        }
        if sighting.is(Class::TOOL) && is_kit(sighting) {
            self.kit(sighting, context);
        } else if sighting.session != 0 && sighting.is_user_success() {
            if sighting.is(Class::INTERACTIVE) {
                self.begin(sighting, context);
            } else {
                self.renew(sighting, context);
            }
        }
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.state
    }
}

impl AdversaryInTheMiddle {
    fn kit(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let level = match () {
            () if sighting.is(Class::SUCCESS) => Level::High,
            () if sighting.is(Class::RIGHT_PASSWORD) => Level::Medium,
            () => return,
        };
        let run = self.state.0.entry(sighting.user);
        run.add(sighting, DAY_MICROS);
        if !run.is_due(level) {
            return;
        }
        let tool = sighting.device.tool;
        let sentence = format!(
            "{} signed in to {} from {} ({}) with the user agent of {tool}, as phishing kits do.",
            sighting.user_name(),
            sighting.app_name(),
            sighting.place(),
            sighting.address_text(),
        );
        let subject = Subject::user(sighting);
        let level = run.worst(level);
        let finding = Finding::new(ABOUT.id, subject, level, sighting, &run.occurrence(), sentence)
            .fact("User agent", tool)
            .fact("Application", sighting.app_name())
            .fact("Result", sighting.outcome.code.to_string())
            .fact("Sign-ins", run.count().to_string());
        let finding = Novelty::of(sighting, context).speak(finding);
        context.found(run.tell(finding, &[]));
    }

    /// A session begins: is it one to watch?
    fn begin(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        if !sighting.authentication.has_fresh_mfa || sighting.device.device != 0 {
            return;
        }
        let network = sighting.network;
        let is_hosted = network.is_hosting || sighting.is(Class::LISTED_NETWORK);
        let novelty = Novelty::of(sighting, context);
        let is_odd = novelty.network || (is_hosted && !novelty.is_shared);
        if !is_odd || self.state.1.get(sighting.session).is_some() {
            return;
        }
        let session = self.state.1.entry(sighting.session);
        session.began = Some(Party::of(sighting));
        (session.novelty, session.is_hosted) = (novelty, is_hosted);
    }

    fn renew(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let Some(session) = self.state.1.get(sighting.session) else { return };
        let Some(began) = session.began else { return };
        let now = Party::of(sighting);
        let is_late = now.event.at_micros - began.event.at_micros > self.watch_micros;
        if is_late || !began.is_other_network(&now) || began.is_same_device(&now) {
            return;
        }
        let novelty = Novelty::of(sighting, context);
        let is_other = began.is_other_client(&now)
            || began.is_too_fast(&now)
            || (novelty.network && began.is_other_country(&now));
        if !is_other {
            return;
        }
        let session = self.state.1.entry(sighting.session);
        if novelty.is_shared && !session.run.is_told() {
            return;
        }
        let level = match (session.is_hosted, session.novelty.is_watched, novelty.network) {
            (true, _, _) | (false, true, true) => Level::High,
            (false, true, false) => Level::Medium,
            (false, false, _) => Level::Low,
        };
        session.run.add(sighting, self.watch_micros);
        if session.run.is_due(level) {
            let used = *session.used.get_or_insert(now);
            let finding = session.finding(sighting, level, &began, &used);
            let mut finding = session.run.tell(finding, &[began.event]);
            // Whoever began it was the attacker too.
            finding.risky.push(began.event.id);
            context.found(finding);
        }
    }
}

/// The applications that kits sign in to, by scripts.
fn is_kit(sighting: &Sighting<'_>) -> bool {
    // Programs on Android have this one.
    sighting.device.tool != "OkHttp"
        && matches!(sighting.app.known, KnownApp::OfficeHome | KnownApp::Broker)
}

impl Session {
    fn finding(
        &self,
        sighting: &Sighting<'_>,
        level: Level,
        began: &Party,
        used: &Party,
    ) -> Finding {
        let sentence = format!(
            "A session of {} that began with a second factor on an unknown device in an unknown \
             network was used {} later from {} ({}).",
            sighting.user_name(),
            began.pause(used),
            sighting.place(),
            sighting.address_text(),
        );
        let subject = Subject::user(sighting);
        let level = self.run.worst(level);
        let began_at = if self.is_hosted {
            "a hosting provider or listed network"
        } else {
            "a network new for the user"
        };
        let mut finding =
            Finding::new(ABOUT.id, subject, level, sighting, &self.run.occurrence(), sentence)
                .fact("Began", began_at)
                .fact("Second factor", "given at the beginning of the session")
                .fact("What changed", began.changes(used))
                .fact("Autonomous system", system(sighting.network.asn));
        if let Some(km) = began.km(used) {
            finding = finding.fact("Distance", format!("{km:.0} km in {}", began.pause(used)));
        }
        self.novelty.speak(finding)
    }
}
