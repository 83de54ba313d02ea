//! One-time codes tried until one fits.

use super::second_factor::{Counter, Kind};
use crate::class::Class;
use crate::detection::{About, Detection, Parameter, Timing, Unit};
use crate::finding::Level;
use crate::settings::Values;

/// What it says about itself.
pub static ABOUT: About = About {
    id: "passcode-guessing",
    title: "Passcode guessing",
    summary: "Codes of an authenticator app or token are wrong many times in a short while. \
              Whoever tries them knows the password.",
    risk_event_type: "generic",
    techniques: &["T1110.001", "T1621"],
    level: Level::Medium,
    timing: Timing::Offline,
    wants: Class::MFA_FAILED.and(Class::SUCCESS),
    inputs: &[
        "status/errorCode",
        "mfaDetail/authMethod",
        "authenticationDetails",
        "userId",
        "ipAddress",
        "autonomousSystemNumber",
        "deviceDetail/deviceId",
    ],
    learning: "",
    method: &[
        "A sign-in counts when it ends with 500121 and its second factor is an OATH code.",
        "So many wrong codes of one user as `failures` says within `window` are a finding, medium.",
        "An interactive success from the same address or autonomous system within the window \
         afterwards makes it high.",
        "When all came from a device that the user has used, or with a usual client from a usual \
         network, it is low.",
    ],
    against: &[
        "The clock of the phone or token is wrong: the codes then come from the user's own device.",
        "The user types the code of another account.",
    ],
    tuning: "Raise `failures` where old hardware tokens drift.",
    response: &[
        "Ask the user whether they tried to sign in.",
        "If not, the password is known: reset it. After a success, revoke all sessions first.",
    ],
    parameters: &[
        Parameter {
            name: "failures",
            meaning: "Wrong codes that are a finding",
            default: 10.0,
            unit: Unit::Count,
            range: (3.0, 40.0),
        },
        Parameter {
            name: "window",
            meaning: "Within so many minutes",
            default: 30.0,
            unit: Unit::Minutes,
            range: (1.0, 240.0),
        },
    ],
    is_on: true,
    alerts: true,
};

/// Makes the detection.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(Counter::new(&ABOUT, Kind::Passcode, values))
}
