//! A country that is new for the user, and rare among the people of the tenant.

use durward_model::time::DAY_MICROS;
use serde::{Deserialize, Serialize};

use crate::class::Class;
use crate::detection::{About, Context, Detection, Parameter, Timing, Unit};
use crate::facts::key_within;
use crate::finding::{EventRef, Finding, Level, Subject};
use crate::keyed::{Keyed, State, Touched};
use crate::profile::{Profile, Stop, Trait};
use crate::settings::Values;
use crate::sighting::Sighting;

use super::run::Run;
use super::words::{date, whereabouts};
use super::{DAYS_MICROS, USERS_MAX};

/// What it says about itself.
pub static ABOUT: About = About {
    id: "new-country",
    title: "New country",
    summary: "A user signed in successfully from a country that is new for this user and from \
              which hardly anybody of the tenant signs in.",
    risk_event_type: "newCountry",
    techniques: &["T1078.004"],
    level: Level::Low,
    timing: Timing::Offline,
    wants: Class::SUCCESS,
    inputs: &[
        "location/countryOrRegion",
        "autonomousSystemNumber",
        "deviceDetail/deviceId",
        "deviceDetail/operatingSystem",
        "deviceDetail/browser",
        "userId",
    ],
    learning: "14 days for each user",
    method: &[
        "A country is new for a user who has not signed in from there within 90 days.",
        "It is rare when fewer than `rare-below` other users signed in from there within 30 days.",
        "New and rare is low; a new device at a new network operator makes it medium. With a \
         registered device that the user had before it stays low.",
        "What the user does there on the first day is one finding.",
    ],
    against: &["A journey.", "A VPN or carrier with its way out in another country."],
    tuning: "Lower `rare-below` to be told less; list ways out of VPNs under \
             `shared-networks`.",
    response: &[
        "Ask the user whether they are there, and whether they know the device.",
        "If not: revoke sessions and reset the password.",
    ],
    parameters: &[
        Parameter {
            name: "learning",
            meaning: "Users watched for less are not judged",
            default: 14.0,
            unit: Unit::Days,
            range: (1.0, 90.0),
        },
        Parameter {
            name: "rare-below",
            meaning: "A country from which so many other users signed in within 30 days is not \
                      rare",
            default: 5.0,
            unit: Unit::Count,
            range: (1.0, 15.0),
        },
    ],
    is_on: true,
    alerts: true,
};

/// How long a user counts for a country.
const RARITY_MICROS: i64 = 30 * DAY_MICROS;
/// Users kept for a country: more than anybody may ask for.
const VISITORS_MAX: usize = 16;
/// Countries in all tenants.
const COUNTRIES_MAX: usize = 50_000;

/// Who signed in from a country lately: users, with the time (µs) of noting them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Visitors(Vec<(u64, i64)>);

impl Touched for Visitors {
    fn touched_micros(&self) -> i64 {
        self.0.iter().map(|(_, at)| *at).max().unwrap_or(i64::MIN)
    }
}

impl Visitors {
    fn note(&mut self, user: u64, at_micros: i64) {
        self.0.retain(|(own, at)| *own != user && at_micros - at <= RARITY_MICROS);
        if self.0.len() >= VISITORS_MAX {
            self.0.remove(0);
        }
        self.0.push((user, at_micros));
    }

    fn others(&self, user: u64, at_micros: i64) -> usize {
        let lately = |at: i64| at_micros - at <= RARITY_MICROS;
        self.0.iter().filter(|(own, at)| *own != user && lately(*at)).count()
    }
}

#[derive(Debug)]
struct NewCountry {
    learning_micros: i64,
    rare_below: usize,
    state: (Keyed<Visitors>, Keyed<Run>),
}

/// Makes the detection.
pub fn make(values: &Values<'_>) -> Box<dyn Detection> {
    Box::new(NewCountry {
        learning_micros: values.micros("learning"),
        rare_below: values.count("rare-below"),
        state: (Keyed::new(COUNTRIES_MAX), Keyed::new(USERS_MAX)),
    })
}

impl Detection for NewCountry {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn see(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let (at, country) = (sighting.at_micros, sighting.network.country);
        if !sighting.is_user_success() || sighting.user == 0 || country == 0 {
            return;
        }
        let profile = context.profiles.user(sighting);
        let seen = profile.and_then(|one| one.seen(Trait::Country, country, at));
        // Nearly always: familiar, and noted today.
        if seen.is_some_and(|seen| {
            at - seen.first_micros >= DAY_MICROS
                && seen.last_micros.div_euclid(DAY_MICROS) == at.div_euclid(DAY_MICROS)
        }) {
            return;
        }
        let visitors = self.state.0.entry(key_within(country, sighting.tenant));
        let others = visitors.others(sighting.user, at);
        visitors.note(sighting.user, at);
        let Some(profile) = profile else { return };
        let is_quiet = profile.knew(Trait::Country, country, at)
            || others >= self.rare_below
            || profile.age_micros(at) < self.learning_micros
            || sighting.network.is_trusted
            || sighting.network.is_shared;
        if !is_quiet {
            self.judge(sighting, context, profile, others);
        }
    }

    fn state(&mut self) -> &mut dyn State {
        &mut self.state
    }
}

impl NewCountry {
    fn judge(
        &mut self,
        sighting: &Sighting<'_>,
        context: &mut Context<'_>,
        profile: &Profile,
        others: usize,
    ) {
        let (at, stop) = (sighting.at_micros, Stop::of(sighting));
        let knows_machine = profile.knew_machine(stop.device, stop.client, at);
        let knows_operator = profile.knew(Trait::Asn, u64::from(stop.asn), at);
        let is_egress = context.profiles.is_egress(&stop);
        let is_stranger = !knows_machine && !knows_operator && !is_egress;
        let level = if is_stranger { Level::Medium } else { Level::Low };
        let run = self.state.1.entry(sighting.user);
        if !run.add(EventRef::of(sighting), None, level, at, DAYS_MICROS) {
            return;
        }
        let known: Vec<String> = profile
            .values(Trait::Country)
            .filter(|one| one.value != sighting.network.country)
            .map(|one| format!("one on {} days since {}", one.days, date(one.first_micros)))
            .take(3)
            .collect();
        let sentence = format!(
            "{} signed in from {}, a country that is new for them and rare in the tenant.",
            sighting.user_name(),
            sighting.place(),
        );
        let rarity = format!(
            "{others} other users of the tenant in 30 days; fewer than {} is rare",
            self.rare_below
        );
        let known = if known.is_empty() { "none".to_owned() } else { known.join("; ") };
        let (subject, occurrence) = (Subject::user(sighting), run.occurrence());
        let finding = Finding::new(ABOUT.id, subject, level, sighting, &occurrence, sentence)
            .fact("Where", whereabouts(&stop))
            .fact("From this country", rarity)
            .fact("Countries of this user", known)
            .fact("Device", if knows_machine { "known" } else { "new" })
            .fact("Network operator", if knows_operator { "known" } else { "new" });
        let mut finding = run.rest(finding);
        if stop.device != 0 && knows_machine {
            finding = finding
                .against("The registered device is one that this user had before: a journey.");
        }
        if is_egress {
            finding = finding.against("Several people of the tenant come from this network.");
        }
        context.found(finding);
    }
}
