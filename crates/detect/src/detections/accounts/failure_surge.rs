//! Far more sign-ins fail than usual.

use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::finding::Level;
use crate::keyed::State;
use crate::settings::Values;
use crate::sighting::Sighting;

use super::surge::Surge;

/// What it says about itself.
pub static ABOUT: About = About {
    id: "failure-surge",
    title: "Surge of failures",
    summary: "Far more sign-ins failed within an hour than the tenant is used to: something broke, \
              or somebody guesses in bulk.",
    risk_event_type: "",
    techniques: &["T1110"],
    level: Level::Medium,
    timing: Timing::Offline,
    wants: Class::FAILED,
    inputs: &["status/errorCode", "appDisplayName", "ipAddress", "userId"],
    learning: "14 days",
    method: &[
        "Failures of people and workloads are counted per tenant and hour. Interruptions are no \
         failures; blocks by Conditional Access have a detection of their own.",
        "The hour is compared with the same hour of the last 14 days: more than their mean plus \
         `deviations` standard deviations, and more than `least`, is a surge.",
        "More than twice the largest of the 14 days is medium, else low; low too when one address, \
         one account, or guesses (wrong passwords, unknown, locked or disabled accounts) make more \
         than half of them, as other detections look at these.",
        "Surges less than 26 hours apart are one finding.",
    ],
    against: &["An application or a sign-in service that is down.", "A password change for all."],
    tuning: "Raise `least` in large tenants, `deviations` where days differ much.",
    response: &[
        "Look at the most frequent code and application: an outage has one of each.",
        "Wrong passwords over many accounts are a password spray: look at their addresses and user \
         agents.",
    ],
    parameters: &[
        Parameter {
            name: "least",
            meaning: "Failures within an hour that there must be more than",
            default: 50.0,
            unit: Unit::Count,
            range: (5.0, 1_000_000.0),
        },
        Parameter {
            name: "deviations",
            meaning: "Standard deviations above the mean",
            default: 3.0,
            unit: Unit::Count,
            range: (1.0, 20.0),
        },
    ],
    is_on: true,
    alerts: true,
};

#[derive(Debug)]
struct FailureSurge(Surge);

/// Makes the detection.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    let (least, deviations) = (values.count("least"), values.number("deviations"));
    Box::new(FailureSurge(Surge::new(&ABOUT, "sign-ins failed", least, deviations)))
}

impl Detection for FailureSurge {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        if !sighting.is(Class::POLICY_BLOCK) {
            self.0.count(sighting, context);
        }
    }

    fn tick(&mut self, at_micros: i64, _: &mut Context<'_>) {
        self.0.tick(at_micros);
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.0.tenants
    }
}
