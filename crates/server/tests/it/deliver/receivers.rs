//! Receivers that do as they are told.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;

/// What an HTTP receiver was sent.
#[derive(Clone, Debug)]
pub(super) struct Got {
    pub(super) headers: HashMap<String, String>,
    pub(super) body: String,
}

impl Got {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// An HTTP receiver that does as it is told.
#[derive(Clone, Default)]
pub(super) struct Receiver {
    got: Arc<Mutex<Vec<Got>>>,
    /// Status lines and headers of the next answers; `200 OK` after them. An empty one is none.
    pub(super) answers: Arc<Mutex<Vec<&'static str>>>,
}

impl Receiver {
    pub(super) fn start(&self, listener: TcpListener) {
        let own = self.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let own = own.clone();
                std::thread::spawn(move || own.serve(stream));
            }
        });
    }

    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream);
        let mut headers = HashMap::new();
        let mut line = String::new();
        loop {
            line.clear();
            if reader.read_line(&mut line).unwrap_or(0) <= 2 {
                break;
            }
            if let Some((name, value)) = line.split_once(": ") {
                headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
            }
        }
        let length = headers.get("content-length").map_or(0, |text| text.parse().unwrap());
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() || length == 0 {
            return;
        }
        let answer = {
            let mut answers = self.answers.lock();
            if answers.is_empty() { "200 OK" } else { answers.remove(0) }
        };
        let body = String::from_utf8(body).unwrap();
        if answer.starts_with("200") {
            self.got.lock().push(Got { headers, body });
        }
        if answer.is_empty() {
            std::thread::sleep(Duration::from_secs(2));
            return;
        }
        let text =
            format!("HTTP/1.1 {answer}\r\nContent-Length: 4\r\nConnection: close\r\n\r\nwhy?");
        let _ = reader.into_inner().write_all(text.as_bytes());
    }

    pub(super) fn got(&self) -> Vec<Got> {
        self.got.lock().clone()
    }
}

/// A mail server that takes mail, or says what it is told to `RCPT`.
pub(super) fn mail_server(listener: TcpListener, rcpt: &'static str) -> Arc<Mutex<Vec<String>>> {
    let mails: Arc<Mutex<Vec<String>>> = Arc::default();
    let own = mails.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(stream);
            let _ = reader.get_mut().write_all(b"220 mail.contoso.example ESMTP\r\n");
            let mut line = String::new();
            while reader.read_line(&mut line).unwrap_or(0) > 0 {
                let command = line.get(..4).unwrap_or_default().to_ascii_uppercase();
                let answer = match command.as_str() {
                    "RCPT" => rcpt,
                    "DATA" => "354 go on",
                    "QUIT" => "221 bye",
                    _ => "250 fine",
                };
                let _ = reader.get_mut().write_all(format!("{answer}\r\n").as_bytes());
                line.clear();
                if command != "DATA" {
                    continue;
                }
                let mut mail = String::new();
                while reader.read_line(&mut mail).unwrap_or(0) > 0 && !mail.ends_with("\r\n.\r\n") {
                }
                own.lock().push(mail);
                let _ = reader.get_mut().write_all(b"250 taken\r\n");
            }
        }
    });
    mails
}
