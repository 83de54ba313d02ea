//! What a detection has found: about whom, how sure, and by what evidence.

use durward_model::Id;
use serde::{Deserialize, Serialize};

use crate::sighting::Sighting;
use durward_model::FieldId;

/// How sure a detection is, in Entra's words.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum Level {
    #[default]
    Low,
    Medium,
    High,
}

impl Level {
    /// All of them, lowest first.
    pub const ALL: [Level; 3] = [Level::Low, Level::Medium, Level::High];

    /// As Graph's `riskLevel` has it.
    pub fn name(self) -> &'static str {
        match self {
            Level::Low => "low",
            Level::Medium => "medium",
            Level::High => "high",
        }
    }

    /// The level of that name, in any case.
    pub fn from_name(name: &str) -> Option<Level> {
        Level::ALL.into_iter().find(|level| level.name().eq_ignore_ascii_case(name))
    }
}

/// What kind of thing a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SubjectKind {
    /// A user; `id` is the object identifier.
    User,
    /// A service principal; `id` is the object identifier.
    Workload,
    /// An agent; `id` is the service principal's object identifier.
    Agent,
    /// An address; `id` is its text.
    Address,
    /// The tenant as a whole; `id` is its identifier.
    Tenant,
}

impl SubjectKind {
    /// As stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            SubjectKind::User => "user",
            SubjectKind::Workload => "workload",
            SubjectKind::Agent => "agent",
            SubjectKind::Address => "address",
            SubjectKind::Tenant => "tenant",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<SubjectKind> {
        use SubjectKind::{Address, Agent, Tenant, User, Workload};
        [User, Workload, Agent, Address, Tenant].into_iter().find(|kind| kind.name() == name)
    }
}

/// Whom a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// What kind of thing.
    pub kind: SubjectKind,
    /// Its identifier, as the log has it.
    pub id: String,
    /// Its name for people: a principal name, a service principal's name, an address.
    pub name: String,
}

impl Subject {
    /// The user of a sign-in.
    pub fn user(sighting: &Sighting<'_>) -> Subject {
        let name = sighting.user_name();
        let id = sighting.text(FieldId::UserId).into_owned();
        let id = if id.is_empty() { name.clone() } else { id };
        Subject { kind: SubjectKind::User, id, name }
    }

    /// The workload of a sign-in; an agent where an agent acts.
    pub fn workload(sighting: &Sighting<'_>) -> Subject {
        let name = sighting.principal_name();
        let id = sighting.text(FieldId::ServicePrincipalId).into_owned();
        let id = if id.is_empty() { name.clone() } else { id };
        let agent = sighting.workload.is_agent;
        let kind = if agent { SubjectKind::Agent } else { SubjectKind::Workload };
        Subject { kind, id, name }
    }

    /// The address of a sign-in.
    pub fn address(sighting: &Sighting<'_>) -> Subject {
        let text = sighting.address_text();
        Subject { kind: SubjectKind::Address, id: text.clone(), name: text }
    }

    /// The tenant of a sign-in.
    pub fn tenant(sighting: &Sighting<'_>) -> Subject {
        Subject::tenant_of(&sighting.text(FieldId::TenantId))
    }

    /// A tenant by its identifier.
    pub fn tenant_of(id: &str) -> Subject {
        Subject { kind: SubjectKind::Tenant, id: id.to_owned(), name: "the tenant".to_owned() }
    }
}

/// A sign-in that is evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EventRef {
    /// When it happened, µs since 1970.
    pub at_micros: i64,
    /// Its request identifier.
    pub id: Id,
}

impl EventRef {
    /// A sign-in as evidence.
    pub fn of(sighting: &Sighting<'_>) -> EventRef {
        EventRef { at_micros: sighting.at_micros, id: sighting.id }
    }
}

/// A number or value that the judgement rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What it is: `Distance`, `Accounts tried`.
    pub label: String,
    /// What it is worth, with its unit; arithmetic spelled out: `5,900 km in 40 min = 8,850 km/h`.
    pub value: String,
}

/// Most sign-ins that a finding names; how many there were is counted.
pub const EVENTS_MAX: usize = 50;

/// What a detection has found. The same history gives the same findings, with the same
/// identifiers, whenever and however often it is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Follows from detection, tenant, subject and what the detection calls one occurrence.
    pub id: Id,
    /// The detection's identifier (`password-spray`).
    pub detection: String,
    /// The tenant's identifier.
    pub tenant: String,
    /// Whom it is about.
    pub subject: Subject,
    /// How sure.
    pub level: Level,
    /// One plain sentence: who did what, from where, how often.
    pub sentence: String,
    /// The first and the last sign-in of it, µs since 1970.
    pub first_micros: i64,
    /// See `first_micros`.
    pub last_micros: i64,
    /// When the threshold was reached: the earliest moment it could be known.
    pub found_micros: i64,
    /// What the log was looked at up to when it was told last; the fold sets this.
    pub told_micros: i64,
    /// The sign-ins it rests on, oldest first; at most [`EVENTS_MAX`], the newest of many.
    pub events: Vec<EventRef>,
    /// How many there are altogether.
    pub event_count: u64,
    /// The sign-ins that are risky by it: those of the attacker, not those of the rightful user
    /// that they are compared with. Among `events`.
    pub risky: Vec<Id>,
    /// What it rests on, with the arithmetic.
    pub facts: Vec<Fact>,
    /// What speaks against it.
    pub against: Vec<String>,
    /// The sign-in that is risky by it, for Graph's `riskDetection`.
    pub correlation: Option<Id>,
    /// The address, for Graph; empty where there is none or more than one.
    pub address: String,
    /// City, state and country of that address.
    pub location: [String; 3],
}

impl Finding {
    /// A finding that rests on one sign-in so far. `occurrence` tells it from other findings of
    /// the same detection about the same subject: the first sign-in of a run, a day.
    pub fn new(
        detection: &str,
        subject: Subject,
        level: Level,
        sighting: &Sighting<'_>,
        occurrence: &[u8],
        sentence: String,
    ) -> Finding {
        let tenant = sighting.text(FieldId::TenantId).into_owned();
        let event = EventRef::of(sighting);
        let part = |field| sighting.text(field).into_owned();
        Finding {
            id: id_of(detection, &tenant, &subject, occurrence),
            detection: detection.to_owned(),
            tenant,
            subject,
            level,
            sentence,
            first_micros: event.at_micros,
            last_micros: event.at_micros,
            found_micros: event.at_micros,
            told_micros: event.at_micros,
            events: vec![event],
            event_count: 1,
            risky: vec![event.id],
            facts: Vec::new(),
            against: Vec::new(),
            correlation: Some(sighting.correlation),
            address: sighting.address_text(),
            location: [part(FieldId::City), part(FieldId::State), part(FieldId::CountryOrRegion)],
        }
    }

    /// A finding about what did not happen, or about many at once: no sign-in tells it, the clock
    /// does.
    pub fn of_time(
        detection: &str,
        subject: Subject,
        level: Level,
        tenant: &str,
        at_micros: i64,
        occurrence: &[u8],
        sentence: String,
    ) -> Finding {
        Finding {
            id: id_of(detection, tenant, &subject, occurrence),
            detection: detection.to_owned(),
            tenant: tenant.to_owned(),
            subject,
            level,
            sentence,
            first_micros: at_micros,
            last_micros: at_micros,
            found_micros: at_micros,
            told_micros: at_micros,
            events: Vec::new(),
            event_count: 0,
            risky: Vec::new(),
            facts: Vec::new(),
            against: Vec::new(),
            correlation: None,
            address: String::new(),
            location: [const { String::new() }; 3],
        }
    }

    /// From when to when it lasted, µs since 1970.
    #[must_use]
    pub fn lasting(mut self, first_micros: i64, last_micros: i64) -> Finding {
        (self.first_micros, self.last_micros) = (first_micros, last_micros);
        self
    }

    /// With a number or value that it rests on.
    #[must_use]
    pub fn fact(mut self, label: &str, value: impl Into<String>) -> Finding {
        self.facts.push(Fact { label: label.to_owned(), value: value.into() });
        self
    }

    /// With something that speaks against it.
    #[must_use]
    pub fn against(mut self, what: impl Into<String>) -> Finding {
        self.against.push(what.into());
        self
    }

    /// With all sign-ins of it, in any order, of which those in `risky` are the attacker's.
    #[must_use]
    pub fn resting_on(mut self, mut events: Vec<EventRef>, count: u64, risky: Vec<Id>) -> Finding {
        events.sort_unstable();
        events.dedup();
        self.event_count = count.max(events.len() as u64);
        if let (Some(first), Some(last)) = (events.first(), events.last()) {
            (self.first_micros, self.last_micros) = (first.at_micros, last.at_micros);
        }
        let excess = events.len().saturating_sub(EVENTS_MAX);
        events.drain(..excess);
        self.events = events;
        self.risky = risky;
        self
    }
}

/// The identifier of a finding.
pub fn id_of(detection: &str, tenant: &str, subject: &Subject, occurrence: &[u8]) -> Id {
    let mut bytes = Vec::with_capacity(128);
    for part in [detection, tenant, subject.kind.name(), &subject.id] {
        bytes.extend((part.len() as u32).to_le_bytes());
        bytes.extend(part.as_bytes());
    }
    bytes.extend(occurrence);
    let Id(mut id) = Id::hash(&bytes);
    // A valid GUID: the bits that say "a hash of a name".
    id[6] = id[6] & 0x0f | 0x80;
    id[8] = id[8] & 0x3f | 0x80;
    Id(id)
}
