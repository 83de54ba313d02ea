//! An OpenID provider that hands out what it is told to.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use durward_model::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::PublicKeyData as _;
use serde_json::{Value, json};

pub(super) const CLIENT: &str = "durward-test";

/// The provider; serves as long as the process runs.
pub(super) struct Issuer {
    pub(super) url: String,
    key: rcgen::KeyPair,
    answers: Arc<Mutex<HashMap<String, String>>>,
}

impl Issuer {
    pub(super) fn start() -> Issuer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let answers = Arc::new(Mutex::new(HashMap::new()));
        let issuer = Issuer { url, key, answers: answers.clone() };
        let at = |path: &str| format!("{}{path}", issuer.url);
        issuer.set(
            "/.well-known/openid-configuration",
            &json!({
                "issuer": issuer.url,
                "authorization_endpoint": at("/authorize"),
                "token_endpoint": at("/token"),
                "jwks_uri": at("/keys"),
                "end_session_endpoint": at("/logout"),
            }),
        );
        let x = URL_SAFE_NO_PAD.encode(issuer.key.der_bytes());
        issuer.set(
            "/keys",
            &json!({ "keys": [
            { "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "k", "x": x },
        ] }),
        );
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let (mut line, mut length) = (String::new(), 0);
                reader.read_line(&mut line).unwrap();
                let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
                while line.trim() != "" {
                    line.clear();
                    reader.read_line(&mut line).unwrap();
                    if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                }
                reader.read_exact(&mut vec![0; length]).unwrap();
                let body = answers.lock().unwrap().get(&path).cloned();
                let status = if body.is_some() { "200 OK" } else { "404 Not Found" };
                let body = body.unwrap_or_default();
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n\
                     Content-Length: {}\r\n\r\n{body}",
                    body.len()
                );
            }
        });
        issuer
    }

    fn set(&self, path: &str, body: &Value) {
        self.answers.lock().unwrap().insert(path.to_owned(), body.to_string());
    }

    /// What the next sign-in gets: a token with these claims besides the usual.
    pub(super) fn hand_out(&self, nonce: &str, more: &Value) {
        let now = Timestamp::now().micros / 1_000_000;
        let mut claims = json!({
            "iss": self.url, "aud": CLIENT, "sub": "s1", "nonce": nonce,
            "iat": now, "exp": now + 300,
        });
        let more = more.as_object().unwrap().clone();
        claims.as_object_mut().unwrap().extend(more);
        let header = Header { kid: Some("k".to_owned()), ..Header::new(Algorithm::EdDSA) };
        let key = EncodingKey::from_ed_der(self.key.serialized_der());
        let id_token = jsonwebtoken::encode(&header, &claims, &key).unwrap();
        self.set("/token", &json!({
            "access_token": "x", "token_type": "Bearer", "expires_in": 300, "id_token": id_token,
        }));
    }
}
