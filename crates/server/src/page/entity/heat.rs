//! When in the week somebody signs in: a cell for every hour of every weekday.

use durward_model::Timestamp;
use durward_model::time::{DAY_MICROS, HOUR_MICROS};
use maud::{Markup, html};

use super::count::Hour;
use super::panel::plural;
use super::subject::{Asked, Subject};
use crate::page::state::grouped;

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// One hour of one weekday.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    total: u64,
    failures: u64,
    /// The latest hour that counts here, µs.
    latest: i64,
    /// How many hours count here.
    hours: u32,
}

/// Where in the week an hour is: weekday from Monday, hour of UTC.
fn place(hour: i64) -> (usize, usize) {
    let day = (hour.div_euclid(DAY_MICROS) + 3).rem_euclid(7);
    let hour = hour.rem_euclid(DAY_MICROS) / HOUR_MICROS;
    (usize::try_from(day).unwrap_or(0), usize::try_from(hour).unwrap_or(0))
}

fn cells(hours: &[Hour]) -> [[Cell; 24]; 7] {
    let mut cells = [[Cell::default(); 24]; 7];
    for (at, _, sums) in hours {
        let (day, hour) = place(*at);
        let cell = &mut cells[day][hour];
        cell.total += sums.total();
        cell.failures += sums.failures();
        cell.hours += u32::from(cell.latest != *at);
        cell.latest = *at;
    }
    cells
}

/// A calendar of hours by weekday. A cell leads to the latest hour that counts there.
pub(super) fn map(asked: &Asked, subject: &Subject, hours: &[Hour]) -> Markup {
    let cells = cells(hours);
    let most = cells.iter().flatten().map(|cell| cell.total).max().unwrap_or(0).max(1);
    html! {
        section .panel .heat {
            header {
                h2 { "Sign-ins, " (asked.scope.label().to_lowercase()) }
                span .muted { "hour × weekday, UTC · outlined: mostly failures" }
            }
            div .scroll tabindex="0" role="group" aria-label="Sign-ins by hour and weekday" {
                table {
                    thead {
                        tr {
                            td {}
                            @for hour in 0..24 { th scope="col" { (format!("{hour:02}")) } }
                        }
                    }
                    tbody {
                        @for (name, day) in DAYS.iter().zip(&cells) {
                            tr {
                                th scope="row" { (name) }
                                @for (hour, cell) in day.iter().enumerate() {
                                    (shown(asked, subject, cell, (name, hour), most))
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn shown(
    asked: &Asked,
    subject: &Subject,
    cell: &Cell,
    (day, hour): (&str, usize),
    most: u64,
) -> Markup {
    if cell.total == 0 {
        return html! { td .h0 {} };
    }
    // Ten steps; one sign-in is seen even beside thousands.
    let step = (cell.total * 9).div_ceil(most).clamp(1, 9);
    let failed = cell.failures * 2 > cell.total;
    let title = format!(
        "{day} {hour:02}:00–{:02}:00 UTC: {} on {}, {} failed; the latest on {}",
        hour + 1,
        plural(cell.total, "sign-in", "sign-ins"),
        plural(cell.hours.into(), "day", "days"),
        grouped(cell.failures),
        super::panel::day_text(Timestamp::from_micros(cell.latest), asked.now),
    );
    let span = asked.scope.between(cell.latest, cell.latest + HOUR_MICROS);
    html! {
        td .(format!("h{step}")) .failed[failed] {
            a href=(subject.events(&span, &[])) title=(title) aria-label=(title) {}
        }
    }
}

/// The shortest run of hours of the day that has nine tenths of all sign-ins: its first hour, how
/// many hours it has, and the counts of all hours.
pub(super) fn usual_hours(hours: &[Hour]) -> Option<(usize, usize, [u64; 24])> {
    let mut counts = [0_u64; 24];
    for (at, _, sums) in hours {
        counts[place(*at).1] += sums.total();
    }
    let total: u64 = counts.iter().sum();
    let enough = |first: usize, length: usize| {
        let run: u64 = (first..first + length).map(|hour| counts[hour % 24]).sum();
        run * 10 >= total * 9
    };
    if total == 0 {
        return None;
    }
    let runs = (1..=24).flat_map(|length| (0..24).map(move |first| (first, length)));
    runs.into_iter()
        .find(|(first, length)| enough(*first, *length))
        .map(|(first, length)| (first, length, counts))
}

#[cfg(test)]
mod tests {
    use durward_model::Log;

    use super::*;
    use crate::page::entity::count::Sums;

    fn hour(at: i64, successes: u64, failures: u64) -> Hour {
        let sums = Sums { by_status: [successes, failures, 0], ..Sums::default() };
        (at, Log::InteractiveUser, sums)
    }

    #[test]
    fn hours_have_their_place_in_the_week() {
        // 2026-03-02T12:00Z, a Monday.
        let noon = 1_772_452_800_000_000;
        assert_eq!(place(noon), (0, 12));
        assert_eq!(place(noon + 6 * DAY_MICROS + HOUR_MICROS), (6, 13));
        assert_eq!(place(0), (3, 0), "1970 began on a Thursday");
        let cells = cells(&[hour(noon, 3, 0), hour(noon + 7 * DAY_MICROS, 0, 4)]);
        let cell = cells[0][12];
        assert_eq!((cell.total, cell.failures, cell.hours), (7, 4, 2));
        assert_eq!(cell.latest, noon + 7 * DAY_MICROS);
    }

    #[test]
    fn usual_hours_may_span_midnight() {
        let all = [hour(23 * HOUR_MICROS, 50, 0), hour(0, 49, 0), hour(12 * HOUR_MICROS, 1, 0)];
        let (first, length, counts) = usual_hours(&all).unwrap();
        assert_eq!((first, length, counts[12]), (23, 2, 1));
        assert!(usual_hours(&[]).is_none());
    }
}
