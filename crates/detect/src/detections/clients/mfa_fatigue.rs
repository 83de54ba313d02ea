//! Requests for a second factor, again and again, until the user gives in.

use super::second_factor::{Counter, Kind};
use crate::class::Class;
use crate::detection::{About, Detection, Parameter, Timing, Unit};
use crate::finding::Level;
use crate::settings::Values;

/// What it says about itself.
pub static ABOUT: About = About {
    id: "mfa-fatigue",
    title: "MFA fatigue",
    summary: "A user is asked for a second factor again and again and refuses, or does not answer. \
              Whoever asks knows the password and waits for the user to give in.",
    risk_event_type: "generic",
    techniques: &["T1621", "T1110"],
    level: Level::Medium,
    timing: Timing::Offline,
    wants: Class::MFA_FAILED.and(Class::SUCCESS),
    inputs: &[
        "status/errorCode",
        "status/additionalDetails",
        "authenticationDetails",
        "userId",
        "ipAddress",
        "autonomousSystemNumber",
        "deviceDetail/deviceId",
    ],
    learning: "",
    method: &[
        "A request counts when it ends with 500121: the second factor was refused, not answered or \
         failed. Typed codes are left to Passcode guessing.",
        "So many requests as `failures` says within `window` are a finding, medium.",
        "An interactive success from the same address or autonomous system within the window \
         afterwards makes it high.",
        "When all requests came from a device that the user has used, or with a usual client from \
         a usual network, it is low.",
        "Requests without a pause as long as the window are one finding.",
    ],
    against: &[
        "A broken or lost phone: the requests then come from the user's own device.",
        "An application that asks again by itself.",
    ],
    tuning: "Other published rules wait for 10 requests. Number matching in the authenticator \
             makes giving in by accident nearly impossible.",
    response: &[
        "Ask the user whether these requests were theirs.",
        "If not, the password is known: reset it. After a success, revoke all sessions first.",
        "Look what the sign-ins after the success did.",
    ],
    parameters: &[
        Parameter {
            name: "failures",
            meaning: "Requests refused or not answered that are a finding",
            default: 5.0,
            unit: Unit::Count,
            range: (2.0, 40.0),
        },
        Parameter {
            name: "window",
            meaning: "Within so many minutes",
            default: 15.0,
            unit: Unit::Minutes,
            range: (1.0, 240.0),
        },
    ],
    is_on: true,
    alerts: true,
};

/// Makes the detection.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(Counter::new(&ABOUT, Kind::Request, values))
}
