//! A server on a store in a folder of its own, and records made by hand.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use durward_access::{AccessStore, NewToken, Rules, Scope, SessionLimits};
use durward_detect::rules::Placeholders;
use durward_detect::{Book, Settings};
use durward_journal::Journal;
use durward_model::Timestamp;
use durward_oidc::Bearers;
use durward_server::{
    AccessOptions, CallerLimits, DeliverOptions, DetectOptions, ServerConfig, bind,
};
use durward_store::{Store, StoreOptions};
use serde_json::{Value, json};

use crate::client::{self, Answer};

/// 2026-03-02T12:00:00Z, seconds since 1970.
pub(crate) const NOON: i64 = 1_772_452_800;

/// A running server; stops when dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) store: Arc<Store>,
    pub(crate) people: Arc<AccessStore>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) book: Arc<Book>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
    dir: tempfile::TempDir,
}

/// Store options for tests: nothing happens unless asked for.
pub(crate) fn store_options() -> StoreOptions {
    StoreOptions { background: false, keep_replaced: Duration::ZERO, ..StoreOptions::default() }
}

pub(crate) fn config() -> ServerConfig {
    // Tests ask faster than people do; what limits do is shown in `limits`.
    let limits = CallerLimits {
        requests_per_second: 100_000,
        requests_burst: 100_000,
        ..ServerConfig::default().limits
    };
    ServerConfig { listen: ([127, 0, 0, 1], 0).into(), limits, ..ServerConfig::default() }
}

/// Who may look, in a data directory: nobody yet.
pub(crate) fn access(dir: &std::path::Path) -> AccessOptions {
    AccessOptions {
        store: Arc::new(AccessStore::open(dir).unwrap()),
        journal: Arc::new(Journal::open(dir).unwrap()),
        rules: Rules::default(),
        provider: None,
        bearers: Bearers::new(Vec::new()).unwrap(),
        sessions: SessionLimits::default(),
        has_way_in: true,
        is_demo: false,
    }
}

/// Nothing is watched for in a data directory, but findings can be written down.
pub(crate) fn unwatched(dir: &std::path::Path) -> DetectOptions {
    let book = Arc::new(Book::open(dir).unwrap());
    DetectOptions {
        book,
        settings: Settings::default(),
        placeholders: Placeholders::default(),
        watch: None,
        deliver: DeliverOptions::default(),
    }
}

impl Server {
    /// A demo, so that requests without credentials are an administrator's.
    pub(crate) fn start() -> Server {
        Server::with(store_options(), config())
    }

    /// As [`Server::start`], as told.
    pub(crate) fn with(options: StoreOptions, config: ServerConfig) -> Server {
        Server::with_access(options, config, |access| access.is_demo = true)
    }

    /// A server that lets in whom it knows.
    pub(crate) fn guarded() -> Server {
        Server::with_access(store_options(), config(), |_| {})
    }

    /// A server with other settings of access.
    pub(crate) fn with_access(
        options: StoreOptions,
        config: ServerConfig,
        change: impl FnOnce(&mut AccessOptions),
    ) -> Server {
        let dir = tempfile::tempdir().unwrap();
        let mut access = access(dir.path());
        change(&mut access);
        let (people, journal) = (access.store.clone(), access.journal.clone());
        let store = Arc::new(Store::open(dir.path(), options).unwrap());
        let watched = unwatched(dir.path());
        let book = watched.book.clone();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (told, tell) = std::sync::mpsc::channel();
        let own = store.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let bound = bind(config, own, access, watched).await.unwrap();
                told.send(bound.local_addr()).unwrap();
                let stopped = async { stopped.await.unwrap_or_default() };
                bound.serve(stopped).await;
            });
        });
        let (stop, thread) = (Some(stop), Some(thread));
        let address = tell.recv().unwrap();
        Server { address, store, people, journal, book, stop, thread, dir }
    }

    /// The accounts and tokens, as another process opens them.
    pub(crate) fn beside(&self) -> AccessStore {
        AccessStore::open(self.dir.path()).unwrap()
    }

    /// A token of nobody with these permissions, by commas.
    pub(crate) fn token(&self, permissions: &str) -> String {
        self.token_for(permissions, Scope::WHOLE)
    }

    /// A token of nobody for a part of the log.
    pub(crate) fn token_for(&self, permissions: &str, scope: Scope) -> String {
        let now = Timestamp::now();
        let new = NewToken {
            name: format!("test {permissions} {}", now.micros),
            permissions: permissions.split(',').map(str::to_owned).collect(),
            scope,
            owner: None,
            expires: None,
        };
        self.people.create_token(&new, now).unwrap().1
    }

    /// A request with a bearer token.
    pub(crate) fn get_as(&self, token: &str, target: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        client::request(self.address, "GET", target, &[("Authorization", &bearer)], b"")
    }

    /// Tells the server to stop.
    pub(crate) fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    /// Waits until it has stopped.
    pub(crate) fn join(&mut self) {
        self.thread.take().unwrap().join().unwrap();
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        client::get(self.address, target)
    }

    /// The answer to a question that has one.
    pub(crate) fn json(&self, target: &str) -> Value {
        let answer = self.get(target);
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        answer.json()
    }

    /// Status and code of an error.
    pub(crate) fn error(&self, target: &str) -> (u16, String) {
        let answer = self.get(target);
        assert!(answer.status >= 400, "{target}: {}", answer.text());
        answer.error()
    }

    /// Pushes records, one a line, all of which must be taken.
    pub(crate) fn push(&self, records: &[Value]) -> Value {
        let answer = client::post_json(self.address, "/api/ingest/diagnostic", &lines(records));
        assert_eq!(answer.status, 202, "{}", answer.text());
        let counts = answer.json();
        assert_eq!(counts["rejectedCount"], 0, "{counts}");
        counts
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

pub(crate) fn lines(records: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    for record in records {
        out.extend(record.to_string().as_bytes());
        out.push(b'\n');
    }
    out
}

pub(crate) fn id(number: u32) -> String {
    format!("{number:08x}-0000-4000-8000-000000000000")
}

/// `2026-03-02T12:00:00.0000000Z` and so many seconds more.
pub(crate) fn time(seconds: i64) -> String {
    durward_model::Timestamp::from_micros((NOON + seconds) * 1_000_000).to_rfc3339()
}

/// A diagnostic record: its number says user, application and result.
pub(crate) fn record(number: u32, seconds: i64, category: &str) -> Value {
    let code = [0, 0, 50126, 50074][number as usize % 4];
    let is_user = category.contains("SignInLogs") && !category.contains("Service");
    json!({
        "time": time(seconds + 60),
        "resourceId": "/tenants/11111111-2222-4333-8444-555555555555/providers/Microsoft.aadiam",
        "operationName": "Sign-in activity",
        "category": category,
        "tenantId": "11111111-2222-4333-8444-555555555555",
        "resultType": code.to_string(),
        "properties": {
            "id": id(number),
            "createdDateTime": time(seconds),
            "userPrincipalName": if is_user { format!("user{}@x.example", number % 7) } else { String::new() },
            "userDisplayName": if is_user { format!("User \"{}\", ü", number % 7) } else { String::new() },
            "userId": if is_user { id(9000 + number % 7) } else { String::new() },
            "servicePrincipalName": if is_user { "" } else { "worker" },
            "servicePrincipalId": if is_user { String::new() } else { id(8000) },
            "appId": id(7000 + number % 3),
            "appDisplayName": format!("App {}", number % 3),
            "resourceDisplayName": "Microsoft Graph",
            "resourceId": id(6000),
            "ipAddress": format!("203.0.113.{}", number % 5),
            "clientAppUsed": "Browser",
            "correlationId": id(5000 + number),
            "conditionalAccessStatus": "notApplied",
            "isInteractive": category == INTERACTIVE,
            "status": { "errorCode": code },
            "riskState": "none",
            "crossTenantAccessType": "passthrough",
            "location": { "city": "Vigo", "countryOrRegion": "ES" },
            "authenticationDetails": [{ "authenticationMethod": "Password", "succeeded": code == 0 }],
        },
    })
}

pub(crate) const INTERACTIVE: &str = "SignInLogs";
pub(crate) const NON_INTERACTIVE: &str = "NonInteractiveUserSignInLogs";
pub(crate) const SERVICE_PRINCIPAL: &str = "ServicePrincipalSignInLogs";

/// Interactive sign-ins with these numbers, a minute apart, the largest number the newest.
pub(crate) fn interactive(numbers: std::ops::Range<u32>) -> Vec<Value> {
    numbers.map(|number| record(number, i64::from(number) * 60, INTERACTIVE)).collect()
}

/// The `id`s of a page.
pub(crate) fn ids(page: &Value) -> Vec<String> {
    let rows = page["value"].as_array().expect("value");
    rows.iter().map(|row| row["id"].as_str().expect("id").to_owned()).collect()
}
