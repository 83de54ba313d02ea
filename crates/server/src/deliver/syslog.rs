//! Syslog, RFC 5424, over UDP (RFC 5426), TCP with octet counts (RFC 6587) and TLS (RFC 5425).
//!
//! The protocol has no answer: what was sent may be lost all the same, by UDP more easily.

use std::sync::Arc;
use std::time::Duration;

use durward_detect::Level;
use durward_model::Timestamp;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;

use super::Outcome;
use super::config::{Syslog, SyslogVia};
use super::message::{Kind, Message, clean, cut};
use super::tls;

/// Bytes of a datagram that every receiver takes.
const DATAGRAM_MAX: usize = 2048;
/// Bytes of a message over a stream.
const MESSAGE_MAX: usize = 8192;
/// How long to listen whether the receiver closes the connection in anger.
const LINGER: Duration = Duration::from_millis(300);
/// The name of the structured data; the number is the one set aside for documentation.
const DATA_ID: &str = "durward@32473";

/// Sends to one server.
pub(super) struct Sender {
    config: Syslog,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Sender {
    pub(super) fn new(config: &Syslog) -> Result<Sender, String> {
        if config.facility > 23 {
            return Err("facility: 0 to 23".to_owned());
        }
        if !config.hostname.bytes().all(|byte| byte.is_ascii_graphic())
            || config.hostname.len() > 255
        {
            return Err("hostname: up to 255 visible letters of ASCII".to_owned());
        }
        let tls = match config.via {
            SyslogVia::Tls => {
                let name = ServerName::try_from(config.host.clone());
                let name = name.map_err(|error| format!("host: {error}"))?;
                let client = tls::client(config.ca_file.as_deref())?;
                Some((TlsConnector::from(Arc::new(client)), name))
            }
            SyslogVia::Udp | SyslogVia::Tcp => None,
        };
        Ok(Sender { config: config.clone(), tls })
    }

    pub(super) async fn send(&self, message: &Message) -> Outcome {
        match self.try_send(message).await {
            Ok(()) => Outcome::Delivered,
            Err(error) => Outcome::failed(cut(&clean(&error.to_string()), 300)),
        }
    }

    async fn try_send(&self, message: &Message) -> std::io::Result<()> {
        let text = write(&self.config, message, Timestamp::now());
        let to = (self.config.host.as_str(), self.config.port);
        if self.config.via == SyslogVia::Udp {
            return datagram(to, shortened(&text, DATAGRAM_MAX)).await;
        }
        let text = shortened(&text, MESSAGE_MAX);
        let framed = format!("{} {text}", text.len());
        let stream = TcpStream::connect(to).await?;
        match &self.tls {
            Some((connector, name)) => {
                hand_over(connector.connect(name.clone(), stream).await?, &framed).await
            }
            None => hand_over(stream, &framed).await,
        }
    }
}

async fn datagram(to: (&str, u16), text: &str) -> std::io::Result<()> {
    let mut last = std::io::Error::other("the name has no address");
    for address in tokio::net::lookup_host(to).await? {
        let own = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(own).await?;
        match socket.send_to(text.as_bytes(), address).await {
            Ok(_) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Writes it all, and waits a moment for the connection to be closed or reset.
async fn hand_over(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    text: &str,
) -> std::io::Result<()> {
    stream.write_all(text.as_bytes()).await?;
    stream.flush().await?;
    stream.shutdown().await?;
    let mut answer = [0; 64];
    match tokio::time::timeout(LINGER, stream.read(&mut answer)).await {
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionReset => Err(error),
        _ => Ok(()),
    }
}

/// The message as RFC 5424 has it.
fn write(config: &Syslog, message: &Message, now: Timestamp) -> String {
    let severity = match message.severity {
        Some(Level::High) => 2,
        Some(Level::Medium) => 4,
        Some(Level::Low) => 5,
        None => 6,
    };
    let priority = u16::from(config.facility) * 8 + severity;
    // At most six digits of a second.
    let time = now.to_rfc3339();
    let time = format!("{}Z", time.get(..26).unwrap_or(time.trim_end_matches('Z')));
    let hostname = if config.hostname.is_empty() { "-" } else { &config.hostname };
    let mut data = format!("[{DATA_ID}");
    for (name, value) in parameters(message) {
        if !value.is_empty() {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace(']', "\\]");
            data.push_str(&format!(" {name}=\"{value}\""));
        }
    }
    data.push(']');
    let kind = message.kind.name();
    let text = message.headline();
    format!("<{priority}>1 {time} {hostname} durward - {kind} {data} \u{feff}{text}")
}

fn parameters(message: &Message) -> Vec<(&'static str, String)> {
    let [kind, id, name] = message.subject.clone().unwrap_or_default();
    let time = |at: Option<Timestamp>| at.map(Timestamp::to_rfc3339).unwrap_or_default();
    let detections: Vec<&str> = message.findings.iter().map(|one| one.detection.as_str()).collect();
    let count = |number: u64| if number == 0 { String::new() } else { number.to_string() };
    let mut all = vec![
        ("id", message.id.to_string()),
        ("alert", message.alert.map(|number| number.to_string()).unwrap_or_default()),
        ("severity", message.severity.map(Level::name).unwrap_or_default().to_owned()),
        ("detections", detections.join(",")),
        ("tenant", message.tenant.clone()),
        ("subjectType", kind),
        ("subjectId", id),
        ("subject", name),
        ("ip", message.address.clone()),
        ("location", message.place.clone()),
        ("first", time(message.first)),
        ("last", time(message.last)),
        ("signIns", count(message.sign_ins)),
        ("url", message.link.clone().unwrap_or_default()),
    ];
    if message.kind == Kind::Digest {
        let numbers: Vec<String> =
            message.alerts.iter().map(|one| one.number.to_string()).collect();
        all.push(("count", message.count.to_string()));
        all.push(("alerts", numbers.join(",")));
    }
    all
}

/// At most so many bytes, at the boundary of a letter.
fn shortened(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_what_the_rfc_says() {
        let config = Syslog {
            host: "127.0.0.1".to_owned(),
            port: 514,
            via: SyslogVia::Udp,
            facility: 4,
            hostname: "durward.contoso.example".to_owned(),
            ca_file: None,
        };
        let mut message = Message::test("siem", Some("https://durward.contoso.example"));
        message.severity = Some(Level::High);
        message.tenant = "a \"quoted\" ] back\\slash".to_owned();
        let at = Timestamp::from_micros(1_772_409_600_123_456);
        let text = write(&config, &message, at);
        let start = "<34>1 2026-03-02T00:00:00.123456Z durward.contoso.example durward - test \
                     [durward@32473 id=\"";
        assert!(text.starts_with(start), "{text}");
        assert!(text.contains(r#" tenant="a \"quoted\" \] back\\slash""#), "{text}");
        assert!(text.contains(" url=\"https://durward.contoso.example/alerts\"] \u{feff}High: "));
        assert_eq!(shortened("äöü", 3), "ä");
        assert!(Sender::new(&Syslog { facility: 24, ..config }).is_err());
    }
}
