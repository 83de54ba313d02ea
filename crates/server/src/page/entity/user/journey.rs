//! Where a user signed in, and how they got from one place to the next.

use durward_model::{Event, FieldId};
use maud::{Markup, html};

use crate::page::entity::count::{Entry, roll_up};
use crate::page::entity::panel::plural;
use crate::page::entity::rows::derived;
use crate::page::entity::subject::{Asked, Subject, link_term};
use crate::page::entity::world::{self, Arc, Point, coordinates, kilometres};
use crate::page::state::grouped;
use crate::page::words;

/// Moves shown at most, the newest.
const MOVES_MAX: usize = 20;
/// Places listed at most.
const PLACES_MAX: usize = 50;
/// Closer places are one: guesses of places are no better.
const SAME_PLACE_KM: f64 = 50.0;
/// An airliner's speed; who is faster was not there in person.
const FAST_KMH: f64 = 900.0;
const MINUTE_MICROS: i64 = 60_000_000;

/// Two interactive sign-ins, one after the other, in different places.
struct Move<'e> {
    from: &'e Event,
    to: &'e Event,
    ends: ((f64, f64), (f64, f64)),
    km: f64,
    minutes: i64,
}

impl Move<'_> {
    fn is_fast(&self) -> bool {
        self.km / (self.minutes.max(1) as f64 / 60.0) > FAST_KMH
    }

    fn label(&self) -> String {
        format!(
            "{} → {}, {} km in {}",
            derived(self.from, "location"),
            derived(self.to, "location"),
            grouped(self.km.round() as u64),
            duration(self.minutes)
        )
    }

    /// The events at both ends, in the explorer.
    fn href(&self, asked: &Asked, subject: &Subject) -> String {
        let (from, to) = (self.from.row().created.micros, self.to.row().created.micros);
        subject.events(&asked.scope.between(from, to + 1), &[])
    }
}

fn duration(minutes: i64) -> String {
    match minutes {
        ..120 => format!("{minutes} min"),
        120..2880 => format!("{} h", minutes / 60),
        _ => format!("{} days", minutes / 1440),
    }
}

fn place(event: &Event) -> Option<(f64, f64)> {
    let text = |field| event.cell(field).to_string();
    coordinates(&text(FieldId::Latitude), &text(FieldId::Longitude))
}

/// Moves between events (newest first), newest first.
fn moves(events: &[Event]) -> Vec<Move<'_>> {
    let placed: Vec<(&Event, (f64, f64))> =
        events.iter().filter_map(|event| Some((event, place(event)?))).collect();
    let pairs = placed.windows(2).filter_map(|pair| {
        let [(to, there), (from, here)] = pair else { return None };
        let km = kilometres(*here, *there);
        let minutes = (to.row().created.micros - from.row().created.micros) / MINUTE_MICROS;
        let ends = (*here, *there);
        (km > SAME_PLACE_KM).then_some(Move { from, to, ends, km, minutes })
    });
    pairs.take(MOVES_MAX).collect()
}

/// Places and moves on a map, and both as lists.
pub(super) fn map(
    asked: &Asked,
    subject: &Subject,
    networks: &[Entry],
    events: &[Event],
) -> Markup {
    // Country, city, latitude, longitude.
    let places: Vec<Entry> = roll_up(networks, &[0, 1, 2, 3]);
    let href = |entry: &Entry| {
        let fields = [FieldId::CountryOrRegion, FieldId::City];
        let values = fields.iter().zip(&entry.values).filter(|(_, value)| !value.is_empty());
        let terms: Vec<String> = values.map(|(field, value)| link_term(*field, value)).collect();
        subject.events(&asked.scope, &terms)
    };
    let point = |entry: &Entry| {
        let (latitude, longitude) = coordinates(entry.value(2), entry.value(3))?;
        Some(Point {
            latitude,
            longitude,
            label: label(entry),
            count: entry.sums.total(),
            is_bad: entry.sums.failures() * 2 > entry.sums.total(),
            href: href(entry),
        })
    };
    let points: Vec<Point> = places.iter().take(PLACES_MAX).filter_map(point).collect();
    let moves = moves(events);
    let arcs: Vec<Arc> = moves
        .iter()
        .map(|one| Arc {
            from: one.ends.0,
            to: one.ends.1,
            label: one.label(),
            is_fast: one.is_fast(),
            href: one.href(asked, subject),
        })
        .collect();
    html! {
        @if points.is_empty() { p .muted .rest { "None of these sign-ins says where it was." } }
        @else { (world::map(&points, &arcs)) }
        ul .places-list {
            @for entry in places.iter().take(PLACES_MAX) {
                li {
                    a href=(href(entry)) { (label(entry)) }
                    " " span .muted {
                        (plural(entry.sums.total(), "sign-in", "sign-ins")) ", "
                        (grouped(entry.sums.failures())) " failed"
                    }
                }
            }
            @if places.len() > PLACES_MAX { li { "and " (places.len() - PLACES_MAX) " more" } }
        }
        @if !moves.is_empty() {
            h3 { "Moves between interactive sign-ins, newest first" }
            ul .places-list {
                @for one in &moves {
                    li {
                        (words::time(one.to.row().created, asked.now)) " "
                        a href=(one.href(asked, subject)) { (one.label()) }
                        @if one.is_fast() { " " span .badge .risk { "Faster than an airliner" } }
                    }
                }
            }
        }
    }
}

fn label(entry: &Entry) -> String {
    let parts = [entry.value(1), entry.value(0)].into_iter().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(", ")
}
