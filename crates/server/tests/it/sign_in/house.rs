//! A server with accounts, and browsers that keep cookies.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use durward_access::{
    AccessStore, Hasher, LinkPurpose, NewPerson, Person, Role, Rules, SessionLimits,
};
use durward_journal::Journal;
use durward_model::Timestamp;
use durward_oidc::Bearers;
use durward_server::{AccessOptions, CallerLimits, ServerConfig, SignInProvider, bind};
use durward_store::Store;
use serde_json::Value;

use crate::client::{self, Answer};
use crate::fixture::{config, store_options};

pub(super) const PASSWORD: &str = "correct horse battery";

/// A running server; stops when dropped.
pub(super) struct House {
    pub(super) address: SocketAddr,
    pub(super) store: Arc<Store>,
    pub(super) people: Arc<AccessStore>,
    pub(super) journal: Arc<Journal>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
    dir: tempfile::TempDir,
}

impl House {
    pub(super) fn open() -> House {
        House::with(Rules::default(), None)
    }

    /// As many requests as there are: limits of callers are tested elsewhere. What the proxy on
    /// this machine says is believed, so that tests come from many addresses.
    pub(super) fn with(rules: Rules, provider: Option<SignInProvider>) -> House {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(dir.path(), store_options()).unwrap());
        let people = Arc::new(AccessStore::open(dir.path()).unwrap());
        let journal = Arc::new(Journal::open(dir.path()).unwrap());
        let (stop, thread, address) = serve(&store, dir.path(), &people, &journal, rules, provider);
        let (stop, thread) = (Some(stop), Some(thread));
        House { address, store, people, journal, stop, thread, dir }
    }

    /// Stops the server, after which everything is written, and starts another one on what it left.
    pub(super) fn reopen(&mut self) {
        self.close();
        let (stop, thread, address) = serve(
            &self.store,
            self.dir.path(),
            &self.people,
            &self.journal,
            Rules::default(),
            None,
        );
        (self.stop, self.thread, self.address) = (Some(stop), Some(thread), address);
    }

    fn close(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    /// A local account.
    pub(super) fn person(&self, name: &str, roles: &[Role]) -> Person {
        let permit = Hasher::default().try_enter(true).unwrap();
        let new = NewPerson {
            name: name.to_owned(),
            roles: roles.to_vec(),
            password: Some(permit.hash(name, PASSWORD).unwrap()),
            ..NewPerson::default()
        };
        self.people.create_local(&new, Timestamp::now()).unwrap()
    }

    pub(super) fn link(&self, purpose: &LinkPurpose) -> String {
        let secret = self.people.create_link(purpose, Timestamp::now()).unwrap();
        format!("/welcome/{secret}")
    }

    pub(super) fn browser(&self) -> Browser {
        self.browser_at("192.0.2.1")
    }

    pub(super) fn browser_at(&self, from: &str) -> Browser {
        Browser { address: self.address, from: from.to_owned(), cookies: BTreeMap::new() }
    }

    /// Somebody who has signed in.
    pub(super) fn signed_in(&self, name: &str) -> Browser {
        let mut browser = self.browser();
        let answer = browser.sign_in(name, PASSWORD);
        assert_eq!(answer.status, 303, "{}", answer.text());
        browser
    }

    /// durward's own sign-ins that match a filter in the short form, read by an administrator.
    pub(super) fn own_events(&self, filter: &str) -> Vec<Value> {
        let mut admin = self.signed_in("ada");
        let filter = encoded(filter);
        let target = format!("/api/security/sign-in-logs?type=all&limit=1000&filter={filter}");
        let answer = admin.get(&target);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["value"].as_array().unwrap().clone()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}

type Running = (tokio::sync::oneshot::Sender<()>, std::thread::JoinHandle<()>, SocketAddr);

fn serve(
    store: &Arc<Store>,
    dir: &std::path::Path,
    people: &Arc<AccessStore>,
    journal: &Arc<Journal>,
    rules: Rules,
    provider: Option<SignInProvider>,
) -> Running {
    let options = AccessOptions {
        store: people.clone(),
        journal: journal.clone(),
        rules,
        provider,
        bearers: Bearers::new(Vec::new()).unwrap(),
        sessions: SessionLimits::default(),
        has_way_in: true,
        is_demo: false,
    };
    let limits = CallerLimits {
        requests_per_second: 1_000_000,
        requests_burst: 1_000_000,
        requests_at_once: 1000,
    };
    let proxies = vec!["127.0.0.1/32".parse().unwrap()];
    let config = ServerConfig { limits, proxies, ..config() };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (told, tell) = std::sync::mpsc::channel();
    let store = store.clone();
    let watched = crate::fixture::unwatched(dir);
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let bound = bind(config, store, options, watched).await.unwrap();
            told.send(bound.local_addr()).unwrap();
            bound.serve(async { stopped.await.unwrap_or_default() }).await;
        });
    });
    (stop, thread, tell.recv().unwrap())
}

/// A browser: keeps cookies, does not follow redirects.
#[derive(Clone)]
pub(super) struct Browser {
    address: SocketAddr,
    from: String,
    pub(super) cookies: BTreeMap<String, String>,
}

impl Browser {
    pub(super) fn get(&mut self, target: &str) -> Answer {
        self.send("GET", target, &[], b"")
    }

    /// Posts a form, with the session's token if the page that leads there has one.
    pub(super) fn post(&mut self, target: &str, fields: &[(&str, &str)]) -> Answer {
        let has_session = self.cookie("session").is_some();
        let csrf = if has_session { self.csrf() } else { None };
        let mut fields = fields.to_vec();
        if let Some(csrf) = &csrf {
            fields.push(("csrf", csrf));
        }
        self.post_as_is(target, &fields)
    }

    /// Posts a form of just these fields.
    pub(super) fn post_as_is(&mut self, target: &str, fields: &[(&str, &str)]) -> Answer {
        let pairs: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let kind = ("Content-Type", "application/x-www-form-urlencoded");
        self.send("POST", target, &[kind], pairs.join("&").as_bytes())
    }

    pub(super) fn sign_in(&mut self, name: &str, password: &str) -> Answer {
        self.post_as_is("/sign-in", &[("name", name), ("password", password), ("return", "/me")])
    }

    /// The session's token, from a page that everybody with an account may see.
    pub(super) fn csrf(&mut self) -> Option<String> {
        let page = self.get("/signed-out");
        Some(between(page.text(), "name=\"csrf\" value=\"", "\"")?.to_owned())
    }

    pub(super) fn cookie(&self, purpose: &str) -> Option<&str> {
        let name = format!("durward-{purpose}-{}", self.address.port());
        self.cookies.get(&name).map(String::as_str)
    }

    pub(super) fn set_cookie(&mut self, purpose: &str, value: &str) {
        let name = format!("durward-{purpose}-{}", self.address.port());
        self.cookies.insert(name, value.to_owned());
    }

    pub(super) fn send(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let from = self.from.clone();
        let mut headers = headers.to_vec();
        headers.push(("X-Forwarded-For", &from));
        if !cookies.is_empty() {
            headers.push(("Cookie", &cookies));
        }
        let answer = client::request(self.address, method, target, &headers, body);
        for (name, value) in &answer.headers {
            if name.eq_ignore_ascii_case("set-cookie") {
                let pair = value.split(';').next().unwrap();
                let (name, content) = pair.split_once('=').unwrap();
                match value.contains("Max-Age=0") {
                    true => self.cookies.remove(name),
                    false => self.cookies.insert(name.to_owned(), content.to_owned()),
                };
            }
        }
        answer
    }
}

/// As in a form.
pub(super) fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let one = |byte: u8| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

/// What is between two texts.
pub(super) fn between<'t>(text: &'t str, start: &str, end: &str) -> Option<&'t str> {
    Some(text.split_once(start)?.1.split_once(end)?.0)
}
