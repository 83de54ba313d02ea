//! Words, marks and times as all pages write them.

use durward_model::Timestamp;
use durward_model::errors::Status;
use maud::{Markup, html};

use super::state::ago;

/// Icon, word and tint.
pub(super) fn pill(status: Status) -> Markup {
    html! {
        span .pill .(status_class(status)) {
            span aria-hidden="true" { (icon(status)) } " " (status.name())
        }
    }
}

pub(super) fn icon(status: Status) -> &'static str {
    match status {
        Status::Success => "✔",
        Status::Failure => "✖",
        Status::Interrupted => "◐",
    }
}

pub(super) fn status_class(status: Status) -> &'static str {
    match status {
        Status::Success => "success",
        Status::Failure => "failure",
        Status::Interrupted => "interrupted",
    }
}

/// `20 Nov 14:02:03`, with the year where it is another one; whole on hover.
pub(super) fn time(time: Timestamp, now: Timestamp) -> Markup {
    let whole = time.to_rfc3339();
    let title = format!("{whole} · {}", ago(time, now));
    html! { time datetime=(whole) title=(title) { (short_time(&whole, &now.to_rfc3339())) } }
}

fn short_time(whole: &str, now: &str) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let part = |range: std::ops::Range<usize>| whole.get(range).unwrap_or_default();
    let month = part(5..7).parse::<usize>().ok().and_then(|month| MONTHS.get(month - 1));
    let Some(month) = month else { return whole.to_owned() };
    let day = part(8..10).trim_start_matches('0');
    let year = part(0..4);
    if now.get(..4) == Some(year) {
        format!("{day} {month} {}", part(11..19))
    } else {
        format!("{day} {month} {year} {}", part(11..19))
    }
}

#[cfg(test)]
mod tests {
    use super::short_time;

    #[test]
    fn times_are_short() {
        let now = "2026-11-20T14:02:10Z";
        assert_eq!(short_time("2026-03-02T07:41:09.123Z", now), "2 Mar 07:41:09");
        assert_eq!(short_time("2025-12-31T23:59:59Z", now), "31 Dec 2025 23:59:59");
        assert_eq!(short_time("nonsense", now), "nonsense");
    }
}
