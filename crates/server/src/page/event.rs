//! One sign-in: what happened and why, every field, and the record as it came. Shown beside the
//! explorer's list, or as a page of its own; the same tabs in both.

mod basic;
pub(super) mod compare;
pub(super) mod facts;
mod fields;
mod neighbour;
mod place;
mod policies;
mod processing;
mod raw;
mod related;
mod revision;
mod steps;
pub(super) mod story;
mod tabs;
mod verdict;

use std::sync::Arc;

use axum::extract::{Extension, Path, State as Shared};
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use axum::routing::get;
use durward_access::Feedback;
use durward_journal::Action;
use durward_model::columns::text;
use durward_model::{Event, FieldId, Timestamp};
use durward_query::Reader;
use maud::{Markup, html};

use crate::access::{Asking, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::openapi::Parameter;
use crate::params::{Params, query_string};
use crate::reported::said_of;
use crate::rest;
use crate::routes::{Endpoint, endpoint, read_others};

use super::link;
use super::risk::marks::{self, Marks, Told};
use super::shell::{self, Frame};
use super::state::{State, ago};
use super::{answer, page_of, reported};
use facts::Facts;
use tabs::Tab;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let id = || Parameter::path("id", "Request ID");
    let read = read_others(Action::Read);
    let with_state = |more: &[Parameter]| {
        let mut all = vec![id()];
        all.extend(super::explorer_parameters());
        all.extend_from_slice(more);
        all
    };
    let pane = [Parameter::query("pane", "true: only what is shown beside the list")];
    let to = [Parameter::query("to", "older or newer")];
    let page = page_of("One sign-in").parameters(&with_state(&pane));
    let step = page_of("To the sign-in before or after one in the list");
    let about = [Parameter::query("about", "context (default), usual, place or device")];
    let related = page_of("What one sign-in has to do with others");
    vec![
        endpoint(Method::GET, "/signins/{id}", read, get(detail), page),
        endpoint(
            Method::GET,
            "/signins/{id}/related",
            read,
            get(related::related),
            related.parameters(&with_state(&about)),
        ),
        endpoint(
            Method::GET,
            "/signins/{id}/step",
            read_others(Action::List),
            get(neighbour::step),
            step.parameters(&with_state(&to)).status(axum::http::StatusCode::SEE_OTHER),
        ),
        compare::endpoint_of(),
    ]
}

/// What is shown of one event.
#[derive(Clone, Debug)]
pub(super) struct Pane {
    event: Event,
    facts: Facts,
    /// All revisions, the latest first; empty where nothing that is shown needs them.
    revisions: Vec<Event>,
    /// What its user said of it.
    said: Vec<Feedback>,
    /// Findings that name it.
    told: Vec<Told>,
}

impl Pane {
    fn id(&self) -> String {
        self.event.cell(FieldId::Id).to_string()
    }
}

/// Looks up what is shown; `None` where there is no such event.
pub(super) fn look(
    app: &App,
    reader: &Reader,
    state: &State,
    id: &str,
    marks: &Marks,
) -> Result<Option<Pane>, ApiError> {
    let Some(event) = reader.get(state.scope.tenant.as_deref(), id)? else { return Ok(None) };
    let tab = Tab::of(state.pane.as_deref(), &event);
    let was_revised = event.row().revision > 0;
    let revisions = match tab {
        Tab::Json => reader.revisions(id)?,
        Tab::Authentication if was_revised => reader.revisions(id)?,
        _ => Vec::new(),
    };
    // Another tenant's event may have the same identifier.
    let tenant = event.cell(FieldId::TenantId);
    let is_same = |other: &Event| other.cell(FieldId::TenantId) == tenant;
    let revisions = revisions.into_iter().filter(is_same).collect();
    let said = said_of(app, &event)?;
    let facts = Facts::of(&event);
    let told = marks.of_event(event.row().id)?;
    Ok(Some(Pane { event, facts, revisions, said, told }))
}

/// Where an event is shown, which decides where links lead.
#[derive(Clone, Copy)]
struct Shown<'a> {
    pane: &'a Pane,
    state: &'a State,
    /// Beside the list?
    is_beside: bool,
    now: Timestamp,
}

impl Shown<'_> {
    fn tab(&self) -> Tab {
        Tab::of(self.state.pane.as_deref(), &self.pane.event)
    }

    /// The same event at another tab.
    fn tab_href(&self, tab: Tab) -> String {
        match self.is_beside {
            true => State { pane: Some(tab.name().to_owned()), ..self.state.clone() }.href(),
            false => self.page_href(tab),
        }
    }

    /// The event's own page.
    fn page_href(&self, tab: Tab) -> String {
        let tenant = self.state.scope.tenant.as_deref();
        let tenant = tenant.map(|tenant| ("tenant", tenant));
        let tab = (tab != Tab::Basic).then_some(("tab", tab.name()));
        href_with(link::event(&self.pane.id()), tenant.into_iter().chain(tab))
    }

    /// An address below the event's, which needs the explorer's state.
    fn part_href(&self, part: &str, more: &[(&str, &str)]) -> String {
        let path = format!("{}{part}", link::event(&self.pane.id()));
        State { row: None, ..self.state.clone() }.href_of(&path, more)
    }

    /// The list with one more term; beside the list the event stays open.
    fn filter_href(&self, term: &str) -> String {
        if !self.is_beside {
            return link::signins(&self.everything(), None, &[term.to_owned()]);
        }
        let (row, pane) = (self.state.row.clone(), self.state.pane.clone());
        State { row, pane, ..self.state.and(term) }.href()
    }

    /// All of time, in the tenant that is looked at.
    fn everything(&self) -> super::scope::Scope {
        self.state.scope.at("all")
    }
}

/// An address with parameters, if there are any.
fn href_with<'a>(path: String, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    match query_string(pairs) {
        query if query.is_empty() => path,
        query => format!("{path}?{query}"),
    }
}

/// The pane beside the list.
pub(super) fn pane(state: &State, pane: &Pane, now: Timestamp) -> Markup {
    let shown = Shown { pane, state, is_beside: true, now };
    let closed = State { row: None, pane: None, ..state.clone() }.href();
    let step = |to: &str| shown.part_href("/step", &[("to", to)]);
    let full = shown.page_href(shown.tab());
    html! {
        aside #event .event .beside data-id=(pane.id()) aria-label="Activity details"
            tabindex="-1" {
            header .event-head {
                h2 { (title(&pane.facts)) }
                nav .steps aria-label="Other sign-ins of the list" {
                    a #event-newer .icon-button href=(step("newer")) aria-label="Row before (K)" {
                        "↑"
                    }
                    a #event-older .icon-button href=(step("older")) aria-label="Row after (J)" {
                        "↓"
                    }
                    a #event-open .icon-button href=(full) aria-label="Open full page (O)" { "⤢" }
                    a #event-close .icon-button href=(closed) aria-label="Close (Esc)" { "✕" }
                }
            }
            (body(shown))
            footer .event-foot { (actions(shown)) }
        }
    }
}

/// `GET /signins/{id}`
pub(crate) async fn detail(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    Path(id): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, ApiError> {
    let (params, mut state) = asked(&uri, &["pane"])?;
    let is_part = params.flag("pane")?;
    let looked = Looked::event(&id);
    let (shared, tenanted, wanted) = (app.clone(), state.clone(), id.clone());
    let marks = Marks::of(&app, &caller);
    let found =
        app.ask(&caller, move |reader| look(&shared, reader, &tenanted, &wanted, &marks)).await?;
    let Some(found) = found else { return Err(rest::no_such(&id)) };
    let now = Timestamp::now();
    let is_by_script = headers.contains_key("hx-request");
    if is_part && is_by_script {
        state.row = Some(id);
        return Ok(looked.on(answer(pane(&state, &found, now))));
    }
    Ok(looked.on(answer(render(&frame, &state, &found, now))))
}

/// The state that an address below an event's carries.
fn asked(uri: &Uri, more: &[&str]) -> Result<(Params, State), ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&[&State::params(), more].concat())?;
    let state = State::parse(&params)?;
    Ok((params, state))
}

fn render(frame: &Frame, state: &State, pane: &Pane, now: Timestamp) -> Markup {
    let shown = Shown { pane, state, is_beside: false, now };
    let title = title(&pane.facts);
    let log = text::log_label(pane.event.row().log);
    let content = html! {
        main #main .event-page {
            article #event .event data-id=(pane.id()) {
                header .event-head {
                    h1 { (title) }
                    span .muted { (log) }
                    div .actions { (actions(shown)) }
                }
                (body(shown))
            }
        }
    };
    let list = State { row: None, pane: None, ..state.clone() }.href();
    let controls = html! {
        a .button #back href=(list) { "◀ Sign-in logs" }
        a #zone .button href="?" hidden data-local="false" { "UTC" }
    };
    shell::page(frame, &title, &content, &controls)
}

/// What pane and page have in common.
fn body(shown: Shown<'_>) -> Markup {
    let pane = shown.pane;
    html! {
        (time_line(shown))
        @if pane.event.row().log.is_sign_in() {
            (verdict::panel(shown))
            (reported::panel(&pane.said, shown.now))
            @if matches!(shown.tab(), Tab::Basic | Tab::More) {
                (marks::panel(&pane.told, None, shown.now))
            }
            (related::strip_placeholder(shown))
        }
        (tabs::bar(shown))
        section #event-tab .event-tab aria-label=(shown.tab().label()) { (tabs::content(shown)) }
    }
}

/// When it happened: UTC, roughly what the clock said where it came from, how long ago.
fn time_line(shown: Shown<'_>) -> Markup {
    let row = shown.pane.event.row();
    let whole = row.created.to_rfc3339();
    html! {
        p .when {
            time datetime=(whole) title=(whole) { (fields::long_time(&whole)) }
            " " span .zone { "UTC" }
            @if let Some(hour) = place::hour_there(&shown.pane.facts, row.created) {
                " · "
                span title="Roughly, by the longitude of the place" { "≈ " (hour) " there" }
            }
            " · " (ago(row.created, shown.now))
            @if row.revision > 0 {
                " · " a href=(shown.tab_href(Tab::Json)) { "revision " (row.revision) }
            }
        }
    }
}

/// Who went where.
fn title(facts: &Facts) -> String {
    let (actor, target) = (facts.actor(), facts.target());
    match target.is_empty() || target == actor {
        true => actor.to_owned(),
        false => format!("{actor} → {target}"),
    }
}

/// What can be done with the event. Beside the list there is room for little.
fn actions(shown: Shown<'_>) -> Markup {
    let facts = &shown.pane.facts;
    let (id, session) = (shown.pane.id(), facts.text("sessionId"));
    let who = match facts.is_workload() {
        true => facts.text("servicePrincipalId"),
        false => Some(facts.text("userId"))
            .filter(|id| !id.is_empty())
            .unwrap_or_else(|| facts.text("userPrincipalName")),
    };
    let tenant = shown.state.scope.tenant.as_deref().map(|tenant| ("tenant", tenant));
    let mut json = String::from("/api/security/sign-in-logs/");
    crate::params::encode(&id, &mut json);
    let json = href_with(json, tenant);
    let compare = [("a", id.as_str()), ("b", compare::LAST_SUCCESS)];
    let compare = href_with("/compare".to_owned(), compare.into_iter().chain(tenant));
    let diagnose =
        href_with("/diagnose".to_owned(), [("id", id.as_str())].into_iter().chain(tenant));
    let is_sign_in = shown.pane.event.row().log.is_sign_in();
    let more = html! {
        @if is_sign_in { a .button[!shown.is_beside] href=(diagnose) { "Diagnose" } }
        button .button[!shown.is_beside] type="button" hidden data-copy-from=(json) {
            "Copy JSON"
        }
        button .button[!shown.is_beside] type="button" hidden data-address="true"
            data-copy=(shown.tab_href(shown.tab())) {
            "Share"
        }
    };
    html! {
        @if !who.is_empty() {
            @if facts.is_workload() {
                a .button href=(link::workload(who)) { "Open workload" }
            } @else {
                a .button href=(link::user(who)) { "Open user" }
            }
        }
        @if !session.is_empty() { a .button href=(link::session(session)) { "Session" } }
        @if is_sign_in { a .button href=(compare) { "Compare with last success" } }
        @if shown.is_beside {
            details .menu-button .up {
                summary .button aria-label="More actions" { "⋯" }
                div .menu { (more) }
            }
        } @else { (more) }
    }
}

/// Cause, evidence and the steps of a sign-in, as the page of diagnoses shows them.
pub(super) fn diagnosis(facts: &Facts, story: &story::Story, created: Timestamp) -> Markup {
    html! {
        section .verdict .(super::words::status_class(facts.status)) {
            (verdict::headline(facts.status, story))
        }
        div .two {
            section {
                h3 { "Evidence" }
                dl {
                    @for (claim, field) in &story.evidence {
                        dt { (claim) }
                        dd { (field) }
                    }
                }
            }
            section {
                h3 { "What happened" }
                (basic::moments(facts, created))
            }
        }
    }
}
