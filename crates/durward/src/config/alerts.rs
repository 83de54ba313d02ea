//! Who is told of alerts: `[alerts]`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use durward_detect::Level;
use durward_detect::alerts::{Quiet, Route, Routes, Zone};
use durward_oidc::Secret;
use durward_server::{
    ChannelConfig, DeliverOptions, Email, Pace, SmtpTls, Syslog, SyslogVia, Template, Transport,
    Webhook, check_channel,
};
use serde::{Deserialize, Serialize, Serializer};

use super::units::Span;

/// Channels at most: each has a task that looks every second.
const CHANNELS_MAX: usize = 50;
/// Longest wait for what belongs to the same alert.
const WAIT_MAX_SECONDS: u64 = 3600;
/// How a value begins that is in a file.
const FILE: &str = "file:";

/// Who is told of alerts.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Alerts {
    wait: Span,
    timeout: Span,
    retry_first: Span,
    retry_most: Span,
    give_up: Span,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    channels: Vec<Channel>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Webhook,
    Email,
    Syslog,
}

/// A channel. Which of the keys below `quiet` there may be depends on its kind.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Channel {
    name: String,
    kind: Kind,
    #[serde(default = "medium")]
    severity: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tenants: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    detections: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quiet: Option<QuietHours>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ca_file: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    url: Option<Hidden>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    url_file: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    template: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, Hidden>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret_file: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    allow_http: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    proxy: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tls: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    password_file: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    to: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    via: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    facility: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hostname: Option<String>,
}

/// A time of day at which a channel is left alone.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct QuietHours {
    from: String,
    to: String,
    #[serde(default = "local")]
    zone: String,
    #[serde(default = "yes")]
    high_pierces: bool,
}

/// What may be a secret: it is read, and never printed.
#[derive(Clone, PartialEq, Deserialize)]
struct Hidden(String);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(hidden)")
    }
}

impl Serialize for Hidden {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(if self.0.starts_with(FILE) { &self.0 } else { "(hidden)" })
    }
}

fn medium() -> String {
    Level::Medium.name().to_owned()
}

fn local() -> String {
    "local".to_owned()
}

fn yes() -> bool {
    true
}

impl Default for Alerts {
    fn default() -> Alerts {
        let pace = Pace::default();
        Alerts {
            wait: Span(std::time::Duration::from_secs(10)),
            timeout: Span(pace.timeout),
            retry_first: Span(pace.first_wait),
            retry_most: Span(pace.longest_wait),
            give_up: Span(pace.give_up),
            channels: Vec::new(),
        }
    }
}

impl Alerts {
    /// Who is told of which alerts.
    pub(crate) fn routes(&self) -> Result<Arc<Routes>> {
        if self.wait.0.as_secs() > WAIT_MAX_SECONDS {
            bail!("alerts.wait: at most 1h");
        }
        let routes: Result<Vec<Route>> = self.channels.iter().map(Channel::route).collect();
        let wait_micros = i64::try_from(self.wait.0.as_micros()).unwrap_or(i64::MAX);
        Ok(Arc::new(Routes { wait_micros, channels: routes? }))
    }

    /// How they are told. Reads the files with secrets.
    pub(crate) fn deliver(&self) -> Result<DeliverOptions> {
        if self.channels.len() > CHANNELS_MAX {
            bail!("alerts.channels: at most {CHANNELS_MAX}");
        }
        let Span(first_wait) = self.retry_first;
        if first_wait.is_zero() || self.retry_most.0 < first_wait || self.give_up.0 < first_wait {
            bail!("alerts.retry_most and alerts.give_up: at least retry_first, which is not zero");
        }
        let mut channels: Vec<ChannelConfig> = Vec::new();
        for channel in &self.channels {
            let name = channel.name.trim();
            if name.is_empty()
                || name.len() > 80
                || name.chars().any(|c| c.is_control() || c == '/')
            {
                bail!("alerts.channels: a name has 1 to 80 letters, and no /");
            }
            if channels.iter().any(|other| other.name == channel.name) {
                bail!("alerts.channels: {name} is there twice");
            }
            let transport =
                channel.transport().with_context(|| format!("alerts.channels: {name}"))?;
            let config = ChannelConfig { name: channel.name.clone(), transport };
            check_channel(&config)?;
            channels.push(config);
        }
        let (longest_wait, give_up) = (self.retry_most.0, self.give_up.0);
        let Span(timeout) = self.timeout;
        if timeout.is_zero() {
            bail!("alerts.timeout: more than no time at all");
        }
        let pace = Pace { timeout, first_wait, longest_wait, give_up, ..Pace::default() };
        Ok(DeliverOptions { channels, pace })
    }
}

impl Channel {
    fn route(&self) -> Result<Route> {
        let name = &self.name;
        let least = Level::from_name(&self.severity)
            .with_context(|| format!("alerts.channels: {name}: severity is low, medium or high"))?;
        let quiet = self.quiet.as_ref().map(QuietHours::read).transpose();
        Ok(Route {
            name: name.clone(),
            least,
            tenants: self.tenants.clone(),
            detections: self.detections.clone(),
            quiet: quiet.with_context(|| format!("alerts.channels: {name}: quiet"))?,
        })
    }

    /// The keys that are set, and belong to one kind only.
    fn keys(&self) -> [(&'static str, bool, &'static [Kind]); 17] {
        use Kind::{Email, Syslog, Webhook};
        [
            ("url", self.url.is_some(), &[Webhook]),
            ("url_file", self.url_file.is_some(), &[Webhook]),
            ("template", self.template.is_some(), &[Webhook]),
            ("headers", !self.headers.is_empty(), &[Webhook]),
            ("secret_file", self.secret_file.is_some(), &[Webhook]),
            ("allow_http", self.allow_http.is_some(), &[Webhook]),
            ("proxy", self.proxy.is_some(), &[Webhook]),
            ("host", self.host.is_some(), &[Email, Syslog]),
            ("port", self.port.is_some(), &[Email, Syslog]),
            ("tls", self.tls.is_some(), &[Email]),
            ("user", self.user.is_some(), &[Email]),
            ("password_file", self.password_file.is_some(), &[Email]),
            ("from", self.from.is_some(), &[Email]),
            ("to", !self.to.is_empty(), &[Email]),
            ("via", self.via.is_some(), &[Syslog]),
            ("facility", self.facility.is_some(), &[Syslog]),
            ("hostname", self.hostname.is_some(), &[Syslog]),
        ]
    }

    fn transport(&self) -> Result<Transport> {
        for (key, is_set, kinds) in self.keys() {
            if is_set && !kinds.contains(&self.kind) {
                bail!("{key} is not for channels of this kind");
            }
        }
        match self.kind {
            Kind::Webhook => self.webhook().map(Transport::Webhook),
            Kind::Email => self.email().map(Transport::Email),
            Kind::Syslog => self.syslog().map(Transport::Syslog),
        }
    }

    fn webhook(&self) -> Result<Webhook> {
        let url = match (&self.url, &self.url_file) {
            (Some(Hidden(url)), None) => value(url)?,
            (None, Some(file)) => secret(file)?,
            _ => bail!("either url or url_file"),
        };
        let template = match self.template.as_deref().unwrap_or("generic") {
            "slack" => Template::Slack,
            "teams" => Template::Teams,
            "generic" => Template::Generic,
            other => bail!("template: slack, teams or generic, not `{other}`"),
        };
        let headers: Result<Vec<(String, Secret)>> = self
            .headers
            .iter()
            .map(|(name, Hidden(text))| Ok((name.clone(), value(text)?)))
            .collect();
        Ok(Webhook {
            url,
            template,
            headers: headers?,
            signing_secret: self.secret_file.as_deref().map(secret).transpose()?,
            allow_http: self.allow_http.unwrap_or(false),
            ca_file: self.ca_file.clone(),
            proxy: self.proxy.clone(),
        })
    }

    fn email(&self) -> Result<Email> {
        let (tls, port) = match self.tls.as_deref().unwrap_or("starttls") {
            "starttls" => (SmtpTls::StartTls, 587),
            "tls" => (SmtpTls::Tls, 465),
            "none" => (SmtpTls::None, 25),
            other => bail!("tls: starttls, tls or none, not `{other}`"),
        };
        let credentials = match (&self.user, &self.password_file) {
            (Some(user), Some(file)) => Some((user.clone(), secret(file)?)),
            (None, None) => None,
            _ => bail!("user and password_file go together"),
        };
        Ok(Email {
            host: self.host.clone().context("host is missing")?,
            port: self.port.unwrap_or(port),
            tls,
            credentials,
            from: self.from.clone().context("from is missing")?,
            to: self.to.clone(),
            ca_file: self.ca_file.clone(),
        })
    }

    fn syslog(&self) -> Result<Syslog> {
        let (via, port) = match self.via.as_deref().unwrap_or("udp") {
            "udp" => (SyslogVia::Udp, 514),
            "tcp" => (SyslogVia::Tcp, 601),
            "tls" => (SyslogVia::Tls, 6514),
            other => bail!("via: udp, tcp or tls, not `{other}`"),
        };
        Ok(Syslog {
            host: self.host.clone().context("host is missing")?,
            port: self.port.unwrap_or(port),
            via,
            facility: self.facility.unwrap_or(4),
            hostname: self.hostname.clone().unwrap_or_default(),
            ca_file: self.ca_file.clone(),
        })
    }
}

impl QuietHours {
    fn read(&self) -> Result<Quiet> {
        let (from_minute, to_minute) = (minute(&self.from)?, minute(&self.to)?);
        if from_minute == to_minute {
            bail!("{} to {} is no time at all, or all day", self.from, self.to);
        }
        let zone = Zone::parse(&self.zone).with_context(|| {
            format!("zone: \"local\" or an offset such as \"+01:00\", not `{}`", self.zone)
        })?;
        Ok(Quiet { from_minute, to_minute, zone, high_pierces: self.high_pierces })
    }
}

/// Minutes after midnight of `22:30`.
fn minute(text: &str) -> Result<u16> {
    let read = || {
        let (hours, minutes) = text.split_once(':')?;
        let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
        (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
    };
    read().with_context(|| format!("`{text}` is no time of day such as 22:30"))
}

/// What is written there, or what is in the file that it names.
fn value(text: &str) -> Result<Secret> {
    match text.strip_prefix(FILE) {
        Some(path) => secret(Path::new(path)),
        None => Ok(Secret::new(text.to_owned())),
    }
}

fn secret(file: &Path) -> Result<Secret> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("reading the secret in {}", file.display()))?;
    match text.trim() {
        "" => bail!("{} is empty", file.display()),
        text => Ok(Secret::new(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Arc<Routes>, DeliverOptions)> {
        let alerts: Alerts = toml::from_str(text)?;
        Ok((alerts.routes()?, alerts.deliver()?))
    }

    #[test]
    fn channels_of_every_kind_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("secret");
        std::fs::write(&file, "https://hooks.example.com/T0/B0/secret\n").unwrap();
        let text = format!(
            "wait = \"1s\"\ngive_up = \"1d\"\n\
             [[channels]]\nname = \"team\"\nkind = \"webhook\"\nurl_file = {file:?}\n\
             template = \"slack\"\nseverity = \"high\"\nheaders = {{ Authorization = \"file:{}\" }}\n\
             quiet = {{ from = \"22:00\", to = \"07:30\", zone = \"+01:00\" }}\n\
             [[channels]]\nname = \"desk\"\nkind = \"email\"\nhost = \"mail.contoso.example\"\n\
             from = \"durward@contoso.example\"\nto = [\"Desk <desk@contoso.example>\"]\n\
             [[channels]]\nname = \"siem\"\nkind = \"syslog\"\nhost = \"127.0.0.1\"\nvia = \"tls\"\n",
            file.display()
        );
        let (routes, options) = read(&text).unwrap();
        assert_eq!(routes.wait_micros, 1_000_000);
        let quiet = routes.channels[0].quiet.unwrap();
        assert_eq!((quiet.from_minute, quiet.to_minute), (1320, 450));
        assert!(quiet.high_pierces && quiet.zone == Zone::East(3600));
        assert_eq!(
            (routes.channels[0].least, routes.channels[1].least),
            (Level::High, Level::Medium)
        );
        assert_eq!(options.pace.give_up.as_secs(), 86_400);
        let Transport::Webhook(webhook) = &options.channels[0].transport else { panic!() };
        assert_eq!(webhook.url.secret(), "https://hooks.example.com/T0/B0/secret");
        let Transport::Email(email) = &options.channels[1].transport else { panic!() };
        assert_eq!((email.port, email.tls), (587, SmtpTls::StartTls));
        let Transport::Syslog(syslog) = &options.channels[2].transport else { panic!() };
        assert_eq!((syslog.port, syslog.facility), (6514, 4));
    }

    #[test]
    fn the_pages_tell_what_there_is() {
        #[derive(Deserialize)]
        struct Page {
            alerts: Alerts,
        }
        for (page, block) in [
            (include_str!("../../../../docs/alerts.md"), 1),
            (include_str!("../../../../docs/configuration.md"), 3),
        ] {
            let block = page.split("```toml\n").nth(block).unwrap().split("```").next().unwrap();
            let Page { mut alerts } = toml::from_str(block).unwrap();
            assert!(!alerts.channels.is_empty() && alerts.routes().is_ok());
            alerts.channels.clear();
            assert_eq!(alerts, Alerts::default(), "what is not set has these values");
        }
    }

    #[test]
    fn what_is_printed_has_no_secrets() {
        let text = "[[channels]]\nname = \"a\"\nkind = \"webhook\"\nurl = \"https://x/SECRET\"\n\
                    headers = { Authorization = \"SECRET\" }\n";
        let alerts: Alerts = toml::from_str(text).unwrap();
        let printed = format!("{} {alerts:?}", toml::to_string(&alerts).unwrap());
        assert!(printed.contains("hidden") && !printed.contains("SECRET"), "{printed}");
    }

    #[test]
    fn channels_that_cannot_be_are_refused() {
        let webhook = "name = \"a\"\nkind = \"webhook\"\nurl = \"https://x/\"\n";
        let email =
            "name = \"a\"\nkind = \"email\"\nfrom = \"a@b.example\"\nto = [\"c@d.example\"]\n";
        for (channel, said) in [
            (format!("{webhook}to = [\"x\"]\n"), "to is not for channels of this kind"),
            (format!("{webhook}url_file = \"x\"\n"), "either url or url_file"),
            (format!("{webhook}template = \"irc\"\n"), "template: slack, teams or generic"),
            (format!("{webhook}severity = \"grave\"\n"), "severity is low, medium or high"),
            (format!("{webhook}secret_file = \"/no/such\"\n"), "reading the secret"),
            (format!("{webhook}colour = \"red\"\n"), "unknown field `colour`"),
            (
                format!("{webhook}quiet = {{ from = \"25:00\", to = \"07:00\" }}\n"),
                "no time of day",
            ),
            (
                format!(
                    "{webhook}quiet = {{ from = \"22:00\", to = \"07:00\", zone = \"CET\" }}\n"
                ),
                "zone",
            ),
            (webhook.replace("https", "http"), "without encryption"),
            (webhook.replace("\"a\"", "\"a/b\""), "no /"),
            (email.to_owned(), "host is missing"),
            (format!("{email}host = \"mail.example\"\ntls = \"none\"\n"), "on this machine"),
            (format!("{email}host = \"127.0.0.1\"\nuser = \"x\"\n"), "go together"),
            (format!("{webhook}[[channels]]\n{webhook}"), "twice"),
        ] {
            let error = read(&format!("[[channels]]\n{channel}")).unwrap_err();
            let error = format!("{error:#}");
            assert!(error.contains(said), "{channel}: {error}");
        }
        assert!(read("give_up = \"1s\"\n").is_err());
    }
}
