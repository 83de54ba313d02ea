//! The demo tenant: believable sign-ins, reproducible by seed.
//!
//! A [`Tenant`] is drawn from a seed and holds everything that lasts: people, devices,
//! applications, policies. [`Tenant::events`] then tells what happens in a range of time, one
//! event at a time and in order; [`Live`] goes on from there; [`write_files`] writes it all into a
//! folder. The same seed, options and range give the same bytes. No clock is read and nothing
//! random is taken from the machine.
//!
//! ```
//! use durward_generate::{Moment, Tenant, TenantOptions};
//! let options = TenantOptions { users: 20, ..TenantOptions::demo() };
//! let tenant = std::sync::Arc::new(Tenant::new(7, options));
//! let monday = Moment::from_day(20_514);
//! let first = tenant.events(monday..monday.plus_days(1)).next().unwrap();
//! assert!(first.json.starts_with(b"{\"time\":\"2026-03-02T"));
//! ```
//!
//! # What is modelled
//!
//! * **Places.** 42 real cities. Six of them have offices (trusted named locations); two countries
//!   are blocked. Addresses and network numbers come only from ranges reserved for documentation,
//!   benchmarking and carriers, so none belongs to anybody.
//! * **People.** Invented names of many languages; a home, one to three devices whose operating
//!   system, browser and user agent agree; working hours in local time, weekends, holidays, days
//!   at home, trips of a few days. By their real place nobody travels faster than an airliner.
//!   Guests come from three partners; service accounts send passwords by mail protocols or from
//!   scripts; emergency accounts stay silent.
//! * **Roaming** ([`TenantOptions::roaming`]). Six people in a hundred at times use the
//!   organisation's VPN or a commercial one: the same device and session appear in a data centre
//!   abroad, minutes after and before home. Phones of some carriers hop between the city they are
//!   in and a gateway 200 to 800 km away. [`Tenant::hops`] tells which requests they are; none is
//!   an attack.
//! * **Applications.** Microsoft's well-known ones under their real identifiers and about ninety
//!   invented services; each asks for tokens of certain resources.
//! * **Sessions.** A device keeps its session for days. While it is in use its programs renew
//!   tokens about every hour, several at a time: 10 to 50 non-interactive sign-ins for each
//!   interactive one. Continuous access evaluation, primary refresh tokens and token protection
//!   show where they would.
//! * **Conditional Access.** Twelve policies, among them report-only ones and one switched off,
//!   evaluated from what a sign-in is; what they demand decides whether a second factor is asked
//!   for, so results, steps and evaluation agree.
//! * **Everyday trouble.** Typing errors in passwords and names, expired passwords, interrupts that a success with the
//!   same correlation id follows, missing consent, expired and revoked tokens, sign-in frequency,
//!   a service principal whose secret ran out.
//! * **Workloads.** Service principals with secrets, certificates or federated credentials, fixed
//!   addresses and a fixed rhythm; managed identities without addresses.
//! * **Attacks.** At least one a day, one more for every 2,500 people, twelve kinds in turn
//!   ([`Attack`]). [`Label`]s tell which requests they are; records never do.
//! * **Delivery.** Publication lags creation by a log-normal one to eight minutes; [`Noise`] adds
//!   duplicates, revisions and late records.
//!
//! # Size
//!
//! A person causes about 40 events on a working day; [`TenantOptions::for_events`] turns a wanted
//! number of events into a number of people. A diagnostic record of the demo has about 6.5 KB for
//! people, close to half of it Conditional Access, and 2.3 KB for workloads; with
//! [`Profile::Bench`] the mean is 4 KB. Memory holds the plan of two to three days, 80 bytes an
//! event, never text: less than 1 GB for a tenant of 100 million events in 30 days.
//!
//! # What is not
//!
//! Daylight saving time, federated (AD FS) sign-ins, agents, roaming abroad by way of the home
//! country, offices behind a proxy in another country, attackers who use a VPN of the victim's
//! country, and other logs than the four sign-in logs.

mod apps;
mod devices;
mod dice;
mod files;
mod json;
mod live;
mod moment;
mod names;
mod networks;
mod outcomes;
mod people;
mod places;
mod plan;
mod policies;
mod render;
mod roaming;
mod stream;
mod tenant;
mod workloads;

pub use dice::Guid;
pub use files::{FileOptions, Layout, Summary, WriteError, write_files};
pub use live::Live;
pub use moment::Moment;
pub use plan::attacks::{Attack, Label};
pub use render::{Log, Shape};
pub use stream::{Delivery, EventInfo, Events, GeneratedEvent};
pub use tenant::{Hop, Profile, Tenant, TenantOptions};

/// How much goes wrong on the way from source to reader, in thousandths of the records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Noise {
    /// Records that arrive a second time, equal but for the publication time.
    pub duplicate_per_mille: u32,
    /// Records of people that arrive again with more in them: a further authentication step, and
    /// a risk that has been dealt with.
    pub revised_per_mille: u32,
    /// Records that arrive one to thirteen hours late.
    pub late_per_mille: u32,
}

impl Noise {
    /// About what real exports show.
    pub fn realistic() -> Noise {
        Noise { duplicate_per_mille: 25, revised_per_mille: 5, late_per_mille: 3 }
    }
}
