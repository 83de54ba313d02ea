//! The values of one field, the most frequent first: for a list to choose from, and for
//! suggestions while somebody types.

use durward_model::field::Group;
use durward_model::{FieldId, Kind, Log};
use hashbrown::HashMap;

use crate::aggregate::{CountBy, Dimension, DimensionValue};
use crate::budget::{Budget, Meter};
use crate::dimensions::Dimensions;
use crate::error::QueryError;
use crate::filter::Filter;
use crate::fold::fold;
use crate::json_test::texts_at;
use crate::plan::Plan;
use crate::scan::Scan;
use crate::seen::Seen;
use crate::summary::ByStatus;
use crate::values::NO_VALUE;

/// The values of one field among some events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facet {
    /// The most frequent values with their events by status, the most frequent first, equal ones
    /// in the order of their folded text. Of several spellings the first in byte order.
    pub values: Vec<(String, ByStatus)>,
    /// How many values there are to choose from: all, or those with the text looked for.
    pub distinct: u64,
    /// Events without a value.
    pub empty: u64,
    /// All events, whatever their value.
    pub total: u64,
}

/// Which values of a field to give.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FacetRequest<'a> {
    pub(crate) field: FieldId,
    /// Of a list of objects: names of members from outside in, joined by `/`.
    pub(crate) member: Option<&'a str>,
    pub(crate) filter: &'a Filter,
    pub(crate) logs: &'a [Log],
    /// Most values.
    pub(crate) top: usize,
    /// Only values that contain this, folded.
    pub(crate) part: Option<&'a str>,
}

/// Most different values of a member.
const VALUES_MAX: usize = 1_000_000;
/// Entities between two looks at the clock.
const CHECK_EVERY: usize = 512;

impl Seen<'_> {
    pub(crate) fn facet(
        self,
        request: &FacetRequest<'_>,
        budget: &Budget,
    ) -> Result<Facet, QueryError> {
        let meter = Meter::start(budget);
        let plan = Plan::new(self, request.filter, request.logs, &meter)?;
        match request.member {
            None => self.facet_of_field(request, &plan, &meter),
            Some(member) => self.facet_of_member(request, member, &plan, &meter),
        }
    }

    fn facet_of_field(
        self,
        request: &FacetRequest<'_>,
        plan: &Plan<'_>,
        meter: &Meter<'_>,
    ) -> Result<Facet, QueryError> {
        let every: Vec<usize> = (0..self.view.chunks.len()).collect();
        let by = CountBy { by: &[Dimension::Field(request.field)], ..CountBy::default() };
        let (dimensions, tallies) = self.tallies(plan, &by, &every, meter)?;
        let (mut facet, mut values) = (Facet::default(), Vec::new());
        for tally in tallies {
            facet.total += tally.count();
            if tally.slot == u128::from(NO_VALUE) {
                facet.empty += tally.count();
                continue;
            }
            values.push((text_of(&dimensions, tally.slot), tally.by_status));
        }
        Ok(facet.with(values, request))
    }

    /// Counts rows by entity, and looks into the entities afterwards: there are few of them.
    fn facet_of_member(
        self,
        request: &FacetRequest<'_>,
        member: &str,
        plan: &Plan<'_>,
        meter: &Meter<'_>,
    ) -> Result<Facet, QueryError> {
        let field = request.field;
        let refused = |why: &str| {
            let name = field.field().name;
            QueryError::Invalid(format!("cannot count by {name}/{member}: {why}"))
        };
        let group = field.group().filter(|_| field.field().kind.is_json());
        let group = group.ok_or_else(|| refused("it has no members"))?;
        let path: Vec<&str> = member.split(['/', '.']).filter(|name| !name.is_empty()).collect();
        if path.is_empty() && field.field().kind != Kind::TextList {
            return Err(refused("which member is not said"));
        }
        let entities = self.view.entities(group);
        let statuses = self.engine.statuses(self.view);
        let scan = Scan { view: self.view, plan, meter };
        let every: Vec<usize> = (0..self.view.chunks.len()).collect();
        let new = || vec![[0_u64; 3]; entities.len()];
        let states = scan.parallel(&every, self.engine.options, new, |counts, block| {
            let keys = block.columns.keys(group)?;
            let outcomes = block.columns.keys(Group::Outcome)?;
            for row in block.rows() {
                if let Some(by_status) = counts.get_mut(keys[row] as usize) {
                    by_status[usize::from(statuses.number(outcomes[row]))] += 1;
                }
            }
            Ok(())
        })?;
        let mut states = states.into_iter();
        let mut counts = states.next().unwrap_or_default();
        for state in states {
            counts.iter_mut().zip(&state).for_each(|(own, more)| add(own, *more));
        }

        let mut facet = Facet::default();
        let mut values: HashMap<String, (String, ByStatus)> = HashMap::new();
        let met = counts.iter().enumerate().filter(|(_, by_status)| sum(by_status) > 0);
        for (number, (key, by_status)) in met.enumerate() {
            if number.is_multiple_of(CHECK_EVERY) {
                meter.check()?;
            }
            facet.total += sum(by_status);
            let cell = entities.cell(key as u32, field);
            let texts = match cell.as_text() {
                Some(json) => texts_at(&path, json),
                None => Some(Vec::new()),
            };
            let texts = texts.ok_or_else(|| refused("it is kept with each event"))?;
            if texts.is_empty() {
                facet.empty += sum(by_status);
            }
            // An event that has a value twice has it.
            let mut own: HashMap<String, String> = HashMap::new();
            for text in texts {
                let spelling = own.entry(fold(&text).into_owned()).or_insert_with(|| text.clone());
                *spelling = text.min(std::mem::take(spelling));
            }
            for (folded, text) in own {
                let (spelling, counts) =
                    values.entry(folded).or_insert_with(|| (text.clone(), [0; 3]));
                *spelling = text.min(std::mem::take(spelling));
                add(counts, *by_status);
            }
            if values.len() > VALUES_MAX {
                return Err(QueryError::Results(VALUES_MAX));
            }
        }
        Ok(facet.with(values.into_values().collect(), request))
    }
}

impl Facet {
    /// With the values that are wanted, in order.
    fn with(mut self, values: Vec<(String, ByStatus)>, request: &FacetRequest<'_>) -> Facet {
        let part = request.part.map(fold);
        let mut folded: Vec<(u64, String, String, ByStatus)> = values
            .into_iter()
            .map(|(text, by_status)| (sum(&by_status), fold(&text).into_owned(), text, by_status))
            .filter(|(_, folded, ..)| part.as_ref().is_none_or(|part| folded.contains(&**part)))
            .collect();
        self.distinct = folded.len() as u64;
        folded.sort_unstable_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        folded.truncate(request.top);
        self.values = folded.into_iter().map(|(_, _, text, counts)| (text, counts)).collect();
        self
    }
}

fn text_of(dimensions: &Dimensions, slot: u128) -> String {
    match dimensions.values(slot).pop() {
        Some(DimensionValue::Text(text)) => text,
        _ => String::new(),
    }
}

fn sum(by_status: &ByStatus) -> u64 {
    by_status.iter().sum()
}

fn add(own: &mut ByStatus, more: ByStatus) {
    own.iter_mut().zip(more).for_each(|(own, more)| *own += more);
}
