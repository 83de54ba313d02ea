//! What a receiver is told, before it is written as the receiver wants it.
//!
//! Texts come from records and so, in part, from attackers. They are cut, and have no control
//! characters; the templates see to it that nothing in them is markup.

use durward_detect::alerts::{Alert, Attached, DeliveryKind, Due};
use durward_detect::{Finding, Level, detections};
use durward_model::{Id, Timestamp};

/// Longest text of any kind, in characters.
const TEXT_MAX: usize = 400;
/// Findings, and facts of each, that are told.
const FINDINGS_TOLD: usize = 5;
const FACTS_TOLD: usize = 8;
/// Alerts that a summary lists.
const LISTED: usize = 20;

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Opened,
    Raised,
    Digest,
    Test,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Opened => "alert.opened",
            Kind::Raised => "alert.raised",
            Kind::Digest => "alert.digest",
            Kind::Test => "test",
        }
    }
}

/// A finding, as it is told.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) detection: String,
    pub(super) title: String,
    pub(super) level: Level,
    pub(super) sentence: String,
    pub(super) techniques: Vec<String>,
    pub(super) facts: Vec<(String, String)>,
    pub(super) against: Vec<String>,
}

/// An alert of a summary.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) number: i64,
    pub(super) severity: Level,
    pub(super) title: String,
    pub(super) link: Option<String>,
}

/// A message.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// The same whenever the same is sent again.
    pub(super) id: Id,
    pub(super) kind: Kind,
    pub(super) severity: Option<Level>,
    /// One line.
    pub(super) title: String,
    pub(super) alert: Option<i64>,
    /// The page to look at.
    pub(super) link: Option<String>,
    pub(super) tenant: String,
    /// Kind, identifier, name.
    pub(super) subject: Option<[String; 3]>,
    pub(super) place: String,
    pub(super) address: String,
    pub(super) first: Option<Timestamp>,
    pub(super) last: Option<Timestamp>,
    pub(super) sign_ins: u64,
    pub(super) findings: Vec<Told>,
    /// Of a summary: how many alerts, and the most severe of them.
    pub(super) count: u64,
    pub(super) alerts: Vec<Listed>,
}

impl Message {
    /// A message that only shows that messages arrive.
    pub(super) fn test(channel: &str, pages: Option<&str>) -> Message {
        let title = format!("Test of the channel \u{201c}{}\u{201d}: it works.", clean(channel));
        let name = format!("test {channel} {}", Timestamp::now().micros);
        let link = pages.map(|pages| format!("{pages}/alerts"));
        Message { link, ..Message::empty(Id::hash(name.as_bytes()), Kind::Test, title) }
    }

    /// What is due; `None` if there is nothing to tell any more.
    pub(super) fn of(due: &Due, pages: Option<&str>) -> Option<Message> {
        let kind = match due.delivery.kind {
            DeliveryKind::Digest => return Some(Message::digest(due, pages)),
            DeliveryKind::Opened => Kind::Opened,
            DeliveryKind::Raised => Kind::Raised,
        };
        let alert = due.alerts.first()?;
        let main = due.findings.iter().find_map(|one| one.finding.as_ref());
        let place = main.map(place_of).unwrap_or_default();
        let address = main.map(|finding| clean(&finding.address)).unwrap_or_default();
        let subject = &alert.subject;
        let subject = [subject.kind.name(), &subject.id, &subject.name].map(clean);
        Some(Message {
            severity: Some(alert.severity),
            alert: Some(alert.number),
            link: link_to(pages, alert.number),
            tenant: clean(&alert.tenant),
            subject: Some(subject),
            place,
            address,
            first: Some(Timestamp::from_micros(alert.first_micros)),
            last: Some(Timestamp::from_micros(alert.last_micros)),
            sign_ins: alert.sign_ins,
            findings: due.findings.iter().take(FINDINGS_TOLD).map(told).collect(),
            ..Message::empty(due.delivery.id, kind, clean(&alert.title))
        })
    }

    fn digest(due: &Due, pages: Option<&str>) -> Message {
        let severity = due.alerts.first().map(|alert| alert.severity);
        let listed = |alert: &Alert| Listed {
            number: alert.number,
            severity: alert.severity,
            title: clean(&alert.title),
            link: link_to(pages, alert.number),
        };
        let title = format!("{} alerts in a short time", due.count);
        Message {
            severity,
            link: pages.map(|pages| format!("{pages}/alerts")),
            count: due.count,
            alerts: due.alerts.iter().take(LISTED).map(listed).collect(),
            ..Message::empty(due.delivery.id, Kind::Digest, title)
        }
    }

    fn empty(id: Id, kind: Kind, title: String) -> Message {
        Message {
            id,
            kind,
            severity: None,
            title,
            alert: None,
            link: None,
            tenant: String::new(),
            subject: None,
            place: String::new(),
            address: String::new(),
            first: None,
            last: None,
            sign_ins: 0,
            findings: Vec::new(),
            count: 0,
            alerts: Vec::new(),
        }
    }

    /// The first line: severity, what it is, title.
    pub(super) fn headline(&self) -> String {
        let severity = match self.severity {
            Some(Level::High) => "High: ",
            Some(Level::Medium) => "Medium: ",
            Some(Level::Low) => "Low: ",
            None => "",
        };
        let raised = if self.kind == Kind::Raised { "raised to " } else { "" };
        let severity = match raised.is_empty() {
            true => severity.to_owned(),
            false => format!("{raised}{}", severity.to_lowercase()),
        };
        cut(&format!("{severity}{}", self.title), 200)
    }

    /// Who, where, when, how much: label and value.
    pub(super) fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = Vec::new();
        let mut add = |label, value: String| {
            if !value.is_empty() {
                facts.push((label, value));
            }
        };
        if let Some([kind, _, name]) = &self.subject {
            add("Who", format!("{name} ({kind})"));
        }
        let comma = if self.place.is_empty() || self.address.is_empty() { "" } else { ", " };
        add("Where", format!("{}{comma}{}", self.address, self.place));
        if let (Some(first), Some(last)) = (self.first, self.last) {
            let (first, last) = (shown(first), shown(last));
            let when = if first == last { first } else { format!("{first} to {last}") };
            add("When", when);
        }
        if self.sign_ins > 0 {
            add("Sign-ins", self.sign_ins.to_string());
        }
        add("Tenant", self.tenant.clone());
        facts
    }

    /// The whole message as lines of text.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.title.clone(), String::new()];
        lines.extend(self.facts().iter().map(|(label, value)| format!("{label}: {value}")));
        for finding in &self.findings {
            let techniques = match finding.techniques.is_empty() {
                true => String::new(),
                false => format!(" [{}]", finding.techniques.join(", ")),
            };
            lines.push(String::new());
            lines.push(format!("{} ({}){techniques}", finding.title, finding.level.name()));
            lines.push(format!("  {}", finding.sentence));
            lines.extend(finding.facts.iter().map(|(label, value)| format!("  {label}: {value}")));
            lines.extend(finding.against.iter().map(|text| format!("  Against it: {text}")));
        }
        for alert in &self.alerts {
            let Listed { number, severity, title, link } = alert;
            lines.push(format!("#{number} {}: {title}", severity.name()));
            lines.extend(link.iter().map(|link| format!("  {link}")));
        }
        let more = self.count.saturating_sub(self.alerts.len() as u64);
        if more > 0 && self.kind == Kind::Digest {
            lines.push(format!("and {more} more"));
        }
        if let Some(link) = &self.link {
            lines.push(String::new());
            lines.push(link.clone());
        }
        lines
    }
}

fn told(attached: &Attached) -> Told {
    let about = detections::about(&attached.detection);
    let finding = attached.finding.as_ref();
    let facts = finding.map(|finding| finding.facts.as_slice()).unwrap_or_default();
    let against = finding.map(|finding| finding.against.as_slice()).unwrap_or_default();
    let techniques = about.map(|about| about.techniques).unwrap_or_default();
    let title = about.map_or(attached.detection.as_str(), |about| about.title);
    Told {
        detection: clean(&attached.detection),
        title: clean(title),
        level: attached.level,
        sentence: clean(&attached.sentence),
        techniques: techniques.iter().map(|technique| (*technique).to_owned()).collect(),
        facts: facts
            .iter()
            .take(FACTS_TOLD)
            .map(|fact| (clean(&fact.label), clean(&fact.value)))
            .collect(),
        against: against.iter().take(FACTS_TOLD).map(|text| clean(text)).collect(),
    }
}

fn place_of(finding: &Finding) -> String {
    let [city, state, country] = &finding.location;
    let parts = [city, state, country].into_iter().filter(|part| !part.is_empty());
    clean(&parts.cloned().collect::<Vec<_>>().join(", "))
}

fn link_to(pages: Option<&str>, alert: i64) -> Option<String> {
    pages.map(|pages| format!("{pages}/alerts/{alert}"))
}

/// `2026-03-02 07:41:09 UTC`
fn shown(at: Timestamp) -> String {
    let text = at.to_rfc3339();
    let seconds = text.get(..19).unwrap_or(&text);
    format!("{} UTC", seconds.replace('T', " "))
}

/// Without control characters, and not too long.
pub(super) fn clean(text: &str) -> String {
    let printable = |letter: char| if letter.is_control() { ' ' } else { letter };
    cut(&text.chars().map(printable).collect::<String>(), TEXT_MAX)
}

/// At most so many characters.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
