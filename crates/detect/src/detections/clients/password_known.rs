//! The right password, and then nothing: whoever tried has no second factor.

use durward_model::Id;
use durward_model::time::DAY_MICROS;
use serde::{Deserialize, Serialize};

use super::novelty::Novelty;
use super::party::duration;
use super::run::Run;
use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::finding::{Finding, Level, Subject};
use crate::keyed::{Keyed, State, Touched};
use crate::settings::Values;
use crate::sighting::Sighting;

/// What it says about itself.
pub static ABOUT: About = About {
    id: "password-known",
    title: "Password known, second factor not given",
    summary: "Somebody entered the right password from a network and device new for this user, and \
              was stopped by the second factor or by a policy. The password should be changed.",
    risk_event_type: "generic",
    techniques: &["T1078.004", "T1110"],
    level: Level::Low,
    timing: Timing::Offline,
    wants: Class::MFA_ASKED.and(Class::MFA_FAILED).and(Class::POLICY_BLOCK).and(Class::SUCCESS),
    inputs: &[
        "status/errorCode",
        "isInteractive",
        "authenticationDetails",
        "userId",
        "ipAddress",
        "autonomousSystemNumber",
        "location/countryOrRegion",
        "deviceDetail/deviceId",
        "correlationId",
    ],
    learning: "7 days; until then what is found is recorded as low",
    method: &[
        "An interactive sign-in counts when it ended with a request for a second factor (50074, \
         50076, 500121), or was blocked by Conditional Access after the password was entered.",
        "It must come from an autonomous system the user has not used, and not from a registered \
         device the user has used.",
        "Then it waits as long as `wait` says. A success in the same attempt, or from the same \
         address or autonomous system, explains it.",
        "It is medium when the country is new for the user too, and low otherwise.",
        "Attempts with less than a day between them are one finding.",
    ],
    against: &[
        "A user on a journey with a new device who gave up.",
        "A user who has lost the second factor.",
    ],
    tuning: "Raise `wait` if your users need long to find their second factor.",
    response: &[
        "Ask the user whether the attempt was theirs.",
        "If not, reset the password: the second factor alone protects the account now.",
        "Look who else was tried from that address.",
    ],
    parameters: &[Parameter {
        name: "wait",
        meaning: "How long the second factor may take",
        default: 30.0,
        unit: Unit::Minutes,
        range: (5.0, 240.0),
    }],
    is_on: true,
    alerts: true,
};

/// Users watched at a time.
const USERS_MAX: usize = 50_000;

/// What is known of the attempts against one user.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Attempts {
    run: Run,
    correlation: Option<Id>,
    address: u64,
    asn: u32,
    /// What will be told unless a success comes before.
    draft: Option<Box<Finding>>,
    due_micros: i64,
}

impl Touched for Attempts {
    fn touched_micros(&self) -> i64 {
        self.run.last_micros()
    }
}

#[derive(Debug)]
struct PasswordKnown {
    wait_micros: i64,
    users: Keyed<Attempts>,
}

/// Makes the detection.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(PasswordKnown { wait_micros: values.micros("wait"), users: Keyed::new(USERS_MAX) })
}

impl Detection for PasswordKnown {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        // Renewals ask for a second factor without a password.
        if !sighting.is(Class::INTERACTIVE) || sighting.user == 0 {
            return;
        }
        if sighting.is(Class::SUCCESS) {
            self.explain(sighting);
        } else if proves_password(sighting) {
            let novelty = Novelty::of(sighting, context);
            if novelty.is_stranger() {
                self.remember(sighting, novelty);
            }
        }
    }

    fn tick(&mut self, at_micros: i64, context: &mut Context<'_>) {
        let waiting = self.users.iter().filter(|(_, one)| one.draft.is_some());
        let due = waiting.filter(|(_, one)| one.due_micros <= at_micros);
        let mut due: Vec<u64> = due.map(|(key, _)| key).collect();
        due.sort_unstable();
        for key in due {
            let user = self.users.entry(key);
            if let Some(draft) = user.draft.take() {
                let finding = Finding { found_micros: at_micros, ..*draft };
                context.found(user.run.tell(finding, &[]));
            }
        }
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.users
    }
}

impl PasswordKnown {
    /// A success from there: the attempt was finished.
    fn explain(&mut self, sighting: &Sighting<'_>) {
        let Some(user) = self.users.get(sighting.user) else { return };
        let is_theirs = user.correlation == Some(sighting.correlation)
            || user.address == sighting.address
            || (user.asn != 0 && user.asn == sighting.network.asn);
        if user.draft.is_some() && is_theirs {
            let user = self.users.entry(sighting.user);
            (user.draft, user.run) = (None, Run::default());
        }
    }

    fn remember(&mut self, sighting: &Sighting<'_>, novelty: Novelty) {
        let user = self.users.entry(sighting.user);
        user.run.add(sighting, DAY_MICROS);
        let is_medium = novelty.country && novelty.is_watched;
        let level = if is_medium { Level::Medium } else { Level::Low };
        user.correlation = Some(sighting.correlation);
        (user.address, user.asn) = (sighting.address, sighting.network.asn);
        if user.draft.is_none() && !user.run.is_due(level) {
            return;
        }
        if user.draft.is_none() {
            user.due_micros = sighting.at_micros + self.wait_micros;
        }
        let sentence = format!(
            "Somebody who knows the password of {} tried to sign in from {} ({}) and did not get \
             past the second factor.",
            sighting.user_name(),
            sighting.place(),
            sighting.address_text(),
        );
        let new =
            if novelty.country { "autonomous system and country" } else { "autonomous system" };
        let subject = Subject::user(sighting);
        let level = user.run.worst(level);
        let occurrence = user.run.occurrence();
        let finding = Finding::new(ABOUT.id, subject, level, sighting, &occurrence, sentence)
            .fact("Attempts with the right password", user.run.count().to_string())
            .fact("Result", sighting.outcome.code.to_string())
            .fact("New for the user", new)
            .fact("Success from there", format!("none within {}", duration(self.wait_micros)));
        user.draft = Some(Box::new(novelty.speak(finding)));
    }
}

/// Was the password entered and right, and something else missing?
fn proves_password(sighting: &Sighting<'_>) -> bool {
    if sighting.is(Class::POLICY_BLOCK) {
        return sighting.authentication.has_password && !sighting.authentication.has_fresh_mfa;
    }
    sighting.is(Class::MFA_ASKED.and(Class::MFA_FAILED))
}
