//! What is usual for somebody or something: countries, networks, devices, applications, hours,
//! each with its share and when it was seen first and last.

use durward_model::{FieldId, Timestamp};
use maud::{Markup, html};

use super::count::{Entry, Hour, named, roll_up};
use super::panel::{Line, Panel, lines};
use super::spark::bars;
use super::subject::{Asked, Subject, link_term};
use super::{count, heat};
use crate::error::ApiError;
use crate::page::link;
use durward_query::Reader;

/// Where sign-ins come from: in this order the values of each entry of [`networks`].
const NETWORK: [FieldId; 5] = [
    FieldId::CountryOrRegion,
    FieldId::City,
    FieldId::Latitude,
    FieldId::Longitude,
    FieldId::AutonomousSystemNumber,
];
/// What they come from: the values of each entry of [`clients`].
const CLIENT: [FieldId; 4] =
    [FieldId::DeviceId, FieldId::DeviceDisplayName, FieldId::OperatingSystem, FieldId::Browser];

/// What panels of one page have in common.
pub(super) struct Usual<'u> {
    pub(super) asked: &'u Asked,
    pub(super) subject: &'u Subject,
    pub(super) whole: u64,
    pub(super) new_from: Option<Timestamp>,
}

pub(super) fn networks(reader: &Reader, subject: &Subject) -> Result<Vec<Entry>, ApiError> {
    count::by_fields(reader, &subject.filter, &NETWORK)
}

pub(super) fn clients(reader: &Reader, subject: &Subject) -> Result<Vec<Entry>, ApiError> {
    count::by_fields(reader, &subject.filter, &CLIENT)
}

impl Usual<'_> {
    /// A panel of lines; `more` is the explorer with all of the entity's events.
    pub(super) fn panel(&self, title: &str, lines: Vec<Line>) -> Markup {
        let Usual { asked, subject, whole, new_from } = self;
        let hint = format!("since {}", super::panel::day_text(self.since(), asked.now));
        let more = Some(subject.events(&asked.scope, &[]));
        let panel = Panel {
            title,
            hint: &hint,
            lines,
            whole: *whole,
            new_from: *new_from,
            more,
            now: asked.now,
        };
        panel.render()
    }

    /// A panel of lines that are not part of the entity's events; shares are of the lines' sum.
    pub(super) fn others(&self, title: &str, lines: Vec<Line>) -> Markup {
        let whole = lines.iter().map(|line| line.sums.total()).sum();
        let panel = Panel {
            title,
            hint: "",
            lines,
            whole,
            new_from: None,
            more: None,
            now: self.asked.now,
        };
        panel.render()
    }

    /// Where the range begins, or the first event where that is later.
    fn since(&self) -> Timestamp {
        let (from, _) = self.asked.scope.span(self.asked.now).unwrap_or_default();
        from.map_or(self.subject.first_ever, |from| from.max(self.subject.first_ever))
    }

    /// A panel of the values of one field, each with a page of its own or none.
    pub(super) fn values(
        &self,
        title: &str,
        entries: Vec<Entry>,
        field: FieldId,
        page: Option<fn(&str) -> String>,
    ) -> Markup {
        let make = |entry: &Entry| {
            let value = entry.value(0);
            // An identifier comes with a name, which is what people know it by.
            let name = if entry.value(1).is_empty() { value } else { entry.value(1) };
            (name.to_owned(), page.map(|page| page(value)), link_term(field, value))
        };
        self.panel(title, lines(entries, self.asked, self.subject, &make))
    }

    pub(super) fn countries(&self, networks: &[Entry]) -> Markup {
        let entries = roll_up(networks, &[0]);
        self.values("Countries", entries, FieldId::CountryOrRegion, None)
    }

    pub(super) fn autonomous_systems(&self, networks: &[Entry]) -> Markup {
        let make = |entry: &Entry| {
            let number = entry.value(0);
            let term = link_term(FieldId::AutonomousSystemNumber, number);
            (format!("AS{number}"), Some(link::asn(number)), term)
        };
        let entries = roll_up(networks, &[4]);
        self.panel("Networks", lines(entries, self.asked, self.subject, &make))
    }

    /// Devices by name, system and browser; those without a name by the latter two.
    pub(super) fn devices(&self, clients: &[Entry]) -> Markup {
        let make = |entry: &Entry| {
            let id = entry.value(1);
            let page = Some(id).filter(|id| !id.is_empty()).map(link::device);
            let fields = [FieldId::DeviceId, FieldId::OperatingSystem, FieldId::Browser];
            let terms: Vec<String> = fields
                .iter()
                .zip(&entry.values[1..])
                .filter(|(_, value)| !value.is_empty())
                .map(|(field, value)| link_term(*field, value))
                .collect();
            (entry.value(0).to_owned(), page, terms.join(","))
        };
        let entries = roll_up(&labelled(clients), &[0, 1, 2, 3]);
        self.panel("Devices and browsers", lines(entries, self.asked, self.subject, &make))
    }

    pub(super) fn applications(&self, apps: &[Entry]) -> Markup {
        self.values("Applications", named(apps, &[0, 1]), FieldId::AppId, Some(link::app))
    }

    /// Hours of the day, and those between which nearly everything happens.
    pub(super) fn hours(&self, hours: &[Hour]) -> Markup {
        let Some((first, length, counts)) = heat::usual_hours(hours) else { return html! {} };
        html! {
            section .panel .card-list {
                header { h2 { "Hours" } span .muted { "UTC" } }
                div .hours { (bars(&counts)) }
                p {
                    @if length >= 20 { "At all hours." }
                    @else {
                        "Mostly between " b { (format!("{first:02}:00")) } " and "
                        b { (format!("{:02}:00", (first + length) % 24)) } "."
                    }
                }
            }
        }
    }
}

/// Entries of [`clients`] as label, device identifier, system, browser.
pub(super) fn labelled(clients: &[Entry]) -> Vec<Entry> {
    let label = |entry: &Entry| {
        let (id, system, browser) = (entry.value(0), entry.value(2), entry.value(3));
        let name = if entry.value(1).is_empty() { id } else { entry.value(1) };
        let parts = [name, system, browser].into_iter().filter(|part| !part.is_empty());
        let label = parts.collect::<Vec<_>>().join(" · ");
        let values = [&*label, id, system, browser].map(str::to_owned).to_vec();
        Entry { values, sums: entry.sums }
    };
    clients.iter().map(label).collect()
}
