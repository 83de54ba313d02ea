//! From one place to another: how far, how fast, which end is the strange one, and what explains
//! that somebody seems to be in two places.

use durward_model::time::DAY_MICROS;

use crate::detection::Context;
use crate::finding::Finding;
use crate::profile::{Profile, Stop, Trait};
use crate::sighting::Sighting;

use super::words::{span, thousands, whereabouts};

/// Mean radius of the earth.
const EARTH_KM: f64 = 6371.0;
/// How far off the point of a country may be, where no city is known, beside what is allowed for
/// a city.
const COUNTRY_KM: f64 = 400.0;
/// An address pool of one operator may be spread so far across a border.
const NEIGHBOURS_KM: f64 = 1500.0;
/// Users watched for less are not known: within one country, their carriers are not either.
pub(super) const KNOWN_MICROS: i64 = 3 * DAY_MICROS;
/// A place or network used on so many days is one that the user comes back to.
const REGULAR_DAYS: u16 = 5;

/// Great-circle distance between two points, degrees north and east.
pub(super) fn distance_km((south, west): (f32, f32), (north, east): (f32, f32)) -> f64 {
    let radians = |degrees: f32| f64::from(degrees).to_radians();
    let half_height = (radians(north - south) / 2.0).sin();
    let half_width = (radians(east - west) / 2.0).sin();
    let cosines = radians(south).cos() * radians(north).cos();
    let chord = half_height.powi(2) + cosines * half_width.powi(2);
    2.0 * EARTH_KM * chord.sqrt().min(1.0).asin()
}

/// Two stops of one user, and the way between.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leg<'a> {
    /// The end that is less familiar to the user.
    pub(super) strange: &'a Stop,
    /// The other end.
    pub(super) usual: &'a Stop,
    /// As the crow flies.
    pub(super) km: f64,
    /// What both points may be off.
    pub(super) blur_km: f64,
    /// The time between, at least a second.
    pub(super) micros: i64,
}

/// What is known about why a user seems to be in two places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Explained {
    /// For sure enough not to be worth a word.
    Surely,
    /// By this, perhaps.
    Perhaps(&'static str),
    /// By nothing.
    Not,
}

/// Where the user was lately that is at least so far from a sign-in, the time (µs) not longer ago
/// than `within_micros`; latest first. The cheap questions come first: nearly always, it is empty.
pub(super) fn far_stops<'a>(
    profile: &'a Profile,
    sighting: &Sighting<'_>,
    least_km: f64,
    within_micros: i64,
) -> Vec<&'a Stop> {
    let Some(here) = sighting.network.point else { return Vec::new() };
    let mut far: Vec<&Stop> = Vec::new();
    for stop in profile.stops() {
        let Some(there) = stop.point else { continue };
        let (north, east) = ((here.0 - there.0).abs(), (here.1 - there.1).abs());
        let is_same_place = stop.place != 0 && stop.place == sighting.network.place;
        let is_far = !is_same_place
            && (north > 1.0 || east > 1.0)
            && sighting.at_micros - stop.last.at_micros <= within_micros
            && distance_km(here, there) >= least_km;
        if is_far {
            far.push(stop);
        }
    }
    far.sort_unstable_by_key(|stop| std::cmp::Reverse(stop.last));
    far
}

impl<'a> Leg<'a> {
    /// The way from an earlier stop to where the user is now.
    pub(super) fn of(
        profile: &Profile,
        before: &'a Stop,
        now: &'a Stop,
        error_km: f64,
    ) -> Option<Leg<'a>> {
        let at = now.last.at_micros;
        let strangeness = |stop: &Stop| {
            2 * u8::from(!profile.knew(Trait::Country, stop.country, at))
                + u8::from(!profile.knew(Trait::Place, stop.place, at))
                + u8::from(!profile.knew(Trait::Asn, u64::from(stop.asn), at))
                + u8::from(!profile.knew_machine(stop.device, stop.client, at))
        };
        // Of two that are as strange, the one that came later.
        let since = |stop: &Stop| {
            let seen = profile.seen(Trait::Place, stop.place, at);
            seen.map_or(i64::MAX, |seen| seen.first_micros)
        };
        let is_now = (strangeness(now), since(now)) >= (strangeness(before), since(before));
        let (strange, usual) = if is_now { (now, before) } else { (before, now) };
        let blur = |stop: &Stop| error_km + if stop.place == 0 { COUNTRY_KM } else { 0.0 };
        Some(Leg {
            strange,
            usual,
            km: distance_km(before.point?, now.point?),
            blur_km: blur(strange) + blur(usual),
            micros: (at - before.last.at_micros).max(1_000_000),
        })
    }

    /// The distance that is certain.
    pub(super) fn certain_km(&self) -> f64 {
        (self.km - self.blur_km).max(0.0)
    }

    /// Hours between.
    pub(super) fn hours(&self) -> f64 {
        self.micros as f64 / 3.6e9
    }

    /// Kilometres an hour for the distance that is certain.
    pub(super) fn speed(&self) -> f64 {
        self.certain_km() / self.hours()
    }

    /// `9,900 km − 200 km error radius = 9,700 km in 42 min`.
    pub(super) fn arithmetic(&self) -> String {
        format!(
            "{} km − {} km error radius of both ends = {} km in {}",
            thousands(self.km),
            thousands(self.blur_km),
            thousands(self.certain_km()),
            span(self.micros)
        )
    }

    /// What explains it, by what is known of the user and of others in the tenant.
    pub(super) fn explained(
        &self,
        user: u64,
        profile: &Profile,
        context: &Context<'_>,
    ) -> Explained {
        let (strange, usual) = (self.strange, self.usual);
        let at = strange.last.at_micros.max(usual.last.at_micros);
        let regularly = |stop: &Stop| profile.days(Trait::Place, stop.place, at) >= REGULAR_DAYS;
        // At a familiar place, that is: an attacker may well hop about with one machine.
        let has_been_elsewhere =
            usual.is_same_machine(strange) || profile.has_been_elsewhere(strange, at);
        let is_abroad = strange.country != usual.country;
        let is_one_operator =
            strange.asn != 0 && strange.asn == usual.asn && (!is_abroad || self.km < NEIGHBOURS_KM);
        let is_carrier = !is_abroad
            && (profile.age_micros(at) < KNOWN_MICROS
                || profile.days(Trait::Asn, u64::from(strange.asn), at) >= 2
                || has_been_elsewhere);
        let is_sure = strange.is_trusted
            || strange.is_shared
            || usual.is_shared
            || is_one_operator
            || is_carrier
            || is_moved(profile, usual, at)
            || (regularly(strange) && regularly(usual))
            || (strange.device != 0
                && (profile.knew(Trait::Device, strange.device, at) || has_been_elsewhere))
            || (has_been_elsewhere && context.profiles.has_company(strange, user))
            || context.profiles.is_egress(strange);
        if is_sure {
            Explained::Surely
        } else if has_been_elsewhere {
            Explained::Perhaps(
                "Explained by a VPN or a carrier, perhaps: the same session of the same client \
                 was at another place before. A copied session looks like this too.",
            )
        } else if strange.device != 0 && profile.age_micros(at) < KNOWN_MICROS {
            Explained::Perhaps(
                "Explained by a VPN, perhaps: the device is registered, and this user has been \
                 watched for less than three days.",
            )
        } else if regularly(strange) {
            Explained::Perhaps(
                "Explained by a second place of this user, perhaps: they have signed in from \
                 there on many days.",
            )
        } else {
            Explained::Not
        }
    }

    /// What of the strange end the user did not know a day before, in words.
    pub(super) fn news(&self, profile: &Profile) -> Vec<&'static str> {
        let (stop, at) = (self.strange, self.strange.last.at_micros);
        let new = [
            ("country", !profile.knew(Trait::Country, stop.country, at)),
            ("city", !profile.knew(Trait::Place, stop.place, at)),
            ("network operator", !profile.knew(Trait::Asn, u64::from(stop.asn), at)),
            ("device", !profile.knew_machine(stop.device, stop.client, at)),
        ];
        new.into_iter().filter(|(_, is)| *is).map(|(name, _)| name).collect()
    }

    /// Adds both ends and what is new to a finding, which is then about the strange end.
    pub(super) fn describe(&self, profile: &Profile, mut finding: Finding) -> Finding {
        let (from, to) = self.in_order();
        let news = self.news(profile);
        let news = if news.is_empty() { "nothing".to_owned() } else { news.join(", ") };
        finding.address = self.strange.spot.address.clone();
        finding.location = self.strange.spot.location.clone();
        finding
            .fact("From", whereabouts(from))
            .fact("To", whereabouts(to))
            .fact("Less familiar end", self.strange.spot.name())
            .fact("New for this user there", news)
    }

    /// The ends in the order of time.
    pub(super) fn in_order(&self) -> (&'a Stop, &'a Stop) {
        if self.strange.last < self.usual.last {
            (self.strange, self.usual)
        } else {
            (self.usual, self.strange)
        }
    }
}

/// Is this machine moved on the map by a VPN, so that it does not tell where its user is? Its
/// registered device is just as well at a place that the user knows better.
fn is_moved(profile: &Profile, stop: &Stop, at_micros: i64) -> bool {
    let familiarity = |stop: &Stop| {
        let seen = profile.seen(Trait::Place, stop.place, at_micros);
        seen.map_or((0, 0), |seen| (seen.days, seen.count))
    };
    let own = familiarity(stop);
    stop.device != 0
        && profile.stops().iter().any(|one| {
            one.device == stop.device
                && one.place != stop.place
                && (at_micros - one.last.at_micros).abs() < DAY_MICROS
                && familiarity(one) > own
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_right() {
        let (london, new_york, auckland) =
            ((51.5072, -0.1276), (40.7128, -74.006), (-36.85, 174.76));
        assert!((5_500.0..5_640.0).contains(&distance_km(london, new_york)));
        assert!((18_200.0..18_500.0).contains(&distance_km(auckland, london)));
        // Across the date line.
        assert!(distance_km((0.0, 179.0), (0.0, -179.0)) < 223.0);
    }
}
