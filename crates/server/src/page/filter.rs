//! The filter of the explorer: the bar above the list with its dialogs, and the panel of fields
//! beside it.
//!
//! Everything is a link or a form that leads to another state; the script shows the dialogs in
//! place and fills the panel field by field.

mod asked;
mod bar;
mod fields;
mod form;
mod pills;
mod place;
mod query;
mod relax;
mod say;
mod subject;
mod tree;
mod values;

use axum::http::Method;
use axum::routing::get;
use durward_journal::Action;
use durward_model::Timestamp;

use crate::routes::{Endpoint, endpoint, read_others};

use super::page_of;
use super::state::{State, Tab};

pub(super) use bar::bar;
pub(super) use fields::fields_panel;
pub(super) use pills::Pills;
pub(super) use query::short_form;
pub(super) use relax::{Relaxed, relaxations};

pub(super) fn endpoints() -> Vec<Endpoint> {
    let page = |what: &'static str| page_of(what).parameters(&asked::parameters());
    vec![
        endpoint(
            Method::GET,
            "/signins/filter",
            read_others(Action::Count),
            get(form::open),
            page("Adds or changes a filter"),
        ),
        endpoint(
            Method::GET,
            "/signins/filter/set",
            read_others(Action::Count),
            get(form::set),
            page("On to the explorer with a filter added or changed"),
        ),
        endpoint(
            Method::GET,
            "/signins/values",
            read_others(Action::Count),
            get(form::suggest),
            page("Values of a field with their counts, as check boxes"),
        ),
        endpoint(
            Method::GET,
            "/signins/facet",
            read_others(Action::Count),
            get(fields::facet),
            page("The most frequent values of a field"),
        ),
        endpoint(
            Method::GET,
            "/signins/query",
            read_others(Action::Count),
            get(query::query),
            page("The filter in OData and in the short form"),
        ),
    ]
}

/// The state with the terms of its free text as pills, if there are any.
pub(super) fn normalised(state: &State, now: Timestamp) -> Option<State> {
    let (pills, rest) = Pills::from_search(&state.text, now);
    (!pills.0.is_empty()).then(|| {
        state.with(|state| {
            state.text = rest;
            let new = pills.0.into_iter().filter(|pill| !state.pills.0.contains(pill));
            let new: Vec<_> = new.collect();
            state.pills.0.extend(new);
        })
    })
}

/// Why some of the filter asks nothing of a tab's sign-ins, if it does not.
pub(super) fn unusable(state: &State, tab: Tab) -> Option<String> {
    let lacking = state.pills.0.iter().filter(|pill| !pill.disabled && !pill.is_in(tab.0));
    let words: Vec<String> = lacking.map(bar::words).collect();
    (!words.is_empty()).then(|| format!("{} have no field for: {}", tab.label(), words.join("; ")))
}
