//! The page of views, and the form that saves one.

use durward_access::SavedView;
use durward_model::Timestamp;
use maud::{Markup, html};

use crate::page::shell::{self, Frame};
use crate::page::state::State;
use crate::page::words;

use super::{href, query_of};

/// What the page shows.
pub(super) struct Page<'p> {
    pub(super) owner: Option<String>,
    /// What the explorer shows, to be saved.
    pub(super) state: &'p State,
    pub(super) views: &'p [SavedView],
}

impl Page<'_> {
    pub(super) fn whole(&self, frame: &Frame, problem: Option<&str>) -> Markup {
        let body = html! {
            main #main .account {
                div .heading { h1 { "Views" } }
                section .panel .part { (self.form(frame, problem)) }
                p .links { a href=(self.state.href()) { "◀ Back to the sign-ins" } }
            }
        };
        shell::page(frame, "Views", &body, &html! {})
    }

    /// What a dialog shows of it.
    pub(super) fn form(&self, frame: &Frame, problem: Option<&str>) -> Markup {
        let is_own = |view: &&SavedView| Some(&view.owner) == self.owner.as_ref();
        let own: Vec<_> = self.views.iter().filter(is_own).collect();
        let shared: Vec<_> = self.views.iter().filter(|view| !is_own(view)).collect();
        let query = query_of(self.state);
        html! {
            h2 { "Save what is shown" }
            p .muted { "Filter, columns, order, grouping and range go with it." }
            (said(self.state))
            @if let Some(problem) = problem { p .problem role="alert" { b { "✖ " } (problem) } }
            form .narrow method="post" action="/views" {
                (frame.csrf_field())
                input type="hidden" name="query" value=(query);
                label {
                    span { "Name" }
                    input type="text" name="name" maxlength="100" autocomplete="off" autofocus
                        required[own.is_empty()];
                }
                @if !own.is_empty() {
                    label {
                        span { "or replace" }
                        select name="replace" {
                            option value="" { "none: it is a new one" }
                            @for view in &own {
                                option value={ (view.version) ":" (view.name) }
                                    selected[view.query == query] { (view.name) }
                            }
                        }
                    }
                }
                label .check {
                    input type="checkbox" name="shared" value="true";
                    "Share: all who read the log see its name and its filter"
                }
                button .button .primary { "Save" }
            }
            @if !own.is_empty() {
                h2 { "Yours" }
                (self.table(frame, &own, &query))
            }
            @if !shared.is_empty() {
                h2 { "Shared by others" }
                (self.table(frame, &shared, &query))
            }
        }
    }

    fn table(&self, frame: &Frame, views: &[&SavedView], query: &str) -> Markup {
        let now = Timestamp::now();
        html! {
            div .scroll {
                table .inner .views {
                    thead {
                        tr {
                            th scope="col" { "Name" }
                            th scope="col" { "Changed" }
                            th scope="col" { "Seen by" }
                            th scope="col" { span .visually-hidden { "Remove" } }
                        }
                    }
                    tbody {
                        @for view in views {
                            tr {
                                td { a href=(href(view)) { (view.name) } }
                                td { (words::time(view.changed, now)) }
                                td { @if view.is_shared { "all" } @else { "you" } }
                                td {
                                    @if Some(&view.owner) == self.owner.as_ref() {
                                        form method="post" action="/views/delete" {
                                            (frame.csrf_field())
                                            input type="hidden" name="id" value=(view.id);
                                            input type="hidden" name="query" value=(query);
                                            button .button .small
                                                aria-label={ "Remove " (view.name) } { "Remove" }
                                        }
                                    } @else if let Some(name) = &view.owner_name { "by " (name) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What a view says, in words.
pub(super) fn facts(state: &State) -> Vec<(&'static str, String)> {
    let columns = |columns: &Vec<&durward_model::columns::Column>| {
        let labels = columns.iter().map(|column| column.label_in(state.tab.0));
        labels.collect::<Vec<_>>().join(", ")
    };
    let rest = state.pairs().into_iter().filter_map(|(name, text)| {
        let label = match name {
            "q" => "Text",
            "f" => "Filter",
            "odata" => "OData",
            "sort" => "Order",
            "group" => "Time aggregate",
            "by" => "Grouped by",
            "view" => "Shown as",
            "tenant" => "Tenant",
            _ => return None,
        };
        Some((label, text))
    });
    let mut facts = vec![("Type", state.tab.label().to_owned()), ("Range", state.scope.label())];
    facts.extend(rest);
    let own = "those of the log".to_owned();
    facts.push(("Columns", state.columns.as_ref().map_or(own, columns)));
    facts
}

fn said(state: &State) -> Markup {
    html! {
        dl .view-facts {
            @for (name, text) in facts(state) { dt { (name) } dd { (text) } }
        }
    }
}
