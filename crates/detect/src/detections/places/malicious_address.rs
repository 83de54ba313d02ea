//! Success from an address that is known to be bad: by the administrator's list, or because
//! nearly everything that came from it lately failed, for many users.

use serde::{Deserialize, Serialize};

use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::facts::key_within;
use crate::finding::{EventRef, Finding, Level, Subject};
use crate::keyed::{Keyed, State, Touched};
use crate::profile::Stop;
use crate::settings::Values;
use crate::sighting::Sighting;

use super::anonymous_address::bulk;
use super::run::Run;
use super::tally::Tally;
use super::words::whereabouts;
use super::{ADDRESSES_MAX, PAUSE_MICROS, USERS_MAX};

/// What it says about itself.
pub static ABOUT: About = About {
    id: "malicious-address",
    title: "Malicious IP address",
    summary: "A user signed in, or proved to know the password, from an address that is on the \
              administrator's list of bad networks, or from which nearly everything failed lately.",
    risk_event_type: "maliciousIPAddress",
    techniques: &["T1078.004", "T1110"],
    level: Level::High,
    timing: Timing::Offline,
    wants: Class::SUCCESS
        .and(Class::RIGHT_PASSWORD)
        .and(Class::WRONG_PASSWORD)
        .and(Class::UNKNOWN_USER)
        .and(Class::LOCKED)
        .and(Class::LISTED_NETWORK),
    inputs: &["ipAddress", "autonomousSystemNumber", "status/errorCode", "userId"],
    learning: "none; the failure rate needs `users` failing users within `window`",
    method: &[
        "For every address, users who failed with a wrong password, an unknown name or a locked \
         account, and all attempts, are counted; the count begins anew after `window` without a \
         failure.",
        "A success from an address with at least `users` failing users and at least \
         `failure-share` failures is high; a right password that was not enough is medium.",
        "A success from an address on the list `malicious-networks` is high, too.",
        "Trusted and shared networks, and ways out that several people of the tenant use with \
         devices of theirs, are left alone, unless they are on the list.",
        "Failures from a listed address are counted by day, and low.",
    ],
    against: &[
        "An office or a school behind one address, in which a password was changed for many.",
        "An address that is no longer what the list says.",
    ],
    tuning: "List addresses that many people share under `shared-networks` or `trusted-networks`; \
             raise `users`.",
    response: &[
        "Revoke the sessions of the user and reset the password.",
        "Block the address by Conditional Access, and look at who else signed in from it.",
    ],
    parameters: &[
        Parameter {
            name: "users",
            meaning: "Users who must have failed from the address",
            default: 10.0,
            unit: Unit::Count,
            range: (2.0, 60.0),
        },
        Parameter {
            name: "failure-share",
            meaning: "Part of the attempts from the address that must have failed",
            default: 90.0,
            unit: Unit::Percent,
            range: (50.0, 100.0),
        },
        Parameter {
            name: "window",
            meaning: "After so long without a failure an address is judged anew",
            default: 7.0,
            unit: Unit::Days,
            range: (1.0, 90.0),
        },
        Parameter {
            name: "failures",
            meaning: "Failures from one listed address on a day that are worth a finding",
            default: 10.0,
            unit: Unit::Count,
            range: (1.0, 1_000_000.0),
        },
    ],
    is_on: true,
    alerts: true,
};

/// Failing users told apart at one address.
const FAILING_MAX: usize = 64;
/// Failures that prove that somebody guesses.
const REFUSED: Class = Class::WRONG_PASSWORD.and(Class::UNKNOWN_USER).and(Class::LOCKED);

/// What came from an address since the first failure.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Record {
    first_micros: i64,
    last_micros: i64,
    failures: u64,
    /// Successes and right passwords since then.
    others: u64,
    users: Vec<u64>,
}

impl Touched for Record {
    fn touched_micros(&self) -> i64 {
        self.last_micros
    }
}

impl Record {
    fn failed(&mut self, user: u64, at_micros: i64, window_micros: i64) {
        if at_micros - self.last_micros > window_micros {
            *self = Record { first_micros: at_micros, ..Record::default() };
        }
        self.last_micros = at_micros;
        self.failures += 1;
        if self.users.len() < FAILING_MAX && !self.users.contains(&user) {
            self.users.push(user);
        }
    }

    fn share_percent(&self) -> f64 {
        100.0 * self.failures as f64 / (self.failures + self.others).max(1) as f64
    }
}

#[derive(Debug)]
struct MaliciousAddress {
    users: usize,
    share_percent: f64,
    window_micros: i64,
    failures: u64,
    state: (Keyed<Run>, (Keyed<Record>, Keyed<Tally>)),
}

/// Makes the detection.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(MaliciousAddress {
        users: values.count("users"),
        share_percent: values.number("failure-share"),
        window_micros: values.micros("window"),
        failures: values.count("failures") as u64,
        state: (Keyed::new(USERS_MAX), (Keyed::new(ADDRESSES_MAX), Keyed::new(ADDRESSES_MAX))),
    })
}

impl Detection for MaliciousAddress {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let (at, address) = (sighting.at_micros, sighting.address);
        if address == 0 || !sighting.is(Class::USER) {
            return;
        }
        let is_listed = sighting.network.is_malicious;
        if sighting.is(REFUSED) {
            let record = self.state.1.0.entry(address);
            record.failed(sighting.user, at, self.window_micros);
        }
        if is_listed && sighting.is(Class::FAILED) {
            let tally = self.state.1.1.entry(address);
            if tally.count(sighting, self.failures) {
                context.found(bulk(ABOUT.id, tally, sighting, self.failures, "malicious"));
            }
        }
        if !sighting.is(Class::SUCCESS.and(Class::RIGHT_PASSWORD)) || sighting.user == 0 {
            return;
        }
        let record = self.state.1.0.get(address);
        let record = record.filter(|one| at - one.last_micros <= self.window_micros).cloned();
        if record.is_some() {
            self.state.1.0.entry(address).others += 1;
        }
        let network = sighting.network;
        let bad = record.filter(|one| {
            one.users.len() >= self.users
                && one.share_percent() >= self.share_percent
                && !network.is_trusted
                && !network.is_shared
                && !context.profiles.is_egress(&Stop::of(sighting))
        });
        if is_listed || bad.is_some() {
            self.judge(sighting, context, bad.as_ref());
        }
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.state
    }
}

impl MaliciousAddress {
    fn judge(
        &mut self,
        sighting: &Sighting<'_>,
        context: &mut Context<'_>,
        record: Option<&Record>,
    ) {
        let (at, is_success) = (sighting.at_micros, sighting.is(Class::SUCCESS));
        let level = if is_success { Level::High } else { Level::Medium };
        let run = self.state.0.entry(key_within(sighting.user, sighting.address));
        if !run.add(EventRef::of(sighting), None, level, at, PAUSE_MICROS) {
            return;
        }
        let did = if is_success { "signed in" } else { "entered the right password" };
        let why = match record {
            Some(_) => "from which nearly everything failed lately",
            None => "which is on the list of malicious networks",
        };
        let sentence =
            format!("{} {did} from {}, {why}.", sighting.user_name(), sighting.address_text());
        let (subject, occurrence) = (Subject::user(sighting), run.occurrence());
        let stop = Stop::of(sighting);
        let mut finding = Finding::new(ABOUT.id, subject, level, sighting, &occurrence, sentence)
            .fact("Where", whereabouts(&stop))
            .fact("On the list", if sighting.network.is_malicious { "yes" } else { "no" });
        if let Some(record) = record {
            let attempts = record.failures + record.others;
            let more = if record.users.len() == FAILING_MAX { " or more" } else { "" };
            finding = finding
                .fact(
                    "Failing users",
                    format!("{}{more}; {} are enough", record.users.len(), self.users),
                )
                .fact(
                    "Failure share",
                    format!(
                        "{} of {attempts} = {:.0} %; {} % are enough",
                        record.failures,
                        record.share_percent(),
                        self.share_percent
                    ),
                );
        }
        let profile = context.profiles.user(sighting);
        let knows_machine = profile
            .is_some_and(|one| one.knew_machine(stop.device, stop.client, at) && stop.device != 0);
        if knows_machine {
            finding = finding.against("The registered device is one that this user had before.");
        }
        context.found(run.rest(finding));
    }
}
