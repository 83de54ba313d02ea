//! Far more of something in an hour than the hour usually has, for a whole tenant.
//!
//! The limit of an hour is worked out when it begins; a sign-in costs a comparison. What belongs
//! to a surge counts only up to the limit in what is usual, so that an incident does not make
//! the next one look ordinary.

use durward_model::time::HOUR_MICROS;
use serde::{Deserialize, Serialize};

use crate::class::Class;
use crate::detection::{About, Context};
use crate::finding::{EVENTS_MAX, EventRef, Finding, Level, Subject};
use crate::keyed::{Keyed, Touched};
use crate::sighting::Sighting;
use crate::window::Recent;

use super::hours::{DAYS, Hours, is_full_hour};

/// Tenants watched at a time.
const TENANTS_MAX: usize = 1000;
/// Codes, applications, addresses and users of an hour that are counted apart.
const TOPS_MAX: usize = 32;
/// Surges less than this apart are one: what fails every morning until it is mended is one story.
const SAME_MICROS: i64 = 26 * HOUR_MICROS;
/// Results by which somebody guesses.
const GUESS: Class =
    Class::WRONG_PASSWORD.and(Class::UNKNOWN_USER).and(Class::LOCKED).and(Class::DISABLED);

/// What is counted apart.
#[derive(Clone, Copy)]
enum Top {
    Code,
    App,
    Address,
    User,
}

/// How often each value came in this hour, with its name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Tops([Vec<(u64, u32, String)>; 4]);

impl Tops {
    fn count(&mut self, of: Top, key: u64, name: impl FnOnce() -> String) {
        let values = &mut self.0[of as usize];
        match values.iter().position(|(own, ..)| *own == key) {
            Some(place) => values[place].1 += 1,
            None if values.len() < TOPS_MAX => values.push((key, 1, name())),
            None => {}
        }
    }

    /// The most frequent value, and how often it came.
    fn first(&self, of: Top) -> (&str, u32) {
        let first = self.0[of as usize].iter().max_by_key(|(key, count, _)| (*count, *key));
        first.map_or(("", 0), |(_, count, name)| (name, *count))
    }
}

/// A tenant.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Tenant {
    hours: Hours,
    /// More than this is a surge; 0 while that is not known.
    limit: u32,
    /// The most that this hour had in the last days, and what it has on average.
    largest: u32,
    mean: f64,
    /// The count at which to look again.
    next: u32,
    tops: Tops,
    /// How many in the open hour say that somebody guesses passwords or names.
    guesses: u32,
    events: Recent<EventRef>,
    /// When the surge began and was last seen, µs since 1970.
    began_micros: i64,
    last_micros: i64,
    level: Level,
    /// The count when it was told last.
    told: u32,
}

impl Touched for Tenant {
    fn touched_micros(&self) -> i64 {
        self.hours.last_micros
    }
}

/// Watches one kind of sign-in.
#[derive(Debug)]
pub(super) struct Surge {
    about: &'static About,
    /// What is counted, in the plural.
    what: &'static str,
    least: u32,
    deviations: f64,
    pub(super) tenants: Keyed<Tenant>,
}

impl Surge {
    pub(super) fn new(
        about: &'static About,
        what: &'static str,
        least: usize,
        deviations: f64,
    ) -> Surge {
        let least = u32::try_from(least).unwrap_or(u32::MAX);
        Surge { about, what, least, deviations, tenants: Keyed::new(TENANTS_MAX) }
    }

    /// Counts a sign-in.
    pub(super) fn count(&mut self, sighting: &Sighting<'_>, context: &mut Context<'_>) {
        let tenant = self.tenants.entry(sighting.tenant);
        tenant.hours.count(sighting.at_micros);
        let code = sighting.outcome.code;
        tenant.tops.count(Top::Code, code as u64, || code.to_string());
        tenant.tops.count(Top::App, sighting.app.app, || sighting.app_name());
        tenant.tops.count(Top::Address, sighting.address, || sighting.address_text());
        let is_user = sighting.user != 0;
        let subject = if is_user { sighting.user } else { sighting.principal };
        let name = || if is_user { sighting.user_name() } else { sighting.principal_name() };
        tenant.tops.count(Top::User, subject, name);
        tenant.guesses += u32::from(sighting.is(GUESS));
        let event = EventRef::of(sighting);
        tenant.events.push(sighting.at_micros, event, HOUR_MICROS, EVENTS_MAX);
        if tenant.limit > 0 && tenant.hours.open >= tenant.next {
            let is_news = tenant.note_surge(sighting.at_micros);
            if is_news {
                context.found(tell(self.about, self.what, tenant, sighting));
            }
        }
    }

    /// Closes the hour.
    pub(super) fn tick(&mut self, at_micros: i64) {
        if !is_full_hour(at_micros) {
            return;
        }
        let keys: Vec<u64> = self.tenants.iter().map(|(key, _)| key).collect();
        for key in keys {
            let tenant = self.tenants.entry(key);
            let most = if tenant.limit > 0 { tenant.limit } else { u32::MAX };
            tenant.hours.close(most);
            (tenant.tops, tenant.guesses) = (Tops::default(), 0);
            tenant.set_limit(self.least, self.deviations);
        }
    }
}

impl Tenant {
    /// Works out the limit of the hour that begins.
    fn set_limit(&mut self, least: u32, deviations: f64) {
        let days = self.hours.days_before_open();
        self.limit = 0;
        if days.len() < DAYS {
            return;
        }
        let count = days.len() as f64;
        let mean = days.iter().map(|&one| f64::from(one)).sum::<f64>() / count;
        let square = |&one: &u32| (f64::from(one) - mean).powi(2);
        let variance = days.iter().map(square).sum::<f64>() / (count - 1.0);
        // Counts scatter by the root of their mean even where the days happened to be alike.
        let deviation = variance.max(mean).sqrt();
        self.mean = mean;
        self.largest = days.into_iter().max().unwrap_or(0);
        self.limit = ((mean + deviations * deviation).ceil() as u32).max(least);
        self.next = self.limit + 1;
    }

    /// Notes that the limit of this hour is passed, and when to look again. `true` when that is
    /// worth telling: a new surge, a worse one, or one that has doubled.
    fn note_surge(&mut self, at_micros: i64) -> bool {
        if self.began_micros == 0 || at_micros - self.last_micros > SAME_MICROS {
            (self.began_micros, self.level, self.told) = (at_micros, Level::Low, 0);
        }
        self.last_micros = at_micros;
        let count = self.hours.open;
        let (address, user) = (self.tops.first(Top::Address).1, self.tops.first(Top::User).1);
        // Other detections tell these, and better.
        let is_told = [address, user, self.guesses].into_iter().any(|one| one * 2 > count);
        let far = self.largest.saturating_mul(2).saturating_add(1);
        let level = if count >= far && !is_told { Level::Medium } else { Level::Low };
        let is_news = level > self.level || count >= self.told.saturating_mul(2);
        self.level = self.level.max(level);
        if is_news {
            self.told = count;
        }
        let doubled = self.told.max(count).saturating_mul(2);
        self.next = if far > count { far.min(doubled) } else { doubled };
        is_news
    }
}

/// Tells a surge.
fn tell(about: &'static About, what: &str, tenant: &Tenant, sighting: &Sighting<'_>) -> Finding {
    let count = tenant.hours.open;
    let (address, from_address) = tenant.tops.first(Top::Address);
    let (user, from_user) = tenant.tops.first(Top::User);
    let (code, with_code) = tenant.tops.first(Top::Code);
    let (app, with_app) = tenant.tops.first(Top::App);
    let sentence = format!(
        "{count} {what} within an hour, where {:.0} are usual; most with code {code}, for {app}.",
        tenant.mean,
    );
    let occurrence = tenant.began_micros.to_le_bytes();
    let subject = Subject::tenant(sighting);
    let limit = format!(
        "{count} in the hour; more than {} is a surge (mean of 14 days {:.1}, largest {})",
        tenant.limit, tenant.mean, tenant.largest
    );
    let share = |name: &str, part: u32| format!("{name}: {part} of {count}");
    let mut finding =
        Finding::new(about.id, subject, tenant.level, sighting, &occurrence, sentence)
            .fact("Count", limit)
            .fact("Most frequent code", share(code, with_code))
            .fact("Most frequent application", share(app, with_app))
            .fact("Most frequent address", share(address, from_address))
            .fact("Most frequent account", share(user, from_user));
    if from_address * 2 > count {
        finding = finding.against("More than half come from one address; see what it does.");
    }
    if from_user * 2 > count {
        finding = finding.against("More than half are of one account: a program, most likely.");
    }
    if tenant.guesses * 2 > count {
        finding = finding.against("Most are guesses, which the detections of passwords look at.");
    }
    finding.address = String::new();
    finding.location = Default::default();
    // Many people's sign-ins: none of them is risky by it.
    let events = tenant.events.iter().map(|(_, event)| *event).collect();
    finding.resting_on(events, u64::from(count), Vec::new())
}
