//! The events of a tenant in order of time.

use crate::dice::{Dice, Guid, Topic};
use crate::moment::Moment;
use crate::networks::NetworkKind;
use crate::plan::{Actor, Planned, attacks, people, workloads};
use crate::render::{Job, Log, Renderer, Shape, log_of, published};
use crate::tenant::{Hop, Tenant};
use crate::{Label, Noise};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;
use std::sync::Arc;

/// Which copy of a record this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Delivery {
    /// The first and usually the only one.
    First,
    /// The first, hours after its neighbours.
    Late,
    /// The same record again, with a new publication time only.
    Duplicate,
    /// The record again with more in it.
    Revised,
}

/// An event without its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventInfo {
    /// Its log.
    pub log: Log,
    /// `createdDateTime`.
    pub created: Moment,
    /// The time of publication (`time` in the envelope).
    pub published: Moment,
    /// The request identifier.
    pub id: Guid,
    /// Which copy it is.
    pub delivery: Delivery,
}

/// An event with its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedEvent {
    /// What is known of it.
    pub info: EventInfo,
    /// One JSON object without a line break.
    pub json: Vec<u8>,
}

/// A stream of events; see [`Tenant::events`].
pub struct Events {
    tenant: Arc<Tenant>,
    range: Range<Moment>,
    renderer: Renderer,
    noise: Noise,
    /// The next day to plan.
    next_day: i64,
    /// Planned records that may still come, sorted; those before `complete` are final.
    plan: Vec<Planned>,
    /// How many of the plan have been taken.
    taken: usize,
    complete: Moment,
    /// Copies to be delivered later.
    held: BinaryHeap<Reverse<Held>>,
    /// Publication times are at most so many ticks after the sign-in; see [`crate::Live`].
    lag_max: i64,
}

/// A copy that waits. Ordered by due time first.
struct Held {
    due: Moment,
    delivery: Delivery,
    item: Planned,
}

impl Held {
    fn order(&self) -> (Moment, Delivery, u64) {
        (self.due, self.delivery, self.item.nonce)
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Held) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Held {}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Held) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Held {
    fn cmp(&self, other: &Held) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

impl Events {
    pub(crate) fn new(tenant: Arc<Tenant>, range: Range<Moment>) -> Events {
        let range = range.start.max(Moment(0))..range.end.min(Moment::YEAR_9999);
        // People's local days reach into the UTC days before and after.
        let next_day = range.start.day() - 1;
        Events {
            renderer: Renderer::new(Arc::clone(&tenant), Shape::Diagnostic),
            tenant,
            noise: Noise::default(),
            next_day,
            plan: Vec::new(),
            taken: 0,
            // An empty range is complete as it is.
            complete: if range.is_empty() { range.end } else { Moment(i64::MIN) },
            held: BinaryHeap::new(),
            lag_max: i64::MAX,
            range,
        }
    }

    /// Writes records in this shape instead of [`Shape::Diagnostic`].
    #[must_use]
    pub fn shape(mut self, shape: Shape) -> Events {
        self.renderer = Renderer::new(Arc::clone(&self.tenant), shape);
        self
    }

    /// Adds duplicates, revisions and late records. The order is then that of delivery.
    #[must_use]
    pub fn noise(mut self, noise: Noise) -> Events {
        self.noise = noise;
        self
    }

    pub(crate) fn lag_max(mut self, ticks: i64) -> Events {
        self.lag_max = ticks;
        self
    }

    /// The attacks among the events of the range (as a whole, however far the stream is). Takes
    /// time with every day of the range, so ask for it on ranges of reasonable length.
    pub fn labels(&self) -> Vec<Label> {
        attacks::labels(&self.tenant, &self.range)
    }

    /// When the next event is created (for held copies: when it is due); `None` at the end.
    pub fn next_due(&mut self) -> Option<Moment> {
        self.fill();
        let planned = self.plan.get(self.taken).map(|item| Moment(item.at));
        let held = self.held.peek().map(|Reverse(held)| held.due);
        match (planned, held) {
            (Some(planned), Some(held)) => Some(planned.min(held)),
            (planned, held) => planned.or(held),
        }
    }

    /// Appends the text of the next event to `out`; `None` at the end. Reusing one buffer is the
    /// fastest way through the stream.
    pub fn write_next(&mut self, out: &mut Vec<u8>) -> Option<EventInfo> {
        loop {
            self.fill();
            let planned = self.plan.get(self.taken).map(|item| Moment(item.at));
            let due = self.held.peek().map(|Reverse(held)| held.due);
            let take_held = match (planned, due) {
                (None, None) => return None,
                (Some(planned), Some(due)) => due <= planned,
                (planned, _) => planned.is_none(),
            };
            if take_held {
                let Some(Reverse(held)) = self.held.pop() else { continue };
                return Some(self.emit(&held.item, held.due, held.delivery, out));
            }
            let Some(&item) = self.plan.get(self.taken) else { continue };
            self.taken += 1;
            let mut publication = published(self.tenant.seed, &item);
            publication = publication.min(Moment(item.at.saturating_add(self.lag_max)));
            if !self.hold_copies(&item, publication) {
                return Some(self.emit(&item, publication, Delivery::First, out));
            }
        }
    }

    /// Plans copies of `item`. True if the item itself is late and not to be delivered now.
    fn hold_copies(&mut self, item: &Planned, publication: Moment) -> bool {
        if self.noise == Noise::default() {
            return false;
        }
        let mut dice = Dice::new(self.tenant.seed, Topic::Noise, item.nonce, item.at as u64);
        let person = matches!(item.actor, Actor::Person(_));
        let late = dice.chance(self.noise.late_per_mille);
        let duplicate = dice.chance(self.noise.duplicate_per_mille);
        let revised = person && dice.chance(self.noise.revised_per_mille);
        let mut from = publication;
        let mut hold = |dice: &mut Dice, low: i64, high: i64, delivery| {
            from = Moment(from.0 + dice.between(low, high));
            self.held.push(Reverse(Held { due: from, delivery, item: *item }));
        };
        use crate::moment::{HOUR, MINUTE};
        if late {
            hold(&mut dice, HOUR, 13 * HOUR, Delivery::Late);
        }
        if duplicate {
            hold(&mut dice, MINUTE, 30 * MINUTE, Delivery::Duplicate);
        }
        if revised {
            hold(&mut dice, 5 * MINUTE, 3 * HOUR, Delivery::Revised);
        }
        late
    }

    fn emit(
        &mut self,
        item: &Planned,
        published: Moment,
        delivery: Delivery,
        out: &mut Vec<u8>,
    ) -> EventInfo {
        let revised = delivery == Delivery::Revised;
        let id = self.renderer.write(Job { item, published, revised }, out);
        EventInfo { log: log_of(item), created: Moment(item.at), published, id, delivery }
    }

    /// Plans days until the front of the plan is final or the range ends.
    fn fill(&mut self) {
        while self.plan.get(self.taken).is_none_or(|item| item.at >= self.complete.0)
            && self.complete < self.range.end
        {
            let day = self.next_day;
            self.next_day += 1;
            self.plan.drain(..self.taken);
            self.taken = 0;
            plan_day(&self.tenant, day, &mut self.plan);
            // A day's records lie between the start of the day before and the end of the day
            // after, so with this day planned nothing before it can come any more.
            self.complete = Moment::from_day(day);
            let Range { start, end } = self.range;
            self.plan.retain(|item| (start.0..end.0).contains(&item.at));
            self.plan.sort_unstable_by_key(Planned::order);
        }
    }
}

/// The requests of a range that appear where nobody is.
pub(crate) fn hops(tenant: &Tenant, range: Range<Moment>) -> Vec<(Guid, Hop)> {
    let mut hops = Vec::new();
    let mut plan = Vec::new();
    for number in 0..tenant.people.len() as u32 {
        if !tenant.roaming.roams(number) {
            continue;
        }
        for day in range.start.day() - 1..=range.end.day() + 1 {
            plan.clear();
            people::day(tenant, number, day, &mut plan);
            let inside = plan.iter().filter(|item| range.contains(&Moment(item.at)));
            hops.extend(inside.filter_map(|item| {
                let hop = match item.origin.kind {
                    NetworkKind::Vpn => Hop::Vpn,
                    NetworkKind::Gateway => Hop::Gateway,
                    _ => return None,
                };
                Some((item.id(tenant.seed), hop))
            }));
        }
    }
    hops.sort_unstable();
    hops
}

/// Adds all that happens on a day.
fn plan_day(tenant: &Tenant, day: i64, out: &mut Vec<Planned>) {
    let before = out.len();
    for number in 0..tenant.people.len() as u32 {
        people::day(tenant, number, day, out);
    }
    for number in 0..tenant.principals.len() as u16 {
        workloads::principal_day(tenant, number, day, out);
    }
    for number in 0..tenant.identities.len() as u16 {
        workloads::identity_day(tenant, number, day, out);
    }
    attacks::day(tenant, day, out);
    let span = Moment::from_day(day - 1).0..Moment::from_day(day + 2).0;
    assert!(out[before..].iter().all(|item| span.contains(&item.at)), "a day reaches too far");
}

impl Iterator for Events {
    type Item = GeneratedEvent;

    fn next(&mut self) -> Option<GeneratedEvent> {
        let mut json = Vec::with_capacity(6 * 1024);
        let info = self.write_next(&mut json)?;
        Some(GeneratedEvent { info, json })
    }
}
