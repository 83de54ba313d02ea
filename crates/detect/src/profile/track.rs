//! Where a user was lately: the last few places, networks and machines, with their times.
//!
//! Travel is judged between sign-ins, so beside what is familiar a user's profile has to keep
//! when they were where. Not only the last sign-in: while somebody steals a session, sign-ins of
//! both sides come in turns.

use durward_model::FieldId;
use serde::{Deserialize, Serialize};

use super::network_key;
use crate::finding::EventRef;
use crate::sighting::Sighting;

/// Stops remembered of one user; those left longest ago go. A laptop and a phone at home, at the
/// office and on the way are some five, and the attacker's must fit beside them.
const STOPS_MAX: usize = 8;

/// What only people read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spot {
    /// The address last used.
    pub address: String,
    /// City, state and country.
    pub location: [String; 3],
}

impl Spot {
    /// City and country, or what of them is known.
    pub fn name(&self) -> String {
        let [city, _, country] = &self.location;
        match (city.is_empty(), country.is_empty()) {
            (false, false) => format!("{city}, {country}"),
            (true, true) => "an unknown place".to_owned(),
            _ => format!("{city}{country}"),
        }
    }
}

/// A machine of the user, in a network, at a place: from the first to the last success there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stop {
    /// The first success.
    pub first: EventRef,
    /// The last one so far.
    pub last: EventRef,
    /// Degrees north and east.
    pub point: Option<(f32, f32)>,
    /// Country, state and city; 0 where the city is not known.
    pub place: u64,
    /// The country.
    pub country: u64,
    /// The autonomous system.
    pub asn: u32,
    /// The /24 or /48.
    pub prefix: u64,
    /// The address last used, as seen in this tenant.
    pub address: u64,
    /// Prefix and autonomous system, as seen in this tenant.
    pub network: u64,
    /// The registered device; 0 for none.
    pub device: u64,
    /// Operating system and browser, without versions.
    pub client: u64,
    /// The session last used.
    pub session: u64,
    /// In a trusted named location.
    pub is_trusted: bool,
    /// On the list of networks that people share, or through Global Secure Access.
    pub is_shared: bool,
    /// For people.
    pub spot: Box<Spot>,
}

impl Stop {
    /// The stop that a sign-in makes.
    pub fn of(sighting: &Sighting<'_>) -> Stop {
        let (network, device) = (sighting.network, sighting.device);
        let event = EventRef::of(sighting);
        Stop {
            first: event,
            last: event,
            point: network.point,
            place: network.place,
            country: network.country,
            asn: network.asn,
            prefix: network.prefix,
            address: sighting.address,
            network: network_key(sighting),
            device: device.device,
            client: device.client,
            session: sighting.session,
            is_trusted: network.is_trusted,
            is_shared: network.is_shared,
            spot: Box::new(spot(sighting)),
        }
    }

    /// Does a sign-in belong to this stop?
    fn goes_on(&self, sighting: &Sighting<'_>) -> bool {
        let (network, device) = (sighting.network, sighting.device);
        self.place == network.place
            && self.asn == network.asn
            && self.device == device.device
            && (device.device != 0 || self.client == device.client)
            && self.point == network.point
            && self.country == network.country
    }

    /// The same registered device, or the same session of the same unregistered client?
    pub fn is_same_machine(&self, other: &Stop) -> bool {
        match (self.device, other.device) {
            (0, 0) => {
                self.session != 0 && self.session == other.session && self.client == other.client
            }
            (own, other) => own == other,
        }
    }
}

fn spot(sighting: &Sighting<'_>) -> Spot {
    let part = |field| sighting.text(field).into_owned();
    let location = [FieldId::City, FieldId::State, FieldId::CountryOrRegion].map(part);
    Spot { address: sighting.address_text(), location }
}

/// The stops of a user, the one used last first, the others in no order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Track(Vec<Stop>);

impl Track {
    pub(super) fn stops(&self) -> &[Stop] {
        &self.0
    }

    pub(super) fn saw(&mut self, sighting: &Sighting<'_>) {
        if sighting.network.point.is_none() && sighting.network.asn == 0 {
            return;
        }
        match self.0.iter().position(|stop| stop.goes_on(sighting)) {
            Some(index) => {
                self.0.swap(0, index);
                let stop = &mut self.0[0];
                stop.last = EventRef::of(sighting);
                stop.session = sighting.session;
                if stop.address != sighting.address {
                    let fresh = Stop::of(sighting);
                    *stop = Stop { first: stop.first, ..fresh };
                }
            }
            None => {
                if self.0.len() >= STOPS_MAX {
                    let oldest = (self.0.iter().enumerate()).min_by_key(|(_, stop)| stop.last);
                    let oldest = oldest.map_or(0, |(index, _)| index);
                    self.0.swap_remove(oldest);
                }
                self.0.push(Stop::of(sighting));
                let end = self.0.len() - 1;
                self.0.swap(0, end);
            }
        }
    }
}
