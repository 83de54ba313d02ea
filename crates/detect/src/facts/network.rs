//! What is known of an address.

use std::net::IpAddr;

use durward_model::{Cell, FieldId};

use super::{Entity, key_of};
use crate::class::Class;
use crate::lists::Lists;

/// An address and its place.
#[derive(Clone, Copy, Debug, Default)]
pub struct NetworkFacts {
    /// The address; 0 where there is none.
    pub address: u64,
    /// Its /24 (IPv4) or /48 (IPv6).
    pub prefix: u64,
    /// The autonomous system; 0 where it is not known.
    pub asn: u32,
    /// The country, by code; 0 where it is not known.
    pub country: u64,
    /// Country, state and city.
    pub place: u64,
    /// Degrees north and east, where the place is known.
    pub point: Option<(f32, f32)>,
    /// Not routed on the internet.
    pub is_private: bool,
    /// In a named location that is marked as trusted.
    pub is_trusted: bool,
    /// On the list of addresses that many people share: VPN, proxies, mobile carriers.
    pub is_shared: bool,
    /// On the list of anonymous networks.
    pub is_anonymous: bool,
    /// On the list of malicious networks.
    pub is_malicious: bool,
    /// In an autonomous system on the list of hosting providers.
    pub is_hosting: bool,
    /// In a country on the administrator's list, or there is no such list.
    pub is_expected_country: bool,
}

impl NetworkFacts {
    pub(crate) fn class(&self) -> Class {
        let listed = self.is_anonymous || self.is_malicious;
        if listed { Class::LISTED_NETWORK } else { Class::NONE }
    }
}

pub(super) fn facts(entity: &Entity<'_>, lists: &Lists) -> NetworkFacts {
    let text = entity.text(FieldId::IpAddress);
    let parsed: Option<IpAddr> = text.trim().parse().ok();
    let parsed = parsed.filter(|ip| !ip.is_unspecified());
    let asn = match entity.cell(FieldId::AutonomousSystemNumber) {
        Cell::Int(number) => u32::try_from(number).unwrap_or(0),
        Cell::Text(text) => text.trim().parse().unwrap_or(0),
        _ => 0,
    };
    let country = entity.text(FieldId::CountryOrRegion);
    let city = entity.text(FieldId::City);
    let place = if city.is_empty() {
        0
    } else {
        key_of(&format!("{country}/{}/{city}", entity.text(FieldId::State)))
    };
    let named = entity.text(FieldId::NetworkLocationDetails);
    NetworkFacts {
        address: parsed.map_or(0, |ip| key_of(&ip.to_string())),
        prefix: parsed.map_or(0, |ip| key_of(&prefix(ip))),
        asn,
        country: key_of(&country),
        place,
        point: point(entity),
        is_private: parsed.is_some_and(is_private),
        is_trusted: named.contains("trustedNamedLocation")
            || lists.trusted_networks.contains(parsed, asn),
        is_shared: lists.shared_networks.contains(parsed, asn)
            || entity.is_true(FieldId::IsThroughGlobalSecureAccess),
        is_anonymous: lists.anonymous_networks.contains(parsed, asn),
        is_malicious: lists.malicious_networks.contains(parsed, asn),
        is_hosting: lists.hosting_networks.contains(parsed, asn),
        is_expected_country: lists.countries.is_empty() || lists.countries.contains(&country),
    }
}

/// The network that an address is usually handed out from.
fn prefix(ip: IpAddr) -> String {
    let bits = if ip.is_ipv4() { 24 } else { 48 };
    ipnet::IpNet::new(ip, bits).map_or_else(|_| ip.to_string(), |net| net.trunc().to_string())
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// Sources write 0/0 where they do not know.
fn point(entity: &Entity<'_>) -> Option<(f32, f32)> {
    let degrees = |field| match entity.cell(field) {
        Cell::Float(value) => Some(value as f32),
        Cell::Int(value) => Some(value as f32),
        Cell::Text(text) => text.parse().ok(),
        _ => None,
    };
    let (north, east) = (degrees(FieldId::Latitude)?, degrees(FieldId::Longitude)?);
    let known = (north.abs() > 1e-6 || east.abs() > 1e-6) && north.abs() <= 90.0;
    (known && east.abs() <= 180.0).then_some((north, east))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_the_network_they_are_handed_out_from() {
        assert_eq!(prefix("203.0.113.77".parse().unwrap()), "203.0.113.0/24");
        assert_eq!(prefix("2001:db8:aa:1::7".parse().unwrap()), "2001:db8:aa::/48");
        assert!(is_private("10.1.1.1".parse().unwrap()));
        assert!(!is_private("198.51.100.1".parse().unwrap()));
    }
}
