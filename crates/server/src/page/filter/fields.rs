//! The panel of fields beside the list: the most frequent values of each, to filter for or out.

use std::sync::Arc;

use axum::extract::{Extension, State as Shared};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use durward_model::columns::Column;
use durward_model::errors::Status;
use maud::{Markup, html};

use super::asked::{Asked, dialog};
use super::pills::{Pill, Term};
use super::say;
use super::subject::{Subject, Values};
use super::{form, values};
use crate::access::{Asking, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::page::shell::Frame;
use crate::page::state::{State, View, grouped};
use crate::page::words;

/// Values of a field in the panel.
const TOP: usize = 8;

/// Fields that are open at first, in order.
const OPEN: [&str; 5] = [
    "status",
    "status/errorCode",
    "location/countryOrRegion",
    "clientAppUsed",
    "autonomousSystemNumber",
];

/// The panel: each field is filled when it comes into sight.
pub(in crate::page) fn fields_panel(state: &State) -> Markup {
    let is_open = |subject: &Subject| OPEN.contains(&subject.name.as_str());
    let others = form::subjects(state).into_iter().flat_map(|(_, subjects)| subjects);
    let others = others.filter(|subject| !is_open(subject) && is_one_field(subject));
    let first = OPEN.into_iter().filter_map(Subject::of);
    let first = first.filter(|subject| subject.is_in(state.tab.0));
    html! {
        aside #fields .panel aria-label="Fields" {
            input #field-search type="search" placeholder="⌕ field" aria-label="Find a field"
                autocomplete="off" spellcheck="false" hidden;
            @for subject in first { (to_fill(state, &subject, true)) }
            @for subject in others { (to_fill(state, &subject, false)) }
        }
    }
}

/// Is it a field by itself, whose values can be counted?
fn is_one_field(subject: &Subject) -> bool {
    let column = subject.column.is_some_and(|column| column.name == subject.name);
    column && subject.values != Values::None
}

/// A name as part of an identifier.
fn key(subject: &Subject) -> String {
    format!("facet-{}", subject.name.replace('/', "-"))
}

fn to_fill(state: &State, subject: &Subject, is_open: bool) -> Markup {
    let href = state.with(|_| ()).href_of("/signins/facet", &[("field", &subject.name)]);
    html! {
        details .facet data-field=(subject.name) open[is_open] {
            summary id=(key(subject)) { span .name { (subject.label) } }
            div hx-get=(href) hx-trigger="intersect once" hx-target="closest details"
                hx-swap="outerHTML" {
                a .muted href=(href) { "Show values" }
            }
        }
    }
}

/// `GET /signins/facet`
pub(super) async fn facet(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, ApiError> {
    let asked = Asked::parse(&uri)?;
    let subject = asked.own.get("field").and_then(Subject::of);
    let Some(subject) = subject else {
        let message = "'field' must be the name of a field";
        return Err(ApiError::bad_request(message).parameter("field"));
    };
    let state = asked.state;
    let (state, subject, counted) = app
        .ask(&caller, move |reader| {
            let counted = values::count(reader, &state, &subject, None, TOP)?;
            Ok((state, subject, counted))
        })
        .await?;
    let rows = counted.as_ref().map_or(0, |counted| counted.values.len());
    let content = filled(&state, &subject, counted.as_ref());
    let page = dialog(&frame, &headers, &state, subject.label, &content, StatusCode::OK);
    Ok(Looked::rows(rows).on(page))
}

fn filled(state: &State, subject: &Subject, counted: Option<&values::Counted>) -> Markup {
    let most = counted.and_then(|counted| counted.values.first()).map_or(0, |(_, count)| *count);
    let distinct = counted.map(|counted| grouped(counted.distinct));
    html! {
        details .facet data-field=(subject.name) open {
            summary id=(key(subject)) {
                span .name { (subject.label) }
                @if let Some(distinct) = distinct {
                    span .count { (distinct) span .visually-hidden { " different values" } }
                }
            }
            @match counted {
                None => p .muted .small { "There are no values to count here." },
                Some(counted) => {
                    ul {
                        @for (value, count) in &counted.values {
                            (row(state, subject, value, *count, most))
                        }
                    }
                    @if counted.empty > 0 { (without(state, subject, counted)) }
                    @if counted.values.is_empty() && counted.empty == 0 {
                        p .muted .small { "No sign-ins." }
                    }
                    (more(state, subject, counted))
                }
            }
        }
    }
}

/// One value: its share as a bar, and both ways to filter by it.
fn row(state: &State, subject: &Subject, value: &str, count: u64, most: u64) -> Markup {
    let width = (count * 100).div_ceil(most.max(1)).min(100);
    let only = with(state, subject.equal_to(value));
    let without = with(state, subject.other_than(value));
    let shown = label(subject, value);
    let meaning = say::meaning(subject, value);
    let title = meaning.map_or_else(|| shown.clone(), |meaning| format!("{shown} {meaning}"));
    let status = Status::from_name(value).filter(|_| subject.values == Values::Status);
    html! {
        li {
            svg .bar viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true" {
                rect width=(width) height="1" {}
            }
            a .value .mono[subject.is_address()] href=(only.href()) title=(title)
                aria-label={ "Only " (subject.label) " " (title) } {
                @if let Some(status) = status {
                    span .mark .(words::status_class(status)) aria-hidden="true" {
                        (words::icon(status))
                    }
                    " "
                }
                (shown)
                @if let Some(meaning) = meaning { " " (meaning) }
            }
            span .acts {
                a href=(only.href()) title="Filter for" aria-label={ "Filter for " (shown) } { "⊕" }
                a href=(without.href()) title="Filter out" aria-label={ "Filter out " (shown) } {
                    "⊖"
                }
            }
            span .count { (grouped(count)) }
        }
    }
}

/// A value as the narrow panel has it.
fn label(subject: &Subject, value: &str) -> String {
    match subject.name.as_str() {
        "autonomousSystemNumber" => format!("AS{value}"),
        _ => say::label(subject, value),
    }
}

/// The state with one more term, in the place of one about the same field.
fn with(state: &State, term: Term) -> State {
    let is_same = |pill: &Pill| match pill.terms.as_slice() {
        [only] => {
            let same = only.name == term.name && only.symbol == term.symbol;
            same && !pill.disabled && !only.negated
        }
        _ => false,
    };
    let same = state.pills.0.iter().position(is_same);
    state.with(|state| match same.and_then(|index| state.pills.0.get_mut(index)) {
        Some(pill) if pill.terms[0].values == term.values => {}
        // Neither the one nor the other.
        Some(pill) if term.symbol == "!=" => pill.terms[0].values.extend(term.values),
        // This one of those that were asked for.
        Some(pill) => pill.terms[0].values = term.values,
        None => state.pills.0.push(Pill::of(term)),
    })
}

/// Events without a value.
fn without(state: &State, subject: &Subject, counted: &values::Counted) -> Markup {
    let share = counted.empty as f64 * 100.0 / counted.total.max(1) as f64;
    let share = if share < 1.0 { "< 1".to_owned() } else { format!("{share:.0}") };
    let only = with(state, subject.equal_to(""));
    let out = with(state, subject.other_than(""));
    html! {
        p .small .none {
            a .muted href=(only.href()) { (share) " % empty" }
            a href=(out.href()) title="Filter out" aria-label={ "Only with " (subject.label) } {
                "⊖"
            }
        }
    }
}

fn more(state: &State, subject: &Subject, counted: &values::Counted) -> Markup {
    let Some(column) = subject.column else { return html! {} };
    let shown = state.columns();
    let is_shown = shown.iter().any(|other| other.name == column.name);
    let with_column = state.with(|state| {
        let mut columns: Vec<&'static Column> = shown.clone();
        columns.push(column);
        state.columns = Some(columns);
    });
    let by = state.with(|state| {
        state.by = Some(column);
        state.view = View::Rows;
    });
    let all = super::asked::href(state, &[("field", &subject.name)]);
    html! {
        p .small .more-of-field {
            @if counted.distinct > counted.values.len() as u64 { a href=(all) { "more…" } }
            @if !is_shown { a href=(with_column.href()) { "add as column" } }
            a href=(by.href()) { "group by" }
        }
    }
}
