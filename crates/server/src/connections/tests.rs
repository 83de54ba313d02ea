//! Real connections to a small router.

use std::path::Path;
use std::sync::atomic::AtomicUsize;

use axum::Extension;
use axum::body::Bytes;
use axum::response::Response;
use axum::routing::get;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;
use tokio_rustls::TlsConnector;
use tokio_stream::StreamExt as _;

use super::*;
use crate::config::{CallerLimits, TlsFiles};
use crate::limits::Limits;

/// After this time what has not happened will not happen.
const PATIENCE: Duration = Duration::from_secs(60);
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
const GET_AND_CLOSE: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// Tells who asks.
fn mirror() -> Router {
    let tell = |Extension(client): Extension<Client>| async move {
        format!("{} from {}", client.origin(), client.address)
    };
    Router::new().route("/", get(tell))
}

fn config() -> ServerConfig {
    ServerConfig { listen: ([127, 0, 0, 1], 0).into(), ..ServerConfig::default() }
}

struct Running {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    async fn start(config: ServerConfig, router: Router) -> Running {
        let listener = TcpListener::bind(config.listen).await.unwrap();
        let address = listener.local_addr().unwrap();
        let tls = config.tls.clone().map(|files| Arc::new(Tls::open(files).unwrap()));
        let (stop, stopped) = oneshot::channel();
        let connections = Connections::new(Arc::new(config), tls, router);
        let task = tokio::spawn(async move {
            connections.serve(listener, async { stopped.await.unwrap_or_default() }).await;
        });
        Running { address, stop: Some(stop), task }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }
}

/// Sends a request and reads what comes until the connection ends.
async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &[u8]) -> String {
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    // A server that cuts a connection off may do so without a word.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// Reads an answer with a short body on a connection that stays open.
async fn read_answer(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    loop {
        let byte = stream.read_u8().await.unwrap();
        answer.push(byte.into());
        if let Some((head, body)) = answer.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return answer;
            }
        }
    }
}

/// Writes a new certificate for localhost and gives it back.
fn certify(files: &TlsFiles) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

fn tls_config(dir: &Path) -> (ServerConfig, TlsFiles) {
    let files = TlsFiles { certificate: dir.join("cert.pem"), key: dir.join("key.pem") };
    let tls_poll = Duration::from_millis(5);
    (ServerConfig { tls: Some(files.clone()), tls_poll, ..config() }, files)
}

/// A TLS connection from a client that trusts these certificates, and the one that was shown.
async fn connect_tls(
    server: &Running,
    trusted: &[CertificateDer<'static>],
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> io::Result<(tokio_rustls::client::TlsStream<TcpStream>, CertificateDer<'static>)> {
    let mut roots = RootCertStore::empty();
    for certificate in trusted {
        roots.add(certificate.clone()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, server.connect().await).await?;
    let shown = stream.get_ref().1.peer_certificates().unwrap()[0].clone();
    Ok((stream, shown.into_owned()))
}

#[tokio::test]
async fn https_is_answered_and_plain_http_on_its_port_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let (config, files) = tls_config(dir.path());
    let certificate = certify(&files);
    let server = Running::start(config, mirror()).await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let connected = connect_tls(&server, std::slice::from_ref(&certificate), &[version]).await;
        let (stream, shown) = connected.unwrap();
        assert_eq!(shown, certificate);
        let answer = exchange(stream, GET_AND_CLOSE).await;
        assert!(answer.ends_with("https://localhost from 127.0.0.1"), "{answer}");
    }
    let plain = exchange(server.connect().await, GET_AND_CLOSE).await;
    assert!(!plain.contains("HTTP"), "{plain}");
}

#[tokio::test]
async fn a_replaced_certificate_is_shown_without_a_restart_and_a_broken_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let (config, files) = tls_config(dir.path());
    let first = certify(&files);
    let server = Running::start(config, mirror()).await;
    let show = async |trusted: &[CertificateDer<'static>]| {
        connect_tls(&server, trusted, rustls::ALL_VERSIONS).await.unwrap().1
    };
    assert_eq!(show(std::slice::from_ref(&first)).await, first);
    std::fs::write(&files.certificate, "broken").unwrap();
    assert_eq!(show(std::slice::from_ref(&first)).await, first);
    // Another certificate whose key is not there yet.
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(&files.certificate, other.cert.pem()).unwrap();
    let trusted = [first.clone(), other.cert.der().clone()];
    assert_eq!(show(&trusted).await, first);
    let (old, _) = connect_tls(&server, &trusted, rustls::ALL_VERSIONS).await.unwrap();
    std::fs::write(&files.key, other.signing_key.serialize_pem()).unwrap();
    let replaced = async { while show(&trusted).await == first {} };
    timeout(PATIENCE, replaced).await.expect("the new certificate is never shown");
    assert_eq!(show(&trusted).await, trusted[1]);
    let answer = exchange(old, GET_AND_CLOSE).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "who was connected stays so: {answer}");
}

#[tokio::test]
async fn forwarded_headers_count_only_from_a_proxy() {
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
        X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n\
        X-Forwarded-Host: pub.example\r\n\r\n";
    let plain = Running::start(config(), mirror()).await;
    let answer = exchange(plain.connect().await, request).await;
    assert!(answer.ends_with("http://localhost from 127.0.0.1"), "{answer}");
    let proxies = vec!["127.0.0.1/32".parse().unwrap()];
    let proxied = Running::start(ServerConfig { proxies, ..config() }, mirror()).await;
    let answer = exchange(proxied.connect().await, request).await;
    assert!(answer.ends_with("https://pub.example from 192.0.2.7"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn who_is_slow_with_the_head_or_with_tls_is_cut_off() {
    let plain = Running::start(config(), mirror()).await;
    let answer = exchange(plain.connect().await, b"GET / HTTP/1.1\r\nHost: loc").await;
    assert!(!answer.contains("200"), "{answer}");
    // One that has had its answer and keeps the connection.
    let answer = exchange(plain.connect().await, GET).await;
    assert!(answer.ends_with("http://localhost from 127.0.0.1"), "{answer}");

    let dir = tempfile::tempdir().unwrap();
    let (config, files) = tls_config(dir.path());
    certify(&files);
    let tls = Running::start(config, mirror()).await;
    assert_eq!(exchange(tls.connect().await, b"\x16\x03\x01").await, "");
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let server = Running::start(config(), mirror()).await;
    let mut request = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ".to_vec();
    request.resize(BUFFER_BYTES_MAX + 1000, b'x');
    let mut stream = server.connect().await;
    // The server may hang up before all of it is sent.
    let _ = stream.write_all(&request).await;
    let mut answer = [0; 12];
    let read = stream.read_exact(&mut answer).await;
    assert!(read.is_err() || answer == *b"HTTP/1.1 431", "{answer:?}");
}

#[tokio::test]
async fn there_are_only_so_many_connections_at_once() {
    let count = Arc::new(AtomicUsize::new(0));
    let own = count.clone();
    let counted = move || async move { (own.fetch_add(1, Ordering::SeqCst) + 1).to_string() };
    let config = ServerConfig { connections_max: 1, ..config() };
    let server = Running::start(config, Router::new().route("/", get(counted))).await;
    let mut first = server.connect().await;
    first.write_all(GET).await.unwrap();
    assert!(read_answer(&mut first).await.ends_with('1'));
    let mut second = server.connect().await;
    second.write_all(GET).await.unwrap();
    for request in ["2", "3", "4"] {
        first.write_all(GET).await.unwrap();
        assert!(read_answer(&mut first).await.ends_with(request), "the second has to wait");
    }
    drop(first);
    assert!(read_answer(&mut second).await.ends_with('5'));
}

#[test]
fn one_address_has_a_part_of_the_connections() {
    let proxies = vec!["10.0.0.0/8".parse().unwrap()];
    let config = ServerConfig { connections_max: 8, proxies, ..config() };
    let all = Connections::new(Arc::new(config), None, Router::new());
    let place = |peer: &str| all.place_for(peer.parse().unwrap());
    let held = [place("2001:db8::1"), place("2001:db8::2")];
    assert!(held.iter().all(Option::is_some));
    assert!(place("2001:db8::3").is_none());
    assert!(place("2001:db8:0:1::3").is_some());
    let proxied: Vec<_> = (0..20).map(|_| [place("10.0.0.1"), place("127.0.0.1")]).collect();
    assert!(proxied.iter().flatten().all(Option::is_some));
    drop((held, proxied));
    assert!(place("2001:db8::3").is_some());
    assert!(all.by_address.lock().is_empty(), "nothing is remembered");
}

#[test]
fn without_tls_only_proxies_are_listened_to_off_loopback() {
    let proxies = vec!["10.0.0.0/8".parse().unwrap()];
    let listen = "192.0.2.1:7400".parse().unwrap();
    let config = Arc::new(ServerConfig { listen, proxies, ..config() });
    let place = |tls: Option<&Arc<Tls>>, peer: &str| {
        let all = Connections::new(config.clone(), tls.cloned(), Router::new());
        all.place_for(peer.parse().unwrap()).is_some()
    };
    assert!(place(None, "10.1.1.1") && place(None, "127.0.0.1") && place(None, "::ffff:10.1.1.1"));
    assert!(!place(None, "192.0.2.2") && !place(None, "::ffff:192.0.2.2"));
    let dir = tempfile::tempdir().unwrap();
    let (_, files) = tls_config(dir.path());
    certify(&files);
    let tls = Arc::new(Tls::open(files).unwrap());
    assert!(place(Some(&tls), "192.0.2.2"));
}

/// Sends a first piece and then nothing more.
async fn endless() -> Body {
    let begun = tokio_stream::once(Ok::<_, io::Error>(Bytes::from_static(b"begun")));
    Body::from_stream(begun.chain(tokio_stream::pending()))
}

async fn read_until(stream: &mut TcpStream, end: &str) {
    let mut seen = String::new();
    while !seen.ends_with(end) {
        seen.push(stream.read_u8().await.unwrap().into());
    }
}

#[tokio::test]
async fn a_request_is_under_way_until_its_client_goes_away() {
    let limits =
        CallerLimits { requests_at_once: 1, requests_burst: 1_000_000, ..Default::default() };
    let limits = Arc::new(Limits::new(&limits));
    let within = move |request: axum::extract::Request, next: axum::middleware::Next| {
        let limits = limits.clone();
        async move {
            let path = request.uri().path().to_owned();
            match limits.enter("somebody", &path) {
                Ok(slot) => slot.until_sent(next.run(request).await),
                Err(error) => {
                    let mut response = Response::new(Body::empty());
                    *response.status_mut() = error.status;
                    response
                }
            }
        }
    };
    let router = Router::new().route("/", get(async || "free")).route("/endless", get(endless));
    let server = Running::start(config(), router.layer(axum::middleware::from_fn(within))).await;
    let mut export = server.connect().await;
    export.write_all(b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    read_until(&mut export, "begun\r\n").await;
    let ask = async || exchange(server.connect().await, GET_AND_CLOSE).await;
    assert!(ask().await.starts_with("HTTP/1.1 429"));
    drop(export);
    let released = async { while ask().await.starts_with("HTTP/1.1 429") {} };
    timeout(PATIENCE, released).await.expect("the request never ends");
    assert!(ask().await.ends_with("free"));
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_ends_or_is_cut_off_when_the_server_stops() {
    let router = mirror().route("/endless", get(endless));
    let mut server = Running::start(config(), router).await;
    let mut idle = server.connect().await;
    idle.write_all(GET).await.unwrap();
    read_answer(&mut idle).await;
    let mut export = server.connect().await;
    export.write_all(b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    read_until(&mut export, "begun\r\n").await;
    server.stop();
    server.task.await.unwrap();
    let mut rest = Vec::new();
    assert_eq!(idle.read_to_end(&mut rest).await.unwrap(), 0);
    let _ = export.read_to_end(&mut rest).await;
    assert!(rest.is_empty(), "not ended as if it were whole: {rest:?}");
}
