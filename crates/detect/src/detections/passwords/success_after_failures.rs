//! Some wrong passwords, then the right one, from where the user does not usually sign in.

use serde::{Deserialize, Serialize};

use super::campaign::{GUESS, counted, is_familiar, span};
use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::finding::{EventRef, Finding, Level, Subject};
use crate::keyed::{Keyed, State, Touched};
use crate::profile::Trait;
use crate::settings::Values;
use crate::sighting::Sighting;
use crate::window::Recent;
use durward_model::Id;

/// What it says about itself.
pub static ABOUT: About = About {
    id: "success-after-failures",
    title: "Success after many failures",
    summary: "A user signed in after several wrong passwords, from a network and device that are \
              not familiar.",
    risk_event_type: "unfamiliarFeatures",
    techniques: &["T1110.001", "T1078.004"],
    level: Level::Medium,
    timing: Timing::RealTime,
    wants: GUESS.and(Class::SUCCESS),
    inputs: &[
        "userId",
        "ipAddress",
        "autonomousSystemNumber",
        "deviceDetail/deviceId",
        "status/errorCode",
        "authenticationDetails",
    ],
    learning: "as long as `learning` says; until then what is found is recorded as low",
    method: &[
        "Wrong passwords and lockouts of a user from networks and devices that are not familiar \
         are counted within the window before an interactive success.",
        "The success counts when its network (/24, /48) and its device are not familiar for the \
         user either.",
        "It is medium when the autonomous system is new for the user too, and low when it is not, \
         when a second factor was given now, or when the user is new.",
        "So many wrong passwords that they are brute force are left to that detection.",
    ],
    against: &[
        "A user in a hotel, or with a new phone, who does not remember the password.",
        "A forgotten new password on the day after a change.",
    ],
    tuning: "Raise `failures` where passwords are long and typed often.",
    response: &[
        "Ask the user whether they were there.",
        "If not: revoke sessions, reset the password, and look at what the session did.",
    ],
    parameters: &[
        Parameter {
            name: "failures",
            meaning: "Wrong passwords before the success",
            default: 5.0,
            unit: Unit::Count,
            range: (2.0, 100.0),
        },
        Parameter {
            name: "brute-force",
            meaning: "From so many wrong passwords on it is left to the detection of brute force",
            default: 20.0,
            unit: Unit::Count,
            range: (3.0, 200.0),
        },
        Parameter {
            name: "window",
            meaning: "Time before the success within which they are counted",
            default: 60.0,
            unit: Unit::Minutes,
            range: (1.0, 1440.0),
        },
        Parameter {
            name: "learning",
            meaning: "How long a user must have been watched",
            default: 5.0,
            unit: Unit::Days,
            range: (0.0, 60.0),
        },
    ],
    is_on: true,
    alerts: true,
};

/// Users watched at a time.
const USERS_MAX: usize = 200_000;
/// Wrong passwords remembered of one user.
const FAILURES_MAX: usize = 200;

/// Wrong passwords of one user from where they are not known.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Failures(Recent<EventRef>);

impl Touched for Failures {
    fn touched_micros(&self) -> i64 {
        self.0.last_micros()
    }
}

struct SuccessAfterFailures {
    failures: usize,
    brute_force: usize,
    window_micros: i64,
    learning_micros: i64,
    users: Keyed<Failures>,
}

/// Makes it.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(SuccessAfterFailures {
        failures: values.count("failures"),
        brute_force: values.count("brute-force"),
        window_micros: values.micros("window"),
        learning_micros: values.micros("learning"),
        users: Keyed::new(USERS_MAX),
    })
}

impl Detection for SuccessAfterFailures {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        if sighting.user == 0 || !sighting.is(Class::USER) {
            return;
        }
        if sighting.is(GUESS) {
            if !is_familiar(sighting, context) {
                let event = EventRef::of(sighting);
                let failures = &mut self.users.entry(sighting.user).0;
                failures.push(event.at_micros, event, self.window_micros, FAILURES_MAX);
            }
        } else if sighting.is(Class::INTERACTIVE) {
            self.judge(sighting, context);
        }
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.users
    }
}

impl SuccessAfterFailures {
    fn judge(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let at = sighting.at_micros;
        let Some(Failures(failures)) = self.users.get(sighting.user) else { return };
        if at.saturating_sub(failures.last_micros()) > self.window_micros {
            return;
        }
        let events: Vec<EventRef> =
            failures.since(at - self.window_micros).map(|(_, event)| *event).collect();
        let count = events.len();
        if !(self.failures..self.brute_force).contains(&count) || is_familiar(sighting, context) {
            return;
        }
        let finding = self.finding(events, sighting, context);
        context.found(finding);
        self.users.entry(sighting.user).0.clear();
    }

    fn finding(
        &self,
        mut events: Vec<EventRef>,
        sighting: &Sighting<'_>,
        context: &Context<'_>,
    ) -> Finding {
        let at = sighting.at_micros;
        let profile = context.profiles.user(sighting);
        let is_learnt =
            profile.is_some_and(|profile| profile.age_micros(at) >= self.learning_micros);
        let asn = u64::from(sighting.network.asn);
        let is_known_provider =
            asn != 0 && profile.is_some_and(|profile| profile.knew(Trait::Asn, asn, at));
        let has_factor = sighting.authentication.has_fresh_mfa;
        let is_quiet = is_known_provider || has_factor || !is_learnt;
        let level = if is_quiet { Level::Low } else { ABOUT.level };
        let (count, first) = (events.len(), events[0]);
        let Id(occurrence) = first.id;
        let (needed, window) = (self.failures, span(self.window_micros));
        let length = span(at - first.at_micros);
        let sentence = format!(
            "{} signed in from {} ({}) after {} in {length}, and does not usually sign in from \
             there.",
            sighting.user_name(),
            sighting.address_text(),
            sighting.place(),
            counted(count, "wrong password"),
        );
        events.push(EventRef::of(sighting));
        let risky = events.iter().map(|event| event.id).collect();
        let subject = Subject::user(sighting);
        let mut finding = Finding::new(ABOUT.id, subject, level, sighting, &occurrence, sentence)
            .resting_on(events, count as u64 + 1, risky)
            .fact(
                "Wrong passwords before",
                format!("{count} in {length}; {needed} within {window} are enough"),
            )
            .fact("Application", sighting.app_name());
        if has_factor {
            finding = finding.against("A second factor was given with this sign-in.");
        }
        if is_known_provider {
            finding = finding.against("The user has signed in through this provider before.");
        }
        if !is_learnt {
            finding = finding.against("This user has not been watched long enough to know.");
        }
        finding
    }
}
