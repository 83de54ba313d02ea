//! The form of the dialog.

use durward_model::columns::{export_columns, text};
use maud::{Markup, html};
use serde_json::json;

use crate::export::FLAT_ELEMENTS;
use crate::page::shell::{self, Frame};
use crate::page::state::{State, Tab, grouped};

use super::{Found, displayed, has};

/// Minutes of an hour.
const HOUR: i32 = 60;

/// What the dialog shows.
pub(super) struct Dialog<'d> {
    pub(super) state: &'d State,
    pub(super) found: &'d Found,
    /// The name to watch the download by.
    pub(super) job: &'d str,
    /// Only their own sign-ins?
    pub(super) is_limited: bool,
}

impl Dialog<'_> {
    pub(super) fn whole(&self, frame: &Frame) -> Markup {
        let body = html! {
            main #main .account {
                div .heading { h1 { "Download" } }
                section .panel .part { (self.form()) }
                p .links { a href=(self.state.href()) { "◀ Back to the sign-ins" } }
            }
        };
        shell::page(frame, "Download", &body, &html! {})
    }

    /// What a dialog shows of it. The form is a link to the export, whatever shows it.
    pub(super) fn form(&self) -> Markup {
        let of = self.state.with(|_| ()).href();
        let of = of.split_once('?').map_or("", |(_, query)| query);
        let sizes = self.found.sizes.iter().map(|(format, shown, all)| (*format, [shown, all]));
        let sizes = json!(sizes.collect::<std::collections::BTreeMap<_, _>>()).to_string();
        html! {
            form #download-form .choose method="get" action="/api/security/sign-in-logs/export"
                data-sizes=(sizes) {
                input type="hidden" name="of" value=(of);
                input type="hidden" name="job" value=(self.job);
                @if self.is_limited {
                    p .problem { "Your role reads the log but does not export it: the file has your
                                  own sign-ins only." }
                }
                (self.rows())
                (self.logs())
                (self.columns())
                (nested())
                (self.format())
                (file())
                p .estimate role="status" { (self.estimate()) }
                div .choices {
                    button .button .primary { "Download" }
                    a .button #manifest href={ "/download/manifest?job=" (self.job) } download {
                        "Manifest"
                    }
                }
                progress #download-progress max="1" value="0" hidden
                    aria-label="Rows written" {}
                p .muted .small {
                    "Streams as fast as it is read, without a limit of rows, newest first unless the
                     list is oldest first. Grouped rows come as the sign-ins they stand for. The
                     manifest says for an hour what the file was: query, rows, bytes and SHA-256,
                     for evidence."
                }
            }
        }
    }

    /// Rows of the logs of the tab, with the filter and without.
    fn totals(&self) -> (u64, u64) {
        let logs = self.found.counts.iter().filter(|(log, ..)| has(self.state.tab, *log));
        logs.fold((0, 0), |(filtered, all), (_, one, other)| (filtered + one, all + other))
    }

    fn rows(&self) -> Markup {
        let (filtered, all) = self.totals();
        html! {
            fieldset {
                legend { "Rows" }
                label .check {
                    input type="radio" name="rows" value="filtered" checked;
                    span { "As filtered (" span data-rows="filtered" { (grouped(filtered)) } ")" }
                }
                label .check hidden {
                    input type="radio" name="rows" value="selected" disabled;
                    span { "Selected (" span data-rows="selected" { "0" } ")" }
                }
                label .check {
                    input type="radio" name="rows" value="all";
                    span {
                        "All of this range, without the filter ("
                        span data-rows="all" { (grouped(all)) } ")"
                    }
                }
            }
        }
    }

    fn logs(&self) -> Markup {
        html! {
            fieldset {
                legend { "Logs" }
                @for (log, filtered, all) in &self.found.counts {
                    label .check {
                        input type="checkbox" name="type" value=(Tab(Some(*log)).letter())
                            checked[has(self.state.tab, *log)]
                            data-filtered=(filtered) data-all=(all);
                        (text::log_label(*log)) " "
                        span .muted { (grouped(*filtered)) }
                    }
                }
            }
        }
    }

    fn columns(&self) -> Markup {
        let shown = displayed(self.state);
        html! {
            fieldset {
                legend { "Columns" }
                label .check {
                    input type="radio" name="columns" value=(shown) data-size="0" checked;
                    "As displayed (" (shown.split(',').count()) ")"
                }
                label .check {
                    input type="radio" name="columns" value="all" data-size="1";
                    "All (" (export_columns().count()) ")"
                }
            }
        }
    }

    fn format(&self) -> Markup {
        html! {
            fieldset {
                legend { "Format" }
                @for (value, label) in [
                    ("csv", "CSV"), ("json", "JSON"), ("ndjson", "NDJSON, one event a line"),
                    ("parquet", "Parquet, compressed"),
                ] {
                    label .check {
                        input type="radio" name="format" value=(value) checked[value == "csv"];
                        (label)
                    }
                }
            }
        }
    }

    fn estimate(&self) -> String {
        let (rows, _) = self.totals();
        let size = self.found.sizes.first().map_or(0, |(_, shown, _)| *shown);
        format!("{} rows, about {} as CSV", grouped(rows), bytes(rows.saturating_mul(size)))
    }
}

fn nested() -> Markup {
    html! {
        fieldset {
            legend { "Lists and objects" }
            label .check {
                input type="radio" name="nested" value="json" checked;
                "One column each, as JSON"
            }
            label .check {
                input type="radio" name="nested" value="flat";
                "Flattened: a column for each member of the first " (FLAT_ELEMENTS) " elements"
            }
            label .check { input type="radio" name="nested" value="none"; "Left out" }
        }
    }
}

fn file() -> Markup {
    html! {
        div .narrow {
            label {
                span { "Times" }
                select name="offset" {
                    option value="" { "UTC" }
                    @for hours in -12..=14 {
                        option value=(hours * HOUR) { "UTC, and once more in UTC" (signed(hours)) }
                    }
                }
            }
            label {
                span { "File name" }
                input type="text" name="name" maxlength="100" autocomplete="off"
                    placeholder="with the time and a hash of the query";
            }
            label .check {
                input type="checkbox" name="safe" value="true";
                "Safe for spreadsheets: ' before = + - @"
            }
        }
    }
}

fn signed(hours: i32) -> String {
    format!("{}{:02}:00", if hours < 0 { '-' } else { '+' }, hours.abs())
}

/// A size with three digits.
fn bytes(count: u64) -> String {
    let mut size = count as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if size < 1000.0 {
            let digits = if unit == "B" || size >= 100.0 { 0 } else { 1 };
            return format!("{size:.digits$} {unit}");
        }
        size /= 1000.0;
    }
    format!("{size:.1} TB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_zones_in_words() {
        for (count, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1500, "1.5 kB"),
            (250_000_000, "250 MB"),
            (u64::MAX, "18446744.1 TB"),
        ] {
            assert_eq!(bytes(count), text);
        }
        assert_eq!((signed(-3), signed(11)), ("-03:00".to_owned(), "+11:00".to_owned()));
    }
}
