//! A small HTTP client: one connection a request, nothing hidden.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn has_header_beginning(&self, start: &str) -> bool {
        self.headers.iter().any(|(name, _)| name.to_ascii_lowercase().starts_with(start))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// Status and `error.code`.
    pub(crate) fn error(&self) -> (u16, String) {
        let body = self.json();
        let code = body["error"]["code"].as_str();
        (self.status, code.unwrap_or_else(|| panic!("no error: {body}")).to_owned())
    }
}

/// A request line and headers with `Connection: close`, and `Host` unless it is given.
pub(crate) fn head(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
) -> String {
    let mut text = format!("{method} {target} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        text.push_str(&format!("Host: {address}\r\n"));
    }
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

pub(crate) fn request(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let length = body.len().to_string();
    let mut headers = headers.to_vec();
    if !body.is_empty() || method == "POST" {
        headers.push(("Content-Length", &length));
    }
    let mut stream = connect(address);
    stream.write_all(head(address, method, target, &headers).as_bytes()).unwrap();
    // A server that refuses a body may close before all of it is sent.
    let _ = stream.write_all(body);
    read(stream).unwrap()
}

pub(crate) fn get(address: SocketAddr, target: &str) -> Answer {
    request(address, "GET", target, &[], &[])
}

pub(crate) fn post_json(address: SocketAddr, target: &str, body: &[u8]) -> Answer {
    request(address, "POST", target, &[("Content-Type", "application/json")], body)
}

/// Reads an answer to its end; `None` if it ends too early.
pub(crate) fn read(stream: impl Read) -> Option<Answer> {
    let mut reader = BufReader::new(stream);
    let (status, headers) = read_head(&mut reader);
    let mut answer = Answer { status, headers, body: Vec::new() };
    if answer.header("transfer-encoding") == Some("chunked") {
        while let Some(part) = read_chunk(&mut reader)? {
            answer.body.extend(part);
        }
    } else if let Some(length) = answer.header("content-length") {
        answer.body = vec![0; length.parse().unwrap()];
        reader.read_exact(&mut answer.body).ok()?;
    }
    Some(answer)
}

pub(crate) fn read_head(reader: &mut impl BufRead) -> (u16, Vec<(String, String)>) {
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let status = line.split(' ').nth(1).expect("a status line").parse().unwrap();
    let mut headers = Vec::new();
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.push((name.to_owned(), value.to_owned())),
            None => return (status, headers),
        }
    }
}

/// One part of a chunked body: `Some(None)` at its end, `None` if the connection broke.
pub(crate) fn read_chunk(reader: &mut impl BufRead) -> Option<Option<Vec<u8>>> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let length = usize::from_str_radix(line.trim_end(), 16).ok()?;
    let mut part = vec![0; length + 2];
    reader.read_exact(&mut part).ok()?;
    part.truncate(length);
    Some((length > 0).then_some(part))
}
