//! One account, guessed at from many places over a day.

use hashbrown::HashSet;
use serde::{Deserialize, Serialize};

use super::campaign::{Campaign, GUESS, Hit, PROOF, Try, counted, is_familiar, is_proof, span};
use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::finding::{Level, Subject};
use crate::keyed::{Keyed, State, Touched};
use crate::settings::Values;
use crate::sighting::Sighting;
use crate::window::{Distinct, Recent};
use durward_model::time::HOUR_MICROS;

/// What it says about itself.
pub static ABOUT: About = About {
    id: "distributed-guessing",
    title: "Distributed guessing at one account",
    summary: "Over a day one account was tried with wrong passwords from many addresses or several \
              countries, too slowly from each to be locked.",
    risk_event_type: "unfamiliarFeatures",
    techniques: &["T1110.001", "T1090.003"],
    level: Level::Medium,
    timing: Timing::Offline,
    wants: GUESS.and(PROOF),
    inputs: &["userId", "ipAddress", "location/countryOrRegion", "status/errorCode"],
    learning: "",
    method: &[
        "Wrong passwords and lockouts of one user from networks and devices that the user does \
         not usually use are counted within the window.",
        "It is found when they come from enough addresses, or from enough countries with at least \
         twice as many attempts.",
        "Twenty within an hour are left to the detection of brute force.",
        "It is high when the password is right in the end, from a network and device that the user \
         does not usually use.",
    ],
    against: &["An old password on several devices of a user who travels."],
    tuning: "Raise `addresses` and `countries` for accounts whose names are public.",
    response: &[
        "If the password was right in the end: revoke sessions, reset the password.",
        "Otherwise check that the account has a second factor that cannot be guessed or phished.",
    ],
    parameters: &[
        Parameter {
            name: "addresses",
            meaning: "Addresses from which one account fails within the window",
            default: 15.0,
            unit: Unit::Count,
            range: (3.0, 200.0),
        },
        Parameter {
            name: "countries",
            meaning: "Countries from which one account fails within the window",
            default: 4.0,
            unit: Unit::Count,
            range: (2.0, 50.0),
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

/// Users watched at a time.
const USERS_MAX: usize = 200_000;
/// Attempts remembered of one user.
const TRIES_MAX: usize = 200;
/// Countries told apart.
const COUNTRIES_MAX: usize = 64;
/// So many attempts within an hour are brute force.
const BRUTE_FORCE: usize = 20;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Guessed {
    tries: Recent<Try>,
    countries: Distinct,
    campaign: Option<Box<Campaign>>,
    /// When it was brute force last, µs.
    brute_micros: i64,
}

impl Touched for Guessed {
    fn touched_micros(&self) -> i64 {
        self.tries.last_micros().max(self.brute_micros)
    }
}

struct DistributedGuessing {
    addresses: usize,
    countries: usize,
    window_micros: i64,
    users: Keyed<Guessed>,
}

/// Makes it.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(DistributedGuessing {
        addresses: values.count("addresses"),
        countries: values.count("countries"),
        window_micros: values.micros("window"),
        users: Keyed::new(USERS_MAX),
    })
}

impl Detection for DistributedGuessing {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        if sighting.user == 0 || sighting.address == 0 || !sighting.is(Class::USER) {
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

impl DistributedGuessing {
    fn failed(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        if is_familiar(sighting, context) {
            return;
        }
        let (at, window) = (sighting.at_micros, self.window_micros);
        let one = Try::of(sighting, true);
        let user = self.users.entry(sighting.user);
        if at - user.brute_micros <= HOUR_MICROS {
            user.brute_micros = at;
            return;
        }
        user.tries.push(at, one, window, TRIES_MAX);
        let country = sighting.network.country;
        if country != 0 {
            user.countries.see(at, country, window, COUNTRIES_MAX);
        }
        if user.tries.since(at - HOUR_MICROS).count() >= BRUTE_FORCE {
            user.brute_micros = at;
            user.tries.clear();
            user.countries.clear();
            return;
        }
        if let Some(campaign) = &mut user.campaign
            && campaign.is_open(at, window)
        {
            campaign.add(&one);
        } else {
            let countries = user.countries.count(at - window);
            let attempts = user.tries.len();
            let is_widespread = countries >= self.countries && attempts >= 2 * self.countries;
            if !is_widespread && (attempts < self.addresses || addresses(user) < self.addresses) {
                return;
            }
            let campaign = user.campaign.get_or_insert_default();
            campaign.begin(Subject::user(sighting), user.tries.iter().map(|(_, one)| one));
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
        if let Some(campaign) = &mut self.users.entry(sighting.user).campaign {
            campaign.gave_in(Hit::of(sighting));
        }
        self.tell(sighting, context);
    }

    fn tell(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let since = sighting.at_micros - self.window_micros;
        let user = self.users.entry(sighting.user);
        let (addresses, countries) = (addresses(user), user.countries.count(since));
        let Some(campaign) = &mut user.campaign else { return };
        if !campaign.is_due(ABOUT.level) {
            return;
        }
        let sentence = format!(
            "{} wrong passwords were tried for {} from {} in {} within {}{}.",
            campaign.attempts(),
            sighting.user_name(),
            counted(campaign.addresses(), "address"),
            counted(countries, "country"),
            span(campaign.length_micros()),
            campaign.outcome(),
        );
        let window = span(self.window_micros);
        let enough = |count, needed| format!("{count} within {window}; {needed} are enough");
        let finding = campaign
            .tell(&ABOUT, sighting, sentence)
            .fact("Addresses", enough(addresses, self.addresses))
            .fact("Countries", enough(countries, self.countries))
            .fact("Attempts", campaign.attempts().to_string());
        context.found(finding);
    }
}

fn addresses(user: &Guessed) -> usize {
    user.tries.iter().map(|(_, one)| one.address).collect::<HashSet<u64>>().len()
}
