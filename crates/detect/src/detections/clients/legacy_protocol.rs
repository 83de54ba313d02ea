//! Success by a protocol that knows no second factor.

use durward_model::time::DAY_MICROS;
use serde::{Deserialize, Serialize};

use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::finding::{EventRef, Finding, Level, Subject};
use crate::keyed::{Keyed, State, Touched};
use crate::profile::Trait;
use crate::settings::Values;
use crate::sighting::Sighting;
use crate::window::Recent;
use durward_model::FieldId;

/// What it says about itself.
pub static ABOUT: About = About {
    id: "legacy-protocol",
    title: "Legacy protocol success",
    summary: "Somebody signed in by a protocol that cannot ask for a second factor, and this user \
              does not usually do that.",
    risk_event_type: "unfamiliarFeatures",
    techniques: &["T1078.004", "T1110"],
    level: Level::Medium,
    timing: Timing::RealTime,
    wants: Class::LEGACY,
    inputs: &["clientAppUsed", "userAgent", "userId", "ipAddress", "status/errorCode"],
    learning: "as long as `usual-after` says; until then what is found is recorded as low",
    method: &[
        "A sign-in counts when its client application is one of the legacy protocols, or its user \
         agent is one of those that hand passwords on.",
        "A success is found when the user has not used that protocol within the time that makes it \
         usual.",
        "Enough wrong passwords by legacy protocols within a day before the success make it high.",
    ],
    against: &[
        "A printer, scanner or script that was set up recently.",
        "A mail program on an old phone.",
    ],
    tuning: "List accounts of devices and scripts under `service-accounts`; better, block legacy \
             authentication for everybody else by Conditional Access.",
    response: &[
        "Ask the user whether they set up a mail program or device.",
        "If not: revoke sessions, reset the password, and block legacy authentication.",
    ],
    parameters: &[
        Parameter {
            name: "usual-after",
            meaning: "A protocol used within so many days is usual",
            default: 30.0,
            unit: Unit::Days,
            range: (1.0, 90.0),
        },
        Parameter {
            name: "failures",
            meaning: "Wrong passwords within a day before the success that make it high",
            default: 5.0,
            unit: Unit::Count,
            range: (1.0, 1000.0),
        },
    ],
    is_on: true,
    alerts: true,
};

/// Users watched at a time.
const USERS_MAX: usize = 200_000;
/// Wrong passwords remembered of one user.
const FAILURES_MAX: usize = 64;

/// Wrong passwords of one user by legacy protocols.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Failures(Recent<EventRef>);

impl Touched for Failures {
    fn touched_micros(&self) -> i64 {
        self.0.last_micros()
    }
}

#[derive(Debug)]
struct LegacyProtocol {
    usual_micros: i64,
    failures: usize,
    users: Keyed<Failures>,
}

/// Makes the detection.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(LegacyProtocol {
        usual_micros: values.micros("usual-after"),
        failures: values.count("failures"),
        users: Keyed::new(USERS_MAX),
    })
}

impl Detection for LegacyProtocol {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        if sighting.user == 0 {
            return;
        }
        let guess = Class::WRONG_PASSWORD.and(Class::LOCKED);
        if sighting.is(guess) {
            let failures = &mut self.users.entry(sighting.user).0;
            let event = EventRef::of(sighting);
            failures.push(sighting.at_micros, event, DAY_MICROS, FAILURES_MAX);
        } else if sighting.is_user_success() && !sighting.actor.is_service {
            self.judge(sighting, context);
        }
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.users
    }
}

impl LegacyProtocol {
    fn judge(&self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let at = sighting.at_micros;
        let profile = context.profiles.user(sighting);
        let usual = profile
            .and_then(|profile| profile.seen(Trait::Method, sighting.device.client_app, at))
            .filter(|seen| at - seen.last_micros <= self.usual_micros);
        if usual.is_some() {
            return;
        }
        let failures: Vec<EventRef> = self
            .users
            .get(sighting.user)
            .map(|failures| failures.0.since(at - DAY_MICROS).map(|(_, one)| *one).collect())
            .unwrap_or_default();
        let was_guessed = failures.len() >= self.failures;
        let is_known = profile.is_some_and(|profile| profile.age_micros(at) >= self.usual_micros);
        let level = match (was_guessed, is_known) {
            (true, _) => Level::High,
            (false, true) => Level::Medium,
            (false, false) => Level::Low,
        };
        let protocol = sighting.text(FieldId::ClientAppUsed);
        let sentence = format!(
            "{} signed in by {protocol} from {}, which they do not usually do; {protocol} cannot \
             ask for a second factor.",
            sighting.user_name(),
            sighting.place(),
        );
        let day = at.div_euclid(DAY_MICROS).to_le_bytes();
        let subject = Subject::user(sighting);
        let mut finding = Finding::new(ABOUT.id, subject, level, sighting, &day, sentence)
            .fact("Protocol", protocol)
            .fact("Address", sighting.address_text());
        if !failures.is_empty() {
            let text = format!("{} in the day before; high from {}", failures.len(), self.failures);
            let count = failures.len() as u64 + 1;
            let risky: Vec<_> = failures.iter().map(|one| one.id).chain([sighting.id]).collect();
            let events = failures.into_iter().chain([EventRef::of(sighting)]).collect();
            finding = finding.fact("Wrong passwords", text).resting_on(events, count, risky);
        }
        if !is_known {
            finding = finding.against("This user has not been watched long enough to know.");
        }
        if sighting.network.is_trusted {
            finding = finding.against("The address is in a trusted named location.");
        }
        context.found(finding);
    }
}
