//! Webhooks: an HTTP request with JSON, for Slack, Teams or anything.

mod templates;

use std::error::Error;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use durward_model::Timestamp;
use durward_oidc::Secret;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Proxy, StatusCode, Url, redirect};
use sha2::Sha256;

use super::Outcome;
use super::config::{Template, Webhook, is_loopback};
use super::message::{Message, clean, cut};
use super::tls;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// What is read of an answer, in bytes; it is only shown to people.
const ANSWER_BYTES_MAX: usize = 2000;
/// How keys of Standard Webhooks begin.
const KEY_PREFIX: &str = "whsec_";
/// Headers that are durward's own business.
const OWN_HEADERS: [&str; 4] =
    ["content-type", "webhook-id", "webhook-timestamp", "webhook-signature"];

/// Sends to one address.
pub(super) struct Sender {
    client: Client,
    url: Url,
    template: Template,
    headers: HeaderMap,
    key: Option<Vec<u8>>,
}

impl Sender {
    pub(super) fn new(config: &Webhook) -> Result<Sender, String> {
        // An error says that the process has chosen a provider before, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("durward/", env!("CARGO_PKG_VERSION")));
        let roots = tls::certificates(config.ca_file.as_deref())?;
        if !roots.is_empty() {
            let roots: Result<Vec<_>, _> =
                roots.iter().map(|root| reqwest::Certificate::from_der(root)).collect();
            builder = builder.tls_certs_merge(roots.map_err(|error| chain(&error))?);
        }
        if let Some(proxy) = &config.proxy {
            let proxy = Proxy::all(proxy).map_err(|error| format!("proxy: {}", chain(&error)))?;
            builder = builder.proxy(proxy);
        }
        Ok(Sender {
            client: builder.build().map_err(|error| chain(&error))?,
            url: check_url(config)?,
            template: config.template,
            headers: headers(&config.headers)?,
            key: config.signing_secret.as_ref().map(key_of).transpose()?,
        })
    }

    pub(super) async fn send(&self, message: &Message) -> Outcome {
        let body = templates::body(self.template, message).to_string();
        let id = message.id.to_string();
        let seconds = (Timestamp::now().micros / 1_000_000).to_string();
        let mut request = self
            .client
            .post(self.url.clone())
            .headers(self.headers.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", &seconds);
        if let Some(key) = &self.key {
            request = request.header("webhook-signature", sign(key, &id, &seconds, &body));
        }
        let mut response = match request.body(body).send().await {
            Ok(response) => response,
            // Never with the address, which is a secret.
            Err(error) => return Outcome::failed(chain(&error.without_url())),
        };
        let status = response.status();
        if status.is_success() {
            return Outcome::Delivered;
        }
        let after = retry_after(response.headers());
        let mut answer = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            answer.extend_from_slice(&chunk);
            if answer.len() > ANSWER_BYTES_MAX {
                break;
            }
        }
        let answer = cut(clean(&String::from_utf8_lossy(&answer)).trim(), 200);
        let error = match answer.is_empty() {
            true => format!("HTTP status {status}"),
            false => format!("HTTP status {status}: {answer}"),
        };
        if is_worth_another_try(status) {
            return Outcome::Failed { error, after };
        }
        if status.is_redirection() {
            return Outcome::Refused(format!("{error} (redirects are not followed)"));
        }
        Outcome::Refused(error)
    }
}

fn is_worth_another_try(status: StatusCode) -> bool {
    status.is_server_error()
        || [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS]
            .contains(&status)
}

/// Seconds, or the moment in HTTP's format.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = chrono::DateTime::parse_from_rfc2822(text).ok()?;
    let seconds = at.timestamp() - Timestamp::now().micros / 1_000_000;
    u64::try_from(seconds).ok().map(Duration::from_secs)
}

/// HTTPS; plain HTTP to this machine, or where the administrator says so.
fn check_url(config: &Webhook) -> Result<Url, String> {
    let url = Url::parse(config.url.secret()).map_err(|error| format!("url: {error}"))?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if config.allow_http || url.host_str().is_some_and(is_loopback) => Ok(url),
        "http" => {
            Err("url: without encryption to another machine; allow_http = true if so".to_owned())
        }
        _ => Err("url: neither https nor http".to_owned()),
    }
}

fn headers(list: &[(String, Secret)]) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in list {
        let wrong = |what: &str| format!("headers: {name}: {what}");
        let header: HeaderName = name.parse().map_err(|_| wrong("no name of a header"))?;
        if OWN_HEADERS.contains(&header.as_str()) {
            return Err(wrong("durward sets it itself"));
        }
        let mut value = HeaderValue::from_str(value.secret()).map_err(|_| wrong("no value"))?;
        value.set_sensitive(true);
        headers.insert(header, value);
    }
    Ok(headers)
}

/// The bytes of a key: what is behind `whsec_` in Base64, or the text as it is.
fn key_of(secret: &Secret) -> Result<Vec<u8>, String> {
    let text = secret.secret().trim();
    let bytes = match text.strip_prefix(KEY_PREFIX) {
        Some(encoded) => STANDARD.decode(encoded).map_err(|error| format!("secret: {error}"))?,
        None => text.as_bytes().to_vec(),
    };
    if bytes.len() < 16 {
        return Err("secret: less than 16 bytes can be guessed".to_owned());
    }
    Ok(bytes)
}

/// The signature of Standard Webhooks: over identifier, time and body.
fn sign(key: &[u8], id: &str, seconds: &str, body: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    for part in [id, ".", seconds, ".", body] {
        mac.update(part.as_bytes());
    }
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// An error and what caused it: the outermost of reqwest's says little.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    cut(&clean(&text), 300)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(url: &str) -> Webhook {
        Webhook {
            url: Secret::new(url.to_owned()),
            template: Template::Generic,
            headers: Vec::new(),
            signing_secret: None,
            allow_http: false,
            ca_file: None,
            proxy: None,
        }
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for fine in ["https://hooks.example.com/x", "http://127.0.0.1:1/", "http://[::1]:1/"] {
            assert!(check_url(&webhook(fine)).is_ok(), "{fine}");
        }
        for refused in
            ["http://hooks.example.com/", "http://127.0.0.1.example.com/", "file:///x", "x", ""]
        {
            assert!(check_url(&webhook(refused)).is_err(), "{refused}");
        }
        let allowed = Webhook { allow_http: true, ..webhook("http://hooks.example.com/") };
        assert!(check_url(&allowed).is_ok());
    }

    #[test]
    fn the_example_of_the_specification_is_signed_as_it_says() {
        let key = key_of(&Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into())).unwrap();
        let (id, seconds) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330");
        let signed = sign(&key, id, seconds, r#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert!(key_of(&Secret::new("short".into())).is_err());
    }

    #[test]
    fn headers_of_ones_own_cannot_replace_durwards() {
        let header = |name: &str| vec![(name.to_owned(), Secret::new("x".to_owned()))];
        assert!(headers(&header("Authorization")).is_ok());
        for wrong in ["Webhook-Signature", "content-type", "a b", ""] {
            assert!(headers(&header(wrong)).is_err(), "{wrong}");
        }
    }
}
