//! The bar above the list.

use durward_model::Timestamp;
use maud::{Markup, html};

use super::asked::{self, Place};
use super::pills::{Pill, Term};
use super::relax::Relaxed;
use super::say::Said;
use super::subject::Subject;
use crate::page::state::{FilterError, State, grouped};

/// Pills, free text, and what else there is to do about the filter. `relaxed` says how many
/// events there would be without each pill, where that was counted.
pub(in crate::page) fn bar(
    state: &State,
    error: Option<&FilterError>,
    relaxed: &[Relaxed],
) -> Markup {
    let is_empty = state.pills.0.is_empty() && state.text.is_empty() && state.odata.is_empty();
    let plain = state.with(|state| {
        state.pills.0.clear();
        state.text.clear();
        state.odata.clear();
    });
    let now = Timestamp::now();
    html! {
        div #filter .filter role="group" aria-label="Filter" {
            @if !state.pills.0.is_empty() {
                ul .clauses aria-label="Filters" {
                    @for (index, pill) in state.pills.0.iter().enumerate() {
                        (clause(state, index, pill, relaxed, now))
                    }
                }
            }
            @if !state.odata.is_empty() { (odata_clause(state)) }
            a .pill-link .add href=(asked::href(state, &[])) { "+ Add filter" }
            (free_text(state, error))
            @if !is_empty { a .quiet href=(plain.href()) { "Reset" } }
            (menu(state))
        }
        @match error {
            Some(FilterError::Text(error)) => {
                @let split = state.text.char_indices().nth(error.position);
                @let (before, wrong) = state.text.split_at(split.map_or(0, |(at, _)| at));
                div #q-error .problem role="alert" {
                    p { (error) }
                    pre { (before) mark { (wrong) } }
                }
            }
            Some(FilterError::OData(error)) => p .problem .short role="alert" { (error) },
            _ => {}
        }
    }
}

fn free_text(state: &State, error: Option<&FilterError>) -> Markup {
    let wrong = matches!(error, Some(FilterError::Text(_)));
    html! {
        form #filter-text .field action="/signins" method="get" role="search" {
            (asked::hidden(&state.with(|state| state.text.clear())))
            span .glass aria-hidden="true" { "⌕" }
            input #q type="text" name="q" value=(state.text) autocomplete="off" spellcheck="false"
                placeholder="free text or field:value" aria-label="Free text or field:value"
                aria-invalid=[wrong.then_some("true")]
                aria-describedby=[wrong.then_some("q-error")];
            kbd aria-hidden="true" { "/" }
            button .visually-hidden type="submit" { "Filter" }
        }
    }
}

fn menu(state: &State) -> Markup {
    html! {
        details .menu-button .more {
            summary .button aria-label="More about the filter" { "⋯" }
            div .menu {
                a href=(state.href_of("/signins/query", &[])) { "Show query" }
                button #fields-button type="button" hidden { "Fields panel " kbd { "F" } }
            }
        }
    }
}

/// A pill with what can be done to it.
fn clause(state: &State, index: usize, pill: &Pill, relaxed: &[Relaxed], now: Timestamp) -> Markup {
    let words = words(pill);
    let fits = pill.is_in(state.tab.0);
    let error = pill.filter(None, now).err().map(|error| error.to_string());
    let without = relaxed.iter().find(|relaxed| relaxed.pill == Some(index));
    let lacking = (!fits).then(|| format!("{} have no such field", state.tab.label()));
    let hint = without.map(|relaxed| format!("{} without this", grouped(relaxed.count)));
    let title = error.clone().or_else(|| lacking.clone()).or_else(|| hint.clone());
    let turned_off = state.with(|state| state.pills.0[index].disabled = !pill.disabled);
    let removed = state.with(|state| drop(state.pills.0.remove(index)));
    let on = !pill.disabled;
    html! {
        li .clause .off[pill.disabled] .unusable[!fits] .invalid[error.is_some()]
            data-pill=(index) title=[title] {
            a .switch href=(turned_off.href()) role="switch" aria-checked=(on)
                aria-label={ "In effect: " (words) } { (if on { "●" } else { "○" }) }
            @for (number, term) in pill.terms.iter().enumerate() {
                @if number > 0 { span .or { "or" } }
                a .edit href=(asked::href(state, &[("edit", &Place(index, number).text())])) {
                    (term_in_words(term))
                }
            }
            @if let Some(error) = &error { span .why-not role="alert" { (error) } }
            @if let Some(lacking) = &lacking { span .visually-hidden { (lacking) } }
            @if let Some(hint) = &hint { span .why-not { (hint) } }
            a .remove href=(removed.href()) aria-label={ "Remove: " (words) } { "✕" }
        }
    }
}

/// What remains of a query that pills cannot say.
fn odata_clause(state: &State) -> Markup {
    let removed = state.with(|state| state.odata.clear());
    html! {
        ul .clauses aria-label="Query" {
            li .clause title=(state.odata) {
                a .edit href=(state.href_of("/signins/query", &[])) {
                    "OData " code .clip { (state.odata) }
                }
                a .remove href=(removed.href()) aria-label="Remove the OData filter" { "✕" }
            }
        }
    }
}

/// `Status is Failure, Interrupted`
pub(super) fn term_in_words(term: &Term) -> Markup {
    let Some(subject) = Subject::of(&term.name) else { return html! { b { (term.text()) } } };
    let said = Said::of(term, &subject);
    let (object, all) = said.object(&subject);
    let label = subject.column.filter(|_| subject.name == "servicePrincipalName");
    html! {
        (label.map_or(subject.label, |column| column.label)) " " (said.verb())
        @if !object.is_empty() {
            " " b .mono[subject.is_address()] title=[all] { (object) }
        }
    }
}

/// A pill as plain text.
pub(super) fn words(pill: &Pill) -> String {
    let words = |term: &Term| match Subject::of(&term.name) {
        None => term.text(),
        Some(subject) => {
            let said = Said::of(term, &subject);
            let text = format!("{} {} {}", subject.label, said.verb(), said.object(&subject).0);
            text.trim_end().to_owned()
        }
    };
    pill.terms.iter().map(words).collect::<Vec<_>>().join(" or ")
}
