//! The access log: who looked at what, and whether the log is whole.

use std::sync::Arc;

use axum::extract::{Extension, State as Shared};
use axum::http::Uri;
use axum::response::Response;
use durward_journal::{Action, ActorKind, JournalError, Query, Recorded, Verified};
use durward_model::Timestamp;
use maud::{Markup, html};

use crate::access::Looked;
use crate::access_log::{self, PARAMS};
use crate::app::App;
use crate::error::ApiError;
use crate::params::{Params, query_string};

use super::shell::Frame;
use super::state::grouped;
use super::words;
use super::{answer, shell};

/// What the page is called.
const TITLE: &str = "Access log";
/// Entries of a page.
const PAGE_ROWS: usize = 50;

/// What a check of the chain found: a whole log, or what is wrong with it.
type Checked = Result<Verified, String>;

/// `GET /access-log`
pub(crate) async fn access_log(
    Shared(app): Shared<Arc<App>>,
    Extension(frame): Extension<Frame>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&[PARAMS, &["before", "verify"]].concat())?;
    let now = Timestamp::now();
    let before_seq = access_log::cursor(&params, "before")?;
    let limit = Some(PAGE_ROWS + 1);
    let query = Query { before_seq, limit, ..access_log::query(&params, now)? };
    let is_checked = params.flag("verify")?;
    let (mut entries, checked) = access_log::read(&app, move |journal| {
        let checked = match is_checked.then(|| journal.verify(None)) {
            None => None,
            Some(Ok(verified)) => Some(Ok(verified)),
            Some(Err(error @ JournalError::Broken { .. })) => Some(Err(error.to_string())),
            Some(Err(error)) => return Err(error),
        };
        Ok((journal.list(&query)?, checked))
    })
    .await?;
    let has_older = entries.len() > PAGE_ROWS;
    entries.truncate(PAGE_ROWS);
    let page = Page { params: &params, entries: &entries, has_older, checked: checked.as_ref() };
    Ok(Looked::rows(entries.len()).on(answer(render(&frame, &page, now))))
}

/// What the page shows.
struct Page<'p> {
    params: &'p Params,
    entries: &'p [Recorded],
    has_older: bool,
    checked: Option<&'p Checked>,
}

impl Page<'_> {
    /// The filters as an address, and one more parameter.
    fn href(&self, path: &str, more: Option<(&str, &str)>) -> String {
        let filters = PARAMS.iter().filter_map(|name| Some((*name, self.params.get(name)?)));
        match query_string(filters.chain(more)) {
            query if query.is_empty() => path.to_owned(),
            query => format!("{path}?{query}"),
        }
    }

    fn value(&self, name: &str) -> &str {
        self.params.get(name).unwrap_or_default()
    }

    fn is_filtered(&self) -> bool {
        PARAMS.iter().any(|name| self.params.get(name).is_some())
    }
}

fn render(frame: &Frame, page: &Page<'_>, now: Timestamp) -> Markup {
    let export = |format: &str| page.href("/api/access-log/export", Some(("format", format)));
    let body = html! {
        main #main {
            div .heading {
                div {
                    h1 { (TITLE) }
                    p .muted { "Who looked at what. Reading this page is written down, too." }
                }
                div .actions {
                    a .button href=(page.href("/access-log", Some(("verify", "true")))) {
                        "Check the chain"
                    }
                    a .button href=(export("csv")) download { "Download CSV" }
                    a .button href=(export("ndjson")) download { "JSON Lines" }
                }
            }
            (chain(page.checked))
            (filters(page))
            section .panel aria-label=(TITLE) {
                @if page.entries.is_empty() {
                    div .empty { h2 { "No entries match" } }
                } @else {
                    div .scroll tabindex="-1" { (table(page, now)) }
                }
                @let is_later = page.params.get("before").is_some();
                @if is_later || page.has_older {
                    footer .foot {
                        nav aria-label="Pages" {
                            @if is_later {
                                a .button href=(page.href("/access-log", None)) { "Newest" }
                            }
                            @if let Some(last) = page.entries.last().filter(|_| page.has_older) {
                                @let before = last.seq.to_string();
                                @let older = page.href("/access-log", Some(("before", &before)));
                                a .button rel="next" href=(older) { "Older" }
                            }
                        }
                    }
                }
            }
        }
    };
    let zone = html! { a #zone .button href="?" hidden data-local="false" { "UTC" } };
    shell::page(frame, TITLE, &body, &zone)
}

/// What the check found.
fn chain(checked: Option<&Checked>) -> Markup {
    match checked {
        None => html! {},
        Some(Ok(verified)) => html! {
            p .verdict role="status" {
                b { "✔ Unbroken over " (grouped(verified.entries)) " entries" }
                @if let (Some(first), Some(last)) = (verified.first, verified.last) {
                    ", " (first.to_rfc3339()) " to " (last.to_rfc3339())
                }
                ". Head " code { (verified.head.to_string()) } ". "
                "Noted elsewhere, the head shows later that nothing up to here was removed."
            }
        },
        Some(Err(why)) => html! {
            p .verdict .failure role="alert" { b { "✖ Broken. " } (why) }
        },
    }
}

fn filters(page: &Page<'_>) -> Markup {
    let action = page.value("action");
    let field = |name: &'static str, label: &'static str, placeholder: &'static str| {
        html! {
            label { span { (label) }
                input name=(name) value=(page.value(name)) placeholder=(placeholder)
                    autocomplete="off" spellcheck="false";
            }
        }
    };
    html! {
        form .narrow action="/access-log" method="get" role="search" {
            (field("who", "Who", "Name, ID or token"))
            label { span { "What" }
                select name="action" {
                    option value="" selected[action.is_empty()] { "Anything" }
                    @for known in Action::ALL {
                        option value=(known.name()) selected[known.name() == action] {
                            (words(*known))
                        }
                    }
                }
            }
            (field("text", "Text", "Filter, route, address, target"))
            (field("from", "From", "-24h or 2026-03-02"))
            (field("to", "To", "now"))
            @if let Some(target) = page.params.get("target") {
                input type="hidden" name="target" value=(target);
            }
            button .button .primary type="submit" { "Filter" }
            @if page.is_filtered() { a .quiet href="/access-log" { "Reset" } }
        }
    }
}

fn table(page: &Page<'_>, now: Timestamp) -> Markup {
    html! {
        table .list .entries {
            thead {
                tr {
                    th scope="col" { "Time (" span .zone { "UTC" } ")" }
                    th scope="col" { "Who" }
                    th scope="col" { "What" }
                    th scope="col" { "Filter" }
                    th scope="col" .number { "Rows" }
                    th scope="col" { "Address" }
                    th scope="col" .number { "Status" }
                }
            }
            tbody { @for recorded in page.entries { (row(page, recorded, now)) } }
        }
    }
}

fn row(page: &Page<'_>, recorded: &Recorded, now: Timestamp) -> Markup {
    let entry = &recorded.entry;
    let only = |name: &str, value: &str| format!("/access-log?{}", query_string([(name, value)]));
    html! {
        tr data-seq=(recorded.seq) {
            td title={ "Entry " (recorded.seq) } { (words::time(entry.at, now)) }
            td {
                a .value href=(only("who", &entry.actor.id)) title=(entry.actor.id) {
                    (entry.actor.name)
                }
                " " span .muted {
                    (kind(entry.actor.kind))
                    @if let Some(token) = entry.actor.token.as_ref().filter(|it| **it != entry.actor.name) {
                        ", token " (token)
                    }
                }
            }
            td {
                @let same = Some(("action", entry.action.name()));
                @if page.is_filtered() { (words(entry.action)) }
                @else {
                    a .value href=(page.href("/access-log", same)) { (words(entry.action)) }
                }
                " " span .muted .mono { (entry.route) }
            }
            td .asked {
                @if !entry.query.is_empty() { code { (readable(&entry.query)) } }
                @if let Some(target) = &entry.target {
                    @if !entry.query.is_empty() { " " }
                    a .value href=(only("target", target)) { code { (target) } }
                }
            }
            td .number { @if let Some(rows) = entry.rows { (grouped(rows)) } }
            td .mono { (entry.address.as_deref().unwrap_or_default()) }
            td .number { (entry.status) }
        }
    }
}

/// A query string for people; as it is, where it is none.
fn readable(query: &str) -> String {
    match Params::parse(Some(query)) {
        Ok(params) => {
            let pair = |(name, value): &(String, String)| match value.is_empty() {
                true => name.clone(),
                false => format!("{name}={value}"),
            };
            params.0.iter().map(pair).collect::<Vec<_>>().join(" & ")
        }
        Err(_) => query.to_owned(),
    }
}

fn kind(kind: ActorKind) -> &'static str {
    match kind {
        ActorKind::Person => "person",
        ActorKind::Token => "token",
        ActorKind::Application => "application",
        ActorKind::Operator => "command line",
        ActorKind::Demo => "demo",
        ActorKind::Nobody => "not signed in",
        ActorKind::Unknown => "unknown",
    }
}

fn words(action: Action) -> &'static str {
    match action {
        Action::SignIn => "Signed in",
        Action::SignOut => "Signed out",
        Action::Token => "Got an access token",
        Action::List => "Read a list",
        Action::Read => "Read one",
        Action::Count => "Counted",
        Action::Group => "Read groups",
        Action::Tail => "Watched live",
        Action::Export => "Began an export",
        Action::ExportEnd => "Ended an export",
        Action::AccessLog => "Read the access log",
        Action::Push => "Pushed records",
        Action::Report => "Said whose a sign-in was",
        Action::Change => "Changed",
        Action::Denied => "Was refused",
        Action::Unknown => "Something unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_shown_decoded() {
        assert_eq!(
            readable("q=user:maria%20a%26b&type=i&live"),
            "q=user:maria a&b & type=i & live"
        );
        assert_eq!(readable("100%"), "100%");
    }
}
