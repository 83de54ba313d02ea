//! Running rules over a range of time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use durward_model::FieldId;
use durward_model::time::SECOND_MICROS;
use durward_query::{Filter, Op, QueryError, Value};
use hashbrown::HashMap;

use super::Placeholders;
use super::compile::Compiled;
use super::model::{Schedule, Shape};
use super::rows::{Ground, Row, Rows};
use super::shape::{Found, Shaping, lookback_micros};
use super::tell;
use crate::book::{Book, Result as BookResult};
use crate::finding::Finding;

/// What one rule has found.
pub(crate) struct Outcome {
    pub(crate) found: Vec<Found>,
    /// More that was found, which is only counted.
    pub(crate) uncounted: u64,
    /// Matching records in the range.
    pub(crate) matches: u64,
}

/// What a rule finds from one instant on and before another (µs). A finding that goes on is told
/// as it stands at the end; its identifier stays.
pub fn run(
    ground: Ground<'_>,
    rule: &Compiled,
    from_micros: i64,
    to_micros: i64,
) -> Result<Vec<Finding>, QueryError> {
    Ok(run_all(ground, &[rule], from_micros, to_micros)?.pop().unwrap_or_default())
}

/// What each of some rules finds. Rules that must read all records of a log read them together.
pub fn run_all(
    ground: Ground<'_>,
    rules: &[&Compiled],
    from_micros: i64,
    to_micros: i64,
) -> Result<Vec<Vec<Finding>>, QueryError> {
    let told = told(ground, rules, from_micros, to_micros)?;
    Ok(told.into_iter().map(|told| told.findings).collect())
}

/// What one rule tells.
pub(crate) struct Told {
    pub(crate) findings: Vec<Finding>,
    /// There were not more than can be kept.
    pub(crate) is_whole: bool,
}

/// What each of some rules tells, in words.
pub(crate) fn told(
    ground: Ground<'_>,
    rules: &[&Compiled],
    from_micros: i64,
    to_micros: i64,
) -> Result<Vec<Told>, QueryError> {
    let outcomes = outcomes(ground, rules, from_micros, to_micros)?;
    let tell = |(rule, outcome): (&&Compiled, Outcome)| {
        let is_whole = outcome.uncounted == 0;
        if !is_whole {
            tracing::warn!(rule = rule.rule.id, more = outcome.uncounted, "too many findings");
        }
        let findings = outcome.found.iter().map(|found| tell::finding(rule, found, ground.view));
        Ok(Told { findings: findings.collect::<Result<Vec<_>, _>>()?, is_whole })
    };
    rules.iter().zip(outcomes).map(tell).collect()
}

/// What each of some rules finds, before it is put in words.
pub(crate) fn outcomes(
    ground: Ground<'_>,
    rules: &[&Compiled],
    from_micros: i64,
    to_micros: i64,
) -> Result<Vec<Outcome>, QueryError> {
    let mut work: Vec<Shaping<'_>> = Vec::with_capacity(rules.len());
    for rule in rules {
        work.push(Shaping::new(&rule.rule, &rule.per, rule.of.as_ref(), from_micros));
    }
    let mut together: HashMap<Vec<durward_model::Log>, Vec<usize>> = HashMap::new();
    for (index, rule) in rules.iter().enumerate() {
        if rule.reads_all() {
            together.entry(rule.logs.clone()).or_default().push(index);
        } else if let Some(only) = narrowed(ground, rule, from_micros, to_micros)? {
            one(ground, rule, &only, &mut work[index], (from_micros, to_micros))?;
        }
    }
    for (logs, these) in together {
        let starts = these.iter().map(|&index| lookback_micros(&rules[index].rule, from_micros));
        let start = starts.min().unwrap_or(from_micros);
        let mut rows = Rows::new(ground, &logs, &Filter::All, start, to_micros);
        while let Some(row) = rows.next()? {
            for &index in &these {
                if rules[index].matches(&row) {
                    work[index].see(&row, false);
                }
            }
        }
    }
    let done = work.into_iter().map(|mut shaping| {
        let found = shaping.finish(to_micros);
        Outcome { found, uncounted: shaping.uncounted, matches: shaping.matches }
    });
    Ok(done.collect())
}

/// Entities of a range at most that a look back is narrowed to.
const NARROW_MAX: usize = 500;

/// What is to be looked back for: what came before a range only matters for the entities in it,
/// which are few while records come in. `None` if there is nothing in the range, except where
/// silence is noticed.
fn narrowed(
    ground: Ground<'_>,
    rule: &Compiled,
    from_micros: i64,
    to_micros: i64,
) -> Result<Option<Filter>, QueryError> {
    if matches!(rule.rule.shape, Shape::Absence { .. }) {
        return Ok(Some(Filter::All));
    }
    let last = match &rule.steps {
        Some((_, then)) => rule.filter.clone().and(then.clone()),
        None => rule.filter.clone(),
    };
    let mut rows = Rows::new(ground, &rule.logs, &last, from_micros, to_micros);
    let mut entities: BTreeMap<FieldId, BTreeSet<String>> = BTreeMap::new();
    let mut count = 0;
    while let Some(row) = rows.next()? {
        if !rule.matches(&row) {
            continue;
        }
        // The first field of the entity narrows enough.
        let Some(key) = rule.per.first() else { return Ok(Some(Filter::All)) };
        if key.hash(&row).is_none() {
            continue;
        }
        let Some((field, text)) = key.asked(&row) else { return Ok(Some(Filter::All)) };
        count += usize::from(entities.entry(field).or_default().insert(text));
        if count > NARROW_MAX {
            return Ok(Some(Filter::All));
        }
    }
    if entities.is_empty() {
        return Ok(None);
    }
    let values = |texts: BTreeSet<String>| texts.into_iter().map(Value::Text).collect();
    let any =
        entities.into_iter().map(|(field, texts)| Filter::field(field, Op::In(values(texts))));
    Ok(Some(Filter::any_of(any.collect())))
}

fn one(
    ground: Ground<'_>,
    rule: &Compiled,
    only: &Filter,
    shaping: &mut Shaping<'_>,
    (from_micros, to_micros): (i64, i64),
) -> Result<(), QueryError> {
    let start = lookback_micros(&rule.rule, from_micros);
    let rows = |filter: &Filter| {
        Rows::new(ground, &rule.logs, &filter.clone().and(only.clone()), start, to_micros)
    };
    let Some((first, then)) = &rule.steps else {
        let mut rows = rows(&rule.filter);
        while let Some(row) = rows.next()? {
            if rule.matches(&row) {
                shaping.see(&row, false);
            }
        }
        return Ok(());
    };
    let mut firsts = rows(&rule.filter.clone().and(first.clone()));
    let mut thens = rows(&rule.filter.clone().and(then.clone()));
    let (mut first, mut then) = (firsts.next()?, thens.next()?);
    // A record that is both comes second to what was before it.
    while let Some(row) = &then {
        match first.take_if(|first| first.order() < row.order()) {
            Some(earlier) => {
                see_if(rule, shaping, &earlier, true);
                first = firsts.next()?;
            }
            None => {
                see_if(rule, shaping, row, false);
                then = thens.next()?;
            }
        }
    }
    Ok(())
}

fn see_if(rule: &Compiled, shaping: &mut Shaping<'_>, row: &Row<'_>, first: bool) {
    if rule.matches(row) {
        shaping.see(row, first);
    }
}

/// Looks at new records by the rules in the book. Keeps what it takes long to make ready.
#[derive(Debug, Default)]
pub struct Looker {
    placeholders: Placeholders,
    /// The version of the book's rules that were made ready.
    version: Option<i64>,
    rules: Vec<Ready>,
}

/// A rule of the book that is run.
#[derive(Clone, Debug)]
struct Ready {
    rule: Arc<Compiled>,
    /// When it was changed last, µs.
    changed_micros: i64,
}

/// What the rules of the book found in a range of time.
#[derive(Debug)]
pub struct Looked {
    /// What they found, in the order of being found.
    pub found: Vec<Finding>,
    /// Which of them were run, and where.
    pub(crate) runs: Vec<Run>,
}

/// A run of one rule.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) rule: Arc<Compiled>,
    /// When the rule was changed last, µs.
    pub(crate) changed_micros: i64,
    pub(crate) from_micros: i64,
    pub(crate) to_micros: i64,
    /// Everything that it found is told.
    pub(crate) is_whole: bool,
}

impl Looker {
    /// With the values of the placeholders that Sigma rules may name.
    pub fn new(placeholders: Placeholders) -> Looker {
        Looker { placeholders, version: None, rules: Vec::new() }
    }

    /// What all enabled rules find from one instant on and before another (µs). A rule that runs
    /// every so many minutes is run where the range contains such a moment, over what came since
    /// the last one.
    pub fn look(
        &mut self,
        book: &Book,
        ground: Ground<'_>,
        from_micros: i64,
        to_micros: i64,
    ) -> Result<Looked, LookError> {
        self.refresh(book)?;
        let mut ranges: HashMap<(i64, i64), Vec<&Ready>> = HashMap::new();
        for ready in &self.rules {
            let range = match ready.rule.rule.schedule {
                Schedule::Stream => (from_micros, to_micros),
                Schedule::Every { minutes } => {
                    let step = i64::from(minutes) * 60 * SECOND_MICROS;
                    let down = |at: i64| at - at.rem_euclid(step);
                    (down(from_micros), down(to_micros))
                }
            };
            if range.0 < range.1 {
                ranges.entry(range).or_default().push(ready);
            }
        }
        let (mut found, mut runs) = (Vec::new(), Vec::new());
        for ((from_micros, to_micros), these) in ranges {
            let rules: Vec<&Compiled> = these.iter().map(|ready| &*ready.rule).collect();
            let told = told(ground, &rules, from_micros, to_micros)?;
            for (ready, Told { findings, is_whole }) in these.into_iter().zip(told) {
                let Ready { rule, changed_micros } = ready.clone();
                runs.push(Run { rule, changed_micros, from_micros, to_micros, is_whole });
                found.extend(findings);
            }
        }
        found.sort_by_key(|finding| (finding.found_micros, finding.id));
        Ok(Looked { found, runs })
    }

    fn refresh(&mut self, book: &Book) -> BookResult<()> {
        let version = book.rules_version()?;
        if self.version == Some(version) {
            return Ok(());
        }
        self.rules.clear();
        for stored in book.rules()? {
            let (id, enabled) = (stored.rule.id.clone(), stored.rule.enabled);
            match Compiled::new(stored.rule, &self.placeholders) {
                Ok(compiled) if enabled => self
                    .rules
                    .push(Ready { rule: Arc::new(compiled), changed_micros: stored.at_micros }),
                Ok(_) => {}
                Err(error) => tracing::warn!(rule = id, %error, "a rule cannot be run"),
            }
        }
        self.version = Some(version);
        Ok(())
    }
}

/// Why rules could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The book.
    #[error(transparent)]
    Book(#[from] crate::book::BookError),
    /// The log.
    #[error(transparent)]
    Query(#[from] QueryError),
}
