//! The page of one finding: what it says, what it rests on, what speaks against it, and what to do.

mod parts;

use std::sync::Arc;

use axum::extract::{Extension, Path, State as Shared};
use axum::http::Uri;
use axum::response::Response;
use durward_detect::alerts::Similar;
use durward_detect::book::{FindingQuery, StoredFinding};
use durward_detect::risk::{DetectionQuery, RiskDetection};
use durward_detect::{About, Book, Settings, SubjectKind, detections};
use durward_model::{Event, Id, Timestamp};
use durward_query::Mask;
use maud::{Markup, html};

use crate::access::{Asking, Caller, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::page::entity::world;
use crate::page::shell::{self, Frame};
use crate::page::state::grouped;
use crate::page::{answer, link, words};
use crate::risk::{RiskSight, refused};

use super::list::Asked;
use super::marks::{Told, is_clear, mask_of, subject_of};
use super::travel::{self, Trip};
use super::{act, labels, link_of, subjects};

/// Findings that are looked through for the one of a pseudonymous identifier.
const SEARCHED_MAX: usize = 20_000;

/// What an address names.
enum Named {
    Finding(Box<StoredFinding>),
    /// A risk detection without a finding here.
    Detection(Box<RiskDetection>),
}

/// Everything the page of a finding shows.
struct Shown {
    stored: StoredFinding,
    told: Told,
    mask: Mask,
    /// Identifier and name of whom it is about.
    who: (String, String),
    /// The evidence that the caller sees, oldest first.
    events: Vec<Event>,
    trip: Option<Trip>,
    about: Option<&'static About>,
    settings: Settings,
    /// What became of earlier alerts; `None` for those who see a part of them only.
    similar: Option<Similar>,
}

/// `GET /protection/detections/{id}`
pub(super) async fn page(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let asked = Asked::read(&uri, "30d")?;
    let (shared, sight, wanted) = (app.clone(), RiskSight::of(&caller), id.clone());
    enum Page {
        Finding(Box<Shown>),
        Detection(Box<RiskDetection>, Mask),
    }
    let found = app
        .ask(&caller, move |reader| {
            let book = &shared.detect.book;
            let stored = match find(book, &sight, &wanted)? {
                None => return Ok(None),
                Some(Named::Detection(one)) => {
                    let mask = sight.mask(&one.subject, &one.name);
                    return Ok(mask.map(|mask| Page::Detection(one, mask)));
                }
                Some(Named::Finding(stored)) => *stored,
            };
            let told = Told::of(&sight, &stored).zip(mask_of(&sight, &stored));
            let Some((told, mask)) = told else { return Ok(None) };
            let events = travel::events_of(reader, &stored.finding.events)?;
            let is_travel = travel::is_travel(&stored.finding.detection);
            let trip = Trip::of(told.clone(), &stored.finding, &events).filter(|_| is_travel);
            let detection = &stored.finding.detection;
            let similar = sight.reach().is_everything();
            let similar = similar.then(|| book.similar_alerts(detection, None).map_err(refused));
            Ok(Some(Page::Finding(Box::new(Shown {
                who: subject_of(&sight, &stored, mask),
                about: detections::about(detection),
                settings: book.settings(&shared.detect.configured).map_err(refused)?,
                similar: similar.transpose()?,
                events,
                trip,
                told,
                mask,
                stored,
            }))))
        })
        .await?;
    let sight = RiskSight::of(&caller);
    let (title, body) = match found {
        None => return Err(ApiError::not_found(format!("there is no finding '{id}'"))),
        Some(Page::Finding(shown)) => (shown.told.title.clone(), render(&caller, &asked, &shown)),
        Some(Page::Detection(one, mask)) => {
            (labels::event_type(&one.event_type), parts::detection(&sight, &asked, &one, mask))
        }
    };
    let body = html! { main #main .risk .proof { (body) } };
    let zone = html! { a #zone .button href="?" hidden data-local="false" { "UTC" } };
    Ok(Looked::event(&id).on(answer(shell::page(&frame, &title, &body, &zone))))
}

/// The finding or risk detection of an identifier, as the caller knows it.
fn find(book: &Book, sight: &RiskSight, id: &str) -> Result<Option<Named>, ApiError> {
    let is_it = |own: &str, mask: Option<Mask>| {
        mask.is_some_and(|mask| sight.show_id(own, mask).eq_ignore_ascii_case(id))
    };
    let is_finding =
        |stored: &StoredFinding| is_it(&stored.finding.id.to_string(), mask_of(sight, stored));
    let is_detection = |one: &RiskDetection| is_it(&one.id, sight.mask(&one.subject, &one.name));
    let direct = book.finding(Id::from_text(id).0).map_err(refused)?.filter(is_finding);
    if let Some(stored) = direct {
        return Ok(Some(Named::Finding(Box::new(stored))));
    }
    if let Some(one) = book.risk_detection(id).map_err(refused)?.filter(is_detection) {
        return named(book, sight, one).map(Some);
    }
    if !sight.masks_names() {
        return Ok(None);
    }
    let mut query = FindingQuery { with_withdrawn: true, ..FindingQuery::default() };
    let mut seen = 0;
    while seen < SEARCHED_MAX {
        let batch = book.findings(&query).map_err(refused)?;
        let Some(last) = batch.last() else { break };
        query.after = Some((last.finding.last_micros, last.finding.id));
        seen += batch.len();
        if let Some(stored) = batch.into_iter().find(is_finding) {
            return Ok(Some(Named::Finding(Box::new(stored))));
        }
    }
    let mut query = DetectionQuery { reach: sight.reach(), ..DetectionQuery::default() };
    let mut seen = 0;
    while seen < SEARCHED_MAX {
        let batch = book.risk_detections(&query).map_err(refused)?;
        let Some(last) = batch.last() else { break };
        query.after = Some((last.detected_micros, last.number));
        seen += batch.len();
        if let Some(one) = batch.into_iter().find(is_detection) {
            return named(book, sight, one).map(Some);
        }
    }
    Ok(None)
}

/// The finding of a risk detection, where the caller may see it.
fn named(book: &Book, sight: &RiskSight, one: RiskDetection) -> Result<Named, ApiError> {
    let stored = match one.finding {
        Some(id) => book.finding(id).map_err(refused)?,
        None => None,
    };
    let seen = stored.filter(|stored| mask_of(sight, stored).is_some());
    Ok(match seen {
        Some(stored) => Named::Finding(Box::new(stored)),
        None => Named::Detection(Box::new(one)),
    })
}

fn render(caller: &Caller, asked: &Asked, shown: &Shown) -> Markup {
    let finding = &shown.stored.finding;
    let clear = is_clear(shown.mask);
    html! {
        p .trail { a href=(asked.scope.href("/protection/detections", &[])) { "Risk detections" }
            " / " (shown.told.title) }
        div .heading {
            h1 { (shown.told.title) " " (labels::finding_level(finding.level)) }
            div .actions { (actions(caller, shown)) }
        }
        (withdrawn(shown, asked.now))
        p .summary { (shown.told.words) }
        (about_whom(shown, asked.now))
        @if !clear {
            p .warning { "Names or addresses are masked for you, so what the finding says in words "
                "is left out." }
        }
        div .two-columns {
            div {
                @if clear && !finding.facts.is_empty() {
                    section .panel .part aria-label="What it rests on" {
                        h2 { "What it rests on" }
                        table .facts-table {
                            @for fact in &finding.facts {
                                tr { th scope="row" { (fact.label) } td { (fact.value) } }
                            }
                        }
                    }
                }
                @if let Some(trip) = &shown.trip { (journey(trip, asked.now)) }
            }
            div {
                (parts::against(finding, shown.about, clear))
                @if let Some(about) = shown.about { (parts::response(about)) }
                (parts::past(shown.similar))
            }
        }
        (evidence(shown, asked.now))
        @if let Some(about) = shown.about { (parts::method(about, &shown.settings)) }
    }
}

fn withdrawn(shown: &Shown, now: Timestamp) -> Markup {
    html! {
        @if let Some(at) = shown.stored.withdrawn_micros {
            p .warning role="note" {
                b { "Withdrawn" } " " (words::time(Timestamp::from_micros(at), now))
                ": records that arrived later took its reason away. It counts no more."
            }
        }
    }
}

/// Who, when, by which technique.
fn about_whom(shown: &Shown, now: Timestamp) -> Markup {
    let finding = &shown.stored.finding;
    let time = |micros| words::time(Timestamp::from_micros(micros), now);
    let (id, name) = &shown.who;
    let techniques = shown.about.map_or(&[][..], |about| about.techniques);
    html! {
        dl .facts .about-finding {
            dt { "About" }
            dd { (link_of(finding.subject.kind, id, name)) " "
                span .muted { "(" (labels::kind(finding.subject.kind)) ")" } }
            dt { "When" }
            dd {
                (time(finding.first_micros))
                @if finding.last_micros > finding.first_micros { " – " (time(finding.last_micros)) }
            }
            dt { "Could be known" } dd { (time(finding.found_micros)) }
            dt { "Written down" } dd { (time(shown.stored.recorded_micros)) }
            @if !techniques.is_empty() {
                dt { "Attack type" }
                dd {
                    @for id in techniques { div { (id) " " (labels::technique(id)) } }
                }
            }
        }
    }
}

fn actions(caller: &Caller, shown: &Shown) -> Markup {
    let finding = &shown.stored.finding;
    let (kind, (id, _)) = (finding.subject.kind, &shown.who);
    let is_subject = matches!(kind, SubjectKind::User | SubjectKind::Workload | SubjectKind::Agent);
    let back = shown.told.href();
    html! {
        a .button .primary href=(parts::all_sign_ins(finding, id)) { "All sign-ins around it" }
        @if is_subject {
            a .button href=(link::risky(kind, id)) { "Risk of this " (labels::kind(kind)) }
            @if act::may(caller, kind.name()) {
                (act::form_of_one(kind.name(), subjects::decisions(kind), id, &back))
            }
        }
    }
}

fn journey(trip: &Trip, now: Timestamp) -> Markup {
    html! {
        section .panel .part aria-label="The journey" {
            h2 { "From one place to the other" }
            @if let Some(arc) = trip.arc() { (world::map(&[], &[arc])) }
            (travel::list(std::slice::from_ref(trip), now))
        }
    }
}

/// The sign-ins, as a strip of time and as a table.
fn evidence(shown: &Shown, now: Timestamp) -> Markup {
    let finding = &shown.stored.finding;
    let named = finding.events.len();
    let unseen = named.saturating_sub(shown.events.len());
    html! {
        section .panel .part aria-label="Evidence" {
            h2 {
                "Evidence: " (grouped(finding.event_count))
                (if finding.event_count == 1 { " sign-in" } else { " sign-ins" })
            }
            @if finding.event_count > named as u64 && named > 0 {
                p .muted { "The latest " (named) " are named here." }
            }
            @if unseen > 0 {
                p .warning { (grouped(unseen as u64)) " of them "
                    (if unseen == 1 { "is" } else { "are" })
                    " not shown: you may not see them, or they are not kept any more." }
            }
            @if finding.events.is_empty() {
                p .muted { "No single sign-in tells it: it is about what did not happen, or about "
                    "many at once." }
            }
            @if !shown.events.is_empty() {
                (parts::strip(finding, &shown.events))
                (parts::table(finding, &shown.events, now))
            }
        }
    }
}
