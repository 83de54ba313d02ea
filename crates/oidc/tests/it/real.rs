//! Against a certified provider, `oidc-provider` of npm, which is run with Node.js.
//!
//! `cargo xtask test --external` installs it and says where it is in `DURWARD_NODE_MODULES`.
//! Without that there is nothing to run here.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use durward_oidc::{
    BearerConfig, BearerError, Bearers, Callback, Clock, OidcError, Pending, Provider,
    ProviderConfig, Secret, SignedIn,
};
use openidconnect::url::Url;
use reqwest::{Client, Response, header, redirect};
use serde_json::{Value, json};

const BACK: &str = "http://127.0.0.1:9/auth/callback";
const SIGNED_OUT: &str = "http://127.0.0.1:9/signed-out";

/// The provider as a process, stopped when dropped.
struct RealProvider {
    child: Child,
    ready: Value,
    browser: Browser,
}

impl Drop for RealProvider {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing else to do about it here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl RealProvider {
    /// Nothing where it is not installed.
    #[expect(
        clippy::explicit_write,
        reason = "the harness shows only of failed tests what it captures"
    )]
    fn start() -> Option<RealProvider> {
        let Some(modules) = std::env::var_os("DURWARD_NODE_MODULES") else {
            let note = "skipped: DURWARD_NODE_MODULES does not say where oidc-provider is";
            writeln!(std::io::stderr(), "{note}").unwrap();
            return None;
        };
        let crates = std::env::var_os("CARGO_MANIFEST_DIR").unwrap();
        let script = Path::new(&crates).join("../durward/tests/external/oidc_provider.cjs");
        let mut child = Command::new("node")
            .arg(script)
            .args(["--redirect", BACK, "--post-logout", SIGNED_OUT])
            .env("NODE_PATH", modules)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).unwrap();
        Some(RealProvider { child, ready, browser: Browser::new() })
    }

    fn text(&self, name: &str) -> String {
        self.ready[name].as_str().unwrap().to_owned()
    }

    /// Tells it to do something that is for tests only.
    async fn tell(&self, what: &str, body: Value) -> Value {
        let url = format!("{}/test/{what}", self.text("issuer"));
        let request = self.browser.client.post(url).body(body.to_string());
        let response = request.send().await.unwrap().error_for_status().unwrap();
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
    }
}

/// As much of a browser as signing in needs: one jar of cookies, and redirects followed by hand.
struct Browser {
    client: Client,
    cookies: std::sync::Mutex<BTreeMap<String, String>>,
}

impl Browser {
    fn new() -> Browser {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().redirect(redirect::Policy::none()).no_proxy();
        Browser { client: client.build().unwrap(), cookies: Default::default() }
    }

    async fn send(&self, url: &str, form: Option<&str>) -> Response {
        let jar: Vec<_> = {
            let cookies = self.cookies.lock().unwrap();
            cookies.iter().map(|(name, value)| format!("{name}={value}")).collect()
        };
        let request = match form {
            Some(form) => {
                let kind = "application/x-www-form-urlencoded";
                self.client.post(url).header(header::CONTENT_TYPE, kind).body(form.to_owned())
            }
            None => self.client.get(url),
        };
        let response = request.header(header::COOKIE, jar.join("; ")).send().await.unwrap();
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            self.cookies.lock().unwrap().insert(name.to_owned(), value.to_owned());
        }
        response
    }

    /// Goes where it is sent until that is an address of ours, filling in forms on the way.
    async fn walk(&self, url: &str, until: &str, form: &str) -> Url {
        let mut url = Url::parse(url).unwrap();
        for _ in 0..10 {
            if url.as_str().starts_with(until) {
                return url;
            }
            let mut response = self.send(url.as_str(), None).await;
            if response.status().is_success() {
                response = self.send(url.as_str(), Some(form)).await;
            }
            let status = response.status();
            let Some(location) = response.headers().get(header::LOCATION) else {
                panic!("{status} at {url}: {}", response.text().await.unwrap());
            };
            url = url.join(location.to_str().unwrap()).unwrap();
        }
        panic!("goes in circles: {url}");
    }
}

struct Stage {
    real: RealProvider,
    provider: Provider,
    bearers: Bearers,
    /// How far our clock is ahead, so that nobody needs to wait.
    ahead: Arc<AtomicU64>,
}

impl Stage {
    fn start() -> Option<Stage> {
        let real = RealProvider::start()?;
        let ahead = Arc::<AtomicU64>::default();
        let seconds = Arc::clone(&ahead);
        let clock = Clock::new(move || {
            SystemTime::now() + Duration::from_secs(seconds.load(Ordering::Relaxed))
        });
        let mut config = ProviderConfig::new(real.text("issuer"), real.text("client_id"));
        config.client_secret = Some(Secret::new(real.text("client_secret")));
        let provider = Provider::with_clock(config, clock.clone()).unwrap();
        let bearer = BearerConfig::new(real.text("issuer"), vec![real.text("audience")]);
        let bearers = Bearers::with_clock(vec![bearer], clock).unwrap();
        Some(Stage { real, provider, bearers, ahead })
    }

    fn wait(&self, seconds: u64) {
        self.ahead.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Walks through the provider's pages; gives what [`Provider::finish`] takes.
    async fn walk(&self, login: &str) -> (String, String, Pending) {
        let begin = self.provider.begin(BACK).await.unwrap();
        let form = format!("login={login}&password=any");
        let back = self.real.browser.walk(&begin.url, BACK, &form).await;
        let get = |name: &str| {
            let found = back.query_pairs().find(|(key, _)| key == name);
            found.unwrap_or_else(|| panic!("no {name} in {back}")).1.into_owned()
        };
        assert_eq!(get("state"), begin.state);
        let pending = Pending { nonce: begin.nonce, pkce_verifier: begin.pkce_verifier };
        (get("code"), get("iss"), pending)
    }

    async fn sign_in(&self, login: &str) -> Result<SignedIn, OidcError> {
        self.real.browser.cookies.lock().unwrap().clear();
        let (code, iss, pending) = self.walk(login).await;
        self.provider.finish(BACK, Callback { code: &code, iss: Some(&iss) }, pending).await
    }
}

#[tokio::test]
async fn somebody_signs_in_and_out() {
    let Some(stage) = Stage::start() else { return };
    let signed_in = stage.sign_in("reader").await.unwrap();
    assert_eq!(signed_in.subject, "reader");
    assert_eq!(signed_in.issuer, stage.real.text("issuer"));
    assert_eq!(signed_in.claims["roles"], json!(["Durward.SecurityReader"]));
    assert_eq!(signed_in.claims["groups"], json!(["group-readers"]));
    assert_eq!(signed_in.claims["preferred_username"], "demo.reader@example.com");

    // A code is good for one exchange, by who began.
    let (code, iss, pending) = stage.walk("reader").await;
    let again =
        Pending { nonce: pending.nonce.clone(), pkce_verifier: pending.pkce_verifier.clone() };
    let callback = Callback { code: &code, iss: Some(&iss) };
    stage.provider.finish(BACK, callback, pending).await.unwrap();
    let error = stage.provider.finish(BACK, callback, again).await.unwrap_err();
    assert!(
        matches!(&error, OidcError::Refused { code, .. } if code == "invalid_grant"),
        "{error}"
    );
    let (code, iss, mut pending) = stage.walk("reader").await;
    pending.pkce_verifier = stage.provider.begin(BACK).await.unwrap().pkce_verifier;
    let callback = Callback { code: &code, iss: Some(&iss) };
    let error = stage.provider.finish(BACK, callback, pending).await.unwrap_err();
    assert!(matches!(error, OidcError::Refused { .. }), "{error}");
    let (code, _, pending) = stage.walk("reader").await;
    let error = stage.provider.finish(BACK, Callback { code: &code, iss: None }, pending).await;
    assert!(matches!(error, Err(OidcError::WrongIssuer)), "it says that it sends iss");

    let hint = Some(signed_in.id_token.as_str());
    let url = stage.provider.logout_url(hint, SIGNED_OUT, "a-state").await.unwrap();
    let page = stage.real.browser.send(&url, None).await.text().await.unwrap();
    let (_, rest) = page.split_once("name=\"xsrf\" value=\"").unwrap();
    let form = format!("xsrf={}&logout=yes", rest.split('"').next().unwrap());
    let confirm = format!("{}/session/end/confirm", stage.real.text("issuer"));
    let response = stage.real.browser.send(&confirm, Some(&form)).await;
    let location = response.headers()[header::LOCATION].to_str().unwrap();
    assert_eq!(location, format!("{SIGNED_OUT}?state=a-state"));
}

#[tokio::test]
async fn keys_are_exchanged_while_running() {
    let Some(stage) = Stage::start() else { return };
    stage.sign_in("reader").await.unwrap();
    for keep in [true, false] {
        stage.wait(10);
        stage.real.tell("rotate", json!({ "keep": keep })).await;
        stage.sign_in("reader").await.unwrap();
    }
    stage.real.tell("next-id-token", json!({ "key": "previous" })).await;
    let outcome = stage.sign_in("reader").await;
    assert!(matches!(outcome, Err(OidcError::UnknownKey | OidcError::BadSignature)), "{outcome:?}");
}

#[tokio::test]
async fn hostile_id_tokens_are_refused() {
    let Some(stage) = Stage::start() else { return };
    let public = |secret: &str| json!({ "header": { "alg": "HS256" }, "secret": secret });
    for (twist, expected) in [
        (json!({ "claims": { "aud": "other" } }), OidcError::WrongAudience),
        (json!({ "claims": { "iss": "https://other.example" } }), OidcError::WrongIssuer),
        (json!({ "claims": { "nonce": "other" } }), OidcError::WrongNonce),
        (json!({ "claims": { "exp": 1_000_000_000 } }), OidcError::Expired),
        (json!({ "claims": { "at_hash": "other" } }), OidcError::WrongAccessToken),
        (json!({ "header": { "alg": "none" } }), OidcError::Algorithm),
        (public("pem"), OidcError::Algorithm),
        (public("jwk"), OidcError::Algorithm),
        (public("client"), OidcError::Algorithm),
        (json!({ "key": "stranger" }), OidcError::UnknownKey),
        (json!({ "signature": "AAAA" }), OidcError::BadSignature),
    ] {
        stage.real.tell("next-id-token", twist.clone()).await;
        let error = stage.sign_in("reader").await.expect_err(&twist.to_string());
        assert_eq!(error.to_string(), expected.to_string(), "{twist}");
    }
    // The twist that changes nothing shows that refusals are not for something else.
    stage.real.tell("next-id-token", json!({})).await;
    stage.sign_in("reader").await.unwrap();
}

#[tokio::test]
async fn access_tokens() {
    let Some(stage) = Stage::start() else { return };
    let client = &stage.real.browser.client;
    let request = client
        .post(format!("{}/token", stage.real.text("issuer")))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        // The name and secret are percent-encoded within the header, as OAuth has it.
        .basic_auth("durward", Some("a+secret+of+the+tests+only%3A+%2B%2F%25"))
        .body("grant_type=client_credentials&resource=urn:durward&scope=AuditLog.Read.All");
    let answer = request.send().await.unwrap().error_for_status().unwrap();
    let answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    let token = answer["access_token"].as_str().unwrap();
    let claims = stage.bearers.validate(token).await.unwrap();
    assert!(claims.is_app_only);
    assert_eq!(claims.app_id.as_deref(), Some("durward"));
    assert_eq!(claims.roles, ["AuditLog.Read.All"]);
    assert_eq!(claims.scopes, ["AuditLog.Read.All"]);

    let id_token = stage.sign_in("reader").await.unwrap().id_token;
    let error = stage.bearers.validate(&id_token).await.unwrap_err();
    assert_eq!(error, BearerError::NotAnAccessToken);

    for (twist, expected) in [
        (json!({ "claims": { "aud": "other" } }), BearerError::WrongAudience),
        (json!({ "claims": { "exp": 1_000_000_000 } }), BearerError::Expired),
        (json!({ "claims": { "iss": "https://other.example" } }), BearerError::UnknownIssuer),
        (json!({ "header": { "alg": "none" } }), BearerError::Algorithm),
        (json!({ "header": { "alg": "HS256" }, "secret": "pem" }), BearerError::Algorithm),
        (json!({ "header": { "alg": "HS256" }, "secret": "jwk" }), BearerError::Algorithm),
        (json!({ "key": "stranger" }), BearerError::UnknownKey),
        (json!({ "signature": "AAAA" }), BearerError::BadSignature),
    ] {
        let minted = stage.real.tell("mint", twist.clone()).await;
        let outcome = stage.bearers.validate(minted["token"].as_str().unwrap()).await;
        assert_eq!(outcome, Err(expected), "{twist}");
    }
    let minted = stage.real.tell("mint", json!({ "claims": { "scp": "a b" } })).await;
    let claims = stage.bearers.validate(minted["token"].as_str().unwrap()).await.unwrap();
    assert_eq!(claims.scopes, ["a", "b"]);
}
