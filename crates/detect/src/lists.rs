//! Lists that the administrator gives: networks, countries, accounts that matter.
//!
//! They are read once, when the engine starts. Another list means another judgement of the same
//! history, so the engine looks at all of it again (see [`crate::Settings::fingerprint`]).

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;

use ipnet::IpNet;

/// Entries that one list has at most; public lists of anonymous networks have some ten thousand.
const ENTRIES_MAX: usize = 1_000_000;

/// A list that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// An entry that is no address, network or autonomous system.
    #[error(
        "{entry:?} is no address, no network (192.0.2.0/24) and no autonomous system (AS64500)"
    )]
    Entry {
        /// The entry.
        entry: String,
    },
    /// The file could not be read.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// More entries than a list may have.
    #[error("more than {ENTRIES_MAX} entries")]
    TooLong,
}

/// Addresses, networks and autonomous systems.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks {
    /// Disjoint ranges of addresses as numbers, in order; IPv4 mapped into IPv6.
    ranges: Vec<(u128, u128)>,
    systems: BTreeSet<u32>,
}

impl Networks {
    /// From entries such as `192.0.2.7`, `2001:db8::/32`, `AS64500`, or `file:/path` with one a
    /// line; what follows a `#` is a comment.
    pub fn parse<S: AsRef<str>>(entries: &[S]) -> Result<Networks, ListError> {
        let mut list = Networks::default();
        for entry in entries {
            match entry.as_ref().trim().strip_prefix("file:") {
                Some(path) => {
                    for line in read(path)?.lines() {
                        list.add(line)?;
                    }
                }
                None => list.add(entry.as_ref())?,
            }
        }
        list.merge();
        Ok(list)
    }

    /// Is the address, or its autonomous system, in it?
    pub fn contains(&self, ip: Option<IpAddr>, asn: u32) -> bool {
        if asn != 0 && self.systems.contains(&asn) {
            return true;
        }
        let Some(number) = ip.map(number) else { return false };
        let after = self.ranges.partition_point(|(first, _)| *first <= number);
        after > 0 && self.ranges[after - 1].1 >= number
    }

    fn add(&mut self, line: &str) -> Result<(), ListError> {
        let entry = line.split('#').next().unwrap_or_default().trim();
        if entry.is_empty() {
            return Ok(());
        }
        if self.ranges.len() + self.systems.len() >= ENTRIES_MAX {
            return Err(ListError::TooLong);
        }
        let bad = || ListError::Entry { entry: entry.to_owned() };
        if let Some(digits) = entry.strip_prefix("AS").or_else(|| entry.strip_prefix("as")) {
            self.systems.insert(digits.parse().map_err(|_| bad())?);
            return Ok(());
        }
        let net: IpNet = match entry.parse::<IpAddr>() {
            Ok(ip) => ip.into(),
            Err(_) => entry.parse().map_err(|_| bad())?,
        };
        self.ranges.push((number(net.network()), number(net.broadcast())));
        Ok(())
    }

    fn merge(&mut self) {
        self.ranges.sort_unstable();
        self.ranges.dedup_by(|next, kept| {
            let inside = next.0 <= kept.1;
            if inside {
                kept.1 = kept.1.max(next.1);
            }
            inside
        });
    }
}

fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn read(path: &str) -> Result<String, ListError> {
    let failed = |source| ListError::File { path: path.to_owned(), source };
    std::fs::read_to_string(Path::new(path)).map_err(failed)
}

/// Names or identifiers, in any case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(BTreeSet<String>);

impl Names {
    /// From entries, or `file:/path` with one a line.
    pub fn parse<S: AsRef<str>>(entries: &[S]) -> Result<Names, ListError> {
        let mut names = BTreeSet::new();
        let mut add = |line: &str| {
            let name = line.split('#').next().unwrap_or_default().trim().to_lowercase();
            if !name.is_empty() {
                names.insert(name);
            }
        };
        for entry in entries {
            match entry.as_ref().trim().strip_prefix("file:") {
                Some(path) => read(path)?.lines().for_each(&mut add),
                None => add(entry.as_ref()),
            }
        }
        if names.len() > ENTRIES_MAX { Err(ListError::TooLong) } else { Ok(Names(names)) }
    }

    /// Is the name in it?
    pub fn contains(&self, name: &str) -> bool {
        !self.0.is_empty() && self.0.contains(&name.trim().to_lowercase())
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// All lists. Every one may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lists {
    /// The organisation's own networks, beside those the source marks as trusted.
    pub trusted_networks: Networks,
    /// Networks that people share and that move them on the map: VPN, proxies, mobile carriers.
    pub shared_networks: Networks,
    /// Tor, anonymous proxies.
    pub anonymous_networks: Networks,
    /// Known bad networks.
    pub malicious_networks: Networks,
    /// Hosting providers.
    pub hosting_networks: Networks,
    /// Where the organisation works, by country code; empty for anywhere.
    pub countries: Names,
    /// Emergency accounts, by principal name or object identifier.
    pub break_glass: Names,
    /// Privileged accounts.
    pub privileged: Names,
    /// Accounts that programs use.
    pub service_accounts: Names,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_contain_addresses_and_systems() {
        let list = Networks::parse(&["192.0.2.0/24 # office", "2001:db8::1", "AS64500", ""]);
        let list = list.unwrap();
        let ip = |text: &str| Some(text.parse().unwrap());
        assert!(list.contains(ip("192.0.2.255"), 0) && !list.contains(ip("192.0.3.0"), 0));
        assert!(list.contains(ip("2001:db8::1"), 0) && !list.contains(ip("2001:db8::2"), 0));
        assert!(list.contains(None, 64500) && !list.contains(None, 0));
        assert!(Networks::parse(&["10.0.0.0/40"]).is_err() && Networks::parse(&["ASx"]).is_err());
    }

    #[test]
    fn overlapping_networks_are_one() {
        let list = Networks::parse(&["10.0.0.0/8", "10.1.0.0/16", "11.0.0.0/8"]).unwrap();
        assert_eq!(list.ranges.len(), 2);
        assert!(list.contains(Some("10.200.0.1".parse().unwrap()), 0));
    }

    #[test]
    fn names_are_found_in_any_case() {
        let names = Names::parse(&["Emergency@Contoso.example", ""]).unwrap();
        assert!(names.contains("emergency@contoso.EXAMPLE") && !names.contains(""));
    }
}
