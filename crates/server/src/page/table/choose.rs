//! Which columns the list has, in what order, and how many stay in sight.
//!
//! A form that works by itself: every button asks for the form again with the order changed, the
//! last one leads to the list. The script moves lines in place and lets them be dragged.

use axum::extract::Extension;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use durward_model::columns::{Column, Topic};
use maud::{Markup, html};

use super::super::answer;
use super::super::shell::{self, Frame};
use super::super::state::{State, column};
use super::cell;
use super::row::PINNED_MAX;
use crate::access::Looked;
use crate::error::ApiError;
use crate::params::Params;

/// Topics in the order of the form.
const TOPICS: [Topic; 12] = [
    Topic::Who,
    Topic::How,
    Topic::What,
    Topic::Where,
    Topic::Device,
    Topic::Result,
    Topic::ConditionalAccess,
    Topic::Authentication,
    Topic::Risk,
    Topic::TokenAndSession,
    Topic::Identifiers,
    Topic::Record,
];

/// Parameters of the form, besides the state of the explorer.
pub(super) const PARAMS: [&str; 4] = ["choose", "up", "down", "apply"];

/// The way to the form.
pub(in crate::page) fn columns_button(state: &State) -> Markup {
    html! {
        a #columns-button .button href=(state.href_of("/signins/columns", &[]))
            data-dialog="Columns" { "Columns" }
    }
}

/// `GET /signins/columns`
pub(super) async fn show(
    Extension(frame): Extension<Frame>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    let (asked, own): (Vec<_>, Vec<_>) =
        params.0.into_iter().partition(|(name, _)| !PARAMS.contains(&name.as_str()));
    let params = Params(asked);
    params.only(&State::params())?;
    let mut state = State::parse(&params)?;
    let own = Params(own);
    let mut chosen = chosen(&own)?;
    if chosen.is_empty() {
        chosen = state.columns();
    }
    for (name, by) in [("up", -1), ("down", 1)] {
        if let Some(moved) = own.get(name) {
            shift(&mut chosen, moved, by);
        }
    }
    let defaults = State { columns: None, ..state.clone() }.columns();
    let is_default = chosen.iter().map(|column| column.name).eq(defaults.iter().map(|c| c.name));
    state.columns = (!is_default).then_some(chosen.clone());
    if own.get("apply").is_some() {
        let href = State { at: 0, after: None, ..state }.href();
        return Ok(Looked::default().on(Redirect::to(&href).into_response()));
    }
    let form = form(&state, &chosen);
    let page = match headers.contains_key("hx-request") {
        true => form,
        false => {
            let body = html! {
                main #main .single .account {
                    div .heading { h1 { "Columns" } }
                    section .panel .part { (form) }
                    p .links { a href=(state.href()) { "◀ Back to the sign-ins" } }
                }
            };
            shell::page(&frame, "Columns", &body, &html! {})
        }
    };
    Ok(Looked { is_nothing: true, ..Looked::default() }.on(answer(page)))
}

/// The columns that are ticked, in order.
fn chosen(own: &Params) -> Result<Vec<&'static Column>, ApiError> {
    let mut all: Vec<&'static Column> = Vec::new();
    for (_, name) in own.0.iter().filter(|(name, _)| name == "choose") {
        let unknown = || ApiError::bad_request(format!("there is no column '{name}'"));
        let column = column(name).ok_or_else(unknown)?;
        if !all.iter().any(|other| other.name == column.name) {
            all.push(column);
        }
    }
    Ok(all)
}

/// Moves a column one place towards an end.
fn shift(columns: &mut [&'static Column], name: &str, by: isize) {
    let place = columns.iter().position(|column| column.name == name);
    if let Some(place) = place
        && let Some(other) = place.checked_add_signed(by)
        && other < columns.len()
    {
        columns.swap(place, other);
    }
}

fn form(state: &State, chosen: &[&'static Column]) -> Markup {
    let kept = State { columns: None, pinned: 0, at: 0, after: None, ..state.clone() };
    let reset = kept.href();
    html! {
        form #columns-form .choose-columns method="get" action="/signins/columns" {
            @for (name, value) in kept.pairs() { input type="hidden" name=(name) value=(value); }
            // What Enter presses.
            button .visually-hidden name="apply" value="1" tabindex="-1" { "Apply" }
            div .halves {
                fieldset {
                    legend { "Shown, in this order" }
                    ol #columns-shown { @for column in chosen { (line(state, column, true)) } }
                    label .pins {
                        "Pin the first "
                        input type="number" name="pin" min="0" max=(PINNED_MAX)
                            value=(state.pinned.min(PINNED_MAX));
                        " columns"
                    }
                }
                fieldset {
                    legend { "All columns" }
                    input #columns-search type="search" placeholder="Search columns"
                        autocomplete="off" aria-label="Search columns";
                    div #columns-rest {
                        @for topic in TOPICS { (others(state, topic, chosen)) }
                    }
                }
            }
            div .choices {
                button .button .primary name="apply" value="1" { "Apply" }
                a .button href=(reset) { "Reset" }
            }
        }
    }
}

/// Columns of a topic that are not shown.
fn others(state: &State, topic: Topic, chosen: &[&'static Column]) -> Markup {
    let is_shown = |column: &&'static Column| chosen.iter().any(|c| c.name == column.name);
    let columns = cell::choosable().iter().filter(|column| column.topic == topic);
    let rest: Vec<&'static Column> = columns.filter(|column| !is_shown(column)).collect();
    html! {
        @if !rest.is_empty() {
            section {
                p .topic { (topic.label()) }
                ul aria-label=(topic.label()) { @for column in rest { (line(state, column, false)) } }
            }
        }
    }
}

fn line(state: &State, column: &'static Column, is_shown: bool) -> Markup {
    let label = column.label_in(state.tab.0);
    html! {
        li data-name=(column.name) draggable=[is_shown.then_some("true")] {
            label {
                input type="checkbox" name="choose" value=(column.name) checked[is_shown];
                span { (label) }
                @if !column.in_log(state.tab.0) { span .muted { " (empty in this type)" } }
            }
            span .moves hidden[!is_shown] {
                button .icon-button name="up" value=(column.name) aria-label={ "Up: " (label) } {
                    "▲"
                }
                button .icon-button name="down" value=(column.name)
                    aria-label={ "Down: " (label) } { "▼" }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_move_one_place() {
        let all =
            |names: &[&str]| -> Vec<_> { names.iter().map(|name| column(name).unwrap()).collect() };
        let mut columns = all(&["date", "user", "ip"]);
        shift(&mut columns, "ipAddress", -1);
        shift(&mut columns, "createdDateTime", -1);
        shift(&mut columns, "userDisplayName", 1);
        let names: Vec<_> = columns.iter().map(|column| column.name).collect();
        assert_eq!(names, ["createdDateTime", "ipAddress", "userDisplayName"]);
    }
}
