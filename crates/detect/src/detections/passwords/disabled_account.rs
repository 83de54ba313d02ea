//! Accounts that are disabled, and are tried all the same.

use serde::{Deserialize, Serialize};

use super::campaign::{
    Campaign, GUESS, Try, counted, is_common_ground, is_familiar, source_of, span,
};
use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::finding::{Level, Subject};
use crate::keyed::{Keyed, State, Touched};
use crate::settings::Values;
use crate::sighting::Sighting;
use crate::window::{Distinct, Recent};

/// What it says about itself.
pub static ABOUT: About = About {
    id: "disabled-account",
    title: "Disabled accounts tried",
    summary: "Disabled accounts of several users, or one of them again and again, were tried from \
              one network.",
    risk_event_type: "",
    techniques: &["T1078.004", "T1110"],
    level: Level::Medium,
    timing: Timing::Offline,
    wants: GUESS.and(Class::DISABLED),
    inputs: &["ipAddress", "userId", "status/errorCode"],
    learning: "",
    method: &[
        "Disabled accounts (50057) are counted by network (/24 of IPv4, /48 of IPv6) within the \
         window.",
        "Enough different ones are medium, or low where most of them used to sign in from there, \
         or the network is trusted or shared.",
        "Many attempts on fewer accounts are low: most often a program that nobody removed.",
        "Where ten other accounts fail from there too, it is left to the detections of sprays.",
    ],
    against: &["A computer, phone or synchronisation program that a former employee left behind."],
    tuning: "Raise `attempts` if left-over programs fill the list.",
    response: &[
        "Find the program that still signs in, and remove it.",
        "If nobody knows the network: it has an old list of your users. Block it.",
    ],
    parameters: &[
        Parameter {
            name: "accounts",
            meaning: "Disabled accounts tried from one network within the window",
            default: 3.0,
            unit: Unit::Count,
            range: (2.0, 100.0),
        },
        Parameter {
            name: "attempts",
            meaning: "Attempts on fewer accounts that are recorded as low",
            default: 10.0,
            unit: Unit::Count,
            range: (2.0, 60.0),
        },
        Parameter {
            name: "window",
            meaning: "Time within which they are counted",
            default: 24.0,
            unit: Unit::Hours,
            range: (1.0, 168.0),
        },
    ],
    is_on: true,
    alerts: true,
};

/// Networks watched.
const SOURCES_MAX: usize = 100_000;
/// Accounts told apart that are tried from one network.
const ACCOUNTS_MAX: usize = 128;
/// From so many other accounts that fail on it is a spray.
const OTHERS: usize = 10;
/// Attempts kept before it is found; at least as many as `attempts` may be.
const TRIES_MAX: usize = 64;

/// A network.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Source {
    accounts: Distinct,
    strangers: Distinct,
    others: Distinct,
    tries: Recent<Try>,
    campaign: Option<Box<Campaign>>,
    last_micros: i64,
}

impl Touched for Source {
    fn touched_micros(&self) -> i64 {
        self.last_micros
    }
}

struct DisabledAccount {
    accounts: usize,
    attempts: usize,
    window_micros: i64,
    sources: Keyed<Source>,
}

/// Makes it.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(DisabledAccount {
        accounts: values.count("accounts"),
        attempts: values.count("attempts"),
        window_micros: values.micros("window"),
        sources: Keyed::new(SOURCES_MAX),
    })
}

impl Detection for DisabledAccount {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let (key, at, window) = (source_of(sighting), sighting.at_micros, self.window_micros);
        if key == 0 || sighting.user == 0 {
            return;
        }
        let one = Try::of(sighting, !is_familiar(sighting, context));
        let source = self.sources.entry(key);
        source.last_micros = at;
        if !sighting.is(Class::DISABLED) {
            source.others.see(at, one.user, window, OTHERS);
            return;
        }
        source.tries.push(at, one, window, TRIES_MAX);
        if one.is_strange {
            source.strangers.see(at, one.user, window, ACCOUNTS_MAX);
        }
        let since = at - window;
        let accounts = source.accounts.see(at, one.user, window, ACCOUNTS_MAX);
        let is_many = accounts >= self.accounts;
        if !is_many && source.tries.len() < self.attempts || source.others.count(since) >= OTHERS {
            return;
        }
        let campaign = source.campaign.get_or_insert_default();
        if campaign.is_open(at, window) {
            campaign.add(&one);
        } else {
            campaign.begin(Subject::address(sighting), source.tries.iter().map(|(_, one)| one));
        }
        let strangers = source.strangers.count(since);
        let is_common = is_common_ground(sighting, context) || strangers * 2 < accounts;
        let level = if is_many && !is_common { ABOUT.level } else { Level::Low };
        if !campaign.is_due(level) {
            return;
        }
        let length = span(campaign.length_micros());
        let what = match accounts {
            1 => format!("The disabled account of {}", sighting.user_name()),
            more => format!("{more} disabled accounts"),
        };
        let (attempts, place) = (campaign.attempts(), sighting.place());
        let sentence = format!(
            "{what} {} tried {} from {} ({place}) in {length}.",
            if accounts == 1 { "was" } else { "were" },
            counted(attempts as usize, "time"),
            sighting.address_text(),
        );
        let within = span(window);
        let mut finding = campaign
            .tell(&ABOUT, sighting, sentence)
            .fact("Accounts", format!("{accounts} within {within}; {} are enough", self.accounts))
            .fact("Attempts", format!("{attempts} in {length}; {} for low", self.attempts));
        if is_common {
            finding = finding.against(
                "Most of the accounts used to sign in from this network, or many people share it.",
            );
        }
        if !is_many {
            finding = finding.against("So few accounts are most often a left-over program.");
        }
        context.found(finding);
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.sources
    }
}
