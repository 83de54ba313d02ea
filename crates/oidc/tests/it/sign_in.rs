//! Signing people in.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use axum::http::StatusCode;
use durward_oidc::{
    Begin, Callback, OidcError, Pending, Provider, ProviderConfig, Secret, SignedIn,
};
use jsonwebtoken::Algorithm;
use openidconnect::core::CoreJwsSigningAlgorithm as Jws;
use openidconnect::url::Url;
use openidconnect::{AccessToken, AccessTokenHash, PkceCodeChallenge, PkceCodeVerifier};
use serde_json::{Value, json};

use crate::issuer::{Answer, Hand, Issuer, START};
use crate::keys::{Key, signed_with_public_key, tampered, unsigned};

const CLIENT: &str = "durward";
const BACK: &str = "https://durward.example/auth/callback";

struct Stage {
    issuer: Issuer,
    provider: Provider,
    hand: Hand,
    key: Key,
}

impl Stage {
    async fn new(algorithm: Algorithm) -> Stage {
        let key = Key::new("first", algorithm);
        let issuer = Issuer::start(&[&key]).await;
        Stage::with(issuer, key, |_| {})
    }

    fn with(issuer: Issuer, key: Key, change: impl FnOnce(&mut ProviderConfig)) -> Stage {
        let mut config = ProviderConfig::new(&issuer.url, CLIENT);
        config.client_secret = Some(Secret::new("s3cret".to_owned()));
        change(&mut config);
        let hand = Hand::new();
        let provider = Provider::with_clock(config, hand.clock()).unwrap();
        Stage { issuer, provider, hand, key }
    }

    /// Claims of a proper ID token, with changes; `null` takes one away.
    fn claims(&self, begin: &Begin, changes: Value) -> Value {
        let mut claims = json!({
            "iss": self.issuer.url, "sub": "subject-1", "aud": CLIENT, "nonce": begin.nonce,
            "iat": self.hand.now(), "exp": self.hand.now() + 600,
            "oid": "object-1", "roles": ["Durward.SecurityReader"],
        });
        let claims_map = claims.as_object_mut().unwrap();
        claims_map.extend(changes.as_object().unwrap().clone());
        claims_map.retain(|_, value| !value.is_null());
        claims
    }

    async fn begin(&self) -> Begin {
        self.provider.begin(BACK).await.unwrap()
    }

    async fn finish(&self, begin: Begin) -> Result<SignedIn, OidcError> {
        let pending = Pending { nonce: begin.nonce, pkce_verifier: begin.pkce_verifier };
        let callback = Callback { code: "a code", iss: None };
        self.provider.finish(BACK, callback, pending).await
    }

    /// A whole sign-in that ends with the token made from the changed claims.
    async fn sign_in(
        &self,
        changes: Value,
        token: impl FnOnce(&Value) -> String,
    ) -> Result<SignedIn, OidcError> {
        let begin = self.begin().await;
        self.issuer.hand_out(&token(&self.claims(&begin, changes)));
        self.finish(begin).await
    }

    async fn signed(&self, changes: Value) -> Result<SignedIn, OidcError> {
        self.sign_in(changes, |claims| self.key.sign(claims)).await
    }

    fn fetched_keys(&self) -> usize {
        self.issuer.asked("/keys").len()
    }
}

#[track_caller]
fn assert_refused(outcome: Result<SignedIn, OidcError>, expected: &OidcError) {
    let error = outcome.expect_err("must be refused");
    assert_eq!(error.to_string(), expected.to_string(), "{error:?}");
}

#[tokio::test]
async fn somebody_signs_in() {
    let stage = Stage::new(Algorithm::RS256).await;
    let begin = stage.begin().await;
    let url = Url::parse(&begin.url).unwrap();
    assert!(begin.url.starts_with(&format!("{}/authorize?", stage.issuer.url)), "{}", begin.url);
    let asked: HashMap<_, _> = url.query_pairs().into_owned().collect();
    let verifier = PkceCodeVerifier::new(begin.pkce_verifier.clone());
    let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", CLIENT),
        ("redirect_uri", BACK),
        ("scope", "openid profile email"),
        ("state", &begin.state),
        ("nonce", &begin.nonce),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(asked.get(name).map(String::as_str), Some(value), "{name}");
    }
    let other = stage.begin().await;
    assert!(begin.state != other.state && begin.nonce != other.nonce, "new each time");
    assert_ne!(begin.pkce_verifier, other.pkce_verifier);

    let changes = json!({ "auth_time": START - 60, "custom": { "a": [1] } });
    let claims = stage.claims(&begin, changes);
    let id_token = stage.key.sign(&claims);
    stage.issuer.hand_out(&id_token);
    let verifier = begin.pkce_verifier.clone();
    let signed_in = stage.finish(begin).await.unwrap();
    assert_eq!(signed_in.issuer, stage.issuer.url);
    assert_eq!(signed_in.subject, "subject-1");
    assert_eq!(Value::Object(signed_in.claims), claims, "as they were signed");
    assert_eq!(signed_in.id_token, id_token);
    let auth_time = SystemTime::UNIX_EPOCH + Duration::from_secs(START - 60);
    assert_eq!(signed_in.auth_time, Some(auth_time));
    assert!(!signed_in.groups_overage);

    let exchange = &stage.issuer.asked("/token")[0];
    let form = Url::parse(&format!("https://x.example/?{}", exchange.body)).unwrap();
    let form: HashMap<_, _> = form.query_pairs().into_owned().collect();
    assert_eq!(form["grant_type"], "authorization_code");
    assert_eq!(form["code"], "a code");
    assert_eq!(form["redirect_uri"], BACK);
    assert_eq!(form["code_verifier"], verifier);
    assert!(!form.contains_key("client_secret"), "it goes into the header");
    assert_eq!(exchange.authorization.as_deref(), Some("Basic ZHVyd2FyZDpzM2NyZXQ="));
}

/// Handlers of HTTP requests move between threads.
#[tokio::test]
async fn signing_in_may_move_between_threads() {
    fn assert_send(_: &impl Send) {}
    let stage = Stage::new(Algorithm::EdDSA).await;
    let begin = stage.provider.begin(BACK);
    assert_send(&begin);
    let begin = begin.await.unwrap();
    let pending = Pending { nonce: begin.nonce, pkce_verifier: begin.pkce_verifier };
    assert_send(&stage.provider.finish(BACK, Callback { code: "c", iss: None }, pending));
    assert_send(&stage.provider.logout_url(None, BACK, "s"));
}

#[tokio::test]
async fn the_secret_goes_where_the_provider_takes_it() {
    let stage = Stage::new(Algorithm::EdDSA).await;
    let methods = ["client_secret_post", "private_key_jwt"];
    stage.issuer.describe(json!({ "token_endpoint_auth_methods_supported": methods }));
    stage.signed(json!({})).await.unwrap();
    let exchange = &stage.issuer.asked("/token")[0];
    assert_eq!(exchange.authorization, None);
    assert!(exchange.body.contains("client_secret=s3cret"), "{}", exchange.body);
}

#[tokio::test]
async fn each_algorithm_works() {
    for algorithm in [Algorithm::RS256, Algorithm::PS256, Algorithm::ES256, Algorithm::EdDSA] {
        let stage = Stage::new(algorithm).await;
        let signed_in = stage.signed(json!({})).await;
        assert_eq!(signed_in.unwrap().subject, "subject-1", "{algorithm:?}");
    }
}

#[tokio::test]
async fn tokens_with_wrong_claims_are_refused() {
    let stage = Stage::new(Algorithm::ES256).await;
    let future = stage.hand.now() + 121;
    for (changes, expected) in [
        (json!({ "aud": "other" }), OidcError::WrongAudience),
        (json!({ "aud": [CLIENT, "other"] }), OidcError::WrongAudience),
        (json!({ "aud": null }), OidcError::WrongAudience),
        (json!({ "azp": "other" }), OidcError::WrongAudience),
        (json!({ "iss": "https://other.example" }), OidcError::WrongIssuer),
        (json!({ "iss": format!("{}/", stage.issuer.url) }), OidcError::WrongIssuer),
        (json!({ "nonce": "other" }), OidcError::WrongNonce),
        (json!({ "nonce": null }), OidcError::WrongNonce),
        (json!({ "exp": stage.hand.now() - 120 }), OidcError::Expired),
        (json!({ "iat": future }), OidcError::NotYetValid),
        (json!({ "nbf": future }), OidcError::NotYetValid),
        (json!({ "nbf": "soon" }), OidcError::Malformed),
        (json!({ "exp": null }), OidcError::Malformed),
        (json!({ "sub": null }), OidcError::Malformed),
        (json!({ "at_hash": "AAAAAAAAAAAAAAAAAAAAAA" }), OidcError::WrongAccessToken),
    ] {
        println!("{changes}");
        assert_refused(stage.signed(changes).await, &expected);
    }
    stage.signed(json!({ "aud": [CLIENT], "azp": CLIENT })).await.unwrap();
}

#[tokio::test]
async fn the_access_token_belongs_to_the_id_token() {
    let stage = Stage::new(Algorithm::ES256).await;
    let key = serde_json::from_value(stage.key.public()).unwrap();
    let hash = |token: &str| {
        let token = AccessToken::new(token.to_owned());
        let key: &openidconnect::core::CoreJsonWebKey = &key;
        json!(AccessTokenHash::from_token(&token, &Jws::EcdsaP256Sha256, key).unwrap())
    };
    stage.signed(json!({ "at_hash": hash("an access token") })).await.unwrap();
    let outcome = stage.signed(json!({ "at_hash": hash("another") })).await;
    assert_refused(outcome, &OidcError::WrongAccessToken);
}

#[tokio::test]
async fn clocks_may_be_two_minutes_apart() {
    let stage = Stage::new(Algorithm::EdDSA).await;
    let now = stage.hand.now();
    stage.signed(json!({ "exp": now - 119 })).await.unwrap();
    stage.signed(json!({ "iat": now + 120, "nbf": now + 120 })).await.unwrap();
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let stage = Stage::new(Algorithm::RS256).await;
    let key = &stage.key;
    let outcome = stage.sign_in(json!({}), unsigned).await;
    assert_refused(outcome, &OidcError::Algorithm);

    let begin = stage.begin().await;
    let forged = signed_with_public_key(key, &stage.claims(&begin, json!({})));
    for token in forged {
        let begin = Begin { nonce: begin.nonce.clone(), ..stage.begin().await };
        stage.issuer.hand_out(&token);
        assert_refused(stage.finish(begin).await, &OidcError::Algorithm);
    }

    let outcome = stage.sign_in(json!({}), |claims| tampered(&key.sign(claims))).await;
    assert_refused(outcome, &OidcError::BadSignature);

    // A stranger who uses the name of the key, and one who uses an own name.
    let stranger = Key::new("first", Algorithm::ES256);
    let outcome = stage.sign_in(json!({}), |claims| stranger.sign(claims)).await;
    assert_refused(outcome, &OidcError::UnknownKey);
    let stranger = Key::new("stranger", Algorithm::EdDSA);
    let outcome = stage.sign_in(json!({}), |claims| stranger.sign(claims)).await;
    assert_refused(outcome, &OidcError::UnknownKey);

    // The key says that it is for RS256.
    let header = jsonwebtoken::Header { alg: Algorithm::PS256, ..key.header() };
    let outcome = stage.sign_in(json!({}), |claims| key.sign_with(&header, claims)).await;
    assert_refused(outcome, &OidcError::UnknownKey);
    // RS384 is not on the list.
    let header = jsonwebtoken::Header { alg: Algorithm::RS384, ..key.header() };
    let outcome = stage.sign_in(json!({}), |claims| key.sign_with(&header, claims)).await;
    assert_refused(outcome, &OidcError::Algorithm);

    for junk in ["", "a.b.c", "not a token"] {
        assert_refused(stage.sign_in(json!({}), |_| junk.to_owned()).await, &OidcError::Malformed);
    }
    stage.signed(json!({})).await.unwrap();
}

#[tokio::test]
async fn a_shared_secret_is_no_signature_even_if_it_is_the_right_one() {
    let stage = Stage::new(Algorithm::EdDSA).await;
    let header = jsonwebtoken::Header::new(Algorithm::HS256);
    let secret = jsonwebtoken::EncodingKey::from_secret(b"s3cret");
    let sign = |claims: &Value| jsonwebtoken::encode(&header, claims, &secret).unwrap();
    assert_refused(stage.sign_in(json!({}), sign).await, &OidcError::Algorithm);

    for name in ["HS256", "none", "ES256K", ""] {
        let mut config = ProviderConfig::new("https://login.example.com", CLIENT);
        config.allowed_algorithms = vec![name.to_owned()];
        assert!(matches!(Provider::new(config), Err(OidcError::Config(_))), "{name}");
    }
}

#[tokio::test]
async fn keys_are_exchanged_while_running() {
    let mut stage = Stage::new(Algorithm::ES256).await;
    stage.signed(json!({})).await.unwrap();
    assert_eq!(stage.fetched_keys(), 1);
    stage.hand.wait(60);

    let old = std::mem::replace(&mut stage.key, Key::new("second", Algorithm::ES256));
    stage.issuer.publish(&[&old, &stage.key]);
    stage.signed(json!({})).await.unwrap();
    assert_eq!(stage.fetched_keys(), 2, "once for the new key");
    stage.sign_in(json!({}), |claims| old.sign(claims)).await.unwrap();
    assert_eq!(stage.fetched_keys(), 2);

    // Withdrawn without notice: gone with the next renewal.
    stage.issuer.publish(&[&stage.key]);
    stage.hand.wait(3600);
    let outcome = stage.sign_in(json!({}), |claims| old.sign(claims)).await;
    assert_refused(outcome, &OidcError::UnknownKey);
    stage.signed(json!({})).await.unwrap();
}

#[tokio::test]
async fn a_key_without_a_name_is_exchanged_too() {
    let stage = Stage::new(Algorithm::EdDSA).await;
    let publish = |key: &Key| {
        let mut public = key.public();
        public.as_object_mut().unwrap().remove("kid");
        stage.issuer.set("/keys", Answer::json(&json!({ "keys": [public] })));
    };
    let header = jsonwebtoken::Header::new(Algorithm::EdDSA);
    for key in [Key::new("", Algorithm::EdDSA), Key::new("", Algorithm::EdDSA)] {
        publish(&key);
        let outcome = stage.sign_in(json!({}), |claims| key.sign_with(&header, claims)).await;
        outcome.unwrap();
        stage.hand.wait(10);
    }
}

#[tokio::test]
async fn unknown_keys_do_not_cost_a_request_each() {
    let stage = Stage::new(Algorithm::EdDSA).await;
    let stranger = Key::new("stranger", Algorithm::EdDSA);
    stage.signed(json!({})).await.unwrap();
    stage.hand.wait(10);
    for _ in 0..5 {
        let outcome = stage.sign_in(json!({}), |claims| stranger.sign(claims)).await;
        assert_refused(outcome, &OidcError::UnknownKey);
    }
    assert_eq!(stage.fetched_keys(), 2);
}

#[tokio::test]
async fn the_issuer_that_sent_the_browser_back_is_checked() {
    let stage = Stage::new(Algorithm::EdDSA).await;
    let finish = async |iss: Option<&str>| {
        let begin = stage.begin().await;
        stage.issuer.hand_out(&stage.key.sign(&stage.claims(&begin, json!({}))));
        let pending = Pending { nonce: begin.nonce, pkce_verifier: begin.pkce_verifier };
        stage.provider.finish(BACK, Callback { code: "a code", iss }, pending).await
    };
    finish(None).await.unwrap();
    finish(Some(&stage.issuer.url)).await.unwrap();
    let exchanged = stage.issuer.asked("/token").len();
    assert_refused(finish(Some("https://other.example")).await, &OidcError::WrongIssuer);

    stage.issuer.describe(json!({ "authorization_response_iss_parameter_supported": true }));
    stage.hand.wait(3600);
    assert_refused(finish(None).await, &OidcError::WrongIssuer);
    assert_eq!(stage.issuer.asked("/token").len(), exchanged, "no code went to the wrong issuer");
}

#[tokio::test]
async fn one_issuer_for_several_tenants() {
    let key = Key::new("first", Algorithm::RS256);
    let issuer = Issuer::start(&[&key]).await;
    let template = format!("{}/{{tenantid}}/v2.0", issuer.url);
    let mut metadata = issuer.metadata();
    metadata["issuer"] = json!(template);
    let path = "/organizations/v2.0/.well-known/openid-configuration";
    issuer.set(path, Answer::json(&metadata));

    let alone = ProviderConfig::new(template.as_str(), CLIENT);
    assert!(matches!(Provider::new(alone), Err(OidcError::Config(_))), "names no tenants");
    let alone = ProviderConfig::new(format!("{}/organizations/v2.0", issuer.url), CLIENT);
    let outcome = Provider::new(alone).unwrap().begin(BACK).await;
    assert!(matches!(outcome, Err(OidcError::Config(_))), "names no tenants: {outcome:?}");

    let stage = Stage::with(issuer, key, |config| {
        config.issuer = template;
        config.tenants = vec!["t1".to_owned(), "t2".to_owned()];
    });
    let of = |tenant: &str| format!("{}/{tenant}/v2.0", stage.issuer.url);
    let signed_in = stage.signed(json!({ "tid": "t2", "iss": of("t2") })).await.unwrap();
    assert_eq!(signed_in.issuer, of("t2"));
    for (tenant, issuer, expected) in [
        ("t3", of("t3"), OidcError::WrongTenant),
        ("t1", of("t2"), OidcError::WrongIssuer),
        ("t1", of("{tenantid}"), OidcError::WrongIssuer),
        ("{tenantid}", of("{tenantid}"), OidcError::WrongTenant),
    ] {
        let outcome = stage.signed(json!({ "tid": tenant, "iss": issuer })).await;
        assert_refused(outcome, &expected);
    }
    let outcome = stage.signed(json!({ "iss": of("t1") })).await;
    assert_refused(outcome, &OidcError::WrongTenant);
}

#[tokio::test]
async fn too_many_groups_are_noticed() {
    let stage = Stage::new(Algorithm::EdDSA).await;
    let overage = json!({ "_claim_names": { "groups": "src1" }, "_claim_sources": {} });
    assert!(stage.signed(overage).await.unwrap().groups_overage);
}

#[tokio::test]
async fn a_refusal_is_passed_on() {
    let stage = Stage::new(Algorithm::EdDSA).await;
    let begin = stage.begin().await;
    let refusal = json!({ "error": "invalid_grant", "error_description": "used\r\ntwice" });
    let answer = Answer { status: StatusCode::BAD_REQUEST, ..Answer::json(&refusal) };
    stage.issuer.set("/token", answer);
    let error = stage.finish(begin).await.unwrap_err();
    assert_eq!(error.to_string(), "the identity provider refused: invalid_grant: used  twice");
}

#[tokio::test]
async fn signing_out_at_the_provider() {
    let stage = Stage::new(Algorithm::EdDSA).await;
    let id_token = stage.signed(json!({})).await.unwrap().id_token;
    let url = stage.provider.logout_url(Some(&id_token), "https://durward.example/", "st").await;
    let url = Url::parse(&url.unwrap()).unwrap();
    assert_eq!(url.path(), "/logout");
    let asked: HashMap<_, _> = url.query_pairs().into_owned().collect();
    assert_eq!(asked["id_token_hint"], id_token);
    assert_eq!(asked["post_logout_redirect_uri"], "https://durward.example/");
    assert_eq!((asked["state"].as_str(), asked["client_id"].as_str()), ("st", CLIENT));

    let without = stage.provider.logout_url(Some("junk"), "https://durward.example/", "st").await;
    assert!(!without.unwrap().contains("id_token_hint"), "junk is left out");

    stage.issuer.describe(json!({ "end_session_endpoint": null }));
    stage.hand.wait(3600);
    assert_eq!(stage.provider.logout_url(None, "https://durward.example/", "st").await, None);
}

#[tokio::test]
async fn nothing_secret_is_printed() {
    let mut config = ProviderConfig::new("https://login.example.com", CLIENT);
    config.client_secret = Some(Secret::new("s3cret".to_owned()));
    assert!(!format!("{config:?}").contains("s3cret"));
    let stage = Stage::new(Algorithm::EdDSA).await;
    assert!(!format!("{:?}", stage.provider).contains("s3cret"));
    let begin = stage.begin().await;
    assert_eq!(format!("{begin:?}"), "Begin { .. }");
    let pending = Pending { nonce: begin.nonce, pkce_verifier: begin.pkce_verifier };
    assert_eq!(format!("{pending:?}"), "Pending { .. }");
    assert_eq!(format!("{:?}", Callback { code: "c", iss: None }), "Callback { .. }");
}
