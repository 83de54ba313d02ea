//! An authorization code given to a command line and redeemed by somebody else.

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
    id: "code-theft",
    title: "Authorization code theft",
    summary: "A user signed in to a command-line tool of Microsoft's, and its tokens were then \
              used from another network. The user may have been led to paste the address with the \
              code into a page of the attacker.",
    risk_event_type: "generic",
    techniques: &["T1528", "T1550.001"],
    level: Level::Medium,
    timing: Timing::Offline,
    wants: Class::SUCCESS,
    inputs: &[
        "appId",
        "isInteractive",
        "userId",
        "ipAddress",
        "autonomousSystemNumber",
        "location/countryOrRegion",
        "deviceDetail/deviceId",
        "signInTokenProtectionStatus",
    ],
    learning: "",
    method: &[
        "Successes at Azure CLI, Azure PowerShell, Azure AD PowerShell, Microsoft Graph Command \
         Line Tools, Visual Studio Code and Visual Studio count.",
        "An interactive one is remembered for as long as `watch` says.",
        "A non-interactive one of the same user for one of them is found when it comes from an \
         autonomous system that is neither that of the interactive one nor known for the user, \
         and not from the same registered device.",
        "It is medium; from another country, or faster than anybody travels, high.",
        "What follows within a day is the same finding.",
    ],
    against: &[
        "A VPN that was switched on or off.",
        "A command line in a data centre whose browser is on the user's computer.",
    ],
    tuning: "List your VPN exits and the networks of your build machines under `trusted-networks`.",
    response: &[
        "Ask the user whether a page asked them to paste or drag an address.",
        "If so, revoke all sessions and look what was done with the tokens.",
        "Allow these tools only for those who need them.",
    ],
    parameters: &[Parameter {
        name: "watch",
        meaning: "How long after the interactive sign-in tokens are compared with it",
        default: 24.0,
        unit: Unit::Hours,
        range: (1.0, 168.0),
    }],
    is_on: true,
    alerts: true,
};

/// Users watched at a time.
const USERS_MAX: usize = 100_000;

/// A user at a command line.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct User {
    began: Option<Party>,
    /// The first use from elsewhere.
    used: Option<Party>,
    run: Run,
    novelty: Novelty,
}

impl Touched for User {
    fn touched_micros(&self) -> i64 {
        let began = self.began.as_ref().map_or(i64::MIN, |party| party.event.at_micros);
        began.max(self.run.last_micros())
    }
}

#[derive(Debug)]
struct CodeTheft {
    watch_micros: i64,
    users: Keyed<User>,
}

/// Makes the detection.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(CodeTheft { watch_micros: values.micros("watch"), users: Keyed::new(USERS_MAX) })
}

impl Detection for CodeTheft {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        if sighting.app.known != KnownApp::CommandLine
            || sighting.user == 0
            || !sighting.is_user_success()
        {
            return;
        }
        // Passwords and device codes are no authorization codes.
        if sighting.is(Class::INTERACTIVE) {
            if !sighting.is(Class::ROPC.and(Class::DEVICE_CODE)) {
                self.users.entry(sighting.user).began = Some(Party::of(sighting));
            }
        } else {
            self.redeemed(sighting, context);
        }
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.users
    }
}

impl CodeTheft {
    fn redeemed(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let Some(user) = self.users.get(sighting.user) else { return };
        let Some(began) = user.began else { return };
        let now = Party::of(sighting);
        let is_late = now.event.at_micros - began.event.at_micros > self.watch_micros;
        if is_late || !began.is_other_network(&now) || began.is_same_device(&now) {
            return;
        }
        let novelty = Novelty::of(sighting, context);
        let goes_on = user.run.is_told()
            && now.event.at_micros - user.run.last_micros() <= DAY_MICROS
            && !novelty.is_shared;
        if !(novelty.network || goes_on) {
            return;
        }
        let is_far = began.is_other_country(&now) || began.is_too_fast(&now);
        let level = if is_far { Level::High } else { Level::Medium };
        let user = self.users.entry(sighting.user);
        user.run.add(sighting, DAY_MICROS);
        if user.run.count() == 1 {
            (user.novelty, user.used) = (novelty, Some(now));
        }
        if user.run.is_due(level) {
            let finding = user.finding(sighting, level, &began, &user.used.unwrap_or(now));
            context.found(user.run.tell(finding, &[began.event]));
        }
    }
}

impl User {
    fn finding(
        &self,
        sighting: &Sighting<'_>,
        level: Level,
        began: &Party,
        used: &Party,
    ) -> Finding {
        let app = sighting.app_name();
        let pause = began.pause(used);
        let sentence = format!(
            "{} signed in to {app}; {pause} later its token was used in another network, from {} \
             ({}).",
            sighting.user_name(),
            sighting.place(),
            sighting.address_text(),
        );
        let subject = Subject::user(sighting);
        let level = self.run.worst(level);
        let mut finding =
            Finding::new(ABOUT.id, subject, level, sighting, &self.run.occurrence(), sentence)
                .fact("Application", app)
                .fact("What changed", began.changes(used))
                .fact("Autonomous system, new for the user", system(sighting.network.asn))
                .fact("Uses from there", self.run.count().to_string());
        if let Some(km) = began.km(used) {
            finding = finding.fact("Distance", format!("{km:.0} km in {pause}"));
        }
        if sighting.token.is_unbound {
            finding = finding.fact("Token", "not bound to a device");
        }
        self.novelty.speak(finding)
    }
}
