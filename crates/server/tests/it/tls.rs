//! The whole server behind TLS, and behind a proxy that has it.

use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use durward_server::{AccessOptions, BindError, ServerConfig, TlsFiles, bind};
use durward_store::Store;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::client::{self, Answer};
use crate::fixture::{Server, access, config, store_options};

const PUBLIC: &str = "signins.contoso.example";
const HSTS: &str = "strict-transport-security";

/// Writes a certificate for the public name.
fn certify(dir: &Path) -> (TlsFiles, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed([PUBLIC.to_owned()]).unwrap();
    let files = TlsFiles { certificate: dir.join("cert.pem"), key: dir.join("key.pem") };
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    (files, made.cert.der().clone())
}

/// A TLS connection from a client that trusts this certificate.
fn connect(
    server: &Server,
    trusted: &CertificateDer<'static>,
) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(PUBLIC).unwrap();
    let session = ClientConnection::new(Arc::new(config), name).unwrap();
    StreamOwned::new(session, client::connect(server.address))
}

fn public_config() -> ServerConfig {
    let url = format!("https://{PUBLIC}");
    ServerConfig { public_url: Some(url.parse().unwrap()), ..config() }
}

#[test]
fn https_is_answered_by_its_public_name_and_browsers_are_held_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let (files, certificate) = certify(dir.path());
    let config = ServerConfig { tls: Some(files), ..public_config() };
    let server = Server::with_access(store_options(), config, |_| {});
    let get = |host: &str, headers: &[(&str, &str)]| -> Answer {
        let mut all = vec![("Host", host)];
        all.extend(headers);
        let mut stream = connect(&server, &certificate);
        let head = client::head(server.address, "GET", "/healthz", &all);
        stream.write_all(head.as_bytes()).unwrap();
        client::read(stream).unwrap()
    };
    let public = get(PUBLIC, &[]);
    assert_eq!((public.status, public.header(HSTS)), (200, Some("max-age=31536000")));
    let local = get("localhost", &[]);
    assert_eq!((local.status, local.header(HSTS)), (200, None));
    assert_eq!(get("attacker.example", &[]).error().0, 421);
    let told = [("X-Forwarded-Host", "attacker.example"), ("X-Forwarded-Proto", "http")];
    let ignored = get(PUBLIC, &told);
    assert_eq!((ignored.status, ignored.header(HSTS).is_some()), (200, true));
}

#[test]
fn what_a_proxy_says_is_believed_and_what_others_say_is_not() {
    let headers = [
        ("Host", "127.0.0.1"),
        ("X-Forwarded-For", "192.0.2.7"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", PUBLIC),
    ];
    let get = |server: &Server| client::request(server.address, "GET", "/healthz", &headers, &[]);
    let direct = get(&Server::with_access(store_options(), public_config(), |_| {}));
    assert_eq!((direct.status, direct.header(HSTS)), (200, None));
    let proxies = vec!["127.0.0.1/32".parse().unwrap()];
    let config = ServerConfig { proxies, ..public_config() };
    let server = Server::with_access(store_options(), config, |_| {});
    let proxied = get(&server);
    assert_eq!((proxied.status, proxied.header(HSTS).is_some()), (200, true));
    let headers = [("Host", "127.0.0.1"), ("X-Forwarded-Host", "attacker.example")];
    let other = client::request(server.address, "GET", "/healthz", &headers, &[]);
    assert_eq!(other.error().0, 421);
}

#[tokio::test]
async fn what_is_wrong_with_the_files_or_the_address_is_said_before_anybody_is_served() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(dir.path(), store_options()).unwrap());
    let refuse = async |config: ServerConfig, change: fn(&mut AccessOptions)| {
        let mut access = access(dir.path());
        change(&mut access);
        bind(config, store.clone(), access, crate::fixture::unwatched(dir.path()))
            .await
            .unwrap_err()
    };
    let (files, _) = certify(dir.path());
    let missing = TlsFiles { key: dir.path().join("none.pem"), ..files.clone() };
    let config = ServerConfig { tls: Some(missing), ..public_config() };
    let said = refuse(config, |_| {}).await;
    assert!(matches!(said, BindError::Tls(_)) && said.to_string().contains("none.pem"), "{said}");
    let listen = "0.0.0.0:0".parse().unwrap();
    let config = ServerConfig { listen, tls: Some(files), ..public_config() };
    let closed: fn(&mut AccessOptions) = |access| access.has_way_in = false;
    for change in [closed, |access| access.is_demo = true] {
        let said = refuse(config.clone(), change).await;
        assert!(matches!(said, BindError::Refused(_)), "{said}");
    }
}
