//! What to leave out of a filter that finds nothing.

use durward_model::Timestamp;
use durward_query::Reader;

use super::bar::words;
use crate::error::ApiError;
use crate::page::state::State;

/// The filter without one of its parts.
#[derive(Clone, Debug)]
pub(in crate::page) struct Relaxed {
    /// Number of the pill that is left out; `None` for what is no pill.
    pub(in crate::page) pill: Option<usize>,
    /// What is left out.
    pub(in crate::page) label: String,
    pub(in crate::page) href: String,
    /// Events there are without it.
    pub(in crate::page) count: u64,
}

/// Parts to try: each is a count over the log.
const TRIED_MAX: usize = 12;

/// Ways to leave out one part of the filter that find something, the fewest events first: the
/// nearest to what was asked. Where no part is alone in the way, ways to keep one pill only.
pub(in crate::page) fn relaxations(
    reader: &Reader,
    state: &State,
    now: Timestamp,
) -> Result<Vec<Relaxed>, ApiError> {
    let mut without: Vec<(Option<usize>, String, State)> = Vec::new();
    for (index, pill) in state.pills.0.iter().enumerate() {
        if !pill.disabled && pill.is_in(state.tab.0) {
            let less = state.with(|state| drop(state.pills.0.remove(index)));
            without.push((Some(index), words(pill), less));
        }
    }
    if !state.text.is_empty() {
        let label = format!("“{}”", state.text);
        without.push((None, label, state.with(|state| state.text.clear())));
    }
    if !state.odata.is_empty() {
        let less = state.with(|state| state.odata.clear());
        without.push((None, "the OData filter".to_owned(), less));
    }
    let found = that_find(reader, without, now)?;
    if found.is_empty() && state.pills.0.len() > 1 {
        return that_find(reader, one_only(state), now);
    }
    Ok(found)
}

/// The filter with one of its pills only.
fn one_only(state: &State) -> Vec<(Option<usize>, String, State)> {
    let pills = &state.pills.0;
    let used = |index: usize| !pills[index].disabled && pills[index].is_in(state.tab.0);
    let all: Vec<usize> = (0..pills.len()).filter(|index| used(*index)).collect();
    let only = |kept: &usize| {
        let left_out = all.iter().filter(|index| *index != kept).map(|index| words(&pills[*index]));
        let label = left_out.collect::<Vec<_>>().join(", ");
        (None, label, state.with(|state| state.pills.0 = vec![pills[*kept].clone()]))
    };
    all.iter().map(only).collect()
}

fn that_find(
    reader: &Reader,
    without: Vec<(Option<usize>, String, State)>,
    now: Timestamp,
) -> Result<Vec<Relaxed>, ApiError> {
    let mut found = Vec::new();
    for (pill, label, less) in without.into_iter().take(TRIED_MAX) {
        let Ok(question) = less.question(now) else { continue };
        let count = question.count(reader)?;
        if count > 0 {
            found.push(Relaxed { pill, label, href: less.href(), count });
        }
    }
    found.sort_by_key(|relaxed| relaxed.count);
    Ok(found)
}
