//! Levels, detections and subjects as the pages of alerts, rules and detections write them.

use axum::response::Response;
use durward_detect::risk::SubjectKey;
use durward_detect::{Finding, Level, SubjectKind, detections};
use durward_model::Timestamp;
use maud::{Markup, html};

use crate::access::Looked;
use crate::page::{link, words};
use crate::params::encode;
use crate::risk::RiskSight;

/// Icon, word and tint of a level.
pub(in crate::page) fn level(level: Level) -> Markup {
    let (icon, word, class) = match level {
        Level::Low => ("▂", "Low", "low"),
        Level::Medium => ("▅", "Medium", "medium"),
        Level::High => ("█", "High", "high"),
    };
    html! { span .{ "sev " (class) } { span aria-hidden="true" { (icon) } " " (word) } }
}

/// The class that charts draw a level with.
pub(in crate::page) fn chart_class(level: Level) -> &'static str {
    match level {
        Level::Low => "c9",
        Level::Medium => "interrupted",
        Level::High => "failure",
    }
}

/// The name of a detection, or of a rule.
pub(in crate::page) fn detection_name(id: &str) -> String {
    match detections::about(id) {
        Some(about) => about.title.to_owned(),
        None => id.strip_prefix("rule:").unwrap_or(id).to_owned(),
    }
}

/// The page of a detection, or of a rule.
pub(in crate::page) fn detection_href(id: &str) -> String {
    let (mut href, id) = match id.strip_prefix("rule:") {
        Some(rule) => ("/rules/".to_owned(), rule),
        None => ("/detections/".to_owned(), id),
    };
    encode(id, &mut href);
    href
}

/// The page of whom something is about; `None` for the tenant.
pub(in crate::page) fn subject_href(kind: SubjectKind, id: &str) -> Option<String> {
    match kind {
        SubjectKind::User => Some(link::user(id)),
        SubjectKind::Workload | SubjectKind::Agent => Some(link::workload(id)),
        SubjectKind::Address => Some(link::ip(id)),
        SubjectKind::Tenant => None,
    }
}

/// A finding as somebody may see it.
pub(in crate::page) struct Seen {
    /// Where its evidence is shown.
    pub(in crate::page) href: String,
    pub(in crate::page) at: Timestamp,
    pub(in crate::page) level: Level,
    pub(in crate::page) subject_href: Option<String>,
    pub(in crate::page) subject: String,
    /// Without it where names or addresses in it are masked.
    pub(in crate::page) sentence: Option<String>,
}

impl Seen {
    /// `None` if it is nothing for them.
    pub(in crate::page) fn of(finding: &Finding, sight: &RiskSight) -> Option<Seen> {
        let subject = &finding.subject;
        let key = SubjectKey::new(&finding.tenant, subject.kind, &subject.id);
        let mask = sight.mask(&key, &subject.name)?;
        let is_clear = !mask.names && !mask.addresses;
        let shown = sight.show(&key, &subject.name, &subject.name, mask);
        let name = match subject.kind {
            SubjectKind::Address => sight.show_address(&subject.name, mask),
            _ => shown.name,
        };
        Some(Seen {
            href: format!("/protection/detections/{}", finding.id),
            at: Timestamp::from_micros(finding.last_micros),
            level: finding.level,
            subject_href: subject_href(subject.kind, &subject.id).filter(|_| is_clear),
            subject: name,
            sentence: is_clear.then(|| finding.sentence.clone()),
        })
    }
}

/// Findings as a table; `linked` where they are written down and have pages.
pub(in crate::page) fn findings(seen: &[Seen], linked: bool, now: Timestamp) -> Markup {
    html! {
        div .scroll tabindex="0" role="group" aria-label="Findings" {
            table .list .found-rows {
                thead {
                    tr {
                        th scope="col" { "Last sign-in (" span .zone { "UTC" } ")" }
                        th scope="col" { "Level" }
                        th scope="col" { "Entity" }
                        th scope="col" { "What" }
                    }
                }
                tbody {
                    @for one in seen {
                        tr .row {
                            td {
                                @if linked { a href=(one.href) { (words::time(one.at, now)) } }
                                @else { (words::time(one.at, now)) }
                            }
                            td { (level(one.level)) }
                            td {
                                @if let Some(href) = &one.subject_href {
                                    a href=(href) { (one.subject) }
                                } @else { (one.subject) }
                            }
                            td .told {
                                @match &one.sentence {
                                    Some(sentence) => (sentence),
                                    None => span .muted { "Names are masked for you." },
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The button for times in the viewer's zone, on pages without a range.
pub(in crate::page) fn zone() -> Markup {
    html! { a #zone .button href="?" hidden data-local="false" { "UTC" } }
}

/// An answer to a change of this, in these words, for the access log.
pub(in crate::page) fn changed(target: &str, what: String, response: Response) -> Response {
    let looked = Looked { target: Some(target.to_owned()), query: Some(what), ..Looked::default() };
    looked.on(response)
}
