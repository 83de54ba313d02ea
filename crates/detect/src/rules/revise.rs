//! What rules told of a range that was looked at again, and do not tell any more: a record came in
//! a later revision, or one came late.
//!
//! Only what a rule that was run would tell is judged. What was told by rules that are switched
//! off, removed, changed since, or not due, stays; so does what rests on days that retention has
//! taken from the log.

use durward_model::Id;
use durward_store::View;
use hashbrown::{HashMap, HashSet};

use super::model::Shape;
use super::rows::Ground;
use super::run::{LookError, Looked, Run, Told, told};
use super::shape::lookback_micros;
use crate::book::{Book, Circumstances, Recorded, StoredFinding};
use crate::finding::Finding;

/// Puts findings of rules that were not told again in a look back to what they were before, or
/// withdraws them.
pub(crate) fn revise(
    book: &Book,
    ground: Ground<'_>,
    looked: &Looked,
    circumstances: &Circumstances<'_>,
) -> Result<Recorded, LookError> {
    let mut recorded = Recorded::default();
    let Some(since) = looked.runs.iter().map(|run| run.from_micros).min() else {
        return Ok(recorded);
    };
    let found: HashSet<Id> = looked.found.iter().map(|finding| finding.id).collect();
    let mut missing: HashMap<String, Vec<StoredFinding>> = HashMap::new();
    for stored in book.told_by_rules(since)? {
        if !found.contains(&stored.finding.id) {
            missing.entry(stored.finding.detection.clone()).or_default().push(stored);
        }
    }
    for run in looked.runs.iter().filter(|run| run.is_whole) {
        let Some(mut missing) = missing.remove(&run.rule.rule.detection()) else { continue };
        let oldest = oldest_micros(ground.view, run);
        missing.retain(|stored| is_judged(stored, run, oldest));
        let Some(before) = told_before(ground, run, &missing)? else { continue };
        for stored in missing {
            match before.get(&stored.finding.id) {
                Some(finding) => {
                    let done = book.record(std::slice::from_ref(finding), circumstances)?;
                    recorded.changed += done.changed;
                }
                None => {
                    book.withdraw(&stored.finding, circumstances)?;
                    recorded.withdrawn += 1;
                }
            }
        }
    }
    Ok(recorded)
}

/// Would the run have told it, were its reason still there?
fn is_judged(stored: &StoredFinding, run: &Run, oldest_micros: i64) -> bool {
    let finding = &stored.finding;
    let in_range = (run.from_micros..run.to_micros).contains(&finding.told_micros);
    // What is new is judged by what is known, so all of that must still be there.
    let rests_on = match run.rule.rule.shape {
        Shape::NewValue { .. } => lookback_micros(&run.rule.rule, finding.found_micros),
        _ => finding.first_micros,
    };
    in_range && stored.recorded_micros >= run.changed_micros && rests_on >= oldest_micros
}

/// When the logs of a rule begin, µs.
fn oldest_micros(view: &View, run: &Run) -> i64 {
    let chunks = view.chunks.iter().filter(|chunk| run.rule.logs.contains(&chunk.log()));
    chunks.map(|chunk| chunk.min_micros()).min().unwrap_or(i64::MAX)
}

/// Findings that go on are told with each record that they get. Without those of the range, what
/// was told before it holds again; `None` where that cannot be known.
fn told_before(
    ground: Ground<'_>,
    run: &Run,
    missing: &[StoredFinding],
) -> Result<Option<HashMap<Id, Finding>>, LookError> {
    let begun = missing.iter().map(|stored| stored.finding.found_micros).min();
    let Some(begun) = begun.filter(|begun| *begun < run.from_micros) else {
        return Ok(Some(HashMap::new()));
    };
    let told = told(ground, &[&*run.rule], begun, run.to_micros)?.pop();
    let whole = told.filter(|told| told.is_whole);
    let by_id = |Told { findings, .. }: Told| {
        findings.into_iter().map(|finding| (finding.id, finding)).collect()
    };
    Ok(whole.map(by_id))
}
