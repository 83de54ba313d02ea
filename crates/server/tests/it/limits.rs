//! What one caller may take.

use durward_server::{CallerLimits, ServerConfig};

use crate::client::{self, Answer};
use crate::fixture::{Server, config, store_options};

/// A server that allows one request a second after the first three.
fn server(proxies: &[&str]) -> Server {
    let limits = CallerLimits { requests_per_second: 1, requests_burst: 3, requests_at_once: 16 };
    let proxies = proxies.iter().map(|text| text.parse().unwrap()).collect();
    let config = ServerConfig { limits, proxies, ..config() };
    Server::with_access(store_options(), config, |_| {})
}

fn get(server: &Server, address: &str) -> Answer {
    let headers = [("X-Forwarded-For", address)];
    client::request(server.address, "GET", "/healthz", &headers, &[])
}

/// Asks until it is told to wait.
fn exhaust(mut ask: impl FnMut() -> Answer) -> Answer {
    let mut answers = (0..1000).map(|_| ask());
    answers.find(|answer| answer.status != 200).expect("no limit")
}

#[test]
fn a_caller_past_its_rate_is_told_when_to_come_back_and_others_are_served() {
    let server = server(&["127.0.0.1/32"]);
    let refused = exhaust(|| get(&server, "192.0.2.1"));
    assert_eq!(refused.error(), (429, "TooManyRequests".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(refused.json()["error"]["innerError"]["request-id"].is_string());
    assert_eq!(get(&server, "192.0.2.2").status, 200);
    assert_eq!(exhaust(|| get(&server, "2001:db8::1")).status, 429);
    assert_eq!(get(&server, "2001:db8:0:1::1").status, 200);
}

#[test]
fn nobody_gets_more_by_claiming_to_be_others() {
    let server = server(&[]);
    let mut number = 0;
    let refused = exhaust(|| {
        number += 1;
        get(&server, &format!("192.0.2.{number}"))
    });
    assert_eq!(refused.status, 429);
}
