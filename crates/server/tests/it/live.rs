//! The live list.

use std::io::{BufReader, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use durward_access::{Role, Scope};
use durward_journal::{Action, Query};
use durward_model::Timestamp;
use serde_json::Value;

use crate::client;
use crate::fixture::{
    INTERACTIVE, NON_INTERACTIVE, Server, config, id, interactive, record, store_options,
};
use crate::visitor::{Visitor, shown};

/// A stream that is open.
struct Stream {
    reader: BufReader<TcpStream>,
    text: String,
}

impl Stream {
    fn open(server: &Server, target: &str, headers: &[(&str, &str)]) -> Stream {
        let mut stream = client::connect(server.address);
        let head = client::head(server.address, "GET", target, headers);
        stream.write_all(head.as_bytes()).unwrap();
        let mut reader = BufReader::new(stream);
        let (status, headers) = client::read_head(&mut reader);
        assert_eq!(status, 200, "{target}");
        let kind = headers.iter().find(|(name, _)| name == "content-type").unwrap();
        assert_eq!(kind.1, "text/event-stream");
        let mut stream = Stream { reader, text: String::new() };
        assert_eq!(stream.next().unwrap().0, "open");
        stream
    }

    fn of(visitor: &Visitor<'_>, server: &Server, target: &str) -> Stream {
        let cookie =
            format!("durward-session-{}={}", server.address.port(), visitor.cookie_value());
        Stream::open(server, target, &[("Cookie", &cookie)])
    }

    /// The next message: its name and data; `None` at the end.
    fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((message, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| -> Option<String> {
                    let start = format!("{name}: ");
                    let line = message.lines().find_map(|line| line.strip_prefix(&*start))?;
                    Some(line.to_owned())
                };
                let found = field("event").zip(field("data"));
                let rest = rest.to_owned();
                let found = found.map(|(name, data)| (name, serde_json::from_str(&data).unwrap()));
                self.text = rest;
                match found {
                    Some(found) => return Some(found),
                    // A comment, to keep the connection.
                    None => continue,
                }
            }
            let part = client::read_chunk(&mut self.reader).flatten()?;
            self.text.push_str(std::str::from_utf8(&part).unwrap());
        }
    }

    /// The next message with rows.
    fn rows(&mut self) -> Value {
        loop {
            let (name, data) = self.next().expect("a message");
            assert_eq!(name, "rows", "{data}");
            if data["html"].is_string() {
                return data;
            }
        }
    }

    fn ids(&mut self) -> Vec<String> {
        shown(self.rows()["html"].as_str().unwrap())
    }
}

/// Records of just now, the largest number the newest.
fn now(numbers: std::ops::Range<u32>, category: &str) -> Vec<Value> {
    let now = Timestamp::now().micros;
    let end = numbers.end;
    let record = |number: u32| {
        let mut record = record(number, 0, category);
        let at = now - i64::from(end - number) * 1_000_000;
        let at = Timestamp::from_micros(at).to_rfc3339();
        record["properties"]["createdDateTime"] = at.into();
        record
    };
    numbers.map(record).collect()
}

#[test]
fn what_is_pushed_arrives_once_and_fits_the_filter() {
    let server = Server::start();
    server.push(&now(0..3, INTERACTIVE));
    let mut all = Stream::open(&server, "/signins/live?type=all", &[]);
    let mut failures = Stream::open(&server, "/signins/live?f=status%3Dfailure&cols=ip,user", &[]);
    server.push(&now(10..14, INTERACTIVE));
    let rows = all.rows();
    let html = rows["html"].as_str().unwrap();
    assert_eq!(shown(html), [13, 12, 11, 10].map(id), "and not what was there before");
    assert!(!html.contains(" style=") && !html.contains("<html"), "{html}");
    assert_eq!((&rows["count"], &rows["more"]), (&4.into(), &false.into()));
    assert_eq!(failures.ids(), [id(10)]);
    server.store.seal().unwrap();
    server.push(&now(20..23, NON_INTERACTIVE));
    server.push(&now(30..31, INTERACTIVE));
    let mut arrived = all.ids();
    while arrived.len() < 4 {
        arrived.extend(all.ids());
    }
    arrived.sort();
    assert_eq!(arrived, [20, 21, 22, 30].map(id), "each once");
    assert_eq!(failures.ids(), [id(30)], "another log is not asked for");
}

#[test]
fn tabs_are_counted_again_and_a_flood_is_a_gap() {
    let server = Server::start();
    server.push(&now(0..3, INTERACTIVE));
    let mut stream = Stream::open(&server, "/signins/live?type=all&t=1h", &[]);
    server.push(&now(1000..1450, INTERACTIVE));
    let rows = stream.rows();
    assert_eq!((&rows["count"], &rows["more"]), (&200.into(), &true.into()));
    assert_eq!(shown(rows["html"].as_str().unwrap()).len(), 200);
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let (_, data) = stream.next().unwrap();
        assert!(data["html"].is_null(), "what was left out is loaded with the list");
        if data["counts"]["all"] == 453 {
            assert_eq!(data["counts"]["i"], 453);
            assert_eq!(data["counts"]["m"], 0);
            break;
        }
        assert!(Instant::now() < until, "{data}");
    }
}

#[test]
fn who_sees_a_part_of_the_log_hears_of_that_part() {
    let server = Server::guarded();
    server.fill(&interactive(0..3));
    let user = format!("user{}@x.example", 2);
    let scope = Scope { users: vec![user.clone()], ..Scope::WHOLE };
    let narrow = server.visitor("narrow", &[Role::SecurityReader], scope, None);
    let whole = server.visitor("whole", &[Role::SecurityReader], Scope::WHOLE, None);
    let mut one = Stream::of(&narrow, &server, "/signins/live?type=all&t=1h");
    let mut other = Stream::of(&whole, &server, "/signins/live?type=all&t=1h");
    server.fill(&now(70..84, INTERACTIVE));
    assert_eq!(other.ids().len(), 14);
    let rows = one.rows();
    assert_eq!(shown(rows["html"].as_str().unwrap()), [79, 72].map(id));
    assert!(!rows.to_string().contains("user3@"), "{rows}");
    let plain = server.visitor("plain", &[], Scope::WHOLE, Some(2));
    assert_eq!(plain.get("/signins/live").status, 403);
    assert_eq!(server.get("/signins/live").status, 401);
    let query = Query { action: Some(Action::List), ..Query::default() };
    let entries = server.journal.list(&query).unwrap();
    let looked: Vec<_> = entries.iter().filter(|of| of.entry.route == "/signins/live").collect();
    assert_eq!(looked.len(), 2, "each is written down when it begins");
    assert_eq!(looked[0].entry.query, "type=all&t=1h");
}

#[test]
fn there_are_only_so_many_and_those_that_close_make_room() {
    let server =
        Server::with(store_options(), durward_server::ServerConfig { live_max: 1, ..config() });
    server.push(&now(0..1, INTERACTIVE));
    let held = Stream::open(&server, "/signins/live", &[]);
    let refused = server.get("/signins/live");
    assert_eq!(refused.error(), (503, "ServiceBusy".to_owned()));
    assert!(refused.text().contains("too many live lists"), "{}", refused.text());
    drop(held);
    let until = Instant::now() + Duration::from_secs(20);
    let mut number = 100;
    loop {
        let mut stream = client::connect(server.address);
        let head = client::head(server.address, "GET", "/signins/live", &[]);
        stream.write_all(head.as_bytes()).unwrap();
        if client::read_head(&mut BufReader::new(stream)).0 == 200 {
            break;
        }
        assert!(Instant::now() < until, "the place never came free");
        // The server notices when it writes.
        number += 1;
        server.push(&now(number..number + 1, INTERACTIVE));
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_stream_ends_with_the_session_and_with_the_server() {
    let mut server = Server::guarded();
    server.fill(&now(0..1, INTERACTIVE));
    {
        let visitor = server.visitor("maria", &[Role::SecurityReader], Scope::WHOLE, None);
        let mut stream = Stream::of(&visitor, &server, "/signins/live");
        let (person, session) = (&visitor.person.id, &visitor.session.id);
        assert!(server.people.end_session_of(person, session).unwrap());
        let started = Instant::now();
        let data = loop {
            let (name, data) = stream.next().expect("a word of farewell");
            if name == "end" {
                break data;
            }
        };
        assert!(data["why"].as_str().unwrap().contains("signed out"));
        assert!(started.elapsed() < Duration::from_secs(35));
        assert!(stream.next().is_none());
    }
    let visitor = server.visitor("hugo", &[Role::SecurityReader], Scope::WHOLE, None);
    let mut stream = Stream::of(&visitor, &server, "/signins/live");
    drop(visitor);
    server.stop();
    let started = Instant::now();
    while stream.next().is_some() {}
    server.join();
    assert!(started.elapsed() < Duration::from_secs(8), "it waits for nobody who listens");
}

#[test]
fn questions_that_cannot_be_asked_are_answered_as_such() {
    let server = Server::start();
    server.push(&now(0..1, INTERACTIVE));
    for query in ["f=nonsense:1", "since=tomorrow", "t=never", "limit=5"] {
        assert_eq!(server.get(&format!("/signins/live?{query}")).status, 400, "{query}");
    }
    let guarded = Server::guarded();
    guarded.fill(&now(0..1, INTERACTIVE));
    let reader = guarded.visitor("reader", &[Role::ReportsReader], Scope::WHOLE, None);
    assert_eq!(reader.get("/signins/live?q=policy:x").status, 403, "counting would tell");
}
