//! Where a request comes from: kind of network, city, address and network number.
//!
//! Addresses come only from ranges that nobody routes: benchmarking (198.18.0.0/15) for offices,
//! carriers and hotels, shared space (100.64.0.0/10) and documentation (2001:db8::/32) for homes,
//! documentation (192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24) for clouds and attackers. Network
//! numbers are those reserved for documentation (64496–64511, 65536–65551).

use crate::places::{CITIES, City};

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
    Hotel,
    /// A data centre that workloads run in.
    Cloud,
    /// A network that attackers use.
    Hostile,
    /// Managed identities have none.
    Nowhere,
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    pub(crate) kind: NetworkKind,
    /// Position in [`CITIES`].
    pub(crate) city: u8,
    /// Tells addresses of one network apart.
    pub(crate) host: u32,
}

impl Origin {
    pub(crate) const NOWHERE: Origin = Origin { kind: NetworkKind::Nowhere, city: 0, host: 0 };

    pub(crate) fn city(self) -> &'static City {
        &CITIES[usize::from(self.city)]
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
            NetworkKind::Hotel => write!(out, "198.19.{}.{}", city + 64, host % 250 + 1),
            NetworkKind::Cloud => write!(out, "192.0.2.{}", host % 254 + 1),
            NetworkKind::Hostile if host.is_multiple_of(2) => {
                write!(out, "203.0.113.{}", host / 2 % 254 + 1)
            }
            NetworkKind::Hostile => write!(out, "198.51.100.{}", host / 2 % 254 + 1),
            NetworkKind::Nowhere => Ok(()),
        };
    }

    /// The autonomous system number.
    pub(crate) fn autonomous_system(self) -> i64 {
        let city = i64::from(self.city);
        match self.kind {
            NetworkKind::Office => 64_496 + city % 8,
            NetworkKind::Cloud => 64_504 + i64::from(self.host % 3),
            NetworkKind::Hostile => 64_507 + i64::from(self.host % 5),
            NetworkKind::Home | NetworkKind::HomeSix | NetworkKind::Hotel => 65_536 + city % 11,
            NetworkKind::Mobile => 65_547 + city % 5,
            NetworkKind::Nowhere => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_valid_and_reserved() {
        use NetworkKind::{Cloud, Home, HomeSix, Hostile, Hotel, Mobile, Office};
        for kind in [Office, Home, HomeSix, Mobile, Hotel, Cloud, Hostile] {
            for host in [0, 1, 77, 65_535, 70_001, u32::MAX] {
                let origin = Origin { kind, city: 41, host };
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
