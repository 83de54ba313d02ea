//! Journeys that are no journeys: the two ends of findings about travel, for maps and in words.

use durward_detect::{EventRef, Finding, book::FindingQuery};
use durward_model::{Event, FieldId, Id, Log, Timestamp};
use durward_query::{Filter, ListRequest, Op, Order, Reader, Value};
use maud::{Markup, html};

use crate::error::ApiError;
use crate::page::entity::world::{self, Arc};
use crate::page::state::grouped;
use crate::page::words;
use crate::risk::refused;

use super::marks::{Marks, Told};
use super::shown;

/// Detections that are about two places.
const DETECTIONS: [&str; 2] = ["impossible-travel", "atypical-travel"];
/// Journeys of each detection shown at most, the newest.
const TRIPS_MAX: usize = 30;

const MINUTE_MICROS: i64 = 60_000_000;

/// One end.
#[derive(Clone, Debug)]
struct Stop {
    place: String,
    at: Timestamp,
    /// Latitude and longitude.
    point: Option<(f64, f64)>,
}

impl Stop {
    fn of(event: &Event) -> Stop {
        let text = |field| event.cell(field).to_string();
        let place = shown(event, "location");
        Stop {
            place: if place.is_empty() { "an unknown place".to_owned() } else { place },
            at: event.row().created,
            point: world::coordinates(&text(FieldId::Latitude), &text(FieldId::Longitude)),
        }
    }
}

/// A finding about two places, with its two ends.
#[derive(Clone, Debug)]
pub(in crate::page) struct Trip {
    told: Told,
    from: Stop,
    to: Stop,
    /// The finding's own arithmetic, where it may be read.
    speed: Option<String>,
}

/// Is a detection about travel?
pub(super) fn is_travel(detection: &str) -> bool {
    DETECTIONS.contains(&detection)
}

/// The two sign-ins, one after the other, of which one is the user's and one the stranger's.
fn ends(finding: &Finding) -> Option<(EventRef, EventRef)> {
    let is_risky = |event: &EventRef| finding.risky.contains(&event.id);
    let pair = finding.events.windows(2).find(|pair| is_risky(&pair[0]) != is_risky(&pair[1]));
    match pair {
        Some(pair) => Some((pair[0], pair[1])),
        None => finding.events.first().copied().zip(finding.events.last().copied()),
    }
}

impl Trip {
    /// The journey of a finding, if both its ends are among these sign-ins.
    pub(super) fn of(told: Told, finding: &Finding, events: &[Event]) -> Option<Trip> {
        let (from, to) = ends(finding).filter(|(from, to)| from.id != to.id)?;
        let stop = |id: Id| events.iter().find(|event| event.row().id == id).map(Stop::of);
        // A run has many pairs of sign-ins; the finding says which of them it goes by.
        let is_sum = |label: &str| told.is_clear && matches!(label, "Speed" | "Journey");
        let speed = finding.facts.iter().find(|fact| is_sum(&fact.label));
        let sum = |value: &str| value.split(';').next().unwrap_or(value).to_owned();
        let speed = speed.map(|fact| sum(&fact.value));
        Some(Trip { told, from: stop(from.id)?, to: stop(to.id)?, speed })
    }

    /// `Lyon, FR → Lagos, NG: 4,020 km in 38 min`.
    fn label(&self) -> String {
        if let Some(speed) = &self.speed {
            return format!("{} → {}: {speed}", self.from.place, self.to.place);
        }
        let minutes = (self.to.at.micros - self.from.at.micros) / MINUTE_MICROS;
        let time = match minutes {
            ..120 => format!("{minutes} min"),
            120..2880 => format!("{} h", minutes / 60),
            _ => format!("{} days", minutes / 1440),
        };
        let km = self.from.point.zip(self.to.point).map(|(from, to)| world::kilometres(from, to));
        let far =
            km.map_or_else(String::new, |km| format!("{} km in ", grouped(km.round() as u64)));
        format!("{} → {}: {far}{time}", self.from.place, self.to.place)
    }

    /// The line on a map, where both ends are known.
    pub(in crate::page) fn arc(&self) -> Option<Arc> {
        let (from, to) = self.from.point.zip(self.to.point)?;
        let label = format!("{}: {}", self.told.title, self.label());
        Some(Arc { from, to, label, is_fast: true, href: self.told.href() })
    }
}

/// Journeys of a range, newest first.
pub(in crate::page) fn of_range(
    reader: &Reader,
    marks: &Marks,
    tenant: Option<&str>,
    (from_micros, to_micros): (Option<i64>, Option<i64>),
) -> Result<Vec<Trip>, ApiError> {
    let Some((book, sight)) = marks.seen() else { return Ok(Vec::new()) };
    let mut found: Vec<(Told, Finding)> = Vec::new();
    for detection in DETECTIONS {
        let query = FindingQuery {
            tenants: tenant.map(|tenant| vec![tenant.to_owned()]),
            detection: Some(detection.to_owned()),
            from_micros,
            to_micros,
            limit: TRIPS_MAX,
            ..FindingQuery::default()
        };
        for stored in book.findings(&query).map_err(refused)? {
            found.extend(Told::of(sight, &stored).map(|told| (told, stored.finding)));
        }
    }
    found.sort_by_key(|(told, _)| std::cmp::Reverse(told.last));
    let both = found.iter().filter_map(|(_, finding)| ends(finding));
    let wanted: Vec<EventRef> = both.flat_map(|(from, to)| [from, to]).collect();
    let events = events_of(reader, &wanted)?;
    let trip = |(told, finding): (Told, Finding)| Trip::of(told, &finding, &events);
    Ok(found.into_iter().filter_map(trip).collect())
}

/// These sign-ins, as far as the caller sees them, oldest first.
pub(super) fn events_of(reader: &Reader, wanted: &[EventRef]) -> Result<Vec<Event>, ApiError> {
    let times = || wanted.iter().map(|event| event.at_micros);
    let (Some(first), Some(last)) = (times().min(), times().max()) else { return Ok(Vec::new()) };
    let created = |op| Filter::field(FieldId::CreatedDateTime, op);
    let time = |micros| Value::Time(Timestamp::from_micros(micros));
    let ids = wanted.iter().map(|event| Value::Text(event.id.to_string()));
    // Times have digits below a microsecond.
    let request = ListRequest {
        filter: created(Op::Ge(time(first)))
            .and(created(Op::Le(time(last + 1))))
            .and(Filter::field(FieldId::Id, Op::In(ids.collect()))),
        logs: Log::SIGN_INS.to_vec(),
        order: Order::OldestFirst,
        limit: wanted.len(),
        after: None,
    };
    Ok(reader.events(&reader.list(&request)?.rows)?)
}

/// The journeys in words.
pub(in crate::page) fn list(trips: &[Trip], now: Timestamp) -> Markup {
    html! {
        @if !trips.is_empty() {
            ul .trips {
                @for trip in trips {
                    li {
                        (super::labels::finding_level(trip.told.level)) " "
                        a href=(trip.told.href()) { (trip.label()) }
                        " " span .muted { (words::time(trip.to.at, now)) }
                        p { (trip.told.words) }
                    }
                }
            }
        }
    }
}
