//! What is usual: for a user, a workload, an address.
//!
//! One book for all detections, so that each sign-in is learned once. It is read before a sign-in
//! is written into it. Only successes are learned: a wrong password teaches nothing about whom it
//! was meant for.

use durward_model::time::DAY_MICROS;
use serde::{Deserialize, Serialize};

use crate::class::Class;
use crate::facts::key_within;
use crate::keyed::{Keyed, State, Touched};
use crate::sighting::Sighting;

mod track;

use track::Track;
pub use track::{Spot, Stop};

/// What of a subject is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum Trait {
    Country,
    Place,
    Asn,
    /// /24 or /48.
    Prefix,
    Device,
    /// Operating system and browser, without versions.
    Client,
    App,
    Resource,
    /// How a workload proves itself, or the client application of a user.
    Method,
    /// Which secret or certificate.
    Credential,
    UserAgent,
    /// The client of a user, where no registered device was shown with it.
    BareClient,
}

/// Values of one trait that are remembered for a subject; those unused longest go.
const VALUES_MAX: usize = 24;
/// How long a value is familiar after it was last used.
const FAMILIAR_MICROS: i64 = 90 * DAY_MICROS;
/// Users whose names are kept to tell an address that people share.
const SHARERS_MAX: usize = 12;
/// Subjects remembered.
const USERS_MAX: usize = 1_000_000;
const WORKLOADS_MAX: usize = 200_000;
const TENANTS_MAX: usize = 10_000;
const ADDRESSES_MAX: usize = 1_000_000;
const NETWORKS_MAX: usize = 500_000;
/// Subjects not seen for so long are forgotten.
pub(crate) const FORGET_MICROS: i64 = 180 * DAY_MICROS;

/// A value that was seen, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Familiar {
    /// Which trait.
    pub of: Trait,
    /// The value's stable key.
    pub value: u64,
    /// First success with it, µs since 1970.
    pub first_micros: i64,
    /// Last success with it.
    pub last_micros: i64,
    /// Successes with it.
    pub count: u32,
    /// UTC days on which it was used.
    pub days: u16,
}

/// What is usual for a user or workload.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Profile {
    /// First success ever seen, µs since 1970.
    pub first_micros: i64,
    /// Last success.
    pub last_micros: i64,
    /// Last success in the interactive log; 0 for none.
    pub last_interactive_micros: i64,
    /// Successes.
    pub successes: u64,
    familiar: Vec<Familiar>,
    track: Track,
}

impl Touched for Profile {
    fn touched_micros(&self) -> i64 {
        self.last_micros
    }
}

impl Profile {
    /// What is known of a value, if it is still familiar.
    pub fn seen(&self, of: Trait, value: u64, at_micros: i64) -> Option<&Familiar> {
        let found = self.familiar.iter().find(|one| one.of == of && one.value == value);
        found.filter(|one| at_micros - one.last_micros <= FAMILIAR_MICROS)
    }

    /// Is the value familiar? What is not known (0) always is: it says nothing.
    pub fn knows(&self, of: Trait, value: u64, at_micros: i64) -> bool {
        value == 0 || self.seen(of, value, at_micros).is_some()
    }

    /// All familiar values of a trait.
    pub fn values(&self, of: Trait) -> impl Iterator<Item = &Familiar> {
        self.familiar.iter().filter(move |one| one.of == of)
    }

    /// Was the value familiar a day before? Somebody who came in this morning is not familiar by
    /// the afternoon. What is not known (0) says nothing, and counts as familiar.
    pub fn knew(&self, of: Trait, value: u64, at_micros: i64) -> bool {
        let seen = self.seen(of, value, at_micros);
        value == 0 || seen.is_some_and(|seen| at_micros - seen.first_micros >= DAY_MICROS)
    }

    /// On how many UTC days the value was used.
    pub fn days(&self, of: Trait, value: u64, at_micros: i64) -> u16 {
        self.seen(of, value, at_micros).map_or(0, |seen| seen.days)
    }

    /// Was the machine familiar a day before: the registered device, or else the client as it
    /// comes without one?
    pub fn knew_machine(&self, device: u64, client: u64, at_micros: i64) -> bool {
        if device == 0 {
            self.knew(Trait::BareClient, client, at_micros)
        } else {
            self.knew(Trait::Device, device, at_micros)
        }
    }

    /// Was the machine of this stop lately at another place, one that was familiar a day before?
    pub fn has_been_elsewhere(&self, stop: &Stop, at_micros: i64) -> bool {
        self.stops().iter().any(|one| {
            one.is_same_machine(stop)
                && one.place != stop.place
                && self.knew(Trait::Place, one.place, at_micros)
        })
    }

    /// The last few places, networks and machines of a user, in no order.
    pub fn stops(&self) -> &[Stop] {
        self.track.stops()
    }

    /// How long this subject has been watched, µs.
    pub fn age_micros(&self, at_micros: i64) -> i64 {
        at_micros.saturating_sub(self.first_micros)
    }

    fn learn(&mut self, of: Trait, value: u64, at_micros: i64) {
        if value == 0 {
            return;
        }
        if let Some(index) = self.familiar.iter().position(|one| one.of == of && one.value == value)
        {
            let one = &mut self.familiar[index];
            let is_other_day =
                one.last_micros.div_euclid(DAY_MICROS) != at_micros.div_euclid(DAY_MICROS);
            if at_micros - one.last_micros > FAMILIAR_MICROS {
                *one = Familiar { first_micros: at_micros, days: 0, count: 0, ..*one };
            }
            one.last_micros = at_micros;
            one.count = one.count.saturating_add(1);
            one.days = one.days.saturating_add(u16::from(is_other_day));
            return;
        }
        let new = Familiar {
            of,
            value,
            first_micros: at_micros,
            last_micros: at_micros,
            count: 1,
            days: 1,
        };
        let count = self.familiar.iter().filter(|one| one.of == of).count();
        let oldest = (self.familiar.iter_mut().filter(|one| one.of == of))
            .min_by_key(|one| (one.last_micros, one.value));
        match oldest {
            Some(oldest) if count >= VALUES_MAX => *oldest = new,
            _ => self.familiar.push(new),
        }
    }

    fn saw(&mut self, sighting: &Sighting<'_>) {
        let at = sighting.at_micros;
        if self.successes == 0 {
            self.first_micros = at;
        }
        self.last_micros = at;
        self.successes += 1;
        if sighting.is(Class::INTERACTIVE) {
            self.last_interactive_micros = at;
        }
        let network = sighting.network;
        self.learn(Trait::Prefix, network.prefix, at);
        self.learn(Trait::Asn, u64::from(network.asn), at);
        self.learn(Trait::Country, network.country, at);
        self.learn(Trait::Place, network.place, at);
        if sighting.is(Class::USER) {
            self.learn(Trait::Device, sighting.device.device, at);
            self.learn(Trait::Client, sighting.device.client, at);
            self.learn(Trait::App, sighting.app.app, at);
            self.learn(Trait::Method, sighting.device.client_app, at);
            if sighting.device.device == 0 {
                self.learn(Trait::BareClient, sighting.device.client, at);
            }
            self.track.saw(sighting);
        } else {
            self.learn(Trait::Resource, sighting.resource.resource, at);
            self.learn(Trait::Method, sighting.workload.credential_type, at);
            self.learn(Trait::Credential, sighting.workload.credential, at);
            self.learn(Trait::UserAgent, sighting.device.user_agent, at);
        }
    }
}

/// Who uses an address.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AddressProfile {
    /// First success from it, µs since 1970; 0 for none.
    pub first_micros: i64,
    /// Last success or wrong password from it.
    pub last_micros: i64,
    /// Successes of people.
    pub successes: u64,
    /// Wrong passwords and unknown users.
    pub failures: u64,
    users: Vec<u64>,
    failed_users: Vec<u64>,
}

impl Touched for AddressProfile {
    fn touched_micros(&self) -> i64 {
        self.last_micros
    }
}

impl AddressProfile {
    /// Different users who signed in from it; at most 12 are told apart.
    pub fn users(&self) -> usize {
        self.users.len()
    }

    /// Different users who failed from it; at most 12 are told apart.
    pub fn failed_users(&self) -> usize {
        self.failed_users.len()
    }

    /// Has this user signed in from it?
    pub fn has(&self, user: u64) -> bool {
        self.users.contains(&user)
    }

    /// Do people share it: an office, a VPN, a carrier? A spray that succeeds a few times does
    /// not make its address one.
    pub fn is_shared(&self, at_micros: i64) -> bool {
        self.users.len() >= 3
            && self.failed_users.len() <= self.users.len()
            && at_micros - self.first_micros >= DAY_MICROS
    }
}

/// A network (prefix and autonomous system) that users come from with devices of theirs that were
/// known before. Attackers do not bring these, so what they use is not learned as a way out that
/// people share, however often they succeed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Egress {
    last_micros: i64,
    /// UTC days on which it was used so.
    days: u16,
    users: Vec<u64>,
}

impl Touched for Egress {
    fn touched_micros(&self) -> i64 {
        self.last_micros
    }
}

impl Egress {
    fn saw(&mut self, user: u64, at_micros: i64) {
        let is_other_day =
            self.last_micros.div_euclid(DAY_MICROS) != at_micros.div_euclid(DAY_MICROS);
        self.days = self.days.saturating_add(u16::from(is_other_day));
        self.last_micros = at_micros;
        if self.users.len() < SHARERS_MAX && !self.users.contains(&user) {
            self.users.push(user);
        }
    }
}

/// Users with known devices, and days, that make a network a way out that people share.
const EGRESS_USERS: usize = 3;
const EGRESS_DAYS: u16 = 2;
/// The same for an address whatever the devices: more users, for longer.
const SHARED_USERS: usize = 6;
const SHARED_MICROS: i64 = 7 * DAY_MICROS;

/// The key of a network within a tenant; 0 for none.
fn network_key(sighting: &Sighting<'_>) -> u64 {
    key_within(sighting.network.prefix, sighting.tenant ^ u64::from(sighting.network.asn))
}

/// What is usual, for all.
#[derive(Debug)]
pub struct Profiles {
    users: Keyed<Profile>,
    workloads: Keyed<Profile>,
    addresses: Keyed<AddressProfile>,
    egresses: Keyed<Egress>,
    tenants: Keyed<TenantProfile>,
}

/// Since when a tenant has been watched.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct TenantProfile {
    first_micros: i64,
    last_micros: i64,
}

impl Touched for TenantProfile {
    fn touched_micros(&self) -> i64 {
        self.last_micros
    }
}

impl Default for Profiles {
    fn default() -> Profiles {
        Profiles {
            users: Keyed::new(USERS_MAX),
            workloads: Keyed::new(WORKLOADS_MAX),
            addresses: Keyed::new(ADDRESSES_MAX),
            egresses: Keyed::new(NETWORKS_MAX),
            tenants: Keyed::new(TENANTS_MAX),
        }
    }
}

impl Profiles {
    /// What is usual for the user of a sign-in.
    pub fn user(&self, sighting: &Sighting<'_>) -> Option<&Profile> {
        self.users.get(sighting.user)
    }

    /// What is usual for the workload of a sign-in.
    pub fn workload(&self, sighting: &Sighting<'_>) -> Option<&Profile> {
        self.workloads.get(sighting.principal)
    }

    /// Who uses the address of a sign-in.
    pub fn address(&self, sighting: &Sighting<'_>) -> Option<&AddressProfile> {
        self.addresses.get(sighting.address)
    }

    /// Who uses an address, by its key within the tenant.
    pub fn address_of(&self, address: u64) -> Option<&AddressProfile> {
        self.addresses.get(address)
    }

    /// Is where this stop was a way out that people share (VPN, proxy, carrier, office), so that
    /// it says little of where its user is?
    pub fn is_egress(&self, stop: &Stop) -> bool {
        let egress = self.egresses.get(stop.network);
        let address = self.addresses.get(stop.address);
        egress.is_some_and(|one| one.users.len() >= EGRESS_USERS && one.days >= EGRESS_DAYS)
            || address.is_some_and(|one| {
                one.users.len() >= SHARED_USERS
                    && one.failed_users.len() * 2 <= one.users.len()
                    && stop.last.at_micros - one.first_micros >= SHARED_MICROS
            })
    }

    /// Does anybody else come from the network of this stop with a device of theirs?
    pub fn has_company(&self, stop: &Stop, user: u64) -> bool {
        let egress = self.egresses.get(stop.network);
        egress.is_some_and(|one| one.users.iter().any(|other| *other != user))
    }

    /// All users' profiles, in no order.
    pub fn users(&self) -> impl Iterator<Item = (u64, &Profile)> {
        self.users.iter()
    }

    /// How long the tenant of a sign-in has been watched, µs. What its people share (offices, ways
    /// out of VPNs) takes some days to be known.
    pub fn tenant_age_micros(&self, sighting: &Sighting<'_>) -> i64 {
        let tenant = self.tenants.get(sighting.tenant);
        tenant.map_or(0, |tenant| sighting.at_micros - tenant.first_micros)
    }

    /// Learns a sign-in.
    pub(crate) fn saw(&mut self, sighting: &Sighting<'_>) {
        let refused = Class::WRONG_PASSWORD.and(Class::UNKNOWN_USER);
        let success = sighting.is(Class::SUCCESS);
        if sighting.is(Class::USER) && sighting.address != 0 && (success || sighting.is(refused)) {
            let address = self.addresses.entry(sighting.address);
            address.last_micros = sighting.at_micros;
            let users = if success {
                address.successes += 1;
                if address.first_micros == 0 {
                    address.first_micros = sighting.at_micros;
                }
                &mut address.users
            } else {
                address.failures += 1;
                &mut address.failed_users
            };
            if users.len() < SHARERS_MAX && !users.contains(&sighting.user) {
                users.push(sighting.user);
            }
        }
        if !success {
            return;
        }
        self.saw_tenant(sighting.tenant, sighting.at_micros);
        if sighting.is(Class::USER) && sighting.user != 0 {
            let (device, at) = (sighting.device.device, sighting.at_micros);
            let profile = self.users.entry(sighting.user);
            let network = network_key(sighting);
            if device != 0 && network != 0 && profile.knew(Trait::Device, device, at) {
                self.egresses.entry(network).saw(sighting.user, at);
            }
            profile.saw(sighting);
        } else if sighting.principal != 0 {
            self.workloads.entry(sighting.principal).saw(sighting);
        }
    }

    fn saw_tenant(&mut self, tenant: u64, at_micros: i64) {
        let known = self.tenants.get(tenant);
        if known.is_none_or(|known| at_micros - known.last_micros >= DAY_MICROS) {
            let first_micros = known.map_or(at_micros, |known| known.first_micros);
            let profile = TenantProfile { first_micros, last_micros: at_micros };
            *self.tenants.entry(tenant) = profile;
        }
    }
}

impl State for Profiles {
    fn branch(&mut self) {
        self.users.branch();
        self.workloads.branch();
        self.addresses.branch();
        self.egresses.branch();
        self.tenants.branch();
    }

    fn rollback(&mut self) {
        self.users.rollback();
        self.workloads.rollback();
        self.addresses.rollback();
        self.egresses.rollback();
        self.tenants.rollback();
    }

    fn prune(&mut self, before_micros: i64) {
        self.users.prune(before_micros);
        self.workloads.prune(before_micros);
        self.addresses.prune(before_micros);
        self.egresses.prune(before_micros);
        self.tenants.prune(before_micros);
    }

    fn save(&self, out: &mut Vec<u8>) -> Result<(), postcard::Error> {
        self.users.save(out)?;
        self.workloads.save(out)?;
        self.addresses.save(out)?;
        self.egresses.save(out)?;
        self.tenants.save(out)
    }

    fn load<'a>(&mut self, from: &'a [u8]) -> Result<&'a [u8], postcard::Error> {
        let rest = self.users.load(from)?;
        let rest = self.workloads.load(rest)?;
        let rest = self.addresses.load(rest)?;
        let rest = self.egresses.load(rest)?;
        self.tenants.load(rest)
    }

    fn size(&self) -> usize {
        let people = self.users.size() + self.workloads.size() + self.tenants.size();
        people + self.addresses.size() + self.egresses.size()
    }
}
