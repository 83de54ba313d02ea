//! Settings of the server and their defaults.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use axum::http::Uri;
use axum::http::uri::Scheme;
use ipnet::IpNet;

use crate::guard::{self, Admission, ListenRefused};

/// How the server behaves. The defaults suit one machine.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Where to listen. Off loopback only with protection: see [`crate::bind`]. Port 0 takes any
    /// free port.
    pub listen: SocketAddr,
    /// Speak TLS with this certificate; none speaks plain HTTP.
    pub tls: Option<TlsFiles>,
    /// How often to look whether the certificate has been replaced.
    pub tls_poll: Duration,
    /// Proxies whose word on their clients is believed.
    pub proxies: Vec<IpNet>,
    /// Headers in which the proxies give it.
    pub proxy_header: ProxyHeader,
    /// The address that clients use.
    pub public_url: Option<PublicUrl>,
    /// More names, without ports, by which clients may ask for this server.
    pub hosts: Vec<String>,
    /// What one caller may take.
    pub limits: CallerLimits,
    /// Connections open at once; others wait to be accepted.
    pub connections_max: usize,
    /// The head of a request has to arrive within this time, and a connection without a request
    /// is closed after it.
    pub header_timeout: Duration,
    /// Largest request body that push endpoints take, in bytes, as it is sent.
    pub body_bytes_max: u64,
    /// Memory that bodies being received may take together, in bytes.
    pub bodies_bytes_max: u64,
    /// A body has to arrive within this time.
    pub body_timeout: Duration,
    /// Questions answered at once; others wait.
    pub queries_max: usize,
    /// Exports running at once; more are refused.
    pub exports_max: usize,
    /// Live lists open at once; more are refused.
    pub live_max: usize,
    /// An answer that takes longer is given up. Exports and live lists have no limit.
    pub query_timeout: Duration,
    /// How long requests may take to end once the server is told to stop.
    pub shutdown_timeout: Duration,
}

/// Files with the server's certificate and key, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and those between it and the authority's.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// How proxies say for whom they speak. The other headers are ignored, because proxies pass on
/// what clients wrote into those.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProxyHeader {
    /// `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host`.
    #[default]
    XForwarded,
    /// `Forwarded`, RFC 7239.
    Forwarded,
}

/// What one caller may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallerLimits {
    /// Requests a second, on average.
    pub requests_per_second: u32,
    /// Requests that may come all at once after a quiet time.
    pub requests_burst: u32,
    /// Requests being answered at once.
    pub requests_at_once: usize,
}

/// `https://name` or `https://name:port`, as clients know the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    is_secure: bool,
    /// In lower case, without brackets being taken off.
    host: String,
    /// If it is not the scheme's own.
    port: Option<u16>,
}

/// The port durward listens on unless told otherwise.
pub const PORT: u16 = 7400;

impl Default for ServerConfig {
    fn default() -> Self {
        ServerConfig {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT),
            tls: None,
            tls_poll: Duration::from_secs(5),
            proxies: Vec::new(),
            proxy_header: ProxyHeader::default(),
            public_url: None,
            hosts: Vec::new(),
            limits: CallerLimits::default(),
            connections_max: 1024,
            header_timeout: Duration::from_secs(30),
            body_bytes_max: 64 << 20,
            bodies_bytes_max: 256 << 20,
            body_timeout: Duration::from_secs(60),
            queries_max: 16,
            exports_max: 4,
            live_max: 100,
            query_timeout: Duration::from_secs(30),
            shutdown_timeout: Duration::from_secs(10),
        }
    }
}

impl Default for CallerLimits {
    fn default() -> Self {
        CallerLimits { requests_per_second: 50, requests_burst: 200, requests_at_once: 16 }
    }
}

impl ServerConfig {
    /// Where people find the pages, for links in messages; `None` if nobody can know.
    pub(crate) fn pages_url(&self) -> Option<String> {
        if let Some(url) = &self.public_url {
            return Some(url.to_string());
        }
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let is_known = self.listen.port() != 0 && !self.listen.ip().is_unspecified();
        is_known.then(|| format!("{scheme}://{}", self.listen))
    }

    /// Could this be listened on, once there is a way in?
    ///
    /// # Errors
    /// [`ListenRefused`] if it is open to other machines and not protected.
    pub fn check(&self) -> Result<(), ListenRefused> {
        guard::check_listen(self, Admission::Callers)
    }

    /// Is this one of the proxies that are believed?
    pub(crate) fn is_proxy(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.proxies.iter().any(|network| network.contains(&address))
    }
}

impl PublicUrl {
    /// Do clients speak TLS?
    pub fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// The name, without the port.
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl fmt::Display for PublicUrl {
    /// As browsers write an origin: in lower case, without the scheme's own port.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_secure { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// The text is no address of a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an address such as https://signins.contoso.example, without a path")]
pub struct BadPublicUrl(String);

impl FromStr for PublicUrl {
    type Err = BadPublicUrl;

    fn from_str(text: &str) -> Result<PublicUrl, BadPublicUrl> {
        let read = || {
            let uri: Uri = text.parse().ok()?;
            let is_secure = match uri.scheme()? {
                scheme if *scheme == Scheme::HTTPS => true,
                scheme if *scheme == Scheme::HTTP => false,
                _ => return None,
            };
            let authority = uri.authority()?;
            let host = authority.host().to_ascii_lowercase();
            let own = if is_secure { 443 } else { 80 };
            let port = authority.port_u16();
            // Whatever is there besides host and port would be ignored.
            let rest = authority.as_str().get(host.len()..)?;
            let is_whole = rest.is_empty() || port.is_some_and(|port| rest == format!(":{port}"));
            let is_root = matches!(uri.path(), "" | "/") && uri.query().is_none();
            let port = port.filter(|port| *port != own);
            (is_whole && is_root && !host.is_empty()).then_some(PublicUrl { is_secure, host, port })
        };
        read().ok_or_else(|| BadPublicUrl(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_addresses() {
        for (text, wanted) in [
            ("https://Signins.Contoso.example", "https://signins.contoso.example"),
            ("https://a.example/", "https://a.example"),
            ("https://a.example:443", "https://a.example"),
            ("https://a.example:8443", "https://a.example:8443"),
            ("http://a.example:443", "http://a.example:443"),
            ("https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443"),
        ] {
            assert_eq!(text.parse::<PublicUrl>().unwrap().to_string(), wanted, "{text}");
        }
        for text in [
            "",
            "a.example",
            "//a.example",
            "https://",
            "https:///x",
            "ftp://a.example",
            "https://a.example/signins",
            "https://a.example?x",
            "https://me@a.example",
            "https://a.example:",
            "https://a.example:99999",
            "https://a example",
        ] {
            assert!(text.parse::<PublicUrl>().is_err(), "{text}");
        }
    }
}
