//! How long the server takes for pages, and what they weigh, on a large log.
//!
//! A store is filled with generated events straight from memory; then `durward serve` answers
//! requests for pages over a connection of their own each, as a browser would ask for them:
//! compressed, with a token. Time is from the request sent to the whole answer received, so it is
//! a little more than the server's own.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use durward_generate::{Moment, Tenant, TenantOptions};
use durward_ingest::{Collected, Decoder, Options};
use durward_model::time::DAY_MICROS;
use durward_model::{FieldId, Log, Timestamp};
use durward_query::{Budget, Engine, Filter, ListRequest, Order};
use durward_store::{Store, StoreOptions};

/// Days of the range; it ends with today.
const DAYS: i64 = 30;
/// Bytes of JSON that are decoded at once.
const PIECE_BYTES: usize = 8 << 20;
/// How long an append waits for a store that is catching up.
const PATIENCE: Duration = Duration::from_secs(120);
/// Requests for each page that count; one more before them does not.
const RUNS: usize = 15;
/// Scripts, styles and pictures that a first visit of the explorer loads.
const ASSETS: [&str; 2] = ["/assets/durward.css", "/assets/icon.svg"];
/// Loaded by a script once a chart is there.
const CHARTS: &str = "/assets/echarts.js";

/// Fills a store with events of the days up to now, unless it holds some already.
pub(crate) fn fill(data: &Path, events: u64, seed: u64) -> Result<u64> {
    let store = Store::open(data, StoreOptions::default())?;
    let stored = store.view().live_rows(&Log::SIGN_INS);
    if stored == 0 {
        let tenant = Arc::new(Tenant::new(seed, TenantOptions::for_events(events * 6 / 5, 30)));
        let today = Timestamp::now().micros.div_euclid(DAY_MICROS);
        let range = Moment::from_day(today + 1 - DAYS)..Moment::from_day(today + 1);
        let mut stream = tenant.events(range);
        let mut decoder = Decoder::new(Options::new(Timestamp::now()));
        let mut json = Vec::with_capacity(PIECE_BYTES + (64 << 10));
        let mut left = events;
        while left > 0 {
            json.clear();
            while json.len() < PIECE_BYTES && left > 0 {
                if stream.write_next(&mut json).is_none() {
                    left = 0;
                    break;
                }
                json.push(b'\n');
                left -= 1;
            }
            let mut collected = Collected::default();
            decoder.decode_bytes("generated", &json, &mut collected)?;
            ensure!(collected.rejections.is_empty(), "a generated record was rejected");
            for batch in &collected.batches {
                store.append_patiently(batch, PATIENCE)?;
            }
        }
        store.seal()?;
        store.compact()?;
    }
    let stored = store.view().live_rows(&Log::SIGN_INS);
    store.close()?;
    Ok(stored)
}

/// An event in the middle of the log, its user, and the time of the newest event.
fn example(data: &Path) -> Result<(String, String, Timestamp)> {
    let store = Store::open(data, StoreOptions { background: false, ..StoreOptions::default() })?;
    let view = store.view();
    let middle = Timestamp::from_micros(Timestamp::now().micros - DAYS / 2 * DAY_MICROS);
    let until = Timestamp::from_micros(middle.micros + DAY_MICROS);
    let request = ListRequest {
        filter: Filter::between(middle, until),
        logs: vec![Log::InteractiveUser],
        order: Order::OldestFirst,
        limit: 1,
        after: None,
    };
    let page = Engine::new().list(&view, &request, &Budget::unlimited())?;
    let event = view.event(*page.rows.first().context("no event")?)?;
    let text = |field| event.cell(field).to_string();
    let newest = view.chunks.iter().map(|chunk| chunk.max_micros()).max().context("no event")?;
    Ok((text(FieldId::Id), text(FieldId::UserId), Timestamp::from_micros(newest)))
}

/// A server that runs until it is dropped.
struct Server {
    child: Child,
    address: SocketAddr,
    token: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing else to do about it here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What came back.
struct Answer {
    took: Duration,
    /// Of the body as sent.
    bytes: usize,
}

impl Server {
    fn start(durward: &Path, data: &Path) -> Result<Server> {
        // Names of tokens are taken once; the store may have been measured before.
        let name = format!("bench {}", Timestamp::now());
        let create = ["token", "create", "--name", &name, "--scope", "read", "--json", "--data"];
        let made = Command::new(durward).args(create).arg(data).output()?;
        let said = String::from_utf8_lossy(&made.stdout).into_owned();
        let token = member(&said, "token")?;
        let mut child = Command::new(durward)
            .args(["serve", "--json", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let stdout = child.stdout.take().context("no output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let url = member(&line, "url")?;
        let address = url.trim_start_matches("http://").trim_end_matches('/').parse()?;
        Ok(Server { child, address, token })
    }

    fn get(&self, target: &str, more: &str) -> Result<Answer> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nAccept: text/html\r\n\
             Accept-Encoding: gzip\r\nConnection: close\r\n{more}\r\n",
            self.address, self.token
        );
        let started = Instant::now();
        stream.write_all(request.as_bytes())?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        let took = started.elapsed();
        let head = bytes.windows(4).position(|four| four == b"\r\n\r\n").context("no answer")?;
        ensure!(
            bytes.starts_with(b"HTTP/1.1 200"),
            "{target}: {}",
            String::from_utf8_lossy(&bytes[..head.min(300)])
        );
        Ok(Answer { took, bytes: bytes.len() - head - 4 })
    }

    /// The times of several requests, ascending, and the bytes of the last.
    fn times(&self, target: &str, more: &str) -> Result<(Vec<Duration>, usize)> {
        self.get(target, more)?;
        let mut times = Vec::with_capacity(RUNS);
        let mut bytes = 0;
        for _ in 0..RUNS {
            let answer = self.get(target, more)?;
            times.push(answer.took);
            bytes = answer.bytes;
        }
        times.sort_unstable();
        Ok((times, bytes))
    }
}

fn member(text: &str, name: &str) -> Result<String> {
    let value: serde_json::Value = serde_json::from_str(text.trim())?;
    match value.get(name).and_then(|value| value.as_str()) {
        Some(value) => Ok(value.to_owned()),
        None => bail!("no `{name}` in {text:?}"),
    }
}

/// Ranges of an address that end with the newest event.
struct Ranges {
    newest: Timestamp,
}

impl Ranges {
    fn days(&self, days: i64) -> String {
        let end = Timestamp::from_micros(self.newest.micros + 1_000_000);
        let start = Timestamp::from_micros(end.micros - days * DAY_MICROS);
        format!("{}..{}", start.to_rfc3339(), end.to_rfc3339())
    }

    /// The address of the explorer; `24h`, `7d` and `30d` count back from the newest event.
    fn of(&self, query: &str) -> String {
        let query = query.replace("t=24h", &format!("t={}", self.days(1)));
        let query = query.replace("t=7d", &format!("t={}", self.days(7)));
        format!("/signins?{}", query.replace("t=30d", &format!("t={}", self.days(30))))
    }
}

/// What the filter is changed to, one after the other.
fn filters(user: &str) -> Vec<(&'static str, String)> {
    let of = str::to_owned;
    vec![
        ("last 24 hours", of("type=i&t=24h")),
        ("failures, 24 h", of("type=i&t=24h&f=status=failure")),
        ("two codes, 7 d", of("type=i&t=7d&f=code:50126,50053")),
        ("one user, 30 d", of(&format!("type=all&t=30d&f=userId={user}"))),
        ("a network, 7 d", of("type=all&t=7d&f=ip:10.0.0.0/8")),
        ("not one country, 24 h", of("type=i&t=24h&f=-country:DE")),
        ("an application by a part of its name, 30 d", of("type=n&t=30d&f=app:exchange")),
        ("a word anywhere, 24 h", of("type=all&t=24h&q=maria")),
        ("a word anywhere, all time", of("type=all&t=all&q=maria")),
        ("failures of all logs, 30 d", of("type=all&t=30d&f=status=failure")),
        ("either of two, 30 d", of("type=i&t=30d&f=(status=failure|risk:atRisk)")),
        ("a policy, 7 d", of("type=i&t=7d&f=policy:legacy")),
        ("everything, all time", of("type=all&t=all")),
    ]
}

/// Other ways to look at the list.
fn shapes() -> Vec<(&'static str, String)> {
    let of = str::to_owned;
    vec![
        ("sorted by address, 24 h", of("type=i&t=24h&sort=ip")),
        ("sorted by user, 30 d, all logs", of("type=all&t=30d&sort=user")),
        ("grouped by 6 h, 7 d", of("type=n&t=7d&group=6h")),
        ("grouped by 24 h, 30 d", of("type=n&t=30d&group=24h")),
        ("by application, 30 d", of("type=n&t=30d&by=app")),
        ("row 250,000, 30 d", of("type=all&t=30d&at=250000")),
        ("row 5,000,000, all time", of("type=all&t=all&at=5000000")),
    ]
}

/// Asks for pages and gives a section in Markdown.
pub(crate) fn run(data: &Path, durward: &Path, events: u64, seed: u64) -> Result<String> {
    let stored = fill(data, events, seed)?;
    let (id, user, newest) = example(data)?;
    let ranges = Ranges { newest };
    let server = Server::start(durward, data)?;
    let part = "HX-Request: true\r\n";
    let mut out = format!(
        "{stored} generated events of {DAYS} days, seed {seed}, release build, {RUNS} requests \
         each over new connections; times in milliseconds from the request to the last byte of \
         the answer, bytes compressed.\n\n| page | median | p95 | longest | bytes |\n\
         | --- | ---: | ---: | ---: | ---: |\n"
    );
    let mut all = Vec::new();
    for (name, query) in filters(&user) {
        let (times, bytes) = server.times(&ranges.of(&query), part)?;
        all.extend(times.iter().copied());
        line(&mut out, name, &times, bytes);
    }
    all.sort_unstable();
    line(&mut out, "**all changes of the filter above**", &all, 0);
    for (name, query) in shapes() {
        let (times, bytes) = server.times(&ranges.of(&query), part)?;
        line(&mut out, name, &times, bytes);
    }
    let detail = format!("/signins/{id}");
    for (name, target) in [
        ("explorer, first page, whole", ranges.of("type=i&t=24h")),
        ("overview", format!("/?t={}", ranges.days(1))),
        ("details, whole page", detail.clone()),
        ("details, pane", format!("{detail}?pane=1")),
        ("user", format!("/users/{user}")),
        ("error code", "/errors/50126".to_owned()),
    ] {
        let more = if name.ends_with("pane") { part } else { "" };
        let (times, bytes) = server.times(&target, more)?;
        line(&mut out, name, &times, bytes);
    }
    let page = server.get(&ranges.of("type=i&t=24h"), "")?.bytes;
    let mut weight = page;
    for asset in ASSETS.into_iter().map(str::to_owned).chain(scripts(&server)?) {
        weight += server.get(&asset, "")?.bytes;
    }
    let charts = server.get(CHARTS, "")?.bytes;
    let _ = writeln!(
        out,
        "\nFirst load of the explorer: {:.1} kB with styles and scripts, and {:.1} kB for the \
         charting library, {:.1} kB in all.",
        weight as f64 / 1000.0,
        charts as f64 / 1000.0,
        (weight + charts) as f64 / 1000.0,
    );
    Ok(out)
}

/// The scripts that a page names.
fn scripts(server: &Server) -> Result<Vec<String>> {
    let mut stream = TcpStream::connect(server.address)?;
    let request = format!(
        "GET /signins HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nAccept: text/html\r\n\
         Connection: close\r\n\r\n",
        server.address, server.token
    );
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let names = text.split("<script src=\"").skip(1).filter_map(|rest| rest.split('"').next());
    Ok(names.map(str::to_owned).collect())
}

fn line(out: &mut String, name: &str, times: &[Duration], bytes: usize) {
    let at = |share: f64| {
        let index = ((times.len() - 1) as f64 * share).round() as usize;
        times.get(index).copied().unwrap_or_default().as_secs_f64() * 1000.0
    };
    let bytes = if bytes == 0 { String::new() } else { bytes.to_string() };
    let (median, p95, longest) = (at(0.5), at(0.95), at(1.0));
    let _ = writeln!(out, "| {name} | {median:.1} | {p95:.1} | {longest:.1} | {bytes} |");
}

/// Puts a section in the place of the one of the same heading, or at the end.
pub(crate) fn put_section(report: &str, heading: &str, section: &str) -> String {
    let (before, rest) = match report.split_once(&format!("\n{heading}\n")) {
        Some((before, rest)) => (before, rest.split_once("\n## ").map(|(_, rest)| rest)),
        None => (report.trim_end(), None),
    };
    let rest = rest.map(|rest| format!("\n## {rest}")).unwrap_or_default();
    format!("{}\n\n{heading}\n\n{}\n{rest}", before.trim_end(), section.trim_end())
}

/// The text below a heading, up to the next.
pub(crate) fn section_of(report: &str, heading: &str) -> Option<String> {
    let (_, rest) = report.split_once(&format!("\n{heading}\n"))?;
    let end = rest.find("\n## ").unwrap_or(rest.len());
    Some(rest[..end].trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::put_section;

    #[test]
    fn a_section_replaces_its_older_self() {
        let report = "# A\n\ntext\n\n## How\n\nso\n";
        let with = put_section(report, "## Pages", "one\n");
        assert_eq!(with, "# A\n\ntext\n\n## How\n\nso\n\n## Pages\n\none\n");
        assert_eq!(put_section(&with, "## Pages", "one\n"), with);
        let middle = put_section(&with, "## How", "other\n");
        assert_eq!(middle, "# A\n\ntext\n\n## How\n\nother\n\n## Pages\n\none\n");
    }
}
