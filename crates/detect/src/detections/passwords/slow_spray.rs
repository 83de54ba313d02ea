//! A few tries an account, spread over hours and days so that nothing locks and nobody looks.

use hashbrown::{HashMap, HashSet};
use serde::{Deserialize, Serialize};

use super::campaign::{
    Campaign, GUESS, Hit, PROOF, Try, is_common_ground, is_familiar, is_proof, source_of, span,
};
use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::finding::{Level, Subject};
use crate::keyed::{Keyed, State, Touched};
use crate::settings::Values;
use crate::sighting::Sighting;
use crate::window::{Distinct, Recent};
use durward_model::time::{HOUR_MICROS, SECOND_MICROS};

/// What it says about itself.
pub static ABOUT: About = About {
    id: "slow-spray",
    title: "Low-and-slow password spray",
    summary: "Over hours or days many accounts failed from one network, each only once or twice, \
              and nearly nobody signs in from there.",
    risk_event_type: "passwordSpray",
    techniques: &["T1110.003", "T1078.004"],
    level: Level::Medium,
    timing: Timing::Offline,
    wants: GUESS.and(Class::UNKNOWN_USER).and(Class::DISABLED).and(PROOF),
    inputs: &["ipAddress", "userId", "status/errorCode", "authenticationDetails"],
    learning: "",
    method: &[
        "Accounts are counted that fail from one network (/24 of IPv4, /48 of IPv6) within the \
         window, of users who neither usually sign in from there nor do so within the window.",
        "It is found when enough of them were tried no more often than `tries` allows, they make \
         four of five accounts that fail there, the attempts are at least two hours apart, and \
         at most a fifth as many users sign in from there.",
        "Ten accounts within half an hour are a fast spray and left to that detection.",
        "It is high when one of the accounts gives in: a success or a right password from that \
         network.",
    ],
    against: &["The guest network of a hotel or a conference that many colleagues visit."],
    tuning: "Raise `accounts` where many people travel; name networks of partners as shared.",
    response: &[
        "If an account gave in: revoke its sessions, reset its password, look at what it did.",
        "Block the network by Conditional Access.",
    ],
    parameters: &[
        Parameter {
            name: "accounts",
            meaning: "Accounts that fail from one network within the window",
            default: 15.0,
            unit: Unit::Count,
            range: (5.0, 400.0),
        },
        Parameter {
            name: "window",
            meaning: "Time within which they are counted",
            default: 3.0,
            unit: Unit::Days,
            range: (0.25, 14.0),
        },
        Parameter {
            name: "tries",
            meaning: "Tries of one account at most",
            default: 2.0,
            unit: Unit::Count,
            range: (1.0, 10.0),
        },
    ],
    is_on: true,
    alerts: true,
};

/// Networks watched.
const SOURCES_MAX: usize = 100_000;
/// Accounts told apart that fail from one network.
const ACCOUNTS_MAX: usize = 512;
/// Users told apart who sign in from it.
const SUCCEEDING_MAX: usize = 128;
/// Attempts kept as evidence before a spray is found.
const TRIES_MAX: usize = 64;
/// So many accounts in so long (µs) are a fast spray.
const FAST: (usize, i64) = (10, 1800 * SECOND_MICROS);
/// How long it must last.
const LENGTH_MICROS_MIN: i64 = 2 * HOUR_MICROS;

/// How often an account was tried, and when last.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Tried {
    last_micros: i64,
    times: u32,
}

/// A network.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Source {
    accounts: HashMap<u64, Tried>,
    succeeding: Distinct,
    tries: Recent<Try>,
    hits: Vec<Hit>,
    last_micros: i64,
    /// When it was a fast spray last.
    fast_micros: i64,
    campaign: Option<Box<Campaign>>,
}

impl Touched for Source {
    fn touched_micros(&self) -> i64 {
        self.last_micros
    }
}

struct SlowSpray {
    accounts: usize,
    window_micros: i64,
    tries: u32,
    sources: Keyed<Source>,
}

/// Makes it.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(SlowSpray {
        accounts: values.count("accounts"),
        window_micros: values.micros("window"),
        tries: values.count("tries") as u32,
        sources: Keyed::new(SOURCES_MAX),
    })
}

impl Detection for SlowSpray {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let key = source_of(sighting);
        if key == 0 || sighting.user == 0 || !sighting.is(Class::USER) {
            return;
        }
        let at = sighting.at_micros;
        if sighting.is(GUESS.and(Class::UNKNOWN_USER).and(Class::DISABLED)) {
            if !is_familiar(sighting, context) && !is_common_ground(sighting, context) {
                self.failed(key, sighting, context);
            }
        } else if sighting.is(Class::INTERACTIVE) && is_proof(sighting) {
            let source = self.sources.get(key);
            if source.is_some_and(|source| at - source.last_micros <= self.window_micros) {
                self.passed(key, sighting, context);
            }
        }
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.sources
    }
}

impl Source {
    /// Adds an attempt; false if it belongs to a fast spray.
    fn add(&mut self, one: &Try, window_micros: i64) -> bool {
        let at = one.event.at_micros;
        if self.fast_micros != 0 && at - self.fast_micros <= FAST.1 {
            self.fast_micros = at;
            return false;
        }
        // What is too old goes when there is a pause, or no room.
        if at - self.last_micros > FAST.1 || self.accounts.len() >= ACCOUNTS_MAX {
            self.accounts.retain(|_, tried| at - tried.last_micros <= window_micros);
            self.hits.retain(|hit| at - hit.event.at_micros <= window_micros);
        }
        self.last_micros = at;
        self.tries.push(at, *one, window_micros, TRIES_MAX);
        if self.accounts.len() < ACCOUNTS_MAX || self.accounts.contains_key(&one.user) {
            let tried = self.accounts.entry(one.user).or_default();
            (tried.last_micros, tried.times) = (at, tried.times.saturating_add(1));
        }
        let lately = self.tries.since(at - FAST.1).map(|(_, one)| one.user);
        if self.tries.len() >= FAST.0 && lately.collect::<HashSet<u64>>().len() >= FAST.0 {
            self.fast_micros = at;
            self.accounts.clear();
            self.tries.clear();
            self.hits.clear();
            return false;
        }
        true
    }

    /// Accounts that only fail: those tried seldom enough, and all.
    fn alone(&self, since: i64, tries: u32) -> (usize, usize) {
        let recent = self.accounts.iter().filter(|(user, tried)| {
            tried.last_micros >= since && !self.succeeding.has(**user, since)
        });
        recent.fold((0, 0), |(seldom, all), (_, tried)| {
            (seldom + usize::from(tried.times <= tries), all + 1)
        })
    }
}

impl SlowSpray {
    fn failed(&mut self, key: u64, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let (at, since) = (sighting.at_micros, sighting.at_micros - self.window_micros);
        let one = Try::of(sighting, true);
        let source = self.sources.entry(key);
        if !source.add(&one, self.window_micros) {
            return;
        }
        if let Some(campaign) = &mut source.campaign
            && campaign.is_open(at, self.window_micros)
        {
            campaign.add(&one);
        } else {
            if source.accounts.len() < self.accounts {
                return;
            }
            let (seldom, all) = source.alone(since, self.tries);
            let first = source.tries.since(since).next().map_or(at, |(first, _)| first);
            let is_spray = seldom >= self.accounts
                && seldom * 5 >= all * 4
                && at - first >= LENGTH_MICROS_MIN
                && source.succeeding.count(since) * 5 <= seldom;
            if !is_spray {
                return;
            }
            let campaign = source.campaign.get_or_insert_default();
            let tries = source.tries.since(since).map(|(_, one)| one);
            campaign.begin(Subject::address(sighting), tries);
            campaign.add_accounts(source.accounts.keys().copied());
            source.hits.drain(..).for_each(|hit| campaign.gave_in(hit));
        }
        self.tell(key, sighting, context);
    }

    /// Somebody knows the password.
    fn passed(&mut self, key: u64, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let at = sighting.at_micros;
        let source = self.sources.entry(key);
        let was_tried = source.accounts.contains_key(&sighting.user);
        if sighting.is(Class::SUCCESS) {
            source.succeeding.see(at, sighting.user, self.window_micros, SUCCEEDING_MAX);
        }
        if !was_tried || is_familiar(sighting, context) {
            return;
        }
        match &mut source.campaign {
            Some(campaign) if campaign.is_open(at, self.window_micros) => {
                campaign.gave_in(Hit::of(sighting));
                self.tell(key, sighting, context);
            }
            _ if source.hits.len() < 4 => source.hits.push(Hit::of(sighting)),
            _ => {}
        }
    }

    fn tell(&mut self, key: u64, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let since = sighting.at_micros - self.window_micros;
        let source = self.sources.entry(key);
        let Some(campaign) = &mut source.campaign else { return };
        if !campaign.is_due(ABOUT.level) {
            return;
        }
        let (accounts, length) = (campaign.accounts(), span(campaign.length_micros()));
        let from = match campaign.addresses() {
            1 => format!("{} ({})", sighting.address_text(), sighting.place()),
            more => format!("{more} addresses of one network ({})", sighting.place()),
        };
        let outcome = campaign.outcome();
        let sentence =
            format!("{accounts} accounts failed once or twice from {from} over {length}{outcome}.");
        let (needed, window) = (self.accounts, span(self.window_micros));
        let attempts = campaign.attempts();
        let tries = attempts as f64 / accounts.max(1) as f64;
        let finding = campaign
            .tell(&ABOUT, sighting, sentence)
            .fact(
                "Accounts tried",
                format!("{accounts} in {length}; {needed} within {window} are enough"),
            )
            .fact(
                "Attempts",
                format!("{attempts}: {tries:.1} an account; at most {} count", self.tries),
            )
            .fact(
                "Users who signed in from there meanwhile",
                source.succeeding.count(since).to_string(),
            );
        context.found(finding);
    }
}
