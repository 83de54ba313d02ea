//! What answers, and to whom: the section `[server]` of the configuration file.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context as _, Result, bail};
use durward_server::{CallerLimits, ProxyHeader, PublicUrl, ServerConfig, TlsFiles};
use ipnet::IpNet;
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize, Serializer};

use super::units::{Size, Span};

/// What answers.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Server {
    pub(crate) listen: SocketAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<Tls>,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_url: Option<Text<PublicUrl>>,
    hosts: Vec<String>,
    proxies: Vec<Text<Network>>,
    proxy_header: Header,
    requests_per_second: u32,
    requests_burst: u32,
    requests_at_once: usize,
    connections_max: usize,
    header_timeout: Span,
    body_max: Size,
    bodies_max: Size,
    body_timeout: Span,
    queries_max: usize,
    exports_max: usize,
    query_timeout: Span,
    shutdown_timeout: Span,
}

/// Files with certificate and key.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Tls {
    certificate: PathBuf,
    key: PathBuf,
}

/// How proxies say for whom they speak.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Header {
    XForwarded,
    Forwarded,
}

/// A value that is a string in the file.
#[derive(Clone, Debug, PartialEq)]
struct Text<T>(T);

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Text<T>, D::Error> {
        String::deserialize(from)?.parse().map(Text).map_err(D::Error::custom)
    }
}

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

/// Addresses that begin alike, or a single one.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Network(IpNet);

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Network, String> {
        let one = || text.parse().ok().map(|address: IpAddr| IpNet::from(address.to_canonical()));
        match text.parse().ok().or_else(one) {
            Some(network) => Ok(Network(network)),
            None => Err(format!("`{text}` is no address, and no network such as 10.0.0.0/8")),
        }
    }
}

impl Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Default for Server {
    fn default() -> Server {
        let theirs = ServerConfig::default();
        Server {
            listen: theirs.listen,
            tls: None,
            public_url: None,
            hosts: theirs.hosts,
            proxies: Vec::new(),
            proxy_header: Header::XForwarded,
            requests_per_second: theirs.limits.requests_per_second,
            requests_burst: theirs.limits.requests_burst,
            requests_at_once: theirs.limits.requests_at_once,
            connections_max: theirs.connections_max,
            header_timeout: Span(theirs.header_timeout),
            body_max: Size(theirs.body_bytes_max),
            bodies_max: Size(theirs.bodies_bytes_max),
            body_timeout: Span(theirs.body_timeout),
            queries_max: theirs.queries_max,
            exports_max: theirs.exports_max,
            query_timeout: Span(theirs.query_timeout),
            shutdown_timeout: Span(theirs.shutdown_timeout),
        }
    }
}

impl Server {
    /// Refuses what cannot work, or would not be safe.
    pub(super) fn check(&self) -> Result<()> {
        for (key, size) in
            [("server.body_max", self.body_max), ("server.bodies_max", self.bodies_max)]
        {
            if size.0 < 1 << 20 {
                bail!("{key}: at least 1MiB");
            }
        }
        for (key, number) in [
            ("server.requests_per_second", self.requests_per_second as usize),
            ("server.requests_burst", self.requests_burst as usize),
            ("server.requests_at_once", self.requests_at_once),
            ("server.connections_max", self.connections_max),
            ("server.queries_max", self.queries_max),
            ("server.exports_max", self.exports_max),
        ] {
            if number < 1 {
                bail!("{key}: at least 1");
            }
        }
        for (key, span) in [
            ("server.header_timeout", self.header_timeout),
            ("server.body_timeout", self.body_timeout),
            ("server.query_timeout", self.query_timeout),
        ] {
            if span.0.is_zero() {
                bail!("{key}: more than no time at all");
            }
        }
        self.check_names()?;
        self.config().check().context("server.listen")
    }

    fn check_names(&self) -> Result<()> {
        for host in &self.hosts {
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            if host.is_empty() || !host.bytes().all(is_name) {
                bail!("server.hosts: `{host}` is not the bare name of a host; it has no port");
            }
        }
        if let Some(Text(url)) = &self.public_url
            && !url.is_secure()
            && !["localhost", "127.0.0.1", "[::1]"].contains(&url.host())
        {
            bail!("server.public_url: {url} is not https, so passwords could be read on the way");
        }
        for Text(Network(network)) in &self.proxies {
            if network.prefix_len() == 0 {
                bail!("server.proxies: {network} is everybody, and would be believed");
            }
        }
        Ok(())
    }

    /// What the server is told.
    pub(super) fn config(&self) -> ServerConfig {
        let files =
            |tls: &Tls| TlsFiles { certificate: tls.certificate.clone(), key: tls.key.clone() };
        ServerConfig {
            listen: self.listen,
            tls: self.tls.as_ref().map(files),
            public_url: self.public_url.clone().map(|Text(url)| url),
            hosts: self.hosts.clone(),
            proxies: self.proxies.iter().map(|Text(Network(network))| *network).collect(),
            proxy_header: match self.proxy_header {
                Header::XForwarded => ProxyHeader::XForwarded,
                Header::Forwarded => ProxyHeader::Forwarded,
            },
            limits: CallerLimits {
                requests_per_second: self.requests_per_second,
                requests_burst: self.requests_burst,
                requests_at_once: self.requests_at_once,
            },
            connections_max: self.connections_max,
            header_timeout: self.header_timeout.0,
            body_bytes_max: self.body_max.0,
            bodies_bytes_max: self.bodies_max.0,
            body_timeout: self.body_timeout.0,
            queries_max: self.queries_max,
            exports_max: self.exports_max,
            query_timeout: self.query_timeout.0,
            shutdown_timeout: self.shutdown_timeout.0,
            ..ServerConfig::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Server> {
        let server: Server = toml::from_str(text)?;
        server.check()?;
        Ok(server)
    }

    fn refused(text: &str) -> String {
        format!("{:#}", read(text).unwrap_err())
    }

    #[test]
    fn everything_about_the_edge_reaches_the_server() {
        let server = read(
            r#"listen = "0.0.0.0:443"
            tls = { certificate = "/c.pem", key = "/k.pem" }
            public_url = "https://Signins.contoso.example:443/"
            hosts = ["durward"]
            proxies = ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]
            proxy_header = "forwarded"
            requests_per_second = 5
            requests_burst = 6
            requests_at_once = 7
            connections_max = 8
            header_timeout = "9s""#,
        );
        let config = server.unwrap().config();
        let files = config.tls.as_ref().unwrap();
        assert_eq!(
            (files.certificate.to_str(), files.key.to_str()),
            (Some("/c.pem"), Some("/k.pem"))
        );
        assert_eq!(config.public_url.unwrap().to_string(), "https://signins.contoso.example");
        assert_eq!(config.hosts, ["durward"]);
        let proxies: Vec<_> = config.proxies.iter().map(ToString::to_string).collect();
        assert_eq!(proxies, ["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32"]);
        assert_eq!(config.proxy_header, ProxyHeader::Forwarded);
        let limits =
            CallerLimits { requests_per_second: 5, requests_burst: 6, requests_at_once: 7 };
        assert_eq!((config.limits, config.connections_max), (limits, 8));
        assert_eq!(config.header_timeout.as_secs(), 9);
    }

    #[test]
    fn what_is_written_is_read_the_same() {
        let text = "tls = { certificate = \"c\", key = \"k\" }\npublic_url = \"https://a.example\"\n\
                    proxies = [\"10.0.0.0/8\"]\nproxy_header = \"forwarded\"\n";
        let server = read(text).unwrap();
        assert_eq!(read(&toml::to_string(&server).unwrap()).unwrap(), server);
    }

    #[test]
    fn other_machines_are_served_only_with_protection() {
        let open = "listen = \"192.0.2.1:7400\"\n";
        let said = refused(open);
        for word in ["server.listen: ", "192.0.2.1:7400", "server.tls", "server.proxies"] {
            assert!(said.contains(word), "{said}");
        }
        assert!(read(&format!("{open}tls = {{ certificate = \"c\", key = \"k\" }}")).is_ok());
        assert!(read(&format!("{open}proxies = [\"192.0.2.9\"]")).is_ok());
        let all = "listen = \"0.0.0.0:7400\"\nproxies = [\"192.0.2.9\"]\n";
        assert!(refused(all).contains("server.public_url"), "{}", refused(all));
        assert!(read(&format!("{all}hosts = [\"durward\"]")).is_ok());
    }

    #[test]
    fn values_that_cannot_work_are_refused() {
        for (text, expected) in [
            ("tls = { certificate = \"c\" }", "missing field `key`"),
            ("tls = { certificate = \"c\", key = \"k\", ca = \"x\" }", "unknown field `ca`"),
            ("public_url = \"signins.contoso.example\"", "is not an address such as https://"),
            ("public_url = \"https://a.example/x\"", "is not an address such as https://"),
            (
                "public_url = \"http://a.example\"",
                "server.public_url: http://a.example is not https",
            ),
            ("hosts = [\"a.example:7400\"]", "server.hosts: `a.example:7400`"),
            ("hosts = [\"*.example\"]", "server.hosts: `*.example`"),
            ("hosts = [\"\"]", "server.hosts"),
            ("proxies = [\"10.0.0.0/33\"]", "`10.0.0.0/33` is no address, and no network"),
            ("proxies = [\"proxy.example\"]", "`proxy.example` is no address"),
            ("proxies = [\"::/0\"]", "server.proxies: ::/0 is everybody"),
            ("proxy_header = \"x-real-ip\"", "unknown variant `x-real-ip`"),
            ("requests_per_second = 0", "server.requests_per_second: at least 1"),
            ("requests_burst = 0", "server.requests_burst: at least 1"),
            ("requests_at_once = 0", "server.requests_at_once: at least 1"),
            ("connections_max = 0", "server.connections_max: at least 1"),
            ("header_timeout = \"0s\"", "server.header_timeout: more than no time"),
            ("body_max = \"1KiB\"", "server.body_max: at least 1MiB"),
        ] {
            let said = refused(text);
            assert!(said.contains(expected), "{text}: {said}");
        }
    }
}
