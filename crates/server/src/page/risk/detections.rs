//! Risk detections and findings: what was found, about whom, by what.
//!
//! Users, workload identities and agents have risk detections: of durward, of the log's source, or
//! confirmations. Networks and the tenant have none, so that tab lists findings; the last one
//! lists the findings of all kinds, those too that are no risk.

use std::sync::Arc;

use axum::extract::{Extension, State as Shared};
use axum::http::Uri;
use axum::response::Response;
use durward_detect::book::{FindingQuery, StoredFinding};
use durward_detect::risk::{DetectionQuery, Origin, RiskDetection, RiskLevel, RiskState};
use durward_detect::{Book, Level, SubjectKind, Timing, detections};
use durward_model::Timestamp;
use durward_query::Mask;
use maud::{Markup, html};

use crate::access::{Asking, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::page::shell::{self, Frame};
use crate::page::state::grouped;
use crate::page::{answer, link, words};
use crate::risk::{RiskSight, refused, run};

use super::list::{self, Asked, Choice, PAGE_ROWS};
use super::marks::{Told, mask_of, subject_of};
use super::{labels, link_of};

const TITLE: &str = "Risk detections";
/// Findings looked at for one page; where a caller sees few of them, a page is shorter.
const LOOKED_AT_MAX: usize = 5000;

/// A tab: in addresses, its label, and the kinds of its subjects.
type Tab = (&'static str, &'static str, &'static [SubjectKind]);
const TABS: [Tab; 5] = [
    ("", "Users", &[SubjectKind::User]),
    ("workload", "Workload identities", &[SubjectKind::Workload]),
    ("agent", "Agents", &[SubjectKind::Agent]),
    ("network", "Tenant and networks", &[SubjectKind::Address, SubjectKind::Tenant]),
    ("all", "All findings", &[]),
];

/// What a row shows.
struct Line {
    at: Timestamp,
    href: String,
    who: Markup,
    title: String,
    words: String,
    state: Option<RiskState>,
    level: RiskLevel,
    source: &'static str,
    techniques: Markup,
    timing: &'static str,
    place: String,
}

#[derive(Default)]
struct Found {
    lines: Vec<Line>,
    next: Option<String>,
    /// Detections or types to choose from.
    choices: Vec<(String, String)>,
}

/// `GET /protection/detections`
pub(super) async fn page(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let asked = Asked::read(&uri, "30d")?;
    let chosen = asked.get("kind").unwrap_or_default();
    let tab = TABS.into_iter().find(|(name, ..)| *name == chosen).ok_or_else(|| {
        ApiError::bad_request("'kind' must be workload, agent, network or all").parameter("kind")
    })?;
    let of_findings = matches!(tab.0, "network" | "all");
    let (kept, sight) = (asked.clone(), RiskSight::of(&caller));
    let found = run(&app, move |book| match of_findings {
        true => findings(book, &sight, &kept, tab.2),
        false => risk_detections(book, &sight, &kept, tab.2),
    })
    .await?;
    let mut choices = vec![
        Choice { name: "detection", label: "Detection", options: found.choices.clone() },
        list::levels(),
    ];
    if !of_findings {
        let sources = [Origin::Finding, Origin::Source, Origin::Administrator];
        let options = sources.map(|one| (one.name().to_owned(), source(one).to_owned()));
        choices.push(list::states());
        choices.push(Choice { name: "source", label: "Source", options: options.to_vec() });
    }
    let body = html! {
        main #main .risk {
            div .heading { h1 { (TITLE) } }
            nav .tabs aria-label="About whom" {
                @for (name, label, _) in TABS {
                    @let pair = (!name.is_empty()).then_some(("kind", name));
                    a href=(asked.scope.href(&asked.path, pair.as_slice()))
                        aria-current=[(name == tab.0).then_some("page")] { (label) }
                }
            }
            (list::filters(&asked, &choices, false))
            section .panel aria-label=(TITLE) {
                @if found.lines.is_empty() {
                    (list::nothing(&asked, "Nothing found",
                        "No detection about these in this range that you may see.", true))
                } @else { (table(&found.lines, asked.now, of_findings)) }
                @if !found.lines.is_empty() || found.next.is_some() {
                    (list::pages(&asked, found.lines.len(), found.next.clone()))
                }
            }
        }
    };
    let page = shell::page(&frame, TITLE, &body, &asked.controls());
    Ok(Looked::rows(found.lines.len()).on(answer(page)))
}

/// Where a risk detection comes from, in words.
pub(super) fn source(origin: Origin) -> &'static str {
    match origin {
        Origin::Finding => "Local rule",
        Origin::Source => "Microsoft",
        Origin::Administrator => "Administrator",
    }
}

fn risk_detections(
    book: &Book,
    sight: &RiskSight,
    asked: &Asked,
    kinds: &[SubjectKind],
) -> Result<Found, ApiError> {
    let (from_micros, to_micros) = asked.span();
    let origin = asked.get("source").map(|name| {
        let wrong = || ApiError::bad_request(format!("there is no source '{name}'"));
        Origin::from_name(name).ok_or_else(|| wrong().parameter("source"))
    });
    let all = DetectionQuery {
        reach: sight.reach(),
        kinds: kinds.to_vec(),
        from_micros,
        to_micros,
        ..DetectionQuery::default()
    };
    let counts = book.count_risk_detections(&all).map_err(refused)?;
    let counted = counts.into_iter().map(|((event_type, _), count)| (event_type, count));
    let mut query = DetectionQuery {
        states: asked.state()?.into_iter().collect(),
        levels: asked.level()?.into_iter().collect(),
        event_type: asked.get("detection").map(str::to_owned),
        origin: origin.transpose()?,
        after: asked.after_number()?,
        limit: PAGE_ROWS + 1,
        ..all
    };
    let mut found = Found { choices: choices(counted, labels::event_type), ..Found::default() };
    let mut looked_at = 0;
    // What one tenant's page leaves out is made up for by the next rows.
    loop {
        let batch = book.risk_detections(&query).map_err(refused)?;
        let is_last = batch.len() <= PAGE_ROWS;
        looked_at += batch.len();
        for one in &batch {
            if found.lines.len() == PAGE_ROWS {
                found.next = query.after.map(|(at, number)| format!("{at}.{number}"));
                return Ok(found);
            }
            query.after = Some((one.detected_micros, one.number));
            if asked.is_of_tenant(&one.subject.tenant) {
                found.lines.extend(of_detection(book, sight, one)?);
            }
        }
        if is_last || looked_at > LOOKED_AT_MAX {
            return Ok(found);
        }
    }
}

/// Values with their counts, the most frequent first.
fn choices(
    counted: impl Iterator<Item = (String, u64)>,
    label: impl Fn(&str) -> String,
) -> Vec<(String, String)> {
    let mut sums: Vec<(String, u64)> = Vec::new();
    for (name, count) in counted {
        match sums.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += count,
            None => sums.push((name, count)),
        }
    }
    sums.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let option = |(name, count): (String, u64)| {
        let label = format!("{} ({})", label(&name), grouped(count));
        (name, label)
    };
    sums.into_iter().map(option).collect()
}

/// A risk detection as a row; `None` where the caller does not see whom it is about.
fn of_detection(
    book: &Book,
    sight: &RiskSight,
    one: &RiskDetection,
) -> Result<Option<Line>, ApiError> {
    let Some(mask) = sight.mask(&one.subject, &one.name) else { return Ok(None) };
    let shown = sight.show(&one.subject, &one.name, &one.subject_facts.display_name, mask);
    let finding = match one.finding {
        Some(id) => book.finding(id).map_err(refused)?,
        None => None,
    };
    let told = finding.as_ref().and_then(|stored| Told::of(sight, stored));
    let title = match &finding {
        Some(stored) => labels::detection(&stored.finding.detection),
        None => labels::event_type(&one.event_type),
    };
    let own = || link::finding(&sight.show_id(&one.id, mask));
    let techniques = one.facts.techniques.split(',').map(str::trim).filter(|id| !id.is_empty());
    Ok(Some(Line {
        at: Timestamp::from_micros(one.detected_micros),
        // Of a campaign that a subject is a part of, others may not be theirs to see.
        href: told.as_ref().map_or_else(own, Told::href),
        who: link_of(one.subject.kind, &shown.id, &shown.display_name),
        title,
        words: told.map(|told| told.words).unwrap_or_default(),
        state: Some(one.state),
        level: one.level,
        source: source(one.origin),
        techniques: labels::techniques(techniques),
        timing: labels::timing(&one.timing),
        place: place(&one.facts.location, mask),
    }))
}

/// City and country; they tell of the address.
pub(super) fn place([city, _, country]: &[String; 3], mask: Mask) -> String {
    if mask.addresses {
        return String::new();
    }
    let parts = [city, country].into_iter().filter(|part| !part.is_empty());
    parts.map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn findings(
    book: &Book,
    sight: &RiskSight,
    asked: &Asked,
    kinds: &[SubjectKind],
) -> Result<Found, ApiError> {
    let (from_micros, to_micros) = asked.span();
    let level = asked.level()?;
    let least = level.and_then(|level| Level::from_name(level.name()));
    let base = FindingQuery { from_micros, to_micros, ..FindingQuery::default() };
    let kinds: Vec<Option<SubjectKind>> = match kinds {
        [] => vec![None],
        kinds => kinds.iter().copied().map(Some).collect(),
    };
    let mut found = Found::default();
    let mut counted = Vec::new();
    if sight.reach().is_everything() {
        for kind in &kinds {
            let counts = book.count_findings(&FindingQuery { kind: *kind, ..base.clone() });
            counted.extend(counts.map_err(refused)?);
        }
    }
    let counted = counted.into_iter().map(|((detection, _), count)| (detection, count));
    found.choices = choices(counted, labels::detection);
    let mut after = asked.after_id()?;
    for _ in 0..LOOKED_AT_MAX / PAGE_ROWS {
        let mut batch: Vec<StoredFinding> = Vec::new();
        for kind in &kinds {
            let query = FindingQuery {
                kind: *kind,
                detection: asked.get("detection").map(str::to_owned),
                least,
                after,
                limit: PAGE_ROWS + 1,
                ..base.clone()
            };
            batch.extend(book.findings(&query).map_err(refused)?);
        }
        let key = |stored: &StoredFinding| (stored.finding.last_micros, stored.finding.id);
        batch.sort_by_key(|stored| std::cmp::Reverse(key(stored)));
        let is_last = batch.len() <= PAGE_ROWS;
        batch.truncate(PAGE_ROWS + 1);
        for stored in &batch {
            if found.lines.len() == PAGE_ROWS {
                found.next = after.map(|(at, id)| format!("{at}.{id}"));
                return Ok(found);
            }
            after = Some(key(stored));
            let is_wanted = asked.is_of_tenant(&stored.finding.tenant)
                && level.is_none_or(|level| level == stored.finding.level.into());
            found.lines.extend(is_wanted.then(|| of_finding(sight, stored)).flatten());
        }
        if is_last {
            return Ok(found);
        }
    }
    found.next = after.map(|(at, id)| format!("{at}.{id}"));
    Ok(found)
}

fn of_finding(sight: &RiskSight, stored: &StoredFinding) -> Option<Line> {
    let told = Told::of(sight, stored)?;
    let mask = mask_of(sight, stored)?;
    let finding = &stored.finding;
    let (id, name) = subject_of(sight, stored, mask);
    let about = detections::about(&finding.detection);
    Some(Line {
        at: Timestamp::from_micros(finding.found_micros),
        href: told.href(),
        who: link_of(finding.subject.kind, &id, &name),
        title: told.title,
        words: told.words,
        state: None,
        level: finding.level.into(),
        source: "Local rule",
        techniques: labels::techniques(
            about.map_or(&[][..], |about| about.techniques).iter().copied(),
        ),
        timing: match about.map(|about| about.timing) {
            Some(Timing::RealTime) => "Real-time",
            _ => "Offline",
        },
        place: place(&finding.location, mask),
    })
}

fn table(lines: &[Line], now: Timestamp, of_findings: bool) -> Markup {
    html! {
        div .scroll tabindex="0" role="group" aria-label=(TITLE) {
            table .list .told-rows {
                thead {
                    tr {
                        th scope="col" { "Detection time (" span .zone { "UTC" } ")" }
                        th scope="col" { (if of_findings { "About" } else { "User or workload" }) }
                        th scope="col" { "Detection type" }
                        @if !of_findings { th scope="col" { "Risk state" } }
                        @for name in ["Risk level", "Source", "Attack type", "Timing", "Location"] {
                            th scope="col" { (name) }
                        }
                    }
                }
                tbody { @for line in lines { (row(line, now)) } }
            }
        }
    }
}

fn row(line: &Line, now: Timestamp) -> Markup {
    html! {
        tr .row .has-words[!line.words.is_empty()] {
            td { (words::time(line.at, now)) }
            td { (line.who) }
            td .type {
                a href=(line.href) { (line.title) }
                @if !line.words.is_empty() { p .muted title=(line.words) { (line.words) } }
            }
            @if let Some(state) = line.state { td { (labels::state(state)) } }
            td { (labels::level(line.level)) }
            td { (line.source) }
            td { (line.techniques) }
            td { (line.timing) }
            td { (line.place) }
        }
    }
}
