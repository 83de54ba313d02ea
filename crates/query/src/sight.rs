//! What a caller may see of the log.
//!
//! A caller has been granted parts of the log, each with or without Conditional Access details and
//! under a mask or not. They see an event if any grant covers it; its details if any grant that
//! covers it shows them; names and addresses as pseudonyms if every grant that covers it masks
//! them.
//!
//! Questions are more careful than answers. Where details are hidden in any event the caller can
//! see, questions about them are refused. Where anything is masked, filters, groups and counts
//! know pseudonyms only, in all events.

use std::sync::{Arc, OnceLock};

use durward_model::event::RowValues;
use durward_model::field::{CONDITIONAL_ACCESS_DETAILS, GROUP_COUNT, Group};
use durward_model::{Cell, Event, FieldId, Log, cell};
use durward_store::{EntityTable, View};
use parking_lot::Mutex;

use crate::engine::{Engine, EngineOptions};
use crate::error::QueryError;
use crate::filter::{Expr, Filter, Op, Property, Value};
use crate::mask::Mask;
use crate::matcher::Predicate;
use crate::property::fields_of_whole;
use crate::pseudonym::PseudonymKey;

/// A part of the log that a caller may see, and how clearly.
#[derive(Clone, Debug)]
pub struct SightGrant {
    /// These logs. Under a mask only sign-ins are shown: the other logs are raw records with
    /// names all over.
    pub logs: Vec<Log>,
    /// Of them the events that fulfil this; [`Filter::All`] for whole logs.
    pub filter: Filter,
    /// With the details of Conditional Access?
    pub conditional_access: bool,
    /// Seen how.
    pub mask: Mask,
}

/// What a caller may see. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sight(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    grants: Vec<Grant>,
    /// Bit n for the log numbered n.
    logs: u8,
    /// Which events of these logs.
    filter: Filter,
    /// Are details of Conditional Access shown in every event that is?
    details: bool,
    /// What is masked in any event.
    mask: Mask,
    /// `None` where nothing is masked.
    pseudonyms: Option<Arc<Pseudonyms>>,
}

/// A grant, prepared.
#[derive(Debug)]
struct Grant {
    logs: u8,
    filter: Filter,
    predicate: Predicate,
    details: bool,
    mask: Mask,
}

const ALL_LOGS: u8 = u8::MAX;

/// Logs whose records have details of Conditional Access. Records of logs that are not known may
/// be sign-ins of a kind to come.
fn has_details(log: Log) -> bool {
    log.is_sign_in() || log == Log::Other
}

fn bits(logs: impl IntoIterator<Item = Log>) -> u8 {
    logs.into_iter().fold(0, |bits, log| bits | 1 << log as u8)
}

fn logs_of(bits: u8) -> impl Iterator<Item = Log> {
    Log::ALL.into_iter().filter(move |log| bits & (1 << *log as u8) != 0)
}

impl Grant {
    fn new(grant: SightGrant) -> Grant {
        let mut logs = bits(grant.logs);
        if !grant.mask.is_none() {
            logs &= bits(Log::SIGN_INS);
        }
        Grant {
            logs,
            predicate: Predicate::new(&grant.filter),
            filter: grant.filter,
            details: grant.conditional_access,
            mask: grant.mask,
        }
    }

    fn has(&self, log: Log) -> bool {
        self.logs & (1 << log as u8) != 0
    }

    fn covers(&self, event: &Event) -> bool {
        self.has(event.row().log) && self.predicate.matches(event)
    }

    /// Does it surely cover what another covers of a log?
    fn includes(&self, other: &Grant, log: Log) -> bool {
        self.has(log) && (self.filter == Filter::All || self.filter == other.filter)
    }
}

impl Sight {
    /// Of everything.
    pub fn everything() -> Sight {
        Sight(Arc::new(Parts {
            grants: Vec::new(),
            logs: ALL_LOGS,
            filter: Filter::All,
            details: true,
            mask: Mask::NONE,
            pseudonyms: None,
        }))
    }

    /// Of what any of these grants.
    pub fn new(grants: Vec<SightGrant>, pseudonyms: Arc<Pseudonyms>) -> Sight {
        let mut grants: Vec<Grant> = grants.into_iter().map(Grant::new).collect();
        grants.retain(|grant| grant.logs != 0);
        let logs = grants.iter().fold(0, |logs, grant| logs | grant.logs);
        // A grant holds in all it covers if whatever lacks it is covered by one that has it.
        let everywhere = |logs: u8, has: &dyn Fn(&Grant) -> bool| {
            logs_of(logs).all(|log| {
                let mut lacking = grants.iter().filter(|grant| grant.has(log) && !has(grant));
                lacking.all(|lacking| {
                    grants.iter().any(|grant| has(grant) && grant.includes(lacking, log))
                })
            })
        };
        let detailed = bits(logs_of(logs).filter(|log| has_details(*log)));
        let details = everywhere(detailed, &|grant| grant.details);
        let mask = Mask {
            names: !everywhere(logs, &|grant| !grant.mask.names),
            addresses: !everywhere(logs, &|grant| !grant.mask.addresses),
        };
        let filter = filter_of(&grants, logs);
        if logs == ALL_LOGS && filter == Filter::All && details && mask.is_none() {
            return Sight::everything();
        }
        let pseudonyms = Some(pseudonyms);
        Sight(Arc::new(Parts { grants, logs, filter, details, mask, pseudonyms }))
    }

    /// The logs of which anything can be seen.
    pub fn logs(&self) -> Vec<Log> {
        logs_of(self.0.logs).collect()
    }

    /// Is it of everything, with all details?
    pub fn is_everything(&self) -> bool {
        self.0.grants.is_empty() && self.0.logs == ALL_LOGS
    }

    /// Are the details of Conditional Access shown in every event that is? If not, questions
    /// about them are refused.
    pub fn shows_conditional_access_everywhere(&self) -> bool {
        self.0.details
    }

    /// What is masked in any event, and so in all questions, groups and counts.
    pub fn mask(&self) -> Mask {
        self.0.mask
    }

    /// An event as the caller sees it; `None` if they do not. Its revision has the number that the
    /// log gave it; [`crate::Reader`] numbers revisions by what the caller can tell apart.
    pub fn show(&self, event: Event) -> Option<Event> {
        let revision = event.row().revision;
        self.show_as(event, revision)
    }

    /// An event as the caller sees it, as that revision; `None` if they do not see it.
    pub(crate) fn show_as(&self, event: Event, revision: i32) -> Option<Event> {
        if self.is_everything() {
            return Some(with_revision(event, revision));
        }
        let mut covering = self.0.grants.iter().filter(|grant| grant.covers(&event));
        let first = covering.next()?;
        let (details, mask) =
            covering.fold((first.details, first.mask), |(details, mask), more| {
                let names = mask.names && more.mask.names;
                let addresses = mask.addresses && more.mask.addresses;
                (details || more.details, Mask { names, addresses })
            });
        let event = with_details(with_revision(event, revision), details);
        Some(match &self.0.pseudonyms {
            Some(pseudonyms) => mask.event(&pseudonyms.key, event),
            None => event,
        })
    }

    /// Does the caller see this event?
    pub(crate) fn covers(&self, event: &Event) -> bool {
        self.is_everything() || self.0.grants.iter().any(|grant| grant.covers(event))
    }

    /// An event as the caller's questions see it, which under a mask is never clearer than any
    /// event they see; `None` if they do not see it.
    pub fn as_asked(&self, event: Event) -> Option<Event> {
        match self.masked() {
            None => self.show(event),
            Some((pseudonyms, mask)) => {
                let details = self.show(event.clone())?.shows_conditional_access();
                Some(mask.event(&pseudonyms.key, with_details(event, details)))
            }
        }
    }

    /// Prepares to take from a stream of events those that the caller sees and that a filter
    /// holds for.
    pub fn tail(&self, filter: &Filter) -> Result<Tail, QueryError> {
        self.check(filter)?;
        Ok(Tail { sight: self.clone(), predicate: Predicate::new(filter) })
    }

    pub(crate) fn log_bits(&self) -> u8 {
        self.0.logs
    }

    /// Which events of the logs can be seen.
    pub(crate) fn filter(&self) -> &Filter {
        &self.0.filter
    }

    /// Whose pseudonyms are seen, if anything is masked.
    pub(crate) fn masked(&self) -> Option<(&Pseudonyms, Mask)> {
        let pseudonyms = self.0.pseudonyms.as_deref().filter(|_| !self.0.mask.is_none())?;
        Some((pseudonyms, self.0.mask))
    }

    /// Refuses a filter that asks about what is hidden.
    pub(crate) fn check(&self, filter: &Filter) -> Result<(), QueryError> {
        let mut answer = Ok(());
        filter.each_test(&mut |test| {
            let hidden = match &test.of {
                Property::Field(field) | Property::Member(field, _) => self.hides(*field),
                Property::Whole(prefix) => {
                    fields_of_whole(prefix).any(|field| self.hides(field.id))
                }
                Property::Status | Property::Log => false,
            };
            if hidden && answer.is_ok() {
                answer = Err(hidden_error(test.of.name()));
            }
        });
        answer
    }

    /// Refuses fields to count by that are hidden.
    pub(crate) fn check_fields(
        &self,
        fields: impl IntoIterator<Item = FieldId>,
    ) -> Result<(), QueryError> {
        match fields.into_iter().find(|field| self.hides(*field)) {
            Some(field) => Err(hidden_error(field.field().name.to_owned())),
            None => Ok(()),
        }
    }

    fn hides(&self, field: FieldId) -> bool {
        // The shape of a record tells which members it had.
        let tells = field == FieldId::Shape || CONDITIONAL_ACCESS_DETAILS.contains(&field);
        tells && !self.0.details
    }
}

/// An event, whole, as another revision.
fn with_revision(event: Event, revision: i32) -> Event {
    if event.row().revision == revision {
        return event;
    }
    let mut entities: [Arc<[u8]>; GROUP_COUNT] = Default::default();
    // Masking nothing leads past all entities; nothing else does.
    let _ = event.clone().masked(
        |group, entity| {
            entities[group as usize] = entity.into();
            None
        },
        |_| true,
    );
    Event::new(RowValues { revision, ..event.row().clone() }, entities)
}

/// An event with or without the details of Conditional Access.
fn with_details(event: Event, details: bool) -> Event {
    match details || !has_details(event.row().log) {
        true => event,
        false => event.without_conditional_access(),
    }
}

fn hidden_error(property: String) -> QueryError {
    QueryError::Hidden { property, right: "Conditional Access details" }
}

/// Which events of these logs any of the grants covers.
fn filter_of(grants: &[Grant], logs: u8) -> Filter {
    let of_logs = |bits: u8| {
        let names = logs_of(bits).map(|log| Value::Text(log.name().to_owned()));
        match bits == logs {
            true => Filter::All,
            false => Filter::test(Property::Log, Op::In(names.collect())),
        }
    };
    let whole = grants.iter().filter(|grant| grant.filter == Filter::All);
    let whole = whole.fold(0, |logs, grant| logs | grant.logs);
    if whole == logs {
        return Filter::All;
    }
    let mut any = Vec::new();
    if whole != 0 {
        any.push(of_logs(whole));
    }
    for grant in grants.iter().filter(|grant| grant.logs & !whole != 0) {
        any.push(of_logs(grant.logs & !whole).and(grant.filter.clone()));
    }
    Expr::any_of(any)
}

/// Takes from a stream of events what a caller asked for and may see.
#[derive(Clone, Debug)]
pub struct Tail {
    sight: Sight,
    predicate: Predicate,
}

impl Tail {
    /// The event as the caller sees it, if they do and the filter holds.
    pub fn take(&self, event: &Event) -> Option<Event> {
        let asked = self.sight.as_asked(event.clone())?;
        self.predicate.matches(&asked).then(|| self.sight.show(event.clone())).flatten()
    }
}

/// The pseudonyms of a store's people and addresses, and what its entities look like under masks.
/// One for each store, like an [`Engine`].
pub struct Pseudonyms {
    key: PseudonymKey,
    /// By mask: names, addresses, both.
    worlds: [World; 3],
}

/// What a store looks like under one mask.
#[derive(Default)]
struct World {
    engine: OnceLock<Engine>,
    entities: Mutex<[Arc<EntityTable>; GROUP_COUNT]>,
}

impl std::fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pseudonyms").finish_non_exhaustive()
    }
}

impl Pseudonyms {
    /// Pseudonyms made with this key, which must be kept secret: whoever has it can find out whom
    /// a pseudonym stands for by trying.
    pub fn new(key: &[u8; 32]) -> Pseudonyms {
        Pseudonyms { key: PseudonymKey::new(key), worlds: Default::default() }
    }

    /// What stands for a person whom something beside the log is about: the identifier, the sign-in
    /// name and the name for people; the same as in the log.
    pub fn person(&self, id: &str, sign_in_name: &str) -> [String; 3] {
        let mut actor = Vec::new();
        cell::encode(FieldId::UserId, &Cell::text(id), &mut actor);
        cell::encode(FieldId::UserPrincipalName, &Cell::text(sign_in_name), &mut actor);
        let person = self.key.person(&actor);
        [person.id(), person.sign_in_name(), person.name()]
    }

    /// What stands for an address, the same as in the log.
    pub fn address(&self, text: &str) -> String {
        self.key.address(text)
    }

    fn world(&self, mask: Mask) -> &World {
        let number = usize::from(mask.names) + 2 * usize::from(mask.addresses);
        &self.worlds[number.saturating_sub(1)]
    }

    /// What keeps what was worked out about masked entities.
    pub(crate) fn engine(&self, mask: Mask, options: EngineOptions) -> &Engine {
        self.world(mask).engine.get_or_init(|| Engine::with_options(options))
    }

    /// A view under a mask. Entities never change (ENT-1), so each is masked once.
    pub(crate) fn view(&self, mask: Mask, view: &View) -> View {
        let mut masked = self.world(mask).entities.lock();
        for group in Group::ALL {
            let (own, masked) = (view.entities(group), &mut masked[group as usize]);
            if !mask.changes_group(group) {
                masked.clone_from(own);
            } else if masked.len() < own.len() {
                let change =
                    |entity: &[u8]| (!entity.is_empty()).then(|| mask.entity(&self.key, entity));
                Arc::make_mut(masked).extend_from(own, change);
            }
        }
        view.with_entities(masked.clone())
    }
}
