//! A small map: land from one shared drawing, a circle a place, a line a move.

use maud::{Markup, html};

use super::panel::plural;

/// The drawing's units are degrees: x is longitude, y is minus latitude.
const WORLD: Frame = Frame { x: -180.0, y: -84.0, width: 360.0, height: 144.0 };
/// The map never shows less, so that one recognises where it is. Degrees.
const WIDTH_MIN: f64 = 120.0;
/// Mean radius of the earth.
const EARTH_KM: f64 = 6371.0;

/// A place with a number of sign-ins.
#[derive(Clone, Debug)]
pub(in crate::page) struct Point {
    pub(in crate::page) latitude: f64,
    pub(in crate::page) longitude: f64,
    pub(in crate::page) label: String,
    pub(in crate::page) count: u64,
    /// Did most fail?
    pub(in crate::page) is_bad: bool,
    pub(in crate::page) href: String,
}

/// A move from one place to another.
#[derive(Clone, Debug)]
pub(in crate::page) struct Arc {
    /// Latitude and longitude.
    pub(in crate::page) from: (f64, f64),
    pub(in crate::page) to: (f64, f64),
    pub(in crate::page) label: String,
    /// Faster than people travel?
    pub(in crate::page) is_fast: bool,
    pub(in crate::page) href: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Frame {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

impl Frame {
    /// The part of the world that has all places, with room around them.
    fn around(places: &[(f64, f64)]) -> Frame {
        let bound = |pick: fn(&(f64, f64)) -> f64| {
            let all = places.iter().map(pick);
            all.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            })
        };
        let ((south, north), (west, east)) = (bound(|place| place.0), bound(|place| place.1));
        if places.is_empty() {
            return WORLD;
        }
        let ratio = WORLD.height / WORLD.width;
        let width = ((east - west) * 1.4).max((north - south) * 1.4 / ratio).max(WIDTH_MIN);
        let width = width.min(WORLD.width);
        let height = width * ratio;
        let inside = |middle: f64, length: f64, low: f64, room: f64| {
            (middle - length / 2.0).clamp(low, low + (room - length).max(0.0))
        };
        Frame {
            x: inside(f64::midpoint(east, west), width, WORLD.x, WORLD.width),
            y: inside(-f64::midpoint(north, south), height, WORLD.y, WORLD.height),
            width,
            height,
        }
    }
}

/// Places on a map, the largest circle for the most sign-ins. What it shows is also in the labels
/// of its links.
pub(in crate::page) fn map(points: &[Point], arcs: &[Arc]) -> Markup {
    let ends = arcs.iter().flat_map(|arc| [arc.from, arc.to]);
    let places: Vec<(f64, f64)> =
        points.iter().map(|point| (point.latitude, point.longitude)).chain(ends).collect();
    let frame = Frame::around(&places);
    let most = points.iter().map(|point| point.count).max().unwrap_or(1).max(1);
    let unit = frame.width / 100.0;
    let radius = |count: u64| unit * (0.7 + 1.8 * (count as f64 / most as f64).sqrt());
    let view_box = format!("{:.2} {:.2} {:.2} {:.2}", frame.x, frame.y, frame.width, frame.height);
    html! {
        svg .world viewBox=(view_box) role="group" aria-label="Map" {
            use .land href="/assets/world.svg#land" {}
            @for arc in arcs { (line(arc, unit)) }
            @for point in points {
                @let count = plural(point.count, "sign-in", "sign-ins");
                @let label = format!("{}: {count}", point.label);
                a href=(point.href) aria-label=(label) {
                    circle .bad[point.is_bad] cx=(short(point.longitude))
                        cy=(short(-point.latitude)) r=(short(radius(point.count))) {
                        title { (label) }
                    }
                }
            }
        }
    }
}

fn line(arc: &Arc, unit: f64) -> Markup {
    let ((from_lat, from_lon), (to_lat, to_lon)) = (arc.from, arc.to);
    // Bent to the north, so that a way and the way back are two lines.
    let bend = ((to_lon - from_lon).abs() + (to_lat - from_lat).abs()) * 0.15;
    let (middle_x, middle_y) =
        (f64::midpoint(from_lon, to_lon), -f64::midpoint(from_lat, to_lat) - bend);
    let path = format!(
        "M{:.2} {:.2}Q{middle_x:.2} {middle_y:.2} {to_lon:.2} {:.2}",
        from_lon, -from_lat, -to_lat
    );
    html! {
        a .arc .fast[arc.is_fast] href=(arc.href) aria-label=(arc.label) {
            path d=(path) stroke-width=(short(unit * 0.35)) { title { (arc.label) } }
        }
    }
}

fn short(number: f64) -> String {
    format!("{number:.2}")
}

/// The way over the surface of the earth.
pub(in crate::page) fn kilometres(from: (f64, f64), to: (f64, f64)) -> f64 {
    let [lat1, lon1, lat2, lon2] = [from.0, from.1, to.0, to.1].map(f64::to_radians);
    let half = |angle: f64| (angle / 2.0).sin().powi(2);
    let chord = half(lat2 - lat1) + lat1.cos() * lat2.cos() * half(lon2 - lon1);
    2.0 * EARTH_KM * chord.sqrt().min(1.0).asin()
}

/// A place that is one: sources write zeros where they know none.
pub(in crate::page) fn coordinates(latitude: &str, longitude: &str) -> Option<(f64, f64)> {
    let place = (latitude.parse::<f64>().ok()?, longitude.parse::<f64>().ok()?);
    let known = place.0.abs() <= 90.0 && place.1.abs() <= 180.0 && place != (0.0, 0.0);
    known.then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        let (hamburg, lagos) = ((53.55, 9.99), (6.52, 3.38));
        assert!((kilometres(hamburg, lagos) - 5_260.0).abs() < 60.0);
        assert!(kilometres(lagos, lagos) < 0.001);
        assert_eq!(coordinates("0", "0"), None);
        assert_eq!(coordinates("", ""), None);
        assert_eq!(coordinates("52.52", "13.4"), Some((52.52, 13.4)));
    }

    #[test]
    fn the_map_shows_where_the_places_are() {
        assert_eq!(Frame::around(&[]), WORLD);
        let one = Frame::around(&[(53.55, 9.99)]);
        assert!((one.width - WIDTH_MIN).abs() < 0.001);
        assert!(one.x < 9.99 && 9.99 < one.x + one.width, "{one:?}");
        assert!(one.y < -53.55 && -53.55 < one.y + one.height, "{one:?}");
        let far = Frame::around(&[(60.0, -170.0), (-40.0, 170.0)]);
        assert!((far.width - WORLD.width).abs() < 0.001 && (far.x - WORLD.x).abs() < 0.001);
    }
}
