//! Exports.

use std::io::{BufReader, Write as _};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use durward_generate::{Moment, Tenant, TenantOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use crate::client::{self, post_json};
use crate::fixture::{NON_INTERACTIVE, SERVICE_PRINCIPAL, Server, ids, interactive, lines, record};

const EXPORT: &str = "/api/security/sign-in-logs/export";

fn filled() -> Server {
    let server = Server::start();
    server.push(&interactive(0..300));
    server.store.seal().unwrap();
    let more = (300..320).map(|number| record(number, 0, NON_INTERACTIVE));
    let more: Vec<_> = more.chain([record(320, 1, SERVICE_PRINCIPAL)]).collect();
    server.push(&more);
    server
}

/// The rows of a CSV file as maps.
fn csv_rows(text: &str) -> Vec<Vec<(String, String)>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headers = reader.headers().unwrap().clone();
    let cells = |row: csv::StringRecord| {
        let pairs = headers.iter().zip(row.iter());
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    reader.records().map(|row| cells(row.unwrap())).collect()
}

fn column(rows: &[Vec<(String, String)>], name: &str) -> Vec<String> {
    let cell = |row: &Vec<(String, String)>| {
        row.iter().find(|(other, _)| other == name).expect(name).1.clone()
    };
    rows.iter().map(cell).collect()
}

#[test]
fn every_format_has_what_the_list_has() {
    let server = filled();
    for query in ["filter=-status:success&type=i,n", "sort=createdDateTime", "filter=user:nobody"] {
        let list = server.json(&format!("/api/security/sign-in-logs?{query}&limit=1000"));
        let (wanted, events) = (ids(&list), list["value"].as_array().unwrap());
        let export = |format: &str| {
            let answer = server.get(&format!("{EXPORT}?format={format}&{query}"));
            assert_eq!(answer.status, 200, "{}", answer.text());
            let file = answer.header("content-disposition").unwrap();
            assert!(file.starts_with("attachment; filename=\"sign-ins-20"), "{file}");
            answer
        };
        assert_eq!(export("json").json(), Value::Array(events.clone()));
        let by_line = |text: &str| -> Vec<Value> {
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        assert_eq!(&by_line(export("ndjson").text()), events);
        let originals = by_line(export("original").text());
        let pushed: Vec<_> =
            originals.iter().map(|record| record["properties"]["id"].as_str().unwrap()).collect();
        assert_eq!(pushed, wanted);
        let rows = csv_rows(export("csv").text());
        assert_eq!(column(&rows, "id"), wanted);
        let users: Vec<_> = events.iter().map(|e| e["userDisplayName"].as_str().unwrap()).collect();
        assert_eq!(column(&rows, "userDisplayName"), users);
        check_parquet(export("parquet").body, events, query);
    }
}

fn check_parquet(bytes: Vec<u8>, events: &[Value], query: &str) {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).unwrap();
    let metadata = builder.metadata().file_metadata().key_value_metadata().unwrap();
    let question = metadata.iter().find(|pair| pair.key == "durward.question").unwrap();
    let asked = question.value.as_deref().unwrap();
    let first = query.split(['=', '&']).nth(1).unwrap();
    assert!(asked.contains(first), "{asked}");
    let mut row_count = 0;
    for batch in builder.build().unwrap() {
        let batch = batch.unwrap();
        let texts = |name: &str| batch.column_by_name(name).unwrap().as_string::<i32>().clone();
        let codes = batch.column_by_name("status/errorCode").unwrap().as_primitive::<Int64Type>();
        let (ids, details) = (texts("id"), texts("authenticationDetails"));
        for row in 0..batch.num_rows() {
            let event = &events[row_count];
            assert_eq!(event["id"], ids.value(row));
            assert_eq!(event["status"]["errorCode"], codes.value(row));
            let json: Value = serde_json::from_str(details.value(row)).unwrap();
            assert_eq!(json[0]["authenticationMethod"], "Password");
            row_count += 1;
        }
    }
    assert_eq!(row_count, events.len());
}

#[test]
fn the_portals_layout_is_for_one_log() {
    let server = filled();
    let answer = server.get(&format!("{EXPORT}?format=csv&layout=portal&type=i"));
    let rows = csv_rows(answer.text());
    assert_eq!((rows.len(), rows[0].len()), (300, 56));
    assert_eq!(column(&rows, "Status")[..4], ["Interrupted", "Failure", "Success", "Success"]);
    for (query, parameter) in [
        ("format=csv&layout=portal", "layout"),
        ("format=json&layout=portal&type=i", "layout"),
        ("format=xlsx", "format"),
        ("format=csv&limit=5", "limit"),
        ("filter=nonsense:1", "filter"),
    ] {
        let answer = server.get(&format!("{EXPORT}?{query}"));
        assert_eq!(answer.error(), (400, "BadRequest".to_owned()), "{query}");
        assert_eq!(answer.json()["error"]["parameter"], parameter);
    }
}

#[test]
fn a_post_asks_in_json() {
    let server = filled();
    let body = json!({ "format": "ndjson", "type": "n", "filter": "status:failure" }).to_string();
    let answer = post_json(server.address, EXPORT, body.as_bytes());
    assert_eq!(answer.status, 200);
    assert_eq!(answer.text().lines().count(), 5);
    let post = |body: &[u8]| post_json(server.address, EXPORT, body).error().0;
    assert_eq!(post(b"[]"), 400);
    assert_eq!(post(b"{\"format\":5}"), 400);
    assert_eq!(post(&vec![b'['; 100_000]), 413);
    let deep = format!("{{\"format\":{}", "[".repeat(10_000));
    assert_eq!(post(deep.as_bytes()), 400);
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let answer = client::request(server.address, "POST", EXPORT, &form, b"format=csv");
    assert_eq!(answer.status, 403, "a form without the token of the session");
    let text = [("Content-Type", "text/plain")];
    let answer = client::request(server.address, "POST", EXPORT, &text, b"format=csv");
    assert_eq!(answer.status, 415);
}

/// Bytes that an export may be ahead of its reader: the channel, and the sockets' buffers.
const AHEAD_MAX: f64 = 24e6;

#[test]
fn an_export_never_runs_far_ahead_of_its_reader() {
    let server = Server::start();
    let options = TenantOptions { users: 120, ..TenantOptions::demo() };
    let tenant = Arc::new(Tenant::new(1, options));
    let monday = Moment::from_day(20_514);
    let mut body = Vec::new();
    let mut pushed = 0_u64;
    for event in tenant.events(monday..monday.plus_days(2)) {
        body.extend(&event.json);
        body.push(b'\n');
        pushed += 1;
        if body.len() > 16 << 20 {
            assert_eq!(push(&server, &std::mem::take(&mut body)), 0);
        }
    }
    assert_eq!(push(&server, &body), 0);
    server.store.seal().unwrap();

    let mut stream = client::connect(server.address);
    let target = format!("{EXPORT}?format=json");
    stream.write_all(client::head(server.address, "GET", &target, &[]).as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    assert_eq!(client::read_head(&mut reader).0, 200);
    let (mut read, mut events, mut checked) = (0_usize, 0_u64, 0);
    let mut last = Vec::new();
    while let Some(part) = client::read_chunk(&mut reader).expect("an unbroken answer") {
        read += part.len();
        events += part.windows(11).filter(|bytes| bytes == b"\"revision\":").count() as u64;
        last = part;
        if read - checked > 4 << 20 {
            checked = read;
            let written = exported(&server);
            let mean = read as f64 / events.max(1) as f64;
            let ahead = written as f64 * mean - read as f64;
            assert!(ahead < AHEAD_MAX, "{written} events of {pushed} are {ahead} bytes ahead");
        }
    }
    assert!(last.ends_with(b"\n]\n"), "the end is there");
    assert!(read as f64 > 1.5 * AHEAD_MAX, "{read} bytes are too few to tell");
    assert_eq!(exported(&server), pushed);
}

fn push(server: &Server, body: &[u8]) -> u64 {
    let answer = post_json(server.address, "/api/ingest/diagnostic", body);
    assert_eq!(answer.status, 202, "{}", answer.text());
    answer.json()["rejectedCount"].as_u64().unwrap()
}

fn exported(server: &Server) -> u64 {
    let metrics = server.get("/metrics");
    let line =
        metrics.text().lines().find(|line| line.starts_with("durward_exported_events_total"));
    line.unwrap().rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[test]
fn an_export_shows_one_moment() {
    let server = Server::start();
    server.push(&interactive(0..5000));
    let mut stream = client::connect(server.address);
    let target = format!("{EXPORT}?format=original&sort=createdDateTime");
    stream.write_all(client::head(server.address, "GET", &target, &[]).as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    assert_eq!(client::read_head(&mut reader).0, 200);
    let first = client::read_chunk(&mut reader).unwrap().unwrap();
    let body = lines(&interactive(5000..6000));
    assert_eq!(push(&server, &body), 0);
    server.store.seal().unwrap();
    server.store.compact().unwrap();
    let mut all = first;
    while let Some(part) = client::read_chunk(&mut reader).unwrap() {
        all.extend(part);
    }
    assert_eq!(std::str::from_utf8(&all).unwrap().lines().count(), 5000);
}
