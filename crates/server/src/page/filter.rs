//! The filter bar, and the panel of fields beside the list.

mod pills;

use maud::{Markup, html};

use crate::routes::Endpoint;

use super::state::{FilterError, State};

pub(super) use pills::Pills;

pub(super) fn endpoints() -> Vec<Endpoint> {
    Vec::new()
}

/// The bar above the list: pills, free text, reset.
pub(super) fn bar(state: &State, error: Option<&FilterError>) -> Markup {
    let message = error.map(ToString::to_string);
    html! {
        form #filter .filter action="/signins" method="get" role="search" {
            @for (name, value) in state.with(|state| state.text.clear()).pairs() {
                input type="hidden" name=(name) value=(value);
            }
            input #q type="text" name="q" value=(state.text) autocomplete="off" spellcheck="false"
                aria-label="Filter" aria-invalid=[error.map(|_| "true")];
            button .button .primary type="submit" { "Filter" }
            @if let Some(message) = message { p #q-error .problem role="alert" { (message) } }
        }
    }
}

/// The panel of fields: filled when it is opened.
pub(super) fn fields_panel(_state: &State) -> Markup {
    html! {}
}
