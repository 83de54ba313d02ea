//! The key figures: each a number, how it was on seven days, how it was a week earlier, and the
//! way to exactly the events that were counted.

use durward_model::time::{DAY_MICROS, HOUR_MICROS};
use durward_model::{Log, Timestamp};
use durward_query::aggregate::ResultOrder;
use durward_query::{AggregateRequest, Dimension, DimensionValue, Filter, Reader};
use maud::{Markup, html};

use super::state_of;
use crate::error::ApiError;
use crate::page::entity::spark;
use crate::page::scope::Scope;
use crate::page::state::{State, grouped};
use crate::question::Question;

const DAYS: usize = 7;
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

/// Looks up all figures. `total`: sign-ins of the scope by status.
pub(super) fn look(
    reader: &Reader,
    scope: &Scope,
    total: [u64; 3],
    now: Timestamp,
) -> Result<Vec<Tile>, ApiError> {
    let before = earlier(reader, scope, now)?;
    let mut tiles = Vec::new();
    for figure in &FIGURES {
        match tile(reader, scope, figure, total, before.as_ref(), now) {
            Ok(tile) => tiles.push(tile),
            // A figure that the viewer may not see is left out.
            Err(error) if error.status == axum::http::StatusCode::FORBIDDEN => {}
            Err(error) => return Err(error),
        }
    }
    Ok(tiles)
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

fn tile(
    reader: &Reader,
    scope: &Scope,
    figure: &Figure,
    total: [u64; 3],
    before: Option<&Scope>,
    now: Timestamp,
) -> Result<Tile, ApiError> {
    let count = |scope: &Scope, terms: &[&str]| -> Result<u64, ApiError> {
        // All sign-ins by status are counted already.
        match terms {
            [] if scope.range != before.map_or("", |scope| &scope.range) => Ok(total.iter().sum()),
            _ => question_of(&state_of(scope, terms)?, now)?.count(reader),
        }
    };
    let part = |scope: &Scope| -> Result<Part, ApiError> {
        let whole = figure.of.map(|of| count(scope, of)).transpose()?.unwrap_or(0);
        Ok(Part { count: count(scope, figure.terms)?, whole })
    };
    let counts = by_day(reader, scope, figure.terms, now)?;
    let wholes = figure.of.map(|of| by_day(reader, scope, of, now)).transpose()?;
    let wholes = wholes.unwrap_or_else(|| vec![0; DAYS]);
    let days = counts.into_iter().zip(wholes).map(|(count, whole)| Part { count, whole });
    Ok(Tile {
        label: figure.label,
        href: state_of(scope, figure.terms)?.href(),
        now: part(scope)?,
        before: before.map(part).transpose()?,
        days: days.collect(),
        is_share: figure.of.is_some(),
        is_bad: figure.is_bad,
    })
}

/// Sign-ins on each of the seven days up to the end of the scope, the latest last.
fn by_day(
    reader: &Reader,
    scope: &Scope,
    terms: &[&str],
    now: Timestamp,
) -> Result<Vec<u64>, ApiError> {
    let (_, to) = scope.span(now)?;
    let to = to.map_or(now.micros, |to| to.micros.min(now.micros));
    // Whole hours, so that what is summed up already can be used.
    let end = (to.div_euclid(HOUR_MICROS) + 1).saturating_mul(HOUR_MICROS);
    let week = state_of(&scope.between(end - WEEK_MICROS, end), terms)?;
    let question = question_of(&week, now)?;
    let hours = match terms {
        [] => crate::rest::sum_up(reader, &question, Vec::new(), 0)?.hours,
        _ => by_hour(reader, question.full_filter())?,
    };
    let mut days = vec![0; DAYS];
    for (hour, sums) in hours {
        let back = usize::try_from((end - 1 - hour.micros).div_euclid(DAY_MICROS)).unwrap_or(DAYS);
        if let Some(day) = DAYS.checked_sub(1 + back).and_then(|day| days.get_mut(day)) {
            *day += sums.iter().sum::<u64>();
        }
    }
    Ok(days)
}

fn by_hour(reader: &Reader, filter: Filter) -> Result<Vec<(Timestamp, [u64; 3])>, ApiError> {
    let request = AggregateRequest {
        filter,
        by: vec![Dimension::HOUR],
        order: ResultOrder::Keys,
        ..AggregateRequest::default()
    };
    let hour = |row: durward_query::AggregateRow| match row.keys.first() {
        Some(DimensionValue::Time(time)) => Some((*time, row.by_status)),
        _ => None,
    };
    Ok(reader.aggregate(&request)?.into_iter().filter_map(hour).collect())
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
            let ratio = self.now.count as f64 / before.count as f64 - 1.0;
            (ratio * 100.0, format!("{:.0} %", (ratio * 100.0).abs()))
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
        assert_eq!(
            say(tile((7, 0), Some((0, 0)), false)),
            ("0 a week earlier".to_owned(), "worse")
        );
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
