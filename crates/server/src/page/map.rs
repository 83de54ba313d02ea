//! Where sign-ins came from: circles on a map, and a list that says the same.
//!
//! `/map` takes the same parameters as the explorer, so one can go from one to the other; the
//! explorer has the map among its views.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Extension, State as Shared};
use axum::http::{Method, Uri};
use axum::response::Response;
use axum::routing::get;
use durward_journal::Action;
use durward_model::errors::Status;
use durward_model::{FieldId, Timestamp};
use durward_query::aggregate::USERS;
use durward_query::{AggregateRequest, AggregateRow, Dimension, DimensionValue, Reader};
use maud::{Markup, html};

use crate::access::{Asking, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::params::Params;
use crate::question::Question;
use crate::routes::{Endpoint, endpoint, read_others};

use super::entity::spark;
use super::entity::world::{self, Point};
use super::risk::marks::Marks;
use super::risk::travel::{self, Trip};
use super::scope::Scope;
use super::shell::{self, Frame};
use super::state::{State, Tab, grouped};
use super::{answer, explorer_parameters, link, page_of, words};

/// Places of one answer at most, the most frequent ones.
const PLACES_MAX: usize = 2000;
/// Places that are listed; the map has all.
const LISTED: usize = 200;
/// Combinations of place and coordinates that are looked at.
const COMBINATIONS_MAX: usize = 50_000;
/// Lines of the panel on the overview.
const LINES: usize = 5;

/// Ranges of the page, those of the portal.
const RANGES: [(&str, &str); 3] = [("24h", "24 hours"), ("7d", "7 days"), ("30d", "1 month")];

pub(super) fn endpoints() -> Vec<Endpoint> {
    let page = page_of("Where sign-ins came from").parameters(&explorer_parameters());
    vec![endpoint(Method::GET, "/map", read_others(Action::Count), get(map), page)]
}

/// A city, or what is known of one.
#[derive(Clone, Debug)]
struct Place {
    city: String,
    country: String,
    by_status: [u64; 3],
    users: u64,
    /// Latitude and longitude; `None` where no event has them.
    at: Option<(f64, f64)>,
}

/// Places, the most frequent first.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    places: Vec<Place>,
    /// Sign-ins without city and country.
    nowhere: u64,
}

impl Place {
    fn total(&self) -> u64 {
        self.by_status.iter().sum()
    }

    fn failures(&self) -> u64 {
        self.by_status[Status::Failure as usize]
    }

    fn name(&self) -> String {
        match (self.city.as_str(), self.country.as_str()) {
            ("", country) => format!("{country}, city unknown"),
            (city, "") => city.to_owned(),
            (city, country) => format!("{city}, {country}"),
        }
    }

    /// What the explorer finds this place with.
    fn terms(&self) -> [String; 2] {
        [link::is("location/countryOrRegion", &self.country), link::is("location/city", &self.city)]
    }
}

impl Places {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Sign-ins with a place but without coordinates.
    fn undrawn(&self) -> u64 {
        self.places.iter().filter(|place| place.at.is_none()).map(Place::total).sum()
    }
}

/// Looks up the places of a question.
pub(super) fn look(reader: &Reader, question: &Question) -> Result<Places, ApiError> {
    let count = |fields: &[FieldId], distinct: &[FieldId], limit| {
        let request = AggregateRequest {
            filter: question.full_filter(),
            logs: question.logs.clone(),
            by: fields.iter().copied().map(Dimension::Field).collect(),
            distinct: distinct.to_vec(),
            limit,
            ..AggregateRequest::default()
        };
        reader.aggregate(&request).map_err(ApiError::from)
    };
    let named = [FieldId::City, FieldId::CountryOrRegion];
    let rows = count(&named, &USERS, PLACES_MAX)?;
    let drawn = [named.as_slice(), &[FieldId::Latitude, FieldId::Longitude]].concat();
    let coordinates = coordinates(&count(&drawn, &[], COMBINATIONS_MAX)?);
    let mut found = Places::default();
    for row in &rows {
        let [city, country] = [0, 1].map(|index| text(row, index).to_owned());
        if city.is_empty() && country.is_empty() {
            found.nowhere += row.count();
            continue;
        }
        let at = coordinates.get(&(city.clone(), country.clone())).copied();
        let (by_status, users) = (row.by_status, row.distinct);
        found.places.push(Place { city, country, by_status, users, at });
    }
    Ok(found)
}

/// Where each city is: the mean of what its events say.
fn coordinates(rows: &[AggregateRow]) -> HashMap<(String, String), (f64, f64)> {
    let mut sums: HashMap<(String, String), (f64, f64, f64)> = HashMap::new();
    for row in rows {
        let [city, country, latitude, longitude] = [0, 1, 2, 3].map(|index| text(row, index));
        let Some(at) = world::coordinates(latitude, longitude) else { continue };
        let weight = row.count() as f64;
        let sum = sums.entry((city.to_owned(), country.to_owned())).or_default();
        *sum = (sum.0 + at.0 * weight, sum.1 + at.1 * weight, sum.2 + weight);
    }
    sums.into_iter().map(|(key, (lat, lon, all))| (key, (lat / all, lon / all))).collect()
}

fn text(row: &AggregateRow, index: usize) -> &str {
    match row.keys.get(index) {
        Some(DimensionValue::Text(text)) => text,
        _ => "",
    }
}

/// The drawing.
fn drawing(places: &Places, trips: &[Trip], href: &dyn Fn(&Place) -> String) -> Markup {
    let point = |place: &Place| {
        let (latitude, longitude) = place.at?;
        let failures = spark::percent(place.failures(), place.total());
        Some(Point {
            latitude,
            longitude,
            label: format!("{} ({failures} failed)", place.name()),
            count: place.total(),
            is_bad: place.failures() * 2 > place.total(),
            href: href(place),
        })
    };
    let points: Vec<Point> = places.places.iter().filter_map(point).collect();
    let arcs: Vec<world::Arc> = trips.iter().filter_map(Trip::arc).collect();
    html! {
        (world::map(&points, &arcs))
        p .map-key .muted .small {
            span { i .place {} " circle: sign-ins of a city" }
            span { i .place .bad {} " more than half failed" }
            @if !arcs.is_empty() { span { i .way {} " line: a journey that cannot be" } }
        }
    }
}

/// What is not on the map.
fn elsewhere(places: &Places, nowhere_href: &str) -> Markup {
    let undrawn = places.undrawn();
    html! {
        @if places.nowhere > 0 {
            a href=(nowhere_href) { (grouped(places.nowhere)) " without a place" }
        }
        @if undrawn > 0 {
            @if places.nowhere > 0 { " · " }
            (grouped(undrawn)) " with a place but no coordinates: in the list only"
        }
        @if places.len() == PLACES_MAX { " · the " (grouped(PLACES_MAX as u64)) " most frequent places" }
    }
}

/// The map and the list for a state of the explorer; every place leads to its events there.
pub(super) fn render(state: &State, places: &Places, trips: &[Trip]) -> Markup {
    let of = |place: &Place| {
        let rows = state.with(|state| state.view = super::state::View::Rows);
        place.terms().iter().fold(rows, |state, term| state.and(term)).href()
    };
    let nowhere = ["location/countryOrRegion=\"\"", "location/city=\"\""];
    let rows = state.with(|state| state.view = super::state::View::Rows);
    let nowhere = nowhere.iter().fold(rows, |state, term| state.and(term)).href();
    html! {
        div .map-view {
            div .map-drawing {
                (drawing(places, trips, &of))
                p .corner .muted .small { (elsewhere(places, &nowhere)) }
            }
            div .scroll { (table(places, &of)) }
        }
    }
}

fn table(places: &Places, href: &dyn Fn(&Place) -> String) -> Markup {
    html! {
        table .list .map-list {
            caption .visually-hidden { "Places with their sign-ins" }
            thead {
                tr {
                    th scope="col" { "Place" }
                    th scope="col" .number { "Sign-ins" }
                    th scope="col" .number { "Users" }
                    th scope="col" .number { "Failures" }
                }
            }
            tbody {
                @for place in places.places.iter().take(LISTED) {
                    tr {
                        td { a href=(href(place)) { (place.name()) } }
                        td .number { (grouped(place.total())) }
                        td .number { (grouped(place.users)) }
                        td .number { (grouped(place.failures())) }
                    }
                }
            }
        }
        @if places.len() > LISTED {
            p .rest .muted { "and " (grouped((places.len() - LISTED) as u64)) " more on the map" }
        }
    }
}

/// `GET /map`
async fn map(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&State::params())?;
    let mut state = State::parse(&params)?;
    if params.get("type").is_none() {
        state.tab = Tab(None);
    }
    let now = Timestamp::now();
    let question = state
        .question(now)
        .map_err(|error| ApiError::bad_request(error.to_string()).parameter("f"))?;
    let marks = Marks::of(&app, &caller);
    let (tenant, span) = (state.scope.tenant.clone(), state.scope.span(now)?);
    let span = (span.0.map(|from| from.micros), span.1.map(|to| to.micros));
    let (places, trips) = app
        .ask(&caller, move |reader| {
            let trips = travel::of_range(reader, &marks, tenant.as_deref(), span)?;
            Ok((look(reader, &question)?, trips))
        })
        .await?;
    let body = html! {
        main #main .map-page {
            div .heading {
                h1 { "Map" }
                div .actions { a .button href=(state.href()) { "As a list in the explorer" } }
            }
            (choices(&state))
            section .panel {
                @if places.len() == 0 && places.nowhere == 0 {
                    (nothing(&state))
                } @else {
                    (render(&state, &places, &trips))
                }
            }
            @if !trips.is_empty() {
                section .panel .part .journeys aria-label="Journeys that cannot be" {
                    h2 { "Impossible and atypical travel, " (state.scope.label().to_lowercase()) }
                    (travel::list(&trips, now))
                }
            }
        }
    };
    let href = |scope: &Scope| of_map(&state.with(|state| state.scope = scope.clone()));
    let page = shell::page(&frame, "Map", &body, &shell::controls(&state.scope, now, &href));
    Ok(Looked::rows(places.len()).on(answer(page)))
}

fn of_map(state: &State) -> String {
    state.href_of("/map", &[])
}

/// Range, log and status to choose.
fn choices(state: &State) -> Markup {
    let ranged = |range: &str| of_map(&state.with(|state| state.scope = state.scope.at(range)));
    let statuses = std::iter::once(None).chain(Status::ALL.map(Some));
    html! {
        div .map-choices {
            nav .segments aria-label="Range" {
                @for (range, label) in RANGES {
                    a href=(ranged(range))
                        aria-current=[(state.scope.range == range).then_some("true")] { (label) }
                }
            }
            nav .segments aria-label="Status" {
                @for status in statuses {
                    a href=(of_map(&with_status(state, status)))
                        aria-current=[(status_of(state) == status_term(status)).then_some("true")] {
                        @match status {
                            None => "All",
                            Some(status) => {
                                span aria-hidden="true" { (words::icon(status)) } " " (status.name())
                            }
                        }
                    }
                }
            }
            nav .segments .types aria-label="Type of sign-in" {
                @for tab in Tab::ALL {
                    a href=(of_map(&state.with(|state| state.tab = tab)))
                        aria-current=[(tab == state.tab).then_some("true")] { (tab.label()) }
                }
            }
        }
    }
}

fn status_term(status: Option<Status>) -> Option<String> {
    status.map(|status| format!("status={}", words::status_class(status)))
}

/// The pill about the status, as it stands in the address.
fn status_of(state: &State) -> Option<String> {
    state.pills.0.iter().map(|pill| pill.text()).find(|text| text.starts_with("status"))
}

fn with_status(state: &State, status: Option<Status>) -> State {
    let without = state.with(|state| {
        state.pills.0.retain(|pill| !pill.text().starts_with("status"));
    });
    status_term(status).map_or(without.clone(), |term| without.and(&term))
}

fn nothing(state: &State) -> Markup {
    html! {
        div .empty {
            h2 { "No sign-ins match" }
            p .muted { "Nothing in " (state.tab.label()) ", " (state.range_label()) "." }
            p .choices {
                a .button href=(of_map(&state.with(|state| state.scope = state.scope.at("30d")))) {
                    "Last 30 days"
                }
                a .button href=(of_map(&state.with(|state| state.pills.0.clear()))) {
                    "Without the filter"
                }
            }
        }
    }
}

/// The map on the overview.
pub(super) fn panel(reader: &Reader, scope: &Scope, now: Timestamp) -> Result<Markup, ApiError> {
    let own = scope.pairs().into_iter().map(|(name, value)| (name.to_owned(), value));
    let all = std::iter::once(("type".to_owned(), "all".to_owned()));
    let state = State::parse(&Params(own.chain(all).collect()))?;
    let question = state.question(now).map_err(|error| ApiError::internal(&error))?;
    let places = look(reader, &question)?;
    let of = |place: &Place| link::signins(scope, None, &place.terms());
    Ok(html! {
        (drawing(&places, &[], &of))
        ol .top {
            @for place in places.places.iter().take(LINES) {
                li {
                    span .name {
                        (place.name()) " "
                        span .muted { (spark::percent(place.failures(), place.total())) " failed" }
                    }
                    a .number href=(of(place)) { (grouped(place.total())) }
                }
            }
        }
        p .rest { a href=(scope.href("/map", &[])) { "All " (grouped(places.len() as u64)) " places" } }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(keys: [&str; 4], count: u64) -> AggregateRow {
        AggregateRow {
            keys: keys.map(|key| DimensionValue::Text(key.to_owned())).to_vec(),
            by_status: [count, 0, 0],
            distinct: 0,
            first: None,
            last: None,
        }
    }

    #[test]
    fn a_city_is_where_its_events_are() {
        let rows = [
            row(["Vigo", "ES", "42", "-8"], 3),
            row(["Vigo", "ES", "44", "-8"], 1),
            row(["Vigo", "ES", "", ""], 9),
            row(["Porto", "PT", "0", "0"], 9),
        ];
        let places = coordinates(&rows);
        assert_eq!(places.len(), 1, "nobody is at zero");
        let (latitude, longitude) = places[&("Vigo".to_owned(), "ES".to_owned())];
        assert!((latitude - 42.5).abs() < 1e-9 && (longitude + 8.0).abs() < 1e-9);
    }

    #[test]
    fn the_status_is_one_choice() {
        let params = Params::parse(Some("f=status%3Dfailure,country%3DES&type=all")).unwrap();
        let state = State::parse(&params).unwrap();
        assert_eq!(status_of(&state).as_deref(), Some("status=failure"));
        let other = with_status(&state, Some(Status::Success));
        assert_eq!(other.pills.text(), "country=ES,status=success");
        assert_eq!(with_status(&state, None).pills.text(), "country=ES");
    }
}
