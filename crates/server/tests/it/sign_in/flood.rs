//! Attempts without end.

use std::io::{BufReader, Read as _, Write as _};
use std::net::SocketAddr;

use durward_access::Role;
use durward_model::Log;

use super::house::{House, PASSWORD};
use crate::client;

const ATTEMPTS: usize = 10_000;
const CONNECTIONS: usize = 8;

/// Posts wrong passwords on one connection, half of them for one account, and gives the statuses.
fn knock(address: SocketAddr, connection: usize) -> Vec<u16> {
    let mut stream = client::connect(address);
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut statuses = Vec::new();
    for number in 0..ATTEMPTS / CONNECTIONS {
        let name = match number % 2 {
            0 => "victim".to_owned(),
            _ => format!("guess{connection}-{number}"),
        };
        let body = format!("name={name}&password=guess{number}");
        // In one write, or the system waits for the rest.
        let request = format!(
            "POST /sign-in HTTP/1.1\r\nHost: {address}\r\nX-Forwarded-For: 203.0.113.66\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let (status, headers) = client::read_head(&mut reader);
        let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let mut body = vec![0; length.unwrap().1.parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        statuses.push(status);
    }
    statuses
}

fn metric(page: &str, name: &str) -> u64 {
    let line = page.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("{name} in {page}")).trim().parse().unwrap()
}

#[test]
fn ten_thousand_attempts_cost_little_and_keep_nobody_else_out() {
    let mut house = House::open();
    house.person("ada", &[Role::GlobalAdministrator]);
    house.person("victim", &[Role::User]);
    // The victim has signed in from this browser before.
    let mut known = house.browser_at("192.0.2.50");
    assert_eq!(known.sign_in("victim", PASSWORD).status, 303);
    known.cookies.retain(|name, _| name.contains("device"));
    assert_eq!(known.cookies.len(), 1);

    let address = house.address;
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let knocking: Vec<_> =
            (0..CONNECTIONS).map(|number| scope.spawn(move || knock(address, number))).collect();
        knocking.into_iter().flat_map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(statuses.len(), ATTEMPTS);
    assert!(statuses.iter().all(|status| [403, 429, 503].contains(status)));

    // Somebody else, from elsewhere; and the victim, in spite of all.
    let mut ada = house.browser_at("192.0.2.51");
    assert_eq!(ada.sign_in("ada", PASSWORD).status, 303);
    assert_eq!(known.sign_in("victim", PASSWORD).status, 303);

    let metrics = ada.get("/metrics").text().to_owned();
    let of = |outcome: &str| {
        metric(&metrics, &format!("durward_own_sign_ins_total{{outcome=\"{outcome}\"}}"))
    };
    assert!(of("failed") <= 200, "passwords compared: {}", of("failed"));
    assert_eq!(of("failed") + of("refused") + of("busy"), ATTEMPTS as u64);
    assert_eq!(metric(&metrics, "durward_own_sign_ins_dropped_total"), 0);

    house.reopen();
    let rows = house.store.view().live_rows(&[Log::InteractiveUser]);
    assert!(rows < 300, "{rows} records of {ATTEMPTS} attempts");
    let refused = house.own_events("code:50053 ip:203.0.113.66");
    assert!(!refused.is_empty());
}
