//! Where a sign-in came from.

use durward_model::Timestamp;
use durward_model::time::HOUR_MICROS;
use maud::{Markup, html};

use super::basic::PLACE;
use super::facts::Facts;
use super::fields::Grid;
use super::{Shown, related};

/// Degrees of longitude that the sun passes in an hour.
const DEGREES_AN_HOUR: f64 = 15.0;
/// Half the width and height of the map's cut-out, degrees.
const REACH: (f64, f64) = (40.0, 20.0);
/// How far off a place found by its address can be, degrees: a ring on the map.
const RING: f64 = 2.5;

/// Roughly what a clock said where it came from, by the longitude.
pub(super) fn hour_there(facts: &Facts, at: Timestamp) -> Option<String> {
    let (_, longitude) = facts.coordinates()?;
    // Within ±12 by the bounds of longitudes.
    #[expect(clippy::cast_possible_truncation, reason = "longitudes are within ±180")]
    let hours = (longitude / DEGREES_AN_HOUR).round() as i64;
    let there = Timestamp::from_micros(at.micros + hours * HOUR_MICROS);
    there.to_rfc3339().get(11..16).map(str::to_owned)
}

pub(super) fn tab(shown: Shown<'_>) -> Markup {
    let facts = &shown.pane.facts;
    let address = facts.text("ipAddress").to_ascii_uppercase();
    html! {
        (map(facts))
        (Grid::new(shown)
            .fields(PLACE)
            .row_if("Named locations", named_locations(facts))
            .row_if("Private link", private_link(facts))
            .render(""))
        @if address.contains(".XXX") {
            p .notice-line role="note" {
                "Microsoft hides part of this address: the account belongs to another tenant, or \
                 it is not certain whose it is."
            }
        }
        @if is_token_address(shown) {
            p .absent {
                "For confidential clients the address of a non-interactive sign-in is that of the \
                 sign-in the token was first issued for."
            }
        }
        (related::placeholder(shown, "place", "First seen"))
        p .absent {
            "A place found by its address is a good guess: mobile networks and VPNs show where \
             they leave the network, not where the user is."
        }
    }
}

fn is_token_address(shown: Shown<'_>) -> bool {
    shown.pane.event.row().log == durward_model::Log::NonInteractiveUser
}

/// A cut-out of the world, with the place in its middle where that is possible.
fn map(facts: &Facts) -> Markup {
    let Some((latitude, longitude)) = facts.coordinates() else {
        return html! { p .absent { "The record has no coordinates, so there is no map." } };
    };
    let (wide, high) = REACH;
    let left = (longitude - wide).clamp(-180.0, 180.0 - 2.0 * wide);
    // y is minus latitude; the picture reaches from 84° north to 60° south.
    let top = (-latitude - high).clamp(-84.0, 60.0 - 2.0 * high);
    let view = format!("{left:.1} {top:.1} {} {}", 2.0 * wide, 2.0 * high);
    let (x, y) = (format!("{longitude:.2}"), format!("{:.2}", -latitude));
    let label = format!("Map: {}", facts.place());
    html! {
        svg .place-map viewBox=(view) role="img" aria-label=(label)
            preserveAspectRatio="xMidYMid slice" {
            use href="/assets/world.svg#land" .land {}
            circle .ring cx=(x) cy=(y) r=(RING) {}
            circle .spot cx=(x) cy=(y) r="0.7" {}
        }
    }
}

fn named_locations(facts: &Facts) -> Option<Markup> {
    let all = facts.list("networkLocationDetails");
    let line = |item: &serde_json::Value| {
        let names = item["networkNames"].as_array().map(Vec::as_slice).unwrap_or_default();
        let names: Vec<&str> = names.iter().filter_map(serde_json::Value::as_str).collect();
        let kind = item["networkType"].as_str().unwrap_or_default();
        match names.is_empty() {
            true => kind.to_owned(),
            false => format!("{} ({kind})", names.join(", ")),
        }
    };
    let lines: Vec<String> = all.iter().map(line).filter(|line| !line.is_empty()).collect();
    (!lines.is_empty()).then(|| html! { (lines.join("; ")) })
}

fn private_link(facts: &Facts) -> Option<Markup> {
    let name = facts.text("privateLinkDetails/policyName");
    (!name.is_empty()).then(|| html! { (name) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use durward_model::Log;
    use durward_model::time::DateOrder;
    use serde_json::json;

    #[test]
    fn the_clock_there_follows_the_longitude() {
        let at = Timestamp::parse("2026-03-02T23:30:00Z", DateOrder::default()).unwrap();
        for (longitude, hour) in [(0.5, "23:30"), (13.4, "00:30"), (-74.0, "18:30")] {
            let place = json!({ "location": { "geoCoordinates":
                { "latitude": 40.0, "longitude": longitude } } });
            let facts = Facts::of_graph(Log::InteractiveUser, place);
            assert_eq!(hour_there(&facts, at).as_deref(), Some(hour), "{longitude}");
            assert!(map(&facts).into_string().contains("world.svg#land"));
        }
        let nowhere =
            json!({ "location": { "geoCoordinates": { "latitude": 0, "longitude": 0 } } });
        let nowhere = Facts::of_graph(Log::InteractiveUser, nowhere);
        assert_eq!(hour_there(&nowhere, at), None);
    }
}
