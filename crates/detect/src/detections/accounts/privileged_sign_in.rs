//! Sign-ins of privileged accounts, as a list to look through.

use crate::class::Class;
use crate::detection::{About, Context, Detection, Timing};
use crate::finding::{Finding, Level, Subject};
use crate::keyed::{Keyed, State};
use crate::settings::Values;
use crate::sighting::Sighting;

use super::daily::Daily;

/// What it says about itself.
pub static ABOUT: About = About {
    id: "privileged-sign-in",
    title: "Privileged account signed in",
    summary: "A privileged account signed in. Nothing is wrong with that; some want a list of it.",
    risk_event_type: "",
    techniques: &["T1078.004"],
    level: Level::Low,
    timing: Timing::RealTime,
    wants: Class::INTERACTIVE,
    inputs: &["userId", "userPrincipalName", "status/errorCode", "isInteractive"],
    learning: "",
    method: &[
        "Every interactive success of an account on the list `privileged` counts.",
        "All of an account on one UTC day are one record.",
    ],
    against: &["Administrators administer."],
    tuning: "It is off unless switched on. List Global Administrators only under `privileged` to \
             see theirs alone.",
    response: &["Look whether the person was on duty, and what changed in the directory."],
    parameters: &[],
    is_on: false,
    alerts: false,
};

/// Privileged accounts watched at a time.
const ACCOUNTS_MAX: usize = 100_000;

#[derive(Debug)]
struct PrivilegedSignIn {
    accounts: Keyed<Daily>,
}

/// Makes the detection.
pub fn make(_: &Values<'_>) -> Box<dyn Detection> {
    Box::new(PrivilegedSignIn { accounts: Keyed::new(ACCOUNTS_MAX) })
}

impl Detection for PrivilegedSignIn {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let is_privileged = sighting.actor.is_privileged && sighting.user != 0;
        if !is_privileged || !sighting.is(Class::SUCCESS) {
            return;
        }
        let today = self.accounts.entry(sighting.user);
        if !today.count(sighting, Level::Low) {
            return;
        }
        let sentence = format!(
            "The privileged account {} signed in to {} from {}.",
            sighting.user_name(),
            sighting.app_name(),
            sighting.place(),
        );
        let subject = Subject::user(sighting);
        let day = today.occurrence();
        let finding = Finding::new(ABOUT.id, subject, Level::Low, sighting, &day, sentence)
            .fact("Sign-ins that day", today.count.to_string());
        context.found(today.rest(finding));
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.accounts
    }
}
