//! When the members of a group were, as marks on a line: a burst and a regular renewal look
//! different at a glance.

use maud::{Markup, html};

/// Length of the drawing, in its own units.
const WIDTH: i64 = 120;

/// One mark a time, between the ends of the window. Decoration: the times are in the members.
pub(super) fn strip(times: &[i64], start: i64, window: i64) -> Markup {
    if times.is_empty() || window <= 0 {
        return html! {};
    }
    let place = |time: i64| {
        let part = i128::from(time.saturating_sub(start)) * i128::from(WIDTH - 1);
        i64::try_from(part / i128::from(window)).unwrap_or(0).clamp(0, WIDTH - 1)
    };
    let mut places: Vec<i64> = times.iter().map(|time| place(*time)).collect();
    places.sort_unstable();
    places.dedup();
    html! {
        svg .rhythm viewBox=(format!("0 0 {WIDTH} 10")) preserveAspectRatio="none"
            aria-hidden="true" focusable="false" {
            rect .track y="9" width=(WIDTH) height="1" {}
            @for place in places { rect x=(place) width="1.5" height="9" {} }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::strip;

    #[test]
    fn marks_lie_where_the_times_do() {
        let drawn = strip(&[0, 50, 51, 100], 0, 100).into_string();
        for x in ["x=\"0\"", "x=\"59\"", "x=\"60\"", "x=\"119\""] {
            assert!(drawn.contains(x), "{x} in {drawn}");
        }
        assert_eq!(strip(&[], 0, 100).into_string(), "");
        assert_eq!(strip(&[7, 7], 0, 100).into_string().matches("<rect").count(), 2);
    }
}
