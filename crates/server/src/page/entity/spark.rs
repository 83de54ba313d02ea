//! Bars so small that they stand in a line of text.

use maud::{Markup, html};

/// Height of the drawing, in its own units.
const HEIGHT: u64 = 20;
/// Width of a bar with the gap after it.
const STEP: usize = 4;

/// One bar a value, the highest as high as there is room. Decoration: the numbers stand beside it.
pub(in crate::page) fn bars(values: &[u64]) -> Markup {
    let most = values.iter().copied().max().unwrap_or(0).max(1);
    let width = values.len().max(1) * STEP;
    html! {
        svg .spark viewBox=(format!("0 0 {width} {HEIGHT}")) preserveAspectRatio="none"
            aria-hidden="true" focusable="false" {
            @for (index, value) in values.iter().enumerate() {
                // What is not nothing is seen.
                @let height = (value * HEIGHT).div_ceil(most);
                @if height > 0 {
                    rect x=(index * STEP) y=(HEIGHT - height) width=(STEP - 1) height=(height) {}
                }
            }
        }
    }
}

/// A part of a whole as one bar.
pub(in crate::page) fn share(part: u64, whole: u64) -> Markup {
    let percent = (part * 100).checked_div(whole).unwrap_or(0).clamp(1, 100);
    html! {
        svg .share viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"
            focusable="false" {
            rect .track width="100" height="4" {}
            rect width=(percent) height="4" {}
        }
    }
}

/// `98.6 %`; never rounded to all or nothing.
pub(in crate::page) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    let tenths = (part * 1000 + whole / 2) / whole;
    match tenths {
        _ if part == whole => "100 %".to_owned(),
        0 if part > 0 => "< 0.1 %".to_owned(),
        1000 => "> 99.9 %".to_owned(),
        _ => format!("{}.{} %", tenths / 10, tenths % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_in_proportion() {
        let drawn = bars(&[0, 5, 10, 1]).into_string();
        assert_eq!(drawn.matches("<rect").count(), 3, "nothing is no bar: {drawn}");
        assert!(drawn.contains("height=\"20\"") && drawn.contains("height=\"10\""), "{drawn}");
        assert!(!bars(&[]).into_string().contains("rect"));
    }

    #[test]
    fn shares_are_never_rounded_to_all_or_nothing() {
        for (part, whole, text) in [
            (0, 0, "–"),
            (0, 7, "0.0 %"),
            (1, 3, "33.3 %"),
            (7, 7, "100 %"),
            (1, 1_000_000, "< 0.1 %"),
            (999_999, 1_000_000, "> 99.9 %"),
        ] {
            assert_eq!(percent(part, whole), text, "{part} of {whole}");
        }
    }
}
