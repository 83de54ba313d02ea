//! The one HTTP client: TLS with the roots of the system, bounded in time and size.
//!
//! Everything fetched here decides who may sign in, so it comes from exactly the address that was
//! asked: redirects are refused, proxies are not used, and plain HTTP never leaves the machine.

use std::error::Error;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse, http};
use reqwest::{Client, Url, redirect};
use serde::de::DeserializeOwned;

/// Waiting for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Waiting for a whole answer. Somebody looks at an empty page meanwhile.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(10);
/// Key sets with certificate chains have some 50 KiB.
const MAX_BODY_BYTES: usize = 1 << 20;

/// A request that gave nothing useful, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{url}: {why}")]
pub(crate) struct HttpError {
    url: String,
    why: String,
}

impl HttpError {
    pub(crate) fn new(url: impl Into<String>, why: impl Into<String>) -> HttpError {
        HttpError { url: url.into(), why: why.into() }
    }
}

/// Sends requests.
#[derive(Clone)]
pub(crate) struct Http {
    client: Client,
}

impl Http {
    /// A client that trusts the system's roots and those in the file. The error is for the
    /// administrator.
    pub(crate) fn new(ca_file: Option<&Path>) -> Result<Http, String> {
        Http::with_timeout(ca_file, TOTAL_TIMEOUT)
    }

    fn with_timeout(ca_file: Option<&Path>, total: Duration) -> Result<Http, String> {
        // An error says that the process has chosen a provider before, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(total)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("durward/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = ca_file {
            let pem = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
            let roots = reqwest::Certificate::from_pem_bundle(&pem)
                .map_err(|error| format!("{}: {}", path.display(), chain(&error)))?;
            if roots.is_empty() {
                return Err(format!("{}: no certificate in it", path.display()));
            }
            builder = builder.tls_certs_merge(roots);
        }
        let client = builder.build().map_err(|error| chain(&error))?;
        Ok(Http { client })
    }

    /// Fetches a JSON document.
    pub(crate) async fn get_json<T: DeserializeOwned>(&self, url: &str) -> Result<T, HttpError> {
        let fail = |why: String| HttpError::new(url, why);
        let request = http::Request::get(url)
            .header(http::header::ACCEPT, "application/json")
            .body(Vec::new())
            .map_err(|error| fail(error.to_string()))?;
        let response = self.send(request).await?;
        if response.status() != http::StatusCode::OK {
            return Err(fail(format!("HTTP status {}", response.status())));
        }
        serde_json::from_slice(response.body())
            .map_err(|error| fail(format!("not as expected: {error}")))
    }

    /// Sends a request and takes its answer, whatever the status but a redirect.
    pub(crate) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let url = request.uri().to_string();
        let fail = |why: String| HttpError::new(&url, why);
        check_url(&url).map_err(fail)?;
        let explain = |error: reqwest::Error| fail(chain(&error.without_url()));
        let request = request.try_into().map_err(explain)?;
        let mut response = self.client.execute(request).await.map_err(explain)?;
        if response.status().is_redirection() {
            return Err(fail(format!("HTTP status {}: redirects are refused", response.status())));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(explain)? {
            if body.len() + chunk.len() > MAX_BODY_BYTES {
                return Err(fail(format!("more than {MAX_BODY_BYTES} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        let mut answer = http::Response::new(body);
        *answer.status_mut() = response.status();
        *answer.headers_mut() = std::mem::take(response.headers_mut());
        Ok(answer)
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

/// May this be asked? HTTPS anywhere, plain HTTP on this machine only.
pub(crate) fn check_url(text: &str) -> Result<(), String> {
    let url = Url::parse(text).map_err(|error| format!("{text:?} is no address: {error}"))?;
    match url.scheme() {
        "https" => Ok(()),
        "http" if url.host_str().is_some_and(is_loopback) => Ok(()),
        "http" => Err(format!("{text:?} would be asked without encryption; https is needed")),
        _ => Err(format!("{text:?} is neither https nor http")),
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// An error and what caused it: the outermost of reqwest's says little.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for fine in [
            "https://login.example.com/x",
            "http://127.0.0.1:8080/",
            "http://127.9.9.9/",
            "http://[::1]:1/",
            "http://localhost/realm",
        ] {
            assert_eq!(check_url(fine), Ok(()), "{fine}");
        }
        for refused in [
            "http://login.example.com/",
            "http://localhost.example.com/",
            "http://127.0.0.1.example.com/",
            "http://127.0.0.1@example.com/",
            "http://10.0.0.1/",
            "ftp://localhost/",
            "file:///etc/passwd",
            "localhost",
            "",
        ] {
            assert!(check_url(refused).is_err(), "{refused}");
        }
    }

    #[tokio::test]
    async fn who_never_answers_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let http = Http::with_timeout(None, Duration::from_millis(50)).unwrap();
        let error = http.get_json::<serde_json::Value>(&url).await.unwrap_err();
        assert!(error.to_string().contains("timed out"), "{error}");
    }

    #[test]
    fn a_file_without_certificates_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        assert!(Http::new(Some(&path)).is_err(), "not there");
        std::fs::write(&path, "nothing\n").unwrap();
        assert!(Http::new(Some(&path)).is_err(), "nothing in it");
    }
}
