//! Any use of an emergency account.

use crate::class::Class;
use crate::detection::{About, Context, Detection, Timing};
use crate::finding::{Finding, Level, Subject};
use crate::keyed::{Keyed, State};
use crate::settings::Values;
use crate::sighting::Sighting;

use super::daily::Daily;

/// What it says about itself.
pub static ABOUT: About = About {
    id: "break-glass",
    title: "Emergency account used",
    summary: "Somebody tried to sign in with an emergency (break-glass) account, with success or \
              without. Such accounts are for the day when nothing else works.",
    risk_event_type: "",
    techniques: &["T1078.004"],
    level: Level::High,
    timing: Timing::RealTime,
    wants: Class::USER,
    inputs: &["userId", "userPrincipalName", "status/errorCode", "ipAddress", "appDisplayName"],
    learning: "",
    method: &[
        "Every sign-in of an account on the list `break_glass` counts, by principal name or object \
         identifier, interactive or not.",
        "A success is high, a failure or interruption medium.",
        "All sign-ins of an account on one UTC day are one finding.",
    ],
    against: &["A drill, or the regular test of the account.", "A real emergency."],
    tuning: "Keep the list `break_glass` complete; there is nothing to learn. Announce drills, so \
             that the alert is closed as benign.",
    response: &[
        "Ask those who hold the credentials, by another channel than mail, whether they used it.",
        "If nobody did: revoke its sessions, change its credentials, and look at what was changed \
         in the directory since the first success.",
    ],
    parameters: &[],
    is_on: true,
    alerts: true,
};

/// Emergency accounts watched at a time; a tenant has two or three.
const ACCOUNTS_MAX: usize = 10_000;

#[derive(Debug)]
struct BreakGlass {
    accounts: Keyed<Daily>,
}

/// Makes the detection.
pub fn make(_: &Values<'_>) -> Box<dyn Detection> {
    Box::new(BreakGlass { accounts: Keyed::new(ACCOUNTS_MAX) })
}

impl Detection for BreakGlass {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        if !sighting.actor.is_break_glass || sighting.user == 0 {
            return;
        }
        let is_success = sighting.is(Class::SUCCESS);
        let level = if is_success { Level::High } else { Level::Medium };
        let today = self.accounts.entry(sighting.user);
        if !today.count(sighting, level) {
            return;
        }
        let did = match today.level {
            Level::High if is_success => "was used",
            Level::High => "was used earlier that day, and tried again",
            _ => "was tried without success",
        };
        let name = sighting.user_name();
        let sentence = format!("The emergency account {name} {did}, from {}.", sighting.place());
        let subject = Subject::user(sighting);
        let day = today.occurrence();
        let finding = Finding::new(ABOUT.id, subject, today.level, sighting, &day, sentence)
            .fact("Sign-ins that day", format!("{}; any is enough", today.count))
            .fact("Application", sighting.app_name())
            .fact("Address", sighting.address_text())
            .fact("Error code", sighting.outcome.code.to_string());
        context.found(today.rest(finding));
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.accounts
    }
}
