//! Alerts delivered to receivers that are there, down, slow, refusing, and back again.

mod receivers;

use std::io::Read;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use durward_access::Scope;
use durward_detect::alerts::{Route, Routes};
use durward_detect::book::Circumstances;
use durward_detect::finding::id_of;
use durward_detect::{Book, EventRef, Finding, Level, Settings, Subject, SubjectKind};
use durward_model::{Id, Timestamp};
use durward_oidc::Secret;
use durward_server::{
    ChannelConfig, DeliverOptions, DetectOptions, Email, Pace, SmtpTls, Syslog, SyslogVia,
    Template, Transport, Webhook, bind,
};
use durward_store::Store;
use parking_lot::Mutex;
use serde_json::{Value, json};

use self::receivers::{Got, Receiver, mail_server};
use crate::client::{self, Answer};
use crate::fixture::{Server, access, config, store_options, unwatched};

const TENANT: &str = "11111111-2222-4333-8444-555555555555";
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server on a directory that outlives it.
struct House {
    address: SocketAddr,
    book: Arc<Book>,
    settings: Settings,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

fn pace() -> Pace {
    let millis = Duration::from_millis;
    Pace {
        period: millis(10),
        timeout: millis(400),
        first_wait: millis(40),
        longest_wait: millis(200),
        give_up: Duration::from_secs(60),
        failures_max: 3,
        ..Pace::default()
    }
}

impl House {
    fn open(dir: &Path, channels: Vec<ChannelConfig>, pace: Pace) -> House {
        let route = |channel: &ChannelConfig| Route {
            name: channel.name.clone(),
            least: Level::Medium,
            ..Route::default()
        };
        let routes = Routes { wait_micros: 0, channels: channels.iter().map(route).collect() };
        let mut settings = Settings::default();
        settings.routes = Arc::new(routes);
        let watched = DetectOptions {
            settings: settings.clone(),
            deliver: DeliverOptions { channels, pace },
            ..unwatched(dir)
        };
        let book = watched.book.clone();
        let mut access = access(dir);
        access.is_demo = true;
        let store = Arc::new(Store::open(dir, store_options()).unwrap());
        let mut config = config();
        config.public_url = Some("https://durward.contoso.example".parse().unwrap());
        config.hosts = vec!["127.0.0.1".to_owned()];
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (told, tell) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let bound = bind(config, store, access, watched).await.unwrap();
                told.send(bound.local_addr()).unwrap();
                bound.serve(async { stopped.await.unwrap_or_default() }).await;
            });
        });
        let address = tell.recv().unwrap();
        House { address, book, settings, stop: Some(stop), thread: Some(thread) }
    }

    /// Ends it, and waits for that.
    fn close(mut self) {
        drop(self.stop.take());
        self.thread.take().unwrap().join().unwrap();
    }

    fn tell(&self, findings: &[Finding]) {
        let now_micros = Timestamp::now().micros;
        let circumstances = Circumstances { settings: &self.settings, now_micros };
        self.book.record(findings, &circumstances).unwrap();
    }

    fn ask(&self, method: &str, target: &str, body: &Value) -> Answer {
        let headers = [("Content-Type", "application/json")];
        let body = if method == "GET" { String::new() } else { body.to_string() };
        client::request(self.address, method, target, &headers, body.as_bytes())
    }

    fn json(&self, target: &str) -> Value {
        let answer = self.ask("GET", target, &Value::Null);
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        answer.json()
    }

    /// The states of all deliveries, by channel.
    fn states(&self) -> Vec<(String, String)> {
        let all = self.json("/api/alerts/deliveries");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let deliveries = all["value"].as_array().unwrap().iter();
        deliveries.map(|one| (text(&one["channel"]), text(&one["state"]))).collect()
    }

    fn channel(&self, name: &str) -> Value {
        let all = self.json("/api/alerts/channels");
        let mut channels = all["value"].as_array().unwrap().iter();
        channels.find(|channel| channel["name"] == name).unwrap().clone()
    }
}

fn finding(name: &str, level: Level) -> Finding {
    let id = Id::hash(name.as_bytes()).to_string();
    let subject = Subject { kind: SubjectKind::User, id, name: format!("{name}@contoso.example") };
    let at = Timestamp::now().micros - 60_000_000;
    let event = EventRef { at_micros: at, id: Id::hash(format!("event {name}").as_bytes()) };
    let finding = Finding {
        id: id_of("password-spray", TENANT, &subject, name.as_bytes()),
        detection: "password-spray".to_owned(),
        tenant: TENANT.to_owned(),
        subject,
        level,
        sentence: format!("192.0.2.9 tried 37 accounts, <!channel> and got into {name}'s."),
        first_micros: at,
        last_micros: at,
        found_micros: at,
        told_micros: at,
        events: vec![event],
        event_count: 37,
        risky: vec![event.id],
        facts: Vec::new(),
        against: Vec::new(),
        correlation: None,
        address: "192.0.2.9".to_owned(),
        location: ["Osaka".to_owned(), String::new(), "JP".to_owned()],
    };
    finding.fact("Accounts tried", "37 in 12 min; 10 within 30 min are enough")
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn webhook(name: &str, address: SocketAddr, template: Template) -> ChannelConfig {
    let url = Secret::new(format!("http://{address}/services/T0/SECRET"));
    let transport = Transport::Webhook(Webhook {
        url,
        template,
        headers: vec![("Authorization".to_owned(), Secret::new("Bearer 42".to_owned()))],
        signing_secret: Some(Secret::new("0123456789abcdef".to_owned())),
        allow_http: false,
        ca_file: None,
        proxy: None,
    });
    ChannelConfig { name: name.to_owned(), transport }
}

fn delivered(channel: &str) -> (String, String) {
    (channel.to_owned(), "delivered".to_owned())
}

#[test]
fn one_alert_is_delivered_once_in_every_shape() {
    let dir = tempfile::tempdir().unwrap();
    let receivers: Vec<Receiver> = (0..3).map(|_| Receiver::default()).collect();
    let templates = [Template::Generic, Template::Slack, Template::Teams];
    let mut channels = Vec::new();
    for (index, (receiver, template)) in receivers.iter().zip(templates).enumerate() {
        let (listener, address) = listener();
        receiver.start(listener);
        channels.push(webhook(&format!("hook{index}"), address, template));
    }
    let house = House::open(dir.path(), channels, pace());
    house.tell(&[finding("ana", Level::High)]);
    house.tell(&[finding("ana", Level::High)]);
    wait_for("three deliveries", || receivers.iter().all(|one| !one.got().is_empty()));
    wait_for("their being noted", || house.states().iter().all(|(_, state)| state == "delivered"));
    std::thread::sleep(Duration::from_millis(200));
    let got: Vec<Got> = receivers.iter().flat_map(Receiver::got).collect();
    assert_eq!(got.len(), 3, "one each");
    let link = "https://durward.contoso.example/alerts/1";
    for got in &got {
        assert_eq!(got.headers["authorization"], "Bearer 42");
        assert!(got.headers["webhook-signature"].starts_with("v1,"));
        assert!(got.body.contains(link) && got.body.contains("37 in 12 min"), "{}", got.body);
    }
    let generic = got[0].json();
    assert_eq!(got[0].headers["webhook-id"], generic["id"].as_str().unwrap());
    assert_eq!(generic["type"], "alert.opened");
    assert_eq!(generic["alert"]["subject"]["name"], "ana@contoso.example");
    assert_eq!(generic["alert"]["findings"][0]["facts"][0]["label"], "Accounts tried");
    let slack = got[1].json();
    assert_eq!(slack["blocks"][0]["text"]["type"], "plain_text");
    assert!(slack["text"].as_str().unwrap().contains("&lt;!channel&gt;"), "nobody is paged");
    assert!(!got[1].body.contains("mrkdwn"));
    let card = &got[2].json()["attachments"][0];
    assert_eq!(card["contentType"], "application/vnd.microsoft.card.adaptive");
    assert_eq!(card["content"]["actions"][0]["url"], link);
    house.close();
}

#[test]
fn a_receiver_that_is_down_gets_it_once_when_it_is_up_even_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (listener, address) = listener();
    drop(listener);
    let channels = vec![webhook("team", address, Template::Generic)];
    let house = House::open(dir.path(), channels.clone(), pace());
    house.tell(&[finding("ana", Level::High), finding("ben", Level::Medium)]);
    wait_for("the channel being left alone", || house.channel("team")["answers"] == false);
    let status = house.channel("team");
    assert_eq!((&status["waiting"], &status["receiver"]), (&json!(2), &json!("127.0.0.1")));
    let error = status["error"].as_str().unwrap();
    assert!(error.contains("refused") && !error.contains("SECRET"), "{error}");
    house.close();

    let house = House::open(dir.path(), channels, pace());
    let receiver = Receiver::default();
    receiver.start(TcpListener::bind(address).unwrap());
    wait_for("two deliveries", || receiver.got().len() == 2);
    wait_for("their being noted", || house.states() == [delivered("team"), delivered("team")]);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(receiver.got().len(), 2);
    assert_eq!(house.channel("team")["answers"], true);
    house.close();
}

#[test]
fn slow_and_failing_receivers_are_tried_again_and_refusing_ones_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let (slow, refusing) = (Receiver::default(), Receiver::default());
    slow.answers.lock().extend(["", "503 Down", "429 Slow down\r\nRetry-After: 1"]);
    refusing.answers.lock().push("410 Gone");
    let mut channels = Vec::new();
    for (name, receiver) in [("slow", &slow), ("refusing", &refusing)] {
        let (listener, address) = listener();
        receiver.start(listener);
        channels.push(webhook(name, address, Template::Generic));
    }
    let house = House::open(dir.path(), channels, Pace { failures_max: 9, ..pace() });
    let begun = Instant::now();
    house.tell(&[finding("ana", Level::High)]);
    wait_for("the refusal", || house.channel("refusing")["refused"] == 1);
    let error = house.channel("refusing")["error"].as_str().unwrap().to_owned();
    assert_eq!(error, "HTTP status 410 Gone: why?");
    wait_for("the delivery", || slow.got().len() == 1);
    // Bounded by the longest wait, which a receiver cannot lengthen.
    assert!(begun.elapsed() >= pace().timeout + pace().longest_wait, "{:?}", begun.elapsed());
    wait_for("its being noted", || house.states().contains(&delivered("slow")));
    let of_slow = house.json("/api/alerts/deliveries?channel=slow");
    assert_eq!(of_slow["value"][0]["failedTries"], 3);
    assert_eq!(refusing.got().len(), 0);
    // Somebody mends it and asks for another try.
    let number =
        house.json("/api/alerts/deliveries?channel=refusing")["value"][0]["number"].clone();
    let again = format!("/api/alerts/deliveries/{number}/retry");
    assert_eq!(house.ask("POST", &again, &json!({})).status, 200);
    wait_for("the second try", || refusing.got().len() == 1);
    house.close();
}

#[test]
fn redirects_are_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let (receiver, elsewhere) = (Receiver::default(), Receiver::default());
    let (listener, address) = listener();
    receiver.start(listener);
    let (listener, other) = self::listener();
    elsewhere.start(listener);
    let answer: &'static str = format!("307 There\r\nLocation: http://{other}/").leak();
    receiver.answers.lock().push(answer);
    let channels = vec![webhook("team", address, Template::Generic)];
    let house = House::open(dir.path(), channels, pace());
    house.tell(&[finding("ana", Level::High)]);
    wait_for("the refusal", || house.channel("team")["refused"] == 1);
    assert_eq!(elsewhere.got().len(), 0);
    house.close();
}

#[test]
fn a_dead_receiver_does_not_delay_others_and_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let (silent, dead) = listener();
    let receiver = Receiver::default();
    let (listener, address) = listener();
    receiver.start(listener);
    let channels =
        vec![webhook("dead", dead, Template::Generic), webhook("team", address, Template::Generic)];
    let give_up = Duration::from_millis(1200);
    let house = House::open(dir.path(), channels, Pace { give_up, ..pace() });
    let begun = Instant::now();
    for name in ["ana", "ben", "cleo", "dora"] {
        house.tell(&[finding(name, Level::High)]);
    }
    wait_for("four deliveries", || receiver.got().len() == 4);
    assert!(begun.elapsed() < pace().timeout * 3, "{:?}", begun.elapsed());
    wait_for("giving up", || house.channel("dead")["failed"].as_u64().unwrap() >= 1);
    assert!(house.channel("dead")["error"].as_str().unwrap().contains("no answer within"));
    drop(silent);
    house.close();
}

fn email(name: &str, address: SocketAddr) -> ChannelConfig {
    let transport = Transport::Email(Email {
        host: address.ip().to_string(),
        port: address.port(),
        tls: SmtpTls::None,
        credentials: None,
        from: "durward <durward@contoso.example>".to_owned(),
        to: vec!["desk@contoso.example".to_owned(), "ada@contoso.example".to_owned()],
        ca_file: None,
    });
    ChannelConfig { name: name.to_owned(), transport }
}

#[test]
fn mail_is_written_once_and_refusals_are_shown() {
    let dir = tempfile::tempdir().unwrap();
    let ((taking, one), (refusing, other), (busy, third)) = (listener(), listener(), listener());
    let mails = mail_server(taking, "250 fine");
    let none = mail_server(refusing, "550 no such user");
    let later = mail_server(busy, "451 try later");
    let channels = vec![email("desk", one), email("wrong", other), email("busy", third)];
    let house = House::open(dir.path(), channels, pace());
    house.tell(&[finding("ana", Level::High)]);
    wait_for("the mail", || mails.lock().len() == 1);
    let mail = mails.lock()[0].clone();
    for part in [
        "From: durward <durward@contoso.example>",
        "To: desk@contoso.example, ada@contoso.example",
        "Subject: [durward] High: 192.0.2.9 tried 37 accounts",
        "Message-ID: <",
        "Auto-Submitted: auto-generated",
        "https://durward.contoso.example/alerts/1",
        "Accounts tried: 37 in 12 min; 10 within 30 min are enough",
        "Where: 192.0.2.9, Osaka, JP",
    ] {
        assert!(mail.contains(part), "{part} is not in\n{mail}");
    }
    wait_for("the refusal", || house.channel("wrong")["refused"] == 1);
    assert!(house.channel("wrong")["error"].as_str().unwrap().contains("550"));
    wait_for("a second try", || {
        house.json("/api/alerts/deliveries?channel=busy")["value"][0]["failedTries"] != 0
    });
    assert!(house.channel("busy")["error"].as_str().unwrap().contains("451"));
    assert_eq!((mails.lock().len(), none.lock().len(), later.lock().len()), (1, 0, 0));
    house.close();
}

fn syslog(name: &str, address: SocketAddr, via: SyslogVia) -> ChannelConfig {
    let transport = Transport::Syslog(Syslog {
        host: address.ip().to_string(),
        port: address.port(),
        via,
        facility: 4,
        hostname: "durward.contoso.example".to_owned(),
        ca_file: None,
    });
    ChannelConfig { name: name.to_owned(), transport }
}

#[test]
fn syslog_by_datagram_and_by_stream() {
    let dir = tempfile::tempdir().unwrap();
    let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
    datagrams.set_read_timeout(Some(PATIENCE)).unwrap();
    let (streams, address) = listener();
    let channels = vec![
        syslog("udp", datagrams.local_addr().unwrap(), SyslogVia::Udp),
        syslog("tcp", address, SyslogVia::Tcp),
    ];
    let house = House::open(dir.path(), channels, pace());
    house.tell(&[finding("ana", Level::High)]);
    let mut buffer = [0; 4096];
    let length = datagrams.recv(&mut buffer).unwrap();
    let datagram = String::from_utf8(buffer[..length].to_vec()).unwrap();
    assert!(datagram.starts_with("<34>1 20"), "{datagram}");
    assert!(datagram.contains(" alert=\"1\" severity=\"high\" detections=\"password-spray\""));
    let mut text = String::new();
    streams.accept().unwrap().0.read_to_string(&mut text).unwrap();
    let (length, message) = text.split_once(' ').unwrap();
    assert_eq!(length.parse::<usize>().unwrap(), message.len());
    assert!(message.starts_with("<34>1 20"));
    wait_for("both being noted", || house.states().iter().all(|(_, state)| state == "delivered"));
    house.close();
}

#[test]
fn syslog_over_tls_trusts_the_authority_it_is_given() {
    let dir = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let ca = dir.path().join("ca.pem");
    std::fs::write(&ca, made.cert.pem()).unwrap();
    let (listener, address) = listener();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let got: Arc<Mutex<Vec<String>>> = Arc::default();
    let own = got.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut session = rustls::ServerConnection::new(Arc::new(tls.clone())).unwrap();
            let mut text = String::new();
            // A client that does not trust it goes away.
            let _ = rustls::Stream::new(&mut session, &mut stream).read_to_string(&mut text);
            own.lock().push(text);
        }
    });
    let trusting = syslog("trusting", address, SyslogVia::Tls);
    let Transport::Syslog(config) = trusting.transport else { unreachable!() };
    let trusting = ChannelConfig {
        name: trusting.name,
        transport: Transport::Syslog(Syslog { ca_file: Some(ca), ..config }),
    };
    let channels = vec![trusting, syslog("wary", address, SyslogVia::Tls)];
    let house = House::open(dir.path(), channels, pace());
    house.tell(&[finding("ana", Level::High)]);
    wait_for("the message", || got.lock().iter().any(|text| text.contains("<34>1 20")));
    wait_for("the mistrust", || house.channel("wary")["error"] != "");
    let error = house.channel("wary")["error"].as_str().unwrap().to_owned();
    assert!(error.contains("certificate"), "{error}");
    house.close();
}

#[test]
fn many_alerts_are_one_message() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::default();
    let (listener, address) = listener();
    receiver.start(listener);
    let channels = vec![webhook("team", address, Template::Generic)];
    let house = House::open(dir.path(), channels, pace());
    let findings: Vec<Finding> =
        (0..60).map(|number| finding(&format!("user{number}"), Level::Medium)).collect();
    house.tell(&findings);
    wait_for("a message", || !receiver.got().is_empty());
    let first = receiver.got()[0].json();
    assert_eq!((&first["type"], &first["count"]), (&json!("alert.digest"), &json!(60)));
    assert_eq!(first["alerts"].as_array().unwrap().len(), 20);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(receiver.got().len(), 1);
    house.close();
}

#[test]
fn the_test_button_says_what_came_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::default();
    let (listener, address) = listener();
    receiver.start(listener);
    let house = House::open(dir.path(), vec![webhook("team", address, Template::Slack)], pace());
    let press = || house.ask("POST", "/api/alerts/channels/team/test", &json!({})).json();
    assert_eq!(press()["outcome"], "delivered");
    assert!(receiver.got()[0].body.contains("Test of the channel"));
    receiver.answers.lock().extend(["403 No", ""]);
    let refused = press();
    assert_eq!(
        (&refused["outcome"], &refused["error"]),
        (&json!("refused"), &json!("HTTP status 403 Forbidden: why?"))
    );
    let slow = press();
    assert_eq!(slow["outcome"], "failed");
    assert_eq!(house.ask("POST", "/api/alerts/channels/none/test", &json!({})).status, 404);
    assert_eq!(house.states(), [], "tests are in no outbox");
    house.close();
}

#[test]
fn alerts_are_listed_and_worked_on() {
    let dir = tempfile::tempdir().unwrap();
    let house = House::open(dir.path(), Vec::new(), pace());
    house.tell(&[finding("ana", Level::High), finding("ben", Level::Medium)]);
    let page = house.json("/api/alerts?count=true&limit=1");
    assert_eq!(page["counts"]["openBySeverity"], json!({ "low": 0, "medium": 1, "high": 1 }));
    let cursor = page["nextCursor"].as_str().unwrap();
    let rest = house.json(&format!("/api/alerts?limit=1&cursor={cursor}"));
    assert_eq!(rest["value"].as_array().unwrap().len(), 1);
    assert_eq!(rest["nextCursor"], Value::Null);
    let high = house.json("/api/alerts?severity=high&state=new&q=ana");
    assert_eq!(high["value"][0]["subject"]["name"], "ana@contoso.example");
    for wrong in ["?state=open", "?severity=grave", "?cursor=x", "?colour=red", "?from=monday"] {
        let answer = house.ask("GET", &format!("/api/alerts{wrong}"), &Value::Null);
        assert_eq!(answer.status, 400, "{wrong}");
    }
    let one = house.json("/api/alerts/1");
    assert_eq!(one["findings"][0]["facts"][0]["label"], "Accounts tried");
    assert!(!one["suggestedChecks"].as_array().unwrap().is_empty());
    let version = one["version"].clone();
    let change = json!({ "state": "closed", "verdict": "falsePositive", "note": "A test.",
                         "assignee": "ada", "version": version });
    let changed = house.ask("PATCH", "/api/alerts/1", &change);
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert_eq!(changed.json()["verdict"], "falsePositive");
    assert_eq!(house.ask("PATCH", "/api/alerts/1", &change).status, 409);
    let history = house.json("/api/alerts/1")["history"].to_string();
    assert!(history.contains("A test.") && history.contains("Demo Administrator"), "{history}");
    for wrong in [
        json!({}),
        json!({ "state": "closed" }),
        json!({ "state": "closed", "verdict": "withdrawn" }),
        json!({ "colour": "red" }),
        json!({ "note": 5 }),
    ] {
        assert_eq!(house.ask("PATCH", "/api/alerts/2", &wrong).status, 400, "{wrong}");
    }
    let both = json!({ "alerts": [1, 2], "state": "inProgress" });
    assert_eq!(house.ask("PATCH", "/api/alerts", &both).json()["value"][1]["state"], "inProgress");
    assert_eq!(house.ask("PATCH", "/api/alerts/77", &json!({ "note": "x" })).status, 404);

    let quiet = json!({ "subject": "cleo@contoso.example", "reason": "on a journey", "hours": 8 });
    let made = house.ask("POST", "/api/alerts/suppressions", &quiet);
    assert_eq!((made.status, &made.json()["holds"]), (200, &json!(true)));
    house.tell(&[finding("cleo", Level::High)]);
    assert_eq!(house.json("/api/alerts")["value"].as_array().unwrap().len(), 2);
    assert_eq!(house.json("/api/alerts/suppressions")["value"][0]["findingsKept"], 1);
    let ended = house.ask("DELETE", "/api/alerts/suppressions/1", &json!({}));
    assert_eq!(ended.json()["holds"], false);
    let both = json!({ "subject": "x", "reason": "y", "hours": 1, "until": "2099-01-01" });
    assert_eq!(house.ask("POST", "/api/alerts/suppressions", &both).status, 400);
    house.close();
}

#[test]
fn alerts_are_shown_to_those_whom_all_of_them_concerns() {
    let server = Server::guarded();
    let settings = Settings::default();
    let now_micros = Timestamp::now().micros;
    let circumstances = Circumstances { settings: &settings, now_micros };
    let both = [finding("ana", Level::High), finding("ben", Level::High)];
    server.book.record(&both, &circumstances).unwrap();
    let limited = |tenants: &[&str], users: &[&str], applications: &[&str]| {
        let owned = |list: &[&str]| list.iter().map(|&one| one.to_owned()).collect();
        let (tenants, users) = (owned(tenants), owned(users));
        let scope = Scope { tenants, users, applications: owned(applications) };
        server.token_for("SecurityAlert.ReadWrite.All", scope)
    };
    let shown = |token: &str| -> Option<usize> {
        let answer = server.get_as(token, "/api/alerts");
        (answer.status == 200).then(|| answer.json()["value"].as_array().unwrap().len())
    };
    assert_eq!(shown(&server.token("AuditLog.Read.All")), None);
    assert_eq!(shown(&server.token("SecurityAlert.Read.All")), Some(2));
    assert_eq!(shown(&limited(&[], &[], &["app"])), None, "no alert is of an application only");
    assert_eq!(shown(&limited(&["another"], &[], &[])), Some(0));
    assert_eq!(shown(&limited(&[TENANT], &[], &[])), Some(2));
    let ana = limited(&[TENANT], &["ana@contoso.example"], &[]);
    assert_eq!(shown(&ana), Some(1));
    let patch = |token: &str, number: u32| {
        let bearer = format!("Bearer {token}");
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        let target = format!("/api/alerts/{number}");
        client::request(server.address, "PATCH", &target, &headers, br#"{"note": "x"}"#).status
    };
    let found = |number| server.get_as(&ana, &format!("/api/alerts/{number}")).status;
    let own = (1..=2).find(|number| found(*number) == 200).unwrap();
    assert_eq!((found(3 - own), patch(&ana, own), patch(&ana, 3 - own)), (404, 200, 404));
    for everything in ["suppressions", "channels", "deliveries"] {
        let target = format!("/api/alerts/{everything}");
        assert_eq!(server.get_as(&ana, &target).status, 403, "{everything} are everybody's");
    }
    assert_eq!(patch(&server.token("SecurityAlert.Read.All"), 1), 403);
}
