//! What changes the shape of the list, and what is done with rows that are selected.

use durward_model::columns::Topic;
use durward_query::Window;
use maud::{Markup, html};

use super::super::state::{State, View, short_name, window_name};
use super::{by, cell, groups};

/// Heights of rows: in the browser's storage, and in words.
const DENSITIES: [(&str, &str); 3] =
    [("comfortable", "Comfortable"), ("compact", "Compact"), ("ultra", "Ultra")];

/// Time aggregate, one row a value, and how dense rows are.
pub(in crate::page) fn group_controls(state: &State) -> Markup {
    if state.view != View::Rows {
        return html! {};
    }
    html! {
        div .shape {
            (time_aggregate(state))
            (group_by(state))
            span .density hidden {
                select #density aria-label="Density" {
                    @for (name, label) in DENSITIES { option value=(name) { (label) } }
                }
            }
        }
    }
}

fn time_aggregate(state: &State) -> Markup {
    if let Some(reason) = groups::reason_without(state.tab.0) {
        return html! { span .muted .no-groups { (reason) } };
    }
    let windows = [Window::H1, Window::H6, Window::D1].map(Some);
    let choices = [(None, "Off")]
        .into_iter()
        .chain(windows.into_iter().zip(["1 hour", "6 hours", "24 hours"]));
    let is_off = state.by.is_some();
    html! {
        span .muted #aggregate-label { "Time aggregate" }
        span .segments role="group" aria-labelledby="aggregate-label" {
            @for (window, label) in choices {
                @let href = state.with(|state| {
                    (state.window, state.by, state.sort) = (window, None, None);
                }).href();
                a href=(href) title=[window.map(window_name)]
                    aria-current=[(state.window == window && !is_off).then_some("true")] {
                    (label)
                }
            }
        }
    }
}

/// A form, as there are many columns; the script sends it when one is chosen.
fn group_by(state: &State) -> Markup {
    let kept = State { by: None, ..state.with(|state| state.sort = None) };
    let columns = || {
        let all = cell::choosable().iter();
        all.filter(|column| column.in_log(state.tab.0) && by::dimension(column).is_some())
    };
    let mut topics: Vec<Topic> = columns().map(|column| column.topic).collect();
    topics.sort_unstable();
    topics.dedup();
    html! {
        form #group-by .group-by method="get" action="/signins" {
            @for (name, value) in kept.pairs() { input type="hidden" name=(name) value=(value); }
            select name="by" aria-label="Group by" {
                    option value="" { "Group by: nothing" }
                    @for topic in topics {
                        optgroup label=(topic.label()) {
                            @for column in columns().filter(|column| column.topic == topic) {
                                option value=(short_name(column))
                                    selected[state.by.is_some_and(|by| by.name == column.name)] {
                                    (column.label_in(state.tab.0))
                                }
                            }
                        }
                    }
            }
            button .button .small { "Group" }
        }
    }
}

/// What can be done with the selected rows; shown by the script when there are any.
pub(super) fn selection(state: &State) -> Markup {
    let list = state.with(|_| ());
    html! {
        div #selection .selection role="toolbar" aria-label="Selected rows" hidden
            data-export=(list.href().replacen("/signins?", "", 1)) {
            b .count-selected role="status" {}
            button .button .small type="button" data-do="tsv" { "Copy" }
            button .button .small type="button" data-do="json" { "Copy JSON" }
            a .button .small href=(list.href_of("/download", &[])) data-dialog="Download"
                data-do="download" { "Download" }
            a .button .small href="/compare" data-do="compare" hidden { "Compare" }
            button .button .small type="button" data-do="clear" { "Clear" }
        }
    }
}
