//! What lists of risk have in common: what they are asked, their filters, and the way on.

use axum::http::Uri;
use durward_detect::risk::{RiskLevel, RiskState};
use durward_model::{Id, Timestamp};
use maud::{Markup, html};

use crate::error::ApiError;
use crate::page::scope::{self, Scope};
use crate::page::shell;
use crate::params::Params;

use super::labels;

/// Rows of a page.
pub(super) const PAGE_ROWS: usize = 50;

/// Parameters of these pages besides those of the scope.
pub(super) const PARAMS: [&str; 8] =
    ["state", "level", "q", "kind", "detection", "source", "after", "done"];

/// What a page is asked.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// The path as it came.
    pub(super) path: String,
    pub(super) params: Params,
    pub(super) scope: Scope,
    pub(super) now: Timestamp,
}

impl Asked {
    /// Reads an address; `range` where it names none.
    pub(super) fn read(uri: &Uri, range: &str) -> Result<Asked, ApiError> {
        let params = Params::parse(uri.query())?;
        params.only(&[&scope::PARAMS[..], &PARAMS].concat())?;
        let scope = Scope::parse(&params, range)?;
        Ok(Asked { path: uri.path().to_owned(), params, scope, now: Timestamp::now() })
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.params.get(name)
    }

    /// This page with other parameters; an empty value takes one away. It begins at its first row
    /// unless the changes say otherwise.
    pub(super) fn href(&self, scope: &Scope, changes: &[(&'static str, &str)]) -> String {
        let kept = PARAMS.iter().filter_map(|name| {
            let change = changes.iter().find(|(changed, _)| changed == name);
            let own = || self.get(name).filter(|_| !matches!(*name, "after" | "done"));
            let value = change.map_or_else(own, |(_, value)| Some(*value));
            value.filter(|value| !value.is_empty()).map(|value| (*name, value))
        });
        scope.href(&self.path, &kept.collect::<Vec<_>>())
    }

    /// The state that is asked for.
    pub(super) fn state(&self) -> Result<Option<RiskState>, ApiError> {
        let Some(name) = self.get("state") else { return Ok(None) };
        let found = RiskState::from_name(name);
        let wrong = || ApiError::bad_request(format!("there is no risk state '{name}'"));
        found.map(Some).ok_or_else(|| wrong().parameter("state"))
    }

    /// The level that is asked for.
    pub(super) fn level(&self) -> Result<Option<RiskLevel>, ApiError> {
        let Some(name) = self.get("level") else { return Ok(None) };
        let found = RiskLevel::from_name(name);
        let wrong = || ApiError::bad_request(format!("there is no risk level '{name}'"));
        found.map(Some).ok_or_else(|| wrong().parameter("level"))
    }

    /// The row after which the page begins: a time and a number or identifier.
    pub(super) fn after(&self) -> Result<Option<(i64, String)>, ApiError> {
        let Some(text) = self.get("after") else { return Ok(None) };
        let parts = text.split_once('.');
        let read = parts.and_then(|(at, rest)| Some((at.parse().ok()?, rest.to_owned())));
        let wrong = || ApiError::bad_request("'after' is none that a page has given");
        read.map(Some).ok_or_else(|| wrong().parameter("after"))
    }

    /// The same where rows have numbers.
    pub(super) fn after_number(&self) -> Result<Option<(i64, i64)>, ApiError> {
        Ok(self.after()?.and_then(|(at, number)| Some((at, number.parse().ok()?))))
    }

    /// The same where rows have identifiers.
    pub(super) fn after_id(&self) -> Result<Option<(i64, Id)>, ApiError> {
        Ok(self.after()?.map(|(at, id)| (at, Id::from_text(&id).0)))
    }

    /// From and to, µs.
    pub(super) fn span(&self) -> (Option<i64>, Option<i64>) {
        let (from, to) = self.scope.span(self.now).unwrap_or_default();
        (from.map(|from| from.micros), to.map(|to| to.micros))
    }

    /// Only of this tenant? Whatever case it is written in.
    pub(super) fn is_of_tenant(&self, tenant: &str) -> bool {
        self.scope.tenant.as_deref().is_none_or(|own| own.eq_ignore_ascii_case(tenant))
    }

    /// Range and zone of the page.
    pub(super) fn controls(&self) -> Markup {
        shell::controls(&self.scope, self.now, &|scope| self.href(scope, &[]))
    }
}

/// A choice of a filter: its parameter, label and options (value and label).
pub(super) struct Choice<'a> {
    pub(super) name: &'static str,
    pub(super) label: &'a str,
    pub(super) options: Vec<(String, String)>,
}

/// States to choose from.
pub(super) fn states() -> Choice<'static> {
    let named = RiskState::ALL.into_iter().filter(|state| *state != RiskState::None);
    let options =
        named.map(|state| (state.name().to_owned(), labels::state_name(state).to_owned()));
    Choice { name: "state", label: "Risk state", options: options.collect() }
}

/// Levels to choose from.
pub(super) fn levels() -> Choice<'static> {
    let options = [("high", "High"), ("medium", "Medium"), ("low", "Low")];
    let options = options.map(|(value, label)| (value.to_owned(), label.to_owned()));
    Choice { name: "level", label: "Risk level", options: options.to_vec() }
}

/// The filters of a list as one form. `has_text`: with a box for part of a name.
pub(super) fn filters(asked: &Asked, choices: &[Choice<'_>], has_text: bool) -> Markup {
    let shown = |name: &str| choices.iter().any(|choice| choice.name == name);
    let kept =
        PARAMS.iter().filter(|name| !shown(name) && !matches!(**name, "q" | "after" | "done"));
    let is_filtered = choices.iter().any(|choice| asked.get(choice.name).is_some());
    html! {
        form .risk-filter method="get" action=(asked.path) {
            @for (name, value) in asked.scope.pairs() {
                input type="hidden" name=(name) value=(value);
            }
            @for name in kept {
                @if let Some(value) = asked.get(name) {
                    input type="hidden" name=(name) value=(value);
                }
            }
            @for choice in choices {
                label {
                    span { (choice.label) }
                    select name=(choice.name) {
                        option value="" { "Any" }
                        @for (value, label) in &choice.options {
                            option value=(value) selected[asked.get(choice.name) == Some(value)] {
                                (label)
                            }
                        }
                    }
                }
            }
            @if has_text {
                label {
                    span { "Name or identifier" }
                    input type="search" name="q" value=(asked.get("q").unwrap_or_default())
                        autocomplete="off" maxlength="200" placeholder="Part of it";
                }
            }
            button .button type="submit" { "Apply" }
            @if is_filtered || asked.get("q").is_some() {
                @let kind = asked.get("kind").map(|kind| ("kind", kind));
                a .button href=(asked.scope.href(&asked.path, kind.as_slice())) { "Reset" }
            }
        }
    }
}

/// Ways to the pages before and after this one.
pub(super) fn pages(asked: &Asked, shown: usize, next: Option<String>) -> Markup {
    html! {
        footer .foot {
            span .muted {
                (shown) @if shown == 1 { " row" } @else { " rows" }
                @if next.is_some() { ", more follow" }
            }
            nav aria-label="Pages" {
                @if asked.get("after").is_some() {
                    a .button rel="first" href=(asked.href(&asked.scope, &[])) { "Newest" }
                }
                @if let Some(next) = next {
                    a .button rel="next" href=(asked.href(&asked.scope, &[("after", &next)])) {
                        "Older ▶"
                    }
                }
            }
        }
    }
}

/// What stands where a list has no rows.
pub(super) fn nothing(asked: &Asked, title: &str, why: &str, has_range: bool) -> Markup {
    let is_filtered =
        ["state", "level", "q", "detection", "source"].iter().any(|name| asked.get(name).is_some());
    html! {
        div .empty {
            h2 { (title) }
            p .muted { (why) }
            p .choices {
                @if has_range && asked.scope.range != "all" {
                    a .button href=(asked.href(&asked.scope.at("all"), &[])) { "All time" }
                }
                @if is_filtered {
                    a .button href=(asked.scope.href(&asked.path, &[])) { "Without the filter" }
                }
            }
        }
    }
}

/// What was done, after a decision.
pub(super) fn done(asked: &Asked) -> Markup {
    html! {
        @if let Some(done) = asked.get("done").and_then(|done| done.parse::<usize>().ok()) {
            p .decided role="status" {
                b { "✔ Decided" } " about " (done)
                ". It is written down with your name, and in the access log."
            }
        }
    }
}
