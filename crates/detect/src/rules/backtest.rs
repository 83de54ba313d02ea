//! What a rule would have found, before it is enabled.

use durward_model::time::DAY_MICROS;
use durward_query::QueryError;
use serde::Serialize;

use super::compile::Compiled;
use super::rows::Ground;
use super::run::outcomes;
use super::tell;
use crate::finding::Finding;

/// Findings that are shown in full.
const SAMPLES_MAX: usize = 20;
/// Days of a back-test at most.
const DAYS_MAX: u32 = 400;

/// What a rule would have found.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Backtest {
    /// Findings by the day on which they would have been known, days counted from 1970; days
    /// without any are there too.
    pub per_day: Vec<(i64, u64)>,
    /// All of them.
    pub total: u64,
    /// There were more, which were not counted by day.
    pub is_cut: bool,
    /// Matching records.
    pub matches: u64,
    /// The newest, newest first.
    pub samples: Vec<Finding>,
    /// What is to be expected in a week, were the future like the past.
    pub per_week: f64,
}

/// Runs a rule over the days before an instant (µs).
pub fn backtest(
    ground: Ground<'_>,
    rule: &Compiled,
    to_micros: i64,
    days: u32,
) -> Result<Backtest, QueryError> {
    let days = days.clamp(1, DAYS_MAX);
    // Whole days, so that every bar of the chart stands for as long a time, except the last.
    let end = to_micros.div_euclid(DAY_MICROS);
    let first = end - i64::from(days) + 1;
    let mut outcomes = outcomes(ground, &[rule], first * DAY_MICROS, to_micros)?;
    let Some(outcome) = outcomes.pop() else {
        return Err(QueryError::Invalid("no rule was run".to_owned()));
    };
    let mut per_day: Vec<(i64, u64)> = (first..=end).map(|day| (day, 0)).collect();
    for found in &outcome.found {
        let day = found.found_micros.div_euclid(DAY_MICROS).clamp(first, end);
        per_day[(day - first) as usize].1 += 1;
    }
    let newest = outcome.found.iter().rev().take(SAMPLES_MAX);
    let samples = newest.map(|found| tell::finding(rule, found, ground.view));
    let samples = samples.collect::<Result<Vec<_>, _>>()?;
    let total = outcome.found.len() as u64 + outcome.uncounted;
    // Only days that the log covers count; a log of two days says nothing of the week before.
    let log_start = ground.view.chunks.iter().filter(|chunk| rule.logs.contains(&chunk.log()));
    let log_start = log_start.map(|chunk| chunk.min_micros()).min().unwrap_or(to_micros);
    let covered = (to_micros - log_start.max(first * DAY_MICROS)).max(DAY_MICROS);
    let per_week = total as f64 * 7.0 * DAY_MICROS as f64 / covered as f64;
    Ok(Backtest {
        per_day,
        total,
        is_cut: outcome.uncounted > 0,
        matches: outcome.matches,
        samples,
        per_week,
    })
}
