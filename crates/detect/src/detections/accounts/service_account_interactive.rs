//! A person uses an account that only programs should use.

use crate::class::Class;
use crate::detection::{About, Context, Detection, Timing};
use crate::facts::key_of;
use crate::finding::{Finding, Level, Subject};
use crate::keyed::{Keyed, State};
use crate::profile::Trait;
use crate::settings::Values;
use crate::sighting::Sighting;

use super::daily::Daily;

/// What it says about itself.
pub static ABOUT: About = About {
    id: "service-account-interactive",
    title: "Service account used by a person",
    summary: "An account that programs use signed in interactively with a browser. Its password is \
              in a script or a vault, and often exempt from a second factor.",
    risk_event_type: "unfamiliarFeatures",
    techniques: &["T1078.004"],
    level: Level::Medium,
    timing: Timing::RealTime,
    wants: Class::INTERACTIVE,
    inputs: &["userId", "userPrincipalName", "clientAppUsed", "userAgent", "isInteractive"],
    learning: "",
    method: &[
        "Interactive successes of accounts on the list `service_accounts` are looked at.",
        "One with a browser is found, medium; from a browser and network that the account has used \
         before it is low.",
        "All of an account on one UTC day are one finding.",
    ],
    against: &["Somebody who set up or tested the program.", "A robot that drives a browser."],
    tuning: "Take accounts of robots that drive a browser off the list, or give them a workload \
             identity.",
    response: &[
        "Ask those who run the program who signed in.",
        "If nobody did: change the password, revoke sessions, and look where it was kept.",
    ],
    parameters: &[],
    is_on: true,
    alerts: true,
};

/// Service accounts watched at a time.
const ACCOUNTS_MAX: usize = 100_000;

#[derive(Debug)]
struct ServiceInteractive {
    /// The client application that means a browser.
    browser: u64,
    accounts: Keyed<Daily>,
}

/// Makes the detection.
pub fn make(_: &Values<'_>) -> Box<dyn Detection> {
    Box::new(ServiceInteractive { browser: key_of("Browser"), accounts: Keyed::new(ACCOUNTS_MAX) })
}

impl Detection for ServiceInteractive {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let is_browser = sighting.device.client_app == self.browser && !sighting.is(Class::TOOL);
        if !sighting.actor.is_service || !is_browser || !sighting.is_user_success() {
            return;
        }
        if sighting.user == 0 {
            return;
        }
        let at = sighting.at_micros;
        let is_usual = context.profiles.user(sighting).is_some_and(|profile| {
            profile.seen(Trait::Method, self.browser, at).is_some()
                && profile.knows(Trait::Asn, u64::from(sighting.network.asn), at)
                && profile.knows(Trait::Client, sighting.device.client, at)
        });
        let today = self.accounts.entry(sighting.user);
        let level = if is_usual { Level::Low } else { Level::Medium };
        if !today.count(sighting, level) {
            return;
        }
        let sentence = format!(
            "The service account {} signed in to {} with a browser from {}.",
            sighting.user_name(),
            sighting.app_name(),
            sighting.place(),
        );
        let subject = Subject::user(sighting);
        let day = today.occurrence();
        let mut finding = Finding::new(ABOUT.id, subject, today.level, sighting, &day, sentence)
            .fact("Sign-ins with a browser that day", today.count.to_string())
            .fact("Address", sighting.address_text());
        // A second sign-in of the day is no habit.
        if today.level == Level::Low {
            finding = finding.against("The account used this browser and network before.");
        }
        if sighting.network.is_trusted {
            finding = finding.against("The address is in a trusted named location.");
        }
        context.found(today.rest(finding));
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.accounts
    }
}
