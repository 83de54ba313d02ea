//! What holds for every request.

use std::io::Write as _;

use durward_server::{BindError, bind};

use crate::client;
use crate::fixture::{Server, config, interactive};

#[test]
fn every_answer_carries_the_security_headers_and_none_opens_it_to_other_sites() {
    let server = Server::start();
    server.push(&interactive(0..3));
    for target in [
        "/",
        "/signins?q=broken:",
        "/signins/none",
        "/nowhere",
        "/assets/durward.js",
        "/healthz",
        "/metrics",
        "/beta/auditLogs/signIns",
        "/beta/auditLogs/signIns?$top=0",
        "/api/openapi.json",
        "/api/security/sign-in-logs/export?format=json",
    ] {
        let answer = server.get(target);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{target}");
        assert_eq!(answer.header("referrer-policy"), Some("same-origin"), "{target}");
        let policy = answer.header("content-security-policy").expect(target);
        assert!(policy.starts_with("default-src 'none';"), "{target}: {policy}");
        assert!(!policy.contains("unsafe"), "{target}: {policy}");
        let keep = answer.header("cache-control").expect(target);
        let wanted = if target.starts_with("/assets/") { "no-cache" } else { "no-store" };
        assert_eq!(keep, wanted, "{target}");
        assert!(!answer.has_header_beginning("access-control"), "{target}");
        assert!(answer.header("request-id").is_some(), "{target}");
    }
}

#[test]
fn a_foreign_host_or_origin_is_refused() {
    let server = Server::start();
    let get = |host| client::request(server.address, "GET", "/api/x", &[("Host", host)], &[]);
    let rebound = client::request(
        server.address,
        "GET",
        "/beta/auditLogs/signIns",
        &[("Host", "attacker.example:7400")],
        &[],
    );
    assert_eq!(rebound.error(), (421, "MisdirectedRequest".to_owned()));
    assert_eq!(get("localhost:1").status, 404);
    let push = |headers: &[(&str, &str)]| {
        client::request(server.address, "POST", "/api/ingest/graph", headers, b"{}").error()
    };
    let json = ("Content-Type", "application/json");
    assert_eq!(push(&[json, ("Origin", "https://attacker.example")]).0, 403);
    assert_eq!(push(&[("Content-Type", "text/plain")]).0, 415);
    assert_eq!(push(&[]).0, 415);
}

#[test]
fn errors_have_graphs_shape_and_the_callers_identifier() {
    let server = Server::start();
    let headers = [("client-request-id", "my-request-1")];
    let target = "/v1.0/auditLogs/nothing";
    let answer = client::request(server.address, "GET", target, &headers, &[]);
    assert_eq!(answer.error(), (404, "ResourceNotFound".to_owned()));
    let inner = &answer.json()["error"]["innerError"];
    assert_eq!(inner["client-request-id"], "my-request-1");
    assert_eq!(answer.header("client-request-id"), Some("my-request-1"));
    assert_eq!(inner["request-id"].as_str(), answer.header("request-id"));
    let date = inner["date"].as_str().unwrap();
    assert_eq!((date.len(), date.contains('Z')), (19, false), "no zone: {date}");
    let other = server.get(target);
    assert_ne!(answer.header("request-id"), other.header("request-id"));

    let deleted = client::request(server.address, "DELETE", "/healthz", &[], &[]);
    assert_eq!(deleted.error(), (405, "MethodNotAllowed".to_owned()));
    let browser = [("Accept", "text/html,*/*")];
    let page = client::request(server.address, "GET", "/nowhere", &browser, &[]);
    assert_eq!(page.status, 404);
    assert!(page.text().starts_with("<!DOCTYPE html>"), "{}", page.text());
}

#[tokio::test]
async fn other_addresses_than_loopback_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let options = crate::fixture::store_options();
    let store = std::sync::Arc::new(durward_store::Store::open(dir.path(), options).unwrap());
    for listen in ["0.0.0.0:0", "[::]:0"] {
        let config = durward_server::ServerConfig { listen: listen.parse().unwrap(), ..config() };
        let access = crate::fixture::access(dir.path());
        let refused = bind(config, store.clone(), access, crate::fixture::unwatched(dir.path()))
            .await
            .unwrap_err();
        assert!(matches!(refused, BindError::Refused(_)), "{refused}");
        assert!(refused.to_string().contains("TLS"), "{refused}");
    }
}

#[test]
fn a_request_under_way_is_answered_when_the_server_stops() {
    let mut server = Server::start();
    let body = crate::fixture::lines(&interactive(0..10));
    let length = body.len().to_string();
    let headers = [("Content-Type", "application/json"), ("Content-Length", length.as_str())];
    let head = client::head(server.address, "POST", "/api/ingest/graph", &headers);
    let mut stream = client::connect(server.address);
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body[..100]).unwrap();
    // An answer to another request shows that the first one has arrived.
    assert_eq!(server.get("/healthz").status, 200);
    server.stop();
    stream.write_all(&body[100..]).unwrap();
    let answer = client::read(stream).unwrap();
    assert_eq!((answer.status, &answer.json()["new"]), (202, &10.into()));
    server.join();
}

#[test]
fn health_and_metrics() {
    let server = Server::start();
    assert_eq!(server.json("/healthz")["status"], "ok");
    server.push(&interactive(0..5));
    let ready = server.json("/readyz");
    assert_eq!(ready, serde_json::json!({ "status": "ready" }), "nothing that is not for all");
    server.get("/beta/auditLogs/signIns?$top=5000");
    let metrics = server.get("/metrics");
    let text = metrics.text();
    for line in [
        "durward_events{log=\"interactiveUser\"} 5\n",
        "durward_ingested_events_total{log=\"interactiveUser\",outcome=\"new\"} 5\n",
        "durward_hot_rows 5\n",
        "durward_stopped 0\n",
        "durward_http_request_duration_seconds_count{route=\"/beta/auditLogs/signIns\",\
         method=\"GET\",status=\"400\"} 1\n",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').expect(line);
        assert!(value.parse::<f64>().is_ok() && name.starts_with("durward_"), "{line}");
    }
}
