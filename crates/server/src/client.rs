//! Who is at the other end of a request: the address, the scheme and the host as the client has
//! them.
//!
//! Without a proxy that is the connection's other end. A proxy tells in headers for whom it
//! speaks, and anybody else can send the same headers, so they are believed only on connections
//! from the proxies that the configuration names. Several proxies in a row each add their
//! client's address on the right; it is read from there, past trusted proxies, up to the first
//! address that is none. What stands left of it was sent by that client and means nothing.
//!
//! There are two families of such headers, and a proxy that sets one passes on the other as it
//! got it. So only one is ever looked at: the one the configuration says ([`ProxyHeader`]).

use std::net::{IpAddr, SocketAddr};

use axum::http::header::{FORWARDED, HOST, HeaderName, HeaderValue};
use axum::http::{HeaderMap, Request};

use crate::config::{ProxyHeader, ServerConfig};
use crate::guard;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Proxies in a row that are looked past.
const HOPS_MAX: usize = 16;

/// Other end of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    /// The client's address, seen through trusted proxies.
    pub(crate) address: IpAddr,
    /// Does the client speak TLS, to us or to the proxy?
    pub(crate) is_secure: bool,
    /// Host and port that the client asked for, in lower case; empty if it named none or several.
    pub(crate) host: String,
    /// Is it a program on this machine that speaks for nobody else?
    pub(crate) is_loopback_peer: bool,
}

/// The connection that a request came by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Connection {
    pub(crate) peer: SocketAddr,
    pub(crate) is_tls: bool,
}

impl Client {
    /// Puts the client into the request's extensions.
    pub(crate) fn attach<B>(
        config: &ServerConfig,
        connection: Connection,
        request: &mut Request<B>,
    ) {
        let client = Client::of(config, connection, request.headers());
        request.extensions_mut().insert(client);
    }

    pub(crate) fn of(config: &ServerConfig, connection: Connection, headers: &HeaderMap) -> Client {
        let peer = connection.peer.ip().to_canonical();
        let mut client = Client {
            address: peer,
            is_secure: connection.is_tls,
            host: sole(headers, &HOST),
            // Headers of a proxy nobody named still say that somebody else is behind the peer.
            is_loopback_peer: peer.is_loopback() && !is_forwarded(headers),
        };
        if config.is_proxy(peer) {
            client.see_through(config, headers);
        }
        client.host.make_ascii_lowercase();
        client
    }

    /// Believes what a trusted proxy says.
    fn see_through(&mut self, config: &ServerConfig, headers: &HeaderMap) {
        let hops = match config.proxy_header {
            ProxyHeader::XForwarded => x_forwarded(headers),
            ProxyHeader::Forwarded => forwarded(headers),
        };
        let mut seen = 0;
        for (index, address) in hops.addresses.iter().enumerate() {
            // Neither `unknown` nor garbage names anybody: the client is then the proxy before.
            let Some(address) = address else { break };
            (self.address, seen) = (*address, index);
            if !config.is_proxy(*address) {
                break;
            }
        }
        match hops.scheme(seen) {
            Some(scheme) => self.is_secure = scheme.eq_ignore_ascii_case("https"),
            // A proxy that says nothing is taken to speak for the public address.
            None => {
                self.is_secure |= config.public_url.as_ref().is_some_and(|url| url.is_secure());
            }
        }
        if let Some(host) = hops.host(seen) {
            self.host = host;
        }
    }

    /// `https://host:port`, as browsers write it in `Origin`.
    pub(crate) fn origin(&self) -> String {
        let scheme = if self.is_secure { "https" } else { "http" };
        format!("{scheme}://{}", self.host)
    }

    /// The address or, for IPv6, the network that one household or office has.
    pub(crate) fn address_key(&self) -> String {
        address_key(self.address)
    }

    /// What tells a browser to use TLS from now on. Not for names of this machine, where it would
    /// hold for whatever else listens there, and not for other names below this one, of which
    /// nothing is known.
    pub(crate) fn strict_transport_security(&self) -> Option<HeaderValue> {
        let is_here = guard::is_this_machine(guard::name_of(&self.host));
        let is_meant = self.is_secure && !is_here;
        is_meant.then(|| HeaderValue::from_static("max-age=31536000"))
    }
}

/// `192.0.2.1`, or `2001:db8:1:2::/64` for all addresses in it.
pub(crate) fn address_key(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

/// The value of a header that is there once, as text.
fn sole(headers: &HeaderMap, name: &HeaderName) -> String {
    let mut values = headers.get_all(name).iter();
    match (values.next().map(HeaderValue::to_str), values.next()) {
        (Some(Ok(value)), None) => value.to_owned(),
        _ => String::new(),
    }
}

fn is_forwarded(headers: &HeaderMap) -> bool {
    [FORWARDED, X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO]
        .iter()
        .any(|name| headers.contains_key(name))
}

/// What proxies say, the nearest one first.
#[derive(Debug, Default)]
struct Hops {
    addresses: Vec<Option<IpAddr>>,
    schemes: Vec<Option<String>>,
    hosts: Vec<Option<String>>,
}

impl Hops {
    fn scheme(&self, hop: usize) -> Option<String> {
        at(&self.schemes, hop)
    }

    fn host(&self, hop: usize) -> Option<String> {
        at(&self.hosts, hop)
    }
}

/// What the proxy at this hop said; where fewer said something than there are, the farthest.
fn at(values: &[Option<String>], hop: usize) -> Option<String> {
    values.get(hop).or(values.last()).cloned().flatten()
}

/// `X-Forwarded-For: client, proxy` and the others, which proxies set or append to.
fn x_forwarded(headers: &HeaderMap) -> Hops {
    let values = |name: &HeaderName| -> Vec<&str> {
        let lines = headers.get_all(name).iter().rev();
        let lines = lines.map(|line| line.to_str().unwrap_or_default());
        lines.flat_map(|line| line.rsplit(',')).map(str::trim).take(HOPS_MAX).collect()
    };
    let texts = |name| values(name).into_iter().map(|text| Some(text.to_owned())).collect();
    Hops {
        addresses: values(&X_FORWARDED_FOR).into_iter().map(address).collect(),
        schemes: texts(&X_FORWARDED_PROTO),
        hosts: texts(&X_FORWARDED_HOST),
    }
}

/// `Forwarded: for=client;proto=https;host=name, for=proxy`, RFC 7239.
fn forwarded(headers: &HeaderMap) -> Hops {
    let mut hops = Hops::default();
    for line in headers.get_all(FORWARDED).iter().rev() {
        let elements = line.to_str().ok().and_then(elements);
        // A quote left open by a client would swallow what the proxy wrote behind it.
        let Some(elements) = elements else {
            hops.addresses.push(None);
            break;
        };
        for element in elements.into_iter().rev() {
            let value = |wanted: &str| {
                let found = element.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
                found.map(|(_, value)| value.clone())
            };
            hops.addresses.push(value("for").and_then(|node| address(&node)));
            hops.schemes.push(value("proto"));
            hops.hosts.push(value("host"));
            if hops.addresses.len() == HOPS_MAX {
                return hops;
            }
        }
    }
    hops
}

type Pairs = Vec<(String, String)>;

/// Takes a line of `Forwarded` apart; `None` if it is not well-formed.
fn elements(line: &str) -> Option<Vec<Pairs>> {
    let mut elements = vec![Pairs::new()];
    let (mut name, mut value) = (String::new(), None::<String>);
    let mut chars = line.chars();
    loop {
        let next = chars.next();
        match (next, &mut value) {
            (None | Some(',' | ';'), _) => {
                let name = std::mem::take(&mut name).trim().to_owned();
                match value.take() {
                    Some(value) => elements.last_mut()?.push((name, value.trim().to_owned())),
                    None if name.is_empty() => {}
                    None => return None,
                }
                match next {
                    None => return Some(elements),
                    Some(',') => elements.push(Pairs::new()),
                    Some(_) => {}
                }
            }
            (Some('='), None) => value = Some(String::new()),
            (Some('"'), Some(value)) if value.is_empty() => loop {
                match chars.next()? {
                    '"' => break,
                    '\\' => value.push(chars.next()?),
                    other => value.push(other),
                }
            },
            (Some('"'), _) => return None,
            (Some(other), None) => name.push(other),
            (Some(other), Some(value)) => value.push(other),
        }
    }
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn address(node: &str) -> Option<IpAddr> {
    let plain = node.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(node);
    let address = plain.parse::<IpAddr>().ok();
    let address = address.or_else(|| node.parse::<SocketAddr>().ok().map(|found| found.ip()));
    address.map(|found| found.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(header: ProxyHeader) -> ServerConfig {
        let proxies = ["10.0.0.0/8", "127.0.0.1/32", "fd00::/8"];
        ServerConfig {
            proxies: proxies.map(|text| text.parse().unwrap()).to_vec(),
            proxy_header: header,
            ..ServerConfig::default()
        }
    }

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    fn seen(header: ProxyHeader, peer: &str, pairs: &[(&str, &str)]) -> Client {
        let peer = SocketAddr::new(peer.parse().unwrap(), 50_000);
        let connection = Connection { peer, is_tls: false };
        Client::of(&config(header), connection, &headers(pairs))
    }

    /// Address as seen from a trusted proxy, or as told by another peer.
    fn by_x(peer: &str, lines: &[&str]) -> String {
        let pairs: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
        seen(ProxyHeader::XForwarded, peer, &pairs).address.to_string()
    }

    #[test]
    fn addresses_are_read_from_the_right_past_trusted_proxies() {
        for (peer, lines, wanted) in [
            ("10.0.0.1", &["192.0.2.7"][..], "192.0.2.7"),
            ("10.0.0.1", &["6.6.6.6, 192.0.2.7"], "192.0.2.7"),
            ("10.0.0.1", &["6.6.6.6, 192.0.2.7, 10.2.2.2"], "192.0.2.7"),
            ("10.0.0.1", &["6.6.6.6", "192.0.2.7,10.2.2.2 "], "192.0.2.7"),
            ("10.0.0.1", &["192.0.2.7", "10.2.2.2"], "192.0.2.7"),
            ("10.0.0.1", &["192.0.2.7:4711"], "192.0.2.7"),
            ("::ffff:10.0.0.1", &["::ffff:192.0.2.7"], "192.0.2.7"),
            ("fd00::1", &["[2001:db8::1]:443"], "2001:db8::1"),
            ("fd00::1", &["2001:db8::1"], "2001:db8::1"),
            ("fd00::1", &["[2001:db8::1]"], "2001:db8::1"),
            // All are trusted: the farthest is the client.
            ("10.0.0.1", &["10.3.3.3, 10.2.2.2"], "10.3.3.3"),
            // Nothing readable on the way: the nearest proxy that is known.
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["unknown"], "10.0.0.1"),
            ("10.0.0.1", &["192.0.2.7, "], "10.0.0.1"),
            ("10.0.0.1", &["192.0.2.7, garbage, 10.2.2.2"], "10.2.2.2"),
            ("10.0.0.1", &["1.2.3.4\u{e9}"], "10.0.0.1"),
            ("10.0.0.1", &["01.2.3.4"], "10.0.0.1"),
            ("10.0.0.1", &["[fe80::1%eth0]"], "10.0.0.1"),
            // From others it means nothing.
            ("192.0.2.1", &["6.6.6.6"], "192.0.2.1"),
            ("127.0.0.2", &["6.6.6.6"], "127.0.0.2"),
            ("::1", &["6.6.6.6"], "::1"),
        ] {
            assert_eq!(by_x(peer, lines), wanted, "{peer} {lines:?}");
        }
    }

    #[test]
    fn only_so_many_proxies_are_looked_past() {
        let long = "10.9.9.9, ".repeat(100_000) + "10.2.2.2";
        assert_eq!(by_x("10.0.0.1", &[&long]), "10.9.9.9");
        let far = format!("6.6.6.6{}", ", 10.2.2.2".repeat(HOPS_MAX));
        assert_eq!(by_x("10.0.0.1", &[&far]), "10.2.2.2");
        let near = format!("6.6.6.6{}", ", 10.2.2.2".repeat(HOPS_MAX - 1));
        assert_eq!(by_x("10.0.0.1", &[&near]), "6.6.6.6");
        let quoted = "for=\"\\".repeat(50_000);
        let client = seen(ProxyHeader::Forwarded, "10.0.0.1", &[("forwarded", &quoted)]);
        assert_eq!(client.address.to_string(), "10.0.0.1");
    }

    #[test]
    fn the_standard_header_is_read_when_it_is_the_one() {
        for (lines, address, origin) in [
            (&["for=192.0.2.7"][..], "192.0.2.7", "http://h"),
            (
                &["for=192.0.2.7;proto=https;host=A.example:8443"],
                "192.0.2.7",
                "https://a.example:8443",
            ),
            (&["For=\"[2001:db8::1]:4711\";Proto=HTTPS"], "2001:db8::1", "https://h"),
            (
                &["for=6.6.6.6;host=evil, for=192.0.2.7;host=good, for=10.2.2.2"],
                "192.0.2.7",
                "http://good",
            ),
            (&["for=6.6.6.6", "proto=https ; for=192.0.2.7"], "192.0.2.7", "https://h"),
            (&["for=\"192.0.2.7\\:80\""], "192.0.2.7", "http://h"),
            (&["for=unknown;proto=https"], "10.0.0.1", "https://h"),
            (&["for=_hidden, for=10.2.2.2"], "10.2.2.2", "http://h"),
            // What a client left open does not reach into what the proxy says, or hide it.
            (&["for=\"6.6.6.6, for=192.0.2.7"], "10.0.0.1", "http://h"),
            (&["for=\"6.6.6.6, for=\"[2001:db8::1]\""], "10.0.0.1", "http://h"),
            (&["for=\"x", "for=192.0.2.7"], "192.0.2.7", "http://h"),
            (&["for"], "10.0.0.1", "http://h"),
            (&["for=a=b\"c\""], "10.0.0.1", "http://h"),
            (&[""], "10.0.0.1", "http://h"),
        ] {
            let mut pairs = vec![("host", "h"), ("x-forwarded-for", "6.6.6.6")];
            pairs.push(("x-forwarded-host", "evil"));
            pairs.extend(lines.iter().map(|line| ("forwarded", *line)));
            let client = seen(ProxyHeader::Forwarded, "10.0.0.1", &pairs);
            assert_eq!(client.address.to_string(), address, "{lines:?}");
            assert_eq!(client.origin(), origin, "{lines:?}");
        }
        let pairs = [("forwarded", "for=6.6.6.6;host=evil;proto=https"), ("host", "h")];
        let other = seen(ProxyHeader::XForwarded, "10.0.0.1", &pairs);
        assert_eq!(
            (other.address.to_string(), other.origin()),
            ("10.0.0.1".into(), "http://h".into())
        );
    }

    #[test]
    fn scheme_and_host_are_the_clients() {
        let (far, proto, name) = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host");
        for (peer, pairs, origin) in [
            ("10.0.0.1", &[(far, "192.0.2.7"), (proto, "https")][..], "https://h"),
            ("10.0.0.1", &[(proto, "https"), (name, "Pub.example")], "https://pub.example"),
            ("10.0.0.1", &[(far, "192.0.2.7"), (proto, "evil, https")], "https://h"),
            ("10.0.0.1", &[(far, "192.0.2.7, 10.2.2.2"), (proto, "https, http")], "https://h"),
            ("10.0.0.1", &[(far, "192.0.2.7, 10.2.2.2"), (proto, "https")], "https://h"),
            ("10.0.0.1", &[(far, "192.0.2.7"), (name, "evil, pub")], "http://pub"),
            ("10.0.0.1", &[(proto, "httpsx")], "http://h"),
            ("192.0.2.1", &[(proto, "https"), (name, "evil")], "http://h"),
        ] {
            let mut all = vec![("host", "h")];
            all.extend(pairs);
            let client = seen(ProxyHeader::XForwarded, peer, &all);
            assert_eq!(client.origin(), origin, "{peer} {pairs:?}");
        }
        let twice = seen(ProxyHeader::XForwarded, "10.0.0.1", &[("host", "a"), ("host", "a")]);
        assert_eq!(twice.host, "");
        let mut config = config(ProxyHeader::XForwarded);
        config.public_url = Some("https://pub.example".parse().unwrap());
        for (peer, secure) in [("10.0.0.1:1", true), ("192.0.2.1:1", false)] {
            let connection = Connection { peer: peer.parse().unwrap(), is_tls: false };
            assert_eq!(Client::of(&config, connection, &headers(&[])).is_secure, secure, "{peer}");
        }
    }

    #[test]
    fn what_is_forwarded_is_not_from_this_machine() {
        let of = |peer, pairs: &[_]| seen(ProxyHeader::XForwarded, peer, pairs).is_loopback_peer;
        for peer in ["127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1"] {
            assert!(of(peer, &[]), "{peer}");
            assert!(!of(peer, &[("x-forwarded-for", "127.0.0.1")]), "{peer}");
            assert!(!of(peer, &[("forwarded", "for=x")]), "{peer}");
        }
        assert!(!of("10.0.0.1", &[("x-forwarded-for", "127.0.0.1")]));
        assert!(!of("192.0.2.1", &[]));
    }

    #[test]
    fn browsers_are_held_to_tls_off_this_machine() {
        let client = |is_secure, host: &str| Client {
            address: [192, 0, 2, 1].into(),
            is_secure,
            host: host.to_owned(),
            is_loopback_peer: false,
        };
        assert!(client(true, "a.example:8443").strict_transport_security().is_some());
        assert_eq!(client(false, "a.example").strict_transport_security(), None);
        for host in ["localhost:7400", "127.0.0.1", "[::1]:1"] {
            assert_eq!(client(true, host).strict_transport_security(), None, "{host}");
        }
    }

    #[test]
    fn addresses_of_one_network_have_one_key() {
        let key = |text: &str| address_key(text.parse().unwrap());
        assert_eq!(key("2001:db8:1:2::1"), "2001:db8:1:2::/64");
        assert_eq!(key("2001:db8:1:2:ffff::9"), key("2001:db8:1:2::1"));
        assert_ne!(key("2001:db8:1:3::1"), key("2001:db8:1:2::1"));
        assert_eq!(key("::ffff:192.0.2.1"), "192.0.2.1");
        assert_ne!(key("192.0.2.2"), key("192.0.2.1"));
    }
}
