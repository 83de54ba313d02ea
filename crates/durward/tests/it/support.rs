//! Running the binary, talking to it, and looking at what it left on disk.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use durward_model::{Event, FieldId};
use durward_store::{RowRef, Store, StoreOptions};
use serde_json::{Value, json};

/// How a run of the binary ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    fn of(output: Output) -> Ran {
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The last line of standard output as JSON, after a run that must have succeeded.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(self.stdout.lines().last().unwrap()).unwrap()
    }

    /// Every line of standard output as JSON.
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        assert_eq!(self.code, 0, "{self:?}");
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// The binary, without anything of the environment that changes what it does.
pub(crate) fn durward() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_durward"));
    command.env_remove("DURWARD_DATA").env_remove("DURWARD_LOG").stdin(Stdio::null());
    command
}

/// Runs the binary on a data directory.
pub(crate) fn run(data: &Path, arguments: &[&str]) -> Ran {
    Ran::of(durward().args(arguments).arg("--data").arg(data).output().unwrap())
}

/// A server, killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub url: String,
    /// Reads and pushes everything.
    pub token: String,
}

/// A new token for a data directory, made beside whatever runs there.
fn token(data: &Path) -> String {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let name = format!("test {} {number}", std::process::id());
    let made = run(data, &["token", "create", "--name", &name, "--scope", "read,ingest"]);
    assert_eq!(made.code, 0, "{made:?}");
    made.stdout.trim_end().to_owned()
}

impl Server {
    /// Starts `durward serve` on this address and waits until it takes requests.
    pub(crate) fn start(data: &Path, listen: &str, more: &[&str]) -> Server {
        let token = token(data);
        let mut child = durward()
            .args(["serve", "--json", "--listen", listen, "--data"])
            .arg(data)
            .args(more)
            .env("DURWARD_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}"));
        Server { child, url: ready["url"].as_str().unwrap().to_owned(), token }
    }

    pub(crate) fn address(&self) -> String {
        self.url.trim_start_matches("http://").to_owned()
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop and gives its exit code.
    #[cfg(unix)]
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One connection to a server, used again and again.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    host: String,
    /// The header with the token, if there is one.
    authorization: String,
}

impl Client {
    /// A connection that shows a token with every request; an empty one shows none.
    pub(crate) fn connect(address: &str, token: &str) -> std::io::Result<Client> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.set_nodelay(true)?;
        let authorization = match token {
            "" => String::new(),
            token => format!("Authorization: Bearer {token}\r\n"),
        };
        Ok(Client { stream: BufReader::new(stream), host: address.to_owned(), authorization })
    }

    /// Sends a request and gives status and body. Answers must have a `Content-Length`.
    pub(crate) fn ask(
        &mut self,
        method: &str,
        path: &str,
        body: &str,
    ) -> std::io::Result<(u16, String)> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{}Content-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.host,
            self.authorization,
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut head = String::new();
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            head.push_str(&line.to_ascii_lowercase());
        }
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or(std::io::ErrorKind::InvalidData)?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length = length.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes)?;
        Ok((status, String::from_utf8_lossy(&bytes).into_owned()))
    }
}

/// A diagnostic record of an interactive sign-in. `user` and `code` vary.
pub(crate) fn record(id: &str, created: &str, user: &str, code: i64) -> Value {
    json!({
        "time": created,
        "tenantId": "2b7c9e10-0d5a-4a43-9a0e-6d1f5a3c8e77",
        "category": "SignInLogs",
        "operationName": "Sign-in activity",
        "resultType": code.to_string(),
        "properties": {
            "id": id,
            "createdDateTime": created,
            "userDisplayName": user,
            "userPrincipalName": format!("{}@lindgrove.example", user.to_lowercase()),
            "appDisplayName": "Shelf Planner",
            "ipAddress": "203.0.113.7",
            "clientAppUsed": "Browser",
            "status": { "errorCode": code, "failureReason": "Other." },
            "location": { "city": "Vigo", "state": "Galicia", "countryOrRegion": "ES" },
            "appliedConditionalAccessPolicies": [],
            "correlationId": id,
        },
    })
}

/// A GUID with this number in it.
pub(crate) fn guid(number: u64) -> String {
    format!("{:08x}-{:04x}-4000-8000-00000000d0d0", number >> 16, number & 0xffff)
}

/// Writes lines of JSON to a file.
pub(crate) fn write_lines(path: &Path, records: &[Value]) -> PathBuf {
    let text: String = records.iter().map(|record| format!("{record}\n")).collect();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    path.to_owned()
}

/// Opens a directory that no process uses.
pub(crate) fn open(data: &Path) -> Store {
    let options = StoreOptions { background: false, ..StoreOptions::default() };
    Store::open(data, options).unwrap()
}

/// Request identifiers of all events. Fails if an event is there twice.
pub(crate) fn live_ids(data: &Path) -> HashSet<String> {
    let store = open(data);
    let view = store.view();
    let mut ids = HashSet::new();
    for chunk in &view.chunks {
        let column = chunk.ids(FieldId::Id).unwrap();
        for row in 0..chunk.rows() {
            if chunk.superseded().is_some_and(|gone| gone.contains(row as u32)) {
                continue;
            }
            let id = durward_model::Id(column.value(row).try_into().unwrap()).to_string();
            assert!(ids.insert(id.clone()), "{id} is there twice");
        }
    }
    ids
}

/// Every event, latest revisions only.
pub(crate) fn live_events(data: &Path) -> Vec<Event> {
    let store = open(data);
    let view = store.view();
    let mut rows = Vec::new();
    for (index, chunk) in view.chunks.iter().enumerate() {
        let live = |row: &u32| chunk.superseded().is_none_or(|gone| !gone.contains(*row));
        let chunk_rows = (0..chunk.rows() as u32).filter(live);
        rows.extend(chunk_rows.map(|row| RowRef { chunk: index as u32, row }));
    }
    view.events(&rows).unwrap()
}

/// A random generator whose whole state is its seed (SplitMix64).
pub(crate) struct Random(u64);

impl Random {
    /// Seeded from `DURWARD_TEST_SEED`, else from the clock; printed, so that a failure can be
    /// had again.
    pub(crate) fn new(what: &str) -> Random {
        let named = std::env::var("DURWARD_TEST_SEED").ok().and_then(|text| text.parse().ok());
        let seed = named.unwrap_or_else(|| durward_model::Timestamp::now().micros as u64);
        println!("{what}: DURWARD_TEST_SEED={seed}");
        Random(seed)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}
