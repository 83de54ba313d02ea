//! Conditional Access blocks far more than usual.

use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::finding::Level;
use crate::keyed::State;
use crate::settings::Values;
use crate::sighting::Sighting;

use super::surge::Surge;

/// What it says about itself.
pub static ABOUT: About = About {
    id: "policy-block-surge",
    title: "Surge of Conditional Access blocks",
    summary: "Conditional Access refused far more sign-ins within an hour than the tenant is used \
              to: a policy that shuts people out, or an attack that policies stop.",
    risk_event_type: "",
    techniques: &["T1078.004", "T1110"],
    level: Level::Medium,
    timing: Timing::Offline,
    wants: Class::POLICY_BLOCK,
    inputs: &["status/errorCode", "conditionalAccessStatus", "appDisplayName", "ipAddress"],
    learning: "14 days",
    method: &[
        "Sign-ins that end with a Conditional Access code (53000 to 53004, 50005, 50097, 50131, \
         50155 and the like) are counted per tenant and hour.",
        "The hour is compared with the same hour of the last 14 days: more than their mean plus \
         `deviations` standard deviations, and more than `least`, is a surge.",
        "More than twice the largest of the 14 days is medium, else low; low too when one address \
         or one account makes more than half of them.",
        "Surges less than 26 hours apart are one finding.",
    ],
    against: &["A new policy, switched on as planned.", "A program with an unmanaged device."],
    tuning: "Raise `least` in large tenants, `deviations` where days differ much. Try policies in \
             report-only mode first.",
    response: &[
        "Look which policy and application the blocks are about, and what changed in policies \
         lately.",
        "If policies are unchanged, look at addresses and accounts: who is being stopped?",
    ],
    parameters: &[
        Parameter {
            name: "least",
            meaning: "Blocks within an hour that there must be more than",
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
struct PolicyBlockSurge(Surge);

/// Makes the detection.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    let (least, deviations) = (values.count("least"), values.number("deviations"));
    Box::new(PolicyBlockSurge(Surge::new(
        &ABOUT,
        "sign-ins were blocked by Conditional Access",
        least,
        deviations,
    )))
}

impl Detection for PolicyBlockSurge {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        self.0.count(sighting, context);
    }

    fn tick(&mut self, at_micros: i64, _: &mut Context<'_>) {
        self.0.tick(at_micros);
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.0.tenants
    }
}
