//! A revoked token, presented from where the user was never seen.

use serde::{Deserialize, Serialize};

use super::campaign::{is_familiar, source_of, span};
use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::facts::key_within;
use crate::finding::{EventRef, Finding, Level, Subject};
use crate::keyed::{Keyed, State, Touched};
use crate::profile::Trait;
use crate::settings::Values;
use crate::sighting::Sighting;
use crate::window::Recent;
use durward_model::time::DAY_MICROS;

/// What it says about itself.
pub static ABOUT: About = About {
    id: "revoked-token-reuse",
    title: "Revoked token used elsewhere",
    summary: "A token or session that was revoked was presented from a network that is new for the \
              user, and the user did not sign in from there afterwards.",
    risk_event_type: "anomalousToken",
    techniques: &["T1528", "T1550.001"],
    level: Level::Low,
    timing: Timing::Offline,
    wants: Class::REVOKED.and(Class::SUCCESS),
    inputs: &[
        "userId",
        "ipAddress",
        "autonomousSystemNumber",
        "deviceDetail/deviceId",
        "status/errorCode",
    ],
    learning: "five days a user",
    method: &[
        "A refusal counts when the token or session was revoked (50173, 50132, 50133), and neither \
         the network (/24, /48), nor the autonomous system, nor the device is familiar for the \
         user.",
        "It is found when the user has not succeeded from that network by the end of `wait`: after \
         a change of password the rightful user signs in again.",
        "There is one finding a user, network and day.",
    ],
    against: &["A phone in another network after a change of password, which the user put away."],
    tuning: "Raise `wait` for users who rarely answer their phone.",
    response: &[
        "The token no longer works; look at what the session did before it was revoked.",
        "Look for the same address among other users.",
    ],
    parameters: &[Parameter {
        name: "wait",
        meaning: "Time within which a success explains it",
        default: 4.0,
        unit: Unit::Hours,
        range: (0.25, 48.0),
    }],
    is_on: true,
    alerts: true,
};

/// Refusals that wait for a success, or are remembered for the day.
const WAITING_MAX: usize = 20_000;
/// Refusals kept of one user and network.
const EVENTS_MAX: usize = 20;
/// How long a user must have been watched.
const LEARNING_MICROS: i64 = 5 * DAY_MICROS;

/// What is presented by one user from one network.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Waiting {
    /// What will be told unless the user succeeds.
    finding: Option<Box<Finding>>,
    events: Recent<EventRef>,
    first_micros: i64,
}

impl Touched for Waiting {
    fn touched_micros(&self) -> i64 {
        self.events.last_micros()
    }
}

struct RevokedTokenReuse {
    wait_micros: i64,
    waiting: Keyed<Waiting>,
}

/// Makes it.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(RevokedTokenReuse {
        wait_micros: values.micros("wait"),
        waiting: Keyed::new(WAITING_MAX),
    })
}

impl Detection for RevokedTokenReuse {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let source = source_of(sighting);
        if source == 0 || sighting.user == 0 || !sighting.is(Class::USER) {
            return;
        }
        let key = key_within(sighting.user, source);
        if sighting.is(Class::REVOKED) {
            if is_new(sighting, context) {
                self.refused(key, sighting);
            }
        } else if self.waiting.get(key).is_some_and(|one| one.finding.is_some()) {
            self.waiting.entry(key).finding = None;
        }
    }

    fn tick(&mut self, at_micros: i64, context: &mut Context<'_>) {
        let is_ripe = |one: &Waiting| {
            one.finding.is_some() && at_micros - one.first_micros >= self.wait_micros
        };
        let mut ripe: Vec<u64> =
            self.waiting.iter().filter(|(_, one)| is_ripe(one)).map(|(key, _)| key).collect();
        ripe.sort_unstable();
        for key in ripe {
            if let Some(finding) = self.waiting.entry(key).finding.take() {
                context.found(*finding);
            }
        }
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.waiting
    }
}

/// Is everything about it new for a user who is known?
fn is_new(sighting: &Sighting<'_>, context: &Context<'_>) -> bool {
    let at = sighting.at_micros;
    let asn = u64::from(sighting.network.asn);
    let profile = context.profiles.user(sighting);
    profile.is_some_and(|profile| {
        profile.age_micros(at) >= LEARNING_MICROS
            && profile.seen(Trait::Prefix, sighting.network.prefix, at).is_none()
            && (asn == 0 || profile.seen(Trait::Asn, asn, at).is_none())
    }) && !is_familiar(sighting, context)
        && !sighting.network.is_trusted
        && !sighting.network.is_shared
}

impl RevokedTokenReuse {
    fn refused(&mut self, key: u64, sighting: &Sighting<'_>) {
        let at = sighting.at_micros;
        let waiting = self.waiting.entry(key);
        if waiting.finding.is_none() {
            let is_same_day = waiting.first_micros.div_euclid(DAY_MICROS) == at / DAY_MICROS;
            if is_same_day && !waiting.events.is_empty() {
                return; // Told, or explained, today.
            }
            waiting.events.clear();
            waiting.first_micros = at;
        }
        waiting.events.push(at, EventRef::of(sighting), i64::MAX, EVENTS_MAX);
        let events: Vec<EventRef> = waiting.events.iter().map(|(_, one)| *one).collect();
        let risky = events.iter().map(|one| one.id).collect();
        let count = events.len() as u64;
        let (address, place) = (sighting.address_text(), sighting.place());
        let sentence = format!(
            "A revoked token of {} was presented from {address} ({place}), where the user was \
             never seen before, and did not sign in afterwards.",
            sighting.user_name(),
        );
        let mut occurrence = waiting.first_micros.div_euclid(DAY_MICROS).to_le_bytes().to_vec();
        occurrence.extend(key.to_le_bytes());
        let subject = Subject::user(sighting);
        let finding = Finding::new(ABOUT.id, subject, ABOUT.level, sighting, &occurrence, sentence)
            .resting_on(events, count, risky)
            .fact("Refusals", format!("{count}, the last with {}", sighting.outcome.code))
            .fact("Without a success for", span(self.wait_micros))
            .fact("Application", sighting.app_name());
        waiting.finding = Some(Box::new(finding));
    }
}
