//! What the detections of guessing share: what an attempt is, what proves that a password is
//! known, and a campaign that goes on and stays one finding.

use durward_model::Id;
use durward_model::time::{DAY_MICROS, HOUR_MICROS, SECOND_MICROS};
use hashbrown::HashSet;
use serde::{Deserialize, Serialize};

use crate::class::Class;
use crate::detection::{About, Context};
use crate::facts::key_within;
use crate::finding::{EVENTS_MAX, EventRef, Finding, Level, Subject};
use crate::keyed::Touched;
use crate::profile::Trait;
use crate::sighting::Sighting;
use crate::window::Recent;

/// A guess at the password of an account that exists.
pub(super) const GUESS: Class = Class::WRONG_PASSWORD.and(Class::LOCKED);
/// What may prove that a password is known; see [`is_proof`].
pub(super) const PROOF: Class = Class::SUCCESS.and(Class::RIGHT_PASSWORD).and(Class::POLICY_BLOCK);

/// Accounts or addresses told apart in one campaign.
const TOLD_APART_MAX: usize = 10_000;
/// Accounts that gave in, told by name.
const HITS_MAX: usize = 8;

/// Does it prove that whoever signs in knows the password? Conditional Access is asked only after
/// the password, so its refusal does as well.
pub(super) fn is_proof(sighting: &Sighting<'_>) -> bool {
    sighting.is(Class::SUCCESS.and(Class::RIGHT_PASSWORD))
        || sighting.is(Class::POLICY_BLOCK) && sighting.authentication.has_password
}

/// The network (/24, /48) of a sign-in as seen in its tenant; 0 for none.
pub(super) fn source_of(sighting: &Sighting<'_>) -> u64 {
    key_within(sighting.network.prefix, sighting.tenant)
}

/// Does the user usually sign in from this network, or with this registered device? What was first
/// used today does not count: whoever guessed right teaches the profile their own network.
pub(super) fn is_familiar(sighting: &Sighting<'_>, context: &Context<'_>) -> bool {
    let (at, prefix) = (sighting.at_micros, sighting.network.prefix);
    let device = sighting.device.device;
    context.profiles.user(sighting).is_some_and(|profile| {
        prefix != 0 && profile.knew(Trait::Prefix, prefix, at)
            || device != 0 && profile.knew(Trait::Device, device, at)
    })
}

/// The organisation's own network, or one that is known to be shared?
pub(super) fn is_common_ground(sighting: &Sighting<'_>, context: &Context<'_>) -> bool {
    sighting.network.is_trusted
        || sighting.network.is_shared
        || context.profiles.address(sighting).is_some_and(|one| one.is_shared(sighting.at_micros))
}

/// A length of time in words.
pub(super) fn span(micros: i64) -> String {
    let minute = 60 * SECOND_MICROS;
    let (unit, name) = match micros {
        ..HOUR_MICROS => (minute, "min"),
        HOUR_MICROS..DAY_MICROS => (HOUR_MICROS, "h"),
        _ => (DAY_MICROS, "d"),
    };
    let tenths = micros * 10 / unit;
    match (tenths / 10, tenths % 10) {
        (0, _) => "less than a minute".to_owned(),
        (whole, rest) if unit == minute || rest == 0 => format!("{whole} {name}"),
        (whole, rest) => format!("{whole}.{rest} {name}"),
    }
}

/// `1 account`, `12 accounts`.
pub(super) fn counted(count: usize, what: &str) -> String {
    match (count, what.strip_suffix('y'), what.ends_with('s')) {
        (1, _, _) => format!("1 {what}"),
        (_, Some(stem), _) if !stem.ends_with(['a', 'e', 'o']) => format!("{count} {stem}ies"),
        (_, _, true) => format!("{count} {what}es"),
        _ => format!("{count} {what}s"),
    }
}

impl Touched for Campaign {
    fn touched_micros(&self) -> i64 {
        self.last_micros
    }
}

/// One attempt.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Try {
    pub(super) event: EventRef,
    pub(super) user: u64,
    pub(super) address: u64,
    /// From a network or device that the user does not usually use.
    pub(super) is_strange: bool,
}

impl Try {
    pub(super) fn of(sighting: &Sighting<'_>, is_strange: bool) -> Try {
        let (user, address) = (sighting.user, sighting.address);
        Try { event: EventRef::of(sighting), user, address, is_strange }
    }
}

/// An account whose password was right.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Hit {
    pub(super) event: EventRef,
    pub(super) user: u64,
    pub(super) address: u64,
    name: String,
    what: String,
}

impl Hit {
    pub(super) fn of(sighting: &Sighting<'_>) -> Hit {
        let what = match sighting.class {
            class if class.any(Class::SUCCESS) => "signed in",
            class if class.any(Class::POLICY_BLOCK) => {
                "password right, blocked by Conditional Access"
            }
            class if class.any(Class::MFA_ASKED) => "password right, second factor asked for",
            class if class.any(Class::MFA_FAILED) => "password right, second factor failed",
            _ => "password right, not signed in yet",
        };
        let what = format!("{what} ({}) from {}", sighting.outcome.code, sighting.address_text());
        let (event, name) = (EventRef::of(sighting), sighting.user_name());
        Hit { event, user: sighting.user, address: sighting.address, name, what }
    }
}

/// A campaign that was found and may go on.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Campaign {
    subject: Option<Subject>,
    /// Its first attempt: by it the finding stays the same one.
    first: Option<EventRef>,
    last_micros: i64,
    attempts: u64,
    accounts: HashSet<u64>,
    addresses: HashSet<u64>,
    events: Recent<EventRef>,
    hits: Vec<Hit>,
    level: Level,
    /// Attempts and accounts that gave in when it was told last.
    told: (u64, usize),
}

impl Campaign {
    /// Was there an attempt of it within the last `gap_micros`?
    pub(super) fn is_open(&self, at_micros: i64, gap_micros: i64) -> bool {
        self.first.is_some() && at_micros - self.last_micros <= gap_micros
    }

    /// Begins anew with these attempts, oldest first.
    pub(super) fn begin<'a>(&mut self, subject: Subject, tries: impl Iterator<Item = &'a Try>) {
        *self = Campaign { subject: Some(subject), ..Campaign::default() };
        tries.for_each(|one| self.add(one));
    }

    /// One more attempt.
    pub(super) fn add(&mut self, one: &Try) {
        self.first.get_or_insert(one.event);
        self.last_micros = self.last_micros.max(one.event.at_micros);
        self.attempts += 1;
        self.events.push(one.event.at_micros, one.event, i64::MAX, EVENTS_MAX);
        for (set, key) in [(&mut self.accounts, one.user), (&mut self.addresses, one.address)] {
            if set.len() < TOLD_APART_MAX {
                set.insert(key);
            }
        }
    }

    /// Accounts known from elsewhere to belong to it.
    pub(super) fn add_accounts(&mut self, users: impl Iterator<Item = u64>) {
        self.accounts.extend(users.take(TOLD_APART_MAX));
    }

    /// An account gave in. Each is named once.
    pub(super) fn gave_in(&mut self, hit: Hit) {
        if self.hits.len() < HITS_MAX && !self.hits.iter().any(|own| own.user == hit.user) {
            self.hits.push(hit);
        }
    }

    /// Was this account tried?
    pub(super) fn has_tried(&self, user: u64) -> bool {
        self.accounts.contains(&user)
    }

    /// Did this address take part?
    pub(super) fn has_address(&self, address: u64) -> bool {
        self.addresses.contains(&address)
    }

    pub(super) fn accounts(&self) -> usize {
        self.accounts.len()
    }

    pub(super) fn addresses(&self) -> usize {
        self.addresses.len()
    }

    pub(super) fn level(&self) -> Level {
        self.level
    }

    pub(super) fn attempts(&self) -> u64 {
        self.attempts
    }

    /// How long it has lasted, µs.
    pub(super) fn length_micros(&self) -> i64 {
        self.first.map_or(0, |first| self.last_micros - first.at_micros)
    }

    /// Is it time to tell it (again): for the first time, grown by a quarter, a higher level, one
    /// more account that gave in? What was told as dangerous stays so.
    pub(super) fn is_due(&mut self, level: Level) -> bool {
        let level = if self.hits.is_empty() { level } else { Level::High };
        let (attempts, hits) = self.told;
        let is_higher = level > self.level;
        self.level = self.level.max(level);
        attempts == 0
            || is_higher
            || self.hits.len() > hits
            || self.attempts > attempts + attempts / 4
    }

    /// What followed from it, for the sentence; empty where nothing did.
    pub(super) fn outcome(&self) -> String {
        match &self.hits[..] {
            [] => String::new(),
            [one] => format!("; the password of {} was right", one.name),
            [one, rest @ ..] => {
                format!("; the passwords of {} and {} more were right", one.name, rest.len())
            }
        }
    }

    /// The finding, as it stands now.
    pub(super) fn tell(
        &mut self,
        about: &About,
        sighting: &Sighting<'_>,
        sentence: String,
    ) -> Finding {
        self.told = (self.attempts, self.hits.len());
        let first = self.first.unwrap_or(EventRef::of(sighting));
        let subject = self.subject.clone().unwrap_or_else(|| Subject::address(sighting));
        let Id(occurrence) = first.id;
        let room = EVENTS_MAX - self.hits.len();
        let mut events: Vec<EventRef> =
            self.events.iter().rev().take(room).map(|(_, event)| *event).collect();
        events.extend(self.hits.iter().map(|hit| hit.event));
        let risky = events.iter().map(|event| event.id).collect();
        let count = self.attempts + self.hits.len() as u64;
        let mut finding =
            Finding::new(about.id, subject, self.level, sighting, &occurrence, sentence)
                .resting_on(events, count, risky);
        finding.first_micros = finding.first_micros.min(first.at_micros);
        if self.addresses.len() > 1 {
            finding.address.clear();
        }
        for hit in &self.hits {
            finding = finding.fact("Gave in", format!("{}: {}", hit.name, hit.what));
        }
        finding
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_told_in_words() {
        assert_eq!(span(30 * SECOND_MICROS), "less than a minute");
        assert_eq!(span(12 * 60 * SECOND_MICROS), "12 min");
        assert_eq!(
            (span(HOUR_MICROS * 3 / 2).as_str(), span(DAY_MICROS).as_str()),
            ("1.5 h", "1 d")
        );
        assert_eq!((counted(1, "try").as_str(), counted(2, "try").as_str()), ("1 try", "2 tries"));
        assert_eq!(counted(3, "address"), "3 addresses");
        assert_eq!(counted(0, "country"), "0 countries");
    }
}
