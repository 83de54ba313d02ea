//! What a user did, newest first: attempts one by one, the rest of each day as a sum.
//!
//! The requests of one attempt are one line, and the same failure over and over is one line too.
//! Silent sign-ins, which applications do by themselves, are only counted.

use std::collections::BTreeMap;

use durward_model::errors::Status;
use durward_model::time::DAY_MICROS;
use durward_model::{Event, FieldId, Log, Timestamp, graph};
use maud::{Markup, html};
use std::collections::HashMap;

use crate::page::entity::count::{Hour, Sums};
use crate::page::entity::panel::{day_text, plural};
use crate::page::entity::rows::{app_name, client, derived, mark, outcome};
use crate::page::entity::subject::{Asked, Subject};
use crate::page::state::grouped;
use crate::page::{link, words};

/// Attempts listed at most.
const LINES_MAX: usize = 60;
/// Days listed at most.
const DAYS_MAX: usize = 31;

/// Requests that belong together, newest first; and attempts just like it before it.
#[derive(Clone, Debug)]
struct Attempt<'e> {
    requests: Vec<&'e Event>,
    /// The oldest of the attempts that this line stands for.
    oldest: &'e Event,
    /// How many attempts the line stands for.
    count: usize,
}

impl<'e> Attempt<'e> {
    fn newest(&self) -> &'e Event {
        self.requests.first().unwrap_or(&self.oldest)
    }

    /// The same failure with the same application from the same address?
    fn repeats(&self, other: &Attempt<'_>) -> bool {
        let (a, b) = (self.newest(), other.newest());
        let same = [FieldId::ErrorCode, FieldId::AppDisplayName, FieldId::IpAddress]
            .iter()
            .all(|field| a.cell(*field) == b.cell(*field));
        same && graph::status(a) == Some(Status::Failure)
            && a.row().created.day() == b.row().created.day()
    }
}

/// Events (newest first) as attempts, newest first.
fn attempts(events: &[Event]) -> Vec<Attempt<'_>> {
    let mut all: Vec<Attempt<'_>> = Vec::new();
    let mut known = HashMap::new();
    for event in events {
        let id = event.row().correlation_id;
        match id.and_then(|id| known.get(&id)).and_then(|index: &usize| all.get_mut(*index)) {
            Some(attempt) => {
                attempt.requests.push(event);
                attempt.oldest = event;
            }
            None => {
                if let Some(id) = id {
                    known.insert(id, all.len());
                }
                all.push(Attempt { requests: vec![event], oldest: event, count: 1 });
            }
        }
    }
    let mut folded: Vec<Attempt<'_>> = Vec::new();
    for attempt in all {
        match folded.last_mut() {
            Some(last) if last.repeats(&attempt) => {
                last.count += 1;
                last.oldest = attempt.oldest;
            }
            _ => folded.push(attempt),
        }
    }
    folded
}

/// Counts of one day: interactive ones, and silent ones.
#[derive(Clone, Copy, Debug, Default)]
struct Day {
    interactive: Sums,
    silent: Sums,
}

fn days(hours: &[Hour]) -> BTreeMap<i32, Day> {
    let mut days: BTreeMap<i32, Day> = BTreeMap::new();
    for (hour, log, sums) in hours {
        let day = days.entry(Timestamp::from_micros(*hour).day()).or_default();
        let own = if *log == Log::InteractiveUser { &mut day.interactive } else { &mut day.silent };
        own.add(sums);
    }
    days
}

/// The list. `events`: the newest interactive ones.
pub(super) fn list(asked: &Asked, subject: &Subject, hours: &[Hour], events: &[Event]) -> Markup {
    let days = days(hours);
    let attempts = attempts(events);
    let mut left = LINES_MAX;
    let mut take = |day: i32| {
        let of_day = attempts.iter().filter(|attempt| attempt.newest().row().created.day() == day);
        let lines: Vec<&Attempt<'_>> = of_day.take(left).collect();
        left -= lines.len();
        lines
    };
    html! {
        div .timeline {
            @for (day, counts) in days.iter().rev().take(DAYS_MAX) {
                (one_day(asked, subject, (*day, counts), &take(*day)))
            }
            @if days.len() > DAYS_MAX {
                p .rest {
                    a href=(subject.events(&asked.scope, &[])) {
                        "and " (plural((days.len() - DAYS_MAX) as u64, "day", "days")) " more"
                    }
                }
            }
        }
    }
}

fn one_day(
    asked: &Asked,
    subject: &Subject,
    (day, counts): (i32, &Day),
    attempts: &[&Attempt<'_>],
) -> Markup {
    let from = i64::from(day) * DAY_MICROS;
    let span = asked.scope.between(from, from + DAY_MICROS);
    let listed: usize = attempts.iter().map(|attempt| requests(attempt)).sum();
    let rest = counts.interactive.total().saturating_sub(listed as u64);
    let log = |log| subject.events_of(&span, Some(log), &[]);
    html! {
        section .one-day {
            h3 {
                (day_text(Timestamp::from_micros(from), asked.now))
                span .muted {
                    @if counts.interactive.total() > 0 {
                        a href=(log(Log::InteractiveUser)) {
                            (plural(counts.interactive.total(), "sign-in", "sign-ins"))
                        }
                    }
                    @if counts.silent.total() > 0 {
                        @if counts.interactive.total() > 0 { ", " }
                        a href=(log(Log::NonInteractiveUser)) {
                            (plural(counts.silent.total(), "silent renewal", "silent renewals"))
                        }
                    }
                    @if counts.silent.failures() > 0 {
                        ", " (grouped(counts.silent.failures())) " of them failed"
                    }
                }
            }
            @if !attempts.is_empty() {
                ol { @for attempt in attempts { (line(asked, subject, attempt)) } }
                @if rest > 0 {
                    p .rest {
                        a href=(log(Log::InteractiveUser)) { "and " (grouped(rest)) " more" }
                    }
                }
            }
        }
    }
}

/// How many requests a line stands for: those of its own attempt, and one for each like it.
fn requests(attempt: &Attempt<'_>) -> usize {
    attempt.requests.len() + attempt.count - 1
}

fn line(asked: &Asked, subject: &Subject, attempt: &Attempt<'_>) -> Markup {
    let event = attempt.newest();
    let created = event.row().created;
    let ip = event.cell(FieldId::IpAddress).to_string();
    let code = event.cell(FieldId::ErrorCode).as_int().filter(|code| *code != 0);
    let rest = [derived(event, "location"), client(event)];
    html! {
        li {
            span .when { (words::time(created, asked.now)) }
            (mark(graph::status(event)))
            div {
                a href=(target(asked, subject, attempt)) {
                    (app_name(event)) ": " (outcome(event))
                    @if attempt.count > 1 { " × " (grouped(attempt.count as u64)) }
                }
                p .muted {
                    @if let Some(code) = code { a href=(link::error(code)) { (code) } " · " }
                    @if attempt.requests.len() > 1 {
                        (grouped(attempt.requests.len() as u64)) " requests · "
                    }
                    @if attempt.count > 1 {
                        "since " (words::time(attempt.oldest.row().created, asked.now)) " · "
                    }
                    @if !ip.is_empty() { a .mono href=(link::ip(&ip)) { (ip) } }
                    @for part in rest.iter().filter(|part| !part.is_empty()) { " · " (part) }
                }
            }
        }
    }
}

/// Where a line leads: to the event, the attempt, or all the attempts like it.
fn target(asked: &Asked, subject: &Subject, attempt: &Attempt<'_>) -> String {
    let event = attempt.newest();
    if attempt.count > 1 {
        let (from, to) = (attempt.oldest.row().created.micros, event.row().created.micros);
        let code = event.cell(FieldId::ErrorCode).to_string();
        let terms = [link::is(FieldId::ErrorCode.field().name, &code)];
        return subject.events(&asked.scope.between(from, to + 1), &terms);
    }
    match event.cell(FieldId::CorrelationId).as_text() {
        Some(id) if attempt.requests.len() > 1 => link::attempt(id),
        _ => link::event(&event.cell(FieldId::Id).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use durward_model::event::RowValues;
    use durward_model::field::GROUP_COUNT;
    use durward_model::{Cell, Id, cell};

    use super::*;

    fn event(minute: i64, attempt: u8, code: i64) -> Event {
        let time = Timestamp::from_micros(1_772_452_800_000_000 + minute * 60_000_000);
        let mut outcome = Vec::new();
        cell::encode(FieldId::ErrorCode, &Cell::Int(code), &mut outcome);
        let mut entities: [std::sync::Arc<[u8]>; GROUP_COUNT] = Default::default();
        entities[durward_model::field::Group::Outcome as usize] = outcome.into();
        let row = RowValues {
            log: Log::InteractiveUser,
            created: time,
            published: None,
            received: time,
            id: Id([minute as u8; 16]),
            correlation_id: Some(Id([attempt; 16])),
            session_id: None,
            original_request_id: None,
            client_session_id: None,
            unique_token_identifier: None,
            processing_time_ms: None,
            duration_ms: None,
            refs: 0,
            id_texts: None,
            extra: None,
            revision: 0,
        };
        Event::new(row, entities)
    }

    #[test]
    fn requests_fold_into_attempts_and_repeated_failures_into_one_line() {
        let events = [
            event(50, 9, 0),
            event(49, 9, 50074),
            event(40, 3, 50126),
            event(39, 2, 50126),
            event(38, 1, 50126),
            event(20, 8, 53003),
        ];
        let folded = attempts(&events);
        let seen: Vec<(usize, usize)> =
            folded.iter().map(|attempt| (attempt.requests.len(), attempt.count)).collect();
        assert_eq!(seen, [(2, 1), (1, 3), (1, 1)]);
        assert_eq!(folded[1].oldest.row().created, events[4].row().created);
        assert_eq!(folded.iter().map(requests).sum::<usize>(), events.len());
    }
}
