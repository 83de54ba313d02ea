//! Names that do not exist, tried to learn which do.

use serde::{Deserialize, Serialize};

use super::campaign::{Campaign, GUESS, Try, is_common_ground, source_of, span};
use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::finding::{Level, Subject};
use crate::keyed::{Keyed, State, Touched};
use crate::settings::Values;
use crate::sighting::Sighting;
use crate::window::{Distinct, Recent};

/// What it says about itself.
pub static ABOUT: About = About {
    id: "user-enumeration",
    title: "User enumeration",
    summary: "Many names that do not exist in the tenant were tried from one network: somebody \
              guesses who works here, or has an old list.",
    risk_event_type: "",
    techniques: &["T1087.004", "T1589.002"],
    level: Level::Low,
    timing: Timing::Offline,
    wants: GUESS.and(Class::UNKNOWN_USER),
    inputs: &["ipAddress", "userPrincipalName", "status/errorCode"],
    learning: "",
    method: &[
        "Different names that do not exist (50034) are counted by network (/24 of IPv4, /48 of \
         IPv6) within the window.",
        "It is low from `names` on, and medium from three times as many on, unless the network is \
         trusted or shared.",
        "Where accounts that exist fail from there too, five of them and a third of the names, it is \
         left to the detections of sprays.",
    ],
    against: &["A shared kiosk where people type private addresses.", "Many former employees."],
    tuning: "Raise `names` for tenants with many guests.",
    response: &["Block the network.", "Watch for a spray that uses the names that do exist."],
    parameters: &[
        Parameter {
            name: "names",
            meaning: "Names that do not exist, tried from one network within the window",
            default: 10.0,
            unit: Unit::Count,
            range: (3.0, 400.0),
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

/// Networks watched.
const SOURCES_MAX: usize = 100_000;
/// Names told apart that fail from one network.
const NAMES_MAX: usize = 512;
/// From so many accounts that exist on it is a spray.
const EXISTING: usize = 5;
/// So many times as needed are medium.
const MEDIUM_TIMES: usize = 3;
/// Attempts kept as evidence before it is found.
const TRIES_MAX: usize = 64;

/// A network.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Source {
    names: Distinct,
    existing: Distinct,
    tries: Recent<Try>,
    campaign: Option<Box<Campaign>>,
}

impl Touched for Source {
    fn touched_micros(&self) -> i64 {
        self.tries.last_micros()
    }
}

struct UserEnumeration {
    names: usize,
    window_micros: i64,
    sources: Keyed<Source>,
}

/// Makes it.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(UserEnumeration {
        names: values.count("names"),
        window_micros: values.micros("window"),
        sources: Keyed::new(SOURCES_MAX),
    })
}

impl Detection for UserEnumeration {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let (key, at, window) = (source_of(sighting), sighting.at_micros, self.window_micros);
        if key == 0 || sighting.user == 0 {
            return;
        }
        if !sighting.is(Class::UNKNOWN_USER) {
            // An ordinary typing error; only where names are tried it matters.
            let is_near = |one: &Source| at.saturating_sub(one.tries.last_micros()) <= window;
            if self.sources.get(key).is_some_and(is_near) {
                self.sources.entry(key).existing.see(at, sighting.user, window, NAMES_MAX);
            }
            return;
        }
        let source = self.sources.entry(key);
        let one = Try::of(sighting, true);
        source.tries.push(at, one, window, TRIES_MAX);
        let names = source.names.see(at, sighting.user, window, NAMES_MAX);
        let existing = source.existing.count(at - window);
        if names < self.names || existing >= EXISTING && existing * 3 >= names {
            return;
        }
        let campaign = source.campaign.get_or_insert_default();
        if campaign.is_open(at, 2 * window) {
            campaign.add(&one);
        } else {
            campaign.begin(Subject::address(sighting), source.tries.iter().map(|(_, one)| one));
            campaign.add_accounts(source.names.keys(at - window));
        }
        let is_common = is_common_ground(sighting, context);
        let is_mass = campaign.accounts() >= MEDIUM_TIMES * self.names;
        let level = if is_mass && !is_common { Level::Medium } else { Level::Low };
        if !campaign.is_due(level) {
            return;
        }
        let (names, length) = (campaign.accounts(), span(campaign.length_micros()));
        let sentence = format!(
            "{names} names that do not exist were tried from {} ({}) in {length}.",
            sighting.address_text(),
            sighting.place()
        );
        let needed = format!("{} within {} are enough", self.names, span(window));
        let medium = MEDIUM_TIMES * self.names;
        let mut finding = campaign
            .tell(&ABOUT, sighting, sentence)
            .fact("Unknown names", format!("{names} in {length}; {needed}, {medium} for medium"))
            .fact("Last name tried", sighting.user_name());
        if is_common {
            finding = finding.against("The network is trusted, or many people share it.");
        }
        context.found(finding);
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.sources
    }
}
