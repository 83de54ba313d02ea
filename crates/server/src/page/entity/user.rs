//! A user: who they are, when and how they sign in, and what is usual for them.

mod journey;
mod sessions;
mod timeline;

use durward_detect::SubjectKind;
use durward_model::errors::Status;
use durward_model::{Event, FieldId, Log, Timestamp, graph};
use durward_query::{Order, Reader};
use maud::{Markup, html};

use super::baseline::{self, Usual};
use super::count::{self, Entry, Hour, Sums, named, roll_up};
use super::panel::{self, at, code, fact};
use super::subject::{self, Asked, Subject, has_status};
use super::{Shown, graph as usage, heat, rows};
use crate::error::ApiError;
use crate::page::state::grouped;
use crate::page::{link, words};

/// Events that timeline, sessions and methods are made from at most, the newest.
const EVENTS_MAX: usize = 300;
/// Names and methods listed at most.
const NAMES_MAX: usize = 6;

/// Both logs of users.
const USER_LOGS: [Log; 2] = [Log::InteractiveUser, Log::NonInteractiveUser];

/// What is known of a user within the range.
struct Known {
    subject: Subject,
    /// By hour and log.
    hours: Vec<Hour>,
    sums: Sums,
    networks: Vec<Entry>,
    clients: Vec<Entry>,
    apps: Vec<Entry>,
    names: Vec<Entry>,
    risks: Vec<Entry>,
    /// The newest interactive sign-ins.
    interactive: Vec<Event>,
    last_silent: Option<Event>,
    last_success: Option<Event>,
}

impl Known {
    fn ask(reader: &Reader, subject: Subject) -> Result<Known, ApiError> {
        let filter = &subject.filter;
        let hours = count::by_hour(reader, filter)?;
        let mut sums = Sums::default();
        hours.iter().for_each(|(_, _, more)| sums.add(more));
        let by = |fields: &[FieldId]| count::by_fields(reader, filter, fields);
        let newest =
            |filter: &_, logs: &[Log]| subject::end(reader, filter, logs, Order::NewestFirst);
        Ok(Known {
            sums,
            networks: baseline::networks(reader, &subject)?,
            clients: baseline::clients(reader, &subject)?,
            apps: by(&[FieldId::AppId, FieldId::AppDisplayName])?,
            names: by(&[FieldId::UserPrincipalName, FieldId::UserDisplayName])?,
            risks: by(&[FieldId::RiskState, FieldId::RiskLevelAggregated])?,
            interactive: subject::events(
                reader,
                filter,
                &[Log::InteractiveUser],
                Order::NewestFirst,
                EVENTS_MAX,
            )?,
            last_silent: newest(filter, &[Log::NonInteractiveUser])?,
            last_success: newest(
                &filter.clone().and(has_status(Status::Success)),
                &[Log::InteractiveUser],
            )?,
            hours,
            subject,
        })
    }

    fn count_of(&self, log: Log) -> u64 {
        let of_log = self.hours.iter().filter(|(_, other, _)| *other == log);
        of_log.map(|(_, _, sums)| sums.total()).sum()
    }

    fn usual<'u>(&'u self, asked: &'u Asked) -> Usual<'u> {
        let new_from = self.subject.new_from(asked, self.sums.first);
        Usual { asked, subject: &self.subject, whole: self.sums.total(), new_from }
    }
}

/// `GET /users/{id}`
pub(super) fn look(reader: &Reader, asked: &Asked) -> Result<Option<Shown>, ApiError> {
    let fields = [FieldId::UserId, FieldId::UserPrincipalName];
    let Some(subject) = Subject::find(reader, asked, &fields)? else { return Ok(None) };
    let known = Known::ask(reader, subject)?;
    let title = name(&known.subject);
    let detail = match asked.params.get("tab") {
        Some("signins") => sign_ins(reader, asked, &known)?,
        Some("sessions") => sessions::list(reader, asked, &known.subject)?,
        Some("map") => journey::map(asked, &known.subject, &known.networks, &known.interactive),
        Some("devices") => every(asked, &known, "Devices and browsers", device_entries(&known)),
        Some("apps") => every(asked, &known, "Applications", app_entries(&known)),
        _ => timeline::list(asked, &known.subject, &known.hours, &known.interactive),
    };
    let found = asked.findings(&[SubjectKind::User], &known.subject.text(FieldId::UserId))?;
    let body = html! {
        (panel::heading(
            ("Users", &asked.scope.href("/users", &[])),
            &title,
            &verdict(asked, &known),
            &actions(asked, &known.subject),
        ))
        @if known.sums.total() == 0 { (panel::nothing_now(asked, &known.subject)) }
        @else {
            div .thirds {
                div .side { (card(asked, &known)) (found) }
                div .middle {
                    (heat::map(asked, &known.subject, &known.hours))
                    (usage::of_subject(asked, &known.subject, &known.hours, "Sign-ins"))
                    section .panel .detail-tabs {
                        (tabs(asked, &known))
                        (detail)
                    }
                }
                div .side { (usual(asked, &known)) }
            }
        }
    };
    Ok(Some(Shown { title, body, rows: known.sums.total() }))
}

fn name(subject: &Subject) -> String {
    use FieldId::{UserDisplayName, UserId, UserPrincipalName};
    rows::first_of(&subject.newest, &[UserDisplayName, UserPrincipalName, UserId])
}

fn actions(asked: &Asked, subject: &Subject) -> Markup {
    html! {
        a .button .primary href=(subject.events_of(&asked.scope, Some(Log::InteractiveUser), &[])) {
            "View sign-in activity"
        }
        a .button href=(asked.scope.href("/diagnose", &[("user", asked.id())])) { "Diagnose" }
    }
}

/// How often, how it went, from where, and what is new.
fn verdict(asked: &Asked, known: &Known) -> Markup {
    let (subject, sums) = (&known.subject, &known.sums);
    let failed = subject.events(&asked.scope, &["status=failure".to_owned()]);
    let countries = roll_up(&known.networks, &[0]);
    let places = countries.iter().take(3).map(|entry| entry.value(0)).collect::<Vec<_>>();
    let usual = known.usual(asked);
    let new = countries.iter().filter(|entry| {
        usual.new_from.is_some_and(|from| entry.sums.first.is_some_and(|first| first >= from))
    });
    let new: Vec<&str> = new.map(|entry| entry.value(0)).take(NAMES_MAX).collect();
    html! {
        (name(subject)) " has "
        (panel::sign_ins(sums.total(), &subject.events(&asked.scope, &[])))
        " " (panel::when(asked))
        @if !places.is_empty() { ", from " (places.join(", ")) }
        "; " (panel::number(sums.failures(), &failed, "failed")) ". "
        @if let Some(last) = &known.last_success {
            "The latest interactive success was " (words::time(last.row().created, asked.now)) ". "
        }
        @if !new.is_empty() {
            span .badge .new { "New" } " within a day: " (new.join(", ")) "."
        }
    }
}

/// Who they are and where they stand.
fn card(asked: &Asked, known: &Known) -> Markup {
    let subject = &known.subject;
    let now = asked.now;
    let text = |field| fact(&subject.text(field));
    let last_interactive = known.interactive.first();
    html! {
        section .panel .facts-card {
            h2 { (rows::first_of(&subject.newest, &[
                FieldId::UserPrincipalName, FieldId::UserDisplayName, FieldId::UserId
            ])) }
            (risk(asked, known))
            (panel::facts(&[
                ("Type", text(FieldId::UserType)),
                ("Last interactive", last(last_interactive, now)),
                ("Last non-interactive", last(known.last_silent.as_ref(), now)),
                ("Last success", last(known.last_success.as_ref(), now)),
                ("First sign-in", at(Some(subject.first_ever), now)),
                ("Methods seen", fact(&methods(&known.interactive).join(", "))),
                ("Devices", devices(known)),
                ("Object ID", code(&subject.text(FieldId::UserId))),
                ("Home tenant", home(subject)),
                ("Tenant", code(&subject.text(FieldId::TenantId))),
                ("Names", names(known)),
            ]))
        }
    }
}

fn home(subject: &Subject) -> Markup {
    let (home, own) = (subject.text(FieldId::HomeTenantId), subject.text(FieldId::TenantId));
    if home == own {
        html! {}
    } else {
        code(&home)
    }
}

/// When, how it ended, and with what.
fn last(event: Option<&Event>, now: Timestamp) -> Markup {
    let Some(event) = event else { return html! {} };
    let id = event.cell(FieldId::Id).to_string();
    html! {
        a href=(link::event(&id)) { (words::time(event.row().created, now)) }
        " " (rows::mark(graph::status(event))) " "
        span .muted { (rows::app_name(event)) }
    }
}

/// Names other than the one on top, where there were several.
fn names(known: &Known) -> Markup {
    if known.names.len() < 2 {
        return html! {};
    }
    html! {
        @for entry in known.names.iter().take(NAMES_MAX) {
            div { (entry.value(1)) " " span .muted { (entry.value(0)) } }
        }
        @if known.names.len() > NAMES_MAX { "and " (known.names.len() - NAMES_MAX) " more" }
    }
}

fn devices(known: &Known) -> Markup {
    let count = roll_up(&known.clients, &[0]).len();
    html! { @if count > 0 { (grouped(count as u64)) } }
}

/// Risk states that sign-ins carry, as their source judged them.
fn risk(asked: &Asked, known: &Known) -> Markup {
    let risky = known.risks.iter().filter(|entry| !matches!(entry.value(0), "" | "none"));
    html! {
        p .risks {
            @for entry in risky.take(NAMES_MAX) {
                @let (state, level) = (entry.value(0), entry.value(1));
                @let terms = [link::is("riskState", state), link::is("riskLevelAggregated", level)];
                @let terms = if level.is_empty() { &terms[..1] } else { &terms[..] };
                a .badge .risk href=(known.subject.events(&asked.scope, terms)) {
                    (state_label(state))
                    @if !matches!(level, "" | "none" | "hidden") { ", " (level) }
                    " × " (grouped(entry.sums.total()))
                }
            }
        }
    }
}

fn state_label(state: &str) -> String {
    durward_model::columns::text::member_label(&durward_model::enums::RISK_STATE, state)
}

/// Methods of steps that succeeded, in the newest events.
fn methods(events: &[Event]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for event in events {
        let steps = event.cell(FieldId::AuthenticationDetails);
        let Some(json) = steps.as_text() else { continue };
        let steps: Vec<serde_json::Value> = serde_json::from_str(json).unwrap_or_default();
        for step in steps.iter().filter(|step| step["succeeded"].as_bool() == Some(true)) {
            let method = step["authenticationMethod"].as_str().unwrap_or_default();
            let is_method = !matches!(method, "" | "Previously satisfied");
            if is_method && !found.iter().any(|other| other == method) {
                found.push(method.to_owned());
            }
        }
        if found.len() >= NAMES_MAX {
            break;
        }
    }
    found
}

fn usual(asked: &Asked, known: &Known) -> Markup {
    let usual = known.usual(asked);
    html! {
        (usual.countries(&known.networks))
        (usual.autonomous_systems(&known.networks))
        (usual.devices(&known.clients))
        (usual.applications(&known.apps))
        (usual.hours(&known.hours))
    }
}

fn tabs(asked: &Asked, known: &Known) -> Markup {
    panel::tabs(
        asked,
        &[
            ("", "Timeline", None),
            ("signins", "Sign-ins", Some(known.count_of(Log::InteractiveUser))),
            ("sessions", "Sessions", None),
            ("map", "Map", None),
            ("devices", "Devices", None),
            ("apps", "Applications", None),
        ],
    )
}

/// The newest sign-ins of both logs.
fn sign_ins(reader: &Reader, asked: &Asked, known: &Known) -> Result<Markup, ApiError> {
    const SHOWN_MAX: usize = 50;
    let subject = &known.subject;
    let events =
        subject::events(reader, &subject.filter, &USER_LOGS, Order::NewestFirst, SHOWN_MAX)?;
    Ok(html! {
        (rows::table(&events, asked.now))
        p .rest {
            a href=(subject.events(&asked.scope, &[])) {
                "All " (grouped(known.sums.total())) " in the explorer"
            }
        }
    })
}

fn device_entries(known: &Known) -> Vec<Entry> {
    roll_up(&baseline::labelled(&known.clients), &[0, 1])
}

fn app_entries(known: &Known) -> Vec<Entry> {
    let mut entries = named(&known.apps, &[0, 1]);
    for entry in &mut entries {
        // Name first; an application without one goes by its identifier.
        let id = entry.value(0).to_owned();
        entry.values = match entry.value(1) {
            "" => vec![id.clone(), id],
            name => vec![name.to_owned(), id],
        };
    }
    entries
}

/// All values of one kind as a table.
fn every(asked: &Asked, known: &Known, title: &str, entries: Vec<Entry>) -> Markup {
    const SHOWN_MAX: usize = 100;
    let is_device = title.starts_with("Devices");
    let page = |id: &str| if is_device { link::device(id) } else { link::app(id) };
    let field = if is_device { FieldId::DeviceId } else { FieldId::AppId };
    html! {
        table .list {
            thead {
                tr {
                    @for name in [title, "Sign-ins", "Failures", "First", "Last"] {
                        th scope="col" { (name) }
                    }
                }
            }
            tbody {
                @for entry in entries.iter().take(SHOWN_MAX) {
                    @let id = entry.value(1);
                    tr .row {
                        td {
                            @if id.is_empty() { (entry.value(0)) }
                            @else {
                                a href=(asked.scope.href(&page(id), &[])) { (entry.value(0)) }
                            }
                        }
                        td {
                            @if id.is_empty() { (grouped(entry.sums.total())) }
                            @else {
                                @let term = subject::link_term(field, id);
                                a href=(known.subject.events(&asked.scope, &[term])) {
                                    (grouped(entry.sums.total()))
                                }
                            }
                        }
                        td { (grouped(entry.sums.failures())) }
                        td { (at(entry.sums.first, asked.now)) }
                        td { (at(entry.sums.last, asked.now)) }
                    }
                }
            }
        }
        @if entries.len() > SHOWN_MAX {
            p .rest {
                a href=(known.subject.events(&asked.scope, &[])) {
                    "and " (entries.len() - SHOWN_MAX) " more"
                }
            }
        }
    }
}
