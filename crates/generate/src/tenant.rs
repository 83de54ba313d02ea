//! The tenant: everything that stays the same over time, drawn from a seed.

use crate::apps::{self, App, Resource};
use crate::devices::{Device, Platform};
use crate::dice::{Dice, Guid, Topic};
use crate::moment::Moment;
use crate::networks::{NetworkKind, Origin};
use crate::people::{self, Person, PersonKind, Surroundings};
use crate::places::{self, CITIES};
use crate::policies::{Context, Policies, Risk, Where};
use crate::roaming::Roaming;
use crate::stream::{self, Events};
use crate::workloads::{self, Identity, Principal};
use std::ops::Range;
use std::sync::Arc;

/// What the records are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// A believable mix with twelve Conditional Access policies.
    #[default]
    Demo,
    /// As [`Profile::Demo`], with only so many policies that the mean diagnostic record has 4 KB.
    Bench,
}

impl Profile {
    /// Of the twelve: for [`Profile::Bench`] found by measuring; a test holds the mean to
    /// 4096 B ± 5 %.
    fn policies(self) -> usize {
        match self {
            Profile::Demo => 12,
            Profile::Bench => 3,
        }
    }
}

/// How large a tenant is and how busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TenantOptions {
    /// People (guests and service accounts come on top, about one in twenty). At most 4 million,
    /// so that every home has an address of its own.
    pub users: u32,
    /// Applications, the well-known ones included; at least those.
    pub applications: u16,
    /// Service principals.
    pub service_principals: u16,
    /// Managed identities.
    pub managed_identities: u16,
    /// Share of a person's days with any activity, in thousandths of the days that the person
    /// would usually be active: 1000 is an office, 100 a tenant of occasional users.
    pub activity_per_mille: u32,
    /// What the records are for.
    pub profile: Profile,
    /// Do people use VPNs, and phones appear at far gateways of their carriers? It makes them seem
    /// to be where they are not.
    pub roaming: bool,
}

impl Default for TenantOptions {
    fn default() -> TenantOptions {
        TenantOptions::demo()
    }
}

impl TenantOptions {
    /// 400 people: about 430,000 events in 30 days, 5.7 KB each on average.
    pub fn demo() -> TenantOptions {
        TenantOptions {
            users: 400,
            applications: 120,
            service_principals: 40,
            managed_identities: 15,
            activity_per_mille: 1000,
            profile: Profile::Demo,
            roaming: true,
        }
    }

    /// 10,000 people for benches: about 8.5 million events in 30 days, a million in three working
    /// days, 4 KB each on average. Nobody seems to be where they are not.
    pub fn bench() -> TenantOptions {
        let demo = TenantOptions::demo();
        TenantOptions { users: 10_000, profile: Profile::Bench, roaming: false, ..demo }
    }

    /// As [`TenantOptions::bench`], with so many people that `days` days give roughly `events`
    /// events (within about a fifth): about a thousand people for a million events in 30 days.
    pub fn for_events(events: u64, days: u32) -> TenantOptions {
        /// Measured: events of one person a day, weekends included, in thousandths.
        const PERSON_DAY: u64 = 27_700;
        /// Measured: events of the workloads a day.
        const WORKLOADS_DAY: u64 = 3_400;
        let per_day = (events / u64::from(days.max(1))).saturating_sub(WORKLOADS_DAY);
        let users = (per_day.saturating_mul(1000) / PERSON_DAY).clamp(10, 4_000_000);
        TenantOptions { users: users as u32, ..TenantOptions::bench() }
    }
}

/// Room for the well-known applications and those of the engineers.
const APPLICATIONS_MIN: u16 = 40;

/// A tenant. Two tenants made from the same seed and options are the same.
#[derive(Debug)]
pub struct Tenant {
    pub(crate) seed: u64,
    pub(crate) options: TenantOptions,
    pub(crate) id_text: String,
    pub(crate) domain: &'static str,
    pub(crate) offices: Vec<u8>,
    pub(crate) blocked_countries: [&'static str; 2],
    pub(crate) apps: Vec<App>,
    pub(crate) app_masks: Vec<u64>,
    pub(crate) resources: Vec<Resource>,
    pub(crate) policies: Policies,
    pub(crate) people: Vec<Person>,
    pub(crate) roaming: Roaming,
    pub(crate) principals: Vec<Principal>,
    pub(crate) identities: Vec<Identity>,
}

/// Why somebody seems to be where they are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hop {
    /// A VPN's exit in another country.
    Vpn,
    /// A mobile carrier's gateway in another city.
    Gateway,
}

/// Where somebody is on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stay {
    Home,
    /// On the way between two places: not online.
    Transit,
    Away(u8),
}

impl Tenant {
    /// Draws the tenant of this seed.
    pub fn new(seed: u64, options: TenantOptions) -> Tenant {
        const DOMAINS: &[&str] = &["kestrelmoor.example", "lumenfold.example", "varnholt.example"];
        let options = TenantOptions {
            users: options.users.clamp(1, 4_000_000),
            applications: options.applications.max(APPLICATIONS_MIN),
            ..options
        };
        let mut dice = Dice::new(seed, Topic::Tenant, 0, 0);
        let id = dice.guid();
        let domain = *dice.pick(DOMAINS);
        let mut offices: Vec<u8> = Vec::new();
        while offices.len() < 6 {
            let city = dice.below(CITIES.len() as u32) as u8;
            if !offices.contains(&city) {
                offices.push(city);
            }
        }
        let country = |city: u8| CITIES[usize::from(city)].country;
        let strangers: Vec<&'static str> = CITIES
            .iter()
            .map(|city| city.country)
            .filter(|other| !offices.iter().any(|office| country(*office) == *other))
            .collect();
        let blocked_countries = [*dice.pick(&strangers), *dice.pick(&strangers)];
        let usual_cities: Vec<u8> = (0..CITIES.len() as u8)
            .filter(|city| !blocked_countries.contains(&country(*city)))
            .collect();
        let apps = apps::applications(seed, id, options.applications);
        let policies = Policies::new(seed, options.profile.policies());
        let masks = apps.iter().zip(0..).map(|(app, at)| policies.application_mask(app, at));
        let app_masks = masks.collect();
        let around = Surroundings {
            seed,
            tenant: id,
            domain,
            offices: &offices,
            apps: &apps,
            usual_cities: &usual_cities,
        };
        let people = people::draw_all(&around, options.users);
        let roaming = if options.roaming {
            Roaming::draw(seed, &people, &usual_cities)
        } else {
            Roaming::none()
        };
        Tenant {
            seed,
            options,
            id_text: id.to_string(),
            domain,
            offices,
            blocked_countries,
            apps,
            app_masks,
            resources: apps::resources(seed, id),
            policies,
            people,
            roaming,
            principals: workloads::principals(seed, options.service_principals),
            identities: workloads::identities(seed, options.managed_identities),
        }
    }

    /// The tenant's identifier as a GUID.
    pub fn id(&self) -> &str {
        &self.id_text
    }

    /// The domain of its accounts, under a name reserved for examples.
    pub fn domain(&self) -> &str {
        self.domain
    }

    /// The options it was made with.
    pub fn options(&self) -> TenantOptions {
        self.options
    }

    /// All sign-ins with a `createdDateTime` in `range`, in its order. The events of a range do
    /// not depend on where an earlier range ended: two adjoining ranges give what one would.
    pub fn events(self: &Arc<Self>, range: Range<Moment>) -> Events {
        Events::new(Arc::clone(self), range)
    }

    /// The requests in `range` that came through a VPN or a far gateway of a carrier: whoever made
    /// them was somewhere else, and none is an attack. In the order of their identifiers. Takes
    /// time with every day of the range.
    pub fn hops(&self, range: Range<Moment>) -> Vec<(Guid, Hop)> {
        stream::hops(self, range)
    }

    /// How policies see a request from there.
    pub(crate) fn place(&self, origin: Origin) -> Where {
        let country = origin.city().country;
        if origin.kind == NetworkKind::Office {
            Where::Trusted
        } else if self.blocked_countries.contains(&country) {
            Where::BlockedCountry
        } else if self.works_in(country) {
            Where::Usual
        } else {
            Where::Elsewhere
        }
    }

    fn works_in(&self, country: &str) -> bool {
        self.offices.iter().any(|office| CITIES[usize::from(*office)].country == country)
    }

    /// What policies see of a request.
    pub(crate) fn context(
        &self,
        person: &Person,
        device: Option<&Device>,
        app: u16,
        origin: Origin,
        risk: Risk,
    ) -> Context {
        let kind = self.apps[usize::from(app)].kind;
        Context {
            apps: self.app_masks[usize::from(app)],
            groups: person.groups,
            platform: device.map_or(Platform::Linux, |device| device.platform),
            place: self.place(origin),
            legacy: kind == apps::AppKind::Mail,
            device_code: false,
            compliant: device.is_some_and(|device| device.compliant),
            risk,
        }
    }

    /// Where a person is on a day. Trips last a few days; the first and the last are spent on the
    /// way, and no trip crosses more than seven hours of time, so nobody is ever faster than an
    /// airliner; only what [`Roaming`] carries may appear to be.
    pub(crate) fn stay(&self, number: u32, person: &Person, day: i64) -> Stay {
        const BLOCK_DAYS: i64 = 28;
        if person.travel == 0 {
            return Stay::Home;
        }
        let block = day.div_euclid(BLOCK_DAYS);
        let mut dice = Dice::new(self.seed, Topic::Travel, u64::from(number), block as u64);
        if !dice.chance(u32::from(person.travel)) {
            return Stay::Home;
        }
        let length = dice.between(3, 7);
        let first = dice.between(1, BLOCK_DAYS - 1 - length);
        let to_office = dice.chance(600);
        let of_block = day.rem_euclid(BLOCK_DAYS);
        if !(first..first + length).contains(&of_block) {
            return Stay::Home;
        }
        for _ in 0..20 {
            let any = dice.below(CITIES.len() as u32) as u8;
            let city = if to_office { *dice.pick(&self.offices) } else { any };
            let near_in_time = (CITIES[usize::from(city)].offset_minutes
                - CITIES[usize::from(person.city)].offset_minutes)
                .abs()
                <= 420;
            let blocked = self.blocked_countries.contains(&CITIES[usize::from(city)].country);
            if city != person.city && near_in_time && !blocked {
                let on_the_way = of_block == first || of_block == first + length - 1;
                return if on_the_way { Stay::Transit } else { Stay::Away(city) };
            }
        }
        Stay::Home
    }

    /// A public holiday in the country of that city?
    pub(crate) fn is_holiday(&self, city: u8, day: i64) -> bool {
        let country = CITIES[usize::from(city)].country.as_bytes();
        let code = u64::from(country[0]) << 8 | u64::from(country[1]);
        Dice::new(self.seed, Topic::Holiday, code, day as u64).chance(30)
    }

    /// A member for an attack that `suits`; the same for the same dice.
    pub(crate) fn victim(
        &self,
        dice: &mut Dice,
        suits: impl Fn(u32, &Person) -> bool,
    ) -> Option<u32> {
        (0..200)
            .map(|_| dice.below(self.options.users))
            .find(|&number| suits(number, &self.people[number as usize]))
    }

    /// A city at least so far away, not in a blocked country.
    pub(crate) fn far_city(&self, dice: &mut Dice, from: u8, km: f64) -> u8 {
        let far: Vec<u8> = (0..CITIES.len() as u8)
            .filter(|&city| places::distance_km(from, city) >= km)
            .filter(|city| !self.blocked_countries.contains(&CITIES[usize::from(*city)].country))
            .collect();
        *dice.pick(&far)
    }

    /// The account kinds, for counting.
    pub(crate) fn accounts_of(&self, kind: PersonKind) -> impl Iterator<Item = u32> + '_ {
        let of_kind = move |(_, person): &(u32, &Person)| person.kind == kind;
        (0..).zip(&self.people).filter(of_kind).map(|(number, _)| number)
    }
}
