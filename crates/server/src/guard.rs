//! Which requests are looked at: none from a place that nobody is meant to ask from, and none of
//! another site's making.
//!
//! Listening where other machines can reach it takes three things ([`check_listen`]): nobody in
//! between can read along (TLS, or a proxy that has it), callers can prove who they are, and it is
//! not the demo, which lets everybody in. That says nothing about web pages: a browser runs what
//! any site sends it, next to whatever the browser can reach. Three things stop those:
//!
//! - The `Host` of every request must be a name of this machine, or one that the configuration
//!   names. A site that points its own name at this server (DNS rebinding) is told 421 and
//!   learns nothing.
//! - No answer carries CORS headers, so pages of other origins cannot read any.
//! - Requests that change something and come with an `Origin` must come from this server's own.
//!   Records must name a content type that HTML forms cannot send (JSON and its like), so that a
//!   browser would have to ask for permission first, which it does not get.

use std::net::{IpAddr, SocketAddr};

use axum::http::header::{CONTENT_TYPE, ORIGIN};
use axum::http::{HeaderMap, Request, StatusCode};

use crate::client::Client;
use crate::config::ServerConfig;
use crate::error::ApiError;

/// Content types of request bodies with records in them. No form of a web page can send these.
pub(crate) const RECORD_TYPES: &[&str] = &[
    "application/json",
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/x-jsonlines",
    "application/octet-stream",
    "application/gzip",
    "application/x-gzip",
    "application/zip",
    "text/csv",
];

/// An address that durward does not listen on as it is configured, and what would change that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListenRefused {
    /// Everybody is let in.
    #[error(
        "the demo lets everybody in, so it is for this machine only: it listens on loopback \
         addresses such as 127.0.0.1:{port}, and behind no proxy",
        port = .0.port()
    )]
    Demo(SocketAddr),
    /// What is sent could be read on the way.
    #[error(
        "{addr} can be reached from other machines, and what is sent to it could be read on the \
         way: name a certificate for TLS in server.tls, or the proxy in front of it in \
         server.proxies, or listen on a loopback address such as 127.0.0.1:{port}",
        addr = .0,
        port = .0.port()
    )]
    Open(SocketAddr),
    /// Nobody could sign in.
    #[error(
        "{0} would serve other machines, and there is no way to tell callers apart yet: make an \
         account with `durward user`, a token with `durward token`, or configure a provider to \
         sign in with"
    )]
    NoWayIn(SocketAddr),
    /// Nobody could ask for it.
    #[error(
        "{0} stands for all addresses of this machine, and no name is configured by which \
         clients may ask: set server.public_url, such as https://signins.contoso.example"
    )]
    Nameless(SocketAddr),
}

/// Who gets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Everybody: it is the demo.
    Everybody,
    /// Nobody: there are neither accounts nor tokens nor a provider.
    Nobody,
    /// Those who can prove who they are.
    Callers,
}

/// Refuses to listen where that would be unsafe, or of no use.
pub(crate) fn check_listen(
    config: &ServerConfig,
    admission: Admission,
) -> Result<(), ListenRefused> {
    let listen = config.listen;
    let is_here = is_local(listen);
    let is_proxied = !config.proxies.is_empty();
    if admission == Admission::Everybody && (!is_here || is_proxied) {
        return Err(ListenRefused::Demo(listen));
    }
    if is_here {
        return Ok(());
    }
    if config.tls.is_none() && !is_proxied {
        return Err(ListenRefused::Open(listen));
    }
    if admission == Admission::Nobody {
        return Err(ListenRefused::NoWayIn(listen));
    }
    let has_name = config.public_url.is_some() || !config.hosts.is_empty();
    if listen.ip().is_unspecified() && !has_name {
        return Err(ListenRefused::Nameless(listen));
    }
    Ok(())
}

/// Can only this machine reach the address?
pub(crate) fn is_local(listen: SocketAddr) -> bool {
    listen.ip().to_canonical().is_loopback()
}

/// Refuses what other sites could have sent.
pub(crate) fn check_request<B>(
    config: &ServerConfig,
    client: &Client,
    request: &Request<B>,
) -> Result<(), ApiError> {
    let is_ours = |name: &str| is_this_machine(name) || is_configured(name, config);
    if !is_ours(name_of(&client.host)) || !request.uri().host().is_none_or(is_ours) {
        let message = "the Host of the request is not a name of this server: on its own machine \
                       that is localhost, 127.0.0.1 or [::1]; server.public_url and \
                       server.hosts of its configuration name others";
        return Err(ApiError::new(StatusCode::MISDIRECTED_REQUEST, "MisdirectedRequest", message));
    }
    if request.method().is_safe() {
        return Ok(());
    }
    if let Some(origin) = request.headers().get(ORIGIN)
        && !is_own_origin(origin.to_str().unwrap_or_default(), client, config)
    {
        let message = "requests from pages of other origins are refused";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "ForeignOrigin", message));
    }
    Ok(())
}

/// Is it the origin of our pages as this client sees them, or as all are meant to?
fn is_own_origin(origin: &str, client: &Client, config: &ServerConfig) -> bool {
    let public = config.public_url.as_ref().map(ToString::to_string);
    origin == client.origin() || public.is_some_and(|public| origin == public)
}

/// Refuses bodies of other types. Every endpoint that takes a body calls this.
pub(crate) fn check_content_type(headers: &HeaderMap, types: &[&str]) -> Result<(), ApiError> {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let given = given.split(';').next().unwrap_or_default().trim();
    if types.iter().any(|known| known.eq_ignore_ascii_case(given)) {
        return Ok(());
    }
    let message = format!("the Content-Type must be one of: {}", types.join(", "));
    Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message))
}

/// The host without the port.
pub(crate) fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Is it one of this machine's names for itself?
pub(crate) fn is_this_machine(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost") || name == "127.0.0.1" || name == "[::1]"
}

/// Is it a name from the configuration? An address that is listened on is one: no other site has
/// it for a name.
fn is_configured(name: &str, config: &ServerConfig) -> bool {
    let public = config.public_url.iter().map(|url| url.host());
    let mut names = public.chain(config.hosts.iter().map(String::as_str));
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let address = bare.unwrap_or(name).parse::<IpAddr>();
    let is_listened_on =
        |address| address == config.listen.ip() && !config.listen.ip().is_unspecified();
    names.any(|known| known.eq_ignore_ascii_case(name)) || address.is_ok_and(is_listened_on)
}

#[cfg(test)]
mod tests {
    use axum::http::Method;

    use super::*;
    use crate::client::Connection;
    use crate::config::TlsFiles;

    fn check_as(
        config: &ServerConfig,
        method: Method,
        uri: &str,
        pairs: &[(&str, &str)],
    ) -> Option<u16> {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in pairs {
            request = request.header(*name, *value);
        }
        let request = request.body(()).unwrap();
        let connection =
            Connection { peer: "127.0.0.1:50000".parse().unwrap(), is_tls: config.tls.is_some() };
        let client = Client::of(config, connection, request.headers());
        check_request(config, &client, &request).err().map(|error| error.status.as_u16())
    }

    fn check(method: Method, pairs: &[(&str, &str)]) -> Option<u16> {
        check_as(&ServerConfig::default(), method, "/x", pairs)
    }

    fn get(config: &ServerConfig, host: &str) -> Option<u16> {
        check_as(config, Method::GET, "/x", &[("host", host)])
    }

    #[test]
    fn only_names_of_this_machine_are_answered() {
        for host in ["localhost", "LOCALHOST:7400", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:9"]
        {
            assert_eq!(check(Method::GET, &[("host", host)]), None, "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "localhost.",
            "127.0.0.1.nip.io:7400",
            "::1",
            "localhost:80:80",
            "evil.example@localhost",
            "0.0.0.0",
        ] {
            assert_eq!(check(Method::GET, &[("host", host)]), Some(421), "{host}");
        }
        assert_eq!(check(Method::GET, &[]), Some(421));
        assert_eq!(check(Method::GET, &[("host", "localhost"), ("host", "x")]), Some(421));
        let whole = |uri: &str| {
            check_as(&ServerConfig::default(), Method::GET, uri, &[("host", "localhost")])
        };
        assert_eq!(whole("http://localhost:7400/x"), None);
        assert_eq!(whole("http://evil.example/x"), Some(421));
    }

    #[test]
    fn configured_names_are_answered_and_no_others() {
        let mut config = ServerConfig {
            public_url: Some("https://Signins.contoso.example".parse().unwrap()),
            hosts: vec!["durward".to_owned()],
            ..ServerConfig::default()
        };
        for host in ["signins.contoso.example", "SIGNINS.contoso.example:443", "durward:7400"] {
            assert_eq!(get(&config, host), None, "{host}");
        }
        for host in ["contoso.example", "x.durward", "signins.contoso.example.", "192.0.2.9"] {
            assert_eq!(get(&config, host), Some(421), "{host}");
        }
        config.listen = "192.0.2.9:7400".parse().unwrap();
        assert_eq!(get(&config, "192.0.2.9:7400"), None);
        config.listen = "[2001:db8::9]:7400".parse().unwrap();
        assert_eq!(get(&config, "[2001:db8::9]:7400"), None);
        config.listen = "0.0.0.0:7400".parse().unwrap();
        assert_eq!(get(&config, "0.0.0.0:7400"), Some(421));
    }

    #[test]
    fn a_proxy_may_not_be_talked_into_another_name() {
        let config = ServerConfig {
            proxies: vec!["127.0.0.1/32".parse().unwrap()],
            hosts: vec!["a.example".to_owned()],
            ..ServerConfig::default()
        };
        let told = |name| {
            let pairs = [("host", "a.example"), ("x-forwarded-host", name)];
            check_as(&config, Method::GET, "/x", &pairs)
        };
        assert_eq!((told("a.example"), told("evil.example")), (None, Some(421)));
        // What nobody may say, nobody is heard on.
        let pairs = [("host", "evil.example"), ("x-forwarded-host", "localhost")];
        assert_eq!(check_as(&ServerConfig::default(), Method::GET, "/x", &pairs), Some(421));
    }

    #[test]
    fn posts_from_other_origins_are_refused() {
        let host = ("host", "localhost:7400");
        assert_eq!(check(Method::POST, &[host]), None);
        assert_eq!(check(Method::POST, &[host, ("origin", "http://localhost:7400")]), None);
        assert_eq!(check(Method::POST, &[host, ("origin", "http://localhost:7401")]), Some(403));
        assert_eq!(check(Method::POST, &[host, ("origin", "https://localhost:7400")]), Some(403));
        assert_eq!(check(Method::POST, &[host, ("origin", "null")]), Some(403));
        assert_eq!(check(Method::POST, &[host, ("origin", "")]), Some(403));
        assert_eq!(check(Method::GET, &[host, ("origin", "null")]), None);
    }

    #[test]
    fn the_origin_is_the_one_that_the_client_sees() {
        let files = TlsFiles { certificate: "c".into(), key: "k".into() };
        let tls = ServerConfig { tls: Some(files), ..ServerConfig::default() };
        let post = |config: &ServerConfig, origin, pairs: &[(&str, &str)]| {
            let mut all = vec![("host", "localhost:7400"), ("origin", origin)];
            all.extend(pairs);
            check_as(config, Method::POST, "/x", &all)
        };
        assert_eq!(post(&tls, "https://localhost:7400", &[]), None);
        assert_eq!(post(&tls, "http://localhost:7400", &[]), Some(403));
        let proxied = ServerConfig {
            proxies: vec!["127.0.0.1/32".parse().unwrap()],
            public_url: Some("https://pub.example".parse().unwrap()),
            ..ServerConfig::default()
        };
        let told = [("x-forwarded-proto", "https"), ("x-forwarded-host", "pub.example")];
        assert_eq!(post(&proxied, "https://pub.example", &told), None);
        assert_eq!(post(&proxied, "https://pub.example", &[]), None, "a proxy that says nothing");
        assert_eq!(post(&proxied, "http://pub.example", &told), Some(403));
        assert_eq!(post(&proxied, "https://pub.example:8443", &told), Some(403));
        let default = ServerConfig::default();
        assert_eq!(post(&default, "https://localhost:7400", &told), Some(403), "not a proxy");
    }

    #[test]
    fn forms_cannot_send_records() {
        for form in ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain", ""] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, form.parse().unwrap());
            assert!(check_content_type(&headers, RECORD_TYPES).is_err(), "{form}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, "Application/JSON; charset=utf-8".parse().unwrap());
        assert!(check_content_type(&headers, RECORD_TYPES).is_ok());
    }

    const REFUSED: [Admission; 2] = [Admission::Nobody, Admission::Everybody];

    fn is_for_who_gets_in(refused: ListenRefused, admission: Admission) -> bool {
        match admission {
            Admission::Everybody => matches!(refused, ListenRefused::Demo(_)),
            Admission::Nobody => matches!(refused, ListenRefused::NoWayIn(_)),
            Admission::Callers => false,
        }
    }

    #[test]
    fn this_machine_is_always_served() {
        for address in ["127.0.0.1:0", "127.3.2.1:80", "[::1]:7400", "[::ffff:127.0.0.1]:1"] {
            let config =
                ServerConfig { listen: address.parse().unwrap(), ..ServerConfig::default() };
            for admission in [Admission::Callers, Admission::Nobody, Admission::Everybody] {
                assert_eq!(check_listen(&config, admission), Ok(()), "{address}");
            }
        }
    }

    #[test]
    fn other_machines_are_served_only_with_protection_and_a_way_in() {
        for address in ["0.0.0.0:7400", "192.168.1.2:7400", "[::]:7400", "[fe80::1]:7400"] {
            let listen = address.parse().unwrap();
            let mut config = ServerConfig { listen, ..ServerConfig::default() };
            let open = check_listen(&config, Admission::Callers).unwrap_err();
            assert!(matches!(open, ListenRefused::Open(_)), "{address}");
            assert!(open.to_string().contains("server.tls"), "{open}");
            config.public_url = Some("https://a.example".parse().unwrap());
            let still = check_listen(&config, Admission::Callers);
            assert_eq!(still, Err(open), "a name is no protection");

            let files = TlsFiles { certificate: "c".into(), key: "k".into() };
            let with_tls = ServerConfig { tls: Some(files), ..config.clone() };
            let proxies = vec!["192.168.1.1/32".parse().unwrap()];
            let with_proxy = ServerConfig { proxies, ..config.clone() };
            for config in [with_tls, with_proxy] {
                assert_eq!(check_listen(&config, Admission::Callers), Ok(()), "{address}");
                for admission in REFUSED {
                    let refused = check_listen(&config, admission).unwrap_err();
                    assert!(is_for_who_gets_in(refused, admission), "{address} {admission:?}");
                }
                let nameless = ServerConfig { public_url: None, ..config };
                let refused = check_listen(&nameless, Admission::Callers);
                let is_refused = matches!(refused, Err(ListenRefused::Nameless(_)));
                assert_eq!(is_refused, listen.ip().is_unspecified(), "{address}");
            }
        }
    }

    #[test]
    fn a_demo_is_not_for_those_behind_a_proxy_on_this_machine() {
        let proxies = vec!["127.0.0.1/32".parse().unwrap()];
        let config = ServerConfig { proxies, ..ServerConfig::default() };
        assert_eq!(check_listen(&config, Admission::Callers), Ok(()));
        assert_eq!(check_listen(&config, Admission::Nobody), Ok(()), "whoever has the first link");
        let demo = check_listen(&config, Admission::Everybody).unwrap_err();
        assert!(matches!(demo, ListenRefused::Demo(_)));
    }
}
