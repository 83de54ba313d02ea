//! Ordinary life that looks like impossible travel: VPNs, and carriers whose gateways are far away.
//!
//! Some people at times let a VPN carry what their computer sends; then their device and session
//! appear in a data centre of another country, with addresses that many people share, minutes
//! after and before they appear at home. Phones of some carriers reach the internet through
//! whichever gateway has room: now in the city where the phone is, now in another one of the same
//! country.

use crate::dice::{Dice, Topic};
use crate::networks::{NetworkKind, Origin};
use crate::people::{Person, PersonKind};
use crate::places::{self, CITIES, GATEWAYS};

/// People who use a VPN, in thousandths.
const VPN_PER_MILLE: u32 = 60;
/// People whose carrier has gateways elsewhere, in thousandths of those who have a phone.
const GATEWAY_PER_MILLE: u32 = 450;
/// Countries in which a commercial VPN lets its customers appear.
const EXITS: usize = 4;
/// Addresses of one exit.
const EXIT_HOSTS: u32 = 3;
/// How far a gateway is from its phones, in kilometres.
const GATEWAY_KM: std::ops::Range<f64> = 200.0..800.0;

/// What a person's requests may go through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Habit {
    /// Position in the list of VPNs.
    vpn: Option<u8>,
    /// Position in [`GATEWAYS`].
    gateway: Option<u8>,
}

/// Which VPNs there are, and who roams.
#[derive(Debug)]
pub(crate) struct Roaming {
    /// Cities of the exits: first the organisation's own VPN, then commercial ones.
    vpns: Vec<Vec<u8>>,
    /// By person; nobody where the list ends.
    habits: Vec<Habit>,
}

impl Roaming {
    /// Nobody roams.
    pub(crate) fn none() -> Roaming {
        Roaming { vpns: Vec::new(), habits: Vec::new() }
    }

    /// Draws who roams. Exits are in `cities`.
    pub(crate) fn draw(seed: u64, people: &[Person], cities: &[u8]) -> Roaming {
        let mut dice = Dice::new(seed, Topic::Roaming, 0, 0);
        let own = vec![*dice.pick(cities), *dice.pick(cities)];
        let mut commercial = || (0..EXITS).map(|_| *dice.pick(cities)).collect();
        let vpns = vec![own, commercial(), commercial()];
        let habits = people.iter().zip(0..).map(|(person, number)| {
            let mut dice = Dice::new(seed, Topic::Roaming, 1, number);
            let uses_vpn = dice.chance(VPN_PER_MILLE);
            let vpn = if dice.chance(500) { 0 } else { 1 + dice.below(2) as u8 };
            let roams = dice.chance(GATEWAY_PER_MILLE);
            let is_member = person.kind == PersonKind::Member;
            Habit {
                vpn: (uses_vpn && is_member).then_some(vpn),
                gateway: if roams && is_member { gateway(&mut dice, person.city) } else { None },
            }
        });
        Roaming { vpns, habits: habits.collect() }
    }

    /// May this person ever seem to be elsewhere?
    pub(crate) fn roams(&self, number: u32) -> bool {
        self.habit(number) != Habit::default()
    }

    /// Where the VPN of a person lets them appear: another country than that of `city`, mostly
    /// the same one.
    pub(crate) fn exit(&self, dice: &mut Dice, number: u32, city: u8) -> Option<Origin> {
        let exits = self.vpns.get(usize::from(self.habit(number).vpn?))?;
        let country = CITIES[usize::from(city)].country;
        let is_abroad = |exit: &u8| CITIES[usize::from(*exit)].country != country;
        let abroad: Vec<u8> = exits.iter().copied().filter(is_abroad).collect();
        let favourite = *abroad.get(number as usize % abroad.len().max(1))?;
        let exit = if dice.chance(750) { favourite } else { *dice.pick(&abroad) };
        let host = dice.below(EXIT_HOSTS);
        Some(Origin { kind: NetworkKind::Vpn, city: exit, host })
    }

    /// The far gateway of a person's carrier, with one of the addresses that its phones share.
    pub(crate) fn gateway(&self, dice: &mut Dice, number: u32) -> Option<Origin> {
        let gateway = self.habit(number).gateway?;
        Some(Origin { kind: NetworkKind::Gateway, city: gateway, host: dice.below(8) })
    }

    fn habit(&self, number: u32) -> Habit {
        self.habits.get(number as usize).copied().unwrap_or_default()
    }
}

/// A gateway for phones of that city, if there is one in its country at the right distance.
fn gateway(dice: &mut Dice, city: u8) -> Option<u8> {
    let base = &CITIES[usize::from(city)];
    let suits = |at: &u8| {
        let gateway = &GATEWAYS[usize::from(*at)];
        gateway.country == base.country && GATEWAY_KM.contains(&places::between_km(base, gateway))
    };
    let near: Vec<u8> = (0..GATEWAYS.len() as u8).filter(suits).collect();
    (!near.is_empty()).then(|| *dice.pick(&near))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_cities_have_a_gateway_at_the_right_distance() {
        let mut dice = Dice::new(1, Topic::Roaming, 9, 9);
        let with = (0..CITIES.len() as u8).filter(|&city| gateway(&mut dice, city).is_some());
        assert!(with.count() >= 35);
    }
}
