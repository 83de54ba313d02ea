//! What happens on a day, before any text: one small [`Planned`] a record.
//!
//! Plans are made for a whole day at a time (80 bytes a record), sorted, and turned into
//! JSON one by one, so memory stays bounded by the records of two to three days.

pub(crate) mod attacks;
pub(crate) mod background;
pub(crate) mod flow;
pub(crate) mod people;
pub(crate) mod stories;
pub(crate) mod workloads;

use crate::devices::{Browser, Device, Join, Platform};
use crate::dice::{Dice, Guid, Topic};
use crate::networks::Origin;
use crate::outcomes::Outcome;
use crate::policies::Risk;
use crate::tenant::Tenant;

/// Who signs in; the number is the position in the tenant's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Actor {
    Person(u32),
    Principal(u16),
    Identity(u16),
}

/// With what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Machine {
    /// A device of the person, by position.
    Own(u8),
    /// An attacker's computer with a browser.
    Stranger,
    /// A script with a library's user agent.
    Script,
    /// A mail program that sends user name and password.
    Mail,
}

/// What the authentication steps will say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Steps {
    /// Nothing recorded.
    None,
    /// Satisfied by a claim in the token.
    Claim,
    /// Right password, nothing else.
    Password,
    /// Right password and second factor.
    PasswordMfa,
    /// Windows Hello.
    Hello,
    /// Wrong password.
    Wrong,
    /// Right password, second factor not done yet.
    Pending,
    /// Right password, second factor refused or not answered.
    Refused,
}

impl Steps {
    /// Is the second factor done?
    pub(crate) fn has_mfa(self) -> bool {
        matches!(self, Steps::Claim | Steps::PasswordMfa | Steps::Hello)
    }
}

/// What identity protection says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Suspicion {
    None,
    Unfamiliar,
    Spray,
    Travel,
    Token,
}

impl Suspicion {
    /// The risk known while the sign-in happens; the others are found later.
    pub(crate) fn during(self) -> Risk {
        match self {
            Suspicion::None | Suspicion::Token => Risk::None,
            Suspicion::Unfamiliar => Risk::Low,
            Suspicion::Spray | Suspicion::Travel => Risk::Medium,
        }
    }

    /// Risk after all detections, and the type of the detection.
    pub(crate) fn aggregated(self) -> (Risk, Option<&'static str>) {
        match self {
            Suspicion::None => (Risk::None, None),
            Suspicion::Unfamiliar => (Risk::Low, Some("unfamiliarFeatures")),
            Suspicion::Spray => (Risk::Medium, Some("passwordSpray")),
            Suspicion::Travel => (Risk::Medium, Some("unlikelyTravel")),
            Suspicion::Token => (Risk::High, Some("anomalousToken")),
        }
    }
}

/// Flags of a planned record.
pub(crate) mod flag {
    /// In the interactive log.
    pub(crate) const INTERACTIVE: u8 = 1;
    /// The device code flow itself.
    pub(crate) const DEVICE_CODE: u8 = 2;
    /// The session began with a device code.
    pub(crate) const FROM_DEVICE_CODE: u8 = 4;
    /// Continuous access evaluation.
    pub(crate) const CAE: u8 = 8;
    /// The token came from the device's primary refresh token.
    pub(crate) const PRIMARY_TOKEN: u8 = 16;
    /// User name and password sent by a program.
    pub(crate) const ROPC: u8 = 32;
    /// The user asked for help from the error page.
    pub(crate) const FLAGGED: u8 = 64;
    /// A service principal's secret that is not its own.
    pub(crate) const STOLEN_CREDENTIAL: u8 = 128;
}

/// A record to come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planned {
    /// Ticks of 100 ns since 1970.
    pub(crate) at: i64,
    /// Everything random about the record follows from this and `at`.
    pub(crate) nonce: u64,
    /// `at` and `nonce` of the request that `originalRequestId` names.
    pub(crate) original: (i64, u64),
    pub(crate) correlation: u64,
    /// 0 is no session.
    pub(crate) session: u64,
    pub(crate) actor: Actor,
    pub(crate) origin: Origin,
    pub(crate) app: u16,
    pub(crate) resource: u16,
    pub(crate) machine: Machine,
    pub(crate) outcome: Outcome,
    pub(crate) steps: Steps,
    pub(crate) suspicion: Suspicion,
    pub(crate) flags: u8,
}

/// Two to three days of these are in memory at a time.
const _: () = assert!(size_of::<Planned>() <= 80);

impl Planned {
    /// The stream of chance that the record's details come from; the identifier is drawn first.
    pub(crate) fn dice(&self, seed: u64) -> Dice {
        Dice::new(seed, Topic::Record, self.nonce, self.at as u64)
    }

    /// The request identifier.
    pub(crate) fn id(&self, seed: u64) -> Guid {
        self.dice(seed).guid()
    }

    /// The order of the stream.
    pub(crate) fn order(&self) -> (i64, u64) {
        (self.at, self.nonce)
    }
}

/// The device behind a machine. Strangers have an ordinary Windows computer nobody knows.
pub(crate) fn device_of(tenant: &Tenant, actor: Actor, machine: Machine) -> Option<&Device> {
    static STRANGER: Device = Device::stranger(Platform::Windows, Browser::Chrome, Join::None);
    match (actor, machine) {
        (Actor::Person(number), Machine::Own(at)) => {
            tenant.people[number as usize].devices.get(usize::from(at))
        }
        (_, Machine::Stranger) => Some(&STRANGER),
        _ => None,
    }
}
