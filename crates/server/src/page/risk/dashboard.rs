//! The front page of ID Protection: what was found and stopped, by what, against whom, and how far
//! the watch is.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Extension, State as Shared};
use axum::http::Uri;
use axum::response::Response;
use durward_detect::book::FindingQuery;
use durward_detect::risk::{
    AttackCount, DecisionRecord, DetectionOrder, DetectionQuery, RiskDashboard, RiskLevel,
    RiskState, RiskySubject, SubjectKey, SubjectQuery,
};
use durward_detect::{Book, SubjectKind, WatchStatus};
use durward_model::time::DAY_MICROS;
use durward_model::{FieldId, Timestamp};
use maud::{Markup, html};

use crate::access::{Asking, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::page::charts::{self, Series, Shape, TimeChart};
use crate::page::entity::spark::share;
use crate::page::entity::world::{self, Point};
use crate::page::shell::{self, Frame};
use crate::page::state::grouped;
use crate::page::{answer, link, words};
use crate::risk::{RiskSight, refused};

use super::list::Asked;
use super::{labels, link_of, shown, sign_ins};

const TITLE: &str = "ID Protection";
/// Bars of the chart at most.
const BARS_MAX: i64 = 60;
/// Lines of each list.
const LINES: usize = 8;
/// Subjects of which the most active are picked.
const SUBJECTS_MAX: usize = 200;
/// Risky sign-ins on the map, the newest.
const MAPPED_MAX: usize = 500;

/// A decision, about whom, and what they are called here.
type Decided = (SubjectKey, String, String, DecisionRecord);

/// Everything the page shows.
struct Found {
    board: RiskDashboard,
    chart: TimeChart,
    /// Detections and how often each found something.
    top: Vec<(String, u64)>,
    subjects: Vec<(RiskySubject, String, String)>,
    recent: Vec<Decided>,
    places: Vec<Point>,
    mapped: usize,
}

/// `GET /protection`
pub(super) async fn page(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let asked = Asked::read(&uri, "30d")?;
    let (kept, shared, sight) = (asked.clone(), app.clone(), RiskSight::of(&caller));
    let found = app
        .ask(&caller, move |reader| {
            let book = &shared.detect.book;
            let board = book.risk_dashboard(&sight.reach(), kept.now.micros).map_err(refused)?;
            let risky = sign_ins::look(reader, book, &sight, &kept, (0, MAPPED_MAX))?;
            Ok(Found {
                board,
                chart: daily(book, &sight, &kept)?,
                top: top(book, &sight, &kept)?,
                subjects: most_at_risk(book, &sight)?,
                recent: recent(book, &sight)?,
                places: places(&kept, &risky.lines),
                mapped: risky.lines.len(),
            })
        })
        .await?;
    let status = app.detect.status();
    let body = html! {
        main #main .risk {
            div .heading {
                h1 { (TITLE) }
                div .actions {
                    a .button href=(asked.scope.href("/protection/detections", &[])) {
                        "Risk detections"
                    }
                }
            }
            (watch(status.as_ref(), asked.now))
            (super::list::done(&asked))
            (render(&asked, &found))
        }
    };
    let page = shell::page(&frame, TITLE, &body, &asked.controls());
    Ok(Looked::rows(found.top.len()).on(answer(page)))
}

/// How far the watch is.
fn watch(status: Option<&WatchStatus>, now: Timestamp) -> Markup {
    let time = |micros| words::time(Timestamp::from_micros(micros), now);
    html! {
        @match status {
            None => p .warning {
                "Nobody watches the log: detections are turned off on this server."
            },
            Some(status) => {
                p .watch role="status" {
                    @if let Some((at, to)) = status.catching_up {
                        span .dot .interrupted {} " Catching up: looked at up to " (time(at))
                        ", and history ends at " (time(to)) ". What is shown grows until then."
                    } @else if let Some(at) = status.at_micros {
                        span .dot .success {} " Watching: looked at everything up to " (time(at)) "."
                    } @else { span .dot {} " The first look at the log has not ended yet." }
                    " " span .muted { (grouped(status.seen)) " sign-ins since the start" }
                }
                @if !status.error.is_empty() {
                    p .problem role="alert" {
                        b { "✖ The last look failed: " } (status.error)
                        ". It is tried again; the log of the server says more."
                    }
                }
            },
        }
    }
}

/// Tenants whose findings of all kinds are seen; `None` where only some subjects are.
fn whole_tenants(sight: &RiskSight) -> Option<Option<Vec<String>>> {
    let parts = sight.reach().0;
    if parts.is_empty() || parts.iter().any(|part| !part.users.is_empty()) {
        return None;
    }
    if parts.iter().any(|part| part.tenants.is_empty()) {
        return Some(None);
    }
    Some(Some(parts.into_iter().flat_map(|part| part.tenants).collect()))
}

/// Tenants to count findings of, with the one of the page.
fn tenants(sight: &RiskSight, asked: &Asked) -> Option<Option<Vec<String>>> {
    let seen = whole_tenants(sight)?;
    let Some(own) = &asked.scope.tenant else { return Some(seen) };
    let is_seen = seen.is_none_or(|seen| seen.iter().any(|one| one.eq_ignore_ascii_case(own)));
    Some(Some(if is_seen { vec![own.clone()] } else { Vec::new() }))
}

/// What was found in a span, by detection and level: findings, or for those who see some subjects
/// only, these subjects' risk detections.
fn counts(
    book: &Book,
    sight: &RiskSight,
    asked: &Asked,
    (from, to): (Option<i64>, Option<i64>),
) -> Result<Vec<(String, RiskLevel, u64)>, ApiError> {
    if let Some(tenants) = tenants(sight, asked) {
        let query =
            FindingQuery { tenants, from_micros: from, to_micros: to, ..FindingQuery::default() };
        let counts = book.count_findings(&query).map_err(refused)?;
        return Ok(counts
            .into_iter()
            .map(|((id, level), count)| (id, level.into(), count))
            .collect());
    }
    let query = DetectionQuery {
        reach: sight.reach(),
        order: DetectionOrder::Activity,
        from_micros: from,
        to_micros: to,
        ..DetectionQuery::default()
    };
    let counts = book.count_risk_detections(&query).map_err(refused)?;
    Ok(counts.into_iter().map(|((name, level), count)| (name, level, count)).collect())
}

/// Findings over time by level.
fn daily(book: &Book, sight: &RiskSight, asked: &Asked) -> Result<TimeChart, ApiError> {
    let now = asked.now;
    let oldest = now.micros - 90 * DAY_MICROS;
    let (from, to) = asked.scope.ends(now, Some((oldest, now.micros)));
    let (bin, _) = charts::bin_of((to - from).max(1), BARS_MAX);
    // Days are what people count attacks by.
    let bin = if to - from > 2 * DAY_MICROS { bin.max(DAY_MICROS) } else { bin };
    let first = from.div_euclid(bin);
    let bins = (to.div_euclid(bin) - first + 1).clamp(1, BARS_MAX + 1);
    let levels = [RiskLevel::High, RiskLevel::Medium, RiskLevel::Low];
    let mut values = levels.map(|_| Vec::new());
    for number in 0..bins {
        let start = (first + number) * bin;
        let found = counts(book, sight, asked, (Some(start), Some(start + bin)))?;
        for (level, values) in levels.iter().zip(&mut values) {
            values.push(found.iter().filter(|(_, of, _)| of == level).map(|(.., n)| n).sum());
        }
    }
    let [high, medium, low] = values;
    let series = |name: &str, class, values| Series { name: name.to_owned(), class, values };
    Ok(TimeChart {
        id: "findings",
        title: format!("Findings by level, {}", asked.scope.label().to_lowercase()),
        shape: Shape::Bars,
        first_micros: first * bin,
        bin_micros: bin,
        series: vec![
            series("High", "failure", high),
            series("Medium", "interrupted", medium),
            series("Low", "success", low),
        ],
    })
}

/// Detections of the range, those that found most first.
fn top(book: &Book, sight: &RiskSight, asked: &Asked) -> Result<Vec<(String, u64)>, ApiError> {
    let mut sums: HashMap<String, u64> = HashMap::new();
    for (id, _, count) in counts(book, sight, asked, asked.span())? {
        *sums.entry(id).or_default() += count;
    }
    let mut sums: Vec<(String, u64)> = sums.into_iter().collect();
    sums.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    sums.truncate(LINES);
    Ok(sums)
}

/// Subjects at risk: the gravest, with most that is open.
fn most_at_risk(
    book: &Book,
    sight: &RiskSight,
) -> Result<Vec<(RiskySubject, String, String)>, ApiError> {
    let mut found = Vec::new();
    for level in [RiskLevel::High, RiskLevel::Medium, RiskLevel::Low] {
        let query = SubjectQuery {
            reach: sight.reach(),
            states: vec![RiskState::AtRisk, RiskState::ConfirmedCompromised],
            levels: vec![level],
            limit: SUBJECTS_MAX,
            ..SubjectQuery::default()
        };
        let mut of_level = book.risky_subjects(&query).map_err(refused)?;
        of_level.sort_by_key(|subject| std::cmp::Reverse(subject.active));
        found.extend(of_level.into_iter().take(LINES - found.len()));
        if found.len() >= LINES {
            break;
        }
    }
    let line = |subject: RiskySubject| {
        let mask = sight.mask(&subject.key, &subject.name)?;
        let who = sight.show(&subject.key, &subject.name, &subject.facts.display_name, mask);
        Some((subject, who.id, who.display_name))
    };
    Ok(found.into_iter().filter_map(line).collect())
}

fn recent(book: &Book, sight: &RiskSight) -> Result<Vec<Decided>, ApiError> {
    let found = book.recent_decisions(&sight.reach(), LINES).map_err(refused)?;
    let line = |(key, name, decision): (SubjectKey, String, DecisionRecord)| {
        let mask = sight.mask(&key, &name)?;
        let who = sight.show(&key, &name, "", mask);
        Some((key, who.id, who.display_name, decision))
    };
    Ok(found.into_iter().filter_map(line).collect())
}

/// Where the risky sign-ins came from.
fn places(asked: &Asked, lines: &[sign_ins::Line]) -> Vec<Point> {
    let mut points: Vec<(String, Point)> = Vec::new();
    for line in lines {
        let text = |field: FieldId| line.event.cell(field).to_string();
        let place = world::coordinates(&text(FieldId::Latitude), &text(FieldId::Longitude));
        let Some((latitude, longitude)) = place else { continue };
        let label = shown(&line.event, "location");
        if let Some((_, point)) = points.iter_mut().find(|(known, _)| *known == label) {
            point.count += 1;
            continue;
        }
        let terms = [
            link::is("location/countryOrRegion", &text(FieldId::CountryOrRegion)),
            link::is("location/city", &text(FieldId::City)),
        ];
        let href = link::signins(&asked.scope, None, &terms);
        let point =
            Point { latitude, longitude, label: label.clone(), count: 1, is_bad: true, href };
        points.push((label, point));
    }
    points.sort_by_key(|(_, point)| std::cmp::Reverse(point.count));
    points.into_iter().map(|(_, point)| point).collect()
}

fn render(asked: &Asked, found: &Found) -> Markup {
    let board = &found.board;
    let is_empty = found.chart.series.iter().all(|one| one.values.iter().all(|n| *n == 0));
    html! {
        (cards(board))
        div .risk-grid {
            section .panel .part .wide-part aria-label="Findings per day" {
                h2 { "Findings by level, " (asked.scope.label().to_lowercase()) }
                @if is_empty {
                    p .muted { "Nothing was found in this range." }
                } @else {
                    (found.chart.render(&asked.scope, &|scope| {
                        scope.href("/protection/detections", &[("kind", "all")])
                    }))
                }
            }
            (attacks(&board.attacks))
            section .panel .part aria-label="Top detections" {
                h2 { "Top detections" }
                (top_list(asked, &found.top))
            }
            section .panel .part aria-label="Most at risk" {
                h2 { "Most at risk" }
                (subject_list(&found.subjects))
            }
            section .panel .part aria-label="Recent activity" {
                h2 { "Recent activity" }
                (activity(&found.recent, asked.now))
            }
            (map(asked, found))
        }
    }
}

fn cards(board: &RiskDashboard) -> Markup {
    let minutes = board.mean_remediation_micros.map(|micros| micros / 60_000_000);
    let mean = minutes.map_or_else(
        || "–".to_owned(),
        |minutes| match minutes {
            ..120 => format!("{minutes} min"),
            120..2880 => format!("{} h", minutes / 60),
            _ => format!("{} days", minutes / 1440),
        },
    );
    let cards: [(&str, String, &str, &str); 4] = [
        (
            "Attacks blocked",
            grouped(board.attacks_blocked),
            "/protection/detections?t=1y&kind=all",
            "Findings none of whose sign-ins succeeded",
        ),
        (
            "Users protected",
            grouped(board.users_protected),
            "/protection/users?state=remediated",
            "Users whose risk was remediated, or settled by somebody",
        ),
        (
            "Mean time to remediate",
            mean,
            "/protection/users?state=remediated",
            "From being at risk to a new password or a second factor of the user’s own",
        ),
        (
            "New high-risk users",
            grouped(board.new_high_risk_users),
            "/protection/users?level=high",
            "Users who came to high risk",
        ),
    ];
    html! {
        div .risk-cards {
            @for (title, number, href, what) in &cards {
                a .panel .risk-card href=(href) {
                    span { (title) }
                    b { (number) }
                    span .muted .small { (what) ", in 12 months or what there is" }
                }
            }
        }
    }
}

/// Attack types: detections by their first technique.
fn attacks(attacks: &[AttackCount]) -> Markup {
    let mut by_technique: Vec<(&str, [u64; 3])> = Vec::new();
    for attack in attacks {
        let Some(id) = attack.techniques.first() else { continue };
        let counts = [attack.blocked, attack.settled, attack.open];
        match by_technique.iter_mut().find(|(known, _)| known == id) {
            Some((_, sums)) => sums.iter_mut().zip(counts).for_each(|(sum, more)| *sum += more),
            None => by_technique.push((id, counts)),
        }
    }
    let total = |counts: &[u64; 3]| counts.iter().sum::<u64>();
    by_technique.sort_by_key(|(_, counts)| std::cmp::Reverse(total(counts)));
    let most = by_technique.first().map_or(0, |(_, counts)| total(counts));
    html! {
        section .panel .part aria-label="Attack types" {
            h2 { "Attack types by MITRE ATT&CK technique, last 30 days" }
            @if by_technique.is_empty() { p .muted { "None." } }
            @else {
                div .scroll tabindex="0" role="group" aria-label="Attack types" {
                    table .shares {
                        thead {
                            tr {
                                th scope="col" { "Technique" }
                                th scope="col" { span .visually-hidden { "Share" } }
                                @for name in ["Blocked", "Settled", "Open"] {
                                    th scope="col" .number { (name) }
                                }
                            }
                        }
                        tbody {
                            @for (id, counts) in by_technique.iter().take(LINES) {
                                tr {
                                    th scope="row" {
                                        (id) " " span .muted { (labels::technique(id)) }
                                    }
                                    td .shared { (share(total(counts), most)) }
                                    @for count in counts { td .number { (grouped(*count)) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn top_list(asked: &Asked, top: &[(String, u64)]) -> Markup {
    let most = top.first().map_or(0, |(_, count)| *count);
    let href = |id: &str| {
        asked.scope.href("/protection/detections", &[("kind", "all"), ("detection", id)])
    };
    html! {
        @if top.is_empty() { p .muted { "None in this range." } }
        table .shares {
            @for (id, count) in top {
                tr {
                    th scope="row" {
                        a href=(href(id)) {
                            // Those who see some subjects only get types of risk.
                            @let title = labels::detection(id);
                            (if title == *id { labels::event_type(id) } else { title })
                        }
                    }
                    td .shared { (share(*count, most)) }
                    td .number { (grouped(*count)) }
                }
            }
        }
    }
}

fn subject_list(subjects: &[(RiskySubject, String, String)]) -> Markup {
    html! {
        @if subjects.is_empty() { p .muted { "Nobody is at risk." } }
        table .shares {
            @for (subject, id, name) in subjects {
                tr {
                    th scope="row" { (link_of(subject.key.kind, id, name)) }
                    td { (labels::level(subject.level)) }
                    td .number { (grouped(subject.active)) " open" }
                }
            }
        }
    }
}

fn activity(recent: &[Decided], now: Timestamp) -> Markup {
    html! {
        @if recent.is_empty() { p .muted { "Nobody has decided about a risk yet." } }
        ol .risk-history {
            @for (key, id, name, decision) in recent {
                li {
                    (link_of(key.kind, id, name)) " "
                    (super::decision(decision, key.kind, now))
                }
            }
        }
    }
}

fn map(asked: &Asked, found: &Found) -> Markup {
    html! {
        section .panel .part .wide-part aria-label="Risky sign-ins on the map" {
            h2 { "Where risky sign-ins came from" }
            @if found.places.is_empty() {
                p .muted { "No risky sign-in of this range has a place." }
            } @else {
                (world::map(&found.places, &[]))
                ul .top-places {
                    @for point in found.places.iter().take(LINES) {
                        li {
                            a href=(point.href) { (point.label) } " "
                            span .muted { (point.count) }
                        }
                    }
                }
                p .rest {
                    a href=(asked.scope.href("/protection/sign-ins", &[])) {
                        @if found.mapped == MAPPED_MAX { "The latest " }
                        (grouped(found.mapped as u64)) " risky sign-ins"
                    }
                    " · "
                    a href=(asked.scope.href("/map", &[])) { "The map of all, with journeys" }
                }
            }
        }
    }
}

/// Kinds that have a page of their risk.
pub(super) fn has_page(kind: SubjectKind) -> bool {
    matches!(kind, SubjectKind::User | SubjectKind::Workload | SubjectKind::Agent)
}
