//! An issuer behind TLS, with a certificate of a private authority.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::http::StatusCode;
use durward_oidc::{Begin, OidcError, Provider, ProviderConfig};
use rustls::pki_types::PrivateKeyDer;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::issuer::{Answer, Issuer};

/// Serves the issuer over TLS with a new certificate for this name; gives its port and the
/// certificate in PEM.
async fn encrypt(issuer: &Issuer, name: &str) -> (u16, String) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_no_client_auth()
    .with_single_cert(vec![made.cert.der().clone()], key)
    .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let plain = issuer.url.strip_prefix("http://").unwrap().to_owned();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // A client that does not trust the certificate hangs up.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut inner = TcpStream::connect(&plain).await.unwrap();
            tokio::spawn(
                async move { tokio::io::copy_bidirectional(&mut stream, &mut inner).await },
            );
        }
    });
    (port, made.cert.pem())
}

async fn begin(issuer: &str, ca_file: Option<&Path>) -> Result<Begin, OidcError> {
    let mut config = ProviderConfig::new(issuer, "durward");
    config.ca_file = ca_file.map(PathBuf::from);
    Provider::new(config).unwrap().begin("https://durward.example/back").await
}

#[tokio::test]
async fn a_private_authority_is_trusted_if_it_is_named() {
    let issuer = Issuer::start(&[]).await;
    let (port, certificate) = encrypt(&issuer, "localhost").await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    std::fs::write(&file, certificate).unwrap();

    let url = format!("https://localhost:{port}");
    issuer.describe(json!({ "issuer": url }));
    begin(&url, Some(&file)).await.unwrap();
    let error = begin(&url, None).await.unwrap_err().to_string();
    assert!(error.contains("invalid peer certificate"), "{error}");

    let url = format!("https://127.0.0.1:{port}");
    issuer.describe(json!({ "issuer": url }));
    let error = begin(&url, Some(&file)).await.unwrap_err().to_string();
    assert!(error.contains("not valid for name"), "{error}");
}

#[tokio::test]
async fn what_answers_over_tls_may_not_lead_out_of_it() {
    let issuer = Issuer::start(&[]).await;
    let (port, certificate) = encrypt(&issuer, "localhost").await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    std::fs::write(&file, certificate).unwrap();
    let path = "/.well-known/openid-configuration";
    let location = Some("http://login.example.com/".to_owned());
    issuer.set(path, Answer { location, ..Answer::status(StatusCode::FOUND) });
    let error = begin(&format!("https://localhost:{port}"), Some(&file)).await.unwrap_err();
    assert!(error.to_string().contains("redirects are refused"), "{error}");
}
