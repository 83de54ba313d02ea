//! Many wrong passwords for one account.

use hashbrown::HashSet;
use serde::{Deserialize, Serialize};

use super::campaign::{Campaign, GUESS, Hit, PROOF, Try, counted, is_familiar, is_proof, span};
use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::finding::{Level, Subject};
use crate::keyed::{Keyed, State, Touched};
use crate::settings::Values;
use crate::sighting::Sighting;
use crate::window::Recent;

/// What it says about itself.
pub static ABOUT: About = About {
    id: "brute-force",
    title: "Brute force on an account",
    summary: "Many wrong passwords were tried on one account within an hour, from one or more \
              addresses.",
    risk_event_type: "unfamiliarFeatures",
    techniques: &["T1110.001", "T1078.004"],
    level: Level::Medium,
    timing: Timing::Offline,
    wants: GUESS.and(PROOF),
    inputs: &[
        "userId",
        "ipAddress",
        "status/errorCode",
        "deviceDetail/deviceId",
        "authenticationDetails",
    ],
    learning: "none; without a profile of the user every network counts as unfamiliar",
    method: &[
        "Wrong passwords and lockouts of one user are counted within the window.",
        "It is medium when enough of them come from networks and devices that the user does not \
         usually use, and low otherwise: a program that goes on with an old password.",
        "It is high when the password is right in the end: a success, or a right password that was \
         stopped by a second factor or Conditional Access, from a network and device that the \
         user does not usually use, within one window after the last attempt.",
        "Attempts that go on with pauses shorter than the window are one finding.",
    ],
    against: &[
        "A phone, mail program or script with an old password, in a network that is new for the \
         user.",
    ],
    tuning: "Raise `attempts` where programs retry quickly; smart lockout locks after ten.",
    response: &[
        "If the password was right in the end: revoke sessions, reset the password.",
        "Ask the user whether a device of theirs still has an old password.",
        "If not: block the addresses, and check that the account has a second factor.",
    ],
    parameters: &[
        Parameter {
            name: "attempts",
            meaning: "Wrong passwords for one account within the window",
            default: 20.0,
            unit: Unit::Count,
            range: (3.0, 200.0),
        },
        Parameter {
            name: "window",
            meaning: "Time within which they are counted",
            default: 60.0,
            unit: Unit::Minutes,
            range: (1.0, 1440.0),
        },
    ],
    is_on: true,
    alerts: true,
};

/// Users watched at a time.
const USERS_MAX: usize = 200_000;
/// Attempts remembered of one user; as many as the largest threshold.
const TRIES_MAX: usize = 200;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Guessed {
    tries: Recent<Try>,
    campaign: Option<Box<Campaign>>,
}

impl Touched for Guessed {
    fn touched_micros(&self) -> i64 {
        self.tries.last_micros()
    }
}

struct BruteForce {
    attempts: usize,
    window_micros: i64,
    users: Keyed<Guessed>,
}

/// Makes it.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(BruteForce {
        attempts: values.count("attempts"),
        window_micros: values.micros("window"),
        users: Keyed::new(USERS_MAX),
    })
}

impl Detection for BruteForce {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        if sighting.user == 0 || !sighting.is(Class::USER) {
            return;
        }
        if sighting.is(GUESS) {
            self.failed(sighting, context);
        } else if is_proof(sighting) {
            self.passed(sighting, context);
        }
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.users
    }
}

impl BruteForce {
    fn failed(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let (at, window) = (sighting.at_micros, self.window_micros);
        let one = Try::of(sighting, !is_familiar(sighting, context));
        let user = self.users.entry(sighting.user);
        user.tries.push(at, one, window, TRIES_MAX);
        match &mut user.campaign {
            Some(campaign) if campaign.is_open(at, window) => campaign.add(&one),
            _ if user.tries.len() < self.attempts => return,
            campaign => {
                let campaign = campaign.get_or_insert_default();
                campaign.begin(Subject::user(sighting), user.tries.iter().map(|(_, one)| one));
            }
        }
        self.tell(sighting, context);
    }

    fn passed(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let (at, window) = (sighting.at_micros, self.window_micros);
        let campaign = self.users.get(sighting.user).and_then(|user| user.campaign.as_ref());
        let is_open = campaign.is_some_and(|campaign| campaign.is_open(at, window));
        if !is_open || is_familiar(sighting, context) {
            return;
        }
        let user = self.users.entry(sighting.user);
        if let Some(campaign) = &mut user.campaign {
            campaign.gave_in(Hit::of(sighting));
        }
        self.tell(sighting, context);
    }

    fn tell(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let user = self.users.entry(sighting.user);
        let Some(campaign) = &mut user.campaign else { return };
        let strange = user.tries.iter().filter(|(_, one)| one.is_strange).count();
        let level = if strange >= self.attempts { ABOUT.level } else { Level::Low };
        if !campaign.is_due(level) {
            return;
        }
        let addresses: HashSet<u64> = user.tries.iter().map(|(_, one)| one.address).collect();
        let (attempts, length) = (campaign.attempts(), span(campaign.length_micros()));
        let from = match campaign.addresses() {
            1 => format!("{} ({})", sighting.address_text(), sighting.place()),
            more => counted(more, "address"),
        };
        let sentence = format!(
            "{attempts} wrong passwords were tried for {} from {from} in {length}{}.",
            sighting.user_name(),
            campaign.outcome(),
        );
        let (needed, window) = (self.attempts, span(self.window_micros));
        let mut finding = campaign
            .tell(&ABOUT, sighting, sentence)
            .fact(
                "Wrong passwords",
                format!("{attempts} in {length}; {needed} within {window} are enough"),
            )
            .fact("Addresses within the window", addresses.len().to_string())
            .fact(
                "From unfamiliar networks and devices",
                format!("{strange} of {} within {window}", user.tries.len()),
            );
        if level == Level::Low {
            finding = finding.against(
                "Most of them come from a network or device that the user usually signs in with: \
                 an old password that a program keeps trying.",
            );
        }
        context.found(finding);
    }
}
