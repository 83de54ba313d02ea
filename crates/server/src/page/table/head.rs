//! Headings: each a link that sorts by its column, the other way round when followed again.

use durward_model::columns::Column;
use maud::{Markup, html};

use super::super::state::{Sort, State};
use super::cell;
use super::row::Frame;

/// The heading of a list of events or of groups.
pub(super) fn head(frame: &Frame<'_>) -> Markup {
    let grouped = frame.state.window.is_some();
    html! {
        thead {
            tr aria-rowindex="1" {
                th .pick scope="col" {
                    label {
                        input #pick-all type="checkbox" tabindex="-1";
                        span .visually-hidden { "Select all that match" }
                    }
                }
                @for (number, column) in frame.columns.iter().enumerate() {
                    (heading(frame, number, column, grouped))
                }
            }
        }
    }
}

fn heading(frame: &Frame<'_>, number: usize, column: &'static Column, grouped: bool) -> Markup {
    let state = frame.state;
    let order = order_of(state, column);
    let label = html! {
        (column.label_in(state.tab.0))
        @if column.name == "createdDateTime" { " (" span .zone { "UTC" } ")" }
    };
    let class = frame.class(number);
    let sortable = if grouped { column.name == "count" } else { cell::sort_key(column).is_some() };
    html! {
        th scope="col" class=[(!class.is_empty()).then_some(class)] data-column=(column.name)
            aria-sort=[order.map(|down| if down { "descending" } else { "ascending" })] {
            @if sortable {
                a href=(next(state, column).href()) title="Sort by this column" {
                    (label)
                    @if let Some(down) = order {
                        span .arrow aria-hidden="true" { (if down { " ▾" } else { " ▴" }) }
                    }
                }
            } @else {
                span title=[unsortable(column, grouped)] { (label) }
            }
        }
    }
}

fn unsortable(column: &Column, grouped: bool) -> Option<&'static str> {
    match (grouped, column.name) {
        (true, "createdDateTime") => Some("Groups are listed by their window, the newest first"),
        (true, _) => Some("Groups can be sorted by their number of sign-ins"),
        (false, _) => Some("A list cannot be sorted by this column"),
    }
}

/// Is the list in the order of this column, and is that descending?
fn order_of(state: &State, column: &Column) -> Option<bool> {
    match state.sort {
        Some(sort) => (sort.column.name == column.name).then_some(sort.descending),
        None => (column.name == "createdDateTime" && state.window.is_none()).then_some(true),
    }
}

/// What the heading leads to: ascending, descending, the usual order; times and numbers the
/// greatest first.
fn next(state: &State, column: &'static Column) -> State {
    let by = |descending| Some(Sort { column, descending });
    let down_first = matches!(column.name, "createdDateTime" | "count");
    let sort = match (order_of(state, column), down_first) {
        (None, true) if column.name == "createdDateTime" => None,
        (None, down_first) => by(down_first),
        (Some(true), true) if column.name == "createdDateTime" => by(false),
        (Some(false), false) => by(true),
        _ => None,
    };
    state.with(|state| state.sort = sort)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Params;

    #[test]
    fn headings_go_round() {
        let state = |query: &str| State::parse(&Params::parse(Some(query)).unwrap()).unwrap();
        let column = |name: &str| super::super::super::state::column(name).unwrap();
        for (from, name, to) in [
            ("", "date", "sort=date"),
            ("sort=date", "date", ""),
            ("sort=ip", "date", ""),
            ("", "ip", "sort=ip"),
            ("sort=ip", "ip", "sort=-ip"),
            ("sort=-ip", "ip", ""),
            ("type=n&group=6h", "count", "sort=-count"),
            ("type=n&group=6h&sort=-count", "count", ""),
        ] {
            let href = next(&state(from), column(name)).href();
            match to {
                "" => assert!(!href.contains("sort="), "{from}: {href}"),
                to => assert!(href.contains(to), "{from}: {href}"),
            }
        }
    }
}
