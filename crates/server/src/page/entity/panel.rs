//! Parts that all these pages are put together from: headings, panels of values with their
//! counts, tabs, and what is said where there is nothing.

use durward_model::Timestamp;
use maud::{Markup, html};

use super::count::{Entry, Sums};
use super::spark::{percent, share};
use super::subject::{Asked, Subject};
use crate::page::shell;
use crate::page::state::grouped;
use crate::page::words;

/// Values of a panel at most; the rest are in the explorer.
pub(super) const LINES_MAX: usize = 6;

/// One value with its counts.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) label: String,
    /// Its own page, where it has one.
    pub(super) page: Option<String>,
    /// Its events.
    pub(super) events: String,
    /// A few words more.
    pub(super) note: String,
    pub(super) sums: Sums,
}

/// Values of one kind, the most frequent first.
#[derive(Clone, Debug)]
pub(super) struct Panel<'p> {
    pub(super) title: &'p str,
    /// What the shares are of.
    pub(super) hint: &'p str,
    pub(super) lines: Vec<Line>,
    /// What is all.
    pub(super) whole: u64,
    /// Seen first from here on is new.
    pub(super) new_from: Option<Timestamp>,
    /// All of them.
    pub(super) more: Option<String>,
    pub(super) now: Timestamp,
}

impl Panel<'_> {
    /// The panel; nothing where there is no value, so that nobody looks for what is not shown.
    pub(super) fn render(&self) -> Markup {
        let rest = self.lines.len().saturating_sub(LINES_MAX);
        let (shown, hidden) = self.lines.split_at(self.lines.len() - rest);
        // What is new is what one looks for: it is never cut off.
        let new = hidden.iter().filter(|line| self.is_new(line)).take(LINES_MAX);
        html! {
            @if !self.lines.is_empty() {
                section .panel .card-list {
                    header { h2 { (self.title) } span .muted { (self.hint) } }
                    ul { @for line in shown.iter().chain(new) { (self.line(line)) } }
                    @if rest > 0 { p .muted .rest { (self.all(rest)) } }
                }
            }
        }
    }

    fn all(&self, rest: usize) -> Markup {
        let text = format!("and {} more", grouped(rest as u64));
        html! {
            @if let Some(more) = &self.more { a href=(more) { (text) } } @else { (text) }
        }
    }

    fn is_new(&self, line: &Line) -> bool {
        let first = line.sums.first;
        self.new_from.is_some_and(|from| first.is_some_and(|first| first >= from))
    }

    fn line(&self, line: &Line) -> Markup {
        let total = line.sums.total();
        html! {
            li {
                span .name {
                    @match &line.page {
                        Some(page) => a href=(page) { (line.label) },
                        None => span { (line.label) },
                    }
                    @if self.is_new(line) { " " span .badge .new { "New" } }
                    @if !line.note.is_empty() { " " span .muted { (line.note) } }
                }
                span .figures {
                    a href=(line.events) title=(plural(total, "sign-in", "sign-ins")) {
                        (grouped(total))
                    }
                    " " span .muted { (percent(total, self.whole)) }
                }
                (share(total, self.whole))
                span .seen .muted { (seen(&line.sums, self.now)) }
            }
        }
    }
}

/// First and last time, as short as days are.
fn seen(sums: &Sums, now: Timestamp) -> Markup {
    let (Some(first), Some(last)) = (sums.first, sums.last) else { return html! {} };
    html! {
        (day(first, now))
        @if first.day() != last.day() { " – " (day(last, now)) }
    }
}

/// The day of an instant; the whole of it on hover.
pub(super) fn day(at: Timestamp, now: Timestamp) -> Markup {
    let whole = at.to_rfc3339();
    html! { span .day title=(whole) { (day_text(at, now)) } }
}

pub(super) fn day_text(at: Timestamp, now: Timestamp) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let whole = at.to_rfc3339();
    let part = |range: std::ops::Range<usize>| whole.get(range).unwrap_or_default();
    let month = part(5..7).parse::<usize>().ok().and_then(|month| MONTHS.get(month - 1));
    let (day, month) = (part(8..10).trim_start_matches('0'), month.copied().unwrap_or_default());
    if now.to_rfc3339().get(..4) == Some(part(0..4)) {
        format!("{day} {month}")
    } else {
        format!("{day} {month} {}", part(0..4))
    }
}

/// Names and values, one below the other; what has no value is left out.
pub(super) fn facts(these: &[(&str, Markup)]) -> Markup {
    html! {
        dl .facts {
            @for (name, value) in these {
                @if !value.0.is_empty() { dt { (name) } dd { (value) } }
            }
        }
    }
}

/// A text as a fact.
pub(super) fn fact(text: &str) -> Markup {
    html! { (text) }
}

/// An identifier as a fact.
pub(super) fn code(text: &str) -> Markup {
    html! { @if !text.is_empty() { code { (text) } } }
}

/// An instant as a fact.
pub(super) fn at(time: Option<Timestamp>, now: Timestamp) -> Markup {
    html! { @if let Some(time) = time { (words::time(time, now)) } }
}

/// A number that leads to its events.
pub(super) fn number(count: u64, href: &str, what: &str) -> Markup {
    html! {
        @if count > 0 { a href=(href) { b { (grouped(count)) } } } @else { b { "0" } }
        " " (what)
    }
}

/// A number of sign-ins that leads to them.
pub(super) fn sign_ins(count: u64, href: &str) -> Markup {
    number(count, href, if count == 1 { "sign-in" } else { "sign-ins" })
}

/// Numbers side by side, each with what it counts and where its events are.
pub(super) fn figures(these: &[(u64, String, &str)]) -> Markup {
    html! {
        div .figures-row {
            @for (count, href, what) in these {
                div .panel .figure { (number(*count, href, what)) }
            }
        }
    }
}

/// Where the page stands, its name, and the sentence that sums it up.
pub(super) fn heading(
    (list, list_href): (&str, &str),
    title: &str,
    verdict: &Markup,
    actions: &Markup,
) -> Markup {
    html! {
        nav .crumbs aria-label="Breadcrumb" { a href=(list_href) { (list) } " / " (title) }
        div .heading { h1 { (title) } div .actions { (actions) } }
        p .summary { (verdict) }
    }
}

/// Tabs as links; the first is the one without a name in the address.
pub(super) fn tabs(asked: &Asked, these: &[(&'static str, &str, Option<u64>)]) -> Markup {
    let chosen = asked.params.get("tab").unwrap_or_default();
    let known = these.iter().any(|(name, ..)| *name == chosen);
    html! {
        nav .tabs aria-label="Details" {
            @for (index, (name, label, count)) in these.iter().enumerate() {
                @let is_chosen = if known { *name == chosen } else { index == 0 };
                a href=(asked.href_with(&asked.scope, &[("tab", name)]))
                    aria-current=[is_chosen.then_some("page")] {
                    (label)
                    @if let Some(count) = count { span .count { (grouped(*count)) } }
                }
            }
        }
    }
}

/// Range and zone of the page.
pub(super) fn controls(asked: &Asked) -> Markup {
    shell::controls(&asked.scope, asked.now, &|scope| asked.href(scope))
}

/// Nothing in this range, but at other times.
pub(super) fn nothing_now(asked: &Asked, subject: &Subject) -> Markup {
    let (first, last) = (subject.first_ever, subject.newest.row().created);
    let around =
        asked.scope.between(last.micros - durward_model::time::DAY_MICROS, last.micros + 1);
    html! {
        section .panel .empty {
            h2 { "No sign-ins in this range" }
            p .muted {
                "The first was " (words::time(first, asked.now)) ", the latest "
                (words::time(last, asked.now)) " (" span .zone { "UTC" } ")."
            }
            p .choices {
                a .button href=(asked.href(&around)) { "The day before the latest" }
                a .button href=(asked.href(&asked.scope.at("all"))) { "All time" }
            }
        }
    }
}

/// `in the last 30 days`, `of all time`, `from … to …`.
pub(super) fn when(asked: &Asked) -> String {
    match asked.scope.range.as_str() {
        "all" => "of all time".to_owned(),
        _ if asked.scope.label().starts_with("Last") => {
            format!("in the {}", asked.scope.label().to_lowercase())
        }
        _ => format!("in {}", asked.scope.label()),
    }
}

/// `1 user`, `2 users`.
pub(super) fn plural(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// Label, address of a page of its own, and term of the explorer's filter.
pub(super) type Made = (String, Option<String>, String);

/// Lines of the values of one field, each leading to its events.
pub(super) fn lines(
    entries: Vec<Entry>,
    asked: &Asked,
    subject: &Subject,
    make: &dyn Fn(&Entry) -> Made,
) -> Vec<Line> {
    let line = |entry: Entry| {
        let (label, page, term) = make(&entry);
        let page = page.map(|path| asked.scope.href(&path, &[]));
        let events = subject.events(&asked.scope, &[term]);
        Line { label, page, events, note: String::new(), sums: entry.sums }
    };
    entries.into_iter().map(line).collect()
}
