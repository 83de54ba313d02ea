//! Guessing and success by protocols that know no second factor.

use durward_model::FieldId;
use durward_model::time::{DAY_MICROS, HOUR_MICROS};
use serde::{Deserialize, Serialize};

use super::novelty::Novelty;
use super::party::duration;
use super::run::Run;
use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::finding::{EventRef, Finding, Level, Subject};
use crate::keyed::{Keyed, State, Touched};
use crate::profile::Trait;
use crate::settings::Values;
use crate::sighting::Sighting;
use crate::window::Distinct;

/// What it says about itself.
pub static ABOUT: About = About {
    id: "legacy-protocol",
    title: "Legacy protocol success",
    summary: "Somebody guesses passwords, or signed in, by a protocol that cannot ask for a \
              second factor, in a way this user does not usually do.",
    risk_event_type: "unfamiliarFeatures",
    techniques: &["T1078.004", "T1110"],
    level: Level::Medium,
    timing: Timing::RealTime,
    wants: Class::LEGACY,
    inputs: &["clientAppUsed", "userAgent", "userId", "ipAddress", "status/errorCode"],
    learning: "as long as `usual-after` says; until then a first use is recorded as low. Guessing \
               and a success after guessing need no learning",
    method: &[
        "A sign-in counts when its client application is one of the legacy protocols, or its user \
         agent is one of those that hand passwords on.",
        "Guessing is found when so many wrong passwords as `guesses` says come within an hour from \
         one address, or for one account, from a network that the user has not used. It is medium.",
        "A success is high when it comes from a network new for the user after so many wrong \
         passwords as `failures` says within a day, for that user or from that address.",
        "A success without guessing is found when the user has not used that protocol within the \
         time that makes it usual. It is medium, and low while the user is not known well.",
        "A success by the usual protocol from a new network is recorded as low.",
    ],
    against: &[
        "A printer, scanner or script that was set up or moved recently.",
        "A mail program on an old phone, or one that still has an old password.",
    ],
    tuning: "List accounts of devices and scripts under `service-accounts`: their first use of a \
             protocol is then no finding. Better, block legacy authentication for everybody else \
             by Conditional Access.",
    response: &[
        "Ask the user whether they set up a mail program or device.",
        "If not: revoke sessions, reset the password, and block legacy authentication.",
        "After guessing: look which accounts the address tried, and whether it succeeded.",
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
            range: (1.0, 40.0),
        },
        Parameter {
            name: "guesses",
            meaning: "Wrong passwords within an hour that are a finding without success",
            default: 10.0,
            unit: Unit::Count,
            range: (3.0, 40.0),
        },
    ],
    is_on: true,
    alerts: true,
};

/// Users watched at a time.
const USERS_MAX: usize = 200_000;
/// Addresses watched at a time.
const ADDRESSES_MAX: usize = 200_000;
/// Accounts told apart for one address.
const ACCOUNTS_MAX: usize = 64;

/// Wrong passwords by legacy protocols, of a user or from an address.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Guesses {
    run: Run,
    accounts: Distinct,
    /// Successes that were found, of a user, and where they came from.
    won: Run,
    won_from: u64,
    won_novelty: Novelty,
    won_is_first: bool,
}

impl Touched for Guesses {
    fn touched_micros(&self) -> i64 {
        self.run.last_micros().max(self.won.last_micros())
    }
}

impl Guesses {
    /// Those of the day before an instant.
    fn lately(&self, at_micros: i64) -> Vec<EventRef> {
        let mut events = self.run.events();
        events.retain(|event| at_micros - event.at_micros <= DAY_MICROS);
        events
    }
}

#[derive(Debug)]
struct LegacyProtocol {
    usual_micros: i64,
    failures: usize,
    guesses: usize,
    /// By user and by address.
    state: (Keyed<Guesses>, Keyed<Guesses>),
}

/// Makes the detection.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(LegacyProtocol {
        usual_micros: values.micros("usual-after"),
        failures: values.count("failures"),
        guesses: values.count("guesses"),
        state: (Keyed::new(USERS_MAX), Keyed::new(ADDRESSES_MAX)),
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
        let guess = Class::WRONG_PASSWORD.and(Class::LOCKED).and(Class::UNKNOWN_USER);
        if sighting.is(guess) {
            self.guess(sighting, context);
        } else if sighting.is_user_success() {
            self.success(sighting, context);
        }
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.state
    }
}

impl LegacyProtocol {
    fn guess(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let (users, addresses) = &mut self.state;
        let user = users.entry(sighting.user);
        user.run.add(sighting, DAY_MICROS);
        // A device with an old password fails from where it always is.
        if !Novelty::of(sighting, context).network {
            return;
        }
        let since = sighting.at_micros - HOUR_MICROS;
        let least = self.guesses;
        if sighting.address != 0 {
            let address = addresses.entry(sighting.address);
            address.run.add(sighting, DAY_MICROS);
            let accounts =
                address.accounts.see(sighting.at_micros, sighting.user, DAY_MICROS, ACCOUNTS_MAX);
            if address.run.since(since) >= least {
                if address.run.is_due(Level::Medium) {
                    let finding =
                        guessing(sighting, Subject::address(sighting), &address.run, accounts);
                    let count = address.run.since(since);
                    let finding = finding.fact("Threshold", threshold(count, least));
                    context.found(address.run.tell(finding, &[]));
                }
                return;
            }
        }
        if user.run.since(since) >= least && user.run.is_due(Level::Medium) {
            let finding = guessing(sighting, Subject::user(sighting), &user.run, 1);
            let finding = finding.fact("Threshold", threshold(user.run.since(since), least));
            context.found(user.run.tell(finding, &[]));
        }
    }

    fn success(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let at = sighting.at_micros;
        let novelty = Novelty::of(sighting, context);
        let user = self.state.0.get(sighting.user);
        let goes_on = user.is_some_and(|user| {
            user.won.is_told()
                && user.won_from == sighting.address
                && at - user.won.first_micros() <= DAY_MICROS
        });
        let mut failures = user.map(|user| user.lately(at)).unwrap_or_default();
        if let Some(address) = self.state.1.get(sighting.address) {
            failures.extend(address.lately(at));
        }
        failures.sort_unstable();
        failures.dedup();
        let is_odd = novelty.network || goes_on;
        let was_guessed = failures.len() >= self.failures && is_odd;
        let profile = context.profiles.user(sighting);
        let usual = profile
            .and_then(|profile| profile.seen(Trait::Method, sighting.device.client_app, at))
            .filter(|seen| at - seen.last_micros <= self.usual_micros);
        let is_known = profile.is_some_and(|profile| profile.age_micros(at) >= self.usual_micros);
        let is_first = usual.is_none() && !sighting.actor.is_service;
        let level = match (was_guessed, is_first, is_known) {
            (true, _, _) => Level::High,
            (false, true, true) => Level::Medium,
            (false, true, false) => Level::Low,
            (false, false, true) if novelty.network => Level::Low,
            _ if goes_on => Level::Low,
            _ => return,
        };
        let won = self.state.0.entry(sighting.user);
        if !goes_on {
            won.won = Run::default();
        }
        won.won.add(sighting, DAY_MICROS);
        if !goes_on {
            (won.won_from, won.won_novelty) = (sighting.address, novelty);
            won.won_is_first = is_first;
        }
        if !won.won.is_due(level) {
            return;
        }
        let level = won.won.worst(level);
        let mut finding = succeeded(sighting, level, &won.won, won.won_is_first);
        if !failures.is_empty() {
            let text = format!(
                "{} in the day before, for this user or from this address; high from {} and a \
                 new network",
                failures.len(),
                self.failures
            );
            finding = finding.fact("Wrong passwords", text);
        }
        let finding = won.won.tell(won.won_novelty.speak(finding), &[]);
        let risky = finding.events.iter().map(|event| event.id);
        let risky: Vec<_> = risky.chain(failures.iter().map(|one| one.id)).collect();
        let events: Vec<_> = finding.events.iter().copied().chain(failures).collect();
        let count = events.len() as u64;
        context.found(finding.resting_on(events, count, risky));
    }
}

fn threshold(count: usize, least: usize) -> String {
    format!("{count} within the last hour; {least} are enough")
}

fn guessing(sighting: &Sighting<'_>, subject: Subject, run: &Run, accounts: usize) -> Finding {
    let protocol = protocol(sighting);
    let whose = if accounts == 1 { sighting.user_name() } else { format!("{accounts} accounts") };
    let count = run.count();
    let span = duration(sighting.at_micros - run.first_micros());
    let sentence = format!(
        "{count} wrong passwords for {whose} by {protocol} from {} ({}); {protocol} cannot ask \
         for a second factor.",
        sighting.address_text(),
        sighting.place(),
    );
    Finding::new(ABOUT.id, subject, Level::Medium, sighting, &run.occurrence(), sentence)
        .fact("Wrong passwords", format!("{count} in {span}"))
        .fact("Accounts", accounts.to_string())
        .fact("Protocol", protocol)
}

fn succeeded(sighting: &Sighting<'_>, level: Level, run: &Run, is_first: bool) -> Finding {
    let protocol = protocol(sighting);
    let what = match (level, is_first) {
        (Level::High, _) => "after wrong passwords from there",
        (_, true) => "which they do not usually do",
        (_, false) => "a network that is new for them",
    };
    let sentence = format!(
        "{} signed in by {protocol} from {}, {what}; {protocol} cannot ask for a second factor.",
        sighting.user_name(),
        sighting.place(),
    );
    let subject = Subject::user(sighting);
    Finding::new(ABOUT.id, subject, level, sighting, &run.occurrence(), sentence)
        .fact("Protocol", protocol)
        .fact("Address", sighting.address_text())
        .fact("Successes", run.count().to_string())
}

/// The protocol, or the user agent that gives it away.
fn protocol(sighting: &Sighting<'_>) -> String {
    let named = sighting.text(FieldId::ClientAppUsed);
    if named.is_empty() {
        sighting.text(FieldId::UserAgent).into_owned()
    } else {
        named.into_owned()
    }
}
