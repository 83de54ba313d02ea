//! Where a request comes from: kind of network, city, address and network number.
//!
//! Addresses come only from ranges that nobody routes: benchmarking (198.18.0.0/15) for offices,
//! carriers, hotels, VPNs and attackers, shared space (100.64.0.0/10) and documentation
//! (2001:db8::/32) for homes, documentation (192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24) for
//! clouds and attackers. Network numbers are those reserved for documentation (64496–64511,
//! 65536–65551).

use crate::places::{CITIES, City, GATEWAYS};

/// What kind of network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum NetworkKind {
    /// A trusted office of the tenant.
    Office,
    Home,
    /// A home with IPv6.
    HomeSix,
    /// A mobile carrier; many people share an address.
    Mobile,
    /// A mobile carrier's gateway in another city, with a few addresses for very many people.
    Gateway,
    Hotel,
    /// A VPN's exit in a data centre; many people share an address.
    Vpn,
    /// A data centre that workloads run in.
    Cloud,
    /// A network that attackers use.
    Hostile,
    /// Somebody's computer at home that an attacker has taken over.
    Captured,
    /// Managed identities have none.
    Nowhere,
}

/// Networks that attackers use.
const HOSTILE_NETWORKS: u32 = 168;
/// Addresses that attackers use: neighbours are in the same network.
pub(crate) const HOSTILE_HOSTS: u32 = HOSTILE_NETWORKS * 256;

/// The first three numbers of the addresses of an attackers' network.
fn hostile_network(host: u32) -> [u32; 3] {
    match host / 256 % HOSTILE_NETWORKS {
        0 => [203, 0, 113],
        1 => [198, 51, 100],
        number @ 2..82 => [198, 18, 46 + number],
        number => [198, 18, 88 + number],
    }
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    pub(crate) kind: NetworkKind,
    /// Position in [`CITIES`]; of a gateway, in [`GATEWAYS`].
    pub(crate) city: u8,
    /// Tells addresses of one network apart.
    pub(crate) host: u32,
}

impl Origin {
    pub(crate) const NOWHERE: Origin = Origin { kind: NetworkKind::Nowhere, city: 0, host: 0 };

    pub(crate) fn city(self) -> &'static City {
        let table = if self.kind == NetworkKind::Gateway { GATEWAYS } else { CITIES };
        &table[usize::from(self.city)]
    }

    /// Appends the address as text.
    pub(crate) fn write_address(self, out: &mut Vec<u8>) {
        use std::io::Write;
        let (city, host) = (u32::from(self.city), self.host);
        // Writing to a vector cannot fail.
        let _ = match self.kind {
            NetworkKind::Office => write!(out, "198.18.{city}.{}", host % 4 + 10),
            NetworkKind::Home => {
                let (b, c, d) = (64 + (host >> 16) % 64, host >> 8 & 255, host & 255);
                write!(out, "100.{b}.{c}.{d}")
            }
            NetworkKind::HomeSix => {
                let (high, low) = (host >> 16 & 0x3f, host & 0xffff);
                write!(out, "2001:db8:{:x}:{low:x}::{:x}", 0x100 + city, high + 0x20)
            }
            NetworkKind::Mobile => write!(out, "198.19.{city}.{}", host % 200 + 1),
            NetworkKind::Gateway => write!(out, "198.19.{}.{}", city + 128, host % 8 + 1),
            NetworkKind::Vpn => write!(out, "198.18.{}.{}", city + 128, host % 200 + 1),
            NetworkKind::Captured => {
                write!(out, "198.19.{}.{}", 192 + (host >> 8) % 64, host % 254 + 1)
            }
            NetworkKind::Hotel => write!(out, "198.19.{}.{}", city + 64, host % 250 + 1),
            NetworkKind::Cloud => write!(out, "192.0.2.{}", host % 254 + 1),
            NetworkKind::Hostile => {
                let [a, b, c] = hostile_network(host);
                write!(out, "{a}.{b}.{c}.{}", host % 256)
            }
            NetworkKind::Nowhere => Ok(()),
        };
    }

    /// The autonomous system number.
    pub(crate) fn autonomous_system(self) -> i64 {
        let city = i64::from(self.city);
        match self.kind {
            NetworkKind::Office => 64_496 + city % 8,
            NetworkKind::Cloud => 64_504 + i64::from(self.host % 3),
            NetworkKind::Vpn => 64_504 + city % 3,
            NetworkKind::Hostile => 64_507 + i64::from(self.host / 256 % 5),
            NetworkKind::Home | NetworkKind::HomeSix | NetworkKind::Hotel => 65_536 + city % 11,
            NetworkKind::Captured => 65_536 + i64::from(self.host % 11),
            // A carrier is at home in one country, and has the same number everywhere in it.
            NetworkKind::Mobile | NetworkKind::Gateway => {
                let letters = self.city().country.bytes().map(i64::from);
                65_547 + letters.sum::<i64>() % 5
            }
            NetworkKind::Nowhere => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_valid_and_reserved() {
        use NetworkKind::{
            Captured, Cloud, Gateway, Home, HomeSix, Hostile, Hotel, Mobile, Office, Vpn,
        };
        let cases = [Office, Home, HomeSix, Mobile, Hotel, Cloud, Vpn, Hostile, Captured];
        for (kind, city) in cases.map(|kind| (kind, 41)).into_iter().chain([(Gateway, 38)]) {
            for host in [0, 1, 77, 65_535, 70_001, u32::MAX] {
                let origin = Origin { kind, city, host };
                let mut text = Vec::new();
                origin.write_address(&mut text);
                let text = String::from_utf8(text).unwrap();
                let reserved = match text.parse::<std::net::IpAddr>().unwrap() {
                    std::net::IpAddr::V6(six) => six.segments()[..2] == [0x2001, 0xdb8],
                    std::net::IpAddr::V4(four) => match four.octets() {
                        [198, 18 | 19, ..] | [192, 0, 2, _] | [198, 51, 100, _] => true,
                        [203, 0, 113, _] => true,
                        [100, b, ..] => (64..128).contains(&b),
                        _ => false,
                    },
                };
                assert!(reserved, "{text}");
                let number = origin.autonomous_system();
                assert!((64_496..=64_511).contains(&number) || (65_536..=65_551).contains(&number));
            }
        }
    }
}
