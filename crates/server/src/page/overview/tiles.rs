//! The key figures: each a number, how it was on seven days, how it was a week earlier, and the
//! way to exactly the events that were counted.

use axum::http::StatusCode;
use durward_model::errors::Status;
use durward_model::time::{DAY_MICROS, HOUR_MICROS};
use durward_model::{Log, Timestamp};
use durward_query::{AggregateRequest, AggregateRow, Dimension, DimensionValue, Reader};
use maud::{Markup, html};

use super::state_of;
use crate::error::ApiError;
use crate::page::entity::spark;
use crate::page::scope::Scope;
use crate::page::state::{State, grouped};
use crate::question::Question;
use crate::rest;

const DAYS: usize = 7;
/// From here on growth is said in times, not per cent.
const TIMES_MIN: f64 = 10.0;
const WEEK_MICROS: i64 = DAYS as i64 * DAY_MICROS;

/// What is counted, in the terms of the explorer's filter, and of what it is a share.
struct Figure {
    label: &'static str,
    terms: &'static [&'static str],
    /// Shown as a share of all sign-ins, or of these.
    of: Option<&'static [&'static str]>,
    /// More of it is worse.
    is_bad: bool,
}

const FIGURES: [Figure; 5] = [
    Figure { label: "Sign-ins", terms: &[], of: None, is_bad: false },
    Figure { label: "Failure rate", terms: &["status=failure"], of: Some(&[]), is_bad: true },
    Figure {
        label: "Interrupted rate",
        terms: &["status=interrupted"],
        of: Some(&[]),
        is_bad: true,
    },
    Figure {
        label: "Protected by MFA",
        terms: &["status=success", "authenticationRequirement=multiFactorAuthentication"],
        of: Some(&["status=success"]),
        is_bad: false,
    },
    Figure {
        label: "At risk",
        terms: &["riskState=atRisk,confirmedCompromised"],
        of: None,
        is_bad: true,
    },
];

/// A number, and the number that it is a share of.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    count: u64,
    whole: u64,
}

impl Part {
    fn share(self) -> f64 {
        if self.whole == 0 { 0.0 } else { self.count as f64 / self.whole as f64 }
    }
}

/// A key figure, looked up.
pub(super) struct Tile {
    label: &'static str,
    href: String,
    now: Part,
    /// The same span a week earlier, where the log reaches so far back.
    before: Option<Part>,
    /// Seven days, the latest last.
    days: Vec<Part>,
    is_share: bool,
    is_bad: bool,
}

/// What a state asks; its filter is one of ours.
pub(super) fn question_of(state: &State, now: Timestamp) -> Result<Question, ApiError> {
    state.question(now).map_err(|error| ApiError::internal(&error))
}

/// Sign-ins by status: in the range, a week earlier, and on seven days.
#[derive(Clone, Debug)]
struct Sums {
    now: [u64; 3],
    before: Option<[u64; 3]>,
    days: Vec<[u64; 3]>,
}

/// Looks up all figures. `total`: sign-ins of the scope by status.
pub(super) fn look(
    reader: &Reader,
    scope: &Scope,
    total: [u64; 3],
    now: Timestamp,
) -> Result<Vec<Tile>, ApiError> {
    let ask = Ask { reader, scope, before: earlier(reader, scope, now)?, now };
    let all = ask.sums(&[], Some(total))?;
    let mut tiles = Vec::new();
    for figure in &FIGURES {
        let sums = match status_of(figure.terms) {
            Some(statuses) => Ok(all.only(&statuses)),
            None => ask.sums(figure.terms, None),
        };
        match sums {
            Ok(sums) => tiles.push(tile(scope, figure, &sums, &all)?),
            // A figure that the viewer may not see is left out.
            Err(error) if error.status == StatusCode::FORBIDDEN => {}
            Err(error) => return Err(error),
        }
    }
    Ok(tiles)
}

/// The statuses that terms leave, where they are about nothing else.
fn status_of(terms: &[&str]) -> Option<Vec<Status>> {
    match terms {
        [] => Some(Status::ALL.to_vec()),
        [term] => Some(vec![Status::from_name(term.strip_prefix("status=")?)?]),
        _ => None,
    }
}

impl Sums {
    /// Those with these statuses.
    fn only(&self, statuses: &[Status]) -> Sums {
        let pick = |sums: &[u64; 3]| {
            let mut picked = [0; 3];
            statuses.iter().for_each(|status| picked[*status as usize] = sums[*status as usize]);
            picked
        };
        Sums {
            now: pick(&self.now),
            before: self.before.as_ref().map(pick),
            days: self.days.iter().map(pick).collect(),
        }
    }
}

/// The same span a week earlier; `None` where the log does not reach so far back.
pub(super) fn earlier(
    reader: &Reader,
    scope: &Scope,
    now: Timestamp,
) -> Result<Option<Scope>, ApiError> {
    let (from, to) = scope.span(now)?;
    let (Some(from), Some((oldest, _))) = (from, reader.bounds(&Log::SIGN_INS)?) else {
        return Ok(None);
    };
    let to = to.unwrap_or(now);
    let before = scope.between(from.micros - WEEK_MICROS, to.micros - WEEK_MICROS);
    Ok((oldest <= from.micros - WEEK_MICROS).then_some(before))
}

/// What is asked of the log.
struct Ask<'a> {
    reader: &'a Reader,
    scope: &'a Scope,
    before: Option<Scope>,
    now: Timestamp,
}

impl Ask<'_> {
    /// Sign-ins that fulfil some terms; `known`: how many in the range, if that is known.
    fn sums(&self, terms: &[&str], known: Option<[u64; 3]>) -> Result<Sums, ApiError> {
        let total = |scope: &Scope| -> Result<[u64; 3], ApiError> {
            let hours = self.hours(scope, terms)?;
            Ok(hours.iter().fold([0; 3], |sum, (_, more)| added(sum, *more)))
        };
        Ok(Sums {
            now: known.map_or_else(|| total(self.scope), Ok)?,
            before: self.before.as_ref().map(total).transpose()?,
            days: self.days(terms)?,
        })
    }

    /// Sign-ins on each of the seven days up to the end of the range, the latest last.
    fn days(&self, terms: &[&str]) -> Result<Vec<[u64; 3]>, ApiError> {
        let (_, to) = self.scope.span(self.now)?;
        let to = to.map_or(self.now.micros, |to| to.micros.min(self.now.micros));
        // Whole hours, so that what is summed up already can be used.
        let end = (to.div_euclid(HOUR_MICROS) + 1).saturating_mul(HOUR_MICROS);
        let mut days = vec![[0; 3]; DAYS];
        for (hour, sums) in self.hours(&self.scope.between(end - WEEK_MICROS, end), terms)? {
            let back = (end - 1 - hour.micros).div_euclid(DAY_MICROS);
            let back = usize::try_from(back).unwrap_or(DAYS);
            if let Some(day) = DAYS.checked_sub(1 + back).and_then(|day| days.get_mut(day)) {
                *day = added(*day, sums);
            }
        }
        Ok(days)
    }

    /// Sign-ins by hour, in no order.
    fn hours(&self, scope: &Scope, terms: &[&str]) -> Result<Vec<(Timestamp, [u64; 3])>, ApiError> {
        let question = question_of(&state_of(scope, terms)?, self.now)?;
        if terms.is_empty() {
            return Ok(rest::sum_up(self.reader, &question, Vec::new(), 0)?.hours);
        }
        let request = AggregateRequest {
            filter: question.full_filter(),
            by: vec![Dimension::HOUR],
            limit: usize::MAX,
            ..AggregateRequest::default()
        };
        let hour = |row: AggregateRow| match row.keys.first() {
            Some(DimensionValue::Time(time)) => Some((*time, row.by_status)),
            _ => None,
        };
        Ok(self.reader.aggregate(&request)?.into_iter().filter_map(hour).collect())
    }
}

fn added(mut sums: [u64; 3], more: [u64; 3]) -> [u64; 3] {
    sums.iter_mut().zip(more).for_each(|(own, more)| *own += more);
    sums
}

fn tile(scope: &Scope, figure: &Figure, sums: &Sums, all: &Sums) -> Result<Tile, ApiError> {
    let whole = figure.of.and_then(status_of).map(|statuses| all.only(&statuses));
    let total = |sums: &[u64; 3]| sums.iter().sum();
    let part = |count: &[u64; 3], whole: Option<&[u64; 3]>| Part {
        count: total(count),
        whole: whole.map_or(0, total),
    };
    let days = sums.days.iter().enumerate();
    let days = days.map(|(day, count)| part(count, whole.as_ref().map(|whole| &whole.days[day])));
    let before = sums
        .before
        .as_ref()
        .map(|count| part(count, whole.as_ref().and_then(|whole| whole.before.as_ref())));
    Ok(Tile {
        label: figure.label,
        href: state_of(scope, figure.terms)?.href(),
        now: part(&sums.now, whole.as_ref().map(|whole| &whole.now)),
        before,
        days: days.collect(),
        is_share: figure.of.is_some(),
        is_bad: figure.is_bad,
    })
}

impl Tile {
    fn number(&self, part: Part) -> String {
        if self.is_share { spark::percent(part.count, part.whole) } else { grouped(part.count) }
    }

    /// How much more than a week earlier, in words; and whether it is more, less or neither.
    fn change(&self) -> (String, &'static str) {
        let Some(before) = self.before else {
            return ("nothing a week earlier to compare with".to_owned(), "");
        };
        let (change, text) = if self.is_share {
            let points = (self.now.share() - before.share()) * 100.0;
            (points, format!("{:.1} points", points.abs()))
        } else if before.count == 0 {
            let is_more = if self.now.count > 0 { 1.0 } else { 0.0 };
            return (format!("{} a week earlier", self.number(before)), self.direction(is_more));
        } else {
            let ratio = self.now.count as f64 / before.count as f64;
            let text = match ratio {
                ..TIMES_MIN => format!("{:.0} %", ((ratio - 1.0) * 100.0).abs()),
                _ => {
                    let text =
                        format!("▲ {ratio:.0} times the {} a week earlier", self.number(before));
                    return (text, self.direction(ratio));
                }
            };
            ((ratio - 1.0) * 100.0, text)
        };
        if change.abs() < 0.05 {
            return ("as a week earlier".to_owned(), "");
        }
        let sign = if change > 0.0 { "▲" } else { "▼" };
        (
            format!("{sign} {text} from {} a week earlier", self.number(before)),
            self.direction(change),
        )
    }

    fn direction(&self, change: f64) -> &'static str {
        match self.is_bad {
            true if change > 0.0 => "worse",
            true if change < 0.0 => "better",
            _ => "",
        }
    }

    pub(super) fn render(&self) -> Markup {
        // Bars are whole numbers: of shares, so many of 10,000.
        let height = |part: &Part| match self.is_share {
            true => (part.share() * 10_000.0) as u64,
            false => part.count,
        };
        let heights: Vec<u64> = self.days.iter().map(height).collect();
        let (change, direction) = self.change();
        html! {
            a .panel .tile href=(self.href) {
                span .label { (self.label) }
                span .figure { (self.number(self.now)) }
                span .spark-of title="The last seven days" { (spark::bars(&heights)) }
                span .count .muted data-count=(self.now.count) {
                    @if self.is_share {
                        (grouped(self.now.count)) " of " (grouped(self.now.whole))
                    } @else {
                        "sign-ins"
                    }
                }
                span .{ "change " (direction) } { (change) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tile(now: (u64, u64), before: Option<(u64, u64)>, is_share: bool) -> Tile {
        let part = |(count, whole)| Part { count, whole };
        Tile {
            label: "Failure rate",
            href: String::new(),
            now: part(now),
            before: before.map(part),
            days: Vec::new(),
            is_share,
            is_bad: true,
        }
    }

    #[test]
    fn changes_are_put_in_words() {
        let say = |tile: Tile| tile.change();
        assert_eq!(say(tile((5, 100), None, true)).1, "");
        let (text, direction) = say(tile((8, 100), Some((50, 1000)), true));
        assert_eq!((text.as_str(), direction), ("▲ 3.0 points from 5.0 % a week earlier", "worse"));
        let (text, direction) = say(tile((50, 0), Some((100, 0)), false));
        assert_eq!((text.as_str(), direction), ("▼ 50 % from 100 a week earlier", "better"));
        assert_eq!(say(tile((7, 0), Some((7, 0)), false)).0, "as a week earlier");
        let (text, _) = say(tile((600, 0), Some((6, 0)), false));
        assert_eq!(text, "▲ 100 times the 6 a week earlier");
        assert_eq!(
            say(tile((7, 0), Some((0, 0)), false)),
            ("0 a week earlier".to_owned(), "worse")
        );
    }

    #[test]
    fn shares_are_of_statuses() {
        let sums = Sums { now: [1, 2, 3], before: None, days: vec![[4, 5, 6]] };
        let failed = sums.only(&status_of(&["status=failure"]).unwrap());
        assert_eq!(failed.now.iter().sum::<u64>(), sums.now[Status::Failure as usize]);
        assert_eq!(failed.days[0][Status::Success as usize], 0);
        assert_eq!(status_of(&["riskState=atRisk"]), None);
        for figure in &FIGURES {
            assert!(figure.of.is_none_or(|of| status_of(of).is_some()), "{}", figure.label);
        }
    }

    #[test]
    fn all_figures_are_filters_of_the_explorer() {
        let now = Timestamp::now();
        for figure in &FIGURES {
            let state = state_of(&Scope::default(), figure.terms).unwrap();
            assert!(state.question(now).is_ok(), "{}", figure.label);
            assert_eq!(state.pills.0.len(), figure.terms.len(), "{}", figure.label);
        }
    }
}
