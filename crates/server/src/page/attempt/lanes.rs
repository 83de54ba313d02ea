//! The swim lanes of a session: time from left to right, a lane for each application, a dot for
//! each sign-in, and above them where and on what the session was at the time. The table of
//! changes beside it says the same in words.

use durward_model::Timestamp;
use durward_model::errors::Status;
use maud::{Markup, html};

use super::super::scope::Scope;
use super::super::{link, words};
use super::story::Named;
use super::thread::{Aspect, Change, Stop};

/// Sizes, in units of the drawing.
const WIDTH: f64 = 1100.0;
const LEFT: f64 = 190.0;
const RIGHT: f64 = 14.0;
const LABELS: f64 = 38.0;
/// Rows of labels above the bands.
const LABEL_ROWS: usize = 2;
const BAND: f64 = 20.0;
const LANE: f64 = 24.0;
const AXIS: f64 = 24.0;
/// Dots nearer than this to each other become one.
const DOT: f64 = 9.0;
/// A letter of the drawing is about as wide.
const LETTER: f64 = 6.0;

/// Lanes at most; further applications share the last.
const LANES_MAX: usize = 12;
/// Lines and segments of bands drawn at most.
const LINES_MAX: usize = 80;
const SEGMENTS_MAX: usize = 200;
/// Tints of bands; see the style sheet.
const TINTS: [&str; 6] = ["t0", "t1", "t2", "t3", "t4", "t5"];

/// Times as places.
struct Axis {
    first: i64,
    last: i64,
}

impl Axis {
    fn x(&self, time: Timestamp) -> f64 {
        let span = (self.last - self.first).max(1) as f64;
        LEFT + DOT + (time.micros - self.first) as f64 / span * (WIDTH - LEFT - RIGHT - 2.0 * DOT)
    }
}

/// One lane.
struct Lane {
    app: Named,
    /// The others, too.
    is_rest: bool,
}

/// Dots at one place of a lane.
#[derive(Default)]
struct Dot<'s> {
    stops: Vec<&'s Stop>,
}

impl Dot<'_> {
    fn status(&self) -> Status {
        let has = |status| self.stops.iter().any(|stop| stop.request.status == status);
        let worst = [Status::Failure, Status::Interrupted].into_iter().find(|s| has(*s));
        worst.unwrap_or(Status::Success)
    }

    fn title(&self) -> String {
        match self.stops.as_slice() {
            [stop] => format!(
                "{} · {} · {}{}",
                stop.request.created.to_rfc3339(),
                stop.request.app.label(),
                stop.request.status.name(),
                if stop.request.is_silent() { " · silent" } else { "" },
            ),
            stops => format!("{} sign-ins", stops.len()),
        }
    }

    fn href(&self, scope: &Scope, session: &str) -> String {
        if let [stop] = self.stops.as_slice() {
            return link::event(&stop.request.id);
        }
        let times = || self.stops.iter().map(|stop| stop.request.created.micros);
        let (first, last) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
        let mut terms = vec![link::is("sessionId", session)];
        let app = self.stops.first().map(|stop| stop.request.app.id.as_str()).unwrap_or_default();
        if !app.is_empty() && self.stops.iter().all(|stop| stop.request.app.id == app) {
            terms.push(link::is("appId", app));
        }
        link::signins(&scope.between(first, last + 1_000_000), None, &terms)
    }
}

/// The drawing.
pub(super) fn render(scope: &Scope, session: &str, stops: &[Stop], changes: &[Change]) -> Markup {
    let (Some(first), Some(last)) = (stops.first(), stops.last()) else { return html! {} };
    let axis = Axis { first: first.request.created.micros, last: last.request.created.micros };
    let lanes = lanes(stops);
    let top = LABELS + 3.0 * BAND + 6.0;
    let bottom = top + lanes.len() as f64 * LANE;
    let height = bottom + AXIS;
    let view_box = format!("0 0 {WIDTH} {height}");
    html! {
        div .scroll tabindex="0" role="region" aria-label="Swim lanes of the session" {
            svg .lanes viewBox=(view_box) role="group"
                aria-label="Sign-ins of the session by application over time" {
                (bands(&axis, stops))
                (lines(&axis, stops, changes, bottom))
                @for (number, lane) in lanes.iter().enumerate() {
                    @let y = top + (number as f64 + 0.5) * LANE;
                    text x="0" y=(y + 4.0) { (cut(lane.app.label(), LEFT - 8.0)) }
                    line .lane x1=(LEFT) x2=(WIDTH - RIGHT) y1=(y) y2=(y) {}
                    @for dot in dots(&axis, stops, &lanes, number) {
                        (draw(&axis, &dot, y, &dot.href(scope, session)))
                    }
                }
                (ticks(&axis, bottom))
            }
        }
    }
}

/// The applications of a session, the most used first.
fn lanes(stops: &[Stop]) -> Vec<Lane> {
    let mut counted: Vec<(Named, usize)> = Vec::new();
    for stop in stops {
        match counted.iter_mut().find(|(app, _)| *app == stop.request.app) {
            Some((_, count)) => *count += 1,
            None => counted.push((stop.request.app.clone(), 1)),
        }
    }
    counted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let rest = counted.len() > LANES_MAX;
    counted.truncate(if rest { LANES_MAX - 1 } else { LANES_MAX });
    let mut lanes: Vec<Lane> =
        counted.into_iter().map(|(app, _)| Lane { app, is_rest: false }).collect();
    if rest {
        let app = Named { id: String::new(), name: "Other applications".to_owned() };
        lanes.push(Lane { app, is_rest: true });
    }
    lanes
}

fn dots<'s>(axis: &Axis, stops: &'s [Stop], lanes: &[Lane], number: usize) -> Vec<Dot<'s>> {
    let lane = &lanes[number];
    let has_own = |app: &Named| lanes.iter().any(|other| !other.is_rest && other.app == *app);
    let belongs = |stop: &&Stop| match lane.is_rest {
        true => !has_own(&stop.request.app),
        false => lane.app == stop.request.app,
    };
    let mut dots: Vec<Dot<'s>> = Vec::new();
    for stop in stops.iter().filter(belongs) {
        let x = axis.x(stop.request.created);
        let near = |dot: &&mut Dot<'_>| {
            dot.stops.first().is_some_and(|first| x - axis.x(first.request.created) < DOT)
        };
        match dots.last_mut().filter(near) {
            Some(dot) => dot.stops.push(stop),
            None => dots.push(Dot { stops: vec![stop] }),
        }
    }
    dots
}

/// A dot; hollow where all of it was silent, larger where it stands for several.
fn draw(axis: &Axis, dot: &Dot<'_>, y: f64, href: &str) -> Markup {
    let x = dot.stops.first().map_or(LEFT, |stop| axis.x(stop.request.created));
    let is_hollow = dot.stops.iter().all(|stop| stop.request.is_silent());
    let radius = if dot.stops.len() > 1 { 5.5 } else { 4.0 };
    let title = dot.title();
    html! {
        // Out of the order of tabs: the table has the steps that matter, the log has all.
        a href=(href) tabindex="-1" aria-label=(title) {
            circle .dot .(words::status_class(dot.status())) .hollow[is_hollow]
                cx=(round(x)) cy=(y) r=(radius) { title { (title) } }
        }
    }
}

/// Network, device and user agent over time.
fn bands(axis: &Axis, stops: &[Stop]) -> Markup {
    let network = |stop: &Stop| {
        let asn = if stop.asn.is_empty() { String::new() } else { format!(" · AS{}", stop.asn) };
        format!("{}{asn} · {}", stop.request.ip, stop.country)
    };
    let rows: [(&str, Vec<String>); 3] = [
        ("IP · ASN · country", stops.iter().map(network).collect()),
        ("Device", stops.iter().map(device).collect()),
        ("User agent", stops.iter().map(|stop| stop.agent.clone()).collect()),
    ];
    html! {
        @for (number, (label, values)) in rows.iter().enumerate() {
            @let y = LABELS + number as f64 * BAND;
            text .band x="0" y=(y + 13.0) { (label) }
            @for segment in segments(axis, stops, values) {
                rect .(segment.tint) x=(round(segment.x)) y=(y) height=(BAND - 3.0)
                    width=(round(segment.width)) rx="3" { title { (segment.value) } }
                @if segment.width > 5.0 * LETTER {
                    text .inside x=(round(segment.x + 5.0)) y=(y + 12.5) {
                        (cut(segment.value, segment.width - 10.0))
                    }
                }
            }
        }
    }
}

/// What a device is called.
pub(super) fn device(stop: &Stop) -> String {
    let name = [&stop.device_name, &stop.device_id].into_iter().find(|name| !name.is_empty());
    let name = name.map_or("no device ID", String::as_str);
    match stop.is_compliant {
        Some(true) => format!("{name} (compliant)"),
        _ => name.to_owned(),
    }
}

struct Segment<'v> {
    x: f64,
    width: f64,
    value: &'v str,
    tint: &'static str,
}

fn segments<'v>(axis: &Axis, stops: &[Stop], values: &'v [String]) -> Vec<Segment<'v>> {
    let mut met: Vec<&str> = Vec::new();
    let mut segments: Vec<Segment<'v>> = Vec::new();
    for (stop, value) in stops.iter().zip(values) {
        let x = axis.x(stop.request.created);
        if let Some(last) = segments.last_mut() {
            last.width = (x - last.x - 1.0).max(1.5);
            if last.value == value || segments.len() == SEGMENTS_MAX {
                continue;
            }
        }
        let number = met.iter().position(|other| other == value).unwrap_or_else(|| {
            met.push(value);
            met.len() - 1
        });
        segments.push(Segment { x, width: 1.5, value, tint: TINTS[number % TINTS.len()] });
    }
    if let Some(last) = segments.last_mut() {
        last.width = (WIDTH - RIGHT - last.x).max(1.5);
    }
    segments
}

/// A line where something changed.
struct Line {
    x: f64,
    is_new: bool,
    /// All that changed.
    title: String,
    label: String,
    /// The most telling of what is new.
    aspect: Option<Aspect>,
    /// The row of its label, and where this begins; `None` where there is no room for it.
    place: Option<(usize, f64)>,
}

impl Line {
    fn width(&self) -> f64 {
        self.label.chars().count() as f64 * LETTER
    }
}

/// Lines where something changed, named where there is room: the most telling changes first.
fn lines(axis: &Axis, stops: &[Stop], changes: &[Change], bottom: f64) -> Markup {
    let line = |group: &[Change]| {
        let all: Vec<String> = group.iter().map(|change| words_of(stops, change)).collect();
        let first = all.first().cloned().unwrap_or_default();
        Line {
            x: group.first().map_or(LEFT, |change| axis.x(stops[change.at].request.created)),
            is_new: group.iter().any(|change| change.is_new),
            label: if all.len() > 1 { format!("{first} +{}", all.len() - 1) } else { first },
            title: all.join("; "),
            aspect: group.iter().filter(|change| change.is_new).map(|c| c.aspect).min(),
            place: None,
        }
    };
    let mut lines: Vec<Line> =
        changes.chunk_by(|a, b| a.at == b.at).take(LINES_MAX).map(line).collect();
    lines.sort_by_key(|line| line.aspect.map_or(Aspect::ALL.len(), |aspect| aspect as usize));
    let mut taken: [Vec<(f64, f64)>; LABEL_ROWS] = Default::default();
    for line in lines.iter_mut().filter(|line| line.is_new) {
        let start = line.x.min(WIDTH - line.width());
        let end = start + line.width() + LETTER;
        let is_free = |row: &Vec<(f64, f64)>| row.iter().all(|(a, b)| end <= *a || start >= *b);
        if let Some(row) = taken.iter().position(is_free) {
            taken[row].push((start, end));
            line.place = Some((row, start));
        }
    }
    html! {
        @for line in &lines {
            @let x = round(line.x);
            line .change .back[!line.is_new] x1=(x) x2=(x) y1=(LABELS - 4.0) y2=(bottom) {
                title { (line.title) }
            }
            @if let Some((row, start)) = line.place {
                @let y = LABELS - 9.0 - 14.0 * row as f64;
                text .change x=(round(start)) y=(y) { (line.label) }
            }
        }
    }
}

/// `ASN changed: 3320 → 14061`
pub(super) fn words_of(stops: &[Stop], change: &Change) -> String {
    let value = |at: usize| short(&value_of(change.aspect, &stops[at]), 28);
    format!("{} changed: {} → {}", change.aspect.label(), value(change.from), value(change.at))
}

/// The value of an aspect for people.
pub(super) fn value_of(aspect: Aspect, stop: &Stop) -> String {
    match aspect {
        Aspect::Device => device(stop),
        aspect => aspect.of(stop).unwrap_or("unknown").to_owned(),
    }
}

fn ticks(axis: &Axis, bottom: f64) -> Markup {
    const TICKS: i64 = 5;
    let span = axis.last - axis.first;
    let tick = |number: i64| Timestamp::from_micros(axis.first + span / TICKS * number);
    // With the day where the session has several.
    let range = if span > durward_model::time::DAY_MICROS { 5..16 } else { 11..19 };
    html! {
        @for number in 0..=(if span > 0 { TICKS } else { 0 }) {
            @let whole = tick(number).to_rfc3339();
            @let anchor = if number == TICKS { "end" } else { "start" };
            text .tick x=(round(axis.x(tick(number)))) y=(bottom + 16.0) text-anchor=(anchor) {
                (whole.get(range.clone()).unwrap_or_default().replace('T', " "))
            }
        }
        text .tick x="0" y=(bottom + 16.0) { "UTC" }
    }
}

/// As much of a text as fits into a width.
fn cut(text: &str, width: f64) -> String {
    // Negative and huge widths saturate, which is what is wanted of them.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    let letters = (width / LETTER) as usize;
    short(text, letters.max(1))
}

fn short(text: &str, letters: usize) -> String {
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    let cut: String = text.chars().take(letters.saturating_sub(1)).collect();
    format!("{cut}…")
}

/// A tenth of a unit is as fine as a screen shows.
fn round(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}
