//! How an issuer is asked: where, how often, and what of its answers is taken.

use axum::http::StatusCode;
use durward_oidc::{Begin, OidcError, Provider, ProviderConfig};
use jsonwebtoken::Algorithm;
use serde_json::json;

use crate::issuer::{Answer, Hand, Issuer};
use crate::keys::Key;

const METADATA: &str = "/.well-known/openid-configuration";

async fn begin(issuer: &Issuer) -> Result<Begin, OidcError> {
    let config = ProviderConfig::new(&issuer.url, "durward");
    Provider::new(config).unwrap().begin("https://durward.example/back").await
}

#[track_caller]
fn assert_unreachable(outcome: Result<Begin, OidcError>, why: &str) {
    let error = outcome.expect_err("must fail");
    assert!(matches!(error, OidcError::Unreachable(_)), "{error:?}");
    assert!(error.to_string().contains(why), "{error}");
}

#[tokio::test]
async fn metadata_of_another_issuer_is_refused() {
    let issuer = Issuer::start(&[]).await;
    issuer.describe(json!({ "issuer": "https://other.example" }));
    assert_unreachable(begin(&issuer).await, "describes the issuer \"https://other.example\"");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let issuer = Issuer::start(&[]).await;
    issuer.set("/elsewhere", Answer::json(&issuer.metadata()));
    let location = Some(format!("{}/elsewhere", issuer.url));
    issuer.set(METADATA, Answer { location, ..Answer::status(StatusCode::FOUND) });
    assert_unreachable(begin(&issuer).await, "redirects are refused");
    assert!(issuer.asked("/elsewhere").is_empty());
}

#[tokio::test]
async fn a_flood_is_cut_off() {
    let issuer = Issuer::start(&[]).await;
    let padding = "x".repeat(1 << 20);
    issuer.describe(json!({ "padding": padding }));
    assert_unreachable(begin(&issuer).await, "more than 1048576 bytes");
}

#[tokio::test]
async fn endpoints_without_encryption_are_refused() {
    let issuer = Issuer::start(&[]).await;
    for name in ["authorization_endpoint", "token_endpoint"] {
        issuer.describe(json!({ name: "http://login.example.com/x" }));
        assert_unreachable(begin(&issuer).await, "https is needed");
        issuer.describe(json!({ name: null }));
        assert_unreachable(begin(&issuer).await, name);
    }
    for wrong in ["http://login.example.com", "login.example.com", "https://e.example/?x=1", ""] {
        let provider = Provider::new(ProviderConfig::new(wrong, "durward"));
        assert!(matches!(provider, Err(OidcError::Config(_))), "{wrong}");
    }
}

#[tokio::test]
async fn nonsense_is_told_apart_from_absence() {
    let issuer = Issuer::start(&[]).await;
    issuer.set(METADATA, Answer::status(StatusCode::SERVICE_UNAVAILABLE));
    assert_unreachable(begin(&issuer).await, "HTTP status 503");
    issuer.set(METADATA, Answer { body: "<html>".to_owned(), ..Answer::status(StatusCode::OK) });
    assert_unreachable(begin(&issuer).await, "not as expected");
    let nobody = ProviderConfig::new("http://127.0.0.1:9", "durward");
    let outcome = Provider::new(nobody).unwrap().begin("https://durward.example/back").await;
    assert_unreachable(outcome, "127.0.0.1:9");
}

#[tokio::test]
async fn durward_starts_without_the_provider_and_finds_it_later() {
    let issuer = Issuer::start(&[&Key::new("k", Algorithm::EdDSA)]).await;
    let hand = Hand::new();
    let config = ProviderConfig::new(&issuer.url, "durward");
    let provider = Provider::with_clock(config, hand.clock()).unwrap();
    assert!(issuer.asked(METADATA).is_empty(), "nothing is asked at the start");
    issuer.set(METADATA, Answer::status(StatusCode::BAD_GATEWAY));
    for _ in 0..3 {
        assert!(provider.begin("https://durward.example/back").await.is_err());
    }
    assert_eq!(issuer.asked(METADATA).len(), 1, "not with every visitor");
    issuer.describe(json!({}));
    hand.wait(2);
    provider.begin("https://durward.example/back").await.unwrap();
    provider.begin("https://durward.example/back").await.unwrap();
    assert_eq!(issuer.asked(METADATA).len(), 2, "kept");
    hand.wait(3600);
    provider.begin("https://durward.example/back").await.unwrap();
    assert_eq!(issuer.asked(METADATA).len(), 3, "renewed");
}
