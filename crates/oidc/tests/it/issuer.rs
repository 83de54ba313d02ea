//! An issuer to be held against: says what a test wants it to say, and counts what it is asked.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use durward_oidc::Clock;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::keys::Key;

/// The beginning of time in these tests.
pub(crate) const START: u64 = 1_800_000_000;

/// A clock that is moved by hand.
#[derive(Clone)]
pub(crate) struct Hand(Arc<AtomicU64>);

impl Hand {
    pub(crate) fn new() -> Hand {
        Hand(Arc::new(AtomicU64::new(START)))
    }

    pub(crate) fn clock(&self) -> Clock {
        let seconds = Arc::clone(&self.0);
        Clock::new(move || {
            SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.load(Ordering::Relaxed))
        })
    }

    pub(crate) fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn wait(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

/// What one path answers.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) location: Option<String>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(value: &Value) -> Answer {
        Answer { status: StatusCode::OK, location: None, body: value.to_string() }
    }

    pub(crate) fn status(status: StatusCode) -> Answer {
        Answer { status, location: None, body: "{}".to_owned() }
    }
}

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
    pub(crate) body: String,
}

#[derive(Default)]
struct Shared {
    answers: Mutex<HashMap<String, Answer>>,
    asked: Mutex<Vec<Asked>>,
}

/// The issuer. Serves as long as the test's runtime runs.
pub(crate) struct Issuer {
    pub(crate) url: String,
    shared: Arc<Shared>,
}

impl Issuer {
    /// An issuer that publishes these keys.
    pub(crate) async fn start(keys: &[&Key]) -> Issuer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::<Shared>::default();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let issuer = Issuer { url, shared };
        issuer.set("/.well-known/openid-configuration", Answer::json(&issuer.metadata()));
        issuer.publish(keys);
        issuer
    }

    /// What it says of itself.
    pub(crate) fn metadata(&self) -> Value {
        let url = |path: &str| format!("{}{path}", self.url);
        json!({
            "issuer": self.url,
            "authorization_endpoint": url("/authorize"),
            "token_endpoint": url("/token"),
            "jwks_uri": url("/keys"),
            "end_session_endpoint": url("/logout"),
        })
    }

    /// Changes what it says of itself.
    pub(crate) fn describe(&self, changes: Value) {
        let mut metadata = self.metadata();
        for (name, value) in changes.as_object().unwrap() {
            metadata[name] = value.clone();
        }
        self.set("/.well-known/openid-configuration", Answer::json(&metadata));
    }

    pub(crate) fn publish(&self, keys: &[&Key]) {
        let keys: Vec<Value> = keys.iter().map(|key| key.public()).collect();
        self.set("/keys", Answer::json(&json!({ "keys": keys })));
    }

    /// What the next sign-ins get.
    pub(crate) fn hand_out(&self, id_token: &str) {
        let answer = json!({
            "access_token": "an access token", "token_type": "Bearer", "expires_in": 300,
            "id_token": id_token,
        });
        self.set("/token", Answer::json(&answer));
    }

    pub(crate) fn set(&self, path: &str, answer: Answer) {
        self.shared.answers.lock().unwrap().insert(path.to_owned(), answer);
    }

    /// What it was asked at a path.
    pub(crate) fn asked(&self, path: &str) -> Vec<Asked> {
        let asked = self.shared.asked.lock().unwrap();
        asked.iter().filter(|asked| asked.path == path).cloned().collect()
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> Response {
    let authorization = headers.get(header::AUTHORIZATION);
    let authorization = authorization.map(|value| value.to_str().unwrap().to_owned());
    let path = uri.path().to_owned();
    let answer = shared.answers.lock().unwrap().get(&path).cloned();
    shared.asked.lock().unwrap().push(Asked { path, authorization, body });
    let Some(answer) = answer else { return StatusCode::NOT_FOUND.into_response() };
    let mut response = (answer.status, answer.body).into_response();
    let json = "application/json".parse().unwrap();
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    if let Some(location) = answer.location {
        response.headers_mut().insert(header::LOCATION, location.parse().unwrap());
    }
    response
}
