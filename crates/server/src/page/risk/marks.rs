//! What was found about the sign-ins, users and networks that other pages show, for those who may
//! see it. One question to the book for all rows of a list.

use std::collections::HashMap;
use std::sync::Arc;

use durward_access::Right;
use durward_detect::book::{Badge, FindingQuery, StoredFinding};
use durward_detect::risk::SubjectKey;
use durward_detect::{Book, Level, SubjectKind};
use durward_model::{Event, Id, Timestamp};
use durward_query::Mask;
use maud::{Markup, html};

use crate::access::Caller;
use crate::app::App;
use crate::error::ApiError;
use crate::page::{link, words};
use crate::risk::{RiskSight, refused};

use super::labels;

/// Findings that a panel lists at most.
const LISTED_MAX: usize = 5;

/// What was found about each of some sign-ins.
pub(in crate::page) type Found = HashMap<Id, Vec<Badge>>;

/// Looks up what was found, as far as somebody may see it.
#[derive(Clone, Debug)]
pub(in crate::page) struct Marks {
    book: Option<(Arc<Book>, RiskSight)>,
}

/// A finding as somebody sees it.
#[derive(Clone, Debug)]
pub(in crate::page) struct Told {
    /// In addresses.
    pub(in crate::page) id: String,
    pub(in crate::page) title: String,
    pub(in crate::page) level: Level,
    /// The sentence, or where names are masked who it is about.
    pub(in crate::page) words: String,
    pub(in crate::page) last: Timestamp,
    /// The finding's texts may be read.
    pub(super) is_clear: bool,
    /// The sign-in that was asked for is the attacker's; `None` where none was.
    pub(in crate::page) is_risky: Option<bool>,
}

/// How clearly the subject of a finding is seen; `None` where it is not.
pub(super) fn mask_of(sight: &RiskSight, stored: &StoredFinding) -> Option<Mask> {
    let finding = &stored.finding;
    let subject = &finding.subject;
    let key = SubjectKey::new(&finding.tenant, subject.kind, &subject.id);
    sight.mask(&key, &subject.name)
}

/// Whom a finding is about, as somebody sees them: identifier and name.
pub(super) fn subject_of(
    sight: &RiskSight,
    stored: &StoredFinding,
    mask: Mask,
) -> (String, String) {
    let subject = &stored.finding.subject;
    if subject.kind == SubjectKind::Address {
        let shown = sight.show_address(&subject.id, mask);
        return (shown.clone(), shown);
    }
    let key = SubjectKey::new(&stored.finding.tenant, subject.kind, &subject.id);
    let shown = sight.show(&key, &subject.name, "", mask);
    (shown.id, shown.name)
}

/// Texts of a finding name people and addresses: may they be read?
pub(super) fn is_clear(mask: Mask) -> bool {
    !mask.names && !mask.addresses
}

impl Told {
    pub(super) fn of(sight: &RiskSight, stored: &StoredFinding) -> Option<Told> {
        let mask = mask_of(sight, stored)?;
        let finding = &stored.finding;
        let title = labels::detection(&finding.detection);
        let words = match is_clear(mask) {
            true => finding.sentence.clone(),
            false => format!("{title}: {}", subject_of(sight, stored, mask).1),
        };
        Some(Told {
            id: sight.show_id(&finding.id.to_string(), mask),
            title,
            level: finding.level,
            words,
            last: Timestamp::from_micros(finding.last_micros),
            is_clear: is_clear(mask),
            is_risky: None,
        })
    }

    pub(in crate::page) fn href(&self) -> String {
        link::finding(&self.id)
    }
}

impl Marks {
    /// What a caller may see of what was found.
    pub(in crate::page) fn of(app: &App, caller: &Caller) -> Marks {
        let may = caller.may(Right::ReadRisk);
        Marks { book: may.then(|| (app.detect.book.clone(), RiskSight::of(caller))) }
    }

    /// Nothing.
    pub(in crate::page) fn none() -> Marks {
        Marks { book: None }
    }

    /// What was found about each of these sign-ins.
    pub(in crate::page) fn look(&self, events: &[Event]) -> Result<Found, ApiError> {
        let Some((book, sight)) = &self.book else { return Ok(Found::new()) };
        let ids: Vec<Id> = events.iter().map(|event| event.row().id).collect();
        let badges = book.badges(&ids).map_err(refused)?;
        let is_clear = sight.reach().is_everything() && !sight.masks_names();
        let mut found = Found::new();
        for (event, mut badges) in badges {
            if !is_clear {
                // Of a finding about somebody else there is not even a mark.
                let mut seen = Vec::new();
                for mut badge in badges {
                    let stored = book.finding(badge.finding).map_err(refused)?;
                    let told = stored.and_then(|stored| Told::of(sight, &stored));
                    if let Some(told) = told {
                        badge.finding = Id::from_text(&told.id).0;
                        seen.push(badge);
                    }
                }
                badges = seen;
            }
            if !badges.is_empty() {
                found.insert(event, badges);
            }
        }
        Ok(found)
    }

    /// The findings that name a sign-in, the gravest first.
    pub(in crate::page) fn of_event(&self, event: Id) -> Result<Vec<Told>, ApiError> {
        let Some((book, sight)) = &self.book else { return Ok(Vec::new()) };
        let mut told = Vec::new();
        for badge in book.badges(&[event]).map_err(refused)?.remove(&event).unwrap_or_default() {
            let stored = book.finding(badge.finding).map_err(refused)?;
            if let Some(one) = stored.and_then(|stored| Told::of(sight, &stored)) {
                told.push(Told { is_risky: Some(badge.is_risky), ..one });
            }
        }
        Ok(told)
    }

    /// The newest findings about a user, a workload or an address, and whether there are more.
    pub(in crate::page) fn of_subject(
        &self,
        kinds: &[SubjectKind],
        id: &str,
    ) -> Result<(Vec<Told>, bool), ApiError> {
        let Some((book, sight)) = &self.book else { return Ok((Vec::new(), false)) };
        let mut told = Vec::new();
        for kind in kinds {
            let query = FindingQuery {
                kind: Some(*kind),
                subject: Some(id.to_owned()),
                limit: LISTED_MAX + 1,
                ..FindingQuery::default()
            };
            let found = book.findings(&query).map_err(refused)?;
            told.extend(found.iter().filter_map(|stored| Told::of(sight, stored)));
        }
        told.sort_by_key(|one| std::cmp::Reverse(one.last));
        let has_more = told.len() > LISTED_MAX;
        told.truncate(LISTED_MAX);
        Ok((told, has_more))
    }

    /// What the caller sees of the book; `None` for nothing.
    pub(super) fn seen(&self) -> Option<(&Book, &RiskSight)> {
        self.book.as_ref().map(|(book, sight)| (&**book, sight))
    }
}

/// The mark of a row: the gravest finding, and how many more there are.
pub(in crate::page) fn badge(badges: &[Badge]) -> Markup {
    let Some(first) = badges.first() else { return html! {} };
    let title = labels::detection(&first.detection);
    let role = if first.is_risky { "" } else { ", compared with" };
    let more = match badges.len() {
        1 => String::new(),
        count => format!(", and {} more", count - 1),
    };
    let label = format!("Found by durward: {title} ({}{role}){more}", first.level.name());
    html! {
        a .risk-mark .(first.level.name()) href=(link::finding(&first.finding.to_string()))
            title=(label) aria-label=(label) {
            span aria-hidden="true" { "◉" }
        }
    }
}

/// Findings, each with its sentence, for the pages of what they are about.
pub(in crate::page) fn panel(told: &[Told], has_more: Option<&str>, now: Timestamp) -> Markup {
    html! {
        @if !told.is_empty() {
            section .panel .findings aria-label="Findings" {
                header {
                    h2 { "Found by durward" }
                    @if let Some(more) = has_more { a href=(more) { "All" } }
                }
                ul {
                    @for one in told {
                        li {
                            (labels::finding_level(one.level)) " "
                            a href=(one.href()) { (one.title) }
                            " " span .muted { (words::time(one.last, now)) }
                            @match one.is_risky {
                                Some(true) => span .part { "the attacker’s" },
                                Some(false) => span .part { "compared with" },
                                None => {},
                            }
                            p { (one.words) }
                        }
                    }
                }
            }
        }
    }
}
