//! Access tokens of other issuers.

use std::time::{Duration, SystemTime};

use axum::http::StatusCode;
use durward_oidc::{BearerConfig, BearerError, Bearers, Claims, OidcError};
use jsonwebtoken::{Algorithm, Header};
use serde_json::{Value, json};

use crate::issuer::{Answer, Hand, Issuer};
use crate::keys::{Key, signed_with_public_key, tampered, unsigned};

const AUDIENCE: &str = "api://durward";

struct Stage {
    issuer: Issuer,
    bearers: Bearers,
    hand: Hand,
    key: Key,
}

impl Stage {
    async fn new(algorithm: Algorithm) -> Stage {
        let key = Key::new("first", algorithm);
        let issuer = Issuer::start(&[&key]).await;
        let hand = Hand::new();
        let audiences = vec![AUDIENCE.to_owned(), "durward".to_owned()];
        let config = BearerConfig::new(&issuer.url, audiences);
        let bearers = Bearers::with_clock(vec![config], hand.clock()).unwrap();
        Stage { issuer, bearers, hand, key }
    }

    /// Claims of a proper token of a person, with changes; `null` takes one away.
    fn claims(&self, changes: Value) -> Value {
        let mut claims = json!({
            "iss": self.issuer.url, "aud": AUDIENCE, "sub": "pairwise", "oid": "object-1",
            "tid": "tenant-1", "azp": "app-1", "scp": "AuditLog.Read.All User.Read",
            "name": "Demo Reader", "preferred_username": "reader@example.com",
            "iat": self.hand.now(), "nbf": self.hand.now(), "exp": self.hand.now() + 600,
        });
        let map = claims.as_object_mut().unwrap();
        map.extend(changes.as_object().unwrap().clone());
        map.retain(|_, value| !value.is_null());
        claims
    }

    async fn validate(&self, changes: Value) -> Result<Claims, BearerError> {
        self.bearers.validate(&self.key.sign(&self.claims(changes))).await
    }

    async fn refused(&self, changes: Value) -> BearerError {
        let shown = changes.to_string();
        self.validate(changes).await.expect_err(&shown)
    }
}

#[tokio::test]
async fn a_person_through_an_application() {
    let stage = Stage::new(Algorithm::RS256).await;
    let claims = stage.validate(json!({})).await.unwrap();
    assert_eq!(claims.issuer, stage.issuer.url);
    assert_eq!(claims.audience, AUDIENCE);
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(claims.subject, text("pairwise"));
    assert_eq!(claims.object_id, text("object-1"));
    assert_eq!(claims.tenant_id, text("tenant-1"));
    assert_eq!(claims.app_id, text("app-1"));
    assert_eq!(claims.name, text("Demo Reader"));
    assert_eq!(claims.user_principal_name, text("reader@example.com"));
    assert_eq!(claims.scopes, ["AuditLog.Read.All", "User.Read"]);
    assert!(claims.roles.is_empty() && !claims.is_app_only);
    let expires = Duration::from_secs(stage.hand.now() + 600);
    assert_eq!(claims.expires, SystemTime::UNIX_EPOCH + expires);
    assert_eq!(Value::Object(claims.raw), stage.claims(json!({})));
}

/// Handlers of HTTP requests move between threads.
#[test]
fn validating_may_move_between_threads() {
    fn assert_send(_: &impl Send) {}
    assert_send(&Bearers::new(vec![]).unwrap().validate("token"));
}

#[tokio::test]
async fn an_application_for_itself() {
    let stage = Stage::new(Algorithm::RS256).await;
    let app = json!({
        "scp": null, "roles": ["AuditLog.Read.All"], "sub": "object-2", "oid": "object-2",
        "azp": null, "appid": "app-2", "name": null, "preferred_username": null,
        "app_displayname": "Collector", "aud": "durward",
    });
    let claims = stage.validate(app).await.unwrap();
    assert!(claims.is_app_only, "the subject is the application");
    assert_eq!(claims.roles, ["AuditLog.Read.All"]);
    assert_eq!(claims.app_id.as_deref(), Some("app-2"));
    assert_eq!(claims.name.as_deref(), Some("Collector"));
    assert_eq!(claims.audience, "durward");

    let is_app_only = async |changes| stage.validate(changes).await.unwrap().is_app_only;
    assert!(is_app_only(json!({ "idtyp": "app" })).await);
    assert!(!is_app_only(json!({ "idtyp": "user", "scp": null })).await);
    let person = json!({ "scp": null, "roles": ["AuditLog.Read.All"] });
    assert!(!is_app_only(person).await, "a person's app roles are no application's");
    let delegated = json!({ "scp": "a", "oid": "same", "sub": "same" });
    assert!(!is_app_only(delegated).await, "scopes are for a person");
    let rfc9068 = json!({ "scp": null, "oid": null, "azp": null, "client_id": "c", "sub": "c" });
    assert!(is_app_only(rfc9068).await);
    let scopes = json!({ "scp": null, "scope": "a b" });
    assert_eq!(stage.validate(scopes).await.unwrap().scopes, ["a", "b"]);
}

#[tokio::test]
async fn each_algorithm_works() {
    for algorithm in [Algorithm::PS256, Algorithm::ES256, Algorithm::EdDSA] {
        let stage = Stage::new(algorithm).await;
        stage.validate(json!({})).await.unwrap();
    }
}

#[tokio::test]
async fn wrong_claims_are_refused_with_their_reason() {
    let stage = Stage::new(Algorithm::ES256).await;
    let now = stage.hand.now();
    for (changes, expected) in [
        (json!({ "aud": "other" }), BearerError::WrongAudience),
        (json!({ "aud": ["other", "third"] }), BearerError::WrongAudience),
        (json!({ "exp": now - 120 }), BearerError::Expired),
        (json!({ "nbf": now + 121 }), BearerError::NotYetValid),
        (json!({ "iss": "https://other.example" }), BearerError::UnknownIssuer),
        (json!({ "iss": format!("{}/", stage.issuer.url) }), BearerError::UnknownIssuer),
        (json!({ "iss": stage.issuer.url.to_uppercase() }), BearerError::UnknownIssuer),
        (json!({ "scp": null, "nonce": "n" }), BearerError::NotAnAccessToken),
        (json!({ "scp": null, "at_hash": "h" }), BearerError::NotAnAccessToken),
        (json!({ "typ": "ID" }), BearerError::NotAnAccessToken),
        (json!({ "typ": "Refresh" }), BearerError::NotAnAccessToken),
    ] {
        let shown = changes.to_string();
        assert_eq!(stage.refused(changes).await, expected, "{shown}");
    }
    for changes in [
        json!({ "aud": null }),
        json!({ "exp": null }),
        json!({ "exp": "tomorrow" }),
        json!({ "exp": u64::MAX }),
        json!({ "nbf": "yesterday" }),
        json!({ "iss": null }),
        json!({ "iss": [stage.issuer.url] }),
    ] {
        let shown = changes.to_string();
        let error = stage.refused(changes).await;
        assert!(matches!(error, BearerError::Malformed(_)), "{shown}: {error}");
    }
    // Just in time, and for several at once.
    stage.validate(json!({ "exp": now - 119, "nbf": now + 120 })).await.unwrap();
    stage.validate(json!({ "aud": ["other", AUDIENCE] })).await.unwrap();
    stage.validate(json!({ "typ": "Bearer", "nonce": "n" })).await.unwrap();
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let stage = Stage::new(Algorithm::RS256).await;
    let claims = stage.claims(json!({}));
    let validate = async |token: &str| stage.bearers.validate(token).await.unwrap_err();
    assert_eq!(validate(&unsigned(&claims)).await, BearerError::Algorithm);
    for token in signed_with_public_key(&stage.key, &claims) {
        assert_eq!(validate(&token).await, BearerError::Algorithm);
    }
    let good = stage.key.sign(&claims);
    assert_eq!(validate(&tampered(&good)).await, BearerError::BadSignature);

    // Claims of one token with the signature of another.
    let more = stage.key.sign(&stage.claims(json!({ "roles": ["admin"] })));
    let (signed, _) = more.rsplit_once('.').unwrap();
    let (_, signature) = good.rsplit_once('.').unwrap();
    assert_eq!(validate(&format!("{signed}.{signature}")).await, BearerError::BadSignature);

    let stranger = Key::new("stranger", Algorithm::ES256).sign(&claims);
    assert_eq!(validate(&stranger).await, BearerError::UnknownKey);
    let same_name = Key::new("first", Algorithm::ES256).sign(&claims);
    assert_eq!(validate(&same_name).await, BearerError::Algorithm, "does not fit the key");
    let other = Header { alg: Algorithm::PS256, ..stage.key.header() };
    let other = stage.key.sign_with(&other, &claims);
    assert_eq!(validate(&other).await, BearerError::Algorithm, "the key is for RS256");

    // A token that brings its own key, or says where it is.
    let own = Key::new("own", Algorithm::ES256);
    let jwk = serde_json::from_value(own.public()).unwrap();
    let jku = format!("{}/own", stage.issuer.url);
    let header = Header { jwk: Some(jwk), jku: Some(jku), ..own.header() };
    assert_eq!(validate(&own.sign_with(&header, &claims)).await, BearerError::UnknownKey);
    assert!(stage.issuer.asked("/own").is_empty());

    let header = Header { typ: Some("logout+jwt".to_owned()), ..stage.key.header() };
    let token = stage.key.sign_with(&header, &claims);
    assert_eq!(validate(&token).await, BearerError::NotAnAccessToken);
    let header = Header { crit: Some(vec!["b64".to_owned()]), ..stage.key.header() };
    let token = stage.key.sign_with(&header, &claims);
    assert!(matches!(validate(&token).await, BearerError::Malformed(_)));
}

#[tokio::test]
async fn what_is_no_token_asks_nobody() {
    let stage = Stage::new(Algorithm::ES256).await;
    let long = stage.claims(json!({ "padding": "x".repeat(16 * 1024) }));
    let other = stage.claims(json!({ "iss": "https://other.example" }));
    for token in [
        String::new(),
        "abc".to_owned(),
        "a.b.c".to_owned(),
        "\u{0}.\u{0}.\u{0}".to_owned(),
        stage.key.sign(&long),
        stage.key.sign(&other),
        unsigned(&stage.claims(json!({}))),
    ] {
        stage.bearers.validate(&token).await.unwrap_err();
    }
    assert!(stage.issuer.asked("/keys").is_empty());
    stage.validate(json!({})).await.unwrap();
}

#[tokio::test]
async fn keys_are_exchanged_while_running() {
    let mut stage = Stage::new(Algorithm::ES256).await;
    stage.validate(json!({})).await.unwrap();
    let old = std::mem::replace(&mut stage.key, Key::new("second", Algorithm::ES256));
    stage.issuer.publish(&[&stage.key]);
    stage.hand.wait(10);
    stage.validate(json!({})).await.unwrap();
    let error = stage.bearers.validate(&old.sign(&stage.claims(json!({})))).await.unwrap_err();
    assert_eq!(error, BearerError::UnknownKey, "withdrawn");
    for _ in 0..5 {
        let stranger = Key::new("stranger", Algorithm::ES256).sign(&stage.claims(json!({})));
        assert_eq!(stage.bearers.validate(&stranger).await, Err(BearerError::UnknownKey));
    }
    assert_eq!(stage.issuer.asked("/keys").len(), 2, "not with every unknown key");
}

#[tokio::test]
async fn a_key_without_a_name_is_exchanged_too() {
    let stage = Stage::new(Algorithm::EdDSA).await;
    for key in [Key::new("", Algorithm::EdDSA), Key::new("", Algorithm::EdDSA)] {
        let mut public = key.public();
        public.as_object_mut().unwrap().remove("kid");
        stage.issuer.set("/keys", Answer::json(&json!({ "keys": [public] })));
        let token = key.sign_with(&Header::new(Algorithm::EdDSA), &stage.claims(json!({})));
        stage.bearers.validate(&token).await.unwrap();
        stage.hand.wait(10);
    }
}

#[tokio::test]
async fn keys_are_not_fetched_without_encryption() {
    let stage = Stage::new(Algorithm::ES256).await;
    stage.issuer.describe(json!({ "jwks_uri": "http://login.example.com/keys" }));
    let error = stage.refused(json!({})).await;
    assert!(error.to_string().contains("https is needed"), "{error}");
}

#[tokio::test]
async fn a_withdrawn_key_stops_working_within_the_hour() {
    let stage = Stage::new(Algorithm::ES256).await;
    stage.validate(json!({})).await.unwrap();
    stage.issuer.publish(&[&Key::new("second", Algorithm::ES256)]);
    stage.hand.wait(3599);
    stage.validate(json!({})).await.unwrap();
    stage.hand.wait(1);
    assert_eq!(stage.refused(json!({})).await, BearerError::UnknownKey);
}

#[tokio::test]
async fn an_issuer_may_be_away_for_a_while() {
    let stage = Stage::new(Algorithm::ES256).await;
    stage.validate(json!({})).await.unwrap();
    stage.issuer.set("/keys", Answer::status(StatusCode::BAD_GATEWAY));
    stage.hand.wait(2 * 3600);
    stage.validate(json!({})).await.unwrap();
    stage.hand.wait(2 * 3600);
    let error = stage.refused(json!({})).await;
    assert!(matches!(error, BearerError::ProviderUnreachable(_)), "{error}");
    stage.issuer.publish(&[&stage.key]);
    stage.hand.wait(60);
    stage.validate(json!({})).await.unwrap();
}

#[tokio::test]
async fn a_flood_of_keys_is_cut_off() {
    let stage = Stage::new(Algorithm::ES256).await;
    let padding = "x".repeat(1 << 20);
    let keys = json!({ "keys": [stage.key.public()], "padding": padding });
    stage.issuer.set("/keys", Answer::json(&keys));
    let error = stage.refused(json!({})).await;
    assert!(matches!(error, BearerError::ProviderUnreachable(_)), "{error}");
}

#[tokio::test]
async fn keys_from_a_given_address_need_no_metadata() {
    let key = Key::new("first", Algorithm::ES256);
    let server = Issuer::start(&[&key]).await;
    let hand = Hand::new();
    let mut config = BearerConfig::new("https://sts.example/t1/", vec![AUDIENCE.to_owned()]);
    config.jwks_uri = Some(format!("{}/keys", server.url));
    let bearers = Bearers::with_clock(vec![config], hand.clock()).unwrap();
    let claims =
        json!({ "iss": "https://sts.example/t1/", "aud": AUDIENCE, "exp": hand.now() + 1 });
    bearers.validate(&key.sign(&claims)).await.unwrap();
    assert!(server.asked("/.well-known/openid-configuration").is_empty());
}

#[test]
fn configurations_that_cannot_work() {
    let audience = || vec![AUDIENCE.to_owned()];
    let config = |issuer: &str| BearerConfig::new(issuer, audience());
    let refused = |configs| matches!(Bearers::new(configs), Err(OidcError::Config(_)));
    assert!(refused(vec![BearerConfig::new("https://i.example", vec![])]));
    assert!(refused(vec![BearerConfig::new("https://i.example", vec![String::new()])]));
    assert!(refused(vec![config("http://i.example")]));
    assert!(refused(vec![config("https://i.example"), config("https://i.example")]));
    let keys = Some("http://i.example/keys".to_owned());
    assert!(refused(vec![BearerConfig { jwks_uri: keys, ..config("https://i.example") }]));
    assert!(Bearers::new(vec![]).unwrap().is_empty());
}

#[tokio::test]
async fn nothing_secret_is_printed() {
    let stage = Stage::new(Algorithm::ES256).await;
    let claims = stage.validate(json!({ "email": "private" })).await.unwrap();
    assert!(!format!("{claims:?}").contains("private"));
    assert!(format!("{:?}", stage.bearers).contains(&stage.issuer.url));
}
