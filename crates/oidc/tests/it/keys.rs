//! Keys made anew for each run, and tokens signed with them.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rsa::RsaPrivateKey;
use rsa::pkcs1::{EncodeRsaPrivateKey as _, EncodeRsaPublicKey as _};
use rsa::pkcs8::{EncodePublicKey as _, LineEnding};
use serde_json::{Value, json};

/// PKCS #8 up to the private key, of Ed25519 and of P-256.
const ED25519_PREFIX: &[u8] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
const P256_PREFIX: &[u8] = b"\x30\x41\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\
      \x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x04\x27\x30\x25\x02\x01\x01\x04\x20";

/// A signing key with a name.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) algorithm: Algorithm,
    private: EncodingKey,
}

impl Key {
    pub(crate) fn new(id: &str, algorithm: Algorithm) -> Key {
        let private = match algorithm {
            Algorithm::EdDSA => EncodingKey::from_ed_der(&[ED25519_PREFIX, &random()].concat()),
            Algorithm::ES256 => EncodingKey::from_ec_der(&[P256_PREFIX, &random()].concat()),
            _ => EncodingKey::from_rsa_der(rsa().to_pkcs1_der().unwrap().as_bytes()),
        };
        Key { id: id.to_owned(), algorithm, private }
    }

    /// As it is published.
    pub(crate) fn public(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.private, self.algorithm).unwrap();
        jwk.common.key_id = Some(self.id.clone());
        let mut jwk = serde_json::to_value(jwk).unwrap();
        jwk["use"] = json!("sig");
        jwk
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_with(&self.header(), claims)
    }

    pub(crate) fn header(&self) -> Header {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(self.id.clone());
        header
    }

    pub(crate) fn sign_with(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &self.private).unwrap()
    }
}

/// Slow to make, so one does for all tests.
fn rsa() -> &'static RsaPrivateKey {
    static KEY: OnceLock<RsaPrivateKey> = OnceLock::new();
    KEY.get_or_init(|| RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).unwrap())
}

fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

/// A token that is not signed.
pub(crate) fn unsigned(claims: &Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", encode(&json!({ "alg": "none", "typ": "JWT" })), encode(claims))
}

/// Tokens signed by somebody who takes an RSA key that everybody can see for a shared secret, in
/// each form in which it might be at hand.
pub(crate) fn signed_with_public_key(published: &Key, claims: &Value) -> Vec<String> {
    let public = rsa().to_public_key();
    let secrets = [
        public.to_public_key_pem(LineEnding::LF).unwrap().into_bytes(),
        public.to_public_key_der().unwrap().into_vec(),
        public.to_pkcs1_der().unwrap().into_vec(),
        published.public().to_string().into_bytes(),
        published.public()["n"].to_string().into_bytes(),
    ];
    let header = Header { kid: Some(published.id.clone()), ..Header::new(Algorithm::HS256) };
    let sign = |secret: &Vec<u8>| {
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(secret)).unwrap()
    };
    secrets.iter().map(sign).collect()
}

/// A token whose signature was changed.
pub(crate) fn tampered(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    bytes[20] ^= 1;
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(bytes))
}
