//! Places from large to small: countries, their states or provinces, and cities.

use durward_query::Reader;
use maud::{Markup, html};

use super::asked::{Asked, href};
use super::subject::Subject;
use super::values::{self, Counted};
use crate::error::ApiError;
use crate::page::link;
use crate::page::state::{State, grouped};

/// Fields from large to small, and the parameters that say what was chosen of them.
const LEVELS: [(&str, &str); 3] =
    [("location/countryOrRegion", "country"), ("location/state", "state"), ("location/city", "")];

const PLACES_SHOWN: usize = 200;

/// What was chosen on the way so far: field and value.
fn chosen(asked: &Asked) -> Vec<(&'static str, &str)> {
    let mut chosen = Vec::new();
    for (field, param) in LEVELS {
        match asked.own.get(param) {
            Some(value) if !param.is_empty() => chosen.push((field, value)),
            _ => break,
        }
    }
    chosen
}

/// The places of the next level.
pub(super) fn look(
    reader: &Reader,
    asked: &Asked,
    others: &State,
) -> Result<Option<Counted>, ApiError> {
    let chosen = chosen(asked);
    let mut within = others.clone();
    for (field, value) in &chosen {
        within = within.and(&link::is(field, value));
    }
    let Some(subject) = Subject::of(LEVELS[chosen.len()].0) else { return Ok(None) };
    values::count(reader, &within, &subject, asked.own.get("prefix"), PLACES_SHOWN)
}

/// Links: each place as a filter, and into it.
pub(super) fn places(asked: &Asked, counted: Option<&Counted>) -> Markup {
    let chosen = chosen(asked);
    let (field, param) = LEVELS[chosen.len()];
    let with = |value: &str| {
        let mut state = asked.state.clone();
        for (field, value) in &chosen {
            state = state.and(&link::is(field, value));
        }
        state.and(&link::is(field, value)).href()
    };
    let into = |value: &str| {
        let names = LEVELS.map(|(_, param)| param);
        let mut more: Vec<(&str, &str)> = vec![("field", "location")];
        more.extend(chosen.iter().zip(names).map(|((_, value), name)| (name, *value)));
        more.push((param, value));
        href(&asked.state, &more)
    };
    let values = counted.map(|counted| counted.values.as_slice()).unwrap_or_default();
    let path: Vec<&str> = chosen.iter().map(|(_, value)| *value).collect();
    html! {
        p .muted {
            @if path.is_empty() { "Choose a country, or go into it for its states and cities." }
            @else { "In " (path.join(" › ")) }
        }
        ul .choices-of-values .places-to-choose {
            @for (value, count) in values {
                li {
                    a .name href=(with(value)) { (value) }
                    span .count { (grouped(*count)) }
                    @if !param.is_empty() {
                        a .into href=(into(value)) aria-label={ "Within " (value) } { "›" }
                    }
                }
            }
        }
    }
}
