//! Who may ask: nobody but this machine, and no page of another site through a browser on it.
//!
//! There is no access control yet, so the server listens on loopback only ([`check_listen`]).
//! That keeps other machines out, but not web pages: a browser here runs what any site sends it.
//! Three things stop those:
//!
//! - The `Host` of every request must be a name of this machine. A site that points its own name
//!   at 127.0.0.1 (DNS rebinding) is told 421 and learns nothing.
//! - No answer carries CORS headers, so pages of other origins cannot read any.
//! - Requests that change something must name a content type that HTML forms cannot send (JSON
//!   and its like), so that a browser would have to ask for permission first, which it does not
//!   get; and an `Origin` that is not this server's own is refused.

use std::net::SocketAddr;

use axum::http::header::{CONTENT_TYPE, HOST, ORIGIN};
use axum::http::{HeaderMap, Method, StatusCode, Uri};

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

/// An address that durward does not listen on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} can be reached from other machines, and durward has no access control yet: it listens \
     on loopback addresses only, such as 127.0.0.1:7400 or [::1]:7400"
)]
pub struct NotLoopback(pub SocketAddr);

/// Is the address one that only this machine can reach?
pub(crate) fn check_listen(listen: SocketAddr) -> Result<(), NotLoopback> {
    if listen.ip().to_canonical().is_loopback() { Ok(()) } else { Err(NotLoopback(listen)) }
}

/// Refuses what other sites could have sent.
pub(crate) fn check_request(
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<(), ApiError> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok()).unwrap_or_default();
    let named = uri.host().is_none_or(is_this_machine);
    if hosts.next().is_some() || !named || !is_this_machine(name_of(host)) {
        let message = "the Host of the request is not a name of this machine: use localhost, \
                       127.0.0.1 or [::1]";
        return Err(ApiError::new(StatusCode::MISDIRECTED_REQUEST, "MisdirectedRequest", message));
    }
    if method.is_safe() {
        return Ok(());
    }
    if let Some(origin) = headers.get(ORIGIN)
        && origin.to_str().ok() != Some(&format!("http://{host}"))
    {
        let message = "requests from pages of other origins are refused";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "ForeignOrigin", message));
    }
    Ok(())
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
fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    }
}

fn is_this_machine(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost") || name == "127.0.0.1" || name == "[::1]"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: Method, pairs: &[(&str, &str)]) -> Option<u16> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let name: axum::http::HeaderName = name.parse().unwrap();
            headers.append(name, value.parse().unwrap());
        }
        let uri = Uri::from_static("/x");
        check_request(&method, &uri, &headers).err().map(|error| error.status.as_u16())
    }

    #[test]
    fn only_names_of_this_machine_are_answered() {
        for host in ["localhost", "LOCALHOST:7400", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:9"]
        {
            assert_eq!(check(Method::GET, &[("host", host)]), None, "{host}");
        }
        for host in ["", "evil.example", "localhost.evil.example", "127.0.0.1.nip.io:7400", "::1"] {
            assert_eq!(check(Method::GET, &[("host", host)]), Some(421), "{host}");
        }
        assert_eq!(check(Method::GET, &[]), Some(421));
        assert_eq!(check(Method::GET, &[("host", "localhost"), ("host", "x")]), Some(421));
    }

    #[test]
    fn posts_from_other_origins_are_refused() {
        let host = ("host", "localhost:7400");
        assert_eq!(check(Method::POST, &[host]), None);
        assert_eq!(check(Method::POST, &[host, ("origin", "http://localhost:7400")]), None);
        assert_eq!(check(Method::POST, &[host, ("origin", "http://localhost:7401")]), Some(403));
        assert_eq!(check(Method::POST, &[host, ("origin", "null")]), Some(403));
        assert_eq!(check(Method::GET, &[host, ("origin", "null")]), None);
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

    #[test]
    fn only_loopback_is_listened_on() {
        for listen in ["127.0.0.1:0", "127.3.2.1:80", "[::1]:7400", "[::ffff:127.0.0.1]:1"] {
            assert!(check_listen(listen.parse().unwrap()).is_ok(), "{listen}");
        }
        for listen in ["0.0.0.0:7400", "192.168.1.2:7400", "[::]:7400", "[fe80::1]:7400"] {
            assert!(check_listen(listen.parse().unwrap()).is_err(), "{listen}");
        }
    }
}
