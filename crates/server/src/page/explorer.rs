//! The explorer: tabs, filter, chart and list.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Extension, State as Shared};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use durward_model::{Event, Log, Timestamp};
use durward_query::{Order, Position, Reader, SearchError, search};
use maud::{Markup, html};

use crate::access::{Asking, Looked};
use crate::app::App;
use crate::client::Client;
use crate::error::ApiError;
use crate::params::Params;
use crate::question::Question;

use super::chart::Chart;
use super::shell::Frame;
use super::state::{Place, RANGES, State, Tab, ago, grouped};
use super::{answer, list, shell};

/// Rows of a page.
const PAGE_ROWS: usize = 50;

/// What an explorer shows.
struct Shown {
    /// Sign-ins in the whole store.
    stored: u64,
    /// When the newest of them happened.
    newest: Option<Timestamp>,
    /// Matches in each tab.
    tabs: Vec<(Tab, u64)>,
    chart: Chart,
    events: Vec<Event>,
    newer: Option<String>,
    older: Option<String>,
    took: Duration,
    /// Names the state of the store.
    version: String,
}

/// `GET /` and `GET /signins`
pub(crate) async fn explorer(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(client): Extension<Client>,
    Extension(frame): Extension<Frame>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&["type", "t", "q", "tz", "older", "newer", "fragment", "after"])?;
    let state = State::parse(&params)?;
    let now = Timestamp::now();
    let fragment = params.get("fragment") == Some("rows");
    let question = match state.question(now)? {
        Ok(question) => question,
        Err(error) => return Ok(bad_filter(&frame, &state, &error)),
    };
    let position = state.position(&question)?;
    let after = params.get("after").map(str::to_owned);
    let (shared, asked_state) = (app.clone(), state.clone());
    let shown = app
        .ask(&caller, move |reader| {
            let version = shared.version_of(reader);
            if fragment && after.as_deref() == Some(&version) {
                return Ok(None);
            }
            look(reader, &asked_state, &question, position, now, version).map(Some)
        })
        .await?;
    let nothing = || Looked { is_nothing: true, ..Looked::default() };
    let Some(shown) = shown else {
        return Ok(nothing().on(StatusCode::NO_CONTENT.into_response()));
    };
    // A page without data waits for the first of it, and then is another page.
    if fragment && shown.stored == 0 {
        return Ok(nothing().on(StatusCode::NO_CONTENT.into_response()));
    }
    let answer = match fragment {
        true => answer(html! { (tabs(&state, Some(&shown.tabs))) (region(&state, &shown, now)) }),
        false => answer(whole(&frame, &state, &shown, now, &client.origin())),
    };
    Ok(Looked::rows(shown.events.len()).on(answer))
}

/// Looks up everything the page shows, in one view.
fn look(
    reader: &Reader,
    state: &State,
    question: &Question,
    position: Option<Position>,
    now: Timestamp,
    version: String,
) -> Result<Shown, ApiError> {
    let started = Instant::now();
    let newest = reader.bounds(&Log::SIGN_INS)?.map(|(_, newest)| Timestamp::from_micros(newest));
    let chart = Chart::new(reader, question, now)?;
    let mut tabs = Vec::with_capacity(Tab::ALL.len());
    for tab in Tab::ALL {
        let count = match (tab.0, tab == state.tab) {
            (_, true) => chart.count(),
            (Some(_), false) => Question { logs: tab.logs(), ..question.clone() }.count(reader)?,
            // The sum of the others, which come before it.
            (None, false) => tabs.iter().map(|(_, count)| count).sum(),
        };
        tabs.push((tab, count));
    }
    let (events, newer, older) = rows(reader, state, question, position)?;
    let stored = reader.total(&Log::SIGN_INS)?;
    let took = started.elapsed();
    Ok(Shown { stored, newest, tabs, chart, events, newer, older, took, version })
}

/// A page of events, newest first, and the cursors to the pages around it.
type Rows = (Vec<Event>, Option<String>, Option<String>);

fn rows(
    reader: &Reader,
    state: &State,
    question: &Question,
    position: Option<Position>,
) -> Result<Rows, ApiError> {
    let backwards = matches!(state.place, Place::Newer(_));
    let order = if backwards { Order::OldestFirst } else { Order::NewestFirst };
    let ordered = Question { order, ..question.clone() };
    let mut page = ordered.page(reader, position, PAGE_ROWS)?;
    let more = page.next.is_some();
    if backwards {
        page.rows.reverse();
    }
    let token = |row: Option<&durward_store::RowRef>| -> Result<Option<String>, ApiError> {
        let Some(&row) = row else { return Ok(None) };
        let position = reader.position(row)?;
        Ok(Some(position.to_token(question.hash)))
    };
    let newer = match &state.place {
        Place::Newest => None,
        Place::Newer(_) if !more => None,
        _ => token(page.rows.first())?,
    };
    let older = match &state.place {
        Place::Newer(_) => token(page.rows.last())?,
        _ if more => token(page.rows.last())?,
        _ => None,
    };
    Ok((reader.events(&page.rows)?, newer, older))
}

fn whole(frame: &Frame, state: &State, shown: &Shown, now: Timestamp, origin: &str) -> Markup {
    if shown.stored == 0 {
        return shell::page(frame, "No data yet", &welcome(origin), &live_button());
    }
    let body = html! {
        main #main {
            (heading(state))
            (tabs(state, Some(&shown.tabs)))
            (filter_form(state, None))
            (region(state, shown, now))
        }
    };
    let controls = html! { (controls(state, shown.newest, now)) };
    shell::page(frame, state.tab.label(), &body, &controls)
}

/// The part that the live view replaces, besides the tabs.
fn region(state: &State, shown: &Shown, now: Timestamp) -> Markup {
    html! {
        @let newest = shown.newest.map(Timestamp::to_rfc3339);
        div #live data-version=(shown.version) data-newest=[newest] {
            @if shown.events.is_empty() {
                (nothing_found(state, shown, now))
            } @else {
                (shown.chart.render(state))
                section .panel aria-label="Sign-ins" {
                    (list::table(state, &shown.events, now))
                    (footer(state, shown))
                }
            }
        }
    }
}

fn heading(state: &State) -> Markup {
    html! {
        div .heading {
            h1 { "Sign-in logs" }
            div .actions {
                a .button href=(state.export_href("csv")) download { "Download CSV" }
                a .button href=(state.export_href("json")) download { "JSON" }
                a .button href=(state.export_href("parquet")) download { "Parquet" }
            }
        }
    }
}

fn controls(state: &State, newest: Option<Timestamp>, now: Timestamp) -> Markup {
    let known = RANGES.iter().any(|(name, ..)| *name == state.range);
    let zone = state.with(|state| state.local = !state.local).href();
    html! {
        nav .segments aria-label="Range of time" {
            @for (name, label, _) in RANGES {
                @let href = state.with(|state| state.range = name.to_owned()).href();
                @let current = (name == state.range).then_some("true");
                a href=(href) aria-current=[current] { (label) }
            }
            @if !known { span aria-current="true" title=(state.range) { "Custom" } }
        }
        a #zone .button href=(zone) hidden data-local=(state.local) {
            @if state.local { "Local" } @else { "UTC" }
        }
        @if let Some(newest) = newest {
            span .chip title={ "Newest sign-in: " (newest.to_rfc3339()) } {
                i .dot .success {} "Newest " span #newest { (ago(newest, now)) }
            }
        }
        (live_button())
    }
}

fn live_button() -> Markup {
    html! {
        button #live-button .button type="button" hidden aria-pressed="false" {
            i .dot {} "Live"
        }
    }
}

fn tabs(state: &State, counts: Option<&[(Tab, u64)]>) -> Markup {
    html! {
        nav #tabs .tabs aria-label="Type of sign-in" {
            @for tab in Tab::ALL {
                @let href = state.with(|state| state.tab = tab).href();
                @let current = (tab == state.tab).then_some("page");
                @let count = counts.and_then(|all| all.iter().find(|(other, _)| *other == tab));
                a href=(href) aria-current=[current] {
                    (tab.label())
                    @if let Some((_, count)) = count { span .count { (grouped(*count)) } }
                }
            }
        }
    }
}

/// Filters offered as one click.
const OFFERED: [(&str, &str); 4] = [
    ("✖ Failure", "status:failure"),
    ("◐ Interrupted", "status:interrupted"),
    ("At risk", "risk:atRisk"),
    ("Single factor", "requirement:single"),
];

fn filter_form(state: &State, error: Option<&SearchError>) -> Markup {
    html! {
        form .filter action="/signins" method="get" role="search" {
            input type="hidden" name="type" value=(state.tab.letter());
            input type="hidden" name="t" value=(state.range);
            @if state.local { input type="hidden" name="tz" value="local"; }
            div .field {
                span .glass aria-hidden="true" { "⌕" }
                input #q type="text" name="q" value=(state.text) autocomplete="off"
                    spellcheck="false" maxlength=(search::LENGTH_MAX)
                    aria-label="Filter" aria-invalid=[error.map(|_| "true")]
                    aria-describedby=[error.map(|_| "q-error")]
                    placeholder="user:maria status:failure ip:203.0.113.0/24 -country:DE code:50126";
                kbd aria-hidden="true" { "/" }
            }
            button .button .primary type="submit" { "Filter" }
            @for (label, term) in OFFERED { (offer(state, label, term)) }
            @if !state.text.is_empty() {
                a .quiet href=(state.with(|state| state.text.clear()).href()) { "Reset" }
            }
        }
    }
}

/// A link that adds a term to the filter, or takes it out again.
fn offer(state: &State, label: &str, term: &str) -> Markup {
    let words: Vec<&str> = state.text.split_whitespace().collect();
    let on = words.contains(&term);
    let text = match on {
        true => words.into_iter().filter(|word| *word != term).collect::<Vec<_>>().join(" "),
        false => format!("{} {term}", state.text).trim().to_owned(),
    };
    let href = state.with(|state| state.text = text).href();
    let current = on.then_some("true");
    html! {
        a .pill-link href=(href) aria-current=[current] {
            (label) @if on { span aria-hidden="true" { " ✕" } }
        }
    }
}

fn footer(state: &State, shown: &Shown) -> Markup {
    let count = shown.chart.count();
    let link = |place: Place| State { place, ..state.clone() }.href();
    let millis = shown.took.as_secs_f64() * 1000.0;
    html! {
        footer .foot {
            span {
                b { (grouped(count)) } " of " (grouped(shown.stored)) " events · exact · "
                (if millis < 10.0 { format!("{millis:.1}") } else { format!("{millis:.0}") }) " ms"
            }
            nav aria-label="Pages" {
                @if state.place != Place::Newest {
                    a .button href=(link(Place::Newest)) { "Newest" }
                }
                @if let Some(cursor) = &shown.newer {
                    a .button rel="prev" href=(link(Place::Newer(cursor.clone()))) { "◀ Newer" }
                }
                @if let Some(cursor) = &shown.older {
                    a .button rel="next" href=(link(Place::Older(cursor.clone()))) { "Older ▶" }
                }
            }
            span .muted .keys hidden { "J/K move · Enter open · / filter · L live" }
        }
    }
}

/// A filter that cannot be read: where, and what is wrong.
fn bad_filter(frame: &Frame, state: &State, error: &SearchError) -> Response {
    let before: String = state.text.chars().take(error.position).collect();
    let rest: String = state.text.chars().skip(error.position).collect();
    let body = html! {
        main #main {
            (heading(state))
            (tabs(state, None))
            (filter_form(state, Some(error)))
            section .problem #q-error role="alert" {
                p { b { "✖ The filter cannot be read." } " " (error.to_string()) }
                pre { (before) mark { (if rest.is_empty() { "␣" } else { &rest }) } }
                p .muted {
                    "Terms are " code { "field:value" } ", ranges " code { "code:50000..50999" }
                    ", any of " code { "country:DE,FR" } ", not " code { "-status:success" }
                    ", or " code { "a OR b" } ". Words alone search names and addresses."
                }
            }
        }
    };
    let page = shell::page(frame, "Filter", &body, &controls(state, None, Timestamp::now()));
    (StatusCode::BAD_REQUEST, answer(page)).into_response()
}

fn nothing_found(state: &State, shown: &Shown, now: Timestamp) -> Markup {
    let elsewhere = shown.tabs.iter().find(|(tab, count)| tab.0.is_some() && *count > 0);
    html! {
        section .panel .empty {
            h2 { "No sign-ins match" }
            p .muted {
                "Nothing in " (state.tab.label()) " " (state.range_label())
                @if !state.text.is_empty() { " with this filter" }
                "."
                @if let Some(newest) = shown.newest {
                    " The newest sign-in of all is from " (list::time(newest, now)) " UTC."
                }
            }
            p .choices {
                @if state.range != "all" {
                    a .button href=(state.with(|state| state.range = "all".to_owned()).href()) {
                        "Search all time"
                    }
                }
                @if !state.text.is_empty() {
                    a .button href=(state.with(|state| state.text.clear()).href()) {
                        "Remove the filter"
                    }
                }
                @if let Some((tab, count)) = elsewhere {
                    a .button href=(state.with(|state| state.tab = *tab).href()) {
                        (tab.label()) " (" (grouped(*count)) ")"
                    }
                }
            }
        }
    }
}

/// A store without sign-ins. `host` is where the reader found this server.
fn welcome(origin: &str) -> Markup {
    let push = format!(
        "durward token create --name push --scope ingest\n\
         curl --data-binary @records.json \\\n  -H 'Content-Type: application/json' \\\n  \
         -H 'Authorization: Bearer TOKEN' \\\n  {origin}/api/ingest/diagnostic"
    );
    html! {
        main #main {
            section .panel .empty .welcome {
                h1 { "No data yet" }
                p .muted {
                    "Three ways to get sign-ins in. This page fills as soon as there are any."
                }
                div .ways {
                    div {
                        h2 { "Import files" }
                        p { "Downloads of the portal, exports of Log Analytics, blobs of diagnostic
                             settings, Graph pages; zipped or not, mixed in one folder." }
                        pre { "durward import FOLDER…" }
                    }
                    div {
                        h2 { "Push records" }
                        p { "Whatever a diagnostic setting or Graph gives you." }
                        pre { (push) }
                    }
                    div {
                        h2 { "Look around" }
                        p { "An invented tenant with a month of sign-ins and live traffic." }
                        pre { "durward demo" }
                    }
                }
            }
            div #live data-version="" {}
        }
    }
}
