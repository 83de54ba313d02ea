//! What the configuration says of channels.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use durward_oidc::Secret;

/// All channels, and how patient they are.
#[derive(Clone, Debug, Default)]
pub struct DeliverOptions {
    /// The channels. Each has a route of the same name in the settings of detections.
    pub channels: Vec<ChannelConfig>,
    /// How patient they are.
    pub pace: Pace,
}

/// A channel.
#[derive(Clone, Debug)]
pub struct ChannelConfig {
    /// Its name.
    pub name: String,
    /// How it is reached.
    pub transport: Transport,
}

/// How a channel is reached.
#[derive(Clone, Debug)]
pub enum Transport {
    /// An HTTP request.
    Webhook(Webhook),
    /// A message by SMTP.
    Email(Email),
    /// A message of RFC 5424.
    Syslog(Syslog),
}

/// What a webhook is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// Blocks, for incoming webhooks of Slack.
    Slack,
    /// An adaptive card, for webhooks of Teams workflows.
    Teams,
    /// durward's own JSON, which docs/alerts.md describes.
    Generic,
}

/// An HTTP receiver.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Its address, which for many receivers is all that it takes to write to them.
    pub url: Secret,
    /// What it is sent.
    pub template: Template,
    /// Headers besides the usual ones.
    pub headers: Vec<(String, Secret)>,
    /// Signs what is sent, as the Standard Webhooks specification says.
    pub signing_secret: Option<Secret>,
    /// Plain HTTP to other machines is all right.
    pub allow_http: bool,
    /// Authorities of its certificate, besides the system's; PEM.
    pub ca_file: Option<PathBuf>,
    /// An HTTP proxy on the way.
    pub proxy: Option<String>,
}

/// How a mail server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// In clear first, then TLS, and nothing without it.
    StartTls,
    /// TLS from the beginning.
    Tls,
    /// In clear; to this machine only.
    None,
}

/// A mail server, and whom it is to write to.
#[derive(Clone, Debug)]
pub struct Email {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is spoken to.
    pub tls: SmtpTls,
    /// User and password there.
    pub credentials: Option<(String, Secret)>,
    /// The sender.
    pub from: String,
    /// The receivers.
    pub to: Vec<String>,
    /// Authorities of its certificate, besides the system's; PEM.
    pub ca_file: Option<PathBuf>,
}

/// How a syslog server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyslogVia {
    /// One datagram a message; nobody says whether it arrived.
    Udp,
    /// A stream, with octet counts (RFC 6587).
    Tcp,
    /// A stream in TLS (RFC 5425).
    Tls,
}

/// A syslog server.
#[derive(Clone, Debug)]
pub struct Syslog {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is spoken to.
    pub via: SyslogVia,
    /// The facility, 0 to 23.
    pub facility: u8,
    /// The host name in messages.
    pub hostname: String,
    /// Authorities of its certificate, besides the system's; PEM.
    pub ca_file: Option<PathBuf>,
}

/// How patient delivering is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How often the outbox is looked at.
    pub period: Duration,
    /// A try that takes longer has failed.
    pub timeout: Duration,
    /// The wait after the first failure; each further one doubles it …
    pub first_wait: Duration,
    /// … up to this.
    pub longest_wait: Duration,
    /// What could not be delivered for so long is given up.
    pub give_up: Duration,
    /// Messages sent to one channel at once.
    pub at_once: usize,
    /// After so many failures in a row a channel gets one message at a time, with waits between.
    pub failures_max: u32,
}

impl Default for Pace {
    fn default() -> Pace {
        const MINUTE: u64 = 60;
        Pace {
            period: Duration::from_secs(1),
            timeout: Duration::from_secs(20),
            first_wait: Duration::from_secs(30),
            longest_wait: Duration::from_secs(6 * 60 * MINUTE),
            give_up: Duration::from_secs(72 * 60 * MINUTE),
            at_once: 4,
            failures_max: 5,
        }
    }
}

impl Transport {
    /// Its kind, and whom it reaches, without anything secret.
    pub(super) fn describe(&self) -> (&'static str, String) {
        match self {
            Transport::Webhook(webhook) => {
                let url = reqwest::Url::parse(webhook.url.secret()).ok();
                let host = url.and_then(|url| url.host_str().map(str::to_owned));
                ("webhook", host.unwrap_or_default())
            }
            Transport::Email(email) => ("email", email.to.join(", ")),
            Transport::Syslog(syslog) => ("syslog", format!("{}:{}", syslog.host, syslog.port)),
        }
    }
}

/// Is it this machine?
pub(super) fn is_loopback(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}
