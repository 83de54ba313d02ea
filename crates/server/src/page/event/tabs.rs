//! The tabs of one sign-in, in Entra's order.

use durward_model::{Event, Log};
use maud::{Markup, html};

use super::{Shown, basic, place, policies, processing, raw, steps};

/// A tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tab {
    Basic,
    Location,
    Device,
    Authentication,
    ConditionalAccess,
    ReportOnly,
    More,
    Json,
}

impl Tab {
    const ALL: [Tab; 8] = [
        Tab::Basic,
        Tab::Location,
        Tab::Device,
        Tab::Authentication,
        Tab::ConditionalAccess,
        Tab::ReportOnly,
        Tab::More,
        Tab::Json,
    ];

    /// In addresses.
    pub(super) fn name(self) -> &'static str {
        match self {
            Tab::Basic => "basic",
            Tab::Location => "location",
            Tab::Device => "device",
            Tab::Authentication => "auth",
            Tab::ConditionalAccess => "ca",
            Tab::ReportOnly => "reportonly",
            Tab::More => "more",
            Tab::Json => "json",
        }
    }

    pub(super) fn label(self) -> &'static str {
        match self {
            Tab::Basic => "Basic info",
            Tab::Location => "Location",
            Tab::Device => "Device info",
            Tab::Authentication => "Authentication Details",
            Tab::ConditionalAccess => "Conditional Access",
            Tab::ReportOnly => "Report-only",
            Tab::More => "Additional Details",
            Tab::Json => "JSON",
        }
    }

    /// What a narrow pane has room for.
    fn short_label(self) -> &'static str {
        match self {
            Tab::Device => "Device",
            Tab::Authentication => "Auth",
            Tab::ConditionalAccess => "CA",
            Tab::More => "More",
            other => other.label(),
        }
    }

    /// Does an event of this log have it?
    fn is_of(self, log: Log) -> bool {
        match log {
            Log::InteractiveUser | Log::NonInteractiveUser => true,
            Log::ServicePrincipal | Log::ManagedIdentity => {
                !matches!(self, Tab::Device | Tab::Authentication | Tab::ReportOnly)
            }
            _ => matches!(self, Tab::Basic | Tab::Json),
        }
    }

    /// The tab of that name; the first where the event has no such tab.
    pub(super) fn of(name: Option<&str>, event: &Event) -> Tab {
        let named = Tab::ALL.into_iter().find(|tab| Some(tab.name()) == name);
        named.filter(|tab| tab.is_of(event.row().log)).unwrap_or(Tab::Basic)
    }
}

/// Links to the tabs.
pub(super) fn bar(shown: Shown<'_>) -> Markup {
    let log = shown.pane.event.row().log;
    html! {
        nav .tabs .event-tabs aria-label="Details" {
            @for (index, tab) in Tab::ALL.into_iter().enumerate() {
                @if tab.is_of(log) {
                    @let part = shown.part_href("", &[("pane", "true")]);
                    a href=(shown.tab_href(tab)) data-key=(index + 1) title=(tab.label())
                        data-part=[shown.is_beside.then(|| with_tab(&part, tab))]
                        aria-current=[(tab == shown.tab()).then_some("page")] {
                        @if shown.is_beside { (tab.short_label()) } @else { (tab.label()) }
                        @if let Some(count) = count(shown, tab) { span .count { (count) } }
                    }
                }
            }
        }
    }
}

/// The address of the pane's fragment at another tab.
fn with_tab(part: &str, tab: Tab) -> String {
    let (path, query) = part.split_once('?').unwrap_or((part, ""));
    let others = query.split('&').filter(|pair| !pair.starts_with("tab="));
    let mut all: Vec<&str> = others.collect();
    let tab = format!("tab={}", tab.name());
    all.push(&tab);
    format!("{path}?{}", all.join("&"))
}

/// How much there is in a tab, where that can be counted.
fn count(shown: Shown<'_>, tab: Tab) -> Option<usize> {
    let facts = &shown.pane.facts;
    let count = match tab {
        Tab::Authentication => facts.steps.len(),
        Tab::ConditionalAccess => facts.policies_that(false).len(),
        Tab::ReportOnly => facts.policies_that(true).len(),
        Tab::More => facts.list("authenticationProcessingDetails").len(),
        Tab::Json => usize::try_from(shown.pane.event.row().revision).ok()? + 1,
        _ => 0,
    };
    let least = if tab == Tab::Json { 2 } else { 1 };
    (count >= least).then_some(count)
}

/// What the tab shows.
pub(super) fn content(shown: Shown<'_>) -> Markup {
    match shown.tab() {
        Tab::Basic => basic::tab(shown),
        Tab::Location => place::tab(shown),
        Tab::Device => basic::device(shown),
        Tab::Authentication => steps::tab(shown),
        Tab::ConditionalAccess => policies::tab(shown, false),
        Tab::ReportOnly => policies::tab(shown, true),
        Tab::More => processing::tab(shown),
        Tab::Json => raw::tab(shown),
    }
}
