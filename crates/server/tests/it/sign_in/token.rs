//! The token endpoint.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use durward_access::{NewToken, Role};
use durward_journal::{Action, Query};
use durward_model::Timestamp;
use serde_json::Value;

use super::house::House;
use crate::client::Answer;

const TOKEN: &str = "/contoso.example/oauth2/v2.0/token";

fn new_token(house: &House, name: &str, permission: &str) -> (String, String) {
    let new = NewToken {
        name: name.to_owned(),
        permissions: vec![permission.to_owned()],
        ..NewToken::default()
    };
    let (token, secret) = house.people.create_token(&new, Timestamp::now()).unwrap();
    (token.id, secret)
}

fn code(answer: &Answer) -> (u16, String, u64) {
    let body = answer.json();
    let error = body["error"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned();
    let code = body["error_codes"][0].as_u64().unwrap();
    let said = body["error_description"].as_str().unwrap();
    assert!(said.starts_with(&format!("AADSTS{code}: ")), "{said}");
    for member in ["timestamp", "trace_id", "correlation_id"] {
        assert!(body[member].is_string(), "{member} in {body}");
    }
    (answer.status, error, code)
}

fn list(house: &House, token: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str())];
    house.browser().send("GET", "/v1.0/auditLogs/signIns", &headers, b"")
}

#[test]
fn a_client_gets_a_token_and_lists_sign_ins() {
    let house = House::open();
    let (id, secret) = new_token(&house, "siem", "AuditLog.Read.All");
    let mut browser = house.browser();
    let found = browser.get("/contoso.example/v2.0/.well-known/openid-configuration").json();
    assert!(found["token_endpoint"].as_str().unwrap().ends_with(TOKEN), "{found}");
    for needed in ["issuer", "authorization_endpoint", "jwks_uri"] {
        assert!(found[needed].is_string(), "{needed}");
    }
    assert_eq!(
        browser.get("/contoso.example/discovery/v2.0/keys").json()["keys"],
        Value::Array(vec![])
    );
    let scope = ("scope", "https://graph.microsoft.com/.default");
    for client in [id.as_str(), "siem", "SIEM"] {
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", client),
            ("client_secret", &secret),
            scope,
        ];
        let answer = browser.post(TOKEN, &fields);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let body = answer.json();
        assert_eq!(body["token_type"], "Bearer");
        assert!(body["expires_in"].as_u64().unwrap() > 600);
        let token = body["access_token"].as_str().unwrap();
        assert_ne!(token, secret);
        assert_eq!(list(&house, token).status, 200);
    }
    let basic = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
    let headers =
        [("Authorization", basic.as_str()), ("Content-Type", "application/x-www-form-urlencoded")];
    let answer = browser.send("POST", TOKEN, &headers, b"grant_type=client_credentials");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let first = browser.post(
        "/common/oauth2/token",
        &[
            ("grant_type", "client_credentials"),
            ("client_id", &id),
            ("client_secret", &secret),
            ("resource", "https://graph.microsoft.com"),
        ],
    );
    let first = first.json();
    assert!(first["expires_in"].is_string(), "{first}");
    let token = first["access_token"].as_str().unwrap();

    let uses = house.journal.list(&Query::default()).unwrap();
    let uses = uses.iter().filter(|one| one.entry.action == Action::Token);
    let names: Vec<_> = uses.map(|one| one.entry.actor.token.clone()).collect();
    assert_eq!(names, vec![Some("siem".to_owned()); 5]);
    house.people.revoke_token(&id, Timestamp::now()).unwrap();
    assert_eq!(list(&house, token).status, 401, "revoked with the token it is of");
}

#[test]
fn a_token_without_the_permission_is_told_so_as_graph_does() {
    let house = House::open();
    let (id, secret) = new_token(&house, "pusher", "ingest");
    let fields =
        [("grant_type", "client_credentials"), ("client_id", &id), ("client_secret", &secret)];
    let answer = house.browser().post(TOKEN, &fields).json();
    let answer = list(&house, answer["access_token"].as_str().unwrap());
    let wanted = (403, "Authentication_MSGraphPermissionMissing".to_owned());
    assert_eq!(answer.error(), wanted);
}

#[test]
fn what_is_wrong_is_said_in_entras_shape() {
    let mut house = House::open();
    house.person("ada", &[Role::GlobalAdministrator]);
    let (id, secret) = new_token(&house, "siem", "read");
    let (_, other) = new_token(&house, "other", "read");
    let mut browser = house.browser();
    let grant = ("grant_type", "client_credentials");
    let full = |client: &'static str, secret| {
        vec![grant, ("client_id", client), ("client_secret", secret)]
    };
    let (expired, short) = ("durward_x", "x");
    for (fields, status, error, number) in [
        (vec![], 400, "invalid_request", 900_144),
        (vec![grant], 400, "invalid_request", 900_144),
        (vec![grant, ("client_id", "siem")], 401, "invalid_client", 7_000_216),
        (vec![("grant_type", "password")], 400, "unsupported_grant_type", 70_003),
        (full("siem", short), 401, "invalid_client", 7_000_215),
        (full("siem", expired), 401, "invalid_client", 7_000_215),
        (full("siem", &other), 401, "invalid_client", 7_000_215),
        (full("nobody", &secret), 401, "invalid_client", 7_000_215),
    ] {
        let answer = browser.post(TOKEN, &fields);
        assert_eq!(code(&answer), (status, error.to_owned(), number), "{fields:?}");
        assert_eq!(answer.header("www-authenticate").is_some(), status == 401);
    }
    let json = [("Content-Type", "application/json")];
    assert_eq!(code(&browser.send("POST", TOKEN, &json, b"{}")).0, 415);
    let mut last = 0;
    for _ in 0..10 {
        let answer = browser.post(TOKEN, &full("siem", short));
        last = answer.status;
        if last == 429 {
            assert!(answer.header("retry-after").is_some());
            break;
        }
    }
    assert_eq!(last, 429, "who goes on guessing is slowed");
    let mut elsewhere = house.browser_at("192.0.2.99");
    let fields = [grant, ("client_id", &id), ("client_secret", &secret)];
    assert_eq!(elsewhere.post(TOKEN, &fields).status, 200, "and nobody else");

    house.reopen();
    let failed = house.own_events("code:7000215");
    assert!(failed.len() >= 4, "{}", failed.len());
    assert!(failed.iter().all(|event| event["signInEventTypes"][0] == "servicePrincipal"));
}
