//! Push, and bad input.

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use durward_server::ServerConfig;
use durward_store::StoreOptions;
use durward_store::files::RealFiles;
use durward_store::files::testing::{CrashFiles, FullDisk};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::client::{self, Answer, post_json};
use crate::fixture::{
    INTERACTIVE, NON_INTERACTIVE, Server, config, id, ids, interactive, lines, record,
    store_options,
};

const DIAGNOSTIC: &str = "/api/ingest/diagnostic";
const GRAPH: &str = "/api/ingest/graph";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn push(server: &Server, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    client::request(server.address, "POST", DIAGNOSTIC, headers, body)
}

const JSON: (&str, &str) = ("Content-Type", "application/json");
const GZIP: (&str, &str) = ("Content-Encoding", "gzip");

fn counts(answer: &Value) -> [u64; 5] {
    ["new", "known", "revised", "other", "rejectedCount"].map(|name| answer[name].as_u64().unwrap())
}

#[test]
fn what_is_pushed_is_counted_and_there_at_once() {
    let server = Server::start();
    assert_eq!(counts(&server.push(&interactive(0..10))), [10, 0, 0, 0, 0]);
    let list = server.json("/beta/auditLogs/signIns?$count=true");
    assert_eq!(list["@odata.count"], 10);
    let mut again = interactive(5..15);
    again[0]["properties"]["riskState"] = "atRisk".into();
    again[0]["time"] = "2026-03-03T00:00:00Z".into();
    assert_eq!(counts(&server.push(&again)), [5, 4, 1, 0, 0]);
    let audit = json!({
        "time": "2026-03-02T00:00:00Z", "category": "AuditLogs", "operationName": "Add user",
        "properties": { "id": "Directory_1", "activityDateTime": "2026-03-02T00:00:00Z" },
    });
    assert_eq!(counts(&server.push(&[audit, record(50, 0, NON_INTERACTIVE)])), [1, 0, 0, 1, 0]);
}

#[test]
fn bodies_in_every_wrapping() {
    let server = Server::start();
    let hub = json!({ "records": [record(1, 0, INTERACTIVE), record(2, 0, NON_INTERACTIVE)] });
    let answer = post_json(server.address, DIAGNOSTIC, hub.to_string().as_bytes());
    assert_eq!((answer.status, counts(&answer.json())[0]), (202, 2));
    let array = Value::Array(interactive(10..13));
    let packed = gzip(array.to_string().as_bytes());
    assert_eq!(counts(&push(&server, &[JSON, GZIP], &packed).json())[0], 3);
    assert_eq!(counts(&push(&server, &[JSON], &packed).json())[1], 3, "known by its content");
    let graph = server.json("/beta/auditLogs/signIns");
    let elsewhere = Server::start();
    let answer = post_json(elsewhere.address, GRAPH, graph.to_string().as_bytes());
    assert_eq!((answer.status, counts(&answer.json())), (202, [4, 0, 0, 0, 0]));
    assert_eq!(ids(&elsewhere.json("/beta/auditLogs/signIns")), ids(&graph));
    let empty = post_json(server.address, DIAGNOSTIC, b"{\"records\":[]}");
    assert_eq!((empty.status, counts(&empty.json())), (202, [0; 5]));
}

#[test]
fn records_that_cannot_be_read_are_given_back_with_reasons() {
    let server = Server::start();
    let mut body = lines(&interactive(0..2));
    body.extend(b"{\"id\":\"x\",\"userPrincipalName\":\"a@b.example\"}\n{\"broken\": \n");
    body.extend(lines(&interactive(2..4)));
    let answer = push(&server, &[("Content-Type", "application/x-ndjson")], &body);
    assert_eq!(answer.status, 202, "{}", answer.text());
    let answer = answer.json();
    assert_eq!(counts(&answer), [4, 0, 0, 0, 2]);
    let rejected = answer["rejected"].as_array().unwrap();
    assert_eq!((&rejected[0]["line"], &rejected[1]["line"]), (&3.into(), &4.into()));
    assert!(!rejected[0]["reason"].as_str().unwrap().is_empty());
    assert!(rejected[1]["excerpt"].as_str().unwrap().contains("broken"));

    let many = "{\"id\":\"x\"}\n".repeat(5000) + &record(9, 0, INTERACTIVE).to_string();
    let answer = post_json(server.address, DIAGNOSTIC, many.as_bytes()).json();
    assert_eq!(counts(&answer), [1, 0, 0, 0, 5000]);
    assert_eq!(answer["rejected"].as_array().unwrap().len(), 100, "bounded");
}

#[test]
fn bad_input_gets_its_documented_error_quickly() {
    let server = Server::start();
    let whole = lines(&interactive(0..2000));
    let packed = gzip(&whole);
    let bomb = gzip(&vec![b' '; 300 << 20]);
    let deep = "{\"a\":".repeat(100_000) + "1" + &"}".repeat(100_000);
    let mut bad_utf8 = record(1, 0, INTERACTIVE).to_string().into_bytes();
    let at = bad_utf8.iter().position(|byte| *byte == b'@').unwrap();
    bad_utf8[at] = 0xff;
    let json = &[JSON][..];
    for (what, headers, body, status, code) in [
        ("nothing", json, &b""[..], 400, "BadRequest"),
        ("blanks", json, b" \n ", 400, "BadRequest"),
        ("no JSON", json, b"hello", 400, "BadRequest"),
        ("an unfinished object", json, b"{\"records\":[{", 400, "BadRequest"),
        ("deep nesting", json, deep.as_bytes(), 400, "BadRequest"),
        ("invalid UTF-8", json, &bad_utf8, 400, "BadRequest"),
        ("truncated gzip", &[JSON, GZIP], &packed[..packed.len() / 2], 400, "TruncatedBody"),
        ("a gzip header only", &[JSON, GZIP], &packed[..10], 400, "TruncatedBody"),
        ("gzip that is none", &[JSON, GZIP], &whole, 400, "BadRequest"),
        ("a zip bomb", &[JSON, GZIP], &bomb, 413, "CompressionBomb"),
        (
            "an unknown encoding",
            &[JSON, ("Content-Encoding", "br")],
            &whole,
            415,
            "UnsupportedMediaType",
        ),
        ("a form", &[("Content-Type", "text/plain")], &whole, 415, "UnsupportedMediaType"),
    ] {
        let started = Instant::now();
        let answer = push(&server, headers, body);
        assert_eq!(answer.error(), (status, code.to_owned()), "{what}: {}", answer.text());
        assert!(answer.body.len() < 16 << 10, "{what}: the answer is short");
        assert!(started.elapsed() < Duration::from_secs(20), "{what}: {:?}", started.elapsed());
    }
    // What came before the cut is kept, and the sender is told.
    let answer = push(&server, &[JSON, GZIP], &packed[..packed.len() / 2]).json();
    let kept = counts(&answer["error"]["kept"]);
    assert!(kept[0] == 0 && kept[1] > 100, "{kept:?}");
    assert_eq!(counts(&server.push(&interactive(0..2000)))[1], kept[1]);
}

#[test]
fn a_large_body_is_refused_before_it_is_read() {
    let server = Server::start();
    let headers = [JSON, ("Content-Length", "209715200")];
    let head = client::head(server.address, "POST", DIAGNOSTIC, &headers);
    let mut stream = client::connect(server.address);
    stream.write_all(head.as_bytes()).unwrap();
    // Not one byte of the body is sent: the answer comes anyway.
    let answer = client::read(stream).unwrap();
    assert_eq!(answer.error(), (413, "RequestTooLarge".to_owned()));

    // A body that does not say its length is cut off at the limit.
    let server =
        Server::with(store_options(), ServerConfig { body_bytes_max: 1 << 20, ..config() });
    let headers = [JSON, ("Transfer-Encoding", "chunked")];
    let head = client::head(server.address, "POST", DIAGNOSTIC, &headers);
    let mut stream = client::connect(server.address);
    stream.write_all(head.as_bytes()).unwrap();
    let part = vec![b' '; 64 << 10];
    let mut sent = 0;
    let mut send = || {
        write!(stream, "{:x}\r\n", part.len())?;
        stream.write_all(&part)?;
        stream.write_all(b"\r\n")
    };
    while sent < 200 << 20 && send().is_ok() {
        sent += part.len();
    }
    assert!(sent < 100 << 20, "the server stops reading: {sent}");
    assert_eq!(server.json("/beta/auditLogs/signIns?$count=true")["@odata.count"], 0);
}

#[test]
fn a_body_that_does_not_arrive_is_given_up() {
    let config = ServerConfig { body_timeout: Duration::from_millis(100), ..config() };
    let server = Server::with(store_options(), config);
    let head = client::head(server.address, "POST", DIAGNOSTIC, &[JSON, ("Content-Length", "50")]);
    let mut stream = client::connect(server.address);
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(b"{").unwrap();
    assert_eq!(client::read(stream).unwrap().error(), (408, "RequestTimeout".to_owned()));
}

#[test]
fn memory_for_bodies_is_bounded_and_who_comes_too_many_is_told_to_come_back() {
    let config = ServerConfig { bodies_bytes_max: 1 << 20, ..config() };
    let server = Server::with(store_options(), config);
    let length = (1 << 20).to_string();
    let headers = [JSON, ("Content-Length", length.as_str())];
    let head = client::head(server.address, "POST", DIAGNOSTIC, &headers);
    let mut slow = client::connect(server.address);
    slow.write_all(head.as_bytes()).unwrap();
    slow.write_all(b" ").unwrap();
    // Once the first has the memory, which it gets at some moment, there is none for another.
    let another = || post_json(server.address, DIAGNOSTIC, &lines(&interactive(90..91)));
    let mut answers = std::iter::repeat_with(another).take(1000);
    let answer = answers.find(|answer| answer.status != 202).expect("memory has a bound");
    assert_eq!(answer.error(), (429, "TooManyRequests".to_owned()));
    assert_eq!(answer.header("retry-after"), Some("1"));
    let mut rest = lines(&interactive(0..3));
    rest.resize((1 << 20) - 1, b'\n');
    slow.write_all(&rest).unwrap();
    assert_eq!(counts(&client::read(slow).unwrap().json())[0], 3);
    assert_eq!(counts(&server.push(&interactive(0..4))), [1, 3, 0, 0, 0]);
}

#[test]
fn a_full_disk_is_507_and_service_resumes_when_space_returns() {
    let disk = FullDisk::new(Arc::new(RealFiles), 64 << 20);
    let options = StoreOptions { files: Arc::new(disk.clone()), ..store_options() };
    let server = Server::with(options, config());
    server.push(&interactive(0..10));
    disk.set_budget(0);
    for _ in 0..2 {
        let answer = post_json(server.address, DIAGNOSTIC, &lines(&interactive(10..20)));
        assert_eq!(answer.error(), (507, "InsufficientStorage".to_owned()));
        assert!(answer.header("retry-after").is_some());
    }
    let listed = server.json("/beta/auditLogs/signIns?$count=true&$top=1");
    assert_eq!(listed["@odata.count"], 10, "questions are answered, nothing refused is shown");
    disk.set_budget(64 << 20);
    assert_eq!(counts(&server.push(&interactive(5..20))), [10, 5, 0, 0, 0]);
    assert_eq!(ids(&server.json("/beta/auditLogs/signIns?$top=1")), [id(19)]);
}

#[test]
fn a_failed_sync_is_503_until_the_store_is_opened_again() {
    let files = CrashFiles::new();
    let options = StoreOptions { files: Arc::new(files.clone()), lock: false, ..store_options() };
    let server = Server::with(options, config());
    server.push(&interactive(0..10));
    assert_eq!(server.json("/readyz")["status"], "ready");
    files.fail_syncs(1);
    for _ in 0..2 {
        let answer = post_json(server.address, DIAGNOSTIC, &lines(&interactive(10..20)));
        assert_eq!(answer.error(), (503, "ServiceUnavailable".to_owned()), "{}", answer.text());
    }
    let ready = server.get("/readyz");
    assert_eq!((ready.status, &ready.json()["status"]), (503, &"stopped".into()));
    assert!(server.get("/metrics").text().contains("durward_stopped 1\n"));
    assert_eq!(ids(&server.json("/beta/auditLogs/signIns")).len(), 10);
}
