//! E-mail by SMTP.

use std::path::Path;

use durward_oidc::Secret;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};

use super::Outcome;
use super::config::{Email, SmtpTls, is_loopback};
use super::message::{Message, clean, cut};
use super::tls;

/// Receivers of one channel.
const RECEIVERS_MAX: usize = 50;

/// Writes to some people by way of one server.
pub(super) struct Sender {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
}

impl Sender {
    pub(super) fn new(config: &Email) -> Result<Sender, String> {
        let mailbox = |key: &str, text: &str| {
            text.parse::<Mailbox>().map_err(|error| format!("{key}: {text:?}: {error}"))
        };
        let from = mailbox("from", &config.from)?;
        let to: Result<Vec<Mailbox>, String> =
            config.to.iter().map(|text| mailbox("to", text)).collect();
        let to = to?;
        if to.is_empty() || to.len() > RECEIVERS_MAX {
            return Err(format!("to: 1 to {RECEIVERS_MAX} receivers"));
        }
        if config.tls == SmtpTls::None && !is_loopback(&config.host) {
            return Err("tls: \"none\" is for servers on this machine".to_owned());
        }
        let parameters = || parameters(&config.host, config.ca_file.as_deref());
        let tls = match config.tls {
            SmtpTls::None => Tls::None,
            SmtpTls::StartTls => Tls::Required(parameters()?),
            SmtpTls::Tls => Tls::Wrapper(parameters()?),
        };
        // Bounded in time as a whole, by whoever sends.
        let mut builder =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(config.host.as_str())
                .port(config.port)
                .tls(tls)
                .hello_name(ClientId::Domain(from.email.domain().to_owned()));
        if let Some((user, password)) = &config.credentials {
            let password = Secret::secret(password).clone();
            builder = builder.credentials(Credentials::new(user.clone(), password));
        }
        Ok(Sender { transport: builder.build(), from, to })
    }

    pub(super) async fn send(&self, message: &Message) -> Outcome {
        let mail = match self.write(message) {
            Ok(mail) => mail,
            Err(error) => return Outcome::Refused(format!("cannot be written: {error}")),
        };
        match self.transport.send(mail).await {
            Ok(_) => Outcome::Delivered,
            Err(error) if error.is_permanent() => Outcome::Refused(said(&error)),
            Err(error) => Outcome::failed(said(&error)),
        }
    }

    fn write(&self, message: &Message) -> Result<lettre::Message, lettre::error::Error> {
        let id = format!("<{}@{}>", message.id, self.from.email.domain());
        let mut builder: MessageBuilder = lettre::Message::builder()
            .from(self.from.clone())
            .subject(format!("[durward] {}", cut(&message.headline(), 150)))
            .message_id(Some(id))
            .raw_header(automatic());
        for to in &self.to {
            builder = builder.to(to.clone());
        }
        builder.header(ContentType::TEXT_PLAIN).body(message.lines().join("\r\n"))
    }
}

/// Nobody is to answer by machine (RFC 3834).
fn automatic() -> lettre::message::header::HeaderValue {
    use lettre::message::header::{HeaderName, HeaderValue};
    let name = HeaderName::new_from_ascii_str("Auto-Submitted");
    HeaderValue::new(name, "auto-generated".to_owned())
}

fn parameters(host: &str, ca_file: Option<&Path>) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(host.to_owned());
    for root in tls::certificates(ca_file)? {
        let root = Certificate::from_der(root.to_vec()).map_err(|error| said(&error))?;
        builder = builder.add_root_certificate(root);
    }
    builder.build().map_err(|error| said(&error))
}

fn said(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    if let Some(source) = error.source().map(ToString::to_string)
        && !text.contains(&source)
    {
        text = format!("{text}: {source}");
    }
    cut(&clean(&text), 300)
}
