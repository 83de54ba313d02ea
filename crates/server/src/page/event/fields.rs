//! Labels and values, each with the ways on from it: only this, not this, copy, open.

use durward_model::columns::{self, Column, Source, text};
use durward_model::{Cell, Kind, Timestamp, graph};
use maud::{Markup, html};

use super::super::link;
use super::super::words::pill;
use super::Shown;

/// Labels and values of one group.
pub(super) struct Grid<'a> {
    shown: Shown<'a>,
    rows: Vec<(String, Markup)>,
    /// Labels of what the record does not have, and of what it has and leaves empty.
    missing: Vec<&'static str>,
    blank: Vec<&'static str>,
}

impl<'a> Grid<'a> {
    pub(super) fn new(shown: Shown<'a>) -> Grid<'a> {
        Grid { shown, rows: Vec::new(), missing: Vec::new(), blank: Vec::new() }
    }

    /// Adds fields by their names in the catalogue, those that the event's log has.
    pub(super) fn fields(mut self, names: &[&str]) -> Grid<'a> {
        let log = self.shown.pane.event.row().log;
        for column in names.iter().filter_map(|name| columns::by_name(name)) {
            let cell = text::value(column, &self.shown.pane.event);
            let label = column.label_in(Some(log));
            match &cell {
                Cell::Null if !column.in_log(Some(log)) => {}
                Cell::Null => self.missing.push(label),
                Cell::Text(text) if is_blank(text) => {
                    if column.in_log(Some(log)) {
                        self.blank.push(label);
                    }
                }
                _ => self.rows.push((label.to_owned(), value(self.shown, column, &cell))),
            }
        }
        self
    }

    /// Adds fields where they have a value; that they have none says nothing.
    pub(super) fn present(mut self, names: &[&str]) -> Grid<'a> {
        let (missing, blank) = (self.missing.len(), self.blank.len());
        self = self.fields(names);
        self.missing.truncate(missing);
        self.blank.truncate(blank);
        self
    }

    /// Adds something that no single field holds.
    pub(super) fn row(mut self, label: &str, markup: Markup) -> Grid<'a> {
        self.rows.push((label.to_owned(), markup));
        self
    }

    /// Adds it where there is something.
    pub(super) fn row_if(self, label: &'static str, markup: Option<Markup>) -> Grid<'a> {
        match markup {
            Some(markup) => self.row(label, markup),
            None => self,
        }
    }

    /// The group; nothing where it has not a single value and nothing is missing.
    pub(super) fn render(&self, heading: &str) -> Markup {
        let notes = [
            ("Not supplied by this source: ", &self.missing),
            ("Blank in the record: ", &self.blank),
        ];
        html! {
            @if !self.rows.is_empty() || !self.missing.is_empty() || !self.blank.is_empty() {
                @if !heading.is_empty() { h3 { (heading) } }
                dl {
                    @for (label, markup) in &self.rows {
                        dt { (label) }
                        dd { (markup) }
                    }
                }
                @for (words, labels) in notes {
                    @if !labels.is_empty() {
                        p .absent { (words) (labels.join(", ")) }
                    }
                }
            }
        }
    }
}

fn is_blank(text: &str) -> bool {
    matches!(text.trim(), "" | "[]" | "{}" | "null")
}

/// A value with the ways on from it.
pub(super) fn value(shown: Shown<'_>, column: &Column, cell: &Cell<'_>) -> Markup {
    let event = &shown.pane.event;
    if column.name == "status" {
        return graph::status(event).map_or(html! {}, |status| {
            let ways = ways(shown, "status", status.name());
            html! { (pill(status)) (ways) }
        });
    }
    let raw = cell.to_string();
    let short = in_words(column.name, text::short(column, event));
    let body = match cell {
        Cell::Time(time) => {
            let whole = time.to_rfc3339();
            html! {
                time datetime=(whole) title=(whole) { (long_time(&whole)) }
                " " span .zone .muted { "UTC" }
            }
        }
        _ if column.kind.is_json() => html! { (short) },
        _ => entity(shown, column.name, &raw, &short),
    };
    let note = redaction(column.name, &raw);
    let is_legacy = column.name == "clientAppUsed" && shown.pane.facts.legacy_client().is_some();
    let can_filter = matches!(column.source, Source::Field(_))
        && !column.operators().is_empty()
        && !column.kind.is_json()
        && column.kind != Kind::Time;
    html! {
        span .value title=[(column.name != column.label).then_some(column.name)] { (body) }
        @if is_legacy && !shown.pane.facts.is_workload() {
            " " span .tag title="Cannot do multifactor authentication" { "legacy" }
        }
        @if let Some(note) = note { " " span .redacted { (note) } }
        @if can_filter { (ways(shown, column.name, &raw)) } @else { (copy(&raw)) }
    }
}

/// With its unit, and as the portal writes it.
fn in_words(name: &str, short: String) -> String {
    match (name, short.as_str()) {
        ("processingTimeInMilliseconds", _) => format!("{short} ms"),
        (_, "singleFactorAuthentication") => "Single-factor authentication".to_owned(),
        (_, "multiFactorAuthentication") => "Multifactor authentication".to_owned(),
        _ => short,
    }
}

/// Why a value is not the whole value.
fn redaction(name: &str, value: &str) -> Option<&'static str> {
    match value {
        "hidden" if name.starts_with("risk") => Some("needs Microsoft Entra ID P2"),
        "PII Removed" => Some("redacted by Microsoft"),
        _ if value.to_ascii_uppercase().contains(".XXX") => Some("redacted by Microsoft"),
        _ => None,
    }
}

/// A value that leads to its page, where it has one.
fn entity(shown: Shown<'_>, name: &str, value: &str, short: &str) -> Markup {
    let facts = &shown.pane.facts;
    let id_or = |name: &str| match facts.text(name) {
        "" => value.to_owned(),
        id => id.to_owned(),
    };
    let href = match name {
        "userDisplayName" | "userPrincipalName" => Some(link::user(&id_or("userId"))),
        "userId" => Some(link::user(value)),
        "appDisplayName" => Some(link::app(&id_or("appId"))),
        "appId" => Some(link::app(value)),
        "resourceDisplayName" => Some(link::resource(&id_or("resourceId"))),
        "resourceId" => Some(link::resource(value)),
        "servicePrincipalName" => Some(link::workload(&id_or("servicePrincipalId"))),
        "servicePrincipalId" => Some(link::workload(value)),
        "deviceDetail/displayName" => Some(link::device(&id_or("deviceDetail/deviceId"))),
        "deviceDetail/deviceId" => Some(link::device(value)),
        "ipAddress" | "ipAddressFromResourceProvider" | "globalSecureAccessIpAddress" => {
            let is_address = value.parse::<std::net::IpAddr>().is_ok();
            is_address.then(|| link::ip(value))
        }
        "autonomousSystemNumber" => Some(link::asn(value)),
        "correlationId" => Some(link::attempt(value)),
        "sessionId" => Some(link::session(value)),
        "status/errorCode" => value.parse().ok().map(link::error),
        _ => None,
    };
    let is_mono = is_identifier(name) || name.to_ascii_lowercase().contains("ipaddress");
    html! {
        @match href {
            Some(href) => a .mono[is_mono] href=(href) { (short) },
            None => span .mono[is_mono] { (short) },
        }
    }
}

fn is_identifier(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let ends = ["id", "identifier", "thumbprint", "useragent", "errorcode"];
    ends.iter().any(|end| name.ends_with(end)) && name != "signinidentifier"
}

/// Only this value, anything but it, and copy.
pub(super) fn ways(shown: Shown<'_>, name: &str, value: &str) -> Markup {
    let only = shown.filter_href(&link::is(name, value));
    let without = shown.filter_href(&link::is_not(name, value));
    let label = columns::by_name(name).map_or(name, |column| column.label);
    html! {
        span .onward {
            a href=(only) title="Only this value"
                aria-label={ "Only " (label) ": " (value) } { "⊕" }
            a href=(without) title="Without this value"
                aria-label={ "Without " (label) ": " (value) } { "⊖" }
            (copy_button(value))
        }
    }
}

/// Copy alone.
pub(super) fn copy(value: &str) -> Markup {
    html! { span .onward { (copy_button(value)) } }
}

fn copy_button(value: &str) -> Markup {
    html! {
        button type="button" hidden data-copy=(value) title="Copy"
            aria-label={ "Copy " (value.chars().take(60).collect::<String>()) } {
            svg viewBox="0 0 16 16" aria-hidden="true" {
                path d="M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3" {}
            }
        }
    }
}

/// `20 Nov 2026 14:01:55.218`
pub(super) fn long_time(whole: &str) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let part = |range: std::ops::Range<usize>| whole.get(range);
    let written = || {
        let month = MONTHS.get(part(5..7)?.parse::<usize>().ok()?.checked_sub(1)?)?;
        let day = part(8..10)?.trim_start_matches('0');
        let rest = whole.get(11..)?.trim_end_matches('Z');
        // Milliseconds tell requests of one attempt apart; more digits tell nothing.
        let rest = rest.get(..12).unwrap_or(rest);
        Some(format!("{day} {month} {} {rest}", part(0..4)?))
    };
    written().unwrap_or_else(|| whole.to_owned())
}

/// `14:01:55`, whole on hover.
pub(super) fn clock(at: Timestamp) -> Markup {
    let whole = at.to_rfc3339();
    html! { time datetime=(whole) title=(whole) { (whole.get(11..19).unwrap_or_default()) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_whole() {
        assert_eq!(long_time("2026-11-20T14:01:55.2181234Z"), "20 Nov 2026 14:01:55.218");
        assert_eq!(long_time("2026-03-02T07:41:09Z"), "2 Mar 2026 07:41:09");
        assert_eq!(long_time("nonsense"), "nonsense");
    }

    #[test]
    fn what_was_taken_out_is_said() {
        assert_eq!(redaction("ipAddress", "203.0.113.XXX"), Some("redacted by Microsoft"));
        assert_eq!(redaction("deviceDetail/browser", "PII Removed"), Some("redacted by Microsoft"));
        assert_eq!(redaction("riskDetail", "hidden"), Some("needs Microsoft Entra ID P2"));
        assert_eq!(redaction("appDisplayName", "hidden"), None);
    }
}
